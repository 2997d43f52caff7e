//! The administrator's view of all sessions of a server: the names to look for, and the questions
//! about the server itself.

use super::{hash_slot, session_id::SessionId};

/// The side keys of a session that are looked for.
const LOCK: &str = "_LOCK";

/// The beginning of the name of a value that was set aside, after the prefix.
const ASIDE: &str = "ASIDE:";

/// The kinds of keys that an administrator lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Listed {
    /// The sessions.
    Sessions,
    /// The sessions that are locked.
    Locks,
    /// The values that were set aside, because PHP could not decode them.
    Asides,
}

impl Listed {
    /// Reads the word of an administrator.
    #[must_use]
    pub fn parse(word: &[u8]) -> Option<Self> {
        match word {
            b"sessions" => Some(Self::Sessions),
            b"locks" => Some(Self::Locks),
            b"asides" => Some(Self::Asides),
            _ => None,
        }
    }

    /// The pattern by which SCAN finds the keys. It may find others, too.
    #[must_use]
    pub fn pattern(self, prefix: &str, in_cluster: bool) -> String {
        let escaped = escaped(prefix);
        match self {
            Self::Sessions => [&*escaped, "*"].concat(),
            Self::Locks if is_wrapped(prefix, in_cluster) => ["{", &*escaped, "*}", LOCK].concat(),
            Self::Locks => [&*escaped, "*", LOCK].concat(),
            Self::Asides => [&*escaped, ASIDE, "*"].concat(),
        }
    }

    /// The name that a key stands for, or `None` if the key is of another kind.
    #[must_use]
    pub fn name(self, prefix: &str, in_cluster: bool, key: &[u8]) -> Option<Name> {
        let key = std::str::from_utf8(key).ok()?;
        let data = match self {
            Self::Sessions | Self::Asides => key,
            Self::Locks => {
                let stem = key.strip_suffix(LOCK)?;
                if is_wrapped(prefix, in_cluster) { stem.strip_prefix('{')?.strip_suffix('}')? } else { stem }
            }
        };
        let name = Name::parse(data.strip_prefix(prefix)?.as_bytes())?;
        (matches!(name, Name::Aside(_)) == (self == Self::Asides)).then_some(name)
    }
}

/// In a Cluster, the side keys of a session carry its key as their hash tag, unless the prefix has
/// one.
fn is_wrapped(prefix: &str, in_cluster: bool) -> bool {
    in_cluster && hash_slot::tag(prefix).is_none()
}

/// A text as SCAN finds it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A stored value as an administrator names it: a session by its id, or a value that was set aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Name {
    /// A session.
    Session(SessionId),
    /// `ASIDE:` and 32 hex digits.
    Aside(Box<str>),
}

impl Name {
    /// Reads a name.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let Some(digits) = bytes.strip_prefix(ASIDE.as_bytes()) else {
            return SessionId::parse(bytes).map(Self::Session);
        };
        let is_good = digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit);
        let text = std::str::from_utf8(bytes).ok().filter(|_| is_good)?;
        Some(Self::Aside(text.into()))
    }

    /// The text of the name. That of a session is a credential: never put it into a message.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Session(id) => id.as_str(),
            Self::Aside(name) => name,
        }
    }
}

/// Stores a session and its state together, or neither. Only a replacement takes the place of a
/// session that is there, or brings one back that has ended.
///
/// KEYS D data, S state. ARGV replace (1 or 0), ttl of D in ms ('' for ever), state ('' = none),
/// its ttl, what becomes of a living state if none is given (keep or drop), data. Reply: 1, or 0 if
/// nothing was stored; the state, or ''; its PTTL.
pub const STORE: &str = "\
local D, S, life = KEYS[1], KEYS[2], tonumber(ARGV[2]) or 31557600000000
local state = redis.call('GET', S) or ''
local lives = string.sub(state, 1, 5) == 'live|'
if ARGV[1] == '0' and (state ~= '' and not lives or redis.call('EXISTS', D) == 1) then return {0, state, 0} end
local function set(key, value, ttl)
  if ttl == '' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ttl) end
end
if ARGV[3] ~= '' then
  state = ARGV[3]
  set(S, state, ARGV[4])
elseif lives and ARGV[5] == 'drop' then
  state = ''
  redis.call('DEL', S)
elseif lives then
  local left = redis.call('PTTL', S)
  if left >= 0 and left <= life then
    redis.call('PEXPIRE', S, string.format('%.0f', math.min(2 * life, 31557600000000)))
  end
