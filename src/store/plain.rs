//! The first try for a session, by plain commands sent in one go: SET NX for its lock, GET for the rest.
//!
//! Most requests find their session unlocked and unmoved. For them this does what `acquire.lua` and `read.lua` would do,
//! and costs Redis a fraction of it: an EVALSHA alone takes as long as three commands, each key and argument of it as long
//! as a third of one, and Lua hashes each byte of the session. Whatever else there is to decide (somebody holds the lock,
//! the slot moves, a right is missing) is the scripts', which are asked next; nothing that this has done is in their way.
//!
//! The first session of a connection is always the scripts': a server or a user that cannot run them shows when the session
//! starts, not when it is to be saved.

use std::{io, sync::Arc};

use redis::Value;

use super::{
    Acquire, Acquired, Loaded, Mode, Release, StoreError,
    calls::{self, Data},
    connection::Sent,
    pool,
    redis::RedisStore,
    reply,
    resp::Command,
    stats,
};
use crate::{config::Target, session::Keys};

/// An acquire that was sent before it is asked for.
pub struct Ahead {
    pub sent: Sent,
    keys: Keys,
    acquire: Acquire,
}

/// Tombstone, TTL and data. The tombstone comes first: a session that is destroyed in between must not look as if that
/// had been known.
fn read(keys: &Keys, ttl: u64) -> [Command<'static>; 3] {
    let mut stone = Command::new("GET");
    stone.arg(&keys.tombstone);
    // EXPIRE 0 would delete.
    let mut refresh = Command::new(if ttl == 0 { "EXISTS" } else { "EXPIRE" });
    refresh.arg(&keys.data);
    if ttl > 0 {
        refresh.number(ttl);
    }
    let mut data = Command::new("GET");
    data.arg(&keys.data);
    [stone, refresh, data]
}

/// The lock, as `acquire.lua` takes it, and what it guards.
fn acquire(keys: &Keys, acquire: &Acquire, now: u64) -> [Command<'static>; 4] {
    let holder = [&*acquire.token, "|", &now.to_string(), "|", &*acquire.info].concat();
    let mut lock = Command::new("SET");
    lock.arg(&keys.lock).arg(&holder).arg("NX").arg("PX").number(acquire.lease);
    let [stone, refresh, data] = read(keys, acquire.ttl);
    [lock, stone, refresh, data]
}

impl RedisStore {
    /// Takes the lock if nobody has it. None if that is not to be told from the answers.
    pub(super) fn acquire_plainly(
        &mut self,
        keys: &Keys,
        wanted: &Acquire,
    ) -> Result<Option<Acquired>, StoreError> {
        let sent = self.all_in_one_trip(keys, |now| acquire(keys, wanted, now))?;
        let Some([Value::Okay, stone, _, data]) = sent else { return Ok(None) };
        let acquired = match reply::plain(stone, data) {
            Some(loaded) => self.held(keys, wanted, loaded),
            // The script may know what to do, or says what is wrong.
            None => self.acquire_by_script(keys, wanted).inspect_err(|_| self.give_back(keys, wanted))?,
        };
        Ok(Some(acquired))
    }

    /// Reads without a lock.
    pub(super) fn read_plainly(&mut self, keys: &Keys, ttl: u64) -> Result<Option<Loaded>, StoreError> {
        match self.all_in_one_trip(keys, |_| read(keys, ttl)) {
            // To be repeated, which is the scripts' way.
            Err(StoreError::Broken(_)) => Ok(None),
            replies => Ok(replies?.and_then(|[stone, _, data]| reply::plain(stone, data))),
        }
    }

    /// The lock is ours. It is given back where the session is not what it must be.
    fn held(&mut self, keys: &Keys, wanted: &Acquire, loaded: Loaded) -> Acquired {
        let unwanted = match (wanted.mode, loaded.data.is_some()) {
            (Mode::Known, false) => Acquired::Absent,
            (Mode::New, true) => Acquired::Exists,
            _ => return Acquired::Held(loaded),
        };
        self.give_back(keys, wanted);
        unwanted
    }

