//! The examples that ask providers, against simulated ones: what they make, what is paid, and what they say.

use std::path::Path;

use serde_json::Value as Json;

use crate::simulated::Stage;
use crate::simulator::Simulator;

/// The text of an example, or of a page.
fn repository(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An example in a project of its own, with providers of which something may go wrong.
struct Play {
    stage: Stage,
    simulator: Simulator,
}

impl Play {
    fn of(example: &str, scenario: &str) -> Play {
        let stage = Stage::with("example.yaml", &repository(&format!("examples/{example}")));
        let simulator = Simulator::begin(&stage.0, scenario);
        Play { stage, simulator }
    }

    /// Runs it; gives the last thing that it said to programs, which tells how it ended.
    fn run(&self, code: i32, arguments: &[&str]) -> Json {
        let sim = format!("--sim={}", self.simulator.url());
        let words = ["run", "example.yaml", &sim, "--json"];
        let words: Vec<&str> = words.iter().chain(arguments).copied().collect();
        let output = self.stage.run(&words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str(told.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {told}"))
    }

    fn costs(&self, by: &str) -> Json {
        self.stage.json(&["costs", "--json", "--by", by, "--store", ".motet/sim"])
    }

    /// Our ledger holds what the providers charged, to the last unit; what may be billed besides is none of it.
    fn ledgers_agree(&self) {
        let total = &self.costs("run")["total"];
        let ours: f64 = ["billed", "computed"].iter().map(|part| amount(&total[part])).sum();
        let theirs: f64 = self.simulator.ledger().iter().map(|line| amount(&line["charged_usd"])).sum();
        assert!((ours - theirs).abs() < 1e-9, "{total} is not {theirs}: {:#?}", self.simulator.ledger());
    }

    /// The providers that were asked for something that costs, in the order in which they were.
    fn asked(&self) -> Vec<String> {
        let ledger = self.simulator.ledger();
        assert!(
            ledger.iter().all(|line| line["violation"].is_null() && line["repeated"] != true),
            "{ledger:#?}"
        );
        ledger.iter().map(|line| line["provider"].as_str().unwrap().to_owned()).collect()
    }
}

fn amount(value: &Json) -> f64 {
    value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok())).unwrap_or(0.0)
}

/// What `motet plan` says of an example: the table, without what stands below it.
fn plan(example: &str) -> String {
    let stage = Stage::with(example, &repository(&format!("examples/{example}")));
    let mut command = stage.0.command(&["plan", example]);
    for key in ["REPLICATE_API_TOKEN", "FAL_KEY", "ELEVENLABS_API_KEY"] {
        command.env(key, "planted");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let (table, _) = said.split_once("\n\n  inputs: ").unwrap();
    table.to_owned()
}

#[test]
fn the_plan_of_each_example_says_what_it_costs() {
    for example in [
        "text-to-film-with-models.yaml",
        "captioned-film.yaml",
        "sdxl-to-svd.yaml",
        "three-billing-units.yaml",
        "reliable-film.yaml",
        "best-variations.yaml",
        "skytells/image-to-video.yaml",
        "skytells/variations.yaml",
        "skytells/full-media.yaml",
    ] {
        let name = example.trim_end_matches(".yaml").replace('/', "_");
        insta::assert_snapshot!(format!("plan_of_{name}"), plan(example));
    }
}

#[test]
fn the_page_of_providers_shows_what_the_plan_of_its_example_really_says() {
    let page = repository("docs/providers.md");
    for line in plan("reliable-film.yaml").lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        assert!(page.contains(line), "docs/providers.md lacks this line:\n{line}");
    }
}

#[test]
fn three_providers_make_one_film_together() {
    let play = Play::of("text-to-film-with-models.yaml", "[]");
    let end = play.run(0, &[]);
    let film = &end["outputs"]["video"];
    assert_eq!(
        (film["mime"].as_str(), film["has_audio"].as_bool()),
        (Some("video/mp4"), Some(true)),
        "{end}"
    );
    let mut asked = play.asked();
    asked.sort();
    assert_eq!(asked, ["elevenlabs", "fal", "replicate"]);
    play.ledgers_agree();
    let costs = play.costs("model");
    assert_eq!(
        (costs["total"]["wasted"].as_str(), costs["groups"].as_array().map(Vec::len)),
        (Some("0"), Some(3))
    );
}

#[test]
fn a_film_gets_captions_of_what_is_said_in_it() {
    let play = Play::of("captioned-film.yaml", "[]");
    let end = play.run(0, &[]);
    assert_eq!(end["outputs"]["video"]["has_audio"], true, "{end}");
    assert!(end["outputs"]["text"].is_string(), "{end}");
    play.ledgers_agree();
}

#[test]
fn one_models_output_is_the_next_ones_input_and_what_doesnt_fit_is_found_before_it_costs() {
    let play = Play::of("sdxl-to-svd.yaml", "[]");
    assert_eq!(play.run(0, &[])["outputs"]["video"]["kind"], "video");
    play.ledgers_agree();
    let stage = Stage::with("sdxl-to-svd.yaml", &repository("examples/broken/sdxl-to-svd.yaml"));
    insta::assert_snapshot!(stage.ends(2, &["check", "sdxl-to-svd.yaml"]));
}

/// The prices of the guide: $0.10 a picture, $0.50 a video, $0.05 a voice, $0.02 to put them together.
const FLAT: &str = r#"{ "prices": [
  { "provider": "replicate", "model": "stability-ai/sdxl", "unit": "request", "per": 1, "usd": "0.10" },
  { "provider": "fal", "model": "fal-ai/stable-video", "unit": "request", "per": 1, "usd": "0.50" },
  { "provider": "elevenlabs", "model": "eleven_turbo_v2_5", "unit": "request", "per": 1, "usd": "0.05" },
  { "provider": "fal", "model": "fal-ai/sync-lipsync/v2", "unit": "request", "per": 1, "usd": "0.02" }
] }"#;

