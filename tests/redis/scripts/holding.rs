//! One client has the lock, reads and writes.

use std::time::Duration;

use phpsess_rs::{
    client::Timeouts,
    config::{IniValues, Settings},
    error::StoreError,
    protocol::{
        Acquire, AcquireReply, Claim, Client, Copied, Dead, Mode, Op, Proof, Reason, Release, ReleaseReply,
        SessionData, State, Ticket, Write,
    },
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
    let () = f.redis().expire(f.keys.data(), 5).unwrap();
    let loaded = held(f.client("a").acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(loaded, SessionData::new(Some(b"data".to_vec()), None));
    assert!(f.pttl(f.keys.data()) > 50_000 && f.pttl(f.keys.lock()) > 9_000);
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
    assert!(f.pttl(f.keys.data()) > 50_000);
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
fn destroy_leaves_a_mark_that_stops_older_readers_only() {
    let f = Fixture::new();
    f.store(b"data");
    let mut store = f.client("a");
    let before = store.read(&f.keys, TTL).unwrap();
    held(store.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(
        store.release(&f.keys, &release("o:a:1", Op::Delete(&Reason::Logout))).unwrap(),
        ReleaseReply::Done
    );
    let write = |loaded: &SessionData| {
        f.client("w").write(&f.keys, &Write::new(Op::Set(b"back"), TTL, loaded.state.as_deref(), 1000))
    };
    assert_eq!(write(&before).unwrap(), ReleaseReply::Dead);
    assert_eq!(f.data(), None);
    let after = store.read(&f.keys, TTL).unwrap();
    assert_eq!(write(&after).unwrap(), ReleaseReply::Done);
    assert!(f.pttl(f.keys.state()) > 0);
}

#[test]
fn a_logout_that_lost_its_lock_still_ends_the_session() {
    let f = Fixture::new();
    f.store(b"data");
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    let () = f.redis().del(f.keys.lock()).unwrap();
    held(b.acquire(&f.keys, &ask("b", 1, 0)).unwrap());
    assert_eq!(
        a.release(&f.keys, &release("o:a:1", Op::Delete(&Reason::Logout))).unwrap(),
        ReleaseReply::Done
    );
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
    assert_eq!(f.redis().zcard::<_, u64>(f.keys.waiters()).unwrap(), 0);
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
    let () = f.redis().rpush(f.keys.data(), "x").unwrap();
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
    let write = Write::new(Op::Drop, TTL, None, 1000);
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
            a.write(&f.keys, &Write::new(Op::Drop, TTL, None, 1000))
        };
        assert_eq!((written.unwrap(), f.data()), (ReleaseReply::Done, None));
        assert!(f.pttl(f.keys.state()) > 0);
    }
}

#[test]
fn the_mark_of_an_end_tells_why_and_when() {
    let f = Fixture::new();
    let mut a = f.client("a");
    let clock = || {
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(&mut f.redis()).unwrap();
        seconds * 1000 + micros / 1000
    };
    let reasons =
        [Reason::Logout, Reason::Regenerated, Reason::Revoked, Reason::Limit, Reason::Absolute].iter();
    for (n, (reason, locked)) in reasons.flat_map(|reason| [(reason, true), (reason, false)]).enumerate() {
        f.store(b"data");
        let (before, token) = (clock(), format!("o:a:{}", n + 1));
        let written = if locked {
            held(a.acquire(&f.keys, &Acquire { token: token.clone(), ..ask("a", 1, 0) }).unwrap());
            a.release(&f.keys, &release(&token, Op::Delete(reason)))
        } else {
            let op = Op::Delete(reason);
            a.write(&f.keys, &Write::new(op, TTL, None, 1000))
        };
        assert_eq!((written.unwrap(), f.data()), (ReleaseReply::Done, None));
        let State::Dead(Dead { reason: told, at, kept, token: by }) = State::parse(&f.state().unwrap())
        else {
            panic!("{:?}", f.state());
        };
        assert_eq!((&told, (before..=clock()).contains(&at)), (reason, true));
        assert_eq!(kept, "");
        assert_eq!((by == token, by.len() == 32), (locked, !locked), "{by}");
    }
}

/// The client then ends the session under its new id.
#[test]
fn a_logout_ends_no_session_that_has_moved_since_it_was_read() {
    let f = Fixture::new();
    let mut a = f.client("a");
    let live = "live|1|||||||";
    let mut sends = 0;
    for has_lock in [true, false] {
        for (seen, moved, answer) in [
            (Some(live), false, ReleaseReply::Done),
            (Some(live), true, ReleaseReply::Dead),
            (None, true, ReleaseReply::Dead),
        ] {
            f.store(b"data");
            let () = f.redis().set_ex(f.keys.state(), live, 60).unwrap();
            sends += 1;
            let token = format!("o:a:{sends}");
            if has_lock {
                held(a.acquire(&f.keys, &Acquire { token: token.clone(), ..ask("a", 1, 0) }).unwrap());
            }
            let mut mark = None;
            if moved {
                let retire = write(Op::Retire { grace: 10, forced: true, until: "" }, Some(live), None);
                assert_eq!(a.write(&f.keys, &retire).unwrap(), ReleaseReply::Done);
                mark = f.state();
            }
            let logout = Release { seen, ..release(&token, Op::LogOut) };
            let told = if has_lock {
                a.release(&f.keys, &logout)
            } else {
                a.write(&f.keys, &Write::new(Op::LogOut, TTL, seen, 60_000))
            };
            assert_eq!(told.unwrap(), answer, "lock: {has_lock}, {seen:?}, moved: {moved}");
            let copy: Option<Vec<u8>> = f.redis().get(f.keys.copy()).unwrap();
            assert_eq!((f.data(), copy.is_some(), f.lock()), (None, moved, None));
            if moved {
                assert_eq!(f.state(), mark);
                // The same answer by the receipt, and to a client without the lock.
                assert_eq!(a.release(&f.keys, &logout).unwrap(), answer);
            } else {
                assert!(f.state().unwrap().starts_with("dead|logout|"));
            }
            // A mark that was there at the read is that of an earlier session.
            f.store(b"next");
            let next = Write::new(Op::LogOut, TTL, mark.as_deref(), 60_000);
            assert_eq!(a.write(&f.keys, &next).unwrap(), ReleaseReply::Done);
            assert!(f.state().unwrap().starts_with("dead|logout|"));
            let () = f.redis().del(&[f.keys.data(), f.keys.state(), &f.keys.copy()]).unwrap();
        }
    }
}

/// The request has given up, and its browser keeps the id.
#[test]
fn a_move_that_comes_too_late_does_not_happen() {
    let f = Fixture::new();
    let mut a = f.client("a");
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut f.redis()).unwrap();
    let (past, future) = (((seconds - 1) * 1000).to_string(), ((seconds + 3600) * 1000).to_string());
    for (number, locked) in [true, false].into_iter().enumerate() {
        f.store(b"data");
        let token = format!("o:a:{number}");
        if locked {
            held(a.acquire(&f.keys, &Acquire { token: token.clone(), ..ask("a", 1, 0) }).unwrap());
        }
        for (until, answer) in [(&past, ReleaseReply::Gone), (&future, ReleaseReply::Done)] {
            let op = Op::Retire { grace: 10, forced: false, until };
            let written = if locked {
                a.release(&f.keys, &release(&token, op))
            } else {
                a.write(&f.keys, &Write::new(op, TTL, None, 60_000))
            };
            let (is_late, data) = (answer == ReleaseReply::Gone, f.data());
            assert_eq!((written.unwrap(), data.is_some()), (answer, is_late));
            assert_eq!((f.lock().is_some(), f.state().is_none()), (locked && is_late, is_late));
        }
        let () = f.redis().del(f.keys.state()).unwrap();
    }
}

