-- ARGV: node, txn, pairs of dno and gen: sessions that were here before the node got its number. Answers with the
-- devices that are gone.
go_on_without_memory()
local node, txn = ARGV[1], tonumber(ARGV[2])
local head = call('HMGET', H, 'hi:' .. node, 'on')
local refused = refusal(head[1], txn)
if refused then
  return refused
end
local fresh = txn > tonumber(head[1])
local known, gone = {}, {}
for i = 3, #ARGV, 2 do
  local dno = ARGV[i]
  local owners = known[dno] or call('HGET', P .. 's', dno)
  if not owners then
    gone[#gone + 1] = dno
  elseif fresh then
    if owners == '' then
      comes_back(dno)
    end
    owners = (without(owners, ';' .. node .. '.')) .. node .. '.' .. ARGV[i + 1] .. ';'
    known[dno] = owners
    set_owners(dno, owners)
  end
end
if fresh then
  write_owners()
  call('HSET', H, 'hi:' .. node, ARGV[2], 'on', text((head[2] or 0) + online_change))
end
return gone
