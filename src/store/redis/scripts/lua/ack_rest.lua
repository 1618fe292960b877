-- All that is left, from the first one on that is not common. Refs that are released here; beyond, the tick does it.
local budget = 256

-- An entry with resync was acknowledged before an older one: nothing that waits is of use any more.
local function clear(dno, inbox, seq)
  local last = digits(call('LINDEX', inbox, '-1'))
  if tonumber(last) < tonumber(seq) then
    last = seq
  end
  cleared = cleared + call('LLEN', inbox)
  cut_off(dno, last)
  call('HSET', P .. 'rs', dno, last)
  tell_resync(call('HGET', P .. 's', dno) or '', dno, last)
end

-- It is not the first one of the inbox.
local function ack_behind(dno, inbox, seq, batch)
  local want = tonumber(seq)
  local length = call('LLEN', inbox)
  if length < 2 or seq_of(call('LINDEX', inbox, '-1')) < want then
    return
  end
  local place, ref = search(inbox, want, 1, length)
  if digits(ref) ~= seq then
    return
  end
  local older = seq_of(call('LINDEX', inbox, text(place - 1)))
  call('LREM', inbox, place * 2 < length and '1' or '-1', ref)
  release(ref)
  acked = acked + 1
  local first = byte(ref)
  if (first == 114 or first == 82) and older > batch then
    clear(dno, inbox, seq)
  end
end

local function ack_entry(dno, seq, batch)
  local inbox = P .. 'q:' .. dno
  local ref = call('LPOP', inbox)
  if not ref then
    return
  end
  local head = digits(ref)
  if head == seq then
    release(ref)
    acked = acked + 1
    return
  end
  call('LPUSH', inbox, ref)
  if tonumber(head) < tonumber(seq) then
    ack_behind(dno, inbox, seq, batch)
  end
end

local function ack_through(dno, seq)
  local inbox, want = P .. 'q:' .. dno, tonumber(seq)
  local refs, count
  repeat
    refs, count = call('LRANGE', inbox, '0', '255'), 0
    while count < #refs and seq_of(refs[count + 1]) <= want do
      count = count + 1
    end
    if count > 0 then
      call('LTRIM', inbox, text(count), '-1')
      acked = acked + count
      budget = budget - count
      if budget < 0 then
        put_aside(dno, seq, 't', refs, count)
      else
        for i = 1, count do
          release(refs[i])
        end
      end
    end
  until count < 256
end

local function resynced(dno, seq)
  local owed = call('HGET', P .. 'rs', dno)
  if owed and tonumber(owed) <= tonumber(seq) then
    call('HDEL', P .. 'rs', dno)
  end
end

while at <= #ARGV do
  local kind, dno, seq = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  at = at + 3
  if kind == 'e' then
    ack_entry(dno, seq, 0)
  elseif kind == 'E' then
    local size = tonumber(seq)
    for i = group, size - 1 do
      ack_entry(ARGV[at + i], dno, 0)
    end
    at, group = at + size, 0
  elseif kind == 'b' then
    ack_entry(dno, seq, tonumber(ARGV[at]))
    at = at + 1
  elseif kind == 't' then
    ack_through(dno, seq)
  else
    resynced(dno, seq)
  end
end
