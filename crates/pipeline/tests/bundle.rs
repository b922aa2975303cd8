//! Bundles: which files belong to a pipeline, and what its version is.

use std::collections::BTreeMap;

use motet_pipeline::check::check;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::{Bundle, Digest};

fn load(main: &str, files: &[(&str, &str)]) -> Bundle {
    let files: BTreeMap<_, _> = files.iter().copied().collect();
    let bundle = Bundle::load(main, &mut |path| {
        files.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| "no such file".to_owned())
    });
    bundle.expect("all files are there")
}

fn digest(main: &str, files: &[(&str, &str)]) -> Digest {
    let checked = check(&load(main, files), &Catalogue::default());
    assert_eq!(checked.diagnostics, []);
    checked.plan.expect("there is no error").version
}

const MAIN: &str = "motet: 1\nsteps:\n  part: { uses: ./parts/part.yaml, with: { n: 1 } }\n";
const PART: &str = "motet: 1\ninputs: { n: integer }\nsteps:\n  a: { uses: data/transform, with: { value: \"{{ inputs.n }}\" } }\n";

#[test]
fn used_files_are_read_once_by_their_path_in_the_project() {
    let part = PART.replace("data/transform, with: { value: \"{{ inputs.n }}\" }", "../other.yaml");
    let other = "motet: 1\nsteps: { x: { uses: flow/sleep, with: { duration: 1s } } }";
    let bundle = load(
        "films/film.yaml",
        &[("films/film.yaml", MAIN), ("films/parts/part.yaml", &part), ("films/other.yaml", other)],
    );
    let paths: Vec<_> = bundle.files.keys().map(String::as_str).collect();
    assert_eq!(paths, ["films/film.yaml", "films/other.yaml", "films/parts/part.yaml"]);
    assert_eq!(bundle.main, "films/film.yaml");
}

#[test]
fn a_bundle_survives_storage() {
    let bundle = load("film.yaml", &[("film.yaml", MAIN), ("parts/part.yaml", PART)]);
    let stored = serde_json::to_string(&bundle).unwrap();
    assert_eq!(serde_json::from_str::<Bundle>(&stored).unwrap(), bundle);
}

#[test]
fn comments_layout_and_json_do_not_change_the_version() {
    let version = digest("film.yaml", &[("film.yaml", MAIN), ("parts/part.yaml", PART)]);
    let commented = "# A film.\nsteps:\n    part:\n        with: {n: 1}   # one\n        uses: \"./parts/part.yaml\"\n\nmotet: 1\n";
    assert_eq!(digest("film.yaml", &[("film.yaml", commented), ("parts/part.yaml", PART)]), version);
    let json = r#"{"motet":1,"steps":{"part":{"uses":"./parts/part.yaml","with":{"n":1}}}}"#;
    assert_eq!(digest("film.json", &[("film.json", json), ("parts/part.yaml", PART)]), version);
}

#[test]
fn the_folder_that_a_check_is_started_in_does_not_change_the_version() {
    let version = digest("film.yaml", &[("film.yaml", MAIN), ("parts/part.yaml", PART)]);
    assert_eq!(digest("a/b/film.yaml", &[("a/b/film.yaml", MAIN), ("a/b/parts/part.yaml", PART)]), version);
}

#[test]
fn every_word_of_every_file_changes_the_version() {
    let version = digest("film.yaml", &[("film.yaml", MAIN), ("parts/part.yaml", PART)]);
    for (main, part) in [
        (MAIN.replace("n: 1", "n: 2"), PART.to_owned()),
        (MAIN.to_owned(), PART.replace("inputs.n", "inputs.n + 1")),
        (MAIN.replace("part:", "piece:"), PART.to_owned()),
    ] {
        assert_ne!(digest("film.yaml", &[("film.yaml", &main), ("parts/part.yaml", &part)]), version);
    }
}

#[test]
fn the_version_is_the_same_in_every_process() {
    let version = digest("film.yaml", &[("film.yaml", MAIN), ("parts/part.yaml", PART)]);
    assert_eq!(
        version.to_string(),
        "sha256:05f9c935cefd690818575024800efe86b5e4e5e95e85022192aa01eaf188463b"
    );
}
