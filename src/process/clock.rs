//! A clock that only goes forward, as a number of nanoseconds.
//!
//! Each request reads it several times and compares what it has read. With an
//! [`Instant`](std::time::Instant), a reading and a difference take four times as many
//! instructions. Asking the system needs the C library, so the PHP layer installs that with
//! [`read_with`].

use std::{
    sync::{LazyLock, OnceLock},
    time::{Duration, Instant},
};

static READ: OnceLock<fn() -> u64> = OnceLock::new();

/// Installs the clock, which must be the one of [`Instant`]. Later calls have no effect, because
/// PHP may start the module more than once in a process.
pub fn read_with(read: fn() -> u64) {
    let _ = READ.set(read);
}

/// The time of now.
#[must_use]
pub fn now() -> u64 {
    match READ.get() {
        Some(read) => read(),
        None => since_first_use(),
    }
}

fn since_first_use() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    // There are times before this one, as with the system's clock.
    (1 << 60) + nanoseconds(START.elapsed())
}

/// The time that has passed since another one.
#[must_use]
pub fn since(time: u64) -> Duration {
    Duration::from_nanos(now().saturating_sub(time))
}

/// A duration as a number of this clock. 584 years fit.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "no wait takes centuries")]
pub const fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos() as u64
}
