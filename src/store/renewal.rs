//! Work on locks outside of the requests that have them: the renewal of leases, and the release of
//! locks that no request has.
//!
//! The lease of a lock is short, so that a crashed holder does not block others for long. For a
//! request that takes longer, the lease is renewed after each third of it. Most requests end long
//! before that, and cost one entry in a list. A [`LeaseGuard`] is one lock with renewal. It ends
//! together with the session's hold on the lock, however the request ends, and at most
//! `rustredis.lock_max_hold` after the lock was taken: the last renewal is shortened to that time.
//!
//! A server that stalls may carry out a command after the request has given up on it, and a release
//! may get lost. A session is then locked for a lease, and no request has the lock. This module
//! knows the token, so it releases the lock as soon as the server answers ([`give_back`]).
//!
//! Each server has a thread of its own, so that a server that hangs does not delay the leases of
//! others. A timer starts the thread when there is something to do, and the thread ends when
//! nothing is left.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use redis::Value;

use super::timer::{Timer, timer};
use crate::{
    client::{
        Timeouts,
        cluster::Hop,
        connection::Connection,
        route::{self, Route},
        stream::share,
    },
    config::{Endpoint, LockSettings, Settings, Target},
    error::StoreError,
    process::{
        PerProcess,
        stats::{Held, Moment},
        threads,
    },
    protocol::{
        Keys, Release, ReleaseReply, TRIAL_MS,
        renew::Renew,
        reply,
        script::{Payload, ScriptCall},
    },
    resp::Command,
};

/// The largest number of threads. With more servers than this at a time, servers share threads.
const MAX_THREADS: usize = 16;

/// TLS and the resolver expect a program's ordinary threads.
const STACK: usize = 2 << 20;

/// The largest number of locks per server to give back, and of lost releases to repeat. Further
/// locks end with their leases, and further releases have failed.
const MAX_GIVEN_BACK: usize = 100;

/// The pause before the first try to give a lock back, because its server has just failed to
/// answer, and the longest pause between tries.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The limit for connecting, and for one exchange, to give a lock back. The end of the process
/// waits for both.
const PATIENCE: Duration = Duration::from_secs(1);

/// The limits of a try on the timer's thread, for which requests may wait.
const HASTE: Timeouts = Timeouts { connect: Duration::from_millis(100), read: Duration::from_millis(100) };

/// A lock whose lease is renewed until this value is dropped.
pub struct LeaseGuard {
    renewal: Arc<Renewal>,
    id: u64,
    /// Counts the lock as one that is held.
    held: Held,
}

/// The tasks at one server. A forked child starts without any: the locks and the threads of its
/// parent stay the parent's.
///
/// The thread waits with the standard library's primitives. Those of parking_lot leave a trace in a
/// table that a forked child inherits (see [`before_fork`](crate::store::before_fork)).
struct Renewal {
    server: Arc<Target>,
    timer: Timer,
    state: Mutex<State>,
    /// Signals that a task is due earlier, or that the thread must stop.
    wake: Condvar,
}

#[derive(Default)]
struct State {
    tasks: Vec<Task>,
    next_id: u64,
    /// The times when the timer will look at the tasks. A new time is always earlier than all
    /// others, so there is at most one for each length of a lease.
    looks: Vec<Instant>,
    /// Set while the thread runs, which looks at the tasks itself.
    runs: bool,
    sleeps_until: Option<Instant>,
    thread: Option<JoinHandle<()>>,
    /// The reason why the last start of the thread failed.
    no_thread: Option<String>,
    stopping: bool,
}

#[derive(Clone)]
struct Task {
    id: u64,
    home: Home,
    timeouts: Timeouts,
    token: String,
    work: Work,
    due: Instant,
    end: Instant,
    /// The reason why the last renewal failed.
    failure: Option<String>,
}

#[derive(Clone)]
enum Work {
    /// Looks if the session of a prefetched lock exists: a page that runs long and starts no
    /// session would hold the lock of an unknown id. The lock is then released, and otherwise
    /// renewed.
    Try {
        keys: Keys,
        polling: bool,
        length: Duration,
        renewal: Instant,
    },
    Renew {
        keys: Keys,
        length: Duration,
    },
    Release {
        keys: Keys,
        polling: bool,
        /// The pause after a try that fails.
        pause: Duration,
    },
    /// Sends a release again that was lost with its connection.
    Repeat {
        lost: Arc<dyn Lost>,
        keys: Keys,
        polling: bool,
        pause: Duration,
    },
}

