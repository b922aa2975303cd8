//! Masking: what an input marked `sensitive` holds is shown nowhere.

mod secrets;
mod values;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use motet_engine::event::{Ending, SkipReason};
use motet_engine::{AttemptEvent, Event, RunEvent, StepEvent};
use motet_pipeline::plan::{Body, InputSpec, Scope};
use motet_pipeline::value::Map;
use motet_pipeline::{Artifact, Failure, Plan, StepPath, Value};

use self::secrets::Secrets;
use self::values::{Masking, Texts};

/// What is shown instead.
pub const MASKED: &str = "•••";

/// Shorter values would be found everywhere by chance, so they are only masked where the input
/// itself is shown.
const RECOGNISED_CHARACTERS_MIN: usize = 4;

/// How many keys of items are told apart though each holds a secret.
const KEYS_MAX: usize = 10_000;

/// Knows which inputs are sensitive, and learns from the journal what they hold.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Whether nothing is known of the pipeline, so that all inputs must be taken for sensitive.
    everything: bool,
    /// The names of sensitive inputs: those of the run under the empty path, those of pipelines used
    /// as steps under the path of the step, without item keys.
    names: BTreeMap<String, BTreeSet<String>>,
    /// What they hold.
    secrets: Secrets,
    /// Keys of items that hold some of it, with what is shown instead: still one for each, so that items
    /// stay apart.
    keys: BTreeMap<String, String>,
}

impl Mask {
    /// The mask for runs of `plan`.
    pub fn of(plan: &Plan) -> Mask {
        let mut mask = Mask::default();
        mask.note_names("", &plan.inputs);
        mask.note_scope("", &plan.root);
        mask
    }

    /// The mask for runs of which nothing is known: whatever they were given is taken for sensitive.
    pub fn everything() -> Mask {
        Mask { everything: true, ..Mask::default() }
    }

    fn note_scope(&mut self, around: &str, scope: &Scope) {
        for step in &scope.steps {
            let path = if around.is_empty() { step.name.clone() } else { format!("{around}/{}", step.name) };
            match &step.body {
                Body::Operation(_) => {}
                Body::Group(inner) => self.note_scope(&path, inner),
                Body::Pipeline { inputs, scope, .. } => {
                    self.note_names(&path, inputs);
                    self.note_scope(&path, scope);
                }
            }
        }
    }

    fn note_names(&mut self, path: &str, inputs: &[InputSpec]) {
        let names: BTreeSet<String> =
            inputs.iter().filter(|input| input.sensitive).map(|input| input.name.clone()).collect();
        if !names.is_empty() {
            self.names.insert(path.to_owned(), names);
        }
    }

    /// Learns what the sensitive inputs of a run hold, before its journal is seen.
    pub fn learn(&mut self, inputs: &Map) {
        self.learn_inputs("", &Value::Map(inputs.clone().into()));
    }

    fn learn_inputs(&mut self, path: &str, inputs: &Value) {
        let mut texts = Texts::default();
        for (name, value) in inputs.as_map().into_iter().flatten() {
            if self.hides_input(path, name) {
                texts.add(value);
            }
        }
        self.secrets.learn(texts.found);
    }

