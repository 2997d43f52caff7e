/* The save handler's callbacks.
 *
 * The callbacks are in C for two reasons. First, the compiler checks them against the installed
 * php_session.h, whose layouts and signatures differ between PHP versions. Second, code that can
 * bail out (allocating a zend_string, raising a warning) longjmps over the frames in between: here
 * these are C frames, with nothing to destroy. */
#include "php.h"
#include "SAPI.h"
#include "ext/session/php_session.h"
#include "zend_exceptions.h"
#include "zend_observer.h"
#include "shim.h"
#include "json.h"
#include "serializer.h"

#if PHP_VERSION_ID < 80100
# error "PHP 8.1 or newer is needed"
#endif

#if PHP_VERSION_ID >= 80600
# define SAVE_PATH_ARG() ZSTR_VAL(save_path)
#else
# define SAVE_PATH_ARG() save_path
#endif

static zend_result failed(void)
{
	rustredis_keep_id_while_validating(true);
	rustredis_raise_reasons();
	rustredis_has_told();
	return FAILURE;
}

/* Called before PHP decodes the value of a callback. While an exception is pending, PHP skips
 * __unserialize and loads no class, and it would write the incomplete result over the session.
 * Instead, the lock is released, and the exception gives the reason. */
static bool is_broken_off(void **mod_data)
{
	if (!EG(exception)) {
		return false;
	}
	rustredis_close(mod_data);
	return true;
}

/* The running call of one of PHP's own functions, or NULL. */
zend_execute_data *rustredis_running(const char *name, size_t name_len)
{
	zend_execute_data *call;
	for (call = EG(current_execute_data); call; call = call->prev_execute_data) {
		zend_function *function = call->func;
		if (function && function->type == ZEND_INTERNAL_FUNCTION && !function->common.scope
				&& function->common.function_name && ZSTR_LEN(function->common.function_name) == name_len
				&& memcmp(ZSTR_VAL(function->common.function_name), name, name_len) == 0) {
			return call;
		}
	}
	return NULL;
}

/* The name of the option. Its hash is known, and a script's text of it is mostly the same one. */
static zend_string *read_and_close;

/* To a save handler, session_start(['read_and_close' => true]) looks like any other start. Only
 * the arguments of the running call show the difference. */
static int wants_read_only(void)
{
	/* A session_start() that another session function interrupts, for example in an error handler,
	 * does not count. */
	zend_execute_data *call = rustredis_call_of_start();
	zval *options, *value;
	if (!call || ZEND_CALL_NUM_ARGS(call) < 1) {
		return 0;
	}
	options = ZEND_CALL_ARG(call, 1);
	ZVAL_DEREF(options);
	if (Z_TYPE_P(options) != IS_ARRAY) {
		return 0;
	}
	value = zend_hash_find(Z_ARRVAL_P(options), read_and_close);
	/* session_start() itself reads the option in the same way. */
	return value && zval_get_long(value) > 0;
}

/* The reason for which $_SESSION may lack a part of the stored session, or NULL. */
static TSRM_TLS const char *half_decoded;

static const char *const BROKEN_OFF = "an error or an exception ended its decoding";

/* PHP has the value of a read, and has not decoded it yet. */
static TSRM_TLS bool is_being_decoded;

/* PHP has opened a session and has not read it yet. In between, the objects of the previous session
 * are destroyed. */
static TSRM_TLS bool is_unread;

/* The number of opens and reads in this thread. A session_start() that PHP ignores, because a
 * session is active, makes none. */
static TSRM_TLS unsigned begun;

/* The reason for which the json serializer has refused the value of a read. */
static TSRM_TLS char unreadable[200];

bool rustredis_note_unreadable(const char *reason)
{
	if (!is_being_decoded || rustredis_running(ZEND_STRL("session_decode"))) {
		return false;
	}
	snprintf(unreadable, sizeof unreadable, "%s", reason);
	return true;
}

/* Called when PHP has given the session up. */
static void tell_unreadable(void)
{
	char reason[sizeof unreadable];
	if (unreadable[0]) {
		memcpy(reason, unreadable, sizeof reason);
		unreadable[0] = '\0';
		rustredis_raise("rustredis: the session cannot be read as JSON: %s", reason);
	}
}

unsigned rustredis_begun(void)
{
	return begun;
}

/* The session was opened by a RustRedis\SessionHandler that PHP has as its save handler, perhaps
 * behind other classes. */
static TSRM_TLS bool is_of_object;
/* The objects of PHP's handler class that were opened and not closed yet are in object.rs. */
static TSRM_TLS bool has_open_objects;

/* The number of sessions that PHP has opened in this thread to start or to reset them. */
static TSRM_TLS unsigned opened;

unsigned rustredis_opened(void)
{
	return opened;
}

/* Another session was opened in the middle of a decoding. PHP puts the rest of what it decodes into
 * the session that is open by then. */
static TSRM_TLS bool is_interrupted;

/* Returns the outermost function that PHP's session function has called, or NULL if no session
 * function is running or has called any. */
static zend_function *called_by_php(void)
{
	zend_execute_data *call;
	zend_function *called = NULL;
	for (call = EG(current_execute_data); call; call = call->prev_execute_data) {
		zend_function *function = call->func;
		if (!function || !function->common.function_name) {
			continue;
		}
		if (rustredis_is_session_function(function)) {
			return called;
		}
		called = function;
	}
	return NULL;
}

