use crate::diagnostic::Code;
use crate::expression::{Template, TypeScope};
use crate::{MediaKind, Type};

fn scope() -> TypeScope {
    let word = Type::object([("word", Type::Text), ("start", Type::Number)]);
    let mut scope = TypeScope::default();
    let inputs = [
        ("prompt", Type::Text),
        ("seconds", Type::Integer),
        ("rate", Type::Number),
        ("scenes", Type::list(Type::Text)),
        ("words", Type::list(word)),
        ("brief", Type::object([("title", Type::Text)])),
        ("any", Type::Any),
    ];
    scope.values.insert("inputs".into(), Type::object(inputs));
    scope.values.insert("item".into(), Type::Text);
    let still =
        [("image", Type::media(MediaKind::Image)), ("items", Type::list(Type::media(MediaKind::Image)))];
    scope.steps.insert("still".into(), Type::object(still));
    let keyed = Type::map(Type::object([("image", Type::media(MediaKind::Image))]));
    scope.steps.insert("shots".into(), Type::object([("by_key", keyed)]));
    scope.steps.insert("clip".into(), Type::object([("video", Type::media(MediaKind::Video))]));
    scope.steps.insert("open".into(), Type::Object { fields: Default::default(), open: true });
    scope
}

#[test]
fn types_follow_the_expression() {
    let image = || Type::media(MediaKind::Image);
    let table = [
        ("plain", Type::Text),
        ("{{ inputs.prompt }}", Type::Text),
        ("{{ inputs.prompt }} and more", Type::Text),
        ("{{ inputs.seconds }}", Type::Integer),
        ("{{ item }}", Type::Text),
        ("{{ steps.still.image }}", image()),
        ("{{ steps.still.image.width }}", Type::Integer),
        ("{{ steps.clip.video.duration }}", Type::Number),
        ("{{ steps.clip.video.has_audio }}", Type::Boolean),
        ("{{ steps.still.items[0] }}", image()),
        ("{{ steps.still.items | first }}", image()),
        ("{{ steps.still.items[1:] }}", Type::list(image())),
        ("{{ steps.still.items | map(attribute='width') | list }}", Type::list(Type::Integer)),
        ("{{ inputs.words | map(attribute='word') | join(' ') }}", Type::Text),
        ("{{ inputs.words[0].start }}", Type::Number),
        ("{{ inputs.scenes | map('upper') }}", Type::list(Type::Text)),
        ("{{ inputs.scenes | length }}", Type::Integer),
        (
            "{{ steps.still.image or steps.clip.video }}",
            Type::OneOf(vec![image(), Type::media(MediaKind::Video)]),
        ),
        ("{{ steps.still.image if inputs.seconds > 3 }}", image()),
        (
            "{{ inputs.prompt if inputs.rate else inputs.seconds }}",
            Type::OneOf(vec![Type::Text, Type::Integer]),
        ),
        ("{{ inputs.seconds | default(2) }}", Type::Integer),
        ("{{ inputs.seconds + 1 }}", Type::Integer),
        ("{{ inputs.seconds + inputs.rate }}", Type::Number),
        ("{{ inputs.seconds / 2 }}", Type::Number),
        ("{{ inputs.any + 1 }}", Type::Any),
        ("{{ inputs.prompt ~ 1 }}", Type::Text),
        ("{{ inputs.seconds > 3 and inputs.rate < 1 }}", Type::Boolean),
        ("{{ inputs.prompt is defined }}", Type::Boolean),
        ("{{ not inputs.prompt }}", Type::Boolean),
        ("{{ range(inputs.seconds) }}", Type::list(Type::Integer)),
        ("{{ [inputs.prompt, 'x'] }}", Type::list(Type::Text)),
        ("{{ {'a': inputs.rate} }}", Type::object([("a", Type::Number)])),
        ("{{ steps.shots.by_key.first.image }}", image()),
        ("{{ steps.shots.by_key[inputs.prompt].image.width }}", Type::Integer),
        ("{{ steps.shots.by_key | values | map(attribute='image') }}", Type::list(image())),
        ("{{ steps.still.status }}", Type::Text),
        ("{{ steps.still.error.class }}", Type::Text),
        ("{{ steps.open.whatever.deep }}", Type::Any),
        ("{{ inputs.any.x[3].y }}", Type::Any),
        ("{% for word in inputs.words %}{{ word.word }} {{ loop.index }}{% endfor %}", Type::Text),
        ("{% set t = inputs.brief %}{{ t.title }}", Type::Text),
    ];
    for (source, expected) in table {
        let (ty, faults) = Template::text(source).unwrap().infer(&scope());
        assert_eq!((ty, faults), (expected, vec![]), "{source}");
    }
}

