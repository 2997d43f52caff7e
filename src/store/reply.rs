//! Converts replies to values. Any content of a reply that its script cannot have sent is a
//! protocol error.

use redis::Value;

use super::{
    Acquired, Loaded, Ticket, Written,
    connection::{server_error, too_large},
    transaction::Form,
};
use crate::error::{ServerError, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// The result of a first try with plain commands ([`super::plain`]).
#[derive(Debug)]
pub struct Tried {
    /// Set if the lock is ours.
    pub taken: bool,
    /// The session, or `None` if something about the replies is odd.
    pub loaded: Option<Loaded>,
    /// Set if Redis watches every key that a release depends on, since a moment when the lock was
    /// ours and no request waited for it.
    pub watched: bool,
    /// The answer to the question if transactions work, as far as the replies show it.
    pub transactions: Option<bool>,
    /// Set if a transaction was begun and its end refused.
    pub left_open: bool,
}

/// Reads the replies to a first try in this form.
pub fn tried(form: Form, token: &str, mut values: Vec<Value>) -> Result<Tried> {
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
    Ok(Tried {
        taken: *lock == Value::Okay,
        loaded: loaded_plainly(refreshed, got)?,
        watched,
        transactions,
        left_open,
    })
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
pub fn read_plainly(values: Vec<Value>) -> Result<Option<Loaded>> {
    match <[Value; 2]>::try_from(values) {
        // A server that refuses writes at the moment can still return the session. A missing
        // session may be a key of another type.
        Ok([Value::ServerError(_), Value::Array(got)]) => loaded_plainly(&Value::Int(1), got),
        Ok([refreshed, Value::Array(got)]) => loaded_plainly(&refreshed, got),
        Ok(_) => Ok(None),
        Err(_) => Err(nonsense("plain commands")),
    }
}

/// Reads a tombstone and the data.
fn loaded_plainly(refreshed: &Value, got: Vec<Value>) -> Result<Option<Loaded>> {
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
    Ok(Some(Loaded { data, tombstone: stone.map(|stone| String::from_utf8_lossy(&stone).into_owned()) }))
}

fn is_refusal(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if ["NOPERM", "ERR"].contains(&error.code()))
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

pub fn acquired(value: Value) -> Result<Acquired> {
    let mut items = Items::new(value, "acquire")?;
    let acquired = match &*items.text()? {
        "ok" => Acquired::Held(items.loaded()?),
        "absent" => Acquired::Absent(items.tombstone()?),
        "exists" => Acquired::Exists,
        "busy" => {
            let holder = items.text()?;
            let endless = items.integer()? == -1;
            let (block, now) = (items.unsigned()?, items.unsigned()?);
            Acquired::Busy { holder, endless, block, now, tombstone: items.tombstone()? }
        }
        "full" => {
            let (waiters, holder, now) = (items.unsigned()?, items.text()?, items.unsigned()?);
            Acquired::Full { waiters, holder, endless: items.integer()? == -1, now }
        }
        _ => return Err(nonsense("acquire")),
    };
    items.end()?;
    Ok(acquired)
}

/// Reads the reply to GET.
pub fn bulk(value: Value) -> Result<Option<Vec<u8>>> {
    Items::new(Value::Array(vec![value]), "GET")?.bytes()
}

pub fn loaded(value: Value) -> Result<Loaded> {
    let mut items = Items::new(value, "read")?;
    let loaded = items.loaded()?;
    items.end()?;
    Ok(loaded)
}

pub fn written(value: Value) -> Result<Written> {
    let mut items = Items::new(value, "release")?;
    let written = match &*items.text()? {
        "ok" => Written::Done,
        "gone" => Written::Gone,
        "dead" => Written::Dead,
        "lost" => Written::Lost {
            holder: Some(items.text()?).filter(|holder| !holder.is_empty()),
            now: items.unsigned()?,
        },
        error => {
            let error = ServerError::parse(error);
            // Anything else is the answer to another question, and perhaps another visitor's secret.
            if error.code.is_empty()
                || !error.code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            {
                return Err(nonsense("release"));
            }
            Written::Refused(error)
        }
    };
    items.end()?;
    Ok(written)
}

pub fn flag(value: &Value) -> Result<bool> {
    match value {
        Value::Int(n) => Ok(*n != 0),
        _ => Err(nonsense("flag")),
    }
}

/// Reads the reply to BLPOP: nil, or the key and the ticket
/// `<id>\n<ms>\n<tombstone>\n<0 or 1><data>`.
pub fn ticket(value: Value) -> Result<Option<Ticket>> {
    if value == Value::Nil {
        return Ok(None);
    }
    let mut items = Items::new(value, "ticket")?;
    items.bytes()?;
    let mut bytes = items.bytes()?.ok_or_else(|| nonsense("ticket"))?;
    let mut lines = bytes.splitn(4, |b| *b == b'\n');
    let parsed = (|| {
        let mut line = || lines.next();
        let text = |line: Option<&[u8]>| std::str::from_utf8(line?).ok().map(str::to_owned);
        let (id, made, tombstone) = (text(line())?, text(line())?.parse().ok()?, text(line())?);
        let rest = line()?;
        let present = match rest.first()? {
            b'1' => true,
            b'0' => false,
            _ => return None,
        };
        Some((id, made, tombstone, present, bytes.len() - (rest.len() - 1)))
    })();
    let (id, made, tombstone, present, start) = parsed.ok_or_else(|| nonsense("ticket"))?;
    bytes.drain(..start);
    let tombstone = Some(tombstone).filter(|t| !t.is_empty());
    Ok(Some(Ticket { id, made, loaded: Loaded { data: present.then_some(bytes), tombstone } }))
}

/// The items of an array reply, taken one by one.
struct Items {
    values: std::vec::IntoIter<Value>,
    what: &'static str,
}

impl Items {
    fn new(value: Value, what: &'static str) -> Result<Self> {
        match value {
            Value::Array(values) => Ok(Self { values: values.into_iter(), what }),
            _ => Err(nonsense(what)),
        }
    }

    /// Nothing must be left: the answer to another question may begin in the same way.
    fn end(mut self) -> Result<()> {
        self.values.next().map_or(Ok(()), |_| Err(nonsense(self.what)))
    }

    fn bytes(&mut self) -> Result<Option<Vec<u8>>> {
        match self.values.next() {
            Some(Value::ServerError(error)) => Err(too_large(&error).unwrap_or_else(|| nonsense(self.what))),
            Some(Value::BulkString(bytes)) => Ok(Some(bytes)),
            Some(Value::Nil) => Ok(None),
            _ => Err(nonsense(self.what)),
        }
    }

    fn text(&mut self) -> Result<String> {
        let bytes = self.bytes()?.ok_or_else(|| nonsense(self.what))?;
        // The value of another client may be anything. This client only compares and shows it.
        Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    fn loaded(&mut self) -> Result<Loaded> {
        Ok(Loaded { data: self.bytes()?, tombstone: self.tombstone()? })
    }

    fn tombstone(&mut self) -> Result<Option<String>> {
        Ok(self.bytes()?.map(|stone| String::from_utf8_lossy(&stone).into_owned()))
    }

    fn integer(&mut self) -> Result<i64> {
        match self.values.next() {
            Some(Value::Int(n)) => Ok(n),
            _ => Err(nonsense(self.what)),
        }
    }

    fn unsigned(&mut self) -> Result<u64> {
        u64::try_from(self.integer()?).map_err(|_| nonsense(self.what))
    }
}

fn nonsense(what: &str) -> StoreError {
    StoreError::Protocol(format!("an unexpected reply to {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pop(ticket: &[u8]) -> Value {
        Value::Array(vec![Value::BulkString(b"k".to_vec()), Value::BulkString(ticket.to_vec())])
    }

    #[test]
    fn reads_tickets() {
        let loaded = |data: Option<&[u8]>, stone: Option<&str>| Loaded {
            data: data.map(<[u8]>::to_vec),
            tombstone: stone.map(str::to_owned),
        };
        let with_data = ticket(pop(b"ab\n17\n\n1a\nb\n")).unwrap().unwrap();
        assert_eq!(with_data, Ticket { id: "ab".into(), made: 17, loaded: loaded(Some(b"a\nb\n"), None) });
        let without = ticket(pop(b"ab\n17\nt:1\n0")).unwrap().unwrap();
        assert_eq!(without.loaded, loaded(None, Some("t:1")));
        assert_eq!(ticket(Value::Nil).unwrap(), None);
    }

    #[test]
    fn refuses_what_no_script_sends() {
        for bad in [&b""[..], b"ab", b"ab\nx\n\n1", b"ab\n1\n\n", b"ab\n1\n\n2x"] {
            assert!(ticket(pop(bad)).is_err(), "{bad:?}");
        }
        assert!(acquired(Value::Okay).is_err());
        assert!(acquired(Value::Array(vec![])).is_err());
        assert!(acquired(Value::Array(vec![Value::BulkString(b"busy".to_vec())])).is_err());
        assert!(written(Value::Array(vec![Value::Int(1)])).is_err());
        assert!(written(texts(&["ok"])).is_ok());
        assert!(matches!(
            written(texts(&["OOM command not allowed when used memory > 'maxmemory'."])),
            Ok(Written::Refused(_))
        ));
        // The answers to other questions: an acquire, a read, BLPOP, MGET.
        for other in [
            &["ok", "n|i:1;", ""][..],
            &["ok", "n|i:1;"],
            &["OOM", ""],
            &["n|i:1;", ""],
            &["card|s:4:\"4111\";"],
            &["PHPREDIS_SESSION:0123456789_WAKE", "x"],
            &["PHPREDIS_SESSION:0123456789_WAKE"],
            &["SECRET,0123456789"],
            &[""],
        ] {
            assert!(written(texts(other)).is_err(), "{other:?}");
        }
        assert!(acquired(texts(&["ok", "n|i:1;", "stone"])).is_ok());
        for other in
            [&["ok", "n|i:1;", "stone", "x"][..], &["exists", "x"], &["absent", "stone", "x"], &["ok"]]
        {
            assert!(acquired(texts(other)).is_err(), "{other:?}");
        }
        assert!(loaded(texts(&["n|i:1;", "stone"])).is_ok());
        assert!(loaded(texts(&["n|i:1;", "stone", "x"])).is_err());
    }

    fn texts(texts: &[&str]) -> Value {
        Value::Array(texts.iter().map(|text| Value::BulkString(text.as_bytes().to_vec())).collect())
    }

    #[test]
    fn a_transaction_without_one_of_its_commands_is_a_refusal() {
        let reply = |bytes: &[u8]| redis::parse_redis_value(bytes).unwrap();
        let error = || reply(b"-ERR value too large\r\n");
        let (ok, queued) = (|| Value::Okay, || Value::SimpleString("QUEUED".into()));
        let partly = Ok(Executed::Partly(ServerError::parse("ERR value too large")));
        let done = || Value::Array(vec![Value::Int(1), Value::Okay]);
        let same = |values: &[Value]| executed(values).map_err(|error| error.to_string());
        assert_eq!(same(&[ok(), error(), queued(), queued(), done()]), partly);
        let within = Value::Array(vec![error(), Value::Int(1), Value::Okay]);
        assert_eq!(same(&[ok(), queued(), queued(), queued(), within]), partly);
        assert_eq!(same(&[ok(), queued(), Value::Nil]), Ok(Executed::Changed));
        assert_eq!(same(&[ok(), error(), reply(b"-EXECABORT x\r\n")]), Ok(Executed::Refused));
        assert!(same(&[ok(), queued(), done()]).is_err());
    }
}
