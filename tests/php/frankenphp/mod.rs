//! FrankenPHP's worker mode: a script that serves many requests, between which PHP runs neither the
//! end nor the start of this module's requests. FrankenPHP itself is in no package that could be
//! used here: server.c behaves as it does.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::php::{self, Php, Running};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;

/// The parameter `do` selects what a request does, and `handler` what the script sets as PHP's save
/// handler before its first request. Each answer has the counters of rustredis_status().
const WORKER: &str = r#"
    class PassesOn extends SessionHandler {
        public function read(string $id): string|false { return parent::read($id); }
        public function write(string $id, string $data): bool { return parent::write($id, $data); }
    }
    class Forgets extends SessionHandler {
        public bool $forgets = true;
        public function close(): bool { return $this->forgets ? true : parent::close(); }
    }
    class Strict extends PassesOn implements SessionUpdateTimestampHandlerInterface {
        private array $read = [];
        public function validateId(string $id): bool { return ($this->read[$id] = parent::read($id)) !== ""; }
        public function read(string $id): string|false {
            $read = $this->read[$id] ?? parent::read($id);
            unset($this->read[$id]);
            return $read;
        }
        public function updateTimestamp(string $id, string $data): bool { return parent::write($id, $data); }
    }
    class Changes {
        public function __serialize(): array { unset($_SESSION["flash"]); return []; }
    }
    function page(?object $handler, ?RustRedis\SessionHandler $object): void {
        if ($handler instanceof Forgets) $handler->forgets = isset($_GET["forgets"]);
        $id = $_COOKIE["PHPSESSID"] ?? "";
        switch ($_GET["do"] ?? "count") {
            case "nothing":
                return;
            case "cookie":
                echo json_encode($id);
                return;
            case "object":
                echo $object->read($id);
                return;
            case "write":
                $object->write($id, $_GET["value"]);
                echo "written";
                return;
        }
        if (session_status() === PHP_SESSION_NONE) session_start();
        echo session_id(), " ", $_SESSION["n"] ?? "none", "\n";
        switch ($_GET["do"] ?? "count") {
            case "keep":
                return;
            case "exit":
                exit;
            case "changes":
                $_SESSION["changes"] = new Changes();
                $_SESSION["flash"] = "once";
                return;
            case "throw":
                throw new LogicException("out of the page");
            case "fatal":
                ini_set("memory_limit", memory_get_usage() + (1 << 22));
                str_repeat("x", 1 << 24);
        }
        $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
        if (isset($_GET["close"])) session_write_close();
    }
    $handler = match (HANDLER) {
        "passes on" => new PassesOn(),
        "forgets" => new Forgets(),
        "strict" => new Strict(),
        "object" => new RustRedis\SessionHandler(),
        default => null,
    };
    $object = class_exists("RustRedis\SessionHandler") ? new RustRedis\SessionHandler() : null;
    if ($handler) session_set_save_handler($handler, false);
    while (frankenphp_handle_request(function () use ($handler, $object): void {
        $status = rustredis_status();
        echo "starts $status[starts]\ntrips $status[trips]\n";
        page($handler, $object);
    }));
"#;

const ID: &str = "0123456789abcdefghij";
const OTHER: &str = "klmnopqrstuvwxyz0123";

struct Site {
    server: Server,
    proxy: Proxy,
    worker: Running,
    requests: u32,
}

/// The answer to a request.
#[derive(Debug)]
struct Answer {
    starts: u64,
    trips: u64,
    headers: Vec<String>,
    body: String,
    log: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let part = |kind: &str| text.lines().filter_map(|line| line.strip_prefix(kind)).collect::<Vec<_>>();
        let mut body = part("body: ");
        // PHP throws away what was printed before it ran out of memory.
        let counter = |name: &str| {
            let line = part(&format!("body: {name} "));
            line.first().map_or(0, |number| number.parse().expect("a number"))
        };
        body.retain(|line| !line.starts_with("starts ") && !line.starts_with("trips "));
        Self {
            starts: counter("starts"),
            trips: counter("trips"),
            headers: part("header: ").into_iter().map(str::to_owned).collect(),
            body: body.join("\n"),
            log: part("log: ").join("\n"),
        }
    }

    /// Panics if there is a message in the answer or in the log.
    fn assert_silent(&self) -> &Self {
        assert!(!self.body.contains("Warning") && self.log.is_empty(), "{self:#?}");
        self
    }
}

