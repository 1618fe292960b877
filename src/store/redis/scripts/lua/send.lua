-- ARGV: node, txn, number of messages; per message "R" or "D", number of targets, option resync ("1"), policy ("r" or
-- "d"), most entries, most bytes, body, and the targets: pairs of home flag and room, or device numbers.
local node, txn, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if count == 0 then
  -- Only uses the number up, so that no older copy can use it any more.
  go_on_without_memory()
end
local head = call('HMGET', H, 'hi:' .. node, 'seq', 'max', 'acc', 'rsy', 'drp', 'model')
local refused = refusal(head[1], txn)
if refused then
  return refused
end
local here = head[7] and string.match(head[7], '%d+$')
local replies, results = {}, {}

-- The shards besides this one that have members of a room whose home is here.
local function add_elsewhere(room, others)
  for _, shard in ipairs(call('ZRANGE', P .. 'x:' .. room, '0', '-1')) do
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

-- Who a message is for, the other shards, and where the next message begins.
local function resolve(at)
  local targets, first = tonumber(ARGV[at + 1]), at + 7
  local lists, others = {}, {}
  if ARGV[at] == 'D' then
    local stop = first + targets
    local list = {}
    for i = first, stop - 1 do
      list[#list + 1] = ARGV[i]
    end
    return #list == 1 and list or union({ list }), others, stop
  end
  local stop = first + 2 * targets
  for i = first, stop - 1, 2 do
    local room = ARGV[i + 1]
    if ARGV[i] == '1' then
      add_list(lists, call('HVALS', P .. 'u:' .. room))
      add_elsewhere(room, others)
    end
    add_list(lists, call('SMEMBERS', P .. 'r:' .. room))
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
  if count == 0 then
    return replies
  end
  local stored = call('HGET', H, 'res:' .. node) or ''
  local number, rest = string.match(stored, '^(%d+);(.*)$')
  if number ~= ARGV[2] then
    return redis.error_reply('ORDER ' .. head[1])
  end
  local at = 4
  for result in string.gmatch(rest, '[^;]+') do
    if #replies == count then
      break
    end
    local to, others, stop = resolve(at)
    answer(result, to, others)
    at = stop
  end
  return replies
end

if txn <= tonumber(head[1]) then
  return repeated()
end

local last, longest = tonumber(head[2] or 0), tonumber(head[3] or 0)
local accepted, cleared, dropped = 0, 0, 0
local clock

-- Follows the clock, so that it never steps back when the server loses its last second.
local function next_seq()
  if not clock then
    local time = call('TIME')
    clock = math.floor((time[1] * 1000000 + time[2]) / 128)
  end
  last = math.max(last + 1, clock)
  return last
end

-- Ascending; sets of numbers mostly are already.
local function ascend(list)
  local before, sorted = -1, true
  for i = 1, #list do
    local number = tonumber(list[i])
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
  while sum > message.bytes and excess < #refs do
    excess = excess + 1
    sum = sum - sizes[excess]
  end
  return excess, sum > message.bytes
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
  local many = waiting > message.most
  local weigh = waiting * longest > message.bytes and (waiting <= 32 or waiting % 32 == 0 or last % 32 == 0)
  if not many and not weigh then
    return true
  end
  if message.drop then
    if many then
      drop_oldest(dno, message, waiting - message.most)
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

-- Puts the device on the list of each of its owners.
local function list_for_owners(lists, dno, owners)
  if string.find(owners, ';', 1, true) == #owners then
    -- Almost always there is one.
    list_for(lists, sub(owners, 1, string.find(owners, '.', 1, true) - 1), dno)
  else
    for owner in string.gmatch(owners, '(%d+)%.') do
      list_for(lists, owner, dno)
    end
  end
end

-- Into all inboxes: how many devices are online, how many inboxes keep it, and who is to be told of which devices.
local function append(devices, owners, message)
  local online, queued, lists = 0, 0, {}
  local inboxes, ref, most, bytes = P .. 'q:', message.ref, message.most, message.bytes
  for i = 1, #devices do
    local dno, own = devices[i], owners[i]
    local waiting = call('RPUSH', inboxes .. dno, ref)
    local kept = waiting <= most and waiting * longest <= bytes or bound(dno, own, message, waiting)
    if kept then
      queued = queued + 1
    end
    if own ~= '' then
      online = online + 1
      if kept then
        list_for_owners(lists, dno, own)
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

local function message_at(at, recipients)
  local body = ARGV[at + 6]
  local message = {
    body = body,
    seq = text(next_seq()),
    shared = recipients > 1,
    drop = ARGV[at + 3] == 'd',
    most = tonumber(ARGV[at + 4]),
    bytes = tonumber(ARGV[at + 5]),
  }
  local resync = ARGV[at + 2] == '1'
  local mark = message.shared and (resync and 'R' or '-') or (resync and 'r' or '')
  message.ref = mark .. message.seq
  longest = math.max(longest, #body)
  return message
end

-- How many devices, how many of them online, in how many inboxes it waits.
local function deliver(at, to)
  local devices, owners = existing(to)
  if #devices == 0 then
    return 0, 0, 0
  end
  local message = message_at(at, #devices)
  accepted = accepted + #devices
  if message.drop and (message.most < 1 or #message.body > message.bytes) then
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

local function deliver_all()
  local at, total = 4, 0
  for _ = 1, count do
    local to, others, stop = resolve(at)
    if #to > 256 then
      answer('T', to, others)
      results[#results + 1] = 'T'
      return
    end
    total = total + #to
    if total > 256 then
      return
    end
    local devices, online, queued = deliver(at, to)
    local result = format('%d,%d,%d', devices, online, queued)
    answer(result, to, others)
    results[#results + 1] = result
    at = stop
  end
end

local function count_up(changes, field, value, by)
  if by > 0 then
    changes[#changes + 1] = field
    changes[#changes + 1] = text((value or 0) + by)
  end
end

deliver_all()
settle_released()
local changes = { 'hi:' .. node, ARGV[2], 'res:' .. node, ARGV[2] .. ';' .. table.concat(results, ';') }
count_up(changes, 'acc', head[4], accepted)
count_up(changes, 'rsy', head[5], cleared)
count_up(changes, 'drp', head[6], dropped)
if accepted > 0 then
  count_up(changes, 'seq', 0, last)
  count_up(changes, 'max', 0, longest)
end
number_notes(changes)
call('HSET', H, unpack(changes))
publish_notes()
return replies
