//! PHP processes that are killed: the others wait no longer than the lease.

mod support;

use std::time::{Duration, Instant};

use support::php::{Php, Running, STEPS};
use support::poll::{self, SOON};
use support::redis::Server;
use support::session;

fn worker(server: &Server, lease: &str) -> Running {
    let php =
        Php::new(&server.save_path()).ini("rustredis.lock_lease", lease).ini("rustredis.lock_wait", "30");
    let mut worker = php.spawn(STEPS);
    worker.expect("ready");
    worker
}

/// Sends a worker into the queue, as number `place`.
fn queue(server: &Server, worker: &mut Running, place: u64) {
    worker.send("increment('shared')");
    poll::until("the waiter is in the queue", SOON, || server.blocked_clients() == place);
}

/// The worker's increment comes through within `limit` and counts `expected`.
fn comes_through(worker: &mut Running, start: Instant, limit: Duration, expected: &str) {
    let (messages, result) = worker.expect("done ");
    assert!(start.elapsed() < limit, "after {:?}", start.elapsed());
    assert_eq!((messages.trim(), result.as_str()), ("", expected));
}

#[test]
fn a_killed_holder_blocks_others_for_one_lease() {
    let server = Server::start();
    session::seed(&server, "shared");
    let (mut holder, mut waiter, mut late) =
        (worker(&server, "1"), worker(&server, "1"), worker(&server, "1"));
    assert_eq!(holder.step("start('shared') && ++$_SESSION['n']").assert_silent().result, "true");
    queue(&server, &mut waiter, 1);
    let start = Instant::now();
    holder.kill9();
    comes_through(&mut waiter, start, Duration::from_secs(2), "1");
    assert_eq!(late.step("increment('shared')").assert_silent().result, "2");
    assert_eq!(session::counter(&server, "shared"), Some(2));
}

#[test]
fn a_killed_waiter_delays_nobody() {
    let server = Server::start();
    session::seed(&server, "shared");
    let mut holder = worker(&server, "10");
    let mut waiters: Vec<_> = (0..3).map(|_| worker(&server, "10")).collect();
    assert_eq!(holder.step("start('shared')").assert_silent().result, "true");
    for (place, waiter) in (1..).zip(&mut waiters) {
        queue(&server, waiter, place);
    }
    // The first in the queue and the one in the middle: their turns must not be waited for.
    for (left, mut killed) in [(2, waiters.remove(0)), (1, waiters.remove(0))] {
        killed.kill9();
        poll::until("Redis notices that the waiter is gone", SOON, || server.blocked_clients() == left);
    }
    let start = Instant::now();
    holder.step("session_write_close()").assert_silent();
    comes_through(&mut waiters[0], start, Duration::from_secs(5), "1");
    // The lock may have been handed to the dead: whoever comes finds that nobody took it.
    let start = Instant::now();
    waiters[0].send("increment('shared')");
    comes_through(&mut waiters[0], start, Duration::from_secs(5), "2");
}

#[test]
fn a_killed_holder_whose_session_nobody_waits_for_leaves_nothing_for_ever() {
    let server = Server::start();
    session::seed(&server, "shared");
    let mut holder = worker(&server, "1");
    assert_eq!(holder.step("start('shared')").assert_silent().result, "true");
    holder.kill9();
    poll::until("the lock expires", SOON, || !session::is_locked(&server, "shared"));
    assert_eq!(worker(&server, "1").step("increment('shared')").assert_silent().result, "1");
}
