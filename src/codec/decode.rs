//! Text to values.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{
    MAX_DEPTH,
    tape::{Op, Position, Tape},
};

/// `rustredis.json_objects`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Objects {
    /// A text that holds an object is refused: unserialize() on what others can write is how gadget chains begin.
    Refuse,
    /// Objects are handed over in PHP's serialization.
    Serialize,
}

/// Why a text is not a session.
#[derive(Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads one JSON object, and nothing behind it, onto an empty tape.
pub fn decode(json: &[u8], objects: Objects, tape: &mut Tape) -> Result<(), DecodeError> {
    // Once for the whole text: string by string takes twice as long.
    let text = std::str::from_utf8(json)
        .map_err(|error| DecodeError(format!("it is not UTF-8 (at byte {})", error.valid_up_to())))?;
    let mut state = State { json, tape, objects };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // Our own limit, which counts the same way in both directions.
    deserializer.disable_recursion_limit();
    let result = Value { state: &mut state, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| DecodeError(error.to_string()));
    match result {
        Ok(()) if state.tape.op(0) != Some(Op::Map) => Err(DecodeError("it is not a JSON object".into())),
        result => result,
    }
}

struct State<'a> {
    json: &'a [u8],
    tape: &'a mut Tape,
    objects: Objects,
}

/// Reads one value onto the tape.
struct Value<'s, 'a> {
    state: &'s mut State<'a>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.state.tape.plain(Op::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.state.tape.plain(if value { Op::True } else { Op::False });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.state.tape.int(value);
        Ok(())
    }

    /// Over PHP's largest integer it is a float, as json_decode() has it.
    #[allow(clippy::cast_precision_loss, reason = "that is what a PHP float is")]
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.state.tape.int(value),
            Err(_) => self.state.tape.float(value as f64),
        }
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.state.tape.float(value);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.state.borrowed(text);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.state.tape.bytes_of(Op::Bytes, text.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        let list = self.state.tape.open(Op::List);
        let mut count = 0;
        while items.next_element_seed(Value { state: self.state, depth })?.is_some() {
            count += 1;
        }
        self.state.tape.close(list, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        let map = self.state.tape.open(Op::Map);
        let mut count = 0;
        while members.next_key_seed(Value { state: self.state, depth })?.is_some() {
            members.next_value_seed(Value { state: self.state, depth })?;
            count += 1;
        }
        self.state.tape.close(map, count);
        if count == 1 { self.state.tag(map) } else { Ok(()) }
    }
}

fn deeper<E: Error>(depth: usize) -> Result<usize, E> {
    if depth == MAX_DEPTH {
        return Err(E::custom(format_args!("it is nested deeper than {MAX_DEPTH} levels")));
    }
    Ok(depth + 1)
}

impl<'de> State<'de> {
    fn borrowed(&mut self, text: &'de str) {
        // It is a part of `json`: only where it lies goes onto the tape.
        let offset = text.as_ptr().addr() - self.json.as_ptr().addr();
        self.tape.text(offset, text.len());
    }

    /// An object with one member: what it stands for, if it is a tag. What is no known tag stays an array.
    fn tag<E: Error>(&mut self, map: Position) -> Result<(), E> {
        let name = map + 9;
        let value = self.tape.after(name);
        match self.tape.string(name, self.json) {
            Some(b"$bytes") => self.bytes(map, value),
            Some(b"$float") => self.float(map, value),
            Some(b"$map") => self.pairs(map, value),
            Some(b"$object") => return self.object(map, value),
            _ => {}
        }
        Ok(())
    }

    fn bytes(&mut self, map: Position, value: Position) {
        if let Some(Ok(bytes)) = self.tape.string(value, self.json).map(|text| STANDARD.decode(text)) {
            self.tape.truncate(map);
            self.tape.bytes_of(Op::Bytes, &bytes);
        }
    }

    fn float(&mut self, map: Position, value: Position) {
        let float = match self.tape.string(value, self.json) {
            Some(b"NAN") => f64::NAN,
            Some(b"INF") => f64::INFINITY,
            Some(b"-INF") => f64::NEG_INFINITY,
            _ => return,
        };
        self.tape.truncate(map);
        self.tape.float(float);
    }

    /// A list of pairs becomes a map: of the map, the list and each pair's head only the first stays.
    fn pairs(&mut self, map: Position, value: Position) {
        if self.tape.op(value) != Some(Op::List) {
            return;
        }
        let count = self.tape.operand(value);
        let mut members = Vec::new();
        let mut position = value + 9;
        for _ in 0..count {
            let is_pair = self.tape.op(position) == Some(Op::List) && self.tape.operand(position) == 2;
            let is_key = matches!(self.tape.op(position + 9), Some(Op::Int | Op::Text | Op::Bytes));
            if !is_pair || !is_key {
                return;
            }
            let end = self.tape.after(position);
            members.extend_from_slice(&self.tape.bytes()[position + 9..end]);
            position = end;
        }
        self.tape.truncate(map);
        self.tape.open(Op::Map);
        self.tape.close(map, count);
        self.tape.append(&members);
    }

    fn object<E: Error>(&mut self, map: Position, value: Position) -> Result<(), E> {
        let Some(serialized) = self.tape.string(value, self.json).map(<[u8]>::to_vec) else { return Ok(()) };
        if self.objects == Objects::Refuse {
            return Err(E::custom("it holds an object, which only rustredis.json_objects=serialize reads"));
        }
        self.tape.truncate(map);
        self.tape.bytes_of(Op::Object, &serialized);
        Ok(())
    }
}
