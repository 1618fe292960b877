-- A ref that has left its inbox. Bodies go with the last of them; counts are summed up over the whole script.
local function release(ref)
  local first = byte(ref)
  if first == 45 or first == 82 then
    local seq = sub(ref, 2)
    shares_gone[seq] = (shares_gone[seq] or 0) + 1
  else
    bodies_gone[#bodies_gone + 1] = P .. 'm:' .. digits(ref)
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