/// The session could not be stored under its new id either.
#[test]
fn a_full_redis_moves_no_session_and_ends_one() {
    let f = Fixture::on(Server::with_args(&["--maxmemory-policy", "noeviction"]));
    let memory = |bytes: &str| {
        let () = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).query(&mut f.redis()).unwrap();
    };
    let (mut a, mut sends) = (f.client("a"), 0);
    for grace in [10, 0] {
        for forced in [true, false] {
            for locked in [true, false] {
                let op = Op::Retire { grace, forced, until: "" };
                f.store(b"data");
                sends += 1;
                let token = format!("o:a:{sends}");
                if locked {
                    held(a.acquire(&f.keys, &Acquire { token: token.clone(), ..ask("a", 1, 0) }).unwrap());
                }
                memory("1");
                if locked {
                    let answer = a.release(&f.keys, &release(&token, op)).unwrap();
                    assert!(
                        matches!(&answer, ReleaseReply::Refused(error) if error.code == "OOM"),
                        "{answer:?}"
                    );
                } else {
                    let answer = a.write(&f.keys, &Write::new(op, TTL, None, 60_000));
                    assert!(answer.is_err_and(|error| error.to_string().contains("OOM")));
                }
                assert_eq!((f.data(), f.lock(), f.state()), (Some(b"data".to_vec()), None, None));
                memory("0");
            }
        }
    }
    f.store(b"data");
    sends += 1;
    let token = format!("o:a:{sends}");
    held(a.acquire(&f.keys, &Acquire { token: token.clone(), ..ask("a", 1, 0) }).unwrap());
    memory("1");
    let logout = release(&token, Op::Delete(&Reason::Logout));
    assert_eq!(a.release(&f.keys, &logout).unwrap(), ReleaseReply::Done);
    assert_eq!((f.data(), f.lock()), (None, None));
    assert!(f.state().unwrap().starts_with("dead|logout|"));
}

