//! Sessions on the server that the sentinels name: through dead sentinels, a failover and a
//! partition.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::acl;
use crate::support::fake_sentinel::FakeSentinel;
use crate::support::outage::{CONNECT, impatient, outage, workers};
use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::sentinel::{Access, DOWN_AFTER, Group, role};
use crate::support::session;
use crate::support::tls::Certificates;
use phpsess_rs::protocol::list_name;

fn process(save_path: &str) -> Running {
    let mut process = impatient(save_path).spawn(STEPS);
    process.expect("ready");
    process
}

/// Kills the first master while one process works on each of these sessions. Each process notices,
/// is without its session for hardly longer than the election takes, and finds its acknowledged
/// writes on the second server.
fn fail_over(group: &mut Group, save_path: &str, ids: &[&str]) {
    let workers = workers(&group.servers[0], save_path, ids);
    // The workers are in the midst of their requests.
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
    // The sentinel accepts connections, and never answers.
    group.sentinels[1].pause();
    let mut process = process(&group.save_path());
    let start = Instant::now();
    assert_eq!(process.step("increment('known')").assert_silent().result, "4");
    let took = start.elapsed();
    assert!(took < CONNECT, "{took:?}");

    group.sentinels[1].kill9();
    group.sentinels[2].kill9();
    // A process that has a connection needs no sentinel.
    assert_eq!(process.step("increment('known')").assert_silent().result, "5");
    let step = self::process(&group.save_path()).step("start('known')");
    assert!(step.only_warning().contains("no sentinel led to the master \"sessions\""), "{step:?}");
}

#[test]
fn a_failover_under_load_costs_no_more_than_the_election_and_loses_nothing_acknowledged_after() {
    let mut group = Group::start();
    let path = group.save_path();
    fail_over(&mut group, &path, &["a", "b", "c"]);

    // The old master comes back and becomes a replica, to which no process writes.
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
    // In a planned failover, the old master lives on, read-only.
    group.sentinels[0].command::<()>(&["SENTINEL", "FAILOVER", "sessions"]);
    group.until_master(1, &[0, 1, 2]);
    poll::until("the old master is a replica", Duration::from_mins(1), || role(&group.servers[0]) == "slave");
    assert_eq!(process.step("increment('known')").assert_silent().result, "2");
    assert_eq!(session::counter(&group.servers[1], "known"), Some(2));
}

