# Whatever web server an Origin names is asked who a client is.
# file: src/protocol/frappe/bases.rs
# test: --test it frappe::web_calls
s/let own = origin.filter(|origin| is_own(hostname(origin)));/let _ = is_own("");\n            let own = origin;/
