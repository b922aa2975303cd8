//! Models and providers as their users meet them: what is known of them, what is added, what holds by default.

use serde_json::{Value as Json, json};

use crate::assert_transcript;
use crate::project::{Project, transcript};
use crate::simulated::Stage;

const CLIP: &str = r#"
motet: 1
name: clip
steps:
  clip:
    uses: fal/fal-ai/veo3
    with: { prompt: a harbour }
    fallback:
      - { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a harbour } }
      - { uses: local/scene, with: { prompt: a harbour } }
  song: { uses: elevenlabs/music_v1, with: { prompt: a waltz, duration: 30 }, timeout: 4m }
outputs: { song: "{{ steps.song.audio }}" }
"#;

#[test]
fn a_plan_says_how_long_models_are_waited_for() {
    let project = Project::with("clip.yaml", CLIP);
    let plan = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.env("FAL_KEY", "k").env("REPLICATE_API_TOKEN", "k").env("ELEVENLABS_API_KEY", "k");
        command.output().unwrap()
    };
    let arguments = ["plan", "clip.yaml"];
    assert_transcript!(project, transcript(&arguments, &plan(&arguments)));
    let json: serde_json::Value =
        serde_json::from_slice(&plan(&["plan", "clip.yaml", "--json"]).stdout).unwrap();
    let jobs = |of: &serde_json::Value| of["job_ms"].as_u64().unwrap() / 60_000;
    let (clip, song) = (&json["steps"][0], &json["steps"][1]);
    let others: Vec<u64> = clip["fallback_timeouts"].as_array().unwrap().iter().map(jobs).collect();
    assert_eq!((jobs(&clip["timeouts"]), others, jobs(&song["timeouts"])), (30, vec![5, 5], 4));
}

#[test]
fn a_model_is_shown_with_the_timeouts_that_hold_if_none_are_written() {
    let project = Project::new();
    let shown = project.good(&["models", "show", "fal/fal-ai/veo3"]);
    assert!(shown.contains("timeouts, if none are written: reply 30m, queue 30m, job 30m"), "{shown}");
}

const PICTURE: &str = r#"
motet: 1
name: picture
steps:
  still: { uses: fal/fal-ai/qwen-image, with: { prompt: a harbour, image_size: square_hd, count: 1 } }
outputs: { still: "{{ steps.still.image }}" }
"#;

/// A project with a pipeline that uses a model that doesn't come with Motet.
fn stage() -> Stage {
    let stage = Stage::new();
    stage.0.write("picture.yaml", PICTURE);
    stage
}

const ADDED: &str = "models/fal/fal-ai--qwen-image.json";

fn read(stage: &Stage) -> Json {
    serde_json::from_slice(&std::fs::read(stage.0.path().join(ADDED)).unwrap()).unwrap()
}

#[test]
fn a_model_is_added_by_what_its_provider_publishes_and_used_at_once() {
    let stage = stage();
    let said = stage.ends(2, &["check", "picture.yaml"]);
    assert!(said.contains("motet models add fal/fal-ai/qwen-image"), "{said}");
    let arguments = ["models", "add", "fal-ai/qwen-image", "--sim"];
    assert_transcript!(stage.0, stage.0.transcript(&arguments));
    let written = read(&stage);
    let inputs = written["inputs"].as_array().unwrap();
    let input = |name: &str| inputs.iter().find(|input| input["name"] == name).unwrap();
    assert_eq!(input("num_images")["is"], "count");
    assert_eq!(input("image_size")["doubt"], "values", "what can't be described is marked");
    assert!(input("prompt").get("doubt").is_none());

    let listed = stage.0.good(&["models", "list", "qwen"]);
    assert!(listed.contains(ADDED) && listed.contains("price unknown"), "{listed}");
    let shown = stage.0.good(&["models", "show", "fal/fal-ai/qwen-image"]);
    assert!(
        shown.contains("a model of the project's own") && shown.contains("nobody has verified"),
        "{shown}"
    );
    let said = stage.ends(0, &["run", "picture.yaml", "--sim"]);
    assert!(said.contains("completed"), "{said}");
}

#[test]
fn a_model_of_replicate_is_added_with_the_kind_of_its_files() {
    let stage = Stage::new();
    stage.ends(0, &["models", "add", "black-forest-labs/flux-dev", "--sim"]);
    let model = stage.json(&["models", "show", "replicate/black-forest-labs/flux-dev", "--json"]);
    let outputs = model["contract"]["outputs"].as_object().unwrap();
    assert!(outputs.contains_key("image") && outputs.contains_key("images"), "{model:#}");
    assert_eq!(model["file"], "models/replicate/black-forest-labs--flux-dev.json");
}

#[test]
fn what_is_there_is_written_anew_only_when_asked_to() {
    let stage = stage();
    let add = ["models", "add", "fal/fal-ai/qwen-image", "--sim"];
    stage.ends(0, &add);
    let mut changed = read(&stage);
    changed["summary"] = json!("A summary of my own.");
    stage.0.write(ADDED, changed.to_string());
    let said = stage.ends(2, &add);
    assert!(said.contains("--replace") && said.contains(ADDED), "{said}");
    assert_eq!(read(&stage)["summary"], "A summary of my own.");
    stage.ends(0, &[&add[..], &["--replace"]].concat());
    assert_ne!(read(&stage)["summary"], "A summary of my own.");
    let said = stage.ends(2, &["models", "add", "black-forest-labs/flux-schnell", "--sim"]);
    assert!(said.contains("comes with Motet"), "{said}");
}

