-- Note that upstream refused a token, if it is the newest and nobody said so before.
-- ARGV     1 token_id  2 channel  3 account
-- returns  the view; verdict: rejected | found
if redis.call('HGET', record, 'token_id') ~= ARGV[1] or redis.call('HGET', record, 'rejected_at') then
  return view('found')
end
local before = now() >= number('due') and 0 or number('strikes')
redis.call('HSET', record, 'rejected_at', text(now()), 'strikes', before + 1)
redis.call('PUBLISH', ARGV[2], 'rejected 0 ' .. ARGV[3])
return view('rejected')