/// A release that was lost with its connection.
pub trait Lost: Send + Sync {
    /// The script, with the whole session.
    fn call(&self) -> &ScriptCall<'static>;

    /// The end of the receipt, by which the server knows the release.
    fn until(&self) -> Instant;

    /// Learns the outcome, on a thread of this module or at the end of the process.
    fn learn(&self, outcome: Result<ReleaseReply, StoreError>);
}

/// The locks that are still to be given back at the end of the process.
static LAST: PerProcess<Option<Vec<Task>>> = PerProcess::new(None);

/// All renewals. The lock is held only to find one of them.
static RENEWALS: PerProcess<Vec<Arc<Renewal>>> = PerProcess::new(Vec::new());

/// Renews the lease of a prefetched lock whose session may not exist. [`LeaseGuard::confirm`] tells
/// that it does.
#[must_use]
pub fn guard_of_trial(
    home: Home,
    timeouts: Timeouts,
    lock: &LockSettings,
    keys: &Keys,
    token: &str,
    since: Moment,
) -> LeaseGuard {
    let third = lock.lease / 3;
    let renewal = Instant::now() + third;
    let work = Work::Try { keys: keys.clone(), polling: lock.polling, length: lock.lease, renewal };
    begin(home, timeouts, lock, token, work, since, third.min(Duration::from_millis(TRIAL_MS)))
}

/// Renews the lease of a lock that was just taken.
#[must_use]
pub fn guard(
    home: Home,
    timeouts: Timeouts,
    lock: &LockSettings,
    keys: &Keys,
    token: &str,
    since: Moment,
) -> LeaseGuard {
    let work = Work::Renew { keys: keys.clone(), length: lock.lease };
    begin(home, timeouts, lock, token, work, since, lock.lease / 3)
}

/// Begins the work on a lock that was taken now. It is due after this time for the first time.
fn begin(
    home: Home,
    timeouts: Timeouts,
    lock: &LockSettings,
    token: &str,
    work: Work,
    since: Moment,
    first: Duration,
) -> LeaseGuard {
    let renewal = Renewal::of(&home.server());
    let now = Instant::now();
    let (due, end) = (now + first, now + lock.max_hold);
    let task = Task { id: 0, home, timeouts, token: token.to_owned(), work, due, end, failure: None };
    let id = renewal.add(task);
    LeaseGuard { renewal, id, held: Held::since(since) }
}

impl LeaseGuard {
    /// Ends the lease of a lock that was given back at this time.
    pub fn end_at(mut self, time: u64) {
        self.held.end_at(time);
    }

    /// Tells that the session of a prefetched lock was there, so that the lock is renewed whatever
    /// becomes of the session. Returns false if the lock was released meanwhile, because the
    /// session has vanished since.
    #[must_use]
    pub fn confirm(&self) -> bool {
        let mut state = self.renewal.state();
        let Some(task) = state.tasks.iter_mut().find(|task| task.id == self.id) else { return false };
        task.confirm();
        matches!(task.work, Work::Renew { .. })
    }

    /// The reason why this lease cannot be renewed at the moment: no thread can be started, or the
    /// last renewal failed.
    #[must_use]
    pub fn hindrance(&self) -> Option<String> {
        let state = self.renewal.state();
        let own = state.tasks.iter().find(|task| task.id == self.id);
        state.no_thread.clone().or_else(|| own?.failure.clone())
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.renewal.state().tasks.retain(|task| task.id != self.id);
    }
}

/// Releases a lock that this token has or may yet get, as soon as the server answers. The release
/// uses a new connection, so that the server handles it after all earlier commands. After
/// a state's life, it is given up.
pub fn give_back(home: Home, settings: &Settings, keys: &Keys, token: String) {
    let polling = settings.polls();
    let work = Work::Release { keys: keys.clone(), polling, pause: PAUSE };
    hand_over(home, settings, token, work, PAUSE);
}

