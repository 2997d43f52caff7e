//! The probe with which a connection to a session's server begins, in the trip of its handshake. It
//! shows if the server carries out scripts and transactions, and if the user may run them.
//!
//! A server that lacks scripts, or a user without the right to them, is so noticed when the session
//! starts, and not when it is to be saved. Transactions ([`super::transaction`]) are a courtesy:
//! without them, scripts do the same.
//!
//! If a server refused MULTI but not the commands after it, a release by transaction would be
//! carried out regardless of all changes. Some proxies accept a WATCH and ignore it. So the
//! transaction of the probe must fail, because the script before it changes the watched key.

use redis::Value;

use super::script::PROBE;
use crate::{error::server_error, resp::Command};

/// The abilities of a connection's server and user. Rights can be taken away later, which harms
/// only a session whose lock is lost at that very moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// Set if scripts that write are carried out, as only a master does.
    pub scripts: bool,
    /// Set if transactions are carried out as they should be.
    pub transactions: bool,
    /// Set if the server says that it is a replica.
    pub replica: bool,
}

/// The parts of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Scripts and transactions.
    All,
    /// Scripts alone, for a server that does not let the client end a transaction, or that ends the
    /// connection instead of an error reply.
    Scripts,
}

/// Returns the commands of a probe with `key`, which no client uses.
#[must_use]
pub fn commands(key: &str, scope: Scope) -> Vec<Command<'static>> {
    let mut commands = vec![Command::eval(&PROBE.text, &[key])];
    let by_digest = Command::evalsha(&PROBE.sha, &[key]);
    match scope {
        Scope::Scripts => commands.push(by_digest),
        Scope::All => {
            let mut watch = Command::new("WATCH");
            watch.arg(key);
            commands.extend([watch, by_digest, Command::new("MULTI"), Command::new("EXEC")]);
        }
    }
    commands
}

/// Reads the replies to [`commands`]. Returns `None` if a transaction is still open.
#[must_use]
pub fn read(replies: &[Value]) -> Option<Capabilities> {
    let is_done = |reply: &Value| *reply == Value::Int(1);
    let replica = match replies.first() {
        Some(Value::ServerError(error)) => server_error(error).is_demotion(),
        _ => false,
    };
    match replies {
        [_, _, _, Value::Okay, Value::ServerError(_)] => None,
        [text, digest] => {
            Some(Capabilities { scripts: is_done(text) && is_done(digest), transactions: false, replica })
        }
        [text, watch, digest, multi, exec] => {
            let scripts = is_done(text) && is_done(digest);
            let fails = *watch == Value::Okay && *multi == Value::Okay && *exec == Value::Nil;
            Some(Capabilities { scripts, transactions: scripts && fails, replica })
        }
        _ => Some(Capabilities::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_transaction_that_fails_is_one_that_works() {
        let error = || redis::parse_redis_value(b"-NOPERM x\r\n").unwrap();
        let (done, ok) = (|| Value::Int(1), || Value::Okay);
        let can =
            |scripts, transactions| Some(Capabilities { scripts, transactions, ..Capabilities::default() });
        assert_eq!(read(&[done(), ok(), done(), ok(), Value::Nil]), can(true, true));
        // The WATCH had no effect.
        assert_eq!(read(&[done(), ok(), done(), ok(), Value::Array(vec![])]), can(true, false));
        assert_eq!(read(&[done(), error(), done(), error(), error()]), can(true, false));
        assert_eq!(read(&[done(), error(), done(), ok(), Value::Nil]), can(true, false));
        assert_eq!(read(&[error(), ok(), done(), ok(), Value::Nil]), can(false, false));
        assert_eq!(read(&[done(), ok(), error(), ok(), Value::Array(vec![])]), can(false, false));
        let readonly = redis::parse_redis_value(b"-READONLY You can't write against a replica\r\n").unwrap();
        let replica = Capabilities { replica: true, ..Capabilities::default() };
        assert_eq!(read(&[readonly.clone(), ok(), readonly, ok(), Value::Array(vec![])]), Some(replica));
        // A server that answers everything with OK.
        assert_eq!(read(&[ok(), ok(), ok(), ok(), ok()]), can(false, false));
        assert_eq!(read(&[done(), ok(), done(), ok(), error()]), None);
        assert_eq!(read(&[done(), done()]), can(true, false));
        assert_eq!(read(&[done(), error()]), can(false, false));
    }
}
