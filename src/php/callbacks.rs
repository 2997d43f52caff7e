//! The save handler's callbacks, as handler.c calls them; shim.h says what each takes and gives.
//!
//! PHP keeps one pointer for us (`mod_data`): a boxed [`Handler`]. It is made by open, freed by close, and stays valid
//! over a bailout. A forked child has its parent's, and must touch neither the connection nor the lock in it.

use std::{
    cell::{Cell, RefCell},
    ffi::{CStr, c_char, c_int, c_void},
    mem, ptr, slice,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    boundary::{self, Level, guarded, tell, warn},
    ini, sys,
};
use crate::{
    config::{Settings, mask},
    process,
    session::{Access, Failure, Session, SessionId, late_warning, warning},
    store::{redis::RedisStore, stats, take_late},
};

/// What PHP itself has for session.gc_maxlifetime when nobody sets it.
const DEFAULT_TTL: u64 = 1440;
/// Redis takes a TTL in milliseconds as a 64 bit number; nobody needs a longer one than this (68 years).
const MAX_TTL: u64 = i32::MAX as u64;

pub struct Handler {
    pid: u32,
    pub session: Session<RedisStore>,
}

thread_local! {
    /// The handler that PHP has now. A `SessionHandler` subclass can forget to call its parent's close.
    static LIVE: Cell<*mut Handler> = const { Cell::new(ptr::null_mut()) };
    /// A session that was asked for before PHP has started one.
    static AHEAD: Cell<Option<Box<Handler>>> = const { Cell::new(None) };
    static TTL_WARNED: Cell<bool> = const { Cell::new(false) };
    /// What [`info`] says for this process where no path is in it.
    static INFO: RefCell<(u32, Arc<str>)> = RefCell::new((0, "".into()));
}

/// Runs `body` with this thread's open session, if it has one that belongs to this process.
pub fn with_live<T>(body: impl FnOnce(&Handler) -> T) -> Option<T> {
    // SAFETY: LIVE points to a handler that close has not freed; only this thread uses it, and no callback runs now.
    let handler = unsafe { LIVE.get().as_ref() }?;
    (handler.pid == process::id()).then(|| body(handler))
}

/// Closes what PHP left open; at the end of a request.
pub fn end_request() {
    let mut left = LIVE.get().cast::<c_void>();
    close(&raw mut left);
    if let Some(ahead) = AHEAD.take() {
        end(ahead);
    }
    boundary::drop_warnings();
}

/// Gives the handler to `body`, which answers whether the callback succeeded. In a forked child the answer is `in_child`
/// and the handler is left alone.
///
/// # Safety
/// `mod_data` points to null or to a pointer that [`rustredis_open`] made and [`close`] has not freed.
unsafe fn with_handler(
    mod_data: *mut *mut c_void,
    in_child: impl FnOnce(u32) -> bool,
    body: impl FnOnce(&mut Session<RedisStore>) -> bool,
) -> c_int {
    guarded(0, || {
        // SAFETY: the caller's contract; callbacks of one session never overlap.
        let Some(handler) = (unsafe { (*mod_data).cast::<Handler>().as_mut() }) else { return 0 };
        if handler.pid != process::id() {
            return c_int::from(in_child(handler.pid));
        }
        let succeeded = body(&mut handler.session);
        handler.session.take_warnings().into_iter().for_each(warn);
        warn_late();
        c_int::from(succeeded)
    })
}

/// Leaves the warnings of earlier sessions whose last answer has come now.
fn warn_late() {
    take_late().into_iter().map(late_warning).for_each(warn);
}

/// # Safety
/// `bytes` is valid for `len` bytes during `'a`.
unsafe fn bytes<'a>(bytes: *const c_char, len: usize) -> &'a [u8] {
    // SAFETY: the caller's contract.
    unsafe { slice::from_raw_parts(bytes.cast(), len) }
}

/// session.gc_maxlifetime can be 0 or negative, which Redis refuses as a TTL.
fn ttl(maxlifetime: i64) -> u64 {
    if let Ok(seconds @ 1..) = u64::try_from(maxlifetime) {
        return seconds.min(MAX_TTL);
    }
    if !TTL_WARNED.replace(true) {
        warn(format!(
            "rustredis: session.gc_maxlifetime is {maxlifetime}, but must be at least 1 second; sessions are kept for \
             {DEFAULT_TTL} seconds"
        ));
    }
    DEFAULT_TTL
}

