//! Sessions in a Redis Cluster whose nodes die, hang and come back.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::cluster::{self, Cluster, NODE_TIMEOUT};
use crate::support::one_session::{first, of_lock};
use crate::support::outage::{CONNECT, READ, impatient, outage, workers};
use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::session;
use phpsess_rs::{
    config::{IniValues, Settings},
    error::StoreError,
    protocol::{Acquire, AcquireReply, Keys, ReleaseReply, SessionId},
    store::{Store, redis::RedisStore},
};

/// The read_timeout of the process that prefetches. It is far above any delay of a busy machine.
const PREFETCH_READ: Duration = Duration::from_secs(8);

fn process(php: &Php) -> Running {
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    process
}

/// Lets processes count on every master while `lose` takes the first one away, until after its
/// replica has taken over.
fn count_through(cluster: &mut Cluster, lose: fn(&mut Cluster), come_back: fn(&mut Cluster)) {
    let names = [0, 0, 1, 2].iter().enumerate().map(|(n, node)| cluster.id_on(*node, &format!("w{n}-")));
    let ids: Vec<String> = names.collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    // A node that stays up is asked for the owners of the slots.
    let workers = workers(cluster, &cluster.save_path(), &ids);
    thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    lose(cluster);
    cluster.until_master(3, &session::key_at(cluster, ids[0]));
    let elected = start.elapsed();
    thread::sleep(Duration::from_secs(2));
    come_back(cluster);
    poll::until("the old master is a replica", SOON, || {
        cluster.node(0).info("replication").get("role").is_some_and(|role| role == "slave")
    });
    thread::sleep(Duration::from_secs(1));
    for (worker, id) in workers.into_iter().zip(&ids) {
        let outage = outage(worker, id, cluster);
        println!(
            "{id}: {outage:?} without sessions; the election took {elected:?} ({NODE_TIMEOUT:?} to notice)"
        );
        assert!(outage < elected + Duration::from_secs(2), "{outage:?}, {elected:?}");
    }
}

#[test]
fn a_killed_master_costs_no_more_than_the_election_and_nothing_acknowledged_after() {
    let mut cluster = cluster::with_replicas();
    count_through(
        &mut cluster,
        |cluster| cluster.node_mut(0).kill9(),
        |cluster| cluster.node_mut(0).restart(),
    );
}

#[test]
fn a_stopped_master_costs_no_more_either_and_is_left_when_it_wakes_up() {
    let mut cluster = cluster::with_replicas();
    count_through(&mut cluster, |cluster| cluster.node(0).pause_alone(), |cluster| cluster.resume());
}

#[test]
fn with_patience_a_killed_master_costs_only_time() {
    let mut cluster = cluster::with_replicas();
    let id = cluster.id_on(0, "patient");
    session::seed(&cluster, &id);
    let php = Php::new(&cluster.save_path())
        .ini("rustredis.connect_timeout", "20")
        .ini("rustredis.read_timeout", "20")
        .ini("rustredis.lock_wait", "30");
    let mut processes = [process(&php), process(&php), process(&php)];
    let increment = format!("increment('{id}')");
    // One process is between two requests, one holds the lock, one waits for it.
    assert_eq!(processes[0].step(&increment).assert_silent().result, "1");
    processes[1].step(&format!("start('{id}') && ++$_SESSION['n']")).assert_silent();
    processes[2].send(&increment);
    poll::until("the waiter is in the queue", SOON, || cluster.node(0).blocked_alone() == 1);
    poll::until("the replica has the lock", SOON, || {
        let offsets = [0, 3].map(|n| cluster.node(n).info("replication").get("master_repl_offset").cloned());
        offsets[0] == offsets[1]
    });
    cluster.node_mut(0).kill9();
    assert_eq!(processes[1].step("session_write_close()").assert_silent().result, "true");
    let (messages, result) = processes[2].expect("done ");
    assert_eq!((messages.trim(), &*result), ("", "3"));
    assert_eq!(processes[0].step(&increment).assert_silent().result, "4");
    assert_eq!(session::counter(&cluster, &id), Some(4));
}

