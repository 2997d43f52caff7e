//! phpredis and rustredis on the same sessions, as during the switch of a fleet: one lock, and no
//! update lost.

use std::time::Duration;

use crate::support::php::{Php, Running, STEPS, Step, VISIT};
use crate::support::phpredis;
use crate::support::poll::{self, SOON};
use crate::support::redis::Server;
use crate::support::session;

const EACH: u64 = 3;
const INCREMENTS: u64 = 25;

/// A process of the new kind, which polls so that phpredis gets its share.
fn ours(server: &Server) -> Php {
    Php::new(&server.save_path()).ini("rustredis.lock_wait", "60").ini("rustredis.lock_mixed", "1")
}

/// A process of the old kind.
fn phpredis(server: &Server) -> Php {
    phpredis::handler("redis", &server.save_path())
        .ini("redis.session.locking_enabled", "1")
        .ini("redis.session.lock_expire", "60")
        .ini("redis.session.lock_retries", "-1")
        .ini("redis.session.lock_wait_time", "20000")
}

fn ready(php: &Php, script: &str) -> Running {
    let mut running = php.spawn(script);
    running.expect("ready");
    running
}

fn assert_step(step: &Step, result: &str) {
    assert_eq!((step.messages.trim(), &*step.result), ("", result));
}

/// The answer of a step, which must have printed nothing else.
fn answer(php: &mut Running) -> String {
    let (messages, result) = php.expect("done ");
    assert_eq!(messages.trim(), "");
    result
}

/// All numbers of a text.
fn numbers(text: &str) -> Vec<u64> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// Waits until the lock has been requested that many times more: by SET from phpredis, by EVALSHA
/// from rustredis.
fn until_asked(server: &Server, command: &str, times: u64) {
    let count = || server.info_commandstats().get(command).copied().unwrap_or(0);
    let before = count();
    poll::until(&format!("{command} is called {times} times"), SOON, || count() >= before + times);
}

#[test]
fn no_increment_is_lost() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    session::seed(&server, "shared");
    let kinds = [ours(&server), phpredis(&server)];
    let mut all: Vec<_> = (0..2 * EACH).map(|n| ready(&kinds[usize::from(n % 2 == 0)], VISIT)).collect();
    for php in &mut all {
        php.send("go");
    }
    let mut visits: Vec<_> = all
        .iter_mut()
        .flat_map(|php| numbers(&answer(php)).chunks(2).map(|v| (v[0], v[1])).collect::<Vec<_>>())
        .collect();
    assert_eq!(visits.len() as u64, 2 * EACH * INCREMENTS);
    visits.sort_unstable();
    for pair in visits.windows(2) {
        assert!(pair[0].1 < pair[1].0, "two at once in the session: {pair:?}");
    }
    assert_eq!(session::counter(&server, "shared"), Some(2 * EACH * INCREMENTS));
    assert!(!session::is_locked(&server, "shared"));
    assert_eq!(session::waiters(&server, "shared"), 0);
}

#[test]
fn phpredis_waits_for_ours() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    session::seed(&server, "shared");
    let (mut holder, mut waiter) = (ready(&ours(&server), STEPS), ready(&phpredis(&server), STEPS));
    assert_step(&holder.step("start('shared') && ++$_SESSION['n']"), "true");
    waiter.send("increment('shared')");
    until_asked(&server, "set", 5);
    assert_eq!(session::counter(&server, "shared"), Some(0));
    assert_step(&holder.step("session_write_close()"), "true");
    assert_eq!(answer(&mut waiter), "2");
}

#[test]
fn ours_waits_for_phpredis_and_notices_its_release_soon() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    session::seed(&server, "shared");
    let (mut holder, mut waiter) = (ready(&phpredis(&server), STEPS), ready(&ours(&server), STEPS));
    let mut delays = Vec::new();
    for round in 0..20 {
        assert_step(&holder.step("start('shared') && ++$_SESSION['n']"), "true");
        waiter.send("[start('shared'), hrtime(true), $_SESSION['n'], session_write_close()]");
        until_asked(&server, "evalsha", 3);
        assert_eq!(session::counter(&server, "shared"), Some(round));
        let released = numbers(&holder.step("[session_write_close(), hrtime(true)]").result)[0];
        let entered = numbers(&answer(&mut waiter));
        assert_eq!(entered[1], round + 1, "it read what phpredis wrote");
        delays.push(Duration::from_nanos(entered[0].saturating_sub(released)));
    }
    delays.sort_unstable();
    println!("from a release by phpredis to our session_start(): {:?}, at most {:?}", delays[10], delays[19]);
    // rustredis polls every 15 ms. The rest is for busy machines.
    assert!(delays[10] < Duration::from_millis(100), "{delays:?}");
    assert!(delays[19] < Duration::from_millis(500), "{delays:?}");
    // Redis answers blocked clients late, so blocking is no way to wait for a holder that hands
    // nothing over.
    assert_eq!(server.info_commandstats().get("blpop"), None);
}

