//! The slow locks that the processes have seen: the last of them, and the pages that need no lock.
//!
//! All of it is written seldom, by any process, and read whenever an administrator asks.

use std::{
    cmp::Reverse,
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use super::words::{digest_of_words, to_text, to_words};

/// The number of slow locks that are kept.
pub const SLOW_LOCKS: usize = 64;
/// Pages that are told apart. A further one takes the place of the one with the fewest.
const PAGES: usize = 128;
/// A page that was not noted for this long, in milliseconds, has been mended: it is forgotten.
const REMEMBERED: u64 = 7 * 24 * 3600 * 1000;
/// The most pages that are shown.
const SHOWN_PAGES: usize = 20;

/// The lengths of texts, in words of eight bytes.
const ID: usize = 4;
const WHO: usize = 24;
const PATH: usize = 24;
/// The numbers before the texts of a record.
const NUMBERS: usize = 5;
const WORDS: usize = NUMBERS + ID + 2 * WHO;

const KEPT_WAITING: u64 = 1;
const CHANGED: u64 = 2;
const GIVEN_UP: u64 = 4;

#[repr(C)]
pub(super) struct Journal {
    /// The number of slow locks that were ever noted.
    noted: AtomicU64,
    records: [Record; SLOW_LOCKS],
    pages: [Page; PAGES],
}

/// A slow lock.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SlowLock {
    /// The time, in milliseconds since 1970.
    pub at_ms: u64,
    /// The wait for the lock, in nanoseconds.
    pub waited: u64,
    /// The time for which it was held, in nanoseconds.
    pub held: u64,
    /// Set if others waited for it meanwhile.
    pub kept_waiting: bool,
    /// Set if the request changed the session.
    pub changed: bool,
    /// Set if the request did not get the lock.
    pub given_up: bool,
    /// The shortened id of the session.
    pub session: String,
    /// The request.
    pub by: String,
    /// The request for which it had to wait, if it had to.
    pub holder: String,
}

/// A page that held a lock, changed nothing, and kept others waiting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Needless {
    /// The path of the script.
    pub script: String,
    /// The number of times.
    pub times: u64,
    /// The sum of the times for which it held the lock, in nanoseconds.
    pub held: u64,
    /// The longest of them.
    pub longest: u64,
}

/// A record is valid if the digest is that of its words: another process may be writing it, or may
/// have been killed while it did.
#[repr(C)]
struct Record {
    digest: AtomicU64,
    words: [AtomicU64; WORDS],
}

#[repr(C)]
struct Page {
    /// A digest of the path, or 0.
    digest: AtomicU64,
    is_ready: AtomicU64,
    times: AtomicU64,
    held: AtomicU64,
    longest: AtomicU64,
    /// The time when it was noted last, in milliseconds since 1970.
    at_ms: AtomicU64,
    path: [AtomicU64; PATH],
}

impl Journal {
    #[allow(clippy::large_stack_arrays, reason = "only statics are made of it")]
    pub const fn new() -> Self {
        Self {
            noted: AtomicU64::new(0),
            records: [const { Record::new() }; SLOW_LOCKS],
            pages: [const { Page::new() }; PAGES],
        }
    }

    pub fn note(&self, lock: &SlowLock) {
        let number = self.noted.fetch_add(1, Relaxed);
        let flag = |is_set: bool, flag| if is_set { flag } else { 0 };
        let flags = flag(lock.kept_waiting, KEPT_WAITING)
            | flag(lock.changed, CHANGED)
            | flag(lock.given_up, GIVEN_UP);
        let mut words = [0; WORDS];
        words[..NUMBERS].copy_from_slice(&[number + 1, lock.at_ms, lock.waited, lock.held, flags]);
        let (id, rest) = words[NUMBERS..].split_at_mut(ID);
        let (by, holder) = rest.split_at_mut(WHO);
        for (place, text) in [(id, &lock.session), (by, &lock.by), (holder, &lock.holder)] {
            to_words(text.as_bytes(), place);
        }
        #[allow(clippy::cast_possible_truncation, reason = "the remainder is small")]
        let record = &self.records[(number % SLOW_LOCKS as u64) as usize];
        // Between the first line and the last one, the digest is not that of the words.
        record.digest.store(0, Release);
        record.words.iter().zip(words).for_each(|(place, word)| place.store(word, Release));
        record.digest.store(digest_of_words(&words), Release);
    }

