//! The connections of this process: one r2d2 pool for each target, built on first use.
//!
//! r2d2 makes connections on threads of its own and retries behind the caller's back. What it pools here is
//! therefore a [`Slot`] that is empty at first: the request that takes it connects, on its own thread, and gets the
//! error itself and at once. r2d2 bounds how many there are and who waits.
//!
//! FPM and pcntl fork. A child inherits sockets that its parent uses and none of the threads, so a registry belongs to
//! the process that built it.

use std::{
    convert::Infallible,
    mem,
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    time::Duration,
};

use parking_lot::Mutex;
use r2d2::{ManageConnection, PooledConnection};
use scheduled_thread_pool::{OnPoolDropBehavior, ScheduledThreadPool};

use super::{StoreError, connection::Connection, owed::Owed, threads};
use crate::{
    config::{Settings, Target},
    process::Own,
};

/// A script can set session.save_path to anything: more targets than this replace the oldest ones. Each master of a
/// Cluster is one.
const MAX_TARGETS: usize = 256;

/// A place for a connection.
#[derive(Default)]
pub struct Slot {
    pub connection: Option<Connection>,
    /// A release that was sent over it, or over the one before.
    pub owed: Option<Owed>,
}

impl Slot {
    /// Gives the connection up. An answer that has come already is kept.
    pub fn take_connection(&mut self) -> Option<Connection> {
        let mut connection = self.connection.take()?;
        if let Some(owed) = &mut self.owed {
            owed.collect(&mut connection);
        }
        Some(connection)
    }
}

pub struct Slots;

impl ManageConnection for Slots {
    type Connection = Slot;
    type Error = Infallible;

    fn connect(&self) -> Result<Slot, Infallible> {
        Ok(Slot::default())
    }

    fn is_valid(&self, _: &mut Slot) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Slot) -> bool {
        false
    }
}

struct Pool {
    target: Arc<Target>,
    size: u32,
    slots: r2d2::Pool<Slots>,
}

#[derive(Default)]
struct Registry {
    pools: Vec<Pool>,
    /// Shared by all pools, for which it makes empty slots.
    timer: Option<Timer>,
}

static REGISTRY: Own<Registry> = Own::new(Registry { pools: Vec::new(), timer: None });

/// The state of one pool, for phpinfo() and `rustredis_status()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatus {
    /// The target, without secrets.
    pub target: String,
    /// How many connections it may have.
    pub size: u32,
    /// How many it has, idle or not.
    pub open: u32,
    /// How many are not in use.
    pub idle: u32,
}

/// The pools of this process.
#[must_use]
pub fn pools() -> Vec<PoolStatus> {
    let status = |pool: &Pool| {
        let state = pool.slots.state();
        PoolStatus {
            target: pool.target.to_string(),
            size: pool.size,
            open: state.connections,
            idle: state.idle_connections,
        }
    };
    REGISTRY.lock().pools.iter().map(status).collect()
}

/// Closes the connections of this process, after `last` has had each slot; at module shutdown.
pub fn close_pools(mut last: impl FnMut(PooledConnection<Slots>)) {
    let old = mem::take(&mut *REGISTRY.lock());
    for pool in &old.pools {
        // All of them first: a slot that goes back would be the next again.
        let slots: Vec<_> = std::iter::from_fn(|| pool.slots.try_get()).collect();
        slots.into_iter().for_each(&mut last);
    }
}

/// The thread that the pools of this process share, for work that is due later.
#[derive(Clone)]
pub struct Timer(Arc<ScheduledThreadPool>);

impl Timer {
    /// Runs `job` after `delay`. It must not wait for anything: it would hold up who needs a slot.
    pub fn after(&self, delay: Duration, job: impl FnOnce() + Send + 'static) {
        self.0.execute_after(delay, job);
    }
}

/// The timer of this process.
#[must_use]
pub fn timer() -> Timer {
    REGISTRY.lock().timer()
}

