//! One URL of a save path.

use std::{path::PathBuf, time::Duration};

use super::{
    super::{Endpoint, Secret, Sentinel, Tls, ini::seconds},
    SavePath, cluster,
};

const DEFAULT_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Parameters that may come in any order and have a meaning only together.
#[derive(Default)]
pub struct Parameters {
    unnamed_auth: Vec<String>,
    pub tls: Option<Tls>,
    sentinel_username: Option<String>,
    sentinel_password: Option<String>,
}

pub fn parse(text: &str) -> Result<SavePath, String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        // phpredis accepts unix:/path as well as unix:///path.
        None => match text.strip_prefix("unix:") {
            Some(rest) => ("unix".into(), rest),
            None if text.starts_with('/') => ("unix".into(), text),
            None => ("tcp".into(), text),
        },
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let plus_is_space = matches!(scheme.as_str(), "tcp" | "tls" | "ssl" | "unix");
    let mut parameters = Parameters::default();
    if matches!(scheme.as_str(), "tls" | "ssl" | "rediss") {
        parameters.tls = Some(Tls::default());
    }
    let mut path = match scheme.as_str() {
        "tcp" | "tls" | "ssl" => network(place, false)?,
        "redis" | "rediss" => network(place, true)?,
        "sentinel" => sentinel(place)?,
        "cluster" => cluster::nodes(place)?,
        "unix" if place.starts_with('/') => {
            SavePath::at(Endpoint::Unix(PathBuf::from(decode(place, false)?)))
        }
        "unix" => {
            return Err("a Unix socket needs an absolute path, as in unix:///run/redis/redis.sock".into());
        }
        _ => {
            return Err(
                "its scheme is not known; known are tcp, tls, unix, redis, rediss, sentinel and cluster"
                    .into(),
            );
        }
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        path.set_pair(pair, plus_is_space, &mut parameters)?;
    }
    path.complete(parameters)
}

pub fn is_scheme(text: &str) -> bool {
    ["tcp", "tls", "ssl", "unix", "redis", "rediss", "sentinel", "cluster"].contains(&text)
}

/// Returns true if a part of a list is a server of its own, rather than the rest of the previous
/// one.
pub fn names_a_server(text: &str) -> bool {
    let place = text.split('?').next().unwrap_or_default();
    let port = place.rsplit_once(':').map_or("", |(_, port)| port);
    text.contains("://")
        || text.starts_with("unix:")
        || text.starts_with('/')
        || (!port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// `user:pass@host:port/database`
fn network(place: &str, is_url: bool) -> Result<SavePath, String> {
    let (user, place) = userinfo(place);
    let (host, database) = place.split_once('/').unwrap_or((place, ""));
    let (host, port) = host_and_port(host, DEFAULT_PORT)?;
    let mut path = SavePath::at(Endpoint::Tcp { host, port });
    path.set_user(user)?;
    if is_url && !database.is_empty() {
        path.database = self::database(database)?;
    } else if !database.is_empty() {
        return Err("behind host:port of tcp:// there is no path; write ?database=3".into());
    }
    Ok(path)
}

/// `user:pass@host:port,host:port/master/database`; the user is the user of Redis, not of the
/// sentinels.
fn sentinel(place: &str) -> Result<SavePath, String> {
    let (user, place) = userinfo(place);
    let mut parts = place.splitn(3, '/');
    let nodes = parts.next().unwrap_or_default().split(',').map(str::trim).filter(|node| !node.is_empty());
    let nodes = nodes.map(|node| host_and_port(node, SENTINEL_PORT)).collect::<Result<Vec<_>, _>>()?;
    let master = decode(parts.next().unwrap_or_default(), false)?;
    if nodes.is_empty() || master.is_empty() {
        return Err(
            "it needs sentinels and the master's name: sentinel://host:26379,host:26379/mymaster".into()
        );
    }
    let sentinel = Sentinel { nodes, master, username: None, password: None };
    let mut path = SavePath::at(Endpoint::Sentinel(sentinel));
    path.set_user(user)?;
    if let Some(database) = parts.next().filter(|text| !text.is_empty()) {
        path.database = self::database(database)?;
    }
    Ok(path)
}

pub fn userinfo(place: &str) -> (Option<&str>, &str) {
    place.rsplit_once('@').map_or((None, place), |(user, place)| (Some(user), place))
}

pub fn host_and_port(text: &str, default_port: u16) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, rest)) => (v6, rest.strip_prefix(':')),
        None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err() {
        return Err("there is no host in it; write tcp://host:port (and an IPv6 address in [])".into());
    }
    if host.len() > 255 {
        return Err("the host's name is longer than 255 characters".into());
    }
    let port = match port {
        None => default_port,
        Some(port) => port
            .parse()
            .ok()
            .filter(|&port| port != 0)
            .ok_or("the port must be a number from 1 to 65535".to_owned())?,
    };
    Ok((decode(host, false)?, port))
}

