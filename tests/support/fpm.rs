//! A real php-fpm pool with the extension loaded.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::fastcgi::{self, Response};
use super::php::Php;
use super::poll::{self, SOON};
use super::process;
use super::temp_dir::TempDir;

/// How long a page may take.
const PAGE_DEADLINE: Duration = Duration::from_secs(90);

/// php-fpm (the program that `PHP_FPM` names, or Debian's, or the one on PATH) with a fixed number of workers,
/// behind a Unix socket. It serves one page.
pub struct Fpm {
    dir: TempDir,
    process: Child,
}

impl Fpm {
    /// A pool of `workers` with the settings of `php` (but cookies are on), which serves the page `script`
    /// (without `<?php`).
    pub fn start(php: &Php, workers: usize, script: &str) -> Self {
        Self::start_as(php, &format!("pm = static\npm.max_children = {workers}\n"), script)
    }

    /// The same with a process manager of its own (`pm = ...` and what belongs to it).
    pub fn start_as(php: &Php, manager: &str, script: &str) -> Self {
        Self::with_env(php, manager, script, &[])
    }

    /// The same with further environment variables.
    pub fn with_env(php: &Php, manager: &str, script: &str, env: &[(&str, &str)]) -> Self {
        let dir = TempDir::new("fpm");
        fs::write(dir.join("page.php"), format!("<?php {script}")).expect("the page can be written");
        fs::write(dir.join("fpm.conf"), config(&dir, manager)).expect("the configuration can be written");
        let log = File::create(dir.join("output.log")).expect("the log opens");
        let program = program();
        let process = Command::new(&program)
            .args(php.clone().ini("session.use_cookies", "1").arguments())
            // A reload starts the program again with the same arguments.
            .args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config"])
            .arg(dir.join("fpm.conf"))
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log has a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {} ({error}): set PHP_FPM", program.display()));
        let mut fpm = Self { dir, process };
        poll::until("php-fpm listens", SOON, || {
            if let Some(status) = fpm.process.try_wait().expect("the process can be asked") {
                panic!("php-fpm ended ({status}): {}", fpm.log());
            }
            fpm.log().contains("ready to handle connections")
        });
        fpm
    }

    /// The process id of the master.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// GET with a query string and the cookies of a Cookie header; both may be empty.
    pub fn get(&self, query: &str, cookies: &str) -> Response {
        self.try_get(query, cookies)
            .unwrap_or_else(|error| panic!("php-fpm does not answer ({error}): {}", self.log()))
    }

    /// A graceful reload: new workers replace the old ones, which finish their requests. Returns when the new
    /// ones are ready.
    pub fn reload(&self) {
        let starts = || self.log().matches("ready to handle connections").count();
        let before = starts();
        process::signal(self.process.id(), "USR2");
        poll::until("php-fpm reloads", SOON, || starts() > before);
    }

    /// A graceful stop: workers finish their requests. Returns when the pool is gone.
    pub fn stop(&self) {
        process::signal(self.process.id(), "QUIT");
        poll::until("php-fpm ends", SOON, || self.log().contains("bye-bye"));
    }

    /// The same where the pool may be about to stop.
    pub fn try_get(&self, query: &str, cookies: &str) -> io::Result<Response> {
        fastcgi::get(&self.dir.join("fpm.sock"), &self.dir.join("page.php"), query, cookies, PAGE_DEADLINE)
    }

    /// What the master and, through it, the workers logged.
    pub fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.dir.join(name)).unwrap_or_default();
        read("fpm.log") + &read("output.log")
    }
}

impl Drop for Fpm {
    fn drop(&mut self) {
        // TERM, so that the master takes its workers along; nothing to do if it is gone already.
        if matches!(self.process.try_wait(), Ok(None)) {
            process::signal(self.process.id(), "TERM");
            let _ = self.process.wait();
        }
    }
}

fn config(dir: &TempDir, manager: &str) -> String {
    let user = if dir.owned_by_root() { "user = root\ngroup = root" } else { "" };
    let path = dir.path().display();
    format!(
        "[global]\n\
         error_log = {path}/fpm.log\n\
         process_control_timeout = 20s\n\
         [pool]\n\
         {user}\n\
         listen = {path}/fpm.sock\n\
         {manager}\
         catch_workers_output = yes\n\
         clear_env = no\n"
    )
}

/// Which program that is.
pub fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("PHP_FPM") {
        return program.into();
    }
    let mut found: Vec<_> = fs::read_dir("/usr/sbin")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("php-fpm")))
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| "php-fpm".into())
}
