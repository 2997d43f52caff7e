//! The state of one session on a server.

use std::collections::BTreeMap;

use super::rules::{Rule, Rules};
use crate::protocol::{Client, Dead, Op, Reason, ReleaseReply, SessionData, State, Ticket, is_still};

/// The mark of a session's end outlives the lock beside it by at least this many milliseconds.
pub const BEYOND_MS: u64 = 1000;

/// The mark of an absolute end that a read notices lives for at least this many milliseconds.
pub const ENDED_MS: u64 = 300_000;

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
    pub state: Option<Expiring<String>>,
    pub copy: Option<Expiring<Vec<u8>>>,
}

/// The end of a session.
pub struct End<'a> {
    pub reason: &'a Reason,
    pub token: &'a str,
    /// The seconds for which the value can still be read.
    pub grace: u64,
    pub dead_ms: u64,
}

impl<'a> End<'a> {
    /// The end that this operation is, if it is one.
    pub fn of(op: Op<'a>, token: &'a str, dead_ms: u64) -> Option<Self> {
        let (reason, grace) = match op {
            Op::Delete(reason) | Op::Revoke { reason, .. } => (reason, 0),
            Op::LogOut => (&Reason::Logout, 0),
            Op::Retire { grace, .. } => (&Reason::Regenerated, grace),
            _ => return None,
        };
        Some(Self { reason, token, grace, dead_ms })
    }
}

