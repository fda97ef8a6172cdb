-- Change what is on the board, and read it unless its reader knows it.
-- KEYS     1 the board, a hash: of each subject `END WORD`, the end in milliseconds by the
--          store's clock or `-` for none; and under the empty name the version, `HISTORY CHANGE`.
--          A history begins where there was none: with the first change ever, or the first one
--          after the store has lost everything
-- ARGV     1 channel  2 the version its reader knows, empty for none  3 a name for this change
--          4 the most subjects; then for each change four: subject, 1 to take down what is there
--          or 0, milliseconds (`-`: until taken down; empty: post nothing), word
-- returns  {'lost'}: the reader's version is of another history; nothing was changed
--          {version}: the one its reader knows
--          {version, subject, milliseconds left or `-`, word, subject, ...}: all of it
local board, known = KEYS[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local version = redis.call('HGET', board, '') or ''

local function history_of(text)
  return string.match(text, '^%S+') or ''
end

-- By a store's clock; later than any when there is none.
local function end_of(notice)
  return tonumber(history_of(notice)) or math.huge
end

if known ~= '' and history_of(known) ~= history_of(version) then
  return {'lost'}
end

local function take_down(subject)
  return redis.call('HDEL', board, subject) == 1
end

-- Whether it ends later than what is there.
local function post(subject, milliseconds, word)
  local till = milliseconds == '-' and '-' or string.format('%.0f', now + milliseconds)
  local notice, there = till .. ' ' .. word, redis.call('HGET', board, subject)
  if there and end_of(there) >= end_of(notice) then
    return false
  end
  redis.call('HSET', board, subject, notice)
  return true
end

local function change(subject, is_fresh, milliseconds, word)
  local before = is_fresh == '1' and take_down(subject)
  return milliseconds ~= '' and post(subject, milliseconds, word) or before
end

local has_changed = false
for place = 5, #ARGV, 4 do
  has_changed = change(ARGV[place], ARGV[place + 1], ARGV[place + 2], ARGV[place + 3])
    or has_changed
end
if has_changed then
  version = (version ~= '' and history_of(version) or ARGV[3]) .. ' ' .. ARGV[3]
  redis.call('HSET', board, '', version)
  redis.call('PUBLISH', ARGV[1], version)
end
if version == known then
  return {version}
end

local notices = {}
local fields = redis.call('HGETALL', board)
for place = 1, #fields, 2 do
  local subject, notice = fields[place], fields[place + 1]
  if subject ~= '' and end_of(notice) <= now then
    redis.call('HDEL', board, subject)
  elseif subject ~= '' then
    notices[#notices + 1] = {subject, end_of(notice), notice}
  end
end
local most = tonumber(ARGV[4])
if #notices > most then
  table.sort(notices, function(one, other) return one[2] > other[2] end)
  for place = most + 1, #notices do
    redis.call('HDEL', board, notices[place][1])
    notices[place] = nil
  end
end

local answer = {version}
for _, notice in ipairs(notices) do
  local subject, till, text = unpack(notice)
  answer[#answer + 1] = subject
  answer[#answer + 1] = till == math.huge and '-' or string.format('%.0f', till - now)
  answer[#answer + 1] = string.match(text, '^%S+ (.*)$') or ''
end
return answer
