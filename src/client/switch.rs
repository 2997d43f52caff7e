//! Asks the sentinels for the current master while connections to it are in use.
//!
//! Sentinel demotes an old master seconds after the promotion of the new one, and all data that the
//! old master accepts in the meantime is lost. Each process therefore asks again while it works, at
//! most once a second, over a connection to a sentinel that it keeps open. The question goes out
//! before a request to the master, and a later request takes the answer if it has arrived. Two
//! requests wait for the answer if the previous one is too old: a write, and one to which the
//! master said that it does not have the session. No other request waits.
//!
//! A sentinel that is cut off together with an old master names it for as long as that lasts. The
//! questions therefore turn to the next sentinel every ten seconds. If it names another master, the
//! higher number of a failover (`config-epoch`) decides. The number of a sentinel that is gone
//! gives way to two others that name the same master. The connections to the sentinels are kept, so
//! that a turn costs a trip to a sentinel only once.

use std::{
    iter, mem,
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use redis::Value;

use super::{
    connection::{Connection, Sent},
    sentinel::{self, Found, Known},
    stream::Timeouts,
};
use crate::{
    config::{Endpoint, Sentinel, Target},
    error::StoreError,
    process::{PerProcess, Shared, threads},
};

/// The time between two questions, and the largest age of an answer before a write.
const PERIOD: Duration = Duration::from_secs(1);
/// The largest age of an answer if the master does not have a session. The visitor may have logged
/// in at another master, and would be logged out here.
const FRESH: Duration = Duration::from_millis(100);
/// The longest time for which a sentinel that does not answer, or the search for another sentinel,
/// may hold up a request.
const SEARCH: Duration = Duration::from_millis(100);
/// The longest pause after a search that found no sentinel. Sentinels that are back may replace the
/// master soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The time for which a sentinel that did not answer is left out while another one answers.
const LEFT_OUT: Duration = Duration::from_secs(30);
/// The time after which the questions turn to the next sentinel.
const TURN: Duration = Duration::from_secs(10);
/// The time for which a sentinel that names the previous master counts as behind the others.
/// Sentinels tell each other of a change every two seconds, but one of them may be cut off.
const BEHIND: Duration = Duration::from_secs(30);
/// The largest number of sentinels that are searched for at a time.
const SIDE_BY_SIDE: usize = 8;
/// TLS expects a program's ordinary threads.
const STACK: usize = 2 << 20;
/// The largest number of groups. A script can set `session.save_path` to any value, and further
/// groups replace the oldest.
const MAX_GROUPS: usize = 32;

/// A group of sentinels and their answers.
struct Group {
    target: Arc<Target>,
    /// The last server that confirmed its own role as the master.
    last: Endpoint,
    /// The master that a sentinel has named since then.
    named: Option<Endpoint>,
    /// The previous master, and the time when it was left.
    left: Option<(Endpoint, Instant)>,
    /// The sentinels, in the order of their numbers.
    nodes: Vec<Node>,
    /// The number of the sentinel that is asked.
    current: usize,
    /// The time when its turn began.
    since: Instant,
    /// The number of the sentinel whose word is believed: the last one that has named `last`, or
    /// `named`. Such a sentinel cannot name the previous master merely because it is behind.
    trusted: Option<usize>,
    /// The number of the failover that made the believed master, as far as it was asked for.
    epoch: Option<u64>,
    /// Another master, and the number of the sentinel that has named it in vain.
    rival: Option<(Endpoint, usize)>,
    /// The question that has no answer yet.
    pending: Option<Sent>,
    asked: Instant,
    /// The time of the last question that has an answer. The answer may have waited for as long as
    /// this process did nothing.
    heard: Instant,
    /// The number of the sentinel to which the last turn or search has led.
    turn: usize,
    /// The time between two questions, or between two searches.
    pause: Duration,
}

#[derive(Default)]
struct Node {
    connection: Option<Connection>,
    /// The time of the last search or question in vain.
    failed: Option<Instant>,
}

/// The age that the last answer of the sentinels may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Any age: nothing waits for an answer.
    Last,
    /// The answer is good enough for a write.
    Recent,
    /// The answer is good enough to believe that a session does not exist.
    Fresh,
}

