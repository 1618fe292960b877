-- ARGV: node, lease in ms, ttl in ms (0 = never), rooms that their homes have forgotten.
go_on_without_memory()
local node, lease, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if call('HEXISTS', H, 'hi:' .. node) == 0 then
  return redis.error_reply('NOLEASE this node is not registered (any more)')
end
local now = now_ms()
local more = false
local expired = 0

-- Its own lease is renewed before it looks.
local function find_dead()
  call('ZADD', P .. 'lease', text(now + lease), node)
  for _, other in ipairs(call('ZRANGEBYSCORE', P .. 'lease', '-inf', '(' .. text(now), 'LIMIT', '0', '16')) do
    bury(other)
  end
end

-- Takes the ownerships of one dead node away, as far as one step of the scan goes.
local function reap()
  local dead = call('HGETALL', P .. 'dead')
  if #dead == 0 then
    return
  end
  local scanned = call('HSCAN', P .. 's', dead[2], 'COUNT', '256')
  local fields = scanned[2]
  -- A scan may show a field twice.
  local seen = {}
  for i = 1, #fields, 2 do
    local dno = fields[i]
    local owners, found = without(fields[i + 1], ';' .. dead[1] .. '.')
    if found and not seen[dno] then
      seen[dno] = true
      set_owners(dno, owners)
      if owners == '' then
        goes_away(dno, now, ttl)
      end
    end
  end
  write_owners()
  if scanned[1] == '0' then
    call('HDEL', P .. 'dead', dead[1])
    more = more or #dead > 2
  else
    call('HSET', P .. 'dead', dead[1], scanned[1])
    more = true
  end
end

local function release_inbox(dno)
  local inbox = P .. 'q:' .. dno
  local waiting = call('LLEN', inbox)
  expired = expired + waiting
  if waiting > 16 then
    cut_off(dno, '0')
  elseif waiting > 0 then
    for _, ref in ipairs(call('LRANGE', inbox, '0', '-1')) do
      release(ref)
    end
    call('DEL', inbox)
  end
end

-- How many rooms it was in.
local function expire(dno)
  local rooms, primary, device = rooms_of(call('GET', P .. 'd:' .. dno))
  for _, room in ipairs(rooms) do
    leave(room, dno, now)
  end
  if primary then
    call('HDEL', P .. 'u:' .. primary, device)
  end
  release_inbox(dno)
  call('HDEL', P .. 's', dno)
  call('HDEL', P .. 'rs', dno)
  call('DEL', P .. 'd:' .. dno)
  return #rooms
end

-- At most 16 devices, fewer where they are in many rooms.
local function expire_due()
  local due = call('ZRANGEBYSCORE', P .. 'exp', '-inf', text(now), 'LIMIT', '0', '16')
  local rooms = 0
  for _, dno in ipairs(due) do
    if rooms > 256 then
      break
    end
    local owners = call('HGET', P .. 's', dno)
    if owners == '' then
      rooms = rooms + expire(dno)
    end
    call('ZREM', P .. 'exp', dno)
  end
  more = more or #due == 16 or rooms > 256
end

local function sweep()
  local left = 256
  local name = call('SRANDMEMBER', P .. 'g')
  while name and left > 0 do
    local list = P .. 'g:' .. name
    local refs = call('LPOP', list, text(left)) or {}
    for _, ref in ipairs(refs) do
      release(ref)
    end
    left = left - #refs
    if call('EXISTS', list) == 0 then
      call('SREM', P .. 'g', name)
    end
    name = call('SRANDMEMBER', P .. 'g')
  end
  more = more or name ~= false
end

local function deserted()
  local before = now - 3600000
  for i = 4, #ARGV do
    -- Had it members again meanwhile, it is enlisted anew, and to be forgotten anew.
    local since = call('ZSCORE', P .. 'xg', ARGV[i])
    if since and tonumber(since) <= before then
      call('ZREM', P .. 'xg', ARGV[i])
    end
  end
  local rooms = {}
  for _, room in ipairs(call('ZRANGEBYSCORE', P .. 'xg', '-inf', text(before), 'LIMIT', '0', '16')) do
    if call('EXISTS', P .. 'r:' .. room) == 0 then
      rooms[#rooms + 1] = room
    else
      call('ZREM', P .. 'xg', room)
    end
  end
  return rooms
end

find_dead()
reap()
if ttl > 0 then
  expire_due()
end
sweep()
