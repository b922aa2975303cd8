//! One step.

use std::collections::BTreeMap;

use super::Checker;
use super::fit::habit;
use super::inference::Dependencies;
use super::presence::Promised;
use crate::Type;
use crate::diagnostic::Code;
use crate::document::place::Place;
use crate::document::written::{Part, Written};
use crate::document::{self, Body, yaml};
use crate::plan::{self, DependencyKind, Location, Quorum};

/// What is known of a step after its body was checked.
pub(super) struct CheckedBody {
    /// What it does.
    pub body: plan::Body,
    /// Its outputs, one item's worth if it fans out.
    pub output: Type,
    /// Which of its outputs are there for certain once it succeeded, and which never.
    pub promised: Promised,
    /// What it waits for.
    pub dependencies: Dependencies,
    /// How long it may take at most, as far as the body says it.
    pub total_timeout: Option<crate::Span>,
    /// What it may spend at most, as far as the body says it.
    pub budget: Option<crate::Money>,
    /// Labels that come with the body.
    pub labels: BTreeMap<String, String>,
}

impl<'c> Checker<'c, '_> {
    /// Checks a step of the nearest scope: what a plan says of it, and what an expression gets from it.
    pub fn step(&mut self, step: &'c document::Step) -> (plan::Step, Type) {
        match step.always {
            Some(place) => self.always(place, |checker| checker.step_in_part(step)),
            None => self.step_in_part(step),
        }
    }

    fn step_in_part(&mut self, step: &'c document::Step) -> (plan::Step, Type) {
        let mut dependencies = self.needs(step);
        let item = step.each.as_ref().map(|each| (each, self.each_list(&each.list, &mut dependencies)));
        let condition_per_item = step.each.as_ref().is_some_and(|each| names_item(step, &each.item_name));
        if !condition_per_item {
            step.condition.iter().for_each(|condition| self.condition(condition, &mut dependencies));
        }
        let hidden = item.map(|(each, ty)| {
            let names = [(each.item_name.clone(), ty), ("index".to_owned(), Type::Integer)];
            names.map(|(name, ty)| (name.clone(), self.frame().values.values.insert(name, ty)))
        });
        if condition_per_item {
            step.condition.iter().for_each(|condition| self.condition(condition, &mut dependencies));
        }
        let each = step.each.as_ref().map(|each| self.each(each, condition_per_item, &mut dependencies));
        let body = self.body(step);
        self.note_promised(step, &body.promised);
        dependencies.add_all(&body.dependencies);
        let checks = self.checks(step, &body.output, &mut dependencies);
        let seen = seen_type(&body.output, each.is_some());
        let undo = step.undo.as_ref().and_then(|undo| self.undo(step, undo, &body, &seen));
        for (name, value) in hidden.into_iter().flatten() {
            self.set_value(name, value);
        }
        let step = plan::Step {
            name: step.name.value.clone(),
            location: Location { file: self.file(), line: self.findings.sources.line(step.name.place) },
            description: step.description.clone(),
            condition: step.condition.as_ref().map(Written::template),
            waits_for: dependencies.into_plan(),
            each,
            body: body.body,
            checks,
            optional: step.optional,
            always: step.always.is_some(),
            undo: undo.map(Box::new),
            on_unknown: step.on_unknown,
            cache: step.cache.map(|(cache, _)| cache),
            total_timeout: step.timeout.total.into_iter().chain(body.total_timeout).min(),
            budget: body.budget,
            labels: body.labels.into_iter().chain(step.labels.clone()).collect(),
        };
        (step, seen)
    }

    fn needs(&mut self, step: &document::Step) -> Dependencies {
        let mut dependencies = Dependencies::default();
        for need in &step.needs {
            match self.resolve(&need.value) {
                Some(other) if self.runs_later(other, need.place) => {}
                Some(step) => dependencies.add(step, DependencyKind::Order),
                None => self.unknown_step(&need.value, need.place),
            }
        }
        dependencies
    }

    fn condition(&mut self, condition: &'c Written, dependencies: &mut Dependencies) {
        let (_, found) = self.infer(condition);
        dependencies.add_all(&found);
    }

    /// The type of the items of the list that a step fans out over.
    fn each_list(&mut self, list: &'c Written, dependencies: &mut Dependencies) -> Type {
        let (ty, found) = self.infer(list);
        dependencies.add_all(&found);
        if !ty.fits(&Type::list(Type::Any)) {
            let label = self.given(&ty, list);
            let help = match &ty {
                Type::Text if let Some(advice) = habit(list) => advice,
                Type::Object { fields, .. } if fields.contains_key("by_key") => {
                    "to fan out over the items of another step, refer to its `items`"
                }
                Type::Object { .. } | Type::Map(_) => {
                    "to fan out over an object, add `| dictsort`: `item[0]` is then a name, `item[1]` its value"
                }
                _ => "a single value is written as a list of one: `[…]`",
            };
            self.findings.error(list.place, Code::Type, "`each` needs a list").label(label).help(help);
        }
        match ty {
            Type::List(item) => Type::clone(&item),
            _ => Type::Any,
        }
    }

    fn each(
        &mut self,
        each: &'c document::Each,
        condition_per_item: bool,
        found: &mut Dependencies,
    ) -> plan::Each {
        if let Some(key) = &each.key {
            let (ty, dependencies) = self.infer(key);
            found.add_all(&dependencies);
            self.check_keys(each, key);
            let scalar = Type::OneOf(vec![Type::Text, Type::Number, Type::Boolean]);
            if !ty.fits(&scalar) {
                let label = self.given(&ty, key);
                self.findings
                    .error(key.place, Code::Type, "the `key` of an item must be text or a number")
                    .label(label);
            }
        }
        if let (Quorum::Count(count), Some(length)) = (each.quorum, each.length())
            && count > length
        {
            let message = format!("the quorum of {count} can't be met: the list has {length} items");
            self.findings.error(each.list.place, Code::BadValue, message).help("use a percentage, or `all`");
        }
        plan::Each {
            list: each.list.template(),
            item_name: each.item_name.clone(),
            key: each.key.as_ref().map(Written::template),
            max_parallel: each.max_parallel,
            quorum: each.quorum,
            early: each.early,
            condition_per_item,
        }
    }

    /// Reports keys that are certainly the same for several items.
    fn check_keys(&mut self, each: &document::Each, key: &Written) {
        let names_item = names_any(key, &[each.item_name.as_str(), "index"]);
        if !names_item && !key.is_broken() && each.length().is_none_or(|length| length > 1) {
            let message = "all items would have the same `key`";
            let help = format!("make it name the item: \"{{{{ {}.id }}}}\"", each.item_name);
            self.findings.error(key.place, Code::BadValue, message).help(help);
        }
    }

    fn body(&mut self, step: &'c document::Step) -> CheckedBody {
        match &step.body {
            Body::Uses { uses, with, .. } if yaml::is_file(&uses.value) => self.subpipeline(step, uses, with),
            Body::Uses { uses, with, .. } => self.operation(step, uses, with),
            Body::Group { steps, outputs } => {
                let values = self.frame().values.clone();
                for output in outputs.iter().filter(|output| is_of_every_step(&output.name.value)) {
                    self.hidden_output(&output.name.value, output.name.place);
                }
                let checked = self.scope(steps, outputs, values);
                CheckedBody {
                    output: output_type(&checked.scope),
                    body: plan::Body::Group(checked.scope),
                    dependencies: checked.outer,
                    ..CheckedBody::unknown()
                }
            }
            Body::Unreadable => CheckedBody::unknown(),
        }
    }

    fn checks(
        &mut self,
        step: &'c document::Step,
        output: &Type,
        dependencies: &mut Dependencies,
    ) -> Vec<plan::Check> {
        let hidden = self.frame().values.values.insert("output".to_owned(), output.clone());
        for written in
            step.checks.iter().flat_map(|check| [Some(&check.that), check.message.as_ref()]).flatten()
        {
            let (_, found) = self.infer(written);
            dependencies.add_all(&found);
            self.note_used_outputs(step, written);
        }
        self.set_value("output".to_owned(), hidden);
        let plan = |check: &document::Check| plan::Check {
            that: check.that.template(),
            message: check.message.as_ref().map(Written::template),
        };
        step.checks.iter().map(plan).collect()
    }

    /// Notes which outputs of its own step a check refers to.
    pub(super) fn note_used_outputs(&mut self, step: &document::Step, written: &'c Written) {
        let Some(own) = self.resolve(&step.name.value) else { return };
        written.for_each_scalar(&mut |scalar, text, template| {
            for reference in template.references() {
                if let [root, output, ..] = reference.path.as_slice()
                    && root == "output"
                {
                    let part = Part { scalar, text, span: reference.span.clone() };
                    self.note_used_output(own, output, &part);
                }
            }
        });
    }

    /// Reports an output that nothing could refer to: every step has a `status` and an `error` already.
    pub fn hidden_output(&mut self, name: &str, place: Place) {
        let message = format!("the output `{name}` can't be referred to: `steps.….{name}` is the step's own");
        self.findings.error(place, Code::BadName, message).help("give it another name");
    }

    pub(super) fn set_value(&mut self, name: String, value: Option<Type>) {
        let values = &mut self.frame().values.values;
        match value {
            Some(ty) => _ = values.insert(name, ty),
            None => _ = values.remove(&name),
        }
    }
}