/// The repeat finds no receipt: a destroy without the lock leaves none.
#[test]
fn a_repeated_destroy_does_not_end_the_next_session_under_the_id() {
    let f = Fixture::new();
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    f.store(b"data");
    let destroy = release("o:gone:1", Op::Delete(&Reason::Logout));
    assert_eq!(a.release(&f.keys, &destroy).unwrap(), ReleaseReply::Done);
    let (loaded, mark) = (held(b.acquire(&f.keys, &ask("b", 1, 0)).unwrap()), f.state());
    let new = Release { seen: loaded.state.as_deref(), ..release("o:b:1", Op::Set(b"next")) };
    assert_eq!(b.release(&f.keys, &new).unwrap(), ReleaseReply::Done);
    assert_eq!(a.release(&f.keys, &destroy).unwrap(), ReleaseReply::Done);
    assert_eq!((f.data().unwrap(), f.state()), (b"next".to_vec(), mark));
}

#[test]
fn a_write_stores_the_state_which_outlives_the_session() {
    let f = Fixture::new();
    let clock: (u64, u64) = redis::cmd("TIME").query(&mut f.redis()).unwrap();
    let end = clock.0 * 1000 + 500_000;
    let mut a = f.client("a");
    // With a lifetime of its own, without one, and with an absolute end.
    for (fields, life) in
        [("300||".to_owned(), 600_000), ("||".to_owned(), 120_000), (format!("300|{end}|"), 800_000)]
    {
        let state = format!("live|1700000000000||{fields}||u|My label|with a bar");
        let mut sends = 0;
        for (op, locked) in [
            (Op::Set(b"x"), true),
            (Op::Set(&[b'x'; 4096]), true),
            (Op::Keep, true),
            (Op::Restore(b"x"), true),
            (Op::None, true),
            (Op::Set(b"x"), false),
            (Op::Set(&[b'x'; 4096]), false),
            (Op::Keep, false),
            (Op::Restore(b"x"), false),
        ] {
            let () = f.redis().del(f.keys.state()).unwrap();
            f.store(b"before");
            let written = if locked {
                sends += 1;
                let token = format!("o:a:{sends}");
                held(a.acquire(&f.keys, &Acquire { token: token.clone(), ..ask("a", 1, 0) }).unwrap());
                a.release(&f.keys, &Release { state: Some(&state), ..release(&token, op) })
            } else {
                a.write(&f.keys, &Write { state: Some(&state), ..Write::new(op, TTL, None, 1) })
            };
            assert_eq!(written.unwrap(), ReleaseReply::Done, "{op:?}");
            assert_eq!(f.state().as_deref(), Some(&*state), "{op:?}");
            let (left, session) = (f.pttl(f.keys.state()), f.pttl(f.keys.data()));
            assert!(left <= life && left > life - 30_000 && left > session, "{op:?}: {left}, {session}");
        }
    }
    assert_eq!(
        a.read(&f.keys, TTL).unwrap().state.as_deref().map(State::parse).unwrap().live().unwrap().label(),
        "My label|with a bar"
    );
    // No session, no state.
    let () = f.redis().del(&[f.keys.state(), f.keys.data()]).unwrap();
    held(a.acquire(&f.keys, &ask("a", 99, 0)).unwrap());
    let release = Release { state: Some("live|1|||||||"), ..release("o:a:99", Op::None) };
    assert_eq!(a.release(&f.keys, &release).unwrap(), ReleaseReply::Done);
    assert_eq!(f.state(), None);
}

