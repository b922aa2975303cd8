//! What each provider says in its own way, over what is the same for all.

use jiff::Timestamp;

use crate::Sim;
use crate::http::{Answer, Ask};
use crate::job::Job;
use crate::scenario::{Fault, Operation, Provider};

/// Why a request isn't carried out; each provider words it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// There is no such path.
    NotFound,
    Unauthenticated,
    OutOfCredit,
    /// Too much at a time; for how many seconds, where that is said.
    Throttled(Option<u64>),
    /// The provider broke, with a status from 500.
    Broken(u16),
}

/// A request on its way through the simulator.
pub(crate) struct Visit<'a> {
    pub(crate) now: Timestamp,
    pub(crate) ask: &'a Ask<'a>,
    /// Whose key it carries; empty where none is needed.
    pub(crate) account: String,
    pub(crate) operation: Operation,
    pub(crate) model: Option<String>,
    pub(crate) fault: Option<Fault>,
    /// The status where the fault is that the provider breaks.
    pub(crate) status: u16,
    /// Inputs that the model doesn't know.
    pub(crate) unknown: Vec<String>,
}

/// What came of a request.
pub(crate) struct Done {
    pub(crate) answer: Answer,
    /// The job that it made.
    pub(crate) job: Option<u64>,
}

impl From<Answer> for Done {
    fn from(answer: Answer) -> Done {
        Done { answer, job: None }
    }
}

/// How a provider is spoken to.
pub(crate) trait Dialect {
    const PROVIDER: Provider;
    /// A request that this provider knows.
    type Route;

    /// What is asked; nothing where there is no such path.
    fn route(ask: &Ask<'_>) -> Option<Self::Route>;
    fn operation(route: &Self::Route) -> Operation;
    /// The model that is asked for.
    fn model(route: &Self::Route) -> Option<String>;
    fn needs_key(route: &Self::Route) -> bool;
    /// Whose key the request carries.
    fn account(ask: &Ask<'_>) -> Option<String>;
    fn refuse(refusal: Refusal) -> Answer;
    fn answer(sim: &mut Sim, visit: &mut Visit<'_>, route: Self::Route) -> Done;
    /// What the caller of a job planted to know it again.
    fn token(job: &Job) -> Option<String>;
}

/// The value of `token` in the query of a webhook's address.
pub(crate) fn token_of_hook(job: &Job) -> Option<String> {
    let (_, query) = job.hook.as_ref()?.url.split_once('?')?;
    crate::http::pairs(query).into_iter().find(|(name, _)| name == "token").map(|(_, value)| value)
}
