//! The sessions of a user: the list that each of them is on, its limit, and the end of any of them.
//!
//! The list and the sessions are in several slots, perhaps on several servers, so nothing changes
//! both at once. The order makes that safe: a login is listed first and stored second, so that no
//! stored session is missing from the list; a logout deletes the session first. What is on the list
//! and does not live is found out when it matters.

use super::{Cause, Current, Failure, Hold, Session, metadata::Heritage, save::count_end};
use crate::{
    error::StoreError,
    protocol::{
        Keys, Listed, Live, OnLimit, Op, Reason, Remaining, SessionId, State, UserCall, UserList, handle,
        list_name,
    },
    store::Store,
};

/// The time in milliseconds for which a listed session that is not stored may be that of a login
/// which is still running.
const LOGIN_MS: u64 = 10_000;

/// The number of times that a revocation looks for sessions which have got another id meanwhile.
const ROUNDS: usize = 8;

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

impl<S: Store> Session<S> {
    /// Makes the session that PHP has open one of this user's, from its next save on. Returns false
    /// if the limit refuses it, and `None` after a failure.
    pub fn bind(&mut self, user: &[u8], label: &str, limit: Limit, ttl: u64) -> Option<bool> {
        let Some(mut current) = self.take_open() else {
            self.warnings
                .push("rustredis: the session gets no user: no session is open that will be saved".into());
            self.cause = Cause::Other;
            return None;
        };
        let bound = self.bind_to(&mut current, &list_name(user), label, limit, ttl);
        self.current = Some(current);
        bound
    }

    fn bind_to(
        &mut self,
        current: &mut Current<S::Lease>,
        list: &str,
        label: &str,
        limit: Limit,
        ttl: u64,
    ) -> Option<bool> {
        self.update_state(current, ttl);
        let now = self.store.server_clock();
        let before = current.metadata.live.clone();
        if before.as_ref().is_some_and(|live| live.has_ended(now)) {
            self.fail("gets no user", Some(&current.id), &Failure::Ended);
            return None;
        }
        let live =
            before.clone().unwrap_or_else(|| Live::new(now).ending_after(self.settings.absolute_timeout));
        let live = with_user(live, list, label, now, ttl);
        let keys = self.list_keys(list)?;
        let earlier = self.inherited.name.clone().filter(|_| self.is_heir(&current.id));
        let call = UserCall::Bind {
            name: current.id.as_str(),
            life: live.own_ttl(now, ttl),
            before: earlier.as_ref().map(SessionId::as_str),
            limit: limit.sessions,
            on_limit: limit.on_limit,
        };
        let mut answer = self.ask_list(&keys, &call)?;
        if answer.is_full {
            self.end_victims(&keys, &answer.sessions);
            let dead = self.dead_among(list, &answer)?;
            if dead.is_empty() {
                return Some(false);
            }
            self.ask_list(&keys, &UserCall::Drop(&names(&dead)))?;
            answer = self.ask_list(&keys, &call)?;
            if answer.is_full {
                return Some(false);
            }
        }
        // If a victim cannot be ended now, its mark stays, and the next call for this user ends it.
        self.end_victims(&keys, &answer.sessions);
        current.metadata.left = before.map(|live| live.user().to_owned()).filter(|left| left != list);
        current.metadata.live = Some(live);
        (current.metadata.is_due, current.metadata.is_listed) = (true, true);
        self.inherited.name = None;
        Some(true)
    }

    /// Returns true if the session that PHP has open is one of this user's.
    pub fn is_of(&self, user: &[u8]) -> bool {
        self.own_list().is_some_and(|list| list == list_name(user))
    }