impl Word {
    /// Returns the largest age, if there is one.
    fn age(self) -> Option<Duration> {
        match self {
            Self::Last => None,
            Self::Recent => Some(PERIOD),
            Self::Fresh => Some(FRESH),
        }
    }
}

static GROUPS: Shared<Vec<Group>> = Shared::empty();

/// Returns what this process knows of these sentinels.
pub fn known(target: &Arc<Target>) -> Known {
    GROUPS.lock().iter().find(|group| group.is_of(target)).map(Group::known).unwrap_or_default()
}

/// Opens a connection to the master. Returns it together with the master's address.
pub fn open(
    sentinel: &Sentinel,
    target: &Arc<Target>,
    timeouts: Timeouts,
    probe: &str,
) -> Result<(Connection, Endpoint), StoreError> {
    let Found { connection, master, sentinel: asked } =
        sentinel::open(sentinel, target, timeouts, known(target), Some(probe))?;
    let mut groups = GROUPS.lock();
    let place = groups.iter().position(|group| group.is_of(target));
    let before = place.map(|place| groups.remove(place));
    if groups.len() == MAX_GROUPS {
        groups.remove(0);
    }
    groups.push(Group::new(target, master.clone(), asked, sentinel.nodes.len(), before));
    Ok((connection, master))
}

/// Returns true if the sentinels name another master than `to`. A word that is too old is waited
/// for, but for no longer than [`SEARCH`] for each of two sentinels.
pub fn has_moved(sentinel: &Sentinel, target: &Arc<Target>, to: &Endpoint, word: Word) -> bool {
    let mut groups = GROUPS.lock();
    let Some(group) = groups.iter_mut().find(|group| group.is_of(target)) else { return false };
    let had_sentinel = group.connection().is_some();
    let mut searched = group.go_on(sentinel);
    group.await_word(sentinel, word);
    if word == Word::Fresh && had_sentinel && searched.is_none() && group.connection().is_none() {
        searched = group.search();
    }
    if let Some(numbers) = searched {
        // Other threads do not wait for the search.
        drop(groups);
        let tried = search(sentinel, target, numbers);
        groups = GROUPS.lock();
        let Some(group) = groups.iter_mut().find(|group| group.is_of(target)) else { return false };
        group.end_search(tried);
        group.ask(sentinel);
        group.await_word(sentinel, word);
        return group.names_another(to);
    }
    group.names_another(to)
}

/// Connects to these sentinels side by side, and ends with the first one that answers: one that is
/// silent costs nothing beside it. The last of several is taken only if no other one answers: it
/// was asked before. Returns the sentinels that are known to be of no use, and behind them the one
/// that answers. If the system has no thread to spare, they share the time.
fn search(
    sentinel: &Sentinel,
    target: &Arc<Target>,
    numbers: Vec<usize>,
) -> Vec<(usize, Option<Connection>)> {
    let end = Instant::now() + SEARCH;
    let time = || end.saturating_duration_since(Instant::now());
    let (own, answers) = match numbers[..] {
        [_, _, ..] => search_on_threads(sentinel, target, &numbers),
        _ => (numbers.clone(), mpsc::channel().1),
    };
    let own = own.iter().enumerate().map(|(before, number)| {
        let others = own.len() - before;
        let share = time() / u32::try_from(others).unwrap_or(u32::MAX);
        (*number, connect(sentinel, target, *number, share))
    });
    let mut tried = Vec::new();
    let mut last = None;
    for (number, connection) in own.chain(iter::from_fn(|| answers.recv_timeout(time()).ok())) {
        if numbers.last() == Some(&number) {
            last = connection;
            continue;
        }
        let is_found = connection.is_some();
        tried.push((number, connection));
        if is_found {
            return tried;
        }
    }
    let mut tried: Vec<_> = numbers.into_iter().map(|number| (number, None)).collect();
    if let Some((_, connection)) = tried.last_mut() {
        *connection = last;
    }
    tried
}

