"""Prints the session under a key, in MessagePack, as Python sees it.

    read_msgpack.py URL KEY
"""

import sys

import msgpack
import redis

data = redis.Redis.from_url(sys.argv[1]).get(sys.argv[2])
# PHP's strings are bytes, and may not be UTF-8; its arrays may have integer keys.
print(msgpack.unpackb(data, strict_map_key=False, unicode_errors="surrogateescape"))
