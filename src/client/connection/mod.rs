//! A connection: its setup in one trip, and requests with a bounded wait.
//!
//! The socket is our own. The connection of the `redis` crate cannot limit the time and the size of
//! a whole answer, and cannot be closed with a reset.

mod open;
#[cfg(test)]
mod tests;

use std::{
    io::{self, IoSlice},
    mem,
    net::SocketAddr,
    ops::Range,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use redis::Value;

use super::{dns::Flaw, stream::Stream};
use crate::{
    config::Endpoint,
    error::{StoreError, server_error, too_large},
    process::{
        clock,
        stats::{Meter, Moment, Pooled},
    },
    protocol::{first_try::Turn, probe::Capabilities, script::ScriptCall, transaction::Transactions},
    resp::{Batch, Command, Replies, ReplyError},
};

/// The time without use after which a connection with outstanding answers is checked again.
const FRESH: Duration = Duration::from_millis(500);

/// The time without use after which a connection may be dead without notice, because a load
/// balancer or a firewall has forgotten it.
const QUIET: Duration = Duration::from_secs(10);

/// The divisor of the timeout for the first answer over a connection in doubt. The rest of the
/// timeout is for a new connection.
const QUIET_SHARE: u32 = 4;

/// The size of commands, in bytes, whose sending may take long. Over a connection that is given up
/// early, the server first shows that it answers.
const LARGE: usize = 64 << 10;
/// The same for a connection in doubt, which costs the trip once in ten seconds without a use. A
/// slow line takes this much in a quarter of the timeout.
const LARGE_IN_DOUBT: usize = 4 << 10;

/// The time in which a server that has closed the connection may give the reason.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The largest buffer for commands that an idle connection keeps, in bytes.
const KEPT: usize = 32 << 10;

pub struct Connection {
    stream: Stream,
    replies: Replies,
    /// The numbers of commands sent and of replies read. Replies come in the order of the commands.
    sent: u64,
    read: u64,
    /// The numbers of the commands whose replies will be asked for. A reply that arrived together
    /// with the reply to a later command is kept here. All other replies are dropped.
    awaited: Vec<(u64, Option<Value>)>,
    /// Set if one of those was sent to a node of a Cluster that does not serve its slot any more.
    has_strayed: bool,
    capabilities: Capabilities,
    transactions: Transactions,
    /// The form of the last read without a lock.
    turn: Turn,
    /// Memory for the next batch of commands.
    packed: Vec<u8>,
    /// The time when the last exchange began, and that of its answer if a request waited for it.
    begun: u64,
    answered: u64,
    /// The time that the last exchange had.
    limit: Duration,
    /// Set if no answer has arrived since a long time without use, or since
    /// [`Connection::doubt`].
    in_doubt: bool,
    /// The number of commands that were sent before the doubt began.
    doubted: u64,
    /// The deadline of the first answer, if an earlier step has used a part of the timeout, such as
    /// a dead connection that this one replaces.
    until: Option<Instant>,
    /// The time of a silence that is for another connection.
    reserve: Reserve,
    /// The address that a sentinel has named for this connection.
    master: Option<Endpoint>,
    /// The server's clock in milliseconds, and the time when it was read.
    clock: Option<(u64, u64)>,
    meter: Meter,
    /// The trips since a request has taken the connection.
    trips: u32,
    /// Counts the connection as one of a pool.
    pooled: Option<Pooled>,
}

/// The part of an exchange's time that a silence leaves for another connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reserve {
    /// Nothing, as the time is short.
    Nothing,
    /// Most of it after a long time without use, and else nothing.
    AfterQuiet,
    /// Half of it, and most of it after a long time without use.
    Half,
}

/// The numbers of the commands that were sent together, which lead to their replies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    first: u64,
    count: u64,
}

