//! Runs that are deleted, and tables that are held against the journal.

use serde_json::Value as Json;

use crate::assert_transcript;
use crate::project::{Project, asleep, kill};
use crate::simulated::{FILM, Stage};
use crate::simulator::Simulator;

const SHORT: &str = "motet: 1\nname: short\ninputs: { n: { type: integer, default: 1 } }\nsteps:\n  a: { uses: data/transform, with: { value: \"{{ inputs.n }}\" } }\n";

const NAP: &str = "motet: 1\nname: nap\nsteps:\n  nap: { uses: flow/sleep, with: { duration: 1h } }\n";

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn deleted_runs_free_their_room_and_their_costs_stay() {
    let stage = Stage::with("film.yaml", FILM);
    let simulator = Simulator::begin(&stage.0, "[]");
    let place = format!("--sim={}", simulator.url());
    stage.0.write("motet.toml", "[budgets]\nday = 0.015\n");
    for (run, mood) in [("first", "calm"), ("second", "stormy")] {
        stage.ends(0, &["run", "film.yaml", "--id", run, "--input", &format!("mood={mood}"), &place]);
    }
    let store = ["--store", ".motet/sim"];
    let good = |words: &[&str]| stage.0.good(&[words, &store].concat());
    let costs = good(&["costs", "--json"]);

    let told = json(&good(&["gc", "--older-than", "0s", "--dry-run", "--json"]));
    assert_eq!(told["runs"].as_array().unwrap().len(), 2, "{told}");
    assert_eq!(json(&good(&["gc", "--older-than", "1h", "--yes", "--json"]))["runs"], Json::Array(vec![]));
    let done = json(&good(&["gc", "first", "--yes", "--json"]));
    assert_eq!(done["runs"][0], "first", "{done}");
    assert!(done["files"].as_u64().unwrap() >= 1 && done["bytes"].as_u64().unwrap() > 0, "{done}");
    let left = good(&["artifacts", "second", "--json"]);
    let left = json(left.lines().next().unwrap());
    assert!(std::path::Path::new(left["artifact"]["path"].as_str().unwrap()).exists(), "{left}");
    assert_eq!(good(&["costs", "--json"]), costs, "the ledger still has all of it");
    good(&["doctor", "--verify"]);

    // 0.012 of 0.015 were spent today, whatever is left of the runs.
    let parked = stage.ends(5, &["run", "film.yaml", "--input", "mood=happy", &place]);
    assert!(parked.contains("parked"), "{parked}");
    let refused = stage.ends(2, &["run", "film.yaml", "--id", "first", "--input", "mood=calm", &place]);
    assert!(refused.contains("was deleted"), "{refused}");
}

#[test]
fn a_lineage_whose_oldest_run_was_deleted_buys_nothing_again() {
    let stage = Stage::with("film.yaml", FILM);
    let simulator = Simulator::begin(&stage.0, "[]");
    let place = format!("--sim={}", simulator.url());
    simulator.go_wrong("[{ model: black-forest-labs/flux-schnell, fault: content, nth: 2 }]");
    stage.ends(1, &["run", "film.yaml", "--id", "first", "--input", "mood=calm", &place]);
    simulator.go_wrong("[{ model: black-forest-labs/flux-schnell, fault: content }]");
    stage.ends(1, &["retry", "first", "--store", ".motet/sim"]);
    simulator.go_wrong("[]");
    let paid = simulator.ledger().len();
    let second = json(stage.0.good(&["runs", "--json", "--limit", "1", "--store", ".motet/sim"]).trim());
    let second = second["run"].as_str().unwrap().to_owned();

    let kept =
        stage.ends(0, &["gc", "--status", "failed", "--older-than", "1h", "--yes", "--store", ".motet/sim"]);
    assert!(kept.contains("0 runs deleted"), "{kept}");
    let told = stage.ends(0, &["gc", "first", "--yes", "--store", ".motet/sim"]);
    assert!(told.contains("continues from it, and can't be retried or forked any more"), "{told}");
    for words in [["retry", &second, "--json"], ["fork", &second, "--no-out"]] {
        let refused = stage.ends(2, &[&words as &[&str], &["--store", ".motet/sim"]].concat());
        assert!(refused.contains("was deleted") && refused.contains("would be paid again"), "{refused}");
    }
    for words in [["show", "first"], ["retry", "first"], ["resume", "first"], ["costs", "first"]] {
        let refused = stage.ends(2, &[&words as &[&str], &["--store", ".motet/sim"]].concat());
        assert!(refused.contains("was deleted"), "{refused}");
    }
    assert_eq!(simulator.ledger().len(), paid, "nothing was bought");
}

