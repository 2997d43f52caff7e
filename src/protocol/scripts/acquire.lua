-- ACQUIRE: takes a session's lock, refreshes its TTL and reads it, or joins the queue. One trip.
-- KEYS  1 D data  2 L lock  3 Q wake list  4 W waiters  5 S state   (all in one slot)
-- ARGV  1 waiter   'o:' .. 32 hex, one for each attempt; the attempt's entry in W
--       2 token    waiter .. ':' .. number of the send; a new one for each send. 0 is the first
--                  send of a client that takes the lock by SET NX before it sees if the session
--                  exists (mode known). If there is no session, the client gives the lock back at
--                  once.
--       3 held_token   a token that this caller already holds ('' = none): its lock counts as free
--       4 mode     any | known (answer 'absent' if the session does not exist)
--                  | new (answer 'exists' if it does)
--       5 info     the request that asks: host|pid|sapi|uri
--       6 lease_ms  7 ttl_s  8 wait_ms (the time left; 0 = last try, which does not queue)
--       9 max_waiters (0 = no limit)  10 recheck_ms (longest block)  11 polling (1 = poll)
-- Replies: {'ok', data|nil, state|nil, token}  {'absent', state|nil, token}  {'exists'}
--          {'full', waiters, holder, now_ms, pttl}
--          {'busy', holder, pttl, block_ms (0 = do not block), now_ms, state|nil}
local SLACK, GRACE, FOREIGN, HANDOFF, TRIAL = 5, 500, 10, 1000, 1000  -- see docs/wire-format.md
local ENDED = 300000                             -- the mark of an absolute end lives that long, or more
local D, L, Q, W, S = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local waiter, held_token = ARGV[1], ARGV[3]
-- One call reads three keys, because the calls are the cost of a script. MGET treats a key of
-- another type as missing.
local got = redis.call('MGET', L, D, S)
local holder, data = got[1], got[2]
local mine = holder and string.sub(holder, 1, #waiter + 1) == waiter .. ':'
if mine and tonumber(string.match(holder, '^%d+', #waiter + 2)) > tonumber(string.sub(ARGV[2], #waiter + 2)) then
  -- An older send has arrived late, after its own repeat. The client does not read this answer.
  return {'busy', holder, 0, 0, 0, false}
end
local free = not holder or mine
  or (held_token ~= '' and (holder == held_token or string.sub(holder, 1, #held_token + 1) == held_token .. '|'))
-- A lock with 't:' .. id alone is handed over and not claimed yet. A claimed lock has '|' and more
-- after the id.
local ticket = holder and string.sub(holder, 1, 2) == 't:' and not string.find(holder, '|', 1, true)
if ticket and not free then
  local want = string.sub(holder, 3) .. '\n'
  while true do
    local t = redis.call('LPOP', Q)
    if not t then break end
    if string.sub(t, 1, #want) == want then free = true; break end
  end
else
  redis.call('DEL', Q)                           -- a ticket that is not L's value is void
end
local ttl, lives = ARGV[7], false
if free and data and got[3] then
  -- A living session may have an idle life of its own, and an end that nothing prolongs.
  local idle, ends = string.match(got[3], '^live|[^|]*|[^|]*|(%d*)|(%d*)|')
  if ttl ~= '0' and tonumber(idle) then ttl = idle end
  lives = ends == ''
  if tonumber(ends) then
    local tm = redis.call('TIME')
    local now = tm[1] * 1000 + math.floor(tm[2] / 1000)
    local left = math.ceil((ends - now) / 1000)
    if left <= 0 then
      redis.call('DEL', D)
      data, got[3] = false, 'dead|absolute|' .. string.format('%.0f', now) .. '|' .. ARGV[2]
      redis.call('SET', S, got[3], 'PX', math.max(ENDED, redis.call('PTTL', S)))
    elseif tonumber(ttl) > left then
      ttl = left
    end
  end
end
if free then
  if ARGV[4] == 'known' and not data and not holder then
    -- A key of another type is not absent: GET gives its error.
    if redis.call('EXISTS', D) == 1 then redis.call('GET', D) end
    redis.call('ZREM', W, waiter)
    return {'absent', got[3], ARGV[2]}
  end
  if ARGV[4] == 'new' and data then return {'exists'} end
  -- EXPIRE with 0 would delete the session.
  if tonumber(ttl) > 0 and redis.call('EXPIRE', D, ttl) == 1 and not data then
    redis.call('GET', D)                         -- another type: GET fails before the lock is taken
  end
  -- The state of a session that is never saved outlives it, too.
  if lives and tonumber(ttl) > 0 and redis.call('PTTL', S) < ttl * 1500 then
    redis.call('EXPIRE', S, string.format('%.0f', math.min(ttl * 2, 31557600000)))
  end
  local tm = redis.call('TIME')
  -- This expression costs a third of string.format.
  local ms = tm[1] .. string.sub('00000' .. tm[2], -6, -4)
  redis.call('SET', L, ARGV[2] .. '|' .. ms .. '|' .. ARGV[5], 'PX', ARGV[6])
  -- The first send has never queued.
  if tonumber(string.sub(ARGV[2], #waiter + 2)) > (ARGV[4] == 'known' and 0 or 1) then redis.call('ZREM', W, waiter) end
  return {'ok', data, got[3], ARGV[2]}
end
if ARGV[4] == 'new' then return {'exists'} end   -- another client works under this id
redis.call('ZREM', W, waiter)                    -- never count ourselves
local wait = tonumber(ARGV[8])
local pttl = redis.call('PTTL', L)
local tm = redis.call('TIME')
local now = tm[1] * 1000 + math.floor(tm[2] / 1000)
-- The holder only checks if the session exists, and it does not. After TRIAL, the holder may have a
-- session that vanished.
local tried = not data and string.match(holder, '^o:[^:|]*:0|(%d+)')
-- The time lies in the future if the clock was set back.
tried = tried and math.abs(now - tonumber(tried)) < TRIAL
if tried and ARGV[4] == 'known' then return {'absent', got[3], ARGV[2]} end
if wait <= 0 then return {'busy', holder, pttl, 0, now, got[3]} end
redis.call('ZREMRANGEBYSCORE', W, '-inf', now)
local maxw = tonumber(ARGV[9])
if maxw > 0 then
  local n = redis.call('ZCARD', W)
  if n >= maxw then return {'full', n, holder, now, pttl} end
end
local block = tonumber(ARGV[10])
-- A ticket younger than 100 ms is just being claimed: its short PTTL says nothing, and another
-- block would cost the place in the queue.
if pttl >= 0 and not (ticket and pttl > HANDOFF - 100) then
  block = math.min(block, pttl + SLACK)
end
local kind = string.sub(holder, 1, 2)
if ARGV[11] == '1' or tried or not (kind == 'o:' or kind == 't:') then block = math.min(block, FOREIGN) end
block = math.max(1, math.min(block, wait))       -- never 0: BLPOP 0 blocks for ever
redis.call('ZADD', W, now + block + GRACE, waiter)
redis.call('PEXPIRE', W, 120000)                 -- garbage collection only, the scores decide
return {'busy', holder, pttl, block, now, got[3]}
