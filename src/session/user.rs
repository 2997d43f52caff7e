//! The sessions of a user: the list that each of them is on, its limit, and the end of any of them.
//!
//! The list and the sessions are in several slots, perhaps on several servers, so nothing changes
//! both at once. The order makes that safe: a login is listed first and stored second, so that no
//! stored session is missing from the list; a logout deletes the session first. A session that
//! is on the list and does not live is found out when it matters.

use std::{
    borrow::Borrow,
    mem,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::{
    Cause, Failure, Session, counts::count_end, current::Current, failure::Loss, lineage::Heritage,
    metadata::Place, millis,
};
use crate::{
    error::StoreError,
    process::clock,
    protocol::{
        Keys, Listed, Live, OnLimit, Op, Proof, Reason, ReleaseReply, Remaining, SessionId, State, UserCall,
        UserList, handle, list_name,
    },
    store::Store,
};

/// The time in milliseconds for which a listed session that is not stored may be that of a login
/// which is still running.
pub(super) const LOGIN_MS: u64 = 10_000;

/// The time in milliseconds by which a place on a list may be younger than the state that was
/// stored for it: two servers have two clocks, and a place is renewed behind the state. It is less
/// than any idle lifetime.
const STORED_MS: u64 = 500;

/// The number of times that a revocation looks for sessions which have got another id meanwhile.
pub(super) const ROUNDS: usize = 8;

/// The number of sessions that a user may have.
#[derive(Clone, Copy)]
pub struct Limit {
    /// The number, or 0 for no limit.
    pub sessions: u64,
    /// The fate of a login beyond it.
    pub on_limit: OnLimit,
}

/// A session of a user, for a list that the user sees. Times are in seconds since 1970, if they are
/// known.
pub struct Device {
    /// A name for the session that gives no access to it.
    pub handle: String,
    /// The time at which it was created.
    pub created: Option<u64>,
    /// The time at which the user logged in.
    pub authenticated: Option<u64>,
    /// The time of its last use.
    pub last_used: Option<u64>,
    /// The time at which it ends without another use.
    pub expires: Option<u64>,
    /// The application's own text.
    pub label: String,
    /// Set if it is the session that PHP has open.
    pub is_current: bool,
}

/// The longest time in milliseconds of a failure that a later request may meet again.
const QUICK_MS: u64 = 200;

/// The time in milliseconds before a server that has held up a request is asked for a list once
/// more: it may hang, and the sessions of other servers must not wait for it again and again.
const PAUSE_MS: u64 = 10_000;

/// The time, by the store's clock, from which on this process asks again.
static AGAIN: AtomicU64 = AtomicU64::new(0);

impl<S: Store> Session<S> {
    /// Makes the session that PHP has open one of this user's, from its next save on. Returns false
    /// if the limit refuses it, and `None` after a failure.
    pub fn bind(&mut self, user: &[u8], label: &str, limit: Limit, ttl: u64) -> Option<bool> {
        if let Some(failure) = self.reason_to_bind_nobody() {
            let id = self.current.as_ref().map(|current| current.id.clone());
            self.fail("gets no user", id.as_ref(), &failure);
            return None;
        }
        let Some(mut current) = self.take_open() else {
            if let Some(left) = self.current.as_ref().filter(|current| current.is_overtaken()) {
                let failure = if left.is_new { Failure::Overtaken } else { Failure::Copy };
                let id = left.id.clone();
                self.fail("gets no user", Some(&id), &failure);
                return None;
            }
            self.warnings
                .push("rustredis: the session gets no user: no session is open that will be saved".into());
            self.cause = Cause::Other;
            return None;
        };
        let list = list_name(user);
        let bound = self.bind_to(&mut current, &list, label, limit, ttl);
        self.current = Some(current);
        match bound? {
            Bound::Done => Some(true),
            Bound::Refused => Some(false),
            Bound::Chosen(chosen) => {
                self.end_chosen(*chosen, "gets no user");
                None
            }
        }
    }

    /// Looks if another request has moved the session that PHP has read without its lock. Returns
    /// `None` after a failure: the session may be another one on the list by now.
    fn notice_own_move(&mut self) -> Option<()> {
        let own = self.current.as_ref().filter(|current| !current.unread && !current.has_lock());
        let Some(id) = own.map(|own| own.id.clone()) else { return Some(()) };
        let looked = self.notice_move(&id);
        looked.map_err(|error| self.fail("can't be looked up", Some(&id), &error.into())).ok()
    }

    /// Returns the reason why the session that PHP has open cannot be saved with a user, before
    /// others end for that. Without the lock, or after its time, another request may have moved it.
    fn reason_to_bind_nobody(&mut self) -> Option<Failure> {
        let open = self.current.as_ref().filter(|current| current.is_open())?;
        let id = open.id.clone();
        let max_hold = self.settings.lock.as_ref().filter(|_| open.has_lock()).map(|lock| lock.max_hold);
        let is_over = max_hold.is_some_and(|most| clock::since(open.trace.since.time) >= most);
        if open.has_lock() && !is_over {
            return None;
        }
        if let Err(error) = self.notice_move(&id) {
            return Some(error.into());
        }
        let has_left = self.current.as_ref().is_some_and(|current| current.is_overtaken());
        (is_over && !has_left).then_some(Failure::Lost(None, Loss::TooLong))
    }

    /// Ends the session that PHP has open, in the place of the login that has chosen it. Returns
    /// false, and tells why.
    fn end_chosen(&mut self, chosen: Chosen, failed: &str) -> bool {
        let Chosen { keys, list, mut answer } = chosen;
        if let Some(own) = self.ended_place(&answer) {
            answer.sessions.retain(|listed| listed.id != own.id);
            self.take_off(&keys, &[own], &[]);
        }
        self.end_victims(&keys, &list, &answer);
        let id = self.current.as_ref().map(|current| current.id.clone());
        self.fail(failed, id.as_ref(), &Failure::Chosen)
    }

    /// Does the same for a login that was just saved.
    pub(super) fn end_saved(&mut self, chosen: Chosen) -> bool {
        if let Some(current) = &mut self.current {
            current.lose();
        }
        self.end_chosen(chosen, "was not saved")
    }

    /// Does the same for a login that was to be saved now.
    pub(super) fn lose_chosen(&mut self, mut current: Box<Current<S::Lease>>, chosen: Chosen) -> bool {
        current.lose();
        self.current = Some(current);
        self.end_chosen(chosen, "was not saved")
    }

    fn bind_to(
        &mut self,
        current: &mut Current<S::Lease>,
        list: &str,
        label: &str,
        limit: Limit,
        ttl: u64,
    ) -> Option<Bound> {
        self.update_state(current, ttl);
        let now = self.store.server_clock();
        let had = current.metadata.live.clone();
        if had.as_ref().is_some_and(|live| live.has_ended(now)) {
            self.fail("gets no user", Some(&current.id), &Failure::Ended);
            return None;
        }
        let live = had.clone().unwrap_or_else(|| Live::new(now).ending_after(self.settings.absolute_timeout));
        let live = with_user(live, list, label, now, ttl);
        let keys = self.list_keys(list)?;
        let listed = self.lineage.listed_id(&current.id);
        let before = self.earlier_id(&current.id);
        let (id, lasts) = (current.id.clone(), live.own_ttl(now, ttl));
        let is_known = had.as_ref().is_some_and(|live| live.user() == list);
        let asked = current.asked;
        let call = |on_limit| UserCall::Bind {
            name: id.as_str(),
            life: lasts,
            before: before.as_ref().map(SessionId::as_str),
            limit: limit.sessions,
            on_limit,
            // The session may live on under its earlier id, and counts as one with that.
            stays: listed.is_none(),
            age: (!is_known).then(|| millis(clock::since(asked))),
        };
        // Before sessions end for this one, those are found out that do not count. With a limit of
        // one all others end in any case.
        let on_limit = if limit.sessions > 1 { OnLimit::Refuse } else { limit.on_limit };
        let mut answer = self.ask_list(&keys, &call(on_limit))?;
        if answer.is_full {
            self.end_victims(&keys, list, &answer);
            let weeded = self.weed(&keys, list, &answer);
            // A session that cannot be looked up counts.
            if limit.on_limit == OnLimit::Refuse && !weeded? {
                return Some(Bound::Refused);
            }
            answer = self.ask_list(&keys, &call(limit.on_limit))?;
            if answer.is_full {
                return Some(Bound::Refused);
            }
        }
        if is_victim(&answer, &current.id) {
            return Some(Bound::Chosen(Box::new(Chosen { keys, list: list.to_owned(), answer })));
        }
        // If a victim cannot be ended now, its mark stays, and the next call for this user ends it.
        self.end_victims(&keys, list, &answer);
        let left = had.map(|live| live.user().to_owned()).filter(|left| !left.is_empty());
        current.metadata.left.extend(left);
        current.metadata.left.retain(|left| left != list);
        let value = Listed::value(answer.now, lasts, before.as_ref());
        // The list of a former user has the earlier id until the session is stored.
        self.lineage.set_listed_id(listed.filter(|_| !current.metadata.left.is_empty()));
        current.metadata.live = Some(live);
        (current.metadata.is_due, current.metadata.is_asked) = (true, true);
        (current.metadata.is_unlisted, current.metadata.refusal) = (false, None);
        self.note_place(current, keys, value);
        Some(Bound::Done)
    }

    /// Returns the place on a list of the session that PHP has open, if that was ended since it was
    /// read. Its end keeps its reason.
    fn ended_place(&mut self, answer: &UserList) -> Option<Listed> {
        let current = self.current.as_ref()?;
        let (keys, seen) = (current.keys.clone(), current.loaded.state.clone());
        let own = answer.sessions.iter().find(|listed| listed.id == current.id)?;
        let state = self.store.time_left(&keys).ok()?.state.filter(|state| Some(state) != seen.as_ref())?;
        matches!(State::parse(&state), State::Dead(_)).then(|| own.clone())
    }

    /// Notes that the session is on a list. Until it is stored with the user of this list, a reader
    /// of the list takes the place for that of a login which is still running, for a while.
    fn note_place(&mut self, current: &mut Current<S::Lease>, keys: Keys, value: String) {
        current.metadata.listed = Some(Place { at: self.store.clock(), is_outdated: false });
        let user = current.metadata.live.as_ref().map(Live::user).unwrap_or_default();
        let stored = current.loaded.state.as_deref().map(State::parse).filter(|_| !current.is_missing());
        if stored.is_none_or(|state| state.live().is_none_or(|live| live.user() != user)) {
            current.metadata.places.retain(|(other, _)| other.data() != keys.data());
            current.metadata.places.push((keys, value));
        }
    }

    /// Returns true if the session was put on a list so long ago that readers of the list may soon
    /// take its place for that of a login that came to nothing.
    fn is_late(&self, current: &Current<S::Lease>) -> bool {
        let since = |at: u64| self.store.clock().saturating_sub(at);
        current.metadata.listed.is_some_and(|place| since(place.at) > LOGIN_MS / 2)
    }

    /// Takes a session that was not stored with its new user off the list of that user, if no other
    /// request has put it there since.
    pub(super) fn give_up_places(&mut self, current: &mut Current<S::Lease>) {
        for (keys, value) in mem::take(&mut current.metadata.places) {
            self.store.post_to_list(&keys, &UserCall::Forget(&[(current.id.as_str(), &value)]));
        }
    }

    /// Does the same for a login that session_reset() has taken back by reading the session again.
    pub(super) fn take_back_login(&mut self, mut earlier: Current<S::Lease>) {
        if let Some(current) = &self.current {
            let is_kept =
                |keys: &Keys| current.metadata.places.iter().any(|(kept, _)| kept.data() == keys.data());
            earlier.metadata.places.retain(|(keys, _)| !is_kept(keys));
        }
        self.give_up_places(&mut earlier);
    }

    /// Returns true if the session that PHP has open is one of this user's.
    pub fn is_of(&self, user: &[u8]) -> bool {
        self.own_list().is_some_and(|list| list == list_name(user))
    }

    /// Returns the sessions of a user, or without one those of the user whose session PHP has open.
    /// Returns `None` after a failure.
    pub fn devices(&mut self, user: Option<&[u8]>, ttl: u64) -> Option<Vec<Device>> {
        self.notice_own_move()?;
        let Some(list) = user.map(list_name).or_else(|| self.own_list()) else { return Some(Vec::new()) };
        let keys = self.list_keys(&list)?;
        let answer = self.ask_list(&keys, &UserCall::List)?;
        self.end_victims(&keys, &list, &answer);
        let (mut devices, mut dead) = (Vec::new(), Vec::new());
        let own = self.current_of(&list);
        let late = self.own_ids(&answer.sessions)?;
        if let Some((id, live)) = &own {
            devices.push(self.own_device(id, live, ttl));
            if !answer.sessions.iter().any(|listed| listed.id == *id) {
                // The list was lost.
                self.put_on_list(&keys, id, live, None, ttl);
            }
        }
        for listed in answer.sessions.iter().filter(|listed| !listed.is_victim) {
            if own.as_ref().is_some_and(|(id, _)| *id == listed.id) {
                continue;
            }
            let left = self.ask_session(&listed.id)?;
            match fate(&left, &list, listed, &answer) {
                Fate::Lives => devices.push(Device {
                    is_current: late.contains(&listed.id),
                    ..device(&listed.id, &left, answer.now, ttl)
                }),
                // A replica may lack a session that its master has, so a missing one stays listed
                // until its time there is over.
                Fate::Comes | Fate::Missing => {}
                Fate::Dead => dead.push(listed),
            }
        }
        if !dead.is_empty() {
            self.store.post_to_list(&keys, &UserCall::Forget(&places(&dead)));
        }
        devices.sort_by_key(|device| (!device.is_current, std::cmp::Reverse(device.last_used)));
        Some(devices)
    }

    /// Ends sessions of a user, or without one of the user whose session PHP has open: all, the one
    /// with this handle, or all but the open one. Returns their number, or `None` after a failure.
    pub fn revoke(&mut self, user: Option<&[u8]>, only: Option<&str>, others_only: bool) -> Option<u64> {
        self.notice_own_move()?;
        let Some(list) = user.map(list_name).or_else(|| self.own_list()) else {
            // It has nothing of its session, which has left the id.
            let is_late = |current: &Current<_>| current.is_overtaken() && current.is_new;
            let knows_its_user = !self.current.as_deref().is_some_and(is_late);
            if !knows_its_user {
                self.warnings.push(
                    "rustredis: no session was ended: this request came under an id that its session has left, and does \
                     not know the session's user"
                        .into(),
                );
                self.cause = Cause::Other;
            }
            return knows_its_user.then_some(0);
        };
        let keys = self.list_keys(&list)?;
        let own = self.current_of(&list).map(|(id, _)| id);
        // Until the session is stored under its new id, the list has the earlier one, too.
        let earlier = own.as_ref().and_then(|own| self.lineage.listed_id(own));
        let is_spared =
            |id: &SessionId| others_only && (own.as_ref() == Some(id) || earlier.as_ref() == Some(id));
        let (mut done, mut revoked, mut all_ended) = (Vec::new(), Vec::new(), true);
        for _ in 0..ROUNDS {
            let answer = self.ask_list(&keys, &UserCall::List)?;
            let named = only.map(|only| ids_of(only, &answer.sessions));
            let is_meant =
                |id: &SessionId| !is_spared(id) && named.as_ref().is_none_or(|ids| ids.contains(&id));
            let is_target = |listed: &&Listed| listed.is_victim || is_meant(&listed.id);
            let mut targets: Vec<_> = answer.sessions.iter().filter(is_target).cloned().collect();
            // The list may have been lost.
            if let Some(own) = own.as_ref().filter(|own| {
                let is_named = only.is_none_or(|only| handle(own) == only);
                !is_spared(own) && is_named && targets.iter().all(|listed| listed.id != **own)
            }) {
                let (id, bumped) = (own.clone(), answer.now);
                targets.push(Listed { id, bumped, is_victim: false, before: None, value: String::new() });
            }
            targets.retain(|listed| !done.contains(&listed.id));
            if others_only {
                let own = self.own_ids(&answer.sessions)?;
                targets.retain(|listed| listed.is_victim || !own.contains(&listed.id));
            }
            if targets.is_empty() {
                break;
            }
            let (mut ended, mut over, mut stale) = (Vec::new(), Vec::new(), Vec::new());
            for target in targets {
                done.push(target.id.clone());
                let reason = if target.is_victim { Reason::Limit } else { Reason::Revoked };
                match self.end_listed(&target, &list, answer.now, &reason) {
                    End::Ended => ended.push(target),
                    End::Over => over.push(target),
                    End::Stale => stale.push(target),
                    End::Comes => {}
                    End::Failed => all_ended = false,
                }
            }
            self.take_off(&keys, &over, &stale);
            // A session that has got another id meanwhile is found by the next round.
            if !ended.is_empty() {
                self.ask_list(&keys, &UserCall::End(&places(&ended)))?;
            }
            revoked.extend(ended.into_iter().filter(|ended| !ended.is_victim));
        }
        all_ended.then(|| number_of(&revoked))
    }

    /// Keeps the list up to date after the session was stored with a new state. Returns the session
    /// if a limit has chosen it while it had another user. No login for this one ends it then.
    pub(super) fn follow_on_list(&mut self, current: &mut Current<S::Lease>, ttl: u64) -> Option<Chosen> {
        current.metadata.places.clear();
        let left = mem::take(&mut current.metadata.left);
        let earlier = self.lineage.listed_id(&current.id);
        for (keys, place) in mem::take(&mut current.metadata.left_places) {
            // The slot of the list may have moved. If the session stays listed all the same, its
            // user shows that it does not belong there.
            let _ = self.store.user_list(&keys, &UserCall::Forget(&places(&[place])));
        }
        if let Some(refusal) = current.metadata.refusal.take() {
            let (keys, error) = *refusal;
            self.fail_at_list(&keys, error, "; a later request puts this session on it");
        }
        if current.metadata.is_unlisted {
            return None;
        }
        let live = current.metadata.live.as_ref()?;
        let is_listed =
            current.metadata.listed.is_some_and(|place| !place.is_outdated) && !self.is_late(current);
        // The place names the earlier id, and counts as one with that.
        let is_named = self.lineage.lives_beside(&current.id);
        if earlier.is_some() {
            self.lineage.set_listed_id(None);
        }
        if !left.is_empty() {
            let list = [live.user().to_owned()];
            let chosen = self.list_now(current, ttl).ok().flatten();
            // It may have got this user under the earlier id. A handler class may give the same one
            // again.
            if let Some(earlier) = earlier.filter(|earlier| *earlier != current.id) {
                self.leave_list(&earlier, &list);
            }
            return chosen;
        }
        current.metadata.listed = None;
        let is_right = is_listed && earlier.is_none() && !is_named;
        if let Some(keys) = self.list_keys(live.user()).filter(|_| !is_right) {
            self.put_on_list(&keys, &current.id, live, earlier.as_ref(), ttl);
        }
        None
    }

    /// Lists a session under its new id before it is stored, so that a revocation finds it. One
    /// that has read the list before this has ended the session under its old id, and so it ends
    /// here. The state and the place on the list of a session that was stored live as long as it.
    pub(super) fn announce(&mut self, current: &mut Current<S::Lease>, ttl: u64) {
        if !current.is_new {
            // This request may save nothing, or be killed.
            if let Some(seen) = &current.loaded.state {
                self.keep_live(&current.id, &current.keys, seen, ttl);
            }
            return;
        }
        // A handler class may read the id that it has just left.
        if self.lineage.has_left(current.id.as_str().as_bytes()) {
            return;
        }
        if let Some(why) = self.lineage.inherited_by(&current.id).and_then(Heritage::why_ended) {
            // If Redis does not answer, the lock is given back later.
            let _ = self.end_hold(current, Op::Drop, why);
            return;
        }
        let Some(earlier) = self.earlier_id(&current.id) else { return };
        let live = current.metadata.live.as_ref();
        let list = live.and_then(|live| self.list_keys(live.user()));
        let copy = live.and_then(|live| live.copy.as_ref()).map(|copy| copy.id.clone());
        let mut is_chosen = false;
        if let Some(keys) = &list {
            match self.list_now(current, ttl) {
                Ok(chosen) => (is_chosen, current.metadata.refusal) = (chosen.is_some(), None),
                Err(error) => current.metadata.refusal = Some(Box::new((keys.clone(), error))),
            }
        }
        let mut has_ended = self.has_ended_under(&earlier);
        if !has_ended && !is_chosen {
            return;
        }
        if has_ended {
            // The end of a session that is on its way to its next id leaves the copy.
            self.delete_copy(copy.as_deref().unwrap_or(earlier.as_str()));
        } else {
            // A login that has chosen the session knows it under its earlier id alone.
            let user = current.metadata.live.as_ref().map(|live| live.user().to_owned()).unwrap_or_default();
            has_ended = self.end_by_limit(&earlier, &user);
        }
        let is_dropped = self.end_hold(current, Op::Drop, || Failure::Destroyed).is_ok();
        if let Some(keys) = list.filter(|_| is_dropped) {
            let ids = [current.id.as_str(), earlier.as_str()];
            self.store.post_to_list(&keys, &UserCall::Drop(if has_ended { &ids } else { &ids[..1] }));
        }
        current.metadata.live = None;
        self.lineage.inherit_nothing();
    }

    /// Ends a session that has left this id, in the place of the login that has chosen it. Returns
    /// false after a failure, which the next call for its user makes good.
    fn end_by_limit(&mut self, id: &SessionId, list: &str) -> bool {
        let has_ended =
            self.end_id(id, &Reason::Limit, list, "was not ended") && self.delete_copy(id.as_str());
        if has_ended {
            count_end(&Reason::Limit);
        }
        has_ended
    }

    /// Ends the session under this id, unless it is another user's. Returns false after a
    /// failure.
    pub(super) fn end_id(&mut self, id: &SessionId, reason: &Reason, list: &str, failed: &str) -> bool {
        let op = Op::Revoke { reason, list, by: Proof::Place };
        let reply = self.store.write(&self.keys(id), &self.write_of(op, 1, None));
        let reply = reply.map(|reply| self.without_copy(reply));
        self.answered(id, failed, reply)
    }

    /// Does the same as [`Session::update_state`]. A session that earlier requests could not put on
    /// the list of its user comes first on the list. The state tells of that until then. A login
    /// that a limit has chosen since is not to be stored.
    pub(super) fn list_and_update_state(
        &mut self,
        current: &mut Current<S::Lease>,
        ttl: u64,
    ) -> Result<Option<String>, Box<Chosen>> {
        let is_to_be_listed = current.metadata.is_unlisted
            && current.metadata.refusal.is_none()
            && current.is_open()
            && self.store.clock() >= AGAIN.load(Relaxed);
        let is_late_login = !current.metadata.places.is_empty() && self.is_late(current);
        if is_to_be_listed || is_late_login {
            match self.list_now(current, ttl) {
                Ok(Some(chosen)) if is_late_login => return Err(Box::new(chosen)),
                // The state learns of it, also from a request that prolongs nothing.
                Ok(_) => current.metadata.is_due = true,
                Err(_) => {}
            }
        }
        current.metadata.left_places = self.places_to_leave(current);
        Ok(self.update_state(current, ttl))
    }

    /// Returns the places of a session that changes its user on the lists which it leaves with its
    /// save. A place that it gets there after this is that of another login.
    fn places_to_leave(&mut self, current: &Current<S::Lease>) -> Vec<(Keys, Listed)> {
        let (earlier, mut places) = (self.lineage.listed_id(&current.id), Vec::new());
        for keys in current.metadata.left.iter().filter_map(|left| self.list_keys(left)).collect::<Vec<_>>() {
            let Ok(answer) = self.store.user_list(&keys, &UserCall::List) else { continue };
            let is_own = |one: &Listed| one.id == current.id || earlier.as_ref() == Some(&one.id);
            let own = answer.sessions.into_iter().filter(is_own);
            places.extend(own.map(|place| (keys.clone(), place)));
        }
        places
    }

    /// Puts a session on the list of its user, if it has one, and waits for the answer, which tells
    /// if a limit has chosen the session.
    fn list_now(&mut self, current: &mut Current<S::Lease>, ttl: u64) -> Result<Option<Chosen>, StoreError> {
        let Some(live) = current.metadata.live.as_ref() else { return Ok(None) };
        let list = live.user().to_owned();
        let Some(keys) = self.list_keys(&list) else { return Ok(None) };
        let now = self.store.server_clock();
        let lasts = live.own_ttl(now, ttl);
        // A logout under the earlier id finds the session by that.
        let before = self.earlier_id(&current.id).filter(|earlier| *earlier != current.id);
        let passed = self.lineage.passed_id(&current.id).filter(|passed| *passed != current.id);
        let bump = UserCall::Bump {
            name: current.id.as_str(),
            life: lasts,
            before: before.as_ref().map(SessionId::as_str),
            stays: true,
            passed: passed.as_ref().map(SessionId::as_str),
        };
        let begun = self.store.clock();
        let answer = self.store.user_list(&keys, &bump);
        let ended = self.store.clock();
        let is_silent = answer.as_ref().is_err_and(|failure| !matches!(failure, StoreError::Server(_)));
        if is_silent && ended.saturating_sub(begun) > QUICK_MS {
            AGAIN.store(ended + PAUSE_MS, Relaxed);
        }
        current.metadata.is_unlisted = answer.is_err();
        match answer {
            Ok(answer) => {
                self.lineage.forget_passed_id();
                self.note_place(current, keys.clone(), Listed::value(answer.now, lasts, before.as_ref()));
                Ok(is_victim(&answer, &current.id).then_some(Chosen { keys, list, answer }))
            }
            Err(failure) => {
                current.metadata.listed = None;
                Err(failure)
            }
        }
    }

    /// Keeps the state and the place on the list of a session that was just read.
    pub(super) fn keep_live(&mut self, id: &SessionId, keys: &Keys, seen: &str, ttl: u64) {
        let now = self.store.server_clock();
        let State::Live(live) = State::parse(seen) else { return };
        if ttl == 0 || !live.lives_by_bumps() || !live.needs_a_bump(now, ttl) {
            return;
        }
        self.store.post_state_ttl(keys, seen, live.own_ttl(now, ttl));
        // Without a time of a bump, the next request that writes lists the session.
        if let Some(list) = self.list_keys(live.user()).filter(|_| live.bumped.is_some()) {
            self.put_on_list(&list, id, &live, None, ttl);
        }
    }

    /// Returns true if the session was ended from elsewhere after it had left this id. After a
    /// failure it goes on, because that must not log a user out.
    pub(super) fn has_ended_under(&mut self, name: &SessionId) -> bool {
        let keys = self.keys(name);
        let state = self.store.time_left(&keys).ok().and_then(|left| left.state);
        if self.lineage.has_seen(state.as_ref()) {
            return false;
        }
        let Some(State::Dead(mark)) = state.as_deref().map(State::parse) else { return false };
        mark.reason != Reason::Regenerated && !self.lineage.has_ended_itself(&mark)
    }

    /// Takes a session that has ended off its user's list.
    pub(super) fn leave_list(&mut self, id: &SessionId, lists: &[String]) {
        for list in lists {
            if let Some(keys) = self.list_keys(list) {
                self.store.post_to_list(&keys, &UserCall::Drop(&[id.as_str()]));
            }
        }
    }

    pub(super) fn put_on_list(
        &mut self,
        keys: &Keys,
        id: &SessionId,
        live: &Live,
        before: Option<&SessionId>,
        ttl: u64,
    ) {
        let now = self.store.server_clock();
        let before = before.map(SessionId::as_str);
        let bump = UserCall::Bump {
            name: id.as_str(),
            life: live.own_ttl(now, ttl),
            before,
            stays: false,
            passed: None,
        };
        self.store.post_to_list(keys, &bump);
    }

    /// Returns the earlier id whose place on the list of the user is surely that of this session.
    pub(super) fn listed_place(&self, current: &Current<S::Lease>) -> Option<SessionId> {
        // Later, the place does not count, and may be that of another session.
        let is_young = millis(clock::since(current.asked)) < LOGIN_MS;
        self.lineage.listed_id(&current.id).filter(|earlier| is_young && *earlier != current.id)
    }

    /// Returns the lists that the session with this id is on, as far as this request knows.
    pub(super) fn lists_of(&self, id: &SessionId) -> Vec<String> {
        let Some(current) = self.current.as_ref().filter(|current| current.id == *id) else {
            return Vec::new();
        };
        let user = current.metadata.live.as_ref().map(|live| live.user().to_owned());
        let lists = user.into_iter().chain(current.metadata.left.clone());
        lists.filter(|list| !list.is_empty()).collect()
    }

    fn own_list(&self) -> Option<String> {
        let live = self.current.as_ref()?.metadata.heritage()?;
        Some(live.user().to_owned()).filter(|list| !list.is_empty())
    }

    /// Returns the session that PHP has open, if its user has this list.
    fn current_of(&self, list: &str) -> Option<(SessionId, Live)> {
        let current = self.current.as_ref()?;
        let live = current.metadata.live.as_ref().filter(|live| live.user() == list)?;
        Some((current.id.clone(), live.clone()))
    }

    /// Returns the earlier id, if the session may be looked for under it.
    pub(super) fn earlier_id(&self, id: &SessionId) -> Option<SessionId> {
        self.lineage.inherited_by(id).and_then(Heritage::earlier_id).cloned()
    }

    /// Returns `None` for no user.
    pub(super) fn list_keys(&self, list: &str) -> Option<Keys> {
        let name = SessionId::parse(list.as_bytes())?;
        Some(Keys::of_list(&self.settings.prefix, &name, self.settings.shards.is_cluster()))
    }

    pub(super) fn ask_list(&mut self, keys: &Keys, call: &UserCall<'_>) -> Option<UserList> {
        self.store.user_list(keys, call).map_err(|error| self.fail_at_list(keys, error, "")).ok()
    }

    fn fail_at_list(&mut self, keys: &Keys, error: StoreError, more: &str) {
        let (failure, place) = (Failure::from(error), self.settings.shards.of(keys.route));
        let mut text =
            format!("rustredis: the list of a user's sessions at {place} can't be used: {failure}{more}");
        text.extend(failure.missing_rights(&self.settings.prefix, place));
        self.cause = failure.cause();
        self.warnings.push(text);
    }

    pub(super) fn ask_session(&mut self, id: &SessionId) -> Option<Remaining> {
        let keys = self.keys(id);
        let left = self.store.time_left(&keys);
        left.map_err(|error| self.fail("can't be looked up", Some(id), &error.into())).ok()
    }

    /// Takes sessions off a full list that do not count. Returns true if there were any, and `None`
    /// after a failure.
    fn weed(&mut self, keys: &Keys, list: &str, answer: &UserList) -> Option<bool> {
        let (mut dead, mut over) = (Vec::new(), Vec::new());
        for listed in answer.sessions.iter().filter(|listed| !listed.is_victim) {
            let left = self.ask_session(&listed.id)?;
            match fate(&left, list, listed, answer) {
                Fate::Lives | Fate::Comes => {}
                Fate::Dead => dead.push(listed),
                // A request that still has it does not store it again.
                Fate::Missing => {
                    match self.end_place(listed, list, answer.now, &Reason::Limit, Proof::Absence) {
                        End::Ended | End::Over => over.push(listed),
                        // It is there by now.
                        End::Stale | End::Comes | End::Failed => {}
                    }
                }
            }
        }
        if !dead.is_empty() {
            self.ask_list(keys, &UserCall::Forget(&places(&dead)))?;
        }
        if !over.is_empty() {
            self.ask_list(keys, &UserCall::End(&places(&over)))?;
        }
        Some(!dead.is_empty() || !over.is_empty())
    }

    fn end_victims(&mut self, keys: &Keys, list: &str, answer: &UserList) {
        let (mut over, mut stale) = (Vec::new(), Vec::new());
        for victim in answer.sessions.iter().filter(|listed| listed.is_victim) {
            match self.end_listed(victim, list, answer.now, &Reason::Limit) {
                End::Ended | End::Over => over.push(victim),
                End::Stale => stale.push(victim),
                End::Comes | End::Failed => {}
            }
        }
        self.take_off(keys, &over, &stale);
    }

    /// Takes sessions off a list that are over, or whose places prove nothing.
    fn take_off<L: Borrow<Listed>>(&mut self, keys: &Keys, over: &[L], stale: &[L]) {
        if !over.is_empty() {
            self.store.post_to_list(keys, &UserCall::End(&places(over)));
        }
        if !stale.is_empty() {
            self.store.post_to_list(keys, &UserCall::Forget(&places(stale)));
        }
    }

    /// Ends a session that is on this list, whichever request has its lock.
    pub(super) fn end_listed(&mut self, listed: &Listed, list: &str, now: u64, reason: &Reason) -> End {
        let by = if is_young(listed, now) { Proof::Place } else { Proof::User };
        self.end_place(listed, list, now, reason, by)
    }

    /// Does the same, on this ground.
    fn end_place(&mut self, listed: &Listed, list: &str, now: u64, reason: &Reason, mut by: Proof) -> End {
        let id = &listed.id;
        if let Some(current) = self.current.as_ref().filter(|current| current.id == *id && current.is_open())
        {
            let user = current.metadata.live.as_ref().map(Live::user).unwrap_or_default();
            if !user.is_empty() && user != list {
                // Its next save takes it off the list.
                return End::Comes;
            }
            if user.is_empty() && by != Proof::Place {
                return End::Stale;
            }
            by = Proof::Place;
        }
        let op = Op::Revoke { reason, list, by };
        let result = if let Some(mut current) = self.current.take_if(|current| current.id == *id) {
            let is_chosen = *reason == Reason::Limit;
            let why = if is_chosen { || Failure::Chosen } else { || Failure::Revoked };
            let result = self.end_hold(&mut current, op, why);
            // The session may not be stored yet, so that Redis knows of no copy.
            let copy = current.metadata.live.take().and_then(|live| live.copy);
            self.current = Some(current);
            if let Some(copy) = copy.filter(|_| matches!(result, Ok(ReleaseReply::Done))) {
                self.delete_copy(&copy.id);
            }
            result
        } else {
            let seen = self.lineage.seen_under(id);
            // A limit ends it for the login of another request.
            let client = (*reason == Reason::Revoked).then(|| self.lineage.client_of_end(id)).flatten();
            self.store.write(&self.keys(id), &self.write_of(op, 1, seen.as_deref()).by(client))
        };
        let result = result.map(|reply| self.without_copy(reply));
        match result {
            Ok(ReleaseReply::Dead) => return if is_young(listed, now) { End::Comes } else { End::Stale },
            Ok(ReleaseReply::Gone) => return End::Over,
            _ => {}
        }
        if !self.answered(id, "was not ended", result) {
            return End::Failed;
        }
        count_end(reason);
        End::Ended
    }

    fn own_device(&mut self, id: &SessionId, live: &Live, ttl: u64) -> Device {
        let now = self.store.server_clock();
        let ms = live.ttl(now, ttl).saturating_mul(1000);
        let left = Remaining { ms: ms.cast_signed(), state: Some(live.to_string()) };
        Device { is_current: true, last_used: Some(now / 1000), ..device(id, &left, now, ttl) }
    }

    /// Takes the session that PHP has open and will save.
    pub(super) fn take_open(&mut self) -> Option<Box<Current<S::Lease>>> {
        self.current.take_if(|current| current.is_open())
    }
}

/// The outcome of a login.
enum Bound {
    Done,
    /// The limit refuses it.
    Refused,
    /// Another login has chosen its session.
    Chosen(Box<Chosen>),
}

/// A session that a limit has chosen.
pub(super) struct Chosen {
    /// The keys of the list of its user, and the name of the list.
    keys: Keys,
    list: String,
    /// The session is among the victims of this answer.
    answer: UserList,
}

/// The outcome of the end of a session on a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Ended,
    /// It had ended before.
    Over,
    /// It has another user, and may stay on the list for that of a login which is still running.
    Comes,
    /// It has another user, or none, and stayed on the list by an accident.
    Stale,
    /// The failure was told.
    Failed,
}

