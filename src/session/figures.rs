//! The end of a session for those who look on: the figures that it leaves, and the locks for which
//! requests have waited.

use std::mem;

use super::{
    Failure, Session,
    current::Current,
    prefetched::Ahead,
    trace::{self, Last, Trace},
};
use crate::{
    config::{LockFailure, WriteAck},
    lock::Waited,
    process::{
        clock,
        stats::{self, SlowLock},
    },
    protocol::{Keys, SessionId},
    store::Store,
};

impl<S: Store> Session<S> {
    /// Notes that the lock of the current session was given back.
    pub(super) fn released(&mut self, current: &mut Current<S::Lease>) {
        let Current { id, keys, trace, is_changed, .. } = current;
        let now = match self.settings.write_ack {
            WriteAck::Wait => self.store.answered().time,
            WriteAck::Deferred => clock::now(),
        };
        trace.held = now.saturating_sub(trace.since.time);
        let slot = trace.since.slot;
        if self.waited.is_some() || slot.kept_waiting() != trace.kept {
            let kept = slot.kept_waiting() != trace.kept && slot.is_waited_for(keys.lock());
            let waited = self.waited.take();
            // Those who had come before this request had the lock wait on for this one.
            let kept = kept || waited.as_ref().is_some_and(|waited| waited.has_followers);
            trace.waited = waited.as_ref().map_or(0, |waited| waited.time);
            if kept && !*is_changed {
                self.note_needless(trace.held);
            }
            self.tell_slow(id, waited, trace.held, kept, *is_changed, false);
        }
    }

    /// Notes that the lock of a prefetched session was given back, which the page has not wanted.
    /// The answer was perhaps not read, but requests that wait for the lock have seen who has it.
    pub(super) fn released_unused(&self, id: &SessionId, keys: &Keys, ahead: Ahead) {
        let Ahead { since, kept } = ahead;
        if since.slot.kept_waiting() == kept || !since.slot.is_waited_for(keys.lock()) {
            return;
        }
        let held = clock::now().saturating_sub(since.time);
        self.note_needless(held);
        self.tell_slow(id, None, held, true, false, false);
    }

    /// Notes that the page of this request kept others waiting, and changed nothing.
    fn note_needless(&self, held: u64) {
        let page = trace::page_of(&self.info).unwrap_or_else(self.surroundings.script);
        stats::note_needless(&page, held);
    }

    /// Notes that the lock of a session was not to be had.
    pub(super) fn gave_up(&mut self, id: &SessionId) {
        if let Some(waited) = self.waited.take() {
            self.time_in_vain = waited.time;
            self.tell_slow(id, Some(waited), 0, false, false, true);
        }
    }

    fn tell_slow(
        &self,
        id: &SessionId,
        waited: Option<Waited>,
        held: u64,
        kept_waiting: bool,
        changed: bool,
        given_up: bool,
    ) {
        let slow = self.settings.lock.as_ref().map_or(0, |lock| clock::nanoseconds(lock.slow));
        let (waited, holder) =
            waited.map_or((0, String::new()), |waited| (waited.time, waited.holder.to_string()));
        if slow == 0 || waited < slow && !(kept_waiting && held >= slow) {
            return;
        }
        let lock = SlowLock {
            at_ms: stats::now_ms(),
            waited,
            held,
            kept_waiting,
            changed,
            given_up,
            session: id.to_string(),
            by: trace::words_of(&self.info),
            holder,
        };
        stats::note_slow(&lock);
        (self.surroundings.log)(trace::line(&lock));
    }

    /// Leaves the figures of a session that is over.
    pub(super) fn leave_figures(&mut self, current: &Current<S::Lease>) {
        let Trace { waited, held, bytes, outcome, .. } = current.trace;
        let waited = waited.max(self.rest_of_wait());
        let (trips, server) = self.store.traffic();
        let changed = current.is_changed;
        trace::leave(Last { waited, held, trips, bytes, changed, outcome, server });
    }

    /// Takes the length of a wait after which there was no hold on a lock that has ended.
    fn rest_of_wait(&mut self) -> u64 {
        let waited = self.waited.take().map_or(0, |waited| waited.time);
        waited.max(mem::take(&mut self.time_in_vain))
    }

    /// Leaves the figures of a session that could not be read.
    pub(super) fn leave_failure(&mut self, failure: &Failure) {
        let outcome = match failure {
            Failure::Busy(..) => "timeout",
            Failure::Full(..) => "full",
            _ => "failed",
        };
        let waited = self.rest_of_wait();
        let (trips, server) = self.store.traffic();
        trace::leave(Last { waited, held: 0, trips, bytes: 0, changed: false, outcome, server });
    }

    /// Asks all servers, or one master of a Cluster, if a session could start there. Returns the
    /// longest time that one took, in nanoseconds, or `None` if there is a server where it could
    /// not. With `rustredis.lock_failure=readonly`, a session need not be locked.
    pub fn ping(&mut self) -> Option<u64> {
        let mut keys = self.keys(&SessionId::parse(b"ping")?);
        let settings = self.settings.clone();
        let routes = settings.shards.routes();
        let locks = settings.lock.as_ref().is_none_or(|lock| lock.failure == LockFailure::Fail);
        let mut ask = |route| {
            keys.route = route;
            self.store.ping(&keys, locks).ok()
        };
        routes.into_iter().map(&mut ask).try_fold(0, |longest: u64, time| Some(longest.max(time?)))
    }
}
