//! Reads: jobs of one credential are asked for together where that takes fewer requests, and never more often than the
//! provider allows.
//!
//! A provider's list tells of many jobs at once how far they are. Whoever waits for one of them looks into the last list
//! first; if that is too old, one of them fetches a new one, for all. What has ended, and what isn't on the list, is
//! asked for by itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use motet_engine::intent::place;
use motet_pipeline::{Span, Timestamp};
use motet_providers::adapter::Call;
use motet_providers::answer::{News, State};

use super::remote::ModelCalls;
use super::search::SKEW;
use crate::door::Stake;
use crate::work::Work;

/// So many jobs must wait before a list is fetched for them: for fewer, single questions are as cheap.
const LISTED_LEAST: usize = 4;

/// A page of a list must tell of at least so many of those that wait.
const TOLD_BY_A_PAGE: usize = 2;

/// Reads that may leave at once, after a while without any: what comes in this time.
const BURST: Span = Span::seconds(1);

/// The boards of all credentials, by the names of their pools.
#[derive(Debug, Default)]
pub(super) struct Reads(Mutex<HashMap<Arc<str>, Arc<Board>>>);

/// What is known of the jobs of one credential.
#[derive(Debug, Default)]
pub(super) struct Board {
    seen: Mutex<Seen>,
    /// Held by whoever fetches the list.
    listing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Seen {
    turns: Turns,
    /// The jobs that are waited for, and when their attempts were planned.
    waiting: BTreeMap<String, Timestamp>,
    /// What the last list told of them.
    states: HashMap<String, State>,
    /// When that was.
    at: Option<Timestamp>,
}

/// When reads may leave: evenly, but for a burst.
#[derive(Debug, Default)]
struct Turns {
    /// When the next one would leave if all left evenly.
    next: Option<Timestamp>,
    /// None leaves before: the provider has said so.
    closed_until: Option<Timestamp>,
}

/// Somebody waits for a job.
pub(super) struct Waiting {
    board: Arc<Board>,
    job: String,
}

impl Waiting {
    /// The job that is waited for.
    pub(super) fn job(&self) -> &str {
        &self.job
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut seen = self.board.seen();
        seen.waiting.remove(&self.job);
        seen.states.remove(&self.job);
    }
}

impl Turns {
    /// How long a read must wait that would leave at `now`; it has its turn then.
    fn take(&mut self, now: Timestamp, per_minute: Option<u32>) -> Span {
        let closed = self.closed_until.filter(|until| *until > now).unwrap_or(now);
        let Some(per_minute) = per_minute.filter(|count| *count > 0) else { return closed.since(now) };
        let interval = Span(60_000_u64.div_ceil(u64::from(per_minute)));
        let earliest = Timestamp(now.0.saturating_sub_unsigned(BURST.0));
        let next = self
            .next
            .unwrap_or(earliest)
            .max(earliest)
            .max(Timestamp(closed.0.saturating_sub_unsigned(BURST.0)));
        self.next = Some(next.after(interval));
        next.max(closed).since(now)
    }
}

impl Seen {
    /// What the last list tells of a job, if it isn't older than `since`.
    fn state(&self, job: &str, since: Timestamp) -> Option<State> {
        self.at.filter(|at| *at >= since)?;
        self.states.get(job).copied()
    }
}

impl Reads {
    fn board(&self, place: Arc<str>) -> Arc<Board> {
        let mut boards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        boards.entry(place).or_default().clone()
    }
}

impl Board {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ModelCalls {
    fn board(&self, call: &Call) -> Arc<Board> {
        self.models.reads.board(place(self.provider_name(), &call.credential))
    }

    /// Waits until something may be read with the credential of `call`.
    pub(super) async fn turn_to_read(&self, work: &Work, call: &Call) {
        let board = self.board(call);
        let wait =
            board.seen().turns.take(work.hands.world.now(), self.provider.profile().rates.reads_per_minute);
        if wait > Span::default() {
            work.pause(wait).await;
        }
    }

    /// No read with the credential of `call` leaves before: the provider has said so.
    pub(super) fn close_reads(&self, call: &Call, until: Timestamp) {
        let board = self.board(call);
        let mut seen = board.seen();
        seen.turns.closed_until = seen.turns.closed_until.max(Some(until));
    }

    /// Notes that `job` is waited for.
    pub(super) fn wait_for(&self, work: &Work, call: &Call, job: &str) -> Waiting {
        let planned = work.planned_at().unwrap_or_else(|| work.hands.world.now());
        let board = self.board(call);
        board.seen().waiting.insert(job.to_owned(), planned);
        Waiting { board, job: job.to_owned() }
    }

