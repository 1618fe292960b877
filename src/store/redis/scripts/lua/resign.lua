-- ARGV: node.
go_on_without_memory()
if call('HEXISTS', H, 'hi:' .. ARGV[1]) == 1 then
  bury(ARGV[1])
end
