//! `session.save_path` and the `rustredis.*` ini settings, as one typed [`Settings`].
//!
//! Parsed once for each distinct text. What is parsed is valid: nothing behind this module checks a setting again.

mod ini;
mod save_path;

use std::{fmt, path::PathBuf, time::Duration};

pub use ini::{BadSetting, Setting, Texts};
pub use save_path::{SavePathError, mask};

/// All that a session needs to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Which server, as whom, which database.
    pub target: Target,
    /// What every key starts with.
    pub prefix: String,
    /// How long connecting may take, with the resolving of a name.
    pub connect_timeout: Duration,
    /// How long one exchange with Redis may take.
    pub read_timeout: Duration,
    /// How many connections this process may have to this target.
    pub pool_size: u32,
    /// How long to wait for one of them.
    pub pool_wait: Duration,
    /// None if locking is off.
    pub lock: Option<LockSettings>,
    /// Larger sessions are refused; none is no limit.
    pub max_value_size: Option<u64>,
    /// How long a destroyed session stays destroyed for requests that began before.
    pub tombstone: Duration,
}

/// The per-session lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockSettings {
    /// How long a request waits for its turn.
    pub wait: Duration,
    /// How long a crashed holder blocks others.
    pub lease: Duration,
    /// When the renewal of a lease stops, counted from the taking of the lock.
    pub max_hold: Duration,
    /// Fail at once behind more waiters; 0 is no limit.
    pub max_waiters: u64,
    /// Workers of phpredis share the sessions.
    pub mixed: bool,
    /// Tell others which page holds the lock.
    pub holder_uri: bool,
    /// What a request gets that did not get its turn.
    pub failure: LockFailure,
}

/// `rustredis.lock_failure`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockFailure {
    /// `session_start()` is false.
    Fail,
    /// The data is there; writes are refused with a warning.
    ReadOnly,
}

/// Where sessions are and who reads them: what one pool is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The server.
    pub endpoint: Endpoint,
    /// The ACL user; none is Redis' default user.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The number of the database.
    pub database: u32,
}

/// The address of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// `tcp://host:port`
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// `unix:///path`
    Unix(PathBuf),
}

/// Text that no message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password, for the one place that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// The target as messages show it. Destructured, so that a new field must be decided upon here.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, username: _, password: _, database } = self;
        match database {
            0 => endpoint.fmt(f),
            n => write!(f, "{endpoint} (database {n})"),
        }
    }
}

impl Settings {
    /// Reads `session.save_path` and the ini settings. A parameter of the save_path wins over its ini setting.
    pub fn parse(save_path: &str, ini: &Texts) -> Result<Self, ConfigError> {
        let path = save_path::parse(save_path)?;
        let text = |setting| Some(ini.text(setting).to_owned()).filter(|text| !text.is_empty());
        let (username, password) = match path.password {
            Some(password) => (path.username, Some(Secret::new(password))),
            None => {
                (path.username.or_else(|| text(Setting::Username)), text(Setting::Password).map(Secret::new))
            }
        };
        let lock = ini.flag(Setting::Locking)?.then(|| -> Result<_, BadSetting> {
            Ok(LockSettings {
                wait: ini.seconds(Setting::LockWait)?,
                lease: ini.seconds(Setting::LockLease)?,
                max_hold: ini.seconds(Setting::LockMaxHold)?,
                max_waiters: ini.count(Setting::LockMaxWaiters)?,
                mixed: ini.flag(Setting::LockMixed)?,
                holder_uri: ini.flag(Setting::LockHolderUri)?,
                failure: match ini.choice(Setting::LockFailure)? {
                    "readonly" => LockFailure::ReadOnly,
                    _ => LockFailure::Fail,
                },
            })
        });
        Ok(Self {
            target: Target { endpoint: path.endpoint, username, password, database: path.database },
            prefix: path.prefix.unwrap_or_else(|| ini.text(Setting::Prefix).to_owned()),
            connect_timeout: path.connect_timeout.map_or_else(|| ini.seconds(Setting::ConnectTimeout), Ok)?,
            read_timeout: path.read_timeout.map_or_else(|| ini.seconds(Setting::ReadTimeout), Ok)?,
            pool_size: match ini.count(Setting::PoolSize)? {
                0 if ini.threads => 16,
                0 => 1,
                n => u32::try_from(n).unwrap_or(u32::MAX),
            },
            pool_wait: ini.seconds(Setting::PoolWait)?,
            lock: lock.transpose()?,
            max_value_size: Some(ini.count(Setting::MaxValueSize)?).filter(|&n| n > 0),
            tombstone: ini.seconds(Setting::LockMaxHold)?,
        })
    }
}

/// Why there are no settings.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// `session.save_path` can't be read.
    SavePath(SavePathError),
    /// An ini setting has a bad value.
    Ini(BadSetting),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SavePath(error) => error.fmt(f),
            Self::Ini(error) => error.fmt(f),
        }
    }
}

impl From<SavePathError> for ConfigError {
    fn from(error: SavePathError) -> Self {
        Self::SavePath(error)
    }
}

impl From<BadSetting> for ConfigError {
    fn from(error: BadSetting) -> Self {
        Self::Ini(error)
    }
}
