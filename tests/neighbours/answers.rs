//! The examples for other languages under more demanding applications: answers in pieces, clients
//! that leave, values without JSON, cookies with attributes.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::neighbour::{Kind, Neighbour};
use crate::python::Python;
use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;
use phpsess_rs::protocol::list_name;

const ID: &str = "k3jq0v5u9d7s2m4b8n1c6x0zlp";

/// The lease is 10 s, so a lock that is free within this time was given back.
const AT_ONCE: Duration = Duration::from_secs(6);

fn seed(server: &Server, value: &str) {
    server.command::<()>(&["SET", &session::key(ID), value, "EX", "1440"]);
}

fn stored(server: &Server) -> Option<String> {
    server.command(&["GET", &session::key(ID)])
}

fn php(server: &Server) -> Running {
    let mut php = Php::new(&server.save_path()).ini("session.serialize_handler", "json").spawn(STEPS);
    php.expect("ready");
    php
}

fn cookie() -> String {
    format!("PHPSESSID={ID}")
}

/// The keys of the sessions, without their companions.
fn sessions(server: &Server) -> Vec<String> {
    let mut keys: Vec<String> = server.command(&["KEYS", "PHPREDIS_SESSION:*"]);
    keys.retain(|key| !key[17..].contains(['_', ':']));
    keys
}

/// The ids of the sessions on the list of a user.
fn listed(server: &Server, user: &[u8]) -> Vec<String> {
    server.command(&["HKEYS", &format!("PHPREDIS_SESSION:USER:{}", list_name(user))])
}

