//! The errors between this client and Redis, distinguished by the possible remedies.

use crate::{
    process::{limits, without_number},
    resp::TOO_LARGE,
};
use std::{fmt, io, time::Duration};

/// The most characters of an error reply in a message. Redis' own error texts are shorter.
const MAX_SHOWN: usize = 300;

/// A time in seconds as messages show it. The rest of a shared time has nanoseconds.
#[must_use]
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// The reason why a command failed.
#[derive(Debug)]
pub enum StoreError {
    /// No connection could be made; nothing was sent.
    Connect(io::Error),
    /// Every pooled connection of this process stayed in use for the whole `rustredis.pool_wait`.
    PoolExhausted(Duration),
    /// The connection broke after the command was sent. The command may or may not have been
    /// carried out.
    Broken(io::Error),
    /// No complete reply arrived within `rustredis.read_timeout`. The command may or may not have
    /// been carried out.
    Timeout(Duration),
    /// Redis refused the command.
    Server(ServerError),
    /// The same, because the server has become a replica. A new connection may lead to the master.
    Demoted(ServerError),
    /// The stored value has this many bytes, more than PHP's memory_limit leaves.
    TooLarge(u64),
    /// The reply is not possible for this command.
    Protocol(String),
}

/// An error reply: its first word and the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// `OOM`, `WRONGPASS`, `READONLY` ...
    pub code: String,
    /// The text after the code, without Redis' remarks about the script.
    pub detail: String,
}

