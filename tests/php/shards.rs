//! Several servers in one save path: each session lies on the server where phpredis looks for it.

use std::time::{Duration, Instant};

use crate::support::acl;
use crate::support::php::{Php, Running, STEPS};
use crate::support::phpredis;
use crate::support::redis::Server;
use crate::support::session;
use crate::support::tls::{self, Certificates};
use phpsess_rs::protocol::list_name;

fn servers(count: usize) -> Vec<Server> {
    (0..count).map(|_| Server::start()).collect()
}

fn save_path(servers: &[Server], weights: &[u32], separator: &str) -> String {
    let hosts = servers.iter().zip(weights).map(|(s, weight)| format!("{}?weight={weight}", s.save_path()));
    hosts.collect::<Vec<_>>().join(separator)
}

fn ready(php: &Php) -> Running {
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    process
}

fn phpredis(save_path: &str) -> Php {
    phpredis::handler("redis", save_path).ini("session.use_strict_mode", "0")
}

fn has(server: &Server, id: &str) -> bool {
    server.command(&["EXISTS", &session::key(id)])
}

/// The only server that has the session.
fn home(servers: &[Server], id: &str) -> usize {
    let homes: Vec<_> = (0..servers.len()).filter(|&n| has(&servers[n], id)).collect();
    assert_eq!(homes.len(), 1, "{id} lies on {homes:?}");
    homes[0]
}

/// Ids with all kinds of first four characters, in an order that looks random.
fn ids(count: u64) -> Vec<String> {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,-";
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut letter = move || {
        // xorshift
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(LETTERS[usize::try_from(state % 64).expect("it is below 64")])
    };
    (0..count).map(|_| (0..26).map(|_| letter()).collect()).collect()
}

/// Writes all sessions with one handler, and reads them with the other.
fn compare(servers: &[Server], weights: &[u32], separator: &str) {
    let path = save_path(servers, weights, separator);
    let ours = Php::new(&path).ini("session.use_strict_mode", "0");
    let ids = ids(200);
    let mut counts = vec![0; servers.len()];
    for (round, (writer, reader)) in
        [(phpredis(&path), ours.clone()), (ours, phpredis(&path))].into_iter().enumerate()
    {
        let (mut writer, mut reader) = (ready(&writer), ready(&reader));
        for id in &ids {
            let expected = (2 * round + 1).to_string();
            assert_eq!(writer.step(&format!("increment('{id}')")).assert_silent().result, expected, "{id}");
            let home = home(servers, id);
            counts[home] += 1;
            let expected = (2 * round + 2).to_string();
            assert_eq!(reader.step(&format!("increment('{id}')")).assert_silent().result, expected, "{id}");
            assert_eq!(self::home(servers, id), home);
            assert_eq!(session::counter(&servers[home], id), Some(2 * round as u64 + 2));
        }
    }
    println!("weights {weights:?}: {counts:?}");
    for (count, weight) in counts.iter().zip(weights) {
        assert_eq!(*count > 0, *weight > 0, "{counts:?}");
    }
}

#[test]
fn two_servers_share_sessions_as_under_phpredis() {
    let servers = servers(2);
    if !phpredis::is_here() {
        return;
    }
    compare(&servers, &[1, 1], ",");
}

#[test]
fn three_servers_with_weights_share_sessions_as_under_phpredis() {
    let servers = servers(3);
    if !phpredis::is_here() {
        return;
    }
    compare(&servers, &[1, 2, 4], ", ");
}

#[test]
fn locks_lie_with_their_sessions_and_keep_every_increment() {
    let servers = servers(2);
    let path = save_path(&servers, &[1, 2], ",");
    let ids = ["a1", "b2", "c3", "d4", "aaaa", "bbbb"];
    let mut first = ready(&Php::new(&path).ini("session.use_strict_mode", "0"));
    for id in ids {
        assert_eq!(first.step(&format!("increment('{id}')")).assert_silent().result, "1");
        let home = home(&servers, id);
        first.step(&format!("start('{id}')")).assert_silent();
        for (n, server) in servers.iter().enumerate() {
            assert_eq!(session::is_locked(server, id), n == home, "{id}");
        }
        first.step("session_write_close()").assert_silent();
        assert!(!session::is_locked(&servers[home], id));
    }

    let count = "fgets(STDIN); for ($i = 0; $i < 20; $i++) foreach (['a1', 'bbbb'] as $id) {
        session_id($id); session_start() or exit(1); $_SESSION['n']++; session_write_close() or exit(2); }
        echo 'counted';";
    let mut all: Vec<_> =
        (0..4).map(|_| Php::new(&path).ini("rustredis.lock_wait", "60").spawn(count)).collect();
    for process in &mut all {
        process.send("go");
    }
    for process in all {
        assert_eq!(process.wait().assert_clean().stdout, "counted");
    }
    for id in ["a1", "bbbb"] {
        assert_eq!(session::counter(&servers[home(&servers, id)], id), Some(81));
    }
}

