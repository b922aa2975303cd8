//! The published JSON Schema of the file format, by which editors complete and check pipelines.
//!
//! It says what can be said about structure; what depends on contracts, names and types is for
//! [`crate::check::check`]. It is as strict: a key that isn't known, or not supported yet, is refused.

use serde_json::{Map, Value as Json, json};

use crate::Class;
use crate::document::words::{INPUT_TYPES, RESERVED_NAMES};

const NAME: &str = "^[a-z][a-z0-9_]*$";
const DURATION: &str = "^(?!(0+(\\.0+)?(ms|s|m|h|d))+$)([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$";

/// The JSON Schema (draft 2020-12) of a pipeline's file.
///
/// ```
/// let schema = motet_pipeline::schema::json_schema();
/// assert_eq!(schema["required"], serde_json::json!(["motet", "steps"]));
/// ```
pub fn json_schema() -> Json {
    let mut schema = object(&["motet", "steps"], pipeline_keys());
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Motet pipeline");
    schema["$defs"] = json!({
        "step": step(),
        "steps": named(json!({ "$ref": "#/$defs/step" }), 1),
        "outputs": named(output(), 0),
        "fallback": object(&["uses"], fallback_keys()),
        "undo": object(&["uses"], undo_keys()),
        "retry": object(&[], retry_keys()),
        "timeout": timeout(&["connect", "request", "queue", "job", "total"]),
        "target_timeout": timeout(&["connect", "request", "queue", "job"]),
        "check": check(),
        "condition": condition(),
        "classes": { "anyOf": [{ "enum": class_words() }, { "type": "array", "items": { "enum": class_words() }, "minItems": 1 }] },
        "duration": { "type": "string", "pattern": DURATION, "description": "A number and a unit: 250ms, 10s, 2m, 1h30m, 7d." },
        "money": { "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,12})?$" }] },
        "with": { "type": "object", "description": "What the operation is given, by name." },
        "labels": { "type": "object", "additionalProperties": { "type": "string" } },
        "declaration": declaration(),
    });
    schema
}

fn pipeline_keys() -> Json {
    json!({
        "motet": { "const": 1, "description": "The version of the language." },
        "name": { "type": "string", "pattern": "^[A-Za-z0-9_-]+$", "description": "The pipeline's name; that of the file if it isn't given." },
        "description": { "type": "string", "description": "What the pipeline is for." },
        "inputs": {
            "type": "object",
            "propertyNames": { "pattern": NAME },
            "additionalProperties": { "$ref": "#/$defs/declaration" },
            "description": "What a run is given: a type or a JSON Schema by name. An input without default is required."
        },
        "timeout": { "$ref": "#/$defs/duration", "description": "How long a whole run may take." },
        "budget": { "$ref": "#/$defs/money", "description": "The most that a run may spend, in US dollars." },
        "allow_unpriced": { "type": "boolean", "description": "Let steps run whose price isn't known, though there is a budget." },
        "on_failure": { "enum": ["fail", "finish", "undo"], "description": "When a step fails: cancel the others (default), let independent branches end, or cancel the others and undo what was done." },
        "labels": { "$ref": "#/$defs/labels", "description": "Labels of every run." },
        "steps": { "$ref": "#/$defs/steps", "description": "What is done. A step starts as soon as all that it refers to is done." },
        "outputs": { "$ref": "#/$defs/outputs", "description": "What a run gives." },
    })
}

/// A step: an operation, another file, or a group, each with the keys that mean something for it.
fn step() -> Json {
    let mut step = object(&[], step_keys());
    step["oneOf"] = json!([
        { "required": ["uses"], "properties": { "steps": false, "outputs": false } },
        { "required": ["steps"], "properties": { "uses": false, "with": false, "retry": false, "pool": false, "fallback": false, "undo": false } },
    ]);
    step["dependentRequired"] = json!({
        "as": ["each"], "key": ["each"], "max_parallel": ["each"], "quorum": ["each"], "early": ["each"],
    });
    step
}

