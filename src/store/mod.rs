//! Redis, behind a trait.
//!
//! [`Store`] has everything that [`crate::session`] and [`crate::lock`] need of a server: the
//! messages of [`crate::protocol`] and one blocking wait. [`redis::RedisStore`] talks to a server,
//! and `memory::MemoryStore` does the same in memory, for tests (the feature `in-memory`).

pub mod admin;
mod deferred;
#[cfg(any(test, feature = "in-memory"))]
pub mod memory;
mod pool;
mod posted;
pub mod redis;
pub mod renewal;
mod retry;
mod router;
mod timer;

use std::{sync::Arc, thread, time::Duration};

pub use deferred::{DeferredFailure, take_deferred_failures};
pub use pool::{PoolStatus, pools};
pub use renewal::{give_back_last, stop as stop_renewal};
pub use router::close_connections;
pub use timer::{after_fork, after_fork_in_child, before_fork};

use crate::{
    config::{LockSettings, Settings},
    error::StoreError,
    process::{
        clock,
        stats::{Meter, Moment},
    },
    protocol::{
        Acquire, AcquireReply, Claim, Copied, Keys, Release, ReleaseReply, Remaining, SessionData, SessionId,
        Ticket, UserCall, UserList, Write,
    },
};

/// A server with sessions. A value of this type serves one session at a time, over one connection.
pub trait Store {
    /// A lock whose lease is renewed until this is dropped.
    type Lease;

    /// Takes the lock and reads the session, or joins the queue.
    fn acquire(&mut self, keys: &Keys, acquire: &Acquire) -> Result<AcquireReply, StoreError>;

    /// Blocks until a ticket arrives, `block` passes (`None`), or an error occurs.
    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError>;

    /// Turns a popped ticket into a held lock. Returns false if the ticket is too late.
    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError>;

    /// Claims without waiting for the answer, which a later command of this store reads and drops.
    /// The release shows if the lock is held.
    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError>;

    /// Reads without a lock and refreshes the TTL (in seconds).
    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<SessionData, StoreError>;

    /// Writes under the lock and releases it. If the reply is lost, the release is sent again.
    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<ReleaseReply, StoreError>;

    /// Releases without waiting for the answer, if that is possible: the result is then `None`, and
    /// [`take_deferred_failures`] reports the outcome later, unless the release was carried out.
    /// [`Op::Keep`](crate::protocol::Op::Keep) is not allowed, because its answer may ask for more.
    fn release_deferred(
        &mut self,
        _id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<Option<ReleaseReply>, StoreError> {
        self.release(keys, release).map(Some)
    }

    /// Writes without a lock.
    fn write(&mut self, keys: &Keys, write: &Write<'_>) -> Result<ReleaseReply, StoreError>;

    /// The clock of the last server, in milliseconds, without a trip to it.
    fn server_clock(&mut self) -> u64;

    /// The read-only copy that a session with this state has left under its old id, and the clock
    /// of the server in milliseconds.
    fn copy(&mut self, keys: &Keys, state: &str) -> Result<(Copied, u64), StoreError>;

    /// Deletes that copy.
    fn delete_copy(&mut self, keys: &Keys) -> Result<(), StoreError>;

    /// The time that a session has left, and its state. Changes nothing.
    fn time_left(&mut self, keys: &Keys) -> Result<Remaining, StoreError>;

    /// Asks or changes the list of a user's sessions, which is perhaps on another server. `keys`
    /// are those of the list.
    fn user_list(&mut self, keys: &Keys, call: &UserCall<'_>) -> Result<UserList, StoreError>;

    /// Changes the list without waiting for the answer. If that fails, a later change makes the
    /// list whole again.
    fn post_to_list(&mut self, keys: &Keys, call: &UserCall<'_>);

    /// Lets the state of a session live for this time in milliseconds at least, if it is still the
    /// one that was seen, without waiting for the answer.
    fn post_state_ttl(&mut self, keys: &Keys, seen: &str, ms: u64);

    /// Asks the server that has these keys, over its pool, if it would do a session's work: lock it
    /// (`locks`), or only read it. Nothing is left there. Returns the time until the answer in
    /// nanoseconds.
    fn ping(&mut self, _keys: &Keys, _locks: bool) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Returns true if the session exists.
    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError>;

    /// Sends an acquire whose answer [`Store::prefetched`] waits for. Returns the moment before it,
    /// or `None` if there is no connection to send it over: this function neither connects nor
    /// waits.
    fn prefetch(&mut self, keys: &Keys, acquire: &Acquire) -> Option<Moment>;

    /// Returns the answer to the last [`Store::prefetch`].
    fn prefetched(&mut self) -> Result<AcquireReply, StoreError>;

    /// Drops the answer to the last [`Store::prefetch`].
    fn forget_prefetch(&mut self);

    /// The time of a clock that only goes forward, in milliseconds.
    fn clock(&self) -> u64 {
        clock::now() / 1_000_000
    }

    /// The trips since a connection was taken, and the server.
    fn traffic(&mut self) -> (u32, Option<Meter>) {
        (0, None)
    }

    /// The moment of the last answer.
    fn answered(&self) -> Moment {
        Moment::now()
    }

    /// Lets this time pass.
    fn pause(&mut self, time: Duration) {
        if !time.is_zero() {
            thread::sleep(time);
        }
    }

    /// Gives the connection back to its pool. The next command takes one again.
    fn rest(&mut self) {}

    /// Continues with settings that differ only in times and limits.
    fn adopt(&mut self, _settings: &Arc<Settings>) {}

    /// Renews a lock's lease for as long as the result lives. The lock was taken then. Returns
    /// `None` if leases need no renewal.
    fn look_after(
        &self,
        _keys: &Keys,
        _lock: &LockSettings,
        _token: &str,
        _since: Moment,
    ) -> Option<Self::Lease> {
        None
    }

    /// The same for the lock of a prefetched session that may not exist. It is then released soon,
    /// even if the answer is never read.
    fn look_after_trial(
        &self,
        keys: &Keys,
        lock: &LockSettings,
        token: &str,
        since: Moment,
    ) -> Option<Self::Lease> {
        self.look_after(keys, lock, token, since)
    }

    /// The answer has come: the session of [`Store::look_after_trial`] exists. Returns false if its
    /// lock was released meanwhile.
    fn confirm(&self, _lease: &Self::Lease) -> bool {
        true
    }

    /// The reason why this lease cannot be renewed at the moment, if there is one.
    fn hindrance(&self, _lease: &Self::Lease) -> Option<String> {
        None
    }

    /// Ends a lease whose lock the last answer has taken back.
    fn end(&self, _lease: Option<Self::Lease>) {}

    /// Releases a lock that no request has, or that the server may yet take under this token, as
    /// soon as the server answers. Does not wait for that.
    fn give_back(&self, _keys: &Keys, _token: String) {}

    /// Drops the connection with everything on its way. The next command makes a new one.
    fn disconnect(&mut self);
}
