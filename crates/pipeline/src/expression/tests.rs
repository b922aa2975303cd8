use super::*;
use crate::{Artifact, Digest, MediaKind};

/// A context with a bit of everything.
fn context() -> Context {
    let json = |text: &str| crate::value::journal::read(text).unwrap();
    let mut context = Context::default();
    context.values.insert(
        "inputs".into(),
        json(
            r#"{"prompt":"a boat","seconds":4,"rate":1.5,"big":9007199254740993,"huge":18446744073709551615,
                "tags":["sea","boat"],"deep":{"list":[{"url":"u1"},{"url":"u2"}]},"nothing":null,"empty":[],
                "which":"url","loud":true,"name":"ada LOVELACE","json":"{\"a\":[1,2]}","missing":{"$absent":true},
                "pairs":{"b":1,"a":2}}"#,
        ),
    );
    context.values.insert("item".into(), Value::from("third"));
    context.values.insert("index".into(), Value::from(2_i64));
    let image = Artifact {
        digest: Digest::of(b"image"),
        kind: MediaKind::Image,
        mime: "image/png".into(),
        bytes: 12,
        width: Some(1024),
        height: None,
        duration: None,
        fps: None,
        has_audio: None,
    };
    let view = |status, error, output| StepView { status, error, output };
    let still = Value::map([("image", Value::from(image)), ("items", json("[1,2,3]"))]);
    context.steps.insert("still".into(), view("completed", None, Some(still)));
    context.steps.insert("music".into(), view("skipped", None, None));
    let failure = Some((Class::Content, "refused".to_owned()));
    context.steps.insert("voice".into(), view("failed", failure, None));
    context
}

fn evaluate(source: &str) -> String {
    match Template::text(source) {
        Err(faults) => {
            let faults: Vec<_> =
                faults.iter().map(|fault| format!("{}: {}", fault.code, fault.message)).collect();
            format!("refused: {}", faults.join("; "))
        }
        Ok(template) => match template.evaluate(&context()) {
            Ok(value) => serde_json::to_string(&value).unwrap(),
            Err(error) => format!("error: {error}"),
        },
    }
}

fn table(rows: &[(&str, &str)]) {
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|(source, expected)| {
            let found = evaluate(source);
            (found != *expected).then(|| format!("{source}\n  expected {expected}\n  found    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

mod absence;
mod hostile;
mod inference;
mod jinja;
mod language;
mod page;
mod properties;
mod references;
