-- Write the token that was obtained under a claim, unless the world has moved on since.
-- ARGV     1 owner  2 the generation and  3 the history that were seen last
--          4 generation  5 due  6 token_id  7 token  8 milliseconds to keep the record
--          9 channel  10 account
-- returns  the view; verdict: kept | lost (a newer token is there, or another one is at work)
--          | again (the store has gone back, or may have: see what is there and number anew)
local stored, seen = number('generation'), tonumber(ARGV[2])
if taken_by_another(ARGV[1]) then
  return view('lost')
end
if stored > seen then
  give_up(ARGV[1])
  return view('lost')
end
if stored < seen or history() ~= ARGV[3] then
  return view('again')
end
write(ARGV[4], history(), ARGV[5], ARGV[6], ARGV[7], ARGV[8])
give_up(ARGV[1])
redis.call('PUBLISH', ARGV[9], 'kept ' .. ARGV[4] .. ' ' .. ARGV[10])
return view('kept')
