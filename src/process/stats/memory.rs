//! The shared memory. All of it is made of atomic numbers, and is valid when it is zero.

use std::{
    fs,
    sync::{
        OnceLock,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

use super::{
    families::{BUCKETS, Bounds, COUNTERS, Count, EXCHANGE, HISTOGRAMS, Observed},
    journal::Journal,
    words::{FNV, digest, to_text, to_words},
};

/// The first bytes of a file with this memory.
pub const MAGIC: u64 = u64::from_le_bytes(*b"rustredi");

/// The processes that count by themselves, and one slot for all others.
const SLOTS: usize = 512;
pub(super) const SHARED_SLOT: usize = SLOTS - 1;
/// Servers with a histogram of their own, and one for all others.
pub(super) const TARGETS: usize = 16;
/// The longest name of a server, in words of eight bytes.
const NAME: usize = 16;
/// The version of the fields that are neither counts nor histograms.
const HEAD: u8 = 3;
/// The time in milliseconds for which a server keeps its place after its last connection was made,
/// even if none is left.
const KEPT: u64 = 60_000;
/// Room for counters.
pub(super) const COUNTS: usize = 64;

/// The memory of all processes.
#[repr(C)]
pub struct Memory {
    /// [`MAGIC`], once the memory is ready.
    pub magic: AtomicU64,
    /// [`Memory::LAYOUT`].
    pub layout: AtomicU64,
    /// The namespace of the process ids in this memory.
    namespace: AtomicU64,
    /// 1 if a command line has made the memory, and no web server has taken it since.
    of_command_line: AtomicU64,
    /// The number of slots that were ever taken.
    used: AtomicU64,
    targets: [Name; TARGETS],
    pub(super) journal: Journal,
    pub(super) slots: [Slot; SLOTS],
}

/// The counts of one process, on pages of its own.
#[repr(C, align(4096))]
pub struct Slot {
    /// The process: its id, then a part of the time of its start.
    owner: AtomicU64,
    pub(super) held: AtomicU64,
    pub(super) waiting: AtomicU64,
    /// The number of requests that began to wait for a lock of this process.
    kept: AtomicU64,
    /// A digest of that lock's key, of the last one.
    kept_lock: AtomicU64,
    /// The same of the lock for which a request of this process began to wait last.
    awaited_lock: AtomicU64,
    counts: [AtomicU64; COUNTS],
    histograms: [Histogram; HISTOGRAMS.len()],
    servers: [Server; TARGETS],
}

/// The counts of one process at one server.
#[repr(C)]
pub(super) struct Server {
    exchanges: Histogram,
    /// Connections of the pools, and those of them that requests have.
    pub open: AtomicU64,
    pub used: AtomicU64,
}

#[repr(C)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

/// The name of a server. Processes that write the same name at the same time write the same words.
#[repr(C)]
struct Name {
    /// A digest of the name, or 0.
    digest: AtomicU64,
    is_ready: AtomicU64,
    /// The time when a connection was made last, in milliseconds since 1970.
    at_ms: AtomicU64,
    text: [AtomicU64; NAME],
}

/// The counts of a histogram.
#[derive(Clone, Default)]
pub(super) struct Observations {
    pub buckets: [u64; BUCKETS],
    pub sum: u64,
}

/// The sums of all slots.
pub(super) struct Totals {
    pub counts: [u64; COUNTS],
    pub histograms: Vec<Observations>,
    pub exchanges: Vec<(String, Observations)>,
    /// The state of living processes, if this process can tell which processes live.
    pub now: Option<Now>,
}

/// The sums over living processes.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Now {
    /// Those of the processes that live.
    pub processes: u64,
    /// Locks that they hold.
    pub held: u64,
    /// Requests that wait in them.
    pub waiting: u64,
    /// The connections of their pools to each server, idle and in use.
    pub connections: Vec<(String, u64, u64)>,
}

impl Memory {
    /// Differs if the same bytes would have another meaning.
    pub const LAYOUT: u64 = layout();

    #[allow(clippy::large_stack_arrays, reason = "only statics are made of it")]
    pub(super) const fn new() -> Self {
        Self {
            magic: AtomicU64::new(0),
            layout: AtomicU64::new(0),
            namespace: AtomicU64::new(0),
            of_command_line: AtomicU64::new(0),
            used: AtomicU64::new(0),
            targets: [const { Name::new() }; TARGETS],
            journal: Journal::new(),
            slots: [const { Slot::new() }; SLOTS],
        }
    }

    /// Returns true if the memory is usable.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.magic.load(Acquire) == MAGIC && self.layout.load(Relaxed) == Self::LAYOUT
    }

    /// Returns true if the memory is neither usable nor empty.
    #[must_use]
    pub fn is_of_another_layout(&self) -> bool {
        !self.is_ready() && (self.magic.load(Relaxed), self.layout.load(Relaxed)) != (0, 0)
    }

    /// Returns true if the process ids in the memory mean processes that this one sees.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.namespace.load(Relaxed) == namespace()
    }

    /// Returns true if a command line has made the memory, and no web server has taken it since.
    #[must_use]
    pub fn is_of_command_line(&self) -> bool {
        self.of_command_line.load(Relaxed) == 1
    }

    /// Notes that a web server counts in the memory.
    pub fn serve(&self) {
        self.of_command_line.store(0, Relaxed);
    }

    /// Makes empty memory usable, or that of another namespace, all of whose processes have ended.
    pub fn get_ready(&self, is_command_line: bool) {
        if self.is_ready() {
            for slot in self.slots.iter().filter(|slot| slot.owner.swap(0, Relaxed) != 0) {
                slot.forget_now();
            }
        } else {
            self.of_command_line.store(u64::from(is_command_line), Relaxed);
        }
        self.namespace.store(namespace(), Relaxed);
        self.layout.store(Self::LAYOUT, Relaxed);
        self.magic.store(MAGIC, Release);
    }

    /// Takes a slot for a process. The order of the search makes slots of dead processes the first
    /// choice.
    pub(super) fn take(&self, pid: u32, is_alive: impl Fn(u32) -> bool) -> usize {
        let me = u64::from(pid) << 32 | start_of(pid).unwrap_or(0);
        let index = (0..SHARED_SLOT).find(|&index| {
            let slot = &self.slots[index];
            let owner = slot.owner.load(Relaxed);
            let is_free = owner == 0 || pid_of(owner) == pid || !is_alive(pid_of(owner));
            is_free && slot.owner.compare_exchange(owner, me, Relaxed, Relaxed).is_ok()
        });
        let index = index.unwrap_or(SHARED_SLOT);
        if index != SHARED_SLOT {
            // A killed process has left them as they were.
            self.slots[index].forget_now();
        }
        self.used.fetch_max(index as u64 + 1, Relaxed);
        index
    }

    /// Returns the number of a server to which a process connects now, or that of all servers that
    /// find no room.
    pub(super) fn target(&self, name: &str, now: u64, is_alive: impl Fn(u32) -> bool) -> usize {
        let name = &name.as_bytes()[..name.len().min(8 * NAME)];
        let digest = digest(FNV, name) | 1;
        let found = self.place_of(digest).or_else(|| self.replaced(digest, now, is_alive));
        let Some(index) = found else { return TARGETS - 1 };
        let mut words = [0; NAME];
        to_words(name, &mut words);
        let target = &self.targets[index];
        target.text.iter().zip(words).for_each(|(place, word)| place.store(word, Relaxed));
        target.is_ready.store(1, Release);
        target.at_ms.fetch_max(now, Release);
        index
    }

    /// Returns the place of a server, or a free one.
    fn place_of(&self, digest: u64) -> Option<usize> {
        self.targets[..TARGETS - 1].iter().position(|target| {
            let free = target.digest.compare_exchange(0, digest, Acquire, Acquire);
            free.is_ok() || free == Err(digest)
        })
    }

    /// Gives a server the place of the one that was not used for longest. The counts of that one
    /// end with its name: as those of another server, they would look like a burst of exchanges.
    fn replaced(&self, digest: u64, now: u64, is_alive: impl Fn(u32) -> bool) -> Option<usize> {
        loop {
            let index = self.longest_unused(now, &is_alive)?;
            let target = &self.targets[index];
            let before = target.digest.load(Acquire);
            // Other processes may connect to the same server now, after a failover for example.
            if let Some(index) = self.place_of(digest) {
                return Some(index);
            }
            if target.digest.compare_exchange(before, digest, Release, Relaxed).is_ok() {
                target.is_ready.store(0, Release);
                self.slots.iter().for_each(|slot| slot.servers[index].exchanges.forget());
                return Some(index);
            }
        }
    }

    /// Returns the place of the server, among those to which no living process has a connection, to
    /// which one was made before all others.
    fn longest_unused(&self, now: u64, is_alive: impl Fn(u32) -> bool) -> Option<usize> {
        let used = usize::try_from(self.used.load(Relaxed)).unwrap_or(SLOTS).min(SLOTS);
        let is_connected = |index: usize| {
            self.slots[..used].iter().any(|slot| {
                slot.servers[index].open.load(Relaxed) > 0 && is_alive(pid_of(slot.owner.load(Relaxed)))
            })
        };
        let at = |index: &usize| self.targets[*index].at_ms.load(Acquire);
        let unused = (0..TARGETS - 1).filter(|index| at(index).saturating_add(KEPT) <= now);
        unused.filter(|index| !is_connected(*index)).min_by_key(at)
    }

    /// Returns the name under which a server is shown.
    pub(super) fn name(&self, target: usize) -> String {
        self.targets[target].text().unwrap_or_else(|| "other".into())
    }

    /// Tells a process that another request waits for this lock of it.
    pub(super) fn keep_waiting(&self, pid: u32, lock: &str) {
        let used = usize::try_from(self.used.load(Relaxed)).unwrap_or(SLOTS).min(SHARED_SLOT);
        let holder = self.slots[..used].iter().find(|slot| pid_of(slot.owner.load(Relaxed)) == pid);
        if let Some(holder) = holder {
            holder.kept_lock.store(digest(FNV, lock.as_bytes()), Relaxed);
            holder.kept.fetch_add(1, Release);
        }
    }

    /// Returns true if a request of a living process waits for this lock.
    pub(super) fn is_waited_for(&self, lock: &str, is_alive: impl Fn(u32) -> bool) -> bool {
        let used = usize::try_from(self.used.load(Relaxed)).unwrap_or(SLOTS).min(SLOTS);
        let lock = digest(FNV, lock.as_bytes());
        self.slots[..used].iter().any(|slot| {
            slot.waiting.load(Relaxed) > 0
                && slot.awaited_lock.load(Relaxed) == lock
                && is_alive(pid_of(slot.owner.load(Relaxed)))
        })
    }

    pub(super) fn totals(&self, is_alive: impl Fn(u32) -> bool) -> Totals {
        let digests = self.targets.each_ref().map(|target| target.digest.load(Acquire));
        let used = usize::try_from(self.used.load(Relaxed)).unwrap_or(SLOTS).min(SLOTS);
        let slots = &self.slots[..used];
        let mut counts = [0; COUNTS];
        let mut histograms = vec![Observations::default(); HISTOGRAMS.len()];
        let mut exchanges = vec![Observations::default(); TARGETS];
        for slot in slots {
            counts.iter_mut().zip(&slot.counts).for_each(|(sum, count)| *sum += count.load(Relaxed));
            histograms.iter_mut().zip(&slot.histograms).for_each(|(sum, own)| sum.add(own));
            exchanges.iter_mut().zip(&slot.servers).for_each(|(sum, own)| sum.add(&own.exchanges));
        }
        // A place may have got another name meanwhile.
        let names = self.targets.iter().zip(digests);
        let names =
            names.map(|(target, digest)| target.text().filter(|_| target.digest.load(Acquire) == digest));
        let exchanges = names.zip(exchanges).enumerate().filter_map(|(index, (name, sum))| {
            if index == TARGETS - 1 {
                return sum.buckets.iter().any(|count| *count > 0).then(|| ("other".into(), sum));
            }
            Some((name?, sum))
        });
        let exchanges = exchanges.collect();
        let now = self.is_here().then(|| self.now(used, is_alive));
        Totals { counts, histograms, exchanges, now }
    }

    /// Processes that share a slot are left out: if one of them was killed, the slot still has its
    /// locks.
    fn now(&self, used: usize, is_alive: impl Fn(u32) -> bool) -> Now {
        let (mut processes, mut held, mut waiting) = (0, 0, 0);
        let mut connections = vec![(0, 0); TARGETS];
        for slot in &self.slots[..used.min(SHARED_SLOT)] {
            let own = (slot.held.load(Relaxed), slot.waiting.load(Relaxed));
            let pools: Vec<_> = slot.servers.iter().map(Server::connections).collect();
            let owner = slot.owner.load(Relaxed);
            let pid = pid_of(owner);
            let is_busy = own != (0, 0) || pools.iter().any(|(_, used)| *used != 0);
            let start = owner & 0xffff_ffff;
            if owner != 0
                && is_alive(pid)
                // The id may be that of another process by now. That costs too much to be asked for
                // each idle worker, of which there can be hundreds. In a chroot, a process does not
                // know when it was started.
                && (!is_busy || start == 0 || start_of(pid).is_none_or(|now| now == start))
            {
                processes += 1;
                held += own.0;
                waiting += own.1;
                for (sum, (idle, used)) in connections.iter_mut().zip(pools) {
                    *sum = (sum.0 + idle, sum.1 + used);
                }
            }
        }
        let named = self.targets.iter().map(Name::text).zip(connections).enumerate();
        let named = named.filter_map(|(index, (name, (idle, used)))| {
            let other = (index == TARGETS - 1 && (idle, used) != (0, 0)).then(|| "other".into());
            Some((name.or(other)?, idle, used))
        });
        Now { processes, held, waiting, connections: named.collect() }
    }
}

