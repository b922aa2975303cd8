//! Contracts by name, and what to say when there is none.

use std::sync::Arc;

use super::Checker;
use crate::contract::Contract;
use crate::diagnostic::Code;
use crate::document::{At, Document, words};
use crate::suggestion::{closest, listed};

impl Checker<'_, '_> {
    /// The contract of `operation`, if there is one.
    pub fn find(&self, operation: &str) -> Option<Arc<Contract>> {
        self.catalogue.get(operation).or_else(|| self.builtins.get(operation)).cloned()
    }

    /// Under a budget each price is known, unless the file says otherwise: an unknown one is never zero (law L3).
    fn judge_price(&mut self, contract: &Contract, uses: &At<String>) {
        let main = self.documents.get(self.bundle.main.as_str());
        let own = self.documents.get(&*self.file());
        let is_bound = |document: &&Document| document.budget.is_some();
        let bound = [own, main].into_iter().flatten().any(|document| is_bound(&document));
        let allowed = main.is_some_and(|main| main.allow_unpriced);
        if bound && !allowed && contract.is_paid() && contract.price.is_none() {
            let message =
                format!("nobody knows what `{}` costs, and there is a `budget`", contract.operation);
            self.findings
                .error(uses.place, Code::Unpriced, message)
                .note("a budget is kept by reserving the most that a call may cost before it leaves")
                .help(
                    "give it a price in the settings, or write `allow_unpriced: true` to run it outside of the \
                     budget",
                );
        }
    }

    /// The contract that `uses` names; reports it if there is none.
    pub fn contract(&mut self, uses: &At<String>) -> Option<Arc<Contract>> {
        let name = uses.value.as_str();
        if let Some(contract) = self.find(name) {
            self.judge_price(&contract, uses);
            return Some(contract);
        }
        let is_there =
            |start: &str| self.catalogue.iter().any(|contract| contract.operation.starts_with(start));
        let mut later = words::LATER_OPERATIONS.iter();
        if let Some((_, purpose)) = later.find(|(start, _)| name.starts_with(start) && !is_there(start)) {
            self.findings
                .error(uses.place, Code::NotSupportedYet, format!("`{name}` is not supported yet"))
                .note(format!("it is reserved for {purpose}, in a later version"));
            return None;
        }
        if name.contains("{{") {
            self.findings
                .error(uses.place, Code::BadValue, "`uses` can't hold an expression")
                .note("what a step does is known before a run, so that it can be checked")
                .help("write a step for each operation, and choose by `if`");
            return None;
        }
        // A version is no name that anybody would think of.
        let known = || {
            let all = self.catalogue.iter().chain(self.builtins.iter());
            all.map(|contract| contract.operation.as_str()).filter(|name| !name.contains(':'))
        };
        let family = name.split_inclusive('/').next().unwrap_or(name);
        let relatives: Vec<&str> = known().filter_map(|known| known.strip_prefix(family)).collect();
        let nearest = match self.catalogue.meant_by(name) {
            Some(meant) => Some(meant.to_owned()),
            None => nearest_of(name, family, &relatives, known),
        };
        let relatives = (!relatives.is_empty()).then(|| listed(relatives));
        let finding = self.findings.error(
            uses.place,
            Code::UnknownOperation,
            format!("there is no operation `{name}`"),
        );
        finding.did_you_mean(nearest.as_deref());
        if let (None, Some(advice)) = (&nearest, self.catalogue.advice(name)) {
            finding.help(advice);
        }
        if family == "task/" {
            finding.help("register the task with the program that runs the pipeline");
        } else if let (None, Some(relatives)) = (&nearest, relatives) {
            let of = if family.is_empty() { String::new() } else { format!("of {family} ") };
            finding.note(format!("{of}there are {relatives}"));
        } else if (name.ends_with(".yaml") || name.ends_with(".json")) && !name.contains([':', '~', '\\']) {
            finding.help(format!("to use another file, write `./{name}`"));
        }
        None
    }
}

/// The operation that `name` was most likely meant to be: one of its family, if that has any.
fn nearest_of<'n, N: Iterator<Item = &'n str>>(
    name: &str,
    family: &str,
    relatives: &[&str],
    known: impl Fn() -> N,
) -> Option<String> {
    match closest(&name[family.len()..], relatives.iter().copied()) {
        Some(nearest) => Some(format!("{family}{nearest}")),
        None if relatives.is_empty() => closest(name, known()).map(str::to_owned),
        None => None,
    }
}
