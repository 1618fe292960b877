-- ARGV: shard, rooms. In the home shard of the rooms: the shard has, or is about to have, members of them.
local now = text(now_ms())
for i = 2, #ARGV do
  call('ZADD', P .. 'x:' .. ARGV[i], now, ARGV[1])
end
