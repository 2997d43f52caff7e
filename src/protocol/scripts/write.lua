-- WRITE: changes a session without a lock (locking off). One trip. A repeat does no harm.
-- KEYS  1 D data  2 S state
--       3 N (move) the new value, which the command before this one has put there
--         A (aside) the new name of D  C (back, take) the read-only copy
--         L (del, logout, drop, retire, freeze) the lock  4 C (retire, freeze) the read-only copy
-- ARGV  1 op: set | move (set to the value of N, which does not pass through Lua)
--         | back (move, with C for N, which stays if its mark is that of another move by now)
--         | keep
--         | restore (keep, or set if D is gone)
--         | weed (del by a place on a list that is too old for a login which is still running)
--         | sweep (weed of a session that was not there a moment ago)
--         | del (end it)
--         | logout (del, unless another client has moved the session since it was read)
--         | drop (del of a session that did not exist at the read: leaves nothing behind unless D
--           exists by now)
--         | retire (del, because the session goes on under another id: its value stays as a copy
--           that can be read, for ttl_s) | freeze (retire, unless it has ended since it was read)
--         | aside (move it to A, for a day)
--         | take (note in the mark seen that a session is made of its copy, and nothing brings that
--           one back)
--       2 data (del, weed, sweep: the list that the session is on, and its user must be that of
--         this list; del: '' = any, and a session without a user ends, too; freeze: the time in ms
--         after which it does not happen; '' = none)
--       3 ttl_s (0 = as it is)  4 state seen at the read ('' = none)
--       5 a name for the mark that del leaves, of which the client has the first 16 characters; a
--         '+' stands before it if another client had ended the session since the read
--       6 dead_ms (the life of the mark)
--       7 state (set, move, back, keep, restore): live|..., to be stored with the write ('' = leave
--         it as it is)
--         (del, weed, sweep, retire, freeze) the reason of the end ('' = logout)
-- Replies: {'ok'}  {'ok:' .. id} (del, weed, sweep, retire, freeze: the session had left a copy
--          under this id, which the client deletes)
--          {'gone'} (keep: D does not exist; move: N does not; send set; back, take: C does not;
--          freeze: it came too late; weed, sweep: there was no session, and no request that still
--          has it stores it again)
--          {'dead'} (ended since the read; logout: moved since the read; del: the session of
--          another user; weed: or of none; sweep: it is there; take: the mark is not the one seen)
local D, S, op, note = KEYS[1], KEYS[2], ARGV[1], ARGV[7] or ''
local function clock()
  local tm = redis.call('TIME')
  return tm[1] .. string.sub('00000' .. tm[2], -6, -4)
end
if op == 'drop' then
  if redis.call('EXISTS', D) == 0 then return {'ok'} end
  op = 'del'
end
local sweeps, back, gone = op == 'sweep', op == 'back', false
local weeds = sweeps or op == 'weed'
if weeds then op = 'del' elseif back then op = 'move' end
local state = redis.call('MGET', S)[1]            -- as if missing if it is of another type
if op == 'take' then
  local taken = string.gsub(ARGV[4], '[^|]*$', '') .. 'taken'
  if state ~= ARGV[4] and state ~= taken then return {'dead'} end
  if redis.call('EXISTS', KEYS[3]) == 0 then return {'gone'} end
  redis.call('SET', S, taken, 'KEEPTTL')
  return {'ok'}
end
-- ':' and the id of the read-only copy that the state names, for an answer, while the copy lives,
-- and the fields by which a mark names it: the answer to the first end may get lost.
local function copy()
  local fields = ('|[^|]*'):rep(5) .. '|((%d+):([^|]*))|'
  local text, ends, id = (state or ''):match('^live' .. fields)
  if not text then text, ends, id = (state or ''):match('^dead|[^|]*|[^|]*' .. fields) end
  if not text or tonumber(ends) <= tonumber(clock()) then return '', '' end
  return ':' .. id, '||||||' .. text .. '||'
end
local dead = false
if state then
  -- A living session changes its state. Another one has another time of creation. A session comes
  -- back in the place of its mark alone.
  local now, seen = string.match(state, '^live|[^|]*|'), string.match(ARGV[4], '^live|[^|]*|')
  if now and not back then dead = seen and now ~= seen else dead = state ~= ARGV[4] end
end
-- A repeat finds what it has stored.
if back and state == note then return {'ok'} end
if op == 'logout' then
  if dead and string.find(state, '^dead|regenerated|') then return {'dead'} end
  op = 'del'
end
if op == 'freeze' then
  -- The request may have given up, and its browser keeps the id.
  if not dead and ARGV[2] ~= '' and tonumber(clock()) > tonumber(ARGV[2]) then return {'gone'} end
  op = 'retire'
