/* A session that PHP has given up belongs to no request, and its lock is released at once.
 *
 * PHP calls close when it gives a session up, but not always: after an exception from a
 * SessionHandler subclass PHP skips the remaining methods, a subclass can forget its parent's
 * close(), and PHP 8.6 calls no close if a session cannot be encoded. The process may live on (a
 * worker, a queue, a test suite), and would renew the lock all that time. Therefore PHP's
 * functions that can end a session are wrapped: when the outermost of them returns and no
 * session is active, the remaining session is closed. If none of them returns (a bailout), the
 * end of the request does this.
 *
 * These functions also encode and decode sessions, with a serializer that may already be at
 * work, and destroy values that may save a session; see below. */
#include "php.h"
#include "ext/session/php_session.h"
#include "ext/standard/basic_functions.h"
#include "serializer.h"
#include "shim.h"

#define SESSION_FUNCTIONS(X) \
	X(session_start) X(session_write_close) X(session_reset) X(session_regenerate_id) X(session_decode) \
	X(session_commit) X(session_abort) X(session_destroy) X(session_encode) \
	X(session_unset)

typedef struct {
	const char *name;
	size_t name_len;
	zif_handler wrapper, original;
	/* PHP's own text of the name, which lives as long as the process. */
	const zend_string *known;
} wrapped_function;

/* The innermost of these functions on this stack, starting at `call`. The calls of a suspended
 * fiber are not on it. */
static const wrapped_function *innermost(zend_execute_data *call);

static bool is_inside_of_a_start(zend_execute_data *call);

static bool is_inside_of_a_move(zend_execute_data *call);

static void close_what_is_left(zend_execute_data *call)
{
	if (PS(session_status) == php_session_active || innermost(call->prev_execute_data)) {
		return;
	}
	rustredis_close_left_object();
	if (!rustredis_is_open()) {
		return;
	}
	rustredis_close_left(&PS(mod_data));
	/* PHP's own close does the same. The next subclass must open its parent again. */
	PS(mod_user_is_open) = 0;
	rustredis_raise_rest();
}

enum {
#define X(name) INDEX_##name,
	SESSION_FUNCTIONS(X)
#undef X
	FUNCTIONS
};

static wrapped_function functions[FUNCTIONS];

/* The state of PHP's serializer. A serialize() shares the values it has met with every
 * serialize() inside it. */
typedef struct {
	unsigned lock, serialize_level, unserialize_level;
	struct php_serialize_data *serialize_data;
	struct php_unserialize_data *unserialize_data;
} serializer_state;

static void set_serializer_state(serializer_state state)
{
	BG(serialize_lock) = state.lock;
	BG(serialize).level = state.serialize_level;
	BG(serialize).data = state.serialize_data;
	BG(unserialize).level = state.unserialize_level;
	BG(unserialize).data = state.unserialize_data;
}

static bool is_none(serializer_state state)
{
	return !state.lock && !state.serialize_level && !state.unserialize_level && !state.serialize_data
		&& !state.unserialize_data;
}

static serializer_state serializer_state_now(void)
{
	serializer_state now;
	now.lock = BG(serialize_lock);
	now.serialize_level = BG(serialize).level;
	now.serialize_data = BG(serialize).data;
	now.unserialize_level = BG(unserialize).level;
	now.unserialize_data = BG(unserialize).data;
	return now;
}

/* A session shares nothing with a serialize() around it, and least of all with one that a fatal
 * error has ended. Such a serialize() keeps its state until the end of the request: the
 * session's objects that it has met would be written as references to nothing. */
static serializer_state start_serializer_over(void)
{
	const serializer_state none = {0};
	const serializer_state outer = serializer_state_now();
	set_serializer_state(none);
	return outer;
}

/* Restores the previous state. A fiber that was in the middle of a serialize() may have ended it in
 * the meantime, and then that state no longer exists. */
static void go_on_with_serializer(serializer_state outer)
{
	if (is_none(serializer_state_now())) {
		set_serializer_state(outer);
	}
}

/* A request of this thread did not end in order, now or before. */
static TSRM_TLS bool has_broken_off;

