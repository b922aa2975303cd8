//! Bad input gets a clear error and harms nothing (law L9): each case with its message.

use std::process::Command;

use crate::assert_transcript;
use crate::project::{Project, stand_in_for_ffmpeg, transcript};

/// Takes any media and measures it.
const PROBE: &str = r#"motet: 1
name: probe
inputs:
  media: video
steps:
  measured: { uses: media/probe, with: { media: "{{ inputs.media }}" } }
outputs:
  duration: "{{ inputs.media.duration }}"
"#;

/// A project with a pipeline for media, and a second of film made by the real ffmpeg.
fn project_with_film() -> Project {
    let project = Project::with("probe.yaml", PROBE);
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=128x72:rate=10:duration=2",
            "-y",
            "film.mp4",
        ])
        .current_dir(project.path())
        .status()
        .expect("ffmpeg is on this machine");
    assert!(made.success());
    project
}

fn checked(content: impl AsRef<[u8]>) -> (Project, String) {
    let project = Project::with("film.yaml", content);
    let text = project.transcript(&["check", "film.yaml"]);
    (project, text)
}

#[test]
fn a_file_that_is_not_utf_8() {
    let (project, text) = checked(b"motet: 1\nname: caf\xe9\n");
    assert_transcript!(project, text);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf_8_is_written_out_and_said_to_be_so() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let project = project_with_film();
    let name = |bytes: &'static [u8]| OsStr::from_bytes(bytes);
    std::fs::write(project.path().join(name(b"f\xff.yaml")), PROBE).unwrap();
    std::fs::copy(project.path().join("film.mp4"), project.path().join(name(b"f\xff.mp4"))).unwrap();
    let mut told = String::new();
    for (command, word) in [("check", &b"f\xff.yaml"[..]), ("run", b"f\xff.yaml"), ("show", b"\xff")] {
        let output = project.command(&[command]).arg(OsStr::from_bytes(word)).output().unwrap();
        told += &transcript(&[command], &output);
    }
    let all = PROBE
        .replace("media: video", "media: { type: array, items: { type: video } }")
        .replace("inputs.media.", "inputs.media[0].");
    project.write("all.yaml", all.replace("{{ inputs.media }}", "{{ inputs.media[0] }}"));
    told += &project.transcript(&["run", "all.yaml", "--input", "media=@*.mp4"]);
    assert_transcript!(project, told);
}

#[test]
fn an_empty_file() {
    let (project, text) = checked("");
    assert_transcript!(project, text);
}

#[test]
fn a_file_of_50_mb() {
    let (project, text) = checked("# a comment\n".repeat(50_000_000 / 12));
    assert_transcript!(project, text);
}

