//! `/send`: what it takes and what it answers, to the letter.

mod answers;
pub mod body;
mod key;
mod trouble;

const HTML: &str = "text/html; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
