/* What Rust (callbacks.rs, boundary.rs, ini.rs, status.rs) gives to the C files beside it, and they to each other.
 *
 * None of Rust's functions calls into Zend, so none can bail out. All of them return normally: panics are caught on
 * the Rust side. Pointers are only read during the call, unless it says otherwise. */
#ifndef PHPSESS_SHIM_H
#define PHPSESS_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include "php.h"

/* The callbacks. 1 is success; on 0 there is a reason to raise. `mod_data` is PHP's pointer for us. */
/* `begins`: what `mod_data` has is no part of the session that is opened, if anything was read there. `resets`: PHP reads
 * that session once more, and goes on with what it then finds. */
int rustredis_open(void **mod_data, const char *save_path, size_t save_path_len, int begins, int resets);
int rustredis_validate(void **mod_data, const char *id, size_t id_len, int64_t ttl, int read_only);
int rustredis_create(void **mod_data, const char *id, size_t id_len, int64_t ttl);
/* Whether a key can have it in its name; an advice says if not. */
int rustredis_is_id(const char *id, size_t id_len);
/* How: delete it; keep it aside for a day, because it cannot be decoded; only give its lock back; or delete it because
 * it goes on under another id. */
enum { RUSTREDIS_DELETE, RUSTREDIS_SET_ASIDE, RUSTREDIS_LEAVE, RUSTREDIS_MOVED };
int rustredis_destroy(void **mod_data, const char *id, size_t id_len, int how);
void rustredis_close(void **mod_data);
/* Why: for PHP to decode it; for a handler class to say whether there is such a session; the same for an id that PHP has
 * just made. `value` stays valid until rustredis_read_done, which must follow once PHP has its copy. After a failure
 * `value_len` is what a value has that was too large for memory_limit, or else 0. */
enum { RUSTREDIS_TO_DELIVER, RUSTREDIS_TO_VALIDATE, RUSTREDIS_TO_VALIDATE_NEW };
int rustredis_read(void **mod_data, const char *id, size_t id_len, int64_t ttl, int read_only, int reason,
	const char **value, size_t *value_len);
/* `remember`: a write of the very same is to leave what is stored. */
void rustredis_read_done(void **mod_data, const char *id, size_t id_len, int remember);
/* `unchanged` is update_timestamp. Who writes: PHP itself; a handler class that PHP has asked to save; one at any other
 * time, so that PHP's save is still to come. */
enum { RUSTREDIS_WRITTEN_BY_PHP, RUSTREDIS_SAVED_BY_CLASS, RUSTREDIS_WRITTEN_BY_CLASS };
int rustredis_save(void **mod_data, const char *id, size_t id_len, const char *value, size_t value_len,
	int64_t ttl, int unchanged, int writer);

/* Why the last callback failed that this session failed in: its kind, and who has the lock as far as that is known ('' and
 * -1 if not). */
enum { RUSTREDIS_OTHER, RUSTREDIS_NO_CONNECTION, RUSTREDIS_NO_LOCK, RUSTREDIS_REFUSED };
typedef struct {
	int64_t kind, pid, held_ms;
	char host[256], sapi[64], uri[1024];
} rustredis_failure;
void rustredis_failure_get(void **mod_data, rustredis_failure *failure);

/* Asks for a session that is likely to be started soon, without waiting. */
void rustredis_prefetch(const char *save_path, size_t save_path_len, const char *id, size_t id_len, int strict);

/* Whether this thread has a session that was opened and not closed; closes it, whatever `mod_data` has. */
int rustredis_is_open(void);
void rustredis_close_left(void **mod_data);

/* No text that is said is longer. */
#define RUSTREDIS_TEXT_SIZE 2048

/* The next text of this thread that is to be said so, cut to `size` with its NUL; 0 when there is none. */
enum { RUSTREDIS_NOW, RUSTREDIS_LATER, RUSTREDIS_LOGGED, RUSTREDIS_ADVICE };
int rustredis_next_message(int when, char *text, size_t size);
/* The advice that this process has given, in order; 0 when there is no more. */
int rustredis_advice_get(size_t index, char *text, size_t size);
/* save_path as a message may show it. 1 if that differs from the path itself. */
int rustredis_mask(const char *save_path, size_t save_path_len, char *text, size_t size);

