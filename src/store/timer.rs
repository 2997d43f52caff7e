//! The thread that the pools share with the renewal of leases, and its part in a fork.

use std::{
    io, mem,
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    time::Duration,
};

use parking_lot::Mutex;
use scheduled_thread_pool::{OnPoolDropBehavior, ScheduledThreadPool};

use crate::process::{PerProcess, threads};

static TIMER: PerProcess<Option<Arc<ScheduledThreadPool>>> = PerProcess::new(None);

/// The thread, for jobs that are due later. `None` if no thread can be started.
#[derive(Clone)]
pub struct Timer(Option<Arc<ScheduledThreadPool>>);

impl Timer {
    /// Runs `job` after `delay`. The job must not wait, or requests that need an entry would be
    /// delayed.
    pub fn after(&self, delay: Duration, job: impl FnOnce() + Send + 'static) {
        if let Some(threads) = &self.0 {
            threads.execute_after(delay, job);
        }
    }
}

/// Returns the timer of this process.
#[must_use]
pub fn timer() -> Timer {
    Timer(threads().ok())
}

/// The longest time for which a fork waits for the timer's thread. Its own jobs are short.
const HOLD: Duration = Duration::from_secs(1);

/// The forks that are under way (threads may fork at the same time), and the sender whose drop lets
/// the timer continue.
struct Forks {
    under_way: u32,
    held: Option<Sender<()>>,
}

static FORKS: Mutex<Forks> = Mutex::new(Forks { under_way: 0, held: None });

/// Prepares for a fork: the timer's thread waits in a job of its own until the fork is over.
///
/// An idle thread is parked in a table that `parking_lot` keeps for the whole process. A child
/// inherits that table with an entry for a thread that the child does not have, and the C library
/// reuses the memory of that thread. When the child next parks or wakes a thread, it would walk
/// over this entry and write to that memory. In the job, the kernel alone parks the thread.
pub fn before_fork() {
    let mut forks = FORKS.lock();
    forks.under_way += 1;
    let Some(timer) = TIMER.lock().clone().filter(|_| forks.held.is_none()) else { return };
    let (arrived, arrival) = mpsc::channel();
    let (hold, end) = mpsc::channel();
    Timer(Some(timer)).after(Duration::ZERO, move || {
        let _ = arrived.send(());
        // Either the fork is over, or it takes so long that its child is not PHP's.
        let _ = end.recv_timeout(HOLD * 10);
    });
    // If the thread does not come in time, the fork is as safe as one without this step.
    let _ = arrival.recv_timeout(HOLD);
    forks.held = Some(hold);
}

/// Ends the preparation in the parent, after a fork.
pub fn after_fork() {
    let mut forks = FORKS.lock();
    forks.under_way = forks.under_way.saturating_sub(1);
    if forks.under_way == 0 {
        // The job ends when its sender is dropped.
        forks.held = None;
    }
}

/// Ends the preparation in the child, after a fork. The thread that waits is the parent's.
pub fn after_fork_in_child() {
    // Another thread of the parent may have been about to fork, with this lock held.
    if let Some(mut forks) = FORKS.try_lock() {
        forks.under_way = 0;
        mem::forget(forks.held.take());
    }
}

/// Returns the thread, which starts on first use.
pub fn threads() -> io::Result<Arc<ScheduledThreadPool>> {
    let mut timer = TIMER.lock();
    if let Some(timer) = &*timer {
        return Ok(timer.clone());
    }
    Ok(timer.insert(Arc::new(threads::starting_crate(worker)?)).clone())
}

/// Ends the thread, once no pool needs it.
pub fn end() {
    let timer = TIMER.lock().take();
    drop(timer);
}

/// Starts the thread.
pub fn worker() -> ScheduledThreadPool {
    ScheduledThreadPool::builder()
        .num_threads(1)
        .thread_name_pattern("rustredis-pool")
        .on_drop_behavior(OnPoolDropBehavior::DiscardPendingScheduled)
        .build()
}
