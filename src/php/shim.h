/* The functions that Rust (callbacks.rs, boundary.rs, ini.rs, status.rs) gives to the C files of
 * this folder, and the functions that these C files give to each other.
 *
 * Unless a comment says otherwise, none of Rust's functions calls into Zend, so none can bail out.
 * All of them return normally, because the Rust side catches panics. Pointers are only read during
 * the call, unless a comment says otherwise. */
#ifndef PHPSESS_SHIM_H
#define PHPSESS_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include "php.h"

/* A struct of this file has a copy in Rust, with the same line beside it: a member that is added to
 * one of the two alone stops the build. */
#if SIZEOF_SIZE_T == 8
# define RUSTREDIS_SIZE(type, size) _Static_assert(sizeof(type) == (size), "its copy in Rust has another size")
#else
# define RUSTREDIS_SIZE(type, size) _Static_assert(1, "")
#endif

/* The callbacks. They return 1 for success; after a 0 there is a reason to raise. `mod_data` is
 * PHP's pointer for this handler. */
/* With `begins`, the data that `mod_data` has read so far is no part of the session that is opened.
 * With `resets`, PHP reads the same session once more, and continues with what it then finds. */
int rustredis_open(void **mod_data, const char *save_path, size_t save_path_len, int begins, int resets);
int rustredis_validate(void **mod_data, const char *id, size_t id_len, int64_t ttl, int read_only);
int rustredis_create(void **mod_data, const char *id, size_t id_len, int64_t ttl, int read_only, int strict);
/* True if a key's name can contain this id. Otherwise, a piece of advice says so. */
int rustredis_is_id(const char *id, size_t id_len);
/* The ways to destroy a session: delete it; set it aside for a day, because it cannot be
 * decoded; only release its lock; delete it because it goes on under another id. */
enum { RUSTREDIS_DELETE, RUSTREDIS_SET_ASIDE, RUSTREDIS_LEAVE, RUSTREDIS_MOVED };
int rustredis_destroy(void **mod_data, const char *id, size_t id_len, int64_t maxlifetime, int how);
void rustredis_close(void **mod_data);
/* Comes before the read of the session that PHP starts: gives back the lock of another session that
 * a handler class has read. */
void rustredis_make_way(void **mod_data, const char *id, size_t id_len);
/* The reasons to read: PHP will decode the value; a handler class checks that the session
 * exists; a handler class checks this for an id that PHP has just made. `value` stays valid
 * until rustredis_read_done, which must follow as soon as PHP has its copy. After a failure,
 * `value_len` is the size of a value that was too large for memory_limit, or 0. */
enum { RUSTREDIS_TO_DELIVER, RUSTREDIS_TO_VALIDATE, RUSTREDIS_TO_VALIDATE_NEW };
/* The result, beside 0 and 1, if the session goes on under another id. */
#define RUSTREDIS_OVERTAKEN 2
int rustredis_read(void **mod_data, const char *id, size_t id_len, int64_t ttl, int read_only, int reason,
	const char **value, size_t *value_len);
/* With `remember`, a later write of exactly the same value leaves the stored one alone. With
 * `look`, a handler class has read without a lock that is kept, and its write goes over nothing
 * else. */
void rustredis_read_done(void **mod_data, const char *id, size_t id_len, int remember, int look);
/* `unchanged` means update_timestamp. The writer is PHP itself, a handler class that PHP has
 * asked to save, or a handler class at any other time, so that PHP's own save is still to come. */
enum { RUSTREDIS_WRITTEN_BY_PHP, RUSTREDIS_SAVED_BY_CLASS, RUSTREDIS_WRITTEN_BY_CLASS };
int rustredis_save(void **mod_data, const char *id, size_t id_len, const char *value, size_t value_len,
	int64_t ttl, int unchanged, int writer);

/* The flaws for which PHP's session must not be saved: $_SESSION lacks a part of what is stored, or
 * the text lacks a part of $_SESSION. The functions count a change that is lost for that. */
enum { RUSTREDIS_FLAWLESS, RUSTREDIS_UNDECODED, RUSTREDIS_NOT_ENCODED };
void rustredis_lose(void **mod_data, const char *id, size_t id_len, int flaw);
void rustredis_object_lose(uint64_t handle, const char *id, size_t id_len, int flaw);

