//! One process, one session: how long a cycle takes.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use super::floor::{self, Trip};
use super::process::{Handler, Setup, Worker};
use super::report::{Table, paragraph, times, us};
use super::stats::{floats, median, ratio};
use super::support::proxy::Proxy;
use super::{Bench, CLIENT_CORE, REDIS_CORE, process};

struct Case {
    name: &'static str,
    what: &'static str,
    size: u32,
    locking: bool,
}

const fn case(name: &'static str, what: &'static str, size: u32, locking: bool) -> Case {
    Case { name, what, size, locking }
}

const CASES: [Case; 5] = [
    case("locked, changed, 1 KB", "changed", 1 << 10, true),
    case("locked, changed, 10 KB", "changed", 10 << 10, true),
    case("locked, changed, 100 KB", "changed", 100 << 10, true),
    case("read_and_close, 1 KB", "read", 1 << 10, true),
    case("unlocked, changed, 1 KB", "changed", 1 << 10, false),
];

/// The address of Redis, in the forms that the handlers and the floor take.
struct Transport {
    name: &'static str,
    /// The file of the picture.
    file: &'static str,
    save_path: String,
    address: String,
}

pub fn run(bench: &Bench) -> String {
    let mut text = String::new();
    let server = &bench.server;
    process::pin(server.pid(), REDIS_CORE);
    let awake = process::Awake::on(&[REDIS_CORE, &CLIENT_CORE.to_string()]);
    let socket = server.socket().display().to_string();
    paragraph(&mut text, "### One process");
    paragraph(
        &mut text,
        "Microseconds from session_start() to the end of session_write_close(), strict mode, an id that exists, \
         persistent connections; PHP and Redis each on a core of its own, which is kept from falling asleep.",
    );
    for transport in [
        Transport {
            name: "TCP",
            file: "tcp",
            save_path: server.save_path() + "?persistent=1",
            address: server.addr(),
        },
        Transport {
            name: "Unix socket",
            file: "unix",
            save_path: format!("unix://{socket}?persistent=1"),
            address: socket,
        },
    ] {
        text += &measure(bench, &transport, &CASES, bench.cycles(100), bench.rounds(21));
    }
    let proxy = Proxy::start(&server.addr());
    proxy.delay(Duration::from_millis(1));
    let delayed = Transport {
        name: "TCP, each answer 1 ms later",
        file: "delayed",
        save_path: proxy.save_path() + "?persistent=1",
        address: proxy.addr(),
    };
    let cases = [&CASES[0], &CASES[3], &CASES[4]].map(|c| case(c.name, c.what, c.size, c.locking));
    text += &measure(bench, &delayed, &cases, bench.cycles(20), bench.rounds(15));
    drop(awake);
    process::pin(server.pid(), &format!("0-{}", available_parallelism().map_or(1, NonZero::get) - 1));
    text
}

fn measure(bench: &Bench, transport: &Transport, cases: &[Case], cycles: u32, rounds: u32) -> String {
    let handlers = Handler::all();
    // The columns, in the order of [`one_case`].
    let columns: Vec<_> =
        handlers.iter().map(Handler::to_string).chain(["floor", "PINGs"].map(str::to_owned)).collect();
    // Each ratio, with the column that it is of.
    let mut ratios = vec![("of phpredis", 1), ("of the floor", handlers.len())];
    ratios.extend(handlers.iter().position(|handler| *handler == Handler::Before).map(|i| ("of before", i)));
    let mut head = vec![transport.name];
    head.extend(columns.iter().map(String::as_str).chain(ratios.iter().map(|(name, _)| *name)));
    let (mut table, mut groups) = (Table::new(&head), Vec::new());
    for case in cases {
        let rows = one_case(bench, transport, case, cycles, rounds);
        let medians: Vec<_> = rows.iter().map(|row| median(row)).collect();
        let ratios = ratios.iter().map(|&(_, of)| format!("{} x", times(ratio(&rows[0], &rows[of]))));
        let cells = medians.iter().map(|&ns| us(ns)).chain(ratios);
        table.row(std::iter::once(case.name.to_owned()).chain(cells));
        let bars = columns.iter().zip(medians).map(|(column, ns)| (column.clone(), ns / 1e3));
        groups.push((case.name.to_owned(), bars.collect()));
    }
    let title = format!("One process, {}: a cycle", transport.name);
    let picture = bench.picture(transport.file, &title, "us", &groups);
    format!("{}\n{picture}\n", table.markdown())
}

/// The medians of each round: of the handlers, the floor and the PINGs.
fn one_case(bench: &Bench, transport: &Transport, case: &Case, cycles: u32, rounds: u32) -> Vec<Vec<f64>> {
    let setup = |handler| {
        let path = match handler {
            Handler::Files => bench.folder("sessions"),
            _ => transport.save_path.clone(),
        };
        let setup = Setup::new(handler, &path);
        if case.locking { setup } else { setup.unlocked() }
    };
    let id = |name: &str| format!("{name}{}", case.size);
    let mut workers: Vec<(Worker, String)> = Vec::new();
    for handler in Handler::all() {
        let mut worker = Worker::php(&setup(handler), Some(CLIENT_CORE));
        let id = id(&handler.to_string());
        worker.run(&format!("seed {id} {}", case.size));
        workers.push((worker, format!("{} {id} 0", case.what)));
    }
    // The floor uses a session of its own, because the recorded requests expect a free lock.
    let id = id("floor");
    workers[0].0.run(&format!("seed {id} {}", case.size));
    let recorded =
        floor::record(&bench.server.addr(), &setup(Handler::Rustredis), &format!("{} {id} 0", case.what));
    for trips in [recorded.clone(), floor::pings(recorded.len())] {
        workers.push((bare(bench, transport, &trips), "cycles".into()));
    }
    let mut medians = vec![Vec::new(); workers.len()];
    // The first round only warms up, so there is one more than is counted.
    for round in 0..=rounds as usize {
        for turn in 0..workers.len() {
            let number = (round + turn) % workers.len();
            let (worker, job) = &mut workers[number];
            let times = worker.run(&format!("{job} {cycles}"));
            if round > 0 {
                medians[number].push(median(&floats(&times)));
            }
        }
    }
    medians
}

fn bare(bench: &Bench, transport: &Transport, trips: &[Trip]) -> Worker {
    let file = bench.new_file("trips");
    floor::save(trips, &file);
    let program = std::env::current_exe().expect("a program knows its path");
    let words = [
        program.display().to_string(),
        "--floor".into(),
        transport.address.clone(),
        file.display().to_string(),
    ];
    Worker::start(&words, Some(CLIENT_CORE))
}
