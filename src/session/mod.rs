//! A save handler's session, as a state machine over [`Store`].
//!
//! The machine knows neither PHP nor Redis. Each method is one callback of PHP: it returns whether
//! the callback succeeded, and leaves its warnings for [`Session::take_warnings`]. The comments
//! here tell in which order PHP calls the methods, and what PHP does with a result.

mod access;
mod counts;
mod current;
mod direct;
mod end;
mod failure;
mod figures;
mod hold;
mod lifetime;
mod lineage;
mod looks;
mod metadata;
mod moved;
mod prefetch;
mod prefetched;
mod print;
mod save;
mod successor;
#[cfg(test)]
mod tests;
mod trace;
mod undo;
mod user;

use std::{mem, sync::Arc, time::Duration};

pub use access::Access;
pub use counts::Flaw;
use current::Current;
pub use end::Leave;
pub use failure::{Cause, Failure, warning};
use hold::Hold;
pub use lineage::Heritage;
use lineage::Lineage;
use looks::Looks;
use metadata::Metadata;
pub use metadata::{Description, TimeLeft};
pub use moved::Moved;
use prefetched::{Ahead, Prefetch, Prefetched};
use print::Print;
pub use save::{Writer, deferred_warning};
use trace::Trace;
pub use trace::{Last, Surroundings, forget, last};
pub use user::{Device, Limit};

use crate::{
    compression::{self, Unreadable},
    config::{LockFailure, LockSettings, Settings, Target, WriteAck},
    error::StoreError,
    lock::{self, Grant, Outcome, Request, Waited},
    process::{
        clock,
        stats::{self, Count},
    },
    protocol::{Copied, Keys, LATE_MS, Mode, Op, Release, ReleaseReply, SessionData, SessionId},
    resp::memory_left,
    store::Store,
};

/// The hold on a session, and what was read.
type Found<L> = (Hold<L>, SessionData);

/// The number of times that a session is asked for, each time because it had left its id, and came
/// back before its copy could be read.
const LOOKS: u32 = 3;

/// One session of one request, from PHP's open to its close.
pub struct Session<S: Store> {
    store: S,
    settings: Arc<Settings>,
    /// `host|pid|sapi|uri`, shown to requests that wait for this one.
    info: Arc<str>,
    current: Option<Box<Current<S::Lease>>>,
    /// A failure of `validate` or `create`. PHP learns of it at the read that follows.
    pending: Option<Pending>,
    /// An id for `session_create_id()` that was found free.
    vetted: Option<SessionId>,
    /// The last id that PHP made without a check.
    made: Option<SessionId>,
    /// The ids under which no session of this request lives on.
    left_for_good: Vec<SessionId>,
    /// The servers, out of several, that could not be reached for a new id.
    dead: Vec<Arc<Target>>,
    /// Tells if this thread has the lock of a session elsewhere.
    is_held_here: fn(&Target, &Keys) -> bool,
    surroundings: Surroundings,
    /// The wait for the lock of the current session, until its end is noted.
    waited: Option<Waited>,
    /// The time that earlier looks at the session have taken out of the wait for its lock.
    waited_before: Duration,
    /// The length of a wait for a lock that this request did not get.
    time_in_vain: u64,
    /// The prefetched session, until PHP starts it or the request ends.
    prefetch: Option<Prefetch<S::Lease>>,
    lineage: Lineage,
    /// The value that the last read found, until [`Session::drop_value`].
    value: Option<Vec<u8>>,
    too_large: usize,
    /// The last session that could not be read. A handler class may make an empty session of it and
    /// write that.
    failed: Option<SessionId>,
    looks: Looks,
    /// The reason why the session that was asked for is not there, if it is known.
    ended: Option<String>,
    /// Set if the next read is that of `session_reset()`.
    resets: bool,
    /// The cause of the last failure.
    cause: Cause,
    warnings: Vec<String>,
    /// The warning that the current session is read-only. It comes with the close, because
    /// `session_reset()` may get the lock after all.
    read_only: Option<String>,
}

struct Pending {
    id: SessionId,
    failure: Failure,
    /// Set if the id was made here. It is then not taken, as far as we know.
    created: bool,
}

enum Fetched {
    Yes,
    Absent,
    Exists,
}

