//! The simulated models: their inputs, outputs, latency and prices.
//!
//! The simulator has its own list (`models.json`), so that it can judge the lists of its clients.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::scenario::Provider;

/// What a model makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Makes {
    Image,
    Video,
    Speech,
    Music,
    Transcript,
    Text,
    Moderation,
}

/// A price: US dollars for `per` units, if the inputs have the values in `when`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Price {
    pub(crate) unit: String,
    pub(crate) per: u64,
    pub(crate) usd: String,
    #[serde(default)]
    pub(crate) when: BTreeMap<String, Vec<Value>>,
}

/// A model.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Model {
    pub(crate) provider: Provider,
    pub(crate) id: String,
    pub(crate) makes: Makes,
    /// The shape of its output.
    pub(crate) shape: String,
    /// The range of its run time.
    pub(crate) latency_ms: [u64; 2],
    #[serde(default)]
    pub(crate) price: Vec<Price>,
    #[serde(default)]
    version: Option<String>,
    /// Whether it runs without a version (Replicate).
    #[serde(default)]
    pub(crate) official: bool,
    /// The default output format, if no input selects one.
    #[serde(default)]
    pub(crate) format: Option<String>,
    #[serde(default)]
    pub(crate) fps: Option<u32>,
    #[serde(default)]
    pub(crate) seconds: Option<u64>,
    #[serde(default)]
    pub(crate) resolution: Option<String>,
    /// The input whose file determines the output's size and length.
    #[serde(default)]
    pub(crate) source: Option<String>,
    /// The input with the scale factor.
    #[serde(default)]
    pub(crate) scale: Option<String>,
    /// The input whose file determines the output's length.
    #[serde(default)]
    pub(crate) length_of: Option<String>,
    /// The input with the text to speak.
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// Whether its video has sound: `true`, or the name of the input that decides.
    #[serde(default)]
    pub(crate) audio: Value,
    #[serde(default)]
    pub(crate) stream: bool,
    #[serde(default)]
    pub(crate) description: bool,
    #[serde(default)]
    pub(crate) seed: bool,
    #[serde(default)]
    pub(crate) prompt: bool,
    #[serde(default)]
    pub(crate) metadata: bool,
    pub(crate) required: Vec<String>,
    /// Its inputs as fragments of JSON Schema.
    pub(crate) input: BTreeMap<String, Value>,
}

static MODELS: LazyLock<Models> = LazyLock::new(Models::load);

struct Models {
    all: Vec<Model>,
    by_id: HashMap<(Provider, String), usize>,
    by_version: HashMap<String, usize>,
}

impl Models {
    fn load() -> Models {
        let all: Vec<Model> = serde_json::from_str(include_str!("models.json"))
            .expect("the list of models is a test's business");
        let by_id =
            all.iter().enumerate().map(|(at, model)| ((model.provider, model.id.clone()), at)).collect();
        let by_version = all.iter().enumerate().map(|(at, model)| (model.version(), at)).collect();
        Models { all, by_id, by_version }
    }
}

/// All models of a provider.
pub(crate) fn of(provider: Provider) -> impl Iterator<Item = &'static Model> {
    MODELS.all.iter().filter(move |model| model.provider == provider)
}

pub(crate) fn find(provider: Provider, id: &str) -> Option<&'static Model> {
    MODELS.by_id.get(&(provider, id.to_owned())).map(|at| &MODELS.all[*at])
}

pub(crate) fn by_version(version: &str) -> Option<&'static Model> {
    MODELS.by_version.get(version).map(|at| &MODELS.all[*at])
}

