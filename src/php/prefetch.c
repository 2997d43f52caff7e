/* rustredis.prefetch: at the start of a request with a session cookie, requests the session of that
 * cookie before any script runs. */
#include "php.h"
#include "php_ini.h"
#include "ext/session/php_session.h"
#include "shim.h"

/* Finds the id as PHP will: the cookie takes precedence over every other source. The session
 * module has started this request before this extension. */
void rustredis_ask_ahead(void)
{
	const char *on = zend_ini_string(ZEND_STRL("rustredis.prefetch"), 0);
	const char *name = zend_ini_string(ZEND_STRL("session.name"), 0);
	zval *cookies = &PG(http_globals)[TRACK_VARS_COOKIE];
	zval *id;
#if PHP_VERSION_ID >= 80500
	const char *path = PS(save_path) ? ZSTR_VAL(PS(save_path)) : NULL;
#else
	const char *path = PS(save_path);
#endif

	/* The setting is mostly off, and then costs no more than this check. */
	if (!on || !*on || strcmp(on, "0") == 0) {
		return;
	}
	if (PS(session_status) != php_session_none || !PS(mod) || strcmp(PS(mod)->s_name, "rustredis") != 0
			|| !PS(use_cookies) || !name || Z_TYPE_P(cookies) != IS_ARRAY) {
		return;
	}
	id = zend_hash_str_find(Z_ARRVAL_P(cookies), name, strlen(name));
	if (!id) {
		return;
	}
	ZVAL_DEREF(id);
	if (Z_TYPE_P(id) == IS_STRING) {
		path = rustredis_save_path(path);
		rustredis_prefetch(path, strlen(path), Z_STRVAL_P(id), Z_STRLEN_P(id),
			PS(use_strict_mode));
	}
}
