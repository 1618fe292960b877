-- ARGV: dno, after, entries, bytes; again and again.
go_on_without_memory()
local head = call('HMGET', H, 'seq', 'max')
local pages = {}
for i = 1, #ARGV, 4 do
  pages[#pages + 1] = page(
    ARGV[i],
    tonumber(ARGV[i + 1]),
    tonumber(ARGV[i + 2]),
    tonumber(ARGV[i + 3]),
    head[1] or '0',
    tonumber(head[2] or 0)
  )
end
return pages