/// This machine's clock in milliseconds.
pub fn local_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms)
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Connection {
    /// Returns true if this connection can be used as it is: open, and without unexpected bytes.
    /// Such bytes would be taken for the answer to the next command, and one visitor would get the
    /// session of another. The check costs one system call before each use.
    pub fn is_usable(&mut self) -> bool {
        if self.read == self.sent {
            return !self.replies.has_more() && self.stream.is_quiet();
        }
        if clock::since(self.begun) < FRESH {
            return true;
        }
        let is_open = self.replies.take_available(|place| self.stream.read_available(place));
        // Answers that arrived before the end are still valid.
        while !is_open
            && self.read < self.sent
            && let Ok((of, value)) = self.reply()
        {
            self.keep(of, value);
        }
        is_open
    }

    /// Records that the connection existed before the request that uses it now, and that others
    /// choose its master. The master may hang, so an exchange ends after a silence of half of its
    /// time from now on: the rest is for the next master.
    pub fn leave_time(&mut self) {
        self.reserve = Reserve::Half;
    }

    /// Records that the questions over this connection have a short limit, and that no time of it
    /// is for another connection if this one has gone silent.
    pub fn leave_no_time(&mut self) {
        self.reserve = Reserve::Nothing;
    }

    /// Records that the answer to an earlier request is missing: the connection may have gone
    /// silent.
    pub fn doubt(&mut self) {
        (self.in_doubt, self.doubted) = (true, self.sent);
    }

    /// Records that the connection leads to a server that a sentinel has named.
    pub fn lead_to(&mut self, master: Endpoint) {
        self.master = Some(master);
    }

    /// Returns the server that a sentinel has named for this connection.
    pub fn master(&self) -> Option<&Endpoint> {
        self.master.as_ref()
    }

    /// Returns the address of the server; a Unix socket has none.
    pub fn address(&self) -> Option<SocketAddr> {
        self.stream.address
    }

    /// Marks the address of a server that is no master. Returns true if the next connection may
    /// lead to another server.
    pub fn avoid_address(&self) -> bool {
        self.stream.avoid_address(Flaw::NoMaster)
    }

    /// Sends a command and waits up to `limit` for its reply.
    pub fn request(&mut self, command: &mut Command<'_>, limit: Duration) -> Result<Value, StoreError> {
        self.request_blocking(command, limit, Duration::ZERO)
    }

    /// Sends a command that may block for `block`, and waits up to `limit` longer for its reply.
    pub fn request_blocking(
        &mut self,
        command: &mut Command<'_>,
        limit: Duration,
        block: Duration,
    ) -> Result<Value, StoreError> {
        self.begin(limit, block);
        let sent = self.send(&mut [command])?;
        self.count_trip();
        if block.is_zero() {
            return self.measured(|own| own.answer(sent));
        }
        let answer = self.answer(sent);
        self.answered = clock::now();
        answer
    }

    /// Returns an empty batch of commands, in memory that was used before.
    pub fn batch<'a>(&mut self) -> Batch<'a> {
        Batch::new(mem::take(&mut self.packed))
    }

    /// Sends commands in one go and waits for their replies: an array, with errors among its
    /// values.
    pub fn request_all(&mut self, batch: Batch<'_>, limit: Duration) -> Result<Value, StoreError> {
        let sent = self.depart(batch, limit)?;
        self.measured(|own| own.answer(sent))
    }

    /// Sends commands whose replies should be exactly these bytes, and waits for the replies.
    /// Returns `None` if the replies are as expected.
    pub fn request_expecting(
        &mut self,
        batch: Batch<'_>,
        replies: &[u8],
        limit: Duration,
    ) -> Result<Option<Value>, StoreError> {
        let sent = self.depart(batch, limit)?;
        self.measured(|own| own.expected(sent, replies))
    }

    fn expected(&mut self, sent: Sent, replies: &[u8]) -> Result<Option<Value>, StoreError> {
        self.answer_before(sent)?;
        if self.replies.are(replies, &mut self.stream).map_err(|error| self.reply_error(error))? {
            self.read = sent.all().end;
            self.has_answered();
            return Ok(None);
        }
        self.answer(sent).map(Some)
    }

    fn depart(&mut self, batch: Batch<'_>, limit: Duration) -> Result<Sent, StoreError> {
        self.begin(limit, Duration::ZERO);
        let sent = self.send_batch(batch)?;
        self.count_trip();
        Ok(sent)
    }

    /// Runs a script, after its upload if there is one, in one trip.
    pub fn run(&mut self, call: &mut ScriptCall<'_>, limit: Duration) -> Result<Value, StoreError> {
        self.begin(limit, Duration::ZERO);
        let script = match &mut call.upload {
            None => self.send(&mut [&mut call.command])?,
            Some(upload) => self.send(&mut [upload, &mut call.command])?.but_first(),
        };
        self.count_trip();
        self.measured(|own| own.answer(script))
    }

    fn count_trip(&mut self) {
        self.meter.trip();
        self.trips += 1;
    }

    /// The trips since this number was set.
    pub fn trips(&mut self) -> &mut u32 {
        &mut self.trips
    }

    /// The place for counts about the server.
    pub fn meter(&self) -> Meter {
        self.meter
    }

    /// Waits for an answer, and measures the time since the exchange began.
    fn measured<T>(
        &mut self,
        answer: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let answer = answer(self);
        self.answered = clock::now();
        self.meter.exchange(self.answered.saturating_sub(self.begun));
        answer
    }

    /// Tells that the connection is that of a pool's entry, and if a request has the entry.
    pub fn set_used(&mut self, is_used: bool) {
        let meter = &self.meter;
        self.pooled.get_or_insert_with(|| meter.pooled()).set_used(is_used);
    }

    /// The moment when the last exchange began.
    pub fn begun(&self) -> Moment {
        self.meter.at(self.begun)
    }

    /// The moment of the last answer for which a request has waited.
    pub fn answered(&self) -> Moment {
        self.meter.at(self.answered)
    }

    /// Returns the abilities of the server and the user, as the handshake has shown them.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Returns the state of transactions on this connection.
    pub fn transactions(&mut self) -> &mut Transactions {
        &mut self.transactions
    }

    /// Returns the form for a read without a lock that is sent now.
    pub fn next_turn(&mut self) -> Turn {
        self.turn = self.turn.next();
        self.turn
    }

    /// Sends a command whose reply will be dropped.
    pub fn send_unread(&mut self, command: &mut Command<'_>, limit: Duration) -> Result<(), StoreError> {
        self.begin(limit, Duration::ZERO);
        self.send(&mut [command]).map(drop)
    }

    /// Sends a command whose reply [`Connection::answer_to`] returns later.
    pub fn send_awaited(&mut self, command: &mut Command<'_>, limit: Duration) -> Result<Sent, StoreError> {
        self.begin(limit, Duration::ZERO);
        let sent = self.send(&mut [command])?;
        Ok(self.awaits(sent))
    }

    /// Sends commands together. [`Connection::answer_to`] returns their replies later.
    pub fn send_all_awaited(&mut self, batch: Batch<'_>, limit: Duration) -> Result<Sent, StoreError> {
        self.begin(limit, Duration::ZERO);
        let sent = self.send_batch(batch)?;
        Ok(self.awaits(sent))
    }

    fn awaits(&mut self, sent: Sent) -> Sent {
        self.awaited.extend(sent.all().map(|of| (of, None)));
        sent
    }

    /// Waits for the answer to commands that were sent with [`Connection::send_awaited`] or
    /// [`Connection::send_all_awaited`].
    pub fn answer_to(&mut self, sent: Sent, limit: Duration) -> Result<Value, StoreError> {
        if let Some(answer) = self.arrived(sent) {
            return answer;
        }
        self.begin(limit, Duration::ZERO);
        self.answer(sent)
    }

    /// Does the same for commands for which a request waits.
    pub fn answer_prefetched(&mut self, sent: Sent, limit: Duration) -> Result<Value, StoreError> {
        self.count_trip();
        self.begin(limit, Duration::ZERO);
        self.measured(|own| own.arrived(sent).unwrap_or_else(|| own.answer(sent)))
    }

    /// Returns the answer to these commands if it has already been read.
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

    /// Returns the answer to these commands once it has begun to arrive, or an error once the
    /// connection has ended. Returns `None` before that. The rest of an answer has `limit`.
    pub fn answer_if_there(&mut self, sent: Sent, limit: Duration) -> Option<Result<Value, StoreError>> {
        if let Some(answer) = self.arrived(sent) {
            return Some(answer);
        }
        let is_open = self.replies.take_available(|place| self.stream.read_available(place));
        match (self.replies.has_more(), is_open) {
            (true, _) => Some(self.answer_to(sent, limit)),
            (false, true) => None,
            (false, false) => Some(Err(StoreError::Broken(io::ErrorKind::UnexpectedEof.into()))),
        }
    }

    /// Drops the answer to these commands.
    pub fn forget(&mut self, sent: Sent) {
        self.awaited.retain(|(of, _)| !sent.all().contains(of));
    }

    /// Returns true if a command whose reply was dropped belongs to another node of the Cluster.
    pub fn take_strayed(&mut self) -> bool {
        mem::take(&mut self.has_strayed)
    }

    /// Closes the connection with a reset.
    pub fn abort(mut self) {
        self.stream.reset_on_drop();
    }

    /// Starts an exchange, in which Redis may block for `block` before it answers.
    fn begin(&mut self, limit: Duration, block: Duration) {
        let begun = clock::now();
        if begun.saturating_sub(self.begun) > clock::nanoseconds(QUIET) && self.reserve != Reserve::Nothing {
            // Answers to earlier commands may have arrived before the connection went silent, and
            // do not end the doubt.
            self.doubt();
        }
        (self.begun, self.limit) = (begun, limit);
        let patience = self.patience();
        // The first commands over a new connection may be without an answer that anybody reads.
        self.until = self.until.filter(|until| *until > Instant::now());
        match self.until {
            Some(until) => self.stream.expect_within(until.saturating_duration_since(Instant::now()), begun),
            None if self.in_doubt && block.is_zero() => {
                self.stream.expect_life_within(limit / QUIET_SHARE, limit, begun);
            }
            None => self.stream.expect_life_within(patience + block, limit + block, begun),
        }
    }

    /// Returns the longest silence in an exchange without doubt.
    fn patience(&self) -> Duration {
        if self.reserve == Reserve::Half { self.limit / 2 } else { self.limit }
    }

    /// Lets the server show that it answers before a long send, if a silence would end the exchange
    /// early. The system takes bytes for a server that is gone, too, so the send shows nothing.
    fn ask_for_life(&mut self) -> Result<(), StoreError> {
        if self.until.is_some() || !(self.in_doubt || self.reserve == Reserve::Half) {
            return Ok(());
        }
        // An answer that is missing shows as much, unless it came before the silence. After an
        // ASKING, no other command may come first.
        let owes = self.read < self.sent;
        self.answer_before(Sent { first: self.sent, count: 0 })?;
        if self.in_doubt || !owes {
            let sent = Sent { first: self.sent, count: 1 };
            self.sent += 1;
            let asked = self.stream.send(&mut Command::new("TIME").pieces());
            asked.map_err(|error| self.reason_of(sent, error))?;
            self.answer_before(Sent { first: self.sent, count: 0 })?;
        }
        self.stream.expect_until(self.begun, self.limit);
        Ok(())
    }

    /// Returns the end of the last exchange's timeout if the connection turned out to be dead while
    /// it was in doubt.
    pub fn end_of_doubt(&self) -> Option<Instant> {
        self.in_doubt.then(|| self.end_of_exchange())
    }

    /// Returns the end of the last exchange's timeout.
    pub fn end_of_exchange(&self) -> Instant {
        Instant::now() + self.limit.saturating_sub(clock::since(self.begun))
    }

    /// Sets the deadline of the first answer. An earlier step, such as another connection, has used
    /// a part of the time before the deadline.
    pub fn answers_until(&mut self, until: Instant) {
        self.until = Some(until);
    }

    /// Returns the server's clock in milliseconds, or this machine's if the server's is not known.
    pub fn server_ms(&self) -> u64 {
        match self.clock {
            Some((then, since)) => then.saturating_add(ms(clock::since(since))),
            None => local_ms(),
        }
    }

    fn send(&mut self, commands: &mut [&mut Command<'_>]) -> Result<Sent, StoreError> {
        let count = commands.len() as u64;
        match commands {
            [one] => self.send_pieces(&mut one.pieces(), count),
            several => {
                let mut pieces = Vec::with_capacity(3 * several.len());
                for command in several {
                    pieces.extend(command.pieces());
                }
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
        let large = if self.in_doubt { LARGE_IN_DOUBT } else { LARGE };
        if pieces.iter().map(|piece| piece.len()).sum::<usize>() >= large {
            self.ask_for_life()?;
        }
        let sent = Sent { first: self.sent, count };
        self.sent += count;
        match self.stream.send(pieces) {
            Ok(()) => Ok(sent),
            Err(error) => Err(self.reason_of(sent, error)),
        }
    }

    /// Returns the reason why no more can be sent. A server that refuses a command says so and
    /// closes the connection, perhaps before it has read the whole command.
    fn reason_of(&mut self, sent: Sent, error: io::Error) -> StoreError {
        let broken = self.io_error(error);
        if matches!(broken, StoreError::Broken(_)) {
            self.stream.expect_within(LAST_WORDS, clock::now());
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

    /// Reads the replies to earlier commands. If the server ends the connection with one of these
    /// replies, it has not read any further. A caller that awaits such a reply gets it later, and
    /// this exchange is broken. If no caller does, the earlier command was a part of this exchange,
    /// and the reply is its answer.
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

    /// Reads replies up to those of these commands.
    fn answer(&mut self, sent: Sent) -> Result<Value, StoreError> {
        self.answer_before(sent)?;
        let mut values = Vec::with_capacity(usize::try_from(sent.count).unwrap_or(0));
        while self.read < sent.all().end {
            values.push(self.reply()?.1);
        }
        self.forget(sent);
        answer_of(values)
    }

    fn keep(&mut self, of: u64, value: Value) {
        if let Some((_, place)) = self.awaited.iter_mut().find(|(awaited, _)| *awaited == of) {
            *place = Some(value);
        } else if let Value::ServerError(error) = &value {
            self.has_strayed |= error.code() == "MOVED";
        }
    }

    /// Returns the next reply, and the number of its command.
    fn reply(&mut self) -> Result<(u64, Value), StoreError> {
        let value = self.next_reply()?;
        self.read += 1;
        if let Value::ServerError(error) = &value {
            let last = server_error(error);
            if last.is_last() {
                // The server has not read the commands after this one.
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
        if self.in_doubt && self.read >= self.doubted {
            self.in_doubt = false;
            if self.until.is_none() {
                // The rest of the answer, which may be a large session, has the whole time.
                self.stream.expect_until(self.begun, self.patience());
            }
        }
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
            // A connection in doubt counts as one that was closed in the meantime, and so does one
            // that leaves time for the next master.
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
                if self.in_doubt || self.stream.ends_early() =>
            {
                StoreError::silent(clock::since(self.begun), self.limit)
            }
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => StoreError::Timeout(self.limit),
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

/// Returns a single reply as it is, and several replies as an array.
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
