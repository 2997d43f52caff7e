/* session.save_path in PHP's own warnings.
 *
 * When a callback fails PHP prints PS(save_path), with any password in it. While that warning is due, PS(save_path)
 * points to a masked copy; the next callback, or the end of the request, puts it back. The pointer is never freed
 * through PS(): its owner is the ini entry. */
#include "php.h"
#include "ext/session/php_session.h"
#include "shim.h"

static TSRM_TLS char masked_path[512];
#if PHP_VERSION_ID < 80500
static TSRM_TLS char *hidden_path;

void rustredis_hide_save_path(void)
{
	char *path = PS(save_path);
	if (path && path != masked_path && rustredis_mask(path, strlen(path), masked_path, sizeof masked_path)) {
		hidden_path = path;
		PS(save_path) = masked_path;
	}
}

void rustredis_show_save_path(void)
{
	if (hidden_path && PS(save_path) == masked_path) {
		PS(save_path) = hidden_path;
	}
	hidden_path = NULL;
}

#else
static TSRM_TLS zend_string *hidden_path;
static TSRM_TLS zend_string *masked_string;

void rustredis_hide_save_path(void)
{
	zend_string *path = PS(save_path);
	if (path && path != masked_string
			&& rustredis_mask(ZSTR_VAL(path), ZSTR_LEN(path), masked_path, sizeof masked_path)) {
		/* Persistent, and one for each thread: PHP may keep the pointer until the next callback. */
		if (masked_string) {
			zend_string_release(masked_string);
		}
		masked_string = zend_string_init(masked_path, strlen(masked_path), 1);
		hidden_path = path;
		PS(save_path) = masked_string;
	}
}

void rustredis_show_save_path(void)
{
	if (hidden_path && PS(save_path) == masked_string) {
		PS(save_path) = hidden_path;
	}
	hidden_path = NULL;
}
#endif

/* PHP has put the path into its message, and no error handler has run yet. */
void rustredis_message_is_made(int type, zend_string *file, uint32_t line, zend_string *message)
{
	rustredis_show_save_path();
}

/* A SessionHandler subclass hands on what PHP gave it: a copy, which may be of the masked text. */
const char *rustredis_real_save_path(const char *path)
{
	bool masked = hidden_path && path && strcmp(path, masked_path) == 0;
#if PHP_VERSION_ID < 80500
	const char *real = masked ? hidden_path : path;
#else
	const char *real = masked ? ZSTR_VAL(hidden_path) : path;
#endif
	rustredis_show_save_path();
	return real;
}
