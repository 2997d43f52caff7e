//! The calls of `RustRedis\SessionHandler` that PHP's own session functions don't make.

use std::{mem, time::Duration};

use super::{Access, Failure, Fetched, Session, Writer, counts::refused, print::Print};
use crate::{
    compression,
    config::Target,
    process::clock,
    protocol::{Keys, Mode, SessionId},
    store::Store,
};

/// The time for which a session that was fetched without its lock serves the read that follows.
const FRESH: Duration = Duration::from_secs(1);

impl<S: Store> Session<S> {
    /// Returns true if the lock is ours, as far as this process knows.
    pub fn is_locked(&self) -> bool {
        self.has_lock()
    }

    /// Returns true if this session has the lock of these keys, whichever user it has it as.
    pub fn holds(&self, target: &Target, keys: &Keys) -> bool {
        self.has_lock()
            && self.current.as_deref().is_some_and(|current| self.is_at(&current.keys, target, keys))
    }

    /// Returns true if this session was prefetched, perhaps with its lock.
    pub fn is_prefetched(&self, target: &Target, keys: &Keys) -> bool {
        self.prefetch.as_ref().is_some_and(|prefetch| self.is_at(&prefetch.keys, target, keys))
    }

    fn is_at(&self, own: &Keys, target: &Target, keys: &Keys) -> bool {
        let place = self.settings.shards.of(own.route);
        own.lock() == keys.lock() && (&place.endpoint, place.database) == (&target.endpoint, target.database)
    }

    /// Returns true if a read continues what an earlier call has begun: the lock is ours, or the
    /// session was fetched for this read, a moment ago.
    pub fn goes_on(&self) -> bool {
        self.has_lock() || (self.current.as_deref().is_some_and(|current| current.unread) && !self.is_stale())
    }

    /// Returns true if the session was fetched for a read that came so late that others may have
    /// changed it since, even under a lock, which may be lost by then.
    pub fn is_stale(&self) -> bool {
        let lease = self.settings.lock.as_ref().filter(|_| self.has_lock()).map(|lock| lock.lease);
        self.current.as_deref().is_some_and(|current| {
            current.unread && clock::since(current.trace.since.time) > lease.unwrap_or(FRESH)
        })
    }

    /// Has the next read fetch the session once more, under the lock that it may have.
    pub fn read_anew(&mut self) {
        self.resets = true;
        if let Some(current) = &mut self.current {
            current.unread = false;
        }
    }

    /// Takes the lock. The session is kept for the read that follows.
    pub fn lock(&mut self, id: &[u8], ttl: u64) -> bool {
        let Some(id) = SessionId::parse(id) else {
            return self.fail("can't be locked", None, &Failure::BadId);
        };
        let failure = match self.fetch(&id, Mode::Any, Access::Update, ttl) {
            Ok(_) if self.has_lock() => return true,
            Ok(_) => Failure::Overtaken,
            Err(failure) => failure,
        };
        self.current = None;
        self.fail("can't be locked", Some(&id), &failure)
    }

    /// Refuses a call for a session that another fiber has locked.
    pub fn refuse_as_held(&mut self, id: &[u8]) -> bool {
        self.fail("can't be locked", SessionId::parse(id).as_ref(), &Failure::HeldHere)
    }

    /// [`Session::validate`] with a failure of its own. Returns `None` after a failure.
    pub fn is_known(&mut self, id: &[u8], access: Access, ttl: u64) -> Option<bool> {
        let known = self.validate(id, access, ttl);
        let Some(pending) = self.pending.take() else { return Some(known) };
        self.refuse(&pending.id, &pending.failure);
        None
    }

    /// Returns true if a session is stored under an id that PHP has just made. A free id is locked,
    /// and kept for the read that follows. Returns `None` after a failure.
    pub fn is_taken(&mut self, id: &[u8], ttl: u64) -> Option<bool> {
        let Some(id) = SessionId::parse(id) else { return Some(false) };
        match self.fetch(&id, Mode::New, Access::Update, ttl) {
            Ok(fetched) => Some(matches!(fetched, Fetched::Exists)),
            Err(failure) => {
                self.refuse(&id, &failure);
                None
            }
        }
    }

