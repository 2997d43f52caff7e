/* The functions about the lifetime of a session. */
#include "php.h"
#include "ext/session/php_session.h"
#include "shim.h"

void rustredis_add_number(zval *array, const char *name, int64_t number)
{
	if (number < 0) {
		add_assoc_null(array, name);
	} else {
		add_assoc_long(array, name, (zend_long) number);
	}
}

void rustredis_session(zend_execute_data *execute_data, zval *return_value)
{
	rustredis_description known;

	ZEND_PARSE_PARAMETERS_NONE();
	if (!rustredis_describe(PS(gc_maxlifetime), &known)) {
		RETURN_NULL();
	}
	array_init(return_value);
	rustredis_add_number(return_value, "created", known.created);
	rustredis_add_number(return_value, "authenticated", known.authenticated);
	rustredis_add_number(return_value, "expires", known.expires);
	rustredis_add_number(return_value, "ends", known.ends);
	if (known.user[0]) {
		add_assoc_string(return_value, "user", known.user);
	} else {
		add_assoc_null(return_value, "user");
	}
}

/* The session is that of the running script, or the one that session_start() would take. */
void rustredis_time_left(zend_execute_data *execute_data, zval *return_value)
{
	const char *path;
	const zend_string *id = PS(id) ? PS(id) : rustredis_id_of_cookie();
	int64_t idle, absolute;

	ZEND_PARSE_PARAMETERS_NONE();
	path = rustredis_save_path(rustredis_path_now());
	if (!id || !PS(mod) || (strcmp(PS(mod)->s_name, "rustredis") != 0 && strcmp(PS(mod)->s_name, "user") != 0)) {
		RETURN_NULL();
	}
	if (!rustredis_time_left_of(path, strlen(path), ZSTR_VAL(id), ZSTR_LEN(id), PS(gc_maxlifetime), &idle, &absolute)) {
		RETVAL_NULL();
		rustredis_raise_reasons();
		return;
	}
	array_init(return_value);
	rustredis_add_number(return_value, "idle", idle);
	rustredis_add_number(return_value, "absolute", absolute);
}

void rustredis_ended(zend_execute_data *execute_data, zval *return_value)
{
	char reason[64];

	ZEND_PARSE_PARAMETERS_NONE();
	if (!rustredis_reason_of_end(reason, sizeof reason)) {
		RETURN_NULL();
	}
	RETVAL_STRING(reason);
}

void rustredis_session_lifetime(zend_execute_data *execute_data, zval *return_value)
{
	zend_long idle, absolute = -1;
	bool keeps_its_end = true;

	ZEND_PARSE_PARAMETERS_START(1, 2)
		Z_PARAM_LONG(idle)
		Z_PARAM_OPTIONAL
		Z_PARAM_LONG_OR_NULL(absolute, keeps_its_end)
	ZEND_PARSE_PARAMETERS_END();
	if (idle < 1 || idle > INT32_MAX) {
		zend_argument_value_error(1, "must be a number of seconds from 1 to %d", INT32_MAX);
		RETURN_THROWS();
	}
	if (ZEND_NUM_ARGS() > 1 && !keeps_its_end && (absolute < 0 || absolute > INT32_MAX)) {
		zend_argument_value_error(2, "must be a number of seconds from 0 to %d", INT32_MAX);
		RETURN_THROWS();
	}
	if (ZEND_NUM_ARGS() < 2 || keeps_its_end) {
		absolute = -1;
	}
	if (rustredis_set_lifetime(idle, absolute, PS(gc_maxlifetime))) {
		RETURN_TRUE;
	}
	RETVAL_FALSE;
	rustredis_raise("rustredis: the session gets no lifetime of its own: no session is open that will be saved, or it is "
		"older than that");
}
