//! The name of a client among those that end sessions.

use std::str;

use super::Dead;
use crate::process::random_hex;

/// The name of a client, which is one request. The marks that it leaves begin with the name, so
/// that it knows its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client([u8; Self::LEN]);

impl Client {
    /// The length of a name in characters. `write.lua` compares as many.
    pub const LEN: usize = 16;

    /// Returns a name that no other client has.
    #[must_use]
    pub fn random() -> Self {
        // The names of one process differ in their last digits.
        Self(*random_hex().as_bytes().last_chunk().expect("32 digits"))
    }

    /// Has the token of a mark begin with this name.
    pub(super) fn sign(self, token: &mut String) {
        token.replace_range(..Self::LEN, str::from_utf8(&self.0).expect("hex digits"));
    }

    /// Returns true if this client has left the mark, and no other one has ended the session
    /// before, as far as it was to see.
    #[must_use]
    pub fn has_left(self, mark: &Dead) -> bool {
        mark.token.as_bytes().starts_with(&self.0)
    }
}
