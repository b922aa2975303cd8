//! The heart: while runs are driven, the store is told every few seconds that somebody is there.
//!
//! After a crash the next owner knows from it for how long nobody was. And a heart that stood still
//! tells that this process was stopped for a while, or its machine asleep.

use motet_pipeline::{Span, Timestamp};
use motet_store::StoreError;
use tokio::sync::mpsc;

use crate::driver::Message;
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
    /// Whether the store has answered to the last beat.
    is_heard: bool,
}

impl Heart {
    pub(crate) fn new(beats: bool) -> Heart {
        Heart { beats, due: None, is_heard: true }
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

    /// Tells the store that somebody is there, if it is time to and runs are `driven`. `mail` gets to know
    /// what came of it.
    pub(crate) fn beat(&mut self, hands: &Hands, mail: &mpsc::UnboundedSender<Message>, driven: bool) {
        if !self.beats || !driven {
            self.due = None;
            return;
        }
        let now = hands.world.now();
        // What is driven from now on says itself in its journal that somebody is there.
        let due = *self.due.get_or_insert(now.after(INTERVAL));
        if now < due {
            return;
        }
        self.due = Some(now.after(INTERVAL));
        // A store that is locked by another program hears the one beat when it is free again.
        if !std::mem::take(&mut self.is_heard) {
            return;
        }
        let (store, mail) = (hands.store.clone(), mail.clone());
        hands.world.spawn(hands.world.compute(Box::new(move || {
            let result = store.heartbeat(now);
            // The driver may have left meanwhile.
            let _ = mail.send(Message::Beaten { result });
        })));
    }

    /// The store has answered to the last beat.
    ///
    /// # Errors
    /// Why the store keeps nothing more: for instance because it isn't where it was any more. Who only
    /// sleeps would not know that from anything else.
    pub(crate) fn beaten(&mut self, result: Result<(), StoreError>) -> Result<(), StoreError> {
        self.is_heard = true;
        match result {
            // Nothing was begun, so nothing is broken.
            Err(StoreError::Busy { .. }) => Ok(()),
            result => result,
        }
    }
}
