//! Python and PHP on the same sessions: one lock, one queue, and no update lost.

use std::time::{Duration, Instant};

use crate::python::Python;
use crate::support::php::{Php, Running, STEPS, VISIT};
use crate::support::poll::{self, SOON};
use crate::support::process;
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;
use phpsess_rs::protocol::list_name;

const EACH: u64 = 3;
const INCREMENTS: u64 = 25;

fn php(server: &Server) -> Php {
    Php::new(&server.save_path())
        .ini("session.serialize_handler", "php_serialize")
        .ini("rustredis.lock_wait", "60")
}

fn ready(php: &Php, script: &str) -> Running {
    let mut running = php.spawn(script);
    running.expect("ready");
    running
}

fn seed(server: &Server) {
    server.command::<()>(&["SET", &session::key("shared"), r#"a:1:{s:1:"n";i:0;}"#, "EX", "1440"]);
}

fn stored(server: &Server) -> Option<String> {
    server.command(&["GET", &session::key("shared")])
}

fn assert_stored(server: &Server, n: u64) {
    assert_eq!(stored(server), Some(format!(r#"a:1:{{s:1:"n";i:{n};}}"#)));
}

fn assert_nobody_there(server: &Server) {
    assert!(!session::is_locked(server, "shared"));
    assert_eq!(session::waiters(server, "shared"), 0);
}

/// The answer of a PHP step, which must have printed nothing else.
fn answer(php: &mut Running) -> String {
    let (messages, result) = php.expect("done ");
    assert_eq!(messages.trim(), "");
    result
}

/// `[[enter,leave],...]`
fn visits(json: &str) -> Vec<(u64, u64)> {
    let numbers: Vec<u64> =
        json.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect()
}

#[test]
fn no_increment_is_lost() {
    let server = Server::start();
    seed(&server);
    let mut phps: Vec<_> = (0..EACH).map(|_| ready(&php(&server), VISIT)).collect();
    let mut pythons: Vec<_> = (0..EACH).map(|_| Python::start(&server)).collect();
    for (php, python) in phps.iter_mut().zip(&mut pythons) {
        php.send("go");
        python.send(&format!("visit('shared', {INCREMENTS})"));
    }
    let mut all: Vec<_> = phps.iter_mut().flat_map(|php| visits(&answer(php))).collect();
    all.extend(pythons.iter_mut().flat_map(|python| visits(&python.answer())));

    assert_eq!(all.len() as u64, 2 * EACH * INCREMENTS);
    all.sort_unstable();
    for pair in all.windows(2) {
        assert!(pair[0].1 < pair[1].0, "two at once in the session: {pair:?}");
    }
    assert_stored(&server, 2 * EACH * INCREMENTS);
    assert_nobody_there(&server);
}

/// PHP and Python wait in the queue by turns. The lock then goes from one to the other, both ways.
fn get_their_turn_in_order(server: &Server, release: impl FnOnce()) {
    let mut pythons: Vec<_> = (0..3).map(|_| Python::start(server)).collect();
    let mut phps: Vec<_> = (0..3).map(|_| ready(&php(server), STEPS)).collect();
    for (place, (python, php)) in pythons.iter_mut().zip(&mut phps).enumerate() {
        let place = 2 * place as u64;
        python.send("increment('shared')");
        poll::until("Python is in the queue", SOON, || server.blocked_clients() == place + 1);
        php.send("increment('shared')");
        poll::until("PHP is in the queue", SOON, || server.blocked_clients() == place + 2);
    }
    release();
    for (turn, (python, php)) in pythons.iter_mut().zip(&mut phps).enumerate() {
        assert_eq!(python.answer(), (2 * turn + 1).to_string());
        assert_eq!(answer(php), (2 * turn + 2).to_string());
    }
    assert_stored(server, 6);
    assert_nobody_there(server);
}

#[test]
fn waiters_get_their_turn_in_order_after_php() {
    let server = Server::start();
    seed(&server);
    let mut holder = ready(&php(&server), STEPS);
    assert_eq!(holder.step("start('shared')").assert_silent().result, "true");
    get_their_turn_in_order(&server, || {
        holder.step("session_write_close()").assert_silent();
    });
}

#[test]
fn waiters_get_their_turn_in_order_after_python() {
    let server = Server::start();
    seed(&server);
    let mut holder = Python::start(&server);
    assert_eq!(holder.step("start('shared')"), "0");
    get_their_turn_in_order(&server, || assert_eq!(holder.step("close()"), "null"));
}

#[test]
fn a_killed_python_holder_blocks_php_for_one_lease() {
    let server = Server::start();
    seed(&server);
    let mut holder = Python::with_options(&server, r#"{"lease": 1}"#);
    let mut waiter = ready(&php(&server), STEPS);
    assert_eq!(holder.step("start('shared')"), "0");
    waiter.send("increment('shared')");
    poll::until("PHP is in the queue", SOON, || server.blocked_clients() == 1);
    let start = Instant::now();
    holder.kill9();
    assert_eq!(answer(&mut waiter), "1");
    assert!(start.elapsed() < Duration::from_secs(3), "after {:?}", start.elapsed());
}

#[test]
fn a_killed_php_holder_blocks_python_for_one_lease() {
    let server = Server::start();
    seed(&server);
    let mut holder = ready(&php(&server).ini("rustredis.lock_lease", "1"), STEPS);
    let mut waiter = Python::start(&server);
    assert_eq!(holder.step("start('shared')").assert_silent().result, "true");
    waiter.send("increment('shared')");
    poll::until("Python is in the queue", SOON, || server.blocked_clients() == 1);
    let start = Instant::now();
    holder.kill9();
    assert_eq!(waiter.answer(), "1");
    assert!(start.elapsed() < Duration::from_secs(3), "after {:?}", start.elapsed());
}

#[test]
fn python_that_slept_through_its_lease_does_not_undo_a_logout() {
    let server = Server::start();
    seed(&server);
    let mut python = Python::with_options(&server, r#"{"lease": 0.5}"#);
    let mut php = ready(&php(&server), STEPS);
    assert_eq!(python.step("start('shared')"), "0");
    assert_eq!(python.step("change(7)"), "null");
    process::signal(python.pid(), "STOP");
    assert_eq!(php.step("start('shared') && session_destroy()").assert_silent().result, "true");
    process::signal(python.pid(), "CONT");
    assert_eq!(python.step("close()"), r#""NotSaved: the lock was lost""#);
    assert_eq!(stored(&server), None);
}

#[test]
fn a_logout_that_does_not_wait_for_the_lock_is_not_undone_by_python() {
    let server = Server::start();
    for change in ["change(7)", "None"] {
        seed(&server);
        let mut python = Python::start(&server);
        let mut php = ready(&php(&server).ini("rustredis.locking", "0"), STEPS);
        assert_eq!(python.step("start('shared')"), "0");
        assert_eq!(php.step("start('shared') && session_destroy()").assert_silent().result, "true");
        python.step(change);
        assert_eq!(python.step("close()"), r#""NotSaved: the session was destroyed""#);
        assert_eq!(stored(&server), None);
        assert_nobody_there(&server);
    }
}

#[test]
fn a_logout_before_the_request_is_none_while_it_was_under_way() {
    let server = Server::start();
    let mut python = Python::start(&server);
    // The mark lives for as long as its maker decided, which tells Python nothing.
    for max_hold in ["5", "300", "3600"] {
        server.command::<()>(&["FLUSHALL"]);
        assert_eq!(python.step("absent('shared')"), r#""absent""#, "{max_hold}");
        seed(&server);
        let mut php = ready(&php(&server).ini("rustredis.lock_max_hold", max_hold), STEPS);
        assert_eq!(php.step("start('shared') && session_destroy()").assert_silent().result, "true");
        assert!(python.step("replace('shared')").starts_with(r#""NotSaved: "#), "{max_hold}");
        assert_eq!(python.step("absent('shared')"), r#""absent""#, "{max_hold}");
        assert_eq!(python.step("replace('shared')"), r#""new""#, "{max_hold}");
    }
}

#[test]
fn a_logout_by_python_is_not_undone_by_a_slower_php() {
    let server = Server::start();
    seed(&server);
    let mut python = Python::start(&server);
    let mut php = ready(&php(&server).ini("rustredis.locking", "0"), STEPS);
    assert_eq!(php.step("start('shared') && ++$_SESSION['n']").assert_silent().result, "true");
    assert_eq!(python.step("start('shared')"), "0");
    assert_eq!(python.step("change(None)"), "null");
    assert_eq!(python.step("close()"), "null");
    let step = php.step("session_write_close()");
    assert!(step.only_warning().contains("destroyed"), "{step:?}");
    assert_eq!(stored(&server), None);
}

#[test]
fn a_python_waiter_of_a_destroyed_session_is_told() {
    let server = Server::start();
    seed(&server);
    let mut python = Python::start(&server);
    let mut php = ready(&php(&server), STEPS);
    assert_eq!(php.step("start('shared')").assert_silent().result, "true");
    python.send("increment('shared')");
    poll::until("Python is in the queue", SOON, || server.blocked_clients() == 1);
    assert_eq!(php.step("session_destroy()").assert_silent().result, "true");
    assert!(python.answer().starts_with(r#""NoSuchSession: "#));
    assert_eq!(stored(&server), None);
    assert_nobody_there(&server);
}

#[test]
fn python_gives_up_in_time_and_is_told_who_holds_the_lock() {
    let server = Server::start();
    seed(&server);
    let mut php = ready(&php(&server), STEPS);
    assert_eq!(php.step("start('shared')").assert_silent().result, "true");
    let mut python = Python::with_options(&server, r#"{"wait": 0.2}"#);
    let answer = python.step("increment('shared')");
    assert!(answer.starts_with(r#""LockBusy: "#), "{answer}");
    assert!(answer.contains(&format!("|{}|cli|", php.pid())), "{answer}");
    assert_eq!(session::waiters(&server, "shared"), 0);
    assert_eq!(python.step("peek('shared')"), "0");
    php.step("session_write_close()").assert_silent();
    assert_eq!(python.step("increment('shared')"), "1");
}

#[test]
fn an_exception_leaves_the_session_as_it_was() {
    let server = Server::start();
    seed(&server);
    let mut python = Python::start(&server);
    assert_eq!(python.step("fail_after('shared', 7)"), r#""ValueError: abort""#);
    assert_stored(&server, 0);
    assert_nobody_there(&server);
}

#[test]
fn an_unchanged_session_gets_its_ttl_back_and_one_that_vanished_is_stored_again() {
    let server = Server::start();
    let ttl = || server.command::<u64>(&["TTL", &session::key("shared")]);
    seed(&server);
    let mut python = Python::with_options(&server, r#"{"ttl": 1000}"#);
    python.step("start('shared')");
    server.command::<()>(&["EXPIRE", &session::key("shared"), "50"]);
    assert_eq!(python.step("close()"), "null");
    assert!((990..=1000).contains(&ttl()));

    python.step("start('shared')");
    server.command::<()>(&["DEL", &session::key("shared")]);
    assert_eq!(python.step("close()"), "null");
    assert_stored(&server, 0);
    assert!((990..=1000).contains(&ttl()));
}

#[test]
fn an_unknown_id_is_refused_unless_it_is_to_be_created() {
    let server = Server::start();
    let mut python = Python::start(&server);
    assert!(python.step("increment('shared')").starts_with(r#""NoSuchSession: "#));
    assert!(python.step("increment('a_LOCK')").starts_with(r#""NoSuchSession: "#));
    assert!(!session::is_locked(&server, "shared"));
    assert_eq!(python.step("increment('shared', create=True)"), "1");
    let mut php = ready(&php(&server), STEPS);
    assert_eq!(php.step("increment('shared')").assert_silent().result, "2");
}

/// The state of a session lives for longer than the session. Go has the same test of its own, and
/// Express uses no id but new ones.
#[test]
fn a_session_under_the_id_of_an_expired_one_has_no_user() {
    let server = Server::start();
    let state = format!(
        "live|1795000000000|1795000000000|5|4000000000000|1795000000000||{}|phone",
        list_name(b"Ada")
    );
    server.command::<()>(&["SET", &session::side_key(&server, "shared", "STATE"), &state, "EX", "1000"]);
    let mut python = Python::start(&server);
    assert_eq!(python.step("increment('shared', create=True)"), "1");
    let mut php = ready(&php(&server), STEPS);
    let told = "(function () { start('shared'); $s = rustredis_session(); session_write_close(); \
                return [$s['user'], $s['authenticated'], $s['ends'], $s['created'] > time() - 60]; })()";
    let answer = php.step(told).assert_silent().result.replace([' ', '\n'], "");
    assert_eq!(answer, "[null,null,null,true]");
    assert!(server.command::<i64>(&["TTL", &session::key("shared")]) > 1400);
    assert_eq!(php.step("count(rustredis_user_sessions('Ada'))").assert_silent().result, "0");
}

#[test]
fn python_keeps_a_lock_that_it_renews() {
    let server = Server::start();
    seed(&server);
    let mut python = Python::with_options(&server, r#"{"lease": 0.6}"#);
    let mut php = ready(&php(&server), STEPS);
    python.step("start('shared')");
    php.send("increment('shared')");
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1500) {
        assert_eq!(python.step("session().renew()"), "null");
        assert_eq!(python.step("time.sleep(0.1)"), "null");
    }
    python.step("change(7)");
    assert_eq!(python.step("close()"), "null");
    assert_eq!(answer(&mut php), "8");
}

#[test]
fn python_survives_a_restart_of_redis_while_it_waits() {
    let mut server = Server::start();
    seed(&server);
    let mut php = ready(&php(&server), STEPS);
    let mut python = Python::start(&server);
    assert_eq!(php.step("start('shared')").assert_silent().result, "true");
    python.send("increment('shared', create=True)");
    poll::until("Python is in the queue", SOON, || server.blocked_clients() == 1);
    server.restart();
    // Redis came back empty: the script is unknown, the lock free and the session gone.
    assert_eq!(python.answer(), "1");
    assert_stored(&server, 1);
}

/// Python behind a proxy, connected, with all scripts known to the server.
fn behind(proxy: &Proxy) -> Python {
    let mut python = Python::at(&proxy.addr(), r#"{"wait": 60}"#);
    assert_eq!(python.step("increment('shared')"), "1");
    python
}

#[test]
fn a_lost_reply_costs_python_nothing() {
    let server = Server::start();
    let proxy = Proxy::start(&server.addr());
    seed(&server);
    let mut python = behind(&proxy);
    // The lost replies: first that to the request that takes the lock, then that to the one that
    // writes and releases it.
    for (reply, n) in [(1, 2), (2, 3)] {
        proxy.swallow_reply(reply);
        assert_eq!(python.step("increment('shared')"), n.to_string());
        assert!(proxy.has_swallowed());
        assert_stored(&server, n);
        assert_nobody_there(&server);
    }
}

#[test]
fn a_lost_ticket_delays_python_by_a_hand_over_and_a_lost_claim_by_nothing() {
    let server = Server::start();
    let proxy = Proxy::start(&server.addr());
    server.command::<()>(&["SCRIPT", "LOAD", include_str!("../../src/protocol/scripts/claim.lua")]);
    seed(&server);
    let mut python = behind(&proxy);
    let mut php = ready(&php(&server), STEPS);
    // The lost replies: first that to the BLPOP that waits already, then that to the claim behind
    // it.
    for (reply, n) in [(0, 2), (1, 3)] {
        assert_eq!(php.step("start('shared')").assert_silent().result, "true");
        python.send("increment('shared')");
        poll::until("Python is in the queue", SOON, || server.blocked_clients() == 1);
        proxy.swallow_reply(reply);
        php.step("session_write_close()").assert_silent();
        let start = Instant::now();
        assert_eq!(python.answer(), n.to_string());
        // Much less than the lease that Python would otherwise wait out because of its own lock.
        assert!(start.elapsed() < Duration::from_secs(4), "after {:?}", start.elapsed());
        assert!(proxy.has_swallowed());
        assert_stored(&server, n);
        assert_nobody_there(&server);
    }
}
