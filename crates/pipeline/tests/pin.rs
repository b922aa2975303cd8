//! Pins: what is kept of a plan is the plan, and nothing that a later version learns can refuse it.

use std::fs;
use std::path::{Path, PathBuf};

use motet_pipeline::check::check;
use motet_pipeline::contract::{Catalogue, Contract, Outputs, Parameter, Work};
use motet_pipeline::pin::{Difference, EDITION, Unlinked};
use motet_pipeline::plan::{Body, Plan, Scope};
use motet_pipeline::{Bundle, Digest, Failure, Type, Value};

const FILM: &str = r#"
motet: 1
name: film
inputs: { title: { type: string, default: Rose, maxLength: 20 }, shots: { type: array, items: { type: string } } }
timeout: 2h
steps:
  draft:
    uses: task/write
    with: { about: "{{ inputs.title }}", tags: [a, "{{ inputs.title | upper }}"] }
    fallback: [{ uses: task/copy, with: { about: "{{ steps.idle.value }}" }, on: [any] }]
  idle: { uses: data/transform, with: { value: { "$absent": true, list: [1, 2.5, null] } } }
  scenes:
    each: "{{ inputs.shots }}"
    key: "{{ item }}"
    quorum: 50%
    steps:
      line: { uses: task/write, with: { about: "{{ item }} {{ steps.draft.text }}" }, retry: { attempts: 2, timeout: 2x } }
    outputs: { text: "{{ steps.line.text }}" }
  part: { uses: ./part.yaml, with: { n: 3 } }
  again: { uses: ./part.yaml, needs: [part] }
outputs:
  text: { value: "{{ steps.draft.text }}", type: string }
  scenes: "{{ steps.scenes.items }}"
"#;

const PART: &str = r#"
motet: 1
inputs: { n: { type: integer, default: 1 } }
steps: { wait: { uses: flow/sleep, with: { duration: "{{ inputs.n }}s" } } }
"#;

fn catalogue() -> Catalogue {
    let write = Contract::new("task/write", Work::Task)
        .summary("Writes.")
        .input(Parameter::required("about", Type::Text).about("what it is about"))
        .input(
            Parameter::optional("tags", Type::list(Type::Text)).default(Value::list(vec![Value::from("x")])),
        )
        .input(Parameter::optional("length", Type::Number).range(0.5, f64::INFINITY).default(0.1))
        .input(Parameter::optional("tone", Type::Text).one_of(["dry", "wet"]))
        .output("text", Type::Text)
        .usually(0.1, f64::INFINITY);
    let mut copy = Contract::new("task/copy", Work::Task).output("text", Type::Text);
    copy.open_inputs = true;
    copy.version = 7;
    Catalogue::new([write, copy])
}

