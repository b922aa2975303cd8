//! What the binary says, in full. Times, digests and folders are redacted.

use std::process::Stdio;

use serde_json::json;

use crate::assert_transcript;
use crate::project::{Project, transcript};

const GREETING: &str = r#"motet: 1
name: greeting
description: Says hello to somebody, twice.
inputs:
  who: { type: string, default: world }
  times: { type: integer, default: 2 }
  key: { type: string, sensitive: true, default: "no key" }
steps:
  hello:
    uses: data/transform
    with: { value: "Hello, {{ inputs.who }}!" }
  sealed:
    uses: data/transform
    with: { value: "with {{ inputs.key }}" }
  all:
    needs: [hello]
    each: [a, b]
    uses: data/transform
    with: { value: "{{ item }}: {{ steps.hello.value }}" }
outputs:
  text: "{{ steps.hello.value }}"
  all: "{{ steps.all.items | map(attribute='value') | list }}"
"#;

const FAILING: &str = r#"motet: 1
name: failing
steps:
  good:
    uses: data/transform
    with: { value: 1 }
  bad:
    uses: flow/fail
    with: { message: "no luck with {{ steps.good.value }}", class: unavailable }
    retry: { attempts: 2, backoff: 1ms }
    fallback:
      - { uses: flow/fail, with: { message: "nor here", class: content } }
  after:
    uses: data/transform
    with: { value: "{{ steps.bad.value }}" }
"#;

#[test]
fn help_lists_the_commands_and_the_exit_codes() {
    let project = Project::new();
    assert_transcript!(project, project.transcript(&["--help"]));
}

#[test]
fn a_typing_error_is_met_with_a_suggestion() {
    let project = Project::new();
    assert_transcript!(project, project.transcript(&["chekc", "film.yaml"]));
}

#[test]
fn a_good_file_is_called_good() {
    let project =
        Project::with("greeting.yaml", GREETING.replace("  times: { type: integer, default: 2 }\n", ""));
    assert_transcript!(project, project.transcript(&["check", "greeting.yaml"]));
}

#[test]
fn all_faults_of_several_files_are_said_at_once() {
    let project = Project::with("a.yaml", GREETING.replace("steps.hello.value", "steps.helo.value"));
    project.write("parts/b.yaml", "motet: 1\nname: b\nstesp: {}\n");
    assert_transcript!(project, project.transcript(&["check", "a.yaml", "parts/b.yaml"]));
}

