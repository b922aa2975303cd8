//! Lock files: what a pipeline was made with is written down, and what has changed since is told.

use serde_json::Value as Json;

use crate::assert_transcript;
use crate::project::{Project, transcript};
use crate::simulated::Stage;

const FILM: &str = "
motet: 1
name: film
steps:
  still: { uses: replicate/lab/painter, with: { prompt: sea } }
  sharp: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: sea } }
  scene: { uses: local/scene, with: { prompt: sea }, always: true }
outputs: { still: '{{ steps.still.image }}' }
";

/// A model of the project's own at a version, with the default of a parameter.
fn painter(version: char, default: u8) -> String {
    let version = String::from(version).repeat(64);
    format!(
        r#"{{"provider":"replicate","id":"lab/painter","version":"{version}","summary":"Paints.","call":"job",
        "seconds":[1,5],"inputs":[{{"name":"prompt","type":"text","required":true,"about":"what"}},
        {{"name":"steps","type":"integer","default":{default},"about":"how carefully"}}],
        "outputs":{{"image":{{"as":"image"}}}}}}"#
    )
}

/// What `usd` a picture of each of two models costs.
fn prices(painter: &str, schnell: &str) -> String {
    let row = |model: &str, usd: &str| {
        format!(
            r#"{{ "provider": "replicate", "model": "{model}", "unit": "image", "per": 1, "usd": "{usd}" }}"#
        )
    };
    let rows = [row("lab/painter", painter), row("black-forest-labs/flux-schnell", schnell)];
    format!(r#"{{ "prices": [{}] }}"#, rows.join(", "))
}

/// A project whose film is locked.
fn locked() -> Project {
    let project = Project::with("film.yaml", FILM);
    project.write("models/replicate/painter.json", painter('a', 20));
    project.write("prices.json", prices("0.02", "0.003"));
    project.write("motet.toml", "prices = 'prices.json'\n");
    project.good(&["lock", "film.yaml"]);
    project
}

fn lock_of(project: &Project) -> String {
    std::fs::read_to_string(project.path().join("motet.lock")).unwrap()
}

/// The same command where somebody has trusted the project.
fn trusted(project: &Project, arguments: &[&str]) -> String {
    transcript(arguments, &project.command(arguments).env("MOTET_TRUST", "1").output().unwrap())
}

#[test]
fn a_pipeline_is_locked_and_what_has_changed_is_told_until_it_is_taken() {
    let project = locked();
    let first = lock_of(&project);
    let again = project.good(&["lock", "film.yaml"]);
    let quiet = project.run(&["check", "film.yaml"]);
    assert!(!String::from_utf8_lossy(&quiet.stderr).contains("locked"));
    assert_eq!(lock_of(&project), first);

    project.write("models/replicate/painter.json", painter('b', 30));
    project.write("prices.json", prices("0.02", "0.005"));
    project.write(
        "motet.lock",
        first.replace(
            "[pipelines.\"film.yaml\".\"local/scene\"]\ncontract = 1",
            "[pipelines.\"film.yaml\".\"local/scene\"]\ncontract = 7",
        ),
    );
    let text = format!("{first}---\n{again}---\n")
        + &project.transcript(&["check", "film.yaml"])
        + &project.transcript(&["lock", "film.yaml"])
        + &trusted(&project, &["plan", "film.yaml", "--mermaid"])
        + &project.transcript(&["lock", "film.yaml", "--update"]);
    assert_transcript!(project, text);
    let told = project.transcript(&["check", "film.yaml"]);
    assert!(!told.contains("when it was locked"), "{told}");
    assert_ne!(lock_of(&project), first);
}

#[test]
fn who_runs_what_has_changed_is_warned_and_the_run_goes_on() {
    let stage = Stage::with("shot.yaml", &FILM.replace("replicate/lab/painter", "fal/fal-ai/flux/dev"));
    stage.0.good(&["lock", "shot.yaml"]);
    let lock = lock_of(&stage.0);
    stage.0.write("motet.lock", lock.replace("$3 for 1000", "$2 for 1000"));
    let told = "warning: the price of replicate/black-forest-labs/flux-schnell for image is $3 for 1000, and was $2 for \
                1000 when it was locked\n  take what is there now: motet lock shot.yaml --update\n";
    let run = ["run", "shot.yaml", "--sim", "--new", "--id"];
    let fork = ["fork", "one", "--pipeline", "shot.yaml", "--store", ".motet/sim"];
    let said = stage.ends(0, &[&run[..], &["one"]].concat()) + &stage.ends(0, &fork);
    assert_eq!(said.matches(told).count(), 2, "{said}");
    stage.0.write("motet.lock", lock);
    let said = stage.ends(0, &[&run[..], &["two"]].concat()) + &stage.ends(0, &fork);
    assert!(!said.contains("locked"), "{said}");
}

#[test]
fn what_nothing_uses_any_more_is_told_and_removed_and_other_pipelines_stay_locked() {
    let project = locked();
    for name in ["other.yaml", "old.yaml"] {
        project.write(name, "motet: 1\nsteps: { x: { uses: data/transform, with: { value: 1 } } }\n");
        project.good(&["lock", name]);
    }
    std::fs::remove_file(project.path().join("old.yaml")).unwrap();
    project.write(
        "film.yaml",
        FILM.replace("local/scene, with: { prompt: sea }", "flow/sleep, with: { duration: 1s }"),
    );
    let json = String::from_utf8(project.run(&["check", "film.yaml", "--json"]).stdout).unwrap();
    let records = json.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let told: Vec<String> = records
        .filter(|record| record["file"].as_str().unwrap().ends_with("motet.lock"))
        .map(|record| {
            assert_eq!(record["level"], "warning");
            let lock = lock_of(&project);
            let line = lock.lines().nth(record["line"].as_u64().unwrap() as usize - 1).unwrap();
            format!("{}: {} ({line})", record["code"].as_str().unwrap(), record["message"].as_str().unwrap())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n") + "\n" + &project.good(&["lock", "film.yaml", "--update"]));
    let lock = lock_of(&project);
    assert!(!lock.contains("local/scene") && !lock.contains("old.yaml"), "{lock}");
    assert!(lock.contains("[pipelines.\"other.yaml\".\"data/transform\"]"), "{lock}");
}

#[test]
fn a_lock_file_lies_beside_its_pipeline_and_one_that_cannot_be_read_stops_everything_and_stays() {
    let project = Project::with(
        "films/film.yaml",
        "motet: 1\nsteps: { x: { uses: data/transform, with: { value: 1 } } }\n",
    );
    project.good(&["lock", "films/film.yaml"]);
    let path = project.path().join("films/motet.lock");
    let lock = std::fs::read_to_string(&path).unwrap();
    let mut text = String::new();
    let broken = lock.replace("contract = 1", "<<<<<<< HEAD");
    for content in [broken, lock.replace("motet_lock = 1", "motet_lock = 2"), "{}".to_owned()] {
        project.write("films/motet.lock", &content);
        for command in [&["check"][..], &["plan"], &["run"], &["lock", "--update"]] {
            let (name, flags) = command.split_first().unwrap();
            let arguments: Vec<&str> = [*name, "films/film.yaml"].iter().chain(flags).copied().collect();
            let told = project.transcript(&arguments);
            assert!(told.contains("--- exit 2"), "{told}");
            if *name == "check" {
                text += &told;
            } else {
                let body = |told: &str| told.split_once('\n').map(|(_, body)| body.to_owned());
                assert_eq!(body(&told), body(&project.transcript(&["check", "films/film.yaml"])));
            }
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content, "it is left as it is");
    }
    assert!(!project.path().join(".motet").exists(), "nothing ran");
    assert_transcript!(project, text);
}
