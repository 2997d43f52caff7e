//! One attempt to get a session's lock, as a state machine without I/O.
//!
//! The machine is told each event and answers with the next step, so that the tests can walk
//! through every order of events. Times are milliseconds of the caller's monotonic clock.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::{
    process::random_name,
    protocol::{
        Acquire, AcquireReply, Claim, FOREIGN_MS, HANDOFF_MS, Holder, Mode, SLACK_MS, SessionData, State,
        Ticket,
    },
};

/// The longest single block. Waiters keep their order while they are blocked, and a waiter that
/// blocks again goes to the back.
const RECHECK_MS: u64 = 5000;
/// The longest block after a ticket may have been lost. By then, its hand-over has expired.
const LOST_TICKET_MS: u64 = HANDOFF_MS + SLACK_MS;
/// The pause between tries to reach a server that is down during a wait.
const PAUSE_MS: u64 = 50;

/// The request for a lock.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Request {
    /// The condition on the session.
    pub mode: Mode,
    /// A token that the caller already holds.
    pub held_token: Option<String>,
    /// `host|pid|sapi|uri`.
    pub info: Arc<str>,
    /// The lease of the lock, in milliseconds.
    pub lease: u64,
    /// The session's new TTL, in seconds.
    pub ttl: u64,
    /// The longest wait for the request's turn, in milliseconds.
    pub wait: u64,
    /// The largest number of waiters; a further request fails at once. 0 is no limit.
    pub max_waiters: u64,
    /// Polls, because clients that know no hand-over share the sessions.
    pub polling: bool,
}

/// The state of an attempt.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Attempt {
    request: Request,
    waiter: String,
    deadline: u64,
    sends: u32,
    queued: bool,
    /// The time when the last ACQUIRE was sent.
    sent: u64,
    /// Our clock at the last send minus the server's clock at its answer. A ticket therefore looks
    /// older by a round trip, and never younger.
    offset: i64,
    broken: u32,
    claiming: Option<(String, SessionData)>,
    /// The state at the time when the wait began.
    state: Option<String>,
}

/// The next step of the caller.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// Sends this command, `pause` milliseconds from now.
    Acquire {
        /// The arguments.
        acquire: Acquire,
        /// The pause before the command, in milliseconds.
        pause: u64,
    },
    /// Blocks on the wake list.
    Wait {
        /// The longest block, in milliseconds.
        block: u64,
    },
    /// Claims a ticket. With `later`, the caller does not wait for the answer.
    Claim {
        /// The arguments.
        claim: Claim,
        /// The ticket is young enough to start to work at once.
        later: bool,
    },
    /// Ends the attempt with this outcome.
    Done(Outcome),
    /// Ends the attempt because Redis is down: the caller reports the last error.
    Failed,
}

/// An event that the caller reports.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// The answer to [`Step::Acquire`].
    Answer(AcquireReply),
    /// The end of [`Step::Wait`].
    Woken(Option<Ticket>),
    /// The answer to [`Step::Claim`]. A claim that was only sent counts as successful.
    Claimed(bool),
    /// The connection broke, or (`fresh`) no connection could be made.
    Broken {
        /// Set if nothing was sent.
        fresh: bool,
    },
}

/// The end of an attempt.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The lock is ours.
    Granted(Grant),
    /// [`Mode::Known`]: there is no such session.
    Absent {
        /// Its state, if there is one.
        loaded: SessionData,
        /// Set if the session was destroyed during the wait.
        overtaken: bool,
    },
    /// [`Mode::New`]: the id is taken.
    Exists,
    /// The wait ended before it was the request's turn.
    Busy(Holder),
    /// Too many other requests are waiting.
    Full(u64, Holder),
}

/// A held lock.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Grant {
    /// The token that proves the lock.
    pub token: String,
    /// Our entry in the queue, if the attempt had to wait.
    pub waiter: Option<String>,
    /// The session.
    pub loaded: SessionData,
    /// Set if the session was destroyed during the wait.
    pub overtaken: bool,
}

impl Attempt {
    /// Returns a new attempt and its first step.
    #[must_use]
    pub fn start(request: Request, now: u64) -> (Self, Step) {
        Self::start_as(random_name("o:"), request, now)
    }

    /// Starts an attempt under a given name (`o:` and a unique text).
    #[must_use]
    pub fn start_as(waiter: String, request: Request, now: u64) -> (Self, Step) {
        let deadline = now.saturating_add(request.wait);
        let mut attempt = Self {
            request,
            waiter,
            deadline,
            sends: 0,
            queued: false,
            sent: now,
            offset: 0,
            broken: 0,
            claiming: None,
            state: None,
        };
        let step = attempt.send(now, 0);
        (attempt, step)
    }

