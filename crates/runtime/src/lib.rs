#![doc = include_str!("../README.md")]

mod cache;
mod control;
mod driver;
mod error;
mod heart;
mod import;
mod lock;
mod lock_file;
mod measure;
mod models;
mod motet;
mod pipeline;
mod request;
mod warning;
mod whole_file;
mod work;

pub mod builder;
pub mod costs;
pub mod door;
pub mod follow;
pub mod kit;
pub mod operation;
pub mod outputs;
pub mod process;
pub mod quote;
pub mod reading;
pub mod report;
pub mod session;
pub mod settings;
pub mod task;
pub mod tools;
pub mod trust;
pub mod world;

pub use error::{BaseFault, Error, QuoteFault, UnpricedStep};
pub use follow::Events;
pub use lock_file::{LOCK_FILE_NAME, LockFile, LockHold};
pub use motet::{
    Builder, Continued, Forecast, ForkOptions, Motet, RetryOptions, RunEnd, RunHandle, StartOptions, Started,
    StepForecast, Swept, UndoOptions, find_run,
};
pub use pipeline::{Pipeline, read_bundle};
pub use quote::Quote;
pub use session::{Followed, Session, StartRequest};
pub use settings::{Settings, StorePlace};
pub use task::{Audio, Image, Media, Task, TaskContext, TaskError, Video};
pub use warning::Warning;
pub use work::{ProgressSink, Work};

/// Webhooks: what is delivered to a [`Motet`], and what becomes of it.
pub mod hooks {
    pub use motet_providers::hook::Delivery;

    pub use crate::models::delivery::Receipt;
}

pub use motet_engine as engine;
pub use motet_pipeline as language;
pub use motet_providers as providers;
pub use motet_store as store;
pub use schemars;

pub use motet_pipeline::{Artifact, Class, Cost, Failure, Outcome, Value};

/// The programs in the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
