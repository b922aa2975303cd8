//! Compilation: minijinja's tree becomes a [`Program`], or a list of all that is wrong with it.

mod calls;
mod expressions;
mod scopes;
mod statements;

use std::ops::Range;
use std::sync::LazyLock;

use minijinja::machinery::{Span, ast, parse};
use minijinja::syntax::SyntaxConfig;

use super::bounds::{Budget, Cause, Failure, TEXT_BYTES_MAX};
use super::evaluate::Evaluator;
use super::program::{Compiled, Expression, Node, Program, Statement};
use super::{Context, Fault, habits, nesting};
use crate::Value;
use crate::diagnostic::Code;
use scopes::Scopes;

/// What a scalar with markers is.
pub(super) enum Scalar {
    /// The same in every run.
    Constant(Value),
    Compiled(Compiled),
}

/// What is made of a scalar that is exactly one expression.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Its value.
    Own,
    /// Text.
    Text,
}

/// Values above this many units are worked out in each evaluation rather than kept in the template.
const KEPT_UNITS_MAX: u64 = 4096;
/// So are those that hold more than this for each byte of what they are made from: a file takes memory by
/// its size.
const KEPT_UNITS_A_BYTE: u64 = 16;

/// How many faults of one template are reported.
pub(super) const FAULTS_MAX: usize = 32;

static SYNTAX: LazyLock<SyntaxConfig> = LazyLock::new(|| {
    SyntaxConfig::builder().keep_trailing_newline(true).build().expect("the usual delimiters differ")
});

/// Compiles the text of a scalar.
pub(super) fn compile(source: &str, form: Form) -> Result<Scalar, Vec<Fault>> {
    if source.len() > TEXT_BYTES_MAX {
        return Err(vec![Fault {
            code: Code::Runaway,
            message: format!("a text with expressions may have at most {TEXT_BYTES_MAX} bytes"),
            span: 0..0,
            suggestion: None,
        }]);
    }
    nesting::check(source, &SYNTAX).map_err(|fault| vec![fault])?;
    let tree = parse(source, "", SYNTAX.clone()).map_err(|error| vec![syntax_fault(source, &error)])?;
    let ast::Stmt::Template(template) = &tree else { unreachable!("the root of a template is a template") };
    let mut compiler = Compiler::new(source);
    let only = only_expression(&template.children).filter(|_| form == Form::Own);
    let program = match only {
        Some(expression) => Program::Expression(compiler.expression(expression)),
        None => Program::Text(compiler.statements(&template.children)),
    };
    compiler.finish(program)
}

/// The expression of a scalar that is exactly one, aside from the line breaks around it that a block of text
/// has.
fn only_expression<'a, 's>(children: &'a [ast::Stmt<'s>]) -> Option<&'a ast::Expr<'s>> {
    let mut found = None;
    for child in children {
        match child {
            ast::Stmt::EmitRaw(raw) if raw.raw.chars().all(|character| matches!(character, '\n' | '\r')) => {}
            ast::Stmt::EmitExpr(emit) if found.is_none() => found = Some(&emit.expr),
            _ => return None,
        }
    }
    found
}

fn syntax_fault(source: &str, error: &minijinja::Error) -> Fault {
    let range = error.range();
    let habit = range.as_ref().and_then(|range| habits::operator_near(source, range.start));
    let (span, message) = habit.unwrap_or_else(|| {
        let detail = error.detail().unwrap_or("this can't be read");
        (range.unwrap_or(0..source.len()), detail.to_owned())
    });
    Fault { code: Code::ExpressionSyntax, message, span: within(source, span), suggestion: None }
}

/// `span`, moved to character boundaries inside the text: the parser's spans at the end of a text
/// reach beyond it.
fn within(source: &str, span: Range<usize>) -> Range<usize> {
    let start = source.floor_char_boundary(span.start);
    start..source.ceil_char_boundary(span.end.max(start)).min(source.len())
}

/// Turns one tree into a program.
struct Compiler<'s> {
    source: &'s str,
    faults: Vec<Fault>,
    scopes: Scopes,
    /// For what is worked out already now.
    budget: Budget,
}

impl<'s> Compiler<'s> {
    fn new(source: &'s str) -> Compiler<'s> {
        Compiler {
            source,
            faults: Vec::new(),
            scopes: Scopes::default(),
            budget: Budget::of_compilation(source.len()),
        }
    }

    fn fault(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) {
        self.fault_with(code, span, message, None);
    }

    fn fault_with(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        suggestion: Option<&str>,
    ) {
        if self.faults.len() >= FAULTS_MAX {
            return;
        }
        let span = within(self.source, span);
        let suggestion = suggestion.map(str::to_owned);
        self.faults.push(Fault { code, message: message.into(), span, suggestion });
    }

    /// Works a static expression out already now: it gets cheaper, and what runs away is found.
    fn folded(&mut self, expression: Expression) -> Expression {
        if matches!(expression.node, Node::Constant(_)) || !expression.is_static() {
            return expression;
        }
        let context = Context::default();
        match Evaluator::new(&context, 0, &mut self.budget).value(&expression) {
            Ok(value) if is_kept(&value, expression.span.len()) => {
                Expression { node: Node::Constant(value), ..expression }
            }
            Ok(_) => expression,
            Err(Failure { cause: Cause::Size, message }) => {
                self.fault(Code::Runaway, expression.span.clone(), message);
                // One fault is enough: nothing that holds this is worked out again.
                Expression { node: Node::Constant(Value::Null), ..expression }
            }
            // What fails may stand in a branch that is never taken; what is a lot of work is left to
            // the evaluation.
            Err(_) => expression,
        }
    }

    fn finish(mut self, program: Program) -> Result<Scalar, Vec<Fault>> {
        let is_static = match &program {
            Program::Expression(expression) => expression.is_static(),
            Program::Text(statements) => statements.iter().all(is_plain),
        };
        let locals = self.scopes.slots();
        if is_static && self.faults.is_empty() {
            let context = Context::default();
            let span = 0..self.source.len();
            let mut budget = Budget::of_compilation(self.source.len());
            match Evaluator::new(&context, locals, &mut budget).run(&program) {
                Ok(value) if is_kept(&value, self.source.len()) => return Ok(Scalar::Constant(value)),
                // What is large or a lot of work is left to the evaluation.
                Ok(_) | Err(Failure { cause: Cause::Work, .. }) => {}
                Err(Failure { cause: Cause::Values, message }) => {
                    self.fault(Code::FailingExpression, span, message)
                }
                Err(Failure { cause: Cause::Size, message }) => self.fault(Code::Runaway, span, message),
            }
        }
        match self.faults.is_empty() {
            true => Ok(Scalar::Compiled(Compiled { source: self.source.into(), program, locals })),
            false => {
                self.faults.sort_by_key(|fault| fault.span.start);
                Err(self.faults)
            }
        }
    }
}

/// Whether a statement gives the same in every run. (Loops and branches are not looked into.)
fn is_plain(statement: &Statement) -> bool {
    match statement {
        Statement::Text(_) => true,
        Statement::Print(expression) => expression.is_static(),
        _ => false,
    }
}

/// Whether a value that was made from so many bytes is kept.
fn is_kept(value: &Value, bytes: usize) -> bool {
    value.units() <= KEPT_UNITS_MAX.min(64 + bytes as u64 * KEPT_UNITS_A_BYTE)
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}
