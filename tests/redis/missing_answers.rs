//! A connection that goes silent while the answer to a release is missing on it: the release was
//! deferred, or freed a lock that no request wanted. The next request takes the connection.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::time::{Duration, Instant};

use crate::support::{
    one_session::{TTL, first, of_lock},
    poll::{self, SOON},
    proxy::Proxy,
    redis::Server,
};
use phpsess_rs::{
    config::{IniValues, Settings},
    error::StoreError,
    lock::{self, Outcome, Request},
    protocol::{Acquire, AcquireReply, Keys, Mode, Op, Release, ReleaseReply, SessionId},
    store::{DeferredFailure, Store, redis::RedisStore, take_deferred_failures},
};
use redis::Commands;

const READ: Duration = Duration::from_secs(6);
/// The proxy holds the answer back for so long.
const DELAY: Duration = Duration::from_millis(500);

/// The number of sessions so far. Each has an id of its own, as its release may fail when the
/// server of its test is gone.
static SESSIONS: AtomicUsize = AtomicUsize::new(0);

/// Takes the failures of this session. Tests of other sessions run at the same time.
fn failures_of(id: &str) -> Vec<DeferredFailure> {
    static FAILURES: Mutex<Vec<DeferredFailure>> = Mutex::new(Vec::new());
    let mut failures = FAILURES.lock().expect("no test panics with it");
    failures.extend(take_deferred_failures().unwrap_or_default());
    failures.extract_if(.., |failure| failure.id.as_str() == id).collect()
}

/// The release whose answer is missing.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Missing {
    /// A write that was deferred.
    Deferred,
    /// The release of the lock of an unknown id.
    Posted,
}

struct Silent {
    id: String,
    server: Server,
    proxy: Proxy,
    store: RedisStore,
    keys: Keys,
}

impl Silent {
    /// A store whose connection has the release on its way, and has not gone silent yet.
    fn new(missing: Missing) -> Self {
        Self::with(missing, READ)
    }

    fn with(missing: Missing, read_timeout: Duration) -> Self {
        let server = Server::start();
        let proxy = Proxy::start(&server.addr());
        let mut settings =
            Settings::parse(&proxy.save_path(), &IniValues::default()).expect("the path is one");
        settings.read_timeout = read_timeout;
        let mut store = RedisStore::new(Arc::new(settings));
        let name = format!("missinganswers{}", SESSIONS.fetch_add(1, Ordering::Relaxed));
        let id = SessionId::parse(name.as_bytes()).expect("it is an id");
        let keys = Keys::new("PHPREDIS_SESSION:", &id);
        let wanted = match missing {
            Missing::Deferred => first(),
            Missing::Posted => Acquire { mode: Mode::Known, token: "o:a:0".into(), ..first() },
        };
        let acquire = |store: &mut RedisStore| store.acquire(&keys, &wanted).expect("Redis answers");
        match missing {
            Missing::Deferred => {
                assert!(matches!(acquire(&mut store), AcquireReply::Held(_)));
                proxy.delay(DELAY);
                let release = Release { op: Op::Set(b"written"), ttl: TTL, ..of_lock() };
                let sent = store.release_deferred(&id, &keys, &release).expect("it can be sent");
                assert_eq!(sent, None);
            }
            Missing::Posted => {
                store.exists(&keys).expect("Redis answers");
                proxy.delay(DELAY);
                assert!(matches!(acquire(&mut store), AcquireReply::Absent(_)));
            }
        }
        store.rest();
        Self { id: name, server, proxy, store, keys }
    }

    /// Nothing passes over this connection any more, and new ones are served.
    fn forgotten(missing: Missing) -> Self {
        let silent = Self::new(missing);
        silent.proxy.forget();
        silent.proxy.delay(Duration::ZERO);
        silent
    }

    fn start(&mut self, id: &str) -> Result<Outcome, StoreError> {
        let keys = Keys::new("PHPREDIS_SESSION:", &SessionId::parse(id.as_bytes()).expect("an id"));
        let request = Request {
            mode: Mode::Any,
            held_token: None,
            info: "host|1|cli|".into(),
            lease: 10_000,
            ttl: TTL,
            wait: 5000,
            max_waiters: 0,
            polling: false,
        };
        lock::acquire(&mut self.store, &keys, request).0
    }

    /// The write is there if there was one, and the lock of the release is free.
    fn nothing_is_lost(&self, missing: Missing) {
        let mut redis = self.server.connection();
        poll::until("the lock is free", SOON, || {
            let holder: Option<String> = redis.get(self.keys.lock()).expect("Redis answers");
            holder.is_none_or(|holder| !holder.starts_with("o:a:"))
        });
        let data: Option<String> = redis.get(self.keys.data()).expect("Redis answers");
        assert_eq!(data.as_deref(), (missing == Missing::Deferred).then_some("written"));
        let own = failures_of(&self.id);
        assert!(own.is_empty(), "{:?}", own.iter().map(|failure| &failure.outcome).collect::<Vec<_>>());
    }
}

