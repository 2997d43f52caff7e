//! The cost of a request: round trips between PHP and Redis, counted by a proxy, and commands,
//! counted by Redis. Locking and strict mode are on.

use std::collections::BTreeMap;

use crate::support::acl;
use crate::support::php::{Php, Running, STEPS};
use crate::support::proxy::{Counts, Proxy};
use crate::support::redis::Server;
use crate::support::session;

/// One PHP process with a connection and a session `known`.
struct Bench {
    server: Server,
    proxy: Proxy,
    php: Running,
}

/// The cost of one request.
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
        let mut bench = Self { server, proxy, php };
        bench.reach_all_nodes();
        for warm_up in ["increment('known')", "peek('known')", &regenerate("old"), NEW] {
            bench.php.step(warm_up).assert_silent();
        }
        bench
    }

    /// Each node of a Cluster needs its connection and scripts, so there are enough new sessions to
    /// reach them all.
    fn reach_all_nodes(&mut self) {
        for _ in 1..if self.server.is_cluster() { 40 } else { 1 } {
            self.php.step(NEW).assert_silent();
            let id = self.php.step("session_id()").result.trim_matches('"').to_owned();
            self.php.step(&regenerate(&id)).assert_silent();
        }
    }

    /// Runs a request, which must succeed without a message.
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
    /// Checks that there were no more trips than this, all on the existing connection, and each of
    /// them a script or a first try.
    fn assert_at_most(&self, trips: usize) {
        assert!((1..=trips).contains(&self.counts.trips), "at most {trips} trips: {self:#?}");
        assert_eq!(self.counts.connections, 0, "no new connection: {self:#?}");
        assert!(self.scripts <= trips as u64, "at most {trips} scripts: {self:#?}");
        let is_ours = |request: &String| {
            ["EVALSHA", "_LOCK", "_STATE"].iter().any(|part| request.contains(part))
                && !["PING", "AUTH", "SELECT", "CLIENT"].iter().any(|part| request.contains(part))
        };
        assert!(self.requests.iter().all(is_ours), "nothing else: {self:#?}");
    }
}

fn script_calls(server: &Server) -> u64 {
    let stats = server.info_commandstats();
    ["evalsha", "eval", "fcall"].iter().filter_map(|command| stats.get(*command)).sum()
}

/// A new session, for which the process forgets the id that it had.
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
fn a_logout_costs_two_trips_with_and_without_the_lock() {
    const LOGOUT: &str = "start('known') && session_destroy()";
    let mut bench = Bench::warm();
    for locking in ["1", "0"] {
        bench.php.step(&format!("ini_set('rustredis.locking', '{locking}')")).assert_silent();
        // The scripts of such a request are there after the first one.
        bench.php.step(LOGOUT).assert_silent();
        session::seed(&bench.server, "known");
        bench.cost(LOGOUT).assert_at_most(2);
        session::seed(&bench.server, "known");
    }
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

/// A class that passes everything on, as those of applications do.
const SUBCLASS: &str = "session_set_save_handler(new class extends SessionHandler {
    public function read(string $id): string|false { return parent::read($id); }
    public function write(string $id, string $data): bool { return parent::write($id, $data); }
    public function close(): bool { return parent::close(); }
})";

/// The order of calls of a framework's strict wrapper: validateId() reads, read() returns the data
/// that validateId() found, and updateTimestamp() writes.
const STRICT: &str = "session_set_save_handler(
    new class implements SessionHandlerInterface, SessionUpdateTimestampHandlerInterface {
        private SessionHandler $inner;
        private array $seen = [];
        public function __construct() { $this->inner = new SessionHandler(); }
        public function open(string $path, string $name): bool { return $this->inner->open($path, $name); }
        public function close(): bool { $this->seen = []; return $this->inner->close(); }
        public function validateId(string $id): bool {
            $this->seen = [$id => $this->inner->read($id)];
            return $this->seen[$id] !== '';
        }
        public function read(string $id): string|false {
            $seen = $this->seen[$id] ?? null;
            $this->seen = [];
            return $seen ?? $this->inner->read($id);
        }
        public function write(string $id, string $data): bool { return $this->inner->write($id, $data); }
        public function updateTimestamp(string $id, string $data): bool { return $this->write($id, $data); }
        public function destroy(string $id): bool { return $this->inner->destroy($id); }
        public function gc(int $max): int|false { return $this->inner->gc($max); }
    }
)";

