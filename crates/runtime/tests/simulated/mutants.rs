//! Planted bugs, which `make mutants` finds: here only that they can still be planted.

use std::process::Command;

use crate::stage::repository;

/// Where the laws have their names.
const LAWS: [&str; 3] = [include_str!("laws.rs"), include_str!("succession.rs"), include_str!("courtesy.rs")];

#[test]
fn each_planted_bug_can_still_be_planted_and_names_the_law_that_finds_it() {
    let mut patches = 0;
    for entry in std::fs::read_dir(repository("mutants")).unwrap() {
        let path = entry.unwrap().path();
        let patch = std::fs::read_to_string(&path).unwrap();
        let name = path.display();
        let mut head = patch.lines();
        assert!(head.next().is_some_and(|what| what.ends_with('.')), "{name} says first what is broken");
        let law = head.next().and_then(|line| line.strip_prefix("Law: ")).unwrap_or_default();
        assert!(LAWS.iter().any(|laws| laws.contains(&format!("(\"{law}\","))), "{name}: no law `{law}`");
        let checked = Command::new("git")
            .args(["apply", "--check"])
            .arg(path.canonicalize().unwrap())
            .current_dir(repository(""))
            .output()
            .unwrap();
        assert!(checked.status.success(), "{name}: {}", String::from_utf8_lossy(&checked.stderr));
        patches += 1;
    }
    assert!(patches >= 20, "{patches}");
}
