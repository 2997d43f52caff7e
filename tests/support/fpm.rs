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

/// The longest time that a page may take.
const PAGE_DEADLINE: Duration = Duration::from_secs(90);

/// php-fpm (the program that `PHP_FPM` names, or Debian's, or the one on PATH) with a fixed number
/// of workers, behind a Unix socket. All requests go to one page.
pub struct Fpm {
    dir: TempDir,
    process: Child,
}

impl Fpm {
    /// A pool of `workers` with the settings of `php` (but cookies are on), which serves the page
    /// `script` (without `<?php`).
    pub fn start(php: &Php, workers: usize, script: &str) -> Self {
        Self::start_as(php, &format!("pm = static\npm.max_children = {workers}\n"), script)
    }

    /// Like [`Fpm::start`], with a process manager of the caller's choice (`pm = ...` and its
    /// settings).
    pub fn start_as(php: &Php, manager: &str, script: &str) -> Self {
        Self::with_env(php, manager, script, &[])
    }

    /// Like [`Fpm::start_as`], with further environment variables.
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

    /// Sends a GET with a query string and the cookies of a Cookie header. Both may be empty.
    pub fn get(&self, query: &str, cookies: &str) -> Response {
        self.try_get(query, cookies)
            .unwrap_or_else(|error| panic!("php-fpm does not answer ({error}): {}", self.log()))
    }

    /// Reloads gracefully: new workers replace the old ones, which finish their requests. Returns
    /// when the new workers are ready.
    pub fn reload(&self) {
        let starts = || self.log().matches("ready to handle connections").count();
        let before = starts();
        process::signal(self.process.id(), "USR2");
        poll::until("php-fpm reloads", SOON, || starts() > before);
    }

    /// Stops gracefully: workers finish their requests. Returns when the pool is gone.
    pub fn stop(&self) {
        process::signal(self.process.id(), "QUIT");
        poll::until("php-fpm ends", SOON, || self.log().contains("bye-bye"));
    }

    /// Like [`Fpm::get`], for a pool that may be about to stop.
    pub fn try_get(&self, query: &str, cookies: &str) -> io::Result<Response> {
        fastcgi::get(&self.dir.join("fpm.sock"), &self.dir.join("page.php"), query, cookies, PAGE_DEADLINE)
    }

    /// The log of the master and, through it, of the workers.
    pub fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.dir.join(name)).unwrap_or_default();
        read("fpm.log") + &read("output.log")
    }
}

impl Drop for Fpm {
    fn drop(&mut self) {
        // On TERM, the master ends its workers as well. A process that has ended needs no signal.
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

/// The path of the php-fpm program.
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
