# What named a device before its connect was answered is not remembered.
# file: src/store/redis/watch.rs
# test: --lib store::redis::watch::tests::what_went_by_before_the_answer_of_the_connect_is_read
s/let missed = named || /let missed = /
