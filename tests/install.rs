//! `scripts/install`: what it installs, PHP has loaded once.

use std::path::Path;
use std::process::{Command, Output};

fn install(module: &Path, into: &Path) -> Output {
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install"))
        .arg(module)
        .env("DESTDIR", into)
        .output()
        .expect("scripts/install runs")
}

fn files_in(folder: &Path) -> Vec<String> {
    let found = Command::new("find").arg(folder).args(["-type", "f"]).output().expect("find runs");
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

/// A folder that goes with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("phpsess-install-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a new folder");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn module() -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(std::env::var("MODULE").unwrap_or_else(|_| "modules/phpsess_rs.so".to_owned()))
}

#[test]
fn a_module_in_a_folder_with_a_space_is_installed() {
    let folder = Folder::new("spaced");
    let spaced = folder.path().join("a folder/the module.so");
    std::fs::create_dir(spaced.parent().expect("a parent")).expect("a folder");
    std::fs::copy(module(), &spaced).expect("the module was built");
    let output = install(&spaced, &folder.path().join("root"));
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("Installed "), "{output:?}");
    let files = files_in(&folder.path().join("root"));
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].ends_with("/phpsess_rs.so"), "{files:?}");
}

#[test]
fn a_module_that_php_does_not_load_is_not_installed() {
    let folder = Folder::new("broken");
    let broken = folder.path().join("broken.so");
    std::fs::write(&broken, "no library").expect("a file");
    let output = install(&broken, &folder.path().join("root"));
    assert!(!output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("Installed"), "{output:?}");
    assert!(files_in(&folder.path().join("root")).is_empty());
}
