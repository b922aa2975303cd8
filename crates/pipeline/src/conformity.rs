//! Conformity: whether a value conforms to a JSON Schema. The only place that knows the validator.

use jsonschema::PatternOptions;
use serde_json::Value as Json;

use crate::Value;

/// The largest compiled regular expression of a schema, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// How many faults of one value are told.
const FAULTS_MAX: usize = 20;

/// The schema itself is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadSchema {
    /// What is wrong, without a full stop.
    pub message: String,
    /// Where in the schema: a JSON pointer such as `/properties/title`.
    pub pointer: String,
}

/// A JSON Schema that was read and found good.
#[derive(Clone, Debug)]
pub struct Schema(jsonschema::Validator);

impl Schema {
    /// Reads a schema. Nothing is fetched: it may refer only to its own parts. Patterns are regular
    /// expressions that always run in linear time.
    ///
    /// # Errors
    /// When it isn't a JSON Schema.
    ///
    /// ```
    /// use motet_pipeline::Value;
    /// use motet_pipeline::conformity::Schema;
    /// let schema = Schema::read(&serde_json::json!({ "type": "string", "maxLength": 3 })).unwrap();
    /// assert_eq!(schema.faults("`title`", &Value::from("film")), ["`title` is longer than 3 characters"]);
    /// ```
    pub fn read(schema: &Json) -> Result<Schema, BadSchema> {
        if let Some(pointer) = endless_reference(schema) {
            let message = "this reference leads back to itself".to_owned();
            return Err(BadSchema { message, pointer });
        }
        let bad = |error: &jsonschema::ValidationError<'_>| BadSchema {
            message: error.to_string(),
            pointer: error.instance_path().to_string(),
        };
        jsonschema::meta::validate(schema).map_err(|error| bad(&error))?;
        jsonschema::options()
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX))
            .build(schema)
            .map(Schema)
            .map_err(|error| bad(&error))
    }

    /// What is wrong with `value`, which messages call `subject`; nothing if it conforms. Messages
    /// name places and limits, never the value itself: it may be sensitive.
    pub fn faults(&self, subject: &str, value: &Value) -> Vec<String> {
        let json = value.to_json();
        let errors = self.0.iter_errors(&json).take(FAULTS_MAX);
        errors
            .map(|error| {
                let place = error.instance_path().to_string();
                let subject = match place.as_str() {
                    "" => subject.to_owned(),
                    pointer => format!("{subject} at `{pointer}`"),
                };
                error.masked_with(subject).to_string()
            })
            .collect()
    }
}

/// A reference that leads only to references, and in the end to itself: following it never ends.
fn endless_reference(schema: &Json) -> Option<String> {
    fn search(part: &Json, root: &Json, pointer: &mut String) -> Option<String> {
        if leads_to_itself(part, root) {
            return Some(pointer.clone());
        }
        let length = pointer.len();
        let children: Vec<(String, &Json)> = match part {
            Json::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Json::Array(items) => {
                items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
            }
            _ => Vec::new(),
        };
        children.into_iter().find_map(|(key, child)| {
            pointer.push('/');
            pointer.push_str(&key);
            let found = search(child, root, pointer);
            pointer.truncate(length);
            found
        })
    }
    search(schema, schema, &mut String::new())
}

fn leads_to_itself(part: &Json, root: &Json) -> bool {
    const STEPS_MAX: usize = 64;
    let mut part = part;
    for _ in 0..STEPS_MAX {
        let Some(pointer) = part.get("$ref").and_then(Json::as_str).and_then(|text| text.strip_prefix('#'))
        else {
            return false;
        };
        match root.pointer(pointer) {
            Some(next) => part = next,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_name_places_and_limits_but_not_the_value() {
        let schema = json!({
            "type": "object",
            "required": ["text"],
            "properties": { "text": { "type": "string", "maxLength": 3 }, "mood": { "enum": ["calm", "wild"] } },
        });
        let schema = Schema::read(&schema).unwrap();
        let faults = |json: Json| schema.faults("`answer`", &Value::from(json));
        assert_eq!(faults(json!({ "text": "abc" })), Vec::<String>::new());
        assert_eq!(faults(json!({})), ["\"text\" is a required property"]);
        assert_eq!(
            faults(json!({ "text": "secret", "mood": "sly" })),
            [
                "`answer` at `/mood` is not one of \"calm\" or \"wild\"",
                "`answer` at `/text` is longer than 3 characters"
            ],
        );
    }

    #[test]
    fn a_schema_that_is_none_is_told_apart() {
        let table = [
            (json!({ "type": "strin" }), "/type"),
            (json!({ "properties": { "a": { "minLength": "x" } } }), "/properties/a/minLength"),
            (json!({ "$ref": "#" }), ""),
            (
                json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } } }),
                "",
            ),
        ];
        for (schema, pointer) in table {
            assert_eq!(Schema::read(&schema).unwrap_err().pointer, pointer, "{schema}");
        }
        assert!(Schema::read(&json!({ "$ref": "https://example.org/other.json" })).is_err());
        assert!(Schema::read(&json!({ "pattern": "(a" })).is_err());
    }

    #[test]
    fn a_schema_may_refer_to_itself_below() {
        let tree = json!({ "properties": { "next": { "$ref": "#" } }, "type": "object" });
        let schema = Schema::read(&tree).unwrap();
        assert_eq!(
            schema.faults("`tree`", &Value::from(json!({ "next": { "next": {} } }))),
            Vec::<String>::new()
        );
        assert_eq!(schema.faults("`tree`", &Value::from(json!({ "next": { "next": 1 } }))).len(), 1);
    }

    #[test]
    fn patterns_run_in_linear_time() {
        let schema = Schema::read(&json!({ "type": "string", "pattern": "^(a+)+$" })).unwrap();
        assert_eq!(schema.faults("`x`", &Value::from("a".repeat(50_000) + "!")).len(), 1);
    }
}
