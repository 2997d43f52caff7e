//! Writing a session, with its lock (`release.lua`) or without one (`write.lua`).

use redis::Value;

use super::{
    Client, Keys, LATE_MS, Reason, SessionData, SessionId,
    reply::{Items, Result, nonsense},
    script::{LARGE, Payload, RELEASE, ScriptCall, UNLOCK, WRITE, upload},
};
use crate::{
    error::{ServerError, StoreError},
    process::random_hex,
    resp::Command,
};

/// The effect of a write on the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op<'a> {
    /// Stores this value. If the TTL is to stay and the session is gone, the answer is
    /// [`ReleaseReply::Dead`].
    Set(&'a [u8]),
    /// Refreshes the TTL.
    Keep,
    /// Refreshes the TTL, or stores this value if the session is gone. Any answer other than
    /// [`ReleaseReply::Done`] is a refusal.
    Restore(&'a [u8]),
    /// Writes nothing. The TTL is refreshed unless it is 0, and the lock is released.
    None,
    /// Deletes the session, and leaves a mark that tells this reason.
    Delete(&'a Reason),
    /// The same for a session on the list of a user, from elsewhere. If the session has another
    /// user by now, it stays, and the answer is [`ReleaseReply::Dead`].
    Revoke {
        /// The reason of the end.
        reason: &'a Reason,
        /// The list.
        list: &'a str,
        /// The ground for its end.
        by: Proof,
    },
    /// Deletes the session of a user who logs out. If another client has moved it to a new id since
    /// it was read, nothing is deleted, and the answer is [`ReleaseReply::Dead`].
    LogOut,
    /// Ends the session because it goes on under another id, and keeps its value as a read-only
    /// copy for `grace` seconds, or not at all if that is 0. If not `forced`, a session whose lock
    /// is lost, or that has ended since it was read, stays as it is.
    Retire {
        /// The life of the copy in seconds.
        grace: u64,
        /// Ends the session even if another client has its lock.
        forced: bool,
        /// The time of the server, in milliseconds, after which nothing happens, as the request
        /// does not wait any more; or an empty text. Not for one that is `forced`.
        until: &'a str,
    },
    /// Deletes a session that did not exist at the read. No mark is left, unless the session
    /// exists by now.
    Drop,
    /// Moves the session to this key, for a day.
    SetAside(&'a str),
    /// Makes the copy that the session has left under this id the session again. Only for a write
    /// without the lock. The answer is [`ReleaseReply::Gone`] if there is no copy.
    BringBack,
    /// Notes that a session is made of the copy under this id, so that nothing brings the copy
    /// back. Only for a write without the lock, with the state seen. The answer is
    /// [`ReleaseReply::Gone`] if there is no copy, and [`ReleaseReply::Dead`] if it is not that of
    /// this state.
    TakeCopy,
}

/// The ground on which a session ends that is on the list of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proof {
    /// Its place alone. A session without a user ends, too: its login may still be running.
    Place,
    /// Its place is too old for that: a session without a user stays, and the answer is
    /// [`ReleaseReply::Dead`]. One that is not there any more keeps the reason of its end, and the
    /// answer is [`ReleaseReply::Gone`].
    User,
    /// It was not there a moment ago. The same, and a session that is there by now stays.
    Absence,
}

impl Proof {
    fn word(self) -> &'static str {
        match self {
            Self::Place => "del",
            Self::User => "weed",
            Self::Absence => "sweep",
        }
    }
}

/// The arguments of `release.lua`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release<'a> {
    /// The token of the lock.
    pub token: &'a str,
    /// The attempt's entry in the queue, if the attempt was ever queued.
    pub waiter: Option<&'a str>,
    /// The effect on the session.
    pub op: Op<'a>,
    /// The session's new TTL, in seconds. 0 leaves the TTL as it is: a session that does not exist
    /// any more is then over.
    pub ttl: u64,
    /// The state seen at the read.
    pub seen: Option<&'a str>,
    /// The state of a living session to store with the write, or `None` to leave it as it is.
    pub state: Option<&'a str>,
    /// Writes, but keeps the lock.
    pub keep_lock: bool,
    /// Keeps the lock if Redis has no memory for the write, because another write may follow.
    pub rewrite: bool,
    /// The number of earlier writes under this token that had no answer.
    pub nth: u32,
    /// Hands the lock to no waiter, because clients that know no hand-over share the sessions.
    pub polling: bool,
    /// The lifetime of the mark that the end of a session leaves, in milliseconds.
    pub dead_ms: u64,
}

impl<'a> Release<'a> {
    /// Releases the lock without any other effect.
    #[must_use]
    pub fn of_lock(token: &'a str, polling: bool) -> Self {
        Self {
            token,
            waiter: None,
            op: Op::None,
            ttl: 0,
            seen: None,
            state: None,
            keep_lock: false,
            rewrite: false,
            nth: 0,
            polling,
            dead_ms: 0,
        }
    }

    /// The name of this release's receipt. Each write has its own receipt, because a later write
    /// must not take the receipt of the first for its own success.
    #[must_use]
    pub fn receipt(&self) -> String {
        match self.nth {
            0 => self.token.to_owned(),
            n => format!("{}:{n}", self.token),
        }
    }

