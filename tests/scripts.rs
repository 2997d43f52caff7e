//! Each script against a real Redis, and the counterexamples that the first version of the lock fell for.

#![allow(clippy::unwrap_used, reason = "a failed look-up is a failed test")]

mod support;

use std::{sync::Arc, time::Duration};

use phpsess_rs::{
    config::{Settings, Texts},
    session::{Keys, SessionId},
    store::{
        Acquire, Acquired, Claim, FOREIGN_MS, HANDOFF_MS, Loaded, Mode, Op, Release, Store, StoreError,
        Write, Written, redis::RedisStore,
    },
};
use redis::{Commands, Connection};
use support::redis::Server;

const TTL: u64 = 60;
const LEASE: u64 = 10_000;

struct Fixture {
    server: Server,
    keys: Keys,
}

impl Fixture {
    fn new() -> Self {
        Self::on(Server::start())
    }

    fn on(server: Server) -> Self {
        let id = SessionId::parse(b"abcdefghijklmnop").unwrap();
        Self { server, keys: Keys::new("PHPREDIS_SESSION:", &id) }
    }

    /// A client of its own: its pool has a name in its user field that no other client has.
    fn client(&self, name: &str) -> RedisStore {
        let path = format!("{}?database=0&prefix={name}", self.server.save_path());
        let mut settings = Settings::parse(&path, &Texts::default()).unwrap();
        settings.pool_size = 16;
        RedisStore::new(Arc::new(settings))
    }

    fn redis(&self) -> Connection {
        self.server.connection()
    }

    fn store(&self, value: &[u8]) {
        let () = self.redis().set_ex(&self.keys.data, value, TTL).unwrap();
    }

    fn data(&self) -> Option<Vec<u8>> {
        self.redis().get(&self.keys.data).unwrap()
    }

    fn lock(&self) -> Option<String> {
        self.redis().get(&self.keys.lock).unwrap()
    }

    fn pttl(&self, key: &str) -> i64 {
        self.redis().pttl(key).unwrap()
    }
}

fn ask(name: &str, send: u32, wait: u64) -> Acquire {
    Acquire {
        base: format!("o:{name}"),
        token: format!("o:{name}:{send}"),
        held: None,
        mode: Mode::Any,
        info: "host|1|cli|".into(),
        lease: LEASE,
        ttl: TTL,
        wait,
        max_waiters: 0,
        recheck: 5000,
        mixed: false,
    }
}

fn release<'a>(token: &'a str, op: Op<'a>) -> Release<'a> {
    Release {
        token,
        base: None,
        op,
        ttl: TTL,
        tombstone: None,
        hold: false,
        again: 0,
        mixed: false,
        tombstone_ms: 60_000,
    }
}

fn is_busy(acquired: &Acquired) -> bool {
    matches!(acquired, Acquired::Busy { .. })
}

fn held(acquired: Acquired) -> Loaded {
    match acquired {
        Acquired::Held(loaded) => loaded,
        other => panic!("not held: {other:?}"),
    }
}

/// A holds, B waits.
fn contended(f: &Fixture) -> (RedisStore, RedisStore) {
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert!(is_busy(&b.acquire(&f.keys, &ask("b", 1, 5000)).unwrap()));
    (a, b)
}

#[test]
fn acquire_locks_refreshes_and_reads() {
    let f = Fixture::new();
    f.store(b"data");
    let () = f.redis().expire(&f.keys.data, 5).unwrap();
    let loaded = held(f.client("a").acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(loaded, Loaded { data: Some(b"data".to_vec()), tombstone: None });
    assert!(f.pttl(&f.keys.data) > 50_000 && f.pttl(&f.keys.lock) > 9_000);
    assert!(f.lock().unwrap().starts_with("o:a:1|"));
}

#[test]
fn strict_mode_locks_nothing_for_an_unknown_id() {
    let f = Fixture::new();
    let known = Acquire { mode: Mode::Known, ..ask("a", 1, 0) };
    assert_eq!(f.client("a").acquire(&f.keys, &known).unwrap(), Acquired::Absent);
    assert_eq!(f.lock(), None);
}

#[test]
fn strict_mode_waits_for_a_session_whose_first_request_still_runs() {
    let f = Fixture::new();
    let (_a, mut b) = contended(&f);
    let known = Acquire { mode: Mode::Known, ..ask("b", 2, 5000) };
    assert!(is_busy(&b.acquire(&f.keys, &known).unwrap()));
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
    assert_eq!(f.client("b").acquire(&f.keys, &other).unwrap(), Acquired::Exists);
}

#[test]
fn release_writes_and_frees() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Set(b"new"))).unwrap(), Written::Done);
    assert_eq!((f.lock(), f.data().unwrap()), (None, b"new".to_vec()));
    assert!(f.pttl(&f.keys.data) > 50_000);
}

