-- The owners of a device are "<node>.<gen>;..."; empty = away.

-- Without the entry that begins with `token` (";<node>." or ";<node>.<gen>;"); and whether there was one.
local function without(owners, token)
  local list = ';' .. owners
  local at = string.find(list, token, 1, true)
  if not at then
    return owners, false
  end
  local stop = string.find(list, ';', at + 1, true)
  return sub(list, 2, at) .. sub(list, stop + 1), true
end

-- Changes of owners, written together.
local owner_changes, online_change = {}, 0

local function set_owners(dno, owners)
  owner_changes[#owner_changes + 1] = dno
  owner_changes[#owner_changes + 1] = owners
end

-- The last owner of a device is gone.
local function goes_away(dno, now, ttl)
  online_change = online_change - 1
  if ttl > 0 then
    call('ZADD', P .. 'exp', text(now + ttl), dno)
  end
end

local function comes_back(dno)
  online_change = online_change + 1
  call('ZREM', P .. 'exp', dno)
end

local function write_owners()
  for from = 1, #owner_changes, 256 do
    call('HSET', P .. 's', unpack(owner_changes, from, math.min(from + 255, #owner_changes)))
  end
end
