//! Sessions as they lie in Redis, in PHP's own `php` format.

use super::redis::Server;

/// The key of a session.
pub fn key(id: &str) -> String {
    format!("PHPREDIS_SESSION:{id}")
}

/// Stores a session with a counter `n` of 0. Strict mode accepts no id that isn't there.
pub fn seed(server: &Server, id: &str) {
    server.command::<()>(&["SET", &key(id), "n|i:0;", "EX", "1440"]);
}

/// The counter `n` of a session that stores nothing else; none if the session is gone.
pub fn counter(server: &Server, id: &str) -> Option<u64> {
    let data = server.command::<Option<String>>(&["GET", &key(id)])?;
    let number = data.strip_prefix("n|i:").and_then(|rest| rest.strip_suffix(';'));
    Some(number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no counter: {data}")))
}

/// Whether somebody holds the session's lock.
pub fn is_locked(server: &Server, id: &str) -> bool {
    server.command(&["EXISTS", &format!("{}_LOCK", key(id))])
}

/// Connections that wait for a session, by the protocol's own list of them.
pub fn waiters(server: &Server, id: &str) -> u64 {
    server.command(&["ZCARD", &format!("{}_WAITERS", key(id))])
}
