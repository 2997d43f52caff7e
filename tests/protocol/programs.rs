//! The folders of tests/ are whole programs: a file that its folder does not name never runs, and
//! no tool says so.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders with a program, and the one file that is a program by itself. A test needs a reason
/// to be in none of the five: the frameworks are packages that only their own target fetches.
const PROGRAMS: [&str; 7] = ["frameworks", "guard.rs", "neighbours", "php", "protocol", "redis", "stress"];

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the entry can be read").path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().expect("it has a name").to_string_lossy().into_owned()
}

fn is_code(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "rs")
}

/// The files and folders below `folder` that `root`, the file that stands for the folder, does not
/// name.
fn unnamed(folder: &Path, root: &str) -> Vec<PathBuf> {
    let text = fs::read_to_string(folder.join(root)).expect("each folder with code has a root");
    let mut found = Vec::new();
    for path in entries(folder) {
        let is_folder = path.join("mod.rs").exists();
        if name(&path) == root || !(is_folder || is_code(&path)) {
            continue;
        }
        let line = format!("mod {};", path.file_stem().expect("it has a name").to_string_lossy());
        if !text.lines().any(|own| own.trim_start().trim_start_matches("pub ") == line) {
            found.push(path.clone());
        }
        if is_folder {
            found.extend(unnamed(&path, "mod.rs"));
        }
    }
    found
}

#[test]
fn each_file_of_a_test_program_is_named_in_it() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let is_program = |path: &PathBuf| is_code(path) || path.join("main.rs").exists();
    let programs: Vec<_> = entries(&tests).into_iter().filter(is_program).collect();
    assert_eq!(programs.iter().map(|path| name(path)).collect::<Vec<_>>(), PROGRAMS);

    let folders = programs.iter().filter(|path| path.is_dir());
    let mut found: Vec<_> = folders.flat_map(|folder| unnamed(folder, "main.rs")).collect();
    found.extend(unnamed(&tests.join("support"), "mod.rs"));
    assert!(found.is_empty(), "these have no `mod` line in their folder: {found:#?}");
}
