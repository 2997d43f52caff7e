/* session.serialize_handler=json: the half that speaks Zend.
 *
 * Encoding walks PHP's values and tells a writer in Rust; nothing in that walk allocates or runs PHP code. Decoding
 * reads a tape that Rust has made and builds PHP's values from it. Whatever bails out here (memory_limit) passes over C
 * frames only. */
#include "php.h"
#include "ext/session/php_session.h"
#include "ext/standard/php_var.h"
#include "zend_smart_str.h"
#include "json.h"

typedef struct {
	void *writer;
	/* What the objects were serialized to, in the order of the walk; NULL in the first walk. */
	HashTable *objects;
	uint32_t next_object;
	bool needs_objects;
	/* Why it failed, and the path to where, written from its end. */
	const char *problem;
	zend_class_entry *class;
	char path[400];
	size_t path_start;
} encoding;

static void path_prepend(encoding *e, const char *part, size_t len)
{
	if (len > e->path_start) {
		e->path_start = 0;
		return;
	}
	e->path_start -= len;
	memcpy(e->path + e->path_start, part, len);
}

static void path_key(encoding *e, zend_string *key, zend_ulong index)
{
	char part[80];
	size_t i, n;
	if (!key) {
		path_prepend(e, part, snprintf(part, sizeof part, "[" ZEND_LONG_FMT "]", (zend_long) index));
		return;
	}
	n = MIN(ZSTR_LEN(key), 60);
	part[0] = '[', part[1] = '\'';
	for (i = 0; i < n; i++) {
		unsigned char c = ZSTR_VAL(key)[i];
		part[i + 2] = c < ' ' || c == '\'' || c == 127 ? '?' : c;
	}
	part[n + 2] = '\'', part[n + 3] = ']';
	path_prepend(e, part, n + 4);
}

static bool is_utf8(zend_string *key)
{
	size_t i;
	for (i = 0; i < ZSTR_LEN(key); i++) {
		if ((unsigned char) ZSTR_VAL(key)[i] >= 0x80) {
			return rustredis_json_is_utf8(ZSTR_VAL(key), ZSTR_LEN(key));
		}
	}
	return true;
}

/* Plain objects have string keys, and integer keys where every reader keeps the order: JavaScript puts the canonical
 * array indexes of an object first, ascending. */
static int shape_of(HashTable *array, bool top)
{
	zend_string *key;
	zend_ulong index;
	zend_long last = -1;
	bool only_strings_now = false;

	if (!top && zend_array_is_list(array)) {
		return RUSTREDIS_LIST;
	}
	ZEND_HASH_FOREACH_KEY(array, index, key) {
		if (!key) {
			zend_long i = (zend_long) index;
			if (i < 0) {
				only_strings_now = true;
			} else if (only_strings_now || i <= last || i >= 0xffffffff) {
				return RUSTREDIS_PAIRS;
			} else {
				last = i;
			}
			continue;
		}
		only_strings_now = true;
		/* One member whose name starts with $ would be a tag. */
		if ((ZSTR_VAL(key)[0] == '$' && zend_hash_num_elements(array) == 1)
				|| !is_utf8(key)) {
			return RUSTREDIS_PAIRS;
		}
	} ZEND_HASH_FOREACH_END();
	return RUSTREDIS_OBJECT;
}

static bool write_value(encoding *e, zval *value, int depth);

static bool write_array(encoding *e, HashTable *array, int depth)
{
	zend_string *key;
	zend_ulong index;
	zval *value;
	int shape;
	bool done = true, counted = !(GC_FLAGS(array) & GC_IMMUTABLE);

	if (depth > RUSTREDIS_MAX_DEPTH) {
		e->problem = "is nested deeper than 512 levels";
		return false;
	}
	if (counted) {
		if (GC_IS_RECURSIVE(array)) {
			e->problem = "contains itself";
			return false;
		}
		GC_PROTECT_RECURSION(array);
	}
	shape = shape_of(array, depth == 1);
	rustredis_json_begin(e->writer, shape);
	ZEND_HASH_FOREACH_KEY_VAL_IND(array, index, key, value) {
		if (shape != RUSTREDIS_LIST) {
			if (key) {
				rustredis_json_key(e->writer, ZSTR_VAL(key), ZSTR_LEN(key));
			} else {
				rustredis_json_index(e->writer, (zend_long) index);
			}
		}
		if (!write_value(e, value, depth)) {
			path_key(e, key, index);
			done = false;
			break;
		}
	} ZEND_HASH_FOREACH_END();
	rustredis_json_end(e->writer);
	if (counted) {
		GC_UNPROTECT_RECURSION(array);
	}
	return done;
}