/// Once in a process: who moves in from phpredis has the same save_path on every request.
fn name_ignored(settings: &Settings) {
    static NAMED: AtomicBool = AtomicBool::new(false);
    if !settings.ignored.is_empty() && !NAMED.swap(true, Ordering::Relaxed) {
        tell(
            Level::Notice,
            format!(
                "rustredis: {} in session.save_path has no effect: connections are always kept, and one that died is \
                 replaced once; docs/migrating.md has all settings of phpredis",
                settings.ignored.join(", ")
            ),
        );
    }
}

fn access(read_only: c_int) -> Access {
    if read_only == 0 { Access::Update } else { Access::Read }
}

/// `host|pid|sapi|uri`: what others are told while they wait for us.
fn info(settings: &Settings, pid: u32) -> Arc<str> {
    if settings.lock.as_ref().is_some_and(|lock| lock.holder_uri) {
        return describe(pid, &request_path()).into();
    }
    INFO.with_borrow_mut(|(of, info)| {
        if *of != pid {
            (*of, *info) = (pid, describe(pid, "").into());
        }
        info.clone()
    })
}

fn describe(pid: u32, uri: &str) -> String {
    static HOST: OnceLock<String> = OnceLock::new();
    let host = HOST.get_or_init(|| {
        let mut name = [0u8; 256];
        // SAFETY: gethostname writes at most the given length; the last byte stays 0.
        let done = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
        let name = CStr::from_bytes_until_nul(&name).ok().filter(|_| done == 0);
        name.map_or_else(|| "?".into(), |name| name.to_string_lossy().replace('|', "?"))
    });
    // SAFETY: sapi_module.name is a C string for the life of the process.
    let sapi = unsafe { CStr::from_ptr(sys::rustredis_sapi()) };
    format!("{host}|{pid}|{}|{uri}", sapi.to_string_lossy())
}

