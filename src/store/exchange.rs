//! Requests to Redis: their way to a server, the meaning of their failures, and their repeats.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use redis::Value;

use super::{Store, deferred::DeferredRelease, redis::RedisStore};
use crate::{
    client::cluster::Way,
    config::{Endpoint, Target},
    error::{ServerError, StoreError, server_error},
    protocol::{
        Acquire, AcquireReply, Keys, Op, Release, ReleaseReply,
        script::{Payload, ScriptCall},
    },
    resp::Command,
};

/// The pause before the repeat of a command that Redis could not carry out at the moment.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest such pause. Pauses grow if others choose the master, or after a broken connection.
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// The condition under which a script may be sent again with the same arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryPolicy {
    /// The script was certainly not carried out: the nodes of a Cluster said so, or no server could
    /// be reached.
    IfRefused,
    /// The script was not carried out, or its answer was lost: a repeat does no harm.
    Freely,
    /// The same as [`RetryPolicy::Freely`], for as long as the restart of a server may take: only
    /// this script frees the lock.
    Release,
}

impl RedisStore {
    /// Sends a command, and follows the redirects of a Cluster.
    pub(super) fn request(
        &mut self,
        keys: &Keys,
        command: &mut Command<'_>,
        extra: Duration,
    ) -> Result<Value, StoreError> {
        let Some((cluster, slot)) = self.cluster(keys) else {
            let target = self.settings.shards.of(keys.route).clone();
            return self.exchange(keys, &target, command, extra);
        };
        cluster.follow(slot, self.timeouts(), |node, way| {
            self.enter(way);
            if way == Way::Asking {
                self.send_unread(keys, node, &mut Command::new("ASKING"))?;
            }
            self.exchange(keys, node, command, extra)
        })
    }

    /// Sends a script call, and follows the redirects of a Cluster.
    pub(super) fn request_call(
        &mut self,
        keys: &Keys,
        call: &mut ScriptCall<'_>,
    ) -> Result<Value, StoreError> {
        let Some((cluster, slot)) = self.cluster(keys) else {
            let target = self.settings.shards.of(keys.route).clone();
            return self.exchange_call(keys, &target, call);
        };
        cluster.follow(slot, self.timeouts(), |node, way| {
            self.enter(way);
            if way == Way::Asking {
                self.ask_call(keys, node, call)
            } else {
                self.exchange_call(keys, node, call)
            }
        })
    }

    fn enter(&mut self, way: Way) {
        if way == Way::Anew {
            self.disconnect();
        }
    }

