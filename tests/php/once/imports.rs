//! The names that the module takes from PHP. `imports.txt` has those that each release of PHP 8.2
//! exports, 8.2.0 as well: a module with a name that came with a later one would not load in the
//! PHPs of Debian and Ubuntu, which keep a minor version's first releases for years.
//!
//! A new name goes into the file if php-src has it at the tags php-8.1.0, php-8.2.0 and so on.
//! Inline functions of PHP's headers bring names along that no line of ours has.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::php::{answer, is_thread_safe, module};

#[test]
fn no_name_of_a_later_patch_release_is_needed() {
    // Another minor version has other names.
    if answer("echo PHP_MINOR_VERSION;") != "2" || is_thread_safe() {
        return;
    }
    let known: BTreeSet<_> = include_str!("imports.txt").lines().collect();
    let said = Command::new("nm").args(["-D", "--undefined-only"]).arg(module()).output().expect("nm runs");
    let said = String::from_utf8(said.stdout).expect("names are text");
    // A weak name may be missing, and libc's names have a version.
    let needed = said.lines().filter_map(|line| line.trim().strip_prefix("U "));
    let needed: BTreeSet<_> = needed.filter(|name| !name.contains('@')).collect();
    assert!(needed.contains("php_session_register_module"), "{said}");
    let unknown: Vec<_> = needed.difference(&known).collect();
    assert!(unknown.is_empty(), "since which release does PHP export {unknown:?}?");
}
