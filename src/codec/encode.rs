//! Values to text.

use std::io;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{MAX_TEXT, unescaped::all_unescaped};

/// The three ways to write an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// `[...]`: the keys are 0, 1, 2 ...
    List,
    /// `{...}`
    Object,
    /// `{"$map": [[key, value], ...]}`
    Pairs,
}

/// Writes one JSON text, value by value.
///
/// Inside an array of [`Shape::Object`] or [`Shape::Pairs`], [`Writer::key`] or [`Writer::index`]
/// comes before each value; [`Writer::end`] closes the array that [`Writer::begin`] opened.
///
/// PHP shares equal arrays in memory, but the text repeats each of them, so the text can be
/// exponentially longer than the data. The writer stops at its limit: it leaves out the first value
/// that does not fit and all values after that.
pub struct Writer {
    text: Vec<u8>,
    limit: usize,
    full: bool,
    /// The open arrays, and for each whether it already has a member.
    open: Vec<(Shape, bool)>,
}

impl Default for Writer {
    fn default() -> Self {
        Self { text: Vec::new(), limit: MAX_TEXT, full: false, open: Vec::new() }
    }
}

impl Writer {
    /// The text so far.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// True if a value did not fit.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Starts over, for a text of at most `limit` bytes. The buffer is kept unless it is large.
    pub fn clear(&mut self, limit: usize) {
        self.text.clear();
        self.text.shrink_to(64 << 10);
        self.open.clear();
        self.limit = limit.min(MAX_TEXT);
        self.full = false;
    }

    /// Returns true if `more` bytes fit. A single failure marks the writer as full for good.
    fn has_room(&mut self, more: usize) -> bool {
        self.full |= more > self.limit - self.text.len();
        !self.full
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.has_room(bytes.len()) {
            self.text.extend_from_slice(bytes);
        }
    }

    fn put_one(&mut self, byte: u8) {
        if self.has_room(1) {
            self.text.push(byte);
        }
    }

    /// Writes null.
    pub fn null(&mut self) {
        self.before_value();
        self.put(b"null");
    }

    /// Writes true or false.
    pub fn bool(&mut self, value: bool) {
        self.before_value();
        self.put(if value { b"true" } else { b"false" });
    }

    /// Writes an integer.
    pub fn int(&mut self, value: i64) {
        self.before_value();
        self.json(&value);
    }

    /// Writes a float, always with a point or an exponent, so that it is read back as a float.
    pub fn float(&mut self, value: f64) {
        self.before_value();
        if value.is_finite() {
            self.json(&value);
        } else {
            let name: &[u8] = match value {
                f64::INFINITY => b"INF",
                f64::NEG_INFINITY => b"-INF",
                _ => b"NAN",
            };
            self.put(b"{\"$float\":\"");
            self.put(name);
            self.put(b"\"}");
        }
    }

    /// Writes a string of any bytes.
    pub fn string(&mut self, bytes: &[u8]) {
        self.before_value();
        self.string_text(bytes);
    }

    /// Writes an object in PHP's own serialization.
    pub fn object(&mut self, serialized: &[u8]) {
        self.before_value();
        self.put(b"{\"$object\":");
        self.string_text(serialized);
        self.put_one(b'}');
    }

    /// Opens an array.
    pub fn begin(&mut self, shape: Shape) {
        self.before_value();
        self.open.push((shape, false));
        let open: &[u8] = match shape {
            Shape::List => b"[",
            Shape::Object => b"{",
            Shape::Pairs => b"{\"$map\":[",
        };
        self.put(open);
    }

    /// Writes the key of the next value.
    pub fn key(&mut self, key: &[u8]) {
        let separator = self.before_key();
        self.string_text(key);
        self.put_one(separator);
    }

    /// Writes the integer key of the next value.
    pub fn index(&mut self, index: i64) {
        let separator = self.before_key();
        let quote: &[u8] = if separator == b':' { b"\"" } else { b"" };
        self.put(quote);
        self.json(&index);
        self.put(quote);
        self.put_one(separator);
    }

    /// Closes the array that was opened last.
    pub fn end(&mut self) {
        let close: &[u8] = match self.open.pop() {
            Some((Shape::List, _)) => b"]",
            Some((Shape::Object, _)) => b"}",
            Some((Shape::Pairs, true)) => b"]]}",
            Some((Shape::Pairs, false)) => b"]}",
            None => b"",
        };
        self.put(close);
    }

    /// Writes the comma before a list's value. In the other shapes, the key has brought the
    /// separator.
    fn before_value(&mut self) {
        if let Some((Shape::List, any)) = self.open.last_mut()
            && std::mem::replace(any, true)
        {
            self.put_one(b',');
        }
    }

    /// Writes the separator before a key, and returns the byte that follows the key.
    fn before_key(&mut self) -> u8 {
        let Some((shape, any)) = self.open.last_mut() else { return b':' };
        let (shape, is_first) = (*shape, !std::mem::replace(any, true));
        if shape == Shape::Pairs {
            self.put(if is_first { b"[" } else { b"],[" });
            return b',';
        }
        if !is_first {
            self.put_one(b',');
        }
        b':'
    }

    fn string_text(&mut self, bytes: &[u8]) {
        if all_unescaped(bytes).is_some_and(|is_ascii| is_ascii || std::str::from_utf8(bytes).is_ok()) {
            if self.has_room(bytes.len() + 2) {
                self.text.reserve(bytes.len() + 2);
                self.text.push(b'"');
                self.text.extend_from_slice(bytes);
                self.text.push(b'"');
            }
        } else {
            self.escaped(bytes);
        }
    }

    fn escaped(&mut self, bytes: &[u8]) {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return self.json(text);
        }
        self.put(b"{\"$bytes\":\"");
        let (start, len) = (self.text.len(), bytes.len().div_ceil(3) * 4);
        if !self.has_room(len) {
            return;
        }
        self.text.resize(start + len, 0);
        STANDARD.encode_slice(bytes, &mut self.text[start..]).expect("there is room for the base64 text");
        self.put(b"\"}");
    }

    fn json<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        // An error only means that the text is full, and `full` already says so.
        let _ = serde_json::to_writer(self, value);
    }
}

/// serde_json writes through this, and stops when the text is full.
impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        if self.full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_beyond_the_limit() {
        let text = "x".repeat(100);
        let steps: [fn(&mut Writer, &str); 9] = [
            |w, _| w.null(),
            |w, _| w.bool(true),
            |w, _| w.int(i64::MIN),
            |w, _| w.float(f64::NAN),
            |w, text| w.string(text.as_bytes()),
            |w, text| w.string(text.replace('x', "\u{1}").as_bytes()),
            |w, text| w.string(&[text.as_bytes(), b"\xff"].concat()),
            |w, text| w.object(text.as_bytes()),
            |w, text| {
                w.begin(Shape::Pairs);
                w.key(text.as_bytes());
                w.index(7);
                w.end();
            },
        ];
        let mut writer = Writer::default();
        for limit in 0..3000 {
            writer.clear(limit);
            writer.begin(Shape::List);
            for step in steps {
                step(&mut writer, &text);
                assert!(writer.text().len() <= limit);
            }
            writer.end();
            if !writer.is_full() {
                assert!(limit > 1000);
                break;
            }
            let len = writer.text().len();
            writer.null();
            assert_eq!(writer.text().len(), len, "nothing comes after what did not fit");
        }
        assert!(!writer.is_full());
    }
}
