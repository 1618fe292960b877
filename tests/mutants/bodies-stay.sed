# A body stays when the last ref to it has gone.
# file: src/store/redis/scripts/lua/settle.lua
# test: --test it redis_model::three
s/^ *call('DEL', unpack(bodies_gone.*$/local _ = from/
