//! Tests that kill, stop and restart processes and servers under load, one test at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

mod chain;
mod clock;
mod disturb;
mod failovers;
mod fleet;
mod log;
mod made_up;
mod probe;
mod process;
mod run;
mod stress;
#[path = "../support/mod.rs"]
mod support;
mod turns;

/// Held by each test that starts processes: beside another one, it would measure that one's load.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    // A test that failed changes nothing for the next one.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
