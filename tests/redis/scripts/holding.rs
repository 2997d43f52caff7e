//! One client has the lock, reads and writes.

use std::time::Duration;

use phpsess_rs::{
    client::Timeouts,
    config::{IniValues, Settings},
    error::StoreError,
    protocol::{Acquire, AcquireReply, Claim, Mode, Op, Release, ReleaseReply, SessionData, Write},
    store::{
        Store,
        redis::RedisStore,
        renewal::{Home, Renewer},
    },
};
use redis::Commands;

use super::fixture::{Fixture, LEASE, TTL, ask, contended, held, is_busy, release};
use crate::support::redis::Server;

#[test]
fn acquire_locks_refreshes_and_reads() {
    let f = Fixture::new();
    f.store(b"data");
    let () = f.redis().expire(&f.keys.data, 5).unwrap();
    let loaded = held(f.client("a").acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(loaded, SessionData::new(Some(b"data".to_vec()), None));
    assert!(f.pttl(&f.keys.data) > 50_000 && f.pttl(&f.keys.lock) > 9_000);
    assert!(f.lock().unwrap().starts_with("o:a:1|"));
}

#[test]
fn strict_mode_locks_nothing_for_an_unknown_id() {
    let f = Fixture::new();
    let known = Acquire { mode: Mode::Known, ..ask("a", 1, 0) };
    assert_eq!(f.client("a").acquire(&f.keys, &known).unwrap(), AcquireReply::Absent(None));
    assert_eq!(f.lock(), None);
}

#[test]
fn a_new_id_must_be_unused() {
    let f = Fixture::new();
    let new = Acquire { mode: Mode::New, ..ask("a", 1, 0) };
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &new).unwrap());
    // The same attempt again, because its reply was lost.
    held(a.acquire(&f.keys, &Acquire { token: "o:a:2".into(), ..new.clone() }).unwrap());
    let other = Acquire { mode: Mode::New, ..ask("b", 1, 0) };
    assert_eq!(f.client("b").acquire(&f.keys, &other).unwrap(), AcquireReply::Exists);
}

#[test]
fn release_writes_and_frees() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Set(b"new"))).unwrap(), ReleaseReply::Done);
    assert_eq!((f.lock(), f.data().unwrap()), (None, b"new".to_vec()));
    assert!(f.pttl(&f.keys.data) > 50_000);
}

#[test]
fn keep_of_a_vanished_session_keeps_the_lock_for_the_set_that_follows() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Keep)).unwrap(), ReleaseReply::Gone);
    assert!(f.lock().is_some());
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap(), ReleaseReply::Done);
    assert_eq!((f.lock(), f.data().unwrap()), (None, b"x".to_vec()));
}

#[test]
fn destroy_leaves_a_tombstone_that_stops_older_readers_only() {
    let f = Fixture::new();
    f.store(b"data");
    let mut store = f.client("a");
    let before = store.read(&f.keys, TTL).unwrap();
    held(store.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(store.release(&f.keys, &release("o:a:1", Op::Delete)).unwrap(), ReleaseReply::Done);
    let write = |loaded: &SessionData| {
        f.client("w").write(
            &f.keys,
            &Write {
                op: Op::Set(b"back"),
                ttl: TTL,
                tombstone: loaded.tombstone.as_deref(),
                tombstone_ms: 1000,
            },
        )
    };
    assert_eq!(write(&before).unwrap(), ReleaseReply::Dead);
    assert_eq!(f.data(), None);
    let after = store.read(&f.keys, TTL).unwrap();
    assert_eq!(write(&after).unwrap(), ReleaseReply::Done);
    assert!(f.pttl(&f.keys.tombstone) > 0);
}

#[test]
fn a_logout_that_lost_its_lock_still_ends_the_session() {
    let f = Fixture::new();
    f.store(b"data");
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    let () = f.redis().del(&f.keys.lock).unwrap();
    held(b.acquire(&f.keys, &ask("b", 1, 0)).unwrap());
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Delete)).unwrap(), ReleaseReply::Done);
    assert_eq!(b.release(&f.keys, &release("o:b:1", Op::Set(b"back"))).unwrap(), ReleaseReply::Dead);
    assert_eq!((f.data(), f.lock()), (None, None));
}

#[test]
fn scripts_are_sent_again_after_a_flush() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut f.redis()).unwrap();
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap(), ReleaseReply::Done);
    assert_eq!(f.data().unwrap(), b"x");
}

