//! How to ask a model at a provider: one folder per provider.
//!
//! * [`adapter`]: the trait [`Provider`], and a [`Call`](adapter::Call) that is made of a model;
//! * [`answer`]: what a provider tells;
//! * [`hook`]: webhooks, and how they are verified;
//! * [`http`]: requests and replies as data. The one door that opens connections is not here;
//! * [`model`]: a model, as an adapter needs it.
//!
//! [`Registry`] holds the providers that there are; a program may add its own.

pub mod adapter;
pub mod answer;
pub mod hook;
pub mod http;
pub mod model;
pub mod pace;
mod registry;

pub use adapter::Provider;
pub use registry::Registry;