impl<S: Store> Session<S> {
    /// Returns a session on which no callback has run yet. No I/O happens here.
    pub fn new(store: S, settings: Arc<Settings>, info: impl Into<Arc<str>>) -> Self {
        Self {
            store,
            settings,
            info: info.into(),
            current: None,
            pending: None,
            vetted: None,
            made: None,
            left_for_good: Vec::new(),
            dead: Vec::new(),
            is_held_here: |_, _| false,
            surroundings: Surroundings::NONE,
            waited: None,
            waited_before: Duration::ZERO,
            time_in_vain: 0,
            prefetch: None,
            lineage: Lineage::default(),
            value: None,
            too_large: 0,
            failed: None,
            looks: Looks::default(),
            ended: None,
            resets: false,
            cause: Cause::Other,
            warnings: Vec::new(),
            read_only: None,
        }
    }

    /// Asks `is_held_here` before each wait for a lock.
    #[must_use]
    pub fn beside(mut self, is_held_here: fn(&Target, &Keys) -> bool) -> Self {
        self.is_held_here = is_held_here;
        self
    }

    /// Tells slow locks to these surroundings.
    #[must_use]
    pub fn amid(mut self, surroundings: Surroundings) -> Self {
        self.surroundings = surroundings;
        self
    }

    /// Opens the session again without a close, as `session_reset()` (`resets`) does and a handler
    /// class may do. The lock stays, and the settings may have changed. Returns false, and does
    /// nothing, if the session would lie elsewhere.
    pub fn reopen(&mut self, settings: &Arc<Settings>, resets: bool) -> bool {
        let is_here = self.lies_at(settings);
        if is_here {
            self.resets = resets;
            // If locking was turned off meanwhile, the old lock settings stay while this session
            // has a lock to release.
            let lock =
                settings.lock.clone().or_else(|| self.settings.lock.clone().filter(|_| self.has_lock()));
            self.settings = if lock == settings.lock {
                settings.clone()
            } else {
                Arc::new(Settings { lock, ..Settings::clone(settings) })
            };
        }
        is_here
    }

    /// Returns true if sessions with these settings lie where those of this value do.
    pub fn lies_at(&self, settings: &Settings) -> bool {
        settings.shards == self.settings.shards && settings.prefix == self.settings.prefix
    }

    /// The settings of the session.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Closes the current session if its id is not `id`, which PHP reads next as its own session. A
    /// handler class has only looked at the other session, whose lock would be kept until the end
    /// of the request, while PHP's own session would have none.
    pub fn make_way(&mut self, id: &[u8]) {
        if self.current.as_deref().is_some_and(|current| !current.has_id(id)) {
            self.close();
        }
    }

    /// Returns true if a write of this text would leave the session as a handler class has read it.
    pub fn has_delivered(&self, id: &[u8], text: &[u8]) -> bool {
        self.current.as_deref().is_some_and(|current| {
            current.has_id(id) && current.delivered.as_ref().is_some_and(|print| print.is_of(text))
        })
    }

    /// Returns true if nothing is stored under this id, as far as this request knows.
    pub fn is_missing(&self, id: &[u8]) -> bool {
        self.current.as_deref().is_some_and(|current| current.has_id(id) && current.is_missing())
    }

    /// Returns true if the session that was read under this id goes on under another one.
    pub fn is_overtaken(&self, id: &[u8]) -> bool {
        self.current.as_deref().is_some_and(|current| current.is_overtaken() && current.has_id(id))
    }

    /// Returns true if this is the id of the session that PHP has read, or that
    /// session_regenerate_id() has just left.
    pub fn is_own(&self, id: &[u8]) -> bool {
        self.current.as_deref().is_some_and(|current| !current.unread && current.has_id(id))
            || self.lineage.has_left(id)
    }

    /// The id of the session that PHP has read here.
    pub fn id(&self) -> Option<&[u8]> {
        let current = self.current.as_deref().filter(|current| !current.unread)?;
        Some(current.id.as_str().as_bytes())
    }

    /// Returns true if PHP has read a session here.
    pub fn is_read(&self) -> bool {
        self.current.as_deref().is_some_and(|current| !current.unread)
    }

    /// Returns true if the current session is the copy that a session has left under its old id.
    fn has_copy(&self) -> bool {
        self.current.as_deref().is_some_and(Current::is_copy)
    }

    fn has_lock(&self) -> bool {
        self.current.as_deref().is_some_and(Current::has_lock)
    }

    /// Returns true if there are warnings that were not taken.
    pub fn has_warnings(&self) -> bool {
        !self.warnings.is_empty()
    }

