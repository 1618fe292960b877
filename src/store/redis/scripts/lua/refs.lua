-- A ref in an inbox is "<seq>" where the body has this one recipient, "-<seq>" where it is shared; "r<seq>" and
-- "R<seq>" are the same with option resync.
local function digits(ref)
  local first = byte(ref)
  if first >= 48 and first <= 57 then
    return ref
  end
  return sub(ref, 2)
end

local function seq_of(ref)
  return tonumber(digits(ref))
end

-- The first place from `low` on whose seq is at least `want`, and its ref; an inbox is ascending. `length` where
-- there is none.
local function search(inbox, want, low, length)
  local high, found = length, nil
  while low < high do
    local middle = math.floor((low + high) / 2)
    local ref = call('LINDEX', inbox, text(middle))
    if seq_of(ref) < want then
      low = middle + 1
    else
      high, found = middle, ref
    end
  end
  return low, found
end
