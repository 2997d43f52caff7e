//! The `rustredis.*` settings: their names, defaults and allowed values.

use std::{ffi::CStr, fmt, time::Duration};

/// Makes [`Setting`] of one row for each setting: its variant, its name and default as in php.ini,
/// its values, the places that may set it, and its line in README.md.
macro_rules! settings {
    ($($setting:ident: $name:literal, $default:literal, $kind:expr, $permission:ident, $doc:literal;)*) => {
        /// One ini setting.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Setting {
            $(#[doc = $doc] $setting,)*
        }

        impl Setting {
            /// All settings, in the order of their values.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$setting),*];

            const fn spec(self) -> (&'static CStr, &'static CStr, Kind) {
                match self {
                    $(Self::$setting => ($name, $default, $kind),)*
                }
            }

            /// The places that may set it.
            #[must_use]
            pub const fn permission(self) -> Permission {
                match self {
                    $(Self::$setting => Permission::$permission,)*
                }
            }

            /// The meaning, as the table of README.md has it.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$setting => $doc,)*
                }
            }
        }
    };
}

// `SETTINGS_UPDATE=1 cargo test --no-default-features --test protocol settings::` writes README.md
// and the stub anew from these rows.
settings! {
    Username: c"rustredis.username", c"", Kind::Text, System,
        "the Redis ACL user; only in php.ini or the server's configuration, never by a script";
    Password: c"rustredis.password", c"", Kind::Text, System,
        "the password of that user; likewise, and never shown";
    Locking: c"rustredis.locking", c"1", Kind::Flag, Anywhere,
        "one request at a time per session";
    LockWait: c"rustredis.lock_wait", c"10", Kind::Seconds(0.0, 3600.0), Anywhere,
        "seconds a request waits for its turn; 0 = does not wait";
    LockLease: c"rustredis.lock_lease", c"10", Kind::Seconds(0.1, 3600.0), Anywhere,
        "seconds after which a lock that was not released is free: the price of a crashed \
         request for the next one; a living request renews it";
    LockMaxHold: c"rustredis.lock_max_hold", c"300", Kind::Seconds(1.0, 86400.0), Anywhere,
        "seconds that a lock lasts at most: a longer lease, and the last renewal of one, are \
         cut to that; a destroyed session stays destroyed for as long";
    LockMaxWaiters: c"rustredis.lock_max_waiters", c"12", Kind::Count(1_000_000), Anywhere,
        "more waiters on one session than this fail at once; 0 = no limit";
    LockMixed: c"rustredis.lock_mixed", c"0", Kind::Flag, Anywhere,
        "1 while phpredis and rustredis serve the same sessions";
    LockFailure: c"rustredis.lock_failure", c"fail", Kind::Choice(&["fail", "readonly"]), Anywhere,
        "a request that does not get the lock in time, or whose Redis takes no writes: `fail` \
         = session_start() is false; `readonly` = the data is there, writes are refused with \
         a warning";
    LockHolderUri: c"rustredis.lock_holder_uri", c"0", Kind::Flag, Anywhere,
        "1 = a request that waits in vain is told which page holds the lock (its path, \
         without the query)";
    SlowLock: c"rustredis.slow_lock", c"0", Kind::Seconds(0.0, 3600.0), Anywhere,
        "seconds; a request that waited longer for its turn, or held a lock longer while another one \
         waited, is one line in PHP's error log, and in `rustredis_status()['slow_locks']`; 0 = off";
    WriteAck: c"rustredis.write_ack", c"wait", Kind::Choice(&["wait", "deferred"]), Anywhere,
        "`deferred` = PHP sends the last write of a request and does not wait for the answer; \
         see below";
    Prefetch: c"rustredis.prefetch", c"0", Kind::Flag, PerDirectory,
        "1 = the session of the request's cookie is requested before the script runs; see \
         below. Not by ini_set()";
    AbsoluteTimeout: c"rustredis.absolute_timeout", c"0", Kind::Count(2_147_483_647), Anywhere,
        "seconds after which a session ends no matter how it is used, counted from its beginning \
         or the login; 0 = never";
    Touch: c"rustredis.touch", c"1", Kind::Flag, Anywhere,
        "0 = the requests of this page do not prolong the session: for polling and countdowns";
    RegenerateGrace: c"rustredis.regenerate_grace", c"10", Kind::Count(300), Anywhere,
        "seconds after session_regenerate_id() for which requests under the old id can still read \
         the session as it was before; 0 = not at all";
    FirstLifetime: c"rustredis.first_lifetime", c"0", Kind::Count(2_147_483_647), Anywhere,
        "seconds that a new session lives until the next request gives it \
         `session.gc_maxlifetime`: for visitors and bots that never come back; 0 = a new session \
         lives as long as any";
    EndedMemory: c"rustredis.ended_memory", c"0", Kind::Count(2_147_483_647), Anywhere,
        "seconds for which the reason of a session's end is kept, for rustredis_ended(); 0 = as \
         long as a destroyed session stays destroyed (`rustredis.lock_max_hold`)";
    ConnectTimeout: c"rustredis.connect_timeout", c"2", Kind::Seconds(0.001, 300.0), Anywhere,
        "seconds to connect, with name resolution";
    ReadTimeout: c"rustredis.read_timeout", c"5", Kind::Seconds(0.001, 3600.0), Anywhere,
        "seconds for one exchange with Redis";
    PoolSize: c"rustredis.pool_size", c"0", Kind::Count(1024), Anywhere,
        "connections of a process to one target; 0 = 1, or 16 if PHP runs with threads (ZTS)";
    PoolWait: c"rustredis.pool_wait", c"5", Kind::Seconds(0.0, 300.0), Anywhere,
        "seconds to wait for a connection of the pool";
    Prefix: c"rustredis.prefix", c"PHPREDIS_SESSION:", Kind::Text, Anywhere,
        "the beginning of all keys; this default stands for `PHPREDIS_CLUSTER_SESSION:` in a \
         Cluster";
    MaxValueSize: c"rustredis.max_value_size", c"0", Kind::Bytes, Anywhere,
        "bytes; a larger session is refused with a warning; `K`, `M`, `G` may follow; 0 = no \
         limit";
    Compression: c"rustredis.compression", c"none", Kind::Choice(&["none", "zstd", "lz4"]), Anywhere,
        "`zstd` or `lz4`: the compression of larger sessions. The stored bytes themselves \
         tell how they are compressed, so servers may differ, and the setting may change at \
         any time";
    CompressionLevel: c"rustredis.compression_level", c"0", Kind::Count(22), Anywhere,
        "zstd's level, 1 to 22; 0 is zstd's own default (3). lz4 has a single level";
    CompressionMinSize: c"rustredis.compression_min_size", c"1K", Kind::Bytes, Anywhere,
        "smaller sessions, in bytes, are stored uncompressed; so are sessions that do not get \
         smaller";
    MetricsFile: c"rustredis.metrics_file", c"", Kind::Text, System,
        "a file in memory (`/run/rustredis/metrics`) for the counters of `rustredis_metrics()`, \
         which then survive a reload of PHP-FPM and can be read beside it; only in php.ini";
    JsonObjects: c"rustredis.json_objects", c"refuse", Kind::Choice(&["refuse", "serialize"]), Anywhere,
        "an object in a session that is stored as JSON: `refuse` = a warning that says where \
         it is, and nothing is written; `serialize` = stored in PHP's own serialization, \
         which is a risk if others can write to Redis";
    Admin: c"rustredis.admin", c"0", Kind::Flag, System,
        "1 = the functions for administrators, and those for the sessions of any user, work in a \
         web server's PHP, too, and not only on the command line; only in php.ini or the server's \
         configuration";
}

