-- Become the one who renews the account, if nobody is; look in the same step.
-- ARGV     1 owner  2 milliseconds until the claim ends
-- returns  the view; verdict: granted | busy
if taken_by_another(ARGV[1]) then
  -- Every claim of ours ends by itself; who has set one that does not will not end it.
  redis.call('PEXPIRE', claim, ARGV[2], 'NX')
  return view('busy')
end
redis.call('SET', claim, ARGV[1], 'PX', ARGV[2])
return view('granted')
