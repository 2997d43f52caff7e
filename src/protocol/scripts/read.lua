-- READ: reads a session without its lock (read_and_close, locking off), and refreshes its TTL. One
-- trip.
-- KEYS  1 D data  2 S state    ARGV  1 ttl_s  2 any text, or none
-- Reply: {data|nil, state|nil, the text}
local data = redis.call('GET', KEYS[1])
-- A server that refuses writes at the moment can still return the session.
if data and tonumber(ARGV[1]) > 0 then redis.pcall('EXPIRE', KEYS[1], ARGV[1]) end
return {data, redis.call('GET', KEYS[2]), ARGV[2]}