impl Slot {
    const fn new() -> Self {
        Self {
            owner: AtomicU64::new(0),
            held: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            kept_lock: AtomicU64::new(0),
            awaited_lock: AtomicU64::new(0),
            counts: [const { AtomicU64::new(0) }; COUNTS],
            histograms: [const { Histogram::new() }; HISTOGRAMS.len()],
            servers: [const { Server::new() }; TARGETS],
        }
    }

    /// Notes the lock for which a request begins to wait.
    pub(super) fn wait_for(&self, lock: &str) {
        self.awaited_lock.store(digest(FNV, lock.as_bytes()), Relaxed);
    }

    /// Adds one.
    pub fn add(&self, what: Count) {
        self.counts[what as usize].fetch_add(1, Relaxed);
    }

    /// Adds a value to a histogram: nanoseconds, or bytes.
    pub fn observe(&self, what: Observed, value: u64) {
        self.histograms[what as usize].add(HISTOGRAMS[what as usize].bounds, value);
    }

    pub(super) fn server(&self, target: usize) -> &Server {
        &self.servers[target]
    }

    /// Forgets what holds only as long as the process lives.
    fn forget_now(&self) {
        self.held.store(0, Relaxed);
        self.waiting.store(0, Relaxed);
        for server in &self.servers {
            server.open.store(0, Relaxed);
            server.used.store(0, Relaxed);
        }
    }

