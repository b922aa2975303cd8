//! Operations: whether what they are given fits their contracts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::inference::Dependencies;
use super::step::CheckedBody;
use super::{Checker, policy};
use crate::builtin;
use crate::contract::{Contract, Parameter};
use crate::diagnostic::Code;
use crate::document::place::Place;
use crate::document::written::Written;
use crate::document::{self, At, Fallback, Retry, words, yaml};
use crate::plan::{self, Target};
use crate::suggestion::closest;
use crate::{Class, Type};

/// What a step writes for an operation: name, value, inferred type.
type Given<'d> = Vec<(&'d At<String>, &'d Written, Type)>;

impl<'c> Checker<'c, '_> {
    /// Checks a step that uses an operation, with all of its targets.
    pub fn operation(
        &mut self,
        step: &'c document::Step,
        uses: &At<String>,
        with: &'c [(At<String>, Written)],
        retry: Option<&[Retry]>,
        fallbacks: &'c [Fallback],
    ) -> CheckedBody {
        let mut dependencies = Dependencies::default();
        let given = self.infer_all(with, &mut dependencies);
        let first = self.contract(uses);
        if let Some(contract) = &first {
            self.check_written(contract, &given);
            self.check_missing(contract, uses.place, &given);
        }
        let mut targets = Vec::new();
        let mut output = first.as_deref().map_or(Type::Any, |contract| output_of(contract, &given));
        if let Some(contract) = first {
            targets.push(Target {
                with: templates(with),
                on: Vec::new(),
                waits_for: Vec::new(),
                retry: policy::retry_rules(retry, None, contract.work),
                timeouts: policy::timeouts(&step.timeout, &step.timeout),
                contract,
            });
        }
        for fallback in fallbacks {
            let (target, given) = self.fallback(step, fallback, &given, retry);
            let Some(target) = target else { continue };
            if targets.first().is_some_and(|first| !first.contract.succeeds) && target.contract.succeeds {
                output = output_of(&target.contract, &given);
            }
            targets.push(target);
        }
        if targets.len() != 1 + fallbacks.len() {
            output = Type::Any;
        }
        CheckedBody { body: plan::Body::Operation(targets), output, dependencies, ..CheckedBody::unknown() }
    }

    fn fallback(
        &mut self,
        step: &document::Step,
        fallback: &'c Fallback,
        inherited: &Given<'c>,
        retry: Option<&[Retry]>,
    ) -> (Option<Target>, Given<'c>) {
        let mut dependencies = Dependencies::default();
        let mut given = self.infer_all(&fallback.with, &mut dependencies);
        if yaml::is_file(&fallback.uses.value) {
            self.findings
                .error(
                    fallback.uses.place,
                    Code::NotSupportedYet,
                    "a pipeline as a fallback is not supported yet",
                )
                .help("use an operation here");
            return (None, given);
        }
        let Some(contract) = self.contract(&fallback.uses) else { return (None, given) };
        self.check_written(&contract, &given);
        let own = |given: &Given, name: &str| given.iter().any(|(key, ..)| key.value == name);
        let taken = |name: &str| contract.open_inputs || contract.parameter(name).is_some();
        let inherited: Given = inherited
            .iter()
            .filter(|(key, ..)| taken(&key.value) && !own(&given, &key.value))
            .cloned()
            .collect();
        self.check_inherited(&contract, &inherited);
        given.extend(inherited);
        self.check_missing(&contract, fallback.uses.place, &given);
        let target = Target {
            with: templates(&fallback.with),
            on: fallback.on.clone().unwrap_or_else(|| Class::FALLBACK_DEFAULT.to_vec()),
            waits_for: dependencies.into_plan(),
            retry: policy::retry_rules(fallback.retry.as_deref(), retry, contract.work),
            timeouts: policy::timeouts(&fallback.timeout, &step.timeout),
            contract,
        };
        (Some(target), given)
    }

    /// The types of what is written under a `with`.
    pub fn infer_all(
        &mut self,
        with: &'c [(At<String>, Written)],
        dependencies: &mut Dependencies,
    ) -> Given<'c> {
        let mut infer = |(key, value): &'c (At<String>, Written)| {
            let (ty, found) = self.infer(value);
            dependencies.add_all(&found);
            (key, value, ty)
        };
        with.iter().map(&mut infer).collect()
    }

    fn find(&self, operation: &str) -> Option<Arc<Contract>> {
        self.catalogue.get(operation).or_else(|| self.builtins.get(operation)).cloned()
    }

    /// The contract that `uses` names; reports it if there is none.
    fn contract(&mut self, uses: &At<String>) -> Option<Arc<Contract>> {
        let name = uses.value.as_str();
        if let Some(contract) = self.find(name) {
            return Some(contract);
        }
        if let Some((_, purpose)) = words::LATER_OPERATIONS.iter().find(|(start, _)| name.starts_with(start))
        {
            self.findings
                .error(uses.place, Code::NotSupportedYet, format!("`{name}` is not supported yet"))
                .note(format!("it is meant for {purpose}, in a later version"));
            return None;
        }
        let known =
            || self.catalogue.iter().chain(self.builtins.iter()).map(|contract| contract.operation.as_str());
        let nearest = closest(name, known()).map(str::to_owned);
        let family = name.split('/').next().unwrap_or(name);
        let relatives: Vec<_> =
            known().filter(|known| known.split('/').next() == Some(family)).map(str::to_owned).collect();
        let finding = self.findings.error(
            uses.place,
            Code::UnknownOperation,
            format!("there is no operation `{name}`"),
        );
        finding.did_you_mean(nearest.as_deref());
        if family == "task" {
            finding.help("register the task with the program that runs the pipeline");
        } else if nearest.is_none() && !relatives.is_empty() {
            finding.note(format!("of {family} there are {}", relatives.join(", ")));
        } else if name.ends_with(".yaml") || name.ends_with(".json") {
            finding.help(format!("to use another file, write `./{name}`"));
        }
        None
    }

    /// Checks what is written for an operation itself.
    fn check_written(&mut self, contract: &Contract, given: &Given) {
        for (key, value, ty) in given {
            match contract.parameter(&key.value) {
                Some(parameter) => _ = self.check_parameter(contract, parameter, value, ty),
                None if contract.open_inputs => {}
                None => self.unknown_parameter(contract, key),
            }
        }
    }

    /// Checks what a fallback takes over from the first target.
    fn check_inherited(&mut self, contract: &Contract, given: &Given) {
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
        let nearest = closest(&key.value, names());
        let message = format!("{operation} has no parameter `{}`", key.value);
        let finding = self.findings.error(key.place, Code::UnknownParameter, message);
        finding.did_you_mean(nearest);
        if nearest.is_none() {
            finding.note(format!("it takes {}", crate::suggestion::listed(names())));
        }
    }

    /// Reports required parameters that aren't given; one that is there with a slip of the pen was
    /// reported as that.
    fn check_missing(&mut self, contract: &Contract, place: Place, given: &Given) {
        let names = || contract.inputs.iter().map(|parameter| parameter.name.as_str());
        let given: BTreeSet<&str> = given
            .iter()
            .filter_map(|(key, ..)| match contract.parameter(&key.value) {
                Some(parameter) => Some(parameter.name.as_str()),
                None => closest(&key.value, names()),
            })
            .collect();
        for parameter in &contract.inputs {
            if !parameter.required || given.contains(parameter.name.as_str()) {
                continue;
            }
            let (operation, name) = (&contract.operation, &parameter.name);
            let about = about(parameter);
            self.findings
                .error(place, Code::MissingParameter, format!("{operation} needs `{name}`"))
                .note(format!("`{name}` is {}{about}", parameter.ty))
                .help(format!("add it under `with`: {{ {name}: … }}"));
        }
    }

    /// Whether a value fits a parameter; reports it if not.
    fn check_parameter(
        &mut self,
        contract: &Contract,
        parameter: &Parameter,
        value: &Written,
        ty: &Type,
    ) -> bool {
        let (operation, name) = (&contract.operation, &parameter.name);
        if value.is_broken() {
            return true;
        }
        let note = format!("{operation} takes `{name}`: {}{}", parameter.ty, about(parameter));
        self.check_fits(value, ty, &parameter.ty, &format!("the `{name}` of {operation}"), &note)
    }

    /// Reports fallbacks that don't give what is referred to in the nearest scope.
    pub fn check_fallback_outputs(&mut self) {
        let frame = self.frame();
        let (steps, used) = (frame.steps, std::mem::take(&mut frame.used_outputs));
        for (step, used) in steps.iter().zip(&used) {
            let document::Body::Uses { uses, fallback, .. } = &step.body else { continue };
            let Some(first) = self.find(&uses.value).filter(|first| first.succeeds) else { continue };
            for target in fallback {
                let Some(contract) = self.find(&target.uses.value) else { continue };
                self.check_outputs_of(&contract, &first, target.uses.place, used);
            }
        }
    }

    fn check_outputs_of(
        &mut self,
        contract: &Contract,
        first: &Contract,
        place: Place,
        used: &BTreeMap<String, Place>,
    ) {
        if !contract.succeeds || contract.open_outputs {
            return;
        }
        let operation = &contract.operation;
        for (output, user) in used {
            let Some(wanted) = first.outputs.get(output) else { continue };
            let line = self.findings.sources.line(*user);
            match contract.outputs.get(output) {
                None => {
                    let gives: Vec<_> = contract.outputs.keys().map(String::as_str).collect();
                    self.findings
                        .error(place, Code::MissingOutput, format!("{operation} doesn't give `{output}`"))
                        .note(format!("line {line} refers to it, whichever target does the work"))
                        .note(format!("{operation} gives {}", crate::suggestion::listed(gives)));
                }
                Some(given) if !given.fits(wanted) => {
                    self.findings
                        .error(place, Code::Type, format!("{operation} gives another `{output}`: {given}"))
                        .note(format!("{} gives {wanted}, and line {line} refers to it", first.operation));
                }
                Some(_) => {}
            }
        }
    }
}

fn templates(with: &[(At<String>, Written)]) -> Vec<(String, crate::expression::Template)> {
    with.iter().map(|(key, value)| (key.value.clone(), value.template())).collect()
}

/// What an operation gives when it is given `given`.
fn output_of(contract: &Contract, given: &Given) -> Type {
    let mut fields = contract.outputs.clone();
    if contract.operation == builtin::TRANSFORM {
        let value = given.iter().find(|(key, ..)| key.value == "value");
        fields.extend(value.map(|(_, _, ty)| ("value".to_owned(), ty.clone())));
    }
    if !contract.succeeds {
        return Type::Any;
    }
    Type::Object { fields, open: contract.open_outputs }
}

/// The description of a parameter, to be put behind its type.
fn about(parameter: &Parameter) -> String {
    if parameter.description.is_empty() { String::new() } else { format!(", {}", parameter.description) }
}
