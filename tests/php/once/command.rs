//! The command `rustredis`, run by a real PHP against a real Redis.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use phpsess_rs::protocol::COMMANDS;
use phpsess_rs::protocol::admin::TRANSACTION;
use serde_json::{Value, json};

use crate::support::acl;
use crate::support::cluster;
use crate::support::php::{self, Php, Running, STEPS};
use crate::support::poll;
use crate::support::proxy::Proxy;
use crate::support::redis::{FREE_PORT, Server};
use crate::support::session;
use crate::support::temp_dir::TempDir;

/// The output of a run of the command, and its exit status.
#[derive(Debug)]
struct Said {
    out: String,
    err: String,
    status: i32,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

fn script() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/command/bin/rustredis"))
}

fn rustredis(php: &Php, words: &[&str]) -> Said {
    said(Command::new(php::program()).args(php.arguments()).arg(script()).args(words))
}

/// With these lines on standard input, which other users do not see.
fn rustredis_told(php: &Php, words: &[&str], lines: &str) -> Said {
    let dir = TempDir::new("lines");
    fs::write(dir.join("lines"), lines).expect("the lines can be written");
    let lines = fs::File::open(dir.join("lines")).expect("they can be read");
    said(Command::new(php::program()).args(php.arguments()).arg(script()).args(words).stdin(lines))
}

fn said(command: &mut Command) -> Said {
    let output = command.env_remove("NO_COLOR").output().expect("php runs");
    Said {
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: output.status.code().expect("no signal has ended it"),
    }
}

/// A Redis as Debian's configuration starts it: it saves to its disk.
fn server() -> Server {
    let server = Server::with_args(&[]);
    server.set("save", "3600 1");
    server
}

/// PHP as the README's section "Use" sets it up, with all rights in Redis.
fn php(server: &Server) -> Php {
    Php::new(&server.save_path()).default_user()
}

const WARNING: i32 = 1;
const ERROR: i32 = 2;

/// Checks that the doctor finds one fault, of this level and name, and that its fix has these
/// words.
fn finds(php: &Php, more: &[&str], level: i32, name: &str, fix: &str) {
    // PHP itself calls some of these settings deprecated, which is no output of the command.
    let php = &php.clone().ini("display_errors", "stderr");
    let words = [&["doctor", "--json"], more].concat();
    let said = rustredis(php, &words);
    let report = said.json();
    let findings = report["findings"].as_array().expect("there is a list");
    let found: Vec<_> = findings.iter().filter(|finding| finding["name"] == name).collect();
    assert_eq!(found.len(), 1, "{name}: {report:#}");
    assert!(found[0]["fix"].as_str().is_some_and(|text| text.contains(fix)), "{fix:?}: {report:#}");
    assert_eq!(found[0]["level"], if level == ERROR { "error" } else { "warning" }, "{report:#}");
    // A busy machine can have a slow way to Redis, too.
    let others = findings.iter().filter(|finding| finding["name"] != name && finding["name"] != "latency");
    assert_eq!(others.count(), 0, "nothing else is wrong: {report:#}");
    assert_eq!(said.status, level, "{report:#}");
    // People read the same.
    let text = rustredis(php, &[&["doctor"], more].concat());
    assert!(text.out.contains(fix) && text.status == level, "{text:#?}");
}

#[test]
fn the_doctor_finds_nothing_in_the_set_up_of_the_readme() {
    let server = server();
    let said = rustredis(&php(&server), &["doctor", "--workers", "40"]);
    assert!(said.status == 0 && said.out.contains("Nothing needs to be changed."), "{said:#?}");
    assert!(said.out.contains(&server.save_path()), "it names what it has looked at: {said:#?}");
    assert!(!said.out.contains("not known") && !said.out.contains("hint"), "{said:#?}");
    assert_eq!(said.err, "");
}

#[test]
fn the_doctor_finds_nothing_with_the_smallest_user_and_says_what_it_may_not_ask() {
    let server = server();
    let words: Vec<_> =
        ["ACL", "SETUSER", "few", "on", ">pw"].into_iter().chain(acl::rule().split(' ')).collect();
    server.command::<()>(&words);
    let php = php(&server).ini("rustredis.username", "few").ini("rustredis.password", "pw");
    let said = rustredis(&php, &["doctor"]);
    assert_eq!(said.status, 0, "{said:#?}");
    assert!(said.out.contains("not known: version") && said.out.contains("+info"), "{said:#?}");
    assert!(said.out.contains("ACL SETUSER few +watch +unwatch +multi +discard +exec"), "{said:#?}");
    assert!(!said.out.contains("pw"), "{said:#?}");
}

#[test]
fn the_doctor_finds_a_missing_extension() {
    let said = said(Command::new(php::program()).arg("-n").arg(script()).args(["doctor"]));
    assert!(said.status == 2 && said.out.contains("extension=phpsess_rs.so"), "{said:#?}");
}

/// A test for each fault in PHP's settings: its name, the setting and the value, and words of its
/// fix.
macro_rules! faults_of_php {
    ($($test:ident: $level:ident $name:literal, $setting:literal = $value:literal, $fix:literal;)*) => {
        $(#[test]
        fn $test() {
            let server = server();
            finds(&php(&server).ini($setting, $value), &[], $level, $name, $fix);
        })*
    };
}

faults_of_php! {
    the_doctor_finds_another_save_handler: ERROR "save-handler",
        "session.save_handler" = "files", "session.save_handler=rustredis";
    the_doctor_finds_pauses_that_fail_requests: WARNING "timeouts",
        "rustredis.read_timeout" = "0.01", "rustredis.read_timeout";
    the_doctor_finds_lifetimes_of_years: WARNING "gc-maxlifetime",
        "session.gc_maxlifetime" = "99999999", "session.gc_maxlifetime";
    the_doctor_finds_that_locks_end_before_their_lease: WARNING "lock-max-hold",
        "rustredis.lock_max_hold" = "5", "rustredis.lock_max_hold";
    the_doctor_finds_a_size_without_its_unit: WARNING "max-value-size",
        "rustredis.max_value_size" = "16", "1M";
    the_doctor_finds_a_metrics_file_without_a_folder: WARNING "metrics-file",
        "rustredis.metrics_file" = "/nonexistent/rustredis/metrics", "RuntimeDirectory=";
    the_doctor_finds_that_strict_mode_is_off: WARNING "strict-mode",
        "session.use_strict_mode" = "0", "session.use_strict_mode=1";
    the_doctor_finds_ids_that_can_be_guessed: WARNING "sid-entropy",
        "session.sid_length" = "22", "Remove both settings";
    the_doctor_finds_ids_in_urls: WARNING "trans-sid",
        "session.use_only_cookies" = "0", "session.use_only_cookies=1";
    the_doctor_finds_that_locking_is_off: WARNING "locking",
        "rustredis.locking" = "0", "rustredis.locking=1";
    the_doctor_finds_that_all_workers_may_wait: WARNING "lock-max-waiters",
        "rustredis.lock_max_waiters" = "0", "rustredis.lock_max_waiters";
    the_doctor_finds_a_switch_that_was_left_on: WARNING "lock-mixed",
        "rustredis.lock_mixed" = "1", "rustredis.lock_mixed=0";
    the_doctor_finds_a_wait_that_no_visitor_has: WARNING "lock-wait",
        "rustredis.lock_wait" = "300", "rustredis.lock_wait";
    the_doctor_finds_a_lease_that_makes_crashes_dear: WARNING "lock-lease",
        "rustredis.lock_lease" = "120", "rustredis.lock_lease";
    the_doctor_finds_objects_that_others_can_make: WARNING "json-objects",
        "rustredis.json_objects" = "serialize", "rustredis.json_objects=refuse";
    the_doctor_finds_that_all_scripts_are_administrators: WARNING "admin",
        "rustredis.admin" = "1", "rustredis.admin=0";
    the_doctor_finds_settings_of_phpredis: WARNING "left-over-settings",
        "redis.session.locking_enabled" = "1", "docs/migrating.md";
    the_doctor_finds_settings_of_memcached: WARNING "left-over-settings",
        "memcached.sess_locking" = "On", "docs/migrating.md";
    the_doctor_finds_an_empty_prefix: WARNING "prefix",
        "rustredis.prefix" = "", "rustredis.prefix";
    the_doctor_finds_writes_of_what_is_unchanged: WARNING "lazy-write",
        "session.lazy_write" = "0", "session.lazy_write=1";
    the_doctor_finds_an_outage_that_would_take_all_workers: WARNING "timeouts",
        "rustredis.connect_timeout" = "100", "rustredis.connect_timeout";
    the_doctor_finds_an_absolute_end_before_the_idle_one: WARNING "absolute-timeout",
        "rustredis.absolute_timeout" = "60", "rustredis.absolute_timeout";
    the_doctor_finds_a_first_lifetime_without_effect: WARNING "first-lifetime",
        "rustredis.first_lifetime" = "9999", "rustredis.first_lifetime";
}

#[test]
fn the_doctor_finds_a_lifetime_of_zero() {
    let server = server();
    let php = php(&server).ini("session.gc_maxlifetime", "0").ini("rustredis.first_lifetime", "600");
    let said = rustredis(&php, &["doctor"]);
    assert!(said.status == 1 && said.out.contains("Set session.gc_maxlifetime"), "{said:#?}");
    assert!(!said.out.contains("first_lifetime"), "it is shorter than the time that is used: {said:#?}");
}

#[test]
fn the_doctor_finds_more_waiters_than_workers() {
    let server = server();
    let chosen = php(&server).ini("rustredis.lock_max_waiters", "12");
    finds(&chosen, &["--workers", "10"], WARNING, "lock-max-waiters", "pm.max_children");
    // A small pool with all defaults is no fault, and gets a hint.
    let said = rustredis(&php(&server), &["doctor", "--workers", "5"]);
    assert!(said.status == 0 && said.out.contains("hint: rustredis.lock_max_waiters is 12"), "{said:#?}");
}

