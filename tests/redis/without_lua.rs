//! The operations without Lua: the first try for a session, by plain commands, and a large value,
//! brought by a SET before the script that moves it to its place. The release without Lua is in
//! transaction.rs.

#![allow(clippy::unwrap_used, reason = "a failed look-up is a failed test")]

use crate::support::{
    one_session::{Fixture, LARGE, TTL, client, first, of_lock},
    proxy::Proxy,
};
use phpsess_rs::{
    error::StoreError,
    protocol::{Acquire, AcquireReply, Mode, Op, Release, ReleaseReply, SessionData, Write},
    store::{Store, redis::RedisStore},
};
use redis::Commands;

fn write(op: Op<'_>) -> Write<'_> {
    Write::new(op, TTL, None, 60_000)
}

#[test]
fn come_back_as_they_were_whatever_their_size() {
    let mut f = Fixture::new();
    for size in [0, 1, 1023, 1024, 1025, 16 << 10, 100_000, 3 << 20] {
        let value: Vec<u8> = (0..=250).cycle().take(size).collect();
        f.acquire();
        assert_eq!(f.release(Op::Set(&value)), ReleaseReply::Done, "{size}");
        assert_eq!(f.acquire().data.as_ref(), Some(&value), "{size}");
        assert_eq!(f.release(Op::None), ReleaseReply::Done, "{size}");
        assert_eq!(f.store.read(&f.keys, TTL).unwrap().data.as_ref(), Some(&value), "{size}");
        let value = [&value[..], b"!"].concat();
        assert_eq!(f.store.write(&f.keys, &write(Op::Set(&value))).unwrap(), ReleaseReply::Done, "{size}");
        assert_eq!(f.data().as_ref(), Some(&value), "{size}");
    }
}

#[test]
fn cost_no_trip_more() {
    let f = Fixture::new();
    let proxy = Proxy::start(&f.server.addr());
    let mut store = client(&proxy.save_path());
    let cycle = |store: &mut RedisStore| {
        store.acquire(&f.keys, &first()).unwrap();
        // The value fits one read of the proxy, which could otherwise take it for two trips.
        let release = Release { op: Op::Set(&LARGE[..10_000]), ttl: TTL, ..of_lock() };
        assert_eq!(store.release(&f.keys, &release).unwrap(), ReleaseReply::Done);
    };
    // The first release and the first read load their scripts into Redis.
    cycle(&mut store);
    store.read(&f.keys, TTL).unwrap();
    let before = proxy.counts();
    cycle(&mut store);
    assert_eq!((proxy.counts() - before).trips, 2);
    let before = proxy.counts();
    assert_eq!(store.read(&f.keys, TTL).unwrap().data.as_deref(), Some(&LARGE[..10_000]));
    assert_eq!((proxy.counts() - before).trips, 1);
}

#[test]
fn leave_nothing_behind_and_live_as_long_as_they_should() {
    let mut f = Fixture::new();
    f.put(b"before");
    assert_eq!(f.acquire().data.as_deref(), Some(&b"before"[..]));
    assert_eq!(f.release(Op::Set(LARGE)), ReleaseReply::Done);
    assert_eq!(f.names(), [f.keys.data()]);
    let left: i64 = f.server.connection().ttl(f.keys.data()).unwrap();
    assert!(left > 50, "{left}");
    assert_eq!(f.store.write(&f.keys, &write(Op::Set(LARGE))).unwrap(), ReleaseReply::Done);
    assert_eq!(f.names(), [f.keys.data()]);
}

#[test]
fn are_not_written_without_the_lock_nor_over_a_destroyed_session() {
    let mut f = Fixture::new();
    f.put(b"newer");
    assert!(matches!(f.release(Op::Set(LARGE)), ReleaseReply::Lost { .. }));
    assert_eq!((f.names(), f.data().unwrap()), (vec![f.keys.data().to_owned()], b"newer".to_vec()));

    f.acquire();
    let () = f.server.connection().set_ex(f.keys.state(), "t", 60).unwrap();
    assert_eq!(f.release(Op::Set(LARGE)), ReleaseReply::Dead);
    assert_eq!(f.store.write(&f.keys, &write(Op::Set(LARGE))).unwrap(), ReleaseReply::Dead);
    assert_eq!(f.names(), [f.keys.data(), f.keys.state()]);
    assert_eq!(f.data().unwrap(), b"newer");
}

#[test]
fn a_repeat_of_a_write_is_told_what_its_first_send_did() {
    let mut f = Fixture::new();
    f.acquire();
    assert_eq!(f.release(Op::Set(LARGE)), ReleaseReply::Done);
    assert_eq!(f.release(Op::Set(LARGE)), ReleaseReply::Done);
    assert_eq!(f.names(), [f.keys.data()]);
}

#[test]
fn a_server_without_memory_refuses_them_and_frees_the_lock() {
    let mut f = Fixture::new();
    f.put(b"before");
    f.acquire();
    let used = f.server.info_number("memory", "used_memory");
    f.server.set("maxmemory", &(used - 1).to_string());
    let written = f.release(Op::Set(LARGE));
    assert!(
        matches!(&written, ReleaseReply::Refused(error) if error.to_string().contains("OOM")),
        "{written:?}"
    );
    let refused = f.store.write(&f.keys, &write(Op::Set(LARGE)));
    assert!(
        matches!(&refused, Err(StoreError::Server(error)) if error.to_string().contains("OOM")),
        "{refused:?}"
    );
    f.server.set("maxmemory", "0");
    assert_eq!((f.names(), f.data().unwrap()), (vec![f.keys.data().to_owned()], b"before".to_vec()));
}

#[test]
fn a_value_that_did_not_arrive_is_asked_for_with_the_lock_still_held() {
    let mut f = Fixture::new();
    f.put(b"before");
    f.acquire();
    let text = std::fs::read_to_string("src/protocol/scripts/release.lua").unwrap();
    let [data, lock] = [f.keys.data(), f.keys.lock()];
    let [wake, waiters, state] = [f.keys.wake(), f.keys.waiters(), f.keys.state()];
    let (receipt, new) = (f.keys.receipt("o:a:1"), f.keys.new_value("o:a:1"));
    let answer: Vec<String> = redis::Script::new(&text)
        .key(&[data, lock, wake, waiters, &receipt, state, &new])
        .arg(&["o:a:1", "", "move", "", "60", "", "0", "0", "ticket", "1000", "0", "60000", ""])
        .invoke(&mut f.server.connection())
        .unwrap();
    assert_eq!(answer, ["gone"]);
    assert_eq!((f.names(), f.data().unwrap()), (vec![data.to_owned(), lock.to_owned()], b"before".to_vec()));
}

#[test]
fn a_key_of_another_type_is_an_error_that_leaves_no_lock() {
    let mut f = Fixture::new();
    let () = f.server.connection().rpush(f.keys.data(), "x").unwrap();
    for _ in 0..2 {
        let refused = f.store.acquire(&f.keys, &first());
        assert!(
            matches!(&refused, Err(StoreError::Server(error)) if error.code == "WRONGTYPE"),
            "{refused:?}"
        );
        assert_eq!(f.names(), [f.keys.data()]);
        let refused = f.store.read(&f.keys, TTL);
        assert!(
            matches!(&refused, Err(StoreError::Server(error)) if error.code == "WRONGTYPE"),
            "{refused:?}"
        );
    }
}

#[test]
fn a_free_session_is_taken_without_a_script() {
    let mut f = Fixture::new();
    f.put(b"data");
    let () = f.server.connection().set_ex(f.keys.state(), "t", 60).unwrap();
    let scripts = f.calls("evalsha") + f.calls("eval");
    let loaded = f.acquire();
    assert_eq!(loaded, SessionData::new(Some(b"data".to_vec()), Some("t".into())));
    assert_eq!(f.calls("evalsha") + f.calls("eval"), scripts);
    let (lock, left): (String, i64) =
        redis::pipe().get(f.keys.lock()).pttl(f.keys.data()).query(&mut f.server.connection()).unwrap();
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut f.server.connection()).unwrap();
    let mut parts = lock.splitn(3, '|');
    assert_eq!(parts.next(), Some("o:a:1"));
    let age = seconds.abs_diff(parts.next().unwrap().parse::<u64>().unwrap() / 1000);
    assert!(age < 60, "{lock} at {seconds}");
    assert_eq!(parts.next(), Some("host|1|cli|"));
    assert!(left > 50_000, "{left}");
}

