//! What a request costs: round trips between PHP and Redis, counted by a proxy, and commands, counted by Redis.
//! Locking and strict mode are on.

mod support;

use support::php::{Php, Running, STEPS};
use support::proxy::{Counts, Proxy};
use support::redis::Server;
use support::session;

/// One PHP process with a connection and a session `known`.
struct Bench {
    server: Server,
    proxy: Proxy,
    php: Running,
}

/// What one request cost.
#[derive(Debug)]
struct Cost {
    counts: Counts,
    /// Script calls by Redis' own count.
    scripts: u64,
    requests: Vec<String>,
    result: String,
}

impl Bench {
    /// The process has its connection, and Redis knows the scripts.
    fn warm() -> Self {
        let server = Server::start();
        session::seed(&server, "known");
        session::seed(&server, "old");
        let proxy = Proxy::in_front_of(&server);
        let mut php = Php::new(&proxy.save_path()).spawn(STEPS);
        php.expect("ready");
        // A Cluster's nodes have their connections and scripts each: enough new sessions to meet them all.
        for _ in 1..if server.is_cluster() { 40 } else { 1 } {
            php.step(NEW).assert_silent();
        }
        for warm_up in ["increment('known')", "peek('known')", &regenerate("old"), NEW] {
            php.step(warm_up).assert_silent();
        }
        Self { server, proxy, php }
    }

    /// Runs a request, which must go well and say nothing.
    fn cost(&mut self, request: &str) -> Cost {
        let (counts, scripts) = (self.proxy.counts(), script_calls(&self.server));
        let step = self.php.step(request);
        let result = step.assert_silent().result.clone();
        assert!(!result.contains("false"), "{request}: {result}");
        Cost {
            counts: self.proxy.counts() - counts,
            scripts: script_calls(&self.server) - scripts,
            requests: self.proxy.requests_since(counts.trips),
            result,
        }
    }
}

impl Cost {
    /// No more trips than this, on the connection that is there, each of them a script or a try for a session.
    fn assert_at_most(&self, trips: usize) {
        assert!((1..=trips).contains(&self.counts.trips), "at most {trips} trips: {self:#?}");
        assert_eq!(self.counts.connections, 0, "no new connection: {self:#?}");
        assert!(self.scripts <= trips as u64, "at most {trips} scripts: {self:#?}");
        let is_ours = |request: &String| {
            ["EVALSHA", "_LOCK", "_DEAD"].iter().any(|part| request.contains(part))
                && !["PING", "AUTH", "SELECT", "CLIENT"].iter().any(|part| request.contains(part))
        };
        assert!(self.requests.iter().all(is_ours), "nothing else: {self:#?}");
    }
}

fn script_calls(server: &Server) -> u64 {
    let stats = server.info_commandstats();
    ["evalsha", "eval", "fcall"].iter().filter_map(|command| stats.get(*command)).sum()
}

/// A new session: the process forgets the id it had.
const NEW: &str = "[session_id(''), session_start(), $_SESSION['n'] = 1, session_write_close()]";

/// A request that moves a session to a new id and changes it.
fn regenerate(id: &str) -> String {
    format!("[start('{id}'), session_regenerate_id(true), $_SESSION['n'] = 7, session_write_close()]")
}

#[test]
fn a_changed_session_costs_two_trips() {
    let mut bench = Bench::warm();
    let cost = bench.cost("increment('known')");
    cost.assert_at_most(2);
    assert_eq!((cost.result.as_str(), session::counter(&bench.server, "known")), ("2", Some(2)));
}

#[test]
fn an_unchanged_session_costs_two_trips() {
    let mut bench = Bench::warm();
    bench.cost("start('known') && session_write_close()").assert_at_most(2);
    assert_eq!(session::counter(&bench.server, "known"), Some(1));
    assert!(!session::is_locked(&bench.server, "known"));
}

#[test]
fn an_unchanged_session_without_lazy_write_costs_two_trips() {
    let mut bench = Bench::warm();
    bench.php.step("ini_set('session.lazy_write', 0)").assert_silent();
    bench.cost("start('known') && session_write_close()").assert_at_most(2);
}

#[test]
fn read_and_close_costs_one_trip_and_takes_no_lock() {
    let mut bench = Bench::warm();
    let cost = bench.cost("peek('known')");
    cost.assert_at_most(1);
    assert_eq!(cost.result, "1");
    assert!(!session::is_locked(&bench.server, "known"));
}

#[test]
fn regenerating_the_id_costs_four_trips_and_no_connection() {
    let mut bench = Bench::warm();
    bench.cost(&regenerate("known")).assert_at_most(4);
    let id = bench.cost("session_id()").result.trim_matches('"').to_owned();
    assert_ne!(id, "known");
    assert_eq!(session::counter(&bench.server, &id), Some(7));
}

#[test]
fn an_aborted_session_costs_two_trips() {
    let mut bench = Bench::warm();
    bench.cost("start('known') && ($_SESSION['n'] = 9) && session_abort()").assert_at_most(2);
    assert_eq!(session::counter(&bench.server, "known"), Some(1));
    assert!(!session::is_locked(&bench.server, "known"));
}

#[test]
fn a_new_session_costs_two_trips() {
    let mut bench = Bench::warm();
    bench.cost(NEW).assert_at_most(2);
    let id = bench.cost("session_id()").result.trim_matches('"').to_owned();
    assert_eq!(session::counter(&bench.server, &id), Some(1));
}

/// Anybody can send such cookies.
#[test]
fn an_unknown_id_costs_one_trip_more_than_a_new_session_and_no_long_script() {
    let mut bench = Bench::warm();
    let cost = bench.cost("[start('unknown'), $_SESSION['n'] = 1, session_write_close()]");
    // One of the four is not waited for: it gives the lock back. A Cluster's node may not know the session's script yet.
    cost.assert_at_most(4);
    assert!(bench.server.is_cluster() || cost.counts.bytes_to_server < 3000, "{cost:#?}");
    assert!(!session::is_locked(&bench.server, "unknown"));
    assert_eq!(session::counter(&bench.server, "unknown"), None);
}

#[test]
fn connecting_costs_one_trip_even_with_password_and_database() {
    let server = Server::with_args(&["--requirepass", "open sesame"]);
    let proxy = Proxy::start(&server.addr());
    let php = Php::new(&format!("{}?database=3", proxy.save_path()))
        .default_user()
        .ini("rustredis.password", "open sesame");
    // Redis learns the scripts from another process.
    php.run("session_start(); $_SESSION['n'] = 1;").assert_clean();

    let before = proxy.counts();
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    process.step(NEW).assert_silent();
    let first = proxy.counts() - before;
    assert_eq!((first.trips, first.connections), (3, 1), "{:#?}", proxy.requests_since(before.trips));

    let before = proxy.counts();
    process.step(NEW).assert_silent();
    let second = proxy.counts() - before;
    assert_eq!((second.trips, second.connections), (2, 0), "{:#?}", proxy.requests_since(before.trips));
    process.wait().assert_no_crash();
    assert!(server.info("keyspace").contains_key("db3"));
}
