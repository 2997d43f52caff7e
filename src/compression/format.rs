//! The formats of compressed sessions, and the reasons why a value in one cannot be read.

use std::fmt;

use crate::resp::MAX_BULK;

/// The largest value that Redis takes (its `proto-max-bulk-len`), and so the largest session, in
/// bytes.
pub(super) const MAX_SIZE: usize = MAX_BULK;

/// A format of compressed sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A zstd frame with its content's size and checksum.
    Zstd,
    /// An lz4 frame with its content's size and checksum.
    Lz4,
}

/// The reason why a stored value does not give a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// The value's first bytes name a format, but the rest is damaged.
    Damaged {
        /// The format that its first bytes name.
        format: Format,
        /// The library's description of the damage.
        why: String,
    },
    /// The session has more bytes than this limit.
    TooLarge(usize),
    /// The system has not enough memory.
    NoMemory(Format),
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        })
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { format, why } => write!(f, "its {format} frame is damaged ({why})"),
            Self::TooLarge(limit) => write!(
                f,
                "it is compressed and has more than {limit} bytes, which is what rustredis.max_value_size allows (or, \
                 if that is less, what memory_limit leaves or what Redis can hold)"
            ),
            Self::NoMemory(format) => write!(f, "there is no memory to decompress its {format} frame"),
        }
    }
}

impl Format {
    /// The format that a stored value begins as.
    pub(super) fn of(stored: &[u8]) -> Option<Self> {
        match stored.first_chunk()? {
            b"\x28\xb5\x2f\xfd" => Some(Self::Zstd),
            b"\x04\x22\x4d\x18" => Some(Self::Lz4),
            _ => None,
        }
    }

    pub(super) fn damaged(self, why: impl fmt::Display) -> Unreadable {
        Unreadable::Damaged { format: self, why: why.to_string() }
    }
}