    /// Returns the warnings since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        mem::take(&mut self.warnings)
    }

    /// Returns the warning that the current session is read-only, which otherwise comes with its
    /// close.
    pub fn take_read_only(&mut self) -> Option<String> {
        self.read_only.take()
    }

    /// Returns the shortened id of the session whose lock is held, and for how long it has been
    /// held.
    pub fn locked(&self) -> Option<(String, Duration)> {
        let current = self.current.as_deref()?;
        matches!(current.hold, Hold::Locked { .. })
            .then(|| (current.id.to_string(), clock::since(current.trace.since.time)))
    }

    /// `validate_sid`: returns true if the session exists. The fetched session is kept for the read
    /// that follows.
    pub fn validate(&mut self, id: &[u8], access: Access, ttl: u64) -> bool {
        let Some(id) = SessionId::parse(id) else {
            stats::count(Count::BadIds);
            return false;
        };
        if self.vetted.as_ref() == Some(&id) {
            return false;
        }
        if let Some(pending) = self.pending.as_ref().filter(|pending| pending.id == id) {
            return !pending.created;
        }
        match self.current.as_deref() {
            Some(current) if current.id == id && current.unread => {
                return current.loaded.data.is_some() || current.is_overtaken();
            }
            // In session_reset(), a new session is ours although it was never written.
            Some(Current { id: ours, hold: Hold::Locked { .. } | Hold::Overtaken, .. }) if *ours == id => {
                return true;
            }
            Some(Current { id: ours, hold: Hold::Unlocked, is_new: true, .. }) if *ours == id => return true,
            // session_create_id() while a session is active only asks if the id is taken.
            Some(current) if current.id != id && !current.unread => {
                let keys = self.keys(&id);
                return self.store.exists(&keys).unwrap_or(false);
            }
            _ => {}
        }
        self.drop_unread();
        match self.fetch(&id, Mode::Known, access, ttl) {
            Ok(Fetched::Yes) => true,
            Ok(_) => {
                stats::count(Count::UnknownIds);
                false
            }
            Err(failure) => {
                // With false ("unknown"), PHP would send the browser a new id, which logs the user
                // out.
                self.pending = Some(Pending { id, failure, created: false });
                true
            }
        }
    }

    /// `create_sid`: returns true if this new id is free. The id is then locked, and its session is
    /// kept for the read that follows. Out of several servers, an id on an unreachable one does not
    /// count as free, because the next id may lie on another server. Without strict mode, only that
    /// is checked. A request that only reads (`read_and_close`) locks nothing.
    pub fn create(&mut self, id: &[u8], access: Access, ttl: u64, strict: bool) -> bool {
        let Some(id) = SessionId::parse(id) else { return true };
        let is_open = self.current.as_deref().is_some_and(|current| !current.unread);
        if !strict && (is_open || !self.settings.shards.are_several()) {
            self.made = Some(id);
            return true;
        }
        if is_open {
            // session_create_id() while a session is active needs only the id.
            let keys = self.keys(&id);
            let free = !self.store.exists(&keys).unwrap_or(false);
            self.vetted = free.then_some(id);
            return free;
        }
        self.drop_unread();
        let shard = self.settings.shards.of(self.keys(&id).route).clone();
        if self.dead.contains(&shard) {
            return false;
        }
        match self.fetch(&id, Mode::New, access, ttl) {
            Ok(fetched) => matches!(fetched, Fetched::Yes),
            Err(Failure::Store(StoreError::Connect(_) | StoreError::Timeout(_)))
                if self.settings.shards.are_several() =>
            {
                self.dead.push(shard);
                false
            }
            Err(failure) => {
                self.pending = Some(Pending { id, failure, created: true });
                true
            }
        }
    }

    /// `read`: leaves the value in [`Session::value`], which is empty if there is no such session.
    pub fn read(&mut self, id: &[u8], access: Access, ttl: u64) -> bool {
        let Some(id) = self.parsed(id) else {
            stats::count(Count::BadIds);
            return self.fail("can't be read", None, &Failure::BadId);
        };
        self.too_large = 0;
        let resets = mem::take(&mut self.resets);
        if let Some(pending) = self.pending.take().filter(|pending| pending.id == id) {
            stats::count(Count::StartFailed);
            return self.refuse(&id, &pending.failure);
        }
        let fetched = match &self.current {
            Some(current) if current.id == id && (current.unread || current.is_overtaken()) => Ok(()),
            Some(current) if !(current.unread || (current.id == id && resets)) => {
                // A SessionHandler subclass reads a session other than its own, or the present
                // state of its own. The next write of the subclass is still based on the value that
                // PHP has read, so this read must not replace a lock that the session has lost,
                // given back or never had.
                let (keys, ttl) = (self.keys(&id), self.prolonged(ttl));
                return match self.store.read(&keys, ttl) {
                    Ok(loaded) => {
                        stats::count(Count::StartedRead);
                        if let Some(seen) = &loaded.state {
                            self.keep_live(&id, &keys, seen, ttl);
                        }
                        self.deliver(&id, loaded.data)
                    }
                    Err(error) => {
                        stats::count(Count::StartFailed);
                        self.refuse(&id, &error.into())
                    }
                };
            }
            Some(current) if current.id == id => self.fetch(&id, Mode::Any, access, ttl).map(drop),
            _ => {
                self.drop_unread();
                self.fetch(&id, Mode::Any, access, ttl).map(drop)
            }
        };
        match fetched {
            Ok(()) => {
                let data = self.current.as_mut().and_then(|current| {
                    current.unread = false;
                    current.trace.since.slot.add(match current.hold {
                        Hold::Unlocked => Count::StartedUnlocked,
                        Hold::ReadOnly => Count::StartedRead,
                        Hold::Overtaken => Count::StartedRetired,
                        _ => Count::StartedLocked,
                    });
                    // The copy may be read again, and has no lock under which it could be fetched.
                    match current.hold {
                        Hold::Overtaken => current.loaded.data.clone(),
                        _ => current.loaded.data.take(),
                    }
                });
                let is_copy = self.has_copy();
                let delivered = self.deliver(&id, data);
                // A write of the same text changes nothing. PHP writes a session without values in
                // any case, and does not compare it with what it has read.
                if delivered && (is_copy || self.value.as_ref().is_some_and(Vec::is_empty)) {
                    self.remember(id.as_str().as_bytes());
                }
                delivered
            }
            Err(failure) => {
                stats::count(Count::StartFailed);
                self.refuse(&id, &failure)
            }
        }
    }

    /// Remembers the value that the last read found, for a handler class that may write the value
    /// unchanged. A new session is left out, because it is to be stored even if it is unchanged.
    pub fn remember(&mut self, id: &[u8]) {
        if let (Some(current), Some(value)) = (&mut self.current, &self.value)
            && current.has_id(id)
            && !current.is_new
        {
            current.delivered = Some(Print::of(value));
        }
    }

    /// Notes the value that the last read found, for a handler class that may write the session by
    /// hand although its lock is not kept until then: a session other than PHP's own, or one of
    /// `read_and_close`. Such a write goes over nothing else than this value.
    pub fn note_look(&mut self, id: &[u8]) {
        if let (Some(id), Some(value)) = (SessionId::parse(id), &self.value) {
            self.looks.note(id, Print::of(value));
        }
    }

    /// `read` inside the `validateId()` of a handler class. An id without a stored session is not
    /// locked: PHP makes another id then, and requests with the same id would wait for nothing.
    /// With `fresh`, PHP has just made the id and takes it if no session is stored under it: such
    /// an id is locked.
    pub fn look(&mut self, id: &[u8], access: Access, ttl: u64, fresh: bool) -> bool {
        let is_first = self.pending.is_none() && self.current.as_deref().is_none_or(|current| current.unread);
        if let Some(id) = SessionId::parse(id).filter(|_| is_first) {
            self.drop_unread();
            let mode = if fresh { Mode::New } else { Mode::Known };
            match self.fetch(&id, mode, access, ttl) {
                Ok(Fetched::Exists) => {}
                Ok(Fetched::Yes)
                    if fresh || self.current.as_deref().is_some_and(|current| !current.is_new) => {}
                Ok(_) => {
                    stats::count(Count::StartedRead);
                    self.drop_unread();
                    self.value = Some(Vec::new());
                    return true;
                }
                Err(failure) => {
                    stats::count(Count::StartFailed);
                    return self.refuse(&id, &failure);
                }
            }
        }
        self.read(id, access, ttl)
    }

    fn refuse(&mut self, id: &SessionId, failure: &Failure) -> bool {
        if let Failure::Store(StoreError::TooLarge(size)) = failure {
            self.too_large = usize::try_from(*size).unwrap_or(usize::MAX);
            // PHP does not have the value, so the end of the request must not store an empty one.
            self.value = Some(Vec::new());
        }
        if self.current.is_none() {
            self.failed = Some(id.clone());
        }
        self.leave_failure(failure);
        self.fail("can't be read", Some(id), failure)
    }

    /// Returns the number of bytes that the last read would have taken, if `memory_limit` does not
    /// leave that many, otherwise 0.
    pub fn too_large(&self) -> usize {
        self.too_large
    }

    /// Returns the cause of the last failure.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Returns the value that the last read found.
    pub fn value(&self) -> &[u8] {
        self.value.as_deref().unwrap_or_default()
    }

    /// Frees the value that the last read found, because PHP has its own copy now.
    pub fn drop_value(&mut self) {
        self.value = None;
    }

    /// `close`: releases a lock that no write has released.
    pub fn close(&mut self) {
        self.give_back_prefetched();
        self.warnings.extend(self.read_only.take());
        let Some(mut current) = self.current.take() else { return };
        match mem::replace(&mut current.hold, Hold::Unlocked) {
            Hold::Locked { token, waiter, guard } => {
                let ttl = self.ttl_due(&current);
                let keys = &current.keys;
                if !current.unread && !current.is_changed {
                    current.trace.since.slot.add(Count::LockedUnchanged);
                }
                let release = Release { waiter: waiter.as_deref(), ..self.release_of(&token, Op::None, ttl) };
                // The answer tells if the places on lists are those of this request.
                let waits = self.settings.write_ack == WriteAck::Wait || !current.metadata.places.is_empty();
                let result = if waits {
                    self.store.release(keys, &release).map(Some)
                } else {
                    self.store.release_deferred(&current.id, keys, &release)
                };
                let was_ours = matches!(result, Ok(Some(ReleaseReply::Done)));
                if let Err(error) = result {
                    self.fail(
                        "stays locked until its server answers or the lease ends",
                        Some(&current.id),
                        &error.into(),
                    );
                    self.store.give_back(keys, token);
                } else if waits {
                    self.store.end(guard);
                }
                self.released(&mut current);
                if was_ours {
                    self.give_up_places(&mut current);
                }
            }
            // It was put on a list before it was to be stored.
            Hold::Unlocked if current.is_missing() && !current.is_changed => {
                self.give_up_places(&mut current);
            }
            // The write without an answer, and with it the release, may not have reached the
            // server.
            Hold::Unsure { token, .. } => self.store.give_back(&current.keys, token),
            Hold::ReadOnly if current.writes == 0 => current.trace.outcome = "read",
            Hold::Overtaken => current.trace.outcome = "retired",
            _ => {}
        }
        if !current.unread {
            self.leave_figures(&current);
        }
    }

    /// Returns the id, which is usually that of the current session.
    fn parsed(&self, id: &[u8]) -> Option<SessionId> {
        match &self.current {
            Some(current) if current.has_id(id) => Some(current.id.clone()),
            _ => SessionId::parse(id),
        }
    }

    fn keys(&self, id: &SessionId) -> Keys {
        let Settings { shards, prefix, .. } = &*self.settings;
        if shards.is_cluster() { Keys::in_cluster(prefix, id) } else { Keys::new(prefix, id) }
    }

    /// Returns the largest number of bytes that a session may have after decompression.
    fn size_limit(&self) -> u64 {
        let memory = memory_left() as u64;
        self.settings.max_value_size.map_or(memory, |limit| limit.min(memory))
    }

    fn deliver(&mut self, id: &SessionId, data: Option<Vec<u8>>) -> bool {
        let text = match compression::original(data.unwrap_or_default(), || self.size_limit()) {
            Ok(text) => text,
            Err(damage @ Unreadable::Damaged { .. }) => {
                if !self.keep_aside(id, Some(damage)) {
                    return false;
                }
                Vec::new()
            }
            // The stored value stays: another process, or a larger limit, may be able to read it.
            Err(unreadable) => return self.fail("can't be read", Some(id), &Failure::Compressed(unreadable)),
        };
        self.value = Some(text);
        self.failed.take_if(|failed| failed == id);
        true
    }

    fn fail(&mut self, what: &str, id: Option<&SessionId>, failure: &Failure) -> bool {
        let route = id.map_or(0, |id| Keys::new("", id).route);
        let place = self.settings.shards.of(route);
        let mut text = warning(what, id, place, failure);
        if self.settings.shards.are_several() && failure.is_of_a_replica() {
            text += "; the hosts of session.save_path share the sessions, as shards: they are no copies of each other";
        }
        text.extend(failure.missing_rights(&self.settings.prefix, place));
        self.warnings.push(text);
        self.cause = failure.cause();
        if let Some(error) = failure.count() {
            stats::count(error);
        }
        false
    }

    /// Returns the hold on a session that was read, or `None`, without one, if all is to be asked
    /// once more: the session has come back to its id since, and its lock is not ours.
    ///
    /// Another request may have moved the session to another id a moment ago: the requests that the
    /// browser sent meanwhile have the old id, get the copy that the session has left, and must not
    /// bring the old session back. The check also applies if another request had its turn, because
    /// other late requests take the lock, too, only to give it back.
    fn after_a_move(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        loaded: &mut SessionData,
        hold: Hold<S::Lease>,
        wants_lock: bool,
    ) -> Result<Option<Hold<S::Lease>>, Failure> {
        let is_own = self.lineage.goes_on_under(id) || self.left_for_good.contains(id);
        let Some(at) = loaded.moved_at().filter(|_| !is_own) else { return Ok(Some(hold)) };
        if !matches!(hold, Hold::Locked { .. } | Hold::Unlocked | Hold::ReadOnly | Hold::Overtaken) {
            return Ok(Some(hold));
        }
        match self.store.copy(keys, loaded.state.as_deref().unwrap_or_default()) {
            Ok((Copied::Changed, _)) => self.after_a_change(keys, loaded, hold, wants_lock),
            Ok((copied, now)) => {
                let copy = copied.found();
                let late = LATE_MS.max(self.settings.regenerate_grace * 1000);
                let is_late = copy.is_some() || now.abs_diff(at) < late || matches!(hold, Hold::Overtaken);
                if !is_late {
                    return Ok(Some(hold));
                }
                if copy.is_some() {
                    stats::count(Count::GraceReads);
                }
                loaded.data = copy;
                self.let_hold_go(keys, hold)?;
                Ok(Some(Hold::Overtaken))
            }
            Err(error) => {
                if let Hold::Locked { token, .. } = hold {
                    self.store.give_back(keys, token);
                }
                Err(error.into())
            }
        }
    }

    fn read_without_lock(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        mode: Mode,
        ttl: u64,
    ) -> Result<SessionData, StoreError> {
        match self.store.read(keys, ttl) {
            // No master has an id that was made a moment ago.
            Err(StoreError::Server(error))
                if error.is_demotion() && (mode == Mode::New || self.made.as_ref() == Some(id)) =>
            {
                Ok(SessionData::default())
            }
            loaded => loaded,
        }
    }

    /// Takes the lock, and reads the session under it. Returns `None` if an id that was to be new
    /// is taken.
    fn read_under_lock(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        lock: &LockSettings,
        mode: Mode,
        ttl: u64,
        token: Option<String>,
    ) -> Result<Option<Found<S::Lease>>, Failure> {
        let found = match self.acquire_living(keys, lock, mode, ttl, token) {
            Ok(Outcome::Granted(Grant { token, waiter, loaded, overtaken: true })) => {
                // Other requests may wait for this lock, too.
                self.let_go(keys, token, waiter.as_deref())?;
                (Hold::Overtaken, loaded)
            }
            Ok(Outcome::Granted(Grant { token, waiter, loaded, overtaken: false })) => {
                let guard = self.store.look_after(keys, lock, &token, self.store.answered());
                (Hold::Locked { token, waiter, guard }, loaded)
            }
            Ok(Outcome::Absent { loaded, overtaken: true }) => (Hold::Overtaken, loaded),
            Ok(Outcome::Absent { loaded, overtaken: false }) => (Hold::Unlocked, loaded),
            Ok(Outcome::Exists) => return Ok(None),
            Ok(Outcome::Busy(holder)) => {
                let holder = holder.at(pattern_of_lock(keys, id));
                self.not_our_turn(id, keys, ttl, lock, Failure::Busy(lock.wait, holder))?
            }
            Ok(Outcome::Full(n, holder)) => {
                let holder = holder.at(pattern_of_lock(keys, id));
                self.not_our_turn(id, keys, ttl, lock, Failure::Full(n, holder))?
            }
            // The session may be readable even if the server refuses to lock it.
            Err(error @ StoreError::Server(_)) if mode != Mode::New => {
                self.not_our_turn(id, keys, ttl, lock, error.into())?
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(found))
    }

    /// Reads the session, under its lock if one is wanted, and makes it the current session.
    fn fetch(&mut self, id: &SessionId, mode: Mode, access: Access, ttl: u64) -> Result<Fetched, Failure> {
        self.waited_before = Duration::ZERO;
        self.fetch_within(LOOKS, id, mode, access, ttl)
    }

    fn fetch_within(
        &mut self,
        tries: u32,
        id: &SessionId,
        mode: Mode,
        access: Access,
        ttl: u64,
    ) -> Result<Fetched, Failure> {
        let begun = clock::now();
        let (keys, ttl) = (self.keys(id), self.prolonged(ttl));
        // A request may wait for the lock before this one has the answer that gives it.
        let kept = self.store.answered().slot.kept_waiting();
        let settings = self.settings.clone();
        self.lineage.forget_stay(id);
        // The answer may come late.
        let asked = self.prefetch.as_ref().map_or_else(clock::now, |prefetch| prefetch.ahead.since.time);
        // Only close gives back a lock that we have, so a read without a lock must not drop it
        // here.
        let has_its_lock =
            self.has_lock() && self.current.as_deref().is_some_and(|current| current.id == *id);
        let access = if has_its_lock { Access::Update } else { access };
        let prefetched = self.prefetched(id, mode, access, ttl);
        let ahead = prefetched.lock_since();
        let ttl_due = if ahead.is_some() { ttl } else { 0 };
        let (hold, mut loaded) =
            match (prefetched, settings.lock.as_ref().filter(|_| access == Access::Update)) {
                (Prefetched::Read(hold, loaded, _), _) => (hold, loaded),
                (Prefetched::Absent(state), _) => (Hold::Unlocked, SessionData::new(None, state)),
                (Prefetched::Failed(error), _) => return Err(error.into()),
                (Prefetched::Ask(unsure), None) => {
                    if let Some(token) = unsure {
                        self.store.give_back(&keys, token);
                    }
                    (Hold::Unlocked, self.read_without_lock(id, &keys, mode, ttl)?)
                }
                (Prefetched::Ask(unsure), Some(lock))
                    if !has_its_lock && (self.is_held_here)(settings.shards.of(keys.route), &keys) =>
                {
                    if let Some(token) = unsure {
                        self.store.give_back(&keys, token);
                    }
                    self.not_our_turn(id, &keys, ttl, lock, Failure::HeldHere)?
                }
                (Prefetched::Ask(token), Some(lock)) => {
                    match self.read_under_lock(id, &keys, lock, mode, ttl, token)? {
                        Some(found) => found,
                        None => return Ok(Fetched::Exists),
                    }
                }
            };
        let wants_lock = settings.lock.is_some() && access == Access::Update;
        let hold = match mode {
            Mode::New => Some(hold),
            _ => self.after_a_move(id, &keys, &mut loaded, hold, wants_lock)?,
        };
        // If it comes and goes, it is a late request's.
        let Some(hold) = hold.or_else(|| (tries == 1).then_some(Hold::Overtaken)) else {
            self.waited_before += clock::since(begun);
            return self.fetch_within(tries - 1, id, mode, access, ttl);
        };
        let has_copy = matches!(hold, Hold::Overtaken) && loaded.data.is_some();
        let mark = loaded.mark_of_move().filter(|_| has_copy);
        let hold = hold.after_access(access);
        if mode != Mode::New && !self.lineage.goes_on_under(id) {
            self.note_end(&loaded);
        }
        match (mode, &hold, loaded.data.is_some()) {
            (Mode::Known, Hold::Unlocked | Hold::ReadOnly, false) => return Ok(Fetched::Absent),
            (Mode::New, Hold::Unlocked | Hold::ReadOnly, true) => return Ok(self.exists_already()),
            _ => {}
        }
        self.read_only.take_if(|_| !matches!(hold, Hold::ReadOnly));
        let is_new = loaded.data.is_none();
        let inherited = self.lineage.inherited_by(id).filter(|_| is_new);
        let is_first = is_new && !inherited.is_some_and(Heritage::was_stored);
        let mut metadata = Metadata::new(inherited.and_then(Heritage::live).cloned(), &loaded, mark);
        if let Some(inherited) = inherited {
            metadata.left = inherited.lists().to_vec();
        }
        let mut current = Box::new(Current {
            id: id.clone(),
            keys,
            hold,
            metadata,
            trace: Trace::begin(ahead.unwrap_or(Ahead { since: self.store.answered(), kept }), &loaded),
            loaded,
            is_changed: false,
            unread: true,
            is_new,
            is_first,
            writes: 0,
            ttl_due,
            ends: inherited.and_then(Heritage::ends),
            asked,
            delivered: None,
        });
        self.announce(&mut current, ttl);
        let earlier = self.current.take_if(|earlier| earlier.id == current.id);
        self.current = Some(current);
        if let Some(earlier) = earlier {
            self.take_back_login(*earlier);
        }
        // A session may have vanished while we waited for its lock: read or close will release the
        // lock.
        let has_vanished = mode == Mode::Known && self.is_empty_handed();
        Ok(if has_vanished { Fetched::Absent } else { Fetched::Yes })
    }

    /// Reads a session once more that had left its id, and then came back or ended there.
    fn after_a_change(
        &mut self,
        keys: &Keys,
        loaded: &mut SessionData,
        hold: Hold<S::Lease>,
        wants_lock: bool,
    ) -> Result<Option<Hold<S::Lease>>, Failure> {
        let lacks_lock = wants_lock && matches!(hold, Hold::Unlocked | Hold::Overtaken);
        match self.store.read(keys, 0) {
            Ok(read) if read.data.is_some() && lacks_lock => Ok(None),
            Ok(read) if read.moved_at().is_none() => {
                *loaded = read;
                Ok(Some(hold))
            }
            read => {
                self.let_hold_go(keys, hold)?;
                // It has left the id again.
                *loaded = read?;
                loaded.data = self.store.copy(keys, loaded.state.as_deref().unwrap_or_default())?.0.found();
                Ok(Some(Hold::Overtaken))
            }
        }
    }

    /// Refuses a new id that is taken, which need not be told.
    fn exists_already(&mut self) -> Fetched {
        self.read_only = None;
        Fetched::Exists
    }

    /// Returns true if the current session was not stored, and did not move away either.
    fn is_empty_handed(&self) -> bool {
        self.current
            .as_deref()
            .is_some_and(|current| current.loaded.data.is_none() && !current.is_overtaken())
    }

    /// Releases the lock of a hold that is of no use to this request, if it has one.
    fn let_hold_go(&mut self, keys: &Keys, hold: Hold<S::Lease>) -> Result<(), StoreError> {
        match hold {
            Hold::Locked { token, waiter, guard } => {
                drop(guard);
                self.let_go(keys, token, waiter.as_deref())
            }
            Hold::Unsure { token, .. } => {
                self.store.give_back(keys, token);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Releases a lock that is of no use to this request.
    fn let_go(&mut self, keys: &Keys, token: String, waiter: Option<&str>) -> Result<(), StoreError> {
        let release = Release { waiter, ..self.release_of(&token, Op::None, 0) };
        let result = self.store.release(keys, &release);
        if result.is_err() {
            self.store.give_back(keys, token);
        }
        result.map(drop)
    }

    /// Takes the lock and reads the session. A session whose absolute end was over when it was
    /// handed over is ended by the script, under the lock that it came with.
    fn acquire_living(
        &mut self,
        keys: &Keys,
        lock: &LockSettings,
        mode: Mode,
        ttl: u64,
        maybe_held: Option<String>,
    ) -> Result<Outcome, StoreError> {
        match self.acquire(keys, lock, mode, ttl, maybe_held)? {
            Outcome::Granted(Grant { token, loaded, overtaken: false, .. })
                if loaded.is_over(|| self.store.server_clock()) =>
            {
                self.acquire(keys, lock, mode, ttl, Some(token))
            }
            outcome => Ok(outcome),
        }
    }

    fn acquire(
        &mut self,
        keys: &Keys,
        lock: &LockSettings,
        mode: Mode,
        ttl: u64,
        maybe_held: Option<String>,
    ) -> Result<Outcome, StoreError> {
        let held_token = maybe_held.clone().or_else(|| match self.current.as_deref() {
            Some(Current { hold: Hold::Locked { token, .. } | Hold::Unsure { token, .. }, .. }) => {
                Some(token.clone())
            }
            _ => None,
        });
        let request = Request {
            mode,
            held_token,
            info: self.info.clone(),
            lease: millis(lock.lease),
            ttl,
            wait: millis(lock.wait.saturating_sub(self.waited_before)),
            max_waiters: lock.max_waiters,
            polling: lock.polling,
        };
        let (result, waited) = lock::acquire(&mut self.store, keys, request);
        self.waited = waited.or(self.waited.take());
        if let (Err(_), Some(token)) = (&result, maybe_held) {
            self.store.give_back(keys, token);
        }
        result
    }

    fn not_our_turn(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        ttl: u64,
        lock: &LockSettings,
        failure: Failure,
    ) -> Result<Found<S::Lease>, Failure> {
        match &failure {
            Failure::Busy(..) => stats::count(Count::LockTimeout),
            Failure::Full(..) => stats::count(Count::LockFull),
            _ => {}
        }
        self.gave_up(id);
        match lock.failure {
            LockFailure::Fail => Err(failure),
            LockFailure::ReadOnly => {
                let Ok(loaded) = self.store.read(keys, ttl) else { return Err(failure) };
                self.fail("is read-only for this request", Some(id), &failure);
                self.read_only = self.warnings.pop();
                Ok((Hold::ReadOnly, loaded))
            }
        }
    }

    /// Releases a lock that `validate` or `create` took for a session that PHP then does not read.
    fn drop_unread(&mut self) {
        if self.current.as_deref().is_some_and(|current| current.unread) {
            self.close();
        }
    }

    fn drop_unread_other_than(&mut self, id: &SessionId) {
        if self.current.as_deref().is_some_and(|current| current.id != *id) {
            self.drop_unread();
        }
    }
}

/// Returns the lock's key as a pattern, without the part that makes the id a secret.
fn pattern_of_lock(keys: &Keys, id: &SessionId) -> String {
    keys.lock().replace(id.as_str(), &id.to_string().replace("...", "*"))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
