/* A failed validateId() of a handler class keeps the browser's id.
 *
 * A failure is no answer, but PHP takes an exception, or an exit of an error handler, for a no, and
 * so may the class do with a false or with an exception that it catches. PHP then makes another id
 * and sends its cookie before it sees the exception: the user is logged out. If a handler class
 * makes the ids, another exception replaces the first one.
 *
 * The call of session_start() or session_reset() that started the validateId() keeps the id. No
 * cookie is sent from then on, a read of the other id fails, and the end of the call restores the
 * id. An error handler may run other session functions meanwhile, also on a fiber that outlives the
 * call. They have ids and cookies of their own. */
#include "php.h"
#include "ext/session/php_session.h"
#include "zend_exceptions.h"
#include "shim.h"

typedef struct kept_id {
	/* The call that keeps the id. */
	const zend_execute_data *start;
	zend_string *id;
	/* The id that PHP has begun to read in its place, or NULL. */
	zend_string *replacing;
	/* The failure is being told: an error handler may read the session, and the class still has
	 * none. */
	bool is_being_told;
	struct kept_id *next;
} kept_id;

/* Those of all calls that are running, or suspended on a fiber. */
static TSRM_TLS kept_id *kept_ids;

/* The id of the last start that failed in this request. A class may answer the next one with what
 * it remembers of the failure, and ask nobody. */
static TSRM_TLS zend_string *failed_id;

/* PHP's settings are off meanwhile. */
static TSRM_TLS bool is_withheld;

static const char refusal[] = "rustredis: the session is not started: validateId() of the handler class failed to read it, "
	"and called its id unknown; the id stays";

/* An error handler may have turned them on. */
static void withhold_cookie(void)
{
	is_withheld = true;
	PS(use_cookies) = 0;
	PS(use_trans_sid) = 0;
}

/* As PHP reads the text of a setting, which may be "On". */
static bool is_on(const char *name, size_t name_len)
{
	zend_string *key = zend_string_init(name, name_len, 0);
	zend_string *text = zend_ini_get_value(key);
	zend_string_release(key);
	return text && zend_ini_parse_bool(text);
}

void rustredis_allow_cookie(void)
{
	if (is_withheld) {
		is_withheld = false;
		PS(use_cookies) = is_on(ZEND_STRL("session.use_cookies"));
		PS(use_trans_sid) = is_on(ZEND_STRL("session.use_trans_sid"));
	}
}

/* Finds what a call keeps: the place of it in the list, or the end of the list. */
static kept_id **place_of(const zend_execute_data *start)
{
	kept_id **place = &kept_ids;
	while (*place && (!start || (*place)->start != start)) {
		place = &(*place)->next;
	}
	return place;
}

static kept_id **place_now(void)
{
	return place_of(kept_ids ? rustredis_call_that_takes_an_id() : NULL);
}

/* Withholds the cookie from PHP in a call that keeps an id. A script may send cookies while the
 * failure is told. Code of a suspended fiber, whose call is not known here, may go on at any
 * time. */
static void withhold_for(const zend_execute_data *start)
{
	const kept_id *record = start ? *place_of(start) : kept_ids;
	while (!start && record && record->is_being_told) {
		record = record->next;
	}
	if (record && !record->is_being_told) {
		withhold_cookie();
	} else {
		rustredis_allow_cookie();
	}
}

void rustredis_withhold_cookie(zend_execute_data *call)
{
	if (kept_ids) {
		withhold_for(rustredis_call_that_opens(call));
	}
}

/* The caller has to release the ids. */
static kept_id take(kept_id **place)
{
	kept_id *record = *place, taken = *record;
	*place = record->next;
	efree(record);
	rustredis_allow_cookie();
	return taken;
}

static void set_failed_id(zend_string *id)
{
	if (failed_id) {
		zend_string_release(failed_id);
	}
	failed_id = id;
}

static bool is_id(const zend_string *one, const char *id, size_t id_len)
{
	return one && ZSTR_LEN(one) == id_len && memcmp(ZSTR_VAL(one), id, id_len) == 0;
}

static void release(kept_id taken)
{
	zend_string_release(taken.id);
	if (taken.replacing) {
		zend_string_release(taken.replacing);
	}
}

void rustredis_keep_id(bool is_being_told)
{
	const zend_execute_data *start = rustredis_call_that_takes_an_id();
	if (!start || (!*place_of(start) && !PS(id))) {
		return;
	}
	if (!*place_of(start)) {
		kept_id *record = emalloc(sizeof *record);
		record->start = start;
		record->id = zend_string_copy(PS(id));
		record->replacing = NULL;
		record->is_being_told = false;
		record->next = kept_ids;
		kept_ids = record;
	}
	(*place_of(start))->is_being_told = is_being_told;
	withhold_for(start);
}

