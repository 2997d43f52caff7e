//! Redis, behind a trait.
//!
//! [`Store`] has everything that [`crate::session`] and [`crate::lock`] need of a server: the five
//! scripts and one blocking wait. [`redis::RedisStore`] talks to a server, and
//! [`memory::MemoryStore`] does the same in memory, for tests.

mod calls;
mod cluster;
mod connection;
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
mod scripts;
mod sentinel;
mod stream;
mod switch;
mod tls_problem;
mod transaction;

use std::{
    sync::{Arc, LazyLock},
    thread,
    time::{Duration, Instant},
};

pub use cluster::{ClusterStatus, clusters};
pub use owed::{Late, close_connections, take_late};
pub use pool::{PoolStatus, Timer, after_fork, after_fork_in_child, before_fork, pools, timer};
pub use stream::Timeouts;

use crate::{
    config::{LockSettings, Settings},
    error::{ServerError, StoreError},
    lock::Watch,
    protocol::{Keys, SessionId},
};

/// The commands that a Redis user must be allowed to run, as an ACL rule. If a script's command is
/// not allowed, the server says so, but names the command only since Redis 7.2.
pub const COMMANDS: &str = "+eval +evalsha +blpop +exists +get +mget +set +del +expire +pexpire +pttl +time +lpop \
                            +rpush +rename +zadd +zcard +zrem +zremrangebyscore";

/// The further commands that a Cluster needs.
pub const CLUSTER_COMMANDS: &str = "+cluster|slots +asking";

/// The further command for a master that sentinels name.
pub const SENTINEL_COMMANDS: &str = "+role";

/// The condition on a session for taking its lock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// No condition: an unknown id is adopted.
    Any,
    /// The session exists (strict mode); otherwise the answer is [`Acquired::Absent`].
    Known,
    /// The session does not exist (a new id); otherwise the answer is [`Acquired::Exists`].
    New,
}

/// The arguments of `acquire.lua`. Times are in milliseconds unless noted otherwise.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Acquire {
    /// `o:` and 32 hex digits, unique for each attempt.
    pub base: String,
    /// `base:<n>`, new for each send. 0 is the first send of [`Mode::Known`].
    pub token: String,
    /// The token that the caller already holds, to read again under its own lock.
    pub held: Option<String>,
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
    pub mixed: bool,
}

/// The answers of `acquire.lua`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Acquired {
    /// The lock is ours, and this is the session.
    Held(Loaded),
    /// [`Mode::Known`]: the session does not exist, and nothing is locked. The value is its
    /// tombstone.
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
        /// The session's tombstone.
        tombstone: Option<String>,
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

/// A session as read from the server.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Loaded {
    /// The stored value, or `None` if the session does not exist.
    pub data: Option<Vec<u8>>,
    /// The tombstone at the time of the read. Only a newer tombstone forbids a write.
    pub tombstone: Option<String>,
}

/// A lock on its way to a waiter, together with the session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    /// 32 hex digits.
    pub id: String,
    /// The server's clock at the making of the ticket, in milliseconds.
    pub made: u64,
    /// The session.
    pub loaded: Loaded,
}

/// The effect of a write on the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op<'a> {
    /// Stores this value.
    Set(&'a [u8]),
    /// Refreshes the TTL.
    Keep,
    /// Refreshes the TTL, or stores this value if the session is gone. Any answer other than
    /// [`Written::Done`] is a refusal.
    Restore(&'a [u8]),
    /// Writes nothing. The TTL is refreshed unless it is 0, and the lock is released.
    None,
    /// Deletes the session and leaves a tombstone.
    Delete,
    /// Deletes the session because it goes on under another id, which the tombstone notes.
    Leave,
    /// Deletes a session that did not exist at the read. No tombstone is left, unless the session
    /// exists by now.
    Drop,
    /// Moves the session to this key, for a day.
    SetAside(&'a str),
}

/// The arguments of `release.lua`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release<'a> {
    /// The token of the lock.
    pub token: &'a str,
    /// The attempt's entry in the queue, if the attempt was ever queued.
    pub base: Option<&'a str>,
    /// The effect on the session.
    pub op: Op<'a>,
    /// The session's new TTL, in seconds.
    pub ttl: u64,
    /// The tombstone seen at the read.
    pub tombstone: Option<&'a str>,
    /// Writes, but keeps the lock.
    pub hold: bool,
    /// Keeps the lock if Redis has no memory for the write, because another write may follow.
    pub retry: bool,
    /// The number of earlier writes under this token that had no answer.
    pub nth: u32,
    /// Hands the lock to no waiter, because clients that know no hand-over share the sessions.
    pub mixed: bool,
    /// The lifetime of a tombstone, in milliseconds.
    pub tombstone_ms: u64,
}

impl Acquire {
    /// Returns true if plain commands may try this request: it is the first send of an attempt that
    /// holds nothing yet. A later send asks if a taken lock is free by now, which only the script
    /// can tell.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let first = if self.mode == Mode::Known { ":0" } else { ":1" };
        self.held.is_none() && self.token.strip_prefix(&self.base) == Some(first)
    }
}

