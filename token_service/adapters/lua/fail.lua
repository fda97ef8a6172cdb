-- Remember that an attempt failed, beside the token, unless a newer token is there.
-- ARGV     1 owner  2 the generation that was seen last  3 failure  4 until
--          5 milliseconds to keep the record  6 channel  7 account
-- returns  the view; verdict: failed | lost
if taken_by_another(ARGV[1]) or number('generation') > tonumber(ARGV[2]) then
  give_up(ARGV[1])
  return view('lost')
end
redis.call('HSET', record, 'failure', ARGV[3], 'failed_until', ARGV[4])
redis.call('PEXPIRE', record, ARGV[5])
give_up(ARGV[1])
redis.call('PUBLISH', ARGV[6], 'failed 0 ' .. ARGV[7])
return view('failed')
