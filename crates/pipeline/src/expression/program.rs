//! Programs: a template after compilation.

use std::ops::Range;
use std::sync::Arc;

use super::filters::Filter;
use super::functions::Function;
use super::predicates::Predicate;
use crate::Value;

/// An expression with its place in the scalar's text (bytes).
#[derive(Debug)]
pub(super) struct Expression {
    pub node: Node,
    pub span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Node {
    Constant(Value),
    Path(Path),
    Field { of: Box<Expression>, field: Field },
    Item { of: Box<Expression>, key: Box<Expression> },
    Slice { of: Box<Expression>, start: Bound, stop: Bound, step: Bound },
    Not(Box<Expression>),
    Negate(Box<Expression>),
    Arithmetic { operator: Operator, left: Box<Expression>, right: Box<Expression> },
    Compare { first: Box<Expression>, rest: Vec<(Comparison, Expression)> },
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Concatenate(Vec<Expression>),
    If { test: Box<Expression>, then: Box<Expression>, otherwise: Option<Box<Expression>> },
    Filter { filter: &'static Filter, input: Box<Expression>, arguments: Arguments },
    Test { predicate: &'static Predicate, input: Box<Expression>, arguments: Arguments },
    Call { function: &'static Function, arguments: Arguments },
    List(Vec<Expression>),
    Map(Vec<(Expression, Expression)>),
}

/// One of the three numbers of a slice.
pub(super) type Bound = Option<Box<Expression>>;

/// A name and the fields asked of it: `steps.still.image.width`.
#[derive(Debug)]
pub(super) struct Path {
    pub root: Root,
    /// Where the root's own name stands.
    pub span: Range<usize>,
    pub fields: Vec<Field>,
}

/// A field of a path, and where its name stands.
#[derive(Debug)]
pub(super) struct Field {
    pub name: Box<str>,
    pub span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Root {
    /// `inputs`, `run`, `item`, …
    Name(Box<str>),
    /// `steps.<name>`.
    Step(Box<str>),
    /// A variable of the template.
    Local { slot: usize, name: Box<str> },
}

impl Path {
    /// All of its names; nothing if it begins with a variable.
    pub fn names(&self) -> Option<Vec<&str>> {
        let mut names = match &self.root {
            Root::Name(name) => vec![&**name],
            Root::Step(name) => vec!["steps", name],
            Root::Local { .. } => return None,
        };
        names.extend(self.fields.iter().map(|field| &*field.name));
        Some(names)
    }

    /// The first `count` fields and what is before them, as written.
    pub fn text(&self, count: usize) -> String {
        let mut text = match &self.root {
            Root::Name(name) | Root::Local { name, .. } => name.to_string(),
            Root::Step(name) => format!("steps.{name}"),
        };
        for field in &self.fields[..count] {
            text.push('.');
            text.push_str(&field.name);
        }
        text
    }
}

/// Arguments, one place for each parameter of the signature.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub named: Vec<Option<Expression>>,
    /// What comes after them, where the signature takes more.
    pub rest: Vec<Expression>,
}

impl Arguments {
    pub fn iter(&self) -> impl Iterator<Item = &Expression> {
        self.named.iter().flatten().chain(&self.rest)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

/// A text with expressions or statements in it.
#[derive(Debug)]
pub(super) enum Statement {
    Text(Arc<str>),
    Print(Expression),
    If { test: Expression, then: Vec<Statement>, otherwise: Vec<Statement> },
    For(Box<Loop>),
    Set { target: Target, value: Expression },
}

#[derive(Debug)]
pub(super) struct Loop {
    pub target: Target,
    pub list: Expression,
    pub filter: Option<Expression>,
    pub body: Vec<Statement>,
    pub otherwise: Vec<Statement>,
    /// Where `loop` is kept, if the body uses it.
    pub state: Option<usize>,
    /// Variables of the body. Each turn they start as the variable of the same name outside, if any.
    pub fresh: Vec<(usize, Option<usize>)>,
}

/// What a value is assigned to.
#[derive(Debug)]
pub(super) enum Target {
    Local(usize),
    /// `for key, value in …`
    Parts(Vec<Target>),
}

/// A compiled scalar.
#[derive(Debug)]
pub(super) enum Program {
    Expression(Expression),
    Text(Vec<Statement>),
}

/// A compiled scalar with the number of its variables.
#[derive(Debug)]
pub(super) struct Compiled {
    /// The text it was made from.
    pub source: Box<str>,
    pub program: Program,
    pub locals: usize,
}

impl Program {
    /// The paths that it prints, if it does nothing but print them and plain text.
    pub fn paths(&self) -> Option<Vec<Vec<&str>>> {
        match self {
            Program::Expression(expression) => Some(vec![expression.path()?]),
            Program::Text(statements) => {
                let mut paths = Vec::new();
                for statement in statements {
                    match statement {
                        Statement::Text(_) => {}
                        Statement::Print(expression) => paths.push(expression.path()?),
                        _ => return None,
                    }
                }
                Some(paths)
            }
        }
    }

    /// Whether it prints one expression and nothing else.
    pub fn is_one_print(&self) -> bool {
        matches!(self, Program::Text(statements) if matches!(&statements[..], [Statement::Print(_)]))
    }
}

impl Expression {
    /// The names of the path that it is.
    fn path(&self) -> Option<Vec<&str>> {
        match &self.node {
            Node::Path(path) => path.names(),
            _ => None,
        }
    }

    /// Calls `visit` for the expressions directly in this one, in the order of the text, mostly.
    pub fn for_each_part<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        match &self.node {
            Node::Constant(_) | Node::Path(_) => {}
            Node::Field { of, .. } | Node::Not(of) | Node::Negate(of) => visit(of),
            Node::Item { of, key } => {
                visit(of);
                visit(key);
            }
            Node::Slice { of, start, stop, step } => {
                visit(of);
                [start, stop, step].into_iter().flatten().for_each(|part| visit(part));
            }
            Node::Arithmetic { left, right, .. } | Node::And(left, right) | Node::Or(left, right) => {
                visit(left);
                visit(right);
            }
            Node::Compare { first, rest } => {
                visit(first);
                rest.iter().for_each(|(_, part)| visit(part));
            }
            Node::Concatenate(parts) | Node::List(parts) => parts.iter().for_each(visit),
            Node::If { test, then, otherwise } => {
                visit(then);
                visit(test);
                otherwise.iter().for_each(|part| visit(part));
            }
            Node::Filter { input, arguments, .. } | Node::Test { input, arguments, .. } => {
                visit(input);
                arguments.iter().for_each(visit);
            }
            Node::Call { arguments, .. } => arguments.iter().for_each(visit),
            Node::Map(entries) => {
                for (key, value) in entries {
                    visit(key);
                    visit(value);
                }
            }
        }
    }

    /// Whether the value is the same whatever the context and the variables are.
    pub fn is_static(&self) -> bool {
        if matches!(self.node, Node::Path(_)) {
            return false;
        }
        let mut all = true;
        self.for_each_part(&mut |part| all = all && part.is_static());
        all
    }

    /// Calls `visit` for every path in the expression.
    pub fn for_each_path<'a>(&'a self, visit: &mut dyn FnMut(&'a Path, &Range<usize>)) {
        if let Node::Path(path) = &self.node {
            visit(path, &self.span);
        }
        self.for_each_part(&mut |part| part.for_each_path(visit));
    }
}

impl Statement {
    /// Calls `visit` for every path in the statement.
    fn for_each_path<'a>(&'a self, visit: &mut dyn FnMut(&'a Path, &Range<usize>)) {
        match self {
            Statement::Text(_) => {}
            Statement::Print(expression) => expression.for_each_path(visit),
            Statement::Set { value, .. } => value.for_each_path(visit),
            Statement::If { test, then, otherwise } => {
                test.for_each_path(visit);
                then.iter().chain(otherwise).for_each(|statement| statement.for_each_path(visit));
            }
            Statement::For(each) => {
                each.list.for_each_path(visit);
                each.filter.iter().for_each(|filter| filter.for_each_path(visit));
                each.body.iter().chain(&each.otherwise).for_each(|statement| statement.for_each_path(visit));
            }
        }
    }
}

impl Program {
    /// Calls `visit` for every path in the program.
    pub fn for_each_path<'a>(&'a self, visit: &mut dyn FnMut(&'a Path, &Range<usize>)) {
        match self {
            Program::Expression(expression) => expression.for_each_path(visit),
            Program::Text(statements) => {
                statements.iter().for_each(|statement| statement.for_each_path(visit));
            }
        }
    }
}
