//! Parameters: whether what is given fits what a contract asks for.

use std::collections::BTreeSet;

use super::Checker;
use crate::builtin;
use crate::contract::{Contract, Doubt, Parameter, Sketches, Unchosen};
use crate::diagnostic::Code;
use crate::document::At;
use crate::document::place::Place;
use crate::document::written::{Shape, Written};
use crate::suggestion::{closest, listed};
use crate::{Type, Value};

/// What is written under a `with`: name, value, inferred type.
pub(super) type Given<'d> = Vec<(&'d At<String>, &'d Written, Type)>;

impl<'c> Checker<'c, '_> {
    /// Checks what is written for an operation itself; gives what doesn't fit.
    pub fn check_written(&mut self, contract: &Contract, given: &Given<'c>) -> BTreeSet<&'c str> {
        let mut unfit = BTreeSet::new();
        for (key, value, ty) in given {
            match contract.parameter(&key.value) {
                Some(parameter) if self.check_parameter(contract, parameter, value, ty) => {}
                Some(_) => _ = unfit.insert(key.value.as_str()),
                None if contract.open_inputs => {}
                None => self.unknown_parameter(contract, key),
            }
        }
        unfit
    }

    /// Checks what a fallback takes over from the first target, and adds what doesn't fit to `unfit`.
    pub fn check_inherited(&mut self, contract: &Contract, given: &Given<'c>, unfit: &mut BTreeSet<&'c str>) {
        for (key, value, ty) in given {
            let Some(parameter) = contract.parameter(&key.value) else { continue };
            if !self.check_parameter(contract, parameter, value, ty) {
                unfit.insert(key.value.as_str());
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
            if !parameter.required || contract.ways(&parameter.name).any(|name| given.contains(name)) {
                continue;
            }
            let (operation, name) = (&contract.operation, &parameter.name);
            self.findings
                .error(place, Code::MissingParameter, format!("{operation} needs `{name}`"))
                .note(takes(contract, parameter))
                .help(format!("add it under `with`: {{ {name}: … }}"));
        }
    }

    /// Reports what the operation refuses of its inputs together, or of the parts that are known of one: of those that
    /// aren't `unfit` by themselves. `sketches` is what is known of what is `given`.
    pub fn check_together(
        &mut self,
        contract: &Contract,
        place: Place,
        given: &Given<'c>,
        sketches: &Sketches,
        unfit: &BTreeSet<&str>,
    ) {
        for choice in &contract.choices {
            let names = || choice.names.iter().map(String::as_str);
            let Some(unchosen) = choice.unchosen(sketches) else { continue };
            if names().any(|name| unfit.contains(name))
                || !meant(given, names).is_empty() && unchosen == Unchosen::None
            {
                continue;
            }
            let message = choice.refusal(&contract.operation, unchosen);
            let is_one = |(key, ..): &&(&At<String>, _, _)| {
                choice.names.contains(&key.value) && sketches.is_there(&key.value)
            };
            match given.iter().filter(is_one).nth(1) {
                Some((_, second, _)) => self.findings.error(second.place, Code::BadValue, message),
                None => self.findings.error(place, Code::MissingParameter, message),
            };
        }
        for rule in &contract.rules {
            let is_one = |(key, ..): &&(&At<String>, _, _)| rule.names.contains(&key.value.as_str());
            let written = || given.iter().filter(is_one);
            if written().any(|(key, value, _)| value.is_broken() || unfit.contains(key.value.as_str())) {
                continue;
            }
            let Some((_, last, _)) = written().next_back() else { continue };
            if let Err(failure) = (rule.judge)(&sketches.only(rule.names)) {
                self.findings.error(last.place, Code::BadValue, failure.message);
            }
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
        let subject = format!("the `{name}` of {operation}");
        let taken = |literal: &Value| {
            Type::of(literal).fits(&parameter.ty)
                || parameter.by_address && parameter.misfit(literal).is_none()
        };
        let literal = value.literal().filter(taken);
        self.report_doubt(contract, parameter, value, literal.as_ref());
        let fits = match literal {
            Some(literal) => {
                let judged = || contract.judge.and_then(|judge| (judge.0)(name, &literal).err());
                let misfit =
                    parameter.misfit(&literal).or_else(|| builtin::misfit(operation, name, &literal));
                self.report_misfit(value, misfit.or_else(judged), &note)
            }
            None => self.check_fits(value, ty, &parameter.ty, &subject, &note),
        };
        fits && (parameter.entries.is_empty()
            || self.check_entries(value, &parameter.entries, &subject, &note))
    }

    /// Warns of what nobody has verified.
    fn report_doubt(
        &mut self,
        contract: &Contract,
        parameter: &Parameter,
        value: &Written,
        literal: Option<&Value>,
    ) {
        // Of what is not constant the values are told when it runs.
        let unknown = Value::Null;
        let Some(doubt) = contract.doubt(&parameter.name, literal.unwrap_or(&unknown)) else { return };
        if literal.is_some() || parameter.doubt == Some(Doubt::Name) {
            self.findings.warning(value.place, Code::Unverified, doubt);
        }
    }

    fn report_misfit(&mut self, value: &Written, misfit: Option<String>, note: &str) -> bool {
        let Some(misfit) = misfit else { return true };
        self.findings.error(value.place, Code::BadValue, misfit).note(note);
        false
    }

    /// Whether the objects in `value`, itself or in a list, hold what they may; reports what they don't.
    fn check_entries(&mut self, value: &'c Written, known: &[Parameter], subject: &str, note: &str) -> bool {
        match &value.shape {
            Shape::List(items) => {
                let subject = format!("an item of {subject}");
                let mut all_fit = true;
                for item in items {
                    all_fit &= self.check_entries(item, known, &subject, note);
                }
                all_fit
            }
            Shape::Map(entries) => {
                let mut all_fit = true;
                for (key, entry) in entries {
                    all_fit &= self.check_entry(key, entry, known, subject, note);
                }
                all_fit
            }
            _ => true,
        }
    }

    fn check_entry(
        &mut self,
        key: &At<String>,
        value: &'c Written,
        known: &[Parameter],
        subject: &str,
        note: &str,
    ) -> bool {
        let names = || known.iter().map(|entry| entry.name.as_str());
        let Some(entry) = known.iter().find(|entry| entry.name == key.value) else {
            let nearest = if self.findings.is_full() { None } else { closest(&key.value, names()) };
            let message = format!("{subject} has no `{}`", key.value);
            let finding = self.findings.error(key.place, Code::UnknownParameter, message);
            finding.did_you_mean(nearest);
            if nearest.is_none() {
                finding.note(format!("it may have {}", listed(names())));
            }
            return false;
        };
        let literal = value.literal().filter(|literal| Type::of(literal).fits(&entry.ty));
        match literal {
            Some(literal) => self.report_misfit(value, entry.misfit(&literal), note),
            None => {
                let given = self.infer_again(value);
                self.check_fits(value, &given, &entry.ty, &format!("the `{}` of {subject}", key.value), note)
            }
        }
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
