//! docs/json-vectors.json in other languages, as a reader sees it that knows no tags. PHP's side is
//! php-tests/json/vectors-go-both-ways.phpt.

use std::path::Path;
use std::process::Command;

/// Runs a program on the vectors, and checks the number of vectors that it reports.
fn check(command: &mut Command) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = command
        .current_dir(root.join("tests/json"))
        .arg(root.join("docs/json-vectors.json"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error} (scripts/setup test installs it)"));
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    let count: u32 = said.split(' ').next().and_then(|count| count.parse().ok()).expect("it says a number");
    assert!(count > 130, "{said}");
}

#[test]
fn python() {
    check(Command::new("python3").arg("vectors.py"));
}

#[test]
fn javascript() {
    check(Command::new("node").arg("vectors.mjs"));
}

#[test]
fn go() {
    check(Command::new("go").args(["run", "vectors.go"]));
}
