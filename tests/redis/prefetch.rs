//! A prefetch whose commands do not all reach the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{
    one_session::{TTL, first},
    redis::Server,
};
use phpsess_rs::{
    config::{IniValues, Settings},
    error::StoreError,
    protocol::{Acquire, AcquireReply, Keys, SessionId},
    store::{Store, redis::RedisStore},
};

const READ: Duration = Duration::from_millis(300);

/// The first of the commands takes the lock. The server may have carried it out, so the session can
/// be asked for again only under the same token.
#[test]
fn a_prefetch_that_breaks_on_its_way_is_not_forgotten() {
    let server = Server::start();
    let mut settings = Settings::parse(&server.save_path(), &IniValues::default()).expect("the path is one");
    settings.read_timeout = READ;
    let mut store = RedisStore::new(Arc::new(settings));
    // The names of the other keys are most of the commands.
    let keys = |n: u32| {
        let id = SessionId::parse(format!("{n:0>250}").as_bytes()).expect("an id");
        Keys::new("PHPREDIS_SESSION:", &id)
    };
    store.read(&keys(0), TTL).expect("Redis answers");
    store.rest();
    server.pause();
    // The socket takes some thousand of them, and the last one in part.
    let broken = (1..1_000_000).find(|n| {
        let start = Instant::now();
        assert!(store.prefetch(&keys(*n), &first()).is_some(), "it is forgotten after {:?}", start.elapsed());
        let is_broken = start.elapsed() >= READ / 2;
        if !is_broken {
            store.rest();
        }
        is_broken
    });
    let keys = keys(broken.expect("the socket has an end"));
    assert!(matches!(store.prefetched(), Err(StoreError::Broken(_))));
    server.resume();
    let again = Acquire { held_token: Some(first().token), token: "o:a:2".into(), wait: 0, ..first() };
    let answer = store.acquire(&keys, &again);
    assert!(matches!(answer, Ok(AcquireReply::Held(_))), "{answer:?}");
}
