//! Values to text and back, in a model of PHP's values.

mod model;
mod random;
mod reference;

use super::{MAX_DEPTH, Objects, decode, tape::Tape};
use model::{Key, Value, array, decoded, decoded_with, encoded, key, list, map, string};
use random::{Random, trials};

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
            let far = if cfg!(miri) { 2 * MAX_DEPTH } else { 100_000 };
            assert!(decode(nested(far).as_bytes(), Objects::Refuse, &mut Tape::default()).is_err());
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn a_tape_ends_at_its_memory() {
    let floats = |count: usize| format!("{{\"v\":[{}0]}}", "-0,".repeat(count));
    for (count, fits) in [(400, true), (600, false), (100_000, false)] {
        let json = floats(count);
        // A float takes two words, and few of them are not for floats.
        let mut tape = Tape::for_text(json.len(), 8 * 1000);
        assert_eq!(decode(json.as_bytes(), Objects::Refuse, &mut tape).is_ok(), fits, "{count}");
        assert_eq!(tape.is_full(), !fits, "{count}");
        assert!(tape.words().len() < 1010, "{count}");
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
