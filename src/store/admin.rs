//! The administrator's view of the servers: all their sessions, page by page, what they say about
//! themselves, and single values as they are stored. Nothing here is a part of a request.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::Value;

use super::{retry::RetryPolicy, router::Router};
use crate::{
    client::{Timeouts, connection::Connection, route},
    config::{Endpoint, Settings, Target},
    error::{StoreError, server_error},
    process::random_hex,
    protocol::{
        CLUSTER_COMMANDS, COMMANDS, Holder, Keys, Release, ReleaseReply, SENTINEL_COMMANDS, SessionId, State,
        UserCall, UserList,
        admin::{self, Listed, Name},
        reply::{self, nonsense},
        script::Payload,
    },
    resp::{Arg::Text, Batch, Command},
};

/// The number of keys that one page of a scan looks at.
const PAGE: u64 = 1000;

/// The number of exchanges by which the latency is measured.
const ROUNDS: usize = 5;

/// The longest time in milliseconds that is stored, as in the scripts: Redis refuses longer ones.
const LONGEST: u64 = 31_557_600_000_000;

/// The time in milliseconds for which a session is on the list of its user if its state has no end.
/// Its next use puts it there again.
const A_DAY: u64 = 86_400_000;

/// The servers of some settings, with a connection to each that was used.
pub struct Admin {
    settings: Arc<Settings>,
    /// The settings that these were made of.
    given: Arc<Settings>,
    router: Router,
    /// All servers, as they were known last.
    nodes: Vec<Arc<Target>>,
    links: Vec<Link>,
    /// The servers to which there was a connection.
    reached: Vec<Arc<Target>>,
    /// The server that was asked last.
    asked: Option<Arc<Target>>,
}

/// A connection to a server.
struct Link {
    node: Arc<Target>,
    connection: Connection,
    /// The name of the server's run, once it was asked for; empty if the user may not know it.
    run: Option<String>,
    /// Set if it takes the place of an earlier connection.
    is_again: bool,
}

/// A page of a scan.
pub struct Page {
    /// The names that were found. A scan can find a name more than once.
    pub names: Vec<Name>,
    /// The place of the next page, or `None` after the last one.
    pub next: Option<String>,
    /// The number of keys on all servers, counted with the first page, if the user may know it.
    pub total: Option<u64>,
}

/// A value as it is stored.
pub struct Stored {
    /// The value, perhaps compressed.
    pub data: Vec<u8>,
    /// The time that it has left in milliseconds; `None` is for ever.
    pub ttl: Option<u64>,
    /// The session's state as it is stored, and the time that this has left. Another program may
    /// have written a label that is not UTF-8.
    pub state: Option<(Vec<u8>, Option<u64>)>,
}

/// A lock as it is now.
pub struct Locked {
    /// The holder.
    pub holder: Holder,
    /// The time in milliseconds until the lease ends; `None` is never.
    pub ttl: Option<u64>,
    /// The number of requests in the queue.
    pub waiters: u64,
}

/// A server's report about itself. The user may not ask for everything.
#[derive(Default)]
pub struct Report {
    /// The server, without secrets.
    pub node: String,
    /// The user there.
    pub user: String,
    /// The prefix of the sessions.
    pub prefix: String,
    /// Set for a node of a Cluster.
    pub in_cluster: bool,
    /// The reason why the server cannot be asked at all.
    pub error: Option<String>,
    /// The times of some exchanges in microseconds.
    pub latency: Vec<u64>,
    /// The fields of INFO.
    pub info: Option<Vec<(String, String)>>,
    /// The settings of [`admin::CONFIG`] that the server has.
    pub config: Option<Vec<(String, String)>>,
    /// The commands that the user needs and may not use.
    pub refused: Vec<String>,
    /// The commands that would help, and that the user may not use.
    pub missed: Vec<String>,
    /// The needed commands that the server does not know.
    pub absent: Vec<String>,
    /// The questions that the server does not know: info, config.
    pub unanswered: Vec<&'static str>,
    /// Set if the user may not use keys with the prefix.
    pub keys_refused: bool,
}

