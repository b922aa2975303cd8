//! A call whose outcome is unknown while its provider is asked about it: what is said of it, and who decides.

use serde_json::Value as Json;

use crate::project::{Project, Running, kill};
use crate::simulator::Simulator;

const STILL: &str = r#"
motet: 1
name: film
steps:
  still: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: "a sea" }, timeout: { request: 10m } }
outputs: { still: "{{ steps.still.image }}" }
"#;

/// The first request is processed and gets no reply, and the provider's list can't be read.
const FAULTS: &str = "[{ fault: reply_lost, first: 1 }, { fault: error_before, on: list, status: 503 }]";

struct Stage {
    project: Project,
    sim: Simulator,
}

impl Stage {
    fn new() -> Stage {
        let project = Project::with("film.yaml", STILL);
        let sim = Simulator::begin(&project, FAULTS);
        Stage { project, sim }
    }

    /// Starts the run, and waits until it looks for its call.
    fn looks(&self) -> Running {
        let sim = format!("--sim={}", self.sim.url());
        self.begin(&["run", "film.yaml", "--id", "film", &sim])
    }

    fn begin(&self, arguments: &[&str]) -> Running {
        let mut command = self.project.command(arguments);
        command.env("MOTET_STORE", ".motet/sim");
        Running::until(command, "outcome unknown")
    }

    /// Runs `motet` to its end; what it said to anybody.
    fn says(&self, code: i32, arguments: &[&str]) -> String {
        let mut command = self.project.command(arguments);
        let output = command.env("MOTET_STORE", ".motet/sim").output().expect("the binary can be started");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("it is UTF-8");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    fn sent(&self) -> usize {
        self.sim.ledger().len()
    }

    fn job(&self) -> String {
        self.sim.ledger()[0]["job"].as_str().expect("it has a job").to_owned()
    }
}

/// What happened, what is done now and what a person may do, in the same words on each screen.
#[test]
fn a_call_that_is_looked_for_is_told_in_the_same_words_everywhere() {
    let stage = Stage::new();
    let looking = stage.looks();
    let decide = "motet resolve film still send|fail|job=ID";
    let happened = "no reply to a request that may be billed (";
    let at = looking.told.find("outcome unknown: ").expect("it waited for that");
    assert!(looking.told[at..].contains(happened), "{}", looking.told);
    assert!(looking.told[at..].contains("looking for the request at replicate until "), "{}", looking.told);
    assert!(looking.told[at..].contains(&format!("to decide now: {decide}")), "{}", looking.told);

    let shown = stage.says(0, &["show", "film"]);
    for words in [happened, "outcome unknown: looking for the request at replicate until ", decide] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("motet resume"), "a process drives it: {shown}");
    let step = stage.says(0, &["show", "film", "--step", "still"]);
    assert!(step.contains(happened) && step.contains(decide), "{step}");
    let step: Json =
        serde_json::from_str(&stage.says(0, &["show", "film", "--step", "still", "--json"])).unwrap();
    assert!(step["attempts"][0]["search"]["until"].is_string(), "{step}");
    let listed = stage.says(0, &["runs"]);
    assert!(listed.contains(&format!("outcome unknown: {decide}")), "{listed}");
    let listed: Json = serde_json::from_str(&stage.says(0, &["runs", "--json"])).unwrap();
    assert_eq!(listed["outcome_unknown"], serde_json::json!(["still"]));

    // Killed, nobody looks for it; whoever resumes it looks for as long again.
    kill(looking.child);
    let shown = stage.says(0, &["show", "film"]);
    for words in ["interrupted", "no process looks for the request now", "motet resume film", decide] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let resumed = stage.begin(&["resume", "film"]);
    assert!(resumed.told.contains(happened) && resumed.told.contains(decide), "{}", resumed.told);
    let shown = stage.says(0, &["show", "film"]);
    assert!(
        shown.contains("looking for the request at replicate until ") && shown.contains(decide),
        "{shown}"
    );
    kill(resumed.child);
}

