//! Recognizes a session's text without keeping the text.

use std::hash::{BuildHasher, RandomState};

/// 128 bits of a text, hashed under keys that are known only in this process. A visitor who chooses
/// the content of a session can't construct two texts with the same print.
#[derive(Clone)]
pub struct Print {
    keys: [RandomState; 2],
    bits: [u64; 2],
}

impl Print {
    pub fn of(text: &[u8]) -> Self {
        let keys = [RandomState::new(), RandomState::new()];
        let bits = bits(&keys, text);
        Self { keys, bits }
    }

    pub fn is_of(&self, text: &[u8]) -> bool {
        bits(&self.keys, text) == self.bits
    }
}

fn bits(keys: &[RandomState; 2], text: &[u8]) -> [u64; 2] {
    keys.each_ref().map(|key| key.hash_one(text))
}
