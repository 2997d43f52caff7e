//! Strings that JSON writes as they are.

const ONES: u64 = u64::MAX / 0xff;
const HIGHS: u64 = ONES * 0x80;

/// The high bit of each byte that ends a plain text; bytes above the first such one may be marked wrongly.
#[inline]
fn ends(word: u64) -> u64 {
    // A byte below what is subtracted borrows, which shows in its high bit: control characters, and the two that the
    // exclusive or makes 0.
    let borrows = word.wrapping_sub(ONES * 0x20)
        | (word ^ (ONES * 0x22)).wrapping_sub(ONES)
        | (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    borrows & !word & HIGHS
}

/// Passes over what stands for itself in a JSON string, from `start` on: where that ends, and whether it is ASCII.
#[inline]
pub(super) fn plain(bytes: &[u8], start: usize) -> (usize, bool) {
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

/// Whether all of it stands for itself in a JSON string and, if so, whether it is ASCII.
#[inline]
pub(super) fn all_plain(bytes: &[u8]) -> Option<bool> {
    let mut seen = 0;
    let mut found = 0;
    let (chunks, rest) = bytes.as_chunks();
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        seen |= word;
        found |= ends(word);
    }
    // The last bytes at once as well: some of them twice, fewer than four behind letters.
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
    use super::{all_plain, plain};

    #[test]
    fn each_byte_ends_it_or_does_not_wherever_it_is() {
        // Miri takes long: it sees one of each kind, beside the ends of words.
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
                    assert_eq!(plain(&text, 0), expected, "{byte} at {place} of {len}");
                    let all = (!ends).then_some(byte < 0x80);
                    assert_eq!(all_plain(&text), all, "{byte} at {place} of {len}");
                    // What follows the end does not matter.
                    text.extend([b'"', 0xff, 0, b'\\', b' ', 0x80, b'"', 1, 2]);
                    assert_eq!(plain(&text, 0), expected, "{byte} at {place} of {len}");
                }
            }
        }
    }
}
