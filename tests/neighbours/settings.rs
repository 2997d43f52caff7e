//! The settings of the examples: the cookie as PHP sends it, the URL of Redis, the limit of
//! waiters. And the end of a service.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::neighbour::{self, Kind, Neighbour};
use crate::python::Python;
use crate::support::fpm::Fpm;
use crate::support::php::Php;
use crate::support::poll::{self, SOON};
use crate::support::process;
use crate::support::redis::Server;
use crate::support::session;

const ID: &str = "k3jq0v5u9d7s2m4b8n1c6x0zlp";

/// A cookie in the words of PHP and of each service.
struct Cookie {
    name: &'static str,
    php: &'static [(&'static str, &'static str)],
    python: &'static str,
    django: &'static str,
    express: &'static str,
    go: &'static str,
}

const COOKIES: [Cookie; 4] = [
    Cookie {
        name: "PHPSESSID",
        php: &[("httponly", "1"), ("samesite", "Lax")],
        python: "{}",
        django: r#"{"COOKIE_NAME":"PHPSESSID","EXPIRE_AT_BROWSER_CLOSE":true}"#,
        express: "{}",
        go: r#"{"Name":"PHPSESSID","Path":"/","HttpOnly":true,"SameSite":2}"#,
    },
    Cookie {
        name: "PHPSESSID",
        php: &[
            ("lifetime", "3600"),
            ("path", "/app/"),
            ("domain", "example.org"),
            ("secure", "1"),
            ("httponly", "0"),
            ("samesite", "Strict"),
        ],
        python: r#"{"max_age":3600,"path":"/app/","domain":"example.org","secure":true,"httponly":false,"samesite":"Strict"}"#,
        django: r#"{"COOKIE_AGE":3600,"EXPIRE_AT_BROWSER_CLOSE":false,"COOKIE_PATH":"/app/","COOKIE_DOMAIN":"example.org",
            "COOKIE_SECURE":true,"COOKIE_HTTPONLY":false,"COOKIE_SAMESITE":"Strict","COOKIE_NAME":"PHPSESSID"}"#,
        express: r#"{"maxAge":3600000,"path":"/app/","domain":"example.org","secure":true,"httpOnly":false,"sameSite":"strict"}"#,
        go: r#"{"Name":"PHPSESSID","MaxAge":3600,"Path":"/app/","Domain":"example.org","Secure":true,"SameSite":3}"#,
    },
    Cookie {
        name: "SID-1",
        php: &[("domain", ".example.org"), ("secure", "1"), ("httponly", "1"), ("samesite", "None")],
        python: r#"{"cookie":"SID-1","domain":".example.org","secure":true,"samesite":"None"}"#,
        django: r#"{"COOKIE_NAME":"SID-1","EXPIRE_AT_BROWSER_CLOSE":true,"COOKIE_DOMAIN":".example.org",
            "COOKIE_SECURE":true,"COOKIE_SAMESITE":"None"}"#,
        express: r#"{"name":"SID-1","domain":".example.org","secure":true,"sameSite":"none"}"#,
        go: r#"{"Name":"SID-1","Path":"/","Domain":".example.org","Secure":true,"HttpOnly":true,"SameSite":4}"#,
    },
    Cookie {
        name: "PHPSESSID",
        php: &[("httponly", "0"), ("samesite", "")],
        python: r#"{"httponly":false,"samesite":null}"#,
        django: r#"{"COOKIE_NAME":"PHPSESSID","EXPIRE_AT_BROWSER_CLOSE":true,"COOKIE_HTTPONLY":false,"COOKIE_SAMESITE":false}"#,
        express: r#"{"httpOnly":false,"sameSite":false}"#,
        go: r#"{"Name":"PHPSESSID","Path":"/","SameSite":1}"#,
    },
];

fn seed(server: &Server, value: &str) {
    server.command::<()>(&["SET", &session::key(ID), value, "EX", "1440"]);
}

fn php(server: &Server) -> Php {
    Php::new(&server.save_path()).ini("session.serialize_handler", "json")
}

