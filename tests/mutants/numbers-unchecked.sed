# A transaction that comes again is carried out again.
# file: src/store/redis/scripts/lua/send.lua
# test: --test it redis_model::three
s/^local used = .*/local used = false/
