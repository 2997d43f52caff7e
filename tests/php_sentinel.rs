//! Sessions on whatever server the sentinels name: through dead sentinels, a failover and a partition.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use support::php::{Php, Running, STEPS};
use support::poll;
use support::sentinel::{DOWN_AFTER, Group, role};
use support::session;

/// What `php` below sets.
const CONNECT: Duration = Duration::from_secs(1);
const READ: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(2);

fn php(save_path: &str) -> Php {
    Php::new(save_path)
        .ini("rustredis.connect_timeout", "1")
        .ini("rustredis.read_timeout", "1")
        .ini("rustredis.lock_lease", "2")
}

fn process(save_path: &str) -> Running {
    let mut process = php(save_path).spawn(STEPS);
    process.expect("ready");
    process
}

/// Counts in a session of its own until told to stop. One line for each page: when it began and ended, whether
/// the session started, whether the write was acknowledged without a warning, and the number.
const WORKER: &str = r#"
    $warned = false;
    set_error_handler(function ($level, $message) use (&$warned) { $warned = true; return true; });
    $id = trim(fgets(STDIN));
    stream_set_blocking(STDIN, false);
    while (fgets(STDIN) === false) {
        $warned = false;
        $begin = hrtime(true);
        session_id($id);
        $started = session_start();
        $n = null;
        if ($started) {
            $n = $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
            $saved = session_write_close() && !$warned;
        } else {
            $saved = false;
        }
        $end = hrtime(true);
        fwrite(STDOUT, "page " . json_encode([$begin, $end, (int) $saved, (int) $n]) . "\n");
        usleep(10000);
    }
    fwrite(STDOUT, "done\n");
"#;

struct Page {
    begin: Duration,
    end: Duration,
    saved: bool,
    n: u64,
}

/// The clock that PHP's hrtime() reads.
fn pages(output: &str) -> Vec<Page> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("page "));
    lines
        .map(|line| {
            let numbers: Vec<u64> =
                line.split(|c: char| !c.is_ascii_digit()).filter_map(|text| text.parse().ok()).collect();
            let [begin, end, saved, n] = numbers[..] else { panic!("no page: {line}") };
            Page { begin: Duration::from_nanos(begin), end: Duration::from_nanos(end), saved: saved == 1, n }
        })
        .collect()
}

fn workers(group: &Group, ids: &[&str]) -> Vec<Running> {
    ids.iter()
        .map(|id| {
            session::seed(&group.servers[0], id);
            let mut worker = php(&group.save_path()).spawn(WORKER);
            worker.send(id);
            // It is at work.
            worker.expect("page ");
            worker
        })
        .collect()
}

/// Ends a worker, and checks what it lived through: returns the time from its first failed page to its last.
fn outage(mut worker: Running, id: &str, group: &Group, master: usize) -> Duration {
    worker.send("stop");
    let (output, _) = worker.expect("done");
    let pages = pages(&output);
    let longest =
        pages.iter().map(|page| page.end.saturating_sub(page.begin)).max().expect("there were pages");
    // Connecting, one exchange, and one repeat of each, on a busy machine. A page that held the lock when its
    // master died could not release it: the replica has that lock, for what is left of its lease.
    assert!(longest < (CONNECT + READ) * 2 + LEASE + Duration::from_secs(1), "a page took {longest:?}");
    let failed: Vec<_> = pages.iter().filter(|page| !page.saved).collect();
    let (first, last) = match failed[..] {
        [] => return Duration::ZERO,
        [first, .., last] => (first, last),
        [only] => (only, only),
    };
    let after: Vec<_> = pages.iter().filter(|page| page.begin > last.begin).collect();
    assert!(after.len() > 20, "only {} pages after the failover", after.len());
    // What the new master acknowledged is there: each page after the failover counts one on.
    for pair in after.windows(2) {
        assert_eq!(pair[1].n, pair[0].n + 1, "an acknowledged increment is lost");
    }
    let number = session::counter(&group.servers[master], id).expect("the session is there");
    assert_eq!(after.last().map(|page| page.n), Some(number));
    println!("{id}: {} pages, {} failed, longest {longest:?}", pages.len(), failed.len());
    last.end.saturating_sub(first.begin)
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
    let ids = ["a", "b", "c"];
    let workers = workers(&group, &ids);
    thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    group.servers[0].kill9();
    group.until_master(1, &[0, 1, 2]);
    let elected = start.elapsed();
    thread::sleep(Duration::from_secs(3));
    for (worker, id) in workers.into_iter().zip(ids) {
        let outage = outage(worker, id, &group, 1);
        println!(
            "{id}: {outage:?} without sessions; Sentinel needed {elected:?} (down after {DOWN_AFTER:?})"
        );
        assert!(outage > Duration::ZERO, "the failover was noticed");
        assert!(outage < elected + Duration::from_secs(2), "{outage:?}, {elected:?}");
    }

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
    let [old, new] = &group.servers;
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
    let workers = workers(&group, &ids);
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
        let outage = outage(worker, id, &group, 1);
        println!("{id}: {outage:?} without sessions; Sentinel needed {elected:?}");
        assert!(outage < elected + Duration::from_secs(2), "{outage:?}, {elected:?}");
    }
}

#[test]
fn a_wrong_name_and_a_wrong_password_are_named() {
    let group = Group::with_password(Some("sentinelsecret"));
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
