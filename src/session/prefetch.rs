//! A session that is requested before PHP starts it (`rustredis.prefetch`).
//!
//! At the start of a request with a session cookie, the extension asks for the session's lock and
//! data, and the page runs meanwhile. A prefetch is one try, and does not queue: if the lock is
//! taken, the try has cost nothing, and session_start() asks again in its own way. A prefetched
//! lock that session_start() cannot use is given back.

use std::sync::Arc;

use super::{
    Access, Session,
    hold::Hold,
    millis,
    prefetched::{Ahead, Prefetch, Prefetched},
};
use crate::{
    config::Settings,
    error::StoreError,
    lock::{Attempt, Request, Step},
    process::stats::{self, Count},
    protocol::{AcquireReply, Mode, Op, SessionId},
    store::Store,
};

impl<S: Store> Session<S> {
    /// Requests a session and its lock without waiting for the answer. Returns false if there is no
    /// connection to send the request over. With `strict`, only an existing session is locked. The
    /// TTL stays as it is: the script, which has not run yet, decides on it, and a page that never
    /// starts its session has not used the session.
    pub fn prefetch(&mut self, id: &[u8], strict: bool) -> bool {
        let (Some(id), Some(lock)) = (SessionId::parse(id), self.settings.lock.clone()) else { return false };
        let keys = self.keys(&id);
        let mode = if strict { Mode::Known } else { Mode::Any };
        let request = Request {
            mode,
            held_token: None,
            info: self.info.clone(),
            lease: millis(lock.lease),
            ttl: 0,
            wait: 0,
            max_waiters: lock.max_waiters,
            polling: lock.polling,
        };
        let (_, Step::Acquire { acquire, .. }) = Attempt::start(request, self.store.clock()) else {
            return false;
        };
        // A request may wait for the lock as soon as it is asked for.
        let kept = stats::own().kept_waiting();
        let Some(since) = self.store.prefetch(&keys, &acquire) else { return false };
        let ahead = Ahead { since, kept };
        let guard = if strict {
            self.store.look_after_trial(&keys, &lock, &acquire.token, since)
        } else {
            self.store.look_after(&keys, &lock, &acquire.token, since)
        };
        self.prefetch = Some(Prefetch { id, keys, token: acquire.token, guard, ahead });
        true
    }

    /// Adopts the settings of the script if the prefetch still holds under them: the same server,
    /// the same keys and the same lock. All other settings only matter for the rest of the session.
    /// Returns false, and does nothing, if the prefetch does not hold.
    pub fn takes(&mut self, settings: &Arc<Settings>) -> bool {
        let old = &self.settings;
        let lock = |settings: &Settings| {
            let lock = settings.lock.as_ref();
            lock.map(|lock| (lock.lease, lock.max_hold, lock.polling))
        };
        let is_same =
            old.shards == settings.shards && old.prefix == settings.prefix && lock(old) == lock(settings);
        if is_same {
            self.settings = settings.clone();
            self.store.adopt(settings);
        }
        is_same
    }

    /// Returns the result of the prefetch, if the prefetch was for the session and the mode that
    /// are wanted now.
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
            // The script has turned strict mode on.
            Ok(AcquireReply::Held(loaded)) if mode == Mode::Known && loaded.data.is_none() => {
                self.release_prefetch(prefetch, 0);
                Prefetched::Absent(loaded.state)
            }
            Ok(AcquireReply::Held(loaded)) if access == Access::Read => {
                let ahead = prefetch.ahead;
                self.release_prefetch(prefetch, ttl);
                Prefetched::Read(Hold::Unlocked, loaded, ahead)
            }
            Ok(AcquireReply::Held(_))
                if prefetch.guard.as_ref().is_some_and(|guard| !self.store.confirm(guard)) =>
            {
                Prefetched::Ask(Some(prefetch.token))
            }
            Ok(AcquireReply::Held(loaded)) => Prefetched::Read(
                Hold::Locked { token: prefetch.token, waiter: None, guard: prefetch.guard },
                loaded,
                prefetch.ahead,
            ),
            Ok(AcquireReply::Absent(state)) if mode == Mode::Known => Prefetched::Absent(state),
            Ok(_) => Prefetched::Ask(None),
            Err(error @ StoreError::Timeout(_)) => {
                self.store.give_back(&prefetch.keys, prefetch.token);
                Prefetched::Failed(error)
            }
            // Redis may have carried out the command all the same.
            Err(_) => Prefetched::Ask(Some(prefetch.token)),
        }
    }

    /// Gives back a prefetch that no session_start() has used.
    pub(super) fn give_back_prefetched(&mut self) {
        if let Some(prefetch) = self.prefetch.take() {
            self.give_back(prefetch);
        }
    }

    fn give_back(&mut self, prefetch: Prefetch<S::Lease>) {
        stats::count(Count::UnusedPrefetches);
        self.store.forget_prefetch();
        self.release_prefetch(prefetch, 0);
    }

    /// Releases the lock of a prefetch without waiting for the answer: if we never had the lock,
    /// the script does nothing. `ttl` works as for [`Op::None`].
    fn release_prefetch(&mut self, prefetch: Prefetch<S::Lease>, ttl: u64) {
        let Prefetch { id, keys, token, guard, ahead } = prefetch;
        drop(guard);
        self.released_unused(&id, &keys, ahead);
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
    fn a_session_that_was_prefetched_costs_no_further_trip() {
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
    fn what_was_prefetched_and_is_not_wanted_is_given_back() {
        let store = stored(b"old");
        // The page starts no session, another session, or this one without a lock.
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
        // The session is written, unchanged, aborted, only read, or never started.
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
    fn a_lock_that_was_taken_when_it_was_prefetched_is_asked_for_again() {
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