/// A planned failover, with connections that were made before it and are used after it.
#[test]
fn users_and_absolute_ends_hold_through_a_failover() {
    let group = Group::start();
    let [old, new] = &group.servers[..] else { panic!("two servers") };
    let list = ["PHPREDIS_SESSION:USER:", &list_name(b"ada")].concat();
    let mut php = process(&group.save_path());
    let mut yes = |line: &str| assert_eq!(php.step(line).assert_silent().result, "true", "{line}");
    for id in ["phone", "laptop", "ends"] {
        session::seed(old, id);
    }
    for id in ["phone", "laptop"] {
        yes(&format!("start('{id}') && rustredis_user('ada') && session_write_close()"));
    }
    yes("start('ends') && rustredis_session_lifetime(1440, 12) && session_write_close()");
    let state = session::side_key(old, "ends", "STATE");
    let end_at = |server: &Server| -> u64 {
        let state: String = server.command::<Option<String>>(&["GET", &state]).unwrap_or_default();
        state.split('|').nth(4).and_then(|end| end.parse().ok()).unwrap_or_default()
    };
    let end = end_at(old);
    assert!(end > 0);
    poll::until("the replica has all of it", SOON, || {
        end_at(new) == end && new.command::<Vec<String>>(&["HKEYS", &list]).len() == 2
    });
    group.sentinels[0].command::<()>(&["SENTINEL", "FAILOVER", "sessions"]);
    group.until_master(1, &[0, 1, 2]);
    poll::until("the old master is a replica", Duration::from_mins(1), || role(old) == "slave");

    yes("count(rustredis_user_sessions('ada')) === 2");
    yes("start('tablet', ['use_strict_mode' => 0]) && rustredis_user('ada', 2) && session_write_close()");
    yes("count(rustredis_user_sessions('ada')) === 2");
    yes("rustredis_revoke('ada') === 2");
    let left = ["phone", "laptop", "tablet"].map(|id| session::counter(new, id));
    assert_eq!(left, [None; 3]);
    // Sessions that were ended leave a trace for a minute.
    let values = new.command::<Vec<String>>(&["HVALS", &list]);
    assert!(values.iter().all(|value| value.starts_with('~')), "{values:?}");

    // No use puts the end off, on whichever master.
    let mut last_use = 0;
    poll::until("the absolute end", SOON, || {
        let now: u64 = php.step("(int) (microtime(true) * 1000)").assert_silent().result.parse().expect("ms");
        let visit = php.step("start('ends') && rustredis_ended() === null && session_abort()");
        let lives = visit.assert_silent().result == "true";
        last_use = if lives { now } else { last_use };
        !lives
    });
    // PHP knows the clock of Redis by an earlier answer, which was on its way for a while.
    assert!(last_use < end + 1000, "{last_use} {end}");
    assert_eq!(php.step("rustredis_ended()").assert_silent().result, "\"absolute\"");
    let mark: String = new.command(&["GET", &state]);
    assert!(mark.starts_with("dead|absolute|"), "{mark}");
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
    // The failover is done by hand, because Sentinel itself would end the connections of a server
    // that it demotes.
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
    // This process keeps its connection to the old master throughout.
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
        // No sentinel is verified, so none is believed.
        (query("stranger-ca.pem", "serversecret"), "stream[cafile]"),
        // The sentinels accept this path, and Redis refuses it.
        (query("ca.pem", "wrongsecret"), "WRONGPASS"),
    ] {
        let step = process(&path).step("start('known')");
        assert_eq!(step.result, "false");
        assert!(step.only_warning().contains(word), "{step:#?}");
        assert!(!step.messages.contains("secret"), "{step:#?}");
    }

    fail_over(&mut group, &path, &["a", "b"]);
}

fn address(server: &Server) -> SocketAddr {
    server.addr().parse().expect("an address and a port")
}

fn save_path(sentinels: &[&FakeSentinel]) -> String {
    let nodes: Vec<_> = sentinels.iter().map(|sentinel| sentinel.addr()).collect();
    format!("sentinel://{}/sessions", nodes.join(","))
}

#[test]
fn a_sentinel_that_names_a_server_which_does_not_serve_costs_a_share_of_the_timeout() {
    let [server, replica] = [(); 2].map(|()| Server::with_rights(&[], acl::for_sentinel()));
    replica.command::<()>(&["REPLICAOF", "127.0.0.1", &server.port().to_string()]);
    poll::until("it is a replica", SOON, || role(&replica) == "slave");
    session::seed(&server, "known");
    // The kernel accepts connections to this listener, which never answers.
    let mute = TcpListener::bind(("127.0.0.1", 0)).expect("a free port exists");
    let mute = (mute.local_addr().expect("it is bound"), mute);
    // The backlog of this socket is full, so that no connection is established.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port exists");
    full.listen(0).expect("it listens");
    let full_at = full.local_addr().ok().and_then(|at| at.as_socket()).expect("it is bound");
    let mut crowd = Vec::new();
    while let Ok(one) = TcpStream::connect_timeout(&full_at, Duration::from_millis(200)) {
        crowd.push(one);
    }
    let refused = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let refused = refused.expect("a free port exists");
    for (what, named) in
        [("mute", mute.0), ("full", full_at), ("refused", refused), ("replica", address(&replica))]
    {
        let bad = FakeSentinel::start(named);
        let good = [0, 1].map(|_| FakeSentinel::start(address(&server)));
        let path = save_path(&[&bad, &good[0], &good[1]]);
        // A third of this timeout is far above any delay of a busy machine.
        let mut process = Php::new(&path).ini("rustredis.connect_timeout", "6").spawn(STEPS);
        process.expect("ready");
        let start = Instant::now();
        assert!(process.step("increment('known')").assert_silent().result != "false", "{what}");
        let took = start.elapsed();
        assert!(took < Duration::from_secs(4), "{what}: {took:?}");
    }
}

