-- RENEW: start the lease of a held lock again.
-- KEYS  1 L lock    ARGV  1 token  2 lease_ms
-- Reply: 1, or 0 if the lock is not this token's any more
local holder = redis.call('GET', KEYS[1])
if not holder then return 0 end
if holder ~= ARGV[1] and string.sub(holder, 1, #ARGV[1] + 1) ~= ARGV[1] .. '|' then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
