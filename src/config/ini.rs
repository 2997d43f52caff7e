//! The `rustredis.*` settings: their names, defaults and allowed values.

use std::{ffi::CStr, fmt, time::Duration};

/// One ini setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is what its name says; README.md has the table")]
pub enum Setting {
    Username,
    Password,
    Locking,
    LockWait,
    LockLease,
    LockMaxHold,
    LockMaxWaiters,
    LockMixed,
    LockFailure,
    LockHolderUri,
    WriteAck,
    Prefetch,
    ConnectTimeout,
    ReadTimeout,
    PoolSize,
    PoolWait,
    Prefix,
    MaxValueSize,
    Compression,
    CompressionLevel,
    CompressionMinSize,
    JsonObjects,
}

/// The values that a setting can have.
enum Kind {
    Text,
    Flag,
    Choice(&'static [&'static str]),
    /// Seconds, with fractions, between these bounds.
    Seconds(f64, f64),
    /// A whole number up to this one.
    Count(u64),
    /// A number of bytes, with K, M or G.
    Bytes,
}

impl Setting {
    /// All settings, in the order of their values.
    pub const ALL: [Self; 22] = [
        Self::Username,
        Self::Password,
        Self::Locking,
        Self::LockWait,
        Self::LockLease,
        Self::LockMaxHold,
        Self::LockMaxWaiters,
        Self::LockMixed,
        Self::LockFailure,
        Self::LockHolderUri,
        Self::WriteAck,
        Self::Prefetch,
        Self::ConnectTimeout,
        Self::ReadTimeout,
        Self::PoolSize,
        Self::PoolWait,
        Self::Prefix,
        Self::MaxValueSize,
        Self::Compression,
        Self::CompressionLevel,
        Self::CompressionMinSize,
        Self::JsonObjects,
    ];

    const fn table(self) -> (&'static CStr, &'static CStr, Kind) {
        match self {
            Self::Username => (c"rustredis.username", c"", Kind::Text),
            Self::Password => (c"rustredis.password", c"", Kind::Text),
            Self::Locking => (c"rustredis.locking", c"1", Kind::Flag),
            Self::LockWait => (c"rustredis.lock_wait", c"10", Kind::Seconds(0.0, 3600.0)),
            Self::LockLease => (c"rustredis.lock_lease", c"10", Kind::Seconds(0.1, 3600.0)),
            Self::LockMaxHold => (c"rustredis.lock_max_hold", c"300", Kind::Seconds(1.0, 86400.0)),
            Self::LockMaxWaiters => (c"rustredis.lock_max_waiters", c"12", Kind::Count(1_000_000)),
            Self::LockMixed => (c"rustredis.lock_mixed", c"0", Kind::Flag),
            Self::LockFailure => (c"rustredis.lock_failure", c"fail", Kind::Choice(&["fail", "readonly"])),
            Self::LockHolderUri => (c"rustredis.lock_holder_uri", c"0", Kind::Flag),
            Self::WriteAck => (c"rustredis.write_ack", c"wait", Kind::Choice(&["wait", "deferred"])),
            Self::Prefetch => (c"rustredis.prefetch", c"0", Kind::Flag),
            Self::ConnectTimeout => (c"rustredis.connect_timeout", c"2", Kind::Seconds(0.001, 300.0)),
            Self::ReadTimeout => (c"rustredis.read_timeout", c"5", Kind::Seconds(0.001, 3600.0)),
            Self::PoolSize => (c"rustredis.pool_size", c"0", Kind::Count(1024)),
            Self::PoolWait => (c"rustredis.pool_wait", c"5", Kind::Seconds(0.0, 300.0)),
            Self::Prefix => (c"rustredis.prefix", c"PHPREDIS_SESSION:", Kind::Text),
            Self::MaxValueSize => (c"rustredis.max_value_size", c"0", Kind::Bytes),
            Self::Compression => (c"rustredis.compression", c"none", Kind::Choice(&["none", "zstd", "lz4"])),
            Self::CompressionLevel => (c"rustredis.compression_level", c"0", Kind::Count(22)),
            Self::CompressionMinSize => (c"rustredis.compression_min_size", c"1K", Kind::Bytes),
            Self::JsonObjects => {
                (c"rustredis.json_objects", c"refuse", Kind::Choice(&["refuse", "serialize"]))
            }
        }
    }

    /// The name as in php.ini.
    #[must_use]
    pub const fn name(self) -> &'static CStr {
        self.table().0
    }

    /// The default as in php.ini.
    #[must_use]
    pub const fn default_text(self) -> &'static CStr {
        self.table().1
    }

    /// Returns a text of this setting in bytes, if the setting is a number of bytes.
    #[must_use]
    pub fn bytes(self, text: &str) -> Option<u64> {
        bytes(text).filter(|_| matches!(self.table().2, Kind::Bytes))
    }

    /// Checks that `text` is a valid value of this setting.
    pub fn check(self, text: &str) -> Result<(), BadSetting> {
        let good = match self.table().2 {
            Kind::Text => true,
            Kind::Flag => flag(text).is_some(),
            // php.ini turns an unquoted `none` into "".
            Kind::Choice(words) => words.contains(&if text.is_empty() { "none" } else { text }),
            Kind::Seconds(min, max) => seconds(text).is_some_and(|n| (min..=max).contains(&n)),
            // Rust's own parser would accept a plus sign.
            Kind::Count(max) => {
                bytes(text).is_some_and(|n| n <= max) && text.ends_with(|last: char| last.is_ascii_digit())
            }
            Kind::Bytes => bytes(text).is_some(),
        };
        if good { Ok(()) } else { Err(BadSetting { setting: self, text: text.to_owned() }) }
    }
}

