//! One page in Apache, and the properties that hold under each of Apache's ways to serve requests
//! at once.

mod threads;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use crate::support::acl;
use crate::support::apache::{Apache, Workers};
use crate::support::fastcgi::Response;
use crate::support::php::{self, Php};
use crate::support::poll::{self, SOON, SetAtEnd};
use crate::support::redis::Server;
use crate::support::session;

/// Counts visits, prints its process id, and stays in the session for a while on request. Shows the
/// metrics, or the size of the session and the figures that its end has left.
const PAGE: &str = r#"
    if (isset($_GET["metrics"])) { exit(rustredis_metrics()); }
    if (!session_start()) { http_response_code(500); exit; }
    $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
    for ($end = hrtime(true) + 1000 * (int) ($_GET["stay"] ?? 0); hrtime(true) < $end;) usleep(1000);
    if (isset($_GET["crash"])) str_repeat("x", PHP_INT_MAX >> 8);
    if (isset($_GET["size"])) {
        $_SESSION["text"] = str_repeat("x", (int) $_GET["size"]);
        $size = strlen(session_encode());
        session_write_close();
        exit(json_encode(["size" => $size] + rustredis_status()["last"]));
    }
    echo $_SESSION["n"], " ", getmypid();
"#;

struct Site {
    server: Server,
    apache: Apache,
}

impl Site {
    fn start(workers: Workers, settings: &[(&str, &str)], directives: &str) -> Self {
        let server = Server::with_args(&["--requirepass", "secret of redis", "--maxclients", "400"]);
        let php = Php::new(&server.save_path())
            .ini("rustredis.lock_wait", "60")
            .ini("rustredis.lock_max_waiters", "0");
        // The user of `REDIS_ACL=1` has a password of its own.
        let php = if acl::is_wanted() { php } else { php.ini("rustredis.password", "secret of redis") };
        let php = settings.iter().fold(php, |php, (name, value)| php.ini(name, value));
        let apache = Apache::start(&php, workers, directives, PAGE);
        Self { server, apache }
    }

    fn get(&self, query: &str, id: &str) -> Response {
        self.apache.get(&format!("/?{query}"), &format!("PHPSESSID={id}"))
    }

    /// The counter that a visit sees.
    fn visit(&self, query: &str, id: &str) -> u64 {
        count(&self.get(query, id))
    }

    fn seeded(&self, count: usize) -> Vec<String> {
        let ids: Vec<_> = (0..count).map(|n| format!("visitor{n}")).collect();
        for id in &ids {
            session::seed(&self.server, id);
        }
        ids
    }

    fn connections(&self) -> u64 {
        self.server.info_number("clients", "connected_clients") - 1
    }
}

fn count(page: &Response) -> u64 {
    let count = page.body.split_once(' ').and_then(|(count, _)| count.parse().ok());
    count.filter(|_| page.status == 200).unwrap_or_else(|| panic!("the page does not count: {page:?}"))
}

#[test]
fn many_visitors_at_once_each_have_their_own_session() {
    let site = Site::start(Workers::in_all(24), &[], "");
    let ids = site.seeded(40);
    thread::scope(|scope| {
        for id in &ids {
            let site = &site;
            scope.spawn(move || {
                for n in 1..=10 {
                    assert_eq!(site.visit("", id), n, "{id}");
                }
            });
        }
    });
    for id in &ids {
        assert_eq!(session::counter(&site.server, id), Some(10), "{id}");
    }
    // 16 connections for each of two processes with threads (rustredis.pool_size), or one for each
    // process.
    let limit = if php::is_thread_safe() { 32 } else { 24 };
    assert!(site.connections() <= limit, "{} connections", site.connections());
    site.apache.assert_no_crash();
}

#[test]
fn three_hundred_visits_of_one_session_all_count() {
    let site = Site::start(Workers::in_all(12), &[], "");
    let id = &site.seeded(1)[0];
    let mut counts: Vec<u64> = thread::scope(|scope| {
        let visitors: Vec<_> = (0..30)
            .map(|_| scope.spawn(|| (0..10).map(|_| site.visit("", id)).collect::<Vec<_>>()))
            .collect();
        visitors.into_iter().flat_map(|visitor| visitor.join().unwrap()).collect()
    });
    counts.sort_unstable();
    assert_eq!(counts, (1..=300).collect::<Vec<u64>>());
    assert_eq!(session::counter(&site.server, id), Some(300));
    site.apache.assert_no_crash();
}

