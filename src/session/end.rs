//! The end of a session under its id: `destroy`, a move to a new id, a value that is kept aside.

use std::mem;

use super::{
    Failure, Hold, Session,
    counts::{count_end, lost, refused},
    current::Current,
    failure::Loss,
    millis,
    moved::Moved,
    save::failure_of,
    successor::Told,
};
use crate::{
    compression::Unreadable,
    error::StoreError,
    process::stats::{self, Count},
    protocol::{Dead, Frozen, Live, Op, Reason, Release, ReleaseReply, SessionId, Write},
    store::Store,
};

/// The way in which a session leaves its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leave {
    /// It ends.
    Ended,
    /// It goes on under another id, and late requests can read what was stored before.
    Moved,
    /// It goes on under another id without any of its values. This may be a logout, after which no
    /// request is to see the user's values.
    Emptied,
}

impl Leave {
    /// The way of a session that goes on under another id.
    #[must_use]
    pub fn moved(emptied: bool) -> Self {
        if emptied { Self::Emptied } else { Self::Moved }
    }
}

impl<S: Store> Session<S> {
    /// `destroy`.
    pub fn destroy(&mut self, id: &[u8], leave: Leave) -> bool {
        let Some(id) = SessionId::parse(id) else {
            return self.fail("can't be destroyed", None, &Failure::BadId);
        };
        if leave != Leave::Ended {
            return self.leave(id, leave, true);
        }
        let left = self.left_behind(&id);
        let done = self.end_as(&id, leave, true);
        let left = match done {
            // Another request has moved the session since this one has read it.
            Ok(ReleaseReply::Dead) => match self.left_since(&id) {
                Ok(Some(left)) => Some(left),
                Ok(None) => return true,
                Err(Told) => return false,
            },
            _ => left,
        };
        match left {
            // It goes on under an id that this request does not know.
            Some(left) => match self.end_left(&id, &left) {
                Some(is_ended) => is_ended,
                None => self.fail("was not destroyed", Some(&id), &Failure::GoesOn),
            },
            None => self.answered(&id, "was not destroyed", done),
        }
    }

    /// Ends a session that was never stored, and that PHP has destroyed without a word to us: its
    /// copy under an earlier id ends with it, and its place on the list of its user.
    pub fn end_unsaved(&mut self) {
        let Some(current) = &self.current else { return };
        if current.is_open() && current.is_missing() && current.metadata.live.is_some() {
            let id = current.id.clone();
            self.destroy(id.as_str().as_bytes(), Leave::Ended);
        }
    }

    /// Returns true if the write with which session_regenerate_id() leaves this id, without
    /// deleting the session, is to [`Session::retire`] it. A value that is too large for the new id
    /// is refused by the write instead, and the session stays.
    pub fn retires(&self, id: &[u8], data: &[u8]) -> bool {
        let leaves_a_copy = self.settings.regenerate_grace > 0 && self.limit_below(data).is_none();
        match &self.current {
            Some(current) if current.has_id(id) => match current.hold {
                // It may be refused, even if its value is unchanged.
                Hold::ReadOnly | Hold::Overtaken => true,
                Hold::NoMoreWrites(_) => false,
                _ => leaves_a_copy,
            },
            Some(_) => false,
            None => leaves_a_copy && !SessionId::parse(id).is_some_and(|id| self.has_stayed(&id)),
        }
    }

    /// Leaves the id of a session that goes on under another id. The value that is stored under the
    /// old one stays for a while as a copy that can be read. The new values are not in it: they
    /// may be those of a user who has just logged in, and the id may be an attacker's.
    pub fn retire(&mut self, id: &[u8], emptied: bool) -> bool {
        let Some(id) = SessionId::parse(id) else { return self.fail("was not saved", None, &Failure::BadId) };
        self.leave(id, Leave::moved(emptied), false)
    }

