//! The first try for a session: commands that are sent together, SET NX for the lock and MGET for
//! the rest.
//!
//! Most requests find their session unlocked and unmoved. For them, the first try has the effect of
//! `acquire.lua` and `read.lua` at a fraction of the cost to Redis: an EVALSHA alone takes as long
//! as three commands, each of its keys and arguments takes as long as a third of a command, and Lua
//! hashes each byte of the session. All other cases (another client holds the lock, the slot moves,
//! a right is missing) are left to the scripts, which are asked next. The first try leaves nothing
//! behind that is in their way.
//!
//! A connection whose probe ([`super::probe`]) shows that scripts are refused sends no first try.

use redis::Value;

use super::{
    Acquire, Keys, SessionData,
    reply::{Result, nonsense},
};
use crate::resp::{
    Arg::{self, Joined, Number, Text},
    Batch, DIGITS, decimal, word,
};

const EXISTS: Arg<'static, 'static> = word("EXISTS");
const EXPIRE: Arg<'static, 'static> = word("EXPIRE");
const MGET: Arg<'static, 'static> = word("MGET");
const NX: Arg<'static, 'static> = word("NX");
const PX: Arg<'static, 'static> = word("PX");
const SET: Arg<'static, 'static> = word("SET");
const UNWATCH: Arg<'static, 'static> = word("UNWATCH");
const WATCH: Arg<'static, 'static> = word("WATCH");

/// The form in which a first try is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The try has no WATCH.
    Bare,
    /// The try has a WATCH.
    Watched {
        /// Set if the connection watches other keys, which an UNWATCH ends first.
        again: bool,
    },
}

/// Packs the commands that take the lock, as `acquire.lua` does, and read the session.
pub fn pack(keys: &Keys, acquire: &Acquire, form: Form, now: u64, batch: &mut Batch<'_>) {
    let [data, lock, waiters, state] = [keys.data(), keys.lock(), keys.waiters(), keys.state()];
    let mut digits = [0; DIGITS];
    let now = str::from_utf8(decimal(now, &mut digits)).expect("digits are UTF-8");
    let holder = [&acquire.token, "|", now, "|", &acquire.info];
    let take = [SET, Text(lock), Joined(&holder), NX, PX, Number(acquire.lease)];
    match form {
        Form::Bare => batch.add(&take),
        Form::Watched { again } => {
            if again {
                batch.add(&[UNWATCH]);
            }
            batch.add(&take);
        }
    }
    refresh(keys, acquire.ttl, batch);
    if form != Form::Bare {
        batch.add(&[WATCH, Text(data), Text(lock), Text(waiters), Text(state)]);
        // EXISTS comes after WATCH: if these commands were held up on their way, the lock may have
        // ended already, and another request may wait for it.
        batch.add(&[EXISTS, Text(waiters)]);
    }
    // The lock shows whose replies these are.
    let mut get = [MGET; SessionData::KEYS + 2];
    get[1..=SessionData::KEYS].copy_from_slice(&SessionData::keys(keys).map(Text));
    get[SessionData::KEYS + 1] = Text(lock);
    batch.add(&get);
}

fn refresh(keys: &Keys, ttl: u64, batch: &mut Batch<'_>) {
    // EXPIRE with 0 would delete the session.
    match ttl {
        0 => batch.add(&[EXISTS, Text(keys.data())]),
        ttl => batch.add(&[EXPIRE, Text(keys.data()), Number(ttl)]),
    }
}

/// The number of forms of a read without the lock.
const TURNS: u8 = 4;

/// The form of a read without the lock. Such a read has nothing that Redis would answer with, as
/// the lock of a first try. It therefore asks for more values than the read before it over the same
/// connection, or for fewer: the replies to that one are not taken for its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Turn(u8);

impl Turn {
    /// Returns the form of the next read.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 + 1) % TURNS)
    }

    /// The number of values to ask for. The last one may be asked for several times.
    fn values(self) -> usize {
        SessionData::KEYS + usize::from(self.0)
    }
}

