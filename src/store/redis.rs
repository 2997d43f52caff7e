//! [`Store`] on a Redis server: the requests of a session, by the cheapest way that has their
//! effect.
//!
//! The first try for a session and reads without a lock need no script
//! ([`crate::protocol::first_try`]), nor does an undisturbed release
//! ([`crate::protocol::transaction`]). The scripts decide in all other cases.

use std::{io, sync::Arc, time::Duration};

use redis::Value;

use super::{
    Store,
    renewal::{self, LeaseGuard},
    retry::RetryPolicy,
    router::Router,
};
use crate::{
    client::route::Word,
    config::{LockSettings, Settings, Target},
    error::StoreError,
    process::{
        random_hex,
        stats::{Meter, Moment},
    },
    protocol::{
        Acquire, AcquireReply, Claim, Copied, Keys, Mode, Op, Release, ReleaseReply, Remaining, SessionData,
        SessionId, Ticket, UserCall, UserList, Write,
        first_try::{self, FirstTry, Form, Turn},
        release, reply,
        script::{PROLONG, Payload, ScriptCall},
        transaction::{self, Executed},
    },
    resp::Command,
};

/// A store over a pooled connection.
pub struct RedisStore {
    router: Router,
    /// A prefetched acquire, whose answer is read later.
    pending: Option<Box<PendingAcquire>>,
}

/// The outcome of a release by transaction.
enum Transacted {
    Released(ReleaseReply),
    /// The script must do it. If the answer to the transaction was lost, the outcome is not known.
    Left {
        lost: Option<StoreError>,
    },
}

struct PendingAcquire {
    keys: Keys,
    acquire: Acquire,
    form: Form,
}

