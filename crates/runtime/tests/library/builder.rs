//! Pipelines built in Rust are the same documents that files are.

use std::time::Duration;

use motet::builder::{
    Expression, InputType, OnFailure, PipelineBuilder, Quorum, Retry, animate, captions, compose, merge,
    music, operation, scene, silence, speak, thumbnail, transform,
};
use motet::kit::Kit;
use motet::schemars;
use motet::world::virtual_time::run;
use motet::{Class, Error, Pipeline};
use proptest::prelude::*;
use serde_json::Value as Json;

/// What `film` builds, after its YAML was checked once more as a file and its JSON too.
fn built(film: &PipelineBuilder) -> Pipeline {
    run(async {
        let motet = Kit::simulated(1).open().await.unwrap();
        let pipeline = film.build(&motet).unwrap();
        let from_json = motet.load_text(&film.to_json().unwrap()).unwrap();
        assert_eq!(pipeline.plan().version, from_json.plan().version);
        pipeline
    })
}

/// The messages of a build that fails.
fn refusals(film: &PipelineBuilder) -> Vec<String> {
    run(async {
        let motet = Kit::simulated(1).open().await.unwrap();
        let Err(Error::Check(findings)) = film.build(&motet) else { panic!("it has faults") };
        findings.into_iter().map(|finding| finding.message).collect()
    })
}

fn digest_of(text: &str) -> String {
    run(async {
        let motet = Kit::simulated(1).open().await.unwrap();
        motet.load_text(text).unwrap().plan().version.to_string()
    })
}

/// Every policy there is, and a group that a list flows through.
fn narrated_video() -> PipelineBuilder {
    let film = PipelineBuilder::new("narrated-video")
        .describe("Text to a narrated, captioned clip.")
        .timeout(Duration::from_secs(20 * 60))
        .on_failure(OnFailure::Finish)
        .label("team", "film");
    let scenes = film.input("scenes", InputType::list(InputType::Text));
    let mood = film.input("mood", InputType::Text.default("calm"));
    film.group_each("shots", &scenes, |shot, prompt| {
        let still = shot
            .step("still", "local/scene")
            .with(
                "prompt",
                Expression::text([prompt.into(), Expression::from(", "), Expression::from(&mood)]),
            )
            .check(|output| output.field("image").field("width").at_least(512), "Image too small for video")
            .retry(Retry::attempts(3).on([Class::Unavailable]).backoff(Duration::from_secs(5)).factor(1.0))
            .retry(Retry::attempts(2).on([Class::Timeout]).jitter(false));
        let clip = shot
            .step("clip", "media/animate")
            .with("image", still.output("image"))
            .with("duration", 4)
            .timeout(Duration::from_secs(180));
        shot.output("video", clip.output("video"));
    })
    .key(Expression::template("{{ item }}"))
    .max_parallel(2)
    .quorum(Quorum::Percent(50))
    .early();
    let voice = film
        .step("voice", "local/speak")
        .with("text", scenes.pipe("join('. ')"))
        .total_timeout(Duration::from_secs(90))
        .fallback_on([Class::Unavailable], silence(8));
    let bed = film
        .step("bed", "local/music")
        .with("mood", &mood)
        .with("duration", 8)
        .when(mood.equals("silent").not())
        .optional()
        .label("kind", "music");
    let merged = film
        .step("final", "media/merge")
        .with(
            "items",
            Expression::template(
                "{{ steps.shots.items | map(attribute='video') | list + [steps.voice.audio] }}",
            ),
        )
        .with("music", bed.output("audio"))
        .needs(&voice)
        .describe("All of it.");
    film.output("video", merged.output("video"));
    film
}

#[test]
fn every_policy_reads_as_a_file_would_say_it() {
    let film = narrated_video();
    insta::assert_snapshot!(film.to_yaml().unwrap());
    built(&film);
}

