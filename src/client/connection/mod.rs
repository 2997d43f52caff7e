//! One connection: its set-up in one trip, and requests with a bounded wait.
//!
//! The socket is ours and not the `redis` crate's, whose connection cannot bound a whole answer in time and size, nor be
//! closed with a reset.

mod open;
#[cfg(test)]
mod tests;

use std::{
    io::{self, IoSlice},
    mem,
    ops::Range,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use redis::Value;

use super::stream::Stream;
use crate::{
    config::Endpoint,
    error::{StoreError, server_error, too_large},
    process::stats,
    protocol::{script::ScriptCall, transaction::Transactions},
    resp::{Batch, Command, Replies, ReplyError},
};

/// A connection that an answer is still to come on is looked at again after this long without use.
const FRESH: Duration = Duration::from_millis(500);

/// After this long without use a connection may lead nowhere without anybody having said so: a
/// balancer or a firewall has forgotten it.
const QUIET: Duration = Duration::from_secs(10);

/// The part of a timeout that the first answer over such a connection may take. What is left is for
/// a new one.
const QUIET_SHARE: u32 = 4;

/// How long a server that has closed may take to say why.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// As much memory for commands stays with an idle connection, in bytes.
const KEPT: usize = 32 << 10;

pub struct Connection {
    stream: Stream,
    replies: Replies,
    /// How many commands were sent and how many replies read: they come in the order of the commands.
    sent: u64,
    read: u64,
    /// Replies that will be asked for, and those of them that came along with a later one's. All others are dropped.
    awaited: Vec<(u64, Option<Value>)>,
    /// Whether a script was carried out.
    runs_scripts: bool,
    transactions: Transactions,
    /// Memory for the next batch of commands.
    packed: Vec<u8>,
    used: Instant,
    timeout: Duration,
    /// Not a word has come since it was quiet for long.
    in_doubt: bool,
    /// The number of commands that were sent before that.
    doubted: u64,
    /// It replaces one that led nowhere: the end of the timeout that this one has begun.
    until: Option<Instant>,
    /// It was there before the request that uses it now.
    is_kept: bool,
    /// The address that a sentinel has named for it.
    master: Option<Endpoint>,
    /// What the server's clock (milliseconds) showed then.
    clock: Option<(u64, Instant)>,
}

/// What was sent: which replies belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    first: u64,
    count: u64,
}

impl Connection {
    /// Whether this connection can be used as it is: it is open, and there are no bytes that nobody
    /// asked for. They would be taken for the answer to the next command, and with it another
    /// visitor's session for this one's. One system call, to be paid before each use.
    pub fn is_usable(&mut self) -> bool {
        if self.read == self.sent {
            return !self.replies.has_more() && self.stream.is_quiet();
        }
        if self.used.elapsed() < FRESH {
            return true;
        }
        let is_open = self.replies.take_available(|place| self.stream.read_available(place));
        // What came before the end is worth as much as ever.
        while !is_open
            && self.read < self.sent
            && let Ok((of, value)) = self.reply()
        {
            self.keep(of, value);
        }
        is_open
    }

