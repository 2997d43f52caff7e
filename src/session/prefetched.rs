//! A prefetch on its way, and its result.

use super::hold::Hold;
use crate::{
    error::StoreError,
    process::stats::Moment,
    protocol::{Keys, SessionData, SessionId},
};

/// A prefetch that was sent.
pub(super) struct Prefetch<L> {
    pub(super) id: SessionId,
    pub(super) keys: Keys,
    pub(super) token: String,
    pub(super) guard: Option<L>,
    pub(super) ahead: Ahead,
}

/// The beginning of the time for which a request has a lock.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    /// The moment when the lock was requested ahead, or was there.
    pub(super) since: Moment,
    /// The number of requests that had waited for locks of this process by then.
    pub(super) kept: u64,
}

/// The result of a prefetch.
pub(super) enum Prefetched<L> {
    /// The session, and its lock if it was wanted. The TTL has not been refreshed.
    Read(Hold<L>, SessionData, Ahead),
    /// The session does not exist, and nothing is locked. The value is its state.
    Absent(Option<String>),
    /// The prefetch has no result, so the session has to be requested now. A token here may hold
    /// the lock, although no answer has said so.
    Ask(Option<String>),
    /// Redis hangs, and has used up the time for its answer.
    Failed(StoreError),
}

impl<L> Prefetched<L> {
    /// The beginning of the time for which the lock is held, if it is.
    pub(super) fn lock_since(&self) -> Option<Ahead> {
        match self {
            Self::Read(Hold::Locked { .. }, _, ahead) => Some(*ahead),
            _ => None,
        }
    }
}
