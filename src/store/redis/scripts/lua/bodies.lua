-- Refs that have left their inboxes. Bodies go with the last of them; counts are summed up over the whole script.
local bodies_gone, shares_gone = {}, {}

local function release(ref)
  local first = byte(ref)
  if first == 45 or first == 82 then
    local seq = sub(ref, 2)
    shares_gone[seq] = (shares_gone[seq] or 0) + 1
  else
    bodies_gone[#bodies_gone + 1] = P .. 'm:' .. digits(ref)
  end
end

local function settle_counts(seqs, from, to)
  local counts = call('HMGET', P .. 'refs', unpack(seqs, from, to))
  local over, left = {}, {}
  for i = from, to do
    local seq = seqs[i]
    local rest = (counts[i - from + 1] or 0) - shares_gone[seq]
    if rest > 0 then
      left[#left + 1] = seq
      left[#left + 1] = text(rest)
    else
      over[#over + 1] = seq
      bodies_gone[#bodies_gone + 1] = P .. 'm:' .. seq
    end
  end
  if #left > 0 then
    call('HSET', P .. 'refs', unpack(left))
  end
  if #over > 0 then
    call('HDEL', P .. 'refs', unpack(over))
  end
end

-- Once, at the end of a script that releases.
local function settle_released()
  local seqs = {}
  for seq in pairs(shares_gone) do
    seqs[#seqs + 1] = seq
  end
  for from = 1, #seqs, 128 do
    settle_counts(seqs, from, math.min(from + 127, #seqs))
  end
  for from = 1, #bodies_gone, 256 do
    call('DEL', unpack(bodies_gone, from, math.min(from + 255, #bodies_gone)))
  end
end

-- Cuts off a whole inbox, however long: the tick releases what is in it.
local function cut_off(dno, seq)
  local name = dno .. ':' .. seq
  call('RENAME', P .. 'q:' .. dno, P .. 'g:' .. name)
  call('SADD', P .. 'g', name)
end

-- At most 256 refs that have left an inbox, for the tick to release. `mark` keeps the list apart from cut_off's, which would
-- overwrite it.
local function put_aside(dno, seq, mark, refs, count)
  local name = dno .. ':' .. seq .. mark
  call('RPUSH', P .. 'g:' .. name, unpack(refs, 1, count))
  call('SADD', P .. 'g', name)
end
