//! Redis, behind a trait.
//!
//! [`Store`] is what [`crate::session`] and [`crate::lock`] need of a server: the five scripts and one blocking
//! wait. [`redis::RedisStore`] speaks to a server, [`memory::MemoryStore`] is the same in memory, for tests.

mod calls;
mod cluster;
mod connection;
mod error;
mod exchange;
pub mod memory;
mod owed;
mod plain;
mod pool;
mod problems;
pub mod redis;
pub mod renewer;
mod reply;
mod resolve;
mod resp;
mod scripts;
mod sentinel;
pub mod stats;
mod stream;
mod switch;
pub mod threads;
mod tls_problem;
mod transaction;

use std::{
    sync::{Arc, LazyLock},
    thread,
    time::{Duration, Instant},
};

pub use cluster::{ClusterStatus, clusters};
pub use error::{ServerError, StoreError};
pub use owed::{Late, close_connections, take_late};
pub use pool::{PoolStatus, Timer, after_fork, after_fork_in_child, before_fork, pools, timer};
pub use resp::{memory_left, set_memory_left};
pub use stream::Timeouts;

use crate::{
    config::LockSettings,
    lock::Watch,
    session::{Keys, SessionId},
};

/// What a Redis user must be permitted to run, as an ACL rule. The server tells of a script's command that it may not
/// run, but until Redis 7.2 not which one it was.
pub const COMMANDS: &str = "+eval +evalsha +blpop +exists +get +mget +set +del +expire +pexpire +pttl +time +lpop \
                            +rpush +rename +zadd +zcard +zrem +zremrangebyscore";

/// The same for what a Cluster takes besides.
pub const CLUSTER_COMMANDS: &str = "+cluster|slots +asking";

/// What must hold about a session before its lock is taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// Nothing: an unknown id is adopted.
    Any,
    /// The session exists (strict mode); else [`Acquired::Absent`].
    Known,
    /// The session does not exist (a new id); else [`Acquired::Exists`].
    New,
}

/// The arguments of `acquire.lua`. Times are in milliseconds unless they say otherwise.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Acquire {
    /// `o:` and 32 hex digits, one for each attempt.
    pub base: String,
    /// `base:<n>`, a new one for each send. 0 is the first of [`Mode::Known`].
    pub token: String,
    /// The token that the caller holds already: reading again under one's own lock.
    pub held: Option<String>,
    /// What must hold about the session.
    pub mode: Mode,
    /// `host|pid|sapi|uri`: who asks, for the warning that others see while they wait.
    pub info: Arc<str>,
    /// How long the lock lasts unless it is renewed.
    pub lease: u64,
    /// The session's new TTL, in seconds.
    pub ttl: u64,
    /// What is left of the wait; 0 is the last try, which does not queue.
    pub wait: u64,
    /// Fail at once behind more waiters than this; 0 is no limit.
    pub max_waiters: u64,
    /// The longest single block.
    pub recheck: u64,
    /// Poll: clients that know no hand-over share the sessions.
    pub mixed: bool,
}

/// The answers of `acquire.lua`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Acquired {
    /// The lock is ours, and this is the session.
    Held(Loaded),
    /// [`Mode::Known`]: there is no such session, and nothing is locked; with its tombstone.
    Absent(Option<String>),
    /// [`Mode::New`]: the id is taken, and nothing was locked.
    Exists,
    /// Somebody holds it.
    Busy {
        /// The value of the lock key.
        holder: String,
        /// Its lock has no TTL.
        endless: bool,
        /// How long to block on the wake list; 0 after the last try.
        block: u64,
        /// The server's clock when it answered.
        now: u64,
        /// The tombstone that lies there.
        tombstone: Option<String>,
    },
    /// `rustredis.lock_max_waiters` others wait already.
    Full {
        /// How many.
        waiters: u64,
        /// The value of the lock key.
        holder: String,
        /// Its lock has no TTL.
        endless: bool,
        /// The server's clock when it answered.
        now: u64,
    },
}