type Use = fn(&mut Silent);

#[test]
fn the_next_request_takes_another_connection_within_its_timeout() {
    let uses: [(&str, Use); 6] = [
        ("start", |silent| {
            let started = silent.start(&silent.id.clone());
            assert!(matches!(started, Ok(Outcome::Granted(_))), "{started:?}");
        }),
        ("another start", |silent| {
            let started = silent.start("another");
            assert!(matches!(started, Ok(Outcome::Granted(_))), "{started:?}");
        }),
        ("read", |silent| drop(silent.store.read(&silent.keys, TTL).expect("it is read"))),
        ("exists", |silent| _ = silent.store.exists(&silent.keys).expect("it is asked for")),
        ("ping", |silent| _ = silent.store.ping(&silent.keys, true).expect("it is asked")),
        ("prefetch", |silent| {
            let wanted = Acquire { waiter: "o:b".into(), token: "o:b:1".into(), ..first() };
            assert!(silent.store.prefetch(&silent.keys, &wanted).is_some());
            let answer = silent.store.prefetched();
            assert!(matches!(answer, Err(StoreError::Broken(_))), "{answer:?}");
            let started = silent.start(&silent.id.clone());
            assert!(matches!(started, Ok(Outcome::Granted(_))), "{started:?}");
        }),
    ];
    for missing in [Missing::Deferred, Missing::Posted] {
        for (name, next) in uses {
            let mut silent = Silent::forgotten(missing);
            let start = Instant::now();
            next(&mut silent);
            let took = start.elapsed();
            assert!(took < READ * 2 / 3, "{missing:?}, {name}: {took:?}");
            silent.nothing_is_lost(missing);
        }
    }
}

/// Another connection leads to the same server, which does not answer there either.
#[test]
fn a_server_that_hangs_costs_the_timeout_once_and_loses_no_write() {
    for missing in [Missing::Deferred, Missing::Posted] {
        let mut silent = Silent::new(missing);
        silent.server.pause();
        let start = Instant::now();
        let started = silent.start("another");
        let took = start.elapsed();
        assert!(matches!(started, Err(StoreError::Timeout(READ))), "{missing:?}: {started:?}");
        assert!(took < READ + READ / 3, "{missing:?}: {took:?}");
        silent.server.resume();
        silent.nothing_is_lost(missing);
    }
}

/// The time for the answer is over, and the release was sent again over another connection.
#[test]
fn a_connection_whose_answer_was_given_up_is_given_up_with_it() {
    let read = Duration::from_secs(4);
    for missing in [Missing::Deferred, Missing::Posted] {
        let mut silent = Silent::with(missing, read);
        silent.proxy.forget();
        silent.proxy.delay(Duration::ZERO);
        let before = silent.proxy.counts().connections;
        poll::until("the release was sent again", SOON, || silent.proxy.counts().connections > before);
        let start = Instant::now();
        let started = silent.start("another");
        assert!(matches!(started, Ok(Outcome::Granted(_))), "{missing:?}: {started:?}");
        let took = start.elapsed();
        assert!(took < read / 4, "{missing:?}: {took:?}");
        silent.nothing_is_lost(missing);
    }
}

/// The connection that a release takes has that of another session on it.
#[test]
fn a_release_leaves_the_answer_to_another_one_to_be_read() {
    let server = Server::start();
    let mut settings = Settings::parse(&server.save_path(), &IniValues::default()).expect("the path is one");
    settings.pool_size = 1;
    let settings = Arc::new(settings);
    let sessions = ["another1", "another2"].map(|name| {
        let id = SessionId::parse(name.as_bytes()).expect("it is an id");
        let keys = Keys::new("PHPREDIS_SESSION:", &id);
        let mut store = RedisStore::new(settings.clone());
        assert!(matches!(store.acquire(&keys, &first()).expect("Redis answers"), AcquireReply::Held(_)));
        store.rest();
        (id, keys, store)
    });
    let () = server.connection().del(sessions[0].1.lock()).expect("Redis answers");
    for (id, keys, mut store) in sessions {
        let release = Release { op: Op::Set(b"written"), ttl: TTL, ..of_lock() };
        assert_eq!(store.release_deferred(&id, &keys, &release).expect("it can be sent"), None);
    }
    let lost = poll::until_some("the session that lost its lock is named", SOON, || {
        failures_of("another1").into_iter().next()
    });
    assert!(matches!(lost.outcome, Ok(ReleaseReply::Lost { .. })));
}
