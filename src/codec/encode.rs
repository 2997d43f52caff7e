//! Values to text.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{MAX_TEXT, plain::all_plain};

/// How an array is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// `[...]`: the keys are 0, 1, 2 ...
    List,
    /// `{...}`
    Object,
    /// `{"$map": [[key, value], ...]}`
    Pairs,
}

/// Writes one JSON text, told value by value.
///
/// Inside an array of [`Shape::Object`] or [`Shape::Pairs`], [`Writer::key`] or [`Writer::index`] comes before each
/// value; [`Writer::end`] closes what [`Writer::begin`] opened.
#[derive(Default)]
pub struct Writer {
    text: Vec<u8>,
    /// The arrays that are open, and whether they have a member already.
    open: Vec<(Shape, bool)>,
}

impl Writer {
    /// The text so far.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether the text is longer than a session can be.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.text.len() > MAX_TEXT
    }

    /// Starts over; the memory is kept unless it is much.
    pub fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(64 << 10);
        self.open.clear();
    }

    /// null
    pub fn null(&mut self) {
        self.before_value();
        self.text.extend_from_slice(b"null");
    }

    /// true or false
    pub fn bool(&mut self, value: bool) {
        self.before_value();
        self.text.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// An integer.
    pub fn int(&mut self, value: i64) {
        self.before_value();
        self.json(&value);
    }

    /// A float: always with a point or an exponent, so that it stays one.
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
            self.text.extend_from_slice(b"{\"$float\":\"");
            self.text.extend_from_slice(name);
            self.text.extend_from_slice(b"\"}");
        }
    }

    /// A string of any bytes.
    pub fn string(&mut self, bytes: &[u8]) {
        self.before_value();
        self.string_text(bytes);
    }

    /// An object in PHP's own serialization.
    pub fn object(&mut self, serialized: &[u8]) {
        self.before_value();
        self.text.extend_from_slice(b"{\"$object\":");
        self.string_text(serialized);
        self.text.push(b'}');
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
        self.text.extend_from_slice(open);
    }

    /// The key of the next value.
    pub fn key(&mut self, key: &[u8]) {
        let separator = self.before_key();
        self.string_text(key);
        self.text.push(separator);
    }

    /// The integer key of the next value.
    pub fn index(&mut self, index: i64) {
        let separator = self.before_key();
        let quote: &[u8] = if separator == b':' { b"\"" } else { b"" };
        self.text.extend_from_slice(quote);
        self.json(&index);
        self.text.extend_from_slice(quote);
        self.text.push(separator);
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
        self.text.extend_from_slice(close);
    }

    /// A comma, where the value has no key that brought it.
    fn before_value(&mut self) {
        if let Some((Shape::List, any)) = self.open.last_mut() {
            if *any {
                self.text.push(b',');
            }
            *any = true;
        }
    }

    /// What stands before a key; the answer stands behind it.
    fn before_key(&mut self) -> u8 {
        let Some((shape, any)) = self.open.last_mut() else { return b':' };
        let is_first = !std::mem::replace(any, true);
        if *shape == Shape::Pairs {
            self.text.extend_from_slice(if is_first { b"[" } else { b"],[" });
            return b',';
        }
        if !is_first {
            self.text.push(b',');
        }
        b':'
    }

    fn string_text(&mut self, bytes: &[u8]) {
        if all_plain(bytes).is_some_and(|is_ascii| is_ascii || std::str::from_utf8(bytes).is_ok()) {
            self.text.reserve(bytes.len() + 2);
            self.text.push(b'"');
            self.text.extend_from_slice(bytes);
            self.text.push(b'"');
        } else {
            self.escaped(bytes);
        }
    }

    fn escaped(&mut self, bytes: &[u8]) {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return self.json(text);
        }
        self.text.extend_from_slice(b"{\"$bytes\":\"");
        let start = self.text.len();
        self.text.resize(start + bytes.len().div_ceil(3) * 4, 0);
        STANDARD.encode_slice(bytes, &mut self.text[start..]).expect("there is room for the base64 text");
        self.text.extend_from_slice(b"\"}");
    }

    fn json<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        serde_json::to_writer(&mut self.text, value).expect("writing to memory cannot fail");
    }
}
