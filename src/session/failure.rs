//! The messages for sessions that can't be read or saved.

use std::{fmt, time::Duration};

use crate::{
    compression::Unreadable,
    config::{Endpoint, Target},
    error::{ServerError, StoreError},
    process::stats::Count,
    protocol::{CLUSTER_COMMANDS, COMMANDS, Holder, SENTINEL_COMMANDS, SessionId},
};

/// The reason for a failure. The messages name the setting that matters, and never a secret.
#[derive(Debug)]
pub enum Failure {
    /// The id is not `[A-Za-z0-9,-]{1,256}`.
    BadId,
    /// The request to Redis failed.
    Store(StoreError),
    /// Redis refused the write.
    Refused(ServerError),
    /// Another request kept the lock for the whole wait.
    Busy(Duration, Holder),
    /// As many requests as `rustredis.lock_max_waiters` allows wait for the lock already.
    Full(u64, Holder),
    /// This thread has the lock already, so that a wait for it could not end.
    HeldHere,
    /// The lock went to another request before the write, or is gone.
    Lost(Option<Holder>, Loss),
    /// The session was moved or destroyed before this request had read it.
    Overtaken,
    /// The session was moved a moment before this request has read its copy.
    Copy,
    /// That copy has ended since.
    CopyEnded,
    /// That copy is of a session with a user, who may have logged out since.
    CopyOfUser,
    /// The session was moved a moment before this request has read it, which was to end it.
    GoesOn,
    /// This request has already written the session and given its lock back.
    Saved,
    /// The session was changed after a handler class had read it without keeping its lock.
    Changed,
    /// The session was destroyed after it was read.
    Destroyed,
    /// The session's absolute end came after it was read.
    Ended,
    /// This request itself has ended it, with all sessions of its user.
    Revoked,
    /// Another request has ended it, or is about to: a login beyond the limit, or a revocation.
    Chosen,
    /// The session exceeds `rustredis.max_value_size`: its size, and the limit.
    TooLarge(usize, u64),
    /// The session was opened read-only (`read_and_close`, or `rustredis.lock_failure=readonly`).
    ReadOnly,
    /// PHP never got the session (`memory_limit`), so the value that PHP writes at shutdown is not
    /// its next state.
    Undelivered,
    /// The session could not be read, so the value that a handler class writes is not its next
    /// state.
    Unread,
    /// The value, which PHP could not decode or we could not decompress, is kept under this key.
    Kept(String, Option<Unreadable>),
    /// The same for a value that is the copy under an earlier id. It ends by itself.
    DamagedCopy(Option<Unreadable>),
    /// The session can't be decompressed here, and stays as it is.
    Compressed(Unreadable),
    /// The session belongs to the process with this pid, which forked this one.
    Forked(u32),
}

