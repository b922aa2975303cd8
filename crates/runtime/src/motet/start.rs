//! Starting runs: new ones, or unfinished ones that are resumed instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use motet_engine::{Allowance, RunId, RunStarted};
use motet_pipeline::contract::Misfit;
use motet_pipeline::pin::Difference;
use motet_pipeline::value::Map;
use motet_pipeline::{Digest, Money, Plan, Value};
use motet_store::{RunRow, StoreError};
use serde::Serialize;
use tokio::sync::oneshot;

use super::latches::{Latch, Likeness, Subject};
use super::lineage::{Continued, left_of, started};
use super::recovery::{Purpose, kept_plan};
use super::setup::judge_world;
use super::{Motet, RunHandle};
use crate::Error;
use crate::driver::{Accepted, Message};
use crate::error::UnpricedStep;
use crate::import::judge_kept;
use crate::operation::Hands;
use crate::pipeline::Pipeline;
use crate::quote::Quote;
use crate::warning::Warning;

/// What a run is started with, besides its inputs.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// Its name; made by the machine if not given.
    pub id: Option<RunId>,
    /// On whose behalf.
    pub user: Option<String>,
    /// Labels, added to those of the pipeline.
    pub labels: BTreeMap<String, String>,
    /// Another run even if an unfinished one has the same plan and inputs.
    pub new: bool,
    /// The most that it may spend, in US dollars; else what its pipeline says. Of a run that is found, this is what it may
    /// spend from now on.
    pub budget: Option<Money>,
    /// The quote that it is started by: it may spend its high end, or `budget` if that is less, and is refused if something
    /// has changed since. An unfinished run that was started by it continues, whatever has changed.
    pub quote: Option<Quote>,
    /// Whether steps of which nobody knows the price may run in spite of a budget, outside of it.
    pub allow_unpriced: bool,
    /// Whether its steps with `cache` take nothing from other runs.
    pub no_cache: bool,
    /// The earlier run whose results it takes over, as far as they were made from the same.
    pub continues: Option<Continued>,
}

/// The longest name of a run, in bytes.
const NAME_BYTES_MAX: usize = 100;

impl StartOptions {
    /// What the run may spend, if that is said; else what its pipeline says counts.
    fn allowance(&self) -> Option<Allowance> {
        let Some(quote) = &self.quote else { return self.budget.map(Allowance::of) };
        let Allowance { limit, quoted } = quote.allowance();
        Some(Allowance { limit: limit.into_iter().chain(self.budget).min(), quoted })
    }

    /// Judges the run's name, if one is given.
    pub(crate) fn judge(&self) -> Result<(), Error> {
        let Some(id) = &self.id else { return Ok(()) };
        let name = id.as_str();
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_short = (1..=NAME_BYTES_MAX).contains(&name.len());
        let is_good = is_short && !name.starts_with('.') && name.chars().all(is_plain);
        is_good.then_some(()).ok_or_else(|| Error::RunName(id.clone()))
    }
}

/// A run that was asked for: started, or found.
pub struct Started {
    /// The run.
    pub run: RunHandle,
    /// Whether an unfinished or named run was found and is resumed, instead of a new one.
    pub found: bool,
}

/// A run that was asked for, and when it is durable.
struct Asked {
    run: RunHandle,
    found: bool,
    /// Answered when the run is durable; nothing if it is already.
    answer: Option<oneshot::Receiver<Result<(), Error>>>,
}

impl Asked {
    /// Of a run that is there already.
    fn of(run: RunHandle, found: bool) -> Asked {
        Asked { run, found, answer: None }
    }

    /// Waits until the run is durable.
    async fn answered(self) -> Result<Started, Error> {
        let Asked { run, found, answer } = self;
        if let Some(answer) = answer {
            answer.await.map_err(|_| run.motet.inner.standing.why_undriven(&run.id))??;
        }
        Ok(Started { run, found })
    }
}

