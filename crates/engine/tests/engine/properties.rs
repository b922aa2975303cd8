//! What holds for any pipeline and whatever a run is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use motet_engine::{AttemptEnd, AttemptKey, Event, Failure, Input, Money};
use motet_pipeline::{Class, Span, StepPath, Value};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use serde_json::json;

use crate::scenario::{Scenario, Watch, bad, ok, outputs, pipeline, span};

/// How a step refers to one before it.
#[derive(Clone, Copy, Debug)]
enum Link {
    Plain,
    Or,
    Text,
    List,
    Needs,
    Status,
    If,
    Fallback,
}

/// What a step is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Task,
    Processor,
    Transform,
    Sleep(u8),
    Fail,
    Group,
}

#[derive(Clone, Debug)]
struct Fan {
    items: usize,
    quorum: &'static str,
    early: bool,
    max_parallel: Option<usize>,
    per_item: bool,
}

#[derive(Clone, Debug)]
struct Part {
    kind: Kind,
    link: Option<(Link, Index)>,
    fan: Option<Fan>,
    optional: bool,
    retry: bool,
    timeout: bool,
}

#[derive(Clone, Debug)]
struct Piece {
    parts: Vec<Part>,
    finish: bool,
    timeout: bool,
}

/// A pipeline, and for every step the one that must be terminal before it starts.
struct Written {
    text: String,
    after: BTreeMap<String, String>,
}

impl Piece {
    fn write(&self) -> Written {
        let mut text = format!("on_failure: {}\n", if self.finish { "finish" } else { "fail" });
        if self.timeout {
            text.push_str("timeout: 20m\n");
        }
        text.push_str("steps:\n");
        let mut after = BTreeMap::new();
        for (number, part) in self.parts.iter().enumerate() {
            let link = part.link.filter(|_| number > 0).map(|(link, index)| (link, index.index(number)));
            let awaited = link.map(|(_, other)| format!("s{other}"));
            part.write(
                &mut text,
                &format!("s{number}"),
                link.map(|(link, other)| (link, self.parts[other].output(other))),
            );
            let asks_items = part.fan.as_ref().is_some_and(|fan| fan.per_item);
            let waiting = match (part.kind, link) {
                (_, None | Some((Link::Fallback, _))) => None,
                (_, Some((Link::If, _))) if asks_items => None,
                (_, Some((Link::If | Link::Needs, _))) => Some(format!("s{number}")),
                (Kind::Sleep(_) | Kind::Fail, _) => None,
                (Kind::Group, _) => Some(format!("s{number}/b")),
                _ => Some(format!("s{number}")),
            };
            after.extend(waiting.zip(awaited));
            if matches!(part.kind, Kind::Group) {
                after.insert(format!("s{number}/c"), format!("s{number}/a"));
            }
        }
        text.push_str("outputs:\n");
        for (number, part) in self.parts.iter().enumerate() {
            let _ = writeln!(text, "  o{number}: \"{{{{ {} }}}}\"", part.output(number));
        }
        Written { text, after }
    }
}

impl Part {
    /// An expression for what the step gives.
    fn output(&self, number: usize) -> String {
        match (&self.fan, self.kind) {
            (Some(_), _) => format!("steps.s{number}.items"),
            (None, Kind::Group) => format!("steps.s{number}.out"),
            (None, Kind::Sleep(_)) => format!("steps.s{number}.status"),
            (None, _) => format!("steps.s{number}.value"),
        }
    }