    /// Returns the slow locks that are kept, the oldest first.
    pub fn slow_locks(&self) -> Vec<SlowLock> {
        let mut all: Vec<_> = self.records.iter().filter_map(Record::read).collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, lock)| lock).collect()
    }

    /// Counts a needless lock of this page, at this time.
    pub fn note_needless(&self, script: &str, held: u64, at_ms: u64) {
        // The end of a path tells more than its beginning.
        let script = script.as_bytes();
        let script = &script[script.len().saturating_sub(8 * PATH)..];
        let mut words = [0; PATH];
        to_words(script, &mut words);
        let digest = digest_of_words(&words) | 1;
        let found = self.pages.iter().find(|page| {
            let free = page.digest.compare_exchange(0, digest, Relaxed, Relaxed);
            free.is_ok() || free == Err(digest)
        });
        let page = found.or_else(|| self.replaced(digest, at_ms));
        let Some(page) = page else { return };
        page.at_ms.fetch_max(at_ms, Relaxed);
        // Processes that write the same path at the same time write the same words.
        page.path.iter().zip(words).for_each(|(place, word)| place.store(word, Relaxed));
        page.is_ready.store(1, Release);
        page.times.fetch_add(1, Relaxed);
        page.held.fetch_add(held, Relaxed);
        page.longest.fetch_max(held, Relaxed);
    }

    /// Makes room for a page: that of a page which was mended, or which had the fewest.
    fn replaced(&self, digest: u64, now: u64) -> Option<&Page> {
        let rank = |page: &&Page| (!page.is_over(now), page.times.load(Relaxed), page.at_ms.load(Relaxed));
        let page = self.pages.iter().min_by_key(rank)?;
        let before = page.digest.load(Relaxed);
        page.digest.compare_exchange(before, digest, Relaxed, Relaxed).ok()?;
        page.is_ready.store(0, Release);
        for number in [&page.times, &page.held, &page.longest, &page.at_ms] {
            number.store(0, Relaxed);
        }
        Some(page)
    }

    /// Returns the pages with the most needless locks, and these first.
    pub fn needless(&self, now: u64) -> Vec<Needless> {
        let pages = self.pages.iter().filter(|page| !page.is_over(now));
        let mut all: Vec<_> = pages.filter_map(Page::read).collect();
        all.sort_by_key(|page| Reverse((page.times, page.held)));
        all.truncate(SHOWN_PAGES);
        all
    }
}

impl Record {
    const fn new() -> Self {
        Self { digest: AtomicU64::new(0), words: [const { AtomicU64::new(0) }; WORDS] }
    }

    fn read(&self) -> Option<(u64, SlowLock)> {
        let digest = self.digest.load(Acquire);
        let words = self.words.each_ref().map(|word| word.load(Acquire));
        if digest == 0 || digest != digest_of_words(&words) {
            return None;
        }
        let [number, at_ms, waited, held, flags] = *words.first_chunk()?;
        let (id, rest) = words[NUMBERS..].split_at(ID);
        let (by, holder) = rest.split_at(WHO);
        let lock = SlowLock {
            at_ms,
            waited,
            held,
            kept_waiting: flags & KEPT_WAITING != 0,
            changed: flags & CHANGED != 0,
            given_up: flags & GIVEN_UP != 0,
            session: to_text(id),
            by: to_text(by),
            holder: to_text(holder),
        };
        Some((number, lock))
    }
}

impl Page {
    const fn new() -> Self {
        Self {
            digest: AtomicU64::new(0),
            is_ready: AtomicU64::new(0),
            times: AtomicU64::new(0),
            held: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            at_ms: AtomicU64::new(0),
            path: [const { AtomicU64::new(0) }; PATH],
        }
    }

    fn is_over(&self, now: u64) -> bool {
        now.saturating_sub(self.at_ms.load(Relaxed)) > REMEMBERED
    }

