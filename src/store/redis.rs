//! [`Store`] on a Redis server.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use r2d2::PooledConnection;

use super::{
    Store,
    exchange::RetryPolicy,
    first_try::PendingAcquire,
    pool::{self, Entries},
    renewal::{LeaseGuard, Route, give_back, guard, guard_of_trial},
};
use crate::{
    client::{
        Timeouts,
        cluster::{self, Cluster},
        connection::Connection,
        sentinel, switch,
    },
    config::{Endpoint, LockSettings, Settings, Target},
    error::StoreError,
    process::stats,
    protocol::{
        Acquire, AcquireReply, Claim, Keys, Op, Release, ReleaseReply, SessionData, SessionId, Ticket, Write,
        reply, script::Payload,
    },
    resp::Command,
};

/// A store over a pooled connection. The connection is taken on first use and kept until this value
/// is dropped, or until a session of another server is needed.
pub struct RedisStore {
    pub(super) settings: Arc<Settings>,
    pub(super) entry: Option<(Arc<Target>, PooledConnection<Entries>)>,
    /// A prefetched acquire, whose answer is read later.
    pub(super) pending: Option<PendingAcquire>,
    /// The deadline of the answer, if a connection that had long been idle turned out to be dead.
    /// The deadline also applies to the new connection.
    pub(super) until: Option<Instant>,
    /// The end of the time for connecting, which all tries and ways of one request share.
    pub(super) connect_until: Option<Instant>,
}