#[test]
fn the_doctor_tells_a_missing_command_from_a_missing_right() {
    let server = Server::with_args(&["--rename-command", "HGETALL", "", "--rename-command", "INFO", ""]);
    server.set("save", "3600 1");
    let said = rustredis(&php(&server), &["doctor"]);
    assert!(said.status == 2 && said.out.contains("The server has no hgetall"), "{said:#?}");
    assert!(said.out.contains("rename-command") && !said.out.contains("ACL SETUSER"), "{said:#?}");
    assert!(said.out.contains("a server or a proxy that knows INFO"), "{said:#?}");
}

#[test]
fn the_doctor_finds_a_redis_that_is_open_to_all() {
    let server = server();
    server.set("protected-mode", "no");
    let said = rustredis(&php(&server), &["doctor"]);
    assert_eq!(said.status, 0, "it listens to this machine alone: {said:#?}");
    let open = Server::with_args(&["--protected-mode", "no", "--bind", "127.0.0.1", "-::*"]);
    open.set("save", "3600 1");
    finds(&php(&open), &[], WARNING, "access", "requirepass");
}

#[test]
fn the_doctor_takes_the_path_of_a_framework_that_makes_the_object() {
    let server = server();
    let php =
        php(&server).ini("session.save_handler", "files").ini("session.save_path", "/var/lib/php/sessions");
    let said = rustredis(&php, &["doctor"]);
    assert!(said.status == 2 && said.out.contains("--save-path"), "{said:#?}");
    let said = rustredis(&php, &["doctor", "--save-path", &server.save_path()]);
    assert!(said.status == 0 && said.out.contains("hint: session.save_handler is files"), "{said:#?}");
}

#[test]
fn the_doctor_names_a_cookie_that_outlives_its_session() {
    let server = server();
    let said = rustredis(&php(&server).ini("session.cookie_lifetime", "999999"), &["doctor"]);
    assert!(said.status == 0 && said.out.contains("hint: session.cookie_lifetime is 999999 s"), "{said:#?}");
}

#[test]
fn the_doctor_finds_a_password_in_the_path_and_does_not_show_it() {
    let server = Server::with_args(&["--requirepass", "the-secret"]);
    server.set("save", "3600 1");
    let php = Php::new(&format!("{}?auth=the-secret", server.save_path())).default_user();
    finds(&php, &[], WARNING, "password-in-path", "rustredis.password");
    for words in [&["doctor"][..], &["status"], &["status", "--json"], &["count"]] {
        let said = rustredis(&php, words);
        assert!(!said.out.contains("the-secret") && !said.err.contains("the-secret"), "{said:#?}");
    }
}

