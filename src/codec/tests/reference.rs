//! Compares the reader with serde_json's: both accept the same texts, and read the same values from
//! them.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{
    MAX_DEPTH, Objects,
    model::{Key, Value, decoded_with, encoded, normal},
    random::{Random, trials},
};

/// Reads a value with serde_json.
#[derive(Clone, Copy)]
struct Reference<'a> {
    depth: usize,
    /// Set if the text had an object that may be a tag.
    tagged: &'a Cell<bool>,
}

impl Reference<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Reference<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reference<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    #[allow(clippy::cast_precision_loss, reason = "that is what a PHP float is")]
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Vec::new();
        while let Some(value) = items.next_element_seed(inner)? {
            members.push((Key::Int(i64::try_from(members.len()).expect("it is short")), value));
        }
        Ok(Value::Array(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members: Vec<(Key, Value)> = Vec::new();
        let (mut count, mut is_named) = (0, false);
        while let Some(name) = pairs.next_key::<String>()? {
            count += 1;
            is_named = name.starts_with('$');
            let key = normal(name.into_bytes());
            let value = pairs.next_value_seed(inner)?;
            match members.iter_mut().find(|(k, _)| *k == key) {
                Some(member) => member.1 = value,
                None => members.push((key, value)),
            }
        }
        if count == 1 && is_named {
            self.tagged.set(true);
        }
        Ok(Value::Array(members))
    }
}

fn reference(json: &[u8], tagged: &Cell<bool>) -> Option<Value> {
    let text = std::str::from_utf8(json).ok()?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.disable_recursion_limit();
    let value = Reference { depth: 0, tagged }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    text.trim_start().starts_with('{').then_some(value)
}

/// The numbers of texts that both readers refused and accepted.
#[derive(Default)]
struct Tally([usize; 2]);

impl Tally {
    fn compare(&mut self, json: &[u8]) {
        let tagged = Cell::new(false);
        let expected = reference(json, &tagged);
        let text = String::from_utf8_lossy(json);
        match decoded_with(json, Objects::Serialize) {
            // Tags have tests of their own, and a tag at the top may be no array.
            _ if tagged.get() => {}
            Ok(value) => assert_eq!(Some(value), expected, "{text}"),
            Err(error) => assert_eq!(None, expected, "{error}: {text}"),
        }
        self.0[usize::from(expected.is_some())] += 1;
    }

    fn value(&mut self, json: &[u8]) {
        self.compare(&[b"{\"v\":", json, b"}"].concat());
    }

    /// A test in which only one of the two kinds occurs would show little.
    fn both_at_least(&self, count: usize) {
        assert!(self.0.iter().all(|&n| n >= count), "{:?}", self.0);
    }
}

impl Random {
    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("it is below len")
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("it is below")
    }

    fn one_of<'a>(&mut self, parts: &[&'a str]) -> &'a str {
        parts[self.index(parts.len())]
    }

    fn concat(&mut self, parts: &[&str], most: u64) -> String {
        (0..=self.below(most)).map(|_| self.one_of(parts)).collect()
    }
}

#[test]
fn mutated_texts() {
    let mut random = Random(0x0bad_cafe_1234_5678);
    let mut tally = Tally::default();
    let parts = [
        "\"", "\\", "{", "}", "[", "]", ":", ",", "0", "1", "-", ".", "e", " ", "\n", "\t", "\u{b}", "\0",
        "\u{1f}", "\u{7f}", "é", "😀", "\\u", "d83d", "true", "null", "\"a\":1,", "\"a\":2", "[]", "{}",
    ];
    for _ in 0..trials(20_000) {
        let mut text = encoded(&random.array(4)).into_bytes();
        tally.compare(&text);
        for _ in 0..=random.below(2) {
            let at = random.index(text.len() + 1);
            let end = (at + random.index(4)).min(text.len());
            match random.below(4) {
                0 => drop(text.drain(at..end)),
                1 => drop(text.splice(at..at, random.one_of(&parts).bytes())),
                2 => drop(text.splice(at..end, [random.byte()])),
                _ => {
                    let copy = text[at..end].to_vec();
                    let to = random.index(text.len() + 1);
                    drop(text.splice(to..to, copy));
                }
            }
        }
        tally.compare(&text);
    }
    tally.both_at_least(trials(5000));
}

#[test]
fn cut_texts_and_what_follows() {
    let text =
        r#" { "a" : [ 1 , -2.5e+3 , true , false , null , "x\ty" , { } , [ ] ] , "ключ" : "\ud83d\ude00" } "#;
    let mut tally = Tally::default();
    // Miri is slow, so it tries only some of the positions.
    for end in (0..=text.len()).step_by(if cfg!(miri) { 17 } else { 1 }) {
        tally.compare(&text.as_bytes()[..end]);
        for byte in (0..=u8::MAX).step_by(if cfg!(miri) { 51 } else { 1 }) {
            let (head, tail) = text.as_bytes().split_at(end);
            tally.compare(&[head, &[byte], tail].concat());
        }
    }
    tally.both_at_least(trials(300));
}

