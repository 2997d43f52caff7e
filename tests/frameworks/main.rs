//! Frameworks and applications of Debian's, each as a page that counts, logs in and logs out, under
//! `php -S` with 16 workers and under php-fpm. The tests run by `make test-frameworks`, which
//! fetches the packages.

mod mariadb;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use mariadb::MariaDb;
use support::cli_server::CliServer;
use support::fastcgi::Response;
use support::fpm::Fpm;
use support::frameworks;
use support::php::Php;
use support::poll::{self, SOON};
use support::process;
use support::redis::Server;
use support::session;
use support::temp_dir::TempDir;

const WORKERS: usize = 16;
const INCREMENTS: usize = 200;
/// The price of a killed worker.
const LEASE: Duration = Duration::from_secs(2);

/// An application: a page in tests/frameworks/.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "they have nothing to do with each other")]
struct App {
    page: &'static str,
    cookie: &'static str,
    /// An id is a new one, or one that exists.
    strict: bool,
    /// A logout ends the session, and does not only empty it.
    destroys: bool,
    /// The application needs a database, and is installed by `do=install`.
    has_database: bool,
    /// Further environment variables.
    env: &'static [(&'static str, &'static str)],
    /// The application deletes its cookie by itself when its session cannot start.
    deletes_cookie: bool,
    /// The status of a page whose session cannot start.
    status_without_redis: u16,
    /// The application sends a cookie of its own to a request whose session ended while it waited.
    sends_late_cookie: bool,
    /// A part of the error that the application shows to a request under an id that has just ended,
    /// or nothing if it shows its page.
    late_error: &'static str,
    /// A request under the id that a session had before a login sees the session as it was then
    /// (`rustredis.regenerate_grace`): PHP changes the id, and not the application by itself.
    has_grace: bool,
}

const CLASS: &str = r"RustRedis\SessionHandler";
const LARAVEL: App =
    App { page: "laravel.php", cookie: "laravel_session", strict: false, has_grace: false, ..NATIVE };
const NATIVE: App = App {
    page: "native.php",
    cookie: "PHPSESSID",
    strict: true,
    destroys: true,
    has_database: false,
    env: &[],
    deletes_cookie: false,
    status_without_redis: 500,
    sends_late_cookie: false,
    late_error: "",
    has_grace: true,
};