#[test]
fn a_binary_file() {
    let (project, text) = checked(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    assert_transcript!(project, text);
}

#[test]
fn a_file_that_is_not_there_and_a_folder() {
    let project = Project::new();
    std::fs::create_dir(project.path().join("folder.yaml")).unwrap();
    let text =
        project.transcript(&["check", "nowhere.yaml"]) + &project.transcript(&["check", "folder.yaml"]);
    assert_transcript!(project, text);
}

#[test]
fn a_yaml_bomb() {
    let mut text = String::from("motet: 1\nname: bomb\nlabels:\n  l0: &l0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = format!("*l{}, ", level - 1).repeat(9);
        text.push_str(&format!("  l{level}: &l{level} [{}]\n", before.trim_end_matches(", ")));
    }
    let (project, text) = checked(text + "steps: {}\n");
    assert_transcript!(project, text);
}

#[test]
fn templates_that_would_run_away_are_refused_by_the_check_or_fail_their_step() {
    let pipeline = |value: &str| {
        format!(
            "motet: 1\nname: hostile\ninputs: {{ n: {{ type: integer, default: 1000000000 }} }}\nsteps:\n  x: {{ uses: data/transform, with: {{ value: \"{value}\" }} }}\n"
        )
    };
    let project = Project::new();
    let mut text = String::new();
    for (index, value) in [
        "{{ 'x' * 10**9 }}",
        "{{ range(10**12) | list }}",
        "{{ 'x' * inputs.n }}",
        "{{ range(inputs.n) | list }}",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("hostile{index}.yaml");
        project.write(&name, pipeline(value));
        text.push_str(&project.transcript(&[
            "run",
            &name,
            "--id",
            &format!("run{index}"),
            "--store",
            ":memory:",
        ]));
    }
    assert_transcript!(project, text);
}

#[test]
fn a_text_where_a_video_is_asked_for() {
    let project = project_with_film();
    let text = project.transcript(&["run", "probe.yaml", "-i", "media=film.mp4"])
        + &project.transcript(&["run", "probe.yaml", "-i", "media=@probe.yaml"]);
    assert_transcript!(project, text);
}

#[test]
fn media_that_is_not_what_its_name_says() {
    let project = project_with_film();
    project.write("picture.mp4", include_bytes!("media/pixel.png"));
    project.write("words.mp4", "These are words.");
    let text = project.transcript(&["run", "probe.yaml", "-i", "media=@picture.mp4"])
        + &project.transcript(&["run", "probe.yaml", "-i", "media=@words.mp4"]);
    assert_transcript!(project, text);
}

#[test]
fn truncated_media() {
    let project = project_with_film();
    let film = std::fs::read(project.path().join("film.mp4")).unwrap();
    project.write("half.mp4", &film[..film.len() / 2]);
    assert_transcript!(project, project.transcript(&["run", "probe.yaml", "-i", "media=@half.mp4"]));
}

#[test]
fn media_without_a_byte_and_a_video_without_a_frame() {
    let project = project_with_film();
    project.write("nothing.mp4", "");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-i", "film.mp4", "-frames:v", "0", "-y", "frameless.mp4"])
        .current_dir(project.path())
        .status()
        .unwrap();
    assert!(made.success());
    let text = project.transcript(&["run", "probe.yaml", "-i", "media=@nothing.mp4"])
        + &project.transcript(&["run", "probe.yaml", "-i", "media=@frameless.mp4"]);
    assert_transcript!(project, text);
}

#[test]
fn paths_that_leave_the_project() {
    let uses = |path: &str| format!("motet: 1\nname: leaving\nsteps:\n  x: {{ uses: {path} }}\n");
    let project = Project::with("a/up.yaml", uses("./../../secret.yaml"));
    project.write("a/root.yaml", uses("./a/../../../etc/passwd"));
    let text = project.transcript(&["check", "a/up.yaml"]) + &project.transcript(&["check", "a/root.yaml"]);
    assert_transcript!(project, text);
}

#[test]
fn a_store_of_a_newer_version() {
    let project = Project::with(
        "one.yaml",
        "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: 1 } }\n",
    );
    project.good(&["run", "one.yaml", "--id", "first"]);
    let database = project.path().join(".motet/motet.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let bytes = std::fs::read(&database).unwrap();
    let text = project.transcript(&["run", "one.yaml"])
        + &project.transcript(&["runs"])
        + &project
            .transcript(&["doctor"])
            .lines()
            .filter(|line| line.contains("store") || line.contains("exit"))
            .collect::<Vec<_>>()
            .join("\n");
    assert_transcript!(project, text);
    assert_eq!(std::fs::read(&database).unwrap(), bytes, "nothing was written");
}

#[test]
fn a_store_with_a_changed_letter() {
    let project = Project::with(
        "one.yaml",
        "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: a boat } }\n",
    );
    project.good(&["run", "one.yaml", "--id", "first"]);
    let connection = rusqlite::Connection::open(project.path().join(".motet/motet.db")).unwrap();
    // Packed text has new words as they are.
    let sql = "SELECT packed FROM journal WHERE instr(packed, CAST('a boat' AS BLOB)) > 0";
    let mut packed: Vec<u8> = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    let before = packed.clone();
    let at = packed.windows(6).position(|window| window == b"a boat").unwrap();
    packed[at + 2] = b'g';
    let sql = "UPDATE journal SET packed = ?2 WHERE packed = ?1";
    assert_eq!(connection.execute(sql, [before, packed]).unwrap(), 1);
    drop(connection);
    let text = project.transcript(&["show", "first"])
        + &project.transcript(&["resume", "first"])
        + &project
            .transcript(&["doctor"])
            .lines()
            .filter(|line| ["store", "restore", "exit"].iter().any(|word| line.contains(word)))
            .collect::<Vec<_>>()
            .join("\n");
    assert_transcript!(project, text);
}

#[test]
fn a_store_that_is_something_else() {
    let project = Project::with(
        "one.yaml",
        "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: 1 } }\n",
    );
    project.write(
        ".motet/motet.db",
        "This is a letter to a friend, long enough to be no database at all.".repeat(20),
    );
    assert_transcript!(project, project.transcript(&["run", "one.yaml"]) + &project.transcript(&["runs"]));
}

#[test]
fn settings_that_can_not_be_understood() {
    let project = Project::with(
        "one.yaml",
        "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: 1 } }\n",
    );
    project.write("motet.toml", "stroe = 'here'\n");
    assert_transcript!(project, project.transcript(&["run", "one.yaml"]));
}

#[test]
fn an_ffmpeg_that_is_killed_at_work() {
    let project = Project::with(
        "film.yaml",
        "motet: 1\nname: film\nsteps:\n  quiet: { uses: media/silence, with: { duration: 1 } }\n",
    );
    stand_in_for_ffmpeg(&project, "kill -9 $$");
    assert_transcript!(project, project.transcript(&["run", "film.yaml", "--id", "first"]));
}

#[test]
fn an_ffmpeg_that_is_too_old() {
    let project = Project::with(
        "film.yaml",
        "motet: 1\nname: film\nsteps:\n  quiet: { uses: media/silence, with: { duration: 1 } }\n",
    );
    stand_in_for_ffmpeg(
        &project,
        "[ \"$1\" = -version ] && echo 'ffmpeg version 4.1.9-0 Copyright (c) 2000-2022' && exit; \
         echo 'Option not found' >&2; exit 1",
    );
    let doctor = String::from_utf8(project.run(&["doctor"]).stdout).unwrap();
    let found = doctor.lines().skip_while(|line| !line.contains(" ffmpeg ")).take(2).collect::<Vec<_>>();
    assert_transcript!(
        project,
        found.join("\n") + "\n" + &project.transcript(&["run", "film.yaml", "--id", "first"])
    );
}

/// A folder that is a file system of its own, where this user may make one.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn at(path: std::path::PathBuf, options: &str) -> Option<Mounted> {
        std::fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&path)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: this user may not mount a file system");
        }
        mounted.then_some(Mounted(path))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_read_only_store() {
    let project = Project::with(
        "one.yaml",
        "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: 1 } }\n",
    );
    let Some(mounted) = Mounted::at(project.path().join(".motet"), "size=8m") else { return };
    project.good(&["run", "one.yaml", "--id", "first"]);
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&mounted.0).status().unwrap();
    assert!(remounted.success());
    let text = project.transcript(&["run", "one.yaml", "--new"]) + &project.transcript(&["runs"]);
    assert_transcript!(project, text);
}

