//! Following a run: one stream of what happens, many readers.

use std::sync::Arc;

use motet_engine::Turn;
use motet_pipeline::StepPath;
use motet_store::StoreError;
use tokio::sync::mpsc;

/// Something that those who follow a run are told.
#[derive(Clone, Debug)]
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

/// Those who follow a run. A reader that is gone is forgotten; it never holds the run up.
#[derive(Debug, Default)]
pub(crate) struct Followers(Vec<mpsc::UnboundedSender<Happening>>);

impl Followers {
    pub(crate) fn add(&mut self, follower: mpsc::UnboundedSender<Happening>) {
        self.0.push(follower);
    }

    pub(crate) fn tell(&mut self, happening: &Happening) {
        self.0.retain(|follower| follower.send(happening.clone()).is_ok());
    }
}
