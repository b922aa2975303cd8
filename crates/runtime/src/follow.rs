//! Following a run: what its followers receive, in which order, and at what cost (little).
//!
//! Turns are in the store, so nobody keeps them for a reader: whoever follows a run remembers the number
//! of the last turn that it was told, and reads on from there when a bell rings. A reader that stands
//! still costs nothing but that number, and a run of any length is followed in little memory.

mod events;
mod feed;
mod progress;
mod recent;

use std::sync::Arc;

use motet_engine::{Event, Turn};
use motet_pipeline::{StepPath, Timestamp};
use motet_store::StoreError;

pub use events::Events;
pub(crate) use events::read_page;
pub(crate) use feed::{Bells, Feed, Listener, Publisher};

/// About how many bytes of a journal are read at once.
const PAGE_BYTES: usize = 1 << 20;

/// Something that the followers of a run receive.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Happening {
    /// A turn is durable.
    Turn(Arc<Turn>),
    /// An attempt reports how far it is. Not kept: a slow reader hears of the latest only.
    Progress(Arc<Progress>),
    /// Nobody drives the run any more; it can be resumed.
    Interrupted,
    /// This process can't follow the run any more; the run itself may continue.
    Lost(Arc<crate::Error>),
    /// The store can't record anything more; the run is no longer driven.
    StoreFailed(Arc<StoreError>),
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The step or item.
    pub step: StepPath,
    /// Which attempt.
    pub attempt: u32,
    /// From 0 to 1, where it is known.
    pub fraction: Option<f64>,
    /// A short description of what it is doing.
    pub message: Option<String>,
    /// Of a call that is looked for at its provider: when that is asked next.
    pub next_look: Option<Timestamp>,
}

impl Happening {
    /// Whether nothing of the run can follow here.
    pub(crate) fn is_end(&self) -> bool {
        match self {
            Happening::Turn(turn) => turn.events.last().is_some_and(Event::ends_run),
            Happening::Progress(_) => false,
            Happening::Interrupted | Happening::Lost(_) | Happening::StoreFailed(_) => true,
        }
    }
}
