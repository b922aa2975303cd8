//! Inference: the type of an expression, and the names in it that certainly aren't there.

use std::ops::Range;

use super::compile::FAULTS_MAX;
use super::habits;
use super::program::{
    Arguments, Compiled, Expression, Loop, Node, Operator, Path, Program, Root, Statement, Target,
};
use super::signature::Signature;
use super::{Fault, Telling, TypeScope};
use crate::diagnostic::Code;
use crate::suggestion::{closest, listed};
use crate::{Type, Value};

/// The type of a compiled scalar, and its faults in the order of the text.
pub(super) fn infer(compiled: &Compiled, names: &TypeScope, telling: Telling) -> (Type, Vec<Fault>) {
    let mut inference = Inference { names, telling, locals: vec![None; compiled.locals], faults: Vec::new() };
    let ty = match &compiled.program {
        Program::Expression(expression) => inference.expression(expression),
        Program::Text(statements) => {
            inference.statements(statements);
            Type::Text
        }
    };
    inference.faults.sort_by_key(|fault| fault.span.start);
    inference.faults.dedup();
    (ty, inference.faults)
}

struct Inference<'n> {
    names: &'n TypeScope,
    telling: Telling,
    /// The types of the template's variables; `None` is not set yet.
    locals: Vec<Option<Type>>,
    faults: Vec<Fault>,
}