end
if op == 'del' or op == 'retire' then
  local named, kept = copy()
  -- A repeat must not end the next session under this id.
  local ended, by = string.match(state or '', '^dead|([^|]*)|.*|([^|]*)$')
  if ended and string.sub(by, -#ARGV[5]) == ARGV[5] then return {'ok' .. named} end
  -- A session that was ended from elsewhere goes on under no other id.
  if op == 'retire' and dead then return {'dead'} end
  -- A place on a list proves nothing: another user may have the session by now.
  local user = string.match(state or '', '^live|[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|([^|]+)|')
  if op == 'del' and ARGV[2] ~= '' and user and user ~= ARGV[2] then return {'dead'} end
  if weeds then
    gone = redis.call('EXISTS', D) == 0
    if not gone and (sweeps or not user) then return {'dead'} end
    if gone and user then note = 'idle' end
    -- An end keeps its reason. A session that was moved may be on its way to its new id.
    if gone and ended and ended ~= 'regenerated' then return {'gone'} end
    if ended == 'regenerated' then gone = false end
  end
  local copies = op == 'retire' and tonumber(ARGV[3]) > 0 and redis.call('EXISTS', D) == 1
  -- A session that is made of the copy goes on with this.
  if copies then kept = string.match(state or '', '^live(|.+)') or kept end
  local token = ARGV[5]
  if op == 'del' and redis.call('DEL', D) == 0 and ended and ended ~= 'regenerated'
      and state ~= ARGV[4] and string.sub(by, 1, 16) ~= string.sub(token, 1, 16) then
    -- Another client has ended it before, and this one must not take the mark for its own.
    token = '+' .. token
  end
  local mark = 'dead|' .. (note == '' and 'logout' or note) .. '|' .. clock() .. kept .. '|' .. token
  -- The mark outlives the present lock: renew and claim prolong both.
  local life = math.max(tonumber(ARGV[6]), redis.call('PTTL', KEYS[3]) + 1000)
  -- A Redis without memory refuses this first write of retire, and would refuse the session under
  -- its new id, too.
  redis.call('SET', S, mark, 'PX', life)
  -- A server that refuses RENAME gets no copy.
  if copies and not redis.pcall('RENAME', D, KEYS[4]).err then
    local left = redis.call('PTTL', KEYS[4])
    if left < 0 or left > ARGV[3] * 1000 then redis.call('EXPIRE', KEYS[4], ARGV[3]) end
  elseif op == 'retire' then
    redis.call('DEL', D, KEYS[4])                -- also the copy that an earlier session has left
  end
  return {gone and 'gone' or 'ok' .. named}
end
if op == 'aside' then
  if redis.call('EXISTS', D) == 1 then
    redis.call('RENAME', D, KEYS[3])
    redis.call('PEXPIRE', KEYS[3], 86400000)
  end
  return {'ok'}
end
-- A living session may have an idle life of its own, and an end that nothing prolongs.
local ttl, idle, ends = ARGV[3], nil, nil
if not dead and (state or note ~= '') then
  idle, ends = string.match(note ~= '' and note or state, '^live|[^|]*|[^|]*|(%d*)|(%d*)|')
  idle, ends = tonumber(idle), tonumber(ends)
  if ttl ~= '0' and idle then ttl = idle end
  if ends then
    local left = math.ceil((ends - clock()) / 1000)
    if left <= 0 then
      redis.call('DEL', D)
      if op == 'move' then redis.call('DEL', KEYS[3]) end
      local _, kept = copy()
      redis.call('SET', S, 'dead|absolute|' .. clock() .. kept .. '|' .. ARGV[5], 'PX', ARGV[6])
      return {'dead'}
    end
    if tonumber(ttl) > left then ttl = left end
  end
end
if op == 'keep' then
  if tonumber(ttl) > 0 and redis.call('EXPIRE', D, ttl) == 0 then return {dead and 'dead' or 'gone'} end
elseif op == 'move' then
  if dead then
    local moved = back and string.find(state, '^dead|regenerated|')
    if not moved then redis.call('DEL', KEYS[3]) end
    return {'dead'}
  elseif redis.pcall('EXPIRE', KEYS[3], ttl) ~= 1 or redis.pcall('RENAME', KEYS[3], D).err then
    redis.pcall('DEL', KEYS[3])                  -- a copy must not outlive a logout
    return {'gone'}
  end
elseif op ~= 'restore' or redis.call('EXPIRE', D, ttl) == 0 then
  -- A session whose TTL is to stay is not stored again after its end.
  local stays = tonumber(ttl) == 0
  if dead or stays and redis.call('EXISTS', D) == 0 then return {'dead'} end
  if stays then redis.call('SET', D, ARGV[2], 'KEEPTTL') else redis.call('SET', D, ARGV[2], 'EX', ttl) end
end
-- Of two requests that give a session its first state, the first one does, but a login counts.
local later = ARGV[4] == '' and state and string.sub(state, 1, 5) == 'live|'
  and not string.find(note, '^live|[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|[^|]+|')
if note ~= '' and not dead and not later then
  -- The state outlives the session: by an idle life after the absolute end, a day at most, or by
  -- two from now on.
  idle = math.max(1000, idle and idle * 1000 or redis.call('PTTL', D))
  local rest = ends and math.max(0, ends - clock()) or idle
  -- The session ends no later than the state says, also if its TTL was to stay.
  local life = math.ceil(math.min(idle, rest) / 1000)
  if redis.call('PTTL', D) > life * 1000 then redis.call('EXPIRE', D, life) end
  if ends then idle = math.min(idle, 86400000) end
  redis.call('SET', S, note, 'PX', string.format('%.0f', math.min(rest + idle, 31557600000000)))
elseif not dead and state and string.find(state, '^live|[^|]*|[^|]*|%d*||') and tonumber(ttl) > 0
    and redis.call('PTTL', S) < ttl * 1500 then
  -- A state without an end outlives the session, whatever each client stores with it.
  redis.call('EXPIRE', S, string.format('%.0f', math.min(ttl * 2, 31557600000)))
end
return {'ok'}
