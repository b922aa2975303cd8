use super::evaluate;
use crate::Value;
use crate::expression::{Context, Template, TypeScope};

#[test]
fn what_runs_away_is_stopped_at_once() {
    let refused = [
        "{{ 'x' * 10**9 }}",
        "{{ ('x' * 90000000) ~ inputs.prompt }}",
        "{{ range(10**9) }}",
        "{{ range(10**12) | list }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 10 ** 1000 }}",
        "{{ 'a' | indent(10**9) }}",
        "{{ ('x' * 1000) | replace('x', 'y' * 10000) }}",
        "{{ [0] * 10**9 }}",
        "{{ 99999999999999999999999999 }}",
        "{{ 1e400 }}",
        "{{ [1, -1e400] }}",
    ];
    for source in refused {
        let found = evaluate(source);
        assert!(found.starts_with("refused: runaway"), "{source}: {found}");
    }
    let stopped = [
        "{{ range(100000) | map('string') | join('x' * 1000) }}",
        "{{ inputs.prompt * 10**9 }}",
        "{{ inputs.tags * 10**9 }}",
        "{{ inputs.prompt | replace('a', 'b' * 1000000) | replace('b', inputs.prompt * 100000) }}",
        "{{ range(inputs.big) }}",
        "{{ inputs.prompt | indent(inputs.big) }}",
        "{{ inputs.prompt.x * inputs.big }}",
        "{{ range(inputs.seconds * 20000) | map(attribute='x', default=inputs.prompt * 100000) | list }}",
        "{{ range(inputs.seconds * 20000) | join(inputs.prompt * 1000) }}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{{ inputs.prompt }}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% if inputs.loud %}{% endif %}{% endfor %}{% endfor %}",
        "{% set a = inputs.prompt %}{% for i in range(99) %}{% set a = a ~ a %}{% endfor %}{{ a * inputs.big }}",
        &format!("{{% set a = inputs.prompt %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(60)),
        &format!(
            "{{% set a = inputs.tags %}}{}{{{{ a }}}}",
            "{% set a = [a, a, a, a, a, a, a, a] %}".repeat(20)
        ),
        &format!("{{% set a = inputs.tags %}}{}{{{{ a == a }}}}", "{% set a = [a] %}".repeat(120)),
    ];
    for source in stopped {
        let found = evaluate(source);
        assert!(found.starts_with("error: "), "{source}: {}", &found[..found.len().min(200)]);
    }
}

/// The value of `source` where `inputs` is what is given; the work it takes is what is tested.
fn evaluate_with(inputs: Value, source: &str) -> Result<Value, String> {
    let mut context = Context::default();
    context.values.insert("inputs".into(), inputs);
    let template = Template::text(source).map_err(|faults| format!("{faults:?}"))?;
    template.evaluate(&context).map_err(|error| error.message)
}

const TOO_MUCH_WORK: &str = "this takes too much work or makes too much data";

#[test]
fn long_names_are_paid_for_wherever_they_are_compared() {
    let long = "k".repeat(1_000_000);
    let path = vec!["x"; 100_000].join(".");
    let inputs = Value::map([
        ("object", Value::map([(long.as_str(), Value::Null)])),
        ("name", Value::from(long.as_str())),
        ("path", Value::from(path)),
        ("items", Value::list(vec![Value::map([("x", Value::Absent)]); 1000])),
    ]);
    let each_turn = |body: &str| format!("{{% for i in range(50000) %}}{body}{{% endfor %}}");
    for body in [
        "{% if inputs.object == inputs.object %}{% endif %}",
        "{% if inputs.name in inputs.object %}{% endif %}",
        "{% if inputs.object[inputs.name] %}{% endif %}",
        &format!("{{% if inputs.object.{} is defined %}}{{% endif %}}", "k".repeat(800_000)),
    ] {
        let found = evaluate_with(inputs.clone(), &each_turn(body));
        assert_eq!(found, Err(TOO_MUCH_WORK.to_owned()), "{}", &body[..40]);
    }
    let found = evaluate_with(inputs, "{{ inputs.items | map(attribute=inputs.path) | list }}");
    assert_eq!(found, Err(TOO_MUCH_WORK.to_owned()));
}

#[test]
fn what_is_missing_costs_nothing_until_it_is_told() {
    let keys = (0..20_000).map(|number| (format!("key_number_{number}"), Value::Null));
    let inputs = Value::map([("object", Value::map(keys))]);
    let source =
        "{% for i in range(20000) %}{{ 'x' if inputs.object['key_numbers_' ~ i] is defined }}{% endfor %}";
    assert_eq!(evaluate_with(inputs.clone(), source), Ok(Value::from("")));
    let long = "{{ inputs.object['x' * 1000000] }}";
    assert!(evaluate_with(inputs, long).unwrap_err().len() < 500, "a long name is shortened");
}

#[test]
fn a_sort_of_what_cannot_be_compared_ends_with_an_error() {
    let mixed = (0..5000_i64).map(|at| match at % 3 {
        0 => Value::from(format!("t{}", at * 31 % 77)),
        _ => Value::from(at * 7919 % 1000),
    });
    let inputs = Value::map([("list", Value::list(mixed.collect()))]);
    let found = evaluate_with(inputs, "{{ inputs.list | sort }}").unwrap_err();
    assert!(found.contains("can't be compared"), "{found}");
    let long = (0..200).map(|at| Value::from("x".repeat(20_000) + &at.to_string()));
    let inputs = Value::map([("list", Value::list(long.rev().collect()))]);
    assert_eq!(
        evaluate_with(inputs, "{{ inputs.list | sort | sort | sort }}"),
        Err(TOO_MUCH_WORK.to_owned())
    );
}

#[test]
fn variables_are_counted_and_paid_for() {
    let names = |count: usize| (0..count).map(|index| format!("a{index}")).collect::<Vec<_>>().join(",");
    let inputs = Value::map([("list", Value::list(vec![Value::Null; 900]))]);
    for test in ["true", "inputs.list[0]"] {
        let set = format!("{{% if {test} %}}{{% set {} = inputs.list %}}{{% endif %}}", names(900));
        let source = format!("{{% for i in range(50000) %}}{set}{{% endfor %}}");
        assert_eq!(evaluate_with(inputs.clone(), &source), Err(TOO_MUCH_WORK.to_owned()));
    }
    let many: String = (0..70)
        .map(|block| format!("{{% set {} = 1 %}}", names(1500).replace('a', &format!("b{block}_"))))
        .collect();
    let faults = Template::text(&many).unwrap_err();
    assert_eq!(faults[0].message, "a template may have at most 1000 variables");
    assert_eq!(faults.len(), 1);
}

#[test]
fn what_is_worked_out_before_a_run_takes_time_by_the_length_of_its_text() {
    let template = Template::text("{{ range(99999) | list | length }}").unwrap();
    assert!(!template.is_literal(), "it is left to the run");
    assert_eq!(template.evaluate(&Context::default()).unwrap(), Value::from(99_999_i64));
}

#[test]
fn what_is_handed_on_many_times_is_paid_for_each_time() {
    let part = || Template::text("{{ inputs.prompt }}").unwrap();
    let mut context = Context::default();
    let inputs = Value::map([("prompt", Value::from("x".repeat(1_000_000)))]);
    context.values.insert("inputs".into(), inputs);
    let parts = |count: usize| Template::list((0..count).map(|_| part()).collect());
    assert_eq!(parts(30).evaluate(&context).unwrap().as_list().unwrap().len(), 30);
    let nested = Template::map((0..10).map(|index| (index.to_string(), parts(4))).collect());
    assert_eq!(nested.evaluate(&context).unwrap_err().message, TOO_MUCH_WORK);
}

#[test]
fn of_many_faults_some_are_told() {
    let source: String = (0..5000).map(|number| format!("{{{{ x | uper{number} }}}}")).collect();
    assert_eq!(Template::text(&source).unwrap_err().len(), 32);
    let source: String = (0..5000).map(|number| format!("{{{{ input{number} }}}}")).collect();
    assert_eq!(Template::text(&source).unwrap().infer(&TypeScope::default()).1.len(), 32);
}

#[test]
fn deep_nesting_is_refused_before_it_is_parsed() {
    let deep = [
        format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(5000), "]".repeat(5000)),
        format!("{{{{ {}1 }}}}", "-".repeat(50_000)),
        format!("{{{{ {}1 }}}}", "not ".repeat(50_000)),
        format!("{{{{ 1{} }}}}", "+1".repeat(50_000)),
        format!("{{{{ inputs{} }}}}", ".x".repeat(50_000)),
        format!("{{{{ inputs{} }}}}", "[0]".repeat(50_000)),
        format!("{{{{ inputs{} }}}}", "|upper".repeat(50_000)),
        format!("{{{{ {}1 }}}}", "1 if 1 else ".repeat(50_000)),
        format!("{{{{ 1{} }}}}", " if 1".repeat(50_000)),
        format!("{{{{ 1{} }}}}", " is odd".repeat(50_000)),
        format!("{}x{}", "{% if inputs.a %}".repeat(5000), "{% endif %}".repeat(5000)),
        format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(50_000)),
        format!("{}x{}", "{% for a in inputs.a %}".repeat(200), "{% endfor %}".repeat(200)),
    ];
    for source in deep {
        let found = evaluate(&source);
        assert!(found.starts_with("refused: "), "{}: {}", &source[..60], &found[..found.len().min(200)]);
    }
}

