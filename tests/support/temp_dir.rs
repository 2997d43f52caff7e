//! A folder of the test's own, removed when the test is done with it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A fresh folder under the system's temporary folder. The path is short because Unix sockets live
/// in the folder, and their paths end at about 100 bytes.
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
                // An earlier process with the same id has left this folder.
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

    /// Returns true if the tests run as root, who then owns the folder.
    pub fn owned_by_root(&self) -> bool {
        fs::metadata(&self.path).expect("the temporary folder has metadata").uid() == 0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A file that cannot be removed is left to the system: a panic here would hide the test's
        // own.
        let _ = fs::remove_dir_all(&self.path);
    }
}