/// Sends a release again that was lost with its connection.
pub fn repeat(home: Home, settings: &Settings, keys: &Keys, token: String, lost: Arc<dyn Lost>) {
    let polling = settings.polls();
    let work = Work::Repeat { lost, keys: keys.clone(), polling, pause: PAUSE };
    hand_over(home, settings, token, work, Duration::ZERO);
}

fn hand_over(home: Home, settings: &Settings, token: String, work: Work, first: Duration) {
    let now = Instant::now();
    let timeouts = patient(Timeouts { connect: settings.connect_timeout, read: settings.read_timeout });
    let (due, end) = (now + first, now + settings.dead_life);
    let task = Task { id: 0, home, timeouts, token, work, due, end, failure: None };
    if let Some(last) = &mut *LAST.lock() {
        last.push(task);
        return;
    }
    Renewal::of(&task.home.server()).add(task);
}

/// Ends the threads and waits for them; called at module shutdown. The timeouts of an exchange with
/// Redis limit the wait. From then on [`give_back_last`] alone gives locks back.
pub fn stop() {
    *LAST.lock() = Some(Vec::new());
    let renewals = mem::take(&mut *RENEWALS.lock());
    let stop = |renewal: &Arc<Renewal>| {
        let mut state = renewal.state();
        state.stopping = true;
        renewal.wake.notify_all();
        state.thread.take()
    };
    // All threads are told to stop before the first one is waited for.
    let threads: Vec<_> = renewals.iter().filter_map(stop).collect();
    for thread in threads {
        // The thread ended by a panic, which it has already reported on stderr.
        let _ = thread.join();
    }
    let tasks = renewals.iter().flat_map(|renewal| mem::take(&mut renewal.state().tasks));
    LAST.lock().get_or_insert_default().extend(tasks.filter(Task::is_release));
}

/// Gives back the locks that the threads had no time for, with one try for each lock. This is
/// called after all requests. A server that does not answer delays the end of the process for its
/// share of a moment, and is then left alone.
pub fn give_back_last() {
    let mut servers: Vec<(Arc<Target>, Vec<Task>)> = Vec::new();
    for task in LAST.lock().take().unwrap_or_default() {
        let server = task.home.server();
        match servers.iter_mut().find(|(of, _)| *of == server) {
            Some((_, tasks)) => tasks.push(task),
            None => servers.push((server, vec![task])),
        }
    }
    let end = Instant::now() + PATIENCE;
    let mut renewer = Renewer::default();
    while let Some((_, tasks)) = servers.pop() {
        let until = share(end, servers.len());
        let mut answers = true;
        for mut task in tasks.into_iter().rev() {
            let left = until.saturating_duration_since(Instant::now());
            task.timeouts =
                Timeouts { connect: left.min(task.timeouts.connect), read: left.min(task.timeouts.read) };
            if !answers || left.is_zero() {
                task.give_up();
            } else {
                answers = task.carry_out_last(&mut renewer);
            }
        }
    }
}

/// Returns the answer of the master at which a lock was taken, or the answer of the master that a
/// sentinel has named if the first one cannot be reached, or has become a replica.
fn unless_gone<T>(answer: Result<T, StoreError>, of_the_other: T) -> Result<T, StoreError> {
    match answer {
        Err(StoreError::Connect(_) | StoreError::Timeout(_) | StoreError::Broken(_)) => Ok(of_the_other),
        Err(StoreError::Server(error)) if error.is_demotion() => Ok(of_the_other),
        answer => answer,
    }
}

