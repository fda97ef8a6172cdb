-- Hold on to leases: each ends so long from now, whether the store still knew it or not.
-- KEYS     as in slots.lua
-- ARGV     1 milliseconds a lease lasts; then for each key how many leases, and those
-- returns  OK
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lasts = tonumber(ARGV[1])
local position = 2
for _, key in ipairs(KEYS) do
  local last = position + tonumber(ARGV[position])
  for lease = position + 1, last do
    redis.call('ZADD', key, now + lasts, ARGV[lease])
  end
  if redis.call('PTTL', key) < lasts then
    redis.call('PEXPIRE', key, lasts)
  end
  position = last + 1
end
return redis.status_reply('OK')