#[test]
fn what_certainly_is_not_there_is_a_fault_at_its_word() {
    use Code::{UnknownField, UnknownName, UnknownStep};
    let table = [
        ("{{ input.prompt }}", UnknownName, "input", Some("inputs")),
        ("{{ step.still }}", UnknownName, "step", Some("steps")),
        ("{{ now }}", UnknownName, "now", None),
        ("x {{ steps.stil.image }}", UnknownStep, "stil", Some("still")),
        ("{{ steps['stil'].image }}", UnknownStep, "'stil'", Some("still")),
        ("{{ steps.still.imgae.width }}", UnknownField, "imgae", Some("image")),
        ("{{ steps.still.image.duration }}", UnknownField, "duration", None),
        ("{{ steps.clip.video.widht }}", UnknownField, "widht", Some("width")),
        ("{{ inputs.promt | upper }}", UnknownField, "promt", Some("prompt")),
        ("{{ inputs.prompt.text }}", UnknownField, "text", None),
        ("{{ steps.still.error.clas }}", UnknownField, "clas", Some("class")),
        ("{{ (inputs.words | first).wrd }}", UnknownField, "wrd", Some("word")),
        ("{{ inputs.prompt if inputs.x else 1 }}", UnknownField, "x", None),
        ("{{ 'a' in inputs.scens }}", UnknownField, "scens", Some("scenes")),
        ("{{ steps.shots.by_key.first.imgae }}", UnknownField, "imgae", Some("image")),
        ("{% for word in inputs.words %}{{ word.wrod }}{% endfor %}", UnknownField, "wrod", Some("word")),
        ("{% for word in inputs.words %}{{ loop.idx }}{% endfor %}", UnknownField, "idx", None),
    ];
    for (source, code, place, suggestion) in table {
        let (_, faults) = Template::text(source).unwrap().infer(&scope());
        assert_eq!(faults.len(), 1, "{source}: {faults:?}");
        assert_eq!((faults[0].code, &source[faults[0].span.clone()]), (code, place), "{source}");
        assert_eq!(faults[0].suggestion.as_deref(), suggestion, "{source}");
    }
}

#[test]
fn a_fault_says_what_is_there_when_nothing_is_near() {
    let (_, faults) = Template::text("{{ steps.still.banana }}").unwrap().infer(&scope());
    assert_eq!(faults[0].message, "`steps.still` has no `banana`, only `image` and `items`");
    let (_, faults) = Template::text("{{ inputs.prompt.x }}").unwrap().infer(&scope());
    assert_eq!(faults[0].message, "`inputs.prompt` is text, which has no `x`");
}

#[test]
fn what_never_works_is_a_fault() {
    let table = [
        ("{{ inputs.prompt + 1 }}", "`+` can't be used with text and a whole number; `~` joins texts"),
        ("{{ inputs.scenes - inputs.scenes }}", "`-` can't be used with a list of text and a list of text"),
        ("{{ steps.still.image * 2 }}", "`*` can't be used with an image and a whole number"),
        // What comes of it is unknown, so nothing more is said of it.
        (
            "{{ (inputs.prompt + inputs.seconds) + inputs.scenes }}",
            "`+` can't be used with text and a whole number; `~` joins texts",
        ),
        ("{{ 1 < inputs.prompt }}", "a whole number can't be compared with text"),
        ("{{ 1 < 2 < inputs.brief }}", "a whole number can't be compared with an object with title"),
        ("{% for x in inputs.seconds %}{% endfor %}", "a loop needs a list, not a whole number"),
    ];
    for (source, message) in table {
        let (_, faults) = Template::text(source).unwrap().infer(&scope());
        let told: Vec<_> = faults.iter().map(|fault| (fault.code, fault.message.as_str())).collect();
        assert_eq!(told, [(Code::FailingExpression, message)], "{source}");
    }
    let fine = [
        "{{ inputs.any + 1 }}",
        "{{ inputs.prompt * 2 }}{{ 2 * inputs.scenes }}",
        "{{ inputs.scenes + inputs.words }}",
        "{{ inputs.prompt == 1 }}{{ inputs.prompt in inputs.scenes }}",
        "{{ (inputs.prompt or inputs.seconds) + 1 }}",
        "{{ inputs.prompt < 'b' and inputs.seconds < inputs.rate }}",
        "{% for x in inputs.brief %}{% endfor %}{% for x in inputs.any %}{% endfor %}",
    ];
    for source in fine {
        assert_eq!(Template::text(source).unwrap().infer(&scope()).1, vec![], "{source}");
    }
}
