//! `session.serialize_handler=msgpack`, for applications that share sessions that way: the values
//! that Python reads.

use std::path::Path;
use std::process::Command;

use crate::support::php::Php;
use crate::support::redis::Server;
use crate::support::session;

const WRITE: &str = r#"
    class Item { public $n = 1; private $p = 2; }
    session_id("shared");
    session_start();
    $_SESSION = ["n" => 1, "f" => 1.5, "list" => [1, [2]], "map" => ["x" => true], "gap" => [3 => "a", 7 => "b"],
        "text" => "Zoë", "bytes" => "\xff"];
    if ($object) {
        $_SESSION = ["o" => new Item];
    }
    session_write_close();
"#;

/// The values that Python reads of a session that PHP wrote, or `None` if this PHP has no msgpack.
fn read(php_only: &str, object: bool) -> Option<String> {
    let server = Server::start();
    let php = Php::new(&server.save_path())
        .ini("extension", "msgpack.so")
        .ini("session.serialize_handler", "msgpack")
        .ini("session.use_strict_mode", "0")
        .ini("msgpack.php_only", php_only);
    if !php.run("echo extension_loaded('msgpack') ? 'here' : '';").stdout.ends_with("here") {
        assert!(std::env::var_os("PHP").is_some(), "there is no msgpack: run scripts/setup test first");
        return None;
    }
    php.run(&format!("$object = {object}; {WRITE}")).assert_clean();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/json/read_msgpack.py");
    let output = Command::new(crate::support::python::program())
        .arg(script)
        .args([&format!("redis://{}/0", server.addr()), &session::key("shared")])
        .env("PYTHONIOENCODING", "utf-8:surrogateescape")
        .output()
        .expect("there is Python: run scripts/setup test first");
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn plain_data_is_plain_with_php_only_off() {
    let Some(seen) = read("0", false) else { return };
    let expected = r"{'n': 1, 'f': 1.5, 'list': [1, [2]], 'map': {'x': True}, 'gap': {3: 'a', 7: 'b'}, 'text': 'Zoë', 'bytes': '\udcff'}";
    assert_eq!(seen, expected);
}

#[test]
fn objects_are_lists_of_their_values_with_php_only_off() {
    let Some(seen) = read("0", true) else { return };
    assert_eq!(seen, "{'o': [1, 2]}");
}

#[test]
fn every_session_has_php_s_own_marks_with_php_only_on() {
    // The mark is a key that is null, which a map of most languages cannot have.
    let Some(seen) = read("1", false) else { return };
    assert!(seen.starts_with("{None: 1, 'n': 1, "), "{seen}");
    let Some(seen) = read("1", true) else { return };
    assert_eq!(seen, r"{None: 1, 'o': {None: 'Item', 'n': 1, '\x00Item\x00p': 2}}");
}
