//! What differs between providers; what is common to all is in [`crate::sim`].

use jiff::Timestamp;

use crate::Sim;
use crate::http::{Answer, Ask};
use crate::job::{Job, Nanos};
use crate::scenario::{Fault, Operation, Provider, Scenario};

/// Why a request is refused. Each provider has its own wording.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The path is unknown.
    NotFound,
    Unauthenticated,
    OutOfCredit,
    /// A limit is reached; with the seconds to wait, if the provider reports them.
    Throttled(Option<u64>),
    /// A server error with this status.
    Broken(u16),
}

/// A request while it is processed.
pub(crate) struct Visit<'a> {
    pub(crate) now: Timestamp,
    pub(crate) ask: &'a Ask<'a>,
    /// The account of its key; empty if none is needed.
    pub(crate) account: String,
    pub(crate) operation: Operation,
    pub(crate) model: Option<String>,
    pub(crate) fault: Option<Fault>,
    /// The status of a server error, if that is the fault.
    pub(crate) status: u16,
    /// Inputs that are not in the model's schema.
    pub(crate) unknown: Vec<String>,
}

/// The result of a request.
pub(crate) struct Done {
    pub(crate) answer: Answer,
    /// The job that it started.
    pub(crate) job: Option<u64>,
}

impl From<Answer> for Done {
    fn from(answer: Answer) -> Done {
        Done { answer, job: None }
    }
}

/// The protocol of a provider.
pub(crate) trait Dialect {
    const PROVIDER: Provider;
    /// A request that the provider supports.
    type Route;

    /// The route of a request; `None` for an unknown path.
    fn route(ask: &Ask<'_>) -> Option<Self::Route>;
    fn operation(route: &Self::Route) -> Operation;
    /// The requested model.
    fn model(route: &Self::Route) -> Option<String>;
    fn needs_key(route: &Self::Route) -> bool;
    /// The account of the request's key.
    fn account(ask: &Ask<'_>) -> Option<String>;
    fn refuse(refusal: Refusal) -> Answer;
    fn answer(sim: &mut Sim, visit: &mut Visit<'_>, route: Self::Route) -> Done;
    /// The correlation token that the caller put into the request.
    fn token(job: &Job) -> Option<String>;

    /// The fault that the scenario names for this request in particular, and the status of a server error.
    fn scripted(_scenario: &Scenario, _route: &Self::Route) -> Option<(Fault, u16)> {
        None
    }

    /// Whether such a request must name its attempt.
    fn is_marked(_ask: &Ask<'_>) -> bool {
        true
    }

    /// What a request costs that starts no job.
    fn charge(_answer: &Answer) -> Option<Nanos> {
        None
    }
}

/// The value of `token` in the query of the webhook URL.
pub(crate) fn token_of_hook(job: &Job) -> Option<String> {
    let (_, query) = job.hook.as_ref()?.url.split_once('?')?;
    crate::http::pairs(query).into_iter().find(|(name, _)| name == "token").map(|(_, value)| value)
}
