//! The words of `docs/wire-format.md` in Rust: ids, the names of keys, and values in Redis. Nothing
//! in here has a socket or a clock.

pub mod hash_slot;
mod holder;
mod keys;
mod session_id;

pub use holder::{Holder, Known};
pub use keys::{Keys, fits_a_cluster};
pub use session_id::SessionId;
