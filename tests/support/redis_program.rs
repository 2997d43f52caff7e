//! The server program of the tests: `redis-server`, or the program that `REDIS_SERVER` names.

use std::process::Command;
use std::sync::LazyLock;

/// The name or path of the program.
pub fn path() -> String {
    std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into())
}

/// The first two numbers of the version, of Redis or Valkey. Some tests need commands of newer
/// versions.
pub fn version() -> (u32, u32) {
    static VERSION: LazyLock<(u32, u32)> = LazyLock::new(|| {
        let program = path();
        let output = Command::new(&program).arg("--version").output();
        let output =
            output.unwrap_or_else(|error| panic!("cannot run {program} ({error}): set REDIS_SERVER"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut numbers = said.split(" v=").nth(1).unwrap_or_default().split('.').map(str::parse);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            panic!("{program} has no version: {said}");
        };
        (major, minor)
    });
    *VERSION
}
