//! The lifetime that each use gives to a session, and what goes over to another id.

use super::{
    Hold, Session,
    current::Current,
    lineage::Heritage,
    metadata::{Description, Metadata, TimeLeft},
};
use crate::{
    protocol::{Keys, Live, Op, Reason, Release, ReleaseReply, SessionData, SessionId, State, Write},
    store::Store,
};

impl<S: Store> Session<S> {
    /// Returns what the session leaves to the next id.
    pub fn heritage(&self) -> Heritage {
        self.lineage.heritage()
    }

    /// Returns true if the heritage matters to the next id.
    pub fn leaves_something(&self) -> bool {
        self.lineage.leaves_something(self.settings.first_lifetime.is_some())
    }

    /// Returns the id that session_regenerate_id() has left.
    pub fn left_id(&self) -> Option<&SessionId> {
        self.lineage.left_id()
    }

    /// Has no session live on under these ids. This request has left them, and ended the session
    /// under its last one, so it is not late under them, as others are.
    pub fn leave_for_good(&mut self, ids: Vec<SessionId>) {
        self.left_for_good = ids;
    }

    /// Continues a session that had another id.
    pub fn inherit(&mut self, heritage: Heritage) {
        self.lineage.inherit(heritage);
    }

    /// Does the same for a session that a handler class has read already, to see if its id is free.
    pub fn inherit_late(&mut self, heritage: Heritage) {
        self.inherit(heritage);
        let inherited = self.lineage.inherited();
        if let Some(current) = &mut self.current
            && current.is_missing()
            && current.metadata.live.is_none()
        {
            current.metadata = Metadata::new(inherited.live().cloned(), &current.loaded, None);
            current.metadata.left = inherited.lists().to_vec();
            current.is_first = !inherited.was_stored();
            current.ends = inherited.ends();
        }
    }

    /// Asks for the end of the session, if session_regenerate_id() leaves this id in a request that
    /// does not prolong it: the next id gets the time that is left.
    pub fn ask_end(&mut self, id: &[u8]) {
        if let Some(mut current) = self.current.take_if(|current| current.has_id(id)) {
            self.ask_end_of(&mut current);
            self.current = Some(current);
        }
    }

    fn ask_end_of(&mut self, current: &mut Current<S::Lease>) {
        let is_known = current.ends.is_some() || current.is_missing() || current.is_overtaken();
        if self.settings.touch || is_known {
            return;
        }
        // If Redis does not answer, the move of the session tells of it. A key without a TTL has no
        // end to keep.
        if let Some(left) = self.store.time_left(&current.keys).ok().filter(|left| left.ms != -1) {
            let left = u64::try_from(left.ms).unwrap_or(0);
            current.ends = Some(self.store.server_clock().saturating_add(left));
        }
    }

    /// Returns the TTL of a session that comes back to the id that it has just left.
    pub fn ttl_of_return(&mut self, ttl: u64) -> u64 {
        let ends = self.lineage.left_end();
        self.until(ends, ttl)
    }

    /// Returns the TTL until this end, at most `ttl`. It never prolongs a session by a part of a
    /// second, because a page may poll often.
    fn until(&mut self, ends: Option<u64>, ttl: u64) -> u64 {
        match ends.filter(|_| !self.settings.touch) {
            Some(ends) => (ends.saturating_sub(self.store.server_clock()) / 1000).clamp(1, ttl.max(1)),
            None => ttl,
        }
    }

    /// Continues it under this id. A handler class may use other sessions that are new.
    pub fn set_heir(&mut self, id: &[u8]) {
        self.lineage.set_heir(id);
    }

    /// Keeps the id that the list of the user has, and gives the places up that the next id does
    /// not take.
    pub(super) fn leave_name(&mut self, current: &mut Current<S::Lease>) {
        if self.lineage.leave_name(current) {
            let list = current.metadata.live.as_ref().and_then(|live| self.list_keys(live.user()));
            let is_its = |keys: &Keys| list.as_ref().is_some_and(|list| list.data() == keys.data());
            current.metadata.places.retain(|(keys, _)| !is_its(keys));
            self.give_up_places(current);
        }
    }

