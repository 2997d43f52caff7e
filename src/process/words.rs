//! Messages of the system in the words that users search for.

use std::fmt::Display;

/// A message without Rust's `(os error 111)`.
#[must_use]
pub fn without_number(message: impl Display) -> String {
    let mut text = message.to_string();
    if let Some(end) = text.find(" (os error") {
        text.truncate(end);
    }
    text
}
