//! Plans: a checked, resolved pipeline, ready for the engine.
//!
//! All names are resolved, all templates compiled, all defaults filled in. A run keeps the plan that it was
//! started with, whatever becomes of rules, defaults and contracts: see [`crate::pin`]. So these types are a
//! stored format, which only grows: a field may be added if it has a default that isn't written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::builtin;
use crate::check::SECRET;
use crate::conformity::Schema;
use crate::contract::{Tool, Work};
use crate::expression::Template;
use crate::pin::by_name;
use crate::value::journal;
use crate::{Class, Contract, Digest, Money, Span, Type, Value};

/// A checked pipeline.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Names the plan: the same texts with the same contracts by the same rules have the same.
    #[serde(skip, default = "crate::pin::unnamed")]
    pub digest: Digest,
    /// The content hash of the file and of all files that it uses: the pipeline's version. Comments, order of
    /// keys and layout don't count, nor do contracts and rules.
    pub version: Digest,
    /// What a run must be given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputSpec>,
    /// The steps and outputs.
    pub root: Scope,
    /// What a failed step means for the others.
    pub on_failure: OnFailure,
    /// How long a whole run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// The most that a run may spend, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// Whether steps of which nobody knows the price may run in a run with a budget.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_unpriced: bool,
    /// Labels that every run of the pipeline carries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// One input of a pipeline.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Its name.
    pub name: String,
    /// What fits.
    #[serde(rename = "type")]
    pub ty: Type,
    /// The JSON Schema it was declared with; media types are left out of it.
    pub schema: Schema,
    /// Whether a run can't do without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What is taken when it isn't given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
    pub default: Option<Value>,
    /// Whether it is masked wherever it would be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// One sentence about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What a failed step means for the rest of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Cancel what is in flight and end.
    Fail,
    /// Let branches that don't depend on it end first.
    Finish,
    /// Cancel what is in flight, undo what was done, and end.
    Undo,
}

/// Steps that see each other by name: those of a file or of an inline group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The steps, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What it gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputSpec>,
    /// Every step that an expression in this scope names or may name: all of its own, and for an inline
    /// group those of the scopes around it that it refers to (the nearest wins).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, StepRef>,
}

/// One output of a pipeline or group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Output", into = "Output")]
pub struct OutputSpec {
    /// Its name.
    pub name: String,
    /// How it is made.
    pub value: Template,
    /// Its type, as declared or else as inferred: the latter is known where the plan was checked, and not
    /// where it was read from a store.
    pub ty: Type,
    /// The JSON Schema it was declared with, checked before a run completes.
    pub schema: Option<Schema>,
}

/// An output as it is stored. A type that is only inferred holds nothing that a run needs.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    name: String,
    value: Template,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    declared: Option<(Type, Schema)>,
}

impl From<OutputSpec> for Output {
    fn from(spec: OutputSpec) -> Output {
        let OutputSpec { name, value, ty, schema } = spec;
        Output { name, value, declared: schema.map(|schema| (ty, schema)) }
    }
}

impl From<Output> for OutputSpec {
    fn from(output: Output) -> OutputSpec {
        let Output { name, value, declared } = output;
        let (ty, schema) = declared.map_or((Type::Any, None), |(ty, schema)| (ty, Some(schema)));
        OutputSpec { name, value, ty, schema }
    }
}

/// A step, seen from a scope: `up` scopes outwards, then the step at `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRef {
    /// How many scopes outwards.
    pub up: usize,
    /// Which step there.
    pub index: usize,
}

/// A step that must be terminal before another may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// The step that is waited for, seen from the scope of the step that waits.
    pub step: StepRef,
    /// What the waiting step wants of it.
    pub kind: DependencyKind,
}

/// What a step wants of another one; decides what that one's failure means for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DependencyKind {
    /// Only `status` or `error`: a failure is an answer too.
    Status,
    /// Order without data (`needs`): it may be skipped, but not have failed.
    Order,
    /// One of its outputs.
    Value,
}

