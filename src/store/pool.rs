//! The connections of this process: one r2d2 pool for each target, created on first use.
//!
//! r2d2 makes connections on its own threads and retries without the caller's knowledge. Its pool
//! therefore contains values of type [`Entry`], which are empty at first. The request that takes an
//! entry connects on its own thread, and gets the error itself and at once. r2d2 limits the number
//! of entries and lets requests wait for one. [`end_idle`] ends entries that are no longer used:
//! r2d2's own job for that outlives its pool, and a process that meets ever new targets would
//! collect such jobs.
//!
//! FPM and pcntl fork. A child inherits the sockets that its parent uses and none of the threads,
//! so a registry belongs to the process that created it.

use std::{
    convert::Infallible,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use r2d2::{ManageConnection, PooledConnection};
use scheduled_thread_pool::ScheduledThreadPool;

use super::{
    deferred::{DeferredRelease, Progress},
    posted::{Looked, Posted},
    timer,
};
use crate::{
    client::connection::Connection,
    config::{Settings, Target},
    error::StoreError,
    process::{
        PerProcess, clock,
        stats::{self, Observed},
    },
};

/// The largest number of targets. A script can set `session.save_path` to any value, and further
/// targets replace those that no request has had for longest. Each master of a Cluster is a target.
const MAX_TARGETS: usize = 256;

/// The time without use after which a connection is closed, for example after a rush, or in a
/// process that meets many targets. The time is shorter than the memory of load balancers (4
/// minutes or more).
const IDLE: Duration = Duration::from_secs(220);

/// The time between two looks for idle entries.
const LOOK: Duration = Duration::from_secs(30);

/// The time that r2d2's thread may take to make an empty entry, in addition to a request's wait for
/// its turn.
const MAKING: Duration = Duration::from_secs(5);

/// An entry of the pool, with or without a connection. Its parts are boxed, because each session
/// moves the entry out of the pool and back.
#[derive(Default)]
pub struct Entry {
    pub connection: Option<Box<Connection>>,
    /// A release that was sent over this connection or the one before.
    pub deferred: Option<Box<DeferredRelease>>,
    /// The release of a lock that no request wants, sent over this connection.
    posted: Option<Box<Posted>>,
    /// The time, by [`clock::now`], at which an entry without a connection was first seen after its
    /// last checkout.
    unused: Option<u64>,
    /// The trips over connections that the request has lost.
    trips: u32,
    /// True once the entry shall not go back to its pool.
    is_over: bool,
}

impl Entry {
    /// Ends the entry, with a last look for the answer to its release.
    fn end(mut self) {
        if let Some(deferred) = self.deferred.take() {
            deferred.end_late(self.connection.as_deref_mut());
        }
    }

    /// Ends the entry although it may have been used a moment ago: a release without an answer is
    /// repeated over another connection.
    fn replace(mut self) {
        if self.look() {
            if let Some(connection) = self.take_connection() {
                connection.abort();
            }
            if let Some(deferred) = self.deferred.take() {
                deferred.repeat_later();
            }
        }
    }

    /// Looks for the answers to the entry's releases, and ends each release unless its answer may
    /// yet arrive. Returns true in that case.
    fn look(&mut self) -> bool {
        if let Some(connection) = self.connection.as_deref_mut()
            && let Some(posted) = self.posted.take()
        {
            match posted.look(connection) {
                Looked::Pending(posted) => self.posted = Some(posted),
                Looked::Over => {}
                Looked::Spoilt => {
                    if let Some(connection) = self.take_connection() {
                        connection.abort();
                    }
                }
            }
        }
        self.look_for_deferred() || self.posted.is_some()
    }

    fn look_for_deferred(&mut self) -> bool {
        let Some(deferred) = &mut self.deferred else { return false };
        let mut progress = deferred.look(self.connection.as_deref_mut());
        if matches!(progress, Progress::Spoilt) {
            if let Some(connection) = self.take_connection() {
                connection.abort();
            }
            let Some(deferred) = &mut self.deferred else { return false };
            progress = deferred.look(None);
        }
        let ended = match progress {
            Progress::Pending | Progress::Spoilt => return true,
            Progress::Over(answer) => self.deferred.take().map(|deferred| deferred.end(answer)),
            Progress::Repeat => self.deferred.take().map(|deferred| deferred.repeat_later()),
        };
        ended.is_none()
    }

    /// Gives the entry a connection.
    pub fn connect(&mut self, mut connection: Connection) {
        connection.set_used(true);
        *connection.trips() += mem::take(&mut self.trips);
        self.connection = Some(Box::new(connection));
    }

    /// Lets the connection count as doubtful if an answer is missing on it.
    fn doubt(&mut self) {
        if (self.deferred.is_some() || self.posted.is_some())
            && let Some(connection) = &mut self.connection
        {
            connection.doubt();
        }
    }

    fn set_used(&mut self, is_used: bool) {
        self.trips = 0;
        if let Some(connection) = &mut self.connection {
            connection.set_used(is_used);
            *connection.trips() = 0;
        }
    }

    /// Takes the connection out of the entry. An answer that has already arrived is kept.
    pub fn take_connection(&mut self) -> Option<Box<Connection>> {
        let mut connection = self.connection.take()?;
        self.trips += *connection.trips();
        if let Some(deferred) = &mut self.deferred {
            deferred.collect(&mut connection);
        }
        if let Some(posted) = self.posted.take() {
            posted.end(&mut connection);
        }
        Some(connection)
    }

    /// Keeps a release that was just sent over the entry's connection.
    pub fn post(&mut self, posted: Posted) {
        let before = self.posted.replace(Box::new(posted));
        if let (Some(before), Some(connection)) = (before, &mut self.connection) {
            before.end(connection);
        }
        look_for_answers();
    }

    /// Waits for the answer to a deferred release at the end of the process. Returns true if the
    /// release must be sent again.
    pub fn finish_deferred(&mut self, limit: Duration) -> bool {
        let Some(deferred) = &mut self.deferred else { return false };
        if let Some(connection) = self.connection.as_deref_mut()
            && deferred.wait(connection, limit)
            && let Some(connection) = self.take_connection()
        {
            connection.abort();
        }
        let Some(deferred) = &mut self.deferred else { return false };
        let Progress::Over(answer) = deferred.poll(self.connection.as_deref_mut()) else { return true };
        if let Some(deferred) = self.deferred.take() {
            deferred.end(answer);
        }
        false
    }

    /// Waits for the answer to the release of a lock at the end of the process, or reads the one
    /// that has arrived.
    pub fn finish_posted(&mut self, limit: Duration) {
        if let (Some(posted), Some(connection)) = (self.posted.take(), &mut self.connection) {
            posted.finish(connection, limit.max(Duration::from_millis(1)));
        }
    }
}

pub struct Entries;

impl ManageConnection for Entries {
    type Connection = Entry;
    type Error = Infallible;

    fn connect(&self) -> Result<Entry, Infallible> {
        Ok(Entry::default())
    }

    fn is_valid(&self, _: &mut Entry) -> Result<(), Infallible> {
        Ok(())
    }

    /// Asked about each entry that goes back.
    fn has_broken(&self, entry: &mut Entry) -> bool {
        entry.set_used(false);
        entry.is_over
    }
}

struct Pool {
    target: Arc<Target>,
    size: u32,
    of_object: bool,
    entries: r2d2::Pool<Entries>,
    /// The time of the last checkout, by [`clock::now`].
    used: u64,
}

static POOLS: PerProcess<Vec<Pool>> = PerProcess::new(Vec::new());

/// The state of one pool, for phpinfo() and `rustredis_status()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatus {
    /// The target, without secrets.
    pub target: String,
    /// The largest number of connections.
    pub size: u32,
    /// The number of connections, idle or in use.
    pub open: u32,
    /// The number of connections that are not in use.
    pub idle: u32,
}

