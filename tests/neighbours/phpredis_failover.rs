//! A fleet of php-fpm pools, the old one with phpredis and the new one with rustredis, on the same
//! sessions while their master dies. phpredis knows no Sentinel, so a proxy leads it to the new
//! master.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::support::fpm::Fpm;
use crate::support::outage::impatient;
use crate::support::php::Php;
use crate::support::phpredis;
use crate::support::poll::{self, SOON, SetAtEnd};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::sentinel::{Group, role};
use crate::support::session;

const IDS: [&str; 2] = ["a", "b"];
/// The number of pages of each client before the failover, and after it.
const PAGES: usize = 20;

/// Answers with three things: true if the write was acknowledged without a message, the number, and
/// PHP's messages.
const PAGE: &str = r#"
    $messages = [];
    set_error_handler(function ($level, $message) use (&$messages) { $messages[] = $message; return true; });
    $n = 0;
    $saved = false;
    try {
        if (session_start()) {
            $n = $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
            $saved = session_write_close() && !$messages;
        }
    } catch (RedisException $error) {
        $messages[] = $error->getMessage();
    }
    echo (int) $saved, " ", $n, " ", implode("; ", $messages);
"#;

fn phpredis(save_path: &str) -> Php {
    phpredis::handler("redis", save_path)
        // In strict mode, phpredis gives out a new id when it cannot ask for the old one.
        .ini("session.use_strict_mode", "0")
        .ini("redis.session.locking_enabled", "1")
        .ini("redis.session.lock_expire", "5")
        .ini("redis.session.lock_retries", "200")
        .ini("redis.session.lock_wait_time", "20000")
}

/// A browser that is logged in, and requests page after page from one pool.
struct Browser<'a> {
    pool: &'a Fpm,
    kind: &'static str,
    id: &'static str,
    pages: Mutex<Vec<Page>>,
}

#[derive(Clone, Debug)]
struct Page {
    saved: bool,
    n: u64,
    messages: String,
}

impl Browser<'_> {
    fn visit(&self) -> Page {
        let response = self.pool.get("", &format!("PHPSESSID={}", self.id));
        let cookie = response.cookie("PHPSESSID");
        assert!(cookie.is_none_or(|cookie| cookie == self.id), "{} logs out: {response:?}", self.kind);
        let mut words = response.body.splitn(3, ' ');
        let mut next = || words.next().unwrap_or_else(|| panic!("no page: {response:?}"));
        Page {
            saved: next() == "1",
            n: next().parse().unwrap_or_else(|_| panic!("no number: {response:?}")),
            messages: next().to_owned(),
        }
    }

    fn visit_until(&self, stop: &AtomicBool) {
        while !stop.load(Relaxed) {
            let page = self.visit();
            self.pages.lock().unwrap_or_else(PoisonError::into_inner).push(page);
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn pages(&self) -> Vec<Page> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of acknowledged pages that counted past a number.
    fn counted_past(&self, number: u64) -> usize {
        self.pages().iter().filter(|page| page.saved && page.n > number).count()
    }
}

fn counters(server: &Server) -> [u64; 2] {
    IDS.map(|id| session::counter(server, id).expect("the session is there"))
}

/// Stops all writes, and waits until the replica has the earlier ones. From then on, only the
/// clients can lose an acknowledged write.
fn until_all_is_on(replica: &Server, master: &Server) {
    master.command::<()>(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    let offset = |server: &Server, name: &str| server.info("replication").get(name).cloned();
    poll::until("the replica has all", SOON, || {
        let written = offset(master, "master_repl_offset");
        written.is_some() && written == offset(replica, "slave_repl_offset")
    });
}

#[test]
fn a_failover_under_load_loses_nothing_acknowledged_and_logs_nobody_out() {
    if !phpredis::is_here() {
        return;
    }
    let mut group = Group::start();
    for id in IDS {
        session::seed(&group.servers[0], id);
    }
    let proxy = Proxy::start(&group.servers[0].addr());
    let old = phpredis(&format!("{}?timeout=1&read_timeout=1", proxy.save_path()));
    let new = impatient(&group.save_path()).ini("rustredis.lock_wait", "10").ini("rustredis.lock_mixed", "1");
    let pools = [("phpredis", Fpm::start(&old, 3, PAGE)), ("rustredis", Fpm::start(&new, 3, PAGE))];
    let browsers: Vec<_> = pools
        .iter()
        .flat_map(|(kind, pool)| IDS.map(|id| Browser { pool, kind, id, pages: Mutex::default() }))
        .collect();
    let stop = AtomicBool::new(false);
    let at_failover = thread::scope(|scope| {
        let _stop = SetAtEnd(&stop);
        for browser in &browsers {
            scope.spawn(|| browser.visit_until(&stop));
        }
        poll::until("all count", SOON, || browsers.iter().all(|browser| browser.counted_past(0) >= PAGES));
        until_all_is_on(&group.servers[1], &group.servers[0]);
        group.servers[0].kill9();
        let at_failover = counters(&group.servers[1]);
        group.until_master(1, &[0, 1, 2]);
        proxy.lead_to(&group.servers[1].addr());
        let number = |browser: &Browser<'_>| at_failover[usize::from(browser.id == IDS[1])];
        poll::until("all count again", Duration::from_mins(1), || {
            browsers.iter().all(|browser| browser.counted_past(number(browser)) >= PAGES)
        });
        at_failover
    });

    let last = counters(&group.servers[1]);
    for ((id, last), at_failover) in IDS.into_iter().zip(last).zip(at_failover) {
        let pages: Vec<_> = browsers
            .iter()
            .filter(|browser| browser.id == id)
            .flat_map(|browser| {
                let pages = browser.pages();
                let failed: Vec<_> = pages.iter().filter(|page| !page.saved).collect();
                let messages: BTreeSet<_> = failed.iter().map(|page| &*page.messages).collect();
                println!("{id} on {}: {} pages, {} failed", browser.kind, pages.len(), failed.len());
                println!("{messages:#?}");
                pages
            })
            .collect();
        let numbers = |saved: bool| {
            let mut numbers: Vec<_> =
                pages.iter().filter(|page| page.saved == saved).map(|page| page.n).collect();
            numbers.sort_unstable();
            numbers
        };
        let (saved, failed) = (numbers(true), numbers(false));
        // A number that two pages reported is a lost increment, and so is a number above the last.
        for pair in saved.windows(2) {
            assert!(pair[0] < pair[1], "{id}: {pair:?}, of which one is lost (failover at {at_failover})");
        }
        assert!(saved.last() <= Some(&last), "{id}: {:?} of {last}", saved.last());
        // Only those pages have counted.
        let missing: Vec<_> = (1..=last).filter(|n| !saved.contains(n) && !failed.contains(n)).collect();
        assert!(missing.is_empty(), "{id}: nobody was told {missing:?}");
        assert!(!failed.is_empty(), "{id}: the failover was noticed");
    }

    // The old master comes back as a replica, and both pools go on at the new one.
    group.servers[0].restart();
    poll::until("the old master is a replica", Duration::from_mins(1), || role(&group.servers[0]) == "slave");
    let mut expected = last;
    for browser in &browsers {
        let expected = &mut expected[usize::from(browser.id == IDS[1])];
        *expected += 1;
        let page = browser.visit();
        assert!(page.saved && page.n == *expected, "{} at {expected}: {page:?}", browser.kind);
    }
    assert_eq!(counters(&group.servers[1]), expected);
}
