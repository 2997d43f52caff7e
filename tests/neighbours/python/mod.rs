//! Python processes that use sessions through examples/python/phpsess.py.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::support::process;
use crate::support::python::program;
use crate::support::redis::Server;

/// The longest time that a step may take.
const DEADLINE: Duration = Duration::from_secs(90);

/// A process that runs steps.py. The process is killed when this value is dropped.
pub struct Python {
    process: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Python {
    /// Starts a process with a long lock wait.
    pub fn start(server: &Server) -> Self {
        Self::with_options(server, r#"{"wait": 60}"#)
    }

    /// Like [`Python::start`], with the keyword arguments of `phpsess.Sessions` as a JSON object.
    pub fn with_options(server: &Server, options: &str) -> Self {
        Self::at(&server.addr(), options)
    }

    /// Like [`Python::with_options`], with the Redis at another address, such as a proxy's.
    pub fn at(addr: &str, options: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = python();
        let mut process = Command::new(&python)
            .arg(root.join("tests/neighbours/python/steps.py"))
            .args([&format!("redis://{addr}/0"), options])
            .env("PYTHONPATH", root.join("examples/python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {} ({error})", python.display()));
        let stdin = process.stdin.take().expect("standard input is piped");
        let stdout = BufReader::new(process.stdout.take().expect("standard output is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut python = Self { process, stdin, lines };
        assert_eq!(python.line(), "ready");
        python
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a step, which is a Python expression.
    pub fn send(&mut self, step: &str) {
        writeln!(self.stdin, "{step}").expect("the process reads its steps");
    }

    /// The result of the step as JSON, or the name and text of its exception.
    pub fn answer(&mut self) -> String {
        let line = self.line();
        line.strip_prefix("done ").unwrap_or_else(|| panic!("no answer: {line}")).to_owned()
    }

    /// Sends a step and waits for its result.
    pub fn step(&mut self, step: &str) -> String {
        self.send(step);
        self.answer()
    }

    /// `kill -9`
    pub fn kill9(&mut self) {
        process::signal(self.pid(), "KILL");
        self.process.wait().expect("the process can be waited for");
    }

    fn line(&mut self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("Python says nothing more ({error})"))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // Both calls fail only if the process has ended, which is the aim.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A Python that has redis-py.
fn python() -> PathBuf {
    let python = program();
    assert!(
        std::env::var_os("PYTHON").is_some() || python.exists(),
        "{} does not exist: run scripts/setup test first",
        python.display()
    );
    python
}
