//! The list of a user's sessions (`user.lua`), which has a key and a slot of its own.

use std::fmt::Write;

use redis::Value;
use ring::digest::{SHA256, digest};

use super::{
    Keys, SessionId,
    reply::{Items, Result, nonsense},
    script::{ScriptCall, USER},
};

/// The name of the list of a user's sessions: 32 hex digits, which do not tell who the user is, and
/// which an id may consist of.
#[must_use]
pub fn list_name(user: &[u8]) -> String {
    hex(user, 16)
}

/// A name for a session that gives no access to it.
#[must_use]
pub fn handle(id: &SessionId) -> String {
    hex(&["rustredis-handle\0", id.as_str()].concat().into_bytes(), 8)
}

/// The first bytes of a SHA-256 in hex digits.
fn hex(text: &[u8], bytes: usize) -> String {
    let digest = digest(&SHA256, text);
    digest.as_ref()[..bytes].iter().fold(String::with_capacity(2 * bytes), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The fate of a login beyond the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnLimit {
    /// It ends the session that was not used for the longest time.
    Oldest,
    /// It is refused.
    Refuse,
}

/// A question to a list, or a change of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UserCall<'a> {
    /// Adds a session, within the limit.
    Bind {
        /// The session's name, which is its id.
        name: &'a str,
        /// The time in milliseconds for which it stays on the list without a bump.
        life: u64,
        /// The name that the session had before.
        before: Option<&'a str>,
        /// The number of sessions that the user may have. 0 is no limit.
        limit: u64,
        /// The fate of a session beyond the limit.
        on_limit: OnLimit,
        /// Set if the session still lives under its earlier name, too, which stays on the list.
        stays: bool,
        /// The time in milliseconds since it was read, if it was none of this user's by then. Only
        /// one that was ended since is a victim: before, that was another session.
        age: Option<u64>,
    },
    /// Adds a session, or lets it stay for longer.
    Bump {
        /// As for `Bind`.
        name: &'a str,
        /// As for `Bind`.
        life: u64,
        /// As for `Bind`.
        before: Option<&'a str>,
        /// As for `Bind`.
        stays: bool,
        /// The name that the session had after that one, and under which it was not stored. It
        /// leaves the list.
        passed: Option<&'a str>,
    },
    /// Asks for all sessions.
    List,
    /// Takes sessions off the list.
    Drop(&'a [&'a str]),
    /// Takes sessions off the list that were ended, and still have this value there. A request that
    /// has read one of them before may still put it there, as a victim.
    End(&'a [(&'a str, &'a str)]),
    /// Takes sessions off the list that still have this value there.
    Forget(&'a [(&'a str, &'a str)]),
}

impl UserCall<'_> {
    /// `user.lua` with its arguments. `text` is one that no other call has.
    #[must_use]
    pub fn call(&self, keys: &Keys, text: &str) -> ScriptCall<'static> {
        let mut call = ScriptCall::new(&USER, &[keys.data()]);
        let command = &mut call.command;
        match *self {
            Self::Bind { name, life, before, limit, on_limit, stays, age } => {
                let on_limit = match on_limit {
                    OnLimit::Oldest => "oldest",
                    OnLimit::Refuse => "refuse",
                };
                command.arg("bind").arg(text).arg(name).number(life).arg(before.unwrap_or(""));
                command.number(limit).arg(on_limit);
                if stays || age.is_some() {
                    command.arg(if stays { "1" } else { "" });
                }
                if let Some(age) = age {
                    command.number(age);
                }
            }
            Self::Bump { name, life, before, stays, passed } => {
                command.arg("bump").arg(text).arg(name).number(life).arg(before.unwrap_or(""));
                if stays || passed.is_some() {
                    command.arg("0").arg("").arg(if stays { "1" } else { "" });
                }
                if let Some(passed) = passed {
                    command.arg("").arg(passed);
                }
            }
            Self::List => {
                command.arg("list").arg(text).arg("");
            }
            Self::Drop(names) => {
                command.arg("drop").arg(text);
                for name in names {
                    command.arg(name);
                }
            }
            Self::Forget(places) | Self::End(places) => {
                command.arg(if matches!(self, Self::End(_)) { "end" } else { "forget" }).arg(text);
                for (name, value) in places {
                    command.arg(name).arg(value);
                }
            }
        }
        call
    }
}

/// A session on a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The session.
    pub id: SessionId,
    /// The time in milliseconds of its last bump.
    pub bumped: u64,
    /// Set if a limit has chosen it, and it must still be ended.
    pub is_victim: bool,
    /// The name that it had before its last bump, if it had one.
    pub before: Option<SessionId>,
    /// Its value on the list.
    pub value: String,
}

