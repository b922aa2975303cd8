//! Fixtures: good pipelines become plans, bad ones become messages.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use motet_pipeline::check::{Checked, check};
use motet_pipeline::contract::{Call, CallForm, Catalogue, Contract, Limits, Parameter, Work};
use motet_pipeline::diagnostic::render;
use motet_pipeline::expression::Context;
use motet_pipeline::plan::{Body, Dependency, Plan, Scope, Step, Target};
use motet_pipeline::{Bundle, MediaKind, Type, Value};

#[test]
fn good_pipelines_become_plans() {
    for path in fixtures("good") {
        let checked = check_file(&path);
        let plan = checked.plan.unwrap_or_else(|| panic!("{}", render(&checked.diagnostics, false)));
        insta::assert_snapshot!(format!("good_{}", stem(&path)), describe(&plan));
    }
}

#[test]
fn bad_pipelines_become_messages() {
    for path in fixtures("").into_iter().filter(|path| stem(path).starts_with("err_")) {
        let checked = check_file(&path);
        assert!(checked.plan.is_none(), "{} has a plan", path.display());
        insta::assert_snapshot!(stem(&path), render(&checked.diagnostics, false));
    }
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let entries = std::fs::read_dir(folder).expect("the fixtures are there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "json"));
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("fixtures are files").to_string_lossy().into_owned()
}

fn check_file(path: &Path) -> Checked {
    let folder = path.parent().expect("fixtures lie in a folder");
    let name = path.file_name().expect("fixtures are files").to_string_lossy();
    let bundle = Bundle::load(&name, &mut |path| {
        std::fs::read(folder.join(path)).map_err(|_| "there is no such file".to_owned())
    });
    match bundle {
        Ok(bundle) => check(&bundle, &catalogue()),
        Err(diagnostics) => Checked { plan: None, diagnostics },
    }
}

#[test]
fn a_secret_in_a_header_becomes_its_name_and_every_other_header_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/good");
    let plan = check_file(&folder.join("secrets.yaml")).plan.unwrap();
    let Body::Operation(targets) = &plan.root.steps[0].body else { panic!("it is an operation") };
    let (_, headers) = targets[0].with.iter().find(|(name, _)| name == "headers").unwrap();
    let token = Value::map([("secret", Value::from("weather"))]);
    let mut context = Context::default();
    context.values.insert("inputs".into(), Value::map([("token", token)]));
    let expected = serde_json::json!({
        "authorization": ["Bearer ", { "secret": "weather" }],
        "x-key": { "secret": "weather-2" },
        "x-both": [{ "secret": "weather" }, ":", { "secret": "weather-2" }],
        "x-place": r#"{"secret":"weather"}"#,
        "accept": "application/json",
    });
    assert_eq!(headers.evaluate(&context).unwrap().to_json(), expected);
    assert_eq!(Vec::from_iter(targets[0].secrets()), ["weather", "weather-2"]);
}

#[test]
fn a_fit_that_changes_nothing_is_said_and_no_fault() {
    let step = |with: &str| format!("motet: 1\nsteps: {{ clip: {{ uses: {with}, fit: auto }} }}\n");
    let told = |text: &str| {
        let checked = check(&Bundle::of_text("clip.yaml", text), &catalogue());
        assert!(checked.plan.is_some(), "{}", render(&checked.diagnostics, false));
        checked.diagnostics.into_iter().map(|finding| finding.message).collect::<Vec<_>>()
    };
    let nothing = |operation: &str| {
        [format!("`fit: auto` changes nothing: {operation} sets no limits that a conversion could meet")]
    };
    assert_eq!(told(&step("local/scene, with: { prompt: x }")), nothing("local/scene"));
    let address = "motet: 1\ninputs: { photo: image }\nsteps: { clip: { uses: model/film, with: { image: \"{{ inputs.photo }}\" }, fit: auto } }\n";
    assert_eq!(told(address), nothing("model/film"));
}

