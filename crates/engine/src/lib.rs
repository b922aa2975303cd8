//! What happens next: a pure machine from inputs to events and commands.
//!
//! No clock, no input or output, no threads, no randomness but a seed that is handed in. Whatever
//! hosts it (one process, a cluster, a simulation) gets the same decisions (law L6). Three enums tell
//! the story: [`Input`] (what it is told), [`Event`] (what must be recorded), [`Command`] (what must
//! be done). [`Run`] is one run; [`Dispatcher`] is the gate that all runs share.

mod advance;
mod agenda;
mod allowance;
mod apply;
pub mod attempt;
mod builtin;
mod cache;
mod call;
mod cancelling;
mod closing;
mod context;
mod deciding;
mod earlier;
mod effort;
mod ending;
mod graph;
mod handle;
mod index;
mod items;
mod join;
mod needs;
mod node;
mod operation;
mod parts;
mod rehearsal;
mod replay;
mod run;
mod timer;
mod unplanned;
mod unwinding;

pub mod choice;
pub mod command;
pub mod dispatcher;
pub mod event;
pub mod identity;
pub mod input;
pub mod intent;
pub mod retry;
pub mod table;

pub use allowance::Allowance;
pub use attempt::Phase;
pub use cache::Cached;
pub use call::time_to_ask;
pub use cancelling::CancelRefusal;
pub use command::{Act, Command, Perform};
pub use dispatcher::Dispatcher;
pub use earlier::Earlier;
pub use event::{AttemptEvent, Event, ParkReason, RunEvent, RunStarted, StepEvent, Turn};
pub use graph::Graph;
pub use handle::Reaction;
pub use identity::{AttemptKey, RunId};
pub use input::{AttemptEnd, Decision, Found, Input, JobNews};
pub use intent::Intent;
pub use items::Items;
pub use node::StepStatus;
pub use rehearsal::{Outlook, Past, Prospect, Why, rehearse};
pub use replay::Replay;
pub use run::{Misuse, Run, RunStatus};
pub use unplanned::call_off_unplanned;
