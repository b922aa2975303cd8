//! What holds for any pipeline and whatever a run is told.

use std::collections::{BTreeMap, BTreeSet};

use motet_engine::dispatcher::Cause;
use motet_engine::{
    AttemptEnd, AttemptEvent, AttemptKey, Decision, Event, Input, RunEvent, RunStatus, StepEvent,
};
use motet_pipeline::{Class, Cost, Failure, Money, Span, StepPath, Value};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use crate::model::{Fates, fates, play};
use crate::pieces::{Piece, Written, piece};
use crate::post::{Dice, Post, dice};
use crate::scenario::{Scenario, Watch, bad, ok, outputs, pipeline};

/// Something that a run is told, or that happens around it.
#[derive(Clone, Debug)]
enum Act {
    Succeed(Index),
    Fail(Index, Index, bool),
    Misbehave(Index),
    Drop(Index),
    Accept(Index),
    Grant(Index),
    Deny(Index, bool),
    Drain(Index, bool),
    Advance(u16),
    Leap(u16),
    Rest(u16),
    Repeat(Index),
    Nonsense(u8, Index),
    Backwards,
    Cancel,
    CancelStep(Index, bool),
    CutShort,
}

fn act() -> impl Strategy<Value = Act> {
    let pick = any::<Index>;
    prop_oneof![
        8 => pick().prop_map(Act::Succeed),
        4 => (pick(), pick(), any::<bool>()).prop_map(|(which, class, told)| Act::Fail(which, class, told)),
        1 => pick().prop_map(Act::Misbehave),
        1 => pick().prop_map(Act::Drop),
        1 => pick().prop_map(Act::Accept),
        4 => pick().prop_map(Act::Grant),
        1 => (pick(), any::<bool>()).prop_map(|(which, told)| Act::Deny(which, told)),
        2 => (pick(), any::<bool>()).prop_map(|(which, good)| Act::Drain(which, good)),
        3 => (0_u16..200).prop_map(Act::Advance),
        1 => (0_u16..200).prop_map(Act::Leap),
        1 => (0_u16..2000).prop_map(Act::Rest),
        3 => pick().prop_map(Act::Repeat),
        3 => (any::<u8>(), pick()).prop_map(|(what, which)| Act::Nonsense(what, which)),
        1 => Just(Act::Backwards),
        1 => Just(Act::Cancel),
        2 => (pick(), any::<bool>()).prop_map(|(which, around)| Act::CancelStep(which, around)),
        1 => Just(Act::CutShort),
    ]
}

/// A run that is told things, and all that it was told.
struct Trial {
    story: Scenario,
    told: Vec<Input>,
}

impl Trial {
    fn tell(&mut self, input: Input) {
        self.told.push(input.clone());
        if let Input::Ended { key, .. } = &input {
            self.story.working.remove(key);
            self.story.stopping.remove(key);
        }
        self.story.tell(input);
    }

    /// Tells something that must change nothing.
    fn tell_in_vain(&mut self, input: Input) {
        let (turns, parts) = (self.story.journal.len(), self.story.run.parts());
        let in_flight = (self.story.flights(), self.story.stopping.clone(), self.story.queueing.clone());
        self.story.tell(input.clone());
        assert_eq!(self.story.journal.len(), turns, "{input:?} led to a turn");
        assert!(self.story.run.parts() == parts, "{input:?} changed something");
        assert_eq!(
            (self.story.flights(), self.story.stopping.clone(), self.story.queueing.clone()),
            in_flight
        );
    }

    fn working(&self, which: Index) -> Option<AttemptKey> {
        let keys: Vec<_> = self.story.working.keys().cloned().collect();
        (!keys.is_empty()).then(|| which.get(&keys).clone())
    }