impl ServerError {
    /// Reads an error line. For an error from inside a script, this returns its cause.
    ///
    /// - Redis 6 wraps the cause:
    ///   `ERR Error running script (call to f_..): @user_script:12: WRONGTYPE Operation ...`.
    /// - If Redis 6 refuses a command before the command runs, the line has
    ///   `@user_script:12: @user_script: 12: -OOM command ...`. The script itself sees the end.
    /// - Redis 7 appends ` script: <sha>, on @user_script:12.`.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        let line = match line.rsplit_once("@user_script:") {
            Some((before, place)) if before.is_empty() || before.contains("Error running script") => {
                place.split_once(": ").map_or(line, |(_, cause)| cause.trim_start_matches('-'))
            }
            _ => line,
        };
        // Before AUTH, Redis refuses commands that are longer than an AUTH can be.
        if line.contains("unauthenticated multibulk length") || line.contains("unauthenticated bulk length") {
            return Self { code: "NOAUTH".into(), detail: "Authentication required.".into() };
        }
        // Inside a script, Redis words NOPERM differently: first the text of 7.2 and Valkey, then
        // that of 7.0.
        if let Some((_, denied)) = line.split_once("ACL failure in script: ") {
            let detail = denied.split(" script: ").next().unwrap_or(denied);
            return Self { code: "NOPERM".into(), detail: detail.into() };
        }
        if line.contains("can't run this command") || line.contains("can't access at least one of the keys") {
            let detail = line.strip_prefix("ERR ").unwrap_or(line);
            return Self {
                code: "NOPERM".into(),
                detail: detail.split(" script: ").next().unwrap_or(detail).into(),
            };
        }
        let line = line.split_once(" script: ").map_or(line, |(cause, _)| cause).trim();
        // This comes from inside a script, with cluster-allow-reads-when-down.
        if line.contains("while the cluster is down") {
            return Self {
                code: "CLUSTERDOWN".into(),
                detail: line.strip_prefix("ERR ").unwrap_or(line).into(),
            };
        }
        // The rest repeats the words that were sent, such as a session id or a password.
        let line = line.split_once(", with args beginning with").map_or(line, |(cause, _)| cause);
        let (code, detail) = line.split_once(' ').unwrap_or((line, ""));
        Self { code: code.to_owned(), detail: detail.to_owned() }
    }

    /// Returns true if the same command can succeed a moment later without any intervention.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self.code.as_str(),
            // A master that becomes a replica answers UNBLOCKED to blocked clients. After a
            // failover, the replicas of the new master are still connecting: NOREPLICAS.
            "LOADING" | "BUSY" | "TRYAGAIN" | "MASTERDOWN" | "CLUSTERDOWN" | "UNBLOCKED" | "NOREPLICAS"
        )
    }

    /// Returns true if the server reads no further and closes the connection, most often after a
    /// value above its limit.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.code == "ERR" && self.detail.starts_with("Protocol error")
    }

    /// Returns true if the server takes no more connections at the moment.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.code == "ERR" && self.detail.starts_with("max number of clients")
    }

    /// Returns true if another node of the Cluster has the key.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self.code.as_str(), "MOVED" | "ASK")
    }

    /// Returns true if the server has become a replica, or has lost its master.
    #[must_use]
    pub fn is_demotion(&self) -> bool {
        matches!(self.code.as_str(), "READONLY" | "MASTERDOWN")
    }

    /// Returns true if the server, or a proxy in front of it, lacks the command that was just sent.
    #[must_use]
    pub fn is_unknown_command(&self) -> bool {
        self.code == "ERR"
            && ["unknown command", "unsupported command"].iter().any(|sign| self.detail.contains(sign))
    }

    /// Returns true if only a server older than the handler needs, or one without some of its
    /// commands (`rename-command`), gives this error. AUTH with a user and BLPOP with fractions of
    /// a second need Redis 6.0, and a write after TIME in a script needs 5.0.
    fn is_of_an_old_server(&self) -> bool {
        let signs = [
            "timeout is not an integer",
            "not allowed after non deterministic commands",
            "wrong number of arguments for 'auth' command",
            "unknown command",
            "command called from", // within a script
        ];
        signs.iter().any(|sign| self.detail.contains(sign))
    }

    /// The advice for the user, by the cause.
    fn advice(&self) -> &'static str {
        match self.code.as_str() {
            "NOAUTH" => {
                ": this Redis asks for a password, set rustredis.password (and rustredis.username for ACL users)"
            }
            "WRONGPASS" => ": check rustredis.username and rustredis.password, or auth in session.save_path",
            "NOPERM" => ": the ACL rule of this Redis user does not permit what the session handler needs",
            "READONLY" => ": this is a replica, session.save_path must point to the primary",
            "OOM" => ": Redis is at its maxmemory, see its maxmemory and maxmemory-policy",
            "MISCONF" => ": Redis cannot save to its disk and refuses writes, see its log",
            "CROSSSLOT" => {
                ": this server is part of a Redis Cluster: write cluster://host:port,host:port in session.save_path. If it \
                 is one address that shards by itself and knows no CLUSTER, give rustredis.prefix a hash tag, such as {app}:"
            }
            "MOVED" | "ASK" => {
                ": this server is part of a Redis Cluster: write cluster://host:port,host:port in session.save_path"
            }
            "CLUSTERDOWN" => {
                ": a part of the Redis Cluster has no master, see CLUSTER INFO and cluster-require-full-coverage"
            }
            "TRYAGAIN" => {
                ": the session is on its way to another node of the Redis Cluster; if this stays so, a reshard broke off: \
                 `redis-cli --cluster check HOST:PORT` shows it, `redis-cli --cluster fix HOST:PORT` ends it"
            }
            "NOREPLICAS" => {
                ": too few replicas follow this server for it to take writes, see its min-replicas-to-write and \
                 min-replicas-max-lag"
            }
            "ERR" if self.detail.contains("cluster support disabled") => {
                ": this server is no node of a Redis Cluster: write tcp://host:port in session.save_path"
            }
            "LOADING" => ": Redis is still loading its data, try again soon",
            "WRONGTYPE" => ": another program keeps something else under this key, see rustredis.prefix",
            _ if self.is_of_an_old_server() => {
                ": Redis 6.0 or newer is needed, or Valkey, with all its commands under their own names"
            }
            "ERR" if self.detail.contains("AUTH") => {
                ": check rustredis.username and rustredis.password, or auth in session.save_path"
            }
            "ERR" if self.detail.contains("invalid bulk length") => {
                ": the session is larger than this server takes, see its proto-max-bulk-len (and \
                 rustredis.max_value_size, rustredis.compression)"
            }
            "ERR" if self.is_full() => ": see its maxclients, and rustredis.pool_size",
            "ERR" if self.detail.contains("DB index") => ": check database in session.save_path",
            _ => "",
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said: String = format!("{} {}", self.code, self.detail).chars().take(MAX_SHOWN).collect();
        write!(f, "Redis says {:?}{}", said.trim_end(), self.advice())
    }
}

