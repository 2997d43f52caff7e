-- CLAIM: turns a popped ticket into a held lock.
-- KEYS  1 L lock  2 W waiters  3 S state    ARGV  1 token  2 lease_ms  3 waiter  4 info
-- Reply: 1, or 0 if the lock is not this ticket's any more
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[3])
local t = redis.call('TIME')
local ms = t[1] .. string.sub('00000' .. t[2], -6, -4)
-- A mark of the session's end that was made since then outlives this lock.
local left, least = redis.call('PTTL', KEYS[3]), ARGV[2] + 1000
if left >= 0 and left < least then redis.call('PEXPIRE', KEYS[3], least) end
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. ms .. '|' .. ARGV[4], 'PX', ARGV[2])
return 1