    fn read(&self) -> Option<Needless> {
        let words = self.path.each_ref().map(|word| word.load(Relaxed));
        // Two processes may have written two paths at the same time.
        let is_whole =
            self.is_ready.load(Acquire) != 0 && digest_of_words(&words) | 1 == self.digest.load(Relaxed);
        is_whole.then(|| Needless {
            script: to_text(&words),
            times: self.times.load(Relaxed),
            held: self.held.load(Relaxed),
            longest: self.longest.load(Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(n: u64) -> SlowLock {
        SlowLock {
            at_ms: n,
            waited: n,
            held: 2 * n,
            kept_waiting: n.is_multiple_of(2),
            changed: n.is_multiple_of(3),
            given_up: n.is_multiple_of(5),
            session: format!("{n}..."),
            by: format!("web{n}, pid {n}").repeat(10)[..100].to_owned(),
            holder: String::new(),
        }
    }

    #[test]
    fn the_last_slow_locks_are_kept_in_order() {
        static JOURNAL: Journal = Journal::new();
        (0..200).for_each(|n| JOURNAL.note(&lock(n + 1000)));
        let expected: Vec<_> = (136..200).map(|n| lock(n + 1000)).collect();
        assert_eq!(JOURNAL.slow_locks(), expected);
    }

    #[test]
    fn a_record_that_was_half_written_is_not_shown() {
        static JOURNAL: Journal = Journal::new();
        (0..3).for_each(|n| JOURNAL.note(&lock(n)));
        // Another process is writing the second one, or was killed while it did.
        JOURNAL.records[1].words[NUMBERS].store(7, Relaxed);
        assert_eq!(JOURNAL.slow_locks(), [lock(0), lock(2)]);
        JOURNAL.records[0].digest.store(0, Relaxed);
        assert_eq!(JOURNAL.slow_locks(), [lock(2)]);
    }

    #[test]
    fn no_thread_ever_sees_parts_of_two_slow_locks() {
        static JOURNAL: Journal = Journal::new();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..3000).for_each(|n| JOURNAL.note(&lock(n))));
            }
            for _ in 0..200 {
                assert!(JOURNAL.slow_locks().into_iter().all(|seen| seen == lock(seen.at_ms)));
            }
        });
        // A thread that paused for a whole round wrote into another one's record: neither is shown,
        // and the next round takes the place back.
        (0..64).for_each(|n| JOURNAL.note(&lock(n)));
        assert_eq!(JOURNAL.slow_locks(), (0..64).map(lock).collect::<Vec<_>>());
    }

    #[test]
    fn the_pages_with_the_most_needless_locks_come_first_and_are_bounded() {
        static JOURNAL: Journal = Journal::new();
        static OTHER: Journal = Journal::new();
        for page in 0..PAGES + 10 {
            for _ in 0..=page.min(PAGES) {
                JOURNAL.note_needless(&format!("/srv/{page}.php"), page as u64, 1000);
            }
        }
        let needless = JOURNAL.needless(1000);
        assert_eq!(needless.len(), SHOWN_PAGES);
        // A page that is new has taken the place of one with fewer.
        let expected = Needless { script: "/srv/137.php".into(), times: 129, held: 137 * 129, longest: 137 };
        assert_eq!(needless[0], expected);
        let long = format!("/{}/page.php", "x".repeat(500));
        OTHER.note_needless(&long, 5, 1000);
        assert_eq!(OTHER.needless(1000)[0].script, long[long.len() - 8 * PATH..]);
    }

    #[test]
    fn a_page_that_was_mended_is_forgotten_and_gives_its_place_back() {
        static JOURNAL: Journal = Journal::new();
        let scripts = |now| JOURNAL.needless(now).into_iter().map(|page| page.script).collect::<Vec<_>>();
        for _ in 0..5 {
            JOURNAL.note_needless("/mended.php", 1, 1000);
        }
        JOURNAL.note_needless("/other.php", 1, REMEMBERED);
        assert_eq!(scripts(REMEMBERED), ["/mended.php", "/other.php"]);
        assert_eq!(scripts(REMEMBERED + 1001), ["/other.php"]);
        for page in 0..PAGES - 1 {
            JOURNAL.note_needless(&format!("/{page}.php"), 2, REMEMBERED + 1001);
        }
        assert!(JOURNAL.pages.iter().filter_map(Page::read).all(|page| page.script != "/mended.php"));
        assert!(JOURNAL.pages.iter().filter_map(Page::read).any(|page| page.script == "/other.php"));
    }
}
