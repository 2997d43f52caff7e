//! The start of every thread of this library.
//!
//! A thread inside PHP must start with all signals blocked, or PHP's timers and FPM's signals
//! arrive on it. Masking needs the C library, so the PHP layer installs it with [`set_guard`].

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::OnceLock,
    thread::{self, JoinHandle},
};

/// A function that runs its argument with the calling thread's signals blocked. A thread inherits
/// the mask of its creator.
pub type Guard = fn(&mut dyn FnMut());

static GUARD: OnceLock<Guard> = OnceLock::new();

/// Installs the guard. Later calls have no effect, because PHP may start the module more than once
/// in a process.
pub fn set_guard(guard: Guard) {
    let _ = GUARD.set(guard);
}

/// Runs `start`, which starts threads, under the guard. Even if `start` panics, no signal stays
/// blocked.
pub fn starting<T>(start: impl FnOnce() -> T) -> T {
    let mut start = Some(start);
    let mut result = None;
    let mut run = || {
        if let Some(start) = start.take() {
            result = Some(catch_unwind(AssertUnwindSafe(start)));
        }
    };
    match GUARD.get() {
        Some(guard) => guard(&mut run),
        None => run(),
    }
    result.expect("a guard runs its argument").unwrap_or_else(|panic| resume_unwind(panic))
}

/// Starts a thread. The error names the limits that may prevent it, so that an operator can raise
/// them.
pub fn spawn(name: &str, stack: usize, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = thread::Builder::new().name(name.into()).stack_size(stack);
    starting(|| builder.spawn(body)).map_err(|error| {
        let text = error.to_string();
        let cause = text.split(" (os error").next().unwrap_or(&text);
        io::Error::new(
            error.kind(),
            format!(
                "this process can start no thread ({cause}), see its limits: ulimit -u, the TasksMax of its \
                 service, pids.max of its container"
            ),
        )
    })
}
