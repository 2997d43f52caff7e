//! The parts of the Redis protocol (RESP2) that sessions need: commands to send and replies to
//! read.
//!
//! Requests do not go through the `redis` crate, because its parser clears 8 KiB for each reply and
//! its commands copy each argument twice. A reply is the crate's [`redis::Value`].

mod command;
mod replies;
#[cfg(test)]
mod tests;

pub use command::{Arg, Batch, Command, DIGITS, decimal, word};
pub use replies::{Replies, ReplyError, TOO_LARGE, limit_strings, memory_left};

/// Redis' own limit on a string in bytes (proto-max-bulk-len).
pub const MAX_BULK: usize = 512 << 20;