#[test]
#[ignore = "make test-frameworks"]
fn debians_php_without_a_framework() {
    NATIVE.test();
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_symfony_with_the_handler_of_php_ini() {
    App { page: "symfony.php", sends_late_cookie: true, ..NATIVE }.test();
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_slim() {
    App { page: "slim.php", ..NATIVE }.test();
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_roundcube() {
    let app = App { page: "roundcube.php", cookie: "roundcube_sessid", ..NATIVE };
    App { destroys: false, ..app }.test();
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_phpmyadmin() {
    App {
        page: "phpmyadmin.php",
        cookie: "phpMyAdmin",
        deletes_cookie: true,
        status_without_redis: 200,
        late_error: "session_write_close()",
        ..NATIVE
    }
    .test();
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_php_with_the_class() {
    App { page: "native.php", env: &[("HANDLER", CLASS)], ..NATIVE }.test();
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_symfony_with_the_class() {
    App { page: "symfony.php", env: &[("HANDLER", CLASS)], late_error: "Internal Server Error", ..NATIVE }
        .test();
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_laravel_with_the_package() {
    App { env: &[("LARAVEL", "always")], status_without_redis: 503, ..LARAVEL }.test();
}

/// Laravel knows neither the exceptions of the class nor when to give its lock back.
#[test]
#[ignore = "make test-frameworks"]
fn debians_laravel_with_the_class_alone() {
    App { env: &[("LARAVEL", "plain")], late_error: "Server Error", ..LARAVEL }.test();
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_laravel_with_locks_of_some_routes() {
    // All routes block.
    let app = App { env: &[("LARAVEL", "routes"), ("LARAVEL_BLOCK", "1")], ..LARAVEL };
    app.each_site(|site| {
        site.parallel_increments_all_count();
        site.a_logout_is_not_undone_by_a_slower_request();
        site.a_request_that_writes_nothing_leaves_no_lock();
    });
    let app = App { env: &[("LARAVEL", "routes")], ..LARAVEL };
    app.each_site(|site| site.a_logout_is_not_undone_by_a_request_without_lock());
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_laravel_without_locks() {
    let app = App { env: &[("LARAVEL", "never")], ..LARAVEL };
    app.each_site(|site| site.a_logout_is_not_undone_by_a_request_without_lock());
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_laravel_leaves_no_lock() {
    let app = App { env: &[("LARAVEL", "always")], ..LARAVEL };
    app.each_site(|site| {
        site.a_request_that_writes_nothing_leaves_no_lock();
        site.a_request_that_lost_its_lock_is_told_so();
    });
}

#[test]
#[ignore = "make test-frameworks"]
fn debians_wordpress() {
    App { page: "wordpress.php", has_database: true, ..NATIVE }.test();
}

#[test]
#[ignore = "make test-frameworks"]
fn the_driver_for_codeigniter() {
    let app = App { page: "codeigniter4.php", cookie: "ci_session", has_grace: false, ..NATIVE };
    app.test();
    app.each_site(|site| site.a_renewal_beside_a_request_that_sends_its_cookie_ends_no_login());
}

impl App {
    /// Makes all assertions under both servers. scripts/test skips an application that this Debian
    /// does not have.
    fn test(self) {
        self.each_site(|site| {
            site.parallel_increments_all_count();
            site.a_logout_is_not_undone_by_a_slower_request();
            site.a_login_changes_the_id_and_ends_the_old_session();
            site.a_killed_worker_costs_one_lease();
            site.a_redis_that_dies_and_comes_back_changes_no_id();
        });
    }

    fn each_site(self, mut test: impl FnMut(&mut Site)) {
        let root =
            frameworks::packages().expect("run make test-frameworks, or scripts/frameworks cargo test ...");
        let begin = Instant::now();
        for front in [Front::cli_server, Front::fpm] {
            test(&mut Site::start(self, &root, front));
        }
        println!("{} {:?}: {:?}", self.page, self.env, begin.elapsed());
    }
}

/// A web server.
enum Front {
    Cli(CliServer),
    Fpm(Fpm),
}

impl Front {
    fn cli_server(php: &Php, script: &str, env: &[(&str, &str)]) -> Self {
        Self::Cli(CliServer::start(php, WORKERS, script, env))
    }

    fn fpm(php: &Php, script: &str, env: &[(&str, &str)]) -> Self {
        let manager = format!("pm = static\npm.max_children = {WORKERS}\n");
        Self::Fpm(Fpm::with_env(php, &manager, script, env))
    }

    fn get(&self, query: &str, cookies: &str) -> io::Result<Response> {
        match self {
            Self::Cli(server) => server.try_get(query, cookies),
            Self::Fpm(fpm) => fpm.try_get(query, cookies),
        }
    }

    /// The process that must not be killed.
    fn pid(&self) -> u32 {
        match self {
            Self::Cli(server) => server.pid(),
            Self::Fpm(fpm) => fpm.pid(),
        }
    }

    fn log(&self) -> String {
        match self {
            Self::Cli(server) => server.log(),
            Self::Fpm(fpm) => fpm.log(),
        }
    }
}

type StartFront = fn(&Php, &str, &[(&str, &str)]) -> Front;

struct Site {
    app: App,
    // Fields are dropped in this order: nothing may ask a server that is gone.
    front: Front,
    server: Server,
    _database: Option<MariaDb>,
    dir: TempDir,
    /// The number of files that pages have waited for.
    gates: AtomicUsize,
}

/// The answer of a page, and the id that the visitor has from now on.
#[derive(Debug)]
struct Answer {
    id: String,
    n: Option<u64>,
    user: Option<String>,
}

impl Site {
    fn start(app: App, root: &Path, front: StartFront) -> Self {
        // The append-only file is for the Redis that comes back.
        let server = Server::with_args(&["--appendonly", "yes"]);
        let dir = TempDir::new("frameworks");
        let php = php(&server, root);
        let script = frameworks::page(app.page);
        let path = dir.path().display().to_string();
        let database = app.has_database.then(|| MariaDb::start(root));
        let socket = database.as_ref().map(|database| database.socket().display().to_string());
        let root = root.display().to_string();
        let libraries = frameworks::libraries(Path::new(&root));
        let save_path = server.save_path();
        let mut env = vec![
            ("APP_DIR", path.as_str()),
            ("PACKAGES", root.as_str()),
            ("SAVE_PATH", save_path.as_str()),
            ("LD_LIBRARY_PATH", libraries.as_str()),
        ];
        env.extend(socket.as_deref().map(|socket| ("MARIADB", socket)));
        env.extend(app.env);
        let front = front(&php, &script, &env);
        let site = Self { app, front, server, _database: database, dir, gates: AtomicUsize::new(0) };
        if app.has_database {
            site.visit("do=install", "");
        }
        site
    }

    fn get(&self, query: &str, id: &str) -> Response {
        self.try_get(query, id).unwrap_or_else(|error| panic!("{query}: {error}: {}", self.front.log()))
    }

    fn try_get(&self, query: &str, id: &str) -> io::Result<Response> {
        let cookies = if id.is_empty() { String::new() } else { format!("{}={id}", self.app.cookie) };
        self.front.get(query, &cookies)
    }

    /// A page that must succeed.
    fn visit(&self, query: &str, id: &str) -> Answer {
        let page = self.get(query, id);
        assert_eq!(page.stderr, "", "{query}: {page:?}");
        self.answer(&page, query, id)
    }

    fn answer(&self, page: &Response, query: &str, id: &str) -> Answer {
        assert_eq!(page.status, 200, "{query}: {page:?} {}", self.front.log());
        let answer: serde_json::Value = serde_json::from_str(&page.body)
            .unwrap_or_else(|error| panic!("{query}: {error}: {page:?} {}", self.front.log()));
        Answer {
            id: page.cookie(self.app.cookie).unwrap_or(id).to_owned(),
            n: answer["n"].as_u64(),
            user: answer["user"].as_str().map(str::to_owned),
        }
    }

    /// The page of a request under an id that ended while the request waited for it, or a moment
    /// before, sees a session without a user, and counts to `n` in it. Returns false if the page is
    /// an error.
    fn is_page_of_nobody(&self, page: &Response, query: &str, id: &str, n: u64) -> bool {
        assert!(!page.body.contains("ann"), "{page:?}");
        if !self.app.late_error.is_empty() && page.body.contains(self.app.late_error) {
            return false;
        }
        let answer = self.answer(page, query, id);
        assert_eq!((answer.user, answer.n), (None, Some(n)), "{query}");
        true
    }

    /// A visitor who is logged in.
    fn logged_in(&self) -> String {
        let id = self.visit("do=count", "").id;
        let login = self.visit("do=login&user=ann", &id);
        assert_eq!(login.user.as_deref(), Some("ann"));
        login.id
    }

    /// A file that is not there yet, for a page to wait for.
    fn gate(&self) -> PathBuf {
        self.dir.join(&format!("gate{}", self.gates.fetch_add(1, Relaxed)))
    }

    fn open(&self, gate: &Path) {
        fs::write(gate, "").unwrap_or_else(|error| panic!("{error}: {}", self.dir.path().display()));
    }

    fn is_stored(&self, id: &str) -> bool {
        self.server.command(&["EXISTS", &session::key(id)])
    }

    fn parallel_increments_all_count(&self) {
        // Symfony makes no session for a visitor who leaves nothing in it.
        let id = self.visit("do=count", "").id;
        let begun = AtomicUsize::new(0);
        let counts: Vec<u64> = thread::scope(|scope| {
            let visitor = || {
                let mut counts = Vec::new();
                while begun.fetch_add(1, Relaxed) < INCREMENTS {
                    let answer = self.visit("do=count", &id);
                    assert_eq!(answer.id, id, "the id stays");
                    counts.push(answer.n.expect("the page counts"));
                }
                counts
            };
            let visitors: Vec<_> = (0..WORKERS).map(|_| scope.spawn(visitor)).collect();
            visitors.into_iter().flat_map(|visitor| visitor.join().expect("its assertions hold")).collect()
        });
        assert_eq!(counts.len(), INCREMENTS);
        assert_eq!(counts.into_iter().collect::<BTreeSet<_>>(), (2..=INCREMENTS as u64 + 1).collect());
        assert_eq!(self.visit("do=show", &id).n, Some(INCREMENTS as u64 + 1));
    }

    /// One request is in the session when the visitor logs out, and another one has come meanwhile.
    fn a_logout_is_not_undone_by_a_slower_request(&self) {
        let id = self.logged_in();
        let (first, second) = (self.gate(), self.gate());
        let (before, logout) = thread::scope(|scope| {
            let stay = |gate: &Path| format!("do=count&until={}", gate.display());
            let (id, first_stay, second_stay) = (&id, stay(&first), stay(&second));
            // A waiter's turn comes in the order in which they block.
            let waits = || session::waiters(&self.server, id).min(self.server.blocked_clients());
            let before = scope.spawn(move || self.visit(&first_stay, id));
            poll::until("a request is in the session", SOON, || session::is_locked(&self.server, id));
            let logout = scope.spawn(move || self.visit("do=logout", id));
            poll::until("the logout waits", SOON, || waits() == 1);
            let after = scope.spawn(move || self.get(&second_stay, id));
            poll::until("the slower request waits", SOON, || waits() == 2);
            self.open(&first);
            let before = before.join().expect("its assertions hold");
            let logout = logout.join().expect("its assertions hold");
            // The slower request writes when the logout is long done.
            self.open(&second);
            let after = after.join().expect("its assertions hold");
            let is_page = self.is_page_of_nobody(&after, "do=count", id, 1);
            assert_eq!(is_page, self.app.late_error.is_empty(), "{after:?}");
            // It takes the id of the logout, or of a login, away from the browser.
            assert_eq!(after.cookie(self.app.cookie).is_some(), self.app.sends_late_cookie, "{after:?}");
            // Laravel's token is in the session.
            assert_eq!(after.cookie("XSRF-TOKEN"), None, "{after:?}");
            (before, logout)
        });
        assert_eq!(before.user.as_deref(), Some("ann"), "this request came before the logout");
        assert_eq!(logout.user, None);
        assert_eq!(self.is_stored(&id), !self.app.destroys);
        let now = self.visit("do=show", &id);
        assert_eq!(now.user, None);
        assert!(!self.app.destroys || now.n.is_none());
    }

    /// The request has read the session before the logout.
    fn a_logout_is_not_undone_by_a_request_without_lock(&self) {
        let id = self.logged_in();
        let gate = self.gate();
        let stay = format!("do=count&until={}", gate.display());
        let slower = thread::scope(|scope| {
            let slower = scope.spawn(|| self.get(&stay, &id));
            let reached = format!("{}.reached", gate.display());
            poll::until("the page has read its session", SOON, || Path::new(&reached).exists());
            assert!(!session::is_locked(&self.server, &id));
            let logout = self.visit("do=logout", &id);
            assert_eq!(logout.user, None);
            self.open(&gate);
            slower.join().expect("its assertions hold")
        });
        assert_eq!(slower.cookie(self.app.cookie), None, "{slower:?}");
        let slower = self.answer(&slower, &stay, &id);
        assert_eq!(slower.user.as_deref(), Some("ann"), "the page is that of the session before");
        assert!(!self.is_stored(&id));
        assert_eq!(self.visit("do=show", &id).user, None);
    }

    fn a_request_that_lost_its_lock_is_told_so(&self) {
        let id = self.visit("do=count", "").id;
        let gate = self.gate();
        let lock = session::side_key(&self.server, &id, "LOCK");
        let page = thread::scope(|scope| {
            let page = scope.spawn(|| self.get(&format!("do=count&until={}", gate.display()), &id));
            poll::until("the request is in the session", SOON, || session::is_locked(&self.server, &id));
            self.server.command::<()>(&["SET", &lock, "another-host|1", "PX", "60000"]);
            self.open(&gate);
            page.join().expect("its assertions hold")
        });
        assert_eq!((page.status, page.cookie(self.app.cookie)), (409, None), "{page:?}");
        self.server.command::<()>(&["DEL", &lock]);
        assert_eq!(self.visit("do=count", &id).n, Some(2), "what it wrote is not saved");
    }

    fn a_request_that_writes_nothing_leaves_no_lock(&self) {
        let id = self.visit("do=count", "").id;
        let answer = self.visit("do=precognitive", &id);
        assert_eq!(answer.n, Some(1));
        assert!(!session::is_locked(&self.server, &id));
        assert_eq!(self.visit("do=count", &id).n, Some(2));
    }

    fn a_login_changes_the_id_and_ends_the_old_session(&self) {
        let old = self.visit("do=count", "").id;
        let login = self.visit("do=login&user=ann", &old);
        assert_ne!(login.id, old);
        assert_eq!((login.user.as_deref(), login.n), (Some("ann"), Some(1)), "{login:?}");
        let late = self.get("do=count", &old);
        // The count of this page is not saved.
        self.is_page_of_nobody(&late, "do=count", &old, if self.app.has_grace { 2 } else { 1 });
        assert_ne!(late.cookie(self.app.cookie), Some(login.id.as_str()));
        assert!(!self.app.strict || !self.is_stored(&old), "nothing is stored under an id that has ended");
        assert_eq!(self.visit("do=count", &login.id).n, Some(2));
    }

    /// CodeIgniter's Ajax requests send the cookie of the id that they came with, in its own way.
    fn a_renewal_beside_a_request_that_sends_its_cookie_ends_no_login(&self) {
        let id = self.logged_in();
        let renewed = self.visit("do=renew", &id);
        assert_ne!(renewed.id, id);
        let late = self.visit("do=count&ajax=1", &id);
        assert_eq!((late.id.as_str(), late.user.as_deref(), late.n), (id.as_str(), Some("ann"), Some(2)));
        // All that lasts for a while only is over.
        self.server.command::<()>(&["DEL", &session::side_key(&self.server, &id, "OLD")]);
        let later = self.visit("do=count", &late.id);
        assert_eq!((later.id, later.user.as_deref(), later.n), (id, Some("ann"), Some(3)));
        assert_eq!(self.visit("do=show", &renewed.id).user.as_deref(), Some("ann"));
    }

    fn a_killed_worker_costs_one_lease(&self) {
        let id = self.visit("do=count", "").id;
        let gate = self.gate();
        let stay = format!("do=count&until={}", gate.display());
        // The value of a lock names the process that has it.
        let killed = thread::scope(|scope| {
            let visitor = scope.spawn(|| self.try_get(&stay, &id));
            let holder = poll::until_some("a worker is in the session", SOON, || {
                let lock = session::lock(&self.server, &id)?;
                lock.split('|').nth(3).and_then(|pid| pid.parse::<u32>().ok())
            });
            let spare = holder == self.front.pid();
            if spare {
                self.open(&gate);
            } else {
                process::signal(holder, "KILL");
            }
            let _ = visitor.join().expect("its assertions hold");
            !spare
        });
        if !killed {
            // The first process of `php -S` serves as well, and its end would be the server's.
            return self.a_killed_worker_costs_one_lease();
        }
        let begin = Instant::now();
        let next = self.visit("do=count", &id);
        let took = begin.elapsed();
        assert_eq!((next.id, next.n), (id, Some(2)), "the killed request wrote nothing");
        // The bound is far above one lease, because the machine may be busy, and far below
        // rustredis.lock_wait.
        assert!(took < LEASE + Duration::from_secs(15), "the next request took {took:?}");
    }

    fn a_redis_that_dies_and_comes_back_changes_no_id(&mut self) {
        let id = self.logged_in();
        let n = self.visit("do=count", &id).n.expect("the page counts");
        self.server.kill9();
        for query in ["do=count", "do=show", "do=login&user=eve"] {
            let page = self.get(query, &id);
            let cookie = page.cookie(self.app.cookie);
            assert_eq!(page.status, self.app.status_without_redis, "{query}: {page:?}");
            // Symfony sends the cookie again, with the same id.
            let kept = cookie.is_none_or(|now| now == id || (now == "deleted" && self.app.deletes_cookie));
            assert!(kept, "{query} of {id}: {page:?}");
        }
        self.server.restart();
        let answer = self.visit("do=count", &id);
        assert_eq!((answer.id, answer.user.as_deref(), answer.n), (id, Some("ann"), Some(n + 1)));
    }
}

/// A site whose visitors wait for each other, and whose lost locks cost little.
fn php(server: &Server, root: &Path) -> Php {
    frameworks::php(&server.save_path(), root)
        .ini("rustredis.lock_wait", "60")
        .ini("rustredis.lock_max_waiters", "0")
        .ini("rustredis.lock_lease", &LEASE.as_secs().to_string())
        .ini("rustredis.connect_timeout", "1")
}
