//! The counters of this process, for `rustredis_status()` and phpinfo(). A forked child starts from
//! zero.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// A number that only increases.
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// The count of this process.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Sessions started or read.
pub static STARTS: Counter = Counter(AtomicU64::new(0));
/// Round trips to Redis: requests that waited for their reply.
pub static TRIPS: Counter = Counter(AtomicU64::new(0));
/// Requests that had to wait for their turn.
pub static LOCK_WAITS: Counter = Counter(AtomicU64::new(0));
/// Refused writes: the lock was lost, the session was destroyed, or the value was too large.
pub static REFUSED_WRITES: Counter = Counter(AtomicU64::new(0));
/// Connections that broke and were replaced.
pub static RECONNECTS: Counter = Counter(AtomicU64::new(0));
/// Commands that a node of a Cluster redirected to another node.
pub static REDIRECTS: Counter = Counter(AtomicU64::new(0));

/// Sessions that were read under an id of before, as the copy that was left there.
pub static GRACE_READS: Counter = Counter(AtomicU64::new(0));
/// Changes of such a copy, which were refused.
pub static GRACE_REFUSALS: Counter = Counter(AtomicU64::new(0));

static PID: AtomicU32 = AtomicU32::new(0);

/// Starts from zero in a forked child. The callers, which begin a session or show the counters,
/// already have the pid: asking the system for the pid at each count would cost more than the
/// counting.
pub fn belong_to(pid: u32) {
    if PID.swap(pid, Relaxed) != pid {
        for counter in [
            &STARTS,
            &TRIPS,
            &LOCK_WAITS,
            &REFUSED_WRITES,
            &RECONNECTS,
            &REDIRECTS,
            &GRACE_READS,
            &GRACE_REFUSALS,
        ] {
            counter.0.store(0, Relaxed);
        }
    }
}
