//! The workers: PHP processes that are killed and started again until their plan is done.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::clock::Clock;
use crate::support::php::{Php, Running};
use crate::support::temp_dir::TempDir;

const SCRIPT: &str = include_str!("worker.php");

pub struct Fleet {
    php: Php,
    workers: Vec<Worker>,
    shell: Shell,
    logs: TempDir,
    sessions: usize,
    seed: u64,
    /// When the workers take up nothing new.
    until: u64,
}

struct Worker {
    running: Option<Running>,
    life: u64,
    /// Stopped since, and until when.
    stopped: Option<(u64, Instant)>,
}

/// What a worker is doing, by its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Between,
    Waiting,
    Holding,
}

impl Fleet {
    pub fn start(php: Php, workers: usize, sessions: usize, seed: u64, until: u64) -> Self {
        let workers = (0..workers).map(|_| Worker { running: None, life: 0, stopped: None }).collect();
        let (shell, logs) = (Shell::start(), TempDir::new("stress"));
        let mut fleet = Self { php, workers, shell, logs, sessions, seed, until };
        for number in 0..fleet.workers.len() {
            fs::write(fleet.log_path(number), "").expect("the log can be created");
            fleet.launch(number);
        }
        fleet
    }

    pub fn len(&self) -> usize {
        self.workers.len()
    }

    /// The workers that run, not stopped and not done, in this state.
    pub fn in_state(&self, state: Option<State>) -> Vec<usize> {
        let ready = |&number: &usize| {
            let worker = &self.workers[number];
            let found = worker.running.as_ref().filter(|_| worker.stopped.is_none());
            found.and_then(|_| self.state(number)).is_some_and(|now| state.is_none_or(|state| state == now))
        };
        (0..self.len()).filter(ready).collect()
    }

    /// `kill -9`, and a new process for the rest of the plan.
    pub fn kill(&mut self, number: usize) {
        let Some(mut running) = self.workers[number].running.take() else { return };
        self.shell.signal(running.pid(), "KILL");
        running.kill9();
        self.launch(number);
    }

    /// Stops a worker until [`Fleet::tend`] finds that its time has passed.
    pub fn stop(&mut self, number: usize, clock: Clock, length: Duration) {
        let Some(running) = &self.workers[number].running else { return };
        let from = clock.now();
        self.shell.signal(running.pid(), "STOP");
        self.workers[number].stopped = Some((from, Instant::now() + length));
    }

    /// Lets those go on whose time has passed (all, if `all`): who, and since when they were stopped.
    pub fn tend(&mut self, all: bool) -> Vec<(usize, u64)> {
        let mut resumed = Vec::new();
        for (number, worker) in self.workers.iter_mut().enumerate() {
            let Some(running) = &worker.running else { continue };
            if let Some((from, _)) = worker.stopped.take_if(|(_, end)| all || *end <= Instant::now()) {
                self.shell.signal(running.pid(), "CONT");
                resumed.push((number, from));
            }
        }
        resumed
    }

    /// Waits until all are done.
    pub fn finish(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        for number in 0..self.len() {
            while !last_line(&self.log_path(number)).ends_with(" end") {
                let alive = self.workers[number].running.as_ref().is_some_and(is_alive);
                assert!(alive, "worker {number} ended: {:?}", self.output(number));
                assert!(
                    Instant::now() < deadline,
                    "worker {number} gets nowhere: {}",
                    self.last_lines(number)
                );
                thread::sleep(Duration::from_millis(20));
            }
            if let Some(running) = self.workers[number].running.take() {
                running.wait().assert_clean();
            }
        }
    }

    pub fn log(&self, number: usize) -> String {
        fs::read_to_string(self.log_path(number)).expect("the log can be read")
    }

    fn output(&mut self, number: usize) -> Option<crate::support::php::Output> {
        self.workers[number].running.take().map(Running::wait)
    }

    fn last_lines(&self, number: usize) -> String {
        let log = self.log(number);
        let lines: Vec<_> = log.lines().rev().take(5).collect();
        lines.join(" | ")
    }

    fn launch(&mut self, number: usize) {
        let mut running = self.php.spawn(SCRIPT.strip_prefix("<?php").expect("it is a PHP script"));
        let worker = &mut self.workers[number];
        worker.life += 1;
        let seed = (self.seed ^ (worker.life << 8 | number as u64)) & 0x7fff_ffff;
        running.send(&format!(
            r#"{{"number":{number},"life":{},"seed":{seed},"log":"{}","sessions":{},"until":{}}}"#,
            worker.life,
            log_path(self.logs.path(), number).display(),
            self.sessions,
            self.until
        ));
        worker.running = Some(running);
    }

    /// None when it is done.
    pub fn state(&self, number: usize) -> Option<State> {
        match last_line(&self.log_path(number)).split(' ').nth(1) {
            Some("wait") => Some(State::Waiting),
            Some("got" | "write") => Some(State::Holding),
            Some("end") => None,
            _ => Some(State::Between),
        }
    }

    fn log_path(&self, number: usize) -> PathBuf {
        log_path(self.logs.path(), number)
    }
}

fn log_path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number}.log"))
}

/// Without reading the megabytes before it.
fn last_line(log: &Path) -> String {
    let mut file = File::open(log).expect("the log can be opened");
    let length = file.metadata().expect("the log has metadata").len();
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(2000))).expect("the log can be sought in");
    file.read_to_end(&mut tail).expect("the log can be read");
    String::from_utf8_lossy(&tail).lines().next_back().unwrap_or_default().to_owned()
}

fn is_alive(running: &Running) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", running.pid()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Runs `kill` in one shell: starting one for each signal would come too late for what lasts microseconds.
struct Shell(Child);

impl Shell {
    fn start() -> Self {
        let shell =
            Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(shell.expect("sh runs"))
    }

    fn signal(&mut self, pid: u32, signal: &str) {
        let input = self.0.stdin.as_mut().expect("the shell's input is piped");
        writeln!(input, "kill -{signal} {pid}").expect("the shell reads");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Both fail only if the shell is gone, which is the aim.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
