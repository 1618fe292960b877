# Messages that were sent together leave without asking where their rooms have members.
# file: src/store/redis/together.rs
# test: --test it contract::store::redis::single::together::they_come_to_what_they_would_one_by_one
s/if homes.is_empty() {/if true {/