impl Site {
    /// A worker with the session of `ID` and its counter at 0. A lock that is never given back
    /// lasts for a minute.
    fn start(settings: &[(&str, &str)], handler: &str, arguments: &[&str]) -> Self {
        let server = Server::start();
        session::seed(&server, ID);
        session::seed(&server, OTHER);
        let proxy = Proxy::in_front_of(&server);
        let php = settings.iter().fold(worker(&proxy.save_path()), |php, (name, value)| php.ini(name, value));
        let script = WORKER.replace("HANDLER", &format!("{handler:?}"));
        let worker = php.spawn_in(program(), &script, &[&["1"], arguments].concat());
        Self { server, proxy, worker, requests: 0 }
    }

    /// Like [`Site::start`], with a connection and with scripts that Redis knows.
    fn warm(settings: &[(&str, &str)], handler: &str, arguments: &[&str]) -> Self {
        let mut site = Self::start(settings, handler, arguments);
        site.get("", OTHER);
        site.get("do=keep", OTHER);
        site.is_given_back(OTHER);
        site
    }

    fn get(&mut self, query: &str, id: &str) -> Answer {
        self.request("GET", query, &format!("PHPSESSID={id}"))
    }

    fn request(&mut self, method: &str, query: &str, cookie: &str) -> Answer {
        self.send(method, query, cookie);
        self.answer()
    }

    fn send(&mut self, method: &str, query: &str, cookie: &str) {
        self.worker.send(&format!("{method}\t{query}\t{cookie}"));
        self.requests += 1;
    }

    fn answer(&mut self) -> Answer {
        let (text, _) = self.worker.expect(&format!("end {}", self.requests));
        Answer::parse(&text)
    }

    /// Ends the worker.
    fn stop(self) {
        let output = self.worker.wait();
        output.assert_no_crash();
        assert!(output.stdout.ends_with("stopped\n") && output.stderr.is_empty(), "{output:#?}");
    }

    fn is_given_back(&self, id: &str) {
        poll::until("the lock is given back", SOON, || !session::is_locked(&self.server, id));
    }

    /// The requests that Redis got since then.
    fn sent_since(&self, trips: usize) -> String {
        self.proxy.requests_since(trips).join("\n")
    }
}

/// The settings of a worker. Its pages print before they start a session.
fn worker(save_path: &str) -> Php {
    Php::new(save_path)
        .ini("session.use_cookies", "1")
        .ini("log_errors", "1")
        .ini("output_buffering", "65536")
        .ini("rustredis.lock_wait", "60")
        .ini("rustredis.lock_lease", "60")
}

/// Compiles the server once for each run of the tests.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let library = std::env::var_os("LIBPHP").map_or_else(
            || {
                let version = php::answer("echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;");
                PathBuf::from(format!("/usr/lib/libphp{version}.so"))
            },
            PathBuf::from,
        );
        assert!(library.exists(), "{} does not exist: set LIBPHP", library.display());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Cargo makes it where it compiles, which may be another machine than this one.
        std::fs::create_dir_all(folder).expect("a folder");
        let (made, program) =
            (folder.join(format!("frankenphp-{}", std::process::id())), folder.join("frankenphp"));
        let config = std::env::var_os("PHP_CONFIG").unwrap_or_else(|| "php-config".into());
        let includes = Command::new(&config).arg("--includes").output().expect("php-config runs");
        let output = Command::new("cc")
            .args(String::from_utf8_lossy(&includes.stdout).split_whitespace())
            .args(["-O1", "-g", "-Wall", "-Wl,--allow-shlib-undefined", "-o"])
            .arg(&made)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/php/frankenphp/server.c"))
            .arg(&library)
            .args(["-lpthread", &format!("-Wl,-rpath,{}", library.parent().expect("a folder").display())])
            .output()
            .expect("cc runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::rename(&made, &program).expect("the program can be renamed");
        program
    })
}