#[test]
fn a_master_that_hangs_costs_time_and_no_request() {
    let group = Group::start();
    for id in ["start", "write", "late"] {
        session::seed(&group.servers[0], id);
    }
    let php = || {
        Php::new(&group.save_path())
            .ini("rustredis.connect_timeout", "20")
            .ini("rustredis.read_timeout", "10")
            .ini("rustredis.lock_lease", "20")
    };
    let processes = [php(), php(), php().ini("rustredis.write_ack", "deferred")];
    let [mut start, mut write, mut late] = processes.map(|php| {
        let mut process = php.spawn(STEPS);
        process.expect("ready");
        process
    });
    for (process, id) in [(&mut start, "start"), (&mut write, "write"), (&mut late, "late")] {
        for n in 1..=3 {
            assert_eq!(process.step(&format!("increment('{id}')")).assert_silent().result, n.to_string());
        }
    }
    for (process, id) in [(&mut write, "write"), (&mut late, "late")] {
        process.step(&format!("start('{id}') && ++$_SESSION['n']")).assert_silent();
    }
    poll::until("the replica has all of it", SOON, || {
        session::is_locked(&group.servers[1], "write") && session::is_locked(&group.servers[1], "late")
    });
    group.servers[0].pause();
    start.send("increment('start')");
    write.send("session_write_close()");
    late.send("session_write_close()");
    for (process, result) in [(&mut start, "4"), (&mut write, "true"), (&mut late, "true")] {
        let (messages, told) = process.expect("done ");
        assert_eq!((messages.trim(), &*told), ("", result));
    }
    assert_eq!(late.step("increment('late')").assert_silent().result, "5");
    for (id, n) in [("start", 4), ("write", 4)] {
        assert_eq!(session::counter(&group.servers[1], id), Some(n), "{id}");
    }
    poll::until("the late write is there", SOON, || {
        session::counter(&group.servers[1], "late").is_some_and(|n| n >= 4)
    });
    group.servers[0].resume();
}

#[test]
fn a_kept_connection_learns_of_a_new_master_before_the_old_one_does() {
    let [old, new] = [(); 2].map(|()| Server::with_rights(&[], acl::for_sentinel()));
    for server in [&old, &new] {
        session::seed(server, "known");
        session::seed(server, "open");
    }
    let sentinel = FakeSentinel::start(address(&old));
    for ini in [None, Some(("rustredis.write_ack", "deferred"))] {
        sentinel.name(address(&old));
        for id in ["known", "open"] {
            old.command::<()>(&["DEL", &session::side_key(&old, id, "LOCK")]);
        }
        let php = Php::new(&save_path(&[&sentinel]));
        let php = ini.iter().fold(php, |php, (name, value)| php.ini(name, value));
        let mut process = php.spawn(STEPS);
        process.expect("ready");
        let mut open = php.spawn(STEPS);
        open.expect("ready");
        // The query of the sentinels costs no trip to Redis: two trips for each request, through
        // several queries.
        process.step("increment('known')").assert_silent();
        let trips = |process: &mut Running| -> u64 {
            process.step("rustredis_status()['trips']").result.parse().expect("a number")
        };
        let before = trips(&mut process);
        for _ in 0..8 {
            process.step("usleep(300000) ?? increment('known')").assert_silent();
        }
        let most = if ini.is_none() { 16 } else { 17 };
        assert!(trips(&mut process) - before <= most);
        assert_eq!(process.step("rustredis_status()['reconnects']").result, "0");

        open.step("start('open') && ++$_SESSION['n']").assert_silent();
        let (at_old, at_new) = (session::counter(&old, "known"), session::counter(&new, "known"));
        sentinel.name(address(&new));
        // The old master still accepts every write. The switch takes a second, and longer on a busy
        // machine.
        poll::until("requests go to the new master", Duration::from_secs(10), || {
            // The request that began at the old master is refused its write, with a warning.
            process.step("increment('known')");
            session::counter(&new, "known") > at_new
        });
        println!("{:?} more at the old master", session::counter(&old, "known").zip(at_old));
        let settled = session::counter(&old, "known");
        for _ in 0..3 {
            process.step("increment('known')").assert_silent();
        }
        assert_eq!(session::counter(&old, "known"), settled);
        // A session that was opened at the old master is refused with a warning, not lost in
        // silence.
        open.step("usleep(1200000) ?? session_write_close()");
        open.step("increment('open')");
        assert_eq!(session::counter(&old, "open"), Some(0), "nothing is written there any more");
    }
}

