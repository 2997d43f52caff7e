//! `session.save_path`: phpredis' grammar and URLs.
//!
//! ```text
//! tcp://host:port?weight=1&timeout=2.5&read_timeout=5&persistent=1&prefix=P:&database=2&auth=pass
//! host:port?...        unix:///path/to/socket?...       auth[]=user&auth[]=pass    
//! auth[user]=u&auth[pass]=p tls://host:port?stream[cafile]=/ca.pem&stream[local_cert]=/client.pem
//! tcp://a:6379?weight=1, tcp://b:6379?weight=2          client-side shards, as phpredis maps them
//! redis://user:pass@host:port/2?prefix=P:               rediss:// is the same over TLS
//! sentinel://s1:26379,s2:26379,s3:26379/mymaster?database=2&auth=secret&sentinel_auth=other&tls=1
//! cluster://h1:7000,h2:7001,h3:7002?auth=secret         seed[]=h1:7000&seed[]=h2:7001&auth=secret
//! (as phpredis)
//! ```
//!
//! Values are percent-decoded. In phpredis' grammar `+` is a space, because PHP decodes it as a
//! query string.

mod cluster;
mod server;
mod text;
mod url;

use std::{fmt, path::Path};

pub use server::SavePath;

const DEFAULT: &str = "tcp://127.0.0.1:6379";

/// The problem with a path, and the number of the server that has it, counted from 1, or 0 for a
/// path with one server. The message never quotes the path, because any text that was not
/// understood may be part of a password.
#[derive(Debug, PartialEq, Eq)]
pub struct SavePathError {
    problem: String,
    server: usize,
}

impl fmt::Display for SavePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.server {
            0 => write!(f, "session.save_path: {}", self.problem),
            n => write!(f, "session.save_path, server {n}: {}", self.problem),
        }
    }
}

/// Returns the path as a message may show it, without any part that could belong to a password: a
/// password that was not percent-encoded can contain every character that would end it.
#[must_use]
pub fn mask(path: &str) -> String {
    if Path::new(path).is_dir() {
        return path.chars().take(200).collect();
    }
    if parse(path).is_err() || path.contains('@') {
        // The first server may have no scheme, and the password of one that has.
        let scheme = path.split_once("://").map_or("", |(scheme, _)| scheme);
        return if url::is_scheme(scheme) { format!("{scheme}://***") } else { "***".into() };
    }
    // The name of a parameter may be percent-encoded itself. A path that cannot be decoded is
    // therefore not shown.
    let has_secret = |path: &str| {
        let lower = text::decode(path, false).map(|text| text.to_ascii_lowercase());
        lower.map_or(path.contains('%'), |text| ["auth", "pass"].iter().any(|word| text.contains(word)))
    };
    if !has_secret(path) {
        return path.chars().take(200).collect();
    }
    // In a seed list, a `?` is a part of a value.
    match path.split_once('?') {
        Some((start, _)) if !has_secret(start) && !start.contains('=') => format!("{start}?***"),
        _ => "***".into(),
    }
}

const FOLDER: &str = "it is a folder, where PHP's files handler keeps sessions; write tcp://host:port or \
                      unix:///path/to/the/socket, or leave it out for tcp://127.0.0.1:6379";
const NO_SERVER: &str = "a comma or a space begins another server, as host:port; in a number write a point, in a \
                         password %2C and %20";

/// Returns true for the paths of the files handler: a folder, `depth;folder` or
/// `depth;mode;folder`.
fn is_folder(path: &str) -> bool {
    let path = path.strip_prefix("unix://").unwrap_or(path);
    let folder = path.rsplit_once(';').map_or(path, |(_, folder)| folder);
    let has_depth = path.split_once(';').is_some_and(|(depth, _)| depth.bytes().all(|b| b.is_ascii_digit()));
    folder.starts_with('/') && (has_depth || Path::new(folder).is_dir())
}

