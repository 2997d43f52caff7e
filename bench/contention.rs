//! Many processes in one session: the waits of each process, and the cost of waiting.

use super::Bench;
use super::process::{Handler, Setup, Worker};
use super::report::{Table, ms, paragraph};
use super::stats::{float, median, quantile};
use super::system::redis_cpu;

const PROCESSES: u32 = 16;
const HOLD_US: u32 = 2000;

/// One turn in the session, on the clock that all processes share.
#[derive(Clone, Copy)]
struct Visit {
    asked: u64,
    granted: u64,
    done: u64,
    written: u64,
}

/// The results of one handler's rounds.
#[derive(Default)]
struct Series {
    /// The longest wait of each round.
    longest: Vec<f64>,
    waits: Vec<f64>,
    hand_overs: Vec<f64>,
    per_second: Vec<f64>,
    commands: Vec<f64>,
    redis_cpu: Vec<f64>,
    refused: usize,
}

pub fn run(bench: &Bench) -> String {
    let turns = bench.cycles(30).max(5);
    let mut series: Vec<_> = Handler::all().into_iter().map(|handler| (handler, Series::default())).collect();
    for _ in 0..bench.rounds(7) {
        for (handler, series) in &mut series {
            round(bench, *handler, turns, series);
        }
    }
    let mut text = String::new();
    paragraph(&mut text, "### Sixteen processes, one session");
    paragraph(
        &mut text,
        &format!(
            "{PROCESSES} PHP processes want the same session {turns} times each, at once and without a pause, and work \
             for {} ms in it: nobody can do better than a longest wait of {} ms and {} requests a second. Hand-over: \
             from the holder's call of session_write_close() until the next one's session_start() has returned. \
             Times in milliseconds; the longest wait is the median of {} rounds and, behind it, the worst of them.",
            HOLD_US / 1000,
            PROCESSES * HOLD_US / 1000,
            1_000_000 / HOLD_US,
            bench.rounds(7),
        ),
    );
    let mut table = Table::new(&[
        "",
        "longest wait",
        "wait, median",
        "wait, p99",
        "hand-over, median",
        "hand-over, p99",
        "requests/s",
        "commands in Redis a request",
        "Redis CPU a request, us",
        "refused",
    ]);
    for (handler, series) in &series {
        let redis = |values: &[f64]| {
            if *handler == Handler::Files { "-".to_owned() } else { format!("{:.1}", median(values)) }
        };
        table.row([
            handler.to_string(),
            format!("{} ({})", ms(median(&series.longest)), ms(quantile(&series.longest, 1.0))),
            ms(median(&series.waits)),
            ms(quantile(&series.waits, 0.99)),
            ms(median(&series.hand_overs)),
            ms(quantile(&series.hand_overs, 0.99)),
            format!("{:.0}", median(&series.per_second)),
            redis(&series.commands),
            redis(&series.redis_cpu),
            series.refused.to_string(),
        ]);
    }
    let bars =
        series.iter().map(|(handler, series)| (handler.to_string(), median(&series.longest) / 1e6)).collect();
    let title = "Sixteen processes, 2 ms each, one session: the longest wait";
    let picture = bench.picture("contention", title, "ms", &[("32 ms is ideal".to_owned(), bars)]);
    format!("{text}{}\n{picture}\n{}", table.markdown(), super::crowd::run(bench))
}

fn round(bench: &Bench, handler: Handler, turns: u32, series: &mut Series) {
    let path = match handler {
        Handler::Files => bench.folder("sessions"),
        _ => bench.server.save_path() + "?persistent=1",
    };
    let setup = Setup::new(handler, &path);
    let id = format!("contended-{handler}");
    let mut workers: Vec<_> = (0..PROCESSES).map(|_| Worker::php(&setup, None)).collect();
    workers[0].run(&format!("seed {id} 1024"));
    for (number, worker) in workers.iter_mut().enumerate() {
        // Each worker connects before the measurement, over a session that no other worker wants.
        worker.run(&format!("seed own-{handler}-{number} 1024"));
    }
    bench.server.command::<()>(&["CONFIG", "RESETSTAT"]);
    let cpu = redis_cpu(&bench.server);
    let start = workers[0].run("now")[0] + 50_000_000;
    for worker in &mut workers {
        worker.begin(&format!("contend {id} {HOLD_US} {turns} {start}"));
    }
    let mut visits = Vec::new();
    for worker in &mut workers {
        series.refused += read_visits(&worker.finish(), &mut visits);
    }
    let cpu = redis_cpu(&bench.server) - cpu;
    let count = float(visits.len() as u64);
    series.redis_cpu.push(cpu * 1e6 / count);
    series.commands.push(float(bench.server.carried_out()) / count);

    visits.sort_by_key(|visit| visit.granted);
    let waits: Vec<_> = visits.iter().map(|visit| float(visit.granted - visit.asked)).collect();
    series.longest.push(quantile(&waits, 1.0));
    series.waits.extend(waits);
    series.hand_overs.extend(visits.windows(2).filter_map(|pair| {
        let waited = pair[1].asked < pair[0].done;
        waited.then(|| float(pair[1].granted - pair[0].done))
    }));
    let last = visits.iter().map(|visit| visit.written).max().expect("somebody got in");
    series.per_second.push(count * 1e9 / float(last - start));
}

/// Adds the turns that were logged, and returns the number of turns that are missing.
fn read_visits(numbers: &[u64], visits: &mut Vec<Visit>) -> usize {
    let (mut rest, mut refused) = (numbers, 0);
    loop {
        rest = match rest {
            [] => return refused,
            [0, rest @ ..] => {
                refused += 1;
                rest
            }
            &[asked, granted, done, written, ref rest @ ..] => {
                visits.push(Visit { asked, granted, done, written });
                rest
            }
            _ => panic!("a turn is four numbers: {rest:?}"),
        };
    }
}
