//! The control socket: how other processes on this machine reach the owner of a store.
//!
//! A connection carries JSON, a value a line. Both sides begin with a [`Hello`]; then the guest sends
//! one [`Request`] and the owner one [`Reply`]. After [`Request::Follow`] the owner continues with
//! [`Bell`]s until the run ends or the owner leaves. The bells ring only: what happened is read from
//! the store, which is the truth for everybody. A connection that ends without a reply means that the
//! owner is gone; the guest asks the next one, or is the next one. An owner that has nothing to say
//! shows every few seconds that it is there; one that doesn't is stopped, and its guests say so.

mod door;
mod guest;
mod socket;
mod start;
mod wire;

use std::collections::BTreeMap;

use motet_engine::RunId;
use motet_engine::dispatcher::PoolLimit;
use motet_pipeline::contract::{Catalogue, Misfit};
use motet_pipeline::{Digest, StepPath, Timestamp};
use motet_store::World;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::UnpricedStep;
use crate::follow::Progress;
use crate::request::{Answer, Request};
use crate::settings::{MoneySettings, Pools, Settings, Stores};

pub(crate) use door::DoorKeeper;
pub(crate) use guest::{Guest, OnSilence, QUIET, Unreached};
pub(crate) use start::Start;

/// The number of this protocol.
const PROTOCOL: u32 = 6;

/// What both sides say first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    motet: u32,
    version: String,
    pid: u32,
    /// All that must be the same, so that work done there is the work asked for here.
    settings: BTreeMap<String, String>,
}

impl Hello {
    /// The hello of this process.
    pub(crate) fn new(settings: &Settings, catalogue: &Catalogue, reality: World) -> Hello {
        let tools = &settings.tools;
        let font = tools.font.as_ref().map(|font| font.to_string_lossy().into_owned());
        let operations: Vec<_> = catalogue.iter().map(|contract| contract.operation.as_str()).collect();
        let settings = [
            ("tools.ffmpeg", tools.ffmpeg.clone()),
            ("tools.ffprobe", tools.ffprobe.clone()),
            ("tools.espeak_ng", tools.espeak_ng.clone()),
            ("tools.font", font.unwrap_or_default()),
            ("processors", settings.processors.to_string()),
            ("pools", in_words(&settings.pools)),
            ("stores", stores_in_words(&settings.stores)),
            ("world", reality.word().to_owned()),
            ("budgets", settings.budgets.in_words()),
            ("money", money_in_words(&settings.money)),
            ("providers", digest_of(&[&settings.providers, &settings.secrets])),
            (
                "prices",
                settings.prices.as_ref().map(|prices| prices.digest().to_string()).unwrap_or_default(),
            ),
            ("operations", Digest::of(operations.join("\n").as_bytes()).to_string()),
        ];
        Hello {
            motet: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            settings: settings.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    /// How the owner, which said `other`, differs from this process.
    fn difference(&self, other: &Hello) -> Option<String> {
        if (self.motet, &self.version) != (other.motet, &other.version) {
            return Some(format!("version {} (here it is {})", other.version, self.version));
        }
        let differing = self.settings.iter().filter_map(|(name, here)| {
            let there = other.settings.get(name).map_or("", String::as_str);
            match name.as_str() {
                _ if there == here => None,
                "operations" => Some("other operations".to_owned()),
                "providers" => Some("other keys or addresses of providers".to_owned()),
                "prices" => Some("other prices".to_owned()),
                name => Some(format!("{name} = \"{there}\" (here it is \"{here}\")")),
            }
        });
        let differing: Vec<_> = differing.collect();
        if differing.is_empty() { None } else { Some(differing.join(" and ")) }
    }
}

/// `gpu = { slots = 1 }, search = { slots = 4, rate = 30/1m }`
fn in_words(pools: &Pools) -> String {
    let limits = |limit: &PoolLimit| {
        let slots = limit.slots.map(|slots| format!("slots = {slots}"));
        let rate = limit.rate.map(|rate| format!("rate = {rate}"));
        slots.into_iter().chain(rate).collect::<Vec<_>>().join(", ")
    };
    let pools = pools.iter().map(|(name, limit)| format!("{name} = {{ {} }}", limits(limit)));
    pools.collect::<Vec<_>>().join(", ")
}

/// `films = /shared/films`
fn stores_in_words(stores: &Stores) -> String {
    let stores = stores.iter().map(|(name, folder)| format!("{name} = {}", folder.display()));
    stores.collect::<Vec<_>>().join(", ")
}

fn money_in_words(money: &MoneySettings) -> String {
    let MoneySettings { resend_below, resend_total, .. } = money;
    format!("resend_below {resend_below}, resend_total {resend_total}")
}

/// Where keys are and requests go: it names no key, and is compared only.
fn digest_of(settings: &[&dyn std::fmt::Debug]) -> String {
    Digest::of(format!("{settings:?}").as_bytes()).to_string()
}

/// What a guest tells the owner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ask {
    /// To do something.
    Do(Request),
    /// To tell when something happens to a run; to drive it first, if it is to be driven.
    Follow { run: RunId, drive: bool },
}

/// What the owner answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    /// It is done.
    Done(Answer),
    /// It is refused.
    Refused(Refusal),
}

