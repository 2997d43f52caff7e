//! `rustredis.write_ack=deferred`: the last write of a request is sent, and its answer is read
//! later. No write is lost by it, and a refused write is reported.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::support::php::{Php, Running, STEPS, VISIT};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::redis_program;
use crate::support::session;
use crate::support::temp_dir::TempDir;

const ID: &str = "0123456789abcdefghij";

fn php(save_path: &str) -> Php {
    Php::new(save_path).ini("rustredis.write_ack", "deferred")
}

/// A process with a connection that knows the scripts, and a session whose counter is 1.
fn warm(server: &Server, save_path: &str) -> Running {
    warm_as(server, &php(save_path))
}

fn warm_as(server: &Server, php: &Php) -> Running {
    session::seed(server, ID);
    session::seed(server, "other");
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    assert_eq!(process.step(&increment()).assert_silent().result, "1");
    process.step("peek('other')").assert_silent();
    process
}

/// Like [`warm`], with a file that PHP logs to.
fn warm_with_log(server: &Server) -> (Running, TempDir) {
    let dir = TempDir::new("log");
    let file = dir.join("log");
    let process = warm_as(server, &php(&server.save_path()).ini("error_log", file.to_str().expect("UTF-8")));
    (process, dir)
}

/// The only line of that file.
fn only_line(dir: &TempDir) -> String {
    let log = fs::read_to_string(dir.join("log")).expect("PHP has logged something");
    assert_eq!(log.lines().count(), 1, "{log}");
    log
}

fn increment() -> String {
    format!("increment('{ID}')")
}

fn counter(server: &Server) -> Option<u64> {
    session::counter(server, ID)
}

/// The number of answers that the process has waited for.
fn trips(process: &mut Running) -> u64 {
    let step = process.step("rustredis_status()['trips']");
    step.assert_silent().result.parse().expect("a number")
}

#[test]
fn a_changed_and_an_unchanged_session_wait_for_one_answer_each() {
    let server = Server::start();
    let mut process = warm(&server, &server.save_path());
    for request in [increment(), format!("start('{ID}') && session_write_close()")] {
        let before = trips(&mut process);
        process.step(&request).assert_silent();
        assert_eq!(trips(&mut process) - before, 1, "{request}");
        poll::until("the lock is free", SOON, || !session::is_locked(&server, ID));
    }
    assert_eq!(counter(&server), Some(2));
}

/// Causes are SCRIPT FLUSH, a failover to a replica that never saw the script, and Redis 7.4's
/// eviction of scripts that EVAL brought.
#[test]
fn a_script_that_redis_has_forgotten_is_carried_out_at_once() {
    let server = Server::start();
    // The lease is so long that only the script frees a lock in time.
    let php = php(&server.save_path()).ini("rustredis.lock_lease", "60").ini("rustredis.lock_wait", "60");
    let mut process = warm_as(&server, &php);
    let mut next = php.spawn(STEPS);
    next.expect("ready");
    next.step("peek('other')").assert_silent();
    let mut expected = 1;
    for (end, adds) in [
        ("session_write_close()", 0),
        ("++$_SESSION['n'] && session_write_close()", 1),
        ("session_abort()", 0),
    ] {
        for waits in [false, true] {
            process.step(&format!("start('{ID}')")).assert_silent();
            if waits {
                next.send(&increment());
                poll::until("it waits", SOON, || session::waiters(&server, ID) == 1);
            }
            server.command::<()>(&["SCRIPT", "FLUSH"]);
            assert_eq!(process.step(end).assert_silent().result, "true", "{end}");
            expected += adds;
            if waits {
                expected += 1;
                let (messages, result) = next.expect("done ");
                assert_eq!((messages.trim(), result), ("", expected.to_string()), "{end}");
            }
            poll::until("the lock is free", SOON, || !session::is_locked(&server, ID));
            assert_eq!(counter(&server), Some(expected), "{end}");
        }
    }
    assert_eq!(process.step("peek('other')").assert_silent().result, "0");
}

#[test]
fn a_refused_write_is_logged_at_the_next_use_with_its_session() {
    let server = Server::with_args(&["--maxmemory-policy", "noeviction"]);
    let (mut process, dir) = warm_with_log(&server);
    process.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(process.step("session_write_close()").assert_silent().result, "true");
    poll::until("the lock is free", SOON, || !session::is_locked(&server, ID));
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(process.step("peek('other')").assert_silent().result, "0");
    let warning = only_line(&dir);
    assert!(warning.contains("session 012345... at tcp://") && warning.contains("maxmemory"), "{warning}");
    assert!(warning.contains("was not saved by an earlier request"), "{warning}");
    assert!(!warning.contains(ID), "{warning}");
    assert_eq!(counter(&server), Some(1));
    process.step(&increment()).assert_silent();
    process.step("peek('other')").assert_silent();
    assert_eq!(counter(&server), Some(2));
}

