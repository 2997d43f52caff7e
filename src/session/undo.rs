//! The return of a session to the id that session_regenerate_id() has left.

use super::{Failure, Session, moved::Moved, user::is_victim};
use crate::{
    error::StoreError,
    protocol::{Copied, Dead, Frozen, Keys, Live, Op, Reason, ReleaseReply, SessionId, State, UserCall},
    store::Store,
};

impl<S: Store> Session<S> {
    /// Returns the move with which this session itself has just left a copy, or may have left one.
    pub fn take_moved(&mut self) -> Option<Moved> {
        self.lineage.take_moved()
    }

    /// Stores a session again under the id that it has left, because PHP does not go on under the
    /// new one. The copy has what was stored there. Returns false if there is none any more: the
    /// time for it is over, or the session was ended meanwhile. If the session was perhaps not
    /// moved, nothing more is told, as the failure of the move was.
    pub fn bring_back(&mut self, moved: &Moved, ttl: u64) -> bool {
        let keys = self.keys(moved.id());
        let failure = match self.restore_copy(&keys, moved, ttl) {
            Ok(true) => return true,
            _ if !moved.is_sure() => return false,
            Ok(false) => Failure::CopyEnded,
            Err(error) => error.into(),
        };
        let what = "was moved to a new id with which PHP does not go on, and cannot be brought back";
        self.fail(what, Some(moved.id()), &failure)
    }

    fn restore_copy(&mut self, keys: &Keys, moved: &Moved, ttl: u64) -> Result<bool, StoreError> {
        let Some(state) = self.store.time_left(keys)?.state else { return Ok(false) };
        let State::Dead(mark @ Dead { reason: Reason::Regenerated, .. }) = State::parse(&state) else {
            return Ok(false);
        };
        // The mark of another request's move has another token, and so has this one, once a late
        // request has made another session of the copy, with which the browser goes on.
        if mark.token != moved.token() {
            return Ok(false);
        }
        let now = self.store.server_clock();
        let live = mark.live().unwrap_or_else(|| Live::new(now));
        // The user whom it has had since is taken back.
        if moved.list() != live.user() {
            for id in moved.unsaved().into_iter().chain([moved.id()]) {
                self.leave_list(id, &[moved.list().to_owned()]);
            }
        }
        if let Some(id) = moved.unsaved() {
            return self.store_copy(keys, &state, moved, id, live, ttl);
        }
        // A state takes the place of the mark, by which others know that the session has ended.
        let live = State::Live(live).to_string();
        let mut write = self.write_of(Op::BringBack, ttl, Some(&state));
        write.state = Some(&live);
        Ok(self.store.write(keys, &write)? == ReleaseReply::Done)
    }

    /// Stores the copy under this id, which a browser may have. The session has had it after the
    /// one of the copy, and was not stored under it.
    fn store_copy(
        &mut self,
        keys: &Keys,
        mark: &str,
        moved: &Moved,
        id: &SessionId,
        mut live: Live,
        ttl: u64,
    ) -> Result<bool, StoreError> {
        let (Copied::Found(copy), now) = self.store.copy(keys, mark)? else { return Ok(false) };
        let grace = self.settings.regenerate_grace.saturating_mul(1000);
        live.copy = Some(Frozen { until: now.saturating_add(grace), id: moved.id().as_str().to_owned() });
        let state = State::Live(live.clone()).to_string();
        // From now on, a logout, a revocation or a limit finds the session under this id.
        let is_chosen = self.list_keys(live.user()).is_some_and(|list| {
            let (name, before) = (id.as_str(), Some(moved.id().as_str()));
            let bump =
                UserCall::Bump { name, life: live.own_ttl(now, ttl), before, stays: false, passed: None };
            self.store.user_list(&list, &bump).is_ok_and(|answer| is_victim(&answer, id))
        });
        // Another request may have stored a session there by now.
        let mut write = self.write_of(Op::Restore(&copy), ttl, None);
        write.state = Some(&state);
        let mut is_stored = !is_chosen && self.store.write(&self.keys(id), &write)? == ReleaseReply::Done;
        // An end that came before that has changed the mark.
        if is_stored && let Some(dead) = self.changed_mark(keys, mark) {
            let reason = if dead.reason == Reason::Regenerated { &Reason::Logout } else { &dead.reason };
            self.end_id(id, reason, live.user(), "was not ended");
            is_stored = false;
        }
        if !is_stored {
            // It has ended, and its end did not know of the copy.
            self.delete_copy(moved.id().as_str());
            self.leave_list(id, &[live.user().to_owned()]);
        }
        Ok(is_stored)
    }

    /// Returns the mark under these keys, if it is not this one any more. A look without an answer
    /// logs nobody out.
    fn changed_mark(&mut self, keys: &Keys, mark: &str) -> Option<Dead> {
        match State::parse(&self.store.time_left(keys).ok()?.state.filter(|state| state != mark)?) {
            State::Dead(dead) => Some(dead),
            _ => None,
        }
    }
}
