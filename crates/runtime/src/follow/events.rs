//! What happens to a run, in order, from any of its turns on.

use std::collections::VecDeque;
use std::sync::Arc;

use motet_engine::{RunId, Turn};
use motet_store::StoreError;

use super::feed::{Feed, News, Reader};
use super::{Happening, PAGE_BYTES};
use crate::Error;
use crate::operation::Hands;

/// What happens to a run, in order.
pub struct Events {
    hands: Arc<Hands>,
    run: RunId,
    /// Where to hear of what is new; nothing where nobody drives the run.
    reader: Option<Reader>,
    /// What was read and not told yet: little, for all that waits is in the store.
    ahead: VecDeque<Happening>,
    /// The last turn that was read.
    last: u64,
    is_over: bool,
}

impl Events {
    /// Of the turns after `last`, and of all that is told in `feed` if somebody drives the run.
    pub(crate) fn new(hands: Arc<Hands>, run: RunId, feed: Option<Arc<Feed>>, last: u64) -> Events {
        let reader = feed.map(Reader::new);
        Events { hands, run, reader, ahead: VecDeque::new(), last, is_over: false }
    }

    /// What happens next; nothing after the end of the run, or when nobody drives it. Nothing is lost if
    /// this is dropped while it waits.
    pub async fn next(&mut self) -> Option<Happening> {
        while self.ahead.is_empty() && !self.is_over {
            if let Err(error) = self.read_on().await {
                self.ahead.push_back(Happening::Lost(Arc::new(error)));
            }
        }
        let next = self.ahead.pop_front()?;
        if next.is_end() {
            self.is_over = true;
            self.ahead.clear();
        }
        Some(next)
    }

    /// Reads what comes next, or finds that nothing does.
    async fn read_on(&mut self) -> Result<(), Error> {
        let Some(reader) = &mut self.reader else {
            let turns = read_page(&self.hands, &self.run, self.last).await?;
            self.is_over = turns.is_empty();
            self.add(turns);
            return Ok(());
        };
        match reader.news(self.last).await {
            News::Next(happenings) => {
                let mut turns = happenings.iter().rev().filter_map(|happening| match happening {
                    Happening::Turn(turn) => Some(turn.number),
                    _ => None,
                });
                self.last = turns.next().unwrap_or(self.last);
                self.ahead.extend(happenings);
            }
            News::Behind => {
                let turns = read_page(&self.hands, &self.run, self.last).await?;
                if turns.is_empty() {
                    let (file, next) = (self.hands.store.folder().to_owned(), self.last + 1);
                    let what = format!("turn {next} of run {} is missing", self.run);
                    return Err(StoreError::Corrupt { file, what }.into());
                }
                self.add(turns);
            }
        }
        Ok(())
    }

    fn add(&mut self, turns: Vec<Turn>) {
        self.last = turns.last().map_or(self.last, |turn| turn.number);
        self.ahead.extend(turns.into_iter().map(|turn| Happening::Turn(Arc::new(turn))));
    }
}

/// Some of the turns after turn `last`. Reading is not done on the threads that drive runs.
pub(crate) async fn read_page(hands: &Hands, run: &RunId, last: u64) -> Result<Vec<Turn>, Error> {
    let (store, id) = (hands.store.clone(), run.clone());
    let (give, page) = tokio::sync::oneshot::channel();
    let read = move || drop(give.send(store.turns_page(&id, last + 1, PAGE_BYTES)));
    hands.world.compute(Box::new(read)).await;
    Ok(page.await.map_err(|_| Error::Interrupted(run.clone()))??)
}
