//! Expressions: what is given to a parameter, a condition or an output.

use std::sync::Arc;

use motet_pipeline::Value;
use motet_pipeline::value::STEP_UNITS_MAX;
use serde_json::{Number, Value as Json};

use super::step::Step;

/// A value that is known when the step that it is given to becomes ready.
///
/// Plain Rust values become one by `into()`, and stand for themselves: a text with `{{` in it is
/// that text. What a step gives ([`Step::output`]), an input, an item of a list: these refer to what
/// is not there yet, and that is how the builder learns what has to wait for what.
///
/// ```
/// use motet::builder::{InputType, PipelineBuilder};
/// let film = PipelineBuilder::new("film");
/// let prompt = film.input("prompt", InputType::Text);
/// let still = film.step("still", "local/scene").with("prompt", &prompt);
/// film.step("wide", "media/resize")
///     .with("media", still.output("image"))
///     .when(still.output("image").field("width").at_least(640));
/// assert!(film.to_yaml().unwrap().contains("if: \"{{ steps.still.image.width >= 640 }}\""));
/// ```
#[derive(Clone, Debug)]
pub struct Expression(pub(super) Form);

/// How a value is made.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Plain(Json),
    /// What can't be written, and why.
    Unwritable(String),
    /// As a file would say it, with `{{ … }}`.
    Template(String),
    Text(Vec<Expression>),
    List(Vec<Expression>),
    Map(Vec<(String, Expression)>),
    Input(Arc<InputName>),
    /// What a step gives as a whole; its best-known output where one value is wanted.
    Step(Step),
    /// A name under the step itself: `items`, `status`, an output.
    Output(Step, String),
    Item(ItemId),
    Index(ItemId),
    /// What the step gives, in its own check.
    OwnOutput,
    Field(Box<Expression>, String),
    Operator(&'static str, Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Piped(Box<Expression>, String),
}

/// An input of one builder.
#[derive(Debug)]
pub(super) struct InputName {
    pub(super) builder: String,
    pub(super) name: String,
    pub(super) owner: usize,
}

/// Tells the items of one `each` from those of another.
pub(super) type ItemId = usize;

impl Expression {
    fn new(form: Form) -> Expression {
        Expression(form)
    }

    /// Text with `{{ … }}` in it, as a pipeline file has it. What it names must be there under that
    /// name.
    pub fn template(text: impl Into<String>) -> Expression {
        Expression::new(Form::Template(text.into()))
    }

    /// One text from several parts: plain texts and expressions.
    pub fn text<E: Into<Expression>>(parts: impl IntoIterator<Item = E>) -> Expression {
        Expression::new(Form::Text(parts.into_iter().map(Into::into).collect()))
    }

    /// A list.
    pub fn list<E: Into<Expression>>(items: impl IntoIterator<Item = E>) -> Expression {
        Expression::new(Form::List(items.into_iter().map(Into::into).collect()))
    }