impl SavePath {
    pub fn at(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            username: None,
            password: None,
            database: 0,
            tls: None,
            weight: 1,
            prefix: None,
            connect_timeout: None,
            read_timeout: None,
            ignored: Vec::new(),
        }
    }

    /// `user:pass`, or a password alone.
    pub fn set_user(&mut self, user: Option<&str>) -> Result<(), String> {
        if let Some(user) = user {
            let (name, password) = user.split_once(':').unwrap_or(("", user));
            self.username = Some(decode(name, false)?);
            self.password = Some(decode(password, false)?);
        }
        Ok(())
    }

    /// One `name=value` of the query.
    pub fn set_pair(
        &mut self,
        pair: &str,
        plus_is_space: bool,
        parameters: &mut Parameters,
    ) -> Result<(), String> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        self.set(&decode(name, plus_is_space)?, decode(value, plus_is_space)?, parameters)
    }

    /// Applies the parameters that have a meaning together, and checks the whole.
    pub fn complete(mut self, parameters: Parameters) -> Result<Self, String> {
        let Parameters { mut unnamed_auth, tls, sentinel_username, sentinel_password } = parameters;
        match unnamed_auth.len() {
            0 => {}
            1 => self.password = unnamed_auth.pop(),
            2 => {
                self.password = unnamed_auth.pop();
                self.username = unnamed_auth.pop();
            }
            _ => return Err("auth[] takes a user and a password, or a password alone".into()),
        }
        self.username = self.username.filter(|name| !name.is_empty());
        self.password = self.password.filter(|password| !password.is_empty());
        match &mut self.endpoint {
            Endpoint::Unix(_) if tls.is_some() => return Err("TLS over a Unix socket makes no sense".into()),
            Endpoint::Sentinel(sentinel) => {
                sentinel.username = sentinel_username.filter(|name| !name.is_empty());
                sentinel.password =
                    sentinel_password.filter(|password| !password.is_empty()).map(Secret::new);
            }
            _ if sentinel_username.is_some() || sentinel_password.is_some() => {
                return Err("sentinel_user and sentinel_auth belong to sentinel://".into());
            }
            Endpoint::Cluster(_) if self.database != 0 => {
                return Err("a Redis Cluster has only database 0".into());
            }
            _ => {}
        }
        self.tls = tls.map(Tls::checked).transpose()?;
        Ok(self)
    }

    fn set(&mut self, name: &str, value: String, parameters: &mut Parameters) -> Result<(), String> {
        match name {
            "prefix" => self.prefix = Some(value),
            "database" | "db" => self.database = database(&value)?,
            "timeout" => self.connect_timeout = timeout(name, &value)?,
            "read_timeout" => self.read_timeout = timeout(name, &value)?,
            "auth" | "pass" | "auth[pass]" => self.password = Some(value),
            "user" | "auth[user]" => self.username = Some(value),
            "auth[]" | "auth[0]" | "auth[1]" => parameters.unnamed_auth.push(value),
            "sentinel_user" => parameters.sentinel_username = Some(value),
            "sentinel_auth" => parameters.sentinel_password = Some(value),
            "weight" => {
                self.weight = value.parse().map_err(|_| "weight must be a whole number")?;
            }
            "tls" => match value.as_str() {
                "1" => parameters.tls = Some(parameters.tls.take().unwrap_or_default()),
                "0" => {}
                _ => return Err("tls is 1 or 0".into()),
            },
            // All connections here are persistent.
            "persistent" if value.parse().is_ok_and(|n: i64| n != 0) => {}
            "persistent" => self.ignored.push("persistent=0"),
            "persistent_id" => self.ignored.push("persistent_id"),
            "retry_interval" => self.ignored.push("retry_interval"),
            // This chooses the node that phpredis reads from. Here, a session is always read from
            // the node it is written to.
            "failover" if matches!(self.endpoint, Endpoint::Cluster(_)) => {
                if value != "none" {
                    self.ignored.push("failover");
                }
            }
            _ => match name.strip_prefix("stream[").and_then(|rest| rest.strip_suffix(']')) {
                Some(option) => parameters.tls.get_or_insert_default().set(option, &value)?,
                // The name may be a piece of a password with a raw '&', so no message shows it.
                None => {
                    return Err("it has a parameter that is not known; known are auth, database, prefix, timeout, \
                                read_timeout, weight, persistent, persistent_id, retry_interval, stream[...], tls, \
                                sentinel_user and sentinel_auth (in a password, write & as %26)"
                        .into());
                }
            },
        }
        Ok(())
    }
}

pub fn database(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "the database must be a number".into())
}

/// In phpredis, 0 means "no limit" and is the default. Here, 0 means the ini setting's limit.
fn timeout(name: &str, text: &str) -> Result<Option<Duration>, String> {
    match seconds(text).filter(|n| *n <= 86400.0 * 365.0) {
        Some(n) if n > 0.0 => Ok(Some(Duration::from_secs_f64(n).clamp(MIN_TIMEOUT, MAX_TIMEOUT))),
        Some(_) => Ok(None),
        None => Err(format!("{name} must be a number of seconds")),
    }
}

const MIN_TIMEOUT: Duration = Duration::from_millis(1);
/// phpredis' default of a day is no bound at all. A path that spells it out gets the longest limit
/// that the settings allow.
const MAX_TIMEOUT: Duration = Duration::from_hours(1);

pub fn decode(text: &str, plus_is_space: bool) -> Result<String, String> {
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
                // A lone % stays, as in PHP's urldecode().
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
