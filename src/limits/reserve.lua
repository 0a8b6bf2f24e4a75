-- Reserves amounts in all limits, or in none.
-- KEYS: the reservation, then one key a limit. ARGV: the lease's id, how long the reservation is kept (ms; 0: nothing is
-- reserved, the limits are only read), then four for each limit: kind, most, amount, window or lease (ms).
-- Returns {1 if granted else 0, now (ms), then for each limit: used before, ms to the window's reset, ms to wait (-1: the
-- amount never fits)}.
-- Kinds: 'w' counts in 60 sub-windows a window; a span of a window's length touches 61 of them at the most, so no more than
-- `most` is in 61. 'd', 'm': UTC days and months. 'c': leases.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function f(x) return string.format('%.0f', x) end
local function period(kind)
  local day = math.floor(now / 86400000)
  if kind == 'd' then return day, (day + 1) * 86400000 end
  -- Days of the calendar that begins in March, so that a leap day ends its year.
  local z = day + 719468
  local era = math.floor(z / 146097)
  local d = z - era * 146097
  local y = math.floor((d - math.floor(d / 1460) + math.floor(d / 36524) - math.floor(d / 146096)) / 365)
  local n = d - (365 * y + math.floor(y / 4) - math.floor(y / 100))
  local m = math.floor((5 * n + 2) / 153)
  local next = math.floor((153 * (m + 1) + 2) / 5)
  local length = next - math.floor((153 * m + 2) / 5)
  local first = day - (n - math.floor((153 * m + 2) / 5))
  if m == 11 then
    local year = era * 400 + y + 1
    length = (year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)) and 29 or 28
  end
  return (era * 400 + y) * 12 + m, (first + length) * 86400000
end
local keep = tonumber(ARGV[2])
local granted = 1
local out = {1, now}
local places, held = {}, {}
for i = 1, #KEYS - 1 do
  local k, kind = KEYS[i + 1], ARGV[4 * i - 1]
  local most, amount, w = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1]), tonumber(ARGV[4 * i + 2])
  local used, reset, wait, place = 0, 0, 0, 0
  if kind == 'w' then
    local s = w / 60
    place = math.floor(now / s)
    -- The sum of all that counts, the oldest and the latest sub-window, and what is in the present one.
    local h = redis.call('HMGET', k, 's', 'o', 'l', f(place))
    local o, l, here = tonumber(h[2]), tonumber(h[3]), tonumber(h[4]) or 0
    used = tonumber(h[1]) or 0
    if l and l > place then
      -- The clock went back, as after a failover: all that counts was granted just now.
      redis.call('DEL', k)
      redis.call('HSET', k, 's', f(used), 'o', f(place), 'l', f(place), f(place), f(used))
      redis.call('PEXPIRE', k, f(w + w / 20))
      o, l, here = place, place, used
    elseif l and l < place - 60 then
      redis.call('DEL', k)
      used, o, l = 0, nil, nil
    elseif o and o < place - 60 then
      for j = o, place - 61 do
        local v = tonumber(redis.call('HGET', k, f(j)))
        if v then
          used = used - v
          redis.call('HDEL', k, f(j))
        end
      end
      o = place - 60
      redis.call('HSET', k, 's', f(used), 'o', f(o))
    end
    held[i] = {o, l, here}
    if used > 0 then reset = (l + 61) * s - now end
    if amount > 0 and used + amount > most then
      wait = -1
      if amount <= most then
        local over = used + amount - most
        for j = o, place do
          over = over - (tonumber(redis.call('HGET', k, f(j))) or 0)
          if over <= 0 then
            wait = math.max((j + 61) * s - now, 1)
            break
          end
        end
      end
    end
  elseif kind == 'c' then
    redis.call('ZREMRANGEBYSCORE', k, '-inf', f(now))
    used = redis.call('ZCARD', k)
    if amount > 0 and used + amount > most then wait = 1000 end
  else
    local ends
    place, ends = period(kind)
    local h = redis.call('HMGET', k, 'p', 's')
    local p = tonumber(h[1])
    -- A later period has begun already, and then the clock went back.
    if p == place + 1 then place = p end
    if p == place then used = tonumber(h[2]) or 0 end
    reset = ends - now
    if amount > 0 and used + amount > most then wait = amount > most and -1 or reset end
  end
  if wait ~= 0 then granted = 0 end
  out[3 * i], out[3 * i + 1], out[3 * i + 2] = used, reset, wait
  places[i] = f(place)
end
out[1] = granted
if granted == 0 or keep == 0 then return out end
-- A full Redis permits what follows a command that frees memory. Limits hold although cached responses have filled it.
redis.call('DEL', KEYS[1])
for i = 1, #KEYS - 1 do
  local k, kind, place = KEYS[i + 1], ARGV[4 * i - 1], places[i]
  local amount, w = tonumber(ARGV[4 * i + 1]), tonumber(ARGV[4 * i + 2])
  local used, at = f(out[3 * i] + amount), tonumber(place)
  if kind == 'w' and amount > 0 then
    local o, l, here = held[i][1], held[i][2], f(held[i][3] + amount)
    if l == at then
      redis.call('HSET', k, 's', used, place, here)
    else
      redis.call('HSET', k, 's', used, place, here, 'l', place, 'o', f(o or at))
      -- Longer than the sub-window counts, also for what is added to it later.
      redis.call('PEXPIRE', k, f(w + w / 20))
    end
    out[3 * i + 1] = (at + 61) * w / 60 - now
  elseif kind == 'c' then
    redis.call('ZADD', k, f(now + w), ARGV[1])
    redis.call('PEXPIRE', k, f(w))
  elseif kind ~= 'w' and amount > 0 then
    redis.call('HSET', k, 'p', place, 's', used)
    redis.call('PEXPIRE', k, f(out[3 * i + 1] + 86400000))
  end
end
redis.call('SET', KEYS[1], table.concat(places, ','), 'PX', f(keep))
return out
