-- READ: reads a session without its lock (read_and_close, locking off), and refreshes its TTL. One
-- trip.
-- KEYS  1 D data  2 S state    ARGV  1 ttl_s  2 any text, or none
-- Reply: {data|nil, state|nil, the text}. READONLY: a replica does not have the session.
local ENDED = 300000                             -- the mark of an absolute end lives that long, or more
local data, state, ttl = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2]), ARGV[1]
local lives = false
if not data then
  -- A replica may lack a session that its master has. There, each write is refused, even one
  -- without effect.
  local tried = redis.pcall('EXPIRE', KEYS[1], 1)
  if type(tried) == 'table' and tried.err and string.find(tried.err, 'READONLY', 1, true) then
    return redis.error_reply('READONLY a replica does not have this session')
  end
end
-- A server that refuses writes at the moment can still return the session.
if data and state then
  -- A living session may have an idle life of its own, and an end that nothing prolongs.
  local idle, ends = string.match(state, '^live|[^|]*|[^|]*|(%d*)|(%d*)|')
  if ttl ~= '0' and tonumber(idle) then ttl = idle end
  lives = ends == ''
  if tonumber(ends) then
    local tm = redis.call('TIME')
    local now = tm[1] * 1000 + math.floor(tm[2] / 1000)
    local left = math.ceil((ends - now) / 1000)
    if left <= 0 then
      redis.pcall('DEL', KEYS[1])
      data, state = false, 'dead|absolute|' .. string.format('%.0f', now) .. '|' .. (ARGV[2] or '')
      redis.pcall('SET', KEYS[2], state, 'PX', math.max(ENDED, redis.call('PTTL', KEYS[2])))
    elseif tonumber(ttl) > left then
      ttl = left
    end
  end
end
if data and tonumber(ttl) > 0 then
  redis.pcall('EXPIRE', KEYS[1], ttl)
  -- The state of a session that is never saved outlives it, too.
  if lives and redis.call('PTTL', KEYS[2]) < ttl * 1500 then
    redis.pcall('EXPIRE', KEYS[2], string.format('%.0f', math.min(ttl * 2, 31557600000)))
  end
end
return {data, state, ARGV[2]}
