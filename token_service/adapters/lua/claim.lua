-- Become the one who renews the account, if nobody is; look in the same step.
-- ARGV     1 owner  2 milliseconds until the claim ends
-- returns  the view; verdict: granted | busy
if taken_by_another(ARGV[1]) then
  return view('busy')
end
redis.call('SET', claim, ARGV[1], 'PX', ARGV[2])
return view('granted')
