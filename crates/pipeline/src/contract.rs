//! Contracts: an operation's typed inputs and outputs, and what kind of work it is.

mod catalogue;
mod encoding;
pub(crate) mod exact;
mod limits;
mod rule;
mod sketch;
mod validation;

use std::collections::{BTreeMap, BTreeSet};

pub use catalogue::Catalogue;
pub use encoding::{Encoding, EncodingRule};
pub use limits::Limits;
pub use rule::{Choice, Judge, Outputs, Promise, Rule, Unchosen};
pub use sketch::{Sketch, Sketches};
pub use validation::Misfit;
pub(crate) use validation::mismatch;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Known};
use crate::price::Price;
use crate::value::{Map, journal};
use crate::{MediaKind, Span, Type, Value};

/// What an operation takes, what it gives, and how it is done.
///
/// ```
/// use motet_pipeline::contract::{Contract, Parameter, Work};
/// use motet_pipeline::Type;
/// let contract = Contract::new("task/shout", Work::Task)
///     .summary("Turns text into capitals.")
///     .input(Parameter::required("text", Type::Text))
///     .output("text", Type::Text);
/// assert!(contract.parameter("text").unwrap().required);
/// ```
///
/// A store keeps the contracts that its runs were started with, so this is a stored format, which only grows:
/// a field may be added if it has a default that isn't written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The name that `uses` refers to, such as `media/merge`.
    pub operation: String,
    /// One sentence: what it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Counts up whenever the same inputs may give another result.
    pub version: u32,
    /// Of a model of which its provider has several versions: the one that is asked for. Another one may give something
    /// else for the same inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<String>,
    /// What it takes, in the order of the documentation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Parameter>,
    /// Whether parameters that aren't named here are taken as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open_inputs: bool,
    /// What it gives, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Type>,
    /// Whether outputs that aren't named here may be there too (nothing is known of them).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open_outputs: bool,
    /// False for `flow/fail`, which never succeeds: it fits wherever any output is wanted.
    #[serde(default = "yes", skip_serializing_if = "is_so")]
    pub succeeds: bool,
    /// How it is done, hence what it waits for and how often it is tried.
    pub work: Work,
    /// For what is asked of a provider and may cost: how such a call is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// What such a call costs, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// What the provider offers for such a call beyond its result.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub features: BTreeSet<Feature>,
    /// Programs that must be on the machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// How long it usually takes, low and high, in seconds: what `plan` shows before there is history.
    #[serde(with = "exact::pair")]
    pub usual_seconds: (f64, f64),
    /// Inputs that stand for each other.
    #[serde(skip)]
    pub choices: Vec<Choice>,
    /// What it refuses beyond all that.
    #[serde(skip)]
    pub judge: Option<Judge>,
    /// What it refuses of several inputs though each is good by itself.
    #[serde(skip)]
    pub rules: Vec<Rule>,
    /// Which outputs are there for certain, and which never. Without it, the only one is there, if it has but one.
    #[serde(skip)]
    pub promise: Option<Promise>,
    /// Whether it encodes the pictures of a video; nothing if it never does. `plan` shows it.
    #[serde(skip)]
    pub encoding: Option<EncodingRule>,
}

fn yes() -> bool {
    true
}

fn is_so(value: &bool) -> bool {
    *value
}

/// How the work of an operation is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Decided by the engine itself; nothing leaves it (`flow/*`, `data/*`).
    Engine,
    /// Local work that keeps a processor busy: it takes a slot.
    Processor,
    /// The user's own code.
    Task,
    /// A model at a provider.
    Model,
    /// A request to a server that the pipeline names.
    Request,
}

impl Work {
    /// How many attempts are made when `retry` is not written.
    pub fn default_attempts(self) -> u32 {
        match self {
            Work::Model | Work::Request => 3,
            Work::Engine | Work::Processor | Work::Task => 1,
        }
    }
}

