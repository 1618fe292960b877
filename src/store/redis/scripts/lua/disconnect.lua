-- ARGV: node, txn, ttl in ms, pairs of dno and gen. Ends exactly these ownerships.
go_on_without_memory()
local node, txn, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local head = call('HMGET', H, 'hi:' .. node, 'on')
local refused = refusal(head[1], txn)
if refused then
  return refused
end
if txn <= tonumber(head[1]) then
  return
end
local now, known = now_ms(), {}
for i = 4, #ARGV, 2 do
  local dno = ARGV[i]
  local owners = known[dno] or call('HGET', P .. 's', dno)
  local left, found = without(owners or '', ';' .. node .. '.' .. ARGV[i + 1] .. ';')
  if found then
    known[dno] = left
    set_owners(dno, left)
    if left == '' then
      goes_away(dno, now, ttl)
    end
  end
end
write_owners()
call('HSET', H, 'hi:' .. node, ARGV[2], 'on', text((head[2] or 0) + online_change))
