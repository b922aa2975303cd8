//! Rendering: pure functions from what is known to lines.

pub mod billing;
pub mod dead;
pub mod ending;
pub mod forecast;
pub mod found;
pub mod items;
pub mod journal;
pub mod line;
pub mod money;
pub mod plain;
pub mod plan;
pub mod progress;
pub mod quote;
pub mod search;
pub mod show;
pub mod table;
pub mod timeline;
pub mod words;
