/* The classes for applications that never call session_start(): RustRedis\SessionHandler and
 * RustRedis\Json.
 *
 * The state of a handler is in Rust (object.rs), by the number of the object. No Rust code is
 * running when a method throws or makes a string, both of which can bail out. */
#include "php.h"
#include "ext/session/php_session.h"
#include "zend_attributes.h"
#include "zend_exceptions.h"
#include "zend_fibers.h"
#include "zend_interfaces.h"
#include "shim.h"
#include "json.h"

typedef struct {
	/* 0 before the constructor */
	uint64_t handle;
	zend_object std;
} handler_object;

static zend_class_entry *handler_class;
static zend_object_handlers handlers;

static handler_object *of(zend_object *object)
{
	return (handler_object *) ((char *) object - XtOffsetOf(handler_object, std));
}

static zend_object *create_handler(zend_class_entry *class)
{
	handler_object *made = zend_object_alloc(sizeof *made, class);
	made->handle = 0;
	zend_object_std_init(&made->std, class);
	object_properties_init(&made->std, class);
	made->std.handlers = &handlers;
	return &made->std;
}

/* Comes at the latest when a request ends, after exit() and a fatal error, too. */
static void free_handler(zend_object *object)
{
	handler_object *freed = of(object);
	rustredis_object_free(freed->handle);
	freed->handle = 0;
	zend_object_std_dtor(object);
}

/* The text of an option. The caller must release it. Returns NULL for a value that is no scalar. */
static zend_string *text_of(zval *value)
{
	ZVAL_DEREF(value);
	switch (Z_TYPE_P(value)) {
		case IS_TRUE:
			return ZSTR_CHAR('1');
		case IS_FALSE:
			return ZSTR_CHAR('0');
		case IS_LONG:
		case IS_DOUBLE:
		case IS_STRING:
			return zval_get_string(value);
		default:
			return NULL;
	}
}

/* Before 8.2, a trace shows the arguments of the call that throws. */
static void hide_arguments(zend_execute_data *execute_data)
{
#if PHP_VERSION_ID < 80200
	uint32_t i;
	for (i = 1; i <= ZEND_CALL_NUM_ARGS(execute_data); i++) {
		zval *argument = ZEND_CALL_ARG(execute_data, i);
		if (Z_TYPE_P(argument) == IS_STRING || Z_TYPE_P(argument) == IS_ARRAY) {
			zval_ptr_dtor(argument);
			ZVAL_STRING(argument, RUSTREDIS_MASK);
		}
	}
#endif
}

static ZEND_METHOD(RustRedis_SessionHandler, __construct)
{
	handler_object *object = of(Z_OBJ_P(ZEND_THIS));
	zend_string *path = NULL, *key;
	HashTable *options = NULL;
	zend_ulong index;
	zval *value;
	const char *own_path;
	char text[RUSTREDIS_TEXT_SIZE] = "";
	rustredis_option *list = NULL;
	zend_string **texts = NULL;
	size_t count = 0, i;
	int argument = 0;

	ZEND_PARSE_PARAMETERS_START(0, 2)
		Z_PARAM_OPTIONAL
		Z_PARAM_STR_OR_NULL(path)
		Z_PARAM_ARRAY_HT(options)
	ZEND_PARSE_PARAMETERS_END();
	/* After the arguments, whose __toString() may set session.save_path and free the former one. */
	own_path = rustredis_save_path(rustredis_path_now());

	if (object->handle) {
		zend_throw_error(NULL, "This RustRedis\\SessionHandler is constructed already");
		RETURN_THROWS();
	}
	if (options && zend_hash_num_elements(options)) {
		list = safe_emalloc(zend_hash_num_elements(options), sizeof *list, 0);
		texts = safe_emalloc(zend_hash_num_elements(options), sizeof *texts, 0);
		ZEND_HASH_FOREACH_KEY_VAL(options, index, key, value) {
			(void) index;
			texts[count] = key ? text_of(value) : NULL;
			if (!texts[count]) {
				argument = 2;
				snprintf(text, sizeof text, key ? "must have a scalar for \"%.40s\"" : "must have names as its keys",
					key ? ZSTR_VAL(key) : "");
				break;
			}
			list[count].name = ZSTR_VAL(key);
			list[count].name_len = ZSTR_LEN(key);
			list[count].value = ZSTR_VAL(texts[count]);
			list[count].value_len = ZSTR_LEN(texts[count]);
			count++;
		} ZEND_HASH_FOREACH_END();
	}
	if (!text[0]) {
		object->handle = rustredis_object_new(own_path, strlen(own_path), path ? ZSTR_VAL(path) : NULL,
			path ? ZSTR_LEN(path) : 0, list, count, &argument, text, sizeof text);
	}
	for (i = 0; i < count; i++) {
		zend_string_release(texts[i]);
	}
	if (list) {
		efree(list);
		efree(texts);
	}
	if (object->handle) {
		return;
	}
	hide_arguments(execute_data);
	if (!text[0]) {
		rustredis_failure failure = { RUSTREDIS_OTHER, -1, -1, "", "", "" };
		rustredis_throw_reasons(&failure);
	} else if (argument) {
		zend_argument_value_error(argument, "%s", text);
	} else {
		zend_value_error("rustredis: %s", text);
	}
	RETURN_THROWS();
}

