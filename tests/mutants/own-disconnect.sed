# Every session gives its device up, not the last one of it.
# file: src/store/redis/watch.rs
# test: --test it redis_model::three
/pub(super) fn left/,/^    }/s/return None;/return Some((dno, resident.generation));/
