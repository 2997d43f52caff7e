//! Several servers in one save path: each session lies on the server where phpredis looks for it.

mod support;

use support::php::{Php, Running, STEPS};
use support::redis::Server;
use support::session;

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
    Php::new(save_path)
        // Debian's phpredis is linked against these.
        .ini("extension", "igbinary.so")
        .ini("extension", "msgpack.so")
        .ini("extension", "redis.so")
        .ini("session.save_handler", "redis")
        .ini("session.use_strict_mode", "0")
}

/// Whether there is a phpredis to compare with; see `phpredis_mixed.rs`.
fn has_phpredis(save_path: &str) -> bool {
    let here =
        phpredis(save_path).run("echo extension_loaded('redis') ? 'here' : '';").stdout.ends_with("here");
    assert!(here || std::env::var_os("PHP").is_some(), "there is no phpredis: run scripts/setup test first");
    here
}

fn has(server: &Server, id: &str) -> bool {
    server.command(&["EXISTS", &session::key(id)])
}

/// The one server that has the session.
fn home(servers: &[Server], id: &str) -> usize {
    let homes: Vec<_> = (0..servers.len()).filter(|&n| has(&servers[n], id)).collect();
    assert_eq!(homes.len(), 1, "{id} lies on {homes:?}");
    homes[0]
}

/// Ids of all kinds of first four characters, in an order that looks random.
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
    if !has_phpredis(&save_path(&servers, &[1, 1], ",")) {
        return;
    }
    compare(&servers, &[1, 1], ",");
}

#[test]
fn three_servers_with_weights_share_sessions_as_under_phpredis() {
    let servers = servers(3);
    if !has_phpredis(&save_path(&servers, &[1, 1, 1], ", ")) {
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
        // Strict mode takes no id that isn't there, wherever that is.
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
        // The old one is deleted, or left as it was when the id changed, on its own server.
        let left: Vec<_> = (0..2).filter(|&n| session::counter(&servers[n], &old) != Some(0)).collect();
        assert_eq!(left.len(), usize::from(delete || round != 0), "{old}");
        let from = left.first().copied().unwrap_or(to);
        if delete {
            assert!(!has(&servers[from], &old));
        } else {
            assert_eq!(session::counter(&servers[from], &old), Some(round));
        }
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
