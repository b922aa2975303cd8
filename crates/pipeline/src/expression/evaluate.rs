//! Evaluation: a program and a context give a value.

use std::sync::Arc;

use super::Context;
use super::bounds::{Budget, Outcome, list, rearranged, wrong};
use super::lookup::{self, Found};
use super::operators::{arithmetic, concatenated, holds, is_true, negated};
use super::print::{append, print};
use super::program::{Arguments, Bound, Expression, Loop, Node, Program, Statement, Target};
use super::signature::Given;
use crate::Value;
use crate::value::{List, Map};

/// One evaluation under way.
pub(super) struct Evaluator<'a> {
    context: &'a Context,
    /// The variables of the template; `None` is not set yet.
    locals: Vec<Option<Value>>,
    budget: &'a mut Budget,
}

/// Whether a text is still there: printing something absent ends it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Printed {
    All,
    Absent,
}

impl<'a> Evaluator<'a> {
    pub fn new(context: &'a Context, locals: usize, budget: &'a mut Budget) -> Evaluator<'a> {
        Evaluator { context, locals: vec![None; locals], budget }
    }

    pub fn run(&mut self, program: &Program) -> Outcome<Value> {
        match program {
            Program::Expression(expression) => self.value(expression),
            Program::Text(statements) => {
                let mut out = String::new();
                Ok(match self.print(statements, &mut out)? {
                    Printed::All => Value::from(out),
                    Printed::Absent => Value::Absent,
                })
            }
        }
    }

    /// The value of `expression`; what is missing is an error.
    pub fn value(&mut self, expression: &Expression) -> Outcome<Value> {
        match self.found(expression)? {
            Found::Value(value) => Ok(value),
            Found::Missing(missing) => wrong(missing.message(self.context)),
        }
    }

    /// The value of `expression`, or what is missing. Only paths, subscripts and what takes the first
    /// of nothing can be missing; everything around them asks for a value.
    fn found(&mut self, expression: &Expression) -> Outcome<Found> {
        self.budget.step()?;
        Ok(Found::Value(match &expression.node {
            Node::Path(path) => {
                self.budget.compare(path.fields.iter().map(|field| field.name.len()).sum())?;
                return Ok(lookup::path(path, self.context, &self.locals));
            }
            Node::Field { of, field } => return self.item(of, Value::from(&*field.name)),
            Node::Item { of, key } => {
                let key = self.value(key)?;
                return self.item(of, key);
            }
            Node::Constant(value) => value.clone(),
            Node::Slice { of, start, stop, step } => self.slice(of, [start, stop, step])?,
            Node::Not(of) => Value::Bool(!self.is_true(of)?),
            Node::Negate(of) => negated(self.value(of)?)?,
            Node::Arithmetic { operator, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                arithmetic(*operator, left, right, self.budget)?
            }
            Node::Compare { first, rest } => Value::Bool(self.compare(first, rest)?),
            Node::And(left, right) => {
                let left = self.value(left)?;
                if is_true(&left) { self.value(right)? } else { left }
            }
            Node::Or(left, right) => {
                let left = self.value(left)?;
                if is_true(&left) { left } else { self.value(right)? }
            }
            Node::Concatenate(parts) => {
                let parts = self.values(parts)?;
                concatenated(&parts, self.budget)?
            }
            Node::If { test, then, otherwise } => match (self.is_true(test)?, otherwise) {
                (true, _) => self.value(then)?,
                (false, Some(otherwise)) => self.value(otherwise)?,
                (false, None) => Value::Absent,
            },
            Node::Filter { filter, input, arguments } => {
                let input = match filter.takes_missing {
                    true => self.value_or_absent(input)?,
                    false => self.value(input)?,
                };
                let given = self.given(arguments)?;
                filter.call(input, &given, self.budget)?
            }
            Node::Test { predicate, input, arguments } => {
                let input = match predicate.takes_missing {
                    true => self.value_or_absent(input)?,
                    false => self.value(input)?,
                };
                let given = self.given(arguments)?;
                Value::Bool(predicate.call(&input, &given, self.budget)?)
            }
            Node::Call { function, arguments } => {
                let given = self.given(arguments)?;
                function.call(&given, self.budget)?
            }
            Node::List(items) => {
                let items = self.values(items)?;
                list(items, self.budget)?
            }
            Node::Map(entries) => self.map(entries)?,
        }))
    }

    fn value_or_absent(&mut self, expression: &Expression) -> Outcome<Value> {
        Ok(match self.found(expression)? {
            Found::Value(value) => value,
            Found::Missing(_) => Value::Absent,
        })
    }

    fn is_true(&mut self, expression: &Expression) -> Outcome<bool> {
        Ok(is_true(&self.value(expression)?))
    }

    fn values(&mut self, expressions: &[Expression]) -> Outcome<Vec<Value>> {
        expressions.iter().map(|expression| self.value(expression)).collect()
    }

    fn given(&mut self, arguments: &Arguments) -> Outcome<Given> {
        let mut named = Vec::with_capacity(arguments.named.len());
        for argument in &arguments.named {
            named.push(argument.as_ref().map(|argument| self.value(argument)).transpose()?);
        }
        Ok(Given { named, rest: self.values(&arguments.rest)? })
    }

    fn item(&mut self, of: &Expression, key: Value) -> Outcome<Found> {
        let value = match self.found(of)? {
            Found::Value(value) => value,
            missing => return Ok(missing),
        };
        let written = || match &of.node {
            Node::Path(path) => format!("`{}`", path.text(path.fields.len())),
            _ => "this value".to_owned(),
        };
        lookup::item(&value, &key, written, self.budget)
    }

    fn slice(&mut self, of: &Expression, bounds: [&Bound; 3]) -> Outcome<Value> {
        let value = self.value(of)?;
        let mut numbers = [None; 3];
        for (number, bound) in numbers.iter_mut().zip(bounds) {
            let Some(bound) = bound else { continue };
            *number = match self.value(bound)? {
                Value::Null => None,
                Value::Absent => return Ok(Value::Absent),
                given => match given.as_i64() {
                    Some(given) => Some(given),
                    None => {
                        return wrong(format!("a slice needs whole numbers, not {}", given.phrase()));
                    }
                },
            };
        }
        match value {
            Value::Absent => Ok(Value::Absent),
            Value::List(items) => {
                let chosen = chosen(items.len(), numbers)?.into_iter().map(|at| items[at].clone()).collect();
                rearranged(chosen, self.budget)
            }
            Value::Text(text) => {
                self.budget.text(text.len())?;
                let characters: Vec<char> = text.chars().collect();
                let chosen = chosen(characters.len(), numbers)?;
                Ok(Value::from(chosen.into_iter().map(|at| characters[at]).collect::<String>()))
            }
            other => wrong(format!("{} can't be cut into slices", other.phrase())),
        }
    }

    fn compare(
        &mut self,
        first: &Expression,
        rest: &[(super::program::Comparison, Expression)],
    ) -> Outcome<bool> {
        let mut left = self.value(first)?;
        for (comparison, right) in rest {
            let right = self.value(right)?;
            if !holds(*comparison, &left, &right, self.budget)? {
                return Ok(false);
            }
            left = right;
        }
        Ok(true)
    }

    fn map(&mut self, entries: &[(Expression, Expression)]) -> Outcome<Value> {
        let mut map = Map::new();
        for (key, value) in entries {
            let (key, value) = (self.value(key)?, self.value(value)?);
            if key.is_absent() || value.is_absent() {
                continue;
            }
            let Value::Text(key) = key else {
                return wrong(format!("the keys of an object are texts, not {}", key.phrase()));
            };
            map.insert(key.to_string(), value);
        }
        let map = Value::from(map);
        self.budget.hold(&map)?;
        Ok(map)
    }

    fn print(&mut self, statements: &[Statement], out: &mut String) -> Outcome<Printed> {
        for statement in statements {
            self.budget.step()?;
            let printed = match statement {
                Statement::Text(text) => {
                    append(text, out, self.budget)?;
                    Printed::All
                }
                Statement::Print(expression) => {
                    let value = self.value(expression)?;
                    if print(&value, out, self.budget)? { Printed::All } else { Printed::Absent }
                }
                Statement::If { test, then, otherwise } => {
                    let branch = if self.is_true(test)? { then } else { otherwise };
                    self.print(branch, out)?
                }
                Statement::For(each) => self.for_loop(each, out)?,
                Statement::Set { target, value } => {
                    let value = self.value(value)?;
                    self.assign(target, value)?;
                    Printed::All
                }
            };
            if printed == Printed::Absent {
                return Ok(Printed::Absent);
            }
        }
        Ok(Printed::All)
    }

    fn for_loop(&mut self, each: &Loop, out: &mut String) -> Outcome<Printed> {
        let list = self.value(&each.list)?;
        let items = self.items_of(list, each)?;
        if items.is_empty() {
            return self.print(&each.otherwise, out);
        }
        for (index, item) in items.iter().enumerate() {
            self.start_turn(each)?;
            self.assign(&each.target, item.clone())?;
            if let Some(slot) = each.state {
                self.budget.text(256)?;
                self.locals[slot] = Some(loop_state(index, items.len()));
            }
            if self.print(&each.body, out)? == Printed::Absent {
                return Ok(Printed::Absent);
            }
        }
        Ok(Printed::All)
    }

    /// The items that a loop goes over, those that its own `if` leaves out not among them.
    fn items_of(&mut self, list: Value, each: &Loop) -> Outcome<Arc<List>> {
        let items = match list {
            Value::List(items) => items,
            Value::Map(entries) => {
                self.budget.list(entries.len())?;
                Arc::new(entries.keys().map(|key| Value::from(key.as_str())).collect())
            }
            Value::Absent => Arc::default(),
            other => return wrong(format!("a loop needs a list, not {}", other.phrase())),
        };
        let Some(filter) = &each.filter else { return Ok(items) };
        let mut kept = Vec::new();
        for item in items.iter() {
            self.start_turn(each)?;
            self.assign(&each.target, item.clone())?;
            if self.is_true(filter)? {
                self.budget.list(1)?;
                kept.push(item.clone());
            }
        }
        Ok(Arc::new(kept.into()))
    }

    fn start_turn(&mut self, each: &Loop) -> Outcome<()> {
        self.budget.steps(each.fresh.len())?;
        for (slot, outside) in &each.fresh {
            self.locals[*slot] = outside.and_then(|outside| self.locals[outside].clone());
        }
        Ok(())
    }

    fn assign(&mut self, target: &Target, value: Value) -> Outcome<()> {
        match (target, value) {
            (Target::Local(slot), value) => self.locals[*slot] = Some(value),
            (Target::Parts(targets), Value::List(items)) if items.len() == targets.len() => {
                self.budget.steps(targets.len())?;
                for (target, item) in targets.iter().zip(items.iter()) {
                    self.assign(target, item.clone())?;
                }
            }
            (Target::Parts(targets), Value::Absent) => {
                self.budget.steps(targets.len())?;
                for target in targets {
                    self.assign(target, Value::Absent)?;
                }
            }
            (Target::Parts(targets), other) => {
                let count = targets.len();
                return wrong(format!("{} can't be unpacked into {count} names", other.phrase()));
            }
        }
        Ok(())
    }
}

