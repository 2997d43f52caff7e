//! A balancer that ends each connection whose server does not answer, before the client's own time
//! is up.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    one_session::{Fixture, TTL, client, first, of_lock},
    proxy::Proxy,
};
use phpsess_rs::{
    error::StoreError,
    protocol::{Op, Release},
    store::Store,
};

const READ: Duration = Duration::from_secs(3);
/// The balancer's time.
const BALANCER: Duration = Duration::from_millis(2500);

/// Runs one request while the server hangs. Returns its failure and the time that it took.
fn hung(prepare: fn(&mut Fixture), request: fn(&mut Fixture) -> StoreError) -> (StoreError, Duration) {
    let mut f = Fixture::new();
    let proxy = Proxy::start(&f.server.addr());
    let path = format!("{}?timeout=1&read_timeout={}", proxy.save_path(), READ.as_secs());
    f.store = client(&path);
    f.store.read(&f.keys, TTL).expect("Redis answers");
    prepare(&mut f);
    f.server.pause();
    let begun = Instant::now();
    let (failure, took) = thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2 {
                thread::sleep(BALANCER);
                proxy.cut();
            }
        });
        (request(&mut f), begun.elapsed())
    });
    f.server.resume();
    (failure, took)
}

#[test]
fn connections_that_a_balancer_ends_cost_the_timeout_once() {
    let (failure, took) = hung(|_| (), |f| f.store.read(&f.keys, TTL).expect_err("Redis hangs"));
    assert!(took < READ + READ / 2, "{took:?}: {failure:?}");

    let release = |f: &mut Fixture| {
        let release = Release { op: Op::Set(b"stored"), ttl: TTL, ..of_lock() };
        f.store.release(&f.keys, &release).expect_err("Redis hangs")
    };
    let (failure, took) = hung(|f| _ = f.acquire(), release);
    assert!(failure.is_unclear(), "{failure:?}");
    assert!(took < READ + READ / 2, "{took:?}: {failure:?}");

    let acquire = |f: &mut Fixture| {
        let _ = f.store.acquire(&f.keys, &first());
        f.store.acquire(&f.keys, &first()).expect_err("Redis hangs")
    };
    let (failure, took) = hung(|_| (), acquire);
    assert!(took < READ + READ / 2, "{took:?}: {failure:?}");
}

#[test]
fn a_request_after_one_that_has_failed_has_its_whole_time() {
    let after = |f: &mut Fixture| {
        let failure = f.store.acquire(&f.keys, &first()).expect_err("Redis hangs");
        f.server.resume();
        // Past the end of its time.
        thread::sleep(READ);
        f.server.pause();
        let server = &f.server;
        let (store, keys) = (&mut f.store, &f.keys);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(READ / 2);
                server.resume();
            });
            store.read(keys, TTL).expect("Redis answers within the time");
        });
        failure
    };
    hung(|_| (), after);
}