/// Returns the pools of this process.
#[must_use]
pub fn pools() -> Vec<PoolStatus> {
    let status = |pool: &Pool| {
        let state = pool.entries.state();
        PoolStatus {
            target: pool.target.to_string(),
            size: pool.size,
            open: state.connections,
            idle: state.idle_connections,
        }
    };
    POOLS.lock().iter().map(status).collect()
}

/// Closes the connections of this process at module shutdown, after a call of `last` with all
/// entries.
pub fn close_pools(last: impl FnOnce(Vec<PooledConnection<Entries>>)) {
    let old = mem::take(&mut *POOLS.lock());
    last(old.iter().flat_map(|pool| std::iter::from_fn(|| pool.entries.try_get())).collect());
    drop(old);
    timer::end();
}

/// Passes each free entry to `look`. The entry that was used last goes back last, and is the next
/// one again.
fn look_at_free(pools: &[Pool], mut look: impl FnMut(&mut PooledConnection<Entries>)) {
    for pool in pools {
        let mut entries: Vec<_> = std::iter::from_fn(|| pool.entries.try_get()).collect();
        while let Some(mut entry) = entries.pop() {
            look(&mut entry);
        }
    }
}

/// The time after which the answer to a deferred release is looked for.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Set while a look for answers is to come.
static LOOK_IS_DUE: PerProcess<bool> = PerProcess::new(false);

