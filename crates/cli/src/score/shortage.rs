//! What a run that is parked for money needs to continue.

use motet::costs::{By, Costs};
use motet::engine::{RunId, StepStatus};
use motet::language::Money;
use motet::store::{StepFilter, Store};

use crate::project::{pinned_pipeline, typed_command};
use crate::render::money::{typed, whole_cents};

/// How many parked steps are looked at.
const STEPS_MAX: usize = 1000;

/// Why a step waits for money, as the gate says it.
#[derive(Debug, PartialEq)]
struct Shortage<'w> {
    /// What it may cost.
    amount: Money,
    /// What there is no more room under: `run 7Q2K`, `run 7Q2K shots`, `run 7Q2K as quoted for still`, `day 2026-11-29`,
    /// `user ada 2026-11-29`.
    cap: &'w str,
}

impl Shortage<'_> {
    fn read(words: &str) -> Option<Shortage<'_>> {
        let rest = words.strip_prefix("it may cost up to $")?;
        let (amount, rest) = rest.split_once(", which is more than ")?;
        // Earlier versions didn't say how much is left.
        let (_, rest) = rest.split_once("is left of the $")?;
        let (_, cap) = rest.split_once(" of ")?;
        Some(Shortage { amount: amount.parse().ok()?, cap })
    }
}

/// The command that goes on with a run that is parked for money. It names a budget only where that is what is short.
pub fn command_to_fund(store: &Store, run: &RunId) -> String {
    let short = run.short();
    match budget_needed(store, run) {
        Some(budget) => typed_command(format!("resume {short} --budget {}", typed(budget))),
        None => typed_command(format!("resume {short}")),
    }
}

/// What the run needs in all: what it has spent and reserved with what its parked steps may cost, or what all of it was
/// expected to cost at most, if that is more.
fn budget_needed(store: &Store, run: &RunId) -> Option<Money> {
    let parked = StepFilter::default().open().with_status(StepStatus::Parked).at_most(STEPS_MAX);
    let steps = store.steps_where(run, &parked).ok()?;
    let cap = format!("run {run}");
    let quoted = format!("{cap} as quoted for ");
    let is_of_run = |shortage: &Shortage<'_>| shortage.cap == cap || shortage.cap.starts_with(&quoted);
    let of_run = |words: &str| Shortage::read(words).filter(is_of_run).map(|it| it.amount);
    let short: Vec<Money> = steps.iter().filter_map(|step| of_run(step.message.as_deref()?)).collect();
    if short.is_empty() {
        return None;
    }
    let costs = Costs::read(store, Some(run), By::Run).ok()?;
    let asked = costs.total.spent() + costs.open.reserved + short.into_iter().sum();
    Some(whole_cents(asked.max(expected(store, run).unwrap_or_default())))
}

/// What all of the run was expected to cost, at most or usually.
fn expected(store: &Store, run: &RunId) -> Option<Money> {
    let pipeline = pinned_pipeline(store, &motet::operation::catalogue(), run).ok()??;
    let first = store.turn(run, 1).ok()??;
    let total = pipeline.plan().estimate(first.started()?.inputs.as_map()?).total;
    Some(total.high.unwrap_or(total.likely))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_gate_say_what_is_short() {
        let words =
            "it may cost up to $0.04, which is more than the $0.01 that is left of the $0.09 of run 7Q2K";
        let earlier = "it may cost up to $0.04, which is more than is left of the $0.09 of run 7Q2K";
        let shortage = Shortage { amount: "0.04".parse().unwrap(), cap: "run 7Q2K" };
        assert_eq!(Shortage::read(words), Some(shortage));
        assert_eq!(Shortage::read(earlier), Shortage::read(words));
        assert_eq!(Shortage::read("something else"), None);
    }
}