#[test]
fn a_person_who_knows_the_job_ends_the_search_of_another_process_and_nothing_is_sent_again() {
    let stage = Stage::new();
    let looking = stage.looks();
    let said = stage.says(0, &["resolve", "film", "still", &format!("job={}", stage.job())]);
    assert!(said.contains("completed"), "{said}");
    let (code, told) = looking.end();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("decided by tester"), "{told}");
    assert_eq!(stage.sent(), 1);
}

#[test]
fn a_person_has_a_call_sent_again_while_another_process_looks_for_it() {
    let stage = Stage::new();
    let looking = stage.looks();
    stage.says(0, &["resolve", "film", "still", "send"]);
    let (code, told) = looking.end();
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(stage.sent(), 2);
    // The first one may be billed, and is counted so.
    let billed = told.lines().find(|line| line.contains("may still be billed: still")).expect("it is told");
    assert!(told.contains("$0.006"), "{told}");
    // Afterwards each screen says so still, as the end of the run did.
    let shown = stage.says(0, &["show", "film"]);
    assert!(shown.contains(billed), "{billed}: {shown}");
    let shown: Json = serde_json::from_str(&stage.says(0, &["show", "film", "--json"])).unwrap();
    let expected = serde_json::json!({ "step": "still", "attempt": 1, "amount": "0.003", "job": null });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(shown["may_bill"][0][name], *value, "{shown}");
    }
    assert_eq!(shown["may_bill"].as_array().map(Vec::len), Some(1), "{shown}");
    // There is nothing to decide any more.
    let refused = stage.says(2, &["resolve", "film", "still", "send"]);
    assert!(refused.contains("is completed"), "{refused}");
}

#[test]
fn a_person_decides_where_no_process_looks_any_more() {
    let stage = Stage::new();
    kill(stage.looks().child);
    let said = stage.says(1, &["resolve", "film", "still", "fail"]);
    assert!(said.contains("marked as failed by tester"), "{said}");
    assert_eq!(stage.sent(), 1);
}

/// Nobody can say whether a request for music arrived, so its step is parked: whoever takes the run up looks for nothing.
#[test]
fn a_parked_call_is_looked_for_by_nobody() {
    let song = "motet: 1\nname: song\nsteps:\n  \
                song: { uses: elevenlabs/music_v1, with: { prompt: \"a shanty\", duration: 60 } }\n";
    let project = Project::with("film.yaml", song);
    let sim = Simulator::begin(&project, "[{ fault: reply_lost, first: 1 }]");
    let stage = Stage { project, sim };
    let url = format!("--sim={}", stage.sim.url());
    let told = stage.says(4, &["run", "film.yaml", "--id", "song", &url, "--yes"]);
    assert!(told.contains("outcome unknown: no reply to a request that may be billed ("), "{told}");
    // It is answered at once, so there is no job that somebody could name.
    let shown = stage.says(0, &["show", "song"]) + &stage.says(0, &["runs"]);
    assert_eq!(shown.matches("motet resolve song song send|fail").count(), 2, "{shown}");
    assert!(!(told + &shown).contains("job=ID"), "{shown}");
    let asked = stage.sim.lines("/_sim/requests").len();
    let told = stage.says(2, &["resolve", "song", "song", "job=j1"]);
    assert!(
        told.contains("`song` of run song can't be given a job: elevenlabs/music_v1 has no jobs"),
        "{told}"
    );
    assert!(
        told.contains("motet resolve song song send") && told.contains("motet resolve song song fail"),
        "{told}"
    );
    assert_eq!(stage.sim.lines("/_sim/requests").len(), asked, "the provider is asked nothing");
    // Of another step, the one is named that waits.
    let told = stage.says(2, &["resolve", "song", "chorus", "send"]);
    assert!(told.contains("`chorus` of run song is not there"), "{told}");
    assert!(told.contains("motet resolve song song send|fail"), "{told}");
    let told = stage.says(1, &["resolve", "song", "song", "fail"]);
    assert!(told.contains("song is parked") && !told.contains("looking for"), "{told}");
    let shown = stage.says(0, &["show", "song"]);
    assert!(!shown.contains("outcome unknown"), "{shown}");
}
