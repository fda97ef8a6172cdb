-- Take the turn to ask for an account's quotas, or keep it; stands alone.
-- KEYS[1]  who has the turn, with a time to live
-- ARGV     1 who asks  2 milliseconds until the turn ends
-- returns  0 when it is the asker's, else the milliseconds until it ends
local turn = KEYS[1]
local holder = redis.call('GET', turn)
if not holder or holder == ARGV[1] then
  redis.call('SET', turn, ARGV[1], 'PX', ARGV[2])
  return 0
end
-- Every turn of ours ends by itself; who has set one that does not will not end it.
redis.call('PEXPIRE', turn, ARGV[2], 'NX')
return math.max(1, redis.call('PTTL', turn))
