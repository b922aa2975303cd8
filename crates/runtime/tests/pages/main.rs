//! The pages, the examples, and the pipelines that people write: what they say is what happens.

mod events;
mod examples;
mod failures;
mod language;
mod links;
mod narrated;
mod operations;
mod real_life;
#[path = "../stage/mod.rs"]
mod stage;
