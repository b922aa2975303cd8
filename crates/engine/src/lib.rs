//! What happens next: a pure machine from inputs to events and commands.
//!
//! No clock, no input or output, no threads, no randomness but a seed that is handed in. Whatever
//! hosts it (one process, a cluster, a simulation) gets the same decisions (law L6).

pub mod event;
pub mod failure;
pub mod identity;
pub mod money;

pub use event::{Event, Turn};
pub use failure::Failure;
pub use identity::{AttemptKey, RunId};
pub use money::Money;