/// Starts to connect to each of these sentinels on a thread. Returns the sentinels for which there
/// is no thread, and the receiver of the results.
fn search_on_threads(
    sentinel: &Sentinel,
    target: &Arc<Target>,
    numbers: &[usize],
) -> (Vec<usize>, Receiver<(usize, Option<Connection>)>) {
    let (sender, answers) = mpsc::channel();
    let mut left = Vec::new();
    for number in numbers.iter().copied() {
        let (sentinel, target, sender) = (sentinel.clone(), target.clone(), sender.clone());
        // The result is dropped once another sentinel has answered.
        let connect = move || _ = sender.send((number, connect(&sentinel, &target, number, SEARCH)));
        match threads::spawn("rustredis-sentinel", STACK, connect) {
            Ok(thread) => keep_thread(thread),
            Err(_) => left.push(number),
        }
    }
    (left, answers)
}

/// The threads of searches. One whose sentinel is silent outlives its search, by [`SEARCH`] at
/// most.
static THREADS: PerProcess<Vec<JoinHandle<()>>> = PerProcess::new(Vec::new());

fn keep_thread(thread: JoinHandle<()>) {
    let mut threads = THREADS.lock();
    let over: Vec<_> = threads.extract_if(.., |thread| thread.is_finished()).collect();
    threads.push(thread);
    drop(threads);
    join(over);
}

/// Waits for the threads of searches, which takes a moment: before a fork, and before the module is
/// unloaded.
pub fn end_searches() {
    let threads = mem::take(&mut *THREADS.lock());
    join(threads);
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // A thread that has panicked has found nothing.
        let _ = thread.join();
    }
}

fn connect(sentinel: &Sentinel, target: &Target, number: usize, limit: Duration) -> Option<Connection> {
    let within = Timeouts { connect: limit, read: limit };
    sentinel::connect(sentinel, sentinel.nodes.get(number)?, target, within).ok()
}

impl Group {
    fn is_of(&self, target: &Arc<Target>) -> bool {
        Arc::ptr_eq(&self.target, target) || self.target == *target
    }

    fn new(
        target: &Arc<Target>,
        master: Endpoint,
        asked: Option<(usize, Connection)>,
        nodes: usize,
        before: Option<Self>,
    ) -> Self {
        let now = Instant::now();
        let left = before.as_ref().and_then(Self::left).filter(|(left, _)| *left != master);
        let mut group = Self {
            target: target.clone(),
            named: None,
            left,
            nodes: (0..nodes).map(|_| Node::default()).collect(),
            current: 0,
            since: now,
            trusted: None,
            epoch: None,
            rival: None,
            pending: None,
            asked: now,
            heard: now,
            turn: 0,
            pause: PERIOD,
            last: master,
        };
        if let Some(before) = before {
            let is_same = *before.believed() == group.last;
            group.nodes = before.nodes;
            (group.current, group.turn) = (before.current, before.turn);
            // The next turn comes in time, however often this process connects.
            group.since = before.since;
            if is_same {
                (group.trusted, group.epoch) = (before.trusted, before.epoch);
            }
        }
        if let Some((number, connection)) = asked
            && let Some(node) = group.nodes.get_mut(number)
        {
            *node = Node { connection: Some(connection), failed: None };
            group.trusted = Some(number);
            if group.current != number {
                (group.current, group.turn, group.since) = (number, number, now);
            }
        }
        group
    }

    /// Returns the master that is believed to be one.
    fn believed(&self) -> &Endpoint {
        self.named.as_ref().unwrap_or(&self.last)
    }

    /// Returns the master that was left lately. If a sentinel has named another master since, the
    /// last master is the one.
    fn left(&self) -> Option<(Endpoint, Instant)> {
        match &self.named {
            Some(named) if *named != self.last => Some((self.last.clone(), Instant::now())),
            _ => self.left.clone().filter(|(_, at)| at.elapsed() < BEHIND),
        }
    }

