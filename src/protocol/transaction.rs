//! The release by a transaction, where nothing stands in its way.
//!
//! The first try for a session ([`super::first_try`]) has Redis watch its keys. If the lock is still held then, nobody waits for
//! it and nobody has touched the session when it is to be written, MULTI, SET, DEL and EXEC do what `release.lua` would do,
//! for little more than half of its cost and without the session passing through Lua. If not, EXEC does nothing, and the
//! script is asked.
//!
//! WATCH belongs to a connection, and an EXEC ends all of it. So each connection knows which lock it watches; who comes with
//! another token, or over another connection, has the script.

use redis::Value;

use super::{
    Keys, Op, Release,
    first_try::{FirstTry, Form},
    reply::{Result, nonsense},
};
use crate::{
    error::{ServerError, server_error},
    resp::{
        Arg::{Data, Number, Text},
        Batch,
    },
};

/// What a connection knows of transactions.
#[derive(Default)]
pub struct Transactions {
    /// Whether the server carries them out as it should. A user's rights can be taken away meanwhile: harmless, but for a
    /// session whose lock is lost at that very moment.
    work: Option<bool>,
    watched: Watched,
}

#[derive(Default)]
enum Watched {
    #[default]
    Nothing,
    Something,
    Session {
        token: String,
        /// There is such a session.
        exists: bool,
    },
}

impl Transactions {
    /// The form of a try that is sent now.
    pub fn form(&mut self) -> Form {
        let form = match self.work {
            None => Form::Proof,
            Some(false) => Form::Bare,
            Some(true) => Form::Watched { again: !matches!(self.watched, Watched::Nothing) },
        };
        if form != Form::Bare {
            self.watched = Watched::Something;
        }
        form
    }

    /// What a try under this token has shown.
    pub fn learn(&mut self, token: &str, tried: &FirstTry) {
        self.work = self.work.or(tried.transactions);
        if self.work == Some(true)
            && tried.taken
            && tried.watched
            && let Some(loaded) = &tried.loaded
        {
            self.watched = Watched::Session { token: token.to_owned(), exists: loaded.data.is_some() };
        }
    }

    /// Whether a transaction may do this. If so, it is sent, and nothing is watched any more.
    pub fn take(&mut self, release: &Release<'_>) -> bool {
        let Watched::Session { token, exists } = &self.watched else { return false };
        let may = token == release.token
            && release.base.is_none()
            && !release.hold
            && release.nth == 0
            && match release.op {
                Op::Set(_) => true,
                Op::Keep => *exists && release.ttl > 0,
                Op::Drop => !exists,
                Op::Restore(_) | Op::Delete | Op::Leave | Op::SetAside(_) => false,
                // Whether it is there is what EXPIRE answers.
                Op::None => *exists || release.ttl == 0,
            };
        if may {
            self.watched = Watched::Nothing;
        }
        may
    }
}

/// Packs what `release.lua` would do. Returns what Redis answers if it does it.
pub fn pack<'a>(keys: &Keys, release: &Release<'a>, receipt_ms: u64, batch: &mut Batch<'a>) -> &'static [u8] {
    batch.add(&[Text("MULTI")]);
    let unlock = [Text("DEL"), Text(&keys.lock)];
    let answer: &[u8] = match release.op {
        Op::Set(value) => {
            batch.add(&[Text("SET"), Text(&keys.data), Data(value), Text("EX"), Number(release.ttl)]);
            b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n:1\r\n+OK\r\n"
        }
        Op::None if release.ttl > 0 => {
            batch.add(&[Text("EXPIRE"), Text(&keys.data), Number(release.ttl)]);
            batch.add(&unlock);
            batch.add(&[Text("EXEC")]);
            return b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n";
        }
        Op::Keep => {
            batch.add(&[Text("EXPIRE"), Text(&keys.data), Number(release.ttl)]);
            b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:1\r\n:1\r\n+OK\r\n"
        }
        _ => {
            batch.add(&unlock);
            batch.add(&[Text("EXEC")]);
            return b"+OK\r\n+QUEUED\r\n*1\r\n:1\r\n";
        }
    };
    batch.add(&unlock);
    let receipt = keys.receipt(release.token);
    batch.add(&[Text("SET"), Text(&receipt), Text("ok"), Text("PX"), Number(receipt_ms)]);
    batch.add(&[Text("EXEC")]);
    answer
}

/// The result of a transaction that did not answer as expected.
#[derive(Debug, PartialEq, Eq)]
pub enum Executed {
    /// Redis refused a part of it, and so all of it.
    Refused,
    /// A key that it depends on has changed, so nothing was carried out.
    Changed,
    /// Everything but this was carried out, as a proxy in front of Redis may do it. The receipt says
    /// nothing then.
    Partly(ServerError),
}

/// Reads the replies to a transaction that did not answer as expected.
pub fn executed(values: &[Value]) -> Result<Executed> {
    let error = |values: &[Value]| {
        values.iter().find_map(|value| match value {
            Value::ServerError(error) => Some(server_error(error)),
            _ => None,
        })
    };
    match values.last() {
        Some(Value::Nil) => Ok(Executed::Changed),
        Some(Value::ServerError(_)) => Ok(Executed::Refused),
        Some(Value::Array(results)) => error(values)
            .or_else(|| error(results))
            .map(Executed::Partly)
            .ok_or_else(|| nonsense("a transaction")),
        _ => Err(nonsense("a transaction")),
    }
}
