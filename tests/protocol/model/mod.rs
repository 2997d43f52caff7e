//! The lock protocol, explored: every order in which the commands of two or three clients can reach
//! the server, while processes die, connections break with something on its way, a replica takes
//! over that may lack the newest commands, and time passes at any point.
//!
//! The clients are the real [`phpsess_rs::lock::Attempt`], the server is the in-memory one, which
//! `tests/redis/store.rs` holds to the scripts. Each client takes the lock, reads a number and
//! releases the lock with the next one. The properties of every state are in `watch.rs`. To show
//! that a violation would be noticed, each test below that is named after a counterexample takes a
//! rule away, and finds the counterexample again.
//!
//! Counterexamples about one script alone, without an order of events, are in
//! `tests/redis/scripts/`.

mod explore;
mod steps;
mod trace;
mod watch;
mod world;

use std::time::Instant;

use explore::explore;
use phpsess_rs::store::memory::{Rule, Rules};
use trace::trace;
use world::{Faults, Habit, Setup};

const NO_FAULT: Faults = Faults { crashes: 0, breaks: 0, pauses: 0 };
const ONE_CRASH: Faults = Faults { crashes: 1, ..NO_FAULT };
const ONE_BREAK: Faults = Faults { breaks: 1, ..NO_FAULT };
const ONE_PAUSE: Faults = Faults { pauses: 1, ..NO_FAULT };
const ONE_OF_EACH: Faults = Faults { crashes: 1, breaks: 1, pauses: 1 };

fn holds(setup: &Setup) {
    let start = Instant::now();
    let found = explore(setup);
    let Setup { waits, cycles, faults, .. } = setup;
    let Faults { crashes, breaks, pauses } = faults;
    println!(
        "{} clients x {cycles}, crashes {crashes}, broken connections {breaks}, pauses {pauses}: \
         {} states, {} steps, at most {} in a row, {:.1?}",
        waits.len(),
        found.states,
        found.steps,
        found.depth,
        start.elapsed()
    );
    if let Some((violation, events)) = found.violation {
        panic!("{violation}\n{}", trace(setup, &events));
    }
}

/// Finds the shortest way to a violation whose text contains `expected`.
fn breaks(setup: &Setup, expected: &str) {
    let found = explore(setup);
    let (violation, events) = found.violation.expect("nothing was found");
    println!("after {} states:\n{}", found.states, trace(setup, &events));
    assert!(violation.contains(expected), "{violation}");
}

#[test]
fn two_clients() {
    holds(&Setup::new(2, 2));
    for faults in [
        Faults { crashes: 1, breaks: 1, pauses: 0 },
        Faults { crashes: 1, breaks: 0, pauses: 1 },
        Faults { crashes: 0, breaks: 1, pauses: 1 },
    ] {
        holds(&Setup { faults, ..Setup::new(2, 2) });
    }
    for faults in [
        Faults { crashes: 1, breaks: 2, pauses: 0 },
        Faults { breaks: 2, ..ONE_PAUSE },
        Faults { pauses: 2, ..ONE_BREAK },
    ] {
        holds(&Setup { faults, ..Setup::new(2, 1) });
    }
}

#[test]
fn three_clients() {
    holds(&Setup { faults: ONE_OF_EACH, ..Setup::new(3, 1) });
}

#[test]
fn three_clients_that_come_again() {
    for faults in [NO_FAULT, ONE_CRASH, ONE_BREAK, ONE_PAUSE] {
        holds(&Setup { faults, ..Setup::new(3, 2) });
    }
}

#[test]
fn clients_whose_time_is_short() {
    let crash_and_pause = Faults { pauses: 1, ..ONE_CRASH };
    holds(&Setup { waits: vec![60_000, 60_000, 1000], faults: crash_and_pause, ..Setup::new(3, 1) });
    holds(&Setup { waits: vec![60_000, 1000], faults: ONE_OF_EACH, ..Setup::new(2, 1) });
    holds(&Setup { waits: vec![60_000, 0], faults: ONE_OF_EACH, ..Setup::new(2, 1) });
}

