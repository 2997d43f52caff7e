//! `session.save_path` and the `rustredis.*` ini settings, as one typed [`Settings`].
//!
//! Each distinct text is parsed once. Parsed settings are valid: no code outside this module checks
//! a setting again.

mod ini;
mod object;
mod save_path;
mod secret;
mod target;
mod tls;
mod tls_verifier;

use std::{fmt, sync::Arc, time::Duration};

use save_path::SavePath;

pub use ini::{BadSetting, IniValues, Permission, Setting};
pub use object::{BadOption, ObjectSettings};
pub use save_path::{SavePathError, mask};
pub use secret::Secret;
pub use target::{Endpoint, Sentinel, Shards, Target};
pub use tls::Tls;
pub use tls_verifier::{is_authority, is_version_1};

use crate::{
    codec::Objects,
    compression::{Compression, Format},
    protocol::fits_a_cluster,
};

/// All settings of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The servers of the sessions: one, or several that share the sessions by their ids.
    pub shards: Shards,
    /// The prefix of every key.
    pub prefix: String,
    /// The longest time to connect, including the lookup of the name.
    pub connect_timeout: Duration,
    /// The longest time for one exchange with Redis.
    pub read_timeout: Duration,
    /// The largest number of connections of this process to one target.
    pub pool_size: u32,
    /// The longest time to wait for a free connection.
    pub pool_wait: Duration,
    /// Takes connections from a pool beside that of `$_SESSION`.
    pub of_object: bool,
    /// The settings of the lock, or `None` if locking is off.
    pub lock: Option<LockSettings>,
    /// Decides if a request waits for the answer to its last write.
    pub write_ack: WriteAck,
    /// Asks for a session before the script that may start it runs.
    pub prefetch: bool,
    /// The largest size of a session in bytes; larger ones are refused. `None` is no limit.
    pub max_value_size: Option<u64>,
    /// The compression of sessions to store. A stored session says by itself if it is compressed.
    pub compression: Compression,
    /// Parameters of phpredis in the save_path that have no meaning here.
    pub ignored: Vec<&'static str>,
    /// The time for which the reason of a session's end is kept, if that is longer than
    /// `dead_life`.
    pub ended_memory: Duration,
    /// The time in milliseconds after which a session ends, no matter how it is used.
    pub absolute_timeout: Option<u64>,
    /// Set if a use of a session prolongs its life.
    pub touch: bool,
    /// The TTL in seconds that the first write gives to a session, if it is shorter than the usual
    /// one.
    pub first_lifetime: Option<u64>,
    /// The seconds for which a session can be read under the id that session_regenerate_id() has
    /// left.
    pub regenerate_grace: u64,
    /// The time for which a destroyed session stays destroyed for requests that began before.
    pub dead_life: Duration,
}

/// The settings of the `json` serializer, which needs no save path: it may serve another save
/// handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JsonSettings {
    /// The treatment of objects.
    pub objects: Objects,
    /// As in [`Settings`]; it bounds only sessions of this save handler.
    pub max_value_size: Option<u64>,
}

impl Default for JsonSettings {
    fn default() -> Self {
        Self { objects: Objects::Refuse, max_value_size: None }
    }
}

impl JsonSettings {
    /// Reads the ini settings.
    pub fn parse(ini: &IniValues) -> Result<Self, BadSetting> {
        let objects = match ini.choice(Setting::JsonObjects)? {
            "serialize" => Objects::Serialize,
            _ => Objects::Refuse,
        };
        Ok(Self { objects, max_value_size: ini.max_value_size()? })
    }
}

/// The default prefixes of phpredis' handlers `redis` and `rediscluster`.
const DEFAULT_PREFIX: &str = "PHPREDIS_SESSION:";
const CLUSTER_PREFIX: &str = "PHPREDIS_CLUSTER_SESSION:";

/// The per-session lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockSettings {
    /// The longest time that a request waits for its turn.
    pub wait: Duration,
    /// The time for which a crashed holder blocks others, at most `max_hold`.
    pub lease: Duration,
    /// The time after which the renewal of a lease stops, counted from the taking of the lock.
    pub max_hold: Duration,
    /// The largest number of waiters; a further request fails at once. 0 is no limit.
    pub max_waiters: u64,
    /// Set if workers of phpredis share the sessions.
    pub polling: bool,
    /// The wait for a lock, or the hold on one for which others wait, that is told as slow; 0 is
    /// none.
    pub slow: Duration,
    /// Set to tell others which page holds the lock.
    pub holder_uri: bool,
    /// The result for a request that did not get its turn.
    pub failure: LockFailure,
}

/// `rustredis.write_ack`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteAck {
    /// The request waits for the answer.
    Wait,
    /// The next use of the connection reads the answer.
    Deferred,
}

/// `rustredis.lock_failure`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockFailure {
    /// `session_start()` returns false.
    Fail,
    /// The session is read without the lock, and writes are refused with a warning.
    ReadOnly,
}

