//! Masking: what an input marked `sensitive` holds is shown nowhere.

use std::collections::{BTreeMap, BTreeSet};

use motet_engine::{Event, Failure};
use motet_pipeline::plan::{Body, InputSpec, Scope};
use motet_pipeline::value::Map;
use motet_pipeline::{Plan, Value};

/// What is shown instead.
pub const MASKED: &str = "•••";

/// Shorter values would be found everywhere by chance, so they are only masked where the input
/// itself is shown.
const RECOGNISED_CHARACTERS_MIN: usize = 4;

/// Knows which inputs are sensitive, and learns from the journal what they hold.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    /// Whether nothing is known of the pipeline, so that all inputs must be taken for sensitive.
    everything: bool,
    /// The names of sensitive inputs: those of the run under the empty path, those of pipelines used
    /// as steps under the path of the step, without item keys.
    names: BTreeMap<String, BTreeSet<String>>,
    /// What they hold, the longest first, so that no part of one is left over.
    secrets: Vec<String>,
}

impl Mask {
    /// The mask for runs of `plan`.
    pub fn of(plan: &Plan) -> Mask {
        let mut mask = Mask::default();
        mask.note_names("", &plan.inputs);
        mask.note_scope("", &plan.root);
        mask
    }

    /// The mask for runs of which nothing is known.
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
        let Some(names) = self.names.get(path) else { return };
        let held: Vec<&Value> = names.iter().filter_map(|name| inputs.get(name)).collect();
        let mut found = Vec::new();
        held.into_iter().for_each(|value| collect_texts(value, &mut found));
        self.secrets.extend(found);
        self.secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.secrets.dedup();
    }

    /// `text` without anything that a sensitive input holds.
    pub fn text(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASKED))
    }

    /// `value` without anything that a sensitive input holds.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            _ if self.secrets.is_empty() => value.clone(),
            Value::Text(text) => Value::from(self.text(text).as_str()),
            Value::Number(number) if self.secrets.contains(&number.to_string()) => Value::from(MASKED),
            Value::Media(artifact) if self.secrets.contains(&artifact.digest.to_string()) => {
                Value::from(MASKED)
            }
            Value::List(items) => Value::list(items.iter().map(|item| self.value(item)).collect()),
            Value::Map(entries) => {
                Value::map(entries.iter().map(|(name, value)| (name.clone(), self.value(value))))
            }
            other => other.clone(),
        }
    }

    /// The inputs of the step at `path` (empty for the run), its sensitive ones masked whatever they
    /// hold.
    fn inputs(&self, path: &str, inputs: &Value) -> Value {
        let Some(entries) = inputs.as_map() else { return self.value(inputs) };
        let names = self.names.get(path);
        let hides = |name: &str| {
            (self.everything && path.is_empty()) || names.is_some_and(|names| names.contains(name))
        };
        let shown = |(name, value): (&String, &Value)| match value {
            value if value.is_absent() || !hides(name) => (name.clone(), self.value(value)),
            _ => (name.clone(), Value::from(MASKED)),
        };
        Value::map(entries.iter().map(shown))
    }

    fn failure(&self, failure: &mut Failure) {
        failure.message = self.text(&failure.message);
    }

    /// The event without anything that a sensitive input holds. Learns from it first.
    pub fn event(&mut self, event: &Event) -> Event {
        let mut event = event.clone();
        if self.names.is_empty() && !self.everything {
            return event;
        }
        match &mut event {
            Event::RunStarted(started) => {
                self.learn_inputs("", &started.inputs);
                started.inputs = self.inputs("", &started.inputs);
            }
            Event::StepReady { step, inputs: Some(inputs) } | Event::TargetReady { step, inputs, .. } => {
                let path = step.without_keys();
                self.learn_inputs(&path, inputs);
                *inputs = self.inputs(&path, inputs);
            }
            Event::StepExpanded { items, .. } => {
                for item in items {
                    item.value = self.value(&item.value);
                }
            }
            Event::AttemptFailed { failure, .. }
            | Event::StepFailed { failure, .. }
            | Event::RunFailed { failure, .. } => self.failure(failure),
            Event::AttemptEnded { output: Some(value), .. }
            | Event::StepCompleted { output: Some(value), .. }
            | Event::RunCompleted { outputs: value, .. } => *value = self.value(value),
            Event::CancelRequested { reason, .. }
            | Event::AttemptAbandoned { reason, .. }
            | Event::RetryScheduled { reason, .. }
            | Event::FallbackTaken { reason, .. }
            | Event::StepCancelled { reason, .. }
            | Event::RunCancelled { reason } => *reason = self.text(reason),
            Event::RunResumed { .. }
            | Event::StepReady { inputs: None, .. }
            | Event::StepSkipped { .. }
            | Event::StepSlept { .. }
            | Event::StepWoken { .. }
            | Event::AttemptPlanned { .. }
            | Event::AttemptAccepted { .. }
            | Event::AttemptSucceeded { .. }
            | Event::AttemptEnded { output: None, .. }
            | Event::StepCompleted { output: None, .. } => {}
        }
        event
    }
}

/// Adds all that is long enough to be recognised elsewhere.
fn collect_texts(value: &Value, found: &mut Vec<String>) {
    let text = match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Media(artifact) => artifact.digest.to_string(),
        Value::List(items) => return items.iter().for_each(|item| collect_texts(item, found)),
        Value::Map(entries) => return entries.values().for_each(|value| collect_texts(value, found)),
        Value::Absent | Value::Null | Value::Bool(_) => return,
    };
    if text.chars().count() >= RECOGNISED_CHARACTERS_MIN {
        found.push(text);
    }
}

#[cfg(test)]
mod tests {
    use motet_engine::Failure;
    use motet_pipeline::{Bundle, Class, StepPath};

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
        let bundle = Bundle { main: "main.yaml".into(), files: files.into() };
        let pipeline = Pipeline::from_bundle(bundle, &crate::operation::catalogue()).unwrap();
        let mut mask = Mask::of(pipeline.plan());
        mask.learn(
            &[("key".into(), key.into()), ("pin".into(), pin.into()), ("who".into(), "Ana".into())].into(),
        );
        mask
    }

    fn message_of(event: Event) -> String {
        match event {
            Event::StepFailed { failure, .. } => failure.message,
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
        let failed = Event::StepFailed { step: StepPath::from_text("x"), failure, tolerated: false };
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
        let ready = Event::StepReady { step: StepPath::from_text("inner"), inputs };
        let Event::StepReady { inputs: Some(shown), .. } = mask.event(&ready) else {
            panic!("another event")
        };
        assert_eq!(shown.to_json().to_string(), r#"{"token":"•••"}"#);
        assert_eq!(mask.text("sent Ana-token"), "sent •••");
    }

    #[test]
    fn without_a_plan_every_input_of_the_run_is_masked() {
        let mask = Mask::everything();
        let inputs = Value::map([("anything", Value::from("x"))]);
        assert_eq!(mask.inputs("", &inputs).to_json().to_string(), r#"{"anything":"•••"}"#);
    }

    #[test]
    fn of_two_values_one_inside_the_other_nothing_is_left_over() {
        let mut mask = mask("hunter22-and-more", 7);
        mask.learn(&[("key".into(), "hunter22".into())].into());
        assert_eq!(mask.text("hunter22-and-more, hunter22"), "•••, •••");
    }
}