/// One step of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its name in the file.
    pub name: String,
    /// Where it stands, for messages.
    pub location: Location,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Run only when this holds. Per item if it names the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Template>,
    /// What must be terminal before `condition`, `each`, and the inputs of the first target can be
    /// evaluated (the steps inside a group have their own lists). Sorted; one entry a step, the
    /// strongest kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<Dependency>,
    /// How it fans out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Each>,
    /// What it does.
    pub body: Body,
    /// Conditions that its output must meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Whether its failure is tolerated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Whether it runs at the end, whatever happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
    /// What undoes it once it was done: an operation whose expressions stand where those of this step do, and may
    /// name its `output`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<Step>>,
    /// What to do when it is unknown how an attempt ended; if nothing is written, a call that may cost is
    /// parked, and anything else fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_unknown: Option<OnUnknown>,
    /// Whether its result may be one that another run made of the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// How long it may take over all attempts and targets; for a group, over all of its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_timeout: Option<Span>,
    /// The most that all steps inside it may spend, in US dollars: of a used file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Step {
    /// The targets of the step itself, and of what undoes it. Those of steps inside it aren't among them.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.body.targets().iter().chain(self.undo.iter().flat_map(|undo| undo.body.targets()))
    }
}

/// That a result may be one that another run made of the same, and that other runs may have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// How old it may be; if that isn't said, however old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The file, as it was named.
    #[serde(skip)]
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
}

/// How a step fans out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Each {
    /// Gives the list.
    pub list: Template,
    /// The name of the item in expressions, `item` unless `as` says otherwise.
    pub item_name: String,
    /// Names an item; its index if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Template>,
    /// How many items may be under way at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<usize>,
    /// How many must succeed.
    pub quorum: Quorum,
    /// Whether the join continues as soon as the quorum is reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub early: bool,
    /// Whether the step's condition is evaluated for every item.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub condition_per_item: bool,
}

/// How many items of a fan-out must succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// Every one.
    All,
    /// At least one (of an empty list: none).
    Any,
    /// At least this many.
    Count(usize),
    /// At least this percentage, rounded up.
    Percent(u8),
}

impl Quorum {
    /// How many of `total` items must succeed.
    pub fn needed(self, total: usize) -> usize {
        match self {
            Quorum::All => total,
            Quorum::Any => total.min(1),
            Quorum::Count(count) => count,
            Quorum::Percent(percent) => (total * usize::from(percent)).div_ceil(100),
        }
    }
}

/// What a step does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// An operation: the first target and its fallbacks, in order. Never empty.
    Operation(Vec<Target>),
    /// An inline group. Its steps see the scopes around it.
    Group(Scope),
    /// Another file, inlined. Its steps see only its own inputs and steps.
    Pipeline {
        /// The file, as it was named.
        file: String,
        /// What it must be given.
        #[serde(skip)]
        inputs: Vec<InputSpec>,
        /// What it is given.
        with: Vec<(String, Template)>,
        /// Its steps and outputs.
        #[serde(skip)]
        scope: Scope,
    },
}

impl Body {
    /// The targets of an operation: the first and its fallbacks, in order. Nothing else has any.
    pub fn targets(&self) -> &[Target] {
        match self {
            Body::Operation(targets) => targets,
            Body::Group(_) | Body::Pipeline { .. } => &[],
        }
    }

    /// The steps inside a group or another file.
    pub fn scope(&self) -> Option<&Scope> {
        match self {
            Body::Operation(_) => None,
            Body::Group(scope) | Body::Pipeline { scope, .. } => Some(scope),
        }
    }
}

/// An operation with its inputs and policies.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The operation's contract.
    #[serde(rename = "uses", with = "by_name")]
    pub contract: Arc<Contract>,
    /// The inputs that are written for this target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<(String, Template)>,
    /// For a fallback: the failure classes for which it is taken. Empty for the first target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Class>,
    /// For a fallback: what must be terminal before its inputs can be evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<Dependency>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry: Vec<RetryRule>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// The pool of the settings in which it is at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Arc<str>>,
}