    /// Returns true if anything is known of the session that PHP has read beside its value, or if
    /// it is closed without having been saved.
    pub fn has_metadata(&self) -> bool {
        self.current.as_deref().is_some_and(|current| {
            let Metadata { live, mark, .. } = &current.metadata;
            let is_unsaved =
                current.writes == 0 && matches!(current.hold, Hold::Locked { .. } | Hold::Unlocked);
            let has_metadata = live.is_some() || mark.is_some() || self.settings.first_lifetime.is_some();
            !current.unread && (has_metadata || is_unsaved || current.why_ended().is_some())
        })
    }

    /// Returns true if PHP has read this session under a new id, and has not stored it there.
    pub fn is_unsaved_after_a_move(&self) -> bool {
        self.current.as_deref().is_some_and(|current| {
            let is_unsaved = !current.unread && current.is_missing() && !current.is_overtaken();
            is_unsaved && self.lineage.inherits_a_move(&current.id)
        })
    }

    /// Keeps what a session leaves that session_regenerate_id() has neither saved nor destroyed. If
    /// it has ended, the next id is not stored. If it is emptied, that may be a logout.
    pub fn bequeath_unsaved(&mut self, is_emptied: bool) {
        let lineage = &self.lineage;
        let is_left = |current: &Current<S::Lease>| lineage.has_left(current.id.as_str().as_bytes());
        let Some(mut current) = self.current.take_if(|current| !current.unread && !is_left(current)) else {
            return;
        };
        self.ask_end_of(&mut current);
        let logs_out = is_emptied && current.is_missing() && self.lineage.has_kept_its_user(&current);
        let earlier = self.listed_place(&current).filter(|_| logs_out);
        self.lineage.leave(&current);
        if !current.is_missing() {
            // It may have been ended from elsewhere, which no write has told.
            self.lineage.leave_beside(&current);
        } else if is_emptied {
            // No request is to see the values of before.
            if let Some(copy) = current.metadata.live.as_ref().and_then(|live| live.copy.as_ref()) {
                self.delete_copy(&copy.id);
            }
            if logs_out {
                let lists = [self.lineage.left_list()];
                for id in earlier.iter().chain([&current.id]) {
                    self.leave_list(id, &lists);
                }
                self.lineage.leave_no_user();
            } else {
                self.leave_name(&mut current);
            }
            self.lineage.leave_no_copy();
        } else {
            self.leave_name(&mut current);
            self.lineage.leave_unsaved(&current.id);
        }
        if let Some(why) = current.why_ended().filter(|_| !is_emptied) {
            self.lineage.leave_an_end(why);
        }
        self.current = Some(current);
    }

    /// Has the session that PHP reads next go on with what this one has left. A handler class may
    /// have forgotten to close it.
    pub fn go_on(&mut self) {
        if self.leaves_something() {
            self.lineage.go_on();
        }
    }

    /// Keeps the reason why a session is not there.
    pub(super) fn note_end(&mut self, loaded: &SessionData) {
        self.ended = None;
        if let (None, Some(state)) = (&loaded.data, &loaded.state) {
            self.ended = match State::parse(state) {
                State::Dead(dead) => Some(dead.reason.word().to_owned()),
                State::Live(live) if live.has_ended(self.store.server_clock()) => Some("absolute".to_owned()),
                // The state outlives the session.
                State::Live(_) => Some("idle".to_owned()),
                State::Opaque(_) => None,
            };
        }
    }

    /// Returns the reason why the session that was asked for is not there, if it is known.
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// Describes the session that PHP has open, without a trip.
    pub fn describe(&mut self, ttl: u64) -> Option<Description> {
        let mut current = self.current.take_if(|current| !current.unread)?;
        self.update_state(&mut current, ttl);
        let lasts = self.ttl_of_write(&current, ttl);
        let now = self.store.server_clock();
        let live = current.metadata.heritage().filter(|live| !live.is_for_a_copy());
        let is_overtaken = current.is_overtaken();
        self.current = Some(current);
        let seconds = |ms: u64| ms / 1000;
        let user = live.as_ref().map(|live| live.user().to_owned()).filter(|user| !user.is_empty());
        Some(Description {
            created: live.as_ref().map(|live| seconds(live.created)),
            authenticated: live.as_ref().and_then(|live| live.authenticated).map(seconds),
            expires: lasts
                .filter(|&lasts| lasts > 0 && !is_overtaken)
                .map(|lasts| seconds(now).saturating_add(lasts)),
            ends: live.as_ref().and_then(|live| live.end).map(seconds),
            user,
        })
    }

