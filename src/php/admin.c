/* The functions for administrators, by which the command `rustredis` works. */
#include "php.h"
#include "SAPI.h"
#include "shim.h"

/* True if the script may call these functions: they show all sessions. Otherwise there is an
 * exception. */
static bool is_allowed(zend_execute_data *execute_data)
{
	if (rustredis_may_administer()) {
		return true;
	}
	rustredis_throw("rustredis: %s() works on the command line only, or with rustredis.admin=1 in php.ini",
		ZSTR_VAL(execute_data->func->common.function_name));
	return false;
}

void rustredis_build(zval *value)
{
	rustredis_item item;
	int64_t i;

	if (!rustredis_next_item(&item)) {
		ZVAL_NULL(value);
		return;
	}
	switch (item.kind) {
		case RUSTREDIS_ITEM_NULL:
			ZVAL_NULL(value);
			return;
		case RUSTREDIS_ITEM_BOOL:
			ZVAL_BOOL(value, item.number != 0);
			return;
		case RUSTREDIS_ITEM_NUMBER:
			ZVAL_LONG(value, (zend_long) item.number);
			return;
		case RUSTREDIS_ITEM_TEXT:
			ZVAL_STRINGL(value, item.text, (size_t) item.number);
			return;
		case RUSTREDIS_ITEM_TIME:
			ZVAL_DOUBLE(value, (double) (item.number / 1000) / 1000.0);
			return;
	}
	array_init(value);
	for (i = 0; i < item.number; i++) {
		rustredis_item name;
		zval member;
		if (item.kind == RUSTREDIS_ITEM_LIST) {
			rustredis_build(&member);
			add_next_index_zval(value, &member);
		} else if (rustredis_next_item(&name)) {
			rustredis_build(&member);
			add_assoc_zval_ex(value, name.text, (size_t) name.number, &member);
		}
	}
}

/* Carries out an order. The texts of the order belong to the arguments of the call. */
static void carry_out(rustredis_order *order, zval *return_value)
{
	const char *path = rustredis_save_path(rustredis_path_now());
	rustredis_failure failure = { RUSTREDIS_OTHER, -1, -1, "", "", "" };

	order->path = path;
	order->path_len = strlen(path);
	if (!rustredis_administer(order, &failure)) {
		rustredis_throw_reasons(&failure);
		return;
	}
	rustredis_build(return_value);
	rustredis_forget_answer();
}

void rustredis_scan(zend_execute_data *execute_data, zval *return_value)
{
	rustredis_order order = { .what = RUSTREDIS_SCAN };
	char *cursor = NULL, *kind = "sessions";
	size_t cursor_len = 0, kind_len = sizeof "sessions" - 1;

	ZEND_PARSE_PARAMETERS_START(0, 2)
		Z_PARAM_OPTIONAL
		Z_PARAM_STRING_OR_NULL(cursor, cursor_len)
		Z_PARAM_STRING(kind, kind_len)
	ZEND_PARSE_PARAMETERS_END();
	if (!is_allowed(execute_data)) {
		RETURN_THROWS();
	}
	order.name = kind, order.name_len = kind_len;
	order.cursor = cursor, order.cursor_len = cursor_len;
	carry_out(&order, return_value);
}

void rustredis_server(zend_execute_data *execute_data, zval *return_value)
{
	rustredis_order order = { .what = RUSTREDIS_SERVER };

	ZEND_PARSE_PARAMETERS_NONE();
	if (!is_allowed(execute_data)) {
		RETURN_THROWS();
	}
	carry_out(&order, return_value);
}

/* Carries out an order about one name. */
static void with_name(int what, zend_execute_data *execute_data, zval *return_value)
{
	rustredis_order order = { .what = what };
	char *name;
	size_t name_len;

	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STRING(name, name_len)
	ZEND_PARSE_PARAMETERS_END();
	if (!is_allowed(execute_data)) {
		RETURN_THROWS();
	}
	order.name = name, order.name_len = name_len;
	carry_out(&order, return_value);
}

void rustredis_stored(zend_execute_data *execute_data, zval *return_value)
{
	with_name(RUSTREDIS_STORED, execute_data, return_value);
}

void rustredis_forget(zend_execute_data *execute_data, zval *return_value)
{
	with_name(RUSTREDIS_FORGET, execute_data, return_value);
}

void rustredis_unlock(zend_execute_data *execute_data, zval *return_value)
{
	with_name(RUSTREDIS_UNLOCK, execute_data, return_value);
}

void rustredis_lock_of(zend_execute_data *execute_data, zval *return_value)
{
	with_name(RUSTREDIS_LOCKED, execute_data, return_value);
}

void rustredis_store(zend_execute_data *execute_data, zval *return_value)
{
	rustredis_order order = { .what = RUSTREDIS_STORE };
	char *name, *data, *state = NULL;
	size_t name_len, data_len, state_len = 0;
	zend_long ttl = -1, state_ttl = -1;
	bool ttl_is_null = true, state_ttl_is_null = true, replace = false, keep_state = false;

	ZEND_PARSE_PARAMETERS_START(2, 7)
		Z_PARAM_STRING(name, name_len)
		Z_PARAM_STRING(data, data_len)
		Z_PARAM_OPTIONAL
		Z_PARAM_LONG_OR_NULL(ttl, ttl_is_null)
		Z_PARAM_STRING_OR_NULL(state, state_len)
		Z_PARAM_LONG_OR_NULL(state_ttl, state_ttl_is_null)
		Z_PARAM_BOOL(replace)
		Z_PARAM_BOOL(keep_state)
	ZEND_PARSE_PARAMETERS_END();
	if (!is_allowed(execute_data)) {
		RETURN_THROWS();
	}
	if (!ttl_is_null && ttl < 1) {
		zend_argument_value_error(3, "must be a number of milliseconds from 1 on, or null");
		RETURN_THROWS();
	}
	if (!state_ttl_is_null && state_ttl < 1) {
		zend_argument_value_error(5, "must be a number of milliseconds from 1 on, or null");
		RETURN_THROWS();
	}
	order.name = name, order.name_len = name_len;
	order.data = data, order.data_len = data_len;
	order.state = state, order.state_len = state_len;
	order.ttl = ttl_is_null ? -1 : ttl;
	order.state_ttl = state_ttl_is_null ? -1 : state_ttl;
	order.replace = replace;
	order.keep_state = keep_state;
	carry_out(&order, return_value);
}
