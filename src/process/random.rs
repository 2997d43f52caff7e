//! Names that are unique across processes.

use super::Shared;

/// The last name. The next name is this text, counted up in place, which is cheaper than to write
/// out a number each time. A forked child begins with a name of its own.
static NAME: Shared<Option<String>> = Shared::empty();

/// Returns 32 hex digits that no other process and no other call has. A process starts at a random
/// number and counts up. The digits are names, not secrets.
#[must_use]
pub fn random_hex() -> String {
    random_name("")
}

/// The same behind a prefix.
#[must_use]
pub fn random_name(prefix: &str) -> String {
    let mut last = NAME.lock();
    let name = last.get_or_insert_with(|| {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed)
            .expect("the system has a source of randomness: PHP's session ids need it too");
        format!("{:032x}", u128::from_ne_bytes(seed))
    });
    count_up(name);
    let mut text = String::with_capacity(prefix.len() + name.len());
    text.push_str(prefix);
    text.push_str(name);
    text
}

/// Adds one to a number in hex digits.
fn count_up(number: &mut String) {
    let digits = number.len();
    while number.ends_with('f') {
        number.pop();
    }
    match number.pop() {
        Some('9') => number.push('a'),
        Some(digit) => number.push(char::from_u32(u32::from(digit) + 1).expect("a digit is ASCII")),
        None => {}
    }
    while number.len() < digits {
        number.push('0');
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
            let mut number = before.to_owned();
            count_up(&mut number);
            assert_eq!(number, after);
        }
    }
}
