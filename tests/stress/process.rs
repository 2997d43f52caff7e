//! The programs of the workers: PHP, and Python if there is one with redis-py.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::php::{Php, Running};
use crate::support::python;

const PHP: &str = include_str!("worker.php");

#[derive(Clone)]
pub enum Program {
    Php(Php),
    Python(PathBuf),
}

/// A running worker. The process is killed when this value is dropped.
pub enum Process {
    Php(Running),
    Python(Script),
}

pub struct Script(Child);

impl Program {
    /// The Python that `PYTHON` names, or the one that scripts/setup makes, if it has redis-py.
    pub fn python() -> Option<Self> {
        let python = python::program();
        let check = Command::new(&python).args(["-c", "import redis"]).stderr(Stdio::null()).status();
        check.is_ok_and(|status| status.success()).then_some(Self::Python(python))
    }

    /// Starts the program and sends it the JSON that describes the worker.
    pub fn start(&self, worker: &str) -> Process {
        match self {
            Self::Php(php) => {
                let mut running = php.spawn(PHP.strip_prefix("<?php").expect("it is a PHP script"));
                running.send(worker);
                Process::Php(running)
            }
            Self::Python(python) => {
                let root = Path::new(env!("CARGO_MANIFEST_DIR"));
                let mut child = Command::new(python)
                    .arg(root.join("tests/stress/worker.py"))
                    .env("PYTHONPATH", root.join("examples/python"))
                    .env("PYTHONDONTWRITEBYTECODE", "1")
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap_or_else(|error| panic!("cannot run {} ({error})", python.display()));
                let mut input = child.stdin.take().expect("standard input is piped");
                writeln!(input, "{worker}").expect("the process reads who it is");
                Process::Python(Script(child))
            }
        }
    }
}

impl Process {
    pub fn pid(&self) -> u32 {
        match self {
            Self::Php(running) => running.pid(),
            Self::Python(script) => script.0.id(),
        }
    }

    pub fn kill9(&mut self) {
        match self {
            Self::Php(running) => running.kill9(),
            Self::Python(Script(child)) => {
                child.kill().expect("the process can be killed");
                child.wait().expect("the process ends");
            }
        }
    }

    /// Waits for the end of the process. Returns an error that describes a bad end.
    pub fn wait(self) -> Result<(), String> {
        match self {
            Self::Php(running) => {
                let output = running.wait();
                let clean = output.status.success() && output.stdout.is_empty() && output.stderr.is_empty();
                if clean { Ok(()) } else { Err(format!("{output:?}")) }
            }
            Self::Python(mut script) => {
                let mut said = String::new();
                let mut stderr = script.0.stderr.take().expect("standard error is piped");
                stderr.read_to_string(&mut said).expect("standard error can be read");
                let status = script.0.wait().expect("the process ends");
                if status.success() { Ok(()) } else { Err(format!("{said}{status}")) }
            }
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Both calls fail only if the process has ended, which is the aim.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
