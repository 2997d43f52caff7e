//! The cost of a request that does not depend on the machine: commands, bytes, instructions.

use std::fs;
use std::process::Command;

use super::Bench;
use super::process::{Handler, Setup, Worker, module, output, php, root};
use super::report::{Table, paragraph};
use super::stats::float;
use super::support::callgrind;
use super::system::redis_cpu;

pub fn run(bench: &Bench) -> String {
    [traffic(bench), instructions(bench), sizes()].join("\n")
}

fn traffic(bench: &Bench) -> String {
    let mut text = String::new();
    paragraph(&mut text, "### Commands, bytes and Redis' time");
    paragraph(
        &mut text,
        "A request of one process, 1 KB of session, as Redis counts it (INFO). Commands are those that Redis carries out, \
         the ones in scripts included. rustredis sends them in two writes (read_and_close: in one), phpredis waits for \
         each that it sends.",
    );
    let mut table =
        Table::new(&["", "handler", "commands", "bytes to Redis", "bytes from Redis", "Redis CPU, us"]);
    for (case, what, locking) in [
        ("locked, changed", "changed", true),
        ("read_and_close", "read", true),
        ("unlocked, changed", "changed", false),
    ] {
        for handler in Handler::in_redis() {
            let setup = Setup::new(handler, &(bench.server.save_path() + "?persistent=1"));
            let setup = if locking { setup } else { setup.unlocked() };
            let numbers = traffic_of(bench, &setup, what);
            let cells = numbers.map(|number| format!("{number:.1}"));
            let [commands, to, from, cpu] = cells;
            table.row([case.into(), handler.to_string(), commands, to, from, cpu]);
        }
    }
    text + &table.markdown()
}

/// Commands, bytes to and from Redis and microseconds of Redis' processor time, each per request.
/// The counts are the difference between N and 2 N requests, which leaves out the queries for the
/// figures themselves.
fn traffic_of(bench: &Bench, setup: &Setup, what: &str) -> [f64; 4] {
    let id = format!("traffic{}", setup.handler);
    let cycles = bench.cycles(5000);
    let mut worker = Worker::php(setup, None);
    worker.run(&format!("seed {id} 1024"));
    worker.run(&format!("{what} {id} 0 10"));
    let [once, twice] = [cycles, 2 * cycles].map(|count| {
        bench.server.command::<()>(&["CONFIG", "RESETSTAT"]);
        let cpu = redis_cpu(&bench.server);
        worker.run(&format!("{what} {id} 0 {count}"));
        let cpu = redis_cpu(&bench.server) - cpu;
        let bytes = |field| float(bench.server.info_number("stats", field));
        [
            float(bench.server.carried_out()),
            bytes("total_net_input_bytes"),
            bytes("total_net_output_bytes"),
            cpu * 1e6,
        ]
    });
    let mut numbers = std::array::from_fn(|i| (twice[i] - once[i]) / f64::from(cycles));
    // The processor time varies too much for a difference to mean anything. The better of the two
    // runs is taken instead.
    numbers[3] = f64::min(once[3], twice[3] / 2.0) / f64::from(cycles);
    numbers
}

fn instructions(bench: &Bench) -> String {
    let mut text = String::new();
    paragraph(&mut text, "### Instructions");
    paragraph(
        &mut text,
        "User-space instructions of the PHP process a request (callgrind; the difference between N and 2 N requests), \
         1 KB of session.",
    );
    let names: Vec<_> = Handler::all().iter().map(Handler::to_string).collect();
    let mut table =
        Table::new(&std::iter::once("").chain(names.iter().map(String::as_str)).collect::<Vec<_>>());
    for (case, what, locking) in [
        ("locked, changed", "changed", true),
        ("read_and_close", "read", true),
        ("unlocked, changed", "changed", false),
    ] {
        let counts = Handler::all().into_iter().map(|handler| {
            let path = match handler {
                Handler::Files => bench.folder("sessions"),
                _ => bench.server.save_path() + "?persistent=1",
            };
            let setup = Setup::new(handler, &path);
            let setup = if locking { setup } else { setup.unlocked() };
            let count = instructions_of(&setup, what);
            count.to_string()
        });
        table.row(std::iter::once(case.to_owned()).chain(counts));
    }
    text + &table.markdown()
}

fn instructions_of(setup: &Setup, what: &str) -> u64 {
    let id = format!("counted{}", setup.handler);
    Worker::php(setup, None).run(&format!("seed {id} 1024"));
    let cycles = 200;
    let [once, twice] = [cycles, 2 * cycles].map(|count| {
        let mut worker = Command::new(php());
        worker.args(setup.arguments()).arg(root().join("bench/worker.php"));
        callgrind::run(&worker, &format!("{what} {id} 0 {count}\n")).instructions
    });
    (twice - once) / cycles
}

fn sizes() -> String {
    let mut text = String::new();
    let kib = |path: &str| fs::metadata(path).map_or(0, |file| file.len() / 1024);
    let php_config = std::env::var("PHP_CONFIG").unwrap_or_else(|_| "php-config".into());
    let extensions = output(&php_config, &["--extension-dir"]);
    paragraph(
        &mut text,
        &format!(
            "The file: phpsess_rs.so {} KiB, phpredis' redis.so {} KiB (and igbinary.so, which it needs, {} KiB).",
            kib(&module().display().to_string()),
            kib(&format!("{extensions}/redis.so")),
            kib(&format!("{extensions}/igbinary.so")),
        ),
    );
    text
}
