//! Following a run: one stream of what happens, many readers.

use std::sync::Arc;

use motet_engine::{Event, Turn};
use motet_pipeline::StepPath;
use motet_store::StoreError;
use tokio::sync::{mpsc, oneshot};

/// Something that those who follow a run are told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Happening {
    /// A turn is durable.
    Turn(Arc<Turn>),
    /// An attempt tells how far it is. Not kept.
    Progress(Arc<Progress>),
    /// Nobody drives the run any more; it can be taken up again.
    Interrupted,
    /// This process can't follow the run any more; the run itself may go on.
    Lost(Arc<crate::Error>),
    /// The store keeps nothing more; nobody drives the run any more.
    StoreFailed(Arc<StoreError>),
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The step or item.
    pub step: StepPath,
    /// Which attempt.
    pub attempt: u32,
    /// From 0 to 1, where it can be told.
    pub fraction: Option<f64>,
    /// What it is doing, in words.
    pub message: Option<String>,
}

/// One who follows a run.
#[derive(Debug)]
pub(crate) enum Follower {
    /// Wants all that happens.
    All(mpsc::UnboundedSender<Happening>),
    /// Wants only what ends it: the last turn, or that nobody drives it any more.
    End(oneshot::Sender<Happening>),
}

/// Those who follow a run. A reader that is gone is forgotten; it never holds the run up.
#[derive(Debug, Default)]
pub(crate) struct Followers(Vec<Follower>);

impl Followers {
    pub(crate) fn add(&mut self, follower: Follower) {
        self.0.push(follower);
    }

    pub(crate) fn tell(&mut self, happening: &Happening) {
        let is_end = happening.is_end();
        let followers = std::mem::take(&mut self.0).into_iter();
        self.0 = followers
            .filter_map(|follower| match follower {
                Follower::All(reader) => {
                    reader.send(happening.clone()).is_ok().then_some(Follower::All(reader))
                }
                Follower::End(reader) if is_end => {
                    // Whether somebody still waits makes no difference.
                    let _ = reader.send(happening.clone());
                    None
                }
                Follower::End(reader) => Some(Follower::End(reader)),
            })
            .collect();
    }
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
