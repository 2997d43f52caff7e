//! The callbacks that save a session: `write` and `update_timestamp`.

use std::mem;

use super::{
    Access, Failure, Hold, Session,
    counts::{Flaw, count_write, lost, refused},
    current::Current,
    failure::Loss,
    millis,
    print::Print,
    trace::Trace,
    user::Chosen,
    warning,
};
use crate::{
    compression::{self, Text},
    config::WriteAck,
    error::StoreError,
    process::{
        clock,
        stats::{self, Count},
    },
    protocol::{Holder, Keys, Live, Mode, Op, Reason, Release, ReleaseReply, SessionId, State, Write},
    store::{DeferredFailure, Store},
};

/// The largest session, in bytes, whose release may be deferred. For larger ones, the request waits
/// even with `rustredis.write_ack=deferred`.
const MAX_DEFERRED: usize = 64 << 10;

/// The caller of a write, which decides what may follow before close.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writer {
    /// PHP itself. Nothing follows.
    Php,
    /// A handler class that PHP has asked to save. Another write hardly ever follows.
    Saving,
    /// A handler class at any other time. At least PHP's own save follows.
    Class,
}

/// Returns the warning about a save that failed after the end of its request
/// (`rustredis.write_ack=deferred`).
#[must_use]
pub fn deferred_warning(late: DeferredFailure) -> String {
    let DeferredFailure { id, target, outcome } = late;
    let what = "was not saved by an earlier request of this process (rustredis.write_ack=deferred)";
    let failure = failure_of(outcome, Loss::Unknown).unwrap_or(Failure::Lost(None, Loss::Unknown));
    if let Failure::Store(_) | Failure::Refused(_) = failure {
        stats::count(Count::WritesFailed);
    }
    warning(what, Some(&id), &target, &failure)
}

/// Returns the reason why nothing was saved, or `None` if the save succeeded.
pub(super) fn failure_of(result: Result<ReleaseReply, StoreError>, loss: Loss) -> Option<Failure> {
    let failure = match result {
        Ok(ReleaseReply::Done | ReleaseReply::Ended(_)) => return None,
        // Only a refresh of the TTL has this answer, and the value was sent after that.
        Ok(ReleaseReply::Gone) => {
            Failure::Store(StoreError::Protocol("an unexpected reply to release".into()))
        }
        Ok(ReleaseReply::Dead) => Failure::Destroyed,
        Ok(ReleaseReply::Lost { holder, now }) => {
            Failure::Lost(holder.map(|holder| Holder::new(holder, now)), loss)
        }
        Ok(ReleaseReply::Refused(error)) => Failure::Refused(error),
        Err(error) => Failure::Store(error),
    };
    Some(if matches!(failure, Failure::Destroyed | Failure::Lost(..)) { refused(failure) } else { failure })
}

/// The same for a save. A session that has ended meanwhile loses nothing of a request that asks for
/// no change: that is no failure, and `is_over` tells of it.
fn failure_of_save(
    asks: bool,
    result: Result<ReleaseReply, StoreError>,
    loss: Loss,
    is_over: &mut bool,
) -> Option<Failure> {
    *is_over = !asks && matches!(result, Ok(ReleaseReply::Dead));
    if *is_over { None } else { failure_of(result, loss) }
}

/// Returns the refusal of a change that comes under an id which the session does not have any more.
fn late_change<L>(current: &Current<L>, changed: bool, text: &Text<'_>) -> Option<Failure> {
    match current.is_new {
        _ if !changed => None,
        // The request has a copy of the session.
        false => Some(refused(Failure::Copy)),
        true if is_empty(text.plain()) => None,
        true => Some(refused(Failure::Overtaken)),
    }
}

/// Returns true if the text is what a serializer makes of a session without values.
fn is_empty(text: &[u8]) -> bool {
    [&b""[..], b"a:0:{}", b"{}", b"\x80", b"\x90", b"\0\0\0\x02\x14\0"].contains(&text)
}

fn op_for<'a>(text: &'a Text<'_>, changed: bool, is_new: bool, ttl: u64) -> Op<'a> {
    match (changed, is_new) {
        (true, _) => Op::Set(text.stored()),
        // For PHP 8.6, a new session that stays empty is unchanged. There is no key yet whose TTL
        // could be refreshed.
        (false, true) if ttl > 0 => Op::Restore(text.stored()),
        (false, _) if ttl == 0 => Op::None,
        (false, _) => Op::Keep,
    }
}

