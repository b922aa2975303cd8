//! Quotes: what a run is going to cost, in writing, and what a run that is started by one is held to.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use motet_engine::Allowance;
use motet_pipeline::estimate::{PlanEstimate, StepEstimate};
use motet_pipeline::price::{Price, Tariff};
use motet_pipeline::value::Map;
use motet_pipeline::{Digest, Money, Plan, Span, Timestamp, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::error::{Error, QuoteFault, UnpricedStep};
use crate::reading::read_file;
use crate::whole_file::write_whole;

/// How long a quote is valid: seven days.
pub const VALIDITY: Span = Span::seconds(7 * 24 * 60 * 60);

/// How many items a quote assumes of a list whose length only the run can tell.
pub const ITEMS_ASSUMED: u64 = 10;

/// The version of the file.
const FORMAT: u32 = 1;

/// The largest file that is read, in bytes.
const BYTES_MAX: u64 = 64 << 20;

/// What a run of a pipeline with certain inputs is going to cost.
///
/// A run that is started by it ([`StartOptions::quote`](crate::StartOptions::quote)) may spend its high end and no more, and a
/// step whose price follows from an earlier output no more than its part. It is refused once the pipeline, the inputs or the
/// prices have changed, or when its time is over.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
/// let motet = motet::Motet::builder().open().await?;
/// let text = "motet: 1\nsteps: { still: { uses: fal/fal-ai/flux/dev, with: { prompt: a boat } } }";
/// let pipeline = motet.load_text(text)?;
/// let quote = motet.quote(&pipeline, ())?;
/// assert_eq!((quote.steps.len(), quote.unpriced.len()), (1, 0));
/// let options = motet::StartOptions { quote: Some(quote), ..Default::default() };
/// # drop(options);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    motet_quote: u32,
    /// The name of the pipeline.
    pub pipeline: String,
    /// Its version: the content hash of its file and of all files that it uses.
    pub pipeline_digest: Digest,
    /// The content hash of the inputs, with their defaults and the content of files.
    pub inputs_digest: Digest,
    /// The content hash of the prices of all operations that it uses.
    pub prices_digest: Digest,
    /// When it was written.
    #[serde(with = "moment")]
    pub made_at: Timestamp,
    /// Until when a run can be started by it.
    #[serde(with = "moment")]
    pub valid_until: Timestamp,
    /// What the whole run is going to cost.
    pub total: QuotedAmounts,
    /// What each step that may cost anything is going to cost.
    pub steps: Vec<QuotedStep>,
    /// The steps of which nobody knows the price. They aren't part of the amounts.
    pub unpriced: Vec<UnpricedStep>,
}

/// The least, the usual and the most, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedAmounts {
    /// The least.
    pub low: Money,
    /// What it usually is.
    pub likely: Money,
    /// The most, if no attempt is made twice: what the run may spend.
    pub high: Money,
}

/// What a step is going to cost, with all of its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedStep {
    /// The step: names with `/` between them, without keys of items.
    pub step: String,
    /// The operation of its first target.
    pub operation: String,
    /// How much.
    #[serde(flatten)]
    pub amounts: QuotedAmounts,
    /// Whether that follows from an earlier output, or from the length of a list that only the run can tell: then the
    /// high end is the most that this step may spend.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follows: bool,
}

impl Quote {
    /// What a run of `plan` with these inputs, which are accepted already, is going to cost.
    pub(crate) fn of(plan: &Plan, inputs: &Map, now: Timestamp) -> Quote {
        let estimate = plan.estimate_with_items(inputs, ITEMS_ASSUMED);
        let total = amounts_of(&estimate, plan.budget);
        let step = |step: &StepEstimate| QuotedStep {
            step: step.step.clone(),
            operation: step.operation.clone(),
            amounts: QuotedAmounts {
                low: step.spread.low,
                likely: step.spread.likely,
                high: step.spread.high.unwrap_or(total.high),
            },
            follows: step.follows,
        };
        Quote {
            motet_quote: FORMAT,
            pipeline: plan.name.clone(),
            pipeline_digest: plan.version,
            inputs_digest: motet_store::inputs_digest(&Value::Map(inputs.clone().into())),
            prices_digest: digest_of_prices(plan),
            made_at: now,
            valid_until: now.after(VALIDITY),
            total,
            steps: estimate.steps.iter().map(step).collect(),
            unpriced: estimate.unpriced().filter_map(UnpricedStep::of).collect(),
        }
    }

    /// Reads the quote in the file at `path`.
    ///
    /// # Errors
    /// [`Error::NoQuote`] when it can't be read, or is something else.
    pub fn read(path: &Path) -> Result<Quote, Error> {
        let refused = |why: String| Error::NoQuote { path: path.to_owned(), why };
        let bytes = read_file(path, BYTES_MAX).map_err(|unread| refused(unread.to_string()))?;
        Quote::from_json(&bytes).map_err(refused)
    }