#[test]
fn a_cluster_that_stays_down_holds_nobody_past_the_timeouts() {
    let mut cluster = cluster::with_replicas();
    let id = cluster.id_on(0, "lost");
    session::seed(&cluster, &id);
    let mut php = process(&impatient(&cluster.save_path()));
    assert_eq!(php.step(&format!("increment('{id}')")).assert_silent().result, "1");
    for node in [3, 0] {
        cluster.node_mut(node).kill9();
    }
    let timed = |php: &mut Running| {
        let start = Instant::now();
        let step = php.step(&format!("start('{id}')"));
        let took = start.elapsed();
        assert_eq!(step.result, "false", "{step:?}");
        assert!(took < (CONNECT + READ) * 2 + Duration::from_secs(1), "{took:?}");
        step.only_warning().to_owned()
    };
    let warning = timed(&mut php);
    assert!(warning.contains(&cluster.node(0).addr()), "{warning}");
    poll::until("the cluster is down", SOON, || {
        cluster.node(1).cluster_info().get("cluster_state").is_some_and(|state| state == "fail")
    });
    println!("{}", timed(&mut php));
    println!("{}", timed(&mut process(&impatient(&cluster.save_path()))));
}

#[test]
fn a_replica_that_takes_over_by_command_is_followed_without_a_word() {
    let cluster = cluster::with_replicas();
    let id = cluster.id_on(0, "planned");
    session::seed(&cluster, &id);
    let php = Php::new(&cluster.save_path()).ini("rustredis.lock_wait", "30");
    let (mut holder, mut waiter) = (process(&php), process(&php));
    holder.step(&format!("start('{id}') && ++$_SESSION['n']")).assert_silent();
    waiter.send(&format!("increment('{id}')"));
    poll::until("the waiter is in the queue", SOON, || cluster.node(0).blocked_alone() == 1);
    cluster.node(3).own::<()>(&["CLUSTER", "FAILOVER"]);
    cluster.until_master(3, &session::key_at(&cluster, &id));
    assert_eq!(holder.step("session_write_close()").assert_silent().result, "true");
    let (messages, result) = waiter.expect("done ");
    assert_eq!((messages.trim(), &*result), ("", "2"));
    assert_eq!(session::counter(&cluster, &id), Some(2));
}

