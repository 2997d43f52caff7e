//! Leases that live as long as their request, and no longer.

use std::time::{Duration, Instant};

use crate::support::php::{Php, Running, STEPS};
use crate::support::poll::{self, SOON};
use crate::support::proxy::Proxy;
use crate::support::redis::Server;
use crate::support::session;

const LEASE: Duration = Duration::from_millis(500);

fn worker(server: &Server, ini: &[(&str, &str)]) -> Running {
    worker_at(&server.save_path(), ini)
}

fn worker_at(save_path: &str, ini: &[(&str, &str)]) -> Running {
    let php = Php::new(save_path).ini("rustredis.lock_lease", "0.5").ini("rustredis.lock_wait", "30");
    let php = ini.iter().fold(php, |php, (name, value)| php.ini(name, value));
    let mut worker = php.spawn(STEPS);
    worker.expect("ready");
    worker
}

/// The names and blocked signals of a process' threads.
fn threads(pid: u32) -> Vec<(String, u64)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
    tasks
        .filter_map(|task| {
            let path = task.ok()?.path();
            let name = std::fs::read_to_string(path.join("comm")).ok()?.trim().to_owned();
            let status = std::fs::read_to_string(path.join("status")).ok()?;
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"))?.trim();
            Some((name, u64::from_str_radix(blocked, 16).ok()?))
        })
        .collect()
}

fn renews(pid: u32) -> bool {
    threads(pid).iter().any(|(name, _)| name == "rustredis-renew")
}

#[test]
fn a_request_of_three_leases_keeps_its_lock() {
    let server = Server::start();
    session::seed(&server, "shared");
    let (mut holder, mut waiter) = (worker(&server, &[]), worker(&server, &[]));
    assert_eq!(holder.step("start('shared') && ++$_SESSION['n']").assert_silent().result, "true");
    let before = session::lock(&server, "shared").expect("it is locked");
    waiter.send("increment('shared')");
    poll::until("the waiter is in the queue", SOON, || server.blocked_clients() == 1);
    holder.step("usleep(1_700_000)").assert_silent();
    assert_eq!(session::lock(&server, "shared").as_deref(), Some(&*before));
    assert_eq!(holder.step("session_write_close()").assert_silent().result, "true");
    let (messages, result) = waiter.expect("done ");
    assert_eq!((messages.trim(), &*result), ("", "2"));
}

#[test]
fn renewal_stops_at_lock_max_hold() {
    let server = Server::start();
    session::seed(&server, "shared");
    let mut holder = worker(&server, &[("rustredis.lock_max_hold", "1")]);
    let mut waiter = worker(&server, &[]);
    assert_eq!(holder.step("start('shared') && ($_SESSION['n'] = 99)").assert_silent().result, "true");
    let start = Instant::now();
    let step = waiter.step("increment('shared')");
    assert_eq!(step.assert_silent().result, "1");
    assert!(start.elapsed() > LEASE, "it was renewed at first");
    let step = holder.step("session_write_close()");
    assert!(step.only_warning().contains("lost its lock"), "{step:?}");
    assert_eq!(session::counter(&server, "shared"), Some(1));
}

#[test]
fn short_requests_start_no_thread_and_long_ones_start_one_that_takes_no_signal() {
    let server = Server::start();
    session::seed(&server, "shared");
    // The lease is longer than usual, because a machine that stops for half a second would outlast
    // the usual one.
    let mut worker = worker(&server, &[("rustredis.lock_lease", "3")]);
    for expected in 1..=20 {
        assert_eq!(worker.step("increment('shared')").assert_silent().result, expected.to_string());
    }
    assert!(!renews(worker.pid()));
    worker.step("start('shared')").assert_silent();
    poll::until("the thread is there", SOON, || renews(worker.pid()));
    for (name, blocked) in threads(worker.pid()).into_iter().filter(|(name, _)| name.starts_with("rustredis"))
    {
        // Signal n is bit n - 1. SIGALRM 14, SIGTERM 15, SIGCHLD 17, SIGPROF 27, SIGUSR2 12.
        for signal in [1, 2, 12, 14, 15, 17, 27] {
            assert!(blocked >> (signal - 1) & 1 == 1, "{name} takes signal {signal}");
        }
    }
    worker.step("session_write_close()").assert_silent();
    poll::until("the thread is gone", SOON, || !renews(worker.pid()));
    worker.step("start('shared')").assert_silent();
    poll::until("it comes again", SOON, || renews(worker.pid()));
}