    fn known(&self) -> Known {
        Known {
            last: Some(self.last.clone()),
            left: self.left().map(|(master, _)| master),
            first: self.trusted.unwrap_or(0),
        }
    }

    /// Returns true if a sentinel that is not known to be ahead may be behind the others.
    fn is_behind(&self, master: &Endpoint) -> bool {
        self.left.as_ref().is_some_and(|(left, at)| left == master && at.elapsed() < BEHIND)
    }

    /// Returns the connection to the sentinel that is asked.
    fn connection(&mut self) -> Option<&mut Connection> {
        self.nodes.get_mut(self.current)?.connection.as_mut()
    }

    fn disconnect(&mut self) {
        self.pending = None;
        if let Some(node) = self.nodes.get_mut(self.current) {
            *node = Node { connection: None, failed: Some(Instant::now()) };
        }
    }

    /// Returns true if another server is the master. A sentinel has named it, or another connection
    /// of this process leads to it already.
    fn names_another(&self, than: &Endpoint) -> bool {
        self.believed() != than
    }

    /// Takes the answer if it has arrived, and asks again if the time has come. If sentinels are to
    /// be asked to which there is no connection, returns their numbers.
    fn go_on(&mut self, sentinel: &Sentinel) -> Option<Vec<usize>> {
        if let Some(sent) = self.pending
            && let Some(answer) =
                self.connection().and_then(|connection| connection.answer_if_there(sent, SEARCH))
        {
            self.take(sentinel, answer);
        }
        if self.asked.elapsed() < self.pause {
            return None;
        }
        if self.pending.is_some() {
            // The sentinel had a whole period to answer.
            self.disconnect();
        }
        if (self.connection().is_none() || self.since.elapsed() >= TURN)
            && let Some(next) = self.next_node()
        {
            if self.nodes[next].connection.is_none() {
                return self.search();
            }
            self.turn_to(next);
        }
        self.ask(sentinel);
        if self.connection().is_some() { None } else { self.search() }
    }

    /// Returns the number of the sentinel that is asked after the current one.
    fn next_node(&mut self) -> Option<usize> {
        let (turn, count, current) = (self.turn, self.nodes.len(), self.current);
        let mut others = (1..=count).map(|step| (turn + step) % count);
        for node in &mut self.nodes {
            node.connection.take_if(|connection| !connection.is_usable());
        }
        if self.connection().is_none() {
            let connected = others.clone().find(|number| self.nodes[*number].connection.is_some());
            return connected.or_else(|| others.next());
        }
        let has_failed = |node: &Node| node.failed.is_some_and(|at| at.elapsed() < LEFT_OUT);
        others.find(|number| *number != current && !has_failed(&self.nodes[*number]))
    }

    fn turn_to(&mut self, number: usize) {
        (self.current, self.turn, self.since) = (number, number, Instant::now());
    }

    /// Begins a search for the next sentinel, and returns its number. If there is no connection to
    /// any sentinel, the others follow, and last of all the one that was asked before: it may be
    /// cut off together with an old master.
    fn search(&mut self) -> Option<Vec<usize>> {
        self.asked = Instant::now();
        let (next, count) = (self.next_node()?, self.nodes.len());
        self.turn = next;
        let tries = if self.connection().is_some() { 1 } else { count.min(SIDE_BY_SIDE) };
        let mut numbers: Vec<_> = (next..next + tries).map(|number| number % count).collect();
        numbers.sort_by_key(|number| *number == self.current);
        Some(numbers)
    }