/// Returns the hold that is left after a write has given the lock back. `saved` returns the print
/// of the written value if a handler class may write once more.
fn after<L>(result: &Result<ReleaseReply, StoreError>, saved: impl FnOnce() -> Option<Print>) -> Hold<L> {
    match result {
        Ok(ReleaseReply::Dead) => Hold::NoMoreWrites(|| Failure::Destroyed),
        Ok(ReleaseReply::Done) => saved().map_or(Hold::NoMoreWrites(|| Failure::Saved), Hold::Saved),
        _ => Hold::NoMoreWrites(|| Failure::Lost(None, Loss::Unknown)),
    }
}

impl<S: Store> Session<S> {
    /// `write`. A value that [`Session::remember`] has noted is not sent, because handler classes
    /// also write unchanged sessions.
    pub fn write(&mut self, id: &[u8], data: &[u8], ttl: u64, writer: Writer) -> bool {
        if let Some(limit) = self.limit_below(data) {
            let failure = refused(Failure::TooLarge(data.len(), limit));
            self.note_loss(id);
            return self.fail("was not saved", SessionId::parse(id).as_ref(), &failure);
        }
        let settings = self.settings.clone();
        self.save(id, &Text::new(data, &settings.compression), true, ttl, writer)
    }

    /// Gives up a change of a session that PHP must not save. Nothing is sent.
    pub fn lose(&mut self, id: &[u8], flaw: Flaw) {
        flaw.count();
        self.note_loss(id);
    }

    pub(super) fn note_loss(&mut self, id: &[u8]) {
        if let Some(current) = self.current.as_mut().filter(|current| current.has_id(id)) {
            current.lose();
        }
    }

    /// Returns `rustredis.max_value_size` if the value exceeds it.
    pub(super) fn limit_below(&self, data: &[u8]) -> Option<u64> {
        self.settings.max_value_size.filter(|&limit| data.len() as u64 > limit)
    }

    /// `update_timestamp`: refreshes the TTL of an unchanged session, and stores `data` again if
    /// the session went missing.
    pub fn touch(&mut self, id: &[u8], data: &[u8], ttl: u64, writer: Writer) -> bool {
        let settings = self.settings.clone();
        self.save(id, &Text::new(data, &settings.compression), false, ttl, writer)
    }

    fn reason_not_to_save(&mut self, id: &SessionId) -> Option<Failure> {
        let failure = if self.value.is_some() {
            Failure::Undelivered
        } else if self.failed.as_ref() == Some(id) {
            Failure::Unread
        } else if self.has_stayed(id) {
            Failure::Destroyed
        } else {
            return None;
        };
        self.note_loss(id.as_str().as_bytes());
        Some(failure)
    }

