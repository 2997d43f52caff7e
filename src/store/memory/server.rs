//! The state of a server, and the scripts that work on it.

use std::collections::BTreeMap;

use super::{
    list::List,
    place::{BEYOND_MS, End, Expiring, Kept, Place, is_token, send_number, tried_at},
    rules::{Rule, Rules},
};
use crate::protocol::{
    Acquire, AcquireReply, Claim, FOREIGN_MS, GRACE_MS, HANDOFF_MS, Keys, Live, MARGIN_MS, Mode, Op, Proof,
    Reason, Release, ReleaseReply, SLACK_MS, SessionData, State, TRIAL_MS, Ticket, UserCall, UserList, Write,
};

/// The lifetime of a receipt, in milliseconds.
const RECEIPT_MS: u64 = 10_000;

/// A server with its clock and its sessions.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Server {
    rules: Rules,
    now: u64,
    places: BTreeMap<String, Place>,
    lists: BTreeMap<String, List>,
    /// The number of names given so far. Tickets and tombstones need unique names, and this server
    /// counts them.
    names: u64,
}

impl Server {
    /// Creates a server with these rules.
    #[must_use]
    pub fn with(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Lets time pass, in milliseconds.
    pub fn advance(&mut self, ms: u64) {
        self.now += ms;
        let now = self.now;
        self.places.values_mut().for_each(|place| place.expire(now));
    }

    /// The clock, in milliseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The stored session.
    #[must_use]
    pub fn data(&self, keys: &Keys) -> Option<&[u8]> {
        self.places.get(keys.data())?.data.as_ref().map(|data| &*data.value)
    }

    /// The state of the session.
    #[must_use]
    pub fn state(&self, keys: &Keys) -> Option<&str> {
        self.places.get(keys.data())?.state.as_ref().map(|state| &*state.value)
    }

    /// The read-only copy that the session has left.
    #[must_use]
    pub fn copy(&self, keys: &Keys) -> Option<&[u8]> {
        self.places.get(keys.data())?.copy.as_ref().map(|copy| &*copy.value)
    }

    /// Deletes the copy.
    pub fn delete_copy(&mut self, keys: &Keys) {
        self.place(keys).copy = None;
    }

    /// The value of the lock key.
    #[must_use]
    pub fn holder(&self, keys: &Keys) -> Option<&str> {
        self.places.get(keys.data())?.holder()
    }

    /// The number of waiters.
    #[must_use]
    pub fn waiters(&self, keys: &Keys) -> usize {
        self.places.get(keys.data()).map_or(0, |place| place.waiters.len())
    }

    /// Returns true if this attempt counts as a waiter.
    #[must_use]
    pub fn is_waiting(&self, keys: &Keys, waiter: &str) -> bool {
        let place = self.places.get(keys.data());
        place.and_then(|place| place.waiters.get(waiter)).is_some_and(|deadline| *deadline > self.now)
    }

    /// The times when the lock, its ticket, a waiter's place or a receipt ends, but not the
    /// session's.
    #[must_use]
    pub fn ends(&self, keys: &Keys) -> Vec<u64> {
        let Some(place) = self.places.get(keys.data()) else { return Vec::new() };
        let lock = place.lock.iter().map(|lock| lock.at);
        let wake = place.wake.iter().map(|wake| wake.at);
        let receipts = place.receipts.values().map(|receipt| receipt.at);
        lock.chain(wake).chain(receipts).chain(place.waiters.values().copied()).collect()
    }

    /// Returns true if there is a ticket to pop.
    #[must_use]
    pub fn has_ticket(&self, keys: &Keys) -> bool {
        self.places.get(keys.data()).is_some_and(|place| place.wake.is_some())
    }

    /// Gives the lock to another client for `lease` milliseconds.
    pub fn lock_by(&mut self, keys: &Keys, holder: &str, lease: u64) {
        let at = self.now + lease;
        self.place(keys).lock = Some(Expiring { value: holder.into(), at });
    }

    /// Goes on as this replica, which knows what the server knew when it was copied. Names stay
    /// unique.
    pub fn fail_over(&mut self, replica: Self) {
        let (now, names) = (self.now, self.names);
        *self = Self { names, ..replica };
        self.advance(now - self.now);
    }

    /// Deletes the session without a state, as another client or the session's TTL may do.
    pub fn lose(&mut self, keys: &Keys) {
        self.place(keys).data = None;
    }

    /// Deletes all receipts except those of these tokens, as their TTL does.
    pub fn lose_receipts_but(&mut self, keys: &Keys, tokens: &[&str]) {
        self.place(keys).receipts.retain(|token, _| tokens.contains(&&**token));
    }

    /// Milliseconds until the session expires.
    #[must_use]
    pub fn ttl(&self, keys: &Keys) -> Option<u64> {
        self.places.get(keys.data())?.data.as_ref().map(|data| data.at - self.now)
    }

    fn place(&mut self, keys: &Keys) -> &mut Place {
        self.places.entry(keys.data().to_owned()).or_default()
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("{:032x}", self.names)
    }

    /// Sends the commands of a first try, and then `acquire.lua`.
    pub fn acquire(&mut self, keys: &Keys, a: &Acquire) -> AcquireReply {
        let first_try = if a.is_first_try() { self.acquire_by_commands(keys, a) } else { None };
        first_try.unwrap_or_else(|| self.acquire_by_script(keys, a))
    }

    /// SET NX, EXPIRE and GET: the lock is taken completely or not at all, and the refresh does no
    /// harm.
    fn acquire_by_commands(&mut self, keys: &Keys, a: &Acquire) -> Option<AcquireReply> {
        let now = self.now;
        let place = self.place(keys);
        if a.ttl > 0 {
            place.refresh(now + a.ttl * 1000);
        }
        if place.lock.is_some() {
            return None;
        }
        place.lock = Some(Expiring { value: format!("{}|{now}|{}", a.token, a.info), at: now + a.lease });
        if place.data.is_some() && place.life(None, now, a.ttl) != Some(a.ttl) {
            // The client corrects the TTL, or has the script end the session.
            let ttl = place.life(None, now, a.ttl)?;
            place.refresh(now + ttl * 1000);
        }
        let loaded = place.loaded();
        let unwanted = match (a.mode, loaded.data.is_some()) {
            (Mode::Known, false) => {
                place.lock = None;
                return Some(AcquireReply::Absent(loaded.state));
            }
            (Mode::New, true) => AcquireReply::Exists,
            _ => return Some(AcquireReply::Held(loaded)),
        };
        self.release(keys, &Release::of_lock(&a.token, a.polling));
        Some(unwanted)
    }

    fn acquire_by_script(&mut self, keys: &Keys, a: &Acquire) -> AcquireReply {
        let (now, rules) = (self.now, self.rules);
        let place = self.place(keys);
        let holder = place.holder().map(str::to_owned);
        let send = |token: &str| send_number(token, &a.waiter);
        if holder.as_deref().and_then(send) > send(&a.token) && rules.have(Rule::LastSendWins) {
            return AcquireReply::Busy {
                holder: holder.unwrap_or_default(),
                endless: false,
                block: 0,
                now: 0,
                state: None,
            };
        }
        let mut free = holder.as_deref().is_none_or(|holder| {
            send(holder).is_some() || a.held_token.as_deref().is_some_and(|token| is_token(holder, token))
        });
        let ticket = holder.as_deref().filter(|holder| holder.starts_with("t:") && !holder.contains('|'));
        match ticket {
            Some(ticket) if !free => {
                free = place.wake.take().is_some_and(|wake| wake.value.id == ticket[2..]);
            }
            _ if rules.have(Rule::VoidStaleTickets) => place.wake = None,
            _ => {}
        }
        if free {
            let ttl = place.use_now(&a.token, now, a.ttl);
            if a.mode == Mode::Known && place.data.is_none() && holder.is_none() {
                place.waiters.remove(&a.waiter);
                return AcquireReply::Absent(place.loaded().state);
            }
            if a.mode == Mode::New && place.data.is_some() {
                return AcquireReply::Exists;
            }
            if ttl > 0 {
                place.refresh(now + ttl * 1000);
            }
            place.outlive(now, ttl);
            place.lock = Some(Expiring { value: format!("{}|{now}|{}", a.token, a.info), at: now + a.lease });
            place.waiters.remove(&a.waiter);
            return AcquireReply::Held(place.loaded());
        }
        if a.mode == Mode::New {
            return AcquireReply::Exists;
        }
        let (holder, at) = place.lock.as_ref().map(|lock| (lock.value.clone(), lock.at)).unwrap_or_default();
        if a.wait == 0 || rules.have(Rule::LeaveBeforeCounting) {
            place.waiters.remove(&a.waiter);
        }
        let loaded = place.loaded();
        let tried = loaded.data.is_none() && tried_at(&holder).is_some_and(|at| now.abs_diff(at) < TRIAL_MS);
        if tried && a.mode == Mode::Known {
            return AcquireReply::Absent(loaded.state);
        }
        let (endless, state) = (false, loaded.state);
        if a.wait == 0 {
            return AcquireReply::Busy { holder, endless, block: 0, now, state };
        }
        place.waiters.retain(|_, deadline| *deadline > now);
        if a.max_waiters > 0 && place.waiters.len() as u64 >= a.max_waiters {
            return AcquireReply::Full { waiters: place.waiters.len() as u64, holder, endless, now };
        }
        let left = at - now;
        let mut block = a.recheck;
        if !(ticket.is_some() && left > HANDOFF_MS - 100) {
            block = block.min(left + SLACK_MS);
        }
        if a.polling || tried || !(holder.starts_with("o:") || holder.starts_with("t:")) {
            block = block.min(FOREIGN_MS);
        }
        let block = block.min(a.wait).max(1);
        let deadline = now + block + GRACE_MS;
        place.waiters.insert(a.waiter.clone(), deadline);
        if !rules.have(Rule::DeadlinePerWaiter) {
            place.waiters.values_mut().for_each(|each| *each = deadline);
        }
        AcquireReply::Busy { holder, endless, block, now, state }
    }

    /// Pops a ticket as BLPOP does, but without blocking.
    pub fn pop(&mut self, keys: &Keys) -> Option<Ticket> {
        self.place(keys).wake.take().map(|wake| wake.value)
    }

    /// `claim.lua`
    pub fn claim(&mut self, keys: &Keys, claim: &Claim) -> bool {
        let (now, rules) = (self.now, self.rules);
        let place = self.place(keys);
        if place.holder() != Some(&claim.token) && rules.have(Rule::ClaimCompares) {
            return false;
        }
        place.waiters.remove(&claim.waiter);
        let at = match &place.lock {
            Some(lock) if !rules.have(Rule::ClaimExtends) => lock.at,
            _ => now + claim.lease,
        };
        if let Some(state) = &mut place.state {
            state.at = state.at.max(at + BEYOND_MS);
        }
        place.lock = Some(Expiring { value: format!("{}|{now}|{}", claim.token, claim.info), at });
        true
    }

    /// `release.lua`
    pub fn release(&mut self, keys: &Keys, r: &Release<'_>) -> ReleaseReply {
        let (now, rules) = (self.now, self.rules);
        let names = self.names + 1;
        let place = self.place(keys);
        let op = match r.op {
            Op::Drop if place.data.is_some() => Op::Delete(&Reason::Logout),
            Op::Drop => Op::None,
            Op::Revoke { reason, .. } => Op::Delete(reason),
            op => op,
        };
        let dead = place.is_dead(r.seen) && rules.have(Rule::RefuseTheDead);
        if !place.held_by(r.token) && rules.have(Rule::CompareOnRelease) {
            return match (place.receipts.get(&r.receipt()), op) {
                (Some(receipt), _) => receipt.value.clone().into(),
                (None, Op::Retire { forced: true, .. }) if dead && !place.has_mark_of(r.token) => {
                    ReleaseReply::Dead
                }
                (None, Op::LogOut) if dead && place.loaded().mark_of_move().is_some() => ReleaseReply::Dead,
                (None, Op::Delete(_) | Op::LogOut | Op::Retire { forced: true, .. }) => {
                    let end = End::of(op, r.token, r.dead_ms).expect("it is an end");
                    place.bury(rules, &end, now).map_or(ReleaseReply::Done, ReleaseReply::Ended)
                }
                (None, _) if r.op == Op::Drop => ReleaseReply::Done,
                (None, _) => ReleaseReply::Lost { holder: place.holder().map(str::to_owned), now },
            };
        }
        let mut written = Kept::Done;
        let mut state = r.state.filter(|_| !dead && r.op != Op::Drop);
        let life = match op {
            Op::Delete(_) | Op::LogOut | Op::Retire { .. } | Op::SetAside(_) => Some(r.ttl),
            _ if dead => Some(r.ttl),
            _ => place.life(state, now, r.ttl),
        };
        let ttl = life.unwrap_or(r.ttl);
        match op {
            _ if life.is_none() => {
                let reason = &Reason::Absolute;
                place.bury(rules, &End { reason, token: r.token, grace: 0, dead_ms: r.dead_ms }, now);
                written = if op == Op::None { Kept::Done } else { Kept::Dead };
            }
            Op::Keep if ttl == 0 => {}
            Op::Restore(_) | Op::Keep if place.refresh(now + ttl * 1000) => {}
            Op::Set(_) | Op::Restore(_) | Op::Keep | Op::Retire { .. } if dead => {
                written = Kept::Dead;
            }
            Op::Set(_) if ttl == 0 && place.data.is_none() => written = Kept::Dead,
            Op::LogOut if dead && place.loaded().mark_of_move().is_some() => written = Kept::Dead,
            Op::Set(data) | Op::Restore(data) => place.store(data, now, ttl),
            Op::Delete(_) | Op::Revoke { .. } | Op::LogOut | Op::Retire { .. } => {
                let end = End::of(op, r.token, r.dead_ms).expect("it is an end");
                written = place.bury(rules, &end, now).map_or(Kept::Done, Kept::Ended);
                state = None;
            }
            Op::Keep | Op::BringBack | Op::TakeCopy => return ReleaseReply::Gone,
            Op::SetAside(_) => (place.data, state) = (None, None),
            Op::None if ttl > 0 => drop(place.refresh(now + ttl * 1000)),
            Op::None | Op::Drop => {}
        }
        if let Some(state) = state.filter(|_| written == Kept::Done && place.data.is_some()) {
            place.live(state, now);
        } else if !dead && written == Kept::Done {
            place.outlive(now, ttl);
        }
        if r.keep_lock {
            return written.into();
        }
        place.lock = None;
        if op != Op::None && rules.have(Rule::Receipts) {
            place.receipts.insert(r.receipt(), Expiring { value: written.clone(), at: now + RECEIPT_MS });
        }
        if let Some(waiter) = r.waiter {
            place.waiters.remove(waiter);
        }
        if !r.polling && rules.have(Rule::HandOver) {
            place.waiters.retain(|_, deadline| *deadline > now);
            if !place.waiters.is_empty() {
                let end = now + if rules.have(Rule::ShortHandOver) { HANDOFF_MS } else { 10 * HANDOFF_MS };
                let id = format!("{names:032x}");
                place.lock = Some(Expiring { value: format!("t:{id}"), at: end });
                let ticket = Ticket { id, made: now, loaded: place.loaded() };
                let at = if rules.have(Rule::TicketDiesFirst) { end - MARGIN_MS } else { end + MARGIN_MS };
                place.wake = Some(Expiring { value: ticket, at });
                self.names = names;
            }
        }
        written.into()
    }

    /// `read.lua`
    pub fn read(&mut self, keys: &Keys, ttl: u64) -> SessionData {
        let now = self.now;
        let name = self.name();
        let place = self.place(keys);
        let ttl = place.use_now(&name, now, ttl);
        if ttl > 0 {
            place.refresh(now + ttl * 1000);
        }
        place.outlive(now, ttl);
        place.loaded()
    }

    /// `write.lua`
    pub fn write(&mut self, keys: &Keys, w: &Write<'_>) -> ReleaseReply {
        let (now, rules) = (self.now, self.rules);
        let place = self.place(keys);
        let now_state = place.state.as_ref().map(|state| &*state.value);
        // A repeat finds what it has stored.
        if w.op == Op::BringBack && now_state.is_some() && now_state == w.state {
            return ReleaseReply::Done;
        }
        let dead = match w.op {
            // It takes the place of its mark alone.
            Op::BringBack => now_state.is_some_and(|state| w.seen != Some(state)),
            _ => place.is_dead(w.seen),
        };
        let mut state = w.state.filter(|_| !dead);
        let life = match w.op {
            Op::Delete(_)
            | Op::Revoke { .. }
            | Op::LogOut
            | Op::Retire { .. }
            | Op::Drop
            | Op::SetAside(_) => Some(w.ttl),
            _ if dead => Some(w.ttl),
            _ => place.life(state, now, w.ttl),
        };
        let Some(ttl) = life else {
            let reason = &Reason::Absolute;
            place.bury(rules, &End { reason, token: &w.token, grace: 0, dead_ms: w.dead_ms }, now);
            return ReleaseReply::Dead;
        };
        match w.op {
            Op::Drop if place.data.is_none() => state = None,
            Op::Retire { .. } if dead => return ReleaseReply::Dead,
            Op::Revoke { list, .. } if place.is_of_another(list) => return ReleaseReply::Dead,
            Op::Revoke { list, reason, by: by @ (Proof::User | Proof::Absence) } => {
                return place.weed(
                    rules,
                    list,
                    &End { reason, token: &w.token, grace: 0, dead_ms: w.dead_ms },
                    now,
                    by == Proof::Absence,
                );
            }
            Op::LogOut if dead && place.loaded().mark_of_move().is_some() => return ReleaseReply::Dead,
            Op::Drop | Op::Delete(_) | Op::Revoke { .. } | Op::LogOut | Op::Retire { .. } => {
                let op = if w.op == Op::Drop { Op::Delete(&Reason::Logout) } else { w.op };
                let end = End::of(op, &w.token, w.dead_ms).expect("it is an end");
                return place
                    .bury_unlocked(rules, &end, w.seen, now)
                    .map_or(ReleaseReply::Done, ReleaseReply::Ended);
            }
            Op::TakeCopy => return place.take_copy(w.seen),
            Op::Keep if ttl == 0 => {}
            Op::Restore(_) | Op::Keep if place.refresh(now + ttl * 1000) => {}
            Op::BringBack if dead => {
                if place.loaded().mark_of_move().is_none() {
                    place.copy = None;
                }
                return ReleaseReply::Dead;
            }
            _ if dead => return ReleaseReply::Dead,
            Op::BringBack => match place.copy.take() {
                Some(copy) => place.store(&copy.value, now, ttl),
                None => return ReleaseReply::Gone,
            },
            Op::Keep => return ReleaseReply::Gone,
            Op::Set(_) if ttl == 0 && place.data.is_none() => return ReleaseReply::Dead,
            Op::Set(data) | Op::Restore(data) => place.store(data, now, ttl),
            Op::SetAside(_) => (place.data, state) = (None, None),
            Op::None => state = None,
        }
        // Of two requests that give a session its first state, the first one does, but a login
        // counts.
        let is_login = state.is_some_and(|state| State::parse(state).live().is_some_and(Live::has_user));
        let is_later = w.seen.is_none() && !is_login && place.loaded().live().is_some();
        if let Some(state) = state.filter(|_| !is_later) {
            place.live(state, now);
        } else if !dead {
            place.outlive(now, ttl);
        }
        ReleaseReply::Done
    }

    /// Gives the state of a session a TTL.
    /// `prolong.lua`
    pub fn prolong_state(&mut self, keys: &Keys, seen: &str, ms: u64) {
        let at = self.now + ms;
        if let Some(state) = self.place(keys).state.as_mut().filter(|state| state.value == seen) {
            state.at = state.at.max(at);
        }
    }

    /// `user.lua`
    pub fn user_list(&mut self, keys: &Keys, call: &UserCall<'_>) -> UserList {
        self.lists.entry(keys.data().to_owned()).or_default().call(self.now, call)
    }

    /// The sessions on the list of a user.
    #[must_use]
    pub fn listed(&self, keys: &Keys) -> Vec<&str> {
        self.lists.get(keys.data()).map_or_else(Vec::new, List::names)
    }
}
