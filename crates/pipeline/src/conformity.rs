//! Conformity: whether a value conforms to a JSON Schema. The only place that knows the validator.

mod work;

use std::fmt;
use std::sync::Arc;

use jsonschema::PatternOptions;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::Value;

/// The largest compiled regular expression of a schema, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// How many faults of one value are reported.
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

/// A JSON Schema that was read, found good and compiled. Clones share what was compiled: a plan compiles each
/// of its schemas once, for all its runs.
#[derive(Clone)]
pub struct Schema(Arc<Compiled>);

struct Compiled {
    written: Json,
    has_references: bool,
    validator: jsonschema::Validator,
    /// Of a schema of lists whose items can be looked at one by one: what each of them is held against.
    /// The validator above knows no more than how many there may be.
    items: Option<jsonschema::Validator>,
}

/// The words of a schema of lists that don't look into the items.
const WORDS_OF_LISTS: [&str; 7] =
    ["type", "minItems", "maxItems", "title", "description", "default", "examples"];

#[cfg(test)]
thread_local! {
    /// How many schemas this thread has compiled.
    pub(crate) static COMPILED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Schema {
    /// Reads a schema. Nothing is fetched: it may refer only to its own parts, by `#` or `#/` and a path.
    /// Patterns are regular expressions that always run in linear time. A `format` is a promise too, as
    /// far as it is known (`email`, `uri`, `date`, …).
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
        let mut has_references = false;
        judge_references(schema, schema, &mut String::new(), &mut has_references)?;
        let bad = |error: &jsonschema::ValidationError<'_>| BadSchema {
            message: error.to_string(),
            pointer: error.instance_path().to_string(),
        };
        jsonschema::meta::validate(schema).map_err(|error| bad(&error))?;
        let compile = |schema: &Json| {
            let options = jsonschema::options()
                .should_validate_formats(true)
                .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX));
            options.build(schema).map_err(|error| bad(&error))
        };
        let parts = take_items_out(schema).filter(|_| !has_references);
        let (validator, items) = match &parts {
            Some((list, items)) => (compile(list)?, Some(compile(items)?)),
            None => (compile(schema)?, None),
        };
        #[cfg(test)]
        COMPILED.set(COMPILED.get() + 1);
        Ok(Schema(Arc::new(Compiled { written: schema.clone(), has_references, validator, items })))
    }

    /// The schema to which every value conforms.
    pub fn of_anything() -> Schema {
        Schema::read(&Json::Object(serde_json::Map::new())).expect("no keywords at all are a good schema")
    }

    /// The schema as it was read.
    pub fn as_json(&self) -> &Json {
        &self.0.written
    }

    /// What is wrong with `value`, which messages call `subject`; nothing if it conforms. Messages
    /// name places and limits, never the value itself: it may be sensitive.
    pub fn faults(&self, subject: &str, value: &Value) -> Vec<String> {
        let (Some(each), Value::List(items)) = (&self.0.items, value) else {
            let json = value.to_json();
            if self.0.has_references && !work::is_bounded(&self.0.written, &json) {
                return vec![format!(
                    "{subject} can't be checked against its schema: its references take too much work"
                )];
            }
            return faults_by(&self.0.validator, subject, "", &json, FAULTS_MAX);
        };
        // A long list as JSON takes many times its own memory.
        let blank = Json::Array(vec![Json::Null; items.len()]);
        let mut faults = faults_by(&self.0.validator, subject, "", &blank, FAULTS_MAX);
        for (index, item) in items.iter().enumerate() {
            let left = FAULTS_MAX - faults.len();
            if left == 0 {
                break;
            }
            faults.extend(faults_by(each, subject, &format!("/{index}"), &item.to_json(), left));
        }
        faults
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Schema, D::Error> {
        Schema::read(&Json::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What `validator` finds wrong with `json`, which lies at `place` in `subject`.
fn faults_by(
    validator: &jsonschema::Validator,
    subject: &str,
    place: &str,
    json: &Json,
    most: usize,
) -> Vec<String> {
    let errors = validator.iter_errors(json).take(most);
    errors
        .map(|error| {
            let subject = match format!("{place}{}", error.instance_path()).as_str() {
                "" => subject.to_owned(),
                pointer => format!("{subject} at `{pointer}`"),
            };
            error.masked_with(subject).to_string()
        })
        .collect()
}

/// A schema of lists without what it says of the items, and that: where nothing in it is about the list
/// as a whole.
fn take_items_out(schema: &Json) -> Option<(Json, Json)> {
    let mut list = schema.as_object()?.clone();
    let items = list.remove("items")?;
    list.keys().all(|word| WORDS_OF_LISTS.contains(&word.as_str())).then_some((Json::Object(list), items))
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.written.fmt(f)
    }
}

/// Looks at all references of a schema: which can't be followed here, and which lead only to references
/// and in the end to themselves. What stands in data isn't one.
fn judge_references(
    part: &Json,
    root: &Json,
    pointer: &mut String,
    found: &mut bool,
) -> Result<(), BadSchema> {
    const DATA: [&str; 4] = ["const", "enum", "default", "examples"];
    let bad = |message: &str, pointer: &str| {
        Err(BadSchema { message: message.to_owned(), pointer: pointer.to_owned() })
    };
    let children: Vec<(String, &Json)> = match part {
        Json::Object(entries) => entries
            .iter()
            .filter(|(key, _)| !DATA.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        _ => Vec::new(),
    };
    if let Some(reference) = part.get("$ref").and_then(Json::as_str) {
        *found = true;
        let followed = reference == "#" || reference.starts_with("#/") && !reference.contains('%');
        if reference.starts_with('#') && !followed {
            return bad("a reference is written as `#/` and the path to a definition", pointer);
        }
        if leads_to_itself(part, root) {
            return bad("this reference leads back to itself", pointer);
        }
    }
    if part.get("$dynamicRef").or(part.get("$recursiveRef")).is_some_and(Json::is_string) {
        return bad("only references of the plain sort, `$ref`, can be followed", pointer);
    }
    for (key, child) in children {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&key);
        judge_references(child, root, pointer, found)?;
        pointer.truncate(length);
    }
    Ok(())
}

/// What a reference refers to.
fn target<'s>(reference: &str, root: &'s Json) -> Option<&'s Json> {
    root.pointer(reference.strip_prefix('#')?)
}