/* Runs a call. Throws if it fails, or raises a warning where no script is left to catch anything.
 * An id that no key's name can contain gets the answer RUSTREDIS_NO. */
static int run(zend_execute_data *execute_data, int what, rustredis_call *call)
{
	handler_object *object = of(Z_OBJ_P(ZEND_THIS));
	int answer;

	if (!object->handle) {
		zend_throw_error(NULL, "This RustRedis\\SessionHandler is not constructed");
		return RUSTREDIS_FAILED;
	}
	if (!call->id) {
		call->id = "";
	}
	if (!call->data) {
		call->data = "";
	}
	call->maxlifetime = PS(gc_maxlifetime);
	call->fiber = (uintptr_t) EG(active_fiber);
	answer = rustredis_object_call(object->handle, what, call);
	if (answer == RUSTREDIS_FAILED && rustredis_saves_without_a_script()) {
		rustredis_raise_reasons();
	} else if (answer == RUSTREDIS_FAILED) {
		rustredis_failure failure;
		rustredis_keep_id_while_validating(false);
		rustredis_object_failure(object->handle, &failure);
		rustredis_throw_reasons(&failure);
	} else if ((what == RUSTREDIS_READ && rustredis_is_validating()) || what == RUSTREDIS_VALIDATE
			|| (answer == RUSTREDIS_NO && (what == RUSTREDIS_PEEK || what == RUSTREDIS_EXISTS))) {
		rustredis_found_id(call->id, call->id_len);
	}
	return answer;
}

/* Does the same for a method that takes an id, which must be one. */
static int run_with_id(zend_execute_data *execute_data, int what, rustredis_call *call, zend_string *id)
{
	call->id = ZSTR_VAL(id);
	call->id_len = ZSTR_LEN(id);
	/* The object of a parent process answers in its own way. */
	if (!rustredis_object_takes(call->id, call->id_len) && run(execute_data, RUSTREDIS_CHECK, call) == RUSTREDIS_YES) {
		zend_argument_value_error(1, "must be 1 to 256 of the characters A-Z, a-z, 0-9, \"-\" and \",\"");
		return RUSTREDIS_FAILED;
	}
	return EG(exception) ? RUSTREDIS_FAILED : run(execute_data, what, call);
}

static ZEND_METHOD(RustRedis_SessionHandler, open)
{
	zend_string *path, *name;
	rustredis_call call = {0};
	ZEND_PARSE_PARAMETERS_START(2, 2)
		Z_PARAM_STR(path)
		Z_PARAM_STR(name)
	ZEND_PARSE_PARAMETERS_END();
	(void) path;
	(void) name;
	if (run(execute_data, RUSTREDIS_CHECK, &call) == RUSTREDIS_YES) {
		rustredis_object_opens(of(Z_OBJ_P(ZEND_THIS))->handle);
		RETURN_TRUE;
	}
}

static ZEND_METHOD(RustRedis_SessionHandler, close)
{
	rustredis_call call = {0};
	ZEND_PARSE_PARAMETERS_NONE();
	RETVAL_BOOL(run(execute_data, RUSTREDIS_RELEASE_ALL, &call) == RUSTREDIS_YES);
	rustredis_object_closes(of(Z_OBJ_P(ZEND_THIS))->handle);
	rustredis_log_waiting();
}

