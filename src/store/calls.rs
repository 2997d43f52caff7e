//! The arguments of the scripts, in the order that the head of each script lists.

use super::{
    Acquire, Claim, Mode, Op, Release, Write,
    scripts::{ACQUIRE, CLAIM, READ, RELEASE, Script, UNLOCK, WRITE},
};
use crate::{process::random_hex, protocol::Keys, resp::Command};

/// Values with more bytes than this are stored by a command of their own, for the script to find.
/// Redis' Lua hashes every byte of every string argument; up to this size, that costs less than
/// another command.
const LARGE: usize = 1 << 10;

/// A script with its arguments, and the command to send before it.
#[derive(Clone)]
pub struct Call<'a> {
    pub script: &'static Script,
    pub command: Command<'a>,
    /// Stores the new value where the script expects it. This command is sent before the script.
    pub stage: Option<Command<'a>>,
}

/// The two ways to send a new value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// The value goes beside the script if that costs less.
    Beside,
    /// The value is an argument.
    Inside,
}

impl Call<'_> {
    fn new(script: &'static Script, keys: &[&str]) -> Self {
        Self { script, command: Command::evalsha(&script.sha, keys), stage: None }
    }

    /// Returns the same call with the script's text, for a server that does not know the digest.
    pub fn by_text(&self) -> Self {
        Self { command: self.command.to_eval(&self.script.text), ..self.clone() }
    }

    /// Returns a copy that owns all its arguments.
    pub fn to_owned(&self) -> Call<'static> {
        Call {
            script: self.script,
            command: self.command.to_owned(),
            stage: self.stage.as_ref().map(Command::to_owned),
        }
    }
}

/// The longest life, in seconds, of a value that a script is to move to its place. A refused script
/// leaves the value behind, and a copy of a session must not outlive a logout for long.
const STAGED: u64 = 60;

/// Stores a new value under `key`. A script moves the value to its place, with the session's TTL.
fn stage<'a>(key: &str, value: &'a [u8], ttl: u64) -> Command<'a> {
    let mut set = Command::new("SET");
    set.arg(key).data(value).arg("EX").number(ttl.min(STAGED));
    set
}

pub fn acquire(keys: &Keys, acquire: &Acquire) -> Call<'static> {
    let names = [&*keys.data, &*keys.lock, &*keys.wake, &*keys.waiters, &*keys.tombstone];
    let mode = match acquire.mode {
        Mode::Any => "any",
        Mode::Known => "known",
        Mode::New => "new",
    };
    let mut call = Call::new(&ACQUIRE, &names);
    call.command
        .arg(&acquire.base)
        .arg(&acquire.token)
        .arg(acquire.held.as_deref().unwrap_or(""))
        .arg(mode)
        .arg(&*acquire.info)
        .number(acquire.lease)
        .number(acquire.ttl)
        .number(acquire.wait)
        .number(acquire.max_waiters)
        .number(acquire.recheck)
        .number(acquire.mixed.into());
    call
}

/// `receipt_ms` is the time for which Redis remembers the result of the release.
pub fn release<'a>(keys: &Keys, release: &Release<'a>, receipt_ms: u64, how: Data) -> Call<'a> {
    let receipt = keys.receipt(&release.receipt());
    let staged = staged(release.op, how).map(|data| (keys.new_value(release.token), data));
    let other = other_key(release.op, staged.as_ref());
    let names = [
        &*keys.data,
        &*keys.lock,
        &*keys.wake,
        &*keys.waiters,
        &*receipt,
        &*keys.tombstone,
        other.unwrap_or_default(),
    ];
    let (op, data) = if staged.is_some() { MOVE } else { op_args(release.op) };
    let mut call = Call::new(&RELEASE, if other.is_some() { &names } else { &names[..6] });
    call.stage = staged.as_ref().map(|(key, data)| stage(key, data, release.ttl));
    call.command
        .arg(release.token)
        .arg(release.base.unwrap_or(""))
        .arg(op)
        .data(data)
        .number(release.ttl)
        .arg(release.tombstone.unwrap_or(""))
        .number(release.hold.into())
        .number(release.retry.into())
        .arg(random_hex())
        .number(receipt_ms)
        .number(release.mixed.into())
        .number(release.tombstone_ms);
    call
}

pub fn read(keys: &Keys, ttl: u64) -> Call<'static> {
    let mut call = Call::new(&READ, &[&keys.data, &keys.tombstone]);
    call.command.number(ttl);
    call
}

pub fn write<'a>(keys: &Keys, write: &Write<'a>, how: Data) -> Call<'a> {
    let random = random_hex();
    let staged = staged(write.op, how).map(|data| (keys.new_value(&random), data));
    let other = match write.op {
        Op::Delete | Op::Leave | Op::Drop => Some(&*keys.lock),
        op => other_key(op, staged.as_ref()),
    };
    let names = [&*keys.data, &*keys.tombstone, other.unwrap_or_default()];
    let (op, data) = if staged.is_some() { MOVE } else { op_args(write.op) };
    let mut call = Call::new(&WRITE, if other.is_some() { &names } else { &names[..2] });
    call.stage = staged.as_ref().map(|(key, data)| stage(key, data, write.ttl));
    call.command
        .arg(op)
        .data(data)
        .number(write.ttl)
        .arg(write.tombstone.unwrap_or(""))
        .arg(&random)
        .number(write.tombstone_ms);
    call
}

pub fn claim(keys: &Keys, claim: &Claim) -> Command<'static> {
    // The script goes by its text: the reply is read too late to send the text after a NOSCRIPT.
    let mut command = Command::eval(&CLAIM.text, &[&keys.lock, &keys.waiters, &keys.tombstone]);
    command.arg(&claim.token).number(claim.lease).arg(&claim.base).arg(&*claim.info);
    command
}

pub fn unlock(keys: &Keys, token: &str) -> Command<'static> {
    // The script goes by its text, because this client never reads the reply.
    let mut command = Command::eval(&UNLOCK.text, &[&keys.lock]);
    command.arg(token);
    command
}

/// Returns the value if it is worth a command beside the script.
fn staged(op: Op<'_>, how: Data) -> Option<&[u8]> {
    match op {
        Op::Set(data) if how == Data::Beside && data.len() > LARGE => Some(data),
        _ => None,
    }
}

/// The operation for an [`Op::Set`] whose value goes beside the script.
const MOVE: (&str, &[u8]) = ("move", b"");

/// The key that a script moves a value from or to.
fn other_key<'a>(op: Op<'a>, staged: Option<&'a (String, &[u8])>) -> Option<&'a str> {
    match op {
        Op::SetAside(key) => Some(key),
        _ => staged.map(|(key, _)| &**key),
    }
}

fn op_args(op: Op<'_>) -> (&'static str, &[u8]) {
    match op {
        Op::Set(data) => ("set", data),
        Op::Keep => ("keep", b""),
        Op::Restore(data) => ("restore", data),
        Op::None => ("none", b""),
        Op::Delete => ("del", b""),
        Op::Leave => ("leave", b""),
        Op::Drop => ("drop", b""),
        Op::SetAside(_) => ("aside", b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_on_its_way_lives_as_long_as_the_session_or_a_minute() {
        for (ttl, life) in [(5, 5), (1440, 60)] {
            let mut expected = Command::new("SET");
            expected.arg("k").data(b"v").arg("EX").number(life);
            let bytes = |command: &mut Command<'_>| -> Vec<u8> {
                command.pieces().iter().flat_map(|piece| piece.to_vec()).collect()
            };
            assert_eq!(bytes(&mut stage("k", b"v", ttl)), bytes(&mut expected));
        }
    }
}
