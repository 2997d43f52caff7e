//! Requests that count in a few sessions, while their processes are killed and stopped, Redis is
//! killed and started again, scripts are forgotten and connections dropped. Every request keeps a
//! log. Afterwards the logs must show that no update was lost, that no wait was without a bound,
//! and that requests were served in order.
//!
//! `STRESS_SECONDS` sets the length (`make stress` runs longer than `make test`), `STRESS_SEED`
//! repeats the choices of a run.

use std::fs;
use std::time::Duration;

use crate::alone;
use crate::process::Program;
use crate::run::{self, Phase, Plan};
use crate::support::php::Php;
use crate::support::redis::Server;
use crate::support::session;
use crate::support::temp_dir::TempDir;

const SHORT: u64 = 15;
/// One round of a run: the seconds of each phase, and the longest time between two disturbances in
/// milliseconds. If disturbances are rare, the cost of each one shows.
const OFTEN: (u64, u64) = (5, 250);
const RARELY: (u64, u64) = (4, 2000);
/// Longer than the consequences of a disturbance.
const CALM: u64 = 5;
const START: u64 = 1;

fn phases(seconds: u64) -> Vec<Phase> {
    let round = [
        Phase::Disturbed(Duration::from_secs(OFTEN.0), OFTEN.1),
        Phase::Disturbed(Duration::from_secs(RARELY.0), RARELY.1),
        Phase::Calm(Duration::from_secs(CALM)),
    ];
    let rounds = ((seconds - START) / (OFTEN.0 + RARELY.0 + CALM)).max(1);
    let start = Phase::Calm(Duration::from_secs(START));
    std::iter::once(start).chain((0..rounds).flat_map(|_| round)).collect()
}

#[test]
fn no_update_is_lost_and_nobody_waits_for_long_whatever_is_killed_stopped_or_restarted() {
    let _alone = alone();
    let seconds = run::number("STRESS_SECONDS").unwrap_or(SHORT).max(SHORT);
    let seed = run::seed();
    println!("stress: {seconds} s, STRESS_SEED={seed}");
    let plan =
        Plan { seed, php: 5, proxied: 3, python: 2, sessions: 4, locking: true, phases: phases(seconds) };
    let report = plan.run();
    print!("{}", report.summary);
    let first: Vec<_> = report.violations.iter().take(20).collect();
    assert!(first.is_empty(), "seed {seed}: {} violations: {first:#?}", report.violations.len());
    assert!(report.writes.accepted as u64 >= 20 * seconds, "too few to prove anything");
}

/// The proof can fail: without locks the same requests lose updates, and the logs show it.
#[test]
fn without_locks_the_logs_show_lost_updates() {
    let _alone = alone();
    let phases = vec![Phase::Calm(Duration::from_secs(2))];
    let report = Plan { seed: 1, php: 6, proxied: 0, python: 0, sessions: 1, locking: false, phases }.run();
    let found = |what: &str| report.violations.iter().any(|violation| violation.contains(what));
    assert!(found("lost update") && found("had it at once"), "{}", report.summary);
}

/// On a busy machine, the next process of a killed worker may start when the time is over.
#[test]
fn the_plan_of_a_killed_worker_is_carried_out_even_if_the_time_is_over() {
    let _alone = alone();
    let server = Server::with_args(&[]);
    server.command::<()>(&["SET", &session::key("s0"), "n|i:0;by|s:1:\"-\";", "EX", "1440"]);
    let php = Program::Php(Php::new(&server.save_path()));
    for program in [Some(php), Program::python()].into_iter().flatten() {
        let dir = TempDir::new("stress");
        let log = dir.join("log");
        fs::write(&log, "1 start\n2 plan 0\n").expect("the log can be written");
        let orders = format!(
            r#"{{"number":0,"life":1,"seed":1,"log":"{}","sessions":1,"until":0,"url":"redis://{}/0","lease":2,"wait":10}}"#,
            log.display(),
            server.addr()
        );
        program.start(&orders).wait().expect("the worker ends well");
        let text = fs::read_to_string(&log).expect("the log can be read");
        assert_eq!(text.matches(" ok\n").count(), 1, "{text}");
    }
}