static ZEND_METHOD(RustRedis_SessionHandler, read)
{
	zend_string *id;
	rustredis_call call = {0};
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(id)
	ZEND_PARSE_PARAMETERS_END();
	rustredis_object_begins(of(Z_OBJ_P(ZEND_THIS))->handle, id);
	if (rustredis_replaces_kept_id(id)) {
		rustredis_failure failure;
		rustredis_object_failure(of(Z_OBJ_P(ZEND_THIS))->handle, &failure);
		rustredis_throw_replaced_id(&failure);
		RETURN_THROWS();
	}
	rustredis_object_reads(id);
	call.how = rustredis_object_reason_to_read(id);
	call.read_only = rustredis_object_only_reads(id);
	if (run_with_id(execute_data, RUSTREDIS_READ, &call, id) != RUSTREDIS_YES) {
		RETURN_THROWS();
	}
	/* Over memory_limit, this allocation bails out, and a write is refused from then on. */
	RETVAL_STRINGL_FAST(call.value, call.value_len);
	rustredis_object_done(of(Z_OBJ_P(ZEND_THIS))->handle, call.id, call.id_len);
	rustredis_object_has_read(id, Z_STR_P(return_value), call.is_overtaken);
}

static void put(INTERNAL_FUNCTION_PARAMETERS, int what)
{
	zend_string *id, *data;
	rustredis_call call = {0};
	char reason[1024];
	ZEND_PARSE_PARAMETERS_START(2, 2)
		Z_PARAM_STR(id)
		Z_PARAM_STR(data)
	ZEND_PARSE_PARAMETERS_END();
	if (rustredis_object_refuses(of(Z_OBJ_P(ZEND_THIS))->handle, id, data, what == RUSTREDIS_TOUCH, reason, sizeof reason)) {
		if (rustredis_saves_without_a_script()) {
			rustredis_raise("rustredis: the session is not saved: %s", reason);
			RETURN_FALSE;
		}
		rustredis_throw("rustredis: the session is not saved: %s", reason);
		RETURN_THROWS();
	}
	call.data = ZSTR_VAL(data);
	call.data_len = ZSTR_LEN(data);
	RETVAL_BOOL(run_with_id(execute_data, what, &call, id) == RUSTREDIS_YES);
}

static ZEND_METHOD(RustRedis_SessionHandler, write)
{
	put(INTERNAL_FUNCTION_PARAM_PASSTHRU, RUSTREDIS_WRITE);
}

static ZEND_METHOD(RustRedis_SessionHandler, updateTimestamp)
{
	put(INTERNAL_FUNCTION_PARAM_PASSTHRU, RUSTREDIS_TOUCH);
}

/* Returns the answer of a call that only takes an id. */
static void answer(INTERNAL_FUNCTION_PARAMETERS, int what)
{
	zend_string *id;
	rustredis_call call = {0};
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(id)
	ZEND_PARSE_PARAMETERS_END();
	RETVAL_BOOL(run_with_id(execute_data, what, &call, id) == RUSTREDIS_YES);
}

static ZEND_METHOD(RustRedis_SessionHandler, destroy)
{
	zend_string *id;
	rustredis_call call = {0};
	char reason[1024] = "";
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(id)
	ZEND_PARSE_PARAMETERS_END();
	call.how = rustredis_object_how_to_destroy(of(Z_OBJ_P(ZEND_THIS))->handle, id, reason, sizeof reason);
	if (reason[0]) {
		rustredis_throw("rustredis: the session is not moved to a new id: %s", reason);
		RETURN_THROWS();
	}
	RETVAL_BOOL(run_with_id(execute_data, RUSTREDIS_DESTROY, &call, id) == RUSTREDIS_YES);
}

static ZEND_METHOD(RustRedis_SessionHandler, tryLock)
{
	answer(INTERNAL_FUNCTION_PARAM_PASSTHRU, RUSTREDIS_TRY_LOCK);
}

static ZEND_METHOD(RustRedis_SessionHandler, isLocked)
{
	answer(INTERNAL_FUNCTION_PARAM_PASSTHRU, RUSTREDIS_IS_LOCKED);
}

static ZEND_METHOD(RustRedis_SessionHandler, exists)
{
	answer(INTERNAL_FUNCTION_PARAM_PASSTHRU, RUSTREDIS_EXISTS);
}

