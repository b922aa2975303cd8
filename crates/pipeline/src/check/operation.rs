//! Steps that use an operation: the first target and its fallbacks.

use std::collections::{BTreeMap, BTreeSet};

use super::closing::{Part, retries_of_undo};
use super::inference::Dependencies;
use super::parameter::Given;
use super::presence::Promised;
use super::rank::type_of;
use super::step::CheckedBody;
use super::{Checker, policy};
use crate::Type;
use crate::builtin;
use crate::contract::Contract;
use crate::diagnostic::Code;
use crate::document::written::Written;
use crate::document::{self, At, Fallback, Retry, yaml};
use crate::plan::{self, Target};

impl<'c> Checker<'c, '_> {
    /// Checks a step that uses an operation, with all of its targets.
    pub fn operation(
        &mut self,
        step: &'c document::Step,
        uses: &At<String>,
        with: &'c [(At<String>, Written)],
    ) -> CheckedBody {
        let document::Body::Uses { retry, pool, fallback: fallbacks, .. } = &step.body else {
            return CheckedBody::unknown();
        };
        let of_undo = retries_of_undo(retry.as_deref());
        let retry = if self.part == Part::Undo { Some(of_undo.as_slice()) } else { retry.as_deref() };
        let mut dependencies = Dependencies::default();
        let given = self.infer_given(&uses.value, with, &Given::new(), &mut dependencies);
        let first = self.contract(uses);
        let mut promised = Promised::default();
        if let Some(contract) = &first {
            let unfit = self.check_written(contract, &given);
            self.check_missing(contract, uses.place, &given);
            let sketches = self.sketches(contract, &given);
            self.check_together(contract, uses.place, &given, &sketches, &unfit);
            self.check_ranking(contract, &given, &unfit);
            promised = Promised::of(contract, &sketches);
            self.check_cache(contract, step, &given);
        }
        let mut targets: Vec<Target> = Vec::new();
        let mut output = first.as_deref().map_or(Type::Any, |contract| output_of(contract, &given));
        if let Some(contract) = first {
            targets.push(Target {
                with: templates(with),
                on: Vec::new(),
                waits_for: Vec::new(),
                retry: policy::retry_rules(retry, None, &contract, step.on_unknown),
                timeouts: policy::timeouts(&step.timeout, &step.timeout, &contract),
                pool: self.pool(pool.as_ref(), &contract),
                contract,
            });
        }
        for fallback in fallbacks {
            let is_after_paid = targets.iter().any(|target| target.contract.is_paid());
            let (target, given) = self.fallback(step, fallback, &given, retry, is_after_paid);
            let Some(target) = target else { continue };
            if target.contract.succeeds {
                let this = output_of(&target.contract, &given);
                let is_first = !targets.iter().any(|target| target.contract.succeeds);
                output = if is_first { this } else { either(output, &this, step.each.is_some()) };
            }
            targets.push(target);
        }
        if targets.len() != 1 + fallbacks.len() {
            output = Type::Any;
        }
        if !fallbacks.is_empty() {
            promised = Promised::default();
        }
        let body = plan::Body::Operation(targets);
        CheckedBody { body, output, promised, dependencies, ..CheckedBody::unknown() }
    }

    fn fallback(
        &mut self,
        step: &document::Step,
        fallback: &'c Fallback,
        inherited: &Given<'c>,
        retry: Option<&[Retry]>,
        is_after_paid: bool,
    ) -> (Option<Target>, Given<'c>) {
        let mut dependencies = Dependencies::default();
        let mut given = self.infer_given(&fallback.uses.value, &fallback.with, inherited, &mut dependencies);
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
        let mut unfit = self.check_written(&contract, &given);
        let own: BTreeSet<&str> = given.iter().map(|(key, ..)| key.value.as_str()).collect();
        let document::Body::Uses { uses: first, .. } = &step.body else { return (None, given) };
        let taken = |name: &str| {
            builtin::is_inherited(&first.value, &contract.operation, name)
                && (contract.open_inputs || contract.parameter(name).is_some())
        };
        let inherited: Given = inherited
            .iter()
            .filter(|(key, ..)| taken(&key.value) && !own.contains(key.value.as_str()))
            .cloned()
            .collect();
        self.check_inherited(&contract, &inherited, &mut unfit);
        given.extend(inherited);
        self.check_missing(&contract, fallback.uses.place, &given);
        let sketches = self.sketches(&contract, &given);
        self.check_together(&contract, fallback.uses.place, &given, &sketches, &unfit);
        self.check_ranking(&contract, &given, &unfit);
        let target = Target {
            with: templates(&fallback.with),
            on: policy::fallback_classes(fallback.on.as_deref(), is_after_paid && contract.is_paid()),
            waits_for: dependencies.into_plan(),
            retry: policy::retry_rules(fallback.retry.as_deref(), retry, &contract, step.on_unknown),
            timeouts: policy::timeouts(&fallback.timeout, &step.timeout, &contract),
            pool: self.pool(fallback.pool.as_ref(), &contract),
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
}

fn templates(with: &[(At<String>, Written)]) -> Vec<(String, crate::expression::Template)> {
    with.iter().map(|(key, value)| (key.value.clone(), value.template())).collect()
}

/// What a step gives of which `first` is what the first target gives, and `other` what another does.
/// What the other doesn't give is reported where it is referred to by name; of a step that fans out
/// nobody can tell which target an item came from, so that it isn't there for certain.
fn either(first: Type, other: &Type, fans_out: bool) -> Type {
    let (Type::Object { fields, open }, Type::Object { fields: others, open: other_is_open }) =
        (first, other)
    else {
        return Type::Any;
    };
    let mut fields = BTreeMap::clone(&fields);
    fields.retain(|name, _| !fans_out || *other_is_open || others.contains_key(name));
    for (name, ty) in &mut fields {
        if let Some(other) = others.get(name).filter(|other| *other != ty) {
            *ty = Type::one_of([ty.clone(), other.clone()]);
        }
    }
    Type::inferred(fields, open)
}

/// What an operation gives when it is given `given`.
fn output_of(contract: &Contract, given: &Given) -> Type {
    let mut fields = contract.outputs.clone();
    if contract.operation == builtin::TRANSFORM {
        fields.extend(type_of(given, "value").map(|ty| ("value".to_owned(), ty.clone())));
    }
    if contract.operation == builtin::RANK
        && let Some(list @ Type::List(item)) = type_of(given, "items")
    {
        fields.extend([("items".to_owned(), list.clone()), ("best".to_owned(), Type::clone(item))]);
    }
    if !contract.succeeds {
        return Type::Any;
    }
    Type::inferred(fields, contract.open_outputs)
}
