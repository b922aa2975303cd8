//! Stores that older versions left half-way through a film, killed with `kill -9`: they are brought
//! forward, and the film is ended without making again what was done.
//!
//! `tests/fixtures/half-film-v1` was written by the last version whose store had format 1, and so on. Each
//! has the database with its log, as the process left them, and the artifacts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use motet::Value;
use motet::language::Digest;
use motet::language::bundle::Bundle;
use serde_json::{Value as Json, json};

use crate::assert_transcript;
use crate::project::{Project, asleep, kill};

fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/half-film-v{format}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => _ = fs::copy(entry.path(), to.join(entry.file_name())).unwrap(),
        }
    }
}

/// The events of the only run, as its journal tells them.
fn journal(project: &Project) -> Vec<Json> {
    let runs = project.good(&["runs", "--json"]);
    let run: Json = serde_json::from_str(runs.lines().next().expect("there is one run")).unwrap();
    let journal = project.good(&["show", run["run"].as_str().unwrap(), "--journal", "--json"]);
    journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How often each step and item was completed.
fn completed(journal: &[Json]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for event in journal.iter().filter(|event| event["event"] == "step.completed") {
        *counts.entry(event["step"].as_str().unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn a_film_that_an_older_version_left_half_way_is_ended_and_nothing_is_made_again() {
    for format in [1, 2] {
        let project = Project::new();
        copy(&fixture(format).join("store"), &project.path().join(".motet"));
        fs::copy(fixture(format).join("film.yaml"), project.path().join("film.yaml")).unwrap();

        let before = journal(&project);
        let done = completed(&before);
        assert!((5..10).contains(&done.len()), "format {format}: half of the film: {done:?}");

        let told = project.good(&["run", "film.yaml", "--json"]);
        assert!(told.lines().next().unwrap().contains("run.found"), "format {format}: {told}");
        let after = journal(&project);
        assert_eq!(after[..before.len()], before[..], "format {format}: what was recorded stays");
        assert!(completed(&after).values().all(|count| *count == 1), "format {format}");
        let made_again = after[before.len()..].iter().filter(|event| event["event"] == "step.started");
        let made_again: Vec<_> =
            made_again.filter(|event| done.contains_key(event["step"].as_str().unwrap())).collect();
        assert!(made_again.is_empty(), "format {format}: {made_again:?}");

        let film = fs::read_dir(project.path().join("out")).unwrap().next().unwrap().unwrap();
        assert!(film.path().join("video.mp4").metadata().unwrap().len() > 1000, "format {format}");
        project.good(&["doctor"]);
    }
}

/// A store as somebody could make it by hand who wants a run to go on that they never started: it says that it is of this
/// format, and has one unfinished run of `text` by the name of `id`, which follows `plan`.
fn forge(project: &Project, format: u32, id: &str, text: &str, plan: Option<Digest>) {
    let bundle = Bundle::of_text("forged.yaml", text);
    let plan = plan.unwrap_or_else(|| bundle.version().expect("the text is well-formed"));
    let store = project.path().join(".motet");
    if !store.exists() {
        copy(&fixture(format).join("store"), &store);
    }
    let connection = rusqlite::Connection::open(store.join("motet.db")).unwrap();
    let others =
        "DELETE FROM runs WHERE pipeline = 'half-film'; DELETE FROM journal WHERE run = 1; DELETE FROM steps;
                  DELETE FROM artifact_refs; DELETE FROM plans WHERE bundle LIKE '%half-film%';";
    connection.execute_batch(others).unwrap();
    let texts = serde_json::to_string(&bundle).unwrap();
    let values = rusqlite::params![plan.as_bytes().as_slice(), texts];
    connection.execute("INSERT OR IGNORE INTO plans (digest, bundle) VALUES (?1, ?2)", values).unwrap();
    let number =
        connection.query_row("SELECT 2 + count(*) FROM runs", [], |row| row.get::<_, i64>(0)).unwrap();
    let inputs = motet::store::inputs_digest(&Value::map(std::iter::empty::<(String, Value)>()));
    let sql = "INSERT INTO runs (number, id, schema, pipeline, plan, inputs_digest, status, seed, started_at)
               VALUES (?1, ?2, 1, 'forged', ?3, ?4, 'running', 7, 0)";
    let (plan_bytes, inputs) = (plan.as_bytes().as_slice(), inputs.as_bytes().as_slice());
    connection.execute(sql, rusqlite::params![number, id, plan_bytes, inputs]).unwrap();
    let started = json!([{ "run_started": {
        "schema": 1, "run": id, "pipeline": "forged", "plan": plan.to_string(), "inputs": {}, "seed": 7,
    } }]);
    let sql = "INSERT INTO journal (run, number, at, body) VALUES (?1, 1, 0, ?2)";
    connection.execute(sql, rusqlite::params![number, started.to_string()]).unwrap();
}

/// The text of a pipeline with one step that does this.
fn one_step(what: &str) -> String {
    format!("motet: 1\nname: forged\nsteps:\n  a: {{ {what} }}\n")
}

const PUT: &str = "uses: store/put, with: { store: films, name: a.txt, text: one }";

/// A project that lets pipelines write into its folder `shared`.
fn with_films() -> Project {
    Project::with("motet.toml", "[stores.films]\npath = \"shared\"\n")
}

#[test]
fn a_run_of_an_old_store_that_does_what_its_version_could_not_goes_on_once_it_is_adopted() {
    let project = with_films();
    project.write("forged.yaml", one_step(PUT));
    forge(&project, 1, "forged", &one_step(PUT), None);
    let mut text = String::new();
    for words in [
        &["resume"] as &[&str],
        &["resume", "forged"],
        &["run", "forged.yaml"],
        &["resume", "forged", "--budget", "9"],
    ] {
        text += &project.transcript(words);
    }
    project.good(&["doctor", "--rebuild"]);
    text += &project.transcript(&["resume", "forged"]);
    assert!(!project.path().join("shared/a.txt").exists());
    assert_transcript!(project, text);
    project.good(&["resume", "forged", "--adopt"]);
    assert_eq!(fs::read_to_string(project.path().join("shared/a.txt")).unwrap(), "one");
}

#[test]
fn a_guest_adopts_a_run_of_an_old_store_where_somebody_else_drives_it() {
    for words in [
        &["resume", "forged", "--adopt"] as &[&str],
        &["resume", "--adopt"],
        &["run", "forged.yaml", "--adopt"],
        &["resume", "forged", "--budget", "9", "--adopt"],
    ] {
        let project = with_films();
        project.write("forged.yaml", one_step(PUT));
        project.write(
            "nap.yaml",
            "motet: 1\nname: nap\nsteps:\n  nap: { uses: flow/sleep, with: { duration: 1h } }\n",
        );
        forge(&project, 1, "forged", &one_step(PUT), None);
        let owner = asleep(project.command(&["run", "nap.yaml", "--id", "nap"]));
        let refused = project.run(&["resume", "forged"]);
        assert_eq!(refused.status.code(), Some(2), "{words:?}");
        assert!(!project.path().join("shared/a.txt").exists());
        let mut guest = project.command(words).spawn().unwrap();
        // Of all runs it follows the one that sleeps, too.
        let follows_all = words.len() == 2;
        while follows_all && !project.path().join("shared/a.txt").exists() {
            assert!(guest.try_wait().unwrap().is_none(), "{words:?}: it ended");
            std::thread::yield_now();
        }
        if follows_all {
            kill(guest);
        } else {
            assert!(guest.wait().unwrap().success(), "{words:?}");
        }
        assert_eq!(fs::read_to_string(project.path().join("shared/a.txt")).unwrap(), "one", "{words:?}");
        kill(owner);
    }
}

#[test]
fn a_run_of_an_old_store_that_waits_for_adoption_holds_up_no_other() {
    let project = with_films();
    forge(&project, 2, "forged-a", &one_step(PUT), None);
    forge(&project, 2, "forged-b", &one_step("uses: data/transform, with: { value: 1 }"), None);
    assert_eq!(project.run(&["resume"]).status.code(), Some(6));
    assert!(project.good(&["runs", "--status", "completed"]).contains("forged-b"));
    assert!(!project.path().join("shared/a.txt").exists());
}

#[test]
fn whatever_an_old_store_could_not_run_waits_wherever_it_stands_in_a_pipeline() {
    let flux = "uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a boat }";
    let scene = "uses: local/scene, with: { prompt: a boat }";
    let request = "uses: http/request, with: { url: \"https://example.com/\" }";
    let cases = [
        ("replicate/black-forest-labs/flux-schnell", flux.to_owned()),
        ("replicate/black-forest-labs/flux-schnell", format!("steps: {{ b: {{ {flux} }} }}")),
        ("replicate/black-forest-labs/flux-schnell", format!("each: [1, 2], as: n, {flux}")),
        ("replicate/black-forest-labs/flux-schnell", format!("{scene}, fallback: [{{ {flux} }}]")),
        ("http/request", request.to_owned()),
        ("http/request", format!("{scene}, undo: {{ {request} }}")),
        ("http/request", format!("always: true, {request}")),
        ("store/put", PUT.to_owned()),
        ("store/get", "uses: store/get, with: { store: films, name: a.txt }".to_owned()),
        ("store/delete", "uses: store/delete, with: { store: films, name: a.txt }".to_owned()),
    ];
    for format in [1, 2] {
        let project = with_films();
        for (number, (_, step)) in cases.iter().enumerate() {
            forge(&project, format, &format!("forged-{number}"), &one_step(step), None);
        }
        for (number, (operation, step)) in cases.iter().enumerate() {
            let refused = project.run(&["resume", &format!("forged-{number}"), "--json"]);
            let told = String::from_utf8(refused.stdout).unwrap();
            assert_eq!(refused.status.code(), Some(2), "format {format}, {step}: {told}");
            assert!(told.contains(r#""code":"run_not_adopted""#), "format {format}, {step}: {told}");
            assert!(told.contains(&format!("the run uses {operation}, ")), "format {format}, {step}: {told}");
        }
        assert!(!project.path().join("shared").join("a.txt").exists());
    }
}

#[test]
fn what_is_done_over_in_an_old_store_is_judged_as_its_runs_are_and_any_run_can_be_cancelled() {
    let project = with_films();
    forge(&project, 2, "forged", &one_step(PUT), None);
    project.good(&["cancel", "forged"]);
    for words in [&["retry", "forged"], &["fork", "forged"]] {
        let refused = project.run(words);
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(2) && told.contains("the run uses store/put"), "{told}");
    }
    assert!(!project.path().join("shared/a.txt").exists());
    project.good(&["retry", "forged", "--adopt"]);
    assert_eq!(fs::read_to_string(project.path().join("shared/a.txt")).unwrap(), "one");
}

/// Plans were named by their texts. A run that names the plan of a run which is started today would follow that one.
#[test]
fn a_run_of_an_old_store_never_follows_a_plan_that_a_new_run_keeps() {
    let other = with_films();
    other.write("forged.yaml", one_step(PUT));
    other.good(&["run", "forged.yaml"]);
    let connection = rusqlite::Connection::open(other.path().join(".motet/motet.db")).unwrap();
    let plan = connection.query_row("SELECT plan FROM runs", [], |row| row.get::<_, [u8; 32]>(0)).unwrap();

    let project = with_films();
    project.write("forged.yaml", one_step(PUT));
    forge(&project, 1, "forged", &one_step(PUT), Some(Digest::from_bytes(plan)));
    let file = project.path().join("shared/a.txt");
    // The second one finds the plan damaged, and keeps it anew.
    project.good(&["run", "forged.yaml", "--new"]);
    project.good(&["run", "forged.yaml", "--new"]);
    fs::remove_file(&file).unwrap();
    for words in [&["resume", "forged"] as &[&str], &["doctor", "--rebuild"], &["resume", "forged"]] {
        let told = project.transcript(words);
        let is_refused = told.contains("is not of the format of its run");
        assert_eq!(is_refused, words[0] == "resume", "{told}");
    }
    assert!(!file.exists());
}

#[test]
fn a_trigger_that_somebody_put_into_a_store_does_nothing() {
    let project = with_films();
    forge(&project, 1, "forged", &one_step("uses: data/transform, with: { value: 1 }"), None);
    let connection = rusqlite::Connection::open(project.path().join(".motet/motet.db")).unwrap();
    let events = ["INSERT ON journal", "UPDATE ON plans", "UPDATE ON runs", "INSERT ON owner"];
    for (number, event) in events.into_iter().enumerate() {
        let sql =
            format!("CREATE TRIGGER t{number} AFTER {event} BEGIN UPDATE runs SET pipeline = 'hit'; END");
        connection.execute(&sql, []).unwrap();
    }
    project.good(&["resume", "forged"]);
    let of_runs = |column: &str| {
        let sql = format!("SELECT DISTINCT {column} FROM runs");
        connection.query_row(&sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!((of_runs("pipeline"), of_runs("status")), ("forged".to_owned(), "completed".to_owned()));
    connection.execute("UPDATE runs SET user = 'x'", []).unwrap();
    assert_eq!(of_runs("pipeline"), "hit", "they are there");
}

#[test]
fn what_was_spent_in_an_old_store_is_told_before_and_after_it_is_brought_forward_and_when_its_run_is_deleted()
{
    let told_of = |format: u32| {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/fixtures");
        let project = Project::new();
        copy(&fixtures.join(format!("store-v{format}")), &project.path().join(".motet"));
        let by_run = project.transcript(&["costs", "--by", "run"]);
        let mut text = by_run.clone() + &project.transcript(&["costs", "everything", "--by", "step"]);
        text += &project.transcript(&["gc", "everything", "--yes"]);
        assert_eq!(project.transcript(&["costs", "--by", "run"]), by_run, "format {format}");
        (project, text)
    };
    let ((project, first), (_, second)) = (told_of(1), told_of(2));
    assert_eq!(first, second);
    assert_transcript!(project, first);
}
