//! The functions that the C files of this folder give to Rust.

use std::ffi::{c_char, c_int, c_void};

use ext_php_rs::{
    ffi::{zend_ini_entry, zend_string},
    types::Zval,
    zend::{ExecuteData, ModuleEntry},
};

unsafe extern "C" {
    /// Registers the save handler. Returns 0 if PHP's table of handlers is full.
    pub safe fn rustredis_register() -> c_int;
    /// Wraps PHP's functions that can end a session.
    pub safe fn rustredis_wrap_functions();
    /// Unwraps these functions.
    pub safe fn rustredis_unwrap_functions();
    /// Forgets an id that a failed read has kept; called at the end of a request.
    pub safe fn rustredis_forget_kept_ids();
    /// Returns true if session_reset() is running.
    pub safe fn rustredis_resets_a_session() -> bool;
    /// Returns true if one of PHP's session functions is running.
    pub safe fn rustredis_is_called_by_php() -> bool;
    /// Returns true if session_destroy() is running.
    pub safe fn rustredis_destroys_a_session() -> bool;
    /// Returns true if session_start() is running, and takes the id out of the request.
    pub safe fn rustredis_takes_cookie() -> bool;
    /// Returns true if session_regenerate_id() is running.
    pub safe fn rustredis_changes_the_id() -> bool;
    /// Returns true if session_regenerate_id() is running, and PHP still has the id that it leaves.
    pub safe fn rustredis_is_leaving() -> bool;
    /// Returns true in the read() of a handler class that PHP calls.
    pub safe fn rustredis_is_own_read() -> bool;
    fn rustredis_is_own_id(id: *const c_char, id_len: usize) -> bool;
    /// Returns true if session_regenerate_id() is running without deleting the old session.
    pub safe fn rustredis_keeps_the_old_id() -> bool;
    /// Returns true if `$_SESSION` has no values.
    pub safe fn rustredis_is_emptied() -> bool;
    /// Notes if the request ends, so that PHP saves the session that is still open.
    pub safe fn rustredis_note_end(ends: c_int);
    /// Stops the masking of messages; called in MSHUTDOWN.
    pub safe fn rustredis_stop_masking();
    /// Notes the save path that was built into PHP; called in MINIT.
    pub safe fn rustredis_note_built_in_path();
    /// Makes the text that replaces the password in PHP's table of settings; called in MINIT.
    pub safe fn rustredis_make_password_mask();
    /// Hides the password from PHP's table of settings.
    pub safe fn rustredis_mask_password();
    /// Hides the password from PHP's table of configuration, too; called in MINIT.
    pub safe fn rustredis_mask_configuration();
    /// Forgets a serialize() that a fatal error has ended.
    pub safe fn rustredis_start_serializer_over();
    /// Forgets the errors of the previous request, and notes that PHP has decoded a session that
    /// has started by itself.
    pub safe fn rustredis_begin_request();
    /// Prefetches the session of the request's cookie, if `rustredis.prefetch` is on.
    pub safe fn rustredis_prefetch_for_request();
    /// Does the same by the request's own header, before PHP has parsed it.
    pub safe fn rustredis_prefetch_in_worker();
    /// Wraps FrankenPHP's hooks between the requests of a worker; called in MINIT.
    pub safe fn rustredis_watch_worker();
    /// Unwraps these hooks.
    pub safe fn rustredis_leave_worker();
    /// Releases what an object holds that PHP had as its save handler.
    pub safe fn rustredis_close_left_object();
    /// Forgets the ini settings of a module.
    pub safe fn rustredis_unregister_ini(module_number: c_int);
    /// The name of the server API, such as cli or fpm-fcgi, as a static string.
    pub safe fn rustredis_sapi() -> *const c_char;
    /// The number of bytes that memory_limit leaves.
    pub safe fn rustredis_memory_left() -> usize;
    /// The request's URI, or null if there is none. Valid during the request.
    pub safe fn rustredis_request_uri() -> *const c_char;
    /// The path of the request's script, or null if there is none. Valid during the request.
    pub safe fn rustredis_script() -> *const c_char;
    /// The text of a setting, valid until it changes.
    pub fn rustredis_ini_text(name: *const c_char, name_len: usize, value_len: *mut usize) -> *const c_char;
    /// The `on_modify` of every setting.
    pub fn rustredis_on_modify(
        entry: *mut zend_ini_entry,
        new_value: *mut zend_string,
        arg1: *mut c_void,
        arg2: *mut c_void,
        arg3: *mut c_void,
        stage: c_int,
    ) -> c_int;
    /// Writes the messages that are never raised into PHP's error log.
    pub safe fn rustredis_log_waiting();
    /// Writes these messages, and also those that could not be raised; called at the end of a
    /// request.
    pub safe fn rustredis_log_rest();
    /// Does the same at module shutdown.
    pub safe fn rustredis_log_at_shutdown();
    /// The phpinfo() section.
    pub fn rustredis_info(module: *mut ModuleEntry);
}

#[allow(improper_ctypes, reason = "Zend's types are opaque here: only pointers pass")]
unsafe extern "C" {
    /// The PHP function, as are the following ones.
    pub safe fn rustredis_status(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_metrics(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_ping(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_session(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_time_left(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_ended(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_session_lifetime(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_scan(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_server(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_stored(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_store(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_forget(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_lock_of(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_unlock(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_user(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_user_sessions(execute_data: &mut ExecuteData, return_value: &mut Zval);
    pub safe fn rustredis_revoke(execute_data: &mut ExecuteData, return_value: &mut Zval);
}

/// Returns true if this is PHP's own id, or the one that a handler class gives its parent for PHP's
/// session.
pub fn is_own_id(id: &[u8]) -> bool {
    // SAFETY: the bytes are read during the call.
    unsafe { rustredis_is_own_id(id.as_ptr().cast(), id.len()) }
}

/// Returns true if session_regenerate_id() is running, and this is the id that it leaves or that it
/// has made.
pub fn changes_this_id(id: &[u8]) -> bool {
    rustredis_changes_the_id() && is_own_id(id)
}
