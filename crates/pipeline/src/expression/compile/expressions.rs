//! Expressions: operators, paths, literals.

use std::ops::Range;

use minijinja::machinery::ast;
use minijinja::value::ValueKind;
use serde_json::Number;

use super::super::program::{Comparison, Expression, Field, Node, Operator, Path, Root};
use super::{Compiler, range};
use crate::Value;
use crate::diagnostic::Code;

/// What only gives something by the name of a part.
const CLOSED: [&str; 2] = ["steps", "secrets"];
/// What may only be asked for parts whose names are written down.
const NAMED: [&str; 4] = ["steps", "inputs", "secrets", "run"];

impl Compiler<'_> {
    pub(super) fn expression(&mut self, tree: &ast::Expr<'_>) -> Expression {
        let compiled = self.unfolded(tree);
        self.folded(compiled)
    }

    fn boxed(&mut self, tree: &ast::Expr<'_>) -> Box<Expression> {
        Box::new(self.expression(tree))
    }

    fn each(&mut self, trees: &[ast::Expr<'_>]) -> Vec<Expression> {
        trees.iter().map(|tree| self.expression(tree)).collect()
    }

    fn unfolded(&mut self, tree: &ast::Expr<'_>) -> Expression {
        let span = self.span_of(tree);
        let node = match tree {
            ast::Expr::Var(var) => self.variable(var.id, &span),
            ast::Expr::Const(constant) => self.constant(&constant.value, &span),
            ast::Expr::GetAttr(attr) => {
                self.field(&attr.expr, attr.name, span.end - attr.name.len()..span.end)
            }
            ast::Expr::GetItem(item) => self.item(item, &span),
            ast::Expr::Slice(slice) => self.slice(slice),
            ast::Expr::UnaryOp(unary) => match unary.op {
                ast::UnaryOpKind::Not => Node::Not(self.boxed(&unary.expr)),
                ast::UnaryOpKind::Neg => Node::Negate(self.boxed(&unary.expr)),
            },
            ast::Expr::BinOp(binary) => self.binary(binary),
            ast::Expr::Compare(compare) => {
                let first = self.boxed(&compare.expr);
                let rest = compare.ops.iter().map(|op| (comparison(op.op), self.expression(&op.expr)));
                Node::Compare { first, rest: rest.collect() }
            }
            ast::Expr::IfExpr(choice) => {
                let then = self.boxed(&choice.true_expr);
                let test = self.boxed(&choice.test_expr);
                let otherwise = choice.false_expr.as_ref().map(|otherwise| self.boxed(otherwise));
                Node::If { test, then, otherwise }
            }
            ast::Expr::Filter(filter) => self.filter(filter, &span),
            ast::Expr::Test(test) => self.test(test, &span),
            ast::Expr::Call(call) => self.call(call, &span),
            ast::Expr::List(list) => Node::List(self.each(&list.items)),
            ast::Expr::Tuple(tuple) => Node::List(self.each(&tuple.items)),
            ast::Expr::Map(map) => {
                let entries = map.keys.iter().zip(&map.values);
                Node::Map(
                    entries.map(|(key, value)| (self.expression(key), self.expression(value))).collect(),
                )
            }
        };
        Expression { node, span }
    }

    fn variable(&mut self, name: &str, span: &Range<usize>) -> Node {
        let root = match self.scopes.resolve(name) {
            Some(slot) => Root::Local { slot, name: name.into() },
            None => {
                if CLOSED.contains(&name) {
                    let message = format!("`{name}` can't be used as a whole; write `{name}.` and a name");
                    self.fault(Code::ForbiddenExpression, span.clone(), message);
                }
                Root::Name(name.into())
            }
        };
        Node::Path(Path { root, span: span.clone(), fields: Vec::new() })
    }

    /// `of.name`; the name stands at `span`.
    fn field(&mut self, of: &ast::Expr<'_>, name: &str, span: Range<usize>) -> Node {
        let field = Field { name: name.into(), span };
        match of {
            ast::Expr::Var(var) if var.id == "steps" => {
                return Node::Path(Path {
                    root: Root::Step(field.name),
                    span: field.span,
                    fields: Vec::new(),
                });
            }
            ast::Expr::Var(var) if var.id == "secrets" => {
                let root = Root::Name("secrets".into());
                return Node::Path(Path { root, span: range(var.span()), fields: vec![field] });
            }
            _ => {}
        }
        let mut of = self.expression(of);
        match &mut of.node {
            Node::Path(path) => {
                path.fields.push(field);
                of.node
            }
            _ => Node::Field { of: Box::new(of), field },
        }
    }

    fn item(&mut self, item: &ast::GetItem<'_>, span: &Range<usize>) -> Node {
        if let ast::Expr::Const(constant) = &item.subscript_expr
            && let Some(name) = constant.value.as_str()
        {
            return self.field(&item.expr, name, range(constant.span()));
        }
        if let ast::Expr::Var(var) = &item.expr
            && NAMED.contains(&var.id)
        {
            let message = format!(
                "`{0}[…]` needs a name that is written down, so that what it waits for is known before the run: \
                 `{0}.name` or `{0}['name']`",
                var.id
            );
            self.fault(Code::ForbiddenExpression, span.clone(), message);
            return Node::Constant(Value::Null);
        }
        Node::Item { of: self.boxed(&item.expr), key: self.boxed(&item.subscript_expr) }
    }

    fn slice(&mut self, slice: &ast::Slice<'_>) -> Node {
        let of = self.boxed(&slice.expr);
        let mut bound = |tree: &Option<ast::Expr<'_>>| tree.as_ref().map(|tree| self.boxed(tree));
        Node::Slice { of, start: bound(&slice.start), stop: bound(&slice.stop), step: bound(&slice.step) }
    }

    fn constant(&mut self, value: &minijinja::Value, span: &Range<usize>) -> Node {
        let constant = match value.kind() {
            ValueKind::Bool => Value::Bool(value.is_true()),
            ValueKind::String => Value::from(value.as_str().unwrap_or_default()),
            ValueKind::Number => {
                let number = match value.is_integer() {
                    true => u64::try_from(value.clone()).ok().map(Number::from),
                    false => f64::try_from(value.clone()).ok().and_then(Number::from_f64),
                };
                if number.is_none() {
                    self.fault(Code::Runaway, span.clone(), "this number is too large");
                }
                number.map_or(Value::Null, Value::Number)
            }
            _ => Value::Null,
        };
        Node::Constant(constant)
    }

    fn binary(&mut self, binary: &ast::BinOp<'_>) -> Node {
        let operator = match binary.op {
            ast::BinOpKind::ScAnd => return Node::And(self.boxed(&binary.left), self.boxed(&binary.right)),
            ast::BinOpKind::ScOr => return Node::Or(self.boxed(&binary.left), self.boxed(&binary.right)),
            ast::BinOpKind::Concat => {
                let mut parts = Vec::new();
                self.pieces(&binary.left, &mut parts);
                parts.push(self.expression(&binary.right));
                return Node::Concatenate(parts);
            }
            ast::BinOpKind::Eq => return self.compare(binary, Comparison::Equal),
            ast::BinOpKind::Ne => return self.compare(binary, Comparison::NotEqual),
            ast::BinOpKind::Lt => return self.compare(binary, Comparison::Less),
            ast::BinOpKind::Lte => return self.compare(binary, Comparison::LessOrEqual),
            ast::BinOpKind::Gt => return self.compare(binary, Comparison::Greater),
            ast::BinOpKind::Gte => return self.compare(binary, Comparison::GreaterOrEqual),
            ast::BinOpKind::In => return self.compare(binary, Comparison::In),
            ast::BinOpKind::Add => Operator::Add,
            ast::BinOpKind::Sub => Operator::Subtract,
            ast::BinOpKind::Mul => Operator::Multiply,
            ast::BinOpKind::Div => Operator::Divide,
            ast::BinOpKind::FloorDiv => Operator::FloorDivide,
            ast::BinOpKind::Rem => Operator::Remainder,
            ast::BinOpKind::Pow => Operator::Power,
        };
        Node::Arithmetic { operator, left: self.boxed(&binary.left), right: self.boxed(&binary.right) }
    }

    fn compare(&mut self, binary: &ast::BinOp<'_>, comparison: Comparison) -> Node {
        let first = self.boxed(&binary.left);
        Node::Compare { first, rest: vec![(comparison, self.expression(&binary.right))] }
    }

    /// The operands of `a ~ b ~ c`, flat.
    fn pieces(&mut self, tree: &ast::Expr<'_>, parts: &mut Vec<Expression>) {
        match tree {
            ast::Expr::BinOp(binary) if matches!(binary.op, ast::BinOpKind::Concat) => {
                self.pieces(&binary.left, parts);
                parts.push(self.expression(&binary.right));
            }
            other => parts.push(self.expression(other)),
        }
    }

    /// Where an expression stands. The parser's own spans begin too late for some nodes (at the last
    /// dot of a path) and too early for others (at the word before a comparison).
    pub(super) fn span_of(&self, tree: &ast::Expr<'_>) -> Range<usize> {
        let own = range(tree.span());
        let first = match tree {
            ast::Expr::GetAttr(it) => &it.expr,
            ast::Expr::GetItem(it) => &it.expr,
            ast::Expr::Slice(it) => &it.expr,
            ast::Expr::Call(it) => &it.expr,
            ast::Expr::BinOp(it) => &it.left,
            ast::Expr::Compare(it) => &it.expr,
            ast::Expr::IfExpr(it) => &it.true_expr,
            ast::Expr::Test(it) => &it.expr,
            ast::Expr::Filter(it) if it.expr.is_some() => it.expr.as_ref().expect("it was looked at"),
            // `a not in b` is read as `not (a in b)`: the word `not` isn't at its start.
            ast::Expr::UnaryOp(it) if !self.starts_with_operator(&own) => &it.expr,
            _ => return own,
        };
        self.span_of(first).start..own.end
    }

    fn starts_with_operator(&self, span: &Range<usize>) -> bool {
        self.source.get(span.start..).is_some_and(|rest| rest.starts_with("not") || rest.starts_with('-'))
    }
}

fn comparison(op: ast::CompareOpKind) -> Comparison {
    match op {
        ast::CompareOpKind::Eq => Comparison::Equal,
        ast::CompareOpKind::Ne => Comparison::NotEqual,
        ast::CompareOpKind::Lt => Comparison::Less,
        ast::CompareOpKind::Lte => Comparison::LessOrEqual,
        ast::CompareOpKind::Gt => Comparison::Greater,
        ast::CompareOpKind::Gte => Comparison::GreaterOrEqual,
        ast::CompareOpKind::In => Comparison::In,
        ast::CompareOpKind::NotIn => Comparison::NotIn,
    }
}