/// Returns true if the session may be on the list for a login that is still running.
fn is_young(listed: &Listed, now: u64) -> bool {
    // The clock of the list's server may have been set back since.
    now.abs_diff(listed.bumped) < LOGIN_MS
}

/// The fate of a session on a list.
enum Fate {
    Lives,
    /// It is not stored, or not with its user, and its login or the change of its id may still be
    /// running.
    Comes,
    /// It has ended, or has another user, or none.
    Dead,
    /// It is not there, for a reason that nobody has noted.
    Missing,
}

fn fate(left: &Remaining, list: &str, listed: &Listed, answer: &UserList) -> Fate {
    let (state, now) = (left.state.as_deref().map(State::parse), answer.now);
    match state {
        // Its next id comes to the list a moment after this one has ended.
        Some(State::Dead(dead))
            if dead.reason == Reason::Regenerated
                && now.abs_diff(dead.at) < LOGIN_MS
                && answer.sessions.iter().all(|other| other.before.as_ref() != Some(&listed.id)) =>
        {
            Fate::Comes
        }
        // A login under an id that has the mark of an earlier end is listed first.
        Some(State::Dead(dead)) if is_young(listed, now) && dead.at <= listed.bumped => Fate::Comes,
        Some(State::Dead(_)) => Fate::Dead,
        Some(State::Live(live)) if live.has_ended(now) => Fate::Dead,
        Some(State::Live(live)) if live.user() == list && left.ms != -2 => Fate::Lives,
        // The session was stored after it had come to the list.
        Some(State::Live(live)) if live.user() == list && was_stored(&live, listed) => Fate::Missing,
        _ if is_young(listed, now) => Fate::Comes,
        _ if left.ms == -2 => Fate::Missing,
        // Its login came to nothing.
        _ => Fate::Dead,
    }
}

