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
    Acquire, Acquired, Claim, Loaded, Release, Store, StoreError, Ticket, Timeouts, Write, Written,
    calls::{self, Call},
    connection::{Connection, Sent},
    pool::{self, Slots},
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

    pub(super) fn connection(&mut self, keys: &Keys) -> Result<&mut Connection, StoreError> {
        self.occupy(keys)?;
        if self.slot.as_ref().is_some_and(|(_, slot)| slot.connection.is_none() && slot.owed.is_some()) {
            // Before anything else: the next in turn may be waiting for this release.
            self.settle()?;
            self.occupy(keys)?;
        }
        let timeouts = Timeouts { connect: self.settings.connect_timeout, read: self.settings.read_timeout };
        let (target, slot) = self.slot.as_mut().expect("it was taken above");
        match &mut slot.connection {
            Some(connection) => Ok(connection),
            place => Ok(place.insert(Connection::open(target, timeouts)?)),
        }
    }

    /// Takes the slot of this session's server.
    fn occupy(&mut self, keys: &Keys) -> Result<(), StoreError> {
        let target = self.settings.shards.of(keys.route);
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

    /// One request. Whatever it fails with but an error reply makes the connection useless.
    fn request(
        &mut self,
        keys: &Keys,
        command: &mut Command<'_>,
        extra: Duration,
    ) -> Result<Value, StoreError> {
        let result = self.connection(keys)?.request(command, extra);
        self.conclude(result)
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

    /// Runs a script that may be repeated with the same arguments, until an answer comes or the time is up.
    ///
    /// Once it may have arrived, and for a release from the start, a server that is away is waited for as long as for
    /// a connection: it may be restarting, and the lock is still ours.
    pub(super) fn run_until_answered(
        &mut self,
        keys: &Keys,
        call: &mut Call<'_>,
        is_release: bool,
    ) -> Result<Value, StoreError> {
        let start = Instant::now();
        let mut broken = None;
        loop {
            let failure = match self.run(keys, call) {
                Err(error) => error,
                answer => return answer,
            };
            let (patience, pause) = match failure {
                // A connection that died since the last request is the common case: repeat that at once.
                StoreError::Broken(_) if broken.is_none() => (self.settings.read_timeout, Duration::ZERO),
                StoreError::Broken(_) => (self.settings.read_timeout, PAUSE),
                StoreError::Server(ref error) if error.is_passing() => (self.settings.read_timeout, PAUSE),
                StoreError::Connect(_) if is_release || broken.is_some() => {
                    (self.settings.connect_timeout, PAUSE)
                }
                failure => return Err(failure),
            };
            if start.elapsed() + pause >= patience {
                // What is not known must not be called "not saved" for the refusal of a later connection.
                return Err(broken.unwrap_or(failure));
            }
            if matches!(failure, StoreError::Broken(_)) {
                broken = Some(failure);
            }
            thread::sleep(pause);
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
        let answer = self.run(keys, &mut call)?;
        self.checked(reply::acquired(answer))
    }

    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError> {
        let mut command = Command::new("BLPOP");
        command.arg(&keys.wake).arg(block.as_secs_f64().to_string());
        let answer = self.request(keys, &mut command, block)?;
        self.checked(reply::ticket(answer))
    }

    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError> {
        let answer = self.request(keys, &mut calls::claim(keys, claim), Duration::ZERO)?;
        self.checked(reply::flag(&answer))
    }

    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError> {
        let result = self.connection(keys)?.send_ahead(&mut calls::claim(keys, claim));
        if result.is_err() {
            self.disconnect();
        }
        result
    }

    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<Loaded, StoreError> {
        let mut call = calls::read(keys, ttl);
        let answer = self.run_until_answered(keys, &mut call, false)?;
        self.checked(reply::loaded(answer))
    }

    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<Written, StoreError> {
        let mut call = calls::release(keys, release, self.receipt_ms());
        let answer = self.run_until_answered(keys, &mut call, true)?;
        self.checked(reply::written(answer))
    }

    fn release_later(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<Written, StoreError> {
        let mut call = calls::release(keys, release, self.receipt_ms());
        if self
            .send_release(keys, &mut call)
            .is_ok_and(|sent| self.owe(id, keys, release, call.to_owned(), sent))
        {
            return Ok(Written::Done);
        }
        let answer = self.run_until_answered(keys, &mut call, true)?;
        self.checked(reply::written(answer))
    }

    fn write(&mut self, keys: &Keys, write: &Write<'_>) -> Result<Written, StoreError> {
        let mut call = calls::write(keys, write);
        let answer = self.run_until_answered(keys, &mut call, false)?;
        self.checked(reply::written(answer))
    }

    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError> {
        let answer = self.request(keys, Command::new("EXISTS").arg(&keys.data), Duration::ZERO)?;
        self.checked(reply::flag(&answer))
    }

    fn acquire_ahead(&mut self, keys: &Keys, acquire: &Acquire) -> bool {
        let target = self.settings.shards.of(keys.route);
        let Some(mut slot) = pool::take_connected(&self.settings, target) else { return false };
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
        self.slot = Some((target.clone(), slot));
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
        Some(watch(&self.settings, lock, keys, token))
    }

    fn disconnect(&mut self) {
        self.ahead = None;
        if let Some(connection) = self.slot.as_mut().and_then(|(_, slot)| slot.take_connection()) {
            connection.abort();
            stats::RECONNECTS.add();
        }
    }
}
