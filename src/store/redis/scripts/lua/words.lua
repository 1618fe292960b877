-- The beginning of every script. KEYS[1] is the prefix of the shard and never a key itself: where the slot is being
-- moved, the server then refuses the whole script instead of running it on half of the keys.
local P = KEYS[1]
local H = P .. 'h'
local call = redis.call
local byte, sub, format = string.byte, string.sub, string.format

-- Redis prints a Lua number through %.17g, which is slow; and beyond 10^14 Lua itself prints an exponent.
local function text(number)
  return format('%.0f', number)
end

local function now_ms()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Redis refuses for want of memory (or of replicas, or of a disk) only the first write of a script. What makes room
-- again, or must not wait for room, therefore begins with a write that needs none: the key never exists. It also
-- keeps a replica from answering.
local function go_on_without_memory()
  call('DEL', P)
end
