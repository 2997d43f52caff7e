//! PHP processes that count while a server is lost, and the record of their pages.

use std::time::Duration;

use super::php::{Php, Running};
use super::redis::Server;
use super::session;

/// The connect timeout that [`impatient`] sets.
pub const CONNECT: Duration = Duration::from_secs(1);
pub const READ: Duration = Duration::from_secs(1);
pub const LEASE: Duration = Duration::from_secs(2);

/// PHP with short timeouts.
pub fn impatient(save_path: &str) -> Php {
    Php::new(save_path)
        .ini("rustredis.connect_timeout", "1")
        .ini("rustredis.read_timeout", "1")
        .ini("rustredis.lock_lease", "2")
}

/// Counts in a session of its own until told to stop. The output has one line for each page: when
/// it began and ended, whether the session started, whether the write was acknowledged without a
/// warning, and the number.
pub const WORKER: &str = r#"
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

pub struct Page {
    pub begin: Duration,
    pub end: Duration,
    /// The write was acknowledged, without a warning.
    pub saved: bool,
    /// The number that the page counted up to, or 0 if the page had no session.
    pub n: u64,
}

/// The pages that a worker has printed, by the clock that PHP's hrtime() reads.
pub fn pages(output: &str) -> Vec<Page> {
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

/// Starts one process for each session, and waits until all of them count.
pub fn workers(server: &Server, save_path: &str, ids: &[&str]) -> Vec<Running> {
    ids.iter()
        .map(|id| {
            session::seed(server, id);
            let mut worker = impatient(save_path).spawn(WORKER);
            worker.send(id);
            worker.expect("page ");
            worker
        })
        .collect()
}

/// Ends a worker and checks its pages: returns the time from its first failed page to its last.
/// `server` has the worker's session now.
pub fn outage(mut worker: Running, id: &str, server: &Server) -> Duration {
    worker.send("stop");
    let (output, _) = worker.expect("done");
    let pages = pages(&output);
    let longest =
        pages.iter().map(|page| page.end.saturating_sub(page.begin)).max().expect("there were pages");
    // A page may connect, exchange and repeat each once, on a busy machine. A page that held the
    // lock when its master died could not release it: the replica has that lock, for what is left
    // of its lease.
    assert!(longest < (CONNECT + READ) * 2 + LEASE + Duration::from_secs(1), "a page took {longest:?}");
    let failed: Vec<_> = pages.iter().filter(|page| !page.saved).collect();
    println!("{id}: {} pages, {} failed, longest {longest:?}", pages.len(), failed.len());
    let (first, last) = match failed[..] {
        [] => (None, None),
        [first, .., last] => (Some(first), Some(last)),
        [only] => (Some(only), Some(only)),
    };
    let after: Vec<_> = pages.iter().filter(|page| last.is_none_or(|last| page.begin > last.begin)).collect();
    assert!(after.len() > 20, "only {} pages after the failover", after.len());
    // Every write that the new master acknowledged is there: each page after the failover counts
    // one on.
    for pair in after.windows(2) {
        assert_eq!(pair[1].n, pair[0].n + 1, "an acknowledged increment is lost");
    }
    let number = session::counter(server, id).expect("the session is there");
    assert_eq!(after.last().map(|page| page.n), Some(number));
    match (first, last) {
        (Some(first), Some(last)) => last.end.saturating_sub(first.begin),
        _ => Duration::ZERO,
    }
}
