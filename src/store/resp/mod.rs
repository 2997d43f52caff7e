//! The Redis protocol (RESP2) as far as sessions need it: commands out, replies in.
//!
//! Every request goes through here and not through the `redis` crate, whose parser clears 8 KiB for each reply and whose
//! commands copy each argument twice. A reply is the crate's [`redis::Value`].

mod command;
mod replies;
#[cfg(test)]
mod tests;

pub use command::{Arg, Batch, Command};
pub use replies::{Replies, ReplyError, TOO_LARGE, memory_left, set_memory_left};

/// Redis' own limit on a string (proto-max-bulk-len).
pub const MAX_BULK: usize = 512 << 20;
