//! Blocks signals in this library's threads, which must not get the signals that PHP's timers and
//! FPM wait for.

use std::{mem::MaybeUninit, ptr};

/// Runs `start` with every signal blocked in this thread. A new thread inherits the mask of its
/// creator.
pub fn blocked(start: &mut dyn FnMut()) {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset and pthread_sigmask only write to the sets that they get, and both sets
    // are on this stack.
    let changed = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    start();
    if changed {
        // SAFETY: `before` was written by the call above, which succeeded.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    }
}
