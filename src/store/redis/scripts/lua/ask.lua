-- ARGV: rooms. In their home: the shards besides this one that have members, of each.
go_on_without_memory()
local here = string.match(call('HGET', H, 'model') or '', '%d+$')
local found = {}
for i = 1, #ARGV do
  local others = {}
  for _, shard in ipairs(call('ZRANGE', P .. 'x:' .. ARGV[i], '0', '-1')) do
    if shard ~= here then
      others[#others + 1] = shard
    end
  end
  found[i] = others
end
return found