/// Name, value and attributes as a browser takes them: it ignores case, order and the dot before a
/// domain, and prefers Max-Age to Expires.
fn parsed(line: &str) -> (String, String, BTreeMap<String, String>) {
    let mut parts = line.split(';').map(|part| part.trim().split_once('=').unwrap_or((part.trim(), "")));
    let (name, value) = parts.next().expect("a cookie has a name");
    let mut attributes: BTreeMap<String, String> = parts
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .map(|(name, value)| match name.as_str() {
            "samesite" => (name, value.to_lowercase()),
            "domain" => (name, value.trim_start_matches('.').to_owned()),
            _ => (name, value),
        })
        .collect();
    if attributes.contains_key("max-age") {
        attributes.remove("expires");
    }
    (name.to_owned(), value.to_owned(), attributes)
}

/// The Set-Cookie line of an answer.
fn set_cookie(neighbour: &Neighbour, path: &str, cookies: &str) -> String {
    let mut bytes = Vec::new();
    neighbour.connect("POST", path, cookies).read_to_end(&mut bytes).expect("there is an answer");
    let answer = String::from_utf8_lossy(&bytes).into_owned();
    let line = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then(|| value.to_owned())
    });
    line.unwrap_or_else(|| panic!("no cookie: {answer} {}", neighbour.log()))
}

