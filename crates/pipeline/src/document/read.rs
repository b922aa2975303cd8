//! From the tree of a file to the document that it says.

mod each;
mod fields;
mod input;
mod limits;
mod output;
mod policy;
pub(crate) mod schema;
mod step;
pub(crate) mod value;

use fields::Fields;

use super::node::{Kind, Node};
use super::place::Findings;
use super::{Document, words};
use crate::diagnostic::Code;
use crate::plan::OnFailure;

/// Reads the document in `root`. What is wrong is reported and left out.
pub fn read(root: &Node, findings: &mut Findings) -> Option<Document> {
    if !matches!(root.kind, Kind::Map(_)) {
        findings
            .error(root.place, Code::Syntax, format!("a pipeline is a map, and this is {}", root.kind_word()))
            .help("begin with `motet: 1`, then `steps:`");
        return None;
    }
    let fields = Fields::read(root, "a pipeline", words::PIPELINE, findings)?;
    read_version(&fields, findings);
    let name = fields.get("name").and_then(|node| value::name(node, "a pipeline's name", findings));
    let mut document = Document {
        name: name.unwrap_or_else(|| file_stem(findings.sources.name(root.place.file))),
        description: fields.get("description").and_then(|node| value::text(node, "`description`", findings)),
        inputs: fields.get("inputs").map(|node| input::read_all(node, findings)).unwrap_or_default(),
        unused_inputs: Vec::new(),
        timeout: fields.get("timeout").and_then(|node| value::duration(node, findings)),
        budget: fields.get("budget").and_then(|node| value::money(node, findings)),
        allow_unpriced: fields
            .get("allow_unpriced")
            .and_then(|node| value::boolean(node, "`allow_unpriced`", findings))
            .unwrap_or_default(),
        on_failure: fields.get("on_failure").map_or(OnFailure::Fail, |node| read_on_failure(node, findings)),
        labels: fields.get("labels").map(|node| value::labels(node, findings)).unwrap_or_default(),
        steps: fields.get("steps").map(|node| step::read_all(node, findings)).unwrap_or_default(),
        outputs: fields.get("outputs").map(|node| output::read_all(node, findings)).unwrap_or_default(),
    };
    if fields.get("steps").is_none() {
        findings
            .error(fields.first_key, Code::MissingKey, "the pipeline has no `steps`")
            .help("add a map of steps: `steps: { hello: { uses: …, with: … } }`");
    }
    if let Some(inputs) = fields.get("inputs") {
        document.unused_inputs = input::unused(inputs, &document);
    }
    Some(document)
}

fn read_version(fields: &Fields, findings: &mut Findings) {
    let Some(node) = fields.get("motet") else {
        findings
            .error(fields.first_key, Code::Version, "the version key is missing")
            .help("write `motet: 1` as the first line");
        return;
    };
    let Some(scalar) = node.scalar() else {
        findings.error(node.place, Code::Version, "the version must be 1").help("write `motet: 1`");
        return;
    };
    match scalar.text.trim() {
        "1" if scalar.plain => {}
        text if text.parse::<u32>().is_ok_and(|version| version > 1) => {
            findings
                .error(
                    node.place,
                    Code::Version,
                    format!("the pipeline is written for a newer version ({text})"),
                )
                .note("this program reads version 1")
                .help("update motet, or write `motet: 1` if the file uses nothing newer");
        }
        _ => {
            findings.error(node.place, Code::Version, "the version must be 1").help("write `motet: 1`");
        }
    }
}

fn read_on_failure(node: &Node, findings: &mut Findings) -> OnFailure {
    match value::word(node, "`on_failure`", words::ON_FAILURE, findings) {
        Some("finish") => OnFailure::Finish,
        Some("undo") => OnFailure::Undo,
        _ => OnFailure::Fail,
    }
}

/// The pipeline's name if it isn't given: that of the file without folder and ending, with `-` for what
/// a name can't have.
fn file_stem(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let name: String = stem.chars().map(|c| if value::fits_name(c) { c } else { '-' }).collect();
    match name.trim_matches('-') {
        "" => "pipeline".to_owned(),
        name => name.to_owned(),
    }
}