impl Admin {
    /// Creates it, without any I/O.
    #[must_use]
    pub fn new(given: Arc<Settings>) -> Self {
        // An open session has a connection of the usual pool, and perhaps the only one.
        let settings = Arc::new(Settings { of_object: true, ..(*given).clone() });
        Self {
            given,
            router: Router::new(settings.clone()),
            settings,
            nodes: Vec::new(),
            links: Vec::new(),
            reached: Vec::new(),
            asked: None,
        }
    }

    /// Returns true if it is for these settings.
    #[must_use]
    pub fn is_for(&self, settings: &Arc<Settings>) -> bool {
        Arc::ptr_eq(&self.given, settings)
    }

    fn timeouts(&self) -> Timeouts {
        Timeouts { connect: self.settings.connect_timeout, read: self.settings.read_timeout }
    }

    fn in_cluster(&self) -> bool {
        self.settings.shards.is_cluster()
    }

    /// The server that was asked last, without secrets.
    #[must_use]
    pub fn asked(&self) -> Option<String> {
        self.asked.as_ref().map(ToString::to_string)
    }

    fn keys(&mut self, id: &SessionId) -> Keys {
        let prefix = &self.settings.prefix;
        let keys = if self.in_cluster() { Keys::in_cluster(prefix, id) } else { Keys::new(prefix, id) };
        self.asked = Some(self.settings.shards.of(keys.route).clone());
        keys
    }

    /// Returns all servers as they are now, in an order that does not change.
    fn nodes(&mut self) -> Result<Vec<Arc<Target>>, StoreError> {
        let mut nodes = Vec::new();
        for server in self.settings.shards.all() {
            self.asked = Some(server.clone());
            nodes.extend(route::masters(&server, self.timeouts())?);
        }
        nodes.sort_by_cached_key(ToString::to_string);
        self.nodes.clone_from(&nodes);
        Ok(nodes)
    }

    fn link(&mut self, node: &Arc<Target>) -> Result<&mut Link, StoreError> {
        self.asked = Some(node.clone());
        let known = self.links.iter_mut().position(|link| link.node == *node && link.connection.is_usable());
        let place = if let Some(place) = known {
            place
        } else {
            self.leave(node);
            let connection = route::open_beside(node, self.timeouts())?;
            let is_again = self.reached.contains(node);
            if !is_again {
                self.reached.push(node.clone());
            }
            self.links.push(Link { node: node.clone(), connection, run: None, is_again });
            self.links.len() - 1
        };
        Ok(&mut self.links[place])
    }

    fn connection(&mut self, node: &Arc<Target>) -> Result<&mut Connection, StoreError> {
        self.link(node).map(|link| &mut link.connection)
    }

    /// Closes the connection to a server.
    fn leave(&mut self, node: &Arc<Target>) {
        self.links.retain(|link| link.node != *node);
    }

    fn ask(&mut self, node: &Arc<Target>, command: &mut Command<'_>) -> Result<Value, StoreError> {
        let limit = self.settings.read_timeout;
        let answer = self.connection(node)?.request(command, limit);
        self.kept(node, answer)
    }

    /// Sends commands together. Each has its own reply, which may be an error.
    fn ask_all(&mut self, node: &Arc<Target>, commands: &[Vec<String>]) -> Result<Vec<Value>, StoreError> {
        let limit = self.settings.read_timeout;
        let connection = self.connection(node)?;
        let mut batch: Batch<'_> = connection.batch();
        for command in commands {
            let words: Vec<_> = command.iter().map(|word| Text(word)).collect();
            batch.add(&words);
        }
        let answer = connection.request_all(batch, limit);
        match (self.kept(node, answer)?, commands.len()) {
            (Value::Array(values), count) if values.len() == count && count > 1 => Ok(values),
            (value, 1) => Ok(vec![value]),
            _ => Err(nonsense("several commands")),
        }
    }

    /// After anything but an answer, the connection is of no more use.
    fn kept<T>(&mut self, node: &Arc<Target>, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if !matches!(answer, Ok(_) | Err(StoreError::Server(_))) {
            self.leave(node);
        }
        answer
    }