/* True if the session is written while it is still being decoded: by an object that is made
 * (__unserialize), or by the handler of a message that a class raises as it is loaded. PHP's
 * upload progress also writes at this time, but has decoded the session: no script runs then. */
static bool is_written_too_early(zend_string *val)
{
	const zend_function *called = called_by_php();
	/* For session_decode(), these two fill $_SESSION piece by piece, and the others at once. */
	const bool is_filled = is_being_decoded || (rustredis_decodes() && rustredis_running(ZEND_STRL("session_decode"))
		&& (rustredis_has_serializer("php") || rustredis_has_serializer("php_binary")));
	/* A handler class that stores a value while it reads, which its validateId() may do as well,
	 * has not given the value to PHP yet. PHP calls gc() before it decodes. */
	return is_filled && (EG(current_execute_data) || CG(unclean_shutdown))
		&& !rustredis_is_of_handler(RUSTREDIS_HANDLER_READ, called)
		&& !rustredis_is_of_handler(RUSTREDIS_HANDLER_VALIDATE_SID, called)
		&& !rustredis_is_of_handler(RUSTREDIS_HANDLER_GC, called)
		&& !(PS(session_vars) && zend_string_equals(val, PS(session_vars)));
}

/* After an exception during decoding, the remaining objects are empty, and PHP continues with
 * such a session. */
void rustredis_is_decoded(bool is_outermost)
{
	is_being_decoded = false;
	is_unread = false;
	if ((EG(exception) || (is_outermost && is_interrupted)) && PS(session_status) == php_session_active
			&& (is_of_object || rustredis_is_open())) {
		half_decoded = BROKEN_OFF;
	} else if (PS(mod_user_implemented) && PS(session_vars) && rustredis_has_serializer("msgpack")
			&& !rustredis_is_msgpack(PS(session_vars))) {
		half_decoded = "session.serialize_handler msgpack cannot decode it";
	}
	is_interrupted = is_interrupted && !is_outermost;
	tell_unreadable();
}

/* An error of this request has ended a script. PHP keeps its last error over the requests of a
 * worker. */
static TSRM_TLS bool is_fatal;

static void note_error(int type, zend_string *file, uint32_t line, zend_string *message)
{
	if (!(type & (E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR))) {
		return;
	}
	is_fatal = true;
#if PHP_VERSION_ID < 80200
	/* Since 8.2, PHP destroys a session whose decoding memory_limit or a timeout has ended (see
	 * how_to_destroy). Before 8.2, PHP continues to the end of the request, and writes the part of
	 * the session that it has. */
	if (PS(session_status) == php_session_active && (PG(during_request_startup)
			|| rustredis_running(ZEND_STRL("session_start")) || rustredis_running(ZEND_STRL("session_reset"))
			|| rustredis_running(ZEND_STRL("session_decode")))) {
		half_decoded = BROKEN_OFF;
	}
#endif
}

void rustredis_begin_request(void)
{
	is_fatal = false;
	is_interrupted = false;
	unreadable[0] = '\0';
	rustredis_is_decoded(true);
}

/* The id that a handler class gives its parent for PHP's session, which may be another one than
 * PHP's: that of the first read in PHP's read(), unless it reads PHP's own id. */
static TSRM_TLS struct {
	enum { NOT_KNOWN, VALIDATED, READ, SAME } how;
	size_t len;
	char id[256];
} own;

bool rustredis_is_own_id(const char *id, size_t id_len)
{
	if (PS(id) && ZSTR_LEN(PS(id)) == id_len && memcmp(ZSTR_VAL(PS(id)), id, id_len) == 0) {
		return true;
	}
	/* A class that has read PHP's own id uses no other, and PHP may have made another one since. */
	return PS(mod_user_implemented) && own.how && own.how != SAME && own.len == id_len && memcmp(own.id, id, id_len) == 0;
}

bool rustredis_is_own_read(void)
{
	return PS(mod_user_implemented) && rustredis_is_of_handler(RUSTREDIS_HANDLER_READ, called_by_php());
}

/* Before a read. */
static void note_own(zend_string *id)
{
	int how;
	if (!PS(mod_user_implemented) || !PS(id) || ZSTR_LEN(id) > sizeof own.id) {
		return;
	}
	how = zend_string_equals(id, PS(id)) ? SAME : rustredis_is_own_read() ? READ
		: rustredis_is_of_handler(RUSTREDIS_HANDLER_VALIDATE_SID, called_by_php()) ? VALIDATED : NOT_KNOWN;
	if (how > (int) own.how || (how == (int) own.how && how != READ)) {
		own.how = how;
		own.len = ZSTR_LEN(id);
		memcpy(own.id, ZSTR_VAL(id), own.len);
	}
}

/* PHP's session goes on under another id, and this request came late. */
static TSRM_TLS bool is_late;

bool rustredis_is_late(void)
{
	return is_late;
}

void rustredis_is_not_late(void)
{
	is_late = false;
}

/* The browser may have the cookie of the new id already. The one of this request would replace
 * it. */
static void note_late(void)
{
	is_late = true;
	if (PS(id)) {
		rustredis_take_back_cookie(PS(id));
	}
}