/// Returns true if the session has been stored with this user since it was put on the list. A login
/// under the id of a session that was not used for its idle lifetime finds an older state.
fn was_stored(live: &Live, listed: &Listed) -> bool {
    live.bumped.is_some_and(|bumped| listed.bumped <= bumped.saturating_add(STORED_MS))
}

fn device(id: &SessionId, left: &Remaining, now: u64, ttl: u64) -> Device {
    let live = left.state.as_deref().and_then(|text| State::parse(text).live().cloned());
    let expires = u64::try_from(left.ms).ok().map(|ms| now.saturating_add(ms));
    let idle = live.as_ref().map_or(ttl, |live| live.idle_or(ttl)).saturating_mul(1000);
    // Near its absolute end, a session gets less than an idle lifetime from a use.
    let bumped = live.as_ref().and_then(|live| live.bumped);
    let last_used = expires.map(|at| at.saturating_sub(idle)).max(bumped);
    let seconds = |ms: Option<u64>| ms.map(|ms| ms / 1000);
    Device {
        handle: handle(id),
        created: seconds(live.as_ref().map(|live| live.created)),
        authenticated: seconds(live.as_ref().and_then(|live| live.authenticated)),
        last_used: seconds(last_used),
        expires: seconds(expires),
        label: live.map_or_else(String::new, |live| live.label().to_owned()),
        is_current: false,
    }
}

