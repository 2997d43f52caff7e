//! Random values and hostile texts through `session.serialize_handler=json`, and readers in other
//! languages.
//!
//! `JSON_SEED` repeats the random values. `JSON_COUNT` values and `JSON_SECONDS` of hostile texts
//! make the test longer.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::php::Php;
use crate::support::temp_dir::TempDir;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// A new seed for each run, which a failure prints.
fn seed() -> u64 {
    number("JSON_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        u64::from(now.subsec_nanos()) ^ now.as_secs() & 0x7fff_ffff
    })
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/json")
}

/// Runs a script of tests/json with these arguments, with sessions in files. The end of its output
/// must contain `success`.
fn run(name: &str, arguments: &[String], success: &str) {
    let folder = TempDir::new("json");
    let php = Php::new(folder.path().to_str().expect("the path is UTF-8"))
        .ini("session.save_handler", "files")
        .ini("session.serialize_handler", "json")
        .ini("memory_limit", "512M")
        .deadline(Duration::from_secs(300 + number("JSON_SECONDS").unwrap_or(0)));
    let script = scripts().join(name);
    let list: Vec<_> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
    let output = php.run(&format!("$argv = ['', {}]; require '{}';", list.join(", "), script.display()));
    println!("{}", output.stdout);
    output.assert_clean();
    assert!(output.stdout.contains(success), "{}", output.stdout);
}

fn property(any_numbers: bool, reader: &[String]) {
    let seed = seed();
    let count = number("JSON_COUNT").unwrap_or(5000);
    let mut arguments = vec![seed.to_string(), count.to_string(), u8::from(any_numbers).to_string()];
    arguments.extend_from_slice(reader);
    run("property.php", &arguments, &format!("{count} values, seed {seed}"));
}

fn script(name: &str) -> String {
    scripts().join(name).display().to_string()
}

#[test]
fn random_values_come_back_from_a_strict_reader_in_python() {
    property(true, &["python3".into(), "-B".into(), script("strict.py"), seed().to_string()]);
}

#[test]
fn javascript_writes_the_same_text_where_its_numbers_are_enough() {
    property(false, &["node".into(), script("echo.mjs")]);
}

#[test]
fn no_text_crashes_php_or_makes_an_object_or_costs_much_memory() {
    let seed = seed();
    let seconds = number("JSON_SECONDS").unwrap_or(5);
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json-vectors.json");
    let arguments = [seed.to_string(), seconds.to_string(), vectors.display().to_string()];
    run("fuzz.php", &arguments, &format!("accepted, seed {seed}"));
}