#[test]
fn a_lost_lock_is_logged_and_the_newer_session_stays() {
    let server = Server::start();
    let (mut process, dir) = warm_with_log(&server);
    process.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    server.command::<()>(&["DEL", &format!("{}_LOCK", session::key(ID))]);
    server.command::<()>(&["SET", &session::key(ID), "n|i:40;"]);
    assert_eq!(process.step("session_write_close()").assert_silent().result, "true");
    process.step("peek('other')").assert_silent();
    assert!(only_line(&dir).contains("lost its lock"));
    assert_eq!(counter(&server), Some(40));
    assert_eq!(process.step("rustredis_status()['refused_writes']").result, "1");
}

#[test]
fn a_lost_answer_is_asked_for_again_and_the_write_counts_once() {
    let server = Server::start();
    let proxy = Proxy::start(&server.addr());
    let mut process = warm(&server, &proxy.save_path());
    proxy.swallow_reply(2);
    assert_eq!(process.step(&increment()).assert_silent().result, "2");
    poll::until("the answer is lost", SOON, || proxy.has_swallowed());
    assert_eq!(process.step(&increment()).assert_silent().result, "3");
    process.step("peek('other')").assert_silent();
    assert_eq!(counter(&server), Some(3));
    assert!(!session::is_locked(&server, ID));
}

#[test]
fn a_write_that_redis_never_saw_is_sent_again() {
    let mut server = Server::with_args(&["--appendonly", "yes"]);
    // Only the write frees the lock in time.
    let mut process = warm_as(&server, &php(&server.save_path()).ini("rustredis.lock_lease", "60"));
    process.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    server.pause();
    // The command reaches the socket, and no further.
    assert_eq!(process.step("session_write_close()").assert_silent().result, "true");
    server.restart();
    // The lock outlived the restart. No request has to come: it might take another connection, and
    // wait for the lock of its own process.
    poll::until("the write is sent again", SOON, || counter(&server) == Some(2));
    poll::until("the lock is free", SOON, || !session::is_locked(&server, ID));
    assert_eq!(process.step(&increment()).assert_silent().result, "3");
    process.step("peek('other')").assert_silent();
    assert_eq!(counter(&server), Some(3));
}

/// No request of this process comes that would notice it.
#[test]
fn a_write_over_a_connection_that_went_silent_is_sent_again() {
    let server = Server::start();
    let proxy = Proxy::start(&server.addr());
    let php = php(&proxy.save_path()).ini("rustredis.lock_lease", "120").ini("rustredis.read_timeout", "2");
    let mut process = warm_as(&server, &php);
    process.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    proxy.forget();
    assert_eq!(process.step("session_write_close()").assert_silent().result, "true");
    poll::until("the write is there, and the lock is free", SOON, || {
        counter(&server) == Some(2) && !session::is_locked(&server, ID)
    });
    assert_eq!(process.step(&increment()).assert_silent().result, "3");
}

#[test]
fn a_server_that_forgot_the_scripts_gets_them_again() {
    let server = Server::start();
    let mut process = warm(&server, &server.save_path());
    process.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    server.command::<()>(&["SCRIPT", "FLUSH"]);
    process.step("session_write_close()").assert_silent();
    assert_eq!(process.step(&increment()).assert_silent().result, "3");
    process.step("peek('other')").assert_silent();
    assert_eq!(counter(&server), Some(3));
}

#[test]
fn a_server_that_is_away_for_a_while_gets_the_write_when_it_is_back() {
    let mut server = Server::with_args(&["--appendonly", "yes"]);
    let mut process = warm(&server, &server.save_path());
    process.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    server.pause();
    process.step("session_write_close()").assert_silent();
    server.kill9();
    let step = process.step("peek('other')");
    assert_eq!(step.result, "false");
    assert!(
        step.only_warning().contains("session o"),
        "one for the session that could not be read: {step:?}"
    );
    server.restart();
    assert_eq!(process.step("peek('other')").assert_silent().result, "0");
    assert_eq!(counter(&server), Some(2));
    assert!(!session::is_locked(&server, ID));
}

#[test]
fn a_write_that_finds_no_answer_in_the_end_leaves_no_lock_behind() {
    let mut server = Server::with_args(&["--appendonly", "yes"]);
    if redis_program::version() < (6, 2) {
        return; // Before Redis 6.2, CLIENT PAUSE cannot hold up writes alone.
    }
    // The lease is so long that only the write frees the lock in time.
    let php = php(&format!("{}?read_timeout=0.5", server.save_path())).ini("rustredis.lock_lease", "60");
    let mut process = warm_as(&server, &php);
    process.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    server.pause();
    process.step("session_write_close()").assert_silent();
    server.restart();
    server.command::<()>(&["CLIENT", "PAUSE", "2000", "WRITE"]);
    process.step("peek('other')");
    poll::until("the lock is free", SOON, || !session::is_locked(&server, ID));
    // On a busy machine, the write was sent in the background before the pause.
    assert!(matches!(counter(&server), Some(1 | 2)));
}

