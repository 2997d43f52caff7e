//! One PHP process makes request after request while its Redis is killed, restarted, stopped and
//! cut off. The many short processes of the stress run cannot show state that stays behind in a
//! process that lives on.
//!
//! `HOSTILE_REQUESTS` sets the number of requests (`make stress` makes more than `make test`).

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::support::php::Php;
use crate::support::poll::SetAtEnd;
use crate::support::redis::Server;
use crate::support::session;

const SESSIONS: u64 = 7;
const FEW: u64 = 1500;

/// Makes that many requests, and sorts them by their reported outcome.
const REQUESTS: &str = r#"
    $said = [];
    set_error_handler(function (int $level, string $message) use (&$said) { $said[] = $message; return true; });
    $ended = ["saved" => 0, "not started" => 0, "not saved" => 0, "wrong" => 0];
    $wrong = [];
    $left = fn () => [count(scandir("/proc/self/fd")), memory_get_usage()];
    [$requests, $sessions] = array_map("intval", explode(" ", fgets(STDIN)));
    for ($i = 0; $i < $requests; $i++) {
        $said = [];
        session_id("visitor" . $i % $sessions);
        if ($started = session_start()) {
            $_SESSION["n"]++;
            session_write_close();
        }
        // A failure is one warning of ours, with what PHP makes of it.
        $ours = count(array_filter($said, fn ($message) => str_contains($message, "rustredis: ")));
        if ($ours !== ($said || !$started ? 1 : 0) || session_status() !== PHP_SESSION_NONE) {
            $ended["wrong"]++;
            $wrong[] = $said;
        } else {
            $ended[$said ? ($started ? "not saved" : "not started") : "saved"]++;
        }
        usleep(1000);
        if ($i === 100) $before = $left();
    }
    $said = [];
    $after = $left();
    foreach ($ended as $name => $count) echo "$name: $count\n";
    echo "descriptors: ", $after[0] - $before[0], "\n";
    echo "memory: ", $after[1] - $before[1], "\n";
    echo json_encode(array_slice($wrong, 0, 5));
"#;

/// Disturbs the server again and again, in all the ways that can occur.
fn disturb(server: &mut Server, over: impl Fn() -> bool) -> u32 {
    let pause = |milliseconds| thread::sleep(Duration::from_millis(milliseconds));
    let mut rounds = 0;
    while !over() {
        pause(300);
        server.restart();
        pause(300);
        server.command::<u64>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        pause(100);
        server.command::<()>(&["SCRIPT", "FLUSH"]);
        pause(100);
        server.pause();
        pause(400);
        server.resume();
        pause(300);
        server.kill9();
        pause(100);
        server.restart();
        rounds += 1;
    }
    rounds
}

#[test]
fn whatever_happens_to_redis_each_request_ends_well_or_says_so_and_nothing_stays_behind() {
    let requests = std::env::var("HOSTILE_REQUESTS")
        .map_or(FEW, |text| text.parse().expect("HOSTILE_REQUESTS is a number"));
    let mut server = Server::with_args(&["--appendonly", "yes"]);
    let ids: Vec<_> = (0..SESSIONS).map(|n| format!("visitor{n}")).collect();
    for id in &ids {
        session::seed(&server, id);
    }
    let mut php = Php::new(&server.save_path())
        .ini("rustredis.connect_timeout", "0.3")
        .ini("rustredis.read_timeout", "0.3")
        .ini("rustredis.lock_wait", "3")
        .ini("rustredis.lock_lease", "1")
        .deadline(
            Duration::from_mins(1)
                + Duration::from_millis(100) * u32::try_from(requests).expect("not so many"),
        )
        .spawn(REQUESTS);
    php.send(&format!("{requests} {SESSIONS}"));
    let over = AtomicBool::new(false);
    let (output, rounds) = thread::scope(|scope| {
        let output = scope.spawn(|| {
            let _over = SetAtEnd(&over);
            php.wait()
        });
        let rounds = disturb(&mut server, || over.load(Relaxed));
        (output.join().expect("PHP ends in time"), rounds)
    });
    output.assert_clean();
    println!("{requests} requests, {rounds} rounds: {}", output.stdout.replace('\n', ", "));
    let number = |name: &str| -> i64 {
        let line = output.stdout.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{name}: {output:#?}"))
    };
    assert_eq!(number("wrong"), 0, "{output:#?}");
    assert!(number("not started") + number("not saved") > 0, "nothing happened to any request: {output:#?}");
    assert!(number("saved") * 2 > i64::try_from(requests).expect("not so many"), "{output:#?}");
    // A request whose outcome is unknown may have been saved.
    let stored: u64 = ids.iter().map(|id| session::counter(&server, id).expect("it is there")).sum();
    let stored = i64::try_from(stored).expect("not so many");
    let (saved, unknown) = (number("saved"), number("not saved"));
    assert!((saved..=saved + unknown).contains(&stored), "{stored} stored: {output:#?}");
    assert!(number("descriptors") <= 2 && number("memory") < 200_000, "{output:#?}");
}
