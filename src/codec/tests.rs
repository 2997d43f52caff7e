//! Values to text and back, in a model of PHP's values.

mod reference;

use super::{
    DecodeError, MAX_DEPTH, Objects, Shape, Writer, decode,
    tape::{Op, Tape},
};

/// A PHP value. Array keys are as PHP has them: no string key looks like an integer.
#[derive(Clone, Debug)]
enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Vec<u8>),
    Array(Vec<(Key, Value)>),
    Object(Vec<u8>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Key {
    Int(i64),
    String(Vec<u8>),
}

/// As `===`, but floats to the bit.
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

fn string(text: &str) -> Value {
    Value::String(text.into())
}

fn key(text: &str) -> Key {
    Key::String(text.into())
}

fn map(members: &[(&str, Value)]) -> Value {
    Value::Array(members.iter().map(|(name, value)| (key(name), value.clone())).collect())
}

fn list(values: &[Value]) -> Value {
    Value::Array((0..).zip(values).map(|(i, value)| (Key::Int(i), value.clone())).collect())
}

fn array(members: &[(i64, Value)]) -> Value {
    Value::Array(members.iter().map(|(i, value)| (Key::Int(*i), value.clone())).collect())
}

/// What `json_encode.c` does with an array's keys.
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

fn encoded(value: &Value) -> String {
    let mut writer = Writer::default();
    write(value, true, &mut writer);
    String::from_utf8(writer.text().to_vec()).unwrap()
}

/// Reads the value at `position`, which moves behind it.
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
fn normal(bytes: Vec<u8>) -> Key {
    let int = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.parse::<i64>().ok().filter(|i| i.to_string() == text));
    int.map_or(Key::String(bytes), Key::Int)
}

fn decoded_with(json: &[u8], objects: Objects) -> Result<Value, DecodeError> {
    let mut tape = Tape::default();
    decode(json, objects, &mut tape)?;
    let mut position = 0;
    let value = read(&tape, json, &mut position);
    assert_eq!(position, tape.words().len());
    Ok(value)
}

fn decoded(json: &str) -> Value {
    decoded_with(json.as_bytes(), Objects::Serialize).unwrap()
}

#[track_caller]
fn both_ways(value: &Value, json: &str) {
    assert_eq!(encoded(value), json);
    assert_eq!(&decoded(json), value);
}

#[test]
fn plain_data_stays_plain() {
    both_ways(&map(&[]), "{}");
    let session = map(&[
        ("user", string("Zoë/\"\u{1}")),
        ("n", Value::Int(i64::MIN)),
        ("ok", Value::Bool(true)),
        ("no", Value::Bool(false)),
        ("nothing", Value::Null),
        ("list", list(&[Value::Int(1), list(&[]), string("")])),
        ("map", map(&[("a", map(&[("b", Value::Int(2))]))])),
    ]);
    both_ways(
        &session,
        r#"{"user":"Zoë/\"\u0001","n":-9223372036854775808,"ok":true,"no":false,"nothing":null,"list":[1,[],""],"map":{"a":{"b":2}}}"#,
    );
}