impl Motet {
    /// Starts a run of `pipeline`; returns once it is durable that it was asked for.
    ///
    /// Inputs are whatever serde writes as an object: a struct, a map, `json!({…})`. Pairs of name and
    /// value will do as well, and `()` where there is nothing to give.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// # let text = r#"{"motet": 1, "name": "t", "inputs": {"lines": {"type": "array"}, "loud": {"type": "boolean", "default": true}},
    /// #   "steps": {"count": {"uses": "data/transform", "with": {"value": "{{ inputs.lines | length }}"}}},
    /// #   "outputs": {"count": "{{ steps.count.value }}"}}"#;
    /// # let pipeline = motet.load_text(text)?;
    /// #[derive(serde::Serialize)]
    /// struct Poem { lines: Vec<String>, loud: bool }
    /// #[derive(serde::Deserialize)]
    /// struct Measured { count: usize }
    ///
    /// let poem = Poem { lines: vec!["O Rose".into(), "thou art sick".into()], loud: false };
    /// let run = motet.start(&pipeline, &poem).await?;
    /// assert_eq!(run.typed_outputs::<Measured>().await?.count, 2);
    ///
    /// motet.start(&pipeline, serde_json::json!({ "lines": ["one"], "loud": true })).await?;
    /// motet.start(&pipeline, [("lines", ["one", "two"])]).await?;
    ///
    /// let refused = motet.start(&pipeline, ()).await.err().expect("an input is missing");
    /// assert_eq!(refused.to_string(), "the input `lines` is missing (list of anything)");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Inputs`] when the inputs don't fit, [`Error::Tools`] when tools are missing,
    /// [`Error::Unpriced`] when there is a budget and nobody knows what a step costs, [`Error::Store`] when the store
    /// fails.
    pub async fn start(&self, pipeline: &Pipeline, inputs: impl Serialize) -> Result<RunHandle, Error> {
        let options = StartOptions { new: true, ..StartOptions::default() };
        let asking = self.ask_boxed(pipeline, read_inputs(inputs)?, options, None);
        Ok(asking.await?.answered().await?.run)
    }

    /// What a run of `pipeline` with these inputs is going to cost, in writing: to be read, and to be started by
    /// ([`StartOptions::quote`]).
    ///
    /// # Errors
    /// [`Error::Inputs`] when the inputs don't fit.
    pub fn quote(&self, pipeline: &Pipeline, inputs: impl Serialize) -> Result<Quote, Error> {
        let Hands { store, world, .. } = &*self.inner.hands;
        let plan = pipeline.plan();
        let inputs =
            motet_pipeline::inputs::accept(&plan.inputs, read_inputs(inputs)?).map_err(Error::Inputs)?;
        judge_kept(store, &inputs).map_err(Error::Inputs)?;
        Ok(Quote::of(plan, &inputs, world.now()))
    }

    /// Starts a run, or resumes an unfinished one of the same plan and inputs.
    ///
    /// A run that `options.id` names is resumed, or its result is shown if it has ended. A run that was started
    /// by an older version of Motet, or of your tasks, continues as it was started, and
    /// [`Warning::ContinuesAsStarted`] says so.
    ///
    /// # Errors
    /// As [`Motet::start`]; [`Error::Quote`] when the quote doesn't hold for it, [`Error::RunDiffers`] when the name belongs to another run, and
    /// [`Error::RunName`] when it is none.
    pub async fn start_with(
        &self,
        pipeline: &Pipeline,
        inputs: impl Serialize,
        options: StartOptions,
    ) -> Result<Started, Error> {
        let started = self.start_as(pipeline, read_inputs(inputs)?, options, None).await?;
        if started.found {
            warn_of_difference(self.hands(), pipeline, started.run.id());
        }
        Ok(started)
    }

    /// The same; a new run gets the name `fresh` if none is asked for. If a run has it already, this
    /// was asked before, by somebody who didn't hear the answer.
    pub(crate) async fn start_as(
        &self,
        pipeline: &Pipeline,
        inputs: Map,
        options: StartOptions,
        fresh: Option<RunId>,
    ) -> Result<Started, Error> {
        let asking = self.ask_boxed(pipeline, inputs, options, fresh);
        asking.await?.answered().await
    }