#[test]
fn keep_of_a_vanished_session_keeps_the_lock_for_the_set_that_follows() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Keep)).unwrap(), Written::Gone);
    assert!(f.lock().is_some());
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap(), Written::Done);
    assert_eq!((f.lock(), f.data().unwrap()), (None, b"x".to_vec()));
}

#[test]
fn destroy_leaves_a_tombstone_that_stops_older_readers_only() {
    let f = Fixture::new();
    f.store(b"data");
    let mut store = f.client("a");
    let before = store.read(&f.keys, TTL).unwrap();
    held(store.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert_eq!(store.release(&f.keys, &release("o:a:1", Op::Delete)).unwrap(), Written::Done);
    let write = |loaded: &Loaded| {
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
    assert_eq!(write(&before).unwrap(), Written::Dead);
    assert_eq!(f.data(), None);
    let after = store.read(&f.keys, TTL).unwrap();
    assert_eq!(write(&after).unwrap(), Written::Done);
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
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Delete)).unwrap(), Written::Done);
    assert_eq!(b.release(&f.keys, &release("o:b:1", Op::Set(b"back"))).unwrap(), Written::Dead);
    assert_eq!((f.data(), f.lock()), (None, None));
}

#[test]
fn hand_over_carries_the_session_and_is_claimed() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Set(b"1\n2"))).unwrap(), Written::Done);
    let ticket = b.wait(&f.keys, Duration::from_secs(5)).unwrap().unwrap();
    assert_eq!(ticket.loaded, Loaded { data: Some(b"1\n2".to_vec()), tombstone: None });
    let token = format!("t:{}", ticket.id);
    let claim = Claim { token: token.clone(), base: "o:b".into(), lease: LEASE, info: "host|2|cli|".into() };
    assert!(b.claim(&f.keys, &claim).unwrap());
    assert!(f.lock().unwrap().starts_with(&format!("{token}|")));
    assert_eq!(f.redis().zcard::<_, u64>(&f.keys.waiters).unwrap(), 0);
    assert_eq!(b.release(&f.keys, &release(&token, Op::Set(b"3"))).unwrap(), Written::Done);
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
        &Claim { token: token.clone(), base: "o:b".into(), lease: LEASE, info: "".into() },
    )
    .unwrap();
    assert_eq!(b.release(&f.keys, &release(&token, Op::Set(b"y"))).unwrap(), Written::Done);
    assert_eq!(f.data().unwrap(), b"y");
}

#[test]
fn scripts_are_sent_again_after_a_flush() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut f.redis()).unwrap();
    assert_eq!(a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap(), Written::Done);
    assert_eq!(f.data().unwrap(), b"x");
}

#[test]
fn an_older_send_that_arrives_late_does_not_revive_its_token() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    held(a.acquire(&f.keys, &ask("a", 2, 0)).unwrap());
    assert!(matches!(a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap(), Written::Lost { .. }));
    assert_eq!(f.data(), None);
}

#[test]
fn an_older_send_that_arrives_behind_its_repeat_takes_nothing() {
    let f = Fixture::new();
    let mut a = f.client("a");
    held(a.acquire(&f.keys, &ask("a", 10, 0)).unwrap());
    assert!(is_busy(&a.acquire(&f.keys, &ask("a", 9, 5000)).unwrap()));
    assert_eq!(f.redis().zcard::<_, u64>(&f.keys.waiters).unwrap(), 0);
    assert_eq!(a.release(&f.keys, &release("o:a:10", Op::Set(b"x"))).unwrap(), Written::Done);
    assert_eq!(f.data().unwrap(), b"x");
}

#[test]
fn a_shorter_wait_does_not_end_a_longer_one() {
    let f = Fixture::new();
    let (_a, _b) = contended(&f);
    let mut c = f.client("c");
    assert!(is_busy(&c.acquire(&f.keys, &ask("c", 1, 10)).unwrap()));
    assert!(f.pttl(&f.keys.waiters) > 100_000);
    assert_eq!(f.redis().zcard::<_, u64>(&f.keys.waiters).unwrap(), 2);
}