impl RedisStore {
    /// Creates a store, without any I/O.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { router: Router::new(settings), pending: None }
    }

    fn acquire_by_script(&mut self, keys: &Keys, acquire: &Acquire) -> Result<AcquireReply, StoreError> {
        let mut call = acquire.call(keys);
        let read = |answer| AcquireReply::parse(answer, &acquire.token);
        let acquired = self.router.run_until_answered(keys, &mut call, RetryPolicy::IfRefused, read);
        if matches!(acquired, Err(StoreError::TooLarge(_))) {
            self.unlock(keys, acquire);
        }
        acquired
    }

    /// Takes the lock if it is free. Returns `None` if the replies do not show that the lock was
    /// taken, or if nothing was sent.
    fn acquire_by_commands(
        &mut self,
        keys: &Keys,
        wanted: &Acquire,
    ) -> Result<Option<AcquireReply>, StoreError> {
        let mut form = Form::Bare;
        let sent = self.router.request_all(keys, |connection, batch| {
            form = connection.transactions().form();
            first_try::pack(keys, wanted, form, connection.server_ms(), batch);
        });
        let Some(values) = sent? else { return Ok(None) };
        let acquired = match self.tried(keys, form, wanted, values)? {
            FirstTry { taken: false, .. } => return Ok(None),
            FirstTry { loaded: Some(loaded), .. } if !loaded.is_over(|| self.server_clock()) => {
                self.correct_ttl(keys, &loaded, wanted.ttl);
                self.held(keys, wanted, loaded)
            }
            // The script may know how to go on, or reports the problem.
            FirstTry { .. } => {
                self.acquire_by_script(keys, wanted).inspect_err(|_| self.unlock(keys, wanted))?
            }
        };
        Ok(Some(acquired))
    }

    /// Reads the replies to [`first_try::pack`], and learns from them what the connection watches.
    fn tried(
        &mut self,
        keys: &Keys,
        form: Form,
        wanted: &Acquire,
        values: Vec<Value>,
    ) -> Result<FirstTry, StoreError> {
        let tried = FirstTry::parse(form, &wanted.token, values);
        match &tried {
            Ok(tried) => {
                if let Some(connection) = self.router.current() {
                    connection.transactions().learn(&wanted.token, tried);
                }
            }
            Err(StoreError::TooLarge(_)) => self.unlock(keys, wanted),
            Err(_) => {}
        }
        self.router.checked(tried)
    }

    /// Reads the session without a lock. Returns `None` if the read is a matter for the script.
    fn read_by_commands(&mut self, keys: &Keys, ttl: u64) -> Result<Option<SessionData>, StoreError> {
        let mut turn = Turn::default();
        let values = self.router.request_all(keys, |connection, batch| {
            turn = connection.next_turn();
            first_try::pack_read(keys, ttl, turn, batch);
        });
        let read = values.and_then(|values| match values {
            Some(values) => first_try::read_by_commands(turn, values),
            None => Ok(None),
        });
        match self.router.checked(read) {
            // The read must be repeated, which the script does.
            Err(failure) if failure.is_loss() => Ok(None),
            // Nothing was written, so the server may be a replica, which may lack the session.
            Ok(Some(loaded)) if loaded.data.is_none() && ttl == 0 => Ok(None),
            // The script ends the session.
            Ok(Some(loaded)) if loaded.is_over(|| self.server_clock()) => Ok(None),
            Ok(Some(loaded)) => {
                self.correct_ttl(keys, &loaded, ttl);
                Ok(Some(loaded))
            }
            read => read,
        }
    }

    /// Sends a command that may be repeated, because the first connection may be a dead one.
    fn request_twice(&mut self, keys: &Keys, command: &mut Command<'_>) -> Result<Value, StoreError> {
        match self.router.request(keys, command) {
            Err(StoreError::Broken(_) | StoreError::Demoted(_)) => self.router.request(keys, command),
            answer => answer,
        }
    }

    /// Sets the TTL to what the session's state says, if that differs from `ttl`, which was given
    /// before the state was known. Does not wait for the answer: the next use does the same.
    fn correct_ttl(&mut self, keys: &Keys, loaded: &SessionData, ttl: u64) {
        let Some(live) = loaded.live().filter(|_| ttl > 0) else { return };
        let right = live.ttl(self.server_clock(), ttl).max(1);
        if right != ttl {
            if let Some(connection) = self.router.current() {
                connection.transactions().disturb();
            }
            let mut expire = Command::new("EXPIRE");
            self.router.send_after(expire.arg(keys.data()).number(right));
        }
    }

    /// Reads the session without a lock from the server that the route leads to now.
    fn read_here(&mut self, keys: &Keys, ttl: u64) -> Result<SessionData, StoreError> {
        if let Some(loaded) = self.read_by_commands(keys, ttl)? {
            return Ok(loaded);
        }
        let name = random_hex();
        let mut call = SessionData::call(keys, ttl, &name);
        let read = |answer| SessionData::parse(answer, &name);
        let loaded = self.router.run(keys, &mut call).and_then(read);
        let again = |store: &mut Self, call: &mut ScriptCall<'_>| {
            store.router.run_until_answered(keys, call, RetryPolicy::Freely, read)
        };
        match self.router.checked(loaded) {
            // This comes before any wait: for example, a slot that is on its way can be read.
            Err(StoreError::Server(_)) => self.read_by_gets(keys).or_else(|_| again(self, &mut call)),
            Err(failure) if failure.is_loss() || matches!(failure, StoreError::Connect(_)) => {
                again(self, &mut call)
            }
            loaded => loaded,
        }
    }

    /// Reads the session by single keys, for a server that carries out neither scripts that write
    /// nor commands with several keys: a Cluster that is down but may be read, a slot that was left
    /// between two nodes, or a user with few rights. The TTL stays as it is.
    fn read_by_gets(&mut self, keys: &Keys) -> Result<SessionData, StoreError> {
        let mut values = Vec::new();
        for key in SessionData::keys(keys) {
            match self.router.request(keys, Command::new("GET").arg(key)) {
                Ok(value) => values.push(value),
                // Only a later write needs the other keys, and that write asks for them again.
                Err(_) if !values.is_empty() => values.push(Value::Nil),
                Err(failure) => return Err(failure),
            }
        }
        let loaded = self.router.checked(SessionData::of_values(values))?;
        if loaded.data.is_none() {
            self.check_master(keys)?;
        }
        Ok(loaded)
    }

    /// Fails if the server may lack a session that exists: a replica, and a node of a Cluster that
    /// is down. These refuse each write.
    fn check_master(&mut self, keys: &Keys) -> Result<(), StoreError> {
        // No command leaves anything under this key.
        let mut expire = Command::new("EXPIRE");
        expire.arg(keys.probe()).number(1);
        match self.router.request(keys, &mut expire) {
            Err(StoreError::Server(error)) if !error.is_demotion() && error.code != "CLUSTERDOWN" => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Asks the server that the route leads to now if it has the session.
    fn exists_here(&mut self, keys: &Keys) -> Result<bool, StoreError> {
        let values = self.router.request_all(keys, |_, batch| first_try::pack_exists(keys, batch))?;
        if let Some([Value::Int(found), _]) = values.as_deref() {
            return Ok(*found != 0);
        }
        let mut command = Command::new("EXISTS");
        command.arg(keys.data());
        let answer = self.router.request(keys, &mut command)?;
        let exists = self.router.checked(reply::flag(&answer))?;
        if !exists {
            self.check_master(keys)?;
        }
        Ok(exists)
    }

    /// Returns the reply for a lock that is now ours. If the session is not as the request demands,
    /// the lock is released.
    fn held(&mut self, keys: &Keys, wanted: &Acquire, loaded: SessionData) -> AcquireReply {
        let unwanted = match (wanted.mode, loaded.data.is_some()) {
            (Mode::Known, false) => AcquireReply::Absent(loaded.state),
            (Mode::New, true) => AcquireReply::Exists,
            _ => return AcquireReply::Held(loaded),
        };
        // Another connection may lead to another master.
        if self.router.post_after(keys, &wanted.token, &mut unlocking(keys, wanted)).is_err() {
            self.give_back(keys, wanted.token.clone());
        }
        unwanted
    }

    /// Releases a lock that is of no use, without waiting for the answer.
    fn unlock(&mut self, keys: &Keys, wanted: &Acquire) {
        let Some(target) = self.router.last_server() else { return };
        if self.router.post(keys, &target, &wanted.token, &mut unlocking(keys, wanted)).is_err() {
            self.give_back(keys, wanted.token.clone());
        }
    }

    /// Releases a lock without waiting for the answer. If the release gets lost, the lock is given
    /// back later.
    fn post_release(
        &mut self,
        target: &Arc<Target>,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<(), StoreError> {
        self.router.post(keys, target, release.token, &mut as_text(keys, release))
    }

    fn receipt_ms(&self) -> u64 {
        u64::try_from(self.router.receipt().as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes and releases the lock by a transaction if nothing has changed since the session was
    /// read.
    fn release_by_transaction(
        &mut self,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<Transacted, StoreError> {
        let receipt_ms = self.receipt_ms();
        let sent = self.router.request_expecting(keys, |connection| {
            if !connection.transactions().take(release) {
                return None;
            }
            let mut batch = connection.batch();
            let expected = transaction::pack(keys, release, receipt_ms, &mut batch);
            Some((batch, expected))
        });
        let executed = match sent {
            None => return Ok(Transacted::Left { lost: None }),
            Some(Ok(None)) => return Ok(Transacted::Released(ReleaseReply::Done)),
            Some(Ok(Some(values))) => transaction::executed(&values),
            Some(Err(failure)) => Err(failure),
        };
        match self.router.checked(executed) {
            // In Redis 6.0, some refusals of EXEC leave the transaction open, and the commands that
            // follow must not become a part of it.
            Ok(Executed::Refused) => self.router.send_after(&mut Command::new("DISCARD")),
            Ok(Executed::Partly { refused, is_free }) => {
                if refused.is_some() {
                    // The receipt says that the value was written. Neither the script nor a further
                    // write of this session must believe it.
                    let mut forget = Command::new("DEL");
                    forget.arg(keys.receipt(&release.receipt()));
                    let forgotten = self.router.request(keys, &mut forget);
                    if is_free {
                        forgotten?;
                    }
                }
                // If the lock is still ours, the script writes and frees it.
                if is_free {
                    let refused = refused.filter(|_| release.op != Op::None);
                    let released = refused.map_or(ReleaseReply::Done, ReleaseReply::Refused);
                    return Ok(Transacted::Released(released));
                }
            }
            // Either nothing was carried out, or the script will ask for the receipt.
            Ok(Executed::Changed) => {}
            Err(failure) if failure.is_loss() => return Ok(Transacted::Left { lost: Some(failure) }),
            Err(failure) => return Err(failure),
        }
        Ok(Transacted::Left { lost: None })
    }

    /// Runs a script that writes, perhaps after a transaction whose answer was lost. If the new
    /// value was uploaded but is not there when the script runs (Redis had no memory for it, or
    /// evicted it at once), the value becomes an argument of the script, whose answer then gives
    /// the reason.
    fn save<'a>(
        &mut self,
        keys: &Keys,
        lost: Option<StoreError>,
        policy: RetryPolicy,
        read: fn(Value) -> Result<ReleaseReply, StoreError>,
        call: impl Fn(Payload) -> ScriptCall<'a>,
    ) -> Result<ReleaseReply, StoreError> {
        let mut first = call(Payload::Uploaded);
        match self.router.run_after(lost, keys, &mut first, policy, read)? {
            ReleaseReply::Gone if first.upload.is_some() => {
                let mut second = call(Payload::Argument);
                self.router.run_until_answered(keys, &mut second, policy, read)
            }
            written => Ok(written),
        }
    }

    /// Releases the lock without the session, after a release that the server does not read, or
    /// that breaks each connection. Otherwise the lock would stay, and the next request in turn
    /// would wait for the end of the lease.
    fn give_up(
        &mut self,
        keys: &Keys,
        release: &Release<'_>,
        failure: StoreError,
    ) -> Result<ReleaseReply, StoreError> {
        let is_last = matches!(&failure, StoreError::Server(error) if error.is_last());
        if !is_last && !matches!(failure, StoreError::Broken(_))
            || !matches!(release.op, Op::Set(_) | Op::Restore(_))
        {
            return Err(failure);
        }
        let is_there = !release.keep_lock && !self.router.is_away();
        let server = self.router.route(keys).known_server().filter(|_| is_there);
        let lock_only = Release::of_lock(release.token, release.polling);
        let is_free = server.is_some_and(|server| self.post_release(&server, keys, &lock_only).is_ok());
        match failure {
            StoreError::Server(error) if is_last && is_free => Ok(ReleaseReply::Refused(error)),
            failure => Err(failure),
        }
    }
}

/// Returns a release whose answer is not read. The script is sent as text, because a NOSCRIPT would
/// not be read either.
fn as_text<'a>(keys: &Keys, release: &Release<'a>) -> Command<'a> {
    release.call(keys, 0, Payload::Argument).by_text()
}

/// Returns the command that releases a lock that is of no use.
fn unlocking(keys: &Keys, wanted: &Acquire) -> Command<'static> {
    if wanted.mode == Mode::Known {
        // No request queues for a lock that was taken only to see if there is a session.
        release::unlock(keys, &wanted.token)
    } else {
        as_text(keys, &Release::of_lock(&wanted.token, wanted.polling)).to_owned()
    }
}

/// Returns the word of the sentinels that an answer needs. An old master does not know the sessions
/// that were created at the new one.
fn word_for(acquire: &Acquire, answer: &AcquireReply) -> Word {
    match answer {
        AcquireReply::Absent(_) => Word::Fresh,
        AcquireReply::Held(loaded) if loaded.data.is_none() && acquire.mode != Mode::New => Word::Fresh,
        _ => Word::Last,
    }
}

impl Store for RedisStore {
    type Lease = LeaseGuard;

    fn acquire(&mut self, keys: &Keys, acquire: &Acquire) -> Result<AcquireReply, StoreError> {
        let first_try = if acquire.is_first_try() { self.acquire_by_commands(keys, acquire)? } else { None };
        let acquired = match first_try {
            Some(acquired) => acquired,
            None => self.acquire_by_script(keys, acquire)?,
        };
        // A lock that the old master has given in the meantime is worthless.
        if self.router.leave_old_master(word_for(acquire, &acquired)) {
            self.acquire_by_script(keys, acquire)
        } else {
            Ok(acquired)
        }
    }

    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError> {
        let mut command = Command::new("BLPOP");
        command.arg(keys.wake()).arg(block.as_secs_f64().to_string());
        let route = self.router.route(keys);
        match self.router.request_blocking(keys, &mut command, block) {
            // The slot has moved, together with our place in the queue. The next acquire takes up
            // this place at the new node.
            Err(StoreError::Server(error)) if route.can_move() && error.is_redirect() => Ok(None),
            // The master may be gone for good. Asking its successor is safe, because a ticket that
            // was lost with the master expires.
            Err(StoreError::Timeout(limit)) if route.is_elected() => {
                Err(StoreError::silent(block + limit, limit))
            }
            answer => self.router.checked(Ticket::parse(answer?, keys.wake())),
        }
    }

    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError> {
        let answer = self.router.request(keys, &mut claim.command(keys))?;
        self.router.checked(reply::flag(&answer))
    }

    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError> {
        let server = self.router.route(keys).server(self.router.timeouts())?;
        self.router.send_unread(keys, &server, &mut claim.command(keys))
    }

    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<SessionData, StoreError> {
        let loaded = self.read_here(keys, ttl)?;
        let has_moved = loaded.data.is_none() && self.router.leave_old_master(Word::Fresh);
        if has_moved { self.read_here(keys, ttl) } else { Ok(loaded) }
    }

    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<ReleaseReply, StoreError> {
        self.router.leave_old_master(Word::Recent);
        let receipt = self.receipt_ms();
        let released = match self.release_by_transaction(keys, release) {
            Ok(Transacted::Left { lost }) => {
                let read = if release.keep_lock { release::parse_kept } else { ReleaseReply::parse };
                self.save(keys, lost, RetryPolicy::Release, read, |data| release.call(keys, receipt, data))
            }
            Ok(Transacted::Released(written)) => Ok(written),
            Err(failure) => Err(failure),
        };
        match released.or_else(|failure| self.give_up(keys, release, failure)) {
            // The lock is still ours, because only the end of a release gives it back.
            Err(StoreError::Server(error)) if release.keep_lock => Ok(ReleaseReply::Refused(error)),
            released => released,
        }
    }

    fn release_deferred(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<Option<ReleaseReply>, StoreError> {
        let route = self.router.route(keys);
        if route.can_move() {
            // A repeat would have to know the node that has the session by then. Only a release of
            // the lock alone can be given back later.
            let owner = route.known_server().filter(|owner| self.router.is_connected_to(owner));
            let Some(owner) = owner.filter(|_| release.op == Op::None) else {
                return self.release(keys, release).map(Some);
            };
            self.post_release(&owner, keys, release)?;
            return Ok(None);
        }
        self.router.leave_old_master(Word::Recent);
        // The value is an argument: if an upload did not reach the server, no request would be
        // there to send the value again soon.
        let mut call = release.call(keys, self.receipt_ms(), Payload::Argument);
        if self.router.send_deferred(id, keys, release, &call) {
            return Ok(None);
        }
        self.router
            .run_until_answered(keys, &mut call, RetryPolicy::Release, ReleaseReply::parse)
            .or_else(|failure| self.give_up(keys, release, failure))
            .map(Some)
    }

    fn write(&mut self, keys: &Keys, write: &Write<'_>) -> Result<ReleaseReply, StoreError> {
        self.router.leave_old_master(Word::Recent);
        self.save(keys, None, RetryPolicy::Freely, ReleaseReply::parse, |data| write.call(keys, data))
    }

    fn server_clock(&mut self) -> u64 {
        self.router.server_ms()
    }

    fn copy(&mut self, keys: &Keys, state: &str) -> Result<(Copied, u64), StoreError> {
        let copy = keys.copy();
        let answer = self.request_twice(keys, Command::new("MGET").arg(&copy).arg(keys.state()))?;
        let copy = self.router.checked(reply::copy(answer, state))?;
        Ok((copy, self.router.server_ms()))
    }

    fn delete_copy(&mut self, keys: &Keys) -> Result<(), StoreError> {
        let answer = self.request_twice(keys, Command::new("DEL").arg(keys.copy()))?;
        self.router.checked(reply::flag(&answer)).map(drop)
    }

    fn time_left(&mut self, keys: &Keys) -> Result<Remaining, StoreError> {
        let values = match self.router.request_all(keys, |_, batch| Remaining::pack(keys, batch)) {
            Ok(Some(values)) => values,
            // A server that carries out no scripts, or a connection that was dead.
            Ok(None) | Err(StoreError::Broken(_) | StoreError::Demoted(_)) => {
                let left = self.router.request(keys, Command::new("PTTL").arg(keys.data()))?;
                vec![left, self.router.request(keys, Command::new("GET").arg(keys.state()))?]
            }
            Err(failure) => return Err(failure),
        };
        self.router.checked(Remaining::parse(values))
    }

    fn user_list(&mut self, keys: &Keys, call: &UserCall<'_>) -> Result<UserList, StoreError> {
        self.router.leave_old_master(Word::Recent);
        let text = random_hex();
        let mut call = call.call(keys, &text);
        let read = |answer| UserList::parse(answer, &text);
        self.router.run_until_answered(keys, &mut call, RetryPolicy::Freely, read)
    }

    fn post_to_list(&mut self, keys: &Keys, call: &UserCall<'_>) {
        let Ok(server) = self.router.route(keys).server(self.router.timeouts()) else { return };
        // The script is sent as text, because a NOSCRIPT would not be read.
        let mut command = call.call(keys, "").by_text();
        let _ = self.router.send_unread(keys, &server, &mut command);
    }

    fn post_state_ttl(&mut self, keys: &Keys, seen: &str, ms: u64) {
        let mut call = ScriptCall::new(&PROLONG, &[keys.state()]);
        call.command.arg(seen).number(ms);
        // A NOSCRIPT would not be read.
        self.router.send_after(&mut call.by_text());
    }

    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError> {
        let exists = match self.exists_here(keys) {
            Err(StoreError::Broken(_) | StoreError::Demoted(_)) => self.exists_here(keys)?,
            exists => exists?,
        };
        let has_moved = !exists && self.router.leave_old_master(Word::Fresh);
        if has_moved { self.exists_here(keys) } else { Ok(exists) }
    }

    fn rest(&mut self) {
        self.pending = None;
        self.router.rest();
    }

    fn adopt(&mut self, settings: &Arc<Settings>) {
        self.router.adopt(settings);
    }

    fn prefetch(&mut self, keys: &Keys, acquire: &Acquire) -> Option<Moment> {
        let form = self.router.send_prefetch(keys, |connection, batch| {
            let form = connection.transactions().form();
            first_try::pack(keys, acquire, form, connection.server_ms(), batch);
            form
        });
        self.pending =
            form.map(|form| Box::new(PendingAcquire { keys: keys.clone(), acquire: acquire.clone(), form }));
        self.pending.as_ref()?;
        // If the connection broke on the way, the answer tells of it.
        Some(self.router.current().map_or_else(Moment::now, |connection| connection.begun()))
    }

    fn prefetched(&mut self) -> Result<AcquireReply, StoreError> {
        let Some(PendingAcquire { keys, acquire, form }) = self.pending.take().map(|pending| *pending) else {
            return Err(StoreError::Broken(io::ErrorKind::UnexpectedEof.into()));
        };
        let values = self.router.receive_prefetch(&keys);
        let values = self.router.checked(values)?;
        let answer = match self.tried(&keys, form, &acquire, values)? {
            FirstTry { taken: true, loaded: Some(loaded), .. } if !loaded.is_over(|| self.server_clock()) => {
                self.held(&keys, &acquire, loaded)
            }
            tried => {
                if tried.taken {
                    self.unlock(&keys, &acquire);
                }
                AcquireReply::Busy { holder: String::new(), endless: false, block: 0, now: 0, state: None }
            }
        };
        if self.router.leave_old_master(word_for(&acquire, &answer)) {
            return Err(StoreError::Broken(io::ErrorKind::ConnectionAborted.into()));
        }
        Ok(answer)
    }

    fn forget_prefetch(&mut self) {
        self.pending = None;
        self.router.forget_prefetch();
    }

    fn look_after(&self, keys: &Keys, lock: &LockSettings, token: &str, since: Moment) -> Option<LeaseGuard> {
        Some(renewal::guard(self.router.home(keys), self.router.timeouts(), lock, keys, token, since))
    }

    fn look_after_trial(
        &self,
        keys: &Keys,
        lock: &LockSettings,
        token: &str,
        since: Moment,
    ) -> Option<LeaseGuard> {
        Some(renewal::guard_of_trial(
            self.router.home(keys),
            self.router.timeouts(),
            lock,
            keys,
            token,
            since,
        ))
    }

    fn confirm(&self, lease: &LeaseGuard) -> bool {
        lease.confirm()
    }

    fn hindrance(&self, lease: &LeaseGuard) -> Option<String> {
        lease.hindrance()
    }

    fn answered(&self) -> Moment {
        self.router.answered()
    }

    fn ping(&mut self, keys: &Keys, locks: bool) -> Result<u64, StoreError> {
        let key = keys.probe();
        let mut command = Command::new(if locks { "SET" } else { "GET" });
        command.arg(&key);
        if locks {
            // Redis refuses this as it refuses a lock. No client makes this key, so nothing is set.
            command.arg("").arg("XX").arg("PX").number(1);
        }
        self.request_twice(keys, &mut command)?;
        Ok(self.router.last_exchange())
    }

    fn traffic(&mut self) -> (u32, Option<Meter>) {
        self.router.traffic()
    }

    fn end(&self, lease: Option<LeaseGuard>) {
        if let Some(lease) = lease {
            lease.end_at(self.router.answered().time);
        }
    }

    fn give_back(&self, keys: &Keys, token: String) {
        renewal::give_back(self.router.home(keys), self.router.settings(), keys, token);
    }

    fn disconnect(&mut self) {
        self.pending = None;
        self.router.disconnect();
    }
}
