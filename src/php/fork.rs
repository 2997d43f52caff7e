//! What a fork takes: memory that the child finds cleared, and threads that are where a child can do without them.

use std::{
    mem, ptr,
    sync::{Once, atomic::AtomicU32},
};

use super::boundary::guarded;
use crate::store;

/// A number that is 0 in every child of this process, however it was forked: the kernel sees to that, where a
/// `pthread_atfork` handler misses a bare clone(). (vfork's child shares its parent's memory until it runs another
/// program; none of this code runs in it.) None on a kernel that can't (Linux before 4.14).
pub fn cleared_in_children() -> Option<&'static AtomicU32> {
    let size = mem::size_of::<AtomicU32>();
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
    // SAFETY: exactly the mapping from above; the advice holds for the page that it is rounded up to.
    if unsafe { libc::madvise(page, size, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: nobody has got a pointer to it.
        unsafe { libc::munmap(page, size) };
        return None;
    }
    // SAFETY: page-aligned, zeroed (a valid AtomicU32), and never unmapped from here on.
    Some(unsafe { &*page.cast::<AtomicU32>() })
}

/// Has every fork of this process from now on go by [`store::before_fork`].
pub fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: the three are functions of this module, which glibc forgets when it unloads the module. Without
        // memory for them nothing is registered, and a fork is as it would be without this.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    });
}

extern "C" fn prepare() {
    guarded((), store::before_fork);
}

extern "C" fn parent() {
    guarded((), store::after_fork);
}

extern "C" fn child() {
    guarded((), store::after_fork_in_child);
}
