//! The return of a session to the id that session_regenerate_id() has left.

use super::{Failure, Session, moved::Moved};
use crate::{
    error::StoreError,
    protocol::{Dead, Keys, Live, Op, Reason, ReleaseReply, State},
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
        // A state takes the place of the mark, by which others know that the session has ended.
        let live = State::Live(mark.live().unwrap_or_else(|| Live::new(now))).to_string();
        let mut write = self.write_of(Op::BringBack, ttl, Some(&state));
        write.state = Some(&live);
        Ok(self.store.write(keys, &write)? == ReleaseReply::Done)
    }
}
