//! Connections that die at the worst moments. They are replaced, and no command is lost or carried
//! out twice.

use std::time::{Duration, Instant};

use crate::support::acl;
use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;

/// A process behind a proxy, with a session `known` whose counter is 1, and a connection.
fn connected(server: &Server) -> (Proxy, Running) {
    session::seed(server, "known");
    let proxy = Proxy::start(&server.addr());
    let mut process = Php::new(&proxy.save_path()).spawn(STEPS);
    process.expect("ready");
    assert_eq!(process.step("increment('known')").assert_silent().result, "1");
    (proxy, process)
}

/// Checks that an increment works without a message on exactly one new connection, and the next one
/// on the same connection.
fn replaced_once(server: &Server, proxy: &Proxy, process: &mut Running) {
    let before = proxy.counts();
    assert_eq!(process.step("increment('known')").assert_silent().result, "2");
    assert_eq!((proxy.counts() - before).connections, 1);
    assert_eq!(process.step("increment('known')").assert_silent().result, "3");
    assert_eq!((proxy.counts() - before).connections, 1);
    assert_eq!(session::counter(server, "known"), Some(3));
    assert!(!session::is_locked(server, "known"));
}

#[test]
fn a_connection_killed_by_redis_while_idle_is_replaced() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    server.command::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    replaced_once(&server, &proxy, &mut process);
}

#[test]
fn a_connection_cut_by_the_network_while_idle_is_replaced() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    proxy.cut();
    replaced_once(&server, &proxy, &mut process);
}

#[test]
fn a_connection_of_a_server_that_restarted_while_idle_is_replaced() {
    let mut server = Server::with_args(&["--appendonly", "yes"]);
    let (proxy, mut process) = connected(&server);
    server.restart();
    replaced_once(&server, &proxy, &mut process);
}

#[test]
fn a_connection_cut_while_the_session_is_open_is_replaced() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    process.step("start('known') && ++$_SESSION['n']").assert_silent();
    proxy.cut();
    let before = proxy.counts();
    process.step("session_write_close()").assert_silent();
    assert_eq!((proxy.counts() - before).connections, 1);
    assert_eq!(session::counter(&server, "known"), Some(2));
    assert!(!session::is_locked(&server, "known"));
}

#[test]
fn a_lost_reply_to_the_lock_is_asked_for_again() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    proxy.swallow_reply(1);
    replaced_once(&server, &proxy, &mut process);
    assert!(proxy.has_swallowed());
}

#[test]
fn a_lost_reply_to_the_write_is_asked_for_again_and_reports_no_lost_lock() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    proxy.swallow_reply(2);
    replaced_once(&server, &proxy, &mut process);
    assert!(proxy.has_swallowed());
}

#[test]
fn a_lost_reply_to_the_release_of_an_unchanged_session_is_asked_for_again() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    proxy.swallow_reply(2);
    process.step("start('known') && session_write_close()").assert_silent();
    assert!(proxy.has_swallowed());
    assert_eq!(session::counter(&server, "known"), Some(1));
    assert!(!session::is_locked(&server, "known"));
}

#[test]
fn the_lock_of_an_unknown_id_whose_release_got_lost_is_given_back() {
    let server = Server::start();
    let proxy = Proxy::start(&server.addr());
    let mut process = Php::new(&proxy.save_path())
        .ini("session.use_strict_mode", "1")
        .ini("rustredis.lock_lease", "60")
        .spawn(STEPS);
    process.expect("ready");
    process.step("$GLOBALS['h'] = new RustRedis\\SessionHandler()").assert_silent();
    // The process asks for another session at once, or does nothing more.
    for ask in ["start('unknown') && session_destroy()", "!$GLOBALS['h']->validateId('unknown')"] {
        process.step("start('known') && session_destroy()").assert_silent();
        process.step("$GLOBALS['h']->exists('known')").assert_silent();
        proxy.lose_request(2);
        assert_eq!(process.step(ask).assert_silent().result, "true", "{ask}");
        poll::until("the release gets lost", SOON, || proxy.has_lost());
        let start = Instant::now();
        poll::until("the lock is given back", SOON, || !session::is_locked(&server, "unknown"));
        assert!(start.elapsed() < Duration::from_secs(30), "{ask}: {:?}", start.elapsed());
    }
}

