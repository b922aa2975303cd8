//! Steps, as they are written.

use super::super::node::{At, Entry, Kind, Node};
use super::super::place::{Findings, Place};
use super::super::words;
use super::super::written::Written;
use super::super::yaml::is_file;
use super::super::{Body, Step, Timeout};
use super::fields::Fields;
use super::{each, output, policy, value};
use crate::diagnostic::Code;

/// Reads the steps of a file or group. None at all is reported.
pub fn read_all(node: &Node, findings: &mut Findings) -> Vec<Step> {
    let Some(entries) = value::entries(node, "`steps`", findings) else { return Vec::new() };
    if entries.is_empty() {
        findings.error(node.place, Code::MissingKey, "there are no steps");
    }
    entries.iter().map(|entry| read(entry, findings)).collect()
}

fn read(entry: &Entry, findings: &mut Findings) -> Step {
    let name = entry.key.clone();
    value::check_identifier(&name, "a step", findings);
    let unreadable = Step::plain(name);
    let Some(mut fields) = Fields::read(&entry.value, "a step", words::STEP, findings) else {
        return unreadable;
    };
    refuse_misplaced(&mut fields, findings);
    Step {
        description: fields.get("description").and_then(|node| value::text(node, "`description`", findings)),
        labels: fields.get("labels").map(|node| value::labels(node, findings)).unwrap_or_default(),
        optional: fields.get("optional").and_then(|node| value::boolean(node, "`optional`", findings))
            == Some(true),
        always: fields.get("always").and_then(|node| read_always(node, findings)),
        undo: fields.entry("undo").and_then(|entry| read_undo(entry, findings)),
        on_unknown: fields.get("on_unknown").and_then(|node| policy::read_on_unknown(node, findings)),
        cache: fields.get("cache").and_then(|node| Some((policy::read_cache(node, findings)?, node.place))),
        condition: fields.get("if").and_then(|node| policy::read_condition(node, "`if`", findings)),
        needs: fields.get("needs").map(|node| read_needs(node, findings)).unwrap_or_default(),
        each: fields.get("each").map(|list| each::read(list, &fields, findings)),
        checks: fields.get("check").map(|node| policy::read_checks(node, findings)).unwrap_or_default(),
        timeout: fields.get("timeout").map(|node| read_timeout(node, &fields, findings)).unwrap_or_default(),
        fit: fields.get("fit").and_then(|node| read_fit(node, findings)),
        body: read_body(entry, &fields, findings),
        ..unreadable
    }
}

/// Whether the step is a group or another file, whose inner steps have policies of their own.
fn holds_steps(fields: &Fields) -> bool {
    let uses = fields.get("uses").and_then(Node::scalar);
    fields.get("steps").is_some() || uses.is_some_and(|scalar| is_file(&scalar.text))
}

fn refuse_misplaced(fields: &mut Fields, findings: &mut Findings) {
    if fields.get("each").is_none() {
        let help = "give the list to fan out over: `each: \"{{ inputs.… }}\"`";
        fields.refuse(words::WITH_EACH, "the step has no `each`", help, findings);
    }
    if fields.get("always").is_some() {
        let help = "let another step that always runs do it";
        fields.refuse(&["undo"], "what always runs is never undone", help, findings);
    }
    if fields.get("fit").is_some() {
        let help = "convert what it is given in a step of its own";
        fields.refuse(&["undo"], "the step has `fit: auto`", help, findings);
    }
    if fields.get("steps").is_some() {
        let help = "write it at a step inside the group";
        fields.refuse(
            &["with", "retry", "pool", "fallback", "on_unknown", "cache", "fit", "undo"],
            "the step is a group",
            help,
            findings,
        );
        return;
    }
    let help = "the outputs of an operation are those of its contract";
    fields.refuse(&["outputs"], "only a step with inner `steps` can have `outputs`", help, findings);
    if holds_steps(fields) {
        let help = "write it at a step of the file that is used";
        fields.refuse(
            &["retry", "pool", "fallback", "on_unknown", "cache", "fit", "undo"],
            "the step is another pipeline",
            help,
            findings,
        );
    }
}

