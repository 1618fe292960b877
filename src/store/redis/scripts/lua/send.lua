-- ARGV: node, txn, number of messages; per message shape, body and targets. Before the first one, and wherever they
-- change: "B", policy ("r" or "d"), most entries, most bytes. Shapes: "1" one room whose home is here; "R<n>" n pairs
-- of home flag and room; "D<n>" n device numbers. With option resync a "!" behind.
local node, txn, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if count == 0 then
  -- Only uses the number up, so that no older copy can use it any more.
  go_on_without_memory()
end
local hi = 'hi:' .. node
local head = call('HMGET', H, hi, 'seq', 'max', 'acc', 'pub:' .. node)
local refused = refusal(head[1], txn)
if refused then
  return refused
end
local used = txn <= tonumber(head[1])
local last, longest = tonumber(head[2] or 0), tonumber(head[3] or 0)
local accepted, cleared, dropped = 0, 0, 0
local newest, clock
local replies, results, notes, told = {}, {}, {}, {}
-- Where the next message begins, and what bounds it.
local at, drop, most, bytes = 4

-- The common way: messages for one room with at most one device, and inboxes far from their bounds. A function costs
-- more to make than to call, so there is none up to the first message that is not such a one. Who they are for is
-- asked of all at once.
local dnos, elsewhere, ahead = {}, {}, at
while not used and #dnos < count do
  ahead = ARGV[ahead] == 'B' and ahead + 4 or ahead
  local shape, room = ARGV[ahead], ARGV[ahead + 2]
  if shape ~= '1' and shape ~= '1!' then
    break
  end
  local found = call('HVALS', P .. 'u:' .. room)
  if #found > 1 then
    break
  end
  -- No device has an empty number.
  dnos[#dnos + 1] = found[1] or ''
  elsewhere[#elsewhere + 1] = P .. 'r:' .. room
  elsewhere[#elsewhere + 1] = P .. 'x:' .. room
  ahead = ahead + 3
end
if #dnos > 0 and call('EXISTS', unpack(elsewhere)) > 0 then
  dnos = {}
end
local owners = #dnos > 0 and call('HMGET', P .. 's', unpack(dnos))
local bodies = {}
for i = 1, #dnos do
  if ARGV[at] == 'B' then
    drop, most, bytes = ARGV[at + 1] == 'd', tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    at = at + 4
  end
  local dno, owner, body = dnos[i], owners[i], ARGV[at + 1]
  local result = '0,0,0'
  if owner then
    if not clock then
      local time = call('TIME')
      clock = math.floor((time[1] * 1000000 + time[2]) / 128)
    end
    longest = #body > longest and #body or longest
    local number = last < clock and clock or last + 1
    local seq, inbox = format('%.0f', number), P .. 'q:' .. dno
    local waiting = call('RPUSH', inbox, ARGV[at] == '1' and seq or 'r' .. seq)
    if waiting > most or waiting * longest > bytes then
      call('RPOP', inbox)
      break
    end
    last, newest, accepted = number, seq, accepted + 1
    bodies[#bodies + 1] = P .. 'm:' .. seq
    bodies[#bodies + 1] = body
    result = owner == '' and '1,0,1' or '1,1,1'
    local from, dot = 1, string.find(owner, '.', 1, true)
    while dot do
      local to = sub(owner, from, dot - 1)
      local pieces = notes[to]
      if not pieces then
        pieces = {}
        notes[to] = pieces
        told[#told + 1] = to
      end
      pieces[#pieces + 1] = 'E ' .. seq .. ' ' .. #body .. ' ' .. dno .. '\n'
      pieces[#pieces + 1] = body
      from = string.find(owner, ';', dot, true) + 1
      dot = string.find(owner, '.', from, true)
    end
  elseif dno ~= '' then
    break
  end
  results[i], replies[i] = result, result
  at = at + 3
end
if #bodies > 0 then
  call('MSET', unpack(bodies))
end
if used and count == 0 then
  return replies
end
