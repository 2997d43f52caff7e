//! Sessions of web pages that a php-fpm pool serves.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use crate::support::fpm::{self, Fpm};
use crate::support::php::Php;
use crate::support::poll::{self, SOON, SetAtEnd};
use crate::support::redis::Server;
use crate::support::session;
use crate::support::temp_dir::TempDir;

/// Counts visits, prints its process id, and stays in the session for a while on request.
const PAGE: &str = r#"
    if (!session_start()) { http_response_code(500); exit; }
    $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
    // Signals end a sleep early.
    for ($end = hrtime(true) + 1000 * (int) ($_GET["stay"] ?? 0); hrtime(true) < $end;) usleep(1000);
    echo $_SESSION["n"], " ", getmypid();
"#;

struct Site {
    server: Server,
    fpm: Fpm,
}

impl Site {
    fn start(workers: usize) -> Self {
        let server = Server::start();
        let php = Php::new(&server.save_path()).ini("rustredis.lock_wait", "60");
        let fpm = Fpm::start(&php, workers, PAGE);
        Self { server, fpm }
    }

    /// A visit without a cookie. The page sets one.
    fn first_visit(&self) -> String {
        let page = self.fpm.get("", "");
        assert_eq!((page.status, page.stderr.as_str()), (200, ""), "{page:?}");
        page.cookie("PHPSESSID").expect("the page sets a cookie").to_owned()
    }

    /// The counter and the worker that a visit sees.
    fn visit(&self, id: &str, stay_us: u32) -> (u64, u32) {
        let page = self.fpm.get(&format!("stay={stay_us}"), &format!("PHPSESSID={id}"));
        assert_eq!((page.status, page.stderr.as_str()), (200, ""), "{page:?}");
        assert_eq!(page.cookie("PHPSESSID"), None, "the id is known: {page:?}");
        let (count, worker) = page.body.split_once(' ').unwrap_or_else(|| panic!("{page:?}"));
        (count.parse().expect("the page counts"), worker.parse().expect("a worker has a number"))
    }
}

/// Each search goes through all libraries of PHP, and leaves their tables in the memory of every
/// worker.
#[test]
fn a_worker_searches_no_library_for_a_function() {
    let server = Server::start();
    let dir = TempDir::new("bindings");
    let output = dir.join("ld").display().to_string();
    let env = [("LD_DEBUG", "bindings"), ("LD_DEBUG_OUTPUT", output.as_str())];
    let fpm = Fpm::with_env(&Php::new(&server.save_path()), "pm = static\npm.max_children = 1\n", PAGE, &env);
    let site = Site { server, fpm };
    let id = site.first_visit();
    let (count, worker) = site.visit(&id, 0);
    assert_eq!(count, 2);
    // The dynamic linker names the file after the process that opened it, which is the master.
    let bindings = fs::read_to_string(format!("{output}.{}", site.fpm.pid())).expect("the linker wrote it");
    assert!(bindings.contains("phpsess_rs"), "the linker does not say what it binds");
    let program = fpm::program().display().to_string();
    let of_worker: Vec<_> = bindings
        .lines()
        .filter_map(|line| {
            line.trim_start().strip_prefix(&format!("{worker}:"))?.trim().strip_prefix("binding file ")
        })
        // A PHP that was built without -z now binds its own calls on first use. The process may
        // have changed its name.
        .filter(|binding| !binding.starts_with(&program) && !binding.starts_with("php-fpm:"))
        .collect();
    assert_eq!(of_worker, Vec::<&str>::new());
}

#[test]
fn a_session_follows_its_visitor_across_workers() {
    let site = Site::start(4);
    let id = site.first_visit();
    let mut workers = BTreeSet::new();
    let mut expected = 2;
    poll::until("several workers serve the session", SOON, || {
        let (count, worker) = site.visit(&id, 0);
        assert_eq!(count, expected);
        expected += 1;
        workers.insert(worker);
        workers.len() >= 3
    });
    assert_ne!(site.first_visit(), id);
}

#[test]
fn one_session_does_not_take_all_workers() {
    const MOST: u64 = 12;
    let site = Site::start(18);
    let id = site.first_visit();
    let lock = session::side_key(&site.server, &id, "LOCK");
    // A request that waits for such a holder polls every ten milliseconds, so it needs no wake-up.
    site.server.command::<()>(&["SET", &lock, "another-host|1", "PX", "600000"]);
    // The page counts, unless a warning comes first.
    let is_served =
        || site.fpm.get("", &format!("PHPSESSID={id}")).body.starts_with(|c: char| c.is_ascii_digit());
    let refused = AtomicU64::new(0);
    let served = thread::scope(|scope| {
        let crowd: Vec<_> = (0..60)
            .map(|_| {
                scope.spawn(|| {
                    let served = is_served();
                    refused.fetch_add(u64::from(!served), Relaxed);
                    u64::from(served)
                })
            })
            .collect();
        poll::until("the rest is turned away", SOON, || refused.load(Relaxed) == 60 - MOST);
        assert_eq!(session::waiters(&site.server, &id), MOST);
        // Other visitors are served meanwhile.
        site.first_visit();
        site.server.command::<()>(&["DEL", &lock]);
        crowd.into_iter().map(|visit| visit.join().unwrap()).sum::<u64>()
    });
    assert_eq!(served, MOST);
    assert_eq!(session::counter(&site.server, &id), Some(1 + MOST));
}