    /// Returns a page of a scan of all servers: the first one, or the one that an earlier page has
    /// named, which is `<cursor>@<run>@<server>@<prefix>`.
    /// Returns `None` if no server has that place (any more).
    pub fn scan(&mut self, listed: Listed, place: Option<&str>) -> Result<Option<Page>, StoreError> {
        let nodes = if place.is_none() || self.nodes.is_empty() { self.nodes()? } else { self.nodes.clone() };
        let (cursor, run, index) = match place {
            None => ("0", "", 0),
            Some(place) => {
                let mut parts = place.splitn(3, '@');
                let (Some(cursor), Some(run), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
                    return Ok(None);
                };
                let is_number = !cursor.is_empty() && cursor.bytes().all(|byte| byte.is_ascii_digit());
                match nodes.iter().position(|node| self.name(node) == name) {
                    Some(index) if is_number => (cursor, run, index),
                    _ => return Ok(None),
                }
            }
        };
        let total = if place.is_none() { self.total(&nodes) } else { None };
        let Some(node) = nodes.get(index) else { return Err(nonsense("CLUSTER SLOTS")) };
        let pattern = listed.pattern(&self.settings.prefix, self.in_cluster());
        let answer = self.scan_node(node, cursor, run, &pattern);
        let (run, answer) = self.kept(node, answer)?;
        let Value::Array(parts) = answer else { return Err(nonsense("SCAN")) };
        let [Value::BulkString(cursor), Value::Array(keys)] = &parts[..] else {
            return Err(nonsense("SCAN"));
        };
        let names = keys.iter().filter_map(|key| match key {
            Value::BulkString(key) => listed.name(&self.settings.prefix, self.in_cluster(), key),
            _ => None,
        });
        let names = names.collect();
        let next = match &cursor[..] {
            b"0" => nodes.get(index + 1).map(|node| format!("0@@{}", self.name(node))),
            cursor => Some(format!("{}@{run}@{}", String::from_utf8_lossy(cursor), self.name(node))),
        };
        Ok(Some(Page { names, next, total }))
    }

    /// The sessions of a server, as a place names them.
    fn name(&self, node: &Target) -> String {
        format!("{node}@{}", self.settings.prefix)
    }

    /// Scans a server on from a cursor of its run `run`. Returns its present run as well.
    ///
    /// A cursor is a place in the tables of one run, which has a seed of its own for them: in
    /// another run it would leave keys out. The scan of the server then begins anew.
    fn scan_node(
        &mut self,
        node: &Arc<Target>,
        cursor: &str,
        run: &str,
        pattern: &str,
    ) -> Result<(String, Value), StoreError> {
        let limit = self.settings.read_timeout;
        let Link { connection, run: known, is_again, .. } = self.link(node)?;
        let now = if let Some(now) = known.clone() {
            now
        } else {
            let info = match connection.request(Command::new("INFO").arg("server"), limit) {
                Ok(Value::BulkString(text)) => fields(&String::from_utf8_lossy(&text)),
                Ok(_) | Err(StoreError::Server(_)) => Vec::new(),
                Err(failure) => return Err(failure),
            };
            let named = |(name, value): (String, String)| (name == "run_id").then_some(value);
            let now = info.into_iter().find_map(named).filter(|run| !run.contains('@'));
            known.insert(now.unwrap_or_default()).clone()
        };
        // Without a name, a new connection may lead to another run.
        let is_same = if run.is_empty() { !*is_again } else { run == now };
        *is_again = false;
        let mut scan = Command::new("SCAN");
        scan.arg(if is_same { cursor } else { "0" });
        scan.arg("MATCH").arg(pattern).arg("COUNT").number(PAGE);
        Ok((now, connection.request(&mut scan, limit)?))
    }

    fn total(&mut self, nodes: &[Arc<Target>]) -> Option<u64> {
        let mut total = 0;
        for node in nodes {
            let Ok(Value::Int(keys)) = self.ask(node, &mut Command::new("DBSIZE")) else { return None };
            total += u64::try_from(keys).ok()?;
        }
        Some(total)
    }

    /// Asks each server about itself.
    pub fn reports(&mut self) -> Result<Vec<Report>, StoreError> {
        let nodes = self.nodes()?;
        Ok(nodes.iter().map(|node| self.report(node)).collect())
    }

