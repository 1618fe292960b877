-- From now on the node counts as dead; ticks take its ownerships away.
local function bury(node)
  call('ZREM', P .. 'lease', node)
  call('HDEL', H, 'hi:' .. node, 'pub:' .. node, 'res:' .. node)
  call('HSET', P .. 'dead', node, '0')
end