/// The way in which a lock was lost, judged by the time for which the request had it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Loss {
    /// The lease was not over.
    Removed,
    /// `rustredis.lock_max_hold` was over.
    TooLong,
    /// The lease was over, unless it was renewed.
    Stopped,
    /// The lease was over and was not renewed, for this reason.
    NotRenewed(String),
    /// The time was not checked.
    Unknown,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let removed = "its key was removed from Redis: evicted, deleted, or lost with a restart or failover";
        match self {
            Self::Removed => f.write_str(removed),
            Self::TooLong => f.write_str("it ran longer than rustredis.lock_max_hold"),
            Self::Stopped => write!(f, "it was stopped for longer than rustredis.lock_lease, or {removed}"),
            Self::NotRenewed(reason) => {
                write!(f, "it ran longer than rustredis.lock_lease, which was not renewed: {reason}")
            }
            Self::Unknown => write!(
                f,
                "it ran longer than rustredis.lock_max_hold, was stopped for longer than rustredis.lock_lease, or {removed}"
            ),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // PHP's files handler has the same words.
            Self::BadId => f.write_str(
                "Session ID is too long or contains illegal characters. Only the A-Z, a-z, 0-9, \"-\", and \",\" \
                 characters are allowed",
            ),
            Self::Store(error) if error.is_unclear() => {
                write!(f, "{error}; whether the last command was carried out is not known")
            }
            Self::Store(error) => error.fmt(f),
            Self::Refused(error) => error.fmt(f),
            Self::Busy(wait, holder) => write!(
                f,
                "it is {holder}, and did not become free within {} s (rustredis.lock_wait){}",
                wait.as_secs_f64(),
                holder.advice().unwrap_or_default()
            ),
            Self::Full(waiters, holder) => {
                let advice = holder.advice().unwrap_or_default();
                write!(
                    f,
                    "{waiters} requests wait for it already (rustredis.lock_max_waiters); it is {holder}{advice}"
                )
            }
            Self::HeldHere => f.write_str(
                "this very process has its lock, in $_SESSION, in another RustRedis\\SessionHandler or in another fiber, and \
                 would wait for itself",
            ),
            Self::Lost(holder, loss) => {
                write!(f, "this request lost its lock ({loss}), ")?;
                match holder {
                    Some(holder) => write!(f, "the session is now {holder}"),
                    None => f.write_str("and others may have changed the session since"),
                }
            }
            Self::Overtaken => f.write_str(
                "another request moved it to a new id or destroyed it while this one waited for it, or a moment before",
            ),
            Self::Copy => f.write_str(
                "another request moved it to a new id, and this one came under the old id: it has a copy of what the \
                 session was before, which can be read for rustredis.regenerate_grace and not changed",
            ),
            Self::CopyEnded => f.write_str(
                "another request moved it to a new id, and the copy that this one has under the old id has ended since: \
                 rustredis.regenerate_grace was over, the user has logged out, or the session has moved once more",
            ),
            Self::CopyOfUser => f.write_str(
                "another request moved it to a new id, and this one came under the old id: it has a copy of a user's \
                 session, which becomes no second session of that user",
            ),
            Self::GoesOn => f.write_str("another request moved it, and it may go on under the new id"),
            Self::Saved => f.write_str(
                "this request saved it before and gave its lock back; others may have changed the session since",
            ),
            Self::Changed => {
                f.write_str("another request changed it after this one had read it, without a lock that lasts until now")
            }
            Self::Destroyed => f.write_str("another request destroyed it after this one had read it"),
            Self::Ended => f.write_str(
                "its lifetime was over before this request saved it, no matter how it was used \
                 (rustredis.absolute_timeout)",
            ),
            Self::Revoked => f.write_str("this request has ended it, with rustredis_revoke()"),
            Self::Chosen => f.write_str(
                "another request has ended it after this one had read it, by the limit of a login or by rustredis_revoke()",
            ),
            Self::TooLarge(size, limit) => {
                write!(f, "it has {size} bytes, rustredis.max_value_size allows {limit}")
            }
            Self::ReadOnly => f.write_str(
                "it was opened read-only: with read_and_close, or because it was another request's turn or Redis took no \
                 writes (rustredis.lock_failure=readonly)",
            ),
            Self::Undelivered => f.write_str(
                "PHP ran out of memory (memory_limit) while it was read, so $_SESSION does not have what is stored",
            ),
            Self::Unread => f.write_str(
                "this request could not read it, so $_SESSION does not have what is stored",
            ),
            Self::Kept(key, damage) => {
                if let Some(damage) = damage {
                    write!(f, "{damage}; ")?;
                }
                write!(f, "what was stored is kept for a day under the key {key}")
            }
            Self::DamagedCopy(damage) => {
                if let Some(damage) = damage {
                    write!(f, "{damage}; ")?;
                }
                f.write_str(
                    "another request moved it to a new id, and this is the copy of what it was before, which ends with \
                     rustredis.regenerate_grace",
                )
            }
            Self::Compressed(unreadable) => write!(f, "{unreadable}; it stays as it is"),
            Self::Forked(parent) => write!(
                f,
                "it belongs to process {parent}, which forked this one: close the session before the fork, or start \
                 it in the child"
            ),
        }
    }
}

/// The kind of a failure, which decides what an application can do about it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Cause {
    /// None of the other kinds.
    #[default]
    Other,
    /// Redis did not answer, or its answer made no sense.
    Connection,
    /// Another request has the lock.
    Lock(Holder),
    /// Redis refused the command.
    Refusal,
    /// The lock was lost before the write, or given back by an earlier write.
    Loss,
    /// Another request has destroyed the session or moved it to a new id.
    Destruction,
}

