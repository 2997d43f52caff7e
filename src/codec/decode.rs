//! Text to values.
//!
//! This reader parses the grammar itself, in one pass: with a general deserializer that calls a
//! visitor for each value, decoding is slower than PHP's own. It leaves the rare and hard parts to
//! others: strings with escapes to serde_json, long numbers to the standard library.
//! `tests/reference.rs` compares it with serde_json's reader.

use std::fmt;

use super::{
    MAX_DEPTH, MAX_TEXT,
    objects::Objects,
    problem::Problem,
    tags,
    tape::{Op, Tape},
    unescaped::unescaped,
};

/// The reason why a text is not a session.
#[derive(Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads one JSON object, with nothing after it, onto an empty tape. Stops with an error when the
/// tape is full.
pub fn decode(json: &[u8], objects: Objects, tape: &mut Tape) -> Result<(), DecodeError> {
    if json.len() > MAX_TEXT {
        return Err(DecodeError("it is longer than 512 MB".into()));
    }
    let mut reader = Reader { json, at: 0, tape, objects };
    match reader.text() {
        Ok(()) if reader.tape.op(0) != Some(Op::Map) => Err(DecodeError("it is not a JSON object".into())),
        Ok(()) => Ok(()),
        Err(Problem(problem)) => {
            let at = reader.at;
            Err(DecodeError(match std::str::from_utf8(json) {
                Ok(_) => format!("{problem} (at byte {at})"),
                Err(error) => format!("it is not UTF-8 (at byte {})", error.valid_up_to()),
            }))
        }
    }
}

struct Reader<'a> {
    json: &'a [u8],
    /// The position of the next byte.
    at: usize,
    tape: &'a mut Tape,
    objects: Objects,
}

