//! The judge, judged: made-up logs with one fault each.

use std::collections::BTreeMap;

use super::chain;
use super::log::{Disturbance, Log};
use super::probe::Slowness;
use super::turns;

const MS: u64 = 1_000_000;
/// The longest wait that is allowed, in milliseconds.
const LONGEST: u64 = 12_000;

/// The faults in the logs of these workers, with times in milliseconds, if the session `s` ends
/// with `n` by `by`.
fn faults(workers: &[&str], (n, by): (u64, &str), disturbances: &[Disturbance]) -> Vec<String> {
    let mut log = Log::default();
    for (number, text) in workers.iter().enumerate() {
        let lines = text.trim().lines().map(|line| {
            let (time, rest) = line.trim().split_once(' ').expect("a time and words");
            format!("{time}000000 {rest}\n")
        });
        log.add(number, &lines.collect::<String>());
    }
    assert_eq!(log.odd, Vec::<String>::new());
    let finals = BTreeMap::from([("s".to_owned(), (n, by.to_owned()))]);
    let mut found = chain::check(&log, &finals).violations;
    found.extend(turns::check(&log, disturbances, &Slowness::default(), LONGEST * MS).violations);
    found
}

fn assert_finds(what: &str, workers: &[&str], last: (u64, &str)) {
    let found = faults(workers, last, &[]);
    assert!(found.iter().any(|fault| fault.contains(what)), "{what}: {found:#?}");
}

fn assert_fine(workers: &[&str], last: (u64, &str)) {
    assert_eq!(faults(workers, last, &[]), Vec::<String>::new());
}

/// A disturbance of all workers.
fn disturbance(from: u64, to: u64) -> Disturbance {
    Disturbance { from: from * MS, to: to * MS, worker: None, what: "Redis killed" }
}

const FIRST: &str = "100 wait s a\n 101 got 0 - 0\n 120 write 1\n 122 ok";

#[test]
fn finds_nothing_wrong_with_one_after_the_other() {
    let second = "102 peek s\n 103 seen 0 -\n 104 wait s b\n 121 got 1 a 0\n 130 write 2\n 131 ok";
    let third =
        "106 wait s c\n 130 got 2 b 0\n 150 left\n 151 wait s d\n 152 got 2 b 0\n 155 write 3\n 156 ok";
    assert_fine(&[FIRST, second, third], (3, "d"));
}

#[test]
fn finds_a_lost_update() {
    let same = "104 wait s b\n 121 got 0 - 0\n 130 write 1\n 131 ok";
    assert_finds("lost update: a and b both saved n = 1", &[FIRST, same], (1, "b"));
    assert_finds("was replaced", &[FIRST, same], (1, "b"));
    assert_finds("lost update: a saved n = 1, which is not there", &[FIRST], (0, "-"));
    let later = "200 wait s b\n 201 got 0 - 0\n 202 left";
    assert_finds("was read at 200000000 after n = 1 was saved", &[FIRST, later], (1, "a"));
}

#[test]
fn finds_a_refused_write_that_is_there() {
    let refused = "200 wait s b\n 201 got 1 a 0\n 202 write 2\n 203 refused lost its lock";
    assert_finds("although it was refused", &[FIRST, refused], (2, "b"));
}

#[test]
fn lets_the_write_of_a_killed_process_be_there_or_not() {
    let killed = "200 wait s b\n 201 got 1 a 0\n 202 write 2\n 300 start";
    for last in [(1, "a"), (2, "b")] {
        assert_eq!(faults(&[FIRST, killed], last, &[disturbance(203, 204)]), Vec::<String>::new());
    }
    let before = "200 wait s b\n 201 got 1 a 0\n 300 start";
    let found = faults(&[FIRST, before], (2, "b"), &[disturbance(203, 204)]);
    assert!(found.iter().any(|fault| fault.contains("n = 2 is by b, who never wrote it")), "{found:#?}");
}

#[test]
fn finds_two_at_once() {
    let second = "104 wait s b\n 119 got 1 a 0\n 130 write 2\n 131 ok";
    assert_finds("a and b had it at once", &[FIRST, second], (2, "b"));
}

#[test]
fn finds_who_overtook() {
    let holder = "100 wait s h\n 101 got 0 - 0\n 400 write 1\n 401 ok";
    let early = "110 wait s early\n 420 got 2 late 0\n 421 write 3\n 422 ok";
    let late = "250 wait s late\n 401 got 1 h 0\n 402 write 2\n 403 ok";
    assert_finds("late overtook early, who came 140 ms earlier", &[holder, early, late], (3, "early"));
    let disturbed = faults(&[holder, early, late], (3, "early"), &[disturbance(150, 151)]);
    assert_eq!(disturbed, Vec::<String>::new());
}

#[test]
fn finds_a_wait_for_a_session_that_nobody_has() {
    let stalled = "104 wait s b\n 400 got 1 a 0\n 401 write 2\n 402 ok";
    assert_finds("b waited 278 ms while nobody had it", &[FIRST, stalled], (2, "b"));
    assert_eq!(faults(&[FIRST, stalled], (2, "b"), &[disturbance(123, 124)]), Vec::<String>::new());
    // One disturbance excuses a lease and a hand-over, not more.
    let stalled = "104 wait s b\n 5000 got 1 a 0\n 5001 write 2\n 5002 ok";
    let found = faults(&[FIRST, stalled], (2, "b"), &[disturbance(123, 124)]);
    assert!(found.iter().any(|fault| fault.contains("while nobody had it")), "{found:#?}");
    let held = "100 wait s h\n 101 got 1 a 0\n 12900 write 2\n 12901 ok";
    let long = "120 wait s b\n 12902 got 2 h 0\n 12903 write 3\n 12904 ok";
    assert_finds(
        "b waited for 12782 ms",
        &["1 wait s a\n 2 got 0 - 0\n 3 write 1\n 4 ok", held, long],
        (3, "b"),
    );
}

#[test]
fn finds_a_failure_without_a_cause() {
    for end in ["refused lost its lock", "unknown no answer", "failed busy", "absent s"] {
        let second = format!("200 wait s b\n 201 got 1 a 0\n 202 write 2\n 203 {end}");
        assert_finds("without a cause: b", &[FIRST, &second], (1, "a"));
        assert_eq!(faults(&[FIRST, &second], (1, "a"), &[disturbance(199, 199)]), Vec::<String>::new());
    }
}
