-- Records are in the ledger: take their entries out.
-- KEYS     1 the stream
-- ARGV     ids of entries
-- returns  how many there were
if #ARGV == 0 then
  return 0
end
return redis.call('XDEL', KEYS[1], unpack(ARGV))
