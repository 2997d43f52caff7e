//! The counters of all processes of a host, in memory that they share.
//!
//! The PHP layer maps the [`Memory`] before the processes are forked, and hands it down with
//! [`share`]. Each process counts in a [`Slot`] of its own, which it takes over from a process that
//! has died, with all counts in it: sums never go down, and a pool that starts workers on demand
//! needs no more slots than it has workers. If more processes live than there are slots, the rest
//! share the last one. Every addition is atomic, because the threads of a process share its slot,
//! too.

mod families;
mod journal;
mod memory;
mod text;
mod words;

use std::{
    sync::{OnceLock, atomic::Ordering::Relaxed},
    time::SystemTime,
};

pub use families::{Count, Observed};
pub use journal::{Needless, SlowLock};
pub use memory::{MAGIC, Memory, Slot};
pub use text::{About, render};

use super::{Shared, clock, id, keep_slot, slot};
use memory::{COUNTS, Server};

/// The knowledge of the PHP layer about the memory.
#[derive(Clone, Copy)]
pub struct Host {
    /// Tells if a process with this id exists.
    pub is_alive: fn(u32) -> bool,
    /// Mends the memory, if it was damaged; called before a process takes a slot.
    pub mend: fn(),
}

static MEMORY: OnceLock<(&'static Memory, Host)> = OnceLock::new();
static SHOWN: OnceLock<&'static Memory> = OnceLock::new();

/// The memory of a process for which none was mapped.
static ALONE: Memory = Memory::new();

/// The slot that this process has taken, and the counts that were in it.
static TAKEN: Shared<Option<(usize, [u64; COUNTS])>> = Shared::empty();

/// Makes all later counts go to `memory`. Later calls have no effect, because PHP may start the
/// module more than once in a process.
pub fn share(memory: &'static Memory, host: Host) {
    let _ = MEMORY.set((memory, host));
}

/// Shows this memory instead of the one in which this process counts.
pub fn show(memory: &'static Memory) {
    let _ = SHOWN.set(memory);
}

fn memory() -> &'static Memory {
    MEMORY.get().map_or(&ALONE, |(memory, _)| memory)
}

fn shown() -> &'static Memory {
    SHOWN.get().copied().unwrap_or_else(memory)
}

fn is_alive(pid: u32) -> bool {
    MEMORY.get().is_none_or(|(_, host)| (host.is_alive)(pid))
}

/// Returns the slot of this process.
#[must_use]
pub fn own() -> &'static Slot {
    let index = match slot() {
        0 => take(),
        number => number as usize - 1,
    };
    &memory().slots[index]
}

/// Adds one. Code that counts in every request looks up its slot once, and calls [`Slot::add`].
pub fn count(what: Count) {
    own().add(what);
}

/// Returns the counts of this process alone, or those of all processes that share the last slot.
#[must_use]
pub fn of_this_process(what: Count) -> u64 {
    let slot = own();
    let before = TAKEN.lock().map_or(0, |(_, before)| before[what as usize]);
    slot.value(what).wrapping_sub(before)
}

#[cold]
fn take() -> usize {
    let mut taken = TAKEN.lock();
    if let (None, Some((_, host))) = (&*taken, MEMORY.get()) {
        (host.mend)();
    }
    let (index, _) = *taken.get_or_insert_with(|| {
        let index = memory().take(id(), is_alive);
        (index, memory().slots[index].counts())
    });
    keep_slot(u32::try_from(index + 1).unwrap_or(0));
    index
}

/// Notes a slow lock for all processes.
pub fn note_slow(lock: &SlowLock) {
    memory().journal.note(lock);
}

/// Notes a lock that changed nothing and kept others waiting, and the script that had it.
pub fn note_needless(script: &str, held: u64) {
    memory().journal.note_needless(script, held, now_ms());
}

/// Tells the process that has this lock that another request waits for it.
pub fn keep_waiting(pid: u32, lock: &str) {
    memory().keep_waiting(pid, lock);
}

/// Returns true if a request of any process waits for this lock.
#[must_use]
pub fn is_waited_for(lock: &str) -> bool {
    memory().is_waited_for(lock, is_alive)
}

