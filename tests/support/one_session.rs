//! One session on a server, and a client of the store for it.

use std::sync::Arc;

use phpsess_rs::{
    config::{IniValues, Settings},
    protocol::{Acquire, AcquireReply, Keys, Mode, Op, Release, ReleaseReply, SessionData, SessionId},
    store::{Store, redis::RedisStore},
};
use redis::Commands;

use super::redis::Server;

pub const TTL: u64 = 60;
pub const LARGE: &[u8] = &[b'x'; 100_000];

pub struct Fixture {
    pub server: Server,
    pub store: RedisStore,
    pub keys: Keys,
}

impl Fixture {
    pub fn new() -> Self {
        let server = Server::start();
        let mut store = client(&server.save_path());
        let id = SessionId::parse(b"abcdefghijklmnop").expect("it is an id");
        let keys = Keys::new("PHPREDIS_SESSION:", &id);
        // This opens the connection.
        assert_eq!(store.read(&keys, TTL).expect("Redis answers"), SessionData::default());
        Self { server, store, keys }
    }

    pub fn put(&self, value: &[u8]) {
        let () = self.server.connection().set_ex(self.keys.data(), value, 5).expect("Redis answers");
    }

    pub fn data(&self) -> Option<Vec<u8>> {
        self.server.connection().get(self.keys.data()).expect("Redis answers")
    }

    /// All keys except receipts.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.server.connection().keys("*").expect("Redis answers");
        names.retain(|name| !name.contains("_DONE:"));
        names.sort();
        names
    }

    pub fn acquire(&mut self) -> SessionData {
        match self.store.acquire(&self.keys, &first()).expect("Redis answers") {
            AcquireReply::Held(loaded) => loaded,
            other => panic!("not held: {other:?}"),
        }
    }

    pub fn release(&mut self, op: Op<'_>) -> ReleaseReply {
        self.store.release(&self.keys, &Release { op, ttl: TTL, ..of_lock() }).expect("Redis answers")
    }

    /// The number of calls of a command that clients or scripts have made.
    pub fn calls(&self, command: &str) -> u64 {
        self.server.info_commandstats().get(command).copied().unwrap_or(0)
    }
}

pub fn client(path: &str) -> RedisStore {
    let mut settings = Settings::parse(path, &IniValues::default()).expect("the path is one");
    settings.pool_size = 16;
    RedisStore::new(Arc::new(settings))
}

pub fn first() -> Acquire {
    Acquire {
        waiter: "o:a".into(),
        token: "o:a:1".into(),
        held_token: None,
        mode: Mode::Any,
        info: "host|1|cli|".into(),
        lease: 10_000,
        ttl: TTL,
        wait: 0,
        max_waiters: 0,
        recheck: 5000,
        polling: false,
    }
}

pub fn of_lock() -> Release<'static> {
    Release { dead_ms: 60_000, ..Release::of_lock("o:a:1", false) }
}
