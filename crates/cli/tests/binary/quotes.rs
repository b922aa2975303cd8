//! Quotes on the command line: written by `plan`, kept by `run`.

use serde_json::{Value as Json, json};

use crate::project::Project;
use crate::simulated::Stage;
use crate::simulator::Simulator;

/// A picture for each line of a text that an earlier step gives, at $0.003 each.
const SHOTS: &str = r#"
motet: 1
name: shots
inputs: { text: { type: string, default: "sea\nboat" } }
steps:
  lines: { uses: data/transform, with: { value: "{{ inputs.text | lines }}" } }
  cover: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a book } }
  shots:
    each: "{{ steps.lines.value }}"
    max_parallel: 1
    uses: replicate/black-forest-labs/flux-schnell
    with: { prompt: "{{ item }}" }
outputs: { pictures: "{{ steps.shots.items | map(attribute='image') | list }}" }
"#;

/// Writes a quote; the keys of providers are set.
fn quotes(project: &Project, arguments: &[&str]) -> String {
    let words: Vec<&str> =
        ["plan", "shots.yaml", "--quote", "quote.json"].iter().chain(arguments).copied().collect();
    let output = project.command(&words).env("REPLICATE_API_TOKEN", "planted").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// What a quote says, with what differs from day to day left out.
fn read(project: &Project) -> Json {
    let bytes = std::fs::read(project.path().join("quote.json")).unwrap();
    let mut quote: Json = serde_json::from_slice(&bytes).unwrap();
    for moment in ["made_at", "valid_until"] {
        assert!(quote[moment].as_str().unwrap().ends_with('Z'));
        quote[moment] = json!("…");
    }
    assert!(quote["prices_digest"].as_str().unwrap().starts_with("sha256:"));
    quote["prices_digest"] = json!("…");
    quote
}

#[test]
fn a_quote_is_read_and_a_run_stops_where_a_part_of_it_is_exceeded() {
    let stage = Stage::with("shots.yaml", SHOTS);
    let said = quotes(&stage.0, &[]);
    let day = said.split("valid until ").nth(1).unwrap()[..10].to_owned();
    insta::assert_snapshot!(said.replace(&day, "2026-12-06"));
    insta::assert_json_snapshot!(read(&stage.0));
    assert!(!stage.0.path().join(".motet").exists(), "nothing ran");

    let eleven = (0..11).map(|n| format!("boat {n}")).collect::<Vec<_>>().join("\n");
    let text = format!("text={eleven}");
    quotes(&stage.0, &["--input", &text]);
    let run = ["run", "shots.yaml", "--sim", "--quote", "quote.json", "--input", &text];
    let said = stage.ends(5, &run);
    assert!(said.contains("as quoted for shots"), "{said}");
    let command = said.lines().rev().find_map(|line| line.trim().strip_prefix("motet resume ")).unwrap();
    let command = command.split(" · ").next().unwrap();
    assert!(stage.ends(5, &run).contains("as quoted for shots"), "it is held to its quote again");
    let words: Vec<&str> = std::iter::once("resume").chain(command.split(' ')).collect();
    stage.ends(0, &words);
    let costs = stage.json(&["costs", "--json", "--by", "step", "--store", ".motet/sim"]);
    assert_eq!(costs["total"]["computed"], "0.036");
}

#[test]
fn what_has_changed_since_a_quote_is_refused_with_a_word_for_each() {
    let stage = Stage::with("shots.yaml", SHOTS);
    quotes(&stage.0, &[]);
    let quote = std::fs::read_to_string(stage.0.path().join("quote.json")).unwrap();
    let refused = |arguments: &[&str]| {
        let words: Vec<&str> = ["run", "shots.yaml", "--sim", "--quote", "quote.json"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        stage.ends(2, &words)
    };
    let mut said = vec![refused(&["--input", "text=one"])];
    stage.0.write("shots.yaml", SHOTS.replace("a book", "a film"));
    said.push(refused(&[]));
    stage.0.write("shots.yaml", SHOTS);
    stage.0.write(
        "prices.json",
        r#"{ "prices": [{ "provider": "replicate", "model": "black-forest-labs/flux-schnell",
        "unit": "image", "per": 1, "usd": "0.05" }] }"#,
    );
    stage.0.write("motet.toml", "prices = 'prices.json'\n");
    let mut dearer = stage.0.command(&["run", "shots.yaml", "--sim", "--quote", "quote.json"]);
    let output = dearer.env("MOTET_TRUST", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    said.push(String::from_utf8_lossy(&output.stderr).into_owned());
    stage.0.write("motet.toml", "");
    let made: Json = serde_json::from_str(&quote).unwrap();
    let until = made["valid_until"].as_str().unwrap();
    stage.0.write("quote.json", quote.replace(until, "2026-01-02T03:04:05.000Z"));
    said.push(refused(&[]));
    stage.0.write("quote.json", "{}");
    said.push(refused(&[]));
    stage.0.write("quote.json", quote.replace("\"motet_quote\": 1", "\"motet_quote\": 2"));
    said.push(refused(&[]));
    insta::assert_snapshot!(said.join("\n"));
    let runs = stage.0.run(&["runs", "--store", ".motet/sim"]);
    assert!(!String::from_utf8_lossy(&runs.stdout).contains("shots"), "nothing ran");
}

#[test]
fn a_quote_never_takes_the_place_of_another_file_nor_that_of_a_budget() {
    let stage = Stage::with("shots.yaml", SHOTS);
    let mut over = stage.0.command(&["plan", "shots.yaml", "--quote", "shots.yaml"]);
    let output = over.env("REPLICATE_API_TOKEN", "planted").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("shots.yaml can't be used as a quote: it isn't a quote"), "{said}");
    assert_eq!(std::fs::read_to_string(stage.0.path().join("shots.yaml")).unwrap(), SHOTS);

    let both = stage.ends(2, &["run", "shots.yaml", "--quote", "quote.json", "--budget", "1"]);
    assert!(both.contains("cannot be used with"), "{both}");
}

#[test]
fn who_runs_with_a_quote_is_not_asked() {
    let stage = Stage::with("shots.yaml", SHOTS);
    let simulator = Simulator::begin(&stage.0, "[]");
    // A server of one's own in the place of the provider: for all that Motet knows, it is paid.
    let settings = format!(
        "[money]\nask_above = 0\n[providers.replicate]\nkey = \"env:KEY\"\nbase_url = \"{}/replicate\"\nprivate = true\n",
        simulator.url()
    );
    stage.0.write("motet.toml", settings);
    let motet = |arguments: &[&str]| {
        let mut command = stage.0.command(arguments);
        let output = command.env("KEY", "planted").env("MOTET_TRUST", "1").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = motet(&["run", "shots.yaml"]);
    assert!(code == Some(2) && said.contains("likely to cost"), "{said}");
    assert_eq!(motet(&["plan", "shots.yaml", "--quote", "quote.json"]).0, Some(0));
    let (code, said) = motet(&["run", "shots.yaml", "--quote", "quote.json"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(simulator.ledger().len(), 3);
}
