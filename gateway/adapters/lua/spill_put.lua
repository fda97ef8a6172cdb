-- Put usage records where any replica finds them; all of them or none.
-- KEYS     1 the stream
-- ARGV     1 how many records it may hold  2… records in JSON
-- returns  1, or 0 when there is no room
if redis.call('XLEN', KEYS[1]) + #ARGV - 1 > tonumber(ARGV[1]) then
  return 0
end
for place = 2, #ARGV do
  redis.call('XADD', KEYS[1], '*', 'record', ARGV[place])
end
return 1
