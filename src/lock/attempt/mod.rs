//! One attempt to get a session's lock, as a state machine without I/O.
//!
//! It is told what happened and says what to do next, so that the tests can walk through every order of events.
//! Times are milliseconds of the caller's monotonic clock.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Holder, random_hex};
use crate::store::{Acquire, Acquired, Claim, FOREIGN_MS, HANDOFF_MS, Loaded, Mode, SLACK_MS, Ticket};

/// The longest single block. Waiters keep their order while they are blocked; one that blocks again goes to the back.
const RECHECK_MS: u64 = 5000;
/// The longest block after a ticket may have been lost: by then its hand-over has expired.
const LOST_TICKET_MS: u64 = HANDOFF_MS + SLACK_MS;
/// Between tries to reach a server that is away while we wait for our turn.
const PAUSE_MS: u64 = 50;

/// What is wanted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Request {
    /// What must hold about the session.
    pub mode: Mode,
    /// A token that the caller holds already.
    pub held: Option<String>,
    /// `host|pid|sapi|uri`.
    pub info: Arc<str>,
    /// How long the lock lasts, in milliseconds.
    pub lease: u64,
    /// The session's new TTL, in seconds.
    pub ttl: u64,
    /// How long to wait for our turn, in milliseconds.
    pub wait: u64,
    /// Fail at once behind more waiters; 0 is no limit.
    pub max_waiters: u64,
    /// Poll, because clients that know no hand-over share the sessions.
    pub mixed: bool,
}

/// The state of an attempt.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Attempt {
    request: Request,
    base: String,
    deadline: u64,
    sends: u32,
    queued: bool,
    /// When the last ACQUIRE was sent.
    sent: u64,
    /// Our clock at the last send minus the server's at its answer: a ticket looks older by a trip, never younger.
    offset: i64,
    broken: u32,
    claiming: Option<(String, Loaded)>,
    /// The tombstone that lay there when the wait began.
    stone: Option<String>,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// Send this, `pause` milliseconds from now.
    Acquire {
        /// The arguments.
        acquire: Acquire,
        /// How long to wait before.
        pause: u64,
    },
    /// Block on the wake list for so many milliseconds.
    Wait {
        /// How long.
        block: u64,
    },
    /// Claim a ticket; `later` means without waiting for the answer.
    Claim {
        /// The arguments.
        claim: Claim,
        /// The ticket is young enough to start working at once.
        later: bool,
    },
    /// The end.
    Done(Outcome),
    /// Redis is away: report the last error.
    Failed,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// The answer to [`Step::Acquire`].
    Answer(Acquired),
    /// The end of [`Step::Wait`].
    Woken(Option<Ticket>),
    /// The answer to [`Step::Claim`]; true at once when it was only sent.
    Claimed(bool),
    /// The connection broke, or (`fresh`) none could be made.
    Broken {
        /// Nothing was sent.
        fresh: bool,
    },
}

/// How an attempt ends.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The lock is ours.
    Granted(Grant),
    /// [`Mode::Known`]: there is no such session.
    Absent {
        /// Its tombstone, if there is one.
        loaded: Loaded,
        /// It was destroyed while we waited for our turn.
        overtaken: bool,
    },
    /// [`Mode::New`]: the id is taken.
    Exists,
    /// It was not our turn in time.
    Busy(Holder),
    /// Too many others wait.
    Full(u64, Holder),
}

/// A held lock.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Grant {
    /// What proves it.
    pub token: String,
    /// Our entry in the queue, if we ever were in it.
    pub base: Option<String>,
    /// The session.
    pub loaded: Loaded,
    /// It was destroyed while we waited for our turn.
    pub overtaken: bool,
}

impl Attempt {
    /// A new attempt and its first step.
    #[must_use]
    pub fn start(request: Request, now: u64) -> (Self, Step) {
        Self::start_as(["o:", &random_hex()].concat(), request, now)
    }

    /// The same under a given name (`o:` and what makes it unique).
    #[must_use]
    pub fn start_as(base: String, request: Request, now: u64) -> (Self, Step) {
        let deadline = now.saturating_add(request.wait);
        let mut attempt = Self {
            request,
            base,
            deadline,
            sends: 0,
            queued: false,
            sent: now,
            offset: 0,
            broken: 0,
            claiming: None,
            stone: None,
        };
        let step = attempt.send(now, 0);
        (attempt, step)
    }

