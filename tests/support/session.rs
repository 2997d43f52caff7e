//! Sessions as they lie in Redis, in PHP's own `php` format.

use super::redis::Server;

/// The key of a session on a server outside a Cluster.
pub fn key(id: &str) -> String {
    format!("PHPREDIS_SESSION:{id}")
}

/// The key of a session.
pub fn key_at(server: &Server, id: &str) -> String {
    if server.is_cluster() { format!("PHPREDIS_CLUSTER_SESSION:{id}") } else { key(id) }
}

/// The key of a session's companion, such as `LOCK`.
pub fn side_key(server: &Server, id: &str, what: &str) -> String {
    let key = key_at(server, id);
    if server.is_cluster() { format!("{{{key}}}_{what}") } else { format!("{key}_{what}") }
}

/// Stores a session with a counter `n` of 0, because strict mode accepts only ids that exist.
pub fn seed(server: &Server, id: &str) {
    server.command::<()>(&["SET", &key_at(server, id), "n|i:0;", "EX", "1440"]);
}

/// The counter `n` of a session that stores nothing else, or `None` if the session is gone.
pub fn counter(server: &Server, id: &str) -> Option<u64> {
    let data = server.command::<Option<String>>(&["GET", &key_at(server, id)])?;
    let number = data.strip_prefix("n|i:").and_then(|rest| rest.strip_suffix(';'));
    Some(number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no counter: {data}")))
}

/// The value of the session's lock.
pub fn lock(server: &Server, id: &str) -> Option<String> {
    server.command(&["GET", &side_key(server, id, "LOCK")])
}

/// Returns true if the session's lock is held.
pub fn is_locked(server: &Server, id: &str) -> bool {
    server.command(&["EXISTS", &side_key(server, id, "LOCK")])
}

/// The number of connections that wait for a session, by the protocol's own list of waiters.
pub fn waiters(server: &Server, id: &str) -> u64 {
    server.command(&["ZCARD", &side_key(server, id, "WAITERS")])
}
