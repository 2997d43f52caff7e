//! The session that session_regenerate_id() has moved away from its id, until the function returns.
//!
//! PHP can still give the change of the id up: a handler class throws, exits or fails after its
//! parent has moved the session, or the new session cannot be opened. No browser learns of the new
//! id then, and the session comes back to the old one. The same is tried if no answer tells whether
//! the session was moved. If the session has had its old id from an earlier change of this request,
//! nothing is stored there yet. It is stored then, also if the class fails before its parent.

use std::{cell::Cell, sync::Arc};

use super::ttl::ttl;
use crate::{
    config::Settings,
    process,
    session::{Moved, Session},
    store::redis::RedisStore,
};

/// A move, as it is remembered for its undoing.
pub struct Move {
    pid: u32,
    pub settings: Arc<Settings>,
    pub moved: Moved,
    /// The TTL that the session has if it comes back, in seconds.
    pub ttl: u64,
}

thread_local! {
    static LAST: Cell<Option<Move>> = const { Cell::new(None) };
    /// `session.gc_maxlifetime`, from the begin of session_regenerate_id() with a session that has
    /// values until a move is noted, or the call is over. After a bailout it stays until the end of
    /// the request.
    static UNDER_WAY: Cell<Option<i64>> = const { Cell::new(None) };
}

/// PHP begins to change the id. A session without values may be that of a user who logs out.
pub fn begin(maxlifetime: i64, is_emptied: bool) {
    UNDER_WAY.set((!is_emptied).then_some(maxlifetime));
}

/// Returns true if PHP has begun to change the id of a session with values, which has not moved
/// yet.
pub fn is_under_way() -> bool {
    UNDER_WAY.get().is_some()
}

/// Notes a move, if the session was just moved, or may have been.
pub fn note(session: &mut Session<RedisStore>, ttl: u64) {
    if let Some(moved) = session.take_moved() {
        let ttl = session.ttl_of_return(ttl);
        LAST.set(Some(Move { pid: process::id(), settings: session.settings().clone(), moved, ttl }));
        UNDER_WAY.set(None);
    }
}

/// Notes the move before the one that is under way, if PHP gives the session up without having
/// stored it since. `own_ttl` is the TTL of a session whose handler has one of its own.
pub fn note_given_up(session: &mut Session<RedisStore>, own_ttl: Option<u64>) {
    if let Some(maxlifetime) = UNDER_WAY.get() {
        note(session, own_ttl.unwrap_or_else(|| ttl(maxlifetime)));
    }
}

/// Takes the move to undo, because PHP does not go on under the new id.
pub fn take() -> Option<Move> {
    LAST.take().filter(|last| last.pid == process::id())
}

/// PHP goes on under the new id, or the request has ended.
pub fn complete() {
    LAST.set(None);
    UNDER_WAY.set(None);
}