    fn write(&self, text: &mut String, name: &str, link: Option<(Link, String)>) {
        let _ = writeln!(text, "  {name}:");
        let mut line = |words: String| _ = writeln!(text, "    {words}");
        let value = match &link {
            Some((Link::Plain, other)) => format!("\"{{{{ {other} }}}}\""),
            Some((Link::Or, other)) => format!("\"{{{{ {other} or 'spare' }}}}\""),
            Some((Link::Text, other)) => format!("\"see {{{{ {other} }}}}\""),
            Some((Link::List, other)) => format!("[1, \"{{{{ {other} }}}}\"]"),
            Some((Link::Status, other)) => {
                let step = other.rsplit_once('.').map_or("", |(step, _)| step);
                format!("\"{{{{ {step}.status }}}}\"")
            }
            _ => "x".to_owned(),
        };
        match &link {
            Some((Link::Needs, other)) => line(format!("needs: {}", other.split('.').nth(1).unwrap_or(""))),
            Some((Link::If, other)) if self.fan.as_ref().is_none_or(|fan| !fan.per_item) => {
                line(format!("if: \"{{{{ {other} }}}}\""));
            }
            _ => {}
        }
        if let Some(fan) = &self.fan {
            let items: Vec<_> = (0..fan.items).map(|item| item.to_string()).collect();
            line(format!("each: [{}]", items.join(", ")));
            line(format!("quorum: {}", fan.quorum));
            line(format!("early: {}", fan.early));
            fan.max_parallel.iter().for_each(|max| line(format!("max_parallel: {max}")));
            if fan.per_item {
                line("if: \"{{ item != 1 }}\"".to_owned());
            }
        }
        if self.optional {
            line("optional: true".to_owned());
        }
        let operation = match self.kind {
            Kind::Task => "task/work",
            Kind::Processor => "media/work",
            Kind::Transform => "data/transform",
            Kind::Sleep(seconds) => {
                return line(format!("uses: flow/sleep\n    with: {{ duration: {seconds} }}"));
            }
            Kind::Fail => return line("uses: flow/fail\n    with: { message: on purpose }".to_owned()),
            Kind::Group => {
                if self.timeout {
                    line("timeout: 90s".to_owned());
                }
                line("steps:".to_owned());
                line("  a: { uses: task/work }".to_owned());
                line(format!("  b: {{ uses: media/work, with: {{ x: {value} }} }}"));
                line(
                    "  c: { uses: task/work, with: { x: \"{{ steps.a.value }}\" }, optional: true }"
                        .to_owned(),
                );
                return line("outputs: { out: \"{{ steps.c.value or steps.b.value }}\" }".to_owned());
            }
        };
        line(format!("uses: {operation}"));
        line(format!("with: {{ value: {value} }}"));
        if self.timeout {
            line("timeout: { job: 40s, total: 3m }".to_owned());
        }
        if self.retry {
            line(
                "retry: [{ on: [timeout], attempts: 2, timeout: 2x }, { attempts: 3, backoff: 5s }]"
                    .to_owned(),
            );
        }
        if let Some((Link::Fallback, other)) = &link {
            line(format!(
                "fallback: [{{ uses: media/work, with: {{ value: \"{{{{ {other} }}}}\" }} }}, {{ uses: data/transform, with: {{ value: spare }}, on: any }}]"
            ));
        }
    }
}

fn part() -> impl Strategy<Value = Part> {
    let link = prop_oneof![
        3 => Just(Link::Plain), 2 => Just(Link::Or), 1 => Just(Link::Text), 1 => Just(Link::List), 1 => Just(Link::Needs),
        1 => Just(Link::Status), 1 => Just(Link::If), 2 => Just(Link::Fallback)
    ];
    let kind = prop_oneof![
        4 => Just(Kind::Task), 2 => Just(Kind::Processor), 1 => Just(Kind::Transform), 1 => (1_u8..90).prop_map(Kind::Sleep),
        1 => Just(Kind::Fail), 2 => Just(Kind::Group)
    ];
    let quorum = prop_oneof![Just("all"), Just("any"), Just("2"), Just("50%")];
    let fan = (0_usize..4, quorum, any::<bool>(), prop::option::of(1_usize..3), any::<bool>()).prop_map(
        |(items, quorum, early, max_parallel, per_item)| Fan { items, quorum, early, max_parallel, per_item },
    );
    let link = prop::option::weighted(0.8, (link, any::<Index>()));
    let policies = (prop::bool::weighted(0.4), any::<bool>(), any::<bool>());
    (kind, link, prop::option::weighted(0.35, fan), policies).prop_map(
        |(kind, link, fan, (optional, retry, timeout))| {
            let optional = optional || matches!(kind, Kind::Fail);
            // A fallback belongs to an operation with work of its own.
            let link = link.filter(|(link, _)| {
                !matches!((link, kind), (Link::Fallback, Kind::Sleep(_) | Kind::Fail | Kind::Group))
            });
            Part { kind, link, fan, optional, retry, timeout }
        },
    )
}

fn piece() -> impl Strategy<Value = Piece> {
    (prop::collection::vec(part(), 1..6), any::<bool>(), prop::bool::weighted(0.2))
        .prop_map(|(parts, finish, timeout)| Piece { parts, finish, timeout })
}

