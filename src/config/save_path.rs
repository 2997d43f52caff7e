//! `session.save_path`: phpredis' grammar and URLs.
//!
//! ```text
//! tcp://host:port?weight=1&timeout=2.5&read_timeout=5&persistent=1&prefix=P:&database=2&auth=secret
//! host:port?...        unix:///path/to/socket?...       auth[]=user&auth[]=pass     auth[user]=u&auth[pass]=p
//! redis://user:pass@host:port/2?prefix=P:
//! ```
//!
//! Values are percent-decoded; in phpredis' grammar `+` is a space, as PHP decodes its query strings.

use std::{fmt, path::PathBuf, time::Duration};

use super::{Endpoint, ini::seconds};

const DEFAULT: &str = "tcp://127.0.0.1:6379";
const DEFAULT_PORT: u16 = 6379;

#[derive(Debug, PartialEq, Eq)]
pub struct SavePath {
    pub endpoint: Endpoint,
    pub username: Option<String>,
    pub password: Option<String>,
    pub database: u32,
    pub prefix: Option<String>,
    pub connect_timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
}

/// What is wrong with the path, and where; without its secrets.
#[derive(Debug, PartialEq, Eq)]
pub struct SavePathError {
    problem: String,
    masked: String,
}

impl fmt::Display for SavePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session.save_path {:?}: {}", self.masked, self.problem)
    }
}

/// The path as a message may show it. Whatever could be part of a password is left out: a password that was not
/// percent-encoded can contain any of the characters that would end it.
#[must_use]
pub fn mask(path: &str) -> String {
    let lower = path.to_ascii_lowercase();
    let has_secret = ["auth", "pass"].iter().any(|word| lower.contains(word));
    if path.contains('@') {
        return path.split_once("://").map_or_else(|| "***".into(), |(scheme, _)| format!("{scheme}://***"));
    }
    if has_secret {
        return path.split_once('?').map_or_else(|| "***".into(), |(start, _)| format!("{start}?***"));
    }
    path.chars().take(200).collect()
}

pub fn parse(path: &str) -> Result<SavePath, SavePathError> {
    let located = |problem: String| SavePathError { problem, masked: mask(path) };
    let mut parts = path.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|part| !part.is_empty());
    let one = parts.next().unwrap_or(DEFAULT);
    // Before the hosts are counted: a list of sentinels or cluster nodes also holds commas.
    refuse_for_now(path).map_err(located)?;
    if parts.next().is_some() {
        return Err(located(
            "several hosts are not supported yet; name one (in a password, write , as %2C and a space as %20)".into(),
        ));
    }
    parse_one(one).map_err(located)
}

fn refuse_for_now(path: &str) -> Result<(), String> {
    let lower = path.trim_start().to_ascii_lowercase();
    let scheme = lower.split_once(':').map_or("", |(scheme, _)| scheme);
    let what = match scheme {
        "tls" | "rediss" | "ssl" => "TLS",
        "sentinel" => "Sentinel",
        "cluster" => "Cluster",
        _ if lower.starts_with("seed[") => "Cluster",
        _ => return Ok(()),
    };
    Err(format!("{what} is not supported yet; use tcp://, redis:// or unix://"))
}

fn parse_one(text: &str) -> Result<SavePath, String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        // phpredis takes unix:/path as well as unix:///path
        None => match text.strip_prefix("unix:") {
            Some(rest) => ("unix".into(), rest),
            None if text.starts_with('/') => ("unix".into(), text),
            None => ("tcp".into(), text),
        },
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let plus_is_space = scheme != "redis";
    let mut path = match scheme.as_str() {
        "tcp" | "redis" => network(place, scheme == "redis")?,
        "unix" if place.starts_with('/') => {
            SavePath::at(Endpoint::Unix(PathBuf::from(decode(place, false)?)))
        }
        "unix" => {
            return Err("a Unix socket needs an absolute path, as in unix:///run/redis/redis.sock".into());
        }
        other => {
            return Err(format!("unknown scheme {:?}; known are tcp, redis and unix", clip(other)));
        }
    };
    let mut unnamed_auth = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name, plus_is_space)?;
        // The name may be a piece of a password that held a raw '&': only known names are shown.
        path.set(&name, decode(value, plus_is_space)?, &mut unnamed_auth)?;
    }
    match unnamed_auth.len() {
        0 => {}
        1 => path.password = unnamed_auth.pop(),
        2 => {
            path.password = unnamed_auth.pop();
            path.username = unnamed_auth.pop();
        }
        _ => return Err("auth[] takes a user and a password, or a password alone".into()),
    }
    path.username = path.username.filter(|name| !name.is_empty());
    path.password = path.password.filter(|password| !password.is_empty());
    Ok(path)
}

