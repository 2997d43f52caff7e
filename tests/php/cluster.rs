//! Sessions in a Redis Cluster: the places of the keys, and requests during a move of slots.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    acl,
    cluster::{self, Cluster, MASTERS},
    fake_sentinel::FakeSentinel,
    php::{Php, Running, STEPS},
    poll::{self, SOON},
    proxy::Proxy,
    redis::Server,
    redis_program, session,
};
use phpsess_rs::protocol::{hash_slot, list_name};

fn process(php: &Php) -> Running {
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    process
}

fn worker(server: &Server) -> Running {
    process(&Php::new(&server.save_path()).ini("rustredis.lock_wait", "30"))
}

fn masters() -> Cluster {
    Cluster::of(cluster::masters(&[]))
}

#[test]
fn slots_are_those_of_redis() {
    let cluster = masters();
    let tails =
        ["", "{", "}", "{}", "{a}", "a{b}c", "{}{b}", "{{b}}", "a}b{c", "a}{b}", "é{ü}", "{a", "_LOCK"];
    for (n, tail) in tails.iter().cycle().take(200).enumerate() {
        let key = format!("{}{tail}:{n}", "x".repeat(n % 7));
        assert_eq!(hash_slot::of(&key), cluster.slot(&key), "{key}");
    }
}

