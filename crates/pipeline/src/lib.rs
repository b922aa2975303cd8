//! The language of Motet: what a pipeline file says, and whether it can work.
//!
//! A file (YAML or JSON) with all files that it uses is a [`bundle::Bundle`]; the bundle together with
//! the [`contract::Contract`]s of its operations becomes a [`plan::Plan`], or a list of
//! [`diagnostic::Diagnostic`]s that says all that is wrong at once (law L4): see [`check::check`]. This crate is pure: no
//! clock, no files, no threads, no randomness, ordered maps only. The host hands it texts and
//! contracts and gets data back.

pub mod artifact;
pub mod builtin;
pub mod bundle;
pub mod check;
pub mod class;
pub mod conformity;
pub mod contract;
pub mod diagnostic;
pub mod digest;
pub mod document;
pub mod estimate;
pub mod expression;
pub mod failure;
pub mod inputs;
pub mod money;
pub mod outcome;
pub mod path;
pub mod pin;
pub mod plan;
pub mod price;
pub mod schema;
pub mod suggestion;
pub mod time;
pub mod types;
pub mod value;
pub mod versions;
mod visible;

pub use artifact::{Artifact, MediaKind};
pub use bundle::Bundle;
pub use class::Class;
pub use contract::Contract;
pub use diagnostic::Diagnostic;
pub use digest::Digest;
pub use failure::Failure;
pub use money::{Cost, Money};
pub use outcome::{Outcome, Usage};
pub use path::StepPath;
pub use plan::Plan;
pub use time::{Span, Timestamp};
pub use types::Type;
pub use value::Value;
pub use visible::visible;
