/* session.serialize_handler=json, from PHP's values to text.
 *
 * A walk over the values passes each of them to a writer in Rust. The walk neither allocates nor
 * runs PHP code. */
#include "php.h"
#include "php_globals.h"
#include "ext/session/php_session.h"
#include "ext/standard/php_var.h"
#include "zend_smart_str.h"
#include "json.h"
#include "shim.h"

/* The rows of a list repeat their keys, mostly as the same string, so each key is checked only
 * once. */
#define KNOWN_KEYS 64

typedef struct {
	void *writer;
	/* Keys that are UTF-8. No key is freed while the arrays are walked. */
	zend_string *known[KNOWN_KEYS];
	/* The serialized objects in the order of the walk, or NULL in the first walk. */
	HashTable *objects;
	uint32_t next_object;
	bool needs_objects;
	/* Only the first walk is made. */
	bool is_trial;
	/* The largest size of the text, and the reason for this limit. */
	size_t limit;
	const char *limited_by;
	bool is_too_long;
	/* Otherwise it is any array (RustRedis\Json). */
	bool is_session;
	/* The reason of a failure, and the path to its place, written from the end. */
	const char *problem;
	zend_class_entry *class;
	bool path_cut;
	char path[400];
	size_t path_start;
} encoding;

static void path_prepend(encoding *e, const char *part, size_t len)
{
	static const char cut[] = "[...]";
	/* The innermost keys come first, and the outer ones are cut if there is no room. */
	if (!e->path_cut && len + sizeof cut - 1 > e->path_start) {
		e->path_cut = true;
		part = cut;
		len = sizeof cut - 1;
	} else if (e->path_cut) {
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

static bool is_utf8_key(encoding *e, zend_string *key)
{
	zend_string **known = &e->known[((uintptr_t) key >> 5) % KNOWN_KEYS];
	if (*known != key) {
		if (!is_utf8(key)) {
			return false;
		}
		*known = key;
	}
	return true;
}

/* Plain objects have string keys, and integer keys only if every reader keeps the order:
 * JavaScript puts the canonical array indexes of an object first, ascending. */
static int shape_of(encoding *e, HashTable *array, bool top)
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
		/* A single member whose name starts with $ would be read as a tag. */
		if ((ZSTR_VAL(key)[0] == '$' && zend_hash_num_elements(array) == 1)
				|| !is_utf8_key(e, key)) {
			return RUSTREDIS_PAIRS;
		}
	} ZEND_HASH_FOREACH_END();
	return RUSTREDIS_OBJECT;
}

/* True if a key, or a value that is no array, is written as an object, which is one more level. */
static bool needs_tag(zend_string *key, zval *value)
{
	ZVAL_DEREF(value);
	return (key && !is_utf8(key)) || Z_TYPE_P(value) == IS_OBJECT
		|| (Z_TYPE_P(value) == IS_STRING && !is_utf8(Z_STR_P(value)))
		|| (Z_TYPE_P(value) == IS_DOUBLE && !zend_finite(Z_DVAL_P(value)));
}

static const char too_deep[] = "is nested deeper than 512 levels";

static bool write_value(encoding *e, zval *value, int depth);

static bool fits(encoding *e, int fits)
{
	e->is_too_long |= !fits;
	return fits;
}