fn leads_to_itself(part: &Json, root: &Json) -> bool {
    const STEPS_MAX: usize = 64;
    let mut part = part;
    for _ in 0..STEPS_MAX {
        match part.get("$ref").and_then(Json::as_str).and_then(|reference| target(reference, root)) {
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
    fn items_are_looked_at_one_by_one_where_the_schema_allows_it() {
        let item = json!({ "type": "object", "properties": { "a": { "type": "integer", "minimum": 0 } } });
        let lists = json!({ "type": "array", "minItems": 3, "title": "Numbers", "items": item.clone() });
        let wholes = json!({ "type": "array", "minItems": 3, "uniqueItems": false, "items": item });
        let [split, whole] = [lists, wholes].map(|schema| Schema::read(&schema).unwrap());
        assert!(split.0.items.is_some() && whole.0.items.is_none());
        let many: Vec<Json> = (0..30).map(|_| json!({ "a": "x" })).collect();
        for json in [json!([{ "a": -1 }, { "a": 1.5 }]), json!([1, 2, 3]), json!({}), json!([]), json!(many)]
        {
            let value = Value::from(json.clone());
            let (mut found, mut expected) = (split.faults("`x`", &value), whole.faults("`x`", &value));
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{json}");
            assert!(!found.is_empty() && found.len() <= FAULTS_MAX, "{json}");
        }
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
    fn references_that_multiply_are_told_before_they_are_followed() {
        let name = |index: usize| format!("#/$defs/a{index}");
        let twice = |index: usize| json!({ "allOf": [{ "$ref": name(index) }, { "$ref": name(index) }] });
        let mut defs: serde_json::Map<_, _> =
            (0..60).map(|index| (format!("a{index}"), twice(index + 1))).collect();
        defs.insert("a60".into(), json!({ "type": "string" }));
        let wide = Schema::read(&json!({ "$ref": "#/$defs/a0", "$defs": defs })).unwrap();
        let too_much = "`x` can't be checked against its schema: its references take too much work";
        assert_eq!(wide.faults("`x`", &Value::from("a")), [too_much]);

        let again =
            Schema::read(&json!({ "properties": { "n": { "anyOf": [{ "$ref": "#" }, { "$ref": "#" }] } } }));
        let again = again.unwrap();
        let deep = |levels: usize| (0..levels).fold(json!({}), |inner, _| json!({ "n": inner }));
        assert_eq!(again.faults("`x`", &Value::from(deep(10))), Vec::<String>::new());
        assert_eq!(again.faults("`x`", &Value::from(deep(60))), [too_much]);
    }

    #[test]
    fn a_tree_of_many_values_is_no_more_work_than_it_has_parts() {
        let tree = json!({
            "type": "object",
            "required": ["sort"],
            "properties": { "sort": { "type": "string" }, "parts": { "type": "array", "items": { "$ref": "#" } } },
        });
        let tree = Schema::read(&tree).unwrap();
        let leaf = || json!({ "sort": "leaf" });
        let branch = json!({ "sort": "branch", "parts": vec![leaf(); 100] });
        let value = Value::from(json!({ "sort": "root", "parts": vec![branch; 200] }));
        assert_eq!(tree.faults("`tree`", &value), Vec::<String>::new());
    }

    #[test]
    fn references_are_judged_where_they_are_references() {
        let read = |schema: Json| Schema::read(&schema).map_err(|bad| (bad.message, bad.pointer));
        let anchor = json!({ "items": { "$ref": "#node" }, "$defs": { "node": { "$anchor": "node" } } });
        let (message, pointer) = read(anchor).unwrap_err();
        assert_eq!(
            (&*message, &*pointer),
            ("a reference is written as `#/` and the path to a definition", "/items")
        );
        assert!(read(json!({ "$dynamicRef": "#node" })).is_err());
        assert!(
            read(json!({ "const": { "$ref": "#node" }, "properties": { "$ref": { "type": "string" } } }))
                .is_ok()
        );
    }

    #[test]
    fn formats_are_promises() {
        let format = |word: &str| Schema::read(&json!({ "type": "string", "format": word })).unwrap();
        assert_eq!(format("date").faults("`x`", &Value::from("2026-02-28")), Vec::<String>::new());
        assert_eq!(format("date").faults("`x`", &Value::from("tomorrow")).len(), 1);
        assert_eq!(format("email").faults("`x`", &Value::from("nobody")).len(), 1);
        assert_eq!(format("our-own").faults("`x`", &Value::from("anything")), Vec::<String>::new());
    }

    #[test]
    fn patterns_run_in_linear_time() {
        let schema = Schema::read(&json!({ "type": "string", "pattern": "^(a+)+$" })).unwrap();
        assert_eq!(schema.faults("`x`", &Value::from("a".repeat(50_000) + "!")).len(), 1);
    }
}
