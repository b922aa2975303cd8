//! The published schema against the fixtures: it takes all good ones, and refuses those whose fault
//! is one of structure.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use motet_pipeline::schema::json_schema;

/// Fixtures with a fault that a schema can see.
const STRUCTURAL: &[&str] = &[
    "err_bad_class",
    "err_condition",
    "err_declarations",
    "err_doubtful_scalars",
    "err_each",
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