#[test]
fn graceful_restarts_under_load_lose_no_visit() {
    let site = Site::start(Workers::in_all(8), &[], "");
    let ids = site.seeded(6);
    let restarted = AtomicBool::new(false);
    thread::scope(|scope| {
        for id in &ids {
            let (site, restarted) = (&site, &restarted);
            scope.spawn(move || {
                let (mut seen, mut unanswered) = (0, 0);
                while !restarted.load(Relaxed) {
                    // With threads, Apache leaves some requests of a restart without an answer,
                    // whatever the page does.
                    let Ok(page) = site.apache.try_get("/?stay=5000", &format!("PHPSESSID={id}")) else {
                        unanswered += 1;
                        continue;
                    };
                    let count = count(&page);
                    assert!((seen + 1..=seen + 1 + unanswered).contains(&count), "{seen}, then {page:?}");
                    (seen, unanswered) = (count, 0);
                }
                let stored = session::counter(&site.server, id).expect("it is stored");
                assert!((seen..=seen + unanswered).contains(&stored), "{seen} visits, {stored} stored");
                assert!(seen > 0, "{id}");
                if unanswered > 0 {
                    // The last request may still be under way. A lock that it has left stays for a
                    // lease, which is longer.
                    let is_free = || !session::is_locked(&site.server, id);
                    poll::until("its last request has ended", SOON / 4, is_free);
                }
                assert!(!session::is_locked(&site.server, id), "{id} is locked");
            });
        }
        let _ends = SetAtEnd(&restarted);
        for _ in 0..4 {
            let before: BTreeSet<_> = site.apache.children().into_iter().collect();
            site.apache.restart();
            poll::until("new processes serve", SOON, || {
                let now: BTreeSet<_> = site.apache.children().into_iter().collect();
                now.is_disjoint(&before)
            });
        }
    });
    site.apache.assert_no_crash();
}

/// A bailout leaves by longjmp. Other requests of the process, and later ones of the thread, are
/// served.
#[test]
fn a_fatal_error_of_one_visitor_does_not_disturb_the_others() {
    let site = Site::start(Workers::in_all(6), &[("memory_limit", "32M")], "");
    let ids = site.seeded(12);
    thread::scope(|scope| {
        for (number, id) in ids.iter().enumerate() {
            let site = &site;
            scope.spawn(move || {
                for n in 1..=20 {
                    if number % 2 == 0 {
                        assert_eq!(site.visit("", id), n, "{id}");
                    } else {
                        let page = site.get("crash", id);
                        assert!(page.body.contains("Allowed memory size"), "{page:?}");
                    }
                }
            });
        }
    });
    for id in &ids {
        assert_eq!(session::counter(&site.server, id), Some(20), "PHP writes at a fatal error, too: {id}");
        assert!(!session::is_locked(&site.server, id), "{id}");
    }
    site.apache.assert_no_crash();
}

/// A request sees its own settings, not those of other requests in its process.
#[test]
fn each_request_has_the_settings_of_its_own_location() {
    let server = Server::start();
    acl::permit(&server, &["+select", "~a:*", "~b:*", "~c:*", "~d:*"]);
    let php = Php::new("tcp://nowhere").ini("rustredis.lock_wait", "60");
    let location = |name: &str, database: u8| {
        format!(
            "<Location /{name}>\n\
             php_value session.save_path \"{}?database={database}\"\n\
             php_value rustredis.prefix {name}:\n\
             </Location>\n",
            server.save_path()
        )
    };
    let names = ["a", "b", "c", "d"];
    let directives: String =
        names.into_iter().zip(1..).map(|(name, database)| location(name, database)).collect();
    let apache =
        Apache::start(&php.ini("session.use_strict_mode", "0"), Workers::in_all(8), &directives, PAGE);
    thread::scope(|scope| {
        for name in names.into_iter().cycle().take(12) {
            let apache = &apache;
            scope.spawn(move || {
                for _ in 0..10 {
                    let page = apache.get(&format!("/{name}"), "PHPSESSID=same");
                    assert!(page.status == 200 && !page.body.contains("Warning"), "{page:?}");
                }
            });
        }
    });
    for (name, database) in names.into_iter().zip(1..) {
        let mut connection = server.connection();
        redis::cmd("SELECT").arg(database).exec(&mut connection).expect("the database is there");
        let stored: String = redis::cmd("GET")
            .arg(format!("{name}:same"))
            .query(&mut connection)
            .expect("the session is there");
        assert_eq!(stored, "n|i:30;", "{name}");
        let sessions: Vec<String> =
            redis::cmd("KEYS").arg("*:same").query(&mut connection).expect("the server answers");
        assert_eq!(sessions, [format!("{name}:same")], "and no other location's");
    }
    apache.assert_no_crash();
}
