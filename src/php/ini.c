/* The rustredis.* settings: PHP's callback for changes, and the hiding of the password. */
#include "php.h"
#include "php_ini.h"
#include "shim.h"

/* This string belongs to the running module. Apache's graceful restart ends PHP with all its
 * strings, and starts PHP again in the same process. */
static zend_string *password_mask;

void rustredis_make_password_mask(void)
{
	password_mask = zend_string_init_interned(RUSTREDIS_MASK, sizeof RUSTREDIS_MASK - 1, 1);
}

int rustredis_on_modify(zend_ini_entry *entry, zend_string *new_value, void *arg1, void *arg2, void *arg3, int stage)
{
	const char *value = new_value ? ZSTR_VAL(new_value) : "";
	size_t value_len = new_value ? ZSTR_LEN(new_value) : 0;
	(void) arg1, (void) arg2, (void) arg3;
	if (rustredis_ini_changed(ZSTR_VAL(entry->name), ZSTR_LEN(entry->name), value, value_len,
			stage == ZEND_INI_STAGE_STARTUP)) {
		return SUCCESS;
	}
	rustredis_raise_reasons();
	return FAILURE;
}

static bool is_in_clear(zend_string *password)
{
	return password && ZSTR_LEN(password) && !zend_string_equals_literal(password, RUSTREDIS_MASK);
}

/* ini_get(), ini_get_all() and phpinfo() show an entry's value to every script. Rust keeps the
 * password, and the entry shows a mask. At startup, PHP's table of php.ini values owns the
 * value; later (.htaccess) the entry does. */
void rustredis_mask_password(void)
{
	zend_ini_entry *entry = zend_hash_str_find_ptr(EG(ini_directives), ZEND_STRL("rustredis.password"));
	if (!entry) {
		return;
	}
	/* FPM's pool file has set this password without a call of on_modify, and a section of php.ini
	 * has set another one for this request. */
	if (entry->modified && entry->value != entry->orig_value && is_in_clear(entry->orig_value)) {
		rustredis_password_found(ZSTR_VAL(entry->orig_value), ZSTR_LEN(entry->orig_value), 0);
		entry->orig_value = password_mask;
	}
	if (!is_in_clear(entry->value)) {
		return;
	}
	if (entry->modified) {
		if (entry->value != entry->orig_value) {
			zend_string_release(entry->value);
		}
	} else {
		rustredis_password_found(ZSTR_VAL(entry->value), ZSTR_LEN(entry->value), 1);
	}
	entry->value = password_mask;
}

static void hide(zval *value, zend_string *mask)
{
	zend_string_release(Z_STR_P(value));
	ZVAL_INTERNED_STR(value, mask);
}

/* get_cfg_var() shows the values of php.ini and -d, including those in sections for a folder or
 * a host, which PHP applies at each request. For a section, a number tells on_modify which
 * password the mask replaces. */
void rustredis_mask_configuration(void)
{
	HashTable *all = php_ini_get_configuration_hash();
	zval *value = zend_hash_str_find(all, ZEND_STRL("rustredis.password"));
	zval *section;

	if (value && Z_TYPE_P(value) == IS_STRING && Z_STRLEN_P(value)) {
		hide(value, password_mask);
	}
	ZEND_HASH_FOREACH_VAL(all, section) {
		char mask[sizeof RUSTREDIS_MASK + 20];
		if (Z_TYPE_P(section) != IS_ARRAY) {
			continue;
		}
		value = zend_hash_str_find(Z_ARRVAL_P(section), ZEND_STRL("rustredis.password"));
		if (value && Z_TYPE_P(value) == IS_STRING && Z_STRLEN_P(value)) {
			int len = snprintf(mask, sizeof mask, RUSTREDIS_MASK "%zu",
				rustredis_password_of_section(Z_STRVAL_P(value), Z_STRLEN_P(value)));
			hide(value, zend_string_init_interned(mask, len, 1));
		}
	} ZEND_HASH_FOREACH_END();
}

/* The session.save_path that was built into PHP, unless php.ini or -d change it. */
static zend_string *built_in_path;

void rustredis_note_built_in_path(void)
{
	zend_ini_entry *entry = zend_hash_str_find_ptr(EG(ini_directives), ZEND_STRL("session.save_path"));
	const bool is_built_in = entry && entry->value && !cfg_get_entry(ZEND_STRL("session.save_path"));
	/* Such a text lives as long as the process. */
	built_in_path = is_built_in && ZSTR_IS_INTERNED(entry->value) ? entry->value : NULL;
}

/* Debian builds a folder for session files into PHP as the default of session.save_path, so a
 * path that was never set counts as none. ini_set() and a web server's settings mark the entry
 * as modified, but FPM's pool file and PHP_VALUE only replace the string. */
const char *rustredis_save_path(const char *path)
{
	zend_ini_entry *entry;
	if (!path || !built_in_path || strcmp(path, ZSTR_VAL(built_in_path)) != 0) {
		return path ? path : "";
	}
	entry = zend_hash_str_find_ptr(EG(ini_directives), ZEND_STRL("session.save_path"));
	return entry && !entry->modified && entry->value == built_in_path ? "" : path;
}

const char *rustredis_ini_text(const char *name, size_t name_len, size_t *value_len)
{
	zend_ini_entry *entry = zend_hash_str_find_ptr(EG(ini_directives), name, name_len);
	if (!entry || !entry->value) {
		*value_len = 0;
		return "";
	}
	*value_len = ZSTR_LEN(entry->value);
	return ZSTR_VAL(entry->value);
}

void rustredis_unregister_ini(int module_number)
{
	zend_unregister_ini_entries(module_number);
}