/* True if nothing is stored under the id of this session, as far as this request knows. */
int rustredis_is_missing(void **mod_data, const char *id, size_t id_len);
/* True if session_regenerate_id(), which is running, leaves this id. */
int rustredis_leaves(void **mod_data, const char *id, size_t id_len);

/* The last failure of a callback in this session: its kind, and the holder of the lock as far as
 * it is known ('' and -1 otherwise). */
enum { RUSTREDIS_OTHER, RUSTREDIS_NO_CONNECTION, RUSTREDIS_NO_LOCK, RUSTREDIS_REFUSED, RUSTREDIS_LOCK_LOST,
	RUSTREDIS_DESTROYED };
typedef struct {
	int64_t kind, pid, held_ms;
	char host[256], sapi[64], uri[1024];
} rustredis_failure;
RUSTREDIS_SIZE(rustredis_failure, 1368);
void rustredis_failure_get(void **mod_data, rustredis_failure *failure);

/* The objects of RustRedis\SessionHandler. */
typedef struct {
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len;
} rustredis_option;
RUSTREDIS_SIZE(rustredis_option, 32);
/* Returns the number of a new object, or 0 if an argument is not valid: the number of the argument
 * (0 for session.save_path of php.ini, which is `own_path`) and a text about it. `path` may be
 * NULL. Without a text, there is a reason to throw. */
uint64_t rustredis_object_new(const char *own_path, size_t own_path_len, const char *path, size_t path_len,
	const rustredis_option *options, size_t count, int *argument, char *text, size_t size);
/* Releases everything that the object holds. */
void rustredis_object_free(uint64_t handle);
/* True if a key's name can contain this id. */
int rustredis_object_takes(const char *id, size_t id_len);
enum { RUSTREDIS_CHECK, RUSTREDIS_READ, RUSTREDIS_WRITE, RUSTREDIS_TOUCH, RUSTREDIS_DESTROY, RUSTREDIS_VALIDATE,
	RUSTREDIS_LOCK, RUSTREDIS_TRY_LOCK, RUSTREDIS_RELEASE, RUSTREDIS_RELEASE_ALL, RUSTREDIS_IS_LOCKED, RUSTREDIS_PEEK,
	RUSTREDIS_EXISTS };
typedef struct {
	const char *id;
	size_t id_len;
	const char *data;
	size_t data_len;
	int64_t maxlifetime;
	/* in seconds, or negative for rustredis.lock_wait */
	double wait;
	/* Tells the fibers of a thread apart. */
	uintptr_t fiber;
	/* For RUSTREDIS_DESTROY: as in rustredis_destroy. For RUSTREDIS_READ: the reason. */
	int how;
	int read_only;
	/* The value that was read, valid until rustredis_object_done, which must follow as soon as PHP
	 * has its copy. */
	const char *value;
	size_t value_len;
	/* True if the session that was read goes on under another id. */
	int is_overtaken;
} rustredis_call;
RUSTREDIS_SIZE(rustredis_call, 88);
enum { RUSTREDIS_FAILED, RUSTREDIS_YES, RUSTREDIS_NO };
/* After RUSTREDIS_FAILED, there are reasons to throw. */
int rustredis_object_call(uint64_t handle, int what, rustredis_call *call);
/* Notes that PHP's handler class has opened or closed the object. Returns true if any object of
 * this thread is open. */
int rustredis_object_set_open(uint64_t handle, bool is_open);
/* Closes all of them: releases what this fiber and PHP have begun with them, or outside of fibers
 * everything that they hold. */
void rustredis_leave_open_objects(uintptr_t fiber);
void rustredis_object_done(uint64_t handle, const char *id, size_t id_len);
int rustredis_object_is_missing(uint64_t handle, const char *id, size_t id_len);
/* The failure of the last call. */
void rustredis_object_failure(uint64_t handle, rustredis_failure *failure);

/* Prefetches a session that is likely to be started soon: requests it, and does not wait for the
 * answer. */
void rustredis_prefetch(const char *save_path, size_t save_path_len, const char *id, size_t id_len, int strict);

/* The begin and the end of a request of FrankenPHP's worker mode. These two call C functions that
 * may not return. */
