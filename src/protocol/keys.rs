//! The names of the keys that belong to one session. `docs/wire-format.md` is their reference.

use super::{hash_slot, session_id::SessionId};
use crate::process::random_hex;

/// The key names of one session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Keys {
    /// Which of several servers has the session: the first four bytes of its id, as phpredis counts.
    pub route: u32,
    /// The hash slot of all of its keys; none outside of a Cluster.
    pub slot: Option<u16>,
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
        Self::named([prefix, id.as_str()].concat(), id, None)
    }

    /// The keys of `id` in a Cluster, all in the slot of the first. The prefix is one that [`fits_a_cluster`].
    #[must_use]
    pub fn in_cluster(prefix: &str, id: &SessionId) -> Self {
        let data = [prefix, id.as_str()].concat();
        let slot = hash_slot::of(&data);
        Self::named(data, id, Some(slot))
    }

    fn named(data: String, id: &SessionId, slot: Option<u16>) -> Self {
        let wrapped;
        let stem = if slot.is_some() && hash_slot::tag(&data).is_none() {
            wrapped = ["{", &data, "}"].concat();
            &wrapped
        } else {
            &data
        };
        let side = |suffix: &str| [stem, suffix].concat();
        Self {
            route: route(id.as_str().as_bytes()),
            slot,
            lock: side(LOCK),
            wake: side("_WAKE"),
            waiters: side("_WAITERS"),
            tombstone: side("_DEAD"),
            data,
        }
    }

    /// Where the release of `token` leaves its receipt, so that a repeat of it is told what happened.
    #[must_use]
    pub fn receipt(&self, token: &str) -> String {
        [self.stem(), "_DONE:", token].concat()
    }

    /// Where a new value lies for a moment, between the command that brings it and the script that moves it to its place.
    /// `unique`: the token of the lock, or random digits.
    #[must_use]
    pub fn new_value(&self, unique: &str) -> String {
        [self.stem(), "_NEW:", unique].concat()
    }

    /// What the names of all side keys begin with.
    fn stem(&self) -> &str {
        &self.lock[..self.lock.len() - LOCK.len()]
    }

    /// A new key for a value that cannot be decoded. A warning will show it, so it tells nothing of the id; in a Cluster
    /// the first random name is taken that lies in the slot of the session, because RENAME does not leave its slot.
    #[must_use]
    pub fn aside(&self, prefix: &str) -> String {
        loop {
            let key = [prefix, "ASIDE:", &random_hex()].concat();
            if self.slot.is_none_or(|slot| hash_slot::of(&key) == slot) {
                return key;
            }
        }
    }
}

const LOCK: &str = "_LOCK";

/// Whether all keys of a session with this prefix can be in one slot. A `}` that ends no hash tag makes that
/// impossible: the session itself is hashed as a whole, and no tag can hold a `}`.
#[must_use]
pub fn fits_a_cluster(prefix: &str) -> bool {
    hash_slot::tag(prefix).is_some() || !prefix.contains('}')
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
        assert_eq!(keys.new_value("o:1"), "PHPREDIS_SESSION:abc_NEW:o:1");
    }

    #[test]
    #[cfg_attr(miri, ignore = "it draws tens of thousands of random names, which takes hours")]
    fn are_in_one_slot_of_a_cluster_whatever_the_prefix() {
        let id = SessionId::parse(b"0123,-abcXYZ").unwrap();
        for (prefix, lock) in [
            ("PHPREDIS_CLUSTER_SESSION:", "{PHPREDIS_CLUSTER_SESSION:0123,-abcXYZ}_LOCK"),
            ("", "{0123,-abcXYZ}_LOCK"),
            ("{app}:", "{app}:0123,-abcXYZ_LOCK"),
            ("x}{app}:", "x}{app}:0123,-abcXYZ_LOCK"),
            ("{{app}}:", "{{app}}:0123,-abcXYZ_LOCK"),
            ("a{b:", "{a{b:0123,-abcXYZ}_LOCK"),
        ] {
            assert!(fits_a_cluster(prefix), "{prefix}");
            let keys = Keys::in_cluster(prefix, &id);
            assert_eq!((&*keys.lock, &*keys.data), (lock, &*[prefix, id.as_str()].concat()));
            let (receipt, new, aside) = (keys.receipt("o:1"), keys.new_value("o:1"), keys.aside(prefix));
            let Keys { data, lock, wake, waiters, tombstone, .. } = &keys;
            for key in [data, lock, wake, waiters, tombstone, &receipt, &new, &aside] {
                assert_eq!(Some(hash_slot::of(key)), keys.slot, "{key}");
            }
        }
        for prefix in ["a}b:", "{}:", "a{}{b}:", "}"] {
            assert!(!fits_a_cluster(prefix), "{prefix}");
        }
    }

    #[test]
    fn no_id_reaches_a_side_key_of_another() {
        for suffix in ["_LOCK", "_WAKE", "_WAITERS", "_DEAD", "_DONE:", "_NEW:"] {
            assert!(SessionId::parse(format!("abc{suffix}").as_bytes()).is_none());
        }
    }
}
