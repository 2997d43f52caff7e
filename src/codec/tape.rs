//! Decoded values one after the other in one buffer, in the order in which PHP's arrays are built.
//!
//! An entry is a word of 64 bits, with its [`Op`] in the lowest 4:
//!
//! | op | the other 60 bits |
//! | --- | --- |
//! | `Null`, `False`, `True` | |
//! | `Int` | the integer |
//! | `WideInt`, `Float` | nothing: the value is the next word |
//! | `Text` | length and offset (30 bits each) in the JSON text, for a string without escapes |
//! | `Bytes` | length and offset in [`Tape::strings`] |
//! | `Object` | as `Bytes`: the output of PHP's `serialize()` |
//! | `List` | the count of the values that follow |
//! | `Map` | the count of the pairs of key and value that follow |
//!
//! The key of a pair is `Text`, `Bytes`, `Int` or `WideInt`. A string key may look like an integer.

/// The kind of an entry. `json.h` has the same numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "the table above")]
pub enum Op {
    Null,
    False,
    True,
    Int,
    WideInt,
    Float,
    Text,
    Bytes,
    Object,
    List,
    Map,
}

const OPS: [Op; 11] = [
    Op::Null,
    Op::False,
    Op::True,
    Op::Int,
    Op::WideInt,
    Op::Float,
    Op::Text,
    Op::Bytes,
    Op::Object,
    Op::List,
    Op::Map,
];

const OP_BITS: u32 = 4;
const OP_MASK: u8 = (1 << OP_BITS) - 1;
const PLACE_BITS: u32 = 30;
const PLACE_MASK: u64 = (1 << PLACE_BITS) - 1;

/// Decoded values: the entries, and the strings that differ from their form in the text.
#[derive(Debug)]
pub struct Tape {
    words: Vec<u64>,
    strings: Vec<u8>,
    /// The number of words after which the tape is full.
    limit: usize,
}

/// The index of an entry's first word.
pub type Position = usize;

impl Default for Tape {
    fn default() -> Self {
        Self::for_text(0, usize::MAX)
    }
}

/// The strings are larger than an entry can address.
#[derive(Debug)]
pub(super) struct Full;

impl Tape {
    /// The entries.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The strings that the JSON text holds only in an escaped or encoded form.
    #[must_use]
    pub fn strings(&self) -> &[u8] {
        &self.strings
    }

    /// Creates a tape for a text of `len` bytes whose entries may take about `memory` bytes. The
    /// strings take no more than the text.
    #[must_use]
    pub fn for_text(len: usize, memory: usize) -> Self {
        let limit = memory / size_of::<u64>();
        // A typical text needs no more.
        let room = (len / 6).min(limit) + 8;
        Self { words: Vec::with_capacity(room), strings: Vec::new(), limit }
    }

    /// Returns true if the entries take more memory than they may.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.words.len() > self.limit
    }

    pub(super) fn unescaped(&mut self, op: Op) {
        self.words.push(op as u64);
    }

    pub(super) fn int(&mut self, value: i64) {
        let word = value.cast_unsigned() << OP_BITS;
        if word.cast_signed() >> OP_BITS == value {
            self.words.push(word | Op::Int as u64);
        } else {
            self.words.extend([Op::WideInt as u64, value.cast_unsigned()]);
        }
    }

    pub(super) fn float(&mut self, value: f64) {
        self.words.extend([Op::Float as u64, value.to_bits()]);
    }

    /// Adds a string that is part of the JSON text, which is no longer than [`super::MAX_TEXT`].
    pub(super) fn text(&mut self, offset: usize, len: usize) {
        self.words.push(place(Op::Text, offset, len));
    }

    pub(super) fn bytes_of(&mut self, op: Op, bytes: &[u8]) -> Result<(), Full> {
        let offset = self.strings.len();
        if (offset + bytes.len()) as u64 > PLACE_MASK {
            return Err(Full);
        }
        self.strings.extend_from_slice(bytes);
        self.words.push(place(op, offset, bytes.len()));
        Ok(())
    }

    /// Begins a list or a map; [`Self::close`] sets its count.
    pub(super) fn open(&mut self, op: Op) -> Position {
        self.words.push(op as u64);
        self.words.len() - 1
    }

    pub(super) fn close(&mut self, position: Position, count: u64) {
        self.words[position] |= count << OP_BITS;
    }

    pub(super) fn truncate(&mut self, position: Position) {
        self.words.truncate(position);
    }

    /// Adds whole entries.
    pub(super) fn append(&mut self, entries: &[u64]) {
        self.words.extend_from_slice(entries);
    }

    /// The op at `position`, or `None` at the end.
    pub(super) fn op(&self, position: Position) -> Option<Op> {
        self.words.get(position).map(|word| OPS[usize::from(word.to_le_bytes()[0] & OP_MASK)])
    }

    /// The count of the list or map at `position`.
    pub(super) fn count(&self, position: Position) -> u64 {
        self.words[position] >> OP_BITS
    }

    /// The string at `position`, which may lie in the JSON text; `None` if the entry is no string.
    pub(super) fn string<'a>(&'a self, position: Position, json: &'a [u8]) -> Option<&'a [u8]> {
        let all = match self.op(position)? {
            Op::Text => json,
            Op::Bytes => &self.strings,
            _ => return None,
        };
        let word = self.words[position];
        let offset = usize::try_from(word >> (OP_BITS + PLACE_BITS)).ok()?;
        let len = usize::try_from(word >> OP_BITS & PLACE_MASK).ok()?;
        all.get(offset..offset + len)
    }

    /// The position of the entry after the one at `position`.
    pub(super) fn after(&self, position: Position) -> Position {
        let mut position = position;
        // The number of values still to skip. A counter replaces recursion, because the text
        // decides how deep the nesting is.
        let mut left = 1u64;
        while left > 0 {
            left -= 1;
            position += match self.op(position) {
                Some(Op::WideInt | Op::Float) => 2,
                Some(op @ (Op::List | Op::Map)) => {
                    left += self.count(position) * if op == Op::Map { 2 } else { 1 };
                    1
                }
                _ => 1,
            };
        }
        position
    }
}

fn place(op: Op, offset: usize, len: usize) -> u64 {
    op as u64 | (len as u64) << OP_BITS | (offset as u64) << (OP_BITS + PLACE_BITS)
}
