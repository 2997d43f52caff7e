-- RELEASE: compares the lock, writes, and frees the lock or hands it to the first waiter. One trip.
-- KEYS  1 D data  2 L lock  3 Q wake list  4 W waiters  6 S state
--       5 R receipt: D .. '_DONE:' .. token, with ':' .. n after n writes that had no answer
--       7 N (move) D .. '_NEW:' .. token: the new value, which the command before this one has put
--           there
--         A (aside) the new name of D
--         C (retire, freeze) the read-only copy
-- ARGV  1 token  2 waiter (own entry in W, '' if never queued)
--       3 op: set | move (set to the value of N, which does not pass through Lua)
--         | keep (refresh the TTL) | restore (keep, or set if D is gone)
--         | none (refresh the TTL unless it is 0; the result does not matter)
--         | del (end it)
--         | logout (del, unless another client has moved the session since it was read)
--         | drop (del of a session that did not exist at the read: leaves nothing behind unless D
--           exists by now)
--         | retire (del, because the session goes on under another id: its value stays as a copy
--           that can be read, for ttl_s) | freeze (retire, unless the session is not ours any more)
--         | aside (move it to A, for a day)
--       4 data (freeze: the time in ms after which it does not happen; '' = none)
--       5 ttl_s (0 = as it is; the state may have less, or an idle life of its own)
--       6 state seen at the read ('' = none)  7 keep_lock (1 = write and keep the lock)
--       8 rewrite (1 = keep the lock if Redis has no memory for the write, as another may follow)
--       9 a name for a new ticket  10 receipt_ms  11 polling
--       12 dead_ms (the life of the mark that del leaves)
--       13 state (set, move, keep, restore, none): live|..., to be stored with the write ('' = the
--          state stays as it is)
--          (del, retire, freeze) the reason of the end ('' = logout)
-- Replies: {'ok'}  {'ok:' .. id} (del, retire, freeze: the session had left a copy under this id,
--          which the client deletes)
--          {'gone'} (keep: D does not exist; move: N does not; the lock is kept, send set;
--          freeze: it came too late; the lock is kept)
--          {'dead'} (ended since the read, or at its absolute end; logout: moved since the read)
--          {'lost', holder|'', now_ms}
--          {error text} (the write failed)
local HANDOFF, MARGIN = 1000, 250                -- Q ends this much before L
local call, pcall = redis.call, redis.pcall
local D, L, Q, W, R, S = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local token, op, note = ARGV[1], ARGV[3], ARGV[13] or ''
local got = call('MGET', L, S)
local holder, state = got[1], got[2]
local ours = holder and (holder == token or holder:sub(1, #token + 1) == token .. '|')
-- A session that was never stored cannot be written back, so its drop leaves no mark.
local drop = op == 'drop'
if drop then op = call('EXISTS', D) == 1 and 'del' or 'none' end
local function clock()
  local tm = call('TIME')
  return tm[1] .. ('00000' .. tm[2]):sub(-6, -4)
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
  -- A living session changes its state. Another one has another time of creation.
  local now, seen = state:match('^live|[^|]*|'), ARGV[6]:match('^live|[^|]*|')
  if now then dead = seen and now ~= seen else dead = state ~= ARGV[6] end
end
-- The client has to end the session under its new id.
if op == 'logout' then op = dead and state:find('^dead|regenerated|') and 'over' or 'del' end
local marked = state and state:sub(1, 5) == 'dead|' and state:sub(-#token - 1) == '|' .. token
local ended = 'ok'
-- Ends the session, and leaves the mark of its end.
local function bury(reason)
  local named, kept = copy()
  ended = 'ok' .. named
  -- A repeat must not end the next session under this id.
  if marked then return state end
  local copies = op == 'retire' and ARGV[5] ~= '0' and call('EXISTS', D) == 1
  -- A session that is made of the copy goes on with this.
  if copies then kept = (state or ''):match('^live(|.+)') or kept end
  local mark = 'dead|' .. (reason == '' and 'logout' or reason) .. '|' .. clock() .. kept .. '|' .. token
  -- The mark outlives the present lock: renew and claim prolong both.
  local life = math.max(tonumber(ARGV[12]), call('PTTL', L) + 1000)
  if op ~= 'retire' then call('DEL', D) end
  local refused = pcall('SET', S, mark, 'PX', life).err
  if op ~= 'retire' then return not refused and mark end
  -- A Redis without memory would refuse the session under its new id, too.
  if refused then
    ended = refused
    return state
  end
  -- A server that refuses RENAME gets no copy.
  if copies and not pcall('RENAME', D, KEYS[7]).err then
    local left = call('PTTL', KEYS[7])
    if left < 0 or left > ARGV[5] * 1000 then call('EXPIRE', KEYS[7], ARGV[5]) end
  else
    call('DEL', D, KEYS[7])                      -- also the copy that an earlier session has left
  end
  return mark
end
if not ours then
  if op == 'move' then call('DEL', KEYS[7]) end
  local receipt = call('GET', R)           -- from an earlier send of this same release
  if receipt then return {receipt} end
  if op == 'over' then return {'dead'} end
  -- A logout is carried out even if another client has the lock: the mark stops that client.
  if op == 'retire' and dead and not marked then return {'dead'} end
  if op == 'del' or op == 'retire' then
    bury(note)
    return {ended}
  end
  if drop then return {'ok'} end
  return {'lost', holder or '', tonumber(clock())}
end
local res, data, known = 'ok', false, false
-- A session that was ended from elsewhere goes on under no other id.
if op == 'freeze' or op == 'retire' then
  -- The request may have given up, and its browser keeps the id.
  if not dead and op == 'freeze' and ARGV[4] ~= '' and tonumber(clock()) > tonumber(ARGV[4]) then return {'gone'} end
  op = dead and 'over' or 'retire'
end
if op == 'over' then res = 'dead' end
-- A living session may have an idle life of its own, and an end that nothing prolongs.
local ttl, idle, ends = ARGV[5], nil, nil
local lives = not dead and op ~= 'del' and op ~= 'retire' and op ~= 'aside'
if lives and (state or note ~= '') then
  idle, ends = (note ~= '' and note or state):match('^live|[^|]*|[^|]*|(%d*)|(%d*)|')
  idle, ends = tonumber(idle), tonumber(ends)
  if ttl ~= '0' and idle then ttl = idle end
  if ends then
    local left = math.ceil((ends - clock()) / 1000)
    if left <= 0 then
      if op == 'move' then call('DEL', KEYS[7]) end
      state, known, note = bury('absolute'), true, ''
      if op ~= 'none' then res, op = 'dead', 'over' end
    elseif tonumber(ttl) > left then
      ttl = left
    end
  end
end
if op == 'restore' then op = call('EXPIRE', D, ttl) == 1 and 'kept' or 'set' end
-- A session whose TTL is to stay is not stored again after its end.
local stays = op == 'set' and ARGV[5] == '0'
if op == 'set' then
  if dead or stays and call('EXISTS', D) == 0 then
    res = 'dead'
  else
    local r = stays and pcall('SET', D, ARGV[4], 'KEEPTTL') or pcall('SET', D, ARGV[4], 'EX', ttl)
    if r.err then res = r.err else data = ARGV[4]; known = true end
  end
elseif op == 'move' then
  if dead then
    call('DEL', KEYS[7])
    res = 'dead'
  elseif pcall('EXPIRE', KEYS[7], ttl) ~= 1 or pcall('RENAME', KEYS[7], D).err then
    pcall('DEL', KEYS[7])                  -- a copy must not outlive a logout
    return {'gone'}
  end
elseif op == 'del' or op == 'retire' then
  state = bury(note)
  res, known = ended, ended:sub(1, 2) == 'ok'
elseif op == 'aside' then
  if call('EXISTS', D) == 1 then
    call('RENAME', D, KEYS[7])
    call('PEXPIRE', KEYS[7], 86400000)
  end
elseif op == 'none' then
  local there = ttl ~= '0' and pcall('EXPIRE', D, ttl)
  -- The state is that of a stored session.
  if note ~= '' and (there or call('EXISTS', D)) ~= 1 then note = '' end
elseif op == 'keep' then
  if ttl ~= '0' then
    if call('EXPIRE', D, ttl) == 0 then
      if not dead then return {'gone'} end
      res = 'dead'
    end
  end
end
-- A state without an end outlives the session also if no client stores another one.
if not ends and note == '' and ARGV[5] ~= '0' and (state or ''):find('^live|')
    and call('PTTL', S) < 1.5 * call('PTTL', D) then note = state end
if note ~= '' and res == 'ok' and lives then
  -- The state outlives the session: by an idle life after the absolute end, a day at most, or by
  -- two from now on.
  idle = math.max(1000, idle and idle * 1000 or call('PTTL', D))
  local rest = ends and math.max(0, ends - clock()) or idle
  -- The session ends no later than the state says, also if its TTL was to stay.
  local life = math.ceil(math.min(idle, rest) / 1000)
  if call('PTTL', D) > life * 1000 then call('EXPIRE', D, life) end
  if ends then idle = math.min(idle, 86400000) end
  local r = pcall('SET', S, note, 'PX', string.format('%.0f', math.min(rest + idle, 31557600000000)))
  if r.err then res = r.err else state = note end
end
if ARGV[7] == '1' or ARGV[8] == '1' and res:find('OOM', 1, true) then return {res} end
-- DEL is never refused for lack of memory, so the lock is free even if a command below fails.
call('DEL', L)
if op ~= 'none' and ARGV[10] ~= '0' then pcall('SET', R, res, 'PX', ARGV[10]) end
if ARGV[2] ~= '' then call('ZREM', W, ARGV[2]) end
if ARGV[11] == '1' then return {res} end         -- polling mode: no hand-over
if call('ZCARD', W) == 0 then return {res} end
local now = clock()
call('ZREMRANGEBYSCORE', W, '-inf', now)
if call('ZCARD', W) == 0 then return {res} end
if not known then
  data = pcall('GET', D)
  if type(data) == 'table' then return {res} end
end
if pcall('SET', L, 't:' .. ARGV[9], 'PX', HANDOFF).err then return {res} end
call('DEL', Q)
local r = pcall('RPUSH', Q, ARGV[9] .. '\n' .. now .. '\n' .. (state or '') .. '\n'
  .. (data and '1' or '0') .. (data or ''))
if type(r) == 'table' and r.err then             -- no memory for the ticket: leave the lock free
  call('DEL', L)
  return {res}
end
call('PEXPIRE', Q, HANDOFF - MARGIN)
return {res}
