# The same on Redis.
# file: src/store/redis/scripts/lua/ack_rest.lua
# test: --test it chaos::redis
/^local function ack_through/,/^end/s/seq_of(refs\[count + 1\]) <= want do/want do/
