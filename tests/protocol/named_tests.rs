//! The documents name tests that exist.

use std::{fs, path::Path};

use crate::tree::files;

/// The .phpt tests that a line names, each with its folder: `php-tests/lock/a.phpt, b.phpt` names
/// two in one folder, and a `*` stands for any characters.
fn named(line: &str) -> Vec<(String, String)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "/-_*.".contains(c);
    let mut folder = "";
    let mut named = Vec::new();
    for word in line.split(|c| !is_name(c)) {
        let path = word.trim_end_matches('.').strip_suffix(".phpt");
        let Some(path) = path.filter(|path| !path.is_empty()) else { continue };
        let name = match path.rsplit_once('/') {
            Some((of, name)) => {
                folder = of.rsplit("php-tests/").next().unwrap_or(of);
                name
            }
            None => path,
        };
        named.push((folder.to_owned(), name.to_owned()));
    }
    named
}

/// Returns true if a name fits one with a `*`.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
        None => name == pattern,
    }
}

#[test]
fn each_test_that_a_document_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = files(&root.join("php-tests"), &["phpt"]);
    let is_there = |folder: &str, name: &str| {
        tests.iter().any(|test| {
            test.parent().is_some_and(|parent| parent == root.join("php-tests").join(folder))
                && test.file_stem().is_some_and(|stem| fits(&stem.to_string_lossy(), name))
        })
    };
    let mut missing = Vec::new();
    let mut looked_at = 0;
    for document in files(&root.join("docs"), &["md"]) {
        let text = fs::read_to_string(&document).expect("the file can be read");
        for (folder, name) in text.lines().flat_map(named) {
            looked_at += 1;
            if !is_there(&folder, &name) {
                missing.push(format!("{}: {folder}/{name}.phpt", document.display()));
            }
        }
    }
    assert!(looked_at > 50, "{looked_at}");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_test_is_named_with_the_folder_before_it_in_the_line() {
    let line = "| php-tests/lock/a.phpt, b-*.phpt; tests/php/c.rs, php-tests/json/d.phpt. |";
    let expected = [("lock", "a"), ("lock", "b-*"), ("json", "d")];
    assert_eq!(named(line), expected.map(|(folder, name)| (folder.to_owned(), name.to_owned())));
    assert!(fits("b-1", "b-*") && !fits("c-1", "b-*") && !fits("b-", "b"));
}