/// Either way in which FrankenPHP ends a request's session. The second one forgets a handler that
/// the script has set.
const ENDINGS: [&[&str]; 2] = [&[], &["reload"]];

#[test]
fn each_request_has_its_own_session_for_two_trips() {
    for (handler, arguments) in
        [("", ENDINGS[0]), ("", ENDINGS[1]), ("passes on", ENDINGS[0]), ("strict", ENDINGS[0])]
    {
        let mut site = Site::warm(&[], handler, arguments);
        let mut before = site.get("do=nothing", ID);
        for round in 0..3 {
            for (query, id, expected) in [
                ("", ID, 2 * round),
                ("do=keep", OTHER, round + 1),
                ("close", ID, 2 * round + 1),
                ("close", OTHER, round + 1),
            ] {
                let answer = site.get(query, id);
                answer.assert_silent();
                assert_eq!(answer.body, format!("{id} {expected}"), "{query} {handler}");
                assert!(!answer.headers.iter().any(|header| header.starts_with("Set-Cookie")), "{answer:#?}");
                assert!(!session::is_locked(&site.server, id), "{query} {handler}");
                // The counters show what all requests before have cost.
                let after = site.get("do=nothing", ID);
                assert_eq!(after.starts - before.starts, 1, "{query} {handler}");
                assert_eq!(after.trips - before.trips, 2, "{query} {handler}");
                before = after;
            }
        }
        let fresh = site.request("GET", "", "");
        let id = fresh.assert_silent().body.strip_suffix(" none").expect("a new session");
        assert!(![ID, OTHER].contains(&id), "{fresh:#?}");
        assert!(fresh.headers.contains(&format!("Set-Cookie: PHPSESSID={id}; path=/")), "{fresh:#?}");
        site.stop();
    }
}

#[test]
fn a_lock_that_a_request_forgets_is_free_when_it_ends() {
    for (handler, arguments, queries) in [
        ("", ENDINGS[0], ["do=object", "do=throw", "do=exit", "do=fatal"]),
        ("", ENDINGS[1], ["do=object", "do=throw", "do=exit", "do=fatal"]),
        ("forgets", ENDINGS[0], ["forgets", "forgets&do=throw", "forgets&do=exit", "forgets&do=fatal"]),
    ] {
        for prefetch in ["0", "1"] {
            let mut site = Site::warm(&[("rustredis.prefetch", prefetch)], handler, arguments);
            for (round, query) in queries.iter().enumerate() {
                let visit = site.get(query, ID);
                site.is_given_back(ID);
                assert!(!visit.body.contains("rustredis"), "{query}: {visit:#?}");
                // The worker goes on with another visitor, and has nothing to say about the last.
                let next = site.get("", OTHER);
                assert_eq!(next.assert_silent().body, format!("{OTHER} {}", round + 1), "{query}");
            }
            site.stop();
        }
    }
}

