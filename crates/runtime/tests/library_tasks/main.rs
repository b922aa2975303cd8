//! Tasks: async closures whose contracts come from their types.

mod media;
mod plain;
mod thread;

use motet::engine::AttemptEvent;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use motet::follow::Happening;
use motet::language::Timestamp;
use motet::language::contract::Contract;
use motet::schemars::{self, JsonSchema};
use motet::world::World;
use motet::world::virtual_time::{VirtualWorld, run};
use motet::{Builder, Class, Error, Image, Media, Motet, Task, TaskContext, TaskError};
use serde::{Deserialize, Serialize};

const EPOCH: Timestamp = Timestamp(1_800_000_000_000);

fn simulated() -> (Builder, Arc<VirtualWorld>) {
    let world = Arc::new(VirtualWorld::new(EPOCH, 1));
    (Motet::builder().world(world.clone()), world)
}

/// A pipeline of one step that uses `task/it`.
fn only_step(rest: &str) -> String {
    format!("motet: 1\nname: story\nsteps:\n  it:\n    uses: task/it\n{rest}")
}

/// How to say hello.
///
/// This line isn't part of the summary.
#[derive(Deserialize, JsonSchema)]
#[allow(dead_code)]
struct Greeting {
    /// Whom to greet.
    #[schemars(length(max = 20))]
    name: String,
    /// How warmly.
    #[serde(default)]
    mood: Mood,
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 5))]
    times: u32,
    title: Option<String>,
    tags: Vec<String>,
    face: Option<Image>,
}

fn three() -> u32 {
    3
}

#[derive(Deserialize, Serialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
enum Mood {
    #[default]
    Calm,
    VeryHappy,
}

#[derive(Serialize, JsonSchema)]
struct Greeted {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    picture: Option<Media>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "shape", rename_all = "snake_case")]
#[allow(dead_code)]
enum Figure {
    Circle { radius: f64, name: String },
    Square { side: f64, name: String },
}

#[derive(Deserialize, JsonSchema)]
#[allow(dead_code)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

/// A contract, a line an entry.
fn told(contract: &Contract) -> String {
    let mut text = format!("{}: {}\n", contract.operation, contract.summary);
    for parameter in &contract.inputs {
        let required = if parameter.required { "required" } else { "optional" };
        text += &format!("  in  {}: {} ({required}", parameter.name, parameter.ty);
        if let Some(default) = &parameter.default {
            text += &format!(", default {}", default.to_json());
        }
        if parameter.min.is_some() || parameter.max.is_some() {
            text += &format!(", {:?} to {:?}", parameter.min, parameter.max);
        }
        if !parameter.one_of.is_empty() {
            let values: Vec<_> = parameter.one_of.iter().map(|value| value.to_json().to_string()).collect();
            text += &format!(", one of {}", values.join(" "));
        }
        text += &format!(") {}\n", parameter.description);
    }
    if contract.open_inputs {
        text += "  in  anything else\n";
    }
    for (name, ty) in &contract.outputs {
        text += &format!("  out {name}: {ty}\n");
    }
    if contract.open_outputs {
        text += "  out anything else\n";
    }
    text
}

fn contract_of<I, O>(name: &str) -> String
where
    I: serde::de::DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + JsonSchema + Send + 'static,
{
    let task = Task::new(name, |_, _: I| async { Err::<O, _>(TaskError::new(Class::Gone, "never run")) });
    told(task.contract())
}