/// Returns the last slow locks of all processes, the oldest first.
#[must_use]
pub fn slow_locks() -> Vec<SlowLock> {
    shown().journal.slow_locks()
}

/// Returns the pages of all processes with the most needless locks.
#[must_use]
pub fn needless() -> Vec<Needless> {
    shown().journal.needless(now_ms())
}

/// Returns the time in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    clock::nanoseconds(now) / 1_000_000
}

/// A request that waits for its turn, until this value is dropped.
pub struct Waiting {
    slot: &'static Slot,
    since: u64,
}

impl Waiting {
    /// Begins to wait for this lock.
    #[must_use]
    pub fn begin(lock: &str) -> Self {
        let slot = own();
        slot.wait_for(lock);
        slot.add(Count::LockWaits);
        slot.waiting.fetch_add(1, Relaxed);
        Self { slot, since: clock::now() }
    }
}

impl Waiting {
    /// The time of the wait so far.
    #[must_use]
    pub fn time(&self) -> u64 {
        clock::now().saturating_sub(self.since)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.slot.waiting.fetch_sub(1, Relaxed);
        self.slot.observe(Observed::LockWait, self.time());
    }
}

/// A lock that this process has, until this value is dropped.
pub struct Held {
    since: Moment,
    until: u64,
}

impl Held {
    /// Counts a lock that was taken then.
    #[must_use]
    pub fn since(moment: Moment) -> Self {
        moment.slot.held.fetch_add(1, Relaxed);
        Self { since: moment, until: 0 }
    }

    /// Notes the time at which the lock was given back, so that the clock is not read again.
    pub fn end_at(&mut self, time: u64) {
        self.until = time;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let until = if self.until == 0 { clock::now() } else { self.until };
        let Moment { time, slot } = self.since;
        slot.held.fetch_sub(1, Relaxed);
        slot.observe(Observed::LockHold, until.saturating_sub(time));
    }
}

/// A time, by [`clock::now`], and the slot of the process in which it was read.
#[derive(Clone, Copy)]
pub struct Moment {
    /// The time.
    pub time: u64,
    /// The slot.
    pub slot: &'static Slot,
}

impl Moment {
    /// Reads the clock.
    #[must_use]
    pub fn now() -> Self {
        Self { time: clock::now(), slot: own() }
    }
}

/// Measures the exchanges with one server.
#[derive(Clone, Copy)]
pub struct Meter {
    slot: &'static Slot,
    number: usize,
    server: &'static Server,
}

impl Meter {
    /// Returns the meter of a server for a new connection. The server is shown under this name, or
    /// together with others if 15 are in use.
    #[must_use]
    pub fn of(target: &str) -> Self {
        let (slot, number) = (own(), memory().target(target, now_ms(), is_alive));
        Self { slot, number, server: slot.server(number) }
    }

    /// The name under which the server is shown.
    #[must_use]
    pub fn target(&self) -> String {
        memory().name(self.number)
    }

    /// Counts a trip.
    pub fn trip(&self) {
        self.slot.add(Count::Trips);
    }

    /// Counts an exchange that took this many nanoseconds.
    pub fn exchange(&self, time: u64) {
        self.server.add(time);
    }

    /// Counts a connection of a pool, which a request uses.
    #[must_use]
    pub fn pooled(&self) -> Pooled {
        self.server.open.fetch_add(1, Relaxed);
        self.server.used.fetch_add(1, Relaxed);
        Pooled { server: self.server, is_used: true }
    }

    /// Returns the moment of a time that was read in this process.
    #[must_use]
    pub fn at(&self, time: u64) -> Moment {
        Moment { time, slot: self.slot }
    }
}

/// A connection of a pool, until this value is dropped.
pub struct Pooled {
    server: &'static Server,
    is_used: bool,
}

impl Pooled {
    /// Tells if a request has the connection.
    pub fn set_used(&mut self, is_used: bool) {
        if is_used != self.is_used {
            self.is_used = is_used;
            let used = &self.server.used;
            _ = if is_used { used.fetch_add(1, Relaxed) } else { used.fetch_sub(1, Relaxed) };
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.set_used(false);
        self.server.open.fetch_sub(1, Relaxed);
    }
}
