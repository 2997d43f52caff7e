//! The pieces of a path: hosts, sockets, users, numbers, and what is percent-encoded.

use std::path::{Path, PathBuf};

pub fn userinfo(place: &str) -> (Option<&str>, &str) {
    place.rsplit_once('@').map_or((None, place), |(user, place)| (Some(user), place))
}

const BEHIND: &str = "its host has a character that no host's name has; behind the host come a port and parameters, \
                      as in tcp://host:port?database=2";

/// Returns true if a text has only the characters of a name. Any other character may be meant to
/// begin a parameter or a password.
pub fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// The path of a Unix socket. A file can have any name, and so a path with other characters than
/// usual is taken if there is such a file; the rest of it may otherwise be a password.
pub fn socket(place: &str) -> Result<PathBuf, String> {
    if !place.starts_with('/') {
        return Err("a Unix socket needs an absolute path, as in unix:///run/redis/redis.sock".into());
    }
    let path = decode(place, false)?;
    let is_usual = path.split(['/', '+', '~']).all(is_name);
    if is_usual || Path::new(&path).exists() {
        return Ok(path.into());
    }
    Err("there is no such Unix socket, and its path has characters that may belong to a parameter; parameters \
         begin with ?, as in unix:///run/redis/redis.sock?database=2"
        .into())
}

pub fn host_and_port(text: &str, default_port: u16) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) if !rest.is_empty() && !rest.starts_with(':') => return Err(BEHIND.into()),
        Some((v6, rest)) => (v6, rest.strip_prefix(':')),
        None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let (address, zone) = host.split_once('%').filter(|_| host.contains(':')).unzip();
    let address = address.unwrap_or(host);
    if address.is_empty() || address.contains(':') && address.parse::<std::net::Ipv6Addr>().is_err() {
        return Err("there is no host in it; write tcp://host:port (and an IPv6 address in [])".into());
    }
    if zone == Some("") {
        return Err("there is no network interface behind the % of its address".into());
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
    let host = match zone {
        // A zone is written as [fe80::1%eth0], and in a URL as [fe80::1%25eth0].
        Some(zone) => {
            let zone = zone.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(zone);
            format!("{address}%{zone}")
        }
        None => decode(host, false)?,
    };
    // An address with a colon was checked above.
    if zone.is_some_and(|zone| !is_name(zone)) || !(address.contains(':') || is_name(&host)) {
        return Err(BEHIND.into());
    }
    Ok((host, port))
}

pub fn database(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "the database must be a number".into())
}

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
