//! The release by WATCH, MULTI and EXEC: its effect, and that it has none if anything stands in its
//! way.

#![allow(clippy::unwrap_used, reason = "a failed look-up is a failed test")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    one_session::{Fixture, LARGE, TTL, client, first, of_lock},
    poll,
    proxy::Proxy,
};
use phpsess_rs::{
    error::StoreError,
    protocol::{Acquire, AcquireReply, Keys, Op, Release, ReleaseReply, SessionId},
    store::Store,
};
use redis::Commands;

/// Takes the lock, lets something happen, and releases the lock. Returns the answer and the way of
/// the release.
fn release_after(f: &mut Fixture, op: Op<'_>, happens: impl FnOnce(&mut Fixture)) -> (ReleaseReply, By) {
    f.acquire();
    happens(f);
    let scripts = f.calls("evalsha") + f.calls("eval");
    let written = f.release(op);
    let by = if f.calls("evalsha") + f.calls("eval") == scripts { By::Transaction } else { By::Script };
    (written, by)
}

#[derive(PartialEq, Eq, Debug)]
enum By {
    Transaction,
    Script,
}

#[test]
fn a_lock_that_nobody_waits_for_is_released_without_a_script() {
    let mut f = Fixture::new();
    f.put(b"before");
    for value in [&b"small"[..], LARGE] {
        assert_eq!(release_after(&mut f, Op::Set(value), |_| ()), (ReleaseReply::Done, By::Transaction));
        assert_eq!((f.names(), f.data().as_deref()), (vec![f.keys.data().to_owned()], Some(value)));
        let left: i64 = f.server.connection().ttl(f.keys.data()).unwrap();
        assert!(left > 50, "{left}");
        let receipt: Option<String> = f.server.connection().get(f.keys.receipt("o:a:1")).unwrap();
        assert_eq!(receipt.as_deref(), Some("ok"));
    }
    f.put(b"kept");
    assert_eq!(release_after(&mut f, Op::None, |_| ()), (ReleaseReply::Done, By::Transaction));
    let shorten = |f: &mut Fixture| f.put(b"kept");
    // The session was written meanwhile, so the script takes over.
    assert_eq!(release_after(&mut f, Op::Keep, shorten), (ReleaseReply::Done, By::Script));
    assert_eq!(release_after(&mut f, Op::Keep, |_| ()), (ReleaseReply::Done, By::Transaction));
    let left: i64 = f.server.connection().ttl(f.keys.data()).unwrap();
    assert!(left > 50, "{left}");
    assert_eq!((f.names(), f.data().unwrap()), (vec![f.keys.data().to_owned()], b"kept".to_vec()));
}

#[test]
fn a_lock_that_is_lost_writes_nothing_whatever_took_it() {
    let mut f = Fixture::new();
    f.put(b"before");
    let takers: [fn(&mut Fixture); 3] = [
        |f| f.server.connection().set(f.keys.lock(), "o:b:1|1|them").unwrap(),
        |f| f.server.connection().del(f.keys.lock()).unwrap(),
        |f| {
            let () = f.server.connection().pexpire(f.keys.lock(), 1).unwrap();
            poll::until("the lease ends", poll::SOON, || f.names().len() == 1);
        },
    ];
    for happens in takers {
        let (written, _) = release_after(&mut f, Op::Set(LARGE), happens);
        assert!(matches!(written, ReleaseReply::Lost { .. }), "{written:?}");
        assert_eq!(f.data().unwrap(), b"before");
        let () = f.server.connection().del(f.keys.lock()).unwrap();
    }
}

#[test]
fn a_lease_that_ended_unnoticed_writes_nothing() {
    let mut f = Fixture::new();
    f.put(b"before");
    // Redis removes an expired key when a client reads it, or in its own time, which is once a
    // second now.
    f.server.set("hz", "1");
    let (written, _) = release_after(&mut f, Op::Set(b"late"), |f| {
        let () = f.server.connection().pexpire(f.keys.lock(), 1).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    });
    assert!(matches!(written, ReleaseReply::Lost { .. }), "{written:?}");
    assert_eq!(f.data().unwrap(), b"before");
}