#[test]
fn the_deepest_that_is_taken_fits_on_a_small_stack() {
    let deepest = [
        (format!("{{{{ inputs.seconds{} }}}}", " + 1".repeat(98)), "102"),
        (format!("{{{{ {}inputs.loud }}}}", "not ".repeat(98)), "true"),
        (format!("{{{{ {}1{} }}}}", "[".repeat(60), "]".repeat(60)), ""),
        (format!("{{{{ {}inputs.seconds{} }}}}", "(1 + ".repeat(48), ")".repeat(48)), "52"),
        (
            format!(
                "{}{{{{ {}1 }}}}{}",
                "{% if inputs.loud %}".repeat(140),
                "-".repeat(90),
                "{% endif %}".repeat(140)
            ),
            "\"1\"",
        ),
        (
            format!(
                "{{% if inputs.empty %}}{}{{% else %}}x{{% endif %}}",
                "{% elif inputs.empty %}".repeat(290)
            ),
            "\"x\"",
        ),
    ];
    for (source, expected) in deepest {
        let found = evaluate(&source);
        assert!(
            expected.is_empty() || found == expected,
            "{}: {}",
            &source[..60],
            &found[..found.len().min(200)]
        );
    }
}

#[test]
fn what_is_nested_by_a_file_and_by_an_expression_is_counted_together() {
    let deep = (0..40).fold(Value::from("x"), |inner, _| Value::list(vec![inner]));
    let mut context = Context::default();
    context.values.insert("inputs".into(), Value::map([("deep", deep)]));
    let wrapped = |levels: usize| {
        (0..levels).fold(Template::text("{{ inputs.deep }}").unwrap(), |inner, _| Template::list(vec![inner]))
    };
    assert!(wrapped(20).evaluate(&context).is_ok());
    let error = wrapped(40).evaluate(&context).unwrap_err();
    assert_eq!(error.message, "lists and objects are nested more than 64 deep");
}

#[test]
fn a_text_larger_than_any_that_is_made_can_be_read() {
    let inputs = Value::map([("book", Value::from("one two ".repeat(200_000)))]);
    let read = |source| evaluate_with(inputs.clone(), source);
    assert_eq!(read("{{ inputs.book | wordcount }}"), Ok(Value::from(400_000_i64)));
    assert_eq!(read("{{ inputs.book | words(1) }}"), Ok(Value::from("one…")));
    assert_eq!(read("{{ inputs.book | truncate(9) }}"), Ok(Value::from("one two…")));
    assert_eq!(
        read("{{ inputs.book | upper }}").unwrap_err(),
        "this makes a text of more than 1048576 bytes"
    );
}
