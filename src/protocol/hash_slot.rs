//! Redis Cluster's hash slots, which decide the node of a key.

/// The number of slots in a cluster.
pub const SLOTS: u16 = 16384;

/// Returns the slot of a key: the CRC16 (XMODEM) of its hash tag, or of the whole key if it has
/// none.
#[must_use]
pub fn of(key: &str) -> u16 {
    let crc = tag(key).unwrap_or(key).bytes().fold(0u16, |crc, byte| {
        let index = (crc >> 8) ^ u16::from(byte);
        (crc << 8) ^ TABLE[usize::from(index)]
    });
    crc % SLOTS
}

/// Returns the hash tag of a key: the text between the first `{` and the next `}`, unless it is
/// empty.
#[must_use]
pub fn tag(key: &str) -> Option<&str> {
    let (_, rest) = key.split_once('{')?;
    let (tag, _) = rest.split_once('}')?;
    Some(tag).filter(|tag| !tag.is_empty())
}

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte: u16 = 0;
    while byte < 256 {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_specification_of_redis_cluster() {
        // The specification gives 0x31C3 as the CRC16 of "123456789".
        assert_eq!(of("123456789"), 0x31C3 % SLOTS);
        assert_eq!(of(""), 0);
        assert_eq!(of("{user1000}.following"), of("user1000"));
        assert_eq!(tag("foo{}{bar}"), None);
        assert_eq!(tag("foo{{bar}}zap"), Some("{bar"));
        assert_eq!(tag("foo{bar}{zap}"), Some("bar"));
        assert_eq!(tag("a}b{c"), None);
    }
}
