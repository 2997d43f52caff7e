-- UNLOCK: free a lock for which nobody stands in the queue.  KEYS 1 L  ARGV 1 token
local holder = redis.call('GET', KEYS[1])
if holder and string.sub(holder, 1, #ARGV[1] + 1) == ARGV[1] .. '|' then redis.call('DEL', KEYS[1]) end