    fn report(&mut self, node: &Arc<Target>) -> Report {
        let mut report = Report {
            node: node.to_string(),
            user: node.username.clone().unwrap_or_else(|| "default".to_owned()),
            prefix: self.settings.prefix.clone(),
            in_cluster: self.in_cluster(),
            ..Report::default()
        };
        if let Err(error) = self.fill(node, &mut report) {
            report.error = Some(error.to_string());
        }
        // A transaction that the user could not end must not go on.
        self.leave(node);
        report
    }

    fn fill(&mut self, node: &Arc<Target>, report: &mut Report) -> Result<(), StoreError> {
        self.connection(node)?;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            // A refusal takes as long.
            match self.ask(node, &mut Command::new("TIME")) {
                Ok(_) | Err(StoreError::Server(_)) => {}
                Err(failure) => return Err(failure),
            }
            report.latency.push(micros(start.elapsed()));
        }
        report.info = match self.ask(node, &mut Command::new("INFO")) {
            Ok(Value::BulkString(text)) => Some(fields(&String::from_utf8_lossy(&text))),
            Err(StoreError::Server(error)) if error.code == "NOPERM" => None,
            Err(StoreError::Server(error)) if error.is_unknown_command() => {
                report.unanswered.push("info");
                None
            }
            Ok(_) => return Err(nonsense("INFO")),
            Err(failure) => return Err(failure),
        };
        let questions: Vec<_> =
            admin::CONFIG.iter().map(|name| ["CONFIG", "GET", name].map(str::to_owned).to_vec()).collect();
        let answers = self.ask_all(node, &questions)?;
        let is_unknown = |answer: &Value| matches!(answer, Value::ServerError(error) if server_error(error).is_unknown_command());
        if answers.iter().all(is_unknown) {
            report.unanswered.push("config");
        }
        let known: Vec<_> = answers.into_iter().filter_map(setting).collect();
        report.config = (!known.is_empty()).then_some(known);
        self.find_refused(node, report)
    }

    /// Finds the commands that the user may not use.
    fn find_refused(&mut self, node: &Arc<Target>, report: &mut Report) -> Result<(), StoreError> {
        let mut needed = words(COMMANDS);
        if self.in_cluster() {
            needed.extend(words(CLUSTER_COMMANDS));
        }
        if matches!(node.endpoint, Endpoint::Sentinel(_)) {
            needed.extend(words(SENTINEL_COMMANDS));
        }
        // The commands after RPUSH take back its addition.
        needed.sort_by_key(|command| (*command != "rpush", *command == "del"));
        let key = [&*self.settings.prefix, &random_hex(), "_PROBE"].concat();
        let all: Vec<&str> = needed.iter().copied().chain(admin::TRANSACTION).collect();
        let calls: Vec<_> = all.iter().map(|command| admin::harmless(command, &key)).collect();
        let answers = self.ask_all(node, &calls)?;
        for (place, (command, answer)) in all.iter().zip(answers).enumerate() {
            let Value::ServerError(error) = answer else { continue };
            let error = server_error(&error);
            // The answer to EXEC has the reason behind a word of its own.
            let is_denied = error.code == "NOPERM" || error.detail.contains("NOPERM");
            if !is_denied && !error.is_unknown_command() {
                continue;
            }
            if is_denied && error.detail.contains(" key") {
                report.keys_refused = true;
            } else if place < needed.len() && !is_denied {
                report.absent.push((*command).to_owned());
            } else if place < needed.len() {
                report.refused.push((*command).to_owned());
            } else {
                report.missed.push((*command).to_owned());
            }
        }
        Ok(())
    }

    /// Returns a value as it is stored.
    pub fn stored(&mut self, name: &Name) -> Result<Option<Stored>, StoreError> {
        match name {
            Name::Session(id) => self.stored_session(id),
            Name::Aside(name) => {
                let key = [&*self.settings.prefix, name].concat();
                for node in self.nodes()? {
                    if let Some(data) = self.at_its_node(&node, Command::new("GET").arg(&key))? {
                        let ttl = self.ask(&node, Command::new("PTTL").arg(&key))?;
                        if ttl == GONE {
                            continue;
                        }
                        return Ok(Some(Stored { data: bytes(data)?, ttl: left(&ttl)?, state: None }));
                    }
                }
                Ok(None)
            }
        }
    }

    /// Sends a command with a key that another node of a Cluster may have.
    fn at_its_node(
        &mut self,
        node: &Arc<Target>,
        command: &mut Command<'_>,
    ) -> Result<Option<Value>, StoreError> {
        match self.ask(node, command) {
            Ok(Value::Nil) => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Server(error)) if error.is_redirect() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn stored_session(&mut self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let keys = self.keys(id);
        let questions =
            [("GET", keys.data()), ("PTTL", keys.data()), ("GET", keys.state()), ("PTTL", keys.state())];
        let together = self.router.request_all(&keys, |_, batch| {
            for (command, key) in questions {
                batch.add(&[Text(command), Text(key)]);
            }
        });
        let is_error = |value: &Value| matches!(value, Value::ServerError(_));
        let values = match together {
            Ok(Some(values)) if !values.iter().any(is_error) => values,
            // A slot that has moved, or a connection that was dead.
            Ok(_) | Err(StoreError::Broken(_) | StoreError::Demoted(_) | StoreError::Server(_)) => {
                let mut values = Vec::new();
                for (command, key) in questions {
                    values.push(self.router.request(&keys, Command::new(command).arg(key))?);
                }
                values
            }
            Err(failure) => return Err(failure),
        };
        let stored = read_stored(values);
        self.router.checked(stored)
    }

    /// Stores a value for `ttl` milliseconds, or for ever. A living state that is there goes if the
    /// value has none, unless it is to be kept: its end would be that of another session. Unless
    /// `replace` is set, a session that exists or has ended stays as it is, and the result is
    /// false.
    pub fn store(
        &mut self,
        id: &SessionId,
        value: &Stored,
        replace: bool,
        keep_state: bool,
    ) -> Result<bool, StoreError> {
        let keys = self.keys(id);
        let time = |ttl: Option<u64>| ttl.map_or_else(String::new, |ttl| ttl.clamp(1, LONGEST).to_string());
        let (state, state_ttl) = value.state.as_ref().map_or((&[][..], None), |(text, ttl)| (text, *ttl));
        let mut set = Command::eval(admin::STORE, &[keys.data(), keys.state()]);
        set.arg(if replace { "1" } else { "0" }).arg(time(value.ttl)).arg(state).arg(time(state_ttl));
        set.arg(if keep_state { "keep" } else { "drop" });
        let Value::Array(reply) = self.router.request(&keys, set.data(&value.data))? else {
            return Err(nonsense("EVAL"));
        };
        let [Value::Int(stored), Value::BulkString(now), Value::Int(left)] = &reply[..] else {
            return Err(nonsense("EVAL"));
        };
        if *stored == 1 {
            self.enlist(id, now, u64::try_from(*left).ok())?;
        } else if !state.is_empty() && state == now {
            // An earlier try may have failed before this.
            self.enlist(id, state, state_ttl)?;
        }
        Ok(*stored == 1)
    }

    /// Puts a session on the list of its user, as far as its state names one.
    fn enlist(&mut self, id: &SessionId, state: &[u8], ttl: Option<u64>) -> Result<(), StoreError> {
        let state = State::parse(&String::from_utf8_lossy(state));
        let user = state.live().and_then(|live| SessionId::parse(live.user().as_bytes()));
        let Some(user) = user else { return Ok(()) };
        let list = Keys::of_list(&self.settings.prefix, &user, self.in_cluster());
        let text = random_hex();
        let life = ttl.unwrap_or(A_DAY).min(LONGEST);
        let bump = UserCall::Bump { name: id.as_str(), life, before: None, stays: false, passed: None };
        let mut call = bump.call(&list, &text);
        let read = |answer| UserList::parse(answer, &text);
        self.router.run_until_answered(&list, &mut call, RetryPolicy::Freely, read)?;
        Ok(())
    }

    /// Deletes a value that was set aside. Returns false if there is none.
    pub fn forget_aside(&mut self, name: &str) -> Result<bool, StoreError> {
        let key = [&*self.settings.prefix, name].concat();
        for node in self.nodes()? {
            if let Some(Value::Int(1)) = self.at_its_node(&node, Command::new("DEL").arg(&key))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the lock of a session, or `None` if it is free.
    pub fn locked(&mut self, id: &SessionId) -> Result<Option<Locked>, StoreError> {
        let keys = self.keys(id);
        let Value::BulkString(holder) = self.router.request(&keys, Command::new("GET").arg(keys.lock()))?
        else {
            return Ok(None);
        };
        let ttl = self.router.request(&keys, Command::new("PTTL").arg(keys.lock()))?;
        if ttl == GONE {
            return Ok(None);
        }
        let ttl = left(&ttl)?;
        let now = reply::time(self.router.request(&keys, &mut Command::new("TIME"))?).unwrap_or_default();
        // The entries of waiters that have died stay until the next release.
        let mut count = Command::new("ZCARD");
        let waiters = match self.router.request(&keys, count.arg(keys.waiters()))? {
            Value::Int(waiters) => u64::try_from(waiters).unwrap_or_default(),
            _ => return Err(nonsense("ZCARD")),
        };
        let holder = Holder::new(String::from_utf8_lossy(&holder).into_owned(), now).endless(ttl.is_none());
        Ok(Some(Locked { holder, ttl, waiters }))
    }

    /// Frees the lock of a session, or gives it to the next in the queue. Its holder will be
    /// refused its write. Returns false if there is no lock.
    pub fn unlock(&mut self, id: &SessionId) -> Result<bool, StoreError> {
        let keys = self.keys(id);
        let Value::BulkString(bytes) = self.router.request(&keys, Command::new("GET").arg(keys.lock()))?
        else {
            return Ok(false);
        };
        let holder = String::from_utf8_lossy(&bytes);
        if !holder.starts_with("o:") && !holder.starts_with("t:") {
            // That of phpredis, which knows no hand-over.
            let mut take = Command::eval(admin::TAKE, &[keys.lock()]);
            return Ok(self.router.request(&keys, take.data(&bytes))? == Value::Int(1));
        }
        let token = holder.split('|').next().unwrap_or_default();
        let polling = self.settings.polls();
        let mut call = Release::of_lock(token, polling).call(&keys, 0, Payload::Argument);
        let released =
            self.router.run_until_answered(&keys, &mut call, RetryPolicy::Freely, ReleaseReply::parse)?;
        Ok(released == ReleaseReply::Done)
    }

    /// Gives the connection of the last session back.
    pub fn rest(&mut self) {
        self.router.rest();
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The commands of an ACL rule.
fn words(rule: &'static str) -> Vec<&'static str> {
    rule.split_whitespace().filter_map(|word| word.strip_prefix('+')).collect()
}

/// The `name:value` lines of INFO.
fn fields(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The answer to CONFIG GET: a name and its value, or nothing for a name that the server lacks.
fn setting(answer: Value) -> Option<(String, String)> {
    let Value::Array(pair) = answer else { return None };
    match &pair[..] {
        [Value::BulkString(name), Value::BulkString(value)] => {
            Some((String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned()))
        }
        _ => None,
    }
}

fn bytes(value: Value) -> Result<Vec<u8>, StoreError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(nonsense("GET")),
    }
}

/// The answer to PTTL if the key has ended since it was read.
const GONE: Value = Value::Int(-2);

/// The answer to PTTL, or `None` for a key without an end.
fn left(value: &Value) -> Result<Option<u64>, StoreError> {
    match value {
        Value::Int(ms) => Ok(u64::try_from(*ms).ok()),
        _ => Err(nonsense("PTTL")),
    }
}

/// The answers to the questions about a stored session.
fn read_stored(values: Vec<Value>) -> Result<Option<Stored>, StoreError> {
    let Ok([data, ttl, state, state_ttl]) = <[Value; 4]>::try_from(values) else {
        return Err(nonsense("several commands"));
    };
    if data == Value::Nil || ttl == GONE {
        return Ok(None);
    }
    let state = match state {
        Value::Nil => None,
        _ if state_ttl == GONE => None,
        state => Some((bytes(state)?, left(&state_ttl)?)),
    };
    Ok(Some(Stored { data: bytes(data)?, ttl: left(&ttl)?, state }))
}
