//! Random and mutated texts through every parser of foreign texts: the settings, PHP's
//! serializations, JSON. No text may cause a panic, cost more than its length allows, show a
//! password, or let an object pass.
//!
//! `make fuzz` runs it for `FUZZ_SECONDS`, see `support/fuzz.rs`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::support::fuzz;
use crate::support::random::Random;
use phpsess_rs::codec::php_text::{self, Content};
use phpsess_rs::codec::tape::Tape;
use phpsess_rs::codec::{Objects, decode};
use phpsess_rs::config::{IniValues, Setting, Settings, mask};
use serde::Deserialize;

/// A part of every password in this test. No message may contain it.
const SECRET: &str = "S3cr3t";
/// The time limit for the longest text of a trial, on a busy machine.
const SOON: Duration = Duration::from_secs(5);

fn pick<'a>(random: &mut Random, of: &[&'a str]) -> &'a str {
    random.pick(of).expect("there are some")
}

fn chance(random: &mut Random, in_ten: u64) -> bool {
    random.between(1, 10) <= in_ten
}

fn at(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.next() % (length as u64 + 1)).expect("within a length")
}

/// A password with every kind of character, and the marker.
fn password(random: &mut Random) -> String {
    let mut text = String::from(SECRET);
    for _ in 0..random.between(0, 6) {
        text += pick(
            random,
            &["&", ",", "@", "/", "?", "#", ":", "%", "=", "+", " ", "[]", "é", "\u{1f511}", "x", "1"],
        );
    }
    text
}

fn percent(text: &str, random: &mut Random, all: bool) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if all || !byte.is_ascii_alphanumeric() || chance(random, 1) {
            write!(encoded, "%{byte:02X}").expect("a String takes it");
        } else {
            encoded.push(char::from(byte));
        }
        encoded
    })
}

/// A save path of any form, well-formed or not, with a password in one of the places that take one.
fn save_path(random: &mut Random, secret: &str) -> String {
    let all = chance(random, 3);
    let encoded = percent(secret, random, all);
    // TLS is rare, because each such path reads the system's authorities.
    let schemes: &[&str] = match random.between(0, 19) {
        0 => &["tls://", "rediss://"],
        _ => &["tcp://", "redis://", "unix://", "sentinel://", "cluster://", "http://", ""],
    };
    let scheme = pick(random, schemes);
    let place = match scheme {
        "unix://" => pick(random, &["/run/r.sock", "relative", ""]),
        "sentinel://" => pick(random, &["a:1,b/m", "a,b", "[::1]:2/m/3", "/m"]),
        _ => pick(random, &["h:1", "h", "h:0", "[::1]:7", "::1", "h:99999", "", "a:1,b:2", "h:1/3", "h:1/x"]),
    };
    let user = match random.between(0, 3) {
        0 => format!("u:{encoded}@"),
        1 => format!("{encoded}@"),
        _ => String::new(),
    };
    let mut parameters = Vec::new();
    for _ in 0..random.between(0, 3) {
        let name = pick(
            random,
            &[
                "database",
                "prefix",
                "timeout",
                "read_timeout",
                "weight",
                "stream[cafile]",
                "persistent",
                "nonsense",
            ],
        );
        let value =
            pick(random, &["1", "0", "2.5", "x", "-1", "", "99999999999999999999", "%ff", "1e9", "/nowhere"]);
        parameters.push(format!("{name}={value}"));
    }
    if user.is_empty() || chance(random, 3) {
        let name = pick(
            random,
            &[
                "auth",
                "auth[]",
                "auth[pass]",
                "pass",
                "sentinel_auth",
                "stream[passphrase]",
                "auth[0]",
                "AUTH",
            ],
        );
        let name = if chance(random, 2) { percent(name, random, true) } else { name.to_owned() };
        let index = at(random, parameters.len());
        parameters.insert(index, format!("{name}={encoded}"));
    }
    let begin = if chance(random, 2) { pick(random, &["&", ":", "=", ";", "#", "|", "%3F"]) } else { "?" };
    let one = format!("{scheme}{user}{place}{begin}{}", parameters.join("&"));
    if chance(random, 1) { format!("tcp://first:1, {one}") } else { one }
}