/// And its three units: a second, a request, a character.
const UNITS: &str = r#"{ "prices": [
  { "provider": "replicate", "model": "stability-ai/sdxl", "unit": "gpu_second", "per": 1, "usd": "0.023", "typical_quantity": "4" },
  { "provider": "fal", "model": "fal-ai/stable-video", "unit": "request", "per": 1, "usd": "0.05" },
  { "provider": "elevenlabs", "model": "eleven_turbo_v2_5", "unit": "input_character", "per": 1, "usd": "0.0003" }
] }"#;

/// `three-billing-units.yaml` with a price book of its own.
fn priced(prices: &str, scenario: &str, code: i32, arguments: &[&str]) -> Play {
    let play = Play::of("three-billing-units.yaml", scenario);
    play.stage.0.write("prices.json", prices);
    play.stage.0.write("motet.toml", "prices = 'prices.json'\n");
    let trusted = play.stage.0.command(&["trust", "--yes"]).output().unwrap();
    assert!(trusted.status.success());
    play.run(code, arguments);
    play
}

#[test]
fn what_was_spent_before_the_last_step_fails_is_wasted() {
    let total = |play: &Play| play.costs("run")["total"].clone();
    let done = total(&priced(FLAT, "[]", 0, &[]));
    assert_eq!((done["computed"].as_str(), done["wasted"].as_str()), (Some("0.67"), Some("0")), "{done}");
    let fails = "[{ model: fal-ai/sync-lipsync/v2, fault: job_failed }]";
    let lost = total(&priced(FLAT, fails, 1, &[]));
    assert_eq!((lost["computed"].as_str(), lost["wasted"].as_str()), (Some("0.65"), Some("0.65")), "{lost}");
}

#[test]
fn seconds_requests_and_characters_are_added_up_exactly() {
    let script = format!("script={}", "x".repeat(1000));
    let play = priced(UNITS, "[]", 0, &["--input", &script]);
    let costs = play.costs("model");
    let of = |name: &str| {
        let groups = costs["groups"].as_array().unwrap();
        let group = groups.iter().find(|group| group["name"].as_str().unwrap().contains(name)).unwrap();
        group["computed"].as_str().unwrap().to_owned()
    };
    assert_eq!((of("stable-video"), of("eleven_turbo_v2_5")), ("0.05".to_owned(), "0.3".to_owned()));
    let seconds = of("sdxl").parse::<f64>().unwrap() / 0.023;
    assert!((0.5..60.0).contains(&seconds), "{seconds}");
}

