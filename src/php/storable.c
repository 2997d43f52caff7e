/* Finds out, without running PHP code, that $_SESSION cannot be stored as it is.
 *
 * session_regenerate_id(true) deletes what is stored before PHP encodes the session for the new id.
 * If the encoding is then refused, nothing is left under either id. The code of an object
 * (__serialize) may still refuse later. */
#include "php.h"
#include "ext/session/php_session.h"
#include "json.h"
#include "serializer.h"
#include "shim.h"

/* More values than this are not looked at. */
#define MAX_VALUES 100000
#define MAX_DEPTH 512

typedef struct {
	uint32_t values;
	/* The bytes that the text has at least. */
	size_t len;
	zend_class_entry *class;
	bool has_bad_key;
	/* An object, or a key that php and php_binary leave out with a warning. */
	bool runs_code;
} look;

static void look_at(look *l, HashTable *array, int depth, bool counts);

/* True if PHP serializes the properties of an object as they are. */
static bool is_plain(zend_object *object)
{
	zend_class_entry *class = object->ce;
	return !class->serialize && !class->__serialize
		&& !zend_hash_str_exists(&class->function_table, ZEND_STRL("__sleep"))
		&& object->handlers->get_properties == zend_std_get_properties && !object->handlers->get_properties_for;
}

static void look_at_value(look *l, zval *value, int depth, bool counts)
{
	/* The second mention of a reference takes a few bytes only. */
	const bool counts_here = counts && !(Z_ISREF_P(value) && Z_REFCOUNT_P(value) > 1);
	ZVAL_DEREF(value);
	if (Z_TYPE_P(value) == IS_STRING) {
		l->len += counts_here ? Z_STRLEN_P(value) : 0;
	} else if (Z_TYPE_P(value) == IS_ARRAY) {
		look_at(l, Z_ARRVAL_P(value), depth + 1, counts_here);
	} else if (Z_TYPE_P(value) == IS_OBJECT) {
		zend_object *object = Z_OBJ_P(value);
		int i;
		l->runs_code = true;
		if (object->ce->ce_flags & ZEND_ACC_NOT_SERIALIZABLE) {
			l->class = object->ce;
		} else if (is_plain(object) && depth < MAX_DEPTH && !GC_IS_RECURSIVE(object)) {
			/* An object may be mentioned more than once. */
			GC_PROTECT_RECURSION(object);
			for (i = 0; i < object->ce->default_properties_count && !l->class && l->values++ < MAX_VALUES; i++) {
				look_at_value(l, &object->properties_table[i], depth + 1, false);
			}
			if (object->properties && !l->class) {
				look_at(l, object->properties, depth + 1, false);
			}
			GC_UNPROTECT_RECURSION(object);
		}
	}
}

static void look_at(look *l, HashTable *array, int depth, bool counts)
{
	const bool is_session = depth == 0, is_php = is_session && rustredis_has_serializer("php");
	const bool is_counted = !(GC_FLAGS(array) & GC_IMMUTABLE);
	zend_string *key;
	zval *value;

	if (depth >= MAX_DEPTH || (is_counted && GC_IS_RECURSIVE(array))) {
		return;
	}
	if (is_counted) {
		GC_PROTECT_RECURSION(array);
	}
	ZEND_HASH_FOREACH_STR_KEY_VAL_IND(array, key, value) {
		l->runs_code = l->runs_code || (is_session && !key);
		/* The serializer "php" leaves such values out. */
		if (is_php && !key) {
			continue;
		}
		if (is_php && memchr(ZSTR_VAL(key), '|', ZSTR_LEN(key))) {
			l->has_bad_key = true;
		}
		if (l->class || l->has_bad_key || l->values++ >= MAX_VALUES) {
			break;
		}
		look_at_value(l, value, depth, counts);
	} ZEND_HASH_FOREACH_END();
	if (is_counted) {
		GC_UNPROTECT_RECURSION(array);
	}
}

zend_class_entry *rustredis_not_serializable(zval *object)
{
	look l = {0};
	look_at_value(&l, object, 1, false);
	return l.class;
}

/* The length of the text, or the least that it can have if an encoding could run PHP code. */
static size_t length(const look *l)
{
	zend_string *text = l->runs_code || l->values >= MAX_VALUES ? NULL : PS(serializer)->encode();
	size_t len;

	if (text) {
		len = ZSTR_LEN(text);
		zend_string_release(text);
		return len;
	}
	/* Other serializers write a repeated string once. */
	return strncmp(PS(serializer)->name, "php", 3) == 0 ? l->len : 0;
}

bool rustredis_cannot_be_stored(char *reason, size_t size)
{
	zval *session = &PS(http_session_vars);
	look l = {0};
	size_t limit;

	ZVAL_DEREF(session);
	if (Z_TYPE_P(session) == IS_OBJECT) {
		snprintf(reason, size, "$_SESSION is an object, and PHP stores no other values than those of an array");
		return true;
	}
	if (Z_TYPE_P(session) != IS_ARRAY) {
		return false;
	}
	if (rustredis_has_serializer("json")) {
		return rustredis_json_cannot_encode(Z_ARRVAL_P(session), reason, size);
	}
	look_at(&l, Z_ARRVAL_P(session), 0, true);
	/* A handler class may store another text. */
	limit = PS(mod_user_implemented) ? 0 : rustredis_max_value_size();
	if (l.class) {
		snprintf(reason, size, "it has an object of class %s, which PHP cannot serialize", ZSTR_VAL(l.class->name));
	} else if (l.has_bad_key) {
		snprintf(reason, size, "a key of it has a |, which session.serialize_handler php cannot encode");
	} else if (limit && length(&l) > limit) {
		snprintf(reason, size, "it has more than %zu bytes, which is what rustredis.max_value_size allows", limit);
	} else {
		return false;
	}
	return true;
}