#[test]
fn a_full_disk_stops_the_run_and_loses_nothing() {
    let project = Project::with(
        "one.yaml",
        "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: 1 } }\n",
    );
    project.write(
        "big.yaml",
        r#"motet: 1
name: big
steps:
  small: { uses: data/transform, with: { value: 1 } }
  scenes:
    needs: [small]
    each: [a, b, c, d, e, f, g, h, i, j, k, l]
    uses: local/scene
    with: { prompt: "the sea {{ item }}" }
"#,
    );
    let Some(mounted) = Mounted::at(project.path().join(".motet"), "size=6m") else { return };
    project.good(&["run", "one.yaml", "--id", "before"]);
    let arguments = ["run", "big.yaml", "--id", "first"];
    let output = project.run(&arguments);
    let text = transcript(&arguments, &output);
    assert_eq!(output.status.code(), Some(6), "{text}");
    assert!(text.contains("disk is full"), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    assert!(project.good(&["show", "before"]).contains("completed"), "what was there before is still there");
    let remounted = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&mounted.0).status().unwrap();
    assert!(remounted.success());
    project.good(&["resume", "first"]);
    assert!(project.good(&["show", "first"]).contains("completed"), "with room it goes on where it was");
}

/// Hands its input on.
const HAND_ON: &str = r#"motet: 1
name: hand-on
inputs: { x: {}, n: { type: number, default: 1 } }
steps:
  it: { uses: data/transform, with: { value: "{{ inputs.x }}" } }
