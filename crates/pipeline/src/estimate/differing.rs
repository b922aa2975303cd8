//! Whether what a step costs follows from a name: if not from that of the item, all items cost the same.

use std::collections::BTreeSet;

use crate::expression::Template;
use crate::plan::{Body, Scope, Step, Target};

/// A name of expressions.
#[derive(Clone, Copy)]
pub(super) enum Name<'n> {
    /// That of the item of a list, or `index`.
    Item(&'n str),
    /// `inputs.` and this.
    Input(&'n str),
}

impl Name<'_> {
    fn is_in(self, template: &Template) -> bool {
        let mut paths = template.references().iter().map(|reference| reference.path.as_slice());
        paths.any(|path| match (self, path) {
            (Name::Item(name), [root, ..]) => root == name,
            (Name::Input(name), [root, input, ..]) => root == "inputs" && input == name,
            (Name::Input(_), [root]) => root == "inputs",
            (_, []) => false,
        })
    }
}

/// Whether what a target costs can matter to anybody.
pub(super) fn may_cost(target: &Target) -> bool {
    target.contract.is_paid() || target.contract.price.is_some()
}

/// Whether anything in the step may cost something.
pub(super) fn has_cost(step: &Step) -> bool {
    let inner = step.body.scope().into_iter().flat_map(|scope| &scope.steps);
    step.targets().any(may_cost) || inner.into_iter().any(has_cost)
}

/// Whether the items of a fanned-out step may differ in what they cost.
pub(super) fn items_differ(step: &Step, item: &str) -> bool {
    [item, "index"].into_iter().any(|name| one_follows(step, Name::Item(name)))
}

/// Whether what one run of the step, or one item of it, costs follows from `name`.
fn one_follows(step: &Step, name: Name<'_>) -> bool {
    let undo = step.undo.as_ref().is_some_and(|undo| targets_follow(undo.body.targets(), name));
    undo || match &step.body {
        Body::Operation(targets) => targets_follow(targets, name),
        Body::Group(scope) => scope_follows(scope, name),
        Body::Pipeline { with, scope, .. } => with
            .iter()
            .any(|(input, template)| name.is_in(template) && scope_follows(scope, Name::Input(input))),
    }
}

fn scope_follows(scope: &Scope, name: Name<'_>) -> bool {
    scope.steps.iter().any(|step| match &step.each {
        None => one_follows(step, name),
        Some(each) => {
            let is_hidden = matches!(name, Name::Item(name) if name == each.item_name || name == "index");
            name.is_in(&each.list) && has_cost(step) || !is_hidden && one_follows(step, name)
        }
    })
}

/// A fallback inherits what the first target is given.
fn targets_follow(targets: &[Target], name: Name<'_>) -> bool {
    let inherited = targets.first().into_iter().flat_map(|first| &first.with);
    targets.iter().any(|target| {
        let given = inherited.clone().chain(&target.with);
        let following = given.filter(|(_, template)| name.is_in(template));
        let names: BTreeSet<String> = following.map(|(parameter, _)| parameter.clone()).collect();
        target.contract.price.as_ref().is_some_and(|price| price.depends_on(&names))
    })
}
