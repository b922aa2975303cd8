//! Folders that are no store, and stores in which links lie: nothing that isn't Motet's is touched.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use motet::language::Digest;

use crate::assert_transcript;
use crate::project::Project;

const ONE: &str = "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: 1 } }\n";

/// All that lies in a folder: the mode of each name, and what it holds. Links are not followed.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (u32, String)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let held = match metadata.file_type() {
            kind if kind.is_file() => Digest::of(&fs::read(&path).unwrap()).to_string(),
            kind if kind.is_symlink() => fs::read_link(&path).unwrap().display().to_string(),
            _ => String::new(),
        };
        if metadata.is_dir() {
            found.extend(contents(&path));
        }
        found.insert(path, (metadata.permissions().mode(), held));
    }
    found
}

#[test]
fn a_folder_of_others_is_refused_and_nothing_in_it_is_changed() {
    let project = Project::with("q.yaml", ONE);
    project.write("scratch/notes/monday.txt", "milk");
    project.write("artifacts/incoming-photos", "a photo");
    project.write("owner.lock", "this is a lock of another program");
    let before = contents(project.path());
    let mut text = project.transcript(&["run", "q.yaml", "--store", "."]);
    for command in
        [&["runs", "--store", "."][..], &["resume", "--store", "."], &["cancel", "x", "--store", "."]]
    {
        text += &project.transcript(command);
    }
    assert_eq!(contents(project.path()), before);
    assert_transcript!(project, text);
}

#[test]
fn a_folder_with_a_scratch_folder_alone_is_refused() {
    let project = Project::with("q.yaml", ONE);
    project.write("mine/scratch/notes/monday.txt", "milk");
    let before = contents(&project.path().join("mine"));
    let output = project.run(&["run", "q.yaml", "--store", "mine"]);
    assert_eq!(output.status.code(), Some(6));
    assert_eq!(contents(&project.path().join("mine")), before);
}

#[test]
fn a_cloned_project_whose_store_is_a_link_out_of_it_is_refused_unless_the_place_is_named() {
    for (settings, link, store) in
        [("", ".motet", ".motet"), ("store = 'kept/store'\n", "kept", "kept/store")]
    {
        let project = Project::with("q.yaml", ONE);
        project.write("motet.toml", settings);
        let elsewhere = project.state().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, project.path().join(link)).unwrap();
        for command in [&["run", "q.yaml"][..], &["resume"], &["runs"], &["doctor"]] {
            let told = project.transcript(command);
            assert!(told.ends_with("--- exit 2\n") && told.contains("outside of the project"), "{told}");
        }
        assert_eq!(contents(&elsewhere), BTreeMap::new());

        project.good(&["run", "q.yaml", "--store", store]);
        assert_ne!(contents(&elsewhere), BTreeMap::new());
        let output = project.command(&["runs"]).env("MOTET_STORE", store).output().unwrap();
        assert!(output.status.success());
    }
}

#[test]
fn a_store_with_a_link_under_any_of_its_names_is_refused_and_the_target_stays_as_it_is() {
    let names = [
        "motet.db",
        "motet.db-wal",
        "motet.db-shm",
        "motet.db-journal",
        "owner.lock",
        "mark",
        "control.sock",
        "artifacts",
        "scratch",
        "children",
        "sim",
    ];
    for name in names {
        let project = Project::with("q.yaml", ONE);
        project.good(&["run", "q.yaml"]);
        let victim = project.path().join("victim");
        let is_folder = matches!(name, "artifacts" | "scratch" | "children" | "sim");
        if is_folder {
            project.write("victim/0123456789abcdef0123456789abcdef/notes.txt", "milk");
            project.write("victim/incoming-photos", "a photo");
        } else {
            project.write("victim", "a letter");
        }
        let link = project.path().join(".motet").join(name);
        let _ = fs::remove_file(&link);
        let _ = fs::remove_dir_all(&link);
        symlink(&victim, &link).unwrap();
        let before = contents(project.path());
        let told = project.transcript(&["run", "q.yaml"]);
        assert!(told.ends_with("--- exit 6\n"), "{name}: {told}");
        assert_eq!(contents(project.path()), before, "{name}");
        if name == "owner.lock" {
            assert_transcript!(project, told);
        }
    }
}