#[test]
fn a_session_lives_on_under_another_state_and_dies_with_another_creation() {
    let f = Fixture::new();
    let mut a = f.client("a");
    let mut sends = 0;
    for (seen, now, dies) in [
        (None, Some("live|1|||||||"), false),
        (Some("live|1|||||||"), Some("live|1|2|3|4000000000000|5||user|label"), false),
        (Some("live|1|||||||"), None, false),
        (Some("dead|logout|1|t"), Some("live|1|||||||"), false),
        (Some("dead|logout|1|t"), Some("dead|logout|1|t"), false),
        (Some("dead|logout|1|t"), None, false),
        (None, Some("dead|logout|1|t"), true),
        (Some("live|1|||||||"), Some("dead|revoked|1|t"), true),
        (Some("dead|logout|1|t"), Some("dead|logout|1|u"), true),
        (Some("live|1|||||||"), Some("live|2|||||||"), true),
        (Some("live|1|||||||"), Some("live|11|||||||"), true),
    ] {
        assert_eq!(State::has_died(seen, now), dies, "{seen:?}, {now:?}");
        for (op, locked) in
            [(Op::Set(b"x"), true), (Op::Set(b"x"), false), (Op::Keep, true), (Op::Keep, false)]
        {
            let () = f.redis().del(&[f.keys.data(), f.keys.state()]).unwrap();
            if let Some(state) = now {
                let () = f.redis().set_ex(f.keys.state(), state, 60).unwrap();
            }
            let written = if locked {
                sends += 1;
                let token = format!("o:a:{sends}");
                held(a.acquire(&f.keys, &Acquire { token: token.clone(), ..ask("a", 1, 0) }).unwrap());
                let written = a.release(&f.keys, &Release { seen, ..release(&token, op) });
                a.release(&f.keys, &release(&token, Op::None)).unwrap();
                written
            } else {
                a.write(&f.keys, &Write::new(op, TTL, seen, 1))
            };
            let expected = match op {
                _ if dies => ReleaseReply::Dead,
                Op::Keep => ReleaseReply::Gone,
                _ => ReleaseReply::Done,
            };
            assert_eq!(written.unwrap(), expected, "{seen:?}, {now:?}, {op:?}, locked: {locked}");
            assert_eq!((f.data().is_some(), f.state().as_deref()), (expected == ReleaseReply::Done, now));
        }
        // A refresh does not give the next session the state of this one.
        f.store(b"next");
        let keep = Write { state: Some("live|9|||||||"), ..Write::new(Op::Keep, TTL, seen, 1) };
        assert_eq!(a.write(&f.keys, &keep).unwrap(), ReleaseReply::Done);
        // A client that saw no state gives none to a session that got one meanwhile.
        let is_later = seen.is_none() && now.is_some();
        assert_eq!(f.state().as_deref(), if dies || is_later { now } else { Some("live|9|||||||") });
    }
}

/// The answer to an end may get lost, or the client that got it may stop.
#[test]
fn a_repeated_end_and_a_further_one_name_the_copy_again() {
    let f = Fixture::new();
    let mut a = f.client("a");
    let ended = ReleaseReply::Ended("old".into());
    let mut sends = 0;
    for (copy, answer) in [("4000000000000:old", &ended), ("0:old", &ReleaseReply::Done)] {
        let logout = Op::Delete(&Reason::Logout);
        let revoke = Op::Revoke { reason: &Reason::Revoked, list: "u", by: Proof::Place };
        let [kept, gone] = [30, 0].map(|grace| Op::Retire { grace, forced: true, until: "" });
        for op in [logout, revoke, kept, gone] {
            for locked in [true, false] {
                let state = format!("live|1|||||{copy}|u|a|label");
                let () = f.redis().set_ex(f.keys.state(), &state, 60).unwrap();
                f.store(b"data");
                sends += 1;
                let token = format!("o:a:{sends}");
                if locked {
                    held(a.acquire(&f.keys, &Acquire { token: token.clone(), ..ask("a", 1, 0) }).unwrap());
                }
                let end = Release { seen: Some(&state), ..release(&token, op) };
                assert_eq!(a.release(&f.keys, &end).unwrap(), *answer, "{op:?}, locked: {locked}");
                let mark = f.state().unwrap();
                let () = f.redis().del(f.keys.receipt(&token)).unwrap();
                assert_eq!(a.release(&f.keys, &end).unwrap(), *answer, "{op:?}, locked: {locked}");
                assert_eq!(f.state().unwrap(), mark);
                for op in [logout, revoke] {
                    let end = Write::new(op, TTL, None, 60_000);
                    assert_eq!(a.write(&f.keys, &end).unwrap(), *answer, "{op:?}");
                }
                let mark = State::parse(&f.state().unwrap());
                assert!(matches!(&mark, State::Dead(dead) if dead.live().is_none()), "{mark}");
            }
        }
    }
}

