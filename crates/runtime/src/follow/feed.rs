//! Between the driver and those who follow a run: bells, and a little of what was told last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use motet_engine::{Event, Run, RunEvent, Turn};
use tokio::sync::Notify;

use super::progress::Board;
use super::recent::Recent;
use super::{Happening, Progress};

/// What is told of a run that is driven. Telling is short work that never waits for anybody who listens.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    told: Mutex<Told>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Told {
    /// The number of the last durable turn.
    last: u64,
    /// Whether somebody asked the run to end, up to there: the part of it that runs now.
    is_cancelling: bool,
    /// Whether how it ends is decided, and it still does something.
    is_closing: bool,
    /// Kept only while somebody reads turns here.
    recent: Recent,
    readers: usize,
    progress: Board,
    end: Option<Happening>,
}

impl Feed {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how far an attempt is.
    pub(crate) fn tell_progress(&self, progress: Progress) {
        let mut told = self.told();
        let last = told.last;
        told.progress.tell(progress, last);
        drop(told);
        self.bell.notify_waiters();
    }

    /// The number of the last durable turn, whether somebody asked the run to end up to there, and whether how it ends
    /// is decided.
    pub(crate) fn standing(&self) -> (u64, bool, bool) {
        let told = self.told();
        (told.last, told.is_cancelling, told.is_closing)
    }

    /// The last that is told of the run: its last turn, or why nobody drives it any more.
    pub(crate) async fn end(&self) -> Happening {
        self.wait_for(|told| told.end.clone()).await
    }

    /// Waits until `look` finds something.
    async fn wait_for<T>(&self, mut look: impl FnMut(&Told) -> Option<T>) -> T {
        loop {
            let rung = self.bell.notified();
            let found = look(&self.told());
            match found {
                Some(found) => return found,
                // Whoever rang after `rung` was made has woken it already.
                None => rung.await,
            }
        }
    }
}

/// The driver's side of a feed. When it is dropped, nobody drives the run any more.
#[derive(Debug)]
pub(crate) struct Publisher(Arc<Feed>);

impl Publisher {
    /// Of a run that begins.
    pub(crate) fn new() -> Publisher {
        Publisher::telling(Told::default())
    }

    /// Of a run all of whose turns are durable.
    pub(crate) fn of(run: &Run) -> Publisher {
        let (is_cancelling, is_closing) = (run.is_cancelling(), run.is_closing());
        Publisher::telling(Told { last: run.turns(), is_cancelling, is_closing, ..Told::default() })
    }

    fn telling(told: Told) -> Publisher {
        Publisher(Arc::new(Feed { told: Mutex::new(told), bell: Notify::new() }))
    }

    /// What is told of a run that nobody drives any more.
    pub(crate) fn ended(why: Happening) -> Arc<Feed> {
        let publisher = Publisher::new();
        publisher.end(why);
        publisher.0.clone()
    }

    pub(crate) fn feed(&self) -> &Arc<Feed> {
        &self.0
    }

    /// Tells that a turn is durable.
    pub(crate) fn publish(&self, turn: &Arc<Turn>) {
        let mut guard = self.0.told();
        let told = &mut *guard;
        told.last = turn.number;
        for event in &turn.events {
            match event {
                Event::Run(RunEvent::CancelRequested { .. }) => told.is_cancelling = true,
                // How it ends is decided: what it still does can be cancelled for itself.
                Event::Run(RunEvent::Closing { .. }) => (told.is_closing, told.is_cancelling) = (true, false),
                _ => {}
            }
        }
        if told.readers > 0 {
            told.recent.push(turn);
        }
        told.progress.end_attempts(turn, told.recent.first());
        let happening = Happening::Turn(turn.clone());
        if happening.is_end() {
            told.end.get_or_insert(happening);
        }
        drop(guard);
        self.0.bell.notify_waiters();
    }

    /// Tells why nobody drives the run any more. The first reason counts.
    pub(crate) fn end(&self, why: Happening) {
        self.0.told().end.get_or_insert(why);
        self.0.bell.notify_waiters();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.end(Happening::Interrupted);
    }
}

/// What somebody hears who only listens for bells.
#[derive(Debug)]
pub(crate) struct Bells {
    /// The number of the last durable turn.
    pub(crate) last: u64,
    /// How far attempts are that have not ended.
    pub(crate) progress: Vec<Arc<Progress>>,
    /// The last that is told of the run.
    pub(crate) end: Option<Happening>,
}

/// Listens for bells, and reads the turns elsewhere.
#[derive(Debug)]
pub(crate) struct Listener {
    feed: Arc<Feed>,
    last: u64,
    progress: u64,
}

impl Listener {
    /// Hears what is told from now on.
    pub(crate) fn new(feed: Arc<Feed>) -> Listener {
        let (last, progress) = {
            let told = feed.told();
            (told.last, told.progress.told())
        };
        Listener { feed, last, progress }
    }

    /// What is new since the last time. Nothing is lost if this is dropped while it waits.
    pub(crate) async fn next(&mut self) -> Bells {
        let (last, progress) = (self.last, self.progress);
        let (bells, progress) = self
            .feed
            .wait_for(|told| {
                let is_new = told.last > last || told.progress.told() > progress || told.end.is_some();
                is_new.then(|| {
                    let fresh = told.progress.since(progress, told.last);
                    let fresh = fresh.into_iter().map(|(_, progress)| progress).collect();
                    let bells = Bells { last: told.last, progress: fresh, end: told.end.clone() };
                    (bells, told.progress.told())
                })
            })
            .await;
        (self.last, self.progress) = (bells.last, progress);
        bells
    }
}

