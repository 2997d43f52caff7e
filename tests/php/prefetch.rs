//! `rustredis.prefetch`: the session of a request's cookie is requested before the page runs.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::acl;
use crate::support::fastcgi::Response;
use crate::support::fpm::Fpm;
use crate::support::php::{Php, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;
use crate::support::temp_dir::TempDir;

/// The parameter `do` selects the page's work. The answer is the counter, if the page starts a
/// session.
const PAGE: &str = r#"
    $stay = function (string $what): void {
        for ($end = hrtime(true) + 1000 * (int) ($_GET[$what] ?? 0); hrtime(true) < $end;) usleep(1000);
    };
    $stay("before");
    for ($end = hrtime(true) + 30e9; isset($_GET["until"]) && !file_exists($_GET["until"]) && hrtime(true) < $end;) usleep(1000);
    switch ($_GET["do"] ?? "count") {
        case "nothing":
            echo "nothing";
            exit;
        case "fatal":
            no_such_function();
        case "peek":
            session_start(["read_and_close" => true]) or http_response_code(500);
            echo $_SESSION["n"] ?? "none";
            exit;
        case "other":
            session_id("anotherid");
            break;
        case "elsewhere":
            ini_set("rustredis.prefix", "ELSEWHERE:");
            break;
        case "longer":
            ini_set("session.gc_maxlifetime", "80000");
            break;
        case "settings":
            foreach (["lock_wait" => 50, "lock_max_waiters" => 3, "lock_failure" => "readonly", "lock_holder_uri" => 1, "read_timeout" => 4,
                "connect_timeout" => 1, "pool_wait" => 1, "compression" => "zstd", "max_value_size" => "1M", "json_objects" => "serialize"] as $name => $value) {
                ini_set("rustredis.$name", $value) === false && http_response_code(500);
            }
            break;
        case "limit":
            ini_set("rustredis.max_value_size", 3);
            break;
        case "lease":
            ini_set("rustredis.lock_lease", 50);
            break;
        case "abort":
            session_start(["gc_maxlifetime" => "80000"]) or http_response_code(500);
            session_abort();
            exit;
        case "look":
            session_start(["gc_maxlifetime" => "80000", "read_and_close" => true]) or http_response_code(500);
            exit;
        case "keep":
            session_start(["gc_maxlifetime" => "80000"]) or http_response_code(500);
            exit;
        case "lax":
            ini_set("session.use_strict_mode", "0");
            break;
        case "strict":
            ini_set("session.use_strict_mode", "1");
            break;
        case "files":
            ini_set("session.save_handler", "files");
            ini_set("session.save_path", sys_get_temp_dir());
            break;
    }
    if (!session_start()) { http_response_code(500); exit; }
    $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
    $stay("inside");
    echo $_SESSION["n"];
"#;

const ID: &str = "0123456789abcdefghij";

struct Site {
    server: Server,
    proxy: Proxy,
    fpm: Fpm,
}

impl Site {
    /// A site with a session whose counter is 0. A lock that is never given back lasts for a
    /// minute.
    fn start(workers: usize, settings: &[(&str, &str)]) -> Self {
        let server = Server::start();
        session::seed(&server, ID);
        let proxy = Proxy::in_front_of(&server);
        let php = Php::new(&proxy.save_path())
            .ini("rustredis.prefetch", "1")
            .ini("rustredis.lock_wait", "60")
            .ini("rustredis.lock_lease", "60");
        let php = settings.iter().fold(php, |php, (name, value)| php.ini(name, value));
        let fpm = Fpm::start(&php, workers, PAGE);
        Self { server, proxy, fpm }
    }

    /// Like [`Site::start`], with a worker that has a connection: there is no prefetch without one.
    fn warm(settings: &[(&str, &str)]) -> Self {
        let site = Self::start(1, settings);
        assert_eq!(site.get("", ID).body, "1");
        assert_eq!(site.get("", ID).body, "2");
        // A deferred release may still be on its way, and would be counted among the next
        // request's.
        site.is_given_back(ID);
        site
    }

    fn get(&self, query: &str, id: &str) -> Response {
        self.fpm.get(query, &format!("PHPSESSID={id}"))
    }

    fn is_locked(&self, id: &str) -> bool {
        session::is_locked(&self.server, id)
    }

    fn is_given_back(&self, id: &str) {
        poll::until("the lock is given back", SOON, || !self.is_locked(id));
    }
}

#[test]
fn the_session_is_asked_for_before_the_page_wants_it() {
    for settings in [&[][..], &[("rustredis.write_ack", "deferred")]] {
        let site = Site::warm(settings);
        thread::scope(|scope| {
            let visit = scope.spawn(|| site.get("before=2000000", ID));
            let soon = Duration::from_millis(1500);
            poll::until("it is locked before session_start()", soon, || site.is_locked(ID));
            assert_eq!(visit.join().unwrap().body, "3");
        });
        site.is_given_back(ID);
        assert_eq!(session::counter(&site.server, ID), Some(3));
    }
}

#[test]
fn a_page_costs_the_same_two_scripts() {
    for settings in [&[][..], &[("rustredis.write_ack", "deferred")]] {
        let site = Site::warm(settings);
        // The deferred release of the visit before may still be on its way.
        site.is_given_back(ID);
        let before = site.proxy.counts();
        assert_eq!(site.get("", ID).body, "3");
        site.is_given_back(ID);
        let cost = site.proxy.counts() - before;
        assert!(
            cost.trips <= 2 && cost.connections == 0,
            "{cost:?} {:?}",
            site.proxy.requests_since(before.trips)
        );
    }
}

#[test]
fn a_page_that_never_starts_it_gives_it_back_at_its_end() {
    let site = Site::warm(&[]);
    for query in ["do=nothing", "do=fatal", "do=nothing"] {
        let start = Instant::now();
        site.get(query, ID);
        site.is_given_back(ID);
        assert!(start.elapsed() < Duration::from_secs(30), "before its lease ends");
    }
    assert_eq!(site.get("", ID).body, "3");
    site.is_given_back(ID);
}

#[test]
fn a_page_that_starts_another_session_gives_it_back() {
    let site = Site::warm(&[("session.use_strict_mode", "0")]);
    acl::permit(&site.server, &["~ELSEWHERE:*", "~{ELSEWHERE:*"]);
    for (query, started) in [("do=other", Some("1")), ("do=elsewhere", Some("1")), ("do=files", None)] {
        let page = site.get(query, ID);
        assert!(started.is_none_or(|body| page.body == body), "{query}: {page:?}");
        site.is_given_back(ID);
    }
    assert_eq!(session::counter(&site.server, "anotherid"), Some(1));
    assert_eq!(site.get("", ID).body, "3");
}

#[test]
fn read_and_close_uses_what_came_and_gives_the_lock_back() {
    let site = Site::warm(&[]);
    assert_eq!(site.get("do=peek", ID).body, "2");
    site.is_given_back(ID);
    assert_eq!(session::counter(&site.server, ID), Some(2));
}

#[test]
fn the_ttl_is_the_applications_own_and_a_page_without_a_session_leaves_it() {
    for settings in [&[][..], &[("rustredis.write_ack", "deferred")]] {
        let site = Site::warm(settings);
        let key = session::key_at(&site.server, ID);
        let ttl = || site.server.command::<i64>(&["TTL", &key]);
        let scripts = || {
            let calls = site.server.info_commandstats();
            ["eval", "evalsha"].iter().filter_map(|name| calls.get(*name)).sum::<u64>()
        };
        for page in ["do=longer", "do=keep", "do=abort", "do=look"] {
            site.server.command::<()>(&["EXPIRE", &key, "50000"]);
            let before = scripts();
            site.get("do=nothing", ID);
            // The page may end before Redis has its prefetch. The script that gives the lock back
            // follows that.
            poll::until("the lock is given back by a script", SOON, || scripts() > before);
            site.is_given_back(ID);
            assert!((49_000..=50_000).contains(&ttl()), "{page}: {}", ttl());
            let before = site.proxy.counts();
            let answer = site.get(page, ID);
            assert_eq!((answer.status, answer.stderr.as_str()), (200, ""), "{page}: {answer:?}");
            site.is_given_back(ID);
            assert!((79_000..=80_000).contains(&ttl()), "{page}: {}", ttl());
            let cost = site.proxy.counts() - before;
            let sent = site.proxy.requests_since(before.trips);
            assert!(cost.trips <= 2 && cost.connections == 0, "{page}: {cost:?} {sent:?}");
        }
    }
}

#[test]
fn strict_mode_at_run_time_uses_what_came() {
    for (at_first, page) in [("0", "do=strict"), ("1", "do=lax")] {
        let site = Site::warm(&[("session.use_strict_mode", at_first)]);
        let before = site.proxy.counts();
        assert_eq!(site.get(page, ID).body, "3");
        site.is_given_back(ID);
        let cost = site.proxy.counts() - before;
        assert!(cost.trips <= 2, "{page}: {cost:?} {:?}", site.proxy.requests_since(before.trips));
        // An unknown id is adopted or replaced by a new one, as the mode demands, and no lock
        // stays.
        let unknown = "unknownunknownunknown";
        let answer = site.get(page, unknown);
        assert_eq!(
            (answer.body.as_str(), answer.cookie("PHPSESSID").is_some()),
            ("1", at_first == "0"),
            "{page}"
        );
        site.is_given_back(unknown);
    }
}

#[test]
fn settings_at_run_time_that_ask_for_the_same_use_what_came() {
    for settings in [&[][..], &[("rustredis.write_ack", "deferred")]] {
        let site = Site::warm(settings);
        let before = site.proxy.counts();
        let answer = site.get("do=settings", ID);
        assert_eq!((answer.status, answer.body.as_str(), answer.stderr.as_str()), (200, "3", ""));
        site.is_given_back(ID);
        let cost = site.proxy.counts() - before;
        let sent = site.proxy.requests_since(before.trips);
        assert!(cost.trips <= 2 && cost.connections == 0, "{cost:?} {sent:?}");
        // They hold for the session.
        let answer = site.get("do=limit", ID);
        assert!(answer.body.contains("rustredis.max_value_size allows 3"), "{answer:?}");
        site.is_given_back(ID);
        assert_eq!(session::counter(&site.server, ID), Some(3));
        // Another lease is another lock.
        assert_eq!(site.get("do=lease", ID).body, "4");
        site.is_given_back(ID);
    }
}

#[test]
fn a_hung_redis_has_one_read_timeout() {
    for settings in [&[][..], &[("rustredis.write_ack", "deferred")]] {
        let site = Site::warm(&[settings, &[("rustredis.read_timeout", "2")]].concat());
        site.is_given_back(ID);
        site.server.pause();
        let before = site.proxy.counts();
        let page = site.get("", ID);
        assert_eq!(page.body.matches("rustredis: ").count(), 1, "{page:?}");
        // In a Cluster, the other nodes are then asked for the new master.
        if !site.server.is_cluster() {
            assert!(page.body.contains("no answer within 2 s"), "{page:?}");
            // The prefetch is the only trip of the page. A second later, a thread connects to see
            // if the session exists.
            let cost = site.proxy.counts() - before;
            let mut requests = site.proxy.requests_since(before.trips);
            requests.retain(|request| !request.contains("SETNAME"));
            assert_eq!(requests.len(), 1, "{requests:?}");
            assert!(cost.connections <= 1, "{cost:?}");
        }
        site.server.resume();
        // The server carries the prefetch out now, after its request has ended.
        site.is_given_back(ID);
    }
}

#[test]
fn a_lock_that_is_taken_is_waited_for_in_the_usual_way_and_only_by_who_wants_it() {
    let site = Site::warm(&[]);
    let mut holder = Php::new(&site.server.save_path()).spawn(STEPS);
    holder.expect("ready");
    holder.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent();
    assert_eq!(site.get("do=nothing", ID).body, "nothing");
    assert!(site.is_locked(ID));
    assert_eq!(session::waiters(&site.server, ID), 0);
    thread::scope(|scope| {
        let visit = scope.spawn(|| site.get("", ID));
        poll::until("it waits", SOON, || session::waiters(&site.server, ID) == 1);
        holder.step("session_write_close()").assert_silent();
        assert_eq!(visit.join().unwrap().body, "4");
    });
    site.is_given_back(ID);
}

#[test]
fn an_unknown_id_locks_nothing_and_gets_a_new_one() {
    let site = Site::warm(&[]);
    let page = site.get("", "unknownunknownunknown");
    assert_eq!(page.body, "1");
    assert_ne!(page.cookie("PHPSESSID"), None);
    assert!(!site.is_locked("unknownunknownunknown"));
    assert_eq!(session::counter(&site.server, "unknownunknownunknown"), None);
    assert_eq!(site.get("do=nothing", "unknownunknownunknown").body, "nothing");
    // The release is deferred: the page is out before Redis has read it.
    site.is_given_back("unknownunknownunknown");
}

#[test]
fn a_page_without_a_session_does_not_hold_the_lock_of_an_unknown_id() {
    let site = Site::warm(&[]);
    let folder = TempDir::new("prefetch");
    let end = folder.join("end").display().to_string();
    // In a Cluster, this makes the connection to the node of that id.
    assert_ne!(site.get("", "unknownunknownunknown").cookie("PHPSESSID"), None);
    thread::scope(|scope| {
        let page = scope.spawn(|| site.get(&format!("do=nothing&until={end}"), "unknownunknownunknown"));
        poll::until("it is locked", SOON, || site.is_locked("unknownunknownunknown") || page.is_finished());
        site.is_given_back("unknownunknownunknown");
        assert!(!page.is_finished());
        fs::write(&end, "").unwrap();
        assert_eq!(page.join().unwrap().body, "nothing");
    });
    // The lock of a session that exists stays.
    fs::remove_file(&end).unwrap();
    thread::scope(|scope| {
        let page = scope.spawn(|| site.get(&format!("until={end}"), ID));
        poll::until("it is locked", SOON, || site.is_locked(ID));
        let looks = || site.server.info_commandstats().get("exists").copied();
        let before = looks();
        poll::until("its session was looked for", SOON, || looks() > before);
        assert!(site.is_locked(ID));
        fs::write(&end, "").unwrap();
        assert_eq!(page.join().unwrap().body, "3");
    });
}

#[test]
fn a_session_that_vanishes_before_the_page_starts_it_is_asked_for_again() {
    let site = Site::warm(&[]);
    let folder = TempDir::new("prefetch");
    let end = folder.join("end").display().to_string();
    thread::scope(|scope| {
        let page = scope.spawn(|| site.get(&format!("do=lax&until={end}"), ID));
        poll::until("it is locked", SOON, || site.is_locked(ID));
        // As an eviction does it.
        site.server.command::<()>(&["DEL", &session::key_at(&site.server, ID)]);
        site.is_given_back(ID);
        session::seed(&site.server, ID);
        fs::write(&end, "").unwrap();
        let page = page.join().unwrap();
        // The counter that was read then is 2, and that of the session of now is 0.
        assert_eq!((page.body.as_str(), page.stderr.as_str()), ("1", ""), "{page:?}");
    });
    assert_eq!(session::counter(&site.server, ID), Some(1));
}

#[test]
fn a_cookie_that_is_no_id_is_not_asked_for() {
    let site = Site::warm(&[]);
    let long = format!("PHPSESSID={}", "a".repeat(257));
    for cookie in [
        "PHPSESSID=a/b",
        "PHPSESSID=",
        "PHPSESSID=a%00b",
        "PHPSESSID[]=abc",
        "PHPSESSID=a_LOCK",
        "ID=abc",
        &long,
    ] {
        let before = site.proxy.counts();
        assert_eq!(site.fpm.get("do=nothing", cookie).body, "nothing", "{cookie}");
        assert_eq!(site.proxy.counts().bytes_to_server, before.bytes_to_server, "{cookie}");
    }
}

#[test]
fn nothing_is_said_or_waited_for_while_redis_is_away() {
    let mut site = Site::warm(&[]);
    site.server.kill9();
    let page = site.get("do=nothing", ID);
    assert_eq!((page.status, page.body.as_str(), page.stderr.as_str()), (200, "nothing", ""));
    let page = site.get("", ID);
    assert_eq!(page.body.matches("rustredis: ").count(), 1, "{page:?}");
}

#[test]
fn nothing_is_waited_for_while_redis_hangs_unless_the_page_wants_its_session() {
    let site = Site::warm(&[("rustredis.read_timeout", "60")]);
    site.server.pause();
    let start = Instant::now();
    assert_eq!(site.get("do=nothing", ID).body, "nothing");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    site.server.resume();
    assert_eq!(site.get("", ID).body, "3");
    site.is_given_back(ID);
}

#[test]
fn a_connection_that_breaks_under_the_page_costs_no_lease() {
    let site = Site::warm(&[]);
    thread::scope(|scope| {
        let visit = scope.spawn(|| site.get("before=500000", ID));
        poll::until("it is locked", SOON, || site.is_locked(ID));
        site.proxy.cut();
        let start = Instant::now();
        assert_eq!(visit.join().unwrap().body, "3");
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    });
    site.is_given_back(ID);
    assert_eq!(session::counter(&site.server, ID), Some(3));
}

#[test]
fn a_page_that_outlives_the_lease_keeps_its_lock() {
    let site = Site::warm(&[("rustredis.lock_lease", "3")]);
    thread::scope(|scope| {
        let visit = scope.spawn(|| site.get("before=5000000", ID));
        poll::until("it is locked", SOON, || site.is_locked(ID));
        let mut other = Php::new(&site.server.save_path()).ini("rustredis.lock_wait", "60").spawn(STEPS);
        other.expect("ready");
        assert_eq!(other.step(&format!("increment('{ID}')")).assert_silent().result, "4");
        assert_eq!(visit.join().unwrap().body, "3");
    });
}

#[test]
fn three_hundred_of_three_hundred_count_with_both_settings_on() {
    let site = Site::start(4, &[("rustredis.write_ack", "deferred")]);
    thread::scope(|scope| {
        for visitor in 0..6 {
            let site = &site;
            scope.spawn(move || {
                for visit in 0..50 {
                    let page = site.get("", ID);
                    assert_eq!((page.status, page.stderr.as_str()), (200, ""), "{page:?}");
                    assert!(page.body.parse::<u32>().is_ok(), "{page:?}");
                    if (visit + visitor) % 5 == 0 {
                        assert_eq!(site.get("do=nothing", ID).body, "nothing");
                    }
                }
            });
        }
    });
    site.is_given_back(ID);
    drop(site.fpm);
    assert_eq!(session::counter(&site.server, ID), Some(300));
}
