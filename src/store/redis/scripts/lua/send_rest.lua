-- All that is left of the messages, from the first one that is not common on.

-- The shards besides this one that have members of a room whose home is here.
local here
local function add_elsewhere(room, others)
  for _, shard in ipairs(call('ZRANGE', P .. 'x:' .. room, '0', '-1')) do
    here = here or string.match(call('HGET', H, 'model') or '', '%d*$')
    if shard ~= here and not others[shard] then
      others[shard] = true
      others[#others + 1] = shard
    end
  end
end

local function add_list(lists, list)
  if #list > 0 then
    lists[#lists + 1] = list
  end
end

-- Each once.
local function union(lists)
  local list, seen = {}, {}
  for _, part in ipairs(lists) do
    for i = 1, #part do
      local dno = part[i]
      if not seen[dno] then
        seen[dno] = true
        list[#list + 1] = dno
      end
    end
  end
  return list
end

local function resolve_room(room, home, lists, others)
  if home then
    add_list(lists, call('HVALS', P .. 'u:' .. room))
    add_elsewhere(room, others)
  end
  add_list(lists, call('SMEMBERS', P .. 'r:' .. room))
end

-- The message that begins here; who it is for, the other shards, and where the next one begins.
local function resolve()
  if ARGV[at] == 'B' then
    drop, most, bytes = ARGV[at + 1] == 'd', tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    at = at + 4
  end
  local shape = ARGV[at]
  local first, stop, kind = at + 2, at + 3, byte(shape)
  local lists, others = {}, {}
  if kind == 49 then
    resolve_room(ARGV[first], true, lists, others)
  else
    local targets = tonumber(string.match(shape, '%d+'))
    if kind == 68 then
      stop = first + targets
      local list = {}
      for i = first, stop - 1 do
        list[#list + 1] = ARGV[i]
      end
      return #list == 1 and list or union({ list }), others, stop
    end
    stop = first + 2 * targets
    for i = first, stop - 1, 2 do
      resolve_room(ARGV[i + 1], ARGV[i] == '1', lists, others)
    end
  end
  return #lists == 1 and lists[1] or union(lists), others, stop
end

-- "<devices>,<online>,<queued>", or "T" for too many and the list of them; and the other shards.
local function answer(result, to, others)
  if result == 'T' then
    replies[#replies + 1] = { result, others, to }
  elseif #others > 0 then
    replies[#replies + 1] = { result, others }
  else
    replies[#replies + 1] = result
  end
end

-- The results of a number that was used, lists found out anew.
local function repeated()
  local stored = call('HGET', H, 'res:' .. node) or ''
  local number, rest = string.match(stored, '^(%d+);(.*)$')
  if number ~= ARGV[2] then
    return redis.error_reply('ORDER ' .. head[1])
  end
  for result in string.gmatch(rest, '[^;]+') do
    if #replies == count then
      break
    end
    local to, others, stop = resolve()
    answer(result, to, others)
    at = stop
  end
  return replies
end

if used then
  return repeated()
end

-- Follows the clock, so that it never steps back when the server loses its last second.
local function next_seq()
  if not clock then
    local time = call('TIME')
    clock = math.floor((time[1] * 1000000 + time[2]) / 128)
  end
  last = math.max(last + 1, clock)
  newest = text(last)
  return newest
end

-- Ascending; sets of numbers mostly are already.
local function ascend(list)
  local before, sorted = -1, true
  for i = 1, #list do
    local number = list[i] + 0
    if number < before then
      sorted = false
      break
    end
    before = number
  end
  if sorted then
    return
  end
  local numbers, names = {}, {}
  for i = 1, #list do
    local number = tonumber(list[i])
    numbers[i], names[number] = number, list[i]
  end
  table.sort(numbers)
  for i = 1, #numbers do
    list[i] = names[numbers[i]]
  end
end

-- A hash of up to 512 fields may be one flat list to the server, in which each field is searched from the beginning.
local function owners_of(to)
  if #to <= 12 or call('HLEN', P .. 's') > 512 then
    return call('HMGET', P .. 's', unpack(to))
  end
  local all, found = call('HGETALL', P .. 's'), {}
  local owners = {}
  for i = 1, #all, 2 do
    owners[all[i]] = all[i + 1]
  end
  for i = 1, #to do
    found[i] = owners[to[i]] or false
  end
  return found
end

-- Those that exist, and their owners.
local function existing(to)
  if #to == 0 then
    return to, to
  end
  ascend(to)
  local found = owners_of(to)
  local count = 0
  for i = 1, #to do
    local owners = found[i]
    if owners then
      count = count + 1
      to[count], found[count] = to[i], owners
    end
  end
  for i = #to, count + 1, -1 do
    to[i], found[i] = nil, nil
  end
  return to, found
end

local function drop_oldest(dno, message, excess)
  dropped = dropped + excess
  local direct = excess <= 16
  while excess > 0 do
    local refs = call('LPOP', P .. 'q:' .. dno, text(math.min(excess, 256)))
    if direct then
      for _, ref in ipairs(refs) do
        release(ref)
      end
    else
      put_aside(dno, message.seq, 'd', refs, #refs)
    end
    excess = excess - #refs
  end
end

-- How many of the oldest have to go until the bytes fit. The newest body is not stored yet.
local function beyond_bytes(inbox, message)
  local refs, sizes, sum = call('LRANGE', inbox, '0', '-2'), {}, #message.body
  for i, ref in ipairs(refs) do
    sizes[i] = call('STRLEN', P .. 'm:' .. digits(ref))
    sum = sum + sizes[i]
  end
  local excess = 0
  while sum > bytes and excess < #refs do
    excess = excess + 1
    sum = sum - sizes[excess]
  end
  return excess, sum > bytes
end

-- The inbox is cleared, the new entry with it.
local function overflow(dno, owners, message, waiting)
  call('RPOP', P .. 'q:' .. dno)
  if waiting > 1 then
    cut_off(dno, message.seq)
  end
  cleared = cleared + waiting
  call('HSET', P .. 'rs', dno, message.seq)
  tell_resync(owners, dno, message.seq)
end

-- Whether the inbox keeps the entry, where it might be too long. Bytes are added up in a short inbox each time, in a
-- long one about each 32nd time (by its length, and where that stands still by the number of the message).
local function bound(dno, owners, message, waiting)
  local inbox = P .. 'q:' .. dno
  local many = waiting > most
  local weigh = waiting * longest > bytes and (waiting <= 32 or waiting % 32 == 0 or last % 32 == 0)
  if not many and not weigh then
    return true
  end
  if drop then
    if many then
      drop_oldest(dno, message, waiting - most)
    end
    if weigh then
      drop_oldest(dno, message, (beyond_bytes(inbox, message)))
    end
    return true
  end
  if not many then
    local excess, over = beyond_bytes(inbox, message)
    if excess == 0 and not over then
      return true
    end
  end
  overflow(dno, owners, message, waiting)
  return false
end

local function list_for(lists, owner, dno)
  local list = lists[owner]
  if list then
    list[#list + 1] = dno
  else
    lists[owner] = { dno }
  end
end

-- Into all inboxes: how many devices are online, how many inboxes keep it, and who is to be told of which devices.
-- Mostly one node owns all of them: `mine` begins an owner of that node.
local function append(devices, owners, message)
  local online, queued, lists = 0, 0, {}
  local inboxes, ref, find, lead, list = P .. 'q:', message.ref, string.find, nil, nil
  for i = 1, #devices do
    local dno, own = devices[i], owners[i]
    local waiting = call('RPUSH', inboxes .. dno, ref)
    local kept = waiting <= most and waiting * longest <= bytes or bound(dno, own, message, waiting)
    if kept then
      queued = queued + 1
    end
    if own ~= '' then
      online = online + 1
      if not kept then
      elseif lead and find(own, lead, 1, true) == 1 and find(own, ';', 1, true) == #own then
        list[#list + 1] = dno
      else
        for owner in string.gmatch(own, '(%d+)%.') do
          list_for(lists, owner, dno)
          lead, list = owner .. '.', lists[owner]
        end
      end
    end
  end
  return online, queued, lists
end

local function count_online(owners)
  local online = 0
  for i = 1, #owners do
    if owners[i] ~= '' then
      online = online + 1
    end
  end
  return online
end

local function keep(message, lists, queued)
  call('SET', P .. 'm:' .. message.seq, message.body)
  if message.shared then
    call('HSET', P .. 'refs', message.seq, text(queued))
  end
  local entry = 'E ' .. message.seq .. ' ' .. text(#message.body) .. ' '
  for owner, list in pairs(lists) do
    tell(owner, entry .. table.concat(list, ',') .. '\n', message.body)
  end
end

local function message_here(recipients)
  local body, shared = ARGV[at + 1], recipients > 1
  local resync = byte(ARGV[at], -1) == 33
  local mark = shared and (resync and 'R' or '-') or (resync and 'r' or '')
  local seq = next_seq()
  longest = math.max(longest, #body)
  return { body = body, seq = seq, shared = shared, ref = mark .. seq }
end

-- How many devices, how many of them online, in how many inboxes it waits.
local function deliver(to)
  local devices, owners = existing(to)
  if #devices == 0 then
    return 0, 0, 0
  end
  local message = message_here(#devices)
  accepted = accepted + #devices
  if drop and (most < 1 or #message.body > bytes) then
    -- No inbox can hold it: it is dropped itself.
    dropped = dropped + #devices
    return #devices, count_online(owners), 0
  end
  local online, queued, lists = append(devices, owners, message)
  if queued > 0 then
    keep(message, lists, queued)
  end
  return #devices, online, queued
end

local total = #results
while #results < count do
  local to, others, stop = resolve()
  if #to > 256 then
    answer('T', to, others)
    results[#results + 1] = 'T'
    break
  end
  total = total + #to
  if total > 256 then
    break
  end
  local result = format('%d,%d,%d', deliver(to))
  answer(result, to, others)
  results[#results + 1] = result
  at = stop
end
