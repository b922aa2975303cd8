//! Tasks: operations of your own, as async closures.

mod context;
mod error;
mod media;
mod shape;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use motet_pipeline::contract::{Feature, Work as WorkKind};
use motet_pipeline::price::{Facts, Price};
use motet_pipeline::value::Map;
use motet_pipeline::{Contract, Cost, Failure, Outcome, Value};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::import::judge_kept;
use crate::operation::{Operation, Performer, RemoteOperation, WorkError};
use crate::work::Work;

pub use context::TaskContext;
pub use error::TaskError;
pub use media::{Audio, Image, Media, Video, WrongKind};

use shape::{Shape, Side};

/// An operation of your own, with its contract.
///
/// The contract comes from the types that the closure takes and gives: serde says how they are
/// written, schemars what fits. So a check finds a wrong input of your code as it finds one of a
/// model.
///
/// ```
/// use motet::{Task, TaskContext, schemars::JsonSchema};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Shout {
///     text: String,
///     #[serde(default)]
///     twice: bool,
/// }
///
/// #[derive(Serialize, JsonSchema)]
/// struct Loud {
///     text: String,
/// }
///
/// let shout = Task::new("task/shout", |_: TaskContext, input: Shout| async move {
///     let text = input.text.to_uppercase();
///     Ok(Loud { text: if input.twice { format!("{text} {text}") } else { text } })
/// });
/// let contract = shout.contract();
/// assert!(contract.parameter("text").unwrap().required);
/// assert_eq!(contract.parameter("twice").unwrap().default, Some(false.into()));
/// assert!(contract.outputs.contains_key("text"));
/// ```
#[derive(Clone)]
pub struct Task {
    contract: Contract,
    performer: Performer,
}

impl Task {
    /// A task called `name` (`task/` is put before it if it isn't there), done by `closure`.
    ///
    /// The closure must not hold up the thread that it runs on: what computes or waits for long without
    /// `await` belongs into `tokio::task::spawn_blocking`.
    ///
    /// An input type that isn't an object takes one parameter, `value`; an output type that isn't
    /// one gives one, `value`; `()` takes or gives nothing.
    pub fn new<Input, Output, Closure, Performing>(name: &str, closure: Closure) -> Task
    where
        Input: DeserializeOwned + JsonSchema + Send + 'static,
        Output: Serialize + JsonSchema + Send + 'static,
        Closure: Fn(TaskContext, Input) -> Performing + Send + Sync + 'static,
        Performing: Future<Output = Result<Output, TaskError>> + Send + 'static,
    {
        let name = if name.starts_with("task/") { name.to_owned() } else { format!("task/{name}") };
        let (taken, given) = (Shape::of::<Input>(Side::Taken), Shape::of::<Output>(Side::Given));
        let mut contract = Contract::new(name, WorkKind::Task).summary(taken.description());
        contract.inputs = taken.parameters();
        contract.open_inputs = taken.is_open();
        contract.outputs = given.outputs();
        contract.open_outputs = given.is_open();
        let given = Arc::new(given);
        let perform: Perform = Box::new(move |context| {
            let performing = taken.read(context.inputs()).map(|input| closure(context, input));
            let given = given.clone();
            Box::pin(async move { given.write(&performing?.await?) })
        });
        Task::with_contract(contract, Typed(perform))
    }

    /// A task with a contract and hands that were made elsewhere.
    pub fn with_contract(contract: Contract, operation: impl Operation) -> Task {
        Task { contract, performer: Performer::Here(Arc::new(operation)) }
    }

    /// An operation whose calls leave this machine and may cost. Its contract says how they are made
    /// ([`Contract::call`]).
    pub fn remote(contract: Contract, operation: impl RemoteOperation) -> Task {
        Task { contract, performer: Performer::Remote(Arc::new(operation)) }
    }

    /// Says in one sentence what the task does, for `plan` and the documentation. Without it, the
    /// first line of the input type's own documentation is taken.
    pub fn summary(mut self, summary: &str) -> Task {
        self.contract.summary = summary.to_owned();
        self
    }

    /// Says what an attempt costs. `motet plan` then shows it, and the most that it may cost is reserved before it begins. An
    /// attempt that succeeds and reports no cost of its own ([`TaskContext::cost`]) is booked with this price.
    ///
    /// ```
    /// use motet::language::price::Price;
    /// use motet::{Task, TaskContext};
    /// let search = Task::new("search", |_: TaskContext, words: String| async move { Ok(words) });
    /// let search = search.price(Price::flat("0.005".parse().unwrap()));
    /// # drop(search);
    /// ```
    pub fn price(mut self, price: Price) -> Task {
        self.contract.price = Some(price);
        self
    }

    /// Says that the task does nothing but give its result, and gives the same for the same: a step with `cache` may take
    /// the result of another run instead.
    ///
    /// ```
    /// use motet::{Task, TaskContext};
    /// let count = |_: TaskContext, words: String| async move { Ok(words.split(' ').count()) };
    /// let task = Task::new("count", count).reusable();
    /// # drop(task);
    /// ```
    pub fn reusable(mut self) -> Task {
        self.contract.features.insert(Feature::Reusable);
        self
    }

    /// What the task takes and gives.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    pub(crate) fn into_parts(self) -> (Contract, Performer) {
        (self.contract, self.performer)
    }
}

/// A closure behind its types: it reads its inputs from the context and gives a map.
type Perform = Box<dyn Fn(TaskContext) -> BoxFuture<'static, Result<Map, TaskError>> + Send + Sync>;

struct Typed(Perform);

impl Operation for Typed {
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        let hands = work.hands.clone();
        let price = price_of(&work);
        let context = TaskContext::new(work);
        let performing = (self.0)(context.clone());
        Box::pin(async move {
            let outputs = performing.await;
            let mut told = std::mem::take(&mut *context.told());
            let outputs = outputs.map_err(|error| error.into_work_error(hands.world.now(), told.cost))?;
            judge_kept(&hands.store, &outputs).map_err(|misfits| WorkError::Failed {
                failure: Box::new(Failure::bad_output(format!("{}; keep it first", misfits[0].message))),
                cost: told.cost,
            })?;
            if told.cost.is_none() {
                told.cost = price;
            }
            Ok(Outcome { output: Value::Map(outputs.into()), ..told })
        })
    }
}

/// What an attempt costs that says nothing itself.
fn price_of(work: &Work) -> Cost {
    let contract = work.contract();
    let Some(given) = work.inputs().as_map().filter(|_| contract.price.is_some()) else { return Cost::NONE };
    let facts = Facts::resolved(contract, given, work.timeouts().job);
    contract.estimate(&facts).map_or(Cost::NONE, |estimate| Cost::computed(estimate.likely))
}
