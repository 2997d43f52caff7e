//! Who holds a lock, as the value of its key tells.

use std::fmt;

/// The value of a lock key: `<token>|<ms when taken>|<host>|<pid>|<sapi>|<uri>` for ours, `t:<id>` for one on its way
/// to a waiter, and whatever another client writes (phpredis: `host|pid` or 32 hex digits).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Holder {
    value: String,
    /// Milliseconds since it was taken; none where the value does not tell.
    age: Option<u64>,
    endless: bool,
    /// The lock's key as it may be shown, if only a deletion by hand ends the lock.
    key: Option<String>,
}

impl Holder {
    /// Reads the value of a lock key; `now` is the server's clock in milliseconds.
    #[must_use]
    pub fn new(value: String, now: u64) -> Self {
        let taken = value.split('|').nth(1).filter(|_| is_ours(&value)).and_then(|ms| ms.parse::<u64>().ok());
        Self { age: taken.map(|taken| now.saturating_sub(taken)), value, endless: false, key: None }
    }

    /// Whether its lock has no TTL.
    #[must_use]
    pub fn endless(self, endless: bool) -> Self {
        Self { endless, ..self }
    }

    /// Names the key of the lock, which matters if the lock has no TTL.
    #[must_use]
    pub fn at(self, key: String) -> Self {
        Self { key: self.endless.then_some(key), ..self }
    }

    /// What to do about a lock that nothing ends but its holder.
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

/// What the value of a lock key says.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Known {
    /// Empty if it does not say, as are `sapi` and `uri`.
    pub host: String,
    /// Mostly a number.
    pub pid: Option<String>,
    /// PHP's name for how it runs.
    pub sapi: String,
    /// Milliseconds since it was taken.
    pub age: Option<u64>,
    /// The page, if `rustredis.lock_holder_uri` has it told.
    pub uri: String,
}

impl Holder {
    /// Who it is, as far as it says.
    #[must_use]
    pub fn known(&self) -> Known {
        let mut fields = self.value.splitn(6, '|').map(printable);
        let mut field = || fields.next();
        if !is_ours(&self.value) {
            // phpredis writes host|pid, newer versions a random name.
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

/// Another client chose this text: keep it short and on one line.
fn printable(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { '?' } else { c }).collect()
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
        assert_eq!(shown("a\nb|1"), "held by another client on a?b, pid 1");
    }
}
