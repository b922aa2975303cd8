//! A project in a folder of its own, and transcripts of the binary in it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with files, in which the binary is run.
pub struct Project {
    folder: TempDir,
    /// What the user has outside of it: whom they trust.
    state: TempDir,
}

impl Project {
    /// An empty project.
    pub fn new() -> Project {
        let folder = || TempDir::new().expect("a temporary folder can be made");
        Project { folder: folder(), state: folder() }
    }

    /// A project with one file.
    pub fn with(name: &str, content: impl AsRef<[u8]>) -> Project {
        let project = Project::new();
        project.write(name, content);
        project
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of what the user has outside of the project.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// Writes a file, with the folders on the way to it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder"))
            .expect("the folder can be made");
        std::fs::write(&path, content).expect("the file can be written");
        path
    }

    /// The binary with some arguments, in this folder, in a bare environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_of(assert_cmd::cargo::cargo_bin!("motet"));
        command.args(arguments);
        command
    }

    /// Another program in this folder, in a bare environment.
    pub fn command_of(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("XDG_STATE_HOME", self.state.path())
            .env("LANG", "C.UTF-8")
            .env("USER", "tester")
            .env("TZ", "UTC");
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary can be started")
    }

    /// What it wrote and how it ended, as it would stand in a log.
    pub fn transcript(&self, arguments: &[&str]) -> String {
        transcript(arguments, &self.run(arguments))
    }

    /// Runs it and insists that it ends well.
    pub fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", transcript(arguments, &output));
        String::from_utf8(output.stdout).expect("output is UTF-8")
    }
}

/// A `motet` that goes on while the test does other things.
pub struct Running {
    pub child: Child,
    /// What it says to standard error from then on.
    pub lines: BufReader<ChildStderr>,
    /// What it has said there.
    pub told: String,
}

impl Running {
    /// Starts it, and waits until it has said `words` to standard error.
    pub fn until(mut command: Command, words: &str) -> Running {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let mut running = Running { child, lines, told: String::new() };
        while !running.told.contains(words) {
            let read = running.lines.read_line(&mut running.told).unwrap();
            assert!(read > 0, "it ended early: {}", running.told);
        }
        running
    }

    /// Starts it, and waits until its step sleeps.
    pub fn asleep(command: Command) -> Running {
        Running::until(command, "sleeps for")
    }

    /// Its exit code, and all that it said to standard error.
    pub fn end(mut self) -> (Option<i32>, String) {
        self.lines.read_to_string(&mut self.told).unwrap();
        (self.child.wait().unwrap().code(), self.told)
    }
}

/// Starts it and waits until its step sleeps.
pub fn asleep(command: Command) -> Child {
    Running::asleep(command).child
}

/// The same, with what it says from then on.
pub fn asleep_with_lines(command: Command) -> (Child, BufReader<ChildStderr>) {
    let Running { child, lines, .. } = Running::asleep(command);
    (child, lines)
}

/// The same, with what it said until then.
pub fn asleep_and_told(command: Command) -> (Child, String) {
    let Running { child, told, .. } = Running::asleep(command);
    (child, told)
}

/// Ends it as `kill -9` does.
pub fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A script of the shell that does what ffmpeg should do.
pub fn stand_in_for_ffmpeg(project: &Project, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = project.write("ffmpeg", format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    project.write("motet.toml", format!("[tools]\nffmpeg = \"{}\"\n", path.display()));
    project.good(&["trust", "--yes"]);
}

/// What the binary wrote and how it ended.
pub fn transcript(arguments: &[&str], output: &Output) -> String {
    let mut text = format!("$ motet {}\n", arguments.join(" "));
    text.push_str(&String::from_utf8_lossy(&output.stdout));
    if !output.stderr.is_empty() {
        text.push_str("--- stderr\n");
        text.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    match output.status.code() {
        Some(code) => text.push_str(&format!("--- exit {code}\n")),
        None => text.push_str("--- killed\n"),
    }
    text
}

/// Compares with a snapshot, without what differs from run to run.
#[macro_export]
macro_rules! assert_transcript {
    ($project:expr, $transcript:expr) => {{
        let mut settings = insta::Settings::clone_current();
        let folder = $project.path().display().to_string();
        settings.add_filter(&folder.replace('.', "\\."), "[project]");
        settings.add_filter(&$project.state().display().to_string().replace('.', "\\."), "[state]");
        settings.add_filter(r"sha256:[0-9a-f]{64}", "sha256:[digest]");
        settings.add_filter(r"artifacts/[0-9a-f]{2}/[0-9a-f]{62}", "artifacts/[digest]");
        settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[moment]");
        settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d", "[moment]");
        settings.add_filter(r"\d\d:\d\d:\d\d\.\d{3}", "[clock]");
        settings.add_filter(r"\b\d\d:\d\d  ", "[clock]  ");
        settings.add_filter(r"   \d\d:\d\d\n", "   [clock]\n");
        settings.add_filter(r", last heard from [^\n]* ago", "");
        settings.add_filter(r"worked on it for [^\n]+", "worked on it for [span]");
        // A length of time, with the blanks that it leaves to the next column.
        settings.add_filter(r"\b(\d+ ms|\d+\.\d s)\b( {2,})", "[span]   ");
        settings.add_filter(r"\b(\d+ ms|\d+\.\d s)\b", "[span]");
        settings.add_filter(r"  took +", "  took   ");
        settings.add_filter(r#""duration_ms":\d+"#, r#""duration_ms":"[span]""#);
        settings.add_filter(r#""duration_ms": \d+"#, r#""duration_ms": "[span]""#);
        settings.bind(|| insta::assert_snapshot!($transcript));
    }};
}