impl Listed {
    /// The value of a session that was put on a list at this time, for so many milliseconds, in the
    /// place of this one or beside it.
    #[must_use]
    pub fn value(bumped: u64, life: u64, before: Option<&SessionId>) -> String {
        let mut value = format!("{bumped}|{}", bumped.saturating_add(life));
        if let Some(before) = before {
            value += "|";
            value += before.as_str();
        }
        value
    }
}

/// The answer of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserList {
    /// Set if the limit refuses the session that was to be bound.
    pub is_full: bool,
    /// The server's clock.
    pub now: u64,
    /// All sessions, or after a successful bind only the victims. The session that was put there
    /// is among them if it is one.
    pub sessions: Vec<Listed>,
}

impl UserList {
    /// The answer of `user.lua` to the call with this text.
    pub fn parse(value: Value, text: &str) -> Result<Self> {
        const WHAT: &str = "user";
        let mut items = Items::new(value, WHAT)?;
        let is_full = match &*items.text()? {
            "ok" => false,
            "full" => true,
            _ => return Err(nonsense(WHAT)),
        };
        items.echo(text)?;
        let now = items.unsigned()?;
        let mut sessions = Vec::new();
        while !items.is_over() {
            let (name, value) = (items.text()?, items.text()?);
            let plain = value.strip_prefix('-');
            let is_victim = plain.is_some();
            let mut fields = plain.unwrap_or(&value).splitn(3, '|');
            let bumped = fields.next().and_then(|ms| ms.parse().ok());
            let bumped = bumped.filter(|_| fields.next().is_some()).ok_or_else(|| nonsense(WHAT))?;
            let before = fields.next().and_then(|before| SessionId::parse(before.as_bytes()));
            // Another client has written a name that is no id.
            let Some(id) = SessionId::parse(name.as_bytes()) else { continue };
            sessions.push(Listed { id, bumped, is_victim, before, value });
        }
        Ok(Self { is_full, now, sessions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &[&str]) -> Value {
        let item = |text: &&str| match text.strip_prefix(':') {
            Some(number) => Value::Int(number.parse().unwrap()),
            None => Value::BulkString(text.as_bytes().to_vec()),
        };
        Value::Array(items.iter().map(item).collect())
    }

    #[test]
    fn reads_the_sessions() {
        let id = |text: &str| SessionId::parse(text.as_bytes()).unwrap();
        let reply = texts(&["ok", "t", ":9", "-a", "-5|7", "b", "6|8|-a", "no id", "6|8", "c", "6|8|?"]);
        let list = UserList::parse(reply, "t").unwrap();
        let sessions = vec![
            Listed { id: id("-a"), bumped: 5, is_victim: true, before: None, value: "-5|7".into() },
            Listed {
                id: id("b"),
                bumped: 6,
                is_victim: false,
                before: Some(id("-a")),
                value: Listed::value(6, 2, Some(&id("-a"))),
            },
            Listed { id: id("c"), bumped: 6, is_victim: false, before: None, value: "6|8|?".into() },
        ];
        assert_eq!(list, UserList { is_full: false, now: 9, sessions });
        assert!(UserList::parse(texts(&["full", "t", ":9", "a", "5|7"]), "t").unwrap().is_full);
    }

    #[test]
    fn believes_no_other_answer() {
        for bad in [
            &["ok", "u", ":9"][..],
            &["ok", "t"],
            &["ok", "t", ":-9"],
            &["no", "t", ":9"],
            &["ok", "t", ":9", "a"],
            &["ok", "t", ":9", "a", "x|7"],
            &["ok", "t", ":9", "a", "5"],
            &["ok", ":9"],
        ] {
            assert!(UserList::parse(texts(bad), "t").is_err(), "{bad:?}");
        }
        assert!(UserList::parse(Value::Okay, "t").is_err());
    }

    #[test]
    #[cfg_attr(miri, ignore = "the digest is no Rust")]
    fn names_tell_neither_the_user_nor_the_id() {
        assert_eq!(list_name(b"alice"), "2bd806c97f0e00af1a1fc3328fa763a9");
        assert!(SessionId::parse(list_name(b"").as_bytes()).is_some());
        let (a, b) = (SessionId::parse(b"a").unwrap(), SessionId::parse(b"b").unwrap());
        assert_eq!(handle(&a).len(), 16);
        assert_ne!(handle(&a), handle(&b));
    }
}