#[test]
fn strings() {
    let mut random = Random(0x5151_0000_7777_0001);
    let mut tally = Tally::default();
    let parts = [
        "a",
        "bcdefgh",
        "0123456789abcdef",
        "é",
        "€",
        "😀",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\b",
        "\\u0041",
        "\\u0000",
        "\\ud83d\\ude00",
        "\\uD83D\\uDE00",
        "\\u00e9",
        "\u{7f}",
        "'",
    ];
    let wrong = [
        "\\ud83d",
        "\\ude00",
        "\\ud83d\\u0041",
        "\\ud83dx",
        "\\u12",
        "\\u12g4",
        "\\x",
        "\\",
        "\n",
        "\0",
        "\"",
    ];
    for turn in 0..trials(20_000) {
        let mut text = random.concat(&parts, 6);
        if turn % 2 == 0 {
            text += random.one_of(&wrong);
            text += &random.concat(&parts, 3);
        }
        tally.value(format!("\"{text}\"").as_bytes());
        tally.compare(format!("{{\"{text}\":1,\"a\":\"{text}\"}}").as_bytes());
        let mut bytes = format!("\"{text}\"").into_bytes();
        let at = random.index(bytes.len());
        bytes[at] = random.byte();
        tally.value(&bytes);
    }
    tally.both_at_least(trials(10_000));
}

#[test]
fn numbers() {
    let mut random = Random(0x2468_ace0_1357_9bdf);
    let mut tally = Tally::default();
    for text in [
        "-0",
        "-0.0",
        "0e1",
        "-0e-400",
        "00",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "1.e1",
        "1e400",
        "-1e400",
        "0e999999999999999999999",
        "1e-999999999999999999999",
        "9007199254740993",
        "9007199254740993.0",
        "999999999999999.9",
        "9999999999999999.9",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "576460752303423487",
        "576460752303423488",
        "-576460752303423488",
        "-576460752303423489",
        "0.000001",
        "123456789012345e-22",
        "2.2250738585072011e-308",
        "1.7976931348623159e308",
    ] {
        tally.value(text.as_bytes());
    }
    for _ in 0..trials(30_000) {
        let float = f64::from_bits(random.below(u64::MAX));
        let int = random.below(u64::MAX).cast_signed() >> random.below(64);
        let digits = random.concat(&["0", "1", "5", "9", "37"], 24);
        let texts = [
            format!("{float:e}"),
            format!("{float:.*e}", random.index(25)),
            // A number half way between two floats, or next to that.
            format!(
                "{:.60}",
                f64::from_bits(0x3ff0_0000_0000_0000 | random.below(1 << 52)) + f64::EPSILON / 2.0
            ),
            format!("{}", f64::from(u32::try_from(random.below(1 << 32)).expect("it is below")) / 1000.0),
            int.to_string(),
            format!("{digits}.{}", random.concat(&["0", "1", "9"], 24)),
            format!("-{digits}"),
            format!("{}e{}", random.concat(&["1", "2", "3.5"], 1), random.index(700).cast_signed() - 350),
            random.concat(&["0", "1", "9", "-", "+", ".", "e", "E"], 8),
        ];
        tally.value(texts[random.index(texts.len())].as_bytes());
    }
    tally.both_at_least(trials(2000));
}

#[test]
fn nesting() {
    let mut random = Random(0x1111_2222_3333_4444);
    let mut tally = Tally::default();
    let reads = move || {
        let depths = [1, 2, 100, MAX_DEPTH - 2, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 1000];
        // Miri takes minutes for the deep ones. The codec's own test of its limit covers them.
        for depth in depths.into_iter().take(if cfg!(miri) { 2 } else { 8 }) {
            for _ in 0..trials(20) {
                let is_list: Vec<bool> = (0..depth).map(|_| random.below(2) == 0).collect();
                let open: String =
                    is_list.iter().map(|list| if *list { "[0," } else { "{\"a\":1,\"b\":" }).collect();
                let close: String = is_list.iter().rev().map(|list| if *list { "]" } else { "}" }).collect();
                tally.compare(format!("{{\"v\":{open}7{close}}}").as_bytes());
                tally.compare(format!("{{\"v\":{open}7{}}}", &close[1..]).as_bytes());
            }
        }
        tally.both_at_least(trials(80));
    };
    // serde_json's reader and the model's need more stack than a test's thread has.
    std::thread::Builder::new().stack_size(64 << 20).spawn(reads).unwrap().join().unwrap();
}
