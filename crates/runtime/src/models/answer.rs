//! Answers: every byte is fetched, measured and kept before a step counts as done (law L5).

use std::path::Path;

use motet_pipeline::failure::{Known, Phase};
use motet_pipeline::money::Basis;
use motet_pipeline::price::{Facts, Unit};
use motet_pipeline::value::Map;
use motet_pipeline::{Class, Cost, Failure, MediaKind, Outcome, Span, Usage, Value};
use motet_providers::answer::{Answer, Given, Media, Source};
use motet_providers::failure::download_refused;
use motet_providers::http::{Address, Limits, Request};

use super::remote::ModelCalls;
use crate::door::{Errand, Stake};
use crate::operation::{Scratch, WorkError};
use crate::work::Work;

/// The largest output that is fetched: hours of film have a few gigabytes.
const DOWNLOAD_BYTES_MAX: u64 = 8 << 30;

/// How long one download may take.
const DOWNLOAD_TIME: Span = Span::minutes(15);

/// How often a download is tried before the provider is asked again where the output is: what it brings is paid.
const DOWNLOADS_MAX: u32 = 5;

impl ModelCalls {
    /// Keeps what a model gave.
    pub(super) async fn keep(
        &self,
        work: &Work,
        answer: Answer,
        warnings: Vec<String>,
    ) -> Result<Outcome, WorkError> {
        let Answer { outputs, cost, usage, warnings: told, .. } = answer;
        let cost = match cost {
            Some(amount) => Cost::billed(amount),
            None => self.computed(work, &usage),
        };
        let mut kept = Map::new();
        for (name, given) in outputs {
            let value = match given {
                Given::Value(value) => value,
                Given::Media(media) => self.keep_media(work, media, cost).await?,
                Given::MediaList(list) => {
                    let mut values = Vec::with_capacity(list.len());
                    for media in list {
                        values.push(self.keep_media(work, media, cost).await?);
                    }
                    Value::list(values)
                }
            };
            kept.insert(name, value);
        }
        let output = Value::Map(kept.into());
        let cost = if cost.basis == Basis::Maybe { self.measured(work, &output, &usage) } else { cost };
        Ok(Outcome { output, cost, usage, warnings: warnings.into_iter().chain(told).collect() })
    }

    async fn keep_media(&self, work: &Work, media: Media, cost: Cost) -> Result<Value, WorkError> {
        let (scratch, name) = Scratch::for_file(work);
        match media.source {
            Source::Bytes(bytes) => scratch.write(&name, &bytes)?,
            Source::Url(url) => {
                self.download(work, &scratch.path(&name), url).await.map_err(|error| costing(error, cost))?;
            }
        }
        let unusable = |error| match error {
            // What came is paid, whatever it is.
            WorkError::Failed { failure, .. } if failure.class == Class::Invalid => {
                let failure = Failure { class: Class::BadOutput, billed: Known::Yes, ..*failure };
                WorkError::Failed { failure: Box::new(failure), cost }
            }
            error => costing(error, cost),
        };
        scratch.keep(work, &name).await.map(Value::from).map_err(unusable)
    }

    /// Fetches what lies at `url` into the file `into`. It is free to ask again.
    async fn download(&self, work: &Work, into: &Path, url: String) -> Result<(), WorkError> {
        let limits =
            Limits { request_ms: DOWNLOAD_TIME.0, reply_bytes_max: DOWNLOAD_BYTES_MAX, ..Limits::default() };
        let request = Request::get(Address::Url(url)).limits(limits);
        let mut tries = 0;
        loop {
            tries += 1;
            let errand = Errand::new(self.provider_name(), request.clone());
            let failed = match self.models.door.download(errand, into).await {
                Ok(reply) if reply.is_success() => return Ok(()),
                Ok(reply) => WorkError::from(download_refused(reply.status)),
                Err(fault) => fault.into_work_error(Stake::Output),
            };
            let is_passing =
                matches!(&failed, WorkError::Failed { failure, .. } if may_be_downloaded_later(failure));
            if !is_passing || tries == DOWNLOADS_MAX {
                return Err(failed);
            }
            work.pause(Span::seconds(1 << tries.min(5))).await;
        }
    }

    /// What the call cost, computed from what it used; if that can't be, the most that it can be.
    fn computed(&self, work: &Work, usage: &Usage) -> Cost {
        let Some(price) = &work.contract().price else { return Cost::NONE };
        let given = work.input_map();
        let facts = Facts::resolved(work.contract(), &given, work.timeouts().job);
        price.cost(&facts, usage).unwrap_or_else(|_| Cost::maybe(work.estimate()))
    }

    /// What the call cost whose provider didn't tell how much it used, computed from how long what it gave is, where that is
    /// billed; else the most that it can be.
    fn measured(&self, work: &Work, output: &Value, told: &Usage) -> Cost {
        let (mut used, mut are_measured) = (told.clone(), true);
        output.for_each_artifact(&mut |artifact| {
            let unit = match artifact.kind {
                MediaKind::Audio => Unit::OutputAudioSecond,
                MediaKind::Video => Unit::OutputVideoSecond,
                _ => return,
            };
            if unit.names_in_usage().iter().any(|name| told.get(name).is_some()) {
                return;
            }
            match artifact.duration {
                Some(duration) => used.add(unit.word(), duration),
                None => are_measured = false,
            }
        });
        self.computed(work, if are_measured { &used } else { told })
    }

    /// A failure of a call, with what it may have cost all the same.
    pub(super) fn failed(&self, work: &Work, failure: Failure) -> WorkError {
        self.failed_after(work, failure, &Usage::default())
    }

    /// The same, where it is known what was used.
    pub(super) fn failed_after(&self, work: &Work, failure: Failure, used: &Usage) -> WorkError {
        let cost = match failure.billed {
            Known::No => Cost::NONE,
            _ if !used.is_empty() => self.computed(work, used),
            Known::Maybe | Known::Yes => Cost::maybe(work.estimate()),
        };
        WorkError::Failed { failure: Box::new(failure), cost }
    }
}

/// Whether a download failed that may succeed later.
pub(super) fn may_be_downloaded_later(failure: &Failure) -> bool {
    failure.phase == Some(Phase::Download)
        && matches!(failure.class, Class::Unavailable | Class::Timeout | Class::Throttled)
}

/// A failure after the answer came: the call is paid.
fn costing(error: WorkError, cost: Cost) -> WorkError {
    match error {
        WorkError::Failed { failure, .. } => {
            WorkError::Failed { failure: Box::new(Failure { billed: Known::Yes, ..*failure }), cost }
        }
        error => error,
    }
}