/// Reads the turns of a run, and hears what is told between them.
#[derive(Debug)]
pub(super) struct Reader {
    feed: Arc<Feed>,
    progress: u64,
}

/// What there is for a reader.
#[derive(Debug)]
pub(super) enum News {
    /// What happened next, in order.
    Next(Vec<Happening>),
    /// Turns that are in the store alone.
    Behind,
}

impl Reader {
    /// Hears what attempts tell from now on.
    pub(super) fn new(feed: Arc<Feed>) -> Reader {
        let progress = {
            let mut told = feed.told();
            told.readers += 1;
            told.progress.told()
        };
        Reader { feed, progress }
    }

    /// What there is for somebody who knows the turns up to `last`. Nothing is lost if this is dropped
    /// while it waits.
    pub(super) async fn news(&mut self, last: u64) -> News {
        let heard = self.progress;
        let (news, heard) =
            self.feed.wait_for(|told| Some((told.news(last, heard)?, told.progress.told()))).await;
        if matches!(news, News::Next(_)) {
            self.progress = heard;
        }
        news
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut told = self.feed.told();
        told.readers -= 1;
        if told.readers == 0 {
            told.recent.clear();
        }
    }
}

impl Told {
    /// What there is for somebody who knows the turns up to `last` and what was `heard` of progress.
    fn news(&self, last: u64, heard: u64) -> Option<News> {
        if last < self.last && self.recent.after(last).is_none() {
            return Some(News::Behind);
        }
        let mut progress = self.progress.since(heard, last).into_iter().peekable();
        let mut next = Vec::new();
        for turn in self.recent.after(last).into_iter().flatten() {
            while let Some((_, progress)) = progress.next_if(|(after, _)| *after < turn.number) {
                next.push(Happening::Progress(progress));
            }
            next.push(Happening::Turn(turn.clone()));
        }
        next.extend(progress.map(|(_, progress)| Happening::Progress(progress)));
        if next.is_empty() {
            next.extend(self.end.clone());
        }
        (!next.is_empty()).then_some(News::Next(next))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use motet_engine::StepEvent;
    use motet_pipeline::{StepPath, Timestamp, Value};

    use super::*;

    /// Turn `number`, of about 100 kB.
    fn turn(number: u64) -> Arc<Turn> {
        let output = Some(Value::map([("text", Value::from("x".repeat(100_000)))]));
        let completed = Event::Step {
            step: StepPath::from_text("a"),
            event: StepEvent::Completed { output, reused: None, cache: None },
        };
        Arc::new(Turn { number, at: Timestamp(0), events: vec![completed] })
    }

    fn tell_progress(feed: &Feed, attempt: u32, fraction: f64) {
        let step = StepPath::from_text("a");
        feed.tell_progress(Progress {
            step,
            attempt,
            fraction: Some(fraction),
            message: None,
            next_look: None,
        });
    }

    fn told(news: News) -> Vec<String> {
        let News::Next(happenings) = news else { return vec!["behind".into()] };
        let words = happenings.iter().map(|happening| match happening {
            Happening::Turn(turn) => format!("turn {}", turn.number),
            Happening::Progress(progress) => format!("{:?}", progress.fraction.unwrap_or_default()),
            other => format!("{other:?}"),
        });
        words.collect()
    }

    #[test]
    fn for_a_reader_that_stands_still_little_is_kept_and_it_is_sent_to_the_store() {
        let publisher = Publisher::new();
        let mut reader = Reader::new(publisher.feed().clone());
        let turns: Vec<Arc<Turn>> = (1..=100).map(turn).collect();
        turns.iter().for_each(|turn| publisher.publish(turn));
        let kept = turns.iter().filter(|turn| Arc::strong_count(turn) > 1).count();
        assert!((5..=10).contains(&kept), "{kept} turns of 100 kB are kept");
        assert_eq!(told(reader.news(0).now_or_never().unwrap()), ["behind"]);
        assert_eq!(told(reader.news(98).now_or_never().unwrap()), ["turn 99", "turn 100"]);
        assert!(reader.news(100).now_or_never().is_none(), "it waits for what comes");
        drop(reader);
        assert!(turns.iter().all(|turn| Arc::strong_count(turn) == 1), "and without readers nothing is");
    }

    #[test]
    fn of_what_an_attempt_tells_the_latest_is_heard_at_its_place_between_two_turns() {
        let publisher = Publisher::new();
        let mut reader = Reader::new(publisher.feed().clone());
        let feed = publisher.feed();
        publisher.publish(&turn(1));
        (0..10_000).for_each(|percent| tell_progress(feed, 1, f64::from(percent) / 10_000.0));
        publisher.publish(&turn(2));
        assert_eq!(told(reader.news(0).now_or_never().unwrap()), ["turn 1", "0.9999", "turn 2"]);
        tell_progress(feed, 1, 1.0);
        drop(publisher);
        assert_eq!(told(reader.news(2).now_or_never().unwrap()), ["1.0"]);
        assert_eq!(told(reader.news(2).now_or_never().unwrap()), ["Interrupted"]);
    }

    #[test]
    fn of_very_many_attempts_those_are_heard_that_told_last() {
        let publisher = Publisher::new();
        let mut listener = Listener::new(publisher.feed().clone());
        (1..=3_000).for_each(|attempt| tell_progress(publisher.feed(), attempt, 0.5));
        publisher.publish(&turn(1));
        let bells = listener.next().now_or_never().unwrap();
        assert_eq!((bells.last, bells.progress.len(), bells.progress[0].attempt), (1, 1_000, 2_001));
    }
}
