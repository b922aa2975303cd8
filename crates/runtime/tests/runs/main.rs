//! Whole runs, through the library: money, limits, requests, panics, time.

mod budgets;
mod cache;
mod cancelled_steps;
mod direct;
mod import;
mod large_runs;
mod limits;
mod photographs;
mod pinned_runs;
mod pools;
mod quarantine;
mod quotes;
mod remote_calls;
mod requests;
mod rude_operations;
#[path = "../stage/mod.rs"]
mod stage;
mod starts;
mod time_away;
mod virtual_time;