/// The timeouts for a server that may be gone.
fn patient(timeouts: Timeouts) -> Timeouts {
    Timeouts { connect: timeouts.connect.min(PATIENCE), read: timeouts.read.min(PATIENCE) }
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

    /// Locks the state. After a panic in the middle of a change, there is at worst a task too many
    /// or too few.
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
        if task.is_release() && state.tasks.iter().filter(|task| task.is_release()).count() >= MAX_GIVEN_BACK
        {
            drop(state);
            task.give_up();
            return id;
        }
        state.tasks.push(Task { id, ..task });
        if !state.runs {
            self.look_at(&mut state, due);
        } else if state.sleeps_until.is_some_and(|until| due < until) {
            self.wake.notify_all();
        }
        id
    }

    /// Lets the timer look at the tasks at this time, unless it will do so before.
    fn look_at(self: &Arc<Self>, state: &mut State, at: Instant) {
        if state.looks.iter().all(|look| *look > at) {
            state.looks.push(at);
            let own = self.clone();
            self.timer.after(at.saturating_duration_since(Instant::now()), move || own.look(at));
        }
    }

    /// Runs on the timer: starts the thread if a task is due.
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
        match threads::spawn("rustredis-renew", STACK, move || own.run()) {
            // The previous thread has ended, because `runs` is false.
            Ok(thread) => {
                state.thread = Some(thread);
                state.runs = true;
                state.no_thread = None;
            }
            // The system has no thread to spare. The timer tries again while the lease lasts.
            Err(error) => {
                state.no_thread = Some(error.to_string());
                self.look_at(&mut state, now + Duration::from_millis(100));
                self.release_here(state);
            }
        }
    }

    /// Gives one lock back, or repeats one lost release, on the timer's thread.
    fn release_here(&self, mut state: MutexGuard<'_, State>) {
        let now = Instant::now();
        state.tasks.extract_if(.., |task| task.end <= now).for_each(|over| over.give_up());
        let due = state.tasks.iter().position(|task| task.is_release() && task.due <= now);
        let Some(mut task) = due.map(|due| state.tasks.swap_remove(due)) else { return };
        drop(state);
        let Timeouts { connect, read } = mem::replace(&mut task.timeouts, HASTE);
        task.carry_out(&mut Renewer::default());
        task.timeouts = Timeouts { connect, read };
        let mut state = self.state();
        if state.stopping {
            task.give_up();
        } else {
            state.tasks.push(task);
        }
    }

    /// The body of the thread.
    fn run(&self) {
        let mut renewer = Renewer::default();
        let mut state = self.state();
        loop {
            let now = Instant::now();
            state.tasks.extract_if(.., |task| task.end <= now).for_each(|over| over.give_up());
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
            let looked = matches!(task.work, Work::Try { .. });
            task.carry_out(&mut renewer);
            state = self.state();
            // The request may have ended in the meantime. The script compares the token, so the
            // renewal then had no effect. Or it has confirmed its session, which needs no look
            // then.
            let entry = state.tasks.iter_mut().find(|entry| entry.id == task.id);
            if let Some(entry) = entry.filter(|entry| looked == matches!(entry.work, Work::Try { .. })) {
                *entry = task;
            }
        }
    }
}

impl Task {
    /// Returns true if the task gives a lock back that no request has.
    fn is_release(&self) -> bool {
        matches!(self.work, Work::Release { .. } | Work::Repeat { .. })
    }

    /// Goes on to the renewal of the lock if this is the look at its session.
    fn confirm(&mut self) {
        if let Work::Try { keys, length, renewal, .. } = &self.work {
            self.due = *renewal;
            self.work = Work::Renew { keys: keys.clone(), length: *length };
        }
    }

    /// Carries the task out once and sets the time when it is due again, or its end if it is over.
    fn carry_out(&mut self, renewer: &mut Renewer) {
        let now = Instant::now();
        self.due = match &mut self.work {
            Work::Try { keys, polling, .. } => {
                if let Ok(false) = renewer.exists(&self.home, self.timeouts, keys) {
                    let (keys, polling) = (keys.clone(), *polling);
                    self.work = Work::Release { keys, polling, pause: PAUSE };
                    now
                } else {
                    // Without an answer the lock is renewed, as that of a session that exists.
                    self.confirm();
                    self.due
                }
            }
            Work::Renew { keys, length } => {
                let left = self.end.saturating_duration_since(now);
                let lease = left.min(*length);
                let keys = [keys.lock(), keys.state()];
                let answer = renewer.renew(&self.home, self.timeouts, keys, &self.token, lease);
                self.failure = answer.as_ref().err().map(ToString::to_string);
                match answer {
                    Ok(true) if lease == *length => Instant::now() + *length / 3,
                    // This was the last renewal, or another request has the lock. In the latter
                    // case the write will be refused, and its warning will name the holder.
                    Ok(_) => self.end,
                    Err(_) => Instant::now() + *length / 10,
                }
            }
            Work::Repeat { lost, keys, polling, pause } => {
                match renewer.repeat(&self.home, self.timeouts, lost.call()) {
                    Err(error) if !is_final(&error) && now + *pause < lost.until() => {
                        let wait = *pause;
                        *pause = (wait * 2).min(LONGEST_PAUSE);
                        Instant::now() + wait
                    }
                    answer => {
                        let failed = answer.is_err();
                        lost.learn(answer);
                        self.work = Work::Release { keys: keys.clone(), polling: *polling, pause: PAUSE };
                        if failed { Instant::now() + PAUSE } else { self.end }
                    }
                }
            }
            Work::Release { keys, polling, pause } => {
                match renewer.release(&self.home, self.timeouts, keys, &self.token, *polling) {
                    Err(error) if is_final(&error) => self.end,
                    Err(_) => {
                        let wait = *pause;
                        *pause = (wait * 2).min(LONGEST_PAUSE);
                        Instant::now() + wait
                    }
                    // The lock is free now, or never belonged to this token.
                    Ok(()) => self.end,
                }
            }
        };
        if self.due == self.end {
            self.end = now;
        }
    }

