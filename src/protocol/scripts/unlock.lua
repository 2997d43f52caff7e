-- UNLOCK: frees a lock for which no client is in the queue.    KEYS  1 L lock    ARGV  1 token
local holder = redis.call('GET', KEYS[1])
if holder and string.sub(holder, 1, #ARGV[1] + 1) == ARGV[1] .. '|' then redis.call('DEL', KEYS[1]) end
