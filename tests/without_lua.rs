//! What goes without Lua: the first try for a session, by plain commands, the release by a transaction, and a large value,
//! brought by a SET before the script that moves it to its place.

#![allow(clippy::unwrap_used, reason = "a failed look-up is a failed test")]

mod support;

use std::sync::Arc;

use phpsess_rs::{
    config::{Settings, Texts},
    session::{Keys, SessionId},
    store::{
        Acquire, Acquired, Loaded, Mode, Op, Release, Store, StoreError, Write, Written, redis::RedisStore,
    },
};
use redis::Commands;
use support::{poll, proxy::Proxy, redis::Server};

const TTL: u64 = 60;
const LARGE: &[u8] = &[b'x'; 100_000];

struct Fixture {
    server: Server,
    store: RedisStore,
    keys: Keys,
}

impl Fixture {
    fn new() -> Self {
        let server = Server::start();
        let mut store = client(&server.save_path());
        let id = SessionId::parse(b"abcdefghijklmnop").unwrap();
        let keys = Keys::new("PHPREDIS_SESSION:", &id);
        // The first session of a connection is the scripts' in any case.
        assert_eq!(store.read(&keys, TTL).unwrap(), Loaded::default());
        Self { server, store, keys }
    }

    fn put(&self, value: &[u8]) {
        let () = self.server.connection().set_ex(&self.keys.data, value, 5).unwrap();
    }

    fn data(&self) -> Option<Vec<u8>> {
        self.server.connection().get(&self.keys.data).unwrap()
    }

    /// All keys, but receipts.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.server.connection().keys("*").unwrap();
        names.retain(|name| !name.contains("_DONE:"));
        names.sort();
        names
    }

    fn acquire(&mut self) -> Loaded {
        match self.store.acquire(&self.keys, &first()).unwrap() {
            Acquired::Held(loaded) => loaded,
            other => panic!("not held: {other:?}"),
        }
    }

    fn release(&mut self, op: Op<'_>) -> Written {
        self.store.release(&self.keys, &Release { op, ttl: TTL, ..of_lock() }).unwrap()
    }

    /// Commands that clients have sent, and scripts.
    fn calls(&self, command: &str) -> u64 {
        self.server.info_commandstats().get(command).copied().unwrap_or(0)
    }
}

fn client(path: &str) -> RedisStore {
    let mut settings = Settings::parse(path, &Texts::default()).unwrap();
    settings.pool_size = 16;
    RedisStore::new(Arc::new(settings))
}

fn first() -> Acquire {
    Acquire {
        base: "o:a".into(),
        token: "o:a:1".into(),
        held: None,
        mode: Mode::Any,
        info: "host|1|cli|".into(),
        lease: 10_000,
        ttl: TTL,
        wait: 0,
        max_waiters: 0,
        recheck: 5000,
        mixed: false,
    }
}

fn of_lock() -> Release<'static> {
    Release { tombstone_ms: 60_000, ..Release::of_lock("o:a:1", false) }
}