    fn save(&mut self, id: &[u8], text: &Text<'_>, changed: bool, ttl: u64, writer: Writer) -> bool {
        let Some(id) = self.parsed(id) else { return self.fail("was not saved", None, &Failure::BadId) };
        if let Some(failure) = self.reason_not_to_save(&id) {
            return self.fail("was not saved", Some(&id), &refused(failure));
        }
        let mut current = match self.current.take() {
            Some(current) if current.id == id && !self.is_looked_at(&current, writer) => current,
            // A SessionHandler subclass writes a session other than its own, or one that was read
            // with `read_and_close`. This write also takes that session's lock.
            own => return self.save_another(own, &id, text, ttl),
        };
        current.ttl_due = 0;
        let state = match self.list_and_update_state(&mut current, ttl) {
            Ok(state) => state,
            Err(chosen) => return self.lose_chosen(current, *chosen),
        };
        self.lineage.leave(&current);
        let Some(life) = self.ttl_of_write(&current, ttl) else {
            return self.end_now(current, changed);
        };
        let changed = current.is_change(changed, text);
        let (keys, seen) = (&current.keys, current.loaded.state.as_deref());
        let op = op_for(text, changed, current.is_new, life);
        let first = self.save_until_its_end(&current, op, life);
        let (op, life, seen) = first.as_deref().map_or((op, life, seen), |first| (Op::None, 0, Some(first)));
        let loss = self.loss_of(&current);
        let was_locked = matches!(current.hold, Hold::Locked { .. });
        let saved = || (writer != Writer::Php).then(|| Print::of(text.plain()));
        let asks = changed || current.is_changed || current.is_new || current.metadata.is_asked;
        let mut is_over = false;
        let (hold, mut failure) = match mem::replace(&mut current.hold, Hold::Unlocked) {
            Hold::Locked { token, waiter, guard } => {
                let keep_lock = writer == Writer::Class;
                let release = Release {
                    waiter: waiter.as_deref(),
                    seen,
                    state: state.as_deref(),
                    keep_lock,
                    // An error handler may write once more. Close gives the lock back.
                    rewrite: true,
                    ..self.release_of(&token, op, life)
                };
                // The list of a user must not learn of a session that was not stored, and lifetimes
                // that were asked for must not get lost in silence.
                let is_listed = state.is_some() && current.metadata.live.as_ref().is_some_and(Live::has_user);
                let waits = keep_lock || is_listed || current.metadata.is_asked;
                let is_deferred = !waits && self.may_defer(text);
                let result = if is_deferred {
                    self.release_later(&id, keys, &release, text, &mut current.trace)
                } else {
                    self.release_or_restore(keys, &release, text)
                };
                let hold = match &result {
                    Ok(ReleaseReply::Done | ReleaseReply::Dead | ReleaseReply::Refused(_)) if keep_lock => {
                        Hold::Locked { token, waiter, guard }
                    }
                    Ok(ReleaseReply::Refused(error)) if error.code == "OOM" => {
                        Hold::Locked { token, waiter, guard }
                    }
                    Err(_) => Hold::Unsure { token, writes: 1 },
                    _ => {
                        self.store.end(guard.filter(|_| !is_deferred));
                        after(&result, saved)
                    }
                };
                (hold, failure_of_save(asks, result, loss, &mut is_over))
            }
            Hold::Unsure { token, writes } => {
                let states = Release { seen, state: state.as_deref(), ..self.release_of(&token, op, life) };
                let release = Release { nth: writes, ..states };
                let result = self.release_or_restore(keys, &release, text);
                let hold = match &result {
                    Err(_) => Hold::Unsure { token, writes: writes + 1 },
                    _ => after(&result, saved),
                };
                (hold, failure_of_save(asks, result, loss, &mut is_over))
            }
            hold @ (Hold::Unlocked | Hold::ReadOnly) if op == Op::None && state.is_none() => (hold, None),
            Hold::Unlocked => {
                let op = if op == Op::None { Op::Keep } else { op };
                let write = Write { state: state.as_deref(), ..self.write_of(op, life, seen) };
                let result = self.write_or_restore(keys, &write, text);
                (Hold::Unlocked, failure_of_save(asks, result, loss, &mut is_over))
            }
            // A refreshed TTL is no change to a session that another request works on.
            Hold::ReadOnly if !changed => {
                let result = self.store.write(keys, &self.write_of(Op::Keep, life, seen));
                (Hold::ReadOnly, failure_of(result.map(|_| ReleaseReply::Done), loss))
            }
            Hold::ReadOnly => (Hold::ReadOnly, Some(refused(Failure::ReadOnly))),
            Hold::Overtaken => (Hold::Overtaken, late_change(&current, changed, text)),
            Hold::Saved(print) => {
                current.hold = Hold::Saved(print);
                return self.save_again(current, text, ttl, writer);
            }
            Hold::NoMoreWrites(why) => (Hold::NoMoreWrites(why), Some(refused(why()))),
        };
        current.writes += u32::from(failure.is_none());
        current.hold = hold;
        let chosen = self.follow_save(&mut current, state, &mut failure, is_over, ttl);
        let is_unchanged = was_locked && !(current.is_changed || changed) && writer != Writer::Class;
        count_write(&current.trace, text, changed, is_unchanged, failure.as_ref());
        self.after_write(current, text, changed, was_locked, failure.as_ref());
        match chosen {
            Some(chosen) => self.end_saved(chosen),
            None => self.told(&id, "was not saved", failure),
        }
    }

