//! Lives: a process from its beginning to the moment at which it dies without a word.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use motet::engine::Event;
use motet::store::{Batch, Store};
use motet::world::Durable;
use motet::world::virtual_time::VirtualWorld;
use tokio::sync::{Notify, mpsc};

use crate::stage::altered::Alteration;

/// When a process dies.
#[derive(Clone, Copy)]
pub enum Doom {
    /// It lives to the end of the story.
    Never,
    /// When something reaches the disk or a provider, or has just done so, for the n-th time, from 1.
    Moment(u64),
    /// After so many milliseconds.
    After(u64),
    /// Once such an event is durable, before anything follows from it.
    Durable(fn(&Event) -> bool),
    /// Before such an event becomes durable.
    Lost(fn(&Event) -> bool),
    /// When a provider has taken a paid request, before its reply is there.
    Taken,
}

impl fmt::Debug for Doom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doom::Never => f.write_str("never"),
            Doom::Moment(moment) => write!(f, "at moment {moment}"),
            Doom::After(ms) => write!(f, "after {ms} ms"),
            Doom::Durable(_) => f.write_str("once an event is durable"),
            Doom::Lost(_) => f.write_str("before an event is durable"),
            Doom::Taken => f.write_str("once a request is taken"),
        }
    }
}

/// One process.
pub struct Life {
    doom: Doom,
    moments: AtomicU64,
    died: Notify,
}

impl Life {
    pub fn new(doom: Doom) -> Arc<Life> {
        Arc::new(Life { doom, moments: AtomicU64::new(0), died: Notify::new() })
    }

    /// Something is about to reach the disk or a provider, or has just done so. If the process dies now, this never
    /// returns.
    pub async fn moment(&self) {
        let moment = self.moments.fetch_add(1, Ordering::Relaxed) + 1;
        if matches!(self.doom, Doom::Moment(last) if moment >= last) {
            self.die().await;
        }
    }

    /// A provider has taken a paid request.
    pub async fn taken(&self) {
        if matches!(self.doom, Doom::Taken) {
            self.die().await;
        }
    }

    async fn die(&self) {
        self.died.notify_one();
        pending::<()>().await;
    }

    /// Returns when the process dies.
    pub async fn death(&self) {
        match self.doom {
            Doom::After(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            _ => self.died.notified().await,
        }
    }
}

/// A world in which a flush takes time and a process can die before it and after it.
pub struct MortalWorld {
    world: VirtualWorld,
    disk: mpsc::UnboundedSender<(Store, Batch, Durable)>,
}

/// How long a flush takes.
const FLUSH: Duration = Duration::from_millis(2);

impl MortalWorld {
    pub fn new(world: VirtualWorld, life: Arc<Life>) -> MortalWorld {
        let (disk, mut queue) = mpsc::unbounded_channel::<(Store, Batch, Durable)>();
        tokio::spawn(async move {
            while let Some((store, batch, durable)) = queue.recv().await {
                life.moment().await;
                tokio::time::sleep(FLUSH).await;
                let has = |wanted: fn(&Event) -> bool| {
                    batch.turns.iter().any(|record| record.turn.events.iter().any(wanted))
                };
                let (lost, last) = match life.doom {
                    Doom::Lost(wanted) => (has(wanted), false),
                    Doom::Durable(wanted) => (false, has(wanted)),
                    _ => (false, false),
                };
                if lost {
                    life.die().await;
                }
                let outcome = store.append_now(batch);
                if last {
                    life.die().await;
                }
                life.moment().await;
                durable(outcome);
            }
        });
        MortalWorld { world, disk }
    }
}

impl Alteration for MortalWorld {
    fn world(&self) -> &VirtualWorld {
        &self.world
    }

    fn append(&self, store: &Store, batch: Batch, _alone: bool, durable: Durable) {
        // A world that has ended keeps nothing more.
        let _ = self.disk.send((store.clone(), batch, durable));
    }
}