/// How long a fork waits for the timer's thread. No job of it takes long.
const HOLD: Duration = Duration::from_secs(1);

/// The forks that are under way (threads may fork at the same time), and what lets the timer go on.
struct Forks {
    under_way: u32,
    held: Option<Sender<()>>,
}

static FORKS: Mutex<Forks> = Mutex::new(Forks { under_way: 0, held: None });

/// Before a fork: has the timer's thread wait in a job of its own until the fork is over.
///
/// Idle, it is parked in a table that parking_lot has for the whole process. A child inherits that table with the
/// entry of a thread that it does not have, whose memory the C library uses again: whatever the child parks or wakes
/// next would walk over it, and write there. In this job the thread is parked by the kernel alone.
pub fn before_fork() {
    let mut forks = FORKS.lock();
    forks.under_way += 1;
    let Some(timer) = REGISTRY.lock().timer.clone().filter(|_| forks.held.is_none()) else { return };
    let (arrived, arrival) = mpsc::channel();
    let (hold, end) = mpsc::channel();
    timer.after(Duration::ZERO, move || {
        let _ = arrived.send(());
        // Whatever comes: the fork is over, or it takes so long that its child is not PHP's.
        let _ = end.recv_timeout(HOLD * 10);
    });
    // If it does not come in time, the fork is as safe as one without this.
    let _ = arrival.recv_timeout(HOLD);
    forks.held = Some(hold);
}

/// After a fork, in the parent.
pub fn after_fork() {
    let mut forks = FORKS.lock();
    forks.under_way = forks.under_way.saturating_sub(1);
    if forks.under_way == 0 {
        // Without its sender the job ends.
        forks.held = None;
    }
}

/// After a fork, in the child: the thread that is held is the parent's.
pub fn after_fork_in_child() {
    // Another thread of the parent may have been about to fork.
    if let Some(mut forks) = FORKS.try_lock() {
        forks.under_way = 0;
        mem::forget(forks.held.take());
    }
}

/// Takes a slot of the pool for these settings if one is free and has a connection.
pub fn take_connected(settings: &Settings, target: &Arc<Target>) -> Option<PooledConnection<Slots>> {
    let pool = find(settings, target);
    pool.try_get().filter(|slot| slot.connection.is_some())
}

/// Takes a slot of the pool for these settings, waiting up to `rustredis.pool_wait` for one.
pub fn take(settings: &Settings, target: &Arc<Target>) -> Result<PooledConnection<Slots>, StoreError> {
    let pool = find(settings, target);
    match pool.try_get() {
        Some(slot) => Ok(slot),
        None => pool
            .get_timeout(settings.pool_wait.max(Duration::from_millis(1)))
            .map_err(|_| StoreError::PoolExhausted(settings.pool_wait)),
    }
}

impl Registry {
    fn timer(&mut self) -> Timer {
        self.timer.get_or_insert_with(|| Timer(Arc::new(threads::starting(worker)))).clone()
    }
}

fn find(settings: &Settings, target: &Arc<Target>) -> r2d2::Pool<Slots> {
    let mut registry = REGISTRY.lock();
    let same = |pool: &&Pool| {
        pool.size == settings.pool_size && (Arc::ptr_eq(&pool.target, target) || pool.target == *target)
    };
    if let Some(pool) = registry.pools.iter().find(same) {
        return pool.slots.clone();
    }
    let timer = registry.timer();
    let slots = r2d2::Pool::builder()
        .max_size(settings.pool_size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .thread_pool(timer.0)
        .build_unchecked(Slots);
    if registry.pools.len() == MAX_TARGETS {
        registry.pools.remove(0);
    }
    registry.pools.push(Pool { target: target.clone(), size: settings.pool_size, slots: slots.clone() });
    slots
}

fn worker() -> ScheduledThreadPool {
    ScheduledThreadPool::builder()
        .num_threads(1)
        .thread_name_pattern("rustredis-pool")
        .on_drop_behavior(OnPoolDropBehavior::DiscardPendingScheduled)
        .build()
}