    fn from_json(bytes: &[u8]) -> Result<Quote, String> {
        let read: Json = serde_json::from_slice(bytes).unwrap_or_default();
        match read.get("motet_quote").and_then(Json::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => {
                return Err(format!("it has the format {format}, and this version of Motet reads {FORMAT}"));
            }
            None => return Err("it isn't a quote, which `motet plan FILE --quote OUT` writes".to_owned()),
        }
        let quote: Quote = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let steps = quote.steps.iter().map(|step| &step.amounts);
        let is_negative = |amounts: &QuotedAmounts| amounts.low < Money::ZERO || amounts.high < amounts.low;
        match std::iter::once(&quote.total).chain(steps).any(is_negative) {
            true => Err("it has an amount below zero, or a least above the most".to_owned()),
            false => Ok(quote),
        }
    }

    /// Writes the quote into the file at `path`, whole or not at all. An older quote there is replaced; any other file is
    /// left as it is.
    ///
    /// # Errors
    /// [`Error::NoQuote`] when there is another file; [`Error::File`] when it can't be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        if path.symlink_metadata().is_ok() {
            Quote::read(path)?;
        }
        let text = serde_json::to_string_pretty(self).expect("a quote is plain data");
        let written = write_whole(path, &mut |file| writeln!(file, "{text}"));
        written.map_err(|error| Error::file("write", path, error))
    }

    /// What a run that is started by it may spend.
    pub fn allowance(&self) -> Allowance {
        let following = self.steps.iter().filter(|step| step.follows);
        let part = |step: &QuotedStep| (step.step.clone(), step.amounts.high);
        Allowance { limit: Some(self.total.high), quoted: following.map(part).collect() }
    }

    /// Whether it is about this version of a pipeline with these inputs.
    pub(crate) fn judge_subject(&self, version: &Digest, inputs: &Digest) -> Result<(), QuoteFault> {
        if self.pipeline_digest != *version {
            return Err(QuoteFault::Pipeline);
        }
        if self.inputs_digest != *inputs { Err(QuoteFault::Inputs) } else { Ok(()) }
    }

    /// Whether it still holds.
    pub(crate) fn judge_terms(&self, plan: &Plan, inputs: &Map, now: Timestamp) -> Result<(), QuoteFault> {
        if self.prices_digest != digest_of_prices(plan) {
            return Err(QuoteFault::Prices(self.changes(&Quote::of(plan, inputs, now))));
        }
        if now > self.valid_until { Err(QuoteFault::Expired(self.valid_until)) } else { Ok(()) }
    }

    /// The steps whose high end is another one in `newer`: name, then, now.
    fn changes(&self, newer: &Quote) -> Vec<(String, Money, Money)> {
        let before: BTreeMap<&str, Money> =
            self.steps.iter().map(|step| (step.step.as_str(), step.amounts.high)).collect();
        let change = |step: &QuotedStep| {
            let before = before.get(step.step.as_str()).copied().unwrap_or_default();
            (before != step.amounts.high).then(|| (step.step.clone(), before, step.amounts.high))
        };
        newer.steps.iter().filter_map(change).collect()
    }
}

/// The sum; a pipeline with a budget never costs more.
fn amounts_of(estimate: &PlanEstimate, budget: Option<Money>) -> QuotedAmounts {
    let total = &estimate.total;
    let most = total.high.into_iter().chain(budget).min().unwrap_or(total.likely);
    QuotedAmounts { low: total.low.min(most), likely: total.likely.min(most), high: most }
}

/// The hash of all prices of a plan. Where a price was read, and when, makes no difference.
fn digest_of_prices(plan: &Plan) -> Digest {
    let bare = |tariff: &Tariff| Tariff {
        source: String::new(),
        as_of: String::new(),
        confidence: Default::default(),
        ..tariff.clone()
    };
    let price = |price: &Price| Price { tariffs: price.tariffs.iter().map(bare).collect(), ..price.clone() };
    let contracts = plan.contracts();
    let prices: BTreeMap<&str, Option<Price>> = contracts
        .into_iter()
        .filter(|(_, contract)| contract.is_paid() || contract.price.is_some())
        .map(|(name, contract)| (name, contract.price.as_ref().map(price)))
        .collect();
    Digest::of(&serde_json::to_vec(&prices).expect("prices are plain data"))
}

/// A moment as people write it: `2026-12-06T09:00:00.000Z`.
mod moment {
    use motet_pipeline::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(moment)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Timestamp(moment.as_millisecond()))
    }
}
