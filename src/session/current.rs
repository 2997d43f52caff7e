//! The session that a request has at the moment.

use super::{failure::Failure, hold::Hold, metadata::Metadata, print::Print, trace::Trace};
use crate::{
    compression::Text,
    protocol::{Keys, Live, SessionData, SessionId, State},
};

#[allow(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub(super) struct Current<L> {
    pub(super) id: SessionId,
    pub(super) keys: Keys,
    pub(super) hold: Hold<L>,
    pub(super) loaded: SessionData,
    pub(super) trace: Trace,
    /// Set if this request has stored a change.
    pub(super) is_changed: bool,
    /// Set from a fetch by `validate` or `create` until PHP's read.
    pub(super) unread: bool,
    /// Set if the session was not stored when it was read.
    pub(super) is_new: bool,
    /// Set if the session was never stored before this request, under any id.
    pub(super) is_first: bool,
    pub(super) metadata: Metadata,
    /// The number of writes that have succeeded since the read.
    pub(super) writes: u32,
    /// The session's new TTL if the read did not refresh it, otherwise 0.
    pub(super) ttl_due: u64,
    /// The time by the store's clock at which it ends, if a request that does not prolong it has
    /// changed its id, or is about to.
    pub(super) ends: Option<u64>,
    /// The time at which it was asked for, in nanoseconds: what has happened before that was seen.
    pub(super) asked: u64,
    /// The print of the value that a handler class has read, until the class writes another value.
    pub(super) delivered: Option<Print>,
}

impl<L> Current<L> {
    pub(super) fn has_id(&self, id: &[u8]) -> bool {
        self.id.as_str().as_bytes() == id
    }

    /// Returns true if the lock is ours, or perhaps ours.
    pub(super) fn has_lock(&self) -> bool {
        matches!(self.hold, Hold::Locked { .. } | Hold::Unsure { .. })
    }

    /// Returns true if this request may still write the session as it has read it.
    pub(super) fn is_writable(&self) -> bool {
        self.has_lock() || matches!(self.hold, Hold::Unlocked)
    }

    /// Returns true if PHP has the session open and will save it.
    pub(super) fn is_open(&self) -> bool {
        !self.unread && self.is_writable()
    }

    /// Returns true if the session has left the id.
    pub(super) fn is_overtaken(&self) -> bool {
        matches!(self.hold, Hold::Overtaken)
    }

    /// Returns true if it is the copy that a session has left under its old id.
    pub(super) fn is_copy(&self) -> bool {
        self.is_overtaken() && !self.is_new
    }

    /// Returns true if nothing is stored under its id, as far as this request knows.
    pub(super) fn is_missing(&self) -> bool {
        self.is_new && (self.writes == 0 || self.is_overtaken())
    }

    /// Notes that a change of the session is lost. The request has needed its lock all the same.
    pub(super) fn lose(&mut self) {
        self.is_changed = true;
        self.trace.is_lost = true;
        self.trace.outcome = "refused";
    }

    /// Returns true if the session has the user with whom it was read.
    pub(super) fn has_kept_its_user(&self) -> bool {
        let user = self.metadata.live.as_ref().map(Live::user).unwrap_or_default();
        !user.is_empty() && self.stored_live().is_some_and(|live| live.user() == user)
    }

    /// Returns the reason for which it was ended while this request had it, if it was: it is not
    /// saved any more.
    pub(super) fn why_ended(&self) -> Option<fn() -> Failure> {
        let Hold::NoMoreWrites(why) = self.hold else { return None };
        matches!(why(), Failure::Destroyed | Failure::Revoked | Failure::Chosen | Failure::Ended)
            .then_some(why)
    }

    /// Returns the metadata with which it was read.
    pub(super) fn stored_live(&self) -> Option<Live> {
        State::parse(self.loaded.state.as_deref()?).live().cloned()
    }

    /// Returns true if this write changes the session.
    pub(super) fn is_change(&mut self, changed: bool, text: &Text<'_>) -> bool {
        let changed = changed && !self.is_delivered(text);
        self.trace.is_lost &= !changed;
        self.trace.is_sent = false;
        changed
    }

    /// Returns true if a handler class writes the text as it has read it. The text is remembered
    /// only until another one is written.
    fn is_delivered(&mut self, text: &Text<'_>) -> bool {
        self.delivered = self.delivered.take().filter(|print| print.is_of(text.plain()));
        self.delivered.is_some()
    }
}
