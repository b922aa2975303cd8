//! A provider that this crate doesn't know is a value of the trait, and one line that registers it.

use std::sync::Arc;

use motet_pipeline::Class;
use motet_providers::Registry;
use motet_providers::answer::{Given, News, Source, Submitted};
use motet_providers::http::Reply;

use crate::calls::call;
use crate::requests::wire;

#[path = "../../examples/own_provider.rs"]
#[allow(dead_code)]
mod example;

#[test]
fn a_program_registers_a_provider_of_its_own() {
    let mut registry = Registry::default();
    registry.register(Arc::new(example::Paintbox::default()));
    let paintbox = registry.get("paintbox").unwrap();
    let call = call("flux");
    insta::assert_snapshot!(wire(&paintbox.submit(&call).unwrap()));
    let reply = |status, body: &str| Reply { status, body: body.as_bytes().to_vec(), ..Reply::default() };
    let submitted = paintbox.read_submitted(&call, reply(202, r#"{"job":"j1"}"#));
    assert_eq!(submitted.unwrap(), Submitted::Job("j1".to_owned()));
    assert_eq!(paintbox.read_submitted(&call, reply(500, "")).unwrap_err().class, Class::Unknown);
    let news = paintbox.read_poll(
        &call,
        "j1",
        reply(200, r#"{"state":"done","output":"https://paintbox.example/a.png"}"#),
    );
    let Ok(News::Done(answer)) = news else { panic!("{news:?}") };
    let Given::Media(picture) = &answer.outputs["image"] else { panic!() };
    assert_eq!(picture.source, Source::Url("https://paintbox.example/a.png".to_owned()));
}