#[test]
fn a_short_lease_few_places_and_polling() {
    holds(&Setup { lease: 2000, faults: ONE_OF_EACH, ..Setup::new(2, 1) });
    holds(&Setup { max_waiters: 1, faults: Faults { breaks: 1, ..ONE_CRASH }, ..Setup::new(3, 1) });
    holds(&Setup { polling: true, waits: vec![200, 200], faults: ONE_OF_EACH, ..Setup::new(2, 1) });
}

#[test]
fn a_session_that_another_client_ends() {
    holds(&Setup { ends: 1, ..Setup::new(3, 1) });
    holds(&Setup { ends: 2, ..Setup::new(2, 2) });
    holds(&Setup { ends: 1, faults: ONE_BREAK, ..Setup::new(2, 1) });
}

#[test]
fn a_session_that_goes_on_under_another_id() {
    let moves = |clients, cycles| Setup { ends: 1, grace: 3, ..Setup::new(clients, cycles) };
    holds(&moves(3, 1));
    holds(&moves(2, 2));
    for faults in [ONE_CRASH, ONE_BREAK, ONE_PAUSE] {
        holds(&Setup { faults, ..moves(2, 1) });
    }
}

#[test]
fn a_replica_that_takes_over() {
    for redirects in [false, true] {
        for lags in [false, true] {
            let setup =
                |clients, cycles| Setup { failovers: 1, lags, redirects, ..Setup::new(clients, cycles) };
            holds(&setup(2, 2));
            holds(&setup(3, 1));
            for faults in [ONE_CRASH, ONE_BREAK, ONE_PAUSE] {
                holds(&Setup { faults, ..setup(2, 1) });
            }
            holds(&Setup { failovers: 2, ..setup(2, 1) });
        }
        // With the logout itself, a replica that lags may lose the mark that it leaves.
        holds(&Setup { failovers: 1, redirects, ends: 1, ..Setup::new(2, 1) });
    }
}

#[test]
#[ignore = "takes minutes"]
fn more_of_everything() {
    holds(&Setup { faults: ONE_OF_EACH, ..Setup::new(2, 2) });
    holds(&Setup { faults: Faults { breaks: 1, ..ONE_CRASH }, ..Setup::new(3, 2) });
    holds(&Setup { faults: Faults { pauses: 1, ..ONE_CRASH }, ..Setup::new(3, 2) });
}

fn without(rules: &'static [Rule], setup: Setup) -> Setup {
    Setup { rules: Rules::without(rules), ..setup }
}

#[test]
fn c1_a_second_waiter_expires_the_first() {
    let setup = Setup {
        waits: vec![60_000, 60_000, 1000],
        faults: Faults { pauses: 2, ..NO_FAULT },
        ..Setup::new(3, 1)
    };
    breaks(&without(&[Rule::DeadlinePerWaiter], setup), "everybody sleeps");
}

#[test]
fn c2_a_lone_waiter_is_told_full() {
    let setup = Setup { max_waiters: 1, faults: ONE_CRASH, ..Setup::new(2, 1) };
    breaks(&without(&[Rule::LeaveBeforeCounting], setup), "too many wait, and 0 others do");
}

#[test]
fn c6_a_dead_waiters_ticket_stalls_the_others_for_a_lease() {
    let setup = Setup { faults: ONE_CRASH, ..Setup::new(3, 1) };
    breaks(&without(&[Rule::ShortHandOver], setup), "everybody sleeps");
}

#[test]
fn c7_a_claimed_lock_ends_with_its_hand_over() {
    let setup = Setup { faults: ONE_PAUSE, ..Setup::new(2, 1) };
    breaks(&without(&[Rule::ClaimExtends], setup), "refused within its lease");
}

#[test]
fn c8_a_repeated_release_is_told_lost() {
    let setup = Setup { faults: ONE_BREAK, ..Setup::new(2, 1) };
    breaks(&without(&[Rule::Receipts], setup), "has lost the lock, and it has written");
}

