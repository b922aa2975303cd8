//! Nodes: the parts of a run's state, one for each step and each item.

use motet_pipeline::value::journal;
use motet_pipeline::{Failure, StepPath, Value};
use serde::{Deserialize, Serialize};

use crate::Items;
use crate::attempt::Attempt;
use crate::cancelling::Cancellation;
use crate::event::CacheKey;

/// A node of a run. Numbers are given in the order of the journal, so every fold gives the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    /// The run itself.
    pub(crate) const ROOT: NodeId = NodeId(0);

    pub(crate) fn offset(self, by: usize) -> NodeId {
        NodeId(self.0 + by as u32)
    }
}

/// Where a step or item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It waits for what it refers to.
    Pending,
    /// It is ready and waits for a slot, or for what its next target refers to.
    Waiting,
    /// An attempt is under way, or steps inside it are.
    Running,
    /// It waits for a moment.
    Sleeping,
    /// It waits for a decision or for money.
    Parked,
    /// It has its output.
    Completed,
    /// It failed for good.
    Failed,
    /// It did not run.
    Skipped,
    /// It was cancelled.
    Cancelled,
}

impl StepStatus {
    /// All statuses.
    pub const ALL: [StepStatus; 9] = [
        StepStatus::Pending,
        StepStatus::Waiting,
        StepStatus::Running,
        StepStatus::Sleeping,
        StepStatus::Parked,
        StepStatus::Completed,
        StepStatus::Failed,
        StepStatus::Skipped,
        StepStatus::Cancelled,
    ];

    /// Whether nothing can follow.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            StepStatus::Completed | StepStatus::Failed | StepStatus::Skipped | StepStatus::Cancelled
        )
    }

    /// The word in expressions, events and reports.
    pub fn word(self) -> &'static str {
        match self {
            StepStatus::Pending => "pending",
            StepStatus::Waiting => "waiting",
            StepStatus::Running => "running",
            StepStatus::Sleeping => "sleeping",
            StepStatus::Parked => "parked",
            StepStatus::Completed => "completed",
            StepStatus::Failed => "failed",
            StepStatus::Skipped => "skipped",
            StepStatus::Cancelled => "cancelled",
        }
    }
}

/// The state of a step, of an item, or (the root) of a run's outermost scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) path: StepPath,
    /// The step in the graph; for the root no step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<u32>,
    /// For a step the node whose scope it stands in; for an item its step; for an undo what it undoes.
    pub(crate) parent: NodeId,
    /// For an item its place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<u32>,
    pub(crate) status: StepStatus,
    #[serde(skip)]
    pub(crate) awaited: Awaited,
    /// Whether its failure or cancellation is tolerated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tolerated: bool,
    /// The step whose failure kept it, or a step inside it, from running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) blocked_by: Option<NodeId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Box<Failure>>,
    /// If somebody asked to cancel it, or something that it can't do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancellation: Option<Box<Cancellation>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
    pub(crate) output: Option<Value>,
    /// Whether the output was made in this run, and can be undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_made: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<Box<Attempts>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) each: Option<Box<Each>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Box<Scope>>,
}

/// How many of the steps that a step waits for were found terminal, in the order of its list: the next
/// look begins behind them, so that a join of many costs a look at each. No part of the state.
#[derive(Clone, Copy, Default)]
pub(crate) struct Awaited(pub(crate) u32);

impl PartialEq for Awaited {
    fn eq(&self, _: &Awaited) -> bool {
        true
    }
}

impl std::fmt::Debug for Awaited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// The attempts of a unit of work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attempts {
    /// The resolved inputs of the target.
    #[serde(deserialize_with = "journal::value")]
    pub(crate) inputs: Value,
    /// Under which key the result of the first target is kept for other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<Box<CacheKey>>,
    /// Which target.
    pub(crate) target: usize,
    /// Whether the target's inputs are not resolved yet.
    pub(crate) unresolved: bool,
    /// All attempts so far.
    pub(crate) number: u32,
    /// Those at this target that count.
    pub(crate) at_target: u32,
    /// Why the last one failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Box<Failure>>,
    /// Those that have not ended: the one that the step waits for, and those that nobody wants any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) live: Vec<Attempt>,
}

impl Attempts {
    /// The attempt that the step waits for.
    pub(crate) fn wanted(&self) -> Option<&Attempt> {
        self.live.iter().find(|attempt| attempt.phase.is_wanted())
    }

    /// The attempt `number`, if it has not ended.
    pub(crate) fn get(&self, number: u32) -> Option<&Attempt> {
        self.live.iter().find(|attempt| attempt.number == number)
    }

    /// How many attempts nobody wants any more.
    pub(crate) fn stopping(&self) -> usize {
        self.live.iter().filter(|attempt| !attempt.phase.is_wanted()).count()
    }
}

/// The fan-out of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Each {
    /// In a stored state they are a part of their own, which never changes.
    #[serde(skip)]
    pub(crate) items: Items,
    /// The nodes of the items that have begun, in list order. In a stored state each says so itself.
    #[serde(skip)]
    pub(crate) children: Vec<NodeId>,
    pub(crate) succeeded: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
    pub(crate) cancelled: u32,
}

impl Each {
    pub(crate) fn new(items: Items) -> Each {
        Each { items, ..Each::default() }
    }

    /// How many items have begun (ready, or skipped, or failed at once).
    pub(crate) fn started(&self) -> u32 {
        self.children.len() as u32
    }

    pub(crate) fn ended(&self) -> u32 {
        self.succeeded + self.failed + self.skipped + self.cancelled
    }

    pub(crate) fn under_way(&self) -> u32 {
        self.started() - self.ended()
    }
}

/// The steps inside a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scope {
    /// The node of the first step; the others follow.
    pub(crate) first: NodeId,
    /// How many there are.
    pub(crate) steps: u32,
    /// How many are not terminal.
    pub(crate) open: u32,
    /// The step whose failure counts against the scope: the first that failed untolerated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<NodeId>,
    /// The same of a step that somebody cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cancelled: Option<NodeId>,
    /// What `inputs` stands for inside, if this is where it changes.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
    pub(crate) inputs: Option<Value>,
}

impl Scope {
    /// The step that the scope can't do without, and has to.
    pub(crate) fn lost(&self) -> Option<NodeId> {
        self.failed.or(self.cancelled)
    }
}

impl Node {
    pub(crate) fn new(path: StepPath, step: Option<u32>, parent: NodeId, item: Option<u32>) -> Node {
        Node {
            path,
            step,
            parent,
            item,
            status: StepStatus::Pending,
            awaited: Awaited::default(),
            tolerated: false,
            blocked_by: None,
            failure: None,
            cancellation: None,
            output: None,
            is_made: false,
            attempts: None,
            each: None,
            scope: None,
        }
    }
}
