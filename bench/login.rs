//! The cost of a login: a new id, and a place on the list of the user's sessions.

use super::process::{Handler, Setup, Worker};
use super::report::{Table, paragraph, us};
use super::stats::{float, floats, median};
use super::{Bench, CLIENT_CORE, REDIS_CORE, process};

/// The rows: without a list, and with the limits of [`rustredis_user`].
const CASES: [(&str, i32); 4] = [
    ("session_regenerate_id(true)", -1),
    ("the same, and rustredis_user()", 0),
    ("with a limit of 10", 10),
    ("with a limit of 3, so that one session ends", 3),
];

pub fn run(bench: &Bench) -> String {
    process::pin(bench.server.pid(), REDIS_CORE);
    let awake = process::Awake::on(&[REDIS_CORE, &CLIENT_CORE.to_string()]);
    let mut text = String::new();
    paragraph(&mut text, "### A login");
    paragraph(
        &mut text,
        "One process over TCP, microseconds from session_start() of a visitor who has a session to the end of \
         session_write_close() under the new id, and the commands of such a request in Redis. Each user logs in five times.",
    );
    let handlers = Handler::all();
    let names: Vec<_> = handlers.iter().map(Handler::to_string).collect();
    let head = [""].into_iter().chain(names.iter().map(String::as_str)).chain(["commands of rustredis"]);
    let mut table = Table::new(&head.collect::<Vec<_>>());
    for (name, limit) in CASES {
        // Only this build has lists of users.
        let of_case = |handler: &&Handler| limit < 0 || **handler == Handler::Rustredis;
        let of_case: Vec<_> = handlers.iter().filter(of_case).copied().collect();
        let (times, commands) = one_case(bench, &of_case, limit);
        let cells =
            (0..handlers.len()).map(|at| times.get(at).map_or("-".into(), |rounds| us(median(rounds))));
        table.row([name.to_owned()].into_iter().chain(cells).chain([format!("{commands:.1}")]));
    }
    drop(awake);
    text + &table.markdown()
}

/// The medians of each round, of each handler, and the commands of the first one a login.
fn one_case(bench: &Bench, handlers: &[Handler], limit: i32) -> (Vec<Vec<f64>>, f64) {
    let cycles = bench.cycles(100);
    let begin = |handler: &Handler| {
        let path = match handler {
            Handler::Files => bench.folder("sessions"),
            _ => bench.server.save_path() + "?persistent=1",
        };
        let job = format!("login {handler}{limit} {limit} {cycles}");
        (Worker::php(&Setup::new(*handler, &path), Some(CLIENT_CORE)), job, Vec::new())
    };
    let mut sides: Vec<_> = handlers.iter().map(begin).collect();
    // The first round only warms up, so there is one more than is counted.
    for round in 0..=bench.rounds(11) {
        for (worker, job, medians) in &mut sides {
            let times = worker.run(job);
            if round > 0 {
                medians.push(median(&floats(&times)));
            }
        }
    }
    // The visit before each login takes the commands of a new session, and is left out.
    let (worker, job, _) = &mut sides[0];
    let mut carried_out = |job: &str| {
        bench.server.command::<()>(&["CONFIG", "RESETSTAT"]);
        worker.run(job);
        float(bench.server.carried_out()) / f64::from(cycles)
    };
    let commands = carried_out(job) - carried_out(&format!("visits - 0 {cycles}"));
    (sides.into_iter().map(|(_, _, medians)| medians).collect(), commands)
}