/// A client that ends a session which another one has ended does not know the mark as its own.
#[test]
fn the_mark_of_an_end_is_that_of_the_first_client() {
    let f = Fixture::new();
    let (mut a, [own, other]) = (f.client("a"), [Client::random(), Client::random()]);
    let logout = Op::Delete(&Reason::Logout);
    let revoke = Op::Revoke { reason: &Reason::Revoked, list: "u", by: Proof::Place };
    let mut end = |op, client| {
        let end = Write::new(op, TTL, None, 60_000).by(Some(client));
        for _ in 0..2 {
            assert_eq!(a.write(&f.keys, &end).unwrap(), ReleaseReply::Done);
        }
        match State::parse(&f.state().unwrap()) {
            State::Dead(mark) => (mark.reason.clone(), [own, other].map(|client| client.has_left(&mark))),
            state => panic!("{state}"),
        }
    };
    for (op, reason) in [(logout, Reason::Logout), (revoke, Reason::Revoked)] {
        for first in [logout, revoke] {
            f.store(b"data");
            assert_eq!(end(first, other).1, [false, true]);
            for _ in 0..2 {
                assert_eq!(end(op, own), (reason.clone(), [false, false]));
            }
            // It is another session that ends.
            f.store(b"data");
            for op in [op, first, op] {
                assert_eq!(end(op, own).1, [true, false]);
            }
            assert_eq!(end(first, other).1, [false, false]);
        }
        f.store(b"data");
        let () = f.redis().del(f.keys.state()).unwrap();
        end(Op::Retire { grace: 10, forced: true, until: "" }, other);
        assert_eq!(end(op, own), (reason, [true, false]));
    }
}

/// A logout may come between the look at the mark and the write.
fn write<'a>(op: Op<'a>, seen: Option<&'a str>, state: Option<&'a str>) -> Write<'a> {
    Write { state, ..Write::new(op, TTL, seen, 60_000) }
}

/// Stores a session that then leaves its id, with a copy. Returns the mark of that.
fn left_with_a_copy(f: &Fixture, store: &mut RedisStore) -> String {
    f.store(b"data");
    let retire = Op::Retire { grace: 10, forced: true, until: "" };
    let seen = f.state();
    let answer = store.write(&f.keys, &write(retire, seen.as_deref(), None)).unwrap();
    assert_eq!(answer, ReleaseReply::Done);
    f.state().unwrap()
}

#[test]
fn a_copy_becomes_the_session_again_in_one_step_or_not_at_all() {
    let f = Fixture::new();
    let mut a = f.client("a");
    let live = "live|1|||||||";
    for (between, answer) in [
        ("nothing", ReleaseReply::Done),
        ("the copy goes", ReleaseReply::Gone),
        ("a logout", ReleaseReply::Dead),
        ("another session", ReleaseReply::Dead),
        ("a repeat", ReleaseReply::Done),
    ] {
        let mark = left_with_a_copy(&f, &mut a);
        match between {
            "the copy goes" => {
                let () = f.redis().del(f.keys.copy()).unwrap();
            }
            "a logout" => {
                let logout = write(Op::Delete(&Reason::Logout), None, None);
                assert_eq!(a.write(&f.keys, &logout).unwrap(), ReleaseReply::Done);
            }
            "another session" => {
                let () = f.redis().del(f.keys.state()).unwrap();
                let login = write(Op::Set(b"another"), None, Some("live|2|||||||"));
                assert_eq!(a.write(&f.keys, &login).unwrap(), ReleaseReply::Done);
            }
            "a repeat" => {
                let back = write(Op::BringBack, Some(&mark), Some(live));
                assert_eq!(a.write(&f.keys, &back).unwrap(), answer, "{between}");
            }
            _ => {}
        }
        let (data, state) = (f.data(), f.state());
        let back = write(Op::BringBack, Some(&mark), Some(live));
        assert_eq!(a.write(&f.keys, &back).unwrap(), answer, "{between}");
        let (data, state) = if answer == ReleaseReply::Done {
            (Some(b"data".to_vec()), Some(live.to_owned()))
        } else {
            (data, state)
        };
        assert_eq!((f.data(), f.state()), (data, state), "{between}");
        let copy: Option<Vec<u8>> = f.redis().get(f.keys.copy()).unwrap();
        assert_eq!(copy, None, "{between}");
        let () = f.redis().del(&[f.keys.data(), f.keys.state()]).unwrap();
    }
}