static void begin(rustredis_opening opening)
{
	begun++;
	if (!PS(id)) {
		rustredis_has_left_its_id();
	}
	if (!PS(id) || opening.takes_an_id) {
		own.how = NOT_KNOWN;
		is_late = false;
	}
	if (opening.takes_an_id) {
		opened++;
		is_interrupted = is_interrupted || is_being_decoded;
	}
	/* A handler class may open its parent once more, in its write() for example. */
	if (opening.takes_an_id || opening.begins || PG(during_request_startup)) {
		half_decoded = NULL;
		is_being_decoded = false;
		rustredis_json_forget_refusal();
	}
	rustredis_watch_encoding();
	rustredis_keep_failed_id();
}

/* A handler class may open its parent once more in its write(), before session_regenerate_id()
 * opens the session. */
static void note_begun(rustredis_opening opening)
{
	if (opening.has_begun && !rustredis_is_leaving()) {
		*opening.has_begun = true;
	}
}

PS_OPEN_FUNC(rustredis)
{
	const char *path = rustredis_save_path(SAVE_PATH_ARG());
	const rustredis_opening opening = rustredis_opening_now();
	(void) session_name;
	begin(opening);
	note_begun(opening);
	is_of_object = false;
	if (is_broken_off(mod_data)) {
		return FAILURE;
	}
	is_unread = opening.takes_an_id;
	return rustredis_open(mod_data, path, strlen(path), opening.begins, opening.resets) ? SUCCESS : failed();
}

PS_CLOSE_FUNC(rustredis)
{
	rustredis_close(mod_data);
	rustredis_raise_rest();
	return SUCCESS;
}

/* True for an invalid id behind a subclass. A read is the first call with such an id, because
 * PHP does not call validate_sid there. The read raises no message, because anybody can send
 * such an id, and phpredis is silent, too. */
static bool is_bad_id_of_subclass(zend_string *key)
{
	return PS(mod_user_implemented) && !rustredis_is_id(ZSTR_VAL(key), ZSTR_LEN(key));
}

/* The reason by the calls that are running, also without a class or strict mode. */
static int reason_by_the_calls(void)
{
	zend_execute_data *call = EG(current_execute_data);
	for (; call; call = call->prev_execute_data) {
		zend_function *function = call->func;
		zend_string *name = function ? function->common.function_name : NULL;
		if (name && ((function->common.scope && zend_string_equals_literal_ci(name, "validateId"))
				|| rustredis_is_of_handler(RUSTREDIS_HANDLER_VALIDATE_SID, function))) {
			return rustredis_changes_the_id() ? RUSTREDIS_TO_VALIDATE_NEW : RUSTREDIS_TO_VALIDATE;
		}
		if (rustredis_is_session_function(function)) {
			break;
		}
	}
	return RUSTREDIS_TO_DELIVER;
}

/* A handler class may read only to check that a session exists. */
static int reason_to_read(void)
{
	return PS(use_strict_mode) && PS(mod_user_implemented) ? reason_by_the_calls() : RUSTREDIS_TO_DELIVER;
}

bool rustredis_is_validating(void)
{
	return reason_by_the_calls() != RUSTREDIS_TO_DELIVER;
}

/* Called before a failure is told: an error handler may end PHP's session. Other functions make an
 * id that no browser has yet. */
void rustredis_keep_id_while_validating(bool is_being_told)
{
	if (reason_to_read() != RUSTREDIS_TO_DELIVER) {
		rustredis_keep_id(is_being_told);
	}
}

static zend_result read_failed(void **mod_data, int reason)
{
	rustredis_keep_id_while_validating(true);
	rustredis_tell_failed_read(mod_data, reason != RUSTREDIS_TO_DELIVER);
	rustredis_has_told();
	return FAILURE;
}

/* True if PHP starts this session. A handler class may read another one before. */
static bool is_own(zend_string *key)
{
	return PS(mod_user_implemented) && PS(id) && zend_string_equals(key, PS(id))
		&& (rustredis_takes_an_id() || rustredis_changes_the_id());
}

/* A read of another session, by code that runs in the decoding, delivers nothing to PHP.
 * session_regenerate_id() is not included, because it reads the session that it has just made. */
static void note_delivery(zend_string *key, zend_string *val, int reason)
{
	/* An error handler of a start may start, save and end another session. */
	if (reason == RUSTREDIS_TO_DELIVER && rustredis_is_own_id(ZSTR_VAL(key), ZSTR_LEN(key)) && ZSTR_LEN(val)
			&& (PG(during_request_startup) || rustredis_takes_an_id())) {
		is_being_decoded = true;
	}
}

/* True if a handler class reads what it may write by hand without having kept the lock. */
static bool is_look(zend_string *key)
{
	return PS(mod_user_implemented) && (wants_read_only() || !PS(id) || !zend_string_equals(key, PS(id)));
}

/* True for a text that msgpack cannot decode, such as one of another serializer: its decoder would
 * succeed, and the next write would end what is stored. A handler class may store another text than
 * it gives to PHP. */
static bool is_foreign_to_msgpack(const zend_string *val)
{
	return rustredis_has_serializer("msgpack") && !PS(mod_user_implemented) && !rustredis_is_msgpack(val);
}

