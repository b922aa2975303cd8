//! Entries: a model as its data file describes it.

use std::collections::{BTreeMap, BTreeSet};

use motet_pipeline::contract::{Doubt, Feature, Limits};
use motet_pipeline::price::{Factor, Unit};
use motet_pipeline::{Digest, MediaKind, Type};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::mapping::Mapping;
use crate::model::Form;

/// A model as its data file describes it: what the provider's own interface takes and gives, and which of our words
/// stand for that.
///
/// `inputs` names the parameters as the provider does. Where `is` gives one of the words that mean the same for all
/// models, `form` says how a value in our units is written in the provider's. Everything else of a contract follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The provider's name: `fal`.
    pub provider: String,
    /// The provider's own name of the model: `fal-ai/flux/dev`.
    pub id: String,
    /// The version that is asked for, where one must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Which of the provider's ways is taken; empty for the usual one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub route: String,
    /// Other full names by which people know it. They are not taken, but answered with its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// One sentence: what it does.
    pub summary: String,
    /// Whether a call is a job.
    pub call: Way,
    /// How long a call usually takes, in seconds: the least and the most.
    pub seconds: (f64, f64),
    /// What the provider offers for a call.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub features: BTreeSet<Feature>,
    /// What it takes.
    pub inputs: Vec<Input>,
    /// Inputs of which exactly one must be given, by the names that a pipeline uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exactly_one: Vec<Vec<String>>,
    /// What it gives, by the names that a pipeline uses.
    pub outputs: BTreeMap<String, Output>,
    /// How it is billed.
    #[serde(default, skip_serializing_if = "Billing::is_usual")]
    pub billing: Billing,
    /// Where all this is from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

/// How a model is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The reply names a job.
    Job,
    /// The reply is the result.
    Direct,
}

/// A parameter, as the provider takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The provider's name; with dots where it lies inside of an object (`voice_settings.speed`). Its last part is the
    /// name in a pipeline.
    pub name: String,
    /// The word that means the same for all models, if there is one.
    #[serde(default, rename = "is", skip_serializing_if = "Option::is_none")]
    pub unified: Option<String>,
    /// How that word's value becomes the provider's.
    #[serde(default, skip_serializing_if = "Mapping::is_same")]
    pub form: Mapping,
    /// The provider's type: `text`, `integer`, `number`, `boolean`, `object`, `any`, `image`, `video`, `audio`,
    /// `file`; `list of …`; several with `or` between them.
    #[serde(rename = "type")]
    pub ty: TypeWords,
    /// Whether the model can't do without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What the provider takes if it isn't given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
    /// The smallest number, or shortest text or list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest number, or longest text or list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// If not empty, the only values that the provider takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<Json>,
    /// What media must measure.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
    /// What of it nobody has verified. An unverified default isn't sent, and unverified bounds are not enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// Other parameters of the provider that must have these values for this one to count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub implies: BTreeMap<String, Json>,
    /// One sentence about it.
    pub about: String,
}

impl Input {
    /// Its own name in a pipeline: the last part of the provider's.
    pub fn own_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    /// The name that means the same for all models, else its own.
    pub fn word(&self) -> &str {
        self.unified.as_deref().unwrap_or(self.own_name())
    }

    /// Whether the provider's name can be given beside the word.
    pub fn has_two_names(&self) -> bool {
        self.word() != self.own_name()
    }
}

/// What a model gives, and where it lies in the provider's reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Where: names and places of list elements with dots between them; empty for all of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// What is made of it.
    #[serde(rename = "as")]
    pub form: Form,
    /// Whether the model may leave it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Of a plain value: its type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<TypeWords>,
}

impl Output {
    /// The type of what a pipeline is given.
    pub fn ty(&self) -> Type {
        match (self.form.media(), self.form) {
            (Some((kind, false)), _) => Type::media(kind),
            (Some((kind, true)), _) => Type::list(Type::media(kind)),
            (None, Form::Text) => Type::Text,
            (None, Form::Words) => Type::list(Type::Object {
                fields: [("word", Type::Text), ("start", Type::Number), ("end", Type::Number)]
                    .map(|(name, ty)| (name.to_owned(), ty))
                    .into_iter()
                    .collect(),
                open: true,
            }),
            (None, _) => self.ty.as_ref().map_or(Type::Any, |words| words.0.clone()),
        }
    }
}

/// How a model is billed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    /// The model whose rows in the price book hold, as `provider/model`; its own name if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The parameters that conditions of the price book are about, where it calls them otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subjects: BTreeMap<String, String>,
    /// How much of a unit a call uses: the product of the factors.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantities: BTreeMap<Unit, Vec<Factor>>,
    /// Why no price is known, if none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpriced: Option<String>,
}

impl Billing {
    fn is_usual(&self) -> bool {
        *self == Billing::default()
    }
}

/// The longest that a call may usually take: a month.
const SECONDS_MAX: f64 = 30.0 * 86_400.0;

impl Entry {
    /// Reads a data file.
    ///
    /// # Errors
    /// Says what is wrong with it, in words.
    pub fn read(text: &str) -> Result<Entry, BadEntry> {
        let entry: Entry = serde_json::from_str(text).map_err(|error| BadEntry(error.to_string()))?;
        entry.judge().map_err(BadEntry)?;
        Ok(entry)
    }

    /// The data file, as people read it.
    pub fn written(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("an entry is plain data with text keys");
        format!("{text}\n")
    }

    /// Where the data file lies in a folder of models: `fal/fal-ai--flux--dev.json`.
    pub fn file_name(&self) -> String {
        format!("{}/{}.json", self.provider, self.id.replace('/', "--"))
    }

