//! The names of the keys that belong to one session. `docs/wire-format.md` is their reference.

use super::id::SessionId;

/// The key names of one session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Keys {
    /// Which of several servers has the session: the first four bytes of its id, as phpredis counts.
    pub route: u32,
    /// The session itself: `<prefix><id>`.
    pub data: String,
    /// The holder of the lock.
    pub lock: String,
    /// A list with at most one ticket: the lock on its way to a waiter.
    pub wake: String,
    /// A sorted set of the waiters by deadline.
    pub waiters: String,
    /// Left by destroy, so that a slower request cannot write the session back.
    pub tombstone: String,
}

impl Keys {
    /// The keys of `id` on a server that is not a Cluster.
    #[must_use]
    pub fn new(prefix: &str, id: &SessionId) -> Self {
        let data = [prefix, id.as_str()].concat();
        let side = |suffix: &str| [&data, suffix].concat();
        Self {
            lock: side("_LOCK"),
            wake: side("_WAKE"),
            waiters: side("_WAITERS"),
            tombstone: side("_DEAD"),
            route: route(id.as_str().as_bytes()),
            data,
        }
    }

    /// Where the release of `token` leaves its receipt, so that a repeat of it is told what happened.
    #[must_use]
    pub fn receipt(&self, token: &str) -> String {
        [&self.data, "_DONE:", token].concat()
    }
}

/// Shorter ids count as if NULs followed, which is what follows them in PHP's memory.
fn route(id: &[u8]) -> u32 {
    let mut first = [0; 4];
    let len = id.len().min(4);
    first[..len].copy_from_slice(&id[..len]);
    u32::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_those_of_phpredis_plus_suffixes() {
        let keys = Keys::new("PHPREDIS_SESSION:", &SessionId::parse(b"abc").unwrap());
        assert_eq!(keys.data, "PHPREDIS_SESSION:abc");
        assert_eq!(keys.lock, "PHPREDIS_SESSION:abc_LOCK");
        assert_eq!(keys.receipt("o:1"), "PHPREDIS_SESSION:abc_DONE:o:1");
    }

    #[test]
    fn no_id_reaches_a_side_key_of_another() {
        for suffix in ["_LOCK", "_WAKE", "_WAITERS", "_DEAD", "_DONE:"] {
            assert!(SessionId::parse(format!("abc{suffix}").as_bytes()).is_none());
        }
    }
}
