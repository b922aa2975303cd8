//! A cloned project gets no power by itself: what its settings ask for waits for a person's word.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::assert_transcript;
use crate::project::{Project, stand_in_for_ffmpeg, transcript};
use crate::simulated::{FILM, Stage};

const ONE: &str = "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: 1 } }\n";
const SILENCE: &str =
    "motet: 1\nname: silence\nsteps:\n  quiet: { uses: media/silence, with: { duration: 1 } }\n";

/// A project as it is cloned: nobody has vouched for its settings.
fn cloned(settings: &str) -> Project {
    let project = Project::with("one.yaml", ONE);
    project.write("motet.toml", settings);
    project
}

#[test]
fn a_cloned_project_runs_no_program_of_its_own_until_it_is_trusted() {
    let project = Project::with("silence.yaml", SILENCE);
    let script = project.write("ffmpeg", "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\nexit 1\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    project.write("motet.toml", "[tools]\nffmpeg = \"./ffmpeg\"\n");
    let ran = project.path().join("ran");
    let refused: &[&[&str]] = &[
        &["run", "silence.yaml"],
        &["plan", "silence.yaml"],
        &["resume"],
        &["runs"],
        &["show", "first"],
        &["artifacts", "first"],
        &["cancel", "first"],
        &["doctor"],
    ];
    for arguments in refused {
        let output = project.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", transcript(arguments, &output));
        assert!(!ran.exists() && !project.path().join(".motet").exists(), "{arguments:?}");
    }
    let text = project.transcript(refused[0])
        + &project.transcript(&["check", "silence.yaml"])
        + &project.transcript(&["check", "silence.yaml", "--json"])
        + &project.transcript(&["trust"])
        + &project.transcript(&["trust", "--yes"])
        + &project.transcript(&["trust"]);
    assert!(!ran.exists());
    let text = text + &project.transcript(&["check", "silence.yaml"]);
    project.run(refused[0]);
    assert!(ran.exists(), "once it is trusted, it does what it asks for");
    fs::remove_file(&ran).unwrap();
    project.write("motet.toml", "[tools]\nffmpeg = \"./ffmpeg\"\nffprobe = \"./ffmpeg\"\n");
    let text = text
        + &project.transcript(refused[0])
        + &project.transcript(&["trust", "--list"])
        + &project.transcript(&["trust", "--revoke"])
        + &project.transcript(&["trust", "--revoke"])
        + &project.transcript(&["trust", "--list"]);
    assert!(!ran.exists());
    assert_transcript!(project, text);
}

#[test]
fn a_program_that_was_trusted_and_is_another_one_now_is_not_run_until_it_is_trusted_again() {
    let project = Project::with("silence.yaml", SILENCE);
    let script = |name: &str, marks: &str| {
        let script = project.write(name, format!("#!/bin/sh\ntouch \"$(dirname \"$0\")/{marks}\"\nexit 1\n"));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let ran = |marks: &str| project.path().join(marks).exists();
    script("bin/real", "bin-one");
    symlink("bin/real", project.path().join("ffmpeg")).unwrap();
    project.write("motet.toml", "[tools]\nffmpeg = \"./ffmpeg\"\n");
    project.good(&["trust", "--yes"]);
    project.run(&["run", "silence.yaml"]);
    assert!(ran("bin-one"));
    script("bin/real", "bin-two");
    let text = project.transcript(&["run", "silence.yaml", "--new"]) + &project.transcript(&["trust"]);
    assert!(!ran("bin-two"), "{text}");
    assert_transcript!(project, text);
    project.good(&["trust", "--yes"]);
    project.run(&["run", "silence.yaml", "--new"]);
    assert!(ran("bin-two"));
}

#[test]
fn a_store_and_outputs_in_a_hidden_folder_wait_for_a_word() {
    let project = cloned("store = '.git/store'\nout = '.git/hooks'\n");
    let text = project.transcript(&["run", "one.yaml"]);
    assert!(!project.path().join(".git").exists());
    assert_transcript!(project, text);
    project.good(&["trust", "--yes"]);
    project.good(&["run", "one.yaml"]);
    assert!(project.path().join(".git/store/motet.db").exists());
}

#[test]
fn a_link_in_the_place_of_the_store_of_simulated_runs_is_not_followed() {
    let project = Project::with("one.yaml", ONE);
    let elsewhere = project.state().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(project.path().join(".motet")).unwrap();
    symlink(&elsewhere, project.path().join(".motet/sim")).unwrap();
    let text = project.transcript(&["run", "one.yaml", "--sim"]);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "{text}");
    assert_transcript!(project, text);
}

