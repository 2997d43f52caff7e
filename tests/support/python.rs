//! The Python that the tests run.

use std::path::{Path, PathBuf};

/// The program that `PYTHON` names, or the one with redis-py that scripts/setup makes. The program
/// may not exist.
pub fn program() -> PathBuf {
    std::env::var_os("PYTHON").map_or_else(
        || {
            let target =
                Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder");
            target.join("python/bin/python")
        },
        PathBuf::from,
    )
}