static bool write_object(encoding *e, zval *value)
{
	zval *serialized;
	if (!rustredis_json_objects()) {
		e->class = Z_OBJCE_P(value);
		return false;
	}
	e->needs_objects = true;
	if (!e->objects) {
		rustredis_json_null(e->writer);
		return true;
	}
	serialized = zend_hash_index_find(e->objects, e->next_object++);
	if (!serialized) {
		e->problem = "was changed by an object's serialization";
		return false;
	}
	rustredis_json_object(e->writer, Z_STRVAL_P(serialized), Z_STRLEN_P(serialized));
	return true;
}

static bool write_value(encoding *e, zval *value, int depth)
{
	ZVAL_DEREF(value);
	switch (Z_TYPE_P(value)) {
		case IS_UNDEF:
		case IS_NULL:
			rustredis_json_null(e->writer);
			return true;
		case IS_FALSE:
		case IS_TRUE:
			rustredis_json_bool(e->writer, Z_TYPE_P(value) == IS_TRUE);
			return true;
		case IS_LONG:
			rustredis_json_int(e->writer, Z_LVAL_P(value));
			return true;
		case IS_DOUBLE:
			rustredis_json_float(e->writer, Z_DVAL_P(value));
			return true;
		case IS_STRING:
			rustredis_json_string(e->writer, Z_STRVAL_P(value), Z_STRLEN_P(value));
			return true;
		case IS_ARRAY:
			return write_array(e, Z_ARRVAL_P(value), depth + 1);
		case IS_OBJECT:
			return write_object(e, value);
		default:
			e->problem = "is a resource, which cannot be kept";
			return false;
	}
}

/* The second walk's objects. Runs PHP code (__serialize), which can throw or bail out: nothing is protected here, and
 * the first walk has shown that the arrays end. */
static bool serialize_objects(HashTable *array, zval *objects, int depth)
{
	zval *value;
	ZEND_HASH_FOREACH_VAL_IND(array, value) {
		ZVAL_DEREF(value);
		if (Z_TYPE_P(value) == IS_ARRAY) {
			if (depth > RUSTREDIS_MAX_DEPTH || !serialize_objects(Z_ARRVAL_P(value), objects, depth + 1)) {
				return false;
			}
		} else if (Z_TYPE_P(value) == IS_OBJECT) {
			smart_str text = {0};
			php_serialize_data_t var_hash;
			zval item;
			PHP_VAR_SERIALIZE_INIT(var_hash);
			php_var_serialize(&text, value, &var_hash);
			PHP_VAR_SERIALIZE_DESTROY(var_hash);
			ZVAL_STR(&item, smart_str_extract(&text));
			zend_hash_next_index_insert(Z_ARRVAL_P(objects), &item);
			if (EG(exception)) {
				return false;
			}
		}
	} ZEND_HASH_FOREACH_END();
	return true;
}

static bool encode(HashTable *session, encoding *e)
{
	memset(e, 0, offsetof(encoding, path));
	e->path_start = sizeof e->path;
	e->writer = rustredis_json_writer();
	if (!write_array(e, session, 1)) {
		return false;
	}
	if (e->needs_objects) {
		zval objects;
		bool done;
		array_init(&objects);
		done = serialize_objects(session, &objects, 1);
		if (done) {
			/* __serialize may have encoded a session of its own: the writer starts over. */
			e->writer = rustredis_json_writer();
			e->objects = Z_ARRVAL(objects);
			done = write_array(e, session, 1);
		}
		e->objects = NULL;
		zval_ptr_dtor(&objects);
		if (!done) {
			return false;
		}
	}
	return true;
}

static bool is_running(const char *function)
{
	zend_execute_data *call = EG(current_execute_data);
	return call && call->func && call->func->type == ZEND_INTERNAL_FUNCTION && !call->func->common.scope
		&& call->func->common.function_name && strcmp(ZSTR_VAL(call->func->common.function_name), function) == 0;
}

