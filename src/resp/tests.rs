use std::io::{self, Read};

use redis::Value;

use super::{Arg, Batch, Command, MAX_BULK, Replies, ReplyError, limit_strings, word};

/// A source that gives its bytes in reads of the given lengths, repeating the last length, and then
/// ends.
struct Chopped<'a> {
    bytes: &'a [u8],
    lengths: Vec<usize>,
}

impl Read for Chopped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = if self.lengths.len() > 1 { self.lengths.remove(0) } else { self.lengths[0] };
        let (now, later) = self.bytes.split_at(most.min(buffer.len()).min(self.bytes.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }

    fn read_vectored(&mut self, places: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
        let mut all = vec![0; places.iter().map(|place| place.len()).sum()];
        let read = self.read(&mut all)?;
        let mut rest = &all[..read];
        for place in places {
            let (now, later) = rest.split_at(rest.len().min(place.len()));
            place[..now.len()].copy_from_slice(now);
            rest = later;
        }
        Ok(read)
    }
}

fn read(bytes: &[u8], lengths: &[usize]) -> Result<(Value, Value), ReplyError> {
    let mut source = Chopped { bytes, lengths: lengths.to_vec() };
    let mut replies = Replies::default();
    let first = replies.next(&mut source)?;
    Ok((first, replies.next(&mut source)?))
}

fn only(bytes: &[u8]) -> Result<Value, ReplyError> {
    Replies::default().next(&mut Chopped { bytes, lengths: vec![usize::MAX] })
}

fn bulk(text: &[u8]) -> Value {
    Value::BulkString(text.to_vec())
}

#[test]
fn reads_each_kind_of_reply() {
    assert_eq!(only(b"+OK\r\n").unwrap(), Value::Okay);
    assert_eq!(only(b"+PONG\r\n").unwrap(), Value::SimpleString("PONG".into()));
    assert_eq!(only(b":-12\r\n").unwrap(), Value::Int(-12));
    assert_eq!(only(b":9223372036854775807\r\n").unwrap(), Value::Int(i64::MAX));
    assert_eq!(only(b":-9223372036854775808\r\n").unwrap(), Value::Int(i64::MIN));
    assert_eq!(only(b"$-1\r\n").unwrap(), Value::Nil);
    assert_eq!(only(b"*-1\r\n").unwrap(), Value::Nil);
    assert_eq!(only(b"$0\r\n\r\n").unwrap(), bulk(b""));
    assert_eq!(only(b"$3\r\n\r\n\0\r\n").unwrap(), bulk(b"\r\n\0"));
    assert_eq!(
        only(b"*3\r\n$2\r\nok\r\n*0\r\n:1\r\n").unwrap(),
        Value::Array(vec![bulk(b"ok"), Value::Array(vec![]), Value::Int(1)])
    );
    match only(b"-NOSCRIPT No matching script\r\n").unwrap() {
        Value::ServerError(error) => {
            assert_eq!((error.code(), error.details()), ("NOSCRIPT", Some("No matching script")));
        }
        other => panic!("{other:?}"),
    }
}

/// A reply has the same value at every way to cut the stream, and the reply after it stays in
/// place.
#[test]
fn a_reply_in_pieces_is_the_same_reply() {
    let array: &[u8] =
        b"*5\r\n$2\r\nok\r\n$12\r\na|i:1;\r\n\0b|N\r\n$-1\r\n:-170\r\n*2\r\n+OK\r\n-ERR no\r\n";
    let large = |length: usize| {
        let data: Vec<u8> = (0..=250).cycle().take(length).collect();
        [b"*3\r\n$2\r\nok\r\n$", length.to_string().as_bytes(), b"\r\n", &data, b"\r\n$1\r\nx\r\n"].concat()
    };
    let buffer = 16 << 10;
    let lengths = [0, 1, 1000, buffer - 30, buffer - 3, buffer - 2, buffer - 1, buffer, buffer + 1, 100_000];
    let replies = std::iter::once(array.to_vec()).chain(lengths.map(large)).chain([large(3 << 20)]);
    for reply in replies {
        let both = [&reply[..], b":7\r\n"].concat();
        let whole = read(&both, &[usize::MAX]).unwrap();
        assert_eq!(whole.1, Value::Int(7));
        if both.len() < 2 * buffer {
            for cut in 1..both.len() {
                assert_eq!(read(&both, &[cut, usize::MAX]).unwrap(), whole, "cut at {cut}");
            }
        }
        let steps: &[usize] = if both.len() < 200_000 { &[1, 2, 3, 7, 1000, buffer] } else { &[1447, 65536] };
        for &step in steps {
            assert_eq!(read(&both, &[step]).unwrap(), whole, "in steps of {step}");
        }
    }
}