/* Gives PHP the value that was read, which is in `val`. `found` is rustredis_read's answer. */
static int deliver(void **mod_data, zend_string *key, zend_string **val, int found, int reason)
{
	bool is_foreign = is_foreign_to_msgpack(*val);
	if (is_foreign || (ZSTR_LEN(*val) && ZSTR_VAL(*val)[0] == '{')) {
		/* From here on, PHP code may run (__unserialize), and close the session or throw. */
		zend_string *converted = NULL;
		int json = is_foreign ? RUSTREDIS_ONLY_JSON : rustredis_json_for_others(*val, &converted);
		if (json != RUSTREDIS_NOT_JSON) {
			zend_string_release(*val);
			*val = converted ? converted : ZSTR_EMPTY_ALLOC();
		}
		if (is_broken_off(mod_data)) {
			zend_string_release(*val);
			return FAILURE;
		}
		if (json == RUSTREDIS_ONLY_JSON
				&& !rustredis_destroy(mod_data, ZSTR_VAL(key), ZSTR_LEN(key), PS(gc_maxlifetime), RUSTREDIS_SET_ASIDE)) {
			zend_string_release(*val);
			return read_failed(mod_data, reason);
		}
	}
	if (found == RUSTREDIS_OVERTAKEN && rustredis_is_own_id(ZSTR_VAL(key), ZSTR_LEN(key))) {
		note_late();
	}
	/* A handler class has no touch, or turns a touch into a write. */
	rustredis_read_done(mod_data, ZSTR_VAL(key), ZSTR_LEN(key),
		PS(mod_user_implemented) && PS(lazy_write) && !wants_read_only(), is_look(key));
	note_delivery(key, *val, reason);
	begun++;
	if (reason != RUSTREDIS_TO_DELIVER) {
		rustredis_found_id(ZSTR_VAL(key), ZSTR_LEN(key));
	}
	rustredis_watch_exceptions();
	return SUCCESS;
}

PS_READ_FUNC(rustredis)
{
	const int reason = reason_to_read();
	const char *value;
	size_t value_len = 0;
	int found, result;

	/* PHP gets none of the data that validateId() reads. */
	is_unread = is_unread && reason != RUSTREDIS_TO_DELIVER;
	if (!key || is_broken_off(mod_data) || is_bad_id_of_subclass(key)) {
		return FAILURE;
	}
	if (rustredis_replaces_kept_id(key)) {
		/* An error handler may save what PHP has begun with. */
		is_unread = true;
		rustredis_tell_replaced_id(mod_data);
		return FAILURE;
	}
	note_own(key);
	if (is_own(key)) {
		rustredis_make_way(mod_data, ZSTR_VAL(key), ZSTR_LEN(key));
	}
	found = rustredis_read(mod_data, ZSTR_VAL(key), ZSTR_LEN(key), maxlifetime, wants_read_only(), reason, &value,
		&value_len);
	if (!found) {
		if (value_len) {
			/* The value is larger than memory_limit allows. PHP reports this in its own words,
			 * and ends the request as usual. */
			efree(emalloc(value_len));
		}
		return read_failed(mod_data, reason);
	}
	/* Over memory_limit, this allocation bails out. The value then still belongs to the session,
	 * and PHP's empty write at shutdown is refused, because rustredis_read_done was not reached. */
	*val = value_len ? zend_string_init(value, value_len, 0) : ZSTR_EMPTY_ALLOC();
	/* PHP code that runs meanwhile may end PHP's session, and with it PHP's own reference. */
	zend_string_addref(key);
	result = deliver(mod_data, key, val, found, reason);
	zend_string_release(key);
	return result;
}

/* A SessionHandler subclass may write an empty text on purpose, so this checks the serializer
 * itself. */
static bool can_be_encoded(void)
{
	zend_string *encoded = PS(serializer) ? PS(serializer)->encode() : NULL;
	if (!encoded) {
		return false;
	}
	zend_string_release(encoded);
	return !EG(exception);
}

/* When a serializer fails, PHP writes an empty session over the stored one. The json serializer
 * reports its failure. For other serializers an empty text shows it, unless $_SESSION is empty
 * too, or has only integer keys, which php and php_binary skip. */
static bool was_not_encoded(zend_string *val, int writer)
{
	zval *session = &PS(http_session_vars);
	zend_string *key;
	/* A class that encrypts makes a text of nothing, and one that PHP has not asked to save may
	 * write an empty text on purpose. */
	const bool is_empty = writer == RUSTREDIS_SAVED_BY_CLASS ? rustredis_encoded_nothing() : !ZSTR_LEN(val);

	ZVAL_DEREF(session);
	/* PHP writes nothing under the new id either. */
	if (Z_TYPE_P(session) == IS_OBJECT && rustredis_changes_the_id()) {
		return true;
	}
	if (rustredis_has_serializer("json")) {
		return rustredis_json_refused();
	}
	if (!is_empty || Z_TYPE_P(session) != IS_ARRAY) {
		return false;
	}
	ZEND_HASH_FOREACH_STR_KEY(Z_ARRVAL_P(session), key) {
		if (key) {
			return writer != RUSTREDIS_WRITTEN_BY_CLASS || !can_be_encoded();
		}
	} ZEND_HASH_FOREACH_END();
	return false;
}

/* While an exception is pending, PHP's serializers write nothing for any value and never call
 * __serialize. The exception may be older than the encoding or have come during it, so only a
 * text that is certainly complete is stored. The json serializer refuses by itself. */
static bool was_half_encoded(zend_string *val)
{
	bool php_serialize;

	if (!EG(exception) || rustredis_has_serializer("json")) {
		return false;
	}
	php_serialize = rustredis_has_serializer("php_serialize");
	return (!php_serialize && !rustredis_has_serializer("php"))
		|| rustredis_php_content(ZSTR_VAL(val), ZSTR_LEN(val), php_serialize) != RUSTREDIS_PLAIN;
}