/// Packs the commands that refresh the TTL and read the session.
pub fn pack_read(keys: &Keys, ttl: u64, turn: Turn, batch: &mut Batch<'_>) {
    refresh(keys, ttl, batch);
    let wanted = SessionData::keys(keys).map(Text);
    let mut get = [wanted[SessionData::KEYS - 1]; SessionData::KEYS + TURNS as usize];
    get[0] = MGET;
    get[1..=SessionData::KEYS].copy_from_slice(&wanted);
    batch.add(&get[..=turn.values()]);
}

/// Packs the commands that show if the session exists. The second one changes nothing, because no
/// command leaves anything under its key: a replica, which may lack the session, refuses it.
pub fn pack_exists(keys: &Keys, batch: &mut Batch<'_>) {
    batch.add(&[Text("EXISTS"), Text(keys.data())]);
    batch.add(&[Text("EXPIRE"), Text(&keys.probe()), Number(1)]);
}

/// The result of a first try.
#[derive(Debug)]
pub struct FirstTry {
    /// Set if the lock is ours.
    pub taken: bool,
    /// The session, or `None` if something about the replies is odd.
    pub loaded: Option<SessionData>,
    /// Set if Redis watches every key that a release depends on, since a moment when the lock was
    /// ours and no request waited for it.
    pub watched: bool,
}

impl FirstTry {
    /// Reads the replies to a first try in this form.
    pub fn parse(form: Form, token: &str, mut values: Vec<Value>) -> Result<Self> {
        let mut got = match values.pop() {
            Some(Value::Array(got)) => got,
            Some(Value::ServerError(_)) => Vec::new(),
            _ => return Err(nonsense("plain commands")),
        };
        let (lock, refreshed, watched) = match (form, &values[..]) {
            (Form::Bare, [lock, refreshed]) => (lock, refreshed, false),
            (Form::Watched { again: false }, [lock, refreshed, watch, waiters])
            | (Form::Watched { again: true }, [_, lock, refreshed, watch, waiters]) => {
                (lock, refreshed, *watch == Value::Okay && *waiters == Value::Int(0))
            }
            _ => return Err(nonsense("plain commands")),
        };
        let is_free = match lock {
            Value::Okay => true,
            Value::Nil | Value::ServerError(_) => false,
            _ => return Err(nonsense("plain commands")),
        };
        let ours = |holder: &[u8]| {
            holder.strip_prefix(token.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'|'))
        };
        let is_ours = match got.pop() {
            Some(Value::BulkString(holder)) if ours(&holder) => true,
            // These are the replies to an earlier try, perhaps for another session.
            Some(Value::BulkString(_)) if is_free => return Err(nonsense("plain commands")),
            Some(Value::BulkString(_) | Value::Nil | Value::ServerError(_)) | None => false,
            Some(_) => return Err(nonsense("plain commands")),
        };
        let loaded = if got.is_empty() { None } else { data_of(refreshed, got)? };
        // Without the lock, nothing shows whose replies these are.
        let loaded = loaded.filter(|_| is_ours);
        Ok(Self { taken: is_free, loaded, watched: watched && is_ours })
    }
}

/// Reads the replies to the commands of [`pack_read`]. Returns `None` if the replies leave the
/// session open.
pub fn read_by_commands(turn: Turn, values: Vec<Value>) -> Result<Option<SessionData>> {
    match <[Value; 2]>::try_from(values) {
        Ok([refreshed, Value::Array(mut got)]) if got.len() == turn.values() => {
            got.truncate(SessionData::KEYS);
            // A server that refuses writes at the moment can still return the session. A missing
            // session may be a key of another type.
            let refreshed = if let Value::ServerError(_) = refreshed { Value::Int(1) } else { refreshed };
            data_of(&refreshed, got)
        }
        Ok([_, Value::ServerError(_)]) => Ok(None),
        _ => Err(nonsense("plain commands")),
    }
}

/// Reads the session. Returns `None` if Redis has refused to refresh it, or if it may be of another
/// type.
fn data_of(refreshed: &Value, got: Vec<Value>) -> Result<Option<SessionData>> {
    let loaded = SessionData::of_values(got)?;
    match refreshed {
        Value::Int(0) => {}
        // MGET treats a key of another type as missing.
        Value::Int(1) if loaded.data.is_some() => {}
        Value::Int(1) | Value::ServerError(_) => return Ok(None),
        _ => return Err(nonsense("plain commands")),
    }
    Ok(Some(loaded))
}
