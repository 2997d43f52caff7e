//! `session.serialize_handler=json`: PHP values as JSON text that any language reads, exact both
//! ways.
//!
//! Plain data stays plain JSON. A PHP value that JSON has no word for becomes a *tag*: an object
//! with one member whose name starts with `$`.
//!
//! | tag | the PHP value |
//! | --- | --- |
//! | `{"$bytes": "<base64>"}` | a string that is not UTF-8 |
//! | `{"$float": "NAN"}`, `"INF"`, `"-INF"` | a float that JSON cannot write |
//! | `{"$map": [[key, value], ...]}` | an array whose keys or order an object would lose, or like a
//! tag |
//! | `{"$object": "<serialize()>"}` | an object, with `rustredis.json_objects=serialize` only |
//!
//! `docs/wire-format.md` is the reference, `docs/json-vectors.json` the same as data.
//!
//! PHP's side walks its values and calls a [`Writer`] for each; in the other direction it builds
//! values from a [`tape`]. Neither side ever runs inside the other, because any allocation of PHP
//! may end in a long jump over the frames in between. There is no tree of values: the tape holds
//! numbers, counts, and the positions of the strings in the text.

mod decode;
mod encode;
mod objects;
pub mod php_text;
mod problem;
mod tags;
pub mod tape;
#[cfg(test)]
mod tests;
mod unescaped;

pub use decode::{DecodeError, decode};
pub use encode::{Shape, Writer};
pub use objects::Objects;

use crate::resp::MAX_BULK;

/// The deepest nesting of arrays, counting `$_SESSION`. json_encode() has the same limit.
pub const MAX_DEPTH: usize = 512;
/// The longest JSON text in bytes: as much as Redis holds in one string.
pub const MAX_TEXT: usize = MAX_BULK;
