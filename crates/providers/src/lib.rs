//! How to ask a model at a provider: one folder per provider.
//!
//! * [`adapter`]: the trait [`Provider`], and a [`Call`](adapter::Call) that is made of a model;
//! * [`answer`]: what a provider tells;
//! * [`catalogue`]: which models there are, and what each takes; [`prices`]: what each costs;
//! * [`hook`]: webhooks, and how they are verified;
//! * [`http`]: requests and replies as data. The one door that opens connections is not here;
//! * [`model`]: a model, as an adapter needs it.
//!
//! [`Registry`] holds the providers that there are; a program may add its own.

pub mod adapter;
pub mod answer;
pub mod catalogue;
mod echo;
mod elevenlabs;
pub mod failure;
mod fal;
pub mod hook;
pub mod http;
mod json;
pub mod model;
pub mod output;
pub mod pace;
mod payload;
mod place;
pub mod prices;
mod registry;
mod replicate;
mod said;
mod waiting;
pub mod web;

pub use adapter::Provider;
pub use elevenlabs::ElevenLabs;
pub use fal::Fal;
pub use registry::Registry;
pub use replicate::Replicate;
pub use web::Web;
