//! Replies, read through one buffer that stays with the connection.
//!
//! The other end may be anything that listens on the port, so nothing it announces is believed: memory is taken as bytes
//! arrive, and lengths, items and nesting have limits. How long a reply may take, and how long it may be altogether, is
//! the stream's to bound.

use std::{
    cell::Cell,
    io::{self, IoSliceMut, Read},
};

use redis::{Value, parse_redis_value};

use super::MAX_BULK;

/// A session of ordinary size, with what an answer has around it, in one read. It is also the longest line (an error).
const BUFFER: usize = 16 << 10;
/// Memory is taken in steps of this size for as long as bytes arrive.
const STEP: usize = 1 << 20;
/// Values in one reply. The largest that is asked for is the slot table of a Cluster.
const MAX_VALUES: usize = 1 << 20;
/// Arrays in arrays.
const MAX_DEPTH: usize = 16;

/// What a string that was read past looks like to the layers above: an error in its place, with its length.
pub const TOO_LARGE: &str = "TOOLARGE";
/// No string is too large below this: nothing that a script answers is to be, whatever the application has left.
const ALWAYS: usize = 1 << 20;

thread_local! {
    static LONGEST: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// From now on this thread reads past longer strings: their memory is not PHP's, and whoever wants one makes a string of PHP's
/// of it, for which `bytes` is all that memory_limit leaves.
pub fn set_memory_left(bytes: usize) {
    LONGEST.set(bytes.max(ALWAYS));
}

/// The longest string that this thread can use.
#[must_use]
pub fn memory_left() -> usize {
    LONGEST.get()
}

/// Why there is no reply.
#[derive(Debug)]
pub enum ReplyError {
    /// Reading failed, or ended in the middle.
    Io(io::Error),
    /// What was read is not a reply.
    Protocol(&'static str),
}

impl From<io::Error> for ReplyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

type Result<T> = std::result::Result<T, ReplyError>;

const NOT_REDIS: ReplyError = ReplyError::Protocol("not the Redis protocol");

/// The replies of one connection. After an error there is no telling where the next one begins.
pub struct Replies {
    buffer: Box<[u8]>,
    /// What was read and not yet used.
    start: usize,
    end: usize,
}

impl Replies {
    /// For a connection that has not been read from.
    #[must_use]
    pub fn new() -> Self {
        Self { buffer: vec![0; BUFFER].into(), start: 0, end: 0 }
    }

    /// Whether more was read than the replies so far.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.start < self.end
    }

    /// Takes what `read` has without waiting; false if the stream has ended.
    pub fn take_available(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<Option<usize>>) -> bool {
        self.make_room();
        if self.end == BUFFER {
            return true;
        }
        match read(&mut self.buffer[self.end..]) {
            Ok(Some(0)) | Err(_) => false,
            Ok(read) => {
                self.end += read.unwrap_or(0);
                true
            }
        }
    }

    /// The next reply. An error that Redis answers is a [`Value::ServerError`].
    pub fn next(&mut self, source: &mut impl Read) -> Result<Value> {
        let mut left = MAX_VALUES;
        self.value(source, 0, &mut left)
    }

    /// Whether the next replies are these bytes, which are taken then.
    pub fn are(&mut self, expected: &[u8], source: &mut impl Read) -> Result<bool> {
        loop {
            let unused = &self.buffer[self.start..self.end];
            if unused.starts_with(expected) {
                self.start += expected.len();
                return Ok(true);
            }
            if !expected.starts_with(unused) {
                return Ok(false);
            }
            self.fill(source)?;
        }
    }

    fn value(&mut self, source: &mut impl Read, depth: usize, left: &mut usize) -> Result<Value> {
        *left = left.checked_sub(1).ok_or(ReplyError::Protocol("an answer of too many values"))?;
        let line = self.line(source)?;
        let (&kind, text) = line.split_first().ok_or(NOT_REDIS)?;
        match kind {
            b'$' => match number(text)? {
                -1 => Ok(Value::Nil),
                length if usize::try_from(length).is_ok_and(|length| length > memory_left()) => {
                    self.read_past(source, length)
                }
                length => self.bulk(source, length).map(Value::BulkString),
            },
            b':' => number(text).map(Value::Int),
            b'*' => match number(text)? {
                -1 => Ok(Value::Nil),
                _ if depth == MAX_DEPTH => Err(ReplyError::Protocol("an answer nested too deeply")),
                count => {
                    let count = usize::try_from(count).map_err(|_| NOT_REDIS)?;
                    let mut values = Vec::with_capacity(count.min(8));
                    for _ in 0..count {
                        values.push(self.value(source, depth + 1, left)?);
                    }
                    Ok(Value::Array(values))
                }
            },
            b'+' if text == b"OK" => Ok(Value::Okay),
            b'+' => Ok(Value::SimpleString(String::from_utf8_lossy(text).into_owned())),
            b'-' => {
                let text = String::from_utf8_lossy(text);
                parse_redis_value(format!("-{text}\r\n").as_bytes()).map_err(|_| NOT_REDIS)
            }
            _ => Err(NOT_REDIS),
        }
    }

    /// The next line, without its end.
    fn line(&mut self, source: &mut impl Read) -> Result<&[u8]> {
        let mut seen = 0;
        loop {
            let unused = &self.buffer[self.start..self.end];
            if let Some(at) = unused[seen..].iter().position(|&byte| byte == b'\n') {
                let line = self.start..self.start + seen + at;
                self.start = line.end + 1;
                return self.buffer[line].strip_suffix(b"\r").ok_or(NOT_REDIS);
            }
            seen = unused.len();
            if seen == BUFFER {
                return Err(NOT_REDIS);
            }
            self.fill(source)?;
        }
    }

    /// Reads more into the buffer, which is not full.
    fn fill(&mut self, source: &mut impl Read) -> Result<()> {
        self.make_room();
        self.end += some(source.read(&mut self.buffer[self.end..])?)?;
        Ok(())
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    fn bulk(&mut self, source: &mut impl Read, length: i64) -> Result<Vec<u8>> {
        let length = usize::try_from(length).map_err(|_| NOT_REDIS)?;
        if length > MAX_BULK {
            return Err(ReplyError::Protocol("an answer of over 512 MiB"));
        }
        let mut bytes = if length + 2 <= BUFFER {
            while self.end - self.start < length + 2 {
                self.fill(source)?;
            }
            let bytes = self.buffer[self.start..self.start + length].to_vec();
            self.start += length;
            bytes
        } else {
            self.large(source, length)?
        };
        while self.end - self.start < 2 {
            self.fill(source)?;
        }
        if self.buffer[self.start..self.start + 2] != *b"\r\n" {
            return Err(NOT_REDIS);
        }
        self.start += 2;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// A string that nobody could use.
    fn read_past(&mut self, source: &mut impl Read, length: i64) -> Result<Value> {
        let mut left = usize::try_from(length).map_err(|_| NOT_REDIS)? + 2;
        if left > MAX_BULK {
            return Err(ReplyError::Protocol("an answer of over 512 MiB"));
        }
        loop {
            let here = left.min(self.end - self.start);
            self.start += here;
            left -= here;
            if left == 0 {
                break;
            }
            self.fill(source)?;
        }
        parse_redis_value(format!("-{TOO_LARGE} {length}\r\n").as_bytes()).map_err(|_| NOT_REDIS)
    }

    /// A string that does not fit the buffer is read to where it stays, and what follows it into the buffer.
    fn large(&mut self, source: &mut impl Read, length: usize) -> Result<Vec<u8>> {
        let unused = &self.buffer[self.start..self.end];
        let mut filled = unused.len().min(length);
        let mut bytes = vec![0; length.min(STEP)];
        bytes[..filled].copy_from_slice(&unused[..filled]);
        self.start += filled;
        if filled < length {
            (self.start, self.end) = (0, 0);
        }
        while filled < length {
            if filled == bytes.len() {
                bytes.resize(length.min(bytes.len() * 2), 0);
            }
            let room = bytes.len() - filled;
            let mut places = [IoSliceMut::new(&mut bytes[filled..]), IoSliceMut::new(&mut self.buffer)];
            let places = if filled + room == length { &mut places[..] } else { &mut places[..1] };
            let read = some(source.read_vectored(places)?)?;
            filled += read.min(room);
            self.end = read.saturating_sub(room);
        }
        Ok(bytes)
    }
}

/// How much was read, if the stream did not end.
fn some(read: usize) -> io::Result<usize> {
    if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
}

fn number(text: &[u8]) -> Result<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(NOT_REDIS);
    }
    digits.iter().try_fold(0_i64, |number, digit| {
        let digit = Some(digit).filter(|digit| digit.is_ascii_digit()).ok_or(NOT_REDIS)?;
        let digit = i64::from(digit - b'0');
        let number = number.checked_mul(10).ok_or(NOT_REDIS)?;
        if negative { number.checked_sub(digit) } else { number.checked_add(digit) }.ok_or(NOT_REDIS)
    })
}