/// An object instead of a subclass of PHP's own class.
const OBJECT: &str = "session_set_save_handler(new RustRedis\\SessionHandler())";

/// Returns the handler classes: each of these, and the wrapper around an object.
fn handler_classes() -> [String; 4] {
    let around_an_object = STRICT
        .replace("new SessionHandler()", "new RustRedis\\SessionHandler()")
        .replace("private SessionHandler", "private SessionHandlerInterface");
    [SUBCLASS.into(), STRICT.into(), OBJECT.into(), around_an_object]
}

/// Runs the test behind each of the handler classes, one at a time.
fn behind_a_handler_class(test: fn(&mut Bench)) {
    for class in handler_classes() {
        let mut bench = Bench::warm();
        bench.php.step(&class.replace('\n', " ")).assert_silent();
        session::seed(&bench.server, "other");
        session::seed(&bench.server, "known");
        bench.php.step("increment('other')").assert_silent();
        test(&mut bench);
    }
}

#[test]
fn a_changed_session_costs_two_trips_behind_a_handler_class() {
    behind_a_handler_class(|bench| {
        let cost = bench.cost("increment('known')");
        cost.assert_at_most(2);
        assert_eq!((cost.result.as_str(), session::counter(&bench.server, "known")), ("1", Some(1)));
        assert!(!session::is_locked(&bench.server, "known"));
        let cost = bench.cost("[start('known'), $_SESSION['n'] = 5, session_commit()]");
        cost.assert_at_most(2);
        assert_eq!(session::counter(&bench.server, "known"), Some(5));
    });
}

#[test]
fn an_unchanged_session_costs_two_trips_and_is_not_sent_behind_a_handler_class() {
    behind_a_handler_class(|bench| {
        let text = format!("x|s:20000:\"{}\";", "x".repeat(20_000));
        let key = session::key_at(&bench.server, "known");
        bench.server.command::<()>(&["SET", &key, &text, "EX", "100"]);
        let cost = bench.cost("start('known') && session_write_close()");
        cost.assert_at_most(2);
        assert!(cost.counts.bytes_to_server < 3000, "{cost:#?}");
        assert_eq!(bench.server.command::<String>(&["GET", &key]), text);
        assert!(bench.server.command::<u64>(&["TTL", &key]) > 1000, "it is refreshed");
        assert!(!session::is_locked(&bench.server, "known"));
    });
}

#[test]
fn regenerating_the_id_costs_four_trips_behind_a_handler_class() {
    behind_a_handler_class(|bench| {
        // The connections of an object are its own.
        bench.reach_all_nodes();
        bench.cost(&regenerate("known")).assert_at_most(4);
        let id = bench.cost("session_id()").result.trim_matches('"').to_owned();
        assert_ne!(id, "known");
        assert_eq!(session::counter(&bench.server, &id), Some(7));
        assert!(!session::is_locked(&bench.server, &id));
        assert_eq!(session::counter(&bench.server, "known"), None);
    });
}

#[test]
fn an_aborted_session_costs_two_trips_behind_a_handler_class() {
    behind_a_handler_class(|bench| {
        bench.cost("start('known') && ($_SESSION['n'] = 9) && session_abort()").assert_at_most(2);
        assert_eq!(session::counter(&bench.server, "known"), Some(0));
        assert!(!session::is_locked(&bench.server, "known"));
    });
}

