-- ARGV, any number of them, any number of times: "e" dno seq | "E" seq n, n dnos | "b" dno seq batch | "t" dno seq |
-- "r" dno seq.
local acked, cleared = 0, 0
local bodies_gone, shares_gone, notes, told = {}, {}, {}, {}
local at, group = 1, 0

-- The common way: what is acknowledged is the first one of its inbox, or not there any more. A function costs more to
-- make than to call, so there is none up to the first one that is not such a one. LPOP is a write that needs no memory,
-- see above.
while at <= #ARGV do
  local kind = ARGV[at]
  if kind == 'e' then
    local seq, inbox = ARGV[at + 2], P .. 'q:' .. ARGV[at + 1]
    local ref = call('LPOP', inbox)
    if ref == seq then
      bodies_gone[#bodies_gone + 1] = P .. 'm:' .. seq
      acked = acked + 1
    elseif ref == '-' .. seq then
      shares_gone[seq] = (shares_gone[seq] or 0) + 1
      acked = acked + 1
    elseif ref then
      call('LPUSH', inbox, ref)
      break
    end
    at = at + 3
  elseif kind == 'E' then
    local seq, size, inboxes, hits = ARGV[at + 1], tonumber(ARGV[at + 2]), P .. 'q:', 0
    local shared = '-' .. seq
    while group < size do
      local inbox = inboxes .. ARGV[at + 3 + group]
      local ref = call('LPOP', inbox)
      if ref == shared then
        hits = hits + 1
      elseif ref then
        call('LPUSH', inbox, ref)
        break
      end
      group = group + 1
    end
    if hits > 0 then
      shares_gone[seq] = (shares_gone[seq] or 0) + hits
      acked = acked + hits
    end
    if group < size then
      break
    end
    at, group = at + 3 + size, 0
  else
    break
  end
end
if at == 1 and group == 0 then
  go_on_without_memory()
end
