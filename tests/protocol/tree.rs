//! The files of the project, for tests that read them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The files below a folder whose names have one of these ends.
pub fn files(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            found.extend(files(&path, ends));
        } else if path.extension().is_some_and(|end| ends.iter().any(|own| end == *own)) {
            found.push(path);
        }
    }
    found
}
