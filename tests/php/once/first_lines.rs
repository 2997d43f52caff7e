//! The first lines of the README, and the lines that `make install` prints, are enough: with the
//! php.ini that Debian brings, whose PHP has a folder for session files built in, and a Redis on
//! the default port.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::php::{module, program};
use crate::support::redis_program;
use crate::support::temp_dir::TempDir;

/// The test may not use the machine's port 6379, so it runs in a network of its own.
const IN_A_NETWORK_OF_ITS_OWN: &str = r#"
    ip link set lo up || exit 77
    cd "$1" || exit 1
    "$REDIS" --port 6379 --bind 127.0.0.1 --save '' --appendonly no --daemonize no >redis.log 2>&1 &
    redis=$!
    for _ in $(seq 200); do
        [ "$(redis-cli ping 2>&1)" = PONG ] && break
        sleep 0.05
    done
    mkdir conf.d
    PHPRC="$1" PHP_INI_SCAN_DIR="$1/conf.d" "$PHP" script.php
    echo "exit code $?"
    redis-cli get "$(redis-cli keys 'PHPREDIS_SESSION:*' | grep -v ':.*_')"
    kill $redis
    wait $redis
"#;

const SCRIPT: &str = r"<?php
    ob_start();
    session_start();
    $_SESSION['n'] = 1;
    session_write_close();
    $_SESSION = [];
    session_start();
    echo 'n is ', $_SESSION['n'], ' in ', session_id(), PHP_EOL;
";

/// The options of `unshare` that this machine allows: as root, or as any user if the kernel permits
/// it.
fn unshare() -> Option<&'static str> {
    ["-n", "-rn"].into_iter().find(|how| {
        Command::new("unshare")
            .args([how, "ip", "link", "set", "lo", "up"])
            .output()
            .is_ok_and(|out| out.status.success())
    })
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The first block of the README that is an ini file.
fn first_lines() -> String {
    let readme = fs::read_to_string(root().join("README.md")).expect("there is a README");
    let (_, rest) = readme.split_once("```ini\n").expect("it begins with an ini file");
    rest.split_once("```").expect("which ends").0.to_owned()
}

/// The lines for php.ini that `make install` prints.
fn printed_lines(dir: &Path) -> String {
    let install = Command::new(root().join("scripts/install")).arg(module()).env("DESTDIR", dir).output();
    let install = install.expect("scripts/install runs");
    assert!(install.status.success(), "{install:?}");
    let said = String::from_utf8(install.stdout).expect("it says text");
    said.split_once("Add to php.ini:\n").expect("it says so").1.to_owned()
}

/// The files that Debian copies to /etc/php, or none if this PHP is not Debian's.
fn templates() -> Vec<PathBuf> {
    let version = Command::new(program())
        .args(["-n", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"])
        .output()
        .expect("PHP runs");
    let dir = Path::new("/usr/lib/php").join(String::from_utf8(version.stdout).expect("a version is text"));
    ["php.ini-production", "php.ini-development"]
        .map(|name| dir.join(name))
        .into_iter()
        .filter(|file| file.exists())
        .collect()
}

#[test]
fn two_lines_are_enough() {
    let Some(how) = unshare() else {
        println!("SKIPPED: this machine lets nobody make a network namespace (unshare -n)");
        return;
    };
    let install = TempDir::new("install");
    let mut bases = vec![String::new()];
    bases.extend(templates().iter().map(|file| fs::read_to_string(file).expect("it can be read")));
    for base in &bases {
        for lines in [first_lines(), printed_lines(install.path())] {
            assert_eq!(lines.lines().filter(|line| line.contains('=')).count(), 2, "{lines}");
            // The module is not installed for the whole machine, so its path is added.
            let lines =
                lines.replace("extension=phpsess_rs.so", &format!("extension={}", module().display()));
            let dir = TempDir::new("first");
            fs::write(dir.join("php.ini"), format!("{base}\n{lines}")).expect("it can be written");
            fs::write(dir.join("script.php"), SCRIPT).expect("it can be written");
            let output = Command::new("unshare")
                .args([how, "sh", "-c", IN_A_NETWORK_OF_ITS_OWN, "sh"])
                .arg(dir.path())
                .env("PHP", program())
                .env("REDIS", redis_program::path())
                .output()
                .expect("unshare runs");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let id = said.strip_prefix("n is 1 in ").and_then(|rest| rest.lines().next()).unwrap_or_default();
            assert_eq!(said, format!("n is 1 in {id}\nexit code 0\nn|i:1;\n"), "{output:?}");
        }
    }
}
