//! The scripts' arguments, as the head of each script lists them.

use super::{
    Acquire, Claim, FOREIGN_MS, GRACE_MS, HANDOFF_MS, MARGIN_MS, Mode, Op, Release, SLACK_MS, Write,
    resp::Command,
    scripts::{ACQUIRE, CLAIM, READ, RELEASE, Script, WRITE},
};
use crate::{lock::random_hex, session::Keys};

/// One script with its arguments.
pub struct Call<'a> {
    pub script: &'static Script,
    pub command: Command<'a>,
}

impl Call<'_> {
    fn new(script: &'static Script, keys: &[&str]) -> Self {
        Self { script, command: Command::evalsha(&script.sha, keys) }
    }

    /// A copy that keeps all arguments itself.
    pub fn to_owned(&self) -> Call<'static> {
        Call { script: self.script, command: self.command.to_owned() }
    }
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
        .number(SLACK_MS)
        .number(GRACE_MS)
        .number(FOREIGN_MS)
        .number(acquire.mixed.into())
        .number(HANDOFF_MS);
    call
}

/// `receipt_ms`: how long Redis remembers what became of it.
pub fn release<'a>(keys: &Keys, release: &Release<'a>, receipt_ms: u64) -> Call<'a> {
    let receipt = keys.receipt(&release.receipt());
    let names = [&*keys.data, &*keys.lock, &*keys.wake, &*keys.waiters, &*receipt, &*keys.tombstone];
    let (op, data) = op_args(release.op);
    let mut call = Call::new(&RELEASE, &names);
    call.command
        .arg(release.token)
        .arg(release.base.unwrap_or(""))
        .arg(op)
        .data(data)
        .number(release.ttl)
        .arg(release.tombstone.unwrap_or(""))
        .number(release.hold.into())
        .number((release.again > 0).into())
        .arg(random_hex())
        .number(HANDOFF_MS)
        .number(MARGIN_MS)
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

pub fn write<'a>(keys: &Keys, write: &Write<'a>) -> Call<'a> {
    let (op, data) = op_args(write.op);
    let mut call = Call::new(&WRITE, &[&keys.data, &keys.tombstone]);
    call.command
        .arg(op)
        .data(data)
        .number(write.ttl)
        .arg(write.tombstone.unwrap_or(""))
        .arg(random_hex())
        .number(write.tombstone_ms);
    call
}

pub fn claim(keys: &Keys, claim: &Claim) -> Command<'static> {
    // By its text: nobody reads this reply soon enough to send the text after a NOSCRIPT.
    let mut command = Command::eval(CLAIM.text, &[&keys.lock, &keys.waiters]);
    command.arg(&claim.token).number(claim.lease).arg(&claim.base).arg(&*claim.info);
    command
}

fn op_args(op: Op<'_>) -> (&'static str, &[u8]) {
    match op {
        Op::Set(data) => ("set", data),
        Op::Keep => ("keep", b""),
        Op::Restore(data) => ("restore", data),
        Op::None => ("none", b""),
        Op::Delete => ("del", b""),
        Op::SetAside(key) => ("aside", key.as_bytes()),
    }
}
