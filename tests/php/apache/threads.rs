//! Faults that only threads can cause: one process with many requests at a time.

use std::thread;
use std::time::Duration;

use super::Site;
use crate::support::apache::Workers;
use crate::support::poll::{self, SOON};
use crate::support::{process, session};

#[test]
#[ignore = "needs a thread-safe PHP: make test-zts"]
fn who_gets_no_connection_of_the_pool_in_time_is_told() {
    let one = Workers { processes: 1, threads: 12 };
    let site = Site::start(one, &[("rustredis.pool_size", "2"), ("rustredis.pool_wait", "0.3")], "");
    let ids = site.seeded(3);
    thread::scope(|scope| {
        let holders = [&ids[0], &ids[1]].map(|id| scope.spawn(|| site.visit("stay=3000000", id)));
        poll::until("both are in their sessions", SOON, || {
            ids[..2].iter().all(|id| session::is_locked(&site.server, id))
        });
        let page = site.get("", &ids[2]);
        let told = "all connections of this process were in use for 0.3 s (rustredis.pool_wait): raise rustredis.pool_size";
        assert_eq!(page.body.matches(told).count(), 1, "{page:?}");
        for holder in holders {
            assert_eq!(holder.join().unwrap(), 1);
        }
    });
    assert_eq!(site.visit("", &ids[2]), 1);
    assert_eq!(site.connections(), 2);
    site.apache.assert_no_crash();
}

/// A request that finds the pool full waits for a connection first, and then for the lock.
#[test]
#[ignore = "needs a thread-safe PHP: make test-zts"]
fn more_threads_than_connections_wait_for_each_other_and_lose_nothing() {
    let one = Workers { processes: 1, threads: 24 };
    let site = Site::start(one, &[("rustredis.pool_size", "3"), ("rustredis.pool_wait", "60")], "");
    let ids = site.seeded(2);
    thread::scope(|scope| {
        for id in ids.iter().cycle().take(24) {
            let site = &site;
            scope.spawn(move || (0..10).for_each(|_| _ = site.visit("", id)));
        }
    });
    for id in &ids {
        assert_eq!(session::counter(&site.server, id), Some(120), "{id}");
    }
    assert!(site.connections() <= 3, "{} connections", site.connections());
    site.apache.assert_no_crash();
}

#[test]
#[ignore = "needs a thread-safe PHP: make test-zts"]
fn one_thread_renews_the_leases_of_all_requests() {
    let one = Workers { processes: 1, threads: 16 };
    let site = Site::start(one, &[("rustredis.lock_lease", "1")], "");
    let ids = site.seeded(12);
    thread::scope(|scope| {
        let holders: Vec<_> = ids.iter().map(|id| scope.spawn(|| site.visit("stay=4000000", id))).collect();
        poll::until("all are in their sessions", SOON, || {
            ids.iter().all(|id| session::is_locked(&site.server, id))
        });
        let children = site.apache.children();
        let renewing = || {
            let names = children.iter().flat_map(|&child| process::threads(child));
            names.filter(|name| name == "rustredis-renew").count()
        };
        poll::until("a thread renews", SOON, || renewing() > 0);
        thread::sleep(Duration::from_millis(500));
        assert_eq!(renewing(), 1, "one for all");
        for holder in holders {
            assert_eq!(holder.join().unwrap(), 1, "a lost lock would be a warning before the count");
        }
    });
    for id in &ids {
        assert_eq!(session::counter(&site.server, id), Some(1), "written after four leases: {id}");
    }
    site.apache.assert_no_crash();
}
