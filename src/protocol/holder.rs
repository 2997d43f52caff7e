//! The holder of a lock, as the value of the lock's key describes it.

use std::fmt;

use crate::process;

/// The value of a lock key. This extension writes
/// `<token>|<ms when taken>|<host>|<pid>|<sapi>|<uri>`, or `t:<id>` for a lock on its way to a
/// waiter. Other clients write values of their own (phpredis: `host|pid` or 32 hex digits).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Holder {
    value: String,
    /// Milliseconds since the lock was taken, if the value has the time.
    age: Option<u64>,
    endless: bool,
    /// The lock's key as a message may show it, if only a deletion by hand ends the lock.
    key: Option<String>,
}

impl Holder {
    /// Reads the value of a lock key; `now` is the server's clock in milliseconds.
    #[must_use]
    pub fn new(value: String, now: u64) -> Self {
        let taken = value.split('|').nth(1).filter(|_| is_ours(&value)).and_then(|ms| ms.parse::<u64>().ok());
        Self { age: taken.map(|taken| now.saturating_sub(taken)), value, endless: false, key: None }
    }

    /// Notes that the lock has no TTL.
    #[must_use]
    pub fn endless(self, endless: bool) -> Self {
        Self { endless, ..self }
    }

    /// Adds the key of the lock, which only matters if the lock has no TTL.
    #[must_use]
    pub fn at(self, key: String) -> Self {
        Self { key: self.endless.then_some(key), ..self }
    }

    /// Advice for a lock that only its holder ends.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        self.key.as_ref().map(|key| {
            format!(
                "; its lock has no TTL and never expires (phpredis' command line takes such locks): if the holder is gone, \
                 delete the key that redis-cli --scan --pattern '{key}' finds"
            )
        })
    }
}

fn is_ours(value: &str) -> bool {
    value.starts_with("o:") || value.starts_with("t:")
}

/// The fields in the value of a lock key.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Known {
    /// The host. Like `sapi` and `uri`, it is empty if the value does not have it.
    pub host: String,
    /// The process id, which is mostly a number.
    pub pid: Option<String>,
    /// PHP's name for its server interface.
    pub sapi: String,
    /// Milliseconds since the lock was taken.
    pub age: Option<u64>,
    /// The page, if `rustredis.lock_holder_uri` is on.
    pub uri: String,
}

impl Holder {
    /// The fields that the value has.
    #[must_use]
    pub fn known(&self) -> Known {
        let mut fields = self.value.splitn(6, '|').map(printable);
        let mut field = || fields.next();
        if !is_ours(&self.value) {
            // phpredis writes host|pid, and newer versions a random name.
            let (host, pid) = (field(), field());
            return match pid {
                Some(_) => Known { host: host.unwrap_or_default(), pid, ..Known::default() },
                None => Known::default(),
            };
        }
        let (_token, _taken) = (field(), field());
        let (Some(host), pid @ Some(_), Some(sapi)) = (field(), field(), field()) else {
            return Known::default();
        };
        Known { host, pid, sapi, age: self.age, uri: field().unwrap_or_default() }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Known { host, pid, sapi, age, uri } = self.known();
        let Some(pid) = pid else {
            let is_ours = is_ours(&self.value);
            return f.write_str(if is_ours {
                "just handed over to a waiting request"
            } else {
                "held by another client"
            });
        };
        if !is_ours(&self.value) {
            return write!(f, "held by another client on {host}, pid {pid}");
        }
        write!(f, "held by {host}, pid {pid}, {sapi}")?;
        if let Some(age) = age {
            write!(f, ", for {}.{:03} s", age / 1000, age % 1000)?;
        }
        if uri.is_empty() { Ok(()) } else { write!(f, ", serving {uri}") }
    }
}

/// Another client chose this text, so it is shortened and kept on one line.
fn printable(text: &str) -> String {
    process::printable(text.chars().take(200).collect::<String>().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_who_and_for_how_long() {
        let shown = |value: &str| Holder::new(value.into(), 12_345).to_string();
        assert_eq!(shown("o:ab:1|10000|web1|42|fpm-fcgi|"), "held by web1, pid 42, fpm-fcgi, for 2.345 s");
        assert_eq!(
            shown("t:ab|10000|web1|42|cli|/a|b"),
            "held by web1, pid 42, cli, for 2.345 s, serving /a|b"
        );
        assert_eq!(shown("t:ab"), "just handed over to a waiting request");
        assert_eq!(shown("web1|42"), "held by another client on web1, pid 42");
        assert_eq!(shown("0123"), "held by another client");
        assert_eq!(shown("a\nb\u{202e}|1"), "held by another client on a?b?, pid 1");
    }
}