#[test]
fn sessions_lie_on_all_nodes_with_their_locks_beside_them() {
    let cluster = masters();
    let mut php = worker(&cluster);
    let mut on = [0; MASTERS];
    for n in 0..60 {
        let id = format!("session-{n}");
        session::seed(&cluster, &id);
        assert_eq!(php.step(&format!("increment('{id}')")).assert_silent().result, "1");
        php.step(&format!("start('{id}')")).assert_silent();
        assert!(session::is_locked(&cluster, &id));
        let slots: Vec<_> = ["LOCK", "WAKE", "WAITERS", "STATE", "DONE:x"]
            .iter()
            .map(|what| cluster.slot(&session::side_key(&cluster, &id, what)))
            .collect();
        assert_eq!(slots, [cluster.slot(&session::key_at(&cluster, &id)); 5]);
        on[cluster.owner(&session::key_at(&cluster, &id), 0)] += 1;
        assert_eq!(php.step("session_write_close()").assert_silent().result, "true");
    }
    assert!(on.iter().all(|sessions| *sessions > 5), "{on:?}");
    let status = php.step("rustredis_status()").result;
    assert!(
        status.contains(r#""redirects":0"#) && status.contains(r#""masters":3,"slots":16384"#),
        "{status}"
    );
    // The trips are those of 60 ordinary pages, plus the map of the cluster and three connections
    // with their scripts.
    let trips: u64 = php.step("rustredis_status()['trips']").result.parse().expect("a number");
    assert!(trips <= 60 * 4 + 2 + 3 * 3, "{trips} trips");
}

#[test]
fn a_session_moves_to_a_new_id_in_another_slot_and_can_be_destroyed() {
    let cluster = masters();
    let mut php = worker(&cluster);
    session::seed(&cluster, "old");
    let mut slots = Vec::new();
    let mut id = "old".to_owned();
    for _ in 0..10 {
        let step = php.step(&format!(
            "[start('{id}'), session_regenerate_id(true), ++$_SESSION['n'], session_write_close(), session_id()]"
        ));
        let old = std::mem::replace(
            &mut id,
            step.assert_silent().result.rsplit('"').nth(1).expect("an id").to_owned(),
        );
        assert_eq!(session::counter(&cluster, &old), None, "{step:?}");
        assert!(!session::is_locked(&cluster, &old) && !session::is_locked(&cluster, &id));
        slots.push(cluster.slot(&session::key_at(&cluster, &id)));
    }
    slots.dedup();
    assert!(slots.len() > 5, "{slots:?}");
    assert_eq!(session::counter(&cluster, &id), Some(10));
    assert_eq!(php.step(&format!("start('{id}') && session_destroy()")).assert_silent().result, "true");
    assert_eq!(session::counter(&cluster, &id), None);
    // Strict mode no longer knows the id, and gives a new one.
    let step = php.step(&format!("[start('{id}'), session_id() === '{id}', session_abort()]"));
    assert_eq!(step.assert_silent().result, "[true,false,true]");
}

#[test]
fn prefixes_with_braces_keep_a_session_together_or_are_refused() {
    let cluster = masters();
    acl::permit(&cluster, &["~{app}:*", "~a{b:*", "~{a{b:*", "~known", "~{known}*"]);
    for (prefix, lock) in [("{app}:", "{app}:known_LOCK"), ("a{b:", "{a{b:known}_LOCK"), ("", "{known}_LOCK")]
    {
        cluster.command::<()>(&["SET", &format!("{prefix}known"), "n|i:0;", "EX", "100"]);
        let path = format!("{}?prefix={}", cluster.save_path(), prefix.replace('{', "%7B"));
        let mut php = process(&Php::new(&path));
        assert_eq!(php.step("increment('known')").assert_silent().result, "1");
        php.step("start('known')").assert_silent();
        assert!(cluster.command::<bool>(&["EXISTS", lock]), "{lock}");
        php.step("session_write_close()").assert_silent();
    }
    let mut php = process(&Php::new(&format!("{}?prefix=a}}b:", cluster.save_path())));
    let step = php.step("start('known')");
    assert!(step.only_warning().contains("hash tag"), "{step:?}");
}

#[test]
fn what_cannot_be_decoded_is_kept_in_the_slot_of_its_session() {
    let cluster = masters();
    let key = session::key_at(&cluster, "known");
    cluster.command::<()>(&["SET", &key, "no php", "EX", "100"]);
    let mut php = process(&Php::new(&cluster.save_path()).ini("session.serialize_handler", "json"));
    let step = php.step("start('known')");
    let aside = step.messages.split("under the key ").nth(1).expect("it names the key");
    let aside = aside.split_whitespace().next().expect("a key");
    assert!(aside.starts_with("PHPREDIS_CLUSTER_SESSION:ASIDE:"), "{step:?}");
    assert_eq!(cluster.command::<String>(&["GET", aside]), "no php");
    assert_eq!(cluster.slot(aside), cluster.slot(&key));
}

#[test]
fn a_slot_that_has_moved_is_followed_and_remembered() {
    let cluster = masters();
    let id = cluster.id_on(0, "moves");
    session::seed(&cluster, &id);
    let mut php = worker(&cluster);
    let increment = format!("increment('{id}')");
    assert_eq!(php.step(&increment).assert_silent().result, "1");
    // The slot moves between two requests.
    let slot = cluster.slot(&session::key_at(&cluster, &id));
    cluster.move_slot(slot, 0, 1);
    assert_eq!(php.step(&increment).assert_silent().result, "2");
    assert_eq!(php.step(&increment).assert_silent().result, "3");
    assert_eq!(php.step("rustredis_status()['redirects']").result, "1");
    // The slot moves in the middle of a request, which holds the lock. The lock moves, too.
    php.step(&format!("start('{id}') && ++$_SESSION['n']")).assert_silent();
    cluster.move_slot(slot, 1, 2);
    assert!(session::is_locked(&cluster, &id));
    assert_eq!(php.step("session_write_close()").assert_silent().result, "true");
    assert_eq!(session::counter(&cluster, &id), Some(4));
    assert!(!session::is_locked(&cluster, &id));
}

/// The nodes of a Cluster call a node without a hostname `?` if they prefer hostnames.
#[test]
fn a_slot_that_has_moved_to_a_node_without_a_name_is_followed() {
    if redis_program::version() < (7, 0) {
        return;
    }
    let cluster = masters();
    let ids = [cluster.id_on(0, "moves"), cluster.id_on(0, "on-its-way")];
    for id in &ids {
        session::seed(&cluster, id);
    }
    let [away, midway] = ids.each_ref().map(|id| cluster.slot(&session::key_at(&cluster, id)));
    for node in cluster.nodes() {
        node.set("cluster-preferred-endpoint-type", "hostname");
    }
    let mut php = worker(&cluster);
    let connections = |php: &mut Running| php.step("count(rustredis_status()['pools'])").result;
    for id in &ids {
        assert_eq!(php.step(&format!("increment('{id}')")).assert_silent().result, "1");
    }
    cluster.move_slot(away, 0, 1);
    for n in ["2", "3"] {
        assert_eq!(php.step(&format!("increment('{}')", ids[0])).assert_silent().result, n);
    }
    assert_eq!(php.step("rustredis_status()['redirects']").result, "1");
    assert_eq!(connections(&mut php), "2", "no server is called ?");
    cluster.begin_move(midway, 0, 1);
    cluster.move_keys(midway, 0, 1);
    php.send(&format!("increment('{}')", ids[1]));
    poll::until("the move is noticed", SOON, || rejections(&cluster, "evalsha") > Some(2));
    cluster.end_move(midway, 1);
    let (messages, result) = php.expect("done ");
    assert_eq!((messages.trim(), &*result), ("", "2"));
    assert_eq!(connections(&mut php), "2");
}

#[test]
fn a_users_list_and_sessions_move_with_their_slots() {
    let cluster = masters();
    let (id, other) = (cluster.id_on(0, "bound"), cluster.id_on(1, "other"));
    let others: Vec<String> = (0..MASTERS).map(|node| cluster.id_on(node, "x")).collect();
    others.iter().chain([&id, &other]).for_each(|id| session::seed(&cluster, id));
    let list = ["PHPREDIS_CLUSTER_SESSION:USER:", &list_name(b"ada")].concat();
    let slot_of_list = cluster.slot(&list);
    let mut owner = cluster.owner(&list, 0);
    let mut php = worker(&cluster);
    let mut yes = |line: &str| {
        let step = php.step(line);
        assert_eq!(step.assert_silent().result, "true", "{line}");
    };
    yes(&format!("start('{id}') && rustredis_user('ada')"));
    let mut move_list = || {
        let to = (owner + 1) % MASTERS;
        cluster.move_slot(slot_of_list, owner, to);
        owner = to;
        to
    };
    // Before the session is saved.
    move_list();
    let slot = cluster.slot(&session::key_at(&cluster, &id));
    cluster.move_slot(slot, 0, 1);
    yes("session_write_close()");
    // A bump finds the list although nobody waits for its answer: a request or two later.
    let state_key = session::side_key(&cluster, &id, "STATE");
    let node = move_list();
    let bumped = || cluster.node(node).own::<String>(&["HGET", &list, &id]);
    let before = bumped();
    poll::until("the list knows of a use", SOON, || {
        let state: String = cluster.node(1).own(&["GET", &state_key]);
        let mut fields: Vec<&str> = state.split('|').collect();
        fields[5] = "1";
        cluster.node(1).own::<()>(&["SET", &state_key, &fields.join("|"), "KEEPTTL"]);
        yes(&format!("start('{id}') && session_write_close()"));
        // The other nodes' connections are used, too.
        for other in &others {
            yes(&format!("start('{other}') && session_abort()"));
        }
        bumped() != before
    });
    let third = &others[2];
    yes(&format!("start('{third}') && rustredis_user('ada') && session_write_close()"));
    // While it moves, before and after its key does.
    let to = (node + 1) % MASTERS;
    cluster.begin_move(slot_of_list, node, to);
    yes("count(rustredis_user_sessions('ada')) === 2");
    cluster.move_keys(slot_of_list, node, to);
    // A session that another user takes over leaves the list.
    yes(&format!("start('{third}') && rustredis_user('bob') && session_write_close()"));
    yes("count(rustredis_user_sessions('ada')) === 1");
    yes(&format!("start('{other}') && rustredis_user('ada', 1) && session_write_close()"));
    cluster.end_move(slot_of_list, to);
    let listed: Vec<String> = cluster.node(to).own(&["HKEYS", &list]);
    assert!(listed.contains(&other) && !listed.contains(third), "{listed:?}");
    assert_eq!(session::counter(&cluster, &id), None);
    assert!(cluster.node(1).own::<String>(&["GET", &state_key]).starts_with("dead|limit|"));
    yes("rustredis_revoke('ada') === 1");
}

#[test]
fn a_slot_on_its_way_is_waited_for_wherever_its_keys_are() {
    let cluster = masters();
    let id = cluster.id_on(0, "moves");
    session::seed(&cluster, &id);
    let slot = cluster.slot(&session::key_at(&cluster, &id));
    let php = Php::new(&cluster.save_path()).ini("rustredis.read_timeout", "20");
    let mut php = process(&php);
    for moved in [false, true] {
        let (from, to) = if moved { (1, 2) } else { (0, 1) };
        cluster.begin_move(slot, from, to);
        if moved {
            cluster.move_keys(slot, from, to);
        }
        // The session is on one side and its lock on neither, so Redis says TRYAGAIN (on the target
        // side after ASK) until the move is over.
        php.send(&format!("increment('{id}')"));
        let tries = || cluster.info_commandstats().get("evalsha").copied().unwrap_or(0);
        let before = tries();
        poll::until("the move is noticed", SOON, || match rejections(&cluster, "evalsha") {
            Some(rejected) => rejected > 3,
            // Before Redis 6.2 rejected calls are not counted. The client's last command on the
            // target shows that it was sent there by ASK.
            None => cluster.node(to).own::<String>(&["CLIENT", "LIST"]).contains("cmd=evalsha"),
        });
        assert_eq!(tries(), before, "nothing is carried out");
        cluster.move_keys(slot, from, to);
        cluster.end_move(slot, to);
        let (messages, result) = php.expect("done ");
        assert_eq!((messages.trim(), &*result), ("", if moved { "2" } else { "1" }));
        for node in cluster.nodes() {
            node.own::<()>(&["CONFIG", "RESETSTAT"]);
        }
    }
    assert_eq!(session::counter(&cluster, &id), Some(2));
}

/// The number of times that a command was rejected before it began, or `None` if the server does
/// not count that.
fn rejections(cluster: &Cluster, command: &str) -> Option<u64> {
    if redis_program::version() < (6, 2) {
        return None;
    }
    let field = format!("cmdstat_{command}");
    let calls = |node: &Server| {
        let stats = node.info("commandstats");
        let rejected = stats.get(&field)?.split_once("rejected_calls=")?.1;
        rejected.split(',').next()?.parse::<u64>().ok()
    };
    Some(cluster.living().filter_map(calls).sum())
}

#[test]
fn waiters_follow_their_slot() {
    let cluster = masters();
    let id = cluster.id_on(0, "moves");
    session::seed(&cluster, &id);
    let slot = cluster.slot(&session::key_at(&cluster, &id));
    let (mut holder, mut waiters) = (worker(&cluster), [worker(&cluster), worker(&cluster)]);
    holder.step(&format!("start('{id}') && ++$_SESSION['n']")).assert_silent();
    for (n, waiter) in waiters.iter_mut().enumerate() {
        waiter.send(&format!("increment('{id}')"));
        poll::until("the waiter is in the queue", SOON, || cluster.node(0).blocked_alone() == n as u64 + 1);
    }
    cluster.move_slot(slot, 0, 1);
    poll::until("the waiters are at the new node", SOON, || cluster.node(1).blocked_alone() == 2);
    let start = Instant::now();
    assert_eq!(holder.step("session_write_close()").assert_silent().result, "true");
    let mut results = waiters.iter_mut().map(|waiter| {
        let (messages, result) = waiter.expect("done ");
        assert_eq!(messages.trim(), "");
        result
    });
    let mut results = [results.next(), results.next()].map(|result| result.expect("there are two"));
    results.sort();
    assert_eq!(results, ["2", "3"]);
    // The waiting requests were woken: neither a lease (10 s) nor a recheck (5 s) had to pass.
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(session::waiters(&cluster, &id), 0);
}

#[test]
fn a_renewed_lease_follows_its_slot() {
    let cluster = masters();
    let id = cluster.id_on(0, "moves");
    session::seed(&cluster, &id);
    let slot = cluster.slot(&session::key_at(&cluster, &id));
    let mut php = process(&Php::new(&cluster.save_path()).ini("rustredis.lock_lease", "1"));
    php.step(&format!("start('{id}') && ++$_SESSION['n']")).assert_silent();
    cluster.move_slot(slot, 0, 1);
    php.step("usleep(1_500_000)").assert_silent();
    // The slot is on its way, key by key.
    cluster.begin_move(slot, 1, 2);
    php.step("usleep(1_200_000)").assert_silent();
    cluster.move_keys(slot, 1, 2);
    php.step("usleep(1_200_000)").assert_silent();
    cluster.end_move(slot, 2);
    assert!(session::is_locked(&cluster, &id));
    assert_eq!(php.step("session_write_close()").assert_silent().result, "true");
    assert_eq!(session::counter(&cluster, &id), Some(1));
}

/// A broken reshard leaves a slot in two places, and a cluster may lose a part of its slots. Reads
/// work in both cases.
#[test]
fn whoever_only_reads_needs_neither_a_whole_cluster_nor_a_slot_in_one_place() {
    let cluster = Cluster::of(cluster::masters(&["--cluster-allow-reads-when-down", "yes"]));
    let id = cluster.id_on(0, "left");
    let key = session::key_at(&cluster, &id);
    let slot = cluster.slot(&key);
    let php =
        Php::new(&cluster.save_path()).ini("rustredis.read_timeout", "1").ini("rustredis.lock_wait", "1");
    let readers = || {
        [
            process(&php.clone()),
            process(&php.clone().ini("rustredis.locking", "0")),
            process(&php.clone().ini("rustredis.lock_failure", "readonly")),
        ]
    };
    let read = format!(
        "(function () {{ session_id('{id}'); $ok = session_start(['read_and_close' => ini_get('rustredis.lock_failure') \
         === 'fail' && ini_get('rustredis.locking')]); $n = $_SESSION['n'] ?? null; session_status() === \
         PHP_SESSION_ACTIVE && session_abort(); return $ok ? $n : 'none'; }})()"
    );
    session::seed(&cluster, &id);
    let mut early = readers();
    for reader in &mut early {
        for _ in 0..2 {
            assert_eq!(reader.step(&read).assert_silent().result, "0");
        }
    }
    let check = |readers: &mut [Running; 3], what: &str| {
        for (n, reader) in readers.iter_mut().enumerate() {
            let step = reader.step(&read);
            assert_eq!(step.result, "0", "{what}, reader {n}: {step:?}");
            assert!(n == 2 || step.messages.trim().is_empty(), "{what}, reader {n}: {step:?}");
        }
    };
    cluster.begin_move(slot, 0, 1);
    check(&mut early, "between two nodes");
    check(&mut readers(), "between two nodes, a new process");
    let mut writer = process(&php);
    let refused = writer.step(&format!("start('{id}')"));
    let warning = refused.messages.clone();
    assert!(warning.contains("--cluster check") && warning.contains("fix"), "{warning}");
    cluster.node(0).own::<()>(&["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"]);
    check(&mut early, "whole again");

    // Another slot has no owner now.
    let lost = cluster.slot(&session::key_at(&cluster, &cluster.id_on(0, "other")));
    for node in cluster.nodes() {
        node.own::<()>(&["CLUSTER", "DELSLOTS", &lost.to_string()]);
    }
    poll::until("the cluster is down", SOON, || {
        cluster.node(0).own::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:fail")
    });
    check(&mut early, "down");
}

#[test]
fn a_forked_child_asks_for_the_map_itself() {
    let cluster = masters();
    let (mine, childs) = (cluster.id_on(0, "parent"), cluster.id_on(1, "child"));
    for id in [&mine, &childs] {
        session::seed(&cluster, id);
    }
    let php = Php::new(&cluster.save_path())
        .ini("extension", "pcntl")
        .ini("extension", "posix")
        .ini("rustredis.lock_lease", "0.5");
    let mut parent = process(&php);
    parent.step(&format!("start('{mine}') && ++$_SESSION['n']")).assert_silent();
    // The parent's thread renews meanwhile, and uses the map of the cluster as well.
    let fork = format!(
        "(function () {{ $pid = pcntl_fork(); if (!$pid) {{ $none = rustredis_status()['clusters']; session_abort(); \
         $ok = $none === [] && increment('{childs}') === 1; posix_kill(getmypid(), $ok ? 9 : 11); }} \
         pcntl_waitpid($pid, $status); usleep(20_000); return $status; }})()"
    );
    for _ in 0..10 {
        assert_eq!(parent.step(&fork).assert_silent().result, "9");
        cluster.command::<()>(&["SET", &session::key_at(&cluster, &childs), "n|i:0;", "EX", "100"]);
    }
    assert_eq!(parent.step("session_write_close()").assert_silent().result, "true");
    assert_eq!(session::counter(&cluster, &mine), Some(1));
}

#[test]
fn resharding_under_load_loses_no_increment() {
    const PROCESSES: u64 = 6;
    let cluster = masters();
    let id = cluster.id_on(0, "shared");
    session::seed(&cluster, &id);
    let script = r#"
        $id = trim(fgets(STDIN));
        stream_set_blocking(STDIN, false);
        $n = 0;
        while (fgets(STDIN) === false) {
            session_id($id);
            session_start() or exit(1);
            $_SESSION["n"]++;
            session_write_close();
            $n++;
        }
        fwrite(STDOUT, "done $n\n");
    "#;
    let php = Php::new(&cluster.save_path()).ini("rustredis.lock_wait", "30");
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| php.spawn(script)).collect();
    for process in &mut processes {
        process.send(&id);
    }
    let slot = cluster.slot(&session::key_at(&cluster, &id));
    let mut place = 0;
    for turn in 0..12 {
        let to = (place + 1) % MASTERS;
        let before = session::counter(&cluster, &id);
        cluster.begin_move(slot, place, to);
        if turn % 3 == 0 {
            // Long enough for a request to come in between.
            thread::sleep(Duration::from_millis(100));
        }
        cluster.move_keys(slot, place, to);
        cluster.end_move(slot, to);
        place = to;
        poll::until("they go on at the new place", SOON, || session::counter(&cluster, &id) > before);
    }
    let mut sum = 0;
    for mut process in processes {
        process.send("stop");
        let (messages, number) = process.expect("done ");
        assert_eq!(messages.trim(), "");
        sum += number.parse::<u64>().expect("a number");
    }
    println!("{sum} increments through 12 moves");
    assert_eq!(session::counter(&cluster, &id), Some(sum));
    assert!(!session::is_locked(&cluster, &id));
}