    /// How the job is, as a list tells that is at most `age` old; nothing if it is to be asked for by itself: there is no
    /// list, too few wait, or it has ended.
    pub(super) async fn glance(
        &self,
        work: &Work,
        call: &Call,
        waiting: &Waiting,
        age: Span,
    ) -> Option<News> {
        if !self.provider.profile().lists_jobs || waiting.board.seen().waiting.len() < LISTED_LEAST {
            return None;
        }
        let since = Timestamp(work.hands.world.now().0.saturating_sub_unsigned(age.0));
        let known = waiting.board.seen().state(&waiting.job, since);
        let state = match known {
            Some(state) => Some(state),
            None => {
                let _listing = waiting.board.listing.lock().await;
                // Somebody else may have fetched it meanwhile.
                if waiting.board.seen().at.is_none_or(|at| at < since) {
                    self.list(work, call, &waiting.board).await;
                }
                waiting.board.seen().state(&waiting.job, since)
            }
        };
        match state? {
            State::Queued => Some(News::Queued { ahead: None }),
            State::Running => Some(News::Running),
            State::Ended => None,
        }
    }

    /// Fetches the provider's list, as far as that takes fewer requests than to ask for each job.
    async fn list(&self, work: &Work, call: &Call, board: &Board) {
        let (since, pages_max) = {
            let seen = board.seen();
            let first = seen.waiting.values().min().copied().unwrap_or_default();
            (Timestamp(first.0.saturating_sub_unsigned(SKEW.0)), seen.waiting.len() / TOLD_BY_A_PAGE)
        };
        let at = work.hands.world.now();
        let mut states = HashMap::new();
        let mut page: Option<String> = None;
        for _ in 0..pages_max {
            self.turn_to_read(work, call).await;
            let Some(request) = self.provider.search(call, since, page.as_deref()) else { break };
            let Ok(reply) = self.send(Some(call), request, Stake::Free).await else { break };
            let Ok(found) = self.provider.read_search(call, reply) else { break };
            states.extend(found.jobs.into_iter().filter_map(|job| Some((job.job, job.state?))));
            page = found.next;
            let is_complete = board.seen().waiting.keys().all(|job| states.contains_key(job));
            if page.is_none() || is_complete {
                break;
            }
        }
        let mut seen = board.seen();
        states.retain(|job, _| seen.waiting.contains_key(job));
        (seen.states, seen.at) = (states, Some(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn later(milliseconds: u64) -> Timestamp {
        NOW.after(Span(milliseconds))
    }

    #[test]
    fn reads_leave_evenly_but_for_a_burst_and_never_more_than_are_allowed() {
        let mut turns = Turns::default();
        // 600 in a minute: one each 100 ms, ten at once.
        let waits: Vec<u64> = (0..14).map(|_| turns.take(NOW, Some(600)).0).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 200, 300]);
        assert_eq!(turns.take(later(10_000), Some(600)).0, 0, "after a while there is a burst again");
        assert_eq!(Turns::default().take(NOW, None).0, 0);
        let mut leaving = Turns::default();
        let mut moments: Vec<u64> = Vec::new();
        for at in (0..120_000).step_by(7) {
            moments.push(at + leaving.take(later(at), Some(600)).0);
        }
        for minute in moments.iter().step_by(100) {
            let within = moments.iter().filter(|moment| (*minute..minute + 60_000).contains(*moment)).count();
            assert!(within <= 611, "{within} in a minute");
        }
    }

    #[test]
    fn whoever_is_told_to_wait_reads_nothing_before() {
        let mut turns = Turns { closed_until: Some(later(30_000)), ..Turns::default() };
        assert_eq!(turns.take(NOW, Some(600)).0, 30_000);
        assert_eq!(turns.take(NOW, None).0, 30_000);
        assert_eq!(turns.take(later(30_000), Some(600)).0, 0);
    }

    #[test]
    fn a_list_is_believed_until_it_is_too_old_and_of_what_it_tells() {
        let mut seen = Seen { at: Some(NOW), ..Seen::default() };
        seen.states.insert("j1".to_owned(), State::Running);
        assert_eq!(seen.state("j1", Timestamp(NOW.0 - 5000)), Some(State::Running));
        assert_eq!(seen.state("j1", later(1)), None);
        assert_eq!(seen.state("j2", NOW), None);
    }
}