    /// Brings the list of the user up to date after a save. Returns the session if a limit has
    /// chosen it. The save fails if it has ended in another way.
    fn follow_save(
        &mut self,
        current: &mut Current<S::Lease>,
        state: Option<String>,
        failure: &mut Option<Failure>,
        is_over: bool,
        ttl: u64,
    ) -> Option<Chosen> {
        if is_over || matches!(failure, Some(Failure::Destroyed)) {
            self.follow_destruction(current);
            return None;
        }
        if matches!(failure, Some(Failure::Refused(_))) && !matches!(current.hold, Hold::Locked { .. }) {
            self.give_up_places(current);
        }
        if failure.is_none() && state.is_some() {
            current.loaded.state = state;
            current.metadata.is_due = false;
            let has_changed_user = self.lineage.has_changed_user(&current.id);
            let earlier = self.earlier_id(&current.id).filter(|_| has_changed_user);
            let chosen = self.follow_on_list(current, ttl);
            *failure = earlier.filter(|_| chosen.is_none()).and_then(|id| self.end_like(current, &id));
            return chosen;
        }
        None
    }

    /// Ends a session that was just stored, if it has ended under its earlier id: a logout there
    /// has asked the list of the user that the session had, and so has a revocation.
    fn end_like(&mut self, current: &mut Current<S::Lease>, earlier: &SessionId) -> Option<Failure> {
        if !self.has_ended_under(earlier) {
            return None;
        }
        let result = self.end_hold(current, Op::Delete(&Reason::Logout), || Failure::Destroyed);
        let result = result.map(|reply| self.without_copy(reply));
        self.answered(&current.id, "was not ended", result);
        let lists = current.metadata.live.as_ref().map(|live| live.user().to_owned());
        self.leave_list(&current.id, lists.as_slice());
        self.follow_destruction(current);
        current.lose();
        Some(refused(Failure::Destroyed))
    }

    /// Takes a session that was ended before it was stored off the list of its user, and deletes
    /// the copy under the earlier id: logged out is logged out.
    fn follow_destruction(&mut self, current: &Current<S::Lease>) {
        let Some(live) = &current.metadata.live else { return };
        if current.metadata.listed.is_some() {
            self.leave_list(&current.id, &[live.user().to_owned()]);
        }
        if let Some(copy) = &live.copy {
            self.delete_copy(&copy.id);
        }
    }

    /// Returns true if a handler class writes by hand what PHP reads with `read_and_close`.
    fn is_looked_at(&self, current: &Current<S::Lease>, writer: Writer) -> bool {
        writer == Writer::Class
            && matches!(current.hold, Hold::ReadOnly)
            && self.looks.print_of(&current.id).is_some()
    }

    /// Goes on with the session as it was written.
    fn after_write(
        &mut self,
        mut current: Box<Current<S::Lease>>,
        text: &Text<'_>,
        changed: bool,
        was_locked: bool,
        failure: Option<&Failure>,
    ) {
        current.is_changed |= changed;
        current.trace.write(text, current.is_changed, failure);
        if was_locked && !matches!(current.hold, Hold::Locked { .. }) {
            self.released(&mut current);
        }
        if failure.is_none() {
            // A handler class goes on with the text that it has written.
            self.looks.replace(&current.id, text.plain());
        }
        self.current = Some(current);
    }

    /// Writes once more for a handler class, after a write that gave the lock back. This write
    /// takes the lock again, and overwrites only a value that this request has written.
    fn save_again(
        &mut self,
        saved: Box<Current<S::Lease>>,
        text: &Text<'_>,
        ttl: u64,
        writer: Writer,
    ) -> bool {
        let id = saved.id.clone();
        let is_same = matches!(&saved.hold, Hold::Saved(print) if print.is_of(text.plain()));
        if is_same && !saved.metadata.is_due {
            let result = self.refresh(&saved, ttl);
            if !matches!(result, Ok(ReleaseReply::Gone)) {
                return self.save_the_same(saved, text, result, ttl);
            }
        }
        match self.take_again(saved, ttl) {
            Ok(()) => self.save(id.as_str().as_bytes(), text, true, ttl, writer),
            Err(failure) => self.fail("was not saved", Some(&id), &failure),
        }
    }

    /// Refreshes the TTL of a session whose lock a write for a handler class gave back.
    fn refresh(&mut self, saved: &Current<S::Lease>, ttl: u64) -> Result<ReleaseReply, StoreError> {
        match self.ttl_of_write(saved, ttl).unwrap_or_default() {
            0 => Ok(ReleaseReply::Done),
            life => {
                let refresh = self.write_of(Op::Keep, life, saved.loaded.state.as_deref());
                self.store.write(&saved.keys, &refresh)
            }
        }
    }

