-- Take places and give them back, in the order they were asked for.
-- KEYS     for each place a sorted set of its leases, each scored by its end: milliseconds by the
--          store's clock
-- ARGV     1 milliseconds a lease lasts  2 in msgpack, a list with three items for each question:
--          the number of its key, the limit (0: give back), the lease
-- returns  a digit for each question: 1 taken or given back, 0 none was left
--
-- A process that gives a place back looks for one again at once, the others only now and then:
-- it would keep its places for ever. So while a place is fought over, beside its set lies a hash
-- of who was refused lately, and who got the last one: that one waits while others do.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lasts = tonumber(ARGV[1])
local moves = cmsgpack.unpack(ARGV[2])
local LATELY = 600

-- How many leases are out for each place that somebody wants. Those that have ended are only in
-- the way of somebody who finds the place full.
local taken, is_swept = {}, {}
local fights = {}
for place = 1, #moves, 3 do
  local position = moves[place]
  if moves[place + 1] > 0 and not taken[position] then
    taken[position] = redis.call('ZCARD', KEYS[position])
    fights[#fights + 1] = KEYS[position] .. ':fight'
  end
end
local are_some_fought_over = #fights > 0 and redis.call('EXISTS', unpack(fights)) > 0

local function is_full(position, limit)
  if taken[position] >= limit and not is_swept[position] then
    is_swept[position] = true
    redis.call('ZREMRANGEBYSCORE', KEYS[position], '-inf', now)
    taken[position] = redis.call('ZCARD', KEYS[position])
  end
  return taken[position] >= limit
end

local function owner_of(lease)
  return string.match(lease, '^(.*)%-') or lease
end

local function refuse(fight, owner)
  are_some_fought_over = true
  redis.call('HSET', fight, owner, now)
  redis.call('PEXPIRE', fight, LATELY)
  return '0'
end

-- Whether another process was refused lately, and this one got the last place.
local function is_anothers_turn(fight, owner)
  if redis.call('HGET', fight, 'last') ~= owner then
    return false
  end
  local refused = redis.call('HGETALL', fight)
  for field = 1, #refused, 2 do
    local who = refused[field]
    if who ~= 'last' and who ~= owner and now - tonumber(refused[field + 1]) < LATELY then
      return true
    end
  end
  return false
end

local function take(position, limit, lease)
  local key, owner = KEYS[position], owner_of(lease)
  local fight = key .. ':fight'
  if is_full(position, limit) then
    -- The answer to an earlier try may have been lost.
    return redis.call('ZSCORE', key, lease) and '1' or refuse(fight, owner)
  end
  if are_some_fought_over and redis.call('EXISTS', fight) == 1 then
    if is_anothers_turn(fight, owner) then
      return refuse(fight, owner)
    end
    redis.call('HDEL', fight, owner)
    redis.call('HSET', fight, 'last', owner)
    redis.call('PEXPIRE', fight, LATELY)
  end
  taken[position] = taken[position] + redis.call('ZADD', key, 'NX', now + lasts, lease)
  return '1'
end

local function give_back(position, lease)
  local removed = redis.call('ZREM', KEYS[position], lease)
  if taken[position] then
    taken[position] = taken[position] - removed
  end
  return '1'
end

local answers = {}
for place = 1, #moves, 3 do
  local position, limit, lease = moves[place], moves[place + 1], moves[place + 2]
  answers[#answers + 1] = limit > 0 and take(position, limit, lease) or give_back(position, lease)
end
for position in pairs(taken) do
  -- Others' leases may last longer: while a new setting is rolled out.
  if redis.call('PTTL', KEYS[position]) < lasts then
    redis.call('PEXPIRE', KEYS[position], lasts)
  end
end
return table.concat(answers)
