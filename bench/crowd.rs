//! Many processes, many sessions: what a site with visitors asks of Redis.

use super::Bench;
use super::contention::sent;
use super::process::{Handler, Setup, Worker};
use super::report::{Table, ms, paragraph};
use super::stats::{float, floats, median, quantile};
use super::system::redis_cpu;

const PROCESSES: u32 = 64;
const SESSIONS: u32 = 1000;

#[derive(Default)]
struct Series {
    times: Vec<f64>,
    per_second: Vec<f64>,
    commands: Vec<f64>,
    redis_cpu: Vec<f64>,
}

pub fn run(bench: &Bench) -> String {
    let requests = bench.cycles(200);
    let mut crowds = Handler::ALL.map(|handler| (handler, gather(bench, handler), Series::default()));
    // One round more than counts: the first warms up.
    for round in 0..=bench.rounds(7) {
        for (handler, workers, series) in &mut crowds {
            let seen = burst(bench, *handler, workers, requests);
            if round > 0 {
                series.times.extend(seen.times);
                series.per_second.extend(seen.per_second);
                series.commands.extend(seen.commands);
                series.redis_cpu.extend(seen.redis_cpu);
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
        ["", "requests/s", "p50, ms", "p99, ms", "commands to Redis a request", "Redis CPU a request, us"];
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
    text + &table.markdown()
}

/// The processes of one handler, connected, and the sessions.
fn gather(bench: &Bench, handler: Handler) -> Vec<Worker> {
    let path = match handler {
        Handler::Files => bench.folder("sessions"),
        _ => bench.server.save_path() + "?persistent=1",
    };
    let setup = Setup::new(handler, &path);
    let mut workers: Vec<_> = (0..PROCESSES).map(|_| Worker::php(&setup, None)).collect();
    for number in 0..SESSIONS {
        workers[(number % PROCESSES) as usize].run(&format!("seed crowd-{handler}-{number} 1024"));
    }
    workers
}

fn burst(bench: &Bench, handler: Handler, workers: &mut [Worker], requests: u32) -> Series {
    bench.server.command::<()>(&["CONFIG", "RESETSTAT"]);
    let cpu = redis_cpu(&bench.server);
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
    let cpu = redis_cpu(&bench.server) - cpu;
    let commands = float(sent(handler, &bench.server.info_commandstats()));
    Series {
        per_second: vec![count * 1e9 / float(last - start)],
        commands: vec![commands / count],
        redis_cpu: vec![cpu * 1e6 / count],
        times,
    }
}