end
set(D, ARGV[6], ARGV[2])
return {1, state, redis.call('PTTL', S)}";

/// Takes a lock away from this holder, and from no later one. KEYS L. ARGV the value of L.
pub const TAKE: &str = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0";

/// The settings of Redis that matter for sessions, in the order of the replies. None is a secret.
pub const CONFIG: [&str; 16] = [
    "maxmemory",
    "maxmemory-policy",
    "appendonly",
    "appendfsync",
    "save",
    "min-replicas-to-write",
    "min-replicas-max-lag",
    "maxclients",
    "timeout",
    "tcp-keepalive",
    "protected-mode",
    "bind",
    "cluster-announce-ip",
    "replica-announce-ip",
    "cluster-require-full-coverage",
    "proto-max-bulk-len",
];

/// The commands that make a release cheaper, in an order that leaves no transaction open.
pub const TRANSACTION: [&str; 5] = ["watch", "unwatch", "multi", "discard", "exec"];

/// A call of this command that changes nothing, with `key`, which no client uses. Redis checks the
/// rights of a user before it looks at the arguments, so most calls have one that Redis refuses.
///
/// Only RPUSH has no such call: a PEXPIRE, an LPOP or a DEL takes back what it has added.
#[must_use]
pub fn harmless(command: &str, key: &str) -> Vec<String> {
    let words: Vec<&str> = match command {
        "eval" => vec!["EVAL", "return 1", "1", key],
        "evalsha" => vec!["EVALSHA", "0000000000000000000000000000000000000000", "1", key],
        "set" => vec!["SET", key, "", "PX", "-"],
        "pexpire" => vec!["PEXPIRE", key, "0"],
        "expire" | "blpop" => vec![command, key, "-"],
        "rpush" => vec!["RPUSH", key, ""],
        "rename" => vec!["RENAME", key, key],
        "zadd" => vec!["ZADD", key, "-", ""],
        "zrem" | "hget" | "hdel" => vec![command, key, ""],
        "hset" => vec!["HSET", key, "", "", ""],
        "zremrangebyscore" => vec!["ZREMRANGEBYSCORE", key, "-", "-"],
        "time" | "role" | "asking" | "unwatch" | "multi" | "discard" | "exec" => vec![command],
        "cluster|slots" => vec!["CLUSTER", "SLOTS"],
        // exists, get, mget, del, pttl, lpop, zcard, hgetall, watch
        other => vec![other, key],
    };
    words.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Keys;

    #[test]
    fn finds_its_own_keys_and_no_others() {
        let id = "0123456789abcdef0123456789abcdef";
        let aside = format!("ASIDE:{id}");
        for (prefix, in_cluster) in
            [("P:", false), ("P:", true), ("{app}:", true), ("", false), ("", true), ("a*b\\[c]:", false)]
        {
            let id_itself = SessionId::parse(id.as_bytes()).unwrap();
            let keys =
                if in_cluster { Keys::in_cluster(prefix, &id_itself) } else { Keys::new(prefix, &id_itself) };
            let found = |listed: Listed, key: &str| {
                listed.name(prefix, in_cluster, key.as_bytes()).map(|name| name.as_str().to_owned())
            };
            assert_eq!(found(Listed::Sessions, keys.data()).as_deref(), Some(id));
            assert_eq!(found(Listed::Locks, keys.lock()).as_deref(), Some(id));
            assert_eq!(found(Listed::Asides, &format!("{prefix}{aside}")).as_deref(), Some(&*aside));
            for other in [keys.lock(), keys.state(), keys.waiters(), &format!("{prefix}{aside}")] {
                assert_eq!(found(Listed::Sessions, other), None, "{other}");
            }
            assert_eq!(found(Listed::Locks, keys.data()), None);
            assert_eq!(found(Listed::Asides, keys.data()), None);
        }
        assert_eq!(Listed::Sessions.pattern("a*b\\[c]:", false), "a\\*b\\\\\\[c\\]:*");
        assert_eq!(Listed::Locks.pattern("P:", true), "{P:*}_LOCK");
        assert_eq!(Listed::Locks.pattern("{app}:", true), "{app}:*_LOCK");
    }

    #[test]
    fn takes_no_other_key_for_a_name() {
        for bad in ["ASIDE:", "ASIDE:xyz", "ASIDE:0123456789abcdef0123456789abcdeg", "a_LOCK", "", "a:b"] {
            assert_eq!(Name::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
