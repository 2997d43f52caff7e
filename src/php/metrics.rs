//! rustredis_metrics(); see shim.h.

use std::{
    cell::RefCell,
    ffi::{CStr, c_char},
};

use super::{boundary::guarded, shared, sys};
use crate::process::stats::{self, About};

thread_local! {
    /// The last text, until the next call. PHP copies it, which may end the script.
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_metrics_text(
    php: *const c_char,
    len: *mut usize,
    is_problem: *mut bool,
) -> *const c_char {
    let text = guarded((c"".as_ptr(), 0, false), || {
        // The counters of a command line alone would be those of nobody.
        if let Some(problem) = shared::problem().filter(|_| shared::is_command_line()) {
            return (problem.as_ptr().cast(), problem.len(), true);
        }
        // SAFETY: metrics.c passes PHP's version as a C string, and sapi_module.name is one.
        let (php, sapi) = unsafe { (CStr::from_ptr(php), CStr::from_ptr(sys::rustredis_sapi())) };
        let (php, sapi) = (php.to_string_lossy(), sapi.to_string_lossy());
        let text = stats::render(&About { version: crate::VERSION, php: &php, sapi: &sapi });
        TEXT.with_borrow_mut(|kept| {
            *kept = text;
            (kept.as_ptr().cast(), kept.len(), false)
        })
    });
    // SAFETY: metrics.c passes variables of its own.
    unsafe {
        *len = text.1;
        *is_problem = text.2;
    }
    text.0
}