/// Operations of every sort, as the crates above this one define them.
fn catalogue() -> Catalogue {
    let image = || Type::media(MediaKind::Image);
    let video = || Type::media(MediaKind::Video);
    let audio = || Type::media(MediaKind::Audio);
    let visual = || Type::Media(vec![MediaKind::Image, MediaKind::Video]);
    let mut catalogue = Catalogue::new([
        Contract::new("local/scene", Work::Processor)
            .input(Parameter::required("prompt", Type::Text).about("what is to be seen"))
            .input(
                Parameter::optional("aspect_ratio", Type::Text)
                    .default("16:9")
                    .one_of(["16:9", "1:1", "9:16"]),
            )
            .input(Parameter::optional("seed", Type::Integer).range(0.0, 4_294_967_295.0))
            .output("image", image()),
        Contract::new("local/speak", Work::Processor)
            .input(Parameter::required("text", Type::Text))
            .input(Parameter::optional("voice", Type::Text).default("en"))
            .output("audio", audio())
            .output("words", Type::list(Type::object([("word", Type::Text), ("start", Type::Number)]))),
        Contract::new("media/animate", Work::Processor)
            .input(Parameter::required("image", image()).about("png, jpeg or webp, at least 64 × 64"))
            .input(
                Parameter::optional("effect", Type::Text).default("zoom-in").one_of(["zoom-in", "pan-left"]),
            )
            .input(Parameter::optional("duration", Type::Number).default(5_i64).range(0.1, 600.0))
            .output("video", video()),
        Contract::new("media/silence", Work::Processor)
            .input(Parameter::required("duration", Type::Number).range(0.1, 3600.0))
            .output("audio", audio()),
        Contract::new("media/thumbnail", Work::Processor)
            .input(Parameter::required("video", video()))
            .output("image", image()),
        Contract::new("media/merge", Work::Processor)
            .input(Parameter::required("items", Type::list(visual())))
            .input(Parameter::optional("narration", audio()))
            .input(Parameter::optional("music", audio()))
            .output("video", video()),
        Contract::new("task/rate", Work::Task)
            .input(Parameter::required("text", Type::Text))
            .output("label", Type::Text)
            .output("score", Type::Number),
        Contract::new("model/film", Work::Model)
            .input(Parameter::required("image", image()))
            .input(Parameter::optional("motion", Type::Integer).range(1.0, 255.0))
            .output("video", video()),
        Contract::new("media/fit", Work::Processor)
            .input(Parameter::optional("image", image()))
            .input(Parameter::optional("audio", audio()))
            .input(Parameter::optional("max_side", Type::Integer))
            .input(Parameter::optional("max_seconds", Type::Number))
            .input(Parameter::optional("formats", Type::list(Type::Text)))
            .output("image", image())
            .output("audio", audio()),
        Contract::new("model/portrait", Work::Model)
            .input(Parameter {
                limits: Limits {
                    max_side: Some(512),
                    min_side: Some(64),
                    formats: vec!["jpg".into()],
                    ..Limits::default()
                },
                ..Parameter::required("image", image())
            })
            .input(Parameter {
                limits: Limits { max_seconds: Some(10.0), ..Limits::default() },
                ..Parameter::optional("audio", audio())
            })
            .output("video", video())
            .output("frames", Type::list(image())),
        Contract::new("model/secret", Work::Model)
            .output("image", image())
            .call(Call::paid(CallForm::Direct)),
        Contract::new("task/other", Work::Task).input(Parameter::optional("headers", Type::map(Type::Any))),
        Contract::new("http/request", Work::Request)
            .input(Parameter::required("url", Type::Text))
            .input(Parameter::optional("headers", Type::map(Type::Any)).takes_secrets())
            .output("json", Type::Any)
            .call(Call::paid(CallForm::Direct)),
    ]);
    catalogue.set_pools(["gpu", "search"]);
    catalogue.set_secrets(["weather", "weather-2"]);
    catalogue
}

/// A plan in a few lines: what waits for what, and which defaults were taken.
fn describe(plan: &Plan) -> String {
    let mut text = format!("{} {:?}", plan.name, plan.on_failure);
    plan.timeout.iter().for_each(|timeout| _ = write!(text, " timeout {timeout}"));
    plan.labels.iter().for_each(|(name, label)| _ = write!(text, " {name}={label}"));
    text.push('\n');
    for input in &plan.inputs {
        let default = input
            .default
            .as_ref()
            .map_or(if input.required { "required" } else { "optional" }.to_owned(), |value| {
                format!("default {}", value.to_json())
            });
        let sensitive = if input.sensitive { ", sensitive" } else { "" };
        _ = writeln!(text, "input {}: {}, {default}{sensitive}", input.name, input.ty);
    }
    describe_scope(&plan.root, 0, &[], &mut text);
    text
}

fn describe_scope<'p>(scope: &'p Scope, depth: usize, around: &[&'p Scope], text: &mut String) {
    let scopes: Vec<_> = around.iter().copied().chain([scope]).collect();
    for step in &scope.steps {
        describe_step(step, depth, &scopes, text);
    }
    for output in &scope.outputs {
        _ = writeln!(text, "{}output {}: {}", "  ".repeat(depth), output.name, output.ty);
    }
}

