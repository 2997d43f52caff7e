/* PHP's encoding of a session, which can run a script (__serialize, an error handler).
 *
 * PHP walks over the array of $_SESSION without holding it, and the script may change it, or
 * replace it. Therefore the session's serializer is replaced by one that holds the array for the
 * time of the encoding: such a change then makes a copy, and comes into the array afterwards. All
 * roads to an encoding pass here, also those without a function of PHP, such as the end of a
 * request. */
#include "php.h"
#include "ext/session/php_session.h"
#include "shim.h"

/* The serializer in the place of `original`, with its name and its decoder. */
static TSRM_TLS ps_serializer holding;
static TSRM_TLS const ps_serializer *original;

/* The number of opened sessions when the last encoding began. PHP stores the text under the id that
 * it has afterwards. */
static TSRM_TLS unsigned opened_before;
/* The last encoding gave no text. A handler class may make another text of that. */
static TSRM_TLS bool gave_nothing;

/* The number of encodings that are at work. A bailout in one leaves it too high. */
static TSRM_TLS unsigned encoding;

bool rustredis_is_encoding(void)
{
	return encoding != 0;
}

void rustredis_forget_encodings(void)
{
	encoding = 0;
}

bool rustredis_is_replaced_while_saved(void)
{
	return rustredis_saves_a_session() && rustredis_opened() != opened_before;
}

bool rustredis_encoded_nothing(void)
{
	return gave_nothing;
}

zend_array *rustredis_hold_values(void)
{
	zval *values = &PS(http_session_vars);
	ZVAL_DEREF(values);
	if (Z_TYPE_P(values) != IS_ARRAY || !Z_REFCOUNTED_P(values) || !Z_REFCOUNT_P(values)) {
		return NULL;
	}
	Z_ADDREF_P(values);
	return Z_ARR_P(values);
}

void rustredis_release_values(zend_array *values)
{
	if (values) {
		zend_array_release(values);
	}
}

static zval *find(zend_array *array, zend_string *key, zend_ulong index)
{
	return key ? zend_hash_find(array, key) : zend_hash_index_find(array, index);
}

/* Gives $_SESSION the array back that it had before, with the changes of the script, which has got
 * a copy of it. A loop by reference, or array_splice(), may be in the middle of that array. */
static void put_back(zend_array *values)
{
	zval *session = &PS(http_session_vars), *old, *value, removed;
	zend_array *changed;
	zend_string *key;
	zend_ulong index;

	ZVAL_DEREF(session);
	/* Another array may belong to another session, and one that others have does not change. */
	if (Z_TYPE_P(session) != IS_ARRAY || Z_ARR_P(session) == values || GC_REFCOUNT(values) > 1) {
		zend_array_release(values);
		return;
	}
	changed = Z_ARR_P(session);
	/* Objects are destroyed at the end, when their destructors find the changed values. */
	array_init(&removed);
	ZEND_HASH_FOREACH_KEY_VAL(values, index, key, old) {
		value = find(changed, key, index);
		if (!value || Z_TYPE_P(value) != Z_TYPE_P(old) || Z_COUNTED_P(value) != Z_COUNTED_P(old)) {
			Z_TRY_ADDREF_P(old);
			add_next_index_zval(&removed, old);
		}
		if (!value) {
			key ? zend_hash_del(values, key) : zend_hash_index_del(values, index);
		}
	} ZEND_HASH_FOREACH_END();
	ZEND_HASH_FOREACH_KEY_VAL(changed, index, key, value) {
		old = find(values, key, index);
		if (!old || Z_TYPE_P(value) != Z_TYPE_P(old) || Z_COUNTED_P(value) != Z_COUNTED_P(old)) {
			Z_TRY_ADDREF_P(value);
			key ? zend_hash_update(values, key, value) : zend_hash_index_update(values, index, value);
		}
	} ZEND_HASH_FOREACH_END();
	values->nNextFreeElement = changed->nNextFreeElement;
	ZVAL_ARR(session, values);
	zend_array_release(changed);
	zval_ptr_dtor(&removed);
}

static PS_SERIALIZER_ENCODE_FUNC(holding)
{
	const unsigned opened = rustredis_opened();
	zend_array *values = rustredis_hold_values();
	zend_reference *session = values && Z_ISREF(PS(http_session_vars)) ? Z_REF(PS(http_session_vars)) : NULL;
	zend_string *text;

	/* The script may begin another session, whose $_SESSION is another one. */
	if (session) {
		GC_ADDREF(session);
	}
	encoding++;
	text = original->encode();
	encoding--;
	if (session && Z_ISREF(PS(http_session_vars)) && Z_REF(PS(http_session_vars)) == session) {
		put_back(values);
	} else {
		rustredis_release_values(values);
	}
	if (session) {
		zval reference;
		ZVAL_REF(&reference, session);
		zval_ptr_dtor(&reference);
	}
	opened_before = opened;
	gave_nothing = !text || !ZSTR_LEN(text);
	return text;
}

void rustredis_watch_encoding(void)
{
	if (PS(serializer) && PS(serializer) != &holding) {
		original = PS(serializer);
		holding = *original;
		holding.encode = PS_SERIALIZER_ENCODE_NAME(holding);
		PS(serializer) = &holding;
	}
}
