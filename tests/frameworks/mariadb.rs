//! A MariaDB of the test's own, for an application that needs one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::frameworks;
use crate::support::poll::{self, SOON};
use crate::support::temp_dir::TempDir;

/// An empty MariaDB, from Debian's unpacked package, on a Unix socket. It lets everybody in, and so
/// needs no tables of its own.
pub struct MariaDb {
    dir: TempDir,
    process: Child,
}

impl MariaDb {
    pub fn start(root: &Path) -> Self {
        let dir = TempDir::new("mariadb");
        let log = File::create(dir.join("log")).expect("the log opens");
        let messages = root.join("usr/share/mysql");
        let option = |name: &str, path: PathBuf| format!("--{name}={}", path.display());
        fs::create_dir(dir.join("data")).expect("the folder can be made");
        let process = Command::new(root.join("usr/sbin/mariadbd"))
            .arg("--no-defaults")
            .arg(option("datadir", dir.join("data")))
            .arg(option("socket", dir.join("socket")))
            .arg(option("pid-file", dir.join("pid")))
            .arg(option("character-sets-dir", messages.join("charsets")))
            .arg(option("lc-messages-dir", messages))
            .args(["--skip-networking", "--skip-grant-tables", "--innodb-buffer-pool-size=16M"])
            .args(["--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0"])
            .env("LD_LIBRARY_PATH", frameworks::libraries(root))
            .args(if dir.owned_by_root() { &["--user=root"][..] } else { &[] })
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log has a second handle"))
            .stderr(log)
            .spawn()
            .expect("mariadbd runs");
        let mut server = Self { dir, process };
        poll::until("mariadbd listens", SOON, || {
            let log = fs::read_to_string(server.dir.join("log")).unwrap_or_default();
            let ended = server.process.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "mariadbd does not start: {log}");
            log.contains("ready for connections")
        });
        server
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.join("socket")
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        // Both calls fail only if the process has ended, which is the aim.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
