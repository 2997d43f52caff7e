//! Finds the master that sentinels name.
//!
//! Each new connection asks the sentinels for the master, and every sign of a failover leads to a
//! new connection. While a connection lives, [`super::switch`] continues to ask.

use std::{
    io,
    time::{Duration, Instant},
};

use redis::{FromRedisValue, Value};

use super::{
    connection::Connection,
    stream::Timeouts,
    unreachable::{Unreachable, cause},
};
use crate::{
    config::{Endpoint, Sentinel, Target},
    error::StoreError,
    process::printable,
    resp::Command,
};

/// The longest host name that DNS allows.
const MAX_HOST: usize = 255;

/// A connection to the master, and the sentinel that led to it.
pub struct Found {
    pub connection: Connection,
    /// The address of the master, as it was named.
    pub master: Endpoint,
    /// The connection to the sentinel that named the master, and the sentinel's number, or `None`
    /// if no sentinel did.
    pub sentinel: Option<(usize, Connection)>,
}

/// The knowledge that a process has before it asks.
#[derive(Default)]
pub struct Known {
    /// The last known master, which is tried if no sentinel answers.
    pub last: Option<Endpoint>,
    /// The master until a sentinel named another server. A sentinel that still names it may be
    /// behind, so the others are asked first.
    pub left: Option<Endpoint>,
    /// The number of the sentinel that is asked first.
    pub first: usize,
}

/// Opens a connection to the master. The sentinels that do not answer and the servers that
/// sentinels name share the time for connecting. `probe` is the key for [`Connection::open`].
pub fn open(
    sentinel: &Sentinel,
    target: &Target,
    timeouts: Timeouts,
    known: Known,
    probe: Option<&str>,
) -> Result<Found, StoreError> {
    let deadline = Instant::now() + timeouts.connect;
    let time = || deadline.saturating_duration_since(Instant::now());
    let mut problems = Unreachable::default();
    let mut none_answered = true;
    // The servers that did not answer within their share.
    let mut slow: Vec<Endpoint> = Vec::new();
    let mut named_left = None;
    let Known { last, left, first } = known;
    for asked in 0..sentinel.nodes.len() {
        let number = (first + asked) % sentinel.nodes.len();
        let node = &sentinel.nodes[number];
        let nodes_left = u32::try_from(sentinel.nodes.len() - asked).unwrap_or(u32::MAX);
        // One more share is for the master itself.
        let share = time() / (nodes_left + 1);
        if share.is_zero() {
            break;
        }
        let named = match ask(sentinel, node, target, within(share, timeouts)) {
            Ok(named) => named,
            Err(problem) if problem.is_limit() => return Err(problem),
            Err(problem) => {
                none_answered &= is_gone(&problem);
                problems.add(node, refusal(problem));
                continue;
            }
        };
        none_answered = false;
        let (master, connection) = named;
        let problem = if slow.contains(&master) {
            "it names the same server".to_owned()
        } else if left.as_ref() == Some(&master) {
            named_left = Some(master);
            "it names the master that another has replaced".to_owned()
        } else {
            // The other sentinels may name another server.
            match open_master(&master, target, time() / nodes_left, timeouts.read, probe) {
                Ok(to_master) => {
                    let sentinel = Some((number, connection));
                    return Ok(Found { connection: to_master, master, sentinel });
                }
                // An error from the master does not depend on which sentinel named it: stop here.
                Err(error @ StoreError::Server(_)) => return Err(error),
                Err(error) if error.is_limit() => return Err(error),
                Err(problem) => {
                    let text = format!("{master}: {}", cause(&problem));
                    if is_timeout(&problem) {
                        slow.push(master);
                    }
                    text
                }
            }
        };
        problems.add(node, problem);
    }
    // The rest of the time is for a server that was only slow, for a previous master that is the
    // master again, and for the last known master.
    let last = last.filter(|_| none_answered);
    for master in slow.into_iter().chain(named_left).chain(last) {
        if time() > Duration::ZERO
            && let Ok(connection) = open_master(&master, target, time(), timeouts.read, probe)
        {
            return Ok(Found { connection, master, sentinel: None });
        }
    }
    Err(problems.into_error(format_args!("no sentinel led to the master {:?}", sentinel.master)))
}

/// Opens a connection to one sentinel.
pub fn connect(
    sentinel: &Sentinel,
    (host, port): &(String, u16),
    target: &Target,
    timeouts: Timeouts,
) -> Result<Connection, StoreError> {
    let node = Target {
        endpoint: Endpoint::Tcp { host: host.clone(), port: *port },
        username: sentinel.username.clone(),
        password: sentinel.password.clone(),
        database: 0,
        tls: target.tls.clone(),
    };
    let mut connection = Connection::open(&node, timeouts, Some(Instant::now() + timeouts.connect), None)?;
    connection.leave_no_time();
    Ok(connection)
}

/// Returns the command `SENTINEL GET-MASTER-ADDR-BY-NAME`.
pub fn question(sentinel: &Sentinel) -> Command<'static> {
    let mut command = Command::new("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg(&sentinel.master);
    command
}

/// Reads the reply to [`question`].
pub fn answer(sentinel: &Sentinel, answer: Value) -> Result<Endpoint, StoreError> {
    if answer == Value::Nil {
        let text = format!("it knows no master {:?}", sentinel.master);
        return Err(StoreError::Connect(io::Error::other(text)));
    }
    match <(String, u16)>::from_redis_value(answer) {
        // An address that leads nowhere says nothing about the master: the known master may still
        // serve.
        Ok((host, port)) if port != 0 && is_host(&host) => Ok(Endpoint::Tcp { host, port }),
        _ => Err(StoreError::Protocol("an unexpected reply to SENTINEL".into())),
    }
}

