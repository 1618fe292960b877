# What is acknowledged leaves the memory and not the file.
# file: src/store/sqlite/ledger.rs
# test: --test it chaos::embedded
s/in &state.changes.settled {/in state.changes.settled.iter().take(0) {/
s/in &state.changes.stale {/in state.changes.stale.iter().take(0) {/
