//! What an input of a pipeline may be.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value as Json, json};

/// The type of an input.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InputType {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// True or false.
    Boolean,
    /// A still picture.
    Image,
    /// Moving pictures.
    Video,
    /// Sound.
    Audio,
    /// Any file.
    File,
    /// A list of one type.
    List(Box<InputType>),
    /// Whatever fits a JSON Schema, in which media types are types too.
    Schema(Json),
}

impl InputType {
    /// A list of `item`.
    pub fn list(item: InputType) -> InputType {
        InputType::List(Box::new(item))
    }

    /// What a Rust type takes.
    pub fn of<T: JsonSchema>() -> InputType {
        let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let mut schema = generator.into_root_schema_for::<T>();
        schema.remove("$schema");
        InputType::Schema(schema.to_value())
    }

    /// The same, with a value that is taken where none is given.
    pub fn default(self, value: impl Into<Json>) -> InputType {
        let mut schema = as_object(self.schema());
        schema["default"] = value.into();
        InputType::Schema(schema)
    }

    pub(super) fn schema(&self) -> Json {
        let word = match self {
            InputType::Text => "string",
            InputType::Integer => "integer",
            InputType::Number => "number",
            InputType::Boolean => "boolean",
            InputType::Image => "image",
            InputType::Video => "video",
            InputType::Audio => "audio",
            InputType::File => "file",
            InputType::List(item) => {
                let items = as_object(item.schema());
                return json!({ "type": "array", "items": items });
            }
            InputType::Schema(schema) => return schema.clone(),
        };
        Json::from(word)
    }
}

/// The schema in its long form, which has room for more.
fn as_object(schema: Json) -> Json {
    match schema {
        Json::String(word) => json!({ "type": word }),
        Json::Object(_) => schema,
        Json::Bool(true) => json!({}),
        other => json!({ "allOf": [other] }),
    }
}