/// How a call is made that leaves this machine and may cost.
///
/// It is sent at most once for each attempt: when it is unknown whether it arrived, the provider is asked,
/// and what can't be known is decided by the step's `on_unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Whether the reply is the result, or names a job.
    pub form: CallForm,
    /// Whether the same call may be sent twice without harm: it costs nothing, or the provider refuses doubles.
    pub repeatable: bool,
    /// Whether a call that failed costs all the same.
    pub failure_costs: Known,
}

/// What the reply to a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallForm {
    /// The result.
    Direct,
    /// The name of a job, which is asked for until it is done.
    Job,
}

impl Call {
    /// A call that is paid each time, and answered with a job or with the result.
    pub const fn paid(form: CallForm) -> Call {
        Call { form, repeatable: false, failure_costs: Known::Maybe }
    }
}

/// What a provider offers for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// A job that runs can be stopped there.
    Cancel,
    /// The provider tells when a job is done.
    Webhook,
    /// The same seed gives the same result.
    Seed,
    /// The result can be read while it is made.
    Streaming,
    /// It does nothing but give its result, so that an earlier one made of the same may stand for it.
    Reusable,
}

/// A program that an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// ffmpeg and ffprobe, which come together.
    Ffmpeg,
    /// The speech synthesiser espeak-ng.
    EspeakNg,
    /// A font that fontconfig can find.
    Font,
}

/// One input of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name under `with`.
    pub name: String,
    /// What fits.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Whether the operation can't do without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What is taken when it isn't given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "journal::optional")]
    pub default: Option<Value>,
    /// The smallest number, or shortest text or list.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exact::optional")]
    pub min: Option<f64>,
    /// The largest number, or longest text or list.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exact::optional")]
    pub max: Option<f64>,
    /// If not empty, the only values that fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "journal::list")]
    pub one_of: Vec<Value>,
    /// If not empty, all that an object may hold that is given here, or in the list that is given here.
    #[serde(skip)]
    pub entries: Vec<Parameter>,
    /// A program that must be on the machine if it is given.
    #[serde(skip)]
    pub tool: Option<Tool>,
    /// If it is another way to give one of the other parameters, such as a provider's own name and unit for it: that
    /// parameter's name. Whoever gives it has given that one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<String>,
    /// What of it nobody has verified: that is warned of, and never refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// Whether media may also be given by its address, as text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_address: bool,
    /// Whether it is an object of texts that may name secrets, which are filled in when it is sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takes_secrets: bool,
    /// What media must measure.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
    /// One sentence for `plan` and the documentation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// What of a parameter nobody has verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Whether there is such a parameter.
    Name,
    /// Which values fit.
    Values,
}

impl Contract {
    /// A contract that takes and gives nothing yet.
    pub fn new(operation: impl Into<String>, work: Work) -> Contract {
        Contract {
            operation: operation.into(),
            summary: String::new(),
            version: 1,
            model_version: None,
            inputs: Vec::new(),
            open_inputs: false,
            outputs: BTreeMap::new(),
            open_outputs: false,
            succeeds: true,
            work,
            call: None,
            price: None,
            features: BTreeSet::new(),
            tools: Vec::new(),
            usual_seconds: (0.0, 1.0),
            choices: Vec::new(),
            judge: None,
            rules: Vec::new(),
            promise: None,
            encoding: None,
        }
    }

    /// The provider of its operation: what stands in front of the first `/`.
    pub fn provider(&self) -> &str {
        self.operation.split('/').next().unwrap_or_default()
    }

    /// Whether a call of it is a job, which has a name and is asked for until it is done. What is answered at once has none.
    pub fn has_jobs(&self) -> bool {
        self.call.is_some_and(|call| call.form == CallForm::Job)
    }

    /// Says what it does, in one sentence.
    pub fn summary(mut self, summary: &str) -> Contract {
        self.summary = summary.to_owned();
        self
    }

    /// Adds an input.
    pub fn input(mut self, parameter: Parameter) -> Contract {
        self.inputs.push(parameter);
        self
    }

    /// Adds an output.
    pub fn output(mut self, name: &str, ty: Type) -> Contract {
        self.outputs.insert(name.to_owned(), ty);
        self
    }

    /// Says how the call is made that this operation is.
    pub fn call(mut self, call: Call) -> Contract {
        self.call = Some(call);
        self
    }

