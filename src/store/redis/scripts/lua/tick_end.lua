-- What a tick answers.
local rooms = deserted()
local head = call('HMGET', H, 'pub:' .. node, 'acc', 'ack', 'exp', 'rsy', 'drp', 'on', 'hi:' .. node)
local online = text((head[7] or 0) + online_change)
if expired > 0 or online_change ~= 0 then
  head[4] = text((head[4] or 0) + expired)
  call('HSET', H, 'exp', head[4], 'on', online)
end
return {
  head[1],
  more and 1 or 0,
  head[2] or '0',
  head[3] or '0',
  head[4] or '0',
  head[5] or '0',
  head[6] or '0',
  call('HLEN', P .. 's'),
  online,
  rooms,
  head[8],
  expired,
}
