//! `cache`: what another run made is taken, and isn't paid again.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::simulated::Stage;
use crate::simulator::Simulator;

/// Two pictures of the same with the same seed, at $0.003.
const PAIR: &str = r#"
motet: 1
name: pair
steps:
  one: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a sea, seed: 7 }, cache: true }
  other: { uses: replicate/black-forest-labs/flux-schnell, with: { prompt: a sea, seed: 7 }, cache: { ttl: 7d } }
outputs: { one: "{{ steps.one.image }}", other: "{{ steps.other.image }}" }
"#;

fn sum(costs: &Json, name: &str) -> String {
    costs["total"][name].as_str().unwrap().to_owned()
}

#[test]
fn two_identical_paid_steps_are_one_charge_in_this_run_and_the_next() {
    let stage = Stage::with("pair.yaml", PAIR);
    let simulator = Simulator::begin(&stage.0, "[]");
    let place = format!("--sim={}", simulator.url());
    stage.ends(0, &["run", "pair.yaml", "--id", "first", &place]);
    assert_eq!(simulator.ledger().len(), 1, "two steps, one charge");
    stage.ends(0, &["run", "pair.yaml", "--id", "second", &place]);
    assert_eq!(simulator.ledger().len(), 1, "another run, no charge");
    let costs = stage.json(&["costs", "--json", "--store", ".motet/sim"]);
    assert_eq!((sum(&costs, "computed"), sum(&costs, "saved")), ("0.003".into(), "0.009".into()));
    stage.ends(0, &["run", "pair.yaml", "--id", "third", "--no-cache", &place]);
    assert_eq!(simulator.ledger().len(), 3, "without the cache each pays");
    let by_day = stage.json(&["costs", "--json", "--by", "day", "--store", ".motet/sim"]);
    assert_eq!(by_day["groups"][0]["saved"], "0.009");
}

/// The one file in a folder, however far in.
fn only_file_in(folder: &Path) -> PathBuf {
    let mut inside = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found =
        inside.find(|path| path.is_file() || path.is_dir() && std::fs::read_dir(path).unwrap().count() > 0);
    let found = found.unwrap();
    if found.is_dir() { only_file_in(&found) } else { found }
}

#[test]
fn a_result_whose_file_is_gone_is_made_again_and_one_that_is_damaged_is_no_bill() {
    let single = PAIR.lines().filter(|line| !line.contains("other")).collect::<Vec<_>>().join("\n")
        + "\noutputs: { one: \"{{ steps.one.image }}\" }\n";
    let stage = Stage::with("single.yaml", &single);
    let simulator = Simulator::begin(&stage.0, "[]");
    let place = format!("--sim={}", simulator.url());
    stage.ends(0, &["run", "single.yaml", "--id", "first", &place]);
    let path = only_file_in(&stage.store().join("artifacts"));
    std::fs::remove_file(&path).unwrap();
    stage.ends(0, &["run", "single.yaml", "--id", "second", &place]);
    assert_eq!(simulator.ledger().len(), 2, "it is gone, so it is made again");
    let path = only_file_in(&stage.store().join("artifacts"));
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&path, "short").unwrap();
    let said = stage.ends(1, &["run", "single.yaml", "--id", "third", &place]);
    assert!(said.contains("--no-cache") && said.contains("damaged"), "{said}");
    assert_eq!(simulator.ledger().len(), 2, "it can't be read, and isn't bought again");
}

#[test]
fn a_plan_says_what_may_come_from_the_cache() {
    let stage = Stage::with("pair.yaml", PAIR);
    let output = stage.run(&["plan", "pair.yaml"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("may come from the cache, at most 7d old"), "{told}");
}