/// `user:pass@host:port/database`
fn network(place: &str, is_url: bool) -> Result<SavePath, String> {
    let (user, host) = place.rsplit_once('@').map_or((None, place), |(user, host)| (Some(user), host));
    let (host, database) = host.split_once('/').unwrap_or((host, ""));
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, rest)) => (v6, rest.strip_prefix(':')),
        None => host.rsplit_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err() {
        return Err("there is no host in it; write tcp://host:port (and an IPv6 address in [])".into());
    }
    if host.len() > 255 {
        return Err("the host's name is longer than 255 characters".into());
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port
            .parse()
            .ok()
            .filter(|&port| port != 0)
            .ok_or("the port must be a number from 1 to 65535".to_owned())?,
    };
    let mut path = SavePath::at(Endpoint::Tcp { host: decode(host, false)?, port });
    if let Some(user) = user {
        let (name, password) = user.split_once(':').unwrap_or(("", user));
        path.username = Some(decode(name, false)?);
        path.password = Some(decode(password, false)?);
    }
    if is_url && !database.is_empty() {
        path.database = self::database(database)?;
    }
    Ok(path)
}

impl SavePath {
    fn at(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            username: None,
            password: None,
            database: 0,
            prefix: None,
            connect_timeout: None,
            read_timeout: None,
        }
    }

    fn set(&mut self, name: &str, value: String, unnamed_auth: &mut Vec<String>) -> Result<(), String> {
        match name {
            "prefix" => self.prefix = Some(value),
            "database" | "db" => self.database = database(&value)?,
            "timeout" => self.connect_timeout = timeout(name, &value)?,
            "read_timeout" => self.read_timeout = timeout(name, &value)?,
            "auth" | "pass" | "auth[pass]" => self.password = Some(value),
            "user" | "auth[user]" => self.username = Some(value),
            "auth[]" | "auth[0]" | "auth[1]" => unnamed_auth.push(value),
            // They shape phpredis' connections; ours are always kept and have one host.
            "weight" | "persistent" | "persistent_id" | "retry_interval" => {}
            _ if name.starts_with("stream[") => return Err("TLS (stream[...]) is not supported yet".into()),
            _ => {
                return Err("it has a parameter that is not known; known are auth, database, prefix, timeout, \
                            read_timeout, weight, persistent, persistent_id and retry_interval (in a password, \
                            write & as %26)"
                    .into());
            }
        }
        Ok(())
    }
}

fn database(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("the database must be a number, {:?} is not", clip(text)))
}

/// phpredis takes 0 for "no limit" and has no limit by default; here the ini setting is the limit then.
fn timeout(name: &str, text: &str) -> Result<Option<Duration>, String> {
    match seconds(text).filter(|n| *n <= 86400.0 * 365.0) {
        Some(n) if n > 0.0 => Ok(Some(Duration::from_secs_f64(n).clamp(MIN_TIMEOUT, MAX_TIMEOUT))),
        Some(_) => Ok(None),
        None => Err(format!("{name} must be a number of seconds, {:?} is not", clip(text))),
    }
}

const MIN_TIMEOUT: Duration = Duration::from_millis(1);
/// phpredis' default of a day is no bound at all: whoever wrote it down gets the longest that the settings allow.
const MAX_TIMEOUT: Duration = Duration::from_hours(1);

fn clip(text: &str) -> String {
    text.chars().take(20).collect()
}