void rustredis_worker_begins(void);
void rustredis_worker_ends(void);

/* rustredis_is_open: true if this thread has a session that was opened and not closed.
 * rustredis_close_left closes that session, regardless of `mod_data`. */
int rustredis_is_open(void);
void rustredis_close_left(void **mod_data);
/* Forgets what session_regenerate_id() has left to the session of the new id, and that has not
 * taken. */
void rustredis_end_of_move(void);
/* PHP goes on under the new id, or the session that was moved comes back to the old one. */
void rustredis_settle_move(int is_complete);
/* PHP begins to change the id, and has changed it or given that up. */
void rustredis_begin_move(int64_t maxlifetime, int is_emptied);
void rustredis_move_is_over(void);
/* session_destroy() has ended a session, or has given it up. */
void rustredis_has_destroyed(void);

/* The longest text of a message. */
#define RUSTREDIS_TEXT_SIZE 2048

/* Gives the next text of this thread for this place, cut to `size` with its NUL. Returns 0 if
 * there is none. */
enum { RUSTREDIS_NOW, RUSTREDIS_LATER, RUSTREDIS_LOGGED, RUSTREDIS_ADVICE };
int rustredis_next_message(int when, char *text, size_t size);
/* True if there is a text of any kind. */
int rustredis_has_messages(void);
/* Gives the advice of this process, in order. Returns 0 after the last one. */
int rustredis_advice_get(size_t index, char *text, size_t size);
/* Gives the save_path as a message may show it. Returns 1 if this differs from the path itself. */
int rustredis_mask(const char *save_path, size_t save_path_len, char *text, size_t size);

/* Returns 1 if the setting may have this value; otherwise there is a reason to raise.
 * `at_startup` is true in Zend's startup stage. */
int rustredis_ini_changed(const char *name, size_t name_len, const char *value, size_t value_len, int at_startup);
/* Takes a password that was set without a call of on_modify (FPM's php_admin_value) as the one
 * of this process; `is_in_use` is 0 if a section of php.ini has another one for this request. */
void rustredis_password_found(const char *value, size_t value_len, int is_in_use);

/* Keeps the password of a section of php.ini. The returned number replaces it after the mask. */
size_t rustredis_password_of_section(const char *value, size_t value_len);

/* The state of this process, for rustredis_status() and phpinfo(). */
typedef struct {
	int64_t pid, starts, trips, lock_waits, refused_writes, reconnects, redirects, grace_reads, grace_refusals;
} rustredis_counters;
RUSTREDIS_SIZE(rustredis_counters, 72);
typedef struct {
	char target[512];
	int64_t size, open, idle;
} rustredis_pool;
RUSTREDIS_SIZE(rustredis_pool, 536);
typedef struct {
	char target[512];
	int64_t masters, slots;
} rustredis_cluster;
RUSTREDIS_SIZE(rustredis_cluster, 528);
typedef struct {
	char session[32];
	int64_t held_ms;
} rustredis_lock;
RUSTREDIS_SIZE(rustredis_lock, 40);
void rustredis_counters_get(rustredis_counters *counters);
int rustredis_pool_get(size_t index, rustredis_pool *pool);
int rustredis_cluster_get(size_t index, rustredis_cluster *cluster);
int rustredis_lock_get(size_t index, rustredis_lock *lock);
const char *rustredis_version(void);
/* Makes an answer of three values: the figures of this thread's last session, and of all processes
 * the slow locks and the pages that lock needlessly. */
void rustredis_look_back(void);
/* The nanoseconds of a PING, or -1 without an answer; there may be a reason to raise. */
int64_t rustredis_ping_of(const char *path, size_t path_len);
/* The metrics of all processes of the host, valid until the next call in this thread; or the reason
 * why a command line cannot have them. */
const char *rustredis_metrics_text(const char *php_version, size_t *len, bool *is_problem);

/* The lifetime of the session that is open. -1 stands for a number that is not known, an empty text
 * for no user; all functions return 0 if there is nothing to tell. */