/// PHP saves at the end of the request without calling any PHP function.
#[test]
fn the_end_of_the_request_costs_one_trip_behind_a_handler_class() {
    for class in handler_classes() {
        let server = Server::start();
        session::seed(&server, "known");
        let proxy = Proxy::in_front_of(&server);
        // Redis learns the scripts.
        Php::new(&proxy.save_path()).run("session_id('known'); session_start();").assert_clean();
        let script = format!(
            "{class}; fwrite(STDOUT, \"ready\\n\"); session_id('known'); session_start(); $_SESSION['n']++;
            fwrite(STDOUT, \"open\\n\"); fgets(STDIN);"
        );
        let mut php = Php::new(&proxy.save_path()).spawn(&script);
        php.expect("open");
        let before = proxy.counts();
        php.send("");
        php.wait().assert_clean();
        assert_eq!((proxy.counts() - before).trips, 1, "{:#?}", proxy.requests_since(before.trips));
        assert_eq!(session::counter(&server, "known"), Some(1));
        assert!(!session::is_locked(&server, "known"));
    }
}

/// Any client can send such cookies.
#[test]
fn a_session_of_the_class_costs_two_trips() {
    let mut bench = Bench::warm();
    bench.php.step("[$GLOBALS['class'] = new RustRedis\\SessionHandler()]").assert_silent();
    let request = |text: &str| {
        format!(
            "$GLOBALS['class']->validateId('known') && $GLOBALS['class']->read('known') && \
             $GLOBALS['class']->write('known', '{text}')"
        )
    };
    // The connections of the class are its own.
    for _ in 0..3 {
        bench.php.step(&request("n|i:2;")).assert_silent();
    }
    bench.cost(&request("n|i:3;")).assert_at_most(2);
    bench.cost(&request("n|i:3;")).assert_at_most(2);
    assert_eq!(session::counter(&bench.server, "known"), Some(3));
    assert!(!session::is_locked(&bench.server, "known"));
}

#[test]
fn an_unknown_id_costs_one_trip_more_than_a_new_session_and_no_long_script() {
    let mut bench = Bench::warm();
    let cost = bench.cost("[start('unknown'), $_SESSION['n'] = 1, session_write_close()]");
    // One of the four trips, the release of the lock, is not waited for. A Cluster's node may not
    // know the session's script yet.
    cost.assert_at_most(4);
    assert!(bench.server.is_cluster() || cost.counts.bytes_to_server < 3000, "{cost:#?}");
    assert!(!session::is_locked(&bench.server, "unknown"));
    assert_eq!(session::counter(&bench.server, "unknown"), None);
}

/// The handshake shows what the server and the user can do, so the first session of a process costs
/// what a later one does.
#[test]
fn the_first_session_costs_one_trip_more_than_a_later_one_and_the_commands_of_the_handshake() {
    let server = Server::with_args(&[]);
    let rights: Vec<&str> = acl::rule().split(' ').collect();
    let user = |name, more: &[&'static str]| {
        server.command::<()>(&[&["ACL", "SETUSER", name, "on", ">pw"], &rights[..], more].concat());
    };
    user("small", &[]);
    user("large", &["+client|setname", "+watch", "+unwatch", "+multi", "+exec", "+discard"]);
    let proxy = Proxy::start(&server.addr());
    // A server that refuses a command does not count it. Two commands of the handshake are scripts
    // that ask for the time, set a key and delete it.
    let small = [("auth", 1), ("time", 3), ("eval", 1), ("evalsha", 1), ("set", 2), ("del", 2)];
    let large = [("client|setname", 1), ("watch", 1), ("multi", 1), ("exec", 1)];
    for (name, handshake) in [("small", small.to_vec()), ("large", [&small[..], &large].concat())] {
        session::seed(&server, "known");
        let php = Php::new(&proxy.save_path()).ini("rustredis.username", name);
        let php = php.ini("rustredis.password", "pw");
        // Redis learns the scripts, if any are needed.
        php.run("session_id('known'); session_start(); $_SESSION['n'] = 0;").assert_clean();
        let mut process = php.spawn(STEPS);
        process.expect("ready");
        let mut cost = |n: &str| {
            let (before, calls) = (proxy.counts(), server.info_commandstats());
            assert_eq!(process.step("increment('known')").assert_silent().result, n);
            let after = server.info_commandstats();
            let calls = after.into_iter().map(|(command, count)| {
                let before = calls.get(&command).copied().unwrap_or(0);
                (command, count - before)
            });
            // The test's own.
            let calls = calls.filter(|(command, count)| *count > 0 && command != "info");
            (proxy.counts() - before, calls.collect::<BTreeMap<_, _>>())
        };
        let (first, mut first_calls) = cost("1");
        let (second, second_calls) = cost("2");
        assert_eq!((first.trips, second.trips), (3, 2), "{name}");
        assert_eq!((first.connections, second.connections), (1, 0), "{name}");
        for (command, count) in handshake {
            // Before Redis 7 a subcommand has no count of its own.
            let whole = command.split('|').next().unwrap_or_default();
            let command = if first_calls.contains_key(command) { command } else { whole };
            let calls = first_calls.get_mut(command).filter(|calls| **calls >= count);
            *calls.unwrap_or_else(|| panic!("{name}: {count} times {command} in the handshake")) -= count;
        }
        first_calls.retain(|_, count| *count > 0);
        assert_eq!(first_calls, second_calls, "{name}");
    }
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
