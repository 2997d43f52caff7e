//! The stored form of a session: as PHP serialized it, or compressed.
//!
//! A compressed session is a standard zstd or lz4 frame, which its magic number identifies. Reading
//! therefore depends on no setting, and servers with different settings can share sessions.
//! phpredis' own forms of lz4 and lzf have no magic number; their content identifies them
//! (`phpredis.rs`).

mod format;
mod lz4;
mod phpredis;
#[cfg(test)]
mod tests;
mod zstd;

use std::{borrow::Cow, cell::OnceCell};

use format::MAX_SIZE;
pub use format::{Format, Unreadable};

/// `rustredis.compression` and the settings that belong to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compression {
    /// The format, or `None` to store sessions uncompressed.
    pub format: Option<Format>,
    /// The level of zstd; 0 is zstd's own default.
    pub level: i32,
    /// Sessions with fewer bytes are stored uncompressed.
    pub min_size: u64,
}

/// A session's text on its way to Redis. The first call of [`Self::stored`] compresses it, so an
/// unchanged session is never compressed.
pub struct Text<'a> {
    plain: &'a [u8],
    compression: &'a Compression,
    stored: OnceCell<Cow<'a, [u8]>>,
}

impl<'a> Text<'a> {
    /// Wraps a text without compressing it yet.
    #[must_use]
    pub fn new(plain: &'a [u8], compression: &'a Compression) -> Self {
        Self { plain, compression, stored: OnceCell::new() }
    }

    /// The size of the session in bytes, before compression.
    #[must_use]
    pub fn plain_len(&self) -> usize {
        self.plain.len()
    }

    /// The session as PHP gave it.
    #[must_use]
    pub fn plain(&self) -> &[u8] {
        self.plain
    }

    /// The bytes to store.
    pub fn stored(&self) -> &[u8] {
        self.stored.get_or_init(|| stored(self.plain, self.compression))
    }
}

/// Returns the bytes to store for a session. They are compressed if the setting asks for that and
/// makes them smaller. A text that would be taken for a compressed one is always compressed: a name
/// in `php`'s format may begin with any bytes.
fn stored<'a>(text: &'a [u8], compression: &Compression) -> Cow<'a, [u8]> {
    let is_ambiguous = Format::of(text).is_some() || phpredis::decompressed(text).is_some();
    let wanted = compression.format.filter(|_| text.len() as u64 >= compression.min_size);
    let compressed = match wanted {
        // zstd only fails without memory for its context.
        Some(Format::Zstd) => zstd::compressed(text, compression.level),
        Some(Format::Lz4) => Some(lz4::compressed(text)),
        None => None,
    };
    match compressed {
        Some(compressed) if compressed.len() < text.len() || is_ambiguous => Cow::Owned(compressed),
        _ if is_ambiguous => Cow::Owned(lz4::compressed(text)),
        _ => Cow::Borrowed(text),
    }
}

/// Returns the session that a stored value holds. A compressed session may have at most as many
/// bytes as `limit` returns. A value in no compressed format is the session itself.
pub fn original(stored: Vec<u8>, limit: impl FnOnce() -> u64) -> Result<Vec<u8>, Unreadable> {
    let limit = || usize::try_from(limit()).unwrap_or(MAX_SIZE).min(MAX_SIZE);
    match Format::of(&stored) {
        Some(Format::Zstd) => zstd::decompressed(&stored, limit()),
        Some(Format::Lz4) => lz4::decompressed(&stored, limit()),
        None => match phpredis::decompressed(&stored) {
            Some(text) => match limit() {
                limit if text.len() > limit => Err(Unreadable::TooLarge(limit)),
                _ => Ok(text),
            },
            None => Ok(stored),
        },
    }
}