typedef struct {
	int64_t created, authenticated, expires, ends;
	char user[256];
} rustredis_description;
RUSTREDIS_SIZE(rustredis_description, 288);
/* Adds a number, or null for -1, to an array. */
void rustredis_add_number(zval *array, const char *name, int64_t number);
int rustredis_describe(int64_t maxlifetime, rustredis_description *description);
/* Gives it lifetimes of its own; `absolute` -1 leaves its end as it is. */
int rustredis_set_lifetime(int64_t idle, int64_t absolute, int64_t maxlifetime);
/* The seconds that a session has left. There may be a reason to raise. */
int rustredis_time_left_of(const char *path, size_t path_len, const char *id, size_t id_len, int64_t maxlifetime,
	int64_t *idle, int64_t *absolute);
/* The reason why the session that was started last was not there. */
int rustredis_reason_of_end(char *text, size_t size);

/* The functions for administrators. An order leaves out what it does not need: a text is then NULL,
 * a time negative. After a failure, there are reasons to throw. */
enum { RUSTREDIS_SCAN, RUSTREDIS_SERVER, RUSTREDIS_STORED, RUSTREDIS_STORE, RUSTREDIS_FORGET, RUSTREDIS_UNLOCK,
	RUSTREDIS_LOCKED };
typedef struct {
	const char *path;
	size_t path_len;
	int what;
	const char *name;
	size_t name_len;
	const char *cursor;
	size_t cursor_len;
	const char *data;
	size_t data_len;
	const char *state;
	size_t state_len;
	int64_t ttl, state_ttl;
	int replace;
	int keep_state;
} rustredis_order;
RUSTREDIS_SIZE(rustredis_order, 112);
/* True on the command line, and with rustredis.admin=1. */
int rustredis_may_administer(void);
int rustredis_administer(const rustredis_order *order, rustredis_failure *failure);
/* Gives the items of the answer, one by one: after a list or a map, its `number` of values, each of
 * a map after its name. A text has `number` bytes, which are valid until
 * rustredis_forget_answer. */
enum { RUSTREDIS_ITEM_NULL, RUSTREDIS_ITEM_BOOL, RUSTREDIS_ITEM_NUMBER, RUSTREDIS_ITEM_TEXT, RUSTREDIS_ITEM_LIST,
	RUSTREDIS_ITEM_MAP, RUSTREDIS_ITEM_TIME };
typedef struct {
	int kind;
	int64_t number;
	const char *text;
} rustredis_item;
RUSTREDIS_SIZE(rustredis_item, 24);
int rustredis_next_item(rustredis_item *item);
void rustredis_forget_answer(void);
/* admin.c: builds the next value of the answer. */
void rustredis_build(zval *value);
/* The sessions of a user. A text of NULL stands for the user of the open session, or for no handle.
 * After a failure, there are reasons to throw, and rustredis_user_failure tells of the last one. */
#define RUSTREDIS_MAX_LABEL 512
typedef struct {
	int64_t created, authenticated, last_used, expires;
	int is_current;
	char handle[17], label[RUSTREDIS_MAX_LABEL + 1];
} rustredis_device;
RUSTREDIS_SIZE(rustredis_device, 568);
/* RUSTREDIS_NO: the limit refuses it. */
int rustredis_bind_user(const char *user, size_t user_len, int64_t limit, bool refuses, const char *label,
	size_t label_len, int64_t maxlifetime);
/* True if PHP has read a session that is open. */
int rustredis_has_session(void);
/* True if it is one of this user's. */
int rustredis_is_own_user(const char *user, size_t user_len);
/* Returns the number of sessions, which rustredis_device_get then gives one by one, or -1. */
int64_t rustredis_list_user(const char *path, size_t path_len, const char *user, size_t user_len, int64_t maxlifetime);
int rustredis_device_get(size_t index, rustredis_device *device);
/* Returns the number of sessions that were ended, or -1. */
int64_t rustredis_revoke_user(const char *path, size_t path_len, const char *user, size_t user_len, const char *handle,
	size_t handle_len, bool others_only);
void rustredis_user_failure(rustredis_failure *failure);

/* The text that replaces the password in PHP's own table of settings. */
#define RUSTREDIS_MASK "********"

/* ---- C ---- */

/* handler.c: returns the running call of one of PHP's own functions, or NULL. */
zend_execute_data *rustredis_running(const char *name, size_t name_len);