#[test]
fn processes_that_make_the_store_at_once_all_end_well() {
    let project = Project::with("q.yaml", ONE);
    let run = || {
        let mut command = project.command(&["run", "q.yaml", "--new"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<Child> = (0..5).map(|_| run()).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(project.good(&["runs", "--status", "completed", "--json"]).lines().count(), 5);
}

#[test]
fn a_store_that_somebody_else_made_is_driven_once_it_is_adopted() {
    let project = Project::with(
        "waiting.yaml",
        "motet: 1\nname: waiting\nsteps:\n  nap: { uses: flow/sleep, with: { duration: 1ms } }\n",
    );
    project.good(&["run", "waiting.yaml", "--id", "first"]);
    let database = project.path().join(".motet/motet.db");
    let others = || {
        let connection = rusqlite::Connection::open(&database).unwrap();
        let changed =
            connection.execute("UPDATE maker SET user = 12345678, machine = zeroblob(32)", []).unwrap();
        assert_eq!(changed, 1);
    };
    others();
    project.good(&["runs"]);
    project.good(&["show", "first"]);
    project.good(&["doctor"]);
    let lock = fs::read(project.path().join(".motet/owner.lock")).unwrap();
    let mut text = project.transcript(&["run", "waiting.yaml"]) + &project.transcript(&["resume"]);
    assert_eq!(
        fs::read(project.path().join(".motet/owner.lock")).unwrap(),
        lock,
        "who refuses leaves no word"
    );
    text += &project.transcript(&["resume", "--adopt"]);
    text += &project.transcript(&["resume"]);
    assert_transcript!(project, text);

    others();
    project.good(&["run", "waiting.yaml", "--new", "--adopt"]);
    project.good(&["run", "waiting.yaml", "--new"]);
}

/// The commands that a text names to be typed next.
fn commands_in(text: &str) -> Vec<String> {
    let is_one = |words: &&str| words.trim_start().starts_with("motet ");
    text.lines()
        .flat_map(|line| line.split(" · "))
        .filter(is_one)
        .map(|words| words.trim().to_owned())
        .collect()
}

#[test]
fn every_command_that_is_printed_names_the_store_that_was_named() {
    let project = Project::with("q.yaml", ONE);
    project.write("other/q.yaml", ONE);
    project.write("other/motet.toml", "");
    let mut told = Vec::new();
    for arguments in
        [&["run", "q.yaml", "--store", "my runs"][..], &["run", "other/q.yaml"], &["run", "q.yaml"]]
    {
        let output = project.run(arguments);
        let printed = commands_in(&String::from_utf8_lossy(&output.stderr));
        assert!(!printed.is_empty(), "{arguments:?}: {output:?}");
        for command in printed {
            let binary = project.command(&[]).get_program().to_owned();
            let script = format!("motet() {{ \"$BINARY\" \"$@\"; }}; {command}");
            let shown =
                project.command_of("sh").args(["-c", &script]).env("BINARY", &binary).output().unwrap();
            let text = String::from_utf8_lossy(&shown.stdout) + String::from_utf8_lossy(&shown.stderr);
            assert!(shown.status.success(), "{command}: {text}");
            for next in commands_in(&text) {
                let script = format!("motet() {{ \"$BINARY\" \"$@\"; }}; {next}");
                let ended = project.command_of("sh").args(["-c", &script]).env("BINARY", &binary).status();
                assert!(ended.unwrap().success(), "{next}");
            }
            told.push(command.split_once(" --store").map_or(String::new(), |(_, place)| place.to_owned()));
        }
    }
    assert_eq!(told, [" 'my runs'", " other/.motet", ""]);
}

#[test]
fn what_is_no_folder_is_told_in_the_same_words_by_every_command() {
    let project = Project::with("q.yaml", ONE);
    project.write("file", "a letter");
    assert!(project.command_of("mkfifo").arg("pipe").status().unwrap().success());
    symlink("nowhere", project.path().join("dangling")).unwrap();
    let before = contents(project.path());
    let mut all = String::new();
    for store in ["file", "pipe", "/dev/null", "dangling", "file/inner"] {
        let mut words = Vec::new();
        for command in [
            &["runs"][..],
            &["show", "x"],
            &["resume"],
            &["run", "q.yaml"],
            &["store", "backup", "copy"],
            &["artifacts", "x"],
            &["cancel", "x"],
        ] {
            let output = project.run(&[command, &["--store", store]].concat());
            assert_eq!(output.status.code(), Some(6), "{command:?} {output:?}");
            words.push(String::from_utf8(output.stderr).unwrap());
        }
        let told = words[0].clone();
        assert!(words.iter().all(|words| *words == told), "{words:#?}");
        let doctor = project.run(&["doctor", "--store", store]);
        let doctor = String::from_utf8(doctor.stdout).unwrap();
        let first = told.lines().next().unwrap().strip_prefix("error: ").unwrap();
        assert!(doctor.contains(&format!("✗ store      {first}")), "{doctor}");
        all += &told;
    }
    assert_eq!(contents(project.path()), before);
    assert_transcript!(project, all);
}