/// The output of one of the tests of Go's example.
fn go_test(name: &str, env: &[(&str, &str)]) -> String {
    let output = Command::new("go")
        .args(["test", "-count=1", "-vet=off", "-v", "-run", name, "."])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/go"))
        .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")])
        .envs(env.iter().copied())
        .output()
        .expect("go runs: scripts/setup test installs it");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The cookies that Go's example sends for a new session and for a destroyed one.
fn go_cookies(server: &Server, cookie: &str) -> Vec<String> {
    let url = format!("redis://{}/0", server.addr());
    let text = go_test("TestSaysItsCookies", &[("TEST_REDIS", &url), ("TEST_COOKIE", cookie)]);
    let lines: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("cookie: ")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{text}");
    lines
}

/// The browser has one cookie then, for the same pages and the same time.
#[test]
fn a_cookie_is_the_one_that_php_sends() {
    let server = Server::start();
    for cookie in &COOKIES {
        let mut with = php(&server).ini("session.name", cookie.name);
        for (name, value) in cookie.php {
            with = with.ini(&format!("session.cookie_{name}"), value);
        }
        let fpm = Fpm::start(&with, 1, "session_start(); $_SESSION['n'] = 1; header_remove('x-powered-by');");
        let page = fpm.get("", "");
        let line = page.headers.iter().find(|(name, _)| name == "set-cookie").expect("PHP sends a cookie");
        let (name, _, expected) = parsed(&line.1);
        assert_eq!(name, cookie.name);

        let services = [
            (Kind::FlaskTest, cookie.python),
            (Kind::StarletteTest, cookie.python),
            (Kind::DjangoAsync, cookie.django),
            (Kind::ExpressTest, cookie.express),
        ];
        let mut lines: Vec<(Kind, Vec<String>)> = services
            .iter()
            .map(|(kind, setting)| {
                let neighbour = Neighbour::with_env(*kind, &server.addr(), &[("COOKIE", setting)]);
                let made = set_cookie(&neighbour, "/count", "");
                seed(&server, r#"{"n":1}"#);
                (*kind, vec![made, set_cookie(&neighbour, "/logout", &format!("{}={ID}", cookie.name))])
            })
            .collect();
        lines.push((Kind::Go, go_cookies(&server, cookie.go)));
        for (kind, lines) in lines {
            let (name, id, attributes) = parsed(&lines[0]);
            assert_eq!((name.as_str(), &attributes), (cookie.name, &expected), "{kind:?}: {}", lines[0]);
            let plain = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(plain, "{kind:?}: {id} is not as PHP would write it");
            // The one that it deletes is the same.
            let (name, value, attributes) = parsed(&lines[1]);
            assert_eq!((name.as_str(), value.trim_matches('"')), (cookie.name, ""), "{kind:?}: {}", lines[1]);
            assert_eq!(attributes.get("max-age").map(String::as_str), Some("0"), "{kind:?}: {}", lines[1]);
            for name in ["path", "domain", "samesite"] {
                assert_eq!(attributes.get(name), expected.get(name), "{kind:?}: {}", lines[1]);
            }
        }
    }
}

/// PHP writes an underscore for a space, a dot and a bracket in a name, so that another cookie of
/// the site may become its own. The first one counts. The cookies stand before that of the session.
const BEFORE: [(&str, &str); 15] = [
    ("my_app", "my.app=other"),
    ("my_app", "my app=other"),
    ("my_app", "my[app=other"),
    ("my_app", "my.app[a]=1"),
    ("my_app", "my_app[=1"),
    ("my_app", "my.app.=1; my-app=1; my]app=1; my\tapp=1; my%2Eapp=1; MY.APP=1"),
    ("my_app", ".my_app=1; x.my_app=1; [my_app]=1; my[app]=1"),
    ("_a_b_c", "  .a[b c=other"),
    ("_a_b_c", ".a.b c[d][e=1"),
    ("PHPSESSID", "PHPSESSID.=1; .PHPSESSID=1; PHP.SESSID=1"),
    ("__Host-id", "..Host-id=other"),
    ("__Host-id", "._Host-id[a]=1"),
    ("__Secure-a_b", "__Secure-a.b=other"),
    ("__Secure-a_b", "_.Secure-a_b=other"),
    ("__Secure_a", "..Secure.a=other"),
];

#[test]
fn a_cookie_is_found_under_each_name_that_is_php_s_own() {
    let server = Server::start();
    let page = "session_start(['read_and_close' => true]); echo $_SESSION['n'] ?? 'none';";
    let ask = |neighbour: &Neighbour, cookies: &str| {
        seed(&server, r#"{"n":1}"#);
        neighbour
            .connect("POST", "/count", cookies)
            .read_to_end(&mut Vec::new())
            .expect("there is an answer");
        server.command::<String>(&["GET", &session::key(ID)]) == r#"{"n":2}"#
    };
    let mut services: Vec<(&str, Kind, Neighbour)> = Vec::new();
    let mut lines = Vec::new();
    for (name, before) in BEFORE {
        let cookies = format!("{before}; {name}={ID}");
        seed(&server, r#"{"n":1}"#);
        let fpm = Fpm::start(&php(&server).ini("session.name", name), 1, page);
        let is_found = match fpm.get("", &cookies).body.as_str() {
            "1" => true,
            "none" => false,
            other => panic!("{cookies}: {other}"),
        };
        if services.last().is_none_or(|(last, ..)| *last != name) {
            services.clear();
            for (kind, setting) in [
                (Kind::FlaskTest, format!(r#"{{"cookie":"{name}"}}"#)),
                (Kind::StarletteTest, format!(r#"{{"cookie":"{name}"}}"#)),
                (Kind::DjangoAsync, format!(r#"{{"COOKIE_NAME":"{name}"}}"#)),
                (Kind::ExpressTest, format!(r#"{{"name":"{name}"}}"#)),
            ] {
                let service = Neighbour::with_env(kind, &server.addr(), &[("COOKIE", &setting)]);
                services.push((name, kind, service));
            }
        }
        for (_, kind, service) in &services {
            assert_eq!(ask(service, &cookies), is_found, "{kind:?}: {cookies}");
        }
        lines.push((format!("{name} {cookies}"), is_found));
    }
    // Go's example takes them in one run, and its test says the id that it found for each.
    let (asked, expected): (Vec<String>, Vec<bool>) = lines.into_iter().unzip();
    let said = go_test("TestSaysItsIDs", &[("TEST_COOKIES", &asked.join("\n"))]);
    let found: Vec<bool> = said.lines().filter_map(|line| Some(line.strip_prefix("id: ")? == ID)).collect();
    assert_eq!(found, expected, "Go: {asked:?} {said}");
}

/// Ids of 4 bits are hex digits, those of 5 letters and digits, those of 6 have comma and dash,
/// and PHP percent-encodes the comma.
#[test]
fn every_form_of_an_id_of_php_is_found() {
    let server = Server::start();
    let kinds = [Kind::Flask, Kind::Django, Kind::Starlette, Kind::Express, Kind::Go];
    let services = kinds.map(|kind| (kind, Neighbour::start(kind, &server)));
    for bits in ["4", "5", "6"] {
        let with = php(&server).ini("session.sid_bits_per_character", bits).ini("session.sid_length", "64");
        let fpm = Fpm::start(&with, 1, "session_start(); $_SESSION['n'] = 1; echo session_id();");
        // With 6 bits one id in three has neither a comma nor a dash.
        let page = (0..1000).map(|_| fpm.get("", "")).find(|page| bits != "6" || page.body.contains(','));
        let page = page.expect("an id has a comma");
        let sent = page.cookie("PHPSESSID").expect("PHP sends a cookie").to_owned();
        assert_eq!(sent.contains("%2C"), bits == "6", "{sent}");
        for (n, (kind, service)) in services.iter().enumerate() {
            let answer = service.post("/count", &sent);
            assert_eq!(answer.json(), format!(r#"{{"n":{}}}"#, n + 2), "{kind:?}: {sent}");
            assert_eq!(answer.cookie, None, "{kind:?}: {sent}");
        }
        let value: String = server.command(&["GET", &session::key(&page.body)]);
        assert_eq!(value, r#"{"n":6}"#);
    }
}

/// The errors of URL parsers quote the unreadable part.
#[test]
fn a_bad_url_is_refused_without_a_piece_of_its_password() {
    let server = Server::start();
    let mut python = Python::start(&server);
    for url in [
        "redis://:sesame@[h/0",
        "redis://:x@h:sesame/0",
        "redis://user:7734/sesame@127.0.0.1/0",
        "redis://:se#sesame@127.0.0.1:1/0",
        "redis://user:7734?sesame@127.0.0.1:1/0",
    ] {
        let answer = python.step(&format!("shown(lambda: phpsess.Sessions('{url}'))"));
        assert!(answer.contains("the URL of Redis cannot be read"), "{url}: {answer}");
        let express = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/express/phpsess.js");
        let script = format!(
            "import {{ phpSessions }} from '{}'; import {{ inspect }} from 'node:util';
             try {{ phpSessions({{ redis: '{url}' }}); }} catch (error) {{ console.log(inspect(error)); }} process.exit();",
            express.display()
        );
        let mut node = Command::new("node");
        node.args(["--input-type=module", "-e", &script]);
        let mut go = Command::new(neighbour::go_program());
        go.env("REDIS", url)
            .env("SCRIPTS", Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocol/scripts"));
        let outputs = [&mut node, &mut go].map(|command| {
            let output = command.output().expect("it runs");
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
        });
        for said in outputs.iter().chain([&answer]) {
            let whole = said.replace("redis://user:password@host", "");
            assert!(
                said.contains("cannot be read") && !whole.contains("sesame") && !whole.contains("7734"),
                "{url}: {said}"
            );
        }
    }
}

/// Each waiter costs a thread or a connection, and the service has other visitors, too.
#[test]
fn the_thirteenth_waiter_is_refused_as_in_php() {
    for kind in [Kind::Flask, Kind::Starlette, Kind::Express, Kind::Go] {
        let server = Server::start();
        let neighbour = Neighbour::start(kind, &server);
        seed(&server, r#"{"n":0}"#);
        let lock = format!("{}_LOCK", session::key(ID));
        server.command::<()>(&["SET", &lock, "o:0123:1|1795177490491|web1|42|fpm|", "PX", "60000"]);
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..12).map(|_| scope.spawn(|| neighbour.post("/count", ID))).collect();
            println!("{kind:?}");
            poll::until("twelve wait", SOON, || session::waiters(&server, ID) == 12);
            let answer = neighbour.post("/count", ID);
            assert!(matches!(answer.status, 500 | 503), "{kind:?}: {answer:?}");
            assert_eq!(session::waiters(&server, ID), 12, "{kind:?}");
            server.command::<()>(&["DEL", &lock]);
            for waiter in waiting {
                assert_eq!(waiter.join().expect("the request is answered").status, 200, "{kind:?}");
            }
        });
        let value: String = server.command(&["GET", &session::key(ID)]);
        assert_eq!(value, r#"{"n":12}"#, "{kind:?}");
    }
}

/// Each deployment does so.
#[test]
fn a_service_that_is_told_to_end_ends_its_requests() {
    for kind in [Kind::Starlette, Kind::DjangoAsgi, Kind::Express, Kind::Go] {
        let server = Server::start();
        let mut neighbour = Neighbour::start(kind, &server);
        seed(&server, r#"{"n":1}"#);
        thread::scope(|scope| {
            let working = scope.spawn(|| neighbour.post("/count?hold_ms=1000", ID));
            poll::until("the service has the lock", SOON, || session::is_locked(&server, ID));
            process::signal(neighbour.pid(), "TERM");
            assert_eq!(working.join().expect("the request is answered").json(), r#"{"n":2}"#, "{kind:?}");
        });
        assert!(!session::is_locked(&server, ID), "{kind:?}");
        poll::until("the process ends", SOON, || neighbour.has_ended());
    }
}
