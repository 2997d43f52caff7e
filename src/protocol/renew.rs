//! The renewal of a lease: `renew.lua`.

use std::time::Duration;

use redis::Value;

use super::{
    reply::{self, Result},
    script::{RENEW, ScriptCall},
};

/// The arguments of `renew.lua`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Renew<'a> {
    /// The token of the lock.
    pub token: &'a str,
    /// The new lease.
    pub lease: Duration,
}

impl Renew<'_> {
    /// `renew.lua` with its arguments. `keys` are the lock and, if it can be named, the state.
    #[must_use]
    pub fn call(&self, keys: &[&str]) -> ScriptCall<'static> {
        let mut call = ScriptCall::new(&RENEW, keys);
        call.command.arg(self.token).number(u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX));
        call
    }

    /// Returns false if the lock no longer belongs to this token.
    pub fn parse(value: &Value) -> Result<bool> {
        reply::flag(value)
    }
}
