//! What an operation refuses beyond types and bounds: of one input, and of several together.

use super::{Contract, Sketches};
use crate::{Failure, Value};

/// Says what is wrong with the value of one input, beyond type and bounds: a pure function of its name
/// and value, which holds for every value of that input, whatever else is given.
#[derive(Clone, Copy)]
pub struct Judge(pub fn(&str, &Value) -> Result<(), String>);

impl PartialEq for Judge {
    fn eq(&self, other: &Judge) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Judge")
    }
}

/// Says what is wrong with several inputs together, or with a value that is known in parts.
#[derive(Clone)]
pub struct Rule {
    /// Their names: it holds whatever is given beside them.
    pub names: &'static [&'static str],
    /// A pure function of what is known of them. It refuses only what can't work whatever becomes of the rest: the check asks
    /// it, and so does the step.
    pub judge: fn(&Sketches) -> Result<(), Failure>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.names == other.names && std::ptr::fn_addr_eq(self.judge, other.judge)
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rule({:?})", self.names)
    }
}

/// Which outputs are there when an operation succeeds, as far as that follows from its inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Those that are there for certain.
    pub certain: Vec<&'static str>,
    /// Those that are absent for certain.
    pub never: Vec<&'static str>,
}

impl Outputs {
    /// Those that are there for certain; of all others nothing is known.
    pub fn of(certain: impl IntoIterator<Item = &'static str>) -> Outputs {
        Outputs { certain: certain.into_iter().collect(), never: Vec::new() }
    }

    /// Of `all`, only this one is there.
    pub fn only(one: &'static str, all: impl IntoIterator<Item = &'static str>) -> Outputs {
        let never = all.into_iter().filter(|name| *name != one).collect();
        Outputs { certain: vec![one], never }
    }
}

/// Says which outputs are there whenever the operation succeeds: a pure function of what is known of its inputs.
#[derive(Clone, Copy)]
pub struct Promise(pub fn(&Sketches) -> Outputs);

impl PartialEq for Promise {
    fn eq(&self, other: &Promise) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl std::fmt::Debug for Promise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Promise")
    }
}

/// Inputs of which one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Their names.
    pub names: Vec<String>,
    /// Whether the operation can't do without any of them.
    pub is_needed: bool,
    /// Whether more than one of them is refused.
    pub is_exclusive: bool,
}

/// Why a choice isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchosen {
    /// None is given.
    None,
    /// Several are given for certain.
    Several,
}

impl Choice {
    /// What is wrong with what is `given` for certain, if anything.
    pub fn unchosen(&self, given: &Sketches) -> Option<Unchosen> {
        let is_given = |name: &&String| given.get(name).is_some();
        if self.is_needed && !self.names.iter().any(|name| is_given(&name)) {
            return Some(Unchosen::None);
        }
        let certain = self.names.iter().filter(|name| given.is_there(name)).count();
        (self.is_exclusive && certain > 1).then_some(Unchosen::Several)
    }

    /// The same in words, for `operation`.
    pub fn refusal(&self, operation: &str, unchosen: Unchosen) -> String {
        let names = either(&self.names);
        match unchosen {
            Unchosen::None => format!("{operation} needs {names}"),
            Unchosen::Several => format!("{operation} takes {names}, and no more than one of them"),
        }
    }
}

impl Contract {
    /// Why the operation refuses inputs of which this much is known, beyond types and bounds, if it does. A step asks it
    /// once more when all of them are known.
    ///
    /// ```
    /// use motet_pipeline::contract::{Contract, Sketches, Work};
    /// use motet_pipeline::Value;
    /// let contract = Contract::new("media/retime", Work::Processor).exactly_one(&["speed", "duration"]);
    /// let both = ["speed", "duration"].map(|name| (name.to_owned(), Value::from(2_i64)));
    /// assert_eq!(
    ///     contract.refusal(&Sketches::of(&both.into())).unwrap().message,
    ///     "media/retime takes `speed` or `duration`, and no more than one of them"
    /// );
    /// ```
    pub fn refusal(&self, given: &Sketches) -> Option<Failure> {
        let unchosen = |choice: &Choice| Some(choice.refusal(&self.operation, choice.unchosen(given)?));
        if let Some(message) = self.choices.iter().find_map(unchosen) {
            return Some(Failure::invalid(message));
        }
        let judged = given.names().filter_map(|name| Some((name, given.get(name)?.value()?)));
        let mut judged = judged.filter_map(|(name, value)| (self.judge?.0)(name, value).err());
        if let Some(message) = judged.next() {
            return Some(Failure::invalid(message));
        }
        self.rules.iter().find_map(|rule| (rule.judge)(&given.only(rule.names)).err())
    }

    /// The outputs that are there for certain if the operation succeeds with such inputs, and those that never are. An output
    /// that may be anything may be null.
    pub fn promised(&self, given: &Sketches) -> (Vec<&str>, Vec<&str>) {
        match self.promise {
            Some(promise) => {
                let Outputs { certain, never } = (promise.0)(given);
                (certain, never)
            }
            // Without any of its outputs it hasn't succeeded.
            None => match self.outputs.iter().next() {
                Some((name, ty)) if self.outputs.len() == 1 && !ty.is_optional() => (vec![name], Vec::new()),
                _ => Default::default(),
            },
        }
    }
}

/// Names with "or" between them.
fn either(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
