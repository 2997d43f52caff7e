/* The check of a text that the extension msgpack is to decode as a session. Its decoder succeeds
 * with a text that it cannot decode, and gives PHP an empty session, which the next write would
 * store over what is there. */
#include "php.h"
#include "shim.h"

/* Returns the number in `bytes` bytes, the most significant one first. */
static uint64_t number(const unsigned char *at, size_t bytes)
{
	uint64_t n = 0;
	while (bytes--) {
		n = n << 8 | *at++;
	}
	return n;
}

/* The bytes of a number that follow each byte from 0xc0 to 0xdf, and of them or beside them the
 * bytes of a value: a number or a text of fixed length. 0xc1 has no meaning. */
static const struct {
	unsigned char count, fixed;
} forms[32] = {
	{0, 0}, {0, 0}, {0, 0}, {0, 0}, {1, 0}, {2, 0}, {4, 0}, {1, 1}, {2, 1}, {4, 1}, {0, 4}, {0, 8}, {0, 1}, {0, 2}, {0, 4},
	{0, 8}, {0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 2}, {0, 3}, {0, 5}, {0, 9}, {0, 17}, {1, 0}, {2, 0}, {4, 0}, {2, 0}, {4, 0},
	{2, 0}, {4, 0},
};

static bool is_session(unsigned char first)
{
	return (first & 0xe0) == 0x80 || (first >= 0xdc && first <= 0xdf);
}

bool rustredis_is_msgpack(const zend_string *text)
{
	const unsigned char *at = (const unsigned char *) ZSTR_VAL(text);
	size_t left = ZSTR_LEN(text);
	uint64_t values = 1;

	if (!left) {
		return true;
	}
	if (!is_session(*at)) {
		return false;
	}
	for (; values; values--) {
		unsigned char form;
		uint64_t bytes = 0, members = 0;
		if (!left) {
			return false;
		}
		form = *at++;
		left--;
		if (form >= 0xc0 && form < 0xe0) {
			const size_t count = forms[form - 0xc0].count;
			uint64_t n;
			if (form == 0xc1 || left < count) {
				return false;
			}
			n = number(at, count);
			at += count;
			left -= count;
			bytes = forms[form - 0xc0].fixed;
			if (form >= 0xdc) {
				members = form >= 0xde ? 2 * n : n;
			} else {
				bytes += n;
			}
		} else if ((form & 0xe0) == 0xa0) {
			bytes = form & 0x1f;
		} else if ((form & 0xf0) == 0x80) {
			members = 2 * (form & 0x0f);
		} else if ((form & 0xf0) == 0x90) {
			members = form & 0x0f;
		}
		/* Each value has at least one byte, so that the sum stays below that of the bytes. */
		if (bytes > left || members > left - bytes) {
			return false;
		}
		at += bytes;
		left -= bytes;
		values += members;
	}
	return true;
}