impl Inference<'_> {
    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            match statement {
                Statement::Text(_) => {}
                Statement::Print(expression) => {
                    self.expression(expression);
                }
                Statement::If { test, then, otherwise } => {
                    self.expression(test);
                    self.statements(then);
                    self.statements(otherwise);
                }
                Statement::For(each) => self.for_loop(each),
                Statement::Set { target, value } => {
                    let ty = self.expression(value);
                    self.assign(target, ty);
                }
            }
        }
    }

    fn for_loop(&mut self, each: &Loop) {
        let list = self.expression(&each.list);
        for (slot, outside) in &each.fresh {
            self.locals[*slot] = outside.and_then(|outside| self.locals[outside].clone());
        }
        let item = match list {
            Type::Object { .. } | Type::Map(_) => Type::Text,
            list => {
                if is_single(&list) {
                    self.fails(&each.list.span, format!("a loop needs a list, not {}", list.phrase()));
                }
                item_of(&list)
            }
        };
        self.assign(&each.target, item);
        if let Some(slot) = each.state {
            self.locals[slot] = Some(loop_type());
        }
        if let Some(filter) = &each.filter {
            self.expression(filter);
        }
        self.statements(&each.body);
        self.statements(&each.otherwise);
    }

    fn assign(&mut self, target: &Target, ty: Type) {
        match target {
            // A variable may have been set in another branch: then it is one of both.
            Target::Local(slot) => {
                let before = self.locals[*slot].take();
                self.locals[*slot] = Some(Type::one_of(before.into_iter().chain([ty])));
            }
            Target::Parts(targets) => targets.iter().for_each(|target| self.assign(target, item_of(&ty))),
        }
    }

    fn expression(&mut self, expression: &Expression) -> Type {
        match &expression.node {
            Node::Constant(value) => Type::of(value),
            Node::Path(path) => self.path(path),
            Node::Field { of, field } => {
                let of = self.expression(of);
                self.field(&of, &field.name, &field.span, "this value")
            }
            Node::Item { of, key } => {
                let of = self.expression(of);
                match (self.expression(key), of) {
                    (Type::Integer | Type::Number, of) => item_of(&of),
                    (Type::Text, Type::Map(item)) => Type::clone(&item),
                    _ => Type::Any,
                }
            }
            Node::Slice { of, .. } => {
                self.parts(expression);
                self.expression(of)
            }
            Node::And(left, right) | Node::Or(left, right) => {
                let types = [self.expression(left), self.expression(right)];
                Type::one_of(types)
            }
            Node::If { test, then, otherwise } => {
                self.expression(test);
                let then = self.expression(then);
                let otherwise = otherwise.as_ref().map(|otherwise| self.expression(otherwise));
                Type::one_of([then].into_iter().chain(otherwise))
            }
            Node::Arithmetic { operator, left, right } => {
                let (left, right) = (self.expression(left), self.expression(right));
                if !can_calculate(*operator, &left, &right) {
                    self.fails(&expression.span, operator.misfit(&left.phrase(), &right.phrase()));
                    // It still gives something where one side is absent.
                    return Type::Any;
                }
                calculated(*operator, left, right)
            }
            Node::Compare { first, rest } => {
                let mut left = self.expression(first);
                for (comparison, right) in rest {
                    let right = self.expression(right);
                    if comparison.is_by_order() && !can_order(&left, &right) {
                        let (left, right) = (left.phrase(), right.phrase());
                        self.fails(&expression.span, format!("{left} can't be compared with {right}"));
                    }
                    left = right;
                }
                Type::Boolean
            }
            Node::Negate(of) => match self.expression(of) {
                ty @ (Type::Integer | Type::Number) => ty,
                _ => Type::Number,
            },
            Node::Not(_) | Node::Test { .. } => {
                self.parts(expression);
                Type::Boolean
            }
            Node::Concatenate(_) => {
                self.parts(expression);
                Type::Text
            }
            Node::Call { .. } => {
                self.parts(expression);
                Type::list(Type::Integer)
            }
            Node::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.expression(item)).collect();
                Type::list(Type::one_of(items))
            }
            Node::Map(entries) => self.object(entries),
            Node::Filter { filter, input, arguments } => {
                let input = self.expression(input);
                let types: Vec<_> = arguments.iter().map(|argument| self.expression(argument)).collect();
                let attribute = self.attribute(&filter.signature, &item_of(&input), arguments);
                filtered(filter.signature.name, input, attribute, arguments, &types)
            }
        }
    }

    fn parts(&mut self, expression: &Expression) {
        let mut parts = Vec::new();
        expression.for_each_part(&mut |part| parts.push(part));
        parts.into_iter().for_each(|part| {
            self.expression(part);
        });
    }

    fn object(&mut self, entries: &[(Expression, Expression)]) -> Type {
        let mut fields = std::collections::BTreeMap::new();
        let mut open = false;
        for (key, value) in entries {
            let ty = self.expression(value);
            match &key.node {
                Node::Constant(Value::Text(name)) => {
                    fields.insert(name.to_string(), ty);
                }
                _ => {
                    self.expression(key);
                    open = true;
                }
            }
        }
        Type::inferred(fields, open)
    }

    fn path(&mut self, path: &Path) -> Type {
        let (mut ty, known) = match self.root(path) {
            Some(found) => found,
            None => return Type::Any,
        };
        for (index, field) in path.fields.iter().enumerate().skip(known) {
            ty = self.field(&ty, &field.name, &field.span, &format!("`{}`", path.text(index)));
        }
        ty
    }

    /// The type that a path starts at, and how many fields it took to get there.
    fn root(&mut self, path: &Path) -> Option<(Type, usize)> {
        match &path.root {
            Root::Local { slot, .. } => Some((self.locals[*slot].clone().unwrap_or(Type::Any), 0)),
            Root::Name(name) => match self.names.values.get(&**name) {
                Some(ty) => Some((ty.clone(), 0)),
                None => {
                    let known = self.names.values.keys().map(String::as_str).chain(["steps"]);
                    self.unknown(
                        Code::UnknownName,
                        format!("there is no name `{name}`"),
                        name,
                        known,
                        &path.span,
                    );
                    None
                }
            },
            Root::Step(name) => match self.names.steps.get(&**name) {
                Some(ty) => Some(match path.fields.first().map(|field| &*field.name) {
                    Some("status") => (Type::Text, 1),
                    Some("error") => (Type::object([("class", Type::Text), ("message", Type::Text)]), 1),
                    _ => (ty.clone(), 0),
                }),
                None => {
                    let known = self.names.steps.keys().map(String::as_str);
                    self.unknown(
                        Code::UnknownStep,
                        format!("there is no step `{name}`"),
                        name,
                        known,
                        &path.span,
                    );
                    None
                }
            },
        }
    }

    fn field(&mut self, of: &Type, name: &str, span: &Range<usize>, written: &str) -> Type {
        if let Some(ty) = of.field(name) {
            return ty;
        }
        let known = of.field_names();
        let message = match of {
            Type::Object { .. } => format!("{written} has no `{name}`"),
            other => format!("{written} is {}, which has no `{name}`", other.phrase()),
        };
        match habits::filter(name).filter(|_| known.is_empty()) {
            Some(filter) => self.fault(Code::UnknownField, span, format!("{message}; write `… | {filter}`")),
            None => self.unknown(Code::UnknownField, message, name, known.into_iter(), span),
        }
        Type::Any
    }

    /// What `map(attribute='a.b')`, `sort`, `selectattr` and others look at in each item, if they do.
    fn attribute(&mut self, signature: &Signature, item: &Type, arguments: &Arguments) -> Option<Type> {
        let given = |name: &str| arguments.named.get(signature.position(name).ok()?)?.as_ref();
        let argument = given("attribute")?;
        // A default is for items that lack it.
        let Node::Constant(Value::Text(attribute)) = &argument.node else { return Some(Type::Any) };
        if given("default").is_some() {
            return Some(Type::Any);
        }
        let mut ty = item.clone();
        for name in attribute.split('.') {
            ty = match (&ty, name.parse::<i64>()) {
                (Type::List(_) | Type::Text, Ok(_)) => item_of(&ty),
                _ => self.field(&ty, name, &argument.span, "an item of this list"),
            };
        }
        Some(ty)
    }

    /// Reports what fails whenever it is evaluated with all that it needs.
    fn fails(&mut self, span: &Range<usize>, message: String) {
        self.fault(Code::FailingExpression, span, message);
    }

    fn fault(&mut self, code: Code, span: &Range<usize>, message: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { code, message, span: span.clone(), suggestion: None });
        }
    }

    fn unknown<'a>(
        &mut self,
        code: Code,
        mut message: String,
        name: &str,
        known: impl Iterator<Item = &'a str> + Clone,
        span: &Range<usize>,
    ) {
        if self.faults.len() >= FAULTS_MAX {
            return;
        }
        if self.telling == Telling::Briefly {
            return self.faults.push(Fault { code, message, span: span.clone(), suggestion: None });
        }
        let suggestion = closest(name, known.clone()).map(str::to_owned);
        if suggestion.is_none() && known.clone().next().is_some() {
            message.push_str(&format!(", only {}", listed(known)));
        }
        self.faults.push(Fault { code, message, span: span.clone(), suggestion });
    }
}