#[test]
fn a_built_pipeline_is_the_one_that_was_written_by_hand() {
    let by_hand = r#"
# The same, by hand.
motet: 1
name: narrated-video
description: Text to a narrated, captioned clip.
inputs:
  scenes: { type: array, items: { type: string } }
  mood: { type: string, default: calm }
timeout: 20m
on_failure: finish
labels: { team: film }
steps:
  shots:
    each: "{{ inputs.scenes }}"
    key: "{{ item }}"
    max_parallel: 2
    quorum: 50%
    early: true
    steps:
      still:
        uses: local/scene
        with: { prompt: "{{ item }}, {{ inputs.mood }}" }
        check: [{ that: "{{ output.image.width >= 512 }}", message: Image too small for video }]
        retry:
          - { on: [unavailable], attempts: 3, backoff: 5s, factor: 1.0 }
          - { on: [timeout], attempts: 2, jitter: false }
      clip:
        uses: media/animate
        with: { image: "{{ steps.still.image }}", duration: 4 }
        timeout: 3m
    outputs: { video: "{{ steps.clip.video }}" }
  voice:
    uses: local/speak
    with: { text: "{{ inputs.scenes | join('. ') }}" }
    timeout: { total: 1m30s }
    fallback: [{ uses: media/silence, with: { duration: 8 }, on: [unavailable] }]
  bed:
    uses: local/music
    with: { mood: "{{ inputs.mood }}", duration: 8 }
    if: "{{ not (inputs.mood == \"silent\") }}"
    optional: true
    labels: { kind: music }
  final:
    description: All of it.
    needs: [voice]
    uses: media/merge
    with:
      items: "{{ steps.shots.items | map(attribute='video') | list + [steps.voice.audio] }}"
      music: "{{ steps.bed.audio }}"
outputs: { video: "{{ steps.final.video }}" }
"#;
    assert_eq!(built(&narrated_video()).plan().version.to_string(), digest_of(by_hand));
}

#[test]
fn a_whole_film_is_one_expression() {
    let cat = scene("a cat in space");
    let film = compose(
        "space-cat",
        captions(merge([
            animate(&cat, 5),
            animate(scene("the cat lands on the moon"), 5),
            speak("A cat floats in space."),
        ]))
        .with("script", "A cat floats in space.")
        .fallback(merge([cat])),
    );
    insta::assert_snapshot!(film.to_yaml().unwrap());
    built(&film);
}

#[test]
fn a_step_that_is_used_twice_is_made_once() {
    let picture = scene("a lighthouse");
    let film = PipelineBuilder::new("twice");
    film.output("image", &picture);
    film.output("wide", operation("media/resize").with("media", &picture).with("width", 320).output("image"));
    let yaml = film.to_yaml().unwrap();
    assert_eq!(yaml.matches("local/scene").count(), 1, "{yaml}");
    assert_eq!(built(&film).plan().root.steps.len(), 2);
}

#[test]
fn an_unnamed_step_stands_in_the_innermost_group_that_holds_its_uses() {
    let film = PipelineBuilder::new("placed");
    let acts = film.input("acts", InputType::list(InputType::list(InputType::Text)));
    let bed = music("calm", 4);
    let shown = film.group_each("acts", &acts, |act, prompts| {
        let shots = act.group_each("shots", prompts, |shot, prompt| {
            shot.output("video", merge([animate(scene(prompt), 2).into(), Expression::from(&bed)]));
            shot.output("title", Expression::text([Expression::from("Act "), prompts.into()]));
        });
        act.output("video", merge([shots.all("video").pipe("first"), Expression::from(&bed)]));
    });
    film.output("acts", shown.items());
    insta::assert_snapshot!(film.to_yaml().unwrap());
    built(&film);
}

#[test]
fn a_list_that_a_step_gives_is_merged_with_what_stands_beside_it() {
    let film = PipelineBuilder::new("film");
    let scenes = film.input("scenes", InputType::list(InputType::Text));
    let shots =
        film.group_each("shots", &scenes, |shot, prompt| shot.output("video", animate(scene(prompt), 2)));
    film.output("silent", merge(shots.all("video")));
    film.output("spoken", merge(shots.all("video").followed_by([speak("hello")])));
    let yaml = film.to_yaml().unwrap();
    assert!(yaml.contains("items: \"{{ steps.shots.items | map(attribute='video') | list }}\""), "{yaml}");
    assert!(yaml.contains("| list) + [steps.speak.audio] }}\""), "{yaml}");
    built(&film);
}

#[test]
fn what_a_fallback_shares_with_a_group_stands_around_both() {
    let film = PipelineBuilder::new("shared");
    let picture = scene("a lighthouse");
    let group = film.group("group", |group| group.output("video", animate(&picture, 2)));
    film.step("late", "media/animate").with("image", group.output("video")).fallback(animate(&picture, 1));
    let yaml = film.to_yaml().unwrap();
    assert!(yaml.contains("\n  scene:\n"), "{yaml}");
}

