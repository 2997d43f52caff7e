//! The save handler's callbacks, as handler.c calls them. shim.h describes their arguments and
//! results.

use std::ffi::{c_char, c_int, c_void};

use super::{
    advice::advise,
    boundary::{bytes, guarded, warn},
    failure::{FailureInC, flaw, tell_failure},
    ini, left_ids,
    mod_data::{self, ask_session, log_deferred_failures, with_session},
    moves, object, sys,
    ttl::ttl,
};
use crate::{
    protocol::SessionId,
    session::{Access, Cause, Failure, Flaw, Leave, Session, Writer, warning},
    store::redis::RedisStore,
};

fn access(read_only: c_int) -> Access {
    Access::of(read_only != 0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_open(
    mod_data: *mut *mut c_void,
    path: *const c_char,
    path_len: usize,
    begins: c_int,
    resets: c_int,
) -> c_int {
    guarded(0, || {
        // SAFETY: handler.c passes a C string with its length.
        let path = unsafe { bytes(path, path_len) };
        let settings = match ini::settings(path) {
            Ok(settings) => settings,
            Err(error) => {
                warn(format!("rustredis: {error}"));
                return 0;
            }
        };
        if !settings.ignored.is_empty() {
            advise(format!(
                "rustredis: {} in session.save_path has no effect: connections are always kept, and one that died is \
                 replaced once; docs/migrating.md has all settings of phpredis",
                settings.ignored.join(", ")
            ));
        }
        // SAFETY: `mod_data` is PHP's pointer for us: null, or a handler that close has not freed.
        unsafe { mod_data::open(mod_data, settings, begins != 0, resets != 0, object::holds) };
        1
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_close(mod_data: *mut *mut c_void) {
    // SAFETY: as in rustredis_open.
    unsafe { mod_data::close(mod_data) };
    guarded((), log_deferred_failures);
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_is_open() -> c_int {
    guarded(0, || c_int::from(mod_data::is_open()))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_close_left(mod_data: *mut *mut c_void) {
    // SAFETY: as in rustredis_open.
    guarded((), || unsafe { mod_data::close_left(mod_data) });
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_settle_move(is_complete: c_int) {
    guarded((), if is_complete == 0 { mod_data::undo_move } else { moves::complete });
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_has_destroyed() {
    guarded((), left_ids::note_end);
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_move_is_over() {
    guarded((), moves::complete);
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_begin_move(maxlifetime: i64, is_emptied: c_int) {
    guarded((), || moves::begin(maxlifetime, is_emptied != 0));
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_end_of_move() {
    guarded((), || {
        mod_data::end_of_move();
        object::end_of_move();
    });
}

/// See shim.h. A failure is silent, because session_start() asks again and reports it.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_prefetch(
    path: *const c_char,
    path_len: usize,
    id: *const c_char,
    id_len: usize,
    strict: c_int,
) {
    guarded((), || {
        // SAFETY: prefetch.c passes a C string with its length, and a Zend string.
        let (path, id) = unsafe { (bytes(path, path_len), bytes(id, id_len)) };
        let Some(settings) = ini::settings(path).ok().filter(|settings| settings.prefetch) else { return };
        mod_data::prefetch(settings, id, strict != 0, object::holds);
    });
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_validate(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    maxlifetime: i64,
    read_only: c_int,
) -> c_int {
    // SAFETY: `mod_data` is PHP's pointer for us; the id is a Zend string with its length.
    unsafe {
        ask_session(mod_data, |session| {
            let id = bytes(id, id_len);
            // A class may have read a new id in its create_sid(), and has its lock then.
            let is_free = session.is_missing(id) && sys::rustredis_changes_the_id();
            !is_free && session.validate(id, access(read_only), ttl(maxlifetime))
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_create(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    maxlifetime: i64,
    read_only: c_int,
    strict: c_int,
) -> c_int {
    // SAFETY: as in rustredis_validate.
    unsafe {
        ask_session(mod_data, |session| {
            if session.leaves_something() && sys::rustredis_changes_the_id() {
                session.go_on();
            }
            session.create(bytes(id, id_len), access(read_only), ttl(maxlifetime), strict != 0)
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_read(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    maxlifetime: i64,
    read_only: c_int,
    reason: c_int,
    value: *mut *const c_char,
    value_len: *mut usize,
) -> c_int {
    let mut is_overtaken = false;
    // SAFETY: as in rustredis_validate; `value` and `value_len` point to variables of handler.c.
    let found = unsafe {
        with_session(
            mod_data,
            |pid, _| forked("can't be read", bytes(id, id_len), pid),
            |session| {
                let (id, access, ttl) = (bytes(id, id_len), access(read_only), ttl(maxlifetime));
                // A class may read the session that is left.
                if sys::changes_this_id(id) && !sys::rustredis_is_leaving() {
                    session.go_on();
                    session.set_heir(id);
                }
                let found = match reason {
                    0 => session.read(id, access, ttl),
                    reason => session.look(id, access, ttl, reason == 2),
                };
                *value = session.value().as_ptr().cast();
                *value_len = if found { session.value().len() } else { session.too_large() };
                is_overtaken = session.is_overtaken(id);
                found
            },
        )
    };
    // RUSTREDIS_OVERTAKEN of shim.h.
    if found != 0 && is_overtaken { 2 } else { found }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_make_way(mod_data: *mut *mut c_void, id: *const c_char, id_len: usize) {
    // SAFETY: as in rustredis_validate.
    unsafe {
        with_session(
            mod_data,
            |_, _| true,
            |session| {
                session.make_way(bytes(id, id_len));
                true
            },
        )
    };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_read_done(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    remember: c_int,
    look: c_int,
) {
    // SAFETY: as in rustredis_validate.
    unsafe {
        with_session(
            mod_data,
            |_, _| true,
            |session| {
                if remember != 0 {
                    session.remember(bytes(id, id_len));
                }
                if look != 0 {
                    session.note_look(bytes(id, id_len));
                }
                session.drop_value();
                true
            },
        )
    };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_save(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    value: *const c_char,
    value_len: usize,
    maxlifetime: i64,
    unchanged: c_int,
    writer: c_int,
) -> c_int {
    // SAFETY: as in rustredis_validate; the value is a Zend string with its length.
    unsafe {
        let (id, value) = (bytes(id, id_len), bytes(value, value_len));
        let ttl = ttl(maxlifetime);
        let writer = match writer {
            0 => Writer::Php,
            1 => Writer::Saving,
            _ => Writer::Class,
        };
        // session_regenerate_id() saves the session under the id that it leaves, or destroys it
        // there.
        let moves = sys::rustredis_keeps_the_old_id() && leaves(mod_data, id);
        let save = |session: &mut Session<RedisStore>| {
            if moves {
                session.ask_end(id);
            }
            if moves && session.retires(id, value) {
                let is_left = session.retire(id, sys::rustredis_is_emptied());
                moves::note(session, ttl);
                is_left
            } else if unchanged != 0 {
                session.touch(id, value, ttl, writer)
            } else {
                let is_saved = session.write(id, value, ttl, writer);
                if is_saved {
                    left_ids::note_save(id);
                }
                is_saved
            }
        };
        if unchanged != 0 {
            // An unchanged session in a forked child is left alone, because the parent refreshes
            // its TTL.
            with_session(mod_data, |_, _| true, save)
        } else {
            // A handler class also writes unchanged sessions, and in a child such a write succeeds
            // without effect.
            let in_child = |pid, session: &Session<RedisStore>| {
                session.has_delivered(id, value) || {
                    Flaw::Inherited.count();
                    forked("was not saved", id, pid)
                }
            };
            with_session(mod_data, in_child, save)
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_lose(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    number: c_int,
) {
    // SAFETY: as in rustredis_validate.
    unsafe {
        with_session(
            mod_data,
            |_, _| {
                Flaw::Inherited.count();
                true
            },
            |session| {
                session.lose(bytes(id, id_len), flaw(number));
                true
            },
        )
    };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_destroy(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    maxlifetime: i64,
    how: c_int,
) -> c_int {
    // SAFETY: as in rustredis_validate.
    unsafe {
        let id = bytes(id, id_len);
        with_session(
            mod_data,
            |pid, _| forked("was not destroyed", id, pid),
            |session| match how {
                0 => session.destroy(id, Leave::Ended),
                1 => session.set_aside(id),
                3 => {
                    let is_left = session.destroy(id, Leave::moved(sys::rustredis_is_emptied()));
                    moves::note(session, ttl(maxlifetime));
                    is_left
                }
                _ => {
                    session.close();
                    true
                }
            },
        )
    }
}

/// Returns true if session_regenerate_id(), which is running, leaves this id. A handler class may
/// give its parent other ids than PHP's.
///
/// # Safety
/// As for [`with_session`].
unsafe fn leaves(mod_data: *mut *mut c_void, id: &[u8]) -> bool {
    let mut is_read = false;
    let ask = |session: &mut Session<RedisStore>| {
        is_read = session.is_own(id);
        true
    };
    // SAFETY: the caller's contract.
    unsafe { with_session(mod_data, |_, _| true, ask) };
    is_read || sys::is_own_id(id)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_leaves(mod_data: *mut *mut c_void, id: *const c_char, id_len: usize) -> c_int {
    // SAFETY: as in rustredis_validate.
    unsafe { leaves(mod_data, bytes(id, id_len)) }.into()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_is_missing(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
) -> c_int {
    let mut is_missing = false;
    // SAFETY: as in rustredis_validate.
    unsafe {
        let ask = |session: &mut Session<RedisStore>| {
            is_missing = session.is_missing(bytes(id, id_len));
            true
        };
        with_session(mod_data, |_, _| true, ask);
    }
    is_missing.into()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_failure_get(mod_data: *mut *mut c_void, failure: *mut FailureInC) {
    let mut cause = Cause::Other;
    let ask = |session: &mut Session<RedisStore>| {
        cause = session.cause().clone();
        true
    };
    // SAFETY: as in rustredis_validate; exceptions.c passes a variable of its own.
    unsafe {
        with_session(mod_data, |_, _| true, ask);
        tell_failure(|| cause, failure);
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_is_id(id: *const c_char, id_len: usize) -> c_int {
    guarded(0, || {
        // SAFETY: handler.c passes a Zend string with its length.
        let is_id = SessionId::parse(unsafe { bytes(id, id_len) }).is_some();
        if !is_id {
            advise(format!(
                "rustredis: a session was refused behind a SessionHandler subclass: {}",
                Failure::BadId
            ));
        }
        c_int::from(is_id)
    })
}

fn forked(what: &str, id: &[u8], parent: u32) -> bool {
    warn(warning(what, SessionId::parse(id).as_ref(), &"its server", &Failure::Forked(parent)));
    false
}