impl LockSettings {
    /// Reads the settings of the lock, whether locking is on or off.
    fn parse(ini: &IniValues) -> Result<Self, BadSetting> {
        let max_hold = ini.seconds(Setting::LockMaxHold)?;
        Ok(Self {
            wait: ini.seconds(Setting::LockWait)?,
            lease: ini.seconds(Setting::LockLease)?.min(max_hold),
            max_hold,
            max_waiters: ini.count(Setting::LockMaxWaiters)?,
            polling: ini.flag(Setting::LockMixed)?,
            slow: ini.seconds(Setting::SlowLock)?,
            holder_uri: ini.flag(Setting::LockHolderUri)?,
            failure: match ini.choice(Setting::LockFailure)? {
                "readonly" => LockFailure::ReadOnly,
                _ => LockFailure::Fail,
            },
        })
    }
}

impl Settings {
    /// Returns true if locks are polled for, and handed to no waiter.
    #[must_use]
    pub fn polls(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.polling)
    }

    /// Reads `session.save_path` and the ini settings. A parameter of the save_path takes
    /// precedence over its ini setting.
    pub fn parse(save_path: &str, ini: &IniValues) -> Result<Self, ConfigError> {
        let mut servers = save_path::parse(save_path)?;
        let mut ignored: Vec<_> = servers.iter().flat_map(|server| &server.ignored).copied().collect();
        ignored.sort_unstable();
        ignored.dedup();
        let first = &mut servers[0];
        let (prefix, connect_timeout, read_timeout) =
            (first.prefix.take(), first.connect_timeout, first.read_timeout);
        let text = |setting| Some(ini.text(setting).to_owned()).filter(|text| !text.is_empty());
        let shard = |server: SavePath| {
            let (username, password) = match server.password {
                Some(password) => (server.username, Some(Secret::new(password))),
                None => (
                    server.username.or_else(|| text(Setting::Username)),
                    text(Setting::Password).map(Secret::new),
                ),
            };
            let SavePath { endpoint, database, tls, weight, .. } = server;
            (Arc::new(Target { endpoint, username, password, database, tls }), weight)
        };
        let shards = Shards::new(servers.into_iter().map(shard).collect());
        let prefix = prefix.unwrap_or_else(|| match ini.text(Setting::Prefix) {
            DEFAULT_PREFIX if shards.is_cluster() => CLUSTER_PREFIX.to_owned(),
            text => text.to_owned(),
        });
        if shards.is_cluster() && !fits_a_cluster(&prefix) {
            return Err(ConfigError::Prefix(prefix));
        }
        let lock = ini.flag(Setting::Locking)?.then(|| LockSettings::parse(ini));
        Ok(Self {
            shards,
            prefix,
            connect_timeout: connect_timeout.map_or_else(|| ini.seconds(Setting::ConnectTimeout), Ok)?,
            read_timeout: read_timeout.map_or_else(|| ini.seconds(Setting::ReadTimeout), Ok)?,
            pool_size: match ini.count(Setting::PoolSize)? {
                0 if ini.threads => 16,
                0 => 1,
                n => u32::try_from(n).unwrap_or(u32::MAX),
            },
            pool_wait: ini.seconds(Setting::PoolWait)?,
            of_object: false,
            lock: lock.transpose()?,
            prefetch: ini.flag(Setting::Prefetch)?,
            write_ack: match ini.choice(Setting::WriteAck)? {
                "deferred" => WriteAck::Deferred,
                _ => WriteAck::Wait,
            },
            max_value_size: ini.max_value_size()?,
            compression: Compression {
                format: match ini.choice(Setting::Compression)? {
                    "zstd" => Some(Format::Zstd),
                    "lz4" => Some(Format::Lz4),
                    _ => None,
                },
                level: i32::try_from(ini.count(Setting::CompressionLevel)?).unwrap_or(0),
                min_size: ini.count(Setting::CompressionMinSize)?,
            },
            ignored,
            ended_memory: Duration::from_secs(ini.count(Setting::EndedMemory)?),
            absolute_timeout: Some(ini.count(Setting::AbsoluteTimeout)? * 1000).filter(|&ms| ms > 0),
            touch: ini.flag(Setting::Touch)?,
            first_lifetime: Some(ini.count(Setting::FirstLifetime)?).filter(|&seconds| seconds > 0),
            regenerate_grace: ini.count(Setting::RegenerateGrace)?,
            dead_life: ini.seconds(Setting::LockMaxHold)?,
        })
    }
}

/// The reason why there are no settings.
#[derive(Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// `session.save_path` is not valid.
    SavePath(SavePathError),
    /// An ini setting is not valid.
    Ini(BadSetting),
    /// With this prefix, the keys of a session cannot share a slot of a Redis Cluster.
    Prefix(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SavePath(error) => error.fmt(f),
            Self::Ini(error) => error.fmt(f),
            Self::Prefix(prefix) => write!(
                f,
                "the prefix {:?} does not fit a Redis Cluster: its }} ends no hash tag such as {{app}}, so that a session \
                 and its lock would be in different slots",
                prefix.chars().take(40).collect::<String>()
            ),
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
