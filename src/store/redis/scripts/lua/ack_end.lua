if acked > 0 then
  call('HINCRBY', H, 'ack', text(acked))
end
if cleared > 0 then
  call('HINCRBY', H, 'rsy', text(cleared))
end
-- Nothing else goes into the head, nobody sends, and there is no answer.
local changes, node, head, replies = {}
