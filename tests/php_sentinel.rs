//! Sessions on whatever server the sentinels name: through dead sentinels, a failover and a partition.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use support::outage::{CONNECT, impatient, outage, workers};
use support::php::{Running, STEPS};
use support::poll;
use support::sentinel::{Access, DOWN_AFTER, Group, role};
use support::session;
use support::tls::Certificates;

fn process(save_path: &str) -> Running {
    let mut process = impatient(save_path).spawn(STEPS);
    process.expect("ready");
    process
}

/// Kills the first master while one process works on each of these sessions: each notices, is without its session for
/// hardly longer than the election takes, and finds on the second server what was acknowledged there.
fn fail_over(group: &mut Group, save_path: &str, ids: &[&str]) {
    let workers = workers(&group.servers[0], save_path, ids);
    // They are in the midst of it.
    thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    group.servers[0].kill9();
    group.until_master(1, &[0, 1, 2]);
    let elected = start.elapsed();
    thread::sleep(Duration::from_secs(3));
    for (worker, id) in workers.into_iter().zip(ids) {
        let outage = outage(worker, id, &group.servers[1]);
        println!(
            "{id}: {outage:?} without sessions; Sentinel needed {elected:?} (down after {DOWN_AFTER:?})"
        );
        assert!(outage > Duration::ZERO, "the failover was noticed");
        assert!(outage < elected + Duration::from_secs(2), "{outage:?}, {elected:?}");
    }
}

#[test]
fn sessions_lie_on_the_master_and_dead_sentinels_are_skipped() {
    let mut group = Group::start();
    session::seed(&group.servers[0], "known");
    let mut first = process(&group.save_path());
    assert_eq!(first.step("increment('known')").assert_silent().result, "1");
    assert_eq!(session::counter(&group.servers[0], "known"), Some(1));
    // The sentinels are asked once for a connection, not for each page.
    assert_eq!(first.step("increment('known')").assert_silent().result, "2");
    assert_eq!(first.step("rustredis_status()['reconnects']").result, "0");

    group.sentinels[0].kill9();
    assert_eq!(process(&group.save_path()).step("increment('known')").assert_silent().result, "3");
    // It is connected to, and never answers.
    group.sentinels[1].pause();
    let mut process = process(&group.save_path());
    let start = Instant::now();
    assert_eq!(process.step("increment('known')").assert_silent().result, "4");
    let took = start.elapsed();
    assert!(took < CONNECT, "{took:?}");

    group.sentinels[1].kill9();
    group.sentinels[2].kill9();
    // Who has a connection needs no sentinel.
    assert_eq!(process.step("increment('known')").assert_silent().result, "5");
    let step = self::process(&group.save_path()).step("start('known')");
    assert!(step.only_warning().contains("no sentinel led to the master \"sessions\""), "{step:?}");
}

#[test]
fn a_failover_under_load_costs_no_more_than_the_election_and_loses_nothing_acknowledged_after() {
    let mut group = Group::start();
    let path = group.save_path();
    fail_over(&mut group, &path, &["a", "b", "c"]);

    // The old master comes back, and becomes a replica: nobody writes to it.
    let mut late = process(&group.save_path());
    assert!(late.step("increment('a')").assert_silent().result != "false");
    group.servers[0].restart();
    poll::until("the old master is a replica", Duration::from_mins(1), || role(&group.servers[0]) == "slave");
    let before = session::counter(&group.servers[1], "a").expect("the session is there");
    assert_eq!(late.step("increment('a')").assert_silent().result, (before + 1).to_string());
    assert_eq!(session::counter(&group.servers[1], "a"), Some(before + 1));
}

#[test]
fn a_master_that_becomes_a_replica_is_left_without_a_word() {
    let group = Group::start();
    session::seed(&group.servers[0], "known");
    let mut process = process(&group.save_path());
    assert_eq!(process.step("increment('known')").assert_silent().result, "1");
    poll::until("the replica has it", poll::SOON, || session::counter(&group.servers[1], "known") == Some(1));
    // A planned failover: the old master lives on, read-only.
    group.sentinels[0].command::<()>(&["SENTINEL", "FAILOVER", "sessions"]);
    group.until_master(1, &[0, 1, 2]);
    poll::until("the old master is a replica", Duration::from_mins(1), || role(&group.servers[0]) == "slave");
    assert_eq!(process.step("increment('known')").assert_silent().result, "2");
    assert_eq!(session::counter(&group.servers[1], "known"), Some(2));
}

