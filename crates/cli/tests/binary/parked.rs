//! A run that waits for a person's decision.

use crate::assert_transcript;
use crate::project::Project;

const STORY: &str = r#"
motet: 1
name: mail
steps:
  write: { uses: data/transform, with: { value: a letter } }
  send: { uses: flow/fail, with: { message: "no reply from the post", class: unknown }, on_unknown: park, needs: write }
outputs: { letter: "{{ steps.write.value }}" }
"#;

#[test]
fn a_parked_run_is_shown_listed_and_decided() {
    let project = Project::with("mail.yaml", STORY);
    let text = project.transcript(&["run", "mail.yaml", "--id", "first"])
        + &project.transcript(&["runs"])
        + &project.transcript(&["show", "first"])
        // Nothing is done before somebody decides.
        + &project.transcript(&["run", "mail.yaml", "--id", "first"])
        + &project.transcript(&["resume"])
        + &project.transcript(&["resolve", "first", "write", "send"])
        + &project.transcript(&["resolve", "first", "send", "perhaps"])
        + &project.transcript(&["resolve", "first", "send", "send"])
        + &project.transcript(&["resolve", "first", "send", "fail"])
        + &project.transcript(&["resolve", "first", "send", "fail"]);
    assert_transcript!(project, text);
}

#[test]
fn a_parked_run_can_be_called_off_and_told_as_json() {
    let project = Project::with("mail.yaml", STORY);
    let text = project.transcript(&["run", "mail.yaml", "--id", "first", "--json"])
        + &project.transcript(&["runs", "--json"])
        + &project.transcript(&["cancel", "first"])
        + &project.transcript(&["runs"]);
    assert_transcript!(project, text);
}