const COUNT_SEARCHERS: &str = r#"
    function searchers(): int {
        $n = 0;
        foreach (glob("/proc/self/task/*") as $task) {
            $n += (int) str_starts_with((string) @file_get_contents("$task/comm"), "rustredis-senti");
        }
        return $n;
    }
"#;

/// A search ends with the first answer, while threads may still wait for the sentinels that are
/// silent.
#[test]
fn a_search_that_was_answered_leaves_no_thread_to_a_fork_and_no_descriptor() {
    let server = Server::with_rights(&[], acl::for_sentinel());
    session::seed(&server, "known");
    let [left, other] = [(); 2].map(|()| FakeSentinel::start(address(&server)));
    // The kernel accepts connections to these listeners, which never answer.
    let mute = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port exists"));
    let [mute_one, mute_other] = mute.each_ref().map(|mute| mute.local_addr().expect("it is bound"));
    let first = Proxy::start(&left.addr());
    let path = format!("sentinel://{},{mute_one},{}/sessions", first.addr(), other.addr());
    let mut process = Php::new(&path).spawn(&format!("{COUNT_SEARCHERS} {STEPS}"));
    process.expect("ready");
    process.step("increment('known')").assert_silent();
    let descriptors = |process: &mut Running| process.step("count(scandir('/proc/self/fd'))").result;
    let before = descriptors(&mut process);
    first.lead_new_to(&mute_other.to_string());
    first.cut();
    let fork = "(function () {
        increment('known');
        $pid = pcntl_fork();
        if ($pid === 0) {
            exit(0);
        }
        $left = searchers();
        pcntl_waitpid($pid, $status);
        return $left;
    })()";
    // One of these requests finds the connection to the sentinel broken.
    for _ in 0..3 {
        process.step("usleep(1100000)");
        assert_eq!(process.step(&fork.replace('\n', " ")).assert_silent().result, "0");
    }
    poll::until("no descriptor is left", SOON, || descriptors(&mut process) == before);
    assert_eq!(process.step("increment('known')").result, "5");
}

/// An object has a connection of its own beside that of `$_SESSION`, as each thread of a process
/// has one.
#[test]
fn all_connections_of_a_process_leave_an_old_master_together() {
    let [old, new] = [(); 2].map(|()| Server::with_rights(&[], acl::for_sentinel()));
    for server in [&old, &new] {
        session::seed(server, "known");
    }
    let sentinel = FakeSentinel::start(address(&old));
    let mut process = Php::new(&save_path(&[&sentinel])).spawn(STEPS);
    process.expect("ready");
    let mut n = 0;
    let mut write = |process: &mut Running| {
        n += 1;
        let object = "($o ??= new RustRedis\\SessionHandler(null, ['locking' => false]))";
        let step = process.step(&format!("{object}->write('other', 'n|i:{n};')"));
        assert_eq!(step.assert_silent().result, "true");
        n
    };
    process.step("increment('known')").assert_silent();
    write(&mut process);
    sentinel.name(address(&new));
    poll::until("the session is at the new master", Duration::from_secs(10), || {
        process.step("increment('known')");
        session::counter(&new, "known") > Some(0)
    });
    // The old master still accepts every write, and all that it accepts from now on is lost.
    for _ in 0..3 {
        let n = write(&mut process);
        assert_eq!(session::counter(&new, "other"), Some(n));
    }
    process.step("increment('known')").assert_silent();
}

