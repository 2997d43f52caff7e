//! Waiting for a condition, with a deadline.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for anything that should happen at once, even on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Sets a flag when this value is dropped, also by a panic. Threads that look at the flag then end,
/// and the test with them.
pub struct SetAtEnd<'a>(pub &'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Polls until `condition` holds. Panics with `what` if the limit passes first.
pub fn until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    until_some(what, limit, || condition().then_some(()));
}

/// Polls until `probe` has an answer, and returns it. Panics with `what` if the limit passes first.
pub fn until_some<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
