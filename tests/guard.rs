//! The cost of a request must not grow unseen. These tests compare instructions, commands, bytes,
//! round trips and the module's size with tests/guard/table.tsv. See docs/testing.md.
//!
//! This is a program of its own, because no other test may run beside it: trips must be equal to
//! the table's, and a request that a busy machine holds up for long has its lease renewed.

mod support;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use support::callgrind;
use support::php::{Php, STEPS, module, program};
use support::poll::{self, SOON};
use support::proxy::Proxy;
use support::redis::Server;
use support::temp_dir::TempDir;

/// The largest distance of a figure from the table's, in both directions.
const TOLERANCE: f64 = 0.03;
/// The same for instructions and size if the compiler is not the table's. Rust 1.91 makes 1.2 %
/// more instructions and 2.9 % more bytes than 1.95.
const OTHER_COMPILER: f64 = 0.06;
/// The columns that need no callgrind.
const EXCHANGED: [&str; 4] = ["commands", "bytes to Redis", "bytes from Redis", "trips"];

/// The most instructions that an ordinary request may spend on metrics.
const COUNTING: f64 = 100.0;

/// The number of requests over which a mean is taken.
const REQUESTS: u32 = 200;
const ID: &str = "0123456789abcdefghij";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Native,
    Subclass,
    ReadAndClose,
    Deferred,
    Prefetch,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Native, Self::Subclass, Self::ReadAndClose, Self::Deferred, Self::Prefetch];

    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Subclass => "subclass",
            Self::ReadAndClose => "read_and_close",
            Self::Deferred => "deferred",
            Self::Prefetch => "prefetch",
        }
    }

    fn php(self, save_path: &str) -> Php {
        // A Redis user with fewer rights has other commands, and so other figures.
        let php = Php::new(save_path).default_user();
        match self {
            Self::Deferred => php.ini("rustredis.write_ack", "deferred"),
            Self::Prefetch => php.ini("rustredis.prefetch", "1").ini("session.use_cookies", "1"),
            _ => php,
        }
    }

    /// A line that makes a process ready.
    fn preparation(self) -> &'static str {
        if self == Self::Subclass { SUBCLASS } else { "true" }
    }

    /// One request, as an expression.
    fn request(self) -> String {
        if self == Self::ReadAndClose {
            format!("[session_id('{ID}'), session_start(['read_and_close' => true])]")
        } else {
            format!("[session_id('{ID}'), session_start(), $_SESSION['n']++, session_write_close()]")
        }
    }

    /// The amount by which that many requests raise the counter.
    fn counts(self, requests: u32) -> u32 {
        if self == Self::ReadAndClose { 0 } else { requests }
    }
}

/// A subclass that passes every call on, as applications have it.
const SUBCLASS: &str = "session_set_save_handler(new class extends SessionHandler { \
    public function read(string $id): string|false { return parent::read($id); } \
    public function write(string $id, string $data): bool { return parent::write($id, $data); } \
    public function close(): bool { return parent::close(); } \
})";

/// A prefetched session is the one that a cookie names, so that each request is one of php-cgi's.
const PAGE: &str = "<?php session_start(); $_SESSION['n']++; session_write_close();";

/// Figures by row and column.
type Figures = BTreeMap<(String, String), f64>;

/// Stores 1 KB of session, which is a counter whose length stays, and a text.
fn seed(server: &Server) -> String {
    let key = support::session::key_at(server, ID);
    let text = format!("n|i:10000000;text|s:1000:\"{}\";", "0123456789".repeat(100));
    server.command::<()>(&["SET", &key, &text, "EX", "1440"]);
    key
}

/// Panics unless the counter of the session was raised by exactly that many requests.
fn assert_counted(server: &Server, key: &str, requests: u32) {
    let text: String = server.command(&["GET", key]);
    let start = format!("n|i:{};", 10_000_000 + requests);
    assert!(text.starts_with(&start), "{start}: {text}");
}

