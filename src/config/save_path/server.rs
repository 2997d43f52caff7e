//! One server of a save path, and the parameters that it takes.

use std::time::Duration;

use super::{
    super::{ini, secret::Secret, target::Endpoint, tls::Tls},
    text::{database, decode},
};

/// One server of a save path.
#[derive(Debug, PartialEq, Eq)]
pub struct SavePath {
    pub endpoint: Endpoint,
    pub username: Option<String>,
    pub password: Option<String>,
    pub database: u32,
    pub tls: Option<Tls>,
    pub weight: u32,
    pub prefix: Option<String>,
    pub connect_timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
    /// Parameters of phpredis that have no meaning here.
    pub ignored: Vec<&'static str>,
}

/// Parameters that may come in any order and have a meaning only together.
#[derive(Default)]
pub struct Parameters {
    unnamed_auth: Vec<String>,
    pub tls: Option<Tls>,
    sentinel_username: Option<String>,
    sentinel_password: Option<String>,
}

impl SavePath {
    pub fn at(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            username: None,
            password: None,
            database: 0,
            tls: None,
            weight: 1,
            prefix: None,
            connect_timeout: None,
            read_timeout: None,
            ignored: Vec::new(),
        }
    }

    /// `user:pass`, or a password alone.
    pub fn set_user(&mut self, user: Option<&str>) -> Result<(), String> {
        if let Some(user) = user {
            let (name, password) = user.split_once(':').unwrap_or(("", user));
            self.username = Some(decode(name, false)?);
            self.password = Some(decode(password, false)?);
        }
        Ok(())
    }

    /// One `name=value` of the query.
    pub fn set_pair(
        &mut self,
        pair: &str,
        plus_is_space: bool,
        parameters: &mut Parameters,
    ) -> Result<(), String> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        self.set(&decode(name, plus_is_space)?, decode(value, plus_is_space)?, parameters)
    }

    /// Applies the parameters that have a meaning together, and checks the whole.
    pub fn complete(mut self, parameters: Parameters) -> Result<Self, String> {
        let Parameters { mut unnamed_auth, tls, sentinel_username, sentinel_password } = parameters;
        match unnamed_auth.len() {
            0 => {}
            1 => self.password = unnamed_auth.pop(),
            2 => {
                self.password = unnamed_auth.pop();
                self.username = unnamed_auth.pop();
            }
            _ => return Err("auth[] takes a user and a password, or a password alone".into()),
        }
        self.username = self.username.filter(|name| !name.is_empty());
        self.password = self.password.filter(|password| !password.is_empty());
        match &mut self.endpoint {
            Endpoint::Unix(_) if tls.is_some() => return Err("TLS over a Unix socket makes no sense".into()),
            Endpoint::Sentinel(sentinel) => {
                sentinel.username = sentinel_username.filter(|name| !name.is_empty());
                sentinel.password =
                    sentinel_password.filter(|password| !password.is_empty()).map(Secret::new);
            }
            _ if sentinel_username.is_some() || sentinel_password.is_some() => {
                return Err("sentinel_user and sentinel_auth belong to sentinel://".into());
            }
            Endpoint::Cluster(_) if self.database != 0 => {
                return Err("a Redis Cluster has only database 0".into());
            }
            _ => {}
        }
        self.tls = tls.map(Tls::checked).transpose()?;
        Ok(self)
    }

    fn set(&mut self, name: &str, value: String, parameters: &mut Parameters) -> Result<(), String> {
        // A slip for the & between two parameters would put a password into a text that is shown.
        let holds_password = || {
            let value = value.to_ascii_lowercase();
            ["auth=", "auth[", "pass="].iter().any(|word| value.contains(word))
        };
        match name {
            "prefix" | "user" | "auth[user]" if holds_password() => {
                return Err(format!("{name} has another parameter in it; an & separates parameters"));
            }
            "prefix" => self.prefix = Some(value),
            "database" | "db" => self.database = database(&value)?,
            "timeout" => self.connect_timeout = timeout(name, &value)?,
            "read_timeout" => self.read_timeout = timeout(name, &value)?,
            "auth" | "pass" | "auth[pass]" => self.password = Some(value),
            "user" | "auth[user]" => self.username = Some(value),
            "auth[]" | "auth[0]" | "auth[1]" => parameters.unnamed_auth.push(value),
            "sentinel_user" => parameters.sentinel_username = Some(value),
            "sentinel_auth" => parameters.sentinel_password = Some(value),
            "weight" => {
                self.weight = value.parse().map_err(|_| "weight must be a whole number")?;
            }
            // A lone `tls` is refused: it may be meant as either.
            "tls" => match ini::flag(&value).filter(|_| !value.is_empty()) {
                Some(true) => parameters.tls = Some(parameters.tls.take().unwrap_or_default()),
                Some(false) => {}
                None => return Err("tls is 1 or 0".into()),
            },
            // All connections here are persistent. phpredis takes any number but 0.
            "persistent" => {
                if !ini::flag(&value).unwrap_or_else(|| value.parse().is_ok_and(|n: i64| n != 0)) {
                    self.ignored.push("persistent=0");
                }
            }
            "persistent_id" => self.ignored.push("persistent_id"),
            "retry_interval" => self.ignored.push("retry_interval"),
            // This chooses the node that phpredis reads from. Here, a session is always read from
            // the node it is written to.
            "failover" if matches!(self.endpoint, Endpoint::Cluster(_)) => {
                if value != "none" {
                    self.ignored.push("failover");
                }
            }
            _ => match name.strip_prefix("stream[").and_then(|rest| rest.strip_suffix(']')) {
                Some(option) => parameters.tls.get_or_insert_default().set(option, &value)?,
                // The name may be a piece of a password with a raw '&', so no message shows it.
                None => {
                    return Err("it has a parameter that is not known; known are auth, database, prefix, timeout, \
                                read_timeout, weight, persistent, persistent_id, retry_interval, stream[...], tls, \
                                sentinel_user and sentinel_auth (in a password, write & as %26)"
                        .into());
                }
            },
        }
        Ok(())
    }
}

/// In phpredis, 0 means "no limit" and is the default. Here, 0 means the ini setting's limit.
fn timeout(name: &str, text: &str) -> Result<Option<Duration>, String> {
    match ini::seconds(text).filter(|n| *n <= 86400.0 * 365.0) {
        Some(n) if n > 0.0 => Ok(Some(Duration::from_secs_f64(n).clamp(MIN_TIMEOUT, MAX_TIMEOUT))),
        Some(_) => Ok(None),
        None => Err(format!("{name} must be a number of seconds")),
    }
}

const MIN_TIMEOUT: Duration = Duration::from_millis(1);
/// phpredis' default of a day is no bound at all. A path that spells it out gets the longest limit
/// that the settings allow.
const MAX_TIMEOUT: Duration = Duration::from_hours(1);