/// The outcome in a receipt, a subset of [`ReleaseReply`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kept {
    Done,
    /// The session had left a copy under this id.
    Ended(String),
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
        Expiring::alive(&mut self.state, now);
        Expiring::alive(&mut self.copy, now);
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
            state: self.state.as_ref().map(|state| state.value.clone()),
        }
    }

    pub fn refresh(&mut self, at: u64) -> bool {
        self.data.as_mut().map(|data| data.at = at).is_some()
    }

    /// Has a state without an end outlive the session, which a use has just given this TTL.
    pub fn outlive(&mut self, now: u64, ttl: u64) {
        let Some(state) = self.state.as_mut().filter(|_| self.data.is_some() && ttl > 0) else { return };
        let has_no_end = State::parse(&state.value).live().is_some_and(|live| live.end.is_none());
        if has_no_end && state.at - now < ttl * 1500 {
            state.at = now + ttl * 2000;
        }
    }

    /// Stores a value. A TTL of 0 is the one that the session has.
    pub fn store(&mut self, value: &[u8], now: u64, ttl: u64) {
        let at = match &self.data {
            Some(data) if ttl == 0 => data.at,
            _ => now + ttl * 1000,
        };
        self.data = Some(Expiring { value: value.into(), at });
    }

    /// Returns true if the destroy with this name has ended the session.
    pub fn has_mark_of(&self, token: &str) -> bool {
        let state = self.state.as_ref().map(|state| State::parse(&state.value));
        matches!(state, Some(State::Dead(dead)) if sent(&dead.token) == sent(token))
    }

    /// Ends the session, and keeps its value for `grace` seconds. Returns the id of the copy that
    /// the session had left.
    pub fn bury(&mut self, rules: Rules, end: &End<'_>, now: u64) -> Option<String> {
        let End { reason, token, grace, dead_ms } = *end;
        let left = match self.state.as_ref().map(|state| State::parse(&state.value)) {
            Some(State::Live(live)) => live.copy,
            Some(State::Dead(dead)) => dead.copy(),
            _ => None,
        };
        let left = left.filter(|copy| copy.until > now);
        // A repeat must not end the next session under this id.
        if rules.have(Rule::EndOnce) && self.has_mark_of(token) {
            return left.map(|copy| copy.id);
        }
        let mut kept = left.as_ref().map_or_else(String::new, Dead::naming);
        if let Some(data) = self.data.take().filter(|_| grace > 0) {
            let live = self.state.as_ref().and_then(|state| state.value.strip_prefix("live|"));
            kept = live.map_or(kept, str::to_owned);
            self.copy = Some(Expiring { at: data.at.min(now + grace * 1000), ..data });
        } else if *reason == Reason::Regenerated {
            // It is that of an earlier session.
            self.copy = None;
        }
        let beyond = if rules.have(Rule::MarkOutlivesCopy) { grace * 1000 + BEYOND_MS } else { 0 };
        let at = now + dead_ms.max(beyond);
        let dead = Dead { reason: reason.clone(), at: now, kept, token: token.to_owned() };
        // The mark outlives a lock that is still held.
        let at = self.lock.as_ref().map_or(at, |lock| at.max(lock.at + BEYOND_MS));
        self.state = Some(Expiring { value: dead.to_string(), at });
        left.map(|copy| copy.id)
    }

    /// Does the same for a client without a lock (`write.lua`). The mark of a session that another
    /// client has ended since is not this client's.
    pub fn bury_unlocked(
        &mut self,
        rules: Rules,
        end: &End<'_>,
        seen: Option<&str>,
        now: u64,
    ) -> Option<String> {
        let client = |token: &str| token.get(..Client::LEN).map(str::to_owned);
        let is_del = *end.reason != Reason::Regenerated;
        let state =
            self.state.as_ref().filter(|state| is_del && self.data.is_none() && seen != Some(&*state.value));
        match state.map(|state| State::parse(&state.value)) {
            Some(State::Dead(dead))
                if dead.reason != Reason::Regenerated && client(&dead.token) != client(end.token) =>
            {
                let token = format!("+{}", end.token);
                self.bury(rules, &End { token: &token, ..*end }, now)
            }
            _ => self.bury(rules, end, now),
        }
    }

    /// Notes in the mark with this text that a session is made of its copy.
    pub fn take_copy(&mut self, seen: Option<&str>) -> ReleaseReply {
        let is_same = |found: &str| seen.is_some_and(|seen| is_still(found.as_bytes(), seen.as_bytes()));
        let Some(state) = self.state.as_mut().filter(|state| is_same(&state.value)) else {
            return ReleaseReply::Dead;
        };
        if self.copy.is_none() {
            return ReleaseReply::Gone;
        }
        if let State::Dead(dead) = State::parse(&state.value) {
            state.value = Dead { token: Dead::TAKEN.to_owned(), ..dead }.to_string();
        }
        ReleaseReply::Done
    }

    /// Ends the session for an old place on a list, if it has the user of that list.
    pub fn weed(&mut self, rules: Rules, list: &str, end: &End<'_>, now: u64, sweeps: bool) -> ReleaseReply {
        let state = self.state.as_ref().map(|state| State::parse(&state.value));
        let is_of_user = state.as_ref().and_then(State::live).is_some_and(|live| live.user() == list);
        if self.data.is_some() {
            if sweeps || !is_of_user {
                return ReleaseReply::Dead;
            }
            return self.bury(rules, end, now).map_or(ReleaseReply::Done, ReleaseReply::Ended);
        }
        match state {
            // It is on its way to its new id.
            Some(State::Dead(dead)) if dead.reason == Reason::Regenerated => {
                return self.bury(rules, end, now).map_or(ReleaseReply::Done, ReleaseReply::Ended);
            }
            Some(State::Dead(_)) => {}
            _ => {
                let reason = if is_of_user { &Reason::Idle } else { end.reason };
                self.bury(rules, &End { reason, ..*end }, now);
            }
        }
        ReleaseReply::Gone
    }

    /// Returns the TTL in seconds that a use gives the session, whose state is this one by now or
    /// the stored one. `None` means that its absolute end is over.
    pub fn life(&self, state: Option<&str>, now: u64, ttl: u64) -> Option<u64> {
        match State::parse(state.or(self.state.as_ref().map(|state| &*state.value)).unwrap_or_default()) {
            State::Live(live) if live.has_ended(now) => None,
            State::Live(live) if ttl > 0 => Some(live.ttl(now, ttl)),
            _ => Some(ttl),
        }
    }

    /// Ends the session if its absolute end is over, and returns the TTL that a use gives it.
    pub fn use_now(&mut self, name: &str, now: u64, ttl: u64) -> u64 {
        if self.data.is_none() {
            return ttl;
        }
        self.life(None, now, ttl).unwrap_or_else(|| {
            let at = self.state.as_ref().map_or(0, |state| state.at).max(now + ENDED_MS);
            let dead =
                Dead { reason: Reason::Absolute, at: now, kept: String::new(), token: name.to_owned() };
            self.data = None;
            self.state = Some(Expiring { value: dead.to_string(), at });
            ttl
        })
    }

    /// Stores the state of a living session, which outlives the session. The session ends no later
    /// than the state says.
    pub fn live(&mut self, text: &str, now: u64) {
        let ttl = self.data.as_ref().map_or(0, |data| data.at - now);
        let usual = ttl.div_ceil(1000);
        let (life, own) = match State::parse(text) {
            State::Live(live) => (live.ttl(now, usual), live.own_ttl(now, usual)),
            _ => (usual, 2 * ttl),
        };
        if let Some(data) = &mut self.data {
            data.at = data.at.min(now.saturating_add(life.saturating_mul(1000)));
        }
        self.state = Some(Expiring { value: text.to_owned(), at: now + own });
    }

    /// Returns true if the session lives and has a user who is not the one of this list.
    pub fn is_of_another(&self, list: &str) -> bool {
        let state = self.state.as_ref().map(|state| State::parse(&state.value));
        state.is_some_and(|state| state.live().is_some_and(|live| live.is_of_another(list)))
    }

    pub fn is_dead(&self, seen: Option<&str>) -> bool {
        State::has_died(seen, self.state.as_ref().map(|state| &*state.value))
    }
}

/// The name of a mark as its client has sent it.
fn sent(token: &str) -> &str {
    token.strip_prefix('+').unwrap_or(token)
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
            Kept::Ended(id) => Self::Ended(id),
            Kept::Dead => Self::Dead,
        }
    }
}
