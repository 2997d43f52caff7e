//! PHP and all five examples on one visitor's session at once, while connections are killed,
//! scripts are flushed, and the visitor logs in again and again. No update and no login is lost.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::neighbour::{Kind, Neighbour};
use crate::support::fpm::Fpm;
use crate::support::php::Php;
use crate::support::poll::SetAtEnd;
use crate::support::redis::Server;
use crate::support::session;

/// Long enough for dozens of logins, each with requests of all the others under way.
const TIME: Duration = Duration::from_secs(12);

/// Counts, and with `?login=` logs in before. PHP reports a failed write by a warning alone.
const PAGE: &str = r#"
    $bad = "";
    set_error_handler(function ($_, $message) use (&$bad) { $bad .= $message; return true; });
    if (session_start()) {
        $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
        if (isset($_GET["login"])) {
            $_SESSION["user"] = $_GET["login"];
            session_regenerate_id(true);
        }
        session_write_close();
    }
    if ($bad) http_response_code(500);
    echo $bad;
"#;

/// The visitor's browser. A request sends the cookie that the browser has when it begins, and the
/// browser takes the cookie of the answer.
struct Browser(Mutex<String>);

impl Browser {
    fn id(&self) -> String {
        self.0.lock().expect("no thread panicked").clone()
    }

    fn take(&self, id: &str) {
        id.clone_into(&mut self.0.lock().expect("no thread panicked"));
    }
}

#[test]
fn no_update_and_no_login_is_lost() {
    let server = Server::start();
    let kinds = [Kind::Flask, Kind::Django, Kind::DjangoAsgi, Kind::Starlette, Kind::Express, Kind::Go];
    let services = kinds.map(|kind| (kind, Neighbour::start(kind, &server), AtomicU64::new(0)));
    let php = Php::new(&server.save_path()).ini("session.serialize_handler", "json");
    let fpm = Fpm::start(&php, 2, PAGE);
    let first = fpm.get("login=first", "");
    let browser = Browser(Mutex::new(first.cookie("PHPSESSID").expect("PHP sends a cookie").to_owned()));
    let (visits, logins) = (AtomicU64::new(1), AtomicU64::new(0));
    let user = Mutex::new("first".to_owned());
    let over = AtomicBool::new(false);

    let until = Instant::now() + TIME;
    let goes_on = || Instant::now() < until && !over.load(Relaxed);

    thread::scope(|scope| {
        for (kind, service, counted) in &services {
            let (browser, over, goes_on) = (&browser, &over, &goes_on);
            scope.spawn(move || {
                let _end = SetAtEnd(over);
                while goes_on() {
                    let answer = service.post("/count?hold_ms=2", &browser.id());
                    assert_eq!(answer.cookie, None, "{kind:?} replaces the cookie: {answer:?}");
                    if answer.status == 200 {
                        counted.fetch_add(1, Relaxed);
                    }
                }
            });
        }
        // PHP's own pages come one after the other, as in one tab.
        scope.spawn(|| {
            let _end = SetAtEnd(&over);
            for round in 0.. {
                if !goes_on() {
                    return;
                }
                let login = round % 4 == 3;
                let query = if login { format!("login={round}") } else { String::new() };
                let page = fpm.get(&query, &format!("PHPSESSID={}", browser.id()));
                match page.cookie("PHPSESSID") {
                    Some(id) if login => browser.take(id),
                    other => assert_eq!(other, None, "PHP gives a new id: {page:?}"),
                }
                if page.status == 200 {
                    visits.fetch_add(1, Relaxed);
                    if login {
                        logins.fetch_add(1, Relaxed);
                        *user.lock().expect("no thread panicked") = round.to_string();
                    }
                }
            }
        });
        scope.spawn(|| {
            let _end = SetAtEnd(&over);
            for round in 0.. {
                if !goes_on() {
                    return;
                }
                let trouble: &[&str] =
                    if round % 2 == 0 { &["CLIENT", "KILL", "TYPE", "normal"] } else { &["SCRIPT", "FLUSH"] };
                server.command::<redis::Value>(trouble);
                thread::sleep(Duration::from_millis(150));
            }
        });
    });

    let mut sum = visits.load(Relaxed);
    for (kind, service, counted) in &services {
        let counted = counted.load(Relaxed);
        assert!(counted >= 3, "{kind:?} counted {counted} times: {}", service.log());
        sum += counted;
    }
    assert!(visits.load(Relaxed) >= 8 && logins.load(Relaxed) >= 2, "{visits:?} visits, {logins:?} logins");
    let stored: String =
        server.command::<Option<String>>(&["GET", &session::key(&browser.id())]).unwrap_or_default();
    let counts = services.each_ref().map(|(kind, _, counted)| (*kind, counted.load(Relaxed)));
    println!("{sum} updates, {} by PHP, {} logins, {counts:?}", visits.load(Relaxed), logins.load(Relaxed));
    let user = user.lock().expect("no thread panicked");
    assert_eq!(stored, format!(r#"{{"n":{sum},"user":"{user}"}}"#), "{counts:?}");
}
