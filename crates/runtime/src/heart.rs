//! The heart: while runs are driven, the store is told every few seconds that somebody is there.
//!
//! After a crash the next owner knows from it for how long nobody was. And a heart that stood still
//! tells that this process was stopped for a while, or its machine asleep.

use motet_pipeline::{Span, Timestamp};

use crate::operation::Hands;

/// How often it beats: by so much may time away be told too long.
const INTERVAL: Span = Span::seconds(5);

/// A beat may be as late as this on a machine that has much to do.
const LATE_MAX: Span = Span::seconds(30);

/// Beats while runs are driven; a heart that doesn't is for stores that end with the process.
#[derive(Debug)]
pub(crate) struct Heart {
    beats: bool,
    due: Option<Timestamp>,
}

impl Heart {
    pub(crate) fn new(beats: bool) -> Heart {
        Heart { beats, due: None }
    }

    /// When to call [`Heart::beat`] at the latest.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// For how long it stood still until `now`. To be asked whenever something happens, before that is
    /// looked at; the next beat is due then.
    pub(crate) fn stood_still(&mut self, now: Timestamp) -> Option<Span> {
        let late = now.since(self.due?);
        (late > LATE_MAX).then(|| {
            self.due = Some(now);
            late
        })
    }

    /// Tells the store that somebody is there, if it is time to and runs are `driven`.
    pub(crate) fn beat(&mut self, hands: &Hands, driven: bool) {
        if !self.beats || !driven {
            self.due = None;
            return;
        }
        let now = hands.world.now();
        if self.due.is_some_and(|due| now < due) {
            return;
        }
        self.due = Some(now.after(INTERVAL));
        let store = hands.store.clone();
        hands.world.spawn(hands.world.compute(Box::new(move || {
            // A store that keeps nothing more says so to the next turn as well.
            let _ = store.heartbeat(now);
        })));
    }
}
