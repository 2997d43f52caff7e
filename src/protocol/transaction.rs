//! The release by a transaction, for a session that no other client has touched.
//!
//! The first try for a session ([`super::first_try`]) makes Redis watch the session's keys. If the
//! lock is still held when the session is to be written, no other request waits for the lock, and
//! no client has touched the session, then MULTI, SET, DEL and EXEC have the effect of
//! `release.lua`, for little more than half of its cost and without the session passing through
//! Lua. Otherwise EXEC does nothing, and the script is asked.
//!
//! WATCH belongs to a connection, and an EXEC ends all of it. So each connection knows which lock
//! it watches. A release with another token, or over another connection, goes to the script.

use redis::Value;

use super::{
    Keys, Op, Release,
    first_try::{FirstTry, Form},
    probe::Capabilities,
    reply::{Result, nonsense},
};
use crate::{
    error::{ServerError, server_error},
    resp::{
        Arg::{self, Data, Joined, Number, Text},
        Batch, word,
    },
};

const DEL: Arg<'static, 'static> = word("DEL");
const EX: Arg<'static, 'static> = word("EX");
const EXEC: Arg<'static, 'static> = word("EXEC");
const EXPIRE: Arg<'static, 'static> = word("EXPIRE");
const MULTI: Arg<'static, 'static> = word("MULTI");
const PX: Arg<'static, 'static> = word("PX");
const SET: Arg<'static, 'static> = word("SET");
const DONE: Arg<'static, 'static> = word("ok");

/// The session that a connection watches.
pub struct Transactions {
    /// Set if the server carries out transactions.
    work: bool,
    watched: Watched,
    /// The token of the lock of [`Watched::Session`]. Its memory is used again.
    token: String,
}

enum Watched {
    Nothing,
    Something,
    Session {
        /// Set if the session exists.
        exists: bool,
    },
}

impl Transactions {
    /// Begins without anything watched.
    pub fn new(capabilities: Capabilities) -> Self {
        Self { work: capabilities.transactions, watched: Watched::Nothing, token: String::new() }
    }

    /// Returns the form for a first try that is sent now.
    pub fn form(&mut self) -> Form {
        if !self.work {
            return Form::Bare;
        }
        let again = !matches!(self.watched, Watched::Nothing);
        self.watched = Watched::Something;
        Form::Watched { again }
    }

    /// Learns from the result of a first try under this token.
    pub fn learn(&mut self, token: &str, tried: &FirstTry) {
        if tried.taken
            && tried.watched
            && let Some(loaded) = &tried.loaded
        {
            token.clone_into(&mut self.token);
            self.watched = Watched::Session { exists: loaded.data.is_some() };
        }
    }

    /// The client itself has changed a key that is watched, so that a transaction would fail.
    pub fn disturb(&mut self) {
        if !matches!(self.watched, Watched::Nothing) {
            self.watched = Watched::Something;
        }
    }

    /// Returns true if a transaction may carry out this release. The caller then sends the
    /// transaction, after which nothing is watched any more.
    pub fn take(&mut self, release: &Release<'_>) -> bool {
        let Watched::Session { exists } = self.watched else { return false };
        let may = self.token == release.token
            && release.waiter.is_none()
            && !release.keep_lock
            && release.nth == 0
            && release.state.is_none()
            && match release.op {
                Op::Set(_) => release.ttl > 0,
                Op::Keep => exists && release.ttl > 0,
                Op::Drop => !exists,
                Op::Restore(_)
                | Op::Delete(_)
                | Op::Revoke { .. }
                | Op::LogOut
                | Op::Retire { .. }
                | Op::SetAside(_)
                | Op::BringBack
                | Op::TakeCopy => false,
                // EXPIRE gives the expected answer only if the session exists.
                Op::None => exists || release.ttl == 0,
            };
        if may {
            self.watched = Watched::Nothing;
        }
        may
    }
}

/// Packs the commands with the effect of `release.lua`. Returns the bytes that Redis answers if all
/// of them succeed.
pub fn pack<'a>(keys: &Keys, release: &Release<'a>, receipt_ms: u64, batch: &mut Batch<'a>) -> &'static [u8] {
    batch.add(&[MULTI]);
    let unlock = [DEL, Text(keys.lock())];
    let answer: &[u8] = match release.op {
        Op::Set(value) => {
            batch.add(&[SET, Text(keys.data()), Data(value), EX, Number(release.ttl)]);
            b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n:1\r\n+OK\r\n"
        }
        Op::None if release.ttl > 0 => {
            batch.add(&[EXPIRE, Text(keys.data()), Number(release.ttl)]);
            batch.add(&unlock);
            batch.add(&[EXEC]);
            return b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n";
        }
        Op::Keep => {
            batch.add(&[EXPIRE, Text(keys.data()), Number(release.ttl)]);
            b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:1\r\n:1\r\n+OK\r\n"
        }
        _ => {
            batch.add(&unlock);
            batch.add(&[EXEC]);
            return b"+OK\r\n+QUEUED\r\n*1\r\n:1\r\n";
        }
    };
    batch.add(&unlock);
    let receipt = keys.receipt_parts(release.token);
    batch.add(&[SET, Joined(&receipt), DONE, PX, Number(receipt_ms)]);
    batch.add(&[EXEC]);
    answer
}

/// The result of a transaction that did not answer as expected.
#[derive(Debug, PartialEq, Eq)]
pub enum Executed {
    /// Redis refused a part of the transaction, and so all of it.
    Refused,
    /// A key that the transaction depends on has changed, so nothing was carried out.
    Changed,
    /// Some commands were refused and the others carried out, as a proxy in front of Redis may do
    /// it.
    Partly {
        /// The refusal of the write, or of the new TTL. The receipt then says nothing.
        refused: Option<ServerError>,
        /// Set if the lock was released.
        is_free: bool,
    },
}

/// Reads the replies to a transaction that did not answer as expected.
pub fn executed(values: &[Value]) -> Result<Executed> {
    match values {
        [.., Value::Nil] => Ok(Executed::Changed),
        [.., Value::ServerError(_)] => Ok(Executed::Refused),
        [_, queued @ .., Value::Array(results)] => partly(queued, results),
        _ => Err(nonsense("a transaction")),
    }
}

/// Reads the answers to the commands as they were queued, and their results.
fn partly(queued: &[Value], results: &[Value]) -> Result<Executed> {
    let error = |value: &Value| match value {
        Value::ServerError(error) => Some(server_error(error)),
        _ => None,
    };
    // A command that was not queued has no result, unless another one was carried out in its place.
    let have_all = results.len() == queued.len();
    let mut results = results.iter();
    let mut outcomes = Vec::with_capacity(queued.len());
    for answer in queued {
        let early = error(answer);
        let result = if early.is_none() || have_all { Some(results.next()) } else { None };
        let late = result.map(|result| result.ok_or_else(|| nonsense("a transaction"))).transpose()?;
        outcomes.push(early.or_else(|| error(late?)));
    }
    if results.next().is_some() || outcomes.iter().all(Option::is_none) {
        return Err(nonsense("a transaction"));
    }
    let (refused, unlock) = match &mut outcomes[..] {
        [unlock] => (None, unlock),
        [write, unlock, ..] => (write.take(), unlock),
        [] => return Err(nonsense("a transaction")),
    };
    Ok(Executed::Partly { refused, is_free: unlock.is_none() })
}
