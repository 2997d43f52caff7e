//! The start of every thread of this library.
//!
//! A thread inside PHP must start with all signals blocked, or PHP's timers and FPM's signals
//! arrive on it. Masking needs the C library, so the PHP layer installs it with [`set_guard`].

use std::{
    cell::Cell,
    io,
    panic::{self, AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Once, OnceLock},
    thread::{self, JoinHandle},
};

use super::limits;

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

/// Does the same with the thread of a crate that panics if it cannot start one. Such a panic prints
/// nothing, and becomes the error of [`spawn`].
pub fn starting_crate<T>(start: impl FnOnce() -> T) -> io::Result<T> {
    thread_local! {
        static IS_SILENT: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_SILENT.get() {
                usual(panic);
            }
        }));
    });
    IS_SILENT.set(true);
    let started = catch_unwind(AssertUnwindSafe(|| starting(start)));
    IS_SILENT.set(false);
    started.map_err(|_| match spawn("rustredis-trial", 64 << 10, || ()) {
        Err(error) => error,
        // Another thread has ended meanwhile.
        Ok(_) => io::Error::new(limits::LIMIT, "this process could start no thread"),
    })
}

/// Starts a thread. The error names the limits that may prevent it.
pub fn spawn(name: &str, stack: usize, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = thread::Builder::new().name(name.into()).stack_size(stack);
    starting(|| builder.spawn(body)).map_err(|error| limits::of_threads(&error))
}
