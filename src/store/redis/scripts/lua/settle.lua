-- Releases what has left its inbox. Once, at the end of a script that releases.
if next(shares_gone) then
  local seqs = {}
  for seq in pairs(shares_gone) do
    seqs[#seqs + 1] = seq
  end
  for from = 1, #seqs, 128 do
    local to = math.min(from + 127, #seqs)
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
end
for from = 1, #bodies_gone, 256 do
  call('DEL', unpack(bodies_gone, from, math.min(from + 255, #bodies_gone)))
end
