//! The json serializer's functions for the C files; see json.h.

use std::{
    cell::{RefCell, UnsafeCell},
    ffi::{c_char, c_int, c_void},
    ptr,
};

use super::{
    boundary::{bytes, copy_text, guarded},
    ini, sys,
};
use crate::codec::{
    Objects, Shape, Writer, decode,
    php_text::{self, Content},
    tape::Tape,
};

thread_local! {
    static WRITER: UnsafeCell<Writer> = UnsafeCell::new(Writer::default());
    /// Tapes are boxed, so that they do not move. A bailout leaves its tape here until the request
    /// ends.
    #[allow(clippy::vec_box, reason = "the C files have pointers into them")]
    static TAPES: RefCell<Vec<Box<Tape>>> = const { RefCell::new(Vec::new()) };
}

/// Frees the tapes that a bailout has left; called at the end of a request.
pub fn end_request() {
    TAPES.with_borrow_mut(Vec::clear);
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_json_writer(limit: usize) -> *mut c_void {
    guarded(ptr::null_mut(), || {
        WRITER.with(|writer| {
            let writer = writer.get();
            // SAFETY: only this thread has the pointer, and none of the functions below is running.
            unsafe { (*writer).clear(limit) };
            writer.cast()
        })
    })
}

/// # Safety
/// `writer` is the pointer that [`rustredis_json_writer`] returned in this thread.
unsafe fn writer<'a>(writer: *mut c_void) -> &'a mut Writer {
    // SAFETY: the caller's contract, and the C files call one function at a time.
    unsafe { &mut *writer.cast() }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_null(w: *mut c_void) {
    // SAFETY: json.h says that the pointer is this thread's writer. The same holds for all
    // functions below.
    guarded((), || unsafe { writer(w) }.null());
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_bool(w: *mut c_void, value: c_int) {
    // SAFETY: as above.
    guarded((), || unsafe { writer(w) }.bool(value != 0));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_int(w: *mut c_void, value: i64) {
    // SAFETY: as above.
    guarded((), || unsafe { writer(w) }.int(value));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_float(w: *mut c_void, value: f64) {
    // SAFETY: as above.
    guarded((), || unsafe { writer(w) }.float(value));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_string(w: *mut c_void, text: *const c_char, len: usize) -> c_int {
    guarded(0, || {
        // SAFETY: as above, and the C files pass a Zend string with its length. The same holds for
        // the functions below.
        let (writer, text) = unsafe { (writer(w), bytes(text, len)) };
        writer.string(text);
        c_int::from(!writer.is_full())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_object(w: *mut c_void, text: *const c_char, len: usize) -> c_int {
    guarded(0, || {
        // SAFETY: as above.
        let (writer, text) = unsafe { (writer(w), bytes(text, len)) };
        writer.object(text);
        c_int::from(!writer.is_full())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_begin(w: *mut c_void, shape: c_int) -> c_int {
    let shape = match shape {
        0 => Shape::List,
        1 => Shape::Object,
        _ => Shape::Pairs,
    };
    guarded(0, || {
        // SAFETY: as above.
        let writer = unsafe { writer(w) };
        writer.begin(shape);
        c_int::from(!writer.is_full())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_key(w: *mut c_void, text: *const c_char, len: usize) {
    // SAFETY: as above.
    guarded((), || unsafe { writer(w).key(bytes(text, len)) });
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_index(w: *mut c_void, index: i64) {
    // SAFETY: as above.
    guarded((), || unsafe { writer(w) }.index(index));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_end(w: *mut c_void) -> c_int {
    guarded(0, || {
        // SAFETY: as above.
        let writer = unsafe { writer(w) };
        writer.end();
        c_int::from(!writer.is_full())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_text(w: *mut c_void, len: *mut usize) -> *const c_char {
    guarded(ptr::null(), || {
        // SAFETY: as above, and `len` points to a variable in C.
        unsafe {
            let writer = writer(w);
            *len = writer.text().len();
            writer.text().as_ptr().cast()
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_is_utf8(text: *const c_char, len: usize) -> c_int {
    // SAFETY: as above.
    guarded(0, || c_int::from(std::str::from_utf8(unsafe { bytes(text, len) }).is_ok()))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_is_json(text: *const c_char, len: usize) -> c_int {
    guarded(0, || {
        // SAFETY: as above.
        let text = unsafe { bytes(text, len) };
        let mut tape = Tape::for_text(len, sys::rustredis_memory_left());
        // A text that is too large for PHP is refused when it is decoded.
        c_int::from(decode(text, Objects::Serialize, &mut tape).is_ok() || tape.is_full())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_php_content(
    text: *const c_char,
    len: usize,
    is_php_serialize: c_int,
) -> c_int {
    guarded(2, || {
        // SAFETY: as above.
        let text = unsafe { bytes(text, len) };
        match if is_php_serialize != 0 { php_text::php_serialize(text) } else { php_text::php(text) } {
            Content::Plain => 0,
            Content::Objects => 1,
            Content::Malformed => 2,
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_max_value_size() -> usize {
    guarded(0, || {
        let bytes = ini::json().max_value_size.unwrap_or_default();
        usize::try_from(bytes).unwrap_or(usize::MAX)
    })
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_json_objects() -> c_int {
    guarded(0, || c_int::from(ini::json().objects == Objects::Serialize))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rustredis_json_decode(
    text: *const c_char,
    len: usize,
    memory: usize,
    strings: *mut *const c_char,
    error: *mut c_char,
    error_size: usize,
) -> *const u64 {
    guarded(ptr::null(), || {
        let mut tape = Box::new(Tape::for_text(len, memory));
        // SAFETY: the C files pass a Zend string with its length.
        match decode(unsafe { bytes(text, len) }, ini::json().objects, &mut tape) {
            Ok(()) => {
                let start = tape.words().as_ptr();
                // SAFETY: the C files pass a pointer to a variable.
                unsafe { *strings = tape.strings().as_ptr().cast() };
                TAPES.with_borrow_mut(|tapes| tapes.push(tape));
                start
            }
            Err(reason) => {
                let reason = if tape.is_full() { String::new() } else { reason.to_string() };
                // SAFETY: the C files pass a buffer of `error_size` bytes.
                unsafe { copy_text(&reason, error, error_size) };
                ptr::null()
            }
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn rustredis_json_free(tape: *const u64) {
    guarded((), || TAPES.with_borrow_mut(|tapes| tapes.retain(|own| own.words().as_ptr() != tape)));
}
