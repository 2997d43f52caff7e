//! Recognizes a session's text.

use std::hash::{BuildHasher, RandomState};

/// The longest text that is kept as it is. A copy of it costs a hundredth of its hashes.
const KEPT: usize = 16 << 10;

/// A text, or 128 bits of a longer one, hashed under keys that are known only in this process. A
/// visitor who chooses the content of a session can't construct two texts with the same print.
#[derive(Clone)]
pub enum Print {
    Text(Box<[u8]>),
    Hashes(Box<[(RandomState, u64); 2]>),
}

impl Print {
    pub fn of(text: &[u8]) -> Self {
        if text.len() <= KEPT {
            return Self::Text(text.into());
        }
        Self::Hashes(Box::new([RandomState::new(), RandomState::new()].map(|key| {
            let hash = key.hash_one(text);
            (key, hash)
        })))
    }

    pub fn is_of(&self, text: &[u8]) -> bool {
        match self {
            Self::Text(own) => **own == *text,
            Self::Hashes(hashes) => hashes.iter().all(|(key, hash)| key.hash_one(text) == *hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_that_of_one_text_whatever_its_length() {
        for len in [0, 1, KEPT, KEPT + 1] {
            let mut text = vec![b'x'; len];
            let print = Print::of(&text);
            assert!(print.is_of(&text), "{len}");
            text.push(b'x');
            assert!(!print.is_of(&text), "{len}");
            text[len / 2] = b'y';
            assert!(!print.is_of(&text[..len]) || len == 0, "{len}");
        }
    }
}