#[test]
fn plain_texts_stand_for_themselves() {
    run(async {
        let motet = Kit::simulated(1).open().await.unwrap();
        let hostile = [
            "{{ inputs.secret }}",
            "{% raw %}",
            "yes",
            "014",
            " a: b # c",
            "\"\\\n\t'",
            "{# no #}",
            "",
            "ä\u{7}",
        ];
        let film = PipelineBuilder::new("plain");
        let list = film.step("list", "data/transform").with("value", hostile.map(Expression::from));
        let joined = hostile.map(Expression::from);
        let text = film.step("text", "data/transform").with("value", Expression::text(joined));
        film.output("list", list.output("value"));
        film.output("text", text.output("value"));
        let run = motet.start(&film.build(&motet).unwrap(), ()).await.unwrap();
        let outputs = run.outputs().await.unwrap().to_json();
        assert_eq!(outputs, serde_json::json!({ "list": hostile, "text": hostile.concat() }));
    });
}

#[test]
fn operators_keep_together_what_was_said_together() {
    run(async {
        let motet = Kit::simulated(1).open().await.unwrap();
        let film = PipelineBuilder::new("sums");
        let n = film.input("n", InputType::Integer);
        let absent = film.step("absent", "data/transform").with("value", 1).when(false);
        let small = n.less_than(3).and(n.equals(2).not());
        film.output(
            "small",
            transform(Expression::object([("is", small.or(false))])).output("value").field("is"),
        );
        film.output("other", absent.output("value").or(n.at_least(1).and(true)));
        film.output("shout", transform(n.equals(1).or("x").pipe("string | upper")));
        let run = motet.start(&film.build(&motet).unwrap(), [("n", 1_i64)]).await.unwrap();
        let outputs = run.outputs().await.unwrap().to_json();
        assert_eq!(outputs, serde_json::json!({ "small": true, "other": true, "shout": "TRUE" }));
    });
}

#[test]
fn items_of_items_flow_on_their_own() {
    run(async {
        let motet = Kit::simulated(1).open().await.unwrap();
        let film = PipelineBuilder::new("nested");
        let rows = film.input("rows", InputType::list(InputType::list(InputType::Integer)));
        let table = film.group_each("row", &rows, |row, numbers| {
            let cells = row.step("cell", "data/transform").each(numbers, |cell, number| {
                let place = Expression::list([
                    number.into(),
                    number.index(),
                    Expression::from(numbers).pipe("length"),
                ]);
                cell.with("value", place)
            });
            row.output("cells", cells.all("value"));
        });
        film.output("table", table.all("cells"));
        let rows = motet::Value::from(serde_json::json!([[5], [7, 9]]));
        let run = motet.start(&film.build(&motet).unwrap(), [("rows", rows)]).await.unwrap();
        let table = run.outputs().await.unwrap().to_json();
        assert_eq!(table, serde_json::json!({ "table": [[[5, 0, 1]], [[7, 0, 2], [9, 1, 2]]] }));
    });
}