fn describe_step(step: &Step, depth: usize, scopes: &[&Scope], text: &mut String) {
    let indent = "  ".repeat(depth);
    _ = write!(text, "{indent}{} (line {})", step.name, step.location.line);
    if let Some(each) = &step.each {
        _ = write!(text, " each {} {:?}", each.item_name, each.quorum);
        each.max_parallel.iter().for_each(|count| _ = write!(text, " max {count}"));
        [(each.key.is_some(), " keyed"), (each.early, " early"), (each.condition_per_item, " if per item")]
            .iter()
            .filter(|(holds, _)| *holds)
            .for_each(|(_, word)| text.push_str(word));
    }
    [(step.condition.is_some(), " if"), (step.optional, " optional"), (step.always, " always")]
        .iter()
        .filter(|(holds, _)| *holds)
        .for_each(|(_, word)| text.push_str(word));
    if !step.checks.is_empty() {
        _ = write!(text, " checks {}", step.checks.len());
    }
    step.total_timeout.iter().for_each(|total| _ = write!(text, " total {total}"));
    step.labels.iter().for_each(|(name, label)| _ = write!(text, " {name}={label}"));
    describe_dependencies(&step.waits_for, scopes, text);
    text.push('\n');
    match &step.body {
        Body::Operation(targets) => {
            targets.iter().for_each(|target| describe_target(target, &indent, scopes, text))
        }
        Body::Group(scope) => describe_scope(scope, depth + 1, scopes, text),
        Body::Pipeline { file, with, scope, .. } => {
            let names: Vec<_> = with.iter().map(|(name, _)| name.as_str()).collect();
            _ = writeln!(text, "{indent}  {file} with {}", names.join(", "));
            describe_scope(scope, depth + 1, &[], text);
        }
    }
    step.undo.iter().for_each(|undo| describe_step(undo, depth + 1, scopes, text));
}

fn describe_target(target: &Target, indent: &str, scopes: &[&Scope], text: &mut String) {
    let names: Vec<_> = target.with.iter().map(|(name, _)| name.as_str()).collect();
    _ = write!(text, "{indent}  {} with {}", target.contract.operation, names.join(", "));
    if !target.on.is_empty() {
        _ = write!(text, " on {}", target.on.iter().map(|class| class.word()).collect::<Vec<_>>().join(","));
    }
    target.pool.iter().for_each(|pool| _ = write!(text, " in the pool {pool}"));
    describe_dependencies(&target.waits_for, scopes, text);
    for rule in &target.retry {
        let on: Vec<_> = rule.on.iter().map(|class| class.word()).collect();
        _ = write!(
            text,
            "\n{indent}    retry {}: {} attempts, {} × {}",
            on.join(","),
            rule.attempts,
            rule.backoff,
            rule.factor
        );
        _ = write!(text, " up to {}, jitter {}, timeout {:?}", rule.max_backoff, rule.jitter, rule.timeout);
    }
    let timeouts = target.timeouts;
    if timeouts != Default::default() {
        let (connect, request) = (timeouts.connect, timeouts.request);
        _ = write!(text, "\n{indent}    timeouts {connect} {request} {} {}", timeouts.queue, timeouts.job);
    }
    text.push('\n');
}

fn describe_dependencies(dependencies: &[Dependency], scopes: &[&Scope], text: &mut String) {
    for dependency in dependencies {
        let scope = scopes[scopes.len() - 1 - dependency.step.up];
        let up = "^".repeat(dependency.step.up);
        _ = write!(text, " ← {up}{} ({:?})", scope.steps[dependency.step.index].name, dependency.kind);
    }
}

