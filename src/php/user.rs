//! The sessions of a user for the functions of user.c; see shim.h.

use std::{
    cell::RefCell,
    ffi::{c_char, c_int},
    sync::Arc,
};

use super::{
    boundary::{bytes, copy_text, guarded, has_size, warn},
    failure::{FailureInC, tell_failure},
    ini,
    mod_data::{self, with_live, with_live_session},
    object, sys,
    ttl::ttl,
};
use crate::{
    config::Settings,
    protocol::{MAX_LABEL, OnLimit},
    session::{Cause, Device, Limit, Session},
    store::redis::RedisStore,
};

/// The size of a handle and its NUL.
const HANDLE: usize = 17;
/// The size of a label and its NUL.
const LABEL: usize = MAX_LABEL + 1;

/// `rustredis_device` of shim.h.
#[repr(C)]
struct DeviceInC {
    created: i64,
    authenticated: i64,
    last_used: i64,
    expires: i64,
    is_current: c_int,
    handle: [c_char; HANDLE],
    label: [c_char; LABEL],
}

has_size!(DeviceInC, 568);

thread_local! {
    /// The answer of the last `rustredis_list_user`.
    static DEVICES: RefCell<Vec<Device>> = const { RefCell::new(Vec::new()) };
    /// The cause of the last failure.
    static CAUSE: RefCell<Cause> = const { RefCell::new(Cause::Other) };
}

/// Runs `body` with the open session, or beside it, and keeps the cause of a failure.
fn asked<T>(
    path: &[u8],
    is_own: bool,
    body: impl FnOnce(&mut Session<RedisStore>) -> Option<T>,
) -> Option<T> {
    let mut cause = Cause::Other;
    let body = |session: &mut Session<RedisStore>| {
        let answer = body(session);
        cause = session.cause().clone();
        answer
    };
    let answer = if is_own || with_live(|_| ()).is_some() {
        with_live_session(body).flatten()
    } else {
        settings(path).and_then(|settings| mod_data::beside_live(settings, object::holds, body))
    };
    CAUSE.replace(cause);
    answer
}

fn settings(path: &[u8]) -> Option<Arc<Settings>> {
    ini::settings(path).map_err(|error| warn(format!("rustredis: {error}"))).ok()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_bind_user(
    user: *const c_char,
    user_len: usize,
    limit: i64,
    refuses: bool,
    label: *const c_char,
    label_len: usize,
    maxlifetime: i64,
) -> c_int {
    guarded(0, || {
        // SAFETY: user.c passes two Zend strings.
        let (user, label) = unsafe { (bytes(user, user_len), bytes(label, label_len)) };
        let on_limit = if refuses { OnLimit::Refuse } else { OnLimit::Oldest };
        let limit = Limit { sessions: u64::try_from(limit).unwrap_or(0), on_limit };
        let label = String::from_utf8_lossy(label);
        // Symfony's class answers for an id that it has not passed on.
        let is_own = |handler: &mod_data::Handler| handler.session.id().is_none_or(sys::is_own_id);
        if !with_live(is_own).unwrap_or(false) {
            warn("rustredis: the session gets no user: no session is open that will be saved".into());
            CAUSE.replace(Cause::Other);
            return 0;
        }
        match asked(b"", true, |session| session.bind(user, &label, limit, ttl(maxlifetime))) {
            Some(true) => 1,
            Some(false) => 2,
            None => 0,
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_has_session() -> c_int {
    guarded(0, || c_int::from(with_live(|handler| handler.session.is_read()).unwrap_or(false)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_is_own_user(user: *const c_char, user_len: usize) -> c_int {
    guarded(0, || {
        // SAFETY: user.c passes a Zend string.
        let user = unsafe { bytes(user, user_len) };
        c_int::from(with_live(|handler| handler.session.is_of(user)).unwrap_or(false))
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_list_user(
    path: *const c_char,
    path_len: usize,
    user: *const c_char,
    user_len: usize,
    maxlifetime: i64,
) -> i64 {
    guarded(-1, || {
        // SAFETY: user.c passes a C string with its length.
        let path = unsafe { bytes(path, path_len) };
        // SAFETY: user.c passes null or a Zend string.
        let user = unsafe { text(user, user_len) };
        let Some(devices) = asked(path, user.is_none(), |session| session.devices(user, ttl(maxlifetime)))
        else {
            return -1;
        };
        let count = i64::try_from(devices.len()).unwrap_or(0);
        DEVICES.replace(devices);
        count
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_device_get(index: usize, device: *mut DeviceInC) -> c_int {
    guarded(0, || {
        DEVICES.with_borrow_mut(|devices| {
            let Some(known) = devices.get(index) else { return 0 };
            let number = |known: Option<u64>| known.map_or(-1, u64::cast_signed);
            // SAFETY: user.c passes a variable of its own.
            let device = unsafe { &mut *device };
            device.created = number(known.created);
            device.authenticated = number(known.authenticated);
            device.last_used = number(known.last_used);
            device.expires = number(known.expires);
            device.is_current = known.is_current.into();
            // SAFETY: the texts have these sizes.
            unsafe {
                copy_text(&known.handle, device.handle.as_mut_ptr(), HANDLE);
                copy_text(&known.label, device.label.as_mut_ptr(), LABEL);
            }
            if index + 1 == devices.len() {
                devices.clear();
            }
            1
        })
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_revoke_user(
    path: *const c_char,
    path_len: usize,
    user: *const c_char,
    user_len: usize,
    handle: *const c_char,
    handle_len: usize,
    others_only: bool,
) -> i64 {
    guarded(-1, || {
        // SAFETY: user.c passes a C string with its length.
        let path = unsafe { bytes(path, path_len) };
        // SAFETY: user.c passes null or Zend strings.
        let (user, handle) = unsafe { (text(user, user_len), text(handle, handle_len)) };
        let handle = handle.map(String::from_utf8_lossy);
        asked(path, user.is_none(), |session| session.revoke(user, handle.as_deref(), others_only))
            .map_or(-1, u64::cast_signed)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_user_failure(failure: *mut FailureInC) {
    // SAFETY: user.c passes a variable of its own.
    unsafe { tell_failure(|| CAUSE.take(), failure) };
}

/// A text that C passes, or `None` for null.
///
/// # Safety
/// `at` is null or valid for `len` bytes during `'a`.
unsafe fn text<'a>(at: *const c_char, len: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's contract.
    (!at.is_null()).then(|| unsafe { bytes(at, len) })
}
