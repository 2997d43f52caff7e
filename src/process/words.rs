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

/// A text that others have chosen, for a line of a log: without the characters that end a line,
/// steer a terminal or turn the direction of the text.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { '?' } else { c }).collect()
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_printable_text_steers_its_reader() {
        let hostile =
            "a\n[b]\r\x1b[2J\u{9b}\u{85}\u{2028}\u{202e}\u{2066}\u{feff}\u{200d}\u{e0041}\0c/\u{e9}\u{1f600}";
        assert_eq!(printable(hostile), "a?[b]??[2J?????????c/\u{e9}\u{1f600}");
    }
}
