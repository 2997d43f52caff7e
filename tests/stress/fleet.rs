//! The workers: processes that are killed and started again until their plan is done.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::process::{Process, Program};
use crate::support::poll::{self, SOON};
use crate::support::random::Random;
use crate::support::temp_dir::TempDir;

pub struct Fleet {
    workers: Vec<Worker>,
    orders: Orders,
    shell: Shell,
    logs: TempDir,
}

/// The orders that all workers get.
pub struct Orders {
    /// The number in the names of the logs that a failed run leaves.
    pub seed: u64,
    pub sessions: usize,
    /// The time from which workers take up nothing new.
    pub until: u64,
    /// More members of the orders' JSON object, for Python, which has no ini settings.
    pub more: String,
}

struct Worker {
    program: Program,
    running: Option<Process>,
    life: u64,
    /// The times since which and until which the worker is stopped.
    stopped: Option<(u64, Instant)>,
}

impl Worker {
    fn new(program: Program) -> Self {
        Self { program, running: None, life: 0, stopped: None }
    }
}

/// The state of a worker, by its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Between,
    Waiting,
    Holding,
}

impl Fleet {
    /// Starts one worker for each of these programs.
    pub fn start(programs: Vec<Program>, orders: Orders) -> Self {
        let workers = programs.into_iter().map(Worker::new).collect();
        let mut fleet = Self { workers, orders, shell: Shell::start(), logs: TempDir::new("stress") };
        for number in 0..fleet.workers.len() {
            fs::write(fleet.log_path(number), "").expect("the log can be created");
            fleet.launch(number);
        }
        fleet
    }

    pub fn len(&self) -> usize {
        self.workers.len()
    }

    /// The running workers in this state that are neither stopped nor done.
    pub fn in_state(&self, state: Option<State>) -> Vec<usize> {
        let ready = |&number: &usize| {
            let worker = &self.workers[number];
            let found = worker.running.as_ref().filter(|_| worker.stopped.is_none());
            found.and_then(|_| self.state(number)).is_some_and(|now| state.is_none_or(|state| state == now))
        };
        (0..self.len()).filter(ready).collect()
    }

    /// Kills the worker with `kill -9`, and starts a new process for the rest of its plan.
    pub fn kill(&mut self, number: usize) {
        let Some(mut running) = self.workers[number].running.take() else { return };
        self.shell.signal(running.pid(), "KILL");
        running.kill9();
        self.launch(number);
    }

    /// Stops a worker in this state, for [`Fleet::kill`] or [`Fleet::stop`]. The result is an error
    /// if the worker went on to another state before it stopped: it may go on.
    pub fn catch(&mut self, state: State, random: &mut Random) -> Option<Result<usize, ()>> {
        let number = random.pick(&self.in_state(Some(state)))?;
        let pid = self.workers[number].running.as_ref()?.pid();
        self.shell.signal(pid, "STOP");
        poll::until("the worker stops", SOON, || "TZ".contains(run_state(pid)));
        if self.state(number) == Some(state) {
            return Some(Ok(number));
        }
        self.shell.signal(pid, "CONT");
        poll::until("the worker goes on", SOON, || run_state(pid) != 'T');
        Some(Err(()))
    }

    /// Stops a worker until [`Fleet::tend`] finds that its time has passed.
    pub fn stop(&mut self, number: usize, from: u64, length: Duration) {
        let Some(running) = &self.workers[number].running else { return };
        self.shell.signal(running.pid(), "STOP");
        self.workers[number].stopped = Some((from, Instant::now() + length));
    }

    /// Lets workers go on whose time has passed (all, if `all`). Returns their numbers, and the
    /// times since which they were stopped.
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

    /// Waits until all workers are done.
    pub fn finish(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        for number in 0..self.len() {
            while !last_line(&self.log_path(number)).ends_with(" end") {
                let running = self.workers[number].running.as_ref();
                if running.is_none_or(|running| run_state(running.pid()) == 'Z') {
                    break;
                }
                assert!(
                    Instant::now() < deadline,
                    "worker {number} gets nowhere: {}",
                    self.last_lines(number)
                );
                thread::sleep(Duration::from_millis(20));
            }
            let ended = self.workers[number].running.take().map(Process::wait);
            assert_eq!(ended, Some(Ok(())), "worker {number}: {}", self.last_lines(number));
        }
    }

    /// All logs in one, by time.
    pub fn merged(&self) -> Vec<String> {
        let lines = |number| {
            let log = self.log(number);
            log.lines().map(|line| format!("{line} [worker {number}]")).collect::<Vec<_>>()
        };
        let mut lines: Vec<String> = (0..self.len()).flat_map(lines).collect();
        lines.sort_unstable();
        lines
    }

    pub fn log(&self, number: usize) -> String {
        fs::read_to_string(self.log_path(number)).expect("the log can be read")
    }

    fn last_lines(&self, number: usize) -> String {
        let log = self.log(number);
        let lines: Vec<_> = log.lines().rev().take(5).collect();
        lines.join(" | ")
    }

    fn launch(&mut self, number: usize) {
        let log = self.log_path(number);
        let Orders { seed, sessions, until, more } = &self.orders;
        let worker = &mut self.workers[number];
        worker.life += 1;
        let (life, seed, log) =
            (worker.life, (seed ^ (worker.life << 8 | number as u64)) & 0x7fff_ffff, log.display());
        worker.running = Some(worker.program.start(&format!(
            r#"{{"number":{number},"life":{life},"seed":{seed},"log":"{log}","sessions":{sessions},"until":{until},{more}}}"#,
        )));
    }

    /// The state of a worker, or `None` if it is done.
    pub fn state(&self, number: usize) -> Option<State> {
        match last_line(&self.log_path(number)).split(' ').nth(1) {
            Some("wait") => Some(State::Waiting),
            Some("got" | "write") => Some(State::Holding),
            Some("end") => None,
            _ => Some(State::Between),
        }
    }

    fn log_path(&self, number: usize) -> PathBuf {
        self.logs.join(&format!("{number}.log"))
    }
}

/// The last line, read without the megabytes before it.
fn last_line(log: &Path) -> String {
    let mut file = File::open(log).expect("the log can be opened");
    let length = file.metadata().expect("the log has metadata").len();
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(2000))).expect("the log can be sought in");
    file.read_to_end(&mut tail).expect("the log can be read");
    String::from_utf8_lossy(&tail).lines().next_back().unwrap_or_default().to_owned()
}

/// The state of the process as ps shows it: R, S, T (stopped), Z (ended) ...
fn run_state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.unwrap_or('Z')
}

/// Runs `kill` in one shell. A new process for each signal would come too late for states that last
/// microseconds.
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

impl Drop for Fleet {
    fn drop(&mut self) {
        // The folder is removed with the test, so a failure keeps the logs that explain it.
        if thread::panicking() {
            keep(self.orders.seed, &self.merged());
        }
    }
}

/// Writes a merged log to a place that outlives the test.
pub fn keep(seed: u64, lines: &[String]) {
    let path = std::env::temp_dir().join(format!("phpsess-stress-{seed}.log"));
    match fs::write(&path, lines.join("\n")) {
        Ok(()) => println!("stress: the log is in {}", path.display()),
        Err(error) => println!("stress: the log can't be kept in {}: {error}", path.display()),
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Both calls fail only if the shell has ended, which is the aim.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