bool rustredis_has_broken_off(void)
{
	return has_broken_off || CG(unclean_shutdown);
}

/* In RSHUTDOWN, no serialize() can go on any more. Its memory is freed together with the
 * request's. */
void rustredis_start_serializer_over(void)
{
	has_broken_off = rustredis_has_broken_off();
	start_serializer_over();
}

/* Every script has ended, and PHP saves the session that is still open. */
static TSRM_TLS bool request_ends;

/* Symfony's handler class sends a deletion of the cookie before it destroys the session. PHP then
 * replaces it by the cookie of the new id, but not if session_regenerate_id() is refused: the
 * session stays, and the browser must keep its id. A session without values may be that of a user
 * who is logging out. */
static bool keeps_cookie(void)
{
	return rustredis_is_phps_handler() && !rustredis_is_emptied() && !rustredis_deletes_cookie();
}

/* The id that the running session_regenerate_id() leaves, until PHP opens the session of the new
 * one. */
static TSRM_TLS zend_string *left_id;

/* Set while session_start() takes the id out of the request, because the script has named none. */
static TSRM_TLS bool takes_cookie;

bool rustredis_takes_cookie(void)
{
	return takes_cookie;
}

/* The id that the outermost of these calls leaves: the browser's. */
static TSRM_TLS zend_string *browsers_id;

/* PHP does not go on under the new id. A later session_start() must not take that one, whose
 * cookie would replace the browser's. */
static void settle_move(bool is_complete)
{
	zend_string *id = browsers_id;
	browsers_id = NULL;
	rustredis_settle_move(is_complete);
	if (!id) {
		return;
	}
	if (is_complete || PS(session_status) == php_session_active) {
		zend_string_release(id);
		return;
	}
	if (PS(id)) {
		zend_string_release(PS(id));
	}
	PS(id) = id;
}

/* The number of calls of PHP's functions that decode a session, and have not returned. After a
 * bailout in one of them, they never do. */
static TSRM_TLS unsigned decoding;

bool rustredis_decodes(void)
{
	return decoding != 0;
}

/* The same for session_regenerate_id(). */
static TSRM_TLS unsigned moving;

/* The calls that open a session, and have not returned: also those that are suspended on a fiber.
 * Each opens one session, however often a handler class passes that on. */
typedef struct opening_call {
	const zend_execute_data *call;
	bool has_begun;
	struct opening_call *next;
} opening_call;

static TSRM_TLS opening_call *opening_calls;

static void leave_opening_call(const opening_call *left)
{
	opening_call **place = &opening_calls;
	while (*place && *place != left) {
		place = &(*place)->next;
	}
	if (*place) {
		*place = left->next;
	}
}

static bool deletes_the_old(zend_execute_data *call);

/* An integer key, which the serializers php and php_binary leave out with a warning. An error
 * handler that throws then ends the encoding in the middle, after session_regenerate_id(true) has
 * deleted what was stored. Therefore the warning comes once before, and an exception from it keeps
 * the session. Returns false then. */
static bool may_delete(zend_execute_data *call)
{
	zval *session = &PS(http_session_vars);
	zend_ulong index;
	zend_string *key;

	ZVAL_DEREF(session);
	if (Z_ISUNDEF(EG(user_error_handler)) || PS(session_status) != php_session_active || Z_TYPE_P(session) != IS_ARRAY
			|| !(rustredis_has_serializer("php") || rustredis_has_serializer("php_binary"))
			|| !rustredis_is_phps_handler() || !deletes_the_old(call)) {
		return true;
	}
	ZEND_HASH_FOREACH_KEY(Z_ARRVAL_P(session), index, key) {
		if (!key) {
			php_error_docref(NULL, E_WARNING, "Skipping numeric key " ZEND_LONG_FMT, (zend_long) index);
			break;
		}
	} ZEND_HASH_FOREACH_END();
	return !EG(exception);
}

/* Carries out one of these functions. `which` is a constant of each caller, which therefore has
 * only the steps of its own function. */