    /// Ends a search in which these sentinels were tried, the last of them perhaps with success.
    fn end_search(&mut self, tried: Vec<(usize, Option<Connection>)>) {
        let mut found = None;
        for (number, connection) in tried {
            found = connection.is_some().then_some(number);
            self.turn = number;
            if let Some(node) = self.nodes.get_mut(number) {
                let failed = connection.is_none().then(Instant::now);
                *node = Node { connection, failed };
            }
        }
        if let Some(number) = found {
            // A question to the sentinel before this one is over.
            if let Some(sent) = self.pending.take()
                && let Some(connection) = self.connection()
            {
                connection.forget(sent);
            }
            self.turn_to(number);
        }
        self.pause = if self.connection().is_some() { PERIOD } else { (self.pause * 2).min(LONGEST_PAUSE) };
    }

    fn await_word(&mut self, sentinel: &Sentinel, word: Word) {
        let Some(age) = word.age() else { return };
        if self.heard.elapsed() < age {
            return;
        }
        if self.asked.elapsed() >= age {
            // The answer to an older question may be as old as that question.
            if let Some(sent) = self.pending.take()
                && let Some(connection) = self.connection()
            {
                connection.forget(sent);
            }
            self.ask(sentinel);
        }
        if let Some(sent) = self.pending
            && let Some(connection) = self.connection()
        {
            let answer = connection.answer_to(sent, SEARCH);
            self.take(sentinel, answer);
        }
    }

    fn take(&mut self, sentinel: &Sentinel, answer: Result<Value, StoreError>) {
        self.pending = None;
        let Ok(master) = answer.and_then(|answer| sentinel::answer(sentinel, answer)) else {
            self.disconnect();
            return;
        };
        self.heard = self.asked;
        if master == *self.believed() {
            (self.trusted, self.rival) = (Some(self.current), None);
        } else if self.trusted == Some(self.current) {
            (self.named, self.epoch) = (Some(master), None);
        } else {
            self.settle(sentinel, master);
        }
    }

    /// Decides between the believed master and the one that another sentinel names.
    fn settle(&mut self, sentinel: &Sentinel, master: Endpoint) {
        let is_there =
            |known: &Self| known.trusted.filter(|number| known.nodes[*number].connection.is_some());
        let was_there = is_there(self);
        let theirs = self.epoch_at(sentinel, self.current);
        let ours = self.trusted.and_then(|number| self.epoch_at(sentinel, number)).or(self.epoch);
        let trusted = is_there(self);
        // Sentinels that were set up anew begin at 0, and no sentinel that is there has our number.
        let rival = self.rival.replace((master.clone(), self.current));
        let agrees = |(named, by): (Endpoint, usize)| named == master && by != self.current;
        let is_newer = match theirs.zip(ours) {
            Some((theirs, ours)) => theirs > ours || trusted.is_none() && rival.is_some_and(agrees),
            // The sentinel that is believed is followed for as long as it is there. One silence
            // may be that of a busy machine.
            None => trusted.is_none() && was_there.is_none() && !self.is_behind(&master),
        };
        if is_newer {
            (self.named, self.trusted, self.epoch) = (Some(master), Some(self.current), theirs);
            self.rival = None;
            return;
        }
        self.epoch = ours.or(self.epoch);
        match trusted {
            // The next turn leads to the sentinel after this one.
            Some(number) => (self.current, self.since) = (number, Instant::now()),
            None => self.since = Instant::now().checked_sub(TURN).unwrap_or(self.since),
        }
    }

    fn epoch_at(&mut self, sentinel: &Sentinel, number: usize) -> Option<u64> {
        let node = self.nodes.get_mut(number)?;
        let answer = node.connection.as_mut()?.request(&mut sentinel::details(sentinel), SEARCH);
        match answer {
            Ok(details) => sentinel::config_epoch(details),
            // A user may not have the right to this command.
            Err(StoreError::Server(_)) => None,
            Err(_) => {
                node.connection = None;
                None
            }
        }
    }

