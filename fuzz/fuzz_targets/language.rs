//! A pipeline file: it is read, checked, and what is said of it is drawn.
#![no_main]

#[path = "../../crates/pipeline/tests/hostile/said.rs"]
mod said;

libfuzzer_sys::fuzz_target!(|data: &[u8]| drop(said::message(data)));
