//! What is done for locks beside the requests that have them: their leases are renewed, and locks that nobody has are given
//! back.
//!
//! A lock's lease is short, so that a crashed holder stalls nobody for long; a request that lives longer has it renewed, at
//! every third of the lease. Most requests end long before that, and pay for one entry in a list. A [`Watch`] is one lock
//! that is renewed. It ends with the session's hold on the lock, by whatever road the request ends, and no later than
//! `rustredis.lock_max_hold` after the lock was taken: the last renewal is cut to that.
//!
//! A server that stalls may carry out a command that we have given up, or a release may not get there: then a session is
//! locked for a lease, and no request has the lock. Its token is known here, so it is released as soon as the server answers
//! ([`give_back`]).
//!
//! Each server has a thread of its own, so that one that hangs holds up no other's leases. A timer starts it, the first time
//! that there is something to do, and it ends when nothing is left.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    config::{LockSettings, Target},
    process::Own,
    session::Keys,
    store::{
        StoreError, Timeouts, Timer,
        renewer::{Place, Renewer},
        threads, timer,
    },
};

/// More servers at a time than this share threads.
const MAX_THREADS: usize = 16;

/// More locks of a server than this are not given back: they end with their leases.
const MAX_GIVEN_BACK: usize = 100;

/// Before a lock is given back, as its server has just not answered, and the longest pause between tries.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// So long may connecting and one exchange take then: at the end of the process they are waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A lock that is looked after until this is dropped.
pub struct Watch {
    renewal: Arc<Renewal>,
    id: u64,
}

/// What there is to do at one server. A forked child starts with none: its parent's are its parent's, and so are the
/// threads.
///
/// The thread waits by the standard library's means, not by parking_lot's: those leave a trace in a table that a forked
/// child inherits (see [`before_fork`](crate::store::before_fork)).
struct Renewal {
    server: Arc<Target>,
    timer: Timer,
    state: Mutex<State>,
    /// There is something to do earlier, or it is to stop.
    wake: Condvar,
}

#[derive(Default)]
struct State {
    tasks: Vec<Task>,
    next_id: u64,
    /// When the timer will look at them. A new time is earlier than all others: there is at most one for each length of a
    /// lease.
    looks: Vec<Instant>,
    /// The thread runs, and looks at them itself.
    runs: bool,
    sleeps_until: Option<Instant>,
    thread: Option<JoinHandle<()>>,
    stopping: bool,
}

#[derive(Clone)]
struct Task {
    id: u64,
    place: Place,
    timeouts: Timeouts,
    token: String,
    work: Work,
    due: Instant,
    end: Instant,
}

#[derive(Clone)]
enum Work {
    Renew {
        lock: String,
        tombstone: String,
        length: Duration,
    },
    Release {
        keys: Keys,
        mixed: bool,
        /// After a try that has failed.
        pause: Duration,
    },
}

/// Locked only to find one.
static RENEWALS: Own<Vec<Arc<Renewal>>> = Own::new(Vec::new());

/// Looks after a lock that was just taken.
#[must_use]
pub fn watch(place: Place, timeouts: Timeouts, lock: &LockSettings, keys: &Keys, token: &str) -> Watch {
    let now = Instant::now();
    let renewal = Renewal::of(&place.server());
    let work = Work::Renew { lock: keys.lock.clone(), tombstone: keys.tombstone.clone(), length: lock.lease };
    let task = Task {
        id: 0,
        place,
        timeouts,
        token: token.to_owned(),
        work,
        due: now + lock.lease / 3,
        end: now + lock.max_hold,
    };
    let id = renewal.add(task);
    Watch { renewal, id }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.renewal.state().tasks.retain(|task| task.id != self.id);
    }
}

/// Releases a lock that this token may have, or may yet get, as soon as the server answers: over a new connection, behind
/// whatever it has received before. After `patience` that is given up.
pub fn give_back(
    place: Place,
    timeouts: Timeouts,
    patience: Duration,
    keys: &Keys,
    token: String,
    mixed: bool,
) {
    let now = Instant::now();
    let timeouts = Timeouts { connect: timeouts.connect.min(PATIENCE), read: timeouts.read.min(PATIENCE) };
    let renewal = Renewal::of(&place.server());
    let work = Work::Release { keys: keys.clone(), mixed, pause: PAUSE };
    renewal.add(Task { id: 0, place, timeouts, token, work, due: now + PAUSE, end: now + patience });
}

/// Ends the threads and waits for them; at module shutdown. An exchange with Redis that is under way is bounded by its
/// timeouts.
pub fn stop() {
    let renewals = mem::take(&mut *RENEWALS.lock());
    let stop = |renewal: &Arc<Renewal>| {
        let mut state = renewal.state();
        state.stopping = true;
        renewal.wake.notify_all();
        state.thread.take()
    };
    // All of them are told before one is waited for.
    let threads: Vec<_> = renewals.iter().filter_map(stop).collect();
    for thread in threads {
        // It ended by a panic, which it has already reported on stderr.
        let _ = thread.join();
    }
}