/// A value that is not valid for its setting.
#[derive(Debug, PartialEq, Eq)]
pub struct BadSetting {
    setting: Setting,
    text: String,
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _, kind) = self.setting.table();
        let shown: String = self.text.chars().take(40).collect();
        write!(f, "{} can't be {shown:?}: it is ", name.to_string_lossy())?;
        match kind {
            Kind::Text => f.write_str("any text"),
            Kind::Flag => f.write_str("1 (on) or 0 (off)"),
            Kind::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Kind::Seconds(min, max) => {
                write!(f, "a number of seconds from {min} to {max}, fractions allowed")
            }
            Kind::Count(max) => write!(f, "a whole number from 0 to {max}"),
            Kind::Bytes => f.write_str("a number of bytes (K, M and G may follow)"),
        }
    }
}

/// The texts of all settings, as PHP has them.
#[derive(Clone, Debug)]
pub struct IniValues {
    texts: [String; Setting::ALL.len()],
    /// True if threads share this process (a thread-safe PHP). The meaning of `pool_size = 0`
    /// depends on it.
    pub threads: bool,
}

impl Default for IniValues {
    fn default() -> Self {
        Self::collect(false, |setting| setting.default_text().to_string_lossy().into_owned())
    }
}

impl IniValues {
    /// Collects the text of each setting.
    pub fn collect(threads: bool, text: impl FnMut(Setting) -> String) -> Self {
        Self { texts: Setting::ALL.map(text), threads }
    }

    /// Returns the same texts with one setting changed.
    #[must_use]
    pub fn with(mut self, setting: Setting, text: &str) -> Self {
        text.clone_into(&mut self.texts[setting as usize]);
        self
    }

    pub(super) fn text(&self, setting: Setting) -> &str {
        &self.texts[setting as usize]
    }

    pub(super) fn flag(&self, setting: Setting) -> Result<bool, BadSetting> {
        self.parsed(setting, flag)
    }

    pub(super) fn choice(&self, setting: Setting) -> Result<&str, BadSetting> {
        setting.check(self.text(setting))?;
        Ok(self.text(setting))
    }

    pub(super) fn seconds(&self, setting: Setting) -> Result<Duration, BadSetting> {
        self.parsed(setting, |text| seconds(text).map(Duration::from_secs_f64))
    }

    pub(super) fn count(&self, setting: Setting) -> Result<u64, BadSetting> {
        self.parsed(setting, bytes)
    }

    fn parsed<T>(&self, setting: Setting, parse: fn(&str) -> Option<T>) -> Result<T, BadSetting> {
        let text = self.text(setting);
        setting.check(text)?;
        parse(text).ok_or_else(|| BadSetting { setting, text: text.to_owned() })
    }
}

/// Reads a flag of an ini setting or of a save path. php.ini turns `On` into "1" and `Off` into "";
/// `ini_set()` and a path have the text as it was written.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "" | "0" | "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// Accepts digits with at most one point, but no sign, exponent or infinity.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.len() <= 32;
    text.parse().ok().filter(|_| plain)
}

fn bytes(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_good_value() {
        for (index, setting) in Setting::ALL.into_iter().enumerate() {
            assert_eq!(setting as usize, index);
            let text = setting.default_text().to_str().unwrap();
            assert_eq!(setting.check(text), Ok(()), "{setting:?}");
        }
    }

    #[test]
    fn bad_values_are_named_with_what_is_allowed() {
        let cases = [
            (
                Setting::LockWait,
                "-1",
                "rustredis.lock_wait can't be \"-1\": it is a number of seconds from 0 to 3600",
            ),
            (Setting::LockWait, "1e3", "1e3"),
            (Setting::LockWait, "inf", "inf"),
            (Setting::LockWait, "", "\"\""),
            (Setting::LockLease, "0", "from 0.1"),
            (Setting::LockFailure, "Fail", "one of fail, readonly"),
            (Setting::Locking, "maybe", "1 (on) or 0 (off)"),
            (Setting::PoolSize, "+5", "whole number from 0 to 1024"),
            (Setting::PoolSize, "1K", "whole number from 0 to 1024"),
            (Setting::LockWait, "+5", "a number of seconds"),
            (Setting::MaxValueSize, "+5", "bytes"),
            (Setting::PoolSize, "1.5", "whole number from 0 to 1024"),
            (Setting::PoolSize, "99999999999999999999", "whole number"),
            (Setting::MaxValueSize, "1T", "bytes"),
        ];
        for (setting, text, part) in cases {
            let message = setting.check(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn numbers_are_read_as_php_users_write_them() {
        let texts = IniValues::default().with(Setting::LockWait, "0.25").with(Setting::MaxValueSize, "2M");
        assert_eq!(texts.seconds(Setting::LockWait), Ok(Duration::from_millis(250)));
        assert_eq!(texts.count(Setting::MaxValueSize), Ok(2 << 20));
        for (text, on) in
            [("On", true), ("yes", true), ("1", true), ("", false), ("off", false), ("0", false)]
        {
            assert_eq!(IniValues::default().with(Setting::Locking, text).flag(Setting::Locking), Ok(on));
        }
    }
}
