/* A PHP server that treats a worker script as FrankenPHP does: the same calls into PHP, in the same
 * order, under the same name.
 *
 *   server INI SCRIPT THREADS [reload]
 *
 * Each line of standard input is a request: method, query and Cookie header, separated by tabs. The
 * answer goes to standard output when the request has ended, as lines up to `end NUMBER`. The body
 * of a POST (an upload) is sent to PHP when a further line has come. With `reload`, the session
 * module is ended and started between requests, as by a FrankenPHP that was built without it. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "php.h"
#include "php_main.h"
#include "php_output.h"
#include "php_variables.h"
#include "SAPI.h"
#include "ext/session/php_session.h"
#include "zend_exceptions.h"

/* The library of a PHP that was built here is also a module for Apache. It looks these up when it
 * is loaded, and nothing here uses them. */
char ap_loaded_modules[8], ap_server_root[8], ap_unixd_config[64], apr_pool_cleanup_null[8];

typedef struct {
	char *bytes;
	size_t len, size;
} text;

static pthread_mutex_t input = PTHREAD_MUTEX_INITIALIZER, output = PTHREAD_MUTEX_INITIALIZER;
static unsigned requests;
static const char *script;
static bool reloads_session;

/* The running request of this thread. */
static __thread struct {
	/* 0 is the one that PHP has while the worker script starts. */
	unsigned number;
	bool is_dummy, is_over, sends_body;
	char *line, *method, *query, *cookie;
	char uri[512];
	text head, body, log;
} request;

static void append(text *to, const char *bytes, size_t len)
{
	if (to->size < to->len + len) {
		to->size = 2 * (to->len + len);
		to->bytes = realloc(to->bytes, to->size);
	}
	memcpy(to->bytes + to->len, bytes, len);
	to->len += len;
}

static void print_lines(const char *kind, text *from)
{
	const char *at = from->bytes, *const end = from->bytes + from->len;
	while (at < end) {
		const char *line_end = memchr(at, '\n', end - at);
		const char *const stop = line_end ? line_end : end;
		printf("%s: %.*s\n", kind, (int) (stop - at), at);
		at = stop + 1;
	}
	from->len = 0;
}

/* Tells what became of the request, if there was one. */
static void answer(void)
{
	pthread_mutex_lock(&output);
	if (request.number) {
		printf("answer %u %d\n", request.number, SG(sapi_headers).http_response_code);
	}
	print_lines("header", &request.head);
	print_lines("body", &request.body);
	print_lines("log", &request.log);
	if (request.number) {
		printf("end %u\n", request.number);
	}
	fflush(stdout);
	pthread_mutex_unlock(&output);
	free(request.line);
	request.line = request.query = request.cookie = request.method = NULL;
	request.number = 0;
}

static char *next_line(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len = getline(&line, &size, stdin);
	if (len < 0) {
		free(line);
		return NULL;
	}
	if (len && line[len - 1] == '\n') {
		line[len - 1] = '\0';
	}
	return line;
}

/* Waits for a request. */
static bool take_request(void)
{
	char *rest;
	pthread_mutex_lock(&input);
	request.line = next_line();
	request.number = request.line ? ++requests : 0;
	pthread_mutex_unlock(&input);
	if (!request.line) {
		return false;
	}
	rest = request.line;
	request.method = strsep(&rest, "\t");
	request.query = strsep(&rest, "\t");
	request.cookie = rest;
	request.sends_body = strcmp(request.method, "POST") == 0;
	return true;
}

static void set_request_info(void)
{
	static char context;
	SG(server_context) = &context;
	SG(sapi_headers).http_response_code = 200;
	snprintf(request.uri, sizeof request.uri, "/?%s", request.query ? request.query : "");
	SG(request_info).request_method = request.method;
	SG(request_info).query_string = request.query;
	SG(request_info).request_uri = request.uri;
	SG(request_info).path_translated = (char *) script;
	SG(request_info).content_type = request.sends_body ? "multipart/form-data; boundary=b" : NULL;
	SG(request_info).content_length = 0;
	php_handle_auth_data(NULL);
}

static void free_request_info(void)
{
	free(SG(request_info).cookie_data);
	SG(request_info).cookie_data = NULL;
	SG(request_info).request_method = NULL;
	SG(request_info).query_string = NULL;
	SG(request_info).content_type = NULL;
	SG(request_info).path_translated = NULL;
	SG(request_info).request_uri = NULL;
}

static zend_module_entry *module_of(const char *name)
{
	return zend_hash_str_find_ptr(&module_registry, name, strlen(name));
}

static void shut_down(const char *name)
{
	zend_module_entry *module = module_of(name);
	if (module && module->request_shutdown_func) {
		module->request_shutdown_func(module->type, module->module_number);
	}
}

static void start_up(const char *name)
{
	zend_module_entry *module = module_of(name);
	if (module && module->request_startup_func) {
		module->request_startup_func(module->type, module->module_number);
	}
}