/// A session as it was read.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Loaded {
    /// The stored value; none if there is no such session.
    pub data: Option<Vec<u8>>,
    /// The tombstone that lay there at the time: only a newer one forbids a write.
    pub tombstone: Option<String>,
}

/// The lock on its way to a waiter, with the session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    /// 32 hex digits.
    pub id: String,
    /// The server's clock when it was made, in milliseconds.
    pub made: u64,
    /// The session.
    pub loaded: Loaded,
}

/// What a write does to the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op<'a> {
    /// Store this value.
    Set(&'a [u8]),
    /// Refresh the TTL.
    Keep,
    /// Refresh the TTL, or store this where the session is gone: an answer other than done is a refusal.
    Restore(&'a [u8]),
    /// Nothing is written. The TTL is refreshed unless it is 0, and the lock is released.
    None,
    /// Delete it and leave a tombstone.
    Delete,
    /// The same because it goes on under another id, which the tombstone says.
    Leave,
    /// Delete what was not there when it was read. It leaves no tombstone, unless there is something by now.
    Drop,
    /// Move it to this key, for a day.
    SetAside(&'a str),
}

/// The arguments of `release.lua`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release<'a> {
    /// The token of the lock.
    pub token: &'a str,
    /// The attempt's entry in the queue, if it ever queued.
    pub base: Option<&'a str>,
    /// What to do with the session.
    pub op: Op<'a>,
    /// The session's new TTL, in seconds.
    pub ttl: u64,
    /// The tombstone seen at read.
    pub tombstone: Option<&'a str>,
    /// Write, and keep the lock.
    pub hold: bool,
    /// Keep the lock if Redis has no memory for the write: another one may follow.
    pub retry: bool,
    /// How many writes under this token had no answer before this one.
    pub nth: u32,
    /// No hand-over: clients that know none share the sessions.
    pub mixed: bool,
    /// How long a tombstone lasts, in milliseconds.
    pub tombstone_ms: u64,
}

impl Acquire {
    /// Whether plain commands may try it: the first send of an attempt that holds nothing yet. A later one asks whether a
    /// lock that was taken is free by now, which is the script's to say.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let first = if self.mode == Mode::Known { ":0" } else { ":1" };
        self.held.is_none() && self.token.strip_prefix(&self.base) == Some(first)
    }
}

impl<'a> Release<'a> {
    /// Gives back the lock and does nothing else.
    #[must_use]
    pub fn of_lock(token: &'a str, mixed: bool) -> Self {
        Self {
            token,
            base: None,
            op: Op::None,
            ttl: 0,
            tombstone: None,
            hold: false,
            retry: false,
            nth: 0,
            mixed,
            tombstone_ms: 0,
        }
    }

    /// What the receipt of this release is named after. Each write has its own: a later one must not take the
    /// receipt of the first for its own success.
    #[must_use]
    pub fn receipt(&self) -> String {
        match self.nth {
            0 => self.token.to_owned(),
            n => format!("{}:{n}", self.token),
        }
    }
}

/// The arguments of `write.lua`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write<'a> {
    /// What to do with the session.
    pub op: Op<'a>,
    /// The session's new TTL, in seconds.
    pub ttl: u64,
    /// The tombstone seen at read.
    pub tombstone: Option<&'a str>,
    /// How long a tombstone lasts, in milliseconds.
    pub tombstone_ms: u64,
}

/// The answers of `release.lua` and `write.lua`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// Done; the lock is released, unless it was to be held.
    Done,
    /// [`Op::Keep`]: the session is not there any more. Nothing was released: send [`Op::Set`].
    Gone,
    /// Somebody destroyed the session since it was read. Nothing was written; the lock is released.
    Dead,
    /// The lock is not ours any more. Nothing was written.
    Lost {
        /// The value of the lock key, if somebody holds it.
        holder: Option<String>,
        /// The server's clock when it answered.
        now: u64,
    },
    /// The write failed; the lock is released, unless it was to be held or [`Release::retry`] says otherwise.
    Refused(ServerError),
}

