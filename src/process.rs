//! The identity of this process, and the values that belong to it.
//!
//! Connections, locks and threads belong to a process, and a forked child must not use those of its
//! parent, so each session checks the process id a dozen times. The id is kept in memory that the
//! kernel clears in a child, however the child was forked. The PHP layer installs that memory with
//! [`keep_id_in`]; without it, each check asks the kernel.

use std::{
    mem,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

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

/// Keeps the id in `place`, which must become 0 in every forked child. Later calls have no effect,
/// because PHP may start the module more than once in a process.
pub fn keep_id_in(place: &'static AtomicU32) {
    let _ = KEPT.set(place);
}

/// A value of this process. A forked child starts with an empty value. The parent's value is left
/// alone and never dropped in the child: dropping it would close connections that the parent uses,
/// and wait for threads that the child does not have.
///
/// Never hold this lock across a fork or on one of our threads: a child would inherit it locked.
pub struct Own<T>(Mutex<Kept<T>>);

struct Kept<T> {
    pid: u32,
    value: T,
}

impl<T: Default> Own<T> {
    /// Creates the value; `empty` must equal [`Default`], which a constant cannot call.
    pub const fn new(empty: T) -> Self {
        Self(Mutex::new(Kept { pid: 0, value: empty }))
    }

    /// Locks the value of this process for the calling thread.
    pub fn lock(&self) -> MappedMutexGuard<'_, T> {
        let mut kept = self.0.lock();
        let pid = id();
        if kept.pid != pid {
            mem::forget(mem::replace(&mut *kept, Kept { pid, value: T::default() }));
        }
        MutexGuard::map(kept, |kept| &mut kept.value)
    }
}
