//! A session that was asked for before PHP starts it (`rustredis.prefetch`).
//!
//! At the start of a request with a session cookie its lock and its data are asked for, and the page runs meanwhile. It is
//! a try that does not queue: a lock that is taken costs nothing, and session_start() asks again in its own way. What
//! session_start() cannot use is given back.

use std::sync::Arc;

use super::{Access, Hold, Session, millis};
use crate::{
    config::Settings,
    error::StoreError,
    lock::{Attempt, Request, Step},
    protocol::{AcquireReply, Keys, Mode, Op, SessionData, SessionId},
    store::Store,
};

/// What was sent.
pub(super) struct Prefetch<L> {
    id: SessionId,
    keys: Keys,
    token: String,
    guard: Option<L>,
}

/// What it has come to.
pub(super) enum Prefetched<L> {
    /// The session, and the lock if it was wanted. Nobody has refreshed its TTL.
    Read(Hold<L>, SessionData),
    /// There is no such session, and nothing is locked; with its tombstone.
    Absent(Option<String>),
    /// Nothing: the session has to be asked for. With a token that may hold the lock, although nobody has said so.
    Ask(Option<String>),
    /// Redis hangs, and has had all the time that it gets, or nobody could use what it has.
    Failed(StoreError),
}

impl<S: Store> Session<S> {
    /// Asks for a session and its lock without waiting for the answer, if there is a connection to do it over. `strict`:
    /// only if it exists. The TTL stays as it is: what it is to be is the script's to say, which has not run yet, and a page
    /// that never starts its session has not used it.
    pub fn prefetch(&mut self, id: &[u8], strict: bool) -> bool {
        let (Some(id), Some(lock)) = (SessionId::parse(id), self.settings.lock.clone()) else { return false };
        let keys = self.keys(&id);
        let mode = if strict { Mode::Known } else { Mode::Any };
        let request = Request {
            mode,
            held: None,
            info: self.info.clone(),
            lease: millis(lock.lease),
            ttl: 0,
            wait: 0,
            max_waiters: lock.max_waiters,
            mixed: lock.mixed,
        };
        let (_, Step::Acquire { acquire, .. }) = Attempt::start(request, self.store.clock()) else {
            return false;
        };
        if !self.store.prefetch(&keys, &acquire) {
            return false;
        }
        let guard = self.store.look_after(&keys, &lock, &acquire.token);
        self.prefetch = Some(Prefetch { id, keys, token: acquire.token, guard });
        true
    }

    /// Takes the settings of the script, if they leave the request ahead as it was: the same server,
    /// the same keys, the same lock. All else is for the rest of the session. False, and nothing is
    /// done, if not.
    pub fn takes(&mut self, settings: &Arc<Settings>) -> bool {
        let old = &self.settings;
        let lock = |settings: &Settings| {
            let lock = settings.lock.as_ref();
            lock.map(|lock| (lock.lease, lock.max_hold, lock.mixed))
        };
        let is_same =
            old.shards == settings.shards && old.prefix == settings.prefix && lock(old) == lock(settings);
        if is_same {
            self.settings = settings.clone();
            self.store.adopt(settings);
        }
        is_same
    }

    /// What was asked for ahead, if it is what is wanted now.
    pub(super) fn prefetched(
        &mut self,
        id: &SessionId,
        mode: Mode,
        access: Access,
        ttl: u64,
    ) -> Prefetched<S::Lease> {
        let Some(prefetch) = self.prefetch.take() else { return Prefetched::Ask(None) };
        if prefetch.id != *id || mode == Mode::New {
            self.give_back(prefetch);
            return Prefetched::Ask(None);
        }
        match self.store.prefetched() {
            // Strict mode came on when the script ran.
            Ok(AcquireReply::Held(loaded)) if mode == Mode::Known && loaded.data.is_none() => {
                self.release_prefetch(prefetch, 0);
                Prefetched::Absent(loaded.tombstone)
            }
            Ok(AcquireReply::Held(loaded)) if access == Access::Read => {
                self.release_prefetch(prefetch, ttl);
                Prefetched::Read(Hold::Unlocked, loaded)
            }
            Ok(AcquireReply::Held(loaded)) => Prefetched::Read(
                Hold::Locked { token: prefetch.token, base: None, guard: prefetch.guard },
                loaded,
            ),
            Ok(AcquireReply::Absent(tombstone)) if mode == Mode::Known => Prefetched::Absent(tombstone),
            Ok(_) => Prefetched::Ask(None),
            Err(error @ StoreError::Timeout(_)) => {
                self.store.give_back(&prefetch.keys, prefetch.token);
                Prefetched::Failed(error)
            }
            // It may have been carried out all the same.
            Err(_) => Prefetched::Ask(Some(prefetch.token)),
        }
    }

    /// Gives back what no session_start() has wanted.
    pub(super) fn give_back_ahead(&mut self) {
        if let Some(prefetch) = self.prefetch.take() {
            self.give_back(prefetch);
        }
    }

    fn give_back(&mut self, prefetch: Prefetch<S::Lease>) {
        self.store.forget_prefetch();
        self.release_prefetch(prefetch, 0);
    }