    /// Carries the task out at the end of the process. Returns false if the server does not answer.
    fn carry_out_last(&self, renewer: &mut Renewer) -> bool {
        let answer = match &self.work {
            Work::Release { keys, polling, .. } => {
                renewer.release(&self.home, self.timeouts, keys, &self.token, *polling)
            }
            Work::Repeat { lost, keys, polling, .. } => {
                let answer = renewer.repeat(&self.home, self.timeouts, lost.call());
                let outcome = answer.as_ref().map(drop).map_err(is_final);
                lost.learn(answer);
                match outcome {
                    Err(true) => renewer.release(&self.home, self.timeouts, keys, &self.token, *polling),
                    Err(false) => return false,
                    Ok(()) => Ok(()),
                }
            }
            Work::Try { .. } | Work::Renew { .. } => Ok(()),
        };
        matches!(answer, Ok(()) | Err(StoreError::Server(_)))
    }

    /// Ends the task without an answer of its server. A task that is over has nothing to end.
    fn give_up(&self) {
        if let Work::Repeat { lost, .. } = &self.work {
            lost.learn(Err(StoreError::Timeout(self.timeouts.read)));
        }
    }
}

/// Returns true if this is the refusal of a replica.
fn is_of_replica(answer: &Result<Value, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Server(error)) if error.is_demotion())
}

/// Returns true if a repeat would have the same answer.
fn is_final(error: &StoreError) -> bool {
    matches!(error, StoreError::Server(error) if !error.is_passing() && !error.is_demotion())
}

/// The place of a session's lock.
#[derive(Clone)]
pub struct Home {
    route: Route,
    /// The master at which the lock was taken, if sentinels choose it.
    master: Option<Endpoint>,
}

impl Home {
    /// Returns the place of the lock that was taken over this connection.
    #[must_use]
    pub fn new(settings: &Settings, keys: &Keys, connection: Option<&Connection>) -> Self {
        let route = Route::new(settings.shards.of(keys.route), keys.slot);
        let master = route.master(connection);
        Self { route, master }
    }

    /// Returns the place at the master where the lock was taken, unless `asked` is that master.
    fn at_first_master(&self, asked: Option<&Endpoint>) -> Option<Self> {
        let master = self.master.as_ref().filter(|master| asked.is_some_and(|asked| asked != *master))?;
        let target = Target { endpoint: master.clone(), ..Target::clone(&self.server()) };
        Some(Self { route: Route::Server(Arc::new(target)), master: None })
    }

    /// Returns the server that has the lock, as far as it is known.
    fn server(&self) -> Arc<Target> {
        self.route.server_or_seeds()
    }
}

/// The connection of a thread that renews leases and gives locks back, one after the other.
#[derive(Default)]
pub struct Renewer {
    connection: Option<(Arc<Target>, Connection)>,
    /// The master that sentinels have named for the last command.
    master: Option<Endpoint>,
}

