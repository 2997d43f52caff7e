//! [`Store`] on a Redis server.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use r2d2::PooledConnection;
use redis::{Cmd, Value};

use super::{
    Acquire, Acquired, Claim, FOREIGN_MS, GRACE_MS, HANDOFF_MS, Loaded, MARGIN_MS, Mode, Op, Release,
    SLACK_MS, Store, StoreError, Ticket, Write, Written,
    connection::Connection,
    pool::{self, Slots},
    reply,
    scripts::{ACQUIRE, CLAIM, READ, RELEASE, Script, WRITE},
    stats,
};
use crate::{
    config::{LockSettings, Settings},
    lock::{Watch, random_hex, watch},
    session::Keys,
};

/// How long to wait before a command is repeated that Redis could not carry out just now.
const PAUSE: Duration = Duration::from_millis(20);

/// A pooled connection that is taken on first use and kept until this value is dropped.
pub struct RedisStore {
    settings: Arc<Settings>,
    slot: Option<PooledConnection<Slots>>,
}

impl RedisStore {
    /// No I/O happens here.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings, slot: None }
    }

    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        if self.slot.is_none() {
            let mut slot = pool::take(&self.settings)?;
            // Died while idle: replaced without a word.
            if slot.0.as_ref().is_some_and(|connection| !connection.is_usable()) {
                slot.0 = None;
                stats::RECONNECTS.add();
            }
            self.slot = Some(slot);
        }
        let place = &mut self.slot.as_mut().expect("taken above").0;
        if place.is_none() {
            *place = Some(Connection::open(&self.settings)?);
        }
        Ok(place.as_mut().expect("opened above"))
    }

    /// One request. Whatever it fails with but an error reply makes the connection useless.
    fn request(&mut self, command: &Cmd, extra: Duration) -> Result<Value, StoreError> {
        let result = self.connection()?.request(command, extra);
        if !matches!(result, Ok(_) | Err(StoreError::Server(_))) {
            self.disconnect();
        }
        result
    }

    /// Runs a script by its name, by its text where the server does not know it.
    fn run(&mut self, script: &Script, keys: &[&str], args: &dyn Fn(&mut Cmd)) -> Result<Value, StoreError> {
        match self.request(&eval("EVALSHA", &script.sha, keys, args), Duration::ZERO) {
            Err(StoreError::Server(error)) if error.code == "NOSCRIPT" => {
                self.request(&eval("EVAL", script.text, keys, args), Duration::ZERO)
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
        script: &Script,
        keys: &[&str],
        is_release: bool,
        args: &dyn Fn(&mut Cmd),
    ) -> Result<Value, StoreError> {
        let start = Instant::now();
        let mut broken = None;
        loop {
            let failure = match self.run(script, keys, args) {
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

pub(super) fn eval(command: &str, script: &str, keys: &[&str], args: &dyn Fn(&mut Cmd)) -> Cmd {
    let mut cmd = redis::cmd(command);
    cmd.arg(script).arg(keys.len()).arg(keys);
    args(&mut cmd);
    cmd
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

fn claim_command(keys: &Keys, claim: &Claim) -> Cmd {
    // By its text: nobody reads this reply soon enough to send the text after a NOSCRIPT.
    eval("EVAL", CLAIM.text, &[&keys.lock, &keys.waiters], &|cmd| {
        cmd.arg(&claim.token).arg(claim.lease).arg(&claim.base).arg(&claim.info);
    })
}

impl Store for RedisStore {
    fn acquire(&mut self, keys: &Keys, acquire: &Acquire) -> Result<Acquired, StoreError> {
        let names = [&*keys.data, &*keys.lock, &*keys.wake, &*keys.waiters, &*keys.tombstone];
        let mode = match acquire.mode {
            Mode::Any => "any",
            Mode::Known => "known",
            Mode::New => "new",
        };
        reply::acquired(self.run(&ACQUIRE, &names, &|cmd| {
            cmd.arg(&acquire.base)
                .arg(&acquire.token)
                .arg(acquire.held.as_deref().unwrap_or(""))
                .arg(mode)
                .arg(&acquire.info)
                .arg(acquire.lease)
                .arg(acquire.ttl)
                .arg(acquire.wait)
                .arg(acquire.max_waiters)
                .arg(acquire.recheck)
                .arg(SLACK_MS)
                .arg(GRACE_MS)
                .arg(FOREIGN_MS)
                .arg(u8::from(acquire.mixed))
                .arg(HANDOFF_MS);
        })?)
    }

    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError> {
        let mut cmd = redis::cmd("BLPOP");
        cmd.arg(&keys.wake).arg(block.as_secs_f64());
        reply::ticket(self.request(&cmd, block)?)
    }

    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError> {
        reply::flag(&self.request(&claim_command(keys, claim), Duration::ZERO)?)
    }

    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError> {
        let result = self.connection()?.send_ahead(&claim_command(keys, claim));
        if result.is_err() {
            self.disconnect();
        }
        result
    }

    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<Loaded, StoreError> {
        reply::loaded(self.run_until_answered(&READ, &[&keys.data, &keys.tombstone], false, &|cmd| {
            cmd.arg(ttl);
        })?)
    }

    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<Written, StoreError> {
        let receipt = keys.receipt(&release.receipt());
        let names = [&*keys.data, &*keys.lock, &*keys.wake, &*keys.waiters, &*receipt, &*keys.tombstone];
        let (op, data) = op_args(release.op);
        let ticket = random_hex();
        let receipt_ms = self.receipt_ms();
        reply::written(self.run_until_answered(&RELEASE, &names, true, &|cmd| {
            cmd.arg(release.token)
                .arg(release.base.unwrap_or(""))
                .arg(op)
                .arg(data)
                .arg(release.ttl)
                .arg(release.tombstone.unwrap_or(""))
                .arg(u8::from(release.hold))
                .arg(u8::from(release.again > 0))
                .arg(&ticket)
                .arg(HANDOFF_MS)
                .arg(MARGIN_MS)
                .arg(receipt_ms)
                .arg(u8::from(release.mixed))
                .arg(release.tombstone_ms);
        })?)
    }

    fn write(&mut self, keys: &Keys, write: &Write<'_>) -> Result<Written, StoreError> {
        let (op, data) = op_args(write.op);
        let stone = random_hex();
        reply::written(self.run_until_answered(&WRITE, &[&keys.data, &keys.tombstone], false, &|cmd| {
            cmd.arg(op)
                .arg(data)
                .arg(write.ttl)
                .arg(write.tombstone.unwrap_or(""))
                .arg(&stone)
                .arg(write.tombstone_ms);
        })?)
    }

    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError> {
        let mut cmd = redis::cmd("EXISTS");
        cmd.arg(&keys.data);
        reply::flag(&self.request(&cmd, Duration::ZERO)?)
    }

    fn look_after(&self, keys: &Keys, lock: &LockSettings, token: &str) -> Option<Watch> {
        Some(watch(&self.settings, lock, &keys.lock, token))
    }

    fn disconnect(&mut self) {
        if let Some(connection) = self.slot.as_mut().and_then(|slot| slot.0.take()) {
            connection.abort();
            stats::RECONNECTS.add();
        }
    }
}
