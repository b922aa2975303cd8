//! What a call is going to cost.

use std::collections::BTreeSet;

use super::facts::{Fact, Facts};
use super::{Amount, Condition, Estimate, Price, Range, Tariff, Unit, Unpriced};
use crate::{Money, Span, Usage, Value};

impl Price {
    /// What a call is going to cost: the sum over all units. What isn't known yet widens it.
    ///
    /// # Errors
    /// When no tariff holds for these inputs.
    pub fn estimate(&self, facts: &Facts<'_>) -> Result<Estimate, Unpriced> {
        let tariffs: Vec<&Tariff> = self.estimating().collect();
        if tariffs.is_empty() {
            return Err(Unpriced::because("the price book has no tariff for it"));
        }
        let units: BTreeSet<Unit> = tariffs.iter().map(|tariff| tariff.unit).collect();
        let (mut low, mut likely, mut high, mut assumed) = (Vec::new(), Vec::new(), Vec::new(), false);
        for unit in units {
            let candidates = self.candidates(unit, &tariffs, facts, &Usage::default())?;
            let parts: Vec<(Range, Money)> =
                candidates.iter().map(|tariff| (self.quantity(tariff, facts), tariff)).map(per_one).collect();
            let cost =
                |number: fn(&Range) -> Amount| parts.iter().map(move |(range, usd)| (number(range), *usd));
            let by_cost = |part: &(Amount, Money)| Amount::cost(&[*part]);
            low.extend(cost(|range| range.low).min_by_key(by_cost));
            likely.extend(middle(cost(|range| range.likely).collect()));
            high.extend(cost(|range| range.high).max_by_key(by_cost));
            assumed |= parts.iter().any(|(range, _)| range.assumed);
        }
        let [low, likely, high] = [low, likely, high].map(|parts| Amount::cost(&parts));
        Ok(Estimate { low, likely, high, assumed })
    }

    /// The tariffs for an estimate: where some are there for nothing else, they stand for all that is returned.
    pub(super) fn estimating(&self) -> impl Iterator<Item = &Tariff> {
        let has_estimates = self.tariffs.iter().any(|tariff| tariff.estimate_only);
        self.tariffs
            .iter()
            .filter(move |tariff| !has_estimates || tariff.estimate_only || tariff.unit.is_of_input())
    }

    /// The tariffs of a unit that can hold: one, if all that they depend on is known.
    pub(super) fn candidates<'r>(
        &self,
        unit: Unit,
        tariffs: &[&'r Tariff],
        facts: &Facts<'_>,
        usage: &Usage,
    ) -> Result<Vec<&'r Tariff>, Unpriced> {
        let mut of_unit: Vec<&Tariff> =
            tariffs.iter().copied().filter(|tariff| tariff.unit == unit).collect();
        of_unit.sort_by_key(|tariff| std::cmp::Reverse(tariff.when.len()));
        let mut candidates = Vec::new();
        for tariff in &of_unit {
            let answers = tariff.when.iter().map(|condition| holds(condition, facts, usage));
            match answers.fold(Some(true), and) {
                Some(true) => {
                    candidates.push(*tariff);
                    break;
                }
                Some(false) => {}
                None => candidates.push(*tariff),
            }
        }
        if candidates.is_empty() {
            let asked: BTreeSet<&str> = of_unit
                .iter()
                .flat_map(|tariff| &tariff.when)
                .map(|condition| condition.subject.as_str())
                .collect();
            let given = asked.into_iter().filter_map(|subject| match facts.of(subject) {
                Fact::Is(value) => Some(format!("`{subject}` = {}", shown(value))),
                Fact::Unknown | Fact::Missing => None,
            });
            let given: Vec<String> = given.collect();
            return Err(Unpriced::because(format!("the price book has no price for {}", given.join(", "))));
        }
        Ok(candidates)
    }

    /// Whether a job is billed by the time that it runs.
    pub fn is_by_time(&self) -> bool {
        self.tariffs.iter().any(|tariff| tariff.unit == Unit::GpuSecond)
    }

    /// How long a job may run for what is reserved for it, if it is billed by time.
    pub fn time_bound(&self, facts: &Facts<'_>) -> Option<Span> {
        let tariff = self.tariffs.iter().find(|tariff| tariff.unit == Unit::GpuSecond)?;
        Some(self.quantity(tariff, facts).high.seconds())
    }

    /// How much of its unit is billed at `tariff`.
    pub(super) fn quantity(&self, tariff: &Tariff, facts: &Facts<'_>) -> Range {
        if let Some(factors) = self.quantities.get(&tariff.unit) {
            let start = Range::exactly(Amount::ONE);
            return factors.iter().fold(start, |product, factor| product.times(factor.range(facts)));
        }
        match tariff.unit {
            Unit::GpuSecond => time(tariff, facts),
            _ => Range::exactly(Amount::ONE),
        }
    }
}

/// The time that a call takes at the provider: reserved is three times what is typical, or as long as the job may
/// run if that is shorter, since it is cancelled there.
fn time(tariff: &Tariff, facts: &Facts<'_>) -> Range {
    const RESERVED: u64 = 3;
    let seconds =
        |seconds: f64| serde_json::Number::from_f64(seconds).and_then(|number| Amount::of_number(&number));
    let typical = tariff.typical.or_else(|| seconds(facts.contract.usual_seconds.1)).unwrap_or(Amount::ONE);
    let most = typical.times(Amount::whole(RESERVED));
    let most = facts.job.map_or(most, |job| most.min(Amount::whole(job.0).over(1000)));
    let likely = typical.min(most);
    Range::new(likely.over(2), likely, most)
}

fn per_one((quantity, tariff): (Range, &&Tariff)) -> (Range, Money) {
    (quantity.map(|amount| amount.over(tariff.per)), tariff.usd)
}

/// Of what can be, the one in the middle by its cost, of two the dearer.
fn middle(mut parts: Vec<(Amount, Money)>) -> Option<(Amount, Money)> {
    parts.sort_by_key(|part| Amount::cost(&[*part]));
    parts.get(parts.len() / 2).copied()
}

/// Whether a condition holds, if that is known. What was measured counts more than what was asked for.
fn holds(condition: &Condition, facts: &Facts<'_>, usage: &Usage) -> Option<bool> {
    if let Some(measured) = usage.get(&condition.subject) {
        return Some(condition.holds_for(&Value::from(measured)));
    }
    match facts.of(&condition.subject) {
        Fact::Is(value) => Some(condition.holds_for(value)),
        Fact::Unknown | Fact::Missing => None,
    }
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    const CHARACTERS_MAX: usize = 40;
    let text = value.as_str().map_or_else(|| value.to_json().to_string(), str::to_owned);
    text.chars().take(CHARACTERS_MAX).collect()
}
