-- A stretch of an inbox: {through, more, resync, {seq, body, ...}}. Without more it reaches to the present of the
-- shard. The longest body of the shard says how many bodies can be fetched at once without going beyond the bytes.
local function page(dno, after, entries, bytes, present, longest)
  local inbox = P .. 'q:' .. dno
  local length = call('LLEN', inbox)
  local place = 0
  if after > 0 and length > 0 and seq_of(call('LINDEX', inbox, '0')) <= after then
    place = search(inbox, after + 1, 1, length)
  end
  local stop = math.min(length, place + math.max(1, math.min(entries, 256)))
  local refs = place < stop and call('LRANGE', inbox, text(place), text(stop - 1)) or {}
  local found, taken, left, full = {}, 0, bytes, false
  while taken < #refs and not full do
    local chunk = math.max(1, math.min(#refs - taken, math.floor(left / math.max(longest, 1))))
    local keys = {}
    for i = 1, chunk do
      keys[i] = P .. 'm:' .. digits(refs[taken + i])
    end
    local bodies = call('MGET', unpack(keys))
    for i = 1, chunk do
      local body = bodies[i]
      if body and #found > 0 and #body > left then
        full = true
        break
      end
      taken = taken + 1
      if body then
        left = left - #body
        found[#found + 1] = digits(refs[taken])
        found[#found + 1] = body
      end
    end
  end
  local more = place + taken < length
  return {
    more and digits(refs[taken]) or present,
    more and 1 or 0,
    call('HGET', P .. 'rs', dno),
    found,
  }
end