#[test]
fn a_film_over_three_providers_needs_no_fallback_where_nothing_fails() {
    let play = Play::of("reliable-film.yaml", "[]");
    let end = play.run(0, &[]);
    assert_eq!(
        (&end["degraded"], &end["outputs"]["film"]["has_audio"]),
        (&Json::Bool(false), &Json::Bool(true)),
        "{end}"
    );
    let mut asked = play.asked();
    asked.sort();
    assert_eq!(asked, ["elevenlabs", "fal", "replicate"]);
    play.ledgers_agree();
}

#[test]
fn a_film_is_made_though_each_of_its_first_providers_fails() {
    let scenario = "
- { model: black-forest-labs/flux-schnell, fault: job_failed }
- { model: fal-ai/kling-video/v2.5-turbo/pro/image-to-video, fault: job_failed }
- { provider: elevenlabs, fault: throttle_no_hint }
";
    let play = Play::of("reliable-film.yaml", scenario);
    let end = play.run(0, &[]);
    assert_eq!(
        (&end["degraded"], &end["outputs"]["film"]["has_audio"]),
        (&Json::Bool(true), &Json::Bool(true)),
        "{end}"
    );
    play.ledgers_agree();
}

#[test]
fn an_image_becomes_a_video_though_each_stage_fails_once() {
    let scenario = "- { fault: job_failed, provider: fal, nth: 1 }\n- { fault: job_failed, provider: replicate, nth: 1 }";
    let play = Play::of("skytells/image-to-video.yaml", scenario);
    let end = play.run(0, &["--input", "prompt=A lighthouse at dusk"]);
    let video = &end["outputs"]["video"];
    assert_eq!(
        (&video["kind"], video["duration"].as_f64().map(f64::round)),
        (&"video".into(), Some(4.0)),
        "{end}"
    );
    assert_eq!(end["degraded"], false, "a second attempt is no fallback: {end}");
    assert_eq!(play.asked(), ["fal", "fal", "replicate", "replicate"]);
    play.ledgers_agree();
}

#[test]
fn variations_have_seeds_of_their_own_and_those_that_succeed_are_collected() {
    let play = Play::of("skytells/variations.yaml", "[{ provider: fal, fault: content, nth: 3 }]");
    let end = play.run(0, &[]);
    let images = end["outputs"]["images"].as_array().unwrap();
    assert_eq!((images.len(), &end["outputs"]["failed"]), (3, &Json::from(1)), "{end}");
    assert!(images.iter().all(|image| image["width"] == 1024 && image["height"] == 1024), "{end}");
    let requests = play.simulator.lines("/_sim/requests");
    let bodies = requests.iter().filter(|request| request["operation"] == "create");
    let mut seeds: Vec<i64> = bodies
        .map(|request| serde_json::from_str::<Json>(request["body"].as_str().unwrap()).unwrap())
        .map(|body| body["seed"].as_i64().unwrap())
        .collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [0, 42, 84, 126]);
    play.ledgers_agree();
}

#[test]
fn image_video_and_music_become_one_film_as_long_as_the_video() {
    let play = Play::of("skytells/full-media.yaml", "[]");
    let end = play.run(0, &["--input", "music_style=a slow waltz"]);
    let outputs = &end["outputs"];
    let seconds = outputs["final"]["duration"].as_f64().map(f64::round);
    assert_eq!((&outputs["final"]["has_audio"], seconds), (&Json::Bool(true), Some(5.0)), "{end}");
    assert_eq!(
        (&outputs["image"]["width"], &outputs["video"]["kind"]),
        (&1024.into(), &"video".into()),
        "{end}"
    );
    let mut asked = play.asked();
    asked.sort();
    assert_eq!(asked, ["elevenlabs", "fal", "replicate"]);
    play.ledgers_agree();
}

#[test]
fn the_best_two_of_four_variations_are_kept_though_one_fails() {
    let play = Play::of("best-variations.yaml", "[{ provider: fal, fault: content, nth: 2 }]");
    let end = play.run(0, &[]);
    let outputs = &end["outputs"];
    let kept = outputs["images"].as_array().unwrap();
    assert_eq!(
        (kept.len(), &outputs["failed"], &end["degraded"]),
        (2, &Json::from(1), &Json::Bool(true)),
        "{end}"
    );
    assert_eq!(outputs["best"]["digest"], kept[0]["digest"]);
    assert!(kept[0]["bytes"].as_u64() >= kept[1]["bytes"].as_u64());
    let ledger = play.simulator.ledger();
    assert_eq!(ledger.len(), 4, "{ledger:#?}");
    play.ledgers_agree();
}