    /// Nobody waits for the answer: if we never had the lock the script does nothing. `ttl`: as for [`Op::None`].
    fn release_prefetch(&mut self, prefetch: Prefetch<S::Lease>, ttl: u64) {
        let Prefetch { id, keys, token, guard } = prefetch;
        drop(guard);
        let release = self.release_of(&token, Op::None, ttl);
        if self.store.release_deferred(&id, &keys, &release).is_err() {
            self.store.give_back(&keys, token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Access, Writer,
        tests::{ID, NEW, TTL, data, holder, keys, read, session, stored},
    };
    use crate::store::{Store, memory::MemoryStore};

    #[test]
    fn a_session_that_was_asked_for_ahead_costs_no_further_trip() {
        for mode in ["validate", "read"] {
            let store = stored(b"old");
            let mut session = session(&store);
            assert!(session.prefetch(ID, mode == "validate"));
            assert!(holder(&store, ID).is_some());
            if mode == "validate" {
                assert!(session.validate(ID, Access::Update, TTL));
            }
            assert_eq!(read(&mut session, ID), b"old");
            assert_eq!(session.store.trips, 1, "{mode}");
            assert!(session.write(ID, b"new", TTL, Writer::Php));
            session.close();
            assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"new".to_vec(), None));
        }
    }

    #[test]
    fn what_was_asked_for_ahead_and_is_not_wanted_is_given_back() {
        let store = stored(b"old");
        // Nobody starts it; another one; without a lock.
        for wanted in 0..3 {
            let mut session = session(&store);
            assert!(session.prefetch(ID, true));
            match wanted {
                0 => {}
                1 => assert!(session.read(NEW, Access::Update, TTL)),
                _ => assert!(session.read(ID, Access::Read, TTL)),
            }
            assert_eq!(holder(&store, ID).is_some(), wanted == 0, "{wanted}");
            session.drop_value();
            session.close();
            assert_eq!((holder(&store, ID), holder(&store, NEW)), (None, None), "{wanted}");
        }
        assert_eq!(data(&store, ID).unwrap(), b"old");
    }

    #[test]
    fn the_ttl_is_what_the_script_says_and_stays_where_it_starts_no_session() {
        // Until its end: written, unchanged, aborted; only read; never started.
        for (end, ttl) in [("write", 90), ("touch", 90), ("abort", 90), ("peek", 90), ("nothing", TTL)] {
            let store = stored(b"old");
            let ttl_now = || store.server().ttl(&keys(ID));
            store.server().advance(10_000);
            let before = ttl_now();
            let mut session = session(&store);
            assert!(session.prefetch(ID, true));
            assert_eq!(ttl_now(), before, "{end}");
            match end {
                "nothing" => {}
                "peek" => assert!(session.read(ID, Access::Read, 90)),
                _ => assert!(session.read(ID, Access::Update, 90)),
            }
            session.drop_value();
            match end {
                "write" => assert!(session.write(ID, b"new", 90, Writer::Php)),
                "touch" => assert!(session.touch(ID, b"old", 90, Writer::Php)),
                _ => {}
            }
            session.close();
            assert_eq!(session.store.trips, 2, "{end}");
            let expected = if end == "nothing" { before } else { Some(ttl * 1000) };
            assert_eq!((ttl_now(), holder(&store, ID)), (expected, None), "{end}");
        }
    }

    #[test]
    fn strict_mode_of_the_script_is_no_reason_to_ask_again() {
        for (asked, wanted) in [(false, true), (true, false)] {
            let store = stored(b"old");
            let mut session = session(&store);
            assert!(session.prefetch(ID, asked));
            assert!(!wanted || session.validate(ID, Access::Update, TTL));
            assert_eq!(read(&mut session, ID), b"old");
            assert_eq!(session.store.trips, 1);
        }
        let store = MemoryStore::new();
        let mut session = session(&store);
        assert!(session.prefetch(ID, false));
        assert!(!session.validate(ID, Access::Update, TTL));
        assert_eq!(holder(&store, ID), None);
    }

    #[test]
    fn an_unknown_session_is_not_locked_ahead_in_strict_mode() {
        let store = MemoryStore::new();
        let mut session = session(&store);
        assert!(session.prefetch(ID, true));
        assert_eq!(holder(&store, ID), None);
        assert!(!session.validate(ID, Access::Update, TTL));
        session.close();
        assert_eq!(session.take_warnings(), Vec::<String>::new());
    }

    #[test]
    fn a_lock_that_was_taken_when_it_was_asked_for_ahead_is_asked_for_again() {
        let store = stored(b"old");
        let mut other = session(&store);
        read(&mut other, ID);
        let mut session = session(&store);
        assert!(session.prefetch(ID, true));
        assert!(other.write(ID, b"new", TTL, Writer::Php));
        other.close();
        assert!(session.validate(ID, Access::Update, TTL));
        assert_eq!(read(&mut session, ID), b"new");
    }

    #[test]
    fn an_answer_that_was_lost_ahead_does_not_lock_us_out() {
        let store = stored(b"old");
        let mut session = session(&store);
        assert!(session.prefetch(ID, true));
        session.store.forget_prefetch();
        assert!(session.validate(ID, Access::Update, TTL));
        assert_eq!(read(&mut session, ID), b"old");
        assert_eq!(session.store.trips, 2);
    }
}