impl StoreError {
    /// Returns true if the connection was given up without a useful answer. The command may then go
    /// over another connection.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Protocol(_) | Self::Demoted(_))
    }

    /// Returns the failure of a command that had another time than one `rustredis.read_timeout`.
    #[must_use]
    pub fn silent(after: Duration, read_timeout: Duration) -> Self {
        let (after, limit) = (seconds(after), seconds(read_timeout));
        let text = format!("no answer within {after} s, and rustredis.read_timeout is {limit} s");
        Self::Broken(io::Error::new(io::ErrorKind::TimedOut, text))
    }

    /// Returns true if the command may have been carried out or not.
    #[must_use]
    pub fn is_unclear(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Broken(_) | Self::Protocol(_))
    }

    /// Returns true if this process has reached a limit of its own. Another server would not help.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::Connect(error) if error.kind() == limits::LIMIT)
    }

    /// Returns the failure to connect to a server that takes no more connections. It passes, and
    /// nothing was carried out.
    #[must_use]
    pub fn full(error: &ServerError) -> Self {
        Self::Connect(io::Error::new(io::ErrorKind::ResourceBusy, error.to_string()))
    }

    /// Returns the error to report if no further try follows.
    #[must_use]
    pub fn in_the_end(self) -> Self {
        match self {
            Self::Demoted(error) => Self::Server(error),
            error => error,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) if matches!(error.kind(), io::ErrorKind::ResourceBusy | limits::LIMIT) => {
                write!(f, "cannot connect: {}", Cause(error))
            }
            Self::Connect(error) => {
                write!(
                    f,
                    "cannot connect: {}. Is Redis running, and is session.save_path right?",
                    Cause(error)
                )
            }
            Self::PoolExhausted(wait) => write!(
                f,
                "all connections of this process were in use for {} s (rustredis.pool_wait): raise rustredis.pool_size",
                seconds(*wait)
            ),
            Self::Broken(error) => write!(f, "the connection broke: {}", Cause(error)),
            Self::Timeout(after) => {
                write!(f, "no answer within {} s (rustredis.read_timeout)", seconds(*after))
            }
            Self::Server(error) | Self::Demoted(error) => error.fmt(f),
            Self::TooLarge(size) => write!(f, "it has {size} bytes in Redis, more than memory_limit leaves"),
            Self::Protocol(what) => write!(f, "the answer makes no sense ({what}): is this really Redis?"),
        }
    }
}

/// An I/O error in the words that users search for.
struct Cause<'a>(&'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.0.kind(), io::ErrorKind::UnexpectedEof) {
            return f.write_str("Redis closed it");
        }
        f.write_str(&without_number(self.0))
    }
}

impl std::error::Error for StoreError {}

/// A string that was read past.
#[must_use]
pub fn too_large(error: &redis::ServerError) -> Option<StoreError> {
    let size = error.details().filter(|_| error.code() == TOO_LARGE)?;
    size.parse().ok().map(StoreError::TooLarge)
}

