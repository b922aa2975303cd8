//! Stories in a process of their own: the test binary runs itself again, for one ignored test.
#![allow(dead_code, reason = "every test takes what it needs")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FOLDER: &str = "MOTET_TEST_FOLDER";

/// The folder that the parent handed over; nothing in an ordinary run of all ignored tests.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// The command that plays the ignored test `story` in `folder`; its standard output can be read.
pub fn play(story: &str, folder: &Path) -> Command {
    let myself = std::env::current_exe().expect("a test binary has a path");
    within(&[], story, folder, &myself)
}

/// The same below another command, such as `setpriv …`, which is given the rest as its arguments.
pub fn play_within(outer: &[&str], story: &str, folder: &Path) -> Command {
    let myself = std::env::current_exe().expect("a test binary has a path");
    within(outer, story, folder, &myself)
}

fn within(outer: &[&str], story: &str, folder: &Path, myself: &Path) -> Command {
    let mut command = match outer {
        [] => Command::new(myself),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(myself);
            command
        }
    };
    command.args(["--exact", story, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}
