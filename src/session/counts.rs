//! The counters of writes and of ends.

use super::failure::Failure;
use crate::{
    compression::Text,
    process::stats::{self, Count, Observed, Slot},
    protocol::Reason,
};

/// Counts a write that is refused, although Redis would take it.
pub(super) fn refused(failure: Failure) -> Failure {
    stats::count(Count::WritesRefused);
    stats::count(match failure {
        Failure::Destroyed => Count::RefusedDestroyed,
        Failure::Overtaken => Count::RefusedOvertaken,
        Failure::Copy => Count::RefusedCopy,
        Failure::Saved => Count::RefusedSaved,
        Failure::Changed => Count::RefusedChanged,
        Failure::Ended | Failure::Revoked => Count::RefusedEnded,
        Failure::TooLarge(..) => Count::RefusedTooLarge,
        Failure::ReadOnly => Count::RefusedReadOnly,
        Failure::Undelivered | Failure::Unread => Count::RefusedUnread,
        _ => Count::RefusedLost,
    });
    failure
}

/// Counts a write. `is_unchanged` tells that the lock was of no use.
pub(super) fn count_write(
    slot: &Slot,
    text: &Text<'_>,
    changed: bool,
    is_unchanged: bool,
    failure: Option<&Failure>,
) {
    if is_unchanged {
        slot.add(Count::LockedUnchanged);
    }
    match failure {
        None if changed => {
            slot.add(Count::WritesStored);
            slot.observe(Observed::SessionBytes, text.stored().len() as u64);
        }
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
