/* session.serialize_handler=json, from text to PHP's values.
 *
 * Rust decodes the text onto a tape. The values are built here in C, because Zend's allocations
 * can bail out (memory_limit), and a bailout may only pass over C frames. */
#include "php.h"
#include "ext/session/php_session.h"
#include "ext/standard/php_var.h"
#include "zend_smart_str.h"
#include "json.h"
#include "serializer.h"

/* The rows of a list repeat their keys, so each key is made and hashed only once. */
#define KNOWN_KEYS 64

typedef struct {
	const uint64_t *at;
	const char *text;
	/* The tape's own strings. */
	const char *strings;
	const char *problem;
	zend_string *keys[KNOWN_KEYS];
} decoding;

/* True if PHP has more memory than memory_limit allows. Some builds let an allocation pass, report
 * the error at the next opcode, and end the process at twice the limit, where no lock is
 * released. */
static bool is_over_limit(void)
{
	return PG(memory_limit) >= 0 && zend_memory_usage(1) > (size_t) PG(memory_limit);
}

static unsigned op_of(uint64_t entry)
{
	return entry & ((1 << RUSTREDIS_TAPE_OP_BITS) - 1);
}

static uint32_t count_of(uint64_t entry)
{
	return (uint32_t) (entry >> RUSTREDIS_TAPE_OP_BITS);
}

/* The bytes of a string, which are part of the text or of the tape's own strings. */
static const char *bytes_of(decoding *d, uint64_t entry, size_t *len)
{
	*len = entry >> RUSTREDIS_TAPE_OP_BITS & ((1 << RUSTREDIS_TAPE_PLACE_BITS) - 1);
	return (op_of(entry) == RUSTREDIS_TAPE_TEXT ? d->text : d->strings)
		+ (entry >> (RUSTREDIS_TAPE_OP_BITS + RUSTREDIS_TAPE_PLACE_BITS));
}