fn step_keys() -> Json {
    json!({
        "uses": { "type": "string", "description": "The operation, such as media/merge, or another file, such as ./clip.yaml." },
        "with": { "$ref": "#/$defs/with" },
        "steps": { "$ref": "#/$defs/steps", "description": "An inline group of steps." },
        "outputs": { "$ref": "#/$defs/outputs", "description": "What the group gives." },
        "needs": one_or_many(json!({ "type": "string", "pattern": NAME })),
        "if": { "$ref": "#/$defs/condition", "description": "Run only when this holds, else the step is skipped and absent." },
        "each": { "type": ["string", "array"], "description": "Fan out over a list: `item` and `index` are what each one sees." },
        "as": { "type": "string", "pattern": NAME, "not": { "enum": RESERVED_NAMES }, "description": "The name of the item, instead of `item`." },
        "key": { "type": "string", "description": "Names an item, so that its identity survives edits; its index if not given." },
        "max_parallel": { "type": "integer", "minimum": 1, "maximum": 1_000_000, "description": "How many items may be under way at once." },
        "quorum": {
            "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": "^(all|any|[1-9][0-9]*|(100|[1-9][0-9]?) *%)$" }],
            "description": "How many items must succeed: all (default), any, a number, a percentage."
        },
        "early": { "type": "boolean", "description": "Continue as soon as the quorum is reached, and cancel the rest." },
        "retry": one_or_many(json!({ "$ref": "#/$defs/retry" })),
        "timeout": { "$ref": "#/$defs/timeout", "description": "How long an attempt may take; a bare duration is that of the job." },
        "pool": pool(),
        "fallback": one_or_many(json!({ "$ref": "#/$defs/fallback" })),
        "check": one_or_many(json!({ "$ref": "#/$defs/check" })),
        "optional": { "type": "boolean", "description": "Tolerate failure: the step is then absent." },
        "always": { "type": "boolean", "description": "Run at the end, whatever happened; sees `run.status` and `run.errors`." },
        "undo": { "$ref": "#/$defs/undo", "description": "What undoes the step once it was done: when the run fails with `on_failure: undo`, and by `motet undo`." },
        "fit": { "enum": ["auto"], "description": "Convert media that measure more than the operation takes, where that is mechanical: size, length, format, mono." },
        "on_unknown": { "enum": ["park", "retry", "fail"], "description": "What to do when the outcome of an attempt is unknown; by default, a call that may cost is parked." },
        "cache": {
            "anyOf": [{ "type": "boolean" }, { "type": "object", "properties": { "ttl": { "$ref": "#/$defs/duration" } }, "additionalProperties": false }],
            "description": "Take the result of another run that was made of the same, at most `ttl` old; off if not given."
        },
        "labels": { "$ref": "#/$defs/labels" },
        "description": { "type": "string" },
    })
}

fn fallback_keys() -> Json {
    json!({
        "uses": { "type": "string", "description": "The next target." },
        "with": { "$ref": "#/$defs/with" },
        "on": { "$ref": "#/$defs/classes", "description": "The failure classes for which it is used." },
        "retry": one_or_many(json!({ "$ref": "#/$defs/retry" })),
        "timeout": { "$ref": "#/$defs/target_timeout" },
        "pool": pool(),
    })
}

fn undo_keys() -> Json {
    json!({
        "uses": { "type": "string", "description": "The operation that undoes the step." },
        "with": { "$ref": "#/$defs/with", "description": "What it is given; sees `output`, what the step gave." },
        "retry": one_or_many(json!({ "$ref": "#/$defs/retry" })),
        "timeout": { "$ref": "#/$defs/target_timeout" },
        "pool": pool(),
    })
}

fn pool() -> Json {
    json!({ "type": "string", "description": "The pool, defined in the settings, that the step runs in: it limits how many attempts run at once, and how often one may start." })
}

fn retry_keys() -> Json {
    json!({
        "on": { "$ref": "#/$defs/classes", "description": "The failure classes to which the rule applies." },
        "attempts": { "type": "integer", "minimum": 1, "maximum": 100, "description": "How many attempts at a target in all; 3 if not given." },
        "backoff": { "$ref": "#/$defs/duration", "description": "The pause before the second attempt; 1s if not given." },
        "factor": { "type": "number", "minimum": 1, "maximum": 100, "description": "The factor by which the pause grows; 2 if not given." },
        "max_backoff": { "$ref": "#/$defs/duration", "description": "The longest pause; 30s if not given." },
        "jitter": { "type": "boolean", "description": "Whether the pause is drawn between zero and its full length; true if not given." },
        "timeout": { "anyOf": [{ "$ref": "#/$defs/duration" }, { "type": "string", "pattern": "^(?!0+(\\.0+)? *x$)[0-9]+(\\.[0-9]+)? *x$" }], "description": "The job timeout of further attempts: a duration, or a factor such as 2x." },
    })
}