fn film() -> Plan {
    let mut bundle = Bundle::of_text("film.yaml", FILM);
    bundle.files.insert("part.yaml".into(), PART.into());
    let checked = check(&bundle, &catalogue());
    checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

/// The whole plan in words, without the types that were only inferred.
fn told(mut plan: Plan) -> String {
    fn forget_inferred(scope: &mut Scope) {
        for output in scope.outputs.iter_mut().filter(|output| output.schema.is_none()) {
            output.ty = Type::Any;
        }
        for step in &mut scope.steps {
            match &mut step.body {
                Body::Operation(_) => {}
                Body::Group(scope) | Body::Pipeline { scope, .. } => forget_inferred(scope),
            }
        }
    }
    forget_inferred(&mut plan.root);
    format!("{plan:#?}")
}

fn refused(pin: &str) -> Unlinked {
    Plan::link(pin, Digest::of(pin.as_bytes())).expect_err("it can't be linked")
}

#[test]
fn a_plan_that_was_kept_is_the_plan_that_was_checked() {
    let plan = film();
    let linked = Plan::link(&plan.pin(), plan.digest).unwrap();
    assert_eq!(linked.pin(), plan.pin());
    assert_eq!(told(linked), told(plan));
}

#[test]
fn so_is_every_example_and_every_good_fixture() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in ["tests/fixtures/good", "../../examples", "../../examples/patterns"] {
        for path in pipelines_in(&here.join(folder)) {
            let name = path.file_name().unwrap().to_string_lossy();
            let read = |name: &str| fs::read(path.with_file_name(name)).map_err(|error| error.to_string());
            let bundle = Bundle::load(&name, &mut { read }).unwrap();
            // Of operations that aren't known here, anything may be given and taken.
            let checked = check(&bundle, &open_catalogue(&bundle));
            let plan =
                checked.plan.unwrap_or_else(|| panic!("{}: {:#?}", path.display(), checked.diagnostics));
            let linked = Plan::link(&plan.pin(), plan.digest).unwrap();
            assert_eq!(told(linked), told(plan), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} were there");
}

fn pipelines_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    paths.sort();
    paths
}

/// All operations that are named in the texts, each with a contract that takes and gives anything.
fn open_catalogue(bundle: &Bundle) -> Catalogue {
    let words = bundle
        .files
        .values()
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || ",{}[]\"".contains(c)));
    let names = words.filter(|word| {
        let families = [
            "media/",
            "model/",
            "local/",
            "task/",
            "lab/",
            "fal/",
            "replicate/",
            "elevenlabs/",
            "openai/",
            "anthropic/",
            "http/",
            "store/",
        ];
        families.iter().any(|family| word.starts_with(family) && word.len() > family.len())
    });
    let open = |name: &str| {
        let mut contract = Contract::new(name, Work::Task);
        (contract.open_inputs, contract.open_outputs) = (true, true);
        match name {
            "http/request" => {
                contract.input(Parameter::optional("headers", Type::map(Type::Any)).takes_secrets())
            }
            _ => contract,
        }
    };
    Catalogue::new(names.map(open))
}

#[test]
fn what_is_kept_is_json_that_every_later_version_must_read() {
    insta::assert_json_snapshot!(serde_json::from_str::<serde_json::Value>(&film().pin()).unwrap());
}

#[test]
fn the_name_of_a_plan_changes_with_texts_and_contracts_and_its_version_with_texts_alone() {
    let text = "motet: 1\nsteps: { a: { uses: task/write, with: { about: it } } }\n";
    let plan = |text: &str, catalogue: &Catalogue| {
        let plan = check(&Bundle::of_text("film.yaml", text), catalogue).plan.unwrap();
        (plan.digest, plan.version)
    };
    let newer = Catalogue::new([Contract::new("task/write", Work::Task)
        .input(Parameter::required("about", Type::Text))
        .output("text", Type::Text)]);
    let (first, second) = (plan(text, &catalogue()), plan(text, &newer));
    assert_ne!(first.0, second.0);
    assert_eq!(first.1, second.1);
    let changed = plan(&text.replace("about: it", "about: us"), &newer);
    assert_ne!(changed.0, second.0);
    assert_ne!(changed.1, second.1);
}

#[test]
fn a_file_that_is_used_a_thousand_times_is_kept_once() {
    let uses: String = (0..1000).map(|n| format!("  s{n}: {{ uses: ./part.yaml }}\n")).collect();
    let mut bundle = Bundle::of_text("film.yaml", format!("motet: 1\nsteps:\n{uses}"));
    let long = "x".repeat(10_000);
    let part = format!("motet: 1\nsteps: {{ a: {{ uses: data/transform, with: {{ value: {long} }} }} }}");
    bundle.files.insert("part.yaml".into(), part);
    let plan = check(&bundle, &catalogue()).plan.unwrap();
    assert!(plan.pin().len() < 400_000, "{}", plan.pin().len());
}

