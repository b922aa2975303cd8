//! Every program is run, and says what it is meant to say.

use std::path::Path;
use std::process::Command;

/// What a program prints.
fn run(program: &str, arguments: &[&Path]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn in_memory() {
    insta::assert_snapshot!(run(env!("CARGO_BIN_EXE_in_memory"), &[]));
}

#[test]
fn custom_provider() {
    insta::assert_snapshot!(run(env!("CARGO_BIN_EXE_custom_provider"), &[]));
}

#[test]
fn persistent_resume() {
    insta::assert_snapshot!(run(env!("CARGO_BIN_EXE_persistent_resume"), &[]));
}

#[test]
fn diy_orchestrator() {
    insta::assert_snapshot!(run(env!("CARGO_BIN_EXE_diy_orchestrator"), &[]));
}

#[test]
fn compose() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("cat.mp4");
    insta::assert_snapshot!(run(env!("CARGO_BIN_EXE_compose"), &[&film]));
    assert!(film.metadata().unwrap().len() > 1000);
}

#[test]
fn stages() {
    insta::assert_snapshot!(run(env!("CARGO_BIN_EXE_stages"), &[]));
}

#[test]
fn circuit_breaker() {
    insta::assert_snapshot!(run(env!("CARGO_BIN_EXE_circuit_breaker"), &[]));
}

#[test]
fn run_event() {
    insta::assert_snapshot!(run(env!("CARGO_BIN_EXE_run_event"), &[]));
}

#[test]
fn orchestrator() {
    insta::assert_snapshot!(run(env!("CARGO_BIN_EXE_orchestrator"), &[]));
}
