//! Which process this is, and what belongs to it.
//!
//! Connections, locks and threads belong to a process, and a forked child must not take its parent's for its own: so
//! it is asked a dozen times for each session. The answer is kept in memory that the kernel itself clears in a child,
//! however that was forked (the PHP layer installs it with [`keep_id_in`]); without it, the kernel is asked each time.

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

/// Keeps the id here, where it must become 0 in every forked child. The first place stays: PHP may start the module more
/// than once in a process.
pub fn keep_id_in(place: &'static AtomicU32) {
    let _ = KEPT.set(place);
}

/// A value of this process: a forked child starts with an empty one. Its parent's is left alone and not even dropped,
/// because that would close connections that the parent uses, and wait for threads that the child has not got.
///
/// Whoever locks it must not fork then, nor be a thread of ours: so that it is free at any fork.
pub struct Own<T>(Mutex<Kept<T>>);

struct Kept<T> {
    pid: u32,
    value: T,
}

impl<T: Default> Own<T> {
    /// `empty` is what [`Default`] makes, which a constant cannot call.
    pub const fn new(empty: T) -> Self {
        Self(Mutex::new(Kept { pid: 0, value: empty }))
    }

    /// The value of this process, for this thread alone.
    pub fn lock(&self) -> MappedMutexGuard<'_, T> {
        let mut kept = self.0.lock();
        let pid = id();
        if kept.pid != pid {
            mem::forget(mem::replace(&mut *kept, Kept { pid, value: T::default() }));
        }
        MutexGuard::map(kept, |kept| &mut kept.value)
    }
}
