//! The requests of [`RedisStore`] that need no script: the first try for a session
//! ([`crate::protocol::first_try`]), and reads.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::Value;

use super::{pool, redis::RedisStore};
use crate::{
    client::connection::{Connection, Sent},
    config::Target,
    error::StoreError,
    process::stats,
    protocol::{
        Acquire, AcquireReply, Keys, Mode, Release, SessionData,
        first_try::{self, FirstTry, Form},
        release, reply,
    },
    resp::{Batch, Command},
};

/// A prefetched acquire, whose answer is read later.
pub struct PendingAcquire {
    pub sent: Sent,
    keys: Keys,
    acquire: Acquire,
    form: Form,
}

impl RedisStore {
    /// Takes the lock if it is free. Returns `None` if the replies do not show that the lock was
    /// taken, or if nothing was sent.
    pub(super) fn acquire_by_commands(
        &mut self,
        keys: &Keys,
        wanted: &Acquire,
    ) -> Result<Option<AcquireReply>, StoreError> {
        let mut form = Form::Bare;
        let commands = |connection: &mut Connection, batch: &mut Batch<'_>| {
            form = connection.transactions().form();
            first_try::pack(keys, wanted, form, connection.server_ms(), batch);
        };
        let Some(values) = self.all_in_one_trip(keys, commands)? else { return Ok(None) };
        let tried = self.tried(form, wanted, values);
        if matches!(tried, Err(StoreError::TooLarge(_))) {
            self.give_back(keys, wanted);
        }
        let acquired = match self.checked(tried)? {
            FirstTry { taken: false, .. } => return Ok(None),
            FirstTry { loaded: Some(loaded), .. } => self.held(keys, wanted, loaded),
            // The script may know how to go on, or reports the problem.
            FirstTry { loaded: None, .. } => {
                self.acquire_by_script(keys, wanted).inspect_err(|_| self.give_back(keys, wanted))?
            }
        };
        Ok(Some(acquired))
    }

    /// Reads the replies to [`first_try::pack`], and learns from them what the connection watches.
    fn tried(&mut self, form: Form, wanted: &Acquire, values: Vec<Value>) -> Result<FirstTry, StoreError> {
        let tried = FirstTry::parse(form, &wanted.token, values)?;
        if let Some(connection) = self.current() {
            connection.transactions().learn(&wanted.token, &tried);
        }
        Ok(tried)
    }

    /// Reads the session without a lock. Returns `None` if the read is a matter for the script.
    pub(super) fn read_by_commands(
        &mut self,
        keys: &Keys,
        ttl: u64,
    ) -> Result<Option<SessionData>, StoreError> {
        match self.all_in_one_trip(keys, |_, batch| first_try::pack_read(keys, ttl, batch)) {
            // The read must be repeated, which the script does.
            Err(failure) if failure.is_loss() => Ok(None),
            values => {
                let read = values?.map(first_try::read_by_commands).transpose();
                Ok(self.checked(read)?.flatten())
            }
        }
    }

    /// Reads the session by single keys, for a server that carries out neither scripts that write
    /// nor commands with several keys: a Cluster that is down but may be read, a slot that was left
    /// between two nodes, or a user with few rights. The TTL stays as it is.
    pub(super) fn read_by_gets(&mut self, keys: &Keys) -> Result<SessionData, StoreError> {
        let mut get = |key: &str| {
            let answer = self.request(keys, Command::new("GET").arg(key), Duration::ZERO)?;
            self.checked(reply::bulk(answer))
        };
        let data = get(&keys.data)?;
        // Only a later write needs the tombstone, and that write asks for it again.
        let tombstone = get(&keys.tombstone).ok().flatten();
        Ok(SessionData {
            data,
            tombstone: tombstone.map(|stone| String::from_utf8_lossy(&stone).into_owned()),
        })
    }

    /// Returns the reply for a lock that is now ours. If the session is not as the request demands,
    /// the lock is given back.
    fn held(&mut self, keys: &Keys, wanted: &Acquire, loaded: SessionData) -> AcquireReply {
        let unwanted = match (wanted.mode, loaded.data.is_some()) {
            (Mode::Known, false) => AcquireReply::Absent(loaded.tombstone),
            (Mode::New, true) => AcquireReply::Exists,
            _ => return AcquireReply::Held(loaded),
        };
        self.give_back(keys, wanted);
        unwanted
    }

    /// Gives back a lock that is of no use.
    pub(super) fn give_back(&mut self, keys: &Keys, wanted: &Acquire) {
        let Some((target, _)) = &self.entry else { return };
        let target = target.clone();
        let _ = if wanted.mode == Mode::Known {
            // No request queues for a lock that was taken only to see if there is a session.
            self.send_unread(keys, &target, &mut release::unlock(keys, &wanted.token))
        } else {
            self.send_release_unread(&target, keys, &Release::of_lock(&wanted.token, wanted.mixed))
        };
    }

    /// Sends commands to the node that has the session, and returns their replies. Returns `None`
    /// if nothing was sent. The scripts then find the server to ask, and the time for it.
    fn all_in_one_trip(
        &mut self,
        keys: &Keys,
        commands: impl FnOnce(&mut Connection, &mut Batch<'_>),
    ) -> Result<Option<Vec<Value>>, StoreError> {
        let limit = self.settings.read_timeout;
        let exchange = |store: &mut Self, target: &Arc<Target>| {
            let connection = store.connection(keys, target)?;
            if !connection.capabilities().scripts {
                return Ok(Value::Nil);
            }
            let mut batch = connection.batch();
            commands(connection, &mut batch);
            let answer = connection.request_all(batch, limit);
            store.conclude(answer)
        };
        let connect_until = self.begin_connecting(Instant::now());
        let answer = match self.cluster(keys) {
            None => exchange(self, &self.settings.shards.of(keys.route).clone()),
            Some((cluster, slot)) => cluster.at_owner(slot, self.timeouts(), |node| exchange(self, node)),
        };
        match answer {
            Ok(Value::Nil) => Ok(None),
            Err(StoreError::Connect(_)) if self.is_elected() && Instant::now() < connect_until => Ok(None),
            answer => self.checked(answer.and_then(reply::several)).map(Some),
        }
    }

    /// Sends an acquire over an existing connection, without waiting. Returns false if it was not
    /// sent.
    pub(super) fn send_prefetch(&mut self, keys: &Keys, wanted: &Acquire) -> bool {
        let target = match self.cluster(keys) {
            Some((cluster, slot)) => cluster.known_owner(slot),
            None => Some(self.settings.shards.of(keys.route).clone()),
        };
        let Some(target) = target else { return false };
        let Some(slot) = pool::checkout_connected(&self.settings, &target) else { return false };
        self.entry = Some((target, slot));
        if self.leave_old_master(false) {
            return false;
        }
        let Some((target, mut slot)) = self.entry.take() else { return false };
        let sent = slot.connection.as_mut().and_then(|connection| {
            if !connection.is_usable() || !connection.capabilities().scripts {
                return None;
            }
            let form = connection.transactions().form();
            let mut batch = connection.batch();
            first_try::pack(keys, wanted, form, connection.server_ms(), &mut batch);
            Some((connection.send_all_awaited(batch, self.settings.read_timeout).ok()?, form))
        });
        let Some((sent, form)) = sent else {
            // The connection died while it was idle. The next request makes a new one.
            slot.take_connection();
            stats::RECONNECTS.add();
            return false;
        };
        self.entry = Some((target, slot));
        self.pending = Some(PendingAcquire { sent, keys: keys.clone(), acquire: wanted.clone(), form });
        true
    }

    /// Waits for the answer to the acquire that [`RedisStore::send_prefetch`] has sent.
    pub(super) fn receive_prefetch(&mut self) -> Result<AcquireReply, StoreError> {
        let lost = || StoreError::Broken(io::ErrorKind::UnexpectedEof.into());
        let PendingAcquire { sent, keys, acquire, form } = self.pending.take().ok_or_else(lost)?;
        let limit = self.settings.read_timeout;
        let connection = self.current().ok_or_else(lost)?;
        stats::TRIPS.add();
        let answer = connection.answer_to(sent, limit);
        let answer = self.conclude(answer);
        let values = self.tell_cluster(&keys, answer).and_then(reply::several);
        let tried = values.and_then(|values| self.tried(form, &acquire, values));
        if matches!(tried, Err(StoreError::TooLarge(_))) {
            self.give_back(&keys, &acquire);
        }
        match self.checked(tried)? {
            FirstTry { taken: true, loaded: Some(loaded), .. } => Ok(self.held(&keys, &acquire, loaded)),
            tried => {
                if tried.taken {
                    self.give_back(&keys, &acquire);
                }
                Ok(AcquireReply::Busy {
                    holder: String::new(),
                    endless: false,
                    block: 0,
                    now: 0,
                    tombstone: None,
                })
            }
        }
    }
}