impl Renewer {
    /// Starts the lease of a lock again. Returns false if this token no longer has the lock. `keys`
    /// are the lock and the state.
    pub fn renew(
        &mut self,
        home: &Home,
        timeouts: Timeouts,
        keys: [&str; 2],
        token: &str,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let renewed = self.renew_by(home, timeouts, keys, token, lease)?;
        // A sentinel that is cut off together with an old master still names it.
        match home.at_first_master(self.master.as_ref()) {
            Some(first) if !renewed => {
                unless_gone(self.renew_by(&first, patient(timeouts), keys, token, lease), false)
            }
            _ => Ok(renewed),
        }
    }

    fn renew_by(
        &mut self,
        home: &Home,
        timeouts: Timeouts,
        keys: [&str; 2],
        token: &str,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let renew = Renew { token, lease };
        let mut answer = self.run(home, timeouts, &keys, renew);
        if matches!(&answer, Err(StoreError::Server(error)) if error.code == "TRYAGAIN") {
            // While a slot moves, a node refuses a script if the node has only one of the script's
            // keys, and there is seldom a state. The lock alone is on one of the nodes.
            answer = self.run(home, timeouts, &keys[..1], renew);
        }
        let renewed = Renew::parse(&answer?);
        if renewed.is_err() {
            // The next answer over this connection may belong to another command.
            self.connection = None;
        }
        renewed
    }

    fn run(
        &mut self,
        home: &Home,
        timeouts: Timeouts,
        keys: &[&str],
        renew: Renew<'_>,
    ) -> Result<Value, StoreError> {
        let mut call = renew.call(keys);
        match self.ask(home, timeouts, &mut call.command) {
            Err(StoreError::Server(error)) if error.code == "NOSCRIPT" => {
                self.ask(home, timeouts, &mut call.by_text())
            }
            answer => answer,
        }
    }

    /// Returns true if a session is stored.
    fn exists(&mut self, home: &Home, timeouts: Timeouts, keys: &Keys) -> Result<bool, StoreError> {
        let mut command = Command::new("EXISTS");
        command.arg(keys.data());
        let exists = reply::flag(&self.ask(home, timeouts, &mut command)?);
        if exists.is_err() {
            self.connection = None;
        }
        exists
    }

