//! The variables of a template: which name stands for which place.
//!
//! As in Jinja, `{% set %}` in a branch reaches beyond it, and in a loop only to the end of the turn.

/// Where the names that a template defines are kept.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    open: Vec<Scope>,
    slots: usize,
}

#[derive(Debug, Default)]
struct Scope {
    names: Vec<Variable>,
    /// Slots made here, each with the slot of the same name outside.
    fresh: Vec<(usize, Option<usize>)>,
}

#[derive(Debug)]
struct Variable {
    name: String,
    slot: usize,
    used: bool,
}

impl Scopes {
    /// How many places there are in all.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Opens a scope: of a loop's body or a `with`.
    pub fn open(&mut self) {
        if self.open.is_empty() {
            self.open.push(Scope::default());
        }
        self.open.push(Scope::default());
    }

    /// Closes the innermost scope and says which slots were made in it.
    pub fn close(&mut self) -> Vec<(usize, Option<usize>)> {
        self.open.pop().map(|scope| scope.fresh).unwrap_or_default()
    }

    /// Defines `name` in the innermost scope, or finds it there.
    pub fn define(&mut self, name: &str) -> usize {
        if self.open.is_empty() {
            self.open.push(Scope::default());
        }
        let outside = self.variables().find(|variable| variable.name == name).map(|variable| variable.slot);
        let slot = self.slots;
        let scope = self.open.last_mut().expect("a scope was opened above");
        if let Some(known) = scope.names.iter().find(|variable| variable.name == name) {
            return known.slot;
        }
        scope.names.push(Variable { name: name.to_owned(), slot, used: false });
        scope.fresh.push((slot, outside));
        self.slots += 1;
        slot
    }

    /// The place of `name`, and remembers that it was asked for.
    pub fn resolve(&mut self, name: &str) -> Option<usize> {
        let scopes = self.open.iter_mut().rev();
        let variable = scopes.flat_map(|scope| &mut scope.names).find(|variable| variable.name == name)?;
        variable.used = true;
        Some(variable.slot)
    }

    /// Whether the variable in `slot` was asked for.
    pub fn is_used(&self, slot: usize) -> bool {
        self.variables().any(|variable| variable.slot == slot && variable.used)
    }

    fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.open.iter().rev().flat_map(|scope| &scope.names)
    }
}
