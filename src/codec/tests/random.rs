//! Values at random.

use super::model::{Key, Value, normal};

/// Returns `count`, or a count that takes as long under Miri.
pub fn trials(count: usize) -> usize {
    if cfg!(miri) { count.div_ceil(2000) } else { count }
}

/// xorshift64
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn bytes(&mut self) -> Vec<u8> {
        let alphabet: &[u8] = match self.below(3) {
            0 => b"abc$\"\\/\n0123456789",
            1 => "äß€😀".as_bytes(),
            _ => &[0, 1, 0x7f, 0x80, 0xc3, 0xff],
        };
        (0..self.below(6))
            .map(|_| alphabet[usize::try_from(self.below(alphabet.len() as u64)).unwrap()])
            .collect()
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0 => Value::Null,
            1 => Value::Bool(self.below(2) == 0),
            2 => Value::Int(self.below(u64::MAX).cast_signed() >> self.below(64)),
            3 => Value::Float(f64::from_bits(self.below(u64::MAX))),
            4 | 5 => Value::String(self.bytes()),
            _ => self.array(depth),
        }
    }

    pub fn array(&mut self, depth: u32) -> Value {
        let kind = self.below(4);
        let mut members: Vec<(Key, Value)> = Vec::new();
        for i in 0..self.below(5) {
            let key = match kind {
                0 => Key::Int(i.cast_signed()),
                1 => Key::Int((self.below(12)).cast_signed() - 3),
                2 => normal(self.bytes()),
                _ if self.below(2) == 0 => Key::Int(self.below(u64::MAX).cast_signed()),
                _ => normal(self.bytes()),
            };
            if members.iter().all(|(k, _)| *k != key) {
                let value = self.value(depth - 1);
                members.push((key, value));
            }
        }
        Value::Array(members)
    }
}
