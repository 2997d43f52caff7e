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
    Acquire, Acquired, Claim, FOREIGN_MS, GRACE_MS, HANDOFF_MS, Loaded, MARGIN_MS, Mode, Op, Release,
    SLACK_MS, Store, StoreError, Ticket, Timeouts, Write, Written,
    connection::Connection,
    pool::{self, Slots},
    reply,
    resp::Command,
    scripts::{ACQUIRE, CLAIM, READ, RELEASE, Script, WRITE},
    stats,
};
use crate::{
    config::{Endpoint, LockSettings, Settings, Target},
    lock::{Watch, random_hex, watch},
    session::Keys,
};

/// How long to wait before a command is repeated that Redis could not carry out just now.
const PAUSE: Duration = Duration::from_millis(20);

/// A pooled connection that is taken on first use and kept until this value is dropped, or until a session of another
/// server is asked for.
pub struct RedisStore {
    settings: Arc<Settings>,
    slot: Option<(Arc<Target>, PooledConnection<Slots>)>,
}

impl RedisStore {
    /// No I/O happens here.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings, slot: None }
    }

    fn connection(&mut self, keys: &Keys) -> Result<&mut Connection, StoreError> {
        let target = self.settings.shards.of(keys.route);
        let slot = match self.slot.take() {
            Some((of, slot)) if Arc::ptr_eq(&of, target) => slot,
            // The other server's connection goes back first.
            other => {
                drop(other);
                let mut slot = pool::take(&self.settings, target)?;
                // Died while idle: replaced without a word.
                if slot.0.as_ref().is_some_and(|connection| !connection.is_usable()) {
                    slot.0 = None;
                    stats::RECONNECTS.add();
                }
                slot
            }
        };
        let target = target.clone();
        let (target, slot) = self.slot.insert((target, slot));
        match &mut slot.0 {
            Some(connection) => Ok(connection),
            place => {
                let timeouts =
                    Timeouts { connect: self.settings.connect_timeout, read: self.settings.read_timeout };
                Ok(place.insert(Connection::open(target, timeouts)?))
            }
        }
    }

    /// One request. Whatever it fails with but an error reply makes the connection useless.
    fn request(
        &mut self,
        keys: &Keys,
        command: &mut Command<'_>,
        extra: Duration,
    ) -> Result<Value, StoreError> {
        let result = self.connection(keys)?.request(command, extra);
        match result {
            // A demoted master: the sentinels know the new one.
            Err(StoreError::Server(error)) if error.is_demotion() && self.asks_sentinels() => {
                self.disconnect();
                Err(StoreError::Broken(io::Error::other(error.to_string())))
            }
            Ok(_) | Err(StoreError::Server(_)) => result,
            Err(_) => {
                self.disconnect();
                result
            }
        }
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
    fn run_until_answered(
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
    fn receipt_ms(&self) -> u64 {
        millis(self.settings.read_timeout * 2 + self.settings.connect_timeout) + 1000
    }
}

/// One script with its arguments.
struct Call<'a> {
    script: &'static Script,
    command: Command<'a>,
}

impl Call<'_> {
    fn new(script: &'static Script, keys: &[&str]) -> Self {
        Self { script, command: Command::evalsha(&script.sha, keys) }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn op_args(op: Op<'_>) -> (&'static str, &[u8]) {
    match op {
        Op::Set(data) => ("set", data),
        Op::Keep => ("keep", b""),
        Op::None => ("none", b""),
        Op::Delete => ("del", b""),
        Op::SetAside(key) => ("aside", key.as_bytes()),
    }
}

fn claim_command(keys: &Keys, claim: &Claim) -> Command<'static> {
    // By its text: nobody reads this reply soon enough to send the text after a NOSCRIPT.
    let mut command = Command::eval(CLAIM.text, &[&keys.lock, &keys.waiters]);
    command.arg(&claim.token).number(claim.lease).arg(&claim.base).arg(&*claim.info);
    command
}

impl Store for RedisStore {
    fn acquire(&mut self, keys: &Keys, acquire: &Acquire) -> Result<Acquired, StoreError> {
        let names = [&*keys.data, &*keys.lock, &*keys.wake, &*keys.waiters, &*keys.tombstone];
        let mode = match acquire.mode {
            Mode::Any => "any",
            Mode::Known => "known",
            Mode::New => "new",
        };
        let mut call = Call::new(&ACQUIRE, &names);
        call.command
            .arg(&acquire.base)
            .arg(&acquire.token)
            .arg(acquire.held.as_deref().unwrap_or(""))
            .arg(mode)
            .arg(&*acquire.info)
            .number(acquire.lease)
            .number(acquire.ttl)
            .number(acquire.wait)
            .number(acquire.max_waiters)
            .number(acquire.recheck)
            .number(SLACK_MS)
            .number(GRACE_MS)
            .number(FOREIGN_MS)
            .number(acquire.mixed.into())
            .number(HANDOFF_MS);
        reply::acquired(self.run(keys, &mut call)?)
    }

    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError> {
        let mut command = Command::new("BLPOP");
        command.arg(&keys.wake).arg(block.as_secs_f64().to_string());
        reply::ticket(self.request(keys, &mut command, block)?)
    }

    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError> {
        reply::flag(&self.request(keys, &mut claim_command(keys, claim), Duration::ZERO)?)
    }

    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError> {
        let result = self.connection(keys)?.send_ahead(&mut claim_command(keys, claim));
        if result.is_err() {
            self.disconnect();
        }
        result
    }

    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<Loaded, StoreError> {
        let mut call = Call::new(&READ, &[&keys.data, &keys.tombstone]);
        call.command.number(ttl);
        reply::loaded(self.run_until_answered(keys, &mut call, false)?)
    }

    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<Written, StoreError> {
        let receipt = keys.receipt(&release.receipt());
        let names = [&*keys.data, &*keys.lock, &*keys.wake, &*keys.waiters, &*receipt, &*keys.tombstone];
        let (op, data) = op_args(release.op);
        let mut call = Call::new(&RELEASE, &names);
        call.command
            .arg(release.token)
            .arg(release.base.unwrap_or(""))
            .arg(op)
            .data(data)
            .number(release.ttl)
            .arg(release.tombstone.unwrap_or(""))
            .number(release.hold.into())
            .number((release.again > 0).into())
            .arg(random_hex())
            .number(HANDOFF_MS)
            .number(MARGIN_MS)
            .number(self.receipt_ms())
            .number(release.mixed.into())
            .number(release.tombstone_ms);
        reply::written(self.run_until_answered(keys, &mut call, true)?)
    }

    fn write(&mut self, keys: &Keys, write: &Write<'_>) -> Result<Written, StoreError> {
        let (op, data) = op_args(write.op);
        let mut call = Call::new(&WRITE, &[&keys.data, &keys.tombstone]);
        call.command
            .arg(op)
            .data(data)
            .number(write.ttl)
            .arg(write.tombstone.unwrap_or(""))
            .arg(random_hex())
            .number(write.tombstone_ms);
        reply::written(self.run_until_answered(keys, &mut call, false)?)
    }

    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError> {
        reply::flag(&self.request(keys, Command::new("EXISTS").arg(&keys.data), Duration::ZERO)?)
    }

    fn look_after(&self, keys: &Keys, lock: &LockSettings, token: &str) -> Option<Watch> {
        Some(watch(&self.settings, lock, keys, token))
    }

    fn disconnect(&mut self) {
        if let Some(connection) = self.slot.as_mut().and_then(|(_, slot)| slot.0.take()) {
            connection.abort();
            stats::RECONNECTS.add();
        }
    }
}