#[test]
fn contracts_come_from_the_types() {
    let told = [
        contract_of::<Greeting, Greeted>("task/greet"),
        contract_of::<(), ()>("nothing"),
        contract_of::<String, u8>("single"),
        contract_of::<Option<f64>, Vec<Image>>("lists"),
        contract_of::<Mood, Mood>("mood"),
        contract_of::<Figure, bool>("figure"),
        contract_of::<Tree, Option<Greeted>>("tree"),
        contract_of::<BTreeMap<String, u64>, BTreeMap<String, String>>("open"),
        contract_of::<serde_json::Value, serde_json::Value>("anything"),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_wrong_input_of_a_task_is_found_before_anything_runs() {
    run(async {
        let (builder, _) = simulated();
        let motet =
            builder.task("it", |_, input: Greeting| async move { Ok(input.name) }).open().await.unwrap();
        let text = only_step("    with: { name: 3, mood: angry, tags: [], tims: 2 }\n");
        let Err(Error::Check(findings)) = motet.load_text(&text) else { panic!("it is wrong") };
        let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    });
}

#[test]
fn a_task_that_fails_twice_and_then_works_is_called_three_times_each_with_a_key_of_its_own() {
    run(async {
        let keys = Arc::new(Mutex::new(Vec::new()));
        let (builder, _) = simulated();
        let seen = keys.clone();
        let motet = builder
            .task("it", move |context: TaskContext, _: ()| {
                seen.lock().unwrap().push((context.attempt(), context.idempotency_key()));
                async move {
                    match context.attempt() {
                        3 => Ok("third time lucky"),
                        _ => Err(TaskError::new(Class::Unavailable, "not yet")),
                    }
                }
            })
            .open()
            .await
            .unwrap();
        let pipeline = motet.load_text(&only_step("    retry: { attempts: 3 }\n")).unwrap();
        let run = motet.start(&pipeline, ()).await.unwrap();
        run.outputs().await.unwrap();
        let keys = keys.lock().unwrap();
        let id = run.id();
        let expected: Vec<_> = (1..=3).map(|number| (number, format!("{id}/it#{number}"))).collect();
        assert_eq!(*keys, expected);
    });
}

#[test]
fn a_plain_error_is_of_the_class_invalid_and_not_tried_again() {
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", |_, text: String| async move { Ok(text.parse::<u32>()?) })
            .open()
            .await
            .unwrap();
        let text = only_step("    with: { value: seven }\n    retry: { attempts: 5 }\n");
        let run = motet.start(&motet.load_text(&text).unwrap(), ()).await.unwrap();
        let Err(Error::RunFailed { failure, .. }) = run.outputs().await else { panic!("seven is no number") };
        assert_eq!(failure.to_string(), "invalid: invalid digit found in string");
        assert_eq!(attempts(&motet, &run), 1);
    });
}

#[test]
fn errors_of_any_type_and_plain_texts_become_a_task_error() {
    type Any = Box<dyn std::error::Error + Send + Sync>;
    async fn by_type(which: String) -> Result<u32, TaskError> {
        match which.as_str() {
            "boxed" => Err(Any::from("a box of anything"))?,
            "text" => Err("a text")?,
            "made" => Err(format!("a text about {which}"))?,
            "own" => Err(TaskError::new(Class::Gone, "with a class"))?,
            _ => Ok(which.parse()?),
        }
    }
    run(async {
        let (builder, _) = simulated();
        let motet = builder.task("it", |_, which: String| by_type(which)).open().await.unwrap();
        let pipeline = motet
            .load_text(&only_step("    with: { value: '{{ inputs.which }}' }\ninputs: { which: string }\n"))
            .unwrap();
        let mut told = Vec::new();
        for which in ["boxed", "text", "made", "own", "seven"] {
            let run = motet.start(&pipeline, [("which", which)]).await.unwrap();
            let Err(Error::RunFailed { failure, .. }) = run.outputs().await else { panic!("{which}") };
            told.push(failure.to_string());
        }
        assert_eq!(
            told,
            [
                "invalid: a box of anything",
                "invalid: a text",
                "invalid: a text about made",
                "gone: with a class",
                "invalid: invalid digit found in string",
            ]
        );
    });
}

