//! A session that was asked for before PHP starts it (`rustredis.prefetch`).
//!
//! At the start of a request with a session cookie its lock and its data are asked for, and the page runs meanwhile. It is
//! a try that does not queue: a lock that is taken costs nothing, and session_start() asks again in its own way. What
//! session_start() cannot use is given back.

use super::{Access, Hold, Keys, Session, SessionId, millis};
use crate::{
    config::Settings,
    lock::{Attempt, Request, Step, Watch},
    store::{Acquired, Loaded, Mode, Op, Store},
};

/// What was sent.
pub(super) struct Ahead {
    id: SessionId,
    keys: Keys,
    mode: Mode,
    ttl: u64,
    token: String,
    watch: Option<Watch>,
}

/// What it has come to.
pub(super) enum Early {
    /// The session, and the lock if it was wanted.
    Loaded(Hold, Loaded),
    /// There is no such session, and nothing is locked.
    Absent,
    /// Nothing: the session has to be asked for. With a token that may hold the lock, although nobody has said so.
    Ask(Option<String>),
}

impl<S: Store> Session<S> {
    /// Asks for a session and its lock without waiting for the answer, if there is a connection to do it over. `strict`:
    /// only if it exists.
    pub fn ask_ahead(&mut self, id: &[u8], strict: bool, ttl: u64) -> bool {
        let (Some(id), Some(lock)) = (SessionId::parse(id), self.settings.lock.clone()) else { return false };
        let keys = self.keys(&id);
        let mode = if strict { Mode::Known } else { Mode::Any };
        let request = Request {
            mode,
            held: None,
            info: self.info.clone(),
            lease: millis(lock.lease),
            ttl,
            wait: 0,
            max_waiters: lock.max_waiters,
            mixed: lock.mixed,
        };
        let (_, Step::Acquire { acquire, .. }) = Attempt::start(request, self.store.clock()) else {
            return false;
        };
        if !self.store.acquire_ahead(&keys, &acquire) {
            return false;
        }
        let watch = self.store.look_after(&keys, &lock, &acquire.token);
        self.ahead = Some(Ahead { id, keys, mode, ttl, token: acquire.token, watch });
        true
    }

    /// Whether these are the settings that it was made with.
    pub fn has_settings(&self, settings: &Settings) -> bool {
        *self.settings == *settings
    }

    /// What was asked for ahead, if it is what is wanted now.
    pub(super) fn early(&mut self, id: &SessionId, mode: Mode, access: Access, ttl: u64) -> Early {
        let Some(ahead) = self.ahead.take() else { return Early::Ask(None) };
        let is_wanted = ahead.id == *id && ahead.ttl == ttl && (mode == ahead.mode || mode == Mode::Any);
        if !is_wanted {
            self.give_back(ahead);
            return Early::Ask(None);
        }
        match self.store.acquired_ahead() {
            Ok(Acquired::Held(loaded)) if access == Access::Read => {
                self.release_ahead(ahead);
                Early::Loaded(Hold::Unlocked, loaded)
            }
            Ok(Acquired::Held(loaded)) => {
                Early::Loaded(Hold::Locked { token: ahead.token, base: None, watch: ahead.watch }, loaded)
            }
            Ok(Acquired::Absent) if mode == Mode::Known => Early::Absent,
            Ok(_) => Early::Ask(None),
            // It may have been carried out all the same.
            Err(_) => Early::Ask(Some(ahead.token)),
        }
    }

    /// Gives back what no session_start() has wanted.
    pub(super) fn give_back_ahead(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            self.give_back(ahead);
        }
    }

    fn give_back(&mut self, ahead: Ahead) {
        self.store.forget_ahead();
        self.release_ahead(ahead);
    }

    /// Nobody waits for the answer: if we never had the lock the script does nothing, and if the server is away the lock
    /// ends with its lease.
    fn release_ahead(&mut self, ahead: Ahead) {
        let Ahead { id, keys, token, watch, mode: _, ttl: _ } = ahead;
        drop(watch);
        let release = self.release_of(&token, Op::None, 0);
        let _ = self.store.release_later(&id, &keys, &release);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Access,
        tests::{ID, NEW, TTL, data, holder, read, session, stored},
    };
    use crate::store::{Store, memory::MemoryStore};

    #[test]
    fn a_session_that_was_asked_for_ahead_costs_no_further_trip() {
        for mode in ["validate", "read"] {
            let store = stored(b"old");
            let mut session = session(&store);
            assert!(session.ask_ahead(ID, mode == "validate", TTL));
            assert!(holder(&store, ID).is_some());
            if mode == "validate" {
                assert!(session.validate(ID, Access::Update, TTL));
            }
            assert_eq!(read(&mut session, ID), b"old");
            assert_eq!(session.store.trips, 1, "{mode}");
            assert!(session.write(ID, b"new", TTL, false));
            session.close();
            assert_eq!((data(&store, ID).unwrap(), holder(&store, ID)), (b"new".to_vec(), None));
        }
    }

    #[test]
    fn what_was_asked_for_ahead_and_is_not_wanted_is_given_back() {
        let store = stored(b"old");
        // Nobody starts it; another one; with another TTL; without a lock.
        for wanted in 0..4 {
            let mut session = session(&store);
            assert!(session.ask_ahead(ID, true, TTL));
            match wanted {
                0 => {}
                1 => assert!(session.read(NEW, Access::Update, TTL)),
                2 => assert!(session.read(ID, Access::Update, TTL + 1)),
                _ => assert!(session.read(ID, Access::Read, TTL)),
            }
            assert_eq!(holder(&store, ID).is_some(), matches!(wanted, 0 | 2), "{wanted}");
            session.drop_value();
            session.close();
            assert_eq!((holder(&store, ID), holder(&store, NEW)), (None, None), "{wanted}");
        }
        assert_eq!(data(&store, ID).unwrap(), b"old");
    }

    #[test]
    fn an_unknown_session_is_not_locked_ahead_in_strict_mode() {
        let store = MemoryStore::new();
        let mut session = session(&store);
        assert!(session.ask_ahead(ID, true, TTL));
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
        assert!(session.ask_ahead(ID, true, TTL));
        assert!(other.write(ID, b"new", TTL, false));
        other.close();
        assert!(session.validate(ID, Access::Update, TTL));
        assert_eq!(read(&mut session, ID), b"new");
    }

    #[test]
    fn an_answer_that_was_lost_ahead_does_not_lock_us_out() {
        let store = stored(b"old");
        let mut session = session(&store);
        assert!(session.ask_ahead(ID, true, TTL));
        session.store.forget_ahead();
        assert!(session.validate(ID, Access::Update, TTL));
        assert_eq!(read(&mut session, ID), b"old");
        assert_eq!(session.store.trips, 2);
    }
}
