//! Ranking: `by` of `data/rank` is an expression of each item, and of items that are written it is known what comes of it.

use std::collections::BTreeSet;

use super::Checker;
use super::inference::Dependencies;
use super::parameter::Given;
use super::step::names_any;
use crate::builtin;
use crate::contract::Contract;
use crate::diagnostic::Code;
use crate::document::At;
use crate::document::written::Written;
use crate::expression::Context;
use crate::{Type, Value};

/// What such an expression may name.
const OF_ITEMS: [&str; 2] = ["item", "index"];

impl<'c> Checker<'c, '_> {
    /// The types of what is written under the `with` of an operation, or of a fallback that inherits the rest.
    pub fn infer_given(
        &mut self,
        operation: &str,
        with: &'c [(At<String>, Written)],
        inherited: &Given<'c>,
        dependencies: &mut Dependencies,
    ) -> Given<'c> {
        if operation != builtin::RANK {
            return self.infer_all(with, dependencies);
        }
        let written = with.iter().find(|(key, _)| key.value == "items");
        let items = written.map(|(_, value)| self.infer_again(value));
        let item = match items.as_ref().or(type_of(inherited, "items")) {
            Some(Type::List(item)) => Type::clone(item),
            _ => Type::Any,
        };
        let mut infer = |(key, value): &'c (At<String>, Written)| {
            let (ty, found) = match builtin::is_per_item(operation, &key.value) {
                true => self.infer_for_item(value, &item),
                false => self.infer(value),
            };
            dependencies.add_all(&found);
            (key, value, ty)
        };
        with.iter().map(&mut infer).collect()
    }

    /// The type of what the items of a list are ranked by.
    fn infer_for_item(&mut self, by: &'c Written, item: &Type) -> (Type, Dependencies) {
        let names = [("item".to_owned(), item.clone()), ("index".to_owned(), Type::Integer)];
        let hidden = names.map(|(name, ty)| (name.clone(), self.frame().values.values.insert(name, ty)));
        let (ty, found) = self.infer(by);
        for (name, value) in hidden {
            self.set_value(name, value);
        }
        let help = "make it name the item: \"{{ item.score }}\"";
        if !by.is_broken() && !names_any(by, &OF_ITEMS) {
            let message = "all items would be ranked alike";
            self.findings.error(by.place, Code::BadValue, message).help(help);
        } else if !ty.fits(&builtin::key_type()) {
            let label = self.given(&ty, by);
            let message = "items are ranked by a number, text or a truth value";
            self.findings.error(by.place, Code::Type, message).label(label).help(help);
        }
        (ty, found)
    }

    /// Reports items that can't be ranked, where they are written and nothing else is named.
    pub fn check_ranking(&mut self, contract: &Contract, given: &Given<'c>, unfit: &BTreeSet<&str>) {
        if contract.operation != builtin::RANK || !unfit.is_empty() {
            return;
        }
        if !type_of(given, "by").is_none_or(|ty| ty.fits(&builtin::key_type())) {
            return;
        }
        let written = |name: &str| find(given, name).map(|(_, value, _)| *value);
        let (Some(items), Some(by)) = (written("items"), written("by")) else { return };
        let literal = |name: &str| written(name).map_or(Some(Value::Null), Written::literal);
        let (Some(Value::List(list)), Some(order)) = (items.literal(), literal("order")) else { return };
        let template = by.template();
        let is_of_item = |root: &String| OF_ITEMS.contains(&root.as_str());
        if by.is_broken()
            || !template.references().iter().all(|named| named.path.first().is_some_and(is_of_item))
        {
            return;
        }
        let (keys, _) = template.evaluate_each(Context::default(), &list);
        let ranked = builtin::rankable(&list, keys).and_then(|(items, by)| {
            builtin::rank(&Value::map([("items", items), ("by", by), ("order", order)]))
        });
        if let Err(error) = ranked {
            self.findings.error(by.place, Code::BadValue, error.message);
        }
    }
}

/// The type of what is given for `name`.
pub(super) fn type_of<'g>(given: &'g Given, name: &str) -> Option<&'g Type> {
    find(given, name).map(|(_, _, ty)| ty)
}

/// What is given for `name`.
fn find<'g, 'c>(given: &'g Given<'c>, name: &str) -> Option<&'g (&'c At<String>, &'c Written, Type)> {
    given.iter().find(|(key, ..)| key.value == name)
}
