//! Taking the lock and reading the session: `acquire.lua`, the ticket by which a waiter gets both,
//! and `claim.lua`.

use std::sync::Arc;

use redis::Value;

use super::{
    Keys,
    read::SessionData,
    reply::{Items, Result, nonsense},
    script::{ACQUIRE, CLAIM, ScriptCall},
};
use crate::resp::Command;

/// The condition on a session for taking its lock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// No condition: an unknown id is adopted.
    Any,
    /// The session exists (strict mode); otherwise the answer is [`AcquireReply::Absent`].
    Known,
    /// The session does not exist (a new id); otherwise the answer is [`AcquireReply::Exists`].
    New,
}

/// The arguments of `acquire.lua`. Times are in milliseconds unless noted otherwise.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Acquire {
    /// `o:` and 32 hex digits, unique for each attempt.
    pub waiter: String,
    /// `waiter:<n>`, new for each send. 0 is the first send of [`Mode::Known`].
    pub token: String,
    /// The token that the caller already holds, to read again under its own lock.
    pub held_token: Option<String>,
    /// The condition on the session.
    pub mode: Mode,
    /// `host|pid|sapi|uri` of this request, for the warning of requests that wait for it.
    pub info: Arc<str>,
    /// The time that the lock lasts unless it is renewed.
    pub lease: u64,
    /// The session's new TTL, in seconds.
    pub ttl: u64,
    /// The time left to wait; 0 is the last try, which does not queue.
    pub wait: u64,
    /// The largest number of waiters; a further request fails at once. 0 is no limit.
    pub max_waiters: u64,
    /// The longest single block.
    pub recheck: u64,
    /// Polls, because clients that know no hand-over share the sessions.
    pub polling: bool,
}

impl Acquire {
    /// Returns true if a first try ([`super::first_try`]) may send this request: it is the first
    /// send of an attempt that holds nothing yet. A later send asks if a taken lock is free by now,
    /// which only the script can tell.
    #[must_use]
    pub fn is_first_try(&self) -> bool {
        let first = if self.mode == Mode::Known { ":0" } else { ":1" };
        self.held_token.is_none() && self.token.strip_prefix(&self.waiter) == Some(first)
    }

    /// The script with its arguments, as its head lists them.
    #[must_use]
    pub fn call(&self, keys: &Keys) -> ScriptCall<'static> {
        let [data, others @ ..] = SessionData::keys(keys);
        let mut names = vec![data, keys.lock(), keys.wake(), keys.waiters()];
        names.extend(others);
        let mode = match self.mode {
            Mode::Any => "any",
            Mode::Known => "known",
            Mode::New => "new",
        };
        let mut call = ScriptCall::new(&ACQUIRE, &names);
        call.command
            .arg(&self.waiter)
            .arg(&self.token)
            .arg(self.held_token.as_deref().unwrap_or(""))
            .arg(mode)
            .arg(&*self.info)
            .number(self.lease)
            .number(self.ttl)
            .number(self.wait)
            .number(self.max_waiters)
            .number(self.recheck)
            .number(self.polling.into());
        call
    }
}

/// The answers of `acquire.lua`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum AcquireReply {
    /// The lock is ours, and this is the session.
    Held(SessionData),
    /// [`Mode::Known`]: the session does not exist, and nothing is locked. The value is its
    /// state.
    Absent(Option<String>),
    /// [`Mode::New`]: the id is taken, and nothing was locked.
    Exists,
    /// Another client holds the lock.
    Busy {
        /// The value of the lock key.
        holder: String,
        /// Set if the lock has no TTL.
        endless: bool,
        /// The time to block on the wake list; 0 after the last try.
        block: u64,
        /// The server's clock at the answer.
        now: u64,
        /// The session's state.
        state: Option<String>,
    },
    /// `rustredis.lock_max_waiters` other requests are waiting already.
    Full {
        /// The number of waiters.
        waiters: u64,
        /// The value of the lock key.
        holder: String,
        /// Set if the lock has no TTL.
        endless: bool,
        /// The server's clock at the answer.
        now: u64,
    },
}

impl AcquireReply {
    /// The answer of `acquire.lua` to the send with this token. An answer to another send may be
    /// about another session.
    pub fn parse(value: Value, token: &str) -> Result<Self> {
        let mut items = Items::new(value, "acquire")?;
        let acquired = match &*items.text()? {
            "ok" => {
                let loaded = SessionData::next(&mut items)?;
                items.echo(token)?;
                Self::Held(loaded)
            }
            "absent" => {
                let state = items.state()?;
                items.echo(token)?;
                Self::Absent(state)
            }
            "exists" => Self::Exists,
            "busy" => {
                let holder = items.text()?;
                let endless = items.integer()? == -1;
                let (block, now) = (items.unsigned()?, items.unsigned()?);
                Self::Busy { holder, endless, block, now, state: items.state()? }
            }
            "full" => {
                let (waiters, holder, now) = (items.unsigned()?, items.text()?, items.unsigned()?);
                Self::Full { waiters, holder, endless: items.integer()? == -1, now }
            }
            _ => return Err(nonsense("acquire")),
        };
        items.end()?;
        Ok(acquired)
    }
}

/// A lock on its way to a waiter, together with the session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    /// 32 hex digits.
    pub id: String,
    /// The server's clock at the making of the ticket, in milliseconds.
    pub made: u64,
    /// The session.
    pub loaded: SessionData,
}

impl Ticket {
    /// Reads the reply to BLPOP of the list `wake`: nil, or that key and the ticket
    /// `<id>\n<ms>\n<session>`.
    pub fn parse(value: Value, wake: &str) -> Result<Option<Self>> {
        if value == Value::Nil {
            return Ok(None);
        }
        let mut items = Items::new(value, "ticket")?;
        items.echo(wake)?;
        let bytes = items.bytes()?.ok_or_else(|| nonsense("ticket"))?;
        let head = (|| {
            let mut lines = bytes.splitn(3, |b| *b == b'\n');
            let mut line = || std::str::from_utf8(lines.next()?).ok();
            let (id, made) = (line()?.to_owned(), line()?.parse().ok()?);
            Some((id, made, bytes.len() - lines.next()?.len()))
        })();
        let (id, made, start) = head.ok_or_else(|| nonsense("ticket"))?;
        let loaded = SessionData::of_ticket(bytes, start).ok_or_else(|| nonsense("ticket"))?;
        Ok(Some(Self { id, made, loaded }))
    }
}

/// The arguments of `claim.lua`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Claim {
    /// `t:<ticket id>`.
    pub token: String,
    /// The attempt's entry in the queue.
    pub waiter: String,
    /// The lease of the lock, in milliseconds.
    pub lease: u64,
    /// The identity of the request, as in [`Acquire::info`].
    pub info: Arc<str>,
}

impl Claim {
    /// `claim.lua` with its arguments.
    #[must_use]
    pub fn command(&self, keys: &Keys) -> Command<'static> {
        // The script is sent as text, because the reply is read too late to send the text after a
        // NOSCRIPT.
        let mut command = Command::eval(&CLAIM.text, &[keys.lock(), keys.waiters(), keys.state()]);
        command.arg(&self.token).number(self.lease).arg(&self.waiter).arg(&*self.info);
        command
    }
}
