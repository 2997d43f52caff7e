//! Requests to Redis: their way to a server over a pooled connection, the meaning of their
//! failures, and their repeats. The [store](super::redis) knows what they ask for.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use r2d2::PooledConnection;
use redis::Value;

use super::{
    deferred::{DeferredRelease, Progress},
    pool::{self, Entries, Entry},
    posted::Posted,
    renewal::Home,
    retry::{Retry, RetryPolicy, Verdict},
};
use crate::{
    client::{
        Timeouts,
        cluster::{self, Hop},
        connection::{Connection, Sent, local_ms},
        route::{self, Route, Word},
        stream::share,
    },
    config::{Settings, Target},
    error::{ServerError, StoreError, server_error},
    process::stats::{self, Count, Meter, Moment},
    protocol::{Keys, Release, ReleaseReply, SessionId, reply, script::ScriptCall},
    resp::{Batch, Command},
};

/// The way of one store's requests. The connection is taken from its pool on first use and kept
/// until this value is dropped, or until a session of another server is needed.
pub struct Router {
    settings: Arc<Settings>,
    entry: Option<(Arc<Target>, PooledConnection<Entries>)>,
    /// The commands that were sent ahead over the entry's connection.
    prefetch: Option<Sent>,
    /// The deadline of the answer, if a connection broke while it was awaited. The deadline also
    /// applies to the new connection.
    until: Option<Instant>,
    /// The end of the time for connecting, which all tries and ways of one request share.
    connect_until: Option<Instant>,
    /// Set if the last failure of a script was one to connect.
    is_away: bool,
}