    /// Leaves an id of PHP's session, once: a handler class may write or destroy twice.
    fn leave(&mut self, id: SessionId, leave: Leave, deletes: bool) -> bool {
        if self.current.is_none() && self.lineage.has_left(id.as_str().as_bytes()) {
            return true;
        }
        let kept = if leave == Leave::Moved { self.hold_to_leave(&id) } else { Ok(()) };
        if let Some(failure) = kept.err().or_else(|| self.reason_to_stay(&id, leave)) {
            // PHP gives the session up.
            self.note_loss(id.as_str().as_bytes());
            return self.fail("was not moved to a new id", Some(&id), &lost(failure));
        }
        self.ask_end(id.as_str().as_bytes());
        let left = self.left_behind(&id);
        let takes_copy = left.is_some() && leave == Leave::Moved;
        let left = left.filter(|_| leave == Leave::Emptied);
        // A logout is carried out even if another request has the lock by now.
        let done = self.end_as(&id, leave, deletes && leave == Leave::Emptied);
        if let Some(left) = left
            && self.end_left(&id, &left).is_none()
        {
            self.fail("was not destroyed", Some(&id), &Failure::GoesOn);
        }
        let is_answered = done.is_ok();
        let is_left = self.answered(&id, if deletes { "was not destroyed" } else { "was not saved" }, done);
        if takes_copy && is_left {
            self.lineage.leave_taken_copy(&id);
        }
        self.lineage.note_move(id, is_left, is_answered);
        is_left
    }

    /// Takes the lock of a session that is left without it: a handler class has given it back, or
    /// has read the session elsewhere. The changes of others stay.
    fn hold_to_leave(&mut self, id: &SessionId) -> Result<(), Failure> {
        // Without locking, the last write wins.
        if self.settings.lock.is_none() {
            return Ok(());
        }
        match self.current.take() {
            Some(saved) if saved.id == *id && matches!(saved.hold, Hold::Saved(_)) => {
                self.take_again(saved, 0)
            }
            Some(current) => {
                self.current = Some(current);
                Ok(())
            }
            // An earlier try has left the id already, or it has not.
            None if self.bears_its_own_mark(id)? => Ok(()),
            None => {
                self.take_up(id, 0)?;
                self.lineage.take_back(id, self.current.as_deref_mut());
                Ok(())
            }
        }
    }

    /// Returns true if a move of this session that had no answer was carried out.
    fn bears_its_own_mark(&mut self, id: &SessionId) -> Result<bool, Failure> {
        let Some(token) = self.lineage.unsure_move(id).map(str::to_owned) else { return Ok(false) };
        let keys = self.keys(id);
        Ok(self.store.read(&keys, 0)?.mark_of_move().is_some_and(|mark| mark.token == token))
    }

    /// Returns the reason why a session must not go on under another id.
    fn reason_to_stay(&mut self, id: &SessionId, leave: Leave) -> Option<Failure> {
        if self.failed.as_ref() == Some(id) {
            return Some(Failure::Unread);
        }
        let current = self.current.as_deref().filter(|current| current.id == *id)?;
        if leave != Leave::Moved && !current.is_new {
            return None;
        }
        // The request that has the lock, or has had it since, would lose what it changes.
        match current.hold {
            Hold::ReadOnly => return Some(Failure::ReadOnly),
            Hold::NoMoreWrites(why) => return Some(why()),
            _ => {}
        }
        let Some(mark) = current.loaded.state.clone().filter(|_| current.metadata.mark.is_some()) else {
            // The browser may have got the new id of a login by now.
            let is_late = current.is_overtaken() && current.loaded.mark_of_move().is_some();
            return is_late.then_some(Failure::Overtaken);
        };
        // The change of the id may have been a logout, which nothing else can tell.
        if current.metadata.mark.as_ref().and_then(Dead::live).as_ref().is_some_and(Live::has_user) {
            return Some(Failure::CopyOfUser);
        }
        let keys = current.keys.clone();
        // Logged out is logged out: the copy ends with the session. The request that has left it
        // may still give its own new id up, and bring the session back.
        match self.store.write(&keys, &self.write_of(Op::TakeCopy, 0, Some(&mark))) {
            Ok(ReleaseReply::Done) => None,
            Ok(_) => Some(Failure::CopyEnded),
            Err(error) => Some(error.into()),
        }
    }

    /// Returns true if session_regenerate_id() has tried to leave this id in vain.
    pub(super) fn has_stayed(&self, id: &SessionId) -> bool {
        self.current.is_none() && self.lineage.has_stayed(id)
    }