static bool build_object(zval *value, const char *bytes, size_t len)
{
	const unsigned char *at = (const unsigned char *) bytes;
	php_unserialize_data_t var_hash;
	bool done;
	/* unserialize() runs PHP code, which may free the memory of `bytes`, so it gets a copy. */
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

/* Returns a key with its hash. A caller that stores the key takes a reference. Returns NULL if
 * the key is an integer in PHP's arrays. */
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

/* The counts fit, because they come from a text of at most 512 MB. */
static bool build_list(decoding *d, zval *value, uint32_t count);
static bool build_map(decoding *d, zval *value, uint32_t count);

/* Builds a value. After a failure, the value can still be freed. */
static zend_always_inline bool build(decoding *d, zval *value)
{
	uint64_t entry = *d->at++;
	const char *bytes;
	size_t len;
	double f;

	switch (op_of(entry)) {
		case RUSTREDIS_TAPE_NULL:
			ZVAL_NULL(value);
			return true;
		case RUSTREDIS_TAPE_FALSE:
			ZVAL_FALSE(value);
			return true;
		case RUSTREDIS_TAPE_TRUE:
			ZVAL_TRUE(value);
			return true;
		case RUSTREDIS_TAPE_INT:
			ZVAL_LONG(value, (int64_t) entry >> RUSTREDIS_TAPE_OP_BITS);
			return true;
		case RUSTREDIS_TAPE_WIDE_INT:
			ZVAL_LONG(value, (zend_long) *d->at++);
			return true;
		case RUSTREDIS_TAPE_FLOAT:
			memcpy(&f, d->at++, sizeof f);
			ZVAL_DOUBLE(value, f);
			return true;
		case RUSTREDIS_TAPE_TEXT:
		case RUSTREDIS_TAPE_BYTES:
			bytes = bytes_of(d, entry, &len);
			ZVAL_STRINGL_FAST(value, bytes, len);
			return true;
		case RUSTREDIS_TAPE_OBJECT:
			bytes = bytes_of(d, entry, &len);
			if (!build_object(value, bytes, len)) {
				d->problem = "it holds an object that unserialize() refuses";
				return false;
			}
			return true;
		case RUSTREDIS_TAPE_LIST:
			return build_list(d, value, count_of(entry));
		default:
			return build_map(d, value, count_of(entry));
	}
}

/* False, with a null for a value, if there is no memory for a value. */
static bool has_memory(decoding *d, zval *value)
{
	if (is_over_limit()) {
		d->problem = "memory_limit";
		ZVAL_NULL(value);
		return false;
	}
	return true;
}

static bool build_list(decoding *d, zval *value, uint32_t count)
{
	bool done = true;
	if (!count) {
		ZVAL_EMPTY_ARRAY(value);
		return true;
	}
	if (!has_memory(d, value)) {
		return false;
	}
	array_init_size(value, count);
	zend_hash_real_init_packed(Z_ARRVAL_P(value));
	ZEND_HASH_FILL_PACKED(Z_ARRVAL_P(value)) {
		while (done && count--) {
			zval item;
			done = build(d, &item);
			ZEND_HASH_FILL_ADD(&item);
		}
	} ZEND_HASH_FILL_END();
	return done;
}

/* Returns the place for the value of a key. The map has room for all its keys, so places do not
 * move. */
static zval *slot_of(HashTable *map, zend_string *key)
{
	zval *slot;
	/* No key has this hash yet, so the key is new and needs no search. */
	if (HT_HASH(map, (int32_t) ((uint32_t) ZSTR_HASH(key) | map->nTableMask)) == HT_INVALID_IDX) {
		return _zend_hash_append(map, key, &EG(uninitialized_zval));
	}
	slot = zend_hash_find_known_hash(map, key);
	if (!slot) {
		return _zend_hash_append(map, key, &EG(uninitialized_zval));
	}
	/* The last of several values counts. */
	zval_ptr_dtor(slot);
	ZVAL_NULL(slot);
	return slot;
}

static zval *slot_at(HashTable *map, zend_ulong index)
{
	zval *slot = zend_hash_index_lookup(map, index);
	zval_ptr_dtor(slot);
	ZVAL_NULL(slot);
	return slot;
}

static bool build_map(decoding *d, zval *value, uint32_t count)
{
	HashTable *map;
	bool done = true;
	if (!count) {
		ZVAL_EMPTY_ARRAY(value);
		return true;
	}
	if (!has_memory(d, value)) {
		return false;
	}
	map = zend_new_array(count);
	ZVAL_ARR(value, map);
	zend_hash_real_init_mixed(map);
	while (done && count--) {
		uint64_t entry = *d->at++;
		zend_string *key;
		zend_ulong index = 0;
		const char *bytes;
		size_t len;
		zval *slot;
		switch (op_of(entry)) {
			case RUSTREDIS_TAPE_INT:
				slot = slot_at(map, (zend_ulong) ((int64_t) entry >> RUSTREDIS_TAPE_OP_BITS));
				break;
			case RUSTREDIS_TAPE_WIDE_INT:
				slot = slot_at(map, *d->at++);
				break;
			default:
				bytes = bytes_of(d, entry, &len);
				key = take_key(d, bytes, len, &index);
				slot = key ? slot_of(map, key) : slot_at(map, index);
		}
		done = build(d, slot);
	}
	return done;
}

/* Makes a value from a text. Returns false and the reason if the text is no session. After a
 * bailout, the end of the request frees the tape. */
static bool decode(const char *text, size_t len, zval *session, char *error, size_t error_size)
{
	size_t memory = rustredis_memory_left();
	const char *strings = NULL;
	const uint64_t *tape;
	decoding d = {0};
	void *probe;
	bool done;
	int i;
	while (!(tape = rustredis_json_decode(text, len, memory, &strings, error, error_size))) {
		if (*error) {
			return false;
		}
		/* PHP's values take as much memory as the tape, or more. Over memory_limit, PHP reports
		 * this in its own words, and ends the request as usual. Otherwise PHP had more memory than
		 * was known, in pieces that are free again. */
		memory = MAX(memory, 1 << 20) * 2;
		probe = emalloc(memory);
		done = !is_over_limit();
		efree(probe);
		if (!done) {
			snprintf(error, error_size, "memory_limit");
			return false;
		}
	}
	d.at = tape;
	d.text = text;
	d.strings = strings;
	done = build(&d, session);
	rustredis_json_free(tape);
	/* An empty session is PHP's shared empty array, which must not be written to. Without memory
	 * for any array, there is none. */
	if (done) {
		SEPARATE_ARRAY(session);
	}
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

bool rustredis_json_decode_array(zend_string *text, zval *array, char *error, size_t error_size)
{
	if (ZSTR_LEN(text)) {
		return decode(ZSTR_VAL(text), ZSTR_LEN(text), array, error, error_size);
	}
	array_init(array);
	return true;
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

/* php_serialize writes an array, and php writes a sequence of name|value. */
static const char *php_format(const char *text, size_t len)
{
	if (len > 4 && text[0] == 'a' && text[1] == ':' && text[2] >= '0' && text[2] <= '9' && text[len - 1] == '}') {
		return "php_serialize";
	}
	return memchr(text, '|', len) ? "php" : NULL;
}

/* Decodes a text that another serializer wrote. If objects are not allowed, the text is checked
 * first, because unserialize() would load their classes and run their code. */
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
	zend_string *id = PS(id);
	char error[200];
	zval session;

	if (!vallen) {
		array_init(&session);
		set_session(&session);
		return SUCCESS;
	}
	if (val[0] != '{') {
		/* The value is from the time before the serializer was switched. The next write is JSON. */
		const char *name = php_format(val, vallen);
		snprintf(error, sizeof error, "it is neither JSON nor in PHP's own formats");
		if (name && decode_before(name, val, vallen, error, sizeof error)) {
			return SUCCESS;
		}
	} else {
		bool done, is_open;
		/* The code of an object can open another session, which keeps its own values. After a
		 * failure, PHP would destroy that session. */
		id = id ? zend_string_copy(id) : NULL;
		done = decode(val, vallen, &session, error, sizeof error);
		is_open = !id || !PS(id) || zend_string_equals(id, PS(id));
		if (id) {
			zend_string_release(id);
		}
		if (done) {
			is_open ? set_session(&session) : zval_ptr_dtor(&session);
			return SUCCESS;
		}
	}
	/* While a stored session is decoded, an error handler that throws or exits here would look like
	 * code of the session's own objects. */
	if (!EG(exception) && !rustredis_note_unreadable(error)) {
		php_error_docref(NULL, E_WARNING, "rustredis: the session cannot be read as JSON: %s", error);
	}
	return FAILURE;
}

/* Appends a text. The inline functions of zend_smart_str.h call smart_str_ferealloc() since patch
 * releases of 2026, and a module that needs it would not load in an earlier PHP of the same minor
 * version. */
static void append(smart_str *result, const char *text, size_t length)
{
	const size_t before = smart_str_get_len(result);
	if (!result->s || before + length >= result->a) {
		smart_str_erealloc(result, before + length);
	}
	memcpy(ZSTR_VAL(result->s) + before, text, length);
	ZSTR_LEN(result->s) = before + length;
}

/* Appends the text for PHP's php serializer. Returns false if a name is not possible in this
 * format. */
static bool append_members(smart_str *result, zval *session, php_serialize_data_t *var_hash)
{
	zval *value;
	zend_string *key;
	ZEND_HASH_FOREACH_STR_KEY_VAL(Z_ARRVAL_P(session), key, value) {
		if (!key || memchr(ZSTR_VAL(key), '|', ZSTR_LEN(key))) {
			return false;
		}
		append(result, ZSTR_VAL(key), ZSTR_LEN(key));
		append(result, "|", 1);
		php_var_serialize(result, value, var_hash);
	} ZEND_HASH_FOREACH_END();
	return true;
}

int rustredis_json_for_others(zend_string *text, zend_string **converted)
{
	bool one_array = rustredis_has_serializer("php_serialize"), done = false;
	char error[200];
	smart_str result = {0};
	php_serialize_data_t var_hash;
	zval session;

	if (rustredis_has_serializer("json") || PS(mod_user_implemented)
			|| !rustredis_is_json(ZSTR_VAL(text), ZSTR_LEN(text))) {
		return RUSTREDIS_NOT_JSON;
	}
	if (!one_array && !rustredis_has_serializer("php")) {
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
