//! The Lua scripts. Each script is a file, whose head describes its arguments and its reply. Redis
//! gets the code without comments and indentation, because a deferred release sends the code each
//! time (`write_ack=deferred`).

use std::sync::LazyLock;

use crate::resp::Command;

/// A script, and the SHA1 digest by which Redis knows it.
pub struct Script {
    pub text: String,
    pub sha: String,
}

impl Script {
    fn new(source: &str) -> Self {
        let lines = source.lines().map(code).filter(|line| !line.is_empty());
        let text = lines.collect::<Vec<_>>().join("\n");
        let sha = redis::Script::new(&text).get_hash().to_owned();
        Self { text, sha }
    }
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.split("--").next().unwrap_or_default().trim()
}

pub static ACQUIRE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/acquire.lua")));
pub static RELEASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/release.lua")));
pub static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/claim.lua")));
pub static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/renew.lua")));
pub static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/read.lua")));
pub static WRITE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/write.lua")));
pub static UNLOCK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/unlock.lua")));
pub static USER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/user.lua")));
pub static PROLONG: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/prolong.lua")));
pub static PROBE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/probe.lua")));

/// The commands that a Redis user must be allowed to run, as an ACL rule. If a script's command is
/// not allowed, the server says so, but names the command only since Redis 7.2.
pub const COMMANDS: &str = "+eval +evalsha +blpop +exists +get +mget +set +del +expire +pexpire +pttl +time +lpop \
                            +rpush +rename +zadd +zcard +zrem +zremrangebyscore +hget +hset +hdel +hgetall";

/// The further commands that a Cluster needs.
pub const CLUSTER_COMMANDS: &str = "+cluster|slots +asking";

/// The further command for a master that sentinels name.
pub const SENTINEL_COMMANDS: &str = "+role";

/// The time that a handed-over lock waits for its claim, in milliseconds. Waiters stall for this
/// time if the lock's new holder has died.
pub const HANDOFF_MS: u64 = 1000;
/// The time by which a ticket disappears before its lock, in milliseconds.
pub const MARGIN_MS: u64 = 250;
/// The time by which a waiter's block exceeds the holder's lease, in milliseconds.
pub const SLACK_MS: u64 = 5;
/// The time for which a waiter still counts after the end of its block, in milliseconds.
pub const GRACE_MS: u64 = 500;
/// The longest time until a release by a client without hand-over is noticed, in milliseconds.
pub const FOREIGN_MS: u64 = 10;
/// The time for which a client may hold a lock to see if its session exists, in milliseconds.
pub const TRIAL_MS: u64 = 1000;

/// Values with more bytes than this are stored by a command of their own, for the script to find.
/// Redis' Lua hashes every byte of every string argument; up to this size, that costs less than
/// another command.
pub const LARGE: usize = 1 << 10;

/// A script with its arguments, and the command to send before it.
pub struct ScriptCall<'a> {
    pub script: &'static Script,
    pub command: Command<'a>,
    /// Stores the new value where the script expects it. This command is sent before the script.
    pub upload: Option<Command<'a>>,
}

/// The two ways to send a new value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// The value is uploaded before the script, if that costs less.
    Uploaded,
    /// The value is an argument.
    Argument,
}

impl<'a> ScriptCall<'a> {
    pub fn new(script: &'static Script, keys: &[&str]) -> Self {
        Self { script, command: Command::evalsha(&script.sha, keys), upload: None }
    }

    /// Returns the command with the script's text, for a server that does not know the digest.
    pub fn by_text(&self) -> Command<'a> {
        self.command.to_eval(&self.script.text)
    }

    /// Returns a copy that owns all its arguments.
    pub fn to_owned(&self) -> ScriptCall<'static> {
        ScriptCall {
            script: self.script,
            command: self.command.to_owned(),
            upload: self.upload.as_ref().map(Command::to_owned),
        }
    }
}

/// The longest life, in seconds, of a value that a script is to move to its place. A refused script
/// leaves the value behind, and a copy of a session must not outlive a logout for long.
const STAGED: u64 = 60;

