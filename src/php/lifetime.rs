//! The lifetimes of a session for the functions of lifetime.c; see shim.h.

use std::ffi::{c_char, c_int};

use super::{
    boundary::{bytes, copy_text, guarded, has_size, warn},
    ini,
    mod_data::{self, with_live_session},
    object,
    ttl::ttl,
};

/// The size of a text that C takes.
const TEXT: usize = 256;

/// `rustredis_description` of shim.h.
#[repr(C)]
struct Description {
    created: i64,
    authenticated: i64,
    expires: i64,
    ends: i64,
    user: [c_char; TEXT],
}

has_size!(Description, 288);

/// -1 stands for a number that is not known.
fn number(known: Option<u64>) -> i64 {
    known.and_then(|number| i64::try_from(number).ok()).unwrap_or(-1)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_describe(maxlifetime: i64, description: *mut Description) -> c_int {
    guarded(0, || {
        let described = with_live_session(|session| session.describe(ttl(maxlifetime))).flatten();
        let Some(known) = described else { return 0 };
        // SAFETY: lifetime.c passes a variable of its own.
        let description = unsafe { &mut *description };
        description.created = number(known.created);
        description.authenticated = number(known.authenticated);
        description.expires = number(known.expires);
        description.ends = number(known.ends);
        // SAFETY: the text has this size.
        unsafe { copy_text(known.user.as_deref().unwrap_or(""), description.user.as_mut_ptr(), TEXT) };
        1
    })
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_set_lifetime(idle: i64, absolute: i64, maxlifetime: i64) -> c_int {
    guarded(0, || {
        let absolute = u64::try_from(absolute).ok();
        let set = |idle| with_live_session(|session| session.set_lifetime(idle, absolute, ttl(maxlifetime)));
        c_int::from(u64::try_from(idle).ok().and_then(set).unwrap_or(false))
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_time_left_of(
    path: *const c_char,
    path_len: usize,
    id: *const c_char,
    id_len: usize,
    maxlifetime: i64,
    idle: *mut i64,
    absolute: *mut i64,
) -> c_int {
    guarded(0, || {
        // SAFETY: lifetime.c passes a C string with its length, and a Zend string.
        let (path, id) = unsafe { (bytes(path, path_len), bytes(id, id_len)) };
        let settings = match ini::settings(path) {
            Ok(settings) => settings,
            Err(error) => {
                warn(format!("rustredis: {error}"));
                return 0;
            }
        };
        let left =
            mod_data::beside_live(settings, object::holds, |session| session.time_left(id, ttl(maxlifetime)));
        let Some(left) = left else { return 0 };
        // SAFETY: lifetime.c passes two variables of its own.
        unsafe {
            *idle = number(Some(left.idle));
            *absolute = number(left.absolute);
        }
        1
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_reason_of_end(text: *mut c_char, size: usize) -> c_int {
    guarded(0, || {
        let Some(reason) = mod_data::reason_of_end() else { return 0 };
        // SAFETY: lifetime.c passes a buffer of this size.
        unsafe { copy_text(&reason, text, size) };
        1
    })
}
