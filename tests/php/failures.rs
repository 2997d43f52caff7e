//! Redis fails in every way it can. Each failure is one clear warning in time, without a crash, and
//! the same process recovers when Redis does.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::php::{Php, Running, STEPS, Step};
use crate::support::poll::{self, SOON};
use crate::support::port::Port;
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;

/// The limit for a failure: well above every timeout set here, and well below a wait without a
/// bound.
const IN_TIME: Duration = Duration::from_secs(12);

/// PHP with short timeouts.
fn impatient(server: &Server) -> Php {
    Php::new(&server.save_path())
        .ini("rustredis.connect_timeout", "1")
        .ini("rustredis.read_timeout", "1")
        .ini("rustredis.lock_wait", "3")
}

/// A server that wakes up may still grant a lock that was requested while it hung. Such a lock has
/// no owner and lasts one lease.
fn short_lease(server: &Server) -> Php {
    impatient(server).ini("rustredis.lock_lease", "1")
}

/// A process that answers steps, with a session `known` and a connection.
fn connected(server: &Server, php: &Php) -> Running {
    session::seed(server, "known");
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    assert_eq!(process.step("increment('known')").assert_silent().result, "1");
    process
}

/// Runs a step that must fail with one warning, in time.
fn fails_once(process: &mut Running, step: &str) -> Step {
    let start = Instant::now();
    let failed = process.step(step);
    assert!(start.elapsed() < IN_TIME, "after {:?}: {failed:?}", start.elapsed());
    failed.only_warning();
    failed
}

/// The session may be gone with the server. A process that has recovered can store it again.
fn works_again(server: &Server, mut process: Running) {
    session::seed(server, "known");
    assert_eq!(process.step("increment('known')").assert_silent().result, "1");
    assert_eq!(session::counter(server, "known"), Some(1));
    process.wait().assert_no_crash();
}

/// Opens the session and changes it, without closing it.
const OPEN: &str = "start('known') && ++$_SESSION['n']";
const CLOSE: &str = "session_write_close()";

#[test]
fn a_killed_server_is_one_warning() {
    let mut server = Server::start();
    let mut process = connected(&server, &impatient(&server));
    server.kill9();
    let failed = fails_once(&mut process, "increment('known')");
    assert_eq!(failed.result, "false");
    assert!(failed.only_warning().contains(&server.addr()), "{failed:?}");
    fails_once(&mut process, "peek('known')");
    server.restart();
    works_again(&server, process);
}

#[test]
fn a_server_killed_in_mid_request_is_one_warning() {
    let mut server = Server::start();
    let mut process = connected(&server, &impatient(&server));
    process.step(OPEN).assert_silent();
    server.kill9();
    fails_once(&mut process, CLOSE);
    server.restart();
    works_again(&server, process);
}

#[test]
fn a_hung_server_is_one_warning() {
    let server = Server::start();
    let mut process = connected(&server, &short_lease(&server));
    server.pause();
    assert_eq!(fails_once(&mut process, "increment('known')").result, "false");
    server.resume();
    works_again(&server, process);
}

/// The connection that is in the pool was opened with another value.
#[test]
fn a_hung_server_costs_the_read_timeout_that_the_script_has_set() {
    let server = Server::start();
    let php = Php::new(&server.save_path()).ini("rustredis.lock_lease", "1");
    let mut process = connected(&server, &php.ini("rustredis.read_timeout", "60"));
    process.step("ini_set('rustredis.read_timeout', '1')").assert_silent();
    server.pause();
    let failed = fails_once(&mut process, "increment('known')");
    assert!(failed.only_warning().contains("no answer within 1 s"), "{failed:?}");
    server.resume();
    session::seed(&server, "known");
    assert_eq!(process.step("increment('known')").assert_silent().result, "1");

    process.step("ini_set('rustredis.read_timeout', '60')").assert_silent();
    server.pause();
    // The old value would have ended the request by then.
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(1500));
            server.resume();
        });
        assert_eq!(process.step("increment('known')").assert_silent().result, "2");
    });
    process.wait().assert_no_crash();
}

