//! Forecasts: what a run that continues from another would keep, do and cost, before it does anything.

use motet_engine::{Outlook, Past, Prospect, RunId, RunStarted, rehearse};
use motet_pipeline::contract::Catalogue;
use motet_pipeline::estimate::Spread;
use motet_pipeline::plan::{Body, Step, Target};
use motet_pipeline::price::Facts;
use motet_pipeline::value::Map;
use motet_pipeline::{Money, Plan, StepPath, Timestamp, Value};
use motet_store::Store;

use super::lineage::{Continued, Lineage, ended};
use super::recovery::Shelf;
use crate::Error;
use crate::pipeline::Pipeline;

/// What a run that continues from another would keep, do and cost. The run itself decides: it is played without
/// anything being done.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// The earlier run.
    pub run: RunId,
    /// Its steps and items, in the order of the plan.
    pub steps: Vec<StepForecast>,
    /// What the kept results cost where they were made.
    pub saved: Money,
    /// What is still to be spent, as far as it is known.
    pub spend: Spread,
}

/// What would become of one step or item.
#[derive(Clone, Debug)]
pub struct StepForecast {
    /// The step or item.
    pub step: StepPath,
    /// What becomes of it.
    pub prospect: Prospect,
    /// What it is going to cost.
    pub spend: Spread,
    /// The operation of which nobody knows the price.
    pub unpriced: Option<String>,
}

impl Forecast {
    /// The steps of which nobody knows the price: the step and its operation.
    pub fn unpriced(&self) -> impl Iterator<Item = (&StepPath, &str)> {
        self.steps.iter().filter_map(|step| Some((&step.step, step.unpriced.as_deref()?)))
    }

    /// Of a run of `pipeline` with these inputs, which were accepted, at `now`.
    pub(crate) fn of(
        store: &Store,
        catalogue: &Catalogue,
        pipeline: &Pipeline,
        inputs: Map,
        continued: Continued,
        now: Timestamp,
    ) -> Result<Forecast, Error> {
        ended(store, &continued.run)?;
        let run = continued.run.clone();
        let (plan, shelf) = (pipeline.plan(), Shelf::new(store, catalogue));
        let mut past = Past::default();
        let (lineage, results) = Lineage::read_results(&shelf, &run, |graph, turn| past.add(graph, turn))?;
        let base = lineage.base(continued);
        let earlier = results.reusable(&shelf, &base, pipeline.graph())?.into();
        let started = RunStarted {
            schema: motet_engine::event::SCHEMA,
            run: RunId::new("forecast"),
            pipeline: plan.name.clone(),
            plan: plan.digest,
            inputs: Value::Map(inputs.clone().into()),
            seed: lineage.seed(),
            user: None,
            budget: None,
            quoted: Default::default(),
            resends: Default::default(),
            labels: plan.labels.clone(),
            base: Some(Box::new(base)),
            no_cache: false,
        };
        let mut outlooks = rehearse(pipeline.graph(), started, &earlier, &past, now);
        outlooks.sort_by_cached_key(|outlook| find(plan, &outlook.step).map(|(place, _)| place));
        let bill = Bill { plan, inputs: &inputs };
        let steps: Vec<StepForecast> = outlooks.into_iter().map(|outlook| bill.forecast(outlook)).collect();
        let saved = |step: &StepForecast| match &step.prospect {
            Prospect::Reused(from) => from.cost,
            _ => Money::ZERO,
        };
        let spend = steps.iter().fold(Spread::default(), |sum, step| sum.and(step.spend));
        Ok(Forecast { run, saved: steps.iter().map(saved).sum(), spend, steps })
    }
}

/// What steps of a plan are going to cost.
struct Bill<'p> {
    plan: &'p Plan,
    inputs: &'p Map,
}

/// A spread, and the operation of which nobody knows the price.
type Cost = (Spread, Option<String>);