#[test]
fn a_lost_reply_to_a_new_sessions_first_write_is_asked_for_again() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    proxy.swallow_reply(2);
    let step = process.step("[session_id(''), session_start(), $_SESSION['n'] = 1, session_write_close()]");
    step.assert_silent();
    assert!(proxy.has_swallowed());
    let id = process.step("session_id()").result.trim_matches('"').to_owned();
    assert_eq!(session::counter(&server, &id), Some(1));
}

#[test]
fn a_lost_reply_to_a_destroy_is_asked_for_again() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    proxy.swallow_reply(2);
    assert_eq!(process.step("start('known') && session_destroy()").assert_silent().result, "true");
    assert!(proxy.has_swallowed());
    assert_eq!(session::counter(&server, "known"), None);
    assert!(!session::is_locked(&server, "known"));
}

#[test]
fn a_lost_reply_to_the_end_of_a_session_leaves_no_copy_of_it() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    let copy = session::side_key(&server, "known", "OLD");
    let is_there = |key: &str| server.command::<bool>(&["EXISTS", key]);
    for end in
        ["rustredis_revoke('u') > 0", "(new RustRedis\\SessionHandler())->destroy(session_id()) === true"]
    {
        // Each trip of the end in turn, until it has no more of them.
        for nth in 1.. {
            server.command::<()>(&["FLUSHALL"]);
            session::seed(&server, "known");
            let login = "start('known') && session_regenerate_id(true) && rustredis_user('u') && \
                         session_write_close()";
            assert_eq!(process.step(login).assert_silent().result, "true");
            assert!(is_there(&copy));
            // The object has a connection of its own.
            process.step("(new RustRedis\\SessionHandler())->exists('known')").assert_silent();
            proxy.swallow_reply(nth);
            assert_eq!(process.step(end).assert_silent().result, "true", "{end}, {nth}");
            assert!(!is_there(&copy), "{end}, {nth}");
            if !proxy.has_swallowed() {
                assert!(nth > 1, "{end}");
                break;
            }
        }
    }
}

/// Each exchange with Redis: by plain commands and a transaction, by plain commands and a script,
/// without a lock, and with a deferred answer.
#[test]
fn a_reply_that_belongs_to_nothing_costs_a_connection_and_no_session() {
    for (transactions, sessions_before) in [(true, 0), (true, 2), (false, 1)] {
        let server = Server::start();
        if !transactions {
            acl::without_transactions(&server);
        }
        for (ini, expression, adds) in [
            (None, "increment('known')", 1),
            (None, "start('known') && session_write_close()", 0),
            (Some(("rustredis.locking", "0")), "increment('known')", 1),
            (Some(("rustredis.write_ack", "deferred")), "increment('known')", 1),
        ] {
            for nth in [1, 2] {
                let what =
                    format!("{ini:?} {expression}, trip {nth} after {sessions_before}, {transactions}");
                session::seed(&server, "known");
                let proxy = Proxy::start(&server.addr());
                let php = Php::new(&proxy.save_path());
                let mut process =
                    ini.iter().fold(php, |php, (name, value)| php.ini(name, value)).spawn(STEPS);
                process.expect("ready");
                // The process has a connection that has not run a session yet.
                process.step("start('none', ['read_and_close' => true])");
                for _ in 0..sessions_before {
                    process.step("increment('known')").assert_silent();
                }
                let before = proxy.counts();
                proxy.stray_reply(nth);
                let step = process.step(expression);
                assert_eq!(step.messages.trim(), "", "{what}: {step:?}");
                assert!(step.result != "false", "{what}: {step:?}");
                // The deferred answer is read now.
                let next = process.step("increment('known')");
                assert_eq!(next.messages.trim(), "", "{what}: {next:?}");
                assert_eq!(next.result, (sessions_before + adds + 1).to_string(), "{what}");
                // With deferred writes, two bursts may count as one trip.
                if ini.is_none_or(|(name, _)| name != "rustredis.write_ack") {
                    assert!(proxy.has_strayed(), "{what}");
                    assert_eq!((proxy.counts() - before).connections, 1, "{what}");
                }
                // The last release may still be on its way.
                poll::until(&what, SOON, || {
                    session::counter(&server, "known") == Some(sessions_before + adds + 1)
                        && !session::is_locked(&server, "known")
                });
            }
        }
    }
}

