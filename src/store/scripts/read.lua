-- READ: a session without its lock (read_and_close, locking off), with its TTL refreshed. One trip.
-- KEYS  1 D data  2 T tombstone
-- ARGV  1 ttl_s  2 apart (1 = the next command of this trip is GET D, so that the data does not pass through Lua)
-- Reply: {data|nil, tombstone|nil} (apart: no data)
local D, stone = KEYS[1], redis.call('GET', KEYS[2])
if ARGV[2] == '1' then
  if tonumber(ARGV[1]) > 0 then redis.call('EXPIRE', D, ARGV[1]) end
  return {false, stone}
end
local data = redis.call('GET', D)
if data and tonumber(ARGV[1]) > 0 then redis.call('EXPIRE', D, ARGV[1]) end
return {data, stone}