#[test]
fn a_new_id_takes_the_session_to_another_server_whole() {
    let servers = servers(2);
    let path = save_path(&servers, &[1, 1], ",");
    let mut process = ready(&Php::new(&path));
    let (mut moved, mut stayed) = (0, 0);
    for round in 0..40 {
        let old: String = format!("{round}");
        let old = ids(40)[old.parse::<usize>().expect("it is a number")].clone();
        // Strict mode accepts only ids that exist on one of the servers.
        for server in &servers {
            session::seed(server, &old);
        }
        let delete = round % 2 == 0;
        let step = process.step(&format!(
            "start('{old}') && ($_SESSION['n'] = {round}) !== null && session_regenerate_id({delete}) ? session_id() : false"
        ));
        let new = step.assert_silent().result.trim_matches('"').to_owned();
        assert!(new.len() > 20, "{step:?}");
        let step = process.step("++$_SESSION['n'] && session_write_close()");
        assert_eq!(step.assert_silent().result, "true");
        let to = home(&servers, &new);
        assert_eq!(session::counter(&servers[to], &new), Some(round + 1));
        // The old session has gone, and left a copy, on its own server.
        let left: Vec<_> = (0..2).filter(|&n| !has(&servers[n], &old)).collect();
        assert_eq!(left.len(), 1, "{old}");
        let from = left[0];
        let copy = session::side_key(&servers[from], &old, "OLD");
        assert!(servers[from].command::<bool>(&["EXISTS", &copy]));
        for server in &servers {
            assert!(!session::is_locked(server, &old) && !session::is_locked(server, &new));
        }
        if from == to {
            stayed += 1;
        } else {
            moved += 1;
        }
        assert_eq!(process.step(&format!("peek('{new}')")).assert_silent().result, (round + 1).to_string());
    }
    println!("{moved} moved, {stayed} stayed");
    assert!(moved > 0 && stayed > 0);
    assert_eq!(process.step("rustredis_status()['reconnects']").result, "0");
}

#[test]
fn a_dead_server_costs_its_own_sessions_only() {
    let mut servers = servers(2);
    let path = save_path(&servers, &[1, 1], ",");
    let mut process = ready(&Php::new(&path).ini("session.use_strict_mode", "0"));
    for id in ids(20) {
        process.step(&format!("increment('{id}')")).assert_silent();
    }
    let homes: Vec<_> = ids(20).iter().map(|id| home(&servers, id)).collect();
    servers[1].kill9();
    for (id, home) in ids(20).iter().zip(homes) {
        let step = process.step(&format!("increment('{id}')"));
        if home == 0 {
            assert_eq!(step.assert_silent().result, "2");
        } else {
            assert!(step.only_warning().contains(&servers[1].addr()), "{step:?}");
        }
    }
}

/// Servers over TLS that know a user `web`. Each part of the path has the `(password, authority)`
/// of `parts`.
fn tls_path(servers: &[tls::Server], parts: &[(&str, String)]) -> String {
    let hosts = servers.iter().zip(parts).map(|(server, (password, ca))| {
        server.save_path(&format!("auth[user]=web&auth[pass]={password}&stream[cafile]={ca}"))
    });
    hosts.collect::<Vec<_>>().join(",")
}

