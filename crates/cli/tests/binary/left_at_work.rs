//! Programs that a killed process left at work: those of Motet are ended, all others are left alone.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::project::Project;

const CLIP: &str = r#"motet: 1
name: clip
steps:
  draw: { uses: local/scene, with: { prompt: a boat, width: 64, height: 64 } }
  clip: { uses: media/animate, with: { image: "{{ steps.draw.image }}", duration: 1 } }
"#;

/// A project in which ffmpeg never comes to an end; it holds one end of a pipe as long as it lives.
struct Endless {
    project: Project,
    pipe: PathBuf,
}

impl Endless {
    fn new() -> Endless {
        let project = Project::with("clip.yaml", CLIP);
        let pipe = project.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *-version*) exit 0;; esac\nexec 9>'{}'\necho at work >&9\nexec sleep 1000\n",
            pipe.display()
        );
        let program = project.write("bin/ffmpeg", script);
        std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Endless { project, pipe }
    }

    /// Starts the binary, and waits until ffmpeg is at work; what is read from the pipe ends with it.
    fn at_work(&self) -> (Child, File) {
        let mut command = self.project.command(&["run", "clip.yaml"]);
        let usual = std::env::var_os("PATH").unwrap().into_string().unwrap();
        command.env("PATH", format!("{}:{usual}", self.project.path().join("bin").display()));
        let owner = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut pipe = File::open(&self.pipe).unwrap();
        let mut said = [0; 8];
        pipe.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"at work\n");
        (owner, pipe)
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_a_killed_owner_left_at_work_is_ended_by_the_next_one() {
    let endless = Endless::new();
    let (mut owner, mut pipe) = endless.at_work();
    owner.kill().unwrap();
    owner.wait().unwrap();

    let (mut next, mut its_pipe) = endless.at_work();
    // Both have the pipe open until the first is dead, so the second's end is what is waited for.
    next.kill().unwrap();
    next.wait().unwrap();
    let text = endless.project.good(&["cancel", &only_run(&endless.project)]);
    assert_eq!(text, "");
    let mut rest = String::new();
    pipe.read_to_string(&mut rest).unwrap();
    its_pipe.read_to_string(&mut rest).unwrap();
    assert_eq!(std::fs::read_dir(endless.project.path().join(".motet/children")).unwrap().count(), 0);
}

fn only_run(project: &Project) -> String {
    let rows = project.good(&["runs", "--json"]);
    assert_eq!(rows.lines().count(), 1);
    let row: serde_json::Value = serde_json::from_str(&rows).unwrap();
    row["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_program_of_somebody_else_that_works_below_the_store_is_left_alone() {
    let project = Project::with(
        "clip.yaml",
        CLIP.replace("media/animate", "media/probe").replace("image:", "media:").replace(", duration: 1", ""),
    );
    project.good(&["run", "clip.yaml"]);
    let places = ["scratch", "scratch/0123456789abcdef0123456789abcdef", "artifacts"];
    std::fs::create_dir(project.path().join(".motet").join(places[1])).unwrap();
    let strangers = places.map(|place| {
        let mut command = Command::new("sleep");
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
            .arg("1000")
            .current_dir(project.path().join(".motet").join(place))
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    });
    project.good(&["run", "clip.yaml", "--new"]);
    for mut stranger in strangers {
        assert_eq!(stranger.try_wait().unwrap(), None, "it is still at work");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}

#[test]
fn nothing_is_executed_from_within_the_store() {
    let endless = Endless::new();
    let project = &endless.project;
    project.write(
        "one.yaml",
        "motet: 1\nname: one\nsteps:\n  x: { uses: data/transform, with: { value: 1 } }\n",
    );
    project.good(&["run", "one.yaml"]);
    let planted = "#!/bin/sh\ntouch \"$(dirname \"$0\")/was-executed\"\nexit 1\n";
    for name in ["ffmpeg", "ffprobe"] {
        let planted = project.write(&format!(".motet/{name}"), planted);
        std::fs::set_permissions(planted, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let usual = std::env::var_os("PATH").unwrap().into_string().unwrap();
    for path in [format!("../..:{usual}"), format!("{}:{usual}", project.path().join(".motet").display())] {
        let output = project.command(&["run", "clip.yaml", "--new"]).env("PATH", path).output().unwrap();
        assert!(!project.path().join(".motet/was-executed").exists());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
