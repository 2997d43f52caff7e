//! `REDIS_ACL=1`: sessions are a Redis user's who has no more than the rights that README.md names.

const USER: &str = "sessions";
const PASSWORD: &str = "a&=%;,+/@:#'~|^ü";

/// The rule as the README has it, for copying.
pub fn rule() -> &'static str {
    let line = include_str!("../../README.md")
        .lines()
        .find_map(|line| line.strip_prefix("ACL SETUSER sessions on >PASSWORD "));
    line.expect("README.md has a rule for an ACL user")
}

fn is_wanted() -> bool {
    std::env::var("REDIS_ACL").is_ok_and(|value| value == "1")
}

/// What a server is started with, to have the user.
pub fn server_args() -> Vec<String> {
    if !is_wanted() {
        return Vec::new();
    }
    ["--user", USER, "on"]
        .into_iter()
        .map(str::to_owned)
        .chain([format!(">{PASSWORD}")])
        .chain(rule().split(' ').map(str::to_owned))
        .collect()
}

/// The ini settings of a PHP that is this user.
pub fn php_settings() -> Vec<(&'static str, &'static str)> {
    if is_wanted() {
        vec![("rustredis.username", USER), ("rustredis.password", PASSWORD)]
    } else {
        Vec::new()
    }
}