#[test]
fn parallel_requests_of_one_session_all_count() {
    let site = Site::start(4);
    let id = site.first_visit();
    let counts: BTreeSet<u64> = thread::scope(|scope| {
        let visits: Vec<_> = (0..40).map(|_| scope.spawn(|| site.visit(&id, 500).0)).collect();
        visits.into_iter().map(|visit| visit.join().unwrap()).collect()
    });
    assert_eq!(counts, (2..=41).collect());
    assert_eq!(session::counter(&site.server, &id), Some(41));
}

#[test]
fn each_worker_keeps_one_connection() {
    let site = Site::start(3);
    let connections = || site.server.info_number("clients", "connected_clients") - 1;
    // The pool's master opens no connections.
    assert_eq!(connections(), 0);
    let id = site.first_visit();
    for _ in 0..30 {
        site.visit(&id, 0);
    }
    assert!((1..=3).contains(&connections()), "{} connections", connections());
}

#[test]
fn a_graceful_reload_keeps_sessions_usable() {
    let site = Site::start(3);
    let id = site.first_visit();
    let before = site.visit(&id, 0);
    thread::scope(|scope| {
        // One request is in the session while the pool reloads.
        let visitor = scope.spawn(|| site.visit(&id, 500_000));
        poll::until("the request is in the session", SOON, || session::is_locked(&site.server, &id));
        site.fpm.reload();
        assert_eq!(visitor.join().unwrap().0, 3);
    });
    let after = site.visit(&id, 0);
    assert_eq!((before.0, after.0), (2, 4));
    assert_ne!(before.1, after.1, "the workers are new");
    assert!(!site.fpm.log().contains("SIGSEGV"), "{}", site.fpm.log());
}

/// Some workers come and go all the time (`pm.max_requests`).
fn under_load(manager: &str) {
    let server = Server::start();
    let php = Php::new(&server.save_path()).ini("rustredis.lock_wait", "60");
    let manager = format!("{manager}\npm.max_children = 4\npm.max_requests = 25\n");
    let fpm = Fpm::start_as(&php, &manager, PAGE);
    let ids: Vec<_> = (0..6).map(|n| format!("visitor{n}")).collect();
    for id in &ids {
        session::seed(&server, id);
    }
    let (visits, stopped) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for id in &ids {
            let (fpm, server, visits, stopped) = (&fpm, &server, &visits, &stopped);
            scope.spawn(move || {
                let (mut seen, mut unanswered) = (0, 0);
                while !stopped.load(Relaxed) {
                    let Ok(page) = fpm.try_get("stay=2000", &format!("PHPSESSID={id}")) else {
                        unanswered += 1;
                        continue;
                    };
                    let count = page.body.split_once(' ').and_then(|(count, _)| count.parse().ok());
                    let count: u64 = count.unwrap_or_else(|| panic!("{page:?}"));
                    assert!((seen + 1..=seen + 1 + unanswered).contains(&count), "{seen}, then {page:?}");
                    (seen, unanswered) = (count, 0);
                    visits.fetch_add(1, Relaxed);
                }
                let stored = session::counter(server, id).expect("it is stored");
                assert!((seen..=seen + unanswered).contains(&stored), "{seen} visits, {stored} stored");
                assert!(!session::is_locked(server, id), "{id}");
            });
        }
        let _stops = SetAtEnd(&stopped);
        let more_visits = || {
            let before = visits.load(Relaxed);
            poll::until("visits go on", SOON, || visits.load(Relaxed) > before + 40);
        };
        for _ in 0..2 {
            more_visits();
            fpm.reload();
        }
        more_visits();
        fpm.stop();
    });
    assert!(!fpm.log().contains("exited on signal"), "{}", fpm.log());
}

#[test]
fn reloads_and_a_stop_under_load_lose_no_visit_of_a_static_pool() {
    under_load("pm = static");
}

#[test]
fn reloads_and_a_stop_under_load_lose_no_visit_of_a_dynamic_pool() {
    under_load("pm = dynamic\npm.start_servers = 1\npm.min_spare_servers = 1\npm.max_spare_servers = 2");
}

#[test]
fn reloads_and_a_stop_under_load_lose_no_visit_of_a_pool_on_demand() {
    under_load("pm = ondemand\npm.process_idle_timeout = 1s");
}