    /// Releases a lock if this token has it, over a new connection. By then, the server has carried
    /// out or dropped all commands of earlier connections.
    pub fn release(
        &mut self,
        home: &Home,
        timeouts: Timeouts,
        keys: &Keys,
        token: &str,
        polling: bool,
    ) -> Result<(), StoreError> {
        let released = self.release_by(home, timeouts, keys, token, polling)?;
        match home.at_first_master(self.master.as_ref()) {
            Some(first) if matches!(released, ReleaseReply::Lost { .. }) => {
                unless_gone(self.release_by(&first, timeouts, keys, token, polling), released).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Sends a release again, over a new connection.
    fn repeat(
        &mut self,
        home: &Home,
        timeouts: Timeouts,
        call: &ScriptCall<'_>,
    ) -> Result<ReleaseReply, StoreError> {
        self.connection = None;
        ReleaseReply::parse(self.ask(home, timeouts, &mut call.by_text())?)
    }

    fn release_by(
        &mut self,
        home: &Home,
        timeouts: Timeouts,
        keys: &Keys,
        token: &str,
        polling: bool,
    ) -> Result<ReleaseReply, StoreError> {
        self.connection = None;
        let call = Release::of_lock(token, polling).call(keys, 0, Payload::Argument);
        ReleaseReply::parse(self.ask(home, timeouts, &mut call.by_text())?)
    }

    fn ask(
        &mut self,
        home: &Home,
        timeouts: Timeouts,
        command: &mut Command<'_>,
    ) -> Result<Value, StoreError> {
        home.route.follow(timeouts, |node, hop| self.request(node, timeouts, hop, command))
    }

    fn request(
        &mut self,
        target: &Arc<Target>,
        timeouts: Timeouts,
        hop: Hop,
        command: &mut Command<'_>,
    ) -> Result<Value, StoreError> {
        // Threads of one process may hold locks on different servers.
        let kept = self.connection.take().filter(|(of, _)| *of == *target && hop != Hop::Reconnect);
        let kept = kept.map(|(_, connection)| connection);
        let kept = kept.and_then(|mut connection| connection.is_usable().then_some(connection));
        let is_kept = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.open(target, timeouts)?,
        };
        let mut ask = |connection: &mut Connection| {
            if hop == Hop::Asking {
                connection.send_unread(&mut Command::new("ASKING"), timeouts.read)?;
            }
            connection.request(command, timeouts.read)
        };
        let is_elected = matches!(target.endpoint, Endpoint::Sentinel(_));
        let mut answer = ask(&mut connection);
        // The name may lead elsewhere by now.
        if is_of_replica(&answer) && is_kept && !is_elected {
            connection.avoid_address();
            connection = self.open(target, timeouts)?;
            answer = ask(&mut connection);
        }
        // The name may have the address of the master as well.
        if is_of_replica(&answer) && !is_elected {
            connection.avoid_address();
            let other = connection.open_another(target, timeouts, |other| {
                answer = ask(other);
                let is_replica = is_of_replica(&answer);
                if is_replica {
                    other.avoid_address();
                }
                !is_replica
            });
            connection = other.unwrap_or(connection);
        }
        let is_useful = match &answer {
            // Sentinels are asked each time: an old master that is not demoted yet would renew a
            // lease that the new master lets end.
            _ if matches!(target.endpoint, Endpoint::Sentinel(_)) => false,
            Ok(_) => true,
            Err(StoreError::Server(error)) => !error.is_demotion(),
            Err(_) => false,
        };
        if is_useful {
            self.connection = Some((target.clone(), connection));
        }
        answer
    }

    fn open(&mut self, target: &Arc<Target>, timeouts: Timeouts) -> Result<Connection, StoreError> {
        let connection = route::open_beside(target, timeouts)?;
        self.master = connection.master().cloned();
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{SocketAddr, TcpListener},
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;
    use crate::{
        client::dns::{self, Flaw},
        config::{IniValues, ObjectSettings},
        protocol::SessionId,
    };

    /// Starts servers at three addresses with one port. The last one is a master, and the others
    /// are its replicas.
    fn three() -> [SocketAddr; 3] {
        let at = |last, port| SocketAddr::from(([127, 0, 2, last], port));
        let listeners = loop {
            let first = TcpListener::bind(at(1, 0)).unwrap();
            let port = first.local_addr().unwrap().port();
            // Another process may have the port.
            if let (Ok(second), Ok(third)) = (TcpListener::bind(at(2, port)), TcpListener::bind(at(3, port)))
            {
                break [first, second, third];
            }
        };
        let addresses = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
        for (number, listener) in listeners.into_iter().enumerate() {
            thread::spawn(move || {
                for mut client in listener.incoming().flatten() {
                    let answer = if number == 2 { ":1\r\n" } else { "-READONLY x\r\n" };
                    thread::spawn(move || {
                        let mut asked = [0; 1024];
                        for answer in ["*2\r\n$1\r\n1\r\n$1\r\n0\r\n+OK\r\n", answer, answer] {
                            if client.read(&mut asked).is_err()
                                || client.write_all(answer.as_bytes()).is_err()
                            {
                                return;
                            }
                        }
                        let _ = client.read_to_end(&mut Vec::new());
                    });
                }
            });
        }
        addresses
    }

    fn named(host: &str, addresses: &[SocketAddr]) -> Arc<Target> {
        let endpoint = Endpoint::Tcp { host: host.into(), port: addresses[0].port() };
        Arc::new(Target { endpoint, username: None, password: None, database: 0, tls: None })
    }

    const LONG: Timeouts = Timeouts { connect: Duration::from_secs(30), read: Duration::from_secs(30) };

    /// The name has the addresses of two replicas before the one of the master.
    #[test]
    fn a_lease_is_renewed_at_the_master_among_the_addresses_of_a_name() {
        let addresses = three();
        let target = named("renewal.invalid", &addresses);
        let mut renewer = Renewer::default();
        for _ in 0..2 {
            dns::keep("renewal.invalid", addresses.to_vec());
            let answer = renewer.request(&target, LONG, Hop::Direct, &mut Command::new("EVALSHA"));
            assert_eq!(answer.unwrap(), Value::Int(1));
        }
    }

    #[test]
    fn a_lock_is_given_back_at_a_master_that_did_not_answer_a_moment_ago() {
        let addresses = three();
        let target = named("back.invalid", &addresses);
        let [replica, other, master] = addresses;
        dns::avoid(replica, Flaw::NoMaster);
        dns::avoid(other, Flaw::NoMaster);
        dns::avoid(master, Flaw::NoAnswer);
        let ask = || {
            dns::keep("back.invalid", addresses.to_vec());
            Renewer::default().request(&target, LONG, Hop::Direct, &mut Command::new("EVAL"))
        };
        assert!(is_of_replica(&ask()), "it is not asked at each moment");
        dns::age(master, Duration::from_secs(1));
        assert_eq!(ask().unwrap(), Value::Int(1));
    }

    /// A release to a server that nobody runs.
    struct Counted {
        call: ScriptCall<'static>,
        failures: &'static AtomicUsize,
    }

    impl Lost for Counted {
        fn call(&self) -> &ScriptCall<'static> {
            &self.call
        }

        fn until(&self) -> Instant {
            Instant::now() + Duration::from_hours(1)
        }

        fn learn(&self, outcome: Result<ReleaseReply, StoreError>) {
            assert!(outcome.is_err());
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_lost_release_above_the_limit_has_failed_at_once() {
        static FAILURES: AtomicUsize = AtomicUsize::new(0);
        let settings = ObjectSettings::parse("tcp://127.0.0.1:1", &IniValues::default()).unwrap().locked;
        let keys = Keys::new("p:", &SessionId::parse(b"abc").unwrap());
        for _ in 0..MAX_GIVEN_BACK + 5 {
            let call = Release::of_lock("token", false).call(&keys, 0, Payload::Argument).to_owned();
            let lost = Arc::new(Counted { call, failures: &FAILURES });
            repeat(Home::new(&settings, &keys, None), &settings, &keys, "token".into(), lost);
        }
        assert_eq!(FAILURES.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn a_lost_release_without_a_thread_is_tried_and_has_failed_in_the_end() {
        static FAILURES: AtomicUsize = AtomicUsize::new(0);
        let settings = ObjectSettings::parse("tcp://127.0.0.1:3", &IniValues::default()).unwrap().locked;
        let keys = Keys::new("p:", &SessionId::parse(b"abc").unwrap());
        let call = Release::of_lock("token", false).call(&keys, 0, Payload::Argument).to_owned();
        let lost = Arc::new(Counted { call, failures: &FAILURES });
        let home = Home::new(&settings, &keys, None);
        let renewal =
            Renewal { server: home.server(), timer: timer(), state: Mutex::default(), wake: Condvar::new() };
        let now = Instant::now();
        let work = Work::Repeat { lost, keys, polling: false, pause: PAUSE };
        let (token, end) = ("token".into(), now + Duration::from_mins(1));
        let task = Task { id: 1, home, timeouts: LONG, token, work, due: now, end, failure: None };
        renewal.state().tasks.push(task);
        renewal.release_here(renewal.state());
        assert!(renewal.state().tasks[0].due > now, "it was tried");
        assert_eq!(FAILURES.load(Ordering::Relaxed), 0);
        renewal.state().tasks[0].end = now;
        renewal.release_here(renewal.state());
        assert_eq!((renewal.state().tasks.len(), FAILURES.load(Ordering::Relaxed)), (0, 1));
    }

    #[test]
    fn a_lost_release_that_is_not_repeated_any_more_has_failed() {
        static FAILURES: AtomicUsize = AtomicUsize::new(0);
        let mut settings = ObjectSettings::parse("tcp://127.0.0.1:2", &IniValues::default()).unwrap().locked;
        Arc::make_mut(&mut settings).dead_life = Duration::from_millis(100);
        let keys = Keys::new("p:", &SessionId::parse(b"abc").unwrap());
        let call = Release::of_lock("token", false).call(&keys, 0, Payload::Argument).to_owned();
        let lost = Arc::new(Counted { call, failures: &FAILURES });
        repeat(Home::new(&settings, &keys, None), &settings, &keys, "token".into(), lost);
        let start = Instant::now();
        while FAILURES.load(Ordering::Relaxed) == 0 && start.elapsed() < Duration::from_secs(30) {
            thread::yield_now();
        }
        assert_eq!(FAILURES.load(Ordering::Relaxed), 1);
    }
}
