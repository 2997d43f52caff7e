/* session.serialize_handler=json, from text to PHP's values.
 *
 * Rust decodes the text onto a tape; the values are built from it here, because what Zend allocates can bail out
 * (memory_limit), and then passes over C frames only. */
#include "php.h"
#include "ext/session/php_session.h"
#include "ext/standard/php_var.h"
#include "zend_smart_str.h"
#include "json.h"

/* Rows of a list repeat their keys: each is made and hashed once. */
#define KNOWN_KEYS 64

typedef struct {
	const unsigned char *at;
	const char *text;
	const char *problem;
	zend_string *keys[KNOWN_KEYS];
} decoding;

static uint64_t take_number(decoding *d)
{
	uint64_t n;
	memcpy(&n, d->at, sizeof n);
	d->at += sizeof n;
	return n;
}

/* A string's bytes, which lie on the tape or in the text. */
static const char *take_bytes(decoding *d, unsigned char op, size_t *len)
{
	const char *bytes;
	if (op == RUSTREDIS_TAPE_TEXT) {
		bytes = d->text + take_number(d);
		*len = take_number(d);
		return bytes;
	}
	*len = take_number(d);
	bytes = (const char *) d->at;
	d->at += *len;
	return bytes;
}

static bool build_object(zval *value, const char *bytes, size_t len)
{
	const unsigned char *at = (const unsigned char *) bytes;
	php_unserialize_data_t var_hash;
	bool done;
	/* unserialize() runs PHP code, which may free what `bytes` lies in: it has a copy. */
	zend_string *copy = zend_string_init(bytes, len, 0);
	at = (const unsigned char *) ZSTR_VAL(copy);
	PHP_VAR_UNSERIALIZE_INIT(var_hash);
	done = php_var_unserialize(value, &at, (const unsigned char *) ZSTR_VAL(copy) + len, &var_hash);
	PHP_VAR_UNSERIALIZE_DESTROY(var_hash);
	zend_string_release(copy);
	if (!done) {
		zval_ptr_dtor(value);
		ZVAL_NULL(value);
	}
	return done;
}

/* A key as a string of its own; whoever stores it takes a reference. NULL if it is an integer in PHP's arrays. */
static zend_string *take_key(decoding *d, const char *bytes, size_t len, zend_ulong *index)
{
	zend_string **known;
	if (ZEND_HANDLE_NUMERIC_STR(bytes, len, *index)) {
		return NULL;
	}
	if (!len) {
		return ZSTR_EMPTY_ALLOC();
	}
	known = &d->keys[(len * 31 + (unsigned char) bytes[0] * 7 + (unsigned char) bytes[len - 1]) % KNOWN_KEYS];
	if (!*known || ZSTR_LEN(*known) != len || memcmp(ZSTR_VAL(*known), bytes, len) != 0) {
		if (*known) {
			zend_string_release(*known);
		}
		*known = zend_string_init(bytes, len, 0);
		zend_string_hash_val(*known);
	}
	return *known;
}

static bool build(decoding *d, zval *value);

static bool build_list(decoding *d, zval *value)
{
	uint64_t count = take_number(d);
	bool done = true;
	if (!count) {
		ZVAL_EMPTY_ARRAY(value);
		return true;
	}
	array_init_size(value, (uint32_t) MIN(count, HT_MAX_SIZE - 1));
	zend_hash_real_init_packed(Z_ARRVAL_P(value));
	while (done && count--) {
		zval item;
		done = build(d, &item);
		zend_hash_next_index_insert_new(Z_ARRVAL_P(value), &item);
	}
	return done;
}

static bool build_map(decoding *d, zval *value)
{
	uint64_t count = take_number(d);
	bool done = true;
	array_init_size(value, (uint32_t) MIN(count, HT_MAX_SIZE - 1));
	while (done && count--) {
		unsigned char op = *d->at++;
		zend_string *key = NULL;
		zend_ulong index = 0;
		zval item;
		if (op == RUSTREDIS_TAPE_INT) {
			index = take_number(d);
		} else {
			size_t len;
			const char *bytes = take_bytes(d, op, &len);
			key = take_key(d, bytes, len, &index);
			if (key) {
				/* Building the value may push the key out of the known ones. */
				zend_string_addref(key);
			}
		}
		done = build(d, &item);
		if (key) {
			zend_hash_update(Z_ARRVAL_P(value), key, &item);
			zend_string_release(key);
		} else {
			zend_hash_index_update(Z_ARRVAL_P(value), index, &item);
		}
	}
	return done;
}

/* Always leaves a value that can be freed. */
static bool build(decoding *d, zval *value)
{
	unsigned char op = *d->at++;
	const char *bytes;
	size_t len;
	uint64_t n;
	double f;

	switch (op) {
		case RUSTREDIS_TAPE_NULL:
			ZVAL_NULL(value);
			return true;
		case RUSTREDIS_TAPE_FALSE:
		case RUSTREDIS_TAPE_TRUE:
			ZVAL_BOOL(value, op == RUSTREDIS_TAPE_TRUE);
			return true;
		case RUSTREDIS_TAPE_INT:
			ZVAL_LONG(value, (zend_long) take_number(d));
			return true;
		case RUSTREDIS_TAPE_FLOAT:
			n = take_number(d);
			memcpy(&f, &n, sizeof f);
			ZVAL_DOUBLE(value, f);
			return true;
		case RUSTREDIS_TAPE_TEXT:
		case RUSTREDIS_TAPE_BYTES:
			bytes = take_bytes(d, op, &len);
			ZVAL_STRINGL_FAST(value, bytes, len);
			return true;
		case RUSTREDIS_TAPE_OBJECT:
			bytes = take_bytes(d, op, &len);
			if (!build_object(value, bytes, len)) {
				d->problem = "it holds an object that unserialize() refuses";
				return false;
			}
			return true;
		case RUSTREDIS_TAPE_LIST:
			return build_list(d, value);
		default:
			return build_map(d, value);
	}
}

