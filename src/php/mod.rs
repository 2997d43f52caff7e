//! The PHP module: its life cycle and its registrations. All `unsafe` code of this crate is in this
//! folder.

mod admin;
mod advice;
mod boundary;
mod callbacks;
mod clock;
mod failure;
mod fork;
mod identity;
mod ini;
mod json;
mod left_ids;
mod lifetime;
mod metrics;
mod mod_data;
mod moves;
mod object;
mod shared;
mod signals;
mod status;
mod sys;
mod ttl;
mod user;
mod warm_up;

use std::{cell::Cell, ffi::c_int, ptr};

use ext_php_rs::{
    args::Arg,
    builders::{FunctionBuilder, ModuleBuilder},
    ffi::_zend_module_dep,
    flags::DataType,
    zend::{ModuleEntry, StaticModuleEntry},
};

use crate::{
    client::end_searches,
    process,
    process::threads,
    session,
    store::{close_connections, give_back_last, stop_renewal},
};
use boundary::guarded;

const SUCCESS: c_int = 0;
const FAILURE: c_int = -1;

/// `MODULE_DEP_REQUIRED` in `zend_modules.h`.
const REQUIRED: u8 = 1;

/// The module's dependency table. Because of it, PHP starts `session` before this module, and
/// refuses to load this module without `session`.
struct Dependencies([_zend_module_dep; 2]);

// SAFETY: PHP only reads the table, and its one pointer is to a static C string.
unsafe impl Sync for Dependencies {}

static DEPENDENCIES: Dependencies = Dependencies([
    _zend_module_dep { name: c"session".as_ptr(), rel: ptr::null(), version: ptr::null(), type_: REQUIRED },
    _zend_module_dep { name: ptr::null(), rel: ptr::null(), version: ptr::null(), type_: 0 },
]);

/// The symbol that PHP looks for in an extension's library.
#[unsafe(no_mangle)]
extern "C" fn get_module() -> *mut ModuleEntry {
    static MODULE: StaticModuleEntry = StaticModuleEntry::new();
    MODULE.get_or_init(|| {
        let status = FunctionBuilder::new("rustredis_status", sys::rustredis_status).returns(
            DataType::Array,
            false,
            false,
        );
        let metrics = FunctionBuilder::new("rustredis_metrics", sys::rustredis_metrics).returns(
            DataType::String,
            false,
            false,
        );
        let ping = FunctionBuilder::new("rustredis_ping", sys::rustredis_ping).returns(
            DataType::Double,
            false,
            true,
        );
        let session = FunctionBuilder::new("rustredis_session", sys::rustredis_session).returns(
            DataType::Array,
            false,
            true,
        );
        let time_left = FunctionBuilder::new("rustredis_time_left", sys::rustredis_time_left).returns(
            DataType::Array,
            false,
            true,
        );
        let ended = FunctionBuilder::new("rustredis_ended", sys::rustredis_ended).returns(
            DataType::String,
            false,
            true,
        );
        let lifetime = FunctionBuilder::new("rustredis_session_lifetime", sys::rustredis_session_lifetime)
            .arg(Arg::new("idle", DataType::Long))
            .not_required()
            .arg(Arg::new("absolute", DataType::Long).allow_null().default("null"))
            .returns(DataType::Bool, false, false);
        let user = FunctionBuilder::new("rustredis_user", sys::rustredis_user)
            .arg(Arg::new("user", DataType::String))
            .not_required()
            .arg(Arg::new("limit", DataType::Long).default("0"))
            .arg(Arg::new("on_limit", DataType::String).default("'oldest'"))
            .arg(Arg::new("label", DataType::String).default("''"))
            .returns(DataType::Bool, false, false);
        let user_sessions = FunctionBuilder::new("rustredis_user_sessions", sys::rustredis_user_sessions)
            .not_required()
            .arg(Arg::new("user", DataType::String).allow_null().default("null"))
            .returns(DataType::Array, false, false);
        let revoke = FunctionBuilder::new("rustredis_revoke", sys::rustredis_revoke)
            .not_required()
            .arg(Arg::new("user", DataType::String).allow_null().default("null"))
            .arg(Arg::new("handle", DataType::String).allow_null().default("null"))
            .arg(Arg::new("others_only", DataType::Bool).default("false"))
            .returns(DataType::Long, false, false);
        let module = ModuleBuilder::new(env!("CARGO_PKG_NAME"), crate::VERSION)
            .startup_function(start_module)
            .shutdown_function(stop_module)
            .request_startup_function(start_request)
            .request_shutdown_function(stop_request)
            .post_deactivate_function(end_request)
            .info_function(sys::rustredis_info)
            .function(status)
            .function(metrics)
            .function(ping)
            .function(session)
            .function(time_left)
            .function(ended)
            .function(lifetime)
            .function(user)
            .function(user_sessions)
            .function(revoke);
        let (mut entry, _startup, owned) = admin::functions()
            .into_iter()
            .fold(module, ModuleBuilder::function)
            .try_into()
            .expect("one function and two names without a NUL make a valid module");
        entry.deps = DEPENDENCIES.0.as_ptr();
        (entry, owned)
    })
}

