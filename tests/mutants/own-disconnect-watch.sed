# Every session gives its device up, not the last one of it.
# file: src/store/redis/watch.rs
# test: --lib store::redis::watch::tests::the_newer_session_may_close_first
/pub(super) fn left/,/^    }/s/return None;/return Some((dno, resident.generation));/
