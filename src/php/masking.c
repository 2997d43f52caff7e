/* Hides session.save_path in the messages of PHP and of applications.
 *
 * When a callback fails, PHP prints the path with any password in it, and an application may do
 * so, too. The path is masked in the new message, before any error handler, log or display sees
 * it. PHP's variable stays unchanged. */
#include "php.h"
#include "ext/session/php_session.h"
#include "ext/standard/html.h"
#include "zend_exceptions.h"
#include "zend_observer.h"
#include "shim.h"

/* Replaces the path in a text, which never gets longer: a mask that is longer than its path is
 * cut. */
static void hide(zend_string *text, const char *path, size_t path_len, const char *masked)
{
	size_t masked_len = MIN(strlen(masked), path_len);
	char *from = ZSTR_VAL(text), *to = from, *end = from + ZSTR_LEN(text);
	const char *found;

	while ((found = zend_memnstr(from, path, path_len, end))) {
		size_t before = found - from;
		memmove(to, from, before);
		memcpy(to + before, masked, masked_len);
		to += before + masked_len;
		from += before + path_len;
	}
	memmove(to, from, end - from);
	to += end - from;
	*to = '\0';
	ZSTR_LEN(text) = to - ZSTR_VAL(text);
	zend_string_forget_hash_val(text);
}

/* Escapes the path as php_verror() does with html_errors. */
static zend_string *as_html(const char *path, size_t len)
{
	zend_string *html = php_escape_html_entities_ex((const unsigned char *) path, len, 0, ENT_COMPAT, NULL, 1, 1);
	if (ZSTR_LEN(html)) {
		return html;
	}
	zend_string_release(html);
	return php_escape_html_entities_ex((const unsigned char *) path, len, 0, ENT_COMPAT | ENT_HTML_SUBSTITUTE_ERRORS,
		NULL, 1, 1);
}

const char *rustredis_path_now(void)
{
#if PHP_VERSION_ID >= 80500
	return PS(save_path) ? ZSTR_VAL(PS(save_path)) : "";
#else
	return PS(save_path) ? PS(save_path) : "";
#endif
}

/* Gives the path, its length, and its form for messages. Returns false if there is nothing to
 * hide in this text. */
static bool has_secret(zend_string *text, const char **path, size_t *len, char *masked, size_t size)
{
	const char *at;
	*path = rustredis_path_now();
	if (!**path) {
		return false;
	}
	*len = strlen(*path);
	/* A path starts with the same characters in every HTML form, up to the first one that HTML
	 * escapes. */
	for (at = *path; *at && (unsigned char) *at < 128 && !strchr("&<>\"'", *at); at++) {
	}
	return zend_memnstr(ZSTR_VAL(text), *path, at - *path, ZSTR_VAL(text) + ZSTR_LEN(text))
		&& rustredis_mask(*path, *len, masked, size);
}

static bool is_path_passed(void);

/* No call is running for a path in a .user.ini, nor for the other files that PHP opens then: only a
 * text that looks like a server is taken for a path. */
static bool looks_like_a_server(const char *text)
{
	if (*text == '/') {
		return !EG(current_execute_data) && strpbrk(text, "?&=:@");
	}
	return strstr(text, "://") || strchr(text, '?') || strncmp(text, "unix:", 5) == 0;
}

/* PHP checks a new path against open_basedir before it takes it, and quotes it, or its part behind
 * `depth;mode;`, in the refusal. */
static void hide_refused_by_open_basedir(zend_string *message)
{
	static const char before[] = "open_basedir restriction in effect. File(";
	static const char after[] = ") is not within the allowed path(s)";
	const char *end = ZSTR_VAL(message) + ZSTR_LEN(message);
	const char *path = zend_memnstr(ZSTR_VAL(message), before, sizeof before - 1, end), *path_end;
	char masked[512];
	zend_string *copy;

	if (!path) {
		return;
	}
	path += sizeof before - 1;
	path_end = zend_memnstr(path, after, sizeof after - 1, end);
	if (!path_end || path_end == path) {
		return;
	}
	copy = zend_string_init(path, path_end - path, 0);
	if ((looks_like_a_server(ZSTR_VAL(copy)) || is_path_passed())
			&& rustredis_mask(ZSTR_VAL(copy), ZSTR_LEN(copy), masked, sizeof masked)) {
		hide(message, ZSTR_VAL(copy), ZSTR_LEN(copy), masked);
	}
	zend_string_release(copy);
}

