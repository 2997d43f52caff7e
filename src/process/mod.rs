//! The identity of this process, and the values that belong to it.
//!
//! Connections, locks and threads belong to a process, and a forked child must not use those of its
//! parent, so each session checks the process id a dozen times. The id is kept in memory that the
//! kernel clears in a child, however the child was forked. The PHP layer installs that memory with
//! [`keep_id_in`]; without it, each check asks the kernel.

pub mod clock;
pub mod limits;
mod random;
pub mod stats;
pub mod threads;
mod words;

pub use random::{random_hex, random_name};
pub use words::{printable, without_number};

use std::{
    mem,
    sync::{
        self, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use once_cell::race::OnceRef;
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

static KEPT: OnceLock<&'static Own> = OnceLock::new();

/// The numbers of a process that are kept: each is 0 as long as it is not known.
#[derive(Debug)]
#[repr(C)]
pub struct Own {
    id: AtomicU32,
    /// The number of its slot for counters, and one.
    slot: AtomicU32,
}

/// The id of this process.
#[must_use]
pub fn id() -> u32 {
    let Some(kept) = KEPT.get() else { return std::process::id() };
    match kept.id.load(Relaxed) {
        0 => {
            let own = std::process::id();
            kept.id.store(own, Relaxed);
            own
        }
        own => own,
    }
}

/// Keeps the numbers in `place`, which must become 0 in every forked child. Later calls have no
/// effect, because PHP may start the module more than once in a process.
pub fn keep_id_in(place: &'static Own) {
    let _ = KEPT.set(place);
}

/// The number of [`keep_slot`], or 0.
fn slot() -> u32 {
    KEPT.get().map_or(0, |kept| kept.slot.load(Relaxed))
}

/// Keeps a number for the rest of this process, if there is a place for it.
fn keep_slot(number: u32) {
    if let Some(kept) = KEPT.get() {
        kept.slot.store(number, Relaxed);
    }
}

/// A value of this process. A forked child starts with an empty value. The parent's value is left
/// alone and never dropped in the child: dropping it would close connections that the parent uses,
/// and wait for threads that the child does not have.
///
/// Never hold this lock across a fork or on one of our threads: a child would inherit it locked. A
/// value that our threads lock is [`Shared`].
pub struct PerProcess<T>(Mutex<Kept<T>>);

struct Kept<T> {
    pid: u32,
    value: T,
}

impl<T: Default> PerProcess<T> {
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

/// A value of this process that our threads may lock. A thread may hold the lock at the moment of a
/// fork, so a forked child has a lock of its own besides an empty value. The parent's stays behind
/// as it is.
///
/// The value may also be on its way at that moment. A [`OnceLock`] would then let the child wait
/// for a thread that it does not have; this cell takes the value of the first that has one.
pub struct Shared<T: 'static>(OnceRef<'static, Generation<T>>);

struct Generation<T: 'static> {
    pid: u32,
    value: sync::Mutex<T>,
    /// The value of a child, in that child.
    next: Shared<T>,
}

impl<T: Default + Send> Shared<T> {
    /// Creates the value, which is empty at first.
    #[must_use]
    pub const fn empty() -> Self {
        Self(OnceRef::new())
    }

    /// Locks the value of this process.
    pub fn lock(&'static self) -> sync::MutexGuard<'static, T> {
        self.of(id()).lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&'static self, pid: u32) -> &'static sync::Mutex<T> {
        let mut place = self;
        loop {
            let first = || {
                let value = sync::Mutex::default();
                &*Box::leak(Box::new(Generation { pid, value, next: Self::empty() }))
            };
            let generation = place.0.get_or_init(first);
            if generation.pid == pid {
                return &generation.value;
            }
            place = &generation.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn a_lock_that_a_thread_has_at_a_fork_is_not_the_childs() {
        static LIST: Shared<Vec<u32>> = Shared::empty();
        let parents = LIST.of(1);
        parents.lock().unwrap().push(1);
        let held = parents.lock().unwrap();
        for child in [2, 3] {
            let mut own = LIST.of(child).try_lock().unwrap();
            assert!(own.is_empty());
            own.push(child);
        }
        assert_eq!(*LIST.of(2).lock().unwrap(), [2]);
        assert_eq!(*held, [1]);
    }
    #[test]
    fn a_value_that_a_thread_makes_at_a_fork_does_not_hold_up_the_child() {
        /// A value that takes as long as the sender of [`GATE`] lives, on a thread of its own.
        struct Slow;
        static GATE: sync::Mutex<Option<mpsc::Receiver<()>>> = sync::Mutex::new(None);
        static VALUE: Shared<Slow> = Shared::empty();
        impl Default for Slow {
            fn default() -> Self {
                let gate = GATE.lock().unwrap().take();
                if let Some(gate) = gate {
                    let _ = gate.recv();
                }
                Self
            }
        }
        let (sender, gate) = mpsc::channel();
        *GATE.lock().unwrap() = Some(gate);
        let parents = thread::spawn(|| drop(VALUE.of(1).lock()));
        while GATE.lock().unwrap().is_some() {
            thread::yield_now();
        }
        let (done, is_done) = mpsc::channel();
        let childs = thread::spawn(move || {
            drop(VALUE.of(2).lock());
            done.send(()).unwrap();
        });
        let made = is_done.recv_timeout(Duration::from_secs(10));
        drop(sender);
        parents.join().unwrap();
        childs.join().unwrap();
        assert_eq!(made, Ok(()));
    }
}
