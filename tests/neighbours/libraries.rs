//! Session libraries from PyPI, unchanged, with PHP's keys and cookie: what works, and what breaks.
//! docs/neighbours.md tells its readers the same, so that a new version that does better, or worse,
//! is noticed.

use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::neighbour::{Kind, Neighbour};
use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::redis::Server;
use crate::support::session;

const ID: &str = "k3jq0v5u9d7s2m4b8n1c6x0zlp";

/// Values that are easily changed, as PHP has them.
const VALUES: &str = r#"["user" => "Ada é", "n" => 1, "bytes" => "\xff", "big" => PHP_INT_MAX, "one" => 1.0,
    "map" => ["b" => 1, 1 => 2], "nan" => NAN]"#;

fn steps(server: &Server) -> Running {
    let php = Php::new(&server.save_path()).ini("session.serialize_handler", "json");
    let mut running = php.spawn(STEPS);
    running.expect("ready");
    running
}

/// Stores a session with PHP, and returns the process for further steps.
fn shared(server: &Server) -> Running {
    let mut php = steps(server);
    server.command::<()>(&["SET", &session::key(ID), "{}", "EX", "1440"]);
    let values = VALUES.replace('\n', " ");
    let step = php.step(&format!("start('{ID}') && ($_SESSION = {values}) && session_write_close()"));
    assert_eq!(step.assert_silent().result, "true");
    php
}

/// Returns true if PHP has its values back, apart from `other`. NAN is checked on its own because
/// it is not equal to itself.
fn php_has_its_values(php: &mut Running, n: u64, other: &str) -> bool {
    let values = VALUES.replace('\n', " ");
    let step = php.step(&format!(
        r"(function () {{ start('{ID}', ['read_and_close' => true]); unset($_SESSION['{other}']);
            $expected = ['n' => {n}] + {values}; $nan = $_SESSION['nan']; unset($expected['nan'], $_SESSION['nan']);
            ksort($expected); ksort($_SESSION); return is_nan($nan) && $expected === $_SESSION; }})()"
    ).replace('\n', " "));
    step.assert_silent().result == "true"
}

fn stored(server: &Server) -> Option<Vec<u8>> {
    server.command(&["GET", &session::key(ID)])
}

fn ttl(server: &Server) -> i64 {
    server.command(&["TTL", &session::key(ID)])
}