/* handler.c: notes that PHP has decoded the value of a read, including in a session that has
 * started by itself. Otherwise the read may lie inside another session's decoding, which is then
 * not the outermost one. */
void rustredis_is_decoded(bool is_outermost);
/* handler.c: does the same at the start of a request, and forgets the errors of the one before. */
void rustredis_begin_request(void);
/* msgpack.c: true for a text that the extension msgpack can decode as a session. */
bool rustredis_is_msgpack(const zend_string *text);
/* handler.c: a number that changes whenever a session is opened or read. */
unsigned rustredis_begun(void);
/* handler.c: a number that changes whenever session_start() or session_reset() opens a session. */
unsigned rustredis_opened(void);

/* handler.c, for an object of RustRedis\SessionHandler that may be PHP's save handler: in open()
 * and before and after a read, and before a write and a destroy of a session. If the latter two
 * give a reason, the call must be refused. */
void rustredis_object_opens(uint64_t handle);
/* Before read() and validateId(): begins with PHP's session, if the class has not passed PHP's
 * open() on. */
void rustredis_object_begins(uint64_t handle, const zend_string *id);
void rustredis_object_reads(zend_string *id);
/* The reason to read, as in rustredis_read, and true if PHP only reads its session. */
int rustredis_object_reason_to_read(zend_string *id);
int rustredis_object_only_reads(zend_string *id);
void rustredis_object_has_read(zend_string *id, zend_string *val, bool is_overtaken);
bool rustredis_object_refuses(uint64_t handle, zend_string *id, zend_string *val, int unchanged, char *reason, size_t size);
int rustredis_object_how_to_destroy(uint64_t handle, zend_string *id, char *reason, size_t size);
/* In close(). */
void rustredis_object_closes(uint64_t handle);
/* True if PHP's session is one of this extension, also behind a handler class. */
bool rustredis_is_phps_handler(void);
/* Does the same as close() for the objects whose close() PHP has left out. */
void rustredis_close_left_object(void);

/* messages.c. The first four functions may run PHP code and may not return; the others may not
 * return either. */
void rustredis_raise(const char *format, ...) ZEND_ATTRIBUTE_FORMAT(printf, 1, 2);
/* Raises the reasons why a callback fails. */
void rustredis_raise_reasons(void);
/* Raises the messages of callbacks that succeeded, and logs those for the log. This happens in
 * close, unless PHP may still decode afterwards. */
void rustredis_raise_rest(void);
/* Raises the same messages after a failed decoding. */
void rustredis_raise_rest_of_failure(void);
/* Logs the messages that are never raised. */
void rustredis_log_waiting(void);
/* At the end of a request, also logs the messages that could not be raised. */
void rustredis_log_rest(void);
void rustredis_log_at_shutdown(void);

/* ownership.c: wraps PHP's functions that can end a session, in MINIT, and unwraps them. */
void rustredis_wrap_functions(void);
void rustredis_unwrap_functions(void);
/* In RSHUTDOWN, before PHP saves the session: forgets a serialize() that a fatal error has
 * ended. */
void rustredis_start_serializer_over(void);
/* True if this request, or one before in this thread, was ended by a fatal error or by a client
 * that left. */
bool rustredis_has_broken_off(void);
/* The function of PHP that opens a session. */
typedef struct {
	/* The browser has chosen the id. */
	bool takes_an_id;
	/* The function starts a session, rather than continuing one. */
	bool begins;
	/* It is session_reset(). */
	bool resets;
	/* Tells if the running call has begun with its session. NULL where PHP opens none. */
	bool *has_begun;
} rustredis_opening;
rustredis_opening rustredis_opening_now(void);
/* True if session_reset() is running. */
bool rustredis_resets_a_session(void);
/* True if any of these functions is running. */
bool rustredis_is_called_by_php(void);
/* True for PHP's own session_...() functions, wrapped or not. */
bool rustredis_is_session_function(const zend_function *function);
/* The call of session_start() or session_reset() that is running, if no other function of PHP's for
 * sessions runs inside it, or NULL. */
