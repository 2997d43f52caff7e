//! Every thread of this library starts here.
//!
//! A thread that runs inside PHP must have all signals blocked before it starts, or PHP's timers and FPM's
//! signals land on it. Masking needs the C library, so the PHP layer installs it with [`set_guard`].

use std::sync::OnceLock;

/// Runs its argument with the calling thread's signals blocked; a thread inherits the mask of its creator.
pub type Guard = fn(&mut dyn FnMut());

static GUARD: OnceLock<Guard> = OnceLock::new();

/// Installs the guard. The first one stays: PHP may start the module more than once in a process.
pub fn set_guard(guard: Guard) {
    let _ = GUARD.set(guard);
}

/// Runs `start`, which starts threads, under the guard.
pub fn starting<T>(start: impl FnOnce() -> T) -> T {
    let mut start = Some(start);
    let mut result = None;
    let mut run = || {
        if let Some(start) = start.take() {
            result = Some(start());
        }
    };
    match GUARD.get() {
        Some(guard) => guard(&mut run),
        None => run(),
    }
    result.expect("a guard runs its argument")
}
