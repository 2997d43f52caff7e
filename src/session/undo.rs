//! The return of a session to the id that session_regenerate_id() has left.

use super::{Failure, Session};
use crate::{
    error::StoreError,
    protocol::{Dead, Keys, Live, Op, Reason, ReleaseReply, SessionId, State},
    store::Store,
};

impl<S: Store> Session<S> {
    /// Returns the id under which this session itself has just left a copy.
    pub fn take_copied(&mut self) -> Option<SessionId> {
        self.lineage.take_copied()
    }

    /// Stores a session again under the id that it has left, because PHP does not go on under the
    /// new one. The copy has what was stored there. Returns false if there is none any more: the
    /// time for it is over, or the session was ended meanwhile.
    pub fn bring_back(&mut self, id: &SessionId, ttl: u64) -> bool {
        let keys = self.keys(id);
        let failure = match self.restore_copy(&keys, ttl) {
            Ok(true) => return true,
            Ok(false) => Failure::CopyEnded,
            Err(error) => error.into(),
        };
        let what = "was moved to a new id with which PHP does not go on, and cannot be brought back";
        self.fail(what, Some(id), &failure)
    }

    fn restore_copy(&mut self, keys: &Keys, ttl: u64) -> Result<bool, StoreError> {
        let Some(state) = self.store.time_left(keys)?.state else { return Ok(false) };
        let State::Dead(mark @ Dead { reason: Reason::Regenerated, .. }) = State::parse(&state) else {
            return Ok(false);
        };
        // A late request has made another session of the copy, with which the browser goes on.
        if mark.token == Dead::TAKEN {
            return Ok(false);
        }
        let now = self.store.server_clock();
        // A state takes the place of the mark, by which others know that the session has ended.
        let live = State::Live(mark.live().unwrap_or_else(|| Live::new(now))).to_string();
        let mut write = self.write_of(Op::BringBack, ttl, Some(&state));
        write.state = Some(&live);
        Ok(self.store.write(keys, &write)? == ReleaseReply::Done)
    }
}
