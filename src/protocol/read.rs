//! A session as it is read: `read.lua`, which takes no lock.

use redis::Value;

use super::{
    Dead, Keys, Live, Reason, State,
    reply::{Items, Result, bytes_of, nonsense, text_of},
    script::{READ, ScriptCall},
};
use crate::resp::{Arg::Text, Batch};

/// A session as read from the server.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct SessionData {
    /// The stored value, or `None` if the session does not exist.
    pub data: Option<Vec<u8>>,
    /// The text of the [state](super::State) at the time of the read. A write is refused if the
    /// session has died since.
    pub state: Option<String>,
}

/// The time that a session has left, and its state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remaining {
    /// The answer to PTTL: -1 if the session has no TTL, -2 if there is no session.
    pub ms: i64,
    /// The text of its state.
    pub state: Option<String>,
}

impl Remaining {
    /// Packs the commands that ask for it.
    pub fn pack(keys: &Keys, batch: &mut Batch<'_>) {
        batch.add(&[Text("PTTL"), Text(keys.data())]);
        batch.add(&[Text("GET"), Text(keys.state())]);
    }

    /// Reads the replies to these commands.
    pub fn parse(values: Vec<Value>) -> Result<Self> {
        let mut items = Items::new(Value::Array(values), "PTTL")?;
        let remaining = Self { ms: items.integer()?, state: items.state()? };
        items.end()?;
        Ok(remaining)
    }
}

impl SessionData {
    /// Returns a session with this value and this state.
    #[must_use]
    pub fn new(data: Option<Vec<u8>>, state: Option<String>) -> Self {
        Self { data, state }
    }

    /// Returns the state of a session that lives, if it has one.
    #[must_use]
    pub fn live(&self) -> Option<Live> {
        let text = self.state.as_deref().filter(|text| self.data.is_some() && text.starts_with("live|"))?;
        State::parse(text).live().cloned()
    }

    /// The time at which the session went on under another id, in milliseconds.
    #[must_use]
    pub fn moved_at(&self) -> Option<u64> {
        self.mark_of_move().filter(|_| self.data.is_none()).map(|mark| mark.at)
    }

    /// The mark that a session has left which went on under another id.
    #[must_use]
    pub fn mark_of_move(&self) -> Option<Dead> {
        match State::parse(self.state.as_deref().filter(|text| text.starts_with("dead|"))?) {
            State::Dead(dead) if dead.reason == Reason::Regenerated => Some(dead),
            _ => None,
        }
    }

    /// Returns true if the session is still stored although its absolute end is over. Most sessions
    /// have no end, and need no time of day.
    #[must_use]
    pub fn is_over(&self, now: impl FnOnce() -> u64) -> bool {
        self.live().is_some_and(|live| live.has_ended(now()))
    }

    /// The number of keys that a session is read from.
    pub const KEYS: usize = 2;

    /// The keys that a session is read from, in the order of the replies. The session itself is the
    /// first of them.
    #[must_use]
    pub fn keys(keys: &Keys) -> [&str; Self::KEYS] {
        [keys.data(), keys.state()]
    }

    /// Reads the session at this place of a reply.
    pub fn next(items: &mut Items) -> Result<Self> {
        Ok(Self { data: items.bytes()?, state: items.state()? })
    }

    /// Reads the values of the keys.
    pub fn of_values(values: Vec<Value>) -> Result<Self> {
        let what = "plain commands";
        let [data, state] = <[Value; Self::KEYS]>::try_from(values).map_err(|_| nonsense(what))?;
        Ok(Self { data: bytes_of(data, what)?, state: bytes_of(state, what)?.map(text_of) })
    }

    /// Reads the session that a ticket brings from this byte on: `<state>\n<0 or 1><data>`.
    #[must_use]
    pub fn of_ticket(mut ticket: Vec<u8>, start: usize) -> Option<Self> {
        let end = start + ticket[start..].iter().position(|b| *b == b'\n')?;
        // A label is any text, as in Items::state.
        let state = String::from_utf8_lossy(&ticket[start..end]).into_owned();
        let is_stored = match ticket.get(end + 1)? {
            b'1' => true,
            b'0' => false,
            _ => return None,
        };
        ticket.drain(..end + 2);
        Some(Self::new(is_stored.then_some(ticket), Some(state).filter(|state| !state.is_empty())))
    }

    /// `read.lua`, which reads without a lock and refreshes the TTL (seconds). `name` is a text
    /// that no other read has.
    #[must_use]
    pub fn call(keys: &Keys, ttl: u64, name: &str) -> ScriptCall<'static> {
        let mut call = ScriptCall::new(&READ, &Self::keys(keys));
        call.command.number(ttl).arg(name);
        call
    }

    /// The answer of `read.lua` to the read with this name.
    pub fn parse(value: Value, name: &str) -> Result<Self> {
        let mut items = Items::new(value, "read")?;
        let loaded = Self::next(&mut items)?;
        items.echo(name)?;
        items.end()?;
        Ok(loaded)
    }
}