    /// What isn't known of a model that was made from what its provider publishes, in sentences without a full stop.
    pub fn remarks(&self) -> Vec<String> {
        let doubts = self.inputs.iter().filter(|input| input.doubt.is_some()).map(|input| {
            let word = input.word();
            format!("`{word}` takes more than a description can say: what is given for it is sent as it is")
        });
        let outputs = self.outputs.iter().filter_map(|(name, output)| match (output.form, &output.ty) {
            (Form::File | Form::Files, _) => {
                Some(format!("of `{name}` it isn't known what kind of file it is"))
            }
            (Form::Value, None) => Some(format!("`{name}` is given as it comes: its form isn't known")),
            _ => None,
        });
        let (low, high) = self.seconds;
        let time = format!("how long it takes isn't published: {low} to {high} s are assumed (`seconds`)");
        let price = self.billing.unpriced.as_ref();
        let price =
            price.map(|_| "its price isn't published: a row in a price book of yours says it".to_owned());
        doubts.chain(outputs).chain([time]).chain(price).collect()
    }

    /// The name that `uses` refers to.
    pub fn operation(&self) -> String {
        format!("{}/{}", self.provider, self.id)
    }

    /// The digest of what calls of the model depend on, beyond its version and its price: what it takes and gives, and how
    /// that is written for the provider. What only people read isn't part of it.
    pub fn digest(&self) -> Digest {
        let mut entry = Entry {
            version: None,
            aliases: Vec::new(),
            summary: String::new(),
            seconds: (0.0, 0.0),
            source: String::new(),
            ..self.clone()
        };
        entry.inputs.iter_mut().for_each(|input| input.about.clear());
        entry.billing.unpriced = None;
        Digest::of(&serde_json::to_vec(&entry).expect("an entry is plain data with text keys"))
    }

    /// The model's key in the price book.
    pub fn price_key(&self) -> String {
        if self.billing.key.is_empty() { self.operation() } else { self.billing.key.clone() }
    }

    fn judge(&self) -> Result<(), String> {
        if self.provider.is_empty() || self.id.is_empty() {
            return Err("it names no `provider` or no `id`".to_owned());
        }
        let (low, high) = self.seconds;
        if !(0.0..=high).contains(&low) || high > SECONDS_MAX {
            return Err("`seconds` must be the least and the most, such as [1, 10]".to_owned());
        }
        let mut names = BTreeSet::new();
        for input in &self.inputs {
            let both = std::iter::once(input.word()).chain(input.has_two_names().then(|| input.own_name()));
            for name in both.chain(input.form.further_names(self)) {
                if name.is_empty() || !names.insert(name.to_owned()) {
                    return Err(format!("two inputs are called `{name}`, or one has no name"));
                }
            }
            input.form.judge(input).map_err(|reason| format!("`{}`: {reason}", input.name))?;
        }
        let implied = self.inputs.iter().flat_map(|input| input.implies.keys());
        let mut all = implied.chain(self.exactly_one.iter().flatten());
        if let Some(unknown) = all.find(|name| !names.contains(*name)) {
            return Err(format!("there is no input `{unknown}`"));
        }
        if self.outputs.is_empty() {
            return Err("it has no `outputs`".to_owned());
        }
        Ok(())
    }
}

/// A data file that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no description of a model: {0}")]
pub struct BadEntry(String);

/// A type, in the words of a data file.
///
/// ```
/// use motet_providers::catalogue::TypeWords;
/// let words: TypeWords = serde_json::from_str(r#""list of image""#).unwrap();
/// assert_eq!(words.0.to_string(), "list of image");
/// assert!(serde_json::from_str::<TypeWords>(r#""picture""#).is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TypeWords(pub Type);

const WORDS: [(&str, Type); 6] = [
    ("text", Type::Text),
    ("integer", Type::Integer),
    ("number", Type::Number),
    ("boolean", Type::Boolean),
    ("any", Type::Any),
    ("null", Type::Null),
];

impl TypeWords {
    fn read(words: &str) -> Option<Type> {
        if words.contains(" or ") {
            let options: Option<Vec<Type>> = words.split(" or ").map(TypeWords::read).collect();
            return Some(Type::one_of(options?));
        }
        if let Some(item) = words.strip_prefix("list of ") {
            return TypeWords::read(item).map(Type::list);
        }
        if words == "object" {
            return Some(Type::map(Type::Any));
        }
        let plain = WORDS.iter().find(|(word, _)| *word == words).map(|(_, ty)| ty.clone());
        plain.or_else(|| MediaKind::from_word(words).map(Type::media))
    }

    fn words(ty: &Type) -> String {
        match ty {
            Type::OneOf(options) => options.iter().map(TypeWords::words).collect::<Vec<_>>().join(" or "),
            Type::List(item) => format!("list of {}", TypeWords::words(item)),
            Type::Media(kinds) => kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(" or "),
            Type::Map(_) | Type::Object { .. } => "object".to_owned(),
            plain => WORDS.iter().find(|(_, ty)| ty == plain).map_or("any", |(word, _)| word).to_owned(),
        }
    }
}

impl Serialize for TypeWords {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&TypeWords::words(&self.0))
    }
}

impl<'de> Deserialize<'de> for TypeWords {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<TypeWords, D::Error> {
        let words = String::deserialize(deserializer)?;
        TypeWords::read(&words)
            .map(TypeWords)
            .ok_or_else(|| serde::de::Error::custom(format!("`{words}` is no type of a parameter")))
    }
}