#[test]
fn the_mistake_of_the_readme_is_met_as_the_readme_shows() {
    let readme = include_str!("../../../../README.md");
    let shown =
        readme.split("```").find_map(|block| block.strip_prefix("text\nerror[")).expect("an error is shown");
    let film = include_str!("../../src/commands/init/film.yaml");
    let project = Project::with("film.yaml", film.replace("steps.still.image", "steps.voice.audio"));
    let output = project.run(&["check", "film.yaml"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with(&format!("error[{shown}")), "{said}");
}

#[test]
fn findings_are_records_for_programs() {
    let project = Project::with("a.yaml", "motet: 1\nname: a\nsteps:\n  x: { uses: data/transfrom }\n");
    assert_transcript!(project, project.transcript(&["check", "a.yaml", "--json"]));
}

#[test]
fn a_rule_is_explained_and_an_unknown_one_is_not() {
    let project = Project::new();
    let text = project.transcript(&["check", "--explain", "cycle"])
        + &project.transcript(&["check", "--explain", "cylce"]);
    assert_transcript!(project, text);
}

#[test]
fn a_plan_is_the_whole_score() {
    let project = Project::with("film.yaml", include_str!("../../src/commands/init/film.yaml"));
    assert_transcript!(project, project.transcript(&["plan", "film.yaml"]));
}

const ENCODED: &str = r#"motet: 1
name: film
inputs: { clip: video, fade: number }
steps:
  voice: { uses: local/speak, with: { text: Hello } }
  joined:
    uses: media/merge
    with: { items: ["{{ inputs.clip }}", "{{ steps.voice.audio }}"], fade_in: "{{ inputs.fade }}" }
  shown: { uses: media/captions, with: { video: "{{ steps.joined.video }}", script: Hello } }
  faded: { uses: media/merge, with: { items: "{{ [steps.shown.video] }}", fade_out: 1 } }
"#;

#[test]
fn a_plan_says_for_programs_where_pictures_are_encoded() {
    let project = Project::with("film.yaml", ENCODED);
    let plan: serde_json::Value =
        serde_json::from_str(&project.good(&["plan", "film.yaml", "--json"])).unwrap();
    let told = |step: usize| plan["steps"][step]["encodings"].clone();
    let merge = |when: &str| json!([{ "operation": "media/merge", "encodes": "sometimes", "when": when }]);
    assert_eq!(told(0), json!([]));
    assert_eq!(told(1), merge("unless a single clip keeps its pictures, or all items are sounds"));
    assert_eq!(told(2), json!([{ "operation": "media/captions", "encodes": "always", "when": null }]));
    assert_eq!(told(3), merge("if there are pictures among its items"));
}

#[test]
fn a_plan_with_groups_fallbacks_and_files() {
    let project = Project::with("parts/shot.yaml", GREETING.replace("name: greeting", "name: shot"));
    project.write(
        "film.yaml",
        r#"motet: 1
name: film
timeout: 20m
steps:
  shots:
    each: [a, b, c]
    max_parallel: 2
    quorum: 2
    steps:
      still: { uses: local/scene, with: { prompt: "{{ item }}" }, retry: { attempts: 4 } }
      clip:
        uses: media/animate
        with: { image: "{{ steps.still.image }}" }
        timeout: 90s
        optional: true
    outputs: { still: "{{ steps.still.image }}" }
  words: { uses: ./parts/shot.yaml, with: { who: me } }
  voice:
    if: "{{ steps.words.text }}"
    uses: local/speak
    with: { text: "{{ steps.words.text }}" }
    fallback: [{ uses: media/silence, with: { duration: "{{ steps.shots.items | length }}" } }]
"#,
    );
    let text =
        project.transcript(&["plan", "film.yaml"]) + &project.transcript(&["plan", "film.yaml", "--mermaid"]);
    assert_transcript!(project, text);
}

#[test]
fn the_pools_of_the_settings_are_known_to_check_plan_and_run() {
    let film = r#"motet: 1
name: film
steps:
  still: { uses: local/scene, with: { prompt: a boat, width: 64, height: 64 }, pool: gpu }
  other: { uses: local/scene, with: { prompt: a gull, width: 64, height: 64 }, pool: gpus }
"#;
    let project = Project::with("film.yaml", film);
    let mut text = project.transcript(&["check", "film.yaml"]);
    project.write("motet.toml", "[pools]\ngpu = 1\nsearch = { slots = 4, rate = \"30/1m\" }\n");
    text += &project.transcript(&["check", "film.yaml"]);
    project.write("film.yaml", film.replace("gpus", "search"));
    text += &project.transcript(&["plan", "film.yaml"]);
    assert_transcript!(project, text);
    let run = project.command(&["run", "film.yaml", "--no-out"]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn a_plan_for_programs() {
    let project = Project::with("greeting.yaml", GREETING);
    assert_transcript!(project, project.transcript(&["plan", "greeting.yaml", "--json"]));
}

#[test]
fn a_run_is_told_in_plain_lines_where_there_is_no_terminal() {
    let project = Project::with("greeting.yaml", GREETING);
    let arguments = [
        "run",
        "greeting.yaml",
        "--id",
        "first",
        "--input",
        "who=Ana",
        "--label",
        "team=film",
        "--user",
        "ana",
    ];
    assert_transcript!(project, project.transcript(&arguments));
}

#[test]
fn outputs_in_a_pipe_are_whole() {
    let long = "word ".repeat(100);
    let project = Project::with(
        "long.yaml",
        "motet: 1\nname: long\ninputs: { text: string }\nsteps:\n  \
         all: { uses: data/transform, with: { value: \"{{ inputs.text }}\" } }\noutputs:\n  \
         text: \"{{ steps.all.value }}\"\n  list: [1, 2, 3, 4, 5, 6]\n",
    );
    let outputs = project.good(&["run", "long.yaml", "--input", &format!("text={long}end")]);
    assert!(outputs.contains(&format!("{long}end")) && outputs.contains("[1,2,3,4,5,6]"), "{outputs}");
    let lines = project.good(&["run", "long.yaml", "--input", "text=one\ntwo"]);
    assert!(lines.contains(r#""one\ntwo""#), "{lines}");
}

#[test]
fn the_same_name_again_tells_the_same_end_again_and_other_inputs_are_refused() {
    let project = Project::with("greeting.yaml", GREETING);
    project.good(&["run", "greeting.yaml", "--id", "first"]);
    let text = project.transcript(&["run", "greeting.yaml", "--id", "first"])
        + &project.transcript(&["run", "greeting.yaml", "--id", "first", "-i", "who=Ana"]);
    assert_transcript!(project, text);
}

#[test]
fn a_run_is_a_stream_of_events_for_programs() {
    let project = Project::with("greeting.yaml", GREETING);
    let arguments = ["run", "greeting.yaml", "--id", "first", "--json", "--input", "key=hunter22"];
    let text = project.transcript(&arguments);
    assert!(!text.contains("with hunter22"), "a sensitive input is masked where it is used, too");
    assert_transcript!(project, text.replacen("key=hunter22", "key=…", 1));
}

#[test]
fn a_sensitive_input_is_shown_nowhere_afterwards() {
    let project = Project::with("greeting.yaml", GREETING);
    project.good(&["run", "greeting.yaml", "--id", "first", "--input", "key=hunter22"]);
    for arguments in [
        &["show", "first"][..],
        &["show", "first", "--json"],
        &["show", "first", "--journal"],
        &["show", "first", "--journal", "--json"],
        &["show", "first", "--step", "sealed"],
    ] {
        let shown = project.good(arguments);
        assert!(!shown.contains("hunter22"), "{arguments:?}: {shown}");
    }
    let step = project.good(&["show", "first", "--step", "sealed", "--json"]);
    assert!(step.contains("with •••"), "the rest of the text stays: {step}");
}

#[test]
fn a_sensitive_input_that_became_the_key_of_an_item_is_shown_nowhere() {
    let project = Project::with(
        "sealed.yaml",
        r#"motet: 1
name: sealed
inputs: { key: { type: string, sensitive: true } }
steps:
  all:
    each: ["{{ inputs.key }}", b]
    key: "{{ item }}"
    uses: local/scene
    with: { prompt: "{{ item }}", width: 64, height: 64 }
outputs: { by_key: "{{ steps.all.by_key }}" }
"#,
    );
    for arguments in [
        &["run", "sealed.yaml", "--id", "first", "--input", "key=hunter22", "--json"][..],
        &["show", "first"],
        &["show", "first", "--json"],
        &["show", "first", "--journal"],
        &["show", "first", "--journal", "--json"],
        &["show", "first", "--timeline"],
        &["artifacts", "first"],
        &["artifacts", "first", "--json"],
    ] {
        let shown = project.good(arguments);
        assert!(!shown.contains("hunter22"), "{arguments:?}: {shown}");
    }
    assert!(project.good(&["artifacts", "first"]).contains("all[•••]"));
}

#[test]
fn a_failed_run_tells_every_attempt_and_what_to_type_next() {
    let project = Project::with("failing.yaml", FAILING);
    assert_transcript!(project, project.transcript(&["run", "failing.yaml", "--id", "first"]));
}

#[test]
fn a_failed_run_ends_its_events_with_all_errors() {
    let project = Project::with("failing.yaml", FAILING);
    let output = project.run(&["run", "failing.yaml", "--id", "first", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let last = stdout.lines().last().expect("there is an end");
    let end: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_transcript!(project, serde_json::to_string_pretty(&end).unwrap());
}

#[test]
fn runs_are_listed_and_looked_at() {
    let project = Project::with("greeting.yaml", GREETING);
    project.write("failing.yaml", FAILING);
    project.good(&["run", "greeting.yaml", "--id", "first", "--label", "team=film"]);
    project.run(&["run", "failing.yaml", "--id", "second"]);
    let text = project.transcript(&["runs"])
        + &project.transcript(&["runs", "--status", "completed", "--label", "team=film"])
        + &project.transcript(&["runs", "--pipeline", "nothing"])
        + &project.transcript(&["show", "first"])
        + &project.transcript(&["show", "second"])
        + &project.transcript(&["show", "second", "--step", "bad"])
        + &project.transcript(&["show", "second", "--step", "bda"]);
    assert_transcript!(project, text);
}

#[test]
fn the_journal_is_told_event_by_event() {
    let project = Project::with("failing.yaml", FAILING);
    project.run(&["run", "failing.yaml", "--id", "first"]);
    let text = project.transcript(&["show", "first", "--journal"]);
    assert!(text.contains("attempt.failed"), "{text}");
    assert!(text.lines().count() > 12, "{text}");
    assert!(text.lines().nth_back(1).is_some_and(|end| end.contains("run.failed")), "{text}");
    let lines = project.good(&["show", "first", "--journal", "--json"]);
    let end: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&end["event"], &end["failed_step"]), (&"run.failed".into(), &"bad".into()));
}

#[test]
fn an_unknown_run_is_named() {
    let project = Project::with("greeting.yaml", GREETING);
    let before = project.transcript(&["show", "first"]);
    project.good(&["run", "greeting.yaml", "--id", "first"]);
    assert_transcript!(project, before + &project.transcript(&["show", "7Q2K"]));
}

#[test]
fn inputs_are_read_as_the_pipeline_asks_for_them() {
    let project = Project::with("greeting.yaml", GREETING);
    project.write("who.txt", "a file");
    project.write("inputs.json", r#"{ "who": "from json", "times": 5 }"#);
    let run = |arguments: &[&str]| {
        project
            .transcript(&[&["run", "greeting.yaml", "--store", ":memory:", "--no-out"], arguments].concat())
    };
    let good =
        project.good(&["run", "greeting.yaml", "--store", ":memory:", "--no-out", "-i", "who=@who.txt"]);
    assert!(good.contains("Hello, a file!"), "{good}");
    let good = project.good(&[
        "run",
        "greeting.yaml",
        "--store",
        ":memory:",
        "--no-out",
        "--inputs",
        "inputs.json",
        "-i",
        "who=@@x",
    ]);
    assert!(good.contains("Hello, @x!"), "{good}");
    let text = run(&["-i", "times=many"])
        + &run(&["-i", "whom=Ana"])
        + &run(&["-i", "who"])
        + &run(&["-i", "who=@nowhere.txt"])
        + &run(&["--inputs", "greeting.yaml"])
        + &run(&["--id", "../x"]);
    assert_transcript!(project, text);
    assert!(!project.path().join(".motet").exists(), "a store in memory leaves nothing behind");
}

#[test]
fn a_project_is_set_up_once_and_nothing_is_overwritten() {
    let project = Project::with(".gitignore", "*.log");
    let text = project.transcript(&["init"]) + &project.transcript(&["init"]);
    assert_eq!(std::fs::read_to_string(project.path().join(".gitignore")).unwrap(), "*.log\n.motet/\nout/\n");
    assert_transcript!(project, text + &project.transcript(&["check", "film.yaml"]));
}

#[test]
fn what_the_machine_lacks_is_a_warning_in_check_and_an_error_before_anything_runs() {
    let project = Project::with("film.yaml", include_str!("../../src/commands/init/film.yaml"));
    let lacking = |arguments: &[&str]| {
        let output = project.command(arguments).env("PATH", "").output().unwrap();
        transcript(arguments, &output)
    };
    let text = lacking(&["check", "film.yaml"]) + &lacking(&["run", "film.yaml"]);
    assert!(!project.path().join(".motet").exists(), "nothing ran");
    assert_transcript!(project, text + &lacking(&["doctor"]).replace(&font_line(&project), "[font]"));
}

/// Where the font lies differs from machine to machine.
fn font_line(project: &Project) -> String {
    let doctor = String::from_utf8(project.run(&["doctor"]).stdout).unwrap();
    doctor.lines().find(|line| line.contains(" font ")).unwrap_or("no font").to_owned()
}

#[test]
fn a_reader_that_goes_away_is_no_problem() {
    let project = Project::with("greeting.yaml", GREETING);
    project.good(&["run", "greeting.yaml", "--id", "first"]);
    for arguments in [&["runs"][..], &["schema"], &["run", "greeting.yaml", "--json", "--new"]] {
        let mut child =
            project.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !errors.contains("panic"), "{arguments:?}: {errors}");
    }
}

#[test]
fn data_that_a_full_disk_does_not_take_is_an_error_but_the_run_is_kept() {
    let project = Project::with("greeting.yaml", GREETING);
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    for arguments in [&["schema"][..], &["run", "greeting.yaml", "--id", "first", "--json"]] {
        let output = project.command(arguments).stdout(full.try_clone().unwrap()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{arguments:?}: {errors}");
        assert!(errors.contains("failed to write to standard output: the disk is full"), "{errors}");
    }
    assert!(project.good(&["runs", "--status", "completed"]).contains("first"));
}

#[test]
fn a_list_of_runs_that_goes_on_says_so() {
    let project = Project::with("greeting.yaml", GREETING);
    for id in ["first", "second"] {
        project.good(&["run", "greeting.yaml", "--id", id, "--no-out"]);
    }
    let told = |limit: &str| {
        let output = project.run(&["runs", "--limit", limit]);
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (runs, note) = told("1");
    assert!(runs.contains("second") && !runs.contains("first") && note.contains("there are more"), "{note}");
    let (runs, note) = told("2");
    assert!(runs.contains("second") && runs.contains("first") && note.is_empty(), "{note}");
}

#[test]
fn a_plan_tells_that_a_list_known_only_at_run_time_may_be_longer() {
    let project = Project::with(
        "lists.yaml",
        "motet: 1\nname: lists\ninputs: { names: { type: array } }\nsteps:\n  \
         short: { each: [a, b, c], uses: data/transform, with: { value: 1 } }\n  \
         slow: { each: [a, b, c], max_parallel: 2, uses: data/transform, with: { value: 1 } }\n  \
         open: { each: \"{{ inputs.names }}\", uses: data/transform, with: { value: 1 } }\n",
    );
    assert!(project.good(&["plan", "lists.yaml"]).contains("3 steps, 6 or more at once"));
    let plan: serde_json::Value =
        serde_json::from_str(&project.good(&["plan", "lists.yaml", "--json"])).unwrap();
    assert_eq!((&plan["at_once_count"], &plan["at_once_or_more"]), (&6.into(), &true.into()));
}

#[test]
fn the_store_is_where_the_environment_says_unless_a_flag_says_otherwise() {
    let project = Project::with("greeting.yaml", GREETING);
    let runs = |store: &str, flags: &[&str]| {
        let arguments = [&["run", "greeting.yaml", "--no-out"], flags].concat();
        let output = project.command(&arguments).env("MOTET_STORE", store).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    runs("kept", &[]);
    assert!(project.path().join("kept/motet.db").exists() && !project.path().join(".motet").exists());
    runs("kept", &["--store", "other"]);
    assert!(project.path().join("other/motet.db").exists());
    runs("", &[]);
    assert!(project.path().join(".motet/motet.db").exists(), "an empty variable says nothing");
}

#[test]
fn completions_and_the_schema_are_data() {
    let project = Project::new();
    assert!(project.good(&["completions", "bash"]).contains("_motet()"));
    let schema: serde_json::Value = serde_json::from_str(&project.good(&["schema"])).unwrap();
    assert!(schema["properties"]["steps"].is_object());
    assert!(project.good(&["--version"]).starts_with("motet "));
}

#[test]
fn outputs_that_are_not_laid_out_are_shown_with_their_place_in_the_store() {
    let scenes = "motet: 1
name: scenes
steps:
  all: { each: [sea, forest], uses: local/scene, with: { prompt: \"{{ item }}\", width: 64, height: 64 } }
outputs: { pictures: \"{{ steps.all.items | map(attribute='image') | list }}\", first: \"{{ steps.all.items[0].image }}\" }
";
    let project = Project::with("scenes.yaml", scenes);
    let shown = project.good(&["run", "scenes.yaml", "--no-out"]);
    let paths: Vec<&str> = shown.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(paths.len(), 3, "{shown}");
    assert!(paths.iter().all(|path| project.path().join(path).is_file()), "{shown}");
    assert!(!shown.contains("sha256:") && shown.contains("64×64, png"), "{shown}");
}
