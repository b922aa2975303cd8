//! The arrows between the crates, and what keeps the pure ones pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// Which crates of this workspace a crate may use. A new arrow is a page in `docs/decisions`.
const ARROWS: &[(&str, &[&str])] = &[
    ("motet-pipeline", &[]),
    ("motet-engine", &["motet-pipeline"]),
    ("motet-store", &["motet-pipeline", "motet-engine"]),
    ("motet-local", &["motet-pipeline"]),
    ("motet-providers", &["motet-pipeline"]),
    ("motet-media", &["motet-pipeline"]),
    (
        "motet",
        &["motet-pipeline", "motet-engine", "motet-store", "motet-local", "motet-providers", "motet-media"],
    ),
    ("motet-sim", &[]),
    ("motet-server", &["motet"]),
    ("motet-cli", &["motet", "motet-server", "motet-sim"]),
    // One of its programs is a simulator that breaks down.
    ("motet-examples", &["motet", "motet-sim"]),
    ("motet-bench", &["motet", "motet-server"]),
];

/// What the pure crates may use from outside: nothing that reads a clock, a file or the network.
const PURE: &[(&str, &[&str])] = &[
    (
        "motet-pipeline",
        &[
            "annotate-snippets",
            "granit-parser",
            "jsonschema",
            "minijinja",
            "rapidfuzz",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
        ],
    ),
    ("motet-engine", &["serde", "serde_json", "thiserror"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// For every package of the workspace what it uses: itself, or for what `kind` names (`dev`, `build`).
fn dependencies(kind: Option<&str>) -> BTreeMap<String, BTreeSet<String>> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(root());
    let output = command.output().expect("cargo runs: it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Json = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let used = |package: &Json| -> BTreeSet<String> {
        let all = package["dependencies"].as_array().expect("a package has a list of dependencies").iter();
        let of_kind = all.filter(|dependency| dependency["kind"].as_str() == kind);
        of_kind.filter_map(|dependency| dependency["name"].as_str().map(str::to_owned)).collect()
    };
    let named =
        |package: &Json| (package["name"].as_str().expect("a package has a name").to_owned(), used(package));
    packages.iter().map(named).collect()
}

#[test]
fn the_arrows_between_crates_are_those_of_the_design() {
    let used = dependencies(None);
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for (package, dependencies) in &used {
        let Some(allowed) = arrows.get(package.as_str()) else {
            panic!("{package} is new: say in ARROWS what it may use, and why in docs/decisions");
        };
        let ours = dependencies.iter().filter(|name| used.contains_key(*name));
        for other in ours {
            assert!(allowed.contains(&other.as_str()), "{package} may not use {other}");
        }
    }
    let gone: Vec<_> = arrows.keys().filter(|name| !used.contains_key(**name)).collect();
    assert!(gone.is_empty(), "ARROWS names packages that aren't there: {gone:?}");
}

#[test]
fn arrows_point_one_way() {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for (package, uses) in &arrows {
        for other in *uses {
            assert!(!arrows[other].contains(package), "{package} and {other} use each other");
        }
    }
}

#[test]
fn the_pure_crates_use_nothing_that_is_not_on_their_list() {
    let (used, built) = (dependencies(None), dependencies(Some("build")));
    for (package, allowed) in PURE {
        let allowed: BTreeSet<_> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let outside: BTreeSet<_> =
            used[*package].iter().filter(|name| !used.contains_key(*name)).cloned().collect();
        assert_eq!(outside, allowed, "{package}");
        assert!(built[*package].is_empty(), "{package} runs code when it is built");
    }
}

#[test]
fn the_pure_crates_refuse_clocks_threads_and_hash_maps() {
    let read = |package: &str| {
        let path = root().join("crates").join(package).join("clippy.toml");
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let rules = read("engine");
    assert_eq!(rules, read("pipeline"));
    let refused =
        ["HashMap", "HashSet", "Instant", "SystemTime", "thread::spawn", "fs::File", "process::Command"];
    for name in refused {
        assert!(rules.contains(name), "clippy.toml of the pure crates doesn't refuse {name}");
    }
}

#[test]
fn only_the_terminal_writes_to_the_terminal() {
    let writes = ["print!(", "println!(", "dbg!(", "io::stdout", "io::stderr"];
    let crates = std::fs::read_dir(root().join("crates")).unwrap();
    let crates = crates.map(|entry| entry.unwrap().path());
    // The simulator stands apart, with a program of its own that writes one line.
    let crates = crates.filter(|path| !path.ends_with("sim"));
    let mut sources: Vec<PathBuf> = crates.map(|path| path.join("src")).collect();
    let mut found = Vec::new();
    while let Some(path) = sources.pop() {
        if path.is_dir() {
            sources.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if code.flat_map(|line| writes.iter().map(|word| line.contains(word))).any(|writes| writes) {
                found.push(path);
            }
        }
    }
    let [only] = found.as_slice() else { panic!("what these write isn't made visible: {found:?}") };
    assert!(only.ends_with("cli/src/terminal.rs"), "{}", only.display());
}
