//! Runs that undo what they did, and what always runs at their end.

use serde_json::Value as Json;

use crate::project::{Project, asleep, kill};
use crate::simulated::Stage;

/// A room that is drawn, and crossed out again; a payment that fails when it is told to; and a notice.
const TRIP: &str = r#"
motet: 1
name: trip
on_failure: undo
inputs: { pay: { type: boolean, default: false } }
steps:
  room:
    uses: local/scene
    with: { prompt: a room, width: 64, height: 64 }
    undo: { uses: local/scene, with: { prompt: "no room: {{ output.image.digest }}", width: 64, height: 64 } }
  pay: { needs: [room], if: "{{ not inputs.pay }}", uses: flow/fail, with: { message: no money, class: content } }
  notice: { always: true, uses: data/transform, with: { value: "{{ run.status }}" } }
outputs: { room: "{{ steps.room.image }}" }
"#;

#[test]
fn a_failed_run_is_undone_and_says_so_and_has_nothing_left_to_undo() {
    let stage = Stage::with("trip.yaml", TRIP);
    let said = stage.ends(1, &["run", "trip.yaml", "--id", "trip"]);
    assert!(
        said.contains("failed") && said.contains("no money") && said.contains("undone: 1 step"),
        "{said}"
    );
    let shown = stage.json(&["show", "trip", "--json"]);
    assert_eq!((&shown["undone"], &shown["stuck"]), (&Json::from(1), &Json::from(0)), "{shown}");
    assert_eq!(shown["steps"]["room/undo"]["status"], "completed");
    assert_eq!(shown["steps"]["notice"]["status"], "completed");
    let refused = stage.ends(2, &["undo", "trip"]);
    assert!(refused.contains("was undone already, when it ended"), "{refused}");
}

#[test]
fn a_run_that_completed_is_undone_by_a_run_of_its_own_once() {
    let stage = Stage::with("trip.yaml", TRIP);
    stage.ends(0, &["run", "trip.yaml", "--id", "trip", "--input", "pay=true"]);
    let said = stage.ends(0, &["undo", "trip"]);
    assert!(said.contains("undone: 1 step"), "{said}");
    assert!(!said.contains("notice"), "what always runs did so already: {said}");
    let shown = stage.json(&["show", "trip-undo", "--json"]);
    assert_eq!((&shown["status"], &shown["undone"]), (&Json::from("completed"), &Json::from(1)), "{shown}");
    let refused = stage.ends(2, &["undo", "trip"]);
    assert!(refused.contains("was undone already, by run trip-undo"), "{refused}");
    let refused = stage.ends(2, &["retry", "trip-undo"]);
    assert!(refused.contains("does nothing but undo run trip"), "{refused}");
    let output = stage.run(&["retry", "trip", "--from", "pay", "--json"]);
    let events = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && !events.contains("\"reused\""),
        "what is undone is made again: {events}"
    );
}

#[test]
fn an_unfinished_run_is_not_undone_and_a_run_without_an_undo_neither() {
    let stage = Stage::with(
        "nap.yaml",
        "motet: 1\nname: nap\nsteps: { nap: { uses: flow/sleep, with: { duration: 0s } } }\n",
    );
    stage.ends(0, &["run", "nap.yaml", "--id", "nap"]);
    let refused = stage.ends(2, &["undo", "nap"]);
    assert!(refused.contains("nothing to undo in run nap"), "{refused}");
}

/// What undoes the room takes its time.
fn slow() -> String {
    TRIP.replace(
        "undo: { uses: local/scene, with: { prompt: \"no room: {{ output.image.digest }}\", width: 64, height: 64 } }",
        "undo: { uses: flow/sleep, with: { duration: 3s } }",
    )
}

#[test]
fn a_run_that_is_killed_while_it_is_undone_is_undone_when_it_is_resumed() {
    let project = Project::with("trip.yaml", slow());
    kill(asleep(project.command(&["run", "trip.yaml", "--id", "trip"])));
    let output = project.run(&["resume", "trip"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("undone: 1 step") && said.contains("notice"), "{said}");
}

#[test]
fn a_stuck_undo_parks_the_run_until_somebody_decides() {
    let text = slow().replace(
        "uses: flow/sleep, with: { duration: 3s } }",
        "uses: flow/fail, with: { message: the hotel is closed, class: invalid } }",
    );
    let stage = Stage::with("trip.yaml", &text);
    let said = stage.ends(4, &["run", "trip.yaml", "--id", "trip"]);
    assert!(said.contains("room/undo  invalid: the hotel is closed"), "{said}");
    assert!(said.contains("motet resolve trip room/undo send|fail"), "{said}");
    let said = stage.ends(1, &["resolve", "trip", "room/undo", "fail"]);
    assert!(said.contains("undone: 0 steps, 1 could not be"), "{said}");
}
