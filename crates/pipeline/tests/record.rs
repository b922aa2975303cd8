//! The record of `motet check --json`: a documented format that programs read.

use motet_pipeline::Bundle;
use motet_pipeline::check::check;
use motet_pipeline::contract::Catalogue;

#[test]
fn a_finding_is_a_record_with_stable_names() {
    let text =
        "motet: 1\nsteps:\n  a: { uses: data/transfrom, with: { value: 1 } }\n  b: { uses: flow/sleep }\n";
    let checked = check(&Bundle::of_text("film.yaml", text), &Catalogue::default());
    insta::assert_json_snapshot!(checked.diagnostics);
}

#[test]
fn columns_count_characters() {
    let text = "motet: 1\nsteps:\n  a: { description: \"späte Töne 🎵\", usess: flow/sleep, with: { duration: 1s } }\n";
    let checked = check(&Bundle::of_text("film.yaml", text), &Catalogue::default());
    let finding = &checked.diagnostics[0];
    assert_eq!((finding.line, finding.column, finding.end_column), (3, 37, 42));
}
