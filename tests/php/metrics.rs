//! `rustredis_metrics()` counts for all workers of a host.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{self as unix_fs, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::fpm::Fpm;
use crate::support::php::{self, Php, STEPS};
use crate::support::poll::{self, SOON, SetAtEnd};
use crate::support::process;
use crate::support::python;
use crate::support::redis::Server;
use crate::support::session;
use crate::support::temp_dir::TempDir;

/// Counts visits, prints its process id, and stays in the session for a while on request. Shows the
/// metrics with the time that they took, or only reads.
const PAGE: &str = r#"
    if (isset($_GET["metrics"])) {
        $start = hrtime(true);
        $text = rustredis_metrics();
        header("X-Took: " . (hrtime(true) - $start));
        echo $text;
        exit;
    }
    if (isset($_GET["advice"])) { exit(implode("\n", rustredis_status()["advice"])); }
    if (isset($_GET["read"])) { session_start(["read_and_close" => true]); exit("read"); }
    if (!session_start()) { http_response_code(500); exit; }
    if (isset($_GET["same"])) { exit("same"); }
    $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
    for ($end = hrtime(true) + 1000 * (int) ($_GET["stay"] ?? 0); hrtime(true) < $end;) usleep(1000);
    echo $_SESSION["n"], " ", getmypid();
"#;

/// The samples of a text, by name and labels.
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn parse(text: &str) -> Self {
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
            (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).map(sample).collect())
    }

    fn of(fpm: &Fpm) -> Self {
        Self::parse(&fpm.get("metrics", "").body)
    }

    /// The value of a sample, whose name is given without the common prefix.
    fn get(&self, name: &str) -> u64 {
        let name = format!("rustredis_{name}");
        let value = *self.0.get(&name).unwrap_or_else(|| panic!("no {name} in {:?}", self.0.keys()));
        format!("{value:.0}").parse().expect("a count")
    }

    /// The sum over all labels.
    fn sum(&self, name: &str) -> u64 {
        self.sum_of(name, "")
    }

    /// The sum over all samples with this value of a label.
    fn sum_of(&self, name: &str, value: &str) -> u64 {
        let start = format!("rustredis_{name}{{");
        let value = if value.is_empty() { String::new() } else { format!("=\"{value}\"") };
        let all = self.0.iter().filter(|(name, _)| name.starts_with(&start) && name.contains(&value));
        format!("{:.0}", all.map(|(_, value)| value).sum::<f64>()).parse().expect("a count")
    }
}

/// The requests that wait for a lock and have told its holder. That is a moment after Redis has
/// given them their places in the queue.
fn waiters(fpm: &Fpm) -> u64 {
    Metrics::of(fpm).get("lock_waiters")
}

/// Sends the requests of some visitors at once. Returns the number of answers.
fn load(fpm: &Fpm, ids: &[String], visits: u32, query: &str) -> u64 {
    let answered = AtomicU64::new(0);
    thread::scope(|scope| {
        for id in ids {
            let answered = &answered;
            scope.spawn(move || {
                for _ in 0..visits {
                    let page = fpm.get(query, &format!("PHPSESSID={id}"));
                    assert_eq!(page.status, 200, "{page:?}");
                    answered.fetch_add(1, Relaxed);
                }
            });
        }
    });
    answered.into_inner()
}

fn visitors(server: &Server, count: usize) -> Vec<String> {
    let ids: Vec<_> = (0..count).map(|n| format!("visitor{n}")).collect();
    for id in &ids {
        session::seed(server, id);
    }
    ids
}

/// A PHP that counts in this file.
fn php_with(server: &Server, file: &Path) -> Php {
    Php::new(&server.save_path()).ini("rustredis.metrics_file", &file.display().to_string())
}

/// A PHP that counts in a file, which is not there yet, and the folder of that file.
fn php_with_a_file(server: &Server) -> (Php, PathBuf, TempDir) {
    let dir = TempDir::new("metrics");
    let file = dir.join("rustredis");
    (php_with(server, &file), file, dir)
}

