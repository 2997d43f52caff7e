-- PROBE: shows that scripts may write, and changes a key that a client watches. Leaves nothing.
-- KEYS  1 a key that no client uses
-- Reply: 1
redis.call('TIME')
redis.call('SET', KEYS[1], '', 'PX', 1000)
return redis.call('DEL', KEYS[1])
