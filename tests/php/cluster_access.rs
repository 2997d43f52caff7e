//! Access to a Redis Cluster: seeds, passwords, ACL rules and TLS, which hold for every node.

use crate::support::acl;
use crate::support::cluster::{self, Cluster, MASTERS};
use crate::support::php::{Php, Running, STEPS};
use crate::support::redis::{FREE_PORT, Server};
use crate::support::session;
use crate::support::tls::Certificates;

fn process(php: &Php) -> Running {
    let mut process = php.spawn(STEPS);
    process.expect("ready");
    process
}

/// Counts in a session of every node.
fn works_everywhere(cluster: &Cluster, php: &Php) {
    let mut php = process(php);
    for node in 0..MASTERS {
        let id = cluster.id_on(node, "on");
        session::seed(cluster, &id);
        for n in ["1", "2"] {
            assert_eq!(php.step(&format!("increment('{id}')")).assert_silent().result, n);
        }
        assert_eq!(session::counter(cluster, &id), Some(2));
    }
}

#[test]
fn dead_seeds_are_skipped_and_a_wrong_password_is_named() {
    let args = ["--requirepass", "clustersecret", "--masterauth", "clustersecret"];
    let cluster = Cluster::of(cluster::masters(&args));
    let seeds = format!("127.0.0.1:1,127.0.0.1:2,{}", cluster.node(2).addr());
    let php = |query: &str| Php::new(&format!("cluster://{seeds}{query}")).default_user();
    works_everywhere(&cluster, &php("").ini("rustredis.password", "clustersecret"));
    works_everywhere(&cluster, &php("?auth=clustersecret"));
    for (query, word) in [("?auth=wrongsecret", "WRONGPASS"), ("", "NOAUTH")] {
        let step = process(&php(query)).step("start('known')");
        assert_eq!(step.result, "false");
        assert!(step.only_warning().contains(word), "{step:?}");
        assert!(!step.messages.contains("secret"), "{step:?}");
    }
    let step = process(&Php::new("cluster://127.0.0.1:1,127.0.0.1:2")).step("start('known')");
    assert!(step.only_warning().contains("no node of the cluster answers"), "{step:?}");
    let single = Server::with_args(&[]);
    let php = Php::new(&format!("cluster://{}", single.addr())).default_user();
    let step = process(&php).step("start('known')");
    assert!(step.only_warning().contains("no node of a Redis Cluster"), "{step:?}");
    let other = cluster.id_on(1, "on");
    let php = Php::new(&format!("tcp://{}?auth=clustersecret", cluster.node(0).addr())).default_user();
    let step =
        process(&php.ini("rustredis.prefix", "PHPREDIS_CLUSTER_SESSION:").ini("rustredis.locking", "0"))
            .step(&format!("start('{other}')"));
    assert!(step.only_warning().contains("write cluster://"), "{step:?}");
}

#[test]
fn the_rules_of_the_documentation_are_enough_for_an_acl_user() {
    let cluster = Cluster::of(cluster::masters(&[]));
    let more = "+cluster|slots +asking ~PHPREDIS_CLUSTER_SESSION:* ~{PHPREDIS_CLUSTER_SESSION:*";
    assert!(include_str!("../../README.md").contains(more), "README.md should have: {more}");
    let words = ["ACL", "SETUSER", "web", "on", ">websecret"];
    let words: Vec<&str> = words.into_iter().chain(acl::rule().split(' ')).chain(more.split(' ')).collect();
    for node in cluster.nodes() {
        node.own::<()>(&words);
        node.own::<()>(&["ACL", "SETUSER", "blind", "on", ">websecret", "~*", "+@all", "-cluster"]);
    }
    let path = |user: &str| format!("{}?auth[]={user}&auth[]=websecret", cluster.save_path());
    let php = Php::new(&path("web")).ini("rustredis.lock_lease", "1");
    works_everywhere(&cluster, &php);

    let id = cluster.id_on(0, "on");
    let slot = cluster.slot(&session::key_at(&cluster, &id));
    let mut php = process(&php);
    php.step(&format!("start('{id}') && ++$_SESSION['n']")).assert_silent();
    // The lease is renewed for longer than its length through ASK alone.
    cluster.begin_move(slot, 0, 1);
    cluster.move_keys(slot, 0, 1);
    php.step("usleep(2_500_000)").assert_silent();
    cluster.end_move(slot, 1);
    assert!(session::is_locked(&cluster, &id));
    assert_eq!(php.step("session_write_close()").assert_silent().result, "true");
    assert_eq!(session::counter(&cluster, &id), Some(3));

    let step = process(&Php::new(&path("blind"))).step("start('known')");
    let needed =
        "+cluster|slots +asking and the keys ~PHPREDIS_CLUSTER_SESSION:* and ~{PHPREDIS_CLUSTER_SESSION:*";
    assert!(step.only_warning().contains("NOPERM") && step.messages.contains(needed), "{step:?}");
    assert!(!step.messages.contains("secret"), "{step:?}");
}

#[test]
fn nodes_that_are_discovered_are_spoken_to_over_tls() {
    let certificates = Certificates::new();
    let path = |file: &str| certificates.path(file);
    let (pem, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
    let cluster = Cluster::of(cluster::masters(&[
        "--tls-port",
        FREE_PORT,
        "--tls-cert-file",
        &pem,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "optional",
        "--tls-cluster",
        "yes",
        "--tls-replication",
        "yes",
    ]));
    let port = cluster.node(0).own::<Vec<String>>(&["CONFIG", "GET", "tls-port"]).remove(1);
    // There is one seed, and the cluster names the ports of the other nodes.
    works_everywhere(&cluster, &Php::new(&format!("cluster://127.0.0.1:{port}?stream[cafile]={ca}")));
    works_everywhere(&cluster, &Php::new(&format!("seed[]=tls://127.0.0.1:{port}&stream[cafile]={ca}")));
    let path = format!("cluster://127.0.0.1:{port}?stream[cafile]={ca}&stream[peer_name]=elsewhere.example");
    let step = process(&Php::new(&path)).step("start('known')");
    assert!(step.only_warning().contains("elsewhere.example"), "{step:?}");
}