    /// Says what such a call costs.
    pub fn priced(mut self, price: Price) -> Contract {
        self.price = Some(price);
        self
    }

    /// Says what the provider offers for such a call.
    pub fn features(mut self, features: impl IntoIterator<Item = Feature>) -> Contract {
        self.features = features.into_iter().collect();
        self
    }

    /// Adds a program that must be there.
    pub fn tool(mut self, tool: Tool) -> Contract {
        self.tools.push(tool);
        self
    }

    /// Says how long it usually takes, in seconds.
    pub fn usually(mut self, low: f64, high: f64) -> Contract {
        self.usual_seconds = (low, high);
        self
    }

    /// Says whether it encodes the pictures of a video.
    pub fn encodes(mut self, rule: fn(&Map) -> Encoding) -> Contract {
        self.encoding = Some(EncodingRule(rule));
        self
    }

    /// Whether it encodes the pictures of a video, as far as that follows from the inputs that it is `given`. What only
    /// the run can tell is absent.
    ///
    /// ```
    /// use motet_pipeline::contract::{Contract, Encoding, Work};
    /// use motet_pipeline::value::Map;
    /// let contract = Contract::new("media/animate", Work::Processor);
    /// assert_eq!(contract.encoding(&Map::new()), Encoding::Never);
    /// let contract = contract.encodes(|_| Encoding::Always);
    /// assert_eq!(contract.encoding(&Map::new()), Encoding::Always);
    /// ```
    pub fn encoding(&self, given: &Map) -> Encoding {
        self.encoding.map_or(Encoding::Never, |rule| rule.0(given))
    }

    /// Whether each call costs, so that it must not be sent twice.
    pub fn is_paid(&self) -> bool {
        self.call.is_some_and(|call| !call.repeatable)
    }

    /// Whether a job of it costs more the longer it runs.
    pub fn is_billed_by_time(&self) -> bool {
        self.price.as_ref().is_some_and(Price::is_by_time)
    }

    /// What this contract promises and an operation of the contract `present` doesn't keep, if anything: it is
    /// other work, is called otherwise, or an output is gone or of another type.
    ///
    /// ```
    /// use motet_pipeline::contract::{Contract, Work};
    /// use motet_pipeline::Type;
    /// let older = Contract::new("task/shout", Work::Task).output("text", Type::Text);
    /// let newer = Contract::new("task/shout", Work::Task).output("text", Type::Text).output("length", Type::Integer);
    /// assert_eq!(older.broken_by(&newer), None);
    /// assert_eq!(newer.broken_by(&older).unwrap(), "it gives no `length`");
    /// ```
    pub fn broken_by(&self, present: &Contract) -> Option<String> {
        if self.work != present.work || self.call.is_some() != present.call.is_some() {
            return Some("it is another kind of work".to_owned());
        }
        if present.open_outputs {
            return None;
        }
        self.outputs.iter().find_map(|(name, wanted)| match present.outputs.get(name) {
            None => Some(format!("it gives no `{name}`")),
            Some(given) => (!given.fits(wanted)).then(|| format!("its `{name}` is {given}, not {wanted}")),
        })
    }

    /// One of these inputs must be given, and no more of them.
    pub fn exactly_one(self, names: &[&str]) -> Contract {
        self.choice(names, true, true)
    }

    /// At least one of these inputs must be given.
    pub fn at_least_one(self, names: &[&str]) -> Contract {
        self.choice(names, true, false)
    }

    /// Not more than one of these inputs may be given.
    pub fn at_most_one(self, names: &[&str]) -> Contract {
        self.choice(names, false, true)
    }

    fn choice(mut self, names: &[&str], is_needed: bool, is_exclusive: bool) -> Contract {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.choices.push(Choice { names, is_needed, is_exclusive });
        self
    }

    /// Says what it refuses beyond types and bounds, so that the check can refuse it of a constant.
    pub fn judged_by(mut self, judge: fn(&str, &Value) -> Result<(), String>) -> Contract {
        self.judge = Some(Judge(judge));
        self
    }