impl<'a> Release<'a> {
    /// Releases the lock without any other effect.
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

    /// The name of this release's receipt. Each write has its own receipt, because a later write
    /// must not take the receipt of the first for its own success.
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
    /// The effect on the session.
    pub op: Op<'a>,
    /// The session's new TTL, in seconds.
    pub ttl: u64,
    /// The tombstone seen at the read.
    pub tombstone: Option<&'a str>,
    /// The lifetime of a tombstone, in milliseconds.
    pub tombstone_ms: u64,
}

/// The answers of `release.lua` and `write.lua`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// The write is done. The lock is released, unless it was to be held.
    Done,
    /// [`Op::Keep`]: the session no longer exists. Nothing was released, and [`Op::Set`] should
    /// follow.
    Gone,
    /// The session was destroyed after it was read. Nothing was written, and the lock is released.
    Dead,
    /// The lock is not ours any more. Nothing was written.
    Lost {
        /// The value of the lock key, if the lock is held.
        holder: Option<String>,
        /// The server's clock at the answer.
        now: u64,
    },
    /// The write failed. The lock is released, unless it was to be held or [`Release::retry`] keeps
    /// it.
    Refused(ServerError),
}

/// A server with sessions. A value of this type serves one session at a time, over one connection.
pub trait Store {
    /// Takes the lock and reads the session, or joins the queue.
    fn acquire(&mut self, keys: &Keys, acquire: &Acquire) -> Result<Acquired, StoreError>;

    /// Blocks until a ticket arrives, `block` passes (`None`), or an error occurs.
    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError>;

    /// Turns a popped ticket into a held lock. Returns false if the ticket is too late.
    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError>;

    /// Claims without waiting for the answer, which a later command of this store reads and drops.
    /// The release shows if the lock is held.
    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError>;

    /// Reads without a lock and refreshes the TTL (in seconds).
    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<Loaded, StoreError>;

    /// Writes under the lock and releases it. If the reply is lost, the release is sent again.
    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<Written, StoreError>;

    /// Releases without waiting for the answer, if that is possible: the result is then
    /// [`Written::Done`], and [`take_late`] reports the outcome later. [`Op::Keep`] is not allowed,
    /// because its answer may ask for more.
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

    /// The clock of the session's server, in milliseconds.
    fn server_time(&mut self, keys: &Keys) -> Result<u64, StoreError>;

    /// Returns true if the session exists.
    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError>;

    /// Sends an acquire whose answer [`Store::acquired_ahead`] waits for. Returns false if there is
    /// no connection to send it over: this function neither connects nor waits.
    fn acquire_ahead(&mut self, keys: &Keys, acquire: &Acquire) -> bool;

    /// Returns the answer to the last [`Store::acquire_ahead`].
    fn acquired_ahead(&mut self) -> Result<Acquired, StoreError>;

    /// Drops the answer to the last [`Store::acquire_ahead`].
    fn forget_ahead(&mut self);

    /// The time of a clock that only goes forward, in milliseconds.
    fn clock(&self) -> u64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Lets this time pass.
    fn pause(&mut self, time: Duration) {
        if !time.is_zero() {
            thread::sleep(time);
        }
    }

    /// Goes on with settings that differ in times and limits alone.
    fn adopt(&mut self, _settings: &Arc<Settings>) {}

    /// Renews a lock's lease as long as the result lives. Returns `None` if leases need no renewal.
    fn look_after(&self, _keys: &Keys, _lock: &LockSettings, _token: &str) -> Option<Watch> {
        None
    }

    /// Releases a lock that no request has, or that the server may yet take under this token, as
    /// soon as the server answers. Does not wait for that.
    fn give_back(&self, _keys: &Keys, _token: String) {}

    /// Drops the connection with everything on its way. The next command makes a new one.
    fn disconnect(&mut self);
}

/// The arguments of `claim.lua`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Claim {
    /// `t:<ticket id>`.
    pub token: String,
    /// The attempt's entry in the queue.
    pub base: String,
    /// The lease of the lock, in milliseconds.
    pub lease: u64,
    /// The identity of the request, as in [`Acquire::info`].
    pub info: Arc<str>,
}

/// The time that a handed-over lock waits for its claim, in milliseconds. Waiters stall for this
/// time if the lock's new holder has died.
pub const HANDOFF_MS: u64 = 1000;
/// The time by which a ticket disappears before its lock, in milliseconds.
pub const MARGIN_MS: u64 = 250;
/// The time by which a waiter's block exceeds the holder's lease, in milliseconds.
pub const SLACK_MS: u64 = 5;
/// The time for which a waiter still counts after the end of its block, in milliseconds.
pub const GRACE_MS: u64 = 500;
/// The longest time until a release by a client without hand-over is noticed, in milliseconds.
pub const FOREIGN_MS: u64 = 10;
/// The time for which a client may hold a lock to see if its session exists, in milliseconds.
pub const TRIAL_MS: u64 = 1000;