    /// `release.lua` with its arguments.
    ///
    /// `receipt_ms` is the time for which Redis remembers the result of the release.
    #[must_use]
    pub fn call(&self, keys: &Keys, receipt_ms: u64, how: Payload) -> ScriptCall<'a> {
        let receipt = keys.receipt(&self.receipt());
        let op = match self.op {
            // The session of this request is on the list.
            Op::Revoke { reason, .. } => Op::Delete(reason),
            op => op,
        };
        let staged = staged(op, self.ttl, how).map(|data| (keys.new_value(self.token), data));
        let copy = copy_of(op, keys);
        let other = other_key(op, staged.as_ref(), &copy);
        // A ticket brings all that a session is read from.
        let [data, others @ ..] = SessionData::keys(keys);
        let mut names = [""; SessionData::KEYS + 5];
        names[..5].copy_from_slice(&[data, keys.lock(), keys.wake(), keys.waiters(), &receipt]);
        let count = 5 + others.len();
        names[5..count].copy_from_slice(&others);
        names[count] = other.unwrap_or_default();
        let (word, data) = if staged.is_some() { MOVE } else { op_args(op) };
        let mut call = ScriptCall::new(&RELEASE, if other.is_some() { &names } else { &names[..count] });
        call.upload = staged.as_ref().map(|(key, data)| upload(key, data, self.ttl));
        call.command
            .arg(self.token)
            .arg(self.waiter.unwrap_or(""))
            .arg(word)
            .data(data)
            .number(ttl_of(op, self.ttl))
            .arg(self.seen.unwrap_or(""))
            .number(self.keep_lock.into())
            .number(self.rewrite.into())
            .arg(random_hex())
            .number(receipt_ms)
            .number(self.polling.into())
            .number(dead_ms_of(op, self.dead_ms))
            .arg(state_or_reason(op, self.state));
        call
    }
}

/// Releases a lock that was taken only to see if the session exists.
#[must_use]
pub fn unlock(keys: &Keys, token: &str) -> Command<'static> {
    // The script is sent as text, because this client never reads the reply.
    let mut command = Command::eval(&UNLOCK.text, &[keys.lock()]);
    command.arg(token);
    command
}

/// The arguments of `write.lua`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write<'a> {
    /// The effect on the session.
    pub op: Op<'a>,
    /// The session's new TTL, in seconds. 0 leaves the TTL as it is: a session that does not exist
    /// any more is then over.
    pub ttl: u64,
    /// The state seen at the read.
    pub seen: Option<&'a str>,
    /// The state of a living session to store with the write, or `None` to leave it as it is.
    pub state: Option<&'a str>,
    /// The lifetime of the mark that the end of a session leaves, in milliseconds.
    pub dead_ms: u64,
    /// The token of that mark. A write that is sent once more ends nothing more.
    pub token: String,
}

impl<'a> Write<'a> {
    /// A write that stores no state, with a token of its own.
    #[must_use]
    pub fn new(op: Op<'a>, ttl: u64, seen: Option<&'a str>, dead_ms: u64) -> Self {
        Self { op, ttl, seen, state: None, dead_ms, token: random_hex() }
    }

    /// Has this client, if there is one, know the mark as its own.
    #[must_use]
    pub fn by(mut self, client: Option<Client>) -> Self {
        if let Some(client) = client {
            client.sign(&mut self.token);
        }
        self
    }

    /// `write.lua` with its arguments.
    #[must_use]
    pub fn call(&self, keys: &Keys, how: Payload) -> ScriptCall<'a> {
        let staged = staged(self.op, self.ttl, how).map(|data| (keys.new_value(&self.token), data));
        let copy = copy_of(self.op, keys);
        let mut names = [keys.data(), keys.state(), "", ""];
        let mut count = 2;
        let ends =
            matches!(self.op, Op::Delete(_) | Op::Revoke { .. } | Op::LogOut | Op::Drop | Op::Retire { .. });
        for name in ends.then_some(keys.lock()).into_iter().chain(other_key(self.op, staged.as_ref(), &copy))
        {
            names[count] = name;
            count += 1;
        }
        let (op, data) = if staged.is_some() { MOVE } else { op_args(self.op) };
        let mut call = ScriptCall::new(&WRITE, &names[..count]);
        call.upload = staged.as_ref().map(|(key, data)| upload(key, data, self.ttl));
        call.command
            .arg(op)
            .data(data)
            .number(ttl_of(self.op, self.ttl))
            .arg(self.seen.unwrap_or(""))
            .arg(&self.token)
            .number(dead_ms_of(self.op, self.dead_ms))
            .arg(state_or_reason(self.op, self.state));
        call
    }
}

