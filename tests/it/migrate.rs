//! `postroom migrate`: the real binary moves a store from `SQLite` to a real Redis and back.

mod carried;
mod desk;
mod halfway;
mod places;
mod refusals;
mod used;
mod whole;
