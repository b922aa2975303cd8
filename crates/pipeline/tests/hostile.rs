//! Files that nobody means well with: each gets a clear message, soon.

use motet_pipeline::check::check;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::diagnostic::render;
use motet_pipeline::{Bundle, Diagnostic};
use proptest::prelude::*;

#[path = "hostile/said.rs"]
mod said;

use said::{load, message};

fn pipeline(steps: &str) -> String {
    format!("motet: 1\nsteps:\n{steps}")
}

#[test]
fn files_that_are_no_text_are_refused_before_they_are_parsed() {
    insta::assert_snapshot!(message(b""));
    insta::assert_snapshot!(message(b" \n\n\t\n"));
    insta::assert_snapshot!(message(b"motet: 1\nname: \xff\xfe\n"));
    insta::assert_snapshot!(message(b"\x7fELF\x02\x01\x01\x00\x00"));
    insta::assert_snapshot!(message(&vec![b'#'; 50 << 20]));
}

#[test]
fn a_byte_order_mark_is_taken() {
    let text = "\u{feff}motet: 1\nsteps: { a: { uses: flow/sleep, with: { duration: 1s } } }\n";
    assert_eq!(message(text.as_bytes()), "");
}

#[test]
fn nesting_without_end_is_stopped() {
    let lists = format!("motet: 1\nx: {}", "[".repeat(100_000));
    insta::assert_snapshot!(message(lists.as_bytes()).lines().next().unwrap_or(""));
    let maps: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    insta::assert_snapshot!(message(maps.as_bytes()).lines().next().unwrap_or(""));
    let json = format!("{{\"motet\": {}", "[".repeat(100_000));
    let bundle = Bundle::of_text("film.json", json);
    let diagnostics = check(&bundle, &Catalogue::default()).diagnostics;
    insta::assert_snapshot!(render(&diagnostics, false).lines().next().unwrap_or(""));
}

#[test]
fn groups_in_groups_are_stopped_by_the_depth_of_maps() {
    let group = "{ steps: { a: ".repeat(500) + "x" + &"}}".repeat(500);
    assert!(message(pipeline(&format!("  a: {group}\n")).as_bytes()).contains("too-deep"));
}

#[test]
fn an_alias_of_itself_is_refused() {
    insta::assert_snapshot!(message(b"motet: 1\nsteps: &a\n  b: *a\n"));
}

#[test]
fn a_very_long_line_is_shown_in_part() {
    let text = pipeline(&format!("  a: {{ uses: nothing/{} }}\n", "x".repeat(500_000)));
    assert!(message(text.as_bytes()).len() < 2_000);
    let text = format!(
        "{}\n  b: {{ description: '{}', usess: flow/fail, with: {{ message: 'x' }} }}\n",
        pipeline(""),
        "x".repeat(9_000)
    );
    insta::assert_snapshot!(message(text.as_bytes()));
}

#[test]
fn of_very_many_faults_in_one_line_some_are_told_and_all_are_counted() {
    let keys: String = (0..5_000).map(|index| format!("k{index}: 1, ")).collect();
    let text = format!("{{motet: 1, steps: {{a: {{uses: flow/sleep, with: {{duration: 1}}, {keys}}}}}}}");
    let diagnostics = check(&load(text.as_bytes()).unwrap(), &Catalogue::default()).diagnostics;
    assert_eq!(diagnostics.len(), 200);
    let notes = &diagnostics.last().unwrap().notes;
    assert_eq!(notes.last().unwrap(), "there are 4800 more findings; fix these first");
    render(&diagnostics, false);
}

#[test]
fn a_text_with_very_many_references_is_checked_soon() {
    let text = pipeline(&format!(
        "  a: {{ uses: data/transform, with: {{ value: \"\\x41{}\" }} }}\n",
        "{{ steps.b.value }}".repeat(5_000)
    ));
    assert!(message(text.as_bytes()).contains("there is no step `b`"));
}

#[test]
fn aliases_of_aliases_lie_no_deeper_than_what_is_written_out() {
    let nest = |inner: &str| format!("{}{inner}{}", "[".repeat(40), "]".repeat(40));
    let step = |name: &str, value: &str| {
        format!("  {name}: {{ uses: data/transform, with: {{ value: {value} }} }}\n")
    };
    let text = pipeline(&(step("a", &format!("&v {}", nest("x"))) + &step("b", &nest("*v"))));
    insta::assert_snapshot!(message(text.as_bytes()).lines().next().unwrap_or(""), @"error[too-deep]: maps and lists are nested more than 64 deep here");
}

