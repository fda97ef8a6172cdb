-- Look at the oldest records of the stream; they stay in it.
-- KEYS     1 the stream
-- ARGV     1 how many at most
-- returns  an entry's id and its record in JSON, for each in turn
local found = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])) do
  found[#found + 1] = entry[1]
  found[#found + 1] = entry[2][2]
end
return found
