//! `store/*`: files that other programs read.

use crate::assert_transcript;
use crate::project::{Project, asleep, kill};

fn story(steps: &str) -> String {
    format!("motet: 1\nname: story\ninputs: {{ name: {{ type: string, default: a.txt }} }}\nsteps:\n{steps}")
}

fn put(options: &str) -> String {
    story(&format!(
        "  put: {{ uses: store/put, with: {{ store: films, name: \"{{{{ inputs.name }}}}\", text: one{options} }} }}\n"
    ))
}

#[test]
fn what_cannot_be_put_is_refused_in_words() {
    let project = Project::new();
    project.write("put.yaml", put(""));
    project.write("fail.yaml", put(", if_exists: fail"));
    project.write("misspelt.yaml", put("").replace("store: films", "store: flims"));
    project.write("up.yaml", put("").replace("\"{{ inputs.name }}\"", "../a.txt"));
    project.write("get.yaml", story("  get: { uses: store/get, with: { store: films, name: none.png } }\n"));
    project.write("delete.yaml", story("  delete: { uses: store/delete, with: { store: films, name: none } }\noutputs: { deleted: \"{{ steps.delete.deleted }}\" }\n"));
    let mut told = project.transcript(&["check", "put.yaml"]);
    project.write("motet.toml", "[stores.films]\npath = \"shared\"\n");
    project.write("shared/b.txt", "of somebody else");
    let commands = [
        &["check", "misspelt.yaml", "up.yaml"] as &[&str],
        &["run", "put.yaml", "--input", "name=../a.txt", "--id", "up"],
        &["run", "put.yaml", "--input", "name=", "--id", "none"],
        &["run", "fail.yaml", "--input", "name=b.txt", "--id", "there"],
        &["run", "get.yaml", "--id", "get"],
        &["run", "delete.yaml", "--id", "delete"],
    ];
    told += &commands.iter().map(|words| project.transcript(words)).collect::<String>();
    for setting in
        ["[stores.films]", "[stores.films]\npth = 'x'", "stores = 'x'", "[stores.'a/b']\npath = 'x'"]
    {
        project.write("motet.toml", setting);
        told += &project.transcript(&["plan", "put.yaml"]);
    }
    assert_transcript!(project, told);
    assert_eq!(std::fs::read_to_string(project.path().join("shared/b.txt")).unwrap(), "of somebody else");
    assert!(!project.path().join("a.txt").exists());
}

#[test]
fn a_file_that_is_not_the_one_meant_stays_and_nothing_is_put_for_what_is_not_there() {
    let project = Project::with(
        "delete.yaml",
        story(
            "  delete: { uses: store/delete, with: { store: films, name: a.txt, digest: \"{{ inputs.name }}\" } }\n",
        ),
    );
    project.write("motet.toml", "[stores.films]\npath = \"shared\"\n");
    project.write("shared/a.txt", "of somebody else");
    let mut told = project.transcript(&["run", "delete.yaml", "--id", "delete"]);
    project.write("put.yaml", put("").replace("text: one", "text: \"{{ steps.off.value }}\"") + OFF);
    told += &project.transcript(&["run", "put.yaml", "--id", "put"]);
    assert_transcript!(project, told);
    assert_eq!(std::fs::read_to_string(project.path().join("shared/a.txt")).unwrap(), "of somebody else");
}

/// A step that is skipped.
const OFF: &str = "  off: { if: \"{{ inputs.name == '' }}\", uses: data/transform, with: { value: one } }\n";

#[test]
fn a_store_outside_of_the_project_waits_for_a_persons_word() {
    let outside = tempfile::tempdir().unwrap();
    let project = Project::with("put.yaml", put(""));
    project.write("motet.toml", format!("[stores.films]\npath = \"{}\"\n", outside.path().display()));
    project.good(&["check", "put.yaml"]);
    let refused = project.run(&["run", "put.yaml"]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(
        refused.status.code() == Some(2) && told.contains("lets pipelines write, read and delete files"),
        "{told}"
    );
    assert!(!outside.path().join("a.txt").exists());
    project.good(&["trust", "--yes"]);
    project.good(&["run", "put.yaml"]);
    assert_eq!(std::fs::read_to_string(outside.path().join("a.txt")).unwrap(), "one");
}

#[test]
fn a_put_is_done_once_though_the_process_is_killed_after_it() {
    let project = Project::with(
        "put.yaml",
        put(", if_exists: fail") + "  nap: { uses: flow/sleep, with: { duration: 1h }, needs: [put] }\n",
    );
    project.write("motet.toml", "[stores.films]\npath = \"shared\"\n");
    kill(asleep(project.command(&["run", "put.yaml", "--id", "first"])));
    let file = project.path().join("shared/a.txt");
    let made = std::fs::metadata(&file).unwrap().modified().unwrap();
    // As if it had been killed before the put was recorded: another run does the same.
    let again = project.command(&["run", "put.yaml", "--id", "second"]);
    kill(asleep(again));
    assert_eq!(
        std::fs::metadata(&file).unwrap().modified().unwrap(),
        made,
        "the same bytes are not written again"
    );
    let names: Vec<_> = std::fs::read_dir(project.path().join("shared")).unwrap().collect();
    assert_eq!(names.len(), 1);
}