#[test]
fn thousands_of_steps_in_a_circle_are_told_in_a_few_lines() {
    let step =
        |index: usize| format!("  s{index}: {{ uses: flow/sleep, needs: [s{}, s0] }}\n", (index + 1) % 3_000);
    let text = pipeline(&(0..3_000).map(step).collect::<String>());
    let diagnostics = check(&load(text.as_bytes()).unwrap(), &Catalogue::default()).diagnostics;
    let cycles: Vec<_> = diagnostics.iter().filter(|diagnostic| diagnostic.code.word() == "cycle").collect();
    assert!((1..=10).contains(&cycles.len()));
    assert!(cycles.iter().all(|cycle| cycle.message.len() < 200));
}

#[test]
fn files_that_use_each_other_without_end_are_read_once_each() {
    let mut read = 0;
    let bundle = Bundle::load("a.yaml", &mut |path| {
        read += 1;
        let other = if path == "a.yaml" { "b" } else { "a" };
        Ok(format!("motet: 1\nsteps: {{ x: {{ uses: ./{other}.yaml }} }}").into_bytes())
    });
    assert_eq!(bundle.unwrap().files.len(), 2);
    assert_eq!(read, 2);
}

/// The messages about `main`, where the file `f<n>.yaml` holds what `steps` says for `n`.
fn messages(main: &str, steps: impl Fn(usize) -> String) -> Vec<String> {
    let bundle = Bundle::load("main.yaml", &mut |path| {
        let steps = match path {
            "main.yaml" => main.to_owned(),
            path => steps(path[1..path.len() - 5].parse().unwrap()),
        };
        Ok(format!("motet: 1\nsteps:\n{steps}").into_bytes())
    });
    check(&bundle.unwrap(), &Catalogue::default())
        .diagnostics
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn a_pipeline_that_uses_too_many_files_is_stopped() {
    let main: String = (0..256).map(|index| format!("  s{index}: {{ uses: ./f{index}.yaml }}\n")).collect();
    let found = messages(&main, |_| "  a: { uses: flow/fail, with: { message: x } }".to_owned());
    assert_eq!(found, ["`f99.yaml` is one too many: a pipeline can use at most 256 files"]);
}

#[test]
fn files_that_lie_too_deep_in_each_other_are_stopped_in_whatever_order_they_are_checked() {
    const TOO_DEEP: &str = "files and groups are nested more than 64 deep here";
    let next = |index: usize| match index {
        200 => "  a: { uses: flow/fail, with: { message: x } }".to_owned(),
        _ => format!("  a: {{ uses: ./f{}.yaml }}", index + 1),
    };
    assert_eq!(messages("  a: { uses: ./f0.yaml }", next), [TOO_DEEP]);
    let backwards: String =
        (0..20).map(|index| format!("  s{index}: {{ uses: ./f{}.yaml }}\n", 200 - 10 * index)).collect();
    assert!(messages(&backwards, next).iter().all(|message| message == TOO_DEEP));
    assert!(!messages(&backwards, next).is_empty());
}

#[test]
fn files_that_multiply_when_they_are_put_in_place_are_stopped() {
    let diagnostics = Bundle::load("f0.yaml", &mut |path| {
        let level: usize = path[1..path.len() - 5].parse().unwrap();
        let step =
            if level < 30 { format!("uses: ./f{}.yaml", level + 1) } else { "uses: flow/fail".to_owned() };
        Ok(format!("motet: 1\nsteps: {{ a: {{ {step} }}, b: {{ {step} }} }}").into_bytes())
    })
    .map(|bundle| check(&bundle, &Catalogue::default()).diagnostics)
    .unwrap();
    assert!(diagnostics.iter().any(|diagnostic| diagnostic.code.word() == "too-large"), "{diagnostics:?}");
}

#[test]
fn paths_stay_in_the_project() {
    for path in ["/etc/passwd", "../film.yaml", "a/../../film.yaml", "", ".", "a\\..\\b.yaml"] {
        let diagnostics = Bundle::load(path, &mut |_| panic!("nothing outside is read")).unwrap_err();
        assert_eq!(diagnostics[0].code.word(), "bad-path", "{path}");
    }
}

proptest! {
    /// Whatever is cut out of or put into a pipeline, the check ends with a plan or an error.
    #[test]
    fn damaged_pipelines_get_a_plan_or_an_error(at in 0_usize..2_000, cut in 0_usize..40, put in "\\PC{0,12}|[{}\\[\\]:,'\"&*|>\n -]{0,8}") {
        let mut text = include_str!("fixtures/good/policies.yaml").to_owned();
        let boundary = |mut at: usize, text: &str| { while !text.is_char_boundary(at) { at -= 1 } at };
        let start = boundary(at.min(text.len()), &text);
        let end = boundary((start + cut).min(text.len()), &text).max(start);
        text.replace_range(start..end, &put);
        let checked = check(&Bundle::of_text("film.yaml", text), &Catalogue::default());
        prop_assert_eq!(checked.plan.is_none(), checked.diagnostics.iter().any(Diagnostic::is_error));
        render(&checked.diagnostics, false);
    }
}

/// A pipeline of `count` steps, each made of the names of itself and of the one before.
fn chain(count: usize, step: impl Fn(&str, &str) -> String) -> String {
    let name = |index: usize| format!("s{index}");
    let steps =
        (1..count).map(|index| format!("  {}: {}\n", name(index), step(&name(index), &name(index - 1))));
    pipeline(&format!(
        "  s0: {{ uses: data/transform, with: {{ value: {{ x: 1 }} }} }}\n{}",
        steps.collect::<String>()
    ))
}

/// Whatever a step refers to twice is inferred once: the check takes memory by what is written, which
/// the binary's own test bounds, and time, without which this would not end.
#[test]
fn types_that_double_from_step_to_step_are_bounded() {
    let values = chain(500, |_, before| {
        let value = format!("'{{{{ steps.{before}.value }}}}'");
        format!("{{ uses: data/transform, with: {{ value: {{ l: {value}, r: {value} }} }} }}")
    });
    let groups = chain(500, |_, before| {
        let value = format!("'{{{{ steps.{before} }}}}'");
        format!(
            "{{ steps: {{ a: {{ uses: flow/sleep, with: {{ duration: 1 }} }} }}, outputs: {{ l: {value}, r: {value} }} }}"
        )
    });
    let fan_outs = chain(500, |_, before| {
        format!("{{ each: [1, 2], uses: data/transform, with: {{ value: '{{{{ steps.{before} }}}}' }} }}")
    });
    let lists = chain(500, |_, before| {
        format!(
            "{{ uses: data/transform, with: {{ value: ['{{{{ steps.{before} }}}}', '{{{{ steps.{before}.status }}}}'] }} }}"
        )
    });
    let fallbacks = chain(500, |_, before| {
        let value = format!("'{{{{ steps.{before}.value }}}}'");
        format!(
            "{{ uses: data/transform, with: {{ value: [{value}] }}, fallback: {{ uses: data/transform, with: {{ value: {{ x: {value} }} }} }} }}"
        )
    });
    let loops = pipeline(&format!(
        "  a: {{ uses: data/transform, with: {{ value: \"{}{{{{ a }}}}\" }} }}\n",
        "{% set a = {'l': a or 1, 'r': [a]} %}{% for b in [a, [a]] %}{% set a = {'x': b, 'y': a} %}{% endfor %}".repeat(70)
    ))
    .replacen("{% set a = {'l': a or 1", "{% set a = 1 %}{% set a = {'l': a or 1", 1);
    for text in [values, groups, fan_outs, lists, fallbacks, loops] {
        let checked = check(&load(text.as_bytes()).unwrap(), &Catalogue::default());
        let found: Vec<_> = checked.diagnostics.iter().map(|found| &found.message).collect();
        assert!(checked.plan.is_some(), "{found:?}");
    }
}

#[test]
fn used_files_that_double_are_bounded() {
    let next = |index: usize| match index {
        50 => "  a: { uses: data/transform, with: { value: x } }\noutputs: { l: '{{ steps.a }}' }".to_owned(),
        _ => format!(
            "  a: {{ uses: ./f{}.yaml }}\noutputs: {{ l: '{{{{ steps.a }}}}', r: '{{{{ steps.a }}}}' }}",
            index + 1
        ),
    };
    assert_eq!(messages("  a: { uses: ./f0.yaml }", next), Vec::<String>::new());
}