/// Looks for the answers to deferred releases in a second, and again while some are missing.
/// Without the look, a release that was lost with its connection would wait for the next request
/// that takes this entry.
pub fn look_for_answers() {
    if !mem::replace(&mut *LOOK_IS_DUE.lock(), true) {
        timer::timer().after(LOOK_AFTER, || {
            *LOOK_IS_DUE.lock() = false;
            let mut is_missing = false;
            look_at_free(&POOLS.lock(), |entry| is_missing |= entry.look());
            if is_missing {
                look_for_answers();
            }
        });
    }
}

/// Ends the entries that no request has had for `idle`.
fn end_idle(pools: &[Pool], idle: Duration) -> Vec<Entry> {
    let mut over = Vec::new();
    look_at_free(pools, |entry| {
        let since = match &entry.connection {
            Some(connection) => connection.begun().time,
            None => *entry.unused.get_or_insert_with(clock::now),
        };
        if clock::since(since) >= idle {
            over.push(mem::take(&mut **entry));
            entry.is_over = true;
        }
    });
    over
}

/// Takes a free entry from the pool for these settings, if the entry has a connection.
pub fn checkout_connected(settings: &Settings, target: &Arc<Target>) -> Option<PooledConnection<Entries>> {
    let pool = find(settings, target).ok()?;
    try_checkout(&pool).filter(|entry| entry.connection.is_some())
}

fn used(mut entry: PooledConnection<Entries>) -> PooledConnection<Entries> {
    entry.unused = None;
    entry.set_used(true);
    entry.doubt();
    entry
}

fn try_checkout(pool: &r2d2::Pool<Entries>) -> Option<PooledConnection<Entries>> {
    pool.try_get().map(used)
}

/// Takes an entry from the pool for these settings, and waits up to `rustredis.pool_wait` for one.
pub fn checkout(settings: &Settings, target: &Arc<Target>) -> Result<PooledConnection<Entries>, StoreError> {
    checkout_from(&find(settings, target)?, settings.pool_size, settings.pool_wait)
}

fn checkout_from(
    pool: &r2d2::Pool<Entries>,
    size: u32,
    wait: Duration,
) -> Result<PooledConnection<Entries>, StoreError> {
    if let Some(entry) = try_checkout(pool) {
        return Ok(entry);
    }
    let start = Instant::now();
    let is_full = pool.state().connections >= size;
    let entry = wait_for_entry(pool, size, wait, start);
    if is_full {
        stats::own().observe(Observed::PoolWait, clock::nanoseconds(start.elapsed()));
    }
    entry
}

fn wait_for_entry(
    pool: &r2d2::Pool<Entries>,
    size: u32,
    wait: Duration,
    start: Instant,
) -> Result<PooledConnection<Entries>, StoreError> {
    let mut next = wait.max(Duration::from_millis(1));
    loop {
        if let Ok(entry) = pool.get_timeout(next) {
            return Ok(used(entry));
        }
        // The pool has room, and the thread that makes an empty entry has not had its turn: no
        // other request is in the way.
        if pool.state().connections >= size || start.elapsed() >= wait + MAKING {
            // The look for idle entries, which has this lock, takes all free entries for a moment.
            drop(POOLS.lock());
            return try_checkout(pool).ok_or(StoreError::PoolExhausted(wait));
        }
        next = Duration::from_millis(10);
    }
}

fn find(settings: &Settings, target: &Arc<Target>) -> Result<r2d2::Pool<Entries>, StoreError> {
    let mut pools = POOLS.lock();
    let same = |pool: &&mut Pool| {
        (pool.size, pool.of_object) == (settings.pool_size, settings.of_object)
            && (Arc::ptr_eq(&pool.target, target) || pool.target == *target)
    };
    if let Some(pool) = pools.iter_mut().find(same) {
        pool.used = clock::now();
        return Ok(pool.entries.clone());
    }
    let timer = timer::threads().map_err(StoreError::Connect)?;
    if pools.is_empty() {
        timer.execute_at_fixed_rate(LOOK, LOOK, || {
            let over = end_idle(&POOLS.lock(), IDLE);
            over.into_iter().for_each(Entry::end);
        });
    }
    let entries = builder(settings.pool_size, timer).build_unchecked(Entries);
    let over = if pools.len() >= MAX_TARGETS { replaced(&mut pools) } else { Vec::new() };
    pools.push(Pool {
        target: target.clone(),
        size: settings.pool_size,
        of_object: settings.of_object,
        entries: entries.clone(),
        used: clock::now(),
    });
    drop(pools);
    over.into_iter().for_each(Entry::replace);
    Ok(entries)
}