    /// From now on an exchange may take so long.
    pub fn allow(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// The same for a connection that was in use before.
    pub fn allow_kept(&mut self, timeout: Duration) {
        self.timeout = timeout;
        self.is_kept = true;
    }

    /// Whether it was in use before.
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// It leads to the server that a sentinel has named.
    pub fn lead_to(&mut self, master: Endpoint) {
        self.master = Some(master);
    }

    /// That server.
    pub fn master(&self) -> Option<&Endpoint> {
        self.master.as_ref()
    }

    /// Sends a command and waits for its reply, `extra` longer than usual.
    pub fn request(&mut self, command: &mut Command<'_>, extra: Duration) -> Result<Value, StoreError> {
        self.begin(self.timeout + extra);
        let sent = self.send(&mut [command])?;
        stats::TRIPS.add();
        self.answer(sent)
    }

    /// No commands yet, in memory that was used before.
    pub fn batch<'a>(&mut self) -> Batch<'a> {
        Batch::new(mem::take(&mut self.packed))
    }

    /// Sends commands in one go and waits for their replies: an array, with errors among its values.
    pub fn request_all(&mut self, batch: Batch<'_>) -> Result<Value, StoreError> {
        let sent = self.depart(batch)?;
        self.answer(sent)
    }

    /// The same where the replies should be these bytes: None if they are.
    pub fn request_expecting(
        &mut self,
        batch: Batch<'_>,
        replies: &[u8],
    ) -> Result<Option<Value>, StoreError> {
        let sent = self.depart(batch)?;
        self.answer_before(sent)?;
        if self.replies.are(replies, &mut self.stream).map_err(|error| self.reply_error(error))? {
            self.read = sent.all().end;
            self.has_answered();
            return Ok(None);
        }
        self.answer(sent).map(Some)
    }

    fn depart(&mut self, batch: Batch<'_>) -> Result<Sent, StoreError> {
        self.begin(self.timeout);
        let sent = self.send_batch(batch)?;
        stats::TRIPS.add();
        Ok(sent)
    }

    /// Runs a script, with what goes before it, in one trip.
    pub fn run(&mut self, call: &mut ScriptCall<'_>) -> Result<Value, StoreError> {
        self.begin(self.timeout);
        let script = match &mut call.upload {
            None => self.send(&mut [&mut call.command])?,
            Some(upload) => self.send(&mut [upload, &mut call.command])?.but_first(),
        };
        stats::TRIPS.add();
        let answer = self.answer(script);
        self.runs_scripts |= answer.is_ok();
        answer
    }

    /// Whether a script was carried out over this connection.
    pub fn runs_scripts(&self) -> bool {
        self.runs_scripts
    }

    /// What this connection knows of transactions.
    pub fn transactions(&mut self) -> &mut Transactions {
        &mut self.transactions
    }

    /// Sends a command whose reply nobody reads.
    pub fn send_unread(&mut self, command: &mut Command<'_>) -> Result<(), StoreError> {
        self.begin(self.timeout);
        self.send(&mut [command]).map(drop)
    }

    /// Sends a command whose reply is asked for later.
    pub fn send_awaited(&mut self, command: &mut Command<'_>) -> Result<Sent, StoreError> {
        self.begin(self.timeout);
        let sent = self.send(&mut [command])?;
        Ok(self.awaits(sent))
    }

    /// Sends commands whose replies are asked for later, together.
    pub fn send_all_awaited(&mut self, batch: Batch<'_>) -> Result<Sent, StoreError> {
        self.begin(self.timeout);
        let sent = self.send_batch(batch)?;
        Ok(self.awaits(sent))
    }

    fn awaits(&mut self, sent: Sent) -> Sent {
        self.awaited.extend(sent.all().map(|of| (of, None)));
        sent
    }

    /// Waits for the answer to what was sent with [`Connection::send_awaited`].
    pub fn answer_to(&mut self, sent: Sent) -> Result<Value, StoreError> {
        if let Some(answer) = self.arrived(sent) {
            return answer;
        }
        self.begin(self.timeout);
        self.answer(sent)
    }

    /// The same if it was read already.
    pub fn arrived(&mut self, sent: Sent) -> Option<Result<Value, StoreError>> {
        if self.read < sent.all().end {
            return None;
        }
        let mut take = |wanted: u64| {
            let place = self.awaited.iter().position(|(of, _)| *of == wanted)?;
            self.awaited.swap_remove(place).1
        };
        Some(answer_of(sent.all().map(&mut take).collect::<Option<Vec<_>>>()?))
    }

    /// The same if it has begun to come or will not come any more.
    pub fn answer_if_there(&mut self, sent: Sent) -> Option<Result<Value, StoreError>> {
        if let Some(answer) = self.arrived(sent) {
            return Some(answer);
        }
        let is_open = self.replies.take_available(|place| self.stream.read_available(place));
        match (self.replies.has_more(), is_open) {
            (true, _) => Some(self.answer_to(sent)),
            (false, true) => None,
            (false, false) => Some(Err(StoreError::Broken(io::ErrorKind::UnexpectedEof.into()))),
        }
    }

    /// Nobody will ask for this answer.
    pub fn forget(&mut self, sent: Sent) {
        self.awaited.retain(|(of, _)| !sent.all().contains(of));
    }

    /// Closes with a reset.
    pub fn abort(mut self) {
        self.stream.reset_on_drop();
    }

    /// Starts an exchange.
    fn begin(&mut self, timeout: Duration) {
        let now = Instant::now();
        if now.duration_since(self.used) > QUIET {
            // Answers to earlier commands may have come before it went silent.
            (self.in_doubt, self.doubted) = (true, self.sent);
        }
        self.used = now;
        let timeout = match self.until {
            Some(until) => until.saturating_duration_since(now),
            None if self.in_doubt && timeout == self.timeout => timeout / QUIET_SHARE,
            None => timeout,
        };
        self.stream.expect_within(timeout, now);
    }

    /// The end of the timeout of its last exchange, where it led nowhere.
    pub fn end_of_doubt(&self) -> Option<Instant> {
        self.in_doubt.then(|| self.used + self.timeout)
    }

    /// The first answer is due then, as that of another connection was.
    pub fn answers_until(&mut self, until: Instant, timeout: Duration) {
        (self.until, self.timeout) = (Some(until), timeout);
    }

    /// The server's clock, in milliseconds; this machine's if that of the server is not known.
    pub fn server_ms(&self) -> u64 {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        match self.clock {
            Some((then, since)) => then.saturating_add(ms(since.elapsed())),
            None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms),
        }
    }