static zend_always_inline void carry_out(const int which, INTERNAL_FUNCTION_PARAMETERS)
{
	const bool starts = which == INDEX_session_start, opens = starts || which == INDEX_session_reset;
	const bool moves = which == INDEX_session_regenerate_id;
	/* PHP destroys a session that is given a text which it cannot decode. */
	const bool destroys = (which == INDEX_session_destroy || which == INDEX_session_decode)
		&& PS(session_status) == php_session_active;
	const unsigned decodes = opens || which == INDEX_session_decode;
	/* In an error handler of a start that fails. */
	rustredis_allow_cookie();
	if (UNEXPECTED(CG(unclean_shutdown)) && !innermost(execute_data->prev_execute_data)) {
		/* In a shutdown function. A fatal error may have ended a change of the id, or a start. */
		settle_move(false);
		rustredis_forget_kept_ids();
		opening_calls = NULL;
	}
	const php_output_handler *output = moves ? rustredis_hold_output() : NULL;
	if (moves && !may_delete(execute_data)) {
		rustredis_release_output(output);
		rustredis_withhold_cookie(execute_data->prev_execute_data);
		return;
	}
	const bool keeps = moves && keeps_cookie();
	/* A fiber can be suspended here, and continue beside another serialize(), or none. */
	const bool is_alone = !EG(active_fiber);
	const serializer_state outer = is_alone ? start_serializer_over() : serializer_state_now();
	const unsigned begun = rustredis_begun();
	/* PHP destroys the values while it walks over their array. An object among them may save the
	 * session, and a change in that encoding would free the array. Here they outlive the walk. */
	zend_array *values = which == INDEX_session_unset ? rustredis_hold_values() : NULL;
	zend_string *outer_id = left_id;
	if (moves) {
		left_id = PS(id) ? zend_string_copy(PS(id)) : NULL;
		if (left_id && !browsers_id) {
			browsers_id = zend_string_copy(left_id);
			rustredis_begin_move(PS(gc_maxlifetime), rustredis_is_emptied());
		}
	}
	if (starts && PS(session_status) != php_session_active) {
		rustredis_is_not_late();
		takes_cookie = !PS(id);
	}
	decoding += decodes;
	moving += moves;
	opening_call opening = { execute_data, false, opening_calls };
	if (opens || moves) {
		opening_calls = &opening;
	}
	functions[which].original(INTERNAL_FUNCTION_PARAM_PASSTHRU);
	if (opens || moves) {
		leave_opening_call(&opening);
	}
	decoding -= decodes;
	moving -= moves;
	if (moves) {
		if (left_id) {
			zend_string_release(left_id);
		}
		left_id = outer_id;
	}
	rustredis_release_values(values);
	if (is_alone) {
		go_on_with_serializer(outer);
	}
	takes_cookie = takes_cookie && !starts;
	/* A class may have read the session in its validateId(), before PHP sends the cookie. */
	if (starts && PS(mod_user_implemented) && PS(id) && rustredis_is_late()) {
		rustredis_take_back_cookie(PS(id));
	}
	if (opens) {
		if (!rustredis_restore_id(execute_data, starts && Z_TYPE_P(return_value) == IS_TRUE)) {
			zval_ptr_dtor(return_value);
			ZVAL_FALSE(return_value);
		}
		/* A call that PHP ignores decodes nothing, and may lie inside one that does. */
		if (rustredis_begun() != begun) {
			rustredis_is_decoded(!is_inside_of_a_start(execute_data->prev_execute_data));
		}
	}
	close_what_is_left(execute_data);
	if (destroys && PS(session_status) != php_session_active) {
		rustredis_has_destroyed();
	}
	if (moves) {
		rustredis_end_of_move();
		/* The outermost of these calls decides. */
		if (!is_inside_of_a_move(execute_data->prev_execute_data)) {
			settle_move(Z_TYPE_P(return_value) == IS_TRUE);
			rustredis_move_is_over();
		}
		if (keeps && (EG(exception) || Z_TYPE_P(return_value) != IS_TRUE)) {
			rustredis_take_back_deletion();
		}
	}
	rustredis_hide_in_pending();
	rustredis_release_output(output);
	rustredis_withhold_cookie(execute_data->prev_execute_data);
}