/// Two visitors take turns over one connection. A lock that ends soon makes requests wait for their
/// turn, which they get from a script.
const VISITORS: &str = r"
    [, $port, $tries, $options, $waits] = json_decode(fgets(STDIN));
    $redis = stream_socket_client('tcp://127.0.0.1:' . $port);
    ini_set('display_errors', 0);
    $served = 0;
    for ($i = 0; $i < $tries; $i++) {
        $id = $i % 2 ? 'first' : 'second';
        if ($waits && fwrite($redis, sprintf($waits, $id))) {
            fgets($redis);
        }
        session_id($id);
        if (!session_start((array) $options)) {
            continue;
        }
        if (session_id() !== $id || ($_SESSION['who'] ?? null) !== $id) {
            exit(sprintf('try %d: %s has %s with %s', $i, $id, session_id(), json_encode($_SESSION)));
        }
        $_SESSION['n'] = $i;
        session_write_close();
        $served++;
    }
    echo 'served ', $served;
";

#[test]
fn a_reply_that_comes_twice_shows_no_session_to_another_visitor() {
    const TRIES: usize = 100;
    let server = Server::start();
    for id in ["first", "second"] {
        let data = format!("who|s:{}:\"{id}\";", id.len());
        server.command::<()>(&["SET", &session::key(id), &data]);
    }
    let waits = format!("SET {} other PX 3 NX\r\n", session::key("%s_LOCK"));
    let bare = ["ACL", "SETUSER", "default", "-multi"];
    for (what, ini, options, waits, rights) in [
        ("by a transaction", None, "{}", "", &[][..]),
        ("deferred", Some(("rustredis.write_ack", "deferred")), "{}", "", &[]),
        ("prefetched", Some(("rustredis.prefetch", "1")), "{}", "", &[]),
        ("by scripts", None, "{}", &waits, &[]),
        ("read only", None, r#"{"read_and_close": true}"#, "", &[]),
        ("without locks", Some(("rustredis.locking", "0")), "{}", "", &[]),
        ("without transactions", None, "{}", "", &bare),
    ] {
        if !rights.is_empty() {
            server.command::<()>(rights);
        }
        let proxy = Proxy::start(&server.addr());
        let php = Php::new(&proxy.save_path()).ini("rustredis.lock_lease", "0.2");
        let mut process = ini.iter().fold(php, |php, (name, value)| php.ini(name, value)).spawn(VISITORS);
        proxy.double_replies(11);
        process.send(&format!("[0, {}, {TRIES}, {options}, {waits:?}]", server.port()));
        let output = process.wait();
        let count = output.stdout.strip_prefix("served ").and_then(|count| count.parse().ok());
        assert!(count > Some(TRIES / 2), "{what}: {output:?}");
        assert!(proxy.doubled() > TRIES / 10, "{what}: {} doubled", proxy.doubled());
    }
}

/// Starts a holder of the session, and lets the process behind the proxy wait for it.
fn blocked(server: &Server, proxy: &Proxy, process: &mut Running) -> Running {
    let mut holder = Php::new(&server.save_path()).spawn(STEPS);
    holder.expect("ready");
    assert_eq!(holder.step("start('known') && ++$_SESSION['n']").assert_silent().result, "true");
    // Redis learns the script that asks for a lock.
    process.step("ini_set('rustredis.lock_wait', '0')").assert_silent();
    assert_eq!(process.step("start('known')").result, "false");
    process.step("ini_restore('rustredis.lock_wait')");
    let before = proxy.counts();
    process.send("increment('known')");
    poll::until("the process waits", SOON, || server.blocked_clients() == 1);
    assert_eq!(
        (proxy.counts() - before).trips,
        3,
        "tried to get the lock, asked for a place in the queue, blocked"
    );
    holder
}

/// Checks that the waiting process gets its turn after the holder.
fn comes_through(server: &Server, process: &mut Running) {
    let (messages, result) = process.expect("done ");
    assert_eq!((messages.trim(), result.as_str()), ("", "3"));
    assert_eq!(session::counter(server, "known"), Some(3));
    assert!(!session::is_locked(server, "known"));
}

#[test]
fn a_connection_cut_while_it_waits_for_the_lock_is_replaced() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    let mut holder = blocked(&server, &proxy, &mut process);
    let before = proxy.counts();
    proxy.cut();
    poll::until("the process waits again", SOON, || {
        (proxy.counts() - before).connections == 1 && server.blocked_clients() == 1
    });
    holder.step("session_write_close()").assert_silent();
    comes_through(&server, &mut process);
}