    fn end(&mut self, which: Index, end: AttemptEnd) {
        if let Some(key) = self.working(which) {
            self.tell(Input::Ended { key, end });
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Succeed(which) => self.end(which, ok(json!("fine"))),
            Act::Fail(which, class, told) => {
                let mut failure = Failure::new(*class.get(&Class::ALL), "it broke");
                if told {
                    failure = failure.retry_at(self.story.now.after(Span::seconds(30)));
                }
                self.end(which, AttemptEnd::Failed { failure, cost: Cost::billed(Money::from_units(1)) });
            }
            Act::Misbehave(which) => self.end(which, outputs(json!("no object"))),
            Act::Drop(which) => self.end(which, AttemptEnd::Cancelled),
            Act::Accept(which) => {
                if let Some(key) = self.working(which) {
                    self.tell(Input::Accepted { key: key.clone(), job: "job".into() });
                    self.tell_in_vain(Input::Accepted { key, job: "another".into() });
                }
            }
            Act::Grant(which) => {
                let waiting: Vec<_> = self.story.queueing.iter().cloned().collect();
                if !waiting.is_empty() {
                    self.tell(Input::Granted { key: which.get(&waiting).clone(), intent: None });
                }
            }
            Act::Deny(which, told) => {
                let waiting: Vec<_> = self.story.queueing.iter().cloned().collect();
                if !waiting.is_empty() {
                    let mut failure = Failure::new(Class::Unavailable, "it is left alone");
                    if told {
                        failure = failure.retry_at(self.story.now.after(Span::seconds(30)));
                    }
                    let cause = Cause::Failure(failure);
                    self.tell(Input::Denied { key: which.get(&waiting).clone(), cause });
                }
            }
            Act::Drain(which, good) => {
                let keys: Vec<_> = self.story.stopping.iter().cloned().collect();
                if !keys.is_empty() {
                    let end = if good { ok(json!("late")) } else { bad(Class::Unavailable) };
                    self.tell(Input::Ended { key: which.get(&keys).clone(), end });
                }
            }
            Act::Advance(seconds) => _ = self.story.advances(&format!("{seconds}s")),
            Act::Leap(seconds) => _ = self.story.leaps(&format!("{seconds}s")),
            Act::Rest(seconds) => _ = self.story.rests(&format!("{seconds}s")),
            Act::Repeat(which) => {
                if !self.told.is_empty() {
                    self.repeat(which.get(&self.told).clone());
                }
            }
            Act::Nonsense(what, which) => self.talk_nonsense(what, which),
            Act::Backwards => {
                let now = self.story.now;
                self.story.now = crate::scenario::DAWN;
                self.tell_in_vain(Input::Tick);
                self.story.now = now;
            }
            Act::CutShort => self.tell(Input::CutShort { by: "ada".into(), reason: "enough of that".into() }),
            Act::Cancel => self.tell(Input::Cancel { by: "ada".into(), reason: "enough".into() }),
            Act::CancelStep(which, around) => self.cancel_step(which, around),
        }
    }

    /// Somebody asks to cancel a step or item that was told of, what it stands in, or one that may not have begun.
    /// Asked for twice, it changes nothing.
    fn cancel_step(&mut self, which: Index, around: bool) {
        let known = self.story.events().filter_map(Event::step).cloned();
        let written = (0..6).flat_map(|number| {
            let step = StepPath::from_text(&format!("s{number}"));
            [step.item("1"), step.item("2").step("b"), step.step("c"), step]
        });
        let all: Vec<_> = known.chain(written).collect();
        let step = which.get(&all).clone();
        let outer = step.as_str().rsplit_once('/').map(|(outer, _)| StepPath::from_text(outer));
        let step = outer.filter(|_| around).unwrap_or(step);
        let may_be = self.story.run.judge_cancel(&step).is_ok();
        let input = Input::CancelStep { step, by: "ada".into(), reason: "enough".into() };
        if may_be {
            self.tell(input.clone());
        }
        self.tell_in_vain(input);
    }

    /// What was told before is told again: it changes nothing, unless it happens to be true again.
    fn repeat(&mut self, input: Input) {
        let true_again = match &input {
            Input::Ended { key, .. } => {
                self.story.working.contains_key(key) || self.story.stopping.contains(key)
            }
            Input::Accepted { key, .. } => self.story.working.contains_key(key),
            Input::Granted { key, .. } | Input::Denied { key, .. } | Input::Cached { key, .. } => {
                self.story.queueing.contains(key)
            }
            Input::Polled { .. } | Input::Reconciled { .. } | Input::Resolve { .. } => false,
            Input::CutShort { .. } => self.may_be_cut_short(),
            Input::Tick
            | Input::CancelStep { .. }
            | Input::Cancel { .. }
            | Input::Resume { .. }
            | Input::Fund { .. } => false,
        };
        if true_again { self.tell(input) } else { self.tell_in_vain(input) }
    }

