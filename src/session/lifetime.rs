//! The lifetime that each use gives to a session, and what goes over to another id.

use super::{Current, Session};
use crate::store::Store;

/// The part of a session that goes over to the id under which session_regenerate_id() continues it.
#[derive(Clone, Default)]
pub struct Heritage {
    /// Set if the session was stored by an earlier request.
    pub(super) was_stored: bool,
}

impl<S: Store> Session<S> {
    /// Returns what the session leaves to the next id.
    pub fn heritage(&self) -> Heritage {
        self.left.clone()
    }

    /// Returns true if the heritage matters to the next id.
    pub fn leaves_something(&self) -> bool {
        self.settings.first_lifetime.is_some() && self.left.was_stored
    }

    /// Continues a session that had another id.
    pub fn inherit(&mut self, heritage: Heritage) {
        self.inherited = heritage;
    }

    /// Keeps what this session would leave to the next id.
    pub(super) fn bequeath(&mut self, current: &Current<S::Lease>) {
        self.left = Heritage { was_stored: !current.is_first };
    }

    /// Returns the TTL that a use of a stored session gives it. 0 leaves the TTL as it is.
    pub(super) fn prolonged(&self, ttl: u64) -> u64 {
        if self.settings.touch { ttl } else { 0 }
    }

    /// Returns the TTL for a write. 0 leaves the TTL as it is.
    pub(super) fn ttl_of_write(&self, current: &Current<S::Lease>, ttl: u64) -> u64 {
        match self.settings.first_lifetime {
            Some(first) if current.is_first => first.min(ttl),
            _ if current.is_new => ttl,
            _ => self.prolonged(ttl),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{
        Access, Session, Writer,
        tests::{ID, NEW, TTL, data, keys, read, stored},
    };
    use crate::{
        config::{IniValues, Setting, Settings},
        store::memory::MemoryStore,
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
                assert!(first.create(ID, TTL, true));
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
                assert!(old.destroy(ID, true));
            } else {
                assert!(old.write(ID, b"a", TTL, Writer::Php));
            }
            old.close();
            assert_eq!(old.leaves_something(), is_stored);
            let mut new = session(&store, &texts);
            new.inherit(old.heritage());
            assert!(new.create(NEW, TTL, true));
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
}
