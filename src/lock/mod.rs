//! The per-session lock: an attempt to get the lock, and the holder of a lock.
//!
//! The protocol (keys, scripts, tokens, the waiting rule) is in `docs/wire-format.md`.

mod attempt;

use std::time::Duration;

pub use attempt::{Attempt, Event, Grant, Outcome, Request, Step};

use crate::{
    error::StoreError,
    process::stats::{self, Waiting},
    protocol::{AcquireReply, Holder, Keys},
    store::Store,
};

/// A wait for a lock.
pub struct Waited {
    /// Its length in nanoseconds.
    pub time: u64,
    /// The request that had the lock when the wait began.
    pub holder: Holder,
    /// Set if requests of this host were still waiting for the lock when the wait ended.
    pub has_followers: bool,
}

/// Runs one attempt to its end. Gives back the locks that the attempt may have got without an
/// answer. Returns the wait, too, if there was one.
pub fn acquire(
    store: &mut impl Store,
    keys: &Keys,
    request: Request,
) -> (Result<Outcome, StoreError>, Option<Waited>) {
    let mut lost = Vec::new();
    let mut waiting = None;
    let result = attempt(store, keys, request, &mut lost, &mut waiting);
    for token in lost {
        store.give_back(keys, token);
    }
    let waited = waiting.map(|(waiting, holder)| {
        let time = waiting.time();
        drop(waiting);
        Waited { time, holder, has_followers: stats::is_waited_for(keys.lock()) }
    });
    (result, waited)
}

/// Begins to wait for the lock of this holder, and tells the holder if it is a process of this
/// host.
fn wait_for(keys: &Keys, holder: Option<Holder>, info: &str) -> (Waiting, Holder) {
    let holder = holder.unwrap_or_else(|| Holder::new(String::new(), 0));
    let known = holder.known();
    if info.split('|').next() == Some(&known.host)
        && let Some(pid) = known.pid.and_then(|pid| pid.parse().ok())
    {
        stats::keep_waiting(pid, keys.lock());
    }
    (Waiting::begin(keys.lock()), holder)
}

/// Runs one attempt. `lost` collects the tokens of commands without an answer. A later command
/// clears the list if its answer shows that no such token has the lock. A refusal does not show
/// that, nor does [`AcquireReply::Exists`], because the session may have been found under a lock of
/// ours. If a new master gives the answer, the old one gives no more locks that anybody asks for.
fn attempt(
    store: &mut impl Store,
    keys: &Keys,
    request: Request,
    lost: &mut Vec<String>,
    waiting: &mut Option<(Waiting, Holder)>,
) -> Result<Outcome, StoreError> {
    let info = request.info.clone();
    let (mut attempt, mut step) = Attempt::start(request, store.clock());
    let mut failure = None;
    loop {
        let result = match step {
            Step::Acquire { ref acquire, pause } => {
                store.pause(Duration::from_millis(pause));
                store.acquire(keys, acquire).map(Event::Answer)
            }
            Step::Wait { block } => store.wait(keys, Duration::from_millis(block)).map(Event::Woken),
            Step::Claim { ref claim, later: true } => {
                store.claim_later(keys, claim).map(|()| Event::Claimed(true))
            }
            Step::Claim { ref claim, later: false } => store.claim(keys, claim).map(Event::Claimed),
            Step::Done(outcome) => return Ok(outcome),
            Step::Failed => return Err(failure.expect("an attempt only fails after an error")),
        };
        match (&result, &step) {
            // Nothing was carried out, and the answer says nothing about the commands before it.
            (
                Ok(Event::Answer(AcquireReply::Exists))
                | Err(
                    StoreError::Server(_)
                    | StoreError::Connect(_)
                    | StoreError::PoolExhausted(_)
                    | StoreError::Demoted(_),
                ),
                _,
            ) => {}
            (Ok(_), _) => lost.clear(),
            (Err(_), Step::Acquire { acquire, .. }) => lost.push(acquire.token.clone()),
            (Err(_), Step::Claim { claim, .. }) => lost.push(claim.token.clone()),
            (Err(_), _) => {}
        }
        let event = match result {
            Ok(event) => event,
            // A command on its way must not arrive later than the next one.
            Err(error) if error.is_loss() || matches!(error, StoreError::Connect(_)) => {
                store.disconnect();
                let fresh = matches!(error, StoreError::Connect(_));
                failure = Some(error.in_the_end());
                Event::Broken { fresh }
            }
            Err(StoreError::Server(error))
                if waiting.is_some() && (error.is_passing() || error.is_demotion()) =>
            {
                failure = Some(StoreError::Server(error));
                Event::Broken { fresh: true }
            }
            Err(error) => return Err(error),
        };
        let holder = match &event {
            Event::Answer(AcquireReply::Busy { holder, now, .. }) if waiting.is_none() => {
                Some(Holder::new(holder.clone(), *now))
            }
            _ => None,
        };
        step = attempt.next(store.clock(), event);
        if attempt.is_queued() && waiting.is_none() {
            *waiting = Some(wait_for(keys, holder, &info));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::{Mode, SessionId},
        store::memory::MemoryStore,
    };

    #[test]
    fn a_lock_without_an_answer_is_given_back_after_a_refusal() {
        let keys = Keys::new("p:", &SessionId::parse(b"id").expect("an id"));
        let mut store = MemoryStore::new();
        (store.lost_at, store.refused_at) = (1, 2);
        let request = Request {
            mode: Mode::Any,
            held_token: None,
            info: "".into(),
            lease: 10_000,
            ttl: 60,
            wait: 100,
            max_waiters: 0,
            polling: false,
        };
        let (failure, _) = acquire(&mut store, &keys, request);
        assert!(matches!(failure, Err(StoreError::Server(_))), "{failure:?}");
        assert_eq!((store.trips, store.server().holder(&keys)), (2, None));
    }
}