/// Returns true if a server has named a host that can be looked up and shown in a message.
pub fn is_host(host: &str) -> bool {
    !host.is_empty() && host.len() <= MAX_HOST && printable(host) == host
}

/// Returns the command `SENTINEL MASTER`.
pub fn details(sentinel: &Sentinel) -> Command<'static> {
    let mut command = Command::new("SENTINEL");
    command.arg("MASTER").arg(&sentinel.master);
    command
}

/// Reads the number of the failover that made the master, from the reply to [`details`]. Sentinels
/// agree on the number, which grows with each failover.
pub fn config_epoch(details: Value) -> Option<u64> {
    let fields = Vec::<String>::from_redis_value(details).ok()?;
    let (_, value) =
        fields.chunks_exact(2).map(|pair| (&pair[0], &pair[1])).find(|(name, _)| *name == "config-epoch")?;
    value.parse().ok()
}

fn ask(
    sentinel: &Sentinel,
    node: &(String, u16),
    target: &Target,
    timeouts: Timeouts,
) -> Result<(Endpoint, Connection), StoreError> {
    let until = Instant::now() + timeouts.connect;
    let mut connection = connect(sentinel, node, target, timeouts)?;
    connection.answers_until(until);
    let reply = connection.request(&mut question(sentinel), timeouts.read)?;
    Ok((answer(sentinel, reply)?, connection))
}

/// Returns the reason why a sentinel names no master.
fn refusal(problem: StoreError) -> String {
    match problem {
        StoreError::Server(error) => format!(
            "the sentinel says {:?}, see sentinel_auth and sentinel_user in session.save_path",
            format!("{} {}", error.code, error.detail).trim_end()
        ),
        problem => cause(&unanswered(problem)),
    }
}

/// Opens a connection to a server and checks that the server is the master. Sentinels may not know
/// yet that the master has become a replica, so only the server's own word counts.
fn open_master(
    master: &Endpoint,
    target: &Target,
    share: Duration,
    read: Duration,
    probe: Option<&str>,
) -> Result<Connection, StoreError> {
    let target = Target { endpoint: master.clone(), ..target.clone() };
    let timeouts = within(share, Timeouts { connect: share, read });
    let until = Instant::now() + share;
    let mut connection = Connection::open(&target, timeouts, Some(until), probe).map_err(unanswered)?;
    connection.answers_until(until);
    let role = connection.request(&mut Command::new("ROLE"), timeouts.read).map_err(unanswered)?;
    match role {
        Value::Array(parts) if parts.first() == Some(&Value::BulkString(b"master".to_vec())) => {
            Ok(connection)
        }
        _ => Err(StoreError::Connect(io::Error::other(
            "the server that it names is not the master (any more)",
        ))),
    }
}

fn within(share: Duration, timeouts: Timeouts) -> Timeouts {
    Timeouts { connect: share, read: timeouts.read.min(share) }
}

/// Converts a failure of the first exchange into a failure to connect. No command was carried out
/// yet, and the time was a share of the time for connecting, so the failure concerns the way to the
/// server.
pub fn unanswered(problem: StoreError) -> StoreError {
    match problem {
        StoreError::Broken(ref error) => {
            StoreError::Connect(io::Error::new(error.kind(), problem.to_string()))
        }
        StoreError::Protocol(_) => StoreError::Connect(io::Error::other(problem.to_string())),
        StoreError::Timeout(_) => {
            let text = "no answer in its part of rustredis.connect_timeout";
            StoreError::Connect(io::Error::new(io::ErrorKind::TimedOut, text))
        }
        problem => problem,
    }
}

/// Returns true if the sentinel cannot be reached. A sentinel that answers but names no master does
/// not count.
fn is_gone(problem: &StoreError) -> bool {
    match problem {
        StoreError::Connect(error) => error.kind() != io::ErrorKind::Other,
        StoreError::Timeout(_) | StoreError::Broken(_) => true,
        _ => false,
    }
}

fn is_timeout(problem: &StoreError) -> bool {
    matches!(problem, StoreError::Connect(error) if error.kind() == io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_failover_is_one_of_many_fields() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let reply = |fields: &[&str]| Value::Array(fields.iter().map(|text| bulk(text)).collect());
        assert_eq!(
            config_epoch(reply(&["name", "config-epoch", "config-epoch", "7", "quorum", "2"])),
            Some(7)
        );
        assert_eq!(config_epoch(reply(&["name", "m", "config-epoch", "x"])), None);
        assert_eq!(config_epoch(reply(&["127.0.0.1", "6379"])), None);
        assert_eq!(config_epoch(Value::Nil), None);
    }

    #[test]
    fn an_answer_without_a_usable_address_names_nobody() {
        let sentinel =
            Sentinel { nodes: Vec::new(), master: "mymaster".into(), username: None, password: None };
        let named = |host: &str, port: &str| {
            let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
            answer(&sentinel, Value::Array(vec![bulk(host), bulk(port)]))
        };
        let good = Endpoint::Tcp { host: "a".into(), port: 1 };
        assert_eq!(named("a", "1").unwrap(), good);
        let long = "a".repeat(256);
        for (host, port) in
            [("a", "0"), ("a", "65536"), ("a", "x"), ("", "1"), (&*long, "1"), ("a\0b", "1"), ("a\x1bb", "1")]
        {
            let answer = named(host, port);
            assert!(matches!(answer, Err(StoreError::Protocol(_))), "{host:?} {port}: {answer:?}");
        }
    }
}