impl Router {
    /// Creates a router, without any I/O.
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings, entry: None, prefetch: None, until: None, connect_until: None, is_away: false }
    }

    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Continues with settings that differ only in times and limits.
    pub fn adopt(&mut self, settings: &Arc<Settings>) {
        self.settings = settings.clone();
    }

    /// Returns the way to the server that has this session.
    pub fn route(&self, keys: &Keys) -> Route {
        Route::new(self.settings.shards.of(keys.route), keys.slot)
    }

    /// Returns the place of the session's lock.
    pub fn home(&self, keys: &Keys) -> Home {
        let target = self.settings.shards.of(keys.route);
        let current = self.entry.as_ref().filter(|(of, _)| Arc::ptr_eq(of, target));
        Home::new(&self.settings, keys, current.and_then(|(_, entry)| entry.connection.as_deref()))
    }

    /// Returns the moment of the last answer.
    pub fn answered(&self) -> Moment {
        let last = self.entry.as_ref().and_then(|(_, entry)| entry.connection.as_deref());
        last.map_or_else(Moment::now, Connection::answered)
    }

    /// Returns the time between the last command and its answer, in nanoseconds.
    pub fn last_exchange(&mut self) -> u64 {
        self.current()
            .map_or(0, |connection| connection.answered().time.saturating_sub(connection.begun().time))
    }

    /// Returns the trips since the connection was taken, and the server.
    pub fn traffic(&mut self) -> (u32, Option<Meter>) {
        self.current().map_or((0, None), |connection| (*connection.trips(), Some(connection.meter())))
    }

    /// Returns the lifetime of a receipt, which is longer than all that can lie between the first
    /// send of a release and its last repeat.
    pub fn receipt(&self) -> Duration {
        self.settings.read_timeout * 2 + self.settings.connect_timeout + Duration::from_secs(1)
    }

    /// Returns the limits for connecting and for one exchange.
    pub fn timeouts(&self) -> Timeouts {
        let Settings { connect_timeout, read_timeout, .. } = *self.settings;
        let left = self.connect_until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.filter(|left| !left.is_zero());
        Timeouts {
            connect: left.map_or(connect_timeout, |left| left.min(connect_timeout)),
            read: read_timeout,
        }
    }

    /// Returns the limits for reading the map of a Cluster, if this route needs one.
    fn limits(&self, route: &Route) -> Timeouts {
        if route.can_move() {
            return self.timeouts();
        }
        Timeouts { connect: self.settings.connect_timeout, read: self.settings.read_timeout }
    }

    /// Starts the time for connecting, unless it has already started. Returns its end.
    fn begin_connecting(&mut self, now: Instant) -> Instant {
        let begun = self.connect_until.filter(|until| *until > now);
        *self.connect_until.insert(begun.unwrap_or(now + self.settings.connect_timeout))
    }

    /// Sends a command, and follows the redirects of a Cluster.
    pub fn request(&mut self, keys: &Keys, command: &mut Command<'_>) -> Result<Value, StoreError> {
        let route = self.route(keys);
        route.follow(self.limits(&route), |node, hop| {
            self.enter(keys, node, hop)?;
            self.exchange(keys, node, command, Duration::ZERO)
        })
    }

    /// Sends a command that may block for `block`. A redirect of a Cluster is an error here.
    pub fn request_blocking(
        &mut self,
        keys: &Keys,
        command: &mut Command<'_>,
        block: Duration,
    ) -> Result<Value, StoreError> {
        let route = self.route(keys);
        route.send_once(self.limits(&route), |node| self.exchange(keys, node, command, block))
    }

    /// Sends commands together to the server that has the session, and returns their replies.
    /// Returns `None` if nothing was sent. The scripts then find the server to ask, and the time
    /// for it.
    pub fn request_all(
        &mut self,
        keys: &Keys,
        commands: impl FnOnce(&mut Connection, &mut Batch<'_>),
    ) -> Result<Option<Vec<Value>>, StoreError> {
        let (route, limit) = (self.route(keys), self.settings.read_timeout);
        // Only there may another way to connect follow.
        let connect_until = route.is_elected().then(|| self.begin_connecting(Instant::now()));
        let mut is_sent = false;
        let answer = route.send_once(self.limits(&route), |node| {
            let connection = self.connection(keys, node)?;
            if !connection.capabilities().scripts {
                return Ok(Value::Nil);
            }
            is_sent = true;
            let mut batch = connection.batch();
            commands(connection, &mut batch);
            let answer = connection.request_all(batch, limit);
            self.conclude(answer)
        });
        match answer {
            Ok(_) if !is_sent => Ok(None),
            Err(StoreError::Connect(_)) if connect_until.is_some_and(|until| Instant::now() < until) => {
                Ok(None)
            }
            // The nodes of a Cluster do not tell the map at the moment.
            Err(StoreError::Server(error)) if !is_sent && error.is_passing() => Ok(None),
            answer => self.checked(answer.and_then(reply::several)).map(Some),
        }
    }

    /// Sends a transaction over the connection of the last request, if it is still usable.
    /// `prepare` returns the commands and the bytes that should answer them, or `None` to send
    /// nothing.
    ///
    /// Returns `None` if nothing was sent, and otherwise the replies, unless they are those bytes.
    pub fn request_expecting<'a>(
        &mut self,
        keys: &Keys,
        prepare: impl FnOnce(&mut Connection) -> Option<(Batch<'a>, &'static [u8])>,
    ) -> Option<Result<Option<Vec<Value>>, StoreError>> {
        self.drop_unusable();
        let limit = self.settings.read_timeout;
        let is_elected = route::is_elected(self.settings.shards.of(keys.route));
        let connection = self.current()?;
        let (batch, expected) = prepare(connection)?;
        if is_elected {
            connection.leave_time();
        }
        let answer = connection.request_expecting(batch, expected, limit);
        let is_expected = matches!(answer, Ok(None));
        let answer = match answer.map(|answer| answer.unwrap_or(Value::Okay)) {
            // A part of the transaction was carried out, even if the refusal of another part is
            // that of a replica.
            Ok(Value::Array(values)) if matches!(values.last(), Some(Value::Array(_))) => {
                Ok(Value::Array(values))
            }
            answer => self.conclude(answer),
        };
        Some(match self.tell(keys, answer) {
            Ok(_) if is_expected => Ok(None),
            answer => answer.and_then(reply::several).map(Some),
        })
    }

    /// Sends commands ahead over an existing connection, without waiting. Returns `None` if they
    /// were not sent. If the connection breaks on the way, a part of them may have arrived: the
    /// caller then learns of that instead of the answer.
    pub fn send_prefetch<T>(
        &mut self,
        keys: &Keys,
        commands: impl FnOnce(&mut Connection, &mut Batch<'_>) -> T,
    ) -> Option<T> {
        let target = self.route(keys).known_server()?;
        let entry = pool::checkout_connected(&self.settings, &target)?;
        self.entry = Some((target, entry));
        if self.leave_old_master(Word::Last) {
            return None;
        }
        let limit = self.settings.read_timeout;
        let is_elected = route::is_elected(self.settings.shards.of(keys.route));
        let connection = self.current()?;
        if !connection.is_usable() || !connection.capabilities().scripts {
            // The connection died while it was idle. The next request makes a new one.
            if let Some((_, mut entry)) = self.entry.take() {
                entry.take_connection();
            }
            stats::count(Count::Reconnects);
            return None;
        }
        if is_elected {
            connection.leave_time();
        }
        let mut batch = connection.batch();
        let result = commands(connection, &mut batch);
        match connection.send_all_awaited(batch, limit) {
            Ok(sent) => self.prefetch = Some(sent),
            Err(_) => self.disconnect(),
        }
        Some(result)
    }

    /// Waits for the answer to the commands that were sent ahead.
    pub fn receive_prefetch(&mut self, keys: &Keys) -> Result<Vec<Value>, StoreError> {
        let lost = || StoreError::Broken(io::ErrorKind::UnexpectedEof.into());
        let sent = self.prefetch.take().ok_or_else(lost)?;
        let limit = self.settings.read_timeout;
        let connection = self.current().ok_or_else(lost)?;
        let answer = connection.answer_prefetched(sent, limit);
        let answer = self.conclude(answer);
        self.tell(keys, answer).and_then(reply::several)
    }

    /// Drops the answer to the commands that were sent ahead.
    pub fn forget_prefetch(&mut self) {
        if let (Some(sent), Some(connection)) = (self.prefetch.take(), self.current()) {
            connection.forget(sent);
        }
    }

    /// Runs a script by its digest, or by its text if the server does not know the script.
    pub fn run(&mut self, keys: &Keys, call: &mut ScriptCall<'_>) -> Result<Value, StoreError> {
        match self.request_call(keys, call) {
            // The upload has been carried out.
            Err(StoreError::Server(error)) if error.code == "NOSCRIPT" => {
                self.request(keys, &mut call.by_text())
            }
            result => result,
        }
    }

    /// Runs a script until an answer comes or the time is up, and repeats the script as `policy`
    /// allows. An answer that `read` rejects counts as lost, because other bytes must have come
    /// before it.
    pub fn run_until_answered<T>(
        &mut self,
        keys: &Keys,
        call: &mut ScriptCall<'_>,
        policy: RetryPolicy,
        read: impl Fn(Value) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.run_after(None, keys, call, policy, read)
    }

    /// Does the same after commands with the same effect, whose answer was perhaps lost. The loss
    /// is the first failure of the whole.
    pub fn run_after<T>(
        &mut self,
        lost: Option<StoreError>,
        keys: &Keys,
        call: &mut ScriptCall<'_>,
        policy: RetryPolicy,
        read: impl Fn(Value) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let answer = self.repeat_until_answered(lost, keys, call, policy, read);
        self.connect_until = None;
        // The caller of an acquire repeats in its own way.
        if policy == RetryPolicy::IfRefused {
            return answer;
        }
        self.until = None;
        answer.map_err(StoreError::in_the_end)
    }

    fn repeat_until_answered<T>(
        &mut self,
        lost: Option<StoreError>,
        keys: &Keys,
        call: &mut ScriptCall<'_>,
        policy: RetryPolicy,
        read: impl Fn(Value) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        let connect_until = self.begin_connecting(start);
        let is_elected = route::is_elected(self.settings.shards.of(keys.route));
        let connect = self.settings.connect_timeout;
        let limits = Timeouts { connect, read: self.settings.read_timeout };
        let mut retry = Retry::new(policy, limits, is_elected, start, connect_until);
        let mut failed = lost;
        loop {
            if let Some(failure) = failed {
                self.is_away = matches!(failure, StoreError::Connect(_));
                match retry.after(failure, Instant::now()) {
                    Verdict::GiveUp(failure) => return Err(failure),
                    Verdict::Again { pause, connect_until } => {
                        self.connect_until = connect_until.or(self.connect_until);
                        thread::sleep(pause);
                    }
                }
            }
            retry.begin(Instant::now());
            let answer = self.run(keys, call).and_then(&read);
            match self.checked(answer) {
                Err(failure) => failed = Some(failure),
                answer => return answer,
            }
        }
    }

    fn request_call(&mut self, keys: &Keys, call: &mut ScriptCall<'_>) -> Result<Value, StoreError> {
        let route = self.route(keys);
        route.follow(self.limits(&route), |node, hop| {
            if hop == Hop::Asking {
                return self.ask_call(keys, node, call);
            }
            self.enter(keys, node, hop)?;
            let limit = self.settings.read_timeout;
            let result = self.connection(keys, node)?.run(call, limit);
            self.conclude(result)
        })
    }

    /// Sends a script call to a node with ASKING, which is valid for one command only. Slots seldom
    /// move, so this need not be done in one trip.
    fn ask_call(
        &mut self,
        keys: &Keys,
        node: &Arc<Target>,
        call: &mut ScriptCall<'_>,
    ) -> Result<Value, StoreError> {
        let ScriptCall { upload, command, .. } = call;
        if let Some(upload) = upload {
            self.enter(keys, node, Hop::Asking)?;
            self.send_unread(keys, node, upload)?;
        }
        self.enter(keys, node, Hop::Asking)?;
        self.exchange(keys, node, command, Duration::ZERO)
    }

    fn enter(&mut self, keys: &Keys, node: &Arc<Target>, hop: Hop) -> Result<(), StoreError> {
        match hop {
            Hop::Direct => Ok(()),
            Hop::Asking => self.send_unread(keys, node, &mut Command::new("ASKING")),
            Hop::Reconnect => {
                self.disconnect();
                Ok(())
            }
        }
    }

    /// Sends a command to one server. Any failure except an error reply makes the connection
    /// useless.
    fn exchange(
        &mut self,
        keys: &Keys,
        node: &Arc<Target>,
        command: &mut Command<'_>,
        block: Duration,
    ) -> Result<Value, StoreError> {
        let limit = self.settings.read_timeout;
        let result = self.connection(keys, node)?.request_blocking(command, limit, block);
        let answer = self.conclude(result);
        if !block.is_zero() {
            // Redis was not slow: it was asked to wait.
            self.until = None;
        }
        answer
    }

    /// Sends a command whose reply will be dropped.
    pub fn send_unread(
        &mut self,
        keys: &Keys,
        node: &Arc<Target>,
        command: &mut Command<'_>,
    ) -> Result<(), StoreError> {
        let limit = self.settings.read_timeout;
        let result = self.connection(keys, node)?.send_unread(command, limit);
        if result.is_err() {
            self.disconnect();
        }
        result
    }

    /// Sends a command over the connection of the last request, if there is one. Its reply will be
    /// dropped.
    pub fn send_after(&mut self, command: &mut Command<'_>) {
        let limit = self.settings.read_timeout;
        if let Some(connection) = self.current() {
            let _ = connection.send_unread(command, limit);
        }
    }

    /// Sends the release of this token's lock without waiting for the answer. If it gets lost, the
    /// lock is given back outside of requests.
    pub fn post(
        &mut self,
        keys: &Keys,
        node: &Arc<Target>,
        token: &str,
        command: &mut Command<'_>,
    ) -> Result<(), StoreError> {
        self.connection(keys, node)?;
        self.post_after(keys, token, command)
    }

    /// Does the same over the connection of the last request.
    pub fn post_after(
        &mut self,
        keys: &Keys,
        token: &str,
        command: &mut Command<'_>,
    ) -> Result<(), StoreError> {
        let (home, limit) = (self.home(keys), self.settings.read_timeout);
        let lost = || StoreError::Broken(io::ErrorKind::NotConnected.into());
        let connection = self.current().ok_or_else(lost)?;
        let sent = connection.send_awaited(command, limit).inspect_err(|_| self.disconnect())?;
        let (_, entry) = self.entry.as_mut().ok_or_else(lost)?;
        entry.post(Posted::new(home, &self.settings, keys, token, sent));
        Ok(())
    }

    /// Sends a release without waiting for the answer, after the previous one is over. The command
    /// contains the script's text. Redis may have forgotten the script (after SCRIPT FLUSH or,
    /// since 7.4, after 500 other scripts sent with EVAL), and a NOSCRIPT would be read too late.
    ///
    /// Returns false if the release was not sent.
    pub fn send_deferred(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
        call: &ScriptCall<'_>,
    ) -> bool {
        let (limit, receipt) = (self.settings.read_timeout, self.receipt());
        let target = self.settings.shards.of(keys.route).clone();
        let has_entry = self.entry.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, &target));
        // The entry that is used now may have a release of another session.
        if !has_entry && self.occupy(&target).is_err() {
            return false;
        }
        self.finish_deferred();
        let Ok(connection) = self.connection(keys, &target) else { return false };
        let Ok(sent) = connection.send_awaited(&mut call.by_text(), limit) else {
            self.disconnect();
            return false;
        };
        let Some((_, entry)) = &mut self.entry else { return false };
        let call = call.to_owned();
        let deferred = DeferredRelease::new(id, keys, release, &self.settings, receipt, call, sent);
        entry.deferred = Some(Box::new(deferred));
        pool::look_for_answers();
        true
    }

    /// Handles a deferred release whose answer has arrived or can no longer arrive. A release that
    /// was not carried out is sent again, this time with a wait for the answer.
    ///
    /// Returns an error if the server cannot be reached, in which case the release is kept, or if
    /// the server did not answer and has had all the time for that: the next request must not wait
    /// as long again.
    fn poll_deferred(&mut self) -> Result<(), StoreError> {
        let Some((_, entry)) = &mut self.entry else { return Ok(()) };
        let Entry { connection, deferred: Some(deferred), .. } = &mut **entry else { return Ok(()) };
        let answer = match deferred.poll(connection.as_deref_mut()) {
            Progress::Pending => return Ok(()),
            Progress::Spoilt => {
                self.disconnect();
                return Ok(());
            }
            Progress::Over(answer) => Some(answer),
            Progress::Repeat => None,
        };
        let Some(mut deferred) = entry.deferred.take() else { return Ok(()) };
        let answer = answer.unwrap_or_else(|| self.repeat_deferred(&mut deferred));
        match answer {
            Err(error @ StoreError::Connect(_)) if self.entry.is_some() => {
                let Some((_, entry)) = &mut self.entry else { return Err(error) };
                entry.deferred = Some(deferred);
                return Err(error);
            }
            Err(StoreError::Timeout(_) | StoreError::Broken(_)) => {
                let limit = deferred.settings().read_timeout;
                deferred.repeat_later();
                return Err(StoreError::Timeout(limit));
            }
            answer => deferred.end(answer),
        }
        Ok(())
    }

    /// Repeats a deferred release with the settings of its own request, over the same pool entry.
    fn repeat_deferred(&mut self, deferred: &mut DeferredRelease) -> Result<ReleaseReply, StoreError> {
        let (settings, target) = (deferred.settings().clone(), deferred.target().clone());
        let entry = self.entry.take().map(|(own, entry)| {
            let same = (target, entry);
            (own, same)
        });
        let (own, entry) = entry.unzip();
        let mut router = Self { entry, until: self.until.take(), ..Self::new(settings) };
        let (keys, call) = deferred.call();
        let answer = router.run_until_answered(keys, call, RetryPolicy::Freely, ReleaseReply::parse);
        self.entry = own.zip(router.entry.take().map(|(_, entry)| entry));
        answer
    }

    /// Waits for the answer to a release that was sent before.
    fn finish_deferred(&mut self) {
        let limit = self.settings.read_timeout;
        let Some((_, entry)) = &mut self.entry else { return };
        if let Entry { connection: Some(connection), deferred: Some(deferred), .. } = &mut **entry
            && deferred.wait(connection, limit)
        {
            self.disconnect();
        }
        // If the server is away, the release is kept for the next time.
        let _ = self.poll_deferred();
    }

    /// Decides by a request's result if the connection is kept. Also handles a deferred release
    /// whose answer came with this one.
    fn conclude(&mut self, result: Result<Value, StoreError>) -> Result<Value, StoreError> {
        match result.and_then(or_demotion) {
            Err(StoreError::Server(error)) if error.is_demotion() => Err(self.leave_replica(error)),
            // The server closes the connection, perhaps only in a moment, and reads nothing of what
            // is sent until then: the release of the lock would be lost.
            Err(StoreError::Server(error)) if error.is_last() => {
                self.disconnect();
                Err(StoreError::Server(error))
            }
            result @ (Ok(_) | Err(StoreError::Server(_))) => {
                if self.current().is_some_and(Connection::take_strayed)
                    && let Some(cluster) = cluster::of(self.settings.shards.of(0))
                {
                    cluster.has_strayed();
                }
                // The answer to a deferred release may have come with this one.
                let _ = self.poll_deferred();
                let deferred = self.entry.as_ref().and_then(|(_, entry)| entry.deferred.as_ref());
                // If that answer made no sense, this one may belong to another command.
                if deferred.is_some_and(|deferred| deferred.made_no_sense()) {
                    Err(StoreError::Broken(io::ErrorKind::InvalidData.into()))
                } else {
                    result
                }
            }
            result => {
                let until = self.current().map(|connection| connection.end_of_exchange());
                self.disconnect();
                if matches!(result, Err(StoreError::Broken(_))) {
                    self.until = until;
                }
                result
            }
        }
    }

    /// Gives up the connection to a server that has become a replica. Its name may lead to the new
    /// master by now, and sentinels know that master, but no request over this connection would
    /// ever succeed again. A server that was a replica from the start stays one, but its name may
    /// lead elsewhere by now.
    fn leave_replica(&mut self, error: ServerError) -> StoreError {
        let may_change = self.current().is_some_and(|connection| {
            let may_lead_elsewhere = connection.avoid_address();
            let was_master = connection.capabilities().scripts || connection.master().is_some();
            was_master || may_lead_elsewhere
        });
        self.disconnect();
        if may_change { StoreError::Demoted(error) } else { StoreError::Server(error) }
    }

    /// Tells the Cluster about a node, by the result of a request over the current connection.
    fn tell(&self, keys: &Keys, result: Result<Value, StoreError>) -> Result<Value, StoreError> {
        match &self.entry {
            Some((node, _)) => self.route(keys).learn(node, result),
            None => result,
        }
    }

    /// Closes the connection after an answer that makes no sense: the next answer may belong to
    /// another command, perhaps for another session. An answer may also contain the refusal of a
    /// replica.
    pub fn checked<T>(&mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        match answer {
            Err(StoreError::Protocol(_)) => self.disconnect(),
            Err(StoreError::Server(error)) if error.is_demotion() => return Err(self.leave_replica(error)),
            _ => {}
        }
        answer
    }

    /// Returns true if the server could not be reached when the last script failed.
    pub fn is_away(&self) -> bool {
        self.is_away
    }

    /// Returns true if there is a connection to this server.
    pub fn is_connected_to(&self, node: &Arc<Target>) -> bool {
        let entry = self.entry.as_ref().filter(|(of, _)| Arc::ptr_eq(of, node));
        entry.is_some_and(|(_, entry)| entry.connection.is_some())
    }

    /// Returns the server of the last request.
    pub fn last_server(&self) -> Option<Arc<Target>> {
        self.entry.as_ref().map(|(target, _)| target.clone())
    }

    /// Returns the clock of the last server in milliseconds, or this machine's.
    pub fn server_ms(&mut self) -> u64 {
        self.current().map_or_else(local_ms, |connection| connection.server_ms())
    }

    /// Returns the connection of the last request, if it still exists.
    pub fn current(&mut self) -> Option<&mut Connection> {
        self.entry.as_mut()?.1.connection.as_deref_mut()
    }

    /// Returns a connection to one server that has this session, and opens it if necessary.
    fn connection(&mut self, keys: &Keys, target: &Arc<Target>) -> Result<&mut Connection, StoreError> {
        self.occupy(target)?;
        if self
            .entry
            .as_ref()
            .is_some_and(|(_, entry)| entry.connection.is_none() && entry.deferred.is_some())
        {
            // The deferred release comes first: the next request in turn may be waiting for it.
            self.poll_deferred()?;
            self.occupy(target)?;
        }
        self.leave_old_master(Word::Last);
        let is_elected = route::is_elected(self.settings.shards.of(keys.route));
        match self.current() {
            None => self.connect(keys)?,
            Some(connection) if is_elected => connection.leave_time(),
            Some(_) => {}
        }
        (self.connect_until, self.is_away) = (None, false);
        Ok(self.current().expect("it was made above"))
    }

    /// Makes the connection of an entry that has none.
    fn connect(&mut self, keys: &Keys) -> Result<(), StoreError> {
        let (route, timeouts) = (self.route(keys), self.timeouts());
        // One that has long been over is that of an operation which has failed for good.
        let is_due = |until: &Instant| until.elapsed() < self.settings.read_timeout / 4;
        let until = self.until.take().filter(|until| !route.is_elected() && is_due(until));
        let (target, entry) = self.entry.as_mut().expect("it was taken before");
        let Some(until) = until else {
            entry.connect(route.open(target, timeouts, &keys.probe())?);
            return Ok(());
        };
        // A part of the time is left, whatever the earlier steps have used.
        let now = Instant::now();
        let until = until.max(now + timeouts.read / 4);
        let read = until.duration_since(now);
        let opened = route.open(target, Timeouts { read, ..timeouts }, &keys.probe());
        let mut connection = match opened {
            Ok(connection) => connection,
            // The connection before this one has used the rest of the time.
            Err(StoreError::Timeout(_)) => return Err(StoreError::Timeout(timeouts.read)),
            Err(failure) => {
                self.until = Some(until);
                return Err(failure);
            }
        };
        connection.answers_until(until);
        entry.connect(connection);
        Ok(())
    }

    /// Gives up the connection to a master if the sentinels have named its successor. Returns true
    /// in this case.
    pub fn leave_old_master(&mut self, word: Word) -> bool {
        let Some((target, entry)) = &self.entry else { return false };
        let Some(connection) = &entry.connection else { return false };
        let has_moved = route::has_moved(target, connection, word);
        if has_moved {
            self.disconnect();
        }
        has_moved
    }

    /// Takes an entry of this server's pool. If the entry has a connection, the connection is
    /// usable.
    fn occupy(&mut self, target: &Arc<Target>) -> Result<(), StoreError> {
        if !matches!(&self.entry, Some((of, _)) if Arc::ptr_eq(of, target)) {
            // The other server's connection goes back first.
            self.rest();
            let mut entry = pool::checkout(&self.settings, target)?;
            // A server that refused scripts for a while, such as one without memory, may take them
            // by now.
            if entry.connection.as_ref().is_some_and(|connection| !connection.capabilities().scripts) {
                entry.take_connection();
            }
            self.entry = Some((target.clone(), entry));
        }
        self.drop_unusable();
        Ok(())
    }

    /// Drops a connection that has died since its last use, or that has unexpected bytes. A new one
    /// replaces it without a warning.
    fn drop_unusable(&mut self) {
        let Some((_, entry)) = &mut self.entry else { return };
        if entry.connection.as_mut().is_some_and(|connection| !connection.is_usable()) {
            entry.take_connection();
            stats::count(Count::Reconnects);
        }
    }

    /// Gives the connection back to its pool. The next command takes one again.
    pub fn rest(&mut self) {
        self.forget_prefetch();
        (self.entry, self.until, self.is_away) = (None, None, false);
    }

    /// Drops the connection with everything on its way. The next command makes a new one.
    pub fn disconnect(&mut self) {
        self.prefetch = None;
        if let Some(connection) = self.entry.as_mut().and_then(|(_, entry)| entry.take_connection()) {
            self.until = connection.end_of_doubt();
            connection.abort();
            stats::count(Count::Reconnects);
        }
    }
}