    /// Gives the session that PHP has open lifetimes of its own, in seconds. Without `absolute`,
    /// its end stays; 0 takes it away. Returns false if there is no session that will be written,
    /// or if it is older than that already.
    pub fn set_lifetime(&mut self, idle: u64, absolute: Option<u64>, ttl: u64) -> bool {
        let Some(mut current) = self.take_open() else { return false };
        self.update_state(&mut current, ttl);
        let now = self.store.server_clock();
        let timeout = self.settings.absolute_timeout;
        let new = || Live::new(now).ending_after(timeout);
        let mut live = current.metadata.live.clone().unwrap_or_else(new);
        live.idle = Some(idle);
        let live = match absolute {
            None => live,
            Some(0) => live.ending_after(None),
            Some(seconds) => live.ending_after(Some(seconds.saturating_mul(1000))),
        };
        let lives = !live.has_ended(now);
        if lives {
            (current.metadata.live, current.metadata.is_due) = (Some(live), true);
            current.metadata.is_asked = true;
            if let Some(place) = &mut current.metadata.listed {
                place.is_outdated = true;
            }
        }
        self.current = Some(current);
        lives
    }

    /// Returns the time that a session has left, in one trip, without a use of it. `None` means
    /// that there is no such session, or a failure.
    pub fn time_left(&mut self, id: &[u8], ttl: u64) -> Option<TimeLeft> {
        let id = SessionId::parse(id)?;
        let keys = self.keys(&id);
        let left = match self.store.time_left(&keys) {
            Ok(left) => left,
            Err(error) => {
                self.fail("can't be looked up", Some(&id), &error.into());
                return None;
            }
        };
        let now = self.store.server_clock();
        let state = left.state.as_deref().map(State::parse);
        if let (-2, Some(State::Dead(mark))) = (left.ms, &state)
            && mark.reason == Reason::Regenerated
        {
            let copy = self.store.copy(&keys, left.state.as_deref().unwrap_or_default());
            // The session goes on for as long at least as its id did.
            let live = mark.live().unwrap_or_else(|| Live::new(mark.at));
            return copy.ok().and_then(|(copy, _)| copy.found()).map(|_| TimeLeft {
                idle: live.ttl(mark.at, ttl).saturating_sub(now.saturating_sub(mark.at) / 1000),
                absolute: live.end.map(|end| end.saturating_sub(now).div_ceil(1000)),
            });
        }
        let end = state.and_then(|state| state.live().and_then(|live| live.end));
        let absolute = end.map(|end| end.saturating_sub(now).div_ceil(1000));
        let idle = match left.ms {
            // A key without a TTL gets one with the next use.
            -1 => ttl,
            ms => u64::try_from(ms).ok()?.div_ceil(1000),
        };
        (absolute != Some(0)).then_some(TimeLeft { idle, absolute })
    }

    /// Returns the TTL that a use of a stored session gives it. 0 leaves the TTL as it is.
    pub(super) fn prolonged(&self, ttl: u64) -> u64 {
        if self.settings.touch { ttl } else { 0 }
    }

    /// Returns the TTL for a write. 0 leaves the TTL as it is, and `None` means that the absolute
    /// end of the session is over.
    pub(super) fn ttl_of_write(&mut self, current: &Current<S::Lease>, ttl: u64) -> Option<u64> {
        let ttl = match self.settings.first_lifetime {
            Some(first) if self.is_passing(current) => first.min(ttl),
            _ if current.is_new && !self.has_its_end(current) => ttl,
            _ => self.prolonged(ttl),
        };
        let ends = current.ends.filter(|_| current.is_new && ttl > 0);
        let Some(live) = &current.metadata.live else { return Some(self.until(ends, ttl)) };
        let now = self.store.server_clock();
        (!live.has_ended(now)).then(|| if ttl == 0 { 0 } else { self.until(ends, live.ttl(now, ttl)) })
    }

