//! The first try for a session, by plain commands sent in one go: SET NX for its lock, MGET for the rest.
//!
//! Most requests find their session unlocked and unmoved. For them this does what `acquire.lua` and `read.lua` would do,
//! and costs Redis a fraction of it: an EVALSHA alone takes as long as three commands, each key and argument of it as long
//! as a third of one, and Lua hashes each byte of the session. Whatever else there is to decide (somebody holds the lock,
//! the slot moves, a right is missing) is the scripts', which are asked next; nothing that this has done is in their way.
//!
//! The first session of a connection is always the scripts': a server or a user that cannot run them shows when the session
//! starts, not when it is to be saved. The try of the next one shows whether transactions do, by which the others release
//! ([`super::transaction`]).

use redis::Value;

use super::{
    Acquire, Keys, SessionData,
    reply::{Result, nonsense},
};
use crate::{
    error::too_large,
    resp::{
        Arg::{Number, Text},
        Batch,
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

/// The lock, as `acquire.lua` takes it, and what it guards.
pub fn pack(keys: &Keys, acquire: &Acquire, form: Form, now: u64, batch: &mut Batch<'_>) {
    let Keys { data, lock, waiters, tombstone, .. } = keys;
    let holder = [&*acquire.token, "|", &now.to_string(), "|", &*acquire.info].concat();
    let take = [Text("SET"), Text(lock), Text(&holder), Text("NX"), Text("PX"), Number(acquire.lease)];
    match form {
        Form::Bare => {
            batch.add(&take);
            return pack_read(keys, acquire.ttl, batch);
        }
        // Our own SET is a change as well: this transaction must fail.
        Form::Proof => {
            batch.add(&[Text("WATCH"), Text(lock)]);
            batch.add(&take);
            batch.add(&[Text("MULTI")]);
            batch.add(&[Text("EXEC")]);
        }
        Form::Watched { again } => {
            if again {
                batch.add(&[Text("UNWATCH")]);
            }
            batch.add(&take);
        }
    }
    refresh(keys, acquire.ttl, batch);
    batch.add(&[Text("WATCH"), Text(data), Text(lock), Text(waiters), Text(tombstone)]);
    // Behind the WATCH: were these commands held up on their way, the lock may have ended already, and somebody may wait.
    batch.add(&[Text("EXISTS"), Text(waiters)]);
    batch.add(&[Text("MGET"), Text(tombstone), Text(data), Text(lock)]);
}

fn refresh(keys: &Keys, ttl: u64, batch: &mut Batch<'_>) {
    // EXPIRE 0 would delete.
    match ttl {
        0 => batch.add(&[Text("EXISTS"), Text(&keys.data)]),
        ttl => batch.add(&[Text("EXPIRE"), Text(&keys.data), Number(ttl)]),
    }
}

/// TTL, tombstone and data.
pub fn pack_read(keys: &Keys, ttl: u64, batch: &mut Batch<'_>) {
    refresh(keys, ttl, batch);
    batch.add(&[Text("MGET"), Text(&keys.tombstone), Text(&keys.data)]);
}

/// The result of a first try with plain commands.
#[derive(Debug)]
pub struct FirstTry {
    /// Set if the lock is ours.
    pub taken: bool,
    /// The session, or `None` if something about the replies is odd.
    pub loaded: Option<SessionData>,
    /// Set if Redis watches every key that a release depends on, since a moment when the lock was
    /// ours and no request waited for it.
    pub watched: bool,
    /// The answer to the question if transactions work, as far as the replies show it.
    pub transactions: Option<bool>,
    /// Set if a transaction was begun and its end refused.
    pub left_open: bool,
}

impl FirstTry {
    /// Reads the replies to a first try in this form.
    pub fn parse(form: Form, token: &str, mut values: Vec<Value>) -> Result<Self> {
        let mut got = match values.pop() {
            Some(Value::Array(got)) => got,
            _ => Vec::new(),
        };
        let (transactions, left_open) = match (form, &values[..]) {
            (Form::Proof, [watch, lock, multi, exec, ..]) => {
                let left_open = *multi == Value::Okay && matches!(exec, Value::ServerError(_));
                (proven(watch, lock, multi, exec), left_open)
            }
            _ => (None, false),
        };
        let (lock, refreshed, watched) = match (form, &values[..]) {
            (Form::Bare, [lock, refreshed]) => (lock, refreshed, false),
            (Form::Watched { again: false }, [lock, refreshed, watch, waiters])
            | (Form::Watched { again: true }, [_, lock, refreshed, watch, waiters])
            | (Form::Proof, [_, lock, _, _, refreshed, watch, waiters]) => {
                let is_ours = matches!(got.pop(), Some(Value::BulkString(holder))
                    if holder.strip_prefix(token.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'|')));
                (lock, refreshed, *watch == Value::Okay && *waiters == Value::Int(0) && is_ours)
            }
            _ => return Err(nonsense("plain commands")),
        };
        Ok(Self {
            taken: *lock == Value::Okay,
            loaded: data_of(refreshed, got)?,
            watched,
            transactions,
            left_open,
        })
    }
}

/// Returns whether transactions work, as shown by the transaction that must fail.
fn proven(watch: &Value, lock: &Value, multi: &Value, exec: &Value) -> Option<bool> {
    match (watch, lock, multi, exec) {
        (Value::Okay, Value::Okay, Value::Okay, Value::Nil) => Some(true),
        // The transaction was carried out in spite of our own change, so this is no Redis as we
        // know it.
        (_, Value::Okay, _, Value::Array(_)) => Some(false),
        // The command is not allowed or not known.
        (refused, ..) | (_, _, refused, _) | (.., refused) if is_refusal(refused) => Some(false),
        _ => None,
    }
}

/// Reads the replies to a read with plain commands. Returns `None` if something about them is odd.
pub fn read_by_commands(values: Vec<Value>) -> Result<Option<SessionData>> {
    match <[Value; 2]>::try_from(values) {
        // A server that refuses writes at the moment can still return the session. A missing
        // session may be a key of another type.
        Ok([Value::ServerError(_), Value::Array(got)]) => data_of(&Value::Int(1), got),
        Ok([refreshed, Value::Array(got)]) => data_of(&refreshed, got),
        Ok(_) => Ok(None),
        Err(_) => Err(nonsense("plain commands")),
    }
}

/// Reads a tombstone and the data.
fn data_of(refreshed: &Value, got: Vec<Value>) -> Result<Option<SessionData>> {
    let Ok([stone, data]) = <[Value; 2]>::try_from(got) else { return Ok(None) };
    let bytes = |value| match value {
        Value::BulkString(bytes) => Ok(Some(Some(bytes))),
        Value::Nil => Ok(Some(None)),
        Value::ServerError(error) => too_large(&error).map_or(Ok(None), Err),
        _ => Ok(None),
    };
    let (Some(stone), Some(data)) = (bytes(stone)?, bytes(data)?) else { return Ok(None) };
    match refreshed {
        Value::Int(0) => {}
        // MGET treats a key of another type as missing.
        Value::Int(1) if data.is_some() => {}
        _ => return Ok(None),
    }
    Ok(Some(SessionData { data, tombstone: stone.map(|stone| String::from_utf8_lossy(&stone).into_owned()) }))
}

fn is_refusal(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if ["NOPERM", "ERR"].contains(&error.code()))
}
