//! Answers of a Redis that is broken, hostile, or another program altogether.

use std::time::Duration;

use crate::support::random::Random;

/// The most bytes that one lie sends: enough to see memory grow with the answer.
const MUCH: usize = 16 << 20;

/// An answer: bytes, the pace of sending them, and the behaviour afterwards.
pub struct Answer {
    pub bytes: Vec<u8>,
    /// The pause between two bytes. `None` sends all at once.
    pub drip: Option<Duration>,
    pub then: Then,
}

pub enum Then {
    /// Answer the next command.
    GoOn,
    Close,
    /// Send nothing more, and keep the connection open.
    Silence,
    /// Repeat these bytes up to `MUCH` in all, then close the connection.
    Endless(Vec<u8>),
}

/// Returns true if the bytes are an array whose first item is `ok`, the reply of a script that did
/// its work.
pub fn says_ok(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"*") else { return false };
    let Some(end) = rest.iter().position(|&byte| byte == b'\n') else { return false };
    rest[end + 1..].starts_with(OK)
}

/// Counts each `ok` in the bytes, at any place.
pub fn oks_in(bytes: &[u8]) -> u64 {
    bytes.windows(OK.len()).filter(|part| part == &OK).count() as u64
}

const OK: &[u8] = b"$2\r\nok\r\n";

/// The answer of an honest server to this command: no lock was held, and every write works.
pub fn honest(command: &[Vec<u8>]) -> Vec<u8> {
    let word = |n: usize| command.get(n).map_or(&b""[..], Vec::as_slice);
    match (word(0), word(2)) {
        (b"EVALSHA" | b"EVAL", b"5") => array(&[bulk(b"ok"), bulk(b"n|i:1;"), NIL.to_vec(), bulk(word(9))]),
        (b"EVALSHA" | b"EVAL", b"6") => array(&[bulk(b"ok")]),
        // READ has two arguments, WRITE six, CLAIM four.
        (b"EVALSHA" | b"EVAL", b"2") if command.len() == 7 => {
            array(&[bulk(b"n|i:1;"), NIL.to_vec(), bulk(word(6))])
        }
        (b"EVALSHA" | b"EVAL", b"2") if command.len() == 11 => array(&[bulk(b"ok")]),
        (b"EVALSHA" | b"EVAL" | b"EXISTS", _) => b":1\r\n".to_vec(),
        (b"BLPOP", _) => b"*-1\r\n".to_vec(),
        _ => b"+OK\r\n".to_vec(),
    }
}

/// An answer that differs from the honest one.
pub fn lie(random: &mut Random, honest: &[u8], secrets: &[&str]) -> Answer {
    let at_once = |bytes| Answer { bytes, drip: None, then: Then::GoOn };
    let half = || honest[..honest.len() / 2].to_vec();
    match random.between(0, 15) {
        0 => at_once(value(random, 4)),
        1 | 2 => at_once(mutated(random, honest)),
        3..=6 => at_once(script_reply(random)),
        7 => at_once(announcement(random)),
        8 => {
            let depth = random.pick(&[20, 200, 200_000]).expect("there are some");
            at_once(b"*1\r\n".repeat(depth))
        }
        9 => {
            let (start, unit): (&[u8], &[u8]) = random
                .pick(&[
                    (&b"*1000000000\r\n"[..], &b":1\r\n"[..]),
                    (b"*1000000000\r\n", b"_\r\n"),
                    (b"*1000000000\r\n", b"*0\r\n"),
                    (b"*1000000000\r\n", b"$-1\r\n"),
                    (b"%1000000000\r\n", b"_\r\n"),
                    (b"", b">2\r\n+message\r\n+x\r\n"),
                    (b"", b"|1\r\n+a\r\n+b\r\n"),
                    (b"-", b"endless "),
                    (b"+", b"endless "),
                    (b":", b"1"),
                    (b"$", b"1"),
                    (b"*", b"0"),
                ])
                .expect("there are some");
            Answer { bytes: start.to_vec(), drip: None, then: Then::Endless(unit.repeat(4096)) }
        }
        10 => Answer { bytes: half(), drip: None, then: Then::Close },
        11 => Answer { bytes: half(), drip: None, then: Then::Silence },
        12 => Answer {
            bytes: honest.to_vec(),
            drip: Some(Duration::from_millis(random.between(1, 40))),
            then: Then::GoOn,
        },
        13 => at_once([honest, &script_reply(random)].concat()),
        14 => Answer { bytes: Vec::new(), drip: None, then: Then::Close },
        _ => at_once(error(random, secrets)),
    }
}

const NIL: &[u8] = b"$-1\r\n";

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [format!("*{}\r\n", items.len()).into_bytes(), items.concat()].concat()
}

fn number(random: &mut Random) -> Vec<u8> {
    let fixed = random.pick(&["0", "1", "-1", "11", "200", "9223372036854775807", "-9223372036854775808"]);
    let fixed = fixed.expect("there are some").to_owned();
    let text = if random.between(0, 3) == 0 { random.between(0, 1 << 40).to_string() } else { fixed };
    format!(":{text}\r\n").into_bytes()
}

