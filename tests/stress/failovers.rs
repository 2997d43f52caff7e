//! Each kind of failover under load: the time that sessions are away, the acknowledged writes that
//! are lost, and the requests that fail. `make bench-failover` prints the table for
//! docs/operations.md.

use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use crate::alone;
use crate::support::cluster::{self, NODE_TIMEOUT};
use crate::support::outage::{Page, WORKER, pages};
use crate::support::php::{Php, Running};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::sentinel::{Access, DOWN_AFTER, Group, role};
use crate::support::session;

/// The number of processes that count at the same time, each in a session of its own.
const WORKERS: usize = 8;
/// The time that the workers count before the failover, and after it is over. Some notice it only
/// by rustredis.read_timeout.
const BEFORE: Duration = Duration::from_secs(2);
const AFTER: Duration = Duration::from_secs(8);
/// The time in which each session must go on after that: a lease and the wait for a lock, on a busy
/// machine.
const GOES_ON_WITHIN: Duration = Duration::from_mins(1);
/// The time that the guard of a plain address takes to notice and to act.
const NOTICED_AFTER: Duration = Duration::from_secs(1);

/// The results of the workers.
struct Row {
    what: String,
    /// The longest time that a session was without an acknowledged write.
    away: Duration,
    acknowledged: usize,
    lost: usize,
    requests: usize,
    failed: usize,
}

struct Load {
    workers: Vec<(String, Running)>,
}

impl Load {
    fn start(server: &Server, save_path: &str, ids: Vec<String>) -> Self {
        let php = Php::new(save_path).deadline(Duration::from_mins(3));
        let start = |id: String| {
            session::seed(server, &id);
            let mut worker = php.spawn(WORKER);
            worker.send(&id);
            worker.expect("page ");
            (id, worker)
        };
        let load = Self { workers: ids.into_iter().map(start).collect() };
        thread::sleep(BEFORE);
        load
    }

    /// Ends the measurement. `new` has the sessions now.
    fn end(self, what: &str, new: &Server) -> Row {
        thread::sleep(AFTER);
        // A session whose lock was given back between two masters waits for the end of its lease,
        // and begins to count later than the others.
        for (id, _) in &self.workers {
            let counter = || session::counter(new, id).unwrap_or(0);
            let before = counter();
            poll::until("each session is counted on at the new master", GOES_ON_WITHIN, || {
                counter() >= before + 20
            });
        }
        let mut row = Row {
            what: what.to_owned(),
            away: Duration::ZERO,
            acknowledged: 0,
            lost: 0,
            requests: 0,
            failed: 0,
        };
        for (id, mut worker) in self.workers {
            worker.send("stop");
            let (output, _) = worker.expect("done");
            let pages = pages(&output);
            row.requests += pages.len();
            row.failed += pages.iter().filter(|page| !page.saved).count();
            row.acknowledged += pages.iter().filter(|page| page.saved).count();
            row.lost += lost(&pages, session::counter(new, &id).unwrap_or(0));
            row.away = row.away.max(longest_gap(&pages));
        }
        println!("{row}");
        row
    }
}

/// The number of acknowledged counts that neither a later page nor the final check finds.
fn lost(pages: &[Page], at_the_end: u64) -> usize {
    let mut stored: Vec<u64> = Vec::new();
    let mut lost = 0;
    let mut found = |stored: &mut Vec<u64>, n: u64| {
        while stored.last().is_some_and(|last| *last > n) {
            stored.pop();
            lost += 1;
        }
    };
    for page in pages.iter().filter(|page| page.n > 0) {
        found(&mut stored, page.n - 1);
        if page.saved {
            stored.push(page.n);
        }
    }
    found(&mut stored, at_the_end);
    lost
}

/// The longest time from one acknowledged page to the next.
fn longest_gap(pages: &[Page]) -> Duration {
    let saved: Vec<_> = pages.iter().filter(|page| page.saved).collect();
    let gap = |pair: &[&Page]| pair[1].end.saturating_sub(pair[0].end);
    saved.windows(2).map(gap).max().expect("each worker had acknowledged pages")
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, away, acknowledged, lost, requests, failed } = self;
        let away = away.as_secs_f64();
        write!(f, "| {what} | {away:.1} | {lost} of {acknowledged} | {failed} of {requests} |")
    }
}

fn ids() -> Vec<String> {
    (0..WORKERS).map(|n| format!("visitor{n}")).collect()
}

fn until_in_sync(master: &Server, replica: &Server) {
    poll::until("the replica has all of it", SOON, || {
        let [master, replica] = [master, replica].map(|server| server.info("replication"));
        replica.get("master_link_status").is_some_and(|status| status == "up")
            && master.get("master_repl_offset") == replica.get("slave_repl_offset")
    });
}

/// The way in which the master loses its role.
#[derive(Clone, Copy, PartialEq)]
enum Event {
    /// Replaced by a command that loses nothing: FAILOVER, or CLIENT PAUSE before SENTINEL
    /// FAILOVER.
    PlannedSafely,
    /// Replaced by the command at hand: REPLICAOF NO ONE, SENTINEL FAILOVER.
    Planned,
    Killed,
    Hung,
}

