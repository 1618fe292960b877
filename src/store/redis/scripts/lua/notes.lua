-- What is told to the nodes that own devices: one publication per node and script.
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