    /// Ends a session under its id. If not `forced`, a session that goes on under another id must
    /// still be that of this request.
    fn end_as(&mut self, id: &SessionId, leave: Leave, forced: bool) -> Result<ReleaseReply, StoreError> {
        let grace = if leave == Leave::Moved { self.settings.regenerate_grace } else { 0 };
        // A Redis that stalls must not move the session away after PHP has told of a failure.
        let until = (self.store.server_clock() + millis(self.settings.read_timeout)).to_string();
        let current = self.current.as_deref().filter(|current| current.id == *id);
        let is_overtaken = current.is_some_and(Current::is_overtaken);
        let before = current.and_then(|current| current.metadata.live.as_ref()?.copy.clone());
        let mark = current.and_then(|current| current.metadata.mark.as_ref().map(|mark| mark.at));
        let op = match (current, leave) {
            // Frameworks begin each visit with a session that they then throw away.
            (Some(current @ Current { hold: Hold::Locked { .. } | Hold::Unlocked, .. }), _)
                if current.is_missing() =>
            {
                Op::Drop
            }
            (_, Leave::Moved | Leave::Emptied) => Op::Retire { grace, forced, until: &until },
            (Some(_), Leave::Ended) => Op::LogOut,
            // This request has not read it, and cannot tell which session has left the id.
            (None, Leave::Ended) => Op::Delete(&Reason::Logout),
        };
        let logs_out =
            leave == Leave::Emptied && current.is_some_and(|current| self.lineage.has_kept_its_user(current));
        let earlier = current.and_then(|current| self.listed_place(current));
        let lists = self.lists_of(id);
        let result = self.end(id, op);
        if op == Op::Drop && leave == Leave::Moved {
            self.lineage.leave_unsaved(id);
        }
        // A class may try again, and the session that is left is no longer known then.
        if logs_out && result.is_err() {
            self.lineage.leave_no_user();
        }
        let now = self.store.server_clock();
        let before = match &result {
            Ok(ReleaseReply::Ended(copy)) => Some(copy.clone()),
            // The session was never stored.
            Ok(ReleaseReply::Done) => before.filter(|copy| copy.until > now).map(|copy| copy.id),
            _ => return result,
        };
        match op {
            Op::Retire { .. } => count_end(&Reason::Regenerated),
            Op::LogOut | Op::Delete(_) if !is_overtaken => count_end(&Reason::Logout),
            _ => {}
        }
        if leave == Leave::Ended || logs_out {
            self.leave_list(id, &lists);
            if let Some(earlier) = earlier {
                self.leave_list(&earlier, &lists);
            }
        }
        if logs_out {
            self.lineage.leave_no_user();
        }
        self.failed.take_if(|failed| failed == id);
        // A handler class goes on with nothing.
        self.looks.replace(id, b"");
        // A session that goes on without having been stored goes on with the copy.
        if let Some(copy) = before.filter(|_| op != Op::Drop || leave != Leave::Moved) {
            self.delete_copy(&copy);
            // The one that has ended may be another session.
            if leave != Leave::Ended {
                self.lineage.leave_no_copy();
            }
        }
        // A session that is made of a copy leaves no second one. Its logout ends the first.
        let begun = if is_overtaken { mark } else { Some(now).filter(|_| op != Op::Drop) };
        if is_overtaken && leave == Leave::Emptied {
            // The values are gone, and with them the user.
            self.lineage.leave_no_metadata();
        } else if let Some(begun) = begun.filter(|_| grace > 0) {
            let copy = Frozen { until: begun.saturating_add(grace * 1000), id: id.as_str().to_owned() };
            self.lineage.leave_copy(copy, now);
        }
        Ok(ReleaseReply::Done)
    }

    /// Deletes the copy that a session which has ended had left, if the answer tells of one.
    pub(super) fn without_copy(&mut self, reply: ReleaseReply) -> ReleaseReply {
        match reply {
            ReleaseReply::Ended(copy) => {
                self.delete_copy(&copy);
                ReleaseReply::Done
            }
            reply => reply,
        }
    }

    /// Deletes the copy that a session, which has ended, had left under its earlier id.
    /// Returns false after a failure.
    pub(super) fn delete_copy(&mut self, id: &str) -> bool {
        let Some(id) = SessionId::parse(id.as_bytes()) else { return true };
        let keys = self.keys(&id);
        let Err(error) = self.store.delete_copy(&keys) else { return true };
        let what = "can still be read, although it ended under its new id, for rustredis.regenerate_grace";
        self.fail(what, Some(&id), &error.into())
    }

