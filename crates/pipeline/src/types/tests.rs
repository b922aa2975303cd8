use serde_json::json;

use super::extent::PARTS_MAX;
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

/// A type that stands for far more parts than it takes.
fn doubled(levels: usize) -> Type {
    let twice = |inner: Type| {
        Type::inferred([("l".to_owned(), inner.clone()), ("r".to_owned(), inner)].into(), false)
    };
    (0..levels).fold(Type::Text, |inner, _| twice(inner))
}

/// How many parts are in memory, shared ones once: no more than there were steps to make them.
fn assert_small(ty: &Type) {
    assert!(ty.extent().parts() <= 2 * PARTS_MAX, "{} parts", ty.extent().parts());
    assert!(ty.to_string().len() < 400 && ty.phrase().len() < 400);
}

#[test]
fn a_type_that_gets_too_large_is_no_longer_known() {
    let known = |ty: &Type| ty.field("l").and_then(|ty| ty.field("r"));
    assert_eq!(known(&doubled(3)), Some(doubled(1)));
    assert_small(&doubled(200));
    let list = (0..200).fold(Type::Text, |inner, _| Type::list(inner));
    let map = (0..200).fold(Type::Text, |inner, _| Type::map(Type::one_of([inner, Type::Null])));
    let choice =
        (0..60).fold(Type::Text, |inner, _| Type::one_of([Type::list(inner.clone()), Type::map(inner)]));
    let value = (0..60).fold(Value::from("x"), |inner, _| Value::list(vec![inner.clone(), inner]));
    for ty in [list, map, choice, Type::of(&value)] {
        assert_small(&ty);
        assert!(ty.fits(&ty.clone()) && Type::Any.fits(&ty) && ty.fits(&Type::Any));
    }
}

#[test]
fn a_wide_object_keeps_the_names_of_its_fields() {
    let wide = Type::inferred((0..20_000).map(|index| (format!("f{index}"), Type::Text)).collect(), false);
    assert_eq!(wide.field("f19999"), Some(Type::Text));
    assert_eq!(Type::list(wide.clone()), Type::list(Type::Any));
    let message = wide.mismatch(&Value::Null).unwrap().1;
    assert!(message.len() < 400, "{message}");
    let twice = Type::inferred([("l".to_owned(), wide.clone()), ("r".to_owned(), wide)].into(), false);
    assert_eq!(twice.field("l"), Some(Type::Any));
}

#[test]
fn a_schema_that_shares_its_definitions_is_read_once() {
    let name = |index: usize| format!("#/$defs/a{index}");
    let twice = |index: usize| json!({ "type": "object", "properties": { "l": { "$ref": name(index) }, "r": { "$ref": name(index) } } });
    let mut defs: serde_json::Map<_, _> =
        (0..60).map(|index| (format!("a{index}"), twice(index + 1))).collect();
    defs.insert("a60".into(), json!({ "type": "string" }));
    let ty = Type::from_schema(&json!({ "$ref": name(0), "$defs": defs }));
    assert_small(&ty);
    assert!(ty.field("l").is_some());
}

#[test]
fn what_takes_too_long_to_compare_is_not_refused() {
    let options = |sort: &str| -> Type {
        let option = |index: usize| fields(&[(&format!("{sort}{index}"), Type::Text)], false);
        Type::one_of((0..40).map(option))
    };
    assert!(!options("a").fits(&options("b")));
    let listed = |sort: &str| {
        Type::one_of((0..40).map(|index| {
            let more = fields(
                &[
                    (&format!("{sort}{index}"), Type::Text),
                    (
                        "x",
                        Type::one_of(
                            (0..40).map(|other| fields(&[(&format!("{sort}{other}"), Type::Text)], false)),
                        ),
                    ),
                ],
                false,
            );
            Type::list(more)
        }))
    };
    assert_small(&listed("a"));
    let _ = listed("a").fits(&listed("b"));
}
