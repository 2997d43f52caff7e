//! Several PHP processes in one session: no update is lost, no request overtakes another, and other
//! sessions do not wait.

use std::path::Path;
use std::thread;

use crate::support::fpm::Fpm;
use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::redis::Server;
use crate::support::session;

const PROCESSES: u64 = 12;
const INCREMENTS: u64 = 25;

/// Counts in `shared`, and prints when the session was entered and left.
const INCREMENT: &str = r#"
    for ($i = 0; $i < 25; $i++) {
        session_id("shared");
        session_start() or exit(1);
        $enter = hrtime(true);
        $_SESSION["n"]++;
        usleep(random_int(0, 300));
        $leave = hrtime(true);
        session_write_close();
        echo "$enter $leave\n";
    }
"#;

/// Lets all processes count, and checks that no two of them were in the session at once.
fn count_together(server: &Server, save_path: &str) {
    session::seed(server, "shared");
    let php = Php::new(save_path).ini("rustredis.lock_wait", "60");
    let running: Vec<_> = (0..PROCESSES).map(|_| php.spawn(INCREMENT)).collect();
    let outputs = running.into_iter().map(|process| process.wait().assert_clean().stdout.clone());
    let visits: Vec<_> = outputs.flat_map(|output| visits(&output)).collect();
    assert_eq!(visits.len() as u64, PROCESSES * INCREMENTS);
    assert_no_overlap(visits);
    assert_eq!(session::counter(server, "shared"), Some(PROCESSES * INCREMENTS));
    assert!(!session::is_locked(server, "shared"));
    assert_eq!(session::waiters(server, "shared"), 0);
}

/// Lines of two times of the system's monotonic clock.
fn visits(output: &str) -> Vec<(u64, u64)> {
    let time = |text: &str| text.parse().expect("hrtime is a number");
    output
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(enter, leave)| (time(enter), time(leave)))
        .collect()
}

fn assert_no_overlap(mut visits: Vec<(u64, u64)>) {
    visits.sort_unstable();
    for pair in visits.windows(2) {
        assert!(pair[0].1 < pair[1].0, "two at once in the session: {pair:?}");
    }
}

/// A process that answers steps.
fn worker(server: &Server) -> Running {
    let mut worker = Php::new(&server.save_path()).ini("rustredis.lock_wait", "30").spawn(STEPS);
    worker.expect("ready");
    worker
}

#[test]
fn no_increment_is_lost_over_tcp() {
    let server = Server::start();
    count_together(&server, &server.save_path());
}

#[test]
fn no_increment_is_lost_over_a_unix_socket() {
    // A Cluster cannot be reached over a Unix socket.
    let server = Server::with_args(&[]);
    count_together(&server, &unix_save_path(&server.socket()));
}

fn unix_save_path(socket: &Path) -> String {
    format!("unix://{}", socket.display())
}

#[test]
fn no_increment_is_lost_between_fpm_workers() {
    let server = Server::start();
    session::seed(&server, "shared");
    let php = Php::new(&server.save_path()).ini("rustredis.lock_wait", "60");
    let fpm = Fpm::start(
        &php,
        4,
        r#"
        session_start() or exit("no session");
        $enter = hrtime(true);
        $_SESSION["n"]++;
        $leave = hrtime(true);
        session_write_close();
        echo "$enter $leave\n";
        "#,
    );
    let visits = thread::scope(|scope| {
        let clients: Vec<_> = (0..PROCESSES)
            .map(|_| {
                scope.spawn(|| {
                    let get = |_| visits(&fpm.get("", "PHPSESSID=shared").body);
                    (0..INCREMENTS).flat_map(get).collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(visits.len() as u64, PROCESSES * INCREMENTS);
    assert_no_overlap(visits);
    assert_eq!(session::counter(&server, "shared"), Some(PROCESSES * INCREMENTS));
}

#[test]
fn two_sessions_do_not_wait_for_each_other() {
    let server = Server::start();
    session::seed(&server, "one");
    session::seed(&server, "two");
    let (mut holder, mut other) = (worker(&server), worker(&server));
    assert_eq!(holder.step("start('one')").assert_silent().result, "true");
    // The step finishes while the other session is held, so it cannot have waited for that session.
    assert_eq!(other.step("increment('two')").assert_silent().result, "1");
    assert!(session::is_locked(&server, "one"));
    holder.step("session_write_close()").assert_silent();
}

#[test]
fn waiters_get_their_turn_in_order() {
    let server = Server::start();
    session::seed(&server, "shared");
    let mut holder = worker(&server);
    let mut waiters: Vec<_> = (0..6).map(|_| worker(&server)).collect();
    assert_eq!(holder.step("start('shared')").assert_silent().result, "true");
    for (number, waiter) in waiters.iter_mut().enumerate() {
        waiter.send("increment('shared')");
        poll::until("the waiter is in the queue", SOON, || server.blocked_clients() == number as u64 + 1);
    }
    holder.step("session_write_close()").assert_silent();
    for (number, mut waiter) in waiters.into_iter().enumerate() {
        let (messages, result) = waiter.expect("done ");
        assert_eq!((messages.trim(), result), ("", (number + 1).to_string()));
    }
}

#[test]
fn a_waiter_gives_up_in_time_and_is_told_who_holds_the_lock() {
    let server = Server::start();
    session::seed(&server, "shared");
    let mut holder = worker(&server);
    assert_eq!(holder.step("start('shared')").assert_silent().result, "true");
    let mut waiter = Php::new(&server.save_path()).ini("rustredis.lock_wait", "0.2").spawn(STEPS);
    waiter.expect("ready");
    let step = waiter.step("increment('shared')");
    assert_eq!(step.result, "false");
    assert!(step.only_warning().contains("lock"), "{step:?}");
    holder.step("session_write_close()").assert_silent();
    assert_eq!(waiter.step("increment('shared')").assert_silent().result, "1");
}