#[test]
fn no_part_of_a_path_that_may_be_a_password_is_shown() {
    let secrets = [
        "redis://u:se/cret@127.0.0.1:1",
        "tcp://u:pa/ssecret@h:1",
        "redis://u:se@cret@h:1/2",
        "tcp://h:1?auth=abc,secret",
        "tcp://h:1?auth=abc&secret",
        "tcp://h:1?auth[]=u&auth[]=se,cret",
        "tcp://h:1?auth%5B%5D=u&auth%5B%5D=secret",
        "tcp://h:1?%61uth=secret",
        "tcp://h:1?timeout=1?auth=secret",
        "tcp://h:1?database=0?auth=secret",
        "tcp://h:1?prefix=a,auth=secret",
        "tcp://h:1?database=1&auth=a secret",
        "tcp://u:secret,rest@127.0.0.1:1",
        "tcp://u:secret,more@h:1?database=1",
        "redis://u:p?secret@h:1/2",
        "//u:se/cret@h:1",
        "seed[]=h:1&auth=a&secret",
        "sentinel://u:secret@h:1/name",
        "sentinel://h:1/name?sentinel_auth=a,secret",
        "sentinel://u:pa@secret@s1,s2/name",
        "sentinel://s1,s2/name?auth=a@secret",
        "sentinel://s1,s2/name?auth=a&sentinel_auth=secret/name",
        "sentinel://u:secret@s1?auth=a@secret/name",
        "redis://u:p@secret",
        "tcp://u:pa@secret,h:1",
        "tcp://h:1?auth=u:p@secret:1",
        "cluster://h:1,h:2?auth=secret",
        "unix:///nowhere/r.sock&auth=secret",
        "/nowhere/r.sock&auth=secret",
        "tcp://h&auth=secret",
        "sentinel://s1/name&auth=secret",
        "cluster://:secret@h1:7000,h2:7001",
        "sentinel://u:secret@s1,s2/name/2?database=1&sentinel_auth=secret",
    ];
    let shown = [
        "",
        "tcp://h:1",
        "h:6379",
        "[::1]:7000",
        "redis://h:1/2?prefix=S:&timeout=2.5",
        "unix:///run/redis.sock?database=2",
        "tcp://a:6379?weight=1, tcp://b:6379?weight=2",
        "sentinel://s1:26379,s2:26379/mymaster?database=2&tls=1",
        "sentinel://s1,s2.example,[::1]:2, s3/my-master/2",
        "tcp://[fe80::1%eth0]:6379",
        "cluster://h1:7000,h2:7001",
        "seed[]=h1:7000&seed[]=h2:7001&timeout=2",
        "/var/lib/php/sessions",
    ];
    let paths: Vec<_> = secrets.iter().chain(&shown).collect();
    let script = format!(
        "require '{}/command/src/Configuration.php'; \
         foreach (json_decode(file_get_contents('php://stdin')) as $path) {{ \
         $seen[] = [RustRedis\\Command\\Configuration::masked($path), \
         RustRedis\\Command\\Configuration::hasPassword($path)]; }} echo json_encode($seen);",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut child = Command::new(php::program())
        .args(["-n", "-r", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("php runs");
    serde_json::to_writer(child.stdin.take().expect("it is a pipe"), &paths).expect("it reads");
    let output = child.wait_with_output().expect("php ends");
    let seen: Vec<(String, bool)> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    for (path, (text, has_password)) in paths.iter().zip(&seen) {
        if shown.contains(path) {
            assert_eq!((text.as_str(), *has_password), (**path, false));
        } else {
            assert!(
                !text.contains("ecret") && !text.contains("rest") && !text.contains("cret"),
                "{path}: {text}"
            );
            assert!(has_password, "{path}");
        }
    }
    // The servers are shown where they are sure, also those of an outage.
    let seen = |path: &str| &seen[paths.iter().position(|it| **it == path).expect("it is there")].0;
    for (path, text) in [
        ("tcp://h:1?auth=abc,secret", "tcp://h:1?***"),
        ("redis://u:se/cret@127.0.0.1:1", "redis://***@127.0.0.1:1"),
        ("tcp://u:secret,more@h:1?database=1", "tcp://***@h:1?database=1"),
        ("sentinel://u:secret@h:1/name", "sentinel://***@h:1/name"),
        (
            "sentinel://u:secret@s1,s2/name/2?database=1&sentinel_auth=secret",
            "sentinel://***@s1,s2/name/2?database=1&***",
        ),
        ("cluster://:secret@h1:7000,h2:7001", "cluster://***@h1:7000,h2:7001"),
        ("sentinel://u:pa@secret@s1,s2/name", "sentinel://(not shown)"),
    ] {
        assert_eq!(seen(path), text);
    }
    // The whole command.
    let said = rustredis(&Php::new("").default_user(), &["status", "--save-path", secrets[0]]);
    assert!(said.status == 1 && !format!("{said:?}").contains("cret"), "{said:#?}");
}

#[test]
fn the_folder_that_is_built_into_php_counts_as_no_path() {
    // A Redis that happens to be at the usual port is not used with this password.
    let set_up = Php::new("left-out").default_user().ini("rustredis.password", "of-nobody-else");
    let mut arguments = set_up.arguments();
    let place =
        arguments.iter().position(|word| word.to_string_lossy().contains("left-out")).expect("it is there");
    arguments.drain(place - 1..=place);
    let run = |words: &[&str]| said(Command::new(php::program()).args(&arguments).arg(script()).args(words));
    let report = run(&["doctor", "--json"]).json();
    let names: Vec<_> = report["findings"].as_array().expect("a list").iter().map(|it| &it["name"]).collect();
    assert!(!names.contains(&&Value::from("save-path")), "{report:#}");
    assert_eq!(report["configuration"]["save_path"], "", "{report:#}");
    let text = run(&["doctor"]);
    assert!(text.out.contains("is not set, which is tcp://127.0.0.1:6379"), "{text:#?}");
    // An import comes back to that server, and not to the folder.
    let from = Server::with_args(&["--requirepass", "of-nobody-else"]);
    session::seed(&from, "one");
    let import = run(&["import", "--from", &from.save_path()]);
    assert!(import.err.contains("127.0.0.1:6379") && !import.err.contains("a folder"), "{import:#?}");
}

#[test]
fn the_doctor_finds_certificates_that_are_not_checked() {
    let php = Php::new("tls://127.0.0.1:1?stream[verify_peer]=0").default_user();
    let said = rustredis(&php, &["doctor"]);
    assert!(said.status == 2 && said.out.contains("Remove verify_peer"), "{said:#?}");
}

#[test]
fn the_doctor_finds_what_other_handlers_left_in_the_path() {
    for (path, what) in [("10.0.0.1:11211", "memcached"), ("/var/lib/sessions", "folder")] {
        let php = Php::new(path).default_user().ini("rustredis.connect_timeout", "0.01");
        let said = rustredis(&php, &["doctor"]);
        assert!(said.status == 2 && said.out.contains(what), "{said:#?}");
        assert!(said.out.contains("fix: Write the address of Redis"), "{said:#?}");
    }
    let server = server();
    let php = Php::new(&format!("{}?retry_interval=1", server.save_path())).default_user();
    finds(&php, &[], WARNING, "advice", "advice");
}

#[test]
fn the_doctor_finds_a_path_that_cannot_be_read() {
    let said = rustredis(&Php::new("redis://").default_user(), &["doctor", "--json"]);
    assert_eq!(
        (said.status, &said.json()["findings"][0]["name"]),
        (2, &Value::from("save-path")),
        "{said:#?}"
    );
}

#[test]
fn the_doctor_finds_the_package_that_writes_ids_into_spans() {
    let server = server();
    let project = TempDir::new("project");
    fs::create_dir_all(project.join("vendor/composer")).expect("the folder can be made");
    let installed = r#"{"packages": [{"name": "open-telemetry/opentelemetry-auto-session"}]}"#;
    fs::write(project.join("vendor/composer/installed.json"), installed).expect("the file can be written");
    let folder = project.path().to_str().expect("it is UTF-8");
    finds(&php(&server), &["--project", folder], WARNING, "opentelemetry", "composer remove");
}

#[test]
fn the_doctor_finds_a_redis_that_is_not_there() {
    let server = server();
    let php = php(&server).ini("session.save_path", "tcp://127.0.0.1:1");
    finds(&php, &[], ERROR, "unreachable", "Check that Redis runs");
}

#[test]
fn the_doctor_finds_a_wrong_password() {
    let server = Server::with_args(&["--requirepass", "right"]);
    finds(&php(&server).ini("rustredis.password", "wrongsecret"), &[], ERROR, "unreachable", "the password");
}

#[test]
fn the_doctor_finds_rights_that_are_missing() {
    let server = server();
    server.command::<()>(&["ACL", "SETUSER", "few", "on", ">pw", "~*", "+@all", "-zadd", "-blpop"]);
    let php = php(&server).ini("rustredis.username", "few").ini("rustredis.password", "pw");
    finds(&php, &[], ERROR, "acl-commands", "ACL SETUSER few +blpop +zadd");
    server.command::<()>(&["ACL", "SETUSER", "few", "resetkeys", "~other:*", "+@all"]);
    finds(&php, &[], ERROR, "acl-keys", "ACL SETUSER few ~PHPREDIS_SESSION:*");
    // The user and the prefix of the path win.
    let of_path = format!("{}?auth[]=few&auth[]=pw&prefix=A*P:", server.save_path());
    let path = ["--save-path", &of_path];
    let report = rustredis(&self::php(&server), &[&["doctor", "--json"], &path[..]].concat()).json();
    let fixes: Vec<_> = report["findings"].as_array().expect("a list").iter().map(|it| &it["fix"]).collect();
    assert!(fixes.contains(&&Value::from("ACL SETUSER few ~A\\*P:*")), "{report:#}");
    assert_eq!(report["configuration"]["prefix"], "A*P:", "{report:#}");
    server.command::<()>(&["ACL", "SETUSER", "few", "~*", "-info", "-zadd", "-watch"]);
    let said = rustredis(&self::php(&server), &[&["doctor"], &path[..]].concat());
    assert!(said.out.contains("ACL SETUSER few +zadd") && said.out.contains("few +info"), "{said:#?}");
    assert!(!said.out.contains("SETUSER default"), "{said:#?}");
    // An empty prefix in the path is one, and one in the path makes up for an empty setting.
    for (ini, path, is_empty) in [("", "?prefix=P:", false), ("P:", "?prefix=", true)] {
        let php = self::php(&server).ini("rustredis.prefix", ini);
        let path = format!("{}{path}", server.save_path());
        let said = rustredis(&php, &["doctor", "--save-path", &path]);
        assert_eq!(said.out.contains("The prefix is empty"), is_empty, "{said:#?}");
    }
    let status = rustredis(&self::php(&server), &["status", "--save-path", &of_path]);
    assert!(status.out.contains("A*P:"), "{status:#?}");
}

#[test]
fn the_doctor_finds_each_right_that_can_be_missing() {
    let server = server();
    let needed = COMMANDS.split_whitespace().map(|command| (command, "refused"));
    let helpful = TRANSACTION.into_iter().map(|command| (command, "missed"));
    server.command::<()>(&["ACL", "SETUSER", "few", "on", ">pw", "~PHPREDIS_SESSION:*", "+@all"]);
    let php = php(&server).ini("rustredis.username", "few").ini("rustredis.password", "pw");
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    let mut ask = || -> Value {
        let step = process.step("rustredis_server()[0]");
        serde_json::from_str(&step.result).unwrap_or_else(|error| panic!("{error}: {step:?}"))
    };
    let whole = ask();
    assert_eq!((&whole["refused"], &whole["missed"]), (&json!([]), &json!([])), "{whole:#}");
    for (command, list) in needed.chain(helpful) {
        let command = command.trim_start_matches('+');
        server.command::<()>(&["ACL", "SETUSER", "few", &format!("-{command}")]);
        let report = ask();
        let found = report[list].as_array().expect("there is a list");
        assert!(found.contains(&Value::from(command)), "{command}: {report:#}");
        server.command::<()>(&["ACL", "SETUSER", "few", &format!("+{command}")]);
    }
    let left: Vec<String> = server.command(&["KEYS", "*"]);
    assert!(left.is_empty(), "the questions leave nothing behind: {left:?}");
}

/// A test for each fault of Redis that one of its settings makes.
macro_rules! faults_of_redis {
    ($($test:ident: $level:ident $name:literal, [$($setting:literal = $value:literal),*], $fix:literal;)*) => {
        $(#[test]
        fn $test() {
            let server = server();
            $(server.set($setting, $value);)*
            finds(&php(&server), &[], $level, $name, $fix);
        })*
    };
}

faults_of_redis! {
    the_doctor_finds_that_locks_are_evicted_first: ERROR "maxmemory-policy",
        ["maxmemory" = "500mb", "maxmemory-policy" = "volatile-ttl"], "maxmemory-policy noeviction";
    the_doctor_finds_that_sessions_are_evicted: WARNING "maxmemory-policy",
        ["maxmemory" = "500mb", "maxmemory-policy" = "allkeys-lru"], "maxmemory-policy noeviction";
    the_doctor_finds_that_redis_is_full: ERROR "memory",
        ["maxmemory" = "500kb"], "CONFIG SET maxmemory";
    the_doctor_finds_that_a_restart_logs_everybody_out: WARNING "persistence",
        ["save" = ""], "appendonly yes";
    the_doctor_finds_that_too_few_replicas_follow: ERROR "min-replicas",
        ["min-replicas-to-write" = "1"], "min-replicas-to-write 0";
    the_doctor_finds_that_idle_connections_are_closed: WARNING "idle-timeout",
        ["timeout" = "60"], "timeout 0";
    the_doctor_finds_connections_of_dead_machines: WARNING "tcp-keepalive",
        ["tcp-keepalive" = "0"], "tcp-keepalive 300";
}

#[test]
fn the_doctor_finds_more_workers_than_connections() {
    let server = server();
    server.set("maxclients", "100");
    finds(
        &php(&server),
        &["--workers", "40", "--servers", "3"],
        ERROR,
        "maxclients",
        "CONFIG SET maxclients",
    );
}

#[test]
fn the_doctor_finds_that_memory_ends() {
    let server = server();
    server.command::<()>(&["SET", "other", &"x".repeat(20 << 20)]);
    let used = || server.info_number("memory", "used_memory");
    // Writes are not refused yet.
    server.set("maxmemory", &(used() * 21 / 20).to_string());
    finds(&php(&server), &[], WARNING, "memory", "CONFIG SET maxmemory");
    // The next connection can take the rest.
    server.set("maxmemory", &(used() + 100_000).to_string());
    finds(&php(&server), &[], ERROR, "memory", "CONFIG SET maxmemory");
    // A policy that finds nothing to evict refuses, too.
    server.set("maxmemory-policy", "volatile-lru");
    server.set("maxmemory", "1mb");
    let said = rustredis(&php(&server), &["doctor"]);
    assert!(said.status == ERROR && said.out.contains("error: Redis uses"), "{said:#?}");
    assert!(said.out.contains("it refuses writes (OOM)"), "{said:#?}");
}

#[test]
fn the_doctor_finds_that_the_replicas_lag() {
    let server = server();
    let replica = Server::with_args(&["--replicaof", "127.0.0.1", &server.port().to_string()]);
    server.set("min-replicas-max-lag", "2");
    server.set("min-replicas-to-write", "1");
    let good = || server.info_number("replication", "min_slaves_good_slaves");
    poll::until("the replica follows", poll::SOON, || good() == 1);
    let said = rustredis(&php(&server), &["doctor"]);
    assert!(said.status == WARNING && said.out.contains("there is one replica"), "{said:#?}");
    replica.pause();
    poll::until("the replica lags", poll::SOON, || good() == 0);
    assert_eq!(server.info_number("replication", "connected_slaves"), 1);
    let said = rustredis(&php(&server), &["doctor"]);
    assert!(said.status == ERROR && said.out.contains("refuses writes (NOREPLICAS)"), "{said:#?}");
}

#[test]
fn the_doctor_finds_evictions_and_refused_connections() {
    let server = server();
    server.command::<()>(&["SET", "other", &"x".repeat(1 << 20)]);
    server.set("maxmemory-policy", "allkeys-random");
    server.set("maxmemory", "1");
    // Any write makes Redis look for room.
    let _: redis::RedisResult<()> = redis::cmd("SET").arg(&["more", "x"]).query(&mut server.connection());
    server.set("maxmemory", "0");
    finds(&php(&server), &[], WARNING, "evicted", "CONFIG RESETSTAT");
}

#[test]
fn the_doctor_finds_a_replica() {
    let server = server();
    server.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    finds(&php(&server), &[], ERROR, "replica", "sentinel://");
}

#[test]
fn the_doctor_finds_a_slow_way_to_redis() {
    let server = server();
    let proxy = Proxy::start(&server.addr());
    proxy.delay(Duration::from_millis(12));
    let php = Php::new(&proxy.save_path()).default_user();
    finds(&php, &[], WARNING, "latency", "rustredis.prefetch=1");
}

#[test]
fn a_server_that_answers_nothing_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let path = format!("tcp://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("it is a connection");
            thread::spawn(move || {
                let mut bytes = [0; 16384];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    // Each command is an array.
                    let commands =
                        bytes[..count].split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"*"));
                    if stream.write_all("-ERR no\r\n".repeat(commands.count()).as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    let php = Php::new(&path).default_user();
    let status = rustredis(&php, &["status"]);
    assert!(status.status == 1 && status.out.contains("ERR no"), "{status:#?}");
    let doctor = rustredis(&php, &["doctor"]);
    assert!(
        doctor.status == 2 && doctor.out.contains("ERR no") && !doctor.out.contains("+info"),
        "{doctor:#?}"
    );
}

#[test]
fn the_doctor_finds_a_node_of_a_cluster_behind_a_plain_address() {
    let server = Server::with_args(&["--cluster-enabled", "yes", "--cluster-port", FREE_PORT]);
    server.set("save", "3600 1");
    let said = rustredis(&Php::new(&server.save_path()).default_user(), &["doctor"]);
    assert!(said.status == 2 && said.out.contains("session.save_path=cluster://"), "{said:#?}");
}

#[test]
fn the_doctor_looks_at_each_node_of_a_cluster() {
    let cluster = cluster::masters(&[]);
    for node in cluster.nodes() {
        node.set("save", "3600 1");
    }
    let php = php(&cluster);
    let said = rustredis(&php, &["doctor"]);
    assert_eq!(said.status, 0, "{said:#?}");
    let status = rustredis(&php, &["status", "--json"]).json();
    assert_eq!(status["servers"].as_array().map(Vec::len), Some(3), "{status:#}");

    for (prefix, keys) in [
        ("PHPREDIS_SESSION:", "~PHPREDIS_CLUSTER_SESSION:* ~{PHPREDIS_CLUSTER_SESSION:*"),
        ("{app}:", "ACL SETUSER few ~{app}:*"),
    ] {
        for node in cluster.nodes() {
            node.own::<()>(&["ACL", "SETUSER", "few", "on", ">pw", "~other:*", "+@all"]);
        }
        let php = php.clone().ini("rustredis.username", "few").ini("rustredis.password", "pw");
        let said = rustredis(&php.ini("rustredis.prefix", prefix), &["doctor"]);
        assert!(said.out.contains(&format!("{keys}\n")), "{said:#?}");
    }
    cluster.node(1).set("timeout", "10");
    finds(&php, &[], WARNING, "idle-timeout", "timeout 0");
    cluster.node(1).set("timeout", "0");

    // The port that a node announces has no listener. PHP cannot tell that from a node that is
    // down.
    cluster.node(2).announce(1);
    poll::until("the other nodes know the port, and the doctor finds it", poll::SOON, || {
        let said = rustredis(&php, &["doctor"]);
        said.status == 2 && said.out.contains("cluster-announce-ip") && said.out.contains("CLUSTER FAILOVER")
    });
}

/// A PHP that holds a session until it is dropped.
fn holder(server: &Server, id: &str) -> Running {
    session::seed(server, id);
    let mut holder = php(server).ini("rustredis.lock_lease", "3").spawn(STEPS);
    holder.expect("ready");
    assert_eq!(holder.step(&format!("start('{id}')")).assert_silent().result, "true");
    holder
}

const ID: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn a_lock_is_shown_with_its_holder_and_can_be_taken_away() {
    let server = server();
    let mut holder = holder(&server, ID);
    let mut waiting = php(&server).spawn(STEPS);
    waiting.expect("ready");
    waiting.send(&format!("start('{ID}')"));
    poll::until("a request waits", poll::SOON, || session::waiters(&server, ID) == 1);

    let php = php(&server);
    let pid = format!("pid {}", holder.pid());
    for (id, lines) in [(ID, ""), ("012345...", ""), ("-", ID)] {
        let lock = rustredis_told(&php, &["lock", id], lines);
        assert!(lock.out.contains(&pid) && lock.out.contains("One request waits"), "{lock:#?}");
        assert!(!lock.out.contains(ID) && !lock.err.contains(ID), "the id is a secret: {lock:#?}");
    }
    let show = rustredis(&php, &["show", ID, "--data"]);
    assert!(show.out.contains(&pid) && show.out.contains("n|i:0;") && !show.out.contains(ID), "{show:#?}");
    let top = rustredis(&php, &["top", "--json"]).json();
    assert_eq!(top["locks"][0]["pid"], holder.pid(), "{top:#}");
    assert_eq!(top["locks"][0]["waiters"], 1, "{top:#}");

    let unlocked = rustredis(&php, &["unlock", ID]);
    assert!(unlocked.status == 0 && unlocked.out.contains(&pid), "{unlocked:#?}");
    assert!(unlocked.out.contains("the next request gets it"), "{unlocked:#?}");
    waiting.expect("done true");
    let step = holder.step("($_SESSION['n'] = 7) && session_write_close()");
    assert!(step.only_warning().contains("was not saved"), "{step:?}");
    // The lock of phpredis goes, and not that of a holder who comes meanwhile.
    let lock = session::side_key(&server, "other", "LOCK");
    server.command::<()>(&["SET", &lock, "host|1"]);
    let proxy = Proxy::start(&server.addr());
    let mut behind = Php::new(&proxy.save_path()).default_user().spawn(STEPS);
    behind.expect("ready");
    behind.step("rustredis_lock('other')");
    let gets = || server.info_commandstats().get("get").copied().unwrap_or_default();
    let before = gets();
    proxy.delay(Duration::from_millis(500));
    behind.send("rustredis_unlock('other')");
    poll::until("the lock is looked at", poll::SOON, || gets() > before);
    server.command::<()>(&["SET", &lock, "host|2"]);
    behind.expect("done ");
    assert_eq!(session::lock(&server, "other").as_deref(), Some("host|2"));
    let again = rustredis(&php, &["unlock", "000000000000"]);
    assert!(again.status == 1 && again.out.contains("not locked"), "{again:#?}");
}

#[test]
fn top_shows_in_a_terminal_who_holds_a_lock() {
    let mut server = server();
    let holder = holder(&server, ID);
    let dir = TempDir::new("tmux");
    let socket = dir.join("tmux.sock");
    let tmux = |words: &[&str]| {
        let mut command = Command::new("tmux");
        command.arg("-f").arg("/dev/null").arg("-S").arg(&socket).args(words);
        command.output().expect("tmux runs")
    };
    let settings = dir.join("php.ini");
    fs::write(&settings, php(&server).ini_file()).expect("the settings can be written");
    let line = format!(
        "PHP_INI_SCAN_DIR= {} -c {} {} top --interval 1",
        php::program().to_string_lossy(),
        settings.display(),
        script().display()
    );
    let started = tmux(&["new-session", "-d", "-x", "130", "-y", "30", &line]);
    assert!(started.status.success(), "{started:?}");
    let screen = || String::from_utf8_lossy(&tmux(&["capture-pane", "-p"]).stdout).into_owned();
    let pid = holder.pid().to_string();
    poll::until("the screen has the holder", poll::SOON, || {
        let screen = screen();
        screen.contains("locked: 1, waiting: 0") && screen.contains("012345...") && screen.contains(&pid)
    });
    drop(holder);
    poll::until("the screen shows that the lease is over", poll::SOON * 3, || screen().contains("locked: 0"));
    // It lives on without Redis, and comes back with it.
    server.kill9();
    poll::until("the screen shows the failure", poll::SOON, || screen().contains("rustredis: "));
    server.restart();
    server.command::<()>(&["SET", &format!("{}_LOCK", session::key(ID)), "host|1", "EX", "100"]);
    poll::until("the screen has the next lock", poll::SOON, || screen().contains("locked: 1"));
    // A small terminal shows the head and the busiest lock. Something else hides no lock.
    for n in 0..30 {
        server.command::<()>(&[
            "SET",
            &format!("{}_LOCK", session::key(&format!("other{n}"))),
            "host|2",
            "EX",
            "100",
        ]);
    }
    server.command::<()>(&["RPUSH", &format!("{}_LOCK", session::key("foreign")), "x"]);
    let waiters = session::side_key(&server, ID, "WAITERS");
    server.command::<()>(&["ZADD", &waiters, "9999999999999", "one", "9999999999999", "two"]);
    tmux(&["resize-window", "-x", "60", "-y", "12"]);
    poll::until("the small screen has the busiest lock", poll::SOON, || {
        let screen = screen();
        let first = screen.lines().find(|line| line.contains("..."));
        screen.contains("locked: 31, waiting: 2") && first.is_some_and(|line| line.starts_with("012345..."))
    });
    tmux(&["kill-server"]);
}

/// Sessions of every format, with lifetimes of their own; the first ones have a state.
fn seed_many(server: &Server, prefix: &str, count: usize) {
    let formats: [&[u8]; 6] = [
        b"n|i:1;",
        b"a:1:{s:1:\"n\";i:1;}",
        b"\x01ni:1;",
        b"{\"n\":1}",
        // igbinary, and the beginning of a zstd frame.
        b"\x00\x00\x00\x02\x14\x01\x11\x01n\x06\x01",
        b"\x28\xb5\x2f\xfd\x24\x06\x31\x00\x00n|i:1;",
    ];
    let mut connection = server.connection();
    let mut pipe = redis::pipe();
    for n in 0..count {
        let key = format!("{prefix}{n:032}");
        let data = [formats[n % formats.len()], n.to_string().as_bytes()].concat();
        pipe.cmd("SET").arg(&key).arg(data).arg("PX").arg(1_000_000 + n * 100).ignore();
        if n < 100 {
            // Another program may write a label that is not UTF-8.
            let label: &[u8] = if n % 2 == 0 { b"a label" } else { b"caf\xe9 \xff" };
            let state = [format!("live|{n}||600|||||").as_bytes(), label].concat();
            pipe.cmd("SET").arg(format!("{key}_STATE")).arg(state).arg("PX").arg(2_000_000).ignore();
        }
    }
    pipe.query::<()>(&mut connection).expect("the sessions can be stored");
}

/// Checks that both servers have the same keys, each with about the same time left.
fn same_sessions(one: (&Server, &str), other: (&Server, &str), count: usize) {
    let all = |(server, prefix): (&Server, &str)| {
        let mut connection = server.connection();
        let mut keys: Vec<String> =
            redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut connection).expect("KEYS is answered");
        keys.sort();
        let mut pipe = redis::pipe();
        for key in &keys {
            pipe.cmd("GET").arg(key).cmd("PTTL").arg(key);
        }
        let values: Vec<redis::Value> = pipe.query(&mut connection).expect("all are answered");
        let names = keys.into_iter().map(|key| key[prefix.len()..].to_owned());
        names.zip(values.chunks(2).map(<[redis::Value]>::to_vec)).collect::<Vec<_>>()
    };
    let (one, other) = (all(one), all(other));
    assert_eq!(one.len(), count, "sessions and states");
    assert_eq!(other.len(), count);
    for ((name, value), (other_name, other_value)) in one.iter().zip(&other) {
        assert_eq!((name, &value[0]), (other_name, &other_value[0]));
        let (redis::Value::Int(left), redis::Value::Int(other_left)) = (&value[1], &other_value[1]) else {
            panic!("{name}: {value:?} {other_value:?}")
        };
        // The time of the export in between, on a busy machine.
        assert!(left.abs_diff(*other_left) < 60_000 && *other_left > 0, "{name}: {left} {other_left}");
    }
}

const MANY: usize = 10_000;
const WITH_STATES: usize = MANY + 100;
const PREFIX: &str = "PHPREDIS_SESSION:";

#[test]
fn ten_thousand_sessions_of_every_format_move_with_their_times() {
    let (old, new) = (server(), server());
    seed_many(&old, PREFIX, MANY);
    let dir = TempDir::new("export");
    let path = dir.join("sessions");
    let file = path.to_str().expect("it is UTF-8");

    let exported = rustredis(&php(&old), &["export", file]);
    assert!(exported.status == 0 && exported.err.contains("10,000 sessions"), "{exported:#?}");
    assert!(exported.err.contains("as good as passwords"), "{exported:#?}");
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let refused = rustredis(&php(&old), &["export", file]);
    assert!(refused.status == 1 && refused.err.contains("--force"), "{refused:#?}");

    // An export that was stopped has lost its end, and perhaps a part of a line.
    let whole = fs::read(&path).expect("it can be read");
    fs::write(&path, &whole[..whole.len() * 2 / 3]).expect("it can be written");
    let resumed = rustredis(&php(&old), &["export", file, "--resume"]);
    assert!(resumed.status == 0 && resumed.err.contains("10,000 sessions"), "{resumed:#?}");

    // The import is killed after its first mark, and goes on from there.
    let proxy = Proxy::start(&new.addr());
    proxy.delay(Duration::from_millis(1));
    let through = Php::new(&proxy.save_path()).default_user();
    let mut child = Command::new(php::program())
        .args(through.arguments())
        .arg(script())
        .args(["import", file])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("php runs");
    let marker = dir.join("sessions.imported");
    poll::until("the import has left a mark", poll::SOON * 3, || marker.exists());
    child.kill().expect("it runs");
    child.wait().expect("it can be waited for");
    let before: usize = new.command(&["DBSIZE"]);
    assert!((500..MANY).contains(&before), "{before}");
    proxy.delay(Duration::ZERO);
    let said = rustredis(&through, &["import", file, "--resume", "--json"]).json();
    let number = |name: &str| said[name].as_u64().expect("it is a number");
    assert!(number("imported") < (MANY - 400) as u64, "it has not begun again: {said:#}");
    assert!(number("kept") < 501, "it repeats one step at most: {said:#}");
    assert!(!marker.exists());
    same_sessions((&old, PREFIX), (&new, PREFIX), WITH_STATES);

    // A session that exists stays, unless it is to be replaced.
    let id = format!("{:032}", 7);
    new.command::<()>(&["SET", &session::key(&id), "n|i:5;", "EX", "500"]);
    let said = rustredis(&php(&new), &["import", file, "--json"]).json();
    assert_eq!((&said["imported"], &said["kept"]), (&Value::from(0), &Value::from(MANY)), "{said:#}");
    assert_eq!(session::counter(&new, &id), Some(5));
    rustredis(&php(&new), &["import", file, "--replace"]);
    same_sessions((&old, PREFIX), (&new, PREFIX), WITH_STATES);
}

/// Keeps the keys of a server over its next restarts.
fn save(server: &Server) {
    server.command::<()>(&["SAVE"]);
}

#[test]
fn a_scan_leaves_nothing_out_if_redis_is_restarted_meanwhile() {
    const COUNT: usize = 4000;
    let mut server = server();
    seed_many(&server, PREFIX, COUNT);
    save(&server);
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/command/src");
    let script = format!(
        "require '{sources}/Sessions.php'; require '{sources}/Output.php'; $pages = 0;
         $turned = function () use (&$pages) {{ if (++$pages === 2) {{ echo \"turned\\n\"; fgets(STDIN); }} }};
         $output = new RustRedis\\Command\\Output(true, true, false);
         $names = iterator_to_array(RustRedis\\Command\\Sessions::all($output, 'sessions', null, $turned), false);
         echo \"done \", count($names), ' ', count(array_unique($names)), \"\\n\";"
    );
    let rights = ["ACL", "SETUSER", "few", "on", ">pw", "~*", "+@all", "-info"];
    // With the name of the server's run, and without.
    for user in ["default", "few"] {
        server.command::<()>(&rights);
        let php = php(&server).ini("rustredis.username", user).ini("rustredis.password", "pw");
        let php = if user == "default" { self::php(&server) } else { php };
        let mut running = php.spawn(&script);
        running.expect("turned");
        server.restart();
        server.command::<()>(&rights);
        running.send("go on");
        assert_eq!(running.expect("done ").1, format!("{COUNT} {COUNT}"), "{user}");

        let dir = TempDir::new("export");
        let path = dir.join("sessions");
        let file = path.to_str().expect("it is UTF-8");
        let exported = rustredis(&php, &["export", file]);
        assert_eq!(exported.status, 0, "{exported:#?}");
        let whole = fs::read_to_string(&path).expect("it can be read");
        let second = whole.match_indices("{\"cursor\"").nth(1).expect("there are pages").0;
        fs::write(&path, &whole[..second + 120]).expect("it can be written");
        server.restart();
        server.command::<()>(&rights);
        let resumed = rustredis(&php, &["export", file, "--resume", "--json"]);
        assert_eq!(resumed.json()["exported"], COUNT, "{user}: {resumed:#?}");
        let text = fs::read_to_string(&path).expect("it can be read");
        let ids: HashSet<_> = text.lines().filter(|line| line.starts_with("{\"id\"")).collect();
        assert_eq!(ids.len(), COUNT, "{user}");
    }
}

#[test]
fn the_file_of_an_export_is_its_users_alone() {
    let server = server();
    session::seed(&server, ID);
    let php = php(&server);
    let dir = TempDir::new("export");
    let path = dir.join("sessions");
    let file = path.to_str().expect("it is UTF-8");
    // An export that has stopped before its first mark goes on, too, and takes the rights of
    // others.
    for begun in ["{\"rust", "{\"rustredis\":1}\n", "{\"rustredis\":1}\n{\"id\":\"a\",\"te"] {
        fs::write(&path, begun).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("its mode can be set");
        let said = rustredis(&php, &["export", file, "--resume"]);
        assert!(said.status == 0 && said.err.contains("could be read by others"), "{said:#?}");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&path).expect("it can be read");
        assert!(
            text.contains(ID) && !text.contains("\"a\"") && text.ends_with("\"sessions\":1}\n"),
            "{text}"
        );
    }
    let complete = rustredis(&php, &["export", file, "--resume"]);
    assert!(complete.status == 0 && complete.err.contains("is complete"), "{complete:#?}");
    let fails = |words: &[&str], text: &str| {
        let said = rustredis(&php, words);
        assert!(said.status > 0 && said.err.contains(text), "{said:#?}");
    };
    // A file that is no export is left alone.
    for other in ["something else\n", "", "{\"id\":1}\n"] {
        fs::write(&path, other).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("its mode can be set");
        fails(&["export", file, "--resume"], "is no export");
        assert_eq!(fs::read_to_string(&path).expect("it can be read"), other);
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
    if chown(&path, Some(12345), None).is_ok() {
        fails(&["export", file, "--resume"], "belongs to another user");
    }
    for target in ["sessions", "missing"] {
        let link = dir.join("link-to-").with_extension(target);
        symlink(dir.join(target), &link).expect("it can be made");
        let link = link.to_str().expect("it is UTF-8");
        for option in [None, Some("--force"), Some("--resume")] {
            let words: Vec<_> = ["export", link].into_iter().chain(option).collect();
            assert_eq!(rustredis(&php, &words).status, 1, "{words:?}");
        }
    }
    assert!(!dir.join("missing").exists());

    // Standard output.
    let words = |line: &str| {
        let line = format!("exec \"$@\" {line}");
        said(
            Command::new("sh")
                .args(["-c", &line, "sh"])
                .arg(php::program())
                .args(php.arguments())
                .arg(script()),
        )
    };
    let shared = words(&format!("export - >{}/open", dir.path().display()));
    assert!(shared.status == 0 && shared.err.contains("others can read"), "{shared:#?}");
    for line in ["count >/dev/full", "doctor --json >/dev/full", "export - >/dev/full", "metrics >/dev/full"]
    {
        let said = words(line);
        assert!(said.status == 1 && said.err.contains("is the disk full?"), "{line}: {said:#?}");
        assert!(!said.err.contains("--resume"), "{line}: {said:#?}");
    }
    let full = words("export /dev/full --resume");
    assert!(full.status == 1, "{full:#?}");
}

#[test]
fn sessions_move_from_another_prefix_and_from_another_server() {
    let (old, new) = (server(), server());
    seed_many(&old, "OLD:", 1500);
    old.command::<()>(&["SET", &format!("OLD:{:032}_LOCK", 3), "host|1", "EX", "100"]);
    let said = rustredis(&php(&old), &["import", "--from-prefix", "OLD:", "--json"]).json();
    assert_eq!(said["imported"], 1500, "{said:#}");
    let from = format!("{}?prefix=OLD:\n", old.save_path());
    let said = rustredis_told(&php(&new), &["import", "--from", "-", "--json"], &from).json();
    assert_eq!(said["imported"], 1500, "{said:#}");
    old.command::<()>(&["DEL", &format!("OLD:{:032}_LOCK", 3)]);
    same_sessions((&old, "OLD:"), (&old, PREFIX), 1600);
    same_sessions((&old, "OLD:"), (&new, PREFIX), 1600);
    // More than the memory of a web server's PHP.
    for n in 0..40 {
        old.command::<()>(&["SET", &format!("BIG:{n}"), &"x".repeat(1_000_000), "EX", "1000"]);
    }
    let from = format!("{}?prefix=BIG:", old.save_path());
    let few = php(&new).ini("memory_limit", "24M");
    // A state that no client knows, and a key of another program, leave out only their sessions.
    old.command::<()>(&["SET", "BIG:7_STATE", "x|y"]);
    new.command::<()>(&["RPUSH", &format!("{PREFIX}8_STATE"), "x"]);
    let said = rustredis(&few, &["import", "--from", &from, "--json"]);
    assert_eq!((&said.json()["imported"], &said.json()["bad"]), (&json!(38), &json!(2)), "{said:#?}");
    for words in
        [&["--from", &from, "--resume"][..], &["--from", &from, "--owner", "root"], &["-", "--resume"]]
    {
        let said = rustredis(&few, &[&["import"], words].concat());
        assert!(said.status == 2 && said.err.contains("is for a f"), "{said:#?}");
    }
}

#[test]
fn an_import_goes_on_from_its_own_mark_only() {
    let (one, other) = (server(), server());
    let dir = TempDir::new("marks");
    let path = dir.join("file");
    let file = path.to_str().expect("it is UTF-8");
    let line =
        |n: usize, text: &str| format!("{{\"id\":\"id{n}\",\"text\":\"{text}\",\"expires_ms\":null}}\n");
    let large = "x".repeat(1_100_000);
    let lines: String = (0..600).map(|n| line(n, if n == 550 { &large } else { "n|i:1;" })).collect();
    fs::write(&path, &lines).expect("it can be written");
    // Redis ends the connection.
    one.set("proto-max-bulk-len", "1048576");
    let stopped = rustredis(&php(&one), &["import", file]);
    assert_eq!(stopped.status, 1, "{stopped:#?}");
    one.set("proto-max-bulk-len", "536870912");
    let marker = dir.join("file.imported");
    let mark = fs::read(&marker).expect("there is a mark");
    let import = |server: &Server, words: &[&str]| {
        let said = rustredis(&php(server), &[&["import", file, "--json"], words].concat());
        assert_eq!(said.status, 0, "{said:#?}");
        assert!(!marker.exists(), "{said:#?}");
        let count = |name: &str| said.json()[name].as_u64().expect("it is a number");
        (count("imported"), count("kept"), said.err)
    };
    let (imported, kept, said) = import(&one, &["--resume"]);
    assert_eq!((imported, kept), (50, 50), "{said}");
    // Another server, another file, and a mark of nothing.
    fs::write(&marker, &mark).expect("it can be written");
    let (imported, _, said) = import(&other, &["--resume"]);
    assert!(imported == 600 && said.contains("is of another import"), "{imported}: {said}");
    fs::write(&path, lines.replace("id5", "di5")).expect("it can be written");
    fs::write(&marker, "40000").expect("it can be written");
    assert_eq!(import(&other, &["--resume"]).0, 111);
    fs::write(&marker, &mark).expect("it can be written");
    assert_eq!(import(&other, &[]).1, 600);
    let (_, kept, said) = import(&other, &["--resume"]);
    assert!(kept == 600 && said.contains("There is no "), "{kept}: {said}");
}

#[test]
fn sessions_move_from_phps_files() {
    let server = server();
    let dir = TempDir::new("files");
    let nested = dir.join("a");
    fs::create_dir(&nested).expect("the folder can be made");
    let folder = dir.path().to_str().expect("it is UTF-8");
    // PHP itself writes them.
    let files = Php::new(folder).ini("session.save_handler", "files").ini("session.use_strict_mode", "0");
    let made = files.run("foreach (['one', 'two'] as $id) { session_id($id); session_start(); $_SESSION['n'] = 7; session_write_close(); }");
    made.assert_clean();
    fs::rename(dir.join("sess_two"), nested.join("sess_two")).expect("it can be moved");
    // The clock of another machine was ahead, which makes no session that lives for ever.
    let ahead = fs::File::options().write(true).open(nested.join("sess_two")).expect("it is there");
    ahead.set_modified(SystemTime::now() + Duration::from_secs(40_000_000)).expect("its time can be set");
    fs::write(dir.join("sess_empty"), "").expect("it can be written");
    fs::write(dir.join("sess_bad.name"), "n|i:1;").expect("it can be written");
    fs::write(dir.join("other"), "n|i:1;").expect("it can be written");
    let old = fs::File::create(dir.join("sess_old")).expect("it can be written");
    fs::write(dir.join("sess_old"), "n|i:1;").expect("it can be written");
    old.set_modified(SystemTime::now() - Duration::from_secs(5000)).expect("its time can be set");

    let php = php(&server);
    let said = rustredis(&php, &["import", folder, "--json"]);
    let counts = said.json();
    assert_eq!(counts["imported"], 2, "{said:#?}");
    assert_eq!((&counts["expired"], &counts["bad"]), (&Value::from(1), &Value::from(1)), "{said:#?}");
    for id in ["one", "two"] {
        assert_eq!(session::counter(&server, id), Some(7));
        let left: u64 = server.command(&["TTL", &session::key(id)]);
        assert!((1200..=1440).contains(&left), "{left}");
    }
    let said = rustredis(&php.clone().ini("session.gc_maxlifetime", "0"), &["import", folder, "--json"]);
    assert_eq!((&said.json()["kept"], &said.json()["expired"]), (&json!(2), &json!(1)), "{said:#?}");
    let read = php.run("session_id('one'); session_start(); echo $_SESSION['n'];");
    assert_eq!(read.assert_clean().stdout, "7");
}

#[test]
fn links_and_files_of_others_in_a_shared_folder_are_left_out() {
    let server = server();
    let dir = TempDir::new("shared");
    fs::write(dir.join("secret"), "n|i:666;").expect("it can be written");
    let shared = dir.join("sessions");
    fs::create_dir(&shared).expect("the folder can be made");
    let folder = shared.to_str().expect("it is UTF-8");
    fs::write(shared.join("sess_mine"), "n|i:1;").expect("it can be written");
    symlink(dir.join("secret"), shared.join("sess_link")).expect("it can be made");
    fs::hard_link(dir.join("secret"), shared.join("sess_hard")).expect("it can be made");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1733)).expect("its mode can be set");
    fs::write(shared.join("sess_theirs"), "n|i:2;").expect("it can be written");
    let is_root = chown(shared.join("sess_theirs"), Some(12345), None).is_ok();
    if !is_root {
        fs::remove_file(shared.join("sess_theirs")).expect("it can be removed");
    }
    let said = rustredis(&php(&server), &["import", folder, "--json"]);
    let counts = said.json();
    let foreign = 2 + usize::from(is_root);
    assert_eq!((&counts["imported"], &counts["left_out"]), (&json!(1), &json!(foreign)), "{said:#?}");
    assert!(said.status == 1 && said.err.contains("they are links"), "{said:#?}");
    let stored = ["mine", "link", "hard", "theirs"].map(|id| session::counter(&server, id));
    assert_eq!(stored, [Some(1), None, None, None]);
    if is_root {
        assert!(said.err.contains("--owner=12345"), "{said:#?}");
        let said = rustredis(&php(&server), &["import", folder, "--owner", "12345", "--json"]);
        assert_eq!(said.json()["imported"], 1, "{said:#?}");
        assert_eq!(session::counter(&server, "theirs"), Some(2));
    }
}

#[test]
fn a_bad_line_of_an_export_is_counted_and_named_and_the_rest_is_imported() {
    let server = server();
    let dir = TempDir::new("lines");
    let path = dir.join("file");
    let file = path.to_str().expect("it is UTF-8");
    let line = |id: &str, more: &str| format!("{{\"id\":\"{id}\",\"text\":\"n|i:1;\"{more}}}");
    let end = "\"expires_ms\":4000000000000";
    let bad = [
        line("b1", &format!(",{end},\"state\":[]")),
        line("b2", &format!(",{end},\"state\":\"nonsense\",\"state_expires_ms\":null")),
        line("b3", ",\"expires_ms\":1764410000000.5"),
        line("b4", ",\"expires_ms\":\"1764410000000\""),
        line("b5", ",\"expires_ms\":1.5e3"),
        line("b6", ""),
        line("b7", ",\"expires_ms\":9223372036854775807"),
        line("c1", &format!(",{end},\"state_base64\":[],\"state_expires_ms\":null")),
        line("c2", &format!(",{end},\"state_base64\":\"?\",\"state_expires_ms\":null")),
        line("c3", &format!(",{end},\"state_base64\":\"bGl2ZXwxfP8=\",\"state_expires_ms\":null")),
        line(
            "c4",
            &format!(",{end},\"state_base64\":\"bGl2ZXwxfHx8fHx8fGH/Cg==\",\"state_expires_ms\":null"),
        ),
        line("c5", &format!(",{end},\"state_base64\":\"bGl2ZXwxfHx8fHx8fGH/\"")),
        format!("{{\"id\":\"b8\",{end}}}"),
        format!("{{\"id\":\"b9\",\"base64\":[],{end}}}"),
        "{\"id\":".to_owned(),
    ];
    let head = "{\"rustredis\":1}";
    let good = [line("good", &format!(",{end}")), line("ever", ",\"expires_ms\":null")];
    let text = format!("{head}\n{}\n{}\n{}\n", good[0], bad.join("\n"), good[1]);
    fs::write(&path, format!("{text}{{\"end\":true,\"sessions\":16}}\n")).expect("it can be written");
    let said = rustredis(&php(&server), &["import", file, "--json"]);
    let counts = said.json();
    assert_eq!((&counts["imported"], &counts["bad"]), (&json!(2), &json!(bad.len())), "{said:#?}");
    assert!(said.status == 1 && said.err.contains("in line 3") && !said.err.contains("whole"), "{said:#?}");
    let keys: usize = server.command(&["DBSIZE"]);
    assert_eq!(keys, 2, "no bad line has stored anything");

    // An export that was cut off, by its end or by a line.
    for cut in
        [format!("{head}\n{}\n", good[0]), format!("{head}\n{}\n{{\"end\":true,\"sessions\":2}}\n", good[0])]
    {
        fs::write(&path, cut).expect("it can be written");
        let said = rustredis(&php(&server), &["import", file]);
        assert!(said.status == 1 && said.err.contains("The export is not whole"), "{said:#?}");
    }
    fs::write(&path, "{\"rustredis\":2}\n").expect("it can be written");
    assert_eq!(rustredis(&php(&server), &["import", file]).status, 1);

    // A pipe, and a folder without rights, have no place for a mark.
    let many: String = (0..600).map(|n| line(&format!("id{n}"), &format!(",{end}")) + "\n").collect();
    fs::write(&path, many).expect("it can be written");
    fs::create_dir_all(dir.join("file.imported/taken")).expect("the folder can be made");
    let said = rustredis(&php(&server), &["import", file]);
    assert!(said.status == 0 && said.out.contains("600 sessions were imported"), "{said:#?}");
    assert!(said.err.contains("cannot be written"), "{said:#?}");
    assert!(!dir.join("file.imported.new").exists(), "nothing is left behind");

    // A key of another program.
    server.command::<()>(&["HSET", &session::key("foreign"), "a", "b"]);
    let said = rustredis(&php(&server), &["export", file, "--force"]);
    assert!(
        said.status == 1 && said.err.contains("602 sessions") && said.err.contains("1 keys were left out"),
        "{said:#?}"
    );
}

#[test]
fn no_id_is_repeated_and_one_may_begin_with_a_dash() {
    let server = server();
    let php = php(&server);
    let id = "-bcdefghijklmnopqrstuvwxyz012345";
    session::seed(&server, id);
    let show = rustredis(&php, &["show", id]);
    assert!(show.status == 0 && show.out.contains("-bcdef..."), "{show:#?}");
    let double = format!("-{id}");
    for words in [
        &[ID][..],
        &["status", ID],
        &["lock", ID, ID],
        &["status", id],
        &[id, "lock"],
        &["help", ID],
        &["lock", &double],
        &["lock", &format!("{ID}...")],
    ] {
        let said = rustredis(&php, words);
        let text = format!("{said:?}");
        assert!(
            said.status > 0 && !text.contains(&ID[..12]) && !text.contains(&id[1..12]),
            "{words:?}: {said:#?}"
        );
    }
}

#[test]
fn texts_of_others_do_not_steer_the_terminal() {
    let server = server();
    let php = php(&server);
    server.command::<()>(&["SET", &session::key(ID), "n|s:9:\"a\u{1b}]0;b\u{7}\u{9b}\";", "EX", "900"]);
    let state = "live|1||600|||||a\u{9b}b\u{202e}c";
    server.command::<()>(&["SET", &format!("{}_STATE", session::key(ID)), state, "EX", "900"]);
    let plain = rustredis(&php, &["show", ID]);
    assert!(plain.status == 0 && plain.out.contains("a?b?c"), "{plain:#?}");
    let json = rustredis(&php, &["show", ID, "--json", "--data"]);
    assert_eq!(json.json()["state"]["label"], "a\u{9b}b\u{202e}c");
    assert_eq!(json.json()["text"], "n|s:9:\"a\u{1b}]0;b\u{7}\u{9b}\";");
    assert!(!json.out.contains('\u{9b}') && !json.out.contains('\u{202e}'), "{json:#?}");
    // A pipe gets the bytes as they are, and a terminal doesn't.
    assert!(rustredis(&php, &["show", ID, "--data"]).out.contains('\u{1b}'));
    let dir = TempDir::new("terminal");
    fs::write(dir.join("php.ini"), php.ini_file()).expect("the settings can be written");
    let line = format!(
        "PHP_INI_SCAN_DIR= {} -c {} {} show {ID} --data --no-ansi",
        php::program().to_string_lossy(),
        dir.join("php.ini").display(),
        script().display()
    );
    let seen = said(Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()));
    assert!(seen.out.contains("a\\u001b]0;b\\u0007\\u009b") && !seen.out.contains('\u{1b}'), "{seen:#?}");
    // Nor does the bar of a scan.
    let line = line.replace(&format!("show {ID} --data"), "count");
    let bar = |term: &str| {
        said(Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).env("TERM", term))
            .out
    };
    assert!(bar("xterm").contains('[') && !bar("xterm").contains('\u{1b}'), "{:?}", bar("xterm"));
    assert!(!bar("dumb").contains('['), "{:?}", bar("dumb"));
    // Bytes that are no text are not replaced.
    server.command::<()>(&["EVAL", "redis.call('SET', KEYS[1], '\\000\\255')", "1", &session::key(ID)]);
    let json = rustredis(&php, &["show", ID, "--json", "--data"]);
    assert_eq!(json.json()["base64"], "AP8=", "{json:#?}");
}

#[test]
fn what_was_set_aside_is_listed_and_restored() {
    let server = server();
    session::seed(&server, ID);
    server.command::<()>(&["SET", &session::key(ID), "x|O:broken"]);
    php(&server).run(&format!("session_id('{ID}'); @session_start();")).assert_no_crash();
    let php = php(&server);
    // Another program's key is none of them.
    server.command::<()>(&["RPUSH", &session::key(&format!("ASIDE:{}", "0".repeat(32))), "x"]);
    let list = rustredis(&php, &["aside", "--json"]).json();
    let name = list[0]["name"].as_str().unwrap_or_else(|| panic!("{list:#}"));
    assert_eq!((list.as_array().map(Vec::len), &list[0]["bytes"]), (Some(1), &Value::from(10)), "{list:#}");
    assert_eq!(rustredis(&php, &["aside", "show", name, "--data"]).out, "x|O:broken");
    let state = format!("{}_STATE", session::key(ID));
    server.command::<()>(&["SET", &state, "dead|logout|5|o:1:2", "EX", "100"]);
    let refused = rustredis(&php, &["aside", "restore", name, ID]);
    assert!(refused.status == 1 && refused.err.contains("has ended"), "{refused:#?}");
    server.command::<()>(&["SET", &state, "live|5|||||||a phone", "EX", "100"]);
    let restored =
        rustredis(&php.clone().ini("session.gc_maxlifetime", "0"), &["aside", "restore", name, ID]);
    assert!(restored.status == 0 && !restored.out.contains(ID), "{restored:#?}");
    let times = [session::key(ID), state].map(|key| server.command::<u64>(&["TTL", &key]));
    assert!((1000..=1440).contains(&times[0]) && times[1] > times[0], "the state stays: {times:?}");
    assert_eq!(server.command::<String>(&["GET", &session::key(ID)]), "x|O:broken");
    let none = rustredis(&php, &["aside", "list"]);
    assert!(none.out.contains("Nothing was set aside."), "{none:#?}");
}

#[test]
fn the_sessions_of_a_user_are_listed_and_ended() {
    let server = server();
    let php = php(&server);
    for (id, label) in [("one", "a phone"), ("two", "a desk")] {
        let login = format!(
            "session_id('{id}'); session_start(['use_strict_mode' => 0]); rustredis_user('ann', label: '{label}'); $_SESSION['n'] = 1;"
        );
        php.run(&login).assert_clean();
    }
    let dir = TempDir::new("export");
    let path = dir.join("sessions");
    let file = path.to_str().expect("it is UTF-8");
    assert_eq!(rustredis(&php, &["export", file]).status, 0);
    let list = rustredis(&php, &["user", "ann"]);
    assert!(list.out.contains("a phone") && list.out.contains("a desk"), "{list:#?}");
    let sessions = rustredis(&php, &["user", "ann", "--json"]).json();
    let phone = sessions.as_array().expect("a list").iter().find(|session| session["label"] == "a phone");
    let handle = phone.and_then(|session| session["handle"].as_str()).expect("it has a handle");
    let ended = rustredis(&php, &["revoke", "ann", "--handle", handle]);
    assert!(ended.status == 0 && ended.out.contains("One session has ended"), "{ended:#?}");
    assert_eq!((session::counter(&server, "one"), session::counter(&server, "two")), (None, Some(1)));
    let ended = rustredis(&php, &["revoke", "ann", "--json"]).json();
    assert_eq!(ended["ended"], 1, "{ended:#}");
    assert!(rustredis(&php, &["user", "ann"]).out.contains("no session"), "nothing is left");
    // A name that was mistyped ends nothing.
    for words in [&["revoke", "anm"][..], &["revoke", "ann", "--handle", "nonsense"]] {
        let said = rustredis(&php, words);
        assert!(said.status == 1 && said.out.contains("0 sessions have ended"), "{said:#?}");
    }
    // An import that is repeated brings no session back that has ended meanwhile.
    let said = rustredis(&php, &["import", file, "--json"]);
    assert_eq!((&said.json()["imported"], &said.json()["kept"]), (&json!(0), &json!(2)), "{said:#?}");
    assert!(rustredis(&php, &["user", "ann"]).out.contains("no session"), "nothing is left");
}

#[test]
fn sessions_are_counted_in_a_cluster() {
    let cluster = cluster::masters(&[]);
    for n in 0..200 {
        session::seed(&cluster, &format!("session-{n}"));
    }
    let counts = rustredis(&php(&cluster), &["count", "--json"]).json();
    assert_eq!((&counts["sessions"], &counts["locks"]), (&Value::from(200), &Value::from(0)), "{counts:#}");
    // They move to and from a Cluster, with their states.
    let dir = TempDir::new("export");
    let path = dir.join("sessions");
    let file = path.to_str().expect("it is UTF-8");
    let state = session::side_key(&cluster, "session-7", "STATE");
    cluster.command::<()>(&["SET", &state, "live|5|||||||a phone"]);
    assert_eq!(rustredis(&php(&cluster), &["export", file]).status, 0);
    for n in 0..50 {
        cluster.command::<()>(&["DEL", &session::key_at(&cluster, &format!("session-{n}"))]);
    }
    cluster.command::<()>(&["SET", &state, "dead|logout|5|o:1:2"]);
    let again = rustredis(&php(&cluster), &["import", file, "--json"]);
    assert_eq!((&again.json()["imported"], &again.json()["kept"]), (&json!(49), &json!(151)), "{again:#?}");
    assert!(again.err.contains("more than 300 s ago"), "{again:#?}");
    assert_eq!(session::counter(&cluster, "session-7"), None);
    assert_eq!(rustredis(&php(&cluster), &["import", file, "--replace"]).status, 0);
    assert_eq!(session::counter(&cluster, "session-7"), Some(0));
    let holder = holder(&cluster, ID);
    let top = rustredis(&php(&cluster), &["top", "--json"]).json();
    assert_eq!(top["locks"][0]["pid"], holder.pid(), "{top:#}");
}

#[test]
fn metrics_of_a_file_that_cannot_be_read_are_a_failure() {
    let dir = TempDir::new("metrics");
    let other = dir.join("of-another-version");
    fs::write(&other, "rustredi, but not this one").expect("it can be written");
    let missing = dir.join("missing");
    for (file, reason) in [
        (other.as_path(), "another version"),
        (&missing, "No such file"),
        (Path::new("relative"), "absolute"),
    ] {
        let php =
            Php::new("tcp://127.0.0.1:1").ini("rustredis.metrics_file", file.to_str().expect("it is UTF-8"));
        for words in [&["metrics"][..], &["metrics", "--json"]] {
            let said = rustredis(&php, words);
            assert!(said.status == 1 && said.out.is_empty() && said.err.contains(reason), "{said:#?}");
        }
    }
    assert!(!missing.exists() && !Path::new("relative").exists());
    // A file that the web server's PHP has yet to make is no advice, and one of another version is.
    let server = server();
    let with = |file: &Path| php(&server).ini("rustredis.metrics_file", file.to_str().expect("it is UTF-8"));
    let said = rustredis(&with(&missing), &["doctor"]);
    assert_eq!(said.status, 0, "{said:#?}");
    finds(&with(&other), &[], WARNING, "advice", "advice");
}

#[test]
fn options_and_exit_statuses_are_those_that_operators_know() {
    let server = server();
    let php = php(&server);
    for words in [
        &["nothing"][..],
        &["status", "--nothing"],
        &["lock"],
        &["status", "more"],
        &["top", "--interval", "0"],
    ] {
        let said = rustredis(&php, words);
        assert!(said.status == 2 && said.err.contains("rustredis: "), "{said:#?}");
    }
    let missing = rustredis(&php, &["show", ID]);
    assert!(missing.status == 1 && missing.err.contains("no session 012345..."), "{missing:#?}");
    assert_eq!(rustredis(&php, &["count", "sessions", "-q"]).err, "");
    let first = rustredis(&php, &["--workers", "10", "doctor", "--project", "."]);
    assert!(first.status == 0 && first.out.contains("there are 10 workers"), "{first:#?}");
    let path = ["status", "--json", "--save-path", "-"];
    let told = rustredis_told(&Php::new("tcp://127.0.0.1:1"), &path, &format!("{}\n", server.save_path()));
    assert_eq!(told.status, 0, "{told:#?}");
    assert_eq!(rustredis_told(&php, &path, "").status, 2);
    let wrong = rustredis(&php.clone().ini("session.save_handler", "files"), &["revoke", "ann"]);
    assert!(wrong.err.contains("although session.save_handler is files"), "{wrong:#?}");
    assert!(rustredis(&php, &[]).out.contains("Commands:"));
    assert!(rustredis(&php, &["-V"]).out.contains(env!("CARGO_PKG_VERSION")));
    assert!(rustredis(&php, &["import", "--help"]).out.contains("--from-prefix"));

    // A reader that has read enough.
    let line = format!("{} -n {} help | head -n 1", php::program().to_string_lossy(), script().display());
    let piped = said(Command::new("sh").args(["-c", &line]));
    assert!(piped.out.lines().count() == 1 && piped.err.is_empty(), "{piped:#?}");

    // Colours, and their end.
    let coloured = rustredis(&php, &["doctor", "--ansi"]);
    assert!(coloured.out.contains("\x1b[32m"), "{coloured:#?}");
    assert!(!rustredis(&php, &["doctor"]).out.contains('\x1b'), "it is no terminal");

    // Another php.ini, which the output names, and another path.
    let dir = TempDir::new("ini");
    let ini = dir.join("php.ini");
    fs::write(&ini, php.clone().ini("session.use_strict_mode", "0").ini_file()).expect("it can be written");
    let file = ini.to_str().expect("it is UTF-8");
    let mut command = Command::new(php::program());
    command.env("PHP_INI_SCAN_DIR", "").arg("-n").arg(script()).args(["doctor", "--ini", file]);
    let said = said(&mut command);
    assert!(said.status == 1 && said.out.contains(file) && said.out.contains("strict_mode"), "{said:#?}");
    let other = rustredis(&php, &["status", "--save-path", "tcp://127.0.0.1:1"]);
    assert!(other.status == 1 && other.out.contains("tcp://127.0.0.1:1"), "{other:#?}");
}

#[test]
fn the_settings_of_an_fpm_pool_are_taken_and_leave_nothing_behind() {
    let server = server();
    let dir = TempDir::new("pool");
    let (ini, pool) = (dir.join("php.ini"), dir.join("www.conf"));
    fs::write(&ini, php(&server).ini("session.use_strict_mode", "0").ini_file()).expect("it can be written");
    let lines = [
        "[global]",
        "include = others/*.conf",
        "[www]",
        "pm.max_children = 8",
        ";php_value[rustredis.locking] = 0",
        "php_admin_value[session.use_strict_mode] = 1",
        // FPM applies it before those of the administrator.
        "php_value[session.use_strict_mode] = 0",
        "php_admin_value[rustredis.password] = \"the secret;${x}'\\\"\" ; not a part of it",
        "php_value[rustredis.prefix] = \"OF-$pool:\" ; nor this",
        "php_flag[rustredis.lock_mixed] = on",
        // Settings that would end the command itself, or run in it.
        "php_admin_value[open_basedir] = /var/www:/tmp",
        "php_admin_value[disable_functions] = ini_set,proc_open,getenv,fwrite,parse_ini_string",
        "php_admin_value[auto_prepend_file] = /dev/zero",
    ];
    fs::write(&pool, lines.join("\n")).expect("it can be written");
    server.set("requirepass", "the secret;'\"");
    let run = |ini: Option<&Path>, words: &[&str], pool: &str| {
        let mut command = Command::new(php::program());
        command.env("PHP_INI_SCAN_DIR", "").env("TMPDIR", dir.path()).arg("-n").arg(script()).args(words);
        said(command.args(ini.map(|_| "--ini")).args(ini).args(["--pool", pool]))
    };
    let name = pool.to_str().expect("it is UTF-8");
    let said = run(Some(&ini), &["doctor", "--json"], name);
    let report = said.json();
    let findings = report["findings"].as_array().expect("there is a list");
    let names: Vec<_> = findings.iter().filter_map(|finding| finding["name"].as_str()).collect();
    assert_eq!(names, ["lock-mixed", "lock-max-waiters"], "{report:#}");
    assert!(said.out.contains("there are 8 workers") && said.out.contains("OF-www:"), "{said:#?}");
    assert!(!said.out.contains("the secret") && !said.err.contains("the secret"), "{said:#?}");
    let left: Vec<_> = fs::read_dir(dir.path()).expect("it can be read").collect();
    assert_eq!(left.len(), 2, "{left:?}");

    // Another pool of the same files has a file of its own, and takes nothing from the first.
    fs::create_dir(dir.join("others")).expect("it can be made");
    let other = "[other]\nphp_value[rustredis.prefix] = $pool:\nphp_value[rustredis.password] = \"the secret;'\\\"\"\n";
    fs::write(dir.join("others/other.conf"), other).expect("it can be written");
    let which = run(Some(&ini), &["status"], name);
    assert!(which.status == 2 && which.err.contains(":other, :www"), "{which:#?}");
    let status = run(Some(&ini), &["status", "--json"], &format!("{name}:other"));
    assert_eq!(status.json()["configuration"]["prefix"], "other:", "{status:#?}");
    assert_eq!(run(Some(&ini), &["status"], &format!("{name}:more")).status, 2);
    fs::write(&pool, "[www]\nphp_value[session.name] = (\n").expect("it can be written");
    let bad = run(Some(&ini), &["status"], name);
    assert!(bad.status == 1 && bad.err.contains("line 2"), "{bad:#?}");

    // A php.ini that would end the command.
    let more = "\nopen_basedir=/var/www\ndisable_functions=ini_set,fwrite\nauto_prepend_file=/missing\nsession.auto_start=1\n";
    let server = self::server();
    fs::write(&ini, php(&server).ini_file() + more).expect("it can be written");
    let mut command = Command::new(php::program());
    command.env("PHP_INI_SCAN_DIR", "").arg("-n").arg(script()).args(["count", "--json", "--ini"]).arg(&ini);
    let said = self::said(&mut command);
    assert_eq!(said.json(), json!({"sessions": 0, "locks": 0, "asides": 0}), "{said:#?}");
}

#[test]
fn a_session_that_starts_by_itself_is_left_alone() {
    let server = server();
    let php = php(&server).ini("session.auto_start", "1").ini("session.use_strict_mode", "0");
    let counts = rustredis(&php, &["count", "--json", "--save-path", &server.save_path()]);
    assert_eq!(counts.json(), json!({"sessions": 0, "locks": 0, "asides": 0}), "{counts:#?}");
}

#[test]
fn bash_completes_commands_options_and_words() {
    let said = said(Command::new(php::program()).arg("-n").arg(script()).arg("completion"));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("command/completion/rustredis.bash");
    assert_eq!(
        said.out,
        fs::read_to_string(&file).expect("it can be read"),
        "php command/bin/rustredis completion writes it anew"
    );
    for (words, expected) in [
        ("rustredis do", "doctor"),
        ("rustredis --ini x ex", "export"),
        ("rustredis aside re", "restore"),
        ("rustredis import --fr", "--from --from-prefix"),
        ("rustredis doctor --js", "--json"),
    ] {
        let script = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _rustredis; echo \"${{COMPREPLY[*]}}\"",
            file.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &script]).output().expect("bash runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{words}: {output:?}");
    }
}