/// Twenty workers under load, one of which is killed while it holds a lock.
fn sums_of(manager: &str) {
    let server = Server::start();
    let fpm = Fpm::start_as(
        &Php::new(&server.save_path()),
        &format!("{manager}\npm.max_children = 20\npm.max_requests = 30\n"),
        PAGE,
    );
    let ids = visitors(&server, 10);
    let mut answered = load(&fpm, &ids, 20, "");
    answered += load(&fpm, &vec![ids[0].clone(); 6], 5, "stay=2000");
    let metrics = Metrics::of(&fpm);
    let stored = || ids.iter().filter_map(|id| session::counter(&server, id)).sum::<u64>();
    assert_eq!(answered, 230);
    assert_eq!(stored(), answered);
    assert_eq!(metrics.get("sessions_started_total{mode=\"locked\"}"), answered);
    assert_eq!(metrics.sum("sessions_started_total"), answered);
    assert_eq!(metrics.get("writes_total{result=\"stored\"}"), answered);
    assert_eq!(metrics.sum("writes_total"), answered);
    assert_eq!(metrics.get("lock_hold_seconds_count"), answered);
    assert_eq!(metrics.get("session_bytes_count"), answered);
    assert_eq!(metrics.get("locks_held"), 0);
    assert_eq!(metrics.get("lock_wait_seconds_count"), metrics.get("lock_waits_total"));
    assert!(metrics.get("lock_waits_total") > 0, "six requests of one session never waited");
    assert!(metrics.get("round_trips_total") >= 2 * answered);

    thread::scope(|scope| {
        let (fpm, id) = (&fpm, &ids[1]);
        let killed = scope.spawn(move || fpm.try_get("stay=60000000", &format!("PHPSESSID={id}")));
        poll::until("the request has the lock", SOON, || session::is_locked(&server, id));
        poll::until("the lock is counted", SOON, || Metrics::of(fpm).get("locks_held") == 1);
        poll::until("its connection alone is in use", SOON, || {
            Metrics::of(fpm).sum_of("pool_connections", "used") == 1
        });
        let holder = session::lock(&server, id).expect("it is locked");
        let pid = holder.split('|').nth(3).and_then(|pid| pid.parse().ok());
        process::signal(pid.unwrap_or_else(|| panic!("no pid: {holder}")), "KILL");
        // PHP-FPM closes the connection of a killed worker.
        let _ = killed.join().expect("the thread ends");
    });
    poll::until("the killed one's lock is not counted", SOON, || Metrics::of(&fpm).get("locks_held") == 0);
    let after = Metrics::of(&fpm);
    assert_eq!(after.sum_of("pool_connections", "used"), 0);
    assert_eq!(after.get("sessions_started_total{mode=\"locked\"}"), answered + 1);
    assert_eq!(after.get("writes_total{result=\"stored\"}"), answered);
    // A worker that takes the place of the killed one goes on counting.
    let more = load(&fpm, &ids[2..], 5, "");
    assert_eq!(Metrics::of(&fpm).get("writes_total{result=\"stored\"}"), answered + more);
}

#[test]
fn twenty_workers_of_a_static_pool_are_summed() {
    sums_of("pm = static");
}

#[test]
fn twenty_workers_of_a_dynamic_pool_are_summed() {
    sums_of("pm = dynamic\npm.start_servers = 2\npm.min_spare_servers = 1\npm.max_spare_servers = 3");
}

#[test]
fn twenty_workers_of_a_pool_on_demand_are_summed_after_their_end() {
    sums_of("pm = ondemand\npm.process_idle_timeout = 1s");
}

#[test]
fn the_text_is_openmetrics_and_shows_no_secret() {
    let server = Server::start();
    let fpm = Fpm::start(&Php::new(&server.save_path()).ini("rustredis.lock_holder_uri", "1"), 1, PAGE);
    let id = "a-secret-session-id-0123456789";
    session::seed(&server, id);
    let cookie = format!("PHPSESSID={id}");
    for query in ["a=secret-query", "same", "read"] {
        assert_eq!(fpm.get(query, &cookie).status, 200);
    }
    assert_eq!(fpm.get("", "PHPSESSID=an-id-that-was-guessed-012345").status, 200);
    assert_eq!(fpm.get("", "PHPSESSID=not_an_id!").status, 200);
    let page = fpm.get("metrics", "");
    let metrics = Metrics::parse(&page.body);
    assert_eq!(metrics.get("locked_unchanged_total"), 1);
    assert_eq!(metrics.get("writes_total{result=\"unchanged\"}"), 1);
    assert_eq!(metrics.get("sessions_started_total{mode=\"read\"}"), 1);
    assert_eq!(metrics.get("unknown_ids_total"), 1);
    assert_eq!(metrics.get("bad_ids_total"), 1);
    assert_eq!(["idle", "used"].map(|state| metrics.sum_of("pool_connections", state)), [1, 0]);
    assert!(page.body.ends_with("\n# EOF\n"), "{}", page.body);
    for secret in ["secret", "guessed", "page.php", "PHPREDIS", "auth", "tcp://"] {
        assert!(!page.body.contains(secret), "{secret} in {}", page.body);
    }
    assert_accepted_by_prometheus(&page.body);

    // The fastest one is not held up by other processes of the machine.
    let took = |page: &crate::support::fastcgi::Response| -> u64 {
        let header = page.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-took"));
        header.and_then(|(_, value)| value.parse().ok()).expect("the page tells the time")
    };
    let fastest = (0..20).map(|_| took(&fpm.get("metrics", ""))).min().expect("there are twenty");
    assert!(fastest < 1_000_000, "{fastest} ns");
}

