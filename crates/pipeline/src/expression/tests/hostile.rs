use super::evaluate;

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
        "{{ range(100000) | map('string') | join('x' * 1000) }}",
        "{{ ('x' * 1000) | replace('x', 'y' * 100000) }}",
        "{{ [0] * 10**9 }}",
        "{{ 99999999999999999999999999 }}",
    ];
    for source in refused {
        let found = evaluate(source);
        assert!(found.starts_with("refused: runaway-expression"), "{source}: {found}");
    }
    let stopped = [
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
