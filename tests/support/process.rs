//! The tests' processes, seen from outside: signals, children, threads.

use std::fs;
use std::process::{Command, Stdio};

/// Sends `signal` (`STOP`, `CONT`, `KILL`, `USR2` ...) to a process that a test started.
pub fn signal(pid: u32, signal: &str) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {pid}")])
        .stderr(Stdio::null())
        .status()
        .expect("sh runs");
    assert!(status.success(), "cannot send SIG{signal} to process {pid}");
}

/// The current children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let of_thread = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    of_thread.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// The names of a process' threads.
pub fn threads(pid: u32) -> Vec<String> {
    fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        // A thread may end during the loop.
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .collect()
}