/* Gives what the serializer makes of these values, or NULL. */
static zend_string *encode_trial(zval *values)
{
	zend_string *volatile encoded = NULL;
	volatile bool failed = false;
	zval session;

	ZVAL_COPY_VALUE(&session, &PS(http_session_vars));
	ZVAL_COPY_VALUE(&PS(http_session_vars), values);
	zend_try {
		encoded = PS(serializer)->encode();
	} zend_catch {
		failed = true;
	} zend_end_try();
	ZVAL_COPY_VALUE(&PS(http_session_vars), &session);
	if (failed) {
		zend_bailout();
	}
	return encoded;
}

static bool keeps_nothing(void)
{
	return !PS(serializer) || strncmp(PS(serializer)->name, "php", 3) == 0 || rustredis_has_serializer("json");
}

/* A fatal error, or a client that left, can end a script in the middle of an encoding. A serializer
 * of another extension may then keep its progress, and write references to what it has met before,
 * or nothing. msgpack does so until its process ends, and also for a session that is saved in the
 * middle of another encoding. Such a serializer makes two texts of one value. PHP's own are reset,
 * and json keeps nothing. */
static bool starts_over(void)
{
	zval values, trial, object;
	zend_string *first, *second;
	bool same;

	if (keeps_nothing()) {
		return true;
	}
	array_init(&values);
	object_init(&object);
	add_assoc_zval(&values, "trial", &object);
	ZVAL_NEW_REF(&trial, &values);
	first = encode_trial(&trial);
	second = encode_trial(&trial);
	same = first && second && ZSTR_LEN(first) && zend_string_equals(first, second);
	if (first) {
		zend_string_release(first);
	}
	if (second) {
		zend_string_release(second);
	}
	zval_ptr_dtor(&trial);
	return same;
}

/* True if the session's serializer is at work on other values: on those of a session, or of a
 * script that calls one of its functions. An object among them saves the session. */
static bool is_amid_encoding(void)
{
	zend_execute_data *call;
	if (keeps_nothing()) {
		return false;
	}
	if (rustredis_is_encoding()) {
		return true;
	}
	for (call = EG(current_execute_data); call; call = call->prev_execute_data) {
		const zend_function *function = call->func;
		if (function && function->type == ZEND_INTERNAL_FUNCTION && function->internal_function.module
				&& strcmp(function->internal_function.module->name, PS(serializer)->name) == 0) {
			return true;
		}
	}
	return false;
}

static int writer_now(void)
{
	return !PS(mod_user_implemented) ? RUSTREDIS_WRITTEN_BY_PHP
		: rustredis_saves_a_session() ? RUSTREDIS_SAVED_BY_CLASS : RUSTREDIS_WRITTEN_BY_CLASS;
}

/* Gives the flaw for which a session of PHP must not be saved like this, and the reason in
 * words. */
static int refuses(zend_string *val, int unchanged, int writer, char *reason, size_t size)
{
	const char *serializer = PS(serializer) ? PS(serializer)->name : "?";
	int flaw = RUSTREDIS_UNDECODED;

	/* A handler class may write such a session by hand. */
	if (is_unread && writer != RUSTREDIS_WRITTEN_BY_CLASS) {
		snprintf(reason, size, "PHP is about to read it, and $_SESSION has what was there before");
		return flaw;
	}
	if (unchanged && !rustredis_changes_the_id()) {
		return RUSTREDIS_FLAWLESS;
	}
	if (rustredis_is_replaced_while_saved()) {
		snprintf(reason, size, "session_start() or session_reset() was called while it was saved");
	} else if (half_decoded) {
		snprintf(reason, size, "%s", half_decoded);
	} else if (is_written_too_early(val)) {
		snprintf(reason, size, "it is still being decoded, and $_SESSION does not have all of it");
	} else {
		flaw = RUSTREDIS_NOT_ENCODED;
		if (rustredis_has_broken_off() && !starts_over()) {
			snprintf(reason, size, "a fatal error, or a client that left, has ended an encoding, and "
				"session.serialize_handler %s does not start over in this process", serializer);
		} else if (is_amid_encoding() && !starts_over()) {
			snprintf(reason, size, "session.serialize_handler %s is encoding other values, and cannot encode it beside them",
				serializer);
		} else if (was_half_encoded(val)) {
			snprintf(reason, size, "an exception ended its encoding");
		} else if (was_not_encoded(val, writer)) {
			snprintf(reason, size, "session.serialize_handler %s could not encode it", serializer);
		} else {
			flaw = RUSTREDIS_FLAWLESS;
		}
	}
	return flaw;
}

/* True once after values that could not be stored as JSON, which was told then. The session is kept
 * alive as it was read. */
static bool is_kept_in_place(int writer)
{
	return writer != RUSTREDIS_WRITTEN_BY_CLASS && rustredis_json_kept_stored();
}

/* The words for the rest when a session is neither saved nor moved. */
static const char *left(int is_missing)
{
	return is_missing ? "nothing is stored under its id" : "what was stored before stays";
}