void rustredis_keep_failed_id(void)
{
	if (failed_id && PS(id) && zend_string_equals(PS(id), failed_id) && PS(use_strict_mode)
			&& rustredis_asks_a_class(RUSTREDIS_HANDLER_VALIDATE_SID)) {
		rustredis_keep_id(false);
	}
}

void rustredis_has_told(void)
{
	kept_id *record = *place_now();
	if (record) {
		record->is_being_told = false;
		withhold_cookie();
	}
}

void rustredis_forget_kept_ids(void)
{
	while (kept_ids) {
		release(take(&kept_ids));
	}
	set_failed_id(NULL);
}

void rustredis_found_id(const char *id, size_t id_len)
{
	kept_id **place = place_now();
	if (*place && (*place)->is_being_told) {
		return;
	}
	if (*place && is_id((*place)->id, id, id_len)) {
		release(take(place));
	}
	if (is_id(failed_id, id, id_len)) {
		set_failed_id(NULL);
	}
}

bool rustredis_replaces_kept_id(const zend_string *id)
{
	const kept_id *record = *place_now();
	/* A class may read the other id in its validateId(), too. */
	if (!record || zend_string_equals(record->id, id) || rustredis_is_validating()) {
		return false;
	}
	return record->replacing ? zend_string_equals(record->replacing, id) : PS(id) && zend_string_equals(PS(id), id);
}

bool rustredis_keeps_id(void)
{
	return *place_now() != NULL;
}

/* An error handler may end the session and start anew, under the id that stays. A class may read
 * the other one again. */
static void put_id_back(void)
{
	kept_id *record = *place_now();
	if (record && !record->replacing) {
		record->replacing = PS(id);
		PS(id) = zend_string_copy(record->id);
	}
}

void rustredis_tell_replaced_id(void **mod_data)
{
	put_id_back();
	rustredis_keep_id(true);
	rustredis_tell_refused_read(mod_data, refusal);
	rustredis_has_told();
}

void rustredis_throw_replaced_id(const rustredis_failure *failure)
{
	put_id_back();
	rustredis_throw_failure(refusal, failure);
}

/* True if a session function itself has thrown the error, rather than a script's code inside it. */
static bool is_of_session(zend_object *error)
{
	zval undefined, *trace, *frame, *function;
	if (error->ce != zend_ce_error && error->ce != zend_ce_type_error) {
		return false;
	}
	trace = zend_read_property(zend_ce_error, error, ZEND_STRL("trace"), 1, &undefined);
	frame = Z_TYPE_P(trace) == IS_ARRAY ? zend_hash_index_find(Z_ARRVAL_P(trace), 0) : NULL;
	if (!frame || Z_TYPE_P(frame) != IS_ARRAY || zend_hash_str_exists(Z_ARRVAL_P(frame), ZEND_STRL("class"))) {
		return false;
	}
	function = zend_hash_str_find(Z_ARRVAL_P(frame), ZEND_STRL("function"));
	return function && Z_TYPE_P(function) == IS_STRING
		&& strncmp(Z_STRVAL_P(function), "session_", sizeof("session_") - 1) == 0;
}

/* Replaces the error that PHP raises for a missing id by the exception that a class has thrown
 * before. An exit of the class, or another exception of its own, stays. */
static void rethrow_first(void)
{
	zval undefined, *previous;
	zend_object *first;
	if (!is_of_session(EG(exception))) {
		return;
	}
	previous = zend_read_property(zend_ce_error, EG(exception), ZEND_STRL("previous"), 1, &undefined);
	if (Z_TYPE_P(previous) != IS_OBJECT) {
		return;
	}
	first = Z_OBJ_P(previous);
	GC_ADDREF(first);
	zend_clear_exception();
	zend_throw_exception_internal(first);
}

bool rustredis_restore_id(const zend_execute_data *call, bool is_started)
{
	kept_id **place = place_of(call), taken;
	bool has_started = false, is_read = false;

	if (!*place) {
		return true;
	}
	taken = take(place);
	/* A start that fails leaves PHP without an id. */
	if (!PS(id) || (!taken.replacing && zend_string_equals(PS(id), taken.id))) {
		is_read = !EG(exception) && (is_started || PS(session_status) == php_session_active);
		if (is_read && PS(id)) {
			/* The class has called the id known after all. */
			php_session_reset_id();
		}
	} else {
		/* The class has given PHP an empty session without another read. PHP has closed it already
		 * if it only reads. */
		has_started = is_started || PS(session_status) == php_session_active;
		php_session_flush(0);
		if (PS(id)) {
			zend_string_release(PS(id));
		}
		PS(id) = zend_string_copy(taken.id);
		PS(send_cookie) = 0;
		php_session_reset_id();
	}
	set_failed_id(is_read ? NULL : zend_string_copy(taken.id));
	release(taken);
	if (EG(exception)) {
		rethrow_first();
	} else if (has_started) {
		rustredis_raise("%s", refusal);
	}
	return !has_started;
}