/// A process that does that many requests and ends.
fn requests_of(kind: Kind, php: &Php, requests: u32, dir: &TempDir) -> Command {
    let file = dir.join("page.php");
    let (mut command, page) = if kind == Kind::Prefetch {
        // php-cgi runs the page over and over in one process, as a worker of FPM does.
        let cgi: OsString = std::env::var_os("PHP_CGI").unwrap_or_else(|| "php-cgi".into());
        let mut command = Command::new(cgi);
        command.env("HTTP_COOKIE", format!("PHPSESSID={ID}"));
        command.args(php.arguments()).args(["-T", &requests.to_string()]);
        (command, PAGE.to_owned())
    } else {
        let mut command = Command::new(program());
        command.args(php.arguments());
        let (before, request) = (kind.preparation(), kind.request());
        (command, format!("<?php {before}; for ($i = 0; $i < {requests}; $i++) {{ {request}; }}"))
    };
    fs::write(&file, page).expect("the page can be written");
    command.arg(file);
    command
}

/// Instructions of one request.
fn instructions(kind: Kind) -> f64 {
    let server = Server::with_args(&[]);
    let key = seed(&server);
    let php = kind.php(&server.save_path());
    let dir = TempDir::new("guard");
    let [once, twice] = [REQUESTS, 2 * REQUESTS].map(|requests| {
        let counted = callgrind::run(&requests_of(kind, &php, requests, &dir), "");
        assert!(!counted.stdout.contains("rustredis"), "{kind:?}: {}", counted.stdout);
        counted.instructions
    });
    assert_counted(&server, &key, kind.counts(3 * REQUESTS));
    per_request(twice - once)
}

/// The traffic of one request, in the columns of [`EXCHANGED`].
fn exchanged(kind: Kind) -> [f64; 4] {
    // The server is never a Cluster, which has other figures.
    let server = Server::with_args(&[]);
    let proxy = Proxy::in_front_of(&server);
    let php = kind.php(&proxy.save_path());
    let key = seed(&server);
    let total = || {
        poll::until("Redis has answered", SOON, || proxy.is_answered());
        let counts = proxy.counts();
        let of_proxy = [counts.bytes_to_server, counts.bytes_to_client, counts.trips];
        let [to, from, trips] = of_proxy.map(|number| u64::try_from(number).expect("it is little"));
        [commands(&server), to, from, trips]
    };
    let more = |to: [u64; 4], from: [u64; 4]| std::array::from_fn::<_, 4, _>(|i| to[i] - from[i]);
    if kind == Kind::Prefetch {
        let dir = TempDir::new("guard");
        // After the first, Redis knows the scripts.
        let [_, once, twice] = [1, REQUESTS, 2 * REQUESTS].map(|requests| {
            let before = total();
            let output = requests_of(kind, &php, requests, &dir).output().expect("php-cgi runs: set PHP_CGI");
            assert!(output.status.success(), "{output:?}");
            more(total(), before)
        });
        assert_counted(&server, &key, kind.counts(1 + 3 * REQUESTS));
        return more(twice, once).map(per_request);
    }
    let mut php = php.spawn(STEPS);
    php.expect("ready");
    php.step(kind.preparation()).assert_silent();
    let lock = support::session::side_key(&server, ID, "LOCK");
    // The first requests connect, and learn what Redis knows.
    let warm_up = 20;
    let mut before = total();
    for done in 0..warm_up + REQUESTS {
        if done == warm_up {
            before = total();
        }
        let result = php.step(&kind.request()).assert_silent().result.clone();
        assert!(!result.contains("false"), "{kind:?}: {result}");
        // A deferred write is a trip of its own only if it is answered before the next request
        // begins.
        poll::until("the lock is given back", SOON, || server.command::<String>(&["TYPE", &lock]) == "none");
        poll::until("Redis has answered", SOON, || proxy.is_answered());
    }
    let exchanged = more(total(), before);
    assert_counted(&server, &key, kind.counts(warm_up + REQUESTS));
    exchanged.map(per_request)
}

/// The commands that Redis has counted, without those of this test.
fn commands(server: &Server) -> u64 {
    let own = ["info", "type", "client|setinfo"];
    let stats = server.info_commandstats();
    stats.iter().filter(|(name, _)| !own.contains(&name.as_str())).map(|(_, calls)| calls).sum()
}