    /// Ends the save of what a handler class has written already, as PHP does after a write by
    /// hand. Nothing is asked for, and what others have done to the session since stays.
    fn save_the_same(
        &mut self,
        mut saved: Box<Current<S::Lease>>,
        text: &Text<'_>,
        result: Result<ReleaseReply, StoreError>,
        ttl: u64,
    ) -> bool {
        let (id, mut is_over) = (saved.id.clone(), false);
        let mut failure = failure_of_save(false, result, Loss::Unknown, &mut is_over);
        self.follow_save(&mut saved, None, &mut failure, is_over, ttl);
        count_write(&saved.trace, text, false, false, failure.as_ref());
        self.after_write(saved, text, false, false, failure.as_ref());
        self.told(&id, "was not saved", failure)
    }

    /// Takes the lock again that a write for a handler class gave back, if no other request has
    /// changed the session since.
    pub(super) fn take_again(&mut self, mut saved: Box<Current<S::Lease>>, ttl: u64) -> Result<(), Failure> {
        let id = saved.id.clone();
        if let Err(failure) = self.fetch(&id, Mode::Any, Access::Update, ttl) {
            self.current = Some(saved);
            return Err(lost(failure));
        }
        let limit = self.size_limit();
        let Some(current) = &mut self.current else {
            // With `Mode::Any`, fetch always leaves a current session.
            self.current = Some(saved);
            return Err(StoreError::Protocol("an unexpected reply to acquire".into()).into());
        };
        // The value is taken below, and a read must not find none.
        current.unread = false;
        current.is_first = saved.is_first;
        let stored = current.loaded.data.take().map(|data| compression::original(data, || limit));
        let has_died = State::has_died(saved.loaded.state.as_deref(), current.loaded.state.as_deref());
        let failure: fn() -> Failure = if current.is_overtaken() {
            || Failure::Overtaken
        } else if has_died {
            || Failure::Destroyed
        } else {
            match (&saved.hold, stored) {
                (Hold::Saved(print), Some(Ok(stored))) if print.is_of(&stored) => return Ok(()),
                // The session has vanished. Its lifetimes go on.
                (_, None) => {
                    saved.hold = mem::replace(&mut current.hold, Hold::Unlocked);
                    saved.loaded.state = current.loaded.state.take();
                    mem::swap(&mut saved.trace, &mut current.trace);
                    self.current = Some(saved);
                    return Ok(());
                }
                _ => || Failure::Saved,
            }
        };
        self.close();
        saved.hold = Hold::NoMoreWrites(failure);
        self.current = Some(saved);
        Err(refused(failure()))
    }

    /// Returns true if the release of this value may be deferred. The value is kept for a repeat
    /// until the answer arrives, so a large value is not deferred.
    fn may_defer(&self, text: &Text<'_>) -> bool {
        self.settings.write_ack == WriteAck::Deferred && text.plain_len() <= MAX_DEFERRED
    }

    /// Releases the lock. A session that vanished since it was read is stored again, and only then
    /// is its value sent.
    fn release_or_restore(
        &mut self,
        keys: &Keys,
        release: &Release<'_>,
        text: &Text<'_>,
    ) -> Result<ReleaseReply, StoreError> {
        match self.store.release(keys, release) {
            Ok(ReleaseReply::Gone) => {
                self.store.release(keys, &Release { op: Op::Set(text.stored()), ..release.clone() })
            }
            // Nothing was to be written.
            Ok(_) if release.op == Op::None => Ok(ReleaseReply::Done),
            result => result,
        }
    }

    /// Does the same without waiting for the answer, if that is possible.
    fn release_later(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
        text: &Text<'_>,
        trace: &mut Trace,
    ) -> Result<ReleaseReply, StoreError> {
        let op = if release.op == Op::Keep { Op::Restore(text.stored()) } else { release.op };
        let reply =
            self.store.release_deferred(id, keys, &Release { op, rewrite: false, ..release.clone() })?;
        trace.is_sent = reply.is_none() && op != Op::None;
        Ok(reply.unwrap_or(ReleaseReply::Done))
    }

