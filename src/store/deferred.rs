//! Releases that do not wait for their answer (`rustredis.write_ack=deferred`).
//!
//! A deferred release stays in the pool entry of its connection, with all that a repeat needs. Its
//! answer is read together with that of the connection's next command, a second later if there is
//! none, or at the end of the process. If the connection breaks before that, the release is
//! repeated as any other release is: its receipt shows whether it was carried out. Every failure
//! ends in [`take_deferred_failures`].
//!
//! [`DeferredRelease::poll`] only decides, and the [router](super::router) sends. An answer is read
//! here, over the connection that the router hands in.

use std::{
    io, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redis::Value;

use super::renewal::{self, Home, Lost};
use crate::{
    client::connection::{Connection, Sent},
    config::{Settings, Target},
    error::StoreError,
    process::{
        Shared,
        stats::{self, Count, Observed},
    },
    protocol::{Keys, Op, Release, ReleaseReply, SessionId, script::ScriptCall},
};

/// A release that was sent without a wait for the answer.
pub struct DeferredRelease {
    call: ScriptCall<'static>,
    keys: Keys,
    id: SessionId,
    /// The settings of the release's request.
    settings: Arc<Settings>,
    /// The write, or `None` if the release only frees the lock.
    write: Option<Written>,
    /// The token of the lock.
    token: String,
    /// The command, as it was sent over the entry's connection.
    sent: Sent,
    at: Instant,
    /// The time for which Redis keeps the receipt of this release.
    receipt: Duration,
    /// The answer, if it was read before the connection was given up.
    answer: Option<Result<ReleaseReply, StoreError>>,
}

/// A write that is counted when its answer comes.
#[derive(Clone, Copy)]
struct Written {
    is_changed: bool,
    size: usize,
}

impl Written {
    fn of(op: Op<'_>) -> Option<Self> {
        match op {
            Op::Set(value) => Some(Self { is_changed: true, size: value.len() }),
            Op::Restore(value) => Some(Self { is_changed: false, size: value.len() }),
            _ => None,
        }
    }

    fn count(self) {
        let slot = stats::own();
        if self.is_changed {
            slot.add(Count::WritesStored);
            slot.observe(Observed::SessionBytes, self.size as u64);
        } else {
            slot.add(Count::WritesUnchanged);
        }
    }
}

/// The progress of a deferred release.
pub enum Progress {
    /// The answer may yet arrive.
    Pending,
    /// The connection is of no further use, and a repeat goes over the next one.
    Spoilt,
    /// The release was not carried out, or its answer is lost: it must be sent again.
    Repeat,
    /// This is the last answer.
    Over(Result<ReleaseReply, StoreError>),
}

impl DeferredRelease {
    /// Keeps all that a repeat of this release needs.
    pub fn new(
        id: &SessionId,
        keys: &Keys,
        release: &Release<'_>,
        settings: &Arc<Settings>,
        receipt: Duration,
        call: ScriptCall<'static>,
        sent: Sent,
    ) -> Self {
        Self {
            call,
            keys: keys.clone(),
            id: id.clone(),
            settings: settings.clone(),
            write: Written::of(release.op),
            token: release.token.to_owned(),
            sent,
            at: Instant::now(),
            receipt,
            answer: None,
        }
    }

    /// Returns the settings of the release's request.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Returns the server of the session.
    pub fn target(&self) -> &Arc<Target> {
        self.settings.shards.of(self.keys.route)
    }

    /// Returns the script for a repeat, and the keys of the session.
    pub fn call(&mut self) -> (&Keys, &mut ScriptCall<'static>) {
        (&self.keys, &mut self.call)
    }

    /// Keeps the answer if it has arrived, before this connection is given up.
    pub fn collect(&mut self, connection: &mut Connection) {
        self.answer = self.answer.take().or_else(|| read(connection.arrived(self.sent)));
    }

    /// Waits for the answer. Returns true if the connection is of no further use.
    pub fn wait(&mut self, connection: &mut Connection, limit: Duration) -> bool {
        self.answer = read(Some(connection.answer_to(self.sent, limit)));
        is_useless(self.answer.as_ref())
    }

    /// Returns true if the answer made no sense. The next answer over the connection may then
    /// belong to another command.
    pub fn made_no_sense(&self) -> bool {
        matches!(self.answer, Some(Err(StoreError::Protocol(_))))
    }

    /// Looks at the answer, if it has arrived over the entry's connection or can no longer arrive.
    pub fn poll(&mut self, connection: Option<&mut Connection>) -> Progress {
        let is_connected = connection.is_some();
        let arrived = self.answer.take().or_else(|| read(connection?.arrived(self.sent)));
        if is_connected && is_useless(arrived.as_ref()) {
            self.answer = arrived;
            return Progress::Spoilt;
        }
        match arrived {
            None if is_connected => Progress::Pending,
            Some(Err(StoreError::Server(error)))
                if error.code != "NOSCRIPT" && !error.is_passing() && !error.is_demotion() =>
            {
                Progress::Over(Err(StoreError::Server(error)))
            }
            None | Some(Err(_)) => Progress::Repeat,
            Some(Ok(reply)) => Progress::Over(Ok(reply)),
        }
    }

    /// Ends the release when its connection is closed because it was idle. A repeat would come too
    /// late, because the receipt has expired.
    pub fn end_late(mut self, connection: Option<&mut Connection>) {
        let so_far = |connection: &mut Connection| {
            // Other requests wait for this thread.
            read(connection.answer_if_there(self.sent, Duration::from_millis(1)))
        };
        let answer = self.answer.take().or_else(|| so_far(connection?));
        self.end(answer.unwrap_or_else(|| Err(StoreError::Timeout(self.settings.read_timeout))));
    }

    /// Looks for the answer although no request uses the connection. Returns what has become of the
    /// release.
    pub fn look(&mut self, connection: Option<&mut Connection>) -> Progress {
        let Some(connection) = connection else { return self.poll(None) };
        // Requests may wait for this thread.
        let limit = Duration::from_millis(1);
        self.answer = self.answer.take().or_else(|| read(connection.answer_if_there(self.sent, limit)));
        match self.poll(Some(connection)) {
            // The connection may have gone silent, or the server hangs.
            Progress::Pending if self.at.elapsed() >= self.settings.read_timeout => Progress::Spoilt,
            progress => progress,
        }
    }

    /// Repeats the release in the background, because its connection is lost and no request may
    /// come that would do so (the next one of this session waits for the lock), or because the
    /// server did not answer to a request that came.
    pub fn repeat_later(self) {
        let home = Home::new(&self.settings, &self.keys, None);
        let lost = Arc::new(self);
        renewal::repeat(home, &lost.settings, &lost.keys, lost.token.clone(), lost.clone());
    }

    /// Ends the release with its last answer. After an error, the lock may still exist although no
    /// request has it, so the lock is given back.
    pub fn end(&self, answer: Result<ReleaseReply, StoreError>) {
        if answer.is_err() {
            let home = Home::new(&self.settings, &self.keys, None);
            renewal::give_back(home, &self.settings, &self.keys, self.token.clone());
        }
        self.finish(answer);
    }

    /// Adds the outcome to the failures, unless all is well.
    fn finish(&self, answer: Result<ReleaseReply, StoreError>) {
        // Otherwise, no data is lost.
        let Some(write) = self.write else { return };
        let outcome = match answer {
            Ok(ReleaseReply::Done) => return write.count(),
            // The session has ended, and nothing of the request is lost.
            Ok(ReleaseReply::Dead) if !write.is_changed => return write.count(),
            // The receipt may have expired, so the release may have been carried out.
            Ok(ReleaseReply::Lost { .. }) if self.at.elapsed() > self.receipt => {
                let text = "the repeat came too late to show if the write was carried out";
                Err(StoreError::Broken(io::Error::new(io::ErrorKind::ConnectionAborted, text)))
            }
            // The last repeat had a time of its own.
            Err(StoreError::Timeout(_)) => {
                Err(StoreError::silent(self.at.elapsed(), self.settings.read_timeout))
            }
            // The release was sent before that.
            Err(StoreError::Connect(error)) => {
                let text = format!("no answer came, and then no new connection: {error}");
                Err(StoreError::Broken(io::Error::new(error.kind(), text)))
            }
            outcome => outcome,
        };
        let (id, target) = (self.id.clone(), self.target().clone());
        let mut failures = FAILURES.lock();
        failures.push(DeferredFailure { id, target, outcome });
        ARE_FAILURES.store(true, Ordering::Release);
    }
}

impl Lost for DeferredRelease {
    fn call(&self) -> &ScriptCall<'static> {
        &self.call
    }

    fn until(&self) -> Instant {
        self.at + self.receipt
    }

    fn learn(&self, outcome: Result<ReleaseReply, StoreError>) {
        self.finish(outcome);
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

/// Set if there are failures, or were some before a fork. Each callback asks for them, and there
/// are almost never any.
static ARE_FAILURES: AtomicBool = AtomicBool::new(false);

/// Returns the failures since the last call, if there are any.
#[must_use]
pub fn take_deferred_failures() -> Option<Vec<DeferredFailure>> {
    ARE_FAILURES.load(Ordering::Acquire).then(|| {
        let mut failures = FAILURES.lock();
        ARE_FAILURES.store(false, Ordering::Release);
        mem::take(&mut *failures)
    })
}

/// Reads the answer to a release.
fn read(answer: Option<Result<Value, StoreError>>) -> Option<Result<ReleaseReply, StoreError>> {
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