    /// Asks for a run. Boxed: what this takes is there while it is asked, and not while its answer is waited for.
    fn ask_boxed<'a>(
        &'a self,
        pipeline: &'a Pipeline,
        inputs: Map,
        options: StartOptions,
        fresh: Option<RunId>,
    ) -> BoxFuture<'a, Result<Asked, Error>> {
        Box::pin(self.ask(pipeline, inputs, options, fresh))
    }

    async fn ask(
        &self,
        pipeline: &Pipeline,
        inputs: Map,
        options: StartOptions,
        fresh: Option<RunId>,
    ) -> Result<Asked, Error> {
        options.judge()?;
        let plan = pipeline.plan();
        let Hands { store, tools, .. } = &*self.inner.hands;
        self.inner.hands.judge_maker(pipeline)?;
        let inputs = motet_pipeline::inputs::accept(&plan.inputs, inputs).map_err(Error::Inputs)?;
        judge_kept(store, &inputs).map_err(Error::Inputs)?;
        let missing = tools.missing(pipeline.tools());
        if !missing.is_empty() {
            return Err(Error::Tools(missing));
        }
        judge_prices(plan, &inputs, &options)?;
        let inputs = Value::Map(inputs.into());
        let likeness = Likeness { version: plan.version, inputs: motet_store::inputs_digest(&inputs) };
        if let Some(quote) = &options.quote {
            quote.judge_subject(&likeness.version, &likeness.inputs)?;
        }
        let latches = self.latch_start(&likeness, &options, fresh.as_ref()).await;
        if let Some(row) = fresh.as_ref().map_or(Ok(None), |fresh| store.run(fresh))? {
            let run = self.take_up_latched(&row.id, Purpose::GoOn).await?;
            return Ok(Asked::of(run, false));
        }
        let found = self.find_started(&plan.digest, &likeness, &options)?;
        // A run that was started by this quote is held to it, and to the prices of then.
        let is_quoted = match (&found, &options.quote) {
            (Some(run), Some(_)) => self.allowance_at_start(run)? == options.allowance(),
            _ => false,
        };
        if let Some(quote) = options.quote.as_ref().filter(|_| !is_quoted) {
            let given = inputs.as_map().expect("the inputs of a run are a map");
            quote.judge_terms(plan, given, self.inner.hands.world.now())?;
        }
        if let Some(found) = found {
            if store.run(&found)?.is_some_and(|row| row.plan == plan.digest) {
                // Where what is kept of it is lost, it goes on by this.
                self.keep_plan(pipeline).await?;
            }
            // Latched by its name already.
            let run = match &options.id {
                Some(_) => self.take_up_latched(&found, Purpose::GoOn).await?,
                None => self.take_up(&found).await?,
            };
            drop(latches);
            if let Some(allowance) = options.allowance().filter(|_| !is_quoted) {
                self.fund_durably(&found, Some(allowance), options.user.unwrap_or_default()).await?;
            }
            return Ok(Asked::of(run, true));
        }
        self.begin(pipeline, inputs, options, fresh, latches).await
    }

    /// Latches all by which somebody else could start the same at the same time. Only who looks for
    /// whatever run is alike latches that alone: it sees all others.
    async fn latch_start(
        &self,
        likeness: &Likeness,
        options: &StartOptions,
        fresh: Option<&RunId>,
    ) -> Vec<Latch> {
        let latches = &self.inner.latches;
        let alike = Subject::Like(likeness.clone());
        let looks = options.id.is_none() && !options.new;
        let mut held = vec![if looks { latches.sole(alike).await } else { latches.shared(alike).await }];
        if let Some(id) = options.id.as_ref().or(fresh) {
            held.push(latches.sole(Subject::Run(id.clone())).await);
        }
        held
    }

    /// The run that is resumed instead of a new one.
    fn find_started(
        &self,
        plan: &Digest,
        likeness: &Likeness,
        options: &StartOptions,
    ) -> Result<Option<RunId>, Error> {
        let Likeness { version, inputs } = likeness;
        match &options.id {
            Some(id) => {
                let Some(row) = self.store().run(id)? else { return self.judge_deleted(id).map(|()| None) };
                let is_of_it =
                    || Ok::<_, Error>(row.plan == *plan || self.version_of(&row.plan)? == *version);
                let is_alike = row.inputs_digest == *inputs && is_of_it()?;
                if is_alike { Ok(Some(row.id)) } else { Err(Error::RunDiffers(id.clone())) }
            }
            None if options.new => Ok(None),
            None => {
                let found = self.store().unfinished_like(plan, version, inputs)?;
                let Some(continued) = &options.continues else { return Ok(found) };
                // What is asked for twice is done once.
                let base = found.as_ref().map_or(Ok(None), |run| started(self.store(), run))?;
                let base = base.and_then(|started| started.base);
                Ok(found.filter(|_| base.is_some_and(|base| continued.is(&base))))
            }
        }
    }

    /// Takes what such a start would continue for the user's own: the run that it finds, or the one that it continues from.
    pub(crate) fn adopt_for(
        &self,
        pipeline: &Pipeline,
        inputs: Map,
        options: &StartOptions,
    ) -> Result<(), Error> {
        if let Some(continued) = &options.continues {
            self.adopt(&continued.run)?;
        }
        let plan = pipeline.plan();
        let inputs = motet_pipeline::inputs::accept(&plan.inputs, inputs).map_err(Error::Inputs)?;
        let inputs = motet_store::inputs_digest(&Value::Map(inputs.into()));
        let found = self.find_started(&plan.digest, &Likeness { version: plan.version, inputs }, options)?;
        found.map_or(Ok(()), |run| self.adopt(&run))
    }

    /// Refuses the name of a run that was deleted: what it did would be done, and paid, again.
    fn judge_deleted(&self, id: &RunId) -> Result<(), Error> {
        match self.store().deleted_run(id.as_str())? {
            Some(deleted) if deleted.id == *id => Err(StoreError::from(deleted).into()),
            _ => Ok(()),
        }
    }

    /// What a run may spend by what it was started with.
    fn allowance_at_start(&self, run: &RunId) -> Result<Option<Allowance>, Error> {
        let started = started(self.store(), run)?;
        Ok(started.map(|started| Allowance { limit: started.budget, quoted: started.quoted }))
    }

    /// The version of the pipeline that a plan was made from. Stores of older formats named plans by it.
    fn version_of(&self, plan: &Digest) -> Result<Digest, Error> {
        Ok(kept_plan(self.store(), plan)?.map_or(*plan, |kept| kept.version))
    }

    /// Has a new run begun.
    async fn begin(
        &self,
        pipeline: &Pipeline,
        inputs: Value,
        options: StartOptions,
        fresh: Option<RunId>,
        mut latches: Vec<Latch>,
    ) -> Result<Asked, Error> {
        // Held until the run is durable: its plan and the runs before it aren't deleted meanwhile.
        latches.push(self.inner.latches.shared(Subject::Starts).await);
        let world = &self.inner.hands.world;
        let plan = pipeline.plan();
        self.keep_plan(pipeline).await?;
        self.fix_world(plan).await?;
        let Allowance { limit, quoted } = options.allowance().unwrap_or_default();
        let graph = self.inner.graphs.share(pipeline.graph());
        let inherited = match &options.continues {
            Some(continued) => Some(self.inherit_from(continued, &graph, limit).await?),
            None => None,
        };
        let id = options.id.or(fresh).unwrap_or_else(|| made_id(world.draw()));
        let mut labels = plan.labels.clone();
        labels.extend(options.labels);
        let seed = match &inherited {
            Some(inherited) => inherited.seed,
            None if self.inner.hands.is_taped => seed_of(&plan.version, &inputs),
            None => world.draw() as u64,
        };
        let resends = self.inner.hands.money.resends();
        let (budget, resends) = match &inherited {
            Some(inherited) => (inherited.budget, left_of(resends, inherited.resent)),
            None => (limit, resends),
        };
        let (base, from) = inherited.map(|inherited| (Box::new(inherited.base), inherited.from)).unzip();
        let started = RunStarted {
            schema: motet_engine::event::SCHEMA,
            run: id.clone(),
            pipeline: plan.name.clone(),
            plan: plan.digest,
            inputs,
            seed,
            user: options.user,
            budget,
            quoted,
            resends,
            labels,
            no_cache: options.no_cache,
            base,
        };
        let (accepted, answer) = oneshot::channel();
        let accepted = Accepted { answer: accepted, latches };
        self.post(Message::Start {
            graph,
            started: Box::new(started),
            from: from.unwrap_or_default(),
            accepted,
        });
        Ok(Asked { run: RunHandle { motet: self.clone(), id }, found: false, answer: Some(answer) })
    }

    /// A run that may call a provider fixes which world its store belongs to.
    async fn fix_world(&self, plan: &Plan) -> Result<(), Error> {
        let hands = &self.inner.hands;
        if plan.contracts().values().all(|contract| contract.call.is_none()) {
            return Ok(());
        }
        let (store, reality) = (hands.store.clone(), hands.reality);
        if let Some(known) = store.known_world() {
            return judge_world(&hands.store, known, reality);
        }
        let fixed = hands.compute_any(move || store.fix_world(reality)).await;
        judge_world(&hands.store, fixed.unwrap_or(Err(StoreError::Closed))?, reality)
    }

    /// Has the plan of a pipeline kept with its texts, which takes a flush the first time.
    async fn keep_plan(&self, pipeline: &Pipeline) -> Result<(), Error> {
        let (store, digest) = (self.store().clone(), pipeline.plan().digest);
        if store.knows_plan(&digest) {
            return Ok(());
        }
        let pipeline = pipeline.clone();
        let hands = &self.inner.hands;
        Ok(hands
            .compute_any(move || store.put_plan(&digest, &pipeline.to_keep()))
            .await
            .unwrap_or(Err(StoreError::Closed))?)
    }
}

