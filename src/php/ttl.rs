//! The TTL of a session.

use super::advice::advise;

/// PHP's own default of session.gc_maxlifetime, in seconds.
const DEFAULT_TTL: u64 = 1440;
/// The longest TTL, in seconds (68 years). Redis takes a TTL in milliseconds as a 64-bit number,
/// and no session needs a longer one than this.
const MAX_TTL: u64 = i32::MAX as u64;

/// Returns the TTL of a session. session.gc_maxlifetime can be 0 or negative, which Redis refuses
/// as a TTL.
pub fn ttl(maxlifetime: i64) -> u64 {
    if let Ok(seconds @ 1..) = u64::try_from(maxlifetime) {
        return seconds.min(MAX_TTL);
    }
    advise(format!(
        "rustredis: session.gc_maxlifetime is {maxlifetime}, but must be at least 1 second; sessions are kept for \
         {DEFAULT_TTL} seconds"
    ));
    DEFAULT_TTL
}