#[test]
fn many_powers_are_refused_in_at_most_five_lines_and_all_shown_before_they_are_trusted() {
    let project = cloned(
        "store = '/elsewhere/store'\nout = '../out'\nprocessors = 1024\n[tools]\nffmpeg = 'sh'\n\
         espeak_ng = '/bin/sh'\nfont = '/etc/passwd'\n",
    );
    let parent = project.path().parent().unwrap().display().to_string();
    let text = project.transcript(&["run", "one.yaml"]) + &project.transcript(&["trust"]);
    assert_transcript!(project, text.replace(&format!("{parent}/out"), "[parent]/out"));
}

#[test]
fn harmless_settings_need_no_word() {
    let project = cloned("store = 'kept'\nout = 'films/done'\nprocessors = 1\n[tools]\nffmpeg = 'ffmpeg'\n");
    project.good(&["run", "one.yaml"]);
    assert!(project.path().join("kept/motet.db").exists());
    assert_transcript!(project, project.transcript(&["trust"]));
}

#[test]
fn what_is_named_on_the_command_line_or_in_the_environment_is_trusted() {
    let project = cloned("store = '/nowhere/store'\nout = '/nowhere/out'\n");
    let store = project.state().join("store");
    let store = store.to_str().unwrap();
    project.good(&["run", "one.yaml", "--store", store, "--no-out"]);
    project.good(&["run", "one.yaml", "--store", store, "--out", "films"]);
    assert_eq!(project.run(&["run", "one.yaml", "--store", store]).status.code(), Some(2));
    assert_eq!(project.run(&["run", "one.yaml", "--out", "films"]).status.code(), Some(2));
    let with = |name: &str, value: &str| {
        let output = project.command(&["run", "one.yaml", "--no-out"]).env(name, value).output().unwrap();
        output.status.code()
    };
    assert_eq!(with("MOTET_STORE", store), Some(0));
    assert_eq!(with("MOTET_STORE", ""), Some(2));
}

#[test]
fn one_word_of_the_environment_trusts_for_one_command() {
    let project = cloned("[tools]\nespeak_ng = 'sh'\n");
    let with = |value: &str| {
        project.command(&["run", "one.yaml"]).env("MOTET_TRUST", value).output().unwrap().status.code()
    };
    assert_eq!(["", "0", "yes", "1"].map(with), [Some(2), Some(2), Some(2), Some(0)]);
    assert_eq!(project.run(&["run", "one.yaml"]).status.code(), Some(2), "nothing was remembered");
}

#[test]
fn settings_in_a_folder_above_the_pipeline_are_no_more_trusted() {
    let project = cloned("[tools]\nffmpeg = 'sh'\n");
    project.write("films of ours/deep/one.yaml", ONE);
    let arguments = ["run", "films of ours/deep/one.yaml"];
    let inner = |arguments: &[&str]| {
        let folder = project.path().join("films of ours/deep");
        transcript(arguments, &project.command(arguments).current_dir(folder).output().unwrap())
    };
    let text = project.transcript(&arguments)
        + &inner(&["run", "one.yaml"])
        + &inner(&["trust", "--yes"])
        + &inner(&["trust", "--revoke", "nowhere"]);
    assert_transcript!(project, text);
    project.good(&arguments);
}