#[test]
fn a_file_keeps_the_counts_over_a_reload_and_for_programs_beside_fpm() {
    let server = Server::start();
    let (php, _, _dir) = php_with_a_file(&server);
    let manager = "pm = dynamic\npm.max_children = 20\npm.start_servers = 20\npm.min_spare_servers = 1\n\
                   pm.max_spare_servers = 20\n";
    let fpm = Fpm::start_as(&php, manager, PAGE);
    let ids = visitors(&server, 8);
    let stop = AtomicBool::new(false);
    // A visit that a reload leaves without an answer may count or not.
    let (answered, unanswered) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for id in &ids {
            let (fpm, stop, answered, unanswered) = (&fpm, &stop, &answered, &unanswered);
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    let page = fpm.try_get("", &format!("PHPSESSID={id}"));
                    let count = if page.is_ok_and(|page| page.status == 200) { answered } else { unanswered };
                    count.fetch_add(1, Relaxed);
                }
            });
        }
        let _stops = SetAtEnd(&stop);
        for _ in 0..2 {
            let before = answered.load(Relaxed);
            poll::until("visits go on", SOON, || answered.load(Relaxed) > before + 40);
            fpm.reload();
        }
        let before = answered.load(Relaxed);
        poll::until("visits go on", SOON, || answered.load(Relaxed) > before + 40);
    });
    let (answered, unanswered) = (answered.into_inner(), unanswered.into_inner());
    let stored = ids.iter().filter_map(|id| session::counter(&server, id)).sum::<u64>();
    assert!((answered..=answered + unanswered).contains(&stored), "{answered}, {unanswered}, {stored}");
    let metrics = Metrics::of(&fpm);
    assert_eq!(metrics.get("writes_total{result=\"stored\"}"), stored);
    assert_eq!(metrics.get("locks_held"), 0);
    assert_eq!(fpm.get("advice", "").body, "");

    let beside = || Metrics::parse(&php.run("echo rustredis_metrics();").assert_clean().stdout);
    assert_eq!(beside().get("writes_total{result=\"stored\"}"), stored);
    fpm.stop();
    assert_eq!(beside().get("writes_total{result=\"stored\"}"), stored);
    assert!(!fpm.log().contains("rustredis:"), "{}", fpm.log());
}

#[test]
fn programs_that_run_side_by_side_count_in_one_file() {
    let server = Server::start();
    let (php, file, _dir) = php_with_a_file(&server);
    // The command line makes no file, and takes one that is there.
    let missing = php.run(
        "try { echo rustredis_metrics(); } catch (RustRedis\\SessionException $e) { echo $e->getMessage(); }",
    );
    assert!(missing.assert_clean().stdout.contains("is not used: No such file"), "{missing:?}");
    assert!(!file.exists());
    fs::write(&file, "").expect("it can be written");
    let mut first = php.spawn(STEPS);
    first.expect("ready");
    first.step("start('a') && session_write_close()").assert_silent();
    let second = php.run(
        "session_id('b'); session_start(); session_write_close();
         echo implode(rustredis_status()['advice']), rustredis_metrics();",
    );
    let metrics = Metrics::parse(&second.assert_clean().stdout);
    assert_eq!(metrics.get("sessions_started_total{mode=\"locked\"}"), 2);
    first.wait().assert_no_crash();
}

