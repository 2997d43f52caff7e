-- PROLONG: lets the state of a session that is closed without having been saved live on.
-- KEYS  1 S state    ARGV  1 the state as it was read  2 ttl_ms
-- Reply: 1, or 0 if it is another one by now, such as the mark of an end, or lives for longer
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('PTTL', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