impl Reader<'_> {
    fn text(&mut self) -> Result<(), Problem> {
        self.value(0)?;
        self.token();
        if self.at < self.json.len() { Err(Problem("something follows the value")) } else { Ok(()) }
    }

    /// The next byte, or 0 at the end: the grammar allows a 0 nowhere.
    #[inline]
    fn byte(&self) -> u8 {
        self.json.get(self.at).copied().unwrap_or(0)
    }

    /// Skips white space and returns the next byte.
    #[inline]
    fn token(&mut self) -> u8 {
        // Most texts have no white space, so this first compares the byte with a space.
        while self.byte() <= b' ' && matches!(self.byte(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.byte()
    }

    fn value(&mut self, depth: usize) -> Result<(), Problem> {
        match self.token() {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b'{' => self.map(depth),
            b'[' => self.list(depth),
            b't' => self.word(b"true", Op::True),
            b'f' => self.word(b"false", Op::False),
            b'n' => self.word(b"null", Op::Null),
            _ => Err(Problem("a value is missing")),
        }
    }

    #[inline]
    fn fits(&self) -> Result<(), Problem> {
        if self.tape.is_full() { Err(Problem("its values need more memory than there is")) } else { Ok(()) }
    }

    #[inline]
    fn word(&mut self, word: &[u8], op: Op) -> Result<(), Problem> {
        if !self.json[self.at..].starts_with(word) {
            return Err(Problem("a value is missing"));
        }
        self.at += word.len();
        self.tape.unescaped(op);
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<(), Problem> {
        let depth = deeper(depth)?;
        self.at += 1;
        let list = self.tape.open(Op::List);
        let mut count = 0;
        if self.token() != b']' {
            loop {
                self.value(depth)?;
                count += 1;
                self.fits()?;
                match self.token() {
                    b',' => self.at += 1,
                    b']' => break,
                    _ => return Err(Problem("a list does not go on")),
                }
            }
        }
        self.at += 1;
        self.tape.close(list, count);
        Ok(())
    }

    fn map(&mut self, depth: usize) -> Result<(), Problem> {
        let depth = deeper(depth)?;
        self.at += 1;
        let map = self.tape.open(Op::Map);
        let mut count = 0;
        if self.token() != b'}' {
            loop {
                if self.token() != b'"' {
                    return Err(Problem("a key is missing"));
                }
                self.string()?;
                if self.token() != b':' {
                    return Err(Problem("a colon is missing"));
                }
                self.at += 1;
                self.value(depth)?;
                count += 1;
                self.fits()?;
                match self.token() {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return Err(Problem("an object does not go on")),
                }
            }
        }
        self.at += 1;
        self.tape.close(map, count);
        if count == 1 { tags::replace(self.tape, self.json, self.objects, map) } else { Ok(()) }
    }

    #[allow(clippy::inline_always, reason = "it is most of the work, and short most of the time")]
    #[inline(always)]
    fn string(&mut self) -> Result<(), Problem> {
        let start = self.at + 1;
        let (end, is_ascii) = unescaped(self.json, start);
        if self.json.get(end) != Some(&b'"') {
            return self.escaped(start, end);
        }
        let text = &self.json[start..end];
        if !is_ascii && std::str::from_utf8(text).is_err() {
            return Err(Problem("it is not UTF-8"));
        }
        self.tape.text(start, text.len());
        self.at = end + 1;
        Ok(())
    }

    /// Reads a string that begins at `start` and is plain up to `at`.
    #[cold]
    fn escaped(&mut self, start: usize, mut at: usize) -> Result<(), Problem> {
        loop {
            match self.json.get(at) {
                Some(b'"') => break,
                // An escaped byte does not end the string.
                Some(b'\\') => at = unescaped(self.json, self.json.len().min(at + 2)).0,
                Some(_) => return Err(Problem("a string holds a control character")),
                None => return Err(Problem("a string does not end")),
            }
        }
        let text: String = serde_json::from_slice(&self.json[start - 1..=at])
            .map_err(|_| Problem("a string holds what it cannot escape, or is not UTF-8"))?;
        self.tape.bytes_of(Op::Bytes, text.as_bytes())?;
        self.at = at + 1;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let is_negative = self.byte() == b'-';
        self.at += usize::from(is_negative);
        let first = self.byte();
        let mut digits = 0;
        let count = self.digits(&mut digits);
        if count == 0 || count > 1 && first == b'0' {
            return Err(NO_NUMBER);
        }
        if matches!(self.byte(), b'.' | b'e' | b'E') {
            return self.float(start, digits, count);
        }
        // A number with more digits may be too large for an integer. -0 is a float, because PHP has
        // no such integer.
        if count > 18 {
            return self.long(start);
        }
        let int = digits.cast_signed();
        match is_negative {
            false => self.tape.int(int),
            true if int == 0 => self.tape.float(-0.0),
            true => self.tape.int(-int),
        }
        Ok(())
    }

    /// Skips digits, appends them to `number`, and returns their count. More than 19 digits may
    /// overflow.
    #[inline]
    fn digits(&mut self, number: &mut u64) -> usize {
        let start = self.at;
        let mut at = start;
        while let Some(&digit @ b'0'..=b'9') = self.json.get(at) {
            *number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            at += 1;
        }
        self.at = at;
        at - start
    }

    /// Reads the rest of a float. The reader has passed its integer part, which has `count` digits
    /// and the value `digits`.
    #[inline(never)]
    fn float(&mut self, start: usize, mut digits: u64, mut count: usize) -> Result<(), Problem> {
        let mut places = 0;
        if self.byte() == b'.' {
            self.at += 1;
            places = self.digits(&mut digits);
            count += places;
            if places == 0 {
                return Err(NO_NUMBER);
            }
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.byte(), b'+' | b'-') {
                self.at += 1;
            }
            if self.digits(&mut 0) == 0 {
                return Err(NO_NUMBER);
            }
        } else if let (0..=15, Some(power)) = (count, POWERS.get(places)) {
            // Both operands are exact, and the division rounds to the nearest float.
            #[allow(clippy::cast_precision_loss, reason = "15 digits are exact")]
            let float = digits as f64 / power;
            self.tape.float(if self.json[start] == b'-' { -float } else { float });
            return Ok(());
        }
        self.long(start)
    }

    /// Reads a number of any length, which the reader has already passed.
    #[inline(never)]
    fn long(&mut self, start: usize) -> Result<(), Problem> {
        let text = std::str::from_utf8(&self.json[start..self.at]).map_err(|_| NO_NUMBER)?;
        if let Ok(int) = text.parse() {
            self.tape.int(int);
            return Ok(());
        }
        // An integer beyond PHP's range becomes a float, as in json_decode().
        match text.parse() {
            Ok(float) if f64::is_finite(float) => self.tape.float(float),
            _ => return Err(Problem("a number is too large")),
        }
        Ok(())
    }
}

const NO_NUMBER: Problem = Problem("a number is not complete");

const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

fn deeper(depth: usize) -> Result<usize, Problem> {
    if depth == MAX_DEPTH { Err(Problem("it is nested deeper than 512 levels")) } else { Ok(depth + 1) }
}
