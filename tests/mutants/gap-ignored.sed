# A gap in the publications is taken for nothing.
# file: src/store/redis/watch.rs
# test: --test it redis_model::three
s/_ => Heard::Gap,/_ => Heard::Next,/
