//! A session as it is read: `read.lua`, which takes no lock.

use redis::Value;

use super::{
    Keys,
    reply::{Items, Result},
    script::{READ, ScriptCall},
};

/// A session as read from the server.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct SessionData {
    /// The stored value, or `None` if the session does not exist.
    pub data: Option<Vec<u8>>,
    /// The tombstone at the time of the read. Only a newer tombstone forbids a write.
    pub tombstone: Option<String>,
}

impl SessionData {
    /// `read.lua`, which reads without a lock and refreshes the TTL (seconds).
    #[must_use]
    pub fn call(keys: &Keys, ttl: u64) -> ScriptCall<'static> {
        let mut call = ScriptCall::new(&READ, &[&keys.data, &keys.tombstone]);
        call.command.number(ttl);
        call
    }

    /// The session at this place of a reply: its value and its tombstone.
    pub(super) fn next(items: &mut Items) -> Result<Self> {
        Ok(Self { data: items.bytes()?, tombstone: items.tombstone()? })
    }

    /// The answer of `read.lua`.
    pub fn parse(value: Value) -> Result<Self> {
        let mut items = Items::new(value, "read")?;
        let loaded = Self::next(&mut items)?;
        items.end()?;
        Ok(loaded)
    }
}
