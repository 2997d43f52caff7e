//! Names that nobody else has.

use parking_lot::Mutex;

use crate::process;

struct Source {
    pid: u32,
    /// The last name. The next one is this text, counted up: a number would be written out for each.
    name: [u8; 32],
}

/// 32 hex digits that no other process and no other call has: a random start for each process, then one after the
/// other. They are names, not secrets.
#[must_use]
pub fn random_hex() -> String {
    static SOURCE: Mutex<Source> = Mutex::new(Source { pid: 0, name: [0; 32] });
    let mut source = SOURCE.lock();
    let pid = process::id();
    if source.pid != pid {
        // Also in a forked child, which would otherwise go on with its parent's names.
        let mut seed = [0; 16];
        getrandom::fill(&mut seed)
            .expect("the system has a source of randomness: PHP's session ids need it too");
        let text = format!("{:032x}", u128::from_ne_bytes(seed));
        *source = Source { pid, name: text.into_bytes().try_into().expect("a u128 has 32 hex digits") };
    }
    count_up(&mut source.name);
    String::from_utf8(source.name.to_vec()).expect("hex digits are UTF-8")
}

/// Adds one to a number in hex digits.
fn count_up(digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        match digit {
            b'f' => *digit = b'0',
            b'9' => {
                *digit = b'a';
                return;
            }
            _ => {
                *digit += 1;
                return;
            }
        }
    }
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

    #[test]
    fn counts_in_hex() {
        for (before, after) in
            [("00", "01"), ("09", "0a"), ("0e", "0f"), ("0f", "10"), ("9f", "a0"), ("ff", "00")]
        {
            let mut digits = before.as_bytes().to_vec();
            count_up(&mut digits);
            assert_eq!(digits, after.as_bytes());
        }
    }
}