/* Anybody can send a bad id, which is simply unknown. */
static ZEND_METHOD(RustRedis_SessionHandler, validateId)
{
	zend_string *id;
	rustredis_call call = {0};
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(id)
	ZEND_PARSE_PARAMETERS_END();
	rustredis_object_begins(of(Z_OBJ_P(ZEND_THIS))->handle, id);
	call.id = ZSTR_VAL(id);
	call.id_len = ZSTR_LEN(id);
	call.read_only = rustredis_object_only_reads(id);
	RETVAL_BOOL(run(execute_data, RUSTREDIS_VALIDATE, &call) == RUSTREDIS_YES);
}

/* Redis deletes expired sessions by itself. */
static ZEND_METHOD(RustRedis_SessionHandler, gc)
{
	zend_long max_lifetime;
	rustredis_call call = {0};
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_LONG(max_lifetime)
	ZEND_PARSE_PARAMETERS_END();
	(void) max_lifetime;
	if (run(execute_data, RUSTREDIS_CHECK, &call) == RUSTREDIS_YES) {
		RETVAL_LONG(0);
	}
}

/* Never throws, not even in a forked child, where all other methods do: session_create_id() of a
 * class whose create_sid() throws crashes in PHP. */
static ZEND_METHOD(RustRedis_SessionHandler, create_sid)
{
	zend_string *id;
	ZEND_PARSE_PARAMETERS_NONE();
	if ((id = php_session_create_id(NULL))) {
		RETVAL_STR(id);
	}
}

static ZEND_METHOD(RustRedis_SessionHandler, lock)
{
	zend_string *id;
	bool has_no_wait = true;
	rustredis_call call = {0};
	ZEND_PARSE_PARAMETERS_START(1, 2)
		Z_PARAM_STR(id)
		Z_PARAM_OPTIONAL
		Z_PARAM_DOUBLE_OR_NULL(call.wait, has_no_wait)
	ZEND_PARSE_PARAMETERS_END();
	if (has_no_wait) {
		call.wait = -1;
	} else if (!(call.wait >= 0 && call.wait <= 3600)) {
		zend_argument_value_error(2, "must be a number of seconds from 0 to 3600");
		RETURN_THROWS();
	}
	run_with_id(execute_data, RUSTREDIS_LOCK, &call, id);
}

static ZEND_METHOD(RustRedis_SessionHandler, release)
{
	zend_string *id = NULL;
	rustredis_call call = {0};
	ZEND_PARSE_PARAMETERS_START(0, 1)
		Z_PARAM_OPTIONAL
		Z_PARAM_STR_OR_NULL(id)
	ZEND_PARSE_PARAMETERS_END();
	if (id) {
		run_with_id(execute_data, RUSTREDIS_RELEASE, &call, id);
	} else {
		run(execute_data, RUSTREDIS_RELEASE_ALL, &call);
	}
}

static ZEND_METHOD(RustRedis_SessionHandler, peek)
{
	zend_string *id;
	rustredis_call call = {0};
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(id)
	ZEND_PARSE_PARAMETERS_END();
	if (run_with_id(execute_data, RUSTREDIS_PEEK, &call, id) == RUSTREDIS_YES) {
		RETVAL_STRINGL_FAST(call.value, call.value_len);
		rustredis_object_done(of(Z_OBJ_P(ZEND_THIS))->handle, "", 0);
	}
}