#[test]
fn an_unchanged_session_that_vanished_is_stored_again_unless_it_was_destroyed() {
    let server = Server::start();
    let (mut process, dir) = warm_with_log(&server);
    process.step(&format!("start('{ID}')")).assert_silent();
    server.command::<()>(&["DEL", &session::key(ID)]);
    process.step("session_write_close()").assert_silent();
    process.step("peek('other')").assert_silent();
    assert_eq!(counter(&server), Some(1));

    process.step(&format!("start('{ID}')")).assert_silent();
    let mut elsewhere = Php::new(&server.save_path()).ini("rustredis.locking", "0").spawn(STEPS);
    elsewhere.expect("ready");
    elsewhere.step(&format!("start('{ID}') && session_destroy()")).assert_silent();
    process.step("session_write_close()").assert_silent();
    process.step("peek('other')").assert_silent();
    assert!(!dir.join("log").exists(), "it had not changed, and is not missed");
    assert_eq!(counter(&server), None);
}

#[test]
fn a_large_session_is_waited_for() {
    let server = Server::start();
    let mut process = warm(&server, &server.save_path());
    process.step(&format!("start('{ID}') && ($_SESSION['text'] = str_repeat('x', 100_000))")).assert_silent();
    let before = trips(&mut process);
    process.step("session_write_close()").assert_silent();
    assert_eq!(trips(&mut process) - before, 1);
}

#[test]
fn two_sessions_in_one_request_and_a_new_id() {
    let server = Server::start();
    let mut process = warm(&server, &server.save_path());
    let both = format!("[increment('{ID}'), increment('other'), increment('{ID}')]");
    assert_eq!(process.step(&both).assert_silent().result, "[2,1,3]");
    let regenerate =
        format!("[start('{ID}'), session_regenerate_id(true), $_SESSION['n'] = 7, session_write_close()]");
    process.step(&regenerate).assert_silent();
    let id = process.step("session_id()").assert_silent().result.trim_matches('"').to_owned();
    assert_eq!(process.step(&format!("increment('{id}')")).assert_silent().result, "8");
    process.step("peek('other')").assert_silent();
    assert_eq!((counter(&server), session::counter(&server, &id)), (None, Some(8)));
}

#[test]
fn a_process_that_ends_waits_for_its_answer() {
    let server = Server::start();
    let mut process = warm(&server, &server.save_path());
    process.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    server.pause();
    process.step("session_write_close()").assert_silent();
    let end = thread::spawn(|| process.wait());
    thread::sleep(Duration::from_millis(500));
    assert!(!end.is_finished(), "it waits for Redis");
    server.resume();
    end.join().expect("the process ends").assert_clean();
    assert_eq!(counter(&server), Some(2));
}

#[test]
fn what_the_last_request_of_a_process_was_refused_is_in_the_log() {
    let server = Server::with_args(&["--maxmemory-policy", "noeviction"]);
    let dir = TempDir::new("log");
    let log = dir.join("php.log");
    // The default is stderr, which PHP 8.1 closes before the write.
    let php = php(&server.save_path()).ini("error_log", &log.display().to_string());
    let mut process = warm_as(&server, &php);
    process.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    process.step("session_write_close()").assert_silent();
    process.wait().assert_no_crash();
    let log = fs::read_to_string(log).expect("something is logged");
    assert!(log.contains("PHP Warning:  rustredis: session 012345... at tcp://"), "{log}");
    assert!(log.contains("maxmemory") && !log.contains(ID), "{log}");
}

#[test]
fn a_forked_child_leaves_its_parents_answer_alone() {
    let server = Server::start();
    let mut process = warm(&server, &server.save_path());
    let fork = format!(
        "(function () {{
            $first = increment('{ID}');
            $pid = pcntl_fork();
            if ($pid === 0) {{
                exit(increment('other') === 1 ? 0 : 1);
            }}
            pcntl_waitpid($pid, $status);
            return [$first, $status, increment('{ID}')];
        }})()"
    );
    let fork = fork.replace('\n', " ");
    assert_eq!(process.step(&fork).assert_silent().result, "[2,0,3]");
    process.step("peek('other')").assert_silent();
    assert_eq!((counter(&server), session::counter(&server, "other")), (Some(3), Some(1)));
    process.wait().assert_clean();
}

#[test]
fn nothing_is_lost_among_several_processes_that_end_at_once() {
    let server = Server::start();
    session::seed(&server, "shared");
    let mut processes: Vec<_> = (0..6)
        .map(|_| {
            let mut process = php(&server.save_path()).ini("rustredis.lock_wait", "60").spawn(VISIT);
            process.expect("ready");
            process
        })
        .collect();
    for process in &mut processes {
        process.send("go");
    }
    for process in processes {
        process.wait().assert_clean();
    }
    assert_eq!(session::counter(&server, "shared"), Some(150));
    assert!(!session::is_locked(&server, "shared"));
}