zend_execute_data *rustredis_call_that_takes_an_id(void);
/* The innermost call, from this one on, that opens a session, or NULL. */
zend_execute_data *rustredis_call_that_opens(zend_execute_data *call);
/* The call of session_start() that is running, or NULL. */
zend_execute_data *rustredis_call_of_start(void);
/* True inside any running function that calls open() with the path, at any depth. */
bool rustredis_opens_a_session(void);
/* True if PHP itself is saving a session. */
bool rustredis_saves_a_session(void);
/* The same after the end of every script, where none could catch an exception. */
bool rustredis_saves_without_a_script(void);
/* True if a function that decodes a session is running, or has run until a bailout ended it. */
bool rustredis_decodes(void);
/* Notes that the request ends, or begins: called in RSHUTDOWN and RINIT. */
void rustredis_note_end(int ends);
/* True if the browser has chosen the id: session_start() or session_reset() is running. */
bool rustredis_takes_an_id(void);
/* True if session_start() is running, and takes the id out of the request. */
bool rustredis_takes_cookie(void);
/* True if session_destroy() is running. */
bool rustredis_destroys_a_session(void);
/* True if session_regenerate_id() is running. */
bool rustredis_changes_the_id(void);
/* True if session_regenerate_id() is running, and PHP still has the id that it leaves. */
bool rustredis_is_leaving(void);
/* In an open without an id: PHP has given up that id. */
void rustredis_has_left_its_id(void);
/* handler.c: true if this is PHP's own id, or the one that a handler class gives its parent for
 * PHP's session. The application's code may use other sessions meanwhile. */
bool rustredis_is_own_id(const char *id, size_t id_len);
/* handler.c: true if PHP's session goes on under another id, as another request has moved it. */
bool rustredis_is_late(void);
/* Forgets that an earlier session was late: this one may be of another handler. */
void rustredis_is_not_late(void);
/* handler.c: true in the read() of a handler class that PHP calls. */
bool rustredis_is_own_read(void);
/* True if session_regenerate_id() is running, and is not to delete the session under its old id. */
bool rustredis_keeps_the_old_id(void);
/* True if $_SESSION has no values. */
bool rustredis_is_emptied(void);
/* encoding.c: in open, makes the serializer hold the values that it encodes. */
void rustredis_watch_encoding(void);
/* encoding.c: true if a session is being encoded. The request begins and ends with no encoding. */
bool rustredis_is_encoding(void);
void rustredis_forget_encodings(void);
/* encoding.c: true if the last encoding gave no text. */
bool rustredis_encoded_nothing(void);
/* encoding.c: holds the array of $_SESSION until it is released. Returns NULL if there is none, or
 * if PHP is destroying it: an object in it can still end the next session. */
zend_array *rustredis_hold_values(void);
void rustredis_release_values(zend_array *values);
/* encoding.c: true if PHP itself is saving a session, and another one was opened since its encoding
 * began. */
bool rustredis_is_replaced_while_saved(void);
/* worker.c: in MINIT and MSHUTDOWN. */
void rustredis_watch_worker(void);
void rustredis_leave_worker(void);
/* worker.c: true if PHP is carrying out a script's code. Between the requests of a worker, the call
 * of frankenphp_handle_request() is on the stack, but no code of a script. */
bool rustredis_is_in_script(void);
/* worker.c: true if FrankenPHP itself is saving the session of a worker's request. */
bool rustredis_worker_saves(zend_execute_data *call);
/* exceptions.c: in MINIT. */
void rustredis_register_exceptions(void);
/* storable.c: true if $_SESSION cannot be stored as it is, as far as this can be found without
 * running PHP code. */
bool rustredis_cannot_be_stored(char *reason, size_t size);
/* storable.c: the class of an object that PHP cannot serialize, which this one is or has, or
 * NULL. */
zend_class_entry *rustredis_not_serializable(zval *object);
/* object.c: in MINIT, after the exceptions. */
void rustredis_register_classes(void);
/* exceptions.c: throws a SessionException. */
void rustredis_throw(const char *format, ...) ZEND_ATTRIBUTE_FORMAT(printf, 1, 2);
/* exceptions.c: throws the reasons of a failure, each with the one before it as its previous. */
void rustredis_throw_reasons(const rustredis_failure *failure);
/* exceptions.c: true if PHP calls this function as a part of the handler that a script has set. */
enum { RUSTREDIS_HANDLER_READ = 2, RUSTREDIS_HANDLER_WRITE = 3, RUSTREDIS_HANDLER_DESTROY = 4, RUSTREDIS_HANDLER_GC = 5,
	RUSTREDIS_HANDLER_CREATE_SID = 6, RUSTREDIS_HANDLER_VALIDATE_SID = 7, RUSTREDIS_HANDLER_UPDATE_TIMESTAMP = 8 };