impl Failure {
    /// Returns the kind of this failure.
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Store(StoreError::Server(_) | StoreError::Demoted(_)) | Self::Refused(_) => Cause::Refusal,
            Self::Store(StoreError::TooLarge(_)) => Cause::Other,
            Self::Store(_) => Cause::Connection,
            Self::Busy(_, holder) | Self::Full(_, holder) => Cause::Lock(holder.clone()),
            Self::HeldHere => Cause::Lock(Holder::new(String::new(), 0)),
            Self::Lost(..) | Self::Saved | Self::Changed => Cause::Loss,
            Self::Destroyed
            | Self::Ended
            | Self::Overtaken
            | Self::Copy
            | Self::CopyEnded
            | Self::CopyOfUser
            | Self::GoesOn
            | Self::Revoked
            | Self::Chosen => Cause::Destruction,
            _ => Cause::Other,
        }
    }

    /// Returns the counter of failures of Redis, or on the way to it, that has this one.
    pub(super) fn count(&self) -> Option<Count> {
        Some(match self {
            // StoreError::Demoted becomes one of these when nothing more is tried.
            Self::Refused(error) | Self::Store(StoreError::Server(error))
                if error.is_demotion() || error.code == "UNBLOCKED" =>
            {
                Count::ErrorDemoted
            }
            Self::Refused(_) | Self::Store(StoreError::Server(_)) => Count::ErrorRefused,
            Self::Store(StoreError::Connect(_)) => Count::ErrorConnect,
            Self::Store(StoreError::PoolExhausted(_)) => Count::ErrorPool,
            Self::Store(StoreError::Broken(_)) => Count::ErrorBroken,
            Self::Store(StoreError::Timeout(_)) => Count::ErrorTimeout,
            Self::Store(StoreError::Demoted(_)) => Count::ErrorDemoted,
            Self::Store(StoreError::Protocol(_)) => Count::ErrorProtocol,
            Self::Store(StoreError::TooLarge(_)) => Count::ErrorTooLarge,
            _ => return None,
        })
    }

    /// Returns true if the server is a replica, which only reads.
    pub(super) fn is_of_a_replica(&self) -> bool {
        matches!(self, Self::Store(StoreError::Server(error)) | Self::Refused(error) if error.code == "READONLY")
    }

    /// Returns the rule that the Redis user needs, if the failure is a lack of rights.
    pub(super) fn missing_rights(&self, prefix: &str, place: &Target) -> Option<String> {
        let (Self::Store(StoreError::Server(error)) | Self::Refused(error)) = self else { return None };
        let is_special = |c: char| matches!(c, '*' | '?' | '[' | '\\');
        let escape = |c: char| is_special(c).then_some('\\').into_iter().chain([c]);
        let keys: String = prefix.chars().flat_map(escape).collect();
        let (more_commands, more_keys) = match place.endpoint {
            Endpoint::Cluster(_) => (CLUSTER_COMMANDS, format!(" and ~{{{keys}*")),
            Endpoint::Sentinel(_) => (SENTINEL_COMMANDS, String::new()),
            Endpoint::Tcp { .. } | Endpoint::Unix(_) => ("", String::new()),
        };
        let space = if more_commands.is_empty() { "" } else { " " };
        (error.code == "NOPERM").then(|| {
            format!("; the user needs {COMMANDS}{space}{more_commands} and the keys ~{keys}*{more_keys}")
        })
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The length at which an id becomes a secret. Shorter ids can be guessed anyway: PHP's own have at
/// least 22 characters.
const SECRET_LEN: usize = 16;

/// Returns one warning, which tells what did not work, for which session, where, and why.
pub fn warning(what: &str, id: Option<&SessionId>, place: &impl fmt::Display, failure: &Failure) -> String {
    match id {
        Some(id) => {
            // A message from Redis may contain the key. Short ids stay, because they are part of
            // ordinary words, and no secret.
            let mut failure = failure.to_string();
            if id.as_str().len() >= SECRET_LEN {
                failure = failure.replace(id.as_str(), &id.to_string());
            }
            format!("rustredis: session {id} at {place} {what}: {failure}")
        }
        None => format!("rustredis: {failure}"),
    }
}
