//! `REDIS_ACL=1`: the tests use a Redis user who has no more rights than README.md names.

use super::redis::Server;

/// The name of the user.
pub const USER: &str = "sessions";
const PASSWORD: &str = "a&=%;,+/@:#'~|^ü";

/// The ACL rule of README.md, in the form that a reader copies.
pub fn rule() -> &'static str {
    let line = include_str!("../../README.md")
        .lines()
        .find_map(|line| line.strip_prefix("ACL SETUSER sessions on >PASSWORD "));
    line.expect("README.md has a rule for an ACL user")
}

/// The rights that README.md adds for Sentinel.
pub fn for_sentinel() -> &'static str {
    named_after("Sentinel `")
}

/// The rights that README.md adds for a Cluster.
pub fn for_cluster() -> &'static str {
    named_after("a Cluster `")
}

fn named_after(words: &str) -> &'static str {
    let rest = include_str!("../../README.md").split_once(words).map(|(_, rest)| rest);
    let rights = rest.and_then(|rest| rest.split('`').next()).filter(|rights| rights.starts_with('+'));
    rights.unwrap_or_else(|| panic!("README.md has rights after {words:?}"))
}

/// Grants the further rights that a test's own commands need, such as other prefixes (`~A:*`) or a
/// database (`+select`).
pub fn permit(server: &Server, rights: &[&str]) {
    if is_wanted() {
        let words = [&["ACL", "SETUSER", USER], rights].concat();
        server.nodes().for_each(|node| node.own::<()>(&words));
    }
}

/// Takes transactions away from the user of the tests, so that scripts write and release.
pub fn without_transactions(server: &Server) {
    let user = if is_wanted() { USER } else { "default" };
    server.nodes().for_each(|node| node.own::<()>(&["ACL", "SETUSER", user, "-multi"]));
}

pub fn is_wanted() -> bool {
    std::env::var("REDIS_ACL").is_ok_and(|value| value == "1")
}

/// The arguments that give a server the user. `more` holds the rights that README.md adds for a
/// server that is not alone.
pub fn server_args(more: &str) -> Vec<String> {
    if !is_wanted() {
        return Vec::new();
    }
    let password = format!(">{PASSWORD}");
    let words = ["--user", USER, "on", &password].into_iter();
    words.chain(rule().split(' ')).chain(more.split_whitespace()).map(str::to_owned).collect()
}

/// The ini settings of a PHP that logs in as this user.
pub fn php_settings() -> Vec<(&'static str, &'static str)> {
    if is_wanted() {
        vec![("rustredis.username", USER), ("rustredis.password", PASSWORD)]
    } else {
        Vec::new()
    }
}