    /// The paths, without keys of items, of the pipelines used as steps that have sensitive inputs.
    pub(super) fn used_pipelines(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str).filter(|path| !path.is_empty())
    }

    /// Whether there is something that must not be shown.
    pub(super) fn hides_something(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// The path of which `shown` is shown.
    pub(super) fn original(&self, shown: &StepPath) -> StepPath {
        let original = |key: String| {
            let found = self.keys.iter().find(|(_, shown)| **shown == key);
            found.map_or(key.clone(), |(original, _)| original.clone())
        };
        shown.segments().fold(StepPath::root(), |path, segment| {
            let path = path.step(segment.name);
            segment.key.map_or(path.clone(), |key| path.item(&original(key)))
        })
    }

    /// Whether the input `name` of the step at `path` (empty for the run) is sensitive.
    fn hides_input(&self, path: &str, name: &str) -> bool {
        let is_unknown = self.everything && path.is_empty();
        is_unknown || self.names.get(path).is_some_and(|names| names.contains(name))
    }

    /// Whether `artifact` is what a sensitive input holds.
    pub fn hides(&self, artifact: &Artifact) -> bool {
        self.secrets.contains(&artifact.digest.to_string())
    }

    /// Learns how the items on the way to `path` are to be called.
    pub(super) fn learn_keys(&mut self, path: &StepPath) {
        if self.hides_something() && path.is_in_items() {
            path.segments().filter_map(|segment| segment.key).for_each(|key| self.learn_key(&key));
        }
    }

    fn learn_key(&mut self, key: &str) {
        if self.keys.contains_key(key) || self.keys.len() == KEYS_MAX {
            return;
        }
        if let Some(shown) = self.secrets.hide(key) {
            let number = self.keys.len() + 1;
            let numbered = if number == 1 { shown } else { format!("{shown}{number}") };
            self.keys.insert(key.to_owned(), numbered);
        }
    }

    fn key(&self, key: &str) -> String {
        self.keys.get(key).cloned().unwrap_or_else(|| self.text(key))
    }

    /// `path` without anything that a sensitive input holds, which may have become an item's key.
    pub fn path(&self, path: &StepPath) -> StepPath {
        if self.secrets.is_empty() || !path.is_in_items() {
            return path.clone();
        }
        path.segments().fold(StepPath::root(), |shown, segment| {
            let shown = shown.step(segment.name);
            segment.key.map_or(shown.clone(), |key| shown.item(&self.key(&key)))
        })
    }

    /// `text` without anything that a sensitive input holds.
    pub fn text(&self, text: &str) -> String {
        self.secrets.hide(text).unwrap_or_else(|| text.to_owned())
    }

    /// `value` without anything that a sensitive input holds. What it shares is looked through once, and
    /// stays shared.
    pub fn value(&self, value: &Value) -> Value {
        Masking::new(self).shown(value)
    }

    /// The inputs of the step at `path` (empty for the run), its sensitive ones masked whatever they
    /// hold.
    fn inputs(&self, path: &str, inputs: &Value) -> Value {
        let Some(entries) = inputs.as_map() else { return self.value(inputs) };
        let mut masking = Masking::new(self);
        Value::map(entries.iter().map(|(name, value)| {
            let is_hidden = !value.is_absent() && self.hides_input(path, name);
            (name.clone(), if is_hidden { Value::from(MASKED) } else { masking.shown(value) })
        }))
    }

    fn failure(&self, failure: &mut Failure) {
        failure.message = self.text(&failure.message);
    }

    /// The event without anything that a sensitive input holds. Learns from it first.
    pub fn event<'e>(&mut self, event: &'e Event) -> Cow<'e, Event> {
        if self.names.is_empty() && !self.everything {
            return Cow::Borrowed(event);
        }
        let mut event = event.clone();
        match &mut event {
            Event::Run(event) => self.run_event(event),
            Event::Step { step, event } => self.step_event(step, event),
            Event::Attempt { event, .. } => self.attempt_event(event),
        }
        if let Some(step) = event.step_mut() {
            self.learn_keys(step);
            *step = self.path(step);
        }
        Cow::Owned(event)
    }

    fn run_event(&mut self, event: &mut RunEvent) {
        match event {
            RunEvent::Started(started) => {
                self.learn_inputs("", &started.inputs);
                started.inputs = self.inputs("", &started.inputs);
            }
            RunEvent::Resumed { .. }
            | RunEvent::Parked { .. }
            | RunEvent::Unparked {}
            | RunEvent::Undone { .. }
            | RunEvent::BudgetSet { .. } => {}
            RunEvent::Closing { ending, .. } => self.ending(ending),
            RunEvent::Completed { outputs, .. } => *outputs = self.value(outputs),
            RunEvent::Failed { step, failure } => {
                *step = step.as_ref().map(|step| self.path(step));
                self.failure(failure);
            }
            RunEvent::StepCancelRequested { step, reason, .. } => {
                *step = self.path(step);
                *reason = self.text(reason);
            }
            RunEvent::CancelRequested { reason, .. } | RunEvent::Cancelled { reason } => {
                *reason = self.text(reason);
            }
        }
    }

    fn ending(&mut self, ending: &mut Ending) {
        match ending {
            Ending::Completed { .. } => {}
            Ending::Failed { step, failure } => {
                *step = step.as_ref().map(|step| self.path(step));
                self.failure(failure);
            }
            Ending::Cancelled { reason } => *reason = self.text(reason),
        }
    }

    fn step_event(&mut self, step: &StepPath, event: &mut StepEvent) {
        match event {
            StepEvent::Ready { inputs: Some(inputs), .. } | StepEvent::TargetReady { inputs, .. } => {
                let path = step.without_keys();
                self.learn_inputs(&path, inputs);
                *inputs = self.inputs(&path, inputs);
            }
            StepEvent::Expanded { items } => {
                items.keys().for_each(|key| self.learn_key(&key));
                let mut masking = Masking::new(self);
                *items = items.iter().map(|(key, value)| (self.key(&key), masking.shown(value))).collect();
            }
            StepEvent::Skipped { reason: SkipReason::Upstream { step, .. } } => *step = self.path(step),
            StepEvent::Cancelled { reason, origin, .. } => {
                *reason = self.text(reason);
                *origin = origin.as_ref().map(|step| self.path(step));
            }
            StepEvent::Completed { output, .. } => *output = output.as_ref().map(|value| self.value(value)),
            StepEvent::Failed { failure, .. } => self.failure(failure),
            StepEvent::RetryScheduled { reason, .. }
            | StepEvent::FallbackTaken { reason, .. }
            | StepEvent::Parked { message: reason, .. } => *reason = self.text(reason),
            StepEvent::Ready { inputs: None, .. }
            | StepEvent::Skipped { .. }
            | StepEvent::Slept { .. }
            | StepEvent::Resolved { .. }
            | StepEvent::Funded {}
            | StepEvent::Woken {} => {}
        }
    }

    fn attempt_event(&self, event: &mut AttemptEvent) {
        match event {
            AttemptEvent::Failed { failure, .. }
            | AttemptEvent::Unknown { failure, .. }
            | AttemptEvent::Doubted { failure, .. } => self.failure(failure),
            AttemptEvent::Ended { output, why, .. } => {
                *output = output.as_ref().map(|value| self.value(value));
                *why = why.as_ref().map(|why| self.text(why));
            }
            AttemptEvent::Abandoned { reason, .. } | AttemptEvent::Warned { message: reason } => {
                *reason = self.text(reason);
            }
            AttemptEvent::Planned { .. }
            | AttemptEvent::Accepted { .. }
            | AttemptEvent::AcceptedLate { .. }
            | AttemptEvent::Absent {}
            | AttemptEvent::Began { .. }
            | AttemptEvent::Finished {}
            | AttemptEvent::Succeeded { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use motet_pipeline::{Bundle, Class};

    use super::*;
    use crate::Pipeline;

    const MAIN: &str = r#"
motet: 1
name: main
inputs:
  key: { type: string, sensitive: true }
  pin: { type: integer, sensitive: true, default: 7 }
  who: string
steps:
  inner: { uses: ./inner.yaml, with: { token: "{{ inputs.who }}-token" } }
"#;

    const INNER: &str = r#"
motet: 1
name: inner
inputs: { token: { type: string, sensitive: true } }
steps: { x: { uses: data/transform, with: { value: "{{ inputs.token }}" } } }
"#;

    /// A mask that has seen the start of a run with these inputs.
    fn mask(key: &str, pin: i64) -> Mask {
        let files =
            [("main.yaml", MAIN), ("inner.yaml", INNER)].map(|(name, text)| (name.into(), text.into()));
        let mut bundle = Bundle::of_text("main.yaml", "");
        bundle.files = files.into();
        let pipeline = Pipeline::from_bundle(bundle, &crate::operation::catalogue()).unwrap();
        let mut mask = Mask::of(pipeline.plan());
        mask.learn(
            &[("key".into(), key.into()), ("pin".into(), pin.into()), ("who".into(), "Ana".into())].into(),
        );
        mask
    }

    fn message_of(event: Cow<Event>) -> String {
        match event.into_owned() {
            Event::Step { event: StepEvent::Failed { failure, .. }, .. } => failure.message,
            other => panic!("no failure: {other:?}"),
        }
    }

    #[test]
    fn what_an_input_holds_is_masked_in_values_and_messages() {
        let mut mask = mask("hunter22", 123_456);
        let value =
            Value::map([("a", Value::list(vec!["my hunter22!".into(), 123_456_i64.into(), 7_i64.into()]))]);
        assert_eq!(mask.value(&value).to_json().to_string(), r#"{"a":["my •••!","•••",7]}"#);
        let failure = Failure::new(Class::Auth, "the key hunter22 was refused");
        let failed = Event::Step {
            step: StepPath::from_text("x"),
            event: StepEvent::Failed { failure, tolerated: false },
        };
        assert_eq!(message_of(mask.event(&failed)), "the key ••• was refused");
    }

    #[test]
    fn a_short_value_is_masked_where_the_input_is_shown_and_not_all_over_the_place() {
        let mask = mask("a", 7);
        assert_eq!(mask.text("a banana for 7"), "a banana for 7");
        let inputs = Value::map([("key", "a".into()), ("pin", 7_i64.into()), ("who", "a".into())]);
        assert_eq!(mask.inputs("", &inputs).to_json().to_string(), r#"{"key":"•••","pin":"•••","who":"a"}"#);
    }

    #[test]
    fn a_pipeline_inside_hides_its_own_inputs_from_when_they_are_known() {
        let mut mask = mask("hunter22", 7);
        let inputs = Some(Value::map([("token", "Ana-token".into())]));
        let ready = Event::Step {
            step: StepPath::from_text("inner"),
            event: StepEvent::Ready { inputs, opens: false, cache: None },
        };
        let Event::Step { event: StepEvent::Ready { inputs: Some(shown), .. }, .. } =
            mask.event(&ready).into_owned()
        else {
            panic!("another event")
        };
        assert_eq!(shown.to_json().to_string(), r#"{"token":"•••"}"#);
        assert_eq!(mask.text("sent Ana-token"), "sent •••");
    }

    #[test]
    fn without_a_plan_every_input_of_the_run_is_masked_wherever_it_turns_up() {
        let mut mask = Mask::everything();
        let inputs = Map::from([("anything".to_owned(), Value::from("some words"))]);
        mask.learn(&inputs);
        let inputs = Value::Map(inputs.into());
        assert_eq!(mask.inputs("", &inputs).to_json().to_string(), r#"{"anything":"•••"}"#);
        assert_eq!(mask.text("with some words"), "with •••");
    }

    #[test]
    fn what_became_the_key_of_an_item_is_masked_and_items_stay_apart() {
        let mut mask = mask("hunter22", 123_456);
        let items = ["hunter22", "plain", "a/hunter22"].map(|key| (key, Value::from(key)));
        let items = items.into_iter().collect();
        mask.event(&Event::Step { step: StepPath::from_text("each"), event: StepEvent::Expanded { items } });
        let shown = |key: &str| {
            let step = StepPath::root().step("each").item(key).step("x");
            let woken = Event::Step { step, event: StepEvent::Woken {} };
            mask.clone().event(&woken).step().unwrap().to_string()
        };
        let paths = ["hunter22", "plain", "a/hunter22"].map(shown);
        assert_eq!(paths, ["each[•••]/x", "each[plain]/x", "each[a%2F•••2]/x"]);
        let by_key = Value::map([("hunter22", Value::from(1_i64)), ("plain", Value::from(2_i64))]);
        assert_eq!(mask.value(&by_key).to_json().to_string(), r#"{"plain":2,"•••":1}"#);
    }

    #[test]
    fn of_two_values_one_inside_the_other_nothing_is_left_over() {
        let mut mask = mask("hunter22-and-more", 7);
        mask.learn(&[("key".into(), "hunter22".into())].into());
        assert_eq!(mask.text("hunter22-and-more, hunter22"), "•••, •••");
    }
}