    /// The number of requests that ever began to wait for a lock of this process.
    #[must_use]
    pub fn kept_waiting(&self) -> u64 {
        self.kept.load(Acquire)
    }

    /// Returns true if the last of them began to wait for this lock.
    #[must_use]
    pub fn is_waited_for(&self, lock: &str) -> bool {
        self.kept_lock.load(Relaxed) == digest(FNV, lock.as_bytes())
    }

    pub(super) fn value(&self, what: Count) -> u64 {
        self.counts[what as usize].load(Relaxed)
    }

    pub(super) fn counts(&self) -> [u64; COUNTS] {
        self.counts.each_ref().map(|count| count.load(Relaxed))
    }
}

impl Server {
    const fn new() -> Self {
        Self { exchanges: Histogram::new(), open: AtomicU64::new(0), used: AtomicU64::new(0) }
    }

    /// Connections that are idle, and those in use. The two numbers are not read at one moment.
    fn connections(&self) -> (u64, u64) {
        let (open, used) = (self.open.load(Relaxed), self.used.load(Relaxed));
        (open.saturating_sub(used), used.min(open))
    }

    pub(super) fn add(&self, time: u64) {
        self.exchanges.add(EXCHANGE.bounds, time);
    }
}

impl Histogram {
    const fn new() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum: AtomicU64::new(0) }
    }

    fn add(&self, bounds: &Bounds, value: u64) {
        self.buckets[bounds.bucket(value)].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    fn forget(&self) {
        self.buckets.iter().chain([&self.sum]).for_each(|count| count.store(0, Relaxed));
    }
}