/// Stores a new value under `key`. A script moves the value to its place, with the session's TTL.
pub fn upload<'a>(key: &str, value: &'a [u8], ttl: u64) -> Command<'a> {
    let mut set = Command::new("SET");
    set.arg(key).data(value).arg("EX").number(ttl.min(STAGED));
    set
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::protocol::{
        CLUSTER_COMMANDS, COMMANDS, FOREIGN_MS, GRACE_MS, HANDOFF_MS, MARGIN_MS, SENTINEL_COMMANDS, SLACK_MS,
        TRIAL_MS,
    };

    #[test]
    fn the_scripts_have_the_times_that_the_clients_count_on() {
        let times = format!(
            "local SLACK, GRACE, FOREIGN, HANDOFF, TRIAL = \
             {SLACK_MS}, {GRACE_MS}, {FOREIGN_MS}, {HANDOFF_MS}, {TRIAL_MS}\n"
        );
        assert!(ACQUIRE.text.contains(&times), "{times}");
        assert!(RELEASE.text.contains(&format!("local HANDOFF, MARGIN = {HANDOFF_MS}, {MARGIN_MS}\n")));
    }

    #[test]
    fn only_comments_are_left_out() {
        assert_eq!(code("  return {res}   -- the end"), "return {res}");
        for script in [&ACQUIRE, &RELEASE, &CLAIM, &RENEW, &READ, &WRITE, &UNLOCK, &USER, &PROLONG, &PROBE] {
            // A string with two hyphens would have been cut.
            assert!(script.text.lines().all(|line| line.matches('\'').count() % 2 == 0), "{}", script.text);
        }
        assert!(RELEASE.text.len() < 6000, "{}", RELEASE.text.len());
    }

    /// Dragonfly and some proxies refuse a script that touches another key.
    #[test]
    fn all_keys_of_a_script_are_among_its_keys() {
        for script in [&ACQUIRE, &RELEASE, &CLAIM, &RENEW, &READ, &WRITE, &UNLOCK, &USER, &PROLONG, &PROBE] {
            for call in script.text.split("call('").skip(1) {
                let (command, rest) = call.split_once('\'').expect("a quoted name");
                let arguments = rest.split(')').next().unwrap_or_default().split(',').map(str::trim).skip(1);
                let keys = match command {
                    "TIME" => 0,
                    "RENAME" => 2,
                    "MGET" => usize::MAX,
                    _ => 1,
                };
                for key in arguments.take(keys) {
                    let is_declared =
                        key.starts_with("KEYS[") || ["D", "L", "Q", "W", "R", "S", "U"].contains(&key);
                    assert!(is_declared, "{command} of {key}");
                }
            }
        }
    }

    #[test]
    fn the_commands_of_the_acl_rule_are_those_that_are_used() {
        let scripts = [&ACQUIRE, &RELEASE, &CLAIM, &RENEW, &READ, &WRITE, &UNLOCK, &USER, &PROLONG, &PROBE];
        let called = scripts.into_iter().flat_map(|script| script.text.split("call('").skip(1));
        let called = called.map(|rest| rest.split('\'').next().unwrap_or_default().to_lowercase());
        // A connection also sends these commands directly.
        let sent = ["eval", "evalsha", "blpop", "exists"].map(str::to_owned);
        let needed: BTreeSet<String> = called.chain(sent).map(|command| format!("+{command}")).collect();
        assert_eq!(needed, COMMANDS.split(' ').map(str::to_owned).collect());
        let rule = format!("ACL SETUSER sessions on >PASSWORD ~PHPREDIS_SESSION:* {COMMANDS}\n");
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&rule), "README.md should have: {rule}");
        let more = format!("Sentinel `{SENTINEL_COMMANDS}`, a Cluster `{CLUSTER_COMMANDS} ");
        assert!(readme.contains(&more), "README.md should have: {more}");
    }

    #[test]
    fn a_copy_on_its_way_lives_as_long_as_the_session_or_a_minute() {
        for (ttl, life) in [(5, 5), (1440, 60)] {
            let mut expected = Command::new("SET");
            expected.arg("k").data(b"v").arg("EX").number(life);
            let bytes = |command: &mut Command<'_>| -> Vec<u8> {
                command.pieces().iter().flat_map(|piece| piece.to_vec()).collect()
            };
            assert_eq!(bytes(&mut upload("k", b"v", ttl)), bytes(&mut expected));
        }
    }
}
