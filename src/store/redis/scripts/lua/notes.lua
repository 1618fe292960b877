-- What is told to the nodes that own devices: one publication per node and script.
local notes, told = {}, {}

local function tell(node, head, body)
  local pieces = notes[node]
  if not pieces then
    pieces = {}
    notes[node] = pieces
    told[#told + 1] = node
  end
  pieces[#pieces + 1] = head
  pieces[#pieces + 1] = body
end

local function tell_resync(owners, dno, seq)
  for node in string.gmatch(owners, '(%d+)%.') do
    tell(node, 'R ' .. dno .. ' ' .. seq .. '\n', nil)
  end
end

-- Numbers the publications: adds their counters to what will be written into the head. A node without a counter is
-- dead.
local function number_notes(changes)
  if #told == 0 then
    return
  end
  local fields = {}
  for i, node in ipairs(told) do
    fields[i] = 'pub:' .. node
  end
  local counters = call('HMGET', H, unpack(fields))
  for i, node in ipairs(told) do
    if counters[i] then
      local number = text(counters[i] + 1)
      notes[node].number = number
      changes[#changes + 1] = fields[i]
      changes[#changes + 1] = number
    end
  end
end

-- Behind the last write: what is published stands.
local function publish_notes()
  for _, node in ipairs(told) do
    local pieces = notes[node]
    if pieces.number then
      call(PUBLISH, P .. 'n:' .. node, pieces.number .. '\n' .. table.concat(pieces))
    end
  end
end
