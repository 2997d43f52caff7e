//! The identity of this process for requests that wait for its lock.

use std::{
    cell::RefCell,
    ffi::CStr,
    sync::{Arc, OnceLock},
};

use super::{
    boundary::{Say, say},
    sys,
};
use crate::{config::Settings, process::printable, session::Surroundings};

thread_local! {
    /// The result of [`of_this_request`] for this process, without a path.
    static KNOWN: RefCell<(u32, Arc<str>)> = RefCell::new((0, "".into()));
}

/// Returns `host|pid|sapi|uri`, which waiting requests show in their messages.
pub fn of_this_request(settings: &Settings, pid: u32) -> Arc<str> {
    if settings.lock.as_ref().is_some_and(|lock| lock.holder_uri) {
        return describe(pid, &request_path()).into();
    }
    KNOWN.with_borrow_mut(|(of, known)| {
        if *of != pid {
            (*of, *known) = (pid, describe(pid, "").into());
        }
        known.clone()
    })
}

/// The facts about this request that slow locks tell, and the place where they are told.
pub const SURROUNDINGS: Surroundings = Surroundings { script, log: |text| say(Say::Advice, text) };

fn script() -> String {
    let script = sys::rustredis_script();
    if script.is_null() {
        return String::new();
    }
    // SAFETY: the SAPI's request info is a C string for the time of the request.
    printable(&unsafe { CStr::from_ptr(script) }.to_string_lossy())
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

/// Returns the path that the browser asked for, without its query string, which may hold tokens.
fn request_path() -> String {
    let uri = sys::rustredis_request_uri();
    if uri.is_null() {
        return String::new();
    }
    // SAFETY: the SAPI's request info is a C string for the time of the request.
    let uri = unsafe { CStr::from_ptr(uri) }.to_string_lossy();
    printable(&uri.split('?').next().unwrap_or_default().chars().take(200).collect::<String>())
}
