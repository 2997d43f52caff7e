//! Another client has the lock: the queue, and the ticket that is handed over.

use std::time::Duration;

use phpsess_rs::{
    protocol::{
        Acquire, AcquireReply, Claim, FOREIGN_MS, HANDOFF_MS, Mode, Op, Release, ReleaseReply, SessionData,
        TRIAL_MS,
    },
    store::Store,
};
use redis::Commands;

use super::fixture::{Fixture, LEASE, ask, contended, held, is_busy, release};

#[test]
fn strict_mode_waits_for_a_session_whose_first_request_still_runs() {
    let f = Fixture::new();
    let (_a, mut b) = contended(&f);
    let known = Acquire { mode: Mode::Known, ..ask("b", 2, 5000) };
    assert!(is_busy(&b.acquire(&f.keys, &known).unwrap()));
}

#[test]
fn hand_over_carries_the_session_and_is_claimed() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Set(b"1\n2"))).unwrap(), ReleaseReply::Done);
    let ticket = b.wait(&f.keys, Duration::from_secs(5)).unwrap().unwrap();
    assert_eq!(ticket.loaded, SessionData::new(Some(b"1\n2".to_vec()), None));
    let token = format!("t:{}", ticket.id);
    let claim =
        Claim { token: token.clone(), waiter: "o:b".into(), lease: LEASE, info: "host|2|cli|".into() };
    assert!(b.claim(&f.keys, &claim).unwrap());
    assert!(f.lock().unwrap().starts_with(&format!("{token}|")));
    assert_eq!(f.redis().zcard::<_, u64>(f.keys.waiters()).unwrap(), 0);
    assert_eq!(b.release(&f.keys, &release(&token, Op::Set(b"3"))).unwrap(), ReleaseReply::Done);
    assert_eq!((f.lock(), f.data().unwrap()), (None, b"3".to_vec()));
}

#[test]
fn a_claim_without_waiting_is_drained_by_the_next_command() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap();
    let ticket = b.wait(&f.keys, Duration::from_secs(5)).unwrap().unwrap();
    let token = format!("t:{}", ticket.id);
    b.claim_later(
        &f.keys,
        &Claim { token: token.clone(), waiter: "o:b".into(), lease: LEASE, info: "".into() },
    )
    .unwrap();
    assert_eq!(b.release(&f.keys, &release(&token, Op::Set(b"y"))).unwrap(), ReleaseReply::Done);
    assert_eq!(f.data().unwrap(), b"y");
}

#[test]
fn a_shorter_wait_does_not_end_a_longer_one() {
    let f = Fixture::new();
    let (_a, _b) = contended(&f);
    let mut c = f.client("c");
    assert!(is_busy(&c.acquire(&f.keys, &ask("c", 1, 10)).unwrap()));
    assert!(f.pttl(f.keys.waiters()) > 100_000);
    assert_eq!(f.redis().zcard::<_, u64>(f.keys.waiters()).unwrap(), 2);
}

#[test]
fn a_lone_waiter_that_asks_again_does_not_count_itself() {
    let f = Fixture::new();
    let (_a, mut b) = contended(&f);
    let limited = |name: &str, send| Acquire { max_waiters: 1, ..ask(name, send, 5000) };
    assert!(is_busy(&b.acquire(&f.keys, &limited("b", 2)).unwrap()));
    let full = f.client("c").acquire(&f.keys, &limited("c", 1)).unwrap();
    assert!(matches!(full, AcquireReply::Full { waiters: 1, .. }), "{full:?}");
}

#[test]
fn a_waiter_that_died_with_its_ticket_stalls_the_others_for_a_hand_over_only() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::None)).unwrap();
    b.wait(&f.keys, Duration::from_secs(5)).unwrap().unwrap();
    let left = f.pttl(f.keys.lock());
    assert!(left > 0 && left <= i64::try_from(HANDOFF_MS).unwrap(), "{left}");
    match f.client("c").acquire(&f.keys, &ask("c", 1, 60_000)).unwrap() {
        AcquireReply::Busy { block, .. } => {
            assert!(block > HANDOFF_MS - 100, "a fresh ticket is just being claimed");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ticket_without_its_lock_is_void() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::None)).unwrap();
    // The hand-over's time is up before any client took the ticket.
    let () = f.redis().del(f.keys.lock()).unwrap();
    held(f.client("c").acquire(&f.keys, &ask("c", 1, 0)).unwrap());
    assert_eq!(b.wait(&f.keys, Duration::from_millis(5)).unwrap(), None);
}