/* A value from a text; false, with the reason, if it is no session. On a bailout the tape is freed at the end of the
 * request. */
static bool decode(const char *text, size_t len, zval *session, char *error, size_t error_size)
{
	const unsigned char *tape = rustredis_json_decode(text, len, error, error_size);
	decoding d = { tape, text, NULL, { NULL } };
	bool done;
	int i;
	if (!tape) {
		return false;
	}
	done = build(&d, session);
	rustredis_json_free(tape);
	for (i = 0; i < KNOWN_KEYS; i++) {
		if (d.keys[i]) {
			zend_string_release(d.keys[i]);
		}
	}
	if (!done) {
		snprintf(error, error_size, "%s", d.problem ? d.problem : "it cannot be built");
		zval_ptr_dtor(session);
	}
	return done;
}

static void set_session(zval *session)
{
	zend_string *name = zend_string_init("_SESSION", sizeof "_SESSION" - 1, 0);
	if (!Z_ISUNDEF(PS(http_session_vars))) {
		zval_ptr_dtor(&PS(http_session_vars));
	}
	ZVAL_NEW_REF(&PS(http_session_vars), session);
	Z_ADDREF_P(&PS(http_session_vars));
	zend_hash_update_ind(&EG(symbol_table), name, &PS(http_session_vars));
	zend_string_release(name);
}

/* php_serialize writes an array; php writes name|value, one after the other. */
static const char *php_format(const char *text, size_t len)
{
	if (len > 4 && text[0] == 'a' && text[1] == ':' && text[2] >= '0' && text[2] <= '9' && text[len - 1] == '}') {
		return "php_serialize";
	}
	return memchr(text, '|', len) ? "php" : NULL;
}

/* A text that another serializer wrote. Where objects are not chosen it is looked through first: unserialize() would
 * look up classes, and run their code. */
static bool decode_before(const char *name, const char *text, size_t len, char *error, size_t error_size)
{
	const ps_serializer *before = _php_find_ps_serializer(name);
	if (!before) {
		return false;
	}
	if (!rustredis_json_objects()) {
		switch (rustredis_php_content(text, len, strcmp(name, "php_serialize") == 0)) {
			case RUSTREDIS_PLAIN:
				break;
			case RUSTREDIS_OBJECTS:
				snprintf(error, error_size, "it holds an object, which only rustredis.json_objects=serialize reads");
				return false;
			default:
				return false;
		}
	}
	return before->decode(text, len) == SUCCESS;
}

PS_SERIALIZER_DECODE_FUNC(json)
{
	char error[200];
	zval session;

	if (!vallen) {
		array_init(&session);
		set_session(&session);
		return SUCCESS;
	}
	if (val[0] != '{') {
		/* From before the serializer was switched; the next write is JSON. */
		const char *name = php_format(val, vallen);
		snprintf(error, sizeof error, "it is neither JSON nor in PHP's own formats");
		if (name && decode_before(name, val, vallen, error, sizeof error)) {
			return SUCCESS;
		}
	} else if (decode(val, vallen, &session, error, sizeof error)) {
		set_session(&session);
		return SUCCESS;
	}
	if (!EG(exception)) {
		php_error_docref(NULL, E_WARNING, "rustredis: the session cannot be read as JSON: %s", error);
	}
	return FAILURE;
}

/* The text for PHP's php serializer; false if it has names that this format cannot have. */
static bool append_members(smart_str *result, zval *session, php_serialize_data_t *var_hash)
{
	zval *value;
	zend_string *key;
	ZEND_HASH_FOREACH_STR_KEY_VAL(Z_ARRVAL_P(session), key, value) {
		if (!key || memchr(ZSTR_VAL(key), '|', ZSTR_LEN(key))) {
			return false;
		}
		smart_str_append(result, key);
		smart_str_appendc(result, '|');
		php_var_serialize(result, value, var_hash);
	} ZEND_HASH_FOREACH_END();
	return true;
}

int rustredis_json_for_others(zend_string *text, zend_string **converted)
{
	const char *name = PS(serializer) ? PS(serializer)->name : "";
	bool one_array = strcmp(name, "php_serialize") == 0, done = false;
	char error[200];
	smart_str result = {0};
	php_serialize_data_t var_hash;
	zval session;

	if (strcmp(name, "json") == 0 || PS(mod_user_implemented)
			|| !rustredis_is_json(ZSTR_VAL(text), ZSTR_LEN(text))) {
		return RUSTREDIS_NOT_JSON;
	}
	if (!one_array && strcmp(name, "php") != 0) {
		return RUSTREDIS_ONLY_JSON;
	}
	if (decode(ZSTR_VAL(text), ZSTR_LEN(text), &session, error, sizeof error)) {
		PHP_VAR_SERIALIZE_INIT(var_hash);
		if (one_array) {
			php_var_serialize(&result, &session, &var_hash);
			done = true;
		} else {
			done = append_members(&result, &session, &var_hash);
		}
		PHP_VAR_SERIALIZE_DESTROY(var_hash);
		zval_ptr_dtor(&session);
	}
	if (!done) {
		smart_str_free(&result);
		return RUSTREDIS_ONLY_JSON;
	}
	*converted = smart_str_extract(&result);
	return RUSTREDIS_CONVERTED;
}

int rustredis_register_json(void)
{
	return php_session_register_serializer("json", PS_SERIALIZER_ENCODE_NAME(json), PS_SERIALIZER_DECODE_NAME(json))
		== SUCCESS;
}
