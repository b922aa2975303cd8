//! Which rules of the scenario apply now.

use super::{Kept, Sim};
use crate::scenario::{Fault, Operation, Provider};

impl Sim {
    /// The fault of this request, if there is one, and the status if it is a server error.
    pub(super) fn request_fault(
        &mut self,
        provider: Provider,
        model: Option<&str>,
        operation: Operation,
    ) -> Option<(Fault, u16)> {
        let (at, count) = self.occurring(provider, model, operation, false).first().copied()?;
        let rule = &self.scenario().faults[at];
        let statuses = if rule.fault == Fault::ErrorBefore { [500, 502, 503] } else { [500, 502, 504] };
        let lot = self.chance().number("status", (at as u64) << 40 | count) as usize;
        Some((rule.fault, rule.status.unwrap_or(statuses[lot % statuses.len()])))
    }

    pub(super) fn job_faults(&mut self, provider: Provider, model: &str) -> Vec<Fault> {
        let occurring = self.occurring(provider, Some(model), Operation::Create, true);
        let mut faults: Vec<Fault> =
            occurring.iter().map(|(at, _)| self.scenario().faults[*at].fault).collect();
        faults.sort_unstable();
        faults.dedup();
        faults
    }

    /// The rules that apply now, each with its match count. Every match is counted.
    fn occurring(
        &mut self,
        provider: Provider,
        model: Option<&str>,
        operation: Operation,
        of_jobs: bool,
    ) -> Vec<(usize, u64)> {
        let chance = self.chance();
        let mut hits = std::mem::take(&mut self.state.hits);
        hits.resize(self.scenario().faults.len(), 0);
        let mut occurring = Vec::new();
        let mut counted = false;
        for (at, (rule, count)) in self.scenario().faults.iter().zip(&mut hits).enumerate() {
            if rule.fault.affects_jobs() != of_jobs || !rule.matches(provider, model, operation) {
                continue;
            }
            *count += 1;
            counted = true;
            let lot = chance.share(rule.fault.name(), (at as u64) << 40 | *count);
            if rule.occurs(*count, lot) {
                occurring.push((at, *count));
            }
        }
        if counted {
            self.keep(Kept::Hits(hits.clone()));
        }
        self.state.hits = hits;
        occurring
    }
}