impl Observations {
    fn add(&mut self, own: &Histogram) {
        self.buckets.iter_mut().zip(&own.buckets).for_each(|(sum, count)| *sum += count.load(Relaxed));
        self.sum = self.sum.wrapping_add(own.sum.load(Relaxed));
    }
}

impl Name {
    const fn new() -> Self {
        Self {
            digest: AtomicU64::new(0),
            is_ready: AtomicU64::new(0),
            at_ms: AtomicU64::new(0),
            text: [const { AtomicU64::new(0) }; NAME],
        }
    }

    fn text(&self) -> Option<String> {
        if self.is_ready.load(Acquire) == 0 {
            return None;
        }
        Some(to_text(&self.text.each_ref().map(|word| word.load(Relaxed))))
    }
}

fn pid_of(owner: u64) -> u32 {
    (owner >> 32) as u32
}

/// Returns a part of the time at which a process was started, which tells it apart from an earlier
/// process with the same id.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, a name in brackets, can contain anything.
    let ticks: u64 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()?;
    Some(ticks & 0xffff_ffff)
}

/// The namespace of process ids in which this process lives, or 0 if that is not known.
fn namespace() -> u64 {
    // A worker in a chroot has the knowledge of its parent.
    static KNOWN: OnceLock<u64> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let digits: String = link.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    })
}