#[test]
fn a_server_that_hangs_in_mid_request_is_one_warning() {
    let server = Server::start();
    let mut process = connected(&server, &short_lease(&server));
    process.step(OPEN).assert_silent();
    server.pause();
    fails_once(&mut process, CLOSE);
    server.resume();
    works_again(&server, process);
}

#[test]
fn a_server_that_hangs_on_a_first_connection_is_one_warning() {
    let server = Server::start();
    let mut process = short_lease(&server).spawn(STEPS);
    process.expect("ready");
    server.pause();
    assert_eq!(fails_once(&mut process, "start('known')").result, "false");
    server.resume();
    works_again(&server, process);
}

/// Redis closes the connection a moment after the error.
#[test]
fn a_value_above_the_servers_limit_leaves_no_lock() {
    let server = Server::with_args(&["--proto-max-bulk-len", "1mb"]);
    let proxy = Proxy::in_front_of(&server);
    proxy.linger(Duration::from_millis(500));
    let php = Php::new(&proxy.save_path()).ini("rustredis.lock_lease", "60");
    session::seed(&server, "known");
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    process.step("start('known') && $_SESSION['x'] = str_repeat('x', 1500000)");
    let failed = process.step(CLOSE);
    assert!(failed.only_warning().contains("proto-max-bulk-len"), "{failed:?}");
    poll::until("the lock is free", SOON, || !session::is_locked(&server, "known"));
    assert_eq!(session::counter(&server, "known"), Some(0));
}

#[test]
fn a_restart_between_requests_is_silent() {
    let mut server = Server::with_args(&["--appendonly", "yes"]);
    let mut process = connected(&server, &impatient(&server));
    server.restart();
    assert_eq!(process.step("increment('known')").assert_silent().result, "2");
    works_again(&server, process);
}

#[test]
fn a_restart_in_mid_request_that_keeps_the_data_is_silent() {
    let mut server = Server::with_args(&["--appendonly", "yes"]);
    let mut process = connected(&server, &impatient(&server));
    process.step(OPEN).assert_silent();
    server.restart();
    process.step(CLOSE).assert_silent();
    assert_eq!(session::counter(&server, "known"), Some(2));
    works_again(&server, process);
}

#[test]
fn a_restart_in_mid_request_that_loses_the_lock_refuses_the_write() {
    let mut server = Server::start();
    let mut process = connected(&server, &impatient(&server));
    process.step(OPEN).assert_silent();
    server.restart();
    let failed = fails_once(&mut process, CLOSE);
    assert!(failed.only_warning().contains("lock"), "{failed:?}");
    assert_eq!(session::counter(&server, "known"), None);
    works_again(&server, process);
}

#[test]
fn full_memory_is_one_warning() {
    let server = Server::with_args(&["--maxmemory-policy", "noeviction"]);
    let mut process = connected(&server, &impatient(&server));
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let failed = fails_once(&mut process, "increment('known')");
    assert!(failed.only_warning().to_lowercase().contains("memory"), "{failed:?}");
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(session::counter(&server, "known"), Some(1));
    works_again(&server, process);
}

#[test]
fn memory_that_fills_up_in_mid_request_is_one_warning_and_frees_the_lock() {
    let server = Server::with_args(&["--maxmemory-policy", "noeviction"]);
    let mut process = connected(&server, &impatient(&server));
    process.step(OPEN).assert_silent();
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let failed = fails_once(&mut process, CLOSE);
    assert!(failed.only_warning().to_lowercase().contains("memory"), "{failed:?}");
    assert!(!session::is_locked(&server, "known"));
    server.command::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(session::counter(&server, "known"), Some(1));
    works_again(&server, process);
}

#[test]
fn a_network_that_is_too_slow_is_one_warning() {
    let server = Server::start();
    let proxy = Proxy::start(&server.addr());
    let php = short_lease(&server).ini("session.save_path", &proxy.save_path());
    let mut process = connected(&server, &php);
    proxy.delay(Duration::from_secs(4));
    assert_eq!(fails_once(&mut process, "increment('known')").result, "false");
    proxy.delay(Duration::ZERO);
    works_again(&server, process);
}