#[test]
fn no_save_path_panics_or_shows_its_password() {
    let (mut good, mut bad) = (0, 0);
    let run = fuzz::run("save paths", 20_000, |random| {
        let secret = password(random);
        let path = save_path(random, &secret);
        let masked = mask(&path);
        assert!(!masked.contains(SECRET), "{path} is shown as {masked}");
        match Settings::parse(&path, &IniValues::default()) {
            Ok(settings) => {
                good += 1;
                let shown = format!("{settings:?} {}", settings.shards.of(0));
                assert!(!shown.contains(SECRET), "{path} is shown as {shown}");
            }
            Err(error) => {
                bad += 1;
                assert!(!error.to_string().contains(SECRET), "{path}: {error}");
            }
        }
        // A password that is not encoded, as no user should write it, in a place where it ends
        // early.
        let raw = format!("tcp://h:1?auth={secret}&database=x");
        if let Err(error) = Settings::parse(&raw, &IniValues::default()) {
            assert!(!error.to_string().contains(SECRET), "{raw}: {error}");
        }
        // Random changes of the bytes.
        let mut bytes = path.into_bytes();
        for _ in 0..random.between(1, 4) {
            let index = at(random, bytes.len());
            match random.between(0, 2) {
                0 if index < bytes.len() => drop(bytes.remove(index)),
                1 => bytes.truncate(index),
                _ => bytes.insert(index, random.next().to_le_bytes()[0]),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let _ =
            (mask(&text), Settings::parse(&text, &IniValues::default()).map_err(|error| error.to_string()));
    });
    println!("{run}; {good} good, {bad} bad");
    assert!(good > 100 && bad > 100);
}

/// The parts of a path are in any order here, and each unknown word may be a password.
#[test]
fn nothing_of_a_path_that_is_not_understood_is_quoted() {
    const WORD: &str = "Wx7q";
    let pieces = [
        "tcp://",
        "redis://",
        "unix:///",
        "sentinel://",
        "cluster://",
        "://",
        ":",
        "/",
        "?",
        "&",
        "=",
        ",",
        " ",
        "@",
        ";",
        "%",
        "%2F",
        "[",
        "]",
        "seed[]=",
        "auth=",
        "database=",
        "timeout=",
        "weight=",
        "prefix=",
        "stream[cafile]=",
        "tls=",
        "h",
        "h:1",
        ":6379",
        "0",
        "99999",
        "5;",
        WORD,
        WORD,
        WORD,
        WORD,
    ];
    let mut bad = 0;
    let run = fuzz::run("paths of pieces", 10_000, |random| {
        let mut path = String::new();
        for _ in 0..random.between(1, 9) {
            path += pick(random, &pieces);
        }
        if let Err(error) = Settings::parse(&path, &IniValues::default()) {
            bad += u32::from(path.contains(WORD));
            let message = error.to_string();
            assert!(!message.contains(WORD), "{path}: {message}");
            assert!(!mask(&path).contains(WORD), "{path} is shown as {}", mask(&path));
        }
    });
    println!("{run}; {bad} bad");
    assert!(bad > 100);
}

#[test]
fn no_setting_panics_or_gets_a_value_that_it_cannot_have() {
    let mut good = 0;
    let run = fuzz::run("settings", 50_000, |random| {
        let setting = random.pick(&Setting::ALL).expect("there are some");
        let mut text = String::new();
        for _ in 0..random.between(0, 4) {
            text += pick(
                random,
                &[
                    "1",
                    "0",
                    "9",
                    "99999999999",
                    ".",
                    "-",
                    "e",
                    "K",
                    "M",
                    "G",
                    "on",
                    "OFF",
                    "fail",
                    "readonly",
                    "inf",
                    "nan",
                    " ",
                    "é",
                    "\0",
                ],
            );
        }
        let checked = setting.check(&text);
        let texts = IniValues::default().with(setting, &text);
        match Settings::parse("tcp://h:1", &texts) {
            Ok(settings) => {
                good += 1;
                let lock = settings.lock.as_ref();
                assert!(
                    settings.connect_timeout <= Duration::from_mins(5) && !settings.connect_timeout.is_zero()
                );
                assert!(settings.read_timeout <= Duration::from_hours(1) && !settings.read_timeout.is_zero());
                assert!(settings.pool_size >= 1 && settings.pool_size <= 1024);
                assert!(
                    lock.is_none_or(|lock| lock.wait <= Duration::from_hours(1) && !lock.lease.is_zero())
                );
            }
            Err(_) => assert!(checked.is_err(), "{setting:?} takes {text:?} alone, and not with the others"),
        }
    });
    println!("{run}; {good} good");
    assert!(good > 1000);
}

/// A value as serialize() writes it. With `object`, there is one somewhere in it.
fn serialized(random: &mut Random, depth: u64, object: bool) -> String {
    if depth == 0 || (!object && chance(random, 5)) {
        if object {
            return pick(
                random,
                &[
                    "O:1:\"G\":0:{}",
                    "C:1:\"G\":3:{x;}",
                    "E:8:\"Suit:Red\";",
                    "O:8:\"stdClass\":1:{s:1:\"a\";i:1;}",
                ],
            )
            .into();
        }
        let text = pick(random, &["", "x|y", "O:1:\"G\":0:{}", "\";}", "é", "a:1:{"]);
        return match random.between(0, 5) {
            0 => "N;".into(),
            1 => "b:1;".into(),
            2 => "i:-12;".into(),
            3 => "d:1.0E+25;".into(),
            4 => "R:1;".into(),
            _ => format!("s:{}:\"{text}\";", text.len()),
        };
    }
    let count = random.between(1, 4);
    let place = random.between(0, count - 1);
    let values: Vec<_> = (0..count)
        .map(|n| format!("i:{n};{}", serialized(random, depth - 1, object && n == place)))
        .collect();
    format!("a:{count}:{{{}}}", values.concat())
}

fn session(random: &mut Random, object: bool) -> String {
    let count = random.between(1, 4);
    let place = random.between(0, count - 1);
    let values: Vec<_> =
        (0..count).map(|n| format!("n{n}|{}", serialized(random, 3, object && n == place))).collect();
    values.concat()
}

#[test]
fn php_texts_are_told_apart_whatever_is_in_them() {
    let run = fuzz::run("PHP's serializations", 20_000, |random| {
        let plain = session(random, false);
        assert_eq!(php_text::php(plain.as_bytes()), Content::Plain, "{plain}");
        let objects = session(random, true);
        assert_eq!(php_text::php(objects.as_bytes()), Content::Objects, "{objects}");
        let value = serialized(random, 3, true);
        assert_eq!(php_text::php_serialize(value.as_bytes()), Content::Objects, "{value}");

        let mut bytes = objects.into_bytes();
        for _ in 0..random.between(1, 4) {
            let index = at(random, bytes.len());
            match random.between(0, 3) {
                0 => bytes.truncate(index),
                1 => bytes.insert(index, random.pick(b"aOsiRN:;{}\"|09-\0").expect("there are some")),
                2 => {
                    let tail = bytes[index..].to_vec();
                    bytes.extend(tail);
                }
                _ => bytes.splice(index..index, b"99999999999999999999".iter().copied()).for_each(drop),
            }
        }
        let _ = (php_text::php(&bytes), php_text::php_serialize(&bytes));
    });
    println!("{run}");
}

#[test]
fn long_texts_cost_no_more_than_their_length() {
    for piece in ["a:1:{i:0;", "a:0:{}", "s:0:\"\";", "x|", "x|i:1;", "i:1;", "O", ":", "a:9:{"] {
        let text = format!("x|{}", piece.repeat((4 << 20) / piece.len()));
        let start = Instant::now();
        let _ = (php_text::php(text.as_bytes()), php_text::php_serialize(text.as_bytes()));
        assert!(start.elapsed() < SOON, "{piece:?} took {:?}", start.elapsed());
    }
}

#[test]
fn no_json_panics_or_holds_an_object_that_was_refused() {
    let vectors = include_str!("../../docs/json-vectors.json");
    let mut vectors = serde_json::Deserializer::from_str(vectors);
    vectors.disable_recursion_limit();
    let corpus: Vec<String> = Vec::<serde_json::Value>::deserialize(&mut vectors)
        .expect("the vectors are JSON")
        .iter()
        .filter_map(|vector| Some(vector.get("json")?.as_str()?.to_owned()))
        .collect();
    assert!(corpus.len() > 20);
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "$map",
        "{\"$map\":[[",
        "]]}",
        "{\"$bytes\":\"",
        "{\"$object\":\"",
        "\"$float\":\"INF\"",
        "null",
        "1e999",
        "-0",
        "18446744073709551616",
        "\\u0000",
        "\\ud83d",
        "\u{1}",
    ];
    let mut accepted = 0;
    let run = fuzz::run("JSON", 20_000, |random| {
        let mut text =
            random.pick(&corpus.iter().collect::<Vec<_>>()).expect("there are some").clone().into_bytes();
        for _ in 0..random.between(1, 5) {
            let index = at(random, text.len());
            match random.between(0, 3) {
                0 => text.truncate(index),
                1 => text.insert(index, random.next().to_le_bytes()[0]),
                2 => text.splice(index..index, pick(random, &words).bytes()).for_each(drop),
                _ => {
                    let end = (index + 30).min(text.len());
                    let part = text[index..end].repeat(3);
                    text.splice(index..index, part).for_each(drop);
                }
            }
            text.truncate(20_000);
        }
        let mut tape = Tape::default();
        let refused = decode(&text, Objects::Refuse, &mut tape);
        accepted += u32::from(refused.is_ok());
        // Each value takes two words at most and at least one byte of text, and strings take their
        // content.
        let size = 8 * tape.words().len() + tape.strings().len();
        assert!(size <= 20 * text.len() + 64, "{size} bytes of tape");
        let serialized = decode(&text, Objects::Serialize, &mut Tape::default());
        // A text that is accepted without objects is accepted with objects, too.
        assert!(refused.is_err() || serialized.is_ok());
    });
    println!("{run}; {accepted} accepted");
    assert!(accepted > 100);
}
