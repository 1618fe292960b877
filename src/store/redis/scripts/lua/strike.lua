-- ARGV: shard, rooms. Forgets the shard, unless it was enlisted within the last hour: whoever connects enlists
-- first, so members may be on their way.
local before = now_ms() - 3600000
for i = 2, #ARGV do
  local list = P .. 'x:' .. ARGV[i]
  local enlisted = call('ZSCORE', list, ARGV[1])
  if enlisted and tonumber(enlisted) < before then
    call('ZREM', list, ARGV[1])
  end
end
