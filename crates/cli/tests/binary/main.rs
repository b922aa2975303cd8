//! The binary as its users meet it: real processes, real ffmpeg and espeak-ng.

mod backup;
mod bad_input;
mod hostile_text;
mod inputs;
mod left_at_work;
mod locked_store;
mod long_lists;
mod lost_store;
mod models;
mod money;
mod old_stores;
mod parked;
mod pinned_runs;
mod private_store;
mod project;
mod provider_examples;
mod quotes;
mod serve;
mod signals;
mod simulated;
mod simulator;
mod store_folder;
mod taken_store;
mod transcripts;
mod trust;
mod two_processes;