    /// Stores a session under its new id for the time that it has left. The scripts would give it
    /// the whole of an idle lifetime of its own, so the state gets that with the next write, which
    /// leaves the TTL as it is. Returns the state until then.
    pub(super) fn save_until_its_end(
        &mut self,
        current: &Current<S::Lease>,
        op: Op<'_>,
        ttl: u64,
    ) -> Option<String> {
        let has_end = current.is_new && current.ends.is_some() && !self.settings.touch;
        let live = current.metadata.live.as_ref().filter(|live| {
            has_end && ttl > 0 && current.metadata.is_due && live.idle.is_some_and(|idle| idle > ttl)
        })?;
        let mut without_idle = live.clone();
        without_idle.idle = None;
        let state = without_idle.to_string();
        let (seen, first) = (current.loaded.state.as_deref(), Some(&*state));
        let result = match &current.hold {
            Hold::Locked { token, waiter, .. } => {
                let release = self.release_of(token, op, ttl);
                let waiter = waiter.as_deref();
                let release = Release { waiter, seen, state: first, keep_lock: true, ..release };
                self.store.release(&current.keys, &release)
            }
            Hold::Unlocked => {
                let write = Write { state: first, ..self.write_of(op, ttl, seen) };
                self.store.write(&current.keys, &write)
            }
            _ => return None,
        };
        // The write that follows tells of a failure.
        (result.ok()? == ReleaseReply::Done).then_some(state)
    }

    /// Returns true if the session was stored under its new id with the time that it had left.
    fn has_its_end(&self, current: &Current<S::Lease>) -> bool {
        current.ends.is_some() && current.writes > 0 && !self.settings.touch
    }

    /// The TTL with which a session is closed that was read and not saved. 0 leaves the TTL as it
    /// is.
    pub(super) fn ttl_due(&mut self, current: &Current<S::Lease>) -> u64 {
        let Some(live) = current.metadata.live.as_ref().filter(|_| current.ttl_due > 0) else {
            return current.ttl_due;
        };
        let now = self.store.server_clock();
        if live.has_ended(now) { 0 } else { live.ttl(now, current.ttl_due) }
    }

    /// Returns true if the session may be that of a visitor who never comes back.
    fn is_passing(&self, current: &Current<S::Lease>) -> bool {
        let has_user = current.metadata.live.as_ref().is_some_and(Live::has_user);
        self.settings.first_lifetime.is_some() && current.is_first && !has_user
    }

    /// Brings the metadata of a session that is to be written up to date. Returns the state if it
    /// is to be stored with the write.
    pub(super) fn update_state(&mut self, current: &mut Current<S::Lease>, ttl: u64) -> Option<String> {
        let timeout = self.settings.absolute_timeout;
        // Most sessions have no metadata, and need none.
        if current.metadata.live.is_none() && timeout.is_none() && current.loaded.state.is_none()
            || !current.is_writable()
        {
            return None;
        }
        let now = self.store.server_clock();
        let is_passing = self.is_passing(current);
        match &mut current.metadata.live {
            // A session under this id has ended, and its metadata is still there.
            None if current.is_new && has_live_state(current.loaded.state.as_deref()) => {
                current.metadata.live = Some(Live::new(now).ending_after(timeout));
                current.metadata.is_due = true;
            }
            // The metadata would outlive the session of a visitor who does not come back.
            None if timeout.is_none() || is_passing => {}
            None => {
                current.metadata.live = Some(Live::new(now).ending_after(timeout));
                current.metadata.is_due = true;
            }
            // The timeout was set after the session had begun. A session with a lifetime of its own
            // has the end that goes with that, or none.
            Some(live) if timeout.is_some() && live.end.is_none() && live.idle.is_none() => {
                live.end = timeout.map(|timeout| now.saturating_add(timeout));
                current.metadata.is_due = true;
            }
            Some(live) => {
                let is_due = self.settings.touch && live.lives_by_bumps() && live.needs_a_bump(now, ttl);
                current.metadata.is_due |= is_due;
            }
        }
        let live = current.metadata.live.as_mut().filter(|_| current.metadata.is_due)?;
        live.bumped = Some(now).filter(|_| !current.metadata.is_unlisted);
        Some(live.to_string())
    }
}