static void reset_session(void)
{
	if (PS(session_status) == php_session_active) {
		php_session_flush(1);
	}
	if (!Z_ISUNDEF(PS(http_session_vars))) {
		zval_ptr_dtor(&PS(http_session_vars));
		ZVAL_UNDEF(&PS(http_session_vars));
	}
	if (PS(mod_data) || PS(mod_user_implemented)) {
		zend_try {
			PS(mod)->s_close(&PS(mod_data));
		} zend_end_try();
	}
	if (PS(id)) {
		zend_string_release_ex(PS(id), 0);
		PS(id) = NULL;
	}
	if (PS(session_vars)) {
		zend_string_release_ex(PS(session_vars), 0);
		PS(session_vars) = NULL;
	}
#if PHP_VERSION_ID >= 80300
	if (PS(session_started_filename)) {
		zend_string_release(PS(session_started_filename));
		PS(session_started_filename) = NULL;
		PS(session_started_lineno) = 0;
	}
#endif
	PS(session_status) = php_session_none;
	PS(in_save_handler) = 0;
	PS(set_handler) = 0;
	PS(mod_data) = NULL;
	PS(mod_user_is_open) = 0;
	PS(define_sid) = 1;
}

/* The end of a request in a worker. */
static void end_worker_request(void)
{
	zend_try {
		php_output_end_all();
	} zend_end_try();
	shut_down("filter");
	if (reloads_session) {
		shut_down("session");
	} else {
		reset_session();
	}
	zend_try {
		php_output_deactivate();
	} zend_end_try();
	zend_try {
		sapi_deactivate();
	} zend_end_try();
	free_request_info();
	zend_set_memory_limit(PG(memory_limit));
}

static void import_superglobals(void)
{
	zend_auto_global *global;
	zend_try {
		zval *files = &PG(http_globals)[TRACK_VARS_FILES];
		zval_ptr_dtor_nogc(files);
		memset(files, 0, sizeof *files);
		zend_hash_str_del(&EG(symbol_table), ZEND_STRL("_SESSION"));
	} zend_end_try();
	ZEND_HASH_FOREACH_PTR(CG(auto_globals), global) {
		if (global->name == ZSTR_KNOWN(ZEND_STR_AUTOGLOBAL_ENV)) {
			continue;
		}
		if (global->jit && global->name != ZSTR_KNOWN(ZEND_STR_AUTOGLOBAL_SERVER)) {
			if (global->name == ZSTR_KNOWN(ZEND_STR_AUTOGLOBAL_REQUEST) && zend_hash_exists(&EG(symbol_table), global->name)) {
				global->armed = global->auto_global_callback(global->name);
			}
		} else {
			global->armed = global->auto_global_callback ? global->auto_global_callback(global->name) : 0;
		}
	} ZEND_HASH_FOREACH_END();
}

/* The start of a request in a worker. */
static zend_result start_worker_request(void)
{
	zend_result result = SUCCESS;
	set_request_info();
	zend_try {
		php_output_activate();
		PG(header_is_being_sent) = 0;
		PG(connection_status) = PHP_CONNECTION_NORMAL;
		sapi_activate();
		if (PG(output_buffering)) {
			php_output_start_user(NULL, PG(output_buffering) > 1 ? PG(output_buffering) : 0, PHP_OUTPUT_HANDLER_STDFLAGS);
		}
		import_superglobals();
		start_up("filter");
		if (reloads_session) {
			start_up("session");
		}
	} zend_catch {
		result = FAILURE;
	} zend_end_try();
	SG(sapi_started) = 1;
	return result;
}

static ZEND_FUNCTION(frankenphp_handle_request)
{
	zend_fcall_info call;
	zend_fcall_info_cache cache;
	zval result;
	bool is_there;

	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_FUNC(call, cache)
	ZEND_PARSE_PARAMETERS_END();

	if (request.is_dummy) {
		end_worker_request();
		request.is_dummy = false;
		request.head.len = 0;
	}
	is_there = take_request();
	request.is_over = !is_there;
	if (start_worker_request() == FAILURE || !is_there) {
		RETURN_FALSE;
	}
	ZVAL_UNDEF(&result);
	call.retval = &result;
	if (zend_call_function(&call, &cache) == SUCCESS) {
		zval_ptr_dtor(&result);
	}
	if (EG(exception)) {
		if (zend_is_unwind_exit(EG(exception)) || zend_is_graceful_exit(EG(exception))) {
			zend_bailout();
		}
		zend_exception_error(EG(exception), E_ERROR);
	}
	end_worker_request();
	answer();
	RETURN_TRUE;
}

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_handle_request, 0, 1, _IS_BOOL, 0)
	ZEND_ARG_TYPE_INFO(0, callback, IS_CALLABLE, 0)
ZEND_END_ARG_INFO()

static const zend_function_entry server_functions[] = {
	ZEND_FE(frankenphp_handle_request, arginfo_handle_request)
	ZEND_FE_END
};

static zend_module_entry server_module = {
	STANDARD_MODULE_HEADER, "frankenphp", server_functions, NULL, NULL, NULL, NULL, NULL, "0", STANDARD_MODULE_PROPERTIES
};

static size_t write_body(const char *bytes, size_t len)
{
	append(&request.body, bytes, len);
	return len;
}

