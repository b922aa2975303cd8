//! What was paid, by the ledger of the simulator and by our own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::project::Project;
use crate::simulator::Simulator;

pub const STORE: &str = ".motet/sim";

/// Each step of each film was charged once, no attempt was sent twice, and all that was charged is in `motet costs`.
pub fn assert_paid_once(project: &Project, simulator: &Simulator, films: &[String]) {
    let ledger = simulator.ledger();
    let mut sent = BTreeSet::new();
    let mut charged: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for line in &ledger {
        assert!(line["violation"].is_null(), "{line}");
        let key = line["attempt_key"].as_str().unwrap();
        assert!(sent.insert(key), "{key} was sent twice");
        let (film, rest) = key.split_once('/').unwrap();
        let (step, _) = rest.rsplit_once('/').unwrap();
        let amount = line["charged_usd"].as_f64().unwrap_or(0.0);
        if amount > 0.0 {
            charged.entry((film, step)).or_default().push(amount);
        }
    }
    let mut total = BTreeMap::new();
    for film in films {
        for step in ["still", "clip", "voice"] {
            let amounts = charged.remove(&(film.as_str(), step)).unwrap_or_default();
            assert_eq!(amounts.len(), 1, "{film}/{step} was charged {amounts:?}");
            *total.entry(film).or_insert(0.0) += amounts[0];
        }
    }
    assert!(charged.is_empty(), "{charged:?}");
    for (film, amount) in total {
        let costs = json(project, &["costs", film, "--json", "--store", STORE]);
        let booked: f64 = ["billed", "computed", "maybe_billed"]
            .iter()
            .map(|basis| costs["total"][basis].as_str().unwrap().parse::<f64>().unwrap())
            .sum();
        // What was killed before it left, and can't be told from what is being made, may be booked in addition.
        let is_exact = costs["total"]["maybe_billed"] == "0";
        let is_right = if is_exact { (booked - amount).abs() < 1e-8 } else { booked + 1e-8 > amount };
        assert!(is_right, "{film}: {amount} was charged, and {booked} is booked: {costs}");
    }
}

/// What a command says as JSON.
pub fn json(project: &Project, arguments: &[&str]) -> Json {
    let output = project.run(arguments);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.push(path),
        }
    }
    files
}
