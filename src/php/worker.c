/* FrankenPHP's worker mode.
 *
 * FrankenPHP runs a worker script once for many requests. It calls RINIT and RSHUTDOWN of this
 * module at the beginning and the end of the script only. Between two requests it saves and closes
 * the session by itself, and calls the `deactivate` and `activate` of its server API, which are
 * therefore wrapped. */
#include "php.h"
#include "SAPI.h"
#include "shim.h"

typedef struct {
	int (*original)(void);
	bool is_wrapped;
} wrapped_hook;

static wrapped_hook activation, deactivation;

static int activate(void)
{
	const int result = activation.original ? activation.original() : SUCCESS;
	rustredis_worker_begins();
	return result;
}

static int deactivate(void)
{
	rustredis_worker_ends();
	return deactivation.original ? deactivation.original() : SUCCESS;
}

static void wrap(wrapped_hook *wrapped, int (**hook)(void), int (*wrapper)(void))
{
	/* Another extension's wrapper may have kept this one since the last MSHUTDOWN. */
	if (!wrapped->is_wrapped) {
		wrapped->original = *hook;
		wrapped->is_wrapped = true;
		*hook = wrapper;
	}
}

static void unwrap(wrapped_hook *wrapped, int (**hook)(void), int (*wrapper)(void))
{
	if (wrapped->is_wrapped && *hook == wrapper) {
		*hook = wrapped->original;
		wrapped->is_wrapped = false;
	}
}

void rustredis_watch_worker(void)
{
	if (strcmp(sapi_module.name, "frankenphp") == 0) {
		wrap(&activation, &sapi_module.activate, activate);
		wrap(&deactivation, &sapi_module.deactivate, deactivate);
	}
}

void rustredis_leave_worker(void)
{
	unwrap(&activation, &sapi_module.activate, activate);
	unwrap(&deactivation, &sapi_module.deactivate, deactivate);
}

static bool is_worker(const zend_function *function)
{
	return deactivation.is_wrapped && function && function->type == ZEND_INTERNAL_FUNCTION && !function->common.scope
		&& function->common.function_name
		&& zend_string_equals_literal(function->common.function_name, "frankenphp_handle_request");
}

bool rustredis_is_in_script(void)
{
	return EG(current_execute_data) && !is_worker(EG(current_execute_data)->func);
}

/* FrankenPHP saves the session that a request has left open, after it has called the script's
 * function for the request. Its callee is then the handler class, or nothing. */
bool rustredis_worker_saves(zend_execute_data *call)
{
	const zend_function *called = NULL;
	for (; call; call = call->prev_execute_data) {
		const zend_function *function = call->func;
		if (!function || !function->common.function_name) {
			continue;
		}
		if (is_worker(function)) {
			return !called || rustredis_is_of_handler(RUSTREDIS_HANDLER_WRITE, called)
				|| rustredis_is_of_handler(RUSTREDIS_HANDLER_UPDATE_TIMESTAMP, called);
		}
		called = function;
	}
	return false;
}