fn read_timeout(node: &Node, fields: &Fields, findings: &mut Findings) -> Timeout {
    let timeout = policy::read_timeout(node, findings);
    if !holds_steps(fields) {
        return timeout;
    }
    for key in ["connect", "request", "queue", "job"] {
        if let Some(entry) = node.entries().unwrap_or_default().iter().find(|entry| entry.key.value == key) {
            findings
                .error(
                    entry.key.place,
                    Code::MisplacedKey,
                    format!("`{key}` can't be used for a step with inner steps"),
                )
                .help("write `total` here, or the others at the inner steps");
        }
    }
    let bare = node.scalar().and(timeout.job);
    Timeout { total: timeout.total.or(bare), ..Timeout::default() }
}

/// Where it is written, if the step always runs.
fn read_always(node: &Node, findings: &mut Findings) -> Option<Place> {
    value::boolean(node, "`always`", findings).filter(|always| *always).map(|_| node.place)
}

/// What undoes a step: a step of its own that uses an operation.
fn read_undo(entry: &Entry, findings: &mut Findings) -> Option<Box<Step>> {
    let fields = Fields::read(&entry.value, "an undo", words::UNDO, findings)?;
    let Some(uses) = fields.get("uses") else {
        findings
            .error(fields.first_key, Code::MissingKey, "the undo doesn't say what it does")
            .help("add `uses: <operation>`");
        return None;
    };
    let timeout = fields.get("timeout").map(|node| policy::read_target_timeout(node, findings));
    Some(Box::new(Step {
        timeout: timeout.unwrap_or_default(),
        body: read_uses(uses, &fields, findings),
        ..Step::plain(entry.key.clone())
    }))
}

/// Where it is written.
fn read_fit(node: &Node, findings: &mut Findings) -> Option<Place> {
    value::word(node, "`fit`", words::FIT, findings).map(|_| node.place)
}

fn read_needs(node: &Node, findings: &mut Findings) -> Vec<At<String>> {
    let nodes = match &node.kind {
        Kind::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let read = |node: &Node| {
        let name = value::text(node, "`needs`", findings)?;
        Some(At { value: name, place: node.place })
    };
    nodes.into_iter().filter_map(read).collect()
}

fn read_body(entry: &Entry, fields: &Fields, findings: &mut Findings) -> Body {
    match (fields.entry("uses"), fields.get("steps")) {
        (Some(uses), Some(_)) => {
            findings
                .error(uses.key.place, Code::MisplacedKey, "a step has either `uses` or `steps`, not both")
                .help("put the operation into the group as a step of its own");
            Body::Unreadable
        }
        (Some(uses), None) => read_uses(&uses.value, fields, findings),
        (None, Some(steps)) => Body::Group {
            steps: read_all(steps, findings),
            outputs: fields.get("outputs").map(|node| output::read_all(node, findings)).unwrap_or_default(),
        },
        (None, None) => {
            if !is_of_later_version(entry) {
                let message = format!("the step `{}` doesn't say what it does", entry.key.value);
                findings
                    .error(entry.key.place, Code::MissingKey, message)
                    .help("add `uses: <operation>`, or `steps:` to make it a group");
            }
            Body::Unreadable
        }
    }
}

/// Whether a key that was reported says what the step does.
fn is_of_later_version(entry: &Entry) -> bool {
    entry.value.get("route").is_some()
}

fn read_uses(node: &Node, fields: &Fields, findings: &mut Findings) -> Body {
    let with = fields.get("with").map_or(Some(Vec::new()), |node| read_with(node, findings));
    let (Some(uses), Some(with)) = (value::text(node, "`uses`", findings), with) else {
        return Body::Unreadable;
    };
    Body::Uses {
        uses: At { value: uses, place: node.place },
        with,
        retry: fields.get("retry").map(|node| policy::read_retry(node, findings)),
        pool: fields.get("pool").and_then(|node| policy::read_pool(node, findings)),
        fallback: fields
            .get("fallback")
            .map(|node| policy::read_fallbacks(node, findings))
            .unwrap_or_default(),
    }
}

/// Reads the inputs of an operation.
pub fn read_with(node: &Node, findings: &mut Findings) -> Option<Vec<(At<String>, Written)>> {
    let entries = value::entries(node, "`with`", findings)?;
    Some(entries.iter().map(|entry| (entry.key.clone(), Written::read(&entry.value, findings))).collect())
}