#[test]
fn what_cannot_be_linked_is_refused_in_words() {
    let pin = film().pin();
    let without = |part: &str, key: &str| {
        let mut json: serde_json::Value = serde_json::from_str(&pin).unwrap();
        json[part].as_object_mut().unwrap().remove(key).unwrap();
        json.to_string()
    };
    let newer = pin.replacen(&format!("\"edition\":{EDITION}"), "\"edition\":9,\"whatever\":1", 1);
    let words = [
        without("contracts", "task/copy"),
        without("files", "part.yaml"),
        without("plan", "name"),
        newer,
        pin.replace("| upper", "| frobnicate"),
        pin.replace("\"index\":0", "\"index\":77"),
        pin.replace("\"up\":1", "\"up\":5"),
        pin.replace("\"jitter\":true", "\"jitter\":true,\"whatever\":1"),
        pin[..pin.len() / 2].to_owned(),
        String::new(),
    ];
    let words: Vec<_> = words.iter().map(|pin| format!("the plan {}", refused(pin))).collect();
    insta::assert_snapshot!(words.join("\n"));
}

#[test]
fn a_file_that_uses_itself_has_an_end() {
    let pin = film().pin();
    let round = pin.replace(r#""body":{"operation":[{"uses":"flow/sleep""#, "\"body\":\0");
    let start = round.find('\0').expect("there is a step that sleeps");
    // The body of the step in the file becomes a use of the file.
    let rest = &round[start + 1..];
    let end = rest.find("]}").expect("a list of targets ends") + 2;
    let round =
        format!("{}{}{}", &round[..start], r#"{"pipeline":{"file":"part.yaml","with":[]}}"#, &rest[end..]);
    assert!(
        matches!(refused(&round), Unlinked::Damaged { .. } | Unlinked::Unreadable(_)),
        "{:?}",
        refused(&round)
    );
}

#[test]
fn a_run_keeps_the_timeouts_that_it_was_started_with_whatever_its_model_takes_later() {
    let text = "motet: 1\nsteps: { clip: { uses: lab/film } }\n";
    let model = |seconds| Catalogue::new([Contract::new("lab/film", Work::Model).usually(1.0, seconds)]);
    let job = |plan: &Plan| match &plan.root.steps[0].body {
        Body::Operation(targets) => targets[0].timeouts.job,
        other => panic!("{other:?}"),
    };
    let checked = |seconds| check(&Bundle::of_text("clip.yaml", text), &model(seconds)).plan.unwrap();
    let (quick, slow) = (checked(200.0), checked(2000.0));
    let linked = Plan::link(&quick.pin(), quick.digest).unwrap();
    assert_eq!([&quick, &slow, &linked].map(job).map(|job| job.0), [600_000, 6_000_000, 600_000]);
}

#[test]
fn what_an_operation_refuses_and_promises_is_not_kept_and_makes_no_other_plan() {
    let text = "motet: 1\nsteps: { a: { uses: task/write, with: { about: sea, tone: dry } } }\n";
    let bundle = Bundle::of_text("a.yaml", text);
    let before = check(&bundle, &catalogue()).plan.unwrap();
    let write = (**catalogue().get("task/write").unwrap()).clone();
    let later = write
        .at_most_one(&["tags", "tone"])
        .judged_by(|_, _| Ok(()))
        .ruled_by(&["about", "tone"], |_| Ok(()))
        .promises(|_| Outputs::of(["text"]));
    let after = check(&bundle, &Catalogue::new([later.clone()])).plan.unwrap();
    assert_eq!((after.pin(), after.digest), (before.pin(), before.digest));
    assert!(Difference::between(&before, &after).is_none());
    // A plan that is kept is linked, whatever an operation refuses by now.
    let stricter =
        later.ruled_by(&["about", "tone"], |_| Err(Failure::invalid("task/write needs another tone")));
    let refused = check(&bundle, &Catalogue::new([stricter]));
    assert_eq!(refused.diagnostics[0].message, "task/write needs another tone");
    assert_eq!(Plan::link(&before.pin(), before.digest).unwrap().pin(), before.pin());
}