/// The old master lives on without the sessions that the new one got since. A process with a
/// connection to it must not log their visitors out.
#[test]
fn the_old_master_is_not_believed_that_a_session_is_missing() {
    let [old, new] = [(); 2].map(|()| Server::with_rights(&[], acl::for_sentinel()));
    for server in [&old, &new] {
        session::seed(server, "known");
    }
    session::seed(&new, "login");
    let exists = "(new RustRedis\\SessionHandler(null, ['locking' => false]))->exists('login')";
    let increments = "increment('login') > 0 && session_id() === 'login'";
    let cases = [
        (None, increments),
        (Some(("rustredis.locking", "0")), increments),
        (Some(("session.use_strict_mode", "0")), increments),
        (None, "peek('login') !== null && session_id() === 'login'"),
        (None, exists),
    ];
    // The processes did nothing for longer than the period of the questions, or for a part of it.
    for idle in [1100, 200] {
        let sentinel = FakeSentinel::start(address(&old));
        let mut processes = cases.map(|(setting, step)| {
            let php = Php::new(&save_path(&[&sentinel]));
            let php = setting.iter().fold(php, |php, (name, value)| php.ini(name, value));
            let mut process = php.spawn(STEPS);
            process.expect("ready");
            (process, step)
        });
        for pause in [1100, 0] {
            for (process, _) in &mut processes {
                process.step("increment('known')").assert_silent();
            }
            // A question goes out with the next request, which does not wait for the answer.
            thread::sleep(Duration::from_millis(pause));
        }
        sentinel.name(address(&new));
        thread::sleep(Duration::from_millis(idle));
        for (process, step) in &mut processes {
            assert_eq!(process.step(step).assert_silent().result, "true", "{step} after {idle} ms");
        }
    }
}

#[test]
fn a_sentinel_that_is_behind_does_not_lead_back_to_the_old_master() {
    let [old, new] = [(); 2].map(|()| Server::with_rights(&[], acl::for_sentinel()));
    for server in [&old, &new] {
        session::seed(server, "known");
    }
    let [behind, ahead] = [(); 2].map(|()| FakeSentinel::start(address(&old)));
    let to_behind = Proxy::start(&behind.addr());
    let path = format!("sentinel://{},{}/sessions", to_behind.addr(), ahead.addr());
    let mut process = process(&path);
    process.step("increment('known')").assert_silent();
    assert_eq!(session::counter(&old, "known"), Some(1));
    ahead.name(address(&new));
    // Another one is asked then, and that is the one that knows.
    to_behind.cut();
    poll::until("requests go to the new master", Duration::from_secs(20), || {
        process.step("increment('known')");
        session::counter(&new, "known") > Some(0)
    });
    let settled = session::counter(&old, "known");
    for _ in 0..3 {
        new.command::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
        process.step("increment('known')").assert_silent();
    }
    assert_eq!(session::counter(&old, "known"), settled);
    // If all of them name it, it is the master again.
    ahead.name(address(&old));
    new.command::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    poll::until("requests go to the old master", Duration::from_secs(20), || {
        process.step("increment('known')");
        session::counter(&old, "known") > settled
    });
}

