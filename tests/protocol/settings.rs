//! A setting is one row of `src/config/ini.rs`. The table of README.md and the list of the stub
//! follow from the rows.
//!
//! `SETTINGS_UPDATE=1 cargo test --no-default-features --test protocol settings::` writes both.

use std::fs;
use std::path::Path;

use phpsess_rs::config::Setting;

fn text_of(c: &std::ffi::CStr) -> &str {
    c.to_str().expect("names and defaults are ASCII")
}

/// Compares the lines of a file that `is_row` selects, which follow each other, with these.
fn assert_rows(path: &str, is_row: fn(&str) -> bool, row: impl Fn(Setting) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&path).expect("the file is there");
    let rows: Vec<String> = Setting::ALL.into_iter().map(row).collect();
    let first = text.lines().position(is_row).expect("the file has rows");
    let lines: Vec<&str> = text.lines().collect();
    let count = lines[first..].iter().take_while(|line| is_row(line)).count();
    let right =
        [&lines[..first], &rows.iter().map(String::as_str).collect::<Vec<_>>(), &lines[first + count..]];
    let right = right.concat().join("\n") + "\n";
    if std::env::var_os("SETTINGS_UPDATE").is_some() {
        return fs::write(&path, right).expect("the file can be written");
    }
    assert_eq!(lines[first..first + count], rows, "{}: SETTINGS_UPDATE=1 writes it", path.display());
    assert_eq!(text, right, "{}: a row is apart from the others", path.display());
}

#[test]
fn the_table_of_the_readme_has_each_setting() {
    assert_rows(
        "README.md",
        |line| line.starts_with("| `rustredis."),
        |setting| {
            let (name, default) = (text_of(setting.name()), text_of(setting.default_text()));
            let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
            format!("| `{name}` | {default} | {} |", setting.meaning())
        },
    );
}

#[test]
fn the_stub_has_each_setting_with_its_default() {
    assert_rows(
        "stubs/phpsess_rs.stub.php",
        |line| line.starts_with(" *   rustredis."),
        |setting| {
            let row = format!(" *   {} = {}", text_of(setting.name()), text_of(setting.default_text()));
            row.trim_end().to_owned()
        },
    );
}
