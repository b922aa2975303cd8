//! What a provider tells: uploads, jobs, news of them, answers.

use std::collections::BTreeMap;
use std::fmt;

use motet_pipeline::failure::Known;
use motet_pipeline::{Failure, MediaKind, Money, Timestamp, Usage, Value};

use crate::http::Request;

/// A file that was uploaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Uploaded {
    /// Where the provider reads it.
    pub url: String,
    /// What is to be sent before that holds: the bytes, where they go to another place than the announcement. Any
    /// reply of success will do.
    pub then: Option<Request>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    /// A job was made; here is its id.
    Job(String),
    /// The answer came at once.
    Done(Box<Answer>),
}

/// How a job is.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It waits at the provider.
    Queued {
        /// How many wait before it, where that is told.
        ahead: Option<u64>,
    },
    /// It is at work, or in a state that this version doesn't know.
    Running,
    /// It has ended, and the answer is to be asked for.
    Ready,
    /// It has ended, and here is what it gave.
    Done(Box<Answer>),
    /// It has ended without an answer.
    Failed(Failure),
    /// It was stopped.
    Cancelled {
        /// Whether it costs all the same.
        billed: Known,
    },
    /// It has ended and was paid, and the provider has deleted what it gave.
    Expired,
}

impl News {
    /// Whether nothing else can follow.
    pub fn is_terminal(&self) -> bool {
        !matches!(self, News::Queued { .. } | News::Running | News::Ready)
    }
}

/// What came of the wish to stop a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It has stopped.
    Stopped {
        /// Whether it costs all the same.
        billed: Known,
    },
    /// The provider will try; the job may still end and cost.
    Asked,
    /// It had ended before.
    TooLate,
    /// The provider doesn't know the job.
    NoJob,
    /// The provider can't stop a job.
    Impossible,
}

/// A page of what a provider has taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchPage {
    /// The jobs, in the provider's order.
    pub jobs: Vec<Found>,
    /// Names the next page; `None` on the last one.
    pub next: Option<String>,
}

/// A job on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id, for [`poll`](crate::Provider::poll).
    pub job: String,
    /// When it was made, where that is told.
    pub made_at: Option<Timestamp>,
    /// Whether it can be the call that was searched for.
    pub likeness: Likeness,
    /// How it is, where that is told.
    pub state: Option<State>,
}

/// Whether a job can be the one that was searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// It has the token of the call.
    Same,
    /// Model and inputs are equal. An equal call of somebody else looks the same, so it may be taken only if no other
    /// attempt claims it.
    Alike,
    /// It is another one.
    Other,
    /// The provider doesn't show enough (its inputs were deleted).
    Hidden,
}

/// From when on a provider's list shows a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Since it was taken.
    Taken,
    /// Since its work began: what is queued may be missing.
    Begun,
    /// Since its work ended: what is being made is missing.
    Ended,
}

/// How far a job is, on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits.
    Queued,
    /// It is at work.
    Running,
    /// It has ended: [`poll`](crate::Provider::poll) tells how.
    Ended,
}

/// What a model gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The outputs by name, as the contract calls them.
    pub outputs: BTreeMap<String, Given>,
    /// What the provider says that it cost.
    pub cost: Option<Money>,
    /// What the provider says that was used. Units: `images`, `video_seconds`, `audio_seconds`, `predict_seconds`
    /// (time that the model ran), `tokens_in`, `tokens_out`, `characters`, `credits` and `billable_units` (in the
    /// unit that this model is billed by).
    pub usage: Usage,
    /// What somebody should know though it succeeded.
    pub warnings: Vec<String>,
    /// About the call.
    pub meta: Meta,
}

/// An output.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// Plain JSON.
    Value(Value),
    /// One piece of media.
    Media(Media),
    /// A list of media.
    MediaList(Vec<Media>),
}

/// Media that a model gave, not yet kept and not yet measured: its type is what the provider claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What the contract says that it is.
    pub kind: MediaKind,
    /// The media type that the provider claims.
    pub mime: Option<String>,
    /// Where its bytes are.
    pub source: Source,
}

/// Where the bytes of media are.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// To be fetched from there: hostile, and gone after a while.
    Url(String),
    /// Here.
    Bytes(Vec<u8>),
}

/// About a call that was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The provider's name for the job.
    pub job: Option<String>,
    /// The provider's name for the request, for its support.
    pub request_id: Option<String>,
    /// The model and version as the provider names them.
    pub model: Option<String>,
    /// The seed that was used, as text: some have more digits than a float keeps.
    pub seed: Option<String>,
}

/// Shows no bytes, and no query of a URL, which may be a signature.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Url(url) => write!(f, "{}", url.split(['?', '#']).next().unwrap_or_default()),
            Source::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}
