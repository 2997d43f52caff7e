//! Checks a text in the format of PHP's own serializers before PHP reads it.
//!
//! unserialize() creates objects and loads classes as the text says. Without the setting that
//! allows objects (`rustredis.json_objects=refuse`), a text that names any must not reach it.

/// The kinds of values that a text holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// Only null, booleans, numbers, strings, arrays and references.
    Plain,
    /// At least one object or enum.
    Objects,
    /// The text is not in the format.
    Malformed,
}

/// The format of `session.serialize_handler=php`: name, `|`, value, one after the other.
#[must_use]
pub fn php(text: &[u8]) -> Content {
    let mut rest = text;
    // PHP ignores the rest after the last value if it has no `|`, too.
    while let Some(bar) = rest.iter().position(|&b| b == b'|') {
        match value(&rest[bar + 1..]) {
            Ok(left) => rest = left,
            Err(content) => return content,
        }
    }
    Content::Plain
}

/// The format of `php_serialize`: one array.
#[must_use]
pub fn php_serialize(text: &[u8]) -> Content {
    value(text).map_or_else(|content| content, |_| Content::Plain)
}

/// Skips one value. Returns the rest of the text, or the reason why there is no plain value.
fn value(text: &[u8]) -> Result<&[u8], Content> {
    let mut rest = text;
    // The number of values, with keys counted as values, that each open array still lacks. This
    // stack replaces recursion, because the text decides how deep the nesting is.
    let mut open: Vec<u64> = Vec::new();
    loop {
        let (kind, after) = rest.split_first().ok_or(Content::Malformed)?;
        rest = match kind {
            b'N' => after.strip_prefix(b";").ok_or(Content::Malformed)?,
            b'b' | b'i' | b'd' | b'r' | b'R' => field(after, b';')?.1,
            b's' => {
                let (len, after) = number(after)?;
                let after = after.strip_prefix(b"\"").ok_or(Content::Malformed)?;
                let len = usize::try_from(len).map_err(|_| Content::Malformed)?;
                after.get(len..).and_then(|after| after.strip_prefix(b"\";")).ok_or(Content::Malformed)?
            }
            b'a' => {
                let (count, after) = number(after)?;
                let after = after.strip_prefix(b"{").ok_or(Content::Malformed)?;
                open.push(count.checked_mul(2).ok_or(Content::Malformed)?);
                after
            }
            b'O' | b'C' | b'E' | b'o' => return Err(Content::Objects),
            // This includes S, an escaped string, which serialize() never writes.
            _ => return Err(Content::Malformed),
        };
        // A value has ended, unless it has just opened an array. Each array whose last value this
        // was ends with it.
        let mut opened = *kind == b'a';
        loop {
            match open.last_mut() {
                None => return Ok(rest),
                Some(0) => {
                    rest = rest.strip_prefix(b"}").ok_or(Content::Malformed)?;
                    open.pop();
                    opened = false;
                }
                Some(_) if opened => break,
                Some(left) => {
                    *left -= 1;
                    opened = true;
                    if *left > 0 {
                        break;
                    }
                }
            }
        }
    }
}

/// `:digits:`
fn number(text: &[u8]) -> Result<(u64, &[u8]), Content> {
    let (digits, rest) = field(text, b':')?;
    let digits = std::str::from_utf8(digits).map_err(|_| Content::Malformed)?;
    Ok((digits.parse().map_err(|_| Content::Malformed)?, rest))
}

/// `:text` up to `end`.
fn field(text: &[u8], end: u8) -> Result<(&[u8], &[u8]), Content> {
    let text = text.strip_prefix(b":").ok_or(Content::Malformed)?;
    let at = text.iter().position(|&b| b == end).ok_or(Content::Malformed)?;
    Ok((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_texts_are_plain() {
        for text in [
            "",
            "a|i:1;b|s:3:\"x|y\";c|a:2:{i:0;a:0:{}s:1:\"k\";a:1:{i:5;d:1.0E+25;}}d|N;e|b:1;",
            "n|d:-INF;r|R:1;ignored",
            "a|a:1:{i:0;R:1;}",
            "s|s:10:\"O:1:\"A\":0:\";",
        ] {
            assert_eq!(php(text.as_bytes()), Content::Plain, "{text}");
        }
        assert_eq!(php_serialize(b"a:1:{s:1:\"a\";a:1:{i:0;s:0:\"\";}}"), Content::Plain);
        assert_eq!(php_serialize(b"a:0:{}"), Content::Plain);
    }

    #[test]
    fn objects_and_enums_are_found_wherever_they_are() {
        for text in [
            "x|O:1:\"G\":0:{}",
            "a|i:1;x|E:8:\"Suit:Red\";",
            "x|a:1:{i:0;C:1:\"G\":0:{}}",
            "x|a:1:{i:0;a:1:{i:0;O:1:\"G\":0:{}}}",
        ] {
            assert_eq!(php(text.as_bytes()), Content::Objects, "{text}");
        }
        assert_eq!(php_serialize(b"a:1:{i:0;o:1:{}}"), Content::Objects);
    }

    #[test]
    fn what_is_in_no_format_is_malformed() {
        for text in [
            "x|",
            "x|i:1",
            "x|s:5:\"abc\";",
            "x|a:1:{i:0;}",
            "x|a:1:{i:0;i:1;",
            "x|q:1;",
            "x|s:-1:\"\";",
            "x|a:99999999999999999999:{",
        ] {
            assert_eq!(php(text.as_bytes()), Content::Malformed, "{text}");
        }
    }

    #[test]
    fn nesting_takes_no_stack() {
        let depth = if cfg!(miri) { 300 } else { 200_000 };
        let text = format!("x|{}i:1;{}", "a:1:{i:0;".repeat(depth), "}".repeat(depth));
        assert_eq!(php(text.as_bytes()), Content::Plain);
    }
}
