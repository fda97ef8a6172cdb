-- Put before every script: what all of them read and how they answer.
--
-- KEYS[1]  the account's record, a hash:
--          generation     of its newest token
--          history        the store's history in which that was obtained; empty when it was
--                         obtained outside and later ones may have been here before
--          token_id       names the token; token: the sealed record
--          due            its renewal; microseconds by the store's clock, like all times here
--          strikes        how many tokens in a row upstream refused
--          rejected_at    when upstream refused this very token, else absent
--          failure        of the last attempt, else absent; failed_until: end of the pause
-- KEYS[2]  the account's claim: the name of the attempt that holds it, with a time to live
-- A key of another type, or a generation no replica gives (domain/tokens), was not written by
-- us: it is dropped, and the view says so.
local record, claim = KEYS[1], KEYS[2]
local MOST_GENERATION = 9007199254740992
local was_foreign = false

local function is_generation(there)
  return string.match(there, '^%d+$') and tonumber(there) < MOST_GENERATION
end

-- Any other error is met again by whatever reads next.
local function is_foreign(is_ours, ...)
  local there = redis.pcall(...)
  if type(there) == 'table' then
    return string.find(there.err, 'WRONGTYPE', 1, true)
  end
  return there and not is_ours(there)
end

local function drop(key)
  redis.call('DEL', key)
  was_foreign = true
end

if is_foreign(is_generation, 'HGET', record, 'generation') then
  drop(record)
end
if is_foreign(tostring, 'GET', claim) then
  drop(claim)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function text(number)
  return string.format('%.0f', number)
end

-- Another one after each start and each failover: what was acknowledged in an earlier history
-- may be lost, what was in this one is not.
local function history()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
end

local function number(field)
  return tonumber(redis.call('HGET', record, field) or 0) or 0
end

local function holds(owner)
  return redis.call('GET', claim) == owner
end

local function taken_by_another(owner)
  local holder = redis.call('GET', claim)
  return holder and holder ~= owner
end

local function give_up(owner)
  if holds(owner) then
    redis.call('DEL', claim)
  end
end

-- A new token; it inherits the count of refused ones unless the last reached its renewal.
local function write(generation, written_in, due, token_id, token, milliseconds)
  local lived = now() >= number('due') and not redis.call('HGET', record, 'rejected_at')
  local strikes = lived and 0 or number('strikes')
  redis.call('DEL', record)
  redis.call('HSET', record, 'generation', generation, 'history', written_in, 'due', due,
    'token_id', token_id, 'token', token, 'strikes', strikes)
  redis.call('PEXPIRE', record, milliseconds)
end

-- {verdict, now, history, then the record, then 1 if something was dropped}
local function view(verdict)
  local fields = redis.call('HMGET', record, 'generation', 'history', 'token_id', 'token',
    'strikes', 'rejected_at', 'failure', 'failed_until')
  local answer = {verdict, text(now()), history()}
  for position = 1, 8 do
    answer[3 + position] = fields[position]
  end
  answer[12] = was_foreign and 1 or 0
  return answer
end
