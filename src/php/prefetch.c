/* rustredis.prefetch: at the start of a request with a session cookie, requests the session of that
 * cookie before any script runs. */
#include "php.h"
#include "php_ini.h"
#include "php_variables.h"
#include "SAPI.h"
#include "ext/session/php_session.h"
#include "ext/standard/url.h"
#include "shim.h"

static void ask_for(zval *cookies, const char *name)
{
#if PHP_VERSION_ID >= 80500
	const char *path = PS(save_path) ? ZSTR_VAL(PS(save_path)) : NULL;
#else
	const char *path = PS(save_path);
#endif
	zval *id = zend_hash_str_find(Z_ARRVAL_P(cookies), name, strlen(name));

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

/* The name of the cookie, or NULL if there is nothing to prefetch. The setting is mostly off, and
 * then costs no more than the first check. */
static const char *wanted_cookie(void)
{
	const char *on = zend_ini_string(ZEND_STRL("rustredis.prefetch"), 0);

	if (!on || !*on || strcmp(on, "0") == 0) {
		return NULL;
	}
	if (PS(session_status) != php_session_none || !PS(mod) || strcmp(PS(mod)->s_name, "rustredis") != 0
			|| !PS(use_cookies)) {
		return NULL;
	}
	return zend_ini_string(ZEND_STRL("session.name"), 0);
}

/* Finds the id as PHP will: the cookie takes precedence over every other source. The session
 * module has started this request before this extension. */
void rustredis_prefetch_for_request(void)
{
	const char *name = wanted_cookie();
	zval *cookies = &PG(http_globals)[TRACK_VARS_COOKIE];

	if (name && Z_TYPE_P(cookies) == IS_ARRAY) {
		ask_for(cookies, name);
	}
}

/* The id that the browser has sent, or NULL. */
const zend_string *rustredis_id_of_cookie(void)
{
	const char *name = zend_ini_string(ZEND_STRL("session.name"), 0);
	zval *cookies = &PG(http_globals)[TRACK_VARS_COOKIE];
	zval *id = PS(use_cookies) && name && Z_TYPE_P(cookies) == IS_ARRAY
		? zend_hash_str_find(Z_ARRVAL_P(cookies), name, strlen(name)) : NULL;

	if (!id) {
		return NULL;
	}
	ZVAL_DEREF(id);
	return Z_TYPE_P(id) == IS_STRING ? Z_STR_P(id) : NULL;
}

/* Puts the cookies of the request's header into `cookies`, as PHP will into $_COOKIE, up to the
 * first one of this name, which is the one that counts. */
static void parse_header(zval *cookies, const char *header, const char *name)
{
	char *const copy = estrdup(header);
	char *rest = NULL;
	char *cookie = php_strtok_r(copy, ";", &rest);
	zend_long count = 0;

	for (; cookie; cookie = php_strtok_r(NULL, ";", &rest)) {
		char *value = strchr(cookie, '=');
		size_t value_len = 0;
		while (isspace((unsigned char) *cookie)) {
			cookie++;
		}
		if (cookie == value || !*cookie) {
			continue;
		}
		if (++count > PG(max_input_vars)) {
			break;
		}
		if (value) {
			*value++ = '\0';
			value_len = php_raw_url_decode(value, strlen(value));
		}
		php_register_variable_safe(cookie, value ? value : "", value_len, cookies);
		if (zend_hash_str_exists(Z_ARRVAL_P(cookies), name, strlen(name))) {
			break;
		}
	}
	efree(copy);
}

/* The body of an upload is read together with the superglobals, which may take minutes. Other
 * requests should not wait for the session meanwhile. */
static bool is_body_to_come(void)
{
	return SG(request_info).post_entry && !SG(request_info).post_entry->post_reader;
}

void rustredis_prefetch_in_worker(void)
{
	const char *name = wanted_cookie();
	zval cookies;

	if (!name || !SG(request_info).cookie_data || is_body_to_come()) {
		return;
	}
	array_init(&cookies);
	parse_header(&cookies, SG(request_info).cookie_data, name);
	ask_for(&cookies, name);
	zval_ptr_dtor(&cookies);
}
