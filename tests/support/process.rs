//! Signals to processes that the tests started.

use std::process::{Command, Stdio};

/// Sends `signal` (`STOP`, `CONT`, `KILL`, `USR2` ...) to a process of ours.
pub fn signal(pid: u32, signal: &str) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {pid}")])
        .stderr(Stdio::null())
        .status()
        .expect("sh runs");
    assert!(status.success(), "cannot send SIG{signal} to process {pid}");
}
