//! The machine: requests in, replies out, under a clock that is passed in.

mod alter;
mod faults;
mod jobs;
mod news;
mod state;
mod visit;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::bases::Bases;
use crate::chance::Chance;
use crate::elevenlabs::ElevenLabs;
use crate::fal::Fal;
use crate::files::File;
use crate::http::{self, Ask, Reply, Request};
use crate::ledger::{Entry, Seen};
use crate::limits::Meters;
use crate::replicate::Replicate;
use crate::scenario::{Limits, Provider, Scenario};
use crate::web::Web;

pub(crate) use jobs::Draft;
pub use state::Change;
use state::State;
pub(crate) use state::{Endpoint, Kept};

/// Options of [`Sim::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The seed of everything random.
    pub seed: u64,
    /// How many times faster than at the real provider jobs run and webhooks are retried. Limits and retention keep their real times.
    pub speed: f64,
    /// The base URLs under which it is reached.
    pub bases: Bases,
    /// The faults, keys and limits.
    pub scenario: Scenario,
    /// Whether changes are recorded for [`Sim::changes`].
    pub keeps_changes: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 0,
            speed: 1.0,
            bases: Bases::under("http://sim.local"),
            scenario: Scenario::default(),
            keeps_changes: false,
        }
    }
}

/// The simulated providers, as a pure machine.
///
/// ```
/// use motet_sim::{Options, Reply, Request, Sim};
/// let mut sim = Sim::new(Options::default());
/// let now = "2027-01-01T00:00:00Z".parse().unwrap();
/// let request = Request { method: "GET".to_owned(), path: "/replicate/v1/account".to_owned(), ..Request::default() };
/// let Reply::Answer(answer) = sim.handle(now, &request) else { panic!("an answer") };
/// assert_eq!(answer.status, 401);
/// ```
#[derive(Debug)]
pub struct Sim {
    options: Options,
    state: State,
    meters: Meters,
    /// Output files whose first download broke off.
    cut: HashSet<(u64, usize)>,
    /// Output files that have another URL by now.
    moved: HashSet<(u64, usize)>,
    seen: VecDeque<Seen>,
    changes: Vec<Change>,
}

impl Sim {
    /// A new simulator.
    pub fn new(options: Options) -> Sim {
        Sim {
            options,
            state: State::default(),
            meters: Meters::default(),
            cut: HashSet::new(),
            moved: HashSet::new(),
            seen: VecDeque::new(),
            changes: Vec::new(),
        }
    }

    /// Answers a request that arrives at `now`.
    pub fn handle(&mut self, now: Timestamp, request: &Request) -> Reply {
        let (prefix, ask) = Ask::read(request);
        let (reply, operation, fault) = match Provider::by_name(&prefix) {
            Some(Provider::Replicate) => self.visit::<Replicate>(now, &ask),
            Some(Provider::Fal) => self.visit::<Fal>(now, &ask),
            Some(Provider::ElevenLabs) => self.visit::<ElevenLabs>(now, &ask),
            Some(Provider::Http) => self.visit::<Web>(now, &ask),
            None if prefix == "_sim" => return self.control(now, &ask).into(),
            None => (
                http::own_error(
                    404,
                    "unknown prefix; supported: /replicate, /fal, /elevenlabs, /http, /_sim",
                )
                .into(),
                None,
                None,
            ),
        };
        self.note(now, request, &reply, operation, fault);
        reply
    }

    /// Replaces the scenario. All rules count from zero.
    pub fn set_scenario(&mut self, scenario: Scenario) {
        self.apply(Kept::Scenario(Box::new(scenario)));
    }

    /// Removes everything except the scenario. All rules count from zero.
    pub fn reset(&mut self) {
        self.apply(Kept::Reset);
        self.meters = Meters::default();
        self.cut.clear();
        self.moved.clear();
        self.seen.clear();
    }

    /// The ledger: an object for each paid request, in order of arrival.
    pub fn ledger(&self, now: Timestamp) -> Vec<Value> {
        let line = |entry: &Entry| {
            let job = entry.number.and_then(|number| self.state.jobs.get(number as usize));
            let faults = job.map_or(&[][..], |job| &job.faults);
            entry.line(faults, job.map_or(Some(entry.charged), |job| job.charge(now)))
        };
        self.state.ledger.iter().map(line).collect()
    }

    /// The most recent requests in order of arrival, without keys.
    pub fn requests(&self) -> Vec<Value> {
        self.seen.iter().map(Seen::line).collect()
    }

    pub(crate) fn bases(&self) -> &Bases {
        &self.options.bases
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.options.scenario
    }

    pub(crate) fn chance(&self) -> Chance {
        Chance { seed: self.options.seed }
    }

    /// A unique number.
    pub(crate) fn count(&mut self) -> u64 {
        self.apply(Kept::Count(self.state.count + 1));
        self.state.count
    }

    /// A duration of the real provider, scaled by the speed.
    pub(crate) fn scaled(&self, span: Duration) -> SignedDuration {
        SignedDuration::from_micros((span.as_micros() as f64 / self.pace()).min(1e15) as i64)
    }

    fn pace(&self) -> f64 {
        if self.options.speed > 0.0 { self.options.speed } else { 1.0 }
    }

    pub(crate) fn limits(&self, provider: Provider) -> Limits {
        self.options.scenario.limits.get(&provider).cloned().unwrap_or_else(|| Limits::of(provider))
    }

    pub(crate) fn meters(&mut self) -> &mut Meters {
        &mut self.meters
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.state.files.values()
    }

    pub(crate) fn file(&self, id: &str) -> Option<&File> {
        self.state.files.get(id)
    }

    /// Whether a download breaks off now: only the first one does.
    pub(crate) fn break_off(&mut self, job: u64, at: usize) -> bool {
        self.cut.insert((job, at))
    }

    /// From now on the output has another URL.
    pub(crate) fn move_output(&mut self, job: u64, at: usize) {
        self.moved.insert((job, at));
    }

    pub(crate) fn has_moved(&self, job: u64, at: usize) -> bool {
        self.moved.contains(&(job, at))
    }

    pub(crate) fn endpoints(&self, account: &str) -> impl Iterator<Item = &Endpoint> {
        self.state.endpoints.values().filter(move |endpoint| endpoint.account == account)
    }
}