#[test]
fn a_lock_is_renewed_and_given_back_where_it_was_taken_whatever_a_stale_sentinel_says() {
    let [old, new] = [(); 2].map(|()| Server::with_rights(&[], acl::for_sentinel()));
    for server in [&old, &new] {
        session::seed(server, "known");
    }
    let [behind, ahead] = [&old, &new].map(|server| FakeSentinel::start(address(server)));
    let refused = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    let refused = refused.expect("a free port exists").to_string();
    let to_behind = Proxy::start(&behind.addr());
    let path = format!("sentinel://{},{}/sessions", to_behind.addr(), ahead.addr());
    let process = |settings: [(&str, &str); 2]| {
        let php = settings.iter().fold(Php::new(&path), |php, (name, value)| php.ini(name, value));
        let mut process = php.spawn(STEPS);
        process.expect("ready");
        process
    };

    // The stale sentinel is away while the process connects, so that the process never hears of the
    // old master.
    to_behind.lead_to(&refused);
    let mut unaware = process([("rustredis.lock_lease", "1"), ("rustredis.read_timeout", "5")]);
    unaware.step("start('known') && ++$_SESSION['n']").assert_silent();
    to_behind.lead_to(&behind.addr());
    // Several leases.
    unaware.step("usleep(2500000)").assert_silent();
    assert!(session::is_locked(&new, "known"));
    assert_eq!(unaware.step("session_write_close()").assert_silent().result, "true");
    assert_eq!(session::counter(&new, "known"), Some(1));

    to_behind.lead_to(&refused);
    let mut waiting = process([("rustredis.lock_lease", "60"), ("rustredis.read_timeout", "0.5")]);
    waiting.step("increment('known')").assert_silent();
    new.pause();
    assert_eq!(waiting.step("start('known')").result, "false");
    to_behind.lead_to(&behind.addr());
    // The commands whose answers did not come wait in the server's sockets.
    new.resume();
    poll::until("the lock is given back", SOON, || !session::is_locked(&new, "known"));
}

#[test]
fn a_lock_that_the_new_master_does_not_have_is_not_renewed_at_one_that_is_gone() {
    let [mut old, new] = [(); 2].map(|()| Server::with_rights(&[], acl::for_sentinel()));
    let sentinel = FakeSentinel::start(address(&old));
    session::seed(&old, "known");
    let php = Php::new(&format!("sentinel://{}/sessions", sentinel.addr()));
    let mut process = php.ini("rustredis.lock_lease", "1").spawn(STEPS);
    process.expect("ready");
    assert_eq!(process.step("start('known')").assert_silent().result, "true");
    sentinel.name(address(&new));
    let port = old.port();
    old.kill9();
    // This answers nothing to nobody, and counts.
    let gone = TcpListener::bind(("127.0.0.1", port)).expect("the server's port is free");
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    thread::spawn(move || {
        for _client in gone.incoming() {
            counted.fetch_add(1, Relaxed);
        }
    });
    poll::until("the old master is asked", SOON, || tries.load(Relaxed) > 0);
    // Ten times the pause before the repeat of a renewal that failed.
    process.step("usleep(1000000)").assert_silent();
    assert_eq!(tries.load(Relaxed), 1);
}

#[test]
fn a_master_that_refuses_as_a_replica_has_refused() {
    const MASTER: &str = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    let readonly = FakeSentinel::server(|command| match command {
        "ROLE" => Some(MASTER),
        "SENTINEL" | "CLIENT" => None,
        _ => Some("-READONLY You can't write against a read only replica.\r\n"),
    });
    let masterdown = FakeSentinel::server(|command| match command {
        "ROLE" => Some(MASTER),
        "SENTINEL" | "CLIENT" => None,
        _ => Some("-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n"),
    });
    for (server, word) in [(readonly, "READONLY"), (masterdown, "MASTERDOWN")] {
        for locking in ["1", "0"] {
            let php = impatient(&save_path(&[&server])).ini("rustredis.locking", locking);
            // A busy machine may take half a second for an answer of the fake sentinel.
            let php = php.ini("rustredis.connect_timeout", "10");
            let mut process = php.spawn(STEPS);
            process.expect("ready");
            let step = process.step("start('known')");
            assert_eq!(step.result, "false");
            let warning = step.only_warning();
            assert!(warning.contains(word) && !warning.contains("not known"), "{warning}");
        }
    }
}

#[test]
fn a_user_that_may_not_ask_for_the_role_is_told_the_rule_with_it() {
    let server = Server::with_rights(&[], acl::for_sentinel());
    server.command::<()>(&["ACL", "SETUSER", "norole", "on", ">word", "~*", "+@all", "-role"]);
    let sentinel = FakeSentinel::start(address(&server));
    let php = Php::new(&save_path(&[&sentinel]));
    let php = php.ini("rustredis.username", "norole").ini("rustredis.password", "word");
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    let step = process.step("start('known')");
    let warning = step.only_warning();
    assert!(warning.contains("NOPERM") && warning.contains("+role"), "{warning}");
}

