//! Inputs: what a run is given, checked against what the pipeline asks for.

use serde_json::Value as Json;

use crate::contract::{Misfit, mismatch};
use crate::plan::InputSpec;
use crate::suggestion::{closest, listed};
use crate::value::{BadJson, INPUT_UNITS_MAX, Map, read_foreign};
use crate::{Type, Value};

/// The inputs of a run: `given`, with defaults filled in. An optional input that has no default and
/// isn't given, or given as null, is [`Value::Absent`], so that an expression may say `inputs.mood or 'calm'`.
///
/// # Errors
/// All that is wrong, in the order of the file, unknown inputs last. Messages never hold a value.
pub fn accept(specs: &[InputSpec], mut given: Map) -> Result<Map, Vec<Misfit>> {
    let mut inputs = Map::new();
    let mut misfits = Vec::new();
    for spec in specs {
        let optional = !spec.required && spec.default.is_none();
        let is_given = |value: &Value| !(value.is_absent() || optional && *value == Value::Null);
        match given.remove(&spec.name).filter(is_given) {
            Some(value) => {
                let found = faults(spec, &value);
                misfits.extend(found.into_iter().map(|message| misfit(&spec.name, message)));
                let is_to_change = asks_for_whole_numbers(&spec.ty) && holds_float(&value);
                let value = if is_to_change { in_whole(&spec.ty, value) } else { value };
                inputs.insert(spec.name.clone(), value);
            }
            None if spec.default.is_none() && spec.required => {
                misfits
                    .push(misfit(&spec.name, format!("the input `{}` is missing ({})", spec.name, spec.ty)));
            }
            None => {
                inputs.insert(spec.name.clone(), spec.default.clone().unwrap_or(Value::Absent));
            }
        }
    }
    let unknown = given.len();
    for name in given.into_keys().take(UNKNOWN_MAX) {
        let known = specs.iter().map(|spec| spec.name.as_str());
        let message = match (closest(&name, known.clone()), specs.is_empty()) {
            (Some(meant), _) => format!("there is no input `{name}`; did you mean `{meant}`?"),
            (None, true) => format!("there is no input `{name}`: this pipeline takes none"),
            (None, false) => format!("there is no input `{name}`, only {}", listed(known)),
        };
        misfits.push(misfit(&name, message));
    }
    if unknown > UNKNOWN_MAX {
        let more = unknown - UNKNOWN_MAX;
        misfits.push(misfit("", format!("there are {more} more inputs that the pipeline doesn't have")));
    }
    if misfits.is_empty() { Ok(inputs) } else { Err(misfits) }
}

fn asks_for_whole_numbers(ty: &Type) -> bool {
    match ty {
        Type::Integer => true,
        Type::List(item) | Type::Map(item) => asks_for_whole_numbers(item),
        Type::Object { fields, .. } => fields.values().any(asks_for_whole_numbers),
        Type::OneOf(options) => options.iter().any(asks_for_whole_numbers),
        _ => false,
    }
}

fn holds_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::List(items) => items.iter().any(holds_float),
        Value::Map(entries) => entries.iter().any(|(_, entry)| holds_float(entry)),
        _ => false,
    }
}

/// `value` with the whole numbers that `ty` asks for written as such: `3.0` is taken, and is 3.
fn in_whole(ty: &Type, value: Value) -> Value {
    match (ty, value) {
        (Type::Integer, Value::Number(number)) if number.is_f64() => {
            let value = Value::Number(number);
            value.as_i64().map_or(value, Value::from)
        }
        (Type::List(item), Value::List(items)) => {
            Value::list(items.iter().map(|value| in_whole(item, value.clone())).collect::<Vec<_>>())
        }
        (Type::Map(item), Value::Map(entries)) => {
            let entries = entries.iter().map(|(name, value)| (name.clone(), in_whole(item, value.clone())));
            Value::Map(entries.collect::<Map>().into())
        }
        (Type::Object { fields, .. }, Value::Map(entries)) => {
            let whole = |(name, value): (&String, &Value)| {
                let ty = fields.get(name).unwrap_or(&Type::Any);
                (name.clone(), in_whole(ty, value.clone()))
            };
            Value::Map(entries.iter().map(whole).collect::<Map>().into())
        }
        (Type::OneOf(options), value) => match options.iter().find(|option| option.accepts(&value).is_ok()) {
            Some(option) => in_whole(option, value),
            None => value,
        },
        (_, value) => value,
    }
}