impl Bill<'_> {
    fn forecast(&self, Outlook { step, prospect }: Outlook) -> StepForecast {
        let (spend, unpriced) = match &prospect {
            Prospect::Runs { inputs, .. } => self.of_inputs(&step, inputs),
            Prospect::DependsOn(_) => self.of_unknown(&step),
            Prospect::Reused(_) | Prospect::Evaluated | Prospect::Ends(_) => (Spread::default(), None),
        };
        StepForecast { step, prospect, spend, unpriced }
    }

    /// What the first target of an operation costs with these inputs.
    fn of_inputs(&self, path: &StepPath, inputs: &Value) -> Cost {
        let target = step_at(self.plan, path).and_then(|step| step.body.targets().first());
        let Some((target, given)) = target.zip(inputs.as_map()) else { return (Spread::default(), None) };
        cost_of(target, &Facts::resolved(&target.contract, given, target.timeouts.job))
    }

    /// What a step costs of which the inputs aren't known yet. The plan's own estimate knows most, of all items together.
    fn of_unknown(&self, path: &StepPath) -> Cost {
        if path.is_in_items() {
            return step_at(self.plan, path).map_or((Spread::default(), None), cost_at_most);
        }
        let (name, inside) = (path.as_str(), format!("{path}/"));
        let estimate = self.plan.estimate(self.inputs);
        let steps = estimate.steps.iter().filter(|step| step.step == name || step.step.starts_with(&inside));
        steps.fold((Spread::default(), None), |(sum, unpriced), step| {
            let operation = step.unpriced.as_ref().map(|(operation, _)| operation.clone());
            (sum.and(step.spread), unpriced.or(operation))
        })
    }
}

/// The step at `path`, whatever items it is in.
fn step_at<'p>(plan: &'p Plan, path: &StepPath) -> Option<&'p Step> {
    find(plan, path)?.1
}

/// The same, with its place in the plan.
fn find<'p>(plan: &'p Plan, path: &StepPath) -> Option<(Vec<usize>, Option<&'p Step>)> {
    let (mut scope, mut found, mut place) = (Some(&plan.root), None, Vec::new());
    for segment in path.segments() {
        let steps = &scope?.steps;
        place.push(steps.iter().position(|step| step.name == segment.name)?);
        let step = &steps[*place.last()?];
        scope = step.body.scope();
        found = Some(step);
    }
    Some((place, found))
}

fn cost_of(target: &Target, facts: &Facts<'_>) -> Cost {
    match target.contract.estimate(facts) {
        Ok(estimate) => (Spread::from(estimate), None),
        Err(_) => (Spread::default(), Some(target.contract.operation.clone())),
    }
}

/// What a step inside of an item costs, of whose inputs nothing is known but what is written.
fn cost_at_most(step: &Step) -> Cost {
    let once = match &step.body {
        Body::Operation(targets) => targets.first().map_or((Spread::default(), None), cost_as_written),
        Body::Group(scope) | Body::Pipeline { scope, .. } => scope
            .steps
            .iter()
            .map(cost_at_most)
            .fold((Spread::default(), None), |(sum, unpriced), (spread, of_step)| {
                (sum.and(spread), unpriced.or(of_step))
            }),
    };
    let is_free = once.0.is_nothing();
    match &step.each {
        // Nobody knows yet how many items there will be.
        Some(_) if !is_free => (Spread { low: Money::ZERO, high: None, ..once.0 }, once.1),
        _ => once,
    }
}

fn cost_as_written(target: &Target) -> Cost {
    let (mut given, mut unknown) = (Map::new(), std::collections::BTreeSet::new());
    for (name, template) in &target.with {
        match template.as_literal() {
            Some(value) => _ = given.insert(name.clone(), value.clone()),
            None => _ = unknown.insert(name.clone()),
        }
    }
    let (contract, job) = (&target.contract, Some(target.timeouts.job));
    cost_of(target, &Facts { contract, given: &given, unknown: &unknown, job })
}
