-- Find where conversations live, and have them live somewhere.
-- KEYS     the conversations' bonds: one key for each question
-- ARGV     1 milliseconds a bond is kept after its last use  2 in msgpack, a list with two items
--          for each question: the bond to make where there is none, empty to make none; and the
--          account that the conversation is to leave, empty for none
-- returns  for each question the bond, empty for none; = when it is the one that was to be made
-- A bond is 1 if the conversation lived elsewhere before, else 0, then the account it lives on.
local answers, questions = {}, cmsgpack.unpack(ARGV[2])
for number, key in ipairs(KEYS) do
  local wanted, leaving = questions[2 * number - 1], questions[2 * number]
  local bond = redis.call('GET', key) or wanted
  local account = string.sub(bond, 2)
  if leaving ~= '' and account == leaving and account ~= string.sub(wanted, 2) then
    bond = wanted
  end
  if bond ~= '' then
    redis.call('SET', key, bond, 'PX', ARGV[1])
  end
  answers[number] = bond == wanted and '=' or bond
end
return answers
