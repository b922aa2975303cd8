//! Dead letters: failed runs that wait for somebody.

use serde_json::Value as Json;

use crate::assert_transcript;
use crate::project::Project;
use crate::simulated::{FILM, Stage};
use crate::simulator::Simulator;

/// Fails with the class and words that it is given; what it says is nobody's business.
const FAILING: &str = r#"
motet: 1
name: failing
inputs: { word: { type: string, sensitive: true }, n: { type: integer, default: 0 } }
steps:
  shots:
    each: [a]
    steps:
      first: { uses: data/transform, with: { value: 1 } }
      last: { uses: flow/fail, with: { message: "no {{ inputs.word }}", class: content }, needs: [first] }
"#;

fn records(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_dead_letter_is_redriven_and_only_what_failed_is_paid_again() {
    let stage = Stage::with("film.yaml", FILM);
    let simulator = Simulator::begin(&stage.0, "[]");
    let place = format!("--sim={}", simulator.url());
    let film = |mood: &str, exit| {
        let mood = format!("mood={mood}");
        stage.ends(exit, &["run", "film.yaml", "--input", &mood, "--new", &place])
    };
    for mood in ["calm", "stormy"] {
        simulator.go_wrong("[{ model: black-forest-labs/flux-schnell, fault: content, nth: 2 }]");
        film(mood, 1);
    }
    simulator.go_wrong("[]");
    film("happy", 0);
    let paid = simulator.ledger().len();

    let list = |words: &[&str]| {
        let words: Vec<&str> =
            ["dead", "list", "--json", "--store", ".motet/sim"].iter().chain(words).copied().collect();
        records(&stage.0.good(&words))
    };
    assert_eq!(list(&[]).len(), 2);
    assert_eq!(list(&["--provider", "replicate", "--class", "content", "--newer-than", "1h"]).len(), 2);
    for other in [["--provider", "fal"], ["--class", "timeout"], ["--older-than", "1h"], ["--pipeline", "x"]]
    {
        assert_eq!(list(&other), Vec::<Json>::new(), "{other:?}");
    }
    let told = &list(&["--limit", "1"])[0];
    assert_eq!((told["step"].as_str(), told["attempts"].as_u64()), (Some("cover"), Some(1)), "{told}");
    assert_eq!(told["operation"], "replicate/black-forest-labs/flux-schnell");

    let output =
        stage.run(&["dead", "redrive", "--all", "--json", "--at-once", "1", "--store", ".motet/sim"]);
    assert!(output.status.success(), "{output:?}");
    let events = String::from_utf8(output.stdout).unwrap();
    let kept = records(&events).iter().filter(|event| event["reused"]["run"].is_string()).count();
    assert_eq!((kept, simulator.ledger().len()), (2, paid + 2), "{events}");
    assert_eq!(list(&[]), Vec::<Json>::new(), "they were done over");
    let shown = stage.0.good(&["dead", "show", told["run"].as_str().unwrap(), "--store", ".motet/sim"]);
    assert!(shown.contains("continued"), "{shown}");
}

#[test]
fn dead_letters_are_shown_and_discarded_in_words_that_give_nothing_away() {
    let project = Project::with("failing.yaml", FAILING);
    project.write(
        "good.yaml",
        "motet: 1\nname: good\nsteps:\n  a: { uses: data/transform, with: { value: 1 } }\n",
    );
    for run in ["one", "two"] {
        project.run(&["run", "failing.yaml", "--input", "word=planted", "--id", run, "--new"]);
    }
    project.good(&["run", "good.yaml", "--id", "good"]);
    let told = [
        &["dead", "list"] as &[&str],
        &["dead", "show", "one"],
        &["dead", "discard", "one", "--why", "it is meant to fail"],
        &["dead", "list"],
        &["dead", "list", "--discarded"],
        &["dead", "show", "one"],
        &["dead", "discard", "one", "--undo"],
        &["dead", "redrive", "one", "two"],
        &["dead", "list"],
        &["dead", "discard", "good"],
        &["dead", "redrive"],
        &["dead", "redrive", "two", "--class", "content"],
        &["dead", "redrive", "--class", "sorrow"],
        &["dead", "list", "--newer-than", "soon"],
        &["dead", "discard", "--all"],
        &["dead", "list"],
    ];
    let told: String = told.iter().map(|words| project.transcript(words)).collect();
    assert!(!told.contains("planted"), "{told}");
    let filters =
        vec![(r"(show|retry|run) [0-9A-Z]{4}\b", "$1 [id]"), (r"\n  [0-9A-Z]{4}   ", "\n  [id]   ")];
    insta::with_settings!({ filters => filters }, {
        assert_transcript!(project, told);
    });
}

#[test]
fn many_runs_are_not_redriven_without_a_word() {
    let project = Project::with("failing.yaml", FAILING);
    for n in 0..11 {
        project.run(&["run", "failing.yaml", "--input", "word=x", "--input", &format!("n={n}")]);
    }
    let refused = project.run(&["dead", "redrive", "--all"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(records(&project.good(&["runs", "--json", "--limit", "99"])).len(), 11, "nothing ran");
    assert_transcript!(project, crate::project::transcript(&["dead", "redrive", "--all"], &refused));
    assert_eq!(project.run(&["dead", "redrive", "--all", "--yes"]).status.code(), Some(1));
    assert_eq!(records(&project.good(&["dead", "list", "--json"])).len(), 11, "the newer ones failed, too");
    assert_eq!(records(&project.good(&["runs", "--json", "--limit", "99"])).len(), 22);
}

#[test]
fn a_dead_letter_whose_plan_can_not_be_had_is_listed_without_what_it_may_hide_and_holds_up_no_other() {
    let broken =
        ["DELETE FROM plans WHERE digest = ?1", "UPDATE plans SET pin = pin || ' ' WHERE digest = ?1"];
    for (number, broken) in broken.into_iter().enumerate() {
        let project = Project::with("failing.yaml", FAILING);
        project.write("other.yaml", FAILING.replace("name: failing", "name: other"));
        for (file, run) in [("failing.yaml", "one"), ("other.yaml", "two")] {
            project.run(&["run", file, "--input", "word=planted", "--id", run]);
        }
        let database = rusqlite::Connection::open(project.path().join(".motet/motet.db")).unwrap();
        let plan =
            database.query_row("SELECT plan FROM runs WHERE id = 'one'", [], |row| row.get::<_, Vec<u8>>(0));
        assert_eq!(database.execute(broken, [plan.unwrap()]).unwrap(), 1);
        drop(database);
        let told = [
            &["dead", "list"] as &[&str],
            &["dead", "show", "one"],
            &["dead", "show", "two"],
            &["dead", "redrive", "one"],
            &["dead", "discard", "one", "--why", "its plan is lost"],
            &["dead", "list"],
        ];
        let told: String = told.iter().map(|words| project.transcript(words)).collect();
        let listed = records(&project.good(&["dead", "list", "--discarded", "--json"]));
        assert_eq!(listed[0]["run"], "one", "{listed:?}");
        assert!(!format!("{told}{listed:?}").contains("planted"), "{told}");
        insta::with_settings!({ snapshot_suffix => number.to_string() }, {
            assert_transcript!(project, told);
        });
    }
}
