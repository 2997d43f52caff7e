//! The lifetimes in a session's state hold for each client that runs the scripts, whatever TTL it
//! asks for.

use std::time::{SystemTime, UNIX_EPOCH};

use phpsess_rs::{
    protocol::{Acquire, AcquireReply, Live, Mode, Op, Release, ReleaseReply, State, Write},
    store::Store,
};
use redis::Commands;

use super::fixture::{Fixture, TTL, ask, release};

const OPS: [Op<'static>; 4] = [Op::Set(b"x"), Op::Keep, Op::Restore(b"x"), Op::None];

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// Stores a session that began a day ago, with this idle lifetime and the milliseconds that are
/// left until its end.
fn session(f: &Fixture, idle: Option<u64>, left: Option<i64>) -> String {
    let mut live = Live::new(now() - 86_400_000);
    live.idle = idle;
    live.end = left.map(|left| now().saturating_add_signed(left));
    let () = f.redis().set_ex(f.keys.state(), live.to_string(), 600).unwrap();
    f.store(b"session");
    live.to_string()
}

fn is_over(f: &Fixture) {
    let state = State::parse(&f.state().unwrap());
    assert!(matches!(&state, State::Dead(dead) if dead.reason.word() == "absolute"), "{state}");
    assert_eq!(f.data(), None);
    assert!(f.pttl(f.keys.state()) > 50_000, "{}", f.pttl(f.keys.state()));
}

/// Compares the TTL of the session with these seconds, of which a test takes no more than five.
fn lives_for(f: &Fixture, seconds: u64, how: &str) {
    let ms = f.pttl(f.keys.data());
    let right = i64::try_from(seconds * 1000).unwrap();
    assert!(ms > right - 5000 && ms <= right, "{how}: {ms} ms, not {right}");
}

#[test]
fn every_script_keeps_to_them() {
    let f = Fixture::new();
    let (mut a, large) = (f.client("a"), vec![b'x'; 5000]);
    let mut sends = 0;
    for (idle, left, right) in [
        (None, None, TTL),
        (Some(20), None, 20),
        (Some(200), None, 200),
        (None, Some(30_000), 30),
        (Some(20), Some(30_000), 20),
        (Some(200), Some(29_500), 30),
    ] {
        for mode in [Mode::Any, Mode::Known] {
            let state = session(&f, idle, left);
            sends += 1;
            let acquired = a.acquire(&f.keys, &Acquire { mode, ..ask("a", sends, 0) }).unwrap();
            assert!(
                matches!(acquired, AcquireReply::Held(loaded) if loaded.state.as_deref() == Some(&*state))
            );
            lives_for(&f, right, "acquire");
            a.release(&f.keys, &release(&format!("o:a:{sends}"), Op::None)).unwrap();
        }
        session(&f, idle, left);
        assert!(a.read(&f.keys, TTL).unwrap().data.is_some());
        lives_for(&f, right, "read");
        for op in OPS.into_iter().chain([Op::Set(&large)]) {
            let state = session(&f, idle, left);
            sends += 1;
            a.acquire(&f.keys, &Acquire { ttl: 0, ..ask("a", sends, 0) }).unwrap();
            let token = format!("o:a:{sends}");
            let written = a.release(&f.keys, &Release { seen: Some(&state), ..release(&token, op) });
            assert_eq!(written.unwrap(), ReleaseReply::Done);
            lives_for(&f, right, "release");
            if op != Op::None {
                let state = session(&f, idle, left);
                let write = Write::new(op, TTL, Some(&state), 60_000);
                assert_eq!(a.write(&f.keys, &write).unwrap(), ReleaseReply::Done);
                lives_for(&f, right, "write");
            }
            assert!(f.state().unwrap().starts_with("live|"));
        }
    }
}

#[test]
fn whatever_prolongs_a_session_prolongs_its_state() {
    let f = Fixture::new();
    let (mut a, large) = (f.client("a"), vec![b'x'; 5000]);
    let mut sends = 0;
    // The idle lifetime, the TTL that is asked for, and the TTL of the state before and after, in
    // seconds.
    for (idle, left, ttl, before, after) in [
        (None, None, TTL, 5, 2 * TTL),
        (Some(200), None, TTL, 299, 400),
        (Some(200), None, TTL, 310, 310),
        (Some(200), None, 0, 5, 5),
        // With an end, the state outlives that from the beginning.
        (None, Some(30_000), TTL, 5, 5),
    ] {
        let state_is = |before: u64| {
            let state = session(&f, idle, left);
            let () = f.redis().expire(f.keys.state(), before.cast_signed()).unwrap();
            state
        };
        let outlives = |how: &str| {
            let (ms, right) = (f.pttl(f.keys.state()), i64::try_from(after * 1000).unwrap());
            assert!(
                ms > right - 5000 && ms <= right,
                "{how}, {idle:?}, {left:?}, {ttl}: {ms} ms, not {right}"
            );
        };
        for mode in [Mode::Any, Mode::Known] {
            state_is(before);
            sends += 1;
            a.acquire(&f.keys, &Acquire { mode, ttl, ..ask("a", sends, 0) }).unwrap();
            outlives("acquire");
            let none = Release { ttl: 0, ..release("", Op::None) };
            a.release(&f.keys, &Release { token: &format!("o:a:{sends}"), ..none }).unwrap();
        }
        state_is(before);
        a.read(&f.keys, ttl).unwrap();
        outlives("read");
        for op in OPS.into_iter().chain([Op::Set(&large)]) {
            if ttl == 0 && !matches!(op, Op::None) && op != OPS[0] {
                continue;
            }
            let state = state_is(before);
            sends += 1;
            a.acquire(&f.keys, &Acquire { ttl: 0, ..ask("a", sends, 0) }).unwrap();
            let token = format!("o:a:{sends}");
            let seen = Some(&*state);
            let written = a.release(&f.keys, &Release { seen, ttl, ..release(&token, op) });
            assert_eq!(written.unwrap(), ReleaseReply::Done);
            outlives(&format!("release {op:?}"));
            if op != Op::None {
                let state = state_is(before);
                let write = Write::new(op, ttl, Some(&state), 60_000);
                assert_eq!(a.write(&f.keys, &write).unwrap(), ReleaseReply::Done);
                outlives(&format!("write {op:?}"));
            }
        }
    }
    // The state of a session that is gone is left alone.
    session(&f, None, None);
    let () = f.redis().expire(f.keys.state(), 5).unwrap();
    let () = f.redis().del(f.keys.data()).unwrap();
    a.read(&f.keys, TTL).unwrap();
    sends += 1;
    a.acquire(&f.keys, &ask("a", sends, 0)).unwrap();
    a.release(&f.keys, &release(&format!("o:a:{sends}"), Op::None)).unwrap();
    assert!(f.pttl(f.keys.state()) <= 5000);
}

#[test]
fn no_script_gives_away_a_session_that_is_over() {
    let f = Fixture::new();
    let (mut a, large) = (f.client("a"), vec![b'x'; 5000]);
    let mut sends = 0;
    for mode in [Mode::Any, Mode::Known] {
        session(&f, None, Some(-1000));
        sends += 1;
        match a.acquire(&f.keys, &Acquire { mode, ..ask("a", sends, 0) }).unwrap() {
            AcquireReply::Held(loaded) if mode == Mode::Any => {
                assert_eq!((loaded.data, loaded.state), (None, f.state()));
            }
            AcquireReply::Absent(state) => assert_eq!((mode, state), (Mode::Known, f.state())),
            other => panic!("{other:?}"),
        }
        is_over(&f);
        assert_eq!(f.lock().is_some(), mode == Mode::Any);
        a.release(&f.keys, &release(&format!("o:a:{sends}"), Op::None)).unwrap();
    }
    session(&f, None, Some(-1000));
    let read = a.read(&f.keys, TTL).unwrap();
    assert_eq!((read.data, read.state), (None, f.state()));
    is_over(&f);
    for op in OPS.into_iter().chain([Op::Set(&large)]) {
        // The session is over after it was read.
        let state = session(&f, None, Some(60_000));
        sends += 1;
        a.acquire(&f.keys, &ask("a", sends, 0)).unwrap();
        let mut over = State::parse(&state).live().unwrap().clone();
        over.end = Some(1);
        let () = f.redis().set_ex(f.keys.state(), over.to_string(), 600).unwrap();
        let token = format!("o:a:{sends}");
        let written = a.release(&f.keys, &Release { seen: Some(&state), ..release(&token, op) }).unwrap();
        assert_eq!(written, if op == Op::None { ReleaseReply::Done } else { ReleaseReply::Dead });
        is_over(&f);
        assert_eq!(f.lock(), None);
        if op != Op::None {
            let state = session(&f, None, Some(-1000));
            let write = Write::new(op, TTL, Some(&state), 60_000);
            assert_eq!(a.write(&f.keys, &write).unwrap(), ReleaseReply::Dead);
            is_over(&f);
        }
    }
    // A new session under the id has a time of its own.
    let live = Live::new(now()).to_string();
    session(&f, None, Some(-1000));
    let write = Write { state: Some(&live), ..Write::new(Op::Set(b"new"), TTL, None, 60_000) };
    let () = f.redis().del(f.keys.data()).unwrap();
    assert_eq!(a.write(&f.keys, &write).unwrap(), ReleaseReply::Done);
    lives_for(&f, TTL, "a new session");
}
