-- Hold on to the claim.
-- ARGV     1 owner  2 milliseconds until the claim ends
-- returns  the view; verdict: granted | lost
if not holds(ARGV[1]) then
  return view('lost')
end
redis.call('PEXPIRE', claim, ARGV[2])
return view('granted')