    fn exchange_call(
        &mut self,
        keys: &Keys,
        target: &Arc<Target>,
        call: &mut ScriptCall<'_>,
    ) -> Result<Value, StoreError> {
        let limit = self.settings.read_timeout;
        let result = self.connection(keys, target)?.run(call, limit);
        self.conclude(result)
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
            self.send_unread(keys, node, &mut Command::new("ASKING"))?;
            self.send_unread(keys, node, upload)?;
        }
        self.send_unread(keys, node, &mut Command::new("ASKING"))?;
        self.exchange(keys, node, command, Duration::ZERO)
    }

    /// Sends a command to one server. Any failure except an error reply makes the connection
    /// useless.
    pub(super) fn exchange(
        &mut self,
        keys: &Keys,
        target: &Arc<Target>,
        command: &mut Command<'_>,
        extra: Duration,
    ) -> Result<Value, StoreError> {
        let limit = self.settings.read_timeout;
        let result = self.connection(keys, target)?.request_blocking(command, limit, extra);
        self.conclude(result)
    }

    /// Sends a command whose reply will be dropped.
    pub(super) fn send_unread(
        &mut self,
        keys: &Keys,
        target: &Arc<Target>,
        command: &mut Command<'_>,
    ) -> Result<(), StoreError> {
        let limit = self.settings.read_timeout;
        let result = self.connection(keys, target)?.send_unread(command, limit);
        if result.is_err() {
            self.disconnect();
        }
        result
    }

    /// Releases a lock without waiting for the answer. If the release does not arrive, the lock
    /// ends with its lease.
    pub(super) fn send_release_unread(
        &mut self,
        target: &Arc<Target>,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<(), StoreError> {
        let call = release.call(keys, 0, Payload::Argument);
        // The script is sent as text, because a NOSCRIPT would not be read.
        self.send_unread(keys, target, &mut call.command.to_eval(&call.script.text))
    }

    /// Releases the lock without the session, after a release that the server does not read, or
    /// that breaks each connection. Otherwise the lock would stay, and the next request in turn
    /// would wait for the end of the lease.
    pub(super) fn give_up(
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
        let target = match self.cluster(keys) {
            Some((cluster, slot)) => cluster.known_owner(slot),
            None => Some(self.settings.shards.of(keys.route).clone()),
        };
        let given_back = !release.hold
            && target.is_some_and(|target| {
                self.send_release_unread(&target, keys, &Release::of_lock(release.token, release.mixed))
                    .is_ok()
            });
        match failure {
            StoreError::Server(error) if is_last && given_back => Ok(ReleaseReply::Refused(error)),
            failure => Err(failure),
        }
    }

    /// Decides by a request's result if the connection is kept. Also handles a deferred release
    /// whose answer came with this one.
    pub(super) fn conclude(&mut self, result: Result<Value, StoreError>) -> Result<Value, StoreError> {
        match result.and_then(or_demotion) {
            // The server has become a replica. Its name may lead to the new master by now, and
            // sentinels know that master, but no request over this connection would ever succeed
            // again. A server that was a replica from the start stays one.
            Err(StoreError::Server(error)) if error.is_demotion() => {
                let was_master = self.current().is_some_and(|connection| connection.capabilities().scripts);
                self.disconnect();
                Err(if was_master || self.asks_sentinels() {
                    StoreError::Demoted(error)
                } else {
                    StoreError::Server(error)
                })
            }
            result @ (Ok(_) | Err(StoreError::Server(_))) => {
                // The answer to a deferred release may have come with this one.
                let _ = self.poll_deferred();
                let is_odd = self.entry.as_ref().is_some_and(|(_, slot)| {
                    matches!(
                        &slot.deferred,
                        Some(DeferredRelease { answer: Some(Err(StoreError::Protocol(_))), .. })
                    )
                });
                // If that answer made no sense, this one may belong to another command.
                if is_odd { Err(StoreError::Broken(io::ErrorKind::InvalidData.into())) } else { result }
            }
            // The master may hang, and another may have been chosen by now.
            Err(StoreError::Timeout(_))
                if self.is_elected() && self.current().is_some_and(|connection| connection.leaves_time()) =>
            {
                self.disconnect();
                Err(StoreError::Broken(io::ErrorKind::TimedOut.into()))
            }
            result => {
                self.disconnect();
                result
            }
        }
    }

    /// Tells the Cluster about a node, by the result of a request outside of
    /// [`Cluster::follow`](crate::client::cluster::Cluster::follow).
    pub(super) fn tell_cluster(
        &self,
        keys: &Keys,
        result: Result<Value, StoreError>,
    ) -> Result<Value, StoreError> {
        match (self.cluster(keys), &self.entry) {
            (Some((cluster, _)), Some((node, _))) => cluster.learn(node, result),
            _ => result,
        }
    }

    /// Closes the connection after an answer that makes no sense: the next answer may belong to
    /// another command, perhaps for another session.
    pub(super) fn checked<T>(&mut self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(answer, Err(StoreError::Protocol(_))) {
            self.disconnect();
        }
        answer
    }

    fn asks_sentinels(&self) -> bool {
        self.entry.as_ref().is_some_and(|(target, _)| matches!(target.endpoint, Endpoint::Sentinel(_)))
    }

    /// Runs a script by its digest, or by its text if the server does not know the script.
    pub(super) fn run(&mut self, keys: &Keys, call: &mut ScriptCall<'_>) -> Result<Value, StoreError> {
        match self.request_call(keys, call) {
            Err(StoreError::Server(error)) if error.code == "NOSCRIPT" => {
                self.request_call(keys, &mut call.by_text())
            }
            result => result,
        }
    }

    /// Runs a script until an answer comes or the time is up, and repeats the script as `repeat`
    /// allows.
    ///
    /// Once the script may have arrived, and for a release from the start, an unreachable server
    /// gets the whole time for connecting: the server may be restarting, and the lock is still
    /// ours. The same holds for a master that others choose (sentinels, the nodes of a Cluster),
    /// because its replica takes over.
    ///
    /// An answer that `read` rejects counts as lost, because other bytes must have come before it.
    pub(super) fn run_until_answered<T>(
        &mut self,
        keys: &Keys,
        call: &mut ScriptCall<'_>,
        repeat: RetryPolicy,
        read: fn(Value) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let answer = self.repeat_until_answered(keys, call, repeat, read);
        self.connect_until = None;
        match answer {
            // The caller of an acquire repeats in its own way.
            Err(failure) if repeat != RetryPolicy::IfRefused => Err(failure.in_the_end()),
            answer => answer,
        }
    }

    fn repeat_until_answered<T>(
        &mut self,
        keys: &Keys,
        call: &mut ScriptCall<'_>,
        repeat: RetryPolicy,
        read: fn(Value) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        let mut broken = None;
        // The failure of a try to connect that had enough time.
        let mut told: Option<StoreError> = None;
        let mut connect_until = self.begin_connecting(start);
        let mut pause = PAUSE;
        loop {
            let had_time = has_time(connect_until, self.settings.connect_timeout);
            let answer = self.run(keys, call).and_then(read);
            let failure = match self.checked(answer) {
                Err(error) => error,
                answer => return answer,
            };
            let is_elected = self.is_elected();
            let is_lost = failure.is_loss();
            let until = match failure {
                // A repeat happens once: a server that speaks another protocol will do so again.
                StoreError::Protocol(_) if broken.is_some() => return Err(failure),
                _ if is_lost && repeat != RetryPolicy::IfRefused => start + self.settings.read_timeout,
                StoreError::Server(ref error)
                    if error.is_passing() && (repeat != RetryPolicy::IfRefused || is_elected) =>
                {
                    start + self.settings.read_timeout
                }
                StoreError::Connect(_)
                    if repeat == RetryPolicy::Release || broken.is_some() || is_elected =>
                {
                    connect_until
                }
                failure => return Err(failure),
            };
            // A connection that died since the last request is the common case: repeat the script
            // at once.
            let is_first_break = is_lost && broken.is_none();
            let pause_now = if is_first_break { Duration::ZERO } else { pause };
            if Instant::now() + pause_now >= until {
                // An unknown outcome must not be reported as "not saved" because a later connection
                // was refused.
                let failure = match (failure, told) {
                    // The last try had too little time to find out the reason.
                    (StoreError::Connect(_), Some(told)) if !had_time => told,
                    (failure, _) => failure,
                };
                return Err(broken
                    .filter(|before| !matches!(before, StoreError::Demoted(_)))
                    .unwrap_or(failure));
            }
            if is_lost {
                // From now on, the loop waits for a connection.
                let since = if is_elected { Instant::now() } else { start };
                connect_until = since + self.settings.connect_timeout;
                self.connect_until = Some(connect_until);
                broken = broken.filter(|_| matches!(failure, StoreError::Demoted(_))).or(Some(failure));
            } else if had_time && matches!(failure, StoreError::Connect(_)) {
                told = Some(failure);
            }
            thread::sleep(pause_now);
            // An election takes seconds, and each try asks for the master anew. A session that
            // breaks each connection (it is above the limit of a proxy) breaks the next one as
            // well.
            if is_elected || broken.is_some() {
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    pub(super) fn acquire_by_script(
        &mut self,
        keys: &Keys,
        acquire: &Acquire,
    ) -> Result<AcquireReply, StoreError> {
        let mut call = acquire.call(keys);
        let acquired = self.run_until_answered(keys, &mut call, RetryPolicy::IfRefused, AcquireReply::parse);
        if matches!(acquired, Err(StoreError::TooLarge(_))) {
            self.give_back(keys, acquire);
        }
        acquired
    }

    /// Runs a script that writes. If the new value was uploaded but is not there when the script
    /// runs (Redis had no memory for it, or evicted it at once), the value becomes an argument of
    /// the script, whose answer then gives the reason.
    pub(super) fn save<'a>(
        &mut self,
        keys: &Keys,
        repeat: RetryPolicy,
        call: impl Fn(Payload) -> ScriptCall<'a>,
    ) -> Result<ReleaseReply, StoreError> {
        let mut beside = call(Payload::Uploaded);
        match self.run_until_answered(keys, &mut beside, repeat, ReleaseReply::parse)? {
            ReleaseReply::Gone if beside.upload.is_some() => {
                self.run_until_answered(keys, &mut call(Payload::Argument), repeat, ReleaseReply::parse)
            }
            written => Ok(written),
        }
    }
}

/// Returns true if a try to connect that begins now has enough time to show which server does not
/// answer.
fn has_time(until: Instant, whole: Duration) -> bool {
    until.saturating_duration_since(Instant::now()) >= LONGEST_PAUSE.min(whole / 2)
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