    /// An object.
    pub fn object<K: Into<String>, E: Into<Expression>>(
        entries: impl IntoIterator<Item = (K, E)>,
    ) -> Expression {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into()));
        Expression::new(Form::Map(entries.collect()))
    }

    /// A field of an object, or a measure of media: `duration`, `width`, …
    pub fn field(&self, name: &str) -> Expression {
        Expression::new(Form::Field(Box::new(self.clone()), name.to_owned()))
    }

    /// This, or `other` if this is absent, null, false, zero or empty.
    pub fn or(&self, other: impl Into<Expression>) -> Expression {
        self.operator("or", other)
    }

    /// Whether both hold.
    pub fn and(&self, other: impl Into<Expression>) -> Expression {
        self.operator("and", other)
    }

    /// Whether this doesn't hold.
    #[allow(clippy::should_implement_trait, reason = "it makes an expression of the language")]
    pub fn not(&self) -> Expression {
        Expression::new(Form::Not(Box::new(self.clone())))
    }

    /// Whether this is `other`.
    pub fn equals(&self, other: impl Into<Expression>) -> Expression {
        self.operator("==", other)
    }

    /// Whether this is `other` or more.
    pub fn at_least(&self, other: impl Into<Expression>) -> Expression {
        self.operator(">=", other)
    }

    /// Whether this is less than `other`.
    pub fn less_than(&self, other: impl Into<Expression>) -> Expression {
        self.operator("<", other)
    }

    /// The items of this list, then those of `other`.
    ///
    /// ```
    /// use motet::builder::{InputType, PipelineBuilder, animate, merge, scene, speak};
    /// let film = PipelineBuilder::new("film");
    /// let scenes = film.input("scenes", InputType::list(InputType::Text));
    /// let shots = film.group_each("shots", &scenes, |shot, prompt| {
    ///     shot.output("video", animate(scene(prompt), 4));
    /// });
    /// film.output("video", merge(shots.all("video").followed_by([speak("A film of many scenes.")])));
    /// ```
    pub fn followed_by(&self, other: impl Into<Expression>) -> Expression {
        self.operator("+", other)
    }

    /// This through filters of the language, such as `upper` or `map(attribute='text') | list`.
    pub fn pipe(&self, filters: &str) -> Expression {
        Expression::new(Form::Piped(Box::new(self.clone()), filters.to_owned()))
    }

    fn operator(&self, sign: &'static str, other: impl Into<Expression>) -> Expression {
        Expression::new(Form::Operator(sign, Box::new(self.clone()), Box::new(other.into())))
    }

    /// Calls `visit` for this and every expression in it.
    pub(super) fn for_each(&self, visit: &mut impl FnMut(&Expression)) {
        visit(self);
        match &self.0 {
            Form::Text(parts) | Form::List(parts) => parts.iter().for_each(|part| part.for_each(visit)),
            Form::Map(entries) => entries.iter().for_each(|(_, value)| value.for_each(visit)),
            Form::Field(inner, _) | Form::Not(inner) | Form::Piped(inner, _) => inner.for_each(visit),
            Form::Operator(_, left, right) => {
                left.for_each(visit);
                right.for_each(visit);
            }
            _ => {}
        }
    }
}

impl From<&Expression> for Expression {
    fn from(expression: &Expression) -> Expression {
        expression.clone()
    }
}

/// The step's best-known output: the picture of a scene, the video of a merge.
impl From<Step> for Expression {
    fn from(step: Step) -> Expression {
        Expression(Form::Step(step))
    }
}

impl From<&Step> for Expression {
    fn from(step: &Step) -> Expression {
        Expression(Form::Step(step.clone()))
    }
}

impl<E: Into<Expression>> From<Vec<E>> for Expression {
    fn from(items: Vec<E>) -> Expression {
        Expression::list(items)
    }
}

impl<E: Into<Expression>, const N: usize> From<[E; N]> for Expression {
    fn from(items: [E; N]) -> Expression {
        Expression::list(items)
    }
}

macro_rules! plain {
    ($($type:ty),+) => {
        $(impl From<$type> for Expression {
            fn from(value: $type) -> Expression {
                Expression(Form::Plain(Json::from(value)))
            }
        })+
    };
}

plain!(&str, String, bool, i32, i64, u32, u64, usize);

/// A number that isn't finite can't be written: building the pipeline says so.
impl From<f64> for Expression {
    fn from(value: f64) -> Expression {
        Expression(match Number::from_f64(value) {
            Some(number) => Form::Plain(Json::Number(number)),
            None => Form::Unwritable(format!("{value} isn't a JSON number")),
        })
    }
}

impl From<f32> for Expression {
    fn from(value: f32) -> Expression {
        Expression::from(f64::from(value))
    }
}

/// What lies too deep can't be written: building the pipeline says so.
impl From<Json> for Expression {
    fn from(json: Json) -> Expression {
        let value = Value::from(json);
        Expression(match value.excess(STEP_UNITS_MAX) {
            Some(excess) => Form::Unwritable(format!("a value {excess}")),
            None => Form::Plain(value.to_json()),
        })
    }
}
