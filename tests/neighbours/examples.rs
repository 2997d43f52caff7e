//! The examples for Flask, Django, Starlette, Express and Go, each on one session with PHP. Each
//! side reads the other's writes, and neither loses or changes the other's values.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::neighbour::{Answer, Kind, Neighbour};
use crate::support::fpm::Fpm;
use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::process;
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;
use phpsess_rs::protocol::{Dead, SessionId, State, handle, list_name};

const ID: &str = "k3jq0v5u9d7s2m4b8n1c6x0zlp";

const HALF_A_LEASE: Duration = Duration::from_secs(5);

/// Everything that a careless reader would change: tags, integers over 2^53, floats that look like
/// integers, digits, escapes, the order and the spelling of names.
const FOREIGN: &str = concat!(
    r#""bytes":{"$bytes":"/w=="},"nan":{"$float":"NAN"},"map":{"$map":[["b",1],[1,2]]},"later":{"$later":[1.0]},"#,
    r#""big":9223372036854775807,"small":-9007199254740993,"one":1.0,"minus":-0.0,"e":[1e+25,1.5e-7,0.1],"#,
    r#""10":{"-5":1,"3":2,"empty":[],"none":{}},"__proto__":{"__proto__":1},"":"é/\u0001\" ${x}<&>","null":null"#,
);

fn php(server: &Server) -> Php {
    Php::new(&server.save_path()).ini("session.serialize_handler", "json").ini("rustredis.lock_wait", "60")
}

fn steps(php: &Php) -> Running {
    let mut running = php.spawn(STEPS);
    running.expect("ready");
    running
}

fn seed(server: &Server, value: &str) {
    server.command::<()>(&["SET", &session::key(ID), value, "EX", "1440"]);
}

fn stored(server: &Server) -> Option<String> {
    server.command(&["GET", &session::key(ID)])
}

fn ttl(server: &Server) -> i64 {
    server.command(&["TTL", &session::key(ID)])
}

/// The keys of all sessions.
fn sessions(server: &Server) -> Vec<String> {
    let mut keys = keys(server);
    keys.retain(|key| !key["PHPREDIS_SESSION:".len()..].contains(['_', ':']));
    keys
}

/// All keys except receipts.
fn keys(server: &Server) -> Vec<String> {
    let mut keys: Vec<String> = server.command(&["KEYS", "*"]);
    keys.retain(|key| !key.contains("_DONE:"));
    keys
}

