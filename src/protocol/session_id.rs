//! Session ids, which become part of key names.

use std::{fmt, sync::Arc};

/// PHP's own upper bound (`PS_MAX_SID_LENGTH` in php-src).
const MAX_LEN: usize = 256;

/// A session id of 1 to 256 characters out of `[A-Za-z0-9,-]`.
///
/// PHP itself only refuses a few characters, so `a/b`, `a_b` and ids with a NUL reach a save
/// handler. With this set, no id can end in the suffix of a side key (`_LOCK` ...).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SessionId(Arc<str>);

/// The bytes of an id. Each callback checks its id, and a table costs a third of the comparisons.
static ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        allowed[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b',' | b'-');
        byte += 1;
    }
    allowed
};

impl SessionId {
    /// Returns the id, if every byte is allowed and the length is within bounds.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let allowed = |byte: &u8| ALLOWED[usize::from(*byte)];
        if bytes.is_empty() || bytes.len() > MAX_LEN || !bytes.iter().all(allowed) {
            return None;
        }
        std::str::from_utf8(bytes).ok().map(|s| Self(s.into()))
    }

    /// The whole id. It is a credential: never put it into a message.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first six characters: enough to find a session in a log, not enough to take it over.
impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ids may be short (session.sid_length goes down to 22, and session_id() takes any id), so
        // at most a third is shown.
        let shown = 6.min(self.0.len() / 3);
        write!(f, "{}...", &self.0[..shown])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_php_generates_and_the_bounds() {
        for id in ["a", "0123456789abcdef0123456789ABCDEF", "a,b-c"] {
            assert_eq!(SessionId::parse(id.as_bytes()).unwrap().as_str(), id);
        }
        assert!(SessionId::parse(&[b'x'; 256]).is_some());
    }

    #[test]
    fn refuses_every_other_byte_and_length() {
        assert!(SessionId::parse(b"").is_none());
        assert!(SessionId::parse(&[b'x'; 257]).is_none());
        for byte in (0..=255u8).filter(|b| !b.is_ascii_alphanumeric() && !b",-".contains(b)) {
            assert!(SessionId::parse(&[b'a', byte, b'b']).is_none(), "byte {byte:#x}");
        }
    }

    #[test]
    fn shows_only_a_part() {
        assert_eq!(SessionId::parse(b"0123456789abcdef0123").unwrap().to_string(), "012345...");
        assert_eq!(SessionId::parse(b"abc").unwrap().to_string(), "a...");
        assert_eq!(SessionId::parse(b"ab").unwrap().to_string(), "...");
    }
}
