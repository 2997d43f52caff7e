//! One session on a server, its clients, and their requests.

use std::sync::Arc;

use phpsess_rs::{
    config::{IniValues, Settings},
    protocol::{Acquire, AcquireReply, Keys, Mode, Op, Release, SessionData, SessionId},
    store::{Store, redis::RedisStore},
};
use redis::{Commands, Connection};

use crate::support::redis::Server;

pub const TTL: u64 = 60;
pub const LEASE: u64 = 10_000;

/// The user whose clients go by scripts alone.
const USER: &str = "scripts";

pub struct Fixture {
    pub server: Server,
    pub keys: Keys,
}

impl Fixture {
    pub fn new() -> Self {
        Self::on(Server::start())
    }

    pub fn on(server: Server) -> Self {
        let id = SessionId::parse(b"abcdefghijklmnop").unwrap();
        let keys = Keys::new("PHPREDIS_SESSION:", &id);
        // The user may use all keys of the session but that of a connection's probe, so that no
        // client tries plain commands first.
        let (data, receipts, values) = (keys.data(), keys.receipt("*"), keys.new_value("*"));
        let copy = keys.copy();
        let names = [data, keys.lock(), keys.wake(), keys.waiters(), keys.state(), &receipts, &values, &copy];
        let patterns: Vec<String> = names.into_iter().map(|name| format!("~{name}")).collect();
        let rule = ["ACL", "SETUSER", USER, "on", ">p", "+@all"].into_iter();
        server.own::<()>(&rule.chain(patterns.iter().map(String::as_str)).collect::<Vec<_>>());
        Self { server, keys }
    }

    /// A separate client: the user field of its pool has a name that no other client has.
    pub fn client(&self, name: &str) -> RedisStore {
        let path = format!("{}?auth[]={USER}&auth[]=p&prefix={name}", self.server.save_path());
        let mut settings = Settings::parse(&path, &IniValues::default()).unwrap();
        settings.pool_size = 16;
        RedisStore::new(Arc::new(settings))
    }

    pub fn redis(&self) -> Connection {
        self.server.connection()
    }

    pub fn store(&self, value: &[u8]) {
        let () = self.redis().set_ex(self.keys.data(), value, TTL).unwrap();
    }

    pub fn data(&self) -> Option<Vec<u8>> {
        self.redis().get(self.keys.data()).unwrap()
    }

    pub fn state(&self) -> Option<String> {
        self.redis().get(self.keys.state()).unwrap()
    }

    pub fn lock(&self) -> Option<String> {
        self.redis().get(self.keys.lock()).unwrap()
    }

    pub fn pttl(&self, key: &str) -> i64 {
        self.redis().pttl(key).unwrap()
    }
}

pub fn ask(name: &str, send: u32, wait: u64) -> Acquire {
    Acquire {
        waiter: format!("o:{name}"),
        token: format!("o:{name}:{send}"),
        held_token: None,
        mode: Mode::Any,
        info: "host|1|cli|".into(),
        lease: LEASE,
        ttl: TTL,
        wait,
        max_waiters: 0,
        recheck: 5000,
        polling: false,
    }
}

pub fn release<'a>(token: &'a str, op: Op<'a>) -> Release<'a> {
    Release {
        token,
        waiter: None,
        op,
        ttl: TTL,
        seen: None,
        state: None,
        keep_lock: false,
        rewrite: false,
        nth: 0,
        polling: false,
        dead_ms: 60_000,
    }
}

pub fn is_busy(acquired: &AcquireReply) -> bool {
    matches!(acquired, AcquireReply::Busy { .. })
}

pub fn held(acquired: AcquireReply) -> SessionData {
    match acquired {
        AcquireReply::Held(loaded) => loaded,
        other => panic!("not held: {other:?}"),
    }
}

/// A holds the lock, B waits.
pub fn contended(f: &Fixture) -> (RedisStore, RedisStore) {
    let (mut a, mut b) = (f.client("a"), f.client("b"));
    held(a.acquire(&f.keys, &ask("a", 1, 0)).unwrap());
    assert!(is_busy(&b.acquire(&f.keys, &ask("b", 1, 5000)).unwrap()));
    (a, b)
}