    fn ask(&mut self, sentinel: &Sentinel) {
        let Some(connection) = self.connection() else { return };
        match connection.send_awaited(&mut sentinel::question(sentinel), SEARCH) {
            Ok(sent) => {
                self.pending = Some(sent);
                self.asked = Instant::now();
            }
            Err(_) => self.disconnect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::{TcpListener, TcpStream},
        sync::{
            Mutex,
            atomic::{AtomicBool, Ordering},
        },
        thread,
    };

    use super::*;

    /// A sentinel that names a master on this port, made by the failover of this number. Without a
    /// number, it refuses to tell more.
    struct Fake {
        node: (String, u16),
        says: Arc<Mutex<(u16, Option<u64>)>>,
        is_away: Arc<AtomicBool>,
        is_silent: Arc<AtomicBool>,
    }

    impl Fake {
        fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let says = Arc::new(Mutex::new((OLD, Some(1))));
            let is_away = Arc::new(AtomicBool::new(false));
            let is_silent = Arc::new(AtomicBool::new(false));
            let (said, away, silent) = (says.clone(), is_away.clone(), is_silent.clone());
            thread::spawn(move || {
                for mut client in listener.incoming().flatten() {
                    let (said, away, silent) = (said.clone(), away.clone(), silent.clone());
                    thread::spawn(move || {
                        if silent.load(Ordering::Relaxed) {
                            return drop(client.read_to_end(&mut Vec::new()));
                        }
                        serve(&client, &said, &away);
                    });
                }
            });
            Self { node: ("127.0.0.1".into(), port), says, is_away, is_silent }
        }

        fn say(&self, port: u16, epoch: Option<u64>) {
            *self.says.lock().unwrap() = (port, epoch);
        }

        /// Ends each connection at the next command, or no more.
        fn be_away(&self, is_away: bool) {
            self.is_away.store(is_away, Ordering::Relaxed);
        }

        /// Says nothing over new connections, or no more.
        fn be_silent(&self, is_silent: bool) {
            self.is_silent.store(is_silent, Ordering::Relaxed);
        }
    }

    fn serve(client: &TcpStream, says: &Mutex<(u16, Option<u64>)>, is_away: &AtomicBool) -> Option<()> {
        let mut reader = BufReader::new(client);
        let mut number = |sign| {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let number: usize = line.trim_end().strip_prefix(sign)?.parse().ok()?;
            let mut word = vec![0; if sign == '$' { number + 2 } else { 0 }];
            reader.read_exact(&mut word).ok()?;
            Some((number, String::from_utf8(word).ok()?.trim_end().to_owned()))
        };
        loop {
            let (count, _) = number('*')?;
            let words: Vec<String> =
                (0..count).map(|_| number('$').map(|(_, word)| word)).collect::<Option<_>>()?;
            if is_away.load(Ordering::Relaxed) {
                return None;
            }
            let (port, epoch) = *says.lock().unwrap();
            let answer = match (&*words[0], epoch) {
                ("SENTINEL", None) if words[1] == "MASTER" => "-NOPERM no\r\n".into(),
                ("SENTINEL", Some(epoch)) if words[1] == "MASTER" => {
                    format!("*2\r\n$12\r\nconfig-epoch\r\n$1\r\n{epoch}\r\n")
                }
                ("SENTINEL", _) => format!("*2\r\n$1\r\nh\r\n$1\r\n{port}\r\n"),
                ("TIME", _) => "-ERR unknown command\r\n".into(),
                _ => "+OK\r\n".to_owned(),
            };
            (&*client).write_all(answer.as_bytes()).ok()?;
        }
    }

    const OLD: u16 = 1;
    const NEW: u16 = 2;

    fn at(port: u16) -> Endpoint {
        Endpoint::Tcp { host: "h".into(), port }
    }

    struct Site {
        fakes: [Fake; 3],
        sentinel: Sentinel,
        target: Arc<Target>,
    }

    impl Site {
        /// Starts three sentinels, and a group whose first sentinel has named the old master.
        fn start() -> Self {
            let fakes = [(); 3].map(|()| Fake::start());
            let nodes = fakes.iter().map(|fake| fake.node.clone()).collect();
            let sentinel = Sentinel { nodes, master: "m".into(), username: None, password: None };
            let target = Arc::new(Target {
                endpoint: Endpoint::Sentinel(sentinel.clone()),
                username: None,
                password: None,
                database: 0,
                tls: None,
            });
            let site = Self { fakes, sentinel, target };
            site.connect(OLD, 0);
            site
        }

