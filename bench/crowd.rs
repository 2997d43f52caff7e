//! Many processes in many sessions: the load that a site with visitors puts on Redis.

use super::Bench;
use super::process::{Handler, Setup, Worker};
use super::report::{Table, ms, paragraph};
use super::stats::{float, floats, median, quantile};
use super::support::{
    cluster::{self, MASTERS},
    poll,
    redis::Server,
};
use super::system::{redis_cpu, traffic};

const PROCESSES: u32 = 64;
const SESSIONS: u32 = 1000;

#[derive(Default)]
struct Series {
    times: Vec<f64>,
    per_second: Vec<f64>,
    commands: Vec<f64>,
    redis_cpu: Vec<f64>,
    /// Bytes to and from Redis for each request.
    bytes: Vec<f64>,
}

pub fn run(bench: &Bench) -> String {
    let requests = bench.cycles(200);
    let mut crowds: Vec<_> = Handler::all()
        .into_iter()
        .map(|handler| (handler, gather(bench, handler), Series::default()))
        .collect();
    // The first round only warms up, so there is one more than is counted.
    for round in 0..=bench.rounds(7) {
        for (handler, workers, series) in &mut crowds {
            let seen = burst(&bench.server, *handler, workers, requests);
            if round > 0 {
                series.times.extend(seen.times);
                series.per_second.extend(seen.per_second);
                series.commands.extend(seen.commands);
                series.redis_cpu.extend(seen.redis_cpu);
                series.bytes.extend(seen.bytes);
            }
        }
    }
    let mut text = String::new();
    paragraph(&mut text, "### A thousand sessions");
    paragraph(
        &mut text,
        &format!(
            "{PROCESSES} PHP processes change {SESSIONS} sessions of 1 KB, picked at random, under their locks and without \
             a pause: {requests} requests each, all processes and Redis on this machine's cores.",
        ),
    );
    let head =
        ["", "requests/s", "p50, ms", "p99, ms", "commands in Redis a request", "Redis CPU a request, us"];
    let mut table = Table::new(&head);
    for (handler, _, series) in &crowds {
        let redis = |values: &[f64]| {
            if *handler == Handler::Files { "-".to_owned() } else { format!("{:.1}", median(values)) }
        };
        table.row([
            handler.to_string(),
            format!("{:.0}", median(&series.per_second)),
            ms(median(&series.times)),
            ms(quantile(&series.times, 0.99)),
            redis(&series.commands),
            redis(&series.redis_cpu),
        ]);
    }
    let (ours, theirs) = (&crowds[0].2, &crowds[1].2);
    let (pair, six) = (at_a_pair(bench, requests), at_a_cluster(bench, requests));
    text + &table.markdown() + "\n" + &scale(ours, theirs, &pair, &six)
}

/// One Redis with a replica, as behind Sentinel. The Redis time is that of the primary.
fn at_a_pair(bench: &Bench, requests: u32) -> Series {
    let primary = Server::start();
    let port = primary.port().to_string();
    let _replica = Server::with_args(&["--replicaof", "127.0.0.1", &port]);
    poll::until("the replica follows", poll::SOON, || {
        primary.info("replication").get("slave0").is_some_and(|line| line.contains("state=online"))
    });
    alone(bench, &primary, requests)
}

/// Three primaries with a replica each. The Redis time is the sum of the three primaries.
fn at_a_cluster(bench: &Bench, requests: u32) -> Series {
    let cluster = cluster::with_replicas();
    for node in cluster.nodes() {
        // All nodes share two cores with everything else.
        node.set("cluster-node-timeout", "60000");
    }
    alone(bench, &cluster, requests)
}

fn alone(bench: &Bench, server: &Server, requests: u32) -> Series {
    let mut workers = gather_at(Handler::Rustredis, &server.save_path());
    let mut series = Series::default();
    for round in 0..=bench.rounds(5) {
        let seen = burst(server, Handler::Rustredis, &mut workers, requests);
        if round > 0 {
            series.redis_cpu.extend(seen.redis_cpu);
            series.per_second.extend(seen.per_second);
            series.bytes.extend(seen.bytes);
        }
    }
    series
}

