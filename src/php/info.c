/* rustredis_status() and the phpinfo() section. */
#include "php.h"
#include "php_ini.h"
#include "ext/standard/info.h"
#include "shim.h"

void rustredis_status(zend_execute_data *execute_data, zval *return_value)
{
	rustredis_counters counters;
	rustredis_pool pool;
	rustredis_cluster cluster;
	rustredis_lock lock;
	static const char *const looked_back[] = { "last", "slow_locks", "needless_locks" };
	char advice[512];
	zval list, item;
	size_t i;

	ZEND_PARSE_PARAMETERS_NONE();
	rustredis_counters_get(&counters);
	array_init(return_value);
	add_assoc_string(return_value, "version", rustredis_version());
	add_assoc_long(return_value, "pid", counters.pid);
	add_assoc_long(return_value, "starts", counters.starts);
	add_assoc_long(return_value, "trips", counters.trips);
	add_assoc_long(return_value, "lock_waits", counters.lock_waits);
	add_assoc_long(return_value, "refused_writes", counters.refused_writes);
	add_assoc_long(return_value, "reconnects", counters.reconnects);
	add_assoc_long(return_value, "redirects", counters.redirects);
	add_assoc_long(return_value, "grace_reads", counters.grace_reads);
	add_assoc_long(return_value, "grace_refusals", counters.grace_refusals);
	array_init(&list);
	add_assoc_zval(return_value, "pools", &list);
	for (i = 0; rustredis_pool_get(i, &pool); i++) {
		array_init(&item);
		add_assoc_string(&item, "target", pool.target);
		add_assoc_long(&item, "size", pool.size);
		add_assoc_long(&item, "open", pool.open);
		add_assoc_long(&item, "idle", pool.idle);
		add_next_index_zval(&list, &item);
	}
	array_init(&list);
	add_assoc_zval(return_value, "clusters", &list);
	for (i = 0; rustredis_cluster_get(i, &cluster); i++) {
		array_init(&item);
		add_assoc_string(&item, "target", cluster.target);
		add_assoc_long(&item, "masters", cluster.masters);
		add_assoc_long(&item, "slots", cluster.slots);
		add_next_index_zval(&list, &item);
	}
	array_init(&list);
	add_assoc_zval(return_value, "locks", &list);
	for (i = 0; rustredis_lock_get(i, &lock); i++) {
		array_init(&item);
		add_assoc_string(&item, "session", lock.session);
		add_assoc_long(&item, "held_ms", lock.held_ms);
		add_next_index_zval(&list, &item);
	}
	array_init(&list);
	add_assoc_zval(return_value, "advice", &list);
	for (i = 0; rustredis_advice_get(i, advice, sizeof advice); i++) {
		add_next_index_string(&list, advice);
	}
	rustredis_look_back();
	for (i = 0; i < sizeof looked_back / sizeof *looked_back; i++) {
		rustredis_build(&item);
		add_assoc_zval(return_value, looked_back[i], &item);
	}
	rustredis_forget_answer();
}

/* For readiness probes: whether Redis answers is the result, and no message. */
void rustredis_ping(zend_execute_data *execute_data, zval *return_value)
{
	const char *path;
	int64_t time;

	ZEND_PARSE_PARAMETERS_NONE();
	path = rustredis_save_path(rustredis_path_now());
	time = rustredis_ping_of(path, strlen(path));
	if (time < 0) {
		RETVAL_NULL();
		rustredis_raise_reasons();
		return;
	}
	RETVAL_DOUBLE((double) time / 1e9);
}

void rustredis_info(zend_module_entry *module)
{
	rustredis_counters counters;
	rustredis_pool pool;
	rustredis_cluster cluster;
	rustredis_lock lock;
	char text[128], advice[512];
	size_t i;

	rustredis_counters_get(&counters);
	php_info_print_table_start();
	php_info_print_table_row(2, "Session save handler", "rustredis");
	php_info_print_table_row(2, "Version", rustredis_version());
	php_info_print_table_row(2, "Targets", "tcp, tls, unix, redis, rediss, sentinel, cluster; several hosts as shards");
	snprintf(text, sizeof text, "%" PRId64, counters.pid);
	php_info_print_table_row(2, "Process", text);
	snprintf(text, sizeof text, "%" PRId64 " / %" PRId64, counters.starts, counters.trips);
	php_info_print_table_row(2, "Sessions read / round trips", text);
	snprintf(text, sizeof text, "%" PRId64 " / %" PRId64 " / %" PRId64 " / %" PRId64, counters.lock_waits,
		counters.refused_writes, counters.reconnects, counters.redirects);
	php_info_print_table_row(2, "Lock waits / refused writes / reconnects / redirects", text);
	for (i = 0; rustredis_pool_get(i, &pool); i++) {
		snprintf(text, sizeof text, "%" PRId64 " of %" PRId64 " open, %" PRId64 " idle", pool.open, pool.size, pool.idle);
		php_info_print_table_row(2, pool.target, text);
	}
	for (i = 0; rustredis_cluster_get(i, &cluster); i++) {
		snprintf(text, sizeof text, "%" PRId64 " masters, %" PRId64 " of 16384 slots served", cluster.masters, cluster.slots);
		php_info_print_table_row(2, cluster.target, text);
	}
	for (i = 0; rustredis_lock_get(i, &lock); i++) {
		snprintf(text, sizeof text, "session %s for %" PRId64 " ms", lock.session, lock.held_ms);
		php_info_print_table_row(2, "Lock held", text);
	}
	for (i = 0; rustredis_advice_get(i, advice, sizeof advice); i++) {
		php_info_print_table_row(2, "Advice", advice);
	}
	php_info_print_table_end();
	display_ini_entries(module);
}
