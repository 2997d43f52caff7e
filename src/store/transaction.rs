//! The release by a transaction, where nothing stands in its way.
//!
//! The first try for a session ([`super::plain`]) has Redis watch its keys. If the lock is still held then, nobody waits for
//! it and nobody has touched the session when it is to be written, MULTI, SET, DEL and EXEC do what `release.lua` would do,
//! for little more than half of its cost and without the session passing through Lua. If not, EXEC does nothing, and the
//! script is asked.
//!
//! WATCH belongs to a connection, and an EXEC ends all of it. So each connection knows which lock it watches; who comes with
//! another token, or over another connection, has the script.

use redis::Value;

use super::{
    Op, Release, Written,
    redis::RedisStore,
    reply::{self, Executed, Tried},
};
use crate::{
    error::StoreError,
    protocol::Keys,
    resp::{
        Arg::{Data, Number, Text},
        Batch, Command,
    },
};

/// How a first try for a session is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Without WATCH.
    Bare,
    /// With a transaction that must fail. Where MULTI is refused but what follows it is not, the release would be carried out
    /// whatever has happened, so this has to be known before.
    Proof,
    /// With WATCH.
    Watched {
        /// Something else is watched, which ends first.
        again: bool,
    },
}

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
    pub fn learn(&mut self, token: &str, tried: &Tried) {
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
    fn take(&mut self, release: &Release<'_>) -> bool {
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
fn pack<'a>(keys: &Keys, release: &Release<'a>, receipt_ms: u64, batch: &mut Batch<'a>) -> &'static [u8] {
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

impl RedisStore {
    /// Writes and releases the lock if all is as it was when the session was read. None if the script must see to it.
    pub(super) fn release_by_transaction(
        &mut self,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<Option<Written>, StoreError> {
        let receipt_ms = self.receipt_ms();
        self.drop_unusable();
        let Some(connection) = self.current() else { return Ok(None) };
        if !connection.transactions().take(release) {
            return Ok(None);
        }
        let mut batch = connection.batch();
        let expected = pack(keys, release, receipt_ms, &mut batch);
        let answer = connection.request_expecting(batch, expected);
        let answer = self.conclude(answer.map(|answer| answer.unwrap_or(Value::Okay)));
        match self.tell_cluster(keys, answer) {
            Ok(Value::Okay) => Ok(Some(Written::Done)),
            answer => {
                let executed = answer.and_then(reply::several).and_then(|values| reply::executed(&values));
                match self.checked(executed) {
                    Ok(Executed::Refused) => self.discard(),
                    Ok(Executed::Partly(error)) => return Ok(Some(Written::Refused(error))),
                    // Not carried out; or the script asks for the receipt.
                    Ok(Executed::Changed) => {}
                    Err(failure) if failure.is_loss() => {}
                    Err(failure) => return Err(failure),
                }
                Ok(None)
            }
        }
    }

    /// Some refusals of EXEC leave the transaction open in Redis 6.0. Nobody reads this reply: what follows is no part of it.
    pub(super) fn discard(&mut self) {
        if let Some(connection) = self.current() {
            let _ = connection.send_ahead(&mut Command::new("DISCARD"));
        }
    }
}
