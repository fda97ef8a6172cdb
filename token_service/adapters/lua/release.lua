-- Give the claim up without a result.
-- ARGV     1 owner  2 channel  3 account
-- returns  the view; verdict: released | lost
if not holds(ARGV[1]) then
  return view('lost')
end
redis.call('DEL', claim)
redis.call('PUBLISH', ARGV[2], 'released 0 ' .. ARGV[3])
return view('released')