/// Projections for a larger site, calculated only from the measurements above and here.
fn scale(ours: &Series, theirs: &Series, pair: &Series, six: &Series) -> String {
    let mut text = String::new();
    paragraph(&mut text, "### What scale looks like");
    paragraph(
        &mut text,
        "Redis works on one core. What a locked, changed request of 1 KB costs it is measured in the run with a thousand \
         sessions; how many requests a core carries is one second divided by that. Behind Sentinel the primary also sends \
         each write to a replica: measured with one. In a Cluster the keys of a session share a slot, so that sessions \
         spread evenly over the primaries: measured with three, each with its replica, all on this machine.",
    );
    let mut table = Table::new(&[
        "",
        "Redis CPU a request, us",
        "requests/s at most",
        "requests/s at 60 % of the core",
        "traffic of PHP at that, MB/s",
    ]);
    for (name, series, times) in [
        ("one Redis, phpredis", theirs, 1.0),
        ("one Redis", ours, 1.0),
        ("a Sentinel pair", pair, 1.0),
        ("a Cluster of 6 nodes", six, 3.0),
    ] {
        let cpu = median(&series.redis_cpu);
        let most = times * 1e6 / cpu;
        let bytes = median(&series.bytes);
        table.row([
            name.to_owned(),
            format!("{cpu:.1}"),
            format!("{most:.0}"),
            format!("{:.0}", 0.6 * most),
            format!("{:.1}", 0.6 * most * bytes / 1e6),
        ]);
    }
    text += &table.markdown();
    text.push('\n');
    let [alone, replicated, clustered] = [ours, pair, six].map(|series| {
        let (rate, cpu) = (median(&series.per_second), median(&series.redis_cpu));
        format!("{rate:.0} requests a second, at {:.0} % of a core", rate * cpu / 1e4)
    });
    paragraph(
        &mut text,
        &format!(
            "The largest runs behind this: one Redis {alone}; with a replica {replicated}; the Cluster {clustered} for its \
             three primaries together. What is above that is arithmetic: PHP, all nodes of Redis and the load shared this \
             machine. With `rustredis.prefetch` Redis does the same work, with `rustredis.write_ack=deferred` more: a \
             release that nobody waits for is always a script.",
        ),
    );
    text
}

/// The processes of one handler, connected, with their sessions stored.
fn gather(bench: &Bench, handler: Handler) -> Vec<Worker> {
    let path = match handler {
        Handler::Files => bench.folder("sessions"),
        _ => bench.server.save_path() + "?persistent=1",
    };
    gather_at(handler, &path)
}

fn gather_at(handler: Handler, path: &str) -> Vec<Worker> {
    let setup = Setup::new(handler, path);
    let mut workers: Vec<_> = (0..PROCESSES).map(|_| Worker::php(&setup, None)).collect();
    for number in 0..SESSIONS {
        workers[(number % PROCESSES) as usize].run(&format!("seed crowd-{handler}-{number} 1024"));
    }
    workers
}

fn burst(server: &Server, handler: Handler, workers: &mut [Worker], requests: u32) -> Series {
    let primaries = || server.nodes().take(MASTERS);
    let used = || primaries().map(redis_cpu).sum::<f64>();
    for node in primaries() {
        node.own::<()>(&["CONFIG", "RESETSTAT"]);
    }
    let cpu = used();
    let start = workers[0].run("now")[0] + 50_000_000;
    for worker in &mut *workers {
        worker.begin(&format!("spread crowd-{handler}- {SESSIONS} {requests} {start}"));
    }
    let (mut times, mut last) = (Vec::new(), start);
    for worker in workers {
        let mut answer = worker.finish();
        last = last.max(answer.pop().expect("the last number is the end"));
        times.extend(floats(&answer));
    }
    let count = float(times.len() as u64);
    let cpu = used() - cpu;
    let bytes: u64 = primaries().map(traffic).sum();
    let commands = server.carried_out();
    Series {
        per_second: vec![count * 1e9 / float(last - start)],
        commands: vec![float(commands) / count],
        redis_cpu: vec![cpu * 1e6 / count],
        bytes: vec![float(bytes) / count],
        times,
    }
}
