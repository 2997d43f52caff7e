//! The example of docs/wire-format.md, carried out: Redis gives the replies that stand there.

#![allow(clippy::unwrap_used, reason = "a failed look-up is a failed test")]

use std::fs;

use redis::{Connection, Value};

use crate::support::redis::Server;

/// The digits that the ids of the example repeat.
const DIGITS: [&str; 4] = ["0", "f", "7", "3"];

/// A word of the example as Redis gets it.
fn argument(word: &str) -> String {
    let key = |suffix: &str| format!("PHPREDIS_SESSION:abc{suffix}");
    match word {
        "D" => key(""),
        "L" => key("_LOCK"),
        "Q" => key("_WAKE"),
        "W" => key("_WAITERS"),
        "S" => key("_STATE"),
        "\"\"" => String::new(),
        _ => {
            let word =
                word.strip_prefix("D_DONE:").map_or(word.to_owned(), |token| key(&format!("_DONE:{token}")));
            DIGITS.iter().fold(word, |word, digit| word.replace(&format!("{digit}..."), &digit.repeat(32)))
        }
    }
}

/// Carries out a line of the example.
fn carry_out(server: &mut Connection, line: &str) -> Value {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let name = if words[0] == "EVALSHA" { "EVAL" } else { words[0] };
    let mut command = redis::cmd(name);
    for word in &words[1..] {
        match word.strip_prefix('<').and_then(|word| word.strip_suffix('>')) {
            Some(script) => {
                command.arg(fs::read_to_string(format!("src/protocol/scripts/{script}.lua")).unwrap());
            }
            None => {
                command.arg(argument(word));
            }
        }
    }
    command.query(server).unwrap()
}

/// A reply as the example shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Nil => "(nil)".into(),
        Value::Int(number) => number.to_string(),
        Value::BulkString(text) => format!("\"{}\"", String::from_utf8_lossy(text).replace('\n', "\\n")),
        Value::Array(items) => {
            let items = items.iter().zip(1..).map(|(item, n)| format!("{n}) {}", shown(item)));
            items.collect::<Vec<_>>().join("  ")
        }
        other => panic!("{other:?}"),
    }
}

/// A reply without what differs from run to run: times and what is left of a lease. Ids are
/// shortened.
fn without_times(reply: &str) -> String {
    let mut reply = reply.to_owned();
    for digit in DIGITS {
        reply = reply.replace(&digit.repeat(32), &format!("{digit}..."));
    }
    let is_time = |number: &str| number.len() == 13;
    let is_lease = |number: &str| number.parse().is_ok_and(|ms: u64| (8000..=10_000).contains(&ms));
    let mut without = String::new();
    let mut rest = reply.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number: String = rest[start..].chars().take_while(char::is_ascii_digit).collect();
        without.push_str(&rest[..start]);
        without.push_str(match number.as_str() {
            number if is_time(number) => "<time>",
            number if is_lease(number) => "<lease>",
            number => number,
        });
        rest = &rest[start + number.len()..];
    }
    without + rest
}

#[test]
fn redis_gives_the_replies_of_the_example_in_the_document() {
    let document = fs::read_to_string("docs/wire-format.md").unwrap();
    let example = document.split("## An example").nth(1).unwrap().split("```").nth(1).unwrap();
    let server = Server::start();
    let mut redis = server.connection();
    let () = redis::cmd("SET").arg(argument("D")).arg("n|i:1;").query(&mut redis).unwrap();
    let mut commands = 0;
    let mut asked: Option<&str> = None;
    let mut replies = Vec::new();
    for line in example.lines().map(str::trim).filter(|line| !line.is_empty() && !line.ends_with(':')) {
        if ["EVALSHA ", "GET ", "BLPOP "].iter().any(|name| line.starts_with(name)) {
            // BLPOP is asked after the hand-over, which it would wait for.
            if line.starts_with("BLPOP ") {
                replies.push(line);
            } else {
                asked = Some(line);
            }
            commands += 1;
            continue;
        }
        let command = asked.take().or_else(|| replies.pop()).unwrap();
        let reply = carry_out(&mut redis, command);
        assert_eq!(without_times(&shown(&reply)), without_times(line), "{command}");
    }
    assert_eq!((commands, asked, replies.len()), (7, None, 0));
}