/// The metadata of a session whose user logs in, or is logged in already.
fn with_user(mut live: Live, list: &str, label: &str, now: u64, ttl: u64) -> Live {
    if live.user() != list {
        // The absolute end counts from the login.
        let begun = live.authenticated.unwrap_or(0).max(live.created);
        let timeout = live.end.map(|end| end.saturating_sub(begun));
        live.authenticated = Some(now);
        // The list must know for how long the session lives, whatever other pages have.
        live.idle.get_or_insert(ttl);
        live = live.ending_after(timeout);
    }
    live.of_user(list, label)
}

/// Returns true if the other place is that of the session under its earlier id. One that came later
/// to the list is that of another session.
fn has_had(one: &Listed, earlier: &Listed) -> bool {
    one.before.as_ref() == Some(&earlier.id) && earlier.bumped <= one.bumped
}

/// Returns the ids of a session that has this handle, or had it under an earlier id.
fn ids_of<'a>(name: &str, sessions: &'a [Listed]) -> Vec<&'a SessionId> {
    let mut ids: Vec<&SessionId> = Vec::new();
    let is_next = |ids: &[&SessionId], one: &&Listed| {
        let is_one = |id: &SessionId| ids.contains(&id) || handle(id) == name;
        let is_place = |before: &SessionId| {
            sessions.iter().filter(|other| other.id == *before).all(|other| has_had(one, other))
        };
        !ids.contains(&&one.id)
            && (is_one(&one.id)
                || one.before.as_ref().is_some_and(|before| is_one(before) && is_place(before)))
    };
    while let Some(next) = sessions.iter().find(|one| is_next(&ids, one)) {
        ids.push(&next.id);
    }
    ids
}

/// Returns the number of the sessions. One that was on its way to another id is one.
fn number_of(ended: &[Listed]) -> u64 {
    let moved: Vec<_> = ended.iter().filter(|one| one.before.is_some()).collect();
    ended.iter().filter(|one| !moved.iter().any(|next| has_had(next, one))).count() as u64
}

/// Returns true if the session that was put on a list is a victim there.
pub(super) fn is_victim(answer: &UserList, id: &SessionId) -> bool {
    answer.sessions.iter().any(|listed| listed.is_victim && listed.id == *id)
}

pub(super) fn places<L: Borrow<Listed>>(listed: &[L]) -> Vec<(&str, &str)> {
    listed.iter().map(Borrow::borrow).map(|listed| (listed.id.as_str(), &*listed.value)).collect()
}