/// The type of an item of something of type `list`.
fn item_of(list: &Type) -> Type {
    match list {
        Type::List(item) => Type::clone(item),
        Type::Text => Type::Text,
        Type::OneOf(options) => {
            let lists =
                options.iter().filter(|option| matches!(option, Type::List(_) | Type::Text | Type::Any));
            Type::one_of(lists.map(item_of).collect::<Vec<_>>())
        }
        _ => Type::Any,
    }
}

fn loop_type() -> Type {
    let numbers = ["index", "index0", "revindex", "revindex0", "length"].map(|name| (name, Type::Integer));
    Type::object(numbers.into_iter().chain([("first", Type::Boolean), ("last", Type::Boolean)]))
}

/// Whether a value of this type is certainly no list and no object.
fn is_single(ty: &Type) -> bool {
    !matches!(ty, Type::Any | Type::OneOf(_) | Type::List(_) | Type::Object { .. } | Type::Map(_))
}

/// Whether the type says too little to refuse anything.
fn is_open(ty: &Type) -> bool {
    matches!(ty, Type::Any | Type::OneOf(_))
}

fn is_number(ty: &Type) -> bool {
    matches!(ty, Type::Integer | Type::Number)
}

/// Whether the operator may work on values of these types.
fn can_calculate(operator: Operator, left: &Type, right: &Type) -> bool {
    let repeats = |what: &Type, times: &Type| matches!(what, Type::Text | Type::List(_)) && is_number(times);
    match (operator, left, right) {
        (_, left, right) if is_open(left) || is_open(right) => true,
        (_, left, right) if is_number(left) && is_number(right) => true,
        (Operator::Add, Type::Text, Type::Text) | (Operator::Add, Type::List(_), Type::List(_)) => true,
        (Operator::Multiply, left, right) => repeats(left, right) || repeats(right, left),
        _ => false,
    }
}