    /// Returns the sessions of a user, or without one those of the user whose session PHP has open.
    /// Returns `None` after a failure.
    pub fn devices(&mut self, user: Option<&[u8]>, ttl: u64) -> Option<Vec<Device>> {
        let Some(list) = user.map(list_name).or_else(|| self.own_list()) else { return Some(Vec::new()) };
        let keys = self.list_keys(&list)?;
        let answer = self.ask_list(&keys, &UserCall::List)?;
        self.end_victims(&keys, &answer.sessions);
        let (mut devices, mut dead) = (Vec::new(), Vec::new());
        let own = self.current_of(&list);
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
            match fate(&left, &list, listed, answer.now) {
                Fate::Lives => devices.push(device(&listed.id, &left, answer.now, ttl)),
                // A replica may lack a session that its master has, so a missing one stays listed until
                // its time there is over.
                Fate::Comes | Fate::Missing => {}
                Fate::Dead => dead.push(listed.id.clone()),
            }
        }
        if !dead.is_empty() {
            self.store.post_to_list(&keys, &UserCall::Drop(&names(&dead)));
        }
        devices.sort_by_key(|device| (!device.is_current, std::cmp::Reverse(device.last_used)));
        Some(devices)
    }

    /// Ends sessions of a user, or without one of the user whose session PHP has open: all, the one
    /// with this handle, or all but the open one. Returns their number, or `None` after a failure.
    pub fn revoke(&mut self, user: Option<&[u8]>, only: Option<&str>, others_only: bool) -> Option<u64> {
        let Some(list) = user.map(list_name).or_else(|| self.own_list()) else { return Some(0) };
        let keys = self.list_keys(&list)?;
        let own = self.current_of(&list).map(|(id, _)| id);
        let is_meant = |id: &SessionId| {
            !(others_only && own.as_ref() == Some(id)) && only.is_none_or(|only| handle(id) == only)
        };
        let (mut done, mut count, mut all_ended) = (Vec::new(), 0, true);
        for _ in 0..ROUNDS {
            let answer = self.ask_list(&keys, &UserCall::List)?;
            let listed = answer.sessions.into_iter().map(|listed| (listed.id, listed.is_victim));
            let mut targets: Vec<(SessionId, bool)> =
                listed.filter(|(id, is_victim)| *is_victim || is_meant(id)).collect();
            // The list may have been lost.
            if let Some(own) =
                own.as_ref().filter(|own| is_meant(own) && targets.iter().all(|(id, _)| id != *own))
            {
                targets.push((own.clone(), false));
            }
            targets.retain(|(id, _)| !done.contains(id));
            if targets.is_empty() {
                break;
            }
            let mut ended = Vec::new();
            for (id, is_victim) in targets {
                if self.end_session(&id, if is_victim { &Reason::Limit } else { &Reason::Revoked }) {
                    count += u64::from(!is_victim);
                    ended.push(id.clone());
                } else {
                    all_ended = false;
                }
                done.push(id);
            }
            // A session that has got another id meanwhile is found by the next round.
            self.ask_list(&keys, &UserCall::Drop(&names(&ended)))?;
        }
        all_ended.then_some(count)
    }

    /// Keeps the list up to date after the session was stored with a new state.
    pub(super) fn follow_on_list(&mut self, current: &mut Current<S::Lease>, ttl: u64) {
        let left = current.metadata.left.take();
        if let Some(keys) = left.and_then(|left| self.list_keys(&left)) {
            self.store.post_to_list(&keys, &UserCall::Drop(&[current.id.as_str()]));
        }
        let Some(live) = &current.metadata.live else { return };
        let is_listed = current.metadata.is_listed;
        let earlier = if self.is_heir(&current.id) { self.inherited.name.take() } else { None };
        current.metadata.is_listed = false;
        if let Some(keys) = self.list_keys(live.user()).filter(|_| !is_listed || earlier.is_some()) {
            self.put_on_list(&keys, &current.id, live, earlier.as_ref(), ttl);
        }
    }

    /// Lists a session under its new id before it is stored, so that a revocation finds it. One that
    /// has read the list before this has ended the session under its old id, and so it ends here.
    /// Lets the state and the place on the list of a session that is only read live as long as it.
    pub(super) fn announce(&mut self, current: &mut Current<S::Lease>, ttl: u64) {
        if !current.is_new {
            return self.keep_state(current, ttl);
        }
        let (Some(live), Some(earlier)) = (&current.metadata.live, self.inherited.name.clone()) else {
            return;
        };
        let Some(keys) = self.list_keys(live.user()) else { return };
        let now = self.store.server_clock();
        let bump = UserCall::Bump { name: current.id.as_str(), life: live.own_ttl(now, ttl), before: None };
        current.metadata.is_listed = self.store.user_list(&keys, &bump).is_ok();
        if !self.has_ended_under(&earlier) {
            return;
        }
        if self.end_hold(current, Op::Drop, || Failure::Destroyed).is_ok() {
            self.store.post_to_list(&keys, &UserCall::Drop(&[current.id.as_str()]));
        }
        current.metadata.live = None;
        self.inherited = Heritage::default();
    }

    fn keep_state(&mut self, current: &Current<S::Lease>, ttl: u64) {
        let is_read = matches!(current.hold, Hold::ReadOnly) && ttl > 0;
        let Some(live) = current.metadata.live.as_ref().filter(|_| is_read) else { return };
        let now = self.store.server_clock();
        if !live.lives_by_bumps() || !live.needs_a_bump(now, ttl) {
            return;
        }
        self.store.post_state_ttl(&current.keys, live.own_ttl(now, ttl));
        if let Some(keys) = self.list_keys(live.user()) {
            self.put_on_list(&keys, &current.id, live, None, ttl);
        }
    }

    /// Returns true if the session was ended from elsewhere after it had left this id.
    fn has_ended_under(&mut self, name: &SessionId) -> bool {
        let keys = self.keys(name);
        if let Some(mark) = self.inherited.mark.clone() {
            return !matches!(self.store.copy(&keys, &mark), Ok((Some(_), _)));
        }
        // After a failure the session goes on, because that must not log a user out.
        let state = self.store.time_left(&keys).ok().and_then(|left| left.state);
        let mark = state.as_deref().map(State::parse);
        matches!(mark, Some(State::Dead(dead)) if dead.reason != Reason::Regenerated)
    }

    /// Takes a session that has ended off its user's list.
    pub(super) fn leave_list(&mut self, id: &SessionId, lists: &[String]) {
        for list in lists {
            if let Some(keys) = self.list_keys(list) {
                self.store.post_to_list(&keys, &UserCall::Drop(&[id.as_str()]));
            }
        }
    }

    fn put_on_list(
        &mut self,
        keys: &Keys,
        id: &SessionId,
        live: &Live,
        before: Option<&SessionId>,
        ttl: u64,
    ) {
        let now = self.store.server_clock();
        let before = before.map(SessionId::as_str);
        let bump = UserCall::Bump { name: id.as_str(), life: live.own_ttl(now, ttl), before };
        self.store.post_to_list(keys, &bump);
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
        let live = self.current.as_ref()?.metadata.live.as_ref()?;
        Some(live.user().to_owned()).filter(|list| !list.is_empty())
    }

    /// Returns the session that PHP has open, if its user has this list.
    fn current_of(&self, list: &str) -> Option<(SessionId, Live)> {
        let current = self.current.as_ref()?;
        let live = current.metadata.live.as_ref().filter(|live| live.user() == list)?;
        Some((current.id.clone(), live.clone()))
    }

    /// Returns `None` for no user.
    fn list_keys(&self, list: &str) -> Option<Keys> {
        let name = SessionId::parse(list.as_bytes())?;
        Some(Keys::of_list(&self.settings.prefix, &name, self.settings.shards.is_cluster()))
    }

    fn ask_list(&mut self, keys: &Keys, call: &UserCall<'_>) -> Option<UserList> {
        self.store.user_list(keys, call).map_err(|error| self.fail_at_list(keys, error)).ok()
    }

    fn fail_at_list(&mut self, keys: &Keys, error: StoreError) {
        let (failure, place) = (Failure::from(error), self.settings.shards.of(keys.route));
        let mut text =
            format!("rustredis: the list of a user's sessions at {place} can't be used: {failure}");
        text.extend(failure.missing_rights(&self.settings.prefix, place));
        self.cause = failure.cause();
        self.warnings.push(text);
    }

    fn ask_session(&mut self, id: &SessionId) -> Option<Remaining> {
        let keys = self.keys(id);
        let left = self.store.time_left(&keys);
        left.map_err(|error| self.fail("can't be looked up", Some(id), &error.into())).ok()
    }

    /// Returns the sessions of a full list that do not count.
    fn dead_among(&mut self, list: &str, answer: &UserList) -> Option<Vec<SessionId>> {
        let mut dead = Vec::new();
        for listed in answer.sessions.iter().filter(|listed| !listed.is_victim) {
            let left = self.ask_session(&listed.id)?;
            match fate(&left, list, listed, answer.now) {
                Fate::Lives | Fate::Comes => {}
                Fate::Dead => dead.push(listed.id.clone()),
                // A request that still has it does not store it again.
                Fate::Missing => {
                    if self.end_session(&listed.id, &Reason::Limit) {
                        dead.push(listed.id.clone());
                    }
                }
            }
        }
        Some(dead)
    }

    fn end_victims(&mut self, keys: &Keys, sessions: &[Listed]) {
        let mut ended = Vec::new();
        for victim in sessions.iter().filter(|listed| listed.is_victim) {
            if self.end_session(&victim.id, &Reason::Limit) {
                ended.push(victim.id.clone());
            }
        }
        if !ended.is_empty() {
            self.store.post_to_list(keys, &UserCall::Drop(&names(&ended)));
        }
    }

    /// Ends a session, whichever request has its lock. Returns false after a failure.
    fn end_session(&mut self, id: &SessionId, reason: &Reason) -> bool {
        let op = Op::Delete(reason);
        let result = if let Some(mut current) = self.current.take_if(|current| current.id == *id) {
            let result = self.end_hold(&mut current, op, || Failure::Revoked);
            current.metadata.live = None;
            self.current = Some(current);
            result
        } else {
            let keys = self.keys(id);
            self.store.write(&keys, &self.write_of(op, 1, None))
        };
        let result = result.map(|reply| self.without_copy(reply));
        let is_ended = self.answered(id, "was not ended", result);
        if is_ended {
            count_end(reason);
        }
        is_ended
    }

    fn own_device(&mut self, id: &SessionId, live: &Live, ttl: u64) -> Device {
        let now = self.store.server_clock();
        let ms = live.ttl(now, ttl).saturating_mul(1000);
        let left = Remaining { ms: ms.cast_signed(), state: Some(live.to_string()) };
        Device { is_current: true, last_used: Some(now / 1000), ..device(id, &left, now, ttl) }
    }

    /// Takes the session that PHP has open and will save.
    pub(super) fn take_open(&mut self) -> Option<Current<S::Lease>> {
        self.current.take_if(|current| {
            !current.unread
                && matches!(current.hold, Hold::Locked { .. } | Hold::Unsure { .. } | Hold::Unlocked)
        })
    }
}

/// The fate of a session on a list.
enum Fate {
    Lives,
    /// It is not stored, or not with its user, and its login may still be running.
    Comes,
    /// It has ended, or has another user.
    Dead,
    /// It is not there, for a reason that nobody has noted.
    Missing,
}

fn fate(left: &Remaining, list: &str, listed: &Listed, now: u64) -> Fate {
    let state = left.state.as_deref().map(State::parse);
    let is_young = now < listed.bumped.saturating_add(LOGIN_MS);
    match state {
        Some(State::Dead(_)) => Fate::Dead,
        Some(State::Live(live)) if live.has_ended(now) => Fate::Dead,
        _ if is_young && left.ms == -2 => Fate::Comes,
        _ if left.ms == -2 => Fate::Missing,
        Some(State::Live(live)) if live.user() != list && !is_young => Fate::Dead,
        _ => Fate::Lives,
    }
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

fn names(ids: &[SessionId]) -> Vec<&str> {
    ids.iter().map(SessionId::as_str).collect()
}