    fn send(&mut self, commands: &mut [&mut Command<'_>]) -> Result<Sent, StoreError> {
        let count = commands.len() as u64;
        match commands {
            [one] => self.send_pieces(&mut one.pieces(), count),
            several => {
                let mut pieces: Vec<IoSlice> =
                    several.iter_mut().flat_map(|command| command.pieces()).collect();
                self.send_pieces(&mut pieces, count)
            }
        }
    }

    fn send_batch(&mut self, batch: Batch<'_>) -> Result<Sent, StoreError> {
        let sent = self.send_pieces(&mut batch.pieces(), batch.commands())?;
        let packed = batch.into_bytes();
        if packed.capacity() <= KEPT {
            self.packed = packed;
        }
        Ok(sent)
    }

    fn send_pieces(&mut self, pieces: &mut [IoSlice<'_>], count: u64) -> Result<Sent, StoreError> {
        if self.read == self.sent && self.replies.has_more() {
            return Err(StoreError::Protocol("an answer that nobody asked for".into()));
        }
        let sent = Sent { first: self.sent, count };
        self.sent += count;
        match self.stream.send(pieces) {
            Ok(()) => Ok(sent),
            Err(error) => Err(self.reason_of(sent, error)),
        }
    }

    /// Why nothing more can be sent. A server that refuses what it is sent says so and closes, perhaps
    /// before it has read all of it.
    fn reason_of(&mut self, sent: Sent, error: io::Error) -> StoreError {
        let broken = self.io_error(error);
        if matches!(broken, StoreError::Broken(_)) {
            self.stream.expect_within(LAST_WORDS, Instant::now());
            match self.answer_before(sent) {
                Err(StoreError::Server(said)) => return StoreError::Server(said),
                Err(_) => return broken,
                Ok(()) => {}
            }
            loop {
                match self.reply() {
                    Ok((of, value)) => self.keep(of, value),
                    Err(StoreError::Server(said)) => return StoreError::Server(said),
                    Err(_) => break,
                }
            }
        }
        broken
    }

    /// Reads the replies before these. A server that ends the connection with one of them has not read
    /// on. Such a reply is told to those who wait for it; else it is the answer to this exchange, of
    /// which it was a part.
    fn answer_before(&mut self, sent: Sent) -> Result<(), StoreError> {
        while self.read < sent.first {
            match self.reply() {
                Ok((of, value)) => self.keep(of, value),
                Err(StoreError::Server(_)) if self.awaited.iter().any(|(of, _)| of + 1 == self.read) => {
                    return Err(StoreError::Broken(io::ErrorKind::UnexpectedEof.into()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads replies up to these.
    fn answer(&mut self, sent: Sent) -> Result<Value, StoreError> {
        self.answer_before(sent)?;
        let mut values = Vec::new();
        while self.read < sent.all().end {
            values.push(self.reply()?.1);
        }
        self.forget(sent);
        answer_of(values)
    }

    fn keep(&mut self, of: u64, value: Value) {
        if let Some((_, place)) = self.awaited.iter_mut().find(|(awaited, _)| *awaited == of) {
            *place = Some(value);
        }
    }

    /// The next reply, and the command that it belongs to.
    fn reply(&mut self) -> Result<(u64, Value), StoreError> {
        let value = self.next_reply()?;
        self.read += 1;
        if let Value::ServerError(error) = &value {
            let last = server_error(error);
            if last.is_last() {
                // The rest was not even read.
                self.sent = self.read;
                self.awaited.retain(|(of, _)| *of < self.read);
                self.keep(self.read - 1, value);
                return Err(StoreError::Server(last));
            }
        }
        Ok((self.read - 1, value))
    }

    fn next_reply(&mut self) -> Result<Value, StoreError> {
        let reply = self.replies.next(&mut self.stream).map_err(|error| self.reply_error(error))?;
        self.has_answered();
        Ok(reply)
    }

    fn has_answered(&mut self) {
        self.in_doubt &= self.read < self.doubted;
        self.until = None;
    }

    fn reply_error(&self, error: ReplyError) -> StoreError {
        match error {
            ReplyError::Protocol(what) => StoreError::Protocol(what.into()),
            ReplyError::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                StoreError::Protocol(error.to_string())
            }
            ReplyError::Io(error) => self.io_error(error),
        }
    }

    fn io_error(&self, error: io::Error) -> StoreError {
        match error.kind() {
            // As one that was closed meanwhile.
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock if self.in_doubt => StoreError::Broken(error),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => StoreError::Timeout(self.timeout),
            _ => StoreError::Broken(error),
        }
    }
}

impl Sent {
    fn all(self) -> Range<u64> {
        self.first..self.first + self.count
    }

    fn but_first(self) -> Self {
        Self { first: self.first + 1, count: self.count - 1 }
    }
}

/// The one reply, or all of them.
fn answer_of(mut values: Vec<Value>) -> Result<Value, StoreError> {
    match values.pop() {
        Some(only) if values.is_empty() => or_error(only),
        last => {
            values.extend(last);
            Ok(Value::Array(values))
        }
    }
}

fn or_error(value: Value) -> Result<Value, StoreError> {
    match value {
        Value::ServerError(error) => {
            Err(too_large(&error).unwrap_or_else(|| StoreError::Server(server_error(&error))))
        }
        value => Ok(value),
    }
}