#[test]
fn who_waits_is_handed_the_lock_whenever_they_came() {
    let mut f = Fixture::new();
    let wait = |f: &Fixture| {
        let () = f.server.connection().zadd(f.keys.waiters(), "o:b", 1e15).unwrap();
    };
    let handed_over = |f: &Fixture| {
        let holder: String = f.server.connection().get(f.keys.lock()).unwrap();
        assert!(holder.starts_with("t:"), "{holder}");
        let names = [f.keys.lock(), f.keys.wake(), f.keys.waiters()];
        let () = f.server.connection().del(&names).unwrap();
    };
    assert_eq!(release_after(&mut f, Op::Set(b"1"), |f| wait(f)), (ReleaseReply::Done, By::Script));
    handed_over(&f);
    wait(&f);
    assert_eq!(release_after(&mut f, Op::Set(b"2"), |_| ()), (ReleaseReply::Done, By::Script));
    handed_over(&f);
    assert_eq!(release_after(&mut f, Op::Set(b"3"), |_| ()), (ReleaseReply::Done, By::Transaction));
    assert_eq!(f.data().unwrap(), b"3");
}

#[test]
fn what_changes_under_the_lock_is_left_to_the_script() {
    let mut f = Fixture::new();
    let renewed = |f: &mut Fixture| f.server.connection().pexpire(f.keys.lock(), 9000).unwrap();
    assert_eq!(release_after(&mut f, Op::Set(b"1"), renewed), (ReleaseReply::Done, By::Script));
    let destroyed = |f: &mut Fixture| f.server.connection().set_ex(f.keys.state(), "t", 60).unwrap();
    assert_eq!(release_after(&mut f, Op::Set(b"2"), destroyed), (ReleaseReply::Dead, By::Script));
    assert_eq!(f.data().unwrap(), b"1");
    // A mark of an end that existed when the session was read does not forbid the write.
    let seen = Release { op: Op::Set(b"3"), seen: Some("t"), ttl: TTL, ..of_lock() };
    f.acquire();
    assert_eq!(f.store.release(&f.keys, &seen).unwrap(), ReleaseReply::Done);
    assert_eq!(f.data().unwrap(), b"3");
}

/// A change of answers on their way.
type Change = fn(&str) -> String;

/// A proxy that does not pass on one command of a transaction, which begins with these bytes. It
/// sends another one in its place, or none, and changes the answers. Returns its address.
fn refusing(addr: String, command: String, instead: String, answer: Change) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let own = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = TcpStream::connect(&addr).unwrap();
            let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(n @ 1..) = answers.read(&mut bytes) {
                    let text = answer(&String::from_utf8_lossy(&bytes[..n]));
                    to_client.write_all(text.as_bytes()).unwrap();
                }
            });
            let (command, instead) = (command.clone(), instead.clone());
            thread::spawn(move || {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(n @ 1..) = client.read(&mut bytes) {
                    // A batch of this size arrives in one piece.
                    let part = &bytes[..n];
                    let at = |what: &[u8], from: usize| {
                        part[from..].windows(what.len()).position(|found| found == what).map(|at| from + at)
                    };
                    let place = at(b"$5\r\nMULTI\r\n", 0).and_then(|multi| at(command.as_bytes(), multi));
                    let end = place.and_then(|place| at(b"\r\n*", place));
                    let changed = match place.zip(end) {
                        None => part.to_vec(),
                        Some((place, end)) => [&part[..place], instead.as_bytes(), &part[end + 2..]].concat(),
                    };
                    server.write_all(&changed).unwrap();
                }
            });
        }
    });
    own
}

/// A command that fails as one does for which Redis has no memory.
fn failing() -> String {
    let refusal = "return redis.error_reply('OOM command not allowed')";
    format!("*3\r\n$4\r\nEVAL\r\n${}\r\n{refusal}\r\n$1\r\n0\r\n", refusal.len())
}

