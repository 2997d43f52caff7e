//! The counters of writes and of ends.

use super::{failure::Failure, trace::Trace};
use crate::{
    compression::Text,
    process::stats::{self, Count, Observed},
    protocol::Reason,
};

/// The flaw for which PHP must not save its session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// `$_SESSION` lacks a part of what is stored.
    Undecoded,
    /// The text lacks a part of `$_SESSION`.
    NotEncoded,
    /// The session belongs to the process that forked this one.
    Inherited,
}

impl Flaw {
    /// Counts a write that is refused because of this flaw.
    pub fn count(self) {
        stats::count(Count::WritesRefused);
        stats::count(match self {
            Self::Undecoded => Count::RefusedUnread,
            Self::NotEncoded => Count::RefusedNotEncoded,
            Self::Inherited => Count::RefusedForked,
        });
    }
}

/// Counts a write that is refused, although Redis would take it.
pub(super) fn refused(failure: Failure) -> Failure {
    stats::count(Count::WritesRefused);
    stats::count(match failure {
        Failure::Destroyed => Count::RefusedDestroyed,
        Failure::Overtaken => Count::RefusedOvertaken,
        Failure::Copy | Failure::CopyEnded | Failure::CopyOfUser => Count::RefusedCopy,
        Failure::Saved => Count::RefusedSaved,
        Failure::Changed => Count::RefusedChanged,
        Failure::Ended | Failure::Revoked | Failure::Chosen => Count::RefusedEnded,
        Failure::TooLarge(..) => Count::RefusedTooLarge,
        Failure::ReadOnly => Count::RefusedReadOnly,
        Failure::Undelivered | Failure::Unread => Count::RefusedUnread,
        _ => Count::RefusedLost,
    });
    failure
}

/// Counts a change that is lost because its session could not be locked or moved.
pub(super) fn lost(failure: Failure) -> Failure {
    if let Failure::Store(_) | Failure::Refused(_) = failure {
        stats::count(Count::WritesFailed);
        return failure;
    }
    refused(failure)
}

/// Counts a write. `is_unchanged` tells that the lock was of no use.
pub(super) fn count_write(
    trace: &Trace,
    text: &Text<'_>,
    changed: bool,
    is_unchanged: bool,
    failure: Option<&Failure>,
) {
    let slot = trace.since.slot;
    if is_unchanged {
        slot.add(Count::LockedUnchanged);
    }
    // The answer will be counted instead, which may be a refusal.
    if trace.is_sent {
        return;
    }
    match failure {
        None if changed => {
            slot.add(Count::WritesStored);
            slot.observe(Observed::SessionBytes, text.stored().len() as u64);
        }
        // It was counted when the change was lost.
        None if trace.is_lost => {}
        None => slot.add(Count::WritesUnchanged),
        Some(Failure::Store(_) | Failure::Refused(_)) => slot.add(Count::WritesFailed),
        Some(_) => {}
    }
}

/// Counts a session that has ended.
pub(super) fn count_end(reason: &Reason) {
    stats::count(match reason {
        Reason::Logout => Count::EndedLogout,
        Reason::Regenerated => Count::EndedRegenerated,
        Reason::Revoked => Count::EndedRevoked,
        Reason::Limit => Count::EndedLimit,
        Reason::Absolute => Count::EndedAbsolute,
        Reason::Idle | Reason::Other(_) => return,
    });
}
