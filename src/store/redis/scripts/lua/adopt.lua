-- ARGV: node, txn, and of each device dno, gen, mark of who it is, and mark of its record when it connected ("-" where
-- nothing was lost, and its rooms are as the last connect left them): sessions that were here before the node got its
-- number. Answers with the devices that are gone. One that is not what it was is as good as gone: where data was
-- lost its number may be that of another device by now, and its rooms may be older ones.
go_on_without_memory()
local node, txn = ARGV[1], tonumber(ARGV[2])
local head = call('HMGET', H, 'hi:' .. node, 'on')
local refused = refusal(head[1], txn)
if refused then
  return refused
end
local fresh = txn > tonumber(head[1])
local known, gone = {}, {}

local function mark(text)
  return sub(redis.sha1hex(text), 1, 16)
end

local function is_what_it_was(dno, who, as)
  local record = call('GET', P .. 'd:' .. dno)
  local _, primary, device = rooms_of(record)
  return primary and mark(primary .. '\0' .. device) == who and (as == '-' or mark(record) == as)
end

for i = 3, #ARGV, 4 do
  local dno = ARGV[i]
  local owners = known[dno] or call('HGET', P .. 's', dno)
  if not owners or not is_what_it_was(dno, ARGV[i + 2], ARGV[i + 3]) then
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