/// What `loop` is in the turn at `index`.
fn loop_state(index: usize, length: usize) -> Value {
    Value::map([
        ("index", Value::from(index + 1)),
        ("index0", Value::from(index)),
        ("revindex", Value::from(length - index)),
        ("revindex0", Value::from(length - index - 1)),
        ("first", Value::Bool(index == 0)),
        ("last", Value::Bool(index + 1 == length)),
        ("length", Value::from(length)),
    ])
}

/// The positions that `[start:stop:step]` chooses of `length`, as in Python.
fn chosen(length: usize, [start, stop, step]: [Option<i64>; 3]) -> Outcome<Vec<usize>> {
    let step = step.unwrap_or(1);
    if step == 0 {
        return wrong("a slice can't have steps of zero");
    }
    let whole = i64::try_from(length).unwrap_or(i64::MAX);
    let from_end = |at: i64| if at < 0 { at.saturating_add(whole) } else { at };
    let (low, high) = if step > 0 { (0, whole) } else { (-1, whole - 1) };
    let start = start.map_or(if step > 0 { 0 } else { whole - 1 }, |at| from_end(at).clamp(low, high));
    let stop = stop.map_or(if step > 0 { whole } else { -1 }, |at| from_end(at).clamp(low, high));
    let mut positions = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        positions.extend(usize::try_from(at));
        at = at.saturating_add(step);
    }
    Ok(positions)
}
