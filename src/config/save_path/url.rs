//! One URL of a save path.

use super::{
    super::{
        target::{Endpoint, Sentinel},
        tls::Tls,
    },
    cluster,
    server::{Parameters, SavePath},
    text::{self, decode, host_and_port, userinfo},
};

const DEFAULT_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

pub fn parse(url: &str) -> Result<SavePath, String> {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        // phpredis accepts unix:/path as well as unix:///path.
        None => match url.strip_prefix("unix:") {
            Some(rest) => ("unix".into(), rest),
            None if url.starts_with('/') => ("unix".into(), url),
            None => ("tcp".into(), url),
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
        "unix" => SavePath::at(Endpoint::Unix(text::socket(place)?)),
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
/// one. A user or a password needs a scheme before it, because the `@` may belong to a password
/// with a comma.
pub fn names_a_server(text: &str) -> bool {
    let place = text.split('?').next().unwrap_or_default();
    let port = place.rsplit_once(':').map_or("", |(_, port)| port);
    let is_place = text.starts_with("unix:")
        || text.starts_with('/')
        || (!port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    text.contains("://") || is_place && !place.contains('@')
}

/// `user:pass@host:port/database`
fn network(place: &str, is_url: bool) -> Result<SavePath, String> {
    let (user, place) = userinfo(place);
    let (host, database) = place.split_once('/').unwrap_or((place, ""));
    let (host, port) = host_and_port(host, DEFAULT_PORT)?;
    let mut path = SavePath::at(Endpoint::Tcp { host, port });
    path.set_user(user)?;
    if is_url && !database.is_empty() {
        path.database = text::database(database)?;
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
    let master = parts.next().unwrap_or_default();
    if !master.split('%').all(text::is_name) {
        return Err("its master's name has a character other than letters, digits and .-_; parameters begin with ?, as \
                    in sentinel://host:26379/mymaster?database=2 (in a name, write : as %3A)"
            .into());
    }
    let master = decode(master, false)?;
    if nodes.is_empty() || master.is_empty() {
        return Err(
            "it needs sentinels and the master's name: sentinel://host:26379,host:26379/mymaster".into()
        );
    }
    let sentinel = Sentinel { nodes, master, username: None, password: None };
    let mut path = SavePath::at(Endpoint::Sentinel(sentinel));
    path.set_user(user)?;
    if let Some(database) = parts.next().filter(|text| !text.is_empty()) {
        path.database = text::database(database)?;
    }
    Ok(path)
}