#[test]
fn an_older_send_that_arrives_late_does_not_revive_its_token() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    held(a.acquire(&f.keys, &ask("a", 2, 0)).unwrap());
    assert!(matches!(
        a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap(),
        ReleaseReply::Lost { .. }
    ));
    assert_eq!(f.data(), None);
}

#[test]
fn an_older_send_that_arrives_behind_its_repeat_takes_nothing() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 10, 0)).unwrap());
    assert!(is_busy(&a.acquire(&f.keys, &ask("a", 9, 5000)).unwrap()));
    assert_eq!(f.redis().zcard::<_, u64>(&f.keys.waiters).unwrap(), 0);
    assert_eq!(a.release(&f.keys, &release("o:a:10", Op::Set(b"x"))).unwrap(), ReleaseReply::Done);
    assert_eq!(f.data().unwrap(), b"x");
}

#[test]
fn data_that_looks_like_an_operation_is_written() {
    for word in ["set", "keep", "none", "del", "", "0", "\n"] {
        let f = Fixture::new();
        let mut a = f.client("a");
        held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
        a.release(&f.keys, &release("o:a:1", Op::Set(word.as_bytes()))).unwrap();
        assert_eq!(f.data().unwrap(), word.as_bytes());
    }
}

#[test]
fn a_key_of_another_type_leaves_no_lock_behind() {
    let f = Fixture::new();
    let () = f.redis().rpush(&f.keys.data, "x").unwrap();
    for mode in [Mode::Any, Mode::Known, Mode::New] {
        match f.client("a").acquire(&f.keys, &Acquire { mode, ..ask("a", 1, 0) }) {
            Err(StoreError::Server(error)) => assert_eq!(error.code, "WRONGTYPE", "{mode:?}"),
            other => panic!("{mode:?}: {other:?}"),
        }
        assert_eq!(f.lock(), None);
    }
}

#[test]
fn a_full_memory_refuses_the_write_and_frees_the_lock() {
    let f = Fixture::on(Server::with_args(&["--maxmemory-policy", "noeviction"]));
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    let () = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").query(&mut f.redis()).unwrap();
    match a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap() {
        ReleaseReply::Refused(error) => assert_eq!(error.code, "OOM", "{error:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!((f.lock(), f.data()), (None, None));
}

#[test]
fn a_repeated_release_is_told_what_the_first_did() {
    let f = Fixture::new();
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    let write = release("o:a:1", Op::Set(b"x"));
    assert_eq!(a.release(&f.keys, &write).unwrap(), ReleaseReply::Done);
    held(b.acquire(&f.keys, &ask("b", 1, 0)).unwrap());
    b.release(&f.keys, &release("o:b:1", Op::Set(b"y"))).unwrap();
    assert_eq!(a.release(&f.keys, &write).unwrap(), ReleaseReply::Done);
    assert_eq!(f.data().unwrap(), b"y", "told, not done again");
    assert!(f.pttl(&f.keys.receipt("o:a:1")) > 0);
}

#[test]
fn a_further_write_is_refused_whoever_had_the_lock_in_between() {
    let f = Fixture::new();
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    a.release(&f.keys, &release("o:a:1", Op::Set(b"one"))).unwrap();
    held(b.acquire(&f.keys, &ask("b", 1, 0)).unwrap());
    b.release(&f.keys, &release("o:b:1", Op::Set(b"two"))).unwrap();
    // The lock is free now, and the receipt of the first write does not match this one.
    let further = Release { nth: 1, ..release("o:a:1", Op::Set(b"three")) };
    assert!(matches!(a.release(&f.keys, &further).unwrap(), ReleaseReply::Lost { holder: None, .. }));
    assert_eq!(f.data().unwrap(), b"two");
}

#[test]
fn a_refused_write_can_keep_the_lock_for_another() {
    let f = Fixture::on(Server::with_args(&["--maxmemory-policy", "noeviction"]));
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    let limit = |bytes: &str| {
        let () = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).query(&mut f.redis()).unwrap();
    };
    let write = |a: &mut RedisStore, rewrite| {
        a.release(&f.keys, &Release { rewrite, ..release("o:a:1", Op::Set(b"x")) }).unwrap()
    };
    limit("1");
    assert!(matches!(write(&mut a, true), ReleaseReply::Refused(_)));
    assert!(f.lock().unwrap().starts_with("o:a:1|"));
    limit("0");
    assert_eq!(write(&mut a, true), ReleaseReply::Done);
    assert_eq!((f.lock(), f.data().unwrap()), (None, b"x".to_vec()));
}

#[test]
fn a_session_that_was_never_stored_ends_without_a_trace() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Drop)).unwrap(), ReleaseReply::Done);
    let write = Write { op: Op::Drop, ttl: TTL, tombstone: None, tombstone_ms: 1000 };
    assert_eq!(a.write(&f.keys, &write).unwrap(), ReleaseReply::Done);
    let left: Vec<String> = f.redis().keys("*").unwrap();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_session_that_was_stored_meanwhile_is_destroyed_as_any_other() {
    for locked in [true, false] {
        let f = Fixture::new();
        let mut a = f.client("a");
        held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
        f.store(b"data");
        let written = if locked {
            a.release(&f.keys, &release("o:a:1", Op::Drop))
        } else {
            a.write(&f.keys, &Write { op: Op::Drop, ttl: TTL, tombstone: None, tombstone_ms: 1000 })
        };
        assert_eq!((written.unwrap(), f.data()), (ReleaseReply::Done, None));
        assert!(f.pttl(&f.keys.tombstone) > 0);
    }
}

