-- Replaces what a reservation holds by what was used. A reservation is settled once: a command that is repeated because its
-- reply was lost changes nothing.
-- KEYS: as for the reservation. ARGV: the lease's id, nothing (0), then four for each limit:
-- kind, reserved, used, window or lease (ms). Returns {1}, or {0} where there is no such reservation.
local held = redis.call('GET', KEYS[1])
-- Leases first: they end even if a counter cannot be changed.
for i = 1, #KEYS - 1 do
  if ARGV[4 * i - 1] == 'c' then redis.call('ZREM', KEYS[i + 1], ARGV[1]) end
end
if not held then return {0} end
redis.call('DEL', KEYS[1])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function f(x) return string.format('%.0f', x) end
local places = {}
for place in string.gmatch(held, '[^,]+') do places[#places + 1] = tonumber(place) end
for i = 1, #KEYS - 1 do
  local k, kind, place = KEYS[i + 1], ARGV[4 * i - 1], places[i]
  local more = tonumber(ARGV[4 * i + 1]) - tonumber(ARGV[4 * i])
  local w = tonumber(ARGV[4 * i + 2])
  if kind == 'w' and more < 0 then
    -- Only where the sub-window still counts, and holds it.
    local h = redis.call('HMGET', k, f(place), 's')
    local there = tonumber(h[1])
    if there and there + more >= 0 then
      redis.call('HSET', k, f(place), f(there + more), 's', f(tonumber(h[2]) + more))
    end
  elseif kind == 'w' and more > 0 then
    -- What was delivered beyond the reserve was delivered now.
    local b = math.max(math.floor(now / (w / 60)), tonumber(redis.call('HGET', k, 'l')) or 0)
    redis.call('HINCRBY', k, f(b), f(more))
    redis.call('HINCRBY', k, 's', f(more))
    redis.call('HSETNX', k, 'o', f(b))
    redis.call('HSET', k, 'l', f(b))
    redis.call('PEXPIRE', k, f(w + w / 20))
  elseif kind ~= 'w' and kind ~= 'c' and more ~= 0 then
    -- A period that has ended is no longer of interest; its requests were paid for in it.
    if tonumber(redis.call('HGET', k, 'p')) == place then redis.call('HINCRBY', k, 's', f(more)) end
  end
end
return {1}
