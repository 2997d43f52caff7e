//! The command `rustredis`, run by a real PHP against a real Redis.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::acl;
use crate::support::cluster;
use crate::support::php::{self, Php};
use crate::support::poll;
use crate::support::proxy::Proxy;
use crate::support::redis::{FREE_PORT, Server};
use crate::support::temp_dir::TempDir;

/// What a run of the command printed, and its exit status.
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

/// Checks that the doctor finds one fault, of this level and name, and that its fix has these words.
fn finds(php: &Php, more: &[&str], level: i32, name: &str, fix: &str) {
    let words = [&["doctor", "--json"], more].concat();
    let said = rustredis(php, &words);
    let report = said.json();
    let findings = report["findings"].as_array().expect("there is a list");
    let found: Vec<_> = findings.iter().filter(|finding| finding["name"] == name).collect();
    assert_eq!(found.len(), 1, "{name}: {report:#}");
    assert!(found[0]["fix"].as_str().is_some_and(|text| text.contains(fix)), "{fix:?}: {report:#}");
    assert_eq!(found[0]["level"], if level == ERROR { "error" } else { "warning" }, "{report:#}");
    assert_eq!(findings.len(), 1, "nothing else is wrong: {report:#}");
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

/// A test for each fault in PHP's settings: its name, the setting and the value, and words of its fix.
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
    let said = rustredis(&php(&server).ini("session.gc_maxlifetime", "0"), &["doctor"]);
    assert!(said.status == 1 && said.out.contains("Set session.gc_maxlifetime"), "{said:#?}");
}

#[test]
fn the_doctor_finds_more_waiters_than_workers() {
    let server = server();
    finds(&php(&server), &["--workers", "10"], WARNING, "lock-max-waiters", "pm.max_children");
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
    the_doctor_finds_that_memory_ends: WARNING "memory",
        ["maxmemory" = "1mb"], "CONFIG SET maxmemory";
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
    proxy.delay(std::time::Duration::from_millis(12));
    let php = Php::new(&proxy.save_path()).default_user();
    finds(&php, &[], WARNING, "latency", "rustredis.prefetch=1");
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

    cluster.node(1).set("timeout", "10");
    finds(&php, &[], WARNING, "idle-timeout", "timeout 0");
    cluster.node(1).set("timeout", "0");

    // Nobody listens at the port that a node announces.
    cluster.node(2).announce(1);
    poll::until("the other nodes know the port, and the doctor finds it", poll::SOON, || {
        let said = rustredis(&php, &["doctor"]);
        said.status == 2 && said.out.contains("cluster-announce-ip")
    });
}