/* Called with each new message of PHP, before anything else sees it. */
static void message_is_made(int type, zend_string *file, uint32_t line, zend_string *message)
{
	const char *path;
	size_t len;
	char masked[512];

	/* The string may belong to a script and be used in other places, too. */
	if (!message || ZSTR_IS_INTERNED(message) || GC_REFCOUNT(message) > 1) {
		return;
	}
	hide_refused_by_open_basedir(message);
	if (!has_secret(message, &path, &len, masked, sizeof masked)) {
		return;
	}
	if (PG(html_errors)) {
		zend_string *html = as_html(path, len);
		hide(message, ZSTR_VAL(html), ZSTR_LEN(html), masked);
		zend_string_release(html);
	}
	hide(message, path, len, masked);
}

/* A trace has calls, a call has arguments, and an argument can be an array, such as
 * session_start()'s options, or a whole configuration with these options somewhere inside. */
#define TRACE_DEPTH 16

/* True if the value contains exactly the path. A value behind a reference belongs to a script
 * and stays unchanged. */
static bool holds_path(zval *value, const char *path, size_t len, int depth)
{
	zval *item, *text = value;
	ZVAL_DEREF(text);
	if (Z_TYPE_P(text) == IS_STRING) {
		return Z_STRLEN_P(text) == len && memcmp(Z_STRVAL_P(text), path, len) == 0;
	}
	if (Z_TYPE_P(value) != IS_ARRAY || !depth) {
		return false;
	}
	ZEND_HASH_FOREACH_VAL(Z_ARRVAL_P(value), item) {
		if (holds_path(item, path, len, depth - 1)) {
			return true;
		}
	} ZEND_HASH_FOREACH_END();
	return false;
}

static void replace_path(zval *value, const char *path, size_t len, int depth, zend_string *masked)
{
	zval *item;
	if (!holds_path(value, path, len, depth)) {
		return;
	}
	if (Z_TYPE_P(value) != IS_ARRAY) {
		zval_ptr_dtor(value);
		ZVAL_STR_COPY(value, masked);
		return;
	}
	SEPARATE_ARRAY(value);
	ZEND_HASH_FOREACH_VAL(Z_ARRVAL_P(value), item) {
		replace_path(item, path, len, depth - 1, masked);
	} ZEND_HASH_FOREACH_END();
}

/* With zend.exception_ignore_args=0, the trace has the arguments of a handler class' open(). */
static void hide_in_trace(zend_object *exception, const char *path, size_t len)
{
	zend_class_entry *base = instanceof_function(exception->ce, zend_ce_exception) ? zend_ce_exception : zend_ce_error;
	zval undefined, trace;
	char masked[512];

	if (!len || !instanceof_function(exception->ce, zend_ce_throwable)) {
		return;
	}
	ZVAL_COPY(&trace, zend_read_property(base, exception, ZEND_STRL("trace"), 1, &undefined));
	if (holds_path(&trace, path, len, TRACE_DEPTH) && rustredis_mask(path, len, masked, sizeof masked)) {
		zend_string *text = zend_string_init(masked, strlen(masked), 0);
		replace_path(&trace, path, len, TRACE_DEPTH, text);
		zend_update_property(base, exception, ZEND_STRL("trace"), &trace);
		zend_string_release(text);
	}
	zval_ptr_dtor(&trace);
}

/* The longest chain of exceptions that open() makes. */
#define CHAIN_LENGTH 16

/* Hides the path in an exception and in its previous ones, which were made in the same place and
 * may never have been thrown. */
static void hide_in_traces(zend_object *exception, const char *path, size_t len)
{
	int left;
	for (left = CHAIN_LENGTH; left; left--) {
		zval undefined, *previous;
		hide_in_trace(exception, path, len);
		if (!instanceof_function(exception->ce, zend_ce_throwable)) {
			return;
		}
		previous = zend_read_property(instanceof_function(exception->ce, zend_ce_exception) ? zend_ce_exception
			: zend_ce_error, exception, ZEND_STRL("previous"), 1, &undefined);
		if (Z_TYPE_P(previous) != IS_OBJECT) {
			return;
		}
		exception = Z_OBJ_P(previous);
	}
}

/* Returns the path that a script passes to a running call of one of PHP's functions, or NULL. PHP
 * may refuse the path, for example while a session is active, and then never has it. */