ZEND_BEGIN_ARG_INFO_EX(arginfo_construct, 0, 0, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, savePath, IS_STRING, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, options, IS_ARRAY, 0, "[]")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_open, 0, 2, _IS_BOOL, 0)
	ZEND_ARG_TYPE_INFO(0, path, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, name, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_close, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_MASK_EX(arginfo_read, 0, 1, MAY_BE_STRING | MAY_BE_FALSE)
	ZEND_ARG_TYPE_INFO(0, id, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_write, 0, 2, _IS_BOOL, 0)
	ZEND_ARG_TYPE_INFO(0, id, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, data, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_of_id, 0, 1, _IS_BOOL, 0)
	ZEND_ARG_TYPE_INFO(0, id, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_MASK_EX(arginfo_gc, 0, 1, MAY_BE_LONG | MAY_BE_FALSE)
	ZEND_ARG_TYPE_INFO(0, max_lifetime, IS_LONG, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_create_sid, 0, 0, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_lock, 0, 1, IS_VOID, 0)
	ZEND_ARG_TYPE_INFO(0, id, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, wait, IS_DOUBLE, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_release, 0, 0, IS_VOID, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, id, IS_STRING, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_peek, 0, 1, IS_STRING, 1)
	ZEND_ARG_TYPE_INFO(0, id, IS_STRING, 0)
ZEND_END_ARG_INFO()

static const zend_function_entry methods[] = {
	ZEND_ME(RustRedis_SessionHandler, __construct, arginfo_construct, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, open, arginfo_open, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, close, arginfo_close, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, read, arginfo_read, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, write, arginfo_write, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, destroy, arginfo_of_id, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, gc, arginfo_gc, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, create_sid, arginfo_create_sid, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, validateId, arginfo_of_id, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, updateTimestamp, arginfo_write, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, lock, arginfo_lock, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, tryLock, arginfo_of_id, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, release, arginfo_release, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, isLocked, arginfo_of_id, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, peek, arginfo_peek, ZEND_ACC_PUBLIC)
	ZEND_ME(RustRedis_SessionHandler, exists, arginfo_of_id, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};

static ZEND_METHOD(RustRedis_Json, encode)
{
	HashTable *data;
	zend_string *text;
	char reason[RUSTREDIS_TEXT_SIZE] = "";
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_ARRAY_HT(data)
	ZEND_PARSE_PARAMETERS_END();
	text = rustredis_json_encode_array(data, reason, sizeof reason);
	if (text) {
		RETURN_STR(text);
	}
	if (!EG(exception)) {
		rustredis_throw("rustredis: the session cannot be written as JSON: %s", reason);
	}
	RETURN_THROWS();
}

static ZEND_METHOD(RustRedis_Json, decode)
{
	zend_string *text;
	char reason[RUSTREDIS_TEXT_SIZE] = "";
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(text)
	ZEND_PARSE_PARAMETERS_END();
	if (rustredis_json_decode_array(text, return_value, reason, sizeof reason)) {
		return;
	}
	ZVAL_NULL(return_value);
	if (!EG(exception)) {
		rustredis_throw("rustredis: the session cannot be read as JSON: %s", reason);
	}
	RETURN_THROWS();
}

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_encode, 0, 1, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, data, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_decode, 0, 1, IS_ARRAY, 0)
	ZEND_ARG_TYPE_INFO(0, text, IS_STRING, 0)
ZEND_END_ARG_INFO()

static const zend_function_entry json_methods[] = {
	ZEND_ME(RustRedis_Json, encode, arginfo_encode, ZEND_ACC_PUBLIC | ZEND_ACC_STATIC)
	ZEND_ME(RustRedis_Json, decode, arginfo_decode, ZEND_ACC_PUBLIC | ZEND_ACC_STATIC)
	ZEND_FE_END
};

void rustredis_register_classes(void)
{
	zend_class_entry prepared;

	INIT_NS_CLASS_ENTRY(prepared, "RustRedis", "Json", json_methods);
	zend_register_internal_class_ex(&prepared, NULL)->ce_flags |= ZEND_ACC_FINAL;

	INIT_NS_CLASS_ENTRY(prepared, "RustRedis", "SessionHandler", methods);
	handler_class = zend_register_internal_class_ex(&prepared, NULL);
	handler_class->ce_flags |= ZEND_ACC_FINAL | ZEND_ACC_NO_DYNAMIC_PROPERTIES | ZEND_ACC_NOT_SERIALIZABLE;
	handler_class->create_object = create_handler;
	zend_class_implements(handler_class, 3, php_session_iface_entry, php_session_id_iface_entry,
		php_session_update_timestamp_iface_entry);
#if PHP_VERSION_ID >= 80200
	{
		zend_function *constructor = zend_hash_str_find_ptr(&handler_class->function_table, ZEND_STRL("__construct"));
		zend_add_parameter_attribute(constructor, 0, ZSTR_KNOWN(ZEND_STR_SENSITIVEPARAMETER), 0);
		zend_add_parameter_attribute(constructor, 1, ZSTR_KNOWN(ZEND_STR_SENSITIVEPARAMETER), 0);
	}
#endif
	memcpy(&handlers, &std_object_handlers, sizeof handlers);
	handlers.offset = XtOffsetOf(handler_object, std);
	handlers.free_obj = free_handler;
	handlers.clone_obj = NULL;
	handlers.compare = zend_objects_not_comparable;
}