impl CheckedBody {
    /// What is known of a body that was reported: nothing, and anything goes.
    pub fn unknown() -> CheckedBody {
        CheckedBody {
            body: plan::Body::Operation(Vec::new()),
            output: Type::Any,
            promised: Promised::default(),
            dependencies: Dependencies::default(),
            total_timeout: None,
            budget: None,
            labels: BTreeMap::new(),
        }
    }
}

/// Whether the step's condition names the item, so that it is asked for every item.
fn names_item(step: &document::Step, item_name: &str) -> bool {
    step.condition.as_ref().is_some_and(|condition| names_any(condition, &[item_name, "index"]))
}

/// Whether an expression in `written` uses one of `names`.
pub(super) fn names_any(written: &Written, names: &[&str]) -> bool {
    let mut found = false;
    written.for_each_scalar(&mut |_, _, template| {
        let is_one = |root: &String| names.contains(&root.as_str());
        found |= template.references().iter().any(|reference| reference.path.first().is_some_and(is_one));
    });
    found
}

/// Whether every step has a field called `name`, whatever it gives.
pub(super) fn is_of_every_step(name: &str) -> bool {
    matches!(name, "status" | "error")
}

/// What a scope gives.
pub(super) fn output_type(scope: &plan::Scope) -> Type {
    let fields = scope.outputs.iter().map(|output| (output.name.clone(), output.ty.clone()));
    Type::inferred(fields.collect(), false)
}

/// What an expression gets from a step that gives `output`.
fn seen_type(output: &Type, fans_out: bool) -> Type {
    let error = Type::object([("class", Type::Text), ("message", Type::Text)]);
    let status = [("status".to_owned(), Type::Text), ("error".to_owned(), error)];
    let (mut fields, open) = match output {
        Type::Object { .. } | Type::Any if fans_out => (fan_out_fields(output), false),
        Type::Object { fields, open } => (BTreeMap::clone(fields), *open),
        _ => return Type::Any,
    };
    fields.extend(status);
    Type::Object { fields: fields.into(), open }
}

fn fan_out_fields(item: &Type) -> BTreeMap<String, Type> {
    let key = || Type::OneOf(vec![Type::Text, Type::Number]);
    let failed = Type::object([
        ("index", Type::Integer),
        ("key", key()),
        ("class", Type::Text),
        ("message", Type::Text),
    ]);
    let fields = [
        ("items", Type::list(item.clone())),
        ("keys", Type::list(key())),
        ("by_key", Type::map(item.clone())),
        ("failed", Type::list(failed)),
    ];
    fields.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect()
}