fn per_request(total: u64) -> f64 {
    f64::from(u32::try_from(total).expect("it is little")) / f64::from(REQUESTS)
}

/// Measures all kinds of requests, two at a time.
fn of_all_kinds<T: Send>(measure: impl Fn(Kind) -> T + Sync) -> Vec<(Kind, T)> {
    let next = Mutex::new(Kind::ALL.into_iter());
    let work = || {
        let mut done = Vec::new();
        loop {
            let kind = next.lock().expect("no worker panics while it takes a kind").next();
            let Some(kind) = kind else { return done };
            done.push((kind, measure(kind)));
        }
    };
    thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("it says above what it panicked about"))
            .collect()
    })
}

fn table() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guard/table.tsv")
}

fn read_table() -> String {
    fs::read_to_string(table()).expect("tests/guard/table.tsv can be read")
}

/// The figures of a table: blocks of lines, each with a line of column names above it.
fn figures_of(text: &str) -> Figures {
    let mut figures = Figures::new();
    let mut columns: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let row = cells.next().expect("a line has a first cell");
        if line.is_empty() {
            columns.clear();
        } else if columns.is_empty() {
            columns = cells.collect();
        } else {
            for (column, cell) in columns.iter().zip(cells) {
                let figure =
                    cell.parse().unwrap_or_else(|_| panic!("{row}, {column}: {cell:?} is no number"));
                figures.insert((row.to_owned(), (*column).to_owned()), figure);
            }
        }
    }
    figures
}

/// The compiler in the words of the table's comment.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().expect("rustc runs where cargo does");
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().nth(1).expect("rustc says its version");
    format!("# with: Rust {}", version.rsplit_once('.').map_or(version, |(release, _)| release))
}

/// Returns each figure beside the table's, and whether all are near enough.
fn compare(table: &str, new: &Figures) -> (String, bool) {
    let mut text = String::new();
    let mut holds = true;
    let old = figures_of(table);
    let compiler = compiler();
    let is_its_compiler = table.lines().any(|line| line == compiler);
    if !is_its_compiler {
        writeln!(text, "  another compiler than the table's, {:.0} %: {compiler}", OTHER_COMPILER * 100.0)
            .expect("a string takes it");
    }
    for ((row, column), figure) in new {
        let name = format!("{row}, {column}");
        let Some(was) = old.get(&(row.clone(), column.clone())) else {
            holds = false;
            writeln!(text, "  {name:34} {:>10} -> {figure:>10}  not in the table", "")
                .expect("a string takes it");
            continue;
        };
        let change = figure / was - 1.0;
        let bound = match &**column {
            "commands" | "trips" => 0.0,
            "instructions" | "bytes" if !is_its_compiler => OTHER_COMPILER,
            _ => TOLERANCE,
        };
        let near = change.abs() <= bound;
        holds &= near;
        let mark = if near { "" } else { "  OUT OF BOUNDS" };
        writeln!(text, "  {name:34} {was:>10} -> {figure:>10}  {:+6.2} %{mark}", change * 100.0)
            .expect("a string takes it");
    }
    (text, holds)
}

fn assert_holds(new: &Figures) {
    let (text, holds) = compare(&read_table(), new);
    println!("{text}");
    assert!(
        holds,
        "a request costs another amount than tests/guard/table.tsv says, more or less. If that is what your change is \
         for, run `make guard-update` and commit the table with it; docs/testing.md says more.\n{text}"
    );
}

fn exchanges() -> Figures {
    let mut figures = Figures::new();
    for (kind, exchanged) in of_all_kinds(exchanged) {
        for (column, figure) in EXCHANGED.into_iter().zip(exchanged) {
            figures.insert((kind.name().to_owned(), column.to_owned()), figure);
        }
    }
    figures
}

#[test]
fn what_a_request_exchanges_with_redis_is_in_the_table() {
    assert_holds(&exchanges());
}

