//! A prefetch on its way, and its result.

use super::hold::Hold;
use crate::{
    error::StoreError,
    protocol::{Keys, SessionData, SessionId},
};

/// A prefetch that was sent.
pub(super) struct Prefetch<L> {
    pub(super) id: SessionId,
    pub(super) keys: Keys,
    pub(super) token: String,
    pub(super) guard: Option<L>,
}

/// The result of a prefetch.
pub(super) enum Prefetched<L> {
    /// The session, and its lock if it was wanted. The TTL has not been refreshed.
    Read(Hold<L>, SessionData),
    /// The session does not exist, and nothing is locked. The value is its state.
    Absent(Option<String>),
    /// The prefetch has no result, so the session has to be requested now. A token here may hold
    /// the lock, although no answer has said so.
    Ask(Option<String>),
    /// Redis hangs, and has used up the time for its answer.
    Failed(StoreError),
}
