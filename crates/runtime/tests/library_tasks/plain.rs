//! What programs give and are given as JSON is plain; what can't be said in JSON is refused in words.

use motet::kit::Kit;
use motet::language::value::Map;
use motet::schemars::{self, JsonSchema};
use motet::world::virtual_time::run;
use motet::{Artifact, Class, Error, Image, TaskContext, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{only_step, simulated};

/// An object of every sort that the journal would read as something else.
fn doubtful(artifact: &Artifact) -> Json {
    json!({ "nothing": { "$absent": true }, "media": artifact, "pairs": { "$plain": [["a", 1]] } })
}

const ANYTHING: &str = "    with: { value: '{{ inputs.x }}' }\ninputs: { x: {} }\noutputs: { x: '{{ inputs.x }}', it: '{{ steps.it.value }}' }\n";

#[test]
fn json_given_to_a_run_and_by_a_task_is_what_it_looks_like() {
    run(async {
        let mut kit = Kit::simulated(1);
        let artifact = Artifact::from(kit.image(2, 2));
        kit.task("it", |_, anything: Json| async move { Ok(anything) });
        let motet = kit.open().await.unwrap();
        let pipeline = motet.load_text(&only_step(ANYTHING)).unwrap();
        let given = doubtful(&artifact);
        let run = motet.start(&pipeline, json!({ "x": given })).await.unwrap();
        let outputs = run.outputs().await.unwrap();
        for name in ["x", "it"] {
            assert_eq!(outputs.get(name), Some(&Value::from(given.clone())), "{name}");
            assert!(outputs.get(name).unwrap().is_plain());
        }
        // It is read again as it was written.
        assert_eq!(motet.store().outputs(run.id()).unwrap(), Some(outputs));
    });
}

#[test]
fn media_comes_as_media_and_never_as_json_of_its_looks() {
    #[derive(Serialize)]
    struct Given {
        x: Image,
    }
    #[derive(Debug, Deserialize)]
    struct Taken {
        x: Image,
    }
    run(async {
        let mut kit = Kit::simulated(1);
        let image = kit.image(2, 2);
        kit.task("it", |_, image: Image| async move { Ok(image) });
        let motet = kit.open().await.unwrap();
        let text = only_step(&ANYTHING.replace("x: {}", "x: image"));
        let pipeline = motet.load_text(&text).unwrap();
        let as_map: Map = [("x".to_owned(), Value::from(image.clone()))].into();
        for run in [
            motet.start(&pipeline, Given { x: image.clone() }).await,
            motet.start(&pipeline, [("x", &image)]).await,
            motet.start(&pipeline, as_map).await,
        ] {
            let run = run.unwrap();
            assert_eq!(run.typed_outputs::<Taken>().await.unwrap().x, image);
        }
        let refused = motet.start(&pipeline, json!({ "x": image })).await.err().unwrap();
        insta::assert_snapshot!(refused, @"`x` must be an image, and is an object (JSON never is media: give a file, or a kept artifact as a value)");

        let anything = motet.load_text(&only_step(ANYTHING).replace("task/it", "data/transform")).unwrap();
        let run = motet.start(&anything, json!({ "x": image })).await.unwrap();
        let Err(Error::Outputs(forged)) = run.typed_outputs::<Taken>().await else {
            panic!("it is no image")
        };
        assert_eq!(forged.to_string(), "expected media, found an object");
    });
}

#[derive(Serialize, JsonSchema)]
struct Tree {
    children: Vec<Tree>,
}

#[test]
fn a_result_that_lies_too_deep_is_refused() {
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", |_: TaskContext, levels: usize| async move {
                let leaf = Tree { children: Vec::new() };
                Ok((0..levels).fold(leaf, |inner, _| Tree { children: vec![inner] }))
            })
            .task("json", |_: TaskContext, levels: usize| async move {
                Ok((0..levels).fold(Json::Null, |inner, _| Json::Array(vec![inner])))
            })
            .open()
            .await
            .unwrap();
        let mut told = Vec::new();
        for task in ["it", "json"] {
            for levels in [5_000, 100] {
                let text = only_step(&format!("    with: {{ value: {levels} }}\n"));
                let text = text.replace("task/it", &format!("task/{task}"));
                let run = motet.start(&motet.load_text(&text).unwrap(), ()).await.unwrap();
                let Err(Error::RunFailed { failure, .. }) = run.outputs().await else { panic!("{levels}") };
                told.push(failure.to_string());
            }
        }
        insta::assert_snapshot!(told.join("\n"), @"
        too_large: the output can't be written as JSON: it has lists and objects nested more than 64 deep
        too_large: the output can't be written as JSON: it has lists and objects nested more than 64 deep
        too_large: the output can't be written as JSON: it has lists and objects nested more than 64 deep
        too_large: `value` of the result has lists and objects nested more than 64 deep
        ");
    });
}

#[test]
fn inputs_that_lie_too_deep_are_refused() {
    run(async {
        let (builder, _) = simulated();
        let motet = builder.open().await.unwrap();
        let pipeline = motet.load_text(&only_step(ANYTHING).replace("task/it", "data/transform")).unwrap();
        let mut told = Vec::new();
        for levels in [5_000, 100] {
            let deep = (0..levels).fold(Json::Null, |inner, _| Json::Array(vec![inner]));
            told.push(motet.start(&pipeline, [("x", deep)]).await.err().unwrap().to_string());
        }
        let shared = (0..40).fold(Value::from("x"), |inner, _| Value::list(vec![inner.clone(), inner]));
        told.push(motet.start(&pipeline, [("x", shared)]).await.err().unwrap().to_string());
        insta::assert_snapshot!(told.join("\n"), @"
        the inputs can't be written as JSON: it has lists and objects nested more than 64 deep
        `x` has lists and objects nested more than 64 deep
        the inputs can't be written as JSON: it is too large, or nested too deep, to be stored
        ");
    });
}

#[test]
fn numbers_that_json_does_not_have_end_in_words() {
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", |_: TaskContext, text: String| async move { Ok(text.parse::<f64>()?) })
            .open()
            .await
            .unwrap();
        let mut told = Vec::new();
        for number in ["1e400", "-1e400", "NaN"] {
            let text = only_step(&format!("    with: {{ value: '{number}' }}\n"));
            let run = motet.start(&motet.load_text(&text).unwrap(), ()).await.unwrap();
            let Err(Error::RunFailed { failure, .. }) = run.outputs().await else { panic!("{number}") };
            assert_eq!(failure.class, Class::BadOutput);
            told.push(failure.message);
        }
        let pipeline = motet.load_text(&only_step(ANYTHING).replace("task/it", "data/transform")).unwrap();
        told.push(motet.start(&pipeline, [("x", f64::INFINITY)]).await.err().unwrap().to_string());
        insta::assert_snapshot!(told.join("\n"), @"
        the output can't be written as JSON: this number is too large, or isn't one: JSON has no infinity
        the output can't be written as JSON: this number is too large, or isn't one: JSON has no infinity
        the output can't be written as JSON: this number is too large, or isn't one: JSON has no infinity
        the inputs can't be written as JSON: this number is too large, or isn't one: JSON has no infinity
        ");
    });
}