impl RedisStore {
    /// Creates a store, without any I/O.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings, entry: None, pending: None, until: None, connect_until: None }
    }

    /// Returns a connection to one server that has this session, and opens it if necessary.
    pub(super) fn connection(
        &mut self,
        keys: &Keys,
        target: &Arc<Target>,
    ) -> Result<&mut Connection, StoreError> {
        self.occupy(target)?;
        if self.entry.as_ref().is_some_and(|(_, slot)| slot.connection.is_none() && slot.deferred.is_some()) {
            // The deferred release comes first: the next request in turn may be waiting for it.
            self.poll_deferred()?;
            self.occupy(target)?;
        }
        self.leave_old_master(false);
        let timeouts = self.timeouts();
        let is_elected = self.is_elected();
        let connect_until = self.connect_until.take();
        let (target, slot) = self.entry.as_mut().expect("it was taken above");
        match &mut slot.connection {
            Some(connection) => {
                if is_elected {
                    connection.leave_time();
                }
                Ok(connection)
            }
            route => {
                let Some(until) = self.until.take().filter(|_| !is_elected) else {
                    let opened = open(target, timeouts, is_elected, &keys.trial());
                    if opened.is_err() {
                        self.connect_until = connect_until;
                    }
                    return Ok(route.insert(opened?));
                };
                // A part of the time is left, whatever the earlier steps have used.
                let now = Instant::now();
                let until = until.max(now + timeouts.read / 4);
                let read = until.duration_since(now);
                let opened =
                    Connection::open(target, Timeouts { read, ..timeouts }, None, Some(&keys.trial()));
                let mut connection = opened.map_err(|failure| match failure {
                    // The silent connection before this one has used the rest of the time.
                    StoreError::Timeout(_) => StoreError::Timeout(timeouts.read),
                    failure => failure,
                })?;
                connection.answers_until(until);
                Ok(route.insert(connection))
            }
        }
    }

    /// Returns true if others choose the master: sentinels, or the nodes of a Cluster.
    pub(super) fn is_elected(&self) -> bool {
        let sentinels = |(target, _): &(Arc<Target>, _)| matches!(target.endpoint, Endpoint::Sentinel(_));
        self.settings.shards.is_cluster() || self.entry.as_ref().is_some_and(sentinels)
    }

    /// Gives up the connection to a master if the sentinels have named its successor. Returns true
    /// in this case.
    pub(super) fn leave_old_master(&mut self, before_write: bool) -> bool {
        let Some((target, slot)) = &self.entry else { return false };
        let Some(connection) = &slot.connection else { return false };
        let has_moved = match (&target.endpoint, connection.master()) {
            (Endpoint::Sentinel(sentinel), Some(master)) => {
                switch::has_moved(sentinel, target, master, before_write)
            }
            _ => false,
        };
        if has_moved {
            self.disconnect();
        }
        has_moved
    }

    /// Returns the connection of the last request, if it still exists.
    pub(super) fn current(&mut self) -> Option<&mut Connection> {
        self.entry.as_mut()?.1.connection.as_mut()
    }

    /// Takes an entry of this server's pool. If the entry has a connection, the connection is
    /// usable.
    fn occupy(&mut self, target: &Arc<Target>) -> Result<(), StoreError> {
        if !matches!(&self.entry, Some((of, _)) if Arc::ptr_eq(of, target)) {
            // The other server's connection goes back first.
            self.entry = None;
            let mut entry = pool::checkout(&self.settings, target)?;
            // A server that refused scripts for a while, such as one without memory, may take them
            // by now.
            if entry.connection.as_ref().is_some_and(|connection| !connection.capabilities().scripts) {
                entry.take_connection();
            }
            self.entry = Some((target.clone(), entry));
        }
        self.drop_unusable();
        Ok(())
    }

    /// Drops a connection that has died since its last use, or that has unexpected bytes. A new one
    /// replaces it without a warning.
    pub(super) fn drop_unusable(&mut self) {
        let Some((_, slot)) = &mut self.entry else { return };
        if slot.connection.as_mut().is_some_and(|connection| !connection.is_usable()) {
            slot.take_connection();
            stats::RECONNECTS.add();
        }
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        let Settings { connect_timeout, read_timeout, .. } = *self.settings;
        let left = self.connect_until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.filter(|left| !left.is_zero());
        Timeouts {
            connect: left.map_or(connect_timeout, |left| left.min(connect_timeout)),
            read: read_timeout,
        }
    }

    /// Starts the time for connecting, unless it has already started. Returns its end.
    pub(super) fn begin_connecting(&mut self, now: Instant) -> Instant {
        let begun = self.connect_until.filter(|until| *until > now);
        *self.connect_until.insert(begun.unwrap_or(now + self.settings.connect_timeout))
    }

    /// Returns the Cluster that has this session, and the session's hash slot.
    pub(super) fn cluster(&self, keys: &Keys) -> Option<(Arc<Cluster>, u16)> {
        Some((cluster::of(self.settings.shards.of(keys.route))?, keys.slot?))
    }

    fn route(&self, keys: &Keys) -> Route {
        let target = self.settings.shards.of(keys.route).clone();
        let master = match &target.endpoint {
            Endpoint::Sentinel(_) => {
                let current = self.entry.as_ref().filter(|(of, _)| Arc::ptr_eq(of, &target));
                let connection = current.and_then(|(_, slot)| slot.connection.as_ref());
                // The connection may be gone if the lock is to be given back.
                connection.and_then(Connection::master).cloned().or_else(|| switch::known(&target).0)
            }
            _ => None,
        };
        Route { target, cluster: self.cluster(keys), master }
    }

    /// Returns the lifetime of a receipt, which is longer than all that can lie between the first
    /// send of a release and its last repeat.
    pub(super) fn receipt_ms(&self) -> u64 {
        millis(self.settings.read_timeout * 2 + self.settings.connect_timeout) + 1000
    }
}

