//! Names that nobody else has.

use parking_lot::Mutex;

struct Source {
    pid: u32,
    next: u128,
}

/// 32 hex digits that no other process and no other call has: a random start for each process, then one after the
/// other. They are names, not secrets.
#[must_use]
pub fn random_hex() -> String {
    static SOURCE: Mutex<Source> = Mutex::new(Source { pid: 0, next: 0 });
    let mut source = SOURCE.lock();
    let pid = std::process::id();
    if source.pid != pid {
        // Also in a forked child, which would otherwise go on with its parent's names.
        let mut seed = [0; 16];
        getrandom::fill(&mut seed)
            .expect("the system has a source of randomness: PHP's session ids need it too");
        *source = Source { pid, next: u128::from_ne_bytes(seed) };
    }
    source.next = source.next.wrapping_add(1);
    format!("{:032x}", source.next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_are_well_formed() {
        let (a, b) = (random_hex(), random_hex());
        assert_ne!(a, b);
        assert!(a.len() == 32 && a.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
