//! Leases that live as long as their request.
//!
//! A lock's lease is short, so that a crashed holder stalls nobody for long; a request that lives longer has it
//! renewed, at every third of the lease, by a thread of this process. Most requests end long before that, and pay
//! for one entry in a list: the thread is started by a timer, the first time that a lock is a third of its lease old,
//! and ends when there is nothing left to renew.
//!
//! A [`Watch`] is one lock that is being looked after. It ends with the session's hold on the lock, by whatever road the
//! request ends, and no later than `rustredis.lock_max_hold` after the lock was taken.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    config::LockSettings,
    process::Own,
    session::Keys,
    store::{
        Timeouts, Timer,
        renewer::{Place, Renewer},
        threads, timer,
    },
};

/// A lock that is looked after until this is dropped.
pub struct Watch {
    renewal: Arc<Renewal>,
    id: u64,
}

/// The leases of one process. A forked child starts with none: its parent's are its parent's, and so is the thread.
///
/// The thread waits by the standard library's means, not by parking_lot's: those leave a trace in a table that a forked
/// child inherits (see [`before_fork`](crate::store::before_fork)).
struct Renewal {
    timer: Timer,
    state: Mutex<State>,
    /// Told to stop.
    wake: Condvar,
}

impl Renewal {
    /// A panic in the middle of a change is at worst a lease too many or too few.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct State {
    leases: Vec<Lease>,
    next_id: u64,
    /// A timer or the thread will look at the leases.
    looked_after: bool,
    thread: Option<JoinHandle<()>>,
    stopping: bool,
}

#[derive(Clone)]
struct Lease {
    id: u64,
    place: Place,
    timeouts: Timeouts,
    key: String,
    token: String,
    length: Duration,
    due: Instant,
    /// rustredis.lock_max_hold
    end: Instant,
}

/// Locked only to find it.
static RENEWAL: Own<Option<Arc<Renewal>>> = Own::new(None);

/// Looks after a lock that was just taken.
#[must_use]
pub fn watch(place: Place, timeouts: Timeouts, lock: &LockSettings, keys: &Keys, token: &str) -> Watch {
    let new = || Arc::new(Renewal { timer: timer(), state: Mutex::default(), wake: Condvar::new() });
    let renewal = RENEWAL.lock().get_or_insert_with(new).clone();
    let now = Instant::now();
    let mut state = renewal.state();
    state.next_id += 1;
    let id = state.next_id;
    state.leases.push(Lease {
        id,
        place,
        timeouts,
        key: keys.lock.clone(),
        token: token.to_owned(),
        length: lock.lease,
        due: now + lock.lease / 3,
        end: now + lock.max_hold,
    });
    if !mem::replace(&mut state.looked_after, true) {
        look_later(&renewal, lock.lease / 3);
    }
    drop(state);
    Watch { renewal, id }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.renewal.state().leases.retain(|lease| lease.id != self.id);
    }
}

/// Ends the thread and waits for it; at module shutdown. An exchange with Redis that is under way is bounded by its
/// timeouts.
pub fn stop() {
    let Some(renewal) = RENEWAL.lock().take() else { return };
    let thread = {
        let mut state = renewal.state();
        state.stopping = true;
        state.thread.take()
    };
    renewal.wake.notify_all();
    if let Some(thread) = thread {
        // It ended by a panic, which it has already reported on stderr.
        let _ = thread.join();
    }
}

fn look_later(renewal: &Arc<Renewal>, delay: Duration) {
    let again = renewal.clone();
    renewal.timer.after(delay, move || look(&again));
}

/// On the timer: is there a lock that is a third of its lease old?
fn look(renewal: &Arc<Renewal>) {
    let mut state = renewal.state();
    let Some(due) = state.leases.iter().map(|lease| lease.due).min().filter(|_| !state.stopping) else {
        state.looked_after = false;
        return;
    };
    let now = Instant::now();
    if due > now {
        return look_later(renewal, due - now);
    }
    let own = renewal.clone();
    let started =
        threads::starting(|| thread::Builder::new().name("rustredis-renew".into()).spawn(move || run(&own)));
    match started {
        // The one before has ended, or `looked_after` would have kept us from here.
        Ok(thread) => state.thread = Some(thread),
        // No thread to be had: try again while the lease lasts.
        Err(_) => look_later(renewal, Duration::from_millis(100)),
    }
}

/// The thread.
fn run(renewal: &Renewal) {
    let mut renewer = Renewer::default();
    let mut state = renewal.state();
    loop {
        let now = Instant::now();
        state.leases.retain(|lease| lease.end > now);
        let next = state.leases.iter().min_by_key(|lease| lease.due).cloned();
        let Some(lease) = next.filter(|_| !state.stopping) else {
            state.looked_after = false;
            return;
        };
        if lease.due > now {
            let left = lease.due.min(lease.end) - now;
            state = renewal.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        drop(state);
        let answer = renewer.renew(&lease.place, lease.timeouts, &lease.key, &lease.token, lease.length);
        state = renewal.state();
        // The request may have ended meanwhile; the script compares the token, so that came to nothing.
        let Some(entry) = state.leases.iter_mut().find(|entry| entry.id == lease.id) else { continue };
        entry.due = match answer {
            Ok(true) => Instant::now() + lease.length / 3,
            // Somebody else has it: the write will be refused, and its warning will say who.
            Ok(false) => lease.end,
            Err(_) => Instant::now() + lease.length / 10,
        };
    }
}