    /// What to do after `event`.
    pub fn next(&mut self, now: u64, event: Event) -> Step {
        match event {
            Event::Answer(Acquired::Held(loaded)) => self.granted(self.token(), loaded),
            Event::Answer(Acquired::Absent(tombstone)) => {
                let loaded = Loaded { data: None, tombstone };
                Step::Done(Outcome::Absent { overtaken: self.is_overtaken(&loaded), loaded })
            }
            Event::Answer(Acquired::Exists) => Step::Done(Outcome::Exists),
            Event::Answer(Acquired::Full { waiters, holder, endless, now: clock }) => {
                Step::Done(Outcome::Full(waiters, Holder::new(holder, clock).endless(endless)))
            }
            Event::Answer(Acquired::Busy { holder, endless, block, now: clock, tombstone }) => {
                // The script never says more than what is left. Another server's word must not make us wait longer, nor
                // for ever: the last try has nothing left.
                let block = block.min(self.deadline.saturating_sub(self.sent));
                if block == 0 {
                    return Step::Done(Outcome::Busy(Holder::new(holder, clock).endless(endless)));
                }
                if !self.queued {
                    self.queued = true;
                    self.stone = tombstone;
                }
                self.broken = 0;
                self.offset = signed(self.sent).saturating_sub(signed(clock));
                // Redis looks at the timeouts of blocked clients ten times a second: not often enough for these.
                if block <= FOREIGN_MS { self.send(now + block, block) } else { Step::Wait { block } }
            }
            Event::Woken(Some(ticket)) => self.claim(now, ticket),
            // The wait ended without a ticket, or the ticket was too late.
            Event::Woken(None) | Event::Claimed(false) => self.send(now, 0),
            Event::Claimed(true) => match self.claiming.take() {
                Some((token, loaded)) => self.granted(token, loaded),
                None => self.send(now, 0),
            },
            Event::Broken { fresh } => self.try_again(now, fresh),
        }
    }

    /// Whether it ever had to wait for its turn.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.queued
    }

    /// Asks for the lock at `now`, which is `pause` from now.
    fn send(&mut self, now: u64, pause: u64) -> Step {
        // A new token for each send: one that was lost on its way and arrives late must not look like this one.
        self.sends += 1;
        self.sent = now;
        let Request { mode, held, info, lease, ttl, wait: _, max_waiters, mixed } = self.request.clone();
        let acquire = Acquire {
            base: self.base.clone(),
            token: self.token(),
            held,
            mode,
            info,
            lease,
            ttl,
            wait: self.deadline.saturating_sub(now),
            max_waiters,
            recheck: self.recheck(),
            mixed,
        };
        Step::Acquire { acquire, pause }
    }

    fn token(&self) -> String {
        let mut token = String::with_capacity(self.base.len() + 4);
        token.push_str(&self.base);
        token.push(':');
        // The first one for a known session tells the others that it may be about to give the lock back.
        let first = u32::from(self.request.mode != Mode::Known);
        token.push_str(&(self.sends - 1 + first).to_string());
        token
    }

    /// At most half a lease: so long can others sleep beside a lock whose ticket died with its waiter. Spread by up
    /// to a quarter, so that the waiters of one holder don't all come back at once.
    fn recheck(&self) -> u64 {
        if self.broken > 0 {
            return LOST_TICKET_MS;
        }
        let longest = (self.request.lease / 2).clamp(LOST_TICKET_MS, RECHECK_MS);
        let hash = self
            .base
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
            base: self.base.clone(),
            lease: self.request.lease,
            info: self.request.info.clone(),
        };
        self.claiming = Some((token, loaded));
        // An old one may be void already (this process was stopped, say): ask before working with it.
        Step::Claim { claim, later: age.unsigned_abs() < HANDOFF_MS / 2 }
    }

    fn granted(&self, token: String, loaded: Loaded) -> Step {
        let base = self.queued.then(|| self.base.clone());
        let overtaken = self.is_overtaken(&loaded);
        Step::Done(Outcome::Granted(Grant { token, base, loaded, overtaken }))
    }

    /// Whether the session was destroyed while we waited for it.
    fn is_overtaken(&self, loaded: &Loaded) -> bool {
        self.queued && loaded.data.is_none() && loaded.tombstone.is_some() && loaded.tombstone != self.stone
    }

    fn try_again(&mut self, now: u64, fresh: bool) -> Step {
        self.broken += 1;
        if let Some((token, _)) = self.claiming.take() {
            // It may be claimed for us: then the lock is ours, and must not be waited for.
            self.request.held = Some(token);
        }
        match (self.queued, fresh) {
            // In the queue: the server may be restarting; our time is not up.
            (true, _) if now < self.deadline => {
                let pause = if self.broken == 1 { 0 } else { PAUSE_MS };
                self.send(now + pause, pause)
            }
            // A pooled connection that died while idle.
            (false, false) if self.broken == 1 => self.send(now, 0),
            _ => Step::Failed,
        }
    }
}

/// A time of the server may be any number.
fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
