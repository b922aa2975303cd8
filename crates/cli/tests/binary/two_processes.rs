//! Several processes in one project: one drives the store, the others are its guests.

use crate::assert_transcript;
use crate::project::{Project, Running, kill};

/// A pipeline that naps for `nap` and then gives a text.
fn napping(nap: &str) -> String {
    format!(
        "motet: 1\nname: napping\nsteps:\n  nap: {{ uses: flow/sleep, with: {{ duration: {nap} }} }}\n  \
         last: {{ needs: [nap], uses: data/transform, with: {{ value: awake }} }}\noutputs: {{ text: \"{{{{ steps.last.value }}}}\" }}\n"
    )
}

/// Starts a run, and waits until its step sleeps.
fn asleep(project: &Project, file: &str, id: &str) -> Running {
    Running::asleep(project.command(&["run", file, "--id", id]))
}

#[test]
fn two_runs_at_once_both_end_well() {
    let project = Project::with("short.yaml", napping("300ms"));
    let first = asleep(&project, "short.yaml", "first");
    let second = asleep(&project, "short.yaml", "second");
    for (code, told) in [first.end(), second.end()] {
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("✓ completed"), "{told}");
    }
    assert_eq!(project.good(&["runs", "--status", "completed", "--json"]).lines().count(), 2);
}

#[test]
fn when_the_owner_is_killed_its_guest_goes_on_and_so_does_its_own_run() {
    let project = Project::with("long.yaml", napping("1h"));
    project.write("short.yaml", napping("1s"));
    let owner = asleep(&project, "long.yaml", "long");
    let guest = asleep(&project, "short.yaml", "short");
    kill(owner.child);
    let (code, told) = guest.end();
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(told.matches("✓ last").count(), 1, "nothing is done twice: {told}");
    assert!(project.good(&["runs", "--status", "running"]).contains("long"), "the other run can be resumed");
}

#[test]
fn a_run_is_looked_at_and_cancelled_from_another_terminal() {
    let project = Project::with("long.yaml", napping("1h"));
    let owner = asleep(&project, "long.yaml", "long");
    assert!(project.good(&["show", "long"]).contains("● nap"));
    project.good(&["cancel", "long", "--reason", "no time"]);
    let (code, told) = owner.end();
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("cancelled after") && told.contains("no time"), "{told}");
}

/// A nap that the film can do without, and two shots of which one is enough.
const FILM: &str = r#"
motet: 1
name: film
steps:
  nap: { uses: flow/sleep, with: { duration: 7d }, optional: true }
  told: { uses: data/transform, with: { value: "{{ steps.nap.status }}" } }
  shots:
    each: [sea, wood]
    key: "{{ item }}"
    quorum: 1
    early: true
    steps:
      wait: { uses: flow/sleep, with: { duration: "{{ '7d' if item == 'sea' else '3s' }}" } }
outputs: { told: "{{ steps.told.value }}", shots: "{{ steps.shots.keys }}" }
"#;

#[test]
fn steps_and_items_are_cancelled_from_another_terminal_and_the_run_goes_on_without_them() {
    let project = Project::with("film.yaml", FILM);
    let owner = asleep(&project, "film.yaml", "film");
    let told = project.transcript(&["cancel", "film", "nap", "--reason", "not today"])
        + &project.transcript(&["cancel", "film", "nap"])
        + &project.transcript(&["cancel", "film", "shots[sea]/wait"])
        + &project.transcript(&["cancel", "film", "told"])
        + &project.transcript(&["cancel", "film", "shots[moon]"])
        + &project.transcript(&["cancel", "film", "nobody"]);
    let (code, end) = owner.end();
    assert_eq!(code, Some(0), "{end}");
    assert!(end.contains("degraded"), "{end}");
    let told = told + &project.transcript(&["cancel", "film", "nap"]);
    assert_transcript!(project, told);
}

#[test]
fn a_step_that_a_run_cannot_do_without_is_cancelled_where_nobody_drives_it_and_the_run_ends() {
    let project = Project::with("long.yaml", napping("1h"));
    kill(asleep(&project, "long.yaml", "long").child);
    let told = project.transcript(&["cancel", "long", "nap", "--reason", "it takes too long"]);
    assert_transcript!(project, told);
}