static zend_string *path_of_call(zend_execute_data *call)
{
	const zend_function *function = call->func;
	const uint32_t arguments = ZEND_CALL_NUM_ARGS(call);
	zend_string *name;
	zval *value = NULL;

	if (!function || function->type != ZEND_INTERNAL_FUNCTION || function->common.scope
			|| !function->common.function_name) {
		return NULL;
	}
	name = function->common.function_name;
	if (arguments >= 1 && zend_string_equals_literal(name, "session_start")) {
		zval *options = ZEND_CALL_ARG(call, 1);
		ZVAL_DEREF(options);
		if (Z_TYPE_P(options) == IS_ARRAY) {
			value = zend_hash_str_find(Z_ARRVAL_P(options), ZEND_STRL("save_path"));
		}
	} else if (arguments >= 1 && zend_string_equals_literal(name, "session_save_path")) {
		value = ZEND_CALL_ARG(call, 1);
	} else if (arguments >= 2
			&& (zend_string_equals_literal(name, "ini_set") || zend_string_equals_literal(name, "ini_alter"))) {
		zval *setting = ZEND_CALL_ARG(call, 1);
		ZVAL_DEREF(setting);
		if (Z_TYPE_P(setting) == IS_STRING && zend_string_equals_literal(Z_STR_P(setting), "session.save_path")) {
			value = ZEND_CALL_ARG(call, 2);
		}
	}
	if (!value) {
		return NULL;
	}
	ZVAL_DEREF(value);
	return Z_TYPE_P(value) == IS_STRING ? Z_STR_P(value) : NULL;
}

static bool is_path_passed(void)
{
	zend_execute_data *call;
	for (call = EG(current_execute_data); call; call = call->prev_execute_data) {
		if (path_of_call(call)) {
			return true;
		}
	}
	return false;
}

static void hide_paths_of_calls(zend_object *exception)
{
	zend_execute_data *call;
	for (call = EG(current_execute_data); call; call = call->prev_execute_data) {
		zend_string *path = path_of_call(call);
		if (path) {
			hide_in_traces(exception, ZSTR_VAL(path), ZSTR_LEN(path));
		}
	}
}

static TSRM_TLS bool script_has_thrown;

void rustredis_watch_exceptions(void)
{
	script_has_thrown = false;
}

bool rustredis_script_has_thrown(void)
{
	return script_has_thrown;
}

static bool is_session_function(const zend_function *function)
{
	return function && function->type == ZEND_INTERNAL_FUNCTION && function->internal_function.module
		&& strcmp(function->internal_function.module->name, "session") == 0;
}

/* True if a script's code runs inside the session function that decodes. */
static bool is_script_running(void)
{
	zend_execute_data *call;
	for (call = EG(current_execute_data); call && !is_session_function(call->func); call = call->prev_execute_data) {
		if (call->func && ZEND_USER_CODE(call->func->type)) {
			return true;
		}
	}
	return false;
}

static void (*next_hook)(zend_object *exception);

/* session_regenerate_id() throws the errors for which the other functions only warn. */
static void hide_in_message(zend_object *exception)
{
	zend_execute_data *call = EG(current_execute_data);
	zval undefined, *message;
	const char *path;
	size_t len;
	char masked[512];

	if (exception->ce == zend_ce_error && call && is_session_function(call->func)) {
		message = zend_read_property(zend_ce_error, exception, ZEND_STRL("message"), 1, &undefined);
		if (Z_TYPE_P(message) == IS_STRING && has_secret(Z_STR_P(message), &path, &len, masked, sizeof masked)) {
			zend_string *text = zend_string_init(Z_STRVAL_P(message), Z_STRLEN_P(message), 0);
			hide(text, path, len, masked);
			zend_update_property_str(zend_ce_error, exception, ZEND_STRL("message"), text);
			zend_string_release(text);
		}
	}
}

static void hide_in_exception(zend_object *exception)
{
	hide_in_message(exception);
	if (rustredis_opens_a_session()) {
		hide_in_traces(exception, rustredis_path_now(), strlen(rustredis_path_now()));
	}
	hide_paths_of_calls(exception);
}

/* PHP calls the hook for no exception that is thrown while another one is pending. */
void rustredis_hide_in_pending(void)
{
	if (EG(exception)) {
		hide_in_exception(EG(exception));
	}
}

static void exception_is_thrown(zend_object *exception)
{
	if (exception) {
		script_has_thrown = is_script_running();
		hide_in_exception(exception);
	}
	if (next_hook) {
		next_hook(exception);
	}
}

void rustredis_start_masking(void)
{
	zend_observer_error_register(message_is_made);
	if (zend_throw_exception_hook != exception_is_thrown) {
		next_hook = zend_throw_exception_hook;
		zend_throw_exception_hook = exception_is_thrown;
	}
}

void rustredis_stop_masking(void)
{
	if (zend_throw_exception_hook == exception_is_thrown) {
		zend_throw_exception_hook = next_hook;
	}
}