#[test]
fn a_request_that_ends_by_any_road_frees_its_lock_at_once() {
    let roads = [
        "exit(3);",
        "throw new Exception('uncaught');",
        "undefined_function();",
        "ini_set('memory_limit', '4M'); str_repeat('x', 100_000_000);",
        "set_time_limit(1); while (true);",
    ];
    let server = Server::start();
    for road in roads {
        session::seed(&server, "shared");
        let php =
            Php::new(&server.save_path()).ini("rustredis.lock_lease", "30").ini("rustredis.lock_wait", "20");
        php.run(&format!("session_id('shared'); session_start(); $_SESSION['n']++; {road}"))
            .assert_no_crash();
        assert!(!session::is_locked(&server, "shared"), "{road}");
        assert_eq!(session::counter(&server, "shared"), Some(1), "{road}");
    }
}

#[test]
fn a_killed_holder_whose_lease_was_renewed_blocks_for_one_lease() {
    let server = Server::start();
    session::seed(&server, "shared");
    let (mut holder, mut waiter) = (worker(&server, &[]), worker(&server, &[]));
    holder.step("start('shared')").assert_silent();
    holder.step("usleep(1_200_000)").assert_silent();
    let start = Instant::now();
    holder.kill9();
    assert_eq!(waiter.step("increment('shared')").assert_silent().result, "1");
    assert!(start.elapsed() < LEASE + Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn a_forked_child_neither_renews_nor_frees() {
    let server = Server::start();
    session::seed(&server, "shared");
    let mut parent = worker(&server, &[("extension", "pcntl"), ("extension", "posix")]);
    parent.step("start('shared')").assert_silent();
    poll::until("the parent renews", SOON, || renews(parent.pid()));
    let before = session::lock(&server, "shared");
    let fork = "(function () { $pid = pcntl_fork(); if (!$pid) { usleep(200_000); posix_kill(getmypid(), 9); } \
                pcntl_waitpid($pid, $status); return $status; })()";
    parent.step(fork).assert_silent();
    assert!(before.is_some() && session::lock(&server, "shared") == before);
    // A child that uses sessions of its own has a thread of its own.
    let fork = "(function () { $pid = pcntl_fork(); if (!$pid) { session_abort(); session_id('own'); session_start(); \
                usleep(800_000); $ok = session_write_close(); posix_kill(getmypid(), $ok ? 9 : 11); } \
                pcntl_waitpid($pid, $status); return $status; })()";
    assert_eq!(parent.step(fork).assert_silent().result, "9");
    assert_eq!(session::lock(&server, "shared"), before);
    assert!(!session::is_locked(&server, "own"));
}

#[test]
fn a_hung_redis_does_not_keep_the_module_from_ending() {
    let server = Server::start();
    session::seed(&server, "shared");
    let php = Php::new(&server.save_path())
        .ini("rustredis.lock_lease", "0.5")
        .ini("rustredis.connect_timeout", "1")
        .ini("rustredis.read_timeout", "1");
    let mut holder = php.spawn(STEPS);
    holder.expect("ready");
    holder.step("start('shared')").assert_silent();
    poll::until("it renews", SOON, || renews(holder.pid()));
    server.pause();
    let start = Instant::now();
    holder.send("exit()");
    holder.wait().assert_no_crash();
    server.resume();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_lease_shorter_than_an_earlier_one_of_the_process_is_renewed() {
    let server = Server::start();
    session::seed(&server, "long");
    session::seed(&server, "shared");
    let mut worker = worker(&server, &[("rustredis.lock_lease", "60")]);
    let keeps_it = |worker: &mut Running| {
        worker.step("ini_set('rustredis.lock_lease', '0.5')").assert_silent();
        assert_eq!(worker.step("start('shared') && ++$_SESSION['n']").assert_silent().result, "true");
        let before = session::lock(&server, "shared");
        worker.step("usleep(1_700_000)").assert_silent();
        assert!(before.is_some() && session::lock(&server, "shared") == before);
        assert_eq!(worker.step("session_write_close()").assert_silent().result, "true");
    };
    // A timer is set for the end of 20 s.
    worker.step("increment('long')").assert_silent();
    keeps_it(&mut worker);
    // The thread itself sleeps for 2 s more.
    worker.step("ini_set('rustredis.lock_lease', '6')").assert_silent();
    worker.step("start('long')").assert_silent();
    poll::until("the thread is there", SOON, || renews(worker.pid()));
    worker.step("session_write_close()").assert_silent();
    keeps_it(&mut worker);
}

#[test]
fn a_server_that_hangs_ends_no_lease_of_another() {
    // The test needs two servers, whatever the topology.
    let [server, hung] = [(); 2].map(|()| Server::with_args(&[]));
    session::seed(&server, "shared");
    // The first byte of an id chooses between the two servers.
    session::seed(&hung, "hangs");
    let php = Php::new(&format!("{}, {}", server.save_path(), hung.save_path()))
        .ini("rustredis.lock_lease", "0.5")
        .ini("rustredis.read_timeout", "0.6")
        .ini("rustredis.connect_timeout", "0.6");
    let mut worker = php.spawn(STEPS);
    worker.expect("ready");
    assert_eq!(worker.step("increment('hangs')").assert_silent().result, "1");
    hung.pause();
    // The failed request leaves a renewal behind at the server that hangs, and the process goes on.
    assert_eq!(worker.step("start('hangs')").result, "false");
    assert_eq!(worker.step("start('shared') && ++$_SESSION['n']").assert_silent().result, "true");
    let before = session::lock(&server, "shared");
    worker.step("usleep(2_000_000)").assert_silent();
    assert!(before.is_some() && session::lock(&server, "shared") == before);
    assert_eq!(worker.step("session_write_close()").assert_silent().result, "true");
    assert_eq!(session::counter(&server, "shared"), Some(1));
    hung.resume();
}

#[test]
fn no_lock_outlives_lock_max_hold() {
    let server = Server::start();
    session::seed(&server, "shared");
    let pttl = || server.command::<i64>(&["PTTL", &session::side_key(&server, "shared", "LOCK")]);
    // The lease is longer than the maximum hold.
    let mut holder = worker(&server, &[("rustredis.lock_lease", "60"), ("rustredis.lock_max_hold", "2")]);
    for first_try_is_plain in [false, true, true] {
        assert_eq!(holder.step("start('shared')").assert_silent().result, "true");
        assert!((1..=2000).contains(&pttl()), "{first_try_is_plain}");
        holder.step("session_write_close()").assert_silent();
    }
    // The lock is claimed from a ticket.
    let mut waiter = worker(&server, &[("rustredis.lock_lease", "60"), ("rustredis.lock_max_hold", "2")]);
    assert_eq!(holder.step("start('shared')").assert_silent().result, "true");
    waiter.send("start('shared')");
    poll::until("the waiter is in the queue", SOON, || server.blocked_clients() == 1);
    holder.step("session_write_close()").assert_silent();
    waiter.expect("done ");
    assert!((1..=2000).contains(&pttl()));
    waiter.step("session_write_close()").assert_silent();
    // The last renewal, 3 s after the lock was taken, would last until 6 s.
    let mut holder = worker(&server, &[("rustredis.lock_lease", "3"), ("rustredis.lock_max_hold", "4")]);
    assert_eq!(holder.step("start('shared')").assert_silent().result, "true");
    let taken = Instant::now();
    while taken.elapsed() < Duration::from_millis(3500) {
        let left = Duration::from_millis(pttl().try_into().unwrap_or(0));
        // The limit includes the time of an exchange on a busy machine.
        assert!(taken.elapsed() + left < Duration::from_secs(5), "{left:?} at {:?}", taken.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
    poll::until("the lock ends", SOON, || !session::is_locked(&server, "shared"));
}

/// A Redis that stalls for longer than the read timeout still carries out the abandoned command.
#[test]
fn a_lock_that_a_stalled_server_takes_for_nobody_is_given_back() {
    let server = Server::start();
    session::seed(&server, "shared");
    let ini =
        [("rustredis.lock_lease", "60"), ("rustredis.read_timeout", "0.5"), ("rustredis.lock_wait", "0")];
    let mut worker = worker(&server, &ini);
    // The first round gives up a handshake, the others plain commands.
    for tried in 0..4 {
        for n in 0..tried {
            assert_eq!(worker.step("increment('shared')").assert_silent().result, (n + 1).to_string());
        }
        let before = server.info_number("stats", "total_commands_processed");
        server.pause();
        assert_eq!(worker.step("start('shared')").result, "false");
        server.resume();
        poll::until("what was given up is carried out", SOON, || {
            server.info_number("stats", "total_commands_processed") > before + 1
        });
        poll::until("nobody has it", SOON, || !session::is_locked(&server, "shared"));
        assert_eq!(worker.step("increment('shared')").assert_silent().result, (tried + 1).to_string());
        session::seed(&server, "shared");
    }
    poll::until("the thread is gone", SOON, || !renews(worker.pid()));
}

#[test]
fn a_lock_whose_release_was_lost_is_given_back_at_the_end_of_the_process() {
    let server = Server::start();
    let proxy = Proxy::in_front_of(&server);
    session::seed(&server, "known");
    let ini = [("rustredis.lock_lease", "60"), ("rustredis.read_timeout", "0.5")];
    for end in ["session_write_close()", "++$_SESSION['n'] && session_write_close()", "session_abort()"] {
        for ack in ["wait", "deferred"] {
            // In a Cluster nothing repeats a lock that is only given back: it ends with its lease.
            if server.is_cluster() && ack == "deferred" && end == "session_abort()" {
                continue;
            }
            let ini = [ini[0], ini[1], ("rustredis.write_ack", ack)];
            let mut process = worker_at(&proxy.save_path(), &ini);
            process.step("peek('known')");
            process.step("start('known')").assert_silent();
            proxy.forget();
            process.step(end);
            // Sooner than the thread that gives locks back.
            process.wait().assert_no_crash();
            poll::until("the lock is free", SOON, || !session::is_locked(&server, "known"));
        }
    }
}