    /// Whether the run is at its end, and nobody has ended that yet: what was told before came too early.
    fn may_be_cut_short(&self) -> bool {
        let closing = |event: &&Event| matches!(event, Event::Run(RunEvent::Closing { .. }));
        let at_the_end = self.story.events().skip_while(|event| !closing(event));
        let is_asked = |event: &Event| matches!(event, Event::Run(RunEvent::CancelRequested { .. }));
        self.story.run.is_closing() && !at_the_end.into_iter().any(is_asked)
    }

    fn talk_nonsense(&mut self, what: u8, which: Index) {
        let known: Vec<_> = self.story.working.keys().map(|key| key.step.clone()).collect();
        let known = if known.is_empty() { StepPath::from_text("s0") } else { which.get(&known).clone() };
        let nobody = StepPath::from_text("nobody[1]/x");
        let key = |step: &StepPath, number| AttemptKey { step: step.clone(), number };
        self.tell_in_vain(match what % 9 {
            0 => Input::Granted { key: key(&nobody, 1), intent: None },
            1 => Input::Granted { key: key(&StepPath::root(), 1), intent: None },
            2 => Input::Ended { key: key(&nobody, 1), end: ok(json!(1)) },
            3 => Input::Ended { key: key(&known, 0), end: ok(json!(1)) },
            4 => Input::Ended { key: key(&known, u32::MAX), end: bad(Class::Unknown) },
            5 => Input::Ended { key: key(&StepPath::root(), 1), end: AttemptEnd::Cancelled },
            6 => Input::Accepted { key: key(&known, 99), job: "job".into() },
            7 => Input::Denied { key: key(&known, 99), cause: Cause::Budget("no money".into()) },
            _ => Input::Accepted { key: key(&nobody, 1), job: "job".into() },
        });
    }

    /// From now on everything goes well.
    fn come_to_an_end(&mut self) {
        for _ in 0..1000 {
            if self.story.run.status().is_terminal() {
                return;
            }
            let waiting = self.story.queueing.first().cloned();
            let key = self.story.stopping.first().or_else(|| self.story.working.keys().next()).cloned();
            match (waiting, key, self.story.run.next_deadline()) {
                (Some(key), ..) => self.tell(Input::Granted { key, intent: None }),
                (None, Some(key), _) => self.tell(Input::Ended { key, end: ok(json!("at last")) }),
                (None, None, Some(due)) => {
                    let length = due.since(self.story.now);
                    self.story.advances(&length.to_string());
                }
                (None, None, None) if self.story.run.is_parked() => {
                    let stuck = self.story.run.parked().next().map(|(step, _)| step.clone());
                    let step = stuck.expect("a run is parked because a step is");
                    self.tell(Input::Resolve { step, decision: Decision::Fail, by: "ada".into() });
                }
                (None, None, None) => {
                    panic!("the run waits for nothing: {:#?}", self.story.run.parts().keys())
                }
            }
        }
        panic!("the run doesn't end");
    }
}

/// Attempts are numbered from 1 without gaps, and nothing starts before what it waits for has ended.
fn check_journal(story: &Scenario, after: &BTreeMap<String, String>) {
    let mut attempts: BTreeMap<StepPath, u32> = BTreeMap::new();
    let mut ended: BTreeSet<String> = BTreeSet::new();
    for event in story.events() {
        let Some(step) = event.step() else { continue };
        match event {
            Event::Attempt {
                key: AttemptKey { number: attempt, .. },
                event: AttemptEvent::Planned { .. },
            } => {
                let last = attempts.insert(step.clone(), *attempt).unwrap_or(0);
                assert_eq!(*attempt, last + 1, "the attempts of {step}");
            }
            Event::Step { event: StepEvent::Ready { .. }, .. }
            | Event::Step { event: StepEvent::Expanded { .. }, .. } => {
                let Some(other) = after.get(&step.without_keys()) else { continue };
                // Inside of a fan-out it is the step of the same item that is waited for.
                let around = step.as_str().rsplit_once('/').map(|(around, _)| around);
                let beside =
                    around.map(|around| format!("{around}/{}", other.rsplit('/').next().unwrap_or("")));
                let awaited = beside.filter(|_| other.contains('/')).unwrap_or_else(|| other.clone());
                assert!(ended.contains(&awaited), "{step} started before {awaited} had ended");
            }
            Event::Step { event: StepEvent::Completed { .. }, .. }
            | Event::Step { event: StepEvent::Failed { .. }, .. }
            | Event::Step { event: StepEvent::Skipped { .. }, .. }
            | Event::Step { event: StepEvent::Cancelled { .. }, .. } => {
                assert!(ended.insert(step.as_str().to_owned()), "{step} ended twice");
            }
            _ => {}
        }
    }
    let known = story.events().filter_map(Event::step);
    let open: Vec<_> = known
        .filter(|step| !story.run.step_status(step).is_some_and(motet_engine::StepStatus::is_terminal))
        .collect();
    assert!(open.is_empty(), "the run ended, and these did not: {open:?}");
}

