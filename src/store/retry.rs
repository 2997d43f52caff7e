//! The repeats of a script whose answer did not come: a machine without a clock of its own, which
//! decides and neither sends nor sleeps.
//!
//! Once the script may have arrived, and for a release from the start, an unreachable server gets
//! the whole time for connecting: the server may be restarting, and the lock is still ours. The
//! same holds for a master that others choose (sentinels, the nodes of a Cluster), because its
//! replica takes over.

use std::time::{Duration, Instant};

use crate::{client::Timeouts, error::StoreError};

/// The pause before the repeat of a command that Redis could not carry out at the moment.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest such pause. Pauses grow if others choose the master, or after a broken connection.
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// The condition under which a script may be sent again with the same arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RetryPolicy {
    /// The script was certainly not carried out: the nodes of a Cluster said so, or no server could
    /// be reached.
    IfRefused,
    /// The script was not carried out, or its answer was lost: a repeat does no harm.
    Freely,
    /// The same as [`RetryPolicy::Freely`], for as long as the restart of a server may take: only
    /// this script frees the lock.
    Release,
}

/// The decision after a failure.
#[derive(Debug)]
pub enum Verdict {
    /// The script is sent again after `pause`.
    Again {
        pause: Duration,
        /// The new end of the time for connecting, if there is one.
        connect_until: Option<Instant>,
    },
    /// This is the failure of the whole.
    GiveUp(StoreError),
}

/// The tries of one script so far.
pub struct Retry {
    policy: RetryPolicy,
    /// The limits of all tries together.
    limits: Timeouts,
    /// Set if others choose the master.
    is_elected: bool,
    start: Instant,
    connect_until: Instant,
    pause: Duration,
    /// The first failure after which the outcome is unknown.
    broken: Option<StoreError>,
    /// The failure of a try to connect that had enough time.
    told: Option<StoreError>,
    /// Set if the current try has enough time to show which server does not answer.
    had_time: bool,
}

impl Retry {
    /// Begins before the first try.
    #[must_use]
    pub fn new(
        policy: RetryPolicy,
        limits: Timeouts,
        is_elected: bool,
        start: Instant,
        connect_until: Instant,
    ) -> Self {
        Self {
            policy,
            limits,
            is_elected,
            start,
            connect_until,
            pause: PAUSE,
            broken: None,
            told: None,
            had_time: true,
        }
    }

    /// Begins a try.
    pub fn begin(&mut self, now: Instant) {
        let left = self.connect_until.saturating_duration_since(now);
        self.had_time = left >= LONGEST_PAUSE.min(self.limits.connect / 2);
    }

