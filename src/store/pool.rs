//! The connections of this process: one r2d2 pool for each target, created on first use.
//!
//! r2d2 makes connections on its own threads and retries without the caller's knowledge. Its pool
//! therefore contains values of type [`Entry`], which are empty at first. The request that takes an
//! entry connects on its own thread, and gets the error itself and at once. r2d2 limits the number
//! of entries, lets requests wait for one, and ends entries that are no longer used.
//!
//! FPM and pcntl fork. A child inherits the sockets that its parent uses and none of the threads,
//! so a registry belongs to the process that created it.

use std::{
    convert::Infallible,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use r2d2::{CustomizeConnection, ManageConnection, PooledConnection};
use scheduled_thread_pool::ScheduledThreadPool;

use super::{deferred::DeferredRelease, timer};
use crate::{
    client::connection::Connection,
    config::{Settings, Target},
    error::StoreError,
    process::PerProcess,
};

/// The largest number of targets. A script can set `session.save_path` to any value, and further
/// targets replace the oldest. Each master of a Cluster is a target.
const MAX_TARGETS: usize = 256;

/// The time without use after which a connection is closed, for example after a rush, or in a
/// process that meets many targets. The time is shorter than the memory of load balancers (4
/// minutes or more).
const IDLE: Duration = Duration::from_secs(220);

/// The time that r2d2's thread may take to make an empty entry, in addition to a request's wait for
/// its turn.
const MAKING: Duration = Duration::from_secs(5);

/// An entry of the pool, with or without a connection.
#[derive(Default)]
pub struct Entry {
    pub connection: Option<Connection>,
    /// A release that was sent over this connection or the one before.
    pub deferred: Option<DeferredRelease>,
}

impl Entry {
    /// Takes the connection out of the entry. An answer that has already arrived is kept.
    pub fn take_connection(&mut self) -> Option<Connection> {
        let mut connection = self.connection.take()?;
        if let Some(deferred) = &mut self.deferred {
            deferred.collect(&mut connection);
        }
        Some(connection)
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

    fn has_broken(&self, _: &mut Entry) -> bool {
        false
    }
}

/// The end of an entry that is closed because it was idle.
#[derive(Debug)]
struct LastWords;

impl CustomizeConnection<Entry, Infallible> for LastWords {
    fn on_release(&self, mut entry: Entry) {
        if let Some(deferred) = entry.deferred.take() {
            deferred.end_late(entry.connection.as_mut());
        }
    }
}

struct Pool {
    target: Arc<Target>,
    size: u32,
    of_object: bool,
    entries: r2d2::Pool<Entries>,
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

/// Closes the connections of this process at module shutdown, after a call of `last` for each
/// entry.
pub fn close_pools(mut last: impl FnMut(PooledConnection<Entries>)) {
    let old = mem::take(&mut *POOLS.lock());
    for pool in &old {
        // All entries are taken first: an entry that went back would be the next one again.
        let entries: Vec<_> = std::iter::from_fn(|| pool.entries.try_get()).collect();
        entries.into_iter().for_each(&mut last);
    }
    drop(old);
    timer::end();
}

/// Takes a free entry from the pool for these settings, if the entry has a connection.
pub fn checkout_connected(settings: &Settings, target: &Arc<Target>) -> Option<PooledConnection<Entries>> {
    let pool = find(settings, target).ok()?;
    pool.try_get().filter(|entry| entry.connection.is_some())
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
    if let Some(entry) = pool.try_get() {
        return Ok(entry);
    }
    let start = Instant::now();
    let mut next = wait.max(Duration::from_millis(1));
    loop {
        if let Ok(entry) = pool.get_timeout(next) {
            return Ok(entry);
        }
        // The pool has room, and the thread that makes an empty entry has not had its turn: no
        // other request is in the way.
        if pool.state().connections >= size || start.elapsed() >= wait + MAKING {
            return Err(StoreError::PoolExhausted(wait));
        }
        next = Duration::from_millis(10);
    }
}

fn find(settings: &Settings, target: &Arc<Target>) -> Result<r2d2::Pool<Entries>, StoreError> {
    let mut pools = POOLS.lock();
    let same = |pool: &&Pool| {
        (pool.size, pool.of_object) == (settings.pool_size, settings.of_object)
            && (Arc::ptr_eq(&pool.target, target) || pool.target == *target)
    };
    if let Some(pool) = pools.iter().find(same) {
        return Ok(pool.entries.clone());
    }
    let timer = timer::threads().map_err(StoreError::Connect)?;
    let entries = builder(settings.pool_size, timer, IDLE).build_unchecked(Entries);
    if pools.len() == MAX_TARGETS {
        pools.remove(0);
    }
    pools.push(Pool {
        target: target.clone(),
        size: settings.pool_size,
        of_object: settings.of_object,
        entries: entries.clone(),
    });
    Ok(entries)
}

fn builder(size: u32, timer: Arc<ScheduledThreadPool>, idle: Duration) -> r2d2::Builder<Entries> {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(Some(idle))
        .connection_customizer(Box::new(LastWords))
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
        let pool = builder(1, timer, IDLE).build_unchecked(Entries);
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

    #[test]
    fn a_pool_shrinks_when_nobody_needs_it() {
        // The rest is up to r2d2, which looks every 30 s.
        let pool = builder(4, Arc::new(worker()), IDLE).build_unchecked(Entries);
        assert_eq!((pool.idle_timeout(), pool.min_idle()), (Some(IDLE), Some(0)));
    }
}