/// What to do when it is unknown how an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// The step waits for a person's decision.
    Park,
    /// A new attempt is made, which may cost again.
    Retry,
    /// The attempt failed, as any other.
    Fail,
}

/// Tries again on some failures. The first rule whose `on` holds the class applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryRule {
    /// The classes it applies to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Class>,
    /// How many attempts at this target in all, the first included.
    pub attempts: u32,
    /// The pause before the second attempt.
    pub backoff: Span,
    /// By what the pause grows with each attempt.
    pub factor: f64,
    /// The longest pause.
    pub max_backoff: Span,
    /// Whether the pause is drawn between zero and its full length.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub jitter: bool,
    /// How the job timeout changes for the further attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<TimeoutChange>,
}

/// How a retry changes the job timeout.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutChange {
    /// To this length.
    To(Span),
    /// By this factor with each attempt (`2x`).
    Times(f64),
}

/// How long the phases of an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// To open a connection.
    pub connect: Span,
    /// To get the reply to a request.
    pub request: Span,
    /// In the provider's queue.
    pub queue: Span,
    /// Running.
    pub job: Span,
}

impl Default for Timeouts {
    /// What holds for work on this machine.
    fn default() -> Timeouts {
        Timeouts {
            connect: Span::seconds(10),
            request: Span::minutes(2),
            queue: Span::minutes(15),
            job: Span::minutes(5),
        }
    }
}

impl Target {
    /// The programs that must be on the machine for it: those of its operation, and those of inputs that are given.
    pub fn tools(&self) -> impl Iterator<Item = Tool> {
        let is_given = |value: &Template| {
            !value.as_literal().is_some_and(|value| matches!(value, Value::Null | Value::Absent))
        };
        let of_inputs = self.with.iter().filter(move |(_, value)| is_given(value));
        let of_inputs = of_inputs.filter_map(|(name, _)| self.contract.parameter(name)?.tool);
        self.contract.tools.iter().copied().chain(of_inputs)
    }

    /// The names of the secrets that it sends.
    pub fn secrets(&self) -> BTreeSet<String> {
        let takes =
            |name: &str| self.contract.parameter(name).is_some_and(|parameter| parameter.takes_secrets);
        let mut names = BTreeSet::new();
        for (_, template) in self.with.iter().filter(|(name, _)| takes(name)) {
            template.for_each_literal(&mut |value| add_secrets(value, &mut names));
        }
        names
    }
}

fn add_secrets(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::List(parts) => parts.iter().for_each(|part| add_secrets(part, names)),
        Value::Map(entries) => match entries.get(SECRET).and_then(Value::as_str) {
            Some(name) if entries.len() == 1 => _ = names.insert(name.to_owned()),
            _ => entries.values().for_each(|entry| add_secrets(entry, names)),
        },
        _ => {}
    }
}

impl Timeouts {
    /// What holds for an operation where nothing is written. A call to a provider is waited for as long as its
    /// contract asks for ([`Contract::patience`]) in each of its phases; a sleep takes as long as it is asked to.
    ///
    /// ```
    /// use motet_pipeline::contract::{Contract, Work};
    /// use motet_pipeline::plan::Timeouts;
    /// use motet_pipeline::{MediaKind, Span, Type};
    /// let film = Contract::new("lab/film", Work::Model).output("video", Type::media(MediaKind::Video));
    /// assert_eq!(Timeouts::of(&film).job, Span::minutes(30));
    /// ```
    pub fn of(contract: &Contract) -> Timeouts {
        let least = Timeouts::default();
        if contract.operation == builtin::SLEEP {
            return Timeouts { job: Span(u64::MAX), ..least };
        }
        if contract.work != Work::Model && contract.call.is_none() {
            return least;
        }
        let patience = contract.patience();
        Timeouts {
            connect: least.connect,
            request: least.request.max(patience),
            queue: least.queue.max(patience),
            job: least.job.max(patience),
        }
    }
}

/// A condition that an output must meet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Must hold.
    pub that: Template,
    /// What to say when it doesn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Template>,
}