/// An invalid input. Each provider has its own wording.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) field: String,
    pub(crate) kind: WrongKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WrongKind {
    Missing,
    Type(&'static str),
    Enum(Vec<Value>),
    Below(Value),
    Above(Value),
    TooMany(u64),
}

impl Model {
    /// Its version id.
    pub(crate) fn version(&self) -> String {
        self.version.clone().unwrap_or_else(|| {
            Sha256::digest(self.id.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
        })
    }

    /// The given value of an input, or its default.
    pub(crate) fn value<'v>(&'v self, input: &'v Value, name: &str) -> Option<&'v Value> {
        let given = input.get(name).filter(|value| !value.is_null());
        given.or_else(|| self.input.get(name)?.get("default"))
    }

    /// Everything that is invalid in `input`. Unknown names are ignored, as the providers ignore them.
    pub(crate) fn check(&self, input: &Value) -> Vec<Wrong> {
        let missing = |name: &&String| input.get(name.as_str()).is_none();
        let wrong = |field: &str, kind| Wrong { field: field.to_owned(), kind };
        let mut all: Vec<Wrong> =
            self.required.iter().filter(missing).map(|name| wrong(name, WrongKind::Missing)).collect();
        for (name, schema) in &self.input {
            if let Some(kind) = input.get(name).and_then(|value| check(schema, value)) {
                all.push(wrong(name, kind));
            }
        }
        all
    }

    /// The names in `input` that are not in the schema.
    pub(crate) fn unknown(&self, input: &Value) -> Vec<String> {
        let given = input.as_object().into_iter().flat_map(|input| input.keys());
        given.filter(|name| !self.input.contains_key(*name)).cloned().collect()
    }

    /// The inputs as a JSON Schema, as providers publish it.
    pub(crate) fn schema(&self) -> Value {
        let properties: serde_json::Map<String, Value> = self
            .input
            .iter()
            .enumerate()
            .map(|(order, (name, schema))| {
                let mut schema = schema.clone();
                if let Some(schema) = schema.as_object_mut() {
                    if schema.remove("x-size").is_some() {
                        schema.insert("anyOf".to_owned(), size_schema());
                    }
                    schema.insert("title".to_owned(), json!(title(name)));
                    schema.insert("x-order".to_owned(), json!(order));
                }
                (name.clone(), schema)
            })
            .collect();
        json!({ "type": "object", "title": "Input", "required": self.required, "properties": properties })
    }
}

fn size_schema() -> Value {
    json!([
        { "type": "object", "required": ["width", "height"], "properties": {
            "width": { "type": "integer", "maximum": 14142, "minimum": 1 }, "height": { "type": "integer", "maximum": 14142, "minimum": 1 } } },
        { "type": "string", "enum": ["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"] },
    ])
}

fn title(name: &str) -> String {
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

fn check(schema: &Value, value: &Value) -> Option<WrongKind> {
    if schema.get("x-size").is_some() {
        let named = value.as_str().is_some_and(|name| {
            size_schema()[1]["enum"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
        });
        let sized = ["width", "height"]
            .iter()
            .all(|side| value[side].as_u64().is_some_and(|side| (1..=14142).contains(&side)));
        return (!named && !sized).then_some(WrongKind::Type("image size"));
    }
    let (right, kind) = match schema["type"].as_str().unwrap_or_default() {
        "integer" => (value.is_i64() || value.is_u64(), "integer"),
        "number" => (value.is_number(), "number"),
        "boolean" => (value.is_boolean(), "boolean"),
        "array" => (value.is_array(), "array"),
        _ => (value.is_string(), "string"),
    };
    if !right {
        return Some(WrongKind::Type(kind));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        return Some(WrongKind::Enum(values.clone()));
    }
    if let (Some(number), Some(most)) = (value.as_f64(), schema["maximum"].as_f64())
        && number > most
    {
        return Some(WrongKind::Above(schema["maximum"].clone()));
    }
    if let (Some(number), Some(least)) = (value.as_f64(), schema["minimum"].as_f64())
        && number < least
    {
        return Some(WrongKind::Below(schema["minimum"].clone()));
    }
    if let (Some(items), Some(most)) = (value.as_array(), schema["maxItems"].as_u64())
        && items.len() as u64 > most
    {
        return Some(WrongKind::TooMany(most));
    }
    None
}