/// The whole answer, as it comes.
fn raw(neighbour: &Neighbour, method: &str, path: &str, cookies: &str) -> String {
    let mut bytes = Vec::new();
    neighbour.connect(method, path, cookies).read_to_end(&mut bytes).expect("there is an answer");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn express_sends_an_answer_in_pieces_whole_and_with_its_cookie() {
    let server = Server::start();
    let express = Neighbour::start(Kind::ExpressTest, &server);
    for (path, body) in [
        ("/write", "first,last".to_owned()),
        ("/head", "whole".to_owned()),
        ("/raw", "whole".to_owned()),
        ("/pipe", "x".repeat(3_000_000)),
    ] {
        let answer = raw(&express, "GET", path, "");
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{path}: {} {}", answer.len(), express.log());
        let (_, id) = answer.split_once("PHPSESSID=").unwrap_or_else(|| panic!("{path} sends no cookie"));
        let id = &id[..32];
        assert_eq!(sessions(&server), [session::key(id)], "{path}");
        if path == "/head" {
            for part in ["HTTP/1.1 200 Fine", "X-Set: 1", "X-Head: 1", "Set-Cookie: other=1"] {
                assert!(answer.contains(part), "{part} is missing: {answer}");
            }
        } else if path == "/raw" {
            assert!(answer.contains("X-Head: 1\r\nX-Head: 2"), "{answer}");
        }
        server.command::<()>(&["FLUSHALL"]);
    }
    seed(&server, r#"{"n":5}"#);
    let answer = express.post("/logout", ID);
    assert_eq!(
        (answer.status, answer.cookie.as_deref(), answer.body.as_str()),
        (200, Some(""), "first,last")
    );
    assert_eq!(stored(&server), None);
}

/// An error of ioredis contains the command that failed, so a log of the error would contain it as
/// well.
#[test]
fn express_tells_no_log_the_session_id_or_its_data() {
    let server = Server::start();
    let express = Neighbour::start(Kind::ExpressTest, &server);
    seed(&server, r#"{"n":1}"#);
    assert_eq!(express.post(&format!("/unreleased?id={ID}"), ID).status, 500);
    for suffix in ["", "_STATE"] {
        server.command::<()>(&["FLUSHALL"]);
        server.command::<()>(&["HSET", &format!("{}{suffix}", session::key(ID)), "a", "b"]);
        assert_eq!(express.post("/count", ID).status, 500, "{suffix}");
    }
    server.command::<()>(&["FLUSHALL"]);
    seed(&server, r#"{"secret":sesame}"#);
    assert_eq!(express.post("/count", ID).status, 500);
    seed(&server, r#"{"n":1}"#);
    assert_eq!(express.post("/set/sesame", ID).status, 500);
    let log = express.log();
    assert_eq!(log.matches("error:").count(), 5, "{log}");
    assert!(log.contains("half a surrogate pair") && !log.contains("the lock was lost"), "{log}");
    assert!(log.contains("WRONGTYPE"), "{log}");
    assert!(!log.contains(ID) && !log.contains("sesame"), "{log}");
}

/// Both logins are of one request, and the session is stored with the second user. Go has the same
/// test of its own.
#[test]
fn a_session_is_on_the_list_of_the_last_of_two_users_only() {
    let server = Server::start();
    let list = |user| listed(&server, user);
    let express = Neighbour::start(Kind::ExpressTest, &server);
    let id = express.post("/two", "").cookie.expect("a login has a new id");
    assert_eq!((list(b"Eve"), list(b"Ada")), (vec![], vec![id]));
    server.command::<()>(&["FLUSHALL"]);
    let id = Python::start(&server).step("two_users()");
    assert_eq!((list(b"Eve"), list(b"Ada")), (vec![], vec![id.trim_matches('"').to_owned()]));
}

/// An application may go on after the error. The session is then still that of the user before.
#[test]
fn a_login_that_fails_at_the_list_changes_no_user() {
    let server = Server::start();
    let express = Neighbour::start(Kind::ExpressTest, &server);
    let mut python = Python::start(&server);
    let log_in_by: [&mut dyn FnMut() -> String; 2] =
        [&mut || express.post("/failing-login", "").cookie.expect("a login has a new id"), &mut || {
            python.step("failing_login()").trim_matches('"').to_owned()
        }];
    for log_in in log_in_by {
        server.command::<()>(&["FLUSHALL"]);
        server.command::<()>(&["SET", &format!("PHPREDIS_SESSION:USER:{}", list_name(b"Eve")), "no list"]);
        let id = log_in();
        assert_eq!(listed(&server, b"Ada"), [id.as_str()]);
        let state: String = server.command(&["GET", &session::side_key(&server, &id, "STATE")]);
        assert_eq!(state.split('|').nth(7), Some(&*list_name(b"Ada")), "{state}");
    }
}

/// The session under the old id is destroyed, and with it the cookie; Go has the same test of its
/// own.
#[test]
fn a_logout_in_the_request_of_a_login_ends_both() {
    for kind in [Kind::FlaskTest, Kind::StarletteTest, Kind::DjangoAsync, Kind::ExpressTest] {
        let server = Server::start();
        let neighbour = Neighbour::start(kind, &server);
        seed(&server, r#"{"n":1}"#);
        for (came, cookie) in [(ID, Some("")), ("unknown-0123456789", None), ("", None)] {
            let answer = neighbour.post("/in-and-out", came);
            assert_eq!((answer.status, answer.cookie.as_deref()), (200, cookie), "{kind:?}: {came}");
            assert_eq!(sessions(&server), Vec::<String>::new(), "{kind:?}: {came}");
            assert_eq!(listed(&server, b"Ada"), Vec::<String>::new(), "{kind:?}: {came}");
            assert!(!session::is_locked(&server, came), "{kind:?}: {came}");
        }
    }
}

/// The fate of the cookie of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cookie {
    Stays,
    IsNew,
    IsDeleted,
}

/// Each part of a path is one change of a session in which Ada has logged in: a logout, a value, a
/// login, the removal of each value, another object in its place, an error. The rest of a line is
/// the fate of her cookie, of her earlier session (the reason of its end), the value that is stored
/// then, and the number of sessions on her list. Go has tests of its own.
const CHANGES: &[(&str, Cookie, &str, Option<&str>, usize)] = &[
    ("set", Cookie::Stays, "", Some(r#"{"user":"Ada","flash":"bye"}"#), 1),
    ("clear", Cookie::IsDeleted, "logout", None, 0),
    ("clear-set", Cookie::IsNew, "regenerated", Some(r#"{"flash":"bye"}"#), 0),
    ("set-clear-set", Cookie::IsNew, "regenerated", Some(r#"{"flash":"bye"}"#), 0),
    ("clear-set-clear", Cookie::IsDeleted, "logout", None, 0),
    ("clear-login-set", Cookie::IsNew, "regenerated", Some(r#"{"flash":"bye"}"#), 1),
    ("login-set", Cookie::IsNew, "regenerated", Some(r#"{"user":"Ada","flash":"bye"}"#), 1),
    ("login-clear", Cookie::IsDeleted, "logout", None, 0),
    ("login-clear-set", Cookie::IsNew, "regenerated", Some(r#"{"flash":"bye"}"#), 0),
    ("clear-login-clear", Cookie::IsDeleted, "logout", None, 0),
    ("login-clear-login-set", Cookie::IsNew, "regenerated", Some(r#"{"flash":"bye"}"#), 1),
    ("pop-set", Cookie::Stays, "", Some(r#"{"flash":"bye"}"#), 1),
    ("fail", Cookie::Stays, "", Some(r#"{"user":"Ada"}"#), 1),
    ("clear-fail", Cookie::Stays, "", Some(r#"{"user":"Ada"}"#), 1),
    ("clear-set-fail", Cookie::Stays, "", Some(r#"{"user":"Ada"}"#), 1),
    ("clear-login-fail", Cookie::Stays, "", Some(r#"{"user":"Ada"}"#), 1),
    ("login-clear-set-fail", Cookie::Stays, "", Some(r#"{"user":"Ada"}"#), 1),
];

const EMPTIED: (&str, Cookie, &str, Option<&str>, usize) = ("pop", Cookie::Stays, "", Some("{}"), 1);

const REPLACED: [(&str, Cookie, &str, Option<&str>, usize); 3] = [
    ("other", Cookie::IsNew, "regenerated", Some(r#"{"flash":"bye"}"#), 0),
    ("pop-other", Cookie::Stays, "", Some(r#"{"flash":"bye"}"#), 1),
    ("update", Cookie::Stays, "", Some(r#"{"user":"Ada","flash":"bye"}"#), 1),
];

fn a_logout_ends_the_session_and_later_values_are_those_of_another_one(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let mut changes = CHANGES.to_vec();
    changes.push(match kind {
        Kind::FlaskTest | Kind::StarletteTest => ("pop", Cookie::IsDeleted, "logout", None, 0),
        _ => EMPTIED,
    });
    match kind {
        Kind::StarletteTest => changes.extend(REPLACED),
        Kind::ExpressTest => {
            changes.extend(REPLACED);
            changes.push(("none", Cookie::IsDeleted, "logout", None, 0));
        }
        Kind::DjangoAsync => {
            // As `$_SESSION = []` in PHP.
            changes.push(("empty-set", Cookie::Stays, "", Some(r#"{"flash":"bye"}"#), 1));
        }
        _ => {}
    }
    for (path, cookie, reason, value, listed_then) in changes {
        server.command::<()>(&["FLUSHALL"]);
        let come = neighbour.post("/do/login-set", "").cookie.expect("a login has a new id");
        let key = session::key(&come);
        server.command::<()>(&["SET", &key, r#"{"user":"Ada"}"#, "EX", "1440"]);
        let answer = neighbour.post(&format!("/do/{path}"), &come);
        let context = format!("{kind:?}: {path}: {answer:?} {}", neighbour.log());
        assert_eq!(answer.status, if path.ends_with("fail") { 500 } else { 200 }, "{context}");
        let then = match answer.cookie.as_deref() {
            None => Cookie::Stays,
            Some("") => Cookie::IsDeleted,
            Some(_) => Cookie::IsNew,
        };
        assert_eq!(then, cookie, "{context}");
        let state: String = server.command(&["GET", &session::side_key(&server, &come, "STATE")]);
        if reason.is_empty() {
            assert!(state.starts_with("live|"), "{context}: {state}");
        } else {
            assert!(state.starts_with(&format!("dead|{reason}|")), "{context}: {state}");
        }
        let id = answer.cookie.filter(|id| !id.is_empty()).unwrap_or_else(|| come.clone());
        assert_eq!(
            server.command::<Option<String>>(&["GET", &session::key(&id)]).as_deref(),
            value,
            "{context}"
        );
        assert_eq!(sessions(&server).len(), usize::from(value.is_some()), "{context}");
        // Express and Starlette bring it up to date behind their answer.
        poll::until(&context, AT_ONCE, || {
            let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
            let mut places: BTreeMap<String, String> = server.command(&["HGETALL", &list]);
            places.retain(|_, place| !place.starts_with('~'));
            places.into_keys().collect::<Vec<_>>() == vec![id.clone(); listed_then]
        });
        poll::until("nothing is locked", AT_ONCE, || {
            server.command::<Vec<String>>(&["KEYS", "*_LOCK"]).is_empty()
        });
        if cookie == Cookie::IsNew {
            // A late request must not replace the new cookie, which may be that of a login.
            for path in ["/do/set", "/do/clear-set"] {
                let late = neighbour.post(path, &come);
                let is_refused = [400, 500].contains(&late.status) && late.cookie.is_none();
                assert!(is_refused, "{context}, then {path}: {late:?}");
                assert_eq!(sessions(&server), [session::key(&id)], "{context}, then {path}");
            }
        }
    }
}

#[test]
fn a_logout_at_flask_ends_the_session_and_later_values_are_those_of_another_one() {
    a_logout_ends_the_session_and_later_values_are_those_of_another_one(Kind::FlaskTest);
}

#[test]
fn a_logout_at_starlette_ends_the_session_and_later_values_are_those_of_another_one() {
    a_logout_ends_the_session_and_later_values_are_those_of_another_one(Kind::StarletteTest);
}

#[test]
fn a_logout_at_django_ends_the_session_and_later_values_are_those_of_another_one() {
    a_logout_ends_the_session_and_later_values_are_those_of_another_one(Kind::DjangoAsync);
}

#[test]
fn a_logout_at_express_ends_the_session_and_later_values_are_those_of_another_one() {
    a_logout_ends_the_session_and_later_values_are_those_of_another_one(Kind::ExpressTest);
}

/// The session may have expired, and Django does not look before it empties it.
#[test]
fn django_may_empty_a_session_that_is_not_there() {
    let server = Server::start();
    let django = Neighbour::start(Kind::DjangoAsync, &server);
    for came in ["unknown-0123456789", ""] {
        let answer = django.post("/do/empty", came);
        assert_eq!((answer.status, answer.cookie), (200, None), "{came}");
        assert_eq!(sessions(&server), Vec::<String>::new(), "{came}");
        let answer = django.post("/do/empty-set", came);
        let id = answer.cookie.unwrap_or_else(|| panic!("{came}: {}", answer.status));
        assert_eq!(sessions(&server), [session::key(&id)], "{came}");
        server.command::<()>(&["FLUSHALL"]);
    }
}

/// A view may put another session in the place of that of the request.
#[test]
fn django_leaves_no_lock_of_a_session_that_a_view_has_replaced() {
    let server = Server::start();
    let django = Neighbour::start(Kind::DjangoAsync, &server);
    seed(&server, r#"{"n":1}"#);
    let id = django.post("/do/set-store-set", ID).cookie.expect("the other session has an id");
    assert!(!session::is_locked(&server, ID) && !session::is_locked(&server, &id));
    assert_eq!(server.command::<String>(&["GET", &session::key(&id)]), r#"{"flash":"bye"}"#);
    assert_eq!(django.post("/do/set-none", ID).status, 500);
    assert!(!session::is_locked(&server, ID));
    assert_eq!(stored(&server).as_deref(), Some(r#"{"n":1}"#));
}

/// A login without effect must not say that the user is logged in, and holds no lock.
#[test]
fn a_login_that_nothing_would_store_is_refused() {
    for (kind, path) in
        [(Kind::StarletteTest, "/reading"), (Kind::StarletteTest, "/after"), (Kind::ExpressTest, "/after")]
    {
        let server = Server::start();
        let neighbour = Neighbour::start(kind, &server);
        seed(&server, r#"{"n":1}"#);
        assert_eq!(neighbour.post(path, ID).status, 200, "{kind:?}: {path}");
        poll::until("the login is over", SOON, || neighbour.log().contains("late:"));
        let mut keys: Vec<String> = server.command(&["KEYS", "*"]);
        keys.retain(|key| !key.contains("_DONE:"));
        assert_eq!(keys, [session::key(ID)], "{kind:?}: {path}");
    }
}

/// A request that comes under an id which PHP has left may not change anything, and does not.
#[test]
fn django_may_save_every_request() {
    let server = Server::start();
    let cookie = r#"{"COOKIE_NAME":"PHPSESSID","SAVE_EVERY_REQUEST":true}"#;
    let django = Neighbour::with_env(Kind::DjangoAsync, &server.addr(), &[("COOKIE", cookie)]);
    seed(&server, r#"{"n":1}"#);
    let mut php = php(&server);
    let step = php.step(&format!("start('{ID}') && session_regenerate_id(true) && session_write_close()"));
    assert_eq!(step.assert_silent().result, "true");
    let before = sessions(&server);
    let answer = django.get("/late", ID);
    assert_eq!((answer.status, answer.cookie), (200, None));
    assert_eq!(django.post("/count", ID).status, 400);
    assert_eq!(sessions(&server), before);
}

/// An exception that says what to answer is an answer like any other.
#[test]
fn a_request_that_is_refused_by_an_exception_keeps_its_changes() {
    for (kind, status) in [
        (Kind::FlaskTest, 403),
        (Kind::StarletteTest, 403),
        (Kind::DjangoAsync, 404),
        (Kind::ExpressTest, 404),
    ] {
        let server = Server::start();
        let neighbour = Neighbour::start(kind, &server);
        seed(&server, r#"{"n":1}"#);
        let answer = neighbour.post("/refuse", ID);
        assert_eq!(answer.status, status, "{kind:?}: {answer:?}");
        assert_eq!(stored(&server).as_deref(), Some(r#"{"n":2}"#), "{kind:?}");
        assert!(!session::is_locked(&server, ID), "{kind:?}");
    }
}

/// Django's debug page and error mails hide a member of this name.
#[test]
fn django_takes_a_password_that_it_does_not_show() {
    let server = Server::start();
    server.command::<()>(&["ACL", "SETUSER", "app", "on", ">sesame", "~*", "+@all"]);
    let url = format!("redis://app@{}/0", server.addr());
    let env = [("REDIS", url.as_str()), ("REDIS_PASSWORD", "sesame")];
    let django = Neighbour::with_env(Kind::DjangoAsync, &server.addr(), &env);
    seed(&server, r#"{"n":1}"#);
    assert_eq!(django.post("/count", ID).json(), r#"{"n":2}"#);
    let shown = django.get("/settings", ID).json();
    assert!(shown.contains(r#""password":"***"#) && !shown.contains("sesame"), "{shown}");
}

#[test]
fn express_holds_no_lock_while_it_streams() {
    let server = Server::start();
    let express = Neighbour::start(Kind::ExpressTest, &server);
    seed(&server, "{}");
    let mut stream = express.connect("GET", "/events", &cookie());
    let mut answer = String::new();
    while !answer.contains("data: 1\n\n") {
        let mut bytes = [0; 1000];
        let n = stream.read(&mut bytes).expect("the stream lives");
        assert!(n > 0, "the stream ended: {answer}");
        answer += &String::from_utf8_lossy(&bytes[..n]);
    }
    assert!(!session::is_locked(&server, ID));
    assert_eq!(stored(&server).as_deref(), Some(r#"{"n":1}"#));
}

#[test]
fn express_survives_what_goes_wrong_at_the_end_of_an_answer() {
    let server = Server::start();
    let express = Neighbour::start(Kind::ExpressTest, &server);
    for (path, said) in [
        ("/end", "chunk"),
        ("/late", "too late"),
        ("/double", "headers after they are sent"),
        ("/unstored", "beyond 1.8e308"),
    ] {
        seed(&server, r#"{"n":1}"#);
        let mut bytes = Vec::new();
        // The result is an answer with an error, or the end of the connection.
        let _ = express.connect("POST", path, &cookie()).read_to_end(&mut bytes);
        assert!(!String::from_utf8_lossy(&bytes).contains(" 200 OK\r\n") || path == "/late", "{path}");
        poll::until("the log says so", SOON, || express.log().contains(said));
        poll::until("the lock is free", AT_ONCE, || !session::is_locked(&server, ID));
        assert_eq!(express.post("/count", ID).status, 200, "{path}: {}", express.log());
    }
}

#[test]
fn express_leaves_out_what_has_no_json_and_refuses_what_php_could_not_read() {
    let server = Server::start();
    let express = Neighbour::start(Kind::ExpressTest, &server);
    let mut php = php(&server);
    let long = "{\"user\":\"Ada\",\"x\":".len() + 20_000_000;
    for (what, expected) in [
        ("undefined", Some(r#"{"user":"Ada"}"#)),
        ("function", Some(r#"{"user":"Ada"}"#)),
        ("symbol", Some(r#"{"user":"Ada"}"#)),
        ("tojson", Some(r#"{"user":"Ada"}"#)),
        ("nested", Some(r#"{"user":"Ada","x":{"d":[null,null],"e":"kept"}}"#)),
        ("nan", Some(r#"{"user":"Ada","x":null}"#)),
        ("pair", Some("{\"user\":\"Ada\",\"x\":\"\u{1f600}\"}")),
        ("slashes", None),
        ("text", None),
        ("big", None),
        ("deepest", None),
    ] {
        seed(&server, r#"{"user":"Ada"}"#);
        assert_eq!(express.post(&format!("/set/{what}"), ID).status, 200, "{what}: {}", express.log());
        // Count once more with the value in the session.
        let answer = express.post("/count", ID);
        assert_eq!(answer.json(), r#"{"n":1}"#, "{what}");
        let value = stored(&server).expect("the session is there");
        if let Some(expected) = expected {
            assert_eq!(value, format!("{},\"n\":1}}", &expected[..expected.len() - 1]), "{what}");
        } else if ["slashes", "text"].contains(&what) {
            assert!(value.len() > long, "{what}: {}", value.len());
        }
        let step = php.step(&format!(
            "(function () {{ start('{ID}'); session_abort(); return $_SESSION['user']; }})()"
        ));
        assert!(step.assert_silent().result.contains("Ada"), "{what}: {step:?}");
    }
    for path in ["/set/surrogate", "/set/huge", "/set/deep", "/set/name", "/name"] {
        seed(&server, r#"{"user":"Ada"}"#);
        assert_eq!(express.post(path, ID).status, 500, "{path}");
        assert_eq!(stored(&server).as_deref(), Some(r#"{"user":"Ada"}"#), "{path}");
        assert!(!session::is_locked(&server, ID));
    }
}

#[test]
fn python_refuses_what_php_could_not_read() {
    let server = Server::start();
    let mut python = Python::start(&server);
    let nested = |levels: usize| {
        format!("__import__('functools').reduce(lambda value, _: [value], range({levels}), 1)")
    };
    for value in [
        "float('nan')",
        "float('-inf')",
        "b'bytes'",
        "{1, 2}",
        "object()",
        "'\\ud800'",
        "{'\\udfff': 1}",
        "10 ** 400",
        "[{'a': -10 ** 400}]",
        &nested(512),
    ] {
        let answer = python.step(&format!("phpsess.text({{'x': {value}}}).decode()"));
        assert!(answer.contains("Error") || answer.contains("NotSaved"), "{value}: {answer}");
    }
    assert!(python.step("phpsess.text({'\\ud800': 1}).decode()").contains("NotSaved"));
    for value in ["10 ** 300", "'1e999'", "{'1e999]': '[' * 600}", "1e300", "None", &nested(511)] {
        let answer = python.step(&format!("phpsess.text({{'x': {value}}}).decode()"));
        assert!(answer.starts_with(r#""{\"x\":"#), "{value}: {answer}");
    }
}

/// The data must not appear in a log of repr() of an error either.
#[test]
fn the_errors_of_python_have_no_data() {
    let server = Server::start();
    let mut python = Python::start(&server);
    for step in [
        r#"phpsess.values(b'{"secret":sesame}')"#,
        r#"phpsess.values(b'{"secret":"sesame\xff"}')"#,
        r#"phpsess.text({"a": 1}, b'{"secret":"sesame\xed\xa0\x80"}')"#,
        r#"phpsess.text({"secret": "sesame\ud800"})"#,
        r#"phpsess.text({"secret": "sesame\ud800"}, b'{"a":1}')"#,
    ] {
        let answer = python.step(&format!("shown(lambda: {step})"));
        assert!(!answer.contains("sesame"), "{answer}");
        assert!(answer.contains("NotSaved") || answer.contains("SessionError"), "{answer}");
    }
}

/// The reader must not allocate memory for each escape of a text.
#[test]
fn python_looks_through_a_long_text_in_little_memory() {
    let server = Server::start();
    let mut python = Python::start(&server);
    python.step("__import__('resource').setrlimit(__import__('resource').RLIMIT_AS, (1 << 30, 1 << 30))");
    assert_eq!(python.step(r#"len(phpsess.text({'x': '"\\' * 8_000_000}))"#), "32000008");
}

/// A form that PHP stored may have brought the name: `$_SESSION["form"] = $_POST`.
#[test]
fn express_takes_no_member_for_a_prototype() {
    let server = Server::start();
    let express = Neighbour::start(Kind::ExpressTest, &server);
    let form = r#""form":{"__proto__":{"admin":true},"k":1},"constructor":{"prototype":{"admin":true}}"#;
    seed(&server, &format!("{{{form}}}"));
    let answer = express.post("/form", ID);
    assert_eq!(answer.json(), r#"{"admin":[null,null,null]}"#);
    let changed = form.replace(r#""k":1"#, r#""k":2"#);
    assert_eq!(stored(&server), Some(format!("{{{changed}}}")));
}

/// Go's tests cover forbidden values, the message about a holder, and a session after its end.
#[test]
fn go_passes_its_own_tests() {
    let server = Server::start();
    let output = Command::new("go")
        .args(["test", "-count=1", "-vet=off", "."])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/go"))
        .envs([("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode"), ("GOFLAGS", "")])
        .env("TEST_REDIS", format!("redis://{}/0", server.addr()))
        .output()
        .expect("go runs: scripts/setup test installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The client gave up its place in the queue, and no request without a client may take the lock.
fn a_client_that_leaves_while_it_waits_leaves_no_lock(kind: Kind, path: &str) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    let mut php = php(&server);
    assert_eq!(php.step(&format!("start('{ID}')")).assert_silent().result, "true");
    let stream = neighbour.connect("POST", path, &cookie());
    poll::until("the service is in the queue", SOON, || server.blocked_clients() == 1);
    drop(stream);
    // Express and Django leave the queue at once. Go notices when its turn comes.
    if kind != Kind::Go {
        let free = || session::waiters(&server, ID) == 0 || server.blocked_clients() == 0;
        poll::until("it does not wait any more", SOON, free);
    }
    assert_eq!(php.step("session_write_close()").assert_silent().result, "true");
    poll::until("the lock is free", AT_ONCE, || !session::is_locked(&server, ID));
    assert_eq!(stored(&server).as_deref(), Some(r#"{"n":1}"#));
}

#[test]
fn a_client_of_express_that_leaves_while_it_waits_leaves_no_lock() {
    a_client_that_leaves_while_it_waits_leaves_no_lock(Kind::Express, "/count?hold_ms=8000");
}

/// The login has the lock of its new id by then, or a place on the list as well.
#[test]
fn a_client_of_express_that_leaves_during_its_login_leaves_no_lock_and_no_place() {
    for has_place in [false, true] {
        let server = Server::start();
        let proxy = Proxy::start(&server.addr());
        let express = Neighbour::with_env(Kind::ExpressTest, &proxy.addr(), &[]);
        seed(&server, r#"{"n":1}"#);
        assert_eq!(express.post("/count", ID).status, 200, "the connection is there");
        let locks = || server.command::<Vec<String>>(&["KEYS", "*_LOCK"]);
        proxy.delay(Duration::from_millis(500));
        let stream = express.connect("POST", "/in", &cookie());
        poll::until("the login is under way", SOON, || {
            if has_place { !listed(&server, b"Ada").is_empty() } else { locks().len() == 2 }
        });
        drop(stream);
        poll::until("the login is over", SOON, || express.log().contains("late:"));
        poll::until("nothing is locked or listed", AT_ONCE, || {
            locks().is_empty() && listed(&server, b"Ada").is_empty()
        });
        assert_eq!(sessions(&server), [session::key(ID)]);
        assert_eq!(stored(&server).as_deref(), Some(r#"{"n":2}"#));
    }
}

#[test]
fn a_client_of_go_that_leaves_while_it_waits_leaves_no_lock() {
    a_client_that_leaves_while_it_waits_leaves_no_lock(Kind::Go, "/count?hold_ms=8000");
}

#[test]
fn a_client_of_django_that_leaves_while_it_waits_leaves_no_lock() {
    for path in ["/count?hold_ms=8000", "/synchronous?hold_ms=8000"] {
        a_client_that_leaves_while_it_waits_leaves_no_lock(Kind::DjangoAsync, path);
    }
}

/// A late write of a view that cannot be stopped is refused, too.
#[test]
fn a_request_that_is_cancelled_gives_its_lock_back_at_once() {
    for (kind, path) in
        [(Kind::DjangoAsync, "/count"), (Kind::DjangoAsync, "/synchronous"), (Kind::Express, "/count")]
    {
        let server = Server::start();
        let neighbour = Neighbour::start(kind, &server);
        seed(&server, r#"{"n":1}"#);
        let stream = neighbour.connect("POST", &format!("{path}?hold_ms=8000"), &cookie());
        poll::until("the service has the lock", SOON, || session::is_locked(&server, ID));
        drop(stream);
        poll::until("the lock is free", AT_ONCE, || !session::is_locked(&server, ID));
        assert_eq!(stored(&server).as_deref(), Some(r#"{"n":1}"#));
    }
}

#[test]
fn django_changes_nothing_in_a_request_that_fails() {
    let server = Server::start();
    let django = Neighbour::start(Kind::DjangoAsync, &server);
    seed(&server, r#"{"n":1}"#);
    for path in ["/login?status=500", "/logout?status=503"] {
        let answer = django.post(path, ID);
        assert_eq!((answer.status / 100, answer.cookie), (5, None), "{path}");
        assert_eq!(sessions(&server), [session::key(ID)], "{path}");
        assert_eq!(stored(&server).as_deref(), Some(r#"{"n":1}"#), "{path}");
        poll::until("the lock is free", AT_ONCE, || !session::is_locked(&server, ID));
    }
    let id = django.post("/login", ID).cookie.expect("there is a new id");
    assert_eq!(sessions(&server), [session::key(&id)]);
    assert_eq!(django.post("/logout", &id).cookie.as_deref(), Some(""));
    assert_eq!(sessions(&server), Vec::<String>::new());
}

#[test]
fn django_leaves_no_lock_when_a_middleware_outside_reads_the_session() {
    let server = Server::start();
    let django = Neighbour::start(Kind::DjangoAsync, &server);
    seed(&server, r#"{"n":7}"#);
    assert!(raw(&django, "GET", "/late", &cookie()).to_lowercase().contains("x-n: 7"));
    assert!(!session::is_locked(&server, ID));
}

/// The attributes that are set, and the same ones when the cookie is deleted: a browser would keep
/// a cookie with others.
#[test]
fn a_cookie_has_the_attributes_that_are_set() {
    let server = Server::start();
    for kind in [Kind::ExpressTest, Kind::DjangoAsync] {
        let neighbour = Neighbour::start(kind, &server);
        seed(&server, r#"{"n":1}"#);
        let made = raw(&neighbour, "POST", "/count", "").to_lowercase();
        let ended = raw(&neighbour, "POST", "/logout", &cookie()).to_lowercase();
        for (attribute, answer) in ["domain=example.org", "path=/", "samesite=strict"]
            .iter()
            .flat_map(|one| [(one, &made), (one, &ended)])
        {
            assert!(answer.contains(attribute), "{kind:?}: {attribute} is missing: {answer}");
        }
        assert!(made.contains("; secure") && made.contains("; httponly"), "{kind:?}: {made}");
        assert!(ended.contains("max-age=0"), "{kind:?}: {ended}");
    }
}

/// The first connection is dead. A reader without the lock has no queue to wait in.
#[test]
fn a_read_without_the_lock_is_repeated_once() {
    let server = Server::start();
    let proxy = Proxy::start(&server.addr());
    seed(&server, r#"{"n":1}"#);
    for kind in [Kind::Starlette, Kind::Express, Kind::Go] {
        let neighbour = Neighbour::with_env(kind, &proxy.addr(), &[]);
        assert_eq!(neighbour.get("/", ID).json(), r#"{"user":null,"n":1}"#);
        proxy.swallow_reply(1);
        assert_eq!(neighbour.get("/", ID).json(), r#"{"user":null,"n":1}"#, "{kind:?}");
        assert!(proxy.has_swallowed());
    }
}

/// A kept connection leads to a former master that is a replica by now, and the address leads to
/// the new master.
#[test]
fn a_server_that_is_no_master_any_more_is_left() {
    for kind in [Kind::Flask, Kind::Django, Kind::Starlette, Kind::Express, Kind::Go] {
        let (old, new) = (Server::start(), Server::start());
        let address = Proxy::start(&old.addr());
        let neighbour = Neighbour::with_env(kind, &address.addr(), &[]);
        seed(&old, r#"{"n":1}"#);
        assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":2}"#);
        seed(&new, r#"{"n":2}"#);
        address.lead_new_to(&new.addr());
        old.command::<()>(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
        for n in 3..6 {
            assert!(neighbour.get("/", ID).json().contains(&format!(r#""n":{}"#, n - 1)), "{kind:?}");
            assert_eq!(neighbour.post("/count", ID).json(), format!(r#"{{"n":{n}}}"#), "{kind:?}");
        }
        assert_eq!(stored(&new).as_deref(), Some(r#"{"n":5}"#));
        assert!(!session::is_locked(&new, ID));
    }
}
