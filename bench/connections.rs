//! The first session of a process: TLS, and connections that are made for one request.

use super::process::{Handler, Setup, Worker};
use super::report::{Table, paragraph, times, us};
use super::stats::{floats, median, ratio};
use super::support::tls::Certificates;
use super::{Bench, CLIENT_CORE, REDIS_CORE, process};

pub fn run(bench: &Bench) -> String {
    let certificates = Certificates::new();
    let secure = certificates.server("server", "no");
    let cores = [REDIS_CORE, &CLIENT_CORE.to_string()];
    let awake = process::Awake::on(&cores);
    process::pin(secure.redis.pid(), REDIS_CORE);
    // phpredis 5.3 takes no stream options in a save path and reads PHP's own setting. Both
    // handlers verify the server.
    let authority = certificates.path("ca.pem");
    let tls = secure.save_path(&format!("persistent=1&stream[cafile]={authority}"));
    let tcp = secure.redis.save_path() + "?persistent=1";
    let mut text = String::new();
    paragraph(&mut text, "### TLS, and new connections");
    paragraph(
        &mut text,
        "As above: one process, locked, changed, 1 KB, microseconds. A new connection is that of a process which has just \
         been forked and has its first session: for rustredis that includes the making of its pool.",
    );
    let compares = Handler::in_redis().contains(&Handler::Before);
    let head = ["", "rustredis", "phpredis", "of phpredis", "before", "of before"];
    let mut table = Table::new(if compares { &head } else { &head[..4] });
    for (name, path, job, cycles) in [
        ("TCP", &tcp, "changed", bench.cycles(100)),
        ("TLS", &tls, "changed", bench.cycles(100)),
        ("TCP, new connection", &tcp, "fresh", bench.cycles(30)),
        ("TLS, new connection", &tls, "fresh", bench.cycles(30)),
    ] {
        let sides = one_case(bench, (name, path, &authority), job, cycles);
        let ours = &sides[0];
        let mut row = vec![name.to_owned(), us(median(ours))];
        for theirs in &sides[1..] {
            row.extend([us(median(theirs)), format!("{} x", times(ratio(ours, theirs)))]);
        }
        table.row(row);
    }
    drop(awake);
    text + &table.markdown()
}

/// The medians of each round, of each handler.
fn one_case(
    bench: &Bench,
    (name, path, authority): (&str, &str, &str),
    job: &str,
    cycles: u32,
) -> Vec<Vec<f64>> {
    let begin = |handler| {
        let setup = Setup { authority: authority.to_owned(), ..Setup::new(handler, path) };
        let id = format!("{handler}-{}", name.replace([' ', ','], "-"));
        // The session is seeded by another process, so that the measured one has had no session
        // before.
        Worker::php(&setup, None).run(&format!("seed {id} 1024"));
        (Worker::php(&setup, Some(CLIENT_CORE)), format!("{job} {id} 0 {cycles}"), Vec::new())
    };
    let mut sides: Vec<_> = Handler::in_redis().into_iter().map(begin).collect();
    // The first round only warms up, so there is one more than is counted.
    for round in 0..=bench.rounds(11) {
        for (worker, job, medians) in &mut sides {
            let times = worker.run(job);
            if round > 0 {
                medians.push(median(&floats(&times)));
            }
        }
    }
    sides.into_iter().map(|(_, _, medians)| medians).collect()
}