#[test]
fn an_input_that_nothing_uses_is_said_and_no_fault() {
    let told = |inputs: &str, value: &str| {
        let text = format!(
            "motet: 1\ninputs: {inputs}\nsteps:\n  group:\n    steps:\n      inner: {{ uses: data/transform, with: {{ value: \"{value}\" }} }}\n"
        );
        let checked = check(&Bundle::of_text("p.yaml", &text), &catalogue());
        assert!(checked.plan.is_some(), "{}", render(&checked.diagnostics, false));
        render(&checked.diagnostics, false)
    };
    let found = told("{ used: string, useless: string }", "{{ inputs.used }}");
    insta::assert_snapshot!(found, @r"
    warning[unneeded]: nothing uses the input `useless`
     --> p.yaml:2:25
      |
    2 | inputs: { used: string, useless: string }
      |                         ^^^^^^^
      |
      = help: use it, or remove it
    ");
    for value in ["{{ inputs.a }}{{ inputs.b }}", "{{ inputs }}", "{{ inputs['a'] ~ inputs.b }}"] {
        assert_eq!(told("{ a: string, b: string }", value), "", "{value}");
    }
}

#[test]
fn an_error_is_found_behind_any_number_of_warnings() {
    let inputs: String = (0..300).map(|number| format!("a{number}: string, ")).collect();
    let step =
        |number: usize| format!("  s{number}: {{ uses: local/scene, with: {{ prompt: x }}, fit: auto }}\n");
    let steps: String = (0..300).map(step).collect();
    let text = |last: &str| format!("motet: 1\ninputs: {{ {inputs} }}\nsteps:\n{steps}  z: {{ {last} }}\n");
    let told = |last: &str| check(&Bundle::of_text("p.yaml", text(last)), &catalogue());
    let good = told("uses: local/scene, with: { prompt: x }");
    assert!(good.plan.is_some());
    assert_eq!(good.diagnostics.len(), 200);
    let bad = told("uses: local/scene, with: { promtp: x }");
    assert!(bad.plan.is_none());
    let errors: Vec<_> = bad.diagnostics.iter().filter(|finding| finding.is_error()).collect();
    assert_eq!((errors.len(), bad.diagnostics.len()), (1, 200));
    assert_eq!((errors[0].line, errors[0].code.word()), (304, "unknown-parameter"));
}

/// A step that takes `a` or `b`, and is given the constant `a` and this for `b`.
fn is_refused(b: &str, policies: &str) -> bool {
    let say = |name: &str, text: &str, policies: &str| {
        format!("  {name}: {{ uses: task/say, with: {{ text: '{text}' }}{policies} }}\n")
    };
    let text = format!(
        "motet: 1\ninputs:\n  must: string\n  usual: {{ type: string, default: x }}\n  maybe: {{ type: string, default: null }}\n  \
         any: {{ default: x }}\n  list: {{ type: array, items: {{ type: string }} }}\nsteps:\n{}{}{}{}{}{}{}{}  it: {{ uses: task/one, with: {{ a: x, b: '{b}' }}{policies} }}\n",
        say("said", "hello", ""),
        say("off", "hello", ", if: '{{ inputs.maybe }}'"),
        say("may", "hello", ", optional: true"),
        say("fell", "hello", ", fallback: [{ uses: task/two }]"),
        say("after", "{{ steps.said.text }}", ""),
        say("behind", "{{ steps.off.text }}", ""),
        "  two: { uses: task/two }\n",
        "  group: { steps: { in: { uses: task/say, with: { text: a } } }, outputs: { text: '{{ steps.in.text }}' } }\n",
    );
    let one = Contract::new("task/one", Work::Task)
        .input(Parameter::optional("a", Type::Text))
        .input(Parameter::optional("b", Type::Text))
        .exactly_one(&["a", "b"]);
    let text_of = |name: &str| Contract::new(name, Work::Task).output("text", Type::Text);
    let say = text_of("task/say").input(Parameter::required("text", Type::Text));
    let two = text_of("task/two").output("more", Type::Text).input(Parameter::optional("text", Type::Text));
    let checked = check(&Bundle::of_text("it.yaml", text), &Catalogue::new([one, say, two]));
    let errors: Vec<_> = checked.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
    let told = "task/one takes `a` or `b`, and no more than one of them";
    assert!(errors.iter().all(|error| error.message == told), "{}", render(&checked.diagnostics, false));
    !errors.is_empty()
}

#[test]
fn only_what_is_there_for_certain_is_held_against_a_constant() {
    for (b, expected) in [
        ("{{ inputs.must }}", true),
        ("{{ inputs.usual }}", true),
        ("by {{ inputs.must }} and {{ inputs.usual }}", true),
        ("{{ steps.said.text }}", true),
        ("{{ steps.after.text }}", true),
        ("{{ inputs.maybe }}", false),
        ("{{ inputs.any }}", false),
        ("by {{ inputs.must }} and {{ inputs.maybe }}", false),
        ("{{ inputs.list | first }}", false),
        ("{{ inputs.must if inputs.maybe }}", false),
        ("{% if inputs.maybe %}{{ inputs.must }}{% endif %}", false),
        ("{{ steps.off.text }}", false),
        ("{{ steps.may.text }}", false),
        ("{{ steps.fell.text }}", false),
        ("{{ steps.behind.text }}", false),
        ("{{ steps.two.text }}", false),
        ("{{ steps.group.text }}", false),
    ] {
        assert_eq!(is_refused(b, ""), expected, "{b}");
    }
    assert!(is_refused("{{ item }}", ", each: '{{ inputs.list }}'"));
    assert!(!is_refused("{{ item }}", ", each: '{{ inputs.any }}'"));
    // At the end of a run a step may have failed.
    assert!(!is_refused("{{ steps.said.text }}", ", always: true"));
    assert!(is_refused("{{ inputs.must }}", ", always: true"));
}