#[test]
fn a_lock_that_somebody_has_stays_as_it_is() {
    let mut f = Fixture::new();
    f.acquire();
    let lock: String = f.server.connection().get(f.keys.lock()).unwrap();
    let other = Acquire { waiter: "o:b".into(), token: "o:b:1".into(), ..first() };
    let mut second = client(&f.server.save_path());
    second.read(&f.keys, TTL).unwrap();
    assert!(matches!(second.acquire(&f.keys, &other).unwrap(), AcquireReply::Busy { .. }));
    assert_eq!(f.server.connection().get::<_, String>(f.keys.lock()).unwrap(), lock);
}

#[test]
fn strict_mode_leaves_no_lock_on_an_unknown_id_nor_on_one_that_is_taken() {
    let mut f = Fixture::new();
    for _ in 0..2 {
        let known = Acquire { mode: Mode::Known, ..first() };
        assert_eq!(f.store.acquire(&f.keys, &known).unwrap(), AcquireReply::Absent(None));
        // The next exchange comes behind the command that gives the lock back.
        assert_eq!(f.store.read(&f.keys, TTL).unwrap(), SessionData::default());
        assert_eq!(f.names(), [""; 0]);
    }
    f.put(b"data");
    let new = Acquire { mode: Mode::New, ..first() };
    assert_eq!(f.store.acquire(&f.keys, &new).unwrap(), AcquireReply::Exists);
    f.store.read(&f.keys, TTL).unwrap();
    assert_eq!(f.names(), [f.keys.data()]);
}

#[test]
fn a_connection_whose_first_script_was_refused_tries_no_plain_commands() {
    let f = Fixture::new();
    let rule = ["SETUSER", "u", "on", ">p", "~*", "+@all", "-@scripting"];
    let () = redis::cmd("ACL").arg(&rule).query(&mut f.server.connection()).unwrap();
    let mut store = client(&format!("{}?auth[]=u&auth[]=p", f.server.save_path()));
    for _ in 0..2 {
        let refused = store.acquire(&f.keys, &first());
        assert!(matches!(&refused, Err(StoreError::Server(error)) if error.code == "NOPERM"), "{refused:?}");
        assert_eq!(f.names(), [""; 0]);
    }
}