/// An address that leads to one server and is given to its replica.
fn plain(event: Event, what: &str) -> Row {
    let [mut old, new] = [0, 1].map(|_| Server::with_args(&["--repl-diskless-sync-delay", "0"]));
    new.command::<()>(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
    until_in_sync(&old, &new);
    let address = Proxy::start(&old.addr());
    let load = Load::start(&old, &address.save_path(), ids());
    let promote = || {
        new.command::<()>(&["REPLICAOF", "NO", "ONE"]);
        address.lead_new_to(&new.addr());
    };
    match event {
        Event::PlannedSafely => {
            old.command::<()>(&["FAILOVER", "TO", "127.0.0.1", &new.port().to_string()]);
            poll::until("the replica is the master", SOON, || role(&new) == "master");
            address.lead_new_to(&new.addr());
        }
        Event::Planned => {
            promote();
            old.command::<()>(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
        }
        Event::Killed => {
            old.kill9();
            thread::sleep(NOTICED_AFTER);
            promote();
        }
        Event::Hung => {
            old.pause_alone();
            thread::sleep(NOTICED_AFTER);
            promote();
        }
    }
    load.end(what, &new)
}

fn sentinel(servers: usize, more: &[&str], event: Event, what: &str) -> Row {
    let mut group = Group::of(servers, more, Access::default());
    let load = Load::start(&group.servers[0], &group.save_path(), ids());
    match event {
        Event::PlannedSafely | Event::Planned => {
            if event == Event::PlannedSafely {
                group.servers[0].command::<()>(&["CLIENT", "PAUSE", "15000", "WRITE"]);
            }
            group.sentinels[2].command::<()>(&["SENTINEL", "FAILOVER", "sessions"]);
        }
        Event::Killed => group.servers[0].kill9(),
        Event::Hung => group.servers[0].pause_alone(),
    }
    let new = group.until_replaced();
    if matches!(event, Event::PlannedSafely | Event::Planned) {
        poll::until("the old master is a replica", Duration::from_mins(1), || {
            role(&group.servers[0]) == "slave"
        });
    }
    load.end(what, &group.servers[new])
}

fn in_cluster(event: Event, what: &str) -> Row {
    let mut cluster = cluster::with_replicas();
    let ids: Vec<_> = (0..WORKERS).map(|n| cluster.id_on(0, &format!("visitor{n}-"))).collect();
    let key = session::key_at(&cluster, &ids[0]);
    let load = Load::start(&cluster, &cluster.save_path(), ids);
    match event {
        Event::PlannedSafely | Event::Planned => cluster.node(3).own::<()>(&["CLUSTER", "FAILOVER"]),
        Event::Killed => cluster.node_mut(0).kill9(),
        Event::Hung => cluster.node(0).pause_alone(),
    }
    if event == Event::PlannedSafely {
        poll::until("the replica is the master", SOON, || role(cluster.node(3)) == "master");
    } else {
        cluster.until_master(3, &key);
    }
    load.end(what, &cluster)
}

type Run = Box<dyn Fn(&str) -> Row>;

/// `FAILOVER_ONLY` chooses rows by a part of their name.
#[test]
#[ignore = "it takes minutes: make bench-failover"]
fn table() {
    let _alone = alone();
    let min_replicas = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "10"];
    let mut runs: Vec<(String, Run)> = Vec::new();
    let mut add = |what: &str, run: Run| runs.push((what.to_owned(), run));
    let planned = "planned, by";
    add(&format!("plain name, {planned} `FAILOVER`"), Box::new(|what| plain(Event::PlannedSafely, what)));
    add(&format!("plain name, {planned} `REPLICAOF NO ONE`"), Box::new(|what| plain(Event::Planned, what)));
    add("plain name, killed", Box::new(|what| plain(Event::Killed, what)));
    add("plain name, hung", Box::new(|what| plain(Event::Hung, what)));
    for (name, servers, more) in [
        ("Sentinel, pair", 2, &[][..]),
        ("Sentinel, trio with `min-replicas-to-write 1`", 3, &min_replicas[..]),
    ] {
        let more: Vec<&'static str> = more.to_vec();
        for (how, event) in [
            ("planned, by `CLIENT PAUSE ... WRITE` and `SENTINEL FAILOVER`", Event::PlannedSafely),
            ("planned, by `SENTINEL FAILOVER`", Event::Planned),
            ("killed", Event::Killed),
            ("hung", Event::Hung),
        ] {
            let more = more.clone();
            add(&format!("{name}, {how}"), Box::new(move |what| sentinel(servers, &more, event, what)));
        }
    }
    add(
        &format!("Cluster, {planned} `CLUSTER FAILOVER`"),
        Box::new(|what| in_cluster(Event::PlannedSafely, what)),
    );
    add("Cluster, killed", Box::new(|what| in_cluster(Event::Killed, what)));
    add("Cluster, hung", Box::new(|what| in_cluster(Event::Hung, what)));

    let only = std::env::var("FAILOVER_ONLY").unwrap_or_default();
    let mut table = String::from(
        "| failover | seconds without sessions | acknowledged writes lost | requests failed |\n| --- | --- | --- | --- |\n",
    );
    for (what, run) in runs.iter().filter(|(what, _)| what.contains(&only)) {
        let row = run(what);
        writeln!(table, "{row}").expect("a string can be written to");
    }
    println!(
        "\n{WORKERS} processes, each with a session of its own and a pause of 10 ms between two requests; the default \
         timeouts; down-after-milliseconds {}, cluster-node-timeout {}, {} s for who watches over a plain name\n\n{table}",
        DOWN_AFTER.as_millis(),
        NODE_TIMEOUT.as_millis(),
        NOTICED_AFTER.as_secs_f64(),
    );
}
