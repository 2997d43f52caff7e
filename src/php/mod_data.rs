//! PHP's one pointer for this extension (`mod_data`), and the handler behind the pointer.
//!
//! The [`Handler`] is boxed, made by open, freed by close, and valid over a bailout. A forked child
//! has its parent's handler, and must touch neither the connection nor the lock in it.

use std::{
    cell::Cell,
    ffi::{c_int, c_void},
    mem, ptr,
    sync::Arc,
};

use super::{
    boundary::{self, Say, guarded, say},
    identity, left_ids,
    moves::{self, Move},
    sys,
};
use crate::{
    config::{Settings, Target},
    process,
    protocol::Keys,
    resp::limit_strings,
    session::{Heritage, Session, deferred_warning},
    store::{redis::RedisStore, take_deferred_failures},
};

/// A session and the process that opened it.
pub struct Handler {
    pid: u32,
    pub session: Session<RedisStore>,
}

/// Tells if an object of this thread has a lock.
pub type HeldHere = fn(&Target, &Keys) -> bool;

thread_local! {
    /// The handler that PHP has now. A `SessionHandler` subclass can forget to call its parent's
    /// close.
    static LIVE: Cell<*mut Handler> = const { Cell::new(ptr::null_mut()) };
    /// A prefetched session, which PHP has not started yet.
    static PREFETCHED: Cell<Option<Box<Handler>>> = const { Cell::new(None) };
    /// The heritage of the session that session_regenerate_id() has closed, for the one that it
    /// opens.
    static LEFT: Cell<Option<Heritage>> = const { Cell::new(None) };
    /// The reason why the session that was closed last had not been there when it was started.
    static ENDED: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs `body` with this thread's open session, if it has one that belongs to this process.
pub fn with_live<T>(body: impl FnOnce(&Handler) -> T) -> Option<T> {
    // SAFETY: LIVE points to a handler that close has not freed; only this thread uses it, and no
    // callback runs now.
    let handler = unsafe { LIVE.get().as_ref() }?;
    (handler.pid == process::id()).then(|| body(handler))
}

/// Does the same with the session itself, and reports its warnings.
pub fn with_live_session<T>(body: impl FnOnce(&mut Session<RedisStore>) -> T) -> Option<T> {
    // SAFETY: as in `with_live`.
    let handler = unsafe { LIVE.get().as_mut() }?;
    (handler.pid == process::id()).then(|| {
        let result = body(&mut handler.session);
        say_all(Say::Now, &mut handler.session);
        result
    })
}

/// Does the same with another session, if none is open. It uses the connection of a prefetched
/// session, which is given back, as no other may be left.
pub fn beside_live<T>(
    settings: Arc<Settings>,
    is_held_here: HeldHere,
    body: impl FnOnce(&mut Session<RedisStore>) -> Option<T>,
) -> Option<T> {
    if with_live(|_| ()).is_some() {
        return with_live_session(body).flatten();
    }
    end_prefetch();
    let mut handler = new_handler(process::id(), settings, is_held_here);
    let result = body(&mut handler.session);
    say_all(Say::Now, &mut handler.session);
    end(handler);
    result
}

/// Does the same with the session that is open, if others with these settings lie where it does.
/// The warnings are logged.
pub fn beside(settings: Arc<Settings>, body: impl FnOnce(&mut Session<RedisStore>)) {
    // SAFETY: as in `with_live`.
    let live = unsafe { LIVE.get().as_mut() }
        .filter(|handler| handler.pid == process::id() && handler.session.lies_at(&settings));
    if let Some(handler) = live {
        body(&mut handler.session);
        say_all(Say::Logged, &mut handler.session);
        return;
    }
    end_prefetch();
    let mut handler = new_handler(process::id(), settings, |_, _| false);
    body(&mut handler.session);
    say_all(Say::Logged, &mut handler.session);
    end(handler);
}

/// Brings the session back that has moved to an id under which PHP does not go on.
pub fn undo_move() {
    if let Some(Move { settings, moved, ttl, .. }) = moves::take() {
        beside(settings, |session| {
            session.bring_back(&moved, ttl);
        });
    }
}

/// The reason why the session that is open, or was closed last, had not been there.
pub fn reason_of_end() -> Option<String> {
    with_live(|handler| handler.session.ended().map(str::to_owned)).unwrap_or_else(|| {
        let reason = ENDED.take();
        ENDED.set(reason.clone());
        reason
    })
}

/// Returns the handler of `mod_data`, if [`open`] has made it. A handler class over PHP's files
/// that forgets its parent's close leaves another handler's data there.
///
/// # Safety
/// As for [`with_session`].
unsafe fn ours<'a>(mod_data: *mut *mut c_void) -> Option<&'a mut Handler> {
    let live = LIVE.get();
    // SAFETY: the caller's contract.
    let is_live = unsafe { (*mod_data).cast::<Handler>() == live };
    // SAFETY: LIVE is null, or the handler that `open` made last and `close` has not freed;
    // callbacks never overlap.
    if is_live { unsafe { live.as_mut() } } else { None }
}

/// Makes the handler. A prefetched session becomes its session if the settings fit.
///
/// # Safety
/// As for [`with_session`].
pub unsafe fn open(
    mod_data: *mut *mut c_void,
    settings: Arc<Settings>,
    begins: bool,
    resets: bool,
    is_held_here: HeldHere,
) {
    // SAFETY: the caller's contract.
    let inherited = match unsafe { ours(mod_data) } {
        None => false,
        Some(handler) if handler.pid != process::id() => true,
        Some(handler) => {
            // session_reset() opens again without a close, and a SessionHandler subclass may open
            // twice.
            let goes_on = !(begins && handler.session.is_read());
            if goes_on && handler.session.reopen(&settings, resets) {
                return;
            }
            false
        }
    };
    if inherited {
        // A forked child starts over. The inherited handler belongs to its parent and stays as it
        // is.
        // SAFETY: the caller's contract.
        unsafe { *mod_data = ptr::null_mut() };
    } else {
        // The previous session was left without a close, or the new session lies elsewhere.
        // SAFETY: the caller's contract.
        unsafe { close_left(mod_data) };
    }
    let pid = process::id();
    let mut prefetched = PREFETCHED.take();
    let is_usable = prefetched
        .as_mut()
        .is_some_and(|prefetched| prefetched.pid == pid && prefetched.session.takes(&settings));
    let handler = match prefetched {
        Some(prefetched) if is_usable => prefetched,
        other => {
            // The settings changed, perhaps to another server. Release that connection before
            // asking for a new one.
            if let Some(prefetched) = other {
                end(prefetched);
            }
            new_handler(pid, settings, is_held_here)
        }
    };
    let mut handler = handler;
    if let Some(left) = LEFT.take().filter(|_| sys::rustredis_changes_the_id()) {
        handler.session.inherit(left);
    }
    handler.session.leave_for_good(left_ids::for_good(|| sys::rustredis_takes_cookie()));
    let handler = Box::into_raw(handler);
    LIVE.set(handler);
    // SAFETY: the caller's contract.
    unsafe { *mod_data = handler.cast() };
}

/// Prefetches a session, and keeps it for [`open`].
pub fn prefetch(settings: Arc<Settings>, id: &[u8], strict: bool, is_held_here: HeldHere) {
    let mut handler = new_handler(process::id(), settings, is_held_here);
    if handler.session.prefetch(id, strict) {
        PREFETCHED.set(Some(handler));
    }
}

/// Gives back a prefetched session that an object of this thread asks for.
pub fn give_back_prefetched(target: &Target, keys: &Keys) {
    match PREFETCHED.take() {
        Some(prefetched) if prefetched.session.is_prefetched(target, keys) => end(prefetched),
        prefetched => PREFETCHED.set(prefetched),
    }
}

/// Passes the session to `body`, which returns whether the callback succeeded. In a forked child,
/// the result is that of `in_child`, and the handler is left alone.
///
/// # Safety
/// `mod_data` points to null or to a pointer that [`open`] made and [`close`] has not freed.
pub unsafe fn with_session(
    mod_data: *mut *mut c_void,
    in_child: impl FnOnce(u32, &Session<RedisStore>) -> bool,
    body: impl FnOnce(&mut Session<RedisStore>) -> bool,
) -> c_int {
    guarded(0, || {
        // SAFETY: the caller's contract.
        let Some(handler) = (unsafe { ours(mod_data) }) else { return 0 };
        if handler.pid != process::id() {
            return c_int::from(in_child(handler.pid, &handler.session));
        }
        limit_strings(|| sys::rustredis_memory_left());
        let succeeded = body(&mut handler.session);
        let when = if succeeded { Say::Later } else { Say::Now };
        say_all(when, &mut handler.session);
        log_deferred_failures();
        c_int::from(succeeded)
    })
}

/// Does the same for a question to which "no" is no failure. A failure counts as "yes", and the
/// callback that follows reports it: PHP would replace an id that it takes for unknown, and the
/// cookie with it.
///
/// # Safety
/// As for [`with_session`].
pub unsafe fn ask_session(
    mod_data: *mut *mut c_void,
    body: impl FnOnce(&mut Session<RedisStore>) -> bool,
) -> c_int {
    let mut answer = true;
    let ask = |session: &mut Session<RedisStore>| {
        answer = guarded(true, || body(session));
        true
    };
    // SAFETY: the caller's contract.
    let asked = unsafe { with_session(mod_data, |_, _| true, ask) };
    c_int::from(asked != 0 && answer)
}

fn say_all(when: Say, session: &mut Session<RedisStore>) {
    if session.has_warnings() {
        session.take_warnings().into_iter().for_each(|warning| say(when, warning));
    }
}

/// Logs the failures of earlier sessions whose last answer has come only now. The requests of these
/// sessions are over, and this request may be that of another visitor.
pub fn log_deferred_failures() {
    let Some(failures) = take_deferred_failures() else { return };
    failures.into_iter().map(deferred_warning).for_each(|warning| say(Say::Logged, warning));
}

/// Frees the handler, if there is one.
///
/// # Safety
/// As for [`with_session`].
pub unsafe fn close(mod_data: *mut *mut c_void) {
    guarded((), || {
        // SAFETY: the caller's contract; a handler is freed here and nowhere else.
        let handler = unsafe { mem::replace(&mut *mod_data, ptr::null_mut()) }.cast::<Handler>();
        if handler.is_null() || handler != LIVE.get() {
            return;
        }
        LIVE.set(ptr::null_mut());
        // SAFETY: made by Box::into_raw in [`open`]; no other code has it, now that both pointers
        // are null.
        let mut handler = unsafe { Box::from_raw(handler) };
        if handler.pid == process::id() {
            before_close(&mut handler.session, None);
        }
        if handler.session.leaves_something() && sys::rustredis_changes_the_id() {
            LEFT.set(Some(handler.session.heritage()));
            handler.session.left_id().into_iter().for_each(left_ids::note);
        }
        ENDED.set(handler.session.ended().map(str::to_owned));
        end(handler);
    });
}

/// Does what a handler class has kept from a session that PHP gives up: one that is new may be
/// destroyed by the class alone, as Symfony's does.
pub fn before_close(session: &mut Session<RedisStore>, own_ttl: Option<u64>) {
    if !session.has_metadata() {
        return;
    }
    let loses_its_move = moves::is_under_way() && session.is_unsaved_after_a_move();
    if sys::rustredis_changes_the_id() || loses_its_move {
        session.bequeath_unsaved(sys::rustredis_is_emptied());
        if loses_its_move {
            moves::note_given_up(session, own_ttl);
        }
    } else if sys::rustredis_destroys_a_session() {
        session.end_unsaved();
    }
}

/// Does the same for the handler that was opened last, even if PHP no longer knows of it.
///
/// # Safety
/// As for [`with_session`].
pub unsafe fn close_left(mod_data: *mut *mut c_void) {
    let mut left = LIVE.get().cast::<c_void>();
    // SAFETY: the caller's contract.
    let slot = unsafe { &mut *mod_data };
    if *slot == left {
        *slot = ptr::null_mut();
    }
    // SAFETY: LIVE is null, or the handler that [`open`] made last and [`close`] has not freed.
    unsafe { close(&raw mut left) };
}

/// Returns true if a handler was opened and not closed.
pub fn is_open() -> bool {
    !LIVE.get().is_null()
}

/// Ends a session, and gives its connection back.
fn end(mut handler: Box<Handler>) {
    if handler.pid == process::id() {
        handler.session.close();
        say_all(Say::Later, &mut handler.session);
    } else {
        // A drop would close the parent's socket in good order, and give its entry back to a pool
        // that has no threads in this process.
        mem::forget(handler);
    }
}

fn new_handler(pid: u32, settings: Arc<Settings>, is_held_here: HeldHere) -> Box<Handler> {
    let info = identity::of_this_request(&settings, pid);
    Box::new(Handler {
        pid,
        session: Session::new(RedisStore::new(settings.clone()), settings, info)
            .beside(is_held_here)
            .amid(identity::SURROUNDINGS),
    })
}

/// Forgets what a call of session_regenerate_id() has left for itself, and not taken.
pub fn end_of_move() {
    LEFT.set(None);
}

/// Gives back a prefetched session that the script has not started.
pub fn end_prefetch() {
    if let Some(prefetched) = PREFETCHED.take() {
        end(prefetched);
    }
}

/// Closes the sessions that PHP left open; called at the end of a request.
pub fn end_request() {
    // SAFETY: PHP has no pointer of ours any more.
    unsafe { close_left(&mut ptr::null_mut()) };
    end_prefetch();
    LEFT.set(None);
    ENDED.set(None);
    left_ids::forget();
    undo_move();
    moves::complete();
    boundary::end_request();
}
