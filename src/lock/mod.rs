//! The per-session lock: one attempt to get it, and who holds it.
//!
//! The protocol (keys, scripts, tokens, the waiting rule) is in `docs/wire-format.md`.

mod attempt;
mod holder;
mod random;
mod renewal;

use std::time::Duration;

pub use attempt::{Attempt, Event, Grant, Outcome, Request, Step};
pub use holder::Holder;
pub use random::random_hex;
pub use renewal::{Watch, stop as stop_renewal, watch};

use crate::{
    session::Keys,
    store::{Store, StoreError, stats},
};

/// Runs one attempt to its end.
pub fn acquire(store: &mut impl Store, keys: &Keys, request: Request) -> Result<Outcome, StoreError> {
    let (mut attempt, mut step) = Attempt::start(request, store.clock());
    let mut waited = false;
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
        let event = match result {
            Ok(event) => event,
            // What was on its way must not arrive later than what is sent next.
            Err(error @ (StoreError::Broken(_) | StoreError::Connect(_))) => {
                store.disconnect();
                let fresh = matches!(error, StoreError::Connect(_));
                failure = Some(error);
                Event::Broken { fresh }
            }
            Err(StoreError::Server(error)) if waited && (error.is_passing() || error.is_demotion()) => {
                failure = Some(StoreError::Server(error));
                Event::Broken { fresh: true }
            }
            Err(error) => return Err(error),
        };
        step = attempt.next(store.clock(), event);
        if attempt.is_queued() && !waited {
            waited = true;
            stats::LOCK_WAITS.add();
        }
    }
}
