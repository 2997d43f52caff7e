//! Tests of the replies that are read, and of replies that no script sends.

use redis::Value;

use super::{
    first_try::{FirstTry, Form, Turn, read_by_commands},
    transaction::Executed,
    *,
};
use crate::{
    error::{ServerError, StoreError},
    resp::Batch,
};

fn pop(ticket: &[u8]) -> Value {
    Value::Array(vec![Value::BulkString(b"k".to_vec()), Value::BulkString(ticket.to_vec())])
}

#[test]
fn reads_tickets() {
    let loaded = |data: Option<&[u8]>, state: Option<&str>| {
        SessionData::new(data.map(<[u8]>::to_vec), state.map(str::to_owned))
    };
    let with_data = Ticket::parse(pop(b"ab\n17\n\n1a\nb\n"), "k").unwrap().unwrap();
    assert_eq!(with_data, Ticket { id: "ab".into(), made: 17, loaded: loaded(Some(b"a\nb\n"), None) });
    let without = Ticket::parse(pop(b"ab\n17\nt:1\n0"), "k").unwrap().unwrap();
    assert_eq!(without.loaded, loaded(None, Some("t:1")));
    assert_eq!(Ticket::parse(Value::Nil, "k").unwrap(), None);
    // The list of another session.
    assert!(Ticket::parse(pop(b"ab\n17\n\n1a"), "l").is_err());
}

#[test]
fn refuses_what_no_script_sends() {
    for bad in [&b""[..], b"ab", b"ab\nx\n\n1", b"ab\n1\n\n", b"ab\n1\n\n2x"] {
        assert!(Ticket::parse(pop(bad), "k").is_err(), "{bad:?}");
    }
    assert!(AcquireReply::parse(Value::Okay, "o:a:1").is_err());
    assert!(AcquireReply::parse(Value::Array(vec![]), "o:a:1").is_err());
    assert!(AcquireReply::parse(texts(&["busy"]), "o:a:1").is_err());
    assert!(ReleaseReply::parse(Value::Array(vec![Value::Int(1)])).is_err());
    assert!(ReleaseReply::parse(texts(&["ok"])).is_ok());
    assert!(matches!(
        ReleaseReply::parse(texts(&["OOM command not allowed when used memory > 'maxmemory'."])),
        Ok(ReleaseReply::Refused(_))
    ));
    // The texts here answer other questions: an acquire, a read, BLPOP, MGET.
    for other in [
        &["ok", "n|i:1;", ""][..],
        &["ok", "n|i:1;"],
        &["OOM", ""],
        &["n|i:1;", ""],
        &["card|s:4:\"4111\";"],
        &["PHPREDIS_SESSION:0123456789_WAKE", "x"],
        &["PHPREDIS_SESSION:0123456789_WAKE"],
        &["SECRET,0123456789"],
        &[""],
    ] {
        assert!(ReleaseReply::parse(texts(other)).is_err(), "{other:?}");
    }
    for ours in [&["ok", "n|i:1;", "stone", "o:a:1"][..], &["absent", "stone", "o:a:1"]] {
        assert!(AcquireReply::parse(texts(ours), "o:a:1").is_ok(), "{ours:?}");
    }
    for other in [
        &["ok", "n|i:1;", "stone", "o:a:1", "x"][..],
        &["ok", "n|i:1;", "stone", "o:b:1"],
        &["ok", "n|i:1;", "stone"],
        &["ok"],
        &["exists", "x"],
        &["absent", "stone", "o:b:1"],
        &["absent", "stone"],
    ] {
        assert!(AcquireReply::parse(texts(other), "o:a:1").is_err(), "{other:?}");
    }
    assert!(SessionData::parse(texts(&["n|i:1;", "stone", "r"]), "r").is_ok());
    for other in [&["n|i:1;", "stone"][..], &["n|i:1;", "stone", "s"], &["n|i:1;", "stone", "r", "x"]] {
        assert!(SessionData::parse(texts(other), "r").is_err(), "{other:?}");
    }
}

fn texts(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|text| Value::BulkString(text.as_bytes().to_vec())).collect())
}