#define X(name) \
	static ZEND_NAMED_FUNCTION(wrapped_##name) \
	{ \
		carry_out(INDEX_##name, INTERNAL_FUNCTION_PARAM_PASSTHRU); \
	}
SESSION_FUNCTIONS(X)
#undef X

static wrapped_function functions[FUNCTIONS] = {
#define X(name) { ZEND_STRL(#name), wrapped_##name, NULL, NULL },
	SESSION_FUNCTIONS(X)
#undef X
};

/* Finds the innermost of these functions, and moves `call` to its call. The functions are compared
 * by name, because a closure of such a function is a copy with another handler. Each session asks
 * several times, and the text of the name is nearly always the one that is known. */
static const wrapped_function *innermost_call(zend_execute_data **call)
{
	for (; *call; *call = (*call)->prev_execute_data) {
		zend_function *function = (*call)->func;
		zend_string *name = function ? function->common.function_name : NULL;
		size_t i;
		if (!name || function->type != ZEND_INTERNAL_FUNCTION || function->common.scope) {
			continue;
		}
		for (i = 0; i < FUNCTIONS; i++) {
			if (name == functions[i].known || (ZSTR_LEN(name) == functions[i].name_len
					&& memcmp(ZSTR_VAL(name), functions[i].name, functions[i].name_len) == 0)) {
				return &functions[i];
			}
		}
	}
	return NULL;
}

static const wrapped_function *innermost(zend_execute_data *call)
{
	return innermost_call(&call);
}

rustredis_opening rustredis_opening_now(void)
{
	zend_execute_data *call = EG(current_execute_data);
	const wrapped_function *function = innermost_call(&call);
	opening_call *opening = function ? opening_calls : NULL;
	rustredis_opening now;
	while (opening && opening->call != call) {
		opening = opening->next;
	}
	now.has_begun = opening ? &opening->has_begun : NULL;
	now.resets = function == &functions[INDEX_session_reset];
	now.takes_an_id = function == &functions[INDEX_session_start] || now.resets;
	now.begins = function == &functions[INDEX_session_start] || function == &functions[INDEX_session_regenerate_id];
	return now;
}

bool rustredis_resets_a_session(void)
{
	return innermost(EG(current_execute_data)) == &functions[INDEX_session_reset];
}

bool rustredis_is_called_by_php(void)
{
	return innermost(EG(current_execute_data)) != NULL;
}

bool rustredis_is_session_function(const zend_function *function)
{
	return function && function->type == ZEND_INTERNAL_FUNCTION && !function->common.scope
		&& function->common.function_name
		&& strncmp(ZSTR_VAL(function->common.function_name), "session_", sizeof("session_") - 1) == 0;
}

/* The functions of PHP that are not wrapped, such as session_create_id(), call a handler class as
 * well. */
zend_execute_data *rustredis_call_that_takes_an_id(void)
{
	zend_execute_data *call = EG(current_execute_data), *wrapped;
	const wrapped_function *function;
	while (call && !rustredis_is_session_function(call->func)) {
		call = call->prev_execute_data;
	}
	wrapped = call;
	function = innermost_call(&wrapped);
	return wrapped == call && (function == &functions[INDEX_session_start] || function == &functions[INDEX_session_reset])
		? call : NULL;
}

zend_execute_data *rustredis_call_that_opens(zend_execute_data *call)
{
	const wrapped_function *function;
	for (; (function = innermost_call(&call)); call = call->prev_execute_data) {
		if (function == &functions[INDEX_session_start] || function == &functions[INDEX_session_reset]
				|| function == &functions[INDEX_session_regenerate_id]) {
			return call;
		}
	}
	return NULL;
}

zend_execute_data *rustredis_call_of_start(void)
{
	zend_execute_data *call = EG(current_execute_data);
	return innermost_call(&call) == &functions[INDEX_session_start] ? call : NULL;
}

bool rustredis_opens_a_session(void)
{
	return rustredis_call_that_opens(EG(current_execute_data)) != NULL;
}

static bool is_inside_of_a_start(zend_execute_data *call)
{
	const wrapped_function *function;
	for (; (function = innermost_call(&call)); call = call->prev_execute_data) {
		if (function == &functions[INDEX_session_start] || function == &functions[INDEX_session_reset]) {
			return true;
		}
	}
	return false;
}

static bool is_inside_of_a_move(zend_execute_data *call)
{
	const wrapped_function *function;
	for (; (function = innermost_call(&call)); call = call->prev_execute_data) {
		if (function == &functions[INDEX_session_regenerate_id]) {
			return true;
		}
	}
	return false;
}

bool rustredis_takes_an_id(void)
{
	return rustredis_call_that_takes_an_id() != NULL;
}

bool rustredis_changes_the_id(void)
{
	return moving && innermost(EG(current_execute_data)) == &functions[INDEX_session_regenerate_id];
}

bool rustredis_destroys_a_session(void)
{
	return innermost(EG(current_execute_data)) == &functions[INDEX_session_destroy];
}

bool rustredis_is_leaving(void)
{
	return rustredis_changes_the_id() && left_id && PS(id) && zend_string_equals(PS(id), left_id);
}

void rustredis_has_left_its_id(void)
{
	if (left_id && rustredis_changes_the_id()) {
		zend_string_release(left_id);
		left_id = NULL;
	}
}

/* session_regenerate_id(true) destroys the session under its old id, and PHP saves nothing
 * there. */
static bool deletes_the_old(zend_execute_data *call)
{
	const wrapped_function *function = innermost_call(&call);
	return function == &functions[INDEX_session_regenerate_id] && ZEND_CALL_NUM_ARGS(call) > 0
		&& zend_is_true(ZEND_CALL_ARG(call, 1));
}

/* While an exception is pending, PHP gives up the change of the id after the session is saved. */
bool rustredis_keeps_the_old_id(void)
{
	return rustredis_is_leaving() && !EG(exception) && !deletes_the_old(EG(current_execute_data));
}

void rustredis_note_end(int ends)
{
	request_ends = ends != 0;
	/* A bailout may have left them, and the memory is gone with the request. */
	left_id = NULL;
	browsers_id = NULL;
	takes_cookie = false;
	opening_calls = NULL;
	decoding = 0;
	moving = 0;
	rustredis_forget_encodings();
}

/* Without a function on the stack, PHP saves at the end of the request. Before that, a function
 * that ends a script can still write on its own. */
static bool saves(zend_execute_data *call)
{
	const wrapped_function *function = innermost(call);
	if (!function) {
		return request_ends || rustredis_worker_saves(call);
	}
	return function == &functions[INDEX_session_write_close] || function == &functions[INDEX_session_commit]
		|| (function == &functions[INDEX_session_regenerate_id] && !deletes_the_old(call) && rustredis_is_leaving());
}

bool rustredis_saves_a_session(void)
{
	return saves(EG(current_execute_data));
}

bool rustredis_saves_without_a_script(void)
{
	return !innermost(EG(current_execute_data)) && rustredis_saves_a_session();
}

static zend_internal_function *find(const wrapped_function *wrapped)
{
	zend_function *function = zend_hash_str_find_ptr(CG(function_table), wrapped->name, wrapped->name_len);
	return function && function->type == ZEND_INTERNAL_FUNCTION ? &function->internal_function : NULL;
}

void rustredis_wrap_functions(void)
{
	size_t i;
	for (i = 0; i < FUNCTIONS; i++) {
		zend_internal_function *function = find(&functions[i]);
		if (function && function->handler != functions[i].wrapper) {
			functions[i].known = ZSTR_IS_INTERNED(function->function_name) ? function->function_name : NULL;
			functions[i].original = function->handler;
			function->handler = functions[i].wrapper;
		}
	}
}

/* A function that another extension has wrapped in the meantime stays as it is, which is safe
 * because this library stays mapped. */
void rustredis_unwrap_functions(void)
{
	size_t i;
	for (i = 0; i < FUNCTIONS; i++) {
		zend_internal_function *function = find(&functions[i]);
		if (function && function->handler == functions[i].wrapper) {
			function->handler = functions[i].original;
		}
	}
}
