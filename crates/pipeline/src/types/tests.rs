use serde_json::json;

use super::*;

fn fields(fields: &[(&str, Type)], open: bool) -> Type {
    let fields = fields.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect();
    Type::Object { fields, open }
}

fn nullable(ty: Type) -> Type {
    Type::one_of([ty, Type::Null])
}

#[test]
fn only_what_is_certainly_wrong_is_a_misfit() {
    let image = || Type::media(MediaKind::Image);
    let video = || Type::media(MediaKind::Video);
    let file = || Type::media(MediaKind::File);
    let point = || fields(&[("x", Type::Number)], false);
    let table = [
        (Type::Any, image(), true),
        (image(), Type::Any, true),
        (image(), image(), true),
        (video(), image(), false),
        (video(), file(), true),
        (file(), image(), false),
        (Type::Media(vec![MediaKind::Image, MediaKind::Video]), image(), true),
        (image(), Type::Text, false),
        (Type::Text, image(), false),
        (Type::Integer, Type::Number, true),
        (Type::Number, Type::Integer, true),
        (Type::Number, Type::Text, false),
        (Type::Text, Type::Number, false),
        (Type::Null, Type::Text, false),
        (nullable(Type::Text), Type::Text, true),
        (Type::Text, nullable(Type::Text), true),
        (Type::list(Type::Any), Type::list(image()), true),
        (Type::list(video()), Type::list(image()), false),
        (image(), Type::list(image()), false),
        (Type::list(image()), image(), false),
        (point(), point(), true),
        (fields(&[], false), point(), false),
        (fields(&[], true), point(), true),
        (fields(&[], false), fields(&[("x", nullable(Type::Number))], false), true),
        (fields(&[("x", Type::Text)], true), point(), false),
        (fields(&[("x", Type::Integer), ("y", Type::Text)], false), point(), true),
        (Type::OneOf(vec![Type::Text, video()]), image(), false),
        (Type::map(image()), Type::map(image()), true),
        (Type::map(image()), Type::map(video()), false),
        (Type::map(Type::Text), point(), false),
        (Type::map(Type::Integer), point(), true),
        (point(), Type::map(Type::Number), true),
        (point(), Type::map(Type::Text), false),
    ];
    for (given, wanted, expected) in table {
        assert_eq!(given.fits(&wanted), expected, "{given} where {wanted} is wanted");
    }
}

#[test]
fn schemas_become_types() {
    let table = [
        (json!("string"), Type::Text),
        (json!("image"), Type::media(MediaKind::Image)),
        (json!(true), Type::Any),
        (json!({}), Type::Any),
        (json!({ "type": "integer", "minimum": 1 }), Type::Integer),
        (json!({ "type": ["string", "null"] }), nullable(Type::Text)),
        (json!({ "type": "string", "nullable": true }), nullable(Type::Text)),
        (json!({ "enum": ["a", "b"] }), Type::Text),
        (json!({ "enum": ["a", 1] }), Type::OneOf(vec![Type::Text, Type::Integer])),
        (json!({ "const": 1.5 }), Type::Number),
        (json!({ "anyOf": [{ "type": "number" }, { "type": "integer" }] }), Type::Number),
        (
            json!({ "oneOf": [{ "type": "image" }, { "type": "video" }] }),
            Type::OneOf(vec![Type::media(MediaKind::Image), Type::media(MediaKind::Video)]),
        ),
        (json!({ "type": "array", "items": { "type": "audio" } }), Type::list(Type::media(MediaKind::Audio))),
        (json!({ "type": "array" }), Type::list(Type::Any)),
        (json!({ "items": { "type": "string" } }), Type::list(Type::Text)),
        (json!("object"), fields(&[], true)),
        (json!({ "type": "object" }), fields(&[], true)),
        (
            json!({ "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "integer" } }, "required": ["a"] }),
            fields(&[("a", Type::Text), ("b", nullable(Type::Integer))], false),
        ),
        (
            json!({ "properties": { "a": true }, "additionalProperties": true }),
            fields(&[("a", Type::Any)], true),
        ),
        (json!({ "type": "object", "additionalProperties": { "type": "string" } }), fields(&[], true)),
        (
            json!({ "$ref": "#/$defs/Answer", "$defs": { "Answer": { "type": "object", "required": ["text"], "properties": { "text": { "$ref": "#/$defs/Text" } } }, "Text": { "type": "string" } } }),
            fields(&[("text", Type::Text)], false),
        ),
        (json!({ "$ref": "https://example.org/schema" }), Type::Any),
        (json!({ "type": "nonsense" }), Type::Any),
    ];
    for (schema, expected) in table {
        assert_eq!(Type::from_schema(&schema), expected, "{schema}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let tree = json!({ "type": "object", "required": ["next"], "properties": { "next": { "$ref": "#" } } });
    let Type::Object { fields, .. } = Type::from_schema(&tree) else { panic!("an object") };
    assert!(matches!(fields["next"], Type::Object { .. }));
    let bomb = json!({
        "$ref": "#/$defs/a",
        "$defs": { "a": { "anyOf": [{ "$ref": "#/$defs/a" }, { "type": "array", "items": { "$ref": "#/$defs/a" } }] } },
    });
    assert_eq!(Type::from_schema(&bomb), Type::Any);
}

#[test]
fn values_are_checked_against_types() {
    let value = |json: serde_json::Value| Value::from(json);
    let word = || fields(&[("word", Type::Text), ("start", nullable(Type::Number))], false);
    let table = [
        (Type::Text, json!("a"), None),
        (Type::Text, json!(1), Some("must be text, and is a number")),
        (Type::Integer, json!(3.0), None),
        (Type::Integer, json!(3.5), Some("must be a whole number, and is a number")),
        (Type::Integer, json!(u64::MAX), None),
        (Type::Number, json!("3"), Some("must be a number, and is text")),
        (Type::Boolean, json!(null), Some("must be true or false, and is null")),
        (nullable(Type::Text), json!(null), None),
        (Type::media(MediaKind::Image), json!("x.png"), Some("must be an image, and is text")),
        (Type::list(word()), json!([{ "word": "a", "more": 1 }]), None),
        (
            Type::list(word()),
            json!([{ "word": "a" }, { "word": 2 }]),
            Some("`[1].word` must be text, and is a number"),
        ),
        (Type::list(word()), json!([{}]), Some("`[0].word` is missing; it must be text")),
        (Type::map(Type::Text), json!({ "a": "x", "b": 1 }), Some("`b` must be text, and is a number")),
        (Type::map(Type::Text), json!([]), Some("must be an object of text, and is a list")),
        (nullable(word()), json!({ "word": 1 }), Some("`word` must be text, and is a number")),
        (nullable(Type::list(Type::Text)), json!(5), Some("must be a list of text or null, and is a number")),
    ];
    for (ty, json, expected) in table {
        assert_eq!(ty.accepts(&value(json.clone())).err().as_deref(), expected, "{json} as {ty}");
    }
}

#[test]
fn of_too_many_options_it_may_be_anything() {
    let option = |index: usize| fields(&[(&format!("field_{index}"), Type::Text)], false);
    assert!(matches!(Type::one_of((0..40).map(option)), Type::OneOf(options) if options.len() == 40));
    assert_eq!(Type::one_of((0..50_000).map(option)), Type::Any);
}