    /// Locks a session for a write, if its lock is not held. Only the value that was read or
    /// written last is to be overwritten.
    pub(super) fn take_up(&mut self, id: &SessionId, ttl: u64) -> Result<(), Failure> {
        if self.current.is_none() && self.failed.is_none() {
            self.fetch(id, Mode::Any, Access::Update, ttl)?;
        }
        // The value that was fetched is not the one that the caller has read.
        if self.current.as_deref().is_some_and(|current| current.unread)
            && let Some(failure) = self.change_since_look(id)
        {
            self.close();
            return Err(refused(failure));
        }
        if let Some(current) = &mut self.current {
            current.unread = false;
        }
        Ok(())
    }

    /// Writes a session, or with `changed` unset keeps it, and releases its lock. A session whose
    /// lock is not held is taken up first. The lock stays if `writer` is a class that saves once
    /// more.
    pub fn put(&mut self, id: &[u8], data: &[u8], changed: bool, ttl: u64, writer: Writer) -> bool {
        let Some(own) = SessionId::parse(id) else {
            return self.fail("was not saved", None, &Failure::BadId);
        };
        if self.has_stayed(&own) {
            return self.fail("was not saved", Some(&own), &refused(Failure::Destroyed));
        }
        let is_alone = self.current.is_none() && self.failed.is_none();
        if let Err(failure) = self.take_up(&own, ttl) {
            return self.fail("was not saved", Some(&own), &failure);
        }
        let saved =
            if changed { self.write(id, data, ttl, writer) } else { self.touch(id, data, ttl, writer) };
        if saved && changed {
            self.looks.note(own, Print::of(data));
        }
        // The caller may try once more, but a lock that this call alone has taken goes back.
        if !saved && is_alone {
            self.close();
        }
        saved
    }

    /// Goes on with what another value of this session has read and written.
    pub fn follow(&mut self, earlier: &mut Self) {
        self.looks = mem::take(&mut earlier.looks);
    }

    /// Returns true if a later write depends on what happened here before.
    pub fn is_worth_keeping(&self) -> bool {
        !self.looks.is_empty() || self.failed.is_some() || self.lineage.has_stayed_anywhere()
    }

    /// Reads a session without its lock, and without a refresh of its TTL. Returns false after a
    /// failure.
    pub fn peek(&mut self, id: &[u8], value: &mut Option<Vec<u8>>) -> bool {
        let Some(id) = SessionId::parse(id) else { return self.fail("can't be read", None, &Failure::BadId) };
        let keys = self.keys(&id);
        let data = match self.store.read(&keys, 0) {
            Ok(loaded) => loaded.data,
            Err(error) => return self.fail("can't be read", Some(&id), &error.into()),
        };
        match data.map(|data| compression::original(data, || self.size_limit())).transpose() {
            Ok(text) => *value = text,
            Err(unreadable) => {
                return self.fail("can't be read", Some(&id), &Failure::Compressed(unreadable));
            }
        }
        true
    }

    /// Returns whether the session exists, or `None` after a failure.
    pub fn exists(&mut self, id: &[u8]) -> Option<bool> {
        let Some(id) = SessionId::parse(id) else {
            self.fail("can't be looked up", None, &Failure::BadId);
            return None;
        };
        let keys = self.keys(&id);
        match self.store.exists(&keys) {
            Ok(exists) => Some(exists),
            Err(error) => {
                self.fail("can't be looked up", Some(&id), &error.into());
                None
            }
        }
    }

    /// Gives the connection back, unless the lock is held over it.
    pub fn rest(&mut self) {
        if !self.has_lock() {
            self.store.rest();
        }
    }
}