#[test]
fn what_runs_need_stays_and_the_owner_deletes_for_its_guests() {
    let project = Project::with("short.yaml", SHORT);
    project.write("nap.yaml", NAP);
    let child = asleep(project.command(&["run", "nap.yaml", "--id", "nap"]));
    for n in ["1", "2", "3"] {
        project.good(&["run", "short.yaml", "--id", &format!("short-{n}"), "--input", &format!("n={n}")]);
    }
    let told = [
        &["gc", "--older-than", "0s"] as &[&str],
        &["gc", "--older-than", "0s", "--dry-run"],
        &["gc", "nap", "--yes"],
        &["gc", "short-1", "--yes"],
        &["show", "short-1"],
        &["gc", "--older-than", "0s", "--yes"],
        &["gc"],
        &["gc", "short-2"],
        &["gc", "nobody"],
        &["gc", "nap", "--older-than", "1d"],
        &["gc", "--status", "running"],
        &["gc", "--keep-bytes", "much"],
    ];
    let told: String = told.iter().map(|words| project.transcript(words)).collect();
    kill(child);
    assert_transcript!(project, told);
    assert_eq!(project.good(&["runs", "--json"]).lines().count(), 1);
}

#[test]
fn a_run_stays_whose_result_the_cache_may_still_give_unless_it_is_said_otherwise() {
    const SCENE: &str = "motet: 1\nname: scene\nsteps:\n  sea: { uses: local/scene, with: { prompt: the sea, seed: 7, width: 64, height: 64 }, cache: { ttl: 7d } }\n";
    let project = Project::with("scene.yaml", SCENE);
    project.good(&["run", "scene.yaml", "--id", "first"]);
    let told = [
        &["gc", "--older-than", "0s", "--yes"] as &[&str],
        &["gc", "--older-than", "0s", "--dry-run", "--json"],
        &["run", "scene.yaml", "--id", "second", "--no-out"],
        &["gc", "--older-than", "0s", "--cached", "--yes"],
        &["gc", "first", "--cached"],
    ];
    let told: String = told.iter().map(|words| project.transcript(words)).collect();
    assert_transcript!(project, told);
}

#[test]
fn a_planted_wrong_row_is_found_and_mended() {
    let project = Project::with("short.yaml", SHORT);
    project.good(&["run", "short.yaml", "--id", "one"]);
    project.good(&["doctor", "--verify"]);
    let database = rusqlite::Connection::open(project.path().join(".motet/motet.db")).unwrap();
    assert_eq!(database.execute("UPDATE steps SET status = 'failed' WHERE path = 'a'", []).unwrap(), 1);
    drop(database);
    assert!(project.good(&["doctor"]).contains("store"), "only who asks for it waits for it");
    let found = |words: &[&str]| {
        let output = project.run(words);
        let told: Json = serde_json::from_slice(&output.stdout).unwrap();
        let findings = told["findings"].as_array().unwrap();
        let tables = findings.iter().find(|finding| finding["name"] == "tables").unwrap().clone();
        (output.status.code(), tables)
    };
    let (code, tables) = found(&["doctor", "--verify", "--json"]);
    assert_eq!(code, Some(6));
    assert!(tables["found"].as_str().unwrap().contains("status = failed"), "{tables}");
    assert_eq!(tables["remedy"], "make them again: motet doctor --rebuild");
    let (code, tables) = found(&["doctor", "--rebuild", "--json"]);
    assert_eq!((code, tables["state"].as_str()), (Some(0), Some("good")), "{tables}");
    assert!(project.good(&["show", "one"]).contains("completed"));
}