/// An error reply.
#[must_use]
pub fn server_error(error: &redis::ServerError) -> ServerError {
    ServerError::parse(&match error.details() {
        Some(details) => [error.code(), " ", details].concat(),
        None => error.code().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_times_without_nanoseconds() {
        let shown = |nanos| StoreError::Timeout(Duration::from_nanos(nanos)).to_string();
        assert_eq!(shown(999_892_550), "no answer within 1 s (rustredis.read_timeout)");
        assert_eq!(shown(1_488_500_369), "no answer within 1.489 s (rustredis.read_timeout)");
        assert_eq!(shown(250_000_000), "no answer within 0.25 s (rustredis.read_timeout)");
    }

    #[test]
    fn a_server_that_was_silent_for_another_time_is_told_with_both() {
        let shown = StoreError::silent(Duration::from_micros(2_500_400), Duration::from_secs(5)).to_string();
        let expected = "the connection broke: no answer within 2.5 s, and rustredis.read_timeout is 5 s";
        assert_eq!(shown, expected);
    }

    #[test]
    fn tells_a_full_server_from_one_that_is_not_there() {
        for line in
            ["ERR max number of clients reached", "ERR max number of clients + cluster connections reached"]
        {
            let error = ServerError::parse(line);
            assert!(error.is_full(), "{line}");
            let shown = StoreError::full(&error).to_string();
            assert!(shown.contains(line) && shown.contains("maxclients"), "{shown}");
            assert!(!shown.contains("Is Redis running"), "{shown}");
        }
        assert!(!ServerError::parse("ERR unknown command 'x'").is_full());
    }

    #[test]
    fn finds_the_cause_in_errors_of_scripts() {
        let seven =
            "OOM command not allowed when used memory > 'maxmemory'. script: 8f3c, on @user_script:31.";
        let six = "ERR Error running script (call to f_8f3c): @user_script:31: @user_script: 31: -OOM command not allowed when used memory > 'maxmemory'.";
        let in_script = "@user_script: 31: -OOM command not allowed when used memory > 'maxmemory'.";
        for line in [seven, six, in_script] {
            let error = ServerError::parse(line);
            assert_eq!(
                (&*error.code, &*error.detail),
                ("OOM", "command not allowed when used memory > 'maxmemory'.")
            );
        }
        let six = |cause: &str| {
            ServerError::parse(&format!(
                "ERR Error running script (call to f_8f3c): @user_script:16: {cause}"
            ))
        };
        let demoted = six("@user_script: 16: -READONLY You can't write against a read only replica.");
        assert!(demoted.is_demotion(), "{demoted:?}");
        let error = six("WRONGTYPE Operation against a key holding the wrong kind of value");
        assert_eq!(
            (&*error.code, &*error.detail),
            ("WRONGTYPE", "Operation against a key holding the wrong kind of value")
        );
        let error =
            six("@user_script: 16: The user executing the script can't run this command or subcommand");
        assert_eq!(
            (&*error.code, &*error.detail),
            ("NOPERM", "The user executing the script can't run this command or subcommand")
        );
    }

    #[test]
    fn tells_what_only_an_old_or_incomplete_server_says() {
        let in_script = "@user_script:1: @user_script: 1: Unknown Redis command called from Lua script";
        for line in [
            "ERR unknown command `EVALSHA`, with args beginning with: `8f3c`, `2`, ",
            &format!("ERR Error running script (call to f_8f3c): {in_script}"),
            "ERR Unknown Redis command called from script script: 8f3c, on @user_script:1.",
            "ERR Unknown command called from script script: on @user_script:1.",
        ] {
            let shown = ServerError::parse(line).to_string();
            assert!(shown.contains("Redis 6.0 or newer"), "{shown}");
        }
    }

    #[test]
    fn leads_to_a_hash_tag_where_one_address_shards() {
        let shown = ServerError::parse("CROSSSLOT Keys in request don't hash to the same slot").to_string();
        assert!(shown.contains("cluster://") && shown.contains("hash tag"), "{shown}");
        for line in ["ERR unknown command 'CLUSTER'", "ERR unsupported command 'cluster'"] {
            assert!(ServerError::parse(line).is_unknown_command(), "{line}");
        }
        assert!(!ServerError::parse("ERR This instance has cluster support disabled").is_unknown_command());
    }

    #[test]
    fn keeps_arguments_and_endless_text_to_itself() {
        let unknown = "ERR unknown command 'AUTH', with args beginning with: 'web' 'the-secret' ";
        let shown = ServerError::parse(unknown).to_string();
        assert!(shown.contains("unknown command 'AUTH'") && !shown.contains("secret"), "{shown}");
        assert!(ServerError::parse(&"x".repeat(1 << 20)).to_string().len() < 500);
    }

    #[test]
    fn says_what_to_look_at() {
        let denied = "ERR The user executing the script can't run this command or subcommand script: 8f, on @user_script:3.";
        assert!(ServerError::parse(denied).to_string().contains("ACL"));
        let denied = "ERR ACL failure in script: User web has no permissions to run the 'mget' command script: 8f, on @user_script:3.";
        let error = ServerError::parse(denied);
        assert_eq!(
            (&*error.code, &*error.detail),
            ("NOPERM", "User web has no permissions to run the 'mget' command")
        );
        assert!(ServerError::parse("READONLY You can't write").to_string().contains("replica"));
        for line in ["NOAUTH x", "ERR Protocol error: unauthenticated multibulk length"] {
            assert!(ServerError::parse(line).to_string().contains("rustredis.password"));
        }
    }
}
