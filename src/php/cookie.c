/* The cookie that PHP sends or has sent in this request. */
#include "php.h"
#include "SAPI.h"
#include "Zend/zend_exceptions.h"
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

/* The line that sends this value, without its attributes. Returns NULL if no cookie can be sent or
 * taken back any more. */
static zend_string *line_of(const char *value, size_t len)
{
	const char *session_name = INI_STR("session.name");
	zend_string *text, *line;

	if (SG(headers_sent) || !PS(use_cookies) || !session_name) {
		return NULL;
	}
	/* PHP (php_session_send_cookie, php_setcookie) encodes the value, and not the name. */
	text = php_url_encode(value, len);
	line = strpprintf(0, "Set-Cookie: %s=%s", session_name, ZSTR_VAL(text));
	zend_string_release(text);
	return line;
}

static void take_back(zend_string *line)
{
	size_t before;

	do {
		before = SG(sapi_headers).headers.count;
		zend_llist_del_element(&SG(sapi_headers).headers, line, is_cookie);
	} while (SG(sapi_headers).headers.count < before);
	zend_string_release(line);
}

/* PHP sends the cookie of each session that starts under an id that PHP has had before, as after
 * session_write_close() or session_id($id), and mostly before it reads the session. */
void rustredis_take_back_cookie(const zend_string *id)
{
	zend_string *line = line_of(ZSTR_VAL(id), ZSTR_LEN(id));

	if (line) {
		PS(send_cookie) = 0;
		take_back(line);
	}
}

bool rustredis_deletes_cookie(void)
{
	zend_string *line = line_of(ZEND_STRL("deleted"));
	zend_llist_position position;
	void *header;
	bool found = false;

	if (!line) {
		return false;
	}
	for (header = zend_llist_get_first_ex(&SG(sapi_headers).headers, &position); header && !found;
			header = zend_llist_get_next_ex(&SG(sapi_headers).headers, &position)) {
		found = is_cookie(header, line);
	}
	zend_string_release(line);
	return found;
}

void rustredis_take_back_deletion(void)
{
	zend_string *line = line_of(ZEND_STRL("deleted"));

	if (line) {
		take_back(line);
	}
}

/* The mark of our own output handler. */
static char held_mark;

/* Output sends the headers, and the cookie of a new id with them or never. PHP adds that cookie at
 * the end, after the methods of a class and the warnings of a serializer. The browser would then
 * keep an id that the session has left. Returns NULL if the output goes on as before. */
php_output_handler *rustredis_hold_output(void)
{
	php_output_handler *active = php_output_get_active_handler();
	const bool is_held = active && !active->size && !(active->flags & PHP_OUTPUT_HANDLER_DISABLED);

	/* The output buffer of a script holds it as well, unless it has a size. A fiber can be
	 * suspended inside, with the output of others on top, and PHP's own handler that writes ids
	 * into links stays on top. An output handler of the script may be at work, inside which PHP
	 * allows no other. */
	if (SG(headers_sent) || !PS(use_cookies) || PS(use_trans_sid) || EG(active_fiber) || is_held
			|| (php_output_get_status() & PHP_OUTPUT_LOCKED) || !rustredis_is_phps_handler()
			|| php_output_start_default() != SUCCESS) {
		return NULL;
	}
	active = php_output_get_active_handler();
	php_output_handler_set_context(active, &held_mark, NULL);
	return active;
}

/* The script may have ended it, and begun another one in the same place in memory, or inside. The
 * end of the request ends that, and ours after an exit, which must not meet an exception of an
 * output handler of the script. */
void rustredis_release_output(const php_output_handler *held)
{
	php_output_handler *active = php_output_get_active_handler();

	if (!held || active != held || active->opaq != &held_mark || (EG(exception) && zend_is_unwind_exit(EG(exception)))) {
		return;
	}
	/* An output handler of the script around this one takes the text, and no exception waits for
	 * that. */
	zend_exception_save();
	php_output_end();
	zend_exception_restore();
}