    /// Returns the step after `event`.
    pub fn next(&mut self, now: u64, event: Event) -> Step {
        match event {
            Event::Answer(AcquireReply::Held(loaded)) => self.granted(self.token(), loaded),
            Event::Answer(AcquireReply::Absent(state)) => {
                let loaded = SessionData::new(None, state);
                Step::Done(Outcome::Absent { overtaken: self.is_overtaken(&loaded), loaded })
            }
            Event::Answer(AcquireReply::Exists) => Step::Done(Outcome::Exists),
            Event::Answer(AcquireReply::Full { waiters, holder, endless, now: clock }) => {
                Step::Done(Outcome::Full(waiters, Holder::new(holder, clock).endless(endless)))
            }
            Event::Answer(AcquireReply::Busy { holder, endless, block, now: clock, state }) => {
                // The script never answers with more time than is left. An answer from any other
                // server must not prolong the wait either, or make it endless. The last try has no
                // time left.
                let block = block.min(self.deadline.saturating_sub(self.sent));
                if block == 0 {
                    return Step::Done(Outcome::Busy(Holder::new(holder, clock).endless(endless)));
                }
                if !self.queued {
                    self.queued = true;
                    self.state = state;
                }
                self.broken = 0;
                self.offset = signed(self.sent).saturating_sub(signed(clock));
                // Redis checks the timeouts of blocked clients ten times a second, which is too
                // rarely for short blocks.
                if block <= FOREIGN_MS { self.send(now + block, block) } else { Step::Wait { block } }
            }
            Event::Woken(Some(ticket)) => self.claim(now, ticket),
            // The wait ended without a ticket, or the ticket came too late.
            Event::Woken(None) | Event::Claimed(false) => self.send(now, 0),
            Event::Claimed(true) => match self.claiming.take() {
                Some((token, loaded)) => self.granted(token, loaded),
                None => self.send(now, 0),
            },
            Event::Broken { fresh } => self.try_again(now, fresh),
        }
    }

    /// Returns true if the attempt had to wait for its turn.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.queued
    }

    /// Asks for the lock at `now`, which is `pause` milliseconds from the present.
    fn send(&mut self, now: u64, pause: u64) -> Step {
        // Each send has a new token: a command that got lost and arrives late must not look like
        // this one.
        self.sends += 1;
        self.sent = now;
        let Request { mode, held_token, info, lease, ttl, wait: _, max_waiters, polling } =
            self.request.clone();
        let acquire = Acquire {
            waiter: self.waiter.clone(),
            token: self.token(),
            held_token,
            mode,
            info,
            lease,
            ttl,
            wait: self.deadline.saturating_sub(now),
            max_waiters,
            recheck: self.recheck(),
            polling,
        };
        Step::Acquire { acquire, pause }
    }

    fn token(&self) -> String {
        let mut token = String::with_capacity(self.waiter.len() + 4);
        token.push_str(&self.waiter);
        token.push(':');
        // The token of the first send for a known session tells others that its holder may give the
        // lock back soon.
        let first = u32::from(self.request.mode != Mode::Known);
        let number = self.sends - 1 + first;
        match char::from_digit(number, 10) {
            Some(digit) => token.push(digit),
            None => token.push_str(&number.to_string()),
        }
        token
    }

    /// The longest block. Half a lease is the limit, because other waiters can sleep for this long
    /// on a lock whose ticket died with its waiter. The time is shortened by up to a quarter,
    /// so that not all waiters of a holder come back at once.
    fn recheck(&self) -> u64 {
        if self.broken > 0 {
            return LOST_TICKET_MS;
        }
        let longest = (self.request.lease / 2).clamp(LOST_TICKET_MS, RECHECK_MS);
        let hash = self
            .waiter
            .bytes()
            .fold(u64::from(self.sends), |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        longest - longest / 4 * (hash >> 32 & 0xff) / 255
    }

    fn claim(&mut self, now: u64, ticket: Ticket) -> Step {
        let Ticket { id, made, loaded } = ticket;
        let token = format!("t:{id}");
        let age = signed(now).saturating_sub(self.offset).saturating_sub(signed(made));
        let claim = Claim {
            token: token.clone(),
            waiter: self.waiter.clone(),
            lease: self.request.lease,
            info: self.request.info.clone(),
        };
        self.claiming = Some((token, loaded));
        // An old ticket may be void already, for example because this process was stopped. The
        // claim is then confirmed before any work.
        Step::Claim { claim, later: age.unsigned_abs() < HANDOFF_MS / 2 }
    }

    fn granted(&self, token: String, loaded: SessionData) -> Step {
        let waiter = self.queued.then(|| self.waiter.clone());
        let overtaken = self.is_overtaken(&loaded);
        Step::Done(Outcome::Granted(Grant { token, waiter, loaded, overtaken }))
    }

    /// Returns true if the session was destroyed during the wait.
    fn is_overtaken(&self, loaded: &SessionData) -> bool {
        self.queued
            && loaded.data.is_none()
            && State::has_died(self.state.as_deref(), loaded.state.as_deref())
    }

    fn try_again(&mut self, now: u64, fresh: bool) -> Step {
        self.broken += 1;
        if let Some((token, _)) = self.claiming.take() {
            // The claim may have succeeded. The lock is then ours already, and the next send must
            // not wait for it.
            self.request.held_token = Some(token);
        }
        match (self.queued, fresh) {
            // The attempt is in the queue and has time left; the server may be restarting.
            (true, _) if now < self.deadline => {
                let pause = if self.broken == 1 { 0 } else { PAUSE_MS };
                self.send(now + pause, pause)
            }
            // A pooled connection has died while it was idle.
            (false, false) if self.broken == 1 => self.send(now, 0),
            _ => Step::Failed,
        }
    }
}

/// Converts a time of the server, which may be any number.
fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
