-- WRITE: changes a session without a lock (locking off). One trip. A repeat does no harm.
-- KEYS  1 D data  2 T tombstone
--       3 N (move) the new value, which the command before this one has put there
--         A (aside) the new name of D
--         L (del, leave, drop) the lock
-- ARGV  1 op: set | move (set to the value of N, which does not pass through Lua) | keep
--         | restore (keep, or set if D is gone) | del
--         | leave (del, because the session goes on under another id)
--         | drop (del of a session that did not exist at the read: leaves nothing behind unless D
--           exists by now)
--         | aside (move it to A, for a day)
--       2 data  3 ttl_s (0 = as it is)  4 tombstone seen at the read ('' = none)  5 new tombstone  6 tombstone_ms
-- Replies: {'ok'}  {'gone'} (keep: D does not exist; move: N does not; send set)
--          {'dead'} (destroyed since it was read)
local D, T, op = KEYS[1], KEYS[2], ARGV[1]
if op == 'drop' then
  if redis.call('EXISTS', D) == 0 then return {'ok'} end
  op = 'del'
end
if op == 'del' or op == 'leave' then
  local mark = ARGV[5]
  if op == 'leave' then
    local tm = redis.call('TIME')
    mark = mark .. '|left|' .. tm[1] .. string.sub('00000' .. tm[2], -6, -4)
  end
  redis.call('DEL', D)
  -- The tombstone outlives the present lock: renew and claim prolong both.
  redis.call('SET', T, mark, 'PX', math.max(tonumber(ARGV[6]), redis.call('PTTL', KEYS[3]) + 1000))
  return {'ok'}
end
if op == 'aside' then
  if redis.call('EXISTS', D) == 1 then
    redis.call('RENAME', D, KEYS[3])
    redis.call('PEXPIRE', KEYS[3], 86400000)
  end
  return {'ok'}
end
local tombstone = redis.call('GET', T)
local dead = tombstone and tombstone ~= ARGV[4]
if op == 'keep' then
  if tonumber(ARGV[3]) <= 0 or redis.call('EXPIRE', D, ARGV[3]) == 1 then return {'ok'} end
  return {dead and 'dead' or 'gone'}
end
if op == 'move' then
  if dead then
    redis.call('DEL', KEYS[3])
  elseif redis.pcall('EXPIRE', KEYS[3], ARGV[3]) ~= 1 or redis.pcall('RENAME', KEYS[3], D).err then
    redis.pcall('DEL', KEYS[3])                  -- a copy must not outlive a logout
    return {'gone'}
  end
  return {dead and 'dead' or 'ok'}
end
if op == 'restore' and redis.call('EXPIRE', D, ARGV[3]) == 1 then return {'ok'} end
-- A session whose TTL is to stay is not stored again after its end.
local stays = tonumber(ARGV[3]) == 0
if dead or stays and redis.call('EXISTS', D) == 0 then return {'dead'} end
if stays then redis.call('SET', D, ARGV[2], 'KEEPTTL') else redis.call('SET', D, ARGV[2], 'EX', ARGV[3]) end
return {'ok'}