/// Holds its session until the named file appears, and changes nothing; or writes. Shows what all
/// workers have seen.
const SLOW_PAGE: &str = r#"
    if (isset($_GET["seen"])) {
        $status = rustredis_status();
        exit(json_encode(["slow" => $status["slow_locks"], "needless" => $status["needless_locks"], "metrics" => rustredis_metrics()]));
    }
    if (isset($_GET["metrics"])) { exit(rustredis_metrics()); }
    session_start();
    if (isset($_GET["write"])) { $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1; }
    while (isset($_GET["until"]) && !file_exists($_GET["until"])) { usleep(1000); clearstatcache(); }
"#;

#[test]
fn slow_locks_and_the_pages_that_need_no_lock_are_seen_by_all_workers() {
    let server = Server::start();
    let php = Php::new(&server.save_path()).ini("rustredis.slow_lock", "0.1").ini("log_errors", "1");
    let fpm = Fpm::start(&php, 3, SLOW_PAGE);
    let dir = TempDir::new("slow");
    let id = "a-secret-session-id-0123456789";
    session::seed(&server, id);
    let cookie = format!("PHPSESSID={id}");
    for (round, holder) in ["", "&write"].into_iter().enumerate() {
        let done = dir.join(&round.to_string());
        let until = format!("until={}{holder}", done.display());
        thread::scope(|scope| {
            let held = scope.spawn(|| fpm.get(&until, &cookie));
            poll::until("the session is held", SOON, || session::is_locked(&server, id));
            let waits = scope.spawn(|| fpm.get("write", &cookie));
            poll::until("a request waits", SOON, || waiters(&fpm) == 1);
            // The wait and the hold must both be slow.
            thread::sleep(Duration::from_millis(300));
            fs::write(&done, "").expect("the temporary folder can be written");
            assert_eq!([held, waits].map(|page| page.join().expect("the page ends").status), [200, 200]);
        });
    }
    let seen: serde_json::Value = serde_json::from_str(&fpm.get("seen", "").body).expect("it is JSON");
    let slow = seen["slow"].as_array().expect("a list");
    let [first, second, _, _] = &slow[..] else { panic!("not four: {slow:?}") };
    // Both processes note theirs after the lock has gone from one to the other.
    let (held, waited) = if first["changed"] == json!(false) { (first, second) } else { (second, first) };
    assert_eq!(
        [&held["kept_waiting"], &held["changed"], &held["holder"]],
        [&json!(true), &json!(false), &json!(null)]
    );
    assert_eq!([&waited["kept_waiting"], &waited["changed"]], [&json!(false), &json!(true)]);
    let ms = |of: &serde_json::Value, name: &str| of[name].as_f64().expect("a number");
    assert!(ms(held, "held_ms") >= 300.0 && ms(waited, "waited_ms") >= 300.0, "{slow:?}");
    let by = held["by"].as_str().expect("a text");
    assert!(
        waited["holder"].as_str().expect("a text").starts_with(&format!("held by {by}, for ")),
        "{slow:?}"
    );
    // The wait is no part of the hold, here and in the histogram.
    assert!(ms(waited, "held_ms") < ms(waited, "waited_ms"), "{slow:?}");
    let metrics = seen["metrics"].as_str().expect("a text");
    let sum = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect("it is there");
        line.trim().parse::<f64>().expect("a number")
    };
    let holds: f64 = slow.iter().map(|lock| ms(lock, "held_ms")).sum();
    assert!((sum("rustredis_lock_hold_seconds_sum") * 1000.0 - holds).abs() < 1.0, "{holds}: {metrics}");

    // Only one of the holders changed nothing.
    let needless = seen["needless"].as_array().expect("a list");
    let [page] = &needless[..] else { panic!("not one: {needless:?}") };
    assert!(page["script"].as_str().expect("a text").ends_with("/page.php"), "{page}");
    assert_eq!((&page["times"], &page["held_ms"]), (&json!(1), &held["held_ms"]));

    // A line of a worker goes through the master.
    let told = || fpm.log().matches("PHP Notice:  rustredis: slow lock of session a-secr...").count();
    poll::until("all four are in the log", SOON, || told() >= 4);
    let log = fpm.log();
    assert_eq!(told(), 4, "{log}");
    assert!(!log.contains(id) && !fpm.get("seen", "").body.contains(id), "{log}");
    assert!(!metrics.contains("a-secr") && !metrics.contains(".php"), "{metrics}");
}