fn timeout(phases: &[&str]) -> Json {
    let phases: Map<String, Json> =
        phases.iter().map(|phase| ((*phase).to_owned(), json!({ "$ref": "#/$defs/duration" }))).collect();
    json!({ "anyOf": [{ "$ref": "#/$defs/duration" }, object(&[], Json::Object(phases))] })
}

fn check() -> Json {
    let keys = json!({
        "that": { "$ref": "#/$defs/condition", "description": "Must hold; sees `output`." },
        "message": { "type": "string", "description": "What to say when it doesn't." },
    });
    json!({ "anyOf": [{ "$ref": "#/$defs/condition" }, object(&["that"], keys)] })
}

fn condition() -> Json {
    json!({ "anyOf": [{ "type": "boolean" }, { "type": "string", "pattern": "^\\s*\\{\\{[\\s\\S]*\\}\\}\\s*$" }] })
}

/// An output: any value, or a map with `value` and its type.
fn output() -> Json {
    let declaration = json!({ "$ref": "#/$defs/declaration" });
    let mut typed = object(&["value"], json!({ "value": true, "type": declaration, "schema": declaration }));
    typed["not"] = json!({ "required": ["type", "schema"] });
    json!({ "if": { "type": "object", "required": ["value"] }, "then": typed })
}

/// A type, or a JSON Schema in which the media types are types too.
fn declaration() -> Json {
    let ty = json!({ "enum": INPUT_TYPES });
    let keywords = crate::document::words::SCHEMA_KEYWORDS;
    let mut properties: Map<String, Json> =
        keywords.iter().map(|word| ((*word).to_owned(), json!(true))).collect();
    let schema =
        json!({ "anyOf": [{ "type": "boolean" }, { "type": "object", "$ref": "#/$defs/declaration" }] });
    properties.insert("type".to_owned(), one_or_many(ty.clone()));
    properties.insert(
        "sensitive".to_owned(),
        json!({ "type": "boolean", "description": "Mask it wherever it would be shown." }),
    );
    properties.insert("description".to_owned(), json!({ "type": "string" }));
    for word in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] {
        properties.insert(word.to_owned(), json!({ "type": "number" }));
    }
    for word in ["items", "not", "if", "then", "else", "contains", "additionalProperties", "propertyNames"] {
        properties.insert(word.to_owned(), schema.clone());
    }
    for word in ["properties", "patternProperties", "$defs", "dependentSchemas"] {
        properties.insert(word.to_owned(), json!({ "type": "object", "additionalProperties": schema }));
    }
    for word in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        properties.insert(word.to_owned(), json!({ "type": "array", "items": schema }));
    }
    json!({ "anyOf": [ty, object(&[], Json::Object(properties))] })
}

fn class_words() -> Vec<&'static str> {
    Class::ALL.iter().map(|class| class.word()).chain(["any"]).collect()
}

/// A map with exactly these keys.
fn object(required: &[&str], properties: Json) -> Json {
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

/// A map with free names.
fn named(value: Json, least: usize) -> Json {
    json!({ "type": "object", "propertyNames": { "pattern": NAME }, "additionalProperties": value, "minProperties": least })
}

fn one_or_many(item: Json) -> Json {
    json!({ "anyOf": [item, { "type": "array", "items": item }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::words;

    #[test]
    fn the_schema_has_exactly_the_keys_that_the_parser_supports() {
        let schema = json_schema();
        let definitions = &schema["$defs"];
        for (object, keys) in [
            (&schema, words::PIPELINE),
            (&definitions["step"], words::STEP),
            (&definitions["fallback"], words::FALLBACK),
            (&definitions["undo"], words::UNDO),
            (&definitions["retry"], words::RETRY),
            (&definitions["timeout"]["anyOf"][1], words::TIMEOUT),
            (&definitions["check"]["anyOf"][1], words::CHECK),
        ] {
            let published: Vec<_> =
                object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            let mut supported: Vec<_> =
                keys.iter().filter(|key| key.later.is_none()).map(|key| key.name).collect();
            supported.sort_unstable();
            assert_eq!(published, supported);
        }
    }
}