#[test]
fn inputs_are_whatever_serde_writes_as_an_object_or_pairs() {
    #[derive(Serialize)]
    struct Order {
        count: u8,
        name: &'static str,
    }
    run(async {
        let (builder, _) = simulated();
        let motet = builder.open().await.unwrap();
        let text = "motet: 1\nname: order\ninputs: { count: { type: integer, default: 2 }, name: { type: string, default: tea } }\n\
                    steps: { it: { uses: data/transform, with: { value: '{{ inputs.count }} {{ inputs.name }}' } } }\n\
                    outputs: { told: '{{ steps.it.value }}' }";
        let pipeline = motet.load_text(text).unwrap();
        let mut told = Vec::new();
        for run in [
            motet.start(&pipeline, ()).await,
            motet.start(&pipeline, Order { count: 3, name: "cups" }).await,
            motet.start(&pipeline, serde_json::json!({ "count": 4 })).await,
            motet.start(&pipeline, [("count", 5)]).await,
            motet.start(&pipeline, BTreeMap::from([("name", "eggs")])).await,
        ] {
            told.push(run.unwrap().outputs().await.unwrap().to_json()["told"].clone());
        }
        assert_eq!(told, ["2 tea", "3 cups", "4 tea", "5 tea", "2 eggs"]);
        for wrong in [serde_json::json!("tea"), serde_json::json!([["count"], 5])] {
            let refused = motet.start(&pipeline, wrong).await.err().unwrap();
            assert_eq!(refused.to_string(), "the inputs must be an object, or pairs of name and value");
        }
        let made_up = serde_json::json!({ "$artifact": format!("sha256:{}", "0".repeat(64)), "kind": "image", "mime": "image/png", "bytes": 1 });
        let show = motet.load_text(&text.replace("type: string, default: tea", "type: image")).unwrap();
        let made_up: Image = serde_json::from_value(made_up).unwrap();
        let refused = motet.start(&show, [("name", made_up)]).await.err().unwrap();
        assert!(refused.to_string().ends_with("which isn't in this store"), "{refused}");
    });
}

fn attempts(motet: &Motet, run: &motet::RunHandle) -> usize {
    let turns = motet.store().turns(run.id()).unwrap();
    let events = turns.iter().flat_map(|turn| &turn.events);
    events
        .filter(|event| {
            matches!(event, motet::engine::Event::Attempt { event: AttemptEvent::Planned { .. }, .. })
        })
        .count()
}

#[test]
fn a_moment_that_a_task_names_is_waited_for_however_far_it_is() {
    run(async {
        let (builder, world) = simulated();
        let motet = builder
            .task("it", |context: TaskContext, _: ()| async move {
                let day = Duration::from_secs(24 * 3600);
                match context.attempt() {
                    1 => Err(TaskError::new(Class::Throttled, "come back tomorrow").retry_after(day)),
                    2 => Err(TaskError::new(Class::Unavailable, "on Friday")
                        .retry_at(Timestamp(EPOCH.0 + 5 * 86_400_000))),
                    _ => Ok(()),
                }
            })
            .open()
            .await
            .unwrap();
        let pipeline = motet.load_text(&only_step("    retry: { attempts: 2 }\n")).unwrap();
        motet.start(&pipeline, ()).await.unwrap().outputs().await.unwrap();
        assert_eq!(world.now(), Timestamp(EPOCH.0 + 5 * 86_400_000));
    });
}

#[test]
fn a_task_without_a_word_on_retries_is_tried_once() {
    run(async {
        let (builder, _) = simulated();
        let failing =
            |_: TaskContext, _: ()| async { Err::<(), _>(TaskError::new(Class::Unavailable, "no")) };
        let motet = builder.task("it", failing).open().await.unwrap();
        let run = motet.start(&motet.load_text(&only_step("")).unwrap(), ()).await.unwrap();
        assert!(matches!(run.outputs().await, Err(Error::RunFailed { .. })));
        assert_eq!(attempts(&motet, &run), 1);
    });
}

#[test]
fn a_panic_of_a_task_is_a_failure_and_no_more() {
    run(async {
        let (builder, _) = simulated();
        let panicking = |context: TaskContext, _: ()| async move {
            assert_ne!(context.attempt(), 1, "nobody is home");
            Ok(())
        };
        let motet = builder.task("it", panicking).open().await.unwrap();
        let run = motet.start(&motet.load_text(&only_step("")).unwrap(), ()).await.unwrap();
        let Err(Error::RunFailed { failure, .. }) = run.outputs().await else { panic!("it panics") };
        assert!(failure.message.starts_with("task/it panicked: "), "{failure}");
        assert!(failure.message.contains("nobody is home"), "{failure}");
    });
}

