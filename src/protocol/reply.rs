//! Converts replies to values. Any content of a reply that its script cannot have sent is a
//! protocol error.

use redis::Value;

use super::is_still;
use crate::error::{StoreError, too_large};

/// The value that a reply is read as, or the error.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The read-only copy that a session has left under its old id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Copied {
    /// It is there.
    Found(Vec<u8>),
    /// It is not there, or not any more.
    Gone,
    /// The session has got another state since that was read.
    Changed,
}

impl Copied {
    /// The copy, if it is there.
    #[must_use]
    pub fn found(self) -> Option<Vec<u8>> {
        if let Self::Found(copy) = self { Some(copy) } else { None }
    }
}

/// Reads the replies to several commands.
pub fn several(value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        _ => Err(nonsense("plain commands")),
    }
}

/// Reads the reply to TIME, in milliseconds.
pub fn time(value: Value) -> Option<u64> {
    let mut items = Items::new(value, "TIME").ok()?;
    let mut number = || items.text().ok()?.parse::<u64>().ok();
    let (seconds, micros) = (number()?, number()?);
    seconds.checked_mul(1000)?.checked_add(micros / 1000)
}

/// Reads the reply to MGET of a copy and of the state that the session had when it was read.
pub fn copy(value: Value, state: &str) -> Result<Copied> {
    let mut items = Items::new(value, "MGET")?;
    let copy = items.bytes()?;
    let found = items.bytes()?;
    items.end()?;
    match found {
        Some(found) if is_still(&found, state.as_bytes()) => Ok(copy.map_or(Copied::Gone, Copied::Found)),
        Some(found) if !(found.starts_with(b"live|") || found.starts_with(b"dead|")) => Err(nonsense("MGET")),
        _ => Ok(Copied::Changed),
    }
}

pub fn flag(value: &Value) -> Result<bool> {
    match value {
        Value::Int(n) => Ok(*n != 0),
        _ => Err(nonsense("flag")),
    }
}

/// The items of an array reply, taken one by one.
pub struct Items {
    values: std::vec::IntoIter<Value>,
    what: &'static str,
}

impl Items {
    pub fn new(value: Value, what: &'static str) -> Result<Self> {
        match value {
            Value::Array(values) => Ok(Self { values: values.into_iter(), what }),
            _ => Err(nonsense(what)),
        }
    }

    /// Checks that no item is left: the answer to another question may begin in the same way.
    pub fn end(mut self) -> Result<()> {
        self.values.next().map_or(Ok(()), |_| Err(nonsense(self.what)))
    }

    /// Returns true if no item is left.
    pub fn is_over(&self) -> bool {
        self.values.as_slice().is_empty()
    }

    pub fn bytes(&mut self) -> Result<Option<Vec<u8>>> {
        self.values.next().map_or_else(|| Err(nonsense(self.what)), |value| bytes_of(value, self.what))
    }

    /// Checks that the next item is a text of the question. Another one shows that the answer
    /// belongs to an earlier question, perhaps about another session.
    pub fn echo(&mut self, text: &str) -> Result<()> {
        if self.bytes()?.is_some_and(|bytes| bytes == text.as_bytes()) {
            Ok(())
        } else {
            Err(nonsense(self.what))
        }
    }

    pub fn text(&mut self) -> Result<String> {
        let bytes = self.bytes()?.ok_or_else(|| nonsense(self.what))?;
        Ok(text_of(bytes))
    }

    pub fn state(&mut self) -> Result<Option<String>> {
        Ok(self.bytes()?.map(text_of))
    }

    pub fn integer(&mut self) -> Result<i64> {
        match self.values.next() {
            Some(Value::Int(n)) => Ok(n),
            _ => Err(nonsense(self.what)),
        }
    }

    pub fn unsigned(&mut self) -> Result<u64> {
        u64::try_from(self.integer()?).map_err(|_| nonsense(self.what))
    }
}

/// The bytes of an item, which may be missing.
pub fn bytes_of(item: Value, what: &str) -> Result<Option<Vec<u8>>> {
    match item {
        Value::ServerError(error) => Err(too_large(&error).unwrap_or_else(|| nonsense(what))),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::Nil => Ok(None),
        _ => Err(nonsense(what)),
    }
}

/// The bytes as a text. The value of another client may be anything, and this client only compares
/// and shows it.
pub fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

pub fn nonsense(what: &str) -> StoreError {
    StoreError::Protocol(format!("an unexpected reply to {what}"))
}