/// The path that the browser asked for. Not its query string, which may hold tokens.
fn request_path() -> String {
    let uri = sys::rustredis_request_uri();
    if uri.is_null() {
        return String::new();
    }
    // SAFETY: the SAPI's request info is a C string for the time of the request.
    let uri = unsafe { CStr::from_ptr(uri) }.to_string_lossy();
    uri.split('?').next().unwrap_or_default().chars().take(200).collect()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_open(
    mod_data: *mut *mut c_void,
    path: *const c_char,
    path_len: usize,
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
        name_ignored(&settings);
        // SAFETY: `mod_data` is PHP's pointer for us: null, or a handler that close has not freed.
        let slot = unsafe { &mut *mod_data };
        // SAFETY: as above.
        if let Some(handler) = unsafe { slot.cast::<Handler>().as_mut() } {
            if handler.pid == process::id() {
                // session_reset() opens again without a close.
                handler.session.reopen(settings);
                return 1;
            }
            // A forked child starts over; what it inherited belongs to its parent and is left as it is.
            *slot = ptr::null_mut();
        } else {
            // A subclass' close did not call its parent's in an earlier session of this request.
            let mut left = LIVE.get().cast::<c_void>();
            close(&raw mut left);
        }
        let pid = process::id();
        stats::belong_to(pid);
        let handler = match AHEAD.take() {
            Some(ahead) if ahead.pid == pid && ahead.session.has_settings(&settings) => ahead,
            other => {
                // Another server, say: its place there is free before the new one is asked.
                if let Some(ahead) = other {
                    end(ahead);
                }
                new_handler(pid, settings)
            }
        };
        let handler = Box::into_raw(handler);
        LIVE.set(handler);
        *slot = handler.cast();
        1
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_close(mod_data: *mut *mut c_void) {
    close(mod_data);
    guarded((), warn_late);
}

fn close(mod_data: *mut *mut c_void) {
    guarded((), || {
        // SAFETY: PHP's pointer for us, or a copy of LIVE: null, or a handler that is freed here and nowhere else.
        let handler = unsafe { mem::replace(&mut *mod_data, ptr::null_mut()) }.cast::<Handler>();
        if handler.is_null() {
            return;
        }
        LIVE.set(ptr::null_mut());
        // SAFETY: made by Box::into_raw in rustredis_open; nobody else has it now that both pointers are null.
        end(unsafe { Box::from_raw(handler) });
    });
}

/// Ends a session, and gives its connection back.
fn end(mut handler: Box<Handler>) {
    if handler.pid == process::id() {
        handler.session.close();
        handler.session.take_warnings().into_iter().for_each(warn);
    } else {
        // Dropping would close the parent's socket politely and give back its place in a pool that has no threads
        // here.
        mem::forget(handler);
    }
}

fn new_handler(pid: u32, settings: Arc<Settings>) -> Box<Handler> {
    let info = info(&settings, pid);
    Box::new(Handler { pid, session: Session::new(RedisStore::new(settings.clone()), settings, info) })
}

/// See shim.h. Whatever is wrong is silent: session_start() asks again, and tells.
#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_prefetch(
    path: *const c_char,
    path_len: usize,
    id: *const c_char,
    id_len: usize,
    maxlifetime: i64,
    strict: c_int,
) {
    guarded((), || {
        // SAFETY: prefetch.c passes a C string with its length, and a Zend string.
        let (path, id) = unsafe { (bytes(path, path_len), bytes(id, id_len)) };
        let Some(settings) = ini::settings(path).ok().filter(|settings| settings.prefetch) else { return };
        let Ok(ttl @ 1..) = u64::try_from(maxlifetime) else { return };
        let mut handler = new_handler(process::id(), settings);
        if handler.session.ask_ahead(id, strict != 0, ttl.min(MAX_TTL)) {
            AHEAD.set(Some(handler));
        }
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
        with_handler(
            mod_data,
            |_| true,
            |session| session.validate(bytes(id, id_len), access(read_only), ttl(maxlifetime)),
        )
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_create(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    maxlifetime: i64,
) -> c_int {
    // SAFETY: as in rustredis_validate.
    unsafe { with_handler(mod_data, |_| true, |session| session.create(bytes(id, id_len), ttl(maxlifetime))) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_read(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    maxlifetime: i64,
    read_only: c_int,
    value: *mut *const c_char,
    value_len: *mut usize,
) -> c_int {
    // SAFETY: as in rustredis_validate; `value` and `value_len` point to variables of handler.c.
    unsafe {
        with_handler(
            mod_data,
            |pid| forked("can't be read", bytes(id, id_len), pid),
            |session| {
                let found = session.read(bytes(id, id_len), access(read_only), ttl(maxlifetime));
                *value = session.value().as_ptr().cast();
                *value_len = session.value().len();
                found
            },
        )
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_read_done(mod_data: *mut *mut c_void) {
    // SAFETY: as in rustredis_validate.
    unsafe {
        with_handler(
            mod_data,
            |_| true,
            |session| {
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
    keep_lock: c_int,
) -> c_int {
    // SAFETY: as in rustredis_validate; the value is a Zend string with its length.
    unsafe {
        let (id, value) = (bytes(id, id_len), bytes(value, value_len));
        let (ttl, keep_lock) = (ttl(maxlifetime), keep_lock != 0);
        if unchanged != 0 {
            // An unchanged session in a forked child: its parent refreshes it.
            with_handler(mod_data, |_| true, |session| session.touch(id, value, ttl, keep_lock))
        } else {
            let in_child = |pid| forked("was not saved", id, pid);
            with_handler(mod_data, in_child, |session| session.write(id, value, ttl, keep_lock))
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_destroy(
    mod_data: *mut *mut c_void,
    id: *const c_char,
    id_len: usize,
    how: c_int,
) -> c_int {
    // SAFETY: as in rustredis_validate.
    unsafe {
        let id = bytes(id, id_len);
        with_handler(
            mod_data,
            |pid| forked("was not destroyed", id, pid),
            |session| match how {
                0 => session.destroy(id),
                1 => session.set_aside(id),
                _ => {
                    session.close();
                    true
                }
            },
        )
    }
}

fn forked(what: &str, id: &[u8], parent: u32) -> bool {
    warn(warning(what, SessionId::parse(id).as_ref(), &"its server", &Failure::Forked(parent)));
    false
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_next_warning(text: *mut c_char, size: usize) -> c_int {
    guarded(0, || {
        let Some((level, warning)) = boundary::next_warning() else { return 0 };
        // SAFETY: handler.c passes a buffer of `size` bytes.
        unsafe { copy_text(&warning, text, size) };
        level as c_int
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_mask(
    path: *const c_char,
    path_len: usize,
    text: *mut c_char,
    size: usize,
) -> c_int {
    guarded(0, || {
        // SAFETY: handler.c passes a C string with its length, and a buffer of `size` bytes.
        let path = String::from_utf8_lossy(unsafe { bytes(path, path_len) });
        let masked = mask(&path);
        // SAFETY: as above.
        unsafe { copy_text(&masked, text, size) };
        c_int::from(masked != path)
    })
}

/// Copies as much of `from` as fits, with a NUL behind it; a NUL inside would end it early.
///
/// # Safety
/// `to` is valid for writes of `size` bytes, and `size` is not 0.
pub unsafe fn copy_text(from: &str, to: *mut c_char, size: usize) {
    let len = from.floor_char_boundary(from.len().min(size - 1));
    // SAFETY: `len` is less than `size`, and the two don't overlap: `from` is ours.
    unsafe {
        ptr::copy_nonoverlapping(from.as_ptr().cast(), to, len);
        *to.add(len) = 0;
    }
}