#[test]
fn c9_a_delayed_acquire_revives_an_old_token() {
    let faults = Faults { pauses: 1, ..ONE_BREAK };
    breaks(&Setup { habit: Habit::OneToken, faults, ..Setup::new(2, 1) }, "lost update");
}

#[test]
fn c10_a_ticket_outlives_its_lock() {
    let setup = Setup { habit: Habit::TrustsOldTickets, faults: ONE_PAUSE, ..Setup::new(2, 1) };
    breaks(&without(&[Rule::TicketDiesFirst, Rule::VoidStaleTickets], setup), "works on a void ticket");
}

#[test]
fn c13_a_waiter_gives_up_as_its_ticket_arrives() {
    let setup = Setup { waits: vec![60_000, 1000], faults: ONE_PAUSE, ..Setup::new(2, 1) };
    breaks(&Setup { habit: Habit::LeavesSilently, ..setup }, "nobody is there to take it");
}

#[test]
fn c14_a_waiter_resumes_after_its_ticket_expired() {
    let setup = Setup { faults: ONE_PAUSE, ..Setup::new(2, 1) };
    breaks(&Setup { habit: Habit::TrustsOldTickets, ..setup }, "works on a void ticket");
}

#[test]
fn a_late_acquire_takes_the_lock_from_its_own_repeat() {
    let setup = Setup { faults: ONE_BREAK, ..Setup::new(2, 1) };
    breaks(&without(&[Rule::LastSendWins], setup), "refused within its lease");
}

#[test]
fn a_late_release_writes_over_the_next_holders() {
    let setup = Setup { faults: ONE_PAUSE, ..Setup::new(2, 1) };
    breaks(&without(&[Rule::CompareOnRelease], setup), "lost update");
}

#[test]
fn a_late_claim_takes_the_lock_from_its_next_holder() {
    let setup = Setup { faults: ONE_PAUSE, ..Setup::new(3, 1) };
    breaks(&without(&[Rule::ClaimCompares], setup), "refused within its lease");
}

#[test]
fn a_logout_is_undone_by_a_slower_request() {
    breaks(&without(&[Rule::RefuseTheDead], Setup { ends: 1, ..Setup::new(2, 2) }), "lost update");
}

#[test]
fn a_logout_that_comes_again_ends_the_next_session() {
    breaks(&without(&[Rule::EndOnce], Setup { ends: 1, ..Setup::new(2, 1) }), "a repeated logout");
}

#[test]
fn a_slower_request_writes_behind_a_new_id() {
    breaks(&without(&[Rule::RefuseTheDead], Setup { ends: 1, grace: 3, ..Setup::new(2, 2) }), "lost update");
}

#[test]
fn a_copy_is_there_and_its_mark_is_not() {
    let setup = Setup { ends: 1, grace: 3, dead_ms: 1, ..Setup::new(1, 2) };
    breaks(&without(&[Rule::MarkOutlivesCopy], setup), "its mark is gone");
}

#[test]
fn without_a_hand_over_a_newcomer_comes_first() {
    breaks(&without(&[Rule::HandOver], Setup::new(3, 1)), "while B was blocked before");
}

#[test]
fn without_a_hand_over_a_waiter_sleeps_beside_a_free_lock() {
    breaks(&without(&[Rule::HandOver], Setup::new(2, 1)), "everybody sleeps");
}

#[test]
fn a_release_that_is_repeated_at_the_next_master_is_told_lost() {
    let setup = Setup { failovers: 1, ..Setup::new(2, 1) };
    breaks(&without(&[Rule::Receipts], setup), "has lost the lock, and it has written");
}

#[test]
fn a_lock_that_a_failover_has_lost_writes_over_the_next_holders() {
    let setup = Setup { failovers: 1, lags: true, ..Setup::new(2, 1) };
    breaks(&without(&[Rule::CompareOnRelease], setup), "lost update");
}
