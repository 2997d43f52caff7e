//! A folder of the test's own, removed when the test is done with it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A fresh folder under the system's temporary folder. Its path is short: Unix sockets live in it, and
/// their paths end at about 100 bytes.
pub struct TempDir {
    path: PathBuf,
}

impl TempDir {
    pub fn new(purpose: &str) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("rr-{purpose}-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return Self { path },
                // Left by an earlier process with the same id.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("cannot create {}: {error}", path.display()),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether the tests run as root: the folder belongs to whoever runs them.
    pub fn owned_by_root(&self) -> bool {
        fs::metadata(&self.path).expect("the temporary folder has metadata").uid() == 0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What can't be removed is the system's to clean up: a panic here would hide the test's own.
        let _ = fs::remove_dir_all(&self.path);
    }
}
