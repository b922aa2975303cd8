//! Parameters: whether what is given fits what a contract asks for.

use std::collections::BTreeSet;

use super::Checker;
use crate::Type;
use crate::builtin;
use crate::contract::{Contract, Parameter};
use crate::diagnostic::Code;
use crate::document::At;
use crate::document::place::Place;
use crate::document::written::Written;
use crate::suggestion::{closest, listed};

/// What is written under a `with`: name, value, inferred type.
pub(super) type Given<'d> = Vec<(&'d At<String>, &'d Written, Type)>;

impl<'c> Checker<'c, '_> {
    /// Checks what is written for an operation itself.
    pub fn check_written(&mut self, contract: &Contract, given: &Given<'c>) {
        for (key, value, ty) in given {
            match contract.parameter(&key.value) {
                Some(parameter) => _ = self.check_parameter(contract, parameter, value, ty),
                None if contract.open_inputs => {}
                None => self.unknown_parameter(contract, key),
            }
        }
    }

    /// Checks what a fallback takes over from the first target.
    pub fn check_inherited(&mut self, contract: &Contract, given: &Given<'c>) {
        for (key, value, ty) in given {
            let Some(parameter) = contract.parameter(&key.value) else { continue };
            if !self.check_parameter(contract, parameter, value, ty) {
                let operation = &contract.operation;
                self.findings
                    .last()
                    .note(format!("the fallback {operation} takes it over from the first target"));
            }
        }
    }

    fn unknown_parameter(&mut self, contract: &Contract, key: &At<String>) {
        let operation = &contract.operation;
        let names = || contract.inputs.iter().map(|parameter| parameter.name.as_str());
        let nearest = if self.findings.is_full() { None } else { closest(&key.value, names()) };
        let message = format!("{operation} has no parameter `{}`", key.value);
        let finding = self.findings.error(key.place, Code::UnknownParameter, message);
        finding.did_you_mean(nearest);
        if nearest.is_none() {
            finding.note(format!("it takes {}", listed(names())));
        }
    }

    /// Reports required parameters that aren't given; one that is there with a slip of the pen was
    /// reported as that.
    pub fn check_missing(&mut self, contract: &Contract, place: Place, given: &Given) {
        let given = meant(given, || contract.inputs.iter().map(|parameter| parameter.name.as_str()));
        for parameter in &contract.inputs {
            if !parameter.required || given.contains(parameter.name.as_str()) {
                continue;
            }
            let (operation, name) = (&contract.operation, &parameter.name);
            self.findings
                .error(place, Code::MissingParameter, format!("{operation} needs `{name}`"))
                .note(takes(contract, parameter))
                .help(format!("add it under `with`: {{ {name}: … }}"));
        }
    }

    /// Whether a value fits a parameter; reports it if not.
    fn check_parameter(
        &mut self,
        contract: &Contract,
        parameter: &Parameter,
        value: &'c Written,
        ty: &Type,
    ) -> bool {
        let (operation, name) = (&contract.operation, &parameter.name);
        if value.is_broken() {
            return true;
        }
        let note = takes(contract, parameter);
        if let Some(literal) = value.literal().filter(|literal| Type::of(literal).fits(&parameter.ty)) {
            let misfit = parameter.misfit(&literal).or_else(|| builtin::misfit(operation, name, &literal));
            let Some(misfit) = misfit else { return true };
            self.findings.error(value.place, Code::BadValue, misfit).note(note);
            return false;
        }
        self.check_fits(value, ty, &parameter.ty, &format!("the `{name}` of {operation}"), &note)
    }
}

/// Which of `names` are given, a slip of the pen taken for what was meant.
pub(super) fn meant<'n, N: Iterator<Item = &'n str>>(
    given: &Given,
    names: impl Fn() -> N,
) -> BTreeSet<&'n str> {
    // To compare a name with all others takes a while: of very many slips the first are understood.
    const SLIPS_MAX: usize = 200;
    let known: BTreeSet<&str> = names().collect();
    let (exact, slips): (Vec<_>, Vec<_>) =
        given.iter().map(|(key, ..)| key.value.as_str()).partition(|key| known.contains(key));
    let exact = exact.into_iter().filter_map(|key| known.get(key).copied());
    exact.chain(slips.into_iter().take(SLIPS_MAX).filter_map(|key| closest(key, names()))).collect()
}

/// What an operation takes as a parameter, in words.
fn takes(contract: &Contract, parameter: &Parameter) -> String {
    let Parameter { name, ty, description, .. } = parameter;
    let about = if description.is_empty() { String::new() } else { format!(": {description}") };
    format!("{} takes `{name}` ({ty}){about}", contract.operation)
}
