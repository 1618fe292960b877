-- What is told to nodes: numbered, with what is to be written into the head, and published behind that last write: what
-- is published stands. A node without a counter is dead.
local counters
if #told == 1 and told[1] == node then
  counters = { head[5] }
elseif #told > 0 then
  local fields = {}
  for i = 1, #told do
    fields[i] = 'pub:' .. told[i]
  end
  counters = call('HMGET', H, unpack(fields))
end
for i = 1, #told do
  local counter = counters[i]
  if counter then
    counter = text(counter + 1)
    counters[i] = counter
    changes[#changes + 1] = 'pub:' .. told[i]
    changes[#changes + 1] = counter
  end
end
if #changes > 0 then
  call('HSET', H, unpack(changes))
end
for i = 1, #told do
  if counters[i] then
    call(PUBLISH, P .. 'n:' .. told[i], counters[i] .. '\n' .. table.concat(notes[told[i]]))
  end
end
return replies
