//! PHP processes that are killed or stopped. The others wait no longer than the lease, and no
//! update is lost.

use std::time::{Duration, Instant};

use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::process;
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;

fn worker(server: &Server, lease: &str) -> Running {
    worker_at(&server.save_path(), lease)
}

fn worker_at(save_path: &str, lease: &str) -> Running {
    let php = Php::new(save_path).ini("rustredis.lock_lease", lease).ini("rustredis.lock_wait", "30");
    let mut worker = php.spawn(STEPS);
    worker.expect("ready");
    worker
}

/// Sends a worker into the queue, as number `place`.
fn queue(server: &Server, worker: &mut Running, place: u64) {
    worker.send("increment('shared')");
    poll::until("the waiter is in the queue", SOON, || server.blocked_clients() == place);
}

/// Checks that the worker's increment ends within `limit` and counts `expected`.
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
    // The first waiter of the queue and the one in the middle are killed. The others must not wait
    // for their turns.
    for (left, mut killed) in [(2, waiters.remove(0)), (1, waiters.remove(0))] {
        killed.kill9();
        poll::until("Redis notices that the waiter is gone", SOON, || server.blocked_clients() == left);
    }
    let start = Instant::now();
    holder.step("session_write_close()").assert_silent();
    comes_through(&mut waiters[0], start, Duration::from_secs(5), "1");
    // The lock may have been handed to a dead waiter. The next request finds that the ticket was
    // not taken.
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

#[test]
fn a_waiter_killed_before_it_blocks_delays_nobody() {
    let server = Server::start();
    session::seed(&server, "shared");
    let (mut holder, mut late) = (worker(&server, "10"), worker(&server, "10"));
    for round in 0..3 {
        assert_eq!(holder.step("start('shared') && ++$_SESSION['n']").assert_silent().result, "true");
        // Redis has answered that the session is taken, and counts on the wait. The answer is on
        // its way.
        let proxy = Proxy::start(&server.addr());
        let mut killed = worker_at(&proxy.save_path(), "10");
        proxy.delay(Duration::from_millis(300));
        killed.send("increment('shared')");
        poll::until("Redis counts the waiter", SOON, || session::waiters(&server, "shared") == 1);
        assert_eq!(server.blocked_clients(), 0);
        killed.kill9();
        let mut start = Instant::now();
        if round == 0 {
            // In the first round, a live waiter stands behind the dead one.
            queue(&server, &mut late, 1);
            start = Instant::now();
            holder.step("session_write_close()").assert_silent();
        } else {
            // In the second round, a request comes after the lock was handed to the dead waiter.
            holder.step("session_write_close()").assert_silent();
            late.send("increment('shared')");
        }
        comes_through(&mut late, start, Duration::from_millis(900), &(2 * round + 2).to_string());
    }
}

#[test]
fn the_write_of_a_holder_that_was_stopped_for_too_long_is_refused_and_reported() {
    let server = Server::start();
    session::seed(&server, "shared");
    let (mut holder, mut waiter) = (worker(&server, "1"), worker(&server, "1"));
    assert_eq!(holder.step("start('shared') && ($_SESSION['n'] = 99)").assert_silent().result, "true");
    process::signal(holder.pid(), "STOP");
    let start = Instant::now();
    waiter.send("increment('shared')");
    comes_through(&mut waiter, start, Duration::from_secs(2), "1");
    // The holder has lost its lock, and either another process has it now or the lock is free.
    for (held, whose) in [(true, waiter.pid().to_string()), (false, "others may have changed".to_owned())] {
        if held {
            assert_eq!(waiter.step("start('shared')").assert_silent().result, "true");
        } else {
            assert_eq!(
                holder.step("start('shared') && ($_SESSION['n'] = 99)").assert_silent().result,
                "true"
            );
            process::signal(holder.pid(), "STOP");
            poll::until("its lease ends", SOON, || !session::is_locked(&server, "shared"));
        }
        process::signal(holder.pid(), "CONT");
        let refused = holder.step("session_write_close()");
        let warning = refused.only_warning();
        assert!(warning.contains("was not saved") && warning.contains("lost its lock"), "{refused:?}");
        assert!(warning.contains(&whose), "{refused:?}");
        if held {
            waiter.step("session_write_close()").assert_silent();
        }
    }
    assert_eq!(session::counter(&server, "shared"), Some(1));
    assert_eq!(holder.step("increment('shared')").assert_silent().result, "2");
}

#[test]
fn a_waiter_that_is_stopped_as_its_turn_comes_gets_another() {
    let server = Server::start();
    session::seed(&server, "shared");
    let (mut holder, mut stopped, mut next) =
        (worker(&server, "1"), worker(&server, "1"), worker(&server, "1"));
    assert_eq!(holder.step("start('shared') && ++$_SESSION['n']").assert_silent().result, "true");
    queue(&server, &mut stopped, 1);
    queue(&server, &mut next, 2);
    process::signal(stopped.pid(), "STOP");
    let start = Instant::now();
    holder.step("session_write_close()").assert_silent();
    // The stopped process did not take its hand-over in time.
    comes_through(&mut next, start, Duration::from_secs(2), "2");
    process::signal(stopped.pid(), "CONT");
    comes_through(&mut stopped, start, SOON, "3");
    assert_eq!(session::counter(&server, "shared"), Some(3));
}
