# Who has taken a wish back before the site answers is put into the room all the same.
# file: src/frappe/wishes.rs
# test: --test it frappe::subscriptions
s/let counts = open.get(room) == Some(&number);/let counts = number > 0;/
