//! `docs/wire-format.md` in Rust: ids, the names of keys, and each message with the bytes that it
//! becomes and the replies to it. Nothing in here has a socket or a clock.

pub(crate) mod acquire;
pub mod admin;
mod client;
pub(crate) mod first_try;
pub mod hash_slot;
mod holder;
mod keys;
pub(crate) mod probe;
mod read;
pub(crate) mod release;
pub(crate) mod renew;
pub(crate) mod reply;
pub(crate) mod script;
mod session_id;
mod state;
#[cfg(test)]
mod tests;
pub(crate) mod transaction;
pub(crate) mod user;

pub use acquire::{Acquire, AcquireReply, Claim, Mode, Ticket};
pub use client::Client;
pub use holder::{Holder, Known};
pub use keys::{Keys, fits_a_cluster};
pub use read::{Remaining, SessionData};
pub use release::{Op, Proof, Release, ReleaseReply, Write};
pub use reply::Copied;
pub use script::{
    CLUSTER_COMMANDS, COMMANDS, FOREIGN_MS, GRACE_MS, HANDOFF_MS, MARGIN_MS, SENTINEL_COMMANDS, SLACK_MS,
    TRIAL_MS,
};
pub use session_id::SessionId;
pub use state::{Dead, Frozen, LATE_MS, Live, MAX_LABEL, Reason, State, is_still};
pub use user::{Listed, OnLimit, UserCall, UserList, handle, list_name};