    /// Gives back a lock, and waits for no answer. If it does not arrive, the lock ends with its lease.
    fn give_back(&mut self, keys: &Keys, wanted: &Acquire) {
        let release = Release::of_lock(&wanted.token, wanted.mixed);
        let call = calls::release(keys, &release, 0, Data::Inside);
        if let Some((target, _)) = &self.slot {
            // By its text: nobody reads a NOSCRIPT.
            let _ = self.send_ahead(&target.clone(), &mut call.command.to_eval(call.script.text));
        }
    }

    /// Sends commands to the node that has the session, and returns their replies. None if nothing was sent: the scripts'
    /// way knows whom to ask then, and for how long.
    fn all_in_one_trip<const N: usize>(
        &mut self,
        keys: &Keys,
        commands: impl Fn(u64) -> [Command<'static>; N],
    ) -> Result<Option<[Value; N]>, StoreError> {
        let exchange = |store: &mut Self, target: &Arc<Target>| {
            let connection = store.connection(target)?;
            if !connection.runs_scripts() {
                return Ok(Value::Nil);
            }
            let answer = connection.request_all(&mut commands(connection.server_ms()));
            store.conclude(answer)
        };
        let answer = match self.cluster(keys) {
            None => exchange(self, &self.settings.shards.of(keys.route).clone()),
            Some((cluster, slot)) => cluster.at_owner(slot, self.timeouts(), |node| exchange(self, node)),
        };
        match answer {
            Ok(Value::Nil) => Ok(None),
            Err(StoreError::Connect(_)) if keys.slot.is_some() => Ok(None),
            answer => self.checked(answer.and_then(replies)).map(Some),
        }
    }

    /// Sends an acquire over a connection that is there, and waits for nothing.
    pub(super) fn send_acquire_ahead(&mut self, keys: &Keys, wanted: &Acquire) -> bool {
        let target = match self.cluster(keys) {
            Some((cluster, slot)) => cluster.known_owner(slot),
            None => Some(self.settings.shards.of(keys.route).clone()),
        };
        let Some(target) = target else { return false };
        let Some(mut slot) = pool::take_connected(&self.settings, &target) else { return false };
        let sent = slot.connection.as_mut().and_then(|connection| {
            let mut commands = acquire(keys, wanted, connection.server_ms());
            if connection.is_usable() { connection.send_awaited(&mut commands).ok() } else { None }
        });
        let Some(sent) = sent else {
            // Died while idle: who needs one makes another.
            slot.take_connection();
            stats::RECONNECTS.add();
            return false;
        };
        self.slot = Some((target, slot));
        self.ahead = Some(Ahead { sent, keys: keys.clone(), acquire: wanted.clone() });
        true
    }

    /// The answer to that.
    pub(super) fn answer_of_acquire_ahead(&mut self) -> Result<Acquired, StoreError> {
        let lost = || StoreError::Broken(io::ErrorKind::UnexpectedEof.into());
        let Ahead { sent, keys, acquire } = self.ahead.take().ok_or_else(lost)?;
        let (_, slot) = self.slot.as_mut().ok_or_else(lost)?;
        let connection = slot.connection.as_mut().ok_or_else(lost)?;
        stats::TRIPS.add();
        let answer = connection.answer_to(sent);
        let answer = self.conclude(answer).and_then(replies);
        let nothing = Acquired::Busy { holder: String::new(), block: 0, now: 0 };
        match self.checked(answer)? {
            [Value::Okay, stone, _, data] => {
                let Some(loaded) = reply::plain(stone, data) else {
                    self.give_back(&keys, &acquire);
                    return Ok(nothing);
                };
                Ok(self.held(&keys, &acquire, loaded))
            }
            _ => Ok(nothing),
        }
    }
}

fn replies<const N: usize>(answer: Value) -> Result<[Value; N], StoreError> {
    let wrong = || StoreError::Protocol("an unexpected reply to plain commands".into());
    match answer {
        Value::Array(values) => values.try_into().map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}
