//! Courtesy: how the providers are treated, and those who wait for the same things.

use std::collections::BTreeMap;

use motet::engine::attempt::Next;
use motet::engine::event::LateEnd;
use motet::engine::{AttemptEvent, AttemptKey, Event, Phase, RunEvent, StepEvent};
use motet::language::{Class, Span, StepPath, Timestamp};
use serde_json::Value as Json;

use crate::laws::BY_TIME;
use crate::play::{Played, attempt_of};
use crate::seen::moment;
use crate::sequel::{LANE, step_at};
use crate::story::{STRANGE_JOB, Story};

/// Which of these laws a story broke, in words.
pub fn judge(story: &Story, played: &Played) -> Vec<String> {
    let Ok(pipeline) = serde_json::from_str::<Json>(&story.pipeline) else { return Vec::new() };
    let mut words = Vec::new();
    let mut say = |law: &str, broken: Vec<String>| {
        words.extend(broken.into_iter().map(|broken| format!("{law}: {broken}")));
    };
    say("nobody comes before the moment that was told", coming_early(story, played));
    say("a slot is given once", slots_given_twice(&pipeline, played));
    say("a job that nobody knows is given up", asked_for_ever(played));
    for run in std::iter::once(played).chain(played.sequel.as_deref()) {
        let calls = Calls { pipeline: &pipeline, run };
        say("what nobody wants is cancelled", calls.not_cancelled());
        say("nothing is bought again after a timeout", calls.bought_after_a_timeout());
        say("a job that others wait for isn't cancelled", calls.cancelled_for_others());
    }
    words
}

/// A throttled reply tells when to come again.
const TOLD: Span = Span::seconds(2);

/// What has left by then left before the reply came.
const ON_THE_WAY: Span = Span(100);

fn coming_early(story: &Story, played: &Played) -> Vec<String> {
    // Replies that are late are told late.
    if story.lag > Span(0) {
        return Vec::new();
    }
    let creates = || played.requests.iter().filter(|request| request["operation"] == "create");
    let provider = |request: &Json| {
        request["path"].as_str().unwrap_or_default().split('/').nth(1).unwrap_or_default().to_owned()
    };
    let at = |request: &Json| moment(request["at"].as_str().unwrap_or_default());
    let died = |from: Timestamp| {
        played.crashes.iter().any(|(died, _)| *died >= from && *died <= from.after(ON_THE_WAY))
    };
    let mut words = Vec::new();
    for told in creates().filter(|request| request["fault"] == "throttle" && request["status"] == 429) {
        let (since, until) = (at(told).after(ON_THE_WAY), at(told).after(TOLD));
        let is_early =
            |other: &&Json| provider(other) == provider(told) && at(other) > since && at(other) < until;
        if let Some(early) = creates().find(is_early).filter(|_| !died(at(told))) {
            words.push(format!("told at {} to wait for {TOLD}, asked at {}", told["at"], early["at"]));
        }
    }
    words
}

/// At most one attempt is at work in the pool of one slot.
fn slots_given_twice(pipeline: &Json, played: &Played) -> Vec<String> {
    let runs = std::iter::once(played).chain(played.sequel.as_deref());
    let is_narrow = |step: &StepPath| step_at(pipeline, step.as_str())["pool"] == LANE;
    let mut words = Vec::new();
    let mut at_work: BTreeMap<(usize, &AttemptKey), Phase> = BTreeMap::new();
    for (number, run) in runs.enumerate() {
        for event in run.turns.iter().flat_map(|turn| &turn.events) {
            if matches!(event, Event::Run(RunEvent::Resumed { .. })) {
                // Of what was about to leave nobody knows whether it did.
                let of_run = at_work.iter_mut().filter(|((of, _), _)| *of == number);
                of_run
                    .filter(|(_, phase)| **phase == Phase::Planned)
                    .for_each(|(_, phase)| *phase = Phase::Doubtful);
            }
            let Event::Attempt { key, event } = event else { continue };
            if let AttemptEvent::Planned { target, .. } = event {
                if *target > 0 || !is_narrow(&key.step) {
                    continue;
                }
                if let Some((_, other)) = at_work.keys().next() {
                    words.push(format!(
                        "{}/{} began beside {}/{}",
                        key.step, key.number, other.step, other.number
                    ));
                }
                at_work.insert((number, key), Phase::Planned);
            } else if let Some(phase) = at_work.get_mut(&(number, key)) {
                match phase.after(event) {
                    Some(Next::Phase(Phase::Unknown { .. }) | Next::Over) => {
                        _ = at_work.remove(&(number, key))
                    }
                    Some(Next::Phase(next)) => *phase = next,
                    None => {}
                }
            }
        }
    }
    words
}