/// `GUARD_UPDATE=1` writes the table anew, including the traffic.
#[test]
#[ignore = "it takes a release build and the PHP that the table is for: make guard, make guard-update"]
fn instructions_and_size_are_in_the_table() {
    let mut figures = Figures::new();
    for (kind, figure) in of_all_kinds(instructions) {
        figures.insert((kind.name().to_owned(), "instructions".to_owned()), figure.round());
    }
    let size = fs::metadata(module()).expect("the module is there").len();
    let size = u32::try_from(size).expect("it is below 4 GiB");
    figures.insert(("module".to_owned(), "bytes".to_owned()), f64::from(size));
    if std::env::var_os("GUARD_UPDATE").is_none() {
        return assert_holds(&figures);
    }
    figures.extend(exchanges());
    let old = read_table();
    println!("{}", compare(&old, &figures).0);
    fs::write(table(), as_table(&old, &figures)).expect("tests/guard/table.tsv can be written");
}

/// The counters that change, each with its change in one request.
fn changes(before: &str, after: &str) -> BTreeMap<String, f64> {
    let counters = |text: &str| -> BTreeMap<String, f64> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| line.rsplit_once(' '));
        let samples = samples.map(|(name, value)| {
            let name = name.split("{target=").next().expect("a split has a first part");
            (name.to_owned(), value.parse().expect("a sample is a number"))
        });
        samples.filter(|(name, _)| name.contains("_total") || name.ends_with("_count")).collect()
    };
    let before = counters(before);
    let changed = counters(after).into_iter().map(|(name, value)| {
        let more = value - before.get(&name).unwrap_or(&0.0);
        (name, more / f64::from(REQUESTS))
    });
    changed.filter(|(_, change)| *change > 0.0).collect()
}

/// A program that counts as a request of PHP does, and does nothing else, is measured for itself.
#[test]
#[ignore = "it takes valgrind: make guard"]
fn what_a_request_spends_on_metrics_is_bounded() {
    let dir = TempDir::new("guard");
    let program = dir.join("counting");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guard/counting.rs");
    let options = ["--edition=2024", "-O", "-Clto=fat", "-Ccodegen-units=1", "--cap-lints=allow", "-o"];
    let compiled = Command::new("rustc").args(options).arg(&program).arg(source).output();
    let compiled = compiled.expect("rustc runs where cargo does");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let [once, twice] = [REQUESTS, 2 * REQUESTS]
        .map(|requests| callgrind::run(Command::new(&program).arg(requests.to_string()), ""));

    let server = Server::with_args(&[]);
    seed(&server);
    let mut php = Kind::Native.php(&server.save_path()).spawn(STEPS);
    php.expect("ready");
    // The first requests connect, and learn what Redis knows.
    let [_, before, after] = [20, 0, REQUESTS].map(|requests| {
        for _ in 0..requests {
            php.step(&Kind::Native.request()).assert_silent();
        }
        let metrics = php.step("rustredis_metrics()").assert_silent().result.clone();
        serde_json::from_str::<String>(&metrics).expect("a step's result is JSON")
    });
    assert_eq!(
        changes(&once.stdout, &twice.stdout),
        changes(&before, &after),
        "the program counts otherwise"
    );

    let instructions = per_request(twice.instructions - once.instructions);
    println!("  metrics of an ordinary request, instructions: {instructions}");
    assert!(instructions <= COUNTING, "{instructions} instructions");
}

/// The table with its comments as they were, but for the compiler.
fn as_table(old: &str, figures: &Figures) -> String {
    let comments = old.lines().filter(|line| line.starts_with('#') && !line.starts_with("# with: "));
    let comments: String = comments.map(|line| line.to_owned() + "\n").collect();
    let columns = [&["instructions"], &EXCHANGED[..]].concat();
    let cell = |row: &str, column: &str| figures[&(row.to_owned(), column.to_owned())].to_string();
    let line = |kind: Kind| {
        let cells = columns.iter().map(|column| cell(kind.name(), column));
        std::iter::once(kind.name().to_owned()).chain(cells).collect::<Vec<_>>().join("\t")
    };
    let rows = Kind::ALL.map(line).join("\n");
    let size = cell("module", "bytes");
    format!(
        "{comments}{}\nrequest\t{}\n{rows}\n\nfile\tbytes\nmodule\t{size}\n",
        compiler(),
        columns.join("\t")
    )
}
