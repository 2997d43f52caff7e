-- RENEW: starts the lease of a held lock again.
-- KEYS  1 L lock  2 S state, or none    ARGV  1 token  2 lease_ms
-- Reply: 1, or 0 if the lock is not this token's any more
local holder = redis.call('GET', KEYS[1])
if not holder then return 0 end
if holder ~= ARGV[1] and string.sub(holder, 1, #ARGV[1] + 1) ~= ARGV[1] .. '|' then return 0 end
-- The mark of a session's end outlives the lock that was there when the mark was made.
if KEYS[2] then
  local left, least = redis.call('PTTL', KEYS[2]), ARGV[2] + 1000
  if left >= 0 and left < least then redis.call('PEXPIRE', KEYS[2], least) end
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
