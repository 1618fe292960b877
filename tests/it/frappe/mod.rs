//! Frappe benches, from outside: what a gateway does that stands in place of Frappe's own realtime server.

mod app_events;
mod asking;
mod away;
mod beside;
mod connecting;
mod doctor;
mod event_hook;
mod events_channel;
mod hostile;
mod listening;
mod many;
mod names;
mod neighbours;
mod older;
mod protocol;
mod redis;
mod subscriptions;
mod tokens;
mod viewers;
mod web_calls;