    /// Says what it refuses of these inputs together, or of what is known of one of them, so that the check can refuse it.
    pub fn ruled_by(
        mut self,
        names: &'static [&'static str],
        judge: fn(&Sketches) -> Result<(), Failure>,
    ) -> Contract {
        self.rules.push(Rule { names, judge });
        self
    }

    /// Says which outputs are there whenever it succeeds, and which never are.
    pub fn promises(mut self, promise: fn(&Sketches) -> Outputs) -> Contract {
        self.promise = Some(Promise(promise));
        self
    }

    /// How long a request, a queue or a job is waited for where nothing else is written: three times as long as the
    /// longest that it usually takes, but at least a minute, and half an hour for video.
    pub fn patience(&self) -> Span {
        let is_video = |ty: &Type| matches!(ty, Type::Media(kinds) if kinds.contains(&MediaKind::Video));
        let gives_video = self.outputs.values().any(is_video);
        let least = if gives_video && self.work == Work::Model { 30 * 60 } else { 60 };
        Span(((self.usual_seconds.1.max(0.0) * 3000.0).ceil() as u64).max(least * 1000))
    }

    /// Whether `inputs` hold this parameter, or another one that stands for it.
    pub fn is_given(&self, parameter: &Parameter, inputs: &Map) -> bool {
        self.ways(&parameter.name).any(|name| inputs.get(name).is_some_and(|value| !value.is_absent()))
    }

    /// The names by which the parameter `name` can be given: its own, and those that stand for it.
    pub fn ways<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n str> {
        let others = self.inputs.iter().filter(move |other| other.stands_for.as_deref() == Some(name));
        std::iter::once(name).chain(others.map(|other| other.name.as_str()))
    }

    /// The parameter called `name`.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.inputs.iter().find(|parameter| parameter.name == name)
    }
}

impl Parameter {
    fn new(name: &str, ty: Type) -> Parameter {
        Parameter {
            name: name.to_owned(),
            ty,
            required: false,
            default: None,
            min: None,
            max: None,
            one_of: Vec::new(),
            entries: Vec::new(),
            tool: None,
            stands_for: None,
            doubt: None,
            by_address: false,
            takes_secrets: false,
            limits: Limits::default(),
            description: String::new(),
        }
    }

    /// A parameter that must be given.
    pub fn required(name: &str, ty: Type) -> Parameter {
        Parameter { required: true, ..Parameter::new(name, ty) }
    }

    /// A parameter that may be left out.
    pub fn optional(name: &str, ty: Type) -> Parameter {
        Parameter::new(name, ty)
    }

    /// The value that is taken when it isn't given.
    pub fn default(mut self, value: impl Into<Value>) -> Parameter {
        self.default = Some(value.into());
        self
    }

    /// The bounds of a number, or of the length of a text or list.
    pub fn range(mut self, min: f64, max: f64) -> Parameter {
        self.min = Some(min);
        self.max = Some(max);
        self
    }

    /// The only values that fit.
    pub fn one_of<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Parameter {
        self.one_of = values.into_iter().map(Into::into).collect();
        self
    }

    /// All that an object may hold that is given here, or in the list that is given here.
    pub fn entries(mut self, entries: impl IntoIterator<Item = Parameter>) -> Parameter {
        self.entries = entries.into_iter().collect();
        self
    }

    /// Says which program must be on the machine if it is given.
    pub fn needs(mut self, tool: Tool) -> Parameter {
        self.tool = Some(tool);
        self
    }

    /// Says that it is another way to give the parameter `name`.
    pub fn stands_for(mut self, name: &str) -> Parameter {
        self.stands_for = Some(name.to_owned());
        self
    }

    /// Says what of it nobody has verified.
    pub fn doubted(mut self, doubt: Doubt) -> Parameter {
        self.doubt = Some(doubt);
        self
    }

    /// Says that it is an object of texts that may name secrets.
    pub fn takes_secrets(mut self) -> Parameter {
        self.takes_secrets = true;
        self
    }

    /// One sentence about it.
    pub fn about(mut self, description: &str) -> Parameter {
        self.description = description.to_owned();
        self
    }
}
