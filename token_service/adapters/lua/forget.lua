-- Drop all that is known of an account.
-- ARGV     1 channel  2 account
-- returns  the view; verdict: forgotten
redis.call('DEL', record, claim)
redis.call('PUBLISH', ARGV[1], 'forgotten 0 ' .. ARGV[2])
return view('forgotten')
