/* A session that PHP has given up belongs to nobody, and its lock goes back at once.
 *
 * PHP says by close that it gives a session up, but not always: an exception that leaves a SessionHandler subclass keeps
 * PHP from calling the next of its methods, a subclass can forget its parent's close(), and PHP 8.6 calls no close when a
 * session cannot be encoded. The process may live on (a worker, a queue, a test suite), and the lock would be renewed for
 * as long. So the functions of PHP that can end a session are wrapped: when the outermost of them returns and no session
 * is active, what is left is closed. Where none of them returns (a bailout) the end of the request does it.
 *
 * They are also where a session is encoded and decoded, by a serializer that may be at work already: see below. */
#include "php.h"
#include "ext/session/php_session.h"
#include "ext/standard/basic_functions.h"
#include "shim.h"

#define SESSION_FUNCTIONS(X) \
	X(session_start) X(session_reset) X(session_regenerate_id) X(session_decode) \
	X(session_write_close) X(session_commit) X(session_abort) X(session_destroy) X(session_encode)

typedef struct {
	const char *name;
	size_t name_len;
	zif_handler wrapper, original;
} wrapped_function;

/* The call of the innermost of these functions that runs on this stack, from `call` on. A suspended fiber is on none. */
static const wrapped_function *innermost(zend_execute_data *call);

static void close_what_is_left(zend_execute_data *call)
{
	if (PS(session_status) == php_session_active || !rustredis_is_open() || innermost(call->prev_execute_data)) {
		return;
	}
	rustredis_close_left(&PS(mod_data));
	/* As PHP's own close leaves it: the next subclass must open its parent again. */
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

/* How far PHP's serializer has come: what serialize() has met so far is shared with each serialize() inside of it. */
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

/* A session shares nothing with a serialize() around it, and least of all with one that a fatal error has ended, which
 * stays in the middle to the end of the request: objects that it has met would be written as references to nothing. */
static serializer_state start_serializer_over(void)
{
	const serializer_state none = {0};
	serializer_state outer;
	outer.lock = BG(serialize_lock);
	outer.serialize_level = BG(serialize).level;
	outer.serialize_data = BG(serialize).data;
	outer.unserialize_level = BG(unserialize).level;
	outer.unserialize_data = BG(unserialize).data;
	set_serializer_state(none);
	return outer;
}

/* In RSHUTDOWN no serialize() is left that could go on; its memory goes with the request's. */
void rustredis_start_serializer_over(void)
{
	start_serializer_over();
}

#define X(name) \
	static ZEND_NAMED_FUNCTION(wrapped_##name) \
	{ \
		const serializer_state outer = start_serializer_over(); \
		const bool was_interrupted = rustredis_encoding_is_interrupted(); \
		functions[INDEX_##name].original(INTERNAL_FUNCTION_PARAM_PASSTHRU); \
		set_serializer_state(outer); \
		rustredis_set_interrupted(was_interrupted); \
		if (INDEX_##name == INDEX_session_start || INDEX_##name == INDEX_session_reset) { \
			rustredis_restore_id(); \
			rustredis_is_decoded(); \
		} \
		close_what_is_left(execute_data); \
	}
SESSION_FUNCTIONS(X)
#undef X

static wrapped_function functions[FUNCTIONS] = {
#define X(name) { ZEND_STRL(#name), wrapped_##name, NULL },
	SESSION_FUNCTIONS(X)
#undef X
};

/* By name: a closure of such a function is a copy of it with another handler. */
static const wrapped_function *innermost(zend_execute_data *call)
{
	for (; call; call = call->prev_execute_data) {
		zend_function *function = call->func;
		size_t i;
		if (!function || function->type != ZEND_INTERNAL_FUNCTION || function->common.scope
				|| !function->common.function_name) {
			continue;
		}
		for (i = 0; i < FUNCTIONS; i++) {
			if (strcmp(ZSTR_VAL(function->common.function_name), functions[i].name) == 0) {
				return &functions[i];
			}
		}
	}
	return NULL;
}

bool rustredis_begins_a_session(void)
{
	const wrapped_function *function = innermost(EG(current_execute_data));
	return function == &functions[INDEX_session_start] || function == &functions[INDEX_session_regenerate_id];
}

bool rustredis_resets_a_session(void)
{
	return innermost(EG(current_execute_data)) == &functions[INDEX_session_reset];
}

bool rustredis_takes_an_id(void)
{
	const wrapped_function *function = innermost(EG(current_execute_data));
	return function == &functions[INDEX_session_start] || function == &functions[INDEX_session_reset];
}

bool rustredis_changes_the_id(void)
{
	return innermost(EG(current_execute_data)) == &functions[INDEX_session_regenerate_id];
}

/* Every script has ended, and PHP saves what is left open. */
static TSRM_TLS bool request_ends;

void rustredis_note_end(int ends)
{
	request_ends = ends != 0;
}

/* At the end of the request without a function. A function that ends a script can write by hand before. */
bool rustredis_saves_a_session(void)
{
	const wrapped_function *function = innermost(EG(current_execute_data));
	if (!function) {
		return request_ends;
	}
	return function == &functions[INDEX_session_write_close] || function == &functions[INDEX_session_commit]
		|| function == &functions[INDEX_session_regenerate_id];
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
			functions[i].original = function->handler;
			function->handler = functions[i].wrapper;
		}
	}
}

/* One that another extension has wrapped since stays as it is: this library stays mapped. */
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
