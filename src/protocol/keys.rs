//! The names of the keys that belong to one session. `docs/wire-format.md` is their reference.

use std::sync::Arc;

use super::{hash_slot, session_id::SessionId};
use crate::process::random_hex;

/// The key names of one session. They are one text, so that a copy costs next to nothing.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Keys {
    /// The number that selects one of several servers: the first four bytes of the id, as phpredis
    /// counts.
    pub route: u32,
    /// The hash slot of all these keys, or `None` outside of a Cluster.
    pub slot: Option<u16>,
    names: Arc<str>,
    /// The end of each name: data, lock, wake, waiters and state.
    ends: [usize; 5],
}

impl Keys {
    /// The keys of `id` on a server that is not a Cluster.
    #[must_use]
    pub fn new(prefix: &str, id: &SessionId) -> Self {
        Self::named(prefix, id, false)
    }

    /// The keys of `id` in a Cluster, all in the slot of the session itself. The prefix must be one
    /// that [`fits_a_cluster`].
    #[must_use]
    pub fn in_cluster(prefix: &str, id: &SessionId) -> Self {
        Self::named(prefix, id, true)
    }

    /// The key of the list of a user's sessions, as [`Keys::data`]. No session has this name,
    /// because no id has a `:`. The list selects its own server out of several, and its own hash
    /// slot.
    #[must_use]
    pub fn of_list(prefix: &str, name: &SessionId, is_cluster: bool) -> Self {
        let prefix = joined([prefix, "USER:"]);
        if is_cluster { Self::in_cluster(&prefix, name) } else { Self::new(&prefix, name) }
    }

    fn named(prefix: &str, id: &SessionId, is_cluster: bool) -> Self {
        let (id, len) = (id.as_str(), prefix.len() + id.as_str().len());
        let mut names = String::with_capacity(5 * (len + "{}".len()) + SUFFIXES);
        names.push_str(prefix);
        names.push_str(id);
        let slot = is_cluster.then(|| hash_slot::of(&names));
        let has_braces = is_cluster && hash_slot::tag(&names).is_none();
        let mut ends = [len; 5];
        for (end, suffix) in ends[1..].iter_mut().zip([LOCK, "_WAKE", "_WAITERS", "_STATE"]) {
            if has_braces {
                names.push('{');
            }
            names.extend_from_within(..len);
            if has_braces {
                names.push('}');
            }
            names.push_str(suffix);
            *end = names.len();
        }
        Self { route: route(id.as_bytes()), slot, names: names.into(), ends }
    }

    /// The session itself: `<prefix><id>`.
    #[must_use]
    pub fn data(&self) -> &str {
        &self.names[..self.ends[0]]
    }

    /// The holder of the lock.
    #[must_use]
    pub fn lock(&self) -> &str {
        &self.names[self.ends[0]..self.ends[1]]
    }

    /// A list with at most one ticket: the lock on its way to a waiter.
    #[must_use]
    pub fn wake(&self) -> &str {
        &self.names[self.ends[1]..self.ends[2]]
    }

    /// A sorted set of the waiters by deadline.
    #[must_use]
    pub fn waiters(&self) -> &str {
        &self.names[self.ends[2]..self.ends[3]]
    }

    /// The [state](super::State) of the session: its metadata while it lives, or the mark that its
    /// end leaves, so that a slower request cannot write the session back.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.names[self.ends[3]..]
    }

    /// The key of the receipt that the release of `token` leaves. From the receipt, a repeat of the
    /// release learns the result.
    #[must_use]
    pub fn receipt(&self, token: &str) -> String {
        joined(self.receipt_parts(token))
    }

    /// The same in parts.
    #[must_use]
    pub fn receipt_parts<'a>(&'a self, token: &'a str) -> [&'a str; 3] {
        [self.stem(), "_DONE:", token]
    }

    /// The key that has a new value for a moment, between the command that uploads the value and
    /// the script that moves it to its place. `unique` is the token of the lock, or random digits.
    #[must_use]
    pub fn new_value(&self, unique: &str) -> String {
        joined([self.stem(), "_NEW:", unique])
    }

    /// The key of the read-only copy that a session leaves when it goes on under another id.
    #[must_use]
    pub fn copy(&self) -> String {
        [self.stem(), "_OLD"].concat()
    }

    /// The key of the probe with which a connection begins. The probe leaves nothing there.
    #[must_use]
    pub fn probe(&self) -> String {
        joined([self.stem(), "_PROBE"])
    }

    /// The beginning of the names of all side keys.
    fn stem(&self) -> &str {
        let lock = self.lock();
        &lock[..lock.len() - LOCK.len()]
    }

    /// A new key for a value that cannot be decoded. A warning will show the key, so its name tells
    /// nothing of the id. In a Cluster, the name is the first random one that lies in the slot of
    /// the session, because RENAME works only within a slot.
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

/// Joins texts, for less than `concat`, which does not know their number when the program is built.
pub(super) fn joined<const N: usize>(texts: [&str; N]) -> String {
    let mut joined = String::with_capacity(texts.iter().map(|text| text.len()).sum());
    for text in texts {
        joined.push_str(text);
    }
    joined
}

const LOCK: &str = "_LOCK";

/// The bytes of the four suffixes that each session has.
const SUFFIXES: usize = "_LOCK_WAKE_WAITERS_STATE".len();

/// Returns true if all keys of a session with this prefix can be in one slot. A `}` that ends no
/// hash tag makes that impossible: Redis then hashes the whole name of the session's own key, and
/// no tag can hold a `}`.
#[must_use]
pub fn fits_a_cluster(prefix: &str) -> bool {
    hash_slot::tag(prefix).is_some() || !prefix.contains('}')
}

/// Returns the first four bytes as a number. A shorter id counts as if NULs followed, which is what
/// follows it in PHP's memory.
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
        assert_eq!(keys.data(), "PHPREDIS_SESSION:abc");
        assert_eq!(keys.lock(), "PHPREDIS_SESSION:abc_LOCK");
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
            assert_eq!((keys.lock(), keys.data()), (lock, &*[prefix, id.as_str()].concat()));
            let (receipt, new, aside) = (keys.receipt("o:1"), keys.new_value("o:1"), keys.aside(prefix));
            let copy = keys.copy();
            let own = [keys.data(), keys.lock(), keys.wake(), keys.waiters(), keys.state()];
            for key in own.into_iter().chain([&*receipt, &new, &aside, &copy]) {
                assert_eq!(Some(hash_slot::of(key)), keys.slot, "{key}");
            }
        }
        for prefix in ["a}b:", "{}:", "a{}{b}:", "}"] {
            assert!(!fits_a_cluster(prefix), "{prefix}");
        }
    }

    #[test]
    fn no_id_reaches_a_side_key_of_another() {
        for suffix in ["_LOCK", "_WAKE", "_WAITERS", "_STATE", "_DONE:", "_NEW:", "_OLD"] {
            assert!(SessionId::parse(format!("abc{suffix}").as_bytes()).is_none());
        }
    }
}