/// How many unknown inputs are reported one by one.
const UNKNOWN_MAX: usize = 20;

/// All that is wrong with `value` as the input `spec`.
fn faults(spec: &InputSpec, value: &Value) -> Vec<String> {
    if let Some(excess) = value.excess(INPUT_UNITS_MAX) {
        return vec![format!("`{}` {excess}", spec.name)];
    }
    if let Some(message) = mismatch(&spec.name, &spec.ty, value) {
        return vec![message];
    }
    if is_only_a_type(spec.schema.as_json()) {
        return Vec::new();
    }
    spec.schema.faults(&format!("`{}`", spec.name), value)
}

/// Whether a schema asks for no more than a type does, so that the value needn't be held against it too.
fn is_only_a_type(schema: &Json) -> bool {
    const TELLING_NOTHING: [&str; 4] = ["title", "description", "default", "examples"];
    match schema {
        Json::Bool(true) | Json::String(_) => true,
        Json::Object(keywords) => keywords.iter().all(|(word, value)| match word.as_str() {
            "type" => value.is_string(),
            "items" => is_only_a_type(value),
            word => TELLING_NOTHING.contains(&word),
        }),
        _ => false,
    }
}

/// The value that a text of the command line stands for: for a number the number it spells, for lists
/// and objects the JSON it is, for text itself. Where anything is taken, what reads as JSON is JSON.
/// Whether the value fits is for [`accept`] to say.
///
/// # Errors
/// When the text can't be read as what the input asks for. The message doesn't hold the text.
pub fn read_text(spec: &InputSpec, text: &str) -> Result<Value, Misfit> {
    read(&spec.ty, text).map_err(|fault| misfit(&spec.name, format!("`{}` {fault}", spec.name)))
}

/// Reads `text` as a value of type `ty`; the error is to be put behind the input's name.
fn read(ty: &Type, text: &str) -> Result<Value, String> {
    let fits: fn(&Value) -> bool = match ty {
        Type::Text => return Ok(Value::from(text)),
        Type::Any => return Ok(read_json(text)?.unwrap_or_else(|| Value::from(text))),
        Type::OneOf(options) => {
            // Text takes anything, so it is asked last.
            let (texts, others): (Vec<_>, Vec<_>) = options.iter().partition(|option| **option == Type::Text);
            let found = others.into_iter().chain(texts).find_map(|option| read(option, text).ok());
            return found.ok_or_else(|| format!("must be {}", ty.phrase()));
        }
        Type::Media(_) => return Err(format!("must be {}, from a file", ty.phrase())),
        Type::Null => |value| *value == Value::Null,
        Type::Boolean => |value| value.as_bool().is_some(),
        Type::Integer | Type::Number => |value| matches!(value, Value::Number(_)),
        Type::List(_) => |value| value.as_list().is_some(),
        Type::Object { .. } | Type::Map(_) => |value| value.as_map().is_some(),
    };
    read_json(text)?.filter(fits).ok_or_else(|| match ty {
        Type::List(_) | Type::Object { .. } | Type::Map(_) => {
            format!("must be {}, written as JSON", ty.phrase())
        }
        _ => format!("must be {}", ty.phrase()),
    })
}

/// The JSON that `text` is, if it is any.
///
/// # Errors
/// When it is JSON that no value can hold, in words to be put behind the input's name.
fn read_json(text: &str) -> Result<Option<Value>, String> {
    let text = text.trim();
    match read_foreign(text.as_bytes()) {
        Ok(value) => Ok(Some(value)),
        Err(BadJson::NoJson(_)) => Ok(None),
        Err(BadJson::Excess { excess, .. }) => Err(excess),
    }
}

