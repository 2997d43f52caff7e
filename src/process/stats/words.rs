//! Texts in words of eight bytes, as the shared memory has them, and digests.

pub(super) fn digest_of_words(words: &[u64]) -> u64 {
    words.iter().fold(FNV, |of, word| digest(of, &word.to_le_bytes()))
}

pub(super) const FNV: u64 = 0xcbf2_9ce4_8422_2325;

pub(super) const fn digest(mut of: u64, bytes: &[u8]) -> u64 {
    let mut i = 0;
    while i < bytes.len() {
        of = (of ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    of
}

/// Writes a text into words, as much of it as there is room for.
pub(super) fn to_words(text: &[u8], words: &mut [u64]) {
    for (word, bytes) in words.iter_mut().zip(text.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_le_bytes(whole);
    }
}

pub(super) fn to_text(words: &[u64]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