#[test]
fn with_patience_a_master_that_hangs_costs_only_time() {
    let cluster = cluster::with_replicas();
    let ids = ["start", "write", "ahead", "first"].map(|name| cluster.id_on(0, name));
    for id in &ids {
        session::seed(&cluster, id);
    }
    let php = || {
        Php::new(&cluster.save_path())
            .ini("rustredis.connect_timeout", "20")
            .ini("rustredis.read_timeout", "10")
            .ini("rustredis.lock_lease", "20")
    };
    let [mut start, mut write, mut late] =
        [php(), php(), php().ini("rustredis.write_ack", "deferred")].map(|php| process(&php));
    for (process, id) in [(&mut start, &ids[0]), (&mut write, &ids[1]), (&mut late, &ids[2])] {
        for n in 1..=3 {
            assert_eq!(process.step(&format!("increment('{id}')")).assert_silent().result, n.to_string());
        }
    }
    // This process makes its connection for the session that it has open.
    let mut early = process(&php());
    for (process, id) in [(&mut write, &ids[1]), (&mut late, &ids[2]), (&mut early, &ids[3])] {
        process.step(&format!("start('{id}') && ++$_SESSION['n']")).assert_silent();
    }
    let mut settings = Settings::parse(&cluster.save_path(), &IniValues::default()).expect("a save path");
    (settings.connect_timeout, settings.read_timeout) = (Duration::from_mins(1), PREFETCH_READ);
    let settings = Arc::new(settings);
    // A request leaves its connection to the next one.
    let mut ahead = RedisStore::new(settings.clone());
    let id = SessionId::parse(cluster.id_on(0, "prefetched").as_bytes()).expect("an id");
    let keys = Keys::in_cluster("PHPREDIS_SESSION:", &id);
    assert!(matches!(ahead.acquire(&keys, &first()), Ok(AcquireReply::Held(_))));
    assert!(matches!(ahead.release(&keys, &of_lock()), Ok(ReleaseReply::Done)));
    drop(ahead);
    poll::until("the replica has all of it", SOON, || {
        let offsets = [0, 3].map(|n| cluster.node(n).info("replication").get("master_repl_offset").cloned());
        offsets[0] == offsets[1]
    });
    cluster.node(0).pause_alone();
    start.send(&format!("increment('{}')", ids[0]));
    write.send("session_write_close()");
    late.send("session_write_close()");
    early.send("session_write_close()");
    for (process, result) in
        [(&mut start, "4"), (&mut write, "true"), (&mut late, "true"), (&mut early, "true")]
    {
        let (messages, told) = process.expect("done ");
        assert_eq!((messages.trim(), &*told), ("", result));
    }
    assert_eq!(late.step(&format!("increment('{}')", ids[2])).assert_silent().result, "5");
    drop(late);
    for (id, n) in [(&ids[0], 4), (&ids[1], 4), (&ids[3], 1)] {
        assert_eq!(session::counter(&cluster, id), Some(n), "{id}");
    }

    // This process still takes the hung node for the master.
    let mut ahead = RedisStore::new(settings);
    let hung = cluster.node(0).addr();
    assert!(ahead.prefetch(&keys, &first()).is_some());
    let start = Instant::now();
    // The session is then asked for again. After a timeout it would not be.
    let lost = ahead.prefetched();
    assert!(matches!(lost, Err(StoreError::Broken(_))), "{lost:?}");
    let took = start.elapsed();
    assert!(took < PREFETCH_READ * 3 / 4, "{took:?} for the prefetch");
    let start = Instant::now();
    let again = Acquire { held_token: Some(first().token), token: "o:a:2".into(), ..first() };
    assert!(matches!(ahead.acquire(&keys, &again), Ok(AcquireReply::Held(_))));
    // A process that goes to the hung node again waits there for all of its timeout.
    let took = start.elapsed();
    assert!(took < PREFETCH_READ * 3 / 4, "{took:?} without the answer of {hung}");
    cluster.resume();
}

#[test]
fn a_master_that_lost_its_identity_takes_only_its_own_sessions_along() {
    let mut cluster = cluster::Cluster::of(cluster::masters(&["--cluster-require-full-coverage", "no"]));
    let ids = [0, 1, 2].map(|node| cluster.id_on(node, "visitor"));
    for id in &ids {
        session::seed(&cluster, id);
    }
    let mut kept = process(&impatient(&cluster.save_path()));
    for id in &ids {
        assert_eq!(kept.step(&format!("increment('{id}')")).assert_silent().result, "1");
    }
    // The node restarts as a container without a volume does. The other nodes list its slots under
    // a node without an address.
    cluster.node_mut(2).kill9();
    cluster.node(2).lose("nodes.conf");
    cluster.node_mut(2).restart();
    poll::until("the others have found out", SOON, || {
        let nodes: String = cluster.node(0).own(&["CLUSTER", "NODES"]);
        nodes.lines().any(|line| line.contains("noaddr"))
    });
    let mut new = process(&impatient(&cluster.save_path()));
    for (process, n) in [(&mut kept, "2"), (&mut new, "3")] {
        let lost = process.step(&format!("start('{}')", ids[2]));
        assert_eq!(lost.result, "false");
        assert!(lost.only_warning().contains("hash slot"), "{lost:?}");
        for id in &ids[..2] {
            assert_eq!(process.step(&format!("increment('{id}')")).assert_silent().result, n);
        }
    }
}