#[test]
fn a_transaction_without_one_of_its_commands_tells_which_one_it_was() {
    let reply = |bytes: &[u8]| redis::parse_redis_value(bytes).unwrap();
    let error = || reply(b"-ERR value too large\r\n");
    let (ok, queued) = (|| Value::Okay, || Value::SimpleString("QUEUED".into()));
    let partly = |write: bool, is_free| {
        Ok(Executed::Partly { refused: write.then(|| ServerError::parse("ERR value too large")), is_free })
    };
    let done = || Value::Array(vec![Value::Int(1), Value::Okay]);
    let same = |values: &[Value]| transaction::executed(values).map_err(|error| error.to_string());
    // The write, the lock, the receipt: refused at once, or when EXEC came to them.
    for (nth, outcome) in [partly(true, true), partly(false, false), partly(false, true)].iter().enumerate() {
        let mut early = vec![ok(), queued(), queued(), queued(), done()];
        early[nth + 1] = error();
        assert_eq!(same(&early), *outcome);
        let mut results = vec![Value::Okay, Value::Int(1), Value::Okay];
        results[nth] = error();
        assert_eq!(same(&[ok(), queued(), queued(), queued(), Value::Array(results.clone())]), *outcome);
        // The answer to the command was exchanged, too.
        early[4] = Value::Array(results);
        assert_eq!(same(&early), *outcome);
    }
    assert_eq!(same(&[ok(), error(), error(), queued(), Value::Array(vec![ok()])]), partly(true, false));
    assert_eq!(same(&[ok(), queued(), Value::Array(vec![error()])]), partly(false, false));
    assert_eq!(same(&[ok(), error(), Value::Array(Vec::new())]), partly(false, false));
    assert_eq!(same(&[ok(), queued(), Value::Nil]), Ok(Executed::Changed));
    assert_eq!(same(&[ok(), error(), reply(b"-EXECABORT x\r\n")]), Ok(Executed::Refused));
    assert!(same(&[ok(), queued(), done()]).is_err());
    assert!(same(&[ok(), error(), queued(), queued(), Value::Array(vec![ok()])]).is_err());
    assert!(same(&[ok(), done()]).is_err());
}

#[test]
fn the_replies_to_an_earlier_try_are_not_believed() {
    let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    let tried = |lock: Value, holder: Value| {
        let got = Value::Array(vec![bulk("n|i:1;"), Value::Nil, holder]);
        let values = vec![lock, Value::Int(1), Value::Okay, Value::Int(0), got];
        FirstTry::parse(Form::Watched { again: false }, "o:a:1", values)
    };
    let ours = tried(Value::Okay, bulk("o:a:1|5|host")).unwrap();
    assert!(ours.taken && ours.watched && ours.loaded.is_some());
    // The same bytes come again while the next try is awaited.
    for earlier in ["o:b:1|5|host", "o:a:10|5|host", "o:a:1"] {
        assert!(matches!(tried(Value::Okay, bulk(earlier)), Err(StoreError::Protocol(_))), "{earlier}");
    }
    // The lease may have ended already, and another client may have had the lock all along.
    let ended = tried(Value::Okay, Value::Nil).unwrap();
    assert!(ended.taken && !ended.watched && ended.loaded.is_none());
    assert!(!tried(Value::Nil, bulk("o:b:1|5|host")).unwrap().taken);
}

#[test]
fn the_replies_to_the_read_before_are_not_believed() {
    let replies = |turn: Turn| {
        let mut batch = Batch::new(Vec::new());
        first_try::pack_read(&Keys::new("p:", &SessionId::parse(b"id").unwrap()), 9, turn, &mut batch);
        let bytes = batch.into_bytes();
        let asked = bytes.windows(6).filter(|bytes| bytes == b"p:id_S").count();
        let mut values = vec![Value::Nil; asked];
        values.insert(0, Value::BulkString(b"n|i:1;".to_vec()));
        vec![Value::Int(1), Value::Array(values)]
    };
    let mut turn = Turn::default();
    for _ in 0..10 {
        let before = replies(turn);
        turn = turn.next();
        assert!(read_by_commands(turn, before).is_err());
        let read = read_by_commands(turn, replies(turn)).unwrap().unwrap();
        assert_eq!(read.data.as_deref(), Some(&b"n|i:1;"[..]));
    }
}
