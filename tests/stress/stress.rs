//! Requests that count in a few sessions, while their processes are killed and stopped, Redis is
//! killed and started again, scripts are forgotten and connections dropped. Every request keeps a
//! log. Afterwards the logs must show that no update was lost, that no wait was without a bound,
//! and that requests were served in order.
//!
//! `STRESS_SECONDS` sets the length (`make stress` runs longer than `make test`), `STRESS_SEED`
//! repeats the choices of a run.

use std::time::Duration;

use crate::alone;
use crate::run::{self, Phase, Plan};

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