#[test]
fn a_model_that_nobody_describes_is_refused_in_words() {
    let stage = Stage::new();
    let mut told = String::new();
    for name in ["someone/theirs", "fal-ai/nothing", "elevenlabs/eleven_v4", "theirs"] {
        told.push_str(&stage.0.transcript(&["models", "add", name, "--sim"]));
    }
    assert_transcript!(stage.0, told);
    assert!(!stage.0.path().join("models").exists());
}

#[test]
fn a_model_file_that_decides_about_money_waits_for_a_persons_word() {
    let stage = stage();
    stage.ends(0, &["models", "add", "fal-ai/qwen-image", "--sim"]);
    let mut priced = read(&stage);
    priced["billing"] = json!({});
    stage.0.write(ADDED, priced.to_string());
    let run = ["run", "picture.yaml", "--sim"];
    let said = stage.ends(2, &run);
    assert!(said.contains("how the price of fal/fal-ai/qwen-image is counted"), "{said}");
    stage.ends(0, &["trust", "--yes"]);
    stage.ends(0, &run);
    priced["billing"] = json!({ "key": "fal/fal-ai/flux/schnell" });
    stage.0.write(ADDED, priced.to_string());
    let said = stage.ends(2, &[&run[..], &["--new"]].concat());
    assert!(said.contains("changed since"), "{said}");
}

#[test]
fn a_model_file_that_cannot_be_used_is_named() {
    let project = Project::with("picture.yaml", PICTURE);
    project.write(ADDED, r#"{ "provider": "fal" }"#);
    let mut told = project.transcript(&["plan", "picture.yaml"]);
    project.write(
        ADDED,
        r#"{ "provider": "replicate", "id": "a/b", "summary": "", "call": "job", "seconds": [1, 2],
        "inputs": [], "outputs": { "text": { "as": "text" } } }"#,
    );
    told.push_str(&project.transcript(&["models", "list"]));
    std::fs::remove_file(project.path().join(ADDED)).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", project.path().join(ADDED)).unwrap();
    told.push_str(&project.transcript(&["models", "list"]));
    assert_transcript!(project, told);
}

#[test]
fn providers_are_shown_with_their_limits_and_how_calls_last_failed() {
    let stage = Stage::new();
    stage.0.write("say.yaml", "motet: 1\nname: say\nsteps: { say: { uses: elevenlabs/eleven_turbo_v2_5, with: { text: hello } } }\n");
    stage.ends(0, &["run", "say.yaml", "--sim"]);
    let output = stage.run(&["providers", "--json", "--store", ".motet/sim"]);
    let states: Vec<Json> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let key = |name: &str| {
        let state = states.iter().find(|state| state["provider"] == name).unwrap();
        state["keys"][0].clone()
    };
    assert_eq!(
        key("elevenlabs")["slots"],
        20,
        "the simulator says so in its headers, the provider's page says 2"
    );
    assert_eq!((&key("elevenlabs")["in_use"], &key("elevenlabs")["last_failure"]), (&json!(0), &Json::Null));
    assert_eq!(key("replicate")["rate"], "600/1m");
}

const FITTED: &str = r#"
motet: 1
name: fitted
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a harbour, output_format: png } }
  clip:
    uses: fal/fal-ai/kling-video/v2.1/standard/image-to-video
    with: { prompt: it rains, image: "{{ steps.still.image }}", duration: 5 }
    fit: auto
outputs: { clip: "{{ steps.clip.video }}" }
"#;

#[test]
fn media_that_measures_too_much_is_made_to_fit_before_the_call_and_the_plan_shows_it() {
    let stage = Stage::new();
    stage.0.write("fitted.yaml", FITTED);
    stage.0.write("plain.yaml", FITTED.replace("    fit: auto\n", ""));
    stage.ends(0, &["models", "add", "fal-ai/kling-video/v2.1/standard/image-to-video", "--sim"]);
    let file = stage.0.path().join("models/fal/fal-ai--kling-video--v2.1--standard--image-to-video.json");
    let mut model: Json = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let inputs = model["inputs"].as_array_mut().unwrap();
    let image = inputs.iter_mut().find(|input| input["name"] == "image_url").unwrap();
    image["limits"] = json!({ "max_side": 256, "formats": ["jpg"] });
    std::fs::write(&file, model.to_string()).unwrap();

    let mut plan = stage.0.command(&["plan", "fitted.yaml"]);
    plan.env("FAL_KEY", "k").env("REPLICATE_API_TOKEN", "k");
    assert_transcript!(stage.0, transcript(&["plan", "fitted.yaml"], &plan.output().unwrap()));

    let said = stage.ends(1, &["run", "plain.yaml", "--sim"]);
    assert!(said.contains("`fit: auto` converts it"), "{said}");
    stage.ends(0, &["run", "fitted.yaml", "--sim", "--id", "fits"]);
    let fitted =
        stage.0.good(&["show", "fits", "--step", "clip/fit_image", "--json", "--store", ".motet/sim"]);
    assert!(fitted.contains("image/jpeg") && fitted.contains("256"), "{fitted}");
}