#[test]
fn servers_over_tls_with_a_user_each_keep_their_sessions_and_fail_alone() {
    let certificates = Certificates::new();
    let servers: Vec<_> = (0..2).map(|_| certificates.server("server", "no")).collect();
    for (server, password) in servers.iter().zip([">secret one", ">secret,two"]) {
        let rule = ["ACL", "SETUSER", "web", "on", password].into_iter().chain(acl::rule().split(' '));
        server.redis.command::<()>(&rule.collect::<Vec<_>>());
    }
    let ca = |name: &str| certificates.path(name);
    let (first, second) = (("secret%20one", ca("ca.pem")), ("secret%2Ctwo", ca("ca.pem")));
    let path = tls_path(&servers, &[first.clone(), second.clone()]);
    let home = |id: &str| {
        let homes: Vec<_> = (0..2).filter(|&n| has(&servers[n].redis, id)).collect();
        assert_eq!(homes.len(), 1, "{id} lies on {homes:?}");
        homes[0]
    };
    let php = |path: &str| ready(&Php::new(path).ini("session.use_strict_mode", "0"));
    let mut process = php(&path);
    let ids = ids(20);
    for id in &ids {
        assert_eq!(process.step(&format!("increment('{id}')")).assert_silent().result, "1");
    }
    let homes: Vec<_> = ids.iter().map(|id| home(id)).collect();
    assert!(homes.contains(&0) && homes.contains(&1), "{homes:?}");
    for server in &servers {
        let clients: String = server.redis.command(&["CLIENT", "LIST"]);
        let ours = clients.split_whitespace().filter(|field| *field == "user=web");
        assert_eq!(ours.count(), 1, "{clients}");
    }

    // Three processes want the same sessions.
    let count = "for ($i = 0; $i < 20; $i++) foreach (['a1', 'bbbb'] as $id) {
        session_id($id); session_start() or exit(1); $_SESSION['n']++; session_write_close() or exit(2); }
        echo 'counted';";
    for id in ["a1", "bbbb"] {
        process.step(&format!("increment('{id}')")).assert_silent();
    }
    let all: Vec<_> = (0..3).map(|_| Php::new(&path).ini("rustredis.lock_wait", "60").spawn(count)).collect();
    for process in all {
        assert_eq!(process.wait().assert_clean().stdout, "counted");
    }
    for id in ["a1", "bbbb"] {
        assert_eq!(session::counter(&servers[home(id)].redis, id), Some(61), "{id}");
    }

    for (bad, word) in
        [(("secret%20wrong", ca("ca.pem")), "WRONGPASS"), (("secret%2Ctwo", ca("stranger-ca.pem")), "cafile")]
    {
        let mut process = php(&tls_path(&servers, &[first.clone(), bad]));
        for (id, home) in ids.iter().zip(&homes) {
            let step = process.step(&format!("peek('{id}')"));
            if *home == 0 {
                assert_eq!(step.assert_silent().result, "1");
            } else {
                let warning = step.only_warning();
                let server = format!("127.0.0.1:{}", servers[1].port);
                assert!(warning.contains(word) && warning.contains(&server), "{step:?}");
                assert!(!warning.contains("secret"), "{step:?}");
            }
        }
    }
}

#[test]
fn a_new_visitor_gets_an_id_that_lies_on_a_living_server() {
    for strict in ["1", "0"] {
        for hangs in [false, true] {
            new_ids_lie_on_living_servers(strict, hangs);
        }
    }
}

fn new_ids_lie_on_living_servers(strict: &str, hangs: bool) {
    let mut servers = servers(3);
    let php = Php::new(&save_path(&servers, &[1, 1, 1], ",")).ini("session.use_strict_mode", strict);
    let mut process = ready(&php.ini("rustredis.read_timeout", "1"));
    for server in &mut servers[..2] {
        if hangs { server.pause() } else { server.kill9() }
    }
    // Each hanging server costs a visitor a timeout.
    for _ in 0..if hangs { 4 } else { 12 } {
        let step =
            process.step("[session_id(''), session_start(), $_SESSION['n'] = 1, session_write_close()]");
        assert!(step.assert_silent().result.ends_with("true]"), "{step:?}");
        let id = process.step("session_id()").result.trim_matches('"').to_owned();
        assert_eq!(session::counter(&servers[2], &id), Some(1));
    }
    // With all servers gone, the start fails with one warning.
    servers[2].kill9();
    let step = process.step("[session_id(''), session_start()]");
    assert!(step.result.ends_with("false]"), "{step:?}");
    step.only_warning();
}

/// A session that no list has yet, because the server of its user's list hangs.
#[test]
fn a_list_that_hangs_holds_up_one_request_and_not_each() {
    let servers = servers(2);
    let path = save_path(&servers, &[1, 1], ",");
    let mut php =
        ready(&Php::new(&path).ini("session.use_strict_mode", "0").ini("rustredis.read_timeout", "2"));
    let ids = ids(50);
    for id in &ids {
        php.step(&format!("increment('{id}')")).assert_silent();
    }
    let id = ids.iter().find(|id| home(&servers, id) == 1).expect("one of them lies there");
    let is_on_first = |user: &String| {
        php.step(&format!("start('{id}') && rustredis_user('{user}') && session_write_close()"))
            .assert_silent();
        let list = format!("PHPREDIS_SESSION:USER:{}", list_name(user.as_bytes()));
        servers[0].command::<bool>(&["EXISTS", &list])
    };
    let user = (0..50).map(|n| format!("user{n}")).find(is_on_first).expect("one of the lists lies there");
    let live = format!("live|1|1|1440||||{}|", list_name(user.as_bytes()));
    let state = session::side_key(&servers[1], id, "STATE");
    servers[1].command::<()>(&["SET", &state, &live]);
    servers[0].pause();
    let start = Instant::now();
    for _ in 0..8 {
        php.step(&format!("increment('{id}')")).assert_silent();
        php.step(&format!("peek('{id}')")).assert_silent();
    }
    let took = start.elapsed();
    servers[0].resume();
    // A wait for each of them would take at least 16 s.
    assert!(took < Duration::from_secs(12), "{took:?}");
    let stored: String = servers[1].command(&["GET", &state]);
    assert!(stored.contains("||||"), "the state tells that no list has the session: {stored}");
}