#[test]
fn without_any_sentinel_a_process_goes_on_with_the_master_that_it_knows() {
    let mut group = Group::start();
    session::seed(&group.servers[0], "known");
    let mut process = process(&group.save_path());
    assert_eq!(process.step("increment('known')").assert_silent().result, "1");
    for sentinel in &mut group.sentinels {
        sentinel.kill9();
    }
    group.servers[0].command::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert_eq!(process.step("increment('known')").assert_silent().result, "2");
    // A server that is no longer the master is not used.
    group.servers[0].command::<u64>(&["CLIENT", "KILL", "TYPE", "normal"]);
    group.servers[0].command::<()>(&["REPLICAOF", "127.0.0.1", &group.servers[1].port().to_string()]);
    assert_eq!(process.step("start('known')").result, "false");
}

/// Servers that accept connections and never answer.
#[test]
fn whoever_hangs_among_those_that_name_or_are_named_costs_connect_timeout_once() {
    let mute = TcpListener::bind(("127.0.0.1", 0)).expect("a free port exists");
    let address = mute.local_addr().expect("a bound listener has an address");
    let sentinel = FakeSentinel::start(address);
    let paths = [
        format!("sentinel://{address}/sessions"),
        format!("sentinel://{address},{address},{address}/sessions"),
        format!("sentinel://{}/sessions", sentinel.addr()),
        format!("cluster://{address}"),
    ];
    let starts = paths.map(|path| {
        thread::spawn(move || {
            let mut process = Php::new(&path).ini("rustredis.connect_timeout", "4").spawn(STEPS);
            process.expect("ready");
            let start = Instant::now();
            let step = process.step("start('known')");
            (path, start.elapsed(), step)
        })
    });
    for start in starts {
        let (path, took, step) = start.join().expect("the process answers");
        assert_eq!(step.result, "false");
        assert!(step.only_warning().contains("connect_timeout"), "{step:?}");
        // Each way to the lock used to get the whole timeout, and each step of a way its whole
        // share: 6 to 8 s.
        assert!(took < Duration::from_millis(5500), "{path}: {took:?}");
    }
}

/// A start and a write wait while the only replica is away.
#[test]
fn a_start_and_a_write_wait_for_the_replica_that_the_server_must_have() {
    let [server, replica] = [(); 2].map(|()| Server::with_rights(&[], acl::for_sentinel()));
    let sentinel = FakeSentinel::start(address(&server));
    if server.own::<String>(&["INFO", "server"]).contains("redis_version:6.0") {
        println!("skipped: scripts of Redis 6.0 write without the replicas that there must be");
        return;
    }
    // A replica is served at once, and not after five seconds.
    server.set("repl-diskless-sync-delay", "0");
    let php = Php::new(&save_path(&[&sentinel])).ini("rustredis.read_timeout", "30");
    session::seed(&server, "known");
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    assert_eq!(process.step("increment('known')").assert_silent().result, "1");
    for (before, step, result) in [
        (None, "increment('known')", "2"),
        (Some("start('known') && ++$_SESSION['n']"), "session_write_close()", "true"),
    ] {
        if let Some(before) = before {
            process.step(before).assert_silent();
        }
        server.set("min-replicas-to-write", "1");
        let calls = || server.info_commandstats().get("evalsha").copied().unwrap_or_default();
        let asked = calls();
        process.send(step);
        poll::until("it is refused and comes again", SOON, || calls() > asked + 2);
        replica.own::<()>(&["REPLICAOF", "127.0.0.1", &server.port().to_string()]);
        let (messages, told) = process.expect("done ");
        assert_eq!((messages.trim(), &*told), ("", result));
        server.set("min-replicas-to-write", "0");
        replica.own::<()>(&["REPLICAOF", "NO", "ONE"]);
    }
    assert_eq!(session::counter(&server, "known"), Some(3));
    assert!(!session::is_locked(&server, "known"));
}
