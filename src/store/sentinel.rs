//! The master that sentinels name.
//!
//! It is asked for whenever a connection is made, and connections are made anew after every sign of a failover: so
//! nothing about the topology is remembered, and nothing can be out of date.

use std::{io, time::Instant};

use redis::{FromRedisValue, Value};

use super::{
    StoreError,
    connection::Connection,
    problems::{Problems, cause},
    resp::Command,
    stream::Timeouts,
};
use crate::config::{Endpoint, Sentinel, Target};

/// A connection to the master. The time for connecting is shared out among the sentinels that do not answer.
pub fn open(sentinel: &Sentinel, target: &Target, timeouts: Timeouts) -> Result<Connection, StoreError> {
    let deadline = Instant::now() + timeouts.connect;
    let mut problems = Problems::default();
    for (asked, node) in sentinel.nodes.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let nodes_left = u32::try_from(sentinel.nodes.len() - asked).unwrap_or(u32::MAX);
        // One more share, for the master itself.
        let share = left / (nodes_left + 1);
        if share.is_zero() {
            break;
        }
        let bounded = Timeouts { connect: share, read: timeouts.read.min(share) };
        let found = ask(sentinel, node, target, bounded).map_err(|problem| match problem {
            StoreError::Server(error) => format!(
                "the sentinel says {:?}, see sentinel_auth and sentinel_user in session.save_path",
                format!("{} {}", error.code, error.detail).trim_end()
            ),
            problem => cause(&problem),
        });
        let found = match found {
            Ok(master) => {
                let left = deadline.saturating_duration_since(Instant::now());
                open_master(master, target, Timeouts { connect: left, ..timeouts })
            }
            Err(problem) => Err(StoreError::Connect(io::Error::other(problem))),
        };
        let problem = match found {
            // What the master itself refuses it refuses whichever sentinel names it.
            Ok(_) | Err(StoreError::Server(_)) => return found,
            Err(problem) => cause(&problem),
        };
        problems.add(node, problem);
    }
    Err(problems.into_error(format_args!("no sentinel led to the master {:?}", sentinel.master)))
}

/// SENTINEL GET-MASTER-ADDR-BY-NAME
fn ask(
    sentinel: &Sentinel,
    (host, port): &(String, u16),
    target: &Target,
    timeouts: Timeouts,
) -> Result<Endpoint, StoreError> {
    let node = Target {
        endpoint: Endpoint::Tcp { host: host.clone(), port: *port },
        username: sentinel.username.clone(),
        password: sentinel.password.clone(),
        database: 0,
        tls: target.tls.clone(),
    };
    let mut connection = Connection::open(&node, timeouts)?;
    let answer = connection.request(
        Command::new("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&sentinel.master),
        std::time::Duration::ZERO,
    )?;
    if answer == Value::Nil {
        let text = format!("it knows no master {:?}", sentinel.master);
        return Err(StoreError::Connect(io::Error::other(text)));
    }
    let (host, port) = <(String, u16)>::from_redis_value(answer)
        .map_err(|_| StoreError::Protocol("an unexpected reply to SENTINEL".into()))?;
    Ok(Endpoint::Tcp { host, port })
}

/// Sentinels may not know yet that the master has become a replica: only its own word counts.
fn open_master(endpoint: Endpoint, target: &Target, timeouts: Timeouts) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(&Target { endpoint, ..target.clone() }, timeouts)?;
    let role = connection.request(&mut Command::new("ROLE"), std::time::Duration::ZERO)?;
    match role {
        Value::Array(parts) if parts.first() == Some(&Value::BulkString(b"master".to_vec())) => {
            Ok(connection)
        }
        _ => Err(StoreError::Connect(io::Error::other(
            "the server that it names is not the master (any more)",
        ))),
    }
}