#[test]
fn a_cancelled_task_sees_it_and_may_clean_up() {
    run(async {
        let cleaned = Arc::new(Mutex::new(false));
        let (builder, _) = simulated();
        let seen = cleaned.clone();
        let motet = builder
            .task("it", move |context: TaskContext, _: ()| {
                let seen = seen.clone();
                async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    context.progress(0.0, "at work");
                    assert!(!context.is_cancelled());
                    context.cancelled().await;
                    *seen.lock().unwrap() = context.is_cancelled();
                    Err::<(), _>(TaskError::new(Class::Unavailable, "stopped"))
                }
            })
            .open()
            .await
            .unwrap();
        let run = motet.start(&motet.load_text(&only_step("")).unwrap(), ()).await.unwrap();
        let mut events = run.events().await.unwrap();
        while !matches!(events.next().await.unwrap(), Happening::Progress(_)) {}
        run.cancel("Ada", "the light has gone").await.unwrap();
        let Err(Error::RunCancelled(reason)) = run.outputs().await else { panic!("it was cancelled") };
        assert_eq!(reason, "the light has gone");
        assert!(*cleaned.lock().unwrap());
    });
}

#[test]
fn progress_reaches_those_who_follow_but_what_was_overtaken_before_it_was_heard() {
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", |context: TaskContext, _: ()| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                context.progress(0.1, "just begun");
                context.progress(0.5, "half way");
                tokio::time::sleep(Duration::from_secs(1)).await;
                context.progress(7.0, "");
                Ok(())
            })
            .open()
            .await
            .unwrap();
        let run = motet.start(&motet.load_text(&only_step("")).unwrap(), ()).await.unwrap();
        let mut events = run.events().await.unwrap();
        let mut told = Vec::new();
        while let Some(happening) = events.next().await {
            if let Happening::Progress(progress) = happening {
                told.push((progress.step.to_string(), progress.fraction, progress.message.clone()));
            }
        }
        let step = || "it".to_owned();
        assert_eq!(told, [(step(), Some(0.5), Some("half way".into())), (step(), Some(1.0), None)]);
    });
}

#[test]
fn outputs_come_back_in_a_shape_of_ones_own() {
    #[derive(Deserialize, JsonSchema)]
    struct Order {
        amounts: BTreeMap<String, u32>,
    }
    #[derive(Serialize, Deserialize, JsonSchema, PartialEq, Debug)]
    struct Bill {
        total: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    }
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", |_, order: Order| async move {
                Ok(Bill { total: order.amounts.values().sum(), note: None })
            })
            .open()
            .await
            .unwrap();
        let text = only_step(
            "    with: { amounts: { bread: 3, milk: 2 } }\noutputs: { bill: { total: '{{ steps.it.total }}', note: '{{ steps.it.note }}' } }",
        );
        let run = motet.start(&motet.load_text(&text).unwrap(), ()).await.unwrap();
        #[derive(Deserialize)]
        struct Outputs {
            bill: Bill,
        }
        let outputs: Outputs = run.typed_outputs().await.unwrap();
        assert_eq!(outputs.bill, Bill { total: 5, note: None });
        assert!(matches!(run.typed_outputs::<Vec<u8>>().await, Err(Error::Outputs(_))));
    });
}

#[test]
fn what_serde_refuses_is_named_with_its_path() {
    #[derive(Deserialize, JsonSchema)]
    struct Rooms {
        #[allow(dead_code)]
        rooms: Vec<Room>,
    }
    #[derive(Deserialize, JsonSchema)]
    struct Room {
        #[allow(dead_code)]
        beds: std::num::NonZeroU8,
    }
    run(async {
        let (builder, _) = simulated();
        let motet = builder
            .task("it", |_, _: Rooms| async move { Ok(()) })
            .task("single", |_, _: Vec<u8>| async move { Ok(()) })
            .open()
            .await
            .unwrap();
        let table = [
            (
                only_step("    with: { rooms: [{ beds: 2 }, { beds: 0 }] }\n"),
                "the input `rooms[1].beds` can't be read: invalid value: integer `0`, expected a nonzero u8",
            ),
            (
                only_step("    with: { value: [1, 300] }\n").replace("task/it", "task/single"),
                "the input `value[1]` can't be read: invalid value: integer `300`, expected u8",
            ),
        ];
        for (text, expected) in table {
            let run = motet.start(&motet.load_text(&text).unwrap(), ()).await.unwrap();
            let Err(Error::RunFailed { failure, .. }) = run.outputs().await else { panic!("{expected}") };
            assert_eq!((failure.class, failure.message.as_str()), (Class::Invalid, expected));
        }
    });
}
