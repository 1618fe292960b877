-- ARGV: node, txn, gen, primary room, deviceId, record, entries, bytes, all rooms but the primary. Not under way again for
-- a number that was used: then only the state is told.
local node, txn, gen = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local directory, device, record = P .. 'u:' .. ARGV[4], ARGV[5], ARGV[6]
local head = call('HMGET', H, 'hi:' .. node, 'dno', 'on', 'pub:' .. node, 'seq', 'max')
local refused = refusal(head[1], txn)
if refused then
  return refused
end
local dno = call('HGET', directory, device)

-- The first write is one that Redis refuses when memory is full.
local function mark_used(online, newest)
  call('HSET', H, 'hi:' .. node, ARGV[2], 'on', text((head[3] or 0) + online), 'dno', newest or head[2] or '0')
end

local function add()
  dno = text((head[2] or 0) + 1)
  mark_used(1, dno)
  call('SET', P .. 'd:' .. dno, record)
  call('HSET', directory, device, dno)
  call('HSET', P .. 's', dno, node .. '.' .. gen .. ';')
  for i = 9, #ARGV do
    call('SADD', P .. 'r:' .. ARGV[i], dno)
  end
end

local function replace_rooms(old)
  local now, before, stay = now_ms(), {}, {}
  for _, room in ipairs(old) do
    before[room] = true
  end
  for i = 9, #ARGV do
    local room = ARGV[i]
    stay[room] = true
    if not before[room] then
      call('SADD', P .. 'r:' .. room, dno)
    end
  end
  for _, room in ipairs(old) do
    if not stay[room] then
      leave(room, dno, now)
    end
  end
  call('SET', P .. 'd:' .. dno, record)
end

local function renew()
  local owners = call('HGET', P .. 's', dno) or ''
  local stored = call('GET', P .. 'd:' .. dno)
  mark_used(owners == '' and 1 or 0)
  if stored ~= record then
    replace_rooms((rooms_of(stored)))
  end
  if owners == '' then
    call('ZREM', P .. 'exp', dno)
  end
  call('HSET', P .. 's', dno, (without(owners, ';' .. node .. '.')) .. node .. '.' .. gen .. ';')
end

if txn > tonumber(head[1]) then
  if dno then
    renew()
  else
    add()
  end
elseif not dno then
  return redis.error_reply('GONE the device has expired since')
end
return {
  dno,
  head[4],
  page(dno, 0, tonumber(ARGV[7]), tonumber(ARGV[8]), head[5] or '0', tonumber(head[6] or 0)),
}
