//! The two ways to name a Redis Cluster: a URL, and the query string that phpredis' handler
//! `rediscluster` takes.

use super::{
    super::target::Endpoint,
    server::{Parameters, SavePath},
    text::{self, decode, host_and_port, userinfo},
};

const DEFAULT_PORT: u16 = 6379;

/// `user:pass@host:port,host:port/0`
pub fn nodes(place: &str) -> Result<SavePath, String> {
    let (user, place) = userinfo(place);
    let (nodes, database) = place.split_once('/').unwrap_or((place, ""));
    let nodes = nodes.split(',').map(str::trim).filter(|node| !node.is_empty());
    let nodes = nodes.map(|node| host_and_port(node, DEFAULT_PORT)).collect::<Result<Vec<_>, _>>()?;
    if nodes.is_empty() {
        return Err("it needs nodes: cluster://host:7000,host:7001".into());
    }
    let mut path = SavePath::at(Endpoint::Cluster(nodes));
    path.set_user(user)?;
    if !database.is_empty() {
        path.database = text::database(database)?;
    }
    Ok(path)
}

/// Returns true if the text is a query string with seeds, in any order.
pub fn is_seed_list(text: &str) -> bool {
    let name = |pair: &str| decode(pair.split_once('=').map_or(pair, |(name, _)| name), true);
    let mut names = text.split('&').map(name);
    // A URL has a colon in front of its first equals sign.
    let begins = text.split_once('=').is_some_and(|(name, _)| !name.contains([':', '?', '/']));
    begins && names.any(|name| name.is_ok_and(|name| is_seed(&name)))
}

fn is_seed(name: &str) -> bool {
    name == "seed" || name.starts_with("seed[")
}

/// `seed[]=host:port&seed[]=host:port&timeout=2&auth=...`
pub fn seed_list(text: &str) -> Result<SavePath, String> {
    let mut parameters = Parameters::default();
    let mut seeds = Vec::new();
    let mut others = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !is_seed(&decode(name, true)?) {
            others.push(pair);
            continue;
        }
        let seed = decode(value, true)?;
        let node = match seed.split_once("://") {
            None => &*seed,
            Some(("tcp", node)) => node,
            Some(("tls" | "ssl", node)) => {
                parameters.tls.get_or_insert_default();
                node
            }
            Some(_) => return Err("a seed[] is host:port, or tls://host:port".into()),
        };
        seeds.push(host_and_port(node, DEFAULT_PORT)?);
    }
    let mut path = SavePath::at(Endpoint::Cluster(seeds));
    for pair in others {
        path.set_pair(pair, true, &mut parameters)?;
    }
    path.complete(parameters)
}