#[test]
fn a_deferred_write_that_fails_is_no_message_of_the_next_request() {
    let server_is_full = |site: &Site, full: bool| {
        let limit = if full { "1" } else { "0" };
        site.server.command::<()>(&["CONFIG", "SET", "maxmemory", limit]);
    };
    let mut site =
        Site::warm(&[("rustredis.write_ack", "deferred"), ("rustredis.prefetch", "1")], "", ENDINGS[0]);
    assert_eq!(site.get("", ID).assert_silent().body, format!("{ID} 0"));
    site.is_given_back(ID);
    server_is_full(&site, true);
    site.get("", ID);
    // Redis may see the next command before the release, which came over another connection.
    site.is_given_back(ID);
    server_is_full(&site, false);
    let next = site.get("", OTHER);
    assert_eq!(next.body, format!("{OTHER} 1"), "{next:#?}");
    assert!(next.log.contains("rustredis") && !next.log.contains(ID), "{next:#?}");
    assert_eq!(site.get("", OTHER).assert_silent().body, format!("{OTHER} 2"));
    site.stop();
}

/// Redis' own list of the commands that it carries out.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    fn of(server: &Server) -> Self {
        let mut stream = TcpStream::connect(server.addr()).expect("Redis listens");
        stream.set_read_timeout(Some(SOON)).expect("a socket can have a timeout");
        stream.write_all(b"MONITOR\r\n").expect("Redis reads");
        let mut monitor = Self(BufReader::new(stream));
        assert_eq!(monitor.line(), "+OK\r\n");
        monitor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("Redis says what it does");
        line
    }

    /// The commands up to the first one with this word, without those by which a test looks at
    /// locks.
    fn up_to(&mut self, word: &str) -> String {
        let mut seen = String::new();
        loop {
            let line = self.line();
            if !line.contains("\"EXISTS\"") {
                seen.push_str(&line);
                if line.contains(word) {
                    return seen;
                }
            }
        }
    }
}

#[test]
fn prefetch_finds_the_id_that_php_finds() {
    const NEXT: &str = "next5678901234567890";
    let mut site = Site::warm(&[("rustredis.prefetch", "1")], "", ENDINGS[0]);
    session::seed(&site.server, NEXT);
    let mut monitor = Monitor::of(&site.server);
    let far = format!("{}PHPSESSID={ID}", "a=1; ".repeat(1000));
    let other = format!("PHPSESSID={OTHER}");
    let mut found = 0;
    for cookie in [
        format!("PHPSESSID={ID}"),
        format!("a=b; PHPSESSID={ID}; c"),
        format!("a=b;PHPSESSID={ID};PHPSESSID={OTHER}"),
        format!("PHPSESSID=; PHPSESSID={ID}"),
        format!("PHPSESSID; PHPSESSID={ID}"),
        format!("=x; ; PHPSESSID={ID}"),
        format!("PHPSESSID=%30{}", &ID[1..]),
        format!("PHPSESSID={ID}+"),
        format!("PHPSESSID={ID}%20"),
        format!("PHPSESSID={ID} ; a=b"),
        format!("PHPSESSID=\"{ID}\""),
        format!("PHPSESSID[]={ID}"),
        format!("PHPSESSID[a]=b; PHPSESSID={ID}"),
        format!("phpsessid={ID}"),
        format!("%50HPSESSID={ID}"),
        format!("PHPSESSID ={ID}"),
        format!("XPHPSESSID={ID}; {other}"),
        format!("a, PHPSESSID={ID}"),
        format!("\u{b}PHPSESSID={ID}"),
        format!("PHPSESSID={ID}=b"),
        format!("PHPSESSID={ID}%00"),
        far,
    ] {
        let answer = site.request("GET", "do=cookie", &cookie);
        let wanted = [ID, OTHER].into_iter().find(|id| answer.body == format!("{id:?}"));
        found += usize::from(wanted.is_some());
        let mut sent = wanted.map(|id| monitor.up_to(id)).unwrap_or_default();
        // All that the request has sent to Redis comes before the commands of the next one.
        site.get("", NEXT);
        for id in [ID, OTHER, NEXT] {
            site.is_given_back(id);
        }
        site.server.command::<()>(&["ECHO", "so far"]);
        sent += &monitor.up_to("so far");
        for id in [ID, OTHER] {
            assert_eq!(sent.contains(id), wanted == Some(id), "{cookie}: {answer:#?} {sent}");
        }
    }
    // The table has ids that PHP finds, and ids that it does not.
    assert_eq!(found, 7);
    site.stop();
}