#[test]
fn a_replica_that_still_answers_is_noticed_by_its_refusal() {
    let group = Group::start();
    let [old, new] = &group.servers[..] else { panic!("two servers") };
    for id in ["idle", "open"] {
        session::seed(old, id);
    }
    let (mut idle, mut open) = (process(&group.save_path()), process(&group.save_path()));
    assert_eq!(idle.step("increment('idle')").assert_silent().result, "1");
    open.step("start('open') && ++$_SESSION['n']").assert_silent();
    poll::until("the replica has it", poll::SOON, || {
        session::counter(new, "idle") == Some(1) && session::is_locked(new, "open")
    });
    // By hand: Sentinel itself would end the connections of a server that it demotes.
    for sentinel in &group.sentinels {
        sentinel.command::<()>(&["SENTINEL", "REMOVE", "sessions"]);
    }
    new.command::<()>(&["REPLICAOF", "NO", "ONE"]);
    old.command::<()>(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
    for sentinel in &group.sentinels {
        sentinel.command::<()>(&[
            "SENTINEL",
            "MONITOR",
            "sessions",
            "127.0.0.1",
            &new.port().to_string(),
            "2",
        ]);
    }
    assert_eq!(idle.step("increment('idle')").assert_silent().result, "2");
    assert_eq!(open.step("session_write_close()").assert_silent().result, "true");
    assert_eq!((session::counter(new, "idle"), session::counter(new, "open")), (Some(2), Some(1)));
    assert!(!session::is_locked(new, "open"));
}

#[test]
fn a_partition_that_heals_leaves_everybody_on_the_new_master() {
    let group = Group::start();
    session::seed(&group.servers[0], "idle");
    // Keeps its connection to the old master through all of it.
    let mut idle = process(&group.save_path());
    assert_eq!(idle.step("increment('idle')").assert_silent().result, "1");
    poll::until("the replica has it", poll::SOON, || session::counter(&group.servers[1], "idle") == Some(1));
    let ids = ["a", "b"];
    let workers = workers(&group.servers[0], &group.save_path(), &ids);
    let start = Instant::now();
    group.servers[0].pause();
    group.until_master(1, &[0, 1, 2]);
    let elected = start.elapsed();
    thread::sleep(Duration::from_secs(2));
    group.servers[0].resume();
    poll::until("the old master is a replica", Duration::from_mins(1), || role(&group.servers[0]) == "slave");
    assert_eq!(idle.step("increment('idle')").assert_silent().result, "2");
    assert_eq!(session::counter(&group.servers[1], "idle"), Some(2));
    thread::sleep(Duration::from_secs(1));
    for (worker, id) in workers.into_iter().zip(ids) {
        let outage = outage(worker, id, &group.servers[1]);
        println!("{id}: {outage:?} without sessions; Sentinel needed {elected:?}");
        assert!(outage < elected + Duration::from_secs(2), "{outage:?}, {elected:?}");
    }
}

#[test]
fn a_wrong_name_and_a_wrong_password_are_named() {
    let group = Group::with(Access { sentinel_password: Some("sentinelsecret"), ..Access::default() });
    session::seed(&group.servers[0], "known");
    let path = group.save_path();
    let mut good = process(&format!("{path}?sentinel_auth=sentinelsecret"));
    assert_eq!(good.step("increment('known')").assert_silent().result, "1");

    for (path, words) in [
        (path.clone(), ["NOAUTH", "sentinel_auth"]),
        (format!("{path}?sentinel_auth=wrongsecret"), ["WRONGPASS", "sentinel_auth"]),
        (format!("{path}x?sentinel_auth=sentinelsecret"), ["sessionsx", "knows no master"]),
    ] {
        let step = process(&path).step("start('known')");
        assert_eq!(step.result, "false");
        for word in words {
            assert!(step.only_warning().contains(word), "no {word:?} in {step:#?}");
        }
        assert!(!step.messages.contains("secret"), "{step:#?}");
        println!("{}", step.only_warning());
    }
}

#[test]
fn a_failover_over_tls_costs_no_more_and_every_certificate_is_verified() {
    let certificates = Certificates::new();
    let mut group = Group::with(Access {
        password: Some("serversecret"),
        sentinel_password: Some("sentinelsecret"),
        certificates: Some(&certificates),
    });
    let query = |ca: &str, auth: &str| {
        let ca = certificates.path(ca);
        format!("{}?tls=1&stream[cafile]={ca}&sentinel_auth=sentinelsecret&auth={auth}", group.save_path())
    };
    let path = query("ca.pem", "serversecret");
    for (path, word) in [
        // No sentinel is believed, as none is verified.
        (query("stranger-ca.pem", "serversecret"), "stream[cafile]"),
        // Past the sentinels.
        (query("ca.pem", "wrongsecret"), "WRONGPASS"),
    ] {
        let step = process(&path).step("start('known')");
        assert_eq!(step.result, "false");
        assert!(step.only_warning().contains(word), "{step:#?}");
        assert!(!step.messages.contains("secret"), "{step:#?}");
    }

    fail_over(&mut group, &path, &["a", "b"]);
}