/// A step is undone when all that waited for it is, as far as it is undone at all.
fn check_unwinding(story: &Scenario, after: &BTreeMap<String, String>) {
    let (mut begun, mut ended) = (BTreeMap::new(), BTreeMap::new());
    for (place, event) in story.events().enumerate() {
        let Event::Step { step, event: told } = event else { continue };
        let Some(undone) = step.as_str().strip_suffix("/undo").map(StepPath::from_text) else { continue };
        match told {
            StepEvent::Ready { .. } => _ = begun.insert(undone, place),
            _ if event.step_end().is_some() => _ = ended.insert(undone, place),
            _ => {}
        }
    }
    let is_in = |path: &StepPath, around: &str| {
        StepPath::from_text(around).holds(&StepPath::from_text(&path.without_keys()))
    };
    let waited = |later: &StepPath, earlier: &StepPath| {
        later.shares_items(earlier)
            && after.iter().any(|(waiter, awaited)| is_in(later, waiter) && is_in(earlier, awaited))
    };
    for (earlier, place) in &begun {
        for (later, end) in ended.iter().filter(|(later, _)| waited(later, earlier)) {
            assert!(end < place, "{earlier} was undone before {later}");
        }
    }
}

/// How long turns are: as usual, so that each holds a few events, or a single one.
fn turn_bytes() -> impl Strategy<Value = usize> {
    prop_oneof![Just(256 * 1024), 1_usize..1000]
}