/// Something that a run is told, or that happens around it.
#[derive(Clone, Debug)]
enum Act {
    Succeed(Index),
    Fail(Index, Index, bool),
    Misbehave(Index),
    Drop(Index),
    Accept(Index),
    Grant(Index),
    Drain(Index, bool),
    Advance(u16),
    Leap(u16),
    Rest(u16),
    Repeat(Index),
    Nonsense(u8, Index),
    Backwards,
    Cancel,
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
        2 => (pick(), any::<bool>()).prop_map(|(which, good)| Act::Drain(which, good)),
        3 => (0_u16..200).prop_map(Act::Advance),
        1 => (0_u16..200).prop_map(Act::Leap),
        1 => (0_u16..2000).prop_map(Act::Rest),
        3 => pick().prop_map(Act::Repeat),
        3 => (any::<u8>(), pick()).prop_map(|(what, which)| Act::Nonsense(what, which)),
        1 => Just(Act::Backwards),
        1 => Just(Act::Cancel),
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
                self.end(which, AttemptEnd::Failed { failure, cost: Money::from_units(1) });
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
                    self.tell(Input::Granted { key: which.get(&waiting).clone() });
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
            Act::Cancel => self.tell(Input::Cancel { by: "ada".into(), reason: "enough".into() }),
        }
    }

    /// What was told before is told again: it changes nothing, unless it happens to be true again.
    fn repeat(&mut self, input: Input) {
        let true_again = match &input {
            Input::Ended { key, .. } => {
                self.story.working.contains_key(key) || self.story.stopping.contains(key)
            }
            Input::Accepted { key, .. } => self.story.working.contains_key(key),
            Input::Granted { key } => self.story.queueing.contains(key),
            Input::Tick | Input::Cancel { .. } | Input::Resume { .. } => false,
        };
        if true_again { self.tell(input) } else { self.tell_in_vain(input) }
    }

    fn talk_nonsense(&mut self, what: u8, which: Index) {
        let known: Vec<_> = self.story.working.keys().map(|key| key.step.clone()).collect();
        let known = if known.is_empty() { StepPath::from_text("s0") } else { which.get(&known).clone() };
        let nobody = StepPath::from_text("nobody[1]/x");
        let key = |step: &StepPath, number| AttemptKey { step: step.clone(), number };
        self.tell_in_vain(match what % 8 {
            0 => Input::Granted { key: key(&nobody, 1) },
            1 => Input::Granted { key: key(&StepPath::root(), 1) },
            2 => Input::Ended { key: key(&nobody, 1), end: ok(json!(1)) },
            3 => Input::Ended { key: key(&known, 0), end: ok(json!(1)) },
            4 => Input::Ended { key: key(&known, u32::MAX), end: bad(Class::Unknown) },
            5 => Input::Ended { key: key(&StepPath::root(), 1), end: AttemptEnd::Cancelled },
            6 => Input::Accepted { key: key(&known, 99), job: "job".into() },
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
                (Some(key), ..) => self.tell(Input::Granted { key }),
                (None, Some(key), _) => self.tell(Input::Ended { key, end: ok(json!("at last")) }),
                (None, None, Some(due)) => {
                    let length = due.since(self.story.now);
                    self.story.advances(&length.to_string());
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
            Event::AttemptPlanned { attempt, .. } => {
                let last = attempts.insert(step.clone(), *attempt).unwrap_or(0);
                assert_eq!(*attempt, last + 1, "the attempts of {step}");
            }
            Event::StepReady { .. } | Event::StepExpanded { .. } => {
                let Some(other) = after.get(&step.without_keys()) else { continue };
                // Inside of a fan-out it is the step of the same item that is waited for.
                let around = step.as_str().rsplit_once('/').map(|(around, _)| around);
                let beside =
                    around.map(|around| format!("{around}/{}", other.rsplit('/').next().unwrap_or("")));
                let awaited = beside.filter(|_| other.contains('/')).unwrap_or_else(|| other.clone());
                assert!(ended.contains(&awaited), "{step} started before {awaited} had ended");
            }
            Event::StepCompleted { .. }
            | Event::StepFailed { .. }
            | Event::StepSkipped { .. }
            | Event::StepCancelled { .. } => {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every invariant of a scenario is checked after every turn; see there.
    #[test]
    fn any_run_survives_anything_and_ends(piece in piece(), acts in prop::collection::vec(act(), 0..40), seed: u64) {
        let Written { text, after } = piece.write();
        let story = pipeline(&text).seed(seed).start_watched(Watch::Loosely);
        let mut trial = Trial { story, told: Vec::new() };
        for act in acts {
            trial.act(act);
        }
        trial.come_to_an_end();
        check_journal(&trial.story, &after);
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
    fn values_survive_the_journal(text in ".{0,12}", number: i64, real in -1e12_f64..1e12) {
        let value = Value::map([("t", Value::from(text)), ("n", number.into()), ("r", real.into()), ("a", Value::Absent)]);
        let bytes = serde_json::to_string(&value).unwrap();
        let again: Value = serde_json::from_str(&bytes).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), bytes);
    }
}

#[test]
fn the_written_pipelines_are_good() {
    // A property over pipelines that nobody may write would prove nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..50 {
        let piece = piece().new_tree(&mut runner).expect("a piece can be drawn").current();
        let _ = pipeline(&piece.write().text).plan();
    }
    assert_eq!(span("1s"), Span::seconds(1));
}
