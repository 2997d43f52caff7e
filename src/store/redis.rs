//! [`Store`] on a Redis server.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use r2d2::PooledConnection;
use redis::Value;

use super::{
    Acquire, Acquired, Claim, Loaded, Op, Release, Store, StoreError, Ticket, Timeouts, Write, Written,
    calls::{self, Call},
    cluster::{self, Cluster},
    connection::{Connection, Sent},
    pool::{self, Slots},
    renewer::Place,
    reply,
    resp::Command,
    stats,
};
use crate::{
    config::{Endpoint, LockSettings, Settings, Target},
    lock::{Watch, watch},
    session::{Keys, SessionId},
};

/// How long to wait before a command is repeated that Redis could not carry out just now.
const PAUSE: Duration = Duration::from_millis(20);
/// The same after several tries in a Cluster.
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// When a script may be sent again with the same arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// When it was certainly not carried out: the nodes of a Cluster said so, or none could be reached.
    IfRefused,
    /// Also when its answer was lost: it does no harm.
    Freely,
    /// Like that, and for as long as it may take a server to come back: only this frees the lock.
    Release,
}

/// A pooled connection that is taken on first use and kept until this value is dropped, or until a session of another
/// server is asked for.
pub struct RedisStore {
    pub(super) settings: Arc<Settings>,
    pub(super) slot: Option<(Arc<Target>, PooledConnection<Slots>)>,
    /// An acquire whose answer is asked for later.
    pub(super) ahead: Option<Sent>,
}

