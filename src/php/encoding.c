/* PHP's encoding of a session, which can run a script (__serialize, an error handler).
 *
 * PHP walks over the array of $_SESSION without holding it, and the script may change it, or replace
 * it. Therefore the session's serializer is replaced by one that holds the array for the time of the
 * encoding: such a change then makes a copy. All roads to an encoding pass here, also those without
 * a function of PHP, such as the end of a request. */
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

/* True if a function of PHP has $_SESSION as an argument by reference, such as array_splice(). It may
 * be in the middle of the array, because an object that it has destroyed saves the session. */
static bool is_walked_over(void)
{
	zend_execute_data *call;
	uint32_t i;
	for (call = EG(current_execute_data); call; call = call->prev_execute_data) {
		if (!call->func || call->func->type != ZEND_INTERNAL_FUNCTION) {
			continue;
		}
		for (i = 1; i <= ZEND_CALL_NUM_ARGS(call); i++) {
			const zval *argument = ZEND_CALL_ARG(call, i);
			if (Z_ISREF_P(argument) && Z_ISREF(PS(http_session_vars))
					&& Z_REF_P(argument) == Z_REF(PS(http_session_vars))) {
				return true;
			}
		}
	}
	return false;
}

void rustredis_release_values(zend_array *values)
{
	/* An array that is walked over stays until PHP frees the memory of the request. */
	if (values && (GC_REFCOUNT(values) > 1 || !is_walked_over())) {
		zend_array_release(values);
	}
}

static PS_SERIALIZER_ENCODE_FUNC(holding)
{
	const unsigned opened = rustredis_opened();
	zend_array *values = rustredis_hold_values();
	zend_string *text = original->encode();
	rustredis_release_values(values);
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
