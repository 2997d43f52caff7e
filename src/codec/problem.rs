//! A problem with a text.

use super::tape::Full;

/// The problem at the reader's current position.
pub(super) struct Problem(pub(super) &'static str);

impl From<Full> for Problem {
    fn from(_: Full) -> Self {
        Self("its strings are too long")
    }
}