static bool write_array(encoding *e, HashTable *array, int depth)
{
	zend_string *key;
	zend_ulong index;
	zval *value;
	int shape;
	bool done = true, counted = !(GC_FLAGS(array) & GC_IMMUTABLE);

	if (counted) {
		if (GC_IS_RECURSIVE(array)) {
			e->problem = "contains itself";
			return false;
		}
		GC_PROTECT_RECURSION(array);
	}
	shape = shape_of(e, array, depth == 0);
	/* The depth counts levels of JSON, as the reader does. A list of pairs has an object around
	 * it. */
	depth += shape == RUSTREDIS_PAIRS ? 3 : 1;
	if (depth > RUSTREDIS_MAX_DEPTH) {
		if (counted) {
			GC_UNPROTECT_RECURSION(array);
		}
		e->problem = too_deep;
		return false;
	}
	done = fits(e, rustredis_json_begin(e->writer, shape));
	ZEND_HASH_FOREACH_KEY_VAL_IND(array, index, key, value) {
		if (!done) {
			break;
		}
		if (depth == RUSTREDIS_MAX_DEPTH && needs_tag(key, value)) {
			e->problem = too_deep;
			path_key(e, key, index);
			done = false;
			break;
		}
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
	done = fits(e, rustredis_json_end(e->writer)) && done;
	if (counted) {
		GC_UNPROTECT_RECURSION(array);
	}
	return done;
}

static bool write_object(encoding *e, zval *value)
{
	zval *serialized;
	e->class = rustredis_json_objects() ? NULL : Z_OBJCE_P(value);
	if (e->is_trial && !e->class) {
		e->class = rustredis_not_serializable(value);
	}
	if (e->class) {
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
	return fits(e, rustredis_json_object(e->writer, Z_STRVAL_P(serialized), Z_STRLEN_P(serialized)));
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
			return fits(e, rustredis_json_string(e->writer, Z_STRVAL_P(value), Z_STRLEN_P(value)));
		case IS_ARRAY:
			return write_array(e, Z_ARRVAL_P(value), depth);
		case IS_OBJECT:
			return write_object(e, value);
		default:
			e->problem = "is a resource, which cannot be kept";
			return false;
	}
}

/* Serializes the objects for the second walk. This runs PHP code (__serialize), which can throw,
 * bail out, or change the session meanwhile. The arrays need no protection against recursion,
 * because the first walk has shown that they end, and references keep everything in use alive. */
static bool serialize_objects(HashTable *array, zval *objects, int depth)
{
	zval *value;
	bool done = depth <= RUSTREDIS_MAX_DEPTH;

	GC_TRY_ADDREF(array);
	ZEND_HASH_FOREACH_VAL_IND(array, value) {
		if (!done) {
			break;
		}
		ZVAL_DEREF(value);
		if (Z_TYPE_P(value) == IS_ARRAY) {
			done = serialize_objects(Z_ARRVAL_P(value), objects, depth + 1);
		} else if (Z_TYPE_P(value) == IS_OBJECT) {
			smart_str text = {0};
			php_serialize_data_t var_hash;
			zval item, object;
			ZVAL_COPY(&object, value);
			PHP_VAR_SERIALIZE_INIT(var_hash);
			php_var_serialize(&text, &object, &var_hash);
			PHP_VAR_SERIALIZE_DESTROY(var_hash);
			ZVAL_STR(&item, smart_str_extract(&text));
			zend_hash_next_index_insert(Z_ARRVAL_P(objects), &item);
			zval_ptr_dtor(&object);
			done = !EG(exception);
		}
	} ZEND_HASH_FOREACH_END();
	zend_array_release(array);
	return done;
}

/* True if the session is stored by this handler, or by a subclass of SessionHandler that has
 * opened it. */
static bool is_kept_by_us(void)
{
	const ps_module *handler = PS(mod_user_implemented) ? PS(default_mod) : PS(mod);
	return PS(mod_data) && handler && strcmp(handler->s_name, "rustredis") == 0;
}

/* Returns the number of bytes that memory_limit leaves. The writer's memory does not belong to
 * PHP, but its text becomes a PHP string. */
size_t rustredis_memory_left(void)
{
	/* The limit applies to the memory that PHP has from the system, unless that memory has free
	 * room. */
	size_t limit = PG(memory_limit), taken = zend_memory_usage(1), used = zend_memory_usage(0);
	if (PG(memory_limit) < 0) {
		return SIZE_MAX;
	}
	return MAX(limit > taken ? limit - taken : 0, limit > used ? MIN(limit - used, (size_t) 2 << 20) : 0);
}

static void find_limit(encoding *e)
{
	size_t memory = rustredis_memory_left(), value = e->is_session && is_kept_by_us() ? rustredis_max_value_size() : 0;
	e->limit = (size_t) 512 << 20;
	e->limited_by = "which is what Redis can hold";
	if (value && value < e->limit) {
		e->limit = value;
		e->limited_by = "which is what rustredis.max_value_size allows";
	}
	if (memory < e->limit) {
		e->limit = memory;
		e->limited_by = "which is what memory_limit leaves";
	}
}

/* Walks over the session for the first time, which writes all of it but the objects. */
static bool encode_plain(HashTable *session, encoding *e, bool is_session, bool is_trial)
{
	memset(e, 0, offsetof(encoding, path));
	e->is_trial = is_trial;
	e->path_start = sizeof e->path - 1;
	e->path[e->path_start] = '\0';
	e->is_session = is_session;
	find_limit(e);
	e->writer = rustredis_json_writer(e->limit);
	return write_array(e, session, 0);
}

static bool encode(HashTable *session, encoding *e, bool is_session)
{
	zval objects;
	bool done = encode_plain(session, e, is_session, false);

	if (!done || !e->needs_objects) {
		return done;
	}
	/* Both walks see the same array, even if PHP code changes $_SESSION in between. */
	GC_TRY_ADDREF(session);
	array_init(&objects);
	done = serialize_objects(session, &objects, 1);
	if (done) {
		/* __serialize may have encoded a session of its own, so the writer starts over. */
		find_limit(e);
		e->writer = rustredis_json_writer(e->limit);
		e->objects = Z_ARRVAL(objects);
		/* PHP code has run: keys may have been freed, and other keys may have their addresses. */
		memset(e->known, 0, sizeof e->known);
		done = write_array(e, session, 0);
		e->objects = NULL;
	}
	zval_ptr_dtor(&objects);
	zend_array_release(session);
	return done;
}

/* Writes the reason of a failure, unless an exception has it. */
static bool explain(const encoding *e, char *text, size_t size)
{
	const char *path = e->path + e->path_start, *name = e->is_session ? "$_SESSION" : "$data";
	if (e->class && rustredis_json_objects()) {
		snprintf(text, size, "%s%s is or has an object of class %s, which PHP cannot serialize", name, path,
			ZSTR_VAL(e->class->name));
	} else if (e->class) {
		snprintf(text, size, "%s%s is an object of class %s; keep plain data in the session, or set "
			"rustredis.json_objects=serialize", name, path, ZSTR_VAL(e->class->name));
	} else if (e->is_too_long && !e->limit) {
		snprintf(text, size, "%s%s does not fit: memory_limit leaves no room for it as JSON", name, path);
	} else if (e->is_too_long) {
		snprintf(text, size, "%s%s does not fit: as JSON the session has more than %zu bytes, %s", name, path,
			e->limit, e->limited_by);
	} else if (!EG(exception)) {
		snprintf(text, size, "%s%s %s", name, path, e->problem ? e->problem : "cannot be encoded");
	} else {
		return false;
	}
	return true;
}

bool rustredis_json_cannot_encode(HashTable *session, char *reason, size_t size)
{
	encoding e;
	return !encode_plain(session, &e, true, true) && explain(&e, reason, size);
}

static zend_string *text_of(encoding *e)
{
	size_t len;
	const char *text = rustredis_json_text(e->writer, &len);
	return zend_string_init(text, len, 0);
}

zend_string *rustredis_json_encode_array(HashTable *array, char *error, size_t error_size)
{
	encoding e;
	if (encode(array, &e, false)) {
		return text_of(&e);
	}
	explain(&e, error, error_size);
	return NULL;
}

static bool is_running(const char *function)
{
	zend_execute_data *call = EG(current_execute_data);
	return call && call->func && call->func->type == ZEND_INTERNAL_FUNCTION && !call->func->common.scope
		&& call->func->common.function_name && strcmp(ZSTR_VAL(call->func->common.function_name), function) == 0;
}

/* After a NULL, PHP would write an empty session over the stored one (php-src,
 * php_session_save_current_state). Instead, PHP gets the text that it has read: this equals the
 * stored text, so PHP writes nothing. Without lazy_write, PHP has no such text, and this handler
 * refuses the empty write. Since 8.6, PHP writes nothing after a NULL, but does not close the
 * session either, so this handler must still be called to release the lock. */
static TSRM_TLS bool refused;

bool rustredis_json_refused(void)
{
	return refused;
}

/* PHP has the text that it has read, in the place of values that were refused. */
static TSRM_TLS bool kept_stored;

void rustredis_json_forget_refusal(void)
{
	refused = false;
	kept_stored = false;
}

bool rustredis_json_kept_stored(void)
{
	const bool has_kept = kept_stored;
	kept_stored = false;
	return has_kept;
}

static zend_string *keep_stored(void)
{
	if (is_running("session_encode")) {
		return NULL;
	}
	if (PS(session_vars)) {
		/* The id stays, too: the values could not be stored under another one. */
		refused = rustredis_changes_the_id();
		kept_stored = !refused;
		return zend_string_copy(PS(session_vars));
	}
	refused = true;
#if PHP_VERSION_ID >= 80600
	if (is_kept_by_us()) {
		return ZSTR_EMPTY_ALLOC();
	}
#endif
	return NULL;
}

PS_SERIALIZER_ENCODE_FUNC(json)
{
	encoding e;
	char reason[RUSTREDIS_TEXT_SIZE];
	zval *session = &PS(http_session_vars);

	/* A handler class may encode the session by hand before it passes on what PHP has to write. */
	refused = refused && is_running("session_encode");
	kept_stored = kept_stored && is_running("session_encode");
	if (Z_ISREF_P(session)) {
		session = Z_REFVAL_P(session);
	}
	if (Z_TYPE_P(session) != IS_ARRAY) {
		return NULL;
	}
	if (encode(Z_ARRVAL_P(session), &e, true)) {
		return text_of(&e);
	}
	if (explain(&e, reason, sizeof reason)) {
		php_error_docref(NULL, E_WARNING, "rustredis: the session is not saved: %s", reason);
	}
	return keep_stored();
}
