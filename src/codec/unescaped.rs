//! Strings that JSON writes as they are.

const ONES: u64 = u64::MAX / 0xff;
const HIGHS: u64 = ONES * 0x80;

/// Returns a word with the high bit set in each byte that ends plain text. Bytes above the first
/// such byte may be marked wrongly.
#[inline]
fn ends(word: u64) -> u64 {
    // If a byte is smaller than the byte subtracted from it, the borrow shows in its high bit. That
    // finds control characters, and the two characters that the exclusive or turns into 0.
    let borrows = word.wrapping_sub(ONES * 0x20)
        | (word ^ (ONES * 0x22)).wrapping_sub(ONES)
        | (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    borrows & !word & HIGHS
}

/// Skips the bytes from `start` on that stand for themselves in a JSON string. Returns the end of
/// this run, and whether the run is ASCII.
#[inline]
pub(super) fn unescaped(bytes: &[u8], start: usize) -> (usize, bool) {
    let mut at = start;
    let mut seen = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*chunk);
        let ends = ends(word);
        if ends != 0 {
            let end = ends.trailing_zeros() / 8;
            seen |= word & ((1 << (end * 8)) - 1);
            return (at + end as usize, seen & HIGHS == 0);
        }
        seen |= word;
        at += 8;
    }
    while let Some(&byte @ (b' '..=b'!' | b'#'..=b'[' | b']'..)) = bytes.get(at) {
        seen |= u64::from(byte);
        at += 1;
    }
    (at, seen & HIGHS == 0)
}

/// Returns `None` if any byte needs an escape in a JSON string, otherwise whether all bytes are
/// ASCII.
#[inline]
pub(super) fn all_unescaped(bytes: &[u8]) -> Option<bool> {
    let mut seen = 0;
    let mut found = 0;
    let (chunks, rest) = bytes.as_chunks();
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        seen |= word;
        found |= ends(word);
    }
    // The last bytes are checked as one word, too. The word may repeat bytes of the chunks before,
    // and letters fill it up if there are fewer than four bytes.
    let word = if let Some(chunk) = bytes.last_chunk() {
        u64::from_le_bytes(*chunk)
    } else if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
    } else {
        rest.iter().fold(ONES * u64::from(b'a'), |word, byte| word << 8 | u64::from(*byte))
    };
    (found | ends(word) == 0).then_some((seen | word) & HIGHS == 0)
}

#[cfg(test)]
mod tests {
    use super::{all_unescaped, unescaped};

    #[test]
    fn each_byte_ends_it_or_does_not_wherever_it_is() {
        // Miri is slow, so it sees one byte of each kind, and the lengths around the ends of words.
        let (all, lens): (Vec<u8>, Vec<usize>) = ((0..=u8::MAX).collect(), (0..20).collect());
        let (bytes, lens) = if cfg!(miri) {
            (&b"\0\x1f \"\\\x7f\x80\xff"[..], &[0, 1, 7, 8, 9, 17][..])
        } else {
            (&*all, &*lens)
        };
        for &byte in bytes {
            for &len in lens {
                for place in 0..len {
                    let mut text = vec![b'a'; len];
                    text[place] = byte;
                    let ends = byte < b' ' || byte == b'"' || byte == b'\\';
                    let expected = (if ends { place } else { len }, byte < 0x80);
                    assert_eq!(unescaped(&text, 0), expected, "{byte} at {place} of {len}");
                    let all = (!ends).then_some(byte < 0x80);
                    assert_eq!(all_unescaped(&text), all, "{byte} at {place} of {len}");
                    // Bytes after the end have no influence.
                    text.extend([b'"', 0xff, 0, b'\\', b' ', 0x80, b'"', 1, 2]);
                    assert_eq!(unescaped(&text, 0), expected, "{byte} at {place} of {len}");
                }
            }
        }
    }
}