/// A page that does not start its session, or starts it late: both have the lock all the time.
const PREFETCHED_PAGE: &str = r#"
    if (isset($_GET["seen"])) {
        $status = rustredis_status();
        exit(json_encode(["slow" => $status["slow_locks"], "needless" => $status["needless_locks"], "metrics" => rustredis_metrics()]));
    }
    if (isset($_GET["metrics"])) { exit(rustredis_metrics()); }
    if (isset($_GET["ping"])) { exit(rustredis_ping() === null ? "down" : "up"); }
    while (isset($_GET["until"]) && !file_exists($_GET["until"])) { usleep(1000); clearstatcache(); }
    if (isset($_GET["late"])) { session_start(); }
    if (isset($_GET["write"])) { session_start(); $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1; }
"#;

#[test]
fn pages_whose_prefetched_lock_is_of_no_use_are_seen_like_others() {
    let server = Server::start();
    for strict in ["1", "0"] {
        let php = Php::new(&server.save_path())
            .ini("rustredis.prefetch", "1")
            .ini("rustredis.slow_lock", "0.1")
            .ini("rustredis.lock_holder_uri", "1")
            .ini("session.use_strict_mode", strict)
            .ini("log_errors", "1");
        let fpm = Fpm::start_as(&php, "pm = static\npm.max_children = 3\n", PREFETCHED_PAGE);
        // A prefetch goes over a connection that is there.
        let is_connected = || {
            thread::scope(|scope| {
                let pages: Vec<_> = (0..3).map(|_| scope.spawn(|| fpm.get("/ping?ping", ""))).collect();
                for page in pages {
                    assert_eq!(page.join().expect("the page ends").body, "up");
                }
            });
            Metrics::of(&fpm).sum_of("pool_connections", "idle") == 3
        };
        poll::until("all workers are connected", SOON, is_connected);
        let dir = TempDir::new("prefetched");
        let id = format!("visitor-{strict}");
        session::seed(&server, &id);
        let cookie = format!("PHPSESSID={id}");
        for page in ["nothing", "late"] {
            let done = dir.join(page);
            let uri = format!("/{page}?until={}&{page}", done.display());
            thread::scope(|scope| {
                let held = scope.spawn(|| fpm.get(&uri, &cookie));
                poll::until("the session is held", SOON, || session::is_locked(&server, &id));
                let waits = scope.spawn(|| fpm.get("/writes?write", &cookie));
                poll::until("a request waits", SOON, || waiters(&fpm) == 1);
                // The wait and the hold must both be slow.
                thread::sleep(Duration::from_millis(300));
                fs::write(&done, "").expect("the temporary folder can be written");
                assert_eq!([held, waits].map(|page| page.join().expect("the page ends").status), [200, 200]);
            });
        }
        let seen: serde_json::Value =
            serde_json::from_str(&fpm.get("/seen?seen", "").body).expect("it is JSON");
        let needless = seen["needless"].as_array().expect("a list");
        let mut pages: Vec<_> =
            needless.iter().map(|page| page["script"].as_str().expect("a text")).collect();
        pages.sort_unstable();
        assert_eq!(pages, ["/late", "/nothing"], "{seen:#}");
        for page in needless {
            assert_eq!(page["times"], json!(1));
            assert!(page["held_ms"].as_f64().is_some_and(|held| (300.0..60_000.0).contains(&held)), "{page}");
        }
        let slow = seen["slow"].as_array().expect("a list");
        let held: Vec<_> = slow.iter().filter(|lock| lock["kept_waiting"] == json!(true)).collect();
        assert_eq!(held.len(), 2, "{slow:#?}");
        assert!(held.iter().all(|lock| lock["changed"] == json!(false)), "{held:#?}");
        let metrics = Metrics::parse(seen["metrics"].as_str().expect("a text"));
        assert_eq!(metrics.get("unused_prefetches_total"), 1);
        assert_eq!(metrics.get("locks_held"), 0);
        // No lock was held while its worker waited for a request.
        let holds: f64 = slow.iter().map(|lock| lock["held_ms"].as_f64().expect("a number")).sum();
        let sum = metrics.0["rustredis_lock_hold_seconds_sum"] * 1000.0;
        assert!((sum - holds).abs() < 250.0, "{sum}: {slow:#?}");
        assert_eq!(fpm.log().matches("rustredis: slow lock of session").count(), slow.len(), "{}", fpm.log());
    }
}

