//! The counters of all processes of a host, in memory that they share.
//!
//! The PHP layer maps the [`Memory`] before the processes are forked, and hands it down with
//! [`share`]. Each process counts in a [`Slot`] of its own, which it takes over from a process that
//! has died, with all counts in it: sums never go down, and a pool that starts workers on demand
//! needs no more slots than it has workers. If more processes live than there are slots, the rest
//! share the last one. Every addition is atomic, because the threads of a process share its slot,
//! too.

mod families;
mod memory;
mod text;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

pub use families::{Count, Observed};
pub use memory::{MAGIC, Memory, Slot};
pub use text::{About, render};

use super::{Shared, id};
use memory::COUNTS;

/// Tells if a process with this id exists.
pub type Liveness = fn(u32) -> bool;

static MEMORY: OnceLock<(&'static Memory, Liveness)> = OnceLock::new();
static SHOWN: OnceLock<&'static Memory> = OnceLock::new();

/// The memory of a process for which none was mapped.
static ALONE: Memory = Memory::new();

/// The slot of this process: its id, then the slot's number and one.
static OWN: AtomicU64 = AtomicU64::new(0);

/// The slot that this process has taken, and the counts that were in it.
static TAKEN: Shared<Option<(usize, [u64; COUNTS])>> = Shared::empty();

/// Makes all later counts go to `memory`. Later calls have no effect, because PHP may start the
/// module more than once in a process.
pub fn share(memory: &'static Memory, is_alive: Liveness) {
    let _ = MEMORY.set((memory, is_alive));
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
    MEMORY.get().is_none_or(|(_, is_alive)| is_alive(pid))
}

/// Returns the slot of this process.
#[must_use]
pub fn own() -> &'static Slot {
    let own = OWN.load(Relaxed);
    let index = if own >> 32 == u64::from(id()) { (own & 0xffff_ffff) as usize - 1 } else { take() };
    &memory().slots[index]
}

/// Adds one. Code that counts in every request keeps its slot, and calls [`Slot::add`].
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
    let (index, _) = *taken.get_or_insert_with(|| {
        let index = memory().take(id(), is_alive);
        (index, memory().slots[index].counts())
    });
    OWN.store(u64::from(id()) << 32 | (index as u64 + 1), Relaxed);
    index
}

/// A request that waits for its turn, until this value is dropped.
pub struct Waiting(&'static Slot, Instant);

impl Waiting {
    /// Begins to wait.
    #[must_use]
    pub fn begin() -> Self {
        let slot = own();
        slot.add(Count::LockWaits);
        slot.waiting.fetch_add(1, Relaxed);
        Self(slot, Instant::now())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
        self.0.observe(Observed::LockWait, nanoseconds(self.1.elapsed()));
    }
}

/// A lock that this process has, until this value is dropped.
pub struct Held(&'static Slot, Instant);

impl Held {
    /// Counts a lock that was taken at this time.
    #[must_use]
    pub fn since(time: Instant) -> Self {
        let slot = own();
        slot.held.fetch_add(1, Relaxed);
        Self(slot, time)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Relaxed);
        self.0.observe(Observed::LockHold, nanoseconds(self.1.elapsed()));
    }
}

/// Measures the exchanges with one server.
#[derive(Clone, Copy)]
pub struct Meter {
    slot: &'static Slot,
    target: usize,
}

impl Meter {
    /// Returns the meter of a server, which is shown under this name. Servers beyond the first 15
    /// are measured together.
    #[must_use]
    pub fn of(target: &str) -> Self {
        Self { slot: own(), target: memory().target(target) }
    }

    /// Counts a trip.
    pub fn trip(&self) {
        self.slot.add(Count::Trips);
    }

    /// Counts an exchange that took this time.
    pub fn exchange(&self, time: Duration) {
        self.slot.observe_exchange(self.target, nanoseconds(time));
    }
}

/// The time as a histogram has it. 584 years fit.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "no wait takes centuries")]
pub fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos() as u64
}
