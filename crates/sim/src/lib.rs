//! Simulated providers.
//!
//! [`Sim`] is a pure machine that speaks the protocols of Replicate, fal and ElevenLabs, and stands in for any other server: requests and the current time go in,
//! replies and webhooks come out, and everything random comes from a seed. It has no clock, no threads and no I/O, so it runs
//! under virtual time. [`serve`] puts an HTTP face around it. `docs/sim.md` describes what it simulates.
//!
//! It judges the clients of these providers, so it shares no code with them.

mod bases;
mod chance;
mod control;
mod dialect;
mod elevenlabs;
mod face;
mod fal;
mod files;
mod http;
mod job;
mod ledger;
mod limits;
mod media;
mod models;
mod replicate;
mod scenario;
mod sim;
mod web;
mod webhook;
mod work;
mod yaml;

pub use bases::Bases;
pub use face::{Addresses, IN_USE, Server, Serving, serve};
pub use http::{Answer, Body, Piece, Reply, Request};
pub use scenario::{Fault, HttpAnswer, Limits, Operation, Provider, Rule, Scenario, ScenarioError};
pub use sim::{Change, Options, Sim};
pub use webhook::Outgoing;