/// Whether a value of one type may come before or after one of the other.
fn can_order(left: &Type, right: &Type) -> bool {
    match (left, right) {
        (left, right) if is_open(left) || is_open(right) => true,
        (Type::Text, Type::Text) | (Type::Boolean, Type::Boolean) | (Type::List(_), Type::List(_)) => true,
        (left, right) => is_number(left) && is_number(right),
    }
}

fn calculated(operator: Operator, left: Type, right: Type) -> Type {
    match (operator, left, right) {
        (_, Type::Any | Type::OneOf(_), _) | (_, _, Type::Any | Type::OneOf(_)) => Type::Any,
        (Operator::Add, Type::Text, Type::Text) => Type::Text,
        (Operator::Add, Type::List(left), Type::List(right)) => {
            Type::list(Type::one_of([Type::clone(&left), Type::clone(&right)]))
        }
        (Operator::Multiply, repeated @ (Type::Text | Type::List(_)), _) => repeated,
        (Operator::Multiply, _, repeated @ (Type::Text | Type::List(_))) => repeated,
        (Operator::Divide | Operator::Power, _, _) => Type::Number,
        (_, Type::Integer, Type::Integer) => Type::Integer,
        _ => Type::Number,
    }
}

/// What the filter called `name` gives for `input`; `attribute` is what it looks at in each item, if it does.
fn filtered(name: &str, input: Type, attribute: Option<Type>, arguments: &Arguments, types: &[Type]) -> Type {
    match name {
        "default" | "d" => Type::one_of([input].into_iter().chain(types.first().cloned())),
        "length" | "count" | "wordcount" => Type::Integer,
        "upper" | "lower" | "title" | "capitalize" | "trim" | "replace" | "truncate" | "indent"
        | "urlencode" | "string" | "slug" | "tojson" | "join" | "format" => Type::Text,
        "words" if types.is_empty() => Type::list(Type::Text),
        "words" => Type::Text,
        "lines" | "split" | "keys" => Type::list(Type::Text),
        "int" if types.is_empty() => Type::Integer,
        "float" if types.is_empty() => Type::Number,
        "round" | "abs" if input == Type::Integer => Type::Integer,
        "round" | "abs" => Type::Number,
        "first" | "last" | "min" | "max" => item_of(&input),
        "sort" | "unique" | "select" | "reject" | "selectattr" | "rejectattr" | "list" => match input {
            Type::Object { .. } | Type::Map(_) => Type::list(Type::Text),
            other => Type::list(item_of(&other)),
        },
        "reverse" if matches!(input, Type::Text | Type::List(_)) => input,
        "batch" | "slice" => Type::list(Type::list(item_of(&input))),
        "flatten" => Type::list(item_of(&item_of(&input))),
        "items" | "dictsort" => Type::list(Type::list(Type::Any)),
        "groupby" => {
            let items = Type::list(item_of(&input));
            Type::list(Type::list(Type::one_of([attribute.unwrap_or(Type::Any), items])))
        }
        "map" => Type::list(attribute.unwrap_or_else(|| mapped(&item_of(&input), arguments))),
        "values" => match input {
            Type::Map(item) => Type::list(Type::clone(&item)),
            _ => Type::list(Type::Any),
        },
        _ => Type::Any,
    }
}

/// What `map('filter')` makes of an item.
fn mapped(item: &Type, arguments: &Arguments) -> Type {
    let named = arguments.named.first().and_then(Option::as_ref);
    match named.map(|argument| &argument.node) {
        Some(Node::Constant(Value::Text(filter))) if arguments.rest.is_empty() => {
            filtered(filter, item.clone(), None, &Arguments::default(), &[])
        }
        _ => Type::Any,
    }
}