#[test]
fn a_copy_of_which_a_session_is_made_is_not_brought_back() {
    let f = Fixture::new();
    let mut a = f.client("a");
    let live = "live|1|||||||";
    let mark = left_with_a_copy(&f, &mut a);
    let before: u64 = f.redis().pttl(f.keys.state()).unwrap();
    let earlier = mark.replace("|regenerated|", "|regenerated|1");
    assert_eq!(a.write(&f.keys, &write(Op::TakeCopy, Some(&earlier), None)).unwrap(), ReleaseReply::Dead);
    assert_eq!(f.state().as_ref(), Some(&mark));

    // A second request has read the mark before the first one has changed it, and a repeat, too.
    for _ in 0..2 {
        assert_eq!(a.write(&f.keys, &write(Op::TakeCopy, Some(&mark), None)).unwrap(), ReleaseReply::Done);
    }
    let taken = f.state().unwrap();
    assert_eq!(taken.rsplit_once('|'), Some((mark.rsplit_once('|').unwrap().0, Dead::TAKEN)));
    let left: u64 = f.redis().pttl(f.keys.state()).unwrap();
    assert!((1..=before).contains(&left), "{left} of {before} ms");
    assert_eq!(a.copy(&f.keys, &mark).unwrap().0, Copied::Found(b"data".to_vec()));
    assert_eq!(a.copy(&f.keys, &taken).unwrap().0, Copied::Found(b"data".to_vec()));

    let back = write(Op::BringBack, Some(&mark), Some(live));
    assert_eq!(a.write(&f.keys, &back).unwrap(), ReleaseReply::Dead);
    assert_eq!((f.data(), f.state()), (None, Some(taken.clone())));
    let () = f.redis().del(f.keys.copy()).unwrap();
    assert_eq!(a.write(&f.keys, &write(Op::TakeCopy, Some(&taken), None)).unwrap(), ReleaseReply::Gone);
}

#[test]
fn a_ticket_has_the_whole_state() {
    let f = Fixture::new();
    f.store(b"a\nb");
    let (mut a, mut b) = contended(&f);
    let state = "live|1|2|3|9999999999999|5||user|a|label";
    let write = Release { state: Some(state), ..release("o:a:1", Op::Keep) };
    assert_eq!(a.release(&f.keys, &write).unwrap(), ReleaseReply::Done);
    let Ticket { loaded, .. } = b.wait(&f.keys, Duration::from_secs(1)).unwrap().unwrap();
    assert_eq!(loaded, SessionData::new(Some(b"a\nb".to_vec()), Some(state.into())));
}

/// The two clients may have any settings.
#[test]
fn the_mark_of_an_end_outlives_the_lock_that_it_finds() {
    let f = Fixture::new();
    let outlives = |what: &str| {
        let (lock, mark) = (f.pttl(f.keys.lock()), f.pttl(f.keys.state()));
        assert!(0 < lock && lock < mark, "{what}: {lock} ms, {mark} ms");
    };
    let delete = Write::new(Op::Delete(&Reason::Logout), TTL, None, 1);
    let (mut a, mut b) = contended(&f);
    let mut c = f.client("c");
    f.store(b"data");
    assert_eq!(c.write(&f.keys, &delete).unwrap(), ReleaseReply::Done);
    outlives("destroyed without a lock");
    let () = f.redis().del(f.keys.state()).unwrap();
    let lost = Release { dead_ms: 1, ..release("o:c:1", Op::Delete(&Reason::Logout)) };
    assert_eq!(c.release(&f.keys, &lost).unwrap(), ReleaseReply::Done);
    outlives("destroyed by somebody who has lost the lock");

    let path = format!("{}?database=0", f.server.save_path());
    let settings = Settings::parse(&path, &IniValues::default()).unwrap();
    let home = Home::new(&settings, &f.keys, None);
    let timeouts = Timeouts { connect: settings.connect_timeout, read: settings.read_timeout };
    let keys = [f.keys.lock(), f.keys.state()];
    let renewed = Renewer::default().renew(&home, timeouts, keys, "o:a:1", Duration::from_secs(100));
    assert!(renewed.unwrap() && f.pttl(f.keys.lock()) > 50_000);
    outlives("renewed");

    // The lock is handed over, the session destroyed, the ticket claimed.
    let () = f.redis().del(f.keys.state()).unwrap();
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
