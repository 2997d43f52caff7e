//! PHP and Python write the same JSON session at the same time. No update is lost, and each keeps
//! values that only the other knows.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::php::Php;
use crate::support::redis::Server;
use crate::support::session;

const TIMES: usize = 30;

/// Values that only PHP can represent, an integer that is too large for a double, and an order.
const KEPT: &str = r#""kept":{"bytes":{"$bytes":"/w=="},"nan":{"$float":"NAN"},"map":{"$map":[[2,"c"],[0,"a"]]},"large":9007199254740993,"float":1.0,"zero":-0.0,"z":[],"a":"Zoë/\u0001"}"#;

const PHP: &str = r#"
    echo "ready\n";
    fgets(STDIN);
    for ($i = 0; $i < 30; $i++) {
        session_id("shared");
        session_start() or exit(1);
        $_SESSION["n"]++;
        $_SESSION["log"][] = "php$name $i";
        $_SESSION["own php$name"] = ["i" => $i, "half" => $i + 0.5];
        session_write_close();
    }
    echo "done all\n";
"#;

fn python(server: &Server, name: &str) -> Child {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = crate::support::python::program();
    Command::new(&program)
        .arg(root.join("tests/json/writer.py"))
        .args([&format!("redis://{}/0", server.addr()), "shared", name, &TIMES.to_string()])
        .env("PYTHONPATH", root.join("examples/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {} ({error}): run scripts/setup test", program.display()))
}

#[test]
fn php_and_python_lose_nothing() {
    let server = Server::start();
    let stored = format!(r#"{{"n":0,"log":[],{KEPT}}}"#);
    server.command::<()>(&["SET", &session::key("shared"), &stored, "EX", "1440"]);
    let php = Php::new(&server.save_path())
        .ini("session.serialize_handler", "json")
        .ini("rustredis.lock_wait", "60");
    let mut phps: Vec<_> = (0..3)
        .map(|name| {
            let mut php = php.spawn(&format!("$name = {name}; {PHP}"));
            php.expect("ready");
            php
        })
        .collect();
    let mut pythons: Vec<_> = (0..3).map(|name| python(&server, &format!("python{name}"))).collect();
    for php in &mut phps {
        php.send("go");
    }
    for php in &mut phps {
        let (messages, _) = php.expect("done ");
        assert_eq!(messages, "");
    }
    for python in &mut pythons {
        assert!(python.wait().expect("it was started").success());
    }

    let stored: String = server.command(&["GET", &session::key("shared")]);
    assert!(stored.contains(&format!(r#"{{"n":{},"log":["#, 6 * TIMES)), "{stored}");
    assert!(stored.contains(KEPT), "{stored}");
    for writer in ["php0", "php1", "php2", "python0", "python1", "python2"] {
        let mut from = 0;
        for i in 0..TIMES {
            let entry = format!(r#""{writer} {i}""#);
            assert_eq!(stored.matches(&entry).count(), 1, "{entry} in {stored}");
            let at = stored.find(&entry).expect("it was counted");
            assert!(at > from, "{entry} in {stored}");
            from = at;
        }
        assert!(stored.contains(&format!(r#""own {writer}":{{"i":29,"half":29.5}}"#)), "{stored}");
    }
    assert!(!session::is_locked(&server, "shared"));
    assert_eq!(session::waiters(&server, "shared"), 0);
}