    /// Decides after the failure of a try, or after a loss that came before the first try.
    pub fn after(&mut self, failure: StoreError, now: Instant) -> Verdict {
        let is_lost = failure.is_loss();
        let Some(until) = self.until(&failure, is_lost) else { return Verdict::GiveUp(failure) };
        // A connection that died since the last request is the common case: repeat the script at
        // once.
        let is_first_break = is_lost && self.broken.is_none();
        let pause = if is_first_break { Duration::ZERO } else { self.pause };
        if now + pause >= until {
            return Verdict::GiveUp(self.conclude(failure));
        }
        let mut connect_until = None;
        if is_lost {
            // From now on, the tries wait for a connection.
            let since = if self.is_elected { now + pause } else { self.start };
            self.connect_until = since + self.limits.connect;
            connect_until = Some(self.connect_until);
            let before = self.broken.take().filter(|_| matches!(failure, StoreError::Demoted(_)));
            self.broken = before.or(Some(failure));
        } else if self.had_time && matches!(failure, StoreError::Connect(_)) {
            self.told = Some(failure);
        }
        // An election takes seconds, and each try asks for the master anew. A session that breaks
        // each connection (it is above the limit of a proxy) breaks the next one as well.
        if self.is_elected || self.broken.is_some() {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        Verdict::Again { pause, connect_until }
    }

    /// Returns the time up to which a repeat is of use after this failure, or `None` if it is of no
    /// use at all.
    fn until(&self, failure: &StoreError, is_lost: bool) -> Option<Instant> {
        let repeats = self.policy != RetryPolicy::IfRefused;
        let answered = Some(self.start + self.limits.read);
        match failure {
            // A repeat happens once: a server that speaks another protocol will do so again.
            StoreError::Protocol(_) if self.broken.is_some() => None,
            _ if is_lost && repeats => answered,
            StoreError::Server(error) if error.is_passing() && (repeats || self.is_elected) => answered,
            StoreError::Connect(_)
                if self.policy == RetryPolicy::Release || self.broken.is_some() || self.is_elected =>
            {
                Some(self.connect_until)
            }
            _ => None,
        }
    }

    /// Returns the failure of the whole. An unknown outcome must not be reported as "not saved"
    /// because a later connection was refused.
    fn conclude(&mut self, failure: StoreError) -> StoreError {
        // The last try may have had too little time to find out the reason.
        let tells = self.had_time || !matches!(failure, StoreError::Connect(_));
        match (self.broken.take(), self.told.take()) {
            (Some(refusal @ StoreError::Demoted(_)), None) if !tells => refusal,
            (None | Some(StoreError::Demoted(_)), told) => told.filter(|_| !tells).unwrap_or(failure),
            (Some(broken), _) => broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::ServerError;

    const LIMITS: Timeouts = Timeouts { connect: Duration::from_secs(2), read: Duration::from_secs(5) };

    fn retry(policy: RetryPolicy, is_elected: bool) -> (Retry, Instant) {
        let start = Instant::now();
        let mut retry = Retry::new(policy, LIMITS, is_elected, start, start + LIMITS.connect);
        retry.begin(start);
        (retry, start)
    }

    fn broken() -> StoreError {
        StoreError::Broken(io::ErrorKind::UnexpectedEof.into())
    }

    fn refused() -> StoreError {
        StoreError::Connect(io::ErrorKind::ConnectionRefused.into())
    }

    fn pause(verdict: &Verdict) -> Option<Duration> {
        match verdict {
            Verdict::Again { pause, .. } => Some(*pause),
            Verdict::GiveUp(_) => None,
        }
    }

    #[test]
    fn a_dead_connection_is_replaced_at_once_and_then_with_growing_pauses() {
        let (mut retry, start) = retry(RetryPolicy::Freely, false);
        let pauses: Vec<_> = (0..4).map(|_| pause(&retry.after(broken(), start))).collect();
        assert_eq!(pauses, [0, 40, 80, 160].map(|ms| Some(Duration::from_millis(ms))));
        let end = start + LIMITS.read;
        assert!(matches!(retry.after(broken(), end), Verdict::GiveUp(StoreError::Broken(_))));
    }

    #[test]
    fn an_unknown_outcome_is_not_reported_as_a_refused_connection() {
        let (mut retry, start) = retry(RetryPolicy::Freely, false);
        assert!(pause(&retry.after(broken(), start)).is_some());
        assert!(pause(&retry.after(refused(), start)).is_some());
        let end = start + LIMITS.connect;
        assert!(matches!(retry.after(refused(), end), Verdict::GiveUp(StoreError::Broken(_))));
    }

    #[test]
    fn a_server_that_cannot_be_reached_is_waited_for_by_a_release_and_for_an_election() {
        let after = |policy, is_elected| {
            let (mut retry, start) = retry(policy, is_elected);
            pause(&retry.after(refused(), start)).is_some()
        };
        assert!(!after(RetryPolicy::Freely, false) && !after(RetryPolicy::IfRefused, false));
        assert!(after(RetryPolicy::Release, false) && after(RetryPolicy::IfRefused, true));
    }

    #[test]
    fn an_acquire_is_not_repeated_if_it_may_have_been_carried_out() {
        let (mut retry, start) = retry(RetryPolicy::IfRefused, true);
        assert!(matches!(retry.after(broken(), start), Verdict::GiveUp(StoreError::Broken(_))));
        let loading = || StoreError::Server(ServerError::parse("LOADING x"));
        assert_eq!(pause(&retry.after(loading(), start)), Some(PAUSE));
        let (mut retry, start) = self::retry(RetryPolicy::IfRefused, false);
        assert!(pause(&retry.after(loading(), start)).is_none());
    }

    #[test]
    fn a_last_try_without_time_does_not_hide_a_refusal() {
        let demoted = || StoreError::Demoted(ServerError::parse("READONLY x"));
        let hung = || StoreError::Connect(io::ErrorKind::TimedOut.into());
        for (left, is_told) in [(10, true), (500, false)] {
            let (mut retry, start) = retry(RetryPolicy::Freely, true);
            let Verdict::Again { connect_until: Some(until), .. } = retry.after(demoted(), start) else {
                panic!()
            };
            retry.begin(until.checked_sub(Duration::from_millis(left)).unwrap());
            let Verdict::GiveUp(told) = retry.after(hung(), until) else { panic!() };
            assert_eq!(matches!(told, StoreError::Demoted(_)), is_told, "{told:?}");
        }
    }

    #[test]
    fn the_pause_is_no_part_of_the_time_for_connecting_to_the_next_master() {
        let (mut retry, start) = retry(RetryPolicy::Freely, true);
        for _ in 0..4 {
            let Verdict::Again { pause, connect_until } = retry.after(broken(), start) else { panic!() };
            assert_eq!(connect_until, Some(start + pause + LIMITS.connect));
        }
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_asked_for_once_more_only() {
        let (mut retry, start) = retry(RetryPolicy::Freely, false);
        let odd = || StoreError::Protocol("odd".into());
        assert!(pause(&retry.after(odd(), start)).is_some());
        assert!(matches!(retry.after(odd(), start), Verdict::GiveUp(StoreError::Protocol(_))));
    }

    #[test]
    fn an_election_gets_the_whole_time_for_connecting_again_when_a_connection_breaks() {
        for (is_elected, since) in [(true, 1500), (false, 0)] {
            let (mut retry, start) = retry(RetryPolicy::Freely, is_elected);
            let now = start + Duration::from_millis(1500);
            let Verdict::Again { connect_until, .. } = retry.after(broken(), now) else { panic!() };
            assert_eq!(connect_until, Some(start + Duration::from_millis(since) + LIMITS.connect));
        }
    }

    #[test]
    fn a_last_try_without_time_does_not_hide_the_reason_of_the_one_before() {
        let hung = || StoreError::Connect(io::ErrorKind::TimedOut.into());
        for (left, told) in [(10, io::ErrorKind::ConnectionRefused), (500, io::ErrorKind::TimedOut)] {
            let (mut retry, start) = retry(RetryPolicy::Release, false);
            assert!(pause(&retry.after(refused(), start)).is_some());
            retry.begin(start + LIMITS.connect.saturating_sub(Duration::from_millis(left)));
            let Verdict::GiveUp(StoreError::Connect(error)) = retry.after(hung(), start + LIMITS.connect)
            else {
                panic!()
            };
            assert_eq!(error.kind(), told);
        }
    }
}