fn misfit(name: &str, message: String) -> Misfit {
    Misfit { parameter: name.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::MediaKind;
    use crate::conformity::{COMPILED, Schema};

    fn spec(name: &str, schema: Json, default: Option<Json>) -> InputSpec {
        InputSpec {
            name: name.to_owned(),
            ty: Type::from_schema(&schema),
            // Media types are left out of it.
            schema: Schema::read(&schema).unwrap_or_else(|_| Schema::of_anything()),
            required: default.is_none() && name != "mood",
            default: default.map(Value::from),
            sensitive: false,
            description: None,
        }
    }

    fn specs() -> Vec<InputSpec> {
        vec![
            spec("prompt", json!({ "type": "string", "maxLength": 10 }), None),
            spec("scenes", json!({ "type": "array", "items": { "type": "string" } }), Some(json!([]))),
            spec("seconds", json!({ "type": "integer", "minimum": 1 }), Some(json!(4))),
            spec("mood", json!({ "enum": ["calm", "wild"] }), None),
        ]
    }

    fn accepted(given: Json) -> Result<String, Vec<String>> {
        let given = Value::from(given).as_map().unwrap().clone();
        match accept(&specs(), given) {
            Ok(inputs) => Ok(serde_json::to_string(&inputs).unwrap()),
            Err(misfits) => Err(misfits.into_iter().map(|misfit| misfit.message).collect()),
        }
    }

    #[test]
    fn defaults_are_filled_in_and_what_is_optional_is_absent() {
        assert_eq!(
            accepted(json!({ "prompt": "a boat" })).unwrap(),
            r#"{"mood":{"$absent":true},"prompt":"a boat","scenes":[],"seconds":4}"#,
        );
        assert_eq!(
            accepted(json!({ "prompt": "a", "scenes": ["x"], "mood": "wild", "seconds": 2 })).unwrap(),
            r#"{"mood":"wild","prompt":"a","scenes":["x"],"seconds":2}"#,
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let given =
            json!({ "scenes": ["x", 1], "seconds": 0, "mood": "sly", "promt": "a boat", "banana": 1 });
        assert_eq!(
            accepted(given).unwrap_err(),
            [
                "the input `prompt` is missing (text)",
                "`scenes[1]` must be text, and is a number",
                "`seconds` is less than the minimum of 1",
                "`mood` is not one of \"calm\" or \"wild\"",
                "there is no input `banana`, only `prompt`, `scenes`, `seconds` and `mood`",
                "there is no input `promt`; did you mean `prompt`?",
            ],
        );
        assert_eq!(
            accepted(json!({ "prompt": "a very long secret" })).unwrap_err(),
            ["`prompt` is longer than 10 characters"],
        );
    }

    #[test]
    fn of_very_many_unknown_inputs_some_are_told() {
        let given = (0..100_000).map(|index| (format!("x{index}"), Value::Null)).collect();
        let misfits = accept(&specs()[1..], given).unwrap_err();
        assert_eq!(misfits.len(), 21);
        assert_eq!(misfits[20].message, "there are 99980 more inputs that the pipeline doesn't have");
    }

    #[test]
    fn schemas_are_compiled_once_in_the_plan_however_many_runs_there_are() {
        let text = "motet: 1
inputs: { prompt: { type: string, maxLength: 10, default: boat }, mood: { enum: [calm, wild] } }
steps: { a: { uses: data/transform, with: { value: '{{ inputs.prompt }}' } } }
outputs: { words: { value: '{{ steps.a.value }}', type: string } }
";
        let bundle = crate::Bundle::of_text("a.yaml", text);
        let catalogue = crate::contract::Catalogue::default();
        COMPILED.set(0);
        let plan = crate::check::check(&bundle, &catalogue).plan.unwrap();
        let in_check = COMPILED.get();
        assert_eq!(in_check, 3, "each schema once");
        for _ in 0..100 {
            let given = [("mood".to_owned(), Value::from("calm"))].into_iter().collect();
            accept(&plan.inputs, given).unwrap();
            let schema = plan.root.outputs[0].schema.as_ref().unwrap();
            assert_eq!(schema.faults("it", &Value::from("boat")), Vec::<String>::new());
        }
        assert_eq!(COMPILED.get(), in_check);
    }

    #[test]
    fn whole_numbers_are_whole_however_they_are_written() {
        let object = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
        let specs = [
            spec("one", json!("integer"), None),
            spec("list", json!({ "type": "array", "items": { "type": "integer" } }), None),
            spec("object", object, None),
            spec("any", json!("number"), None),
        ];
        let given =
            json!({ "one": 3.0, "list": [1.0, 2, -4.0], "object": { "n": 5.0, "x": 1.0 }, "any": 1.0 });
        let inputs = accept(&specs, Value::from(given).as_map().unwrap().clone()).unwrap();
        assert_eq!(
            serde_json::to_string(&inputs).unwrap(),
            r#"{"any":1.0,"list":[1,2,-4],"object":{"n":5,"x":1.0},"one":3}"#
        );
        let read = |text: &str| {
            let value = read_text(&specs[0], text).unwrap();
            let given =
                [("one".to_owned(), value), ("list".to_owned(), Value::list(vec![Value::from(1e30)]))];
            accept(&specs[..2], given.into()).unwrap_err().into_iter().map(|misfit| misfit.message).collect()
        };
        let too_large: Vec<String> = read("18446744073709551616");
        insta::assert_snapshot!(too_large.join("\n"));
        assert_eq!(read("1.5")[0], "`one` must be a whole number, and is a number");
    }

    #[test]
    fn null_for_what_is_optional_counts_as_not_given() {
        let inputs = accepted(json!({ "prompt": "a boat", "mood": null })).unwrap();
        assert!(inputs.contains(r#""mood":{"$absent":true}"#), "{inputs}");
    }

    #[test]
    fn a_value_that_lies_too_deep_to_be_written_and_read_again_is_refused() {
        let nest = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        let specs = [spec("x", json!({}), None)];
        let accept = |depth: usize| accept(&specs, [("x".to_owned(), Value::from(nest(depth)))].into());
        assert!(accept(64).is_ok());
        let misfits = accept(65).unwrap_err();
        assert_eq!(misfits[0].message, "`x` has lists and objects nested more than 64 deep");
    }

    #[test]
    fn a_pipeline_without_inputs_takes_none() {
        let misfits = accept(&[], [("x".to_owned(), Value::Null)].into()).unwrap_err();
        assert_eq!(misfits[0].message, "there is no input `x`: this pipeline takes none");
    }

    #[test]
    fn texts_of_the_command_line_become_values() {
        let nested = "[".repeat(5_000) + &"]".repeat(5_000);
        let table = [
            (json!("string"), "12", Ok("\"12\"")),
            (json!("integer"), "12", Ok("12")),
            (json!("number"), " 0.10 ", Ok("0.1")),
            (json!("number"), "12s", Err("`x` must be a number")),
            (json!("boolean"), "true", Ok("true")),
            (json!("boolean"), "yes", Err("`x` must be true or false")),
            (json!({ "type": "array", "items": { "type": "string" } }), r#"["a"]"#, Ok(r#"["a"]"#)),
            (json!({ "type": "array" }), "a,b", Err("`x` must be a list of anything, written as JSON")),
            (json!("object"), r#"{"a":1}"#, Ok(r#"{"a":1}"#)),
            (json!({ "type": ["number", "string"] }), "5", Ok("5")),
            (json!({ "type": ["string", "number"] }), "five", Ok("\"five\"")),
            (json!({}), "five", Ok("\"five\"")),
            (json!({}), "[5]", Ok("[5]")),
            (json!({}), "1e400", Err("`x` has a number that is too large")),
            (json!("number"), "-1e400", Err("`x` has a number that is too large")),
            (json!("array"), "[1, 1e400]", Err("`x` has a number that is too large")),
            (json!("string"), "1e400", Ok("\"1e400\"")),
            (json!({}), "{\"$absent\": true}", Ok(r#"{"$plain":[["$absent",true]]}"#)),
            (json!({}), &"[".repeat(5_000), Ok(&format!("\"{}\"", "[".repeat(5_000)))),
            (json!({}), &nested, Err("`x` has lists and objects nested more than 64 deep")),
            (json!("image"), "x.png", Err("`x` must be an image, from a file")),
        ];
        for (schema, text, expected) in table {
            let spec = spec("x", schema, None);
            let read = read_text(&spec, text);
            let found =
                read.map(|value| serde_json::to_string(&value).unwrap()).map_err(|misfit| misfit.message);
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{text} as {}", spec.ty);
        }
    }

    #[test]
    fn media_is_told_by_its_content() {
        let specs = [spec("still", json!("image"), None)];
        let video = crate::Artifact {
            digest: crate::Digest::of(b"v"),
            kind: MediaKind::Video,
            mime: "video/mp4".into(),
            bytes: 1,
            width: None,
            height: None,
            duration: None,
            fps: None,
            has_audio: None,
        };
        let misfits = accept(&specs, [("still".to_owned(), Value::from(video))].into()).unwrap_err();
        assert_eq!(misfits[0].message, "`still` must be an image, and is a video");
    }
}
