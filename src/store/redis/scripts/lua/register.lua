-- ARGV: model, lease in ms, moment from which numbers follow the clock. A node joins the shard; the first one makes it.
go_on_without_memory()
local head = call('HMGET', H, 'model', 'node')
if head[1] and head[1] ~= ARGV[1] then
  return redis.error_reply('MODEL ' .. head[1])
end
-- So that a number is not given again when the server loses its last second.
local node = text(math.max((head[2] or 0) + 1, now_ms() - ARGV[3]))
call('HSET', H, 'model', ARGV[1], 'node', node, 'hi:' .. node, '0', 'pub:' .. node, '0')
call('ZADD', P .. 'lease', text(now_ms() + ARGV[2]), node)
return node
