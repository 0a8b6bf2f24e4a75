-- Renews leases. KEYS: one a limit. ARGV: the lease's id, then the length of each lease (ms).
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 1, #KEYS do
  local until_ms = string.format('%.0f', now + tonumber(ARGV[i + 1]))
  if redis.call('ZADD', KEYS[i], 'XX', 'CH', until_ms, ARGV[1]) then redis.call('PEXPIRE', KEYS[i], ARGV[i + 1]) end
end
return {1}
