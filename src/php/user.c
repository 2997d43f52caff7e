/* The functions about the sessions of a user. */
#include "php.h"
#include "ext/session/php_session.h"
#include "shim.h"

/* Throws the reasons why a function has failed. A login without a list of its sessions, or a list
 * that is not told, must not pass for an answer. */
static void throw_failure(void)
{
	rustredis_failure failure;
	rustredis_user_failure(&failure);
	rustredis_throw_reasons(&failure);
}

void rustredis_user(zend_execute_data *execute_data, zval *return_value)
{
	zend_string *user, *on_limit = NULL, *label = NULL;
	zend_long limit = 0;
	bool refuses;

	ZEND_PARSE_PARAMETERS_START(1, 4)
		Z_PARAM_STR(user)
		Z_PARAM_OPTIONAL
		Z_PARAM_LONG(limit)
		Z_PARAM_STR(on_limit)
		Z_PARAM_STR(label)
	ZEND_PARSE_PARAMETERS_END();
	if (!ZSTR_LEN(user)) {
		zend_argument_value_error(1, "must not be empty");
		RETURN_THROWS();
	}
	if (limit < 0) {
		zend_argument_value_error(2, "must be greater than or equal to 0");
		RETURN_THROWS();
	}
	refuses = on_limit && zend_string_equals_literal(on_limit, "refuse");
	if (on_limit && !refuses && !zend_string_equals_literal(on_limit, "oldest")) {
		zend_argument_value_error(3, "must be \"oldest\" or \"refuse\"");
		RETURN_THROWS();
	}
	if (label && ZSTR_LEN(label) > RUSTREDIS_MAX_LABEL) {
		zend_argument_value_error(4, "must have at most %d bytes", RUSTREDIS_MAX_LABEL);
		RETURN_THROWS();
	}
	switch (rustredis_bind_user(ZSTR_VAL(user), ZSTR_LEN(user), limit, refuses, label ? ZSTR_VAL(label) : "",
		label ? ZSTR_LEN(label) : 0, PS(gc_maxlifetime))) {
	case RUSTREDIS_YES:
		RETVAL_TRUE;
		break;
	case RUSTREDIS_NO:
		RETVAL_FALSE;
		break;
	default:
		throw_failure();
		RETURN_THROWS();
	}
	/* A session that could not be ended. */
	rustredis_raise_reasons();
}

/* Throws unless this script may reach the sessions of a user, or those of its own session's user,
 * if that is NULL. */
static bool may_reach(const zend_string *user)
{
	if (!user) {
		if (!rustredis_has_session()) {
			rustredis_throw("rustredis: no session is open whose user could be meant");
			return false;
		}
		return true;
	}
	if (rustredis_may_administer() || rustredis_is_own_user(ZSTR_VAL(user), ZSTR_LEN(user))) {
		return true;
	}
	rustredis_throw("rustredis: a script may reach only the sessions of its own session's user; for those of others, set "
		"rustredis.admin=1 in php.ini, or use the CLI");
	return false;
}

void rustredis_user_sessions(zend_execute_data *execute_data, zval *return_value)
{
	const char *path;
	zend_string *user = NULL;
	rustredis_device device;
	int64_t i, count;
	zval item;

	ZEND_PARSE_PARAMETERS_START(0, 1)
		Z_PARAM_OPTIONAL
		Z_PARAM_STR_OR_NULL(user)
	ZEND_PARSE_PARAMETERS_END();
	/* After the arguments: a __toString() of one may set session.save_path and free the former
	 * one. */
	path = rustredis_save_path(rustredis_path_now());
	if (!may_reach(user)) {
		RETURN_THROWS();
	}
	count = rustredis_list_user(path, strlen(path), user ? ZSTR_VAL(user) : NULL, user ? ZSTR_LEN(user) : 0,
		PS(gc_maxlifetime));
	if (count < 0) {
		throw_failure();
		RETURN_THROWS();
	}
	array_init(return_value);
	for (i = 0; i < count && rustredis_device_get((size_t) i, &device); i++) {
		array_init(&item);
		add_assoc_string(&item, "handle", device.handle);
		rustredis_add_number(&item, "created", device.created);
		rustredis_add_number(&item, "authenticated", device.authenticated);
		rustredis_add_number(&item, "last_used", device.last_used);
		rustredis_add_number(&item, "expires", device.expires);
		add_assoc_string(&item, "label", device.label);
		add_assoc_bool(&item, "current", device.is_current);
		add_next_index_zval(return_value, &item);
	}
	rustredis_raise_reasons();
}

void rustredis_revoke(zend_execute_data *execute_data, zval *return_value)
{
	const char *path;
	zend_string *user = NULL, *handle = NULL;
	bool others_only = false;
	int64_t count;

	ZEND_PARSE_PARAMETERS_START(0, 3)
		Z_PARAM_OPTIONAL
		Z_PARAM_STR_OR_NULL(user)
		Z_PARAM_STR_OR_NULL(handle)
		Z_PARAM_BOOL(others_only)
	ZEND_PARSE_PARAMETERS_END();
	path = rustredis_save_path(rustredis_path_now());
	if (!may_reach(user)) {
		RETURN_THROWS();
	}
	count = rustredis_revoke_user(path, strlen(path), user ? ZSTR_VAL(user) : NULL, user ? ZSTR_LEN(user) : 0,
		handle ? ZSTR_VAL(handle) : NULL, handle ? ZSTR_LEN(handle) : 0, others_only);
	if (count < 0) {
		throw_failure();
		RETURN_THROWS();
	}
	RETURN_LONG((zend_long) count);
}
