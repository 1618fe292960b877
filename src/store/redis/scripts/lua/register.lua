-- ARGV: model, lease in ms, moment from which numbers follow the clock. A node joins the shard; the first one makes it.
go_on_without_memory()
local head = call('HMGET', H, 'model', 'node')
if head[1] and head[1] ~= ARGV[1] then
  return redis.error_reply('MODEL ' .. head[1])
end
-- So that a number is not given again when the server loses its last second.
local clock = now_ms() - ARGV[3]
local node = text(math.max((head[2] or 0) + 1, clock))
if not head[1] then
  -- Nor one of a device, where it loses everything while nodes have sessions. In steps that keep numbers small.
  call('HSET', H, 'dno', text(math.max(0, math.floor(clock / 64))))
end
-- A scan goes on only in the process in which it began, and whoever registers may do so because there is a new one.
for _, dead in ipairs(call('HKEYS', P .. 'dead')) do
  call('HSET', P .. 'dead', dead, '0')
end
call('HSET', H, 'model', ARGV[1], 'node', node, 'hi:' .. node, '0', 'pub:' .. node, '0')
call('ZADD', P .. 'lease', text(now_ms() + ARGV[2]), node)
return node
