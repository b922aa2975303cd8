//! Statements: text, `if`, `for`, `set`, `with`. All else of Jinja's statements is refused.

use std::ops::Range;

use minijinja::machinery::ast;

use super::super::program::{Expression, Loop, Node, Statement, Target};
use super::{Compiler, range};
use crate::Value;
use crate::diagnostic::Code;

/// Names that always mean the same and can't be assigned to.
const RESERVED: [&str; 9] =
    ["inputs", "steps", "run", "secrets", "prompts", "previous", "round", "output", "loop"];

/// How many variables one template may have.
const VARIABLES_MAX: usize = 1000;

impl Compiler<'_> {
    pub(super) fn statements(&mut self, children: &[ast::Stmt<'_>]) -> Vec<Statement> {
        let mut statements = Vec::with_capacity(children.len());
        children.iter().for_each(|child| self.statement(child, &mut statements));
        statements
    }

    fn statement(&mut self, child: &ast::Stmt<'_>, statements: &mut Vec<Statement>) {
        match child {
            ast::Stmt::EmitRaw(raw) => statements.push(Statement::Text(raw.raw.into())),
            ast::Stmt::EmitExpr(emit) => {
                let printed = self.expression(&emit.expr);
                statements.push(Statement::Print(without_gap(printed)));
            }
            ast::Stmt::IfCond(branch) => {
                let test = self.expression(&branch.expr);
                let then = self.statements(&branch.true_body);
                let otherwise = self.statements(&branch.false_body);
                statements.push(Statement::If { test, then, otherwise });
            }
            ast::Stmt::ForLoop(each) => self.for_loop(each, statements),
            ast::Stmt::Set(set) => {
                let value = self.expression(&set.expr);
                let target = self.target(&set.target);
                statements.push(Statement::Set { target, value });
            }
            ast::Stmt::WithBlock(with) => {
                self.scopes.open();
                for (target, value) in &with.assignments {
                    let value = self.expression(value);
                    let target = self.target(target);
                    statements.push(Statement::Set { target, value });
                }
                let body = self.statements(&with.body);
                statements.extend(body);
                self.scopes.close();
            }
            other => self.refuse_statement(other),
        }
    }

    fn for_loop(&mut self, each: &ast::ForLoop<'_>, statements: &mut Vec<Statement>) {
        if each.recursive {
            self.fault(Code::ForbiddenExpression, self.span_of(&each.iter), "a loop can't be recursive here");
        }
        let list = self.expression(&each.iter);
        self.scopes.open();
        let target = self.target(&each.target);
        let filter = each.filter_expr.as_ref().map(|filter| self.expression(filter));
        let state = self.scopes.define("loop");
        let body = self.statements(&each.body);
        let state = self.scopes.is_used(state).then_some(state);
        let fresh = self.scopes.close();
        let otherwise = self.statements(&each.else_body);
        statements.push(Statement::For(Box::new(Loop {
            target,
            list,
            filter,
            body,
            otherwise,
            state,
            fresh,
        })));
    }

    fn target(&mut self, target: &ast::Expr<'_>) -> Target {
        match target {
            ast::Expr::Var(var) => {
                if RESERVED.contains(&var.id) {
                    let message = format!("`{}` can't be assigned to; take another name", var.id);
                    self.fault(Code::ForbiddenExpression, range(var.span()), message);
                }
                if self.scopes.slots() == VARIABLES_MAX {
                    self.refuse_variables(range(var.span()));
                    return Target::Parts(Vec::new());
                }
                Target::Local(self.scopes.define(var.id))
            }
            ast::Expr::List(list) => Target::Parts(list.items.iter().map(|item| self.target(item)).collect()),
            ast::Expr::Tuple(tuple) => {
                Target::Parts(tuple.items.iter().map(|item| self.target(item)).collect())
            }
            other => {
                self.fault(
                    Code::ForbiddenExpression,
                    self.span_of(other),
                    "only a plain name can be assigned to",
                );
                Target::Parts(Vec::new())
            }
        }
    }

    /// Says so once: there may be thousands.
    fn refuse_variables(&mut self, span: Range<usize>) {
        let message = format!("a template may have at most {VARIABLES_MAX} variables");
        if !self.faults.iter().any(|fault| fault.message == message) {
            self.fault(Code::Runaway, span, message);
        }
    }

    fn refuse_statement(&mut self, statement: &ast::Stmt<'_>) {
        let (word, span, instead) = match statement {
            ast::Stmt::SetBlock(it) => ("a {% set %} block", it.span(), "; write {% set name = … %}"),
            ast::Stmt::AutoEscape(it) => ("{% autoescape %}", it.span(), ""),
            ast::Stmt::FilterBlock(it) => ("{% filter %}", it.span(), "; write {{ … | filter }}"),
            ast::Stmt::Block(it) => ("{% block %}", it.span(), ""),
            ast::Stmt::Import(it) => ("{% import %}", it.span(), ""),
            ast::Stmt::FromImport(it) => ("{% from %}", it.span(), ""),
            ast::Stmt::Extends(it) => ("{% extends %}", it.span(), ""),
            ast::Stmt::Include(it) => ("{% include %}", it.span(), ""),
            ast::Stmt::Macro(it) => ("{% macro %}", it.span(), ""),
            ast::Stmt::CallBlock(it) => ("{% call %}", it.span(), ""),
            ast::Stmt::Do(it) => ("{% do %}", it.span(), ""),
            _ => unreachable!("all other statements are compiled"),
        };
        let message = format!("{word} can't be used in a pipeline{instead}");
        self.fault(Code::ForbiddenExpression, range(span), message);
    }
}

/// `{{ ', dear' if inputs.polite }}` prints nothing when the condition doesn't hold. (As a value of
/// its own, it is absent then.)
fn without_gap(mut printed: Expression) -> Expression {
    if let Node::If { otherwise: otherwise @ None, .. } = &mut printed.node {
        let node = Node::Constant(Value::from(""));
        *otherwise = Some(Box::new(Expression { node, span: printed.span.clone() }));
    }
    printed
}
