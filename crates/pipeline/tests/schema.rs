//! The published schema against the fixtures: it takes all good ones, and refuses those whose fault
//! is one of structure.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use motet_pipeline::Bundle;
use motet_pipeline::check::check;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::schema::json_schema;

/// Fixtures with a fault that a schema can see.
const STRUCTURAL: &[&str] = &[
    "err_bad_class",
    "err_budget",
    "err_cache",
    "err_closing",
    "err_condition",
    "err_declarations",
    "err_doubtful_scalars",
    "err_each",
    "err_fit",
    "err_inputs",
    "err_list",
    "err_many",
    "err_misplaced",
    "err_names",
    "err_no_steps",
    "err_not_supported_yet",
    "err_output_type",
    "err_retry",
    "err_unknown_key",
    "err_uses",
    "err_values",
    "err_version_missing",
    "err_version_newer",
];

#[test]
fn all_good_pipelines_are_taken() {
    for folder in ["good", "good/parts"] {
        for path in fixtures(folder) {
            let faults: Vec<_> =
                validator().iter_errors(&read(&path).unwrap()).map(|error| error.to_string()).collect();
            assert_eq!(faults, Vec::<String>::new(), "{}", path.display());
        }
    }
}

#[test]
fn pipelines_with_a_fault_of_structure_are_refused() {
    let refused: Vec<_> = fixtures("")
        .into_iter()
        .filter(|path| read(path).is_some_and(|content| !validator().is_valid(&content)))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(refused, STRUCTURAL);
}

#[test]
fn the_schema_and_the_check_agree_on_single_values() {
    let step = |keys: &str| {
        format!("motet: 1\nsteps: {{ a: {{ uses: flow/sleep, with: {{ duration: 1 }}, {keys} }} }}")
    };
    let table = [
        (step("timeout: 1h30m"), true),
        (step("timeout: 0s"), false),
        (step("timeout: 10"), false),
        (step("timeout: { job: 1s, total: 2.5m }"), true),
        (step("retry: { on: any, timeout: 1.5x }"), true),
        (step("retry: { on: [] }"), false),
        (step("retry: { timeout: 0x }"), false),
        (step("retry: [{ on: timeout }, { on: [gone] }]"), true),
        (step("each: [1, 2], quorum: 50%"), true),
        (step("each: [1, 2], quorum: 0%"), false),
        (step("each: [1, 2], quorum: 0"), false),
        (step("each: [1, 2], quorum: \"2\""), true),
        (step("each: [1, 2], max_parallel: 0"), false),
        (step("quorum: 1"), false),
        (step("if: true"), true),
        (step("if: \"yes\""), false),
        (step("needs: []"), true),
        (step("").replace("motet: 1", "motet: \"1\""), false),
        (step("").replace("motet: 1", "motet: 1\non_failure: undo"), true),
        (step("").replace("motet: 1", "motet: 1\non_failure: redo"), false),
        (step("always: true"), true),
        (step("always: 1"), false),
        (step("").replace("motet: 1", "motet: 1\nlabels: { a: 1 }"), false),
    ];
    for (text, good) in table {
        let plain = motet_pipeline::document::plain(&text).unwrap();
        assert_eq!(validator().is_valid(&plain), good, "schema: {text}");
        let checked = check(&Bundle::of_text("film.yaml", text.clone()), &Catalogue::default());
        assert_eq!(checked.plan.is_some(), good, "check: {text} {:?}", checked.diagnostics);
    }
}

fn validator() -> Validator {
    jsonschema::validator_for(&json_schema()).expect("the published schema is a schema")
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
}

/// The content of a well-formed file as an editor sees it.
fn read(path: &Path) -> Option<serde_json::Value> {
    motet_pipeline::document::plain(&std::fs::read_to_string(path).unwrap())
}