/// It would be told all that is asked of providers, and could be any server, also of a private network.
#[test]
fn a_simulator_that_a_cloned_project_names_is_asked_nothing() {
    let stage = Stage::with("film.yaml", FILM);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let base_urls = format!(r#"{{"replicate":{{"api":"{url}/replicate","delivery":"{url}/delivery"}}}}"#);
    let address = format!(r#"{{"url":"{url}","base_urls":{base_urls},"pid":1}}"#);
    stage.0.write(".motet/sim/sim/address.json", address);
    fs::create_dir(stage.store().join("sim/jobs")).unwrap();
    stage.ends(0, &["run", "film.yaml", "--sim", "--input", "mood=calm"]);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody came");
    // The one that was begun in its place is asked from now on.
    let begun = stage.simulator();
    stage.ends(0, &["run", "film.yaml", "--sim", "--input", "mood=wild"]);
    assert_eq!(stage.simulator(), begun);
}

/// Whatever a clone puts into the folder of a simulator: nothing is written through a link, and no pipe is waited for.
#[test]
fn a_simulator_writes_through_no_link_of_a_cloned_project_and_waits_for_no_pipe() {
    for name in ["log", "jobs", "jobs/sim.lock", "jobs/sim.jsonl", "jobs/sim.jsonl.new", "address.json"] {
        let stage = Stage::with("film.yaml", FILM);
        let letter = stage.0.write("letter", "to a friend");
        stage.ends(0, &["run", "film.yaml", "--sim", "--input", "mood=calm"]);
        kill_process(Pid::from_raw(stage.simulator().1).unwrap(), Signal::KILL).unwrap();
        fs::remove_file(stage.store().join("sim/address.json")).unwrap();
        let path = stage.store().join("sim").join(name);
        match path.is_dir() {
            true => fs::remove_dir_all(&path).unwrap(),
            false => drop(fs::remove_file(&path)),
        }
        symlink(&letter, &path).unwrap();
        let told = stage.run(&["run", "film.yaml", "--sim", "--input", "mood=wild"]).stderr;
        let told = String::from_utf8(told).unwrap();
        let is_replaced = !path.symlink_metadata().unwrap().is_symlink();
        let is_refused = told.contains("a symbolic link") || told.contains("no ordinary file");
        assert!(is_replaced || is_refused, "{name}: {told}");
        assert_eq!(fs::read_to_string(&letter).unwrap(), "to a friend", "{name}");
        if !is_replaced {
            fs::remove_file(&path).unwrap();
            mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            let told = stage.run(&["run", "film.yaml", "--sim", "--input", "mood=wild"]).stderr;
            let told = String::from_utf8(told).unwrap();
            assert!(told.contains("is a pipe") || told.contains("no ordinary file"), "{name}: {told}");
        }
    }
}

#[test]
fn folders_of_a_project_that_are_links_out_of_it_are_not_written_through() {
    for (name, is_store) in [("out", false), (".motet", true)] {
        let project = Project::with("one.yaml", ONE.to_owned() + "outputs: { x: \"{{ steps.x.value }}\" }\n");
        let elsewhere = project.state().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, project.path().join(name)).unwrap();
        let text = project.transcript(&["run", "one.yaml"]);
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        if !is_store {
            assert_transcript!(project, text);
            project.good(&["trust", "--yes"]);
            project.good(&["run", "one.yaml", "--id", "first"]);
            assert!(elsewhere.join("first/outputs.json").exists());
        }
    }
}

#[test]
fn a_program_that_lies_in_the_working_folder_is_never_run_for_its_name() {
    let project = Project::with("silence.yaml", SILENCE);
    for name in ["ffmpeg", "ffprobe", "espeak-ng"] {
        let script = project.write(name, "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\nexit 1\n");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let usual = std::env::var("PATH").unwrap();
    for path in [".", "", ":", "./", &format!(".:{usual}"), &format!(":{usual}")] {
        for arguments in [&["run", "silence.yaml", "--new"][..], &["doctor"], &["plan", "silence.yaml"]] {
            let output = project.command(arguments).env("PATH", path).output().unwrap();
            let text = transcript(arguments, &output);
            assert!(!project.path().join("ran").exists(), "PATH={path}: {text}");
            assert_eq!(output.status.success(), path.contains("bin"), "PATH={path}: {text}");
        }
    }
}

#[test]
fn a_word_that_can_not_be_kept_outside_of_the_project_is_refused() {
    let project = cloned("[tools]\nffmpeg = 'sh'\n");
    let with = |variables: &[(&str, &std::ffi::OsStr)]| {
        let mut command = project.command(&["trust", "--yes"]);
        command.env_remove("XDG_STATE_HOME").envs(variables.iter().copied());
        transcript(&["trust", "--yes"], &command.output().unwrap())
    };
    let text = with(&[]) + &with(&[("HOME", project.path().as_os_str())]);
    assert_transcript!(project, text);
    let home = project.state();
    assert!(with(&[("HOME", home.as_os_str())]).ends_with("--- exit 0\n"));
    let words = home.join(".local/state/motet/trusted");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let word = fs::read_dir(&words).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&words), mode(&word)), (0o700, 0o600));
}

