//! Faults that only threads can cause: one process with many requests at a time.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

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

/// The threads of a process share its place for counts.
#[test]
#[ignore = "needs a thread-safe PHP: make test-zts"]
fn all_threads_are_counted_and_each_has_the_figures_of_its_own_session() {
    let site = Site::start(Workers { processes: 2, threads: 8 }, &[("rustredis.pool_size", "8")], "");
    let ids = site.seeded(12);
    session::seed(&site.server, "shared");
    thread::scope(|scope| {
        for (n, id) in ids.iter().enumerate() {
            let site = &site;
            scope.spawn(move || {
                for visit in 0..10 {
                    let page = site.get(&format!("stay=2000&size={}", 100 * n + visit), id);
                    let last: Value = serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{page:?}"));
                    assert_eq!(
                        (&last["bytes"], &last["outcome"]),
                        (&last["size"], &json!("stored")),
                        "{last}"
                    );
                    // A new connection costs a trip.
                    assert!((2..=3).contains(&last["trips"].as_u64().expect("a number")), "{last}");
                    assert!(last["held_ms"].as_f64().expect("a number") >= 2.0, "{last}");
                }
                // One session, for which the threads wait.
                (0..5).for_each(|_| _ = site.visit("stay=1000", "shared"));
            });
        }
    });
    let metrics = site.get("metrics", "").body;
    let sample = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("rustredis_{name} ")));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}: {metrics}"))
    };
    assert_eq!(session::counter(&site.server, "shared"), Some(60));
    let visits = 12 * 10 + 60;
    assert_eq!(sample("sessions_started_total{mode=\"locked\"}"), visits);
    assert_eq!(sample("writes_total{result=\"stored\"}"), visits);
    assert_eq!(sample("session_bytes_count"), visits);
    assert_eq!(sample("lock_hold_seconds_count"), visits);
    assert_eq!(sample("lock_wait_seconds_count"), sample("lock_waits_total"));
    assert!(sample("lock_waits_total") > 0, "{metrics}");
    assert_eq!((sample("locks_held"), sample("lock_waiters")), (0, 0));
    let target = format!("target=\"127.0.0.1:{}\"", site.server.port());
    assert_eq!(sample(&format!("pool_connections{{{target},state=\"used\"}}")), 0, "{metrics}");
    let idle = sample(&format!("pool_connections{{{target},state=\"idle\"}}"));
    assert_eq!(idle, site.connections(), "{metrics}");
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
