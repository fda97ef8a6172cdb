-- Count in budgets what a process has used, and answer which requests may be counted.
-- KEYS     1 what this process has told last: `NUMBER FINDINGS`
--          then for each counter a hash: the totals reserved, released, tokens, nano_aiu; the part
--          of each that was counted since the hash is there (new:...); life, which names this
--          hash, so that one which was lost and made anew is told from it; and seeded, when
--          somebody said what was used before (milliseconds by the store's clock), without which
--          the counter is not whole
-- ARGV     1 the number of this telling; its process counts them up, and says one again that was
--          not answered  2 a name no other telling has  3 channel
--          4 in msgpack, a list with 15 items for each counter: its name, seconds to keep it; the
--          life and the four totals its process heard last; what it adds to each, and how many
--          milliseconds ago the first of that was used; what somebody has found to be used, as
--          requests, tokens and nano_aiu, where requests is -1 for nothing found
--          5 in msgpack, two lists: the kinds of requests there are, each a list with six items
--          for each claim: the number of its counter, 1 if it only reports, 1 if it trusts a
--          counter that is not whole, and three limits, -1 for none; and of each request the
--          number of its kind
-- returns  1 if this was told before, in which case nothing is counted; the findings, a letter for
--          each claim: . fine, r t c used up, ? not whole; in msgpack, a list with five items for
--          each counter: 1 if it is whole, and the totals; then of each counter its life. Nothing
--          at all for a telling older than the last
--
-- A request is counted in all of its budgets or, if one has nothing left, in none. Totals only
-- grow, so for a counter that was lost the greatest is taken that any process heard of its former
-- life; what is counted since comes on top. What is added counts on top too, unless it is older
-- than the seed and so may be in it already.
-- The rules are those of domain/budgets/verdict.py and totals.py. Exact up to 2^53.
local FIELDS = {'reserved', 'released', 'tokens', 'nano_aiu'}
local NEW_FIELDS = {'new:reserved', 'new:released', 'new:tokens', 'new:nano_aiu'}
local ALL_FIELDS = {}
for field = 1, #FIELDS do
  ALL_FIELDS[field], ALL_FIELDS[field + #FIELDS] = FIELDS[field], NEW_FIELDS[field]
end
local COUNTER, CLAIM = 15, 6
local TOLD_SECONDS = 86400
local counters = cmsgpack.unpack(ARGV[4])
local kinds, requests = unpack(cmsgpack.unpack(ARGV[5]))
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- What is there; nothing if it is not of our making.
local function read(command, key, ...)
  local found = redis.pcall(command, key, ...)
  if type(found) == 'table' and found.err then
    redis.call('DEL', key)
    found = redis.call(command, key, ...)
  end
  return found
end

local told = read('GET', KEYS[1]) or ''
local last, answered = string.match(told, '^(%d+) (.*)$')
local number = tonumber(ARGV[1])
if number < (tonumber(last) or 0) then
  return {}
end
local is_known = number == tonumber(last)

local totals = {}
for position = 2, #KEYS do
  local key = KEYS[position]
  local found = read('HMGET', key, 'life', 'seeded', unpack(ALL_FIELDS))
  local total = {life = found[1] or '', seeded = tonumber(found[2]), new = {}, changed = {}}
  for field = 1, #FIELDS do
    total[field] = tonumber(found[field + 2]) or 0
    total.new[field] = tonumber(found[field + 2 + #FIELDS]) or 0
  end
  totals[position - 1] = total
end

local function set(total, field, value)
  if value > total[field] then
    total[field] = value
    total.changed[field], total.has_changed = true, true
  end
end

local function add(total, field, count)
  set(total, field, total[field] + count)
  total.new[field] = total.new[field] + count
end

local function bring(total, at)
  local life = counters[at + 2]
  local is_of_former_life = life ~= '' and life ~= total.life
  local may_be_seeded = total.seeded and now - counters[at + 11] < total.seeded
  for field = 1, #FIELDS do
    local heard, added = counters[at + 2 + field], counters[at + 6 + field]
    if may_be_seeded then
      heard, added = heard + added, 0
    end
    set(total, field, heard + (is_of_former_life and total.new[field] or 0))
    add(total, field, added)
  end
end

local function seed(total, at)
  if counters[at + 12] < 0 then
    return
  end
  set(total, 1, counters[at + 12] + total[2])
  set(total, 3, counters[at + 13])
  set(total, 4, counters[at + 14])
  if not total.seeded then
    total.seeded = now
    total.is_new_seed, total.has_changed = true, true
  end
end

local function is_reached(limit, used)
  return limit >= 0 and used >= limit
end

local function finding(total, trusts, most_requests, most_tokens, most_nano_aiu)
  if is_reached(most_requests, math.max(0, total[1] - total[2])) then
    return 'r'
  elseif is_reached(most_tokens, total[3]) then
    return 't'
  elseif is_reached(most_nano_aiu, total[4]) then
    return 'c'
  end
  return (total.seeded or trusts == 1) and '.' or '?'
end

local lost = {}

-- The findings of one request.
local function take(claims)
  local findings, is_granted = {}, true
  for at = 1, #claims, CLAIM do
    local position, only_reports = claims[at], claims[at + 1]
    local found = finding(totals[position], unpack(claims, at + 2, at + 5))
    if found == '?' then
      lost[position] = true
    end
    is_granted = is_granted and (found == '.' or (found ~= '?' and only_reports == 1))
    findings[#findings + 1] = found
  end
  for at = 1, is_granted and #claims or 0, CLAIM do
    add(totals[claims[at]], 1, 1)
  end
  return table.concat(findings)
end

if not is_known then
  for position, total in ipairs(totals) do
    bring(total, (position - 1) * COUNTER + 1)
  end
  for position, total in ipairs(totals) do
    seed(total, (position - 1) * COUNTER + 1)
  end
  local findings = {}
  for number, kind in ipairs(requests) do
    findings[number] = take(kinds[kind])
  end
  answered = table.concat(findings)
  redis.call('SET', KEYS[1], number .. ' ' .. answered, 'EX', TOLD_SECONDS)
end

local function written(value)
  return string.format('%.0f', value)
end

local function keep(key, total, seconds)
  local values, is_new = {}, total.life == ''
  if is_new then
    total.life = ARGV[2]
    values = {'life', total.life}
  end
  if total.is_new_seed then
    values[#values + 1], values[#values + 2] = 'seeded', written(total.seeded)
  end
  for field = 1, #FIELDS do
    if is_new or total.changed[field] then
      values[#values + 1], values[#values + 2] = FIELDS[field], written(total[field])
      values[#values + 1], values[#values + 2] = NEW_FIELDS[field], written(total.new[field])
    end
  end
  redis.call('HSET', key, unpack(values))
  redis.call('EXPIRE', key, seconds)
end

local numbers, answer = {}, {is_known and '1' or '0', answered, ''}
for position, total in ipairs(totals) do
  local at = (position - 1) * COUNTER + 1
  if total.has_changed then
    keep(KEYS[position + 1], total, counters[at + 1])
  end
  if lost[position] then
    redis.call('PUBLISH', ARGV[3], 'budget:' .. counters[at])
  end
  answer[#answer + 1] = total.life
  numbers[#numbers + 1] = total.seeded and 1 or 0
  for field = 1, #FIELDS do
    numbers[#numbers + 1] = total[field]
  end
end
answer[3] = cmsgpack.pack(numbers)
return answer
