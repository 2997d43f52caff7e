//! The state of one session on a server.

use std::collections::BTreeMap;

use crate::protocol::{ReleaseReply, SessionData, Ticket};

/// A tombstone outlives the lock beside it by at least this many milliseconds.
pub const BEYOND_MS: u64 = 1000;

/// A value that expires at a given time.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Expiring<T> {
    pub value: T,
    pub at: u64,
}

/// The state of one session on a server.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Place {
    pub data: Option<Expiring<Vec<u8>>>,
    pub lock: Option<Expiring<String>>,
    pub wake: Option<Expiring<Ticket>>,
    pub waiters: BTreeMap<String, u64>,
    pub receipts: BTreeMap<String, Expiring<Kept>>,
    pub tombstone: Option<Expiring<String>>,
}

/// The outcome in a receipt, a subset of [`ReleaseReply`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kept {
    Done,
    Dead,
}

impl<T> Expiring<T> {
    fn alive(slot: &mut Option<Self>, now: u64) -> Option<&mut Self> {
        if slot.as_ref().is_some_and(|slot| slot.at <= now) {
            *slot = None;
        }
        slot.as_mut()
    }
}

impl Place {
    pub fn expire(&mut self, now: u64) {
        Expiring::alive(&mut self.data, now);
        Expiring::alive(&mut self.lock, now);
        Expiring::alive(&mut self.wake, now);
        Expiring::alive(&mut self.tombstone, now);
        self.receipts.retain(|_, receipt| receipt.at > now);
    }

    pub fn holder(&self) -> Option<&str> {
        self.lock.as_ref().map(|lock| &*lock.value)
    }

    pub fn held_by(&self, token: &str) -> bool {
        self.holder().is_some_and(|holder| is_token(holder, token))
    }

    pub fn loaded(&self) -> SessionData {
        SessionData {
            data: self.data.as_ref().map(|data| data.value.clone()),
            tombstone: self.tombstone.as_ref().map(|tombstone| tombstone.value.clone()),
        }
    }

    pub fn refresh(&mut self, at: u64) -> bool {
        self.data.as_mut().map(|data| data.at = at).is_some()
    }

    /// Stores a value. A TTL of 0 is the one that the session has.
    pub fn store(&mut self, value: &[u8], now: u64, ttl: u64) {
        let at = match &self.data {
            Some(data) if ttl == 0 => data.at,
            _ => now + ttl * 1000,
        };
        self.data = Some(Expiring { value: value.into(), at });
    }

    pub fn bury(&mut self, mark: String, at: u64) {
        self.data = None;
        // The tombstone outlives a lock that is still held.
        let at = self.lock.as_ref().map_or(at, |lock| at.max(lock.at + BEYOND_MS));
        self.tombstone = Some(Expiring { value: mark, at });
    }

    pub fn is_dead(&self, seen: Option<&str>) -> bool {
        self.tombstone.as_ref().is_some_and(|tombstone| Some(&*tombstone.value) != seen)
    }
}

/// The tombstone of a session that goes on under another id.
pub fn left_mark(name: &str, now: u64) -> String {
    format!("{name}|left|{now}")
}

pub fn is_token(holder: &str, token: &str) -> bool {
    holder == token || holder.strip_prefix(token).is_some_and(|rest| rest.starts_with('|'))
}

/// Returns the time when this lock was taken, if its holder only wanted to see whether the session
/// exists.
pub fn tried_at(holder: &str) -> Option<u64> {
    let (token, rest) = holder.split_once('|')?;
    (token.starts_with("o:") && token.ends_with(":0")).then(|| rest.split('|').next()?.parse().ok())?
}

/// The n of `waiter:n` or `waiter:n|...`.
pub fn send_number(token: &str, waiter: &str) -> Option<u64> {
    let rest = token.strip_prefix(waiter)?.strip_prefix(':')?;
    rest.split('|').next()?.parse().ok()
}

impl From<Kept> for ReleaseReply {
    fn from(written: Kept) -> Self {
        match written {
            Kept::Done => Self::Done,
            Kept::Dead => Self::Dead,
        }
    }
}