#[test]
fn ours_notices_a_release_by_phpredis_soon_without_mixed() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    session::seed(&server, "shared");
    let (mut holder, mut waiter) =
        (ready(&phpredis(&server), STEPS), ready(&ours(&server).ini("rustredis.lock_mixed", "0"), STEPS));
    assert_step(&holder.step("start('shared') && ++$_SESSION['n']"), "true");
    waiter.send("increment('shared')");
    until_asked(&server, "evalsha", 3);
    assert_step(&holder.step("session_write_close()"), "true");
    assert_eq!(answer(&mut waiter), "2");
    assert_eq!(server.info_commandstats().get("blpop"), None);
}

#[test]
fn each_reads_what_the_other_wrote() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    for format in ["php", "php_serialize", "igbinary"] {
        let id = format!("shared-{}", format.replace('_', "-"));
        // phpredis does not create a session that strict mode does not know.
        server.command::<()>(&["SET", &session::key(&id), "", "EX", "1440"]);
        let with = |php: Php| ready(&php.ini("session.serialize_handler", format), STEPS);
        let igbinary =
            |php: Php| if format == "igbinary" { php.ini("extension", "igbinary.so") } else { php };
        let (mut old, mut new) = (with(phpredis(&server)), with(igbinary(ours(&server))));
        let write =
            |text: &str| format!("start('{id}') && ($_SESSION['x'] = {text}) && session_write_close()");
        let read = format!("start('{id}') ? [$_SESSION['x'], session_write_close()] : false");
        assert_step(&old.step(&write("['by' => 'phpredis', 'f' => 1.5, 'l' => [1, null, true]]")), "true");
        assert_step(&new.step(&read), r#"[{"by":"phpredis","f":1.5,"l":[1,null,true]},true]"#);
        assert_step(&new.step(&write(r#"["by" => "ours", "s" => "\x01\u{e9}", "l" => [[]]]"#)), "true");
        assert_step(&old.step(&read), r#"[{"by":"ours","s":"\u0001\u00e9","l":[[]]},true]"#);
        let ttl: i64 = server.command(&["TTL", &session::key(&id)]);
        assert!((1430..=1440).contains(&ttl), "{ttl}");
    }
}

#[test]
fn a_killed_phpredis_holder_blocks_ours_until_its_lock_expires() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    session::seed(&server, "shared");
    let mut holder = ready(&phpredis(&server).ini("redis.session.lock_expire", "1"), STEPS);
    let mut waiter = ready(&ours(&server), STEPS);
    assert_step(&holder.step("start('shared') && ++$_SESSION['n']"), "true");
    waiter.send("increment('shared')");
    holder.kill9();
    assert_eq!(answer(&mut waiter), "1");
}

#[test]
fn a_killed_holder_of_ours_blocks_phpredis_for_one_lease() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    session::seed(&server, "shared");
    let mut holder = ready(&ours(&server).ini("rustredis.lock_lease", "1"), STEPS);
    let mut waiter = ready(&phpredis(&server), STEPS);
    assert_step(&holder.step("start('shared') && ++$_SESSION['n']"), "true");
    waiter.send("increment('shared')");
    holder.kill9();
    assert_eq!(answer(&mut waiter), "1");
}

#[test]
fn a_write_of_ours_is_refused_when_phpredis_has_the_lock() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    session::seed(&server, "shared");
    let (mut slow, mut other) = (ready(&ours(&server), STEPS), ready(&phpredis(&server), STEPS));
    assert_step(&slow.step("start('shared') && ($_SESSION['n'] = 100)"), "true");
    // The lock is deleted, as if its lease had ended.
    server.command::<()>(&["DEL", &format!("{}_LOCK", session::key("shared"))]);
    assert_step(&other.step("start('shared') && ++$_SESSION['n']"), "true");
    let step = slow.step("session_write_close()");
    assert!(step.only_warning().contains("held by another client on"), "{step:?}");
    assert_step(&other.step("session_write_close()"), "true");
    assert_eq!(session::counter(&server, "shared"), Some(1));
}

#[test]
fn a_waiter_that_gives_up_names_phpredis() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    session::seed(&server, "shared");
    let mut holder = ready(&phpredis(&server), STEPS);
    let mut waiter = ready(&ours(&server).ini("rustredis.lock_wait", "0.1"), STEPS);
    assert_step(&holder.step("start('shared')"), "true");
    let step = waiter.step("increment('shared')");
    assert!(step.only_warning().contains("another client"), "{step:?}");
    assert_eq!(session::waiters(&server, "shared"), 0);
}

#[test]
fn a_logout_under_ours_is_not_undone_by_phpredis() {
    let server = Server::start();
    if !phpredis::is_here() {
        return;
    }
    server.command::<()>(&["SET", &session::key("shared"), "n|i:41;", "EX", "1440"]);
    let (mut holder, mut waiter) = (ready(&ours(&server), STEPS), ready(&phpredis(&server), STEPS));
    assert_step(&holder.step("start('shared')"), "true");
    waiter.send("increment('shared')");
    until_asked(&server, "set", 2);
    assert_step(&holder.step("session_destroy()"), "true");
    // phpredis had checked the id before it waited, and begins an empty session under it.
    assert_eq!(answer(&mut waiter), "1");
    assert_eq!(session::counter(&server, "shared"), Some(1));
}
