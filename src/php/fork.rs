//! Preparations for a fork: memory that the kernel clears in the child, and threads that the child
//! can do without.

use std::{mem, ptr, sync::Once};

use super::boundary::guarded;
use crate::{client, process, store};

const NO_ADVICE: libc::c_int = -1;

/// Returns numbers that are 0 in every child of this process, however the child was forked. The
/// kernel guarantees this, while a `pthread_atfork` handler misses a bare clone(). (vfork's child
/// shares its parent's memory until it runs another program, and none of this code runs in it.)
/// Returns `None` if the kernel cannot do this (Linux before 4.14), or is an emulated one.
pub fn cleared_in_children() -> Option<&'static process::Own> {
    let size = mem::size_of::<process::Own>();
    // SAFETY: a new private mapping, which touches no memory that is in use.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: exactly the mapping from above; the advice holds for the page that it is rounded up
    // to.
    let accepts = |advice| unsafe { libc::madvise(page, size, advice) } == 0;
    // QEMU, which runs a container for another processor, says yes to this advice and does nothing.
    // It says yes to an advice that does not exist as well.
    if accepts(NO_ADVICE) || !accepts(libc::MADV_WIPEONFORK) {
        // SAFETY: no other code has a pointer to the mapping.
        unsafe { libc::munmap(page, size) };
        return None;
    }
    // SAFETY: page-aligned, zeroed (two valid atomic numbers), and never unmapped from here on.
    Some(unsafe { &*page.cast::<process::Own>() })
}

/// Makes every later fork of this process call [`store::before_fork`].
pub fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: all three are functions of this module, and glibc forgets them when it unloads
        // the module. If there is no memory to register them, a fork simply works as it would
        // without them.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    });
}

extern "C" fn prepare() {
    guarded((), || {
        client::end_searches();
        store::before_fork();
    });
}

extern "C" fn parent() {
    guarded((), store::after_fork);
}

extern "C" fn child() {
    guarded((), store::after_fork_in_child);
}