#[test]
fn floats_come_back_to_the_bit() {
    for (float, json) in [(1.0, "1.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e300, "1e300"), (5e-324, "5e-324")] {
        let text = encoded(&map(&[("f", Value::Float(float))]));
        assert_eq!(decoded(&text), map(&[("f", Value::Float(float))]), "{text}");
        assert!(text.contains(['.', 'e']), "{text} is not an integer");
        assert_eq!(decoded(&format!("{{\"f\":{json}}}")), map(&[("f", Value::Float(float))]));
    }
    both_ways(&map(&[("f", Value::Float(f64::NAN))]), r#"{"f":{"$float":"NAN"}}"#);
    both_ways(&map(&[("f", Value::Float(f64::NEG_INFINITY))]), r#"{"f":{"$float":"-INF"}}"#);
}

#[test]
fn bytes_that_are_no_text_are_tagged() {
    both_ways(&map(&[("b", Value::String(vec![0xff, 0, 1]))]), r#"{"b":{"$bytes":"/wAB"}}"#);
    both_ways(
        &Value::Array(vec![(Key::String(vec![0xff]), Value::Int(1))]),
        r#"{"$map":[[{"$bytes":"/w=="},1]]}"#,
    );
}

#[test]
fn integer_keys_are_plain_in_the_order_that_every_reader_keeps() {
    both_ways(&map(&[("a", array(&[(3, Value::Int(1)), (7, Value::Int(2))]))]), r#"{"a":{"3":1,"7":2}}"#);
    both_ways(
        &map(&[("a", array(&[(7, Value::Int(1)), (3, Value::Int(2))]))]),
        r#"{"a":{"$map":[[7,1],[3,2]]}}"#,
    );
    both_ways(&array(&[(0, Value::Int(1))]), r#"{"0":1}"#);
    let mixed = Value::Array(vec![(key("a"), Value::Int(1)), (Key::Int(0), Value::Int(2))]);
    both_ways(&mixed, r#"{"$map":[["a",1],[0,2]]}"#);
}

#[test]
fn what_looks_like_a_tag_is_escaped_and_unknown_tags_are_arrays() {
    both_ways(&map(&[("t", map(&[("$bytes", string("AA=="))]))]), r#"{"t":{"$map":[["$bytes","AA=="]]}}"#);
    both_ways(&map(&[("$map", list(&[]))]), r#"{"$map":[["$map",[]]]}"#);
    for (json, name) in [
        (r#"{"$new":1}"#, "$new"),
        (r#"{"$bytes":1}"#, "$bytes"),
        (r#"{"$bytes":"?"}"#, "$bytes"),
        (r#"{"$float":"1"}"#, "$float"),
        (r#"{"$map":[[1]]}"#, "$map"),
        (r#"{"$map":[[[],1]]}"#, "$map"),
    ] {
        match decoded(json) {
            Value::Array(members) => assert_eq!(members[0].0, key(name), "{json}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(decoded(&encoded(&decoded(json))), decoded(json));
    }
    both_ways(&map(&[("$a", Value::Int(1)), ("b", Value::Int(2))]), r#"{"$a":1,"b":2}"#);
}

#[test]
fn objects_are_only_read_where_they_are_chosen() {
    let json = br#"{"o":{"$object":"O:1:\"A\":0:{}"}}"#;
    let object = map(&[("o", Value::Object(b"O:1:\"A\":0:{}".to_vec()))]);
    assert_eq!(decoded_with(json, Objects::Serialize).unwrap(), object);
    assert_eq!(encoded(&object).as_bytes(), json);
    let error = decoded_with(json, Objects::Refuse).unwrap_err().to_string();
    assert!(error.contains("rustredis.json_objects"), "{error}");
}

#[test]
fn what_is_no_session_is_refused() {
    for bad in [
        "",
        "[]",
        "1",
        "null",
        "{",
        "{}x",
        "{\"a\":}",
        "{\"a\":\"\u{0}\"}",
        "{\"a\":\"\\ud800\"}",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":01}",
    ] {
        assert!(decoded_with(bad.as_bytes(), Objects::Serialize).is_err(), "{bad}");
    }
    assert!(decoded_with(b"{\"a\":\"\xff\"}", Objects::Serialize).is_err());
}

#[test]
fn nesting_is_bounded_and_the_stack_is_enough_for_it() {
    let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || {
            assert_eq!(decode(nested(MAX_DEPTH).as_bytes(), Objects::Refuse, &mut Tape::default()), Ok(()));
            let mut tape = Tape::default();
            let error =
                decode(nested(MAX_DEPTH + 1).as_bytes(), Objects::Refuse, &mut tape).unwrap_err().to_string();
            assert!(error.contains("512 levels"), "{error}");
            assert!(
                decode(nested(trials(100_000)).as_bytes(), Objects::Refuse, &mut Tape::default()).is_err()
            );
        })
        .unwrap()
        .join()
        .unwrap();
}

/// As many, or what takes as long under Miri.
fn trials(count: usize) -> usize {
    if cfg!(miri) { count / 100 } else { count }
}

/// xorshift64
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
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

    fn array(&mut self, depth: u32) -> Value {
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

#[test]
fn random_values_come_back() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for _ in 0..trials(20_000) {
        let value = random.array(4);
        let json = encoded(&value);
        assert_eq!(decoded(&json), value, "{json}");
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random(0xfeed_beef);
    let words: [&[u8]; 22] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"\"",
        b"$map",
        b"\"$map\":[[",
        b"\"$bytes\":",
        b"\"AA==\"",
        b"\"$float\":\"INF\"",
        b"1",
        b"-",
        b"e9",
        b"null",
        b"true",
        b"\\u0000",
        b"\\",
        b"\xff",
        b" ",
        b"{\"$object\":\"x\"}",
    ];
    for _ in 0..trials(50_000) {
        let text: Vec<u8> = (0..random.below(14))
            .flat_map(|_| words[usize::try_from(random.below(22)).unwrap()].iter().copied())
            .collect();
        let _ = decoded_with(&[b"{", &*text].concat(), Objects::Serialize);
    }
}