fn has_live_state(text: Option<&str>) -> bool {
    text.is_some_and(|text| State::parse(text).live().is_some())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{
        Access, Leave, Session, Writer,
        tests::{ID, NEW, TTL, data, keys, read, stored},
    };
    use crate::{
        config::{IniValues, Setting, Settings},
        protocol::{Live, State},
        store::{Store, memory::MemoryStore},
    };

    const FIRST: u64 = 30;

    fn session(store: &MemoryStore, texts: &[(Setting, &str)]) -> Session<MemoryStore> {
        let ini = texts.iter().fold(IniValues::default(), |ini, (setting, text)| ini.with(*setting, text));
        Session::new(store.another(), Arc::new(Settings::parse("", &ini).unwrap()), "host|1|cli|")
    }

    fn ttl(store: &MemoryStore, id: &[u8]) -> Option<u64> {
        store.server().ttl(&keys(id))
    }

    /// The ways to use a session, as names for messages.
    const USES: [&str; 7] = ["write", "touch", "abort", "peek", "reset", "another", "nothing"];

    /// Uses a session once, and returns the number of trips.
    fn use_it(session: &mut Session<MemoryStore>, how: &str, prefetches: bool) -> u32 {
        if prefetches {
            session.prefetch(ID, true);
        }
        match how {
            "another" => {
                assert!(session.write(ID, b"new", TTL, Writer::Php));
            }
            "peek" => {
                assert!(session.read(ID, Access::Read, TTL));
                session.drop_value();
            }
            "nothing" => {}
            _ => {
                assert!(session.validate(ID, Access::Update, TTL));
                read(session, ID);
            }
        }
        match how {
            "write" => assert!(session.write(ID, &vec![b'x'; 5000], TTL, Writer::Php)),
            "touch" => assert!(session.touch(ID, b"old", TTL, Writer::Php)),
            "reset" => {
                read(session, ID);
                assert!(session.touch(ID, b"old", TTL, Writer::Class));
                assert!(session.touch(ID, b"old", TTL, Writer::Saving));
            }
            _ => {}
        }
        session.close();
        assert_eq!(session.take_warnings(), Vec::<String>::new(), "{how}");
        session.store.trips
    }

    #[test]
    fn a_use_without_touch_prolongs_nothing_and_costs_no_more() {
        for locking in ["1", "0"] {
            for (ack, prefetches) in [("wait", false), ("wait", true), ("deferred", false)] {
                for how in USES {
                    let texts = |touch| {
                        [(Setting::Locking, locking), (Setting::WriteAck, ack), (Setting::Touch, touch)]
                    };
                    let store = stored(b"old");
                    let usual = use_it(&mut session(&store, &texts("1")), how, prefetches);
                    let store = stored(b"old");
                    store.server().advance(10_000);
                    let before = ttl(&store, ID);
                    assert_eq!(before, Some(TTL * 1000 - 10_000));
                    let trips = use_it(&mut session(&store, &texts("0")), how, prefetches);
                    let kind = format!("{how}, locking {locking}, {ack}, prefetch {prefetches}");
                    assert_eq!(ttl(&store, ID), before, "{kind}");
                    assert!(trips <= usual, "{kind}: {trips} trips, not {usual}");
                    let is_written = ["write", "another"].contains(&how);
                    assert_eq!(data(&store, ID).unwrap() != b"old", is_written, "{kind}");
                }
            }
        }
    }

    #[test]
    fn a_session_that_ends_while_a_request_without_touch_runs_stays_ended() {
        for locking in ["1", "0"] {
            for changed in [true, false] {
                let store = stored(b"old");
                let mut session = session(&store, &[(Setting::Locking, locking), (Setting::Touch, "0")]);
                read(&mut session, ID);
                store.server().lose(&keys(ID));
                let saved = if changed {
                    session.write(ID, b"new", TTL, Writer::Php)
                } else {
                    session.touch(ID, b"old", TTL, Writer::Php)
                };
                assert_eq!(saved, !changed);
                session.close();
                assert_eq!((data(&store, ID), super::super::tests::holder(&store, ID)), (None, None));
                let warnings = session.take_warnings();
                assert!(!changed || warnings[0].contains("was not saved"), "{warnings:?}");
            }
        }
    }

    #[test]
    fn a_new_session_lives_for_the_first_lifetime_until_the_next_request() {
        for locking in ["1", "0"] {
            for (how, touch) in [("write", "1"), ("touch", "1"), ("twice", "1"), ("write", "0")] {
                let store = MemoryStore::new();
                let texts = [
                    (Setting::Locking, locking),
                    (Setting::FirstLifetime, &*FIRST.to_string()),
                    (Setting::Touch, touch),
                ];
                let mut first = session(&store, &texts);
                assert!(first.create(ID, Access::Update, TTL, true));
                read(&mut first, ID);
                match how {
                    "touch" => assert!(first.touch(ID, b"", TTL, Writer::Php)),
                    "twice" => {
                        assert!(first.write(ID, b"a", TTL, Writer::Class));
                        assert!(first.write(ID, b"b", TTL, Writer::Saving));
                        assert!(first.write(ID, b"c", TTL, Writer::Class));
                    }
                    _ => assert!(first.write(ID, b"a", TTL, Writer::Php)),
                }
                first.close();
                let kind = format!("{how}, locking {locking}, touch {touch}");
                assert_eq!(first.take_warnings(), Vec::<String>::new(), "{kind}");
                assert_eq!(ttl(&store, ID), Some(FIRST * 1000), "{kind}");
                let mut next = session(&store, &texts);
                read(&mut next, ID);
                assert!(next.write(ID, b"d", TTL, Writer::Php));
                next.close();
                let full = if touch == "1" { TTL } else { FIRST };
                assert_eq!(ttl(&store, ID), Some(full * 1000), "{kind}");
            }
        }
    }

    #[test]
    fn a_stored_session_has_its_full_life_under_another_id() {
        for (is_stored, deletes) in [(true, true), (true, false), (false, true), (false, false)] {
            let store = if is_stored { stored(b"old") } else { MemoryStore::new() };
            let texts = [(Setting::FirstLifetime, &*FIRST.to_string())];
            let mut old = session(&store, &texts);
            read(&mut old, ID);
            if deletes {
                assert!(old.destroy(ID, Leave::Moved));
            } else {
                assert!(old.write(ID, b"a", TTL, Writer::Php));
            }
            old.close();
            // The next one is told which id was left.
            assert_eq!(old.leaves_something(), is_stored || deletes);
            let mut new = session(&store, &texts);
            new.inherit(old.heritage());
            assert!(new.create(NEW, Access::Update, TTL, true));
            read(&mut new, NEW);
            assert!(new.write(NEW, b"a", TTL, Writer::Php));
            new.close();
            assert_eq!(ttl(&store, NEW), Some(if is_stored { TTL } else { FIRST } * 1000));
            assert_eq!(new.leaves_something(), is_stored, "a second change of the id");
        }
    }

    #[test]
    fn a_first_lifetime_is_never_longer_than_the_usual_one() {
        for (first, right) in [("0", TTL), ("101", TTL), ("99", 99)] {
            let store = MemoryStore::new();
            let mut session = session(&store, &[(Setting::FirstLifetime, first)]);
            read(&mut session, ID);
            assert!(session.write(ID, b"a", TTL, Writer::Php));
            assert_eq!(ttl(&store, ID), Some(right * 1000), "{first}");
        }
    }

    const TIMEOUT: u64 = 1000;

    fn with_timeout() -> [(Setting, &'static str); 1] {
        [(Setting::AbsoluteTimeout, "1000")]
    }

    fn live(store: &MemoryStore, id: &[u8]) -> Option<Live> {
        let text = store.another().read(&keys(id), 0).unwrap().state?;
        State::parse(&text).live().cloned()
    }

    fn used(store: &MemoryStore, texts: &[(Setting, &str)], id: &[u8]) -> Vec<u8> {
        let mut session = session(store, texts);
        let value = read(&mut session, id);
        assert!(session.write(id, b"n", TTL, Writer::Php));
        session.close();
        assert_eq!(session.take_warnings(), Vec::<String>::new());
        assert_eq!(session.store.trips, 2);
        value
    }

    #[test]
    fn a_session_in_steady_use_ends_at_its_time() {
        for locking in ["1", "0"] {
            let texts = [with_timeout()[0], (Setting::Locking, locking)];
            let store = MemoryStore::new();
            let end = store.server().now() + TIMEOUT * 1000;
            assert_eq!(used(&store, &texts, ID), b"");
            let first = live(&store, ID);
            assert_eq!(first.as_ref().unwrap().end, Some(end));
            for _ in 0..24 {
                store.server().advance(41_000);
                // The lifetimes that a session got first win over those of other pages.
                assert_eq!(used(&store, &[(Setting::Locking, locking)], ID), b"n");
                assert_eq!(live(&store, ID), first);
                let left = end - store.server().now();
                assert_eq!(ttl(&store, ID), Some((TTL * 1000).min(left.div_ceil(1000) * 1000)));
            }
            let rest = end - store.server().now();
            store.server().advance(rest);
            assert_eq!(used(&store, &texts, ID), b"", "{locking}");
            assert_eq!(live(&store, ID).unwrap().created, end);
        }
    }

    #[test]
    fn nothing_changes_for_sessions_without_a_timeout() {
        let store = stored(b"old");
        used(&store, &[], ID);
        assert_eq!(live(&store, ID), None);
        used(&store, &with_timeout(), ID);
        assert_eq!(live(&store, ID).map(|live| live.created), Some(store.server().now()));
    }

    #[test]
    fn a_session_that_is_over_before_it_is_saved_is_not_saved() {
        for locking in ["1", "0"] {
            let texts = [with_timeout()[0], (Setting::Locking, locking)];
            for changed in [true, false] {
                let store = MemoryStore::new();
                used(&store, &texts, ID);
                store.server().advance(90_000);
                for _ in 0..10 {
                    used(&store, &texts, ID);
                    store.server().advance(90_000);
                }
                let mut session = session(&store, &texts);
                assert_eq!(read(&mut session, ID), b"n");
                store.server().advance(10_001);
                let saved = if changed {
                    session.write(ID, b"m", TTL, Writer::Class)
                } else {
                    session.touch(ID, b"n", TTL, Writer::Class)
                };
                assert_eq!(saved, !changed);
                assert!(!session.write(ID, b"m", TTL, Writer::Saving));
                session.close();
                assert!(session.take_warnings().iter().all(|warning| warning.contains("absolute_timeout")));
                assert_eq!((data(&store, ID), super::super::tests::holder(&store, ID)), (None, None));
                let state = store.another().read(&keys(ID), 0).unwrap().state.unwrap();
                assert!(state.starts_with("dead|absolute|"), "{state}");
            }
        }
    }

    #[test]
    fn a_lock_that_is_perhaps_ours_is_given_back_at_the_end() {
        let texts = [with_timeout()[0], (Setting::LockLease, "60")];
        let store = MemoryStore::new();
        used(&store, &texts, ID);
        for _ in 0..11 {
            store.server().advance(90_000);
            used(&store, &texts, ID);
        }
        let mut session = session(&store, &texts);
        read(&mut session, ID);
        session.store.down = 1;
        assert!(!session.write(ID, b"m", TTL, Writer::Class));
        store.server().advance(10_001);
        // The release of the end finds no server, either.
        session.store.down = 1;
        assert!(!session.write(ID, b"m", TTL, Writer::Saving));
        session.close();
        assert_eq!(super::super::tests::holder(&store, ID), None);
    }

    #[test]
    fn a_failure_beside_a_new_id_ends_no_session() {
        // The question to the list, and the one about the old id.
        for lost in [2, 3] {
            let store = stored(b"old");
            let mut owner = session(&store, &[]);
            read(&mut owner, ID);
            let current = owner.current.as_mut().unwrap();
            current.metadata.live = Some(Live::new(store.server().now()).of_user("u", "phone"));
            current.metadata.is_due = true;
            assert!(owner.write(ID, b"n", TTL, Writer::Php));
            owner.close();
            let mut old = session(&store, &[]);
            assert_eq!(read(&mut old, ID), b"n");
            assert!(old.destroy(ID, Leave::Moved), "{:?}", old.take_warnings());
            old.close();
            let mut new = session(&store, &[]);
            new.inherit(old.heritage());
            new.store.down_at = lost;
            assert!(new.create(NEW, Access::Update, TTL, true));
            read(&mut new, NEW);
            assert!(new.write(NEW, b"m", TTL, Writer::Php), "{:?}", new.take_warnings());
            new.close();
            let live = live(&store, NEW).unwrap();
            assert_eq!((data(&store, NEW).as_deref(), live.user()), (Some(&b"m"[..]), "u"));
            // The list may lack the session, and the state tells of that.
            assert_eq!(live.bumped.is_none(), lost == 2, "{lost}");
            assert_eq!(new.take_warnings().len(), usize::from(lost == 2), "{lost}");
        }
    }

    /// Changes the id of a session with 40 seconds left, writes it `writes` times, and returns its
    /// new TTL.
    fn ttl_under_the_next_id(touch: &str, locking: &str, how: &str, idle: Option<u64>, writes: u32) -> u64 {
        let settings = [(Setting::Touch, touch), (Setting::Locking, locking)];
        let store = MemoryStore::new();
        let mut owner = session(&store, &[]);
        read(&mut owner, ID);
        assert!(idle.is_none_or(|idle| owner.set_lifetime(idle, None, TTL)));
        assert!(owner.write(ID, b"old", TTL, Writer::Php));
        owner.close();
        let life = ttl(&store, ID).unwrap();
        store.server().advance(life - 40_000);
        let mut old = session(&store, &settings);
        read(&mut old, ID);
        let trips = old.store.trips;
        if how == "written" {
            old.ask_end(ID);
        }
        assert!(match how {
            "destroyed" => old.destroy(ID, Leave::Moved),
            "emptied" => old.destroy(ID, Leave::Emptied),
            "retired" => old.retire(ID, false),
            _ => old.write(ID, b"a", TTL, Writer::Php),
        });
        assert_eq!(old.store.trips - trips, 1 + u32::from(touch == "0"), "{how}");
        old.close();
        let mut heritage = old.heritage();
        assert!(old.leaves_something() || touch == "1");
        // A handler class may change the id twice.
        if how == "retired" {
            let mut between = session(&store, &settings);
            between.inherit(heritage);
            assert!(between.create(b"0123456789abcdef0123456789abcdef", Access::Update, TTL, true));
            read(&mut between, b"0123456789abcdef0123456789abcdef");
            assert!(between.destroy(b"0123456789abcdef0123456789abcdef", Leave::Moved));
            between.close();
            heritage = between.heritage();
        }
        let mut new = session(&store, &settings);
        new.inherit(heritage);
        assert!(new.create(NEW, Access::Update, TTL, true));
        read(&mut new, NEW);
        for n in 1..=writes {
            let by = if n == writes { Writer::Php } else { Writer::Class };
            assert!(new.write(NEW, format!("new {n}").as_bytes(), TTL, by));
        }
        new.close();
        assert_eq!(new.take_warnings(), [""; 0]);
        assert_eq!(data(&store, NEW), Some(format!("new {writes}").into_bytes()));
        assert_eq!(live(&store, NEW).and_then(|live| live.idle), idle);
        ttl(&store, NEW).unwrap()
    }

    #[test]
    fn without_a_touch_the_next_id_gets_the_time_that_is_left() {
        for locking in ["1", "0"] {
            for how in ["destroyed", "emptied", "retired", "written"] {
                for idle in [None, Some(3 * TTL), Some(100)] {
                    for writes in [1, 2] {
                        let after = |touch| ttl_under_the_next_id(touch, locking, how, idle, writes);
                        let what = format!("locking {locking}, {how}, {idle:?}, {writes}");
                        assert_eq!(after("1"), idle.unwrap_or(TTL) * 1000, "{what}");
                        assert_eq!(after("0"), 40_000, "{what}");
                    }
                }
            }
        }
    }

    #[test]
    fn another_id_continues_the_time() {
        for deletes in [true, false] {
            let store = MemoryStore::new();
            used(&store, &with_timeout(), ID);
            let first = live(&store, ID).unwrap();
            store.server().advance(50_000);
            let mut old = session(&store, &with_timeout());
            read(&mut old, ID);
            let done =
                if deletes { old.destroy(ID, Leave::Moved) } else { old.write(ID, b"a", TTL, Writer::Php) };
            assert!(done);
            old.close();
            assert!(old.leaves_something());
            // The page that logs the user in may have other settings.
            let mut new = session(&store, &[]);
            new.inherit(old.heritage());
            assert!(new.create(NEW, Access::Update, TTL, true));
            read(&mut new, NEW);
            assert!(new.write(NEW, b"a", TTL, Writer::Php));
            new.close();
            let now = live(&store, NEW).unwrap();
            assert_eq!((now.created, now.end), (first.created, first.end));
            assert_eq!(now.bumped, Some(store.server().now()));
        }
    }

    #[test]
    fn metadata_without_an_end_is_written_anew_in_time() {
        let store = stored(b"old");
        let mut owner = session(&store, &[]);
        read(&mut owner, ID);
        let begun = store.server().now();
        let current = owner.current.as_mut().unwrap();
        current.metadata.live = Some(Live::new(begun).of_user("u", "phone"));
        current.metadata.is_due = true;
        assert!(owner.write(ID, b"n", TTL, Writer::Php));
        owner.close();
        let mut bumps = Vec::new();
        for _ in 0..40 {
            store.server().advance(30_000);
            used(&store, &[], ID);
            bumps.push(live(&store, ID).unwrap().bumped.unwrap() - begun);
        }
        bumps.dedup();
        // It is written when it is older than half the idle lifetime.
        assert_eq!(bumps, (0..=20).map(|n| n * 60_000).collect::<Vec<_>>());
    }
}