/// Behind a front controller, all pages have one script. The path is of the visitor's choice.
#[test]
fn the_page_that_keeps_others_waiting_is_named_by_its_path_and_writes_no_line_of_a_log() {
    let server = Server::start();
    let settings =
        [("rustredis.slow_lock", "0.001"), ("rustredis.lock_holder_uri", "1"), ("log_errors", "1")];
    let php = settings.iter().fold(Php::new(&server.save_path()), |php, (name, value)| php.ini(name, value));
    let fpm = Fpm::start(&php, 4, SLOW_PAGE);
    let dir = TempDir::new("slow");
    let id = "a-secret-session-id-0123456789";
    session::seed(&server, id);
    let cookie = format!("PHPSESSID={id}");
    let (first_done, second_done) = (dir.join("first"), dir.join("second"));
    // The second one waits, then has the lock while the third one waits on.
    let hostile = "/orders/4711/pay\n[x]\u{1b}[2J\u{202e}";
    let uris = [
        format!("{hostile}?until={}", first_done.display()),
        format!("/second?until={}", second_done.display()),
        "/third?write".to_owned(),
    ];
    thread::scope(|scope| {
        let get = |uri| {
            let (fpm, cookie) = (&fpm, &cookie);
            scope.spawn(move || fpm.get(uri, cookie).status)
        };
        let first = get(&uris[0]);
        poll::until("the session is held", SOON, || session::is_locked(&server, id));
        let second = get(&uris[1]);
        poll::until("one waits", SOON, || waiters(&fpm) == 1);
        let third = get(&uris[2]);
        poll::until("two wait", SOON, || waiters(&fpm) == 2);
        fs::write(&first_done, "").expect("the temporary folder can be written");
        poll::until("the second one has the lock", SOON, || {
            session::lock(&server, id).is_some_and(|holder| holder.ends_with("|/second"))
        });
        fs::write(&second_done, "").expect("the temporary folder can be written");
        let answers = [first, second, third].map(|page| page.join().expect("the page ends"));
        assert_eq!(answers, [200; 3]);
    });
    let seen: serde_json::Value = serde_json::from_str(&fpm.get("seen", "").body).expect("it is JSON");
    let needless = seen["needless"].as_array().expect("a list");
    let mut pages: Vec<_> = needless.iter().map(|page| page["script"].as_str().expect("a text")).collect();
    pages.sort_unstable();
    assert_eq!(pages, ["/orders/*/pay?[x]?[2J?", "/second"], "{seen:#}");
    let shown = "serving /orders/4711/pay?[x]?[2J?";
    let slow = seen["slow"].to_string();
    assert!(slow.contains(shown), "{slow}");
    poll::until("the page is in the log", SOON, || fpm.log().contains(shown));
    let log = fpm.log();
    assert!(!log.contains("\n[x]") && !log.contains('\u{1b}'), "{log:?}");
}

#[test]
fn the_answers_of_a_replica_are_counted_as_those_of_a_failover() {
    let server = Server::start();
    let fpm = Fpm::start(&Php::new(&server.save_path()), 1, PAGE);
    let ids = visitors(&server, 1);
    let cookie = format!("PHPSESSID={}", ids[0]);
    assert_eq!(fpm.get("", &cookie).status, 200);
    server.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    let refused = fpm.get("", &cookie);
    assert!(refused.body.contains("READONLY"), "{refused:?}");
    let metrics = Metrics::of(&fpm);
    let errors = ["demoted", "refused"].map(|kind| metrics.sum_of("errors_total", kind));
    assert!(errors[0] > 0 && errors[1] == 0, "{errors:?}");
}

/// A PHP whose process ids mean other processes, as that of another container; a root alone may
/// make one.
fn in_container(php: &Php, script: &str) -> Option<String> {
    let output = Command::new("unshare")
        .args(["--pid", "--fork", "--mount-proc", "--"])
        .arg(php::program())
        .args(php.arguments())
        .args(["-r", script])
        .output()
        .ok()
        .filter(|output| !output.stderr.starts_with(b"unshare: "))?;
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).expect("it is UTF-8"))
}

/// A session of a command line, and the metrics after it.
const COMMAND: &str =
    "session_id('of-a-command'); session_start(); $_SESSION['n'] = 1; session_write_close();
    echo rustredis_metrics();";

