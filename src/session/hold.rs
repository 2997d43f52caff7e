//! A request's hold on its session.

use super::{access::Access, failure::Failure, print::Print};

/// The hold that this request has on the current session.
pub(super) enum Hold<L> {
    /// The lock is ours.
    Locked { token: String, waiter: Option<String>, guard: Option<L> },
    /// The lock is perhaps ours: this many writes under the token had no answer.
    Unsure { token: String, writes: u32 },
    /// Locking is off.
    Unlocked,
    /// The session was moved or destroyed while this request waited for it, or was moved a moment
    /// ago. This request sees the copy that a moved session has left, or an empty session, writes
    /// nothing, and keeps the id: with another id, PHP would overwrite the cookie from the request
    /// that moved the session.
    Overtaken,
    /// The session was read without its lock: another request had its turn, or no lock was wanted
    /// (`read_and_close`).
    ReadOnly,
    /// The lock is released: a write for a handler class gave it back. Another write takes the lock
    /// again, and overwrites nothing but the value with this print.
    Saved(Print),
    /// The lock is no longer ours, or the session was destroyed. Another write would overwrite a
    /// change that was made in between.
    NoMoreWrites(fn() -> Failure),
}

impl<L> Hold<L> {
    /// A session that was read without its lock is never written.
    pub(super) fn after_access(self, access: Access) -> Self {
        match self {
            Self::Unlocked if access == Access::Read => Self::ReadOnly,
            hold => hold,
        }
    }
}