fn write(op: Op<'_>) -> Write<'_> {
    Write { op, ttl: TTL, tombstone: None, tombstone_ms: 60_000 }
}

#[test]
fn come_back_as_they_were_whatever_their_size() {
    let mut f = Fixture::new();
    for size in [0, 1, 1023, 1024, 1025, 16 << 10, 100_000, 3 << 20] {
        let value: Vec<u8> = (0..=250).cycle().take(size).collect();
        f.acquire();
        assert_eq!(f.release(Op::Set(&value)), Written::Done, "{size}");
        assert_eq!(f.acquire().data.as_ref(), Some(&value), "{size}");
        assert_eq!(f.release(Op::None), Written::Done, "{size}");
        assert_eq!(f.store.read(&f.keys, TTL).unwrap().data.as_ref(), Some(&value), "{size}");
        let value = [&value[..], b"!"].concat();
        assert_eq!(f.store.write(&f.keys, &write(Op::Set(&value))).unwrap(), Written::Done, "{size}");
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
        // What fits one read of the proxy, which could take two for two trips.
        let release = Release { op: Op::Set(&LARGE[..10_000]), ttl: TTL, ..of_lock() };
        assert_eq!(store.release(&f.keys, &release).unwrap(), Written::Done);
    };
    // The first of each tells Redis the script.
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
    assert_eq!(f.release(Op::Set(LARGE)), Written::Done);
    assert_eq!(f.names(), [&*f.keys.data]);
    let left: i64 = f.server.connection().ttl(&f.keys.data).unwrap();
    assert!(left > 50, "{left}");
    assert_eq!(f.store.write(&f.keys, &write(Op::Set(LARGE))).unwrap(), Written::Done);
    assert_eq!(f.names(), [&*f.keys.data]);
}

#[test]
fn are_not_written_without_the_lock_nor_over_a_destroyed_session() {
    let mut f = Fixture::new();
    f.put(b"newer");
    assert!(matches!(f.release(Op::Set(LARGE)), Written::Lost { .. }));
    assert_eq!((f.names(), f.data().unwrap()), (vec![f.keys.data.clone()], b"newer".to_vec()));

    f.acquire();
    let () = f.server.connection().set_ex(&f.keys.tombstone, "t", 60).unwrap();
    assert_eq!(f.release(Op::Set(LARGE)), Written::Dead);
    assert_eq!(f.store.write(&f.keys, &write(Op::Set(LARGE))).unwrap(), Written::Dead);
    assert_eq!(f.names(), [&*f.keys.data, &*f.keys.tombstone]);
    assert_eq!(f.data().unwrap(), b"newer");
}

#[test]
fn a_repeat_of_a_write_is_told_what_its_first_send_did() {
    let mut f = Fixture::new();
    f.acquire();
    assert_eq!(f.release(Op::Set(LARGE)), Written::Done);
    assert_eq!(f.release(Op::Set(LARGE)), Written::Done);
    assert_eq!(f.names(), [&*f.keys.data]);
}

#[test]
fn a_server_without_memory_refuses_them_and_frees_the_lock() {
    let mut f = Fixture::new();
    f.put(b"before");
    f.acquire();
    let used = f.server.info_number("memory", "used_memory");
    f.server.set("maxmemory", &(used - 1).to_string());
    let written = f.release(Op::Set(LARGE));
    assert!(matches!(&written, Written::Refused(error) if error.to_string().contains("OOM")), "{written:?}");
    let refused = f.store.write(&f.keys, &write(Op::Set(LARGE)));
    assert!(
        matches!(&refused, Err(StoreError::Server(error)) if error.to_string().contains("OOM")),
        "{refused:?}"
    );
    f.server.set("maxmemory", "0");
    assert_eq!((f.names(), f.data().unwrap()), (vec![f.keys.data.clone()], b"before".to_vec()));
}

#[test]
fn a_value_that_did_not_arrive_is_asked_for_with_the_lock_still_held() {
    let mut f = Fixture::new();
    f.put(b"before");
    f.acquire();
    let text = std::fs::read_to_string("src/store/scripts/release.lua").unwrap();
    let Keys { data, lock, wake, waiters, tombstone, .. } = &f.keys;
    let (receipt, new) = (f.keys.receipt("o:a:1"), f.keys.new_value("o:a:1"));
    let answer: Vec<String> = redis::Script::new(&text)
        .key(&[data, lock, wake, waiters, &receipt, tombstone, &new])
        .arg(&["o:a:1", "", "move", "", "60", "", "0", "0", "ticket", "1000", "0", "60000"])
        .invoke(&mut f.server.connection())
        .unwrap();
    assert_eq!(answer, ["gone"]);
    assert_eq!((f.names(), f.data().unwrap()), (vec![data.clone(), lock.clone()], b"before".to_vec()));
}

#[test]
fn a_key_of_another_type_is_an_error_that_leaves_no_lock() {
    let mut f = Fixture::new();
    let () = f.server.connection().rpush(&f.keys.data, "x").unwrap();
    for _ in 0..2 {
        let refused = f.store.acquire(&f.keys, &first());
        assert!(
            matches!(&refused, Err(StoreError::Server(error)) if error.code == "WRONGTYPE"),
            "{refused:?}"
        );
        assert_eq!(f.names(), [&*f.keys.data]);
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
    let () = f.server.connection().set_ex(&f.keys.tombstone, "t", 60).unwrap();
    let scripts = f.calls("evalsha") + f.calls("eval");
    let loaded = f.acquire();
    assert_eq!(loaded, Loaded { data: Some(b"data".to_vec()), tombstone: Some("t".into()) });
    assert_eq!(f.calls("evalsha") + f.calls("eval"), scripts);
    let (lock, left): (String, i64) =
        redis::pipe().get(&f.keys.lock).pttl(&f.keys.data).query(&mut f.server.connection()).unwrap();
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut f.server.connection()).unwrap();
    let mut parts = lock.splitn(3, '|');
    assert_eq!(parts.next(), Some("o:a:1"));
    let age = seconds.abs_diff(parts.next().unwrap().parse::<u64>().unwrap() / 1000);
    assert!(age < 60, "{lock} at {seconds}");
    assert_eq!(parts.next(), Some("host|1|cli|"));
    assert!(left > 50_000, "{left}");
}

/// Takes the lock, lets something happen, and releases it: the answer, and who gave it.
fn release_after(f: &mut Fixture, op: Op<'_>, happens: impl FnOnce(&mut Fixture)) -> (Written, By) {
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
        assert_eq!(release_after(&mut f, Op::Set(value), |_| ()), (Written::Done, By::Transaction));
        assert_eq!((f.names(), f.data().as_deref()), (vec![f.keys.data.clone()], Some(value)));
        let left: i64 = f.server.connection().ttl(&f.keys.data).unwrap();
        assert!(left > 50, "{left}");
        let receipt: Option<String> = f.server.connection().get(f.keys.receipt("o:a:1")).unwrap();
        assert_eq!(receipt.as_deref(), Some("ok"));
    }
    f.put(b"kept");
    assert_eq!(release_after(&mut f, Op::None, |_| ()), (Written::Done, By::Transaction));
    let shorten = |f: &mut Fixture| f.put(b"kept");
    // It was written meanwhile: the script sees to it.
    assert_eq!(release_after(&mut f, Op::Keep, shorten), (Written::Done, By::Script));
    assert_eq!(release_after(&mut f, Op::Keep, |_| ()), (Written::Done, By::Transaction));
    let left: i64 = f.server.connection().ttl(&f.keys.data).unwrap();
    assert!(left > 50, "{left}");
    assert_eq!((f.names(), f.data().unwrap()), (vec![f.keys.data.clone()], b"kept".to_vec()));
}

