//! The settings of a `RustRedis\SessionHandler`: those of php.ini, and its own options.

use std::{fmt, sync::Arc};

use super::{ConfigError, IniValues, LockSettings, Setting, Settings, WriteAck, ini::Rule, save_path};

/// The settings of one object.
#[derive(Clone, Debug)]
pub struct ObjectSettings {
    /// Set if a read takes the lock.
    pub locking: bool,
    /// The settings for sessions that are locked, regardless of `locking`.
    pub locked: Arc<Settings>,
    /// The same without a lock.
    pub unlocked: Arc<Settings>,
}

impl ObjectSettings {
    /// Reads the settings of an object.
    pub fn parse(save_path: &str, ini: &IniValues) -> Result<Self, ConfigError> {
        let parsed = Settings::parse(save_path, ini)?;
        let locking = parsed.lock.is_some();
        let lock = match &parsed.lock {
            Some(lock) => lock.clone(),
            None => LockSettings::parse(ini)?,
        };
        let unlocked =
            Settings { lock: None, of_object: true, write_ack: WriteAck::Wait, prefetch: false, ..parsed };
        let locked = Settings { lock: Some(lock), ..unlocked.clone() };
        Ok(Self { locking, locked: Arc::new(locked), unlocked: Arc::new(unlocked) })
    }
}

/// An option that an object can't have. The message shows no value, because a password may have
/// been given under a wrong name.
#[derive(Debug, PartialEq, Eq)]
pub enum BadOption {
    /// No option has this name.
    Unknown(String),
    /// The setting makes no sense for an object.
    Senseless(Setting),
    /// The setting can't have this value.
    Value(Setting),
}

impl fmt::Display for BadOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                let name: String = name.chars().take(40).collect();
                write!(f, "must not have the option {name:?}: there is no setting rustredis.{name}")
            }
            Self::Senseless(setting) => {
                let reason = match setting {
                    Setting::WriteAck => "a write always waits for its answer",
                    Setting::Admin | Setting::MetricsFile => "only an administrator sets it",
                    Setting::Prefetch => "it is for the session of a request's cookie",
                    _ => "the caller chooses how a session is encoded",
                };
                write!(f, "must not have the option {:?}: {reason}", name(*setting))
            }
            Self::Value(setting) => {
                write!(f, "must have a good value for {:?}: it is {}", name(*setting), Rule(*setting))
            }
        }
    }
}

/// The name without `rustredis.`
fn name(setting: Setting) -> &'static str {
    setting.name().to_str().unwrap_or_default().trim_start_matches("rustredis.")
}

impl IniValues {
    /// Returns the same texts with one option of an object.
    pub fn with_option(self, option: &str, text: &str) -> Result<Self, BadOption> {
        let found = Setting::ALL.into_iter().find(|setting| name(*setting) == option);
        let setting = found.ok_or_else(|| BadOption::Unknown(option.to_owned()))?;
        if matches!(
            setting,
            Setting::WriteAck
                | Setting::Prefetch
                | Setting::Admin
                | Setting::MetricsFile
                | Setting::JsonObjects
        ) {
            return Err(BadOption::Senseless(setting));
        }
        setting.check(text).map_err(|_| BadOption::Value(setting))?;
        Ok(self.with(setting, text))
    }

    /// Returns the same texts without the credentials, if any of the servers of `save_path` is not
    /// one of `own_path`, which the credentials of php.ini are for.
    #[must_use]
    pub fn for_servers_of(self, save_path: &str, own_path: &str) -> Self {
        let has_none = |setting| self.text(setting).is_empty();
        if (has_none(Setting::Username) && has_none(Setting::Password)) || are_servers_of(save_path, own_path)
        {
            return self;
        }
        self.with(Setting::Username, "").with(Setting::Password, "")
    }
}

/// Returns true if all servers of a path belong to the other path, and are reached in the same way.
fn are_servers_of(save_path: &str, own_path: &str) -> bool {
    let (Ok(servers), Ok(own)) = (save_path::parse(save_path), save_path::parse(own_path)) else {
        return false;
    };
    let is_own = |server: &save_path::SavePath| {
        own.iter().any(|own| own.endpoint == server.endpoint && own.tls == server.tls)
    };
    servers.iter().all(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> IniValues {
        IniValues::default().with(Setting::Username, "ann").with(Setting::Password, "secret")
    }

    fn user(path: &str, own_path: &str) -> Option<String> {
        let texts = texts().for_servers_of(path, own_path);
        let settings = ObjectSettings::parse(path, &texts).unwrap();
        settings.locked.shards.of(0).username.clone()
    }

    #[test]
    fn credentials_of_php_ini_are_for_its_own_servers() {
        let own = "tcp://a:1?database=2, tcp://b:1";
        assert_eq!(user("tcp://a:1", own).as_deref(), Some("ann"));
        assert_eq!(user("tcp://b:1?prefix=x,tcp://a:1?prefix=x", own).as_deref(), Some("ann"));
        assert_eq!(user("tcp://a:2", own), None);
        assert_eq!(user("tcp://a:1,tcp://c:1", own), None);
        assert_eq!(user("tcp://127.0.0.1:6379", "").as_deref(), Some("ann"));
        assert_eq!(user("tcp://a:1", "/var/lib/php/sessions;nonsense"), None);
        assert_eq!(user("tcp://a:2?auth[]=bob&auth[]=x", own).as_deref(), Some("bob"));
    }

    #[test]
    fn options_are_settings_without_their_prefix() {
        let texts = texts().with_option("lock_wait", "0.5").unwrap().with_option("locking", "").unwrap();
        let settings = ObjectSettings::parse("", &texts).unwrap();
        assert!(!settings.locking && settings.unlocked.lock.is_none());
        assert_eq!(settings.locked.lock.as_ref().unwrap().wait.as_millis(), 500);
        for (option, value, part) in [
            ("lock_wait", "secret", "it is a number of seconds from 0 to 3600"),
            ("write_ack", "wait", "always waits"),
            ("prefetch", "0", "cookie"),
            ("json_objects", "refuse", "encoded"),
            ("pasword", "secret", "there is no setting rustredis.pasword"),
            ("rustredis.locking", "1", "there is no setting rustredis.rustredis.locking"),
        ] {
            let message = IniValues::default().with_option(option, value).unwrap_err().to_string();
            assert!(message.contains(part) && !message.contains("secret"), "{message}");
        }
    }
}