static zend_result save(void **mod_data, zend_string *key, zend_string *val, zend_long maxlifetime, int unchanged)
{
	const int writer = writer_now();
	int flaw;
	char reason[256];

	/* PHP code that runs while the session is encoded can destroy the session, and then both are
	 * missing. */
	if (!*mod_data || !key) {
		return FAILURE;
	}
	flaw = refuses(val, unchanged, writer, reason, sizeof reason);
	if (flaw != RUSTREDIS_FLAWLESS) {
		const int is_missing = rustredis_is_missing(mod_data, ZSTR_VAL(key), ZSTR_LEN(key));
		rustredis_lose(mod_data, ZSTR_VAL(key), ZSTR_LEN(key), flaw);
		rustredis_raise("rustredis: the session is not saved: %s; %s", reason, left(is_missing));
		return FAILURE;
	}
	if (is_kept_in_place(writer)) {
		rustredis_lose(mod_data, ZSTR_VAL(key), ZSTR_LEN(key), RUSTREDIS_NOT_ENCODED);
	}
	return rustredis_save(mod_data, ZSTR_VAL(key), ZSTR_LEN(key), ZSTR_VAL(val), ZSTR_LEN(val), maxlifetime,
		unchanged, writer) ? SUCCESS : failed();
}

PS_WRITE_FUNC(rustredis)
{
	return save(mod_data, key, val, maxlifetime, 0);
}

PS_UPDATE_TIMESTAMP_FUNC(rustredis)
{
	return save(mod_data, key, val, maxlifetime, 1);
}

/* True if memory_limit or a timeout has ended the decoding. The value is then still good, and the
 * next request may have more memory or time. The error has already happened (a bailout), or is
 * pending for the next opcode (some builds of 8.2 let an allocation pass and report it there). */
static bool is_out_of_resources(void)
{
#if PHP_VERSION_ID >= 80200
	bool pending = zend_atomic_bool_load(&EG(vm_interrupt));
#else
	bool pending = EG(vm_interrupt);
#endif
	return pending || CG(unclean_shutdown)
		|| (is_fatal && PG(last_error_message) && (PG(last_error_type) & (E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR)));
}

/* True for an exit, or for an exception that a script's own code has thrown, in __unserialize or
 * in an error handler, for example because a database is down. An exception of PHP itself, in
 * contrast, is about the value, which no longer fits its class. */
static bool is_ended_by_script(void)
{
	return EG(exception) && (!instanceof_function(EG(exception)->ce, zend_ce_throwable) || rustredis_script_has_thrown());
}

/* True for the destroy() of a handler class, as PHP calls it. */
static bool is_destroy_of_class(const zend_function *callee)
{
	return zend_string_equals_literal_ci(callee->common.function_name, "destroy")
		|| rustredis_is_of_handler(RUSTREDIS_HANDLER_DESTROY, callee);
}

/* True if a bailout has ended a decoding, and PHP gives the session up. The stack is gone then,
 * with PHP's function on it, and has only what a handler class runs. */
static bool is_given_up_after_bailout(const zend_function *callee)
{
	if (!CG(unclean_shutdown) || !rustredis_decodes() || (callee && !is_destroy_of_class(callee))) {
		return false;
	}
	/* A session that is started in a shutdown function interrupts nothing any more. */
	is_being_decoded = false;
	is_interrupted = false;
	return true;
}

/* After a failed decoding, PHP destroys the stored session as if a script had asked for that.
 * The running function shows the real caller. session_decode() gets a text other than the stored
 * one, so its failure simply deletes the session. */
static int how_to_destroy(void)
{
	zend_execute_data *call;
	zend_function *callee = NULL;
	for (call = EG(current_execute_data); call && rustredis_is_in_script(); call = call->prev_execute_data) {
		zend_function *function = call->func;
		zend_string *name = function ? function->common.function_name : NULL;
		if (!name) {
			continue;
		}
		if (function->type == ZEND_INTERNAL_FUNCTION && !function->common.scope) {
			if (zend_string_equals_literal(name, "session_destroy")) {
				return RUSTREDIS_DELETE;
			}
			if (zend_string_equals_literal(name, "session_regenerate_id")) {
				return rustredis_is_leaving() ? RUSTREDIS_MOVED : RUSTREDIS_DELETE;
			}
			if (zend_string_equals_literal(name, "session_start") || zend_string_equals_literal(name, "session_reset")
					|| zend_string_equals_literal(name, "session_decode")) {
				/* PHP itself calls a handler's destroy() here. The handler's read() may also call
				 * destroy(), and then the session is really to be deleted. */
				if (callee && !is_destroy_of_class(callee)) {
					return RUSTREDIS_DELETE;
				}
				if (is_out_of_resources() || is_ended_by_script()) {
					return RUSTREDIS_LEAVE;
				}
				return zend_string_equals_literal(name, "session_decode") ? RUSTREDIS_DELETE : RUSTREDIS_SET_ASIDE;
			}
		}
		callee = function;
	}
	if (is_given_up_after_bailout(callee)) {
		return RUSTREDIS_LEAVE;
	}
	/* The request came from no function of PHP: either a script calls SessionHandler::destroy(),
	 * or a session that starts by itself (auto_start, before any script) cannot be decoded. */
	if (callee) {
		return RUSTREDIS_DELETE;
	}
	return is_out_of_resources() || is_ended_by_script() ? RUSTREDIS_LEAVE : RUSTREDIS_SET_ASIDE;
}

/* An application that logs a user out may empty $_SESSION and change the id. */
static bool has_nothing(zval *value, int depth)
{
	zval *member;
	zend_string *key;

	ZVAL_DEREF(value);
	if (Z_TYPE_P(value) != IS_ARRAY) {
		return Z_TYPE_P(value) <= IS_NULL;
	}
	ZEND_HASH_FOREACH_STR_KEY_VAL(Z_ARRVAL_P(value), key, member) {
		/* Symfony keeps the times of a session that it empties. */
		bool is_metadata = depth == 0 && key && zend_string_equals_literal(key, "_sf2_meta");
		if (!is_metadata && (depth > 2 || !has_nothing(member, depth + 1))) {
			return false;
		}
	} ZEND_HASH_FOREACH_END();
	return true;
}

