//! Documents: one file of a pipeline as its author wrote it, with the place of everything.
//!
//! A document is read without knowing any operation or other file: it says what is written, not yet
//! whether it can work. What can't be read is reported and left out, so that one fault is reported
//! once and all others as well.

pub(crate) mod node;
pub(crate) mod place;
pub(crate) mod read;
pub(crate) mod scalar;
pub(crate) mod words;
pub(crate) mod written;
pub(crate) mod yaml;

use std::collections::BTreeMap;

pub(crate) use node::At;
use written::Written;

use crate::conformity::Schema;
use crate::plan::{Cache, InputSpec, OnFailure, OnUnknown, Quorum, TimeoutChange};
use crate::{Class, Money, Span, Type};

/// The plain data of a YAML or JSON text, for programs that look at it without running it (an
/// editor, a schema). `None` if the text is not well-formed.
///
/// ```
/// let data = motet_pipeline::document::plain("name: film\nsteps: [1, 2]").unwrap();
/// assert_eq!(data, serde_json::json!({ "name": "film", "steps": [1, 2] }));
/// ```
pub fn plain(text: &str) -> Option<serde_json::Value> {
    let files = BTreeMap::from([(String::new(), text.to_owned())]);
    let mut findings = place::Findings::new(place::Sources::new(&files));
    let root = yaml::parse(0, &mut findings)?;
    (findings.count() == 0).then(|| root.to_value().to_json())
}

/// One file.
pub(crate) struct Document {
    pub name: String,
    pub description: Option<String>,
    pub inputs: Vec<InputSpec>,
    /// The names of those that no value refers to.
    pub unused_inputs: Vec<At<String>>,
    pub timeout: Option<Span>,
    pub budget: Option<Money>,
    pub allow_unpriced: bool,
    pub on_failure: OnFailure,
    pub labels: BTreeMap<String, String>,
    pub steps: Vec<Step>,
    pub outputs: Vec<Output>,
}

impl Document {
    /// Calls `visit` for all values of its steps and outputs.
    pub fn for_each_value<'d>(&'d self, visit: &mut impl FnMut(&'d Written)) {
        for_each_value_of(&self.steps, &self.outputs, visit);
    }
}

fn for_each_value_of<'d>(steps: &'d [Step], outputs: &'d [Output], visit: &mut impl FnMut(&'d Written)) {
    outputs.iter().for_each(|output| visit(&output.value));
    for step in steps {
        step.for_each_own(&mut |written, _| visit(written));
        if let Body::Group { steps, outputs } = &step.body {
            for_each_value_of(steps, outputs, visit);
        }
    }
}

/// One output of a pipeline or group.
pub(crate) struct Output {
    pub name: At<String>,
    pub value: Written,
    /// The declared type with the JSON Schema that says it.
    pub declared: Option<(Type, Schema)>,
}

/// One step.
pub(crate) struct Step {
    pub name: At<String>,
    pub description: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub optional: bool,
    /// Where `always` is written, if it is true.
    pub always: Option<place::Place>,
    /// What undoes it, as a step of its own.
    pub undo: Option<Box<Step>>,
    pub on_unknown: Option<OnUnknown>,
    /// With where it is written.
    pub cache: Option<(Cache, place::Place)>,
    pub condition: Option<Written>,
    pub needs: Vec<At<String>>,
    pub each: Option<Each>,
    pub body: Body,
    pub checks: Vec<Check>,
    pub timeout: Timeout,
    /// Where `fit: auto` is written, if it is.
    pub fit: Option<place::Place>,
}

impl Step {
    /// A step that has nothing but its name yet: no policies, and no body.
    pub fn plain(name: At<String>) -> Step {
        Step {
            name,
            description: None,
            labels: BTreeMap::new(),
            optional: false,
            always: None,
            undo: None,
            on_unknown: None,
            cache: None,
            condition: None,
            needs: Vec::new(),
            each: None,
            body: Body::Unreadable,
            checks: Vec::new(),
            timeout: Timeout::default(),
            fit: None,
        }
    }
}

/// What a step does.
pub(crate) enum Body {
    /// An operation or another file.
    Uses {
        uses: At<String>,
        with: Vec<(At<String>, Written)>,
        retry: Option<Vec<Retry>>,
        pool: Option<At<String>>,
        fallback: Vec<Fallback>,
    },
    /// An inline group.
    Group { steps: Vec<Step>, outputs: Vec<Output> },
    /// Something that was reported already.
    Unreadable,
}

/// How a step fans out.
pub(crate) struct Each {
    pub list: Written,
    pub item_name: String,
    pub key: Option<Written>,
    pub max_parallel: Option<usize>,
    pub quorum: Quorum,
    pub early: bool,
}

/// The next target.
pub(crate) struct Fallback {
    pub uses: At<String>,
    pub with: Vec<(At<String>, Written)>,
    pub on: Option<Vec<Class>>,
    pub retry: Option<Vec<Retry>>,
    pub timeout: Timeout,
    pub pool: Option<At<String>>,
}

/// A rule for trying again, as far as it is written.
#[derive(Clone, Default)]
pub(crate) struct Retry {
    pub on: Option<Vec<Class>>,
    pub attempts: Option<u32>,
    pub backoff: Option<Span>,
    pub factor: Option<f64>,
    pub max_backoff: Option<Span>,
    pub jitter: Option<bool>,
    pub timeout: Option<TimeoutChange>,
}

/// How long things may take, as far as it is written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Timeout {
    pub connect: Option<Span>,
    pub request: Option<Span>,
    pub queue: Option<Span>,
    pub job: Option<Span>,
    pub total: Option<Span>,
}

/// A condition that an output must meet.
pub(crate) struct Check {
    pub that: Written,
    pub message: Option<Written>,
}

impl Each {
    /// How many items there are, if the list is written out.
    pub fn length(&self) -> Option<usize> {
        match &self.list.shape {
            written::Shape::List(items) => Some(items.len()),
            _ => None,
        }
    }
}

impl Step {
    /// Calls `visit` for all values of the step that are made in its own scope, and says whether they
    /// are made only when a fallback is reached.
    pub fn for_each_own<'d>(&'d self, visit: &mut impl FnMut(&'d Written, bool)) {
        let each = self.each.iter().flat_map(|each| [Some(&each.list), each.key.as_ref()]).flatten();
        let checks =
            self.checks.iter().flat_map(|check| [Some(&check.that), check.message.as_ref()]).flatten();
        self.condition.iter().chain(each).chain(checks).for_each(|value| visit(value, false));
        if let Body::Uses { with, fallback, .. } = &self.body {
            with.iter().for_each(|(_, value)| visit(value, false));
            fallback.iter().flat_map(|target| &target.with).for_each(|(_, value)| visit(value, true));
        }
    }
}
