-- USER: the list of a user's sessions, in a slot of its own. One trip. A repeat does no harm.
-- KEYS  1 U a hash: the name of each session, which is its id -> bumped_ms|ends_ms, and |name if it
--         had that name before. A '-' before it marks a victim: a session that a limit has chosen,
--         and that must still be ended. ~ends_ms is the trace of one that was ended.
-- ARGV  1 op: bind (add a session, within the limit) | bump (add a session, or let it stay)
--         | list | drop (take sessions off) | forget (take sessions off that still have this value)
--         | end (take sessions off that were ended and still have this value, and leave a trace of
--         each)
--       2 any text
--       3 the session's name (drop: and those that follow; forget, end: each with its value; list:
--         none)
--       4 life_ms: the time for which it stays on the list, which is the TTL of its state
--       5 the name that it had before ('' = none)
--       6 limit (bind; 0 = none)
--       7 what happens beyond the limit (bind): oldest | refuse
--       8 1 = the session still lives under that name, too, which stays on the list and counts as
--         one with this one
--       9 the ms since the session was read, if it was none of this user's by then (bind): an older
--         mark or trace may be that of another one. '' = it was
--      10 the name that it had after that of 5 and before this one, and under which it was not
--         stored (bump; none): it leaves the list
-- Replies: {'ok', text, now_ms, name, value, name, value ...}
--            bind: the victims, of earlier calls, too; list: all sessions; bind, bump: the session
--            itself, if it is a victim; else none
--          {'full', text, now_ms, name, value ...} (bind, refuse) all others; none was added
local U, op, name, old = KEYS[1], ARGV[1], ARGV[3], ARGV[5] or ''
local tm = redis.call('TIME')
local now = tm[1] * 1000 + math.floor(tm[2] / 1000)
local reply = {'ok', ARGV[2], now}
-- The list lives as long as the last of its sessions, and as its traces.
local function left()
  local rest, all = 60000, redis.call('HGETALL', U)
  for i = 2, #all, 2 do
    rest = math.max(rest, (tonumber(string.match(all[i], '^-?%d+|(%d+)')) or 0) - now)
  end
  redis.call('PEXPIRE', U, string.format('%.0f', rest))
  return reply
end
if op == 'drop' then
  for i = 3, #ARGV do redis.call('HDEL', U, ARGV[i]) end
  return left()
end
if op == 'end' then
  -- A minute is longer than nearly all requests, which may have read the session before.
  -- The session may have logged in anew since.
  for i = 3, #ARGV, 2 do
    if redis.call('HGET', U, ARGV[i]) == ARGV[i + 1] then
      redis.call('HSET', U, ARGV[i], string.format('~%.0f', now + 60000))
    end
  end
  return left()
end
if op == 'forget' then
  for i = 3, #ARGV, 2 do
    local value = redis.call('HGET', U, ARGV[i])
    -- A client that knows when it has put a session there need not know the earlier name.
    if value and (value == ARGV[i + 1] or string.match(value, '^%d+|%d+') == ARGV[i + 1]) then
      redis.call('HDEL', U, ARGV[i])
    end
  end
  return left()
end
-- A victim stays one, under its next name, too, and also if it logs in once more: the login that
-- has chosen it is about to end it, or has just done so, and it must not choose that one in return.
-- A session that was read after that end is another one: it finds the trace, or the mark of a
-- client that was stopped before it left the trace.
local mine = redis.call('HGET', U, name)
local was = mine or old ~= '' and redis.call('HGET', U, old) or ''
local age = op == 'bind' and tonumber(ARGV[9])
local read = age and now - age or 0
-- The place that it leaves under the name in between tells of an end, too.
local passed = op == 'bump' and ARGV[10] or ''
local function end_of(place)
  local bumped, ends = string.match(place, '^-(%d+)|(%d+)')
  local chosen
  if bumped then
    -- A mark does not tell when it was made.
    chosen = tonumber(bumped) > read or now - bumped < 10000
  else
    ends = string.match(place, '^~(%d+)')
    chosen = ends and ends - 60000 > read
  end
  return chosen and tonumber(ends) > now and (bumped and 'mark' or 'trace')
end
local known = end_of(was)
local own = (known or passed ~= '' and end_of(redis.call('HGET', U, passed) or '')) and '-' or ''
local function add()
  local life = tonumber(ARGV[4])
  -- A logout under the old id finds the session by this, also before it is stored.
  local from = old ~= '' and '|' .. old or ''
  local value = string.format('%s%.0f|%.0f', own, now, now + life) .. from
  if own == '-' then
    reply[4], reply[5] = name, value
    -- A call that comes behind the end of its session is late. The trace stays what it is.
    if was == mine and known == 'trace' then return end
  end
  if old ~= '' and ARGV[8] ~= '1' then redis.call('HDEL', U, old) end
  if passed ~= '' then redis.call('HDEL', U, passed) end
  redis.call('HSET', U, name, value)
  local ttl = redis.call('PTTL', U)
  if ttl < life then
    redis.call('PEXPIRE', U, ARGV[4])
  elseif ttl > life then
    -- The one that has lived longest may have gone, or be this one.
    left()
  end
end
if op == 'bump' then
  add()
  return reply
end
local others, victims, all = {}, {}, redis.call('HGETALL', U)
for i = 1, #all, 2 do
  local mark, bumped, ends, before = string.match(all[i + 1], '^(-?)(%d+)|(%d+)|?(.*)')
  local trace = string.match(all[i + 1], '^~(%d+)')
  ends = ends or trace
  if not ends or tonumber(ends) <= now then
    redis.call('HDEL', U, all[i])
  elseif not trace and all[i] ~= name and all[i] ~= old then
    local of = mark == '-' and victims or others
    of[#of + 1] = {all[i], all[i + 1], tonumber(bumped), before}
  end
end
local function tell(sessions)
  for _, session in ipairs(sessions) do
    reply[#reply + 1] = session[1]
    reply[#reply + 1] = session[2]
  end
end
if op == 'list' then
  tell(victims)
  tell(others)
  return reply
end
-- A session whose login is running has two names, and is one. An earlier name that came later to
-- the list is that of another session.
local at, count = {}, #others
for _, one in ipairs(others) do at[one[1]] = one end
for _, one in ipairs(others) do
  local earlier = at[one[4]]
  if earlier and earlier[3] < one[3] then
    one.earlier = earlier
    if not earlier.leaves then earlier.leaves, count = true, count - 1 end
  end
end
-- The number of the others that are too many.
local over = tonumber(ARGV[6]) > 0 and count + 1 - ARGV[6] or 0
if over > 0 then
  if ARGV[7] == 'refuse' then
    reply[1] = 'full'
    tell(victims)
    tell(others)
    return reply
  end
  if own == '-' then over = 0 end
  table.sort(others, function(a, b) return a[3] < b[3] or a[3] == b[3] and a[1] < b[1] end)
  for _, victim in ipairs(others) do
    if over <= 0 then break end
    if not victim.leaves then
      over = over - 1
      while victim and string.sub(victim[2], 1, 1) ~= '-' do
        victim[2] = '-' .. victim[2]
        redis.call('HSET', U, victim[1], victim[2])
        victims[#victims + 1] = victim
        victim = victim.earlier
      end
    end
  end
end
add()
tell(victims)
return reply
