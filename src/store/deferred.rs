//! Releases whose answer was not waited for (`rustredis.write_ack=deferred`).
//!
//! Such a release stays with the connection's slot, with all that a repeat of it needs. Its answer is read along with
//! that of the connection's next command, or at the end of the process. If the connection broke before, it is repeated as
//! any other release is: its receipt tells whether it was carried out. Whatever went wrong ends in [`take_deferred_failures`].

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

/// A release that was sent.
pub struct DeferredRelease {
    pub call: ScriptCall<'static>,
    pub keys: Keys,
    pub id: SessionId,
    /// Those of its request.
    pub settings: Arc<Settings>,
    /// Nothing was to be written: only the lock was given back.
    pub lock_only: bool,
    /// The lock's.
    pub token: String,
    /// On the slot's connection.
    pub sent: Sent,
    pub at: Instant,
    /// How long Redis remembers what became of it.
    pub receipt: Duration,
    /// Read before its connection was given up.
    pub answer: Option<Result<ReleaseReply, StoreError>>,
}

impl DeferredRelease {
    /// Keeps an answer that came before this connection is given up.
    pub fn collect(&mut self, connection: &mut Connection) {
        self.answer = self.answer.take().or_else(|| read(connection.arrived(self.sent)));
    }

    /// The last word on a release. Where that is an error the lock may still be there, and nobody has it.
    pub fn end(&self, answer: Result<ReleaseReply, StoreError>) {
        if answer.is_err() {
            RedisStore::new(self.settings.clone()).give_back(&self.keys, self.token.clone());
        }
        self.finish(answer);
    }

    /// Leaves what became of it to be told, unless all is well.
    fn finish(&self, answer: Result<ReleaseReply, StoreError>) {
        if self.lock_only {
            // Nothing is lost.
            return;
        }
        let outcome = match answer {
            Ok(ReleaseReply::Done) => return,
            // Its receipt may have expired: it may have been carried out.
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

/// What became of a release, found out too late for its own request.
pub struct DeferredFailure {
    /// The session.
    pub id: SessionId,
    /// Its server.
    pub target: Arc<Target>,
    /// Not [`ReleaseReply::Done`].
    pub outcome: Result<ReleaseReply, StoreError>,
}

/// A forked child has nothing to tell of its parent's.
static FAILURES: Shared<Vec<DeferredFailure>> = Shared::empty();

/// What there is to tell, once.
#[must_use]
pub fn take_deferred_failures() -> Vec<DeferredFailure> {
    mem::take(&mut FAILURES.lock())
}

impl RedisStore {
    /// Sends a release without waiting, once the one before is over. It takes the script's text along: Redis may have
    /// forgotten that (SCRIPT FLUSH; since 7.4, EVAL's scripts after 500 others), and nobody reads a NOSCRIPT soon enough.
    pub(super) fn send_release(&mut self, keys: &Keys, call: &ScriptCall<'_>) -> Result<Sent, StoreError> {
        self.finish_deferred();
        let target = self.settings.shards.of(keys.route).clone();
        let connection = self.connection(&target)?;
        let sent = connection.send_awaited(&mut call.by_text().command);
        if sent.is_err() {
            self.disconnect();
        }
        sent
    }

    /// Keeps what a repeat of this release needs.
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

    /// Sees what became of a release that was not waited for, if its answer has come or will not come any more. One
    /// that was not carried out is sent again, and waited for.
    ///
    /// The error is that of a server that cannot be reached, where the release is kept; or of one that did not answer, and
    /// has had all the time for that: whoever comes next must not wait as long again.
    pub(super) fn poll_deferred(&mut self) -> Result<(), StoreError> {
        let Some((_, entry)) = &mut self.entry else { return Ok(()) };
        let Entry { connection, deferred: Some(deferred) } = &mut **entry else { return Ok(()) };
        let arrived = deferred.answer.take().or_else(|| read(connection.as_mut()?.arrived(deferred.sent)));
        if connection.is_some() && is_useless(arrived.as_ref()) {
            // Its repeat goes over the next connection.
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
        // By its own request's settings, over the same slot.
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
        let Some((_, entry)) = &mut self.entry else { return };
        if let Entry { connection: Some(connection), deferred: Some(deferred) } = &mut **entry {
            deferred.answer = read(Some(connection.answer_to(deferred.sent)));
            if is_useless(deferred.answer.as_ref()) {
                self.disconnect();
            }
        }
        // Kept for the next time if the server is away.
        let _ = self.poll_deferred();
    }
}

/// What an answer says.
pub fn read(answer: Option<Result<Value, StoreError>>) -> Option<Result<ReleaseReply, StoreError>> {
    answer.map(|answer| answer.and_then(ReleaseReply::parse))
}

/// Whether nothing more is to be expected of the connection that this came over: it broke, its answers have lost their
/// order, or the server has become a replica.
fn is_useless(answer: Option<&Result<ReleaseReply, StoreError>>) -> bool {
    match answer {
        Some(Err(StoreError::Server(error))) => error.is_demotion(),
        Some(Err(_)) => true,
        _ => false,
    }
}

/// Ends all connections of this process, at module shutdown. Releases that were not waited for are seen to their end, if
/// the server is there: what became of them is in [`super::take_deferred_failures`].
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
