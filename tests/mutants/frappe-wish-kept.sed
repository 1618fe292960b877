# Who has taken a wish back before the site answers is put into the room all the same.
# file: src/frappe/wishes.rs
# test: --test it frappe::subscriptions
s/wishes.first <= number) else { return false };/wishes.first <= number) else { return true };/