/// Removes the pool that no request has had for longest, and returns its entries. A pool with an
/// entry in use stays: its entry would go back to a pool at whose releases nothing looks.
fn replaced(pools: &mut Vec<Pool>) -> Vec<Entry> {
    let is_free = |pool: &Pool| {
        let state = pool.entries.state();
        state.connections == state.idle_connections
    };
    let free = pools.iter().enumerate().filter(|(_, pool)| is_free(pool));
    let Some((oldest, _)) = free.min_by_key(|(_, pool)| pool.used) else { return Vec::new() };
    let mut over = Vec::new();
    look_at_free(&[pools.remove(oldest)], |entry| {
        over.push(mem::take(&mut **entry));
        entry.is_over = true;
    });
    over
}

fn builder(size: u32, timer: Arc<ScheduledThreadPool>) -> r2d2::Builder<Entries> {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .thread_pool(timer)
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, thread};

    use super::{timer::worker, *};

    #[test]
    fn a_slot_that_is_slow_to_be_made_is_waited_for_whatever_pool_wait_is() {
        let timer = Arc::new(worker());
        let (begun, has_begun) = channel();
        let (go_on, may_go_on) = channel();
        timer.execute(move || {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
        });
        has_begun.recv().unwrap();
        let pool = builder(1, timer).build_unchecked(Entries);
        let helper = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            go_on.send(()).unwrap();
        });
        let entry = checkout_from(&pool, 1, Duration::ZERO).unwrap();
        helper.join().unwrap();
        // All entries are in use, which is the case for `pool_wait`.
        let start = Instant::now();
        assert!(matches!(checkout_from(&pool, 1, Duration::ZERO), Err(StoreError::PoolExhausted(_))));
        assert!(start.elapsed() < MAKING);
        drop(entry);
        assert!(checkout_from(&pool, 1, Duration::ZERO).is_ok());
    }

    fn pool(path: &str, entries: r2d2::Pool<Entries>, used: u64) -> Pool {
        let endpoint = crate::config::Endpoint::Unix(path.into());
        let target = Arc::new(Target { endpoint, username: None, password: None, database: 0, tls: None });
        Pool { target, size: 4, of_object: false, entries, used }
    }

    #[test]
    fn the_pool_that_was_not_used_for_longest_is_replaced() {
        let timer = Arc::new(worker());
        let mut pools: Vec<_> = [("/a", 2), ("/b", 1), ("/c", 3)]
            .map(|(path, used)| pool(path, builder(4, timer.clone()).build_unchecked(Entries), used))
            .into();
        let checkout = |pool: &Pool| checkout_from(&pool.entries, 4, Duration::from_mins(1)).unwrap();
        let in_use = checkout(&pools[1]);
        drop(checkout(&pools[0]));
        assert_eq!(replaced(&mut pools).len(), 1, "the entries of the removed pool are ended");
        let left = |pools: &[Pool]| pools.iter().map(|pool| pool.used).collect::<Vec<_>>();
        assert_eq!(left(&pools), [1, 3]);
        drop(in_use);
        replaced(&mut pools);
        assert_eq!(left(&pools), [3]);
        let _in_use = checkout(&pools[0]);
        replaced(&mut pools);
        assert_eq!(left(&pools), [3]);
    }

    #[test]
    fn a_pool_shrinks_to_what_is_in_use() {
        let entries = builder(4, Arc::new(worker())).build_unchecked(Entries);
        // r2d2 would leave a job behind for each pool that has one of these.
        assert_eq!((entries.idle_timeout(), entries.max_lifetime()), (None, None));
        let pools = [pool("/s", entries, 0)];
        let checkout = || checkout_from(&pools[0].entries, 4, Duration::from_mins(1)).unwrap();
        let open = || pools[0].entries.state().connections;

        let three = [checkout(), checkout(), checkout()];
        let in_use = checkout();
        drop(three);
        assert_eq!((end_idle(&pools, Duration::from_mins(1)).len(), open()), (0, 4));
        assert_eq!((end_idle(&pools, Duration::ZERO).len(), open()), (3, 1));
        drop(in_use);
        assert_eq!((end_idle(&pools, Duration::ZERO).len(), open()), (1, 0));
        drop(checkout());
        assert_eq!(open(), 1);
    }
}