#[test]
fn a_lone_waiter_that_asks_again_does_not_count_itself() {
    let f = Fixture::new();
    let (_a, mut b) = contended(&f);
    let limited = |name: &str, send| Acquire { max_waiters: 1, ..ask(name, send, 5000) };
    assert!(is_busy(&b.acquire(&f.keys, &limited("b", 2)).unwrap()));
    let full = f.client("c").acquire(&f.keys, &limited("c", 1)).unwrap();
    assert!(matches!(full, Acquired::Full { waiters: 1, .. }), "{full:?}");
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
        Written::Refused(error) => assert_eq!(error.code, "OOM", "{error:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!((f.lock(), f.data()), (None, None));
}

#[test]
fn a_waiter_that_died_with_its_ticket_stalls_the_others_for_a_hand_over_only() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::None)).unwrap();
    b.wait(&f.keys, Duration::from_secs(5)).unwrap().unwrap();
    let left = f.pttl(&f.keys.lock);
    assert!(left > 0 && left <= i64::try_from(HANDOFF_MS).unwrap(), "{left}");
    match f.client("c").acquire(&f.keys, &ask("c", 1, 60_000)).unwrap() {
        Acquired::Busy { block, .. } => {
            assert!(block > HANDOFF_MS - 100, "a fresh ticket is just being claimed");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_release_is_told_what_the_first_did() {
    let f = Fixture::new();
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    let write = release("o:a:1", Op::Set(b"x"));
    assert_eq!(a.release(&f.keys, &write).unwrap(), Written::Done);
    held(b.acquire(&f.keys, &ask("b", 1, 0)).unwrap());
    b.release(&f.keys, &release("o:b:1", Op::Set(b"y"))).unwrap();
    assert_eq!(a.release(&f.keys, &write).unwrap(), Written::Done);
    assert_eq!(f.data().unwrap(), b"y", "told, not done again");
    assert!(f.pttl(&f.keys.receipt("o:a:1")) > 0);
}

#[test]
fn a_further_write_does_not_take_the_first_ones_receipt_for_its_own() {
    let f = Fixture::new();
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    a.release(&f.keys, &release("o:a:1", Op::Set(b"one"))).unwrap();
    let further = Release { again: 1, ..release("o:a:1", Op::Set(b"two")) };
    assert_eq!(a.release(&f.keys, &further).unwrap(), Written::Done);
    assert_eq!(f.data().unwrap(), b"two");
    held(b.acquire(&f.keys, &ask("b", 1, 0)).unwrap());
    let further = Release { again: 2, ..release("o:a:1", Op::Set(b"three")) };
    assert!(matches!(a.release(&f.keys, &further).unwrap(), Written::Lost { holder: Some(_), .. }));
    assert_eq!(f.data().unwrap(), b"two");
}

#[test]
fn a_ticket_without_its_lock_is_void() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::None)).unwrap();
    // The hand-over's time is up before anybody took the ticket.
    let () = f.redis().del(&f.keys.lock).unwrap();
    held(f.client("c").acquire(&f.keys, &ask("c", 1, 0)).unwrap());
    assert_eq!(b.wait(&f.keys, Duration::from_millis(5)).unwrap(), None);
}

#[test]
fn a_ticket_whose_lock_went_to_somebody_else_cannot_be_claimed() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::None)).unwrap();
    let ticket = b.wait(&f.keys, Duration::from_secs(5)).unwrap().unwrap();
    let () = f.redis().del(&f.keys.lock).unwrap();
    held(f.client("c").acquire(&f.keys, &ask("c", 1, 0)).unwrap());
    let claim =
        Claim { token: format!("t:{}", ticket.id), base: "o:b".into(), lease: LEASE, info: "".into() };
    assert!(!b.claim(&f.keys, &claim).unwrap());
    assert!(f.lock().unwrap().starts_with("o:c:1|"));
}

#[test]
fn a_ticket_never_outlives_its_lock() {
    let f = Fixture::new();
    let (mut a, _b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::None)).unwrap();
    let (ticket, lock) = (f.pttl(&f.keys.wake), f.pttl(&f.keys.lock));
    assert!(0 < ticket && ticket < lock, "{ticket} {lock}");
}

#[test]
fn a_waiter_whose_time_is_up_takes_the_ticket_that_just_arrived() {
    let f = Fixture::new();
    let (mut a, mut b) = contended(&f);
    a.release(&f.keys, &release("o:a:1", Op::Set(b"x"))).unwrap();
    let loaded = held(b.acquire(&f.keys, &ask("b", 2, 0)).unwrap());
    assert_eq!(loaded.data.unwrap(), b"x");
    assert_eq!(f.redis().zcard::<_, u64>(&f.keys.waiters).unwrap(), 0);
    assert!(f.lock().unwrap().starts_with("o:b:2|"));
}

#[test]
fn a_last_try_leaves_the_queue() {
    let f = Fixture::new();
    let (_a, mut b) = contended(&f);
    assert!(matches!(b.acquire(&f.keys, &ask("b", 2, 0)).unwrap(), Acquired::Busy { block: 0, .. }));
    assert_eq!(f.redis().zcard::<_, u64>(&f.keys.waiters).unwrap(), 0);
}

#[test]
fn a_foreign_holder_is_asked_about_every_few_milliseconds() {
    let f = Fixture::new();
    for holder in ["web1|77", "0123456789abcdef0123456789abcdef"] {
        let () = f.redis().set(&f.keys.lock, holder).unwrap();
        match f.client("a").acquire(&f.keys, &ask("a", 1, 5000)).unwrap() {
            Acquired::Busy { block, holder: seen, .. } => assert_eq!((block, &*seen), (FOREIGN_MS, holder)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn in_a_mixed_fleet_nothing_is_handed_over() {
    let f = Fixture::new();
    let (mut a, _b) = contended(&f);
    a.release(&f.keys, &Release { mixed: true, ..release("o:a:1", Op::None) }).unwrap();
    assert_eq!(f.lock(), None);
}