#[test]
fn a_ticket_whose_lock_went_to_somebody_else_cannot_be_claimed() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::None)).unwrap();
    let ticket = b.wait(&f.keys, Duration::from_secs(5)).unwrap().unwrap();
    let () = f.redis().del(f.keys.lock()).unwrap();
    held(f.client("c").acquire(&f.keys, &ask("c", 1, 0)).unwrap());
    let claim =
        Claim { token: format!("t:{}", ticket.id), waiter: "o:b".into(), lease: LEASE, info: "".into() };
    assert!(!b.claim(&f.keys, &claim).unwrap());
    assert!(f.lock().unwrap().starts_with("o:c:1|"));
}

#[test]
fn a_ticket_never_outlives_its_lock() {
    let f = Fixture::new();
    let (mut a, _b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::None)).unwrap();
    let (ticket, lock) = (f.pttl(f.keys.wake()), f.pttl(f.keys.lock()));
    assert!(0 < ticket && ticket < lock, "{ticket} {lock}");
}

#[test]
fn a_waiter_whose_time_is_up_takes_the_ticket_that_just_arrived() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap();
    let loaded = held(b.acquire(&f.keys, &ask("b", 2, 0)).unwrap());
    assert_eq!(loaded.data.unwrap(), b"x");
    assert_eq!(f.redis().zcard::<_, u64>(f.keys.waiters()).unwrap(), 0);
    assert!(f.lock().unwrap().starts_with("o:b:2|"));
}

#[test]
fn a_last_try_leaves_the_queue() {
    let f = Fixture::new();
    let (_a, mut b) = contended(&f);
    assert!(matches!(b.acquire(&f.keys, &ask("b", 2, 0)).unwrap(), AcquireReply::Busy { block: 0, .. }));
    assert_eq!(f.redis().zcard::<_, u64>(f.keys.waiters()).unwrap(), 0);
}

#[test]
fn a_foreign_holder_is_asked_about_every_few_milliseconds() {
    let f = Fixture::new();
    for holder in ["web1|77", "0123456789abcdef0123456789abcdef"] {
        let () = f.redis().set(f.keys.lock(), holder).unwrap();
        match f.client("a").acquire(&f.keys, &ask("a", 1, 5000)).unwrap() {
            AcquireReply::Busy { block, holder: seen, .. } => {
                assert_eq!((block, &*seen), (FOREIGN_MS, holder));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn in_a_mixed_fleet_nothing_is_handed_over() {
    let f = Fixture::new();
    let (mut a, _b) = contended(&f);
    a.release(&f.keys, &Release { polling: true, ..release("o:a:1", Op::None) }).unwrap();
    assert_eq!(f.lock(), None);
}

#[test]
fn nobody_waits_for_one_who_only_looks_whether_a_session_is_there() {
    let f = Fixture::new();
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    let clock = || {
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(&mut f.redis()).unwrap();
        seconds * 1000 + micros / 1000
    };
    let looks = |at: u64| {
        let () = f.redis().pset_ex(f.keys.lock(), format!("o:x:0|{at}|h|1|cli|"), LEASE).unwrap();
    };
    let ask = |mode, token: &str| Acquire { mode, token: token.into(), ..ask("a", 1, 5000) };
    let block = |acquired: &AcquireReply| match acquired {
        AcquireReply::Busy { block, .. } => *block,
        other => panic!("{other:?}"),
    };
    looks(clock());
    assert_eq!(a.acquire(&f.keys, &ask(Mode::Known, "o:a:0")).unwrap(), AcquireReply::Absent(None));
    assert_eq!(f.redis().zcard::<_, u64>(f.keys.waiters()).unwrap(), 0);
    // A client that takes any id polls, because it is not woken.
    assert_eq!(block(&a.acquire(&f.keys, &ask(Mode::Any, "o:a:1")).unwrap()), FOREIGN_MS);
    // A client waits for an id that exists, and for one that vanished after the trial.
    f.store(b"x");
    assert!(block(&b.acquire(&f.keys, &ask(Mode::Known, "o:a:2")).unwrap()) > FOREIGN_MS);
    let () = f.redis().del(f.keys.data()).unwrap();
    looks(clock() - TRIAL_MS);
    assert!(block(&b.acquire(&f.keys, &ask(Mode::Known, "o:a:3")).unwrap()) > FOREIGN_MS);
}
