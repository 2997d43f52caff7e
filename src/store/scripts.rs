//! The Lua scripts. Each script is a file, whose head describes its arguments and its reply. Redis
//! gets the code without comments and indentation, because a deferred release sends the code each
//! time ([`super::owed`]).

use std::sync::LazyLock;

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::{
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
        for script in [&ACQUIRE, &RELEASE, &CLAIM, &RENEW, &READ, &WRITE, &UNLOCK] {
            // A string with two hyphens would have been cut.
            assert!(script.text.lines().all(|line| line.matches('\'').count() % 2 == 0), "{}", script.text);
        }
        assert!(RELEASE.text.len() < 3500, "{}", RELEASE.text.len());
    }

    /// Dragonfly and some proxies refuse a script that touches another key.
    #[test]
    fn all_keys_of_a_script_are_among_its_keys() {
        for script in [&ACQUIRE, &RELEASE, &CLAIM, &RENEW, &READ, &WRITE, &UNLOCK] {
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
                        key.starts_with("KEYS[") || ["D", "L", "Q", "W", "R", "T"].contains(&key);
                    assert!(is_declared, "{command} of {key}");
                }
            }
        }
    }

    #[test]
    fn the_commands_of_the_acl_rule_are_those_that_are_used() {
        let scripts = [&ACQUIRE, &RELEASE, &CLAIM, &RENEW, &READ, &WRITE, &UNLOCK];
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
}