        /// Does the same as [`open`], with a master that one sentinel has named.
        fn connect(&self, master: u16, by: usize) {
            let within = Timeouts { connect: Duration::from_secs(9), read: Duration::from_secs(9) };
            let asked = sentinel::connect(&self.sentinel, &self.sentinel.nodes[by], &self.target, within);
            let mut groups = GROUPS.lock();
            let place = groups.iter().position(|group| group.is_of(&self.target));
            let before = place.map(|place| groups.remove(place));
            groups.push(Group::new(&self.target, at(master), Some((by, asked.unwrap())), 3, before));
        }

        /// Lets the time of a turn pass, and the period of the questions. Returns true if a write
        /// to this master would be sent elsewhere.
        fn turn(&self, master: u16) -> bool {
            GROUPS
                .lock()
                .iter_mut()
                .filter(|group| group.is_of(&self.target))
                .for_each(|group| group.since -= TURN);
            self.ask(master)
        }

        /// Does the same without the time of a turn.
        fn ask(&self, master: u16) -> bool {
            self.ask_after(PERIOD, master)
        }

        fn ask_after(&self, time: Duration, master: u16) -> bool {
            GROUPS.lock().iter_mut().filter(|group| group.is_of(&self.target)).for_each(|group| {
                group.asked -= time;
                group.heard -= time;
            });
            has_moved(&self.sentinel, &self.target, &at(master), Word::Recent)
        }

        /// Returns the numbers of the sentinel that is asked, and of the one that is believed.
        fn asked(&self) -> (usize, Option<usize>) {
            let groups = GROUPS.lock();
            let group = groups.iter().find(|group| group.is_of(&self.target)).unwrap();
            (group.current, group.trusted)
        }
    }

    #[test]
    fn the_questions_turn_to_each_sentinel() {
        let site = Site::start();
        for next in [1, 2, 0, 1] {
            assert!(!site.turn(OLD));
            assert_eq!(site.asked(), (next, Some(next)));
        }
    }

    #[test]
    fn a_sentinel_that_is_cut_off_with_the_old_master_is_left_for_the_others() {
        let site = Site::start();
        site.fakes[1].say(NEW, Some(2));
        site.fakes[2].say(NEW, Some(2));
        assert!(site.turn(OLD), "the second sentinel knows of the failover");
        site.connect(NEW, 1);
        for next in [2, 2, 1, 2] {
            // The first one is asked in its turn, and not believed.
            assert!(!site.turn(NEW));
            assert_eq!(site.asked(), (next, Some(next)));
        }
        // It may know of the next failover before the others.
        site.fakes[0].say(OLD, Some(3));
        assert!(site.turn(NEW));
    }

    #[test]
    fn the_number_of_a_sentinel_that_is_gone_gives_way_to_two_others() {
        for others in [2, 1] {
            let site = Site::start();
            site.fakes[1].say(NEW, Some(0));
            assert!(!site.turn(OLD), "it may be behind");
            // The first sentinel is of no use any more.
            site.fakes[0].say(0, None);
            let last = if others == 2 { NEW } else { 0 };
            site.fakes[2].say(last, Some(0));
            assert!(!site.ask(OLD));
            assert_eq!((0..6).any(|_| site.turn(OLD)), others == 2);
        }
    }

    #[test]
    fn a_differing_word_without_a_higher_number_changes_nothing() {
        for epoch in [Some(1), None] {
            let site = Site::start();
            site.fakes[1].say(NEW, epoch);
            for _ in 0..4 {
                assert!(!site.turn(OLD));
                assert_ne!(site.asked().1, Some(1), "{epoch:?}");
            }
        }
        // The word of the sentinel that is believed needs none.
        let site = Site::start();
        site.fakes[0].say(NEW, None);
        assert!(site.ask(OLD));
    }

