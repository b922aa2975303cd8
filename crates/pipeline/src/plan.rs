//! Plans: a checked, resolved pipeline, ready for the engine.
//!
//! All names are resolved, all templates compiled, all defaults filled in. A plan is not stored: the
//! texts it was made from are, and the same texts with the same contracts make the same plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::conformity::Schema;
use crate::expression::Template;
use crate::{Class, Contract, Digest, Span, Type, Value};

/// A checked pipeline.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The content hash of the file and of all files that it uses: its version.
    pub digest: Digest,
    /// What a run must be given.
    pub inputs: Vec<InputSpec>,
    /// The steps and outputs.
    pub root: Scope,
    /// What a failed step means for the others.
    pub on_failure: OnFailure,
    /// How long a whole run may take.
    pub timeout: Option<Span>,
    /// Labels that every run of the pipeline carries.
    pub labels: BTreeMap<String, String>,
}

/// One input of a pipeline.
#[derive(Clone, Debug)]
pub struct InputSpec {
    /// Its name.
    pub name: String,
    /// What fits.
    pub ty: Type,
    /// The JSON Schema it was declared with; media types are left out of it.
    pub schema: Schema,
    /// Whether a run can't do without it.
    pub required: bool,
    /// What is taken when it isn't given.
    pub default: Option<Value>,
    /// Whether it is masked wherever it would be shown.
    pub sensitive: bool,
    /// One sentence about it.
    pub description: Option<String>,
}

/// What a failed step means for the rest of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Cancel what is in flight and end.
    Fail,
    /// Let branches that don't depend on it end first.
    Finish,
}

/// Steps that see each other by name: those of a file or of an inline group.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The steps, in the order of the file.
    pub steps: Vec<Step>,
    /// What it gives.
    pub outputs: Vec<OutputSpec>,
    /// Every step that an expression in this scope names or may name: all of its own, and for an inline
    /// group those of the scopes around it that it refers to (the nearest wins).
    pub names: BTreeMap<String, StepRef>,
}

/// One output of a pipeline or group.
#[derive(Clone, Debug)]
pub struct OutputSpec {
    /// Its name.
    pub name: String,
    /// How it is made.
    pub value: Template,
    /// Its type, as declared or else as inferred.
    pub ty: Type,
    /// The JSON Schema it was declared with, checked before a run completes.
    pub schema: Option<Schema>,
}

/// A step, seen from a scope: `up` scopes outwards, then the step at `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepRef {
    /// How many scopes outwards.
    pub up: usize,
    /// Which step there.
    pub index: usize,
}

/// A step that must be terminal before another may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The step that is waited for, seen from the scope of the step that waits.
    pub step: StepRef,
    /// What the waiting step wants of it.
    pub kind: DependencyKind,
}

/// What a step wants of another one; decides what that one's failure means for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DependencyKind {
    /// Only `status` or `error`: a failure is an answer too.
    Status,
    /// Order without data (`needs`): it may be skipped, but not have failed.
    Order,
    /// One of its outputs.
    Value,
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name in the file.
    pub name: String,
    /// Where it stands, for messages.
    pub location: Location,
    /// What it is for.
    pub description: Option<String>,
    /// Run only when this holds. Per item if it names the item.
    pub condition: Option<Template>,
    /// What must be terminal before `condition`, `each`, and the inputs of the first target can be
    /// evaluated (the steps inside a group have their own lists). Sorted; one entry a step, the
    /// strongest kind.
    pub waits_for: Vec<Dependency>,
    /// How it fans out.
    pub each: Option<Each>,
    /// What it does.
    pub body: Body,
    /// Conditions that its output must meet.
    pub checks: Vec<Check>,
    /// Whether its failure is tolerated.
    pub optional: bool,
    /// How long it may take over all attempts and targets; for a group, over all of its steps.
    pub total_timeout: Option<Span>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// What an expression gets from it, one item's worth if it fans out.
    pub output: Type,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
}

/// How a step fans out.
#[derive(Clone, Debug)]
pub struct Each {
    /// Gives the list.
    pub list: Template,
    /// The name of the item in expressions, `item` unless `as` says otherwise.
    pub item_name: String,
    /// Names an item; its index if absent.
    pub key: Option<Template>,
    /// How many items may be under way at once.
    pub max_parallel: Option<usize>,
    /// How many must succeed.
    pub quorum: Quorum,
    /// Whether the join goes on as soon as the quorum is there.
    pub early: bool,
    /// Whether the step's condition is evaluated for every item.
    pub condition_per_item: bool,
}

/// How many items of a fan-out must succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug)]
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
        inputs: Vec<InputSpec>,
        /// What it is given.
        with: Vec<(String, Template)>,
        /// Its steps and outputs.
        scope: Scope,
    },
}

/// An operation with its inputs and policies.
#[derive(Clone, Debug)]
pub struct Target {
    /// The operation's contract.
    pub contract: Arc<Contract>,
    /// The inputs that are written for this target.
    pub with: Vec<(String, Template)>,
    /// For a fallback: the failure classes for which it is taken. Empty for the first target.
    pub on: Vec<Class>,
    /// For a fallback: what must be terminal before its inputs can be evaluated.
    pub waits_for: Vec<Dependency>,
    /// When it is tried again.
    pub retry: Vec<RetryRule>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// The pool of the settings in which it is at work.
    pub pool: Option<Arc<str>>,
}

/// Tries again on some failures. The first rule whose `on` holds the class applies.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryRule {
    /// The classes it applies to.
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
    pub jitter: bool,
    /// How the job timeout changes for the further attempts.
    pub timeout: Option<TimeoutChange>,
}

/// How a retry changes the job timeout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeoutChange {
    /// To this length.
    To(Span),
    /// By this factor with each attempt (`2x`).
    Times(f64),
}

/// How long the phases of an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    fn default() -> Timeouts {
        Timeouts {
            connect: Span::seconds(10),
            request: Span::minutes(2),
            queue: Span::minutes(15),
            job: Span::minutes(5),
        }
    }
}

/// A condition that an output must meet.
#[derive(Clone, Debug)]
pub struct Check {
    /// Must hold.
    pub that: Template,
    /// What to say when it doesn't.
    pub message: Option<Template>,
}