#[test]
fn what_can_not_be_meant_is_told() {
    let clashing = PipelineBuilder::new("clashing");
    clashing.step("a", "data/transform").with("value", 1);
    clashing.step("a", "data/transform").with("value", 2);
    clashing.output("x", 1);
    clashing.output("x", 2);

    let other = PipelineBuilder::new("other");
    let foreign_input = other.input("prompt", InputType::Text);
    let foreign_step = other.step("still", "local/scene");
    let foreign = PipelineBuilder::new("foreign");
    foreign.step("a", "data/transform").with("value", [foreign_step.output("image"), foreign_input]);

    let inside = PipelineBuilder::new("inside");
    let list = inside.input("list", InputType::list(InputType::Text));
    let mut escaped = None;
    inside.group("group", |group| {
        escaped = Some(group.step("inner", "data/transform").with("value", 1));
        group.step("list_user", "data/transform").with("value", &list);
    });
    inside.step("a", "data/transform").with("value", escaped.unwrap().output("value"));
    inside
        .step("b", "data/transform")
        .each(&list, |step, item| step.with("value", transform(item).output("value")));

    let hidden = PipelineBuilder::new("hidden");
    let outer = hidden.step("same", "data/transform").with("value", 1);
    hidden.group("group", |group| {
        group.step("same", "data/transform").with("value", 2);
        group.step("user", "data/transform").with("value", outer.output("value"));
    });

    let misplaced = PipelineBuilder::new("misplaced");
    misplaced.step("a", "data/transform").with("value", 1).max_parallel(3).fallback(transform(1).optional());

    let lazy = compose("lazy", scene("a cat").fallback(thumbnail(animate(scene("a dog"), 1))));

    let told: Vec<_> = [&clashing, &foreign, &inside, &hidden, &misplaced, &lazy].map(refusals).concat();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn inputs_take_what_their_types_say() {
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    struct Order {
        /// How many.
        count: u8,
        picture: Option<motet::Image>,
    }
    let film = PipelineBuilder::new("inputs");
    film.input("order", InputType::of::<Order>());
    film.input("mood", InputType::Text.default("calm"));
    film.input("takes", InputType::list(InputType::list(InputType::Video)));
    film.input("anything", InputType::Schema(Json::Bool(true)).default(1));
    film.input("sizes", InputType::list(InputType::Integer).default(vec![1, 2]));
    film.step("nothing", "data/transform").with("value", Json::Null);
    let plan = built(&film).plan().clone();
    let told: Vec<_> = plan
        .inputs
        .iter()
        .map(|input| {
            let default = input.default.as_ref().map(|value| value.to_json().to_string());
            format!("{}: {}, required {}, default {default:?}", input.name, input.ty, input.required)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_circle_of_steps_is_refused_by_the_check_named_or_not() {
    let named = PipelineBuilder::new("named");
    let first = named.step("first", "data/transform");
    let second = named.step("second", "data/transform").with("value", first.output("value"));
    let first = first.with("value", second.output("value"));
    named.output("value", first.output("value"));

    let chicken = operation("data/transform").named("chicken");
    let egg = transform(&chicken).named("egg");
    let unnamed = compose("unnamed", chicken.with("value", &egg));

    let own = PipelineBuilder::new("own");
    let ouroboros = own.step("ouroboros", "data/transform");
    own.output("value", ouroboros.clone().with("value", &ouroboros));

    insta::assert_snapshot!([&named, &unnamed, &own].map(refusals).concat().join("\n"));
}

/// Any JSON of small numbers and of texts that YAML and templates would like to read otherwise.
fn arbitrary_json() -> impl Strategy<Value = Json> {
    let text = prop_oneof![
        "[ -~]{0,12}",
        any::<String>(),
        prop::sample::select(vec![
            "{{", "}}", "{%", "null", "~", "1e3", "0x1F", "12:30", "---", "a\n b\n", "- x", "#"
        ])
        .prop_map(String::from),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        (-1e6..1e6_f64).prop_map(Json::from),
        text.clone().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("[a-z$~-][ -z]{0,6}", inner, 0..4)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn data_comes_out_as_it_was_given_whatever_is_in_it(data in arbitrary_json()) {
        let film = PipelineBuilder::new("data");
        let plain = film.step("plain", "data/transform").with("value", data.clone());
        let coded = film.step("coded", "data/transform").with("value", Expression::from(false).or(data.clone()));
        film.output("plain", plain.output("value"));
        film.output("coded", coded.output("value"));
        let outputs = run(async {
            let motet = Kit::simulated(1).open().await.unwrap();
            let from_json = motet.load_text(&film.to_json().unwrap()).unwrap();
            let pipeline = film.build(&motet).unwrap();
            assert_eq!(pipeline.plan().version, from_json.plan().version);
            motet.start(&pipeline, ()).await.unwrap().outputs().await.unwrap()
        });
        prop_assert_eq!(outputs.to_json(), serde_json::json!({ "plain": data, "coded": data }));
    }
}

#[test]
fn the_check_judges_a_built_pipeline_as_it_does_a_file() {
    let film = compose("wrong", merge([animate(speak("hello"), 5)]));
    assert_eq!(refusals(&film), ["audio can't be the `image` of media/animate"]);
}

#[test]
fn what_json_can_not_say_is_refused_in_words() {
    let film = PipelineBuilder::new("film");
    let deep = (0..5_000).fold(Json::Null, |inner, _| Json::Array(vec![inner]));
    let list = Expression::list([Expression::from(f64::INFINITY), Expression::from(f32::NAN)]);
    film.step("it", "data/transform").with("value", list).when(Expression::from(1).at_least(-f64::INFINITY));
    film.step("deep", "data/transform").with("value", deep);
    assert_eq!(
        refusals(&film),
        [
            "-inf isn't a JSON number",
            "inf isn't a JSON number",
            "NaN isn't a JSON number",
            "a value has lists and objects nested more than 64 deep",
        ]
    );
}
