//! Programs that a killed process left at work: those of Motet are ended, all others are left alone.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use crate::project::Project;

const CLIP: &str = r#"motet: 1
name: clip
steps:
  draw: { uses: local/scene, with: { prompt: a boat, width: 64, height: 64 } }
  clip: { uses: media/animate, with: { image: "{{ steps.draw.image }}", duration: 1 } }
"#;

/// A project in which ffmpeg never comes to an end. It holds one end of a pipe as long as it lives.
struct Endless(Project);

impl Endless {
    fn new() -> Endless {
        let project = Project::with("clip.yaml", CLIP);
        let pipe_now = project.path().join("pipe-now");
        let script = format!(
            "#!/bin/sh\nexec 9>\"$(cat '{}')\"\necho at work >&9\nexec sleep 1000\n",
            pipe_now.display()
        );
        let program = project.write("bin/ffmpeg", script);
        std::fs::set_permissions(program, PermissionsExt::from_mode(0o755)).unwrap();
        Endless(project)
    }

    /// Starts the binary, and waits until ffmpeg is at work; what is read from the pipe ends with it.
    fn at_work(&self, pipe: &str) -> (Child, File) {
        let project = &self.0;
        let pipe = project.path().join(pipe);
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        project.write("pipe-now", pipe.display().to_string());
        let mut command = project.command(&["run", "clip.yaml", "--id", "clip"]);
        command.env("PATH", format!("{}:{}", project.path().join("bin").display(), usual_path()));
        let owner = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut pipe = File::open(pipe).unwrap();
        let mut said = [0; 8];
        pipe.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"at work\n");
        (owner, pipe)
    }

    fn notes(&self) -> usize {
        std::fs::read_dir(self.0.path().join(".motet/children")).unwrap().count()
    }
}

fn usual_path() -> String {
    std::env::var_os("PATH").unwrap().into_string().unwrap()
}

/// Kills it as nothing else does: without a word.
fn kill(mut owner: Child) {
    owner.kill().unwrap();
    owner.wait().unwrap();
}

/// Waits until whoever has the other end is dead.
fn expect_end(mut pipe: File) {
    let mut rest = String::new();
    pipe.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_a_killed_owner_left_at_work_is_ended_by_the_next_one() {
    let endless = Endless::new();
    let (first, its_pipe) = endless.at_work("first");
    kill(first);
    assert_eq!(endless.notes(), 1);
    // It goes on with the run, and so makes the clip again.
    let (second, second_pipe) = endless.at_work("second");
    expect_end(its_pipe);
    assert_eq!(endless.notes(), 1, "that of the second one");
    kill(second);
    endless.0.good(&["cancel", "clip"]);
    expect_end(second_pipe);
    assert_eq!(endless.notes(), 0);
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
    let project = Project::with("clip.yaml", CLIP);
    project.good(&["run", "clip.yaml"]);
    let planted = "#!/bin/sh\ntouch \"$(dirname \"$0\")/was-executed\"\nexit 1\n";
    for name in ["ffmpeg", "ffprobe"] {
        let planted = project.write(&format!(".motet/{name}"), planted);
        std::fs::set_permissions(planted, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let run_with = |path: String| {
        let output = project.command(&["run", "clip.yaml", "--new"]).env("PATH", path).output().unwrap();
        assert!(!project.path().join(".motet/was-executed").exists());
        output
    };
    // Seen from a folder below the store, this is the store.
    let output = run_with(format!("../..:{}", usual_path()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = run_with(format!("{}:{}", project.path().join(".motet").display(), usual_path()));
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("is inside the store, from which no program is run"), "{told}");
}