bool rustredis_is_of_handler(int which, const zend_function *function);
/* True if PHP has the function of a class or a script for this, which is called when it starts a
 * session. */
bool rustredis_asks_a_class(int which);
/* Reports the reason of a failed read: as a warning, or as an exception if only an exception
 * gets through. May run PHP code, and may not return. */
void rustredis_tell_failed_read(void **mod_data, bool validating);
/* The same for a read that is refused for a reason of the session's. */
void rustredis_tell_refused_read(void **mod_data, const char *reason);
/* Throws the exception of a failure. */
void rustredis_throw_failure(const char *text, const rustredis_failure *failure);
/* kept_id.c: handles a failure in validateId(), for the session_start() or session_reset() that is
 * running. The id that PHP may make next does not count, and no cookie is sent. A later read of the
 * session in validateId() undoes this (rustredis_found_id). */
void rustredis_keep_id(bool is_being_told);
/* In an open: a start that follows one that has failed in this request keeps the id as well, until
 * validateId() has read the session. */
void rustredis_keep_failed_id(void);
/* After the failure was told: user code may have run. */
void rustredis_has_told(void);
/* At the end of a request, and after a bailout. */
void rustredis_forget_kept_ids(void);
/* At the end of a call: restores the id that it keeps. Returns false if a session has started under
 * another one, which is closed then, or was only read. May run PHP code, and may not return. */
bool rustredis_restore_id(const zend_execute_data *call, bool is_started);
/* True if the call that is running keeps an id. */
bool rustredis_keeps_id(void);
/* At the beginning and at the end of PHP's functions: allows a cookie, and withholds it again if
 * the code around the call must send none. */
void rustredis_allow_cookie(void);
void rustredis_withhold_cookie(zend_execute_data *around);
void rustredis_found_id(const char *id, size_t id_len);
/* True if this is PHP's id, in the place of the one that is kept. Its read fails, and the other two
 * functions report this, as rustredis_tell_failed_read does or as an exception. */
bool rustredis_replaces_kept_id(const zend_string *id);
void rustredis_tell_replaced_id(void **mod_data);
void rustredis_throw_replaced_id(const rustredis_failure *failure);
/* handler.c: calls rustredis_keep_id in a validateId() for the session that PHP starts. */
void rustredis_keep_id_while_validating(bool is_being_told);
/* True if a validateId() is running in PHP's function, whatever it is called for. */
bool rustredis_is_validating(void);
/* ini.c: notes the path built into PHP, in MINIT, before anything can change it. */
void rustredis_note_built_in_path(void);
/* Returns the path that PHP passes, or an empty one if it is PHP's own default. */
const char *rustredis_save_path(const char *path);
/* Takes back the cookie of this id that was sent in this request. */
void rustredis_take_back_cookie(const zend_string *id);
/* True if a deletion of the session's cookie was sent in this request, as setcookie() does it. */
bool rustredis_deletes_cookie(void);
void rustredis_take_back_deletion(void);
/* rustredis_hold_output keeps the output, and the headers with it, until rustredis_release_output
 * is given what it has returned. */
php_output_handler *rustredis_hold_output(void);
void rustredis_release_output(const php_output_handler *held);

/* masking.c: session.save_path at the moment, valid until it changes. */
const char *rustredis_path_now(void);
/* prefetch.c: the id of the request's session cookie, or NULL. */
const zend_string *rustredis_id_of_cookie(void);
/* masking.c: at the end of a session function, which may have thrown more than one exception. */
void rustredis_hide_in_pending(void);
/* masking.c: in MINIT and MSHUTDOWN. */
void rustredis_start_masking(void);
void rustredis_stop_masking(void);
/* masking.c, which sees each exception: starts to watch, and returns true if the last exception
 * since then was thrown by a script's code, rather than by PHP. */
void rustredis_watch_exceptions(void);
bool rustredis_script_has_thrown(void);

#endif
