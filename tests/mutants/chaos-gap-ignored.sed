# On Redis a gap in the publications is taken for nothing.
# file: src/store/redis/watch.rs
# test: --test it chaos::redis
s/_ => Heard::Gap,/_ => Heard::Next,/
