//! phpredis' handler `rediscluster` and rustredis on the same Cluster: neither logs out the users
//! of the other.

use crate::support::cluster::{self, Cluster, MASTERS};
use crate::support::php::{Php, Running, STEPS};
use crate::support::phpredis;
use crate::support::session;

fn phpredis(save_path: &str) -> Php {
    phpredis::handler("rediscluster", save_path).ini("session.use_strict_mode", "0")
}

fn ready(php: &Php) -> Running {
    let mut running = php.spawn(STEPS);
    running.expect("ready");
    running
}

#[test]
fn each_reads_what_the_other_wrote_by_the_same_save_path() {
    if !phpredis::is_here() {
        return;
    }
    let cluster = Cluster::of(cluster::masters(&[]));
    let seeds: Vec<_> = cluster.nodes().map(|node| format!("seed[]={}", node.addr())).collect();
    let path = format!("{}&timeout=2&read_timeout=2&failover=none&persistent=1", seeds.join("&"));
    for query in ["", "&prefix=APP:"] {
        let path = format!("{path}{query}");
        let (mut theirs, mut ours) = (ready(&phpredis(&path)), ready(&Php::new(&path)));
        for node in 0..MASTERS {
            for n in 0..3 {
                let id = cluster.id_on(node, &format!("user{n}-"));
                let increment = format!("increment('{id}')");
                for expected in 1..=4 {
                    let php = if expected % 2 == 1 { &mut theirs } else { &mut ours };
                    assert_eq!(php.step(&increment).assert_silent().result, expected.to_string(), "{id}");
                }
                if query.is_empty() {
                    assert_eq!(session::counter(&cluster, &id), Some(4));
                }
            }
        }
        // The other way round, rustredis begins the session.
        let id = ours.step(
            "[session_id(''), session_start(), $_SESSION['n'] = 7, session_write_close(), session_id()]",
        );
        let id = id.assert_silent().result.rsplit('"').nth(1).expect("an id").to_owned();
        assert_eq!(theirs.step(&format!("increment('{id}')")).assert_silent().result, "8");
        assert_eq!(ours.step(&format!("increment('{id}')")).assert_silent().result, "9");
    }
}
