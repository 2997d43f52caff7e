//! Reads the values that phpredis stores with `redis.session.compression` = `lz4` or `lzf`. (Its
//! zstd is a plain frame.)
//!
//! Neither format begins with a magic number, so each value must prove itself: it must be
//! well-formed to its last byte, and hold a text that a PHP serializer writes. This extension never
//! writes these formats, and it stores a session that could be taken for one of them in a frame.

use super::format::MAX_SIZE;

/// Returns the session if phpredis compressed `stored`. The largest value of Redis limits its size,
/// and so do the formats, which expand `stored` by at most 255 times.
pub fn decompressed(stored: &[u8]) -> Option<Vec<u8>> {
    lz4(stored).or_else(|| lzf(stored)).filter(|text| is_session(text))
}

/// Reads a CRC-8 of the size, the size in 32 bits (little-endian), and an lz4 block.
fn lz4(stored: &[u8]) -> Option<Vec<u8>> {
    let (&sum, rest) = stored.split_first()?;
    let (size, block) = rest.split_first_chunk()?;
    if crc8(size) != sum {
        return None;
    }
    // A byte of a block expands to at most 255. This also rules out text in place of a size: a
    // space as the fourth byte stands for half a gigabyte.
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    if size > MAX_SIZE || size / 255 > block.len() {
        return None;
    }
    lz4_flex::block::decompress(block, size).ok().filter(|text| text.len() == size)
}

/// Computes the CRC-8 of phpredis: polynomial 0x31, initial value 0xff, most significant bit first.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xff, |sum, byte| {
        (0..8).fold(sum ^ byte, |sum: u8, _| if sum & 0x80 == 0 { sum << 1 } else { (sum << 1) ^ 0x31 })
    })
}

/// Reads a bare lzf stream: runs of 1 to 32 new bytes, and copies of earlier bytes. A stream begins
/// with a run of new bytes, so its first byte is below 0x20. The texts of two serializers begin
/// with such a byte, too, and neither is taken for lzf:
/// - igbinary's `00 00 00 02` would be the bytes `00` and `02`, and no session's text begins with
///   these;
/// - php_binary's name length would be a run that ends with the type of the value, and the `:` or
///   `;` after the type would copy bytes from more than 6000 before the beginning.
fn lzf(stored: &[u8]) -> Option<Vec<u8>> {
    if stored.first().is_none_or(|&first| first >= 0x20) || stored.starts_with(&[0, 0, 0]) {
        return None;
    }
    let mut text = Vec::new();
    let mut rest = stored;
    while let Some(control) = rest.split_off_first() {
        if *control < 0x20 {
            text.extend(rest.split_off(..=usize::from(*control))?);
        } else {
            let mut length = usize::from(control >> 5) + 2;
            if length == 9 {
                length += usize::from(*rest.split_off_first()?);
            }
            let back = (usize::from(control & 0x1f) << 8) + usize::from(*rest.split_off_first()?) + 1;
            let start = text.len().checked_sub(back)?;
            // The copy may overlap the bytes that it writes.
            for at in start..start + length {
                text.push(text[at]);
            }
        }
        if text.len() > MAX_SIZE {
            return None;
        }
    }
    Some(text)
}

/// Returns true if a text begins as a PHP serializer writes a session that is not empty.
fn is_session(text: &[u8]) -> bool {
    let is_value = |text: &[u8]| matches!(text, [b'a'..=b'z' | b'A'..=b'Z', b':' | b';', ..]);
    let is_known = matches!(
        text,
        // php_serialize, json, igbinary; msgpack: maps and lists
        [b'a', b':', b'0'..=b'9', ..]
            | [b'{', ..]
            | [0, 0, 0, 1 | 2, _, ..]
            | [0x80 | 0x90]
            | [0x80..=0x9f | 0xdc..=0xdf, _, ..]
    );
    let is_php = || text.iter().position(|&byte| byte == b'|').is_some_and(|bar| is_value(&text[bar + 1..]));
    let is_php_binary = || {
        let name = text.first().map(|&length| usize::from(length & 0x7f));
        name.and_then(|name| text.get(name + 1..)).is_some_and(is_value)
    };
    is_known || is_php() || is_php_binary()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that phpredis 6.2.0 made of these texts (with `Redis::_compress`, which its
    /// session handler uses, too).
    #[test]
    fn reads_what_phpredis_wrote() {
        let user =
            "user|a:2:{s:2:\"id\";i:7;s:4:\"name\";s:40:\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\";}";
        let json = "{\"n\":1,\"text\":\"abcabcabcabcabcabcabcabcabcabcabcabc\"}";
        let cases: [(&[u8], &[u8]); 9] = [
            (b"n|i:1;", b"\xde\x06\0\0\0\x60n|i:1;"),
            (
                user.as_bytes(),
                b"\x93\x53\0\0\0\xf0\x12user|a:2:{s:2:\"id\";i:7;s:4:\"name\"\x0b\0O0:\"a\x01\0\x12Paa\";}",
            ),
            (
                b"\0\0\0\x02\x14\x01\x11\x01n\x06\x01",
                b"\x57\x0b\0\0\0\xb0\0\0\0\x02\x14\x01\x11\x01n\x06\x01",
            ),
            (json.as_bytes(), b"\x0a\x35\0\0\0\xff\x03{\"n\":1,\"text\":\"abc\x03\0\x0bPabc\"}"),
            (b"n|i:1;", b"\x05n|i:1;"),
            (
                user.as_bytes(),
                b"\x0auser|a:2:{s \x04\x12\"id\";i:7;s:4:\"name\"@\x0a\x030:\"a\xe0\x1e\0\x02\";}",
            ),
            (b"\0\0\0\x02\x14\x01\x11\x01n\x06\x01", b"\x0a\0\0\0\x02\x14\x01\x11\x01n\x06\x01"),
            (json.as_bytes(), b"\x11{\"n\":1,\"text\":\"abc\xe0\x18\x02\x01\"}"),
            (b"\x90", b"\0\x90"),
        ];
        for (text, stored) in cases {
            assert_eq!(decompressed(stored).as_deref(), Some(text), "{}", stored.escape_ascii());
            for end in 0..stored.len() {
                assert_ne!(decompressed(&stored[..end]).as_deref(), Some(text));
            }
        }
    }

    #[test]
    fn takes_nothing_else_and_nothing_endless() {
        // Copies from before the beginning, steps cut short, texts of no session, and a size that
        // no block can have.
        for stored in
            [&b"\x01n|\x20\x05"[..], b"\x01n|\x20", b"\x05n|i", b"\x02abc", b"\0\0\0\x02\x14\0", b"\x0an"]
        {
            assert_eq!(decompressed(stored), None, "{}", stored.escape_ascii());
        }
        let sum = crc8(&0x1fff_ffff_u32.to_le_bytes());
        assert_eq!(decompressed(&[&[sum, 0xff, 0xff, 0xff, 0x1f][..], &[0x10; 2000]].concat()), None);
    }
}