/// A server that holds sessions. One value serves one session at a time, over one connection.
pub trait Store {
    /// Takes the lock and reads the session, or joins the queue.
    fn acquire(&mut self, keys: &Keys, acquire: &Acquire) -> Result<Acquired, StoreError>;

    /// Blocks until a ticket arrives, `block` passes (`None`), or something breaks.
    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError>;

    /// Turns a popped ticket into a held lock; false if it is too late.
    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError>;

    /// The same without waiting for the answer, which a later command of this store reads and drops: whether
    /// the lock is held shows at the release.
    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError>;

    /// Reads without a lock and refreshes the TTL (seconds).
    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<Loaded, StoreError>;

    /// Writes under the lock and releases it. A lost reply is asked for again.
    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<Written, StoreError>;

    /// The same without waiting for the answer, where that is possible: then it is [`Written::Done`], and what became
    /// of it is in [`take_late`] later. Not for [`Op::Keep`], whose answer may ask for more.
    fn release_later(
        &mut self,
        _id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<Written, StoreError> {
        self.release(keys, release)
    }

    /// Writes without a lock.
    fn write(&mut self, keys: &Keys, write: &Write<'_>) -> Result<Written, StoreError>;

    /// The clock of the server that has the session, in milliseconds.
    fn server_time(&mut self, keys: &Keys) -> Result<u64, StoreError>;

    /// Whether the session exists.
    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError>;

    /// Sends an acquire whose answer [`Store::acquired_ahead`] waits for. False if there is no connection to send it
    /// over: none is made for this, and nothing is waited for.
    fn acquire_ahead(&mut self, keys: &Keys, acquire: &Acquire) -> bool;

    /// The answer to the last [`Store::acquire_ahead`].
    fn acquired_ahead(&mut self) -> Result<Acquired, StoreError>;

    /// Nobody will ask for that answer.
    fn forget_ahead(&mut self);

    /// Milliseconds of a clock that only goes forward.
    fn clock(&self) -> u64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Lets time pass.
    fn pause(&mut self, time: Duration) {
        if !time.is_zero() {
            thread::sleep(time);
        }
    }

    /// Renews a lock's lease for as long as the result lives; none where leases need no renewal.
    fn look_after(&self, _keys: &Keys, _lock: &LockSettings, _token: &str) -> Option<Watch> {
        None
    }

    /// Releases a lock that nobody has, or that its server may yet take under this token, as soon as the server answers.
    /// Nothing is waited for.
    fn give_back(&self, _keys: &Keys, _token: String) {}

    /// Drops the connection, with all that is on its way. The next command makes a new one.
    fn disconnect(&mut self);
}

/// The arguments of `claim.lua`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Claim {
    /// `t:<ticket id>`.
    pub token: String,
    /// The attempt's entry in the queue.
    pub base: String,
    /// How long the lock lasts, in milliseconds.
    pub lease: u64,
    /// Who claims, as in [`Acquire::info`].
    pub info: Arc<str>,
}

/// How long a handed-over lock waits for its claim, in milliseconds: the stall after a waiter that died with it.
pub const HANDOFF_MS: u64 = 1000;
/// How much earlier than the lock its ticket disappears.
pub const MARGIN_MS: u64 = 250;
/// How much longer than the holder's lease a waiter blocks.
pub const SLACK_MS: u64 = 5;
/// How long a waiter counts as one after its block should have ended.
pub const GRACE_MS: u64 = 500;
/// How soon a release by a client without hand-over is noticed.
pub const FOREIGN_MS: u64 = 10;
/// How long a client may look whether a session is there whose lock it has taken.
pub const TRIAL_MS: u64 = 1000;
