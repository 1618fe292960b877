# Entries are published, and messages answered, before they are written.
# file: src/store/sqlite/writer.rs
# test: --test it chaos::embedded
s/^        let must = self.state.has_promises/        self.publish(\&Ok(()));\n&/