#[test]
fn a_lock_handed_to_a_connection_that_dies_is_asked_for_again() {
    let server = Server::start();
    let (proxy, mut process) = connected(&server);
    let mut holder = blocked(&server, &proxy, &mut process);
    // The lost reply is that of the blocking command, whose request is on its way already.
    proxy.swallow_reply(0);
    holder.step("session_write_close()").assert_silent();
    let start = Instant::now();
    comes_through(&server, &mut process);
    // A hand-over that is not claimed lasts a second.
    assert!(start.elapsed() < Duration::from_secs(3), "after {:?}", start.elapsed());
    assert!(proxy.has_swallowed());
}

#[test]
fn a_restart_while_it_waits_for_the_lock_is_survived() {
    let mut server = Server::with_args(&["--appendonly", "yes"]);
    let (proxy, mut process) = connected(&server);
    let mut holder = blocked(&server, &proxy, &mut process);
    server.restart();
    holder.step("session_write_close()").assert_silent();
    comes_through(&server, &mut process);
}

/// Longer than a connection may be idle before it is in doubt.
const LONG_IDLE: Duration = Duration::from_secs(11);

#[test]
fn a_connection_that_was_forgotten_while_idle_is_replaced_within_the_timeout() {
    let server = Server::start();
    session::seed(&server, "known");
    let proxy = Proxy::start(&server.addr());
    for use_of_it in ["increment('known')", "peek('known')"] {
        let mut process = Php::new(&proxy.save_path()).ini("rustredis.read_timeout", "4").spawn(STEPS);
        process.expect("ready");
        process.step("increment('known')").assert_silent();
        std::thread::sleep(LONG_IDLE);
        proxy.forget();
        let before = proxy.counts();
        process.step(use_of_it).assert_silent();
        assert_eq!((proxy.counts() - before).connections, 1, "{use_of_it}");
        assert!(!session::is_locked(&server, "known"));
    }
    assert_eq!(session::counter(&server, "known"), Some(3));
}

#[test]
fn a_server_that_hangs_while_idle_costs_the_timeout_once() {
    let server = Server::start();
    session::seed(&server, "known");
    let mut process = Php::new(&server.save_path()).ini("rustredis.read_timeout", "4").spawn(STEPS);
    process.expect("ready");
    process.step("increment('known')").assert_silent();
    std::thread::sleep(LONG_IDLE);
    server.pause();
    let start = Instant::now();
    let step = process.step("start('known')");
    let took = start.elapsed();
    server.resume();
    assert!(step.result.contains("false"), "{step:?}");
    // A new connection to a hung server used to get the whole timeout once more: 5 to 8 s.
    assert!(took < Duration::from_millis(4900), "{took:?}");
}
