# A guest has files opened in the editor of the developer.
# file: src/frappe/visit.rs
# test: --test it frappe::viewers
s/developing && !self.user.is_guest()/developing/
