//! Replies, read through one buffer that stays with the connection.
//!
//! The other end may be anything that listens on the port, so this reader trusts no length that it
//! announces: memory is allocated as bytes arrive, and lengths, items and nesting have limits. The
//! stream limits the time and the total length of a reply.

use std::{
    cell::Cell,
    io::{self, IoSliceMut, Read},
};

use redis::{Value, parse_redis_value};

use super::MAX_BULK;

/// The size of the buffer: a session of ordinary size and its reply fit into one read. This is also
/// the longest line (an error).
const BUFFER: usize = 16 << 10;
/// Memory is allocated in steps of this size as long as bytes arrive.
const STEP: usize = 1 << 20;
/// The most values in one reply. The largest reply to any request here is the slot table of a
/// Cluster.
const MAX_VALUES: usize = 1 << 20;
/// The deepest nesting of arrays.
const MAX_DEPTH: usize = 16;

/// The code of the error that replaces a skipped string for the layers above. Its text is the
/// length of the string.
pub const TOO_LARGE: &str = "TOOLARGE";
/// Strings up to this size are never skipped: every script's answer must get through, however
/// little memory the application has left.
const ALWAYS: usize = 1 << 20;

thread_local! {
    static LEFT: Cell<fn() -> usize> = const { Cell::new(|| usize::MAX) };
}

/// Has this thread skip strings that are longer than the number of bytes that `left` returns. A
/// reply's memory does not belong to PHP, but its reader copies it into a PHP string, for which
/// memory_limit leaves that many. Most strings are short, and nothing is asked for them.
pub fn limit_strings(left: fn() -> usize) {
    LEFT.set(left);
}

/// The longest string that this thread can use.
#[must_use]
pub fn memory_left() -> usize {
    LEFT.get()().max(ALWAYS)
}

fn is_too_long(length: i64) -> bool {
    usize::try_from(length).is_ok_and(|length| length > ALWAYS && length > memory_left())
}

/// The reason why there is no reply.
#[derive(Debug)]
pub enum ReplyError {
    /// Reading failed, or the stream ended in the middle of a reply.
    Io(io::Error),
    /// The bytes are not a reply.
    Protocol(&'static str),
}

impl From<io::Error> for ReplyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

type Result<T> = std::result::Result<T, ReplyError>;

const NOT_REDIS: ReplyError = ReplyError::Protocol("not the Redis protocol");

/// The replies of one connection. After an error, the beginning of the next reply is unknown.
pub struct Replies {
    buffer: Box<[u8]>,
    /// The range of bytes that were read but not used yet.
    start: usize,
    end: usize,
}

impl Default for Replies {
    fn default() -> Self {
        Self { buffer: vec![0; BUFFER].into(), start: 0, end: 0 }
    }
}

impl Replies {
    /// Returns true if more bytes were read than the replies so far contain.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.start < self.end
    }

    /// Takes the bytes that `read` returns without waiting. Returns false if the stream has ended.
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

    /// Reads the next reply. An error reply of Redis is a [`Value::ServerError`].
    pub fn next(&mut self, source: &mut impl Read) -> Result<Value> {
        let mut left = MAX_VALUES;
        self.value(source, 0, &mut left)
    }

    /// Returns true if the next replies are exactly these bytes, and takes them in this case.
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
        if let Some(value) = self.frequent() {
            return Ok(value);
        }
        let line = self.line(source)?;
        let (&kind, text) = line.split_first().ok_or(NOT_REDIS)?;
        match kind {
            b'$' => match number(text)? {
                -1 => Ok(Value::Nil),
                length if is_too_long(length) => self.read_past(source, length),
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

    /// Takes one of the most frequent replies, if it is next and whole. All others are left to
    /// [`Replies::value`], for three times the price.
    fn frequent(&mut self) -> Option<Value> {
        let (value, length) = match self.buffer[self.start..self.end] {
            [b'$', b'-', b'1', b'\r', b'\n', ..] => (Value::Nil, 5),
            [b'+', b'O', b'K', b'\r', b'\n', ..] => (Value::Okay, 5),
            [b':', digit @ b'0'..=b'9', b'\r', b'\n', ..] => (Value::Int((digit - b'0').into()), 4),
            _ => return None,
        };
        self.start += length;
        Some(value)
    }

    /// Reads the next line, without its end.
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

    /// Reads more bytes into the buffer, which is not full.
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

    /// Skips a string that is too large to use.
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

    /// Reads a string that does not fit the buffer. The bytes go directly to their final place, and
    /// any bytes after the string into the buffer.
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

/// Returns the number of bytes read, or an error at the end of the stream.
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
