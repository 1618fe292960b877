-- What goes into the head.
local changes = { hi, ARGV[2], 'res:' .. node, ARGV[2] .. ';' .. table.concat(results, ';') }
if accepted > 0 then
  changes[5], changes[6], changes[7], changes[8] = 'acc', text((head[4] or 0) + accepted), 'seq', newest
  if longest > tonumber(head[3] or 0) then
    changes[9], changes[10] = 'max', text(longest)
  end
end
if cleared > 0 then
  call('HINCRBY', H, 'rsy', text(cleared))
end
if dropped > 0 then
  call('HINCRBY', H, 'drp', text(dropped))
end