#[test]
fn a_reply_that_ends_early_is_an_end_not_a_value() {
    let reply = b"*3\r\n$2\r\nok\r\n$5\r\nab\r\nc\r\n:1\r\n";
    for end in 0..reply.len() {
        match only(&reply[..end]) {
            Err(ReplyError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
            other => panic!("after {end} bytes: {other:?}"),
        }
    }
}

#[test]
fn refuses_what_redis_does_not_send() {
    let cases: [&[u8]; 22] = [
        b"\r\n",
        b"\n",
        b"+OK\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\0\0\0\0\r\n",
        b":\r\n",
        b":-\r\n",
        b":+1\r\n",
        b":1 \r\n",
        b":1x\r\n",
        b":9223372036854775808\r\n",
        b":-9223372036854775809\r\n",
        b"$-2\r\n",
        b"$\r\n",
        b"*-2\r\n",
        b"*x\r\n",
        b"$2\r\nabc\r\n",
        b"$2\r\nab\n\n",
        // This client does not speak RESP3.
        b">2\r\n+a\r\n+b\r\n",
        b"_\r\n",
        b"%1\r\n",
        b"$?\r\n",
    ];
    for bytes in cases {
        assert!(matches!(only(bytes), Err(ReplyError::Protocol(_))), "{:?}", String::from_utf8_lossy(bytes));
    }
    // A line without an end, and endlessly nested arrays.
    assert!(matches!(only(&vec![b'+'; 1 << 20]), Err(ReplyError::Protocol(_))));
    assert!(matches!(only(&b"*1\r\n".repeat(1000)), Err(ReplyError::Protocol(_))));
}

#[test]
fn takes_no_memory_for_what_is_only_announced() {
    let too_long = format!("${}\r\n", MAX_BULK + 1);
    let is_refused =
        || matches!(only(too_long.as_bytes()), Err(ReplyError::Protocol("an answer of over 512 MiB")));
    assert!(is_refused());
    // A string that is skipped has the same limit.
    limit_strings(|| 0);
    assert!(is_refused());
    limit_strings(|| usize::MAX);
    for announced in ["$536870912\r\nab", "*9223372036854775807\r\n:1\r\n", "*1000000\r\n*1000000\r\n"] {
        assert!(matches!(only(announced.as_bytes()), Err(ReplyError::Io(_))), "{announced}");
    }
    // Each item takes four bytes to send, and more than that to keep.
    let flood = [&b"*2000000\r\n"[..], &b":1\r\n".repeat(2_000_000)].concat();
    assert!(matches!(only(&flood), Err(ReplyError::Protocol("an answer of too many values"))));
}

#[test]
fn says_when_more_came_than_was_asked_for() {
    let mut replies = Replies::default();
    let mut source = Chopped { bytes: b"+OK\r\n+again\r\n", lengths: vec![usize::MAX] };
    replies.next(&mut source).unwrap();
    assert!(replies.has_more());
    replies.next(&mut source).unwrap();
    assert!(!replies.has_more());
}

fn sent(command: &mut Command<'_>) -> Vec<u8> {
    command.pieces().iter().flat_map(|piece| piece.to_vec()).collect()
}

/// The `redis` crate packs the same bytes.
#[test]
fn packs_commands_as_redis_reads_them() {
    let large = vec![b'x'; 100_000];
    for data in [&b""[..], b"a\r\n\0", &large] {
        let mut command = Command::evalsha("name", &["k1", "k2"]);
        command.arg("").number(0).data(data).number(u64::MAX).arg([0xff, 0]);
        let mut expected = redis::cmd("EVALSHA");
        expected
            .arg("name")
            .arg(2)
            .arg("k1")
            .arg("k2")
            .arg("")
            .arg(0)
            .arg(data)
            .arg(u64::MAX)
            .arg(&[0xff_u8, 0]);
        assert_eq!(sent(&mut command), expected.get_packed_command());
        // The command can be sent again, and copied.
        assert_eq!(sent(&mut command), expected.get_packed_command());
        assert_eq!(sent(&mut command.to_owned()), expected.get_packed_command());

        let mut expected = redis::cmd("EVAL");
        expected.arg("the text").arg(2).arg("k1").arg("k2").arg("").arg(0).arg(data).arg(u64::MAX);
        expected.arg(&[0xff_u8, 0]);
        assert_eq!(sent(&mut command.to_eval("the text")), expected.get_packed_command());
    }
    let mut many = Command::new("DEL");
    let mut expected = redis::cmd("DEL");
    for key in 0..12_345 {
        many.number(key);
        expected.arg(key);
    }
    assert_eq!(sent(&mut many), expected.get_packed_command());
}

#[test]
fn packs_the_words_of_a_batch_as_the_texts() {
    let words = ["", "a", "a word of", "MULTI"];
    for count in [1, 4, 9, 10, 11] {
        let (mut fixed, mut plain) = (Batch::new(Vec::new()), Batch::new(Vec::new()));
        let texts: Vec<&str> = words.into_iter().cycle().take(count).collect();
        fixed.add(&texts.iter().map(|text| word(text)).collect::<Vec<_>>());
        plain.add(&texts.iter().map(|text| Arg::Text(text)).collect::<Vec<_>>());
        let mut expected = redis::Cmd::new();
        expected.arg(&texts);
        let packed = [fixed, plain].map(Batch::into_bytes);
        assert_eq!(packed, [(); 2].map(|()| expected.get_packed_command()), "{texts:?}");
    }
}
