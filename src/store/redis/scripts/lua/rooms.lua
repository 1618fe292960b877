-- The rooms of a record, a JSON array of strings [site, primary room, deviceId, other rooms...], as they stand in
-- names of keys; and the primary room and the deviceId.
local function rooms_of(record)
  local readable, parts = pcall(cjson.decode, record or '[]')
  local rooms = {}
  if not readable or not parts[3] then
    return rooms
  end
  for i = 4, #parts do
    rooms[#rooms + 1] = parts[1] .. '\0' .. parts[i]
  end
  return rooms, parts[1] .. '\0' .. parts[2], parts[3]
end

local function leave(room, dno, now)
  local members = P .. 'r:' .. room
  call('SREM', members, dno)
  if call('EXISTS', members) == 0 then
    call('ZADD', P .. 'xg', text(now), room)
  end
end