/* 1 if the setting may have this value; else there is a reason to raise. `stage` is Zend's. */
int rustredis_ini_changed(const char *name, size_t name_len, const char *value, size_t value_len, int at_startup);
/* A password that was set behind on_modify's back (FPM's php_admin_value) is now the one of this process. */
void rustredis_password_found(const char *value, size_t value_len);

/* Keeps the password of a section of php.ini. The number stands for it behind the mask. */
size_t rustredis_password_of_section(const char *value, size_t value_len);

/* The state of this process, for rustredis_status() and phpinfo(). */
typedef struct {
	int64_t pid, starts, trips, lock_waits, refused_writes, reconnects, redirects;
} rustredis_counters;
typedef struct {
	char target[512];
	int64_t size, open, idle;
} rustredis_pool;
typedef struct {
	char target[512];
	int64_t masters, slots;
} rustredis_cluster;
typedef struct {
	char session[32];
	int64_t held_ms;
} rustredis_lock;
void rustredis_counters_get(rustredis_counters *counters);
int rustredis_pool_get(size_t index, rustredis_pool *pool);
int rustredis_cluster_get(size_t index, rustredis_cluster *cluster);
int rustredis_lock_get(size_t index, rustredis_lock *lock);
const char *rustredis_version(void);

/* What replaces the password in PHP's own table of settings. */
#define RUSTREDIS_MASK "********"

/* ---- C ---- */

/* handler.c: the running call of one of PHP's own functions, or NULL. */
zend_execute_data *rustredis_running(const char *name);

/* The same file: PHP has decoded what read gave, also in a session that has started by itself. */
void rustredis_is_decoded(void);

/* The same file: whether an error has struck while a serializer was at work. Where it has not ended the call, it is put back
 * to how it was before. */
bool rustredis_encoding_is_interrupted(void);
void rustredis_set_interrupted(bool interrupted);

/* messages.c. The first four may run PHP code, and may not return; the others may not return either. */
void rustredis_raise(const char *format, ...) ZEND_ATTRIBUTE_FORMAT(printf, 1, 2);
/* Why a callback fails. */
void rustredis_raise_reasons(void);
/* What belongs to callbacks that succeeded: in close, unless PHP may still decode after it. */
void rustredis_raise_rest(void);
/* The same where decoding has failed. */
void rustredis_raise_rest_of_failure(void);
/* What is never raised. */
void rustredis_log_waiting(void);
/* At the end of a request: what could not be raised, too. */
void rustredis_log_rest(void);
void rustredis_log_at_shutdown(void);

/* ownership.c: wraps PHP's functions that can end a session, in MINIT; and undoes it. */
void rustredis_wrap_functions(void);
void rustredis_unwrap_functions(void);
/* In RSHUTDOWN, before PHP saves the session: forgets the serialize() that a fatal error has ended. */
void rustredis_start_serializer_over(void);
/* Whether one of them is running that starts a session, rather than to go on with one. */
bool rustredis_begins_a_session(void);
/* Whether it is session_reset() that runs. */
bool rustredis_resets_a_session(void);
/* Whether PHP itself is saving one. */
bool rustredis_saves_a_session(void);
/* Whether the request ends: in RINIT and RSHUTDOWN. */
void rustredis_note_end(int ends);
/* Whether the id is the browser's: session_start() or session_reset() runs. */
bool rustredis_takes_an_id(void);
/* Whether it is session_regenerate_id() that runs. */
bool rustredis_changes_the_id(void);
/* exceptions.c: in MINIT. */
void rustredis_register_exceptions(void);
/* Why a read failed: a warning, or an exception where that is all that gets through. May run PHP code, and may not return. */
void rustredis_tell_failed_read(void **mod_data, bool validating);
/* That came as an exception in validateId(): PHP's next id is none, and its cookie is not sent. Undone at the end of
 * PHP's function, or of the request. */
void rustredis_keep_id(void);
void rustredis_restore_id(void);
/* ini.c: in MINIT, before anybody can change it. */
void rustredis_note_built_in_path(void);
/* The path that PHP gives, or none if it is PHP's own default. */
const char *rustredis_save_path(const char *path);

/* masking.c: in MINIT and MSHUTDOWN. */
void rustredis_start_masking(void);
void rustredis_stop_masking(void);
/* The same file, which sees each exception: from here on, and whether the last was thrown by code of a script, rather than
 * by PHP. */
void rustredis_watch_exceptions(void);
bool rustredis_script_has_thrown(void);

#endif