/// The answers of `release.lua` and `write.lua`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReleaseReply {
    /// The write is done. The lock is released, unless it was to be held.
    Done,
    /// The session has ended, and had left a read-only copy under this id, which is to go as well.
    Ended(String),
    /// [`Op::Keep`]: the session no longer exists. Nothing was released, and [`Op::Set`] should
    /// follow. [`Op::Retire`]: it came later than it should. [`Op::Revoke`]: the session was gone.
    Gone,
    /// The session has ended or moved since it was read, or has another user. Nothing was written,
    /// and the lock is released.
    Dead,
    /// The lock is not ours any more. Nothing was written.
    Lost {
        /// The value of the lock key, if the lock is held.
        holder: Option<String>,
        /// The server's clock at the answer.
        now: u64,
    },
    /// The write failed. The lock is released, unless it was to be held or [`Release::rewrite`]
    /// keeps it.
    Refused(ServerError),
}

impl ReleaseReply {
    /// The answer of `release.lua` or `write.lua`.
    pub fn parse(value: Value) -> Result<Self> {
        if let Value::Array(items) = &value
            && matches!(&items[..], [Value::BulkString(word)] if word == b"ok")
        {
            return Ok(Self::Done);
        }
        let mut items = Items::new(value, "release")?;
        let written = match &*items.text()? {
            "ok" => Self::Done,
            done if done.starts_with("ok:") => {
                let id = SessionId::parse(&done.as_bytes()[3..]).ok_or_else(|| nonsense("release"))?;
                Self::Ended(id.as_str().to_owned())
            }
            "gone" => Self::Gone,
            "dead" => Self::Dead,
            "lost" => Self::Lost {
                holder: Some(items.text()?).filter(|holder| !holder.is_empty()),
                now: items.unsigned()?,
            },
            error => {
                let error = ServerError::parse(error);
                // Any other text is the answer to another question, and perhaps another visitor's
                // secret.
                if error.code.is_empty()
                    || !error.code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
                {
                    return Err(nonsense("release"));
                }
                Self::Refused(error)
            }
        };
        items.end()?;
        Ok(written)
    }
}

/// The answer of `release.lua` to a write that keeps the lock. The script goes on after a refusal
/// that the end of a release would have met as an error, so the refusal is that error here.
pub fn parse_kept(value: Value) -> Result<ReleaseReply> {
    match ReleaseReply::parse(value)? {
        ReleaseReply::Refused(error) => Err(StoreError::Server(error)),
        written => Ok(written),
    }
}

/// Returns the value if it is worth an upload before the script.
fn staged(op: Op<'_>, ttl: u64, how: Payload) -> Option<&[u8]> {
    match op {
        Op::Set(data) if how == Payload::Uploaded && data.len() > LARGE && ttl > 0 => Some(data),
        _ => None,
    }
}

/// The operation for a value that is uploaded before the script.
const MOVE: (&str, &[u8]) = ("move", b"");

/// The key of the copy that the operation leaves.
fn copy_of(op: Op<'_>, keys: &Keys) -> String {
    if let Op::Retire { .. } | Op::BringBack | Op::TakeCopy = op { keys.copy() } else { String::new() }
}

/// The key that a script moves a value from or to.
fn other_key<'a>(op: Op<'a>, staged: Option<&'a (String, &[u8])>, copy: &'a str) -> Option<&'a str> {
    match op {
        Op::Retire { .. } | Op::BringBack | Op::TakeCopy => Some(copy),
        Op::SetAside(key) => Some(key),
        _ => staged.map(|(key, _)| &**key),
    }
}

fn op_args(op: Op<'_>) -> (&'static str, &[u8]) {
    match op {
        Op::Set(data) => ("set", data),
        Op::Keep => ("keep", b""),
        Op::Restore(data) => ("restore", data),
        Op::None => ("none", b""),
        Op::Delete(_) => ("del", b""),
        Op::Revoke { list, by, .. } => (by.word(), list.as_bytes()),
        Op::Retire { forced: true, .. } => ("retire", b""),
        Op::Retire { forced: false, until, .. } => ("freeze", until.as_bytes()),
        Op::LogOut => ("logout", b""),
        Op::Drop => ("drop", b""),
        Op::SetAside(_) => ("aside", b""),
        Op::BringBack => ("back", b""),
        Op::TakeCopy => ("take", b""),
    }
}

/// The state to store, or the reason for which the session ends.
fn state_or_reason<'a>(op: Op<'a>, state: Option<&'a str>) -> &'a str {
    match op {
        Op::Delete(reason) | Op::Revoke { reason, .. } => reason.word(),
        Op::Retire { .. } => Reason::Regenerated.word(),
        Op::LogOut | Op::Drop | Op::SetAside(_) => "",
        _ => state.unwrap_or(""),
    }
}

/// The TTL of the value that the operation leaves.
fn ttl_of(op: Op<'_>, ttl: u64) -> u64 {
    match op {
        Op::Retire { grace, .. } => grace,
        _ => ttl,
    }
}

/// The lifetime of the mark that the end of a session leaves. The mark outlives the copy, and the
/// time for which requests under an old id are late.
fn dead_ms_of(op: Op<'_>, dead_ms: u64) -> u64 {
    match op {
        Op::Retire { grace, .. } => dead_ms.max(LATE_MS.max(grace * 1000) + 1000),
        _ => dead_ms,
    }
}
