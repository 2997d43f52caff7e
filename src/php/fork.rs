//! Memory that a forked child finds cleared.

use std::{mem, ptr, sync::atomic::AtomicU32};

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