outputs: { x: "{{ steps.it.value }}" }
"#;

#[test]
fn what_is_no_file_is_refused_at_once_wherever_a_file_is_named() {
    let project = Project::with("hand-on.yaml", HAND_ON);
    let made = Command::new("mkfifo").arg(project.path().join("pipe.yaml")).status();
    assert!(made.expect("every Unix has mkfifo").success());
    project.write("user.yaml", "motet: 1\nsteps: { a: { uses: ./pipe.yaml } }\n");
    project.write("probe.yaml", PROBE);
    let text = [
        ["check", "pipe.yaml"].as_slice(),
        &["run", "pipe.yaml"],
        &["check", "user.yaml"],
        &["check", "/dev/zero"],
        &["run", "hand-on.yaml", "--inputs", "pipe.yaml"],
        &["run", "hand-on.yaml", "--inputs", "."],
        &["run", "hand-on.yaml", "--input", "x=@pipe.yaml", "--store", ":memory:"],
        &["run", "probe.yaml", "--input", "media=@/dev/null", "--store", ":memory:"],
        &["sim", "--scenario", "pipe.yaml"],
        &["sim", "--scenario", "/dev/zero"],
    ];
    let text: String = text.iter().map(|arguments| project.transcript(arguments)).collect();
    assert_transcript!(project, text);
}