fn noise(random: &mut Random) -> Vec<u8> {
    let length = random.between(0, 40);
    (0..length).map(|_| random.next().to_le_bytes()[0]).collect()
}

/// Any value of the protocol, including those of its third version.
fn value(random: &mut Random, depth: u64) -> Vec<u8> {
    match random.between(0, if depth == 0 { 7 } else { 10 }) {
        0 => number(random),
        1 => NIL.to_vec(),
        2 => b"+OK\r\n".to_vec(),
        3 => bulk(&noise(random)),
        4 => random
            .pick(&[&b"*-1\r\n"[..], b"_\r\n", b"#t\r\n", b",inf\r\n", b"(3492890328409238509\r\n"])
            .expect("some")
            .to_vec(),
        5 => [b"-", noise(random).as_slice(), b"\r\n"].concat(),
        6 => b"=8\r\ntxt:text\r\n".to_vec(),
        7 => b"*0\r\n".to_vec(),
        kind => {
            let items: Vec<_> = (0..random.between(0, 6)).map(|_| value(random, depth - 1)).collect();
            let mut bytes = array(&items);
            bytes[0] = [b'*', b'~', b'>'][usize::try_from(kind - 8).expect("one of three")];
            bytes
        }
    }
}

/// A reply that one of the scripts, or BLPOP, could have sent, with odd values in it.
fn script_reply(random: &mut Random) -> Vec<u8> {
    let text = |random: &mut Random| {
        let fixed = random.pick(&[
            &b""[..],
            b"n|i:1;",
            b"web1|42",
            b"o:0123:1|99999999999999999999|h|1|cli|/x",
            b"t:0123",
            b"id\n18446744073709551615\n\n1data",
            b"id\n1\n\n0",
            b"id\n-1\nx\n2",
            b"a|O:8:\"stdClass\":0:{}",
        ]);
        if random.between(0, 4) == 0 { bulk(&noise(random)) } else { bulk(fixed.expect("there are some")) }
    };
    let word = random
        .pick(&[
            "ok",
            "absent",
            "exists",
            "busy",
            "full",
            "gone",
            "dead",
            "lost",
            "OOM command not allowed",
            "",
        ])
        .expect("there are some");
    let mut items = vec![bulk(word.as_bytes())];
    for _ in 0..random.between(0, 4) {
        items.push(match random.between(0, 2) {
            0 => number(random),
            1 => NIL.to_vec(),
            _ => text(random),
        });
    }
    match random.between(0, 5) {
        // The right form with wrong numbers.
        0 => array(&[bulk(b"busy"), text(random), number(random), number(random), number(random)]),
        1 => array(&[bulk(b"full"), number(random), text(random), number(random)]),
        2 => array(&[bulk(b"key"), text(random)]),
        _ => array(&items),
    }
}

/// A length that is not kept, or cannot be.
fn announcement(random: &mut Random) -> Vec<u8> {
    let kind = random.pick(&["$", "*", "%", ">", "~", "=", "!"]).expect("there are some");
    let length = random
        .pick(&[
            "2147483648",
            "536870912",
            "536870913",
            "9223372036854775807",
            "99999999999999999999",
            "-2",
            "-9223372036854775808",
            "",
            "+5",
            "1e9",
            "?",
        ])
        .expect("there are some");
    [format!("{kind}{length}\r\n").into_bytes(), noise(random)].concat()
}

/// An error that Redis knows, or an invented one. Some contain texts that no message may show.
fn error(random: &mut Random, secrets: &[&str]) -> Vec<u8> {
    let code = random
        .pick(&[
            "OOM",
            "NOSCRIPT",
            "LOADING",
            "BUSY",
            "READONLY",
            "MOVED",
            "NOAUTH",
            "WRONGPASS",
            "NOPERM",
            "ERR",
            "MASTERDOWN",
            "WRONGTYPE",
            "EXECABORT",
            "",
        ])
        .expect("there are some");
    let secret = random.pick(secrets).unwrap_or_default();
    let text = match random.between(0, 2) {
        0 => format!("unknown command 'EVALSHA', with args beginning with: '{secret}' '1' "),
        1 => String::from_utf8_lossy(&noise(random)).replace(['\r', '\n'], "?"),
        _ => "x".repeat(4000),
    };
    format!("-{code} {text}\r\n").into_bytes()
}

/// The honest answer with a few bytes changed, dropped, inserted or repeated.
fn mutated(random: &mut Random, honest: &[u8]) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    for _ in 0..random.between(1, 4) {
        let at = usize::try_from(random.next() % (bytes.len() as u64 + 1)).expect("a length");
        let byte = random.pick(b"\r\n*$:+-0129 \0\xff").expect("there are some");
        match random.between(0, 3) {
            0 if at < bytes.len() => bytes[at] = byte,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, byte),
            _ => {
                let tail = bytes[at..].to_vec();
                bytes.extend(tail);
            }
        }
    }
    bytes
}

impl Then {
    /// The number of times that an endless piece is sent.
    pub fn pieces(piece: &[u8]) -> usize {
        MUCH / piece.len().max(1)
    }
}
