//! Releases that do not wait for their answer (`rustredis.write_ack=deferred`).
//!
//! A deferred release stays in the pool entry of its connection, with all that a repeat needs. Its
//! answer is read together with that of the connection's next command, or at the end of the
//! process. If the connection breaks before that, the release is repeated as any other release is:
//! its receipt shows whether it was carried out. Every failure ends in [`take_deferred_failures`].

use std::{
    io, mem,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::Value;

use super::{
    Store,
    exchange::RetryPolicy,
    pool::{self, Entry},
    redis::RedisStore,
};
use crate::{
    client::connection::{Connection, Sent},
    config::{Settings, Target},
    error::StoreError,
    process::Shared,
    protocol::{Keys, Op, Release, ReleaseReply, SessionId, script::ScriptCall},
};

/// A release that was sent without a wait for the answer.
pub struct DeferredRelease {
    pub call: ScriptCall<'static>,
    pub keys: Keys,
    pub id: SessionId,
    /// The settings of the release's request.
    pub settings: Arc<Settings>,
    /// Set if there was nothing to write: the release only frees the lock.
    pub lock_only: bool,
    /// The token of the lock.
    pub token: String,
    /// The command, as it was sent over the entry's connection.
    pub sent: Sent,
    pub at: Instant,
    /// The time for which Redis keeps the receipt of this release.
    pub receipt: Duration,
    /// The answer, if it was read before the connection was given up.
    pub answer: Option<Result<ReleaseReply, StoreError>>,
}

impl DeferredRelease {
    /// Keeps the answer if it has arrived, before this connection is given up.
    pub fn collect(&mut self, connection: &mut Connection) {
        self.answer = self.answer.take().or_else(|| read(connection.arrived(self.sent)));
    }

    /// Ends the release with its last answer. After an error, the lock may still exist although no
    /// request has it, so the lock is given back.
    pub fn end(&self, answer: Result<ReleaseReply, StoreError>) {
        if answer.is_err() {
            RedisStore::new(self.settings.clone()).give_back(&self.keys, self.token.clone());
        }
        self.finish(answer);
    }

    /// Adds the outcome to the failures, unless all is well.
    fn finish(&self, answer: Result<ReleaseReply, StoreError>) {
        if self.lock_only {
            // No data is lost.
            return;
        }
        let outcome = match answer {
            Ok(ReleaseReply::Done) => return,
            // The receipt may have expired, so the release may have been carried out.
            Ok(ReleaseReply::Lost { .. }) if self.at.elapsed() > self.receipt => {
                Err(StoreError::Broken(io::ErrorKind::ConnectionAborted.into()))
            }
            outcome => outcome,
        };
        FAILURES.lock().push(DeferredFailure {
            id: self.id.clone(),
            target: self.settings.shards.of(self.keys.route).clone(),
            outcome,
        });
    }
}

/// A failed release whose outcome was found out too late for its own request.
pub struct DeferredFailure {
    /// The session.
    pub id: SessionId,
    /// The session's server.
    pub target: Arc<Target>,
    /// The outcome, which is never [`ReleaseReply::Done`].
    pub outcome: Result<ReleaseReply, StoreError>,
}

/// A forked child does not report the failures of its parent.
static FAILURES: Shared<Vec<DeferredFailure>> = Shared::empty();

/// Returns the failures since the last call.
#[must_use]
pub fn take_deferred_failures() -> Vec<DeferredFailure> {
    mem::take(&mut FAILURES.lock())
}

impl RedisStore {
    /// Sends a release without waiting for the answer, after the previous one is over. The command
    /// contains the script's text. Redis may have forgotten the script (after SCRIPT FLUSH or,
    /// since 7.4, after 500 other scripts sent with EVAL), and a NOSCRIPT would be read too late.
    pub(super) fn send_release(&mut self, keys: &Keys, call: &ScriptCall<'_>) -> Result<Sent, StoreError> {
        self.finish_deferred();
        let target = self.settings.shards.of(keys.route).clone();
        let limit = self.settings.read_timeout;
        let sent = self.connection(keys, &target)?.send_awaited(&mut call.by_text().command, limit);
        if sent.is_err() {
            self.disconnect();
        }
        sent
    }

    /// Keeps all that a repeat of this release needs. Returns false if there is no pool entry.
    pub(super) fn keep_deferred(
        &mut self,
        id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
        call: ScriptCall<'static>,
        sent: Sent,
    ) -> bool {
        let receipt = Duration::from_millis(self.receipt_ms());
        let Some((_, entry)) = &mut self.entry else { return false };
        entry.deferred = Some(DeferredRelease {
            call,
            keys: keys.clone(),
            id: id.clone(),
            settings: self.settings.clone(),
            lock_only: release.op == Op::None,
            token: release.token.to_owned(),
            sent,
            at: Instant::now(),
            receipt,
            answer: None,
        });
        true
    }

    /// Handles a deferred release whose answer has arrived or can no longer arrive. A release that
    /// was not carried out is sent again, this time with a wait for the answer.
    ///
    /// Returns an error if the server cannot be reached, in which case the release is kept, or if
    /// the server did not answer and has had all the time for that: the next request must not wait
    /// as long again.
    pub(super) fn poll_deferred(&mut self) -> Result<(), StoreError> {
        let Some((_, entry)) = &mut self.entry else { return Ok(()) };
        let Entry { connection, deferred: Some(deferred) } = &mut **entry else { return Ok(()) };
        let arrived = deferred.answer.take().or_else(|| read(connection.as_mut()?.arrived(deferred.sent)));
        if connection.is_some() && is_useless(arrived.as_ref()) {
            // The repeat goes over the next connection.
            deferred.answer = arrived;
            self.disconnect();
            return Ok(());
        }
        let answer = match arrived {
            Some(answer) => answer,
            None if connection.is_some() => return Ok(()),
            None => Err(StoreError::Broken(io::ErrorKind::UnexpectedEof.into())),
        };
        let Some(mut deferred) = entry.deferred.take() else { return Ok(()) };
        let repeat = match &answer {
            Err(StoreError::Server(error)) => {
                error.code == "NOSCRIPT" || error.is_passing() || error.is_demotion()
            }
            Err(_) => true,
            Ok(_) => false,
        };
        if !repeat {
            deferred.end(answer);
            return Ok(());
        }
        // The repeat uses the settings of its own request, and the same pool entry.
        let settings = deferred.settings.clone();
        let target = settings.shards.of(deferred.keys.route).clone();
        let mut store = Self {
            settings,
            entry: self.entry.take().map(|(_, entry)| (target, entry)),
            pending: None,
            until: None,
            connect_until: None,
        };
        let keys = deferred.keys.clone();
        let answer =
            store.run_until_answered(&keys, &mut deferred.call, RetryPolicy::Freely, ReleaseReply::parse);
        let mut kept = store.entry.take();
        let result = match (answer, &mut kept) {
            (Err(error @ StoreError::Connect(_)), Some((_, entry))) => {
                entry.deferred = Some(deferred);
                Err(error)
            }
            (answer, _) => {
                let result = match answer {
                    Err(StoreError::Timeout(_) | StoreError::Broken(_)) => {
                        Err(StoreError::Timeout(store.settings.read_timeout))
                    }
                    _ => Ok(()),
                };
                deferred.end(answer);
                result
            }
        };
        self.entry = kept;
        result
    }

    /// Waits for the answer to a release that was sent before.
    fn finish_deferred(&mut self) {
        let limit = self.settings.read_timeout;
        let Some((_, entry)) = &mut self.entry else { return };
        if let Entry { connection: Some(connection), deferred: Some(deferred) } = &mut **entry {
            deferred.answer = read(Some(connection.answer_to(deferred.sent, limit)));
            if is_useless(deferred.answer.as_ref()) {
                self.disconnect();
            }
        }
        // If the server is away, the release is kept for the next time.
        let _ = self.poll_deferred();
    }
}

/// Reads the answer to a release.
pub fn read(answer: Option<Result<Value, StoreError>>) -> Option<Result<ReleaseReply, StoreError>> {
    answer.map(|answer| answer.and_then(ReleaseReply::parse))
}

/// Returns true if the connection that gave this answer is of no further use: it broke, its answers
/// have lost their order, or the server has become a replica.
fn is_useless(answer: Option<&Result<ReleaseReply, StoreError>>) -> bool {
    match answer {
        Some(Err(StoreError::Server(error))) => error.is_demotion(),
        Some(Err(_)) => true,
        _ => false,
    }
}

/// Ends all connections of this process, at module shutdown. Deferred releases are completed if
/// their server can be reached. [`super::take_deferred_failures`] returns the ones that failed.
pub fn close_connections() {
    let start = Instant::now();
    pool::close_pools(|mut entry| {
        let Some(deferred) = &entry.deferred else { return };
        let settings = deferred.settings.clone();
        if start.elapsed() < settings.read_timeout {
            let target = settings.shards.of(deferred.keys.route).clone();
            let mut store = RedisStore { entry: Some((target, entry)), ..RedisStore::new(settings) };
            store.finish_deferred();
            let Some((_, left)) = store.entry.take() else { return };
            entry = left;
        }
        if let Some(deferred) = entry.deferred.take() {
            deferred.end(Err(StoreError::Broken(io::ErrorKind::NotConnected.into())));
        }
    });
}
