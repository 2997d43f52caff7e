/* The functions that Rust (json.rs) gives to json_encode.c and json_decode.c. None of them calls
 * into Zend or leaves by a panic. */
#ifndef PHPSESS_JSON_H
#define PHPSESS_JSON_H

#include <stddef.h>
#include <stdint.h>
#include "php.h"

/* encode::Shape */
enum { RUSTREDIS_LIST, RUSTREDIS_OBJECT, RUSTREDIS_PAIRS };

/* Returns this thread's writer, cleared, for a text of at most `limit` bytes. The writer is
 * valid until the thread ends, and only one encoding may use it at a time. The functions that
 * return an int say whether everything written so far fits; the writer drops the rest. */
void *rustredis_json_writer(size_t limit);
void rustredis_json_null(void *writer);
void rustredis_json_bool(void *writer, int value);
void rustredis_json_int(void *writer, int64_t value);
void rustredis_json_float(void *writer, double value);
int rustredis_json_string(void *writer, const char *bytes, size_t len);
int rustredis_json_object(void *writer, const char *serialized, size_t len);
int rustredis_json_begin(void *writer, int shape);
void rustredis_json_key(void *writer, const char *bytes, size_t len);
void rustredis_json_index(void *writer, int64_t index);
int rustredis_json_end(void *writer);
/* The text so far, valid until the writer is used again. */
const char *rustredis_json_text(void *writer, size_t *len);
int rustredis_json_is_utf8(const char *bytes, size_t len);

/* tape::Op, and the layout of an entry: see tape.rs */
enum {
	RUSTREDIS_TAPE_NULL, RUSTREDIS_TAPE_FALSE, RUSTREDIS_TAPE_TRUE, RUSTREDIS_TAPE_INT, RUSTREDIS_TAPE_WIDE_INT,
	RUSTREDIS_TAPE_FLOAT, RUSTREDIS_TAPE_TEXT, RUSTREDIS_TAPE_BYTES, RUSTREDIS_TAPE_OBJECT, RUSTREDIS_TAPE_LIST,
	RUSTREDIS_TAPE_MAP
};
#define RUSTREDIS_TAPE_OP_BITS 4
#define RUSTREDIS_TAPE_PLACE_BITS 30

/* Decodes a text. Returns NULL if the text is not a session; `error` then gives the reason, and is
 * empty if the tape would take more than `memory` bytes. `strings` points to the tape's own
 * strings. rustredis_json_free frees the tape, or else the end of the request does. */
const uint64_t *rustredis_json_decode(const char *text, size_t len, size_t memory, const char **strings, char *error,
	size_t error_size);
void rustredis_json_free(const uint64_t *tape);
/* True if the text is a session in JSON, with or without objects. */
int rustredis_is_json(const char *text, size_t len);
/* php_text::Content of a text, in the format php_serialize or otherwise php. */
enum { RUSTREDIS_PLAIN, RUSTREDIS_OBJECTS, RUSTREDIS_MALFORMED };
int rustredis_php_content(const char *text, size_t len, int is_php_serialize);
/* rustredis.max_value_size; 0 is no limit */
size_t rustredis_max_value_size(void);
/* rustredis.json_objects=serialize */
int rustredis_json_objects(void);

#define RUSTREDIS_MAX_DEPTH 512

/* ---- C ---- */

/* json_encode.c */
zend_string *ps_srlzr_encode_json(void);
/* Encodes any array. Returns NULL after a failure, with the reason unless an exception has it. */
zend_string *rustredis_json_encode_array(HashTable *array, char *error, size_t error_size);
/* True if a session cannot be encoded, as far as this can be found without running PHP code. */
bool rustredis_json_cannot_encode(HashTable *session, char *reason, size_t size);
/* The number of bytes that memory_limit leaves. */
size_t rustredis_memory_left(void);
/* True if the last session was not encoded, and PHP has only an empty text to write. */
bool rustredis_json_refused(void);
/* In open: that was another session. */
void rustredis_json_forget_refusal(void);
/* True once after an encoding of values that cannot be stored. PHP got the text that it has read
 * instead of them, and takes the session for unchanged. */
bool rustredis_json_kept_stored(void);
/* json_decode.c */
/* Decodes an array. Returns false after a failure, with the reason unless an exception has it. */
bool rustredis_json_decode_array(zend_string *text, zval *array, char *error, size_t error_size);
int rustredis_register_json(void);
/* Handles a session that was written as JSON, for a site that has gone back to another
 * serializer. That serializer (php, msgpack) would read an empty session, and the next write
 * would end the stored one. */
enum { RUSTREDIS_NOT_JSON, RUSTREDIS_CONVERTED, RUSTREDIS_ONLY_JSON };
int rustredis_json_for_others(zend_string *text, zend_string **converted);

/* handler.c: keeps the reason for which a stored session cannot be decoded, to raise it later.
 * Returns false if the text is not of a stored session. */
bool rustredis_note_unreadable(const char *reason);

#endif