/* $_SESSION does not have all of the stored session yet. */
static bool is_unfinished(void)
{
	return is_unread || is_being_decoded || is_interrupted || rustredis_running(ZEND_STRL("session_decode"));
}

bool rustredis_is_emptied(void)
{
	return !is_unfinished() && has_nothing(&PS(http_session_vars), 0);
}

/* Gives the flaw for which a session must not be deleted because it goes on under another id, and
 * the reason in words. */
static int is_not_to_move(int is_missing, char *reason, size_t size)
{
	if (is_unread) {
		snprintf(reason, size, "PHP is about to read it");
	} else if (half_decoded) {
		snprintf(reason, size, "%s", half_decoded);
	} else if (is_unfinished()) {
		snprintf(reason, size, "it is still being decoded, and $_SESSION does not have all of it");
	} else {
		return !is_missing && rustredis_cannot_be_stored(reason, size) ? RUSTREDIS_NOT_ENCODED : RUSTREDIS_FLAWLESS;
	}
	return RUSTREDIS_UNDECODED;
}

PS_DESTROY_FUNC(rustredis)
{
	char reason[1024];
	int how, is_missing, flaw;

	if (!key) {
		return FAILURE;
	}
	if (is_bad_id_of_subclass(key)) {
		return FAILURE;
	}
	how = how_to_destroy();
	/* A handler class may end other sessions beside PHP's own. */
	if (how == RUSTREDIS_MOVED && !rustredis_leaves(mod_data, ZSTR_VAL(key), ZSTR_LEN(key))) {
		how = RUSTREDIS_DELETE;
	}
	is_missing = how == RUSTREDIS_MOVED && rustredis_is_missing(mod_data, ZSTR_VAL(key), ZSTR_LEN(key));
	flaw = how == RUSTREDIS_MOVED ? is_not_to_move(is_missing, reason, sizeof reason) : RUSTREDIS_FLAWLESS;
	if (flaw != RUSTREDIS_FLAWLESS) {
		/* PHP closes the session, and does not save it. */
		rustredis_lose(mod_data, ZSTR_VAL(key), ZSTR_LEN(key), flaw);
		rustredis_raise("rustredis: the session is not moved to a new id: %s; %s", reason, left(is_missing));
		return FAILURE;
	}
	if (!rustredis_destroy(mod_data, ZSTR_VAL(key), ZSTR_LEN(key), PS(gc_maxlifetime), how)) {
		return failed();
	}
	if (how != RUSTREDIS_SET_ASIDE) {
		return SUCCESS;
	}
	/* PHP reports next that decoding has failed. These messages add the reason and the place of the
	 * session. */
	tell_unreadable();
	rustredis_raise_rest_of_failure();
	return EG(exception) ? FAILURE : SUCCESS;
}

/* Redis deletes expired sessions by itself. -1, PHP's initial value, would make session_gc()
 * fail. */
PS_GC_FUNC(rustredis)
{
	(void) mod_data;
	(void) maxlifetime;
	*nrdels = 0;
	return 0;
}

/* PHP replaces an unknown id and its cookie. While an exception is pending, no server is asked,
 * and the read fails instead. */
PS_VALIDATE_SID_FUNC(rustredis)
{
	if (!key) {
		return FAILURE;
	}
	return EG(exception)
		|| rustredis_validate(mod_data, ZSTR_VAL(key), ZSTR_LEN(key), PS(gc_maxlifetime), wants_read_only())
		? SUCCESS : FAILURE;
}

/* Never returns NULL, because session_create_id() and SessionHandler::create_sid() would crash. */
PS_CREATE_SID_FUNC(rustredis)
{
	zend_string *id = NULL;
	/* One of several servers may be down. It is asked only once, and new ids are drawn until one
	 * belongs to another server. */
	int tries = 64;

	while (tries--) {
		if (id) {
			zend_string_release(id);
		}
		id = php_session_create_id(NULL);
		if (!id) {
			/* The system has no randomness, and PHP has thrown an exception. The read refuses an
			 * empty id. */
			return ZSTR_EMPTY_ALLOC();
		}
		/* mod_data is NULL if a subclass overrides open() without calling its parent. */
		if (!*mod_data || EG(exception) || rustredis_keeps_id()
				|| rustredis_create(mod_data, ZSTR_VAL(id), ZSTR_LEN(id), PS(gc_maxlifetime), wants_read_only(),
					PS(use_strict_mode))) {
			break;
		}
	}
	return id;
}

/* The functions for RustRedis\SessionHandler: the same, if PHP has an object of it as its save
 * handler. */
static void begin_with_object(rustredis_opening opening)
{
	is_of_object = true;
	if (!opening.has_begun || !*opening.has_begun) {
		begin(opening);
		is_unread = opening.takes_an_id;
		note_begun(opening);
	}
}

void rustredis_object_opens(uint64_t handle)
{
	/* PHP sets mod_user_implemented only afterwards. */
	if (PS(mod) && strcmp(PS(mod)->s_name, "user") == 0 && rustredis_opens_a_session()) {
		begin_with_object(rustredis_opening_now());
		has_open_objects = rustredis_object_set_open(handle, true);
	}
}

