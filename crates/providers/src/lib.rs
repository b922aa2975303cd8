//! How to ask a model: one folder per vendor, and one for what this machine can do without a key.
//!
//! * [`local`]: draws pictures, composes music and prepares speech. Pure: inputs become bytes or
//!   arguments; the runtime runs the processes and keeps the files.
//! * [`http`]: what an adapter says to a vendor and hears from it, as data. The one door that
//!   opens connections is not here.
//!
//! Whatever can't be done comes back as a [`motet_pipeline::Refusal`].

pub mod http;
mod inputs;
pub mod local;