impl Renewal {
    fn of(server: &Arc<Target>) -> Arc<Self> {
        let mut all = RENEWALS.lock();
        if let Some(known) =
            all.iter().find(|known| Arc::ptr_eq(&known.server, server) || known.server == *server)
        {
            return known.clone();
        }
        if all.len() == MAX_THREADS {
            let Some(idle) = all.iter().position(|renewal| renewal.is_idle()) else { return all[0].clone() };
            all.swap_remove(idle);
        }
        let new = Arc::new(Self {
            server: server.clone(),
            timer: timer(),
            state: Mutex::default(),
            wake: Condvar::new(),
        });
        all.push(new.clone());
        new
    }

    /// A panic in the middle of a change is at worst a task too many or too few.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_idle(&self) -> bool {
        let state = self.state();
        state.tasks.is_empty() && !state.runs
    }

    fn add(self: &Arc<Self>, task: Task) -> u64 {
        let mut state = self.state();
        state.next_id += 1;
        let (id, due) = (state.next_id, task.due);
        if matches!(task.work, Work::Release { .. }) {
            let is_release = |task: &Task| matches!(task.work, Work::Release { .. });
            if state.tasks.iter().filter(|task| is_release(task)).count() == MAX_GIVEN_BACK {
                return id;
            }
        }
        state.tasks.push(Task { id, ..task });
        if !state.runs {
            self.look_at(&mut state, due);
        } else if state.sleeps_until.is_some_and(|until| due < until) {
            self.wake.notify_all();
        }
        id
    }

    /// Has the timer look at the tasks then, if it does not do so before.
    fn look_at(self: &Arc<Self>, state: &mut State, at: Instant) {
        if state.looks.iter().all(|look| *look > at) {
            state.looks.push(at);
            let own = self.clone();
            self.timer.after(at.saturating_duration_since(Instant::now()), move || own.look(at));
        }
    }

    /// On the timer: is there something to do?
    fn look(self: &Arc<Self>, at: Instant) {
        let mut state = self.state();
        state.looks.retain(|look| *look != at);
        let Some(due) = state.tasks.iter().map(|task| task.due).min() else { return };
        if state.runs || state.stopping {
            return;
        }
        let now = Instant::now();
        if due > now {
            return self.look_at(&mut state, due);
        }
        let own = self.clone();
        let started = threads::starting(|| {
            thread::Builder::new().name("rustredis-renew".into()).spawn(move || own.run())
        });
        match started {
            // The one before has ended, or `runs` would have kept us from here.
            Ok(thread) => {
                state.thread = Some(thread);
                state.runs = true;
            }
            // No thread to be had: try again while the lease lasts.
            Err(_) => self.look_at(&mut state, now + Duration::from_millis(100)),
        }
    }

    /// The thread.
    fn run(&self) {
        let mut renewer = Renewer::default();
        let mut state = self.state();
        loop {
            let now = Instant::now();
            state.tasks.retain(|task| task.end > now);
            let next = state.tasks.iter().min_by_key(|task| task.due).cloned();
            let Some(mut task) = next.filter(|_| !state.stopping) else {
                state.runs = false;
                return;
            };
            if task.due > now {
                let until = task.due.min(task.end);
                state.sleeps_until = Some(until);
                state = self.wake.wait_timeout(state, until - now).unwrap_or_else(PoisonError::into_inner).0;
                state.sleeps_until = None;
                continue;
            }
            drop(state);
            task.carry_out(&mut renewer);
            state = self.state();
            // The request may have ended meanwhile; the script compares the token, so that came to nothing.
            if let Some(entry) = state.tasks.iter_mut().find(|entry| entry.id == task.id) {
                *entry = task;
            }
        }
    }
}

impl Task {
    /// Does it once, and says when it is due again; at its end if it is over.
    fn carry_out(&mut self, renewer: &mut Renewer) {
        let now = Instant::now();
        self.due = match &mut self.work {
            Work::Renew { lock, tombstone, length } => {
                let left = self.end.saturating_duration_since(now);
                let lease = left.min(*length);
                match renewer.renew(&self.place, self.timeouts, [lock, tombstone], &self.token, lease) {
                    Ok(true) if lease == *length => Instant::now() + *length / 3,
                    // That was the last. Or somebody else has it: the write will be refused, and its warning will say who.
                    Ok(_) => self.end,
                    Err(_) => Instant::now() + *length / 10,
                }
            }
            Work::Release { keys, mixed, pause } => {
                match renewer.release(&self.place, self.timeouts, keys, &self.token, *mixed) {
                    Err(StoreError::Server(error)) if !error.is_passing() && !error.is_demotion() => self.end,
                    Err(_) => {
                        let wait = *pause;
                        *pause = (wait * 2).min(LONGEST_PAUSE);
                        Instant::now() + wait
                    }
                    // It is free now, or was never this token's.
                    Ok(()) => self.end,
                }
            }
        };
        if self.due == self.end {
            self.end = now;
        }
    }
}