/// Returns the servers of a path, at least one. Several servers share the sessions by their ids.
pub fn parse(path: &str) -> Result<Vec<SavePath>, SavePathError> {
    let located = |problem: String| SavePathError { problem, server: 0 };
    let text = path.trim();
    if is_folder(text) {
        return Err(located(FOLDER.into()));
    }
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    if cluster::is_seed_list(text) {
        return Ok(vec![cluster::seed_list(text).map_err(located)?]);
    }
    if matches!(scheme.as_str(), "sentinel" | "cluster") {
        // The list of nodes contains commas itself, so it is not split.
        return Ok(vec![url::parse(text).map_err(located)?]);
    }
    let parts = text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|part| !part.is_empty());
    let parts: Vec<_> = parts.collect();
    let server = |(i, part): (usize, &&str)| {
        let parsed =
            if i > 0 && !url::names_a_server(part) { Err(NO_SERVER.into()) } else { url::parse(part) };
        parsed.map_err(|problem| SavePathError { problem, server: if parts.len() > 1 { i + 1 } else { 0 } })
    };
    let servers = parts.iter().enumerate().map(server).collect::<Result<Vec<_>, _>>()?;
    if servers.is_empty() {
        return parse(DEFAULT);
    }
    let same = |a: &SavePath, b: &SavePath| {
        a.prefix == b.prefix && a.connect_timeout == b.connect_timeout && a.read_timeout == b.read_timeout
    };
    if !servers.iter().all(|server| same(server, &servers[0])) {
        return Err(located(
            "prefix, timeout and read_timeout must be the same for all hosts (in a password, write , as %2C and a \
             space as %20)"
                .into(),
        ));
    }
    if servers.iter().all(|server| server.weight == 0) {
        return Err(located("the weights of all hosts are 0".into()));
    }
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::{Endpoint, Secret, Sentinel},
        parse as parse_all, *,
    };

    fn parse(path: &str) -> Result<SavePath, SavePathError> {
        parse_all(path).map(|mut servers| {
            assert_eq!(servers.len(), 1);
            servers.remove(0)
        })
    }

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
    fn a_flag_has_the_spellings_of_php_ini() {
        for on in ["1", "on", "Yes", "TRUE"] {
            // Without verify_peer, the system's authorities are not read.
            assert!(
                parse(&format!("h:1?tls={on}&stream[verify_peer]=0")).is_ok_and(|path| path.tls.is_some())
            );
            assert!(parse(&format!("h:1?persistent={on}")).unwrap().ignored.is_empty(), "{on}");
        }
        for off in ["0", "off", "No", "FALSE"] {
            assert!(parse(&format!("h:1?tls={off}")).is_ok_and(|path| path.tls.is_none()), "{off}");
            let unverified = |text| parse(&format!("tls://h:1?stream[verify_peer]={text}"));
            assert_eq!(unverified(off), unverified("0"));
            assert_eq!(parse(&format!("h:1?persistent={off}")).unwrap().ignored, ["persistent=0"]);
        }
        for neither in ["tls", "tls=", "tls=2", "tls=maybe", "stream[verify_peer]=2"] {
            assert!(
                parse(&format!("h:1?{neither}")).unwrap_err().to_string().contains("is 1 or 0"),
                "{neither}"
            );
        }
        assert!(parse("h:1?persistent=2").unwrap().ignored.is_empty());
    }

    #[test]
    fn reads_urls() {
        let path = parse("redis://user:p%40ss+word@[::1]:7000/3?prefix=x").unwrap();
        assert_eq!(path.endpoint, tcp("::1", 7000));
        assert_eq!((path.username.as_deref(), path.password.as_deref()), (Some("user"), Some("p@ss+word")));
        assert_eq!(path.database, 3);
        for (host, endpoint) in
            [("fe80::1%lo", "fe80::1%lo"), ("fe80::1%25lo", "fe80::1%lo"), ("fe80::1%25", "fe80::1%25")]
        {
            assert_eq!(parse(&format!("redis://[{host}]:7000")).unwrap().endpoint, tcp(endpoint, 7000));
            assert_eq!(parse(&format!("tcp://[{host}]:7000")).unwrap().endpoint, tcp(endpoint, 7000));
        }
        assert_eq!(parse("redis://:only@h").unwrap().username, None);
        assert_eq!(parse("redis://:only@h").unwrap().password.as_deref(), Some("only"));
    }

    #[test]
    fn says_what_is_wrong_and_shows_no_secret() {
        let cases = [
            ("tcp://h:1?auth=secret&database=x", "database must be a number"),
            ("tcp://u:secret@h:99999", "port must be a number"),
            ("tcp://h:1/3?auth=secret", "database=3"),
            ("tls://h:1/5", "database=3"),
            ("tcp://h:1?auth=x&secret=1", "not known"),
            ("seed[]=a:1&seed[]=b:2&auth=secret&database=1", "only database 0"),
            ("seed[]=a:x&auth=secret", "port must be a number"),
            ("seed[]=a:1&seed[]=unix:///s&auth=secret", "a seed[] is host:port"),
            ("cluster://a:1,b:2/3?pass=secret", "only database 0"),
            ("cluster://?auth=secret", "it needs nodes"),
            ("cluster://a:1?weight=2&auth=secret&sentinel_auth=secret", "belong to sentinel://"),
            ("tcp://a:1?seed[]=b:1&auth=secret", "not known"),
            ("tcp://h:1?auth=x,h:2?prefix=a", "must be the same"),
            ("sentinel://a,b?auth=secret", "the master's name"),
            ("tls://h:1?auth=secret&stream[passphrase]=secret", "passphrase"),
            ("tls://h:1?auth=secret&stream[ciphers]=secret", "stream[...] option"),
            ("tls://h:1?auth=secret&stream[cafile]=/nowhere", "stream[cafile]: no certificate"),
            ("unix:///s?tls=1&auth=secret", "no sense"),
            ("tcp://h:1?sentinel_auth=secret", "belong to sentinel://"),
            ("tcp://h:1?weight=x&auth=secret", "weight must be"),
            ("tcp://h:1?weight=0&auth=secret", "weights of all hosts"),
            ("http://secret@h:1", "its scheme is not known"),
            ("tcp://h:1/3?auth=secret", "?database="),
            ("tcp://h:1?timeout=0,25&auth=secret", "server 2: a comma"),
            ("tcp://h:1?auth=sec,secret", "server 2: a comma"),
            ("tcp://h:1?auth=sec secret", "server 2: a comma"),
            ("tcp://h:1?auth=sec,h:2?secret", "server 2: it has a parameter"),
            ("tcp://secret,rest@127.0.0.1:1", "server 2: a comma"),
            ("tcp://secret rest@h", "server 2: a comma"),
            ("redis://u:secret,rest@h:1/2", "server 1: "),
            ("tcp://secret,/rest@h:1", "server 2: a comma"),
            ("tcp://h:1?auth=sec,h:2@secret:1", "server 2: a comma"),
            ("h:1:secret", "no host"),
            ("tcp://[fe80::1%]:1?auth=secret", "no network interface"),
            ("tcp://[fe80:secret%lo]:1", "no host"),
            ("tcp://h:1?pwd=secret", "not known"),
            ("redis://h/secret", "database must be a number"),
            ("secret://h", "its scheme is not known"),
            ("5;/secret/sessions", "files handler"),
            ("5;0600;/secret/sessions", "files handler"),
            ("/", "files handler"),
            ("unix://relative?auth=secret", "absolute path"),
            ("tcp://:6379?auth=secret", "no host"),
            ("tcp://h:1?timeout=fast&auth=secret", "timeout must be a number of seconds"),
            ("tcp://h:1?auth[]=a&auth[]=b&auth[]=secret", "auth[]"),
            ("tcp://h:1?auth=%ffsecret", "not UTF-8"),
            ("unix:///nowhere/r.sock&auth=secret", "no such Unix socket"),
            ("unix:/nowhere/r.sock:secret", "no such Unix socket"),
            ("/nowhere/r.sock=secret", "no such Unix socket"),
            ("unix:///nowhere/r.sock;secret", "no such Unix socket"),
            ("unix:///nowhere/r.sock#secret", "no such Unix socket"),
            ("unix:///nowhere/r.sock@secret", "no such Unix socket"),
            ("unix:///nowhere/r.sock%3Fauth=secret", "no such Unix socket"),
            ("unix:///u:secret@/nowhere/r.sock", "no such Unix socket"),
            ("unix:///nowhere/r.sock&auth=secret&database=1?timeout=1", "no such Unix socket"),
            ("unix:///s?auth=x, unix:///nowhere/r.sock:secret", "server 2: there is no such Unix socket"),
            ("unix:///nowhere/r.sock&auth=secret, h:1", "server 1: there is no such Unix socket"),
            ("tcp://h&auth=secret", "its host"),
            ("tcp://h;secret", "its host"),
            ("h=secret", "its host"),
            ("redis://h#secret", "its host"),
            ("tcp://[::1]&auth=secret", "its host"),
            ("tcp://[::1]secret", "its host"),
            ("tcp://[fe80::1%lo&secret]", "its host"),
            ("tcp://h%26secret", "its host"),
            ("tcp://h%3Asecret", "its host"),
            ("tcp://h:1, tcp://h2&auth=secret", "server 2: its host"),
            ("cluster://a:1,b&auth=secret", "its host"),
            ("seed[]=h%26auth=secret", "its host"),
            ("seed[]=h?auth=secret", "its host"),
            ("sentinel://a,b;secret/m", "its host"),
            ("sentinel://a/m&auth=secret", "master's name"),
            ("sentinel://a/m:secret", "master's name"),
            ("tcp://h:1?prefix=P:;auth=secret", "prefix has another parameter"),
            ("tcp://h:1?prefix=P:?AUTH[]=secret", "prefix has another parameter"),
            ("tcp://h:1?auth[user]=u,auth[pass]=secret", "server 2: a comma"),
            ("tcp://h:1?auth[user]=u;auth[pass]=secret", "auth[user] has another parameter"),
            ("tls://h:1?stream[peer_name]=h;auth=secret", "stream[peer_name]"),
        ];
        for (path, part) in cases {
            let message = parse(path).unwrap_err().to_string();
            assert!(message.contains(part), "{path}: {message}");
            assert!(!message.contains("secret"), "{path}: {message}");
            assert!(!mask(path).contains("secret"), "{path}: {}", mask(path));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it makes sockets")]
    fn takes_the_path_of_a_socket_that_exists_as_phpredis_does() {
        let folder = std::env::temp_dir().join(format!("sockets-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        for name in ["r.sock:1", "r.sock&auth=word", "a=b", "r@1", "r;1", "é+~_-.sock"] {
            let socket = folder.join(name);
            let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            for scheme in ["unix://", "unix:", ""] {
                let path = format!("{scheme}{}", socket.display());
                let read = parse(&format!("{path}?database=2")).unwrap();
                assert_eq!((read.endpoint, read.database), (Endpoint::Unix(socket.clone()), 2));
            }
            drop(listener);
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            parse("unix:///nowhere/my-1_é+~.sock").unwrap().endpoint,
            Endpoint::Unix("/nowhere/my-1_é+~.sock".into())
        );
    }

    #[test]
    fn masks_whatever_could_be_a_password() {
        assert_eq!(mask("tcp://h:1?database=1"), "tcp://h:1?database=1");
        assert_eq!(mask("tcp://h:1?auth=a&database=1"), "tcp://h:1?***");
        assert_eq!(mask("tcp://h:1?auth=a&b=c"), "tcp://***");
        assert_eq!(mask("h:1:word"), "***");
        assert_eq!(mask("word://h"), "***");
        assert_eq!(mask("redis://h/word"), "redis://***");
        assert_eq!(mask("redis://u:p?x@h:1/2"), "redis://***");
        assert_eq!(mask("seed[]=a&AUTH=x"), "***");
        for path in ["seed[]=h:1&auth=x?y", "auth=x?y&seed[]=h:1", "timeout=1&seed[]=h:1&%61uth[]=x?"] {
            assert_eq!(mask(path), "***");
        }
        assert_eq!(mask("tcp://h:1?auth=x@y"), "tcp://***");
        for first in ["h:1?auth=x@y", "tcp:/u:word@h:1", ":word@h:1", "u:word@h", "redis:/u:word@h"] {
            for next in [",tcp://h:2", ", redis://:word@h", "&prefix=a://b"] {
                assert_eq!(mask(&format!("{first}{next}")), "***");
            }
        }
        assert_eq!(mask("tcp://h:1?%61uth=x"), "tcp://h:1?***");
        assert_eq!(mask("tcp://h:1?%ff&%61uth=x"), "tcp://***");
    }

    #[test]
    fn reads_shards_and_sentinels() {
        let shards = parse_all("tcp://a:1?weight=2&auth=x, b:2?auth=y,unix:///s").unwrap();
        assert_eq!(shards.iter().map(|shard| shard.weight).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(shards[1].password.as_deref(), Some("y"));
        assert_eq!(parse_all("redis://:x@a,redis://u:y@b").unwrap()[1].password.as_deref(), Some("y"));

        let path = parse("sentinel://u:p@s1:1,[::1]:2, s3/my%2Fmaster/4?sentinel_auth=sp&tls=0").unwrap();
        let sentinel = Sentinel {
            nodes: vec![("s1".into(), 1), ("::1".into(), 2), ("s3".into(), 26379)],
            master: "my/master".into(),
            username: None,
            password: Some(Secret::new("sp")),
        };
        assert_eq!(path.endpoint, Endpoint::Sentinel(sentinel));
        assert_eq!(
            (path.username.as_deref(), path.password.as_deref(), path.database),
            (Some("u"), Some("p"), 4)
        );
        assert_eq!(path.tls, None);
    }

    #[test]
    fn reads_clusters() {
        let nodes = |path: &SavePath| match &path.endpoint {
            Endpoint::Cluster(nodes) => nodes.clone(),
            other => panic!("no cluster: {other:?}"),
        };
        let path = parse("cluster://u:p%40x@h1:7000, [::1]:7001,h3/0?prefix=x&timeout=1").unwrap();
        assert_eq!(nodes(&path), [("h1".into(), 7000), ("::1".into(), 7001), ("h3".into(), 6379)]);
        assert_eq!((path.username.as_deref(), path.password.as_deref()), (Some("u"), Some("p@x")));
        assert_eq!((path.prefix.as_deref(), path.tls.is_some()), (Some("x"), false));

        let path = parse(
            "seed[]=h1:7000&seed%5B%5D=h2:7001&seed[2]=h3:1&timeout=2&read_timeout=2.5&failover=distribute\
             &persistent=1&auth[]=u&auth[]=a+b&prefix=P%3A&retry_interval=1",
        )
        .unwrap();
        assert_eq!(nodes(&path), [("h1".into(), 7000), ("h2".into(), 7001), ("h3".into(), 1)]);
        assert_eq!((path.username.as_deref(), path.password.as_deref()), (Some("u"), Some("a b")));
        assert_eq!(path.prefix.as_deref(), Some("P:"));
        assert_eq!(path.read_timeout, Some(Duration::from_millis(2500)));

        // This avoids the system's authorities, which Miri takes minutes to read.
        let path = parse("timeout=2&seed[]=tls://h1:7000&stream[verify_peer]=0").unwrap();
        assert_eq!((nodes(&path), path.tls.is_some()), (vec![("h1".into(), 7000)], true));
        assert!(parse("seed[]=h1:7000&stream[verify_peer]=0").unwrap().tls.is_some());
        assert!(parse("cluster://h1?tls=1&stream[verify_peer]=0").unwrap().tls.is_some());
    }
}
