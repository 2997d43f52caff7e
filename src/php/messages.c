/* The messages of Rust, raised or logged.
 *
 * A callback raises its messages last, because raising can run a user's error handler, which can
 * call any session function, throw, or bail out. The text is on this stack, and no state is
 * touched afterwards. */
#include "php.h"
#include "SAPI.h"
#include "ext/session/php_session.h"
#include "shim.h"

/* Does not ask for log_errors: the messages that come here cannot be raised, and would be lost. */
static void log_line(const char *kind, const char *text)
{
	char line[RUSTREDIS_TEXT_SIZE + 32];
	snprintf(line, sizeof line, "PHP %s:  %s", kind, text);
	php_log_err(line);
}

/* While an exception is pending, PHP calls no error handler, and the message would be lost. */
static void raise_or_log(const char *text)
{
	if (EG(exception) && Z_TYPE(EG(user_error_handler)) != IS_UNDEF) {
		log_line("Warning", text);
	} else {
		php_error_docref(NULL, E_WARNING, "%s", text);
	}
}

static void raise_all(int when)
{
	char text[RUSTREDIS_TEXT_SIZE];
	while (rustredis_next_message(when, text, sizeof text)) {
		raise_or_log(text);
	}
}

void rustredis_raise(const char *format, ...)
{
	char text[RUSTREDIS_TEXT_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	raise_or_log(text);
}

void rustredis_raise_reasons(void)
{
	raise_all(RUSTREDIS_NOW);
}

void rustredis_raise_rest_of_failure(void)
{
	raise_all(RUSTREDIS_LATER);
}

void rustredis_raise_rest(void)
{
	if (!rustredis_has_messages()) {
		return;
	}
	rustredis_log_waiting();
	/* PHP may still decode inside these two functions, and applications take any message of
	 * session_start() for a failure. */
	if (!PG(during_request_startup) && !rustredis_running(ZEND_STRL("session_start"))
			&& !rustredis_running(ZEND_STRL("session_regenerate_id"))) {
		raise_all(RUSTREDIS_LATER);
	}
}

/* On a command line without an error_log, the log is the terminal, and advice does not belong in
 * a script's output. */
static bool wants_advice(void)
{
	return PG(log_errors) && (PG(error_log) || (strcmp(sapi_module.name, "cli") && strcmp(sapi_module.name, "phpdbg")));
}

void rustredis_log_waiting(void)
{
	char text[RUSTREDIS_TEXT_SIZE];
	while (rustredis_next_message(RUSTREDIS_LOGGED, text, sizeof text)) {
		log_line("Warning", text);
	}
	while (rustredis_next_message(RUSTREDIS_ADVICE, text, sizeof text)) {
		if (wants_advice()) {
			log_line("Notice", text);
		}
	}
}

void rustredis_log_rest(void)
{
	char text[RUSTREDIS_TEXT_SIZE];
	if (!rustredis_has_messages()) {
		return;
	}
	while (rustredis_next_message(RUSTREDIS_LATER, text, sizeof text)) {
		log_line("Warning", text);
	}
	rustredis_log_waiting();
}

void rustredis_log_at_shutdown(void)
{
#ifdef ZTS
	/* The end of the request has also ended the thread's own working directory, which PHP needs
	 * to open its error_log. */
	virtual_cwd_activate();
#endif
	rustredis_log_rest();
#ifdef ZTS
	virtual_cwd_deactivate();
#endif
}