#[test]
fn a_node_that_names_its_own_address_is_asked_over_a_new_connection() {
    let server = cluster::masters(&[]);
    let cluster = Cluster::of(server);
    let id = cluster.id_on(0, "moved");
    session::seed(&cluster, &id);
    let proxy = Proxy::in_front_of(&cluster);
    let mut process = Php::new(&proxy.save_path()).spawn(STEPS);
    process.expect("ready");
    let increment = format!("increment('{id}')");
    assert_eq!(process.step(&increment).assert_silent().result, "1");
    // The two nodes swap their addresses, and the slot moves from the one to the other. The process
    // keeps its connection to the first one.
    cluster.node(0).announce(proxy.port(1));
    cluster.node(1).announce(proxy.port(0));
    proxy.swap_new();
    cluster.move_slot(cluster.slot(&session::key_at(&cluster, &id)), 0, 1);
    poll::until("the one sends to the other by its new address", SOON, || {
        let nodes: String = cluster.node(0).own(&["CLUSTER", "NODES"]);
        let moved = cluster.node(1).own::<String>(&["CLUSTER", "MYID"]);
        let line = nodes.lines().find(|line| line.starts_with(&moved)).unwrap_or_default().to_owned();
        line.contains(&format!("127.0.0.1:{}@", proxy.port(0)))
    });
    assert_eq!(process.step(&increment).assert_silent().result, "2");
    assert_eq!(session::counter(&cluster, &id), Some(2));
}