/* A class with a store of its own, or with other ids, may read a record that is no session of
 * PHP's. */
static bool is_phps_session(const zend_string *id)
{
	return PS(id) && zend_string_equals(id, PS(id)) && !rustredis_is_leaving();
}

void rustredis_object_begins(uint64_t handle, const zend_string *id)
{
	rustredis_opening opening;
	if (!PS(mod_user_implemented)) {
		return;
	}
	opening = rustredis_opening_now();
	/* Another handler may have begun with the session. A class may use others in any callback. */
	if (!opening.has_begun || (*opening.has_begun && !is_of_object) || !is_phps_session(id)) {
		return;
	}
	if (!*opening.has_begun && !opening.takes_an_id) {
		/* session_regenerate_id() mostly has the new id by now. */
		rustredis_has_left_its_id();
		own.how = NOT_KNOWN;
		is_late = false;
	}
	begin_with_object(opening);
	has_open_objects = rustredis_object_set_open(handle, true);
}

void rustredis_object_closes(uint64_t handle)
{
	has_open_objects = rustredis_object_set_open(handle, false);
}

bool rustredis_is_phps_handler(void)
{
	return has_open_objects || rustredis_is_open();
}

void rustredis_close_left_object(void)
{
	if (has_open_objects) {
		rustredis_leave_open_objects((uintptr_t) EG(active_fiber));
		has_open_objects = false;
	}
}

static bool is_of_php(zend_string *id)
{
	return is_of_object && PS(mod_user_implemented) && rustredis_is_own_id(ZSTR_VAL(id), ZSTR_LEN(id));
}

void rustredis_object_reads(zend_string *id)
{
	if (is_of_object) {
		note_own(id);
	}
}

int rustredis_object_reason_to_read(zend_string *id)
{
	return is_of_php(id) ? reason_to_read() : RUSTREDIS_TO_DELIVER;
}

int rustredis_object_only_reads(zend_string *id)
{
	return is_of_php(id) && wants_read_only();
}

void rustredis_object_has_read(zend_string *id, zend_string *val, bool is_overtaken)
{
	if (is_of_php(id)) {
		if (is_overtaken) {
			note_late();
		}
		is_unread = is_unread && reason_to_read() != RUSTREDIS_TO_DELIVER;
		note_delivery(id, val, reason_to_read());
		rustredis_watch_exceptions();
	}
}

bool rustredis_object_refuses(uint64_t handle, zend_string *id, zend_string *val, int unchanged, char *reason, size_t size)
{
	const int writer = writer_now();
	size_t len;
	int flaw;
	if (!is_of_php(id)) {
		return false;
	}
	flaw = refuses(val, unchanged, writer, reason, size);
	if (flaw == RUSTREDIS_FLAWLESS) {
		if (is_kept_in_place(writer)) {
			rustredis_object_lose(handle, ZSTR_VAL(id), ZSTR_LEN(id), RUSTREDIS_NOT_ENCODED);
		}
		return false;
	}
	len = strlen(reason);
	snprintf(reason + len, size - len, "; %s", left(rustredis_object_is_missing(handle, ZSTR_VAL(id), ZSTR_LEN(id))));
	rustredis_object_lose(handle, ZSTR_VAL(id), ZSTR_LEN(id), flaw);
	return true;
}

int rustredis_object_how_to_destroy(uint64_t handle, zend_string *id, char *reason, size_t size)
{
	const int how = is_of_php(id) ? how_to_destroy() : RUSTREDIS_DELETE;
	if (how == RUSTREDIS_MOVED) {
		const int is_missing = rustredis_object_is_missing(handle, ZSTR_VAL(id), ZSTR_LEN(id));
		const int flaw = is_not_to_move(is_missing, reason, size);
		if (flaw != RUSTREDIS_FLAWLESS) {
			const size_t len = strlen(reason);
			snprintf(reason + len, size - len, "; %s", left(is_missing));
			rustredis_object_lose(handle, ZSTR_VAL(id), ZSTR_LEN(id), flaw);
		}
	}
	return how;
}

static const ps_module ps_mod_rustredis = {
	PS_MOD_UPDATE_TIMESTAMP(rustredis)
};

int rustredis_register(void)
{
	read_and_close = zend_string_init_interned(ZEND_STRL("read_and_close"), 1);
	rustredis_start_masking();
	zend_observer_error_register(note_error);
	rustredis_register_exceptions();
	rustredis_register_classes();
	return php_session_register_module(&ps_mod_rustredis) == SUCCESS && rustredis_register_json();
}

const char *rustredis_sapi(void)
{
	return sapi_module.name;
}

const char *rustredis_request_uri(void)
{
	const char *uri = NULL;

	/* Behind a front controller, PHP-FPM and Apache have the script in the other field. */
	if (sapi_module.getenv) {
		uri = sapi_module.getenv("REQUEST_URI", sizeof "REQUEST_URI" - 1);
	}
	return uri && *uri ? uri : SG(request_info).request_uri;
}

/* PHP-FPM has freed the path by the time at which PHP saves a session that is still open. The
 * server's own variable is not copied, as an allocation could bail out. */
const char *rustredis_script(void)
{
	if (SG(request_info).path_translated || !sapi_module.getenv) {
		return SG(request_info).path_translated;
	}
	return sapi_module.getenv("SCRIPT_FILENAME", sizeof "SCRIPT_FILENAME" - 1);
}
