-- Write a token that was obtained, and given out, while the store was away.
-- ARGV     1 generation  2 due  3 token_id  4 token  5 milliseconds to keep the record
--          6 channel  7 account
-- returns  the view; verdict: kept | lost (what is there is as new, or newer)
if tonumber(ARGV[1]) <= number('generation') then
  return view('lost')
end
write(ARGV[1], '', ARGV[2], ARGV[3], ARGV[4], ARGV[5])
redis.call('PUBLISH', ARGV[6], 'kept ' .. ARGV[1] .. ' ' .. ARGV[7])
return view('kept')