    /// The same without the lock.
    fn write_or_restore(
        &mut self,
        keys: &Keys,
        write: &Write<'_>,
        text: &Text<'_>,
    ) -> Result<ReleaseReply, StoreError> {
        match self.store.write(keys, write) {
            Ok(ReleaseReply::Gone) => {
                self.store.write(keys, &Write { op: Op::Set(text.stored()), ..write.clone() })
            }
            result => result,
        }
    }

    /// Saves a session that is not PHP's own, which alone leaves something to the next id, and goes
    /// on with that.
    fn save_another(
        &mut self,
        own: Option<Box<Current<S::Lease>>>,
        id: &SessionId,
        text: &Text<'_>,
        ttl: u64,
    ) -> bool {
        let left = self.lineage.take_left();
        let saved = self.fetch_and_save(id, text, ttl);
        self.lineage.set_left(left);
        self.current = own;
        saved
    }

    fn fetch_and_save(&mut self, id: &SessionId, text: &Text<'_>, ttl: u64) -> bool {
        if let Err(failure) = self.fetch(id, Mode::Any, Access::Update, ttl) {
            return self.fail("was not saved", Some(id), &lost(failure));
        }
        let saved = match self.change_since_look(id) {
            Some(failure) => self.fail("was not saved", Some(id), &refused(failure)),
            None => self.save(id.as_str().as_bytes(), text, true, ttl, Writer::Php),
        };
        if saved {
            // The class may write once more, and goes over nothing else than this text.
            self.looks.note(id.clone(), Print::of(text.plain()));
        }
        // A refused write leaves the lock for another write, but none follows here.
        self.close();
        saved
    }

    /// Returns the reason why the session, which was fetched to be written, must not be: a handler
    /// class has read another value. Without locking, the last write wins.
    pub(super) fn change_since_look(&mut self, id: &SessionId) -> Option<Failure> {
        self.settings.lock.as_ref()?;
        let print = self.looks.print_of(id)?.clone();
        let limit = self.size_limit();
        let current = self.current.as_mut()?;
        match current.loaded.data.take().map(|data| compression::original(data, || limit)) {
            Some(Ok(stored)) if print.is_of(&stored) => None,
            Some(_) => Some(Failure::Changed),
            None if State::has_died(None, current.loaded.state.as_deref()) && !print.is_of(b"") => {
                Some(Failure::Destroyed)
            }
            // The session has vanished, or still does not exist.
            None => None,
        }
    }

    /// Returns true only for [`ReleaseReply::Done`]. For PHP, any other answer is a failure with a
    /// warning.
    pub(super) fn answered(
        &mut self,
        id: &SessionId,
        what: &str,
        result: Result<ReleaseReply, StoreError>,
    ) -> bool {
        self.told(id, what, failure_of(result, Loss::Unknown))
    }

    fn loss_of(&self, current: &Current<S::Lease>) -> Loss {
        let Some(lock) = &self.settings.lock else { return Loss::Unknown };
        match clock::since(current.trace.since.time) {
            held if held >= lock.max_hold => Loss::TooLong,
            // The lease began in Redis before its answer came here.
            held if held < lock.lease * 9 / 10 => Loss::Removed,
            _ => match &current.hold {
                Hold::Locked { guard: Some(guard), .. } => {
                    self.store.hindrance(guard).map_or(Loss::Stopped, Loss::NotRenewed)
                }
                _ => Loss::Stopped,
            },
        }
    }

    pub(super) fn told(&mut self, id: &SessionId, what: &str, failure: Option<Failure>) -> bool {
        failure.is_none_or(|failure| self.fail(what, Some(id), &failure))
    }

    pub(super) fn release_of<'a>(&self, token: &'a str, op: Op<'a>, ttl: u64) -> Release<'a> {
        Release {
            token,
            waiter: None,
            op,
            ttl,
            seen: None,
            state: None,
            keep_lock: false,
            rewrite: false,
            nth: 0,
            polling: self.settings.polls(),
            dead_ms: self.dead_ms(),
        }
    }

    fn dead_ms(&self) -> u64 {
        millis(self.settings.dead_life.max(self.settings.ended_memory))
    }

    pub(super) fn write_of<'a>(&self, op: Op<'a>, ttl: u64, seen: Option<&'a str>) -> Write<'a> {
        Write::new(op, ttl, seen, self.dead_ms())
    }
}