/// Plays a piece through a post that doubles, delays and reorders, and gives what it came to.
fn perform(piece: &Piece, fates: &Fates, slots: usize, turn_bytes: usize, dice: Dice) -> Post {
    let setting = pipeline(&piece.write().text).turns_of(turn_bytes);
    let mut post = Post::open(setting.start_run(), slots, dice);
    post.play(|key| fates.end(key));
    post
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every invariant of a scenario is checked after every turn; see there.
    #[test]
    fn any_run_survives_anything_and_ends(piece in piece(), acts in prop::collection::vec(act(), 0..40), turn_bytes in turn_bytes(), seed: u64) {
        let Written { text, after } = piece.write();
        let story = pipeline(&text).seed(seed).turns_of(turn_bytes).start_watched(Watch::Loosely);
        let mut trial = Trial { story, told: Vec::new() };
        for act in acts {
            trial.act(act);
        }
        trial.come_to_an_end();
        check_journal(&trial.story, &after);
        check_unwinding(&trial.story, &after);
        prop_assert!(matches!(trial.story.events().last(), Some(event) if event.ends_run()));
        trial.tell_in_vain(Input::Tick);
        trial.tell_in_vain(Input::Cancel { by: "ada".into(), reason: "late".into() });
    }

    /// Whatever a run is told first, the journal tells it again: at every turn, not only at the last.
    #[test]
    fn any_prefix_of_a_journal_is_a_run(piece in piece(), acts in prop::collection::vec(act(), 0..25)) {
        let story = pipeline(&piece.write().text).start_watched(Watch::Not);
        let mut trial = Trial { story, told: Vec::new() };
        let mut states = vec![trial.story.run.parts()];
        for act in acts {
            let turns = trial.story.journal.len();
            if let Act::Succeed(which) | Act::Fail(which, ..) = &act {
                trial.end(*which, if matches!(act, Act::Succeed(_)) { ok(json!(1)) } else { bad(Class::Unavailable) });
            } else if let Act::Grant(_) = &act {
                trial.act(act);
            }
            if trial.story.journal.len() > turns {
                states.push(trial.story.run.parts());
            }
        }
        prop_assert_eq!(states.len(), trial.story.journal.len());
        for (turns, state) in (1..).zip(states) {
            let graph = trial.story.run.graph().clone();
            let run = motet_engine::Run::replay(graph, &trial.story.journal[..turns]).expect("a prefix can be replayed");
            prop_assert!(run.parts() == state);
        }
        let gap = [&trial.story.journal[..1], &trial.story.journal[trial.story.journal.len().min(2)..]].concat();
        if gap.len() > 1 {
            prop_assert!(motet_engine::Run::replay(trial.story.run.graph().clone(), &gap).is_err());
        }
    }

    #[test]
    fn every_step_ends_as_the_model_says_whatever_the_post_does(
        piece in piece(), fates in fates(), slots in 1_usize..3, turn_bytes in turn_bytes(), dice in dice(),
    ) {
        let piece = Piece { finish: true, ..piece.without_races() };
        let model = play(&piece, &fates);
        let post = perform(&piece, &fates, slots, turn_bytes, dice);
        prop_assert_eq!(&post.statuses(), &model.statuses);
        prop_assert_eq!(&post.attempts(), &model.attempts);
        match post.run.status() {
            RunStatus::Completed { outputs: found } => {
                prop_assert!(!model.is_lost());
                prop_assert_eq!(serde_json::to_value(found).unwrap(), model.outputs(&piece));
            }
            other => prop_assert!(model.is_lost() && other.word() == "failed", "{:?}", other),
        }
    }

    /// Which steps were under way when the first failed is a matter of chance; whether the run failed
    /// isn't, nor is anything if it didn't.
    #[test]
    fn failing_fast_changes_nothing_for_a_run_that_does_not_fail(
        piece in piece(), fates in fates(), slots in 1_usize..3, turn_bytes in turn_bytes(), dice in dice(),
    ) {
        let piece = Piece { finish: false, ..piece.without_races() };
        let model = play(&piece, &fates);
        let post = perform(&piece, &fates, slots, turn_bytes, dice);
        if model.is_lost() {
            prop_assert_eq!(post.run.status().word(), "failed");
            return Ok(());
        }
        let RunStatus::Completed { outputs: found } = post.run.status() else { panic!("{:?}", post.run.status()) };
        prop_assert_eq!(serde_json::to_value(found).unwrap(), model.outputs(&piece));
        for (path, status) in post.statuses().iter().filter(|(path, _)| !path.contains(['/', '['])) {
            prop_assert_eq!(&model.statuses[path], status, "{}", path);
        }
    }

    /// Which of the attempts fail makes no difference here, nor who calls the run off; see the post.
    #[test]
    fn no_slot_is_lost_or_given_twice_whatever_the_post_does(
        piece in piece(), slots in 1_usize..3, turn_bytes in turn_bytes(), dice in dice(), failing in 0_u32..4,
        cancel in any::<bool>(), unwanted in prop::collection::vec((0_usize..6, 0_usize..4), 0..3),
    ) {
        let setting = pipeline(&piece.write().text).turns_of(turn_bytes);
        let mut post = Post::open(setting.start_run(), slots, dice);
        if cancel {
            post.cancel_some_time();
        }
        let unwanted = unwanted.into_iter().map(|(step, inner)| {
            StepPath::from_text(&format!("s{step}{}", ["", "/b", "[1]", "[0]/a"][inner]))
        });
        post.cancel_steps_some_time(&unwanted.collect::<Vec<_>>());
        post.play(|key| if key.number < failing { bad(Class::Unavailable) } else { ok(json!("fine")) });
    }

    #[test]
    fn values_survive_the_journal(text in ".{0,12}", number: i64, real in -1e12_f64..1e12) {
        let value = Value::map([("t", Value::from(text)), ("n", number.into()), ("r", real.into()), ("a", Value::Absent)]);
        let bytes = serde_json::to_string(&value).unwrap();
        let again = motet_pipeline::value::journal::read(&bytes).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), bytes);
    }
}
