//! A process that lives long stays small.

use std::time::Duration;

use crate::support::php::Php;
use crate::support::redis::Server;
use redis::Commands;

/// 100,000 sessions under a thousand ids. Everything that is allocated only once is there after the
/// first 10,000.
const CYCLES: &str = r#"
    function resident(): int {
        preg_match('/^VmRSS:\s*(\d+)/m', file_get_contents('/proc/self/status'), $match);
        return (int) $match[1];
    }
    ini_set('session.use_strict_mode', 0);
    // The one allocation of measuring itself is made here.
    $memory = memory_get_usage();
    $resident = resident();
    for ($i = 1; $i <= 100_000; $i++) {
        session_id('cycle' . $i % 1000);
        session_start() or exit(1);
        $_SESSION['i'] = $i;
        session_write_close();
        if ($i === 10_000) {
            $memory = memory_get_usage();
            $resident = resident();
        }
    }
    $memory = memory_get_usage() - $memory;
    echo resident() - $resident, " $memory\n";
"#;

#[test]
fn a_hundred_thousand_sessions_leak_neither_memory_nor_connections_nor_keys() {
    let server = Server::start();
    let before = server.info_number("stats", "total_connections_received");
    let own = server.info_number("stats", "total_connections_received") - before;
    let php = Php::new(&server.save_path()).deadline(Duration::from_secs(150));
    let output = php.run(CYCLES);
    let opened = server.info_number("stats", "total_connections_received") - before - 2 * own;
    assert_eq!(opened, 1, "connections");

    let (rss_kb, php_bytes) = output.assert_clean().stdout.trim().split_once(' ').unwrap();
    assert!(rss_kb.parse::<i64>().unwrap() < 512, "resident memory grew by {rss_kb} kB");
    assert_eq!(php_bytes, "0", "PHP's memory grew");

    let mut connection = server.connection();
    let keys: Vec<String> = connection.keys("*").unwrap();
    assert!(keys.len() >= 1000);
    for key in keys {
        let ttl: i64 = connection.pttl(&key).unwrap();
        assert_ne!(ttl, -1, "{key} never expires");
    }
}