fn decode(text: &str, plus_is_space: bool) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'%' => match tail {
                [high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    bytes.push(hex(*high) << 4 | hex(*low));
                    rest = tail;
                }
                // As PHP's urldecode() does: a lone % stays.
                _ => bytes.push(b'%'),
            },
            b'+' if plus_is_space => bytes.push(b' '),
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| "a percent-encoded part of it is not UTF-8".into())
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.into(), port }
    }

    #[test]
    fn reads_phpredis_paths() {
        assert_eq!(parse("").unwrap().endpoint, tcp("127.0.0.1", 6379));
        assert_eq!(parse("redis1:7000").unwrap().endpoint, tcp("redis1", 7000));
        assert_eq!(parse("redis1").unwrap().endpoint, tcp("redis1", 6379));
        let path = parse("tcp://10.0.0.1:6379?weight=1&auth=p%26w%2B1&database=2&prefix=S:&timeout=2.5&read_timeout=0&persistent=1")
            .unwrap();
        assert_eq!(path.endpoint, tcp("10.0.0.1", 6379));
        assert_eq!(path.password.as_deref(), Some("p&w+1"));
        assert_eq!((path.database, path.prefix.as_deref()), (2, Some("S:")));
        assert_eq!(path.connect_timeout, Some(Duration::from_millis(2500)));
        assert_eq!(path.read_timeout, None);
        for path in ["unix:///run/r.sock?auth=a+b", "unix:/run/r.sock?auth=a%20b"] {
            let path = parse(path).unwrap();
            assert_eq!(path.endpoint, Endpoint::Unix("/run/r.sock".into()));
            assert_eq!(path.password.as_deref(), Some("a b"));
        }
    }

    #[test]
    fn reads_users() {
        for query in ["auth[]=u&auth[]=p", "auth[user]=u&auth[pass]=p", "auth%5B%5D=u&auth%5B%5D=p"] {
            let path = parse(&format!("tcp://h:1?{query}")).unwrap();
            assert_eq!((path.username.as_deref(), path.password.as_deref()), (Some("u"), Some("p")));
        }
        let path = parse("tcp://h:1?auth=sec#ret").unwrap();
        assert_eq!((path.username, path.password.as_deref()), (None, Some("sec#ret")));
        assert_eq!(parse("tcp://h:1?auth[]=p").unwrap().password.as_deref(), Some("p"));
    }

    #[test]
    fn reads_urls() {
        let path = parse("redis://user:p%40ss+word@[::1]:7000/3?prefix=x").unwrap();
        assert_eq!(path.endpoint, tcp("::1", 7000));
        assert_eq!((path.username.as_deref(), path.password.as_deref()), (Some("user"), Some("p@ss+word")));
        assert_eq!(path.database, 3);
        assert_eq!(parse("redis://:only@h").unwrap().username, None);
        assert_eq!(parse("redis://:only@h").unwrap().password.as_deref(), Some("only"));
    }

    #[test]
    fn says_what_is_wrong_and_shows_no_secret() {
        let cases = [
            ("tcp://h:1?auth=secret&database=x", "database must be a number"),
            ("tcp://u:secret@h:99999", "port must be a number"),
            ("tcp://h:1?auth=x&secret=1", "not known"),
            ("tcp://h:1?auth=x,secret", "several hosts"),
            ("tls://h:1?auth=secret", "TLS is not supported yet"),
            ("rediss://:secret@h:1", "TLS is not supported yet"),
            ("sentinel://a,b/m?auth=secret", "Sentinel is not supported yet"),
            ("seed[]=a:1&seed[]=b:2&auth=secret", "Cluster is not supported yet"),
            ("cluster://a:1,b:2?pass=secret", "Cluster is not supported yet"),
            ("tcp://h:1?stream[verify_peer]=0&auth=secret", "TLS (stream[...])"),
            ("tcp://h:1, tcp://h:2?auth=secret", "several hosts"),
            ("http://secret@h:1", "unknown scheme \"http\""),
            ("unix://relative?auth=secret", "absolute path"),
            ("tcp://:6379?auth=secret", "no host"),
            ("tcp://h:1?timeout=fast&auth=secret", "timeout must be a number of seconds"),
            ("tcp://h:1?auth[]=a&auth[]=b&auth[]=secret", "auth[]"),
            ("tcp://h:1?auth=%ffsecret", "not UTF-8"),
        ];
        for (path, part) in cases {
            let message = parse(path).unwrap_err().to_string();
            assert!(message.contains(part), "{path}: {message}");
            assert!(!message.contains("secret"), "{path}: {message}");
        }
    }

    #[test]
    fn masks_whatever_could_be_a_password() {
        assert_eq!(mask("tcp://h:1?database=1"), "tcp://h:1?database=1");
        assert_eq!(mask("tcp://h:1?auth=a&b=c"), "tcp://h:1?***");
        assert_eq!(mask("redis://u:p?x@h:1/2"), "redis://***");
        assert_eq!(mask("seed[]=a&AUTH=x"), "***");
        assert_eq!(mask("tcp://h:1?auth=x@y"), "tcp://***");
    }
}
