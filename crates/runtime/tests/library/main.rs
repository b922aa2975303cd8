//! The library as programs use it: pipelines built in Rust, the test kit, a store opened again.

mod builder;
mod kit;
mod resume;
