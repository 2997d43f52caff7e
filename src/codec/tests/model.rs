//! A model of PHP's values and of the C files, which walk values for the writer and build them from
//! a tape.

use super::super::{
    DecodeError, Objects, Shape, Writer, decode,
    tape::{Op, Tape},
};

/// A PHP value. Array keys are as in PHP: no string key looks like an integer.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Vec<u8>),
    Array(Vec<(Key, Value)>),
    Object(Vec<u8>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Key {
    Int(i64),
    String(Vec<u8>),
}

/// Compares as `===` does, but floats bit by bit.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
            (Self::String(a), Self::String(b)) | (Self::Object(a), Self::Object(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            _ => false,
        }
    }
}

pub fn string(text: &str) -> Value {
    Value::String(text.into())
}

pub fn key(text: &str) -> Key {
    Key::String(text.into())
}

pub fn map(members: &[(&str, Value)]) -> Value {
    Value::Array(members.iter().map(|(name, value)| (key(name), value.clone())).collect())
}

pub fn list(values: &[Value]) -> Value {
    Value::Array((0..).zip(values).map(|(i, value)| (Key::Int(i), value.clone())).collect())
}

pub fn array(members: &[(i64, Value)]) -> Value {
    Value::Array(members.iter().map(|(i, value)| (Key::Int(*i), value.clone())).collect())
}

/// Chooses the shape of an array by its keys, as `json_encode.c` does.
fn shape(members: &[(Key, Value)], top: bool) -> Shape {
    if !top && (0..).zip(members).all(|(i, (key, _))| *key == Key::Int(i)) {
        return Shape::List;
    }
    let mut last = -1;
    let mut strings = false;
    for (key, _) in members {
        match key {
            Key::Int(i) if *i > last && *i < 0xffff_ffff && !strings => last = *i,
            Key::Int(i) if *i < 0 => strings = true,
            Key::Int(_) => return Shape::Pairs,
            Key::String(bytes) => {
                strings = true;
                if std::str::from_utf8(bytes).is_err() || members.len() == 1 && bytes.first() == Some(&b'$') {
                    return Shape::Pairs;
                }
            }
        }
    }
    Shape::Object
}

fn write(value: &Value, top: bool, writer: &mut Writer) {
    match value {
        Value::Null => writer.null(),
        Value::Bool(value) => writer.bool(*value),
        Value::Int(value) => writer.int(*value),
        Value::Float(value) => writer.float(*value),
        Value::String(bytes) => writer.string(bytes),
        Value::Object(serialized) => writer.object(serialized),
        Value::Array(members) => {
            let shape = shape(members, top);
            writer.begin(shape);
            for (key, value) in members {
                match key {
                    _ if shape == Shape::List => {}
                    Key::Int(i) => writer.index(*i),
                    Key::String(bytes) => writer.key(bytes),
                }
                write(value, false, writer);
            }
            writer.end();
        }
    }
}

pub fn encoded(value: &Value) -> String {
    let mut writer = Writer::default();
    write(value, true, &mut writer);
    String::from_utf8(writer.text().to_vec()).unwrap()
}

/// Reads the value at `position`, and moves `position` behind it.
fn read(tape: &Tape, json: &[u8], position: &mut usize) -> Value {
    let here = *position;
    let op = tape.op(here).unwrap();
    let count = || tape.count(here);
    let wide = || tape.words()[here + 1];
    if !matches!(op, Op::List | Op::Map) {
        *position = tape.after(here);
    }
    match op {
        Op::Null => Value::Null,
        Op::False | Op::True => Value::Bool(op == Op::True),
        Op::Int => Value::Int(tape.words()[here].cast_signed() >> 4),
        Op::WideInt => Value::Int(wide().cast_signed()),
        Op::Float => Value::Float(f64::from_bits(wide())),
        Op::Text | Op::Bytes => Value::String(tape.string(here, json).unwrap().to_vec()),
        Op::Object => {
            let word = usize::try_from(tape.words()[here]).unwrap();
            let (offset, len) = (word >> 34, word >> 4 & 0x3fff_ffff);
            Value::Object(tape.strings()[offset..offset + len].to_vec())
        }
        Op::List => {
            *position += 1;
            list(&(0..count()).map(|_| read(tape, json, position)).collect::<Vec<_>>())
        }
        Op::Map => {
            *position += 1;
            let mut members: Vec<(Key, Value)> = Vec::new();
            for _ in 0..count() {
                let key = match read(tape, json, position) {
                    Value::Int(i) => Key::Int(i),
                    Value::String(bytes) => normal(bytes),
                    other => panic!("{other:?} as a key"),
                };
                let value = read(tape, json, position);
                match members.iter_mut().find(|(k, _)| *k == key) {
                    Some(member) => member.1 = value,
                    None => members.push((key, value)),
                }
            }
            Value::Array(members)
        }
    }
}

/// PHP's arrays turn keys that look like integers into integers.
pub fn normal(bytes: Vec<u8>) -> Key {
    let int = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.parse::<i64>().ok().filter(|i| i.to_string() == text));
    int.map_or(Key::String(bytes), Key::Int)
}

pub fn decoded_with(json: &[u8], objects: Objects) -> Result<Value, DecodeError> {
    let mut tape = Tape::default();
    decode(json, objects, &mut tape)?;
    let mut position = 0;
    let value = read(&tape, json, &mut position);
    assert_eq!(position, tape.words().len());
    Ok(value)
}

pub fn decoded(json: &str) -> Value {
    decoded_with(json.as_bytes(), Objects::Serialize).unwrap()
}