/// The places that may set a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permission {
    /// Only php.ini or the server's configuration, never a script. The administrator who writes
    /// the setting there knows the server that it is for from elsewhere.
    System,
    /// These, and the settings of a folder: it has taken effect before any script runs.
    PerDirectory,
    /// These, and every script.
    Anywhere,
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
    /// The name as in php.ini.
    #[must_use]
    pub const fn name(self) -> &'static CStr {
        self.spec().0
    }

    /// The default as in php.ini.
    #[must_use]
    pub const fn default_text(self) -> &'static CStr {
        self.spec().1
    }

    /// Checks that `text` is a valid value of this setting.
    pub fn check(self, text: &str) -> Result<(), BadSetting> {
        let good = match self.spec().2 {
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
        let name = self.setting.name().to_string_lossy();
        let shown: String = self.text.chars().take(40).collect();
        write!(f, "{name} can't be {shown:?}: it is {}", Rule(self.setting))
    }
}

/// The values that a setting can have, for a message.
pub(super) struct Rule(pub Setting);

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.spec().2 {
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
#[derive(Clone, PartialEq, Eq, Debug)]
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

    /// Returns a setting that is 1 or 0.
    pub fn flag(&self, setting: Setting) -> Result<bool, BadSetting> {
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

    /// `rustredis.max_value_size`, where 0 is no limit.
    pub(super) fn max_value_size(&self) -> Result<Option<u64>, BadSetting> {
        Ok(Some(self.count(Setting::MaxValueSize)?).filter(|&n| n > 0))
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