static void flush_body(void *context)
{
	(void) context;
	sapi_send_headers();
}

static int send_head(sapi_headers_struct *headers)
{
	zend_llist_position at;
	sapi_header_struct *header = zend_llist_get_first_ex(&headers->headers, &at);
	for (; header; header = zend_llist_get_next_ex(&headers->headers, &at)) {
		append(&request.head, header->header, header->header_len);
		append(&request.head, "\n", 1);
	}
	return SAPI_HEADER_SENT_SUCCESSFULLY;
}

static char *read_cookies(void)
{
	return request.cookie && *request.cookie ? strdup(request.cookie) : NULL;
}

static size_t read_body(char *buffer, size_t size)
{
	static const char body[] = "--b\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n--b--\r\n";
	const size_t len = sizeof body - 1 < size ? sizeof body - 1 : size;
	if (!request.sends_body) {
		return 0;
	}
	request.sends_body = false;
	pthread_mutex_lock(&output);
	printf("reads %u\n", request.number);
	fflush(stdout);
	pthread_mutex_unlock(&output);
	pthread_mutex_lock(&input);
	free(next_line());
	pthread_mutex_unlock(&input);
	memcpy(buffer, body, len);
	return len;
}

static void register_variables(zval *variables)
{
	php_register_variable("REQUEST_METHOD", request.method ? request.method : "", variables);
	php_register_variable("REQUEST_URI", request.uri, variables);
	php_register_variable("QUERY_STRING", request.query ? request.query : "", variables);
}

static void log_message(const char *message, int priority)
{
	(void) priority;
	append(&request.log, message, strlen(message));
	append(&request.log, "\n", 1);
}

static int start(sapi_module_struct *module)
{
#if PHP_VERSION_ID < 80200
	return php_module_startup(module, &server_module, 1);
#else
	return php_module_startup(module, &server_module);
#endif
}

static int stop_request(void)
{
	return SUCCESS;
}

static sapi_module_struct server = {
	.name = "frankenphp",
	.pretty_name = "A server like FrankenPHP",
	.startup = start,
	.shutdown = php_module_shutdown_wrapper,
	.deactivate = stop_request,
	.ub_write = write_body,
	.flush = flush_body,
	.sapi_error = php_error,
	.send_headers = send_head,
	.read_post = read_body,
	.read_cookies = read_cookies,
	.register_server_variables = register_variables,
	.log_message = log_message,
};

/* Runs the worker script as often as it ends, until there are no more requests. */
static void *serve(void *unused)
{
	(void) unused;
#ifdef ZTS
	ts_resource(0);
#endif
	zend_first_try {
		while (!request.is_over) {
			zend_file_handle file;
			request.is_dummy = true;
			set_request_info();
			if (php_request_startup() == FAILURE) {
				fprintf(stderr, "the request cannot start\n");
				exit(1);
			}
			zend_stream_init_filename(&file, script);
			file.primary_script = 1;
			EG(exit_status) = 0;
			php_execute_script(&file);
			zend_destroy_file_handle(&file);
			PS(in_save_handler) = 0;
			php_request_shutdown(NULL);
			free_request_info();
			if (request.is_dummy) {
				fprintf(stderr, "the script takes no request\n");
				request.is_over = true;
			}
			answer();
		}
	} zend_catch {
		fprintf(stderr, "the end of a request has failed\n");
		exit(1);
	} zend_end_try();
	free(request.head.bytes);
	free(request.body.bytes);
	free(request.log.bytes);
#ifdef ZTS
	ts_free_thread();
#endif
	return NULL;
}

static char *read_file(const char *name)
{
	FILE *file = fopen(name, "r");
	char *bytes = calloc(1, 1 << 16);
	if (!file || !bytes || fread(bytes, 1, (1 << 16) - 2, file) == 0) {
		fprintf(stderr, "cannot read %s\n", name);
		exit(1);
	}
	fclose(file);
	return bytes;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int count, i;

	if (argc < 4 || (count = atoi(argv[3])) < 1 || count > 64) {
		fprintf(stderr, "usage: server INI SCRIPT THREADS [reload]\n");
		return 1;
	}
	script = argv[2];
	reloads_session = argc > 4;
#ifdef ZTS
	php_tsrm_startup();
#endif
#ifdef ZEND_SIGNALS
	zend_signal_startup();
#endif
	sapi_startup(&server);
	server.php_ini_ignore = 1;
	server.ini_entries = read_file(argv[1]);
	if (server.startup(&server) == FAILURE) {
		return 1;
	}
#ifdef ZTS
	for (i = 0; i < count; i++) {
		if (pthread_create(&threads[i], NULL, serve, NULL) != 0) {
			return 1;
		}
	}
	for (i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
	}
#else
	(void) threads;
	(void) i;
	serve(NULL);
#endif
	/* The settings are part of PHP's until here. */
	server.shutdown(&server);
	sapi_shutdown();
#ifdef ZTS
	tsrm_shutdown();
#endif
	free((char *) server.ini_entries);
	puts("stopped");
	return 0;
}