#[test]
fn on_a_terminal_the_person_is_asked() {
    let project = Project::with("silence.yaml", SILENCE);
    project.write("motet.toml", "[tools]\nffmpeg = '/bin/false'\n");
    let answered = |answer: &str| {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = || fs::OpenOptions::new().read(true).write(true).open(&name).unwrap();
        let mut child = project.command(&["trust"]);
        let mut child = child.stdin(theirs()).stdout(Stdio::null()).stderr(theirs()).spawn().unwrap();
        let mut ours = fs::File::from(ours);
        let mut told = String::new();
        while !told.contains("[y/N]") {
            let mut bytes = [0; 1024];
            let read = ours.read(&mut bytes).unwrap();
            told.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        writeln!(ours, "{answer}").unwrap();
        (child.wait().unwrap().code(), told)
    };
    for no in ["n", "", "yesterday", "no"] {
        assert_eq!(answered(no).0, Some(2), "{no}");
        assert!(project.good(&["trust", "--list"]).is_empty());
    }
    let (code, told) = answered("y");
    assert_eq!(code, Some(0));
    assert!(told.contains("runs `/bin/false` as ffmpeg"), "{told}");
    assert!(project.good(&["trust", "--list"]).contains("tools.ffmpeg"));
}

#[test]
fn several_words_given_at_once_are_all_kept() {
    let project = Project::new();
    let folders: Vec<String> = (0..6).map(|number| format!("project-{number}")).collect();
    for folder in &folders {
        project.write(&format!("{folder}/motet.toml"), "[tools]\nffmpeg = 'sh'\n");
    }
    let children: Vec<_> = folders
        .iter()
        .chain(&folders)
        .map(|folder| project.command(&["trust", folder, "--yes"]).stderr(Stdio::null()).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let list = project.good(&["trust", "--list"]);
    assert_eq!(list.lines().count(), folders.len(), "{list}");
    assert!(folders.iter().all(|folder| list.contains(folder.as_str())), "{list}");
}

#[test]
fn a_stand_in_that_was_trusted_is_run() {
    let project = Project::with("silence.yaml", SILENCE);
    stand_in_for_ffmpeg(&project, "echo it ran >&2; exit 1");
    let text = project.transcript(&["run", "silence.yaml"]);
    assert!(text.contains("it ran"), "{text}");
}

#[test]
fn settings_that_are_no_file_of_the_project_are_refused_in_words() {
    type Making = fn(&Project);
    let makings: [(&str, Making); 4] = [
        ("a folder", |project| fs::create_dir(project.path().join("motet.toml")).unwrap()),
        ("a pipe", |project| {
            let made = project.command_of("mkfifo").arg("motet.toml").status().unwrap();
            assert!(made.success());
        }),
        ("a device", |project| symlink("/dev/null", project.path().join("motet.toml")).unwrap()),
        ("a link", |project| {
            fs::write(project.state().join("settings.toml"), "").unwrap();
            symlink(project.state().join("settings.toml"), project.path().join("motet.toml")).unwrap();
        }),
    ];
    let mut told = String::new();
    for (name, make) in makings {
        let project = Project::with("one.yaml", ONE);
        make(&project);
        told += &format!("{name}\n{}", project.transcript(&["run", "one.yaml"]));
        assert!(!project.path().join(".motet").exists(), "{name}");
    }
    insta::assert_snapshot!(told);

    let project = Project::with("one.yaml", ONE);
    project.write("settings/shared.toml", "");
    symlink("settings/shared.toml", project.path().join("motet.toml")).unwrap();
    project.good(&["run", "one.yaml"]);
}

#[test]
fn a_path_with_a_tilde_is_refused() {
    let mut told = String::new();
    for settings in ["store = '~/runs'\n", "out = '~'\n", "[tools]\nffmpeg = '~/bin/ffmpeg'\n"] {
        told += &cloned(settings).transcript(&["run", "one.yaml"]);
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_word_that_others_could_have_written_is_not_believed_and_that_is_said() {
    let project = cloned("out = '/tmp'\n");
    project.good(&["trust", "--yes"]);
    let memory = project.state().join("motet/trusted");
    fs::set_permissions(&memory, fs::Permissions::from_mode(0o777)).unwrap();
    let told = project.transcript(&["run", "one.yaml"]) + &project.transcript(&["trust", "nope"]);
    assert_transcript!(project, told);
}

#[test]
fn every_hint_of_trust_is_about_the_project_that_was_named() {
    let project = cloned("[tools]\nffmpeg = 'sh'\n");
    project.write("films of ours/motet.toml", "[tools]\nespeak_ng = 'sh'\n");
    project.write("films of ours/one.yaml", ONE);
    let hint_in = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
        rest.lines().next().unwrap().trim_end_matches(')').to_owned()
    };
    let typed = |hint: &str| {
        let binary = project.command(&[]).get_program().to_owned();
        let script = format!("motet() {{ \"$BINARY\" \"$@\"; }}; {hint}");
        let output = project.command_of("sh").args(["-c", &script]).env("BINARY", binary).output().unwrap();
        assert!(output.status.success(), "{hint}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for named in ["films of ours", "films of ours/one.yaml", "."] {
        let asked = project.transcript(&["trust", named]);
        let granted = typed(&hint_in(&asked, "and trust them: "));
        let list = project.good(&["trust", "--list"]);
        let is_right = list.contains("films of ours") == (named != ".");
        assert!(list.lines().count() == 1 && is_right, "{named}: {list}");
        typed(&hint_in(&granted, "take it back: "));
        assert_eq!(project.good(&["trust", "--list"]), "", "{named}");
        if named == "films of ours" {
            assert_transcript!(project, asked + &granted);
        }
    }
}
