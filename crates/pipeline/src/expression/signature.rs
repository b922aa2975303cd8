//! Signatures: what filters, tests and functions are called with.

use super::bounds::{Outcome, wrong};
use crate::Value;
use crate::suggestion::{closest, listed};

/// The name and the parameters of a filter, test or function.
#[derive(Debug)]
pub(super) struct Signature {
    pub name: &'static str,
    /// In order; all may be given by name too.
    pub parameters: &'static [&'static str],
    /// How many of them may be given without a name.
    pub positional: usize,
    /// How many of them must be given.
    pub required: usize,
    /// Whether more arguments may follow.
    pub more: bool,
}

impl Signature {
    pub const fn new(name: &'static str, parameters: &'static [&'static str], required: usize) -> Signature {
        Signature { name, parameters, positional: parameters.len(), required, more: false }
    }

    /// Where an argument called `name` goes.
    pub fn position(&self, name: &str) -> Result<usize, String> {
        self.parameters.iter().position(|parameter| *parameter == name).ok_or_else(|| {
            let known = self.parameters.iter().copied();
            match closest(name, known.clone()) {
                Some(meant) => format!("`{}` has no argument `{name}`; did you mean `{meant}`?", self.name),
                None => format!("`{}` has no argument `{name}`; it takes {}", self.name, listed(known)),
            }
        })
    }

    /// Whether it can be called with `count` arguments without names, as `map('upper')` does; says what
    /// is wrong otherwise.
    pub fn takes(&self, count: usize) -> Result<(), String> {
        if count < self.required {
            return Err(format!("`{}` needs an argument `{}`", self.name, self.parameters[count]));
        }
        if count > self.positional && !self.more {
            return Err(format!("`{}` takes fewer arguments", self.name));
        }
        Ok(())
    }

    /// The arguments of such a call, put in their places.
    pub fn given(&self, arguments: &[Value]) -> Outcome<Given> {
        if let Err(message) = self.takes(arguments.len()) {
            return wrong(message);
        }
        let (named, rest) = arguments.split_at(arguments.len().min(self.positional));
        let mut named: Vec<_> = named.iter().cloned().map(Some).collect();
        named.resize(self.parameters.len(), None);
        Ok(Given { named, rest: rest.to_vec() })
    }
}

/// The arguments of one call, one place for each parameter.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub named: Vec<Option<Value>>,
    pub rest: Vec<Value>,
}

impl Given {
    /// The argument at `position`.
    pub fn at(&self, position: usize) -> Option<&Value> {
        self.named.get(position).and_then(Option::as_ref)
    }

    /// Whether an argument is absent.
    pub fn any_absent(&self) -> bool {
        self.named.iter().flatten().chain(&self.rest).any(Value::is_absent)
    }
}
