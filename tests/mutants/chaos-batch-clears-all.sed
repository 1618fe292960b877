# The ack of a batch takes everything out of the inbox, also what came behind the batch.
# file: src/store/sqlite/state/ack.rs
# test: --test it chaos::embedded
/fn ack_through/,/^    }/s/self.take_through(no, seq)/self.take_through(no, Seq(seq.0 | u64::MAX))/