#[test]
fn a_command_line_shows_what_a_web_server_counts_and_changes_nothing() {
    let server = Server::start();
    let (php, _, _dir) = php_with_a_file(&server);
    let fpm = Fpm::start(&php, 2, PAGE);
    let ids = visitors(&server, 1);
    thread::scope(|scope| {
        let (fpm, ids) = (&fpm, &ids);
        let holder = scope.spawn(|| fpm.get("stay=8000000", &format!("PHPSESSID={}", ids[0])));
        poll::until("the lock is counted", SOON, || Metrics::of(fpm).get("locks_held") == 1);
        let beside = Metrics::parse(&php.run(COMMAND).assert_clean().stdout);
        assert_eq!(beside.get("locks_held"), 1);
        assert_eq!(beside.sum("sessions_started_total"), 1);
        if let Some(text) = in_container(&php, COMMAND) {
            assert!(!text.contains("locks_held"), "{text}");
            assert_eq!(Metrics::parse(&text).sum("sessions_started_total"), 1);
        }
        let own = Metrics::of(fpm);
        assert_eq!((own.get("locks_held"), own.sum("sessions_started_total")), (1, 1));
        assert_eq!(holder.join().expect("the page ends").status, 200);
    });
    assert_eq!(Metrics::of(&fpm).get("locks_held"), 0);
}

/// A program that may read the file can lock it.
#[test]
fn a_lock_on_the_file_keeps_no_server_from_counting_in_it() {
    let server = Server::start();
    let (php, file, dir) = php_with_a_file(&server);
    let ids = visitors(&server, 1);
    let visit = |fpm: &Fpm| assert_eq!(fpm.get("", &format!("PHPSESSID={}", ids[0])).status, 200);
    visit(&Fpm::start(&php, 1, PAGE));
    let mut locked = Command::new("flock")
        .arg(&file)
        .args(["sh", "-c", "echo locked; cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock runs");
    let mut line = [0; 7];
    locked.stdout.take().expect("it is a pipe").read_exact(&mut line).expect("it has the lock");
    let fpm = Fpm::start(&php, 1, PAGE);
    visit(&fpm);
    assert_eq!(fpm.get("advice", "").body, "");
    let metrics = Metrics::of(&fpm);
    assert_eq!((metrics.sum("sessions_started_total"), metrics.get("processes")), (2, 1));
    drop(locked.stdin.take());
    locked.wait().expect("it ends");

    // Nor does PHP fill a file that has another name.
    fs::write(dir.join("other"), "").expect("it can be written");
    fs::hard_link(dir.join("other"), dir.join("link")).expect("it can be made");
    let php = php_with(&server, &dir.join("link"));
    let fpm = Fpm::start(&php, 1, PAGE);
    assert!(fpm.get("advice", "").body.contains("it has a second name"));
    assert_eq!(fs::metadata(dir.join("other")).expect("it is there").len(), 0);
}

#[test]
fn two_containers_do_not_count_in_one_file_at_a_time() {
    let server = Server::start();
    let (php, file, _dir) = php_with_a_file(&server);
    fs::write(&file, "").expect("it can be written");
    let mut first = php.spawn(STEPS);
    first.expect("ready");
    first.step("start('a')").assert_silent();
    let Some(text) = in_container(&php, COMMAND) else {
        eprintln!("skipped: no container can be made here");
        return;
    };
    assert_eq!(Metrics::parse(&text).sum("sessions_started_total"), 1, "{text}");
    assert!(!text.contains("locks_held"), "{text}");
    let own = Metrics::parse(&php.run("echo rustredis_metrics();").assert_clean().stdout);
    assert_eq!(own.get("locks_held"), 1);
    first.step("session_write_close()").assert_silent();
    first.wait().assert_no_crash();
    // The next container goes on with the counts.
    let text = in_container(&php, COMMAND).expect("it was possible before");
    let next = Metrics::parse(&text);
    assert_eq!((next.sum("sessions_started_total"), next.get("locks_held")), (2, 0), "{text}");
}

#[test]
fn a_file_that_is_cut_off_costs_a_few_requests_and_no_reload() {
    let server = Server::start();
    let (php, file, _dir) = php_with_a_file(&server);
    let fpm = Fpm::start(&php, 3, PAGE);
    let ids = visitors(&server, 1);
    let visit = || fpm.try_get("", &format!("PHPSESSID={}", ids[0])).is_ok_and(|page| page.status == 200);
    assert!(visit());
    fs::write(&file, "").expect("it can be written");
    poll::until("a visit is answered", SOON, visit);
    poll::until("three more are, one after the other", SOON, || visit() && visit() && visit());
    assert!(fpm.log().matches("SIGBUS").count() <= 3, "{}", fpm.log());
    assert!(Metrics::of(&fpm).sum("sessions_started_total") >= 3);
}

/// A file with a hole would end PHP at the first use of a page for which there is no room.
#[test]
fn a_file_with_holes_is_filled_before_it_is_used() {
    let server = Server::start();
    let (php, file, _dir) = php_with_a_file(&server);
    fs::write(&file, "").expect("it can be written");
    php.run("").assert_clean();
    let whole = fs::metadata(&file).expect("it was made").blocks();
    let size = fs::metadata(&file).expect("it was made").len();
    fs::remove_file(&file).expect("it is there");
    fs::File::create(&file).and_then(|file| file.set_len(size)).expect("it can be made");
    php.run("").assert_clean();
    assert_eq!(fs::metadata(&file).expect("it is there").blocks(), whole);
}

#[test]
fn a_file_that_cannot_be_used_is_told_once_and_costs_no_page() {
    let server = Server::start();
    let dir = TempDir::new("metrics");
    let other = dir.join("of-another-version");
    fs::write(&other, "rustredi, but not this one").expect("it can be written");
    let foreign = dir.join("of-another-user");
    fs::write(&foreign, "").expect("it can be written");
    let is_root = unix_fs::chown(&foreign, Some(12345), None).is_ok();
    let open = dir.join("for-all-to-write");
    fs::write(&open, "").expect("it can be written");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).expect("the owner may");
    let missing = dir.join("no-such-folder/rustredis");
    let folder = dir.path().to_owned();
    let cases = [
        (other, "has the layout of another version"),
        (missing, "No such file or directory"),
        (folder, "Is a directory"),
        (open, "other users may write to it"),
        (foreign, "belongs to the user 12345"),
    ];
    for (file, reason) in &cases[..if is_root { 5 } else { 4 }] {
        let before = fs::read(file).ok();
        let php = php_with(&server, file).ini("log_errors", "1");
        let fpm = Fpm::start(&php, 2, PAGE);
        let ids = visitors(&server, 2);
        assert_eq!(load(&fpm, &ids, 5, ""), 10);
        assert_eq!(Metrics::of(&fpm).get("writes_total{result=\"stored\"}"), 10);
        let advice = fpm.get("advice", "").body;
        assert!(advice.contains(reason) && advice.contains("rustredis.metrics_file="), "{reason}: {advice}");
        let told = fpm.log().matches("rustredis.metrics_file=").count();
        assert_eq!(told, 1, "{}", fpm.log());
        assert_eq!(fs::read(file).ok(), before, "it stays as it was");
    }
}

