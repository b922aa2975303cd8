//! What a call did cost.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::{Amount, BILLABLE_UNITS, Price, Range, Tariff, Unit, Unpriced};
use crate::{Cost, Usage};

impl Price {
    /// What a call did cost, computed from what it used. A unit that `usage` names counts as told; one that it
    /// doesn't name counts as it follows from the inputs, if that is exact.
    ///
    /// # Errors
    /// When it can't be computed: then the most that it can be is what was reserved.
    pub fn cost(&self, facts: &Facts<'_>, usage: &Usage) -> Result<Cost, Unpriced> {
        let billing: Vec<&Tariff> = self.billing().collect();
        let billed = self.exact_cost(&billing, facts, usage);
        let estimating: Vec<&Tariff> = self.estimating().collect();
        billed.or_else(|reason| self.exact_cost(&estimating, facts, usage).map_err(|_| reason))
    }

    /// The cost by these tariffs, if it is exact. Where it isn't known which one holds, the dearest does.
    fn exact_cost(&self, tariffs: &[&Tariff], facts: &Facts<'_>, usage: &Usage) -> Result<Cost, Unpriced> {
        let units: BTreeSet<Unit> = tariffs.iter().map(|tariff| tariff.unit).collect();
        if units.is_empty() {
            return Err(Unpriced::because("the price book has no tariff that is billed"));
        }
        let mut parts = Vec::new();
        for unit in units {
            let candidates = self.candidates(unit, tariffs, facts, usage)?;
            let dearest = candidates
                .into_iter()
                .max_by_key(|tariff| Amount::cost(&[(Amount::ONE.over(tariff.per), tariff.usd)]));
            let tariff = dearest.expect("there is a candidate, or an error");
            let quantity = match self.told(tariff, facts, usage) {
                Some(told) => told,
                None => Some(self.quantity(tariff, facts))
                    .filter(Range::is_exact)
                    .map(|range| range.low)
                    .ok_or_else(|| {
                        Unpriced::because(format!("the provider didn't tell how much it used (`{unit}`)"))
                    })?,
            };
            parts.push((quantity.over(tariff.per), tariff.usd));
        }
        Ok(Cost::computed(Amount::cost(&parts)))
    }

    /// How much of the unit of `tariff` was used, as far as the provider tells it. A number without a unit is taken for
    /// the only one that is billed, or for as many as the price is for, if it is near to what was estimated.
    fn told(&self, tariff: &Tariff, facts: &Facts<'_>, usage: &Usage) -> Option<Amount> {
        const NEAR: u64 = 4;
        let amount = |told: f64| Amount::of_number(&serde_json::Number::from_f64(told)?);
        if let Some(told) = tariff.unit.names_in_usage().iter().find_map(|name| usage.get(name)) {
            return amount(told);
        }
        let told = amount(usage.get(BILLABLE_UNITS)?).filter(|_| self.only_unit().is_some())?;
        let Range { low, high, .. } = self.quantity(tariff, facts);
        let ways = [told, told.times(Amount::whole(tariff.per))];
        ways.into_iter().find(|told| *told >= low.over(NEAR) && *told <= high.times(Amount::whole(NEAR)))
    }
}
