//! [`Store`] on a Redis server.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use r2d2::PooledConnection;
use redis::{Cmd, Value};

use super::{
    Acquire, Acquired, Claim, FOREIGN_MS, GRACE_MS, HANDOFF_MS, Loaded, MARGIN_MS, Mode, Op, Release,
    SLACK_MS, Store, StoreError, Ticket, Timeouts, Write, Written,
    connection::Connection,
    pool::{self, Slots},
    reply,
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
    fn request(&mut self, keys: &Keys, command: &Cmd, extra: Duration) -> Result<Value, StoreError> {
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
    fn run(
        &mut self,
        keys: &Keys,
        script: &Script,
        names: &[&str],
        args: &dyn Fn(&mut Cmd),
    ) -> Result<Value, StoreError> {
        match self.request(keys, &eval("EVALSHA", &script.sha, names, args), Duration::ZERO) {
            Err(StoreError::Server(error)) if error.code == "NOSCRIPT" => {
                self.request(keys, &eval("EVAL", script.text, names, args), Duration::ZERO)
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
        script: &Script,
        names: &[&str],
        is_release: bool,
        args: &dyn Fn(&mut Cmd),
    ) -> Result<Value, StoreError> {
        let start = Instant::now();
        let mut broken = None;
        loop {
            let failure = match self.run(keys, script, names, args) {
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
        reply::acquired(self.run(keys, &ACQUIRE, &names, &|cmd| {
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
        reply::ticket(self.request(keys, &cmd, block)?)
    }

    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError> {
        reply::flag(&self.request(keys, &claim_command(keys, claim), Duration::ZERO)?)
    }

    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError> {
        let result = self.connection(keys)?.send_ahead(&claim_command(keys, claim));
        if result.is_err() {
            self.disconnect();
        }
        result
    }

    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<Loaded, StoreError> {
        reply::loaded(self.run_until_answered(
            keys,
            &READ,
            &[&keys.data, &keys.tombstone],
            false,
            &|cmd| {
                cmd.arg(ttl);
            },
        )?)
    }

    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<Written, StoreError> {
        let receipt = keys.receipt(&release.receipt());
        let names = [&*keys.data, &*keys.lock, &*keys.wake, &*keys.waiters, &*receipt, &*keys.tombstone];
        let (op, data) = op_args(release.op);
        let ticket = random_hex();
        let receipt_ms = self.receipt_ms();
        reply::written(self.run_until_answered(keys, &RELEASE, &names, true, &|cmd| {
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
        reply::written(self.run_until_answered(
            keys,
            &WRITE,
            &[&keys.data, &keys.tombstone],
            false,
            &|cmd| {
                cmd.arg(op)
                    .arg(data)
                    .arg(write.ttl)
                    .arg(write.tombstone.unwrap_or(""))
                    .arg(&stone)
                    .arg(write.tombstone_ms);
            },
        )?)
    }

    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError> {
        let mut cmd = redis::cmd("EXISTS");
        cmd.arg(&keys.data);
        reply::flag(&self.request(keys, &cmd, Duration::ZERO)?)
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