#[test]
fn a_lock_that_is_lost_writes_nothing_whatever_took_it() {
    let mut f = Fixture::new();
    f.put(b"before");
    let takers: [fn(&mut Fixture); 3] = [
        |f| f.server.connection().set(&f.keys.lock, "o:b:1|1|them").unwrap(),
        |f| f.server.connection().del(&f.keys.lock).unwrap(),
        |f| {
            let () = f.server.connection().pexpire(&f.keys.lock, 1).unwrap();
            poll::until("the lease ends", poll::SOON, || f.names().len() == 1);
        },
    ];
    for happens in takers {
        let (written, _) = release_after(&mut f, Op::Set(LARGE), happens);
        assert!(matches!(written, Written::Lost { .. }), "{written:?}");
        assert_eq!(f.data().unwrap(), b"before");
        let () = f.server.connection().del(&f.keys.lock).unwrap();
    }
}

#[test]
fn a_lease_that_ended_unnoticed_writes_nothing() {
    let mut f = Fixture::new();
    f.put(b"before");
    // Redis drops what has expired when somebody asks for it, or in its own time: once a second now.
    f.server.set("hz", "1");
    let (written, _) = release_after(&mut f, Op::Set(b"late"), |f| {
        let () = f.server.connection().pexpire(&f.keys.lock, 1).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    });
    assert!(matches!(written, Written::Lost { .. }), "{written:?}");
    assert_eq!(f.data().unwrap(), b"before");
}

#[test]
fn who_waits_is_handed_the_lock_whenever_they_came() {
    let mut f = Fixture::new();
    let wait = |f: &Fixture| {
        let () = f.server.connection().zadd(&f.keys.waiters, "o:b", 1e15).unwrap();
    };
    let handed_over = |f: &Fixture| {
        let holder: String = f.server.connection().get(&f.keys.lock).unwrap();
        assert!(holder.starts_with("t:"), "{holder}");
        let Keys { lock, wake, waiters, .. } = &f.keys;
        let () = f.server.connection().del(&[lock, wake, waiters]).unwrap();
    };
    assert_eq!(release_after(&mut f, Op::Set(b"1"), |f| wait(f)), (Written::Done, By::Script));
    handed_over(&f);
    wait(&f);
    assert_eq!(release_after(&mut f, Op::Set(b"2"), |_| ()), (Written::Done, By::Script));
    handed_over(&f);
    assert_eq!(release_after(&mut f, Op::Set(b"3"), |_| ()), (Written::Done, By::Transaction));
    assert_eq!(f.data().unwrap(), b"3");
}

