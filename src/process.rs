//! Which process this is.
//!
//! Connections, locks and threads belong to a process, and a forked child must not take its parent's for its own: so
//! it is asked a dozen times for each session. The answer is kept in memory that the kernel itself clears in a child,
//! however that was forked (the PHP layer installs it with [`keep_id_in`]); without it, the kernel is asked each time.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering::Relaxed},
};

static KEPT: OnceLock<&'static AtomicU32> = OnceLock::new();

/// The id of this process.
#[must_use]
pub fn id() -> u32 {
    let Some(kept) = KEPT.get() else { return std::process::id() };
    match kept.load(Relaxed) {
        0 => {
            let own = std::process::id();
            kept.store(own, Relaxed);
            own
        }
        own => own,
    }
}

/// Keeps the id here, where it must become 0 in every forked child. The first place stays: PHP may start the module more
/// than once in a process.
pub fn keep_id_in(place: &'static AtomicU32) {
    let _ = KEPT.set(place);
}
