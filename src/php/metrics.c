/* rustredis_metrics(). */
#include "php.h"
#include "shim.h"

void rustredis_metrics(zend_execute_data *execute_data, zval *return_value)
{
	const char *text;
	size_t len;
	bool is_problem;

	ZEND_PARSE_PARAMETERS_NONE();
	text = rustredis_metrics_text(PHP_VERSION, &len, &is_problem);
	if (is_problem) {
		rustredis_throw("%.*s", (int) len, text);
		RETURN_THROWS();
	}
	RETVAL_STRINGL(text, len);
}
