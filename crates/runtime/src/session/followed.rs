//! A run that is followed, across any change of owner.

use std::sync::Arc;

use motet_engine::{Event, RunId, Turn};
use tokio::sync::mpsc;

use super::role::{Backstage, Patience, Reached};
use crate::Error;
use crate::control::{Bell, Guest, Unreached};
use crate::follow::{Happening, Progress, read_page};
use crate::motet::Motet;

/// A run that is followed from its first turn on.
///
/// Dropping it ends the following, never the run.
pub struct Followed {
    /// The run.
    pub run: RunId,
    /// Whether it was there already, instead of being started now.
    pub found: bool,
    happenings: mpsc::Receiver<Happening>,
}

impl Followed {
    /// What happens next: every turn from the first one on, exactly once and in order, with progress
    /// in between. The last turn is that of the run's end; or, if this process was asked to stop,
    /// [`Happening::Interrupted`] is the last. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Happening> {
        self.happenings.recv().await
    }

    /// Begins to follow; `drive` has the run driven whenever nobody does.
    pub(super) fn begin(backstage: Arc<Backstage>, run: RunId, found: bool, drive: bool) -> Followed {
        let (tell, happenings) = mpsc::channel(HAPPENINGS_MAX);
        let pump = Pump { backstage, run: run.clone(), drive, tell, last: 0 };
        tokio::spawn(pump.work());
        Followed { run, found, happenings }
    }

    /// A run that nobody can drive, for the reason that its follower is told.
    pub(super) fn lost(run: RunId, error: Error) -> Followed {
        let (tell, happenings) = mpsc::channel(1);
        tell.try_send(Happening::Lost(Arc::new(error))).expect("there is room for one");
        Followed { run, found: true, happenings }
    }
}

/// How many happenings wait for a reader before the following waits for it: few, for turns may be large.
const HAPPENINGS_MAX: usize = 16;

/// Brings happenings from whoever drives the run to the one who follows it.
struct Pump {
    backstage: Arc<Backstage>,
    run: RunId,
    drive: bool,
    tell: mpsc::Sender<Happening>,
    /// The number of the last turn that was told.
    last: u64,
}

/// How a part of the following ended.
enum Part {
    /// The run is over, or there is nobody to tell any more.
    Over,
    /// Nobody drives the run.
    Idle,
    /// Whoever drove the run is gone.
    Gone,
}

impl Pump {
    async fn work(mut self) {
        let (tell, left) = (self.tell.clone(), self.backstage.left().clone());
        let followed = tokio::select! {
            biased;
            followed = self.follow() => followed,
            () = left.cancelled() => Err(Error::Left),
            () = tell.closed() => return,
        };
        let last = match followed {
            Ok(()) => return,
            Err(Error::Left | Error::Interrupted(_)) => Happening::Interrupted,
            Err(error) => Happening::Lost(Arc::new(error)),
        };
        // Whoever followed may be gone.
        let _ = tell.send(last).await;
    }

    async fn follow(&mut self) -> Result<(), Error> {
        let mut patience = Patience::default();
        loop {
            let before = self.last;
            let part = match self.backstage.reach().await? {
                Reached::Owner(motet) => self.follow_here(&motet).await?,
                Reached::Guest(guest) => self.follow_there(guest).await?,
            };
            match part {
                Part::Over => return Ok(()),
                Part::Idle if !self.drive => return Ok(()),
                Part::Idle | Part::Gone if self.last > before => patience = Patience::default(),
                Part::Idle | Part::Gone => {
                    patience.pause(|| Error::Undriven(self.run.clone())).await?;
                }
            }
        }
    }

    /// Follows the run in this process.
    async fn follow_here(&mut self, motet: &Motet) -> Result<Part, Error> {
        let run = match self.drive {
            true => motet.take_up(&self.run).await?,
            false => motet.find_by_id(&self.run)?,
        };
        let mut events = run.events_after(self.last).await;
        while let Some(happening) = events.next().await {
            match happening {
                Happening::Turn(turn) => {
                    if self.tell_turn(turn).await {
                        return Ok(Part::Over);
                    }
                }
                Happening::Interrupted => return Err(Error::Left),
                Happening::StoreFailed(_) | Happening::Lost(_) => {
                    self.tell(happening).await;
                    return Ok(Part::Over);
                }
                happening => self.tell(happening).await,
            }
        }
        Ok(Part::Idle)
    }

    /// Follows the run in another process: the bells ring there, the turns are in the store.
    async fn follow_there(&mut self, mut guest: Guest) -> Result<Part, Error> {
        match guest.follow(&self.run, self.drive).await {
            Ok(()) => {}
            Err(Unreached::Error(error)) => return Err(error),
            Err(Unreached::Gone | Unreached::NoDoor) => return Ok(Part::Gone),
        }
        loop {
            match guest.bell().await {
                Ok(Bell::Turn(number)) if number > self.last => {
                    if self.tell_turns(number).await? {
                        return Ok(Part::Over);
                    }
                }
                Ok(Bell::Turn(_)) => {}
                Ok(Bell::Progress { step, attempt, fraction, message, next_look }) => {
                    let progress = Progress { step, attempt, fraction, message, next_look };
                    self.tell(Happening::Progress(Arc::new(progress))).await;
                }
                Ok(Bell::Idle) => return Ok(Part::Idle),
                Ok(Bell::Broken(text)) => return Err(text.into_error(guest.pid())),
                Err(Unreached::Error(error)) => return Err(error),
                Err(Unreached::Gone | Unreached::NoDoor) => return Ok(Part::Gone),
            }
        }
    }

    /// Tells the turns that are in the store and were not told yet, up to the last one; returns whether the
    /// run is over.
    async fn tell_turns(&mut self, last: u64) -> Result<bool, Error> {
        while self.last < last {
            let page = read_page(self.backstage.hands(), &self.run, self.last).await?;
            if page.is_empty() {
                break;
            }
            for turn in page {
                if self.tell_turn(Arc::new(turn)).await {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn tell_turn(&mut self, turn: Arc<Turn>) -> bool {
        self.last = turn.number;
        let is_over = turn.events.last().is_some_and(Event::ends_run);
        self.tell(Happening::Turn(turn)).await;
        is_over
    }

    async fn tell(&self, happening: Happening) {
        // A reader that is gone ends the pump where it waits next.
        let _ = self.tell.send(happening).await;
    }
}
