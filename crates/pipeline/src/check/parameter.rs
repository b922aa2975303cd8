//! Parameters: whether what is given fits what a contract asks for.

use std::collections::BTreeSet;

use super::Checker;
use crate::builtin;
use crate::contract::{Choice, Contract, Doubt, Parameter};
use crate::diagnostic::Code;
use crate::document::At;
use crate::document::place::Place;
use crate::document::written::{Shape, Written};
use crate::suggestion::{closest, listed};
use crate::value::Map;
use crate::{Type, Value};

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

    /// Reports inputs that stand for each other, where none or too many of them are given.
    pub fn check_choices(&mut self, contract: &Contract, place: Place, given: &Given) {
        for Choice { names, is_needed, is_exclusive } in &contract.choices {
            let written: Vec<_> = given.iter().filter(|(key, ..)| names.contains(&key.value)).collect();
            let names = or(names);
            let operation = &contract.operation;
            if *is_needed && written.is_empty() {
                let message = format!("{operation} needs {names}");
                self.findings.error(place, Code::MissingParameter, message);
            }
            // What isn't constant may be absent.
            let is_there = |value: &Written| value.literal().is_some_and(|literal| literal != Value::Null);
            let mut there = written.iter().filter(|(_, value, _)| is_there(value)).skip(1);
            if let (true, Some((_, value, _))) = (*is_exclusive, there.next()) {
                let message = format!("{operation} takes {names}, and no more than one of them");
                self.findings.error(value.place, Code::BadValue, message);
            }
        }
    }

    /// Reports constants each of which is good, and which are impossible together.
    pub fn check_rules(&mut self, contract: &Contract, given: &Given) {
        for rule in &contract.rules {
            let written: Vec<_> =
                given.iter().filter(|(key, ..)| rule.names.contains(&key.value.as_str())).collect();
            let Some((_, last, _)) = written.last() else { continue };
            let constants: Option<Map> =
                written.iter().map(|(key, value, _)| Some((key.value.clone(), value.literal()?))).collect();
            // What isn't constant may be anything.
            let Some(mut constants) = constants else { continue };
            constants = constants.into_iter().filter(|(_, value)| *value != Value::Null).collect();
            let is_good = |(name, value): (&String, &Value)| {
                contract.misfit(name, value).is_none()
                    && contract.judge.is_none_or(|judge| (judge.0)(name, value).is_ok())
            };
            if !constants.iter().all(is_good) {
                continue;
            }
            if let Err(message) = (rule.judge)(&constants) {
                self.findings.error(last.place, Code::BadValue, message);
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

/// Names with "or" between them.
fn or(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
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
