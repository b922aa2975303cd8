//! Expressions and templates: `{{ … }}`, absence, bounds.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::{Class, Value};

/// A value of a file with its expressions compiled: a literal, one expression, a text with
/// expressions in it, or a list or map of these.
#[derive(Clone, Debug)]
pub struct Template(Value);

/// A name that a template refers to, such as `steps.still.image`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The parts of the path, the first being `inputs`, `steps`, `run`, `item`, …
    pub path: Vec<String>,
    /// Where it stands: byte offsets in the text of the scalar it is in.
    pub span: Range<usize>,
}

/// What the names of a template stand for during one evaluation.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// `inputs`, `run`, `item`, `index`, `output`, …
    pub values: BTreeMap<String, Value>,
    /// The steps that the template refers to, by name. All are terminal.
    pub steps: BTreeMap<String, StepView>,
}

/// What an expression sees of a terminal step.
#[derive(Clone, Debug)]
pub struct StepView {
    /// `completed`, `skipped`, `failed` or `cancelled`.
    pub status: &'static str,
    /// Why it failed, if it did.
    pub error: Option<(Class, String)>,
    /// Its outputs, a map; `None` if it is absent.
    pub output: Option<Value>,
}

/// Why an evaluation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
}

impl Template {
    /// A template without expressions.
    pub fn literal(value: Value) -> Template {
        Template(value)
    }

    /// Everything that the template refers to.
    pub fn references(&self) -> &[Reference] {
        &[]
    }

    /// The value of the template, given what its names stand for.
    ///
    /// # Errors
    /// When a name stands for nothing, an operation doesn't fit its values, or a bound is passed.
    pub fn evaluate(&self, context: &Context) -> Result<Value, EvaluationError> {
        let _ = context;
        Ok(self.0.clone())
    }
}