#[test]
fn a_prefetched_session_costs_two_trips_and_belongs_to_its_own_request() {
    for arguments in ENDINGS {
        let mut site = Site::warm(&[("rustredis.prefetch", "1")], "", arguments);
        for round in 0..3 {
            let before = site.get("do=nothing", ID);
            site.is_given_back(ID);
            let answer = site.get("", OTHER);
            assert_eq!(answer.assert_silent().body, format!("{OTHER} {}", round + 1));
            let trips = site.proxy.counts().trips;
            let answer = site.get("close", ID);
            assert_eq!(answer.assert_silent().body, format!("{ID} {round}"));
            assert_eq!(site.proxy.counts().trips - trips, 2, "{}", site.sent_since(trips));
            assert_eq!(answer.starts - before.starts, 1);
        }
        site.stop();
    }
}

#[test]
fn a_session_is_free_for_others_while_an_upload_comes_in() {
    let mut site = Site::warm(&[("rustredis.prefetch", "1")], "", ENDINGS[0]);
    site.send("POST", "", &format!("PHPSESSID={ID}"));
    site.worker.expect("reads ");
    let other = Php::new(&site.server.save_path()).ini("rustredis.lock_wait", "20");
    let output = other.run(&format!("session_id('{ID}'); session_start(); echo $_SESSION['n']++;"));
    assert_eq!(output.assert_clean().stdout, "0");
    site.worker.send("the rest");
    assert_eq!(site.answer().assert_silent().body, format!("{ID} 1"));
    site.stop();
}

#[test]
fn a_session_that_starts_by_itself_is_set_aside_if_it_cannot_be_decoded() {
    let mut site = Site::warm(&[("session.auto_start", "1"), ("rustredis.prefetch", "1")], "", ENDINGS[1]);
    for (round, query) in ["", "close", ""].into_iter().enumerate() {
        assert_eq!(site.get(query, ID).assert_silent().body, format!("{ID} {round}"), "{query}");
    }
    site.server.command::<()>(&["SET", &session::key_at(&site.server, ID), "n|O:3:\"x"]);
    let answer = site.get("do=nothing", ID);
    assert!(answer.body.contains(":ASIDE:"), "{answer:#?}");
    site.stop();
}

#[test]
fn an_error_of_one_request_does_not_decide_on_the_session_of_another() {
    let mut site = Site::warm(&[], "", ENDINGS[0]);
    site.server.command::<()>(&["SET", &session::key_at(&site.server, ID), "n|O:3:\"x"]);
    site.get("do=throw", OTHER);
    // As in a process of its own, a value that cannot be decoded is set aside.
    let answer = site.get("", ID);
    assert!(answer.body.contains(":ASIDE:"), "{answer:#?}");
    site.stop();
}

#[test]
fn an_object_of_the_worker_remembers_nothing_of_an_earlier_request() {
    let mut site = Site::warm(&[], "", ENDINGS[0]);
    assert_eq!(site.get("do=object", ID).assert_silent().body, "n|i:0;");
    site.is_given_back(ID);
    let key = session::key_at(&site.server, ID);
    site.server.command::<()>(&["SET", &key, "n|i:5;"]);
    assert_eq!(site.get("do=write&value=new", ID).assert_silent().body, "written");
    assert_eq!(site.server.command::<String>(&["GET", &key]), "new");
    site.stop();
}