fn shares_a_session_with_php(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let php = php(&server).ini("session.use_strict_mode", "0");
    let script =
        |work: &str| format!(r#"session_id("{ID}"); session_start(); {work} session_write_close();"#);
    php.run(&script(r#"$_SESSION = ["user" => "Ada é", "n" => 41, "cart" => ["a" => [1.0]]];"#))
        .assert_clean();

    let answer = neighbour.get("/", ID).json().replace(r"\u00e9", "é");
    assert!(answer.contains(r#""user":"Adaé""#) && answer.contains(r#""n":41"#), "{answer}");
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":42}"#);
    assert_eq!(stored(&server).as_deref(), Some(r#"{"user":"Ada é","n":42,"cart":{"a":[1.0]}}"#));

    let output = php.run(&script(
        r#"var_dump($_SESSION === ["user" => "Ada é", "n" => 42, "cart" => ["a" => [1.0]]]); $_SESSION["n"]++;"#,
    ));
    assert_eq!(output.assert_clean().stdout, "bool(true)\n");
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":44}"#);
    assert!(!session::is_locked(&server, ID));
}

fn leaves_what_it_does_not_know(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, &format!(r#"{{{FOREIGN},"n":1,"last":[{{"$bytes":"gA=="}}]}}"#));
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":2}"#);
    assert_eq!(stored(&server), Some(format!(r#"{{{FOREIGN},"n":2,"last":[{{"$bytes":"gA=="}}]}}"#)));
    // Text follows the last member, and the layout is not PHP's.
    seed(&server, &format!("{{ {FOREIGN} , \"n\" : 5 }}"));
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":6}"#);
    assert_eq!(stored(&server), Some(format!(r#"{{{FOREIGN},"n":6}}"#)));
}

fn does_not_break_a_session_that_is_a_tag(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let value = r#"{"$map":[["b",1],[7,2]]}"#;
    seed(&server, value);
    assert_eq!(neighbour.get("/", ID).status, 200);
    assert_eq!(neighbour.post("/count", ID).status, 500);
    assert_eq!(stored(&server).as_deref(), Some(value));
    assert!(!session::is_locked(&server, ID));
}

fn refuses_a_compressed_session_and_leaves_it(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    for (format, magic) in [("zstd", b"\x28\xb5\x2f\xfd"), ("lz4", b"\x04\x22\x4d\x18")] {
        server.command::<()>(&["DEL", &session::key(ID)]);
        let php = php(&server).ini("session.use_strict_mode", "0").ini("rustredis.compression", format);
        let script = r#"start("k3jq0v5u9d7s2m4b8n1c6x0zlp"); $_SESSION = ["n" => 1, "text" => str_repeat("abc", 1000)];"#;
        steps(&php)
            .step(&format!("(function () {{ {script} return session_write_close(); }})()"))
            .assert_silent();
        let before: Vec<u8> = server.command(&["GET", &session::key(ID)]);
        assert!(before.starts_with(magic));
        for answer in [neighbour.get("/", ID), neighbour.post("/count", ID)] {
            assert!(matches!(answer.status, 500 | 503), "{answer:?}");
            let said = answer.body + &neighbour.log();
            // The apps of the other kinds keep the reason of a failed request to themselves.
            let tells = matches!(kind, Kind::Flask | Kind::Starlette | Kind::Express);
            assert!(!tells || said.contains("compressed: set rustredis.compression=none"), "{said}");
        }
        assert_eq!(server.command::<Vec<u8>>(&["GET", &session::key(ID)]), before);
        assert!(!session::is_locked(&server, ID));
    }
}

/// The serializer `php` writes an empty session so, and may have been set before.
fn reads_an_empty_value_as_an_empty_session(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, "");
    let answer = neighbour.get("/", ID);
    assert_eq!((answer.status, answer.cookie.as_deref()), (200, None), "{answer:?}");
    seed(&server, "");
    let answer = neighbour.post("/count", ID);
    assert_eq!((answer.json().as_str(), answer.cookie), (r#"{"n":1}"#, None));
    assert_eq!(stored(&server).as_deref(), Some(r#"{"n":1}"#));
}

/// Some Redis clients go on in database 0, whose sessions may be those of another site.
fn uses_no_database_but_its_own(kind: Kind) {
    let server = Server::start();
    server.command::<()>(&["ACL", "SETUSER", "app", "on", ">sesame", "~*", "+@all", "-select"]);
    seed(&server, r#"{"user":"Ada","n":1}"#);
    for url in [format!("redis://{}/99", server.addr()), format!("redis://app:sesame@{}/1", server.addr())] {
        let neighbour = Neighbour::with_env(kind, &server.addr(), &[("REDIS", &url)]);
        for answer in [neighbour.get("/", ID), neighbour.post("/count", ID), neighbour.post("/count", "")] {
            assert!(matches!(answer.status, 500 | 503), "{url}: {answer:?}");
            assert_eq!(answer.cookie, None);
        }
        assert_eq!(keys(&server), [session::key(ID)], "{url}");
    }
}

fn keeps_the_ttl(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    for path in ["/", "/count"] {
        server.command::<()>(&["EXPIRE", &session::key(ID), "50"]);
        let answer = if path == "/" { neighbour.get(path, ID) } else { neighbour.post(path, ID) };
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!((1430..=1440).contains(&ttl(&server)), "{path}: {}", ttl(&server));
    }
}

fn loses_no_increment(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":0,"one":1.0}"#);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut php = steps(&php(&server));
                for _ in 0..15 {
                    let step = php.step(&format!("increment('{ID}')"));
                    assert_ne!(step.assert_silent().result, "false");
                }
            });
            scope.spawn(|| {
                for _ in 0..15 {
                    let answer = neighbour.post("/count?hold_ms=3", ID);
                    assert_eq!(answer.status, 200, "{answer:?} {}", neighbour.log());
                }
            });
        }
    });
    assert_eq!(stored(&server).as_deref(), Some(r#"{"n":60,"one":1.0}"#));
    assert!(!session::is_locked(&server, ID));
    assert_eq!(session::waiters(&server, ID), 0);
}

fn makes_no_session_under_an_id_that_php_does_not_know(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let long = "a".repeat(300);
    for id in [ID, "x_LOCK", "x%5FLOCK", "%2e%2e", "%0a", "%", &long] {
        assert_eq!(neighbour.get("/", id).status, 200, "{id}");
        assert_eq!(keys(&server), Vec::<String>::new(), "{id}");
        let answer = neighbour.post("/count", id);
        assert_eq!(answer.json(), r#"{"n":1}"#, "{id}");
        let own = answer.cookie.expect("a new session has a cookie");
        assert!(own != id && own.len() >= 22, "{own}");
        assert_eq!(keys(&server), [session::key(&own)], "{id}");
        server.command::<()>(&["FLUSHALL"]);
    }
}

fn makes_a_session_that_php_continues(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let id = neighbour.post("/count", "").cookie.expect("a new session has a cookie");
    let mut php = steps(&php(&server));
    assert_eq!(php.step(&format!("increment('{id}')")).assert_silent().result, "2");
    let answer = neighbour.post("/count", &id);
    assert_eq!(answer.json(), r#"{"n":3}"#);
}

/// Makes a request that fails.
fn fail(neighbour: &Neighbour, kind: Kind) {
    // Go's server ends the connection after a panic, without an answer.
    if kind == Kind::Go {
        assert!(thread::scope(|scope| scope.spawn(|| neighbour.post("/fail", ID)).join()).is_err());
    } else {
        assert_eq!(neighbour.post("/fail", ID).status, 500);
    }
}

fn a_failed_request_writes_nothing(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    fail(&neighbour, kind);
    poll::until("the lock is free", SOON, || !session::is_locked(&server, ID));
    assert_eq!(stored(&server).as_deref(), Some(r#"{"n":1}"#));
}

/// The update was not stored, the request says so, and the visitor's cookie is left alone.
fn assert_refused(answer: &Answer) {
    assert!([400, 500].contains(&answer.status), "{answer:?}");
    assert_eq!(answer.cookie, None, "{answer:?}");
}

fn does_not_undo_a_logout_that_it_waited_for(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    let mut php = steps(&php(&server));
    assert_eq!(php.step(&format!("start('{ID}')")).assert_silent().result, "true");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| neighbour.post("/count", ID));
        poll::until("the service is in the queue", SOON, || server.blocked_clients() == 1);
        assert_eq!(php.step("session_destroy()").assert_silent().result, "true");
        let answer = waiting.join().expect("the request is answered");
        assert_refused(&answer);
    });
    assert_eq!(stored(&server), None);
}

fn does_not_undo_a_logout_in_the_middle_of_its_request(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    let mut php = steps(&php(&server).ini("rustredis.locking", "0"));
    thread::scope(|scope| {
        let holding = scope.spawn(|| neighbour.post("/count?hold_ms=1000", ID));
        poll::until("the service has the lock", SOON, || session::is_locked(&server, ID));
        let step = php.step(&format!("start('{ID}') && session_destroy()"));
        assert_eq!(step.assert_silent().result, "true");
        let answer = holding.join().expect("the request is answered");
        assert!([400, 500].contains(&answer.status), "{answer:?}");
    });
    assert_eq!(stored(&server), None);
    assert!(!session::is_locked(&server, ID));
}

/// A cookie in this answer would replace the cookie of the login.
fn leaves_a_login_in_php_alone(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"user":"Ada","n":1}"#);
    let mut php = steps(&php(&server));
    assert_eq!(php.step(&format!("start('{ID}')")).assert_silent().result, "true");
    let id = thread::scope(|scope| {
        let waiting = scope.spawn(|| neighbour.post("/count", ID));
        poll::until("the service is in the queue", SOON, || server.blocked_clients() == 1);
        assert_eq!(php.step("session_regenerate_id(true)").assert_silent().result, "true");
        let id = php.step("session_id()").assert_silent().result.trim_matches(['\'', '"']).to_owned();
        assert_eq!(php.step("session_write_close()").assert_silent().result, "true");
        assert_refused(&waiting.join().expect("the request is answered"));
        id
    });
    // A request that was sent with the old id may arrive later. It can read what was there before.
    let answer = neighbour.get("/", ID);
    assert!(answer.json().contains(r#""user":"Ada""#) && answer.cookie.is_none(), "{answer:?}");
    assert_refused(&neighbour.post("/count", ID));
    // Its values may be those of a user who has logged out by the change of the id.
    assert_refused(&neighbour.post("/login?label=phone", ID));
    // A logout that ends nothing must say so: the browser gets the new cookie in a moment.
    assert_refused(&neighbour.post("/logout", ID));
    assert_eq!(sessions(&server), [session::key(&id)]);
    assert_eq!(neighbour.post("/count", &id).json(), r#"{"n":2}"#);
    // Ten seconds after the login the browser has had time to take its cookie, as PHP assumes, too.
    let state = format!("{}_STATE", session::key(ID));
    let mark: String = server.command(&["GET", &state]);
    let State::Dead(dead) = State::parse(&mark) else { panic!("the mark says when: {mark}") };
    // A copy that PHP keeps for longer stays one.
    let copy = format!("{}_OLD", session::key(ID));
    let earlier = State::Dead(Dead { at: dead.at - 15_000, ..dead.clone() }).to_string();
    server.command::<()>(&["SET", &state, &earlier, "PX", "280000"]);
    server.command::<u32>(&["EXPIRE", &copy, "280"]);
    assert_refused(&neighbour.post("/count", ID));
    assert_refused(&neighbour.post("/login?label=phone", ID));
    assert_eq!(sessions(&server), [session::key(&id)]);
    assert_eq!(server.command::<u32>(&["DEL", &copy]), 1);
    // The clock of Redis may have been set back since.
    for at in [dead.at - 15_000, dead.at + 3_600_000] {
        let mark = State::Dead(Dead { at, ..dead.clone() }).to_string();
        server.command::<()>(&["SET", &state, &mark, "PX", "280000"]);
        assert!(neighbour.post("/count", ID).cookie.is_some_and(|own| own != ID));
    }
    // After a logout, PHP has left the old cookie and the visitor has no other, so the next request
    // makes a new session.
    assert_eq!(php.step(&format!("start('{id}') && session_destroy()")).assert_silent().result, "true");
    let answer = neighbour.post("/count", &id);
    assert_eq!(answer.json(), r#"{"n":1}"#);
    assert!(answer.cookie.is_some_and(|own| own != id));
    // A logout at the service ends what PHP has left under the old id.
    let moved = "[session_id(''), session_start(), $_SESSION['user'] = 'Ada', session_write_close(), \
                 start($old = session_id()), session_regenerate_id(true), session_write_close()]";
    php.step(moved).assert_silent();
    let id = php.step("session_id()").assert_silent().result.trim_matches(['\'', '"']).to_owned();
    let copies = || keys(&server).iter().filter(|key| key.ends_with("_OLD")).count();
    assert_eq!(copies(), 1);
    assert_eq!(neighbour.post("/logout", &id).cookie.as_deref(), Some(""));
    assert_eq!(copies(), 0);
}

/// In each way in which PHP gives a session a new id, and at each time, the answer of the service
/// has no cookie, and the session goes on under its new id.
fn sends_no_cookie_beside_a_new_id_from_php(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    for (deletes, grace) in [("true", "10"), ("false", "10"), ("true", "0"), ("false", "0")] {
        let mut polite = steps(&php(&server).ini("rustredis.regenerate_grace", grace));
        let mut rude =
            steps(&php(&server).ini("rustredis.regenerate_grace", grace).ini("rustredis.locking", "0"));
        // This is what the files handler of PHP does: the session lives under both ids.
        let is_copied = (deletes, grace) == ("false", "0");
        for (path, times) in [
            ("/", &["late"][..]),
            ("/count?hold_ms=300", &["waiting", "in its middle", "late"]),
            ("/login?label=x&hold_ms=300", &["waiting", "in its middle", "late"]),
            ("/logout", &["waiting", "late"]),
        ] {
            // An explicit login in Django is one in any case, and a session under both ids can end.
            let django = matches!(kind, Kind::Django | Kind::DjangoAsgi);
            let is_own =
                path.starts_with("/log") && is_copied || path.starts_with("/login") && django && grace == "0";
            for time in times.iter().filter(|_| !is_own) {
                let context = format!("session_regenerate_id({deletes}), grace {grace}, {path} {time}");
                server.command::<()>(&["FLUSHALL"]);
                seed(&server, r#"{"user":"Ada","n":1}"#);
                let ask = || if path == "/" { neighbour.get(path, ID) } else { neighbour.post(path, ID) };
                let moves = format!("session_regenerate_id({deletes}) && session_write_close()");
                let (answer, id) = thread::scope(|scope| {
                    let php = if *time == "in its middle" { &mut rude } else { &mut polite };
                    let mut asking = None;
                    if *time == "in its middle" {
                        asking = Some(scope.spawn(ask));
                        poll::until("the service has the lock", SOON, || session::is_locked(&server, ID));
                    }
                    assert_eq!(php.step(&format!("start('{ID}')")).assert_silent().result, "true");
                    if *time == "waiting" {
                        asking = Some(scope.spawn(ask));
                        poll::until("the service is in the queue", SOON, || server.blocked_clients() == 1);
                    }
                    assert_eq!(php.step(&moves).assert_silent().result, "true", "{context}");
                    let answer =
                        asking.map_or_else(ask, |asking| asking.join().expect("the request is answered"));
                    (answer, php.step("session_id()").assert_silent().result.clone())
                });
                assert_eq!(answer.cookie, None, "{context}: {answer:?}");
                let value: Option<String> =
                    server.command(&["GET", &session::key(id.trim_matches(['\'', '"']))]);
                assert_eq!(value.as_deref(), Some(r#"{"user":"Ada","n":1}"#), "{context}: {answer:?}");
                assert!(!session::is_locked(&server, ID), "{context}");
            }
        }
    }
}

/// The mark itself tells them apart. Its TTL does not, because a longer lock prolongs it, and
/// each PHP has settings of its own.
fn tells_a_logout_under_way_from_an_earlier_one(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let state = format!("{}_STATE", session::key(ID));
    for life in ["5000", "300000", "900000"] {
        server.command::<()>(&["SET", &state, "dead|logout|1|earlier", "PX", life]);
        let answer = neighbour.post("/count", ID);
        assert_eq!(answer.json(), r#"{"n":1}"#, "{life}");
        assert!(answer.cookie.is_some_and(|own| own != ID), "{life}");
        thread::scope(|scope| {
            let (before, looked): (u64, u64) = (server.command(&["DBSIZE"]), looks(&server));
            let working = scope.spawn(|| neighbour.post("/count?hold_ms=1000", ID));
            poll::until("the service has looked for the session", SOON, || looks(&server) > looked);
            server.command::<()>(&["SET", &state, "dead|logout|2|later", "PX", life]);
            assert_refused(&working.join().expect("the request is answered"));
            assert_eq!(server.command::<u64>(&["DBSIZE"]), before, "{life}");
        });
    }
}

/// The master of a pair has none while a failover is under way.
fn waits_with_its_write_for_a_replica(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    thread::scope(|scope| {
        let working = scope.spawn(|| neighbour.post("/count?hold_ms=500", ID));
        poll::until("the service has the lock", SOON, || session::is_locked(&server, ID));
        server.set("min-replicas-to-write", "1");
        let calls = || server.info_commandstats().get("evalsha").copied().unwrap_or_default();
        let before = calls();
        // Redis 6 refuses no script for this reason: the write is done at once.
        let done = || !session::is_locked(&server, ID);
        poll::until("its write is refused and comes again", SOON, || calls() > before + 2 || done());
        server.set("min-replicas-to-write", "0");
        assert_eq!(working.join().expect("the request is answered").json(), r#"{"n":2}"#);
    });
    assert_eq!(stored(&server).as_deref(), Some(r#"{"n":2}"#));
    assert!(!session::is_locked(&server, ID));
}

/// A Redis that goes on carries out the commands of requests that have failed meanwhile.
fn gives_back_what_a_server_that_hung_gave_it_too_late(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":2}"#);
    process::signal(server.pid(), "STOP");
    let answer = neighbour.post("/count", ID);
    process::signal(server.pid(), "CONT");
    assert!(matches!(answer.status, 500 | 503), "{answer:?}");
    poll::until("the lock is given after all", SOON, || session::is_locked(&server, ID));
    // The next request of any visitor gives it back.
    assert_eq!(neighbour.post("/count", "").json(), r#"{"n":1}"#);
    poll::until("the lock is free long before its lease ends", HALF_A_LEASE, || {
        !session::is_locked(&server, ID)
    });
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":3}"#);
}

/// The key of a command that Redis does not know is in its error, which a log would show.
fn tells_no_log_the_key_of_a_renamed_command(kind: Kind) {
    for command in ["EVALSHA", "BLPOP", "GET"] {
        let server = Server::with_args(&["--rename-command", command, ""]);
        let neighbour = Neighbour::start(kind, &server);
        if command == "BLPOP" {
            seed(&server, "{}");
            let lock = format!("{}_LOCK", session::key(ID));
            server.command::<()>(&["SET", &lock, "o:0123:1|1795177490491|web1|42|fpm|", "PX", "60000"]);
        }
        assert!(matches!(neighbour.post("/count", ID).status, 500 | 503), "{command}");
        if !matches!(kind, Kind::Django | Kind::DjangoAsgi) {
            // which sends a mail
            poll::until("the log says so", SOON, || neighbour.log().to_lowercase().contains("unknown"));
        }
        assert!(!neighbour.log().contains(ID), "{command}: {}", neighbour.log());
    }
}

/// The messages of some Redis clients contain the command that failed.
fn tells_no_log_the_session_id(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    // The keys of two reads: that of the session, and that of its state before a new session is
    // made.
    for suffix in ["", "_STATE"] {
        server.command::<()>(&["FLUSHALL"]);
        server.command::<()>(&["HSET", &format!("{}{suffix}", session::key(ID)), "a", "b"]);
        assert!(neighbour.post("/count", ID).status >= 500, "{suffix}");
        neighbour.get("/", ID);
    }
    let log = neighbour.log();
    let logs = !matches!(kind, Kind::Django | Kind::DjangoAsgi); // Django sends a mail.
    assert!((!logs || log.contains("WRONGTYPE")) && !log.contains(ID), "{log}");
}

/// The number of times that a service has looked for a session, with its lock, that may not exist.
fn looks(server: &Server) -> u64 {
    let stats: String = server.command(&["INFO", "commandstats"]);
    let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_mget:calls="));
    calls.and_then(|calls| calls.split(',').next()?.parse().ok()).unwrap_or_default()
}

/// PHP takes the last one, too. PHP never writes a name twice, but a client that builds its text by
/// hand may.
fn takes_the_last_of_two_members_of_one_name(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1,"user":"Eve","x":{"a":1,"a":2.0},"n":5,"\u0075ser":"Ada"}"#);
    let answer = neighbour.get("/", ID).json();
    assert!(answer.contains(r#""user":"Ada""#) && answer.contains(r#""n":5"#), "{answer}");
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":6}"#);
    assert_eq!(stored(&server).as_deref(), Some(r#"{"n":6,"user":"Ada","x":{"a":1,"a":2.0}}"#));
}

fn sends_a_cookie_only_for_another_id(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    for path in ["/count", "/count"] {
        let answer = neighbour.post(path, ID);
        assert_eq!((answer.status, answer.cookie), (200, None));
    }
    assert_eq!(neighbour.get("/", ID).cookie, None);
    assert_eq!(neighbour.get("/", "unknown-0123456789").cookie, None);
    assert_eq!(neighbour.post("/logout", "unknown-0123456789").cookie, None);
    assert_eq!(neighbour.post("/logout", ID).cookie.as_deref(), Some(""));
    assert_eq!(stored(&server), None);
}

/// PHP percent-encodes such ids with `session.sid_bits_per_character=6`.
fn finds_an_id_that_php_percent_encoded(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    server.command::<()>(&["SET", &session::key("comma,comma-0123456789abcdef"), r#"{"user":"Ada","n":1}"#]);
    for cookie in
        ["comma%2Ccomma-0123456789abcdef", "comma%2ccomm%61-0123456789abcdef", "comma,comma-0123456789abcdef"]
    {
        let answer = neighbour.get("/", cookie);
        let found = answer.json().contains(r#""user":"Ada""#) && answer.cookie.is_none();
        assert!(found, "{cookie}: {answer:?}");
    }
    let answer = neighbour.post("/count", "comma%2Ccomma-0123456789abcdef");
    assert_eq!((answer.json().as_str(), answer.cookie), (r#"{"n":2}"#, None));
}

/// From 1 to 256 characters. An application in PHP chooses such ids by `session_id('user-42')`.
fn takes_each_id_that_php_takes(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let longest = "a".repeat(256);
    for id in ["a", "0", "-", ",", "user-42", "1234567", "12345678", ",,,,,,,,", "A,-z", &longest] {
        server.command::<()>(&["FLUSHALL"]);
        server.command::<()>(&["SET", &session::key(id), r#"{"user":"Ada","n":7}"#, "EX", "1440"]);
        let answer = neighbour.get("/", id);
        assert!(answer.json().contains(r#""n":7"#) && answer.cookie.is_none(), "{id}: {answer:?}");
        let answer = neighbour.post("/count", id);
        assert_eq!((answer.json().as_str(), answer.cookie), (r#"{"n":8}"#, None), "{id}");
        assert_eq!(sessions(&server), [session::key(id)]);
        let own = neighbour.post("/login?label=x", id).cookie.expect("a login has a new id");
        assert_eq!(sessions(&server), [session::key(&own)], "{id}");
        server.command::<()>(&["FLUSHALL"]);
        server.command::<()>(&["SET", &session::key(id), r#"{"n":7}"#, "EX", "1440"]);
        assert_eq!(neighbour.post("/logout", id).cookie.as_deref(), Some(""), "{id}");
        assert_eq!(sessions(&server), Vec::<String>::new(), "{id}");
        assert!(!session::is_locked(&server, id), "{id}");
    }
    // PHP gives a visitor with such a cookie a new id.
    for id in [&format!("{longest}a"), "a_b", "a.b", "a%20", "a%0a", "a%00", "%C3%A9", "a%2", "a+b"] {
        server.command::<()>(&["FLUSHALL"]);
        let answer = neighbour.post("/count", id);
        let own = answer.cookie.unwrap_or_else(|| panic!("{id}: {}", answer.body));
        assert_eq!(sessions(&server), [session::key(&own)], "{id}");
    }
}

fn takes_the_cookie_that_php_takes(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let page =
        "session_start(['read_and_close' => true]); echo json_encode(['user' => $_SESSION['user'] ?? null]);";
    let fpm = Fpm::start(&php(&server), 1, page);
    seed(&server, r#"{"user":"Ada"}"#);
    server.command::<()>(&["SET", &session::key("other-0123456789abcdef"), r#"{"user":"Bob"}"#]);
    for (cookies, user) in [
        (format!("PHPSESSID={ID}; PHPSESSID=other-0123456789abcdef"), r#""Ada""#),
        (format!("PHPSESSID=unknown-0123456789; PHPSESSID={ID}"), "null"),
        (format!("PHPSESSID=; PHPSESSID={ID}"), "null"),
        (format!("PHPSESSID; PHPSESSID={ID}"), "null"),
        (format!("phpsessid=other-0123456789abcdef;PHPSESSID={ID}"), r#""Ada""#),
        (format!("x=\"a; PHPSESSID={ID}; y=\""), r#""Ada""#),
        (format!("PHPSESSID=\"{ID}\""), "null"),
        (format!("PHPSESSID={ID}=; a=b"), "null"),
        (format!("PHPSESSID={ID} ; a=b"), "null"),
        // PHP makes an array of these.
        (format!("PHPSESSID[a]=1; PHPSESSID={ID}"), "null"),
        (format!("PHPSESSID={ID}; PHPSESSID[]=1"), "null"),
        // PHP takes a bracket without its other half for a part of the name.
        (format!("PHPSESSID[a=1; PHPSESSID]=2; PHPSESSID={ID}"), r#""Ada""#),
        // PHP takes this space for a part of the name. Such a cookie must not replace the other
        // one.
        (format!("a=b;\u{a0}PHPSESSID=other-0123456789abcdef; PHPSESSID={ID}"), r#""Ada""#),
    ] {
        let expected = format!(r#""user":{user}"#);
        let answer = fpm.get("", &cookies).body;
        assert!(answer.contains(&expected), "PHP with {cookies}: {answer}");
        let answer = neighbour.get_with("/", &cookies).json();
        assert!(answer.contains(&expected), "{cookies}: {answer}");
    }
}

fn its_logout_holds_for_php(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    let mut php = steps(&php(&server).ini("rustredis.locking", "0"));
    assert_eq!(php.step(&format!("start('{ID}') && ++$_SESSION['n']")).assert_silent().result, "true");
    assert_eq!(neighbour.post("/logout", ID).status, 200);
    let step = php.step("session_write_close()");
    assert!(step.only_warning().contains("destroyed"), "{step:?}");
    assert_eq!(stored(&server), None);
}

/// PHP without locking does not wait for the service, and a lock may be lost. The session goes on
/// under its new id, which the visitor's browser has got.
fn its_logout_fails_if_php_has_moved_the_session(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let mut polite = steps(&php(&server));
    let mut rude = steps(&php(&server).ini("rustredis.locking", "0"));
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    let state_key = session::side_key(&server, ID, "STATE");
    for (has_user, is_lost, is_moved) in [
        (false, false, true),
        (false, true, true),
        (true, false, true),
        (true, true, true),
        (true, false, false),
        (true, true, false),
    ] {
        let context = format!("user {has_user}, lock lost {is_lost}, moved {is_moved}");
        server.command::<()>(&["FLUSHALL"]);
        let before = format!(
            "[session_id('{ID}'), session_start(['use_strict_mode' => 0]), $_SESSION['n'] = 1, \
             {has_user} && rustredis_user('Ada'), session_write_close()]"
        );
        polite.step(&before).assert_silent();
        let php = if is_lost { &mut polite } else { &mut rude };
        let (answer, id) = thread::scope(|scope| {
            let leaving = scope.spawn(|| neighbour.post("/logout?hold_ms=1000", ID));
            poll::until("the service has the lock", SOON, || session::is_locked(&server, ID));
            if is_lost {
                server.command::<()>(&["DEL", &format!("{}_LOCK", session::key(ID))]);
            }
            let step = if is_moved {
                format!(
                    "[start('{ID}'), session_regenerate_id(true), session_id(), session_write_close()][2]"
                )
            } else {
                format!("start('{ID}') && session_destroy()")
            };
            let id = php.step(&step).assert_silent().result.trim_matches(['\'', '"']).to_owned();
            (leaving.join().expect("the request is answered"), id)
        });
        let mark: String = server.command(&["GET", &state_key]);
        if is_moved {
            assert_refused(&answer);
            assert_eq!(sessions(&server), [session::key(&id)], "{context}");
            assert_eq!(on_list(&server, &list).contains(&id), has_user, "{context}");
            assert!(mark.starts_with("dead|regenerated|"), "{context}: {mark}");
        } else {
            // A session that PHP has ended is over, as the logout says.
            assert_eq!((answer.status, answer.cookie.as_deref()), (200, Some("")), "{context}: {answer:?}");
            assert_eq!(sessions(&server), Vec::<String>::new(), "{context}");
            assert_eq!(on_list(&server, &list), Vec::<String>::new(), "{context}");
            assert!(mark.starts_with("dead|logout|"), "{context}: {mark}");
        }
        assert!(!session::is_locked(&server, ID), "{context}");
    }
}

fn says_that_it_could_not_write_after_losing_the_lock(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":1}"#);
    thread::scope(|scope| {
        let holding = scope.spawn(|| neighbour.post("/count?hold_ms=500", ID));
        poll::until("the service has the lock", SOON, || session::is_locked(&server, ID));
        server.command::<()>(&["DEL", &format!("{}_LOCK", session::key(ID))]);
        let mut php = steps(&php(&server));
        assert_eq!(php.step(&format!("increment('{ID}')")).assert_silent().result, "2");
        let answer = holding.join().expect("the request is answered");
        assert!([400, 500].contains(&answer.status), "{answer:?}");
    });
    assert_eq!(stored(&server).as_deref(), Some(r#"{"n":2}"#));
}

fn loses_nothing_with_a_reply(kind: Kind) {
    let server = Server::start();
    let proxy = Proxy::start(&server.addr());
    let neighbour = Neighbour::with_env(kind, &proxy.addr(), &[]);
    seed(&server, r#"{"n":0}"#);
    // The service is connected, and Redis knows all scripts.
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":1}"#);
    // The lost replies: first that to the request that takes the lock, then that to the one that
    // writes and releases it.
    for (reply, n) in [(1, 2), (2, 3)] {
        proxy.swallow_reply(reply);
        assert_eq!(neighbour.post("/count", ID).json(), format!(r#"{{"n":{n}}}"#));
        assert!(proxy.has_swallowed());
        assert_eq!(stored(&server), Some(format!(r#"{{"n":{n}}}"#)));
        poll::until("the lock is free", SOON, || !session::is_locked(&server, ID));
    }
}

fn survives_a_restart_of_redis(kind: Kind) {
    let mut server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    seed(&server, r#"{"n":0}"#);
    thread::scope(|scope| {
        // Parallel requests open several connections, if the service has them.
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(neighbour.post("/count?hold_ms=20", ID).status, 200));
        }
    });
    server.restart();
    seed(&server, r#"{"n":5}"#);
    assert_eq!(neighbour.post("/count", ID).json(), r#"{"n":6}"#);
}

/// The three clients of the protocol have this in common: Django and Starlette use Flask's.
#[test]
fn gives_back_no_more_locks_than_its_own_lease_allows() {
    // To release all of them, one after the other with this delay, takes most of a lease.
    const MANY: usize = 30;
    const SLOW: Duration = Duration::from_millis(250);
    thread::scope(|scope| {
        for kind in [Kind::Flask, Kind::Express, Kind::Go] {
            scope.spawn(move || {
                let server = Server::start();
                let proxy = Proxy::start(&server.addr());
                let neighbour = Neighbour::with_env(kind, &proxy.addr(), &[]);
                assert_eq!(neighbour.post("/count", "").json(), r#"{"n":1}"#);
                process::signal(server.pid(), "STOP");
                thread::scope(|scope| {
                    let ask = |n| neighbour.post("/count", &format!("{ID}{n}"));
                    let requests: Vec<_> = (0..MANY).map(|n| scope.spawn(move || ask(n))).collect();
                    for request in requests {
                        let answer = request.join().expect("the request is answered");
                        assert!(matches!(answer.status, 500 | 503), "{answer:?}");
                    }
                });
                process::signal(server.pid(), "CONT");
                proxy.delay(SLOW);
                let before = proxy.counts();
                assert_eq!(neighbour.post("/count", "").json(), r#"{"n":1}"#);
                let trips = (proxy.counts() - before).trips;
                assert!(trips < MANY * 2 / 3, "{trips} trips");
            });
        }
    });
}

macro_rules! each_of {
    ($($module:ident: $kind:ident),*; $($test:ident),* $(,)?) => {
        each_of!(@ [$($module $kind)*] ($($test)*));
    };
    (@ [$($module:ident $kind:ident)*] $tests:tt) => {
        $(each_of!(@@ $module $kind $tests);)*
    };
    (@@ $module:ident $kind:ident ($($test:ident)*)) => {
        mod $module {
            $(#[test]
            fn $test() {
                super::$test(super::Kind::$kind);
            })*
        }
    };
}

each_of! {
    flask: Flask, django: Django, django_asgi: DjangoAsgi, starlette: Starlette, express: Express, go: Go;
    shares_a_session_with_php,
    leaves_what_it_does_not_know,
    does_not_break_a_session_that_is_a_tag,
    refuses_a_compressed_session_and_leaves_it,
    reads_an_empty_value_as_an_empty_session,
    uses_no_database_but_its_own,
    keeps_the_ttl,
    loses_no_increment,
    makes_no_session_under_an_id_that_php_does_not_know,
    makes_a_session_that_php_continues,
    a_failed_request_writes_nothing,
    does_not_undo_a_logout_that_it_waited_for,
    does_not_undo_a_logout_in_the_middle_of_its_request,
    leaves_a_login_in_php_alone,
    sends_no_cookie_beside_a_new_id_from_php,
    tells_a_logout_under_way_from_an_earlier_one,
    takes_the_last_of_two_members_of_one_name,
    tells_no_log_the_session_id,
    tells_no_log_the_key_of_a_renamed_command,
    waits_with_its_write_for_a_replica,
    gives_back_what_a_server_that_hung_gave_it_too_late,
    sends_a_cookie_only_for_another_id,
    finds_an_id_that_php_percent_encoded,
    takes_each_id_that_php_takes,
    takes_the_cookie_that_php_takes,
    its_logout_holds_for_php,
    its_logout_fails_if_php_has_moved_the_session,
    says_that_it_could_not_write_after_losing_the_lock,
    loses_nothing_with_a_reply,
    survives_a_restart_of_redis,
    lists_limits_and_ends_the_sessions_of_a_user,
    its_login_does_not_undo_a_revocation,
    leaves_the_session_of_another_user,
    its_login_sees_an_end_since_the_session_was_read,
    its_login_counts_once,
    its_slow_login_is_not_saved_after_it_was_chosen,
    keeps_the_user_of_a_session_that_it_never_saves,
    counts_no_login_that_was_not_saved,
    leaves_one_session_after_two_logins_in_a_request,
    ends_all_sessions_of_a_user_but_its_own,
    ends_and_counts_no_session_of_nobody,
    counts_no_session_that_has_expired,
}

/// A second factor or a framework may log the user in once more in the same request.
fn leaves_one_session_after_two_logins_in_a_request(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    for case in ["nobody", "a visitor", "the user"] {
        let came = match case {
            "nobody" => String::new(),
            "a visitor" => {
                seed(&server, r#"{"n":1}"#);
                ID.to_owned()
            }
            _ => neighbour.post("/login?label=before", "").cookie.expect("a login has a new id"),
        };
        let answer = neighbour.post("/login?label=here&again=phone&limit=1&on_limit=refuse", &came);
        assert_eq!(answer.json(), r#"{"done":true}"#, "{case}");
        let id = answer.cookie.expect("a login has a new id");
        assert_eq!(sessions(&server), [session::key(&id)], "{case}");
        assert_eq!(on_list(&server, &list), [id.as_str()], "{case}");
        assert_eq!(devices(&neighbour, &id).0, ["phone"], "{case}");
        assert!(!session::is_locked(&server, &id) && !session::is_locked(&server, &came), "{case}");
        if !came.is_empty() {
            let mark: String = server.command(&["GET", &session::side_key(&server, &came, "STATE")]);
            assert!(mark.starts_with("dead|regenerated|"), "{case}: {mark}");
        }
        assert_eq!(neighbour.post("/logout", &id).cookie.as_deref(), Some(""), "{case}");
        assert_eq!(sessions(&server), Vec::<String>::new(), "{case}");
    }
}

/// The sessions on a list, without the traces of those that were ended.
fn on_list(server: &Server, list: &str) -> Vec<String> {
    let mut places: BTreeMap<String, String> = server.command(&["HGETALL", list]);
    places.retain(|_, value| !value.starts_with('~'));
    places.into_keys().collect()
}

/// A change of the password: a new id, a login, and an end of the others before the session is
/// stored.
fn ends_all_sessions_of_a_user_but_its_own(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    let log_in = |label: &str| {
        neighbour.post(&format!("/login?label={label}"), "").cookie.expect("a login has a new id")
    };
    let state = |id: &str| -> String { server.command(&["GET", &session::side_key(&server, id, "STATE")]) };
    let (own, other) = (log_in("own"), log_in("other"));
    let answer = neighbour.post("/password?label=new", &own);
    assert_eq!(answer.json(), r#"{"ended":1}"#);
    let id = answer.cookie.expect("a login has a new id");
    assert!(state(&own).starts_with("dead|regenerated|"), "{}", state(&own));
    assert!(state(&other).starts_with("dead|revoked|"), "{}", state(&other));
    assert_eq!(sessions(&server), [session::key(&id)]);
    assert_eq!(on_list(&server, &list), [id.as_str()]);
    assert_eq!(devices(&neighbour, &id).0, ["new"]);
    // PHP gives it another id, and a request that was sent with the old one ends all others.
    let mut php = steps(&php(&server).ini("session.gc_maxlifetime", "1440"));
    let move_it =
        format!("[start('{id}'), session_regenerate_id(true), session_write_close(), session_id()][3]");
    let moved = php.step(&move_it).assert_silent().result.trim_matches(['"', '\'']).to_owned();
    let other = log_in("other");
    assert_eq!(neighbour.post("/revoke", &id).json(), r#"{"ended":1}"#);
    assert!(state(&other).starts_with("dead|revoked|"), "{}", state(&other));
    assert_eq!(sessions(&server), [session::key(&moved)]);
    assert_eq!(neighbour.post("/revoke", &moved).json(), r#"{"ended":0}"#);
}

/// A login that was cut off has left the session of a visitor on the list of the user.
fn ends_and_counts_no_session_of_nobody(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    let listed = |id: &str| server.command::<bool>(&["HEXISTS", &list, id]);
    let bumped = |ms: &str| server.command::<()>(&["HSET", &list, ID, &format!("{ms}|99999999999999")]);
    let mut id = neighbour.post("/login?label=own", "").cookie.expect("a login has a new id");
    seed(&server, r#"{"cart":1}"#);
    let by_handle = format!("/revoke?handle={}", handle(&SessionId::parse(ID.as_bytes()).expect("an id")));
    for end in [&by_handle, "/revoke", "/login?label=own&limit=1"] {
        // A limit may have chosen it, and its caller died.
        for mark in ["", "-"] {
            bumped(&format!("{mark}1"));
            let answer = neighbour.post(end, &id);
            assert!([r#"{"ended":0}"#, r#"{"done":true}"#].contains(&&*answer.json()), "{end} {answer:?}");
            id = answer.cookie.unwrap_or(id);
            assert_eq!(stored(&server).as_deref(), Some(r#"{"cart":1}"#), "{end} {mark}");
            assert!(!listed(ID) && listed(&id), "{end} {mark}");
        }
    }
    // One that has ended keeps its reason.
    server.command::<()>(&["DEL", &session::key(ID)]);
    let state = session::side_key(&server, ID, "STATE");
    server.command::<()>(&["SET", &state, "dead|logout|2|a0token", "PX", "100000"]);
    bumped("1");
    assert_eq!(neighbour.post("/revoke", &id).json(), r#"{"ended":0}"#);
    assert_eq!(server.command::<String>(&["GET", &state]), "dead|logout|2|a0token");
    server.command::<()>(&["DEL", &state]);
    // A login that may be running ends.
    seed(&server, r#"{"cart":1}"#);
    bumped(&soon());
    assert_eq!(neighbour.post("/revoke", &id).json(), r#"{"ended":1}"#);
    assert_eq!(stored(&server), None);
}

/// A session that has expired was stored, so that its login is not one that is still running.
fn counts_no_session_that_has_expired(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    let log_in = |label: &str, more: &str| {
        let answer = neighbour.post(&format!("/login?label={label}&hold_ms=600{more}"), "");
        assert_eq!(answer.json(), r#"{"done":true}"#, "{label}");
        answer.cookie.expect("a login has a new id")
    };
    let expire = |id: &str| assert_eq!(server.command::<u32>(&["DEL", &session::key(id)]), 1);
    let reason = |id: &str| {
        let state: String = server.command(&["GET", &session::side_key(&server, id, "STATE")]);
        state.split('|').nth(1).unwrap_or_default().to_owned()
    };
    let first = log_in("first", "");
    expire(&first);
    let second = log_in("second", "&limit=1&on_limit=refuse");
    assert_eq!(reason(&first), "idle");
    expire(&second);
    let third = log_in("third", "&limit=2&on_limit=refuse");
    let fourth = log_in("fourth", "&limit=2&on_limit=refuse");
    // A revocation counts none that has expired before, and leaves the reason.
    expire(&third);
    server.command::<()>(&["HSET", &list, &third, "1|99999999999999"]);
    assert_eq!(neighbour.post("/revoke", &fourth).json(), r#"{"ended":0}"#);
    assert_eq!(reason(&third), "idle");
    assert_eq!(on_list(&server, &list), [fourth.as_str()]);
}

/// The time of a place that a login may still need, for as long as this can be.
fn soon() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    (now.as_millis() + 9_000).to_string()
}

/// A login that came to nothing leaves the visitor's session on the list of the user.
fn counts_no_login_that_was_not_saved(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    let listed = || {
        let mut names = server.command::<Vec<String>>(&["HKEYS", &list]);
        names.sort();
        names
    };
    let lives = |id: &str| server.command::<bool>(&["EXISTS", &session::key(id)]);
    let first = neighbour.post("/login?label=first", "").cookie.expect("a login has a new id");
    seed(&server, r#"{"n":1}"#);
    let bumped = |ms: &str| server.command::<()>(&["HSET", &list, ID, &format!("{ms}|99999999999999")]);
    // It may be running, or not any more.
    bumped(&soon());
    assert_eq!(devices(&neighbour, &first).0, ["first"]);
    assert!(listed().contains(&ID.to_owned()));
    bumped("1");
    assert_eq!(devices(&neighbour, &first).0, ["first"]);
    assert_eq!(listed(), [first.as_str()]);
    bumped(&soon());
    let second = neighbour.post("/login?label=second&limit=2&on_limit=refuse", "");
    assert_eq!(second.json(), r#"{"done":false}"#);
    bumped("1");
    let second = neighbour.post("/login?label=second&limit=2", "").cookie.expect("a login has a new id");
    assert!(lives(ID) && lives(&first) && lives(&second));
    let mut both = [first.clone(), second.clone()];
    both.sort();
    assert_eq!(listed(), both);
    // With the same user again, the earlier id leaves the list only when it has ended.
    let third = thread::scope(|scope| {
        let login = scope.spawn(|| neighbour.post("/login?hold_ms=1000&label=third&limit=2", &second));
        poll::until("the new id is on the list", SOON, || listed().len() == 3);
        assert!(lives(&second) && listed().contains(&second));
        login.join().expect("the request is answered").cookie.expect("a login has a new id")
    });
    let mut both = [first.clone(), third];
    both.sort();
    assert_eq!(listed(), both);
    assert!(lives(&first) && !lives(&second));
}

/// A session that other languages only read, or whose requests fail there, lives on by that.
fn keeps_the_user_of_a_session_that_it_never_saves(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let mut php = steps(&php(&server).ini("session.gc_maxlifetime", "1440"));
    let line = format!(
        "[session_id('{ID}'), session_start(['use_strict_mode' => 0]), $_SESSION['n'] = 1, \
         rustredis_user('Eve'), session_write_close()]"
    );
    php.step(&line).assert_silent();
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Eve"));
    let state_key = session::side_key(&server, ID, "STATE");
    let mut fields: Vec<String> =
        server.command::<String>(&["GET", &state_key]).split('|').map(str::to_owned).collect();
    for fails in [false, true] {
        fields[5] = "1".into();
        server.command::<()>(&["SET", &state_key, &fields.join("|"), "EX", "100"]);
        server.command::<()>(&["DEL", &list]);
        if fails {
            fail(&neighbour, kind);
        } else {
            assert_eq!(neighbour.get("/", ID).status, 200);
        }
        assert!(ttl(&server) > 1400, "fails {fails}: {}", ttl(&server));
        for key in [&state_key, &list] {
            let left: i64 = server.command(&["TTL", key]);
            assert!(left > 2800, "fails {fails}, {key}: {left}");
        }
        assert_eq!(server.command::<Vec<String>>(&["HKEYS", &list]), [ID]);
    }
    assert_eq!(php.step("rustredis_revoke('Eve')").assert_silent().result, "1");
}

/// A user logs in at a browser where another user has not logged out.
fn leaves_the_session_of_another_user(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let mut php = steps(&php(&server));
    let list = |user: &str| format!("PHPREDIS_SESSION:USER:{}", list_name(user.as_bytes()));
    let listed = |user: &str| server.command::<Vec<String>>(&["HKEYS", &list(user)]);
    let lives = |id: &str| server.command::<bool>(&["EXISTS", &session::key(id)]);
    let mut log_in = |id: &str| {
        let line = format!(
            "[session_id('{id}'), session_start(['use_strict_mode' => 0]), $_SESSION['n'] = 1, \
             rustredis_user('Eve'), session_write_close()]"
        );
        php.step(&line).assert_silent();
    };
    log_in(ID);
    assert_eq!(listed("Eve"), [ID]);
    let adas = neighbour.post("/login?label=x", ID).cookie.expect("a login has a new id");
    assert_eq!((listed("Eve"), listed("Ada")), (vec![], vec![adas.clone()]));
    // A refused login leaves her session to Eve, and nothing on her list.
    let before = "another0session0of0eve0000";
    log_in(before);
    let answer = neighbour.post("/login?label=x&limit=1&on_limit=refuse", before);
    assert_eq!(answer.json(), r#"{"done":false}"#);
    let eves = answer.cookie.unwrap_or_else(|| before.to_owned());
    assert_eq!((listed("Eve"), listed("Ada")), (vec![eves.clone()], vec![adas.clone()]));
    // An entry that a lost command has left on a list is neither shown nor ended there.
    for (bumped, stays) in [(soon(), true), ("1".to_owned(), false)] {
        server.command::<()>(&["HSET", &list("Ada"), &eves, &format!("{bumped}|99999999999999")]);
        assert_eq!(devices(&neighbour, &adas).0, ["x"]);
        server.command::<()>(&["HSET", &list("Ada"), &eves, &format!("-{bumped}|99999999999999")]);
        assert_eq!(devices(&neighbour, &adas).0, ["x"]);
        assert!(lives(&eves));
        assert_eq!(listed("Ada").contains(&eves), stays, "{bumped}");
        server.command::<()>(&["HSET", &list("Ada"), &eves, &format!("{bumped}|99999999999999")]);
        let revoke = format!("/revoke?handle={}", handle(&SessionId::parse(eves.as_bytes()).expect("an id")));
        assert_eq!(neighbour.post(&revoke, &adas).json(), r#"{"ended":0}"#);
        assert!(lives(&eves));
    }
    assert_eq!(php.step("rustredis_revoke('Eve')").assert_silent().result, "1");
    assert!(!lives(&eves) && lives(&adas));
    // One that is missing may only be late at this server, so it stays until its time is over.
    server.command::<()>(&["HSET", &list("Ada"), "missing", "1|99999999999999"]);
    assert_eq!(devices(&neighbour, &adas).0, ["x"]);
    assert!(listed("Ada").contains(&"missing".to_owned()));
}

/// An end that came before the request has read its session was that of another one under this id.
fn its_login_sees_an_end_since_the_session_was_read(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let mut php = steps(&php(&server));
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    // A trace stays for a minute.
    for (user, left, is_over) in
        [("Eve", 20_000, false), ("Eve", 55_000, false), ("Eve", 70_000, true), ("Ada", 20_000, true)]
    {
        let id = format!("{ID}{user}{left}");
        let login = format!(
            "[session_id('{id}'), session_start(['use_strict_mode' => 0]), $_SESSION['n'] = 1, \
             rustredis_user('{user}'), session_write_close()]"
        );
        php.step(&login).assert_silent();
        let (seconds, _): (u64, u64) = server.command(&["TIME"]);
        server.command::<()>(&["HSET", &list, &id, &format!("~{}", seconds * 1000 + left)]);
        let answer = neighbour.post("/login?label=x&limit=1", &id);
        if is_over {
            assert_refused(&answer);
        } else {
            assert_eq!(answer.json(), r#"{"done":true}"#, "{id}");
        }
        assert!(!session::is_locked(&server, &id), "{id}");
    }
}

/// The login that has chosen it may have died before it has ended the session.
fn its_slow_login_is_not_saved_after_it_was_chosen(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    thread::scope(|scope| {
        let login = scope.spawn(|| neighbour.post("/login?hold_ms=5200&label=x", ""));
        let id = poll::until_some("the new id is on the list", SOON, || {
            server.command::<Vec<String>>(&["HKEYS", &list]).pop()
        });
        let value: String = server.command(&["HGET", &list, &id]);
        server.command::<()>(&["HSET", &list, &id, &format!("-{value}")]);
        assert_refused(&login.join().expect("the request is answered"));
        assert!(!session::is_locked(&server, &id));
    });
    assert_eq!(sessions(&server), Vec::<String>::new());
}

/// Until it is saved, a login of a session that is the user's has a place under each of its ids.
fn its_login_counts_once(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let mut php = steps(&php(&server));
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    let mut id = neighbour.post("/login?label=x", "").cookie.expect("a login has a new id");
    for on_limit in ["refuse", "oldest"] {
        let came = id.clone();
        id = thread::scope(|scope| {
            let login = scope.spawn(|| neighbour.post("/login?hold_ms=1000&label=x", &came));
            poll::until("the new id is on the list", SOON, || {
                server.command::<Vec<String>>(&["HKEYS", &list]).iter().any(|id| *id != came)
            });
            let other = format!(
                "[session_id('other-{on_limit}'), session_start(['use_strict_mode' => 0]), \
                 rustredis_user('Ada', 2, '{on_limit}'), session_destroy()][2]"
            );
            assert_eq!(php.step(&other).assert_silent().result, "true", "{on_limit}");
            let answer = login.join().expect("the request is answered");
            assert_eq!(answer.json(), r#"{"done":true}"#, "{on_limit}");
            answer.cookie.expect("a login has a new id")
        });
        assert_eq!(sessions(&server), [session::key(&id)], "{on_limit}");
    }
}

/// A request under way must not carry the session over to another id.
fn its_login_does_not_undo_a_revocation(kind: Kind) {
    // The earlier user, or the same user once more.
    for user in ["Eve", "Ada"] {
        let server = Server::start();
        let neighbour = Neighbour::start(kind, &server);
        let mut php = steps(&php(&server));
        let before = format!(
            "[session_id('{ID}'), session_start(['use_strict_mode' => 0]), $_SESSION['n'] = 1, \
             rustredis_user('{user}'), session_write_close()]"
        );
        php.step(&before).assert_silent();
        let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
        thread::scope(|scope| {
            let login = scope.spawn(|| neighbour.post("/login?hold_ms=1000&label=x", ID));
            poll::until("the new id is on the list", SOON, || {
                server.command::<Vec<String>>(&["HKEYS", &list]).iter().any(|id| id != ID)
            });
            // The new id counts, too, if it is on the list of this user.
            let ended = php.step(&format!("rustredis_revoke('{user}')")).assert_silent().result.clone();
            assert!(["1", "2"].contains(&&*ended), "{user}: {ended}");
            assert_refused(&login.join().expect("the request is answered"));
        });
        assert_eq!(sessions(&server), Vec::<String>::new(), "{user}");
        let mark: String = server.command(&["GET", &session::side_key(&server, ID, "STATE")]);
        assert!(mark.starts_with("dead|revoked|"), "{user}: {mark}");
        assert!(!session::is_locked(&server, ID), "{user}");
    }
}

/// The labels of a user's sessions, and that of the current one, as the example tells them.
fn devices(neighbour: &Neighbour, id: &str) -> (Vec<String>, Option<String>, Vec<String>) {
    let answer = neighbour.get("/devices", id).json();
    let found: Vec<serde_json::Value> = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{answer}"));
    let text = |one: &serde_json::Value, name: &str| one[name].as_str().expect("a text").to_owned();
    let mut sorted: Vec<_> = found.iter().map(|one| (text(one, "label"), text(one, "handle"))).collect();
    sorted.sort();
    let current = found.iter().find(|one| one["current"] == true).map(|one| text(one, "label"));
    let (labels, handles) = sorted.into_iter().unzip();
    (labels, current, handles)
}

fn lists_limits_and_ends_the_sessions_of_a_user(kind: Kind) {
    let server = Server::start();
    let neighbour = Neighbour::start(kind, &server);
    let mut php = steps(&php(&server).ini("session.gc_maxlifetime", "1440"));
    let lives = |id: &str| server.command::<bool>(&["EXISTS", &session::key(id)]);
    let reason = |id: &str| -> String {
        let state: String = server.command(&["GET", &session::side_key(&server, id, "STATE")]);
        state.split('|').nth(1).unwrap_or_default().to_owned()
    };
    // A login here, under a new id, and one in PHP: each side sees both.
    seed(&server, r#"{"n":1}"#);
    let answer = neighbour.post("/login?label=here", ID);
    assert_eq!(answer.json(), r#"{"done":true}"#);
    let here = answer.cookie.expect("a login has a new id");
    assert!(!lives(ID) && lives(&here) && reason(ID) == "regenerated", "{}", reason(ID));
    let log_in = |php: &mut Running, label: &str, limit: u64| {
        let line = format!(
            "[session_id(''), session_start(), $_SESSION['user'] = 'Ada', \
             rustredis_user('Ada', {limit}, 'oldest', '{label}'), session_write_close(), session_id()][5]"
        );
        php.step(&line).assert_silent().result.trim_matches(['"', '\'']).to_owned()
    };
    let there = log_in(&mut php, "there", 0);
    let labels = "implode(',', [...array_column(rustredis_user_sessions('Ada'), 'label')])";
    let told = php.step(labels).assert_silent().result.clone();
    assert!(told.contains("here") && told.contains("there"), "{told}");
    let (labels, current, handles) = devices(&neighbour, &here);
    assert_eq!((labels, current), (vec!["here".into(), "there".into()], Some("here".into())));
    // One is ended from here, and the other from PHP.
    let revoke = format!("/revoke?handle={}", handles[1]);
    assert_eq!(neighbour.post(&revoke, &here).json(), r#"{"ended":1}"#);
    assert!(!lives(&there) && reason(&there) == "revoked");
    assert_eq!(php.step("rustredis_revoke('Ada')").assert_silent().result, "1");
    assert!(!lives(&here) && reason(&here) == "revoked");
    assert!(neighbour.get("/", &here).json().contains(r#""user":null"#));
    // A limit here ends those of PHP, and is refused or ended by them.
    let there = log_in(&mut php, "there", 0);
    assert_eq!(neighbour.post("/login?label=x&limit=1&on_limit=refuse", "").json(), r#"{"done":false}"#);
    assert!(lives(&there));
    let here = neighbour.post("/login?label=here&limit=1", "").cookie.expect("a login has a new id");
    assert!(lives(&here) && !lives(&there) && reason(&there) == "limit");
    let there = log_in(&mut php, "there", 1);
    assert!(lives(&there) && !lives(&here) && reason(&here) == "limit");
    server.command::<()>(&["DEL", &session::key(&there)]);
    // A session that is missing, and cannot be that of a login any more, does not count.
    let list = format!("PHPREDIS_SESSION:USER:{}", list_name(b"Ada"));
    server.command::<()>(&["HSET", &list, &there, "1|99999999999999"]);
    let answer = neighbour.post("/login?label=here&limit=1&on_limit=refuse", "");
    assert_eq!(answer.json(), r#"{"done":true}"#);
    let here = answer.cookie.expect("a login has a new id");
    // Its place on the list is renewed in time, and a logout gives it up.
    let state_key = session::side_key(&server, &here, "STATE");
    let mut fields: Vec<String> =
        server.command::<String>(&["GET", &state_key]).split('|').map(str::to_owned).collect();
    fields[5] = "1".into();
    server.command::<()>(&["SET", &state_key, &fields.join("|"), "EX", "1440"]);
    server.command::<()>(&["DEL", &list]);
    neighbour.post("/count", &here);
    assert_eq!(server.command::<Vec<String>>(&["HKEYS", &list]), [here.as_str()]);
    neighbour.post("/logout", &here);
    assert_eq!(server.command::<Vec<String>>(&["HKEYS", &list]), Vec::<String>::new());
}

#[test]
fn a_login_in_django_moves_the_session_to_a_new_id() {
    let server = Server::start();
    let neighbour = Neighbour::start(Kind::Django, &server);
    seed(&server, r#"{"n":1,"big":9223372036854775807}"#);
    let state = "live|1795000000000|||4000000000000|5|||phone";
    server.command::<()>(&["SET", &format!("{}_STATE", session::key(ID)), state]);
    let id = neighbour.post("/login", ID).cookie.expect("there is a new id");
    assert_eq!(stored(&server), None);
    // The new id does not begin a new lifetime.
    let live: String = server.command(&["GET", &format!("{}_STATE", session::key(&id))]);
    assert!(live.starts_with("live|1795000000000|||4000000000000|") && live.ends_with("|||phone"), "{live}");
    // The mark tells later requests with the old id that the session goes on.
    let mark: String = server.command(&["GET", &format!("{}_STATE", session::key(ID))]);
    assert!(mark.starts_with("dead|regenerated|"), "{mark}");
    let value: String = server.command(&["GET", &session::key(&id)]);
    assert_eq!(value, r#"{"n":1,"big":9223372036854775807,"user":"Ada"}"#);
    let mut php = steps(&php(&server));
    assert_eq!(php.step(&format!("increment('{id}')")).assert_silent().result, "2");
    assert!(!session::is_locked(&server, ID));
}