/// PHP holds the lock and has read, the service counts, PHP counts. The result should be 2.
fn loses_an_update(server: &Server, neighbour: &Neighbour) {
    server.command::<()>(&["SET", &session::key(ID), r#"{"n":0}"#, "EX", "1440"]);
    let mut php = steps(server);
    assert_eq!(php.step(&format!("start('{ID}')")).assert_silent().result, "true");
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":1}"#);
    assert_eq!(php.step("++$_SESSION['n'] && session_write_close()").assert_silent().result, "true");
    assert_eq!(php.step(&format!("peek('{ID}')")).assert_silent().result, "1");
}

#[test]
fn flask_session_with_json_reads_and_writes_our_sessions() {
    let server = Server::start();
    let mut php = shared(&server);
    let neighbour = Neighbour::with_env(Kind::FlaskSession, &server.addr(), &[("FORMAT", "json")]);
    assert_eq!(neighbour.get("/", ID).json(), r#"{"n":1,"user":"Ada\u00e9"}"#);
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":2}"#);
    assert!(php_has_its_values(&mut php, 2, ""));
}

#[test]
fn flask_session_sets_its_own_ttl_even_when_it_only_reads() {
    let server = Server::start();
    let _php = shared(&server);
    let neighbour = Neighbour::with_env(Kind::FlaskSession, &server.addr(), &[("FORMAT", "json")]);
    neighbour.get("/", ID).json();
    assert!(ttl(&server) > 30 * 86400, "{}", ttl(&server));
    drop(neighbour);
    let settings = [("FORMAT", "json"), ("LIFETIME", "1440")];
    let neighbour = Neighbour::with_env(Kind::FlaskSession, &server.addr(), &settings);
    neighbour.get("/", ID).json();
    assert!((1430..=1440).contains(&ttl(&server)), "{}", ttl(&server));
}

#[test]
fn flask_session_adds_a_member_to_a_session_that_it_makes() {
    let server = Server::start();
    let neighbour = Neighbour::with_env(Kind::FlaskSession, &server.addr(), &[("FORMAT", "json")]);
    let id = neighbour.post("/count", ID).cookie.expect("a new session has a cookie");
    assert_ne!(id, ID);
    let value: String = server.command(&["GET", &session::key(&id)]);
    assert_eq!(value, r#"{"_permanent":true,"n":1}"#);
}

#[test]
fn flask_session_by_default_turns_our_session_into_messagepack_even_when_it_only_reads() {
    let server = Server::start();
    let mut php = shared(&server);
    let neighbour = Neighbour::start(Kind::FlaskSession, &server);
    assert_eq!(neighbour.get("/", ID).json(), r#"{"n":1,"user":"Ada\u00e9"}"#);
    assert!(!stored(&server).expect("the session is there").starts_with(b"{"));
    // PHP keeps the foreign value aside and begins an empty session: the user is logged out.
    let step = php.step(&format!("start('{ID}') && isset($_SESSION['user'])"));
    assert_eq!(step.result, "false");
    assert!(step.messages.contains("kept for a day"), "{step:?}");
}

#[test]
fn flask_session_takes_no_lock() {
    let server = Server::start();
    let neighbour = Neighbour::with_env(Kind::FlaskSession, &server.addr(), &[("FORMAT", "json")]);
    loses_an_update(&server, &neighbour);
}

#[test]
fn flask_session_fails_on_phps_own_format() {
    let server = Server::start();
    session::seed(&server, ID);
    for format in ["json", "msgpack"] {
        let neighbour = Neighbour::with_env(Kind::FlaskSession, &server.addr(), &[("FORMAT", format)]);
        assert_eq!(neighbour.get("/", ID).status, 500);
        assert_eq!(stored(&server).as_deref(), Some(b"n|i:0;".as_slice()));
    }
}

#[test]
fn starsessions_reads_and_writes_our_sessions_and_adds_its_metadata() {
    let server = Server::start();
    let mut php = shared(&server);
    let neighbour = Neighbour::start(Kind::Starsessions, &server);
    assert_eq!(neighbour.get("/", ID).json(), r#"{"user":"Adaé","n":1}"#);
    assert!(!php_has_its_values(&mut php, 1, ""), "it adds something");
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":2}"#);
    assert!(php_has_its_values(&mut php, 2, "__metadata__"));
}

#[test]
fn starsessions_sets_its_own_ttl_even_when_it_only_reads() {
    let server = Server::start();
    let _php = shared(&server);
    let neighbour = Neighbour::start(Kind::Starsessions, &server);
    neighbour.get("/", ID).json();
    assert!(ttl(&server) > 29 * 86400, "{}", ttl(&server));
    drop(neighbour);
    let neighbour =
        Neighbour::with_env(Kind::Starsessions, &server.addr(), &[("LIFETIME", "1440"), ("ROLLING", "1")]);
    server.command::<()>(&["EXPIRE", &session::key(ID), "50"]);
    neighbour.get("/", ID).json();
    assert!((1430..=1440).contains(&ttl(&server)), "{}", ttl(&server));
}

#[test]
fn starsessions_without_rolling_ends_a_session_that_is_in_use() {
    let server = Server::start();
    let neighbour = Neighbour::with_env(Kind::Starsessions, &server.addr(), &[("LIFETIME", "1440")]);
    let visited = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs() - 1000;
    let metadata = format!(r#"{{"lifetime":1440,"created":{visited}.5,"last_access":{visited}.5}}"#);
    let value = format!(r#"{{"n":1,"__metadata__":{metadata}}}"#);
    server.command::<()>(&["SET", &session::key(ID), &value, "EX", "1440"]);
    neighbour.get("/", ID).json();
    assert!((400..=440).contains(&ttl(&server)), "{}", ttl(&server));
}

#[test]
fn starsessions_takes_no_lock() {
    let server = Server::start();
    let neighbour = Neighbour::start(Kind::Starsessions, &server);
    loses_an_update(&server, &neighbour);
}

#[test]
fn both_undo_a_logout() {
    for kind in [Kind::Starsessions, Kind::FlaskSession] {
        let server = Server::start();
        let neighbour = Neighbour::with_env(kind, &server.addr(), &[("FORMAT", "json")]);
        let mut php = shared(&server);
        let reads = || server.info_commandstats().get("get").copied().unwrap_or_default();
        let before = reads();
        thread::scope(|scope| {
            let request = scope.spawn(|| neighbour.post("/count?hold_ms=1000", ID));
            poll::until("it has read the session", SOON, || reads() > before);
            assert_eq!(
                php.step(&format!("start('{ID}') && session_destroy()")).assert_silent().result,
                "true"
            );
            assert_eq!(stored(&server), None);
            assert_eq!(request.join().expect("the request is answered").status, 200);
        });
        let step =
            php.step(&format!("start('{ID}', ['read_and_close' => true]) ? $_SESSION['user'] : false"));
        assert_eq!(step.assert_silent().result, r#""Ada \u00e9""#);
    }
}

#[test]
fn starsessions_takes_any_id_that_it_is_given() {
    let server = Server::start();
    let neighbour = Neighbour::start(Kind::Starsessions, &server);
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":1}"#);
    assert!(stored(&server).is_some(), "PHP's strict mode would have made an id of its own");
}