    /// Keeps a value that PHP can't decode for a day, under a key that the warning names. The
    /// session ends.
    pub fn set_aside(&mut self, id: &[u8]) -> bool {
        let Some(id) = SessionId::parse(id) else { return self.fail("can't be kept", None, &Failure::BadId) };
        self.keep_aside(&id, None)
    }

    /// Does the same for a value that can't be decompressed (`damage`). PHP then gets an empty
    /// session.
    pub(super) fn keep_aside(&mut self, id: &SessionId, damage: Option<Unreadable>) -> bool {
        let what = damage.as_ref().map_or("could not be decoded", |_| "could not be decompressed");
        if self.has_copy() && self.current.as_deref().is_some_and(|current| current.id == *id) {
            self.drop_value();
            self.fail(what, Some(id), &Failure::DamagedCopy(damage));
            return true;
        }
        let key = self.keys(id).aside(&self.settings.prefix);
        let result = self.end(id, Op::SetAside(&key));
        let done = self.answered(id, &format!("{what} and was not kept aside"), result);
        if done {
            stats::count(Count::Asides);
            self.fail(what, Some(id), &Failure::Kept(key, damage));
        }
        done
    }

    fn end(&mut self, id: &SessionId, op: Op<'_>) -> Result<ReleaseReply, StoreError> {
        self.drop_unread_other_than(id);
        self.drop_value();
        let Some(mut current) = self.current.take_if(|current| current.id == *id) else {
            let seen = self.lineage.seen_under(id);
            return self.end_unlocked(id, op, seen.as_deref());
        };
        self.lineage.leave(&current);
        self.leave_name(&mut current);
        let before = (mem::replace(&mut current.trace.outcome, "ended"), current.is_changed);
        current.is_changed = true;
        let hold = mem::replace(&mut current.hold, Hold::Unlocked);
        let (keys, seen) = (&current.keys, current.loaded.state.as_deref());
        // A class may try again, and others must not change the session before.
        let stays = |result: &_| matches!(op, Op::Retire { .. }) && is_refused(result);
        let result = match hold {
            Hold::Locked { token, waiter, guard } => {
                let rewrite = matches!(op, Op::Retire { .. });
                let states = Release { seen, rewrite, ..self.release_of(&token, op, 1) };
                let release = Release { waiter: waiter.as_deref(), ..states };
                let mut result = self.store.release(keys, &release);
                if let Some(op) = in_any_case(op, &result) {
                    result = self.store.release(keys, &Release { op, ..release });
                }
                self.note_copy(id, &token, op, &result);
                if stays(&result) {
                    current.hold = Hold::Locked { token, waiter, guard };
                    (current.trace.outcome, current.is_changed) = before;
                    self.current = Some(current);
                    return result;
                }
                if result.is_err() {
                    self.store.give_back(keys, token);
                } else {
                    self.store.end(guard);
                }
                self.released(&mut current);
                result
            }
            // The write that had no answer may have given the lock back to others.
            Hold::Unsure { token, writes } if matches!(op, Op::Retire { forced: false, .. }) => {
                let release = Release { seen, nth: writes, ..self.release_of(&token, op, 1) };
                let mut result = self.store.release(keys, &release);
                if let Some(op) = in_any_case(op, &result) {
                    result = self.store.release(keys, &Release { op, ..release });
                }
                self.note_copy(id, &token, op, &result);
                if result.is_err() {
                    self.store.give_back(keys, token);
                }
                result
            }
            Hold::Overtaken => Ok(ReleaseReply::Done),
            other => {
                let result = self.end_unlocked(id, op, seen);
                if stays(&result) {
                    current.hold = other;
                    (current.trace.outcome, current.is_changed) = before;
                    self.current = Some(current);
                    return result;
                }
                if let Hold::Unsure { token, .. } = other {
                    self.store.give_back(keys, token);
                }
                result
            }
        };
        if op == Op::LogOut && matches!(result, Ok(ReleaseReply::Dead)) {
            // A login that is not saved is none.
            self.give_up_places(&mut current);
        }
        self.leave_figures(&current);
        // A class may try again, and must not go over what others have stored by then.
        let is_unclear =
            matches!(op, Op::Retire { .. }) && result.as_ref().is_err_and(StoreError::is_unclear);
        if let Some(print) = current.delivered.take().filter(|_| is_unclear) {
            self.looks.note(id.clone(), print);
        }
        result
    }

