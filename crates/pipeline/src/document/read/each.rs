//! Fan-out, as it is written.

use super::super::node::{At, Kind, Node};
use super::super::place::Findings;
use super::super::written::{Shape, Written};
use super::super::{Each, words};
use super::fields::Fields;
use super::value;
use crate::Value;
use crate::diagnostic::Code;
use crate::plan::Quorum;

/// Reads `each` and the keys beside it.
pub fn read(list: &Node, fields: &Fields, findings: &mut Findings) -> Each {
    let max_parallel = fields.get("max_parallel");
    let max_parallel =
        max_parallel.and_then(|node| value::integer(node, "`max_parallel`", 1, 1_000_000, findings));
    Each {
        list: read_list(list, findings),
        item_name: fields
            .get("as")
            .and_then(|node| read_name(node, findings))
            .unwrap_or_else(|| "item".to_owned()),
        key: fields.get("key").map(|node| Written::read(node, findings)),
        max_parallel: max_parallel.and_then(|count| usize::try_from(count).ok()),
        quorum: fields.get("quorum").map_or(Quorum::All, |node| read_quorum(node, findings)),
        early: fields.get("early").and_then(|node| value::boolean(node, "`early`", findings)) == Some(true),
    }
}

fn read_list(node: &Node, findings: &mut Findings) -> Written {
    let written = Written::read(node, findings);
    let is_list = |value: &Value| value.as_list().is_some();
    if matches!(node.kind, Kind::Scalar(_) | Kind::Map(_))
        && written.literal().is_some_and(|value| !is_list(&value))
    {
        findings
            .error(
                node.place,
                Code::BadValue,
                format!("`each` must be a list, and this is {}", node.kind_word()),
            )
            .help("write a list, or an expression that gives one: \"{{ inputs.… }}\"");
        return Written { place: node.place, shape: Shape::Broken };
    }
    written
}

fn read_name(node: &Node, findings: &mut Findings) -> Option<String> {
    let written =
        node.scalar().filter(|scalar| scalar.plain && words::JINJA_WORDS.contains(&scalar.text.as_str()));
    let text = match written {
        Some(scalar) => scalar.text.clone(),
        None => value::text(node, "`as`", findings)?,
    };
    let name = At { value: text, place: node.place };
    if words::RESERVED_NAMES.contains(&name.value.as_str())
        || words::JINJA_WORDS.contains(&name.value.as_str())
    {
        findings
            .error(name.place, Code::BadName, format!("an item can't be called `{}`", name.value))
            .note("the name has a meaning of its own in expressions");
        return None;
    }
    value::check_identifier(&name, "an item", findings);
    Some(name.value)
}

fn read_quorum(node: &Node, findings: &mut Findings) -> Quorum {
    let quorum = match &node.kind {
        Kind::Unreadable => Some(Quorum::All),
        Kind::Scalar(scalar) if scalar.resolve().is_ok() => quorum(&scalar.text),
        _ => None,
    };
    quorum.unwrap_or_else(|| {
        findings
            .error(node.place, Code::BadValue, "`quorum` says how many items must succeed")
            .help("write all, any, a whole number from 1, or a percentage such as 80%");
        Quorum::All
    })
}

fn quorum(text: &str) -> Option<Quorum> {
    if text.starts_with('+') {
        return None;
    }
    match text {
        "all" => Some(Quorum::All),
        "any" => Some(Quorum::Any),
        _ => match text.strip_suffix('%') {
            Some(percent) => {
                percent.trim().parse().ok().filter(|percent| (1..=100).contains(percent)).map(Quorum::Percent)
            }
            None => text.parse().ok().filter(|count| *count > 0).map(Quorum::Count),
        },
    }
}