/// The seed of a run that is recorded or replayed: the same for the same pipeline and inputs, so that it asks the same.
fn seed_of(version: &Digest, inputs: &Value) -> u64 {
    let inputs = motet_store::inputs_digest(inputs);
    let digest = Digest::of(&[version.as_bytes().as_slice(), inputs.as_bytes()].concat());
    digest.as_bytes().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// Refuses a run with a budget of which nobody knows what some steps cost: an unknown price is never zero.
fn judge_prices(plan: &Plan, inputs: &Map, options: &StartOptions) -> Result<(), Error> {
    let has_budget = options.budget.or(plan.budget).is_some() || options.quote.is_some();
    if !has_budget || plan.allow_unpriced || options.allow_unpriced {
        return Ok(());
    }
    let estimate = plan.estimate(inputs);
    let steps: Vec<UnpricedStep> = estimate.unpriced().filter_map(UnpricedStep::of).collect();
    if steps.is_empty() { Ok(()) } else { Err(Error::Unpriced(steps)) }
}

/// Warns if a run that was found continues by an older plan than a new run of `pipeline` would have.
pub(crate) fn warn_of_difference(hands: &Hands, pipeline: &Pipeline, run: &RunId) {
    let newer = pipeline.plan();
    let unlike = |row: &RunRow| row.plan != newer.digest && !row.status.is_final();
    // What can't be read is told by whoever needs it.
    let Some(row) = hands.store.run(run).ok().flatten().filter(unlike) else { return };
    let pin = hands.store.plan(&row.plan).ok().flatten().and_then(|kept| kept.pin);
    let Some(Ok(older)) = pin.map(|pin| Plan::link(&pin, row.plan)) else { return };
    let difference = Difference::between(&older, newer);
    if !difference.is_none() {
        hands.warn(&Warning::ContinuesAsStarted { run: run.clone(), difference });
    }
}

/// Inputs by name, as serde writes them.
pub(super) fn read_inputs(inputs: impl Serialize) -> Result<Map, Error> {
    let unfit = |message: String| Error::Inputs(vec![Misfit { parameter: String::new(), message }]);
    let written =
        Value::of(&inputs).map_err(|error| unfit(format!("the inputs can't be written as JSON: {error}")))?;
    let pairs = match written {
        Value::Null => return Ok(Map::new()),
        Value::Map(inputs) => return Ok(Arc::unwrap_or_clone(inputs)),
        Value::List(pairs) => pairs.iter().map(name_and_value).collect(),
        _ => None,
    };
    pairs.ok_or_else(|| unfit("the inputs must be an object, or pairs of name and value".into()))
}

fn name_and_value(pair: &Value) -> Option<(String, Value)> {
    match pair.as_list()? {
        [name, value] => Some((name.as_str()?.to_owned(), value.clone())),
        _ => None,
    }
}

/// An id from 128 bits: 26 characters that sort as the bits do, without those that look alike.
pub(crate) fn made_id(bits: u128) -> RunId {
    const CHARACTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digit = |place: u32| CHARACTERS[((bits >> (5 * place)) & 31) as usize] as char;
    RunId::new((0..26).rev().map(digit).collect::<String>())
}