/// Opens a new connection. A master that others have chosen may hang, or its machine may be gone,
/// while they choose another. A third of the time is therefore left to ask them again.
fn open(
    target: &Arc<Target>,
    mut timeouts: Timeouts,
    is_elected: bool,
    trial: &str,
) -> Result<Connection, StoreError> {
    if is_elected {
        timeouts.connect = timeouts.connect * 2 / 3;
    }
    if let Endpoint::Sentinel(sentinel) = &target.endpoint {
        let (mut connection, master) = switch::open(sentinel, target, timeouts, trial)?;
        connection.lead_to(master);
        return Ok(connection);
    }
    if !is_elected {
        return Connection::open(target, timeouts, None, Some(trial));
    }
    let within = Timeouts { read: timeouts.read.min(timeouts.connect / 2), ..timeouts };
    let until = Instant::now() + timeouts.connect;
    Connection::open(target, within, Some(until), Some(trial)).map_err(sentinel::unanswered)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Store for RedisStore {
    type Lease = LeaseGuard;

    fn acquire(&mut self, keys: &Keys, acquire: &Acquire) -> Result<AcquireReply, StoreError> {
        let first_try = if acquire.is_first_try() { self.acquire_by_commands(keys, acquire)? } else { None };
        let acquired = match first_try {
            Some(acquired) => acquired,
            None => self.acquire_by_script(keys, acquire)?,
        };
        // A lock that the old master has given in the meantime is worthless.
        if self.leave_old_master(false) { self.acquire_by_script(keys, acquire) } else { Ok(acquired) }
    }

    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError> {
        let mut command = Command::new("BLPOP");
        command.arg(&keys.wake).arg(block.as_secs_f64().to_string());
        let answer = match self.cluster(keys) {
            None => self.request(keys, &mut command, block),
            Some((cluster, slot)) => {
                cluster.at_owner(slot, self.timeouts(), |node| self.exchange(keys, node, &mut command, block))
            }
        };
        match answer {
            // The slot has moved, together with our place in the queue. The next acquire takes up
            // this place at the new node.
            Err(StoreError::Server(error)) if keys.slot.is_some() && error.is_redirect() => Ok(None),
            // The master may be gone for good. Asking its successor is safe, because a ticket that
            // was lost with the master expires.
            Err(StoreError::Timeout(_)) if self.is_elected() => {
                Err(StoreError::Broken(io::ErrorKind::TimedOut.into()))
            }
            answer => self.checked(Ticket::parse(answer?)),
        }
    }

    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError> {
        let answer = self.request(keys, &mut claim.command(keys), Duration::ZERO)?;
        self.checked(reply::flag(&answer))
    }

    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError> {
        let target = match self.cluster(keys) {
            Some((cluster, slot)) => cluster.owner(slot, self.timeouts())?,
            None => self.settings.shards.of(keys.route).clone(),
        };
        self.send_unread(keys, &target, &mut claim.command(keys))
    }

    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<SessionData, StoreError> {
        if let Some(loaded) = self.read_by_commands(keys, ttl)? {
            return Ok(loaded);
        }
        let mut call = SessionData::call(keys, ttl);
        let loaded = self.run(keys, &mut call).and_then(SessionData::parse);
        match self.checked(loaded) {
            // This comes before any wait: for example, a slot that is on its way can be read.
            Err(StoreError::Server(_)) => self.read_by_gets(keys).or_else(|_| {
                self.run_until_answered(keys, &mut call, RetryPolicy::Freely, SessionData::parse)
            }),
            Err(failure) if failure.is_loss() || matches!(failure, StoreError::Connect(_)) => {
                self.run_until_answered(keys, &mut call, RetryPolicy::Freely, SessionData::parse)
            }
            loaded => loaded,
        }
    }

    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<ReleaseReply, StoreError> {
        self.leave_old_master(true);
        let receipt = self.receipt_ms();
        let released = match self.release_by_transaction(keys, release) {
            Ok(None) => self.save(keys, RetryPolicy::Release, |data| release.call(keys, receipt, data)),
            Ok(Some(written)) => Ok(written),
            Err(failure) => Err(failure),
        };
        released.or_else(|failure| self.give_up(keys, release, failure))
    }

    fn release_deferred(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<ReleaseReply, StoreError> {
        if let Some((cluster, slot)) = self.cluster(keys) {
            // A repeat would have to know the node that has the session by then. A release of the
            // lock alone is not repeated: at worst, the lock ends with its lease.
            let owner = cluster.known_owner(slot).filter(|_| release.op == Op::None);
            let connected = owner.filter(|owner| {
                let here = |(of, slot): &(Arc<Target>, PooledConnection<Entries>)| {
                    Arc::ptr_eq(of, owner) && slot.connection.is_some()
                };
                self.entry.as_ref().is_some_and(here)
            });
            let Some(owner) = connected else { return self.release(keys, release) };
            self.send_release_unread(&owner, keys, release)?;
            return Ok(ReleaseReply::Done);
        }
        self.leave_old_master(true);
        let receipt = self.receipt_ms();
        // The value is an argument: if an upload did not reach the server, no request would be
        // there to send the value again soon.
        let mut call = release.call(keys, receipt, Payload::Argument);
        if self
            .send_release(keys, &call)
            .is_ok_and(|sent| self.keep_deferred(id, keys, release, call.to_owned(), sent))
        {
            return Ok(ReleaseReply::Done);
        }
        self.run_until_answered(keys, &mut call, RetryPolicy::Release, ReleaseReply::parse)
            .or_else(|failure| self.give_up(keys, release, failure))
    }

    fn write(&mut self, keys: &Keys, write: &Write<'_>) -> Result<ReleaseReply, StoreError> {
        self.leave_old_master(true);
        self.save(keys, RetryPolicy::Freely, |data| write.call(keys, data))
    }

    fn server_time(&mut self, keys: &Keys) -> Result<u64, StoreError> {
        let answer = self.request(keys, &mut Command::new("TIME"), Duration::ZERO)?;
        self.checked(
            reply::time(answer).ok_or_else(|| StoreError::Protocol("an unexpected reply to TIME".into())),
        )
    }

    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError> {
        let mut command = Command::new("EXISTS");
        command.arg(&keys.data);
        let answer = match self.request(keys, &mut command, Duration::ZERO) {
            Err(StoreError::Broken(_) | StoreError::Demoted(_)) => {
                self.request(keys, &mut command, Duration::ZERO)
            }
            answer => answer,
        };
        self.checked(reply::flag(&answer?))
    }

    fn rest(&mut self) {
        self.entry = None;
    }

    fn adopt(&mut self, settings: &Arc<Settings>) {
        self.settings = settings.clone();
    }

    fn prefetch(&mut self, keys: &Keys, acquire: &Acquire) -> bool {
        self.send_prefetch(keys, acquire)
    }

    fn prefetched(&mut self) -> Result<AcquireReply, StoreError> {
        self.receive_prefetch()
    }

    fn forget_prefetch(&mut self) {
        if let (Some(pending), Some(connection)) = (self.pending.take(), self.current()) {
            connection.forget(pending.sent);
        }
    }

    fn look_after(&self, keys: &Keys, lock: &LockSettings, token: &str) -> Option<LeaseGuard> {
        Some(guard(self.route(keys), self.timeouts(), lock, keys, token))
    }

    fn look_after_trial(&self, keys: &Keys, lock: &LockSettings, token: &str) -> Option<LeaseGuard> {
        Some(guard_of_trial(self.route(keys), self.timeouts(), lock, keys, token))
    }

    fn confirm(&self, lease: &LeaseGuard) {
        lease.confirm();
    }

    fn hindrance(&self, lease: &LeaseGuard) -> Option<String> {
        lease.hindrance()
    }

    fn give_back(&self, keys: &Keys, token: String) {
        let mixed = self.settings.lock.as_ref().is_some_and(|lock| lock.mixed);
        give_back(self.route(keys), self.timeouts(), self.settings.tombstone, keys, token, mixed);
    }

    fn disconnect(&mut self) {
        self.pending = None;
        if let Some(connection) = self.entry.as_mut().and_then(|(_, slot)| slot.take_connection()) {
            self.until = connection.end_of_doubt();
            connection.abort();
            stats::RECONNECTS.add();
        }
    }
}