#[test]
fn numbers_that_are_too_large_end_in_words() {
    let project = Project::with("hand-on.yaml", HAND_ON);
    let write = |name: &str, value: &str| project.write(name, HAND_ON.replace("\"{{ inputs.x }}\"", value));
    write("plain.yaml", "1e400");
    write("expression.yaml", "\"{{ [1, 1e400] }}\"");
    project.write(
        "plain.json",
        r#"{"motet": 1, "steps": {"a": {"uses": "flow/sleep", "with": {"duration": 1e400}}}}"#,
    );
    project.write("inputs.json", r#"{"x": [1e400]}"#);
    project.write("digits.json", r#"{"x": [123456789012345678901]}"#);
    let run = |rest: &[&str]| {
        project.transcript(
            &[["run", "hand-on.yaml", "--store", ":memory:", "--no-out"].as_slice(), rest].concat(),
        )
    };
    let text = [
        project.transcript(&["check", "plain.yaml"]),
        project.transcript(&["check", "expression.yaml"]),
        project.transcript(&["check", "plain.json"]),
        run(&["--inputs", "inputs.json"]),
        run(&["--inputs", "digits.json"]),
        run(&["--input", "x=1e400"]),
        run(&["--input", "x=1", "--input", "n=-1e400"]),
        run(&["--input", "x=[123456789012345678901]"]),
        run(&["--input", "x=1", "--input", "n=123456789012345678901"]),
    ];
    assert_transcript!(project, text.concat());
}

#[test]
fn constants_that_are_impossible_only_together_are_refused_by_the_check() {
    let text = "motet: 1
name: together
inputs: { film: video, side: { type: integer, default: 4000 } }
steps:
  backwards: { uses: media/trim, with: { media: \"{{ inputs.film }}\", start: 5, end: 2 } }
  nothing: { uses: media/trim, with: { media: \"{{ inputs.film }}\", duration: 0 } }
  unseen: { uses: media/overlay, with: { video: \"{{ inputs.film }}\", text: a, from: 2, to: 2 } }
  wide: { uses: media/resize, with: { media: \"{{ inputs.film }}\", height: 1000, aspect_ratio: '10:1' } }
  tall: { uses: local/scene, with: { prompt: a boat, width: 4000, aspect_ratio: '1:5' } }
  large: { uses: local/scene, with: { prompt: a boat, length: 5, width: 2560 } }
  spare: { uses: flow/fail, with: { message: x }, fallback: [{ uses: local/scene, with: { prompt: x, height: 4000 } }] }
  unknown: { uses: local/scene, with: { prompt: a boat, width: \"{{ inputs.side }}\", aspect_ratio: '1:5' } }
  good: { uses: media/trim, with: { media: \"{{ inputs.film }}\", start: 2, end: 5 } }
";
    let project = Project::with("together.yaml", text);
    assert_transcript!(project, project.transcript(&["check", "together.yaml"]));
}

#[test]
fn inputs_that_look_like_a_journal_are_what_they_look_like() {
    let project = Project::with("hand-on.yaml", HAND_ON);
    let media =
        format!(r#"{{"$artifact":"sha256:{}","bytes":1,"kind":"image","mime":"image/png"}}"#, "0".repeat(64));
    for x in [r#"{"$absent":true}"#, r#"{"$plain":[["a",1]]}"#, media.as_str()] {
        project.write("inputs.json", format!(r#"{{"x":{x}}}"#));
        for given in [["--inputs", "inputs.json"], ["--input", &format!("x={x}")]] {
            let arguments = ["run", "hand-on.yaml", "--store", ":memory:", "--no-out", "--json"];
            let lines = project.good(&[arguments.as_slice(), &given].concat());
            let end: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap_or("{}")).unwrap();
            assert_eq!(end["outputs"]["x"].to_string(), x, "{lines}");
        }
    }
    let refused = project.transcript(&[
        "run",
        "hand-on.yaml",
        "--input",
        &format!("x={}{}", "[".repeat(5_000), "]".repeat(5_000)),
    ]);
    assert!(refused.contains("`x` has lists and objects nested more than 64 deep"), "{refused}");
    project.write("deep.json", format!(r#"{{"x":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000)));
    let refused = project.transcript(&["run", "hand-on.yaml", "--inputs", "deep.json"]);
    let told = "the inputs in deep.json can't be used: it has lists and objects nested more than 64 deep (line 1 column 132)";
    assert!(refused.contains(told), "{refused}");
}

/// 200 MiB: more than twice what the binary takes for a pipeline of one step.
const MEMORY_KB: u32 = 200 * 1024;

#[test]
fn what_doubles_from_step_to_step_is_checked_in_little_memory() {
    let project = Project::new();
    let step = |index: usize, text: &str| {
        format!("  s{index}: {}\n", text.replace("BEFORE", &format!("s{}", index - 1)))
    };
    let first = "motet: 1\nsteps:\n  s0: { uses: data/transform, with: { value: { x: 1 } } }\n";
    let chain = |text: &str| first.to_owned() + &(1..40).map(|index| step(index, text)).collect::<String>();
    let sets = format!("{{% set a = 1 %}}{}{{{{ a.l.l.l }}}}", "{% set a = {'l': a, 'r': a} %}".repeat(40));
    for (name, content) in [
        (
            "values.yaml",
            chain(
                "{ uses: data/transform, with: { value: { l: '{{ steps.BEFORE }}', r: '{{ steps.BEFORE }}' } } }",
            ),
        ),
        (
            "groups.yaml",
            chain(
                "{ steps: { a: { uses: flow/sleep, with: { duration: 1 } } }, outputs: { l: '{{ steps.BEFORE }}', r: '{{ steps.BEFORE }}' } }",
            ),
        ),
        (
            "fan_outs.yaml",
            chain("{ each: [1], uses: data/transform, with: { value: '{{ steps.BEFORE }}' } }"),
        ),
        (
            "sets.yaml",
            format!("motet: 1\nsteps: {{ a: {{ uses: data/transform, with: {{ value: \"{sets}\" }} }} }}\n"),
        ),
        (
            "constants.yaml",
            format!(
                "motet: 1\nsteps: {{ a: {{ uses: data/transform, with: {{ value: [{}] }} }} }}\n",
                "\"{{ 'x' * 4000 }}\", ".repeat(50_000)
            ),
        ),
    ] {
        project.write(name, content);
        for command in ["check", "plan"] {
            let limited = format!(
                "ulimit -v {MEMORY_KB} && exec {} {command} {name}",
                assert_cmd::cargo::cargo_bin!("motet").display()
            );
            let output = project.command_of("sh").args(["-c", &limited]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command} {name}: {}", &said[..said.len().min(400)]);
        }
    }
}

/// The table of a plan is as wide as its widest cell: a step that waits for all others must not make every
/// row as long as their names.
#[test]
fn a_plan_whose_last_step_waits_for_thousands_is_shown_in_lines_of_a_sensible_length() {
    const STEPS: usize = 3_000;
    let names: Vec<_> = (0..STEPS).map(|index| format!("s{index}")).collect();
    let steps: String = names
        .iter()
        .map(|name| format!("  {name}: {{ uses: data/transform, with: {{ value: 1 }} }}\n"))
        .collect();
    let last =
        format!("  last: {{ uses: data/transform, needs: [{}], with: {{ value: 1 }} }}\n", names.join(", "));
    let project = Project::with("wide.yaml", format!("motet: 1\nname: wide\nsteps:\n{steps}{last}"));
    let shown = project.good(&["plan", "wide.yaml"]);
    assert!(shown.contains("s22, s23 and 2976 more"), "{}", &shown[shown.len() - 1_000..]);
    let longest = shown.lines().map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|longest| longest <= 300), "{longest:?}");
}

#[test]
fn a_list_of_no_runs_and_a_file_without_a_name_are_refused_in_words() {
    let project = Project::with(
        "one.yaml",
        "motet: 1\nname: one\ninputs: { who: { type: string } }\nsteps:\n  x: { uses: data/transform, with: { value: \"{{ inputs.who }}\" } }\n",
    );
    let told = project.transcript(&["runs", "--limit", "0"])
        + &project.transcript(&["runs", "--limit", "many"])
        + &project.transcript(&["run", "one.yaml", "-i", "who=@"]);
    assert_transcript!(project, told);
}

/// Whatever an operation would refuse of a constant, at any depth.
#[test]
fn constants_that_cannot_work_are_refused_by_the_check_with_their_place() {
    let project = Project::with(
        "constants.yaml",
        r##"motet: 1
name: constants
inputs: { seconds: { type: number, default: 1 } }
steps:
  p: { uses: local/scene, with: { prompt: sea } }
  flat: { uses: local/scene, with: { prompt: sea, aspect_ratio: "9:1" } }
  say: { uses: local/speak, with: { text: "...", voice: "../en", language: "de+f3" } }
  ratio: { uses: media/resize, with: { media: "{{ steps.p.image }}", aspect_ratio: "16x9" } }
  size: { uses: media/resize, with: { media: "{{ steps.p.image }}" } }
  colour: { uses: media/merge, with: { items: ["{{ steps.p.image }}"], background: "#12" } }
  film:
    uses: media/merge
    with:
      items:
        - { media: "{{ steps.p.image }}", duraton: 3 }
        - { media: "{{ steps.p.image }}", duration: -3, volume: loud, fade_in: "{{ inputs.seconds }}" }
        - { media: "{{ steps.p.image }}", audio: "{{ steps.p.image }}" }
  part: { uses: media/trim, with: { media: "{{ steps.film.video }}", duration: 1, end: 2 } }
  fast: { uses: media/retime, with: { media: "{{ steps.film.video }}" } }
  words: { uses: media/captions, with: { video: "{{ steps.film.video }}", script: hello, font: "a,b" } }
  both: { uses: media/captions, with: { video: "{{ steps.film.video }}", script: hello, words: [] } }
"##,
    );
    assert_transcript!(project, project.transcript(&["check", "constants.yaml"]));
}