    /// Each thread of a process has a connection of its own, and so has each object beside a
    /// session.
    #[test]
    fn a_new_master_that_one_connection_leads_to_is_that_of_all() {
        let site = Site::start();
        site.fakes.iter().for_each(|fake| fake.say(NEW, Some(2)));
        assert!(site.ask(OLD));
        site.connect(NEW, 0);
        for _ in 0..3 {
            assert!(site.ask(OLD), "the other connections still lead to the old master");
            assert!(!site.ask(NEW));
        }
    }

    #[test]
    fn a_search_ends_with_the_first_answer_whichever_sentinels_are_silent() {
        for answering in 0..3 {
            let site = Site::start();
            let are_silent = site.fakes.iter().enumerate().filter(|(number, _)| *number != answering);
            are_silent.for_each(|(_, fake)| fake.be_silent(true));
            let is_quick = || {
                let start = Instant::now();
                let tried = search(&site.sentinel, &site.target, vec![0, 1, 2]);
                // On a busy machine, the answer may take longer than the whole search.
                let (number, connection) = tried.last().unwrap();
                let is_found = *number == answering && connection.is_some();
                // For the last one, the others had all their time.
                is_found && (answering == 2 || start.elapsed() < SEARCH / 2)
            };
            assert!((0..100).any(|_| is_quick()), "{answering}");
        }
    }

    #[test]
    fn a_search_takes_the_sentinel_that_was_asked_before_only_if_no_other_one_answers() {
        let site = Site::start();
        for _ in 0..50 {
            let start = Instant::now();
            let tried = search(&site.sentinel, &site.target, vec![1, 2, 0]);
            assert!(start.elapsed() >= SEARCH || tried.last().unwrap().0 != 0);
        }
        site.fakes[1..].iter().for_each(|fake| fake.be_away(true));
        let tried = search(&site.sentinel, &site.target, vec![1, 2, 0]);
        assert!(tried.last().is_some_and(|(number, connection)| *number == 0 && connection.is_some()));
        // It is the last one in each search, wherever the search begins.
        let mut groups = GROUPS.lock();
        let group = groups.iter_mut().find(|group| group.is_of(&site.target)).unwrap();
        for current in 0..3 {
            (group.current, group.turn) = (current, 0);
            group.nodes.iter_mut().for_each(|node| node.connection = None);
            assert_eq!(group.search().unwrap().last(), Some(&current));
        }
    }

    #[test]
    fn a_search_that_no_sentinel_answers_has_tried_all_of_them_in_their_order() {
        let site = Site::start();
        site.fakes[1].be_silent(true);
        site.fakes.iter().for_each(|fake| fake.be_away(true));
        let start = Instant::now();
        let tried = search(&site.sentinel, &site.target, vec![2, 0, 1]);
        assert!(start.elapsed() >= SEARCH, "one of them may yet have answered");
        let numbers: Vec<_> = tried.iter().map(|(number, _)| *number).collect();
        assert!(numbers == [2, 0, 1] && tried.iter().all(|(_, connection)| connection.is_none()));
    }

    #[test]
    fn sentinels_that_were_away_for_long_are_found_within_seconds_whichever_is_back_first() {
        for (back, are_silent) in [(0, false), (1, false), (2, false), (0, true), (1, true), (2, true)] {
            let site = Site::start();
            site.fakes.iter().for_each(|fake| {
                fake.be_away(true);
                fake.be_silent(are_silent);
            });
            for _ in 0..10 {
                assert!(!site.ask_after(Duration::from_mins(1), OLD));
            }
            site.fakes[back].say(NEW, Some(2));
            site.fakes[back].be_away(false);
            site.fakes[back].be_silent(false);
            // A second server hears of a failover no sooner than a request asks.
            assert!((0..2).any(|_| site.ask_after(Duration::from_secs(5), OLD)), "{back}, {are_silent}");
        }
    }
}