/* After NULL PHP would write an empty session over the stored one (php-src, php_session_save_current_state). It is
 * given the text that it read instead: that is equal to what is stored, so nothing is written. Without lazy_write
 * PHP has no such text; our own handler refuses the empty write. */
static zend_string *keep_stored(void)
{
	if (is_running("session_encode")) {
		return NULL;
	}
	return PS(session_vars) ? zend_string_copy(PS(session_vars)) : NULL;
}

PS_SERIALIZER_ENCODE_FUNC(json)
{
	encoding e;
	const char *text;
	size_t len;
	zval *session = &PS(http_session_vars);

	if (Z_ISREF_P(session)) {
		session = Z_REFVAL_P(session);
	}
	if (Z_TYPE_P(session) != IS_ARRAY) {
		return NULL;
	}
	if (!encode(Z_ARRVAL_P(session), &e)) {
		const char *path = e.path + e.path_start;
		int path_len = (int) (sizeof e.path - e.path_start);
		if (e.class) {
			php_error_docref(NULL, E_WARNING, "rustredis: the session is not saved: $_SESSION%.*s is an object of class "
				"%s; keep plain data in the session, or set rustredis.json_objects=serialize", path_len, path,
				ZSTR_VAL(e.class->name));
		} else if (!EG(exception)) {
			php_error_docref(NULL, E_WARNING, "rustredis: the session is not saved: $_SESSION%.*s %s", path_len, path,
				e.problem ? e.problem : "cannot be encoded");
		}
		return keep_stored();
	}
	text = rustredis_json_text(e.writer, &len);
	if (!text) {
		php_error_docref(NULL, E_WARNING, "rustredis: the session is not saved: it is longer than 512 MB as JSON");
		return keep_stored();
	}
	return zend_string_init(text, len, 0);
}

/* ---- decoding ---- */

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
		const ps_serializer *before = name ? _php_find_ps_serializer(name) : NULL;
		if (before) {
			return before->decode(val, vallen);
		}
		snprintf(error, sizeof error, "it is neither JSON nor in PHP's own formats");
	} else if (decode(val, vallen, &session, error, sizeof error)) {
		set_session(&session);
		return SUCCESS;
	}
	if (!EG(exception)) {
		php_error_docref(NULL, E_WARNING, "rustredis: the session cannot be read as JSON: %s", error);
	}
	return FAILURE;
}

/* A session that was written as JSON, for a site that has gone back to PHP's own serializers: they would take it
 * for an empty one, and the next write would end it. NULL if it is no JSON, or the serializer is another one. */
zend_string *rustredis_json_to_php(const char *text, size_t len)
{
	const char *name = PS(serializer) ? PS(serializer)->name : "";
	bool one_array = strcmp(name, "php_serialize") == 0;
	char error[200];
	smart_str result = {0};
	php_serialize_data_t var_hash;
	zval session, *value;
	zend_string *key;

	if (!one_array && strcmp(name, "php") != 0) {
		return NULL;
	}
	if (!decode(text, len, &session, error, sizeof error)) {
		return NULL;
	}
	PHP_VAR_SERIALIZE_INIT(var_hash);
	if (one_array) {
		php_var_serialize(&result, &session, &var_hash);
	} else {
		ZEND_HASH_FOREACH_STR_KEY_VAL(Z_ARRVAL(session), key, value) {
			/* This format has no integer keys, and | ends a name. */
			if (key && !memchr(ZSTR_VAL(key), '|', ZSTR_LEN(key))) {
				smart_str_append(&result, key);
				smart_str_appendc(&result, '|');
				php_var_serialize(&result, value, &var_hash);
			}
		} ZEND_HASH_FOREACH_END();
	}
	PHP_VAR_SERIALIZE_DESTROY(var_hash);
	zval_ptr_dtor(&session);
	return smart_str_extract(&result);
}

int rustredis_register_json(void)
{
	return php_session_register_serializer("json", PS_SERIALIZER_ENCODE_NAME(json), PS_SERIALIZER_DECODE_NAME(json))
		== SUCCESS;
}