    fn end_unlocked(
        &mut self,
        id: &SessionId,
        op: Op<'_>,
        seen: Option<&str>,
    ) -> Result<ReleaseReply, StoreError> {
        let keys = self.keys(id);
        let client =
            if matches!(op, Op::Retire { .. } | Op::Drop) { None } else { self.lineage.client_of_end(id) };
        let mut write = self.write_of(op, 1, seen).by(client);
        // If an earlier try has left the id, the mark there has its token.
        if let Some(token) = self.lineage.unsure_move(id).filter(|_| matches!(op, Op::Retire { .. })) {
            token.clone_into(&mut write.token);
        }
        let mut result = self.store.write(&keys, &write);
        if let Some(op) = in_any_case(op, &result) {
            result = self.store.write(&keys, &Write { op, ..write.clone() });
        }
        self.note_copy(id, &write.token, op, &result);
        result
    }

    /// Notes the copy that the session leaves under its id, or may have left.
    fn note_copy(
        &mut self,
        id: &SessionId,
        token: &str,
        op: Op<'_>,
        result: &Result<ReleaseReply, StoreError>,
    ) {
        let is_sure = match result {
            Ok(ReleaseReply::Done | ReleaseReply::Ended(_)) => true,
            Err(error) if error.is_unclear() => false,
            _ => return,
        };
        if matches!(op, Op::Retire { grace: 1.., .. }) {
            let list = self.lineage.left_list();
            self.lineage.set_moved(Moved::new(id.clone(), token.to_owned(), is_sure, list));
        }
    }

    /// Ends a session whose absolute end came while this request had it. Returns false if a change
    /// is lost.
    pub(super) fn end_now(&mut self, mut current: Box<Current<S::Lease>>, changed: bool) -> bool {
        let id = current.id.clone();
        current.is_changed |= changed;
        let result = self.end_hold(&mut current, Op::Delete(&Reason::Absolute), || Failure::Ended);
        self.current = Some(current);
        let lists = self.lists_of(&id);
        self.leave_list(&id, &lists);
        let failure = failure_of(result, Loss::Unknown);
        if failure.is_none() {
            count_end(&Reason::Absolute);
        }
        let failure = failure.or_else(|| changed.then(|| refused(Failure::Ended)));
        self.told(&id, "was not saved", failure)
    }

    /// Ends a session that this request has, which saves it no more.
    pub(super) fn end_hold(
        &mut self,
        current: &mut Current<S::Lease>,
        op: Op<'_>,
        why: fn() -> Failure,
    ) -> Result<ReleaseReply, StoreError> {
        let keys = current.keys.clone();
        current.trace.outcome = "ended";
        match mem::replace(&mut current.hold, Hold::NoMoreWrites(why)) {
            Hold::Locked { token, waiter, guard } => {
                let release = Release { waiter: waiter.as_deref(), ..self.release_of(&token, op, 1) };
                let result = self.store.release(&keys, &release);
                if result.is_err() {
                    self.store.give_back(&keys, token);
                } else {
                    self.store.end(guard);
                }
                self.released(current);
                result
            }
            Hold::Unsure { token, writes } => {
                let release = Release { nth: writes, ..self.release_of(&token, op, 1) };
                let result = self.store.release(&keys, &release);
                if result.is_err() {
                    self.store.give_back(&keys, token);
                }
                result
            }
            _ => self.store.write(&keys, &self.write_of(op, 1, None)),
        }
    }
}

/// Returns true if Redis has left the session and its lock as they were, for certain.
fn is_refused(result: &Result<ReleaseReply, StoreError>) -> bool {
    match result {
        Ok(ReleaseReply::Refused(error)) => error.code == "OOM",
        Ok(_) => false,
        Err(error) => !error.is_unclear(),
    }
}

/// Returns the operation to send again, if Redis has called it late and this request still waits:
/// the clock of the server was changed.
pub(super) fn in_any_case<'a>(op: Op<'a>, result: &Result<ReleaseReply, StoreError>) -> Option<Op<'a>> {
    match (op, result) {
        (Op::Retire { grace, forced, until }, Ok(ReleaseReply::Gone)) if !until.is_empty() => {
            Some(Op::Retire { grace, forced, until: "" })
        }
        _ => None,
    }
}