/// FrankenPHP saves the session that a page leaves open, where no script could catch an exception:
/// it would end the worker.
#[test]
fn a_refused_save_at_the_end_of_a_request_is_a_warning() {
    for handler in ["object", "passes on", ""] {
        let mut site = Site::warm(&[("rustredis.max_value_size", "60")], handler, ENDINGS[0]);
        let key = session::key_at(&site.server, ID);
        let long = format!("n|i:1;long|s:60:\"{}\";", "x".repeat(60));
        site.server.command::<()>(&["SET", &key, &long]);
        let answer = site.get("", ID);
        assert!(answer.body.contains("rustredis.max_value_size allows 60"), "{handler}: {answer:#?}");
        assert!(
            answer.body.contains("Warning") && !answer.body.contains("Uncaught"),
            "{handler}: {answer:#?}"
        );
        site.is_given_back(ID);
        assert_eq!(site.server.command::<String>(&["GET", &key]), long);
        assert!(site.get("", OTHER).assert_silent().body.starts_with(OTHER), "{handler}");
        site.stop();
    }
}

#[test]
fn a_session_that_changes_while_it_is_saved_is_stored_as_it_was() {
    for (handler, arguments) in [("", ENDINGS[0]), ("", ENDINGS[1]), ("passes on", ENDINGS[0])] {
        let mut site = Site::start(&[("session.serialize_handler", "php_serialize")], handler, arguments);
        let key = session::key_at(&site.server, ID);
        site.server.command::<()>(&["SET", &key, "a:0:{}"]);
        site.get("do=changes", ID).assert_silent();
        let stored = site.server.command::<String>(&["GET", &key]);
        assert_eq!(stored, r#"a:2:{s:7:"changes";O:7:"Changes":0:{}s:5:"flash";s:4:"once";}"#, "{handler}");
        site.stop();
    }
}

/// 1,000 requests of each thread: eight threads, or one where PHP has none.
#[test]
fn threads_share_nothing_over_thousands_of_requests() {
    let (threads, visitors) = if php::is_thread_safe() { (8, 16) } else { (1, 16) };
    let requests: usize = 1000 * threads;
    let server = Server::start();
    let ids: Vec<_> = (0..visitors).map(|number| format!("{number:020}")).collect();
    for id in &ids {
        session::seed(&server, id);
    }
    let php =
        worker(&server.save_path()).ini("rustredis.prefetch", "1").ini("rustredis.write_ack", "deferred");
    let script = WORKER.replace("HANDLER", "\"forgets\"");
    let mut worker = php.spawn_in(program(), &script, &[&threads.to_string()]);
    let kinds = ["", "close", "do=throw", "forgets", "do=nothing", "do=object", "do=keep", "do=exit"];
    let visit = |number: usize| (kinds[number * 7 % 29 % kinds.len()], &ids[number * 5 % 31 % ids.len()]);
    let mut counts = vec![0; ids.len()];
    for number in 0..requests {
        let (query, id) = visit(number);
        worker.send(&format!("GET\t{query}\tPHPSESSID={id}"));
    }
    for _ in 0..requests {
        let (_, number) = worker.expect("answer ");
        let number: usize =
            number.split(' ').next().expect("a number").parse::<usize>().expect("a number") - 1;
        let (text, _) = worker.expect(&format!("end {}", number + 1));
        let answer = Answer::parse(&text);
        let (query, id) = visit(number);
        assert!(!answer.body.contains("rustredis") && !answer.log.contains("rustredis"), "{answer:#?}");
        assert!(!answer.headers.iter().any(|header| header.starts_with("Set-Cookie")), "{answer:#?}");
        if ["", "close", "forgets"].contains(&query) {
            assert!(answer.body.starts_with(&format!("{id} ")), "{query}: {answer:#?}");
            counts[ids.iter().position(|known| known == id).expect("a known id")] += 1;
        }
    }
    for (id, count) in ids.iter().zip(counts) {
        poll::until("the lock is given back", SOON, || !session::is_locked(&server, id));
        assert_eq!(session::counter(&server, id), Some(count), "{id}");
    }
    let output = worker.wait();
    output.assert_no_crash();
    assert!(output.stdout.ends_with("stopped\n") && output.stderr.is_empty(), "{}", output.stderr);
}