#[test]
fn what_changes_under_the_lock_is_left_to_the_script() {
    let mut f = Fixture::new();
    let renewed = |f: &mut Fixture| f.server.connection().pexpire(&f.keys.lock, 9000).unwrap();
    assert_eq!(release_after(&mut f, Op::Set(b"1"), renewed), (Written::Done, By::Script));
    let destroyed = |f: &mut Fixture| f.server.connection().set_ex(&f.keys.tombstone, "t", 60).unwrap();
    assert_eq!(release_after(&mut f, Op::Set(b"2"), destroyed), (Written::Dead, By::Script));
    assert_eq!(f.data().unwrap(), b"1");
    // One that was there when the session was read forbids nothing.
    let seen = Release { op: Op::Set(b"3"), tombstone: Some("t"), ttl: TTL, ..of_lock() };
    f.acquire();
    assert_eq!(f.store.release(&f.keys, &seen).unwrap(), Written::Done);
    assert_eq!(f.data().unwrap(), b"3");
}

#[test]
fn another_session_of_the_connection_ends_what_is_watched() {
    let mut f = Fixture::new();
    let other = Keys::new("PHPREDIS_SESSION:", &SessionId::parse(b"qrstuvwxyzabcdef").unwrap());
    let (token, release) = ("o:c:1", Release { op: Op::Set(b"2"), ttl: TTL, ..of_lock() });
    let (written, by) = release_after(&mut f, Op::Set(b"1"), |f| {
        let wanted = Acquire { base: "o:c".into(), token: token.into(), ..first() };
        assert!(matches!(f.store.acquire(&other, &wanted).unwrap(), Acquired::Held(_)));
        assert_eq!(f.store.release(&other, &Release { token, ..release.clone() }).unwrap(), Written::Done);
        let () = f.server.connection().set(&f.keys.lock, "o:b:1|1|them").unwrap();
    });
    assert!(matches!(written, Written::Lost { .. }), "{written:?}");
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
            assert!(matches!(store.acquire(&f.keys, &first()).unwrap(), Acquired::Held(_)), "{lacks} {n}");
            let release = Release { op: Op::Set(b"x"), ttl: TTL, ..of_lock() };
            assert_eq!(store.release(&f.keys, &release).unwrap(), Written::Done, "{lacks} {n}");
            assert_eq!(f.names(), [&*f.keys.data], "{lacks} {n}");
        }
        assert!(f.calls("evalsha") + f.calls("eval") >= scripts + 3, "{lacks}");
    }
}

#[test]
fn a_transaction_that_redis_refuses_is_left_to_the_script() {
    let mut f = Fixture::new();
    // Below the size that would go beside the script.
    let used = |f: &Fixture| f.server.info_number("memory", "used_memory");
    let (written, by) = release_after(&mut f, Op::Set(b"small"), |f| {
        f.server.set("maxmemory", &(used(f) - 1).to_string());
    });
    assert!(matches!(&written, Written::Refused(error) if error.to_string().contains("OOM")), "{written:?}");
    assert_eq!(by, By::Script);
    f.server.set("maxmemory", "0");
    assert_eq!(f.names(), [""; 0]);
    // Nothing of it is left on the connection.
    assert_eq!(release_after(&mut f, Op::Set(b"small"), |_| ()), (Written::Done, By::Transaction));
}

#[test]
fn a_lock_that_somebody_has_stays_as_it_is() {
    let mut f = Fixture::new();
    f.acquire();
    let lock: String = f.server.connection().get(&f.keys.lock).unwrap();
    let other = Acquire { base: "o:b".into(), token: "o:b:1".into(), ..first() };
    let mut second = client(&f.server.save_path());
    second.read(&f.keys, TTL).unwrap();
    assert!(matches!(second.acquire(&f.keys, &other).unwrap(), Acquired::Busy { .. }));
    assert_eq!(f.server.connection().get::<_, String>(&f.keys.lock).unwrap(), lock);
}

#[test]
fn strict_mode_leaves_no_lock_on_an_unknown_id_nor_on_one_that_is_taken() {
    let mut f = Fixture::new();
    for _ in 0..2 {
        let known = Acquire { mode: Mode::Known, ..first() };
        assert_eq!(f.store.acquire(&f.keys, &known).unwrap(), Acquired::Absent);
        // The next exchange comes behind what gives the lock back.
        assert_eq!(f.store.read(&f.keys, TTL).unwrap(), Loaded::default());
        assert_eq!(f.names(), [""; 0]);
    }
    f.put(b"data");
    let new = Acquire { mode: Mode::New, ..first() };
    assert_eq!(f.store.acquire(&f.keys, &new).unwrap(), Acquired::Exists);
    f.store.read(&f.keys, TTL).unwrap();
    assert_eq!(f.names(), [&*f.keys.data]);
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