/// Passes the text to Prometheus' own programs, as far as they are installed.
fn assert_accepted_by_prometheus(text: &str) {
    let run = |program: &Path, arguments: &[&str]| {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut input = child.stdin.take().expect("it has an input");
        input.write_all(text.as_bytes()).expect("the program reads it");
        drop(input);
        let output = child.wait_with_output().expect("the program ends");
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        Some((output.status.success(), said.concat()))
    };
    match run(Path::new("promtool"), &["check", "metrics"]) {
        None => eprintln!("skipped: promtool is not installed"),
        // promtool reads the older text format, in which the name of a counter's family ends with
        // `_total`. In OpenMetrics it must not.
        Some((_, said)) => {
            for line in said.lines() {
                assert!(line.ends_with("_total no help text"), "promtool: {said}");
            }
        }
    }
    let script = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
        print(len(list(parse(sys.stdin.read()))))";
    let client = python::program();
    let has_it = run(&client, &["-c", "import prometheus_client"]);
    if !has_it.is_some_and(|(done, _)| done) {
        eprintln!("skipped: the Python that the tests use has no prometheus_client");
        return;
    }
    let (accepted, said) = run(&client, &["-c", script]).expect("it has just run");
    assert!(accepted, "{said}\n{text}");
    let families: usize = said.trim().parse().expect("a number");
    assert_eq!(families, text.lines().filter(|line| line.starts_with("# TYPE ")).count());
}
