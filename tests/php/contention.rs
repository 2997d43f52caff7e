//! The wait for a session that many processes want all the time.

use std::time::Duration;

use crate::support::php::{Php, Running};
use crate::support::redis::Server;
use crate::support::session;

const PROCESSES: u64 = 12;
const TURNS: u64 = 25;
/// The wait of each process in its turn, if a hand-over cost nothing.
const IDEAL: Duration = Duration::from_millis((PROCESSES - 1) * 2);
/// The limit on a busy machine. Without order, the unlucky processes wait for most of the run.
const BOUND: Duration = Duration::from_secs(2);

/// Counts in `shared`, holds it for 2 ms each time, and prints each wait in nanoseconds.
const TURNS_OF_ONE: &str = r#"
    fwrite(STDOUT, "ready\n");
    fgets(STDIN);
    $waits = [];
    for ($i = 0; $i < 25; $i++) {
        $asked = hrtime(true);
        session_id("shared");
        session_start() or exit(1);
        $waits[] = hrtime(true) - $asked;
        $_SESSION["n"]++;
        usleep(2000);
        session_write_close();
    }
    echo implode("\n", $waits), "\n";
"#;

fn ready(server: &Server) -> Running {
    let mut process = Php::new(&server.save_path()).ini("rustredis.lock_wait", "60").spawn(TURNS_OF_ONE);
    process.expect("ready");
    process
}

#[test]
fn twelve_processes_by_turns_lose_nothing_and_wait_about_as_long_as_the_others_take() {
    let server = Server::start();
    session::seed(&server, "shared");
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| ready(&server)).collect();
    for process in &mut processes {
        process.send("go");
    }
    let outputs: Vec<_> = processes.into_iter().map(Running::wait).collect();
    let waits = outputs.iter().flat_map(|output| output.assert_clean().stdout.lines());
    let mut waits: Vec<u64> = waits.filter_map(|line| line.parse().ok()).collect();
    waits.sort_unstable();

    assert_eq!(waits.len() as u64, PROCESSES * TURNS);
    assert_eq!(session::counter(&server, "shared"), Some(PROCESSES * TURNS));
    let median = Duration::from_nanos(waits[waits.len() / 2]);
    let longest = Duration::from_nanos(*waits.last().expect("there are many"));
    println!(
        "{PROCESSES} processes x {TURNS} turns x 2 ms: longest wait {longest:.1?}, median {median:.1?}, ideal {IDEAL:?}"
    );
    assert!(longest < BOUND, "{longest:?}");
}
