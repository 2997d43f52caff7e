/* The cookie that PHP has sent in this request. */
#include "php.h"
#include "SAPI.h"
#include "ext/session/php_session.h"
#include "ext/standard/url.h"
#include "shim.h"

/* True if the header sends this text and perhaps attributes after it. */
static int is_cookie(void *header, void *text)
{
	const sapi_header_struct *sent = header;
	const zend_string *cookie = text;

	return sent->header_len >= ZSTR_LEN(cookie) && memcmp(sent->header, ZSTR_VAL(cookie), ZSTR_LEN(cookie)) == 0
		&& (sent->header[ZSTR_LEN(cookie)] == ';' || sent->header[ZSTR_LEN(cookie)] == '\0');
}

/* PHP sends the cookie of each session that starts under an id that PHP has had before, as after
 * session_write_close() or session_id($id), and mostly before it reads the session. */
void rustredis_take_back_cookie(const zend_string *id)
{
	const char *session_name = INI_STR("session.name");
	zend_string *name, *value, *cookie;
	size_t before;

	if (SG(headers_sent) || !PS(use_cookies) || !session_name) {
		return;
	}
	PS(send_cookie) = 0;
	name = php_url_encode(session_name, strlen(session_name));
	value = php_url_encode(ZSTR_VAL(id), ZSTR_LEN(id));
	cookie = strpprintf(0, "Set-Cookie: %s=%s", ZSTR_VAL(name), ZSTR_VAL(value));
	do {
		before = SG(sapi_headers).headers.count;
		zend_llist_del_element(&SG(sapi_headers).headers, cookie, is_cookie);
	} while (SG(sapi_headers).headers.count < before);
	zend_string_release(name);
	zend_string_release(value);
	zend_string_release(cookie);
}