/// Why the owner refuses: those reasons that callers match on, and words for all others.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    Inputs(Vec<(String, String)>),
    RunDiffers(RunId),
    NoRun(String),
    NotParked { run: RunId, step: StepPath, status: String },
    NoJobs { run: RunId, step: StepPath, operation: String },
    NotCancelled { run: RunId, step: StepPath, status: String },
    Unpriced(Vec<UnpricedStep>),
    NotAdopted { operation: String },
    Other(ErrorText),
}

impl Refusal {
    fn of(error: &Error) -> Refusal {
        match error {
            Error::Inputs(misfits) => Refusal::Inputs(
                misfits.iter().map(|misfit| (misfit.parameter.clone(), misfit.message.clone())).collect(),
            ),
            Error::RunDiffers(run) => Refusal::RunDiffers(run.clone()),
            Error::NoRun(run) => Refusal::NoRun(run.clone()),
            Error::NotParked { run, step, status } => {
                Refusal::NotParked { run: run.clone(), step: step.clone(), status: status.clone() }
            }
            Error::NoJobs { run, step, operation } => {
                Refusal::NoJobs { run: run.clone(), step: step.clone(), operation: operation.clone() }
            }
            Error::NotCancelled { run, step, status } => {
                Refusal::NotCancelled { run: run.clone(), step: step.clone(), status: status.clone() }
            }
            Error::Unpriced(steps) => Refusal::Unpriced(steps.clone()),
            Error::NotAdopted { operation } => Refusal::NotAdopted { operation: operation.clone() },
            other => Refusal::Other(other.into()),
        }
    }

    fn into_error(self, pid: u32) -> Error {
        match self {
            Refusal::Inputs(misfits) => Error::Inputs(
                misfits.into_iter().map(|(parameter, message)| Misfit { parameter, message }).collect(),
            ),
            Refusal::RunDiffers(run) => Error::RunDiffers(run),
            Refusal::NoRun(run) => Error::NoRun(run),
            Refusal::NotParked { run, step, status } => Error::NotParked { run, step, status },
            Refusal::NoJobs { run, step, operation } => Error::NoJobs { run, step, operation },
            Refusal::NotCancelled { run, step, status } => Error::NotCancelled { run, step, status },
            Refusal::Unpriced(steps) => Error::Unpriced(steps),
            Refusal::NotAdopted { operation } => Error::NotAdopted { operation },
            Refusal::Other(text) => text.into_error(pid),
        }
    }
}

/// What an error of the owner says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ErrorText {
    code: String,
    message: String,
    hint: Option<String>,
}

impl From<&Error> for ErrorText {
    fn from(error: &Error) -> ErrorText {
        ErrorText { code: error.code().to_owned(), message: error.what(), hint: error.hint() }
    }
}

impl ErrorText {
    /// The error for the guest of the owner `pid`.
    pub(crate) fn into_error(self, pid: u32) -> Error {
        let ErrorText { code, message, hint } = self;
        Error::Refused { pid, code, message, hint }
    }
}

/// What rings while a run is followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bell {
    /// The turns up to this one are in the store.
    Turn(u64),
    /// An attempt reports how far it is.
    Progress {
        step: StepPath,
        attempt: u32,
        fraction: Option<f64>,
        message: Option<String>,
        #[serde(default)]
        next_look: Option<Timestamp>,
    },
    /// Nobody drives the run.
    Idle,
    /// The store keeps nothing more.
    Broken(ErrorText),
}

impl From<&Progress> for Bell {
    fn from(progress: &Progress) -> Bell {
        let Progress { step, attempt, fraction, message, next_look } = progress.clone();
        Bell::Progress { step, attempt, fraction, message, next_look }
    }
}
