# What neighbours write about their viewers is not taken note of.
# file: src/frappe/town/presence.rs
# test: --test it frappe::many
s/gathering.others.insert(node, Others { viewers, roll });/let _ = Others { viewers, roll };/