/// A command that fails only when EXEC comes to it.
const WRONG: &str = "*4\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n";

#[test]
fn a_transaction_that_did_not_free_the_lock_is_left_to_the_script() {
    let mut f = Fixture::new();
    let with_error = |text: &str| text.replacen("+QUEUED\r\n", "+QUEUED\r\n-ERR refused\r\n", 1);
    let proxies: [(String, Change); 3] = [
        // EXEC tells of the refusal, EXEC does nothing because of it, or EXEC knows nothing of it.
        (WRONG.into(), str::to_owned),
        ("*1\r\n$4\r\nEVAL\r\n".into(), str::to_owned),
        (String::new(), with_error),
    ];
    for (instead, answer) in proxies {
        let unlock = format!("*2\r\n$3\r\nDEL\r\n${}\r\n{}\r\n", f.keys.lock().len(), f.keys.lock());
        let address = refusing(f.server.addr(), unlock, instead, answer);
        f.store = client(&f.server.save_path().replace(&f.server.addr(), &address));
        f.put(b"before");
        let () = f.store.read(&f.keys, TTL).map(drop).unwrap();
        for (op, value) in
            [(Op::Set(b"1"), &b"1"[..]), (Op::Keep, b"1"), (Op::None, b"1"), (Op::Set(b"2"), b"2")]
        {
            let ended = release_after(&mut f, op, |_| ());
            assert_eq!(ended, (ReleaseReply::Done, By::Script), "{op:?}");
            assert_eq!((f.names(), f.data().as_deref()), (vec![f.keys.data().to_owned()], Some(value)));
        }
    }
}

#[test]
fn a_write_whose_receipt_was_refused_is_written() {
    let mut f = Fixture::new();
    let receipt = f.keys.receipt("o:a:1");
    let set = format!("*5\r\n$3\r\nSET\r\n${}\r\n{receipt}\r\n", receipt.len());
    let address = refusing(f.server.addr(), set, WRONG.into(), str::to_owned);
    f.store = client(&f.server.save_path().replace(&f.server.addr(), &address));
    f.put(b"before");
    let () = f.store.read(&f.keys, TTL).map(drop).unwrap();
    assert_eq!(release_after(&mut f, Op::Set(b"1"), |_| ()), (ReleaseReply::Done, By::Transaction));
    assert_eq!((f.names(), f.data().as_deref()), (vec![f.keys.data().to_owned()], Some(&b"1"[..])));
}

#[test]
fn a_transaction_without_its_write_leaves_no_receipt_to_a_second_write() {
    let mut f = Fixture::new();
    let answers: [(Change, &str); 3] = [
        (str::to_owned, "OOM"),
        (
            |text| text.replacen("+QUEUED", "-READONLY You can't write against a read only replica.", 1),
            "READONLY",
        ),
        (|text| text.replacen("+QUEUED", "-MASTERDOWN Link with MASTER is down.", 1), "MASTERDOWN"),
    ];
    for (answer, code) in answers {
        let set = format!("*5\r\n$3\r\nSET\r\n${}\r\n{}\r\n", f.keys.data().len(), f.keys.data());
        let address = refusing(f.server.addr(), set, failing(), answer);
        f.store = client(&f.server.save_path().replace(&f.server.addr(), &address));
        f.put(b"before");
        let () = f.store.read(&f.keys, TTL).map(drop).unwrap();
        f.acquire();
        let written = f.release(Op::Set(b"1"));
        assert!(matches!(&written, ReleaseReply::Refused(error) if error.code == code), "{written:?}");
        assert_eq!(f.names(), [f.keys.data()]);
        // After a refusal for want of memory, the session may be written once more.
        let again = f.release(Op::Set(b"2"));
        assert!(matches!(again, ReleaseReply::Lost { .. }), "{again:?}");
        assert_eq!(f.data().unwrap(), b"before");
    }
}

