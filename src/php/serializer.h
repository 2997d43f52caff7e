/* PHP's serializer of sessions (session.serialize_handler), by its name. */
#ifndef PHPSESS_SERIALIZER_H
#define PHPSESS_SERIALIZER_H

#include <string.h>
#include "php.h"
#include "ext/session/php_session.h"

static inline bool rustredis_has_serializer(const char *name)
{
	return PS(serializer) && strcmp(PS(serializer)->name, name) == 0;
}

#endif