impl RedisStore {
    /// No I/O happens here.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings, slot: None, ahead: None }
    }

    /// A connection to one server.
    pub(super) fn connection(&mut self, target: &Arc<Target>) -> Result<&mut Connection, StoreError> {
        self.occupy(target)?;
        if self.slot.as_ref().is_some_and(|(_, slot)| slot.connection.is_none() && slot.owed.is_some()) {
            // Before anything else: the next in turn may be waiting for this release.
            self.settle()?;
            self.occupy(target)?;
        }
        let timeouts = self.timeouts();
        let (target, slot) = self.slot.as_mut().expect("it was taken above");
        match &mut slot.connection {
            Some(connection) => Ok(connection),
            place => Ok(place.insert(Connection::open(target, timeouts)?)),
        }
    }

    /// Takes a slot of this server.
    fn occupy(&mut self, target: &Arc<Target>) -> Result<(), StoreError> {
        if matches!(&self.slot, Some((of, _)) if Arc::ptr_eq(of, target)) {
            return Ok(());
        }
        // The other server's connection goes back first.
        self.slot = None;
        let mut slot = pool::take(&self.settings, target)?;
        // Died while idle: replaced without a word.
        if slot.connection.as_mut().is_some_and(|connection| !connection.is_usable()) {
            slot.take_connection();
            stats::RECONNECTS.add();
        }
        self.slot = Some((target.clone(), slot));
        Ok(())
    }

    fn timeouts(&self) -> Timeouts {
        Timeouts { connect: self.settings.connect_timeout, read: self.settings.read_timeout }
    }

    /// The Cluster that has this session, and where in it.
    fn cluster(&self, keys: &Keys) -> Option<(Arc<Cluster>, u16)> {
        Some((cluster::of(self.settings.shards.of(keys.route))?, keys.slot?))
    }

    /// One request, sent on as the nodes of a Cluster say.
    fn request(
        &mut self,
        keys: &Keys,
        command: &mut Command<'_>,
        extra: Duration,
    ) -> Result<Value, StoreError> {
        let Some((cluster, slot)) = self.cluster(keys) else {
            let target = self.settings.shards.of(keys.route).clone();
            return self.exchange(&target, command, extra);
        };
        cluster.follow(slot, self.timeouts(), |node, asking| {
            if asking {
                self.send_ahead(node, &mut Command::new("ASKING"))?;
            }
            self.exchange(node, command, extra)
        })
    }

    /// One request to one server. Whatever it fails with but an error reply makes the connection useless.
    fn exchange(
        &mut self,
        target: &Arc<Target>,
        command: &mut Command<'_>,
        extra: Duration,
    ) -> Result<Value, StoreError> {
        let result = self.connection(target)?.request(command, extra);
        self.conclude(result)
    }

    /// A command whose reply nobody reads.
    fn send_ahead(&mut self, target: &Arc<Target>, command: &mut Command<'_>) -> Result<(), StoreError> {
        let result = self.connection(target)?.send_ahead(command);
        if result.is_err() {
            self.disconnect();
        }
        result
    }

    /// What the result of a request says about the connection.
    fn conclude(&mut self, result: Result<Value, StoreError>) -> Result<Value, StoreError> {
        match result {
            // A demoted master: the sentinels know the new one.
            Err(StoreError::Server(error)) if error.is_demotion() && self.asks_sentinels() => {
                self.disconnect();
                Err(StoreError::Broken(io::Error::other(error.to_string())))
            }
            Ok(_) | Err(StoreError::Server(_)) => {
                // Its answer came with this one.
                let _ = self.settle();
                result
            }
            Err(_) => {
                self.disconnect();
                result
            }
        }
    }

    /// After an answer that makes no sense there is no telling whose the next one is: another session's, perhaps.
    fn checked<T>(&mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(answer, Err(StoreError::Protocol(_))) {
            self.disconnect();
        }
        answer
    }

    fn asks_sentinels(&self) -> bool {
        self.slot.as_ref().is_some_and(|(target, _)| matches!(target.endpoint, Endpoint::Sentinel(_)))
    }

    /// Runs a script by its name, by its text where the server does not know it.
    fn run(&mut self, keys: &Keys, call: &mut Call<'_>) -> Result<Value, StoreError> {
        match self.request(keys, &mut call.command, Duration::ZERO) {
            Err(StoreError::Server(error)) if error.code == "NOSCRIPT" => {
                let mut by_text = call.command.to_eval(call.script.text);
                self.request(keys, &mut by_text, Duration::ZERO)
            }
            result => result,
        }
    }

    /// Runs a script until an answer comes or the time is up, repeating it as `repeat` allows.
    ///
    /// Once it may have arrived, and for a release from the start, a server that is away is waited for as long as for
    /// a connection: it may be restarting, and the lock is still ours. So is the master of a Cluster: its replica takes
    /// over.
    pub(super) fn run_until_answered(
        &mut self,
        keys: &Keys,
        call: &mut Call<'_>,
        repeat: Repeat,
    ) -> Result<Value, StoreError> {
        let start = Instant::now();
        let in_cluster = keys.slot.is_some();
        let mut broken = None;
        let mut pause = PAUSE;
        loop {
            let failure = match self.run(keys, call) {
                Err(error) => error,
                answer => return answer,
            };
            let patience = match failure {
                StoreError::Broken(_) if repeat != Repeat::IfRefused => self.settings.read_timeout,
                StoreError::Server(ref error)
                    if error.is_passing() && (repeat != Repeat::IfRefused || in_cluster) =>
                {
                    self.settings.read_timeout
                }
                StoreError::Connect(_) if repeat == Repeat::Release || broken.is_some() || in_cluster => {
                    self.settings.connect_timeout
                }
                failure => return Err(failure),
            };
            // A connection that died since the last request is the common case: repeat that at once.
            let is_first_break = matches!(failure, StoreError::Broken(_)) && broken.is_none();
            let pause_now = if is_first_break { Duration::ZERO } else { pause };
            if start.elapsed() + pause_now >= patience {
                // What is not known must not be called "not saved" for the refusal of a later connection.
                return Err(broken.unwrap_or(failure));
            }
            if matches!(failure, StoreError::Broken(_)) {
                broken = Some(failure);
            }
            thread::sleep(pause_now);
            if in_cluster {
                // Each try asks a node who is who; an election takes seconds, and every process waits for it.
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Longer than everything that can lie between the first send of a release and its last repeat.
    pub(super) fn receipt_ms(&self) -> u64 {
        millis(self.settings.read_timeout * 2 + self.settings.connect_timeout) + 1000
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Store for RedisStore {
    fn acquire(&mut self, keys: &Keys, acquire: &Acquire) -> Result<Acquired, StoreError> {
        let mut call = calls::acquire(keys, acquire);
        let answer = self.run_until_answered(keys, &mut call, Repeat::IfRefused)?;
        self.checked(reply::acquired(answer))
    }

    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError> {
        let mut command = Command::new("BLPOP");
        command.arg(&keys.wake).arg(block.as_secs_f64().to_string());
        let answer = match self.cluster(keys) {
            None => self.request(keys, &mut command, block),
            Some((cluster, slot)) => {
                cluster.at_owner(slot, self.timeouts(), |node| self.exchange(node, &mut command, block))
            }
        };
        match answer {
            // The slot has moved, and our place in the queue with it: to be taken up by asking for the lock there.
            Err(StoreError::Server(error)) if keys.slot.is_some() && error.is_redirect() => Ok(None),
            // The node may be gone for good. Asking its successor is safe: a ticket that was lost with it expires.
            Err(StoreError::Timeout(_)) if keys.slot.is_some() => {
                Err(StoreError::Broken(io::ErrorKind::TimedOut.into()))
            }
            answer => self.checked(reply::ticket(answer?)),
        }
    }

    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError> {
        let answer = self.request(keys, &mut calls::claim(keys, claim), Duration::ZERO)?;
        self.checked(reply::flag(&answer))
    }

    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError> {
        let target = match self.cluster(keys) {
            Some((cluster, slot)) => cluster.owner(slot, self.timeouts())?,
            None => self.settings.shards.of(keys.route).clone(),
        };
        self.send_ahead(&target, &mut calls::claim(keys, claim))
    }

    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<Loaded, StoreError> {
        let mut call = calls::read(keys, ttl);
        let answer = self.run_until_answered(keys, &mut call, Repeat::Freely)?;
        self.checked(reply::loaded(answer))
    }

    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<Written, StoreError> {
        let mut call = calls::release(keys, release, self.receipt_ms());
        let answer = self.run_until_answered(keys, &mut call, Repeat::Release)?;
        self.checked(reply::written(answer))
    }

    fn release_later(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<Written, StoreError> {
        if let Some((cluster, slot)) = self.cluster(keys) {
            // Who repeats it must know the node that then has the session. A lock that is only given back is not repeated:
            // at worst it ends with its lease.
            let owner = cluster.known_owner(slot).filter(|_| release.op == Op::None);
            let connected = owner.filter(|owner| {
                let here = |(of, slot): &(Arc<Target>, PooledConnection<Slots>)| {
                    Arc::ptr_eq(of, owner) && slot.connection.is_some()
                };
                self.slot.as_ref().is_some_and(here)
            });
            let Some(owner) = connected else { return self.release(keys, release) };
            let call = calls::release(keys, release, 0);
            // By its text: nobody reads a NOSCRIPT.
            self.send_ahead(&owner, &mut call.command.to_eval(call.script.text))?;
            return Ok(Written::Done);
        }
        let mut call = calls::release(keys, release, self.receipt_ms());
        if self
            .send_release(keys, &mut call)
            .is_ok_and(|sent| self.owe(id, keys, release, call.to_owned(), sent))
        {
            return Ok(Written::Done);
        }
        let answer = self.run_until_answered(keys, &mut call, Repeat::Release)?;
        self.checked(reply::written(answer))
    }

    fn write(&mut self, keys: &Keys, write: &Write<'_>) -> Result<Written, StoreError> {
        let mut call = calls::write(keys, write);
        let answer = self.run_until_answered(keys, &mut call, Repeat::Freely)?;
        self.checked(reply::written(answer))
    }

    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError> {
        let answer = self.request(keys, Command::new("EXISTS").arg(&keys.data), Duration::ZERO)?;
        self.checked(reply::flag(&answer))
    }

    fn acquire_ahead(&mut self, keys: &Keys, acquire: &Acquire) -> bool {
        let target = match self.cluster(keys) {
            Some((cluster, slot)) => cluster.known_owner(slot),
            None => Some(self.settings.shards.of(keys.route).clone()),
        };
        let Some(target) = target else { return false };
        let Some(mut slot) = pool::take_connected(&self.settings, &target) else { return false };
        let sent = slot.connection.as_mut().and_then(|connection| {
            let mut call = calls::acquire(keys, acquire);
            if connection.is_usable() { connection.send_awaited(&mut call.command).ok() } else { None }
        });
        if sent.is_none() {
            // Died while idle: who needs one makes another.
            slot.take_connection();
            stats::RECONNECTS.add();
            return false;
        }
        self.slot = Some((target, slot));
        self.ahead = sent;
        true
    }

    fn acquired_ahead(&mut self) -> Result<Acquired, StoreError> {
        let lost = || StoreError::Broken(io::ErrorKind::UnexpectedEof.into());
        let sent = self.ahead.take().ok_or_else(lost)?;
        let (_, slot) = self.slot.as_mut().ok_or_else(lost)?;
        let connection = slot.connection.as_mut().ok_or_else(lost)?;
        stats::TRIPS.add();
        let answer = connection.answer_to(sent);
        let answer = self.conclude(answer)?;
        self.checked(reply::acquired(answer))
    }

    fn forget_ahead(&mut self) {
        if let (Some(sent), Some((_, slot))) = (self.ahead.take(), &mut self.slot)
            && let Some(connection) = &mut slot.connection
        {
            connection.forget(sent);
        }
    }

    fn look_after(&self, keys: &Keys, lock: &LockSettings, token: &str) -> Option<Watch> {
        let target = self.settings.shards.of(keys.route);
        let place = Place { target: target.clone(), cluster: self.cluster(keys) };
        Some(watch(place, self.timeouts(), lock, keys, token))
    }

    fn disconnect(&mut self) {
        self.ahead = None;
        if let Some(connection) = self.slot.as_mut().and_then(|(_, slot)| slot.take_connection()) {
            connection.abort();
            stats::RECONNECTS.add();
        }
    }
}