/// MINIT. It can run more than once in a process (Apache's graceful restart).
extern "C" fn start_module(_kind: c_int, module_number: c_int) -> c_int {
    guarded(FAILURE, || {
        threads::set_guard(signals::blocked);
        process::clock::read_with(clock::now);
        if let Some(place) = fork::cleared_in_children() {
            process::keep_id_in(place);
        }
        fork::watch();
        warm_up::look_up_now();
        ini::register(module_number);
        shared::map();
        sys::rustredis_log_waiting();
        sys::rustredis_note_built_in_path();
        sys::rustredis_make_password_mask();
        sys::rustredis_mask_password();
        sys::rustredis_mask_configuration();
        sys::rustredis_wrap_functions();
        sys::rustredis_watch_worker();
        if sys::rustredis_register() == 0 { FAILURE } else { SUCCESS }
    })
}

/// MSHUTDOWN.
extern "C" fn stop_module(_kind: c_int, module_number: c_int) -> c_int {
    guarded(FAILURE, || {
        sys::rustredis_unwrap_functions();
        sys::rustredis_leave_worker();
        sys::rustredis_stop_masking();
        stop_renewal();
        close_connections();
        give_back_last();
        end_searches();
        mod_data::log_deferred_failures();
        sys::rustredis_log_at_shutdown();
        sys::rustredis_unregister_ini(module_number);
        SUCCESS
    })
}

thread_local! {
    /// Set from RINIT to RSHUTDOWN, and so in all requests of a worker.
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// RINIT: FPM sets a pool's php_admin_value after MINIT, and so past the masking there.
extern "C" fn start_request(_kind: c_int, _module_number: c_int) -> c_int {
    sys::rustredis_mask_password();
    begin_request();
    sys::rustredis_note_end(0);
    sys::rustredis_prefetch_for_request();
    IS_RUNNING.set(true);
    SUCCESS
}

fn begin_request() {
    session::forget();
    sys::rustredis_log_waiting();
    sys::rustredis_begin_request();
}

/// RSHUTDOWN. The `session` module shuts down after this one: messages that remain then are raised
/// in its close.
extern "C" fn stop_request(_kind: c_int, _module_number: c_int) -> c_int {
    IS_RUNNING.set(false);
    sys::rustredis_forget_kept_ids();
    sys::rustredis_note_end(1);
    sys::rustredis_start_serializer_over();
    // Here the log is still that of the request. A fatal error may have ended a change of the id,
    // and PHP saves the session under the old one next.
    guarded((), || {
        mod_data::undo_move();
        mod_data::end_prefetch();
    });
    sys::rustredis_log_rest();
    SUCCESS
}

/// Runs after every module's RSHUTDOWN, because `session` writes and closes in its own, which runs
/// after ours.
unsafe extern "C" fn end_request() -> c_int {
    // A fatal error in the shutdown of another module has left out ours, and a handler class may
    // start a session in that of `session`.
    IS_RUNNING.set(false);
    sys::rustredis_forget_kept_ids();
    guarded((), || {
        object::end_request();
        mod_data::end_request();
        json::end_request();
        admin::end_request();
    });
    SUCCESS
}

/// See shim.h. PHP calls the hook at the start of the script as well, before RINIT.
#[unsafe(no_mangle)]
extern "C" fn rustredis_worker_begins() {
    if IS_RUNNING.get() {
        begin_request();
        sys::rustredis_prefetch_in_worker();
    }
}

/// See shim.h. PHP calls the hook at the end of the script as well, after RSHUTDOWN. The objects
/// belong to the script and live on.
#[unsafe(no_mangle)]
extern "C" fn rustredis_worker_ends() {
    if !IS_RUNNING.get() {
        return;
    }
    sys::rustredis_forget_kept_ids();
    sys::rustredis_close_left_object();
    guarded((), || {
        object::start_over();
        mod_data::end_request();
        json::end_request();
    });
    sys::rustredis_log_rest();
}
