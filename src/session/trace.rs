//! The figures of a session, for those who look on.

use std::cell::Cell;

use super::{failure::Failure, prefetched::Ahead};
use crate::{
    compression::Text,
    process::{
        printable,
        stats::{Meter, Moment, SlowLock},
    },
    protocol::SessionData,
};

/// The figures of a session in one request. Times are in nanoseconds.
#[derive(Clone, Copy)]
pub struct Last {
    /// The wait for the lock.
    pub waited: u64,
    /// The time for which the lock was held.
    pub held: u64,
    /// The trips to Redis.
    pub trips: u32,
    /// The size of the session as it is stored.
    pub bytes: u64,
    /// Set if the request has changed the session.
    pub changed: bool,
    /// The word for what has become of it.
    pub outcome: &'static str,
    /// The server.
    pub server: Option<Meter>,
}

thread_local! {
    static LAST: Cell<Option<Last>> = const { Cell::new(None) };
}

/// Leaves the figures of a session.
pub(super) fn leave(figures: Last) {
    LAST.set(Some(figures));
}

/// Forgets the figures at the beginning of a request: those of another visitor are none of its own.
pub fn forget() {
    LAST.set(None);
}

/// Returns the figures of this thread's last session.
#[must_use]
pub fn last() -> Option<Last> {
    LAST.get()
}

/// The surroundings of a session, which slow locks tell of.
#[derive(Clone, Copy)]
pub struct Surroundings {
    /// Returns the path of the script.
    pub script: fn() -> String,
    /// Logs a text.
    pub log: fn(String),
}

impl Surroundings {
    pub(super) const NONE: Self = Self { script: String::new, log: |_| () };
}

/// The figures of a session that is open.
#[derive(Clone, Copy)]
pub(super) struct Trace {
    /// The moment when it was read.
    pub since: Moment,
    /// The number of requests that had waited for locks of this process before its lock was asked
    /// for.
    pub kept: u64,
    pub waited: u64,
    pub held: u64,
    pub bytes: u64,
    pub outcome: &'static str,
    /// Set if a change was lost, and no later one was stored.
    pub is_lost: bool,
    /// Set if the last write was sent, and its answer has not come.
    pub is_sent: bool,
}

impl Trace {
    pub fn begin(lock: Ahead, loaded: &SessionData) -> Self {
        let bytes = loaded.data.as_ref().map_or(0, |data| data.len() as u64);
        let Ahead { since, kept } = lock;
        Self { since, kept, waited: 0, held: 0, bytes, outcome: "unchanged", is_lost: false, is_sent: false }
    }

    /// Notes a write.
    pub fn write(&mut self, text: &Text<'_>, is_changed: bool, failure: Option<&Failure>) {
        self.bytes = text.stored().len() as u64;
        self.outcome = match failure {
            None if self.is_lost => "refused",
            None if is_changed && self.is_sent => "sent",
            None if is_changed => "stored",
            None => "unchanged",
            Some(Failure::Store(_) | Failure::Refused(_)) => "failed",
            Some(_) => "refused",
        };
    }
}

/// Returns the page of the request, as a list of pages has it, if it is known
/// (`rustredis.lock_holder_uri`). Each part of the path that looks like a number or a key stands
/// for all pages that differ there.
pub(super) fn page_of(info: &str) -> Option<String> {
    let path = info.splitn(4, '|').nth(3).filter(|path| !path.is_empty())?;
    let is_key = |part: &str| {
        let has_digit = part.contains(|c: char| c.is_ascii_digit());
        let is_number = part.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        has_digit
            && (part.chars().all(|c| c.is_ascii_digit()) || part.len() >= 20 || is_number && part.len() >= 8)
    };
    let parts: Vec<_> = path.split('/').map(|part| if is_key(part) { "*" } else { part }).collect();
    Some(parts.join("/"))
}

/// The request itself, in the words for the holder of a lock.
pub(super) fn words_of(info: &str) -> String {
    let mut parts = info.splitn(4, '|');
    let mut part = || parts.next().unwrap_or_default();
    let (host, pid, sapi, uri) = (part(), part(), part(), part());
    let serving = if uri.is_empty() { "" } else { ", serving " };
    printable(&format!("{host}, pid {pid}, {sapi}{serving}{uri}"))
}

fn seconds(time: u64) -> String {
    format!("{}.{:03} s", time / 1_000_000_000, time / 1_000_000 % 1000)
}

/// The line for the log.
pub(super) fn line(lock: &SlowLock) -> String {
    let SlowLock { waited, held, kept_waiting, changed, given_up, session, by, holder, .. } = lock;
    let waited = match waited {
        0 => String::new(),
        waited => format!(" waited {} for it ({holder}),", seconds(*waited)),
    };
    let rest = if *given_up {
        " and did not get it".into()
    } else {
        let beside = if *kept_waiting { " while others waited" } else { "" };
        let end = if *changed { "changed" } else { "did not change" };
        format!(" held it for {}{beside}, and {end} the session", seconds(*held))
    };
    format!("rustredis: slow lock of session {session}: {by}{waited}{rest} (rustredis.slow_lock)")
}
