//! The adapters, as their providers meet them: what is sent, what is read, and what no reply may do to us.

mod calls;
mod fixture;
mod hooks;
mod hostile;
mod own_provider;
mod reader;
mod replies;
mod requests;
mod search;

/// Where the replies are.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