/// Returns the answers to several commands. If a replica gave one of them, its error is the answer
/// to all.
fn or_demotion(answer: Value) -> Result<Value, StoreError> {
    let errors = match &answer {
        Value::Array(answers) => &answers[..],
        _ => &[],
    };
    let demotion = errors.iter().find_map(|answer| match answer {
        Value::ServerError(error) => Some(server_error(error)).filter(ServerError::is_demotion),
        _ => None,
    });
    demotion.map_or(Ok(answer), |error| Err(StoreError::Server(error)))
}

/// The time for the answers to releases of locks that no request wants, at the end of the process.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The least time for a repeat at the end of the process, after servers that have used their own
/// share and more.
const LEAST: Duration = Duration::from_millis(100);

/// Ends all connections of this process, at module shutdown. Deferred releases are completed if
/// their server can be reached. [`super::take_deferred_failures`] returns the ones that failed.
///
/// All answers together have a quarter of `rustredis.read_timeout`, and whatever a server that
/// hangs has used, an answer that has arrived is read. The releases without an answer share the
/// rest of that time, each for one repeat.
pub fn close_connections() {
    pool::close_pools(|mut entries| {
        let start = Instant::now();
        for entry in &mut entries {
            entry.finish_posted(LAST_WORD.saturating_sub(start.elapsed()));
        }
        let limits = entries.iter().filter_map(|entry| entry.deferred.as_ref());
        let Some(limit) = limits.map(|deferred| deferred.settings().read_timeout).max() else { return };
        let start = Instant::now();
        entries.retain_mut(|entry| {
            let left = (limit / 4).saturating_sub(start.elapsed());
            entry.finish_deferred(left.max(Duration::from_millis(1)))
        });
        while let Some(entry) = entries.pop() {
            let until = share(start + limit, entries.len());
            repeat_last(entry, until.saturating_duration_since(Instant::now()).max(LEAST));
        }
    });
}

/// Sends a deferred release again at the end of the process, within this time.
fn repeat_last(mut entry: PooledConnection<Entries>, time: Duration) {
    let Some(mut deferred) = entry.deferred.take() else { return };
    let mut settings = Settings::clone(deferred.settings());
    settings.connect_timeout = settings.connect_timeout.min(time);
    settings.read_timeout = settings.read_timeout.min(time);
    let target = deferred.target().clone();
    let mut router = Router { entry: Some((target, entry)), ..Router::new(Arc::new(settings)) };
    let (keys, call) = deferred.call();
    let answer = router.run_until_answered(keys, call, RetryPolicy::Freely, ReleaseReply::parse);
    deferred.end(answer);
}