#[test]
fn a_tombstone_tells_when_the_session_went_on_under_another_id() {
    let f = Fixture::new();
    let mut a = f.client("a");
    let clock = || {
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(&mut f.redis()).unwrap();
        seconds * 1000 + micros / 1000
    };
    for locked in [true, false] {
        f.store(b"data");
        let before = clock();
        let written = if locked {
            held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
            a.release(&f.keys, &release("o:a:1", Op::Leave))
        } else {
            a.write(&f.keys, &Write { op: Op::Leave, ttl: TTL, tombstone: None, tombstone_ms: 1000 })
        };
        assert_eq!((written.unwrap(), f.data()), (ReleaseReply::Done, None));
        let tombstone: String = f.redis().get(&f.keys.tombstone).unwrap();
        let (name, ms) = tombstone.split_once("|left|").unwrap();
        assert_eq!(name.len(), 32, "{tombstone}");
        assert!((before..=clock()).contains(&ms.parse::<u64>().unwrap()), "{tombstone}");
    }
}

/// The two clients may have any settings.
#[test]
fn a_tombstone_outlives_the_lock_that_it_finds() {
    let f = Fixture::new();
    let outlives = |what: &str| {
        let (lock, tombstone) = (f.pttl(&f.keys.lock), f.pttl(&f.keys.tombstone));
        assert!(0 < lock && lock < tombstone, "{what}: {lock} ms, {tombstone} ms");
    };
    let delete = Write { op: Op::Delete, ttl: TTL, tombstone: None, tombstone_ms: 1 };
    let (mut a, mut b) = contended(&f);
    let mut c = f.client("c");
    f.store(b"data");
    assert_eq!(c.write(&f.keys, &delete).unwrap(), ReleaseReply::Done);
    outlives("destroyed without a lock");
    let () = f.redis().del(&f.keys.tombstone).unwrap();
    let lost = Release { tombstone_ms: 1, ..release("o:c:1", Op::Delete) };
    assert_eq!(c.release(&f.keys, &lost).unwrap(), ReleaseReply::Done);
    outlives("destroyed by somebody who has lost the lock");

    let path = format!("{}?database=0", f.server.save_path());
    let settings = Settings::parse(&path, &IniValues::default()).unwrap();
    let home = Home::new(&settings, &f.keys, None);
    let timeouts = Timeouts { connect: settings.connect_timeout, read: settings.read_timeout };
    let keys = [&*f.keys.lock, &*f.keys.tombstone];
    let renewed = Renewer::default().renew(&home, timeouts, keys, "o:a:1", Duration::from_secs(100));
    assert!(renewed.unwrap() && f.pttl(&f.keys.lock) > 50_000);
    outlives("renewed");

    // The lock is handed over, the session destroyed, the ticket claimed.
    let () = f.redis().del(&f.keys.tombstone).unwrap();
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::None)).unwrap(), ReleaseReply::Done);
    assert_eq!(c.write(&f.keys, &delete).unwrap(), ReleaseReply::Done);
    let ticket = b.wait(&f.keys, Duration::from_secs(1)).unwrap().unwrap();
    let token = format!("t:{}", ticket.id);
    let claim =
        Claim { token: token.clone(), waiter: "o:b".into(), lease: LEASE, info: "host|1|cli|".into() };
    assert!(b.claim(&f.keys, &claim).unwrap());
    outlives("claimed");
    let write = Release { waiter: Some("o:b"), ..release(&token, Op::Set(b"back")) };
    assert_eq!(b.release(&f.keys, &write).unwrap(), ReleaseReply::Dead);
}
