//! User-space instructions of a process, counted by valgrind's callgrind.
//!
//! Callgrind shows a program the same processor on each machine that has AVX2, and nothing newer
//! than that. So a program chooses the same variants of memcpy() and similar functions everywhere.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use super::temp_dir::TempDir;

/// The result of a counted process.
pub struct Counted {
    /// The instructions from the start of the process to its end, in all threads.
    pub instructions: u64,
    pub stdout: String,
}

/// Runs a command to its end, with `input` as its standard input. It must end well.
pub fn run(command: &Command, input: &str) -> Counted {
    let dir = TempDir::new("callgrind");
    let log = dir.join("log");
    let mut valgrind = Command::new("valgrind");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => valgrind.env(name, value),
            None => valgrind.env_remove(name),
        };
    }
    let mut process = valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--log-file={}", log.display()))
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run valgrind ({error})"));
    let mut stdin = process.stdin.take().expect("standard input is piped");
    stdin.write_all(input.as_bytes()).expect("the process takes its input");
    drop(stdin);
    let output = process.wait_with_output().expect("valgrind ends");
    let log = fs::read_to_string(&log).expect("callgrind's log can be read");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {}: {stdout}{log}", output.status);
    let count = log.lines().find_map(|line| line.split_once("Collected : "));
    let instructions = count.and_then(|(_, count)| count.trim().parse().ok());
    Counted { instructions: instructions.unwrap_or_else(|| panic!("callgrind says {log}")), stdout }
}