/// A job that its provider doesn't know, again and again, isn't asked for any more.
fn asked_for_ever(played: &Played) -> Vec<String> {
    let is_unknown = |request: &&Json| {
        let is_about_it = request["path"].as_str().unwrap_or_default().contains(STRANGE_JOB);
        is_about_it
            && request["operation"] == "read"
            && request["status"] == 404
            && request["fault"].is_null()
    };
    // The requests of both runs.
    let asked = played.requests.iter().filter(is_unknown).count();
    let is_named = |event: &&Event| matches!(event, Event::Attempt { event: AttemptEvent::Accepted { job, .. }, .. } if job == STRANGE_JOB);
    let runs = std::iter::once(played).chain(played.sequel.as_deref());
    let named = runs.flat_map(|run| &run.turns).flat_map(|turn| &turn.events).filter(is_named).count();
    let most = 8 * named.max(1) * (1 + played.crashes.len());
    (asked > most).then(|| format!("{STRANGE_JOB} was asked for {asked} times")).into_iter().collect()
}

struct Calls<'s> {
    pipeline: &'s Json,
    run: &'s Played,
}

impl Calls<'_> {
    fn events(&self) -> impl Iterator<Item = &Event> {
        self.run.turns.iter().flat_map(|turn| &turn.events)
    }

    /// A job that was at work when it was given up is cancelled at a provider that can do that, and so is one that is
    /// found afterwards; but not what was told to have ended in that very moment.
    fn not_cancelled(&self) -> Vec<String> {
        let mut jobs: BTreeMap<&AttemptKey, &str> = BTreeMap::new();
        let mut left: BTreeMap<&AttemptKey, &str> = BTreeMap::new();
        let mut given_up: BTreeMap<&AttemptKey, Timestamp> = BTreeMap::new();
        for turn in &self.run.turns {
            for event in &turn.events {
                let Event::Attempt { key, event } = event else { continue };
                match event {
                    AttemptEvent::Accepted { job, .. } => _ = jobs.insert(key, job),
                    AttemptEvent::AcceptedLate { job } => _ = left.insert(key, job),
                    AttemptEvent::Finished {} | AttemptEvent::Unknown { .. } => _ = jobs.remove(key),
                    AttemptEvent::Abandoned { .. } | AttemptEvent::Failed { abandoned: true, .. } => {
                        left.extend(jobs.remove(key).map(|job| (key, job)));
                        given_up.insert(key, turn.at);
                    }
                    AttemptEvent::Ended { end, .. }
                        if *end != LateEnd::Unknown && given_up.get(key) == Some(&turn.at) =>
                    {
                        left.remove(key);
                    }
                    _ => {}
                }
            }
        }
        left.retain(|key, job| self.can_be_cancelled(key) && !self.was_cancelled(job));
        left.into_iter().map(|(key, job)| format!("{}/{}: {job}", key.step, key.number)).collect()
    }

    fn can_be_cancelled(&self, key: &AttemptKey) -> bool {
        let is_its = |line: &&Json| attempt_of(line) == Some((key.step.clone(), key.number));
        let line = self.run.ledger.iter().find(is_its);
        // What others wait for goes on.
        line.is_some_and(|line| line["provider"] != "elevenlabs")
            && step_at(self.pipeline, key.step.as_str())["cache"].is_null()
    }

    fn was_cancelled(&self, job: &str) -> bool {
        self.run.requests.iter().any(|request| {
            request["operation"] == "cancel" && request["path"].as_str().unwrap_or_default().contains(job)
        })
    }

    /// A job that took too long may be billed: nothing that costs follows, unless it is written.
    fn bought_after_a_timeout(&self) -> Vec<String> {
        let mut timed_out: BTreeMap<&StepPath, bool> = BTreeMap::new();
        let mut words = Vec::new();
        for event in self.events() {
            match event {
                Event::Attempt { key, event: AttemptEvent::Planned { target, .. } } => match target {
                    0 => _ = timed_out.insert(&key.step, false),
                    _ => _ = timed_out.remove(&key.step),
                },
                Event::Attempt { key, event: AttemptEvent::Failed { failure, abandoned, .. } } => {
                    let is_it = *abandoned && failure.class == Class::Timeout;
                    timed_out.entry(&key.step).and_modify(|out| *out = is_it);
                }
                Event::Step { step, event } if timed_out.get(step) == Some(&true) => {
                    let written = step_at(self.pipeline, step.as_str());
                    let follows = match event {
                        StepEvent::FallbackTaken { target, .. } => {
                            let fallback = &written["fallback"][target - 1];
                            let is_free =
                                fallback["uses"].as_str().is_some_and(|uses| uses.starts_with("task/"));
                            !is_free && fallback["on"].is_null()
                        }
                        StepEvent::RetryScheduled { .. } => written["retry"]["on"].is_null(),
                        _ => false,
                    };
                    timed_out.remove(step);
                    words.extend(follows.then(|| format!("{step} timed out, and then {event:?}")));
                }
                _ => {}
            }
        }
        words
    }

    /// Where two make the same, the job of the first goes on when the first is cancelled.
    fn cancelled_for_others(&self) -> Vec<String> {
        // A cancelled run cancels all who wait; after a restart it isn't known any more.
        let is_cancelled = |event: &Event| matches!(event, Event::Run(RunEvent::CancelRequested { .. }));
        if self.events().any(is_cancelled) || !self.run.crashes.is_empty() {
            return Vec::new();
        }
        let mut ready: BTreeMap<&StepPath, String> = BTreeMap::new();
        let mut jobs: BTreeMap<&StepPath, &str> = BTreeMap::new();
        // What is billed by time isn't left to run for others.
        let mut by_time: BTreeMap<&StepPath, bool> = BTreeMap::new();
        let mut abandoned = Vec::new();
        for event in self.events() {
            match event {
                Event::Step { step, event: StepEvent::Ready { cache: Some(key), .. } } => {
                    ready.insert(step, key.fingerprint.to_string());
                }
                Event::Step {
                    step,
                    event:
                        StepEvent::Completed { .. } | StepEvent::Failed { .. } | StepEvent::FallbackTaken { .. },
                } => {
                    ready.remove(step);
                }
                Event::Step { step, event: StepEvent::Cancelled { .. } } => {
                    ready.remove(step);
                    abandoned.retain(|(_, waiter)| *waiter != step);
                }
                Event::Attempt { key, event: AttemptEvent::Planned { operation, .. } } => {
                    by_time.insert(&key.step, operation == BY_TIME);
                }
                Event::Attempt { key, event: AttemptEvent::Accepted { job, .. } } => {
                    jobs.insert(&key.step, job);
                }
                Event::Attempt { key, event: AttemptEvent::Finished {} } => _ = jobs.remove(&key.step),
                Event::Attempt { key, event: AttemptEvent::Abandoned { .. } }
                    if by_time.get(&key.step) != Some(&true) =>
                {
                    let (Some(job), Some(own)) = (jobs.get(&key.step), ready.get(&key.step)) else {
                        continue;
                    };
                    let waiter = ready.iter().find(|(step, other)| ***step != key.step && *other == own);
                    abandoned.extend(waiter.map(|(step, _)| (*job, *step)));
                }
                _ => {}
            }
        }
        let cancelled = abandoned.into_iter().filter(|(job, _)| self.was_cancelled(job));
        cancelled.map(|(job, step)| format!("{job}, for which {step} waited")).collect()
    }
}
