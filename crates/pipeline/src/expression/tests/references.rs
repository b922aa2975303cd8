use super::context;
use crate::Value;
use crate::expression::Template;

/// Each reference as `path @ the text it stands at`.
fn references(source: &str) -> Vec<String> {
    let template = Template::text(source).unwrap();
    let references = template.references().iter();
    references
        .map(|reference| format!("{} @ {}", reference.path.join("."), &source[reference.span.clone()]))
        .collect()
}

#[test]
fn every_reference_is_found_with_its_place() {
    let rows: [(&str, &[&str]); 16] = [
        ("plain", &[]),
        ("{{ steps.image.url }}", &["steps.image.url @ steps.image.url"]),
        ("{{ steps.image['url'] }}", &["steps.image.url @ steps.image['url']"]),
        ("{{ steps['image'].url }}", &["steps.image.url @ steps['image'].url"]),
        ("{{ steps.img.outputs[0].url }}", &["steps.img.outputs @ steps.img.outputs"]),
        ("{{ steps.img.outputs.0.url }}", &["steps.img.outputs @ steps.img.outputs"]),
        ("{{ inputs.list[inputs.n] }}", &["inputs.list @ inputs.list", "inputs.n @ inputs.n"]),
        (
            "{% for s in steps.scenes.items %}{{ s.text }}{{ loop.index }}{% endfor %}",
            &["steps.scenes.items @ steps.scenes.items"],
        ),
        ("{% set s = steps.image %}{{ s.url }}", &["steps.image @ steps.image"]),
        ("{% for s in s.items %}{{ s }}{% endfor %}{{ s }}", &["s.items @ s.items", "s @ s"]),
        (
            "{{ steps.a.text if steps.b.ok else steps.c.text }}",
            &["steps.a.text @ steps.a.text", "steps.b.ok @ steps.b.ok", "steps.c.text @ steps.c.text"],
        ),
        ("{{ x | default(inputs.y) }}", &["x @ x", "inputs.y @ inputs.y"]),
        ("{% raw %}{{ steps.a }}{% endraw %}{# {{ steps.b }} #}", &[]),
        ("ü {{ inputs.a ~ ' ' ~ inputs.b }}", &["inputs.a @ inputs.a", "inputs.b @ inputs.b"]),
        (
            "{{ [item, index, output.x] | join(run.id) }}",
            &["item @ item", "index @ index", "output.x @ output.x", "run.id @ run.id"],
        ),
        ("{{ inputs.n not in previous.seen }}", &["inputs.n @ inputs.n", "previous.seen @ previous.seen"]),
    ];
    for (source, expected) in rows {
        assert_eq!(references(source), expected, "{source}");
    }
}

#[test]
fn faults_stand_where_the_word_is() {
    let rows = [
        ("a {{ inputs.x | uper }}", "uper", Some("upper")),
        ("{{ inputs.x is nubmer }}", "nubmer", Some("number")),
        ("{{ rnage(3) }}", "rnage", Some("range")),
        ("{{ steps[inputs.w].x }}", "steps[inputs.w]", None),
        ("{% set loop = 1 %}", "loop", None),
        ("{{ 'x' * 10**9 }}", "'x' * 10**9", None),
    ];
    for (source, place, suggestion) in rows {
        let faults = Template::text(source).unwrap_err();
        assert_eq!(&source[faults[0].span.clone()], place, "{source}");
        assert_eq!(faults[0].suggestion.as_deref(), suggestion, "{source}");
    }
}

#[test]
fn what_refers_to_nothing_is_a_literal() {
    assert_eq!(Template::text("{{ 2 * 3 }}").unwrap().as_literal(), Some(&Value::from(6_i64)));
    assert!(!Template::text("{{ inputs.x }}").unwrap().is_literal());
    assert!(Template::list(vec![Template::text("a").unwrap()]).is_literal());
}

#[test]
fn what_is_handed_on_is_shared() {
    let context = context();
    for source in ["{{ inputs.tags }}", "{{ inputs.nothing or inputs.tags }}", "{{ inputs.tags | list }}"] {
        let value = Template::text(source).unwrap().evaluate(&context).unwrap();
        let original = context.values["inputs"].get("tags").unwrap();
        let (Value::List(value), Value::List(original)) = (&value, original) else { panic!("lists") };
        assert!(std::sync::Arc::ptr_eq(value, original), "{source}");
    }
}