const fn layout() -> u64 {
    let mut of = digest(FNV, &size_of::<Memory>().to_le_bytes());
    of = digest(of, &[HEAD]);
    let mut i = 0;
    while i < COUNTERS.len() {
        of = digest(of, COUNTERS[i].name.as_bytes());
        let mut j = 0;
        while j < COUNTERS[i].series.len() {
            of = digest(of, COUNTERS[i].series[j].0.as_bytes());
            j += 1;
        }
        i += 1;
    }
    i = 0;
    while i < HISTOGRAMS.len() {
        of = of_distribution(of, &HISTOGRAMS[i]);
        i += 1;
    }
    of_distribution(of, &EXCHANGE)
}

const fn of_distribution(mut of: u64, distribution: &super::families::Distribution) -> u64 {
    of = digest(of, distribution.name.as_bytes());
    let mut i = 0;
    while i < BUCKETS {
        of = digest(of, &distribution.bounds.upper[i].to_le_bytes());
        i += 1;
    }
    of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_takes_the_slot_of_a_dead_one_with_its_counts() {
        static MEMORY: Memory = Memory::new();
        assert_eq!(MEMORY.take(1, |_| true), 0);
        assert_eq!(MEMORY.take(2, |_| true), 1);
        MEMORY.slots[0].add(Count::Trips);
        MEMORY.slots[0].held.fetch_add(1, Relaxed);
        assert_eq!(MEMORY.take(3, |pid| pid != 1), 0);
        MEMORY.slots[0].add(Count::Trips);
        let totals = MEMORY.totals(|_| true);
        assert_eq!(totals.counts[Count::Trips as usize], 2);
        assert_eq!(MEMORY.slots[0].held.load(Relaxed), 0);
        // The system uses an id again after a while.
        assert_eq!(MEMORY.take(2, |_| true), 1);
    }

    #[test]
    fn processes_without_a_slot_of_their_own_share_the_last_one() {
        static MEMORY: Memory = Memory::new();
        let slots: Vec<_> = (1..).take(2 * SLOTS).map(|pid| MEMORY.take(pid, |_| true)).collect();
        let alone = SLOTS - 1;
        assert!(slots[..alone].is_sorted_by(|a, b| a < b), "each has its own");
        assert!(slots[alone..].iter().all(|slot| *slot == SHARED_SLOT));
        for slot in slots {
            MEMORY.slots[slot].add(Count::Trips);
            MEMORY.slots[slot].observe(Observed::SessionBytes, 3);
        }
        let totals = MEMORY.totals(|_| true);
        assert_eq!(totals.counts[Count::Trips as usize], 2 * SLOTS as u64);
        assert_eq!(totals.histograms[Observed::SessionBytes as usize].sum, 6 * SLOTS as u64);
    }

    #[test]
    fn the_locks_of_dead_processes_do_not_count() {
        static MEMORY: Memory = Memory::new();
        MEMORY.get_ready(false);
        let own = std::process::id();
        for pid in [own, 4_000_000_000] {
            let slot = &MEMORY.slots[MEMORY.take(pid, |_| true)];
            slot.held.fetch_add(2, Relaxed);
            slot.waiting.fetch_add(1, Relaxed);
            let server = slot.server(MEMORY.target("s", 0, |_| true));
            server.open.fetch_add(3, Relaxed);
            server.used.fetch_add(2, Relaxed);
        }
        let now = |is_alive: fn(u32) -> bool| {
            MEMORY.totals(is_alive).now.map(|now| {
                let Now { processes, held, waiting, connections } = now;
                assert_eq!(processes, u64::from(held > 0));
                (held, waiting, connections)
            })
        };
        assert_eq!(now(|pid| pid == std::process::id()), Some((2, 1, vec![("s".into(), 1, 2)])));
        // Another process that has the same id by now was started at another time.
        MEMORY.slots[0].owner.fetch_xor(1, Relaxed);
        assert_eq!(now(|pid| pid == std::process::id()), Some((0, 0, vec![("s".into(), 0, 0)])));
        // In a chroot, its own start is not known to a process.
        MEMORY.slots[0].owner.store(u64::from(own) << 32, Relaxed);
        assert_eq!(now(|pid| pid == std::process::id()), Some((2, 1, vec![("s".into(), 1, 2)])));
        MEMORY.namespace.fetch_xor(1, Relaxed);
        assert_eq!(now(|_| true), None);
    }

    #[test]
    fn memory_of_another_namespace_keeps_its_counts_and_none_of_its_processes() {
        static MEMORY: Memory = Memory::new();
        MEMORY.get_ready(true);
        assert!(MEMORY.is_here() && MEMORY.is_of_command_line());
        let slot = &MEMORY.slots[MEMORY.take(std::process::id(), |_| true)];
        slot.add(Count::Trips);
        slot.held.fetch_add(1, Relaxed);
        slot.server(MEMORY.target("s", 0, |_| true)).open.fetch_add(1, Relaxed);
        MEMORY.namespace.fetch_xor(1, Relaxed);
        assert!(MEMORY.is_ready() && !MEMORY.is_here());
        MEMORY.get_ready(false);
        let totals = MEMORY.totals(|_| true);
        assert_eq!(totals.counts[Count::Trips as usize], 1);
        let none = Now { processes: 0, held: 0, waiting: 0, connections: vec![("s".into(), 0, 0)] };
        assert_eq!(totals.now, Some(none));
        assert!(MEMORY.is_of_command_line());
        MEMORY.serve();
        assert!(!MEMORY.is_of_command_line());
    }

    /// The counts of exchanges by the names of their servers.
    fn exchanges(memory: &Memory) -> Vec<(String, u64)> {
        let all = memory.totals(|_| true).exchanges.into_iter();
        all.map(|(name, sum)| (name, sum.buckets.iter().sum())).collect()
    }

    #[test]
    fn servers_beyond_the_bound_are_measured_together() {
        static MEMORY: Memory = Memory::new();
        let names: Vec<_> = (0..TARGETS + 3).map(|n| format!("redis{n}.example.org:6379")).collect();
        for name in names.iter().chain(&names) {
            MEMORY.slots[0].server(MEMORY.target(name, KEPT - 1, |_| true)).add(1);
        }
        MEMORY.used.store(1, Relaxed);
        let mut expected: Vec<_> = names[..TARGETS - 1].iter().map(|name| (name.clone(), 2)).collect();
        expected.push(("other".into(), 8));
        assert_eq!(exchanges(&MEMORY), expected);
    }

    #[test]
    fn a_server_takes_the_place_of_the_one_that_was_not_used_for_longest() {
        static MEMORY: Memory = Memory::new();
        let is_alive = |pid| pid == 7;
        let slots = [7, 8].map(|pid| &MEMORY.slots[MEMORY.take(pid, |_| true)]);
        let names: Vec<_> = (0..TARGETS - 1).map(|n| format!("redis{n}")).collect();
        for (name, at) in names.iter().zip(0..) {
            let target = MEMORY.target(name, at, is_alive);
            for slot in slots {
                slot.server(target).add(1);
            }
        }
        // The first one is in use. The process that had used the second one was killed.
        slots[0].server(0).open.fetch_add(1, Relaxed);
        slots[1].server(1).open.fetch_add(1, Relaxed);
        let now = KEPT + 100;
        assert_eq!(MEMORY.target("redis2", now, is_alive), 2);
        assert_eq!(MEMORY.target("early", KEPT, is_alive), TARGETS - 1);
        let places = ["new", "newer", "new"].map(|name| MEMORY.target(name, now, is_alive));
        assert_eq!(places, [1, 3, 1]);
        slots[0].server(1).add(1);
        let mut expected: Vec<_> = names.iter().map(|name| (name.clone(), 2)).collect();
        expected[1] = ("new".into(), 1);
        expected[3] = ("newer".into(), 0);
        assert_eq!(exchanges(&MEMORY), expected);
        // One that comes back begins anew.
        assert_eq!(MEMORY.target("redis1", now, is_alive), 4);
        assert_eq!((MEMORY.name(4), MEMORY.name(0)), ("redis1".into(), "redis0".into()));
    }

    #[test]
    fn processes_that_connect_to_a_new_server_at_once_take_one_place() {
        static MEMORY: Memory = Memory::new();
        for round in 0..200 {
            for name in 0..TARGETS - 1 {
                MEMORY.target(&format!("{round}-{name}"), round * 2 * KEPT, |_| true);
            }
            let now = (round * 2 + 1) * KEPT;
            let places: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> =
                    (0..4).map(|_| scope.spawn(move || MEMORY.target("new", now, |_| true))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
        }
    }
}