#[test]
fn scripts_that_redis_forgot_are_sent_again_in_silence() {
    let server = Server::start();
    let mut process = connected(&server, &impatient(&server));
    server.command::<()>(&["SCRIPT", "FLUSH"]);
    assert_eq!(process.step("increment('known')").assert_silent().result, "2");
    process.step(OPEN).assert_silent();
    server.command::<()>(&["SCRIPT", "FLUSH"]);
    process.step(CLOSE).assert_silent();
    assert_eq!(session::counter(&server, "known"), Some(3));
    works_again(&server, process);
}

/// A proxy hangs up on a large session without saying why, each time. One warning says that the
/// connection broke, the old session stays, and nothing keeps the lock.
#[test]
fn a_proxy_that_hangs_up_on_a_large_session_costs_one_warning_and_no_lock() {
    let server = Server::start();
    for (locking, ack) in [("1", "wait"), ("1", "deferred"), ("0", "wait")] {
        let proxy = Proxy::in_front_of(&server);
        let php = Php::new(&proxy.save_path())
            .ini("rustredis.read_timeout", "1")
            .ini("rustredis.locking", locking)
            .ini("rustredis.write_ack", ack)
            .ini("rustredis.lock_lease", "60");
        let mut process = connected(&server, &php);
        process.step("start('known')").assert_silent();
        proxy.limit(50_000);
        let before = proxy.counts().connections;
        let step =
            fails_once(&mut process, "($_SESSION['big'] = str_repeat('x', 100000)) && session_write_close()");
        assert!(step.only_warning().contains("the connection broke"), "{step:?}");
        // The pauses between the tries grow.
        let tries = proxy.counts().connections - before;
        assert!(tries < 12, "{tries} connections");
        poll::until("the lock is free", SOON, || !session::is_locked(&server, "known"));
        assert_eq!(process.step("increment('known')").assert_silent().result, "2", "{locking} {ack}");
    }
}

/// A server that takes no more connections takes them again soon. A release waits for that, as it
/// waits for a server that is away.
#[test]
fn a_write_waits_for_a_server_that_is_full() {
    let server = Server::with_args(&["--maxclients", "100"]);
    let mut process =
        connected(&server, &Php::new(&server.save_path()).ini("rustredis.connect_timeout", "20"));
    process.step(OPEN).assert_silent();
    let mut admin = server.connection();
    let mut ask = |words: &[&str]| -> String {
        redis::cmd(words[0]).arg(&words[1..]).query(&mut admin).expect("the connection that is left")
    };
    ask(&["CONFIG", "SET", "maxclients", "1"]);
    ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    process.send(CLOSE);
    poll::until("a connection is refused", SOON, || {
        !ask(&["INFO", "stats"]).contains("rejected_connections:0\r")
    });
    ask(&["CONFIG", "SET", "maxclients", "100"]);
    let (messages, result) = process.expect("done ");
    assert_eq!((messages.trim(), &*result), ("", "true"));
    assert_eq!(session::counter(&server, "known"), Some(2));
}

#[test]
fn a_write_that_is_refused_says_why_the_lease_was_not_renewed() {
    let server = Server::start();
    session::seed(&server, "known");
    let proxy = Proxy::start(&server.addr());
    let mut holder = Php::new(&proxy.save_path()).ini("rustredis.lock_lease", "0.5").spawn(STEPS);
    holder.expect("ready");
    assert_eq!(holder.step("start('known') && ++$_SESSION['n']").assert_silent().result, "true");
    // The renewal takes a connection of its own.
    let nobody = Port::free();
    proxy.lead_new_to(&format!("127.0.0.1:{}", nobody.number()));
    poll::until("the lease has ended", SOON, || !session::is_locked(&server, "known"));
    let lock = session::side_key(&server, "known", "LOCK");
    server.command::<()>(&["SET", &lock, "another"]);
    let step = holder.step("session_write_close()");
    let expected = "it ran longer than rustredis.lock_lease, which was not renewed: ";
    assert!(step.messages.contains(expected), "{step:?}");
}