#[test]
fn a_node_whose_map_makes_no_sense_is_told_as_that() {
    let servers: [fn(&str) -> Option<&'static str>; 4] = [
        |command| (command == "CLUSTER").then_some("+OK\r\n"),
        |command| (command == "CLUSTER").then_some("*1\r\n:5\r\n"),
        |command| (command == "CLUSTER").then_some("<html>\r\n"),
        |command| (command == "CLUSTER").then_some("*1\r\n*3\r\n:0\r\n:99999\r\n*2\r\n$1\r\nh\r\n:1\r\n"),
    ];
    for answers in servers {
        let node = FakeSentinel::server(answers);
        let step = process(&Php::new(&format!("cluster://{}", node.addr()))).step("start('known')");
        let warning = step.only_warning();
        assert!(warning.contains("makes no sense") && warning.contains(&node.addr()), "{warning}");
        assert!(!warning.contains("not known"), "{warning}");
    }
}

#[test]
fn a_cluster_that_is_still_loading_is_waited_for() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let node = FakeSentinel::server(|command| {
        let is_map = command == "CLUSTER";
        ASKED.fetch_add(usize::from(is_map), Relaxed);
        is_map.then_some("-LOADING Redis is loading the dataset in memory\r\n")
    });
    let php = Php::new(&format!("cluster://{}", node.addr()))
        .ini("rustredis.connect_timeout", "1")
        .ini("rustredis.read_timeout", "2");
    for line in ["start('known')", "peek('known')"] {
        let (start, before) = (Instant::now(), ASKED.load(Relaxed));
        let step = process(&php).step(line);
        assert!(step.only_warning().contains("LOADING"), "{step:?}");
        let (took, asked) = (start.elapsed(), ASKED.load(Relaxed) - before);
        assert!(asked > 3 && took > Duration::from_secs(1), "{line}: asked {asked} times in {took:?}");
        assert!(took < Duration::from_secs(10), "{line}: {took:?}");
    }
}
