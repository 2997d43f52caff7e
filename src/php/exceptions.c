/* A failed read must not become an empty session.
 *
 * SessionHandler::read() returns false then, and a warning gives the reason. If a handler class
 * between here and PHP declares a string as its return type, PHP turns the false into '', and so
 * into a session without content: validateId() no longer knows the id, and PHP sends the browser
 * another one. An exception passes through such a declaration. */
#include "php.h"
#include "ext/session/php_session.h"
#include "ext/spl/spl_exceptions.h"
#include "zend_exceptions.h"
#include "shim.h"

static zend_class_entry *session_exception, *connection_exception, *lock_timeout_exception, *lock_lost_exception,
	*session_destroyed_exception, *refused_exception;

static ZEND_FUNCTION(get_holder)
{
	zval *holder, buffer;
	ZEND_PARSE_PARAMETERS_NONE();
	holder = zend_read_property(lock_timeout_exception, Z_OBJ_P(ZEND_THIS), ZEND_STRL("holder"), 0, &buffer);
	RETURN_COPY_DEREF(holder);
}

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_get_holder, 0, 0, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

static const zend_function_entry lock_timeout_methods[] = {
	ZEND_NAMED_ME(getHolder, zif_get_holder, arginfo_get_holder, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};

static zend_class_entry *final_exception(const char *name, size_t name_len, const zend_function_entry *methods)
{
	zend_class_entry prepared, *made;
	INIT_CLASS_ENTRY_EX(prepared, name, name_len, methods);
	made = zend_register_internal_class_ex(&prepared, session_exception);
	made->ce_flags |= ZEND_ACC_FINAL;
	return made;
}

void rustredis_register_exceptions(void)
{
	zend_class_entry prepared;
	zval none;

	INIT_NS_CLASS_ENTRY(prepared, "RustRedis", "SessionException", NULL);
	session_exception = zend_register_internal_class_ex(&prepared, spl_ce_RuntimeException);
	connection_exception = final_exception(ZEND_STRL("RustRedis\\ConnectionException"), NULL);
	lock_lost_exception = final_exception(ZEND_STRL("RustRedis\\LockLostException"), NULL);
	session_destroyed_exception = final_exception(ZEND_STRL("RustRedis\\SessionDestroyedException"), NULL);
	refused_exception = final_exception(ZEND_STRL("RustRedis\\RefusedException"), NULL);
	lock_timeout_exception = final_exception(ZEND_STRL("RustRedis\\LockTimeoutException"), lock_timeout_methods);
	ZVAL_EMPTY_ARRAY(&none);
	zend_declare_property(lock_timeout_exception, ZEND_STRL("holder"), &none, ZEND_ACC_PRIVATE);
}

/* True if a function can return false, judging by its return type. */
static bool passes_false(const zend_function *function)
{
	const uint32_t flags = function->common.fn_flags;
	if (!(flags & ZEND_ACC_HAS_RETURN_TYPE) || (flags & ZEND_ACC_GENERATOR)) {
		return true;
	}
	return (ZEND_TYPE_FULL_MASK(function->common.arg_info[-1].type) & (MAY_BE_FALSE | MAY_BE_VOID | MAY_BE_NEVER)) != 0;
}

/* PHP's list of a handler's functions is a struct in some versions and a union in others, with
 * the same layout: open, close, read, write, destroy, gc, create_sid, validate_sid,
 * update_timestamp. */
enum { HANDLER_FUNCTIONS = 9 };
_Static_assert(sizeof(((php_ps_globals *) NULL)->mod_user_names) == HANDLER_FUNCTIONS * sizeof(zval), "another list");

static zval *of_handler(int which)
{
	return &((zval *) &PS(mod_user_names))[which];
}

bool rustredis_asks_a_class(int which)
{
	return PS(mod) && strcmp(PS(mod)->s_name, "user") == 0 && !Z_ISUNDEF_P(of_handler(which));
}

/* Finds one of the handler's functions. The caller must release it. */
static bool find_of_handler(int which, zend_fcall_info_cache *callback)
{
	zval *function = of_handler(which);
	return PS(mod_user_implemented) && !Z_ISUNDEF_P(function)
		&& zend_is_callable_ex(function, NULL, IS_CALLABLE_SUPPRESS_DEPRECATIONS, NULL, callback, NULL);
}

bool rustredis_is_of_handler(int which, const zend_function *function)
{
	zend_fcall_info_cache callback;
	bool is_it;
	if (!function || !find_of_handler(which, &callback)) {
		return false;
	}
	is_it = callback.function_handler == function;
	zend_release_fcall_info_cache(&callback);
	return is_it;
}

/* True if the read() that PHP calls next can return false. */
static bool read_passes_false(void)
{
	zend_fcall_info_cache callback;
	bool passes;
	if (!find_of_handler(RUSTREDIS_HANDLER_READ, &callback)) {
		return true;
	}
	passes = passes_false(callback.function_handler);
	/* The function may be a temporary one for a __call(). */
	zend_release_fcall_info_cache(&callback);
	return passes;
}

/* True if a false would get lost between here and PHP. A script that calls its handler by hand
 * gets the false. */
static bool loses_false(bool validating)
{
	zend_execute_data *call;
	/* read() is likely to answer with the value that validateId() has read. */
	bool loses = validating && !read_passes_false(), makes_id = false;
	for (call = EG(current_execute_data); call; call = call->prev_execute_data) {
		const zend_function *function = call->func;
		if (!function) {
			continue;
		}
		if (function->type != ZEND_INTERNAL_FUNCTION) {
			loses = loses || !passes_false(function);
			makes_id = makes_id || rustredis_is_of_handler(RUSTREDIS_HANDLER_CREATE_SID, function);
		} else if (rustredis_is_session_function(function)) {
			/* session_create_id() crashes if a create_sid() has thrown, and gives no id. */
			return loses && !(makes_id && zend_string_equals_literal(function->common.function_name, "session_create_id"));
		}
	}
	return false;
}

static void name_holder(zval *holder, const rustredis_failure *failure)
{
	array_init(holder);
	if (failure->host[0]) {
		add_assoc_string(holder, "host", failure->host);
	}
	if (failure->pid >= 0) {
		add_assoc_long(holder, "pid", (zend_long) failure->pid);
	}
	if (failure->sapi[0]) {
		add_assoc_string(holder, "sapi", failure->sapi);
	}
	if (failure->held_ms >= 0) {
		add_assoc_long(holder, "held_ms", (zend_long) failure->held_ms);
	}
	if (failure->uri[0]) {
		add_assoc_string(holder, "uri", failure->uri);
	}
}

void rustredis_throw_failure(const char *text, const rustredis_failure *failure)
{
	zend_class_entry *class = failure->kind == RUSTREDIS_NO_CONNECTION ? connection_exception
		: failure->kind == RUSTREDIS_NO_LOCK ? lock_timeout_exception
		: failure->kind == RUSTREDIS_REFUSED ? refused_exception
		: failure->kind == RUSTREDIS_LOCK_LOST ? lock_lost_exception
		: failure->kind == RUSTREDIS_DESTROYED ? session_destroyed_exception : session_exception;
	zval exception, holder;

	object_init_ex(&exception, class);
	zend_update_property_string(zend_ce_exception, Z_OBJ(exception), ZEND_STRL("message"), text);
	if (class == lock_timeout_exception) {
		name_holder(&holder, failure);
		zend_update_property(class, Z_OBJ(exception), ZEND_STRL("holder"), &holder);
		zval_ptr_dtor(&holder);
	}
	zend_throw_exception_object(&exception);
}

void rustredis_throw(const char *format, ...)
{
	static const rustredis_failure other = { RUSTREDIS_OTHER, -1, -1, "", "", "" };
	char text[RUSTREDIS_TEXT_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	rustredis_throw_failure(text, &other);
}

void rustredis_throw_reasons(const rustredis_failure *failure)
{
	char text[RUSTREDIS_TEXT_SIZE];
	while (rustredis_next_message(RUSTREDIS_NOW, text, sizeof text)) {
		rustredis_throw_failure(text, failure);
	}
}

void rustredis_tell_failed_read(void **mod_data, bool validating)
{
	rustredis_failure failure;

	if (!PS(mod_user_implemented) || !loses_false(validating)) {
		rustredis_raise_reasons();
		return;
	}
	rustredis_failure_get(mod_data, &failure);
	rustredis_throw_reasons(&failure);
}

void rustredis_tell_refused_read(void **mod_data, const char *reason)
{
	rustredis_failure failure;

	if (!loses_false(false)) {
		rustredis_raise("%s", reason);
		return;
	}
	rustredis_failure_get(mod_data, &failure);
	rustredis_throw_failure(reason, &failure);
}