#[test]
fn another_session_of_the_connection_ends_what_is_watched() {
    let mut f = Fixture::new();
    let other = Keys::new("PHPREDIS_SESSION:", &SessionId::parse(b"qrstuvwxyzabcdef").unwrap());
    let (token, release) = ("o:c:1", Release { op: Op::Set(b"2"), ttl: TTL, ..of_lock() });
    let (written, by) = release_after(&mut f, Op::Set(b"1"), |f| {
        let wanted = Acquire { waiter: "o:c".into(), token: token.into(), ..first() };
        assert!(matches!(f.store.acquire(&other, &wanted).unwrap(), AcquireReply::Held(_)));
        assert_eq!(
            f.store.release(&other, &Release { token, ..release.clone() }).unwrap(),
            ReleaseReply::Done
        );
        let () = f.server.connection().set(f.keys.lock(), "o:b:1|1|them").unwrap();
    });
    assert!(matches!(written, ReleaseReply::Lost { .. }), "{written:?}");
    assert_eq!((by, f.data()), (By::Script, None));
}

#[test]
fn without_the_rights_to_a_transaction_the_scripts_do_it() {
    let f = Fixture::new();
    for lacks in ["multi", "exec", "watch", "watch -unwatch -multi -exec -discard", "multi -discard"] {
        let mut rule = vec!["SETUSER", "u", "reset", "on", ">p", "~*", "+@all"];
        let lacks = format!("-{lacks}");
        rule.extend(lacks.split(' '));
        let () = redis::cmd("ACL").arg(&rule).query(&mut f.server.connection()).unwrap();
        let mut store = client(&format!("{}?auth[]=u&auth[]=p", f.server.save_path()));
        store.read(&f.keys, TTL).unwrap();
        let scripts = f.calls("evalsha") + f.calls("eval");
        for n in 0..3 {
            assert!(
                matches!(store.acquire(&f.keys, &first()).unwrap(), AcquireReply::Held(_)),
                "{lacks} {n}"
            );
            let release = Release { op: Op::Set(b"x"), ttl: TTL, ..of_lock() };
            assert_eq!(store.release(&f.keys, &release).unwrap(), ReleaseReply::Done, "{lacks} {n}");
            assert_eq!(f.names(), [f.keys.data()], "{lacks} {n}");
        }
        assert!(f.calls("evalsha") + f.calls("eval") >= scripts + 3, "{lacks}");
    }
}

#[test]
fn a_transaction_that_redis_refuses_is_left_to_the_script() {
    let mut f = Fixture::new();
    // The value is below the size that would be sent beside the script.
    let full = |f: &mut Fixture| f.server.set("maxmemory", "1");
    let (written, by) = release_after(&mut f, Op::Set(b"small"), full);
    assert!(
        matches!(&written, ReleaseReply::Refused(error) if error.to_string().contains("OOM")),
        "{written:?}"
    );
    assert_eq!(by, By::Script);
    f.server.set("maxmemory", "0");
    assert_eq!(f.names(), [""; 0]);
    // The refused transaction leaves nothing on the connection.
    assert_eq!(release_after(&mut f, Op::Set(b"small"), |_| ()), (ReleaseReply::Done, By::Transaction));
}

#[test]
fn a_write_whose_answer_was_lost_with_its_server_is_not_reported_as_never_sent() {
    let mut f = Fixture::new();
    let proxy = Proxy::start(&f.server.addr());
    f.store = client(&format!("{}?timeout=0.5", proxy.save_path()));
    f.acquire();
    proxy.swallow_reply(1);
    // Each new connection ends at once.
    proxy.lead_new_to("127.0.0.1:1");
    let begun = Instant::now();
    let release = Release { op: Op::Set(b"stored"), ttl: TTL, ..of_lock() };
    let failure = f.store.release(&f.keys, &release).expect_err("the answer is lost");
    let passed = begun.elapsed();
    assert!(matches!(failure, StoreError::Broken(_)), "{failure:?}");
    assert!((Duration::from_millis(200)..Duration::from_millis(900)).contains(&passed), "{passed:?}");
    assert_eq!(f.data().as_deref(), Some(&b"stored"[..]));
}
