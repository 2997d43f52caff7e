//! An in-memory [`Store`]: the scripts' rules in Rust, on a clock that only moves when a test moves
//! it.
//!
//! This store is for tests. `tests/redis/store.rs` sends the same random commands to it and to a
//! Redis server and compares the answers, so that a proof about this store also holds for the
//! scripts.

mod list;
mod place;
mod rules;
mod server;

use std::{
    cell::{RefCell, RefMut},
    convert::Infallible,
    io,
    rc::Rc,
    time::Duration,
};

pub use rules::{Rule, Rules};
pub use server::Server;

use super::Store;
use crate::{
    error::{ServerError, StoreError},
    process::stats::Moment,
    protocol::{
        Acquire, AcquireReply, Claim, Copied, Keys, Release, ReleaseReply, Remaining, SessionData, Ticket,
        UserCall, UserList, Write, is_still,
    },
};

/// One client of a [`Server`].
#[derive(Clone, Default)]
pub struct MemoryStore {
    server: Rc<RefCell<Server>>,
    /// The next `down` commands find no server.
    pub down: u32,
    /// The command with this number finds no server. The first command is 1.
    pub down_at: u32,
    /// The acquire or the release with this number is carried out, and its answer is lost.
    pub lost_at: u32,
    /// The command with this number is refused.
    pub refused_at: u32,
    /// The acts of other clients before the commands with these numbers.
    pub acts: Vec<(u32, Rc<dyn Fn()>)>,
    /// The number of commands sent.
    pub trips: u32,
    pending: Option<AcquireReply>,
}

impl MemoryStore {
    /// Creates a client with a server of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates another client of the same server.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { server: self.server.clone(), ..Self::default() }
    }

    /// The server, for a test to inspect or change.
    #[must_use]
    pub fn server(&self) -> RefMut<'_, Server> {
        self.server.borrow_mut()
    }

    fn send(&mut self) -> Result<RefMut<'_, Server>, StoreError> {
        self.trips += 1;
        for (_, act) in self.acts.extract_if(.., |(number, _)| *number == self.trips) {
            act();
        }
        if self.down > 0 || self.trips == self.down_at {
            self.down = self.down.saturating_sub(1);
            return Err(StoreError::Connect(io::ErrorKind::ConnectionRefused.into()));
        }
        if self.trips == self.refused_at {
            return Err(StoreError::Server(ServerError::parse("OOM command not allowed")));
        }
        Ok(self.server.borrow_mut())
    }

    /// The answer to a write, unless it is to be lost.
    fn answered(&self, answer: ReleaseReply) -> Result<ReleaseReply, StoreError> {
        if self.trips == self.lost_at { Err(StoreError::Timeout(Duration::from_secs(5))) } else { Ok(answer) }
    }
}

impl Store for MemoryStore {
    type Lease = Infallible;

    fn acquire(&mut self, keys: &Keys, acquire: &Acquire) -> Result<AcquireReply, StoreError> {
        let answer = self.send()?.acquire(keys, acquire);
        if self.trips == self.lost_at {
            return Err(StoreError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(answer)
    }

    /// Lets the whole time of the block pass, unless there is a ticket: no other client runs in the
    /// meantime.
    fn wait(&mut self, keys: &Keys, block: Duration) -> Result<Option<Ticket>, StoreError> {
        let mut server = self.send()?;
        let ticket = server.pop(keys);
        if ticket.is_none() {
            server.advance(u64::try_from(block.as_millis()).unwrap_or(u64::MAX));
        }
        Ok(ticket)
    }

    fn claim(&mut self, keys: &Keys, claim: &Claim) -> Result<bool, StoreError> {
        Ok(self.send()?.claim(keys, claim))
    }

    fn claim_later(&mut self, keys: &Keys, claim: &Claim) -> Result<(), StoreError> {
        self.claim(keys, claim).map(drop)
    }

    fn read(&mut self, keys: &Keys, ttl: u64) -> Result<SessionData, StoreError> {
        Ok(self.send()?.read(keys, ttl))
    }

    fn release(&mut self, keys: &Keys, release: &Release<'_>) -> Result<ReleaseReply, StoreError> {
        let answer = self.send()?.release(keys, release);
        self.answered(answer)
    }

    fn write(&mut self, keys: &Keys, write: &Write<'_>) -> Result<ReleaseReply, StoreError> {
        let answer = self.send()?.write(keys, write);
        self.answered(answer)
    }

    fn server_clock(&mut self) -> u64 {
        self.server.borrow().now()
    }

    fn copy(&mut self, keys: &Keys, state: &str) -> Result<(Copied, u64), StoreError> {
        let server = self.send()?;
        let copied = match server.state(keys) {
            Some(found) if is_still(found.as_bytes(), state.as_bytes()) => {
                server.copy(keys).map_or(Copied::Gone, |copy| Copied::Found(copy.to_vec()))
            }
            _ => Copied::Changed,
        };
        Ok((copied, server.now()))
    }

    fn delete_copy(&mut self, keys: &Keys) -> Result<(), StoreError> {
        self.send()?.delete_copy(keys);
        Ok(())
    }

    fn time_left(&mut self, keys: &Keys) -> Result<Remaining, StoreError> {
        let mut server = self.send()?;
        let ms = server.ttl(keys).map_or(-2, u64::cast_signed);
        Ok(Remaining { ms, state: server.read(keys, 0).state })
    }

    fn user_list(&mut self, keys: &Keys, call: &UserCall<'_>) -> Result<UserList, StoreError> {
        Ok(self.send()?.user_list(keys, call))
    }

    /// Costs no trip.
    fn post_to_list(&mut self, keys: &Keys, call: &UserCall<'_>) {
        self.server.borrow_mut().user_list(keys, call);
    }

    fn post_state_ttl(&mut self, keys: &Keys, seen: &str, ms: u64) {
        self.server.borrow_mut().prolong_state(keys, seen, ms);
    }

    fn exists(&mut self, keys: &Keys) -> Result<bool, StoreError> {
        Ok(self.send()?.data(keys).is_some())
    }

    fn prefetch(&mut self, keys: &Keys, acquire: &Acquire) -> Option<Moment> {
        self.pending = self.acquire(keys, acquire).ok();
        self.pending.is_some().then(Moment::now)
    }

    fn prefetched(&mut self) -> Result<AcquireReply, StoreError> {
        self.pending.take().ok_or_else(|| StoreError::Broken(io::ErrorKind::UnexpectedEof.into()))
    }

    fn forget_prefetch(&mut self) {
        self.pending = None;
    }

    fn clock(&self) -> u64 {
        self.server.borrow().now()
    }

    fn pause(&mut self, time: Duration) {
        self.server.borrow_mut().advance(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// Releases the lock at once, because this server always answers.
    fn give_back(&self, keys: &Keys, token: String) {
        self.server.borrow_mut().release(keys, &Release::of_lock(&token, false));
    }

    fn disconnect(&mut self) {}
}
