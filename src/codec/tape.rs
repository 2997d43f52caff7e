//! Decoded values, one after the other in one buffer, in the order in which PHP's arrays are built.
//!
//! Each entry is an [`Op`] byte and its operands, integers in the machine's own byte order:
//!
//! | op | operands |
//! | --- | --- |
//! | `Null`, `False`, `True` | |
//! | `Int`, `Float` | 8 bytes |
//! | `Text` | offset and length in the JSON text (two `u64`): a string that needed no unescaping |
//! | `Bytes` | length (`u64`) and the bytes |
//! | `Object` | as `Bytes`: the output of PHP's `serialize()` |
//! | `List` | count (`u64`), then the values |
//! | `Map` | count, then key and value in turn; a key is `Text`, `Bytes` or `Int`, a string key may look like an integer |

/// What an entry is; `json_decode.c` has the same numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "the table above")]
pub enum Op {
    Null,
    False,
    True,
    Int,
    Float,
    Text,
    Bytes,
    Object,
    List,
    Map,
}

/// A buffer of entries.
#[derive(Default, Debug)]
pub struct Tape(Vec<u8>);

/// Where an entry begins.
pub type Position = usize;

impl Tape {
    /// The entries.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// With room for the values of a text of this length.
    #[must_use]
    pub fn for_text(len: usize) -> Self {
        Self(Vec::with_capacity(len + len / 2))
    }

    /// Empties it; the memory is kept unless it is much.
    pub fn clear(&mut self) {
        self.0.clear();
        self.0.shrink_to(64 << 10);
    }

    /// Where the next entry will begin.
    pub(super) fn end(&self) -> Position {
        self.0.len()
    }

    pub(super) fn plain(&mut self, op: Op) {
        self.0.push(op as u8);
    }

    pub(super) fn int(&mut self, value: i64) {
        self.entry(Op::Int, value.to_ne_bytes());
    }

    pub(super) fn float(&mut self, value: f64) {
        self.entry(Op::Float, value.to_ne_bytes());
    }

    pub(super) fn text(&mut self, offset: usize, len: usize) {
        let mut entry = [Op::Text as u8; 17];
        entry[1..9].copy_from_slice(&(offset as u64).to_ne_bytes());
        entry[9..].copy_from_slice(&(len as u64).to_ne_bytes());
        self.0.extend_from_slice(&entry);
    }

    pub(super) fn bytes_of(&mut self, op: Op, bytes: &[u8]) {
        self.entry(op, (bytes.len() as u64).to_ne_bytes());
        self.0.extend_from_slice(bytes);
    }

    /// Begins a list or a map whose count comes later.
    pub(super) fn open(&mut self, op: Op) -> Position {
        let position = self.end();
        self.entry(op, [0; 8]);
        position
    }

    pub(super) fn close(&mut self, position: Position, count: u64) {
        self.0[position + 1..position + 9].copy_from_slice(&count.to_ne_bytes());
    }

    pub(super) fn truncate(&mut self, position: Position) {
        self.0.truncate(position);
    }

    /// Adds whole entries.
    pub(super) fn append(&mut self, entries: &[u8]) {
        self.0.extend_from_slice(entries);
    }

    /// The op at `position`; none at the end.
    pub(super) fn op(&self, position: Position) -> Option<Op> {
        const OPS: [Op; 10] = [
            Op::Null,
            Op::False,
            Op::True,
            Op::Int,
            Op::Float,
            Op::Text,
            Op::Bytes,
            Op::Object,
            Op::List,
            Op::Map,
        ];
        self.0.get(position).map(|&op| OPS[usize::from(op)])
    }

    /// The first operand at `position`.
    pub(super) fn operand(&self, position: Position) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[position + 1..position + 9]);
        u64::from_ne_bytes(bytes)
    }

    /// The string at `position`, which may lie in the JSON text; none if it is something else.
    pub(super) fn string<'a>(&'a self, position: Position, json: &'a [u8]) -> Option<&'a [u8]> {
        let first = || usize::try_from(self.operand(position)).ok();
        match self.op(position)? {
            Op::Bytes => self.0.get(position + 9..position + 9 + first()?),
            Op::Text => {
                let len = usize::try_from(self.operand(position + 8)).ok()?;
                json.get(first()?..first()? + len)
            }
            _ => None,
        }
    }

    /// Where the entry after the one at `position` begins.
    pub(super) fn after(&self, position: Position) -> Position {
        let mut position = position;
        // Values that are still to be passed over: without recursion, because nesting is the text's choice.
        let mut left = 1u64;
        while left > 0 {
            left -= 1;
            position += match self.op(position) {
                Some(Op::Null | Op::False | Op::True) | None => 1,
                Some(Op::Int | Op::Float) => 9,
                Some(Op::Text) => 17,
                Some(Op::Bytes | Op::Object) => {
                    9 + usize::try_from(self.operand(position)).unwrap_or(usize::MAX - 9)
                }
                Some(op @ (Op::List | Op::Map)) => {
                    left += self.operand(position) * if op == Op::Map { 2 } else { 1 };
                    9
                }
            };
        }
        position
    }

    /// In one piece: the buffer is asked for room once.
    fn entry(&mut self, op: Op, operand: [u8; 8]) {
        let mut entry = [op as u8; 9];
        entry[1..].copy_from_slice(&operand);
        self.0.extend_from_slice(&entry);
    }
}
