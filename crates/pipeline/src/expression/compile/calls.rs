//! Filters, tests and functions: looked up in the allow-lists, their arguments put in place.

use std::ops::Range;

use minijinja::machinery::ast;

use super::super::program::{Arguments, Expression, Node};
use super::super::signature::Signature;
use super::super::{filters, functions, habits, predicates};
use super::Compiler;
use crate::Value;
use crate::diagnostic::Code;
use crate::suggestion::{closest, listed};

/// What stands for something that was refused.
const REFUSED: Node = Node::Constant(Value::Null);

impl Compiler<'_> {
    pub(super) fn filter(&mut self, tree: &ast::Filter<'_>, span: &Range<usize>) -> Node {
        let input = match &tree.expr {
            Some(input) => self.expression(input),
            None => Expression { node: REFUSED, span: span.clone() },
        };
        let Some(filter) = self.known_filter(tree.name, self.word_after(&input.span, tree.name)) else {
            return REFUSED;
        };
        let arguments = self.arguments(&filter.signature, &tree.args, span);
        self.check_named_call(filter.signature.name, &arguments);
        Node::Filter { filter, input: Box::new(input), arguments }
    }

    pub(super) fn test(&mut self, tree: &ast::Test<'_>, span: &Range<usize>) -> Node {
        let input = self.expression(&tree.expr);
        let Some(predicate) = self.known_test(tree.name, self.word_after(&input.span, tree.name)) else {
            return REFUSED;
        };
        let arguments = self.arguments(&predicate.signature, &tree.args, span);
        Node::Test { predicate, input: Box::new(input), arguments }
    }

    pub(super) fn call(&mut self, tree: &ast::Call<'_>, span: &Range<usize>) -> Node {
        let name = match &tree.expr {
            ast::Expr::Var(var) => var.id,
            ast::Expr::GetAttr(attr) => {
                let message = match habits::filter(attr.name) {
                    Some(filter) => format!("a value has no functions; write `… | {filter}`"),
                    None => "a value has no functions; there are only filters, as in `… | upper`".to_owned(),
                };
                self.fault(Code::ForbiddenExpression, span.clone(), message);
                return REFUSED;
            }
            _ => {
                self.fault(Code::ForbiddenExpression, span.clone(), "this can't be called");
                return REFUSED;
            }
        };
        let Some(function) = functions::find(name) else {
            self.unknown_function(name, self.span_of(&tree.expr));
            return REFUSED;
        };
        Node::Call { function, arguments: self.arguments(&function.signature, &tree.args, span) }
    }

    fn known_filter(&mut self, name: &str, span: Range<usize>) -> Option<&'static filters::Filter> {
        let found = filters::find(name);
        if found.is_none() {
            self.unknown(Code::UnknownFilter, "filter", name, filters::names(), span);
        }
        found
    }

    fn known_test(&mut self, name: &str, span: Range<usize>) -> Option<&'static predicates::Predicate> {
        let found = predicates::find(name);
        if found.is_none() {
            self.unknown(Code::UnknownTest, "test", name, predicates::names(), span);
        }
        found
    }

    fn unknown_function(&mut self, name: &str, span: Range<usize>) {
        if let Some(filter) = habits::filter(name) {
            let message = match name == filter {
                true => format!("`{name}` is a filter; write `… | {name}`"),
                false => format!("there is no function `{name}`; write `… | {filter}`"),
            };
            return self.fault(Code::UnknownFunction, span, message);
        }
        self.unknown(Code::UnknownFunction, "function", name, functions::names(), span);
    }

    fn unknown<'a>(
        &mut self,
        code: Code,
        sort: &str,
        name: &str,
        known: impl Iterator<Item = &'a str> + Clone,
        span: Range<usize>,
    ) {
        let meant = closest(name, known.clone());
        let message = match meant {
            None if sort == "function" => format!("there is no function `{name}`, only {}", listed(known)),
            _ => format!("there is no {sort} `{name}`"),
        };
        self.fault_with(code, span, message, meant);
    }

    /// `map('upper')` and `select('odd')` name a filter or test in a text: it is looked up now.
    fn check_named_call(&mut self, filter: &str, arguments: &Arguments) {
        let position = match filter {
            "map" | "select" | "reject" => 0,
            "selectattr" | "rejectattr" => 1,
            _ => return,
        };
        let Some(Some(argument)) = arguments.named.get(position) else { return };
        let Node::Constant(Value::Text(name)) = &argument.node else { return };
        let span = argument.span.clone();
        let signature = match filter {
            "map" => self.known_filter(name, span.clone()).map(|filter| &filter.signature),
            _ => self.known_test(name, span.clone()).map(|test| &test.signature),
        };
        if let Some(Err(message)) = signature.map(|signature| signature.takes(arguments.rest.len())) {
            self.fault(Code::WrongArguments, span, message);
        }
    }

    fn arguments(
        &mut self,
        signature: &Signature,
        trees: &[ast::CallArg<'_>],
        span: &Range<usize>,
    ) -> Arguments {
        let mut arguments = Arguments::default();
        arguments.named.resize_with(signature.parameters.len(), || None);
        for (position, tree) in trees.iter().enumerate() {
            match tree {
                ast::CallArg::Pos(value) => {
                    let value = self.expression(value);
                    match arguments.named.get_mut(position) {
                        Some(place) if position < signature.positional => *place = Some(value),
                        _ if signature.more => arguments.rest.push(value),
                        _ => {
                            let message = format!("`{}` takes fewer arguments", signature.name);
                            self.fault(Code::WrongArguments, value.span, message);
                        }
                    }
                }
                ast::CallArg::Kwarg(name, value) => {
                    let value = self.expression(value);
                    match signature.position(name) {
                        Ok(position) if arguments.named[position].is_some() => {
                            let message = format!("`{}` is given `{name}` twice", signature.name);
                            self.fault(Code::WrongArguments, value.span, message);
                        }
                        Ok(position) => arguments.named[position] = Some(value),
                        Err(message) => self.fault(Code::WrongArguments, value.span, message),
                    }
                }
                ast::CallArg::PosSplat(value) | ast::CallArg::KwargSplat(value) => {
                    let message = "arguments must be written one by one";
                    self.fault(Code::ForbiddenExpression, self.span_of(value), message);
                }
            }
        }
        let missing = arguments.named.iter().take(signature.required).position(Option::is_none);
        if let Some(missing) = missing {
            let message =
                format!("`{}` needs an argument `{}`", signature.name, signature.parameters[missing]);
            self.fault(Code::WrongArguments, span.clone(), message);
        }
        arguments
    }

    /// Where `word` stands after the expression at `before`: the parser's tree doesn't say.
    fn word_after(&self, before: &Range<usize>, word: &str) -> Range<usize> {
        let from = before.end.min(self.source.len());
        match self.source.get(from..).and_then(|rest| rest.find(word)) {
            Some(at) => from + at..from + at + word.len(),
            None => before.clone(),
        }
    }
}
